// Bad input through the server: every door a delivery may come in by, people who decide at once, text that means something elsewhere, and other people's numbers.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { CHINESE, emptyArchive, query } from './archive.mjs';
import { rawZip } from './hostile-files.mjs';
import { csv } from './make.mjs';
import { Client, lantai, PASSWORD, serve, temporary } from './support.mjs';

let dir, room, watch, server, archivist, second;
const BODIES = { sender: '甲局', other: '乙局' };

before(async () => {
  dir = await emptyArchive();
  room = path.dirname(dir);
  watch = path.join(room, '接收');
  mkdirSync(watch);
  const file = path.join(dir, 'lantai.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('watch: ""', `watch: "${watch}"`).replace(/settle_seconds: \d+/, 'settle_seconds: 1'));
  for (const name of ['archivist', 'second']) assert.equal((await lantai(dir, 'user', 'add', name, '--role', 'archivist', '--password', PASSWORD, '--security', '机密')).status, 0);
  for (const [name, body] of Object.entries(BODIES)) assert.equal((await lantai(dir, 'user', 'add', name, '--role', 'transferor', '--body', body, '--password', PASSWORD)).status, 0);
  server = await serve(dir);
  [archivist, second] = await Promise.all(['archivist', 'second'].map(name => new Client(server.base).signIn(name)));
});
after(async () => {
  const { code, signal } = (await server?.stop()) ?? {};
  assert.deepEqual([code, signal], [0, null], server?.errors());
});

const until = async (what, condition) => {
  for (let i = 0; i < 1200; i++) { const value = await condition(); if (value) return value; await new Promise(done => setTimeout(done, 25)); }
  assert.fail(`never: ${what}`);
};
const idle = id => until(`delivery ${id} at rest`, async () => { const reply = await archivist.get(`/delivery/${id}/progress`); return reply.json?.finished && reply.json; });
function form(fields, files = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, String(value));
  for (const [name, [called, bytes]] of Object.entries(files)) body.append(name, new Blob([bytes]), called);
  return body;
}
const sendForm = (who, fields, files, at = '/delivery/new') => who.post(at, { body: form(fields, files) });
const number = reply => Number(/\d+$/.exec(reply.json?.location ?? '')?.[0]);
async function checked(who, name, bytes, fields = {}) {
  const reply = await sendForm(who, fields, { table: [name, bytes] }), id = number(reply);
  assert.ok(id, reply.text.slice(0, 500));
  if ((await query(dir, `SELECT kind FROM accession WHERE id = ${id}`))[0].kind === 'table') assert.equal((await who.post(`/delivery/${id}/rehearse`)).status, 200);
  await idle(id);
  return id;
}
const state = async id => (await query(dir, `SELECT state FROM accession WHERE id = ${id}`))[0].state;
const steps = async id => (await query(dir, `SELECT to_state FROM accession_step WHERE accession_id = ${id} ORDER BY sequence`)).map(row => row.to_state);
const table = (prefix, count) => csv([['全宗号', '全宗名称', '档号', '题名', '保管期限'], ...Array.from({ length: count }, (_, i) => [prefix, '试验全宗', `${prefix}-WS·2015-Y-${String(i + 1).padStart(4, '0')}`, `题名${i}`, '永久'])]);

// ---- people who decide at once ----

test('two accept at once: one is told, the records come once', async () => {
  const id = await checked(archivist, '并.csv', table('R001', 1500));
  const replies = await Promise.all([archivist, second, archivist, second].map((who, i) => who.post(`/delivery/${id}/load`, { form: { note: `说明${i}` } })));
  assert.deepEqual(replies.map(reply => reply.status).sort(), [200, 409, 409, 409], replies.map(reply => reply.text.slice(0, 200)).join('\n'));
  for (const reply of replies) if (reply.status === 409) assert.match(reply.json.problem ?? reply.json.error.message, CHINESE);
  const deciding = await Promise.all([second.post(`/delivery/${id}/return`, { form: { note: '晚了' } }), archivist.post(`/delivery/${id}/discard`, { form: { note: '晚了' } })]);
  assert.deepEqual(deciding.map(reply => reply.status), [409, 409]);
  await idle(id);
  const again = await sendForm(archivist, {}, { table: ['并.csv', table('R002', 3)] }, `/delivery/${id}/send`);
  assert.equal(again.status, 409, 'what is loaded is not sent again');
  assert.deepEqual(await steps(id), ['received', 'checking', 'rehearsed', 'loading', 'done']);
  assert.equal((await query(dir, `SELECT count(*) AS n FROM record WHERE accession_id = ${id} AND level = 4`))[0].n, 1500);
  assert.equal((await query(dir, `SELECT count(*) AS n FROM job WHERE subject_id = ${id} AND kind = 'accession.load'`))[0].n, 1);
});

test('accepted, returned, discarded and given other files at once: exactly one wins, and what stands agrees with it', async () => {
  for (let round = 0; round < 6; round++) {
    const id = await checked(archivist, `争${round}.csv`, table(`S00${round}`, 200));
    const asks = { load: () => archivist.post(`/delivery/${id}/load`, { form: { note: '接收' } }), return: () => second.post(`/delivery/${id}/return`, { form: { note: '退回' } }),
      discard: () => second.post(`/delivery/${id}/discard`, { form: { note: '作废' } }), documents: () => sendForm(archivist, {}, { files: ['原文.zip', rawZip([])] }, `/delivery/${id}/documents`) };
    const names = Object.keys(asks), order = [...names.slice(round % 4), ...names.slice(0, round % 4)];
    const replies = Object.fromEntries(await Promise.all(order.map(async name => [name, (await asks[name]()).status])));
    await idle(id);
    const now = await state(id), ended = { load: 'done', return: 'returned', discard: 'discarded' };
    assert.ok(Object.values(replies).every(status => [200, 409].includes(status)), JSON.stringify(replies));
    const won = ['load', 'return', 'discard'].filter(name => replies[name] === 200);
    if (replies.documents === 200 && won.length > 1) assert.fail(JSON.stringify(replies));
    if (!(won.length === 2 && won.includes('return') && now === 'discarded')) assert.deepEqual(won.map(name => ended[name]), [now], JSON.stringify(replies)); /* what was returned may be discarded */
    assert.equal((await query(dir, `SELECT count(*) AS n FROM record WHERE accession_id = ${id} AND level = 4`))[0].n, now === 'done' ? 200 : 0);
    assert.equal(existsSync(path.join(dir, 'deliveries', String(id))), now !== 'discarded');
    assert.equal((await query(dir, `SELECT count(*) AS n FROM job WHERE subject_id = ${id} AND kind = 'accession.load' AND state = 'failed'`))[0].n, 0);
  }
});

test('discarded, returned, mended while it is being checked: refused, the check goes on', async () => {
  const sent = await sendForm(archivist, {}, { table: ['大.csv', table('T001', 20000)] }), id = number(sent);
  const [begun, ...others] = await Promise.all([archivist.post(`/delivery/${id}/rehearse`), new Promise(done => setTimeout(done, 40)).then(() => second.post(`/delivery/${id}/discard`, { form: { note: '作废' } })),
    new Promise(done => setTimeout(done, 40)).then(() => second.post(`/delivery/${id}/return`, { form: { note: '退回' } }))]);
  assert.deepEqual([begun.status, ...others.map(reply => reply.status)], [200, 409, 409], others.map(reply => reply.text.slice(0, 300)).join());
  await idle(id);
  assert.equal(await state(id), 'rehearsed');
});

// ---- the doors ----

const GOOD = { name: '关于加固堤防的批复.txt', data: '经研究，同意所报方案。' };
const good = rawZip([GOOD, { name: '二.txt', data: 'y'.repeat(5000), deflate: true }]);
const BAD = [ /* what it is, what comes, what is said of it, whether the rest goes on */
  ['zip-slip', rawZip([GOOD, { name: '../../逃.txt', data: '1' }, { name: '/tmp/lantai-逃.txt', data: '2' }]), /跳出了包/, true],
  ['bomb', rawZip([GOOD, { name: '炸弹', data: Buffer.alloc(200 << 20), deflate: true }]), /200 倍/, false],
  ['broken', good.subarray(0, Math.floor(good.length * 0.8)), /./, false],
  ['encrypted', rawZip([GOOD, { name: '密.txt', data: 'xxxxxxxxxxxxxxxx', encrypted: true }]), /已加密/, true],
];
const inside = folder => (existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : []);
const leftovers = () => ['tmp', 'store-staging'].flatMap(name => inside(path.join(dir, name))).filter(name => !['resumable', 'uploads'].includes(name));
async function verdict(id) {
  await idle(id);
  const findings = await query(dir, `SELECT f.path, f.reason FROM check_finding AS f JOIN check_task AS t ON t.id = f.task_id WHERE t.subject_kind = 'accession' AND t.subject_id = ${id}`);
  const [row] = await query(dir, `SELECT state, failure FROM accession WHERE id = ${id}`);
  return { ...row, said: [row.failure, ...findings.map(finding => `${finding.path} ${finding.reason}`)].join('\n') };
}
async function upload(who, name, bytes) {
  const begun = await who.post('/uploads', { form: { name, size: bytes.length, fingerprint: `f${bytes.length}${name.length}` } });
  assert.equal(begun.status, 200, begun.text);
  const sent = await sendForm(who, { offset: 0 }, { chunk: ['chunk', bytes] }, `/upload/${begun.json.id}/part`);
  assert.equal(sent.status, 200, sent.text);
  return begun.json.id;
}
const DOORS = {
  form: (name, bytes) => sendForm(archivist, {}, { table: [name, bytes] }),
  upload: async (name, bytes) => archivist.post('/delivery/new', { form: { table_upload: await upload(archivist, name, bytes) } }),
};
function assertVerdict({ state: now, said }, what, reason, goesOn) {
  assert.match(said, reason, what);
  assert.equal(now, goesOn ? 'rehearsed' : 'received', `${what}: ${said}`);
}
const beside = () => [readdirSync(room).sort(), existsSync('/tmp/lantai-逃.txt'), inside(dir).filter(name => name.includes('逃'))];

for (const [door, send] of Object.entries(DOORS)) {
  test(`through the ${door}: bad packages are refused or told, the server lives on, nothing lands outside or stays behind`, async () => {
    const before = beside();
    for (const [what, bytes, reason, goesOn] of BAD) {
      const reply = await send(`${door}-${what}.zip`, bytes), id = number(reply);
      if (id) assertVerdict(await verdict(id), `${door}: ${what}`, reason, goesOn);
      else {
        assert.ok([409, 413, 422].includes(reply.status) && !goesOn, `${door}: ${what}: ${reply.status} ${reply.text.slice(0, 300)}`);
        assert.match(reply.json.problem, CHINESE);
      }
      if (id) assert.equal((await archivist.post(`/delivery/${id}/discard`, { form: { note: '试' } })).status, 200, what);
      assert.ok(!id || !existsSync(path.join(dir, 'deliveries', String(id))), what);
    }
    for (const { id } of (await archivist.get('/uploads')).json.uploads) assert.equal((await archivist.post(`/upload/${id}/drop`)).status, 200);
    assert.deepEqual(beside(), before);
    assert.deepEqual(leftovers(), []);
  });
}

test('through the watched folder: the same, and what is no delivery is put aside', async () => {
  const before = beside();
  for (const [what, bytes] of BAD) {
    writeFileSync(path.join(watch, `看-${what}.zip.part`), bytes);
    renameSync(path.join(watch, `看-${what}.zip.part`), path.join(watch, `看-${what}.zip`));
  }
  for (const [what, , reason, goesOn] of BAD) {
    const name = `看-${what}.zip`, aside = path.join(watch, '不能接收', `${name}.txt`);
    const [found] = await until(name, async () => { const rows = await query(dir, `SELECT id FROM accession WHERE name LIKE '看-${what}%'`); return rows.length ? rows : existsSync(aside) && [null]; });
    if (found) assertVerdict(await verdict(found.id), `watched: ${what}`, reason, goesOn);
    else assert.match(readFileSync(aside, 'utf8'), CHINESE);
    if (!found) assert.ok(!goesOn, what);
  }
  assert.deepEqual(beside(), before);
  assert.deepEqual(leftovers(), []);
});
