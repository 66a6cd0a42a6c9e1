// How search grows: Lantai, Apache Lucene and PostgreSQL with pg_trgm over the same rows, with the same questions, in one run; docs/growth.md and its chart with --write.
// `make growth`; about an hour for 10^4 … 10^7 rows. GROWTH_SIZES=10000,100000 makes a short run; GROWTH_TEXT=1000000 at which size pages have text (0: nowhere);
// GROWTH_FOLDER keeps the rows and archives between runs, so that only the questions are asked again. PostgreSQL answers up to GROWTH_POSTGRES rows (its index takes long to make); Lantai's index is made anew up to GROWTH_REBUILT rows.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { program, root } from '../tests/support.mjs';
import { countAndList, execute, openPostgres, quote } from './peers.mjs';
import { chart } from './chart.mjs';
import { machine, mega, ms, number, percentile, table } from './report.mjs';

const SIZES = (process.env.GROWTH_SIZES || '10000,100000,1000000,10000000').split(',').map(Number), TEXT = Number(process.env.GROWTH_TEXT ?? 1_000_000);
const POSTGRES = Number(process.env.GROWTH_POSTGRES || 1_000_000), REBUILT = Number(process.env.GROWTH_REBUILT || 1_000_000), QUESTIONS = Number(process.env.GROWTH_QUESTIONS || 200), READERS = [1, 16], HEAP = '2g', P99 = 50;
const LUCENE = path.join(root, 'bench', 'lucene'), kept = process.env.GROWTH_FOLDER, folder = kept || mkdtempSync(path.join(tmpdir(), 'lantai-growth-'));
const inside = (...names) => path.join(folder, ...names), bench = name => path.join(path.dirname(program), `lantai-${name}`), began = performance.now();
const tell = text => process.stderr.write(`[${number((performance.now() - began) / 1000).padStart(5)} s] ${text}\n`);
const environment = { LANTAI_SCRYPT_N: '16' }, skipped = [], disagreements = [];
if (!kept) process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
else mkdirSync(folder, { recursive: true });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => Promise.resolve(postgres?.close()).finally(() => process.exit(1)));
let postgres = null;

const sizeOf = dir => readdirSync(dir, { withFileTypes: true }).reduce((sum, entry) => sum + (entry.isDirectory() ? sizeOf(path.join(dir, entry.name)) : statSync(path.join(dir, entry.name)).size), 0);

// ---- Lantai ----

async function makeArchive(rows) {
  const dir = inside(`archive-${rows}`), note = inside(`archive-${rows}.json`);
  if (existsSync(note)) return { dir, ...JSON.parse(readFileSync(note, 'utf8')) };
  rmSync(dir, { recursive: true, force: true });
  tell(`${number(rows)} rows: made and imported`);
  await execute(bench('bench'), ['make', rows, inside('rows.csv')]);
  await execute(program, ['-C', dir, 'init'], { environment });
  const { output, seconds, peak } = await execute(program, ['-C', dir, 'import', inside('rows.csv'), '--category', 'WS', '--quiet', '--json'], { environment });
  const report = JSON.parse(output);
  if (report.created !== report.rows) throw new Error(`${report.created} of ${report.rows} rows were created`);
  rmSync(inside('rows.csv'));
  const made = { seconds, load: report.timings.load_ms / 1000, peak, text: 0 };
  if (rows === TEXT) made.text = JSON.parse((await execute(bench('growth'), ['text', dir, rows])).output).seconds;
  writeFileSync(note, JSON.stringify(made));
  return { dir, ...made };
}

// What of the database is the index, in bytes.
async function indexBytes(dir) {
  const select = "SELECT SUM(pgsize) FROM dbstat WHERE name LIKE 'search\\_%' ESCAPE '\\' AND aggregate = 1;";
  return Number((await execute('sqlite3', ['-batch', path.join(dir, 'lantai.db'), select], { quiet: true })).output) || 0;
}

async function askLantai(archive, readers, writing) {
  const { output, peak } = await execute(bench('growth'), ['ask', archive.dir, String(readers), String(QUESTIONS), ...(writing ? ['writing'] : [])]);
  const found = JSON.parse(output);
  return { kinds: found.kinds.map(({ kind, warming, asked }) => ({ kind, warming, asked, times: asked.map(question => question.ms) })), fresh: percentile(found.fresh, 0.5), peak };
}

// ---- Lucene ----

// Java 21 or later and Maven, else null with a word why.
async function openLucene() {
  const homes = ['/usr', ...(existsSync('/usr/lib/jvm') ? readdirSync('/usr/lib/jvm').map(name => path.join('/usr/lib/jvm', name)) : [])];
  for (const home of homes) {
    const java = path.join(home, 'bin', 'java');
    if (!existsSync(java) || !existsSync(path.join(home, 'bin', 'javac'))) continue;
    const { output } = await execute('sh', ['-c', '"$0" -version 2>&1', java], { quiet: true });
    if (Number(/version "(\d+)/.exec(output)?.[1] ?? 0) < 21) continue;
    const classes = inside('lucene');
    mkdirSync(classes, { recursive: true });
    const fetched = await execute('sh', ['-c', 'mvn -q -B -f "$0/pom.xml" dependency:copy-dependencies -DoutputDirectory="$1" 2>&1', LUCENE, classes], { quiet: true });
    if (fetched.code !== 0) return skipped.push('Lucene: Maven is not here or cannot fetch it'), null;
    await execute(path.join(home, 'bin', 'javac'), ['-cp', `${classes}/*`, '-d', classes, path.join(LUCENE, 'LucenePeer.java')]);
    const version = readdirSync(classes).find(name => name.startsWith('lucene-core'))?.replace(/lucene-core-|\.jar/g, '');
    const run = (...args) => execute(java, [`-Xmx${HEAP}`, '-cp', `${classes}:${classes}/*`, 'LucenePeer', ...args.slice(0, -1)], { input: args.at(-1) });
    return { name: `Lucene ${version}`, run };
  }
  return skipped.push('Lucene: no Java 21 or later here'), null;
}

async function loadLucene(lucene, tsv, rows) {
  const index = inside(`lucene-${rows}`), note = `${index}.json`;
  if (existsSync(note)) return { index, ...JSON.parse(readFileSync(note, 'utf8')) };
  rmSync(index, { recursive: true, force: true });
  const { output } = await lucene.run('load', tsv(), index, '');
  writeFileSync(note, output);
  return { index, ...JSON.parse(output) };
}

async function askLucene(lucene, index, kinds, readers, writing) {
  const results = [];
  let fresh = NaN, peak = 0;
  for (const { kind, warming, asked } of kinds) {
    const lines = [...warming.map(line => `w=1\t${line}`), ...asked.map(question => question.line)];
    const ran = await lucene.run('ask', index, String(readers), ...(writing ? ['writing'] : []), `${lines.join('\n')}\n`);
    const said = ran.output.trim().split('\n').map(line => line.split('\t')), answers = said.filter(line => line[0] !== 'fresh');
    fresh = Number(said.find(line => line[0] === 'fresh')?.[1] ?? fresh);
    peak = Math.max(peak, ran.peak);
    compare(lucene.name, kind, asked, answers.map(([, hits, facets]) => ({ hits: Number(hits), facets: Number(facets) })));
    results.push({ kind, times: answers.map(answer => Number(answer[0])) });
  }
  return { kinds: results, fresh, peak };
}

// ---- PostgreSQL ----

const TEXTS = ['title', 'creator', 'code', 'docno', 'other'], NUMBERS = ['parent_id', 'fonds_id', 'category', 'year', 'retention', 'opening', 'security', 'level', 'date_from'];
const shapeOf = text => ({
  table: `CREATE TABLE line (id INTEGER PRIMARY KEY, ${TEXTS.map(name => `${name} TEXT NOT NULL`).join(', ')}, ${NUMBERS.map(name => `${name} INTEGER NOT NULL`).join(', ')}, page TEXT NOT NULL, ` +
    `text TEXT GENERATED ALWAYS AS (${[...TEXTS, 'page'].join(" || chr(31) || ")}) STORED);\n`,
  indexes: 'CREATE INDEX line_text ON line USING gin (text gin_trgm_ops);\nCREATE INDEX line_creator ON line USING gin (creator gin_trgm_ops);\n' +
    (text ? 'CREATE INDEX line_page ON line USING gin (page gin_trgm_ops);\n' : '') + 'CREATE INDEX line_code ON line (code);\nCREATE INDEX line_parent ON line (parent_id, code);\n',
  warm: 'SELECT SUM(LENGTH(text)) FROM line',
  statement: ({ line }) => {
    const parts = line.split('\t').map(part => [part[0], part.slice(2)]), fonds = parts.find(([letter]) => letter === 'f')[1];
    const written = { a: text => `text LIKE ${quote(`%${text}%`)}`, c: text => `creator LIKE ${quote(`%${text}%`)}`, t: text => `page LIKE ${quote(`%${text}%`)}`,
      k: text => `code LIKE ${quote(`${text}%`)}`, n: id => `parent_id = ${id}` };
    const where = parts.filter(([letter]) => letter in written).map(([letter, value]) => written[letter](value)).join(' AND ') || 'TRUE';
    return countAndList(where, parts.some(([letter]) => letter === 'o'), fonds, parts.some(part => part.join('=') === 's=code') ? 'code' : 'date_from DESC, id');
  },
});

async function askPostgres(peer, kinds, readers) {
  const results = [];
  for (const { kind, asked } of kinds) {
    const answers = await peer.ask(asked.slice(0, readers === 1 ? 20 : 32), readers, '');
    compare(peer.name, kind, asked, answers);
    results.push({ kind, times: answers.filter(Boolean).map(answer => answer.ms) });
  }
  return { kinds: results };
}

// ---- side by side ----

function compare(name, kind, asked, answers) {
  answers.forEach((answer, i) => {
    if (answer && (answer.hits !== asked[i].hits || answer.facets !== asked[i].facets))
      disagreements.push(`${name}, ${kind}, ${asked[i].line.replaceAll('\t', ' ')}: ${answer.hits} hits (facets ${answer.facets}), Lantai ${asked[i].hits} (${asked[i].facets})`);
  });
}

// {name, rows, readers, writing, kinds: [{kind, times}], fresh, peak} of every engine; and the loads.
async function measure(rows, lucene, lines, loads) {
  const archive = await makeArchive(rows), tsv = inside('rows.tsv'), size = number(rows);
  loads.push({ name: 'Lantai', rows, load: archive.load, whole: archive.seconds, bytes: await indexBytes(archive.dir), text: archive.text });
  const asked = {};
  for (const writing of [false, true])
    for (const readers of READERS) {
      tell(`${size} rows, ${readers} readers${writing ? ', a writer' : ''}: Lantai`);
      const answer = await askLantai(archive, readers, writing);
      if (!writing) asked[readers] = answer.kinds;
      lines.push({ name: 'Lantai', rows, readers, writing, ...answer });
    }
  let exported = false;
  const rowsFile = async () => exported || (await execute(bench('growth'), ['export', archive.dir, tsv]), exported = true);
  if (lucene) {
    if (!existsSync(inside(`lucene-${rows}.json`))) await rowsFile();
    tell(`${size} rows: ${lucene.name} loads`);
    const { index, seconds, bytes } = await loadLucene(lucene, () => tsv, rows);
    loads.push({ name: lucene.name, rows, load: seconds, bytes });
    for (const writing of [false, true])
      for (const readers of READERS) {
        tell(`${size} rows, ${readers} readers${writing ? ', a writer' : ''}: ${lucene.name}`);
        lines.push({ name: lucene.name, rows, readers, writing, ...await askLucene(lucene, index, asked[readers], readers, writing) });
      }
  }
  if (postgres && rows <= POSTGRES) {
    await rowsFile();
    tell(`${size} rows: PostgreSQL loads`);
    const shape = shapeOf(rows === TEXT), columns = ['id', ...TEXTS, ...NUMBERS, 'page'].join(', ');
    const peer = await postgres.load(tsv, { ...shape, columns });
    loads.push({ name: peer.name, rows, load: peer.load, bytes: peer.bytes });
    for (const readers of READERS) {
      tell(`${size} rows, ${readers} readers: PostgreSQL`);
      lines.push({ name: peer.name, rows, readers, writing: false, ...await askPostgres(peer, asked[readers], readers) });
    }
  }
  rmSync(tsv, { force: true });
  const rebuilt = rows > REBUILT ? null : JSON.parse((await execute(bench('growth'), ['rebuild', archive.dir])).output);
  if (rebuilt) tell(`${size} rows: index made anew in ${number(rebuilt.seconds, 1)} s`);
  if (!kept) rmSync(archive.dir, { recursive: true });
  return rebuilt && { rows, ...rebuilt };
}

// ---- report ----

const times = line => line.kinds.flatMap(kind => kind.times);
const worst = line => Math.max(...line.kinds.map(kind => percentile(kind.times, 0.99)));
const sizeName = rows => `10${[...String(Math.round(Math.log10(rows)))].map(digit => '⁰¹²³⁴⁵⁶⁷⁸⁹'[digit]).join('')}`;

function sections(lines, loads, rebuilds) {
  const parts = [], sizes = [...new Set(lines.map(line => line.rows))];
  for (const rows of sizes) {
    parts.push(`## ${number(rows)} rows`, 'Milliseconds, p50 / p99. Hits: median.');
    const columns = lines.filter(line => line.rows === rows), first = columns.find(line => line.name === 'Lantai' && line.readers === 1 && !line.writing);
    const label = line => `${line.name}, ${line.readers} reader${line.readers > 1 ? 's' : ''}${line.writing ? ', a writer' : ''}`;
    const body = columns.map(line => [label(line), ...line.kinds.map(({ times }) => `${ms(percentile(times, 0.5))} / ${ms(percentile(times, 0.99))}`)]);
    parts.push(table(['', ...first.kinds.map(({ kind }) => kind)], [['hits', ...first.kinds.map(({ asked }) => number(percentile(asked.map(question => question.hits), 0.5)))], ...body]));
  }
  parts.push('## Loading, size, freshness', 'Rows a second until all is searchable and put in order (Lantai: the loading part of `lantai import`, which also checks, stores and journals; Lucene: one merged piece; ' +
    'PostgreSQL: table and indexes). Fresh: from saving one record until the next search finds it, committed to disk in Lantai, not in Lucene; median while 1 reader asks.',
  table(['', 'rows/s', 'index', 'fresh, ms', 'memory, asking'], loads.map(({ name, rows, load, bytes }) => {
    const line = lines.find(other => other.name === name && other.rows === rows && other.readers === 1 && other.writing);
    return [`${name}, ${number(rows)} rows`, number(rows / load), mega(bytes), line ? ms(line.fresh) : '–', line?.peak ? mega(line.peak) : '–'];
  })));
  parts.push('## The index made anew while a reader searches and a writer saves', table(['', 'seconds', 'rows/s', 'reader’s p50, ms', 'p99, ms', 'a save’s p50, ms', 'longest, ms'],
    rebuilds.map(line => [`${number(line.rows)} rows`, number(line.seconds, 1), number(line.rows / line.seconds), ms(line.p50), ms(line.p99), ms(line.save_p50), ms(line.save_most)])));
  return parts;
}

function aims(lines, rebuilds) {
  const rows = [], last = Math.max(...lines.map(line => line.rows)), at = (name, size, readers, writing) => lines.find(line => line.name === name && line.rows === size &&
    line.readers === readers && line.writing === writing);
  for (const readers of READERS) {
    const value = worst(at('Lantai', last, readers, false));
    rows.push([`worst p99 at ${number(last)} rows, ${readers} reader${readers > 1 ? 's' : ''}`, `< ${P99} ms`, `${ms(value)} ms`, value < P99 ? 'met' : 'missed']);
  }
  let ahead = 0, all = 0;
  const behind = [];
  for (const line of lines.filter(other => other.name !== 'Lantai'))
    for (const { kind, times: theirs } of line.kinds) {
      const ours = at('Lantai', line.rows, line.readers, line.writing).kinds.find(other => other.kind === kind).times;
      for (const share of [0.5, 0.99]) {
        all++;
        if (percentile(ours, share) < percentile(theirs, share)) ahead++;
        else behind.push(`${kind}, ${number(line.rows)} rows, ${line.readers} readers${line.writing ? ', a writer' : ''}, p${share * 100}: ${ms(percentile(ours, share))} ms, ${line.name} ${ms(percentile(theirs, share))} ms`);
      }
    }
  rows.push(['ahead of the peers, p50 and p99 of each kind, size and number of readers', `${all} of ${all}`, `${ahead} of ${all}`, ahead === all ? 'met' : 'missed']);
  const million = rebuilds.find(({ rows: size }) => size === 1_000_000);
  if (million) rows.push(['index of 1 000 000 rows made anew', '< 60 s', `${number(million.seconds, 1)} s`, million.seconds < 60 ? 'met' : 'missed']);
  return { rows, behind };
}

const lucene = await openLucene();
const description = await machine(program, folder);
postgres = await openPostgres();
if (!postgres) skipped.push('PostgreSQL 15: not installed here');
try {
  await execute('ninja', ['-C', path.dirname(program), 'lantai-bench', 'lantai-growth']);
  const lines = [], loads = [], rebuilds = [];
  for (const rows of SIZES) rebuilds.push(...[await measure(rows, lucene, lines, loads)].filter(Boolean));
  const names = [...new Set(lines.map(line => line.name))], summary = aims(lines, rebuilds);
  const report = ['# How search grows', 'Made by `make growth`: Lantai, Lucene and PostgreSQL over the same rows, asked the same questions in one run, with the gate, six facets and an order.', description,
    ...(skipped.length ? [`Not performed: ${skipped.join('; ')}.`] : []),
    '![worst p99 by number of rows](growth.svg)', table(['', 'aim', 'measured', ''], summary.rows),
    ...(summary.behind.length ? [`Where a peer is ahead:\n\n${summary.behind.map(line => `- ${line}`).join('\n')}`] : []),
    ...sections(lines, loads, rebuilds),
    '## Do the peers agree?', disagreements.length ? `${disagreements.length} answers differ:\n\n${disagreements.slice(0, 20).map(line => `- ${line}`).join('\n')}` : 'Every count and every facet of the peers equals Lantai’s.',
    '## How it is measured', `- Rows: as in benchmarks.md (\`bench/bench.c\`). ${QUESTIONS} questions of each kind, drawn with a fixed seed, each asked once, after 50 others of the kind that nobody clocks (Lucene asks those six times: its machine code is made by them); PostgreSQL is asked 20 (32 with 16 readers), as many as it answers in 15 s a kind, and up to ${number(POSTGRES)} rows.
- Lantai is asked through the room’s interface, Lucene in its own process (heap ${HEAP}, values of gate, filters, facets and order in doc values, one collector), PostgreSQL through psql.
- The asker is limited to every second fonds and to 内部. A writer saves a record every hundredth of a second.${TEXT && SIZES.includes(TEXT) ? ` At ${number(TEXT)} rows each record has a page of about 400 characters.` : ''}`,
  ].join('\n\n');
  const series = names.map(name => ({ name, points: [...new Set(lines.filter(line => line.name === name).map(line => line.rows))].map(rows => [rows,
    worst(lines.find(line => line.name === name && line.rows === rows && line.readers === 1 && !line.writing))]) }));
  console.log(report);
  if (process.argv.includes('--write')) {
    writeFileSync(path.join(root, 'docs', 'growth.md'), `${report}\n`);
    writeFileSync(path.join(root, 'docs', 'growth.svg'), chart(series, { title: 'worst p99 of eight kinds of question, 1 reader', x: 'rows', y: 'milliseconds', limit: P99, xName: sizeName }));
  }
  process.exitCode = disagreements.length ? 1 : 0;
} finally {
  await postgres?.close();
}
