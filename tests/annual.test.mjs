// The national annual form and an evaluation, as the office fills them: what people must write comes from a sheet, is approved by somebody else, the rest is computed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { emptyArchive } from './archive.mjs';
import { csv, write } from './make.mjs';
import { Client, lantai, PASSWORD, root, serve, temporary } from './support.mjs';

const definition = readFileSync(path.join(root, 'definitions', 'ledgers', 'annual-items.yaml'), 'utf8');
const items = [...definition.slice(definition.indexOf('name: 指标'), definition.indexOf('name: 计量单位')).matchAll(/^ {6}- (\S+)$/gm)].map(each => each[1]);
let dir, folder;
const run = async (...args) => {
  const done = await lantai(dir, ...args);
  assert.equal(done.status, 0, `${args.join(' ')}: ${done.stderr}`);
  return done;
};
const figure = async (name, year = 2023) => (await run('figure', name, '--year', String(year), '--json')).json;
const bring = (ledger, table) => run('ledger', 'import', ledger, write(path.join(folder, `${ledger}.csv`), csv(table)), '--json');

before(async () => {
  dir = await emptyArchive();
  folder = temporary();
});

test('what people write: complete only when every item is approved', async () => {
  assert.ok(items.length > 15, items.join());
  const rows = items.map((item, i) => ['2023-12-31', item, '件', item === '馆舍总面积' ? 300 : 100 - i, i === 3 ? '已填' : '已审定']);
  await bring('年报填报项', [['统计时点', '指标', '计量单位', '数值', '状态'], ...rows, ['2022-12-31', '定编人数', '人', 90, '已审定']]);
  const progress = await figure('年报填报进度');
  assert.deepEqual([progress.value, progress.whole, progress.text], [items.length - 1, items.length, `已审定${items.length - 1}项，还有1项未审定`]);
  const staff = await figure('定编人数');
  assert.deepEqual([staff.value, staff.text, staff.last.value], [100, '100人', 90]);
});

test('what is computed: holdings of the year\'s end, the rate over files, last year beside it', async () => {
  await bring('馆藏总账', [['时点', '全宗名称', '门类', '卷数', '件数', '卷内件数', '已数字化件数', '已数字化卷内件数'], ['2022-12-31', '甲', '文书', 10, 100, 50, 60, 0],
    ['2023-06-30', '甲', '文书', 11, 110, 55, 60, 10], ['2023-12-31', '甲', '文书', 12, 120, 60, 60, 30], ['2023-12-31', '乙', '会计', 3, 0, 20, 0, 0]]);
  const volumes = await figure('馆藏以卷');
  assert.deepEqual([volumes.value, volumes.last.value, volumes.parts.map(each => [each.key, each.value])], [15, 10, [['文书', 12], ['会计', 3]]]);
  assert.equal((await figure('年报数字化率')).text, '45％'); // (60 + 30) of (120 + 60 + 20): volumes are not added to files
  const { stdout } = await run('report', '档案馆基本情况年报', '-', '--year', '2023', '--format', 'md');
  assert.match(stdout, /\| 馆藏 \| 以卷为保管单位 \| 卷 \| 15 \| /);
  assert.match(stdout, /\| 数字化 \| 数字化率 \| ％ \| 45 \| /);
  assert.equal(stdout.split('\n').filter(line => line.startsWith('| ')).length > 45, true);
});

test('an evaluation: points by area, what still lacks its owner or its proof', async () => {
  await bring('业务建设评价', [['自评日期', '评价内容', '指标号', '大项', '分值', '自评分', '责任人', '状态'], ['2023-11-01', '库房', '1', '条件与保障', 4, 3.5, '张三', '已自评'],
    ['2023-11-01', '计划', '2', '馆务', 2, 2, '李四', '已自评'], ['2023-11-01', '接收', '3', '档案基础业务', 6, '', '', '待自评'], ['2023-11-01', '查档', '4', '开发利用', 4, 4, '王五', '已自评'],
    ['2023-11-01', '报送', '5', '工作落实', 4, 4, '王五', '已自评']]);
  const points = await figure('评价自评分'), whole = await figure('评价满分');
  assert.deepEqual([points.value, whole.value, (await figure('评价得分率')).text, (await figure('评价指标有佐证')).value], [13.5, 20, '67.5％', 0]);
  const { stdout } = await run('report', '业务建设评价自评报告', '-', '--year', '2023', '--format', 'md');
  assert.match(stdout, /\| 档案基础业务 \| 6分 \| /);
});

test('the shipped tables of indicators: brought in, what lacks is counted and opens to its rows, an incomplete table says so', async () => {
  for (const ledger of ['数字档案馆测试', '业务建设评价']) await run('ledger', 'import', ledger, path.join(root, 'examples', 'evaluation', `${ledger}.csv`), '--json');
  const whole = await figure('测试满分', 2026), groups = Object.fromEntries(whole.parts.map(({ key, value }) => [key, value]));
  assert.deepEqual([groups.基础设施, groups.系统功能], [12, 12]);
  assert.ok(whole.warnings.length > 0, '24 of 100 points: the table is not whole');
  assert.equal((await figure('评价满分', 2026)).value, 100);
  for (const name of ['测试指标缺佐证', '测试指标未自评', '测试指标没有责任人']) {
    const lacking = await figure(name, 2026);
    assert.deepEqual([lacking.value, lacking.rows.length], [15, 15], name);
  }
  const { stdout } = await run('report', '数字档案馆测试自测报告', '-', '--year', '2026', '--format', 'md');
  assert.match(stdout, /还有15项指标没有自评。还有15项指标没有落实责任人。/);
});

/* ---- handed up ---- */

// The cells of a sheet, row by row.
function cells(bytes) {
  const file = path.join(temporary(), 'form.xlsx');
  writeFileSync(file, bytes);
  const xml = execFileSync('unzip', ['-p', file, 'xl/worksheets/sheet1.xml'], { encoding: 'utf8' });
  return [...xml.matchAll(/<row [^>]*>(.*?)<\/row>/gs)].map(([, row]) => row.split(/<c /).slice(1).map(cell => /<(?:v|t)[^>]*>([^<]*)</.exec(cell)?.[1] ?? ''));
}

test('at the year\'s end the form is signed by three, and the sheet that is handed up keeps its numbers', async () => {
  for (const [name, role] of [['writer', 'archivist'], ['checker', 'archivist'], ['leader', 'director'], ['signer', 'director']])
    await run('user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密');
  const server = await serve(dir);
  try {
    const clients = Object.fromEntries(await Promise.all(['writer', 'checker', 'leader', 'signer'].map(async name => [name, await new Client(server.base).signIn(name)])));
    const post = async (name, target, form, status = 200) => {
      const reply = await clients[name].post(target, { form });
      assert.equal(reply.status, status, `${name} ${target}: ${reply.text.slice(0, 300)}`);
      return reply.json;
    };
    const [template] = (await clients.writer.get('/reports')).json.templates.filter(({ name }) => name === '档案馆基本情况年报');
    const { location } = await post('writer', '/reports/new', { template: template.id, year: 2023, unit: '' });
    const decide = (name, verdict) => post(name, `${location}/decide`, { verdict, note: '同意' });
    await decide('writer', 'submit');
    for (const name of ['checker', 'leader', 'signer']) await decide(name, 'pass');
    assert.equal((await clients.writer.get(location)).json.issue.state, 'frozen');
    const sheet = async () => cells((await clients.writer.get(`${location}/file?format=xlsx`)).bytes);
    const handed = await sheet(), row = name => handed.find(([, item]) => item === name);
    assert.deepEqual([row('指标').slice(2), row('以卷为保管单位').slice(2), row('数字化率').slice(2, 4), row('定编').slice(2)],
      [['计量单位', '本年', '上年'], ['卷', '15', '10'], ['％', '45'], ['人', '100', '90']]);
    assert.ok(handed.length > 45);
    const { entries } = (await run('ledger', 'list', '馆藏总账', '--json')).json, last = entries.find(({ title }) => title.startsWith('乙'));
    await post('writer', `/entry/${last.id}/edit`, { rev: last.rev, 'v.全宗名称': '乙', 'v.日期': '2023-12-31', 'v.门类': '会计', 'v.卷数': '300' });
    assert.equal((await figure('馆藏以卷')).value, 312);
    assert.deepEqual(await sheet(), handed);
  } finally { await server.stop(); }
});
