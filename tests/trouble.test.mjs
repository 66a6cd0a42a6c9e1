// What is wrong with a ledger, a figure, a row or a step is said in words, with the place, and nothing is half done.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { emptyArchive, query } from './archive.mjs';
import { csv, write } from './make.mjs';
import { Client, lantai, PASSWORD, serve, temporary } from './support.mjs';

const PROBLEMS = `name: 难题
group: 试验
number: "NT{year}-{serial:2}"
uses: [责任人, 截止, 密级, 附件]
fields:
  - {name: 来源, type: choice, values: [巡察, 调研], required: true}
  - {name: 成效, type: lines}
states: [{name: 登记}, {name: 已销号, closed: true}]
moves:
  - {from: 登记, to: 已销号, label: 销号, needs: [成效, 附件]}
  - {from: 已销号, to: 登记, label: 反弹}
`;
const CLOSED = 'name: 闭门\ngroup: 试验\nread: [director]\nwrite: [director]\nfields:\n  - {name: 来源, type: text}\n';
const FIGURES = 'figures:\n  - {name: 难题数, ledger: 难题, count: , unit: 个}\n';

let dir, server, clients = {};
const folder = temporary();
const file = (name, text) => { const target = path.join(folder, name); writeFileSync(target, text); return target; };
const define = (...files) => lantai(dir, 'define', ...files);
const counts = () => query(dir, "SELECT (SELECT COUNT(*) FROM ledger_version) AS ledgers, (SELECT COUNT(*) FROM figure_version) AS figures, (SELECT COUNT(*) FROM report_template) AS reports, (SELECT MAX(id) FROM event) AS events");
const refused = async (files, ...words) => {
  const former = await counts(), done = await define(...files);
  assert.equal(done.status, 1, done.stdout);
  for (const word of words) assert.match(done.stderr, word);
  assert.deepEqual(await counts(), former, 'nothing of it is in force');
};
const importRows = (rows, ...options) => lantai(dir, 'ledger', 'import', '难题', write(path.join(temporary(), 'rows.csv'), csv([['日期', '标题', '来源'], ...rows])), ...options);

before(async () => {
  dir = await emptyArchive();
  assert.equal((await define(file('problems.yaml', PROBLEMS), file('closed.yaml', CLOSED), file('figures.yaml', FIGURES))).status, 0);
  for (const [name, role] of [['wang', 'archivist'], ['admin', 'sysadmin'], ['leaving', 'archivist']])
    assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密')).status, 0);
});
after(async () => { await server?.stop(); });

test('figures that go round in a circle are refused with their file and name', async () => {
  await refused([file('circle.yaml', 'figures:\n  - {name: 甲, plus: [难题数, 乙]}\n  - {name: 乙, minus: [甲, 难题数]}\n')], /circle\.yaml：/, /甲：plus/, /自己/);
});

test('a field that does not exist is named, with the one that was meant', async () => {
  await refused([file('wrong.yaml', 'figures:\n  - {name: 巡察难题, ledger: 难题, where: {来原: 巡察}, count: }\n')], /wrong\.yaml：/, /巡察难题：where\.来原/, /来源/);
  await refused([file('key.yaml', PROBLEMS.replace('name: 难题', 'name: 另一本').replace('type: lines', 'tpye: lines'))], /key\.yaml：/, /fields\[1\]/, /tpye/);
  await refused([file('report.yaml', 'name: 总结\nheading: 总结\ntext: |\n  一、工作\n  共{难题树}。\n')], /report\.yaml：/, /第 2 行第 \d+ 字/, /难题数/);
});

test('of several files nothing is in force when one is wrong, and that one is named', async () => {
  const ledger = file('new.yaml', PROBLEMS.replace('name: 难题', 'name: 新账')), good = file('good.yaml', 'figures:\n  - {name: 新账数, ledger: 新账, count: , unit: 个}\n');
  const report = text => file('summary.yaml', `name: 新总结\nheading: 总结\ntext: |\n  共${text}。\n`);
  await refused([ledger, good, report('{新账树}')], /summary\.yaml：/, /新账数/);
  await refused([ledger, good, file('bad.yaml', 'figures:\n  - {name: 坏, ledger: 新账, sum: 来源}\n')], /bad\.yaml：/, /不是数/);
  await refused([ledger, good, file('twice.yaml', 'figures:\n  - {name: 新账数, ledger: 难题, count: }\n')], /有两个指标都叫“新账数”/);
  assert.equal((await lantai(dir, 'figure', '新账数', '--year', '2023')).status, 1);
  assert.equal((await define(ledger, good, report('{新账数}'))).status, 0);
  assert.match((await lantai(dir, 'figure', '新账数', '--year', '2023')).stdout, /0个/);
});

test('an import with half its rows unknown says so row by row, and takes none', async () => {
  const rows = Array.from({ length: 10 }, (_, i) => [i === 4 ? '2023-02-30' : '2023-05-01', `第${i + 1}件`, i % 2 ? '听说' : '巡察']);
  const rehearsed = await importRows(rows, '--rehearse', '--json');
  assert.deepEqual(rehearsed.json.problems.map(({ row }) => row), [3, 5, 6, 7, 9, 11]);
  assert.match(JSON.stringify(rehearsed.json.problems[0]), /来源.*“听说”/);
  assert.match(JSON.stringify(rehearsed.json.problems[2]), /2023-02-30.*不是日期/);
  const done = await importRows(rows);
  assert.equal(done.status, 1);
  assert.match(done.stderr, /6 处有误，一行也没有导入；第 3 行/);
  assert.deepEqual(await query(dir, "SELECT COUNT(*) AS n FROM ledger_entry AS e JOIN ledger AS l ON l.id = e.ledger_id WHERE l.name = '难题'"), [{ n: 0 }]);
});

test('a new definition over old entries says which they are; what fits leaves them readable', async () => {
  assert.equal((await importRows([['2023-05-01', '漏水', '巡察'], ['2023-06-01', '缺员', '调研']])).status, 0);
  await refused([file('problems.yaml', PROBLEMS.replace('[巡察, 调研]', '[巡察]'))], /problems\.yaml：/, /NT2023-02《缺员》来源“调研”/, /没有启用/);
  await refused([file('problems.yaml', PROBLEMS.replaceAll('登记', '立项'))], /状态“登记”：新定义没有这个状态/);
  const renamed = PROBLEMS.replace('name: 来源, type', 'name: 问题来源, was: [来源], type');
  assert.equal((await define(file('problems.yaml', renamed))).status, 0);
  const { stdout } = await lantai(dir, 'ledger', 'export', '难题', path.join(folder, 'out.csv'));
  assert.equal(stdout.length >= 0, true);
  const figure = await lantai(dir, 'figure', '难题数', '--year', '2023', '--json');
  assert.deepEqual(figure.json.rows.map(({ values }) => values.问题来源), ['巡察', '调研']);
  assert.equal((await define(file('problems.yaml', PROBLEMS.replace('name: 来源, type', 'name: 来源, was: [问题来源], type')))).status, 0);
});

test('a step without its evidence, a deadline before its beginning, another’s ledger, who is still responsible', async () => {
  server = await serve(dir);
  for (const name of ['wang', 'admin']) clients[name] = await new Client(server.base).signIn(name);
  const [{ id }] = await query(dir, "SELECT id FROM ledger WHERE name = '难题'"), [{ entry }] = await query(dir, "SELECT id AS entry FROM ledger_entry WHERE title = '漏水'");
  const moved = await clients.wang.post(`/entry/${entry}/move`, { form: { to: '已销号' } });
  assert.equal(moved.status, 422);
  assert.match(moved.text, /“销号”之前请先填写：成效、附件/);
  const nowhere = await clients.wang.post(`/entry/${entry}/move`, { form: { to: '不存在' } });
  assert.match(nowhere.text, /没有状态“不存在”/);
  const early = await clients.wang.post(`/ledger/${id}/new`, { form: { 'v.标题': '早', 'v.日期': '2023-05-10', 'v.来源': '巡察', 'v.截止': '2023-05-09' } });
  assert.equal(early.status, 422);
  assert.match(early.json.faults.截止, /截止日期（2023-05-09）早于开始日期（2023-05-10）/);
  const skipped = await clients.wang.post(`/entry/${entry}/edit`, { form: { 'v.标题': '漏水', 'v.日期': '2023-05-01', 'v.来源': '巡察', 'v.状态': '已销号', rev: 0 } });
  assert.equal((await query(dir, `SELECT state FROM ledger_entry WHERE id = ${entry}`))[0].state, '登记', skipped.text.slice(0, 200));
  const others = await clients.wang.post('/figure/new', { form: { yaml: 'name: 闭门数\nledger: 闭门\ncount: \n', save: 1 } });
  assert.equal(others.status, 403);
  assert.match(others.text, /您不能查看/);
  const given = await clients.wang.post(`/ledger/${id}/new`, { form: { 'v.标题': '未了', 'v.日期': '2023-05-10', 'v.来源': '巡察', 'v.责任人': 'leaving', 'v.截止': '2030-01-01' } });
  assert.equal(given.status, 200, given.text.slice(0, 300));
  const user = (await clients.admin.get('/users')).json.users.find(({ name }) => name === 'leaving');
  const disabled = await clients.admin.post(`/user/${user.id}`, { form: { shown: user.title } });
  assert.ok([409, 422].includes(disabled.status), disabled.text.slice(280, 900));
  assert.match(disabled.text, /1 条台账条目/); // how many; which is for those who may see them
  assert.doesNotMatch(disabled.text, /未了/);
});

test('what came back is not closed again by the files of the first time', async () => {
  const [{ id }] = await query(dir, "SELECT id FROM ledger WHERE name = '难题'");
  const made = await clients.wang.post(`/ledger/${id}/new`, { form: { 'v.标题': '又漏水', 'v.日期': '2023-05-10', 'v.来源': '巡察', 'v.成效': '已修' } });
  const entry = /\/entry\/(\d+)/.exec(made.json?.location ?? made.url)[1];
  const attach = async name => {
    const body = new FormData();
    body.append('csrf', clients.wang.csrf);
    body.append('file1', new Blob(['佐证']), name);
    assert.equal((await clients.wang.post(`/entry/${entry}/files`, { body })).status, 200);
  };
  const move = async to => await clients.wang.post(`/entry/${entry}/move`, { form: { to } });
  await attach('修缮.txt');
  assert.equal((await move('已销号')).status, 200);
  assert.equal((await move('登记')).status, 200);
  const refused = await move('已销号');
  assert.equal(refused.status, 422);
  assert.match(refused.text, /请先填写：附件（重新办理以后的）/);
  await attach('再修.txt');
  assert.equal((await move('已销号')).status, 200);
});

test('what somebody owes fills a page with what he may see', async () => {
  const rows = Array.from({ length: 510 }, (_, i) => ['2023-05-01', `密${i}`, '巡察', '机密', 'wang', '2024-01-01']).concat([['2023-05-01', '看得到的', '巡察', '公开', 'wang', '2025-01-01']]);
  await server.stop();
  const table = write(path.join(temporary(), 'owed.csv'), csv([['日期', '标题', '来源', '密级', '责任人', '截止'], ...rows]));
  assert.equal((await lantai(dir, 'ledger', 'import', '难题', table)).status, 0);
  server = await serve(dir);
  clients.wang = await new Client(server.base).signIn('wang');
  const owed = await clients.wang.get('/owed');
  assert.ok(owed.text.includes('看得到的'), owed.text.slice(0, 300));
  assert.ok(!owed.text.includes('密1'));
});
