// docs/growth.md and its chart say what the measured pieces in bench/growth/ say, and nothing else; what a piece says comes out in every place that tells of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { PIECES, besides, contests, document, readPieces, summarized, written } from '../bench/growth-report.mjs';
import { root } from './support.mjs';

const corpus = rows => ({ name: String(rows), rows, pages: false }), patience = { warm: 3, kind: 15, statement: 20, slow: 2000 };
const stamp = { at: '2026-01-02T03:04:05Z', commit: 'abc1234', load: 0.5, machine: '- CPU: Slow 1, 2 cores' };
const answers = (...times) => times.map(ms => ({ ms, hits: 7, facets: 1 })), cut = { ms: 20001, hits: undefined, cut: true };
const run = (kinds, fresh = 3) => summarized({ readers: 1, writing: false }, [{ kinds: Object.entries(kinds).map(([kind, given]) => ({ kind, answers: given })), fresh, peak: 5e6 }]);
const ask = (rows, ...engines) => ({ what: 'ask', corpus: corpus(rows), stamp, questions: 2, heap: '2g', patience, compared: 8, differ: [],
  engines: engines.map(([name, kinds]) => ({ name, runs: [run(kinds)] })) });
const sixteen = piece => ({ ...piece, engines: piece.engines.map(engine => ({ ...engine, runs: [...engine.runs, { ...engine.runs[0], readers: 16 }] })) });

test('the document and its chart are those of the pieces', () => {
  const pieces = readPieces(path.join(root, PIECES)), { text, image } = document(pieces);
  assert.ok(pieces.filter(piece => piece.what === 'ask').length >= 5, 'a piece of each corpus');
  assert.equal(readFileSync(path.join(root, 'docs', 'growth.md'), 'utf8'), text, 'node bench/growth.mjs write');
  assert.equal(readFileSync(path.join(root, 'docs', 'growth.svg'), 'utf8'), image, 'node bench/growth.mjs write');
});

test('one figure in which a peer is ahead is counted, listed, bold and misses the aim', () => {
  const good = ask(1000, ['Lantai', { word: answers(1, 2, 3), code: answers(1, 2, 4) }], ['Peer', { word: answers(4, 5, 6), code: answers(4, 5, 6) }]);
  const even = document([sixteen(good)]);
  assert.match(even.text, /ahead of the peers[^|]*\| *8 of 8 \| *8 \| *\| *met/);
  assert.doesNotMatch(even.text, /Where a peer is ahead/);
  const lost = ask(1000, ['Lantai', { word: answers(1, 2, 3), code: answers(1, 2, 60) }], ['Peer', { word: answers(4, 5, 6), code: answers(4, 5, 6) }]), { text } = document([sixteen(lost)]);
  assert.deepEqual(contests([lost]).filter(one => !one.ahead).map(one => [one.kind, one.share, one.ours, one.theirs]), [['code', 'p99', 60, 6]]);
  assert.match(text, /ahead of the peers[^|]*\| *8 of 8 \| *6 \| *\| *missed/);
  assert.match(text, /1 000 rows \| *6 of 8/);
  assert.match(text, /1 000 rows: code *\| *16 readers \| p99 \| *60\.0 \| *6\.0 \| *Peer/);
  assert.match(text, /16 readers: Peer *\|[^\n]*5\.0 \/ \*\*6\.0\*\*/);
  assert.match(text, /worst p99, 1 000 rows, 1 reader *\| *< 50 ms \| *60\.0 ms \| *\| *missed/);
});

test('what was cut short, not asked, or differs is told', () => {
  const piece = ask(1000, ['Lantai', { word: answers(1, 2), code: answers(1, 3) }], ['Peer', { word: [cut], code: answers(4, 6) }]);
  piece.engines[0].runs.push({ ...piece.engines[0].runs[0], readers: 16 });
  piece.engines[1].runs.push({ ...piece.engines[1].runs[0], readers: 16, kinds: piece.engines[1].runs[0].kinds.slice(1) });
  piece.differ.push('Peer, code: 8 hits, Lantai 7');
  const { text } = document([JSON.parse(written(piece))]);
  assert.match(text, /1 reader: Peer *\| *> 20 000 \/ > 20 000 \(1\)/);
  assert.match(text, /16 readers: Peer *\| *– \|/);
  assert.match(text, /cut short after 20 s/);
  assert.match(text, /Of 8 answers 1 differ:\n\n- Peer, code: 8 hits, Lantai 7/);
  assert.match(text, /ask, 1 000 rows \| *2026-01-02 03:04 \| *abc1234 \| *Slow 1 \| *0\.5 \|/);
});

test('a figure is the median of its rounds, and the aims tell how far these were apart', () => {
  const good = ask(1000, ['Lantai', { word: answers(1, 2, 3) }], ['Peer', { word: answers(4, 5, 6) }]);
  const rounds = [answers(1, 9, 30), answers(1, 2, 70), answers(2, 3, 40)].map(given => ({ kinds: [{ kind: 'word', answers: given }], fresh: 3 }));
  good.engines[0].runs = [summarized({ readers: 1, writing: false }, rounds)];
  assert.deepEqual(good.engines[0].runs[0].kinds.map(({ p50, p99, spread }) => [p50, p99, spread]), [[3, 40, [30, 70]]]);
  const own = { readers: 1, writing: false, rounds }, part = run({ word: answers(4, 5) });
  besides([{ runs: [part] }], [own]);
  assert.deepEqual(part.kinds[0].beside, { p50: 1, p99: 3 });
  const { text } = document([sixteen(good)]);
  assert.match(text, /worst p99, 1 000 rows, 1 reader *\| *< 50 ms \| *40\.0 ms \| *30\.0–70\.0 \| *met/);
  assert.match(text, /Rounds: 3 of all questions, 1 with Peer\./);
});
