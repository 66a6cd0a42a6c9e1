// Writes transfer packages as other systems hand them over, independent of the program, so that tests can mutate them.
//
//   const records = sampleRecords(5, { fonds: 'Z109', year: 2015, filesEach: 2 });   // [{code, title, creator, docno, date, year, retention, security, pages, level, files: [{name, bytes}]}]
//   const made = writePackage('dat93', dir, { records, encoding: 'GB18030' });       // dir is made; must not exist
//   made: { layout, dir, encoding, records, readme: path or null, catalogues: [paths], metadata: [path of each record's metadata, null without], files: [[path of each file] for each record] }
//   (all paths relative to dir). Then mutate: rewrite(made, made.metadata[2], text => text.replace('密级', '')), rmSync(path.join(dir, made.files[0][1])) …
//
// layouts: 'dat93' (DA/T 93-2022), '2012' (档发〔2012〕7号), 'vendor' (说明文件.xml), 'eep' (DA/T 48: one file a record), 'eep-one' (one file, all records), 'bagit' (bag with data/catalogue.csv), 'documents'.
// options: records, encoding ('UTF-8', 'GB18030', 'GB2312'; not for bagit, documents), readme: {field: text} laid over the true ones (undefined takes one out),
//   digest: algorithm of the declared digests ('sm3', 'sha256', 'md5'; null: none), external: true (eep: contents beside the XML, their digest in 编码数据), signed: true (eep: a 电子签名块 that is not valid),
//   modified: true (eep: 修改型, the original's title is "旧题名"), version: BagIt version.
// A record with level '案卷' has no files; items name theirs by volume: code. encode(text, encoding) and decode(bytes, encoding) are exact inverses; rewrite(made, path, change) keeps the encoding.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const LAYOUTS = ['dat93', '2012', 'vendor', 'eep', 'eep-one', 'bagit', 'documents'];
const EEP_SPACE = 'http://www.saac.gov.cn/standards/ERM/encapsulation';

// ---- encodings ----

let table; // character → two bytes, by asking the decoder
function gbTable() {
  if (table) return table;
  table = new Map();
  const decoder = new TextDecoder('gb18030');
  for (let a = 0x81; a < 0xff; a++) for (let b = 0x40; b < 0xff; b++) {
    if (b === 0x7f) continue;
    const character = decoder.decode(Uint8Array.of(a, b));
    if ([...character].length === 1 && character !== '\ufffd' && !table.has(character)) table.set(character, [a, b]);
  }
  for (let n = 0; n < 39420; n++) { // four bytes: the rest of the basic plane
    const bytes = [0x81 + Math.floor(n / 12600), 0x30 + Math.floor(n / 1260) % 10, 0x81 + Math.floor(n / 10) % 126, 0x30 + n % 10], character = decoder.decode(Uint8Array.from(bytes));
    if ([...character].length === 1 && character !== '\ufffd' && !table.has(character)) table.set(character, bytes);
  }
  return table;
}
const isGb = encoding => /^gb/i.test(encoding);

export function encode(text, encoding = 'UTF-8') {
  if (!isGb(encoding)) return Buffer.from(text, 'utf8');
  const bytes = [];
  for (const character of text) {
    if (character < '\x80') bytes.push(character.charCodeAt(0));
    else if (character > '\uffff') {
      const n = character.codePointAt(0) - 0x10000;
      bytes.push(0x90 + Math.floor(n / 12600), 0x30 + Math.floor(n / 1260) % 10, 0x81 + Math.floor(n / 10) % 126, 0x30 + n % 10);
    } else bytes.push(...gbTable().get(character) ?? [0x3f]);
  }
  return Buffer.from(bytes);
}
export const decode = (bytes, encoding = 'UTF-8') => new TextDecoder(isGb(encoding) ? 'gb18030' : 'utf-8').decode(bytes);

export function rewrite(made, name, change) {
  const full = path.join(made.dir, name);
  writeFileSync(full, encode(change(decode(readFileSync(full), made.encoding)), made.encoding));
}

// ---- records ----

export function sampleRecords(count, { fonds = 'Z109', year = 2015, filesEach = 1, category = 'WS', volumes = 0 } = {}) {
  const volume = i => `${fonds}-${category}·${year}·Y-${String(i + 1).padStart(3, '0')}`;
  const rows = Array.from({ length: volumes }, (_, i) => ({ level: '案卷', code: volume(i), title: `${year} 年案卷之${i + 1}`, creator: '市民政局', date: `${year}0101`, year: String(year), retention: '永久',
    security: '公开', pages: '', docno: '', files: [] }));
  for (let i = 0; i < count; i++) {
    const number = String(i + 1).padStart(4, '0'), within = volumes ? volume(i % volumes) : '', code = volumes ? `${within}-${number}` : `${fonds}-${category}·${year}·Y-${number}`;
    rows.push({ level: '文件', code, title: `关于第 ${i + 1} 项工作的通知`, creator: '市民政局', docno: `民发〔${year}〕${i + 1}号`, date: `${year}${String(1 + i % 12).padStart(2, '0')}15`, year: String(year),
      retention: '永久', security: '公开', pages: '2', volume: within,
      files: Array.from({ length: filesEach }, (_, f) => ({ name: f ? `附件${f}.txt` : '正文.txt', bytes: Buffer.from(`第 ${i + 1} 件，第 ${f + 1} 个文件。\n`.repeat(20)) })) });
  }
  return rows;
}

// ---- pieces of XML ----

const escape = text => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
// [name, text | children]; undefined and '' are left out
function element([name, inner], indent = '') {
  if (inner === undefined || inner === '') return '';
  if (!Array.isArray(inner)) return `${indent}<${name}>${escape(inner)}</${name.split(' ')[0]}>\n`;
  return `${indent}<${name}>\n${inner.map(child => element(child, indent + '  ')).join('')}${indent}</${name.split(' ')[0]}>\n`;
}
const xml = (root, encoding) => `<?xml version="1.0" encoding="${encoding}"?>\n${element(root)}`;
const extension = name => path.extname(name).slice(1);
export const digestOf = (algorithm, bytes) => createHash(algorithm).update(bytes).digest('hex');
export const folderName = code => code.replace(/[/\\:*?"<>|]/g, '_');

function fileFacts(file, digest) {
  return ['电子属性', [['格式信息', extension(file.name)], ['计算机文件名', file.name], ['计算机文件大小', String(file.bytes.length)],
    ...(digest ? [['数字摘要', [['数字摘要算法', digest.toUpperCase()], ['数字摘要值', digestOf(digest, file.bytes)]]]] : [])]];
}
function describe(record) {
  const [fonds] = record.code.split('-');
  return [['聚合层次', record.level], ['来源', [['全宗名称', '市民政局全宗'], ['立档单位名称', record.creator]]], ['电子文件号', `E-${record.code}`], ['档号', record.code], ['全宗号', fonds], ['年度', record.year],
    ['保管期限', record.retention], ['内容描述', [['题名', record.title], ['文件编号', record.docno], ['责任者', record.creator], ['日期', record.date], ['密级', record.security]]],
    ['形式特征', [['文件组合类型', record.files.length > 1 ? '组合文件' : '单件'], ['页数', record.pages]]]];
}
const metadata = (record, digest) => ['电子文件元数据', [...describe(record), ...(record.files.length ? [['文件数据', record.files.map((file, i) => ['文档', [['文档标识符', `文档${i + 1}`], ['文档序号', String(i + 1)],
  ['文档主从声明', i ? '附属文档' : '主文档'], ['文档数据', [fileFacts(file, digest)]]]])]] : []),
['业务实体', [['业务状态', '历史行为'], ['业务行为', '归档'], ['行为时间', `${record.year}-12-31T08:00:00`], ['行为描述', '随办随归']]]]];
const entry = (record, i, extra = []) => [record.level === '案卷' ? '案卷' : '文件', [['顺序号', String(i + 1)], ['档号', record.code], ['责任者', record.creator], ['题名', record.title], ['日期', record.date],
  ['保管期限', record.retention], ['密级', record.security], ['页数', record.pages], ...extra, ['备注', record.note]]];

// ---- layouts ----

function put(made, name, bytes) {
  const full = path.join(made.dir, name);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, typeof bytes === 'string' ? encode(bytes, made.encoding) : bytes);
  return name;
}

function readmeFields(records, overlay = {}) {
  const items = records.filter(record => record.level !== '案卷'), bytes = records.flatMap(record => record.files).reduce((sum, file) => sum + file.bytes.length, 0);
  const fields = { 移交单位: '市民政局', 内容描述: `${records[0].year} 年度文书档案`, 起止档号: `${items[0].code} 至 ${items.at(-1).code}`,
    档案数量: `${items.length} 件${records.length > items.length ? `，${records.length - items.length} 卷` : ''}`, 数据量: `${bytes} 字节`, 软硬件环境: '通用计算机', 载体编号: 'P-1', 载体数量: '1', ...overlay };
  return Object.entries(fields).filter(([, value]) => value !== undefined);
}
const readmeText = fields => fields.map(([name, value]) => `${name}：${value}\r\n`).join('');
const CODE_IN_FILE = ['电子档案名称'];

function writeDat93(made, { records, readme, digest, encoding }) {
  made.readme = put(made, '说明文件.TXT', readmeText(readmeFields(records, readme)));
  made.catalogues = [put(made, '目录文件.XML', xml(['文件目录', records.map((record, i) => entry(record, i))], encoding))];
  for (const record of records) {
    const folder = `${record.code.split('-')[0]}/${record.year}/${folderName(record.code)}`;
    made.metadata.push(put(made, `${folder}/${folderName(record.code)}元数据.XML`, xml(metadata(record, digest), encoding)));
    made.files.push(record.files.map(file => put(made, `${folder}/${file.name}`, file.bytes)));
  }
  put(made, '其他/移交接收登记表.txt', '登记表\r\n');
}

function write2012(made, { records, readme, digest, encoding }) {
  const volumes = records.filter(record => record.level === '案卷'), items = records.filter(record => record.level !== '案卷');
  made.readme = put(made, '说明文件.TXT', readmeText(readmeFields(records, readme)));
  made.catalogues = [put(made, '文件目录.XML', xml(['文件目录', items.map((record, i) => entry(record, i, [[CODE_IN_FILE[0], record.files.map(file => file.path ?? name2012(record, file)).join(';')],
    ['案卷档号', record.volume]]))], encoding))];
  if (volumes.length) made.catalogues.push(put(made, '案卷目录.XML', xml(['案卷目录', volumes.map((record, i) => entry(record, i))], encoding)));
  for (const record of records) {
    const folder = `电子档案/${record.year}/文书`;
    made.metadata.push(record.files.length ? put(made, `${folder}/${folderName(record.code)}元数据.XML`, xml(metadata({ ...record, files: record.files.map(file => ({ ...file, name: name2012(record, file) })) }, digest), encoding)) : null);
    made.files.push(record.files.map(file => put(made, `${folder}/${name2012(record, file)}`, file.bytes)));
  }
  put(made, '其他/著录规则.txt', '规则\r\n');
}
const name2012 = (record, file) => `${folderName(record.code)}_${file.name}`;

function writeVendor(made, { records, readme, digest, encoding }) {
  made.readme = put(made, '说明文件.xml', xml(['说明文件', readmeFields(records, readme)], encoding));
  made.metadata = records.map((record, i) => put(made, `数据/${i + 1}/元数据.xml`, xml(metadata(record, digest), encoding)));
  made.files = records.map((record, i) => record.files.map(file => put(made, `数据/${i + 1}/${file.name}`, file.bytes)));
  made.catalogues = [put(made, '目录文件.xml', xml(['目录文件', [['文件目录', records.map((record, i) => [`文件`, [['顺序号', String(i + 1)], ['元数据路径', made.metadata[i]]]])]]], encoding))];
}

function eepEntity(record, { digest, external, title }) {
  const description = describe({ ...record, title: title ?? record.title });
  return ['文件实体', [...description, ['文件数据', record.files.map((file, i) => ['文档', [['文档标识符', `修改0-文档${i + 1}`], ['文档序号', String(i + 1)], ['文档主从声明', i ? '附属文档' : '主文档'],
    [`文档数据 文档数据ID="修改0-文档${i + 1}-文档数据1"`, [[`编码 编码ID="修改0-文档${i + 1}-文档数据1-编码1"`, [fileFacts(file, null), ['编码描述', external ? '内容在包外' : '本封装包中“编码数据”元素存储的是计算机文件二进制流的Base64编码'],
      ['反编码关键字', extension(file.name)], ['编码数据', external ? digestOf(digest ?? 'sha256', file.bytes) : file.bytes.toString('base64').replace(/.{76}/g, '$&\n')]]]]]]])]]];
}
function eepContent(records, options) {
  return ['封装内容', [['文件实体块', records.map(record => eepEntity(record, options))], ['业务实体块', [['业务实体', [['业务标识符', 'B1'], ['业务状态', '历史行为'], ['业务行为', '归档'], ['行为时间', '2015-12-31T08:00:00']]]]],
    ['机构人员实体块', [['机构人员实体', [['机构人员标识符', 'A1'], ['机构人员类型', '内设机构'], ['机构人员名称', '办公室']]]]]]];
}
function eepPackage(records, options) {
  const { modified, signed } = options, content = eepContent(records, options);
  const original = ['被签名对象 eep版本="2009"', [['封装包类型', '原始型'], ['封装包创建时间', '2016-01-01T08:00:00'], ['封装包创建单位', '市民政局'], eepContent(records, { ...options, title: '旧题名' })]];
  const body = modified ? ['修改封装内容', [['修改标识符', '修改1'], ['原封装包', [original]], ['修订内容', content[1]]]] : content;
  return [`电子文件封装包 xmlns="${EEP_SPACE}"`, [['封装包格式描述', '本EEP根据中华人民共和国档案行业标准DA/T 48-2009《基于XML的电子文件封装规范》生成'], ['版本', '2009'],
    ['被签名对象 eep版本="2009"', [['封装包类型', modified ? '修改型' : '原始型'], ['封装包类型描述', '测试'], ['封装包创建时间', '2016-01-02T08:00:00'], ['封装包创建单位', '市民政局'], body]],
    ...(signed ? [['电子签名块', [['电子签名', [['签名标识符', '修改0-签名1'], ['签名规则', '标准的CMS签名'], ['签名时间', '2016-01-02T08:00:00'], ['签名人', '办公室'], ['签名结果', 'AAAA'], ['签名算法标识', 'SM2']]]]]] : [])]];
}
function writeEep(made, options) {
  const { records, encoding, external, layout } = options;
  const groups = layout === 'eep-one' ? [records] : records.map(record => [record]);
  for (const group of groups) {
    const name = put(made, group.length === 1 && layout === 'eep' ? `${folderName(group[0].code)}.xml` : '封装包.eep', xml(eepPackage(group, options), encoding));
    for (const record of group) {
      made.metadata.push(name);
      made.files.push(external ? record.files.map(file => put(made, `${folderName(record.code)}/${file.name}`, file.bytes)) : []);
    }
  }
}

const csvCell = value => /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
function writeBag(made, { records, version = '1.0', digest = 'sha256' }) {
  const header = ['全宗号', '档号', '题名', '责任者', '文号', '日期', '年度', '保管期限', '密级', '页数', '层级', '所在案卷', '文件'], payload = [];
  const rows = records.map(record => {
    const paths = record.files.map(file => `${folderName(record.code)}/${file.name}`);
    made.files.push(paths.map((name, i) => put(made, `data/${name}`, record.files[i].bytes)));
    made.metadata.push(null);
    return [record.code.split('-')[0], record.code, record.title, record.creator, record.docno, record.date, record.year, record.retention, record.security, record.pages, record.level, record.volume ?? '', paths.join('\n')];
  });
  made.catalogues = [put(made, 'data/catalogue.csv', [header, ...rows].map(row => row.map(value => csvCell(String(value ?? ''))).join(',')).join('\n') + '\n')];
  payload.push(...made.catalogues, ...made.files.flat());
  put(made, 'bagit.txt', `BagIt-Version: ${version}\nTag-File-Character-Encoding: UTF-8\n`);
  const bytes = name => readFileSync(path.join(made.dir, name)), size = payload.reduce((sum, name) => sum + bytes(name).length, 0);
  made.readme = put(made, 'bag-info.txt', `Source-Organization: 市民政局\nExternal-Description: ${records[0].year} 年度文书档案\nBagging-Date: 2016-01-02\nPayload-Oxum: ${size}.${payload.length}\n`);
  const list = names => names.map(name => `${digestOf(digest, bytes(name))}  ${name.replaceAll('%', '%25')}\n`).join('');
  put(made, `manifest-${digest}.txt`, list(payload));
  put(made, `tagmanifest-${digest}.txt`, list(['bagit.txt', 'bag-info.txt', `manifest-${digest}.txt`]));
}

// Lists a bag's digests anew, after a change that is meant to be whole.
export function resealBag(made, { digest = 'sha256' } = {}) {
  const payload = [...new Set([...made.catalogues, ...made.files.flat()])].filter(name => existsSync(path.join(made.dir, name))), bytes = name => readFileSync(path.join(made.dir, name));
  const size = payload.reduce((sum, name) => sum + bytes(name).length, 0), list = names => names.map(name => `${digestOf(digest, bytes(name))}  ${name.replaceAll('%', '%25')}\n`).join('');
  rewrite(made, 'bag-info.txt', text => text.replace(/Payload-Oxum: .*/, `Payload-Oxum: ${size}.${payload.length}`));
  put(made, `manifest-${digest}.txt`, list(payload));
  put(made, `tagmanifest-${digest}.txt`, list(['bagit.txt', 'bag-info.txt', `manifest-${digest}.txt`]));
}

function writeDocuments(made, { records }) {
  for (const record of records) {
    const name = file => record.files.length === 1 ? `${folderName(record.code)}${path.extname(file.name)}` : `${folderName(record.code)}/${file.name}`;
    made.metadata.push(null);
    made.files.push(record.files.map(file => put(made, name(file), file.bytes)));
  }
}

const WRITERS = { dat93: writeDat93, 2012: write2012, vendor: writeVendor, eep: writeEep, 'eep-one': writeEep, bagit: writeBag, documents: writeDocuments };

export function writePackage(layout, dir, options) {
  const { encoding = 'UTF-8', digest = 'sha256' } = options;
  if (!WRITERS[layout]) throw new Error(`no layout ${layout}`);
  mkdirSync(dir);
  const made = { layout, dir, encoding: layout === 'bagit' ? 'UTF-8' : encoding, records: options.records, readme: null, catalogues: [], metadata: [], files: [] };
  WRITERS[layout](made, { ...options, encoding, digest, layout });
  return made;
}
