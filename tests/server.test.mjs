// The server as a program among others: starting and stopping, what is taken, newer or damaged, signing in and out, restarts under work, long queries, slow clients, a full disk.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, cpSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { before, test } from 'node:test';
import { Client, cookiesOf, csvText, deliveryRow, DELIVERY_HEADER, lantai, PASSWORD, program, serve, sqlite, temporary, writeDelivery } from './support.mjs';

const folder = temporary('lantai-server-');
const pause = ms => new Promise(done => setTimeout(done, ms));
const CHINESE = /[\u4e00-\u9fff]{3}/;
let archive, copies = 0;

function copy() {
  const to = path.join(folder, `copy-${copies++}`);
  cpSync(archive, to, { recursive: true });
  return to;
}

before(async () => {
  archive = path.join(folder, 'archive');
  assert.equal((await lantai(archive, 'init')).status, 0);
  for (const [name, role] of [['archivist', 'archivist'], ['admin', 'sysadmin'], ['reader', 'reader']])
    assert.equal((await lantai(archive, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', role === 'archivist' ? '秘密' : '公开')).status, 0);
  const delivery = writeDelivery(path.join(folder, 'first'), { count: 2000, documents: 10 });
  assert.equal((await lantai(archive, 'import', delivery.table, '--files', delivery.files)).status, 0);
});

// Runs `lantai serve` that is expected to refuse: status and what it says, within seconds.
async function refusedServe(dir, ...options) {
  const child = spawn(program, ['-C', dir, 'serve', ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', data => { said += data; });
  child.stdout.on('data', data => { said += data; });
  const timer = setTimeout(() => child.kill('SIGKILL'), 15000);
  const [code, signal] = await new Promise(done => child.on('close', (...end) => done(end)));
  clearTimeout(timer);
  assert.equal(signal, null, `it went on running: ${said}`);
  assert.ok(code > 0, said);
  assert.match(said, CHINESE);
  return said;
}

/* ---- start and stop ---- */

test('starts fast, answers, ends cleanly on SIGTERM and SIGINT, and can be started again', async () => {
  const dir = copy();
  for (const signal of ['SIGTERM', 'SIGINT']) {
    const server = await serve(dir);
    assert.ok(server.seconds < 1, `started in ${server.seconds} s`);
    const client = new Client(server.base);
    assert.equal((await client.get('/', { html: true })).status, 200);
    assert.equal((await client.get('/no-such-page', { html: true })).status, 404);
    const begin = Date.now(), { code, signal: ended } = await server.stop(signal);
    assert.deepEqual([code, ended], [0, null], signal);
    assert.ok(Date.now() - begin < 5000, `stopped in ${Date.now() - begin} ms`);
    await assert.rejects(fetch(server.base), 'nothing listens any more');
  }
});

test('a port that is taken', async () => {
  const other = net.createServer().listen(0, '127.0.0.1');
  await new Promise(done => other.once('listening', done));
  const { port } = other.address(), said = await refusedServe(copy(), '--port', String(port));
  other.close();
  assert.match(said, new RegExp(`端口.*${port}|${port}.*端口`));
  assert.match(said, /--port|PORT|另/, 'and what to do');
});

test('an address that is not ours, and a port that is no port', async () => {
  const dir = copy();
  for (const options of [['--port', '0', '--address', '203.0.113.7'], ['--port', '0', '--address', 'not an address'], ['--port', '65536'], ['--port', '-7'], ['--port', 'x']])
    assert.doesNotMatch(await refusedServe(dir, ...options), /Error|Cannot/, options.join(' '));
});

test('a directory that is in use names the process; reading goes on beside it', async () => {
  const dir = copy(), server = await serve(dir);
  try {
    const said = await refusedServe(dir, '--port', '0');
    assert.match(said, /正被另一个兰台程序使用/);
    assert.ok(said.includes(String(server.pid)), 'its process id');
    for (const command of [['import', path.join(folder, 'first', 'table.csv')], ['undo', '1'], ['reindex'], ['user', 'add', 'other'], ['backup', path.join(folder, 'b.tar')]]) {
      const result = await lantai(dir, ...command);
      assert.equal(result.status, 1, command.join(' '));
      assert.match(result.stderr, /正被另一个兰台程序使用/);
    }
    for (const command of [['search', '水库'], ['check'], ['audit'], ['routes'], ['user'], ['show', deliveryRow(3)[2]]]) assert.equal((await lantai(dir, ...command, '--json')).status, 0, command.join(' '));
  } finally { await server.stop(); }
});

test('a folder without an archive, and one that cannot be made', async () => {
  assert.match(await refusedServe(path.join(folder, 'nowhere')), /没有档案库.*init/);
  const file = path.join(folder, 'a-file');
  writeFileSync(file, '');
  const result = await lantai(path.join(file, 'below'), 'init');
  assert.notEqual(result.status, 0);
  assert.match(result.stderr, CHINESE);
  assert.match((await lantai(archive, 'init')).stderr, /已有档案库/);
});

test('a database of a newer program is refused and not touched', async () => {
  const dir = copy();
  sqlite(dir, `UPDATE schema_version SET number = number + 7 WHERE room = 'catalog'`, { write: true });
  const before = sqlite(dir, 'SELECT count(*) AS n FROM event');
  const said = await refusedServe(dir, '--port', '0');
  assert.match(said, /新|版本/);
  const search = await lantai(dir, 'search', '水库');
  assert.notEqual(search.status, 0);
  assert.deepEqual(sqlite(dir, 'SELECT count(*) AS n FROM event'), before);
});

function overwrite(file, at, length) {
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(length, 0x5a), 0, length, at);
  closeSync(handle);
}

test('a damaged database is refused or found by the check, never served as if nothing were', async () => {
  const header = copy();
  overwrite(path.join(header, 'lantai.db'), 0, 4096);
  const said = await refusedServe(header, '--port', '0');
  assert.match(said, /损坏/);
  assert.match(said, /restore|rebuild/, 'and what to do');
  for (const command of [['check'], ['search', '水库'], ['audit'], ['import', path.join(folder, 'first', 'table.csv')]]) {
    const result = await lantai(header, ...command);
    assert.notEqual(result.status, 0, command.join(' '));
    assert.match(result.stderr, /损坏/, command.join(' '));
  }
  const rebuilt = await lantai(header, 'rebuild', path.join(folder, 'rebuilt'), '--json');
  assert.equal(rebuilt.status, 0, rebuilt.stderr);
  assert.equal((await lantai(path.join(folder, 'rebuilt'), 'search', '水库', '--json')).json.hits, 2000);

  const middle = copy(), file = path.join(middle, 'lantai.db'), size = statSync(file).size;
  overwrite(file, Math.floor(size / 2 / 4096) * 4096, 40 * 4096);
  const check = await lantai(middle, 'check', '--json');
  assert.notEqual(check.status, 0);
  assert.notEqual(check.json?.database, 'good', check.stdout);
  const child = await serve(middle).catch(error => error);
  if (child instanceof Error) assert.match(child.message, /损坏/);
  else {
    const client = new Client(child.base);
    for (const target of ['/', '/search?q=%E6%B0%B4%E5%BA%93', '/catalog']) {
      const reply = await client.get(target, { html: true });
      assert.ok(reply.status === 200 || reply.status >= 500, `${target}: ${reply.status}`);
      if (reply.status >= 500) assert.match(reply.text, /损坏|restore|备份/, `${target} says what is wrong`);
    }
    await child.stop();
  }

  const cut = copy();
  const bytes = readFileSync(path.join(cut, 'lantai.db'));
  writeFileSync(path.join(cut, 'lantai.db'), bytes.subarray(0, Math.floor(bytes.length / 3)));
  const result = await lantai(cut, 'check', '--json');
  assert.notEqual(result.status, 0, result.stdout);
});

/* ---- signing in ---- */

async function signInReply(client, name, password) {
  client.csrf = /name="csrf" value="([^"]+)"/.exec((await client.get('/login', { html: true })).text)[1];
  return client.post('/login', { form: { name, password }, html: true });
}

test('sign-in, sign-out, and that a token is worth nothing afterwards', async () => {
  const server = await serve(copy());
  try {
    const client = await new Client(server.base).signIn('archivist'), cookie = client.cookies.get('session');
    assert.equal((await client.get('/deliveries')).status, 200);
    const page = await client.get('/login', { html: true });
    assert.ok([200, 303].includes(page.status));
    const out = await client.post('/logout', { form: {}, html: true });
    assert.equal(out.status, 303);
    assert.equal(client.cookies.has('session'), false, 'the cookie is cleared');
    client.cookies.set('session', cookie);
    assert.ok([303, 401, 403].includes((await client.get('/deliveries')).status), 'the old token opens nothing');
    const wrong = new Client(server.base);
    for (const name of ['archivist', 'nobody']) {
      const { status, text } = await signInReply(wrong, name, 'wrong');
      assert.equal(status, 403);
      assert.match(text, /用户名或密码不正确/, 'the same words whether the name is known or not');
    }
    const cookieHeader = cookiesOf(await wrong.post('/login', { html: true, form: { name: 'archivist', password: PASSWORD } })).find(text => text.startsWith('session='));
    assert.match(cookieHeader, /HttpOnly/i);
    assert.match(cookieHeader, /SameSite=(Lax|Strict)/i);
  } finally { await server.stop(); }
});

test('after five failures the name is locked for this address, also with the right password; others are not', async () => {
  const dir = copy(), server = await serve(dir);
  try {
    const client = new Client(server.base);
    for (let i = 0; i < 5; i++) assert.match((await signInReply(client, 'reader', `wrong-${i}`)).text, /用户名或密码不正确/);
    assert.match((await signInReply(client, 'reader', PASSWORD)).text, /锁定.*\d+ 分钟/);
    await new Client(server.base).signIn('archivist');
    const events = sqlite(dir, `SELECT action, count(*) AS n FROM event WHERE action LIKE 'user.sign_in%' GROUP BY action`);
    assert.deepEqual(events.find(event => event.action === 'user.sign_in_failed')?.n, 5);
    assert.deepEqual(events.find(event => event.action === 'user.sign_in_locked')?.n, 1);
  } finally { await server.stop(); }
});

test('a form without the token, or from another session, changes nothing', async () => {
  const server = await serve(copy());
  try {
    const client = await new Client(server.base).signIn('archivist');
    const good = client.csrf;
    for (const token of ['', 'x', `${good.slice(0, -2)}zz`]) {
      client.csrf = undefined;
      const reply = await client.post('/delivery/1/undo', { form: { csrf: token }, html: true });
      assert.equal(reply.status, 403, `token ${JSON.stringify(token)}`);
    }
    const other = await new Client(server.base).signIn('admin');
    client.csrf = other.csrf;
    assert.equal((await client.post('/delivery/1/undo', { form: {}, html: true })).status, 403);
    client.csrf = good;
    assert.equal((await client.get('/delivery/1')).json.state, 'done');
  } finally { await server.stop(); }
});

/* ---- work that goes on after a restart ---- */

async function upload(client, name, rows) {
  const body = new FormData();
  body.set('table', new Blob([csvText(DELIVERY_HEADER, rows)]), `${name}.csv`);
  body.set('name', name);
  const reply = await client.post('/delivery/new', { body, html: true });
  assert.equal(reply.status, 303, reply.text.slice(0, 2000));
  return /\/delivery\/(\d+)/.exec(reply.headers.get('location'))[1];
}
async function until(what, ask, ms = 60000) {
  for (const begin = Date.now(); Date.now() - begin < ms; await pause(40)) {
    const value = await ask();
    if (value) return value;
  }
  return assert.fail(`${what} did not come`);
}

for (const signal of ['SIGTERM', 'SIGKILL'])
  test(`an import that ${signal} stopped goes on by itself after the next start`, async () => {
    const dir = copy(), settings = path.join(dir, 'lantai.yaml');
    writeFileSync(settings, readFileSync(settings, 'utf8').replace(/batch_rows: \d+/, 'batch_rows: 50'));
    let server = await serve(dir);
    const count = 20000;
    try {
      const client = await new Client(server.base).signIn('archivist');
      const id = await upload(client, '长批次', Array.from({ length: count }, (_, i) => deliveryRow(100000 + i)));
      const done = async () => { const { json } = await client.get(`/delivery/${id}`); return !json.job && json.state !== 'received' && json; };
      assert.equal((await client.post(`/delivery/${id}/rehearse`, { form: {}, html: true })).status, 303);
      const rehearsed = await until('the rehearsal', done);
      assert.deepEqual([rehearsed.state, rehearsed.rows, rehearsed.created, rehearsed.rejected_count], ['rehearsed', count, count, 0]);
      assert.equal((await client.post(`/delivery/${id}/load`, { form: { note: '案卷号不连续，系抽样移交' }, html: true })).status, 303); // its check says that numbers are missing
      const loaded = () => sqlite(dir, `SELECT loaded_rows AS n FROM accession WHERE id = ${id}`)[0].n;
      await until('the first rows', () => loaded() > 0);
      await server.stop(signal);
      const reached = loaded();
      assert.ok(reached > 0 && reached < count, `stopped in the middle: ${reached}`);
      server = await serve(dir);
      await until('the end of the import', () => sqlite(dir, `SELECT state FROM accession WHERE id = ${id}`)[0].state === 'done');
      assert.equal(sqlite(dir, `SELECT count(*) AS n FROM record WHERE accession_id = ${id} AND level = 4`)[0].n, count);
      const again = await new Client(server.base).signIn('archivist'), { json } = await again.get(`/delivery/${id}`);
      assert.deepEqual([json.state, json.created, json.updated], ['done', count, 0]);
      assert.equal((await again.get(`/search?delivery=${id}`)).json.hits, count);
    } finally { await server.stop(); }
    const check = await lantai(dir, 'check', '--json');
    assert.equal(check.status, 0, check.stdout + check.stderr);
    assert.equal((await lantai(dir, 'audit')).status, 0);
  });

/* ---- long and strange requests ---- */

// What another reader waited at most while this was going on.
async function beside(server, work) {
  let busy = true, slowest = 0;
  const other = (async () => { while (busy) { const begin = performance.now(); assert.equal((await fetch(`${server.base}/search?q=1953`)).status, 200); slowest = Math.max(slowest, performance.now() - begin); await pause(20); } })();
  const begin = performance.now();
  const result = await work().finally(() => { busy = false; }), ms = performance.now() - begin;
  await other;
  return { result, ms, slowest };
}

test('long queries are answered or clearly refused within a second, while another client is served', async () => {
  const server = await serve(copy());
  try {
    const client = await new Client(server.base).signIn('archivist');
    await client.get('/search?q=%E6%B0%B4%E5%BA%93');
    const queries = {
      'ten thousand characters of one word': '水'.repeat(10000),
      'ten thousand different characters': Array.from({ length: 10000 }, (_, i) => String.fromCharCode(0x4e00 + i)).join(''),
      'five thousand words': Array.from({ length: 5000 }, (_, i) => String.fromCharCode(0x4e00 + i)).join(' '),
      'three thousand ORs': Array.from({ length: 2500 }, (_, i) => String.fromCharCode(0x4e00 + i)).join(' 或 '),
      'only operators': 'AND OR NOT 或 非 与 ( ) " - * : '.repeat(200),
      'open brackets': '('.repeat(9999),
      'minus signs': '-'.repeat(9999),
      'stars': '* '.repeat(4999),
      'quotes': '"'.repeat(9999),
      'many years': Array.from({ length: 1000 }, (_, i) => `年度:${i}-${9999 - i}`).join(' 或 ').slice(0, 10000),
      'too long': '水'.repeat(20000),
      'spaces': ' '.repeat(9000),
      'controls': '\u0000\u0001\u0007\u200b\u202e'.repeat(1000),
      'wildcards of SQL': '%'.repeat(3000) + '_'.repeat(3000),
      'controls in few words': '\u0000水\u0001库\u0007\u200b\u202e '.repeat(20),
      'characters of private use': '\ue000\uf8ff\u{f0000}水 '.repeat(20),
      'private use alone': '\ue000'.repeat(1000),
      'unbalanced quotes and brackets': '"水 ("库 “坝 （'.repeat(60),
      'brackets in brackets': `${'('.repeat(500)}水${')'.repeat(500)}`,
      'expressions that explode': '(a+)+$ (a|aa)+ (.*)*b '.repeat(40),
      'wildcards that explode': `档号:${'*5'.repeat(40)} 文号:${'*?'.repeat(40)}9 文号:${'?*'.repeat(40)}`,
      'fields of fields': '题名:责任者:文号:'.repeat(60),
      'letters that could be names': 'zhang wei li na '.repeat(30),
    };
    const problems = [];
    for (const [what, query] of Object.entries(queries)) {
      const { result: reply, ms, slowest } = await beside(server, () => client.get(`/search?q=${encodeURIComponent(query)}`));
      if (ms > 1000) problems.push(`${what}: ${ms.toFixed(0)} ms`);
      if (slowest > 1000) problems.push(`${what}: another client waited ${slowest.toFixed(0)} ms`);
      if (![200, 400, 413, 414, 422, 431].includes(reply.status)) problems.push(`${what}: status ${reply.status} ${reply.text.slice(0, 200)}`);
      if (reply.status !== 200 && reply.status !== 414 && reply.status !== 431 && !CHINESE.test(reply.text)) problems.push(`${what}: refused with ${reply.text.slice(0, 200)}`);
    }
    assert.deepEqual(problems, []);
    const hits = async query => (await client.get(`/search?q=${encodeURIComponent(query)}`)).json.hits;
    assert.ok(await hits('水库') > 0);
    assert.equal(await hits('水\u0000库\u0007'), await hits('水库'), 'what nobody sees is left out');
  } finally { await server.stop(); }
});

test('a hundred thousand filters', async () => {
  const server = await serve(copy());
  try {
    const many = name => Array.from({ length: 100000 }, (_, i) => `${name}=${i}`).join('&');
    for (const [count, target] of [[100000, `/search?${many('year')}`], [150, `/search?${Array.from({ length: 150 }, (_, i) => `year=${1900 + i}`).join('&')}`], [5000, `/search?${Array.from({ length: 5000 }, (_, i) => `year=${i}`).join('&')}`]]) {
      const ask = () => fetch(server.base + target, { headers: { Accept: 'text/html' } }).catch(error => ({ status: 0, error })), { result: reply, ms, slowest } = await beside(server, ask);
      assert.ok(ms < 1000 && slowest < 1000, `${count} filters: ${ms.toFixed(0)} ms, another client waited ${slowest.toFixed(0)} ms`);
      assert.equal(count === 150, reply.status === 200, `${count} filters: ${reply.status}`);
      if (reply.status) assert.ok([200, 400, 413, 414, 422, 431].includes(reply.status), `${count} filters: ${reply.status}`);
    }
    assert.equal((await fetch(`${server.base}/`)).status, 200);
  } finally { await server.stop(); }
});

test('wrong parameters, paths and methods get a Chinese page and a fitting status', async () => {
  const server = await serve(copy());
  try {
    const client = new Client(server.base);
    for (const [target, ...statuses] of [['/search?year=abc', 400, 422], ['/search?sort=zufall', 400, 422], ['/search?after=%00%ff', 200, 400, 422], ['/search?after=xyz', 200, 400, 422], ['/record/99999999999', 404], ['/record/abc', 404],
      ['/record/-1', 404], ['/record/1/../../etc/passwd', 404], ['/static/../lantai.db', 404], ['/static/%2e%2e/%2e%2e/lantai.db', 404, 400], ['/file/1/page/0/image', 400, 404, 422], ['/catalog/7777777', 404], ['/search?q=%E6%B0', 200, 400, 422]]) {
      const reply = await client.get(target, { html: true });
      assert.ok(statuses.includes(reply.status), `${target}: ${reply.status}`);
      if (reply.status !== 200) assert.match(reply.text, CHINESE, target);
    }
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE-LIKE']) {
      const reply = await client.request(method, '/search', { html: true });
      assert.ok(reply.status >= 400 && reply.status < 500 || reply.status === 501, `${method}: ${reply.status}`);
    }
    assert.equal((await client.request('HEAD', '/search')).status, 200);
  } finally { await server.stop(); }
});

test('every page carries its protections', async () => {
  const server = await serve(copy());
  try {
    for (const target of ['/', '/search?q=1', '/login', '/no-such-page']) {
      const { headers } = await new Client(server.base).get(target, { html: true });
      assert.match(headers.get('content-security-policy') || '', /default-src|script-src/);
      assert.doesNotMatch(headers.get('content-security-policy'), /'unsafe-(inline|eval)'/);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.match(`${headers.get('x-frame-options')} ${headers.get('content-security-policy')}`, /DENY|SAMEORIGIN|frame-ancestors/i);
      assert.match(headers.get('referrer-policy') || '', /same-origin|no-referrer/);
    }
  } finally { await server.stop(); }
});

/* ---- slow and rude clients ---- */

test('slow clients are cut off in time and hinder nobody', async () => {
  const server = await serve(copy());
  const { port } = new URL(server.base), sockets = [];
  const rude = (first, drip) => new Promise(done => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(first)), begin = Date.now();
    const timer = setInterval(() => drip && socket.writable && socket.write(drip), 400);
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.on('close', () => { clearInterval(timer); done(Date.now() - begin); });
    sockets.push(socket);
  });
  try {
    const ended = [];
    const header = Array.from({ length: 40 }, () => rude('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ', 'a'));
    header.push(rude('', 'G'), rude('', ''));
    header.forEach(each => each.then(ms => ended.push(ms)));
    for (const begin = Date.now(); Date.now() - begin < 8000; await pause(250)) {
      const at = performance.now();
      assert.equal((await fetch(`${server.base}/search?q=%E6%B0%B4%E5%BA%93`)).status, 200);
      assert.ok(performance.now() - at < 1000, `a request took ${performance.now() - at} ms beside the slow ones`);
    }
    await Promise.race([Promise.all(header), pause(12000)]);
    assert.equal(ended.length, header.length, `${ended.length} of ${header.length} slow clients were cut off after 20 s`);
    assert.ok(Math.max(...ended) < 16000, `the last after ${Math.max(...ended)} ms`);
  } finally {
    sockets.forEach(socket => socket.destroy());
    await server.stop();
  }
});

test('a client that breaks off an upload leaves nothing behind', async () => {
  const dir = copy(), server = await serve(dir);
  try {
    const client = await new Client(server.base).signIn('archivist'), { port } = new URL(server.base);
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    const body = `--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n${client.csrf}\r\n--x\r\nContent-Disposition: form-data; name="table"; filename="a.csv"\r\n\r\n${'档号,题名\r\n'.repeat(1000)}`;
    socket.write(`POST /delivery/new HTTP/1.1\r\nHost: x\r\nCookie: session=${client.cookies.get('session')}\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 90000000\r\n\r\n${body}`);
    await pause(500);
    socket.destroy();
    await pause(500);
    assert.equal(sqlite(dir, 'SELECT count(*) AS n FROM accession')[0].n, 1);
    assert.equal(readdirSync(path.join(dir, 'deliveries')).length, readdirSync(path.join(archive, 'deliveries')).length);
    if (existsSync(path.join(dir, 'tmp'))) assert.deepEqual(readdirSync(path.join(dir, 'tmp')), []);
    assert.equal((await client.get('/deliveries')).status, 200);
  } finally { await server.stop(); }
});

/* ---- a full disk ---- */

function mountSmall(megabytes) {
  const point = path.join(folder, `disk-${megabytes}`);
  mkdirSync(point, { recursive: true });
  try { execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', point], { stdio: 'pipe' }); } catch { return null; }
  return point;
}
const unmount = point => { try { execFileSync('umount', [point], { stdio: 'pipe' }); } catch { /* in use: goes with the machine */ } };

test('a disk that fills up: the error is clear, nothing is lost, and it goes on when there is room', async context => {
  const point = mountSmall(24);
  if (!point) return context.skip('磁盘满的试验要挂载 tmpfs：需要 root 和挂载权限');
  try {
    const dir = path.join(point, 'archive'), fill = path.join(point, 'fill');
    cpSync(archive, dir, { recursive: true });
    const before = (await lantai(dir, 'search', '水库', '--json')).json.hits;
    const free = () => Number(execFileSync('df', ['-B1', '--output=avail', point], { encoding: 'utf8' }).split('\n')[1]);
    const room = bytes => writeFileSync(fill, Buffer.alloc(Math.max(0, free() + (existsSync(fill) ? statSync(fill).size : 0) - bytes)));
    const delivery = writeDelivery(path.join(folder, 'big'), { from: 50000, count: 6000, documents: 50060 });
    for (const bytes of [20000, 300000, 2500000, 5000000]) {
      room(bytes);
      const result = await lantai(dir, 'import', delivery.table, '--files', delivery.files, '--name', '满盘');
      assert.notEqual(result.status, 0, `with ${bytes} bytes of room: ${result.stdout}`);
      assert.match(result.stderr, /磁盘|空间|No space/, `with ${bytes} bytes of room: ${result.stderr}`);
      assert.doesNotMatch(result.stderr, /critical|CRITICAL|assertion|损坏/, result.stderr);
      const hits = await lantai(dir, 'search', '题名:第1号', '--json');
      assert.equal(hits.status, 0, hits.stderr);
    }
    writeFileSync(fill, '');
    const check = await lantai(dir, 'check', '--json');
    assert.equal(check.status, 0, check.stdout + check.stderr);
    const again = await lantai(dir, 'import', delivery.table, '--files', delivery.files, '--name', '满盘', '--json');
    assert.equal(again.status, 0, again.stderr);
    assert.deepEqual([again.json.rows, again.json.created + again.json.unchanged], [6000, 6000]);
    assert.equal((await lantai(dir, 'search', '水库', '--json')).json.hits, before + 6000);
    const end = await lantai(dir, 'check', '--json');
    assert.equal(end.status, 0, end.stdout + end.stderr);
    assert.equal((await lantai(dir, 'audit')).status, 0);
    assert.equal(sqlite(dir, `SELECT count(*) AS n FROM accession WHERE name = '满盘'`)[0].n, 1, 'one delivery, gone on with');
  } finally { unmount(point); }
});

test('the server on a full disk: reading goes on, saving says why not, and works again afterwards', async context => {
  const point = mountSmall(25);
  if (!point) return context.skip('磁盘满的试验要挂载 tmpfs：需要 root 和挂载权限');
  const dir = path.join(point, 'archive'), fill = path.join(point, 'fill');
  cpSync(archive, dir, { recursive: true });
  const server = await serve(dir);
  try {
    const client = await new Client(server.base).signIn('archivist');
    const free = () => Number(execFileSync('df', ['-B1', '--output=avail', point], { encoding: 'utf8' }).split('\n')[1]);
    for (let tries = 0; tries < 3 && free() > 0; tries++) { try { writeFileSync(fill + tries, Buffer.alloc(free())); } catch { /* full is what we want */ } }
    const form = { name: '满盘' }, body = new FormData();
    body.set('table', new Blob([csvText(DELIVERY_HEADER, Array.from({ length: 3000 }, (_, i) => deliveryRow(70000 + i)))]), '满盘.csv');
    body.set('name', form.name);
    const refused = await client.post('/delivery/new', { body, html: true });
    assert.ok(refused.status >= 500 || refused.status === 413, `upload: ${refused.status}`);
    assert.match(refused.text, /磁盘|空间/, refused.text.slice(0, 1500));
    for (const target of ['/', '/search?q=%E6%B0%B4%E5%BA%93', '/deliveries', '/catalog']) assert.equal((await client.get(target, { html: true })).status, 200, `${target} is still served`);
    for (let tries = 0; tries < 3; tries++) if (existsSync(fill + tries)) writeFileSync(fill + tries, '');
    const id = await upload(client, '又有空间', [deliveryRow(80000)]);
    assert.ok(Number(id) > 1);
  } finally {
    await server.stop();
    const check = await lantai(dir, 'check', '--json');
    unmount(point);
    assert.equal(check.status, 0, check.stdout + check.stderr);
  }
});
