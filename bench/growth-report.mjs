// The pieces that growth.mjs measures → docs/growth.md and its chart: every figure, list and sentence of the document comes from the pieces, so none can contradict another.
//
// A piece is one JSON file in bench/growth/: {what, corpus: {name, rows, pages}, stamp: {at, commit, load, machine}, note: what else to
// know of it, if anything, …}, by what:
//   load     engine, seconds, cpu, peak, bytes
//   ask      questions, heap, patience, compared, differ: [text], engines: [{name, runs: [{readers, writing, rounds, fresh, peak, kinds: [{kind, asked, cut, hits, p50, p99, spread, cpu, beside}]}]}]; the
//            first engine is Lantai. Milliseconds, each the median of so many rounds; spread: the least and the greatest p99 of these; cut: how many statements were cut short, their time counts as
//            the least they would have taken; cpu: [p50, p99] of processor time, where it is known; beside: Lantai's p50 and p99 of the questions that a peer was asked, where these are not all
//   rebuild  seconds, asked, p50, p99, saved, save_p50, save_most
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { chart } from './chart.mjs';
import { mega, ms, number, percentile, table } from './report.mjs';

export const PIECES = path.join('bench', 'growth');
const P99 = 50, REBUILD = 60, SHARES = [['p50', 'p50'], ['p99', 'p99']];

export const readPieces = folder => readdirSync(folder).filter(name => name.endsWith('.json')).sort().map(name => JSON.parse(readFileSync(path.join(folder, name), 'utf8')));

// As it is kept: an object without others on one line.
export const written = piece => `${JSON.stringify(piece, null, 1).replace(/[{[][^{}[\]]*[\]}]|\{[^{}]*\}/g, text => text.replace(/\s*\n\s*/g, ' '))}\n`;

const round = value => (Number.isFinite(value) ? Number(value.toPrecision(4)) : null);
const median = values => percentile(values, 0.5);
const timed = (rounds, share, count) => rounds.map(answers => percentile(answers.slice(0, count).map(answer => answer.ms), share));

// One run of an engine: what the same questions found in each of its rounds, [{kinds: [{kind, answers}], fresh, peak}].
export function summarized({ readers, writing }, rounds) {
  const fresh = round(median(rounds.map(one => one.fresh))), peak = Math.max(...rounds.map(one => one.peak ?? 0)) || null;
  return { readers, writing, rounds: rounds.length, fresh, peak, kinds: rounds[0].kinds.map(({ kind }, i) => {
    const answers = rounds.map(one => one.kinds[i].answers), [first] = answers, whole = first.filter(answer => !answer.cut), p99s = timed(answers, 0.99);
    const cpu = first.every(answer => Number.isFinite(answer.cpu_ms)) && [0.5, 0.99].map(share => round(median(answers.map(one => percentile(one.map(answer => answer.cpu_ms), share)))));
    return { kind, asked: first.length, cut: first.length - whole.length, hits: round(median(whole.map(answer => answer.hits))), p50: round(median(timed(answers, 0.5))), p99: round(median(p99s)),
      spread: [Math.min(...p99s), Math.max(...p99s)].map(round), cpu: cpu || null };
  }) };
}

// Where a peer was asked a part of the questions only, Lantai's figures of the same ones (own: [{readers, writing, rounds: as for summarized}]) stand beside the peer's.
export function besides(peers, own) {
  for (const run of peers.flatMap(({ runs }) => runs))
    for (const kind of run.kinds) {
      const answers = own.find(sameRun(run)).rounds.map(one => one.kinds.find(other => other.kind === kind.kind).answers);
      delete kind.beside;
      if (kind.asked && kind.asked < answers[0].length) kind.beside = Object.fromEntries([['p50', 0.5], ['p99', 0.99]].map(([name, share]) => [name, round(median(timed(answers, share, kind.asked)))]));
    }
}

// ---- words ----

const readersOf = ({ readers, writing }) => `${readers} reader${readers > 1 ? 's' : ''}${writing ? ', a writer' : ''}`;
const corpusOf = ({ rows, pages }) => `${number(rows)} rows${pages ? ', each with a page' : ''}`;
const sizeName = rows => `10${[...String(Math.round(Math.log10(rows)))].map(digit => '⁰¹²³⁴⁵⁶⁷⁸⁹'[digit]).join('')}`;
const whenOf = ({ at }) => at.slice(0, 16).replace('T', ' ');
const byCorpus = (a, b) => a.corpus.pages - b.corpus.pages || a.corpus.rows - b.corpus.rows || (a.engine ?? '').localeCompare(b.engine ?? '');
const sameRun = run => other => other.readers === run.readers && other.writing === run.writing;
const known = (value, say) => (Number.isFinite(value) ? say(value) : '–');
const worstKind = run => run.kinds.reduce((most, kind) => (kind.p99 > most.p99 ? kind : most)), worst = run => worstKind(run).p99;
const time = (value, { cut }, patience) => (cut && value >= patience.statement * 950 ? `> ${number(patience.statement * 1000)}` : ms(value));

// ---- who is ahead ----

// Every figure of a peer beside Lantai's of the same piece: {corpus, kind, run, share, peer, ours, theirs, ahead: whether Lantai is}.
export function contests(asks) {
  const all = [];
  for (const { corpus, engines: [ours, ...peers], patience } of asks)
    for (const peer of peers)
      for (const run of peer.runs)
        for (const kind of run.kinds)
          for (const [share, label] of SHARES) {
            const own = ours.runs.find(sameRun(run)).kinds.find(other => other.kind === kind.kind);
            all.push({ corpus, kind: kind.kind, run, share: label, peer: peer.name, ours: (kind.beside ?? own)[share], theirs: kind[share], ahead: (kind.beside ?? own)[share] < kind[share], said: time(kind[share], kind, patience) });
          }
  return all;
}

function aims(asks, rebuilds, fought) {
  const rows = [], row = (label, limit, value, met, rounds = '') => rows.push([label, limit, value, rounds, met ? 'met' : 'missed']);
  for (const ask of [false, true].map(pages => asks.filter(({ corpus }) => corpus.pages === pages).at(-1)).filter(Boolean))
    for (const run of ask.engines[0].runs) row(`worst p99, ${corpusOf(ask.corpus)}, ${readersOf(run)}`, `< ${P99} ms`, `${ms(worst(run))} ms`, worst(run) < P99, run.rounds > 1 ? worstKind(run).spread.map(ms).join('–') : '');
  const ahead = fought.filter(contest => contest.ahead).length;
  row('ahead of the peers: p50 and p99 of each kind, corpus and number of readers', `${number(fought.length)} of ${number(fought.length)}`, number(ahead), ahead === fought.length);
  const million = rebuilds.find(({ corpus }) => corpus.rows === 1_000_000 && !corpus.pages);
  if (million) row(`index of 1 000 000 rows made anew while others search${million.saved ? ' and save' : ''}`, `< ${REBUILD} s`, `${number(million.seconds, 1)} s`, million.seconds < REBUILD);
  return table(['', 'aim', 'measured', 'in single rounds', ''], rows);
}

function behind(asks, fought) {
  const peers = [...new Set(fought.map(({ peer }) => peer))], count = (corpus, peer) => fought.filter(one => one.corpus === corpus && one.peer === peer);
  const rows = asks.map(({ corpus, stamp }) => [corpusOf(corpus), ...peers.map(peer => {
    const all = count(corpus, peer);
    return all.length ? `${all.filter(one => one.ahead).length} of ${all.length}` : '–';
  }), whenOf(stamp), stamp.commit]), lost = fought.filter(one => !one.ahead);
  const parts = ['## Who is ahead', 'In how many figures Lantai is ahead, p50 and p99 of every kind with 1 and 16 readers, without and with a writer:', table(['', ...peers, 'measured, UTC', 'commit'], rows)];
  if (lost.length) parts.push('Where a peer is ahead, in milliseconds:', table(['', 'readers', '', 'Lantai', 'peer', ''], lost.map(one => [`${corpusOf(one.corpus)}: ${one.kind}`, readersOf(one.run), one.share, ms(one.ours), one.said, one.peer])));
  return parts;
}

// ---- sections ----

// Bold: the best of those who were asked the same.
function corpusTable({ corpus, engines, questions, patience }) {
  const kinds = engines[0].runs[0].kinds, runs = engines[0].runs, rows = [['hits', ...kinds.map(kind => number(kind.hits))]];
  for (const run of runs) {
    const beside = engines.map(engine => [engine.name, engine.runs.find(sameRun(run))]).filter(([, found]) => found);
    const of = (found, { kind }) => found.kinds.find(other => other.kind === kind), best = (kind, share) => Math.min(...beside.map(([, found]) => of(found, kind)?.[share] ?? Infinity));
    const cell = (found, kind) => {
      const own = of(found, kind);
      if (!own) return '–';
      const figures = SHARES.map(([share]) => (own[share] === best(kind, share) ? `**${time(own[share], own, patience)}**` : time(own[share], own, patience)));
      return `${figures.join(' / ')}${own.asked < questions ? ` (${own.asked})` : ''}`;
    };
    for (const [name, found] of beside) rows.push([`${readersOf(run)}: ${name}`, ...kinds.map(kind => cell(found, kind))]);
  }
  return [`## ${corpusOf(corpus)}`, table(['', ...kinds.map(({ kind }) => kind)], rows)];
}

function loading(loads, asks) {
  const run = ({ corpus, engine }, wanted) => asks.find(ask => ask.corpus.name === corpus.name)?.engines.find(other => other.name === engine)?.runs.find(sameRun(wanted));
  const rows = loads.map(one => {
    const saving = run(one, { readers: 1, writing: true });
    return [`${corpusOf(one.corpus)}: ${one.engine}`, number(one.corpus.rows / one.seconds), number(one.seconds, 1), known(one.cpu, value => number(value, 1)), mega(one.bytes), known(saving?.fresh, ms),
      known(saving?.peak, mega)];
  });
  return ['## Loading, size, freshness, memory', table(['', 'rows/s', 'seconds', 'processor, s', 'index', 'fresh, ms', 'memory, asking'], rows), `- Loading: until all is searchable and put in order (Lantai: the loading part of
  \`lantai import\`, index and records, and reading the pages' text; the processor time is of the whole import, which also checks, stores and journals; Lucene: one merged piece; PostgreSQL: table and indexes).
- Index: of Lantai what search keeps, of PostgreSQL table and indexes.
- Fresh: from saving one record until the next search finds it, committed to disk in Lantai and PostgreSQL, not in Lucene; median while 1 reader asks. Memory: the greatest while asked, mapped files included.`];
}

const rebuilding = rebuilds => (rebuilds.length ? ['## The index made anew while a reader searches and a writer saves (–: none did)',
  table(['', 'seconds', 'rows/s', 'reader’s p50, ms', 'p99, ms', 'a save’s p50, ms', 'longest, ms'], rebuilds.map(one => [corpusOf(one.corpus), number(one.seconds, 1), number(one.corpus.rows / one.seconds),
    ...[one.p50, one.p99, one.save_p50, one.save_most].map(value => known(value, ms))]))] : []);

function agreement(asks) {
  const differ = asks.flatMap(ask => ask.differ), compared = asks.reduce((sum, ask) => sum + ask.compared, 0);
  return ['## Do the peers agree?', differ.length ? `Of ${number(compared)} answers ${number(differ.length)} differ:\n\n${differ.slice(0, 20).map(line => `- ${line}`).join('\n')}` :
    `Every count and every facet of the peers’ ${number(compared)} answers equals Lantai’s.`];
}

// Nothing where each engine was asked once.
function rounds(asks) {
  const asked = asks.flatMap(({ corpus, engines }) => engines.map(({ name, runs: [run] }) => ({ name, rows: corpusOf(corpus), count: run.rounds }))), most = Math.max(...asked.map(one => one.count));
  const less = [...new Set(asked.map(one => one.name))].flatMap(name => {
    const own = asked.filter(one => one.name === name), few = own.filter(one => one.count < most);
    return few.length ? `${[...new Set(few.map(one => one.count))].join(' or ')} with ${name}${few.length < own.length ? ` (${few.map(one => one.rows).join('; ')})` : ''}` : [];
  });
  return most > 1 ? `- Rounds: ${[`${most} of all questions`, ...less].join(', ')}. A figure is the median of its rounds: a moment in which the machine had other work does not stand for an engine.\n` : '';
}

function method(pieces, asks) {
  const { heap, patience } = asks.at(-1), questions = [...new Set(asks.map(ask => ask.questions))].sort((a, b) => a - b).join(' or '), cut = asks.some(({ engines }) => engines.some(({ runs }) => runs.some(({ kinds }) => kinds.some(kind => kind.cut))));
  const rows = pieces.map(({ what, corpus, engine, stamp, note }) => [`${what}, ${corpusOf(corpus)}${engine ? `: ${engine}` : ''}`, whenOf(stamp), stamp.commit, /CPU: ([^,\n]+)/.exec(stamp.machine)?.[1] ?? '', stamp.load.toFixed(1), note ?? '']);
  return ['## How it is measured', `- Rows: as in benchmarks.md (\`bench/bench.c\`). ${questions} questions of each kind, drawn with a fixed seed, each asked once, after 1 000 of the kind that nobody clocks, as in a program that has answered for a while (Lucene, whose
  machine code they make, as many of them as it answers in 10 s, at least 50; PostgreSQL as many as in ${patience.warm} s). Where the kind has so
  many, most of those asked were not among these (words, phrases, several words). The first broad questions after a start are slower, most of all
  on a virtual machine that gives free memory back to its host, where memory a process takes anew costs 8–11 µs a page and not 1.3: at 10⁷ rows, one word, 16 readers, single p99 were 36–78 ms after 50 questions, 26–49 ms after 300
  (with a writer 55–62) and 25–50 ms after 1 000.
${rounds(asks)}- Milliseconds, p50 / p99; bold: the best. A number in brackets: so many were asked, where not all of them.
- PostgreSQL is asked 20 questions of a kind (32 with 16 readers), as many as it begins in ${patience.kind} s${cut ? `; a statement is cut short after ${patience.statement} s and counts as that` : ''}. Who is ahead is told by Lantai's figures of these same questions. A kind of which its
  median with 1 reader is above ${patience.slow / 1000} s is asked of 1 reader alone (–), and counts nowhere else.
- Lantai is asked through the room’s interface, Lucene in its own process (heap ${heap}, values of gate, filters, facets and order in doc values, one collector), PostgreSQL through psql, one client a reader.
- The asker is limited to every second fonds and to 内部; six facets and an order are on. A writer saves a record every hundredth of a second and looks for it.
- With pages each record has a page of about 400 characters; words are then looked for in descriptions and pages at once.
- Each piece is measured by itself: the engines of one “ask” after each other in one run, the same questions, each engine with its files held in memory (vmtouch);
  who is ahead is counted within a piece. Where a piece says when the peers were asked, Lantai was asked again by itself, on the same machine.`,
  table(['piece', 'when, UTC', 'commit', 'processor', 'load of the machine before', ''], rows)];
}

// {text, image}: the document and its chart. Pieces that ask are needed.
export function document(pieces) {
  const of = what => pieces.filter(piece => piece.what === what).sort(byCorpus), asks = of('ask'), loads = of('load'), rebuilds = of('rebuild'), fought = contests(asks);
  const plain = asks.filter(({ corpus }) => !corpus.pages), one = { readers: 1, writing: false }, names = [...new Set(plain.flatMap(({ engines }) => engines.map(({ name }) => name)))];
  const line = (name, wanted) => ({ name: wanted.readers === 1 ? name : `${name}, ${readersOf(wanted)}`, points: plain.map(({ corpus, engines }) => [corpus.rows, engines.find(engine => engine.name === name)?.runs.find(sameRun(wanted))])
    .filter(([, run]) => run).map(([rows, run]) => [rows, worst(run)]) });
  const series = [...names.map(name => line(name, one)), line(names[0], { readers: 16, writing: false })];
  const text = ['# How search grows', `Written by \`node bench/growth.mjs write\` from bench/growth/*.json, which \`make growth\` measures: ${names.join(', ')} over the same rows, asked the same questions, with the gate, six facets and an order.`,
    pieces.map(({ stamp }) => stamp).sort((a, b) => a.at.localeCompare(b.at)).at(-1).machine, '![worst p99 by number of rows](growth.svg)', aims(asks, rebuilds, fought), ...behind(asks, fought), ...asks.flatMap(corpusTable),
    ...loading(loads, asks), ...rebuilding(rebuilds), ...agreement(asks), ...method([...loads, ...asks, ...rebuilds], asks)].join('\n\n');
  return { text: `${text}\n`, image: chart(series, { title: 'worst p99 of eight kinds of question, 1 reader', x: 'rows', y: 'milliseconds', limit: P99, xName: sizeName }) };
}
