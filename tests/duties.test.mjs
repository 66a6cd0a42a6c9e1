// What comes round is owed by somebody: by role, by the people of a department, in working days; and a role for the discipline committee.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { emptyArchive } from './archive.mjs';
import { Client, lantai, PASSWORD, serve, temporary } from './support.mjs';

let dir, server, clients;
const owed = async name => (await clients[name].get('/owed')).json.owed.groups.flatMap(group => group.lines.map(line => line.name));
const waiting = async (name, what) => {
  for (const end = Date.now() + 15000; Date.now() < end; await new Promise(done => setTimeout(done, 200))) if ((await owed(name)).some(line => what.test(line))) return true;
  return false;
};

before(async () => {
  dir = await emptyArchive();
  for (const [name, role, ...more] of [['clerk', 'archivist'], ['second', 'archivist'], ['office', 'office'], ['boss', 'director'], ['watch', 'discipline', '--security', '秘密'], ['reading', 'describer', '--body', '利用科']])
    assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, ...more)).status, 0);
  const folder = temporary(), file = path.join(folder, 'ledger.yaml');
  writeFileSync(file, `name: 试验职责\ntitle: 事项\nfields: [{name: 类型, type: choice, values: [甲, 乙]}]\nstates: [{name: 待办}, {name: 办结, closed: true}]
moves: [{from: 待办, to: 办结, label: 办结, sets: {截止: today+1工作日}}]\nuses: [责任部门, 责任人, 截止]
duties:\n  - {title: 无人的, every: month, values: {类型: 甲}}\n  - {title: 科室的, every: month, values: {类型: 乙}, department: 利用科, workdays: 3}\n`);
  assert.equal((await lantai(dir, 'define', file)).status, 0);
  server = await serve(dir);
  clients = Object.fromEntries(await Promise.all(['clerk', 'second', 'office', 'boss', 'watch', 'reading'].map(async name => [name, await new Client(server.base).signIn(name)])));
});
after(async () => { await server?.stop(); });

test('a shipped duty is owed by everybody of its role, and by nobody else', async () => {
  assert.equal(await waiting('office', /督办通报/), true);
  for (const name of ['clerk', 'second']) assert.equal(await waiting(name, /安全日查/), true, name);
  assert.equal((await owed('clerk')).some(line => /督办通报/.test(line)), false);
  assert.equal((await owed('office')).some(line => /安全日查/.test(line)), false);
});

test('no shipped duty is without somebody who owes it; one that is says so', async () => {
  const ledgers = (await clients.boss.get('/ledgers')).json.groups.flatMap(group => group.ledgers);
  for (const ledger of ledgers) {
    const page = (await clients.boss.get(`/ledger/${ledger.id}`)).json;
    for (const duty of page.duties ?? []) if (ledger.name !== '试验职责') assert.ok(duty.owner, `${ledger.name} ${duty.title}`);
  }
  const own = (await clients.boss.get(`/ledger/${ledgers.find(ledger => ledger.name === '试验职责').id}`));
  assert.deepEqual(own.json.duties.map(duty => [duty.title, duty.owner]), [['无人的', ''], ['科室的', '利用科']]);
  assert.match((await clients.boss.get(`/ledger/${ledgers.find(ledger => ledger.name === '试验职责').id}`, { html: true })).text, /没有责任人/);
});

test('what a department owes, its people owe', async () => {
  assert.equal(await waiting('reading', /科室的/), true);
  assert.equal((await owed('second')).some(line => /科室的/.test(line)), false);
});

test('the discipline committee has its ledgers, the archivist has not', async () => {
  const names = async name => (await clients[name].get('/ledgers')).json.groups.flatMap(group => group.ledgers.map(ledger => ledger.name));
  for (const ledger of ['执纪问责', '廉政谈话']) {
    assert.ok((await names('watch')).includes(ledger), ledger);
    assert.ok((await names('boss')).includes(ledger), ledger);
    assert.equal((await names('clerk')).includes(ledger), false, ledger);
  }
  const id = (await clients.watch.get('/ledgers')).json.groups.flatMap(group => group.ledgers).find(ledger => ledger.name === '执纪问责').id;
  const made = await clients.watch.post(`/ledger/${id}/new`, { json: { v: { 标题: '来信一件', 日期: '2026-03-01', 类型: '信访举报' } } });
  assert.equal(made.status, 200, made.text.slice(0, 300));
  assert.equal((await clients.clerk.get(made.json.location)).status, 404);
});
