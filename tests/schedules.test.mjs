// 三合一制度 through HTTP: drafted from a template, filled from a spreadsheet after a rehearsal, approved by another, asked when a delivery is checked, put to records and
// shown on them, printed, and told alike by an archive rebuilt from store and journal.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { emptyArchive, query, take } from './archive.mjs';
import { Client, lantai, PASSWORD, serve, temporary } from './support.mjs';
import { csv, write } from './make.mjs';

let dir, server, archivist, director, reader, fonds;
const HEAD = ['档号', '题名', '年度', '日期', '保管期限', '机构或问题', '分类号', '责任者', '开放状态', '密级'];
const row = (n, retention, organ, code) => [`S001-${n}`, `题名${n}`, '2015', '20150203', retention, organ, code, '某局', '开放', '公开'];
before(async () => {
  dir = await emptyArchive();
  await take(dir, write(path.join(temporary(), 'table.csv'), csv([HEAD, row(1, '永久', '组织', ''), row(2, '10年', '组织', ''), row(3, '30年', '组织', ''), row(4, '30年', '', '2.1')])), '--fonds', 'S001', '--category', 'WS');
  for (const [name, role] of [['archivist', 'archivist'], ['director', 'director'], ['reader', 'reader']])
    assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密')).status, 0);
  await take(dir, write(path.join(temporary(), 'own.csv'), csv([HEAD.slice(0, 2), ['S009-1', '甲']])), '--fonds', 'S009', '--fonds-title', '移交局', '--category', 'WS');
  for (const [name, body] of [['clerk', '移交局'], ['colleague', '移交局'], ['stranger', '没有全宗的局']])
    assert.equal((await lantai(dir, 'user', 'add', name, '--role', 'transferor', '--password', PASSWORD, '--body', body)).status, 0);
  server = await serve(dir);
  [archivist, director, reader] = await Promise.all(['archivist', 'director', 'reader'].map(name => new Client(server.base).signIn(name)));
  [{ id: fonds }] = await query(dir, "SELECT id FROM record WHERE level = 1 AND code = 'S001'");
});
after(async () => { await server?.stop(); });

const get = async (client, target) => {
  const page = await client.get(target, { html: true }), reply = await client.get(target);
  assert.equal(page.status, 200, `${target}: ${page.text.slice(0, 300)}`);
  return reply.json;
};
const post = async (client, target, form, status = 200) => {
  const reply = await client.post(target, { form });
  assert.equal(reply.status, status, `${target}: ${reply.text.slice(0, 400)}`);
  return reply;
};
const formOf = lines => lines.flatMap(line => ['code', 'path', 'matter', 'retention', 'opening', 'note'].map(name => [name, line[name] ?? '']));
const LINES = [{ code: '1.1', path: '党群/组织', matter: '重要会议', retention: '永久' }, { code: '1.2', path: '党群/组织', matter: '一般会议', retention: '10年' }, { code: '2.1', path: '业务', matter: '工程', retention: '30年' }, {}];

test('a draft from a template, a spreadsheet read for rehearsal, faults named, handed in and approved by another', async () => {
  assert.equal((await get(archivist, '/schedules')).rows[0].none, true);
  const begun = await post(archivist, `/schedules/${fonds}/draft`, { from: 'template:jiguan-8' });
  assert.equal(begun.json.location, '/schedule/1/edit');
  assert.equal((await get(archivist, '/schedule/1')).lines.length, 25);
  await post(archivist, `/schedules/${fonds}/draft`, {}, 409);
  const form = new FormData();
  form.append('table', new Blob([csv([['某局归档范围和保管期限表'], ['编号', '类目', '归档范围', '保管期限'], ['1.1', '党群/组织', '重要会议', '永久'], ['', '', '一般会议', '十年吧']])]), '条款.csv');
  const read = await archivist.request('POST', '/schedule/1/import', { body: form });
  assert.equal(read.status, 200, read.text);
  assert.deepEqual([read.json.imported, read.json.rows[1].path, read.json.faults.length], [2, '党群/组织', 1]);
  assert.equal((await get(archivist, '/schedule/1')).lines.length, 25); // a rehearsal: nothing is saved
  const sheet = async rows => {
    const body = new FormData();
    body.append('table', new Blob([csv(rows)]), '表.csv');
    const { imported, ignored, rows: lines, faults } = (await archivist.request('POST', '/schedule/1/import', { body })).json;
    return { ignored, faults, lines: lines.slice(0, imported).map(line => [line.code, line.path, line.matter]) };
  };
  assert.deepEqual(await sheet([['类目号', '类目名称', '归档范围', '保管期限', '责任处室'], ['1', '党群工作'], ['1.1', '组织'], ['1.1.1', '干部任免', '任免文件', '永久'], ['1.2', '', '会议材料'], ['1.2.1', '', '纪要', '永久'],
    ['2', '业务', '计划', '10年'], ['12.1', '', '别的', '10年']]), { ignored: ['责任处室'], faults: [], lines: [['1.1.1', '党群工作/组织/干部任免', '任免文件'], ['1.2.1', '党群工作/会议材料', '纪要'], ['2', '业务', '计划'], ['12.1', '业务', '别的']] },
  'lines of classes are the 类目 of what is below their number, and a column that is not used is named');
  assert.deepEqual((await sheet([['大类', '属类', '归档范围', '保管期限'], ['党群', '组织', '甲', '永久'], ['', '', '乙', '永久'], ['', '宣传', '丙', '永久'], ['业务', '', '丁', '永久']])).lines.map(line => line[1]), ['党群/组织', '党群/组织', '党群/宣传', '业务']);
  assert.deepEqual((await sheet([['类目', '归档范围', '保管期限'], ['党群', '', ''], ['', '甲', '永久'], ['业务', '', ''], ['计划', '乙', '永久']])).lines.map(line => line[1]), ['党群', '业务/计划']);
  const chapters = await sheet([['序号', '类目', '归档范围', '保管期限'], ['一', '党群'], ['1', '', '甲', '永久'], ['2', '', '乙', '永久'], ['二', '业务'], ['3', '', '丙', '永久'], ['三', '忘了写']]);
  assert.deepEqual([chapters.lines.map(line => line[1]), chapters.faults.length], [['党群', '党群', '业务', '业务/忘了写'], 1], 'nothing is dropped without a word');
  const refused = await post(archivist, '/schedule/1/edit', formOf([{ code: '1', path: '甲', matter: '乙', retention: '' }, {}]), 422);
  assert.match(refused.json.faults[0], /没有保管期限/);
  const marked = (rows, page = {}) => archivist.post('/schedule/1/edit', { form: formOf(rows), ...page });
  const two = [{ code: '1', path: '甲', matter: '乙\r\n丙', retention: '永久' }, { code: '1', path: '甲', matter: '丁', retention: '永久' }, {}];
  assert.deepEqual((await marked(two)).json.rows.slice(0, 3).map(each => each.fault ?? ''), ['', '编号重复', ''], 'a fault stands in its row');
  assert.match((await marked(two, { html: true })).text, /value="1"[^>]*aria-invalid="true"><span class="error">编号重复[\s\S]*<textarea[^>]*>丁</);
  assert.equal((await marked(two)).json.rows[0].matter, '乙 丙', 'one line, however it was typed');
  await post(archivist, '/schedule/1/edit', formOf(LINES));
  await post(archivist, '/schedule/1/decide', { verdict: 'submit' });
  await post(archivist, '/schedule/1/decide', { verdict: 'approve', from: '2010-01-01' }, 403);
  await post(director, '/schedule/1/decide', { verdict: 'approve', from: '2010-13-01' }, 422);
  await post(director, '/schedule/1/decide', { verdict: 'approve', from: '2010-01-01', note: '同意' });
  const [listed] = (await get(director, '/schedules')).rows;
  const codes = async query => (await get(director, `/schedules?${query}`)).rows.map(each => each.code), all = await codes('');
  assert.deepEqual(await codes(`filter=${listed.code.toLowerCase()}`), all.filter(code => code.includes(listed.code)), 'found by its code');
  assert.ok((await codes(`filter=${encodeURIComponent(listed.title)}`)).includes(listed.code), 'and by its name');
  assert.deepEqual(await codes('filter=没有这样的名称'), []);
  assert.ok(!(await codes(`filter=${listed.code}&none=1`)).includes(listed.code), 'both narrow it');
  assert.deepEqual([listed.none, listed.current.number, listed.current.from_day], [false, 1, '2010-01-01']);
  assert.equal((await reader.get('/schedules')).status, 403);
  const pdf = await archivist.get('/schedule/1/table.pdf'), xlsx = await archivist.get('/schedule/1/lines.xlsx');
  assert.equal(pdf.bytes.subarray(0, 5).toString(), '%PDF-');
  assert.equal(xlsx.bytes.subarray(0, 2).toString(), 'PK');
});

// The rows of a delivery that break the version in force, each with the reason.
async function broken(stage, rows) {
  const form = new FormData();
  form.append('fonds', 'S001');
  form.append('stage', stage);
  form.append('table', new Blob([csv([HEAD, ...rows])]), `再交${stage}${rows[0][0]}.csv`);
  const place = (await archivist.request('POST', '/delivery/new', { body: form })).json.location;
  await archivist.post(`${place}/rehearse`);
  let found = [];
  for (let i = 0; i < 400 && found.length === 0; i++) {
    await new Promise(done => setTimeout(done, 25));
    found = await query(dir, `SELECT f.code AS code, f.reason AS reason FROM check_finding AS f JOIN check_task AS t ON t.id = f.task_id WHERE t.stage = '${stage}' AND f.reason LIKE '%三合一制度%' AND f.code IN (${rows.map(each => `'${each[0]}'`).join()}) ORDER BY f.code`).catch(() => []);
  }
  return found;
}

test('filing and receiving are checked against the version in force: which line a row breaks is told', async () => {
  for (const stage of ['transfer', 'filing']) {
    const found = await broken(stage, [row(5, '永久', '组织', ''), row(6, '30年', '组织', ''), row(7, '永久', '', '2.1'), row(8, '永久', '后勤', '')]);
    assert.deepEqual(found.map(each => each.code), ['S001-6', 'S001-7', 'S001-8'], stage);
    assert.match(found[0].reason, /应为永久、10年/);
    assert.match(found[1].reason, /第 2.1 条/);
    assert.match(found[2].reason, /“后勤”不在制度中/);
  }
});

test('lines are put to records by rule, shown on them, taken back; a rebuilt archive says the same', async () => {
  const preview = (await get(archivist, '/schedule/1/assign')).preview;
  assert.deepEqual([preview.seen, preview.fits], [4, 3]);
  assert.match(preview.reasons[0].text, /应为永久、10年/);
  const [first, , third] = await query(dir, "SELECT id FROM record WHERE code LIKE 'S001-%' AND level = 4 ORDER BY code");
  assert.equal((await get(archivist, `/record/${first.id}`)).kept_would.code, '1.1');
  await post(archivist, '/schedule/1/assign', {});
  for (let i = 0; i < 200 && !(await archivist.get('/schedule/1')).json.assignments[0].done; i++) await new Promise(done => setTimeout(done, 25));
  assert.equal((await get(archivist, '/schedule/1')).assignments[0].records, 3);
  const kept = (await get(archivist, `/record/${first.id}`)).kept_by;
  assert.deepEqual([kept.code, kept.matter, kept.schedule], ['1.1', '重要会议', 1]);
  assert.match((await get(archivist, `/record/${third.id}`)).kept_would.why, /应为永久、10年/);
  assert.equal((await get(reader, `/record/${first.id}`)).kept_by, undefined);
  const second = (await post(archivist, `/schedules/${fonds}/draft`, { from: 'version:1' })).json.location;
  assert.deepEqual((await get(archivist, second.replace('/edit', ''))).changes, []);
  const rebuilt = path.join(temporary(), 'rebuilt'), told = await lantai(dir, 'rebuild', rebuilt, '--json');
  assert.equal(told.json?.equal, true, told.stderr);
  for (const statement of ["SELECT * FROM schedule WHERE state = 'approved'", 'SELECT * FROM schedule_line WHERE schedule_id = 1 ORDER BY place', 'SELECT * FROM schedule_record ORDER BY record_id'])
    assert.deepEqual(await query(rebuilt, statement), await query(dir, statement));
  await post(archivist, '/schedule/1/release', { assignment: 1 });
  assert.deepEqual(await query(dir, 'SELECT * FROM schedule_record'), []);
});

test('a transferring body drafts its own schedule, hands it in, corrects what is returned; no other body’s is there for it', async () => {
  const [clerk, colleague, stranger] = await Promise.all(['clerk', 'colleague', 'stranger'].map(name => new Client(server.base).signIn(name)));
  const [{ id: own }] = await query(dir, "SELECT id FROM record WHERE level = 1 AND code = 'S009'");
  assert.equal((await clerk.get('/schedules')).json.location, `/schedules/${own}`);
  assert.match((await stranger.get('/schedules', { html: true })).text, /没有以“没有全宗的局”为立档单位的全宗/);
  // Neither the other fonds nor its versions, in any way.
  for (const target of [`/schedules/${fonds}`, '/schedule/1', '/schedule/1/edit', '/schedule/1/lines.xlsx', '/schedule/1/table.pdf'])
    for (const client of [clerk, stranger]) assert.equal((await client.get(target)).status, 404, target);
  for (const [target, form] of [[`/schedules/${fonds}/draft`, {}], ['/schedule/1/edit', formOf(LINES)], ['/schedule/1/decide', { verdict: 'submit' }]]) await post(clerk, target, form, 404);
  await post(stranger, `/schedules/${own}/draft`, {}, 404);
  await post(clerk, `/schedules/${own}/draft`, { from: 'version:1' }, 404);
  const page = await get(clerk, `/schedules/${own}`);
  assert.ok(page.may_begin && page.beginnings.length > 0 && page.beginnings.every(each => each.value.startsWith('template:')), 'only templates');
  assert.equal((await clerk.get(`/schedule/1/assign`)).status, 403);
  // Drafted, handed in, returned with the reason, corrected by a colleague, approved.
  const place = (await post(clerk, `/schedules/${own}/draft`, {})).json.location.replace('/edit', '');
  await post(stranger, `${place}/edit`, formOf(LINES), 404);
  await post(clerk, `${place}/edit`, formOf(LINES.slice(0, 2)));
  await post(clerk, `${place}/decide`, { verdict: 'submit' });
  await post(clerk, `${place}/decide`, { verdict: 'approve', from: '2020-01-01' }, 403);
  assert.deepEqual((await get(director, '/')).schedules.awaiting.map(each => each.fonds), ['移交局']);
  await post(director, `${place}/decide`, { verdict: 'return' }, 422);
  await post(director, `${place}/decide`, { verdict: 'return', note: '缺业务类' });
  assert.match((await clerk.get('/', { html: true })).text, /退回修改的三合一制度[\s\S]*缺业务类/);
  await post(colleague, `${place}/edit`, formOf(LINES));
  await post(colleague, `${place}/decide`, { verdict: 'submit' });
  assert.equal((await get(clerk, '/')).schedules, undefined, 'handed in again: nothing is left to correct');
  await post(director, `${place}/decide`, { verdict: 'approve', from: '2020-01-01' });
  assert.equal((await get(clerk, place)).version.state, 'approved');
  // The next one is compared with the one in force; one that the archives drafted is seen, not changed.
  const next = (await post(clerk, `/schedules/${own}/draft`, { from: place.replace('/schedule/', 'version:') })).json.location.replace('/edit', '');
  await post(clerk, `${next}/edit`, formOf([...LINES.slice(0, 2), { ...LINES[2], retention: '永久' }]));
  assert.deepEqual((await get(clerk, next)).changes.map(each => each.what), ['修改']);
  const read = (await clerk.get(next, { html: true })).text;
  assert.ok(read.indexOf('版的差别') > 0 && read.indexOf('版的差别') < read.indexOf('>归档范围</th>'), 'what differs stands before all that does not');
  await post(clerk, `${next}/decide`, { verdict: 'drop' });
  const theirs = (await post(archivist, `/schedules/${own}/draft`, {})).json.location.replace('/edit', '');
  assert.equal((await get(clerk, theirs)).may_edit, false);
  await post(clerk, `${theirs}/edit`, formOf(LINES), 403);
  await post(clerk, `${theirs}/decide`, { verdict: 'drop' }, 403);
});

test('a body has the fonds that are tied to it, by whatever name its account has it, also after a merger; its pages and theirs show one another', async () => {
  const [{ id: own }] = await query(dir, "SELECT id FROM record WHERE level = 1 AND code = 'S009'");
  const make = async (name, former) => Number((await post(archivist, '/authority/new', { kind: 'body', name, other_name: former, other_type: 'former', other_dates: '' })).json.location.match(/\d+/)[0]);
  const body = await make('新局', '移交局'), old = await make('撤并的局', '没有全宗的局');
  const offered = async id => (await get(archivist, `/record/${id}/links`)), first = await offered(own);
  assert.deepEqual([first.roles[0].label, first.suggested.map(each => each.id)], ['立档单位', [body]], 'to a fonds the body that made it is proposed, by the name of the fonds');
  await post(archivist, `/record/${own}/links`, { target: old, role: 'creator' });
  await post(archivist, `/record/${own}/links`, { target: body, role: 'founder' });
  assert.deepEqual((await offered(own)).authorities.map(each => each.role), ['founder', 'creator'], 'and stands first');
  await post(archivist, `/record/${own}/links/remove`, { target: old, role: 'creator' });
  await post(archivist, `/record/${fonds}/links`, { target: old, role: 'founder' });
  await post(archivist, `/authority/${old}/relate`, { other: body, relation: 'merged', dates: '2019年' });
  const [clerk, stranger] = await Promise.all(['clerk', 'stranger'].map(name => new Client(server.base).signIn(name)));
  assert.equal((await clerk.get('/schedules')).json.location, `/schedules/${own}`); // its own alone: what a body merged into it made stays apart
  assert.equal((await stranger.get('/schedules')).json.location, `/schedules/${fonds}`);
  assert.equal((await clerk.get(`/schedules/${fonds}`)).status, 404);
  const page = await get(archivist, `/authority/${body}`);
  assert.deepEqual(page.fonds.map(each => each.id), [own]);
  assert.deepEqual(page.relations.map(each => [each.label, each.name, each.dates, each.fonds.map(one => one.id)]), [['由其并入', '撤并的局', '2019年', [fonds]]]);
  const same = Number((await post(archivist, '/record/new', { form: 1, code: 'S010', title: '同名的局' })).json.location.match(/\d+/)[0]), named = await make('同名的局', '旧称的局');
  assert.deepEqual((await get(archivist, `/authority/${named}`)).fonds.map(each => each.id), [same], 'a fonds that is called as the body, while nothing is tied');
  assert.deepEqual((await get(archivist, `/catalog/${own}`)).ties.bodies.map(each => each.name).sort(), ['撤并的局', '新局']);
  // One record of the two: its account has both fonds, and nothing is tied anew.
  await post(archivist, `/authority/${body}/merge`, { with: old });
  assert.deepEqual((await get(clerk, '/schedules')).rows.map(each => each.id).sort(), [own, fonds].sort());
  assert.deepEqual((await get(stranger, '/schedules')).rows.map(each => each.id).sort(), [own, fonds].sort());
  assert.deepEqual((await get(archivist, `/authority/${body}`)).fonds.map(each => each.id).sort(), [own, fonds].sort());
});

test('of two versions that which was in force at a row’s date judges it', async () => {
  const [{ id }] = await query(dir, `SELECT id FROM schedule WHERE fonds_id = ${fonds} AND state = 'draft'`);
  await post(archivist, `/schedule/${id}/edit`, formOf([{ code: '3.1', path: '党群/组织', matter: '会议', retention: '30年' }, {}]));
  await post(archivist, `/schedule/${id}/decide`, { verdict: 'submit' });
  await post(director, `/schedule/${id}/decide`, { verdict: 'approve', from: '2018-01-01', note: '同意' });
  const dated = (n, year, retention) => [`S001-${n}`, `题名${n}`, String(year), `${year}0203`, retention, '组织', '', '某局', '开放', '公开'];
  for (const [stage, first] of [['transfer', 11], ['filing', 21]]) {
    const found = await broken(stage, [dated(first, 2015, '永久'), dated(first + 1, 2015, '30年'), dated(first + 2, 2019, '永久'), dated(first + 3, 2019, '30年')]);
    assert.deepEqual(found.map(each => each.code), [`S001-${first + 1}`, `S001-${first + 2}`], stage);
    assert.match(found[0].reason, /应为永久、10年/);
    assert.match(found[1].reason, /应为30年/);
  }
});
