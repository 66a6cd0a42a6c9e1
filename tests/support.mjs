// What the tests of the whole program share: temporary archives, the server on loopback, signing in, requests.
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, cpSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

export const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '..');
export const program = process.env.LANTAI_PROGRAM || path.join(root, 'build', 'lantai');
export const shared = path.join(root, '..', 'shared');
export const sharedHere = existsSync(path.join(shared, 'data'));
export const PASSWORD = 'Lantai-2026';

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

// A small demonstration archive (thousandths of the full one), made once for a test file; copies of it are cheap.
const made = new Map();
export async function demo(scale = 10) {
  if (!made.has(scale)) {
    made.set(scale, (async () => {
      const dir = path.join(temporary(), 'archive');
      const result = await lantai(dir, 'demo', '--scale', String(scale));
      if (result.status !== 0) throw new Error(`demo: ${result.stderr}`);
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
    child.stdout.on('data', data => { output += data; try { done(JSON.parse(output)); } catch { /* not all of it yet */ } });
    ended.then(({ code }) => fail(new Error(`serve ended with ${code}: ${errors}`)));
  });
  const base = `http://127.0.0.1:${started.port}`;
  return { base, pid: child.pid, seconds: started.seconds, ended, errors: () => errors, stop: async (signal = 'SIGTERM') => { child.kill(signal); return ended; } };
}

// A client with cookies: get/post give {status, headers, text, json}. JSON is asked for unless html is true.
export class Client {
  constructor(base) { this.base = base; this.cookies = new Map(); }

  async request(method, target, { form, json, body, html = false, headers = {} } = {}) {
    const init = { method, redirect: 'manual', headers: { Accept: html ? 'text/html' : 'application/json', ...headers } };
    if (this.cookies.size) init.headers.Cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    if (form) { init.body = new URLSearchParams(form).toString(); init.headers['Content-Type'] = 'application/x-www-form-urlencoded'; }
    else if (json !== undefined) { init.body = JSON.stringify(json); init.headers['Content-Type'] = 'application/json'; }
    else if (body) init.body = body;
    if (method !== 'GET' && method !== 'HEAD' && this.csrf && !init.headers['X-CSRF-Token']) init.headers['X-CSRF-Token'] = this.csrf;
    const reply = await fetch(this.base + target, init);
    for (const cookie of reply.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      if (value && !/max-age=0\b/i.test(cookie)) this.cookies.set(name, value); else this.cookies.delete(name);
    }
    const bytes = Buffer.from(await reply.arrayBuffer()), text = bytes.toString('utf8');
    let parsed;
    try { parsed = JSON.parse(text); } catch { parsed = undefined; }
    return { status: reply.status, headers: reply.headers, bytes, text, json: parsed };
  }

  get(target, options) { return this.request('GET', target, options); }
  post(target, options) { return this.request('POST', target, options); }

  // The token is in every page's forms for a signed-in user.
  async learnToken() {
    const page = await this.get('/', { html: true });
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
