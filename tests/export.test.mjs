// What leaves the archives, seen by others: bags by bagit-python, XML by xmllint with the published schemas (where they can be had), everything again by our own import into an
// empty archive, row by row; and what must not leave.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { emptyArchive, query, take } from './archive.mjs';
import { csv, write } from './make.mjs';
import { Client, lantai, PASSWORD, program, root, serve, temporary } from './support.mjs';

const folder = temporary('lantai-export-');
let dir;

async function run(command, args, options = {}) {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { maxBuffer: 1 << 28, ...options });
    return { status: 0, text: stdout + stderr };
  } catch (error) { return { status: error.code ?? error.signal, text: `${error.stdout ?? ''}${error.stderr ?? ''}` }; }
}

// A package of the Python index unpacked into a folder; undefined when it cannot be had.
const pips = new Map();
async function pip(name) {
  if (!pips.has(name)) {
    const target = path.join(folder, 'pip', name);
    const got = await run('python3', ['-m', 'pip', 'install', '-q', '--no-deps', '--disable-pip-version-check', '--target', target, name], { timeout: 60000 });
    pips.set(name, got.status === 0 ? target : undefined);
  }
  return pips.get(name);
}

function find(at, wanted) {
  return readdirSync(at, { withFileTypes: true }).flatMap(entry => entry.isDirectory() ? find(path.join(at, entry.name), wanted) : wanted(entry.name) ? [path.join(at, entry.name)] : []);
}

const HEADER = ['全宗号', '全宗名称', '档号', '题名', '责任者', '文号', '日期', '年度', '保管期限', '密级', '开放状态', '页数', '门类', '层级', '所在案卷', '文件', '备注', '文种', '男方姓名', '女方姓名', '自定义列'];
const LONG = `${'很长的名字'.repeat(12)}.txt`, ROWS = [
  ['Z001', '试验全宗', 'Z001-WS·1958-001', '水利案卷', '县委', '', '1958—1961', '1958', '永久', '公开', '开放', '', 'WS', '案卷', '', '无', '', '', '', '', ''],
  ['Z001', '试验全宗', 'Z001-WS·1958-001-001', '关于水库的通知', '县水利局', '水字1号', '1958年3月1日', '1958', '永久', '公开', '开放', '约3页', 'WS', '文件', 'Z001-WS·1958-001', 'b & c.txt\na.txt', '备注甲', '通知', '', '', '值一'],
  ['Z001', '试验全宗', 'Z001-WS·1958-001-002', '关于<水库>的"批复", 二', '县委', '', '某日', '1958-1959', '30年', '内部', '控制', '12', 'WS', '文件', 'Z001-WS·1958-001', 'c.txt', '', '批复', '', '', ''],
  ['Z001', '试验全宗', 'Z001-HY-0001', '王与李结婚登记', '民政局', '', '1985-05-01', '', '永久', '公开', '未审核', '2', 'HY', '文件', '', '无', '', '', '王某', '李某', ''],
  ['Z002', '另一全宗', 'Z002/甲:1?', '怪档号', '乙', '', '[1958]', '', '长期', '秘密', '延期开放', '', 'WS', '文件', '', 'd.txt', '', '', '', '', '值二'],
  ['Z002', '另一全宗', 'Z002_甲_1_', '洗净之后相同', '乙', '', '', '', '长期', '公开', '开放', '', 'WS', '文件', '', LONG, '', '', '', '', ''],
];

before(async () => {
  dir = await emptyArchive();
  const settings = path.join(dir, 'lantai.yaml');
  write(settings, readFileSync(settings, 'utf8').replace('"000000"', '"110101"'));
  mkdirSync(path.join(folder, 'files'));
  for (const name of ['a.txt', 'b & c.txt', 'c.txt', LONG]) write(path.join(folder, 'files', name), `${name} 水库正文\n`);
  write(path.join(folder, 'files', 'd.txt'), Buffer.alloc(300001, 7));
  const report = await take(dir, write(path.join(folder, '目录.csv'), csv([HEADER, ...ROWS])), '--files', path.join(folder, 'files'));
  assert.deepEqual([report.created, report.rejected, report.attached, report.missing_count], [6, [], 5, 0]);
});

// Everything that must come back equal.
const holdings = (archive, files = true) => query(archive, `SELECT f.code AS fonds, f.title AS fonds_title, r.level, c.code AS category, r.security, r.opening, r.code, r.title, r.creator, r.docno,
  r.date_text, r.date_from, r.date_to, r.year, t.text AS retention, r.page_count, r.fields, CASE WHEN p.level = 3 THEN p.code END AS volume
  ${files ? ", (SELECT json_group_array(json_array(name, size_bytes, sha512, sm3)) FROM (SELECT * FROM file WHERE record_id = r.id ORDER BY sequence)) AS files" : ''}
  FROM record AS r JOIN record AS f ON f.id = r.fonds_id JOIN record AS p ON p.id = r.parent_id LEFT JOIN category AS c ON c.id = r.category LEFT JOIN retention_term AS t ON t.id = r.retention
  WHERE r.level > 2 ORDER BY f.code, r.code`);

async function out(format, name, ...choice) {
  const target = path.join(folder, name), result = await lantai(dir, 'export', ...(choice.length ? choice : ['--delivery', '1']), '--format', format, target, '--json');
  assert.equal(result.status, 0, `${format}: ${result.stderr}`);
  assert.deepEqual(readdirSync(folder).filter(each => each.includes('.partial')), [], 'nothing half-made beside it');
  return { target, ...result.json };
}

test('a bag is valid for bagit-python, names nobody can misuse, and comes back equal', async t => {
  const bag = await out('bagit', 'bag');
  assert.deepEqual([bag.records, bag.files, bag.left_out], [6, 5, 0]);
  const records = readdirSync(path.join(bag.target, 'data', 'records'));
  assert.equal(new Set(records.map(name => name.toLowerCase())).size, 6);
  assert.ok(records.every(name => !/[/\\:*?"<>|]/.test(name) && Buffer.byteLength(name) <= 255));
  const again = await emptyArchive();
  const report = await take(again, path.join(bag.target, 'data', 'catalogue.csv'), '--files', path.join(bag.target, 'data'));
  assert.deepEqual([report.rejected, report.missing_count], [[], 0]);
  assert.deepEqual(await holdings(again), await holdings(dir));
  assert.match(readFileSync(path.join(bag.target, 'bag-info.txt'), 'utf8'), /^Archives-Code: 110101$/m);
  const place = await pip('bagit');
  if (!place) return t.skip('bagit-python cannot be had here: its verdict is not known');
  const verdict = await run('python3', ['-m', 'bagit', '--validate', bag.target], { env: { ...process.env, PYTHONPATH: place } });
  assert.equal(verdict.status, 0, verdict.text);
  writeFileSync(path.join(bag.target, 'data', 'catalogue.csv'), 'x');
  assert.notEqual((await run('python3', ['-m', 'bagit', '--validate', bag.target], { env: { ...process.env, PYTHONPATH: place } })).status, 0, 'and it would notice');
});

test('archives hold the same as folders: a bag below one folder, unpacked equal', async () => {
  for (const [name, unpack] of [['bag.zip', ['unzip', ['-q']]], ['bag.tar', ['tar', ['xf']]]]) {
    const bag = await out('bagit', name), place = path.join(folder, `unpacked-${name}`);
    mkdirSync(place);
    const done = await run(unpack[0], [...unpack[1], bag.target], { cwd: place });
    assert.equal(done.status, 0, done.text);
    assert.deepEqual(readdirSync(place), ['bag']);
    const again = await emptyArchive();
    await take(again, path.join(place, 'bag', 'data', 'catalogue.csv'), '--files', path.join(place, 'bag', 'data'));
    assert.deepEqual(await holdings(again), await holdings(dir), name);
  }
});

for (const format of ['xlsx', 'csv'])
  test(`a table of a search (${format}) comes back equal`, async () => {
    const sheet = await out(format, `all.${format}`, '--query', ''), again = await emptyArchive();
    assert.equal(sheet.records, 6);
    if (format === 'csv') assert.match(readFileSync(sheet.target, 'utf8'), /^\ufeff档号,题名,/, 'marked as UTF-8');
    await take(again, sheet.target);
    assert.deepEqual(await holdings(again, false), await holdings(dir, false));
  });

test('EEP packages keep the order of DA/T 48, in both encodings, and hold the very bytes', async () => {
  const schema = path.join(root, 'tests', 'schemas', 'eep.rng');
  for (const encoding of ['UTF-8', 'GB18030']) {
    const made = await out('eep', `eep-${encoding}`, '--delivery', '1', '--encoding', encoding), files = find(made.target, name => name.endsWith('.xml'));
    assert.equal(files.length, 6);
    const verdict = await run('xmllint', ['--nonet', '--huge', '--noout', '--relaxng', schema, ...files]);
    assert.equal(verdict.status, 0, verdict.text);
    assert.match(new TextDecoder(encoding).decode(readFileSync(files[0])), /<档案馆代码>110101<\/档案馆代码>\s*<全宗名称>/);
    const data = await run('xmllint', ['--huge', '--xpath', "string(//*[local-name()='编码数据'])", files.find(file => file.includes('Z002_甲_1_~'))]);
    assert.ok(Buffer.from(data.text, 'base64').equals(Buffer.alloc(300001, 7)), encoding);
    const readme = readFileSync(path.join(made.target, '说明文件.TXT'));
    assert.match(new TextDecoder(encoding).decode(readme), /移交单位：.+\r\n档案馆代码：110101\r\n内容描述：.+\r\n起止档号：Z001.+\r\n档案数量：1 卷，5 件/s);
  }
});

test('the DA/T 93 layout: every record has its folder, metadata and files', async () => {
  const made = await out('dat93', 'dat93'), names = readdirSync(made.target).sort();
  assert.deepEqual(names, ['Z001', 'Z002', '其他', '目录文件.XML', '说明文件.TXT'].sort());
  const list = readFileSync(path.join(made.target, '目录文件.XML'), 'utf8');
  assert.equal(list.match(/<文件>/g).length, 6);
  for (const [, at] of list.matchAll(/<元数据路径>([^<]+)</g)) assert.ok(existsSync(path.join(made.target, at)), at);
  assert.equal(find(made.target, name => name === 'a.txt').length, 1);
  assert.equal((await run('xmllint', ['--noout', ...find(made.target, name => /xml$/i.test(name))])).status, 0);
});

test('every package comes back equal through receive: rows, files, order, digests', async () => {
  for (const [format, ending] of [['bagit', ''], ['bagit', '.zip'], ['eep', ''], ['eep', '.tar'], ['dat93', ''], ['dat93', '.zip']]) {
    for (const encoding of format === 'bagit' ? ['UTF-8'] : ['UTF-8', 'GB18030']) {
      const made = await out(format, `again-${format}-${encoding}${ending}`, '--delivery', '1', '--encoding', encoding), again = await emptyArchive();
      const taken = await lantai(again, 'receive', made.target, '--accept', '--note', '试验', '--json');
      assert.ok(taken.json, `${format}${ending} ${encoding}: ${taken.stderr}`);
      assert.deepEqual(await holdings(again), await holdings(dir), `${format}${ending} ${encoding}`);
    }
  }
  const verified = await lantai(dir, 'bag', 'verify', (await out('bagit', 'verified')).target, '--json');
  assert.equal(verified.status, 0, verified.stderr + verified.stdout);
});

test('EAD is valid: of a fonds, of a delivery, of a search', async t => {
  const files = [(await out('ead', 'fonds.xml', '--node', 'Z001')).target, (await out('ead', 'delivery.xml')).target, (await out('ead', 'none.xml', '--query', '没有的词')).target];
  const text = readFileSync(files[0], 'utf8');
  assert.match(text, /<archdesc level="fonds">[\s\S]*<c level="class">[\s\S]*<c level="file">[\s\S]*<c level="item">/);
  assert.match(text, /<num type="archives-code">110101<\/num>/);
  assert.match(text, /<unitdate normal="1958-03-01">1958年3月1日</);
  assert.ok(!text.includes('Z002'), 'nothing of another fonds');
  const place = await pip('eadator');
  if (!place) return t.skip('the EAD schema (eadator) cannot be had here: validity is not known');
  const schema = find(place, name => name === 'ead.xsd')[0], verdict = await run('xmllint', ['--nonet', '--noout', '--schema', schema, ...files]);
  assert.equal(verdict.status, 0, verdict.text);
});

test('METS is valid, PREMIS in it too, and names each file with its digests', async t => {
  const made = await out('mets', 'mets'), files = find(made.target, name => name === 'METS.xml');
  assert.equal(files.length, 7);
  const text = readFileSync(files.find(file => file.includes('1958-001-001')), 'utf8'), [stored] = await query(dir, "SELECT sha512, sm3 FROM file WHERE name = 'a.txt'");
  for (const part of [stored.sha512, stored.sm3, 'accession', 'ingestion', 'PRONOM', '<note>档案馆代码 110101</note>', 'href="b%20%26%20c.txt"']) assert.ok(text.includes(part), part);
  const place = await pip('metsrw'), ead = await pip('eadator');
  if (!place || !ead) return t.skip('the METS schema (metsrw) cannot be had here: validity is not known');
  const schemas = path.join(folder, 'schemas'), premis = process.env.LANTAI_PREMIS_XSD;
  mkdirSync(schemas);
  const local = file => readFileSync(file, 'utf8').replace(/schemaLocation="http[^"]*xlink\.xsd"/, 'schemaLocation="xlink.xsd"');
  write(path.join(schemas, 'xlink.xsd'), readFileSync(find(ead, name => name === 'xlink.xsd')[0]));
  write(path.join(schemas, 'mets.xsd'), local(find(place, name => name === 'mets.xsd')[0]));
  if (premis) write(path.join(schemas, 'premis.xsd'), local(premis));
  else t.diagnostic('no PREMIS 3 schema at hand (LANTAI_PREMIS_XSD): METS alone is held against its schema');
  const imported = premis ? '<xs:import namespace="http://www.loc.gov/premis/v3" schemaLocation="premis.xsd"/>' : '';
  write(path.join(schemas, 'all.xsd'), `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:all"><xs:import namespace="http://www.loc.gov/METS/" schemaLocation="mets.xsd"/>${imported}</xs:schema>`);
  // Without the PREMIS schema its types are unknown words: METS is then held against copies that do not name them.
  const held = premis ? files : files.map((file, i) => write(path.join(schemas, `${i}.xml`), readFileSync(file, 'utf8').replaceAll(' xsi:type="premis:file"', '')));
  const verdict = await run('xmllint', ['--nonet', '--noout', '--schema', path.join(schemas, 'all.xsd'), ...held]);
  assert.equal(verdict.status, 0, verdict.text);
});

test('what the public may not see is not in its export, and is counted', async () => {
  for (const format of ['bagit', 'eep', 'dat93', 'mets', 'ead', 'xlsx']) {
    const target = path.join(folder, `public-${format}.${format === 'xlsx' ? 'xlsx' : 'd'}`), made = await lantai(dir, 'export', '--node', 'Z001', '--as', 'public', '--format', format, target, '--json');
    assert.equal(made.status, 0, made.stderr);
    assert.deepEqual([made.json.records, made.json.left_out], [2, 2], format);
    const texts = statSync(target).isDirectory() ? find(target, () => true).map(file => file + readFileSync(file, 'utf8')).join('\n') : format === 'xlsx' ? (await run('unzip', ['-p', target])).text : readFileSync(target, 'utf8');
    assert.ok(texts.includes('关于水库的通知'), format);
    for (const closed of ['批复', '王某', '1958-001-002', 'HY-0001']) assert.ok(!texts.includes(closed), `${format}: ${closed}`);
  }
  assert.equal((await lantai(dir, 'export', '--code', 'Z002/甲:1?', '--as', 'public', '--format', 'bagit', path.join(folder, 'no'), '--json')).status, 1);
});

test('a disk that is full, a target that is there, and words nobody knows: told, with nothing left', async () => {
  for (const format of ['bagit', 'eep', 'dat93', 'mets']) for (const ending of ['', '.zip', '.tar']) {
    const target = path.join(folder, `full-${format}${ending}`), env = { ...process.env, LANTAI_FAULT: 'package.write:4:error' };
    const failed = await run(program, ['-C', dir, 'export', '--delivery', '1', '--format', format, target], { env });
    assert.equal(failed.status, 1, format + ending);
    assert.match(failed.text, /不能写入.*磁盘/);
    assert.deepEqual(readdirSync(folder).filter(name => name.startsWith(`full-${format}`)), [], format + ending);
  }
  const there = await out('bagit', 'there'), again = await lantai(dir, 'export', '--delivery', '1', '--format', 'bagit', there.target, '--json');
  assert.deepEqual([again.status, again.json.error.code], [1, 'conflict']);
  for (const wrong of [['--delivery', '1', '--format', 'pdf'], ['--format', 'bagit'], ['--delivery', 'x', '--format', 'ead'], ['--code', '没有', '--format', 'ead'], ['--delivery', '1', '--format', 'eep', '--encoding', 'EBCDIC']])
    assert.equal((await lantai(dir, 'export', ...wrong, path.join(folder, 'wrong'), '--json')).status, 1, wrong.join(' '));
});

test('each export is an event; on the pages only its maker finds and fetches it', async () => {
  const events = (await query(dir, "SELECT count(*) AS n FROM event WHERE action = 'exchange.export'"))[0].n;
  assert.ok(events > 10);
  for (const name of ['zhang', 'zhao']) assert.equal((await lantai(dir, 'user', 'add', name, '--role', 'archivist', '--password', PASSWORD)).status, 0);
  const server = await serve(dir);
  try {
    const mine = await new Client(server.base).signIn('zhang'), other = await new Client(server.base).signIn('zhao');
    const form = (await mine.get('/export.json?q=' + encodeURIComponent('水库') + '&level=4')).json;
    assert.equal((await mine.post('/export', { form: { selection: form.chosen.selection, format: 'bagit', purpose: '内部工作' } })).status, 200);
    let list;
    for (let i = 0; i < 200 && (list = (await mine.get('/exports.json')).json).waiting; i++) await new Promise(done => setTimeout(done, 25));
    const [made] = list.exports, place = `/export/${made.id}`;
    assert.deepEqual([made.ready, made.records], [true, 2]);
    const fetched = await mine.get(`${place}/file`);
    assert.equal(fetched.status, 200);
    assert.equal(fetched.bytes.subarray(0, 2).toString(), 'PK');
    assert.deepEqual((await other.get('/exports.json')).json.exports, []);
    for (const refused of [await other.get(`${place}/file`), await other.post(`${place}/delete`, { form: {} }), await other.post(`${place}/stop`, { form: {} })]) assert.equal(refused.status, 404);
    assert.equal((await mine.post(`${place}/delete`, { form: {} })).status, 200);
    assert.ok(!existsSync(path.join(dir, 'exports', String(made.id))));
    assert.equal((await mine.get(`${place}/file`)).status, 404);
  } finally { await server.stop(); }
});
