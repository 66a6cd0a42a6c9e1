// Changes of descriptions over the real server: in bulk with a kill in the middle and undone, by a corrected spreadsheet, by a form that two people have open, proposed and
// approved; after each the archive made anew from store and journal is the same.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { assertClean, emptyArchive, query, take } from './archive.mjs';
import { Client, csvText, deliveryCode, lantai, PASSWORD, serve, temporary, writeDelivery } from './support.mjs';

const ROWS = 4000;
let dir, server, clients;
const wait = () => new Promise(done => setTimeout(done, 50));

async function signIn() {
  clients = {};
  for (const name of ['first', 'second', 'describer', 'chief']) clients[name] = await new Client(server.base).signIn(name);
}
const send = async (name, target, form = {}) => clients[name].post(target, { form });
const see = async (name, target) => { const reply = await clients[name].get(target); assert.equal(reply.status, 200, `${target}: ${reply.text.slice(0, 200)}`); return reply.json; };
const numbers = async place => Object.fromEntries((await see('first', place)).numbers.map(each => [each.name, each.count]));
async function reach(place, state) {
  for (let i = 0; i < 1200; i++) {
    const now = await see('first', place);
    assert.equal(now.problem, undefined);
    if (now.revision.state === state && !now.active) return now;
    const page = (await clients.first.get(place, { html: true })).text;
    if (page.includes('可以离开本页')) assert.match(page, /role="status"[^>]*hx-trigger="every/, 'it goes on by itself on the page');
    await wait();
  }
  assert.fail(`${place} never became ${state}`);
}
const recordOf = async i => (await query(dir, `SELECT id, rev, title, creator, docno FROM record WHERE code = '${deliveryCode(i)}'`))[0];

async function sameWhenRebuilt() {
  const aside = path.join(temporary(), 'again'), made = await lantai(dir, 'rebuild', aside, '--json');
  assert.equal(made.status, 0, made.stderr);
  assert.equal(made.json.equal, true, JSON.stringify(made.json));
  const state = 'SELECT state, count(*) AS count FROM revision_row GROUP BY state ORDER BY state', told = 'SELECT record_id, event_id FROM record_event ORDER BY record_id, event_id';
  assert.deepEqual(await query(aside, told), await query(dir, told));
  return { aside: await query(aside, state), here: await query(dir, state) };
}

before(async () => {
  dir = await emptyArchive();
  const folder = temporary(), { table, files } = writeDelivery(folder, { count: ROWS, documents: 30 });
  await take(dir, table, '--files', files);
  // What a body handed over under a retention that is none: it comes in as it is, and the list of faults says so.
  writeFileSync(path.join(folder, 'odd.csv'), csvText(['全宗号', '全宗名称', '档号', '题名', '日期', '年度', '保管期限'], [['T001', '试验全宗', 'T001-odd-1', '期限写错的通知', '2010-03-01', 2010, '永远']]));
  const odd = await take(dir, path.join(folder, 'odd.csv'));
  assert.match(JSON.stringify(odd), /不是认识的保管期限/);
  for (const [name, role] of [['first', 'archivist'], ['second', 'archivist'], ['describer', 'describer'], ['chief', 'director']]) {
    const made = await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '内部');
    assert.equal(made.status, 0, made.stderr);
  }
  server = await serve(dir);
  await signIn();
});
after(async () => { await server?.stop(); });

test('a change in bulk is killed in the middle, goes on, is undone, and the archive rebuilt is the same', async () => {
  const planned = await send('first', '/revise/new', { selection: JSON.stringify({ query: '', filters: { level: [4] } }), field: 'creator', kind: 'replace', find: '水利局', with: '水务局' });
  assert.equal(planned.status, 200, planned.text);
  const place = planned.json.location;
  assert.equal((await reach(place, 'planned')).waiting, ROWS);
  assert.equal((await recordOf(1)).creator, '临江市水利局甲', 'a plan changes nothing');
  assert.equal((await clients.first.post(`${place}/start`, { html: true })).status, 303);
  assert.match((await clients.first.get(place, { html: true })).text, /class="notice flash"[^>]*>已开始修改</, 'what is only begun is not told as done');
  for (let i = 0; i < 1000 && !((await numbers(place)).made > 0); i++) await wait();
  await server.stop('SIGKILL');
  const between = (await query(dir, "SELECT count(*) AS count FROM record WHERE creator LIKE '%水务局%'"))[0].count;
  assert.ok(between > 0, 'some were made');
  server = await serve(dir);
  await signIn();
  await reach(place, 'done');
  assert.deepEqual(await numbers(place), { made: ROWS });
  assert.deepEqual((await query(dir, "SELECT done, total FROM job WHERE kind = 'revise.apply'")), [{ done: ROWS, total: ROWS }], 'its progress counts records, of which some have files');
  assert.equal((await query(dir, "SELECT count(*) AS count FROM record WHERE creator LIKE '%水务局%'"))[0].count, ROWS);
  const { json } = await clients.first.get(`/search?q=${encodeURIComponent('责任者:水务局')}`);
  assert.equal(json.hits, ROWS);
  const record = await recordOf(1), history = (await see('first', `/record/${record.id}?tab=history`)).events[0];
  assert.deepEqual(history.changes[0], { key: 'creator', label: '责任者', before: '临江市水利局甲', after: '临江市水务局甲' });
  const states = await sameWhenRebuilt();
  assert.deepEqual(states.aside, states.here);
  assert.equal((await send('second', `/record/${record.id}/edit`, { creator: '另一机关' })).status, 200);
  assert.equal((await send('first', `${place}/undo`)).status, 200);
  await reach(place, 'undone');
  assert.deepEqual(await numbers(place), { undone: ROWS - 1, kept: 1 });
  assert.equal((await recordOf(1)).creator, '另一机关', 'what was changed since is left');
  assert.equal((await recordOf(2)).creator, '临江市水利局甲');
  await sameWhenRebuilt();
});

const upload = rows => uploadFile(csvText(rows[0], rows.slice(1)), '修改.csv');
async function uploadFile(bytes, name) {
  const form = new FormData();
  form.append('table', new Blob([bytes]), name);
  form.append('empty', 'keep');
  const reply = await clients.first.post('/revise/sheet', { body: form });
  assert.equal(reply.status, 200, reply.text);
  return reply.json.location;
}

test('a corrected table finds its records by their keys, ignores what is the same, and shows what others changed', async () => {
  const [a, b, c, d] = [await recordOf(10), await recordOf(11), await recordOf(12), await recordOf(13)];
  const key = record => `${record.id}-${record.rev}`;
  assert.equal((await send('second', `/record/${b.id}/edit`, { title: '第二人的题名' })).status, 200);
  assert.equal((await send('second', `/record/${c.id}/edit`, { docno: '第二人的文号' })).status, 200);
  const place = await upload([['档号', '题名', '文号', '所在案卷', '修改标识'], [deliveryCode(10), a.title, a.docno, '', key(a)], [deliveryCode(11), '我的题名', b.docno, '', key(b)],
    ['新的档号-12', '也改题名', c.docno, '', key(c)], [deliveryCode(13), '没有标识', '', '', ''], [deliveryCode(13), d.title, '', '', '1-x'], [deliveryCode(10), a.title, '', '', key(a)]]);
  const plan = await see('first', place);
  assert.equal(plan.revision.unchanged, 1);
  assert.deepEqual(plan.rows.map(row => row.state), ['conflict', 'waiting', 'refused', 'refused', 'refused']);
  assert.deepEqual(plan.rows[0].conflict.map(({ label, base, now, wanted }) => [label, base, now, wanted]), [['题名', b.title, '第二人的题名', '我的题名']]);
  assert.match(plan.revision.notice, /所在案卷/);
  assert.equal((await send('first', `${place}/choose`, { place: 1, take: 'wanted' })).status, 200);
  assert.equal((await send('first', `${place}/start`)).status, 200);
  assert.equal((await recordOf(11)).title, '我的题名');
  const moved = (await query(dir, `SELECT code, title, docno FROM record WHERE id = ${c.id}`))[0];
  assert.deepEqual(moved, { code: '新的档号-12', title: '也改题名', docno: '第二人的文号' }, 'the other’s change of another field stays');
  await sameWhenRebuilt();
});

test('the table for corrections that the program writes comes back as it went out, but for what was corrected', async () => {
  const folder = temporary(), sheet = path.join(folder, '修改.xlsx'), inside = path.join(folder, 'inside'), corrected = path.join(folder, '改正.xlsx'), [a, b] = [await recordOf(20), await recordOf(21)];
  await server.stop(); // by the command, which wants the archive for itself
  const out = await lantai(dir, 'export', '--query', `档号:"${deliveryCode(20)}" 或 档号:"${deliveryCode(21)}"`, '--format', 'sheet', sheet, '--json');
  server = await serve(dir);
  await signIn();
  assert.deepEqual([out.status, out.json?.records], [0, 2], out.stderr);
  execFileSync('unzip', ['-q', sheet, '-d', inside]);
  const cells = path.join(inside, 'xl', 'worksheets', 'sheet1.xml'), text = readFileSync(cells, 'utf8');
  assert.equal(text.split(`<t>${a.title}</t>`).length, 2);
  writeFileSync(cells, text.replace(`<t>${a.title}</t>`, '<t>经表改正的题名</t>'));
  execFileSync('zip', ['-q', '-r', corrected, '.'], { cwd: inside });
  const place = await uploadFile(readFileSync(corrected), '改正.xlsx'), plan = await see('first', place);
  assert.deepEqual([plan.revision.unchanged, plan.rows.map(row => row.state)], [1, ['waiting']], JSON.stringify(plan.rows));
  assert.equal((await send('first', `${place}/start`)).status, 200);
  assert.deepEqual(await recordOf(20), { ...a, rev: (await recordOf(20)).rev, title: '经表改正的题名' });
  assert.deepEqual(await recordOf(21), b);
});

test('a retention that its category and year do not have is refused on every way in, and what was received so stays', async () => {
  const [odd] = await query(dir, "SELECT id, rev FROM record WHERE code = 'T001-odd-1'"), edit = form => send('first', `/record/${odd.id}/edit`, form);
  const term = async () => (await query(dir, `SELECT t.text FROM record AS r JOIN retention_term AS t ON t.id = r.retention WHERE r.id = ${odd.id}`))[0].text;
  assert.equal((await edit({ title: '期限写错的通知（二）', retention: '永远' })).status, 200, 'another field may be changed');
  assert.equal(await term(), '永远');
  for (const [retention, why] of [['长长期', /不是认识的保管期限，应为永久、30年/], ['长期', /2010 年形成的文书档案不再用“长期”，应为永久、定期30年、定期10年/]]) {
    const refused = await edit({ title: '期限写错的通知（二）', retention });
    assert.equal(refused.status, 422);
    assert.match(refused.json.inputs.find(input => input.name === 'retention').error, why);
    assert.match(refused.json.problem, why);
    const described = await send('describer', '/record/new', { form: 1, parent: (await query(dir, `SELECT parent_id AS id FROM record WHERE id = ${odd.id}`))[0].id, level: 'item', code: 'T001-odd-2',
      title: '新著录的通知', date: '2010', retention });
    assert.equal(described.status, 422);
    assert.match(described.json.problem, why);
    const bulk = await reach((await send('first', '/revise/new', { selection: JSON.stringify({ ids: [odd.id] }), field: 'retention', kind: 'set', value: retention })).json.location, 'planned');
    assert.deepEqual([bulk.revision.total, bulk.rows[0].state], [0, 'refused']);
    assert.match(bulk.rows[0].problem, why);
    const { rev } = (await query(dir, `SELECT rev FROM record WHERE id = ${odd.id}`))[0];
    const sheet = await see('first', await upload([['档号', '保管期限', '修改标识'], ['T001-odd-1', retention, `${odd.id}-${rev}`]]));
    assert.equal(sheet.rows[0].state, 'refused');
    assert.match(sheet.rows[0].problem, why);
  }
  assert.equal(await term(), '永远');
  const offered = (await see('first', `/record/${odd.id}/edit`)).retention_terms;
  assert.ok(offered.includes('30年') && !offered.includes('长期') && !offered.includes('永远'), 'offered is what the record may have');
  assert.equal((await edit({ title: '期限写错的通知（二）', retention: '定期30年' })).status, 200);
  assert.equal(await term(), '定期30年');
});

test('two people have one form open: the second sees both and the ancestor, and chooses field by field', async () => {
  const record = await recordOf(20), form = { form: 1, rev: record.rev, code: deliveryCode(20), title: record.title, creator: record.creator, docno: record.docno, date: '1970-03-21', year: 1970, retention: '永久', security: 'public', opening: 'open' };
  assert.equal((await send('second', `/record/${record.id}/edit`, { ...form, title: '别人的题名', docno: '别人的文号' })).status, 200);
  const mine = await send('first', `/record/${record.id}/edit`, { ...form, title: '我的题名', creator: '我的机关' });
  assert.equal(mine.status, 409, mine.text);
  assert.equal(mine.json.other.actor, 'second', 'with whom to speak');
  const input = name => mine.json.inputs.find(each => each.name === name);
  assert.deepEqual([input('title').value, input('title').theirs, input('title').choose.was], ['我的题名', '别人的题名', record.title]);
  assert.deepEqual([input('docno').value, input('docno').taken.was, input('creator').value], ['别人的文号', record.docno, '我的机关']);
  const again = { ...form, rev: mine.json.rev, base: mine.json.base, title: '我的题名', creator: '我的机关', docno: '别人的文号', open: 'title' };
  const undecided = await send('first', `/record/${record.id}/edit`, again);
  assert.equal(undecided.status, 422, 'nothing is saved before the choice');
  assert.equal(undecided.json.inputs.find(each => each.name === 'title').theirs, '别人的题名');
  assert.equal((await send('first', `/record/${record.id}/edit`, { ...again, choice: 'title=theirs' })).status, 200);
  const { title, creator, docno } = await recordOf(20);
  assert.deepEqual({ title, creator, docno }, { title: '别人的题名', creator: '我的机关', docno: '别人的文号' });
});

test('who may describe but not alter proposes; another approves; a value is put back from the history', async () => {
  const record = await recordOf(30);
  const proposed = await send('describer', `/record/${record.id}/edit`, { title: '著录员改的题名', rev: record.rev });
  assert.match(proposed.json.location, /^\/revise\/\d+$/, proposed.text);
  assert.equal((await recordOf(30)).title, record.title, 'not yet');
  assert.equal((await send('describer', `${proposed.json.location}/approve`)).status, 403);
  assert.equal((await see('chief', '/')).revisions.awaiting.length, 1);
  assert.equal((await send('chief', `${proposed.json.location}/approve`)).status, 200);
  assert.equal((await recordOf(30)).title, '著录员改的题名');
  const event = (await see('first', `/record/${record.id}?tab=history`)).events[0];
  assert.deepEqual([event.actor, event.label, event.approved_by], ['describer', '修改著录', 'chief'], 'who changed it, and who approved');
  assert.equal((await send('first', `/record/${record.id}/restore`, { event: event.id, key: 'title' })).status, 200);
  assert.equal((await recordOf(30)).title, record.title);
  assert.equal((await send('first', `/record/${record.id}/restore`, { event: event.id, key: 'title' })).status, 409, 'it is so already');
  assert.equal((await send('first', `/record/${record.id}/restore`, { event: event.id, key: 'creator' })).status, 404);
});

test('a file that is no table is refused on the form, by the name it was sent under', async () => {
  for (const [address, field] of [['/revise/sheet', 'table'], ['/authorities/import', 'file']]) {
    const form = new FormData();
    form.append(field, new Blob([Buffer.from('89504e470d0a1a0a0000', 'hex')]), '照片.csv');
    const reply = await clients.first.post(address, { body: form });
    assert.equal(reply.status, 422, reply.text);
    assert.match(reply.text, /“照片\.csv”：内容是 PNG/, address);
  }
});

test('forms in a row: saved and on to the next, and as in the one before', async () => {
  const record = await recordOf(40), next = await send('first', `/record/${record.id}/edit`, { note: '核', next: 1, rev: record.rev });
  assert.match(next.json.location, /^\/record\/\d+\/edit$/);
  const parent = (await query(dir, `SELECT parent_id FROM record WHERE id = ${record.id}`))[0].parent_id;
  const made = await send('describer', '/record/new', { form: 1, parent, code: '手工-1', title: '手工著录', creator: '某人', date: '1990', next: 1 });
  assert.match(made.json.location, /like=\d+/, made.text);
  const form = await see('describer', made.json.location), copied = await see('describer', `${made.json.location}&copy=1`);
  const creator = model => model.inputs.find(each => each.name === 'creator');
  assert.deepEqual([creator(form).value, creator(form).last, creator(copied).value], ['', '某人', '某人']);
  const at = name => form.inputs.find(each => each.name === name);
  assert.deepEqual([at('code').value, at('code').focus, at('title').focus], ['手工-2', undefined, true], 'the number goes on, and typing begins at the title');
  const own = (await query(dir, "SELECT id, rev FROM record WHERE code = '手工-1'"))[0];
  assert.equal((await send('describer', `/record/${own.id}/edit`, { title: '改自己著录的', rev: own.rev })).json.location, `/record/${own.id}`, 'nothing is kept for it: no approval');
  await server.stop();
  await sameWhenRebuilt();
  await assertClean(dir);
  server = await serve(dir);
});

test('records are deleted in bulk: sent in, approved by another, taken back as they were; one with files stays; the archive rebuilt is the same at each step', async () => {
  await signIn(); // the test before started another server
  const chosen = await Promise.all([1, 201, 202, 203].map(recordOf)), ids = chosen.map(record => record.id), there = () => query(dir, `SELECT id, title, creator FROM record WHERE id IN (${ids}) ORDER BY id`);
  const before = await there();
  const planned = await send('describer', '/revise/new', { selection: JSON.stringify({ ids }), kind: 'delete' });
  assert.equal(planned.status, 200, planned.text);
  const place = planned.json.location, plan = await see('describer', place);
  assert.deepEqual([plan.deletes, plan.may_start, plan.may_submit, plan.waiting], [true, false, true, 3]);
  assert.match(plan.rows.find(row => row.state === 'refused').problem, /挂有 1 个原文/);
  assert.equal((await send('describer', `${place}/start`)).status, 403);
  assert.equal((await send('describer', `${place}/submit`)).status, 200);
  assert.deepEqual(await there(), before);
  assert.equal((await send('describer', `${place}/approve`)).status, 403);
  assert.equal((await send('chief', `${place}/approve`)).status, 200);
  await reach(place, 'done');
  assert.deepEqual((await there()).map(record => record.id), [ids[0]]);
  const seen = await see('chief', place);
  assert.deepEqual(seen.rows.filter(row => row.state === 'made').map(row => [row.code, row.there]), [201, 202, 203].map(i => [deliveryCode(i), false]), 'told by whoever might see them');
  await sameWhenRebuilt();
  assert.equal((await send('first', `${place}/undo`)).status, 200);
  await reach(place, 'undone');
  assert.deepEqual(await there(), before);
  assert.equal((await see('first', `/search?q=${deliveryCode(201)}`)).hits, 1);
  await sameWhenRebuilt();
});
