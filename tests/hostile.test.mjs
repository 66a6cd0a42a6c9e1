// Bad input, through every door of the real program: one clear entry each, the rest goes on, nothing lands outside, and nothing stays behind.
import { createHash } from 'node:crypto';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { CHINESE, emptyArchive, query } from './archive.mjs';
import { rawTar, rawZip } from './hostile-files.mjs';
import { csv } from './make.mjs';
import { sampleRecords, writePackage } from './package-writer.mjs';
import { lantai, shared, sharedHere, temporary } from './support.mjs';

const GOOD = { name: '关于加固堤防的批复.txt', data: '经研究，同意所报方案。' }, TITLE = '关于加固堤防的批复';
const canary = '不该出现的内容';
let dir, room;

before(async () => {
  dir = await emptyArchive();
  room = path.join(temporary(), 'room'); /* what lies beside what is received */
  mkdirSync(room);
  writeFileSync(path.join(room, 'canary.txt'), canary);
});

const listing = folder => readdirSync(folder).sort().join('|');
const leftovers = () => ['tmp', 'store-staging'].flatMap(name => (existsSync(path.join(dir, name)) ? readdirSync(path.join(dir, name), { recursive: true }) : [])).filter(name => !['resumable', 'uploads'].includes(name));
const put = (name, bytes) => { const folder = mkdtempSync(path.join(room, 'd-')), file = path.join(folder, name); if (bytes !== undefined) writeFileSync(file, bytes); return file; };

// Receives and looks around: no change beside it, an end in time, Chinese words whatever happens.
async function receive(where, ...options) {
  const beside = [listing(room), listing(path.dirname(dir))], began = Date.now();
  const result = await lantai(dir, 'receive', where, '--json', '-q', ...options);
  assert.ok(Date.now() - began < 30000, `${where}: ${Date.now() - began} ms`);
  assert.deepEqual([listing(room), listing(path.dirname(dir))], beside, `${where}: something was written beside it`);
  assert.deepEqual(leftovers(), [], where);
  assert.equal(typeof result.status, 'number', `${where}: killed by ${result.status}`);
  if (result.status !== 0 && !result.json) assert.match(result.stderr, CHINESE);
  assert.equal(readFileSync(path.join(room, 'canary.txt'), 'utf8'), canary);
  return result;
}
const findings = result => result.json?.check?.items?.flatMap(item => (item.findings ?? []).map(({ path: at, reason }) => ({ code: item.code, path: at ?? '', reason }))) ?? [];
const told = (result, name, reason) => findings(result).filter(entry => entry.path.includes(name) && reason.test(entry.reason));

// The rest of the delivery goes on, and exactly one entry says what is wrong with that file.
function assertTold(result, name, reason, what = name) {
  assert.equal(result.json?.state, 'rehearsed', `${what}: ${result.stderr}`);
  assert.equal(told(result, name, reason).length, 1, `${what}: ${JSON.stringify(findings(result).filter(entry => entry.path))}`);
  assert.equal(result.status, 1, what);
  assert.ok(result.json.samples.some(row => row.title === TITLE), `${what}: the good one is there`);
}
async function assertRefused(where, reason, ...options) {
  const result = await receive(where, ...options);
  assert.equal(result.status, 1, `${where} ${JSON.stringify(result.json)?.slice(0, 500)}`);
  assert.equal(result.stderr.trim().split('\n').length, 1, result.stderr);
  assert.match(result.stderr, reason);
  return result;
}

const LONG = `${'很长的题名'.repeat(30)}.txt`;
const ENTRIES = [
  ['a path that climbs out', { name: '../../逃.txt' }, '逃.txt', /跳出了包/],
  ['a path that climbs out in the middle', { name: '甲/../../逃.txt' }, '逃.txt', /跳出了包/],
  ['an absolute path', { name: '/tmp/lantai-逃.txt' }, 'lantai-逃.txt', /绝对路径/],
  ['a drive', { name: 'C:\\逃.txt' }, '逃.txt', /盘符/],
  ['backslashes that climb out', { name: '..\\..\\逃.txt' }, '逃.txt', /跳出了包/],
  ['a name with a line feed', { name: '换\n行.txt' }, '行.txt', /控制字符/],
  ['no name', { name: '' }, '', /没有名称/],
  ['a path that is too long', { name: `${'层/'.repeat(2000)}底.txt` }, '底.txt', /路径过长/],
  ['a path that is too deep', { name: `${'层/'.repeat(100)}底.txt` }, '底.txt', /层数太多/],
];
const ZIP_ENTRIES = [
  ['a symbolic link', { name: '链接.txt', data: '/etc/passwd', unix: 0o120777 }, '链接.txt', /符号链接/],
  ['an encrypted entry', { name: '密.txt', data: 'xxxxxxxxxxxxxxxx', encrypted: true }, '密.txt', /已加密/],
  ['a wrong checksum', { name: '坏.txt', data: '1234', crc: 5 }, '坏.txt', /已损坏/],
  ['bytes that do not decompress', { name: '坏.txt', data: '1234', method: 8 }, '坏.txt', /已损坏/],
  ['a size that lies', { name: '坏.txt', data: '1234', method: 8, size: 4 }, '坏.txt', /已损坏|不一致/],
];
const TAR_ENTRIES = [
  ['a symbolic link', { name: '链接', type: '2', data: '', link: '/etc/passwd' }, '链接', /符号链接/],
  ['a hard link', { name: '硬', type: '1', data: '', link: '../../canary.txt' }, '硬', /硬链接/],
  ['a device', { name: '设备', type: '3', data: '' }, '设备', /是设备/],
  ['a fifo', { name: '管道', type: '6', data: '' }, '管道', /是管道/],
];

for (const [kind, make, own] of [['zip', rawZip, ZIP_ENTRIES], ['tar', rawTar, TAR_ENTRIES]]) {
  test(`one bad entry of a ${kind} is told by name, the others arrive`, async () => {
    for (const [what, entry, name, reason] of [...ENTRIES, ...own]) {
      if (kind === 'tar' && !entry.name) continue; /* ends a tar's reading: see the broken ones */
      const bytes = make([{ data: '内容', ...entry }, GOOD]), result = await receive(put(`包.${kind}`, bytes));
      assertTold(result, name, reason, `${kind}: ${what}`);
      assert.equal(result.json.rows, 1, what);
    }
    const all = make([...ENTRIES, ...own].filter(([, { name }]) => name).map(([, entry]) => ({ data: '内容', ...entry })).concat(GOOD)), result = await receive(put(`全.${kind}`, all), '--accept', '--note', '试收');
    assert.equal(result.json?.state, 'done', result.stderr);
    assert.equal(result.json.attached, 1);
    assert.equal((await lantai(dir, 'undo', String(result.json.id))).status, 0);
    assert.ok(!existsSync('/tmp/lantai-逃.txt'));
  });
}

test('a table with a zip: its bad entries are told too, and a wanted one is missing', async () => {
  const table = put('目录.csv', csv([['档号', '题名', '电子档案名称'], ['Z109-WS·2015-Y-0001', TITLE, GOOD.name], ['Z109-WS·2015-Y-0002', '要的那份在包外', '../../逃.txt']]));
  const files = put('原文.zip', rawZip([GOOD, { name: '../../逃.txt', data: canary }])), result = await receive(table, '--files', files);
  assertTold(result, '逃.txt', /跳出了包/);
  assert.deepEqual([result.json.rows, result.json.missing_count], [2, 1]);
});

test('names: two of one name, of case, of Unicode form; long ones; Windows words; bidirectional marks: nothing is lost, the record says the exact name', async () => {
  const names = ['同名.txt', '大小.TXT', '大小.txt', '\u00e9.txt', LONG, 'CON', 'LPT1.txt', '尾点.', ' 头空格.txt', '尾空格 ', '反\u202etxt.exe', "引'号\";|&$(x)`y`.txt", '-rf', '~', '%2e%2e%2f.txt', '<script>.txt'];
  const entries = [...names.map(name => ({ name, data: `内容${name}` })), { name: '同名.txt', data: '又一份' }];
  for (const [kind, bytes] of [['zip', rawZip([...entries, GOOD])], ['tar', rawTar([...entries, GOOD])]]) {
    const result = await receive(put(`名.${kind}`, bytes), '--accept', '--note', '试收');
    assert.equal(result.json?.state, 'done', `${kind}: ${result.stderr}`);
    assert.equal(told(result, '同名.txt', /另存为/).length, 1);
    assert.deepEqual([result.json.missing, result.json.surplus], [[], []], kind);
    const kept = await query(dir, `SELECT f.name FROM accession_file AS a JOIN file AS f ON f.id = a.file_id WHERE a.accession_id = ${result.json.id}`);
    assert.deepEqual(kept.map(row => row.name).sort(), [...names, '同名.txt', GOOD.name].sort(), kind);
    assert.equal((await lantai(dir, 'undo', String(result.json.id))).status, 0);
  }
  const single = await receive(put('单.zip', rawZip([{ name: 'e\u0301.txt', data: '1' }, { name: '\u00e9.txt', data: '2' }, GOOD])));
  assert.equal(single.json.rows, 3, 'both forms of one name arrive');
  assert.equal(findings(single).filter(entry => /Unicode 写法/.test(entry.reason)).length, 1, JSON.stringify(findings(single)));
});

test('a table names a file by its long name, and gets it', async () => {
  const table = put('目录.csv', csv([['档号', '题名', '电子档案名称'], ['Z109-WS·2015-Y-0101', TITLE, LONG]])), result = await receive(table, '--files', put('原文.zip', rawZip([{ name: LONG, data: '长' }])));
  assert.deepEqual([result.json?.missing_count, result.json?.surplus_count], [0, 0], result.stderr);
});

test('a bag in a zip lists a file by a name that no disk takes: it is there, its digest holds, the record says the exact name', async () => {
  const digest = createHash('sha256').update('长').digest('hex'), bag = text => rawZip([{ name: 'bagit.txt', data: 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' },
    { name: 'manifest-sha256.txt', data: `${digest}  data/${LONG}\n` }, { name: `data/${LONG}`, data: text }]);
  const result = await receive(put('长名.zip', bag('长')), '--accept', '--note', '试收');
  assert.equal(result.json?.state, 'done', result.stderr);
  assert.equal(told(result, LONG, /./).length, 0, JSON.stringify(findings(result)));
  assert.deepEqual((await query(dir, `SELECT f.name FROM accession_file AS a JOIN file AS f ON f.id = a.file_id WHERE a.accession_id = ${result.json.id}`)).map(row => row.name), [LONG]);
  assert.equal((await lantai(dir, 'undo', String(result.json.id))).status, 0);
  const changed = await receive(put('长名改.zip', bag('短')));
  assert.ok(JSON.stringify(changed.json ?? changed.stderr).includes('摘要'), 'another content is noticed');
});

test('names in GBK and Big5, flagged and not', async () => {
  const gbk = execFileSync('iconv', ['-f', 'UTF-8', '-t', 'GBK'], { input: `${TITLE}.txt` });
  const result = await receive(put('国标.zip', rawZip([{ name: gbk, data: '1', utf8: false }])));
  assert.equal(result.json?.samples[0].title, TITLE, result.stderr);
  await assertRefused(put('谎.zip', rawZip([{ name: gbk, data: '1', utf8: true }, GOOD])), /谎\.zip.*目录读不出来/); /* said to be UTF-8 */
});

test('bombs: by ratio, depth of archives, count, quine, size that lies; refused', async () => {
  const zeros = Buffer.alloc(200 << 20);
  await assertRefused(put('炸.zip', rawZip([GOOD, { name: '炸弹', data: zeros, deflate: true }])), /炸弹.*200 倍/);
  await assertRefused(put('炸.tar.gz', gzipSync(rawTar([{ name: '炸弹', data: zeros }]))), /炸弹.*200 倍/);
  let nested = rawZip([{ name: '底.txt', data: 'x' }]);
  for (let i = 0; i < 50; i++) nested = rawZip([{ name: `层${i}.zip`, data: nested, deflate: true }]);
  const deep = await receive(put('套娃.zip', nested)); /* an archive in it is a file: it is kept, not opened */
  assert.equal(deep.json?.rows, 1, deep.stderr);
  const many = Buffer.alloc(22);
  Buffer.from('PK\x05\x06').copy(many);
  many.writeUInt16LE(65535, 8); many.writeUInt16LE(65535, 10);
  await assertRefused(put('数.zip', Buffer.concat([rawZip([GOOD]).subarray(0, 60), many])), /./);
  const huge = rawZip([{ name: '大.txt', data: 'x', size: 0xfffffff0 }, GOOD]);
  const result = await receive(put('大.zip', huge));
  assert.ok(result.status === 1);
});

if (sharedHere) {
  test('every file of the hostile collection: one clear answer', async () => {
    const root = path.join(shared, 'data', 'hostile'), all = readdirSync(root, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => path.join(entry.path ?? entry.parentPath, entry.name));
    assert.ok(all.length > 30);
    for (const file of all) {
      const result = await receive(file);
      assert.ok(result.json?.state === 'rehearsed' || /^lantai: .*[\u4e00-\u9fff]/.test(result.stderr), `${file}: ${result.status} ${result.stderr}`);
      if (!result.json) assert.equal(result.stderr.trim().split('\n').length, 1, result.stderr);
      if (file.includes('zip-slip')) assert.equal(told(result, 'evil', /跳出了包/).length, 1, file);
    }
    assert.ok(!existsSync('/tmp/evil.txt'));
  });
}

test('zips and tars cut anywhere: refused whole, nothing half', async () => {
  const zip = rawZip([GOOD, { name: '二.txt', data: 'y'.repeat(5000), deflate: true }]), tar = gzipSync(rawTar([GOOD, { name: '二.txt', data: 'y'.repeat(5000) }]));
  for (const [name, bytes] of [['断.zip', zip], ['断.tar.gz', tar]])
    for (const part of [0, 3, 0.2, 0.5, 0.8, 0.99]) {
      const length = part > 1 ? part : Math.floor(bytes.length * part);
      const result = await receive(put(name, bytes.subarray(0, length)));
      assert.equal(result.status, 1, `${name} cut at ${length}`);
    }
});

test('a folder with links, a fifo, a socket, odd names, great depth: told by name, never waited for, never followed', async () => {
  const folder = path.join(room, '夹'), linked = path.join(room, '链到的.csv');
  mkdirSync(folder);
  writeFileSync(path.join(folder, GOOD.name), GOOD.data);
  symlinkSync('/etc/passwd', path.join(folder, '链接.txt'));
  symlinkSync('/etc', path.join(folder, '链夹'));
  execFileSync('python3', ['-c', `import os,socket,sys; os.chdir(sys.argv[1]); os.mkfifo('管道.txt'); socket.socket(socket.AF_UNIX).bind('套接字'); open(b'\\xbc\\xd7.txt','w').close(); open('换\\n行.txt','w').close()
for i in range(10000):
  os.mkdir('深'); os.chdir('深')`, folder]);
  for (const options of [[folder], [put('目录.csv', csv([['档号', '题名', '电子档案名称'], ['Z109-WS·2015-Y-0201', TITLE, GOOD.name]])), '--files', folder]]) {
    const result = await receive(...options);
    for (const [name, reason] of [['链接.txt', /是链接/], ['链夹', /是链接/], ['管道.txt', /特殊文件/], ['套接字', /特殊文件/], ['行.txt', /控制字符/], ['.txt', /编码/], ['深/深', /层数太多|过深/]])
      assert.equal(told(result, name, reason).length, 1, `${name}: ${JSON.stringify(findings(result).filter(entry => entry.path))}`);
    assert.ok(result.json.samples.some(row => row.title === TITLE));
  }
  execFileSync('rm', ['-rf', folder]);
  assert.ok(!existsSync(linked));
});

test('a bag whose data is a link leads nowhere', async () => {
  const bag = path.join(room, '袋'), elsewhere = path.join(room, '别处');
  mkdirSync(bag);
  mkdirSync(elsewhere);
  writeFileSync(path.join(elsewhere, '别人的.txt'), canary);
  writeFileSync(path.join(bag, 'bagit.txt'), 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n');
  symlinkSync(elsewhere, path.join(bag, 'data'));
  const result = await receive(bag);
  assert.equal(result.status, 1);
  assert.ok(!JSON.stringify(result.json ?? {}).includes('别人的'), 'what lies elsewhere is not listed');
  rmSync(bag, { recursive: true });
});

test('the archives themselves, a device, nothing: refused', async () => {
  for (const part of ['', 'store', 'definitions', 'lantai.db', '..']) await assertRefused(path.join(dir, part), /不能当作移交来的档案/);
  const table = put('目录.csv', csv([['档号', '题名'], ['A-1', TITLE]]));
  await assertRefused(table, /不能当作移交来的档案/, '--files', path.join(dir, 'store'));
  for (const device of ['/dev/null', '/dev/zero']) await assertRefused(device, /不是文件/);
  await assertRefused(path.join(room, '没有'), /不存在/);
});

// What stands in a package's own XML, in place of its catalogue.
const HOSTILE_XML = [
  ['XXE', `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><目录><文件><档号>A</档号><题名>&x;</题名></文件></目录>`],
  ['a billion laughs', `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha">${Array.from({ length: 9 }, (_, i) => `<!ENTITY a${i} "${`&a${i ? i - 1 : ''};`.repeat(10)}">`).join('')}]><目录>&a8;</目录>`],
  ['depth', '<a>'.repeat(300) + '</a>'.repeat(300)],
  ['a gigantic attribute', `<目录 a="${'x'.repeat(20 << 20)}"/>`],
  ['bytes that are no UTF-8', Buffer.concat([Buffer.from('<目录><题名>'), Buffer.from([0xff, 0xfe, 0x80]), Buffer.from('</题名></目录>')])],
  ['UTF-7', '<?xml version="1.0" encoding="UTF-7"?><目录>+ADw-x+AD4-</目录>'],
  ['an encoding that lies', '<?xml version="1.0" encoding="UTF-16"?><目录/>'],
  ['nothing', ''],
];
test('hostile XML in the place of a catalogue: told at that file, nothing read from outside, the files go on', async () => {
  for (const [what, xml] of HOSTILE_XML) {
    const made = writePackage('dat93', path.join(room, `移交${HOSTILE_XML.findIndex(row => row[0] === what)}`), { records: sampleRecords(2) });
    writeFileSync(path.join(made.dir, made.catalogues[0]), xml);
    const result = await receive(made.dir);
    assert.equal(result.json?.state, 'rehearsed', `${what}: ${result.stderr}`);
    assert.ok(told(result, '目录文件', /./).length >= 1, `${what}: ${JSON.stringify(findings(result).slice(0, 20))}`);
    assert.ok(!JSON.stringify(result.json).includes('root:'), what);
    assert.equal(result.json.rows, 2, `${what}: the metadata files give the rows`);
    rmSync(made.dir, { recursive: true });
  }
});

test('hostile tables: NULs, cells of megabytes, thousands of columns, formulas, naughty strings: rows with faults or a refusal', async () => {
  const head = '档号,题名\n';
  const nul = await receive(put('空字符.csv', Buffer.from(`${head}A-1,题\0名\nA-2,${TITLE}\n`)));
  assert.ok(nul.json || CHINESE.test(nul.stderr));
  const wide = await receive(put('宽.csv', `${Array.from({ length: 20000 }, (_, i) => `列${i}`).join(',')}\n${'x,'.repeat(19999)}x\n`));
  assert.equal(wide.status, 1);
  const long = await receive(put('长.csv', `${head}A-1,${'长'.repeat(4 << 20)}\nA-2,${TITLE}\n`));
  assert.equal(long.status, 1);
  const naughty = existsSync(path.join(shared, 'data/hostile/blns.txt')) ? readFileSync(path.join(shared, 'data/hostile/blns.txt'), 'utf8').split('\n').filter(line => line && !line.startsWith('#')) : ['<script>alert(1)</script>'];
  const rows = [...naughty, "=cmd|'/C calc'!A0", '+1+1', '@SUM(1)', '{{7*7}}', '%s%n'].map((text, i) => [`Z109-WS·2015-Y-${String(i + 1).padStart(4, '0')}`, text, text]);
  const all = await receive(put('顽皮.csv', csv([['档号', '题名', '责任者'], ...rows])));
  assert.equal(all.json?.state, 'rehearsed', all.stderr);
  assert.equal(all.json.rows, rows.length);
});
