// How fast the pages of ledgers and figures are: over the demonstration's ledgers (about 16 000 entries in 60 of them) and over one ledger of a million entries; the section of
// docs/benchmarks.md by `make bench`, alone with `node bench/ledgers.mjs [--write]`. BENCH_ENTRIES=50000 makes a small run; BENCH_LEDGERS=folder keeps the archives between runs.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, PASSWORD, program, serve, sqlite } from '../tests/support.mjs';
import { execute } from './peers.mjs';
import { aim, ms, number, percentile, table, writeSection } from './report.mjs';

const ENTRIES = Number(process.env.BENCH_ENTRIES || 1_000_000), ROUNDS = Number(process.env.BENCH_ROUNDS || 40), SAVES = 7, SHEET = Number(process.env.BENCH_SHEET || 50_000), WAITS = 200, DEEP = 1000, WARM = 100, SAVED = 300;
const environment = { LANTAI_SCRYPT_N: '16' }, run = (dir, ...args) => execute(program, ['-C', dir, ...args], { environment });

async function makeArchives(folder, tell) {
  const figures = path.join(path.dirname(program), 'lantai-figures'), small = path.join(folder, 'demonstration'), large = path.join(folder, 'large');
  await execute('ninja', ['-C', path.dirname(program), path.basename(figures)]);
  if (!existsSync(small)) {
    tell('ledgers of the demonstration');
    await run(small, 'init');
    await run(small, 'demo', '--ledgers');
    await run(small, 'user', 'add', 'bench', '--role', 'director', '--password', PASSWORD, '--security', '秘密');
  }
  if (!existsSync(large)) {
    tell(`one ledger of ${number(ENTRIES)} entries`);
    await execute(figures, [large, String(ENTRIES), 'make']);
    await run(large, 'user', 'add', 'bench', '--role', 'director', '--password', PASSWORD, '--security', '秘密');
  }
  return { small, large };
}

// The largest ledger, a choice of it, and its page behind a thousand others.
async function pagesOf(client, dir) {
  const all = (await client.get('/ledgers')).json.groups.flatMap(group => group.ledgers), largest = all.reduce((best, one) => (one.all > best.all ? one : best));
  const home = `/ledger/${largest.id}`, list = (await client.get(home)).json, facet = list.facets.flatMap(({ values }) => values)[0]?.href ?? home;
  const skip = Math.min(DEEP * 50, largest.all - 51), [last] = sqlite(dir,
    `SELECT id, from_date FROM ledger_entry WHERE ledger_id = ${largest.id} AND deleted = 0 ORDER BY from_date DESC, id DESC LIMIT 1 OFFSET ${skip}`);
  const deep = `${home}?after=${last.id}:n:${last.from_date}`;
  const column = list.head.find(({ label }) => label === '标题') ?? list.head[0], figures = (await client.get('/figures')).json;
  const figure = (await client.get(`/figures?q=${encodeURIComponent(largest.name)}&year=2023`)).json.rows[0] ?? figures.rows[0];
  return { entries: all.reduce((sum, { all: count }) => sum + count, 0), ledgers: all.length, ledger: largest,
    pages: [['今天要办, on the home page', '/'], ['what is owed', '/owed'], ['all ledgers with their counts', '/ledgers'], ['a ledger, with its chips', home], ['a chip chosen', facet],
      ['sorted by title', column.href], ['words sought', `${home}?q=${encodeURIComponent('第999')}`], ['deep by key', deep], ['the board', `${home}?show=board`],
      ['the calendar', `${home}?show=calendar`], ['figures, a page of them', '/figures'], ['one figure, rows and six years', `/figure/${figure.id}?year=2023`]] };
}

async function timeOnce(client, target) {
  const began = performance.now(), reply = await client.get(target, { html: true });
  if (reply.status !== 200) throw new Error(`${target}: ${reply.status} ${reply.text.slice(0, 200)}`);
  return performance.now() - began;
}

// The form of another entry like the newest one.
async function anotherForm(client, ledger) {
  const { rows } = (await client.get(`/ledger/${ledger.id}`)).json, { inputs } = (await client.get(`/ledger/${ledger.id}/new?like=${rows[0].id}`)).json;
  const given = inputs.filter(({ value, is_input, is_choice, required }) => value && (is_input || is_choice || required)).map(({ name, value }) => [`v.${name}`, value]);
  return Object.fromEntries([...given, ['v.标题', '新登'], ['v.日期', '2023-05-05']]);
}

async function timePages(client, pages, ledger) {
  const warm = new Map(pages.map(([label]) => [label, []])), saved = new Map(pages.map(([label]) => [label, []]));
  for (const [label, target] of pages) {
    await timeOnce(client, target);
    for (let i = 0; i < ROUNDS; i++) warm.get(label).push(await timeOnce(client, target));
  }
  const form = await anotherForm(client, ledger);
  for (let i = 0; i < SAVES; i++) {
    for (const [label, target] of pages) {
      const reply = await client.post(`/ledger/${ledger.id}/new`, { form });
      if (reply.status >= 400) throw new Error(`an entry: ${reply.status} ${reply.text.slice(0, 300)}`);
      saved.get(label).push(await timeOnce(client, target));
    }
  }
  return pages.map(([label]) => ({ label, p50: percentile(warm.get(label), 0.5), p99: percentile(warm.get(label), 0.99), saved: percentile(saved.get(label), 0.5),
    slowest: Math.max(...saved.get(label)) }));
}

// A sheet through the pages: planned, made and taken back by jobs; how long another's saves wait meanwhile.
async function timeImport(client, ledger, { inputs }) {
  const needed = inputs.filter(({ required, is_choice, name }) => required && is_choice && name !== '标题' && name !== '日期');
  const head = ['标题', '日期', ...needed.map(({ name }) => name)], rest = needed.map(({ options, values }) => (options ?? values ?? [])[0]?.value ?? '');
  const sheet = [head, ...Array.from({ length: SHEET }, (_, i) => [`导入第${i}条`, '2025-05-12', ...rest])].map(row => row.join(',')).join('\n');
  const form = await anotherForm(client, ledger), upload = new FormData(), rows = [];
  upload.set('csrf', client.csrf);
  upload.set('file', new Blob([sheet]), 'sheet.csv');
  const batch = (await client.post(`/ledger/${ledger.id}/import`, { body: upload })).json.location;
  for (const [step, target] of [['planned', null], ['made', `${batch}/make`], ['taken back', `${batch}/undo`]]) {
    const began = performance.now(), waits = [];
    if (target) await client.post(target, { form: {} });
    for (let going = true; going;) {
      const asked = performance.now(), reply = await client.post(`/ledger/${ledger.id}/new`, { form });
      if (reply.status >= 400) throw new Error(`an entry: ${reply.status} ${reply.text.slice(0, 300)}`);
      waits.push(performance.now() - asked);
      going = Boolean((await client.get(batch)).json.job);
    }
    rows.push({ step, seconds: (performance.now() - began) / 1000, p50: percentile(waits, 0.5), slowest: Math.max(...waits) });
  }
  const { undone, made } = (await client.get(batch)).json;
  if (undone !== SHEET || made !== 0) throw new Error(`an import of ${SHEET} rows: ${undone} taken back, ${made} left`);
  return rows;
}

// Text of the section; the aims are appended to what is given.
export async function measureLedgers(tell, aims = []) {
  const kept = process.env.BENCH_LEDGERS, folder = kept || mkdtempSync(path.join(tmpdir(), 'lantai-ledgers-')), parts = [];
  mkdirSync(folder, { recursive: true });
  if (!kept) process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const archives = await makeArchives(folder, tell);
  for (const dir of [archives.small, archives.large].filter(dir => !process.env.BENCH_ONLY || dir.endsWith(process.env.BENCH_ONLY))) {
    const server = await serve(dir), end = () => server.stop();
    process.once('exit', end);
    try {
      const client = await new Client(server.base).signIn('bench'), first = await timeOnce(client, '/ledgers'), { pages, ledger, entries, ledgers } = await pagesOf(client, dir);
      tell(`pages over ${number(entries)} entries`);
      const rows = await timePages(client, pages, ledger);
      tell(rows.map(row => `${row.label} ${ms(row.p50)} ${ms(row.p99)} ${ms(row.saved)}`).join('; '));
      parts.push(`### ${number(entries)} entries in ${ledgers} ledger${ledgers > 1 ? 's' : ''}, the largest ${number(ledger.all)}`,
        `First page of all ledgers right after the start: ${ms(first)} ms.`,
        table(['page', 'warm p50', 'p99', 'after an entry, median', 'slowest'], rows.map(row => [row.label, ms(row.p50), ms(row.p99), ms(row.saved), ms(row.slowest)])));
      const size = `${number(entries)} entries`;
      if (dir === archives.small) {
        tell(`a sheet of ${number(SHEET)} rows`);
        const sheet = await timeImport(client, ledger, (await client.get(`/ledger/${ledger.id}/new`)).json);
        parts.push(`A sheet of ${number(SHEET)} rows by the pages, while somebody else saves entries one after the other:`,
          table(['step', 'seconds', 'a save meanwhile, p50 ms', 'slowest ms'], sheet.map(row => [row.step, row.seconds.toFixed(1), ms(row.p50), ms(row.slowest)])));
        aims.push(aim(`slowest save during an import of ${number(SHEET)} rows`, Math.max(...sheet.map(({ slowest }) => slowest)), WAITS, true, 'ms'));
      }
      if (dir === archives.small) aims.push(aim(`slowest page’s p99, ${size}`, Math.max(...rows.map(({ p99 }) => p99)), WARM, true, 'ms'));
      else aims.push(aim(`slowest page after one entry was saved, ${size}`, Math.max(...rows.map(({ saved }) => saved)), SAVED, true, 'ms'));
    } finally {
      process.off('exit', end);
      await end();
    }
  }
  return ['## Ledgers and figures', `Milliseconds over HTTP on loopback for whole pages, signed in, ${ROUNDS} times each; then ${SAVES} times right after an entry was saved in that largest ledger.`,
    ...parts].join('\n\n');
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const began = performance.now(), aims = [];
  const text = await measureLedgers(words => process.stderr.write(`[${number((performance.now() - began) / 1000).padStart(4)} s] ${words}\n`), aims);
  process.stdout.write(`${text}\n\n${table(['', 'aim', 'measured', ''], aims)}\n`);
  if (process.argv.includes('--write')) writeSection(text, 'Ledgers and figures');
  process.exit(0);
}
