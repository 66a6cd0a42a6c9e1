// The tree at size: 200 000 children under one node opened, paged, sorted, filtered, put in order; a branch of 100 000 records moved to another fonds and back.
// `node bench/tree.mjs [--write]` puts its section into docs/benchmarks.md; `make bench` runs it too. For trying: BENCH_CHILDREN=2000.
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, PASSWORD, program, serve, sqlite } from '../tests/support.mjs';
import { execute } from './peers.mjs';
import { aim, machine, ms, number, percentile, table, writeSection } from './report.mjs';

const CHILDREN = Number(process.env.BENCH_CHILDREN || 200_000), BRANCH = CHILDREN / 2, PAGES = 200, environment = { LANTAI_SCRYPT_N: '16' };
const SUBJECTS = ['水利', '农业', '教育', '民政', '财政', '土地', '干部', '统计'], KINDS = ['通知', '批复', '报告', '请示', '意见'];

const codeOf = (fonds, i) => `${fonds}-WS·${1950 + i % 70}-Y-${String(i).padStart(6, '0')}`;

async function writeRows(file) {
  const out = createWriteStream(file);
  out.write('全宗号,全宗名称,档号,题名,责任者,日期,年度,保管期限,密级,开放标识\n');
  for (const [fonds, count] of [['T001', CHILDREN], ['T002', BRANCH]])
    for (let i = 0; i < count; i++) {
      const year = 1950 + i % 70, title = `关于${year}年${SUBJECTS[i % 8]}工作第${i}号的${KINDS[i % 5]}`;
      const row = [fonds, `全宗${fonds}`, codeOf(fonds, i), title, `市${SUBJECTS[i % 8]}局`, `${year}-0${1 + i % 9}-1${i % 10}`, year, '永久', '公开', '开放'];
      if (!out.write(`${row.join(',')}\n`)) await once(out, 'drain');
    }
  await new Promise(done => out.end(done));
}

class Tree {
  constructor(tell, client, dir) { Object.assign(this, { tell, client, dir, lines: [] }); }

  async get(target) {
    const reply = await this.client.get(target);
    if (reply.status !== 200) throw new Error(`${target}: ${reply.status} ${reply.text.slice(0, 300)}`);
    return reply.json;
  }

  async post(target, form) {
    const reply = await this.client.post(target, { form });
    if (reply.status !== 200) throw new Error(`${target}: ${reply.status} ${reply.text.slice(0, 300)}`);
    return reply.json.location;
  }

  // Asks a page a few times; keeps the times in milliseconds.
  async ask(label, count, target) {
    const times = [];
    for (let i = 0; i < count; i++) {
      const started = performance.now();
      await target(i);
      times.push(performance.now() - started);
    }
    this.lines.push({ label, count, p50: percentile(times, .5), p99: percentile(times, .99), most: Math.max(...times) });
    this.tell(`${label}: ${ms(this.lines.at(-1).p50)} / ${ms(this.lines.at(-1).p99)} ms`);
  }

  async leaf(label, home, from) {
    let next = from;
    await this.ask(label, Math.min(PAGES, CHILDREN / 100), async () => { next = (await this.get(`${home}?${next}`)).next; });
  }

  async pages(node) {
    const home = `/catalog/${node}`;
    for (const [label, sort] of [['by 档号', 'code'], ['newest first', 'newest'], ['oldest first', 'oldest']]) {
      await this.ask(`opened, ${label}`, 20, () => this.get(`${home}?sort=${sort}`));
      await this.leaf(`the next page, ${label}, ${PAGES} times`, home, `sort=${sort}`);
    }
    await this.ask('filtered by a word', 20, i => this.get(`${home}?filter=${encodeURIComponent(`${SUBJECTS[i % 8]} ${KINDS[i % 5]}`)}`));
    await this.ask('filtered by years', 20, i => this.get(`${home}?year_from=${1950 + i}&year_to=${1960 + i}`));
  }

  async order(node) {
    const home = `/catalog/${node}`, at = i => this.id(codeOf('T001', i));
    await this.ask('the first one put in an order of its own', 1, async () => this.post(`${home}/pick`, { ids: at(CHILDREN - 1), do: 'first' }));
    await this.ask('put first, moved down', 20, i => this.post(`${home}/pick`, i % 2 ? { down: at(i * 100) } : { ids: at(i * 100), do: 'first' }));
    await this.leaf(`the next page in that order, ${PAGES} times`, home, 'sort=place');
  }

  id(code) { return sqlite(this.dir, `SELECT id FROM record WHERE code = '${code}'`)[0].id; }

  async until(place, state) {
    for (;;) {
      const { json } = await this.client.get(place);
      if (json.plan.state === state && !json.active) return json.plan;
      if (json.problem) throw new Error(json.problem);
      await new Promise(next => setTimeout(next, 200));
    }
  }

  async branch() {
    await this.post('/record/new', { form: 1, code: 'T900', title: '后设的全宗' });
    const target = this.id('T900'), branch = this.id('T002-WS');
    let place;
    const timed = async (label, work) => {
      const started = performance.now();
      const plan = await work();
      this.lines.push({ label, seconds: (performance.now() - started) / 1000 });
      this.tell(`${label}: ${number(this.lines.at(-1).seconds, 1)} s`);
      return plan;
    };
    const plan = await timed('a branch: planned', async () => { place = await this.post('/move', { ids: branch, target }); return this.until(place, 'planned'); });
    if (plan.total !== BRANCH + 1) throw new Error(`the plan has ${plan.total} records`);
    await timed('a branch: moved', async () => { await this.post(`${place}/start`, {}); return this.until(place, 'done'); });
    await timed('a branch: taken back', async () => { await this.post(`${place}/undo`, {}); return this.until(place, 'undone'); });
  }
}

export async function measureTree(tell) {
  const folder = mkdtempSync(path.join(tmpdir(), 'lantai-tree-')), dir = path.join(folder, 'archive');
  let server = null;
  try {
    const description = await machine(program, folder);
    await writeRows(path.join(folder, 'rows.csv'));
    await execute(program, ['-C', dir, 'init'], { environment });
    await execute(program, ['-C', dir, 'import', path.join(folder, 'rows.csv'), '--category', 'WS', '--quiet'], { environment });
    await execute(program, ['-C', dir, 'user', 'add', 'archivist', '--role', 'archivist', '--password', PASSWORD, '--security', '秘密'], { environment });
    server = await serve(dir);
    const tree = new Tree(tell, await new Client(server.base).signIn('archivist'), dir), node = tree.id('T001-WS');
    if ((await tree.get(`/catalog/${node}`)).count !== CHILDREN) throw new Error('the node lacks children');
    await tree.pages(node);
    await tree.order(node);
    await tree.branch();
    const asked = tree.lines.filter(line => line.count), pages = asked.filter(line => !line.label.includes('put')), carried = tree.lines.filter(line => line.seconds);
    return [`## The tree: ${number(CHILDREN)} children under one node`, description, table(['', 'aim', 'measured', ''],
      [aim('a page of children, worst p99', Math.max(...pages.map(line => line.p99)), 200, true, 'ms'),
        aim('one child put elsewhere, worst', Math.max(...asked.map(line => (pages.includes(line) ? 0 : line.most))), 2000, true, 'ms'),
        aim(`a branch of ${number(BRANCH)} moved, seconds`, carried[1].seconds, 60, true, 's')]),
    'Over HTTP, signed in as an archivist, milliseconds; plans and moves of a branch are jobs with progress.',
    table(['', 'p50', 'p99', 'most'], asked.map(line => [line.label, ms(line.p50), ms(line.p99), ms(line.most)])),
    table(['', 'seconds', 'records/s'], carried.map(line => [line.label, number(line.seconds, 1), number(BRANCH / line.seconds)]))].join('\n\n');
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await measureTree(words => process.stderr.write(`${words}\n`));
  process.stdout.write(`${text}\n`);
  if (process.argv.includes('--write')) process.stderr.write(`written: ${writeSection(text, 'The tree')}\n`);
}
