// Keeping, through HTTP with real accounts: destruction takes two people and leaves a tombstone, conversion adds and takes back, and an archive rebuilt from store and journal
// is the same after all of it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { assertClean, emptyArchive, query, take } from './archive.mjs';
import { Client, lantai, PASSWORD, serve, temporary, writeDelivery } from './support.mjs';
import { csv, png, write } from './make.mjs';

let dir, server, archivist, director, second, records;
const waitFor = async (client, target, done) => {
  for (let i = 0; i < 300; i++) {
    const reply = await client.get(target);
    if (done(reply.json)) return reply.json;
    await new Promise(next => setTimeout(next, 100));
  }
  throw new Error(`${target} did not come about`);
};
// The text of a PDF that the server gives, without blanks.
async function paper(client, target) {
  const reply = await client.get(target), file = path.join(temporary(), 'paper.pdf');
  assert.equal(reply.status, 200, `${target}: ${reply.text.slice(0, 200)}`);
  writeFileSync(file, reply.bytes);
  return execFileSync('pdftotext', ['-raw', file, '-'], { encoding: 'utf8' }).replace(/[ \n\f]+/g, '');
}
const sound = path => { try { return execFileSync('grep', ['-rl', path, `${dir}/store`], { encoding: 'utf8' }).trim().split('\n').filter(Boolean); } catch { return []; } };

before(async () => {
  dir = await emptyArchive();
  writeFileSync(path.join(dir, 'lantai.yaml'), readFileSync(path.join(dir, 'lantai.yaml'), 'utf8').replace('"000000"', '"110101"'));
  const folder = temporary(), { table, files } = writeDelivery(folder, { count: 4, documents: 4 });
  await take(dir, table, '--files', files);
  // Page images and an office document, of formats that the policy converts.
  const more = temporary(), rows = [['档号', '题名', '日期', '开放状态', '密级', '电子档案名称'], ['T001-WS·2001-Y-90001', '关于大坝的报告', '20010203', '开放', '公开', 'letter.rtf'],
    ['T001-WS·2001-Y-90002', '坝址照片', '20010204', '开放', '公开', 'picture.png'], ['T001-WS·2001-Y-90003', '损坏的文档', '20010205', '开放', '公开', 'broken.rtf']];
  mkdirSync(path.join(more, 'files'));
  write(path.join(more, 'files', 'letter.rtf'), '{\\rtf1\\ansi Embankment TELLTALE report\\par}');
  write(path.join(more, 'files', 'broken.rtf'), `{\\rtf1\\ansi ${'{\\object\\objemb'.repeat(3)}`);
  write(path.join(more, 'files', 'picture.png'), png(640, 480));
  await take(dir, write(path.join(more, 'table.csv'), csv(rows)), '--fonds', 'T001', '--category', 'WS', '--files', path.join(more, 'files'));
  for (const [name, role] of [['archivist', 'archivist'], ['second', 'archivist'], ['director', 'director'], ['reader', 'reader']])
    assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密')).status, 0);
  server = await serve(dir);
  [archivist, second, director] = await Promise.all(['archivist', 'second', 'director'].map(name => new Client(server.base).signIn(name)));
  records = await query(dir, 'SELECT id, code FROM record WHERE level = 4 ORDER BY id');
});
after(async () => { await server?.stop(); });

test('destruction: asked by one, approved by another, never by the same, and only what was asked', async () => {
  const [first] = records, [file] = await query(dir, `SELECT sha512, sm3, name FROM file WHERE record_id = ${first.id}`);
  assert.ok(sound('临江市水利局甲').length > 0, 'the text is there to be found');
  const short = await archivist.post('/keep/disposal/new', { form: { record: first.id, kind: 'destroy', reason: '否' } });
  assert.equal(short.status, 422);
  const denied = await director.post('/keep/disposal/new', { form: { record: first.id, kind: 'destroy', reason: '保管期满，鉴定报告一号' } });
  assert.equal(denied.status, 403, 'who approves does not ask');
  const asked = await archivist.post('/keep/disposal/new', { form: { codes: `${first.code}\n`, kind: 'destroy', reason: '保管期满，鉴定报告一号' } });
  assert.equal(asked.status, 200, asked.text);
  const place = asked.json.location;
  assert.match(place, /^\/keep\/disposal\/\d+$/);
  assert.equal((await archivist.post('/keep/disposal/new', { form: { record: first.id, kind: 'destroy', reason: '保管期满，再提一次' } })).status, 409, 'twice the same record');
  for (const client of [archivist, second]) assert.equal((await client.post(place, { form: { verdict: 'approve' } })).status, 403, 'no permission, and never the same person');
  assert.equal((await director.post(place, { form: { verdict: 'refuse' } })).status, 422, 'a refusal has a reason');
  assert.equal((await director.post(place, { form: { verdict: 'refuse', note: '依据不足，退回' } })).status, 200);
  assert.equal((await archivist.get(`/record/${first.id}`)).json.files.length, 1, 'refused: untouched');
  const again = (await archivist.post('/keep/disposal/new', { form: { record: first.id, kind: 'destroy', reason: '保管期满，鉴定报告二号' } })).json.location;
  assert.equal((await director.post(again, { form: { verdict: 'approve' } })).status, 200);
  const disposal = (await waitFor(director, again, json => json.disposal.state === 'done')).disposal;
  assert.deepEqual([disposal.requested_by, disposal.decided_by, disposal.records, disposal.files], ['archivist', 'director', 1, 1]);
  const page = (await archivist.get(`/record/${first.id}`)).json;
  assert.equal(page.file_count, 0);
  assert.deepEqual([page.tombstone.reason, page.tombstone.requested_by, page.tombstone.approved_by], ['保管期满，鉴定报告二号', 'archivist', 'director']);
  assert.deepEqual(page.tombstone.files.map(each => [each.name, each.sha512, each.sm3]), [[file.name, file.sha512, file.sm3]]);
  assert.equal((await query(dir, `SELECT count(*) AS n FROM page_text WHERE record_id = ${first.id}`))[0].n, 0);
  assert.match((await archivist.get(`/record/${first.id}`, { html: true })).text, /已销毁/);
  assert.equal((await archivist.post(`/record/${first.id}/delete`, { form: {} })).status, 409, 'the description stays');
  const form = await director.get(`${again}/form.pdf`);
  assert.equal(form.status, 200);
  assert.equal(form.bytes.subarray(0, 5).toString(), '%PDF-');
  const object = sound(`urn:lantai:record:${first.id}"`);
  assert.ok(object.length > 0, 'the object stays');
  const folder = path.dirname(object[0]).replace(/\/v\d+$/, ''), left = execFileSync('find', [folder, '-type', 'f', '-path', '*content*'], { encoding: 'utf8' }).trim().split('\n').map(each => path.basename(each)).sort();
  assert.deepEqual(left, ['metadata.json', 'sm3.txt', 'tombstone.json']);
});

test('formats: what the holdings contain and what the policy says; a dry run counts, a conversion adds, undoing takes back', async () => {
  const risk = (await archivist.get('/keep/risk')).json, rtf = risk.formats.find(each => each.mime === 'text/rtf');
  assert.deepEqual([rtf.files, rtf.policy, rtf.to], [2, 'convert', 'pdfa']);
  assert.equal(risk.all_files, risk.formats.reduce((sum, each) => sum + each.files, 0));
  const plain = risk.formats.find(each => each.mime === 'image/png'), address = `/keep/format?puid=${encodeURIComponent(plain.puid)}&mime=${encodeURIComponent(plain.mime)}`;
  assert.deepEqual((await archivist.get(address)).json.plan, { files: 1, bytes: plain.bytes });
  assert.equal((await director.post('/keep/format/convert', { form: { puid: plain.puid, mime: plain.mime } })).status, 403);
  assert.equal((await archivist.post('/keep/format/convert', { form: { puid: plain.puid, mime: plain.mime } })).status, 200);
  const { conversions: [made] } = await waitFor(archivist, '/keep/conversions', json => json.conversions.length === 1);
  assert.equal(made.after.puid, 'fmt/477');
  const after = (await archivist.get('/keep/risk')).json;
  assert.deepEqual([after.formats.find(each => each.mime === 'image/png').converted, after.convert + after.converted_files >= 2, after.convert], [1, true, risk.convert - (plain.policy === 'convert' ? 1 : 0)]);
  const files = (await archivist.get(`/record/${made.record_id}?tab=files`)).json.files;
  assert.deepEqual(files.map(each => each.path), ['files/0001.png', 'derived/0001.pdf']);
  assert.equal(files[0].sha512, made.before.sha512, 'the original is the same');
  const form = await paper(archivist, `/keep/conversion/${made.id}/form.pdf`);
  assert.ok(form.includes('110101'), 'the archives’ code');
  for (const part of ['电子档案格式转换与迁移登记表', made.code, `picture.png，${made.before.size}字节`, `picture.png.pdf，${made.after.size}字节，1页`, made.tool.replaceAll(' ', ''), '操作者archivist',
    `转换前1个文件，${made.before.size}字节；转换后1个文件，${made.after.size}字节，1页`, '没有转换成的0件']) assert.ok(form.includes(part), `${part} in ${form}`);
  assert.equal((await archivist.get('/keep/conversion/999/form.pdf')).status, 404);
  assert.match((await archivist.get('/keep/conversions', { html: true })).text, new RegExp(`href="/keep/conversion/${made.id}/form\\.pdf"`));
  assert.equal((await archivist.post(`/keep/conversion/${made.id}/undo`, { form: {} })).status, 200);
  assert.equal((await archivist.post(`/keep/conversion/${made.id}/undo`, { form: {} })).status, 409);
  assert.deepEqual((await archivist.get(`/record/${made.record_id}?tab=files`)).json.files.map(each => each.path), ['files/0001.png']);
  assert.equal((await archivist.get(address)).json.plan.files, 1, 'to be converted again');
});

test('office documents become PDF/A-2b by LibreOffice in its jail, searchable by their text', { skip: existsSync('/usr/lib/libreoffice/program/soffice.bin') ? false : 'LibreOffice is not installed (libreoffice-writer-nogui)' }, async () => {
  const started = await archivist.post('/keep/format/convert', { form: { puid: '', mime: 'text/rtf' } });
  const rtf = (await archivist.get('/keep/risk')).json.formats.find(each => each.mime === 'text/rtf');
  if (started.status === 404) assert.equal((await archivist.post('/keep/format/convert', { form: { puid: rtf.puid, mime: 'text/rtf' } })).status, 200);
  const { conversions } = await waitFor(archivist, '/keep/conversions', json => json.conversions.some(each => each.after?.name?.startsWith('letter')) && !json.job);
  const letter = conversions.find(each => each.after.name.startsWith('letter'));
  assert.match(letter.tool, /^LibreOffice \d/);
  assert.equal(letter.after.puid, 'fmt/477');
  const found = await archivist.get('/search?q=TELLTALE');
  assert.equal(found.json.hits, 1, found.text.slice(0, 300));
});

test('media: registered, due by their type, printed', async () => {
  assert.equal((await archivist.post('/keep/media', { form: { name: 'GP-001', type: '光盘', made_on: '2020-01-01' } })).status, 200);
  assert.equal((await archivist.post('/keep/media', { form: { name: 'GP-002', type: '光盘', made_on: '昨天' } })).status, 422);
  assert.equal((await archivist.post('/keep/media', { form: { name: 'GP-003', type: '纸带', made_on: '2020-01-01' } })).status, 422);
  const [medium] = (await archivist.get('/keep/media')).json.media;
  assert.deepEqual([medium.check_due, medium.overdue, medium.expired], ['2022-01-01', true, false]);
  assert.ok((await archivist.get('/keep')).json.warnings.some(each => /1 件脱机介质到了检查的时间/.test(each.text)));
  const form = await archivist.get('/keep/media/form.pdf');
  assert.equal(form.bytes.subarray(0, 5).toString(), '%PDF-');
});

test('assembly: page images of a record become one PDF, of one record and of all of a format; taken back, done again, rebuilt', async () => {
  const own = await emptyArchive(), folder = temporary(), rows = [['档号', '题名', '日期', '开放状态', '密级', '文件']];
  mkdirSync(path.join(folder, 'files'));
  const pages = { 'A-1': ['a1.png', 'a2.png', 'a3.png'], 'A-2': ['b1.png', 'b2.png'], 'A-3': ['c1.png'], 'A-4': ['d1.png', 'd2.png'] };
  for (const [code, names] of Object.entries(pages)) {
    rows.push([code, `图像 ${code}`, '20010203', '开放', code === 'A-4' ? '秘密' : '公开', names.join('\n')]);
    names.forEach((name, i) => write(path.join(folder, 'files', name), png(40 + 10 * i, 30)));
  }
  await take(own, write(path.join(folder, 'table.csv'), csv(rows)), '--fonds', 'A', '--files', path.join(folder, 'files'));
  for (const [name, role, level] of [['keeper', 'archivist', '秘密'], ['low', 'archivist', '公开'], ['chief', 'director', '秘密']])
    assert.equal((await lantai(own, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', level)).status, 0);
  const id = Object.fromEntries((await query(own, 'SELECT id, code FROM record')).map(row => [row.code, row.id]));
  const on = await serve(own);
  try {
    const [keeper, low, chief] = await Promise.all(['keeper', 'low', 'chief'].map(name => new Client(on.base).signIn(name)));
    const list = code => `/keep/conversions?record=${id[code]}`, settled = target => waitFor(keeper, target, json => json.conversions.some(each => !each.undone) && !json.job);
    for (const [client, form, status] of [[chief, { record: id['A-1'] }, 403], [low, { record: id['A-4'] }, 404], [keeper, { record: id['A-3'] }, 409], [keeper, { record: 999999 }, 404], [keeper, { mime: 'image/none' }, 404]])
      assert.equal((await client.post('/keep/assemble', { form })).status, status, JSON.stringify(form));
    assert.equal((await low.get(list('A-4'))).status, 404);
    const before = (await keeper.get(list('A-1'))).json;
    assert.deepEqual([before.of.images, before.of.may_assemble, before.conversions], [3, true, []]);
    assert.match((await keeper.get(`/record/${id['A-1']}?tab=files`, { html: true })).text, new RegExp(`href="/keep/conversions\\?record=${id['A-1']}"`));
    assert.equal((await keeper.post('/keep/assemble', { form: { record: id['A-1'] } })).status, 200);
    const { conversions: [made], of } = await settled(list('A-1'));
    assert.equal(of.may_assemble, false);
    assert.deepEqual([made.before.name, made.before.files.map(file => file.path), made.after.name, made.after.pages, made.after.puid], ['a1.png 等 3 个图像', ['files/0001.png', 'files/0002.png', 'files/0003.png'], 'A-1.pdf', 3, 'fmt/477']);
    assert.match(made.tool, /^libvips \d/);
    const files = (await keeper.get(`/record/${id['A-1']}?tab=files`)).json.files;
    assert.deepEqual(files.map(file => file.path), ['files/0001.png', 'files/0002.png', 'files/0003.png', 'derived/0001.pdf']);
    assert.deepEqual(made.before.files.map(file => file.sha512), files.slice(0, 3).map(file => file.sha512), 'every source with its digest');
    const pdf = path.join(folder, 'a.pdf');
    writeFileSync(pdf, (await keeper.get(`/file/${files[3].id}`)).bytes);
    const sizes = [...execFileSync('pdfinfo', ['-l', '9', pdf], { encoding: 'utf8' }).matchAll(/size: +([\d.]+) x/g)].map(match => Number(match[1]));
    assert.equal(sizes.length, 3);
    assert.ok(sizes[0] < sizes[1] && sizes[1] < sizes[2], 'in the order of the record');
    assert.equal((await keeper.post('/keep/assemble', { form: { record: id['A-1'] } })).status, 409, 'not twice');
    const form = await paper(keeper, `/keep/conversion/${made.id}/form.pdf`);
    for (const part of ['页面图像合并为PDF/A-2b', '转换前3个文件', '转换后1个文件', '3页']) assert.ok(form.includes(part), `${part} in ${form}`);
    // All of the format: the records that are left, one page or assembled already are passed over.
    const plain = made.before, address = `/keep/format?puid=${encodeURIComponent(plain.puid)}&mime=${encodeURIComponent(plain.mime)}`;
    assert.deepEqual((await keeper.get(address)).json.assembly, { records: 2 });
    assert.match((await keeper.get(address, { html: true })).text, /2 件档案有两个以上的页面图像/);
    assert.equal((await keeper.get(address)).json.plan.files, 8, 'the conversion of single files is another matter');
    assert.equal((await keeper.post('/keep/assemble', { form: { puid: plain.puid, mime: plain.mime } })).status, 200);
    const { conversions } = await waitFor(keeper, '/keep/conversions', json => json.conversions.length === 3 && !json.job);
    assert.deepEqual(conversions.map(each => each.after.name).sort(), ['A-1.pdf', 'A-2.pdf', 'A-4.pdf']);
    assert.ok(!(await low.get('/keep/conversions')).text.includes('d1.png'), 'names are for those who may see the files');
    assert.equal((await keeper.post('/keep/assemble', { form: { puid: plain.puid, mime: plain.mime } })).status, 409, 'nothing is left');
    assert.equal((await keeper.post(`/keep/conversion/${made.id}/undo`, { form: {} })).status, 200);
    assert.equal((await keeper.get(`/record/${id['A-1']}?tab=files`)).json.files.length, 3);
    assert.equal((await keeper.post('/keep/assemble', { form: { record: id['A-1'] } })).status, 200);
    await settled(list('A-1'));
    assert.deepEqual((await keeper.get(`/record/${id['A-1']}?tab=files`)).json.files.map(file => file.path).slice(3), ['derived/0002.pdf'], 'a number is not used twice');
  } finally { await on.stop(); }
  await assertClean(own);
  const rebuilt = await lantai(own, 'rebuild', path.join(temporary(), 'again'), '--json');
  assert.equal(rebuilt.status, 0, rebuilt.stderr);
  assert.equal(rebuilt.json.equal, true);
});

// A patrol of an archive of its own: it must find what is wrong, and go on where it was killed.
test('patrol: killed in the middle it goes on; a damaged byte is found under its item; the second year stands beside the first', async () => {
  const own = await emptyArchive(), folder = temporary(), { table, files } = writeDelivery(folder, { count: 6, documents: 6 });
  await take(own, table, '--files', files);
  for (const [name, role] of [['keeper', 'archivist'], ['officer', 'sysadmin'], ['chief', 'director'], ['guest', 'reader']]) assert.equal((await lantai(own, 'user', 'add', name, '--role', role, '--password', PASSWORD)).status, 0);
  const [victim] = await query(own, 'SELECT r.id, r.code, f.path, f.sha512 FROM record AS r JOIN file AS f ON f.record_id = r.id ORDER BY r.id LIMIT 1 OFFSET 1');
  const first = await lantai(own, 'patrol', '--rate', '0', '--json');
  assert.equal(first.status, 0, first.stderr);
  assert.deepEqual([first.json.records, first.json.files, first.json.failed], [6, 6, 0]);
  assert.ok(first.json.items.find(item => item.code === 'CQ-1-1').checked >= 12, 'both digests of every file');
  const disk = execFileSync('find', [path.join(own, 'store'), '-path', `*record%3a${victim.id}/*`, '-name', path.basename(victim.path)], { encoding: 'utf8' }).trim(), bytes = readFileSync(disk);
  bytes[bytes.length >> 1] ^= 1;
  chmodSync(disk, 0o644);
  writeFileSync(disk, bytes);
  Object.assign(process.env, { LANTAI_PATROL_SLICE: '2', LANTAI_FAULT: 'patrol.slice:3' });
  const killed = await lantai(own, 'patrol', '--rate', '0', '--json');
  delete process.env.LANTAI_FAULT;
  assert.notEqual(killed.status, 0);
  const [half] = await query(own, 'SELECT id, reached, records, state FROM patrol ORDER BY id DESC LIMIT 1');
  assert.deepEqual([half.records, half.state], [4, 'running']);
  const on = await serve(own); // the tick goes on with it by itself
  delete process.env.LANTAI_PATROL_SLICE;
  try {
    const [keeper, officer, chief, guest] = await Promise.all(['keeper', 'officer', 'chief', 'guest'].map(name => new Client(on.base).signIn(name)));
    const { patrol, items } = await waitFor(keeper, `/keep/patrol/${half.id}`, json => json.patrol.done);
    assert.deepEqual([patrol.records, patrol.verdict], [6, 'failed']);
    const fixity = items.find(item => item.code === 'CQ-1-1');
    assert.deepEqual([fixity.failed, fixity.findings.length, fixity.checked], [2, 2, first.json.items.find(item => item.code === 'CQ-1-1').checked], 'nothing twice, nothing left out');
    assert.deepEqual(fixity.findings.map(each => [each.record_id, each.code, each.path]), Array(2).fill([victim.id, victim.code, victim.path]));
    assert.match((await keeper.get(`/keep/patrol/${half.id}`, { html: true })).text, new RegExp(victim.code));
    const list = (await keeper.get(`/keep/patrol/${half.id}?item=CQ-1-1`)).json.list;
    assert.equal(list.findings.length, 2);
    for (const target of [`/keep/patrol/${half.id}`, `/keep/patrol/${half.id}?item=CQ-1-1`, '/keep/patrol', '/keep']) {
      const seen = await officer.get(target, { html: true });
      assert.equal(seen.status, 200, target);
      assert.ok(!seen.text.includes(victim.code), `${target}: an officer sees no 档号`);
      assert.equal((await chief.get(target, { html: true })).status, 200);
      assert.equal((await guest.get(target)).status, 403);
    }
    const [slice] = await query(own, `SELECT check_id FROM patrol_slice WHERE patrol_id = ${half.id} ORDER BY check_id LIMIT 1`);
    assert.ok(!(await officer.get(`/check/${slice.check_id}`, { html: true })).text.includes(victim.code));
    assert.equal((await keeper.get(`/keep/patrol/${half.id}/report.pdf`)).bytes.subarray(0, 5).toString(), '%PDF-');
    const { trend } = (await keeper.get('/keep/patrol')).json;
    assert.deepEqual(trend.years.map(year => year.faults), [0, patrol.faults]);
    assert.ok(trend.items.find(item => item.code === 'CQ-1-1').cells.map(cell => cell.found).join() === '0,2');
    assert.match((await keeper.get('/keep/patrol', { html: true })).text, /<svg class="chart"/);
    assert.ok((await keeper.get('/keep')).json.warnings.some(each => /巡检发现/.test(each.text)));
    assert.equal((await keeper.post('/keep/patrol', { form: { enabled: 1, month: 2, day: 30, rate_mb: 5 } })).status, 422);
    assert.equal((await keeper.post('/keep/patrol', { form: { enabled: 1, month: 2, day: 29, rate_mb: 5, hour_from: 20, hour_to: 6 } })).status, 200);
    assert.equal((await chief.post('/keep/patrol', { form: { month: 1, day: 1, rate_mb: 5 } })).status, 403);
    assert.equal((await chief.post(`/keep/patrol/${half.id}/sign`, { form: { items: 'CQ-1-1', verdict: 'passed', note: '没事' } })).status, 409, 'what failed stays failed');
    assert.equal((await chief.post(`/keep/patrol/${half.id}/sign`, { form: { items: 'CQ-4-1', verdict: 'passed', note: '另机查杀' } })).status, 200);
  } finally { await on.stop(); }
  const failed = await lantai(own, 'patrol', '--rate', '0');
  assert.equal(failed.status, 1);
  assert.match(failed.stdout, new RegExp(victim.code));
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(disk, bytes);
  const rebuilt = await lantai(own, 'rebuild', path.join(temporary(), 'again'), '--json');
  assert.equal(rebuilt.status, 0, rebuilt.stderr);
  assert.equal(rebuilt.json.equal, true);
});

test('what leaves the archives says in each format that files were destroyed; why, and on whose request, stays here', async () => {
  await server.stop();
  server = undefined;
  const [first] = records, [{ data }] = await query(dir, `SELECT data FROM tombstone WHERE record_id = ${first.id}`), [file] = JSON.parse(data).files;
  const told = new RegExp(`原文已销毁（保管期满销毁），\\d{4}-\\d\\d-\\d\\d，原有 1 个文件`), outside = temporary();
  const out = async (format, name, ...inside) => {
    const made = await lantai(dir, 'export', '--code', first.code, '--format', format, path.join(outside, name), '--json');
    assert.equal(made.status, 0, made.stderr);
    const text = inside.length ? execFileSync('find', [path.join(outside, name), '-name', inside[0], '-exec', 'cat', '{}', '+'], { encoding: 'utf8' }) : readFileSync(path.join(outside, name), 'utf8');
    assert.ok(!/鉴定报告二号/.test(text), format);
    return text;
  };
  const [head, row] = (await out('bagit', 'bag', 'catalogue.csv')).trim().split(/\r?\n/);
  assert.ok(head.includes('处置') && told.test(row), row);
  const [listed] = JSON.parse(await out('bagit', 'bag2', 'metadata.json')).disposal.files;
  assert.deepEqual([listed.name, listed.sha512], [file.name, file.sha512]);
  assert.match(await out('dat93', 'dat93', '元数据.XML'), new RegExp(`<处置>${told.source}</处置>`));
  assert.match(await out('ead', 'aid.xml'), new RegExp(`<processinfo>\\s*<head>处置</head>\\s*<p>${told.source}</p>\\s*</processinfo>`));
  const mets = await out('mets', 'mets', 'METS.xml');
  assert.match(mets, /<premis:eventType>deletion<\/premis:eventType>/);
  assert.match(mets, new RegExp(`label="处置">${told.source}<`));
  assert.match(mets, /<premis:agentName>director</);
  assert.ok(!(await lantai(dir, 'export', '--code', records[1].code, '--format', 'bagit', path.join(outside, 'other'), '--json')).status);
  assert.ok(!readFileSync(path.join(outside, 'other', 'data', 'catalogue.csv'), 'utf8').includes('处置'), 'nothing was destroyed there');
});

test('everything checks out, and the archive rebuilt from store and journal is equal', async () => {
  await server?.stop();
  server = undefined;
  await assertClean(dir);
  const undone = await lantai(dir, 'undo', '1');
  assert.notEqual(undone.status, 0);
  assert.match(undone.stderr, /不能撤销/, 'what was destroyed does not come back');
  const rebuilt = await lantai(dir, 'rebuild', path.join(temporary(), 'again'), '--json');
  assert.equal(rebuilt.status, 0, rebuilt.stderr);
  assert.equal(rebuilt.json.equal, true);
});
