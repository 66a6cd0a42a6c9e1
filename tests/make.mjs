// Files made for the tests: CSV, ZIP (stored entries) and small .xlsx workbooks, and reading CSV back, all independent of the program.
import { writeFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';

export function csv(rows) {
  const cell = value => /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  return rows.map(row => row.map(value => cell(String(value ?? ''))).join(',')).join('\n') + '\n';
}

// RFC 4180; the first row is the header. Gives objects.
export function parseCsv(text) {
  const rows = [];
  let row = [], cell = '', quoted = false;
  const source = text.replace(/^\uFEFF/, '');
  for (let i = 0; i < source.length; i++) {
    const c = source[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (source[i + 1] === '"') { cell += '"'; i++; } else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ',') { row.push(cell); cell = ''; }
    else if (c === '\n') { row.push(cell.replace(/\r$/, '')); rows.push(row); row = []; cell = ''; }
    else cell += c;
  }
  if (cell || row.length) { row.push(cell); rows.push(row); }
  const [header, ...rest] = rows;
  return rest.map(values => Object.fromEntries(header.map((name, i) => [name, values[i] ?? ''])));
}

const CRC = Array.from({ length: 256 }, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? 0xEDB88320 ^ (n >>> 1) : n >>> 1; return n >>> 0; });
export function crc32(bytes) {
  let crc = 0xFFFFFFFF;
  for (const byte of bytes) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xFFFFFFFF) >>> 0;
}

// entries: {name: string or Buffer}
export function zip(entries) {
  const parts = [], directory = [];
  let offset = 0;
  for (const [name, content] of Object.entries(entries)) {
    const bytes = Buffer.from(content), label = Buffer.from(name), fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0); fields.writeUInt16LE(0x800, 2); fields.writeUInt32LE(0x5A210000, 6);
    fields.writeUInt32LE(crc32(bytes), 10); fields.writeUInt32LE(bytes.length, 14); fields.writeUInt32LE(bytes.length, 18); fields.writeUInt16LE(label.length, 22);
    parts.push(Buffer.from('PK\x03\x04'), fields, label, bytes);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), fields, tail, label);
    offset += 4 + 26 + label.length + bytes.length;
  }
  const index = Buffer.concat(directory), end = Buffer.alloc(18), count = Object.keys(entries).length;
  end.writeUInt16LE(count, 4); end.writeUInt16LE(count, 6); end.writeUInt32LE(index.length, 8); end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, index, Buffer.from('PK\x05\x06'), end]);
}

const escapeXml = text => String(text).replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);
const columnName = i => (i >= 26 ? String.fromCharCode(64 + Math.floor(i / 26)) : '') + String.fromCharCode(65 + i % 26);

// rows: arrays of strings, null (no cell) or {f: formula, v: value}; merges: ["A1:C1"]
export function xlsx(rows, { merges = [], prefix = '' } = {}) {
  const cell = (value, r, c) => {
    const at = `${columnName(c)}${r + 1}`;
    if (value === null || value === undefined) return '';
    if (typeof value === 'object') return `<c r="${at}" t="str"><f>${escapeXml(value.f)}</f><v>${escapeXml(value.v)}</v></c>`;
    return `<c r="${at}" t="inlineStr"><is><t xml:space="preserve">${escapeXml(value)}</t></is></c>`;
  };
  const data = rows.map((row, r) => `<row r="${r + 1}">${row.map((value, c) => cell(value, r, c)).join('')}</row>`).join('');
  const merged = merges.length ? `<mergeCells count="${merges.length}">${merges.map(ref => `<mergeCell ref="${ref}"/>`).join('')}</mergeCells>` : '';
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main', office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
  const packages = 'http://schemas.openxmlformats.org/package/2006', head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';
  const relation = (type, target) => `${head}<Relationships xmlns="${packages}/relationships"><Relationship Id="rId1" Type="${office}/${type}" Target="${target}"/></Relationships>`;
  return zip({
    '[Content_Types].xml': `${head}<Types xmlns="${packages}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
      '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>' +
      '<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
    '_rels/.rels': relation('officeDocument', 'xl/workbook.xml'),
    'xl/workbook.xml': `${head}<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="目录" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': relation('worksheet', 'worksheets/sheet1.xml'),
    'xl/worksheets/sheet1.xml': `${head}${prefix}<worksheet xmlns="${main}"><sheetData>${data}</sheetData>${merged}</worksheet>`,
  });
}

// One field descriptor is {name, width}; text is given as bytes already.
export function dbf(fields, rows, language = 0x4D) {
  const size = 1 + fields.reduce((sum, field) => sum + field.width, 0), header = Buffer.alloc(32 + 32 * fields.length + 1);
  header[0] = 3; header[1] = 124; header[2] = 1; header[3] = 1; header[29] = language;
  header.writeUInt32LE(rows.length, 4); header.writeUInt16LE(header.length, 8); header.writeUInt16LE(size, 10);
  fields.forEach((field, i) => { header.write(field.name, 32 + 32 * i, 'latin1'); header[32 + 32 * i + 11] = 0x43; header[32 + 32 * i + 16] = field.width; });
  header[header.length - 1] = 0x0D;
  const body = rows.map(row => Buffer.concat([Buffer.from(' '), ...fields.map((field, i) => { const cell = Buffer.alloc(field.width, 0x20); Buffer.from(row[i]).copy(cell); return cell; })]));
  return Buffer.concat([header, ...body, Buffer.from([0x1A])]);
}

// A grey picture in which every pixel differs from its neighbours.
export function png(width, height) {
  const chunk = (kind, body) => {
    const all = Buffer.concat([Buffer.alloc(4), Buffer.from(kind), body, Buffer.alloc(4)]);
    all.writeUInt32BE(body.length, 0);
    all.writeUInt32BE(crc32(all.subarray(4, 8 + body.length)), 8 + body.length);
    return all;
  };
  const head = Buffer.alloc(13), lines = Buffer.alloc((width + 1) * height);
  head.writeUInt32BE(width, 0); head.writeUInt32BE(height, 4); head[8] = 8;
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) lines[y * (width + 1) + 1 + x] = (x * 3 ^ y * 5) & 255;
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', head), chunk('IDAT', deflateSync(lines)), chunk('IEND', Buffer.alloc(0))]);
}

export function write(file, content) { writeFileSync(file, content); return file; }
