// Ledgers that fill themselves: for every source the act is done, the entry stands in its ledger once, the figure counts it, and what is undone goes out. Days are
// those of the archives whatever the machine's zone: everything here runs with TZ=UTC.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { emptyArchive } from './archive.mjs';
import { Client, csvText, DELIVERY_HEADER, deliveryCode, lantai, PASSWORD, serve, sqlite, temporary, writeDelivery } from './support.mjs';

process.env.TZ = 'UTC';
const folder = temporary('lantai-feed-'), YEAR = new Date(Date.now() + 8 * 3600000).getUTCFullYear(), pause = ms => new Promise(done => setTimeout(done, ms));
const PEOPLE = { archivist: 'archivist', other: 'archivist', leader: 'director', signer: 'director', office: 'office', limited: 'archivist' };
// What is destroyed has no ledger of its own among those that ship; the report rests on nothing.
const OWN = { 'destroyed.yaml': 'name: 销毁清册\nuses: [责任部门]\nfields: [{name: 件数, type: number}, {name: 理由, type: text}]\nfeed:\n  from: 销毁单\n  when: {状态: 已完成, 类型: 销毁}\n' +
    '  values: {标题: "第{件数}件", 日期: "{完成日期}", 件数: "{件数}", 理由: "{理由}"}\n',
'counts.yaml': 'figures:\n  - {name: 接收条数, ledger: 接收进馆, sum: 条数, unit: 条}\n  - {name: 销毁件数, ledger: 销毁清册, sum: 件数, unit: 件}\n' +
    '  - {name: 拟公布条数, ledger: 目录公布, sum: 条数, unit: 条}\n  - {name: 馆藏巡检次数, ledger: 值班巡查, where: {类型: 巡查}, count: , unit: 次}\n  - {name: 签发报告, ledger: 公文流转, where: {文种: 报告}, count: , unit: 份}\n  - {name: 批准制度, ledger: 业务指导, where: {内容: 归档}, count: , unit: 次}\n',
'short.yaml': 'name: 简报\nperiod: year\nheading: "{年份}年秘密代号甲"\ntext: |\n  今年接收{接收条数}。\n' };
let dir, server, who = {}, delivery;

const entries = ledger => sqlite(dir, 'SELECT e.key AS key, e.number AS number, e.title AS title, e.state AS state, e.deleted AS deleted, e.rev AS rev, e.from_date AS day, e.data AS data ' +
  `FROM ledger_entry AS e JOIN ledger AS l ON l.id = e.ledger_id WHERE l.name = '${ledger}' ORDER BY e.id`).map(entry => ({ ...entry, data: JSON.parse(entry.data) }));
const there = ledger => entries(ledger).filter(entry => !entry.deleted && /^[a-z]+:\d+$/.test(entry.key));
async function until(what, test) {
  for (let i = 0; i < 400; i++) {
    const found = await test();
    if (found) return found;
    await pause(50);
  }
  throw new Error(`not in time: ${what}`);
}
const post = async (name, target, form = {}, status = 200) => {
  const reply = await who[name].post(target, { form });
  assert.equal(reply.status, status, `${target}: ${reply.text.slice(0, 300)}`);
  return reply.json;
};
const get = async (name, target) => (await who[name].get(target)).json;
const figure = async name => {
  const { rows, bare } = await get('archivist', `/figures?q=${encodeURIComponent(name)}&year=${YEAR}`), { id } = [...rows, ...bare?.figures ?? []].find(row => row.name === name);
  return (await get('archivist', `/figure/${id}?year=${YEAR}`)).result.value;
};
const idle = () => until('jobs', () => sqlite(dir, "SELECT COUNT(*) AS n FROM job WHERE state IN ('queued', 'running')")[0].n === 0);
const record = i => sqlite(dir, `SELECT id FROM record WHERE code = '${deliveryCode(i)}'`)[0].id;
async function start() {
  server = await serve(dir);
  for (const name of Object.keys(PEOPLE)) who[name] = await new Client(server.base).signIn(name);
}
const offline = async (...args) => {
  await server.stop();
  const done = await lantai(dir, ...args);
  assert.equal(done.status, 0, done.stderr + done.stdout);
  await start();
  return done;
};
async function revise(form) {
  const { location } = await post('archivist', '/revise/new', { field: 'opening', kind: 'set', ...form });
  await until('the plan', async () => (await get('archivist', location)).revision.state === 'planned');
  await post('archivist', `${location}/start`);
  await until('the change', async () => (await get('archivist', location)).revision.state === 'done');
  return location;
}
const selection = (...list) => JSON.stringify({ query: list.map(i => `档号:${deliveryCode(i)}`).join(' OR '), filters: {} });
async function exported(form, name = 'archivist') {
  const before = (await get(name, '/exports')).exports.length;
  await post(name, '/export', { selection: JSON.stringify({ query: '水库', filters: { level: [4] } }), format: 'csv', ...form });
  return until('the export', async () => { const list = (await get(name, '/exports')).exports; return list.length > before && list[0].ready && `/export/${list[0].id}`; });
}

before(async () => {
  dir = await emptyArchive();
  writeFileSync(path.join(dir, 'definitions', 'ledgers', 'destroyed.yaml'), OWN['destroyed.yaml']);
  writeFileSync(path.join(dir, 'definitions', 'figures', 'counts.yaml'), OWN['counts.yaml']);
  writeFileSync(path.join(dir, 'definitions', 'reports', 'short.yaml'), OWN['short.yaml']);
  delivery = writeDelivery(path.join(folder, 'one'), { count: 30, documents: 3 });
  assert.equal((await lantai(dir, 'import', delivery.table, '--files', delivery.files, '--body', '市水务局')).status, 0);
  for (const [name, role] of Object.entries(PEOPLE)) assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密')).status, 0);
  await start();
});
after(async () => { await server?.stop(); });

// source: ledger, figure, what it counts more; act gives the key and what undoes it (nothing: it cannot be undone); see looks at the entry.
const ACTS = [
  { source: '接收批次', ledger: '接收进馆', figure: '接收条数', more: 5,
    async act() {
      const two = writeDelivery(path.join(folder, 'two'), { from: 40, count: 5 });
      await offline('import', two.table, '--body', '市水务局');
      return { key: 'accession:2', undo: () => offline('undo', '2') };
    },
    see: entry => assert.deepEqual([entry.state, entry.data.移交单位, entry.data.条数, entry.data.全宗], ['已进馆', '市水务局', 5, ['T001']]) },
  { source: '改变开放状态', ledger: '开放审核', figure: '开放审核件数', more: 4,
    async act() {
      const place = await revise({ selection: selection(0, 1, 2, 3), value: '控制', why: '第三次会议审核' });
      return { key: 'revision:1', undo: () => post('archivist', `${place}/undo`) };
    },
    see(entry) {
      assert.deepEqual([entry.title, entry.data.方式, entry.data.审核件数, entry.data.控制, entry.data.依据, entry.data.全宗, entry.data.出处],
        ['控制 4 件', '成批', 4, 4, '第三次会议审核', ['T001'], '批量修改 1']);
      assert.deepEqual(entry.data.明细.map(part => [part.全宗, part.档案年度, part.原状态, part.现状态, part.件数]), [1950, 1951, 1952, 1953].map(year => ['T001', year, '开放', '控制', 1]));
    } },
  { source: '改变开放状态', ledger: '开放审核', figure: '开放审核件数', more: 1,
    async act() {
      const place = `/record/${record(9)}/edit`, { rev, inputs } = await get('archivist', place);
      await post('archivist', place, { rev, opening: inputs.find(({ name }) => name === 'opening').options.find(({ label }) => label === '延期开放').value });
      return { key: `event:${sqlite(dir, "SELECT MAX(id) AS id FROM event WHERE action = 'record.update'")[0].id}` };
    },
    see: entry => assert.deepEqual([entry.title, entry.data.方式, entry.data.延期开放], ['延期开放 1 件', '逐件', 1]) },
  { source: '改变开放状态', ledger: '开放审核', figure: '开放审核件数', more: 2,
    async act() {
      const sheet = path.join(folder, 'corrected.csv');
      writeFileSync(sheet, csvText(DELIVERY_HEADER.slice(0, 11), [10, 11].map(i => ['T001', '试验全宗', deliveryCode(i), `关于第${i}号水库加固工程的甲批复`, '临江市水利局甲', `临水〔${1950 + i}〕${i}号`,
        `${1950 + i}-03-${String(1 + i).padStart(2, '0')}`, 1950 + i, '永久', '公开', '控制'])));
      await offline('import', sheet, '--body', '市水务局');
      const { id } = sqlite(dir, 'SELECT MAX(id) AS id FROM accession')[0];
      return { key: `accession:${id}`, undo: () => offline('undo', String(id)) };
    },
    see: entry => assert.deepEqual([entry.title, entry.data.方式, entry.data.控制], ['控制 2 件', '随接收', 2]) },
  { source: '导出', ledger: '利用登记', figure: '年报利用卷件次', more: 35,
    async act() {
      const refused = await post('archivist', '/export', { selection: '{"query":"水库"}', format: 'csv', purpose: '提供利用' }, 422);
      assert.match(JSON.stringify(refused), /利用者/);
      const place = await exported({ purpose: '提供利用', user: '李某某', body: '市水务局', way: '函电', aim: '工作', note: '水库加固批复' });
      return { key: `event:${sqlite(dir, "SELECT MAX(id) AS id FROM event WHERE action = 'exchange.export'")[0].id}`, undo: () => post('archivist', `${place}/delete`, { unused: 1 }) };
    },
    see: entry => assert.deepEqual([entry.title, entry.data.利用者, entry.data.利用者单位, entry.data.方式, entry.data.目的, entry.data.件数, entry.data.人次],
      ['水库加固批复', '李某某', '市水务局', '函电', '工作', 35, 1]) },
  { source: '导出', ledger: '目录公布', figure: '拟公布条数', more: 28,
    async act() { // what is 控制 or 延期开放 is not the public's to see: whoever makes it, it is not in it
      const place = await exported({ purpose: '公布目录', note: '第一批' });
      return { key: `event:${sqlite(dir, "SELECT MAX(id) AS id FROM event WHERE action = 'exchange.export'")[0].id}`, undo: () => post('archivist', `${place}/delete`, { unused: 1 }) };
    },
    see: entry => assert.deepEqual([entry.title, entry.state, entry.data.全宗, entry.data.条数], ['第一批', '拟公布', 'T001', 28]) },
  { source: '销毁单', ledger: '销毁清册', figure: '销毁件数', more: 1,
    async act() {
      const { location } = await post('archivist', '/keep/disposal/new', { record: record(0), kind: 'destroy', reason: '保管期满，鉴定报告一号' });
      await post('leader', location, { verdict: 'approve' });
      return { key: 'disposal:1' };
    },
    see: entry => assert.equal(entry.data.理由, '保管期满，鉴定报告一号') },
  { source: '馆藏巡检', ledger: '值班巡查', figure: '馆藏巡检次数', more: 1,
    async act() {
      await post('archivist', '/keep/patrol/start');
      return { key: 'patrol:1' };
    },
    see: entry => assert.deepEqual([entry.title, entry.state, entry.data.类型, /^检测 \d+ 项/.test(entry.data.情况)], [`${YEAR}年度馆藏数字档案巡检（全部馆藏）`, '已查', '巡查', true]) },
  { source: '报告签发', ledger: '公文流转', figure: '签发报告', more: 1,
    async act() {
      const template = (await get('archivist', '/reports')).templates.find(({ name }) => name === '简报');
      const { location } = await post('archivist', '/reports/new', { template: template.id, year: YEAR, unit: '' });
      for (const [name, verdict] of [['archivist', 'submit'], ['other', 'pass'], ['leader', 'pass'], ['signer', 'pass']]) await post(name, `${location}/decide`, { verdict });
      return { key: 'report:1' };
    },
    see(entry) {
      assert.deepEqual([entry.title, entry.state, entry.data.文种, entry.data.动作, entry.data.审核级次], [`简报（${YEAR}）`, '已办', '报告', '印发', 3]);
      assert.ok(!JSON.stringify(entry).includes('秘密代号'), 'what its heading says is for who may read it');
    } },
  { source: '三合一制度', ledger: '业务指导', figure: '批准制度', more: 1,
    async act() {
      const { id } = sqlite(dir, 'SELECT id FROM record WHERE level = 1')[0], { location } = await post('archivist', `/schedules/${id}/draft`, { from: 'template:jiguan-8' });
      await post('archivist', location.replace('edit', 'decide'), { verdict: 'submit' });
      await post('leader', location.replace('edit', 'decide'), { verdict: 'approve', from: '2010-01-01' });
      return { key: 'schedule:1' };
    },
    see: entry => assert.deepEqual([entry.title, entry.data.对象, entry.data.内容], ['批准归档范围和保管期限表第1版（25条）', '试验全宗', '归档']) },
];

test('every source that the program knows is tried here, and a definition that names another is refused with the place', async () => {
  const file = path.join(folder, 'wrong.yaml'), refused = async text => {
    writeFileSync(file, `name: 试填\ntitle: 事项\ndate: 日期\nfields: [{name: 数, type: number}]\nfeed: ${text}\n`);
    const done = await lantai(path.join(folder, 'empty'), 'define', file);
    assert.ok(done.status > 0);
    return done.stderr;
  };
  assert.equal((await lantai(path.join(folder, 'empty'), 'init', '--plain')).status, 0);
  const told = await refused('{from: 借阅, values: {标题: "{名称}"}}'), known = /没有来源“借阅”，可用的有：([^\s，。]+)/.exec(told);
  assert.ok(known, told);
  assert.deepEqual(known[1].split('、').sort(), [...new Set(ACTS.map(({ source }) => source))].sort());
  assert.match(await refused('{from: 导出, values: {标题: "{题名}"}}'), /feed\.values\.标题：来源“导出”没有“题名”/);
  assert.match(await refused('{from: 导出, when: {状况: 好}}'), /feed\.when：来源“导出”没有“状况”/);
  assert.match(await refused('{from: 导出, values: {数目: "{件数}"}}'), /feed\.values\.数目：没有栏目“数目”/);
});

const counted = {}, done = []; // {act, key, undo}
const asFigures = (acts, base) => Object.fromEntries(Object.keys(counted).map(name => [name, (base ?? counted)[name] + acts.filter(act => act.figure === name).reduce((sum, act) => sum + act.more, 0)]));
async function figuresNow() {
  const now = {};
  for (const name of new Set(ACTS.map(act => act.figure))) now[name] = await figure(name);
  return now;
}

test('every act is done as people do it, and nothing is typed into a ledger', async () => {
  await until('the first delivery', () => there('接收进馆').length === 1);
  Object.assign(counted, await figuresNow());
  for (const act of ACTS) {
    done.push({ act, ...await act.act() });
    await idle();
  }
});

test('each act is one entry of its ledger', async t => {
  for (const [i, { act, key }] of done.entries()) {
    await t.test(`${i + 1} ${act.source} → ${act.ledger}`, async () => {
      const entry = await until(`${key} in ${act.ledger}`, () => there(act.ledger).find(each => each.key === key));
      act.see(entry);
      assert.equal(Math.floor(entry.day / 10000), YEAR);
    });
  }
  for (const ledger of new Set(ACTS.map(act => act.ledger)))
    assert.equal(there(ledger).length, done.filter(({ act }) => act.ledger === ledger).length + (ledger === '接收进馆'), `${ledger}: one entry for one subject, and a delivery that only corrects is none received`);
});

test('the figures count them', async () => assert.deepEqual(await figuresNow(), asFigures(ACTS)));

test('what is undone goes out, and is not counted any more', async () => {
  for (const { undo } of [...done].reverse()) {
    await undo?.();
    await idle();
  }
  for (const { act, key, undo } of done) if (undo) await until(`${key} out of ${act.ledger}`, () => !there(act.ledger).some(each => each.key === key));
  assert.deepEqual(await figuresNow(), asFigures(done.filter(({ undo }) => !undo).map(({ act }) => act)));
});

test('who may not see the records is told numbers alone, who works for another fonds not even those', async () => {
  const idOf = name => sqlite(dir, `SELECT id FROM ledger WHERE name = '${name}'`)[0].id, office = await get('office', `/ledger/${idOf('开放审核')}`);
  assert.ok(office.count > 0);
  assert.doesNotMatch(JSON.stringify(office.rows), /T001-WS|号水库/);
  await post('archivist', '/record/new', { level: 1, code: 'B', title: '别家全宗' });
  sqlite(dir, "INSERT INTO account_fonds (account_id, fonds_id) SELECT a.id, r.id FROM account AS a, record AS r WHERE a.name = 'limited' AND r.code = 'B'", { write: true });
  const limited = await new Client(server.base).signIn('limited');
  for (const name of ['接收进馆', '开放审核', '目录公布']) assert.equal((await limited.get(`/ledger/${idOf(name)}`)).json.count, 0, name);
});

test('a rebuilt archive feeds nothing twice and does not take corrections back', async () => {
  const fix = path.join(folder, 'fix.csv'), anew = path.join(folder, 'anew'), { number } = there('接收进馆')[0];
  writeFileSync(fix, `编号,条数\n${number},29\n`);
  await offline('ledger', 'import', '接收进馆', fix);
  await pause(1500);
  await server.stop();
  const ledgers = [...new Set(ACTS.map(({ ledger }) => ledger))], seen = () => ledgers.map(ledger => [ledger, entries(ledger).map(({ key, rev, deleted }) => [key, rev, deleted])]), was = seen();
  assert.equal((await lantai(dir, 'rebuild', anew)).status, 0);
  const first = dir, rebuilt = await serve(dir = anew);
  await pause(3000);
  await rebuilt.stop();
  const now = [seen(), there('接收进馆')[0].data.条数];
  dir = first;
  assert.deepEqual(now, [was, 29]);
});

test('a delivery accepted again is in its ledger again, on the day that it is here', async () => {
  assert.notEqual((await lantai(dir, 'undo', '1')).status, 0, 'what was changed since stands');
  const three = writeDelivery(path.join(folder, 'three'), { from: 60, count: 4 });
  assert.equal((await lantai(dir, 'import', three.table, '--body', '市水务局')).status, 0);
  const { id } = sqlite(dir, 'SELECT MAX(id) AS id FROM accession')[0];
  assert.equal((await lantai(dir, 'undo', String(id))).status, 0);
  process.env.LANTAI_NOW = `${YEAR}-12-31T16:30:00Z`;
  const again = await lantai(dir, 'import', three.table, '--body', '市水务局');
  delete process.env.LANTAI_NOW;
  assert.equal(again.status, 0, again.stderr);
  await start();
  const entry = await until('the delivery accepted again', () => there('接收进馆').find(each => each.key === `accession:${id + 1}`));
  assert.equal(entry.day, (YEAR + 1) * 10000 + 101, 'half past midnight of the new year, although the machine still has the old one');
});
