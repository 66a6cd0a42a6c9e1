// Runs every test and counts: the source checks, the unit tests that Meson knows (TAP), then tests/*.test.mjs (node:test, TAP), which start the real program.
// `node tests/run.mjs WORD…` runs only the suites whose name has one of the words. It tells the slowest; the last line is "N passed, N failed[, N skipped]".
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './support.mjs';

const words = process.argv.slice(2);
const wanted = name => !words.length || words.some(word => name.includes(word));
const totals = { passed: 0, failed: 0, skipped: 0 };
const failures = [], times = [];
const started = Date.now();

function count(name, output) {
  const seen = { passed: 0, failed: 0, skipped: 0 };
  for (const line of output.split('\n')) {
    const match = /^(not ok|ok) \d+(.*)$/.exec(line);
    if (!match) continue;
    if (/#\s*SKIP/i.test(match[2])) { seen.skipped++; console.log(`  skipped: ${name}${match[2]}`); }
    else if (match[1] === 'ok') seen.passed++;
    else { seen.failed++; failures.push(`${name}:${match[2]}`); }
  }
  return seen;
}

// What a suite announces it must tell: one that ends early has not passed, whatever its status. The source checks are no suite: they pass or not.
function whyFailed(name, output, { passed, failed, skipped }, code, signal) {
  if (code !== 0 || signal) return `ended with ${signal || `status ${code}`}`;
  const announced = /^1\.\.(\d+)/m.exec(output)?.[1], told = passed + failed + skipped;
  return name === 'check' || Number(announced) === told ? null : `told of ${told}, announced ${announced ?? 'nothing'}`;
}

// Each suite is a group of processes: what is killed takes the servers that it started with it.
const running = new Set();
function end(child) {
  try { process.kill(-child.pid, 'SIGKILL'); } catch { /* all of it has ended, or nothing was started */ }
}

function run(name, command, { timeout = 600000, ...options }) {
  return new Promise(done => {
    const begin = Date.now();
    const child = spawn(command[0], command.slice(1), { cwd: root, ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '', errors = '';
    running.add(child);
    child.on('error', error => { errors += `${error.message}\n`; }); // it cannot be started: 'close' follows
    child.stdout.on('data', data => { output += data; });
    child.stderr.on('data', data => { errors += data; });
    const timer = setTimeout(() => end(child), timeout);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      end(child);
      running.delete(child);
      const seen = count(name, output), why = whyFailed(name, output, seen, code, signal);
      if (why && !seen.failed) { seen.failed = 1; failures.push(`${name}: ${why}`); }
      if (!why && name === 'check') seen.passed = 1;
      for (const key of Object.keys(totals)) totals[key] += seen[key];
      times.push([name, (Date.now() - begin) / 1000]);
      console.log(`${seen.failed ? 'FAIL' : 'ok  '} ${name}  ${seen.passed} passed${seen.failed ? `, ${seen.failed} failed` : ''}${seen.skipped ? `, ${seen.skipped} skipped` : ''}  (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
      for (const told of output.match(/^\d+ of \d+ claims$/gm) ?? []) console.log(`     ${told}`);
      if (seen.failed) console.log((output + errors).split('\n').slice(-120).join('\n'));
      done();
    });
  });
}

async function all(items, width) {
  const queue = [...items];
  await Promise.all(Array.from({ length: width }, async () => { while (queue.length) await run(...queue.shift()); }));
}

const unit = JSON.parse(execFileSync('meson', ['introspect', '--tests', 'build'], { cwd: root, encoding: 'utf8' }));
const programs = readdirSync(path.join(root, 'tests')).filter(name => name.endsWith('.test.mjs')).map(name => name.replace('.test.mjs', '')).sort();
// What several need, a demonstration archive, is made once for all (support.mjs). All they make lies beside it: what a killed one leaves goes at the end.
const shelf = mkdtempSync(path.join(tmpdir(), 'lantai-shelf-'));
process.on('exit', () => {
  for (const child of running) end(child);
  rmSync(shelf, { recursive: true, force: true, maxRetries: 5 });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1)); // a shelf left behind would lie in memory
const environment = { ...process.env, LANTAI_TEST_SHELF: shelf, TMPDIR: shelf };
// One more at a time than there are processors: much of a program is waiting for its server. The long ones begin, so that none is left over alone at the end.
const LONG = ['browser', 'copies', 'import', 'checks', 'ocfl', 'gate', 'heal', 'watch', 'search'];
const rank = name => { const at = LONG.indexOf(name); return at < 0 ? LONG.length : at; };
await all([
  ['check', ['sh', 'tools/check.sh'], {}],
  ...programs.sort((a, b) => rank(a) - rank(b)).map(name => [name, ['node', '--test-reporter=tap', `tests/${name}.test.mjs`],
    { timeout: 1800000, env: environment }]),
  ...unit.map(test => [`unit/${test.name}`, [...test.cmd, '--tap'], { timeout: 180000, env: { ...environment, ...test.env } }]),
].filter(([name]) => wanted(name)), availableParallelism() + 1);

const slowest = times.sort((a, b) => b[1] - a[1]).slice(0, 8).map(([name, seconds]) => `${name} ${seconds.toFixed(0)}`);
console.log(`\n${((Date.now() - started) / 1000).toFixed(0)} s in all; slowest: ${slowest.join(', ')}`);
if (failures.length) console.log(`\nFailed:\n${failures.map(line => `  ${line}`).join('\n')}`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed${totals.skipped ? `, ${totals.skipped} skipped` : ''}`);
process.exitCode = totals.failed || !totals.passed ? 1 : 0;
