// Figures and reports through HTTP: a number opens to its rows, a report is written beside its preview, looked through, reviewed by three others, frozen and signed; it stays
// as it was when the ledger goes on, and a changed byte of it is told.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { emptyArchive, query } from './archive.mjs';
import { csv, write } from './make.mjs';
import { Client, lantai, PASSWORD, serve, temporary } from './support.mjs';

const LEDGERS = {
  'talks.yaml': 'name: 宣讲\ngroup: 试验\nuses: [密级]\nfields:\n  - {name: 类型, type: choice, values: [进校园, 进社区]}\n  - {name: 人数, type: number}\n  - {name: 讲者, type: person}\n',
  'warnings.yaml': 'name: 提醒谈话\ngroup: 试验\nrestricted: true\nread: [director]\nwrite: [director, archivist]\nstates:\n  - {name: 待谈}\n  - {name: 已谈, closed: true}\nfields:\n  - {name: 谈话对象, type: person}\n',
};
const FIGURES = `figures:
  - {name: 宣讲次数, ledger: 宣讲, count: , unit: 次}
  - {name: 校园宣讲, within: 宣讲次数, ledger: 宣讲, where: {类型: 进校园}, count: , unit: 次}
  - {name: 听讲人次, ledger: 宣讲, sum: 人数, unit: 人次, say: {style: more, step: 100}}
  - {name: 谈话次数, ledger: 提醒谈话, count: , unit: 次, restricted: true}
  - {name: 宣讲类型, ledger: 宣讲, count: , group: 类型, unit: 次, chart: [share, {kind: trend, every: month, title: '"各月"宣讲'}]}
  - {name: 校园宣讲占比, rate: {part: 校园宣讲, whole: 宣讲次数}, unit: ％}
invariants:
  - {say: 听众不少于宣讲场次, that: "宣讲次数 <= 听讲人次"}
`;
const TEXT = '一、主要工作\n（一）抓好宣讲。{年份}年在{地点}开展宣讲{宣讲次数}，其中进校园{校园宣讲}，听众{听讲人次}。{若 谈话次数 > 0}提醒谈话{谈话次数}。{完}';
const REPORT = `name: 宣讲总结\nperiod: year\nparameters: [{name: 地点, default: 全市}]\nheading: "{年份}年宣讲总结"\nsigned: 市档案馆\ntext: |\n${TEXT.split('\n').map(line => `  ${line}\n`).join('')}`;
const HEAD = ['日期', '标题', '类型', '人数', '讲者'];
const talks = (year, count, from = 0) => Array.from({ length: count }, (_, i) => [`${year}-0${1 + (i % 9)}-10`, `${year}年第${from + i + 1}讲`, i % 3 ? '进社区' : '进校园', '16', '张小明']);

let dir, server, clients = {};
const take = async (ledger, rows, head = HEAD) => {
  const done = await lantai(dir, 'ledger', 'import', ledger, write(path.join(temporary(), 'rows.csv'), csv([head, ...rows])));
  assert.equal(done.status, 0, done.stderr + done.stdout);
};
const start = async () => {
  server = await serve(dir);
  for (const name of ['writer', 'checker', 'leader', 'signer', 'reader']) clients[name] = await new Client(server.base).signIn(name);
};
before(async () => {
  dir = await emptyArchive();
  for (const [name, text] of Object.entries(LEDGERS)) writeFileSync(path.join(dir, 'definitions', 'ledgers', name), text);
  writeFileSync(path.join(dir, 'definitions', 'figures', 'test.yaml'), FIGURES);
  writeFileSync(path.join(dir, 'definitions', 'reports', 'test.yaml'), REPORT);
  for (const [name, role] of [['writer', 'archivist'], ['checker', 'archivist'], ['leader', 'director'], ['signer', 'director'], ['reader', 'reader']])
    assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密')).status, 0);
  await take('宣讲', [...talks(2023, 27), ...talks(2022, 20)]);
  await take('宣讲', [['2018-03-10', '少', '进校园', '5', '张小明'], ['2018-02-10', '多', '进社区', '40', '张小明'], ['2018-01-10', '无', '进社区', '', '张小明']]);
  await take('宣讲', [['2019-03-10', '内部的一讲', '进校园', '20', '张小明', '秘密']], [...HEAD, '密级']);
  await take('宣讲', [['2016-03-10', '没有人来的一讲', '进校园', '0', '张小明']]);
  await take('提醒谈话', [['2023-03-01', '谈话一', '王大力'], ['2023-04-01', '谈话二', '王大力']], ['日期', '标题', '谈话对象']);
  await start();
});
let browser;
after(async () => { await browser?.close(); await server?.stop(); });

const get = async (name, target, status = 200) => {
  const page = await clients[name].get(target, { html: true }), reply = await clients[name].get(target);
  assert.equal(page.status, status, `${target}: ${page.text.slice(0, 400)}`);
  return { ...reply.json, html: page.text };
};
const post = async (name, target, form, status = 200) => {
  const reply = await clients[name].post(target, { form });
  assert.equal(reply.status, status, `${target}: ${reply.text.slice(0, 400)}`);
  return reply;
};
const textOf = page => page.paper.paragraphs.flatMap(({ runs }) => runs.map(run => run.text)).join('');
const decide = (name, verdict, status, note) => post(name, '/report/1/decide', { verdict, ...(note ? { note } : {}) }, status);

test('figures are listed with last year, and one opens to the rows behind it', async () => {
  const list = await get('writer', '/figures?q=宣讲&year=2023');
  const [row] = list.rows.filter(({ name }) => name === '宣讲次数');
  assert.deepEqual([row.shown, row.before, row.change, row.entries], ['27次', '20次', '+35%', 27]);
  const first = await get('writer', `/figure/${row.id}?year=2023`);
  assert.equal(first.rows.length, 27);
  assert.match(first.html, /怎样算的/);
  const years = first.charts.find(({ kind }) => kind === 'trend');
  assert.deepEqual([years.rows.at(-1).label, years.rows.at(-1).cells[0].value], ['2023年', 27]);
  assert.equal((await get('writer', `/figure/${row.id}?year=2021`)).rows.length, 0);
  await get('reader', '/figures', 403);
  const restricted = list.rows.length && (await get('writer', '/figures?q=谈话&year=2023')).rows.find(({ name }) => name === '谈话次数');
  const told = await get('writer', `/figure/${restricted.id}?year=2023`);
  assert.deepEqual([told.result.value, told.rows.length, told.hidden], [2, 0, 2]); // the number only
  assert.equal((await get('leader', `/figure/${restricted.id}?year=2023`)).rows.length, 2);
  await get('writer', '/figure/99999', 404);
});

test('the rows of a sum tell what each brings, in the order asked for, add up to the number, and leave as a spreadsheet; figures without rows are folded away', async () => {
  const [row] = (await get('writer', '/figures?q=听讲&year=2018')).rows, page = await get('writer', `/figure/${row.id}?year=2018&sort=-measure`);
  assert.deepEqual(page.rows.map(({ entry_title, brings }) => [entry_title, brings]), [['多', '40'], ['少', '5']]);
  assert.deepEqual([page.measure.label, page.measure.total, page.result.value], ['人数', '45', 45]);
  assert.match(page.html, /合计/);
  assert.deepEqual((await get('writer', `/figure/${row.id}?year=2018&sort=measure`)).rows.map(({ brings }) => brings), ['5', '40']);
  assert.deepEqual((await get('writer', `/figure/${row.id}?year=2018&sort=-date`)).rows.map(({ entry_title }) => entry_title), ['少', '多']);
  assert.equal((await clients.writer.get(`/figure/${row.id}?year=2018&sort=x`)).status, 422);
  const sheet = await clients.writer.get(`/figure/${row.id}/export?year=2018&sort=measure`), file = path.join(temporary(), 'rows.xlsx');
  writeFileSync(file, sheet.bytes);
  const xml = execFileSync('unzip', ['-p', file, 'xl/worksheets/sheet1.xml'], { encoding: 'utf8' });
  assert.deepEqual([xml.match(/<row /g).length, [...xml.matchAll(/<v>([0-9.]+)<\/v><\/c><\/row>/g)].map(([, value]) => value).slice(-2)], [3, ['5', '40']]);
  const [closed] = (await get('writer', '/figures?q=谈话&year=2023')).rows.filter(({ name }) => name === '谈话次数');
  assert.equal((await clients.writer.get(`/figure/${closed.id}/export?year=2023`)).status, 403);
  const bare = await get('writer', '/figures?q=宣讲&year=2015');
  assert.deepEqual([bare.rows.length, bare.bare.figures.some(({ name }) => name === '宣讲次数')], [0, true]);
  assert.match(bare.html, /还没有一行依据的指标/);
});

test('the search shows what was held on a day', async () => {
  for (const day of [20990101, 20230101, 19000101]) {
    const page = await get('writer', `/search?q=&level=1&held=${day}`);
    assert.match(page.html, /入藏截至/);
  }
});

test('a definition is tried out, refused with its place, and put in force', async () => {
  const wrong = await post('writer', '/figure/new', { yaml: 'name: 讲者数\nledger: 宣讲\ndistinct: 讲人\nunit: 位\n' }, 422);
  assert.match(JSON.stringify(wrong.json.faults), /讲/);
  const tried = await post('writer', '/figure/new', { yaml: 'name: 讲者数\nledger: 宣讲\ndistinct: 讲者\nunit: 位\n', year: '2023' });
  assert.equal(tried.json.result.value, 1);
  assert.equal((await get('writer', '/figures?q=讲者数')).rows.length, 0);
  const saved = await post('writer', '/figure/new', { yaml: 'name: 讲者数\nledger: 宣讲\ndistinct: 讲者\nunit: 位\n', save: '1' });
  assert.match(saved.json.location, /^\/figure\/\d+$/);
  await get('writer', `${saved.json.location}/edit`);
  await post('leader', '/figure/new', { yaml: 'name: 某数' }, 403);
});

test('a report is made from its template, and what was typed by hand is found', async () => {
  const { templates } = await get('writer', '/reports'), template = templates.find(({ name }) => name === '宣讲总结');
  const made = await post('writer', '/reports/new', { template: template.id, year: '2023', unit: '' });
  assert.equal(made.json.location, '/report/1');
  const page = await get('writer', '/report/1');
  assert.equal(textOf(page), '一、主要工作（一）抓好宣讲。2023年在全市开展宣讲27次，其中进校园9次，听众400余人次。提醒谈话2次。');
  assert.deepEqual(page.faults, []);
  assert.match(page.html, /href="\/report\/1\/rows\?figure=%E5%AE%A3%E8%AE%B2%E6%AC%A1%E6%95%B0"/);
  assert.equal((await get('writer', '/report/1/rows?figure=宣讲次数')).rows.length, 27);
  const found = await post('writer', '/report/1/preview', { text: `${TEXT}\n另有宣讲27次，培训次，王大力受到批评。近{听讲人次}。`, parameter: '全市' });
  const stops = found.json.faults.filter(({ kind }) => kind === 'stop').map(({ what, line }) => [line, what]);
  assert.equal(stops.length, 3);
  assert.ok(!JSON.stringify(found.json.faults).includes('限制查看的台账中的人名'), 'who does not see that ledger finds out nothing by typing a name');
  for (const words of ['宣讲次数', '前面没有数', '约数词']) assert.ok(stops.some(([line, what]) => line === 3 && what.includes(words)), words);
  const broken = await post('writer', '/report/1/preview', { text: '宣讲{宣讲次}\n{若 宣讲次数}', parameter: '全市' });
  assert.match(broken.json.failed, /第 2 行第 1 字.*没有“\{完\}”/);
  await get('reader', '/report/1', 403);
});

test('three others review it; nobody takes two steps; a stop is refused', async () => {
  const { issue } = await get('writer', '/report/1');
  await post('writer', '/report/1/text', { rev: issue.rev, text: `${TEXT}\n另有宣讲27次。`, parameter: '各区' });
  await post('writer', '/report/1/text', { rev: issue.rev, text: TEXT, parameter: '各区' }, 409);
  assert.match((await decide('writer', 'submit', 422)).text, /1 处必须改正/);
  await post('writer', '/report/1/text', { rev: issue.rev + 1, text: TEXT, parameter: '各区' });
  await decide('writer', 'submit');
  assert.match(textOf(await get('checker', '/report/1')), /各区开展宣讲/);
  await decide('writer', 'pass', 403);
  await decide('checker', 'return', 422);
  await decide('checker', 'return', 200, '地点写全');
  await decide('writer', 'submit');
  await decide('checker', 'pass');
  await decide('checker', 'pass', 403);
  await decide('leader', 'pass');
  await decide('leader', 'pass', 403);
  const holder = spawn('sqlite3', [path.join(dir, 'lantai.db')]);
  holder.stdin.write('BEGIN IMMEDIATE;\nSELECT 1;\n');
  await once(holder.stdout, 'data');
  const signing = decide('signer', 'pass', 200, '同意'), staged = () => readdirSync(path.join(dir, 'store-staging'), { recursive: true }).some(name => name.endsWith('report.html'));
  for (let i = 0; i < 160 && !staged(); i++) await new Promise(done => { setTimeout(done, 50); });
  const free = staged();
  holder.stdin.end('ROLLBACK;\n');
  assert.ok(free, 'it is computed and printed while somebody else has the turn to write');
  await signing;
  const { issue: frozen, steps } = await get('writer', '/report/1');
  assert.equal(frozen.state, 'frozen');
  assert.deepEqual(steps.map(({ actor }) => actor), ['writer', 'checker', 'writer', 'checker', 'leader', 'signer']);
  await post('writer', '/report/1/text', { rev: frozen.rev, text: '改', parameter: '各区' }, 409);
  await decide('signer', 'return', 409, '再改');
});

test('what was frozen is signed, printed, and stays as it was', async () => {
  const [row] = await query(dir, 'SELECT manifest, signature, public_key FROM report');
  assert.equal(row.manifest.trim().split('\n').length, 5);
  const names = readdirSync(path.join(dir, 'keys'));
  assert.ok(names.includes('report') && (statSync(path.join(dir, 'keys', 'report')).mode & 0o77) === 0);
  for (const [format, magic] of [['docx', 'PK'], ['pdf', '%PDF-'], ['html', '<!DOCTYPE'], ['md', '# 2023']]) {
    const file = await clients.writer.get(`/report/1/file?format=${format}`);
    assert.equal(file.status, 200, file.text.slice(0, 300));
    assert.equal(file.bytes.subarray(0, magic.length).toString(), magic);
    if (format === 'pdf') assert.match(row.manifest, new RegExp(`${execFileSync('openssl', ['dgst', '-sm3', '-r'], { input: file.bytes }).toString().slice(0, 64)}  report.pdf`));
  }
  await server.stop();
  await take('宣讲', talks(2023, 1, 27).map(one => [one[0], '补登的一讲', ...one.slice(2)]));
  await start();
  const page = await get('writer', '/report/1');
  assert.match(textOf(page), /宣讲27次/);
  assert.ok(page.others.some(({ figure, before_text, text }) => figure === '宣讲次数' && before_text === '27次' && text === '28次'));
  assert.equal((await get('writer', '/report/1/rows?figure=宣讲次数')).rows.length, 27);
  assert.deepEqual([(await get('writer', '/report/1/rows?figure=谈话次数')).rows.length, (await get('signer', '/report/1/rows?figure=谈话次数')).rows.length], [0, 2]);
  const compared = await get('writer', '/report/1/compare');
  assert.deepEqual(compared.rows.filter(({ figure }) => figure === '宣讲次数').map(({ text, before_text, change }) => [text, before_text, change]), [['27次', '20次', '增长35.0%']]);
});

test('an archive rebuilt from journal and store has the same report; a changed byte is told', async () => {
  await server.stop();
  const rebuilt = path.join(temporary(), 'rebuilt'), done = await lantai(dir, 'rebuild', rebuilt);
  assert.equal(done.status, 0, done.stderr);
  const rows = 'SELECT id, name, text, state, rev, drafted, heading, manifest, signature FROM report ORDER BY id', steps = 'SELECT actor, from_state, to_state, note FROM report_step ORDER BY id';
  assert.deepEqual(await query(rebuilt, rows), await query(dir, rows));
  assert.deepEqual(await query(rebuilt, steps), await query(dir, steps));
  assert.equal((await lantai(dir, 'check')).status, 0, 'the kept report is an object that the check knows');
  const file = execFileSync('find', [path.join(dir, 'store'), '-name', 'report.json']).toString().trim().split('\n')[0];
  execFileSync('chmod', ['u+w', file]);
  writeFileSync(file, readFileSync(file, 'utf8').replace('27次', '72次'));
  await start();
  const page = await get('writer', '/report/1');
  assert.match(page.failed, /与签名不符/);
  assert.doesNotMatch(page.html, /72次/);
});

test('commands tell the same', async () => {
  const figure = await lantai(dir, 'figure', '宣讲次数', '--year', '2022', '--json');
  assert.deepEqual([figure.json.value, figure.json.rows.length], [20, 20]);
  const out = path.join(temporary(), 'r.docx'), made = await lantai(dir, 'report', '宣讲总结', '--year', '2022', '--set', '地点=某区', out);
  assert.equal(made.status, 0, made.stderr);
  assert.match(execFileSync('unzip', ['-p', out, 'word/document.xml']).toString(), /某区/);
  const text = await lantai(dir, 'report', '宣讲总结', '--year', '2022', '--format', 'md', '-');
  assert.match(text.stdout, /宣讲20次/);
  const checked = await lantai(dir, 'report', '--check', '宣讲总结', '--year', '2023');
  assert.equal(checked.status, 0, checked.stdout);
  mkdirSync(path.join(dir, 'tmp'), { recursive: true });
  assert.notEqual((await lantai(dir, 'report', '没有的报告', out)).status, 0);
});

test('a chart stands in a report: as a picture with its table on the page, in DOCX, PDF and HTML, as a table in Markdown', async () => {
  const text = '{年份}年宣讲{宣讲次数}。\n{图 宣讲次数}\n{图 宣讲类型 构成}\n{图 宣讲类型 trend}\n完。';
  const monthly = await post('writer', '/report-templates/new', { name: '月报', heading: '月报', text: '每月一期。', monthly: '1' });
  assert.equal((await get('writer', monthly.json.location)).form.monthly, true, 'a template of every month stays one');
  const wrong = await post('writer', '/report-templates/new', { name: '图文', heading: '图文', text: '{图 宣讲次数 饼图}' }, 422);
  assert.match(wrong.text, /没有“饼图”这种图/);
  assert.match((await post('writer', '/report-templates/new', { name: '图文', heading: '图文', text: '{图 宣讲次数 构成}' }, 422)).text, /要有分组/);
  await post('writer', '/report-templates/new', { name: '图文', heading: '{年份}年图文', text });
  const template = (await get('writer', '/reports')).templates.find(({ name }) => name === '图文').id;
  const { json: { location } } = await post('writer', '/reports/new', { template, year: '2023', unit: '' });
  const page = await get('writer', location), pictures = page.paper.paragraphs.filter(one => one.picture);
  assert.deepEqual(pictures.map(({ picture, rows }) => [picture.title, picture.label, rows.length]), [['宣讲次数', '历年', 7], ['宣讲类型', '构成', 3], ['"各月"宣讲', '各月', 13]]);
  const cells = pictures[0].rows.map(row => row.cells.map(({ runs }) => runs.map(run => run.text).join('')));
  const of = async year => (await lantai(dir, 'figure', '宣讲次数', '--year', year, '--json')).json.value;
  assert.deepEqual(cells.slice(-2), [['2022年', String(await of('2022'))], ['2023年', String(await of('2023'))]], 'the picture\'s table is the figure of each year');
  assert.ok(page.faults.some(({ kind, what }) => kind === 'look' && /限制查看的内容.*秘密/.test(what)), 'what only the chart counts is told too: a secret row of another year');
  for (const { picture } of pictures) assert.equal(Buffer.from(picture.png, 'base64').subarray(1, 4).toString(), 'PNG');
  const file = async format => { const name = path.join(temporary(), `r.${format}`); writeFileSync(name, (await clients.writer.get(`${location}/file?format=${format}`)).bytes); return name; };
  const docx = await file('docx'), parts = execFileSync('unzip', ['-Z1', docx]).toString();
  assert.equal(parts.match(/word\/media\/chart\d\.png/g).length, 3);
  assert.equal(execFileSync('unzip', ['-p', docx, 'word/document.xml']).toString().match(/<a:blip r:embed="rIdC\d"/g).length, 3);
  const inside = path.join(temporary(), 'document.xml');
  writeFileSync(inside, execFileSync('unzip', ['-p', docx, 'word/document.xml']));
  execFileSync('xmllint', ['--noout', inside]); // also with a quotation mark in a title
  const tried = async body => (await post('writer', `${location}/preview`, { text: body })).json;
  assert.match((await tried('{图 宣讲次数}\n'.repeat(31))).failed, /最多放 30 张图/);
  assert.equal((await tried('{图 谈话次数}')).faults.filter(({ kind }) => kind === 'stop').length, 0, 'its number over the years is published');
  assert.match((await tried('谈话{谈话次数}。\n{图 谈话次数 积压}')).faults.map(({ kind, what }) => `${kind} ${what}`).join(), /stop “谈话次数”的图：这个指标只公布总数，没有定义这种图/);
  const bare = execFileSync('pdftotext', ['-layout', await file('pdf'), '-']).toString();
  assert.match(bare, /宣讲次数\s+历年（次）/);
  assert.ok(bare.match(/2018年/g).length >= 2, 'under its bar and in its table');
  assert.equal(execFileSync('pdfimages', ['-list', await file('pdf')]).toString().trim().split('\n').length, 2, 'on paper it is drawn, not pasted');
  assert.equal(readFileSync(await file('html'), 'utf8').match(/src="data:image\/png;base64,/g).length, 3);
  assert.match(readFileSync(await file('md'), 'utf8'), /\*\*宣讲类型　构成（次）\*\*\n\n\| 类型 \| 宣讲类型 \| 占比 \|/);
  const desktop = await desk('writer', 390);
  await desktop.goto(server.base + location);
  assert.ok(await desktop.evaluate(() => [...document.querySelectorAll('figure.printed img')].length === 3 && [...document.querySelectorAll('figure.printed img')].every(each => each.naturalWidth > 900)));
  assert.ok(await fits(desktop));
});

async function desk(name, width = 1280) {
  browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'] });
  const context = await browser.newContext({ viewport: { width, height: 860 }, locale: 'zh-CN', acceptDownloads: true });
  await context.addCookies([...clients[name].cookies].map(([key, value]) => ({ name: key, value, url: server.base })));
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  page.on('dialog', dialog => dialog.accept());
  return page;
}
const passOn = (report, name) => post(name, `${report}/decide`, { verdict: 'pass' });
const act = (page, word) => Promise.all([page.waitForNavigation(), page.getByRole('button', { name: word, exact: true }).click()]);
const fits = page => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
const found = async (page, text, count) => {
  const previewed = page.waitForResponse(reply => reply.url().endsWith('/preview'));
  await page.fill('#r-text', text);
  await previewed;
  await page.waitForFunction(wanted => document.querySelectorAll('.findings [data-tone="bad"]').length >= wanted, count);
  return (await page.locator('.findings li').allTextContents()).join('\n');
};
async function drafted(page, year) {
  await page.goto(`${server.base}/reports`);
  const row = page.locator('tr', { hasText: '宣讲总结' }).first();
  await row.getByLabel('年度').fill(String(year));
  await Promise.all([page.waitForNavigation(), row.getByRole('button', { name: '起草' }).click()]);
  return page.url().replace(server.base, '');
}

test('in a browser: drafted, its planted faults found, mended, passed by three, signed, taken away', async () => {
  const page = await desk('writer');
  await drafted(page, 2016);
  assert.match(await page.locator('.findings').textContent(), /听众不少于宣讲场次/);
  const report = await drafted(page, 2022), text = `${TEXT}进校园占{校园宣讲占比}。`;
  const faults = await found(page, `${text}\n另有培训次，宣讲20次，近{听讲人次}。`, 4); // three, and their sum
  for (const word of ['“次”前面没有数', '{宣讲次数}', '约数词']) assert.ok(faults.includes(word), `${word}: ${faults}`);
  await page.locator('.findings [data-jump]').first().click();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'r-text', 'a fault leads to its place');
  await page.fill('#r-text', text);
  await page.fill('#r-find', '宣讲');
  await page.locator('#found [data-insert="宣讲次数"]').waitFor();
  await page.locator('#r-text').evaluate(area => area.setSelectionRange(area.value.length, area.value.length));
  await page.locator('#found [data-insert="宣讲次数"]').click();
  assert.ok((await page.inputValue('#r-text')).endsWith('{宣讲次数}'), 'a figure is put in where the cursor is');
  await page.waitForFunction(() => !document.querySelector('.findings [data-tone="bad"]') && /占35％。20次/.test(document.querySelector('.paper').textContent));
  await page.fill('#r-text', text);
  await act(page, '保存');
  await Promise.all([page.waitForNavigation(), page.locator('.paper a.figure', { hasText: '20次' }).first().click()]);
  assert.equal(await page.locator('[data-row]').count(), 20);
  await page.goto(server.base + report);
  await act(page, '送科室审核');
  for (const [name, button] of [['checker', '通过'], ['leader', '通过'], ['signer', '签发并定稿']]) {
    const other = await desk(name, name === 'leader' ? 390 : 1280);
    await other.goto(server.base);
    await Promise.all([other.waitForNavigation(), other.locator('section', { hasText: '等您审核的报告' }).getByRole('link', { name: '宣讲总结' }).first().click()]);
    assert.equal(other.url(), server.base + report);
    assert.ok(await fits(other));
    if (name === 'leader') { // a number changes between two steps: it cannot be passed on unseen
      const [{ id, rev }] = (await query(dir, "SELECT e.id, e.rev FROM ledger_entry e JOIN ledger l ON l.id = e.ledger_id WHERE l.name = '宣讲' AND e.from_date / 10000 = 2022 ORDER BY e.id LIMIT 1"));
      await post('writer', `/entry/${id}/delete`, { rev: String(rev), why: '重复' });
      await other.reload();
      assert.match(await other.locator('.findings').textContent(), /送审时是“20次”，现在是“19次”/);
      await other.fill('input[name=note]', '数变了，请核实');
      await act(other, '退回');
      await page.goto(server.base);
      assert.match(await page.locator('section', { hasText: '退回修改的报告' }).textContent(), /数变了/);
      await page.goto(server.base + report);
      await act(page, '送科室审核');
      await passOn(report, 'checker');
      await other.reload();
    }
    await act(other, button);
    await other.goto(server.base);
    assert.equal(await other.locator('section', { hasText: '等您审核的报告' }).count(), 0, 'done, so no longer waiting');
  }
  await page.goto(server.base + report);
  assert.match(await page.locator('.page-head').first().textContent(), /已定稿/);
  await page.locator('summary', { hasText: '签名' }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: '签名包' }).click()]), folder = temporary();
  execFileSync('unzip', ['-q', await download.path(), '-d', folder]);
  const verify = () => execFileSync('openssl', ['dgst', '-sm3', '-verify', 'public.pem', '-sigopt', 'distid:1234567812345678', '-signature', 'manifest.sig', 'manifest.txt'], { cwd: folder, stdio: 'pipe' }).toString();
  assert.match(verify(), /Verified OK/);
  for (const name of ['report.docx', 'report.pdf', 'report.html'])
    assert.ok(readFileSync(path.join(folder, 'manifest.txt'), 'utf8').includes(`${execFileSync('openssl', ['dgst', '-sm3', '-r', name], { cwd: folder }).toString().slice(0, 64)}  ${name}\n`), name);
  assert.ok(!readdirSync(folder).includes('rows.ndjson'), 'the rows are not for everybody');
  writeFileSync(path.join(folder, 'manifest.txt'), readFileSync(path.join(folder, 'manifest.txt'), 'utf8').replace('report.pdf', 'report.PDF'));
  assert.throws(verify);
  assert.equal((await clients.writer.get('/report/2/file?format=zip')).status, 422, 'a draft is not signed');
  const next = await drafted(page, 2023);
  await post('writer', `${next}/text`, { rev: (await get('writer', next)).issue.rev, text, parameter: '全市' });
  const { rows, before_frozen: kept } = await get('writer', `${next}/compare`);
  assert.equal(kept, true, 'last year is what was frozen');
  assert.match(rows.find(({ figure }) => figure === '校园宣讲占比').change, /^(上升|下降)[\d.]+个百分点$/, 'a share is compared in points');
});
