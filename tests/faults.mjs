// Transfer packages with one fault each, planted into clean ones, and the item of the check scheme (YJ-…, without prefix) that must catch it.
//
// A fault: {name, item, layouts, records(list) → list: before the package is written, options: for the writer, after(made): done to the written package}.
// plant(fault, layout, dir) writes it and gives the path that is received and the options of `lantai receive`. Everything is the same in every run.
import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import { csv, png } from './make.mjs';
import { digestOf, folderName, rewrite, sampleRecords, writePackage } from './package-writer.mjs';
import { pdfBytes } from './support.mjs';

export const LAYOUTS = ['table', 'dat93', '2012', 'vendor', 'eep', 'bagit'];
export const LAYOUT_NAMES = { table: '目录表+目录', dat93: 'DA/T 93', 2012: '2012 办法', vendor: '旧式', eep: 'EEP', bagit: 'BagIt' };
const PACKAGES = ['dat93', '2012', 'vendor', 'eep', 'bagit'], XML = ['dat93', '2012', 'vendor', 'eep'], FOLDERS = ['dat93', '2012', 'vendor'], ALL = LAYOUTS;
const COUNT = 5, HIT = 1; // the record that is hit

// ---- a table and a folder, written here ----

const HEADER = ['档号', '题名', '责任者', '文号', '日期', '年度', '保管期限', '密级', '开放状态', '页数', '附件', '电子档案名称'];
function writeTable(dir, records) {
  const made = { layout: 'table', dir, encoding: 'UTF-8', records, readme: null, catalogues: ['目录.csv'], metadata: [], files: [] };
  mkdirSync(path.join(dir, '原文'), { recursive: true });
  const rows = records.map(record => {
    const names = record.files.map(file => `${folderName(record.code)}_${file.name}`);
    names.forEach((name, i) => writeFileSync(path.join(dir, '原文', name), record.files[i].bytes));
    made.files.push(names.map(name => `原文/${name}`));
    return [record.code, record.title, record.creator, record.docno, record.date, record.year, record.retention, record.security, record.opening ?? '未审核', record.pages, record.attachment ?? '', names.join(';')];
  });
  writeFileSync(path.join(dir, '目录.csv'), csv([HEADER, ...rows]));
  return made;
}

// ---- bytes ----

const EICAR = Buffer.from('X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-' + 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*');
const crcTable = Array.from({ length: 256 }, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1; return n >>> 0; });
const crc = bytes => { let c = 0xffffffff; for (const byte of bytes) c = crcTable[(c ^ byte) & 255] ^ (c >>> 8); return (c ^ 0xffffffff) >>> 0; };
export function picture(width, height, dpi) {
  const plain = png(width, height), body = Buffer.alloc(21);
  body.writeUInt32BE(9, 0);
  body.write('pHYs', 4, 'latin1');
  for (const at of [8, 12]) body.writeUInt32BE(Math.round(dpi / 0.0254), at);
  body[16] = 1;
  body.writeUInt32BE(crc(body.subarray(4, 17)), 17);
  return Buffer.concat([plain.subarray(0, 33), body, plain.subarray(33)]);
}
const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const ENCRYPTED_PDF = () => Buffer.from(pdfBytes('secret').toString('latin1').replace('/Root 1 0 R', '/Root 1 0 R /Encrypt << /Filter /Standard /V 1 /R 2 /O (' + 'o'.repeat(32) + ') /U (' + 'u'.repeat(32) + ') /P -4 >> /ID [(0123456789abcdef) (0123456789abcdef)]'), 'latin1');
const SCRIPT_PDF = () => Buffer.from(pdfBytes('script').toString('latin1').replace('/Type /Catalog', '/Type /Catalog /OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>'), 'latin1');
const ELF = Buffer.concat([Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]), Buffer.alloc(120)]);
const GZIP = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), deflateSync(Buffer.from('内容')).subarray(2, -4), Buffer.alloc(8)]);

// ---- changes ----

const change = patch => records => records.map((record, i) => i === HIT ? { ...record, ...(typeof patch === 'function' ? patch(record) : patch) } : record);
const everyRecord = patch => records => records.map(record => ({ ...record, ...patch }));
const file = (name, bytes, more = {}) => change({ files: [{ name, bytes }], pages: '', ...more });
const full = (made, name) => path.join(made.dir, name);
const hitFile = made => full(made, made.files[HIT][0]);
const editMetadata = (made, edit) => rewrite(made, made.metadata[HIT], text => { const after = edit(text); if (after === text) throw new Error(`nothing to change in ${made.metadata[HIT]}`); return after; });
const editReadme = (made, edit) => rewrite(made, made.readme, text => { const after = edit(text); if (after === text) throw new Error('nothing to change in the readme'); return after; });
const editCatalogue = (made, edit) => rewrite(made, made.catalogues[0], text => { const after = edit(text); if (after === text) throw new Error('nothing to change in the catalogue'); return after; });
const withAttachment = records => records.map(record => ({ ...record, files: [...record.files, { name: '附件1.txt', bytes: Buffer.from(`附件，${record.title}\n`) }] }));
const code = suffix => `Z109-WS·2015·Y-${suffix}`;

// ---- the faults ----

export const FAULTS = [
  // 1: 真实性
  { name: '文件内容被改动一个字节', item: '1-1', layouts: FOLDERS, after: made => { const bytes = readFileSync(hitFile(made)); bytes[0] ^= 1; writeFileSync(hitFile(made), bytes); } },
  { name: '登记的摘要被改动', item: '1-1', layouts: FOLDERS, after: made => editMetadata(made, text => text.replace(/(<数字摘要值>)(.)/, (_, tag, digit) => tag + (digit === '0' ? '1' : '0'))) },
  { name: '题名 600 字', item: '1-2', layouts: ALL, records: change({ title: '关于水库加固的通知'.repeat(70) }) },
  { name: '文号 120 字', item: '1-2', layouts: ALL, records: change({ docno: '民发〔2015〕号'.repeat(14) }) },
  { name: '题名只有一个字', item: '1-2', layouts: ALL, records: change({ title: '文' }) },
  { name: '日期不存在（2 月 31 日）', item: '1-3', layouts: ALL, records: change({ date: '20150231' }) },
  { name: '日期不是日期', item: '1-3', layouts: ALL, records: change({ date: '三月里' }) },
  { name: '页数不是数', item: '1-3', layouts: ALL, records: change({ pages: '若干' }) },
  { name: '密级不在值域', item: '1-4', layouts: ALL, records: change({ security: '特密' }) },
  { name: '开放标识不在值域', item: '1-4', layouts: ['table'], records: change({ opening: '随便' }) },
  { name: '年度与日期不符', item: '1-5', layouts: ALL, records: change({ date: '20110315' }) },
  { name: '日期在今天之后', item: '1-5', layouts: ALL, records: change({ date: '21500101' }) },
  { name: '页数为 0', item: '1-5', layouts: ALL, records: change({ pages: '0' }) },
  { name: '题名含自造字', item: '1-6', layouts: ALL, records: change({ title: '关于\ue000水库的通知' }) },
  { name: '责任者含看不见的字符', item: '1-6', layouts: ALL, records: change({ creator: '市民\u200b政局' }) },
  { name: '题名有丢失的字符', item: '1-6', layouts: ALL, records: change({ title: '关于\ufffd水库的通知' }) },
  { name: '题名是乱码', item: '1-6', layouts: ALL, records: change({ title: '关于锟斤拷的通知' }) },
  { name: '题名含控制字符', item: '1-6', layouts: ['table', 'bagit'], records: change({ title: '关于\x07水库的通知' }) },
  { name: '档号不合规定', item: '1-7', layouts: ALL, records: change({ code: '档字第2号' }) },
  { name: '档号的年度与著录不符', item: '1-7', layouts: ALL, records: change({ code: 'Z109-WS·2013·Y-0002' }) },
  { name: '档号的保管期限与著录不符', item: '1-7', layouts: ALL, records: change({ retention: '30年' }) },
  { name: '两件档号相同', item: '1-8', layouts: ['table', '2012', 'bagit'], records: change(record => ({ code: code('0001'), files: [{ name: '另一.txt', bytes: record.files[0].bytes }] })) },
  { name: '两件文号、责任者、题名、日期相同', item: '1-8', layouts: ['table', 'bagit', 'dat93', 'vendor', '2012', 'eep'], records: records => change({ title: records[0].title, docno: records[0].docno, date: records[0].date })(records) },
  { name: '图像分辨率 72 dpi', item: '1-9', layouts: ALL, records: file('图像.png', picture(640, 800, 72)) },
  { name: '扩展名与内容不符', item: '1-10', layouts: ALL, records: file('正文.pdf', picture(640, 800, 300)) },
  { name: '登记的文件大小不符', item: '1-10', layouts: FOLDERS, after: made => editMetadata(made, text => text.replace(/(<计算机文件大小>)\d+/, '$17')) },
  { name: '登记的格式不符', item: '1-10', layouts: FOLDERS, after: made => editMetadata(made, text => text.replace(/(<格式信息>)[^<]*/, '$1ofd')) },
  { name: '条目没有电子文件', item: '1-11', layouts: ['table', 'dat93', '2012', 'vendor', 'bagit', 'eep'], records: change({ files: [] }) },
  { name: '电子文件丢失', item: '1-11', layouts: ['table', ...FOLDERS], after: made => rmSync(hitFile(made)) },
  { name: '说明文件丢失', item: '1-12', layouts: FOLDERS, after: made => rmSync(full(made, made.readme)) },
  { name: '说明文件缺移交单位', item: '1-12', layouts: FOLDERS, options: { readme: { 移交单位: undefined } } },
  { name: '说明文件缺软硬件环境', item: '1-12', layouts: FOLDERS, options: { readme: { 软硬件环境: undefined } } },
  { name: '目录文件残缺', item: '1-12', layouts: ['dat93', '2012'], after: made => editCatalogue(made, text => text.slice(0, text.lastIndexOf('<文件>') + 20)) },
  { name: '目录文件丢失', item: '1-12', layouts: ['dat93'], after: made => rmSync(full(made, made.catalogues[0])) },
  { name: '目录中一条没有档号', item: '1-12', layouts: ['dat93', '2012'], after: made => editCatalogue(made, text => text.replace(/<档号>[^<]*0002<.档号>/, '')) },
  { name: '包中有符号链接', item: '1-13', layouts: PACKAGES, link: true },
  { name: '封装包版本不对', item: '1-13', layouts: ['eep'], after: made => editMetadata(made, text => text.replace('<版本>2009', '<版本>1999')) },
  { name: '目录与元数据的题名不一致', item: '1-14', layouts: ['dat93', '2012'], after: made => editMetadata(made, text => text.replace('第 2 项', '第 9 项')) },
  { name: '目录中有的元数据文件不在', item: '1-14', layouts: ['vendor'], after: made => rmSync(full(made, made.metadata[HIT])) },
  { name: '内容与包的清单不符', item: '1-14', layouts: ['bagit'], after: made => appendFileSync(hitFile(made), '改动\n') },
  { name: '清单中的文件丢失', item: '1-14', layouts: ['bagit'], after: made => rmSync(hitFile(made)) },
  { name: '清单以外的文件', item: '1-14', layouts: ['bagit'], after: made => writeFileSync(full(made, 'data/多余.txt'), '多余\n') },
  { name: '包的字节数登记不符', item: '1-14', layouts: ['bagit'], after: made => { rewrite(made, made.readme, text => text.replace(/Payload-Oxum: \d+/, 'Payload-Oxum: 1')); resealTags(made); } },
  { name: '标记文件被改动', item: '1-14', layouts: ['bagit'], after: made => appendFileSync(full(made, made.readme), 'Contact-Name: 某人\n') },
  { name: '元数据的文件名指向包外', item: '1-14', layouts: FOLDERS, after: made => editMetadata(made, text => text.replace(/(<计算机文件名>)[^<]*/, '$1../../../etc/passwd')) },
  // 2: 完整性
  { name: '登记件数多一件', item: '2-1', layouts: FOLDERS, options: { readme: { 档案数量: `${COUNT + 1} 件` } } },
  { name: '登记件数少一件', item: '2-1', layouts: FOLDERS, options: { readme: { 档案数量: `${COUNT - 1} 件` } } },
  { name: '登记的终止档号不符', item: '2-1', layouts: FOLDERS, options: { readme: { 起止档号: `${code('0001')} 至 ${code('0009')}` } } },
  { name: '登记的起始档号不符', item: '2-1', layouts: FOLDERS, options: { readme: { 起止档号: `${code('0000')} 至 ${code('0005')}` } } },
  { name: '登记的字节数不符', item: '2-2', layouts: FOLDERS, options: { readme: { 数据量: '1 字节' } } },
  { name: '全部没有责任者', item: '2-3', layouts: ['table', '2012', 'dat93', 'vendor', 'bagit'], records: everyRecord({ creator: '' }) },
  { name: '全部没有保管期限', item: '2-3', layouts: ALL, records: everyRecord({ retention: '' }) },
  { name: '一件没有责任者', item: '2-4', layouts: ['table', '2012', 'dat93', 'vendor', 'bagit'], records: change({ creator: '' }) },
  { name: '一件没有保管期限', item: '2-4', layouts: ALL, records: change({ retention: '' }) },
  { name: '一件没有日期', item: '2-4', layouts: ALL, records: change({ date: '' }) },
  { name: '一件没有题名', item: '2-4', layouts: ALL, records: change({ title: '' }) },
  { name: '一件没有过程信息', item: '2-5', layouts: FOLDERS, after: made => editMetadata(made, text => text.replace(/<业务实体>[^]*<.业务实体>/, '')) },
  { name: '件号断号', item: '2-6', layouts: ALL, records: records => records.filter((_, i) => i !== 2) },
  { name: '件号断号两处', item: '2-6', layouts: ALL, records: records => [0, 2, 4].map(i => records[i]) },
  { name: '文件是空的', item: '2-7', layouts: ['table', 'bagit', ...FOLDERS], records: file('正文.txt', Buffer.alloc(0)) },
  { name: 'PDF 页数与著录不符', item: '2-7', layouts: ALL, records: file('正文.pdf', pdfBytes('one page'), { pages: '7' }) },
  { name: '图像页数与著录不符', item: '2-7', layouts: ALL, records: file('图像.png', picture(640, 800, 300), { pages: '3' }) },
  { name: '附件丢失', item: '2-8', layouts: FOLDERS, records: withAttachment, after: made => rmSync(full(made, made.files[HIT][1])) },
  { name: '附件是空的', item: '2-8', layouts: FOLDERS, records: records => withAttachment(records).map((record, i) => i === HIT ? { ...record, files: [record.files[0], { name: '附件1.txt', bytes: Buffer.alloc(0) }] } : record) },
  { name: '著录有附件而只有一个文件', item: '2-8', layouts: ['table'], records: change({ attachment: '工作方案' }) },
  { name: '保管期限不在期限表', item: '2-9', layouts: ALL, records: change({ retention: '永远' }) },
  { name: '元数据文件丢失', item: '2-10', layouts: ['dat93'], after: made => rmSync(full(made, made.metadata[HIT])) },
  { name: '封装包没有文件实体', item: '2-10', layouts: ['eep'], after: made => editMetadata(made, text => text.replace(/<文件实体>[^]*<.文件实体>/, '')) },
  { name: '编码数据不是完整的 Base64', item: '2-10', layouts: ['eep'], after: made => editMetadata(made, text => text.replace(/(<编码数据>.{40})/, '$1!!')) },
  { name: '信息包中的文件丢失', item: '2-11', layouts: FOLDERS, after: made => rmSync(hitFile(made)) },
  // 3: 可用性
  { name: '元数据文件不是可读的 XML', item: '3-1', layouts: XML, after: made => writeFileSync(full(made, made.metadata[HIT]), made.layout === 'eep' ? '不是 XML' : '<a><b></a>') },
  { name: '元数据文件带外部实体', item: '3-1', layouts: XML, after: made => editMetadata(made, text => text.replace('?>', '?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>')) },
  { name: '元数据文件截断', item: '3-1', layouts: XML, after: made => truncateSync(full(made, made.metadata[HIT]), 300) },
  { name: '格式 GIF 不在接收范围', item: '3-3', layouts: ALL, records: file('图像.gif', GIF) },
  { name: '可执行程序', item: '3-3', layouts: ALL, records: file('程序.bin', ELF) },
  { name: 'PDF 残缺', item: '3-4', layouts: ALL, records: file('正文.pdf', pdfBytes('broken').subarray(0, 60)) },
  { name: '图像截断', item: '3-4', layouts: ALL, records: file('图像.png', picture(640, 800, 300).subarray(0, 3000)) },
  { name: 'PDF 加密', item: '3-8', layouts: ALL, records: file('正文.pdf', ENCRYPTED_PDF()) },
  { name: 'PDF 含脚本', item: '3-8', layouts: ALL, records: file('正文.pdf', SCRIPT_PDF()) },
  { name: '压缩文件', item: '3-8', layouts: ALL, records: file('正文.gz', GZIP) },
  // 4: 安全性
  { name: '文件感染病毒', item: '4-2', layouts: ALL, records: file('正文.txt', EICAR) },
  { name: '目录以外的文件', item: '4-3', layouts: ['table', ...FOLDERS], after: made => writeFileSync(path.join(path.dirname(hitFile(made)), '多余.txt'), '多余\n') },
];

// The tag files' digests anew (the payload's as they are).
function resealTags(made) {
  const names = ['bagit.txt', 'bag-info.txt', 'manifest-sha256.txt'];
  writeFileSync(full(made, 'tagmanifest-sha256.txt'), names.map(name => `${digestOf('sha256', readFileSync(full(made, name)))}  ${name}\n`).join(''));
}

export const CLEAN = { name: '（没有问题）', item: null, layouts: ALL };

// Writes the package; gives {target, options} for `lantai receive`.
export function plant(fault, layout, dir, encoding = 'UTF-8') {
  const records = (fault.records ?? (all => all))(sampleRecords(COUNT)), place = path.join(dir, 'package');
  const made = layout === 'table' ? writeTable(place, records) : writePackage(layout, place, { records, encoding, ...fault.options });
  if (fault.link) symlinkSync('/etc/hostname', full(made, layout === 'bagit' ? 'data/链接' : '链接'));
  fault.after?.(made);
  if (layout === 'table') return { target: full(made, '目录.csv'), options: ['--files', full(made, '原文'), '--fonds', 'Z109'] };
  return { target: place, options: [] };
}

export const planted = FAULTS.flatMap(fault => fault.layouts.map(layout => ({ fault, layout })));
