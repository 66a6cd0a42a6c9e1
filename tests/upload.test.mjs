// Files in slices: the API over a killed server, and the form in a real browser over a reload, a lost line and an ended session; what arrives is what was sent, byte for byte.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { emptyArchive } from './archive.mjs';
import { csv, zip } from './make.mjs';
import { Client, lantai, PASSWORD, randomNumbers, serve, temporary } from './support.mjs';

const MIB = 1 << 20, sha = bytes => createHash('sha256').update(bytes).digest('hex');
const folder = temporary('lantai-upload-');
let dir, server, client, table, packed;

before(async () => {
  dir = await emptyArchive();
  for (const name of ['archivist', 'second']) assert.equal((await lantai(dir, 'user', 'add', name, '--role', 'archivist', '--password', PASSWORD)).status, 0);
  const next = randomNumbers(7), noise = Buffer.alloc(20 * MIB + 12345);
  for (let i = 0; i < noise.length; i += 4) noise.writeUInt32LE((next() * 4294967296) >>> 0, Math.min(i, noise.length - 4));
  table = Buffer.from(csv([['档号', '题名', '电子档案名称'], ['U001-1', '大件', 'U001-1.bin']]));
  packed = zip({ 'U001-1.bin': noise });
  writeFileSync(path.join(folder, '目录.csv'), table);
  writeFileSync(path.join(folder, '原文.zip'), packed);
  server = await serve(dir);
  client = await new Client(server.base).signIn('archivist');
});
after(async () => { await server?.stop(); });

const begin = (who, name, bytes) => who.post('/uploads', { form: { name, size: bytes.length, fingerprint: sha(bytes).slice(0, 20) } });
function send(who, id, bytes, offset, length = 4 * MIB) {
  const body = new FormData();
  body.append('offset', String(offset));
  body.append('chunk', new Blob([bytes.subarray(offset, offset + length)]), 'chunk');
  return who.post(`/upload/${id}/part`, { body });
}
async function sendAll(who, name, bytes) {
  const started = await begin(who, name, bytes);
  let { id, received } = started.json;
  while (received < bytes.length) {
    const reply = await send(who, id, bytes, received);
    assert.equal(reply.status, 200, reply.text);
    received = reply.json.received;
  }
  return id;
}

test('a server killed in the middle of an upload: it goes on where it stopped, and the bytes are equal', async () => {
  await server.stop();
  server = await serve(dir, { LANTAI_FAULT: 'upload.part:3' });
  client = await new Client(server.base).signIn('archivist');
  const started = await begin(client, '原文.zip', packed);
  assert.deepEqual([started.status, started.json.received, started.json.size], [200, 0, packed.length], started.text);
  const { id } = started.json;
  for (const slice of [0, 1]) assert.equal((await send(client, id, packed, slice * 4 * MIB)).json.received, (slice + 1) * 4 * MIB);
  await assert.rejects(send(client, id, packed, 8 * MIB));
  assert.equal((await server.ended).signal, 'SIGKILL');
  server = await serve(dir);
  client = await new Client(server.base).signIn('archivist');
  const again = await begin(client, '原文.zip', packed);
  assert.deepEqual([again.json.id, again.json.received], [id, 8 * MIB], 'the same file of the same person goes on');
  const wrong = await send(client, id, packed, 12 * MIB);
  assert.deepEqual([wrong.status, wrong.json.received], [409, 8 * MIB]);
  assert.match(wrong.json.error.message, /续传/);
  assert.equal(await sendAll(client, '原文.zip', packed), id);
  assert.equal(sha(readFileSync(path.join(dir, 'tmp/resumable', String(id)))), sha(packed));
});

test('one may use only what is whole and one’s own', async () => {
  const second = await new Client(server.base).signIn('second'), { uploads } = (await client.get('/uploads')).json;
  assert.equal(uploads.length, 1);
  const [{ id }] = uploads;
  for (const reply of [await second.get(`/upload/${id}`), await send(second, id, packed, 0), await second.post(`/upload/${id}/drop`)]) assert.equal(reply.status, 404);
  const stolen = await second.post('/delivery/new', { form: { table_upload: id } });
  assert.equal(stolen.status, 404);
  const half = (await begin(client, '半个.csv', table)).json.id, refused = await client.post('/delivery/new', { form: { table_upload: half } });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /还没有传完/);
  assert.equal((await client.post('/delivery/new', { form: { name: '什么也没有' } })).status, 422);
  assert.equal((await client.post(`/upload/${half}/drop`)).status, 200);
  assert.equal((await client.post('/uploads', { form: { name: 'a', size: 0, fingerprint: 'x' } })).status, 422);
  const huge = await client.post('/uploads', { form: { name: 'a', size: 1e15, fingerprint: 'x' } });
  assert.equal(huge.status, 413);
});

test('a delivery of two uploads takes them over, and a refused form keeps them', async () => {
  const files_upload = (await client.get('/uploads')).json.uploads[0].id, table_upload = await sendAll(client, '目录.csv', table);
  const refused = await client.post('/delivery/new', { form: { table_upload, files_upload, category: '没有的' }, html: true });
  assert.equal(refused.status, 422);
  assert.match(refused.text, new RegExp(`name="table_upload" value="${table_upload}"`), 'the form comes back with them');
  const taken = await client.post('/delivery/new', { form: { table_upload, files_upload } });
  assert.equal(taken.status, 200, taken.text);
  const id = /\d+/.exec(taken.json.location)[0];
  assert.equal(sha(readFileSync(path.join(dir, 'deliveries', id, 'documents'))), sha(packed));
  assert.equal(sha(readFileSync(path.join(dir, 'deliveries', id, 'source', '目录.csv'))), sha(table));
  assert.deepEqual((await client.get('/uploads')).json.uploads, []);
  assert.equal(existsSync(path.join(dir, 'tmp/resumable', String(files_upload))), false);
});

test('the form in a browser: slices, a reload in between, a lost line, an ended session; the same bytes arrive', async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: 'zh-CN' }), page = await context.newPage();
    const troubles = [], parts = [];
    page.setDefaultTimeout(20000);
    page.on('pageerror', error => troubles.push(error.message));
    page.on('dialog', dialog => dialog.accept());
    const signIn = async where => {
      await where.goto(`${server.base}/login`);
      await where.getByLabel('用户名').fill('archivist');
      await where.getByLabel('密码').fill(PASSWORD);
      await where.getByRole('main').getByRole('button', { name: '登录' }).click();
      await where.waitForURL(url => !url.pathname.startsWith('/login'));
    };
    await signIn(page);
    let allowed = 2, lost = false;
    await page.route('**/part', async route => {
      if (lost) { lost = false; return route.abort('internetdisconnected'); }
      if (allowed-- <= 0) return undefined; /* hangs until the page goes */
      const reply = await route.fetch();
      parts.push(reply.status());
      return route.fulfill({ response: reply });
    });
    await page.goto(`${server.base}/delivery/new`);
    const files = page.getByLabel('原文包');
    await files.setInputFiles(path.join(folder, '原文.zip'));
    await page.getByText('已上传 8.4 MB').waitFor();
    assert.ok(await page.getByRole('progressbar', { name: '上传进度' }).isVisible());
    await page.reload();
    await page.getByText('原文.zip（已传 39%）').waitFor();
    allowed = 1;
    lost = true;
    await files.setInputFiles(path.join(folder, '原文.zip'));
    await page.getByText('已上传 12.6 MB').waitFor();
    assert.deepEqual(parts, [200, 200, 200], 'nothing was sent twice');
    await page.getByRole('button', { name: '暂停' }).click();
    await page.getByText('已暂停').waitFor();
    const other = await context.newPage();
    await context.clearCookies();
    allowed = 100;
    await page.getByRole('button', { name: '继续' }).click();
    await page.getByText('登录已过期').waitFor();
    await signIn(other);
    await page.getByRole('button', { name: '继续' }).click();
    await page.getByLabel('目录表').setInputFiles(path.join(folder, '目录.csv'));
    await page.getByRole('button', { name: '接收，核对字段' }).click(); /* at once: it is sent when all is there */
    await page.waitForURL(/\/delivery\/\d+$/);
    const id = /\d+$/.exec(page.url())[0];
    assert.equal(sha(readFileSync(path.join(dir, 'deliveries', id, 'documents'))), sha(packed));
    assert.equal(statSync(path.join(dir, 'deliveries', id, 'documents')).size, packed.length);
    assert.deepEqual(troubles, []);
  } finally { await browser.close(); }
});
