// The campaign of planted faults: each package has one, and the item of the check scheme that should catch it must; clean packages of every layout pass. What every item said is
// the matrix in docs/checks.md: `node tests/checks.test.mjs --write-matrix` writes it anew, and the test fails when it no longer agrees.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { emptyArchive } from './archive.mjs';
import { CLEAN, FAULTS, LAYOUT_NAMES, LAYOUTS, plant, planted } from './faults.mjs';
import { lantai, root, temporary } from './support.mjs';

const MATRIX = path.join(root, 'docs', 'checks.md'), LANES = 2, ENCODED = ['dat93', '2012', 'vendor', 'eep'];

// A scanner that speaks clamd's INSTREAM and knows one virus.
function scanner() {
  return new Promise(done => {
    const server = createServer(socket => {
      let bytes = Buffer.alloc(0);
      socket.on('error', () => {});
      socket.on('data', piece => {
        bytes = Buffer.concat([bytes, piece]);
        if (!bytes.subarray(-4).equals(Buffer.alloc(4))) return;
        socket.end(bytes.includes('EICAR-' + 'STANDARD') ? 'stream: Eicar-Test-Signature FOUND\0' : 'stream: OK\0');
      });
    });
    server.listen(0, '127.0.0.1', () => done(server));
  });
}

const PREFIXES = { transfer: 'YJ', filing: 'GD' };
const results = new Map(); // "name|layout|stage" → {status, failed: [codes], report}
const key = (fault, layout, stage = 'transfer') => `${fault.name}|${layout}|${stage}`;
const filed = [CLEAN, ...FAULTS].map((fault, i) => ({ fault, layout: fault.layouts[i % fault.layouts.length], stage: 'filing' })); // each fault once, every layout among them
let clamd;

async function receive(dir, { fault, layout, encoding, stage = 'transfer' }) {
  const folder = temporary('lantai-fault-'), { target, options } = plant(fault, layout, folder, encoding);
  const ran = await lantai(dir, 'receive', target, ...options, '--stage', stage, '--json', '--quiet');
  rmSync(folder, { recursive: true, force: true });
  const items = ran.json?.check?.items ?? [];
  const failed = items.filter(item => item.state === 'failed' || item.state === 'warned').map(item => item.code.replace(`${PREFIXES[stage]}-`, ''));
  return { stage: ran.json?.stage, status: ran.status, failed, items, error: ran.json?.error?.message ?? (ran.json ? undefined : ran.stderr) };
}

before(async () => {
  clamd = await scanner();
  const work = [...filed, ...planted, ...CLEAN.layouts.map(layout => ({ fault: CLEAN, layout })), ...ENCODED.map(layout => ({ fault: { ...CLEAN, name: 'GB18030' }, layout, encoding: 'GB18030' }))];
  await Promise.all(Array.from({ length: LANES }, async () => {
    const dir = await emptyArchive(), settings = path.join(dir, 'lantai.yaml');
    writeFileSync(settings, readFileSync(settings, 'utf8').replace('socket: "/run/clamav/clamd.ctl"', `socket: "127.0.0.1:${clamd.address().port}"`));
    while (work.length) {
      const one = work.pop();
      results.set(key(one.fault, one.layout, one.stage), await receive(dir, one));
    }
  }));
});
after(() => clamd?.close());

test('there are at least two hundred packages with one fault each', () => assert.ok(planted.length >= 200, String(planted.length)));

test('clean packages of every layout pass', () => {
  for (const layout of LAYOUTS) {
    const result = results.get(key(CLEAN, layout));
    assert.deepEqual([layout, result.status, result.failed, result.error], [layout, 0, [], undefined]);
    assert.equal(result.items.length, 40, layout);
    assert.equal(result.items.find(item => item.code === 'YJ-4-1').state, 'passed', 'the scanner was asked');
    assert.equal(result.items.find(item => item.code === 'YJ-4-2').state, 'passed', layout);
  }
  for (const layout of ENCODED) assert.deepEqual([layout, results.get(`GB18030|${layout}|transfer`).failed], [layout, []]);
});

test('every planted fault is caught by its item, which names the row or the file', () => {
  const missed = [];
  for (const { fault, layout, stage = 'transfer' } of [...planted, ...filed.slice(1)]) {
    const { failed, items, error } = results.get(key(fault, layout, stage));
    const item = items.find(each => each.code === `${PREFIXES[stage]}-${fault.item}`);
    if (!failed.includes(fault.item)) missed.push(`${fault.name} (${layout}): ${fault.item} is ${item?.state}; failed: ${failed.join(' ') || 'none'} ${error ?? ''}`);
    else if (!item.findings.length || !item.findings[0].reason) missed.push(`${fault.name} (${layout}): ${fault.item} names nothing`);
  }
  assert.deepEqual(missed, []);
});

test('a delivery of the stage 归档 is checked by its own scheme, and differs in nothing but the codes from what 移交与接收 finds', () => {
  assert.deepEqual([...new Set(filed.map(({ layout }) => layout))].sort(), [...LAYOUTS].sort(), 'every layout is among them');
  for (const { fault, layout } of filed) {
    const result = results.get(key(fault, layout, 'filing'));
    assert.equal(result.items.length, 40, fault.name);
    assert.ok(result.items.every(item => item.code.startsWith('GD-')), fault.name);
    assert.deepEqual([fault.name, result.stage, result.status, result.failed], [fault.name, 'filing', fault === CLEAN ? 0 : results.get(key(fault, layout)).status, results.get(key(fault, layout)).failed]);
  }
});

// A record whose metadata is lost fails in all that hung on it; most faults have one or two names.
test('a fault is told, not drowned: four of five by at most three items, none by more than nine', () => {
  const counts = planted.map(({ fault, layout }) => results.get(key(fault, layout)).failed.length);
  assert.ok(Math.max(...counts) <= 9, String(Math.max(...counts)));
  assert.ok(counts.filter(count => count <= 3).length >= counts.length * 0.8, String(counts.filter(count => count <= 3).length / counts.length));
});

// ---- the matrix ----

function matrix() {
  const names = new Map(results.get(key(CLEAN, 'dat93')).items.map(item => [item.code.replace(/^YJ-/, ''), item.name]));
  const filing = new Map(filed.map(({ fault, layout }) => [fault.name, `${LAYOUT_NAMES[layout]}：${results.get(key(fault, layout, 'filing')).failed.join(' ') || '通过'}`]));
  const lines = ['# 四性检测：埋设问题的对照表', '',
    `每个移交包只埋设一处问题，交给程序接收检测（方案“移交与接收”，编号前的 YJ- 省去）。共 ${planted.length} 个包；另有每种布局的干净包各一个，全部没有不通过的检测项。`,
    `每处问题再以一种布局按“归档”环节接收一次（编号前的 GD- 省去），共 ${filed.length - 1} 个包和一个干净包，见最后一栏。`, '',
    '“应由”是应当发现它的检测项；各布局一栏是实际判为不通过（或有提示）的全部检测项，“—”表示该布局不埋设这种问题。一处问题有时同时违反几项，例如少了一件，断号、件数、终止档号都会不符。', '',
    '这张表由 `node tests/checks.test.mjs --write-matrix` 写成；测试发现它与程序不一致时不通过。', '',
    `| 埋设的问题 | 应由 | ${LAYOUTS.map(layout => LAYOUT_NAMES[layout]).join(' | ')} | 归档环节 |`, `|---|---|${LAYOUTS.map(() => '---|').join('')}---|`];
  for (const fault of [CLEAN, ...FAULTS]) {
    const cells = LAYOUTS.map(layout => (fault.layouts.includes(layout) ? results.get(key(fault, layout)).failed.join(' ') || '通过' : '—'));
    lines.push(`| ${fault.name} | ${fault.item ? `${fault.item} ${names.get(fault.item)}` : ''} | ${cells.join(' | ')} | ${filing.get(fault.name)} |`);
  }
  return `${lines.join('\n')}\n`;
}

test('docs/checks.md says what the program does', () => {
  const now = matrix();
  if (process.argv.includes('--write-matrix')) writeFileSync(MATRIX, now);
  assert.equal(readFileSync(MATRIX, 'utf8'), now);
});
