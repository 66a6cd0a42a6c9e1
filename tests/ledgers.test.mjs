// Ledgers at the command line: definitions checked and put in force, spreadsheets rehearsed, read in and written out, bad input, and the whole made anew from its events.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { Client, lantai, PASSWORD, serve, sqlite, temporary } from './support.mjs';

const folder = temporary('lantai-ledgers-'), dir = path.join(folder, 'archive');
const file = (name, text) => { const at = path.join(folder, name); writeFileSync(at, text); return at; };
const run = async (...args) => { const result = await lantai(dir, ...args, '--json'); assert.equal(result.status, 0, result.stderr); return JSON.parse(result.stdout); };
const refused = async (words, ...args) => { const result = await lantai(dir, ...args); assert.notEqual(result.status, 0); for (const word of words) assert.ok(result.stderr.includes(word), `“${word}” in ${result.stderr}`); };
const count = (where = '1 = 1') => sqlite(dir, `SELECT COUNT(*) AS n FROM ledger_entry WHERE ${where}`)[0].n;

const REPAIRS = `name: 修缮
group: 后勤
number: "XS{year}-{serial:3}"
uses: [责任人, 截止]
fields:
  - {name: 部位, type: choice, values: [屋顶, 门窗], required: true}
  - {name: 费用, type: money}
  - {name: 材料, type: rows, fields: [{name: 名称, required: true}, {name: 数量, type: number}]}
states: [{name: 待修}, {name: 已修, closed: true}]
moves:
  - {from: 待修, to: 已修, needs: [费用]}
`;
const SHEET = '标题,日期,部位,费用,材料.名称,材料.数量\n东库漏雨,2023-05-12,屋顶,"1,200",油毡,3\n,,,,沥青,2\n西窗松动,2023年6月1日,门窗,,,\n';

before(async () => { assert.equal((await lantai(dir, 'init')).status, 0); });

test('an archives has its ledgers on the first day', async () => {
  const list = await run('ledger', 'list');
  assert.ok(list.length >= 43, `${list.length} ledgers`);
  assert.ok(list.every(one => one.about && one.entries === 0));
});

test('a definition is put in force, and again changes nothing', async () => {
  const at = file('修缮.yaml', REPAIRS);
  assert.deepEqual((await run('define', at)).ledgers, ['修缮']);
  await run('define', at);
  assert.equal(sqlite(dir, "SELECT version FROM ledger WHERE name = '修缮'")[0].version, 1);
});

test('what is wrong in a definition is told with file, place and the nearest name', async () => {
  await refused(['a.yaml', 'fields[0].type', '是不是“number”'], 'define', file('a.yaml', 'name: 甲\nfields: [{name: 数, type: nubmer}]\n'));
  await refused(['b.yaml', '绕成了圈'], 'define', file('b.yaml', 'name: 甲\nfeed: {from: 甲}\n'));
  await refused(['c.yaml'], 'define', file('c.yaml', 'name: [甲\n'));
  await refused(['d.yaml', '既不是台账'], 'define', file('d.yaml', 'colour: red\n'));
  await refused(['e.yaml', '没有台账“修膳”', '是不是“修缮”'], 'define', file('e.yaml', 'figures:\n  - {name: 次数, ledger: 修膳, count: }\n'));
  await refused(['views[0].where', '是不是“部位”'], 'define', file('f.yaml', `${REPAIRS}views: [{name: 屋, where: {部卫: 屋顶}}]\n`));
  assert.equal(sqlite(dir, "SELECT COUNT(*) AS n FROM ledger WHERE name = '甲'")[0].n, 0);
});

test('a rehearsal writes nothing; the same sheet twice changes nothing', async () => {
  const sheet = file('修缮.csv', SHEET), events = () => sqlite(dir, 'SELECT COUNT(*) AS n FROM event')[0].n;
  const before = events(), trial = await run('ledger', 'import', '修缮', sheet, '--rehearse');
  assert.deepEqual([trial.rows, trial.created, trial.problem_count], [2, 2, 0]);
  assert.equal(count(), 0);
  assert.equal(events(), before);
  assert.equal((await run('ledger', 'import', '修缮', sheet)).created, 2);
  const again = await run('ledger', 'import', '修缮', sheet);
  assert.deepEqual([again.created, again.changed, again.same], [0, 0, 2]);
  const [first] = sqlite(dir, "SELECT number, data FROM ledger_entry ORDER BY id LIMIT 1");
  assert.equal(first.number, 'XS2023-001');
  assert.deepEqual(JSON.parse(first.data), { 费用: 1200, 部位: '屋顶', 材料: [{ 名称: '油毡', 数量: 3 }, { 名称: '沥青', 数量: 2 }] });
});

test('a sheet with half its rows unknown is refused row by row', async () => {
  const sheet = file('坏.csv', '标题,日期,部位,费用\n好,2023-07-01,屋顶,1\n坏,某日,墙,很多\n,2023-07-02,门窗,\n也好,2023-07-03,门窗,5\n');
  const trial = await run('ledger', 'import', '修缮', sheet, '--rehearse');
  assert.deepEqual(trial.problems.map(one => [one.row, one.problems.length]), [[3, 3], [4, 1]]);
  await refused(['第 3 行', '一行也没有导入'], 'ledger', 'import', '修缮', sheet);
  await refused(['没有一个台账“修缮”的栏目名'], 'ledger', 'import', '修缮', file('别的.csv', '甲,乙\n1,2\n'));
  await refused(['没有台账“修膳”'], 'ledger', 'import', '修膳', sheet);
  await refused(['须办理流转'], 'ledger', 'import', '修缮', file('态.csv', '编号,状态\nXS2023-002,已修\n'));
  assert.equal(count(), 2);
});

for (const name of ['out.csv', 'out.xlsx']) {
  test(`out as ${name} and in again changes nothing`, async () => {
    const at = path.join(folder, name);
    await run('ledger', 'export', '修缮', at);
    const back = await run('ledger', 'import', '修缮', at);
    assert.deepEqual([back.same, back.changed, back.created], [2, 0, 0]);
    if (name.endsWith('.csv')) assert.match(readFileSync(at, 'utf8'), /沥青/);
  });
}

test('a changed definition is compared with the entries; what fits comes into force and old entries stay readable', async () => {
  await refused(['1 处不合', 'XS2023-001', '屋顶'], 'define', file('g.yaml', REPAIRS.replace('[屋顶, 门窗]', '[楼顶, 门窗]')));
  await run('define', file('h.yaml', REPAIRS.replace('name: 部位,', 'name: 位置, was: [部位],').replace('[屋顶, 门窗]', '[屋顶, 门窗, 地面]')));
  const list = await run('ledger', 'list', '修缮');
  assert.equal(list.count, 2);
  assert.deepEqual(list.entries.map(one => [one.version, one.values['位置']]).sort(), [[1, '屋顶'], [1, '门窗']].sort());
});

test('another kind of office begins without the ledgers of an archives, and keeps to that', async () => {
  const plain = path.join(folder, 'plain'), back = path.join(folder, 'plain-back'), tar = path.join(folder, 'plain.tar');
  assert.equal((await lantai(plain, 'init', '--plain')).status, 0);
  const list = async at => JSON.parse((await lantai(at, 'ledger', 'list', '--json')).stdout).map(one => one.name);
  assert.deepEqual(await list(plain), []);
  assert.equal((await lantai(plain, 'define', file('own.yaml', REPAIRS))).status, 0);
  assert.deepEqual(await list(plain), ['修缮']); // also when it was opened again
  assert.equal(sqlite(plain, 'SELECT COUNT(*) AS n FROM figure')[0].n, 0);
  assert.equal((await lantai(plain, 'backup', tar)).status, 0);
  assert.equal((await lantai(plain, 'restore', tar, back)).status, 0);
  assert.deepEqual(await list(back), ['修缮']);
  await lantai(back, 'define', file('own.yaml', REPAIRS)); // opens it for writing
  assert.deepEqual(await list(back), ['修缮']);
});

test('the archive made anew from its events has the same ledgers, entries and numbers', async () => {
  const anew = path.join(folder, 'anew'), told = JSON.parse((await lantai(dir, 'rebuild', anew, '--json')).stdout);
  assert.equal(told.equal, true);
  assert.ok(told.rebuilt.ledger_entry.rows >= 2 && told.rebuilt.ledger.rows >= 45);
  for (const table of ['ledger', 'ledger_entry', 'ledger_number', 'ledger_link'])
    assert.deepEqual(sqlite(anew, `SELECT * FROM ${table} ORDER BY 1, 2`), sqlite(dir, `SELECT * FROM ${table} ORDER BY 1, 2`), table);
  const next = await lantai(anew, 'ledger', 'import', '修缮', file('又.csv', '标题,日期,位置\n又一处,2023-08-01,地面\n'), '--json');
  assert.equal(JSON.parse(next.stdout).entries[0].number, 'XS2023-003');
});

test('a whole import is taken back by one command; what somebody changed since stays and is named', async () => {
  const before = count('deleted = 0'), made = await run('ledger', 'import', '修缮', file('批.csv', '编号,标题,日期,位置\nXS2024-007,南墙,2024-03-01,地面\n,北墙,2024-03-02,地面\n'));
  assert.equal(count('deleted = 0'), before + 2);
  await run('ledger', 'import', '修缮', file('改.csv', '编号,费用\nXS2024-008,300\n'));
  const back = await run('ledger', 'undo', String(made.batch));
  assert.deepEqual([back.undone, back.kept.map(one => [one.row, one.number, one.title])], [1, [[3, 'XS2024-008', '北墙']]]);
  assert.match(back.kept[0].problem, /又改过/);
  await refused(['已经撤销'], 'ledger', 'undo', String(made.batch));
  assert.equal((await run('ledger', 'import', '修缮', file('再.csv', '编号,标题,日期,位置\nXS2024-007,南墙改,2024-03-01,地面\n'))).created, 1, 'under its own number again');
});

test('a long import through the pages: killed in its third slice it goes on after the next start, others save meanwhile, and it is taken back as a whole', async () => {
  assert.equal((await lantai(dir, 'user', 'add', 'clerk', '--role', 'archivist', '--password', PASSWORD)).status, 0);
  const rows = 1500, id = sqlite(dir, "SELECT id FROM ledger WHERE name = '修缮'")[0].id, made = () => count(`deleted = 0 AND title LIKE '第%处'`);
  const sheet = `标题,日期,位置\n${Array.from({ length: rows }, (_, i) => `第${i}处,2025-05-12,地面`).join('\n')}\n`;
  let server = await serve(dir, { LANTAI_FAULT: 'ledger.batch:3' });
  const settled = async (client, batch) => {
    for (;;) {
      const { json } = await client.get(batch);
      if (!json.job) return json;
      await new Promise(done => setTimeout(done, 50));
    }
  };
  try {
    let client = await new Client(server.base).signIn('clerk');
    const upload = new FormData();
    upload.set('csrf', client.csrf);
    upload.set('file', new Blob([sheet]), '大表.csv');
    const batch = (await client.post(`/ledger/${id}/import`, { body: upload })).json.location, planned = await settled(client, batch);
    assert.deepEqual([planned.state_label, planned.result.created, planned.waiting], ['还没有写入', rows, rows]);
    assert.deepEqual([planned.result.entries[1].number, planned.rows[2].number], ['XS2025-002', 'XS2025-003'], 'as they will be');
    await client.post(`${batch}/make`, { form: {} }).catch(() => {});
    await server.ended;
    assert.ok(made() > 0 && made() < rows, 'some whole slices');
    server = await serve(dir);
    client = await new Client(server.base).signIn('clerk');
    const saved = await client.post(`/ledger/${id}/new`, { form: { 'v.标题': '其间', 'v.日期': '2025-06-01', 'v.位置': '屋顶' } });
    assert.ok(saved.status < 400, saved.text);
    const done = await settled(client, batch);
    assert.deepEqual([done.state_label, done.made, done.left, made()], ['已写入', rows, 0, rows]);
    assert.deepEqual((await client.get(`/ledger/${id}/actions`)).json.batches.map(one => [one.title, one.state_label]), [['大表.csv', '已写入']]);
    const bulk = (await client.post(`/ledger/${id}/bulk`, { form: { field: '费用', value: '5', q: '第' } })).json.location;
    assert.equal((await settled(client, bulk)).waiting, rows, 'all that the filter finds, not one page of it');
    await client.post(`${bulk}/make`, { form: {} });
    assert.deepEqual([(await settled(client, bulk)).made, count("json_extract(data, '$.费用') = 5")], [rows, rows]);
    await client.post(`${bulk}/undo`, { form: {} });
    assert.deepEqual([(await settled(client, bulk)).undone, count("json_extract(data, '$.费用') = 5")], [rows, 0]);
    assert.equal((await client.get(`/ledger/${id}?print=1&q=${encodeURIComponent('第')}`)).json.rows.length, rows, 'and so does paper');
    await client.post(`${batch}/undo`, { form: {} });
    const undone = await settled(client, batch);
    assert.deepEqual([undone.state_label, undone.undone, made()], ['已撤销', rows, 0]);
  } finally {
    await server.stop();
  }
});
