// A process watched while it runs: the most memory that it and its helpers had, and the most of what a measure of space gives.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { execute } from './peers.mjs';

const MEMORY_EVERY_MS = 50, SPACE_EVERY_MS = 1000, SPACE_SHARE = 20; // looking at space takes at most one part in so many

// What files take on the disk, links to one file counted once. A file that goes away meanwhile is left out.
export async function diskBytes(paths) {
  const { output } = await execute('du', ['-s', '-c', '-B1', '--', ...paths], { quiet: true });
  return Number(/^(\d+)\s+total$/m.exec(output)?.[1] ?? 0);
}

// What lies in folders and files: {bytes} of content, {blocks} on the disk in bytes, folders too. A file with other names is left out: what was unpacked for a
// delivery is linked into the store, and counted there.
export async function spaceOf(paths) {
  const { output } = await execute('sh', ['-c', 'find "$@" -printf "%y %n %s %b\\n" 2>/dev/null | ' +
    'awk \'$1 == "d" { blocks += $4 } $1 == "f" && $2 < 2 { bytes += $3; blocks += $4 } END { printf "%.0f %.0f", bytes, blocks * 512 }\'', 'find', ...paths], { quiet: true });
  const [bytes, blocks] = paths.length ? output.split(' ').map(Number) : [0, 0];
  return { bytes, blocks };
}

const statusOf = (pid, field) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);

// The process and all below it.
function family(pid) {
  const found = [pid];
  for (let i = 0; i < found.length; i++)
    try {
      for (const thread of readdirSync(`/proc/${found[i]}/task`))
        found.push(...readFileSync(`/proc/${found[i]}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
    } catch { /* it has just ended */ }
  return found;
}

// space: an async function that gives {name: number}, asked again and again; most has the greatest of each. null: not asked.
export class Watch {
  constructor(space) {
    this.measure = space;
    this.most = {};
    this.memory = 0;
  }

  // VmHWM of the process itself; of the helpers what they have now, since their peaks are not at one time. Pages they share are counted for each.
  look(pid) {
    try {
      const helpers = family(pid).slice(1).reduce((sum, child) => { try { return sum + statusOf(child, 'RssAnon'); } catch { return sum; } }, 0);
      this.memory = Math.max(this.memory, 1024 * (statusOf(pid, 'VmHWM') + helpers));
    } catch { /* it has just ended */ }
  }

  async space() {
    const found = await this.measure();
    for (const [name, value] of Object.entries(found)) this.most[name] = Math.max(this.most[name] ?? 0, value);
  }

  // {seconds, output, memory}; what it writes to stderr is told when it fails.
  run(command, args, environment) {
    return new Promise((done, fail) => {
      const began = performance.now(), child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
      const output = [], errors = [];
      let looking = Promise.resolve(), busy = !this.measure, ended = false;
      const memory = setInterval(() => this.look(child.pid), MEMORY_EVERY_MS);
      const space = setInterval(() => {
        if (busy || ended) return;
        busy = true;
        const from = performance.now();
        looking = this.space().finally(() => setTimeout(() => { busy = false; }, (SPACE_SHARE - 1) * (performance.now() - from)).unref());
      }, SPACE_EVERY_MS);
      child.stdout.on('data', data => output.push(data));
      child.stderr.on('data', data => errors.push(data));
      child.on('error', fail);
      child.on('close', async code => {
        const seconds = (performance.now() - began) / 1000;
        ended = true;
        clearInterval(memory);
        clearInterval(space);
        await looking;
        if (code !== 0) fail(new Error(`${command} ${args.join(' ')}: ${Buffer.concat([...output, ...errors]).toString().slice(-2000)}`));
        else done({ seconds, output: Buffer.concat(output).toString(), memory: this.memory });
      });
    });
  }
}
