// Codes (档号) through HTTP: a rule chosen after a preview, the next number on the form, gaps and repeats listed, a fonds renumbered in bulk, found by its old codes, taken
// back, and an archive rebuilt from store and journal the same after all of it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { assertClean, dump, emptyArchive, hits, query, take } from './archive.mjs';
import { Client, lantai, PASSWORD, serve, temporary, writeDelivery } from './support.mjs';
import { csv, write } from './make.mjs';

let dir, server, archivist, reader, fonds, node;
const rows = [['Z109-WS·2011-Y-BGS-0001', '关于防汛的通知'], ['Z109-WS·2011-Y-BGS-0002', '关于抗旱的通知'], ['Z109-WS·2011-Y-BGS-0005', '关于水库的批复'], ['Z109-WS·2011-Y-BGS-005', '关于河道的批复'],
  ['水利-17', '关于堤防的报告']];

before(async () => {
  dir = await emptyArchive();
  const folder = temporary(), table = [['档号', '题名', '年度', '日期', '保管期限', '机构', '开放状态', '密级'], ...rows.map(([code, title]) => [code, title, '2011', '20110203', '永久', 'BGS', '开放', '公开'])];
  await take(dir, write(path.join(folder, 'table.csv'), csv(table)), '--fonds', 'Z109', '--category', 'WS');
  for (const [name, role] of [['archivist', 'archivist'], ['reader', 'reader']])
    assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密')).status, 0);
  server = await serve(dir);
  [archivist, reader] = await Promise.all(['archivist', 'reader'].map(name => new Client(server.base).signIn(name)));
  [fonds, node] = await query(dir, "SELECT id FROM record WHERE level <= 2 ORDER BY level");
});
after(async () => { await server?.stop(); });

const get = async (client, target) => {
  const page = await client.get(target, { html: true }), reply = await client.get(target);
  assert.equal(page.status, 200, `${target}: ${page.text.slice(0, 300)}`);
  return reply.json;
};
async function finished(place) {
  for (let i = 0; i < 200; i++) {
    const { json } = await archivist.get(place);
    if (!json.active) return json;
    await new Promise(next => setTimeout(next, 50));
  }
  throw new Error('the renumbering did not end');
}

// How many of each kind the pages of codes list, and how many the page of quality finds against the rule.
async function listed() {
  const counts = {};
  for (const show of ['gaps', 'repeats', 'widths', 'strays']) counts[show] = (await get(archivist, `/codes/${fonds.id}/1?show=${show}`)).rows.length;
  await archivist.post('/quality', { form: { full: 1 } });
  let page;
  do page = (await archivist.get('/quality')).json; while (page.running || !page.kinds);
  return { ...counts, code: page.kinds.find(kind => kind.key === 'code').count };
}

test('the codes of each fonds and category: gaps, repeats, widths, strays', async () => {
  const [row] = (await get(archivist, '/codes')).rows;
  assert.deepEqual([row.rule, row.chosen, row.count, row.follows, row.missing, row.repeats, row.mixed], ['dat22-2015-piece', false, 5, 3, 2, 2, 1]);
  const place = `/codes/${fonds.id}/1`;
  const [gap] = (await get(archivist, `${place}?show=gaps`)).rows;
  assert.deepEqual([gap.prefix, gap.from, gap.to, gap.count], ['Z109-WS·2011-Y-BGS-', '0003', '0004', 2]);
  assert.deepEqual((await get(archivist, `${place}?show=repeats`)).rows.map(each => each.code), ['Z109-WS·2011-Y-BGS-0005', 'Z109-WS·2011-Y-BGS-005']);
  assert.deepEqual((await get(archivist, `${place}?show=widths`)).rows.map(each => each.widths), ['3、4']);
  const [stray] = (await get(archivist, `${place}?show=strays`)).rows;
  assert.match(`${stray.code} ${stray.why}`, /^水利-17 .*全宗号Z109/);
  assert.equal((await get(reader, '/codes')).partial, true);
  assert.equal((await reader.get(`${place}/rule`)).status, 403);
});

test('the next number on the form, and a warning for a code that breaks the rule', async () => {
  const fields = { parent: node.id, form: 1, level: 'item', title: '新的通知', year: 2011, retention: '永久', key: 'jgwt', value: 'BGS' };
  const draft = await archivist.post('/record/new', { form: { ...fields, number: 1 } });
  assert.equal(draft.status, 200);
  assert.equal(draft.json.inputs.find(input => input.name === 'code').value, 'Z109-WS·2011-Y-BGS-0006');
  assert.equal((await archivist.post('/record/new', { form: { ...fields, retention: '', number: 1 } })).status, 422);
  const [stray] = await query(dir, "SELECT id FROM record WHERE code = '水利-17'");
  assert.match((await get(archivist, `/record/${stray.id}/edit`)).inputs[0].warning, /应为全宗号Z109/);
});

const inputs = model => Object.fromEntries(model.inputs.map(each => [each.name, each]));

test('a class scheme by form in an empty fonds, a volume numbered by the rule that was chosen for it, and items that take after it', async () => {
  const place = (await archivist.post('/record/new', { form: { form: 1, code: 'N031', title: '临江市物资局', creator: '临江市物资局', date: '1956-1998' } })).json.location, own = Number(/\d+/.exec(place)[0]);
  const identity = (await get(archivist, place)).groups[0].rows.map(each => [each.label, each.value, each.note]);
  assert.deepEqual(identity.map(each => each[0]), ['全宗号', '全宗名称', '立档单位', '起止日期'], 'a fonds in its own words, without a year');
  assert.match((await archivist.post('/record/new', { form: { form: 1, code: 'N032' } })).json.problem ?? '', /缺少全宗名称/);
  const level = await get(archivist, `/record/new?parent=${own}&category=WS&level=class`);
  assert.deepEqual([level.inputs.map(each => each.label), level.inputs[0].value, level.own_inputs], [['类别号', '类别名称'], 'N031-WS-', []]);
  const made = async fields => Number(/\d+/.exec((await archivist.post('/record/new', { form: { form: 1, category: 'WS', ...fields } })).json.location)[0]);
  const first = await made({ parent: own, level: 'class', code: 'N031-WS-1', title: '党群工作' }), second = await made({ parent: first, level: 'class', code: 'N031-WS-1-1', title: '组织' });
  const third = await made({ parent: second, level: 'class', code: 'N031-WS-1-1-1', title: '干部任免' }), shown = await get(archivist, `/record/${third}`);
  assert.deepEqual(shown.path.map(step => step.code), ['N031', 'N031-WS', 'N031-WS-1', 'N031-WS-1-1']);
  assert.ok(!JSON.stringify(shown.groups).includes('档号组成'), 'a class has no number of its own');

  const before = await get(archivist, `/record/new?parent=${third}&level=volume`);
  assert.deepEqual([inputs(before).code.value, inputs(before).code.by_rule, inputs(before).code.rule_page], ['N031-WS-1-1-1-', false, `/codes/${own}/1/rule`]);
  assert.equal((await archivist.post(`/codes/${own}/1/rule`, { form: { rule: 'dat13-1994-volume', volume_width: 3, item_width: 3 } })).status, 200);
  const after = await get(archivist, `/record/new?parent=${third}`);
  assert.deepEqual([after.level, inputs(after).code.value, inputs(after).code.required, inputs(after).title.focus], ['volume', 'N031-001-001', undefined, true], 'the rule counts volumes');
  const volume = await made({ parent: third, level: 'volume', title: '干部任免', year: 1957, retention: '永久', security: 'secret', opening: 'controlled' });
  assert.equal((await get(archivist, `/record/${volume}`)).record.code, 'N031-001-001', 'numbered when it was saved');
  const item = inputs(await get(archivist, `/record/new?parent=${volume}`));
  assert.deepEqual([item.code.value, item.year.value, item.retention.value, item.security.value, item.opening.value], ['N031-001-001-001', '1957', '永久', '秘密', '控制']);
  assert.equal((await archivist.post('/record/new', { form: { form: 1, parent: third, category: 'WS', title: '散件' } })).status, 422, 'outside of a volume the rule has no number');

  assert.equal((await archivist.post(`/codes/${own}/1/rule`, { form: { rule: 'dat13-1994-page', volume_width: 3, item_width: 3 } })).status, 200);
  for (const [page, pages] of [['001', 5], ['004', 2], ['010', '']]) await made({ parent: volume, level: 'item', code: `N031-001-001-${page}`, title: `第 ${page} 页起`, page_count: pages });
  const numbers = await get(archivist, `/codes/${own}/1`), [gap] = (await get(archivist, `/codes/${own}/1?show=gaps`)).rows;
  assert.deepEqual([numbers.group.missing, numbers.group.repeats, gap.from, gap.to, gap.count], [4, 2, '006', '009', 4], 'page numbers go on behind the pages of the one before');
  assert.deepEqual((await get(archivist, `/codes/${own}/1?show=repeats`)).rows.map(row => row.why), ['N031-001-001- 的第 1–5 页，页号相叠', 'N031-001-001- 的第 4–5 页，页号相叠']);
  assert.equal(inputs(await get(archivist, `/record/new?parent=${volume}`)).code.value, 'N031-001-001-011');
  const { rules } = await get(archivist, `/codes/${own}/1/rule`), fixed = rules.find(each => each.key === 'fixed-volume').preview.map(row => row.after);
  assert.deepEqual(fixed.slice(0, 2), ['N03119570010001', 'N031195700100010001'], 'an item is shown in the new code of its volume');
});

test('a marriage without title and date has those of its fields, and numbering is not saving', async () => {
  const fields = changed => [['form', 1], ['parent', fonds.id], ['category', 'HY'], ['level', 'item'], ...Object.entries({ nfxm: '欧阳震华', nvxm: '司徒玉兰', hyzt: '结婚', djrq: '1986年5月1日', ...changed }).flatMap(([key, value]) => [['key', key], ['value', value]])];
  const numbered = await archivist.post('/record/new', { form: [...fields({ nvxm: '' }), ['number', 1], ['code', 'Z109-HY-']] });
  assert.ok(numbered.json.own_inputs.every(each => !each.error), 'what is wanted is asked for when it is saved');
  const refused = await archivist.post('/record/new', { form: [...fields({ djrq: '1986年15月' }), ['code', 'Z109-HY-1']] });
  assert.deepEqual([refused.status, inputs(refused.json).title.value, inputs(refused.json).date.value], [422, '', ''], 'what was made of the fields is made anew of the corrected ones');
  const reply = await archivist.post('/record/new', { form: [...fields(), ['code', 'Z109-HY-1']] });
  const { record } = await get(archivist, reply.json.location);
  assert.deepEqual([record.title, record.date, record.year], ['欧阳震华与司徒玉兰结婚登记', '1986年5月1日', 1986]);
  const columns = async () => (await get(archivist, `/catalog/${record.parent_id}`)).columns.map(each => each.label).filter(label => /日期/.test(label));
  assert.deepEqual(await columns(), ['登记日期'], '日期 says nothing that is not there already');
  assert.equal((await archivist.post('/record/new', { form: [...fields(), ['code', 'Z109-HY-2'], ['date', '1987']] })).status, 200);
  assert.deepEqual(await columns(), ['登记日期', '日期']);
});

test('a rule chosen with its preview, then a node renumbered: old codes found, history told, taken back', async () => {
  const planted = await listed();
  assert.ok(Object.values(planted).every(count => count > 0), JSON.stringify(planted));
  const refused = await archivist.post('/renumber', { form: { node: node.id, mode: 'anew' } });
  assert.equal(refused.status, 422, 'nobody has chosen a rule');
  const { rules } = await get(archivist, `/codes/${fonds.id}/1/rule`), suits = rules.map(each => !each.unfit);
  assert.deepEqual(suits, [...suits].sort((a, b) => b - a), 'rules that suit no record come last');
  assert.ok(rules.some(each => /不在案卷中/.test(each.unfit)), 'it says why');
  assert.match((await archivist.get(`/renumber?fonds=${fonds.id}&category=1`, { html: true })).text, /href="\/codes\/\d+\/1\/rule">先选定规则/, 'the form leads to the rule, not into an error');
  const rule = rules.find(each => each.key === 'dat13-2022-piece');
  for (const each of rules) {
    assert.equal(each.example_elsewhere, !!each.unfit, each.title);
    assert.ok(each.unfit || each.example.startsWith('Z109'), `the example of ${each.title} is a code of the fonds looked at: ${each.example}`);
  }
  assert.equal(rule.preview.find(each => each.before === rows[0][0]).after, 'Z109-WS·2011·Y·BGS-0001');
  assert.equal((await archivist.post(`/codes/${fonds.id}/1/rule`, { form: { rule: rule.key, item_width: 3 } })).status, 200);
  const earlier = await dump(dir);
  const { location } = (await archivist.post('/renumber', { form: { node: node.id, mode: 'anew' } })).json;
  const plan = await get(archivist, location);
  assert.deepEqual([plan.plan.total, plan.plan.unchanged, plan.plan.refused, plan.may_start], [5, 0, 0, true]);
  assert.deepEqual(plan.rows.map(row => row.code_after), [1, 2, 3, 4, 5].map(n => `Z109-WS·2011·Y·BGS-00${n}`));
  assert.equal((await reader.post(`${location}/start`, { form: {} })).status, 403);
  const faults = await listed(); // by the rule that was chosen all are strays
  assert.equal((await archivist.post(`${location}/start`, { form: {} })).status, 200);
  assert.equal((await finished(location)).plan.state, 'done');
  assert.deepEqual(await listed(), { gaps: 0, repeats: 0, widths: 0, strays: 0, code: 0 }, 'renumbering mends every kind of fault of codes');
  const [record] = await query(dir, "SELECT id FROM record WHERE title = '关于堤防的报告'");
  const found = await archivist.get(`/record?code=${encodeURIComponent('水利-17')}`);
  assert.deepEqual(found.json.rows.map(row => row.id), [record.id]);
  assert.equal((await archivist.get('/record?code=nothing', { html: true })).status, 404);
  const hit = async words => (await get(archivist, `/search?q=${encodeURIComponent(words)}`)).items[0];
  for (const words of ['水利-17', '原档号:水利-17']) assert.equal((await hit(words)).former_marked.map(each => each.t).join(''), '水利-17', 'a hit by the code it had says so');
  assert.match((await archivist.get(`/search?q=${encodeURIComponent('水利-17')}`, { html: true })).text, /原档号 <span class="code"><mark>水利-17<\/mark>/);
  const [offer] = (await get(archivist, `/search?q=${encodeURIComponent('档号:水利-17')}`)).offers;
  assert.deepEqual([offer.what, offer.count], ['原档号:水利-17', 1], 'asked among the codes of today, it is offered');
  assert.equal((await hit('关于堤防的报告')).former_marked, undefined, 'one by anything else does not');
  const page = await get(archivist, `/record/${record.id}?tab=history`);
  assert.deepEqual(page.former_codes, ['水利-17']);
  assert.equal(page.renumberings[0].before, '水利-17');
  assert.equal((await archivist.post(`${location}/start`, { form: {} })).status, 409, 'once');
  await rebuilt('renumbered');
  assert.equal((await archivist.post(`${location}/undo`, { form: {} })).status, 200);
  assert.equal((await finished(location)).plan.state, 'undone');
  assert.deepEqual(await dump(dir), earlier);
  assert.deepEqual(await listed(), faults, 'and what was is back');
  await rebuilt('taken back');
});

async function rebuilt(message) {
  const copy = path.join(temporary(), 'rebuilt'), result = await lantai(dir, 'rebuild', copy, '--json');
  assert.equal(result.status, 0, result.stderr);
  assert.equal(result.json.equal, true, message);
  const formers = place => query(place, 'SELECT record_id, code FROM record_code_former ORDER BY record_id, code');
  const choices = place => query(place, 'SELECT * FROM code_choice');
  assert.deepEqual([await formers(copy), await choices(copy)], [await formers(dir), await choices(dir)], message);
  await assertClean(copy, message);
}

test('rows that came without codes are numbered by rule, over their delivery', async () => {
  const folder = temporary(), table = [['顺序', '题名', '年度', '日期', '保管期限', '机构'], ...[1, 2, 3].map(n => [`临时-${n}`, `无号的通知${n}`, '2013', '20130203', '30年', 'BGS'])];
  await server.stop();
  await take(dir, write(path.join(folder, 'bare.csv'), csv(table)), '--fonds', 'Z109', '--category', 'WS');
  server = await serve(dir);
  archivist = await new Client(server.base).signIn('archivist');
  const [{ id }] = await query(dir, 'SELECT MAX(id) AS id FROM accession');
  assert.match((await archivist.get(`/delivery/${id}`, { html: true })).text, new RegExp(`/renumber\\?delivery=${id}"`));
  const { location } = (await archivist.post('/renumber', { form: { delivery: id, mode: 'anew' } })).json;
  assert.equal((await get(archivist, location)).plan.total, 3);
  assert.equal((await archivist.post(`${location}/start`, { form: {} })).status, 200);
  assert.equal((await finished(location)).plan.state, 'done');
  assert.deepEqual((await query(dir, "SELECT code FROM record WHERE title LIKE '无号的通知%' ORDER BY code")).map(row => row.code), [1, 2, 3].map(n => `Z109-WS·2013·D30·BGS-00${n}`));
  await rebuilt('numbered');
});

test('records with documents: the object says the new code too', async () => {
  const folder = temporary(), { table, files } = writeDelivery(folder, { count: 4, documents: 4 });
  await server.stop();
  await take(dir, table, '--files', files);
  server = await serve(dir);
  archivist = await new Client(server.base).signIn('archivist');
  const [kept] = await query(dir, 'SELECT r.id, r.code, r.fonds_id, r.category FROM record AS r JOIN file AS f ON f.record_id = r.id LIMIT 1');
  assert.equal((await archivist.post(`/codes/${kept.fonds_id}/${kept.category}/rule`, { form: { rule: 'dat22-2015-piece', item_width: 7 } })).status, 200);
  const asked = await archivist.post('/renumber', { form: { fonds: kept.fonds_id, category: kept.category, mode: 'anew' } });
  assert.equal(asked.status, 200, asked.text);
  assert.match((await get(archivist, asked.json.location)).plan.title, /文书档案$/, 'it says what is renumbered');
  await archivist.post(`${asked.json.location}/start`, { form: {} });
  const ended = await finished(asked.json.location);
  assert.equal(ended.plan.state, 'done', JSON.stringify(ended.problem));
  const [now] = await query(dir, `SELECT code FROM record WHERE id = ${kept.id}`);
  assert.notEqual(now.code, kept.code);
  await server.stop();
  assert.equal(await hits(dir, kept.code), 1);
  await assertClean(dir);
  await rebuilt('with documents');
  server = await serve(dir);
});
