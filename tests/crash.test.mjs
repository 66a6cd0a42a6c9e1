// kill -9 at random moments of importing, attaching and undoing: after each one the holdings are sound, nothing that was acknowledged is lost, nothing half-made
// is seen, and the same command run again ends in the state of a run that nobody disturbed. CRASH_ROUNDS (12) says how often, CRASH_SEED (1) from where.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { lantai, program, randomNumbers, sqlite, temporary, writeDelivery } from './support.mjs';

const ROUNDS = Number(process.env.CRASH_ROUNDS || 12), SEED = Number(process.env.CRASH_SEED || 1);
const ROWS = 600, DOCUMENTS = 40, BATCH_ROWS = 60, KEPT_FROM = 5000, KEPT = 60;
const pause = ms => new Promise(done => setTimeout(done, ms));
const folder = temporary('lantai-crash-');
const kept = writeDelivery(path.join(folder, 'kept'), { from: KEPT_FROM, count: KEPT, documents: KEPT_FROM + 6 });
const first = writeDelivery(path.join(folder, 'first'), { count: ROWS, documents: DOCUMENTS });
const second = writeDelivery(path.join(folder, 'second'), { count: ROWS, documents: DOCUMENTS, version: '乙' });
const importing = (delivery, name) => ['import', delivery.table, '--files', delivery.files, '--name', name];

// What is interrupted: from which archive, by which command, and which version of the rows may be seen on the way.
const SCENES = [
  { name: 'a first import', from: 'kept', command: importing(first, '来件') },
  { name: 'a corrected import', from: 'first', command: importing(second, '来件') },
  { name: 'an undo', from: 'second', command: ['undo', '3'] },
];

const CONTENT = {
  record: `SELECT r.code, f.code AS fonds, p.code AS parent, r.level, r.category, r.security, r.opening, r.title, r.creator, r.docno, r.date_text, r.date_from, r.date_to, r.year, r.retention,
    r.page_count, r.file_count, r.fields FROM record r LEFT JOIN record f ON f.id = r.fonds_id LEFT JOIN record p ON p.id = r.parent_id ORDER BY f.code, r.code, r.level`,
  file: `SELECT r.code, o.sequence, o.name, o.path, o.mime, o.puid, o.kind, o.size_bytes, o.sha512, o.sm3, o.page_count, o.text_pages FROM file o JOIN record r ON r.id = o.record_id
    ORDER BY r.code, o.sequence`,
  page_text: 'SELECT r.code, t.page, o.name, t.text FROM page_text t JOIN record r ON r.id = t.record_id JOIN file o ON o.id = t.file_id ORDER BY r.code, t.page',
  accession: `SELECT id, name, state, failure, row_count, accepted_count, created_count, updated_count, unchanged_count, rejected_count, missing_count, surplus_count, attached_count,
    attached_bytes, loaded_rows, digest FROM accession ORDER BY id`,
};
const content = dir => Object.fromEntries(Object.entries(CONTENT).map(([name, statement]) => [name, sqlite(dir, statement)]));
const digest = rows => createHash('sha256').update(JSON.stringify(rows)).digest('hex');

const archives = {}, ends = {}, phases = {};

async function derive(from, name, command) {
  const dir = path.join(folder, `archive-${name}`);
  cpSync(archives[from], dir, { recursive: true });
  const begin = Date.now();
  const result = await lantai(dir, ...command);
  assert.equal(result.status, 0, result.stderr);
  archives[name] = dir;
  return { dir, ms: Date.now() - begin };
}

// Where the time of an undisturbed run goes, so that moments can be drawn from each part.
function measure(scene, { dir, ms }) {
  const { id } = scene.command[0] === 'undo' ? { id: 0 } : sqlite(dir, 'SELECT max(id) AS id FROM accession')[0];
  const times = id ? sqlite(dir, `SELECT rehearse_ms, load_ms, attach_ms FROM accession WHERE id = ${id}`)[0] : { attach_ms: ms };
  const parts = [times.rehearse_ms ?? 0, times.load_ms ?? 0, times.attach_ms].filter(part => part > 0);
  let at = Math.max(0, ms - parts.reduce((sum, part) => sum + part, 0)) / 2;
  phases[scene.name] = [...(at > 10 ? [[0, at]] : []), ...parts.map(part => { const range = [at, at + part]; at += part; return range; })];
}

before(async () => {
  archives.empty = path.join(folder, 'archive-empty');
  assert.equal((await lantai(archives.empty, 'init')).status, 0);
  const settings = path.join(archives.empty, 'lantai.yaml'), text = readFileSync(settings, 'utf8');
  assert.match(text, /batch_rows: \d+/);
  writeFileSync(settings, text.replace(/batch_rows: \d+/, `batch_rows: ${BATCH_ROWS}`));
  await derive('empty', 'kept', importing(kept, '先前'));
  for (const [scene, name] of [[SCENES[0], 'first'], [SCENES[1], 'second'], [SCENES[2], 'undone']]) {
    const run = await derive(scene.from, name, scene.command);
    measure(scene, run);
    ends[scene.name] = { content: content(run.dir), check: (await lantai(run.dir, 'check', '--json')).json };
  }
  assert.equal(ends['a first import'].content.file.length, DOCUMENTS + 6);
  assert.equal(ends['a corrected import'].content.record.filter(row => row.title.includes('乙批复')).length, ROWS);
  for (const table of ['record', 'file', 'page_text']) assert.deepEqual(ends['an undo'].content[table], ends['a first import'].content[table], `undo restores every ${table}`);
});

const KEPT_ROWS = `SELECT r.*, (SELECT group_concat(sha512) FROM file WHERE record_id = r.id) AS files FROM record r WHERE accession_id = 1 ORDER BY id`;

// What a client has been told: rows and files that were committed, and the journal's newest event.
function acknowledged(dir) {
  const [seen] = sqlite(dir, `SELECT (SELECT count(*) FROM accession) AS deliveries, coalesce(sum(loaded_rows), 0) AS loaded, coalesce(sum(attached_count), 0) AS attached,
    (SELECT max(id) FROM event) AS event FROM accession`);
  const [{ hash }] = sqlite(dir, `SELECT hash FROM event WHERE id = ${seen.event}`);
  return { ...seen, hash };
}

async function interrupt(dir, command, ms) {
  const child = spawn(program, ['-C', dir, ...command], { stdio: 'ignore', detached: true });
  let ended = null;
  const end = new Promise(done => child.on('exit', (code, signal) => done(ended = { code, signal })));
  let seen = null;
  const begin = Date.now();
  while (!ended && Date.now() - begin < ms) {
    await Promise.race([pause(Math.min(25, Math.max(0, ms - (Date.now() - begin)))), end]);
    if (!ended && ms - (Date.now() - begin) > 60 && Math.floor((Date.now() - begin) / 150) % 2 === 0) { try { seen = acknowledged(dir); } catch { /* the writer was faster */ } }
  }
  if (!ended) child.kill('SIGKILL');
  const { code, signal } = await end;
  for (let tries = 0; ; tries++) {
    try { process.kill(-child.pid, 0); } catch { break; }
    assert.ok(tries < 100, 'helpers of the killed program are still running');
    await pause(50);
  }
  assert.ok(signal === 'SIGKILL' || code === 0, `ended by itself with ${code}`);
  return { killed: signal === 'SIGKILL', seen };
}

function nothingHalfMade(dir, versions) {
  const none = (what, statement) => assert.deepEqual(sqlite(dir, statement), [], what);
  none('the count of files of a record', 'SELECT r.code, r.file_count, count(o.id) AS n FROM record r LEFT JOIN file o ON o.record_id = r.id GROUP BY r.id HAVING r.file_count <> n');
  none('pages of text of a file', `SELECT o.name, o.text_pages, count(t.page) AS n FROM file o LEFT JOIN page_text t ON t.file_id = o.id GROUP BY o.id HAVING o.text_pages <> n`);
  none('text without its file', 'SELECT t.record_id, t.page FROM page_text t LEFT JOIN file o ON o.id = t.file_id WHERE o.id IS NULL OR o.record_id <> t.record_id');
  none('records outside of the tree', 'SELECT r.code FROM record r LEFT JOIN record p ON p.id = r.parent_id WHERE r.level > 1 AND p.id IS NULL');
  none('rows mixed of two versions', `SELECT code, title, creator FROM record WHERE level = 4 AND (title LIKE '%甲批复') <> (creator LIKE '%甲')`);
  for (const row of sqlite(dir, 'SELECT o.name, o.sha512, t.text FROM file o JOIN page_text t ON t.file_id = o.id')) {
    const version = versions.get(row.sha512);
    assert.ok(version, `${row.name} has the bytes of no document that was handed over`);
    const said = /甲批复|version one/.test(row.text) ? '甲' : /乙批复|version two/.test(row.text) ? '乙' : '';
    assert.equal(said, version, `${row.name}: text and bytes are of one version`);
  }
}

async function sound(dir, seen, keptDigest, versions) {
  const check = await lantai(dir, 'check', '--json');
  assert.equal(check.status, 0, `check after the kill: ${check.stdout}${check.stderr}`);
  assert.deepEqual(check.json.faults, []);
  assert.equal(digest(sqlite(dir, KEPT_ROWS)), keptDigest, 'an earlier delivery is untouched');
  nothingHalfMade(dir, versions);
  if (!seen) return;
  const now = acknowledged(dir);
  assert.ok(now.event >= seen.event && now.deliveries >= seen.deliveries, `events ${seen.event} were told, ${now.event} are there`);
  assert.equal(sqlite(dir, `SELECT hash FROM event WHERE id = ${seen.event}`)[0].hash, seen.hash, 'the event that was told is there as it was');
  if (seen.growing) assert.ok(now.loaded >= seen.loaded && now.attached >= seen.attached, `told ${JSON.stringify(seen)}, there ${JSON.stringify(now)}`);
}

async function searchTellsTheSame(dir) {
  for (const word of ['甲批复', '乙批复']) {
    const [{ n }] = sqlite(dir, `SELECT count(*) AS n FROM record r WHERE title LIKE '%${word}%'`);
    assert.equal((await lantai(dir, 'search', `题名:${word}`, '--json', '--limit', '1')).json.hits, n, `search for ${word} counts what is there`);
  }
}

function documentVersions() {
  const versions = new Map();
  for (const [delivery, version] of [[kept, '甲'], [first, '甲'], [second, '乙']])
    for (const name of readdirSync(delivery.files)) versions.set(createHash('sha512').update(readFileSync(path.join(delivery.files, name))).digest('hex'), version);
  return versions;
}

const store = ({ objects, files, faults, database, index }) => ({ objects, files, faults, database, index });

const isDone = (dir, scene) => {
  const [delivery] = sqlite(dir, `SELECT state FROM accession WHERE id = ${{ kept: 2, first: 3, second: 3 }[scene.from]}`);
  return delivery?.state === (scene.command[0] === 'undo' ? 'undone' : 'done');
};

async function round(number, random) {
  const scene = SCENES[number % 5 < 2 ? 0 : number % 5 < 4 ? 1 : 2], dir = path.join(folder, `round-${number}`);
  cpSync(archives[scene.from], dir, { recursive: true });
  const keptDigest = digest(sqlite(dir, KEPT_ROWS)), versions = documentVersions();
  const ranges = phases[scene.name], kills = 1 + Math.floor(random() * 2), told = [];
  for (let kill = 0, shrink = 1; kill < kills && !isDone(dir, scene);) {
    const [from, to] = ranges[Math.floor(random() * ranges.length)], ms = (from + random() * (to - from)) * shrink;
    const { killed, seen } = await interrupt(dir, scene.command, ms);
    told.push(`${ms.toFixed(0)} ms${killed ? '' : ' (it had ended)'}`);
    await sound(dir, seen && { ...seen, growing: scene.command[0] === 'import' }, keptDigest, versions);
    await searchTellsTheSame(dir);
    if (killed) kill++;
    else if (told.length < 4) { // this run was faster than the measured one: once more from the beginning
      rmSync(dir, { recursive: true });
      cpSync(archives[scene.from], dir, { recursive: true });
      shrink *= 0.6;
    }
  }
  const again = await lantai(dir, ...scene.command);
  const undone = scene.command[0] === 'undo' && again.status !== 0 && sqlite(dir, 'SELECT state FROM accession WHERE id = 3')[0].state === 'undone';
  assert.ok(again.status === 0 || undone, `going on: ${again.stderr}`);
  const end = ends[scene.name], is = content(dir);
  for (const table of ['record', 'file', 'page_text']) assert.equal(digest(is[table]), digest(end.content[table]), `${table} rows as after an undisturbed run (killed at ${told.join(', ')})`);
  const [more, ...others] = is.accession.splice(end.content.accession.length);
  assert.deepEqual(is.accession, end.content.accession, `the deliveries as after an undisturbed run (killed at ${told.join(', ')})`);
  assert.deepEqual([others.length, more?.created_count ?? 0, more?.updated_count ?? 0, more?.attached_count ?? 0], [0, 0, 0, 0], 'a command that had ended changes nothing when it is run again');
  const check = await lantai(dir, 'check', '--json');
  if (!more) assert.deepEqual(store(check.json), store(end.check), 'the store as after an undisturbed run');
  assert.equal((await lantai(dir, 'audit')).status, 0);
  assert.deepEqual(readdirSync(path.join(dir, 'store-staging')), [], 'nothing is left in staging');
  await searchTellsTheSame(dir);
  return `${scene.name}, killed at ${told.join(', ')}`;
}

test(`${ROUNDS} rounds of kill -9`, { timeout: 60000 + ROUNDS * 30000 }, async context => {
  const random = randomNumbers(SEED);
  const seeds = Array.from({ length: ROUNDS }, () => Math.floor(random() * 2 ** 32));
  const queue = seeds.map((seed, number) => ({ seed, number })), failures = [];
  await Promise.all([0, 1].map(async () => {
    while (queue.length) {
      const { seed, number } = queue.shift();
      try { context.diagnostic(`round ${number}: ${await round(number, randomNumbers(seed))}`); } catch (error) { failures.push(`round ${number}: ${error.stack}`); }
    }
  }));
  assert.deepEqual(failures, [], failures.join('\n\n'));
});
