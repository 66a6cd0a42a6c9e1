// Who reads a frozen report: those who may see what it rests on, and whom its signer has released it to; on its pages, in its files, beside next year's, after a rebuild.
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { emptyArchive, query } from './archive.mjs';
import { csv, write } from './make.mjs';
import { Client, lantai, PASSWORD, serve, temporary } from './support.mjs';

const ROLES = `
  cabinet:
    title: 机要室
    permissions: [ledger.read, ledger.write, figure.read, report.edit, report.review, report.approve]
    opening: []
    files: []
    security: 秘密
    exclusive: false
  staff:
    title: 职员
    permissions: [ledger.read, figure.read, report.edit]
    opening: []
    files: []
    security: 秘密
    exclusive: false
`;
const LEDGERS = {
  'talks.yaml': 'name: 会商\ngroup: 试验\nread: [cabinet]\nwrite: [cabinet]\nfields:\n  - {name: 对象, type: text}\n',
  'work.yaml': 'name: 工作\ngroup: 试验\nuses: [密级]\nfields:\n  - {name: 类型, type: choice, values: [甲, 乙]}\n  - {name: 缘由, type: text, read: [cabinet]}\n',
};
const FIGURES = `figures:
  - {name: 工作次数, ledger: 工作, count: , unit: 次}
  - {name: 会商题目, ledger: 会商, list: 标题}
  - {name: 会商次数, ledger: 会商, restricted: true, count: , unit: 次}
  - {name: 内部会商, ledger: 会商, count: , unit: 次}
invariants:
  - {say: 会商不多于工作, that: 内部会商 <= 工作次数}
`;
const report = (name, text) => `name: ${name}\nperiod: year\nheading: "{年份}年${name}"\ntext: |\n  ${text}\n`;
const SECRET = '鹿鸣山会商', HIDDEN = '密字工作';

let dir, server, clients = {};
const people = { drafter: ['cabinet', '秘密'], checker: ['cabinet', '秘密'], leader: ['cabinet', '秘密'], signer: ['cabinet', '秘密'], lower: ['cabinet', '公开'], clerk: ['staff', '秘密'] };
const start = async where => {
  server = await serve(where);
  for (const name of Object.keys(people)) clients[name] = await new Client(server.base).signIn(name);
};
const take = async (ledger, head, ...rows) => {
  const done = await lantai(dir, 'ledger', 'import', ledger, write(path.join(temporary(), 'rows.csv'), csv([head, ...rows])));
  assert.equal(done.status, 0, done.stderr + done.stdout);
};
before(async () => {
  dir = await emptyArchive();
  appendFileSync(path.join(dir, 'definitions/roles.yaml'), ROLES);
  for (const [name, text] of Object.entries(LEDGERS)) writeFileSync(path.join(dir, 'definitions/ledgers', name), text);
  writeFileSync(path.join(dir, 'definitions/figures/test.yaml'), FIGURES);
  writeFileSync(path.join(dir, 'definitions/reports/closed.yaml'), report('内部总结', '一、工作\n  开展工作{工作次数}，研究了{会商题目}。'));
  writeFileSync(path.join(dir, 'definitions/reports/open.yaml'), report('公开总结', '一、工作\n  会商{会商次数}。'));
  for (const [name, [role, security]] of Object.entries(people)) {
    const made = await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', security);
    assert.equal(made.status, 0, made.stderr);
  }
  await take('会商', ['日期', '标题', '对象'], ['2023-03-01', SECRET, '某甲'], ['2024-03-01', `${SECRET}之二`, '某乙'], ['2025-01-01', '一', '甲'], ['2025-01-02', '二', '乙']);
  await take('工作', ['日期', '标题', '类型', '密级'], ['2023-03-01', '开箱', '甲', '公开'], ['2023-04-01', HIDDEN, '乙', '秘密'], ['2024-03-01', '上架', '甲', '公开']);
  await start(dir);
});
after(async () => { await server?.stop(); });

const post = async (name, target, form, status = 200) => {
  const reply = await clients[name].post(target, { form });
  assert.equal(reply.status, status, `${name} ${target}: ${reply.text.slice(0, 300)}`);
  return reply;
};
const draft = async (name, template, year) => {
  const { templates } = (await clients[name].get('/reports')).json;
  return (await post(name, '/reports/new', { template: templates.find(one => one.name === template).id, year, unit: '' })).json.location;
};
const freeze = async (template, year) => {
  const at = await draft('drafter', template, year);
  await post('drafter', `${at}/decide`, { verdict: 'submit' });
  for (const name of ['checker', 'leader', 'signer']) await post(name, `${at}/decide`, { verdict: 'pass' });
  return at;
};
const WAYS = at => [at, `${at}/compare`, `${at}/rows?figure=${encodeURIComponent('会商题目')}`, ...['docx', 'pdf', 'html', 'md', 'xlsx'].map(format => `${at}/file?format=${format}`)];
const listed = async (name, at) => (await clients[name].get('/reports')).json.rows.some(({ id }) => at === `/report/${id}`);
const cannot = async (name, at) => {
  for (const way of WAYS(at)) for (const html of [true, false]) {
    const reply = await clients[name].get(way, { html });
    assert.equal(reply.status, 404, `${name} ${way}`);
    assert.ok(!reply.text.includes(SECRET), way);
  }
  assert.equal(await listed(name, at), false);
};

let closed, open;
test('who will read it is told before it is signed', async () => {
  closed = await freeze('内部总结', 2023);
  const begun = await draft('drafter', '内部总结', 2024);
  const { faults } = (await clients.drafter.get(begun)).json;
  const [told] = faults.filter(({ what }) => what.includes('限制查看的内容'));
  assert.match(told.what, /台账“会商”/);
  assert.equal(told.kind, 'look');
  await post('drafter', `${begun}/decide`, { verdict: 'drop' });
  // one who does not see all of it neither submits nor signs a number that leaves something out
  const partial = await draft('lower', '内部总结', 2023);
  const refused = await post('lower', `${partial}/decide`, { verdict: 'submit' }, 422);
  assert.match(refused.text, /没有计入/);
  assert.ok(!(await clients.lower.get(partial)).text.includes(HIDDEN));
  await post('lower', `${partial}/decide`, { verdict: 'drop' });
});

test('a frozen report is for those who may see what it rests on', async () => {
  for (const way of WAYS(closed).filter(way => !way.endsWith('xlsx'))) assert.equal((await clients.checker.get(way)).status, 200, way);
  assert.ok((await clients.checker.get(`${closed}/file?format=md`)).text.includes(SECRET));
  await cannot('clerk', closed); // not of the ledger's readers
  await cannot('lower', closed); // of the readers, below the secrecy of a row
  open = await freeze('公开总结', 2023);
  assert.match((await clients.clerk.get(`${open}/file?format=md`)).text, /会商1次/); // a number by right
  assert.equal(await listed('clerk', open), true);
});

test('next year’s report does not tell what stood in one that is closed', async () => {
  const next = await draft('lower', '内部总结', 2024);
  const compared = (await clients.lower.get(`${next}/compare`)).json;
  assert.equal(compared.before_frozen, false);
  const work = compared.rows.find(({ figure }) => figure === '工作次数');
  assert.deepEqual([work.text, work.before_text], ['1次', '1次']); // of two one is above him
  assert.equal((await clients.drafter.get(`${next}/compare`)).json.rows.find(({ figure }) => figure === '工作次数').before_text, '2次');
  await post('lower', `${next}/decide`, { verdict: 'drop' });
});

test('its signer releases it, and takes that back; both stand in the journal', async () => {
  await post('leader', `${closed}/release`, { role: 'staff' }, 403);
  await post('clerk', `${closed}/release`, { role: 'staff' }, 403);
  await post('signer', `${closed}/release`, { role: 'nobody' }, 422);
  await post('signer', `${closed}/release`, { role: 'staff', note: '传阅' });
  assert.ok((await clients.clerk.get(`${closed}/file?format=md`)).text.includes(SECRET));
  assert.equal(await listed('clerk', closed), true);
  const rows = (await clients.clerk.get(`${closed}/rows?figure=${encodeURIComponent('会商题目')}`)).json;
  assert.deepEqual([rows.rows.length, rows.hidden], [0, 1]); // the text, not the rows
  await cannot('lower', closed);
  await server.stop();
  const again = path.join(temporary(), 'again');
  const rebuilt = await lantai(dir, 'rebuild', again, '--json');
  assert.deepEqual([rebuilt.status, rebuilt.json?.equal], [0, true], rebuilt.stderr);
  const columns = 'SELECT id, state, rests, released, manifest FROM report ORDER BY id';
  assert.deepEqual(await query(again, columns), await query(dir, columns));
  await start(dir);
  const shown = (await clients.signer.get(closed, { html: true })).text;
  assert.match(shown, /谁能读到/);
  await post('signer', `${closed}/release`, {});
  await cannot('clerk', closed);
  const told = await query(dir, "SELECT actor, data FROM event WHERE action = 'report.release' ORDER BY id");
  assert.deepEqual(told.map(({ actor, data }) => [actor, JSON.parse(data).report.released.roles]), [['signer', ['staff']], ['signer', []]]);
});

test('a broken invariant does not tell a number that one may not see', async () => {
  const faults = async name => {
    const at = await draft(name, '公开总结', 2025);
    await post(name, `${at}/text`, { rev: 1, text: '一、工作\n开展工作{工作次数}。' });
    const page = await clients[name].get(at);
    return { all: page.json.faults.map(({ kind, what }) => `${kind} ${what}`).join(), text: page.text };
  };
  assert.match((await faults('drafter')).all, /stop 会商不多于工作：现在是 2 与 0/);
  const told = await faults('clerk');
  assert.match(told.all, /stop 会商不多于工作：现在不成立，其中有您不能查看的数/);
  assert.ok(!told.text.includes('2 与 0'));
});
