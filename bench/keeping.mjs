// The second half of `make bench`: how fast Lantai receives files, keeps and re-reads them on this machine, in processes of the real program.
// `node bench/keeping.mjs [--write]` runs it alone and puts its section into docs/benchmarks.md; bench/run.mjs calls it too.
// `node bench/keeping.mjs scrub` measures one part (small, scrub, huge).
// For trying: BENCH_FILES=2000 (small files), BENCH_HUGE_GB=2 (the one sparse file), BENCH_SCRUB_MB=300 (bytes to re-read).
import { mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { createCipheriv } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { program } from '../tests/support.mjs';
import { execute } from './peers.mjs';
import { aim, machine, mega, number, table, writeSection } from './report.mjs';
import { Watch, diskBytes, spaceOf } from './watch.mjs';

const FILES = Number(process.env.BENCH_FILES || 100_000), HUGE = Math.round(Number(process.env.BENCH_HUGE_GB || 100) * 1e9);
const SCRUB = Math.round(Number(process.env.BENCH_SCRUB_MB || 2000) * 1e6);
const MEMORY = 300e6, WORKING = 1.1, SHARE = 90, PIECE = 1 << 20;
const bench = path.join(path.dirname(program), 'lantai-bench'), environment = { LANTAI_SCRYPT_N: '16' };

// Bytes that no disk and no file system makes smaller, the same in each run.
const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16));
const draw = bytes => noise.update(Buffer.alloc(bytes));

class Keeping {
  constructor(tell) {
    this.tell = tell;
    this.folder = mkdtempSync(path.join(tmpdir(), 'lantai-keeping-'));
    this.parts = [];
    this.aims = [];
    process.on('exit', () => rmSync(this.folder, { recursive: true, force: true }));
  }

  inside(...names) { return path.join(this.folder, ...names); }
  lantai(dir, ...args) { return execute(program, ['-C', dir, ...args], { environment }); }

  // A command of the program, watched while it runs. kept: what the store holds more than before, on the disk; most: the greatest it had at one time of working
  // space (all but store, staging and database: what was unpacked, tables, rows, lists, temporary files), of the staging folder (the store's own files before they
  // are in their place) and of the database with its log, the index and the journal.
  async watched(dir, ...args) {
    const store = path.join(dir, 'store'), before = await diskBytes([store]);
    const watch = new Watch(async () => {
      const names = readdirSync(dir), these = wanted => names.filter(wanted).map(name => path.join(dir, name)), database = name => /^(lantai\.db|journal)/.test(name);
      const [working, staging, data] = await Promise.all([[...these(name => !database(name) && !name.startsWith('store')), this.inside('tmp')],
        these(name => name === 'store-staging'), these(database)].map(spaceOf));
      return { working: working.bytes, workingBlocks: working.blocks, staging: staging.bytes, database: data.bytes, databaseBlocks: data.blocks };
    });
    const { seconds, output, memory } = await watch.run(program, ['-C', dir, ...args], { ...environment, TMPDIR: this.inside('tmp') });
    return { seconds, memory, kept: await diskBytes([store]) - before, most: watch.most, report: JSON.parse(output) };
  }

  // ---- many small files ----

  // Texts of 1 to 8 KB and small scans, named by 档号; every one of its own bytes.
  async makeSmall() {
    this.tell(`making ${number(FILES)} small files`);
    await execute(bench, ['make', FILES, this.inside('small.csv')]);
    await execute(bench, ['page', this.inside('page.jpg'), '64', '48', '6']);
    const page = readFileSync(this.inside('page.jpg')), rows = readFileSync(this.inside('small.csv'), 'utf8').trim().split('\n').slice(1);
    mkdirSync(this.inside('small'));
    let bytes = 0;
    for (const [i, row] of rows.entries()) {
      const code = row.split(',')[1], text = i % 2 === 0;
      const padding = 1024 + (i * 2_654_435_761 >>> 8) % 6144, line = `${row.replaceAll(',', ' ')}\r\n`;
      const body = text ? Buffer.from(line.repeat(1 + Math.floor(padding / Buffer.byteLength(line)))) :
        Buffer.concat([page.subarray(0, 2), Buffer.from([0xff, 0xfe, 16 + padding >> 8, 16 + padding & 255]),
          Buffer.from(`${i}`.padEnd(14)), draw(padding), page.subarray(2)]);
      writeFileSync(this.inside('small', `${code}.${text ? 'txt' : 'jpg'}`), body);
      bytes += body.length;
    }
    return bytes;
  }

  async measureSmall() {
    const bytes = await this.makeSmall(), source = this.inside('small');
    await execute('sh', ['-c', 'cd "$0" && zip -q -0 -r ../small.zip .', source]);
    const csv = this.inside('small.csv'), options = ['--category', 'WS', '--quiet', '--json'], lines = [], spaces = [];
    const runs = [['receive --accept, a folder', source, 'receive', '--accept', '--note', '性能测量', csv, '--files', source],
      ['import, a folder', source, 'import', csv, '--files', source], ['import, a zip', this.inside('small.zip'), 'import', csv, '--files', this.inside('small.zip')]];
    for (const [i, [label, delivery, ...args]] of runs.entries()) {
      this.tell(label);
      const dir = this.inside(`small-${i}`), size = await spaceOf([delivery, csv]);
      await this.lantai(dir, 'init');
      const result = await this.watched(dir, ...args, ...options), { report, most } = result;
      if (report.attached !== FILES || report.created !== FILES) throw new Error(`${label}: ${report.attached} files, ${report.created} rows of ${FILES}`);
      const { timings } = report;
      lines.push([label, number(FILES / result.seconds), number(result.seconds, 1), number(timings.rehearse_ms / 1000, 1), number(timings.load_ms / 1000, 1),
        number(timings.attach_ms / 1000, 1), mega(result.memory)]);
      spaces.push([label, mega(size.bytes), mega(most.working), number(most.working / size.bytes, 2), mega(most.database), mega(most.staging),
        mega(size.blocks), mega(most.workingBlocks), mega(most.databaseBlocks), mega(result.kept)]);
      this.aims.push(aim(`memory, ${number(FILES)} small files, ${label}`, result.memory / 1e6, MEMORY / 1e6, true, 'MB'));
      this.aims.push(aim(`working space beside delivery and store, ${label}, as a multiple of the delivery's bytes`, most.working / size.bytes, WORKING, true, '×'));
      if (i) rmSync(dir, { recursive: true });
    }
    this.parts.push(`### Receiving ${number(FILES)} small files`, `A catalogue and ${number(FILES)} files of 1 to 8 KB (${mega(bytes)}; half texts, half JPEG), into an empty archive. ` +
      '`receive` checks the four properties of every row and file (each file is opened in a sandboxed child), then loads and attaches; `import` does not check.',
    table(['', 'files/s', 'seconds', 'rehearsal and check s', 'load s', 'attach s', 'peak memory'], lines), 'The most that lay on the disk at one time, as bytes of content and, in ' +
      'the last four columns, as blocks of this file system (every file of the store is one of a few kilobytes, and takes whole blocks). Working space is what goes when the delivery is ' +
      'done or is kept only as its working folder: what was unpacked, table, rows, lists, temporary files. Database, index and journal are part of the archive and stay; SQLite’s write-ahead ' +
      'log is counted with them. In staging are files of the store that are not in their place yet.',
    table(['', 'delivery', 'working space', '× delivery', 'database and index', 'staging', 'blocks: delivery', 'working space', 'database', 'store, when done'], spaces));
  }

  // ---- one huge file ----

  async measureHuge() {
    const folder = this.inside('huge'), file = path.join(folder, 'recording.bin'), dir = this.inside('huge-archive'), label = `${number(HUGE / 1e9)} GB`;
    this.tell(`receiving one file of ${label}`);
    mkdirSync(folder);
    const fd = openSync(file, 'w');
    truncateSync(file, HUGE);
    for (let i = 0; i < 64; i++) writeSync(fd, draw(PIECE), 0, PIECE, Math.floor(HUGE / 64 / 4096) * 4096 * i);
    closeSync(fd);
    await this.lantai(dir, 'init');
    const real = statSync(file).blocks * 512, result = await this.watched(dir, 'receive', folder, '--accept', '--note', '性能测量',
       '--fonds', 'H001', '--fonds-title', '测量', '--category', 'WS', '--quiet', '--json');
    if (result.report.attached !== 1 || result.report.bytes !== HUGE) throw new Error(`the huge file: ${JSON.stringify(result.report).slice(0, 500)}`);
    this.parts.push(`### Receiving one file of ${label}`, `A sparse file that holds ${mega(real)}. SHA-512 and SM3 run over every byte of it, holes too.`,
      table(['', 'MB/s', 'seconds', 'peak memory', 'on disk as delivered', 'on disk in the store', 'working space'],
        [['`lantai receive --accept`', number(HUGE / result.seconds / 1e6), number(result.seconds, 1), mega(result.memory), mega(real), mega(result.kept), mega(result.most.workingBlocks)]]));
    this.aims.push(aim(`memory, one file of ${label}`, result.memory / 1e6, MEMORY / 1e6, true, 'MB'));
    this.aims.push(aim(`disk, one sparse file of ${label}, store and working space, as a multiple of what it holds`, (result.kept + result.most.workingBlocks) / real,
      1 + WORKING, true, '×'));
    rmSync(dir, { recursive: true });
    rmSync(folder, { recursive: true });
  }

  // ---- reading again ----

  // From 64 KB to 64 MB, as many bytes of each size.
  async makeMixed() {
    this.tell(`making ${mega(SCRUB)} to read again`);
    const sizes = [64e3, 512e3, 4e6, 32e6, 64e6], counts = sizes.map(size => Math.max(1, Math.round(SCRUB / sizes.length / size)));
    const total = counts.reduce((a, b) => a + b, 0), folder = this.inside('mixed');
    await execute(bench, ['make', total, this.inside('mixed.csv')]);
    const codes = readFileSync(this.inside('mixed.csv'), 'utf8').trim().split('\n').slice(1).map(row => row.split(',')[1]);
    mkdirSync(folder);
    let bytes = 0;
    for (const [i, size] of sizes.entries())
      for (let k = 0; k < counts[i]; k++, bytes += size) writeFileSync(path.join(folder, `${codes.shift()}.bin`), draw(size));
    return { bytes, total, folder };
  }

  // Every file of the store, warm in the page cache, split into so many lists of equal size, and one process for each.
  async digests(store, command, processes) {
    const list = (await execute('find', [store, '-type', 'f', '-printf', '%s %p\\0'])).output.split('\0').filter(Boolean)
      .map(line => [Number(line.slice(0, line.indexOf(' '))), line.slice(line.indexOf(' ') + 1)]).sort((a, b) => b[0] - a[0]);
    const lots = Array.from({ length: processes }, () => ({ bytes: 0, names: [] }));
    for (const [size, name] of list) {
      const least = lots.reduce((a, b) => (b.bytes < a.bytes ? b : a));
      least.bytes += size;
      least.names.push(name);
    }
    const began = performance.now();
    await Promise.all(lots.map(lot => execute('sh', ['-c', `xargs -0 ${command} > /dev/null`], { input: lot.names.join('\0') })));
    return list.reduce((sum, [size]) => sum + size, 0) / (performance.now() - began) / 1000;
  }

  async measureScrub() {
    const { bytes, total, folder } = await this.makeMixed(), dir = this.inside('mixed-archive'), store = path.join(dir, 'store'), copy = this.inside('copy');
    await this.lantai(dir, 'init');
    await this.lantai(dir, 'import', this.inside('mixed.csv'), '--files', folder, '--category', 'WS', '--quiet', '--json');
    rmSync(folder, { recursive: true });
    mkdirSync(copy);
    await this.lantai(dir, 'copy', 'add', 'local', copy, '--rate', '0');
    this.tell('copy sync');
    const sync = await this.lantai(dir, 'copy', 'sync', 'local', '--quiet'), cores = cpus().length, rates = {}, lines = [];
    for (const name of ['sha512sum', 'openssl dgst -sm3'])
      for (const processes of [1, cores]) {
        this.tell(`${name}, ${processes} at once`);
        await this.digests(store, 'cat', processes);
        rates[`${name} ${processes}`] = await this.digests(store, name, processes);
      }
    const all = rates[`sha512sum ${cores}`], both = 1 / (1 / all + 1 / rates[`openssl dgst -sm3 ${cores}`]);
    const row = (label, rate, against, memory) => lines.push([label, number(rate), against ? `${number(100 * rate / against)} %` : '', memory ? mega(memory) : '']);
    for (const processes of [1, cores]) row(`\`sha512sum\`, ${processes} at once`, rates[`sha512sum ${processes}`]);
    for (const processes of [1, cores]) row(`\`openssl dgst -sm3\`, ${processes} at once`, rates[`openssl dgst -sm3 ${processes}`]);
    row(`both digests, one after the other, ${cores} at once`, both);
    const measure = async (label, against, reads, limit, ...args) => {
      this.tell(label);
      const watch = new Watch(null), { seconds, memory } = await watch.run(program, ['-C', dir, ...args, '--json'], environment), rate = reads / seconds / 1e6;
      row(`\`lantai ${label}\``, rate, against, memory);
      this.aims.push(aim(`${label}, share of ${limit} on ${cores} cores`, 100 * rate / against, SHARE, false, '%'));
      this.aims.push(aim(`memory, ${label}`, memory / 1e6, MEMORY / 1e6, true, 'MB'));
    };
    await this.digests(copy, 'cat', 1);
    await measure('copy verify primary', all, bytes, '`sha512sum`', 'copy', 'verify', 'primary', '--rate', '0', '--again', '--quiet');
    await measure('copy verify local', all, bytes, '`sha512sum`', 'copy', 'verify', 'local', '--rate', '0', '--again', '--quiet');
    await measure('check', both, bytes, 'both digests', 'check');
    this.parts.push(`### Reading ${mega(bytes)} again`, `${number(total)} files from 64 KB to 64 MB whose bytes cannot be made smaller, in the page cache. A scrub reads each file of a copy and holds its SHA-512 ` +
      `against the inventory; \`check\` makes both digests and holds them, and the catalogue. Beside them the same files by \`sha512sum\` and \`openssl\`: one process, then ${cores} on ` +
      `equal halves. Share: of as many processes as there are cores. Seconds are those of the whole process. \`copy sync\` wrote the copy in ${number(sync.seconds, 1)} s (${number(bytes / sync.seconds / 1e6)} MB/s).`,
    table(['', 'MB/s', 'share', 'peak memory'], lines));
  }
}

// The section, as text.
export async function measureKeeping(tell, steps = ['small', 'scrub', 'huge']) {
  const keeping = new Keeping(tell), began = performance.now();
  mkdirSync(keeping.inside('tmp'));
  try {
    const description = await machine(program, keeping.folder);
    for (const step of steps) await keeping[`measure${step[0].toUpperCase()}${step.slice(1)}`]();
    return ['## Receiving and keeping', description, table(['', 'aim', 'measured', ''], keeping.aims), ...keeping.parts,
      `This part took ${number((performance.now() - began) / 60_000, 1)} minutes.`].join('\n\n');
  } finally {
    rmSync(keeping.folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const began = performance.now(), only = process.argv.slice(2).filter(word => !word.startsWith('-'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
  const text = await measureKeeping(words => process.stderr.write(`[${number((performance.now() - began) / 1000).padStart(4)} s] ${words}\n`),
    only.length ? only : undefined);
  process.stdout.write(`${text}\n`);
  if (process.argv.includes('--write')) process.stderr.write(`written: ${writeSection(text)}\n`);
}
