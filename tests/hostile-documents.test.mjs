// Damaged, locked and very many documents: every one is answered for, nothing broken in its structure is said to open, what is locked is named by the check, memory stays small.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { emptyArchive } from './archive.mjs';
import { rawZip } from './hostile-files.mjs';
import { lantai, pdfBytes, program, randomNumbers, temporary } from './support.mjs';

const u16 = value => { const bytes = Buffer.alloc(2); bytes.writeUInt16LE(value); return bytes; }, u32 = value => { const bytes = Buffer.alloc(4); bytes.writeUInt32LE(value >>> 0); return bytes; };
// A grey picture, its directory before its pixels.
function tiff(width, height) {
  const tags = [[256, 4, width], [257, 4, height], [258, 3, 8], [259, 3, 1], [262, 3, 1], [273, 4, 0], [277, 3, 1], [278, 4, height], [279, 4, width * height]], start = 8 + 2 + 12 * tags.length + 4;
  tags[5][2] = start;
  const pixels = Buffer.alloc(width * height, 0x80);
  return Buffer.concat([Buffer.from('II*\0', 'latin1'), u32(8), u16(tags.length), ...tags.map(([tag, type, value]) => Buffer.concat([u16(tag), u16(type), u32(1), u32(value)])), u32(0), pixels]);
}
const JPEG = Buffer.from('/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxD/2Q==', 'base64');
const XML = '<?xml version="1.0" encoding="UTF-8"?>';
function ofd({ locked = false } = {}) {
  const space = 'xmlns:ofd="http://www.ofdspec.org/2016"', box = '<ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox>';
  return rawZip([
    { name: 'OFD.xml', data: `${XML}<ofd:OFD ${space} Version="1.1" DocType="OFD"><ofd:DocBody><ofd:DocInfo><ofd:DocID>1</ofd:DocID></ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>` },
    ...(locked ? [{ name: 'Encryptions.xml', data: `${XML}<ofd:Encryptions ${space}/>` }] : []),
    { name: 'Doc_0/Document.xml', data: `${XML}<ofd:Document ${space}><ofd:CommonData><ofd:MaxUnitID>9</ofd:MaxUnitID><ofd:PageArea>${box}</ofd:PageArea></ofd:CommonData><ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages></ofd:Document>` },
    { name: 'Doc_0/Pages/Page_0/Content.xml', data: `${XML}<ofd:Page ${space}><ofd:Area>${box}</ofd:Area><ofd:Content/></ofd:Page>` },
  ]);
}
function docx() {
  const kinds = 'http://schemas.openxmlformats.org/package/2006/content-types', office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships', main = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main';
  return rawZip([
    { name: '[Content_Types].xml', data: `${XML}<Types xmlns="${kinds}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>` },
    { name: '_rels/.rels', data: `${XML}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="${office}/officeDocument" Target="word/document.xml"/></Relationships>` },
    { name: 'word/document.xml', data: `${XML}<w:document xmlns:w="${main}"><w:body><w:p><w:r><w:t>正文</w:t></w:r></w:p></w:body></w:document>`, deflate: true },
  ]);
}
// MS-CFB with one stream, the way Office keeps a document with a password.
function lockedOffice() {
  const free = 0xffffffff, end = 0xfffffffe, table = Buffer.alloc(512, 0xff), directory = Buffer.alloc(512), head = Buffer.alloc(512);
  [0xfffffffd, end, 3, 4, 5, 6, 7, 8, 9, end].forEach((next, i) => table.writeUInt32LE(next, 4 * i));
  const entry = (at, name, type, child, start, size) => {
    const label = Buffer.from(`${name}\0`, 'utf16le');
    label.copy(directory, at);
    directory.writeUInt16LE(label.length, at + 64);
    directory[at + 66] = type; directory[at + 67] = 1;
    [free, free, child].forEach((value, i) => directory.writeUInt32LE(value, at + 68 + 4 * i));
    directory.writeUInt32LE(start, at + 116); directory.writeUInt32LE(size, at + 120);
  };
  entry(0, 'Root Entry', 5, 1, end, 0);
  entry(128, 'EncryptedPackage', 2, free, 2, 4096);
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(head);
  [[24, 0x3e], [26, 3], [28, 0xfffe], [30, 9], [32, 6]].forEach(([at, value]) => head.writeUInt16LE(value, at));
  [[44, 1], [48, 1], [56, 4096], [60, end], [68, end], [76, 0]].forEach(([at, value]) => head.writeUInt32LE(value, at));
  head.fill(0xff, 80);
  return Buffer.concat([head, table, directory, Buffer.alloc(4096, 0x5a)]);
}
const ENCRYPTED_PDF = () => Buffer.from(pdfBytes('secret').toString('latin1').replace('/Root 1 0 R', `/Root 1 0 R /Encrypt << /Filter /Standard /V 1 /R 2 /O (${'o'.repeat(32)}) /U (${'u'.repeat(32)}) /P -4 >> /ID [(0123456789abcdef) (0123456789abcdef)]`), 'latin1');
const SEVEN = Buffer.concat([Buffer.from('377abcaf271c0004', 'hex'), u32(0x8d9bd50f), Buffer.alloc(20)]); /* empty, its header's checksum right */

const DOCUMENTS = { pdf: pdfBytes('Reservoir'), ofd: ofd(), tif: tiff(64, 64), jpg: JPEG, docx: docx() };
const TRUNCATIONS = [0.1, 0.3, 0.5, 0.7, 0.9], FLIPS = 14;

test('PDF, OFD, TIFF, JPEG, DOCX cut and flipped at many places: one process, an answer for each, what is cut does not open', async () => {
  const folder = temporary(), files = [], next = randomNumbers(11), dir = await emptyArchive();
  const add = (name, bytes) => { const file = path.join(folder, name); writeFileSync(file, bytes); files.push(file); };
  for (const [kind, bytes] of Object.entries(DOCUMENTS)) {
    add(`好.${kind}`, bytes);
    for (const part of TRUNCATIONS) add(`断${part}.${kind}`, bytes.subarray(0, Math.floor(bytes.length * part)));
    for (let i = 0; i < FLIPS; i++) {
      const copy = Buffer.from(bytes), at = Math.floor(bytes.length * (i + next()) / FLIPS);
      for (let b = 0; b < 1 + i % 4 && at + b < copy.length; b++) copy[at + b] ^= 1 + Math.floor(next() * 255);
      add(`翻${i}.${kind}`, copy);
    }
  }
  const began = Date.now(), result = await lantai(dir, 'identify', '--json', ...files);
  assert.ok([0, 1].includes(result.status), `${result.status} ${result.stderr}`);
  assert.ok(Date.now() - began < 60000, `${Date.now() - began} ms`);
  assert.equal(result.json.files.length, files.length);
  const opened = [];
  result.json.files.forEach((facts, i) => {
    const name = path.basename(files[i]);
    assert.equal(path.basename(facts.file), name);
    if (name.startsWith('好')) assert.equal(facts.opens, true, JSON.stringify(facts));
    if (name.startsWith('断') && facts.opens !== false && !facts.problem && !facts.error) opened.push(`${name} ${JSON.stringify(facts)}`);
    if (facts.opens === false) assert.match(`${facts.problem ?? ''}`, /[\u4e00-\u9fff]/, name);
  });
  assert.deepEqual(opened, []);
});

test('locked documents in a delivery: the check names each', async () => {
  const dir = await emptyArchive(), folder = temporary(), locked = { '锁.pdf': ENCRYPTED_PDF(), '锁.ofd': ofd({ locked: true }), '锁.docx': lockedOffice(), '锁.zip': rawZip([{ name: '密.txt', data: 'xxxxxxxxxxxxxxxx', encrypted: true }]), '锁.7z': SEVEN };
  try {
    const plain = path.join(folder, 'plain.pdf'), target = path.join(folder, 'locked.pdf');
    writeFileSync(plain, pdfBytes('secret'));
    execFileSync('qpdf', ['--encrypt', 'user', 'owner', '256', '--', plain, target]);
    locked['真锁.pdf'] = readFileSync(target);
  } catch (error) { if (error.code !== 'ENOENT') throw error; }
  const open = { '开.pdf': DOCUMENTS.pdf, '开.ofd': DOCUMENTS.ofd, '开.docx': DOCUMENTS.docx }, zip = path.join(folder, '移交.zip');
  writeFileSync(zip, rawZip(Object.entries({ ...locked, ...open }).map(([name, data]) => ({ name, data }))));
  const result = await lantai(dir, 'receive', zip, '--json', '-q');
  assert.equal(result.json?.state, 'rehearsed', result.stderr);
  const item = result.json.check.items.find(({ code }) => code.endsWith('YJ-3-8')), named = (item.findings ?? []).map(finding => path.basename(finding.path)).sort();
  assert.deepEqual([...new Set(named)], Object.keys(locked).sort(), JSON.stringify([item, result.json.rows, result.json.samples, result.json.surplus, result.json.package, result.json.layout, result.json.documents]));
  assert.equal(item.state, 'failed');
});

// The largest of the program and its sandboxed children, as the kernel counted it, in MiB.
async function peak(dir, ...args) {
  const script = 'import resource,subprocess,sys\np=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.PIPE)\nprint(p.returncode,resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss//1024)\nsys.stderr.buffer.write(p.stderr[-2000:])';
  const { stdout, stderr } = await promisify(execFile)('python3', ['-c', script, program, '-C', dir, ...args], { maxBuffer: 1 << 26 }), [status, size] = stdout.trim().split(' ').map(Number);
  return { status, size, stderr };
}

test('a folder and a zip of 20 000 files: received within 300 MB', async t => {
  const dir = await emptyArchive(), room = temporary(), folder = path.join(room, '夹'), zip = path.join(room, '多.zip');
  mkdirSync(folder);
  for (let i = 0; i < 20000; i++) writeFileSync(path.join(folder, `文件${i}.txt`), '');
  execFileSync('python3', ['-c', `import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1],'w')\nfor i in range(20000): z.writestr('层%d/文件%d.txt'%(i%100,i),b'')\nz.close()`, zip]);
  for (const where of [folder, zip]) {
    const began = Date.now(), used = await peak(dir, 'receive', where, '--json', '-q');
    t.diagnostic(`${path.basename(where)}: ${used.size} MB, ${Date.now() - began} ms, status ${used.status} ${used.stderr.trim()}`);
    assert.ok([0, 1].includes(used.status), `${where}: ${used.status} ${used.stderr}`);
    assert.ok(used.size < 300, `${where}: ${used.size} MB`);
  }
});
