// What the tests of the whole program share: temporary archives, the server on loopback, signing in, requests.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

export const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '..');
export const program = process.env.LANTAI_PROGRAM || path.join(root, 'build', 'lantai');
export const shared = path.join(root, '..', 'shared');
export const sharedHere = existsSync(path.join(shared, 'data'));
export const PASSWORD = 'Lantai-2026';

// Thousands of small files: in memory where there is room for them, so that a test does not wait for a disk.
function roomInMemory() {
  try { const room = statfsSync('/dev/shm'); return room.bavail * room.bsize > 3 * 2 ** 30; } catch { return false; }
}
if (!process.env.TMPDIR && roomInMemory()) process.env.TMPDIR = '/dev/shm';

const folders = [];
export function temporary(name = 'lantai-test-') {
  const folder = mkdtempSync(path.join(tmpdir(), name));
  folders.push(folder);
  return folder;
}
process.on('exit', () => folders.forEach(folder => rmSync(folder, { recursive: true, force: true })));

// Runs `lantai …`; gives {status, stdout, stderr, json}. Never throws for a failing status.
export async function lantai(dir, ...args) {
  const options = { maxBuffer: 1 << 28, env: { ...process.env, LANTAI_SCRYPT_N: '16' } };
  try {
    const { stdout, stderr } = await promisify(execFile)(program, ['-C', dir, ...args], options);
    return { status: 0, stdout, stderr, json: args.includes('--json') ? JSON.parse(stdout) : undefined };
  } catch (error) {
    if (error.code === undefined && !error.signal) throw error;
    let json;
    try { json = JSON.parse(error.stdout); } catch { json = undefined; }
    return { status: error.code ?? error.signal, stdout: error.stdout, stderr: error.stderr, json };
  }
}

async function makeDemo(dir, scale) {
  const result = await lantai(dir, 'demo', '--scale', String(scale));
  if (result.status !== 0) throw new Error(`demo: ${result.stderr}`);
  return dir;
}

// The one that all test programs of a run share: who comes first makes it, the others wait.
async function shelvedDemo(shelf, scale) {
  const kept = path.join(shelf, `demo-${scale}`), failed = `${kept}.failed`;
  let first = true;
  try { mkdirSync(`${kept}.lock`); } catch { first = false; }
  if (first) {
    try { renameSync(await makeDemo(`${kept}.part`, scale), kept); } catch (error) { mkdirSync(failed); throw error; }
  }
  for (; !existsSync(kept); await new Promise(done => setTimeout(done, 200))) if (existsSync(failed)) throw new Error('demo: another test program could not make it');
  return kept;
}

// A small demonstration archive (thousandths of the full one), made once for a test file; copies of it are cheap.
const made = new Map();
export async function demo(scale = 10) {
  if (!made.has(scale)) {
    made.set(scale, (async () => {
      const dir = path.join(temporary(), 'archive'), shelf = process.env.LANTAI_TEST_SHELF;
      if (!shelf) return makeDemo(dir, scale);
      cpSync(await shelvedDemo(shelf, scale), dir, { recursive: true, preserveTimestamps: true });
      return dir;
    })());
  }
  return made.get(scale);
}
export async function demoCopy(scale = 10) {
  const dir = path.join(temporary(), 'archive');
  cpSync(await demo(scale), dir, { recursive: true });
  return dir;
}

// Starts `lantai serve` on a free port. stop() ends it by its process id and waits.
export async function serve(dir, environment = {}) {
  const child = spawn(program, ['-C', dir, 'serve', '--port', '0', '--json'], { env: { ...process.env, LANTAI_SCRYPT_N: '16', ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '', errors = '';
  child.stderr.on('data', data => { errors += data; });
  const ended = new Promise(done => child.on('close', (code, signal) => done({ code, signal, errors })));
  const started = await new Promise((done, fail) => {
    child.stdout.on('data', data => {
      output += data;
      try { const value = JSON.parse(output); if (value.port) done(value); } catch { /* not all of it yet */ }
    });
    ended.then(({ code }) => fail(new Error(`serve ended with ${code}: ${errors}`)));
  });
  const base = `http://127.0.0.1:${started.port}`;
  return { base, pid: child.pid, seconds: started.seconds, ended, errors: () => errors, stop: async (signal = 'SIGTERM') => { child.kill(signal); return ended; } };
}

// A client with cookies: get/post give {status, headers, text, json}. JSON is asked for unless html is true.
/** The Set-Cookie lines of a reply; Debian's node 18 joins them with commas and has no getSetCookie. */
export const cookiesOf = reply => reply.headers.getSetCookie?.() ?? (reply.headers.get('set-cookie') ?? '').split(/, (?=[A-Za-z_]+=)/).filter(Boolean);

// What fetch does with a plain request, for a third of the processor time: tests make tens of thousands.
const agent = new http.Agent({ keepAlive: true, timeout: 4000 });
function send(url, { method, headers, body }) {
  return new Promise((done, fail) => {
    const request = http.request(url, { method, agent, headers: { Accept: '*/*', ...headers } }, reply => {
      const parts = [];
      reply.on('data', part => parts.push(part));
      reply.on('error', fail);
      reply.on('end', () => {
        const named = new Headers();
        for (let i = 0; i < reply.rawHeaders.length; i += 2) named.append(reply.rawHeaders[i], reply.rawHeaders[i + 1]);
        done({ status: reply.statusCode, headers: named, bytes: Buffer.concat(parts) });
      });
    });
    request.on('error', fail);
    request.end(body);
  });
}
async function sendForm(url, init) {
  const reply = await fetch(url, { ...init, redirect: 'manual' });
  return { status: reply.status, headers: reply.headers, bytes: Buffer.from(await reply.arrayBuffer()) };
}

export class Client {
  constructor(base) { this.base = base; this.cookies = new Map(); }

  async request(method, target, { form, json, body, html = false, headers = {} } = {}) {
    const init = { method, headers: { Accept: html ? 'text/html' : 'application/json', ...headers } };
    if (this.cookies.size) init.headers.Cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    if (form) { init.body = new URLSearchParams(form).toString(); init.headers['Content-Type'] = 'application/x-www-form-urlencoded'; }
    else if (json !== undefined) { init.body = JSON.stringify(json); init.headers['Content-Type'] = 'application/json'; }
    else if (body) init.body = body;
    if (method !== 'GET' && method !== 'HEAD' && this.csrf && !init.headers['X-CSRF-Token']) init.headers['X-CSRF-Token'] = this.csrf;
    const reply = await (body ? sendForm : send)(this.base + target, init);
    for (const cookie of cookiesOf(reply)) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      if (value && !/max-age=0\b/i.test(cookie)) this.cookies.set(name, value); else this.cookies.delete(name);
    }
    const text = reply.bytes.toString('utf8');
    let parsed;
    try { parsed = JSON.parse(text); } catch { parsed = undefined; }
    return { ...reply, text, json: parsed };
  }

  get(target, options) { return this.request('GET', target, options); }
  post(target, options) { return this.request('POST', target, options); }

  // The token is in every page's forms for a signed-in user.
  async learnToken() {
    const page = await this.get('/me', { html: true });
    this.csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1];
  }

  async signIn(name, password = PASSWORD) {
    const page = await this.get('/login', { html: true });
    this.csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1];
    const reply = await this.post('/login', { form: { name, password }, html: true });
    if (reply.status !== 303) throw new Error(`sign-in of ${name}: ${reply.status} ${reply.text.slice(0, 300)}`);
    await this.learnToken();
    return this;
  }
}

// ---- a delivery to import: a table and its documents, the same for the same numbers ----

// Asks the database beside the program, through the sqlite3 command. Changing it (write: true) is for tests that do harm.
export function sqlite(dir, statement, { write = false } = {}) {
  const file = path.join(dir, 'lantai.db');
  const output = execFileSync('sqlite3', ['-json', '-cmd', '.timeout 5000', write ? file : `file:${file}?mode=ro`], { input: statement, encoding: 'utf8', maxBuffer: 1 << 28 });
  return output.trim() ? JSON.parse(output) : [];
}

export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6D2B79F5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function pdfBytes(text) {
  const page = `BT /F1 24 Tf 60 760 Td (${text.replace(/[\\()]/g, '')}) Tj ET`;
  const objects = ['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>',
    `<< /Length ${page.length} >>\nstream\n${page}\nendstream`, '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>'];
  let body = '%PDF-1.4\n';
  const offsets = objects.map((object, i) => { const at = body.length; body += `${i + 1} 0 obj\n${object}\nendobj\n`; return at; });
  const table = offsets.map(at => `${String(at).padStart(10, '0')} 00000 n \n`).join('');
  return Buffer.from(`${body}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer << /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${body.length}\n%%EOF\n`, 'latin1');
}

export const DELIVERY_HEADER = ['全宗号', '全宗名称', '档号', '题名', '责任者', '文号', '日期', '年度', '保管期限', '密级', '开放标识', '电子档案名称'];
export const deliveryCode = i => `T001-WS·${1950 + i % 70}-Y-${String(i).padStart(5, '0')}`;
export function csvText(header, rows) {
  const cell = value => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  return `\ufeff${[header, ...rows].map(row => row.map(value => cell(String(value))).join(',')).join('\r\n')}\r\n`;
}
// Row i of version v: title, creator and text of its document all name the version, so that a mixture of two can be seen.
export function deliveryRow(i, version = '甲', documents = 0) {
  const year = 1950 + i % 70;
  return ['T001', '试验全宗', deliveryCode(i), `关于第${i}号水库加固工程的${version}批复`, `临江市水利局${version}`, `临水〔${year}〕${i}号`, `${year}-03-${String(1 + i % 28).padStart(2, '0')}`, year, '永久', '公开', '开放',
    i < documents ? `${deliveryCode(i)}.${i % 8 === 7 ? 'pdf' : 'txt'}` : ''];
}
// Writes folder/table.csv and folder/files/; from/count say which rows. Returns {table, files}.
export function writeDelivery(folder, { from = 0, count, documents = 0, version = '甲' }) {
  const files = path.join(folder, 'files'), table = path.join(folder, 'table.csv');
  mkdirSync(files, { recursive: true });
  const rows = Array.from({ length: count }, (_, at) => deliveryRow(from + at, version, documents));
  writeFileSync(table, csvText(DELIVERY_HEADER, rows));
  for (const row of rows) {
    const name = row.at(-1);
    if (name.endsWith('.pdf')) writeFileSync(path.join(files, name), pdfBytes(`Reservoir ${row[2].replace(/[^\x20-\x7e]/g, '')} ${version === '甲' ? 'version one' : 'version two'}`));
    else if (name) writeFileSync(path.join(files, name), `${row[3]}\n档号 ${row[2]}，${row[4]}。\n${'经研究，同意所报方案，望精心组织施工，确保安全度汛。'.repeat(8)}\n`);
  }
  return { table, files };
}
