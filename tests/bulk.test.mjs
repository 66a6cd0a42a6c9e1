// Bulk work that goes beyond a page: a kind of fault in more than ten thousand records put right as one revision and taken back, and what stands under a field's former key
// moved to its new one; both as a clerk does it over HTTP.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { emptyArchive, query, take } from './archive.mjs';
import { Client, lantai, PASSWORD, serve, temporary, writeDelivery } from './support.mjs';
import { csv, write } from './make.mjs';

const ROWS = 10_300;
// What a machine can put right, as deliveries bring it: once in J001 and twice in J002. kind, column of record, what stands there, what should.
const PLANTED = [
  ['WS', ['题名', '日期', '年度', '保管期限'], ['年度录错的通知', '1958-03-01', '1985', '永久']],
  ['WS', ['题名', '文号', '日期', '保管期限'], ['文号全角的通知', '临政〔１９５８〕５号', '1958-03-01', '永久']],
  ['HY', ['题名', '男方姓名', '女方姓名', '登记日期', '保管期限'], ['姓名有空格的登记', '', '王 秀兰', '1979-02-03', '永久']],
];
const MENDED = [
  ['date-year', '年度录错', 'year', 1985, 1958], ['date-width', '文号全角', 'docno', '临政〔１９５８〕５号', '临政〔1958〕5号'],
  ['name-spaces', '姓名有空格', "json_extract(fields, '$.nvxm')", '王 秀兰', '王秀兰'], ['spaces', '关于', 'title', '关于 防汛 的通知', '关于防汛的通知'],
];
// What a person puts right by a field: kind, category, columns and the two rows that are wrong, where it stands in record, the field and what is put there.
const TOLD = [
  ['title', 'WS', ['题名', '文号', '日期', '保管期限'], [['无题', '甲〔1958〕1号', '1958-03-01', '永久'], ['待定', '甲〔1958〕2号', '1958-03-01', '永久']], 'title', 'title', '关于架桥的通知'],
  ['characters', 'WS', ['题名', '责任者', '日期', '保管期限'], [['渡口的报告', '临江市\ue000局', '1958-03-02', '永久'], ['渡船的报告', '临江市\ue001局', '1958-03-02', '永久']], 'creator', 'creator', '临江市航运局'],
  ['retention', 'WS', ['题名', '日期'], [['没有期限的通知一', '1958-03-03'], ['没有期限的通知二', '1958-03-03']], '(SELECT text FROM retention_term WHERE id = retention)', 'retention', '30年'],
  ['term', 'WS', ['题名', '日期', '保管期限'], [['期限写错的通知一', '1958-03-03', '永远'], ['期限写错的通知二', '2010-03-03', '长期']], '(SELECT text FROM retention_term WHERE id = retention)', 'retention', '30年'],
  ['date-unread', 'WS', ['题名', '日期', '保管期限'], [['日期不清的通知一', '某年春', '永久'], ['日期不清的通知二', '那一年', '永久']], 'date_text', 'date', '1958-04-01'],
  ['date-reversed', 'WS', ['题名', '日期', '保管期限'], [['日期颠倒的通知一', '1960-03-01至1958-03-01', '永久'], ['日期颠倒的通知二', '1961-03-01至1958-03-01', '永久']], 'date_text', 'date', '1958-03-01/1960-03-01'],
  ['date-future', 'WS', ['题名', '日期', '保管期限'], [['日后的通知一', '2958-03-01', '永久'], ['日后的通知二', '2958-04-01', '永久']], 'date_text', 'date', '1958-03-01'],
  ['date-early', 'WS', ['题名', '日期', '保管期限'], [['过早的通知一', '1931-03-01', '永久'], ['过早的通知二', '1932-03-01', '永久']], 'date_text', 'date', '1981-03-01'],
  ['person', 'HY', ['题名', '女方姓名', '女方证件号', '男方姓名', '登记日期', '保管期限'], [['写作两样一', '周树仁', '330106193001010011', '', '1979-02-03', '永久'],
    ['写作两样二', '周树任', '330106193001010011', '', '1979-02-03', '永久']], "json_extract(fields, '$.nvxm')", 'nvxm', '周树仁'],
  ['value', 'HY', ['题名', '女方姓名', '登记日期', '婚姻状态', '保管期限'], [['类型写错的登记一', '吴一', '1979-02-03', '结了', '永久'], ['类型写错的登记二', '吴二', '1979-02-03', '散了', '永久']], "json_extract(fields, '$.hyzt')", 'hyzt', '结婚'],
  ['required', 'SW', ['题名', '日期', '保管期限'], [['锦旗一', '1958-03-01', '永久'], ['锦旗二', '1958-03-01', '永久']], "json_extract(fields, '$.cz')", 'cz', '丝绸'],
];
let dir, server, archivist, reader;
before(async () => {
  dir = await emptyArchive();
  const folder = temporary(), loose = [['档号', '题名', '日期', '保管期限', '开放状态', '密级']], married = [['档号', '题名', '男方姓名', '女方姓名', '登记日期', '开放状态', '密级']];
  for (let i = 1; i <= ROWS; i++) loose.push([`J001-WS-${i}`, `关于 第${i}号水库 加固的通知`, '1958-03-01', '永久', '开放', '公开']);
  for (let i = 1; i <= 700; i++) married.push([`J001-HY-${i}`, `结婚登记${i}`, `张伟${String.fromCodePoint(0x4E00 + i)}`, '李秀英', '1979-02-03', '开放', '公开']);
  await take(dir, write(path.join(folder, 'loose.csv'), csv(loose)), '--fonds', 'J001', '--category', 'WS');
  await take(dir, write(path.join(folder, 'married.csv'), csv(married)), '--fonds', 'J001', '--category', 'HY');
  for (const [fonds, many] of [['J001', 1], ['J002', 2]]) for (const [category, header, row] of PLANTED) {
    const rows = Array.from({ length: many }, (_, i) => [`${fonds}-${category}-甲${PLANTED.findIndex(each => each[2] === row)}-${i}`, ...row, '开放', '公开']);
    await take(dir, write(path.join(folder, 'planted.csv'), csv([['档号', ...header, '开放状态', '密级'], ...rows])), '--fonds', fonds, '--category', category);
  }
  for (const [kind, category, header, rows] of TOLD)
    await take(dir, write(path.join(folder, 'told.csv'), csv([['档号', ...header, '开放状态', '密级'], ...rows.map((row, i) => [`J003-${category}-${kind}-${i}`, ...row, '开放', '公开'])])),
      '--fonds', 'J003', '--category', category);
  const documents = writeDelivery(folder, { count: 2, documents: 2 });
  await take(dir, documents.table, '--files', documents.files);
  // The same page under two descriptions, as a scanner's operator who presses the button twice leaves it.
  const twice = temporary();
  for (const name of ['J002-001-1.txt', 'J002-001-2.txt']) write(path.join(twice, name), '封面\n同一份文件扫描了两次。');
  await take(dir, write(path.join(folder, 'twice.csv'), csv([['档号', '题名', '日期', '保管期限', '开放状态', '密级', '电子文件名'],
    ...[1, 2].map(n => [`J002-001-${n}`, `扫描两次的文件${n}`, '1958-03-01', '永久', '开放', '公开', `J002-001-${n}.txt`])])), '--files', twice, '--fonds', 'J002', '--category', 'WS');
  for (const [name, role] of [['archivist', 'archivist'], ['reader', 'reader']])
    assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密')).status, 0);
  server = await serve(dir);
  [archivist, reader] = await Promise.all(['archivist', 'reader'].map(name => new Client(server.base).signIn(name)));
});
after(async () => { await server?.stop(); });

async function until(target, holds) {
  for (let i = 0; i < 1200; i++) {
    const { json } = await archivist.get(target);
    if (holds(json)) return json;
    await new Promise(done => setTimeout(done, 50));
  }
  assert.fail(`${target} never became so`);
}
async function post(target, form) {
  const reply = await archivist.post(target, { form });
  assert.equal(reply.status, 200, `${target}: ${reply.text.slice(0, 400)}`);
  return reply.json.location;
}
const count = async where => (await query(dir, `SELECT count(*) AS count FROM record WHERE ${where}`))[0].count;
const reach = (place, state) => until(place, page => page.revision.state === state);

test('all findings of a kind are reached, however many, previewed by pages, made and undone', async () => {
  const never = await archivist.get('/quality', { html: true });
  assert.ok(never.text.includes('还没有检查过') && !never.text.includes('data-row'), 'what was not looked for is not none');
  assert.match((await archivist.get('/quality/spaces', { html: true })).text, /还没有检查过/);
  await post('/quality', { full: 1 });
  await until('/quality', page => page.kinds?.find(kind => kind.key === 'spaces')?.count === ROWS);
  const place = await post('/quality/spaces/fix', { all: 1 }), planned = await reach(place, 'planned');
  assert.equal(planned.revision.total, ROWS);
  assert.equal(await count(`title LIKE '关于 第%'`), ROWS, 'a plan changes nothing');
  const second = (await archivist.get(`${place}?after=${planned.rows.at(-1).place}`)).json;
  assert.equal(second.rows[0].place, planned.rows.at(-1).place + 1);
  assert.match(second.rows[0].changes[0].after, /^关于第\d+号水库加固的通知$/);
  await post(`${place}/start`, {});
  await reach(place, 'done');
  assert.equal(await count(`title LIKE '关于第%' AND code LIKE 'J00%'`), ROWS);
  await post(`${place}/undo`, {});
  await reach(place, 'undone');
  assert.equal(await count(`title LIKE '关于 第%'`), ROWS);
  // A kind that is no machine's to mend: all of it goes to the page of changes in bulk.
  const picked = await post('/quality/spaces/pick', { all: 1 }), page = await archivist.get(picked, { html: true });
  assert.match(page.text, /范围：著录质量：/);
  const form = (await archivist.get(picked)).json, bulk = await post('/revise/new', { selection: form.chosen.selection, field: 'creator', kind: 'fill', value: '水利局' });
  assert.equal((await reach(bulk, 'planned')).revision.total, ROWS);
});

test('each kind that can be put right by itself: found, counted by fonds, mended in one fonds, gone, undone and back', async () => {
  const [{ id: fonds }] = await query(dir, "SELECT id FROM record WHERE level = 1 AND code = 'J002'"), [{ id: parent }] = await query(dir, "SELECT id FROM record WHERE code = 'J002-WS'");
  for (const n of [1, 2]) await post('/record/new', { parent, code: `J002-WS-乙${n}`, title: '关于 防汛 的通知' });
  const shown = (await archivist.get('/quality')).json.kinds, [found, nothing] = (await archivist.get('/quality', { html: true })).text.split('没有发现：');
  for (const { key, count } of shown) assert.ok((count ? found : nothing).includes(`href="/quality/${key}"`), `${key}: ${count}; what was found stands before what was not`);
  const own = (await archivist.get('/quality')).json.kinds.filter(kind => kind.by_itself).map(kind => kind.key);
  assert.deepEqual(own.sort(), MENDED.map(([kind]) => kind).sort(), 'a new kind that mends itself is tried here');
  const counted = async kind => Object.fromEntries((await archivist.get(`/quality/${kind}`)).json.fonds.map(each => [each.label.slice(0, 4), each.count]));
  const survey = async () => { await post('/quality', {}); await until('/quality', page => !page.running); };
  const stand = async (words, column) => (await query(dir, `SELECT ${column} AS value FROM record WHERE fonds_id = ${fonds} AND title LIKE '${words}%'`)).map(row => row.value);
  await survey();
  const places = [];
  for (const [kind, words, column, wrong, right] of MENDED) {
    const before = await counted(kind);
    assert.deepEqual([before.J002, before.J001], [2, kind === 'spaces' ? ROWS : 1], kind);
    const place = await post(`/quality/${kind}/fix`, { all: 1, fonds });
    assert.equal((await reach(place, 'planned')).revision.total, 2, kind);
    assert.deepEqual(await stand(words, column), [wrong, wrong]);
    await post(`${place}/start`, {});
    await reach(place, 'done');
    assert.deepEqual(await stand(words, column), [right, right]);
    places.push([place, before]);
  }
  await survey();
  for (const [i, [kind]] of MENDED.entries()) assert.deepEqual(await counted(kind), { J001: places[i][1].J001 }, `${kind} is gone from that fonds alone`);
  for (const [place] of places) { await post(`${place}/undo`, {}); await reach(place, 'undone'); }
  for (const [, words, column, wrong] of MENDED) assert.deepEqual(await stand(words, column), [wrong, wrong]);
  await survey();
  for (const [i, [kind]] of MENDED.entries()) assert.deepEqual(await counted(kind), places[i][1], `${kind} is back`);
});

test('each kind that a person puts right by a field: found, counted by fonds, mended, gone, undone and back', async () => {
  const [fonds] = await query(dir, "SELECT id, rev FROM record WHERE level = 1 AND code = 'J003'"), [{ id: parent }] = await query(dir, "SELECT id FROM record WHERE code = 'J003-WS'");
  const [paged] = await query(dir, 'SELECT fonds_id FROM record WHERE file_count > 0'), withFiles = 'file_count > 0 AND page_count';
  await post(`/record/${fonds.id}/edit`, { date: '1949', rev: fonds.rev });
  const wrong = await post('/revise/new', { selection: JSON.stringify({ ids: (await query(dir, 'SELECT id FROM record WHERE file_count > 0')).map(each => each.id) }), field: 'page_count', kind: 'set', value: '99' });
  await reach(wrong, 'planned');
  await post(`${wrong}/start`, {});
  await reach(wrong, 'done');
  for (const n of [1, 2]) await post('/record/new', { form: 1, parent, level: 'volume', category: 'WS', code: `J003-WS-卷${n}`, title: `第${n}卷的案卷`, date: '1958', retention: '永久', key: 'jnjs', value: '7' });
  const { yaml, seen } = (await archivist.get('/categories/SW/yaml')).json;
  await post('/categories/SW/yaml', { yaml: yaml.replace(/key: cz\n/, 'key: cz\n    required: true\n'), seen });
  await until('/categories/SW/preview', page => page.check);
  await post('/categories/SW/enforce', { accept: 1 });
  const table = [...TOLD.map(([kind, category, , rows, column, field, value]) => [kind, fonds.id, `fonds_id = ${fonds.id} AND code LIKE 'J003-${category}-${kind}-%' AND ${column}`, field, value]),
    ['pages', paged.fonds_id, withFiles, 'page_count', '1'], ['pieces', fonds.id, `level = 3 AND code LIKE 'J003-WS-卷%' AND json_extract(fields, '$.jnjs')`, 'jnjs', '0']];
  const kinds = (await archivist.get('/quality')).json.kinds, others = ['code', 'order', 'duplicate', 'files']; // on the pages of codes, and one by one
  const fields = kinds.filter(kind => !kind.by_itself && !others.includes(kind.key)).map(kind => kind.key);
  assert.deepEqual(fields.sort(), table.map(([kind]) => kind).sort(), 'a new kind that is put right by a field is tried here');
  const counted = async (kind, at) => (await archivist.get(`/quality/${kind}`)).json.fonds?.find(each => new RegExp(`fonds=${at}\\b`).test(each.href))?.count;
  const survey = async () => { await post('/quality', {}); await until('/quality', page => !page.running); };
  const places = [];
  const behind = (await archivist.get('/quality', { html: true })).text;
  assert.match(behind, /还没有检查完/, 'the page says that it knows of a change and has not looked yet');
  const watch = /<div id="survey"[^>]*>/.exec(behind)[0], fragment = await archivist.get('/quality', { html: true, headers: { 'HX-Request': 'true' } });
  assert.match(watch, /hx-target="#main" hx-swap="innerHTML"/);
  assert.ok(!watch.includes('hx-select') && /^<div class="page-head">/.test(fragment.text.trim()), 'what is asked again is put into the page whole: it has no #main of its own to select from');
  await until('/quality', page => !page.running); // nobody asked: neither a fonds' first day nor a definition touches the records that rest on it
  for (const [kind, at, where, field, value] of table) {
    assert.equal(await counted(kind, at), 2, kind);
    const form = (await archivist.get(await post(`/quality/${kind}/pick`, { all: 1, fonds: at }))).json;
    const place = await post('/revise/new', { selection: form.chosen.selection, field, kind: 'set', value }), { revision } = await reach(place, 'planned');
    assert.ok(revision.total > 0 && revision.total + revision.unchanged === 2, kind); // of two ways to write a name one is right
    await post(`${place}/start`, {});
    await reach(place, 'done');
    assert.equal(await count(`${where} = '${value}'`), 2, kind);
    places.push([place, where, value]);
  }
  await survey();
  for (const [kind, at] of table) assert.equal(await counted(kind, at), undefined, `${kind} is gone`);
  for (const [place, where, value] of places) { await post(`${place}/undo`, {}); await reach(place, 'undone'); assert.ok(await count(`${where} = '${value}'`) < 2); }
  await survey();
  for (const [kind, at] of table) assert.equal(await counted(kind, at), 2, `${kind} is back`);
});

test('numbers missing in a volume, codes that break their rule, duplicates and equal files: found, counted by fonds, mended from the page, gone, undone and back', async () => {
  const [fonds] = await query(dir, "SELECT id FROM record WHERE level = 1 AND code = 'J002'"), [{ id: parent }] = await query(dir, "SELECT id FROM record WHERE code = 'J002-WS'");
  const made = async form => Number((await post('/record/new', { form: 1, category: 'WS', date: '1958', retention: '永久', ...form })).match(/\d+/)[0]);
  await post(`/codes/${fonds.id}/1/rule`, { rule: 'dat13-1994-volume' });
  const volume = await made({ parent, level: 'volume', code: 'J002-001-009', title: '水库的案卷' });
  for (const [code, title] of [['J002-001-009-001', '有号的文件'], ['J002-001-009-甲', '无号的文件一'], ['J002-001-009-乙', '无号的文件二']]) await made({ parent: volume, code, title });
  const bad = await made({ parent, level: 'volume', code: 'J002-1-12', title: '号码没有补零的案卷' });
  for (const n of [1, 2]) await made({ parent, code: `J002-重-${n}`, title: '录了两遍的防汛通知' });
  const settled = async () => { await post('/quality', {}); await until('/quality', page => !page.running); };
  const listed = async kind => (await archivist.get(`/quality/${kind}?fonds=${fonds.id}`)).json.rows;
  const counted = async kind => (await archivist.get(`/quality/${kind}`)).json.fonds?.find(each => each.href.endsWith(`fonds=${fonds.id}`))?.count ?? 0;
  const codes = async () => (await query(dir, `SELECT code FROM record WHERE parent_id = ${volume} ORDER BY id`)).map(each => each.code);
  const reached = (place, state) => until(place, page => page.plan.state === state && !page.job?.running);
  await settled();
  const kinds = (await archivist.get('/quality')).json.kinds, before = { order: 2, duplicate: 2, files: 2 };
  for (const [kind, count] of Object.entries(before)) assert.equal(await counted(kind), count, kind);
  assert.equal(kinds.find(kind => kind.key === 'order').count, 2);
  assert.equal((await archivist.post('/quality/order/fix', { form: {} })).status, 422, 'nothing ticked');
  assert.equal((await reader.post('/quality/order/fix', { form: { all: 1 } })).status, 403);

  // order: what has no number gets the next ones of its volume, nothing else moves.
  const order = await post('/quality/order/fix', { all: 1, fonds: fonds.id }), plan = (await archivist.get(order)).json;
  assert.deepEqual(plan.rows.map(row => [row.code_before, row.code_after]).sort(), [['J002-001-009-乙', 'J002-001-009-002'], ['J002-001-009-甲', 'J002-001-009-003']]);
  assert.deepEqual(await codes(), ['J002-001-009-001', 'J002-001-009-甲', 'J002-001-009-乙'], 'a plan changes nothing');
  await post(`${order}/start`, {});
  await reached(order, 'done');
  assert.deepEqual(await codes(), ['J002-001-009-001', 'J002-001-009-003', 'J002-001-009-002']);
  await settled();
  assert.equal(await counted('order'), 0);
  // Of several fonds, some without a chosen rule: these are listed as refused and hold up nobody.
  const [{ id: ruleless }] = await query(dir, "SELECT id FROM record WHERE code = 'J003-WS-title-0'"), mixed = new URLSearchParams([['item', bad], ['item', ruleless]]);
  const both = (await archivist.get((await archivist.post('/quality/code/fix', { form: mixed })).json.location)).json;
  assert.deepEqual([both.plan.total, both.plan.refused], [1, 1]);
  assert.match(both.rows.find(row => row.record_id === ruleless).problem, /J003 的“文书档案”还没有选定编号规则/);
  // code: one that is ticked, its number kept.
  assert.ok((await listed('code')).some(row => row.id === bad));
  const code = await post('/quality/code/fix', { item: bad });
  assert.deepEqual((await archivist.get(code)).json.rows.map(row => [row.code_before, row.code_after]), [['J002-1-12', 'J002-001-012']]);
  await post(`${code}/start`, {});
  await reached(code, 'done');
  await settled();
  assert.ok(!(await listed('code')).some(row => row.id === bad));
  // duplicate: told apart by a running number, as a revision.
  const form = (await archivist.get(await post('/quality/duplicate/pick', { all: 1, fonds: fonds.id }))).json;
  const told = await post('/revise/new', { selection: form.chosen.selection, field: 'docno', kind: 'number', value: '临防〔1958〕', start: 1 });
  assert.equal((await reach(told, 'planned')).revision.total, 2);
  await post(`${told}/start`, {});
  await reach(told, 'done');
  await settled();
  assert.equal(await counted('duplicate'), 0);
  // files: one paper for several descriptions is judged to be none, all of a fonds at once.
  assert.deepEqual((await listed('files')).map(row => [row.code, row.begins]), [['J002-001-1', true], ['J002-001-2', false]], 'a group stands together');
  assert.equal((await archivist.post('/quality/files/fix', { form: { all: 1 } })).status, 404, 'what belongs to which description only a person can say');
  await post('/quality/files/pass', { all: 1, fonds: fonds.id, note: '合订本' });
  assert.equal(await counted('files'), 0);
  assert.deepEqual((await archivist.get('/quality/files?show=passed')).json.rows.map(row => row.note), ['合订本', '合订本']);

  for (const place of [order, code]) { await post(`${place}/undo`, {}); await reached(place, 'undone'); }
  await post(`${told}/undo`, {});
  await reach(told, 'undone');
  await post('/quality/files/unpass', { all: 1 });
  await settled();
  for (const [kind, count] of Object.entries(before)) assert.equal(await counted(kind), count, `${kind} is back`);
  assert.ok((await listed('code')).some(row => row.id === bad));
  // One of the two is deleted: the other is no duplicate any more, without anybody asking for a look.
  const [{ id: extra }] = await query(dir, "SELECT id FROM record WHERE code = 'J002-重-2'");
  await post(`/record/${extra}/delete`, {});
  await until('/quality', page => !page.running);
  assert.equal(await counted('duplicate'), 0);
});

test('surplus duplicates are deleted in bulk: the ones to stay are chosen, what carries something is told and left, all comes back, and numbers by fonds follow', async () => {
  const [fonds] = await query(dir, "SELECT id FROM record WHERE level = 1 AND code = 'J002'"), [{ id: parent }] = await query(dir, "SELECT id FROM record WHERE code = 'J002-WS'");
  const made = async form => Number((await post('/record/new', { form: 1, category: 'WS', date: '1958', retention: '永久', parent, ...form })).match(/\d+/)[0]);
  const settled = async () => { await post('/quality', {}); await until('/quality', page => !page.running); };
  const counted = async (kind, at = fonds.id) => (await archivist.get(`/quality/${kind}`)).json.fonds?.find(each => each.href.endsWith(`fonds=${at}`))?.count ?? 0;
  const rows = async () => (await archivist.get(`/quality/duplicate?fonds=${fonds.id}`)).json.rows;
  const ids = {}, groups = { 甲: [{}, { page_count: 3 }], 乙: [{}, {}, {}], 丙: [{}, {}], 丁: [{}, {}] };
  for (const [name, forms] of Object.entries(groups)) {
    ids[name] = [];
    for (const form of forms) ids[name].push(await made({ code: `J002-${name}-${ids[name].length}`, title: `多录了的通知${name}`, ...form }));
  }
  await post(`/record/${ids.丙[1]}/links`, { code: 'J001-WS-1', relation: 'see' });
  await settled();
  assert.equal(await counted('duplicate'), 9);
  assert.deepEqual((await rows()).map(row => [row.code, row.begins, row.stays]), [['J002-甲-0', true, false], ['J002-甲-1', false, true], ['J002-乙-0', true, true], ['J002-乙-1', false, false],
    ['J002-乙-2', false, false], ['J002-丙-0', true, true], ['J002-丙-1', false, false], ['J002-丁-0', true, true], ['J002-丁-1', false, false]], 'the fuller one stays, else the older one');
  const nobody = await archivist.post('/quality/duplicate/surplus', { form: { item: ids.乙[0], shown: ids.乙[0] } });
  assert.equal(nobody.status, 422);
  assert.match(nobody.text, /J002-乙-0.*没有选保留/);
  assert.equal((await archivist.post('/quality/duplicate/surplus', { form: {} })).status, 422, 'nothing ticked');
  assert.equal((await reader.post('/quality/duplicate/surplus', { form: { all: 1 } })).status, 403);
  assert.equal((await archivist.post('/quality/person/surplus', { form: { all: 1 } })).status, 404);

  // Of 丁 the later one is to stay; of what no box says anything, the default.
  const place = await post('/quality/duplicate/surplus', { all: 1, fonds: fonds.id, keep: ids.丁[1] }), plan = await reach(place, 'planned');
  assert.deepEqual([plan.deletes, plan.may_start, plan.waiting], [true, true, 4]);
  const states = Object.fromEntries(plan.rows.map(row => [row.code, row.state]));
  assert.deepEqual(states, { 'J002-甲-0': 'waiting', 'J002-乙-1': 'waiting', 'J002-乙-2': 'waiting', 'J002-丙-1': 'refused', 'J002-丁-0': 'waiting' });
  assert.match(plan.rows.find(row => row.code === 'J002-丙-1').problem, /与 1 件档案有关联/);
  assert.equal(await count("title LIKE '多录了的通知%'"), 9, 'a plan changes nothing');
  const page = (await archivist.get(place, { html: true })).text;
  assert.match(page, /删除 4 件/);
  assert.match(page, /多录了的通知乙/);
  await post(`${place}/start`, {});
  const done = await reach(place, 'done');
  assert.deepEqual(done.rows.filter(row => row.state === 'made').map(row => [row.code, row.there]), [['J002-甲-0', false], ['J002-乙-1', false], ['J002-乙-2', false], ['J002-丁-0', false]]);
  assert.equal(await count("title LIKE '多录了的通知%'"), 5);
  assert.equal((await archivist.get(`/record/${ids.甲[0]}`)).status, 404);
  await settled();
  assert.equal(await counted('duplicate'), 2, 'what is tied is still there, and told');
  await post(`${place}/undo`, {});
  await reach(place, 'undone');
  assert.equal(await count("title LIKE '多录了的通知%'"), 9);
  await settled();
  assert.equal(await counted('duplicate'), 9, 'they are back');
  const history = (await archivist.get(`/record/${ids.甲[0]}?tab=history`)).json.events;
  assert.deepEqual(history.slice(0, 2).map(event => [event.label, event.changes[0].key]), [['撤销批量修改', 'record'], ['批量修改', 'record']]);
  // The record itself is held by the same rule.
  const single = await archivist.post(`/record/${ids.丙[1]}/delete`, { form: {} });
  assert.equal(single.status, 409);
  assert.match(single.text, /有关联/);

  // What has files goes another way, by two people: the page leads there with the surplus of each group.
  const [kept, extra] = (await archivist.get(`/quality/files?fonds=${fonds.id}`)).json.rows;
  const asked = await post('/quality/files/surplus', { item: kept.id, shown: kept.id, keep: kept.id, disposal: 1 });
  assert.equal(decodeURIComponent(asked), `/keep/disposal/new?kind=mistake&codes=${extra.code}\n`);
  const form = (await archivist.get(asked)).json;
  assert.deepEqual([form.codes.trim(), form.mistake], [extra.code, true]);
  const refused = await reach(await post('/quality/files/surplus', { all: 1, fonds: fonds.id }), 'planned');
  assert.deepEqual(refused.rows.map(row => row.state), ['refused']);
  assert.match(refused.rows[0].problem, /挂有 1 个原文/);

  // A search's hits are deleted by the same form.
  const planned = await post('/revise/new', { selection: JSON.stringify({ query: '多录了的通知乙' }), kind: 'delete' }), searched = await reach(planned, 'planned');
  assert.deepEqual([searched.waiting, searched.revision.title], [3, '删除条目（检索：多录了的通知乙）']);
  await post(`${planned}/drop`, {});
});

test('a person written two ways becomes one with two names, all groups of a fonds at once; taken back, the fault is there again', async () => {
  const [fonds] = await query(dir, "SELECT id FROM record WHERE level = 1 AND code = 'J003'");
  const counted = async () => (await archivist.get('/quality/person')).json.fonds?.find(each => each.href.endsWith(`fonds=${fonds.id}`))?.count ?? 0;
  const looked = () => until('/quality', page => !page.running);
  await looked();
  const before = (await archivist.get(`/quality/person?fonds=${fonds.id}`)).json;
  assert.equal(await counted(), 2);
  assert.deepEqual(before.rows.map(row => [row.detail, row.sign]), [['周树仁', '证件号相同'], ['周树任', '证件号相同']], 'the writings are shown, and why they may be one person');
  assert.equal((await reader.post('/quality/person/join', { form: { all: 1 } })).status, 403);
  await post('/quality/person/join', { all: 1, fonds: fonds.id });
  await looked(); // nobody asked: the names are seen to be others
  assert.equal(await counted(), 0);
  const persons = async () => (await archivist.get('/authorities?q=周树任')).json.rows.map(each => each.name);
  assert.equal((await persons()).length, 1);
  const { joins } = (await archivist.get('/quality/person')).json;
  assert.deepEqual(joins.map(join => [join.groups, join.undone]), [[1, false]]);
  await post('/quality/person/unjoin', { event: joins[0].event });
  assert.equal((await archivist.post('/quality/person/unjoin', { form: { event: joins[0].event } })).status, 409);
  await looked();
  assert.equal(await counted(), 2, 'back');
  assert.equal((await persons()).length, 0);
});

test('the form of a change in bulk says, while it is filled, whom it touches, of which fonds, and what is left as it is', async () => {
  const touch = async (selection, rule = {}) => (await archivist.post('/revise/touch', { form: { selection: JSON.stringify(selection), ...rule } })).json.touch;
  const [{ total, married }] = await query(dir, "SELECT count(*) AS total, sum(c.code = 'HY') AS married FROM record AS r JOIN category AS c ON c.id = r.category WHERE level >= 3");
  const all = await touch({ query: '' }, { field: 'nfxm', kind: 'clear' });
  assert.deepEqual([all.records, all.more, all.lacking, all.trial], [total, false, total - married, undefined], 'many are counted, not tried');
  const by = await query(dir, `SELECT f.code || ' ' || f.title AS label, count(*) AS count FROM record AS r JOIN record AS f ON f.id = r.fonds_id WHERE r.level >= 3 GROUP BY f.id ORDER BY count DESC`);
  assert.deepEqual(all.fonds, by);
  const [node] = await query(dir, "SELECT id, fonds_id FROM record WHERE code = 'J003-WS'");
  const [{ count: below }] = await query(dir, `WITH RECURSIVE b (id) AS (SELECT ${node.id} UNION ALL SELECT r.id FROM record AS r JOIN b ON r.parent_id = b.id)
    SELECT count(*) AS count FROM record JOIN b ON b.id = record.id WHERE level >= 3`);
  const inside = await touch({ node: node.id });
  assert.deepEqual([inside.records, inside.fonds.map(each => each.count), inside.trial], [below, [below], undefined], 'nothing is tried while the rule lacks something');
  const some = await query(dir, "SELECT id, category, retention IN (SELECT id FROM retention_term WHERE text = '永久') AS kept FROM record WHERE code LIKE 'J003-WS-retention%' OR code LIKE 'J003-WS-date-f%' OR code LIKE 'J003-HY-%'");
  const ids = some.map(each => each.id), papers = some.filter(each => each.category === 1).length, kept = some.filter(each => each.kept).length;
  const { trial } = await touch({ ids }, { field: 'retention', kind: 'set', value: '永久' });
  assert.deepEqual(trial, { changes: ids.length - kept, unchanged: kept, refused: 0, problem: '' });
  const refused = (await touch({ ids }, { field: 'nvxm', kind: 'fill', value: '王秀兰' })), tried = refused.trial;
  assert.deepEqual([tried.changes, tried.refused, refused.lacking], [0, papers, papers]);
  assert.match(tried.problem, /文书档案没有著录项“女方姓名”/);
  const place = await post('/revise/new', { selection: JSON.stringify({ ids }), field: 'retention', kind: 'set', value: '永久' }), { revision } = await reach(place, 'planned');
  assert.deepEqual([revision.total, revision.unchanged], [trial.changes, trial.unchanged], 'and the preview says the same');
  assert.match((await archivist.get(`/revise/new?item=${ids[0]}&item=${ids[1]}`, { html: true })).text, /这次涉及 <strong>2<\/strong> 件：J003 /);
  assert.equal((await reader.post('/revise/touch', { form: { selection: '{"query":""}' } })).status, 403);
});

test('values under the former key of a field stay where they are, are shown and found, and move when told to', async () => {
  const yaml = (await archivist.get('/categories/HY/yaml')).json;
  const renamed = yaml.yaml.replace(/key: nfxm\n/, 'key: zhangfu\n    was: [nfxm]\n').replaceAll('{nfxm}', '{zhangfu}');
  assert.notEqual(renamed, yaml.yaml);
  const wrong = await archivist.post('/categories/HY/yaml', { form: { yaml: renamed.replace('was: [nfxm]', 'was: [nvxm]'), seen: yaml.seen } });
  assert.equal(wrong.status, 422, 'a former key that is another field');
  assert.match(wrong.json.problem, /nvxm.*又是/);
  await post('/categories/HY/yaml', { yaml: renamed, seen: yaml.seen });
  const preview = await until('/categories/HY/preview', page => page.check);
  assert.deepEqual(preview.check.moves.map(({ key, was, count: many }) => [key, was, many]), [['zhangfu', 'nfxm', 700]]);
  await post('/categories/HY/enforce', { accept: 1 });
  const [{ id }] = await query(dir, `SELECT id FROM record WHERE code = 'J001-HY-7'`);
  assert.equal(await count(`fields LIKE '%"nfxm"%'`), 700, 'putting in force changed nothing');
  for (const client of [archivist, reader]) {
    assert.match((await client.get(`/record/${id}`, { html: true })).text, /男方姓名[\s\S]{0,200}张伟/);
    const found = (await client.get(`/search?q=${encodeURIComponent('男方姓名:张伟')}`)).json;
    assert.equal(found.hits, 700, 'found by its name');
  }
  const { check } = (await archivist.get('/categories/HY')).json;
  assert.equal(check.moves[0].count, 700);
  const form = (await archivist.get(check.moves[0].href)).json, chosen = list => list.find(each => each.chosen)?.key ?? list.find(each => each.chosen)?.kind;
  assert.deepEqual([chosen(form.fields), chosen(form.sources), chosen(form.rules)], ['zhangfu', 'nfxm', 'move']);
  const begins = form.fields.filter(each => each.begins).map(each => each.group);
  assert.deepEqual([begins, form.fields.filter(each => each.ends).map(each => each.group)], [[...new Set(begins)], begins], 'fields stand under their categories, each once');
  assert.deepEqual(begins, ['婚姻登记档案'], 'only fields of the categories that are touched');
  assert.ok(form.terms.some(each => each.text === '控制' && each.field === '开放标识'));
  const place = await post('/revise/new', { selection: form.chosen.selection, field: 'zhangfu', kind: 'move', source: 'nfxm' }), planned = await reach(place, 'planned');
  assert.equal(planned.revision.total, 700);
  await post(`${place}/start`, {});
  await reach(place, 'done');
  assert.deepEqual([await count(`fields LIKE '%"nfxm"%'`), await count(`fields LIKE '%"zhangfu"%'`)], [0, 700]);
  assert.equal((await archivist.get(`/search?q=${encodeURIComponent('男方姓名:张伟')}`)).json.hits, 700);
  const told = (await archivist.get(`/record/${id}?tab=history`)).json.events[0];
  assert.deepEqual(told.changes.map(each => [each.key.replace('fields.', ''), Boolean(each.before), Boolean(each.after)]).sort(), [['nfxm', true, false], ['zhangfu', false, true]]);
  await post(`${place}/undo`, {});
  await reach(place, 'undone');
  assert.deepEqual([await count(`fields LIKE '%"nfxm"%'`), await count(`fields LIKE '%"zhangfu"%'`)], [700, 0]);
});

test('a long list of names is written as a table in the background', async () => {
  const names = [['种类', '规范名称'], ...Array.from({ length: 2100 }, (_, i) => ['机构', `某县第${i + 1}生产队`])], form = new FormData();
  form.append('file', new Blob([csv(names)]), 'names.csv');
  const rehearsed = await archivist.request('POST', '/authorities/import', { body: form });
  assert.equal(rehearsed.json?.created, 2100, rehearsed.text.slice(0, 300));
  await post('/authorities/import', { token: rehearsed.json.token });
  for (const format of ['csv', 'xlsx']) {
    const long = await archivist.get(`/authorities/table.${format}`);
    assert.equal(long.json?.location ?? long.headers.get('location') ?? long.text.slice(0, 200), '/authorities/table');
    assert.equal((await archivist.get(`/authorities/table.${format}?made=1`)).status, 404);
    await post('/authorities/table', { format });
  }
  assert.equal((await reader.post('/authorities/table', { form: { format: 'csv' } })).status, 403);
  await until('/authorities/table', page => page.tables.every(each => each.made && !each.job));
  const made = (await archivist.get('/authorities/table.csv?made=1')).text.trim().split('\r\n');
  assert.equal(made.length, names.length);
  assert.match(made.find(line => line.includes('第2100生产队')), /"机构"/);
  assert.equal((await archivist.get('/authorities/table.xlsx?made=1')).bytes.subarray(0, 2).toString(), 'PK');
});
