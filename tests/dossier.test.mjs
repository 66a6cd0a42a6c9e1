// 一批示一档案: a leader's instruction opens an entry that gathers measures, progress and evidence; finished, it becomes a record of the catalogue with its files, the way deliveries do.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { emptyArchive } from './archive.mjs';
import { Client, lantai, PASSWORD, pdfBytes, serve, sqlite, temporary } from './support.mjs';

let dir, server, clerk, director, office, ledgers;
const pause = ms => new Promise(done => setTimeout(done, ms));
const client = async name => new Client(server.base).signIn(name);
const entry = async (id, who = clerk) => (await who.get(`/entry/${id}`)).json;
const at = { add: async (ledger, values, who = clerk) => {
  const reply = await who.post(`/ledger/${ledgers[ledger]}/new`, { json: { v: values } });
  assert.equal(reply.status, 200, reply.text.slice(0, 400));
  return Number(/\/entry\/(\d+)/.exec(reply.json.location)[1]);
} };

async function upload(id, name, bytes) {
  const form = new FormData();
  form.append('csrf', clerk.csrf);
  form.append('file1', new Blob([bytes]), name);
  const reply = await clerk.post(`/entry/${id}/files`, { body: form });
  assert.equal(reply.status, 200, reply.text);
}
async function move(id, to, who = clerk, note) {
  const reply = await who.post(`/entry/${id}/move`, { form: { to, ...(note ? { note } : {}) } });
  assert.equal(reply.status, 200, reply.text);
}
async function until(what, seconds = 20) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(150)) {
    const found = await what();
    if (found) return found;
  }
  throw new Error('waited in vain');
}
const stateOf = delivery => sqlite(dir, `SELECT state FROM accession WHERE id = ${delivery}`)[0].state;
const tieOf = async id => (await entry(id)).tied;
const archived = id => until(async () => { const tied = await tieOf(id); return tied?.record ? tied : null; });

// A task from its beginning to its end, by two people.
async function task(title, extra = {}) {
  const id = await at.add('督办任务', { 标题: title, 日期: '2026-03-02', 事项: '任务', 清单: '一批示一档案', 责任部门: '编研科', 责任单位: '编研科', 截止: '2026-12-30',
    '批示.0.批示人': '市领导', '批示.0.日期': '2026-03-01', '批示.0.内容': '请提出方案。', '进展.0.日期': '2026-03-20', '进展.0.内容': '方案已报。', 办理结果: '方案已批准。', ...extra });
  await move(id, '办理中');
  await move(id, '待核验');
  return id;
}

before(async () => {
  dir = await emptyArchive();
  const settings = path.join(dir, 'lantai.yaml');
  writeFileSync(settings, readFileSync(settings, 'utf8').replace(/fonds: .*/, 'fonds: "Z001"'));
  for (const [name, role] of [['clerk', 'archivist'], ['boss', 'director'], ['office', 'office'], ['reader', 'reader']])
    assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', role === 'archivist' || role === 'director' ? '秘密' : '公开')).status, 0);
  server = await serve(dir);
  [clerk, director, office] = [await client('clerk'), await client('boss'), await client('office')];
  ledgers = Object.fromEntries((await clerk.get('/ledgers')).json.groups.flatMap(group => group.ledgers).map(ledger => [ledger.name, ledger.id]));
});
after(async () => { await server?.stop(); });

let first, tie;

test('what is not finished is no dossier; what it will be is shown before it is made', async () => {
  first = await task('办理市领导关于红色档案的批示');
  await upload(first, '领导批示件.pdf', pdfBytes('instruction'));
  await upload(first, '方案.txt', Buffer.from('红色档案开发利用方案\n'));
  assert.equal((await clerk.get(`/entry/${first}/archive`)).status, 409, 'not finished');
  await move(first, '已办结', director);
  const shown = (await clerk.get(`/entry/${first}/archive`)).json.dossier;
  assert.deepEqual(shown.files.map(file => file.as), ['001 办理单.pdf', '002 领导批示件.pdf', '003 方案.txt']);
  const fields = Object.fromEntries(shown.fields.map(field => [field.label, field.value]));
  assert.equal(fields.题名, '办理市领导关于红色档案的批示');
  assert.deepEqual([fields.责任者, fields.机构或问题, fields.保管期限, fields.密级], ['编研科', '编研科', '永久', '公开']);
  assert.equal(fields.年度, String(new Date(Date.now() + 8 * 3600000).getUTCFullYear()), 'of the year in which it was finished');
  assert.equal(shown.fonds, 'Z001');
  const sheet = await clerk.get(`/entry/${first}/sheet`);
  assert.equal(sheet.bytes.subarray(0, 5).toString(), '%PDF-');
  assert.match((await clerk.get(`/entry/${first}`, { html: true })).text, new RegExp(`/entry/${first}/archive`));
});

test('one button: it is checked, loaded and tied both ways, and nothing of the entry changes any more', async () => {
  assert.equal((await clerk.post(`/entry/${first}/archive`, { form: {} })).status, 200);
  tie = await archived(first);
  const record = (await clerk.get(`/record/${tie.record}`)).json;
  assert.equal(record.record.code, tie.code);
  assert.match(tie.code, /^Z001-WS·\d{4}·Y·编研科-0001$/);
  assert.equal(record.record.title, '办理市领导关于红色档案的批示');
  assert.equal(record.file_count, 3);
  assert.deepEqual(record.ledger_entries.flatMap(group => group.entries.map(one => [group.ledger, one.id])), [['督办任务', first]]);
  const files = (await clerk.get(`/record/${tie.record}?tab=files`)).json.files;
  assert.deepEqual(files.map(file => file.name), ['001 办理单.pdf', '002 领导批示件.pdf', '003 方案.txt']);
  for (const [target, form] of [[`/entry/${first}/edit`, { 'v.标题': '别的' }], [`/entry/${first}/move`, { to: '办理中' }], [`/entry/${first}/delete`, { why: '试试' }],
    [`/entry/${first}/detach`, { name: '方案.txt' }], [`/entry/${first}/archive`, {}], [`/entry/${first}/restore`, { rev: 1 }]])
    assert.ok([409, 404].includes((await clerk.post(target, { form })).status), target);
  const now = (await entry(first)).entry;
  assert.equal(now.title, '办理市领导关于红色档案的批示');
  assert.equal(now.files.length, 2);
  assert.equal((await clerk.get(`/entry/${first}/edit`)).status, 409);
});

test('two who press at once make one record', async () => {
  const id = await task('同时归档的任务');
  await move(id, '已办结', director);
  const other = await client('clerk');
  const replies = await Promise.all([clerk, other, director].map(who => who.post(`/entry/${id}/archive`, { form: {} })));
  assert.equal(replies.filter(reply => reply.status === 200).length, 1, replies.map(reply => reply.status).join());
  await archived(id);
  assert.equal(sqlite(dir, "SELECT COUNT(*) AS n FROM record WHERE title = '同时归档的任务'")[0].n, 1);
});

test('measures and their evidence go with it; a secret entry makes a secret record; what few may read stays out', async () => {
  const problem = await at.add('问题整改台账', { 标题: '库房湿度超限', 日期: '2026-02-01', 来源: '安全巡查', 责任领导: '馆长', 责任单位: '保管科', 责任部门: '保管科', 截止: '2026-12-01', 整改成效: '已达标。',
    '回头看.0.日期': '2026-06-01', '回头看.0.结论': '未反弹' });
  await upload(problem, '测湿记录.txt', Buffer.from('45%\n'));
  const measure = await at.add('整改措施', { 标题: '安装除湿机', 日期: '2026-02-03', 所属问题: `#${problem}`, 来源: '问题整改' });
  await upload(measure, '验收单.txt', Buffer.from('合格\n'));
  for (const to of ['整改中', '待核验']) await move(problem, to);
  await move(problem, '已整改', director);
  const shown = (await clerk.get(`/entry/${problem}/archive`)).json.dossier;
  assert.deepEqual(shown.files.map(file => file.as), ['001 办理单.pdf', '002 测湿记录.txt', '003 验收单.txt']);
  const id = await task('办理密件批示', { 密级: '秘密' });
  await move(id, '已办结', director);
  assert.equal((await clerk.get(`/entry/${id}/archive`)).json.dossier.secrecy, '秘密');
  assert.equal((await office.get(`/entry/${id}/archive`)).status, 404, 'who may not see it makes no dossier of it');
  assert.equal((await clerk.post(`/entry/${id}/archive`, { form: {} })).status, 200);
  const secret = await archived(id);
  assert.equal((await clerk.get(`/record/${secret.record}`)).json.record.security, 'secret');
  for (const name of ['reader', 'office']) assert.equal((await (await client(name)).get(`/record/${secret.record}`)).status, 404, name);
  const meeting = await at.add('会议台账', { 标题: '专题研究密件的会', 日期: '2026-03-01', 会议类型: '馆长办公会', 密级: '秘密' });
  const open = await task('落实会议决定', { 来源会议: `#${meeting}` });
  await move(open, '已办结', director);
  assert.equal((await office.get(`/entry/${open}`)).status, 200);
  assert.equal((await office.get(`/ledger/${ledgers.督办任务}/archive`)).json.others, 1);
  for (const part of ['sheet', 'archive']) assert.equal((await office.get(`/entry/${open}/${part}`)).status, 403, `${part}: it names what the asker may not see`);
  assert.equal((await clerk.get(`/entry/${open}/archive`)).json.dossier.secrecy, '秘密', 'and makes a record as secret');
});

test('in bulk over a year, by somebody who may not accept: it waits for review; returned, it is free to be put right', async () => {
  const ids = [];
  for (const title of ['成批一', '成批二']) {
    ids.push(await task(title));
    await move(ids.at(-1), '已办结', director);
  }
  const listed = await office.get(`/ledger/${ledgers.督办任务}/archive?year=2026`), list = listed.json;
  assert.equal(listed.status, 200, listed.text);
  assert.deepEqual(list.dossiers.map(one => one.name.replace(/^\S+ /, '')).sort(), ['成批一', '成批二']);
  assert.equal(new Set(list.dossiers.map(one => one.code)).size, 2, 'each its own 档号');
  const form = new URLSearchParams(ids.map(id => ['entry', String(id)]));
  assert.equal((await office.post(`/ledger/${ledgers.督办任务}/archive`, { form })).status, 200);
  const delivery = (await tieOf(ids[0])).delivery;
  await until(async () => stateOf(delivery) === 'rehearsed');
  assert.equal((await tieOf(ids[1])).record, 0, 'not before somebody accepts');
  assert.equal((await clerk.post(`/entry/${ids[0]}/edit`, { form: { 'v.标题': '改' } })).status, 409);
  // The 档号 that it waits for: nobody types it, the next free one is another, and a delivery that brings it brings all but that row.
  const code = (await tieOf(ids[0])).code, like = (await clerk.get(`/record/${(await tieOf(first)).record}`)).json.record;
  const described = { parent: like.parent_id, level: 'item', category: like.category, title: '手工著录的一件', year: like.year, retention: '永久', date: '2026-01-01' };
  const typed = await clerk.post('/record/new', { form: { ...described, code } });
  assert.equal(typed.status, 409, typed.text.slice(0, 300));
  assert.match(typed.json.problem, new RegExp(`^档号 ${code} 已留给正在归档的台账条目`));
  assert.doesNotMatch(typed.json.problem, /批次/, 'which delivery that is, is not told');
  const fonds = await clerk.post('/record/new', { form: { level: 'fonds', code: 'J990', title: '别的全宗' } });
  assert.equal(fonds.status, 200, fonds.text.slice(0, 300));
  const free = await clerk.post('/record/new', { form: { ...described, parent: /\d+/.exec(fonds.json.location)[0], category: like.category.code, code } });
  assert.equal(free.status, 200, `in another fonds the 档号 is free: ${free.text.slice(0, 300)}`);
  const numbered = await clerk.post('/record/new', { form: { ...described, number: 1 } });
  const given = numbered.json.inputs.find(input => input.name === 'code').value;
  assert.ok(given && ![code, (await tieOf(ids[1])).code].includes(given), given);
  assert.equal((await clerk.post(`/delivery/${delivery}/return`, { form: { note: '缺批示原件' } })).status, 200);
  await until(async () => (await tieOf(ids[0])) === undefined);
  const now = stateOf(delivery);
  assert.equal(now, 'discarded', 'and is not sent again behind their back');
  await upload(ids[0], '批示原件.pdf', pdfBytes('original'));
  assert.equal((await office.post(`/ledger/${ledgers.督办任务}/archive`, { form })).status, 200);
  const again = (await tieOf(ids[0])).delivery;
  await until(async () => stateOf(again) === 'rehearsed');
  assert.equal((await clerk.post(`/delivery/${again}/load`, { form: { note: '' } })).status, 200);
  assert.equal((await archived(ids[0])).delivery, again);
  assert.equal((await clerk.get(`/record/${(await archived(ids[1])).record}`)).json.file_count, 1);
});

test('an entry that was deleted comes back from its history, whole: number, rows, files, state and what points to it', async () => {
  const id = await task('删去又恢复的任务');
  await upload(id, '佐证.txt', Buffer.from('佐证\n'));
  const before = (await entry(id)).entry, rev = before.rev;
  const child = await at.add('督办任务', { 标题: '下一级任务', 日期: '2026-03-05', 事项: '任务', 父级: `#${id}` });
  const refused = await clerk.post(`/entry/${id}/delete`, { form: { why: '登错了' } });
  assert.equal(refused.status, 409);
  assert.match(refused.text, /下一级任务/, 'others point to it');
  assert.equal((await clerk.post(`/entry/${child}/delete`, { form: { why: '登错了' } })).status, 200);
  assert.equal((await clerk.post(`/entry/${id}/delete`, { form: { why: '登错了' } })).status, 200);
  const gone = await entry(id);
  assert.equal(gone.entry.deleted, true);
  assert.equal(gone.write, false);
  assert.match(gone.history[0].note, /登错了/);
  assert.equal((await clerk.get(`/ledger/${ledgers.督办任务}?q=${encodeURIComponent('删去又恢复')}`)).json.count, 0);
  const another = await at.add('督办任务', { 标题: '此后登记的', 日期: '2026-03-06', 事项: '任务' });
  assert.notEqual((await entry(another)).entry.number, before.number, 'a number is never given twice');
  assert.equal((await clerk.post(`/entry/${id}/move`, { form: { to: '办理中' } })).status, 409);
  assert.equal((await clerk.post(`/entry/${id}/restore`, { form: { rev: String(rev) } })).status, 200);
  const back = (await entry(id)).entry;
  for (const key of ['number', 'title', 'state', 'states', 'values', 'files', 'due', 'deleted', 'closed']) assert.deepEqual(back[key], before[key], key);
  assert.equal((await clerk.get(`/entry/${id}/file?name=${encodeURIComponent('佐证.txt')}`)).text, '佐证\n');
  assert.equal((await clerk.get(`/ledger/${ledgers.督办任务}?q=${encodeURIComponent('删去又恢复')}`)).json.count, 1);
  assert.equal((await clerk.post(`/entry/${child}/restore`, { form: { rev: String((await entry(child)).history.at(-1).rev) } })).status, 200);
  assert.deepEqual((await entry(id)).children.flatMap(group => group.entries.map(one => one.id)), [child], 'and what pointed to it does again');
});

test('undone as deliveries are, the entry is as it was and can be archived again; a rebuilt archive knows all of it', async () => {
  assert.equal((await clerk.post(`/delivery/${tie.delivery}/undo`, { form: {} })).status, 200);
  await until(async () => (await tieOf(first)) === undefined);
  assert.equal((await clerk.get(`/record/${tie.record}`)).status, 404);
  assert.equal((await clerk.post(`/entry/${first}/archive`, { form: {} })).status, 200);
  const anew = await archived(first);
  assert.notEqual(anew.delivery, tie.delivery);
  const [restorable] = (await entry(first)).history.slice(-1);
  assert.equal(restorable.first, true);
  const waits = await task('等着审核的');
  await move(waits, '已办结', director);
  assert.equal((await office.post(`/entry/${waits}/archive`, { form: {} })).status, 200);
  const { code, delivery } = await tieOf(waits);
  await until(async () => stateOf(delivery) === 'rehearsed');
  await server.stop();
  // Another delivery brings the 档号 that this one waits for: that row stays out, the others come.
  const table = path.join(temporary(), 'taken.csv');
  writeFileSync(table, `档号,题名,责任者,日期,全宗号,门类,年度,保管期限\n${code},抢用的,甲局,2026-01-02,Z001,WS,2026,永久\n${code}9,不相干的,甲局,2026-01-02,Z001,WS,2026,永久\n`);
  const brought = await lantai(dir, 'import', table, '--json');
  assert.equal(brought.status, 0, brought.stderr);
  assert.deepEqual(sqlite(dir, `SELECT code FROM record WHERE code LIKE '${code}%'`).map(row => row.code), [`${code}9`]);
  const copy = path.join(temporary(), 'anew');
  const rebuilt = await lantai(dir, 'rebuild', copy, '--json');
  assert.equal(rebuilt.status, 0, rebuilt.stderr);
  assert.equal(rebuilt.json.equal, true);
  const ties = place => sqlite(place, "SELECT id, json_extract(data, '$.\"档案\"') AS record, json_extract(data, '$.\"归档档号\"') AS code FROM ledger_entry WHERE deleted = 0 AND data LIKE '%归档批次%' ORDER BY id");
  assert.deepEqual(ties(copy), ties(dir));
  const checked = await lantai(dir, 'check', '--json');
  assert.equal(checked.status, 0, checked.stdout.slice(0, 500));
  server = await serve(copy);
  clerk = undefined;
  await pause(4000);
  await server.stop();
  assert.deepEqual(ties(copy), ties(dir), 'and following the journal once more changes nothing');
  server = await serve(dir);
  clerk = await client('clerk');
});
