// The journal and what rests on it: the chain and who notices harm to it, the history of a record, rebuilding the catalogue from store and journal, backup and restore.
import assert from 'node:assert/strict';
import { closeSync, cpSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, statSync, truncateSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { Client, deliveryCode, lantai, PASSWORD, serve, sqlite, temporary, writeDelivery } from './support.mjs';

const folder = temporary('lantai-journal-');
let dir, edited, copies = 0;

function copy() {
  const to = path.join(folder, `copy-${copies++}`);
  cpSync(dir, to, { recursive: true });
  return to;
}
const rows = (archive, table) => sqlite(archive, `SELECT * FROM ${table} ORDER BY 1, 2`);
// rev only ever grows, so an undo gives a new one to what it restores.
function sameCatalogue(a, b, { rev = true } = {}) {
  for (const table of ['record', 'file', 'page_text']) {
    const [here, there] = [rows(a, table), rows(b, table)].map(list => list.map(row => JSON.stringify(rev ? row : { ...row, rev: undefined })));
    assert.equal(here.length, there.length, `as many rows of ${table}`);
    assert.deepEqual(here.filter((row, i) => row !== there[i]).slice(0, 3), [], `the rows of ${table}`);
  }
}
const mirrorFiles = archive => readdirSync(path.join(archive, 'journal')).filter(name => /^\d+\.ndjson$/.test(name)).sort().map(name => path.join(archive, 'journal', name));
const recordId = code => sqlite(dir, `SELECT id FROM record WHERE code = '${code}'`)[0].id;

async function change(client, id, values) {
  const form = await client.get(`/record/${id}/edit`, { html: true });
  assert.equal(form.status, 200, form.text);
  const { json } = await client.get(`/record/${id}`);
  const before = Object.fromEntries([...form.text.matchAll(/<input id="f-([a-z_]+)" name="\1" value="([^"]*)"/g)].map(([, name, value]) => [name, value.replaceAll('&amp;', '&').replaceAll('&quot;', '"')]));
  for (const [, name, options] of form.text.matchAll(/<select id="f-[a-z_]+" name="([a-z_]+)">([\s\S]*?)<\/select>/g)) before[name] = /value="([^"]*)" selected/.exec(options)?.[1] ?? /value="([^"]*)"/.exec(options)?.[1] ?? '';
  const rev = /name="rev" value="(\d+)"/.exec(form.text)[1];
  const reply = await client.post(`/record/${id}/edit`, { form: { ...before, ...values, rev, form: '1' }, html: true });
  assert.equal(reply.status, 303, reply.text.slice(0, 2000));
  return json;
}

async function importNow(delivery, name) {
  const result = await lantai(dir, 'import', delivery.table, '--files', delivery.files, '--name', name, '--json');
  assert.equal(result.status, 0, result.stderr);
  assert.equal(result.json.state, 'done');
  return result.json;
}

// A life in short: two deliveries, pages edited, a corrected delivery, an undone one, records deleted and made by hand.
before(async () => {
  dir = path.join(folder, 'archive');
  assert.equal((await lantai(dir, 'init')).status, 0);
  for (const [name, role] of [['archivist', 'archivist'], ['auditor', 'auditor'], ['admin', 'sysadmin']]) assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密')).status, 0);
  await importNow(writeDelivery(path.join(folder, 'first'), { count: 120, documents: 24 }), '来件');
  await importNow(writeDelivery(path.join(folder, 'other'), { from: 200, count: 40, documents: 216 }), '另一件');
  const server = await serve(dir);
  const client = await new Client(server.base).signIn('archivist');
  edited = recordId(deliveryCode(3));
  await change(client, edited, { title: '关于龙泉水库加固工程的补充批复', creator: '临江市人民政府' });
  await change(client, edited, { docno: '临水〔1953〕3号之一' });
  assert.equal((await client.post(`/record/${recordId(deliveryCode(50))}/delete`, { html: true, form: {} })).status, 303);
  const fonds = recordId('T001');
  const made = await client.post('/record/new', { html: true, form: { form: '1', parent: sqlite(dir, `SELECT parent_id FROM record WHERE id = ${edited}`)[0].parent_id, category: 'WS', level: '4', code: `${deliveryCode(900)}`,
    title: '手工著录的一件', creator: '王建国', date_text: '1958年3月', retention: '永久', security: '0', opening: '1' } });
  assert.equal(made.status, 303, `${fonds} ${made.text.slice(0, 2000)}`);
  assert.equal((await server.stop()).code, 0);
  await importNow(writeDelivery(path.join(folder, 'second'), { count: 100, documents: 12, version: '乙' }), '来件');
  assert.equal((await lantai(dir, 'undo', String(sqlite(dir, `SELECT id FROM accession WHERE name = '另一件'`)[0].id))).status, 0);
});

test('audit finds the chain whole', async () => {
  const result = await lantai(dir, 'audit', '--json');
  assert.equal(result.status, 0, result.stderr);
  assert.deepEqual(result.json.faults, []);
  const [{ n, last }] = sqlite(dir, 'SELECT count(*) AS n, max(id) AS last FROM event');
  assert.equal(result.json.events, n);
  assert.equal(last, n, 'numbers without gaps');
  assert.equal(result.json.head, sqlite(dir, `SELECT hash FROM event WHERE id = ${last}`)[0].hash);
  assert.equal(mirrorFiles(dir).map(file => readFileSync(file, 'utf8').trimEnd().split('\n').length).reduce((a, b) => a + b), n, 'a line of the mirror for every event');
});

const HARM = [
  ['data of an event', id => `UPDATE event SET data = replace(data, '}', ',"x":1}') WHERE id = ${id}`],
  ['the actor of an event', id => `UPDATE event SET actor = 'somebody' WHERE id = ${id}`],
  ['the time of an event', id => `UPDATE event SET at_us = at_us + 1000000 WHERE id = ${id}`],
  ['the hash of an event', id => `UPDATE event SET hash = '${'ab'.repeat(32)}' WHERE id = ${id}`],
  ['a removed event', id => `DELETE FROM event WHERE id = ${id}`],
];
for (const [what, statement] of HARM)
  test(`audit names ${what}`, async () => {
    const harmed = copy(), id = Math.floor(sqlite(harmed, 'SELECT max(id) AS id FROM event')[0].id / 2);
    sqlite(harmed, statement(id), { write: true });
    const result = await lantai(harmed, 'audit', '--json');
    assert.notEqual(result.status, 0);
    assert.ok(result.json.faults.some(fault => fault.id === id || fault.id === id + 1), JSON.stringify(result.json));
    assert.ok(result.json.faults.every(fault => Math.abs(fault.id - id) <= 1), `only what was harmed is named: ${JSON.stringify(result.json.faults)}`);
    assert.match((await lantai(harmed, 'audit')).stderr, /日志校验没有通过/);
  });

const LINES = [
  ['changed', lines => lines.map((line, i) => (i === 9 ? line.replace('"actor":"', '"actor":"x') : line))],
  ['removed', lines => lines.filter((line, i) => i !== 9)],
  ['repeated', lines => [...lines.slice(0, 10), lines[9], ...lines.slice(10)]],
  ['spoilt', lines => lines.map((line, i) => (i === 9 ? line.slice(0, 20) : line))],
];
for (const [what, alter] of LINES)
  test(`audit names a ${what} line of the mirror, and a rebuild refuses it`, async () => {
    const harmed = copy(), [file] = mirrorFiles(harmed);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    writeFileSync(file, `${alter(lines).join('\n')}\n`);
    const result = await lantai(harmed, 'audit', '--json');
    assert.notEqual(result.status, 0);
    assert.ok(result.json.faults.some(fault => Math.abs(fault.id - 10) <= 1), JSON.stringify(result.json));
    const rebuilt = await lantai(harmed, 'rebuild', path.join(folder, `never-${what}`), '--json');
    assert.notEqual(rebuilt.status, 0);
    assert.match(rebuilt.stderr, /1[01]/, 'the event is named');
  });

test('a program that starts on a mirror of another history keeps it aside, writes it anew and says so', async () => {
  const harmed = copy(), file = mirrorFiles(harmed).at(-1), text = readFileSync(file, 'utf8'), last = text.trimEnd().lastIndexOf('\n') + 1;
  writeFileSync(file, text.slice(0, last) + text.slice(last).replace('"actor":"', '"actor":"x'));
  await (await serve(harmed)).stop();
  const audited = await lantai(harmed, 'audit');
  assert.equal(audited.status, 0, audited.stdout + audited.stderr);
  assert.equal(sqlite(harmed, `SELECT count(*) AS n FROM event WHERE action = 'journal.mirror_replaced'`)[0].n, 1);
  assert.ok(readdirSync(harmed).some(name => name.startsWith('journal.aside')), 'the former mirror is kept');
});

test('starting does not paper over a changed line in the middle', async () => {
  const harmed = copy(), [file] = mirrorFiles(harmed);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"actor":"', '"actor":"x'));
  await (await serve(harmed)).stop();
  assert.notEqual((await lantai(harmed, 'audit')).status, 0);
});

test('a mirror that a crash left behind or cut in a line is completed at the next start', async () => {
  for (const cut of [1, 200, 2000]) {
    const behind = copy(), file = mirrorFiles(behind).at(-1);
    truncateSync(file, statSync(file).size - cut);
    await (await serve(behind)).stop();
    const result = await lantai(behind, 'audit', '--json');
    assert.equal(result.status, 0, `${cut} bytes cut: ${result.stdout}`);
  }
});

test('the history of a record shows each change with before and after', async () => {
  const server = await serve(dir);
  try {
    const client = await new Client(server.base).signIn('archivist');
    const page = await client.get(`/record/${edited}?tab=history`, { html: true });
    assert.equal(page.status, 200);
    for (const word of ['关于第3号水库加固工程的甲批复', '关于龙泉水库加固工程的补充批复', '临江市人民政府', '临水〔1953〕3号之一', 'archivist', '题名', '文号']) assert.ok(page.text.includes(word), `${word} stands in the history`);
    assert.ok(page.text.includes('/delivery/'), 'and the delivery it came with');
    const { json } = await client.get(`/record/${edited}?tab=history`);
    assert.ok(json.events.length >= 2);
    assert.ok(json.events.every((event, i) => i === 0 || event.id < json.events[i - 1].id), 'newest first');
    assert.ok(json.events.some(event => JSON.stringify(event).includes('乙批复')), 'what the corrected delivery changed is there too');
  } finally { await server.stop(); }
});

test('the auditor verifies on the page what the command verifies', async () => {
  const harmed = copy(), server = await serve(harmed);
  try {
    const client = await new Client(server.base).signIn('auditor');
    const good = await client.post('/journal/verify', { html: true, form: {} });
    assert.equal(good.status, 200);
    assert.match(good.text, /前后相连/);
    sqlite(harmed, `UPDATE event SET actor = 'somebody' WHERE id = 12`, { write: true });
    const bad = await client.post('/journal/verify', { html: true, form: {} });
    assert.match(bad.text, /发现 \d+ 处问题/);
    assert.match(bad.text, />12</);
  } finally { await server.stop(); }
});

test('the journal cannot be changed through any page', async () => {
  const { json } = await lantai(dir, 'routes', '--json');
  const routes = json.filter(route => route.path.startsWith('/journal') && route.method !== 'GET').map(route => route.path);
  assert.deepEqual(routes, ['/journal/verify']);
});

test('rebuild makes the same catalogue from store and journal alone', async () => {
  const target = path.join(folder, 'rebuilt');
  const result = await lantai(dir, 'rebuild', target, '--json');
  assert.equal(result.status, 0, result.stderr + result.stdout);
  assert.equal(result.json.equal, true);
  assert.equal(result.json.events, sqlite(dir, 'SELECT count(*) AS n FROM event')[0].n);
  sameCatalogue(dir, target);
  const check = await lantai(target, 'check', '--json');
  assert.equal(check.status, 0, check.stdout + check.stderr);
  assert.equal((await lantai(target, 'audit')).status, 0);
  assert.equal((await lantai(target, 'search', '龙泉水库', '--json')).json.hits, (await lantai(dir, 'search', '龙泉水库', '--json')).json.hits);
  assert.equal((await lantai(dir, 'rebuild', target)).status, 1, 'not over an archive that is there');
});

test('rebuild works without the database, and tells apart what differs', async () => {
  const lost = copy();
  for (const name of readdirSync(lost)) if (name.startsWith('lantai.db')) truncateSync(path.join(lost, name), 0);
  const target = path.join(folder, 'rebuilt-lost');
  const result = await lantai(lost, 'rebuild', target, '--json');
  assert.equal(result.status, 0, result.stderr);
  assert.equal(result.json.equal, null, 'nothing to compare with');
  sameCatalogue(dir, target);
  const differing = copy();
  sqlite(differing, `UPDATE record SET creator = '无此人' WHERE id = ${edited}`, { write: true });
  const other = await lantai(differing, 'rebuild', path.join(folder, 'rebuilt-differing'), '--json');
  assert.notEqual(other.status, 0);
  assert.equal(other.json.equal, false);
});

test('an archive goes on living after a rebuild', async () => {
  const target = path.join(folder, 'rebuilt-living'), old = dir;
  assert.equal((await lantai(dir, 'rebuild', target)).status, 0);
  dir = target;
  try {
    const report = await importNow(writeDelivery(path.join(folder, 'third'), { count: 110, documents: 12, version: '乙' }), '来件');
    assert.deepEqual([report.rows, report.created, report.unchanged, report.updated], [110, 0, 100, 10]);
    assert.equal((await lantai(target, 'undo', String(report.id))).status, 0);
    sameCatalogue(old, target, { rev: false });
  } finally { dir = old; }
});

function flip(file, at) {
  const handle = openSync(file, 'r+'), byte = Buffer.alloc(1);
  readSync(handle, byte, 0, 1, at);
  byte[0] ^= 0x20;
  writeSync(handle, byte, 0, 1, at);
  closeSync(handle);
}

test('a backup restores to an equal archive that is at once in use', async () => {
  const file = path.join(folder, 'backup.tar'), target = path.join(folder, 'restored');
  const backup = await lantai(dir, 'backup', file, '--json');
  assert.equal(backup.status, 0, backup.stderr);
  assert.equal(backup.json.bytes, statSync(file).size);
  assert.deepEqual(readdirSync(folder).filter(name => name.includes('partial')), []);
  const restored = await lantai(dir, 'restore', file, target, '--json');
  assert.equal(restored.status, 0, restored.stderr);
  assert.equal(restored.json.equal, true);
  sameCatalogue(dir, target);
  for (const table of ['account', 'account_role', 'accession', 'accession_mapping']) assert.deepEqual(rows(target, table), rows(dir, table), table);
  assert.equal((await lantai(target, 'check')).status, 0);
  assert.equal((await lantai(target, 'audit')).status, 0);
  const server = await serve(target);
  try {
    const client = await new Client(server.base).signIn('archivist');
    assert.equal((await client.get(`/record/${edited}`)).status, 200);
  } finally { await server.stop(); }
});

test('a backup is taken while the archive is served, and only through its pages then', async () => {
  const busy = copy(), server = await serve(busy);
  try {
    const refused = await lantai(busy, 'backup', path.join(folder, 'busy.tar'));
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, /正被另一个兰台程序使用/);
    assert.ok(!existsSync(path.join(folder, 'busy.tar')));
    const client = await new Client(server.base).signIn('admin');
    assert.equal((await client.post('/system/backup', { form: {}, html: true })).status, 303);
    let state = {};
    for (let tries = 0; tries < 100 && !['done', 'failed'].includes(state.state); tries++) {
      state = (await client.get('/jobs')).json.jobs.find(job => job.kind === 'backup');
      await new Promise(done => setTimeout(done, 100));
    }
    assert.equal(state.state, 'done', JSON.stringify(state));
    const { json } = await client.get('/system');
    const target = path.join(folder, 'restored-busy');
    assert.equal((await lantai(busy, 'restore', json.care.backup.result.path, target, '--json')).json?.equal, true);
    sameCatalogue(busy, target);
  } finally { await server.stop(); }
});

test('a damaged backup is refused, and the place of the harm is named', async () => {
  const good = path.join(folder, 'backup-good.tar');
  assert.equal((await lantai(dir, 'backup', good)).status, 0);
  const { size } = statSync(good), bytes = readFileSync(good);
  const database = bytes.indexOf('SQLite format 3'), inventory = bytes.indexOf('"digestAlgorithm"'), mirror = bytes.indexOf('{"id":1,"at"');
  assert.ok(database > 0 && inventory > 0 && mirror > 0);
  for (const [what, at] of [['the database', database + 5000], ['an inventory', inventory + 3], ['the journal', mirror + 40], ['half way', Math.floor(size / 2)], ['the manifest', bytes.lastIndexOf('"catalogue"') + 30]]) {
    const bad = path.join(folder, 'backup-bad.tar'), target = path.join(folder, `refused-${at}`);
    cpSync(good, bad);
    flip(bad, at);
    const result = await lantai(dir, 'restore', bad, target);
    assert.notEqual(result.status, 0, `${what}: byte ${at} of ${size} is flipped`);
    assert.match(result.stderr, /备份|损坏|不符|不一致|清单/, `${what}: ${result.stderr}`);
    assert.notEqual((await lantai(target, 'check')).status, 0, `${what}: nothing that looks like an archive is left`);
  }
  for (const left of [0, 100, 512, Math.floor(size / 2), size - 5000, size - 2048]) {
    const bad = path.join(folder, 'backup-short.tar');
    writeFileSync(bad, bytes.subarray(0, left));
    const result = await lantai(dir, 'restore', bad, path.join(folder, `short-${left}`));
    assert.notEqual(result.status, 0, `cut at ${left} of ${size}`);
    assert.match(result.stderr, /备份|tar|不完整|损坏/, result.stderr);
  }
  const missing = await lantai(dir, 'restore', path.join(folder, 'none.tar'), path.join(folder, 'none'));
  assert.notEqual(missing.status, 0);
});

test('restore into a folder that is not empty is refused and changes nothing', async () => {
  const file = path.join(folder, 'backup-again.tar'), target = path.join(folder, 'full');
  assert.equal((await lantai(dir, 'backup', file)).status, 0);
  mkdirSync(target);
  writeFileSync(path.join(target, 'letter.txt'), 'mine');
  const result = await lantai(dir, 'restore', file, target);
  assert.notEqual(result.status, 0);
  assert.match(result.stderr, /不是空的/);
  assert.deepEqual(readdirSync(target), ['letter.txt']);
  assert.equal(readFileSync(path.join(target, 'letter.txt'), 'utf8'), 'mine');
  const again = await lantai(dir, 'restore', file, dir);
  assert.notEqual(again.status, 0);
});

test('check names one flipped bit, a missing and a surplus file, each with its record', async () => {
  const harmed = copy(), store = path.join(harmed, 'store');
  const documents = readdirSync(store, { recursive: true }).filter(name => /content\/files\/\d+\.txt$/.test(name)).sort();
  const owner = name => /"id":\s*"urn:lantai:record:(\d+)"/.exec(readFileSync(path.join(store, name.replace(/\/v\d+\/content.*/, ''), 'inventory.json'), 'utf8'))[1];
  const distinct = documents.filter((name, i) => documents.findIndex(other => owner(other) === owner(name)) === i);
  const [flipped, gone, beside] = distinct;
  flip(path.join(store, flipped), 10);
  unlinkSync(path.join(store, gone));
  writeFileSync(path.join(store, path.dirname(beside), 'surplus.txt'), 'nobody knows me');
  const result = await lantai(harmed, 'check', '--json');
  assert.notEqual(result.status, 0);
  const found = result.json.faults.filter(fault => fault.detail !== '空文件夹').map(fault => `${fault.kind} ${fault.record?.id}`).sort();
  assert.deepEqual(found, [`damaged ${owner(flipped)}`, `missing ${owner(gone)}`, `surplus ${owner(beside)}`].sort(), JSON.stringify(result.json.faults, null, 1));
  for (const fault of result.json.faults) assert.equal(fault.record.code, sqlite(harmed, `SELECT code FROM record WHERE id = ${fault.record.id}`)[0].code);
});
