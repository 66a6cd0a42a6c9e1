// The object store as other programs see it: after a life in short (demonstration archive, deliveries, an edit, an undo) its objects are held against the
// specification by ocfl-py and rocfl as they are published, and the SM3 lists against the bytes by what Node and GNU bring.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, getHashes } from 'node:crypto';
import { accessSync, constants, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { Client, demoCopy, deliveryCode, lantai, program, serve, shared, sharedHere, sqlite, temporary, writeDelivery } from './support.mjs';

const OCFL_PY = 'ocfl-py==2.1.0';
const folder = temporary('lantai-ocfl-');
let dir, store, objects, removed;

async function run(program, args, options = {}) {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { maxBuffer: 1 << 28, ...options });
    return { status: 0, text: stdout + stderr };
  } catch (error) { return { status: error.code ?? error.signal, text: `${error.stdout ?? ''}${error.stderr ?? ''}` }; }
}

// On PATH, or where cargo installs.
function onPath(name) {
  return [...process.env.PATH.split(path.delimiter), path.join(homedir(), '.cargo', 'bin')].map(place => path.join(place, name)).find(file => { try { accessSync(file, constants.X_OK); return true; } catch { return false; } });
}

function objectFolders(root) {
  const found = [];
  const look = at => {
    const names = readdirSync(at, { withFileTypes: true });
    if (names.some(name => name.name === '0=ocfl_object_1.1')) found.push(at);
    else names.filter(name => name.isDirectory() && name.name !== 'extensions').forEach(name => look(path.join(at, name.name)));
  };
  look(root);
  return found.sort();
}
const inventoryOf = object => JSON.parse(readFileSync(path.join(object, 'inventory.json'), 'utf8'));
const objectOf = code => objects.find(object => inventoryOf(object).id === `urn:lantai:record:${sqlite(dir, `SELECT id FROM record WHERE code = '${code}'`)[0]?.id}`);

// {logical path: path on disk} of one version
function files(object, inventory, version) {
  return Object.fromEntries(Object.entries(inventory.versions[version].state).flatMap(([digest, paths]) => paths.map(name => [name, path.join(object, inventory.manifest[digest][0])])));
}

async function importNow(delivery, name) {
  const result = await lantai(dir, 'import', delivery.table, '--files', delivery.files, '--name', name, '--json');
  assert.equal(result.status, 0, result.stderr);
  return result.json;
}

async function retitle(code, title) {
  const server = await serve(dir), client = await new Client(server.base).signIn('archivist');
  const { id } = sqlite(dir, `SELECT id FROM record WHERE code = '${code}'`)[0], { text } = await client.get(`/record/${id}/edit`, { html: true });
  const plain = value => value.replaceAll('&quot;', '"').replaceAll('&amp;', '&');
  const form = Object.fromEntries([...text.matchAll(/<input id="f-([a-z_]+)" name="\1" value="([^"]*)"/g)].map(([, name, value]) => [name, plain(value)]));
  for (const [, name, options] of text.matchAll(/<select id="f-[a-z_]+" name="([a-z_]+)">([\s\S]*?)<\/select>/g)) form[name] = /value="([^"]*)" selected/.exec(options)?.[1] ?? '';
  const reply = await client.post(`/record/${id}/edit`, { form: { ...form, title, rev: /name="rev" value="(\d+)"/.exec(text)[1], form: '1' }, html: true });
  assert.equal(reply.status, 303, reply.text.slice(0, 2000));
  await server.stop();
}

before(async () => {
  dir = await demoCopy(5);
  store = path.join(dir, 'store');
  await importNow(writeDelivery(path.join(folder, 'first'), { count: 10, documents: 10 }), '甲批');
  await retitle(deliveryCode(3), '改过的题名');
  const second = await importNow(writeDelivery(path.join(folder, 'second'), { from: 5, count: 10, documents: 20, version: '乙' }), '乙批');
  objects = objectFolders(store);
  assert.equal(inventoryOf(objectOf(deliveryCode(7))).head, 'v2');
  removed = objectOf(deliveryCode(12));
  const kept = await importNow(writeDelivery(path.join(folder, 'third'), { from: 1, count: 2, documents: 3, version: '丙' }), '丙批');
  assert.equal(kept.state, 'done');
  const undone = await lantai(dir, 'undo', String(second.id), '--json');
  assert.equal(undone.status, 0, undone.stderr);
  objects = objectFolders(store);
});

test('edits and deliveries made versions, the undone delivery left none', async () => {
  assert.equal(inventoryOf(objectOf(deliveryCode(3))).head, 'v2', 'a title changed on the page');
  assert.equal(inventoryOf(objectOf(deliveryCode(2))).head, 'v2', 'a document delivered again');
  assert.equal(inventoryOf(objectOf(deliveryCode(7))).head, 'v1', 'the version of the undone delivery is gone');
  assert.ok(removed && !existsSync(removed), 'so is an object that only it had');
  assert.match(readFileSync(files(objectOf(deliveryCode(3)), inventoryOf(objectOf(deliveryCode(3))), 'v2')['metadata.json'], 'utf8'), /改过的题名/);
  const check = await lantai(dir, 'check', '--json');
  assert.equal(check.status, 0, check.stderr + check.stdout);
  assert.deepEqual(check.json.faults, []);
});

test('each version has its list of SM3 values, and they are those of the bytes', { skip: getHashes().includes('sm3') ? false : 'this Node has no SM3' }, () => {
  for (const object of objects) {
    const inventory = inventoryOf(object);
    assert.ok(!('fixity' in inventory), inventory.id);
    for (const version of Object.keys(inventory.versions)) {
      const { 'sm3.txt': list, ...others } = files(object, inventory, version);
      const expected = Object.keys(others).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map(name => `${createHash('sm3').update(readFileSync(others[name])).digest('hex')}  ${name}\n`);
      assert.equal(readFileSync(list, 'utf8'), expected.join(''), `${inventory.id} ${version}`);
    }
  }
});

test('GNU cksum reads the list of a version laid out by its logical paths', async context => {
  const object = objectOf(deliveryCode(3)), out = path.join(folder, 'laid-out');
  for (const [name, source] of Object.entries(files(object, inventoryOf(object), 'v2'))) {
    mkdirSync(path.dirname(path.join(out, name)), { recursive: true });
    cpSync(source, path.join(out, name));
  }
  if ((await run('cksum', ['-a', 'sm3', path.join(out, 'sm3.txt')])).status !== 0) return context.skip('this cksum has no SM3 (coreutils 9 has)');
  const good = await run('cksum', ['-a', 'sm3', '--check', '--strict', 'sm3.txt'], { cwd: out });
  assert.equal(good.status, 0, good.text);
  writeFileSync(path.join(out, 'metadata.json'), '{}');
  assert.notEqual((await run('cksum', ['-a', 'sm3', '--check', '--strict', 'sm3.txt'], { cwd: out })).status, 0);
});

// A copy of the store with one byte of one file changed: what a validator must not pass.
let harmed;
function harmedStore() {
  if (harmed) return harmed;
  harmed = path.join(folder, 'harmed');
  cpSync(store, harmed, { recursive: true });
  const object = objectOf(deliveryCode(3)).replace(store, harmed), victim = files(object, inventoryOf(object), 'v2')['metadata.json'], bytes = readFileSync(victim);
  bytes[10] ^= 1;
  writeFileSync(victim, bytes);
  return harmed;
}

// ocfl-py in a Python environment of its own; a reason in words when it cannot be had.
async function ocflPy() {
  const home = path.join(folder, 'python');
  const made = await run('python3', ['-m', 'venv', home]);
  if (made.status !== 0) return { reason: 'python3 with venv is not here' };
  const installed = await run(path.join(home, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', '--retries', '1', '--timeout', '10', OCFL_PY], { timeout: 25000 });
  return installed.status === 0 ? { bin: path.join(home, 'bin') } : { reason: `pip could not fetch ${OCFL_PY} (no network?)` };
}

test('ocfl-py finds every object valid, without a warning', async context => {
  const { bin, reason } = await ocflPy();
  if (reason) return context.skip(reason);
  const validate = path.join(bin, 'ocfl-validate.py');
  const result = await run(validate, objects);
  assert.equal(result.status, 0, result.text);
  const lines = result.text.trim().split('\n');
  assert.deepEqual(lines.filter(line => !line.endsWith(' is VALID')), []);
  assert.equal(lines.length, objects.length);
  const object = objectOf(deliveryCode(3)).replace(store, harmedStore()), bad = await run(validate, [object]);
  assert.notEqual(bad.status, 0, 'a changed byte');
  assert.match(bad.text, /E092/);
  // ocfl-py 2.1 knows the layouts 0002 and 0003 only and refuses a root that names another; the file naming it is optional (OCFL 1.1, 4.3).
  const root = path.join(folder, 'without-layout');
  cpSync(store, root, { recursive: true });
  rmSync(path.join(root, 'ocfl_layout.json'));
  const whole = await run(path.join(bin, 'ocfl-root.py'), ['validate', '--root', root, '--validate-objects', '--check-digests']);
  assert.equal(whole.status, 0, whole.text);
  assert.match(whole.text, new RegExp(`Objects checked: ${objects.length} / ${objects.length} are VALID`));
  assert.match(whole.text, /Storage root .* is VALID/);
});

test('a store after a thousand random operations is valid to ocfl-py and rocfl', async context => {
  const home = path.join(folder, 'random'), made = path.join(path.dirname(program), 'content-random-test');
  if (!existsSync(made)) return context.skip('the unit tests are not built');
  mkdirSync(home);
  const ran = await run(made, [], { env: { ...process.env, LANTAI_RANDOM_DIR: home } });
  assert.equal(ran.status, 0, ran.text);
  const { bin, reason } = await ocflPy(), rocfl = onPath('rocfl'), found = objectFolders(path.join(home, 'store'));
  assert.ok(found.length > 20);
  if (rocfl) assert.match((await run(rocfl, ['-S', '-r', path.join(home, 'store'), 'validate'])).text, new RegExp(`Total objects:\\s+${found.length}\\s+Invalid objects:\\s+0\\s+Storage issues:\\s+0`));
  if (reason) return context.skip(reason);
  const result = await run(path.join(bin, 'ocfl-validate.py'), found);
  assert.equal(result.status, 0, result.text.slice(-2000));
  assert.deepEqual(result.text.trim().split('\n').filter(line => !line.endsWith(' is VALID')), []);
});

test('rocfl finds the storage root and every object valid', async context => {
  const rocfl = onPath('rocfl');
  if (!rocfl) return context.skip('rocfl is neither on PATH nor in ~/.cargo/bin (tools/rocfl.sh installs it)');
  const result = await run(rocfl, ['-S', '-r', store, 'validate']);
  assert.equal(result.status, 0, result.text);
  assert.match(result.text, new RegExp(`Total objects:\\s+${objects.length}\\s+Invalid objects:\\s+0\\s+Storage issues:\\s+0`), result.text);
  assert.doesNotMatch(result.text, /warning/i);
  const list = await run(rocfl, ['-S', '-r', store, 'cat', inventoryOf(objectOf(deliveryCode(3))).id, 'sm3.txt']);
  assert.match(list.text, /^[0-9a-f]{64} {2}files\/0001\.txt\n[0-9a-f]{64} {2}metadata\.json\n$/);
  assert.notEqual((await run(rocfl, ['-S', '-r', harmedStore(), 'validate'])).status, 0, 'a changed byte');
});

test('ocfl verify accepts the specification\'s good and warned objects and rejects each bad one with its code', { skip: sharedHere ? false : 'the OCFL fixtures are not here' }, async () => {
  for (const version of ['1.0', '1.1']) {
    for (const kind of ['good', 'warn', 'bad']) {
      const from = path.join(shared, 'data/ocfl-fixtures', version, `${kind}-objects`), names = readdirSync(from);
      const result = await lantai(dir, 'ocfl', 'verify', ...names.map(name => path.join(from, name)), '--json');
      assert.equal(result.status, kind === 'bad' ? 1 : 0, result.stderr);
      assert.equal(result.json.checked, names.length);
      assert.equal(result.json.rejected, kind === 'bad' ? names.length : 0);
      for (const [i, name] of names.entries()) {
        const told = result.json.results[i], findings = kind === 'bad' ? told.errors : told.warnings;
        assert.equal(told.accepted, kind !== 'bad', name);
        for (const code of name.match(/\b[EW]\d{3}(?=_)/g) ?? []) assert.ok(findings.some(finding => finding.code === code), `${name}: ${JSON.stringify(findings)}`);
        if (kind === 'good') assert.deepEqual(told.warnings, [], name);
      }
    }
  }
});

test('ocfl verify reads our own root, and finds a changed byte in it', async () => {
  const good = await lantai(dir, 'ocfl', 'verify', store, '--json');
  assert.equal(good.status, 0, good.stderr + good.stdout);
  assert.equal(good.json.checked, objects.length + 1, 'the objects and the root');
  assert.equal(good.json.warned, 0);
  const bad = await lantai(dir, 'ocfl', 'verify', harmedStore());
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /E092/);
  assert.equal((await lantai(dir, 'ocfl', 'verify')).status, 2, 'no path');
  assert.equal((await lantai(dir, 'ocfl', 'verify', path.join(folder, 'nothing'))).status, 1);
});
