// Receiving a delivery through the command line and the pages: formats, mapping, dates, rehearsal, repetition, correction, undo, documents, damage, hostile input.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assertClean, CHINESE, copyArchive, descriptions, dump, emptyArchive, hits, query, show, take } from './archive.mjs';
import { csv, dbf, parseCsv, write, xlsx, zip } from './make.mjs';
import { Client, lantai, PASSWORD, serve, shared, sharedHere, temporary } from './support.mjs';

const data = path.join(shared, 'data');
const needsData = sharedHere ? {} : { skip: 'no ../shared/data here' };
const CATALOGUES = ['catalogue.csv', 'catalogue-gb18030.csv', 'catalogue.xlsx', 'catalogue.xls'];
const SETS = [{ name: 'laws', rows: 3420, key: '顺序号' }, { name: 'gazette', rows: 5000, key: '流水号' }];

function folderOf(files) {
  const dir = temporary();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    writeFileSync(path.join(dir, name), content);
  }
  return dir;
}
const inFolder = (name, content) => path.join(folderOf({ [name]: content }), name);

// A stored value as the data imply: composed, controls gone, white space trimmed.
const clean = text => text.normalize('NFC').replace(/[\t\r\n]+/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '').replace(/^[\s\u3000]+|[\s\u3000]+$/g, '');

// ---- the formats ----

const formats = {};
test('every format of a set gives the same canonical rows, and a rehearsal writes nothing', needsData, async () => {
  const dir = await emptyArchive();
  for (const set of SETS) {
    const digests = new Set();
    for (const name of CATALOGUES) {
      const report = await take(dir, path.join(data, set.name, name), '--rehearse');
      assert.deepEqual([report.rows, report.created, report.updated, report.unchanged, report.rejected], [set.rows, set.rows, 0, 0, []], `${set.name} ${name}`);
      assert.equal(report.key, set.key);
      assert.equal(report.state, 'rehearsed');
      assert.match(report.digest, /^[0-9a-f]{64}$/);
      assert.ok(report.samples.length > 0);
      digests.add(report.digest);
    }
    assert.equal(digests.size, 1, `${set.name}: ${[...digests]}`);
    formats[set.name] = [...digests][0];
  }
  assert.notEqual(formats.laws, formats.gazette);
  assert.deepEqual(await query(dir, 'SELECT * FROM record'), []);
  assert.equal(await hits(dir, '法'), 0);
  await assertClean(dir);
});

let everyFormat; // an archive with each format in a fonds of its own
test('every format of a set becomes the same records', needsData, async () => {
  everyFormat = await emptyArchive();
  for (const set of SETS) {
    const tables = [];
    for (const [i, name] of CATALOGUES.entries()) {
      const fonds = `${set.name === 'laws' ? 'L' : 'G'}${i}`, report = await take(everyFormat, path.join(data, set.name, name), '--fonds', fonds);
      assert.deepEqual([report.created, report.digest, report.state], [set.rows, formats[set.name] ?? report.digest, 'done']);
      tables.push(await descriptions(everyFormat, fonds));
    }
    assert.equal(tables[0].length, set.rows);
    for (const [i, table] of tables.entries()) assert.deepEqual(table, tables[0], `${set.name}: ${CATALOGUES[i]}`);
  }
  await assertClean(everyFormat);
});

test('the records are what the tables say, cell by cell', needsData, async () => {
  if (!everyFormat) throw new Error('nothing was imported');
  const columns = {
    laws: { title: '题名', creator: '责任者', date_text: '日期', own: { 类别: '类别', 字数: '字数', 顺序号: '顺序号', file: '电子档案名称' } },
    gazette: { title: '题名', creator: '责任者', date_text: '日期', docno: '文号', own: { wz: '文种', ztc: '关键词', 子类: '子类', 签署: '签署', 流水号: '流水号', 篇: '篇' } },
  };
  const terms = Object.fromEntries((await query(everyFormat, 'SELECT id, text FROM retention_term')).map(row => [row.id, row.text]));
  for (const set of SETS) {
    const rows = parseCsv(readFileSync(path.join(data, set.name, 'catalogue.csv'), 'utf8')), named = columns[set.name];
    const records = new Map((await descriptions(everyFormat, set.name === 'laws' ? 'L0' : 'G0')).map(record => [record.code, record]));
    for (const row of rows) {
      const record = records.get(row[set.key]), fields = JSON.parse(record.fields);
      for (const column of ['title', 'creator', 'date_text', 'docno']) assert.equal(record[column], named[column] ? clean(row[named[column]]) : '', `${set.name} ${row[set.key]} ${column}`);
      const expected = Object.fromEntries(Object.entries(named.own).map(([key, header]) => [key, clean(row[header])]).filter(([, value]) => value));
      assert.deepEqual(fields, expected, `${set.name} ${row[set.key]}`);
      const era = /^中華民國(\d+)年(\d+)月(\d+)日$/.exec(row.日期), digits = /^(\d{4})(\d\d)(\d\d)$/.exec(row.日期);
      const date = era ? (Number(era[1]) + 1911) * 10000 + era[2] * 100 + Number(era[3]) : digits ? Number(row.日期) : 0;
      assert.ok(date || !row.日期, `a date of another form: ${row.日期}`);
      assert.deepEqual([record.date_from, record.date_to, record.year], [date, date, row.年度 ? Number(row.年度) : Math.floor(date / 10000)], `${set.name} ${row[set.key]} ${row.日期}`);
      if (row.保管期限) assert.equal(terms[record.retention], row.保管期限);
      assert.equal(record.opening, 0, 'unreviewed until somebody decides');
    }
    if (set.name === 'laws') assert.equal([...records.values()].filter(record => !record.date_from).length, 261);
  }
});

test('the DBF holds the same 5 000 records as far as it holds them', needsData, async () => {
  const dir = await emptyArchive();
  const report = await take(dir, path.join(data, 'gazette', 'catalogue.dbf'), '--fonds', 'D');
  assert.deepEqual([report.rows, report.created, report.rejected], [5000, 5000, []]);
  assert.equal(report.key, 'ID');
  const rows = new Map(parseCsv(readFileSync(path.join(data, 'gazette', 'catalogue.csv'), 'utf8')).map(row => [row.流水号, row]));
  let whole = 0;
  for (const record of await descriptions(dir, 'D')) {
    const row = rows.get(record.code);
    assert.ok(row, record.code);
    rows.delete(record.code);
    for (const [column, header] of [['title', '题名'], ['creator', '责任者'], ['docno', '文号'], ['date_text', '日期']]) {
      const wanted = clean(row[header]);
      // What GBK cannot write its producer wrote as "?".
      const same = [...wanted].slice(0, [...record[column]].length).every((c, i) => c === [...record[column]][i] || [...record[column]][i] === '?');
      assert.ok(same, `${record.code} ${column}: ${record[column]} / ${wanted}`);
      if (record[column] === wanted) whole++;
    }
    if (/^中華民國\d+年\d+月\d+日$/.test(record.date_text)) assert.ok(record.date_from > 19000000);
  }
  assert.equal(rows.size, 0);
  assert.ok(whole > 15000, `${whole} of 20 000 values uncut`);
});

// ---- columns and dates ----

test('pinyin headers are understood; unknown columns are kept under their own names', async () => {
  const dir = await emptyArchive();
  const table = inFolder('DA.csv', csv([['QZH', 'DH', 'TM', 'ZRZ', 'WH', 'RQ', 'BGQX', 'YS', 'MJ', '盒号'],
    ['A001', 'A001-WS·1958-Y-0001', '关于春耕的通知', '县人民委员会', '〔58〕农字第3号', '19580312', '永久', '4', '秘密', '7'], ['A002', 'A002-WS·1961-D30-0002', '关于防汛的报告', '水利局', '', '1961', '30年', '', '', '8']]));
  const report = await take(dir, table);
  assert.deepEqual([report.rows, report.created, report.rejected], [2, 2, []]);
  assert.deepEqual(report.fonds.map(fonds => fonds.code).sort(), ['A001', 'A002']);
  const record = await show(dir, 'A001-WS·1958-Y-0001');
  assert.deepEqual([record.title, record.creator, record.docno, record.date, record.date_from, record.retention, record.page_count, record.security, record.year],
    ['关于春耕的通知', '县人民委员会', '〔58〕农字第3号', '19580312', 19580312, '永久', 4, 'secret', 1958]);
  assert.equal(record.fields.find(field => field.key === '盒号').value, '7');
  const whole = await show(dir, 'A002-WS·1961-D30-0002');
  assert.deepEqual([whole.date_from, whole.date_to], [19610101, 19611231]);
  assert.equal(await hits(dir, 'docno:"农字第3号"'), 1);
});

test('dates in the forms of the data are understood; what is not understood is kept as written and reported', async () => {
  const forms = [['20231229', 20231229, 20231229], ['2023-12-29', 20231229, 20231229], ['2023年12月29日', 20231229, 20231229], ['２０２３．１２．２９', 20231229, 20231229], ['2023/1/9', 20230109, 20230109],
    ['中華民國94年1月3日', 20050103, 20050103], ['民国三十八年十月', 19491001, 19491031], ['一九五八年三月', 19580301, 19580331], ['一九五八年三月二十一日', 19580321, 19580321], ['1958', 19580101, 19581231],
    ['195803', 19580301, 19580331], ['1958年', 19580101, 19581231], ['19580000', 19580101, 19581231], ['19580300', 19580301, 19580331], ['1958.3—1960.5', 19580301, 19600531]];
  const odd = ['二月三十日左右', '20230230', '不详', '2023-13-01', '戊戌年仲春'];
  const dir = await emptyArchive();
  const table = inFolder('dates.csv', csv([['档号', '题名', '日期'], ...forms.map(([text], i) => [`R-${i}`, `题${i}`, text]), ...odd.map((text, i) => [`O-${i}`, `怪${i}`, text])]));
  const report = await take(dir, table, '--fonds', 'R');
  assert.deepEqual([report.created, report.rejected], [forms.length + odd.length, []]);
  for (const [i, [text, from, to]] of forms.entries()) {
    const record = await show(dir, `R-${i}`);
    assert.deepEqual([record.date, record.date_from, record.date_to], [text.normalize('NFC'), from, to], text);
  }
  for (const [i, text] of odd.entries()) assert.equal((await show(dir, `O-${i}`)).date, text);
  const reported = report.warnings.filter(fault => fault.column === '日期').map(fault => fault.value);
  assert.deepEqual(reported, odd);
  assert.ok(report.warnings.every(fault => CHINESE.test(fault.reason) && fault.row > forms.length));
});

// ---- rehearsal and its faults ----

const FAULTY = [['档号', '题名', '责任者', '日期', '密级'],
  ['F-0001', '甲', '某局', '1958', ''], ['', '没有档号', '某局', '1958', ''], ['F-0003', '', '某局', '1958', ''], ['F-0004', '丁', '某局', '1958', '绝妙'], ['F-0001', '重复', '某局', '1958', ''], ['F-0006', '己', '某局', '春天', '']];

test('a rehearsal lists every bad row with row, column, value and reason, and one bad row never stops the rest', async () => {
  const dir = await emptyArchive(), table = inFolder('faulty.csv', csv(FAULTY));
  const rehearsed = await take(dir, table, '--fonds', 'F', '--rehearse');
  assert.deepEqual([rehearsed.rows, rehearsed.created, rehearsed.rejected_count, rehearsed.warning_count], [6, 2, 4, 1]);
  assert.deepEqual(rehearsed.rejected.map(fault => [fault.row, fault.column, fault.value]), [[3, '档号', ''], [4, '题名', ''], [5, '密级', '绝妙'], [6, '档号', 'F-0001']]);
  assert.ok(rehearsed.rejected.every(fault => CHINESE.test(fault.reason)), JSON.stringify(rehearsed.rejected));
  assert.match(rehearsed.rejected[3].reason, /2/, 'which row has the same code');
  assert.deepEqual(rehearsed.warnings.map(fault => [fault.row, fault.column, fault.value]), [[7, '日期', '春天']]);
  assert.deepEqual(await query(dir, 'SELECT * FROM record'), []);
  const loaded = await take(dir, table, '--fonds', 'F');
  assert.equal(loaded.id, rehearsed.id, 'the rehearsed delivery goes on');
  assert.deepEqual([loaded.created, loaded.rejected.length], [2, 4]);
  assert.deepEqual((await descriptions(dir, 'F')).map(record => record.code), ['F-0001', 'F-0006']);
  const text = await lantai(dir, 'import', table, '--fonds', 'F');
  assert.equal(text.status, 0);
  assert.match(text.stdout, /第 5 行.*密级.*绝妙/);
  await assertClean(dir);
});

async function signedIn(dir, name, role) {
  const added = await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密');
  assert.equal(added.status, 0, added.stderr);
  const server = await serve(dir);
  return { server, client: await new Client(server.base).signIn(name) };
}

async function upload(client, file, extra = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(extra)) form.append(name, String(value));
  form.append('table', new Blob([readFileSync(file)]), path.basename(file));
  const reply = await client.request('POST', '/delivery/new', { body: form });
  assert.equal(reply.status, 200, reply.text.slice(0, 500));
  return Number(/\/delivery\/(\d+)/.exec(reply.json.location)[1]);
}

async function finished(client, id, watch = () => {}) {
  for (let i = 0; i < 3000; i++) {
    const { json } = await client.get(`/delivery/${id}/progress`);
    watch(json);
    if (json.finished) return (await client.get(`/delivery/${id}`)).json;
    await new Promise(done => setTimeout(done, 10));
  }
  throw new Error('the job does not end');
}

test('on the pages: upload, guessed columns corrected and kept, rehearsal, faults as .xlsx, load, undo', async () => {
  const dir = await emptyArchive(), { server, client } = await signedIn(dir, 'archivist', 'archivist');
  try {
    const table = inFolder('来文.xlsx', xlsx([['编码', '题名', '说法', '密级'], ['P-1', '甲', '关于修路', ''], ['P-2', '', '关于造桥', ''], ['P-3', '丙', '关于开渠', '无聊']]));
    const id = await upload(client, table, { fonds: 'P', fonds_title: '某局' });
    let page = (await client.get(`/delivery/${id}`)).json;
    assert.equal(page.state, 'received');
    assert.deepEqual(page.mapping.columns.map(column => column.header), ['编码', '题名', '说法', '密级']);
    const html = (await client.get(`/delivery/${id}`, { html: true })).text;
    assert.match(html, /<select[^>]*name="field"/);
    const corrected = await client.post(`/delivery/${id}/mapping`, { form: [['field', 'code'], ['field', '-'], ['field', 'title'], ['field', 'security'], ['save_as', '某局来文']] });
    assert.equal(corrected.status, 200, corrected.text.slice(0, 300));
    await client.post(`/delivery/${id}/rehearse`);
    page = await finished(client, id);
    assert.deepEqual([page.state, page.rows, page.created, page.rejected.map(fault => [fault.row, fault.column, fault.value])], ['rehearsed', 3, 2, [[4, '密级', '无聊']]]);
    assert.deepEqual(page.samples.map(sample => sample.title), ['关于修路', '关于造桥']);
    assert.match((await client.get(`/delivery/${id}`, { html: true })).text, /无聊/);
    assert.deepEqual(await query(dir, 'SELECT * FROM record'), []);
    const sheet = await client.get(`/delivery/${id}/faults.xlsx`);
    assert.equal(sheet.status, 200);
    const saved = path.join(folderOf({}), 'faults.xlsx');
    writeFileSync(saved, sheet.bytes);
    const cells = execFileSync('unzip', ['-p', saved], { encoding: 'utf8' });
    for (const word of ['行号', '列', '值', '原因', '无聊', 'P-3', '关于开渠']) assert.ok(cells.includes(word), `faults.xlsx lacks ${word}`);
    assert.ok(!cells.includes('P-1'), 'only bad rows are sent back');
    await client.post(`/delivery/${id}/load`, { form: { note: "试收" } });
    page = await finished(client, id);
    assert.deepEqual([page.state, page.created], ['done', 2]);
    assert.equal((await client.get('/search.json?q=修路')).json.hits, 1);
    const again = await upload(client, inFolder('下月来文.csv', csv([['编码', '题名', '说法', '密级'], ['P-9', '别', '关于植树', '']])), { fonds: 'P', mapping: '某局来文' });
    await client.post(`/delivery/${again}/rehearse`);
    assert.deepEqual((await finished(client, again)).samples.map(sample => [sample.code, sample.title]), [['P-9', '关于植树']]);
    await client.post(`/delivery/${id}/undo`);
    assert.equal((await finished(client, id)).state, 'undone');
    assert.equal((await client.get('/search.json?q=修路')).json.hits, 0);
    const list = (await client.get('/deliveries')).json;
    assert.equal(list.deliveries.length, 2);
  } finally { await server.stop(); }
  const named = await take(dir, inFolder('再来.csv', csv([['编码', '题名', '说法', '密级'], ['P-8', '别', '关于养蜂', '']])), '--fonds', 'P', '--mapping', '某局来文');
  assert.equal(named.samples[0].title, '关于养蜂');
  await assertClean(dir);
});

const MANY = 200000;
test('progress has rate and remaining time on page and terminal', async () => {
  const dir = await emptyArchive(), { server, client } = await signedIn(dir, 'archivist', 'archivist');
  const rows = [['档号', '题名', '责任者', '日期']];
  for (let i = 0; i < MANY; i++) rows.push([`W-${i}`, `关于第${i}号文件中各项工作的安排意见`, `第${i % 50}办公室`, `19${50 + i % 50}0301`]);
  const table = inFolder('many.csv', csv(rows)), seen = [];
  try {
    const id = await upload(client, table, { fonds: 'W' });
    await client.post(`/delivery/${id}/rehearse`);
    await finished(client, id);
    await client.post(`/delivery/${id}/load`, { form: { note: "试收" } });
    const page = await finished(client, id, progress => { if (progress.job) seen.push(progress.job); });
    assert.deepEqual([page.state, page.created], ['done', MANY]);
    const html = await client.get(`/delivery/${id}/progress`, { html: true });
    assert.equal(html.status, 200);
  } finally { await server.stop(); }
  const running = seen.filter(job => job.state === 'running' && job.rate > 0);
  assert.ok(running.length > 0, `no progress seen: ${JSON.stringify(seen.slice(-2))}`);
  assert.ok(running.some(job => job.remaining_seconds >= 0 && job.done > 0 && job.total === MANY), JSON.stringify(running.slice(-2)));
  for (const stage of new Set(running.map(job => job.stage))) { // rows are read back after they are loaded: each stage counts for itself
    const done = running.filter(job => job.stage === stage).map(job => job.done);
    assert.deepEqual(done, [...done].sort((a, b) => a - b), stage);
  }
  const terminal = await lantai(dir, 'import', inFolder('other.csv', csv(rows)), '--fonds', 'V');
  assert.match(terminal.stderr, /行\/秒/);
  assert.match(terminal.stderr, /剩余|用时/);
});

// ---- the same again, corrections, undo ----

test('the same delivery again changes nothing; a corrected one updates in place and keeps the files; undo restores each step', async () => {
  const dir = await emptyArchive();
  const header = ['档号', '题名', '责任者', '日期', '开放状态', '电子档案名称'];
  const first = [['K-0001', '甲一', '某局', '19580301', '开放', '甲.txt'], ['K-0002', '乙二', '某局', '19580302', '', ''], ['K-0003', '丙三', '某局', '19580303', '控制', 'c/丙.txt'], ['K-0004', '丁四', '某局', '', '', '']];
  const files = folderOf({ '甲.txt': '甲的正文：修筑水库', 'c/丙.txt': '丙的正文：开山造田', 'K-0002-1.txt': '乙第一页', 'K-0002-2.txt': '乙第二页' });
  const table = folderOf({ 'one.csv': csv([header, ...first]) }), before = await dump(dir);
  const report = await take(dir, path.join(table, 'one.csv'), '--fonds', 'K', '--files', files);
  assert.deepEqual([report.created, report.attached, report.missing.map(entry => entry.code), report.surplus], [4, 4, ['K-0004'], []]);
  const one = await dump(dir);
  const again = await take(dir, path.join(table, 'one.csv'), '--fonds', 'K', '--files', files);
  assert.deepEqual([again.created, again.updated, again.unchanged, again.attached], [0, 0, 4, 0]);
  assert.deepEqual(await dump(dir), one);
  await assertClean(dir);

  const corrected = structuredClone(first);
  corrected[0][1] = '甲一（订正）';
  corrected[2][2] = '另一局';
  corrected.push(['K-0005', '戊五', '某局', '1959', '', '']);
  writeFileSync(path.join(table, 'one.csv'), csv([header, ...corrected]));
  const rehearsed = await take(dir, path.join(table, 'one.csv'), '--fonds', 'K', '--rehearse');
  assert.deepEqual([rehearsed.created, rehearsed.updated, rehearsed.unchanged], [1, 2, 2]);
  assert.deepEqual(await dump(dir), one, 'rehearsed only');
  const second = await take(dir, path.join(table, 'one.csv'), '--fonds', 'K');
  assert.deepEqual([second.created, second.updated, second.unchanged], [1, 2, 2]);
  const record = await show(dir, 'K-0001');
  assert.deepEqual([record.title, record.id, record.files.map(file => file.name)], ['甲一（订正）', one.records.find(row => row.code === 'K-0001').id, ['甲.txt']]);
  assert.equal(await hits(dir, '甲一订正'), 0, 'a bracket separates');
  assert.equal(await hits(dir, '甲一 订正'), 1);
  assert.equal(await hits(dir, '修筑水库'), 1, 'the text is still found');
  const two = await dump(dir);

  writeFileSync(path.join(files, 'K-0002-2.txt'), '乙第二页，重新扫描');
  writeFileSync(path.join(files, 'K-0002-10.txt'), '乙第十页');
  const third = await take(dir, path.join(table, 'one.csv'), '--fonds', 'K', '--files', files);
  assert.deepEqual([third.created, third.updated, third.unchanged, third.attached], [0, 0, 5, 2]);
  assert.deepEqual((await show(dir, 'K-0002')).files.map(file => file.name), ['K-0002-1.txt', 'K-0002-2.txt', 'K-0002-10.txt']);
  assert.equal(await hits(dir, '重新扫描'), 1);
  await assertClean(dir);

  for (const [delivery, state] of [[third.id, two], [second.id, one], [again.id, one], [report.id, before]]) {
    const undone = await lantai(dir, 'undo', String(delivery), '--json');
    assert.equal(undone.status, 0, undone.stderr);
    assert.deepEqual(await dump(dir), state, `after undo of ${delivery}`);
    await assertClean(dir, `after undo of ${delivery}`);
  }
  assert.equal(await hits(dir, '甲'), 0);
  assert.equal(execFileSync('find', [path.join(dir, 'store'), '-path', '*/content/files/*'], { encoding: 'utf8' }), '', 'no document is left');
  await lantai(dir, 'undo', String(report.id)); // again: whatever it answers, there is nothing left to take back
  assert.deepEqual(await dump(dir), before);
  await assertClean(dir);
});

test('undo refuses what others changed since, and lists it', async () => {
  const dir = await emptyArchive();
  const report = await take(dir, inFolder('u.csv', csv([['档号', '题名'], ['U-1', '甲'], ['U-2', '乙']])), '--fonds', 'U');
  const { server, client } = await signedIn(dir, 'archivist', 'archivist');
  try {
    const record = (await client.get('/search.json?q=乙')).json.items[0];
    const saved = await client.post(`/record/${record.id}/edit`, { json: { rev: record.rev, title: '乙，改过' } });
    assert.equal(saved.status, 200, saved.text);
  } finally { await server.stop(); }
  const before = await dump(dir), refused = await lantai(dir, 'undo', String(report.id));
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /U-2/);
  assert.doesNotMatch(refused.stderr, /U-1/);
  assert.deepEqual(await dump(dir), before);
  await assertClean(dir);
});

// ---- documents ----

test('documents by 档号, page number, folder, zip, named column; missing and surplus ones are listed', async () => {
  const dir = await emptyArchive();
  const table = inFolder('t.csv', csv([['档号', '题名', '电子档案名称'], ['Z-1', '一件', ''], ['Z-1-1', '长号', ''], ['Z-2', '两件', ''], ['Z-3', '三件', 'x/三.txt；x/四.txt'], ['Z-4', '四件', '不在.pdf'], ['Z-5', '五件', '']]));
  const contents = { 'Z-1-1.txt': '是另一件的', 'Z-1-2.txt': '第二页', 'Z-1-10.txt': '第十页', 'Z-2/b.txt': '乙', 'Z-2/a.txt': '甲', 'x/三.txt': '三', 'x/四.txt': '四', '多余.txt': '多', 'x/五.txt': '五' };
  for (const [fonds, source] of [['ZF', folderOf(contents)], ['ZZ', inFolder('docs.zip', zip(contents))]]) {
    const report = await take(dir, table, '--fonds', fonds, '--files', source);
    assert.deepEqual(report.missing.map(entry => entry.code), ['Z-4', 'Z-5'], fonds);
    assert.equal(report.missing[0].wanted, '不在.pdf');
    assert.deepEqual([...report.surplus].sort(), ['x/五.txt', '多余.txt'].sort(), fonds);
    assert.equal(report.attached, 7);
    assert.equal(report.bytes, ['是另一件的', '第二页', '第十页', '乙', '甲', '三', '四'].reduce((sum, text) => sum + Buffer.byteLength(text), 0));
  }
  const rows = await query(dir, `SELECT r.code, f.code AS fonds, file.name, file.sha512, file.sm3, file.size_bytes FROM file JOIN record AS r ON r.id = file.record_id JOIN record AS f ON f.id = r.fonds_id
    ORDER BY f.code, r.code, file.sequence`);
  const order = fonds => rows.filter(row => row.fonds === fonds).map(row => [row.code, row.name]);
  assert.deepEqual(order('ZF'), [['Z-1', 'Z-1-2.txt'], ['Z-1', 'Z-1-10.txt'], ['Z-1-1', 'Z-1-1.txt'], ['Z-2', 'a.txt'], ['Z-2', 'b.txt'], ['Z-3', '三.txt'], ['Z-3', '四.txt']]);
  assert.deepEqual(order('ZZ'), order('ZF'), 'a zip gives the same as a folder');
  for (const row of rows) {
    const content = Object.entries(contents).find(([name]) => path.basename(name) === row.name)[1];
    assert.deepEqual([row.sha512, row.sm3], [createHash('sha512').update(content).digest('hex'), createHash('sm3').update(content).digest('hex')], row.name);
  }
  await assertClean(dir);
});

test('laws: 3 420 texts are attached and found, again nothing, and each byte is accounted for', needsData, async () => {
  const dir = await emptyArchive(), texts = path.join(data, 'laws', 'texts'), table = path.join(data, 'laws', 'catalogue.csv');
  const report = await take(dir, table, '--files', texts);
  const rows = parseCsv(readFileSync(table, 'utf8')), sizes = rows.reduce((sum, row) => sum + statSync(path.join(texts, row.电子档案名称)).size, 0);
  assert.deepEqual([report.rows, report.created, report.attached, report.bytes, report.missing, report.surplus], [3420, 3420, 3420, sizes, [], []]);
  const stored = new Map((await query(dir, 'SELECT r.code, f.sha512, f.kind FROM file AS f JOIN record AS r ON r.id = f.record_id')).map(row => [row.code, row]));
  for (const row of rows) assert.equal(stored.get(row.顺序号).sha512, createHash('sha512').update(readFileSync(path.join(texts, row.电子档案名称))).digest('hex'), row.电子档案名称);
  assert.equal((await query(dir, 'SELECT count(*) AS n FROM page_text'))[0].n, 3420, 'each text can be searched');
  assert.ok([...stored.values()].every(file => file.kind === 'text'));
  const checked = await assertClean(dir);
  assert.ok(checked.bytes > sizes && checked.objects >= 3420);
  const again = await take(dir, table, '--files', texts);
  assert.deepEqual([again.created, again.updated, again.unchanged, again.attached, again.rejected], [0, 0, 3420, 0, []]);
});

function objectOf(dir, record) {
  const found = execFileSync('grep', ['-rl', '--include=inventory.json', `"urn:lantai:record:${record}"`, path.join(dir, 'store')], { encoding: 'utf8' }).trim().split('\n');
  return path.dirname(found.sort((a, b) => a.length - b.length)[0]);
}

test('check reads every byte: one flipped bit, a missing and a surplus file, each with its record', async () => {
  const dir = await emptyArchive();
  const rows = Array.from({ length: 12 }, (_, i) => [`C-${String(i).padStart(4, '0')}`, `第${i}件`]);
  const report = await take(dir, inFolder('c.csv', csv([['档号', '题名'], ...rows])), '--fonds', 'C', '--files', folderOf(Object.fromEntries(rows.map(([code]) => [`${code}.txt`, `${code} 的内容`.repeat(50)]))));
  assert.equal(report.attached, 12);
  await assertClean(dir);
  const ids = Object.fromEntries((await query(dir, 'SELECT id, code FROM record WHERE level = 4')).map(row => [row.code, row.id]));
  const file = code => path.join(objectOf(dir, ids[code]), 'v1/content/files/0001.txt');
  const bytes = readFileSync(file('C-0003'));
  bytes[bytes.length >> 1] ^= 0x10;
  writeFileSync(file('C-0003'), bytes);
  rmSync(path.dirname(file('C-0005')), { recursive: true });
  writeFileSync(path.join(path.dirname(file('C-0007')), '0002.txt'), '谁放的？');
  const meta = path.join(objectOf(dir, ids['C-0009']), 'v1/content/metadata.json'), text = readFileSync(meta);
  text[10] ^= 1;
  writeFileSync(meta, text);
  writeFileSync(path.join(dir, 'store', 'stray.txt'), '杂物');
  const check = await lantai(dir, 'check', '--json');
  assert.notEqual(check.status, 0);
  assert.match(check.stderr, CHINESE);
  assert.ok(check.json, `--json gives one JSON value: ${check.stdout.slice(-200)}`);
  const faults = check.json.faults.map(fault => [fault.kind, fault.record?.code ?? null, fault.file]).sort();
  assert.deepEqual(faults, [['damaged', 'C-0003', 'v1/content/files/0001.txt'], ['damaged', 'C-0009', 'v1/content/metadata.json'], ['missing', 'C-0005', 'v1/content/files/0001.txt'],
    ['surplus', 'C-0007', 'v1/content/files/0002.txt'], ['surplus', null, 'stray.txt']].sort());
  assert.ok(check.json.faults.every(fault => !fault.record || (fault.object === `urn:lantai:record:${fault.record.id}` && fault.record.title)));
  const plain = await lantai(dir, 'check');
  for (const code of ['C-0003', 'C-0005', 'C-0007', 'C-0009']) assert.ok(plain.stdout.includes(code), code);
  rmSync(objectOf(dir, ids['C-0001']), { recursive: true });
  const gone = await lantai(dir, 'check', '--json');
  assert.ok(gone.json.faults.some(fault => fault.kind === 'missing' && fault.record?.code === 'C-0001'), 'a whole object');
});

// ---- odd and hostile input ----

const odd = [
  ['merged title rows above the header', () => inFolder('merged.xlsx', xlsx([['某局一九五八年文书档案移交目录', null, null, null], ['移交单位：某局', null, null, '共 2 件'], ['档号', '题名', '责任者', '日期'], ['M-1', '甲', '某局', '1958'], ['M-2', '乙', '某局', '1959']],
    { merges: ['A1:D1', 'A2:C2'] })), ['甲', '乙']],
  ['a header of two merged rows', () => inFolder('two.xlsx', xlsx([['档号', '题名', '日期', null], [null, null, '起', '止'], ['M-1', '甲', '1958', '1959'], ['M-2', '乙', '1960', '1961']], { merges: ['A1:A2', 'B1:B2', 'C1:D1'] })), ['甲', '乙']],
  ['empty rows between and after', () => inFolder('gaps.xlsx', xlsx([['档号', '题名'], [], ['M-1', '甲'], [], ['', ''], ['M-2', '乙'], [], []])), ['甲', '乙']],
  ['empty lines in CSV', () => inFolder('gaps.csv', '\n档号,题名\n\n,\nM-1,甲\n,,,\nM-2,乙\n\n\n'), ['甲', '乙']],
  ['formulas', () => inFolder('formula.xlsx', xlsx([['档号', '题名'], ['M-1', { f: 'CONCATENATE("甲","")', v: '甲' }], [{ f: '"M-"&2', v: 'M-2' }, '乙']])), ['甲', '乙']],
  ['CSV called .xlsx', () => inFolder('wrong.xlsx', csv([['档号', '题名'], ['M-1', '甲'], ['M-2', '乙']])), ['甲', '乙']],
  ['xlsx called .csv', () => inFolder('wrong.csv', xlsx([['档号', '题名'], ['M-1', '甲'], ['M-2', '乙']])), ['甲', '乙']],
  ['UTF-16 with tabs', () => inFolder('export.txt', Buffer.from('\ufeff档号\t题名\r\nM-1\t甲\r\nM-2\t乙\r\n', 'utf16le')), ['甲', '乙']],
  ['semicolons, quotes and line ends inside cells', () => inFolder('quoted.csv', '档号;题名;责任者\r\nM-1;"甲";"某;局"\r\nM-2;"乙";"一""二\r\n三"\r\n'), ['甲', '乙']],
  ['DBF of another maker', () => inFolder('old.dbf', dbf([{ name: 'DH', width: 12 }, { name: 'TM', width: 8 }], [['M-1', Buffer.from([0xBC, 0xD7])], ['M-2', Buffer.from([0xD2, 0xD2])]])), ['甲', '乙']],
];
test('odd tables are read as a person would', async t => {
  for (const [name, make, titles] of odd)
    await t.test(name, async () => {
      const dir = await emptyArchive(), report = await take(dir, make(), '--fonds', 'M');
      assert.deepEqual([report.created, report.rejected], [2, []]);
      assert.deepEqual((await descriptions(dir, 'M')).map(record => record.title), titles);
      await assertClean(dir);
    });
});

const good = () => csv([['档号', '题名'], ['H-1', '甲'], ['H-2', '乙']]);
const refused = () => {
  const workbook = xlsx([['档号', '题名'], ...Array.from({ length: 500 }, (_, i) => [`H-${i}`, `第${i}件`])]);
  const cases = {
    'a file that is not there': () => path.join(temporary(), '没有.csv'),
    'a directory as the table': () => temporary(),
    'an empty file': () => inFolder('empty.csv', ''),
    'neither UTF-8 nor GB18030': () => inFolder('bytes.csv', Buffer.concat([Buffer.from('档号,题名\nH-1,'), Buffer.from([0xC3, 0x28, 0xFF, 0xFF, 0x80]), Buffer.from('\n')])),
    'binary rubbish': () => inFolder('random.xls', Buffer.from(Array.from({ length: 4000 }, (_, i) => (i * 7919 + (i >> 3) * 31) & 255))),
    'a truncated xlsx': () => inFolder('short.xlsx', workbook.subarray(0, workbook.length >> 1)),
    'an xlsx with a DTD': () => inFolder('dtd.xlsx', xlsx([['档号', '题名'], ['H-1', '甲']], { prefix: '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' })),
    'no column that tells the rows apart': () => inFolder('same.csv', csv([['题名', '责任者'], ...Array.from({ length: 50 }, () => ['通知', '某局'])])),
    'an unknown category': () => [inFolder('ok.csv', good()), '--category', 'XX'],
    'an unknown mapping': () => [inFolder('ok.csv', good()), '--mapping', '没有这个'],
    'documents that are not there': () => [inFolder('ok.csv', good()), '--files', path.join(temporary(), '没有')],
  };
  if (!sharedHere) return cases;
  const hostile = path.join(data, 'hostile'), xls = readFileSync(path.join(data, 'laws', 'catalogue.xls')), book = readFileSync(path.join(data, 'gazette', 'catalogue.xlsx')), third = Math.floor(book.length / 3);
  cases['a truncated xls'] = () => inFolder('short.xls', xls.subarray(0, xls.length / 3));
  cases['an xlsx with its middle overwritten'] = () => { const damaged = Buffer.from(book); damaged.fill(0xA5, third, third + 4000); return inFolder('hole.xlsx', damaged); };
  for (const name of readdirSync(hostile).filter(each => /\./.test(each))) cases[`hostile/${name} as the table`] = () => path.join(hostile, name);
  for (const folder of ['zip-broken', 'zip-slip'])
    for (const name of readdirSync(path.join(hostile, folder))) cases[`${folder}/${name} as documents`] = () => [inFolder('ok.csv', good()), '--fonds', 'H', '--files', path.join(hostile, folder, name)];
  return cases;
};
// Their fault is of no weight to a reader that follows the local headers, or lies in an entry that no row asks for.
// A fault of one entry is named while the rest goes on; a zip that cannot be read at all is refused.
const ofOneEntry = /^zip-(broken|slip)\//;
const tolerated = /^zip-broken\/(Invalid comment length|invalid characters in fileName|unsupported compression method)/;

test('what cannot be taken is refused with a Chinese message and leaves the archive as it was', async t => {
  const dir = await emptyArchive();
  await take(dir, inFolder('before.csv', csv([['档号', '题名'], ['B-1', '先来']])), '--fonds', 'B');
  const whole = dir, before = await dump(dir), messages = [];
  for (const [name, make] of Object.entries(refused()))
    await t.test(name, async () => {
      const dir = copyArchive(whole);
      const result = await lantai(dir, 'import', ...[make()].flat(), '--json'), state = await dump(dir);
      if (tolerated.test(name) || (ofOneEntry.test(name) && result.status === 0)) {
        assert.equal(result.status, 0, result.stderr);
        assert.ok(tolerated.test(name) || result.json.file_faults.length > 0, 'what was not taken is named');
        for (const fault of result.json.file_faults) assert.match(fault.reason, CHINESE, fault.path);
        assert.deepEqual([result.json.attached, result.json.missing.length], [0, 2]);
        assert.equal((await lantai(dir, 'undo', String(result.json.id))).status, 0);
        assert.deepEqual(await dump(dir), before);
        return;
      }
      if (name === 'neither UTF-8 nor GB18030' && result.status === 0) {
        assert.match(JSON.stringify([result.json.rejected, result.json.warnings]), /编码|无法识别的字符|UTF-8/, 'the fault is told for what it is');
        assert.deepEqual(state.records.filter(record => record.level > 2), before.records.filter(record => record.level > 2));
        return;
      }
      assert.notEqual(result.status, 0, `taken: ${result.stdout.slice(0, 300)}`);
      assert.equal(typeof result.status, 'number', `ended by ${result.status}`);
      assert.match(result.stderr, CHINESE);
      assert.match(result.json.error.message, CHINESE);
      messages.push(result.json.error.message);
      assert.deepEqual(state, before);
      await assertClean(dir, name);
      rmSync(path.dirname(dir), { recursive: true });
    });
  assert.ok(!existsSync('/tmp/evil.txt'));
  await t.test('each message is in the words of the user, with the name of the file as he knows it', () => {
    const foreign = messages.filter(message => /“source”|No such file|Permission denied|Is a directory/.test(message));
    assert.deepEqual(foreign, []);
  });
});

test('bytes that are no text of the file\'s encoding are told row by row and never taken in silence', async () => {
  const rows = Array.from({ length: 50 }, (_, i) => [`Y-${i}`, `第${i}件关于做好工作的通知`]), text = Buffer.from(csv([['档号', '题名'], ...rows]));
  const damaged = Buffer.from(text), at = text.indexOf('第7件') + 9;
  damaged[at] = 0xFF; damaged[at + 1] = 0xFE;
  for (const [name, bytes, row] of [['two bytes in the middle', damaged, 9], ['cut in a character', text.subarray(0, text.length - 3), 51], ['a NUL', Buffer.from(csv([['档号', '题名'], ...rows.slice(0, 3), ['Y-9', '甲\0乙']])), 5]]) {
    const dir = await emptyArchive(), report = await take(dir, inFolder('y.csv', bytes), '--fonds', 'Y');
    const told = [...report.rejected, ...report.warnings];
    assert.deepEqual(told.map(fault => [fault.row, fault.column]), [[row, '题名']], name);
    assert.match(told[0].reason, /编码|控制字符|无法识别/, name);
    assert.equal(report.created + report.rejected.length, report.rows, name);
    await assertClean(dir);
  }
});

test('a sheet with all 1 048 576 rows, nearly all empty, is read in bounded time and memory', async () => {
  const dir = await emptyArchive(), cells = r => `<row r="${r}"><c r="A${r}" t="inlineStr"><is><t>E-${r}</t></is></c><c r="B${r}" t="inlineStr"><is><t>第${r}</t></is></c></row>`;
  const book = xlsx([['档号', '题名'], ['@', '@']]), file = path.join(temporary(), 'full.xlsx');
  // The same workbook with a sheet that goes on to the last row there can be.
  const parts = temporary();
  write(path.join(parts, 'book.zip'), book);
  execFileSync('unzip', ['-q', 'book.zip'], { cwd: parts });
  rmSync(path.join(parts, 'book.zip'));
  const empty = [];
  for (let r = 3; r < 1048576; r++) empty.push(`<row r="${r}" ht="14"><c r="A${r}" s="0"/></row>`);
  const sheet = path.join(parts, 'xl/worksheets/sheet1.xml'), text = readFileSync(sheet, 'utf8');
  writeFileSync(sheet, text.replace(/<row r="2">.*<\/row>/, cells(2) + empty.join('') + cells(1048576)));
  execFileSync('zip', ['-q', '-1', '-r', file, '.'], { cwd: parts });
  const begin = Date.now(), report = await take(dir, file, '--fonds', 'E');
  assert.deepEqual([report.created, report.rejected], [2, []]);
  assert.equal((await show(dir, 'E-1048576')).title, '第1048576');
  assert.ok(Date.now() - begin < 60000);
});

test('repeated 档号, missing documents, and rows in a fonds that has the code already are told, not taken twice', async () => {
  const dir = await emptyArchive();
  const table = inFolder('twice.csv', csv([['档号', '题名'], ['T-1', '甲'], ['T-2', '乙'], ['T-1', '又甲'], ['T-1', '再甲']]));
  const report = await take(dir, table, '--fonds', 'T', '--files', folderOf({ 'T-2.txt': '乙' }));
  assert.deepEqual([report.created, report.rejected.map(fault => [fault.row, fault.column, fault.value])], [2, [[4, '档号', 'T-1'], [5, '档号', 'T-1']]]);
  assert.deepEqual(report.missing.map(entry => entry.code), ['T-1']);
  assert.equal((await show(dir, 'T-1')).title, '甲', 'the first one stands');
  assert.equal((await take(dir, table, '--fonds', 'S')).created, 2, 'another fonds may have the same code');
  assert.equal((await query(dir, "SELECT count(*) AS n FROM record WHERE code = 'T-1'"))[0].n, 2);
});

test('naughty strings go in and come out as they are', needsData, async () => {
  const dir = await emptyArchive(), lines = readFileSync(path.join(data, 'hostile', 'blns.txt'), 'utf8').split('\n').filter(line => line && !line.startsWith('#') && clean(line) && [...line].length < 400);
  const report = await take(dir, inFolder('naughty.csv', csv([['档号', '题名', '责任者'], ...lines.map((line, i) => [`N-${i}`, line, `某局${i}`])])), '--fonds', 'N');
  const rejected = new Set(report.rejected.map(fault => fault.row - 2));
  assert.ok(rejected.size < 10, JSON.stringify(report.rejected.slice(0, 5)));
  const records = new Map((await descriptions(dir, 'N')).map(record => [record.code, record.title]));
  assert.equal(records.size + rejected.size, lines.length);
  const { server, client } = await signedIn(dir, 'archivist', 'archivist');
  try {
    for (const [i, line] of lines.entries()) if (!rejected.has(i)) assert.equal(records.get(`N-${i}`), clean(line), `N-${i}`);
    const page = await client.get('/search?sort=code&limit=200', { html: true });
    assert.equal(page.status, 200);
    assert.doesNotMatch(page.text.replace(/<script[^>]*src="\/static[^>]*><\/script>/g, ''), /<script>alert|<img src=x onerror|javascript:alert\(1\)"/i);
    for (const line of lines.slice(0, 120)) assert.ok((await client.get(`/search.json?limit=1&q=${encodeURIComponent(line.slice(0, 500))}`)).status < 500, line);
  } finally { await server.stop(); }
  await assertClean(dir);
});

// ---- the command line itself ----

test('every command has --help; wrong use and failure have their own exit status and Chinese words', async () => {
  const dir = path.join(temporary(), 'none'), help = await lantai(dir, '--help');
  const names = [...help.stdout.matchAll(/^ {2}([a-z]+)\b/gm)].map(match => match[1]);
  for (const name of ['init', 'demo', 'serve', 'import', 'undo', 'search', 'show', 'check', 'audit', 'reindex', 'rebuild', 'backup', 'restore', 'user', 'routes']) assert.ok(names.includes(name), `${name} in --help`);
  for (const name of names) {
    const text = await lantai(dir, name, '--help');
    assert.equal(text.status, 0, name);
    assert.match(text.stdout, CHINESE, name);
  }
  for (const args of [['import'], ['没有'], ['undo'], ['show'], ['search'], ['import', '--没有', 'x']]) {
    const wrong = await lantai(dir, ...args);
    assert.equal(wrong.status, 2, args.join(' '));
    assert.match(wrong.stderr, CHINESE, args.join(' '));
    assert.equal(wrong.stdout, '');
  }
  for (const args of [['search', '甲'], ['check'], ['import', '/etc/hostname'], ['undo', '1']]) {
    const none = await lantai(dir, ...args, '--json');
    assert.equal(none.status, 1, args.join(' '));
    assert.match(none.stderr, CHINESE, args.join(' '));
    assert.ok(!existsSync(dir), 'nothing is made by the way');
  }
  const made = await emptyArchive();
  for (const args of [['undo', '7'], ['undo', '甲'], ['undo', '-3'], ['show', '没有']]) {
    const failed = await lantai(made, ...args, '--json');
    assert.ok(failed.status === 1 || failed.status === 2, args.join(' '));
    assert.match(failed.stderr, CHINESE, args.join(' '));
  }
});
