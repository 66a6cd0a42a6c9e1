// The gate, over every route as every role: whatever leaves the server is searched for marks that stand in each record's title, creator, fields, files and pages, and every
// count is compared with a model of the roles that is written down here and knows nothing of the program.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { CHINESE, emptyArchive, query, take } from './archive.mjs';
import { csv, png, write, zip } from './make.mjs';
import { Client, lantai, PASSWORD, serve, temporary } from './support.mjs';

const OPENINGS = ['未审核', '开放', '控制', '延期开放'], SECURITIES = ['公开', '内部', '秘密', '机密'];
const ALL = [0, 1, 2, 3];

// What each account may see and do, by the words of the issue and definitions/roles.yaml; security: the lower one of role and account.
const ROLES = {
  public: { may: ['catalogue.read'], opening: [1], files: [1], security: 0 },
  admin: { role: 'sysadmin', may: ['user.read', 'user.manage', 'role.read', 'job.read', 'system.read', 'system.care', 'keep.read', 'copy.manage'], opening: [], files: [], security: 0 },
  bearer: { role: 'transferor', body: '丙局', may: ['delivery.own'], opening: [], files: [], security: 0 },
  officer: { role: 'security', may: ['user.read', 'user.grant', 'role.read', 'system.read'], opening: [], files: [], security: 0 },
  auditor: { role: 'auditor', may: ['journal.read', 'role.read', 'system.read'], opening: [], files: [], security: 0 },
  archivist: { role: 'archivist', grant: '机密', may: 'archivist', opening: ALL, files: ALL, security: 2 },
  limited: { role: 'archivist', grant: '秘密', may: 'archivist', opening: ALL, files: ALL, security: 2, fonds: 'A' },
  director: { role: 'director', grant: '内部', may: ['catalogue.read', 'record.approve', 'record.export', 'delivery.read', 'delivery.accept', 'check.sign', 'schedule.approve', 'disposal.approve', 'keep.read', 'ledger.read', 'ledger.write', 'figure.read', 'report.review', 'report.approve', 'role.read'], opening: ALL, files: ALL, security: 1 },
  reader: { role: 'reader', grant: '机密', may: ['catalogue.read'], opening: [1], files: [1], security: 0 },
  clerk: { role: 'clerk', grant: '内部', may: ['catalogue.read', 'delivery.read', 'record.propose'], opening: [1, 2], files: [1], security: 1 },
};
const ARCHIVIST = ['catalogue.read', 'record.create', 'record.edit', 'record.approve', 'record.delete', 'code.renumber', 'synonym.edit', 'authority.edit', 'topic.edit', 'record.export', 'delivery.read', 'delivery.import', 'delivery.accept', 'delivery.undo', 'check.sign', 'disposal.request', 'keep.read', 'keep.manage', 'definition.edit', 'schedule.edit', 'record.move', 'ledger.read', 'ledger.write', 'ledger.define', 'figure.read', 'figure.edit', 'report.edit', 'report.review', 'job.read'];
for (const role of Object.values(ROLES)) if (role.may === 'archivist') role.may = ARCHIVIST;
// Two more directors, who sign a report; they are not among those whom everything is tried as.
for (const name of ['deputy', 'chief']) Object.defineProperty(ROLES, name, { value: { ...ROLES.director, grant: '秘密', security: 2 } });
const SIGNERS = ['deputy', 'chief'];
const CLERK = `
  clerk:
    title: 窗口
    permissions: [catalogue.read, delivery.read, record.propose]
    opening: [开放, 控制]
    files: [开放]
    security: 内部
    exclusive: false
`;

// ---- the archive: two fonds, each with every opening status at every security level, alone and in volumes of all kinds ----

const rows = []; // {n, fonds, code, level, opening, security, file}
for (const fonds of ['A', 'B']) {
  const add = (code, level, opening, security, file) => rows.push({ n: rows.length, fonds, code: `${fonds}-${code}`, level, opening, security, file });
  for (const [v, [opening, security]] of [[1, 0], [2, 0], [1, 3], [0, 1]].entries()) {
    add(`V${v}`, 3, opening, security, null);
    add(`V${v}-001`, 4, 1, 0, 'txt');
    add(`V${v}-002`, 4, 2, 0, 'txt');
    add(`V${v}-003`, 4, 1, 3, 'txt');
  }
  for (const opening of ALL) for (const security of ALL) add(`${opening}${security}`, 4, opening, security, security === 0 || opening === 1 ? 'png' : security === 1 ? null : 'txt');
}
const mark = (kind, n) => `Q${kind}${String(n).padStart(4, '0')}x`;
const MARKS = /q([a-z])(\d{4})x/gi;

let dir, server, gathered, ledger, closedLedger, secretEntry, fileEntry, figure, clients = {}, records, files, deliveries, fondsId = {}, classId = {}, routes, users, doneLedger, doneEntry, secretDone, sharedLedger, houseLedger, leadLedger, oursEntry, foreignEntry, leadEntry, sharedFigure;
const hit = new Map(); // "GET /path" → set of outcomes

before(async () => {
  dir = await emptyArchive();
  const roles = path.join(dir, 'definitions', 'roles.yaml');
  writeFileSync(roles, readFileSync(roles, 'utf8').trimEnd() + CLERK);
  for (const fonds of ['A', 'B']) {
    const folder = temporary(), mine = rows.filter(row => row.fonds === fonds);
    mkdirSync(path.join(folder, 'files'));
    const table = [['档号', '题名', '责任者', '文号', '日期', '年度', '保管期限', '开放状态', '密级', '著录层级', '主题词', '电子档案名称']];
    for (const row of mine) {
      const name = row.file ? `${mark('n', row.n)}.${row.file}` : '';
      // Every fourth date is none: it is reported with its value.
      table.push([row.code, `卷宗${mark('t', row.n)}`, `机关${mark('c', row.n)}`, `甲字${mark('w', row.n)}号`, row.n % 4 ? `${1950 + row.n % 7}0102` : `某日${mark('d', row.n)}`, String(1950 + row.n % 7),
        row.n % 2 ? '永久' : '30年', OPENINGS[row.opening], SECURITIES[row.security], row.level === 3 ? '案卷' : '文件', `词${mark('f', row.n)}`, name]);
      if (row.file === 'txt') write(path.join(folder, 'files', name), `正文专词，${mark('p', row.n)}，某县水库移民安置。\n`);
      if (row.file === 'png') write(path.join(folder, 'files', name), png(700 + row.n, 640));
    }
    const report = await take(dir, write(path.join(folder, '移交.csv'), csv(table)), '--fonds', fonds, '--fonds-title', `全宗${mark('g', fonds === 'A' ? 9000 : 9001)}`, '--files', path.join(folder, 'files'));
    assert.deepEqual([report.created, report.rejected, report.missing_count, report.attached], [mine.length, [], mine.filter(row => !row.file && row.level === 4).length, mine.filter(row => row.file).length]);
  }
  const stored = await query(dir, 'SELECT id, parent_id, fonds_id, level, code FROM record');
  for (const record of stored) {
    if (record.level === 1) fondsId[record.code] = record.id;
    if (record.level === 2) classId[record.fonds_id] = record.id;
  }
  const byCode = new Map(rows.map(row => [row.code, row]));
  records = stored.map(record => ({ ...record, fonds: Object.keys(fondsId).find(code => fondsId[code] === record.fonds_id), row: record.level > 2 ? byCode.get(record.code) : undefined }));
  files = await query(dir, 'SELECT id, record_id, kind, sha512 FROM file');
  for (const file of files) file.record = records.find(record => record.id === file.record_id);
  deliveries = (await query(dir, 'SELECT id FROM accession ORDER BY id')).map((row, i) => ({ id: row.id, fonds: 'AB'[i] }));
  for (const [name, account] of [...Object.entries(ROLES), ...SIGNERS.map(each => [each, ROLES[each]])]) {
    if (name === 'public') continue;
    const made = await lantai(dir, 'user', 'add', name, '--role', account.role, '--password', PASSWORD, '--security', account.grant ?? '公开', ...(account.body ? ['--body', account.body] : []));
    assert.equal(made.status, 0, made.stderr);
  }
  // A damaged file, so that a check has something to tell.
  const damaged = files.find(file => file.kind === 'text' && file.record.row.security === 3);
  const object = execFileSync('grep', ['-rl', '--include=inventory.json', `"urn:lantai:record:${damaged.record_id}"`, path.join(dir, 'store')], { encoding: 'utf8' }).trim().split('\n')[0];
  writeFileSync(path.join(object.replace(/(\/v1)?\/inventory\.json$/, ''), 'v1/content/files/0001.txt'), '换掉了');
  await lantai(dir, 'patrol', '--rate', '0'); // its findings speak of records that not everybody may see
  server = await serve(dir);
  routes = (await lantai(dir, 'routes', '--json')).json;
  for (const name of [...Object.keys(ROLES), ...SIGNERS]) {
    clients[name] = new Client(server.base);
    if (name !== 'public') await clients[name].signIn(name);
  }
  users = Object.fromEntries((await clients.admin.get('/users')).json.users.map(user => [user.name, user.id]));
  // The fonds of an archivist are set by the security officer, on the page.
  const granted = await ask('officer', 'POST', `/user/${users.limited}/grant`, { form: [['roles', 'archivist'], ['fonds', fondsId.A], ['security', 2]] });
  assert.equal(granted.status, 200, granted.text);
  await tieThings();
  // A plan of renumbering over a whole fonds: its rows are for those who may see their records.
  const chosen = await ask('archivist', 'POST', `/codes/${fondsId.B}/1/rule`, { form: { rule: 'dat13-1994-volume' } });
  assert.equal(chosen.status, 200, chosen.text);
  const synonyms = (await ask('archivist', 'GET', '/synonyms')).json;
  assert.equal((await ask('archivist', 'POST', '/synonyms', { form: { list: synonyms.list, seen: synonyms.seen } })).status, 200);
  const planned = await ask('archivist', 'POST', '/renumber', { form: { fonds: fondsId.B, mode: 'keep' } });
  assert.equal(planned.status, 200, planned.text);
  // A change in bulk over both fonds, planned: its rows are for those who may see their records.
  const revised = await ask('archivist', 'POST', '/revise/new', { form: { selection: '{"query":"","filters":{}}', field: 'title', kind: 'prefix', value: '关于' } });
  assert.equal(revised.json.location, '/revise/1', revised.text);
  // A plan of moving everything of a class of B, likewise.
  const removed = await ask('archivist', 'POST', '/move', { form: { node: classId[fondsId.B], target: fondsId.B } });
  assert.equal(removed.status, 200, removed.text);
  // A request to destroy something secret: its reason and its record are for those who may see it.
  const secret = records.find(record => record.row?.security === 2 && record.row.file && record.fonds === 'B');
  const asked = await ask('archivist', 'POST', '/keep/disposal/new', { form: { record: secret.id, kind: 'destroy', reason: `期满销毁 ${mark('t', secret.row.n)}` } });
  assert.equal(asked.status, 200, asked.text);
  // A survey of the catalogue, so that its pages have something to tell.
  assert.equal((await ask('archivist', 'POST', '/quality', { form: { full: 1 } })).status, 200);
  // A definition whose draft asks for a number where the records have marks, and one in force that requires what they lack.
  const numbers = 'id: 1\ncode: WS\ntitle: 文书档案\nfields:\n  - key: ztc\n    label: 主题词\n    type: number\n    aliases: [ZTC]\n  - key: zrs\n    label: 责任书号\n    expected: true\n';
  for (const [target, form] of [['yaml', { yaml: numbers }], ['enforce', { accept: 1 }], ['yaml', { yaml: numbers.replace('责任书号', '责任书编号') }]]) {
    const told = await ask('archivist', 'POST', `/categories/WS/${target}`, { form });
    assert.equal(told.status, 200, told.text);
  }
  // A schedule of fonds A, approved by another, and one of fonds B that is begun.
  const line = [['code', '1'], ['path', '甲'], ['matter', '乙'], ['retention', '永久'], ['opening', ''], ['note', ''], ['code', ''], ['path', '']];
  for (const [name, target, form] of [['archivist', `/schedules/${fondsId.A}/draft`, {}], ['archivist', '/schedule/1/edit', line], ['archivist', '/schedule/1/decide', { verdict: 'submit' }], ['director', '/schedule/1/decide', { verdict: 'approve', from: '1950-01-01' }],
    ['archivist', '/schedule/1/assign', {}], ['archivist', `/schedules/${fondsId.B}/draft`, { from: 'template:jiguan-8' }]]) {
    const done = await ask(name, 'POST', target, { form });
    assert.equal(done.status, 200, `${target}: ${done.text}`);
  }
  const project = await ask('archivist', 'POST', '/project/new', { form: { title: '防汛救灾档案收集', due_on: '2026-12-31' } });
  assert.equal(project.json.location, '/project/1', project.text);
  await writeLedgers();
  await writeReports();
});
after(async () => { await server?.stop(); });

// A ledger for everybody who reads ledgers, with an entry of the level of a secret record, and one that the director may not see.
async function writeLedgers() {
  const idOf = reply => { assert.match(reply.json?.location ?? '', /\d+/, reply.text); return Number(/\d+/.exec(reply.json.location)[0]); };
  const define = async yaml => idOf(await ask('archivist', 'POST', '/ledger-definition/new', { form: { yaml, act: 'save' } }));
  ledger = await define('name: 保密检查\nuses: [密级, 附件, 责任人, 截止]\nrows: {of: 归属}\nfields:\n  - {name: 归属, type: text, default: A}\n  - {name: 事由, type: text, list: true}\n  - {name: 去向, type: text, read: [archivist]}\nstates: [{name: 查}, {name: 毕, closed: true}]\n');
  doneLedger = await define('name: 归档检查\nuses: [密级, 附件]\nrows: {of: 归属}\nfields:\n  - {name: 归属, type: text, default: A}\n  - {name: 去向, type: text, read: [archivist]}\nstates: [{name: 毕, closed: true}]\n' +
    'archives: {fonds: Q900, values: {题名: "{标题}{去向}", 保管期限: 永久}}\n');
  closedLedger = await define('name: 限定台账\nrestricted: true\nread: [archivist]\nwrite: [archivist]\n');
  const secret = mark('t', records.find(record => record.row?.security === 2 && record.fonds === 'A').row.n);
  const enter = async (id, fields) => idOf(await ask('archivist', 'POST', `/ledger/${id}/new`, { form: fields.map(([name, value]) => [`v.${name}`, value]) }));
  fileEntry = await enter(ledger, [['标题', '日常检查'], ['日期', '2026-05-01'], ['事由', '例行'], ['去向', `去向${secret}`]]);
  secretEntry = await enter(ledger, [['标题', `专项 ${secret}`], ['日期', '2026-01-02'], ['事由', secret], ['密级', '秘密'], ['责任人', 'director'], ['截止', '2026-02-01']]);
  doneEntry = await enter(doneLedger, [['标题', '办结一件'], ['日期', '2026-05-04'], ['去向', `去向${secret}`]]);
  secretDone = await enter(doneLedger, [['标题', `办结 ${secret}`], ['日期', '2026-05-04'], ['密级', '秘密']]);
  await enter(closedLedger, [['标题', `限定 ${secret}`], ['日期', '2026-05-03']]);
  // One whose rows are of several fonds, one that does not say whose they are, and one that points there: for who works for fonds A only.
  sharedLedger = await define('name: 各方办理\nuses: [责任人, 截止, 附件]\nrows: {of: 归属}\nfields:\n  - {name: 归属, type: text, list: true}\n  - {name: 事由, type: choice, open: true, values: [平常], list: true}\n' +
    '  - {name: 件数, type: number}\nstates: [{name: 查}, {name: 毕, closed: true}]\n');
  houseLedger = await define('name: 内部事务\nuses: [责任人]\n');
  leadLedger = await define('name: 后续办理\nrows: {of: 归属}\nfields:\n  - {name: 归属, type: text, default: A}\n  - {name: 所属, type: entry, ledger: 各方办理, list: true}\n');
  const foreign = mark('t', records.find(record => record.row?.security === 0 && record.row.opening === 1 && record.fonds === 'B' && record.row.level === 4).row.n);
  oursEntry = await enter(sharedLedger, [['标题', '甲家一件'], ['日期', '2026-05-01'], ['归属', 'A'], ['事由', '平常'], ['件数', 3]]);
  foreignEntry = await enter(sharedLedger, [['标题', `别家 ${foreign}`], ['日期', '2026-05-02'], ['归属', 'B'], ['事由', foreign], ['件数', 100], ['截止', '2026-05-03']]);
  await enter(houseLedger, [['标题', `内务 ${foreign}`], ['日期', '2026-05-03']]);
  leadEntry = await enter(leadLedger, [['标题', '接着办'], ['日期', '2026-05-04'], ['所属', `#${foreignEntry}`]]);
  const photo = new FormData();
  photo.set('csrf', clients.archivist.csrf);
  photo.set('file1', new Blob([png(8, 8)]), '照片.png');
  for (const entry of [fileEntry, secretEntry, oursEntry, foreignEntry]) assert.equal((await ask('archivist', 'POST', `/entry/${entry}/files`, { body: photo })).status, 200);
}

// Figures over those ledgers, and a report that prints them.
async function writeReports() {
  const shown = await ask('archivist', 'POST', '/panel-new', { form: { yaml: 'name: 试\ncharts: []\n' } });
  assert.equal(shown.status, 200, shown.text);
  assert.equal((await ask('archivist', 'POST', `${shown.json.location}/edit`, { form: { yaml: 'name: 再试\ncharts: []\n' } })).status, 200);
  const spare = await ask('archivist', 'POST', '/panel-new', { form: { yaml: 'name: 不要的\ncharts: []\n' } });
  assert.equal((await ask('archivist', 'POST', `${spare.json.location}/drop`, { form: {} })).status, 200);
  const define = async yaml => { const reply = await ask('archivist', 'POST', '/figure/new', { form: { yaml, save: 1 } }); assert.equal(reply.status, 200, reply.text); return Number(/\d+/.exec(reply.json.location)[0]); };
  figure = await define('name: 保密检查次数\nledger: 保密检查\ncount: \nunit: 次\n');
  assert.equal((await ask('archivist', 'POST', '/ledger-definition/new', { form: { yaml: 'name: 闭门台账\nread: [archivist]\nwrite: [archivist]\n', act: 'save' } })).status, 200);
  await define('name: 闭门次数\nledger: 闭门台账\ncount: \nunit: 次\n');
  sharedFigure = await define('name: 各方件数\nledger: 各方办理\nsum: 件数\nunit: 件\nchart: {kind: share, by: 事由}\n');
  await define('name: 不公布次数\nledger: 限定台账\ncount: \nunit: 次\nrestricted: true\n');
  const made = await ask('archivist', 'POST', '/reports/new', { form: { template: 1, year: 2026, unit: '' } });
  assert.equal(made.json.location, '/report/1', made.text);
  const text = '检查{保密检查次数}，限定{不公布次数}。';
  assert.equal((await ask('archivist', 'POST', '/report/1/text', { form: { rev: 1, text } })).status, 200);
  assert.equal((await ask('archivist', 'POST', '/report/1/preview', { form: { text } })).status, 200);
  const template = { name: '另一份', heading: '另一份{年份}', text: '共{保密检查次数}。' };
  const another = (await ask('archivist', 'POST', '/report-templates/new', { form: template })).json.location;
  for (const target of ['/report-templates/preview', `${another}/preview`, another]) assert.equal((await ask('archivist', 'POST', target, { form: template })).status, 200, target);
  assert.equal((await ask('archivist', 'POST', `/ledger/${ledger}/view`, { form: { name: '例行' } })).status, 200);
}

async function tieThings() {
  // A body and a topic that all kinds of records are tied to, records tied to one another across what may be seen, an entry of a fonds' history that names a closed one.
  const made = [];
  for (const form of [{ kind: 'body', name: '某局', other_name: ['某科', '', ''], other_type: ['former', 'former', 'former'], other_dates: ['', '', ''], synonyms: '1' }, { kind: 'topic', name: '防汛' }]) made.push(await ask('archivist', 'POST', '/authority/new', { form: Object.entries(form).flatMap(([key, value]) => [value].flat().map(each => [key, each])) }));
  assert.deepEqual(made.map(reply => reply.json.location), ['/authority/1', '/topics/2'], made.map(reply => reply.text).join());
  for (const form of [{ target: 1, role: 'creator', q: '卷宗' }, { target: 2, q: '卷宗' }]) {
    const plan = await ask('archivist', 'POST', '/gather', { form });
    gathered = Number(/\d+$/.exec(plan.json.location)[0]);
    assert.equal((await ask('archivist', 'POST', `/gather/${gathered}/start`, { form: {} })).status, 200);
    for (let i = 0; i < 300 && (await ask('archivist', 'GET', `/gather/${gathered}`)).json.state_label !== '已关联'; i++) await new Promise(done => setTimeout(done, 20));
    assert.equal((await ask('archivist', 'GET', `/gather/${gathered}`)).json.gathering.done, rows.filter(row => row.security < 3).length);
  }
  const first = records.find(record => record.row?.fonds === 'A' && record.row.opening === 1 && record.row.security === 0 && record.level === 4);
  for (const other of records.filter(record => record.row && record.row.security < 3 && record !== first)) {
    const tied = await ask('archivist', 'POST', `/record/${first.id}/links`, { form: { code: other.row.code, relation: ['see', 'reply', 'reply-back', 'event'][other.row.n % 4] } });
    assert.equal(tied.status, 200, tied.text);
  }
  const entry = await ask('archivist', 'POST', `/fonds/${fondsId.A}/history`, { form: { part: 'introduction', date: '2012', title: '全宗指南', text: '说明', codes: records.filter(record => record.row?.fonds === 'A' && record.row.security < 3).slice(0, 30).map(record => record.row.code).join('\n') } });
  assert.equal(entry.status, 200, entry.text);
  assert.equal((await ask('archivist', 'POST', '/authorities/candidates', { form: {} })).status, 200);
}

// ---- the model ----

const inFonds = (name, fonds) => !ROLES[name].fonds || ROLES[name].fonds === fonds;
function sees(name, record) {
  const role = ROLES[name];
  if (!role.opening.length || !inFonds(name, record.fonds)) return false;
  return record.level < 3 || (role.opening.includes(record.row.opening) && record.row.security <= role.security);
}
const seesFiles = (name, record) => sees(name, record) && record.level > 2 && ROLES[name].files.includes(record.row.opening);
const seesDelivery = (name, delivery) => ROLES[name].opening.length > 0 && inFonds(name, delivery.fonds);
const allows = (name, permission) => permission === 'public' || (permission === 'user' ? name !== 'public' : permission.split('|').some(each => ROLES[name].may.includes(each)));

// ---- asking: every reply is searched for marks that its asker may not see ----

const patterns = new Map();
const patternOf = route => new RegExp(`^${route.path.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, (_, part) => route.parameters.find(each => each.name === part)?.kind === 'int' ? '\\d+' : '[^/]+')}$`);
const pattern = route => { if (!patterns.has(route)) patterns.set(route, patternOf(route)); return patterns.get(route); };
function rowOf(method, target) {
  const place = target.split('?')[0], exact = routes.find(route => route.method === method && route.path === place);
  return exact ?? routes.find(route => route.method === method && pattern(route).test(place)) ?? routes.find(route => route.method === method && pattern(route).test(place.replace(/\.json$/, '')));
}

// Leaks are gathered, so that a run names all of them; each test ends by asserting that there were none.
const leaks = new Set();
const told = (condition, message) => { if (!condition) leaks.add(message); };
function assertNoLeaks(...more) {
  const all = [...leaks, ...more];
  leaks.clear();
  assert.deepEqual(all, []);
}

function watch(name, target, text) {
  for (const [whole, kind, digits] of text.matchAll(MARKS)) {
    const letter = kind.toLowerCase(), n = Number(digits);
    if (decodeURIComponent(target).toLowerCase().includes(whole.toLowerCase())) continue; // what the asker wrote himself
    if (n >= 9000) {
      const choosing = ROLES[name].may.includes('user.read') && /^\/user/.test(target); // whoever grants fonds chooses from their names
      told(choosing || (ROLES[name].opening.length && inFonds(name, 'AB'[n - 9000])), `${name} learns of fonds ${'AB'[n - 9000]} (${whole}) at ${target}`);
      continue;
    }
    const record = records.find(each => each.row?.n === n);
    const allowed = letter === 'p' || letter === 'n' ? seesFiles(name, record) || (letter === 'n' && sees(name, record)) : sees(name, record);
    told(allowed, `${name} sees ${whole} of ${record.code} (${OPENINGS[record.row.opening]}, ${SECURITIES[record.row.security]}) at ${target}`);
  }
}

async function ask(name, method, target, options = {}) {
  const reply = await clients[name].request(method, target, options), route = rowOf(method, target);
  if (route) {
    const key = `${method} ${route.path}`;
    hit.set(key, (hit.get(key) ?? new Set()).add(reply.status < 400 ? 'given' : 'refused'));
  }
  assert.ok(reply.status < 500, `${name} ${method} ${target}: ${reply.status} ${reply.text.slice(0, 300)}`);
  const type = reply.headers.get('content-type') ?? '';
  if (/text|json|xml|javascript/.test(type)) watch(name, target, reply.text);
  watch(name, target, decodeURIComponent(reply.headers.get('content-disposition') ?? '') + (reply.headers.get('location') ?? ''));
  if (options.html && /text\/html/.test(type)) {
    assert.match(reply.text, /<html[^>]*lang="zh/, target);
    assert.match(reply.text, /<title>[^<]*[\u4e00-\u9fff]/, target);
    assert.doesNotMatch(/^\/(checks\/scheme|panel\/)/.test(target) ? reply.text.replaceAll('}}', '') : reply.text, /\{\{|\}\}|\(null\)|undefined|\[object/, target); // rules show their parameters as JSON, panels theirs as YAML
  }
  return reply;
}

const both = async (name, target) => { await ask(name, 'GET', target, { html: true }); return ask(name, 'GET', target); };
const json = async (name, target) => { const reply = await ask(name, 'GET', target); assert.equal(reply.status, 200, `${name} ${target}: ${reply.text.slice(0, 200)}`); return reply.json; };
const each = async work => { for (const name of Object.keys(ROLES)) await work(name); };
const encode = encodeURIComponent;

// ---- the matrix: permission of every row for every role ----

const SAMPLES = { // a path's parts that lead to something the unlimited archivist may see; without them a new route fails here
  '/authority/{id}': () => '/authority/1', '/authority/{id}/edit': () => '/authority/1/edit', '/authority/{id}/merge': () => '/authority/1/merge', '/authority/{id}/eac.xml': () => '/authority/1/eac.xml',
  '/topics/{id}': () => '/topics/2', '/record/{id}/links': () => `/record/${open().id}/links`, '/gather/{id}': () => `/gather/${gathered}`, '/fonds/{id}/history': () => `/fonds/${fondsId.A}/history`,
  '/catalog/{id}': () => `/catalog/${fondsId.A}`, '/record/{id}': () => `/record/${open().id}`, '/record/{id}/edit': () => `/record/${open().id}/edit`, '/record/{id}/view': () => `/record/${open().id}/view`,
  '/record/{id}/text': () => `/record/${open().id}/text`, '/record/{id}/like': () => `/record/${open().id}/like`, '/record/{id}/hits': () => `/record/${open().id}/hits?q=${encode('专词')}`, '/record/{id}/delete': () => '/record/999999/delete', '/file/{id}': () => `/file/${picture().id}`, '/file/{id}/thumbnail': () => `/file/${picture().id}/thumbnail`,
  '/file/{id}/page/{page}/image': () => `/file/${picture().id}/page/1/image`, '/file/{id}/page/{page}/tile/{level}/{x}/{y}': () => `/file/${picture().id}/page/1/tile/0/0/0`, '/delivery/{id}': () => `/delivery/${deliveries[0].id}`,
  '/export/{id}/file': () => '/export/999999/file', '/delivery/{id}/progress': () => `/delivery/${deliveries[0].id}/progress`, '/delivery/{id}/faults.xlsx': () => `/delivery/${deliveries[0].id}/faults.xlsx`, '/upload/{id}': () => '/upload/999999', '/check/{id}': () => '/check/999999', '/check/{id}/report.pdf': () => '/check/999999/report.pdf', '/check/{id}/findings.xlsx': () => '/check/999999/findings.xlsx',
  '/delivery/{id}/form/{name}.pdf': () => `/delivery/${deliveries[0].id}/form/digests.pdf`, '/user/{id}': () => `/user/${users.reader}`,
  '/project/{id}': () => '/project/1', '/keep/patrol/{id}': () => '/keep/patrol/1', '/keep/patrol/{id}/report.pdf': () => '/keep/patrol/1/report.pdf', '/keep/disposal/{id}': () => '/keep/disposal/1', '/keep/disposal/{id}/form.pdf': () => '/keep/disposal/1/form.pdf', '/keep/conversion/{id}/form.pdf': () => '/keep/conversion/999999/form.pdf',
  '/codes/{fonds}/{category}': () => `/codes/${fondsId.A}/1`, '/codes/{fonds}/{category}/rule': () => `/codes/${fondsId.A}/1/rule`, '/renumber/{id}': () => '/renumber/1', '/revise/{id}': () => '/revise/1', '/quality/{kind}': () => '/quality/title',
  '/codes/{fonds}/{category}': () => `/codes/${fondsId.A}/1`, '/codes/{fonds}/{category}/rule': () => `/codes/${fondsId.A}/1/rule`, '/renumber/{id}': () => '/renumber/1', '/quality/{kind}': () => '/quality/title',
  '/codes/{fonds}/{category}': () => `/codes/${fondsId.A}/1`, '/codes/{fonds}/{category}/rule': () => `/codes/${fondsId.A}/1/rule`, '/renumber/{id}': () => '/renumber/1', '/move': () => `/move?node=${classId[fondsId.A]}`, '/move/{id}': () => '/move/1',
  '/schedules/{fonds}': () => `/schedules/${fondsId.A}`, '/schedule/{id}': () => '/schedule/1', '/schedule/{id}/edit': () => '/schedule/1/edit', '/schedule/{id}/lines.xlsx': () => '/schedule/1/lines.xlsx',
  '/schedule/{id}/table.pdf': () => '/schedule/1/table.pdf', '/schedule/{id}/assign': () => '/schedule/1/assign',
  '/categories/{code}': () => '/categories/WS', '/categories/{code}/edit': () => '/categories/WS/edit', '/categories/{code}/yaml': () => '/categories/WS/yaml', '/categories/{code}/preview': () => '/categories/WS/preview',
  '/categories/{code}/findings': () => '/categories/WS/findings',
  '/ledger/{id}': () => `/ledger/${ledger}`, '/ledger/{id}/export': () => `/ledger/${ledger}/export`, '/ledger/{id}/compare': () => `/ledger/${ledger}/compare?before=2020-01-01`, '/ledger/{id}/new': () => `/ledger/${ledger}/new`,
  '/ledger/{id}/bulk': () => `/ledger/${ledger}/bulk`, '/ledger/{id}/paste': () => `/ledger/${ledger}/paste`, '/ledger/{id}/import': () => `/ledger/${ledger}/import`, '/ledger-batch/{id}': () => '/ledger-batch/999999', '/ledger-batch/{id}/wrong': () => '/ledger-batch/999999/wrong', '/ledger/{id}/definition': () => `/ledger/${ledger}/definition`,
  '/panel/{id}': () => '/panel/1?year=2026', '/panel/{id}/rows': () => `/panel/1/rows?at=3&chart=progress&row=${encode('保管科')}&column=${encode('逾期')}`, '/panel/{id}/edit': () => '/panel/1/edit',
  '/ledger/{id}/archive': () => `/ledger/${doneLedger}/archive`, '/entry/{id}/archive': () => `/entry/${doneEntry}/archive`, '/entry/{id}/sheet': () => `/entry/${doneEntry}/sheet`,
  '/entry/{id}': () => `/entry/${fileEntry}`, '/entry/{id}/move': () => `/entry/${fileEntry}/move?to=${encode('毕')}`, '/ledger/{id}/suggest': () => `/ledger/${ledger}/suggest?field=${encode('事由')}`, '/ledger/{id}/actions': () => `/ledger/${ledger}/actions`, '/entry/{id}/edit': () => `/entry/${fileEntry}/edit`, '/entry/{id}/file': () => `/entry/${fileEntry}/file?name=${encode('照片.png')}`,
  '/figure/{id}': () => `/figure/${figure}?year=2026`, '/figure/{id}/export': () => `/figure/${figure}/export?year=2026`, '/figure/{id}/edit': () => `/figure/${figure}/edit`, '/report/{id}': () => '/report/1', '/report-template/{id}': () => '/report-template/1', '/report/{id}/rows': () => `/report/1/rows?figure=${encode('保密检查次数')}`,
  '/report/{id}/compare': () => '/report/1/compare', '/report/{id}/file': () => '/report/1/file?format=md',
  '/copy/{id}': () => '/copy/1', '/copies/object/{id}': () => '/copies/object/1', '/record/{id}/copies': () => `/record/${open().id}/copies`,
};
const open = () => records.find(record => record.row?.file === 'txt' && record.row.opening === 1 && record.row.security === 0 && record.fonds === 'A');
const picture = () => files.find(file => file.kind === 'image' && file.record.row.opening === 1 && file.record.row.security === 0 && file.record.fonds === 'A');
const placeOf = route => (SAMPLES[route.path] ?? (() => route.path.replace('{kind}', 'nothing').replace(/\{\w+\}/g, '999999')))();

test('every GET row: who has the permission gets page and JSON, everyone else a refusal that says nothing', async () => {
  for (let i = 0; i < 200; i++) { // page images are made in the background
    if ((await ask('archivist', 'GET', `/file/${picture().id}/page/1/image`)).status === 200) break;
    await new Promise(done => setTimeout(done, 50));
  }
  for (const route of routes.filter(row => row.method === 'GET')) {
    assert.ok(!route.path.includes('{') || SAMPLES[route.path], `no sample for ${route.path}: add it to SAMPLES`);
    const target = placeOf(route), required = route.parameters.filter(parameter => parameter.required && !route.path.includes(`{${parameter.name}}`));
    assert.deepEqual(required, [], `${route.path}: give its required parameters`);
    await each(async name => {
      const page = await ask(name, 'GET', target, { html: true }), data = await ask(name, 'GET', target);
      if (allows(name, route.permission)) {
        const content = !/^\/(catalog|record|file|delivery|export)\/\{/.test(route.path) || !/^\/export/.test(route.path) && ROLES[name].opening.length > 0;
        // Each delivery here has rows beyond everybody's level: the sheet of bad rows may be refused as a whole.
        const expected = content ? [200, 202, ...(/faults/.test(route.path) ? [403] : []), ...(/^\/(upload|check|keep\/conversion|ledger-batch|revise|schedules?)\//.test(route.path) ? [404] : []) /* only its own person's */, ...((route.path === '/login' && name !== 'public') || route.path === '/search/hit' /* leads on */ || (route.path === '/' && name === 'bearer') /* a body's home is its deliveries */ ? [303] : [])] : [404];
        assert.ok(expected.includes(page.status) && expected.includes(data.status), `${name} ${target}: ${page.status} ${data.status} ${data.text.slice(0, 200)}`);
        if (content && route.template && data.status === 200 && /json/.test(data.headers.get('content-type'))) assert.equal(typeof data.json, 'object', target);
        if (content && route.template && page.status === 200 && !/image/.test(page.headers.get('content-type'))) assert.match(page.headers.get('content-type'), /text\/html/, target);
      } else if (name === 'public') {
        assert.equal(page.status, 303, `${target} sends the public to sign in`);
        assert.match(page.headers.get('location'), /^\/login/);
        assert.equal(data.status, 401, target);
      } else {
        assert.deepEqual([page.status, data.status], [403, 403], `${name} ${target}`);
        assert.match(page.text, CHINESE);
      }
    });
  }
  assertNoLeaks();
});

test('every POST row: refused without the token, refused without the permission, and nothing has happened', async () => {
  const count = async () => (await query(dir, "SELECT (SELECT count(*) FROM record) AS records, (SELECT count(*) FROM accession) AS deliveries, (SELECT count(*) FROM account) AS accounts, (SELECT count(*) FROM job) AS jobs, (SELECT sum(rev) FROM record) AS revs"))[0];
  const earlier = await count();
  for (const route of routes.filter(row => row.method !== 'GET')) {
    const target = SAMPLES[route.path] && !/delete/.test(route.path) ? SAMPLES[route.path]() : placeOf(route);
    await each(async name => {
      const client = clients[name];
      if (name !== 'public') {
        for (const token of ['', 'x'.repeat(64), clients[name === 'admin' ? 'reader' : 'admin'].csrf]) {
          const reply = await ask(name, 'POST', target, { form: { csrf: token, title: '无令牌' }, headers: { 'X-CSRF-Token': token || 'none' } });
          assert.equal(reply.status, 403, `${name} ${target} with token “${token.slice(0, 8)}”: ${reply.status}`);
        }
        const crossed = await ask(name, 'POST', target, { form: { title: '他站' }, headers: { 'Sec-Fetch-Site': 'cross-site' } });
        assert.equal(crossed.status, 403, `${name} ${target} from another site`);
      }
      if (allows(name, route.permission)) return;
      const reply = await ask(name, 'POST', target, { form: { title: '无权' } });
      assert.equal(reply.status, name === 'public' ? 401 : 403, `${name} POST ${target}`);
      assert.equal(client.csrf !== undefined, name !== 'public');
    });
  }
  assert.deepEqual(await count(), earlier);
  assertNoLeaks();
});

// ---- who works for one fonds only ----

test('rows of other fonds: through no door of the ledgers, figures and charts, for who works for one fonds', async () => {
  const of = (field, value) => `${encode(`f.${field}`)}=${encode(value)}`;
  const lists = ['', '?show=board', '?show=calendar&month=2026-05', '?show=chart', '?q=Q', '?overdue=1', '?print=1', `?${of('归属', 'B')}`, `?sort=${encode('-件数')}`, `?group=${encode('事由')}`, '?on=2099-01-01', '/export?format=csv', '/export?format=xlsx',
    '/compare?before=2020-01-01', '/bulk', '/new', `/suggest?field=${encode('事由')}`, '/definition'];
  for (const [name, count] of [['archivist', 2], ['limited', 1]]) {
    for (const rest of lists) assert.equal((await ask(name, 'GET', `/ledger/${sharedLedger}${rest}`, { html: !/export|suggest/.test(rest) })).status, 200, `${name} ${rest}`);
    const list = await json(name, `/ledger/${sharedLedger}`), words = (await json(name, `/ledger/${sharedLedger}/suggest?field=${encode('事由')}`)).items;
    assert.deepEqual([list.count, list.rows.length, list.years[0].count, words.length], [count, count, count, count], name);
    assert.equal((await json(name, `/ledger/${sharedLedger}?${of('归属', 'B')}`)).count, count - 1, name);
    const row = (await json(name, '/ledgers')).groups.flatMap(group => group.ledgers);
    assert.deepEqual([row.find(each => each.id === sharedLedger).all, row.find(each => each.id === houseLedger).all], [count, count - 1], name);
    for (const rest of ['', '/edit', '/move?to=毕', `/file?name=${encode('照片.png')}`]) {
      assert.equal((await ask(name, 'GET', `/entry/${oursEntry}${rest}`)).status, 200, `${name} ${rest}`);
      assert.equal((await ask(name, 'GET', `/entry/${foreignEntry}${rest}`)).status, name === 'archivist' ? 200 : 404, `${name} ${rest}`);
    }
    const number = await json(name, `/figure/${sharedFigure}?year=2026`);
    assert.deepEqual([number.result.value, number.result.partial ?? false, number.rows.length], name === 'archivist' ? [103, false, 2] : [3, true, 1], name);
    for (const target of [`/figure/${sharedFigure}?year=2026`, '/figures?year=2026', '/owed', '/', `/entry/${leadEntry}`, `/ledger/${leadLedger}`, `/ledger/${houseLedger}`]) await both(name, target);
  }
  // The command line with somebody's eyes.
  const told = async (as, ...rest) => (await lantai(dir, ...rest, '--year', '2026', ...(as ? ['--as', as] : []), '--json'));
  for (const [as, value, rows] of [[null, 103, 2], ['limited', 3, 1]]) {
    const shown = await told(as, 'figure', '各方件数');
    assert.deepEqual([shown.json.value, shown.json.rows.length, shown.stdout.includes('别家')], [value, rows, as === null], as);
  }
  assert.equal((await told('director', 'figure', '不公布次数', '--rows')).json.rows.length, 0, 'a number by right, without its rows');
  for (const [as, words] of [['nobody', '“nobody”'], ['reader', '不能查看指标']]) {
    const refused = await told(as, 'figure', '各方件数');
    assert.ok(refused.status > 0 && refused.stderr.includes(words), refused.stderr);
  }
  for (const [as, count] of [[null, 2], ['limited', 1]]) {
    const eyes = as ? ['--as', as] : [], name = '各方办理', sheet = `${dir}-${as}.csv`;
    const listed = await lantai(dir, 'ledger', 'list', name, ...eyes, '--json'), all = await lantai(dir, 'ledger', 'list', ...eyes, '--json');
    assert.deepEqual([listed.json.count, listed.stdout.includes('别家'), all.json.find(one => one.name === name).entries], [count, as === null, count], as);
    assert.equal((await lantai(dir, 'ledger', 'export', name, sheet, ...eyes)).status, 0);
    assert.deepEqual([readFileSync(sheet, 'utf8').trim().split('\n').length, readFileSync(sheet, 'utf8').includes('别家')], [1 + count, as === null]);
  }
  for (const [rest, words] of [[['list', '--as', 'reader'], '不能查看台账'], [['list', '各方办理', '--as', 'nobody'], '“nobody”'], [['undo', '1', '--as', 'limited'], '--as 只用于']]) {
    const refused = await lantai(dir, 'ledger', ...rest);
    assert.ok(refused.status > 0 && refused.stderr.includes(words), refused.stderr);
  }
  // A definition is for the ledger, the figure of its address, and by who sees all of it: under another's name it would tell that one's entries, or open them.
  const redefine = (name, target, yaml) => ask(name, 'POST', target, { form: { yaml, act: 'check', save: 1 } });
  const { yaml } = await json('archivist', `/ledger/${sharedLedger}/definition`);
  assert.equal((await redefine('archivist', `/ledger/${sharedLedger}/definition`, yaml)).status, 200);
  assert.equal((await redefine('limited', `/ledger/${sharedLedger}/definition`, yaml)).status, 403);
  // Nor does he change what his reach is made of: his fonds' title or code, a body's names, what is merged into it, who founded a fonds. The rest of the fonds is his.
  const fonds = (await query(dir, `SELECT title, rev FROM record WHERE id = ${fondsId.A}`))[0];
  const refusals = [[`/record/${fondsId.A}/edit`, { title: 'B' }], [`/record/${fondsId.A}/edit`, { code: 'C' }], ['/authority/new', { kind: 'body', name: fonds.title, other_name: 'B' }],
    ['/authority/1/edit', { kind: 'body', name: '某局', other_name: 'B', rev: 1 }], ['/authority/1/edit', { kind: 'person', name: '某局', rev: 1 }],
    ['/authority/1/state', { act: 'delete' }], ['/authority/1/merge', { with: 2 }], [`/record/${fondsId.A}/links`, { target: 1, role: 'founder' }],
    ['/gather', { target: 1, role: 'founder', q: '卷宗' }]];
  for (const [target, form] of refusals) assert.equal((await ask('limited', 'POST', target, { form })).status, 403, `${target} ${JSON.stringify(form)}`);
  assert.equal((await ask('limited', 'POST', `/record/${fondsId.A}/edit`, { form: { title: fonds.title, note: '全宗说明', rev: fonds.rev } })).status, 200);
  for (const act of ['', '/remove']) assert.equal((await ask('limited', 'POST', `/record/${fondsId.A}/links${act}`, { form: { target: 1, role: 'subject' } })).status, 200);
  for (const target of [`/ledger/${sharedLedger}/definition`, '/ledger-definition/new'])
    for (const other of ['name: 保密检查\n', 'name: 另一本\nwas: [保密检查]\n']) assert.equal((await redefine('archivist', target, other)).status, 409, `${target} ${other}`);
  assert.equal((await redefine('archivist', '/figure/new', 'name: 保密检查次数\nledger: 各方办理\ncount: \nunit: 次\n')).status, 409);
  assert.match((await json('archivist', `/ledger/${leadLedger}`)).rows[0].cells.map(cell => cell.text).join(), /别家/);
  const path = encode('f.所属.事由');
  assert.equal((await ask('limited', 'GET', `/ledger/${leadLedger}?${path}=x`)).status, 422, 'a row that one may not see decides nothing');
  const changes = [['/edit', { 'v.标题': '改' }], ['/move', { to: '毕' }], ['/comment', { text: '我在' }], ['/delete', { why: '不要' }], ['/restore', { rev: 1 }], ['/detach', { name: '照片.png' }]];
  for (const [rest, form] of changes) assert.equal((await ask('limited', 'POST', `/entry/${foreignEntry}${rest}`, { form })).status, 404, rest);
  assert.equal((await ask('limited', 'POST', `/ledger/${sharedLedger}/new`, { form: { 'v.标题': '混入', 'v.日期': '2026', 'v.归属': 'B' } })).status, 403);
  assert.equal((await ask('limited', 'POST', `/entry/${oursEntry}/edit`, { form: { 'v.归属': 'B' } })).status, 403);
  assert.equal((await ask('limited', 'POST', `/entry/${leadEntry}/edit`, { form: { 'v.标题': '再办', 'v.所属': `（无权查看） #${foreignEntry}` } })).status, 200, 'what stands there stays');
  assert.equal((await ask('limited', 'POST', `/ledger/${leadLedger}/new`, { form: { 'v.标题': '探', 'v.日期': '2026', 'v.所属': `#${foreignEntry}` } })).status, 422);
  const planned = await ask('limited', 'POST', `/ledger/${sharedLedger}/bulk`, { form: [['entry', foreignEntry], ['entry', oursEntry], ['field', '事由'], ['value', '改']] });
  const plan = await json('limited', planned.json.location);
  assert.deepEqual([plan.waiting, plan.left, plan.rows.length], [1, 0, 1]);
  assertNoLeaks();
});

// ---- figures and reports ----

test('a figure counts what its asker may see and says when that is not all; a closed ledger gives none, or a number by right', async () => {
  const [all, some] = [await json('archivist', `/figure/${figure}?year=2026`), await json('director', `/figure/${figure}?year=2026`)];
  assert.deepEqual([all.result.value, some.result.value, all.result.partial, some.result.partial], [2, 1, undefined, true]);
  assert.deepEqual([all.rows.length, some.rows.length, some.hidden], [2, 1, undefined]);
  const listed = async (name, what) => (await json(name, `/figures?year=2026&q=${encode(what)}`)).rows.find(row => row.name === what);
  const closed = await listed('director', '闭门次数'), told = await listed('director', '不公布次数');
  assert.equal(closed.shown, undefined);
  assert.match(closed.failed, CHINESE);
  assert.equal((await ask('director', 'GET', `/figure/${closed.id}?year=2026`)).status, 403);
  const number = await json('director', `/figure/${told.id}?year=2026`);
  assert.deepEqual([number.result.value, number.rows.length], [1, 0]);
  for (const name of ['archivist', 'director']) {
    const page = await json(name, '/report/1');
    assert.equal(page.paper.paragraphs[0].runs.map(run => run.text).join(''), `检查${name === 'director' ? 1 : 2}次，限定1次。`);
    for (const target of ['/reports', '/report/1', `/report/1/rows?figure=${encode('保密检查次数')}`, `/report/1/rows?figure=${encode('不公布次数')}`, '/report/1/compare']) await both(name, target);
    for (const format of ['docx', 'pdf', 'html', 'md']) assert.equal((await ask(name, 'GET', `/report/1/file?format=${format}`)).status, 200);
  }
  assert.equal((await json('director', `/report/1/rows?figure=${encode('不公布次数')}`)).rows.length, 0);
  assert.equal((await ask('archivist', 'POST', `/figure/${figure}/edit`, { form: { yaml: 'name: 保密检查次数\nledger: 保密检查\ncount: \nunit: 回\n' } })).status, 200);
  assert.equal((await ask('archivist', 'POST', '/report/1/decide', { form: { verdict: 'submit' } })).status, 200);
  assert.equal((await ask('archivist', 'POST', '/report/1/decide', { form: { verdict: 'pass' } })).status, 403, 'who wrote it does not review it');
  assert.equal((await ask('limited', 'POST', '/report/1/decide', { form: { verdict: 'pass' } })).status, 200);
  for (const name of SIGNERS) assert.equal((await ask(name, 'POST', '/report/1/decide', { form: { verdict: 'pass' } })).status, 200);
  // It counts a secret row: what was frozen is for those of that level, until its signer says otherwise.
  const ways = ['', '/compare', '/file?format=pdf', '/file?format=md', `/rows?figure=${encode('不公布次数')}`];
  for (const [name, status] of [['archivist', 200], ['director', 404]]) for (const way of ways) assert.equal((await ask(name, 'GET', `/report/1${way}`)).status, status, `${name} ${way}`);
  assert.equal((await ask('deputy', 'POST', '/report/1/release', { form: { role: '*' } })).status, 403);
  assert.equal((await ask('chief', 'POST', '/report/1/release', { form: { role: '*' } })).status, 200);
  for (const way of ways) assert.equal((await ask('director', 'GET', `/report/1${way}`)).status, 200);
  assertNoLeaks();
});

// ---- ledgers ----

test('entries above one\'s level, fields and ledgers of others: neither told, nor counted, nor found, nor changed', async () => {
  const lists = ['', '?show=board', '?show=calendar&month=2026-05', '?q=Q', '?overdue=1', '?print=1', `?${encode('f.责任人')}=director`, `?${encode('f.事由:has')}=Q`, '/export?format=csv', '/compare?before=2020-01-01', '/bulk', '/new'];
  for (const name of ['archivist', 'limited', 'director']) {
    const all = name !== 'director';
    for (const rest of lists) {
      const reply = await ask(name, 'GET', `/ledger/${ledger}${rest}`, { html: !/export/.test(rest) });
      assert.equal(reply.status, 200, `${name} ${rest}: ${reply.text.slice(0, 200)}`);
    }
    const list = await json(name, `/ledger/${ledger}`);
    assert.deepEqual([list.count, list.rows.length, list.years[0].count], all ? [2, 2, 2] : [1, 1, 1], name);
    assert.equal((await json(name, `/ledger/${ledger}?overdue=1`)).count, all ? 1 : 0, name);
    assert.equal((await both(name, `/entry/${secretEntry}`)).status, all ? 200 : 404, name);
    for (const rest of ['/edit', `/file?name=${encode('照片.png')}`]) assert.equal((await ask(name, 'GET', `/entry/${secretEntry}${rest}`)).status, all ? 200 : 404, `${name} ${rest}`);
    assert.equal((await ask(name, 'GET', `/ledger/${ledger}?${encode('f.去向')}=x`)).status, all ? 200 : 422, name);
    assert.equal((await ask(name, 'GET', `/ledger/${ledger}?sort=${encode('去向')}`)).status, all ? 200 : 422, name);
    for (const rest of ['', '/new', '/definition', '/export', '/bulk', '/compare']) assert.equal((await ask(name, 'GET', `/ledger/${closedLedger}${rest}`)).status, all ? 200 : 403, `${name} ${rest}`);
    assert.equal((await json(name, '/ledgers')).groups.flatMap(group => group.ledgers).some(each => each.id === closedLedger), all, name);
    for (const target of ['/owed', '/', `/entry/${fileEntry}`, '/journal']) await both(name, target);
  }
  const unseen = `/entry/${secretEntry}`, changes = [['/edit', { 'v.标题': '改' }], ['/move', { to: '毕' }], ['/comment', { text: '我在' }], ['/delete', { why: '不要' }], ['/restore', { rev: 1 }], ['/detach', { name: '照片.png' }]];
  for (const [rest, form] of changes) assert.equal((await ask('director', 'POST', unseen + rest, { form })).status, 404, rest);
  assert.equal((await ask('director', 'POST', `/ledger/${closedLedger}/new`, { form: { 'v.标题': '混入', 'v.日期': '2026' } })).status, 403);
  const planned = await ask('director', 'POST', `/ledger/${ledger}/bulk`, { form: [['entry', secretEntry], ['entry', fileEntry], ['field', '事由'], ['value', '改']] });
  assert.equal((await json('director', planned.json.location)).waiting, 1);
  const referred = await ask('director', 'POST', `/entry/${fileEntry}/edit`, { form: { 'v.去向': '改写' } });
  assert.equal(referred.status, 200, referred.text);
  assert.match((await json('archivist', `/entry/${fileEntry}`)).entry.values['去向'], /去向Qt/); // what one may not see one cannot write either
  // Each step once as somebody who may, and what it leaves.
  const table = '标题\t日期\t事由\n粘贴一\t2026-03-01\t甲\n', sheet = new FormData();
  sheet.set('csrf', clients.archivist.csrf);
  sheet.set('file', new Blob([table.replaceAll('\t', ',')]), '表.csv');
  const given = async (target, options) => { const reply = await ask('archivist', 'POST', target, options); assert.ok(reply.status < 400, `${target}: ${reply.text}`); return reply.json; };
  const rehearsed = await given(`/ledger/${ledger}/paste`, { form: { text: table } });
  assert.equal(rehearsed.result.created, 1);
  const others = Object.keys(clients).filter(name => name !== 'archivist');
  for (const [method, rest] of [['GET', ''], ['GET', '/wrong'], ['POST', '/make'], ['POST', '/undo']]) // nobody but who pasted it
    await Promise.all(others.map(async name => assert.ok([401, 403, 404].includes((await ask(name, method, `/ledger-batch/${rehearsed.batch}${rest}`, method === 'POST' ? { form: {} } : {})).status), `${name} ${rest}`)));
  await given(`/ledger-batch/${rehearsed.batch}/make`, { form: {} });
  await given(`/ledger/${ledger}/usual`, { form: { keep: 1 } });
  assert.deepEqual((await json('archivist', '/ledgers')).groups[0].ledgers.map(({ id }) => id), [ledger]);
  assert.notEqual((await json('director', '/ledgers')).groups[0].name, '常用');
  await given(`/ledger/${ledger}/own-view`, { form: { name: '己用', q: '粘贴' } });
  const [own] = (await json('archivist', `/ledger/${ledger}`)).own_views;
  assert.equal(own.name, '己用');
  assert.deepEqual((await json('director', `/ledger/${ledger}`)).own_views, []);
  assert.equal((await ask('director', 'POST', `/ledger/${ledger}/own-view/drop`, { form: { own: own.id } })).status, 404);
  await given(`/ledger/${ledger}/own-view/drop`, { form: { own: own.id } });
  const sheetBatch = (await given(`/ledger/${ledger}/import`, { body: sheet })).location;
  assert.match(sheetBatch, /^\/ledger-batch\/\d+$/);
  const again = await json('archivist', sheetBatch);
  assert.deepEqual([again.result.created, again.result.same, again.may_make], [0, 1, false]);
  const pasted = (await json('archivist', `/ledger/${ledger}?q=${encode('粘贴一')}`)).entries[0];
  assert.equal(pasted.values['事由'], '甲');
  const bulk = (await given(`/ledger/${ledger}/bulk`, { form: { entry: pasted.id, field: '事由', value: '乙' } })).location;
  await given(`${bulk}/make`, { form: {} });
  assert.equal((await json('archivist', bulk)).made, 1);
  const { rev } = (await json('archivist', `/entry/${pasted.id}`)).entry;
  await given(`/ledger/${ledger}/undo`, { form: { made: `${pasted.id}:${pasted.rev}:${rev}` } });
  assert.equal((await json('archivist', `/entry/${pasted.id}`)).entry.values['事由'], '甲');
  for (const [rest, form] of [['/comment', { text: '看过' }], ['/move', { to: '毕' }], ['/restore', { rev: pasted.rev }], ['/delete', { why: '试' }]]) await given(`/entry/${pasted.id}${rest}`, { form });
  assert.equal((await json('archivist', `/ledger/${ledger}?q=${encode('粘贴一')}`)).count, 0);
  await given(`/ledger-batch/${rehearsed.batch}/undo`, { form: {} });
  assert.equal((await json('archivist', `/ledger-batch/${rehearsed.batch}`)).kept, 1, 'it was deleted by hand since');
  await given(`/entry/${secretEntry}/detach`, { form: { name: '照片.png' } });
  await given(`/ledger/${ledger}/definition`, { form: { yaml: (await json('archivist', `/ledger/${ledger}/definition`)).yaml, act: 'check' } });
  assertNoLeaks();
});

// ---- records, files, and what lies around them ----

test('every record and node through every page: given within the scope, not found without, and forbidden looks like unknown', async () => {
  const unknown = 987654, views = id => [`/record/${id}`, `/record/${id}?tab=files`, `/record/${id}?tab=history`, `/record/${id}/view`, `/record/${id}/view?q=${encode('水库 专词')}`, `/record/${id}/hits?q=${encode('水库 专词')}`, `/record/${id}/text`, `/record/${id}/like`, `/catalog/${id}`, `/record/${id}/edit`];
  await each(async name => {
    const seen = { ...Object.fromEntries(await Promise.all(views(unknown).map(async target => [target.replace(unknown, '#'), await both(name, target)]))) };
    for (const record of records) {
      for (const target of views(record.id)) {
        const editing = target.endsWith('/edit'), reader = /\/(view|text|hits)/.test(target), permission = editing ? 'record.edit|record.propose' : 'catalogue.read';
        const page = await ask(name, 'GET', target, { html: true }), data = await ask(name, 'GET', target);
        if (!reader && !allows(name, permission)) { assert.equal(data.status, name === 'public' ? 401 : 403, `${name} ${target}`); continue; }
        const model = seen[target.replace(String(record.id), '#')], same = text => text.replaceAll(String(record.id), '#').replaceAll(String(unknown), '#');
        if (!sees(name, record)) {
          assert.deepEqual([page.status, data.status], [404, 404], `${name} ${target} of ${record.code}`);
          assert.equal(same(data.text), same(model.text), `${name} ${target}: forbidden and unknown differ`);
        } else if (reader) {
          const readable = seesFiles(name, record) && record.row.file;
          if (readable && !(record.row.file === 'png' && target.endsWith('/text'))) assert.equal(data.status, 200, `${name} ${target} of ${record.code}: ${data.text.slice(0, 200)}`);
          else assert.ok([403, 404].includes(data.status), `${name} ${target} of ${record.code}: ${data.status}`);
        } else if (target.startsWith('/catalog') && record.level === 4) assert.ok([200, 303].includes(data.status), target);
        else {
          assert.equal(data.status, 200, `${name} ${target} of ${record.code}: ${data.text.slice(0, 200)}`);
          assert.equal(page.status, 200, `${name} ${target}`);
          if (target === `/record/${record.id}` && record.row?.file) assert.equal((data.json.files ?? []).length, seesFiles(name, record) ? 1 : 0, `${name} ${target}: files`);
          for (const around of [data.json.previous, data.json.next]) if (around?.id) assert.ok(sees(name, records.find(each => each.id === around.id)), `${name} ${target}: neighbour ${around.code}`);
        }
      }
    }
  });
  assertNoLeaks();
});

test('every file as download, thumbnail, image and tile: only within the scope of files', async () => {
  const unknown = 987654, views = id => [`/file/${id}`, `/file/${id}?download=1`, `/file/${id}/thumbnail`, `/file/${id}/page/1/image`, `/file/${id}/page/1/tile/0/0/0`];
  for (const file of files.filter(each => each.kind === 'image'))
    for (let i = 0; i < 400 && (await ask(seesFiles('archivist', file.record) ? 'archivist' : 'public', 'GET', `/file/${file.id}/page/1/image`)).status === 202; i++) await new Promise(done => setTimeout(done, 20));
  await each(async name => {
    const missing = Object.fromEntries(await Promise.all(views(unknown).map(async target => [target.replace(unknown, '#'), await ask(name, 'GET', target)])));
    for (const file of files) {
      for (const target of views(file.id)) {
        const reply = await ask(name, 'GET', target), image = /thumbnail|page/.test(target);
        if (seesFiles(name, file.record)) {
          if (!image) {
            assert.equal(reply.status, 200, `${name} ${target}`);
            if (file.kind === 'text' && !reply.bytes.equals(Buffer.from('换掉了'))) assert.match(reply.text, new RegExp(mark('p', file.record.row.n)));
            assert.ok(!/html|svg|xml/.test(reply.headers.get('content-type')), 'nothing that a browser runs');
          } else if (file.kind === 'image') assert.equal(reply.status, 200, `${name} ${target}: ${reply.text.slice(0, 200)}`);
          else assert.ok(reply.status >= 400, `${name} ${target}: a text has no picture`);
          continue;
        }
        assert.ok([403, 404].includes(reply.status), `${name} ${target} of ${file.record.code}: ${reply.status}`);
        if (sees(name, file.record)) continue; // the description is seen, so that there is a file is no secret
        const model = missing[target.replace(String(file.id), '#')];
        const same = reply.status === model.status && reply.text.replaceAll(String(file.id), '#') === model.text.replaceAll(String(unknown), '#');
        told(same, `${name} ${target.replace(/\d+/, '{id}')}: forbidden (${reply.status} ${reply.json?.error?.message}) and unknown (${model.status} ${model.json?.error?.message}) differ`);
      }
      if (seesFiles(name, file.record)) continue;
      for (const headers of [{ 'If-None-Match': `"${file.sha512}"` }, { Range: 'bytes=0-3' }, { 'If-Range': `"${file.sha512}"`, Range: 'bytes=0-0' }])
        assert.ok([403, 404].includes((await ask(name, 'GET', `/file/${file.id}`, { headers })).status), `${name} /file/${file.id} ${JSON.stringify(headers)}`);
      assert.ok([403, 404, 405].includes((await clients[name].request('HEAD', `/file/${file.id}`)).status));
    }
  });
  assertNoLeaks();
});

test('names, topics, links and the history of a fonds: records and their numbers within the scope, at both ends of a link', async () => {
  const tied = records.filter(record => record.row && record.row.security < 3), first = tied.find(record => record.fonds === 'A' && record.row.opening === 1 && record.row.security === 0 && record.level === 4);
  await each(async name => {
    if (!allows(name, 'catalogue.read')) return;
    const mine = tied.filter(record => sees(name, record));
    for (const target of ['/authority/1', '/topics/2', '/authority/1?role=creator']) {
      const { json: page } = await both(name, target), ids = [];
      assert.equal(page.hits, mine.length, `${name} ${target}`);
      for (const facet of page.facets) assert.equal(facet.values.reduce((sum, value) => sum + value.count, 0), mine.length, `${name} ${target}: ${facet.name}`);
      for (let at = page; ; at = await json(name, `${target.split('?')[0]}?${at.next}`)) {
        ids.push(...at.items.map(item => item.id));
        if (!at.next) break;
      }
      assert.deepEqual(ids.sort((a, b) => a - b), mine.map(record => record.id).sort((a, b) => a - b), `${name} ${target}`);
    }
    assert.equal((await json(name, '/topics')).rows.find(row => row.id === 2).hits, mine.length, name);
    const links = (await both(name, `/record/${first.id}`)).json.ties.related.map(row => row.id);
    assert.deepEqual([...new Set(links)].sort((a, b) => a - b), mine.filter(record => record !== first).map(record => record.id).sort((a, b) => a - b), name);
    for (const record of mine.slice(0, 12)) for (const row of (await json(name, `/record/${record.id}`)).ties.related) assert.ok(sees(name, records.find(each => each.id === row.id)), `${name}: ${record.code} tells of ${row.code}`);
    const dossier = (await both(name, `/fonds/${fondsId.A}/history`)).json, shown = dossier.parts.flatMap(part => part.entries).flatMap(each => each.records);
    for (const row of shown) assert.ok(sees(name, records.find(each => each.id === row.id)), `${name}: the history of the fonds tells of ${row.code}`);
    const inside = records.filter(record => record.row && record.fonds === 'A' && sees(name, record));
    assert.deepEqual([dossier.figures.items, dossier.figures.opened], [inside.filter(record => record.level === 4).length, inside.filter(record => record.row.opening === 1).length], name);
    await ask(name, 'GET', `/fonds/${fondsId.B}/history`, { html: true });
    await ask(name, 'GET', '/authorities/table.csv');
  });
  for (const name of ['archivist', 'limited', 'director']) for (const target of [`/gather/${gathered}`, '/authorities/candidates', `/record/${first.id}/links`, '/authority/1?tab=history', '/topics/2?tab=history']) await both(name, target);
  assertNoLeaks();
});

test('names are changed, merged, related, taken in as a table; links are undone; each step back again', async () => {
  const post = async (target, form, status = 200) => { const reply = await ask('archivist', 'POST', target, form instanceof FormData ? { body: form } : { form }); assert.equal(reply.status, status, `${target}: ${reply.text.slice(0, 300)}`); return reply.json; };
  const { location } = await post('/authority/new', { kind: 'body', name: '某局（重）' }), twin = Number(/\d+$/.exec(location)[0]);
  await post(`${location}/edit`, { kind: 'body', name: '某局（重）', begin: '1950', rev: 1 });
  const late = await ask('archivist', 'POST', `${location}/edit`, { form: { kind: 'body', name: '别的', rev: 1 } });
  assert.deepEqual([late.status, late.json.authority.name, late.json.authority.rev, late.json.theirs.actor], [409, '别的', 2, 'archivist'], 'edited meanwhile');
  assert.deepEqual(late.json.theirs.rows, [{ label: '规范名称', before: '某局（重）', after: '别的' }, { label: '起始时间', before: '1950', after: '' }], 'what differs, and no more');
  const codeIn = fonds => records.find(record => record.fonds === fonds && record.row?.security === 0 && record.row.opening === 1 && record.level === 4).code;
  const covered = { kind: 'topic', name: '封面', cover_code: codeIn('A') }, foreign = codeIn('B'), topic = (await post('/authority/new', covered)).location.replace('topics', 'authority');
  await post(`${topic}/edit`, { ...covered, cover_code: foreign, rev: 1 });
  assert.deepEqual((await post(`${topic}/edit`, { ...covered, rev: 1 }, 409)).theirs.rows, [{ label: '封面档案', before: foreign, after: covered.cover_code }], 'a record by its code');
  const told = async name => (await json(name, topic.replace('authority', 'topics') + '?tab=history')).events[0].changes;
  assert.deepEqual([await told('archivist'), await told('limited')], [foreign, '不在您的范围内，或已删除'].map(after => [{ label: '封面档案', before: covered.cover_code, after }]));
  await post(`${topic}/state`, { act: 'delete' });
  await post(`/authority/1/relate`, { other: twin, relation: 'successor-back', dates: '1950' });
  const [relation] = (await json('archivist', '/authority/1')).relations;
  assert.deepEqual([relation.label, relation.other], ['前身', twin]);
  await post('/authority/1/unrelate', { relation: relation.id });
  await post('/authority/1/merge', { with: twin });
  assert.equal((await ask('archivist', 'GET', location)).json.location, '/authority/1', 'leads to what it became');
  await post(`${location}/state`, { act: 'unmerge' });
  await post(`${location}/state`, { act: 'delete' });
  assert.equal((await ask('public', 'GET', location)).status, 404);
  assert.equal((await ask('archivist', 'POST', '/authority/1/state', { form: { act: 'delete' } })).status, 409, 'records are tied to it');
  const table = new FormData();
  table.append('file', new Blob([Buffer.from('种类,规范名称,其他名称,起始时间\n机构,某厅,旧称：某司【1950—1954】；简称：厅,1954\n机构,,x,\n人物,某人,,某年\n', 'utf8')]), '名称.csv');
  const rehearsed = await post('/authorities/import', table);
  assert.deepEqual([rehearsed.created, rehearsed.fault_count, (await json('archivist', '/authorities?q=某司')).rows.length], [1, 2, 0], 'a rehearsal changes nothing');
  await post('/authorities/table', { format: 'csv' });
  const taken = await post('/authorities/import', { token: rehearsed.token });
  assert.deepEqual([taken.created, (await json('public', '/authorities?q=某司')).rows.map(row => row.name)], [1, ['某厅']]);
  assert.equal((await ask('archivist', 'POST', '/authorities/import', { form: { token: rehearsed.token } })).status, 404, 'taken in once');
  const dossier = await json('archivist', `/fonds/${fondsId.A}/history`), entry = dossier.parts.flatMap(part => part.entries)[0];
  await post(`/fonds/${fondsId.A}/history/remove`, { entry: entry.id });
  const first = records.find(record => record.row?.fonds === 'A' && record.row.opening === 1 && record.row.security === 0 && record.level === 4);
  await post(`/record/${first.id}/links/remove`, { target: 2, role: 'topic' });
  assert.equal((await ask('limited', 'POST', `/gather/${gathered}/undo`, { form: {} })).status, 404, 'of records beyond his scope');
  await post(`/gather/${gathered}/undo`, {});
  for (let i = 0; i < 300 && (await json('archivist', `/gather/${gathered}`)).state_label !== '已撤销'; i++) await new Promise(done => setTimeout(done, 20));
  assert.equal((await json('archivist', '/topics/2')).hits, 0);
  await each(async name => { if (allows(name, 'catalogue.read')) for (const target of ['/authorities', '/authority/1', '/topics', '/topics/2']) await both(name, target); });
  assertNoLeaks();
});

// ---- counts ----

const described = name => records.filter(record => record.level > 2 && sees(name, record));
const readable = name => records.filter(record => record.row?.file === 'txt' && seesFiles(name, record) && !record.damaged);

async function everyHit(name, parameters) {
  const ids = [];
  let after = '', answer;
  do {
    answer = await json(name, `/search.json?limit=7&${parameters}${after}`);
    ids.push(...answer.items.map(item => item.id));
    after = answer.next ? `&after=${encode(answer.next)}` : '';
  } while (after && ids.length < 1000);
  assert.equal(ids.length, answer.hits, `${name} ${parameters}`);
  assert.equal(new Set(ids).size, ids.length, `${name} ${parameters}: a hit twice`);
  return ids;
}

test('searches: hits, counts, every facet and every page of hits are exactly the scope', async () => {
  const text = '专词';
  await each(async name => {
    const mine = records.filter(record => sees(name, record)), items = described(name), pages = readable(name);
    const expect = [
      ['', mine], [`q=${encode('卷宗')}`, items], [`q=${encode(text)}`, pages], [`q=${encode(`卷宗 -${text}`)}`, items.filter(record => !pages.includes(record))], [`q=${encode(`-${text}`)}`, mine.filter(record => !pages.includes(record))],
      [`q=${encode(`text:${text}`)}`, pages], [`q=${encode(`卷宗 OR ${text}`)}`, items], ['files=1', items.filter(record => record.row.file)], ['opening=2', items.filter(record => record.row.opening === 2)],
      ['level=4', items.filter(record => record.level === 4)], ['level=3', items.filter(record => record.level === 3)], [`fonds=${fondsId.B}`, mine.filter(record => record.fonds === 'B')],
      [`parent=${classId[fondsId.B]}`, mine.filter(record => record.parent_id === classId[fondsId.B])], [`delivery=${deliveries[1].id}`, items.filter(record => record.fonds === 'B')],
      ['year=1951', items.filter(record => 1950 + record.row.n % 7 === 1951)], ['from=1952&to=1953', items.filter(record => [1952, 1953].includes(1950 + record.row.n % 7))],
    ];
    for (const [parameters, wanted] of expect) {
      const ids = await everyHit(name, parameters);
      assert.deepEqual([...ids].sort((a, b) => a - b), wanted.map(record => record.id).sort((a, b) => a - b), `${name} ${decodeURIComponent(parameters)}`);
      await ask(name, 'GET', `/search?${parameters}`, { html: true });
      const answer = await json(name, `/search.json?limit=1&${parameters}`), own = /^from=/.test(parameters) ? 'year' : /^(fonds|opening|level|year)=/.exec(parameters)?.[1];
      const tally = key => { const counts = {}; for (const record of wanted) { const value = key(record); counts[value] = (counts[value] ?? 0) + 1; } return counts; };
      const keys = { fonds: record => record.fonds_id, level: record => record.level, opening: record => record.row?.opening ?? 0, year: record => record.row ? 1950 + record.row.n % 7 : 0 };
      for (const facet of answer.facets) {
        assert.equal(facet.name === own || facet.values.reduce((sum, value) => sum + value.count, 0), facet.name === own || wanted.length, `${name} ${parameters}: facet ${facet.name}`);
        if (!keys[facet.name] || facet.name === own) continue;
        assert.deepEqual(Object.fromEntries(facet.values.map(value => [value.value, value.count])), tally(keys[facet.name]), `${name} ${parameters}: facet ${facet.name}`);
      }
    }
  });
  assertNoLeaks();
});

test('a facet ignores its own filter only, within the scope', async () => {
  await each(async name => {
    const items = described(name), answer = await json(name, '/search.json?limit=1&opening=2&level=4'), facet = answer.facets.find(each => each.name === 'opening');
    const wanted = {};
    for (const record of items.filter(each => each.level === 4)) wanted[record.row.opening] = (wanted[record.row.opening] ?? 0) + 1;
    assert.deepEqual(Object.fromEntries((facet?.values ?? []).map(value => [value.value, value.count])), wanted, name);
  });
  assertNoLeaks();
});

test('each mark finds its record for those who may see it, and nothing for the others; filters name nothing either', async () => {
  await each(async name => {
    for (const record of records.filter(each => each.row)) {
      for (const kind of ['t', 'c', 'w', 'f', 'p', 'n']) {
        const hits = (await json(name, `/search.json?limit=5&q=${mark(kind, record.row.n)}`)).hits;
        if (kind === 'p') assert.equal(hits, record.row.file === 'txt' && seesFiles(name, record) ? 1 : 0, `${name} ${mark(kind, record.row.n)}`);
        else if (kind !== 'n') assert.equal(hits, sees(name, record) ? 1 : 0, `${name} ${mark(kind, record.row.n)}`);
        else assert.ok(hits <= (sees(name, record) ? 1 : 0), `${name}: file name ${mark(kind, record.row.n)}`);
      }
      const suggested = (await json(name, `/suggest.json?q=${encode(`卷宗${mark('t', record.row.n)}`)}`)).items;
      assert.equal(suggested.length, sees(name, record) ? 1 : 0, `${name} suggestion for ${record.code}`);
      for (const filter of ['fonds', 'parent', 'delivery', 'category', 'retention', 'level']) {
        await ask(name, 'GET', `/search?${filter}=${record.id}`, { html: true });
        await ask(name, 'GET', `/search.json?${filter}=${record.id}`);
      }
    }
    for (const beginning of ['卷宗', '机关', '甲字', '卷', '机关q', '全宗']) for (const item of (await json(name, `/suggest.json?q=${encode(beginning)}`)).items) {
      const hits = await everyHit(name, `q=${encode(`"${item.text}"`)}`);
      assert.equal(item.count, hits.length, `${name}: suggestion ${item.text}`);
      assert.ok(item.count > 0);
    }
  });
  assertNoLeaks();
});

test('home, tree and nodes count within the scope', async () => {
  await each(async name => {
    const mine = records.filter(record => sees(name, record)), items = described(name), home = (await both(name, '/')).json;
    const wanted = { 全宗: mine.filter(record => record.level === 1).length, 案卷: items.filter(record => record.level === 3).length, 文件: items.filter(record => record.level === 4).length,
      有原文: items.filter(record => record.row.file).length, 已开放: items.filter(record => record.row.opening === 1).length, 待开放审核: items.filter(record => record.row.opening === 0).length };
    for (const stat of home.stats ?? []) assert.equal(stat.number, wanted[stat.label], `${name}: home ${stat.label}`);
    if (!allows(name, 'catalogue.read')) return;
    const tree = await json(name, '/catalog.json');
    assert.deepEqual(tree.fonds.map(row => row.code), ['A', 'B'].filter(code => sees(name, records.find(record => record.id === fondsId[code]))), `${name}: fonds`);
    for (const row of tree.fonds) {
      const inside = items.filter(record => record.fonds_id === row.id);
      assert.deepEqual([row.volumes, row.items], [3, 4].map(level => inside.filter(record => record.level === level).length), `${name}: counts of fonds ${row.code}`);
    }
    assert.equal((await json(name, `/catalog.json?filter=${mark('g', 9001)}`)).fonds.length, inFonds(name, 'B') ? 1 : 0);
    for (const node of mine.filter(record => record.level < 4)) {
      const ids = [], children = mine.filter(record => record.parent_id === node.id);
      for (const sort of ['code', 'newest', 'oldest']) {
        const page = await json(name, `/catalog/${node.id}.json?sort=${sort}`);
        assert.equal(page.count, children.length, `${name}: children of ${node.code}`);
        ids.push(page.rows.map(row => row.id).sort((a, b) => a - b));
        if (node.level === 1) for (const row of page.rows) assert.deepEqual([row.volumes, row.items], [3, 4].map(level => items.filter(record => record.fonds_id === node.id && record.level === level).length), `${name}: class in ${node.code}`);
      }
      for (const list of ids) assert.deepEqual(list, children.map(record => record.id).sort((a, b) => a - b), `${name}: children of ${node.code}`);
    }
  });
  assertNoLeaks();
});

// ---- deliveries, jobs, care, journal ----

function sheetText(bytes) {
  const file = path.join(temporary(), 'x.xlsx');
  writeFileSync(file, bytes);
  return execFileSync('unzip', ['-p', file], { encoding: 'utf8', maxBuffer: 1 << 26 });
}

test('deliveries: seen by who sees their fonds, with no row of theirs that he may not see', async () => {
  const faults = [];
  await each(async name => {
    if (!allows(name, 'delivery.read')) return;
    const list = (await both(name, '/deliveries')).json.deliveries.map(row => row.id).sort((a, b) => a - b);
    assert.deepEqual(list, deliveries.filter(delivery => seesDelivery(name, delivery)).map(delivery => delivery.id), name);
    for (const delivery of [...deliveries, { id: 4711, fonds: '-' }]) {
      for (const part of ['', '/progress', '/faults.xlsx']) {
        try {
          const reply = part === '/faults.xlsx' ? await ask(name, 'GET', `/delivery/${delivery.id}${part}`) : await both(name, `/delivery/${delivery.id}${part}`);
          const expected = !seesDelivery(name, delivery) || delivery.fonds === '-' ? [404] : part === '/faults.xlsx' ? [200, 403] : [200];
          assert.ok(expected.includes(reply.status), `${name} /delivery/${delivery.id}${part}: ${reply.status}`);
          if (reply.status === 200 && part === '/faults.xlsx') watch(name, `/delivery/${delivery.id}${part}`, sheetText(reply.bytes));
        } catch (error) { faults.push(error.message); }
      }
    }
  });
  assertNoLeaks(...faults);
});

test('a transferring body hands over and watches its own deliveries, and sees nothing else of the archive', async () => {
  const faults = [];
  assert.deepEqual((await both('bearer', '/deliveries')).json.deliveries, []);
  const made = await ask('bearer', 'POST', '/delivery/register', { form: { name: '丙局移交', body: '乙局', items: 2 } });
  const mine = Number(/\d+$/.exec(made.json.location)[0]);
  const others = (await ask('archivist', 'POST', '/delivery/register', { form: { name: '别局移交', body: '丙局分局' } })).json.location;
  const form = new FormData();
  form.append('table', new Blob(['档号,题名\nA-V0,夹带\nC-1,丙局的一件\n']), '目录.csv');
  form.append('fonds', 'A');
  assert.equal((await ask('bearer', 'POST', `/delivery/${mine}/send`, { body: form })).status, 200);
  assert.equal((await ask('bearer', 'POST', `/delivery/${mine}/rehearse`)).status, 200);
  for (let i = 0; i < 300 && !(await ask('bearer', 'GET', `/delivery/${mine}/progress`)).json?.finished; i++) await new Promise(done => setTimeout(done, 20));
  const page = (await both('bearer', `/delivery/${mine}`)).json;
  assert.deepEqual([page.state, page.body, page.rows, page.declared.items], ['rehearsed', '丙局', 2, 2]);
  for (const key of ['created', 'updated', 'unchanged', 'fonds', 'documents']) assert.ok(!(key in page), `${key} tells what the catalogue holds`);
  const check = page.check.id;
  for (const part of ['', '/report.pdf', '/findings.xlsx']) if ((await ask('bearer', 'GET', `/check/${check}${part}`)).status !== 200) faults.push(`bearer /check/{own}${part}`);
  await each(async name => {
    if (name === 'bearer' || name === 'archivist') return;
    const status = (await ask(name, 'GET', `/check/${check}`)).status;
    if (status < 400 && (!allows(name, 'delivery.read') || ROLES[name].fonds)) faults.push(`${name} sees the check of another's delivery`);
  });
  assert.deepEqual((await json('bearer', '/deliveries')).deliveries.map(row => row.id), [mine]);
  for (const target of [others, ...deliveries.map(delivery => `/delivery/${delivery.id}`)])
    for (const part of ['', '/progress', '/faults.xlsx']) if ((await ask('bearer', 'GET', target + part)).status !== 404) faults.push(`bearer GET ${target}${part}`);
  for (const part of ['send', 'documents', 'mapping', 'rehearse', 'stage', 'discard', 'stop'])
    if ((await ask('bearer', 'POST', `${others}/${part}`, { form: { note: '夹带', stage: 'filing' } })).status !== 404) faults.push(`bearer POST ${others}/${part}`);
  for (const part of ['load', 'return', 'undo']) if ((await ask('bearer', 'POST', `/delivery/${mine}/${part}`, { form: { note: '自收' } })).status !== 403) faults.push(`bearer POST ${part}`);
  const item = (await json('archivist', `/check/${check}`)).items.find(each => each.signable)?.code;
  assert.equal((await ask('archivist', 'POST', `/check/${check}/sign`, { form: [['items', item], ['verdict', 'passed'], ['note', '看过']] })).status, 200);
  for (const stage of ['filing', 'transfer']) assert.equal((await ask('bearer', 'POST', `/delivery/${mine}/stage`, { form: { stage } })).status, 200);
  assert.equal((await ask('bearer', 'POST', `/delivery/${mine}/stage`, { form: { stage: 'preservation' } })).status, 422);
  const zip = new FormData();
  zip.append('files', new Blob([Buffer.from('504b0506000000000000000000000000000000000000', 'hex')]), '原文.zip');
  assert.equal((await ask('bearer', 'POST', `/delivery/${mine}/documents`, { body: zip })).status, 200);
  assert.equal((await ask('archivist', 'GET', '/checks/scheme')).status, 200);
  assert.equal((await ask('archivist', 'POST', `/delivery/${mine}/return`, { form: [['note', '请补正'], ['item', 'row:第 2 行：题名不全']] })).status, 200);
  const returned = (await json('bearer', `/delivery/${mine}`));
  assert.deepEqual([returned.state, returned.returned.note, returned.returned.items[0].text], ['returned', '请补正', '第 2 行：题名不全']);
  assert.equal((await ask('bearer', 'POST', `/delivery/${mine}/discard`, { form: { note: '改期移交' } })).status, 200);
  assert.deepEqual((await json('bearer', '/deliveries')).deliveries, []);
  assert.equal((await ask('archivist', 'POST', `${others}/discard`, { form: { note: '试登记' } })).status, 200);
  assertNoLeaks(...faults);
});

test('an export holds what its maker may see, in every format that carries words, and is nobody else’s', async () => {
  const faults = [];
  for (const name of ['archivist', 'limited', 'director']) for (const format of ['xlsx', 'bagit', 'eep', 'ead']) {
    const { chosen } = await json(name, `/export?q=${encode('卷宗')}&format=${format}`);
    assert.equal((await ask(name, 'POST', '/export', { form: { selection: chosen.selection, format, purpose: '内部工作' } })).status, 200);
    let list;
    for (let i = 0; i < 400 && (list = await json(name, '/exports')).waiting; i++) await new Promise(done => setTimeout(done, 25));
    const [made] = list.exports, place = `/export/${made.id}`;
    assert.deepEqual([made.ready, made.records], [true, described(name).length], `${name} ${format}`);
    const fetched = await ask(name, 'GET', `${place}/file`);
    assert.equal(fetched.status, 200);
    watch(name, `${place}/file as ${format}`, fetched.bytes.subarray(0, 2).toString() === 'PK' ? sheetText(fetched.bytes) : fetched.text);
    assert.match(fetched.bytes.subarray(0, 2).toString(), format === 'ead' ? /<\?/ : /PK/);
    for (const other of ['archivist', 'limited', 'director'].filter(each => each !== name))
      for (const [method, part] of [['GET', '/file'], ['POST', '/stop'], ['POST', '/delete']]) if ((await ask(other, method, place + part)).status !== 404) faults.push(`${other} ${method} ${place}${part} of ${name}`);
    assert.equal((await ask(name, 'POST', `${place}/stop`)).status, 200, 'nothing is left to be stopped');
    assert.equal((await ask(name, 'POST', `${place}/delete`)).status, 200);
  }
  await each(async name => { if (allows(name, 'record.export')) for (const target of ['/exports', `/export?record=${open().id}`, `/export?delivery=${deliveries[1].id}`, '/export?q=']) await both(name, target); });
  assertNoLeaks(...faults);
});

test('a collecting project lists and counts no delivery of another fonds, and cannot take one in', async () => {
  const faults = [], change = (name, form) => ask(name, 'POST', '/project/1', { form });
  assert.equal((await change('archivist', { step: 'body', body: '某局', owed: '照片' })).status, 200);
  for (const delivery of deliveries) assert.equal((await change('archivist', { step: 'delivery', delivery: delivery.id })).status, 200);
  await each(async name => {
    if (!allows(name, 'delivery.read')) return;
    const mine = deliveries.filter(delivery => seesDelivery(name, delivery)), page = (await both(name, '/project/1')).json, row = (await both(name, '/projects')).json.projects[0];
    assert.deepEqual(page.deliveries.map(each => each.id), mine.map(delivery => delivery.id), name);
    assert.deepEqual([row.deliveries, row.records], [mine.length, rows.filter(each => mine.some(delivery => delivery.fonds === each.fonds)).length], name);
  });
  for (const step of ['delivery', 'release']) if ((await change('limited', { step, delivery: deliveries[1].id })).status !== 404) faults.push(`limited ${step} of another fonds`);
  for (const delivery of deliveries) assert.equal((await change('archivist', { step: 'release', delivery: delivery.id })).status, 200);
  assert.equal((await ask('archivist', 'GET', '/project/new', { html: true })).status, 200);
  assertNoLeaks(...faults);
});

test('an archivist of one fonds cannot bring, change or take back anything in another', async () => {
  const client = clients.limited, foreign = records.filter(record => record.fonds === 'B' && record.level > 2), before = await query(dir, `SELECT * FROM record WHERE fonds_id = ${fondsId.B} ORDER BY id`);
  const faults = [];
  const attempt = async (what, work) => {
    try { await work(); } catch (error) { faults.push(`${what}: ${error.message}`); }
    const now = await query(dir, `SELECT * FROM record WHERE fonds_id = ${fondsId.B} ORDER BY id`);
    if (JSON.stringify(now) !== JSON.stringify(before)) faults.push(`${what}: fonds B was changed`);
  };
  const target = foreign.find(record => record.row.opening === 1 && record.row.security === 0 && record.level === 4 && !record.row.file) ?? foreign[1];
  await attempt('edit', async () => assert.equal((await ask('limited', 'POST', `/record/${target.id}/edit`, { form: { title: '改了', rev: 1 } })).status, 404));
  await attempt('delete', async () => assert.equal((await ask('limited', 'POST', `/record/${target.id}/delete`)).status, 404));
  await attempt('new', async () => assert.equal((await ask('limited', 'POST', '/record/new', { form: { parent: classId[fondsId.B], code: 'B-新', title: '新来的' } })).status, 404));
  await attempt('undo', async () => assert.equal((await ask('limited', 'POST', `/delivery/${deliveries[1].id}/undo`)).status, 404));
  for (const part of ['load', 'rehearse', 'stop', 'mapping']) await attempt(part, async () => assert.equal((await ask('limited', 'POST', `/delivery/${deliveries[1].id}/${part}`, { form: { field: '-' } })).status, 404));
  const upload = async (rowsOfTable, fields) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append('table', new Blob([csv(rowsOfTable)]), '夹带.csv');
    const reply = await ask('limited', 'POST', '/delivery/new', { body: form });
    const id = /\/delivery\/(\d+)/.exec(reply.json?.location ?? '')?.[1];
    if (!id) { assert.ok(reply.status >= 400 && reply.status < 500); return; }
    for (const step of ['rehearse', 'load']) { // its check may fail, so load is refused without a note: either way nothing is written
      if ((await ask('limited', 'POST', `/delivery/${id}/${step}`)).status >= 400) return;
      for (let i = 0; i < 300 && !(await ask('limited', 'GET', `/delivery/${id}/progress`)).json?.finished; i++) await new Promise(done => setTimeout(done, 10));
    }
    const page = (await ask('limited', 'GET', `/delivery/${id}`)).json;
    assert.ok(page?.state !== 'done', `the delivery was loaded: ${page?.created} created, ${page?.updated} updated, ${page?.unchanged} unchanged`);
  };
  await attempt('a delivery for another fonds', () => upload([['档号', '题名'], [target.code, '夹带改题'], ['B-夹带', '夹带新件']], { fonds: 'B' }));
  await attempt('rows that name another fonds', () => upload([['全宗号', '档号', '题名'], ['B', target.code, '夹带改题'], ['B', 'B-夹带2', '夹带新件']], {}));
  for (const record of foreign.slice(0, 6)) await attempt('a code that exists elsewhere', async () => { await ask('limited', 'POST', '/record/new', { form: { parent: classId[fondsId.A], code: record.code, title: '同号' } }); });
  assert.ok(client.csrf);
  assertNoLeaks(...faults);
});

test('a record that the archivist may not see cannot be run into by its code', async () => {
  const hidden = records.find(record => record.fonds === 'A' && record.row?.security === 3 && record.level === 4);
  const reply = await ask('limited', 'POST', '/record/new', { form: { parent: classId[fondsId.A], code: hidden.code, title: '同号' } });
  assert.ok(reply.status >= 400, 'codes are unique within a fonds');
  const mine = records.find(record => record.fonds === 'A' && record.row?.security === 0 && record.row.opening === 1 && record.level === 4);
  for (const change of [{ security: 'confidential' }, { security: 'top' }]) assert.ok((await ask('limited', 'POST', `/record/${mine.id}/edit`, { form: change })).status >= 400, 'nobody saves a record out of his own sight');
  assertNoLeaks();
});

test('copies: the administrator makes and runs them, and sees no content of the archive', async () => {
  const wrong = await ask('admin', 'POST', '/copies', { form: { name: '副本', location: 'relative' } });
  assert.equal(wrong.status, 422, wrong.text);
  const made = await ask('admin', 'POST', '/copies', { form: { name: '副本', location: path.join(temporary(), 'copy') } });
  assert.equal(made.status, 200, made.text);
  assert.equal((await ask('admin', 'POST', `${made.json.location}/run`, { form: { what: 'verify' } })).status, 200);
  assert.equal((await ask('admin', 'GET', made.json.location)).status, 200);
  assertNoLeaks();
});

test('jobs, system, home of the three officers, journal: no content of the archive', async () => {
  const started = await ask('admin', 'POST', '/system/check');
  assert.equal(started.status, 200, started.text);
  for (let i = 0; i < 500; i++) {
    const { json: state } = await clients.admin.get('/jobs');
    if (!state.jobs.some(job => job.state === 'running' || job.state === 'queued')) break;
    await new Promise(done => setTimeout(done, 20));
  }
  const faults = [];
  await each(async name => {
    for (const target of ['/', '/jobs', '/system', '/users', '/roles', '/me', '/categories', '/categories/WS', '/categories/WS/preview', '/categories/WS/findings?key=ztc', '/categories/WS/findings?key=ztc&draft=1', '/journal', '/journal?action=record.', '/journal?action=accession.', `/user/${users.limited}`, '/delivery/new', '/record/new', `/record/new?parent=${fondsId.B}`, `/record/new?parent=${records.find(record => record.row?.security === 3 && record.level === 3).id}`])
      try { await both(name, target); } catch (error) { faults.push(error.message); }
  });
  const jobs = (await ask('limited', 'GET', '/jobs')).json.jobs.filter(job => job.subject_kind === 'accession').map(job => job.subject_id);
  for (const id of jobs) if (deliveries.some(delivery => delivery.id === id && delivery.fonds === 'B')) faults.push(`limited sees a job of delivery ${id} at /jobs`);
  const verified = await ask('auditor', 'POST', '/journal/verify');
  assert.equal(verified.status, 200);
  assertNoLeaks(...faults);
});

test('saved searches: only their owner changes them and is told of what he may see; colleagues share the question, not the answer', async () => {
  const asked = JSON.stringify({ q: '卷宗' });
  for (const name of ['archivist', 'reader']) assert.equal((await ask(name, 'POST', '/searches', { form: { asked, name: `${name}的`, shared: 1 } })).status, 200);
  const mine = async name => (await both(name, '/searches')).json.mine;
  const [row] = await mine('archivist');
  assert.deepEqual((await json('limited', '/searches')).others.map(each => each.name), ['archivist的'], 'of the same role');
  assert.deepEqual((await json('director', '/searches')).others, []);
  for (const what of ['look', 'change', 'delete']) assert.equal((await ask('limited', 'POST', `/searches/${row.id}/${what}`, { form: { what: 'mute' } })).status, 404, what);
  const first = records.find(record => record.row && sees('reader', record) && record.level === 4), hidden = records.find(record => record.row && !sees('reader', record) && sees('archivist', record) && record.level === 4);
  for (const record of [first, hidden]) {
    const { rev, creator, docno, code, title } = (await json('archivist', `/record/${record.id}`)).record;
    const saved = await ask('archivist', 'POST', `/record/${record.id}/edit`, { form: { rev, code, title, creator, docno, date: '1950', year: 1950 + record.row.n % 7, note: '改', opening: OPENINGS[record.row.opening], security: SECURITIES[record.row.security] } });
    assert.ok([200, 303].includes(saved.status), saved.text);
  }
  assert.equal((await mine('archivist'))[0].fresh_count, 2);
  assert.equal((await mine('reader'))[0].fresh_count, 1, 'the other one is not his to know of');
  assert.equal((await json('reader', '/')).alerts[0].count, 1);
  const look = await ask('reader', 'POST', `/searches/${(await mine('reader'))[0].id}/look`);
  assert.deepEqual((await json('reader', look.json.location)).items.map(item => item.id), [first.id]);
  assert.equal((await mine('reader'))[0].any, false);
  assert.deepEqual((await json('reader', '/')).alerts, []);
  assert.equal((await ask('archivist', 'POST', `/searches/${row.id}/change`, { form: { what: 'mute' } })).status, 200);
  assert.equal((await mine('archivist'))[0].any, false);
  const again = await ask('archivist', 'POST', '/searches', { form: { asked, name: 'archivist的' } });
  assert.deepEqual([again.status, /请换一个名称/.test(again.text)], [422, true], 'two of one name cannot be told apart');
  assert.equal((await ask('archivist', 'POST', '/searches', { form: { asked } })).status, 200);
  assert.deepEqual((await mine('archivist')).map(each => each.name), ['卷宗', 'archivist的'], 'called by its words');
  const rename = (name, id = row.id) => ask('archivist', 'POST', `/searches/${id}/change`, { form: { what: 'rename', ...(name ? { name } : {}) } });
  assert.deepEqual([(await rename('卷宗')).status, (await rename('')).status, (await rename('卷宗一')).status, (await rename('卷宗一')).status], [422, 422, 200, 200]);
  assert.deepEqual((await mine('archivist')).map(each => each.name), ['卷宗', '卷宗一']);
  for (const { id } of await mine('archivist')) assert.equal((await ask('archivist', 'POST', `/searches/${id}/delete`)).status, 200);
  assert.deepEqual(await mine('archivist'), []);
  for (const bad of ['{}', '[]', 'x', '{"q":7}', '{"fonds":["a"]}']) assert.equal((await ask('reader', 'POST', '/searches', { form: { asked: bad } })).status, 422, bad);
  assertNoLeaks();
});

test('what is granted and taken counts from the next request', async () => {
  const form = fonds => [['roles', 'archivist'], ...fonds.map(code => ['fonds', fondsId[code]]), ['security', 2]], item = records.find(record => record.fonds === 'B' && record.row?.opening === 1 && record.row.security === 0);
  const opened = async () => (await clients.limited.get(`/record/${item.id}`)).status;
  assert.equal(await opened(), 404);
  assert.equal((await ask('officer', 'POST', `/user/${users.limited}/grant`, { form: form(['A', 'B']) })).status, 200);
  assert.equal(await opened(), 200);
  assert.equal((await ask('officer', 'POST', `/user/${users.limited}/grant`, { form: form(['A']) })).status, 200);
  assert.equal(await opened(), 404);
  const own = await ask('officer', 'POST', `/user/${users.officer}/grant`, { form: [['roles', 'archivist'], ['security', 4]] });
  assert.ok(own.status >= 400, 'nobody grants himself');
  const mixed = await ask('officer', 'POST', `/user/${users.reader}/grant`, { form: [['roles', 'sysadmin'], ['roles', 'archivist'], ['security', 0]] });
  assert.ok(mixed.status >= 400, 'the three officers hold no other role');
  assert.equal((await ask('admin', 'POST', `/user/${users.reader}`, { form: { shown: '读者' } })).status, 200, 'disabled: the box is not ticked');
  assert.equal((await clients.reader.get('/me')).status, 401);
  assertNoLeaks();
});

test('the remaining rows as those who may', async () => {
  const made = await ask('admin', 'POST', '/users', { form: { name: 'later', shown: '后来', password: 'Yihou-2026' } });
  assert.equal(made.status, 200, made.text);
  assert.equal((await ask('admin', 'GET', '/user/new', { html: true })).status, 200);
  const id = (await clients.admin.get('/users')).json.users.find(user => user.name === 'later').id;
  assert.equal((await ask('admin', 'POST', `/user/${id}/password`, { form: { password: 'Yihou-2027' } })).status, 200);
  const later = new Client(server.base);
  await later.signIn('later', 'Yihou-2027');
  assert.equal((await later.get('/search.json?q=卷宗')).json.hits, 0, 'sees nothing until the password is his own');
  clients.later = later; ROLES.later = { may: [], opening: [], files: [], security: 0 };
  assert.equal((await ask('later', 'POST', '/me', { form: { old: 'Yihou-2027', new: 'Ziji-2028', repeat: 'Ziji-2028' } })).status, 200);
  await later.learnToken();
  assert.equal((await ask('later', 'POST', '/logout')).status, 200);
  const nobody = new Client(server.base);
  clients.nobody = nobody; ROLES.nobody = ROLES.public;
  assert.equal((await ask('nobody', 'POST', '/login', { form: { name: 'later', password: 'Ziji-2028' } })).status, 200);
  delete ROLES.later; delete ROLES.nobody;
  const item = records.find(record => record.fonds === 'A' && record.row?.opening === 1 && record.row.security === 0 && !record.row.file && record.level === 4) ?? open();
  assert.equal((await ask('archivist', 'POST', `/record/${item.id}/edit`, { form: { creator: `机关${mark('c', item.row.n)}` } })).status, 200);
  const created = await ask('archivist', 'POST', '/record/new', { form: { parent: classId[fondsId.A], code: 'A-9999', title: '新件' } });
  assert.equal(created.status, 200, created.text);
  assert.equal((await ask('archivist', 'POST', `${created.json.location}/delete`)).status, 200);
  const definition = [['title', '文书'], ['key', 'x1'], ['label', '甲'], ['type', 'text'], ['form', 0], ['public', 0], ['key', ''], ['label', '']];
  for (const [target, form] of [['new', { code: 'GATE', title: '试' }], ['GATE/edit', definition], ['GATE/check', { draft: 1 }], ['GATE/drop', {}], ['WS/check', {}], ['WS/drop', {}], ['WS/back', { version: 1 }], ['WS/drop', {}]])
    assert.equal((await ask('archivist', 'POST', `/categories/${target}`, { form })).status, 200, target);
  const sheet = new FormData();
  sheet.append('table', new Blob([csv([['编号', '类目', '归档范围', '保管期限'], ['1', '甲', '乙', '永久']])]), '条款.csv');
  assert.equal((await ask('archivist', 'POST', '/schedule/2/import', { body: sheet })).status, 200);
  for (let i = 0; i < 200 && (await json('archivist', '/schedule/1')).assignments.some(each => !each.done); i++) await new Promise(done => setTimeout(done, 25));
  assert.equal((await ask('archivist', 'POST', '/schedule/1/release', { form: { assignment: 1 } })).status, 200);
  const upload = (await ask('archivist', 'POST', '/uploads', { form: { name: '补交.csv', size: 5, fingerprint: 'x' } })).json.id, slice = new FormData();
  slice.append('offset', '0');
  slice.append('chunk', new Blob(['12345']), 'chunk');
  assert.equal((await ask('archivist', 'POST', `/upload/${upload}/part`, { body: slice })).status, 200);
  assert.equal((await ask('archivist', 'GET', `/upload/${upload}`, { html: true })).status, 200);
  for (const [method, what] of [['GET', ''], ['POST', '/drop']]) assert.equal((await ask('limited', method, `/upload/${upload}${what}`)).status, 404, 'another person’s upload');
  assert.deepEqual((await json('limited', '/uploads')).uploads, []);
  assert.equal((await ask('archivist', 'GET', '/uploads', { html: true })).status, 200);
  assert.equal((await ask('archivist', 'POST', `/upload/${upload}/drop`)).status, 200);
  const form = new FormData();
  form.append('fonds', 'A');
  form.append('table', new Blob([csv([['档号', '题名'], ['A-8888', '补交']])]), '补交.csv');
  const place = (await ask('archivist', 'POST', '/delivery/new', { body: form })).json.location;
  const settle = async () => { for (let i = 0; i < 500 && !(await ask('archivist', 'GET', `${place}/progress`)).json.finished; i++) await new Promise(done => setTimeout(done, 10)); };
  for (const [step, options] of [['mapping', { form: [['field', 'code'], ['field', 'title']] }], ['rehearse'], ['documents', 'zip'], ['rehearse'], ['load', { form: { note: '试收' } }], ['stop'], ['undo']]) {
    if (step === 'documents') { // none given: refused with the reason
      assert.equal((await ask('archivist', 'POST', `${place}/documents`)).status, 422);
      continue;
    }
    const reply = await ask('archivist', 'POST', `${place}/${step}`, options);
    assert.equal(reply.status, 200, `${step}: ${reply.text.slice(0, 200)}`);
    await settle();
    if (step === 'load') assert.equal((await ask('archivist', 'GET', `${place}/faults.xlsx`)).status, 200, 'all rows of this one may be seen');
  }
  assertNoLeaks();
});

test('keeping: media, a request refused, a conversion made and taken back; what they name is shown to those who see it', async () => {
  const item = open(), settle = async () => { for (let i = 0; i < 800 && (await json('archivist', '/jobs')).jobs.some(job => ['queued', 'running'].includes(job.state)); i++) await new Promise(done => setTimeout(done, 25)); };
  assert.equal((await ask('archivist', 'POST', '/keep/media', { form: { name: '光盘 0001', type: (await json('archivist', '/keep/media')).types[0].type, content: '试验', place: '库房', made_on: '2020-01-02' } })).status, 200);
  const asked = (await ask('archivist', 'POST', '/keep/disposal/new', { form: { record: item.id, kind: 'destroy', reason: `期满 ${mark('t', item.row.n)}` } })).json.location;
  assert.equal((await ask('archivist', 'POST', asked, { form: { verdict: 'approve' } })).status, 403, 'who asks does not approve');
  assert.equal((await ask('director', 'POST', asked, { form: { verdict: 'refuse', note: '仍有利用价值' } })).status, 200);
  const { puid, mime } = (await json('archivist', '/keep/risk')).formats.find(format => format.mime === 'image/png');
  assert.equal((await ask('archivist', 'POST', '/keep/format/convert', { form: { puid, mime } })).status, 200);
  await settle();
  assert.equal((await ask('archivist', 'POST', '/keep/assemble', { form: { record: 999999 } })).status, 404);
  const pages = new FormData();
  pages.append('fonds', 'A');
  pages.append('table', new Blob([csv([['档号', '题名', '开放状态', '文件'], ['A-8889', '两页图像', '开放', '一.png\n二.png']])]), '图像.csv');
  pages.append('files', new Blob([zip({ '一.png': png(60, 40), '二.png': png(61, 40) })]), '图像.zip');
  const brought = (await ask('archivist', 'POST', '/delivery/new', { body: pages })).json.location;
  for (const [step, form] of [['rehearse', {}], ['load', { note: '试收' }]]) {
    assert.equal((await ask('archivist', 'POST', `${brought}/${step}`, { form })).status, 200, step);
    await settle();
  }
  assert.equal((await ask('archivist', 'POST', '/keep/assemble', { form: { puid, mime } })).status, 200);
  await settle();
  const { conversions } = await json('archivist', '/keep/conversions');
  assert.ok(conversions.length > 0);
  await each(async name => { if (allows(name, 'keep.read')) for (const { id } of conversions) await ask(name, 'GET', `/keep/conversion/${id}/form.pdf`); });
  await each(async name => { if (allows(name, 'keep.read')) for (const target of ['/keep', '/keep/risk', `/keep/format?puid=${encode(puid)}&mime=${encode(mime)}`, '/keep/conversions', '/keep/disposals', asked, '/keep/media']) await both(name, target); });
  const foreign = conversions.find(each => records.find(record => record.id === each.record_id)?.fonds === 'B');
  // A patrol whose hours are closed waits, so that it can be stopped; it goes on when they are open.
  const hour = (new Date().getUTCHours() + 8) % 24, plan = (from, to) => ask('archivist', 'POST', '/keep/patrol', { form: { enabled: 1, month: 3, day: 1, rate_mb: 0, hour_from: from, hour_to: to } });
  assert.equal((await plan((hour + 2) % 24, (hour + 3) % 24)).status, 200);
  const patrol = (await ask('archivist', 'POST', '/keep/patrol/start', { form: {} })).json.location;
  for (const step of ['stop', 'resume']) assert.equal((await ask('archivist', 'POST', `${patrol}/${step}`, { form: {} })).status, 200, step);
  assert.equal((await plan(0, 0)).status, 200);
  const signable = (await json('archivist', '/keep/patrol/1')).items.find(item => item.signable).code;
  assert.equal((await ask('archivist', 'POST', '/keep/patrol/1/sign', { form: { items: signable, verdict: 'passed', note: '看过' } })).status, 200);
  await each(async name => { if (allows(name, 'keep.read')) for (const target of ['/keep/patrol', '/keep/patrol/1', patrol, '/keep/patrol/1?item=CQ-1-1', '/keep/patrol/1?item=CQ-2-4']) await both(name, target); });
  assert.equal((await ask('limited', 'POST', `/keep/conversion/${foreign.id}/undo`)).status, 404, 'of another fonds');
  assert.equal((await ask('archivist', 'POST', `/keep/conversion/${foreign.id}/undo`)).status, 200);
  assertNoLeaks();
});

test('a renumbering is carried out and taken back; who sees nothing of it is told nothing of it', async () => {
  const { location } = await (async () => (await ask('archivist', 'POST', '/renumber', { form: { node: fondsId.B, mode: 'anew' } })).json)();
  for (const [verb, state] of [['start', 'done'], ['undo', 'undone']]) {
    assert.equal((await ask('archivist', 'POST', `${location}/${verb}`, { form: {} })).status, 200);
    let told;
    for (let i = 0; i < 100 && (told = await json('archivist', location)).active; i++) await new Promise(done => setTimeout(done, 50));
    assert.equal(told.plan.state, state, JSON.stringify(told.problem));
  }
  const blind = await json('limited', location);
  assert.ok(blind.rows.length > 0 && blind.rows.every(row => !row.seen && row.code_before === ''));
  assertNoLeaks();
});

test('quality: faults are counted and listed within the scope, and judged only by who sees the record', async () => {
  for (let i = 0; i < 100 && !(await json('archivist', '/quality')).survey; i++) await new Promise(done => setTimeout(done, 100));
  for (const name of ['archivist', 'limited', 'director']) {
    const home = (await both(name, '/quality')).json;
    for (const kind of home.kinds) {
      const rows = (await both(name, `/quality/${kind.key}`)).json.rows;
      assert.equal(rows.length, Math.min(kind.count, 100), `${name}: ${kind.title}`);
      for (const row of rows) assert.ok(sees(name, records.find(record => record.id === row.id)), `${name}: ${kind.title}: ${row.code}`);
      if (kind.key === 'date-unread') assert.equal(kind.count, records.filter(record => record.row && record.row.n % 4 === 0 && sees(name, record)).length, name);
    }
  }
  const picked = await ask('archivist', 'POST', '/quality/date-unread/pick', { form: { item: records.find(record => record.row && sees('archivist', record)).id } });
  assert.match(picked.json.location, /^\/revise\/new\?selection=%7B%22ids%22%3A%5B\d+%5D%7D&field=date$/);
  // A mechanical fault is put right by a plan, which changes nothing yet.
  const loose = records.find(record => record.row && record.level === 4 && sees('archivist', record)), was = (await json('archivist', `/record/${loose.id}`)).record;
  const edited = await ask('archivist', 'POST', `/record/${loose.id}/edit`, { form: { rev: was.rev, code: was.code, title: was.title.replace('卷宗', '卷 宗'), creator: was.creator, docno: was.docno, date: '1950', year: was.year, opening: OPENINGS[loose.row.opening], security: SECURITIES[loose.row.security] } });
  assert.equal(edited.status, 200, edited.text);
  assert.equal((await ask('archivist', 'POST', '/quality')).status, 200);
  for (let i = 0; i < 100 && !(await json('archivist', '/quality/spaces')).rows.length; i++) await new Promise(done => setTimeout(done, 100));
  const fixed = await ask('archivist', 'POST', '/quality/spaces/fix', { form: { all: 1 } });
  assert.match(fixed.json.location ?? fixed.text, /^\/revise\/\d+$/);
  assert.match((await json('archivist', `/record/${loose.id}`)).record.title, /卷 宗/, 'planned, not made');
  const secret = records.find(record => record.row?.security === 3 && record.row.n % 4 === 0), open = records.find(record => record.row && record.row.n % 4 === 0 && sees('archivist', record));
  assert.equal((await ask('archivist', 'POST', '/quality/date-unread/pass', { form: [['item', secret.id], ['item', open.id], ['note', '原文如此']] })).status, 200);
  assert.deepEqual(await query(dir, 'SELECT record_id, actor, note FROM quality_pass'), [{ record_id: open.id, actor: 'archivist', note: '原文如此' }]);
  assert.deepEqual((await json('archivist', '/quality/date-unread?show=passed')).rows.map(row => row.id), [open.id]);
  // What is surplus is planned, what one person's two names are goes into the authority records and out again.
  const made = [];
  for (const [code, title, name] of [['双-1', '录了两遍的通知'], ['双-2', '录了两遍的通知'], ['双-3', '登记一', '周树仁'], ['双-4', '登记二', '周树任']]) {
    const form = [['parent', name ? fondsId.A : classId[fondsId.A]], ['code', `A-${code}`], ['title', title], ['date', '1958'], ...name ? [['category', 'HY'], ['key', 'nvxm'], ['value', name], ['key', 'nvzjh'], ['value', '330106193001010011']] : []];
    const reply = await ask('archivist', 'POST', '/record/new', { form });
    assert.equal(reply.status, 200, reply.text);
    made.push(Number(reply.json.location.match(/\d+/)[0]));
  }
  const looked = async kind => { for (let i = 0; i < 200; i++) { const page = await json('archivist', `/quality/${kind}`); if (!page.running) return page; await new Promise(done => setTimeout(done, 50)); } assert.fail(kind); };
  await looked('duplicate');
  const plan = (await ask('archivist', 'POST', '/quality/duplicate/surplus', { form: { item: made[0] } })).json.location;
  assert.deepEqual((await json('archivist', plan)).rows.map(row => row.code), ['A-双-2']);
  assert.equal((await ask('archivist', 'POST', `${plan}/drop`)).status, 200);
  assert.equal((await ask('archivist', 'POST', '/quality/person/join', { form: { item: made[2] } })).status, 200);
  const { joins } = await looked('person');
  assert.equal(joins[0]?.groups, 1, JSON.stringify((await json('archivist', '/quality/person')).rows));
  assert.equal((await ask('archivist', 'POST', '/quality/person/unjoin', { form: { event: joins[0].event } })).status, 200);
  for (const id of made) assert.equal((await ask('archivist', 'POST', `/record/${id}/delete`)).status, 200);
  assert.equal((await ask('archivist', 'POST', '/quality/date-unread/unpass', { form: { item: open.id } })).status, 200);
  assert.deepEqual(await query(dir, 'SELECT record_id FROM quality_pass'), []);
  assertNoLeaks();
});

test('changes in bulk: planned, made, taken back, proposed, returned and approved, all within the scope of whoever asks', async () => {
  const plan = (name, selection, more = {}) => ask(name, 'POST', '/revise/new', { form: { selection: JSON.stringify(selection), field: 'note', kind: 'set', value: '核对', ...more } });
  const count = async (name, place, row) => (await json(name, place)).numbers.find(each => each.name === row)?.count ?? 0;
  const everything = { query: '', filters: {} };
  const touched = async (name, selection) => (await ask(name, 'POST', '/revise/touch', { form: { selection: JSON.stringify(selection), field: 'note', kind: 'set', value: '核对' } })).json.touch;
  for (const name of ['archivist', 'limited', 'clerk']) { // a plan over everything is a plan over what one sees
    const { records: many, fonds } = await touched(name, everything);
    assert.deepEqual([many, fonds.reduce((sum, each) => sum + each.count, 0)], Array(2).fill((await json(name, '/search?level=3&level=4')).hits), `${name}: told beforehand`);
    const { location } = (await plan(name, everything)).json;
    assert.equal(await count(name, location, 'waiting'), (await json(name, '/search?level=3&level=4')).hits, name);
    assert.equal((await ask(name === 'clerk' ? 'public' : 'clerk', 'GET', location)).status, name === 'clerk' ? 401 : 404, 'another’s plan');
    assert.equal((await ask(name, 'POST', `${location}/drop`, { form: {} })).status, 200);
  }
  const hidden = records.find(record => record.row && !sees('clerk', record)), seen = open();
  for (const id of [hidden.id, 999999]) {
    const { records: many, fonds, trial } = await touched('clerk', { ids: [id, seen.id] });
    assert.deepEqual([many, fonds.length, trial.changes, trial.refused], [1, 1, 1, 0]);
    const { location } = (await plan('clerk', { ids: [id, seen.id] })).json;
    assert.equal((await json('clerk', location)).rows.length, 1, 'what is hidden looks like what is not there');
    await ask('clerk', 'POST', `${location}/drop`, { form: {} });
  }
  const made = (await plan('archivist', { ids: [seen.id] })).json.location;
  assert.equal((await ask('archivist', 'POST', `${made}/start`, { form: {} })).status, 200);
  assert.equal((await json('archivist', made)).revision.state, 'done');
  assert.equal((await ask('archivist', 'POST', `${made}/undo`, { form: {} })).status, 200);
  const proposal = (await plan('clerk', { ids: [seen.id] })).json.location;
  assert.equal((await ask('clerk', 'POST', `${proposal}/start`, { form: {} })).status, 403);
  assert.equal((await ask('clerk', 'POST', `${proposal}/submit`, { form: {} })).status, 200);
  assert.ok((await json('archivist', '/')).revisions.awaiting.some(row => `/revise/${row.id}` === proposal), 'on the home page of who approves');
  assert.equal((await ask('archivist', 'POST', `${proposal}/return`, { form: { reason: '请写明依据' } })).status, 200);
  assert.equal((await json('clerk', '/')).revisions.returned[0].reason, '请写明依据');
  const again = (await plan('clerk', { ids: [seen.id] })).json.location;
  await ask('clerk', 'POST', `${again}/submit`, { form: {} });
  assert.equal((await ask('archivist', 'POST', `${again}/approve`, { form: {} })).status, 200);
  assert.equal((await json('archivist', again)).revision.decided_by, 'archivist');
  await ask('archivist', 'POST', `${again}/undo`, { form: {} });
  const event = (await json('archivist', `/record/${seen.id}?tab=history`)).events[0];
  assert.equal((await ask('archivist', 'POST', `/record/${seen.id}/restore`, { form: { event: event.id, key: 'fields.note' } })).status, 200);
  assert.equal((await ask('clerk', 'POST', `/record/${hidden.id}/restore`, { form: { event: event.id, key: 'fields.note' } })).status, 404);
  const form = new FormData();
  form.append('table', new Blob([csv([['修改标识', '备注'], [`${seen.id}-1`, '表中'], [`${hidden.id}-1`, '看不到'], ['999999-1', '没有']])]), '修改.csv');
  const sheet = await ask('clerk', 'POST', '/revise/sheet', { body: form });
  assert.equal(sheet.status, 200, sheet.text);
  const rows = (await json('clerk', sheet.json.location)).rows;
  assert.deepEqual(rows.map(row => row.state), ['conflict', 'refused', 'refused'], 'the note was put back by another since rev 1');
  assert.equal(rows[1].problem.replace(/\d+/, ''), rows[2].problem.replace(/\d+/, ''));
  assert.equal((await ask('clerk', 'POST', `${sheet.json.location}/choose`, { form: { place: 1, take: 'wanted' } })).status, 200);
  assertNoLeaks();
});

test('a move and an order of children are carried out and taken back; who sees nothing of them is told nothing', async () => {
  for (const [verb, state] of [['start', 'done'], ['undo', 'undone']]) {
    assert.equal((await ask('archivist', 'POST', `/move/1/${verb}`, { form: {} })).status, 200);
    let told;
    for (let i = 0; i < 100 && (told = await json('archivist', '/move/1')).active; i++) await new Promise(done => setTimeout(done, 50));
    assert.equal(told.plan.state, state, JSON.stringify(told.problem));
  }
  const blind = await json('limited', '/move/1');
  assert.ok(blind.target === null && blind.rows.length > 0 && blind.rows.every(row => row.record === null && row.from === null));
  const node = classId[fondsId.B], children = (await json('archivist', `/catalog/${node}`)).rows.map(row => row.id);
  assert.equal((await ask('limited', 'POST', `/catalog/${node}/pick`, { form: { ids: children[1], do: 'first' } })).status, 404);
  assert.equal((await ask('archivist', 'POST', `/catalog/${node}/pick`, { form: { ids: children[1], do: 'first' } })).status, 200);
  assert.equal((await json('archivist', `/catalog/${node}`)).rows[0].id, children[1]);
  await each(async name => { await both(name, `/catalog/${node}`); });
  assert.equal((await ask('archivist', 'POST', `/catalog/${node}/unordered`, { form: {} })).status, 200);
  assertNoLeaks();
});

test('entries are archived by who may see and write them; what is for few stays out of their records', async () => {
  await each(async name => {
    const may = allows(name, 'ledger.write'), all = name === 'archivist' || name === 'limited';
    for (const rest of ['/archive', '/sheet']) assert.ok((all ? [200] : may ? [404] : [401, 403]).includes((await ask(name, 'GET', `/entry/${secretDone}${rest}`)).status), `${name} ${rest}`);
    if (may) await both(name, `/entry/${doneEntry}/archive`);
    if (may) assert.equal((await json(name, `/ledger/${doneLedger}/archive`)).count, all ? 2 : 1, name);
    if (name !== 'archivist') assert.notEqual((await ask(name, 'POST', `/entry/${secretDone}/archive`, { form: {} })).status, 200, `${name}: nothing goes into a fonds of others`);
  });
  const title = (await json('archivist', `/entry/${doneEntry}/archive`)).dossier.fields.find(field => field.label === '题名').value;
  assert.equal(title, '办结一件', 'a field that only some may read is not in the title');
  assert.equal((await ask('archivist', 'POST', `/entry/${doneEntry}/archive`, { form: {} })).status, 200);
  assert.equal((await ask('archivist', 'POST', `/ledger/${doneLedger}/archive`, { form: { entry: secretDone } })).status, 200);
  assertNoLeaks();
});

test('every row of the route table was hit, given and, where it has a permission, refused', () => {
  const missed = routes.flatMap(route => (route.permission === 'public' ? ['given'] : ['given', 'refused']).filter(outcome => !hit.get(`${route.method} ${route.path}`)?.has(outcome)).map(outcome => `${route.method} ${route.path} was never ${outcome}`));
  assert.deepEqual(missed, []);
});
