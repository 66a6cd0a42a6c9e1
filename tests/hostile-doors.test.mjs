// Bad input through the server: every door a delivery may come in by, people who decide at once, text that means something elsewhere, and other people's numbers.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { CHINESE, emptyArchive, query } from './archive.mjs';
import { rawZip } from './hostile-files.mjs';
import { csv } from './make.mjs';
import { Client, lantai, PASSWORD, serve, shared, temporary } from './support.mjs';

let dir, room, watch, server, archivist, second;
const BODIES = { sender: '甲局', other: '乙局' };

before(async () => {
  dir = await emptyArchive();
  room = path.dirname(dir);
  watch = path.join(room, '接收');
  mkdirSync(watch);
  const file = path.join(dir, 'lantai.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('watch: ""', `watch: "${watch}"`).replace(/settle_seconds: \d+/, 'settle_seconds: 1'));
  for (const name of ['archivist', 'second']) assert.equal((await lantai(dir, 'user', 'add', name, '--role', 'archivist', '--password', PASSWORD, '--security', '机密')).status, 0);
  for (const [name, body] of Object.entries(BODIES)) assert.equal((await lantai(dir, 'user', 'add', name, '--role', 'transferor', '--body', body, '--password', PASSWORD)).status, 0);
  server = await serve(dir);
  [archivist, second] = await Promise.all(['archivist', 'second'].map(name => new Client(server.base).signIn(name)));
});
after(async () => {
  const { code, signal } = (await server?.stop()) ?? {};
  assert.deepEqual([code, signal], [0, null], server?.errors());
});

const until = async (what, condition) => {
  for (let i = 0; i < 1200; i++) { const value = await condition(); if (value) return value; await new Promise(done => setTimeout(done, 25)); }
  assert.fail(`never: ${what}`);
};
const idle = id => until(`delivery ${id} at rest`, async () => { const reply = await archivist.get(`/delivery/${id}/progress`); return reply.json?.finished && reply.json; });
function form(fields, files = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, String(value));
  for (const [name, [called, bytes]] of Object.entries(files)) body.append(name, new Blob([bytes]), called);
  return body;
}
const sendForm = (who, fields, files, at = '/delivery/new') => who.post(at, { body: form(fields, files) });
const number = reply => Number(/\d+$/.exec(reply.json?.location ?? '')?.[0]);
async function checked(who, name, bytes, fields = {}) {
  const reply = await sendForm(who, fields, { table: [name, bytes] }), id = number(reply);
  assert.ok(id, reply.text.slice(0, 500));
  if ((await query(dir, `SELECT kind FROM accession WHERE id = ${id}`))[0].kind === 'table') assert.equal((await who.post(`/delivery/${id}/rehearse`)).status, 200);
  await idle(id);
  return id;
}
const state = async id => (await query(dir, `SELECT state FROM accession WHERE id = ${id}`))[0].state;
const steps = async id => (await query(dir, `SELECT to_state FROM accession_step WHERE accession_id = ${id} ORDER BY sequence`)).map(row => row.to_state);
const table = (prefix, count) => csv([['全宗号', '全宗名称', '档号', '题名', '保管期限'], ...Array.from({ length: count }, (_, i) => [prefix, '试验全宗', `${prefix}-WS·2015-Y-${String(i + 1).padStart(4, '0')}`, `题名${i}`, '永久'])]);

// ---- people who decide at once ----

test('two accept at once: one is told, the records come once', async () => {
  const id = await checked(archivist, '并.csv', table('R001', 1500));
  const replies = await Promise.all([archivist, second, archivist, second].map((who, i) => who.post(`/delivery/${id}/load`, { form: { note: `说明${i}` } })));
  assert.deepEqual(replies.map(reply => reply.status).sort(), [200, 409, 409, 409], replies.map(reply => reply.text.slice(0, 200)).join('\n'));
  for (const reply of replies) if (reply.status === 409) assert.match(reply.json.problem ?? reply.json.error.message, CHINESE);
  const deciding = await Promise.all([second.post(`/delivery/${id}/return`, { form: { note: '晚了' } }), archivist.post(`/delivery/${id}/discard`, { form: { note: '晚了' } })]);
  assert.deepEqual(deciding.map(reply => reply.status), [409, 409]);
  await idle(id);
  const again = await sendForm(archivist, {}, { table: ['并.csv', table('R002', 3)] }, `/delivery/${id}/send`);
  assert.equal(again.status, 409, 'what is loaded is not sent again');
  assert.deepEqual(await steps(id), ['received', 'checking', 'rehearsed', 'loading', 'done']);
  assert.equal((await query(dir, `SELECT count(*) AS n FROM record WHERE accession_id = ${id} AND level = 4`))[0].n, 1500);
  assert.equal((await query(dir, `SELECT count(*) AS n FROM job WHERE subject_id = ${id} AND kind = 'accession.load'`))[0].n, 1);
});

test('accepted, returned, discarded and given other files at once: in some order that the steps allow, and what stands agrees with it', async () => {
  for (let round = 0; round < 6; round++) {
    const id = await checked(archivist, `争${round}.csv`, table(`S00${round}`, 200));
    const asks = { load: () => archivist.post(`/delivery/${id}/load`, { form: { note: '接收' } }), return: () => second.post(`/delivery/${id}/return`, { form: { note: '退回' } }),
      discard: () => second.post(`/delivery/${id}/discard`, { form: { note: '作废' } }), documents: () => sendForm(archivist, {}, { files: ['原文.zip', rawZip([])] }, `/delivery/${id}/documents`) };
    const names = Object.keys(asks), order = [...names.slice(round % 4), ...names.slice(0, round % 4)];
    const replies = Object.fromEntries(await Promise.all(order.map(async name => [name, (await asks[name]()).status])));
    await idle(id);
    const now = await state(id), ended = { load: 'done', return: 'returned', discard: 'discarded' };
    assert.ok(Object.values(replies).every(status => [200, 409].includes(status)), JSON.stringify(replies));
    const won = ['load', 'return', 'discard'].filter(name => replies[name] === 200);
    if (replies.documents === 200) assert.ok(!won.includes('load'), JSON.stringify(replies)); /* other files: checked anew before anybody accepts; they may still be returned, then discarded */
    const sentAgain = replies.documents === 200 && won.join() === 'return' && now === 'received';
    if (!sentAgain && !(won.length === 2 && won.includes('return') && now === 'discarded')) assert.deepEqual(won.map(name => ended[name]), [now], JSON.stringify(replies)); /* what was returned may be discarded */
    assert.equal((await query(dir, `SELECT count(*) AS n FROM record WHERE accession_id = ${id} AND level = 4`))[0].n, now === 'done' ? 200 : 0);
    assert.equal(existsSync(path.join(dir, 'deliveries', String(id))), now !== 'discarded');
    assert.equal((await query(dir, `SELECT count(*) AS n FROM job WHERE subject_id = ${id} AND kind = 'accession.load' AND state = 'failed'`))[0].n, 0);
  }
});

test('discarded, returned, mended while it is being checked: refused, the check goes on', async () => {
  const sent = await sendForm(archivist, {}, { table: ['大.csv', table('T001', 20000)] }), id = number(sent);
  const [begun, ...others] = await Promise.all([archivist.post(`/delivery/${id}/rehearse`), new Promise(done => setTimeout(done, 40)).then(() => second.post(`/delivery/${id}/discard`, { form: { note: '作废' } })),
    new Promise(done => setTimeout(done, 40)).then(() => second.post(`/delivery/${id}/return`, { form: { note: '退回' } }))]);
  assert.deepEqual([begun.status, ...others.map(reply => reply.status)], [200, 409, 409], others.map(reply => reply.text.slice(0, 300)).join());
  await idle(id);
  assert.equal(await state(id), 'rehearsed');
});

// ---- the doors ----

const GOOD = { name: '关于加固堤防的批复.txt', data: '经研究，同意所报方案。' };
const good = rawZip([GOOD, { name: '二.txt', data: 'y'.repeat(5000), deflate: true }]);
const BAD = [ /* what it is, what comes, what is said of it, whether the rest goes on */
  ['zip-slip', rawZip([GOOD, { name: '../../逃.txt', data: '1' }, { name: '/tmp/lantai-逃.txt', data: '2' }]), /跳出了包/, true],
  ['bomb', rawZip([GOOD, { name: '炸弹', data: Buffer.alloc(200 << 20), deflate: true }]), /200 倍/, false],
  ['broken', good.subarray(0, Math.floor(good.length * 0.8)), /./, false],
  ['encrypted', rawZip([GOOD, { name: '密.txt', data: 'xxxxxxxxxxxxxxxx', encrypted: true }]), /已加密/, true],
];
const inside = folder => (existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : []);
const leftovers = () => ['tmp', 'store-staging'].flatMap(name => inside(path.join(dir, name))).filter(name => !['resumable', 'uploads'].includes(name));
async function verdict(id) {
  await idle(id);
  const findings = await query(dir, `SELECT f.path, f.reason FROM check_finding AS f JOIN check_task AS t ON t.id = f.task_id WHERE t.subject_kind = 'accession' AND t.subject_id = ${id}`);
  const [row] = await query(dir, `SELECT state, failure FROM accession WHERE id = ${id}`);
  return { ...row, said: [row.failure, ...findings.map(finding => `${finding.path} ${finding.reason}`)].join('\n') };
}
async function upload(who, name, bytes) {
  const begun = await who.post('/uploads', { form: { name, size: bytes.length, fingerprint: `f${bytes.length}${name.length}` } });
  assert.equal(begun.status, 200, begun.text);
  const sent = await sendForm(who, { offset: 0 }, { chunk: ['chunk', bytes] }, `/upload/${begun.json.id}/part`);
  assert.equal(sent.status, 200, sent.text);
  return begun.json.id;
}
const DOORS = {
  form: (name, bytes) => sendForm(archivist, {}, { table: [name, bytes] }),
  upload: async (name, bytes) => archivist.post('/delivery/new', { form: { table_upload: await upload(archivist, name, bytes) } }),
};
function assertVerdict({ state: now, said }, what, reason, goesOn) {
  assert.match(said, reason, what);
  assert.equal(now, goesOn ? 'rehearsed' : 'received', `${what}: ${said}`);
}
const beside = () => [readdirSync(room).sort(), existsSync('/tmp/lantai-逃.txt'), inside(dir).filter(name => name.includes('逃'))];

for (const [door, send] of Object.entries(DOORS)) {
  test(`through the ${door}: bad packages are refused or told, the server lives on, nothing lands outside or stays behind`, async () => {
    const before = beside();
    for (const [what, bytes, reason, goesOn] of BAD) {
      const reply = await send(`${door}-${what}.zip`, bytes), id = number(reply);
      if (id) assertVerdict(await verdict(id), `${door}: ${what}`, reason, goesOn);
      else {
        assert.ok([409, 413, 422].includes(reply.status) && !goesOn, `${door}: ${what}: ${reply.status} ${reply.text.slice(0, 300)}`);
        assert.match(reply.json.problem, CHINESE);
      }
      if (id) assert.equal((await archivist.post(`/delivery/${id}/discard`, { form: { note: '试' } })).status, 200, what);
      assert.ok(!id || !existsSync(path.join(dir, 'deliveries', String(id))), what);
    }
    for (const { id } of (await archivist.get('/uploads')).json.uploads) assert.equal((await archivist.post(`/upload/${id}/drop`)).status, 200);
    assert.deepEqual(beside(), before);
    assert.deepEqual(leftovers(), []);
  });
}

test('through the watched folder: the same, and what is no delivery is put aside', async () => {
  const before = beside();
  for (const [what, bytes] of BAD) {
    writeFileSync(path.join(watch, `看-${what}.zip.part`), bytes);
    renameSync(path.join(watch, `看-${what}.zip.part`), path.join(watch, `看-${what}.zip`));
  }
  for (const [what, , reason, goesOn] of BAD) {
    const name = `看-${what}.zip`, aside = path.join(watch, '不能接收', `${name}.txt`);
    const [found] = await until(name, async () => { const rows = await query(dir, `SELECT id FROM accession WHERE name LIKE '看-${what}%'`); return rows.length ? rows : existsSync(aside) && [null]; });
    if (found) assertVerdict(await verdict(found.id), `watched: ${what}`, reason, goesOn);
    else assert.match(readFileSync(aside, 'utf8'), CHINESE);
    if (!found) assert.ok(!goesOn, what);
  }
  assert.deepEqual(beside(), before);
  assert.deepEqual(leftovers(), []);
});

// ---- text that means something elsewhere ----

const MARK = '"><xq onerror=alert(1)>\'', LINES = 'a"; x=y\r\nSet-Cookie: xq=1';
const blns = path.join(shared, 'data/hostile/blns.txt');
const naughty = [MARK, "=cmd|'/C calc'!A0", '+1+1', '-2+3', '@SUM(1)', '{{7*7}}', '{{{title}}}', '%s%n%x', '\u202e反过来\u202c\u2066嵌\u2069', '长'.repeat(10000), '</script><xq>', 'javascript:alert(1)', '&lt;xq&gt;', '\\u003cxq',
  ...(existsSync(blns) ? readFileSync(blns, 'utf8').split('\n').filter(line => line && !line.startsWith('#')).slice(0, 250) : [])].map(text => text.replaceAll('<script', '<xq'));
const FILES = ['<xq onerror=alert(1)>.txt', '=1+1.txt', '反\u202etxt.exe.txt', 'a"; filename=b.txt', '%0d%0aSet-Cookie: xq=1.txt', "引'号`$(x).txt"];
const DISPOSITION = /^(attachment|inline); filename="[\x20-\x21\x23-\x5b\x5d-\x7e]*"; filename\*=UTF-8''[\w%.!#$&+^`|~-]+$/;

function assertHeaders(reply, at) {
  assert.match(reply.headers.get('content-disposition') ?? '', DISPOSITION, at);
  assert.doesNotMatch(reply.headers.get('set-cookie') ?? '', /xq/, at);
}
// What the sheets of a workbook hold: no formula, and every cell with words in it is text.
function assertNoFormula(bytes, at) {
  const file = path.join(temporary(), 'x.xlsx');
  writeFileSync(file, bytes);
  const xml = execFileSync('python3', ['-c', 'import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nfor n in z.namelist():\n  if n.startswith("xl/worksheets/sheet") or "sharedStrings" in n: sys.stdout.buffer.write(z.read(n))', file], { encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.match(xml, /<sheetData>[^]*<c /, at);
  assert.doesNotMatch(xml, /<f[ >/]|t="str"/, at);
  assert.doesNotMatch(xml, /<xq/, at);
  return xml;
}
function pdfText(bytes, at) {
  const file = path.join(temporary(), 'x.pdf');
  writeFileSync(file, bytes);
  return execFileSync('pdftotext', [file, '-'], { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'] }) || assert.fail(at);
}

test('naughty text as titles, creators, file names, notes, bodies and projects: pages escape it, JSON keeps it, tables hold text, headers stay headers', async () => {
  const rows = naughty.map((text, i) => ['N001', MARK, i % 40 === 7 ? '' : `N001-WS·2015-Y-${String(i + 1).padStart(4, '0')}`, text, text, i % 10 ? '永久' : text.slice(0, 100), FILES[i] ?? '']);
  const reply = await sendForm(archivist, { name: MARK + LINES, body: MARK, fonds: 'N001', fonds_title: MARK }, { table: [`${MARK}.csv`, csv([['全宗号', '全宗名称', '档号', '题名', '责任者', '保管期限', '电子档案名称'], ...rows])],
    files: ['原文.zip', rawZip([...FILES, '多余<xq>.txt', '=多余.txt'].map(name => ({ name, data: `内容${name}` })))] });
  const id = number(reply);
  assert.ok(id, reply.text.slice(0, 500));
  assert.equal((await archivist.post(`/delivery/${id}/rehearse`)).status, 200);
  await idle(id);
  assert.equal(await state(id), 'rehearsed', JSON.stringify((await archivist.get(`/delivery/${id}`)).json).slice(0, 800));
  const [{ check_id: check }] = await query(dir, `SELECT check_id FROM accession WHERE id = ${id}`);
  const pages = ['/deliveries', `/delivery/${id}`, `/check/${check}`, '/uploads', '/exports', `/export?delivery=${id}`, '/projects', '/jobs'], items = await query(dir, `SELECT DISTINCT item FROM check_finding WHERE task_id = ${check}`);
  for (const { item } of items) pages.push(`/check/${check}?item=${encodeURIComponent(item)}`);
  const faults = await archivist.get(`/delivery/${id}/faults.xlsx`), findings = await archivist.get(`/check/${check}/findings.xlsx`);
  assert.deepEqual([faults.status, findings.status], [200, 200]);
  for (const [at, sheet] of Object.entries({ faults, findings })) { assertHeaders(sheet, at); assertNoFormula(sheet.bytes, at); }
  assert.equal((await archivist.post(`/delivery/${id}/load`, { form: { note: `${MARK}\n${LINES}` } })).status, 200);
  await idle(id);
  assert.equal(await state(id), 'done');
  const project = await archivist.post('/project/new', { form: { title: MARK, note: naughty.slice(0, 6).join('\n'), due_on: '2026-12-31' } });
  assert.equal(project.status, 200, project.text);
  pages.push(project.json.location);
  const records = await query(dir, `SELECT id, title FROM record WHERE accession_id = ${id} AND level = 4 ORDER BY id`), kept = new Set(records.map(record => record.title));
  for (const text of naughty.slice(0, 6)) assert.ok(kept.has(text), `kept as it was: ${text}`);
  for (const { id: record } of records.slice(0, 40)) pages.push(`/record/${record}`);
  for (const text of naughty.slice(0, 40)) pages.push(`/search?q=${encodeURIComponent(text.slice(0, 500))}`);
  let escaped = 0;
  for (const page of pages) {
    const html = await archivist.get(page, { html: true }), json = await archivist.get(page);
    assert.ok([200, 422].includes(html.status) && json.status === html.status, `${page}: ${html.status}`);
    assert.ok(!html.bytes.includes('<xq'), `${page}: ${html.text.slice(Math.max(0, html.text.indexOf('<xq') - 200), html.text.indexOf('<xq') + 80)}`);
    assert.doesNotMatch(html.text, /="[^"]*"xq|href="javascript:alert/, page);
    assert.ok(json.json, page);
    escaped += html.text.includes('&lt;xq');
  }
  assert.ok(escaped > 8, `${escaped} pages show it`);
  for (const name of ['transfer', 'receipt', 'digests']) {
    const form_ = await archivist.get(`/delivery/${id}/form/${name}.pdf`);
    if (form_.status === 404) continue;
    assert.equal(form_.status, 200, `${name}: ${form_.text.slice(0, 300)}`);
    assert.match(pdfText(form_.bytes, name), /[\u4e00-\u9fff]/, name);
  }
  const report = await archivist.get(`/check/${check}/report.pdf`);
  assert.equal(report.status, 200, report.text.slice(0, 1500) + server.errors().slice(-2500));
  assert.match(pdfText(report.bytes, 'report'), CHINESE);
  for (const { id: file } of await query(dir, `SELECT id FROM file WHERE accession_id = ${id}`)) {
    const sent = await archivist.get(`/file/${file}`);
    assert.equal(sent.status, 200);
    assertHeaders(sent, `file ${file}`);
  }
  const { chosen } = (await archivist.get(`/export?delivery=${id}`)).json, asked = await archivist.post('/export', { form: { selection: chosen.selection, format: 'xlsx', purpose: '内部工作' } });
  assert.equal(asked.status, 200, asked.text);
  const list = await until('the export', async () => { const reply = (await archivist.get('/exports')).json; return !reply.waiting && reply.exports.length && reply.exports; });
  const sheet = await archivist.get(`/export/${list[0].id}/file`);
  assertHeaders(sheet, 'export');
  assert.ok(assertNoFormula(sheet.bytes, 'export').includes('=cmd|'), 'it is there, as text');
});

// ---- other people's numbers ----

test('a body that asks for what is another’s, by its number, on every route: not there, and nothing changes', async () => {
  const [sender, other] = await Promise.all(['sender', 'other'].map(name => new Client(server.base).signIn(name)));
  const id = await checked(sender, '甲.csv', csv([['档号', '题名'], ['A-1', '甲局的题名']])), slice = await upload(sender, '半.csv', Buffer.from('档号\n'));
  const [{ check_id: check }] = await query(dir, `SELECT check_id FROM accession WHERE id = ${id}`);
  const look = () => Promise.all([query(dir, 'SELECT * FROM accession ORDER BY id'), query(dir, 'SELECT * FROM accession_step ORDER BY accession_id, sequence'), query(dir, 'SELECT id, kind, state, cancel FROM job'),
    query(dir, 'SELECT task_id, code, state, signed_by FROM check_item ORDER BY task_id, position'), inside(path.join(dir, 'tmp')).sort(), query(dir, "SELECT count(*) AS n FROM event WHERE action NOT LIKE 'access.%'")]);
  for (const own of [`/delivery/${id}`, `/check/${check}`, `/upload/${slice}`, `/delivery/${id}/form/transfer.pdf`]) assert.equal((await sender.get(own)).status, 200, own);
  const before = await look(), { json: routes } = await lantai(dir, 'routes', '--json'), numbers = { delivery: id, upload: slice, check, export: 1 };
  let asked = 0;
  for (const { method, path: route, permission } of routes) {
    const kind = /^\/(delivery|upload|check|export)\/\{id\}/.exec(route)?.[1];
    if (!kind) continue;
    const target = route.replace('{id}', numbers[kind]).replace('{name}', 'transfer'), may = /\.own|^user$/.test(permission);
    const replies = method === 'GET' ? [await other.get(target), await other.get(target, { html: true })] :
      [await other.post(target, { form: { note: '我的', stage: 'transfer', offset: 0, use_fonds: 'X', verdict: 'pass', items: 'x' } }), await sendForm(other, { offset: 0, note: '我的', stage: 'transfer' }, { chunk: ['chunk', 'x'], table: ['x.csv', table('X', 1)], files: ['x.zip', rawZip([])] }, target)];
    for (const reply of replies) assert.ok(reply.status === (may ? 404 : 403) || reply.json?.error?.fields?.chunk, `${method} ${route}: ${reply.status} ${reply.text.slice(0, 200)}`);
    for (const reply of replies) assert.ok(!reply.text.includes('甲局'), route);
    asked++;
  }
  assert.ok(asked > 20, `${asked} routes`);
  assert.deepEqual(await look(), before);
  assert.equal((await other.get('/deliveries')).json.deliveries.length, 0);
  assert.equal((await sender.post(`/upload/${slice}/drop`)).status, 200);
});
