// Changes in bulk, measured: a revision planned, made and undone over all records, a changed definition compared with them, a survey of their quality.
// `node bench/changes.mjs [--write]` puts its section into docs/benchmarks.md; `make bench` runs it too. For trying: BENCH_ROWS=10000.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, PASSWORD, program, serve } from '../tests/support.mjs';
import { execute } from './peers.mjs';
import { aim, machine, mega, number, table, writeSection } from './report.mjs';

const ROWS = Number(process.env.BENCH_ROWS || 304_000), environment = { LANTAI_SCRYPT_N: '16' };
const bench = path.join(path.dirname(program), 'lantai-bench');
const residentOf = pid => 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const ticksOf = pid => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((sum, text) => sum + Number(text), 0);

class Changes {
  constructor(tell, server, client, other) { Object.assign(this, { tell, server, client, other, lines: [] }); }

  // Somebody else describes one record again and again, ten times a second, while the job runs: how long the longest save took, in milliseconds.
  async saveBeside(running) {
    let longest = 0;
    for (let turn = 0; running(); turn++) {
      const started = performance.now(), reply = await this.other.post('/record/10/edit', { form: { docno: `${turn}号` } });
      if (reply.status !== 200) throw new Error(`a save beside: ${reply.status} ${reply.text.slice(0, 300)}`);
      longest = Math.max(longest, performance.now() - started);
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    return longest;
  }

  // From the request to the end of what it began: seconds until the page answered, until it was done, of the processor; the largest memory on the way.
  async time(label, begin, done) {
    const started = performance.now(), ticks = ticksOf(this.server.pid), since = () => (performance.now() - started) / 1000;
    let memory = 0, running = true;
    const beside = this.saveBeside(() => running);
    const state = await begin(), answered = since();
    while (!await done(state)) {
      memory = Math.max(memory, residentOf(this.server.pid));
      await new Promise(resolve => setTimeout(resolve, 500));
    }
    const line = { label, answered, seconds: since(), busy: (ticksOf(this.server.pid) - ticks) / 100, memory: Math.max(memory, residentOf(this.server.pid)) };
    running = false;
    line.beside = await beside;
    this.lines.push(line);
    this.tell(`${label}: ${number(line.seconds, 1)} s; somebody else's longest save ${number(line.beside, 0)} ms`);
    return state;
  }

  async post(target, form) {
    const reply = await this.client.post(target, { form });
    if (reply.status !== 200) throw new Error(`${target}: ${reply.status} ${reply.text.slice(0, 300)}`);
    return reply.json.location;
  }

  async revise() {
    const stateIs = wanted => async page => (await this.client.get(page)).json.revision.state === wanted;
    const page = await this.time('plan a rule over all titles', () => this.post('/revise/new', { selection: '{"query":""}', field: 'title', kind: 'suffix', value: '（核）' }), stateIs('planned'));
    await this.time('make it', async () => { await this.post(`${page}/start`, {}); return page; }, stateIs('done'));
    await this.time('undo it', async () => { await this.post(`${page}/undo`, {}); return page; }, stateIs('undone'));
  }

  async define() {
    const { yaml: former, seen } = (await this.client.get('/categories/WS/yaml')).json;
    const yaml = former.replace(/^fields:\n/m, 'fields:\n  - {key: measured, label: 必著的新项, required: true}\n'); // which every record lacks
    if (yaml === former) throw new Error('the definition has no fields');
    await this.time('compare a changed definition with all records', () => this.post('/categories/WS/yaml', { yaml, seen }),
      async () => (await this.client.get('/categories/WS/preview')).json.check?.state === 'done');
  }

  // A field that every record has is closed, then opened: its values move in the index.
  async close() {
    const turns = [['a definition closes a field of every record', yaml => yaml.replace(/^( *)- key: wz\n/m, '$&$1  public: false\n')],
      ['and opens it again', yaml => yaml.replace(/^ *public: false\n/m, '')]];
    for (const [label, turned] of turns) {
      const { yaml: former, seen } = (await this.client.get('/categories/WS/yaml')).json, yaml = turned(former);
      if (yaml === former) throw new Error('the definition has no such field');
      await this.post('/categories/WS/yaml', { yaml, seen });
      while ((await this.client.get('/categories/WS/preview')).json.check?.state !== 'done') await new Promise(resolve => setTimeout(resolve, 200));
      const version = async () => (await this.client.get('/categories/WS')).json.versions[0].version, before = await version();
      await this.time(label, () => this.post('/categories/WS/enforce', { accept: 1 }), async () => await version() > before && !(await this.client.get('/jobs')).json.jobs.some(job => job.active));
    }
  }

  async survey() {
    await this.time('survey the quality of all records', () => this.post('/quality', { full: 1 }), async () => (await this.client.get('/quality')).json.survey);
  }
}

export async function measureChanges(tell) {
  const folder = mkdtempSync(path.join(tmpdir(), 'lantai-changes-')), dir = path.join(folder, 'archive');
  let server = null;
  try {
    const description = await machine(program, folder);
    await execute(bench, ['make', ROWS, path.join(folder, 'rows.csv')].map(String));
    await execute(program, ['-C', dir, 'init'], { environment });
    await execute(program, ['-C', dir, 'import', path.join(folder, 'rows.csv'), '--category', 'WS', '--quiet'], { environment });
    await execute(program, ['-C', dir, 'user', 'add', 'archivist', '--role', 'archivist', '--password', PASSWORD, '--security', '秘密'], { environment });
    await execute(program, ['-C', dir, 'user', 'add', 'other', '--role', 'archivist', '--password', PASSWORD, '--security', '秘密'], { environment });
    server = await serve(dir);
    const changes = new Changes(tell, server, await new Client(server.base).signIn('archivist'), await new Client(server.base).signIn('other'));
    await changes.revise();
    await changes.define();
    await changes.close();
    await changes.survey();
    const rows = changes.lines.map(line => [line.label, number(line.answered, 2), number(line.seconds, 1), number(line.busy, 1), number(ROWS / line.seconds),
      mega(line.memory), number(line.beside)]);
    const [plan] = changes.lines, compared = changes.lines.find(line => line.label.startsWith('compare'));
    return [`## Changes in bulk over ${number(ROWS)} records`, description, table(['', 'aim', 'measured', ''],
      [aim('a rule planned, seconds', plan.seconds, 10, true, 's'), aim('a definition compared, seconds', compared.seconds, 10, true, 's'),
        aim("somebody else's longest save", Math.max(...changes.lines.map(line => line.beside)), 500, true, 'ms'),
        aim('the page answers meanwhile', Math.max(...changes.lines.map(line => line.answered)), 2, true, 's')]),
    'Over HTTP in the server; what takes longer than a moment is a job with progress. Answered: when the page came back. Busy: seconds of the processor. ' +
      'A save: the longest that somebody else waited who describes a record ten times a second.',
    table(['', 'answered, s', 'done, s', 'busy, s', 'records/s', 'memory', 'a save, ms'], rows)].join('\n\n');
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await measureChanges(words => process.stderr.write(`${words}\n`));
  process.stdout.write(`${text}\n`);
  if (process.argv.includes('--write')) process.stderr.write(`written: ${writeSection(text, 'Changes in bulk')}\n`);
}
