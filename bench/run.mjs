// `make bench`: how fast Lantai receives, attaches, finds, serves and keeps on this machine, beside other programs over the same rows in the same run.
// `node bench/run.mjs --write` also writes docs/benchmarks.md. BENCH_ROWS=20000 makes a small run for trying.
// Everything lies in temporary folders that are removed at the end.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, PASSWORD, program, root, serve } from '../tests/support.mjs';
import { PEER_QUESTIONS, SECONDS_A_KIND, execute, openPostgres, openSqlite } from './peers.mjs';
import { measureChanges } from './changes.mjs';
import { measureKeeping } from './keeping.mjs';
import { measureLedgers } from './ledgers.mjs';
import { measureTree } from './tree.mjs';
import { NOTES, aim, framed, machine, mega, ms, number, percentile, table } from './report.mjs';

const ROWS = Number(process.env.BENCH_ROWS || 304_000), SIZES = [ROWS, process.env.BENCH_ROWS ? Math.round(ROWS * 3.3) : 1_000_000];
const FILES = [{ name: 'large', count: Math.ceil(600 * ROWS / 304_000), page: [1654, 2339, 32] }, { name: 'small', count: Math.ceil(3000 * ROWS / 304_000), page: [496, 702, 6] }];
const KINDS = ['one word, 2 characters', 'one word, 4 characters', 'three words AND', 'phrase, 8 characters', 'two words AND, open, 11 years', 'frequent pair, newest first'];
const QUESTIONS = 400, folder = mkdtempSync(path.join(tmpdir(), 'lantai-bench-')), inside = (...names) => path.join(folder, ...names);
const bench = path.join(path.dirname(program), 'lantai-bench');
const began = performance.now(), parts = [], aims = [], disagreements = [];
const tell = text => process.stderr.write(`[${number((performance.now() - began) / 1000).padStart(4)} s] ${text}\n`);
const lantai = (dir, ...args) => execute(program, ['-C', dir, ...args], { environment: { LANTAI_SCRYPT_N: '16' } });
const sqlite = async (dir, statement) => (await execute('sqlite3', ['-batch', '-cmd', '.timeout 5000', path.join(dir, 'lantai.db'), statement])).output.trim().split('\n');

// ---- receiving ----

async function receive(dir, file, ...options) {
  await lantai(dir, 'init');
  return deliver(dir, file, ...options);
}

async function deliver(dir, file, ...options) {
  const { output, seconds, peak } = await lantai(dir, 'import', file, '--category', 'WS', '--quiet', '--json', ...options), report = JSON.parse(output);
  if (report.created !== report.rows || report.rejected_count) throw new Error(`import of ${file}: ${report.created} of ${report.rows} rows, ${report.rejected_count} rejected`);
  return { seconds, peak, report };
}

async function measureReceiving() {
  const lines = [], [small, large] = SIZES, runs = [['CSV', small, 'small', 'csv'], ['xlsx', small, 'sheet', 'xlsx'], ['CSV', large, 'large', 'csv']];
  for (const [kind, rows, name, extension] of runs) {
    const table_ = inside(`${rows}.${extension}`);
    if (!existsSync(table_)) await execute(bench, ['make', rows, inside(`${rows}.csv`), ...(rows === small ? [inside(`${rows}.xlsx`)] : [])]);
    tell(`import of ${number(rows)} rows from ${kind}`);
    const { seconds, peak, report } = await receive(inside(name), table_), first = await lantai(inside(name), 'search', '通知', '--json');
    lines.push([`${kind}, ${number(rows)} rows`, number(rows / seconds), number(seconds, 1), number(report.timings.rehearse_ms / 1000, 1),
      number(report.timings.load_ms / 1000, 1), mega(peak), ms(first.seconds * 1000)]);
    aims.push(aim(`rows to searchable, ${kind}, ${number(rows)} rows`, rows / seconds, 40_000, false, 'rows/s'));
    rmSync(table_);
  }
  rmSync(inside('sheet'), { recursive: true });
  parts.push('## Receiving a catalogue', 'Whole process of `lantai import`: rehearsal, load, index put in order. 12 columns, titles of about 25 characters; ' +
    'the workbook has shared strings as office programs write them.',
    table(['from', 'rows/s', 'seconds', 'rehearsal s', 'load s', 'peak memory', 'then `lantai search`, ms'], lines));
}

// Scans that differ in a comment segment, so that each is a sound JPEG with bytes of its own, named by 档号.
async function makeDocuments() {
  await execute(bench, ['make', FILES.reduce((sum, { count }) => sum + count, 0), inside('files.csv')]);
  const text = readFileSync(inside('files.csv'), 'utf8').replaceAll('X0', 'F0'), codes = text.trim().split('\n').slice(1).map(row => row.split(',')[1]);
  writeFileSync(inside('files.csv'), text);
  mkdirSync(inside('files'));
  for (const { name, count, page } of FILES) {
    await execute(bench, ['page', inside(`${name}.jpg`), ...page.map(String)]);
    const image = readFileSync(inside(`${name}.jpg`));
    for (let i = 0; i < count; i++) {
      const comment = Buffer.from(`\xff\xfe\0\x12${String(i).padStart(16, '0')}`, 'latin1');
      writeFileSync(inside('files', `${codes.shift()}.jpg`), Buffer.concat([image.subarray(0, 2), comment, image.subarray(2)]));
    }
  }
}

async function measureAttaching() {
  tell('attaching documents');
  await makeDocuments();
  const sums = async command => execute('sh', ['-c', `find "$0" -type f -print0 | xargs -0 ${command}`, inside('files')]);
  const count = readdirSync(inside('files')).length, { seconds, report } = await deliver(inside('small'), inside('files.csv'), '--files', inside('files'));
  const sha512 = await sums('sha512sum'), sm3 = await sums('openssl dgst -sm3'), bytes = report.bytes, attached = report.timings.attach_ms / 1000;
  if (report.attached !== count) throw new Error(`${report.attached} of ${count} files attached`);
  const row = (name, took) => [name, number(bytes / took / 1e6), number(count / took), number(took, 2)];
  parts.push('## Attaching documents', `${number(count)} JPEG pages, ${mega(bytes)}, all of them just written (in the page cache). Lantai reads each once, makes both digests, ` +
    'identifies it, writes it, flushes it, and commits; the peers only read, on one core.',
  table(['', 'MB/s', 'files/s', 'seconds'], [row('`lantai import --files`, attaching', attached), row('the same, whole process', seconds), row('`sha512sum`', sha512.seconds),
    row('`openssl dgst -sm3`', sm3.seconds), row('`sha512sum`, then `openssl dgst -sm3`', sha512.seconds + sm3.seconds)]));
  rmSync(inside('files'), { recursive: true });
}

// ---- finding ----

// The kinds' questions, as the peers take them.
const questionsOf = (found, readers) => found[readers].map((list, kind) => list.slice(0, PEER_QUESTIONS[readers]).map(question => ({ ...question, filter: kind === 4 })));

async function askPeer(peer, found, rows, lines) {
  for (const readers of [1, 8]) {
    tell(`${peer.name} at ${number(rows)} rows, ${readers} readers`);
    for (const [kind, questions] of questionsOf(found, readers).entries()) {
      const answers = await peer.ask(questions, readers, found.fonds.join(', '));
      questions.forEach((question, i) => {
        const answer = answers[i];
        if (answer && (answer.hits !== question.hits || answer.facets !== question.facets))
          disagreements.push(`${peer.name}, ${number(rows)} rows, ${KINDS[kind]} “${question.terms.join('” “')}”: ${answer.hits} hits (facets ${answer.facets}), ` +
            `Lantai ${question.hits} (${question.facets})`);
      });
      lines.push({ name: peer.name, kind, readers, times: answers.filter(Boolean).map(answer => answer.ms) });
    }
  }
  await peer.close();
}

async function measureSearch(dir, rows, postgres) {
  tell(`search at ${number(rows)} rows`);
  const found = JSON.parse((await execute(bench, ['search', dir, String(QUESTIONS)])).output), lines = [], loads = [], tsv = inside('rows.tsv');
  for (const readers of [1, 8]) found[readers].forEach((list, kind) => lines.push({ name: 'Lantai', kind, readers, times: list.map(question => question.ms) }));
  await execute(bench, ['export', dir, tsv]);
  for (const open of [() => openSqlite(folder, tsv), ...(postgres ? [() => postgres.load(tsv)] : [])]) {
    const peer = await open();
    loads.push(`${peer.name} ${number(rows / peer.load)} rows/s`);
    await askPeer(peer, found, rows, lines);
  }
  rmSync(tsv);
  const names = [...new Set(lines.map(line => line.name))], body = [];
  for (const readers of [1, 8])
    for (const kind of KINDS.keys()) {
      const of = name => lines.find(line => line.name === name && line.kind === kind && line.readers === readers).times;
      const hits = percentile(found[readers][kind].map(question => question.hits), 0.5);
      body.push([`${KINDS[kind]}, ${readers} reader${readers > 1 ? 's' : ''}`, number(hits),
        ...names.flatMap(name => [ms(percentile(of(name), 0.5)), ms(percentile(of(name), 0.99))]),
        ...names.slice(1).map(name => `${number(percentile(of(name), 0.5) / percentile(of('Lantai'), 0.5))}×`)]);
    }
  for (const readers of [1, 8]) {
    const worst = lines.filter(line => line.name === 'Lantai' && line.readers === readers).map(line => percentile(line.times, 0.99));
    const kind = worst.indexOf(Math.max(...worst));
    aims.push(aim(`search p99, ${number(rows)} rows, ${readers} reader${readers > 1 ? 's' : ''}, worst kind (${KINDS[kind]})`, worst[kind], 30, true, 'ms'));
  }
  parts.push(`## Finding among ${number(rows)} rows`, 'Milliseconds, p50 and p99; hits: median. Last columns: the peer’s p50 as a multiple of Lantai’s. ' +
    `Loading the peers (table and index): ${loads.join(', ')}.`,
    table(['', 'hits', ...names.flatMap(name => [`${name} p50`, 'p99']), ...names.slice(1).map(name => `${name.split(' ')[0]} ÷ Lantai`)], body));
  return found;
}

// ---- serving ----

const agent = new Agent({ keepAlive: true, maxSockets: 8 });
function fetchOnce(base, target, cookie) {
  return new Promise((done, fail) => {
    const begin = performance.now(), request = get(base + target, { agent, headers: { Accept: 'text/html', Cookie: cookie } }, reply => {
      let bytes = 0;
      reply.on('data', data => { bytes += data.length; });
      reply.on('end', () => done({ status: reply.statusCode, ms: performance.now() - begin, bytes }));
    });
    request.on('error', fail);
  });
}

async function timePages(base, cookie, targets, readers) {
  const times = [];
  let next = 0;
  await Promise.all(Array.from({ length: readers }, async () => {
    for (let at; (at = next++) < targets.length;) {
      const reply = await fetchOnce(base, targets[at], cookie);
      if (reply.status !== 200) throw new Error(`${targets[at]}: ${reply.status}`);
      times.push(reply.ms);
    }
  }));
  return times;
}

const FILTERS = ['', '', '', '', '&opening=1&from=1980&to=1990', '&sort=newest'];
const searchAddress = (kind, { terms }) => `/search?q=${encodeURIComponent(terms.map(term => `"${term}"`).join(' '))}${FILTERS[kind]}`;
const repeat = (targets, count) => Array.from({ length: count }, (_, i) => targets[i % targets.length]);

// The largest node, records, and the tiles of a few page images (whose pyramids are made at their first sight).
async function pagesOf(dir, found, server, cookie) {
  const [[node, children], records, files] = await Promise.all([
    sqlite(dir, 'SELECT parent_id, COUNT(*) FROM record GROUP BY parent_id ORDER BY 2 DESC LIMIT 1').then(lines => lines[0].split('|').map(Number)),
    sqlite(dir, 'SELECT id FROM record WHERE level = 4 AND id % (SELECT MAX(id) / 300 FROM record) = 0 LIMIT 300'),
    sqlite(dir, 'SELECT id FROM file WHERE size_bytes > 500000 ORDER BY id LIMIT 5')]);
  const searches = found[1].flatMap((list, kind) => list.slice(0, 50).map(question => searchAddress(kind, question)));
  const made = [], pages = [['/static/lantai.svg (the client’s own floor)', ['/static/lantai.svg']], ['/', ['/']], ['/search?q=… (all six kinds)', searches],
    ['/record/ID', records.map(id => `/record/${id}`)], [`/catalog/ID with ${number(children)} children`, [`/catalog/${node}`]]];
  for (const id of files.filter(Boolean)) {
    const begin = performance.now();
    for (let reply; (reply = await fetchOnce(server.base, `/file/${id}/page/1/tile/0/0/0`, cookie)).status !== 200;) {
      if (performance.now() - begin > 20_000) throw new Error(`tile of file ${id}: ${reply.status}`);
      await new Promise(done => setTimeout(done, 20));
    }
    made.push(performance.now() - begin);
  }
  if (made.length) pages.push(['a tile of 512 × 512', files.flatMap(id => [0, 1, 2].flatMap(x => [0, 1, 2, 3].map(y => `/file/${id}/page/1/tile/0/${x}/${y}`)))]);
  return { pages, made };
}

function memoryOf(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), field = name => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)[1]);
  return { resident: 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]), anonymous: field('Anonymous'), file: field('Rss') - field('Anonymous') };
}

async function measureServing(dir, rows, found) {
  tell(`pages at ${number(rows)} rows`);
  await lantai(dir, 'user', 'add', 'archivist', '--role', 'archivist', '--password', PASSWORD, '--security', '秘密');
  const starts = [];
  for (let i = 0; i < 2; i++) {
    const trial = await serve(dir);
    starts.push(trial.seconds);
    await trial.stop();
  }
  const server = await serve(dir), end = () => server.stop();
  process.once('exit', end);
  try {
    starts.push(server.seconds);
    const empty = memoryOf(server.pid), { cookies } = await new Client(server.base).signIn('archivist'), cookie = [...cookies].map(pair => pair.join('=')).join('; ');
    const first = await fetchOnce(server.base, searchAddress(0, found[1][0][0]), cookie), { pages, made } = await pagesOf(dir, found, server, cookie), body = [];
    for (const [label, targets] of pages) {
      const one = await timePages(server.base, cookie, repeat(targets, 300), 1), eight = await timePages(server.base, cookie, repeat(targets, 600), 8);
      body.push([label, ...[one, eight].flatMap(times => [ms(percentile(times, 0.5)), ms(percentile(times, 0.99))])]);
    }
    const full = memoryOf(server.pid), start = percentile(starts, 0.5);
    parts.push(`## Serving ${number(rows)} rows`, 'Milliseconds over HTTP on loopback, signed in as an archivist who may see everything, from a node client in the same machine. ' +
      `Start: ${number(start, 3)} s (median of 3, files in the page cache); first search after it ${ms(first.ms)} ms. Memory when started ${mega(empty.resident)}; ` +
      `after all queries ${mega(full.resident)} resident, of which anonymous ${mega(full.anonymous)}, mapped files ${mega(full.file)}.` +
      (made.length ? ` First sight of a page image (its pyramid is made): ${ms(percentile(made, 0.5))} ms.` : ''),
      table(['page', '1 client p50', 'p99', '8 clients p50', 'p99'], body));
    aims.push(aim(`start-up at ${number(rows)} rows`, start, 0.3, true, 's'));
    if (rows === SIZES[1]) aims.push(aim(`resident memory at ${number(rows)} rows, after the queries`, full.resident / 1e6, 400, true, 'MB'));
  } finally {
    process.off('exit', end);
    await end();
  }
}

// ---- all of it ----

function writeReport(text) {
  const file = path.join(root, 'docs', 'benchmarks.md'), former = existsSync(file) ? readFileSync(file, 'utf8').split(NOTES)[1] ?? '\n' : '\n';
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${text}\n${NOTES}${former}`);
  tell(`written: ${file}`);
}

let postgres = null;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => Promise.resolve(postgres?.close()).finally(() => process.exit(1)));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
try {
  await execute('ninja', ['-C', path.dirname(program), path.basename(bench)]);
  const description = await machine(program, folder);
  postgres = await openPostgres();
  await measureReceiving();
  await measureAttaching();
  for (const [i, name] of ['small', 'large'].entries()) {
    const found = await measureSearch(inside(name), SIZES[i], postgres);
    await measureServing(inside(name), SIZES[i], found);
  }
  const changes = await measureChanges(tell), tree = await measureTree(tell), keeping = await measureKeeping(tell), ledgers = await measureLedgers(tell, aims);
  parts.unshift('# Benchmarks', 'Made by `make bench`. Ratios between programs of one run say more than the numbers: all ran on the same machine, one after the other, ' +
    'over the same rows.', description, '## The aims', table(['', 'aim', 'measured', ''], aims));
  parts.push('## Do the peers agree?', disagreements.length ? `${disagreements.length} answers differ:\n\n${disagreements.slice(0, 20).map(line => `- ${line}`).join('\n')}`
    : `Every count and every facet of ${postgres ? 'both peers' : 'SQLite'} equals Lantai’s.${postgres ? '' : ' PostgreSQL 15 is not installed here: not performed.'}`);
  parts.push(framed(changes, 'Changes in bulk'), framed(tree, 'The tree'), framed(keeping), framed(ledgers, 'Ledgers and figures'));
  parts.push('## How it is measured', `- Rows: generated with a fixed seed (\`bench/bench.c\`), sorted by 档号; two thirds of them are one fonds. Words are drawn by Zipf’s law from 12 000;
  questions are cut from the titles of the data.
- Search: ${QUESTIONS} different questions of each kind (100 of the last, over 20 frequent pairs), each asked once, through the room’s interface,
  with 20 items and all six facets, for an asker limited to every second fonds and to 内部. The peers answer the same question (count, six facets, newest 20)
  in one statement and are asked up to ${PEER_QUESTIONS[1]} with one reader and ${PEER_QUESTIONS[8]} with eight (as many as they answer in ${SECONDS_A_KIND} s),
  so their p99 is their slowest answer. Their own clients measure the time (SQLite’s to a millisecond). PostgreSQL: shared_buffers 1 GB, work_mem 64 MB, jit off, unix socket.
- The run took ${number((performance.now() - began) / 60_000, 1)} minutes.`);
  const text = parts.join('\n\n') + '\n';
  process.stdout.write(text);
  if (process.argv.includes('--write')) writeReport(text);
} catch (error) {
  process.stderr.write(`Error: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  agent.destroy();
  if (postgres) await postgres.close();
}
