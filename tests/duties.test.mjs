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

test('the 54 indicators: a round is finished only when each has its answer; what is missing is named and led to', async () => {
  const ledgers = Object.fromEntries((await clients.clerk.get('/ledgers')).json.groups.flatMap(group => group.ledgers).map(ledger => [ledger.name, ledger.id]));
  const add = async (ledger, v) => {
    const reply = await clients.clerk.post(`/ledger/${ledgers[ledger]}/new`, { json: { v } });
    assert.equal(reply.status, 200, reply.text.slice(0, 300));
    return Number(/\/entry\/(\d+)/.exec(reply.json.location)[1]);
  };
  const round = await add('档案安全风险评估', { 标题: '年度评估', 日期: '2026-06-01', 评估结论: '总体安全。' });
  const look = async () => (await clients.clerk.get(`/entry/${round}`)).json;
  const first = (await look()).checklists[0];
  assert.deepEqual([first.total, first.answered, first.missing.length], [54, 0, 54]);
  const refused = await clients.clerk.post(`/entry/${round}/move`, { form: { to: '待审核' } });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /还有 54 项没有排查结果（馆库选址与周边环境、/);
  const form = (await clients.clerk.get(first.next.href)).json;
  const given = Object.fromEntries(form.inputs.filter(input => input.value).map(input => [input.name, input.value]));
  assert.deepEqual([given.风险指标, given.清单, given.风险类型], [first.next.item, '档案安全风险指标', '档案安全']);
  assert.match(JSON.stringify(form), new RegExp(`年度评估 #${round}"`), 'and it belongs to the round');
  const going = await clients.clerk.post(first.next.href.split('?')[0], { json: { v: { ...given, 所属评估: `#${round}`, 排查结果: '正常' }, next: '1' } });
  assert.equal(new URL(going.json.location, 'http://x').searchParams.get('v.风险指标'), first.missing[1].item, 'saved, the form of the next point stands ready');
  assert.match((await clients.clerk.get(going.json.location)).text, /"item":true/);
  const waits = await add('风险排查', { 标题: first.missing[53].item, 日期: '2026-06-02', 所属评估: `#${round}`, 清单: '档案安全风险指标', 风险类型: '档案安全', 风险指标: first.missing[53].item });
  for (const { item } of first.missing.slice(1, 53)) await add('风险排查', { 标题: item, 日期: '2026-06-02', 所属评估: `#${round}`, 清单: '档案安全风险指标', 风险类型: '档案安全', 风险指标: item, 排查结果: '正常' });
  const last = (await look()).checklists[0];
  assert.deepEqual([last.answered, last.missing.map(one => [one.item, one.href])], [53, [[first.missing[53].item, `/entry/${waits}/edit`]]], 'the one that waits for its answer is led to');
  const moves = (await look()).moves.find(one => one.to === '待审核');
  assert.match(moves.missing_text, /还有 1 项/);
  assert.equal((await clients.clerk.post(`/entry/${round}/move`, { form: { to: '待审核' } })).status, 422);
  assert.equal((await clients.clerk.get(`/entry/${waits}`)).json.checklists[0].answered, 53, 'an answer shows the list that it belongs to');
  assert.equal((await clients.clerk.post(`/entry/${waits}/edit`, { json: { v: { 排查结果: '不适用' } } })).status, 200);
  assert.equal((await clients.clerk.post(`/entry/${round}/move`, { form: { to: '待审核' } })).status, 200);
});
