// The three engines of growth.mjs: how each gets the rows and is asked the questions. All of one corpus {rows, pages, name} stands in one folder, where it stays for the next piece.
//
//   load(corpus)                    its rows, searchable: {seconds, cpu, bytes, peak}: processor seconds and the greatest memory of who loads, where they can be seen
//   files(corpus)                   where its files are: held in memory while it is asked
//   ask(corpus, kinds, {readers, writing})  {kinds: [{kind, answers: [{ms, hits, facets}], asked}], fresh: milliseconds, peak}; kinds as Lantai has asked them: the same questions
//   rounds                          how often it is asked all of them, where not as often as the others
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { program, root } from '../tests/support.mjs';
import { countAndList, execute, openPostgres, quote } from './peers.mjs';
import { percentile } from './report.mjs';

export const HEAP = '2g', PATIENCE = { warm: 3, kind: 15, statement: 20, slow: 2000 }; // of PostgreSQL: seconds to warm, for a kind, for a statement; milliseconds of a median that make a kind slow
const LUCENE = path.join(root, 'bench', 'lucene'), bench = name => path.join(path.dirname(program), `lantai-${name}`), environment = { LANTAI_SCRYPT_N: '16' };

// ---- Lantai ----

export function openLantai(inside, questions) {
  const archive = corpus => inside(`archive-${corpus.name}`);
  const bytes = async dir => Number((await execute('sqlite3', ['-batch', path.join(dir, 'lantai.db'),
    "SELECT SUM(pgsize) FROM dbstat WHERE name LIKE 'search\\_%' ESCAPE '\\' AND aggregate = 1;"], { quiet: true })).output) || 0;
  async function load(corpus) {
    const dir = archive(corpus), rows = inside('rows.csv');
    rmSync(dir, { recursive: true, force: true });
    await execute(bench('bench'), ['make', corpus.rows, rows]);
    await execute(program, ['-C', dir, 'init'], { environment });
    const { output, seconds, cpu, peak } = await execute(program, ['-C', dir, 'import', rows, '--category', 'WS', '--quiet', '--json'], { environment });
    const report = JSON.parse(output);
    rmSync(rows);
    if (report.created !== report.rows) throw new Error(`${report.created} of ${report.rows} rows were created`);
    const pages = corpus.pages ? await execute(bench('growth'), ['text', dir, corpus.rows]) : { seconds: 0, cpu: 0 };
    return { seconds: report.timings.load_ms / 1000 + pages.seconds, whole: seconds + pages.seconds, cpu: cpu + pages.cpu, peak, bytes: await bytes(dir) };
  }
  async function ask(corpus, kinds, { readers, writing }) {
    const { output, peak } = await execute(bench('growth'), ['ask', archive(corpus), String(readers), String(questions), ...(writing ? ['writing'] : [])]);
    const found = JSON.parse(output);
    return { kinds: found.kinds.map(({ kind, warming, asked }) => ({ kind, warming, asked, answers: asked })), fresh: percentile(found.fresh, 0.5), peak };
  }
  const upgrade = corpus => execute(bench('growth'), ['ask', archive(corpus), '1', '0', 'writing']); // an archive kept since a schema before: who writes brings it up to date
  const rebuild = async corpus => JSON.parse((await execute(bench('growth'), ['rebuild', archive(corpus)])).output);
  const output = (corpus, file) => execute(bench('growth'), ['export', archive(corpus), file]);
  return { key: 'lantai', name: 'Lantai', files: archive, load, ask, upgrade, rebuild, export: output, clear: corpus => rmSync(archive(corpus), { recursive: true, force: true }) };
}

// ---- Lucene ----

// Java 21 or later and Maven, else a word why not.
export async function openLucene(inside, rowsOf) {
  const homes = ['/usr', ...(existsSync('/usr/lib/jvm') ? readdirSync('/usr/lib/jvm').map(name => path.join('/usr/lib/jvm', name)) : [])];
  for (const home of homes) {
    const java = path.join(home, 'bin', 'java');
    if (!existsSync(java) || !existsSync(path.join(home, 'bin', 'javac'))) continue;
    const { output } = await execute('sh', ['-c', '"$0" -version 2>&1', java], { quiet: true });
    if (Number(/version "(\d+)/.exec(output)?.[1] ?? 0) < 21) continue;
    const classes = inside('lucene');
    mkdirSync(classes, { recursive: true });
    const fetched = await execute('sh', ['-c', 'mvn -q -B -f "$0/pom.xml" dependency:copy-dependencies -DoutputDirectory="$1" 2>&1', LUCENE, classes], { quiet: true });
    if (fetched.code !== 0) return 'Lucene: Maven is not here or cannot fetch it';
    await execute(path.join(home, 'bin', 'javac'), ['-cp', `${classes}/*`, '-d', classes, path.join(LUCENE, 'LucenePeer.java')]);
    const version = readdirSync(classes).find(name => name.startsWith('lucene-core'))?.replace(/lucene-core-|\.jar/g, '');
    const run = (...args) => execute(java, [`-Xmx${HEAP}`, '-cp', `${classes}:${classes}/*`, 'LucenePeer', ...args.slice(0, -1)], { input: args.at(-1) });
    return lucene(`Lucene ${version}`, run, corpus => inside(`lucene-${corpus.name}`), rowsOf);
  }
  return 'Lucene: no Java 21 or later here';
}

function lucene(name, run, index, rowsOf) {
  const clear = corpus => rmSync(index(corpus), { recursive: true, force: true });
  async function load(corpus) {
    clear(corpus);
    const { output, cpu, peak } = await run('load', await rowsOf(corpus), index(corpus), ''), { seconds, bytes } = JSON.parse(output);
    return { seconds, cpu, peak, bytes };
  }
  async function ask(corpus, kinds, { readers, writing }) {
    const results = [];
    let fresh = NaN, peak = 0;
    for (const { kind, warming, asked } of kinds) {
      const lines = [...warming.map(line => `w=1\t${line}`), ...asked.map(question => question.line)];
      const ran = await run('ask', index(corpus), String(readers), ...(writing ? ['writing'] : []), `${lines.join('\n')}\n`);
      const said = ran.output.trim().split('\n').map(line => line.split('\t'));
      fresh = Number(said.find(line => line[0] === 'fresh')?.[1] ?? fresh);
      peak = Math.max(peak, ran.peak);
      results.push({ kind, asked, answers: said.filter(line => line[0] !== 'fresh').map(([ms, hits, facets]) => ({ ms: Number(ms), hits: Number(hits), facets: Number(facets) })) });
    }
    return { kinds: results, fresh, peak };
  }
  return { key: 'lucene', name, files: index, load, ask, clear };
}

// ---- PostgreSQL ----

const TEXTS = ['title', 'creator', 'code', 'docno', 'other'], NUMBERS = ['parent_id', 'fonds_id', 'category', 'year', 'retention', 'opening', 'security', 'level', 'date_from'];
const COLUMNS = ['id', ...TEXTS, ...NUMBERS, 'page'], SAVED = 2 ** 30; // ids of what is saved meanwhile
const shapeOf = ({ pages }) => ({
  table: `CREATE TABLE line (id INTEGER PRIMARY KEY, ${TEXTS.map(name => `${name} TEXT NOT NULL`).join(', ')}, ${NUMBERS.map(name => `${name} INTEGER NOT NULL`).join(', ')}, page TEXT NOT NULL, ` +
    `text TEXT GENERATED ALWAYS AS (${[...TEXTS, 'page'].join(" || chr(31) || ")}) STORED);\n`,
  columns: COLUMNS.join(', '),
  indexes: 'CREATE INDEX line_text ON line USING gin (text gin_trgm_ops);\nCREATE INDEX line_creator ON line USING gin (creator gin_trgm_ops);\n' +
    (pages ? 'CREATE INDEX line_page ON line USING gin (page gin_trgm_ops);\n' : '') + 'CREATE INDEX line_code ON line (code);\nCREATE INDEX line_parent ON line (parent_id, code);\n',
  warm: 'SELECT SUM(LENGTH(text)) FROM line',
  patience: PATIENCE.statement,
  statement: ({ line }) => {
    const parts = line.split('\t').map(part => [part[0], part.slice(2)]), fonds = parts.find(([letter]) => letter === 'f')[1];
    const written = { a: text => `text LIKE ${quote(`%${text}%`)}`, c: text => `creator LIKE ${quote(`%${text}%`)}`, t: text => `page LIKE ${quote(`%${text}%`)}`,
      k: text => `code LIKE ${quote(`${text}%`)}`, n: id => `parent_id = ${id}` };
    const where = parts.filter(([letter]) => letter in written).map(([letter, value]) => written[letter](value)).join(' AND ') || 'TRUE';
    return countAndList(where, parts.some(([letter]) => letter === 'o'), fonds, parts.some(part => part.join('=') === 's=code') ? 'code' : 'date_from DESC, id');
  },
});

// Saves a record a hundredth of a second in a fonds that the asker does not see, and finds it; ends when told: the milliseconds that took.
async function saveAndFind(peer, going) {
  const client = peer.open(), times = [];
  await client.start();
  for (let id = SAVED; going(); id++, await new Promise(done => setTimeout(done, 10))) {
    const begin = performance.now(), values = [id, ...['新收文件', '临江市档案局', `新${id}`, '', ''].map(quote), 4, 4, 1, 2026, 1, 0, 0, 4, 20260101, "''"];
    await client.ask(`INSERT INTO line (${COLUMNS.join(', ')}) VALUES (${values.join(', ')});\n`);
    await client.ask(`SELECT 0, 0, COUNT(*) FROM line WHERE code = ${quote(`新${id}`)};\n`);
    times.push(performance.now() - begin);
  }
  await client.close();
  await peer.psql(`DELETE FROM line WHERE id >= ${SAVED};`);
  return times;
}

// NULL when it is not here. Slow kinds (PATIENCE.slow) are asked of one reader alone: their statements together would take as long as all else.
export async function openPostgresPeer(inside, rowsOf, keeping) {
  let server = null, opened = '', peer = null;
  const slow = new Set();
  const home = corpus => inside(`postgres-${corpus.name}`);
  async function open(corpus) {
    if (opened === corpus.name) return server;
    await server?.close();
    [peer, opened] = [null, corpus.name];
    return server = await openPostgres(home(corpus));
  }
  async function load(corpus) {
    peer = await (await open(corpus)).load(await rowsOf(corpus), shapeOf(corpus));
    return { seconds: peer.load, cpu: peer.cpu, bytes: peer.bytes };
  }
  async function ask(corpus, kinds, { readers, writing }) {
    await open(corpus);
    peer ??= await server.asking(shapeOf(corpus));
    const results = [], first = readers === 1 && !writing;
    let going = writing;
    const saved = writing ? saveAndFind(peer, () => going) : [];
    for (const { kind, warming, asked } of kinds) {
      if (!first && slow.has(`${corpus.name} ${kind}`)) continue;
      await peer.ask(warming.map(line => ({ line })), readers, '', PATIENCE.warm);
      const answers = (await peer.ask(asked.slice(0, readers === 1 ? 20 : 32), readers, '', PATIENCE.kind)).map(answer => ({ ...answer, cut: answer.hits === undefined }));
      if (percentile(answers.map(answer => answer.ms), 0.5) > PATIENCE.slow && first) slow.add(`${corpus.name} ${kind}`);
      results.push({ kind, asked, answers });
    }
    going = false;
    return { kinds: results, fresh: percentile(await saved, 0.5) };
  }
  const close = async () => server?.close();
  if (!existsSync('/usr/lib/postgresql/15/bin/initdb')) return 'PostgreSQL 15: not installed here';
  return { key: 'postgres', name: 'PostgreSQL pg_trgm', rounds: 1, files: home, load, ask, close, clear: corpus => keeping || rmSync(home(corpus), { recursive: true, force: true }) };
}
