// Ledgers, figures and reports after a loss: from a further copy, from a backup file and from journal and store alone, entries, their history, files, states and duties,
// definitions in all their versions and signed reports are what they were, row by row and byte by byte.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { assertClean, emptyArchive, query } from './archive.mjs';
import { csv, png, write } from './make.mjs';
import { Client, lantai, PASSWORD, serve, temporary } from './support.mjs';

const LEDGER = `name: 修缮
group: 试验
number: "XS{year}-{serial:2}"
uses: [责任人, 截止, 密级, 附件, 次数]
fields:
  - {name: 部位, type: choice, values: [屋面, 管线], required: true}
  - {name: 经费, type: money}
  - {name: 步骤, type: rows, fields: [{name: 日期, type: date}, {name: 做法, type: text}]}
states: [{name: 登记}, {name: 完工, closed: true}]
moves: [{from: 登记, to: 完工, label: 完工, needs: [经费]}]
`;
const PATROL = 'name: 巡检\ngroup: 试验\nfields:\n  - {name: 所属修缮, type: entry, ledger: 修缮}\nduties:\n  - {title: 月巡检, every: month, days: 5, from: 2026-01-01, owner: wang}\n';
const FIGURES = 'figures:\n  - {name: 修缮次数, ledger: 修缮, count: , unit: 次}\n  - {name: 修缮经费, ledger: 修缮, sum: 经费, unit: 元}\ninvariants:\n  - {say: 有修缮才有经费, that: 修缮经费 >= 修缮次数}\n';
const REPORT = 'name: 修缮总结\nperiod: year\nheading: "{年份}年修缮总结"\ntext: |\n  一、修缮\n  共修缮{修缮次数}，用去{修缮经费}。\n';
const TABLES = { ledger: 'id', ledger_version: 'ledger_id, version', ledger_entry: 'id', ledger_also: 'ledger_id, entry_id', ledger_entry_version: 'entry_id, rev', ledger_link: 'kind, target, entry_id, field',
  ledger_comment: 'id', ledger_number: 'ledger_id, prefix', figure: 'id', figure_version: 'figure_id, version', figure_invariant: 'that', figure_source: 'file', report_template: 'id', report: 'id', report_step: 'id',
  feed: 'ledger_id, source' };

const folder = temporary();
let dir, attached;
const file = (name, text) => { const target = path.join(folder, name); writeFileSync(target, text); return target; };
const good = done => { assert.equal(done.status, 0, done.stderr + done.stdout); return done; };
const rowsOf = async place => {
  const all = {};
  for (const [table, order] of Object.entries(TABLES)) all[table] = await query(place, `SELECT * FROM ${table} ORDER BY ${order}`);
  return all;
};
const bytesOf = (place, kind) => execFileSync('find', [path.join(place, 'store'), '-type', 'f', '-path', `*lantai%3a${kind}%3a*`, '-printf', '%P\n'], { encoding: 'utf8' }).trim().split('\n').sort()
  .map(name => [name, createHash('sha256').update(readFileSync(path.join(place, 'store', name))).digest('hex')]);
const figures = async place => good(await lantai(place, 'figure', '修缮经费', '--year', '2026', '--rows', '--json')).json;

async function live() {
  const server = await serve(dir), clients = {};
  for (const name of ['wang', 'checker', 'leader', 'signer']) clients[name] = await new Client(server.base).signIn(name);
  const post = async (name, target, form) => { const reply = await clients[name].post(target, { form }); assert.equal(reply.status, 200, `${target}: ${reply.text.slice(0, 300)}`); return reply; };
  const [{ id }] = await query(dir, "SELECT id FROM ledger WHERE name = '修缮'");
  const entry = Number(/\d+/.exec((await post('wang', `/ledger/${id}/new`, { 'v.标题': '漏雨', 'v.日期': '2026-03-01', 'v.部位': '屋面', 'v.责任人': 'wang', 'v.截止': '2026-05-01' })).json.location)[0]);
  await post('wang', `/entry/${entry}/edit`, { 'v.标题': '屋面漏雨', 'v.日期': '2026-03-01', 'v.部位': '屋面', 'v.经费': '1200', rev: 0 });
  const body = new FormData();
  body.set('csrf', clients.wang.csrf);
  body.set('file1', new Blob([png(64, 48)], { type: 'image/png' }), '完工照片.png');
  const kept = await clients.wang.post(`/entry/${entry}/files`, { body });
  assert.ok(kept.status < 400, kept.text.slice(0, 300));
  attached = png(64, 48);
  await post('wang', `/entry/${entry}/move`, { to: '完工', note: '验收合格' });
  await post('checker', `/entry/${entry}/comment`, { text: '请存照片' });
  const gone = Number(/\d+/.exec((await post('wang', `/ledger/${id}/new`, { 'v.标题': '重复', 'v.日期': '2026-03-02', 'v.部位': '管线' })).json.location)[0]);
  await post('wang', `/entry/${gone}/delete`, { why: '重复登记' });
  const { templates } = (await clients.wang.get('/reports')).json;
  const at = (await post('wang', '/reports/new', { template: templates.find(({ name }) => name === '修缮总结').id, year: 2026, unit: '' })).json.location;
  await post('wang', `${at}/decide`, { verdict: 'submit' });
  for (const name of ['checker', 'leader', 'signer']) await post(name, `${at}/decide`, { verdict: 'pass' });
  for (let i = 0; i < 60 && (await query(dir, "SELECT COUNT(*) AS n FROM ledger_entry WHERE key LIKE '%:%' AND due > 0 AND from_date = 0"))[0].n === 0; i++) await new Promise(done => setTimeout(done, 200));
  await server.stop('SIGTERM');
}

before(async () => {
  dir = await emptyArchive();
  const yaml = [file('works.yaml', LEDGER), file('patrol.yaml', PATROL), file('numbers.yaml', FIGURES), file('summary.yaml', REPORT)];
  good(await lantai(dir, 'define', ...yaml));
  good(await lantai(dir, 'define', file('works.yaml', LEDGER.replace('values: [屋面, 管线]', 'values: [屋面, 管线, 门窗]')))); // a second version
  for (const [name, role] of [['wang', 'archivist'], ['checker', 'archivist'], ['leader', 'director'], ['signer', 'director']])
    good(await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密'));
  good(await lantai(dir, 'ledger', 'import', '修缮', write(path.join(folder, 'rows.csv'), csv([['日期', '标题', '部位', '经费', '步骤.日期', '步骤.做法'], ['2026-01-05', '换阀', '管线', '300', '2026-01-05', '停水'],
    ['', '', '', '', '2026-01-06', '换阀'], ['2026-02-05', '补瓦', '屋面', '80.5', '', '']]))));
  await live();
});

async function same(place) {
  const now = await rowsOf(place), former = await rowsOf(dir);
  for (const table of Object.keys(TABLES)) assert.deepEqual(now[table], former[table], table);
  assert.deepEqual(await figures(place), await figures(dir));
  for (const kind of ['entry', 'report']) assert.deepEqual(bytesOf(place, kind), bytesOf(dir, kind), kind);
  assert.ok(bytesOf(place, 'report').some(([name]) => name.endsWith('report.pdf')));
  await assertClean(place);
}

test('there is something to lose', async () => {
  const rows = await rowsOf(dir);
  assert.deepEqual([rows.ledger_entry.filter(({ deleted }) => deleted).length, rows.report.filter(({ state }) => state === 'frozen').length, rows.ledger_comment.length], [1, 1, 1]);
  assert.ok(rows.ledger_entry_version.length > rows.ledger_entry.length);
  assert.ok(rows.ledger_version.filter(({ version }) => version === 2).length > 0);
  assert.ok(rows.ledger_entry.some(({ title }) => /月巡检/.test(title)), 'a duty made its entry');
  assert.ok(bytesOf(dir, 'entry').some(([, digest]) => digest === createHash('sha256').update(attached).digest('hex')), 'the photo is kept');
  assert.equal((await figures(dir)).value, 1580.5);
});

test('from a further copy', async () => {
  good(await lantai(dir, 'copy', 'add', 'one', path.join(folder, 'one')));
  good(await lantai(dir, 'copy', 'sync', '--quiet'));
  const place = path.join(folder, 'recovered');
  good(await lantai(dir, 'recover', path.join(folder, 'one'), place));
  await same(place);
  // The report is read back as it was signed, and a byte that differs is told.
  good(await lantai(place, 'user', 'add', 'wang', '--role', 'archivist', '--password', PASSWORD, '--security', '秘密'));
  const server = await serve(place);
  try { await servesIt(server); } finally { await server.stop('SIGTERM'); }
});

async function servesIt(server) {
  const client = await new Client(server.base).signIn('wang');
  assert.match((await client.get('/report/1/file?format=md')).text, /共修缮3次，用去1580\.5元/);
  assert.deepEqual((await client.get(`/entry/${(await query(dir, "SELECT id FROM ledger_entry WHERE title = '屋面漏雨'"))[0].id}/file?name=${encodeURIComponent('完工照片.png')}`)).bytes, attached);
}

test('from a backup file', async () => {
  const tar = path.join(folder, 'backup.tar'), place = path.join(folder, 'restored');
  good(await lantai(dir, 'backup', tar));
  good(await lantai(dir, 'restore', tar, place));
  await same(place);
  assert.ok(existsSync(path.join(place, 'definitions/ledgers')) && readdirSync(path.join(place, 'definitions/ledgers')).length > 40);
});

test('from journal and store alone', async () => {
  const place = path.join(folder, 'rebuilt'), done = good(await lantai(dir, 'rebuild', place, '--json'));
  assert.equal(done.json.equal, true);
  await same(place);
});
