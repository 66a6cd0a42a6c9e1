// Further copies from end to end: made, followed, read again, damaged in every way, repaired, lost and made anew; on this machine's disks and through a real sshd.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { createHash } from 'node:crypto';
import { demoCopy, lantai, serve, Client, sqlite, temporary, writeDelivery } from './support.mjs';

const folder = temporary('lantai-copies-');
let dir;
const store = path.join(folder, 'one', 'store');

function tree(root, at = '') {
  return readdirSync(path.join(root, at), { withFileTypes: true }).flatMap(entry => {
    const below = path.join(at, entry.name);
    return entry.isDirectory() ? tree(root, below) : [[below, createHash('sha512').update(readFileSync(path.join(root, below))).digest('hex')]];
  }).sort();
}
// Content files of records, below the store: [object's folder, path in it]
function contents(root) {
  return tree(root).map(([name]) => /^(.*record%3a\d+)\/(v\d+\/content\/files\/.*)$/.exec(name)).filter(Boolean).map(([, object, name]) => [object, name]);
}
const copy = (...args) => lantai(dir, 'copy', ...args, '--quiet', '--json');
async function verified(expected, ...args) {
  const result = await copy('verify', ...args, '--rate', '0', '--again');
  assert.equal(result.status, expected ? 1 : 0, result.stderr + result.stdout);
  return result.json;
}
async function state(name) {
  return (await copy('list')).json.find(one => one.name === name);
}

before(async () => {
  dir = await demoCopy(5);
  for (const name of ['one', 'two']) assert.equal((await copy('add', name, path.join(folder, name))).status, 0);
});

test('a copy is the store, byte for byte, and a valid root beside all that an archive is made anew from', async () => {
  const result = await copy('sync');
  assert.equal(result.status, 0, result.stderr);
  assert.deepEqual(tree(store), tree(path.join(dir, 'store')));
  assert.deepEqual(readdirSync(path.join(folder, 'one')).sort(), ['README.txt', 'copy.json', 'definitions', 'incoming', 'journal', 'lantai.yaml', 'store']);
  assert.match(readFileSync(path.join(folder, 'one/README.txt'), 'utf8'), /lantai recover[\s\S]*OCFL 1\.1 storage root/);
  assert.equal((await lantai(dir, 'ocfl', 'verify', store)).status, 0);
  assert.equal((await state('one')).unchecked, (await state('one')).objects, 'nothing has been read yet');
  await verified(0);
  assert.equal((await state('one')).unchecked, 0);
  assert.equal((await state('主存储')).state, 'ready');
});

test('deliveries and an undo are followed', async () => {
  const delivery = writeDelivery(path.join(folder, 'delivery'), { count: 6, documents: 6 });
  const made = await lantai(dir, 'import', delivery.table, '--files', delivery.files, '--name', '甲批', '--json');
  assert.equal(made.status, 0, made.stderr);
  assert.equal((await state('one')).behind, true);
  assert.equal((await copy('sync')).status, 0);
  assert.deepEqual(tree(store), tree(path.join(dir, 'store')));
  assert.equal((await lantai(dir, 'undo', String(made.json.id), '--json')).status, 0);
  assert.equal((await copy('sync')).status, 0);
  assert.deepEqual(tree(store), tree(path.join(dir, 'store')));
  assert.equal((await state('one')).behind, false);
});

const HARMS = {
  damaged: file => { const bytes = readFileSync(file); bytes[bytes.length >> 1] ^= 1; writeFileSync(file, bytes); },
  cut: file => writeFileSync(file, readFileSync(file).subarray(0, 10)),
  missing: file => rmSync(file),
  unreadable: file => { rmSync(file); mkdirSync(file); },
};
for (const place of ['copy', 'primary']) {
  test(`harm to a file of the ${place} is found, named and repaired`, async () => {
    const root = place === 'copy' ? store : path.join(dir, 'store'), name = place === 'copy' ? 'one' : '主存储', clean = tree(root), files = contents(root);
    for (const [i, [kind, harm]] of Object.entries(HARMS).entries()) harm(path.join(root, ...files[i]), kind);
    const found = (await verified(1, name))[0];
    assert.equal(found.faults, 4);
    const told = sqlite(dir, `SELECT path, result FROM copy_fault ORDER BY path`);
    assert.deepEqual(told.map(fault => fault.result).sort(), ['damaged', 'damaged', 'missing', 'unreadable']);
    const repaired = await copy('repair', name);
    assert.equal(repaired.status, 0, repaired.stderr);
    assert.equal(repaired.json[0].repaired, 4);
    assert.deepEqual(tree(root), clean);
    await verified(0, name);
    const event = sqlite(dir, "SELECT data FROM event WHERE action = 'keep.repaired' ORDER BY id DESC LIMIT 1")[0];
    assert.match(event.data, /"before".*"sha512".*"source"/);
  });
}

test('inventories, sidecars and whole objects are brought back, also the primary\'s', async () => {
  for (const [root, name] of [[store, 'one'], [path.join(dir, 'store'), '主存储']]) {
    const clean = tree(root), objects = [...new Set(contents(root).map(([object]) => object))];
    writeFileSync(path.join(root, objects[0], 'inventory.json'), '{}');
    rmSync(path.join(root, objects[0], 'v1/inventory.json.sha512'));
    writeFileSync(path.join(root, objects[1], '0=ocfl_object_1.1'), 'x');
    for (const part of ['inventory.json', 'v1/inventory.json']) writeFileSync(path.join(root, objects[2], part), 'garbage');
    rmSync(path.join(root, objects[3]), { recursive: true });
    await verified(1, name);
    const repaired = await copy('repair', name);
    assert.equal(repaired.status, 0, repaired.stderr);
    assert.deepEqual(tree(root), clean);
    await verified(0, name);
  }
});

test('a copy that lies consistently is found: its own inventory proves nothing', async () => {
  const clean = tree(store), [object, name] = contents(store).find(([one]) => !existsSync(path.join(store, one, 'v2'))), file = path.join(store, object, name);
  const before = readFileSync(file), lie = Buffer.from(before).fill(0x20), digest = bytes => createHash('sha512').update(bytes).digest('hex');
  writeFileSync(file, lie);
  for (const part of ['', 'v1/']) {
    const inventory = path.join(store, object, `${part}inventory.json`), text = readFileSync(inventory, 'utf8').replaceAll(digest(before), digest(lie));
    writeFileSync(inventory, text);
    writeFileSync(`${inventory}.sha512`, `${digest(Buffer.from(text))} inventory.json\n`);
  }
  assert.equal((await lantai(dir, 'ocfl', 'verify', path.join(store, object))).status, 0, 'by itself it is a valid object');
  assert.equal((await verified(1, 'one'))[0].faults, 5);
  assert.equal((await copy('repair', 'one')).status, 0);
  assert.deepEqual(tree(store), clean);
});

test('what is good nowhere is said loudly, and nothing bad is copied', async () => {
  const [object, name] = contents(store)[1], places = [path.join(dir, 'store'), store, path.join(folder, 'two', 'store')], good = readFileSync(path.join(store, object, name));
  for (const root of places) HARMS.damaged(path.join(root, object, name));
  await verified(1, '主存储');
  const result = await copy('repair', '主存储');
  assert.equal(result.status, 1);
  assert.equal(result.json[0].lost, 1);
  assert.equal((await state('主存储')).state, 'lost');
  assert.equal(sqlite(dir, "SELECT COUNT(*) AS n FROM event WHERE action = 'keep.lost'")[0].n, 1);
  writeFileSync(path.join(places[2], object, name), good);
  assert.equal((await copy('repair', '主存储')).status, 0, 'a good copy turned up');
  await verified(1, 'one');
  assert.equal((await copy('repair', 'one')).status, 0);
  await verified(0);
});

test('a copy that is away is said to be, keeps its rest, and catches up', async () => {
  const two = path.join(folder, 'two'), hidden = path.join(folder, 'hidden');
  renameSync(two, hidden);
  mkdirSync(two); // an empty mount point
  assert.equal((await copy('sync', 'two')).status, 1);
  assert.equal((await state('two')).state, 'away');
  assert.deepEqual(readdirSync(two), []);
  rmSync(two, { recursive: true });
  renameSync(hidden, two);
  assert.equal((await copy('sync', 'two')).status, 0);
  assert.equal((await state('two')).state, 'ready');
  assert.deepEqual(tree(path.join(two, 'store')), tree(path.join(dir, 'store')));
});

test('a copy lost altogether is made anew; a place with something else is refused', async () => {
  rmSync(path.join(folder, 'two'), { recursive: true });
  assert.equal((await copy('repair', 'two')).status, 0);
  assert.deepEqual(tree(path.join(folder, 'two', 'store')), tree(path.join(dir, 'store')));
  await verified(0, 'two');
  assert.equal((await copy('add', 'three', path.join(dir, 'inside'))).status, 1);
  assert.equal((await copy('add', 'three', 'relative/place')).status, 1);
  assert.equal((await copy('add', 'three', dir)).status, 1);
  mkdirSync(path.join(folder, 'taken', 'store'), { recursive: true });
  assert.equal((await copy('add', 'three', path.join(folder, 'taken'))).status, 1);
});

test('from a copy alone the archive is made anew by one command, and proved', async () => {
  const made = path.join(folder, 'recovered'), result = await lantai(dir, 'recover', path.join(folder, 'one'), made, '--json');
  assert.equal(result.status, 0, result.stderr);
  assert.deepEqual(result.json.check.faults, []);
  assert.equal(result.json.check.index, 'good');
  assert.deepEqual(tree(path.join(made, 'store')), tree(path.join(dir, 'store')));
  const rows = at => sqlite(at, 'SELECT id, code, title, file_count FROM record ORDER BY id');
  assert.deepEqual(rows(made), rows(dir));
  assert.equal((await lantai(made, 'check', '--json')).status, 0);
  const again = path.join(folder, 'rebuilt'), rebuilt = await lantai(path.join(folder, 'one'), 'rebuild', again, '--json');
  assert.equal(rebuilt.status, 0, rebuilt.stderr);
  assert.deepEqual(rebuilt.json.rebuilt.record, result.json.rebuilt.record);
  const [object, name] = contents(store)[0];
  assert.notEqual(statSync(path.join(store, object, name)).ino, statSync(path.join(again, 'store', object, name)).ino, 'no bytes shared with the copy');
});

test('killed at each step a copy stays a valid root, and the next sync finishes', async () => {
  for (const [i, point] of ['copy.sync.uploaded', 'copy.sync.aside', 'copy.sync.version', 'copy.sync.inventory', 'copy.sync.sidecar', 'copy.sync.placed', 'copy.sync.told'].entries()) {
    const delivery = writeDelivery(path.join(folder, `again-${i}`), { count: 3, documents: 3, version: `第${i}次` });
    assert.equal((await lantai(dir, 'import', delivery.table, '--files', delivery.files, '--name', `批${i}`, '--json')).status, 0);
    process.env.LANTAI_FAULT = `${point}:1`;
    const killed = await copy('sync', 'one');
    delete process.env.LANTAI_FAULT;
    assert.equal(killed.status, 'SIGKILL', point);
    assert.equal((await lantai(dir, 'ocfl', 'verify', store, '--json')).status, 0, point);
    assert.equal((await copy('sync', 'one')).status, 0, point);
    assert.deepEqual(tree(store), tree(path.join(dir, 'store')), point);
    assert.deepEqual(readdirSync(path.join(folder, 'one/incoming')), []);
  }
  await verified(0, 'one');
});

// ---- a real sshd, as this user, on loopback ----

const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find(existsSync);
let server;
async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise(done => probe.once('listening', done));
  const { port } = probe.address();
  await new Promise(done => probe.close(done));
  return port;
}
function hostKey(home, name) {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(home, name)]);
  return path.join(home, name);
}
async function startSshd(home, port, key) {
  const config = path.join(home, 'sshd_config');
  writeFileSync(config, [`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${key}`, `PidFile ${path.join(home, 'pid')}`, `AuthorizedKeysFile ${path.join(home, 'authorized')}`,
    'PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'UsePAM no', 'StrictModes no', 'PermitRootLogin yes', 'Subsystem sftp internal-sftp', ''].join('\n'));
  const child = spawn(SSHD, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  await new Promise((done, fail) => {
    child.stderr.on('data', data => { errors += data; if (/Server listening/.test(errors)) done(); });
    child.on('close', code => fail(new Error(`sshd ended with ${code}: ${errors}`)));
  });
  return { stop: () => new Promise(done => { child.removeAllListeners('close'); child.on('close', done); child.kill(); }) };
}
after(() => server?.stop());

test('a copy behind SFTP: a real sshd, its key pinned', { skip: SSHD ? false : 'sshd is not here (openssh-server)' }, async () => {
  const home = path.join(folder, 'ssh'), port = await freePort(), place = path.join(home, 'copy'), remote = path.join(place, 'store');
  mkdirSync(home);
  try { mkdirSync('/run/sshd', { recursive: true }); } catch { /* only needed, and only possible, as root */ }
  const first = hostKey(home, 'first'), second = hostKey(home, 'second');
  const key = await copy('key');
  assert.equal(key.status, 0, key.stderr);
  assert.equal(statSync(path.join(dir, 'keys/copy')).mode & 0o77, 0, 'nobody else reads the private key');
  const location = `sftp://${userInfo().username}@127.0.0.1:${port}${place}`;
  assert.match((await copy('add', '异地', location)).stderr, /连接不上/);
  server = await startSshd(home, port, first);
  writeFileSync(path.join(home, 'authorized'), '');
  assert.match((await copy('add', '异地', location)).stderr, /公钥/);
  writeFileSync(path.join(home, 'authorized'), key.json.public_key);
  const wrong = await copy('add', '异地', location, '--host-key', 'SHA256:AAAA');
  assert.match(wrong.stderr, /指纹/);
  const added = await copy('add', '异地', location);
  assert.equal(added.status, 0, added.stderr);
  assert.equal(added.json.host_key, execFileSync('ssh-keygen', ['-l', '-f', `${first}.pub`], { encoding: 'utf8' }).split(' ')[1]);

  const synced = await copy('sync', '异地');
  assert.equal(synced.status, 0, synced.stderr);
  assert.deepEqual(tree(remote), tree(path.join(dir, 'store')));
  assert.equal((await lantai(dir, 'ocfl', 'verify', remote)).status, 0);
  await verified(0, '异地');

  for (const [i, harm] of [HARMS.damaged, HARMS.missing, HARMS.unreadable].entries()) harm(path.join(remote, ...contents(remote)[i]));
  assert.equal((await verified(1, '异地'))[0].faults, 3);
  const repaired = await copy('repair', '异地');
  assert.equal(repaired.status, 0, repaired.stderr);
  assert.deepEqual(tree(remote), tree(path.join(dir, 'store')));

  const delivery = writeDelivery(path.join(folder, 'far'), { count: 3, documents: 3, version: '远' });
  assert.equal((await lantai(dir, 'import', delivery.table, '--files', delivery.files, '--name', '远', '--json')).status, 0);
  process.env.LANTAI_FAULT = 'copy.sync.inventory:1';
  assert.equal((await copy('sync', '异地')).status, 'SIGKILL');
  delete process.env.LANTAI_FAULT;
  assert.equal((await lantai(dir, 'ocfl', 'verify', remote)).status, 0, 'valid where it was cut short');
  assert.equal((await copy('sync', '异地')).status, 0);
  assert.deepEqual(tree(remote), tree(path.join(dir, 'store')));

  const made = path.join(folder, 'from-far'), result = await lantai(dir, 'recover', location, made, '--key', path.join(dir, 'keys/copy'), '--host-key', added.json.host_key, '--json');
  assert.equal(result.status, 0, result.stderr);
  assert.deepEqual(tree(path.join(made, 'store')), tree(path.join(dir, 'store')));

  await server.stop();
  assert.equal((await copy('verify', '异地')).status, 1);
  assert.equal((await state('异地')).state, 'away');
  server = await startSshd(home, port, second);
  const changed = await copy('sync', '异地');
  assert.equal(changed.status, 1);
  assert.match(changed.stderr, /主机指纹变了/);
});

test('pages: who may see, who may act, and what they show', async () => {
  const running = await serve(dir);
  try {
    const admin = await new Client(running.base).signIn('admin'), reader = await new Client(running.base).signIn('reader');
    assert.equal((await reader.get('/copies')).status, 403);
    const list = await admin.get('/copies'), page = await admin.get('/copies', { html: true });
    assert.equal(list.status, 200, list.text);
    assert.deepEqual(list.json.copies.map(one => one.name), ['主存储', 'one', 'two', '异地'].slice(0, list.json.copies.length));
    assert.match(page.text, /建立副本/);
    const one = list.json.copies[1], shown = await admin.get(`/copy/${one.id}`, { html: true });
    assert.match(shown.text, /没有发现问题/);
    const refused = await admin.post('/copies', { form: { name: 'x', location: 'relative' }, html: true });
    assert.equal(refused.status, 422);
    assert.match(refused.text, /绝对路径/);
    const added = await admin.post('/copies', { form: { name: '页', location: path.join(folder, 'page') }, html: true });
    assert.equal(added.status, 303, added.text.slice(0, 500));
    const place = added.headers.get('location');
    for (let i = 0; i < 150 && (await admin.get(place)).json.copy.state !== 'ready'; i++) await new Promise(done => setTimeout(done, 200));
    assert.deepEqual(tree(path.join(folder, 'page', 'store')), tree(path.join(dir, 'store')), 'the tick brought it up to date');
    assert.equal((await admin.post(`${place}/run`, { form: { what: 'verify' }, html: true })).status, 303);
    for (let i = 0; i < 150 && (await admin.get(place)).json.copy.unchecked > 0; i++) await new Promise(done => setTimeout(done, 200));
    assert.equal((await admin.get(place)).json.copy.unchecked, 0);
    const object = await admin.get('/copies/object/1');
    assert.equal(object.status, 200);
    assert.ok(object.json.files.every(file => file.places.find(at => at.copy === '页').result === 'good'));
    assert.equal((await admin.get('/copies/object/1', { html: true })).status, 200);
    const [withFile] = sqlite(dir, `SELECT o.id AS id, f.name AS name, f.path AS path FROM file AS f JOIN content_object AS o ON o.object_id = 'urn:lantai:record:' || f.record_id ORDER BY f.id LIMIT 1`);
    const ofRecord = (await admin.get(`/copies/object/${withFile.id}`)).json;
    assert.equal(ofRecord.files.find(file => file.path.endsWith(`/content/${withFile.path}`)).name, withFile.name);
    assert.ok(ofRecord.files.some(file => file.name === '著录'), JSON.stringify(ofRecord.files.map(file => [file.path, file.name])));
  } finally { await running.stop(); }
});

test('a recovered archive takes its copy up again, and the former one is then refused it', async () => {
  const made = path.join(folder, 'taken-up'), place = path.join(folder, 'one');
  assert.equal((await lantai(dir, 'copy', 'sync', 'one', '--json')).status, 0);
  assert.equal((await lantai(dir, 'recover', place, made, '--json')).status, 0);
  const added = await lantai(made, 'copy', 'add', '一', place, '--json');
  assert.equal(added.status, 0, added.stderr);
  assert.equal((await lantai(made, 'copy', 'sync', '一', '--json')).status, 0);
  assert.equal((await lantai(made, 'copy', 'verify', '一', '--rate', '0', '--json')).status, 0);
  assert.match((await lantai(dir, 'copy', 'sync', 'one', '--json')).stderr, /另一个副本/);
});
