// How search grows: Lantai, Apache Lucene and PostgreSQL with pg_trgm over the same rows, with the same questions, in one run. `make growth`; some two hours and 40 GB of disk for all of it.
//
//   node bench/growth.mjs                              every piece that follows, of every corpus, then the document
//   node bench/growth.mjs load CORPUS [ENGINE…]        makes the rows and loads them: lantai, lucene, postgres
//   node bench/growth.mjs ask CORPUS [ENGINE…]         Lantai's answers and those of the peers, one engine after the other; what is not loaded yet is loaded first; with lantai alone the peers stay as they were
//   node bench/growth.mjs rebuild CORPUS               the index made anew while a reader searches and a writer saves
//   node bench/growth.mjs write                        bench/growth/*.json → docs/growth.md and its chart; with GROWTH_FOLDER its pieces take the place of those before
//
// A corpus is a number of rows, 1000000; or 1000000-pages: each with a page of text. Every piece leaves one JSON file that says when, of which commit and how busy the machine was
// (growth-report.mjs: what stands in it). GROWTH_FOLDER keeps rows, indexes and pieces, so that a piece can be made by itself; GROWTH_CORPORA, GROWTH_QUESTIONS and GROWTH_ROUNDS make a short run.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { program, root } from '../tests/support.mjs';
import { execute } from './peers.mjs';
import { HEAP, PATIENCE, openLantai, openLucene, openPostgresPeer } from './growth-engines.mjs';
import { PIECES, besides, document, readPieces, summarized, written } from './growth-report.mjs';
import { machine, number } from './report.mjs';

const CORPORA = (process.env.GROWTH_CORPORA || '10000,100000,1000000,1000000-pages,10000000').split(','), QUESTIONS = Number(process.env.GROWTH_QUESTIONS || 200), ROUNDS = Number(process.env.GROWTH_ROUNDS || 3), REBUILT = 1_000_000;
const RUNS = [false, true].flatMap(writing => [1, 16].map(readers => ({ readers, writing })));
const kept = process.env.GROWTH_FOLDER, folder = kept || mkdtempSync(path.join(tmpdir(), 'lantai-growth-')), began = performance.now();
const inside = (...names) => path.join(folder, ...names), tell = text => process.stderr.write(`[${number((performance.now() - began) / 1000).padStart(5)} s] ${text}\n`);
const corpusOf = name => ({ name, rows: Number.parseInt(name, 10), pages: name.endsWith('-pages') });
mkdirSync(folder, { recursive: true });
if (!kept) process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

async function stamp() {
  const { output } = await execute('git', ['-C', root, 'describe', '--always', '--dirty'], { quiet: true });
  return { at: new Date().toISOString(), commit: output.trim(), load: loadavg()[0], machine: await machine(program, folder, '') };
}

function save(what, corpus, piece, engine) {
  const name = [what, corpus.name, ...(engine ? [engine.key] : [])].join('-');
  writeFileSync(inside(`${name}.json`), written({ what, corpus, ...(engine ? { engine: engine.name } : {}), ...piece }));
  tell(`${name}.json`);
}

// What search sees of the corpus, for the peers: one file, while it is needed.
let exported = '';
async function rowsOf(corpus) {
  const file = inside('rows.tsv');
  if (exported !== corpus.name) await lantai.export(corpus, file);
  exported = corpus.name;
  return file;
}

const loaded = (corpus, engine) => existsSync(inside(`load-${corpus.name}-${engine.key}.json`));
async function load(corpus, engines) {
  for (const engine of engines) {
    tell(`${corpus.name}: ${engine.name} loads`);
    const when = await stamp();
    save('load', corpus, { stamp: when, ...await engine.load(corpus) }, engine);
  }
  rmSync(inside('rows.tsv'), { force: true });
  exported = '';
}

// Reads an engine's files and holds them in memory while it is asked, so that none is asked of a colder disk than the others: a kernel that takes back what is not used for seconds
// (DAMON) makes the first questions after a pause twenty times as slow. Without vmtouch they are read only. Returns what lets them go.
async function hold(files) {
  await execute('sh', ['-c', 'find "$0/" -type f -exec cat {} + > /dev/null', files], { quiet: true });
  const told = inside('held.pid'), { code } = await execute('sh', ['-c', 'exec vmtouch -dlw -q -m 1024G -P "$1" "$0" > /dev/null 2>&1', files, told], { quiet: true });
  if (code !== 0) return tell('vmtouch is not here: files are read, but not held'), () => {};
  const holder = Number(readFileSync(told, 'utf8')), letGo = () => {
    process.off('exit', letGo);
    process.kill(holder);
  };
  process.on('exit', letGo);
  return letGo;
}

async function ask(corpus, engines) {
  await load(corpus, engines.filter(engine => !loaded(corpus, engine)));
  await lantai.upgrade(corpus);
  const piece = { stamp: await stamp(), questions: QUESTIONS, heap: HEAP, patience: PATIENCE, engines: [], differ: [], compared: 0 }, asked = {}, own = [];
  for (const engine of engines) {
    const letGo = await hold(engine.files(corpus)), rounds = RUNS.map(() => []);
    for (let round = 0; round < (engine.rounds ?? ROUNDS); round++)
      for (const [i, run] of RUNS.entries()) {
        tell(`${corpus.name}, round ${round + 1}, ${run.readers} readers${run.writing ? ', a writer' : ''}: ${engine.name}`);
        const answer = await engine.ask(corpus, asked[run.readers], run);
        if (engine === lantai) asked[run.readers] ??= answer.kinds;
        else compare(piece, engine.name, answer.kinds);
        rounds[i].push(answer);
      }
    letGo();
    if (engine === lantai) own.push(...RUNS.map((run, i) => ({ ...run, rounds: rounds[i] })));
    piece.engines.push({ name: engine.name, runs: RUNS.map((run, i) => summarized(run, rounds[i])) });
  }
  if (engines.length === 1) keepPeers(piece, inside(`ask-${corpus.name}.json`));
  besides(piece.engines.slice(1), own);
  save('ask', corpus, piece);
}

// Where Lantai alone is asked anew, the peers stay in the piece as they were measured before: on this machine, and when Lantai found the same.
function keepPeers(piece, file) {
  const former = existsSync(file) && JSON.parse(readFileSync(file, 'utf8')), hits = ({ engines: [{ runs }] }) => JSON.stringify(runs.map(({ kinds }) => kinds.map(kind => kind.hits)));
  if (!former) return;
  if (former.stamp.machine !== piece.stamp.machine || hits(former) !== hits(piece)) throw new Error('the peers were asked on another machine or of other rows: ask all engines again');
  piece.engines.push(...former.engines.slice(1));
  Object.assign(piece, { compared: former.compared, differ: former.differ, note: former.note ?? `the peers: ${former.stamp.at.slice(0, 16).replace('T', ' ')}` });
}

// Every answer of a peer beside Lantai's, counts and facets.
function compare(piece, name, kinds) {
  for (const { kind, asked, answers } of kinds)
    answers.forEach((answer, i) => {
      if (answer.cut) return;
      piece.compared++;
      if (answer.hits !== asked[i].hits || answer.facets !== asked[i].facets)
        piece.differ.push(`${name}, ${kind}, ${asked[i].line.replaceAll('\t', ' ')}: ${answer.hits} hits (facets ${answer.facets}), Lantai ${asked[i].hits} (${asked[i].facets})`);
    });
}

async function rebuild(corpus) {
  if (!loaded(corpus, lantai)) await load(corpus, [lantai]);
  tell(`${corpus.name}: the index is made anew`);
  const when = await stamp();
  save('rebuild', corpus, { stamp: when, ...await lantai.rebuild(corpus) });
}

function write() {
  const pieces = path.join(root, PIECES), docs = path.join(root, 'docs');
  mkdirSync(pieces, { recursive: true });
  for (const name of readdirSync(folder).filter(file => /^(load|ask|rebuild)-.*\.json$/.test(file))) copyFileSync(inside(name), path.join(pieces, name));
  const { text, image } = document(readPieces(pieces));
  writeFileSync(path.join(docs, 'growth.md'), text);
  writeFileSync(path.join(docs, 'growth.svg'), image);
}

const lantai = openLantai(inside, QUESTIONS), opened = [lantai, await openLucene(inside, rowsOf), await openPostgresPeer(inside, rowsOf, Boolean(kept))];
const engines = opened.filter(engine => typeof engine !== 'string'), [what, name, ...keys] = process.argv.slice(2), chosen = keys.length ? engines.filter(engine => keys.includes(engine.key)) : engines;
for (const reason of opened.filter(engine => typeof engine === 'string')) tell(`not performed: ${reason}`);
const close = async () => { for (const engine of engines) await engine.close?.(); };
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => close().finally(() => process.exit(1)));
try {
  if (what !== 'write') await execute('ninja', ['-C', path.dirname(program), 'lantai', 'lantai-bench', 'lantai-growth']);
  if (what === 'load') await load(corpusOf(name), chosen);
  else if (what === 'ask') await ask(corpusOf(name), [lantai, ...chosen.filter(engine => engine !== lantai)]);
  else if (what === 'rebuild') await rebuild(corpusOf(name));
  else if (what === 'write') write();
  else if (what) throw new Error('see the head of bench/growth.mjs');
  else {
    for (const corpus of CORPORA.map(corpusOf)) {
      await ask(corpus, engines);
      if (corpus.rows <= REBUILT) await rebuild(corpus);
      if (!kept) for (const engine of engines) await engine.clear(corpus);
    }
    write();
    process.stdout.write(readFileSync(path.join(root, 'docs', 'growth.md'), 'utf8'));
  }
} finally {
  await close();
}
