// A process watched while it runs: the most memory that it and its helpers had, and the most that folders held.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { execute } from './peers.mjs';

const MEMORY_EVERY_MS = 50, SPACE_EVERY_MS = 1000;

// What files take on the disk, links to one file counted once. A file that goes away meanwhile is left out.
export async function diskBytes(paths) {
  const { output } = await execute('du', ['-s', '-c', '-B1', '--', ...paths], { quiet: true });
  return Number(/^(\d+)\s+total$/m.exec(output)?.[1] ?? 0);
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

// folders: a function that gives those to be measured.
export class Watch {
  constructor(folders) {
    this.folders = folders;
    this.most = 0;
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
    const folders = this.folders();
    if (folders.length) this.most = Math.max(this.most, await diskBytes(folders));
  }

  // {seconds, output, memory}; what it writes to stderr is told when it fails.
  run(command, args, environment) {
    return new Promise((done, fail) => {
      const began = performance.now(), child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
      const output = [], errors = [];
      let looking = Promise.resolve(), busy = false, ended = false;
      const memory = setInterval(() => this.look(child.pid), MEMORY_EVERY_MS);
      const space = setInterval(() => {
        if (busy || ended) return;
        busy = true;
        looking = this.space().finally(() => { busy = false; });
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
