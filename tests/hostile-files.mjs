// Archives that no ordinary tool would write: zip and tar with any bytes as names, any kind of entry, any lie in a header.
import { deflateRawSync } from 'node:zlib';
import { crc32 } from './make.mjs';

const field = (width, value) => { const bytes = Buffer.alloc(width); if (width === 2) bytes.writeUInt16LE(value & 0xffff); else bytes.writeUInt32LE(value >>> 0); return bytes; };

// entries: {name, data, deflate, utf8, encrypted, directory: another name in the directory, unix: mode, size, crc: lies}
export function rawZip(entries, { count } = {}) {
  const parts = [], directory = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name), listed = Buffer.from(entry.directory ?? entry.name), data = Buffer.from(entry.data ?? ''), body = entry.deflate ? deflateRawSync(data) : data;
    const flags = (entry.utf8 ?? true ? 0x800 : 0) | (entry.encrypted ? 1 : 0), method = entry.method ?? (entry.deflate ? 8 : 0);
    const middle = [field(2, 20), field(2, flags), field(2, method), field(4, 0x5a210000), field(4, entry.crc ?? crc32(data)), field(4, body.length), field(4, entry.size ?? data.length)];
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), ...middle, field(2, name.length), field(2, 0), name, body]);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), field(2, 0x0314), ...middle, field(2, listed.length), field(2, 0), field(2, 0), field(2, 0), field(2, 0),
      field(4, (entry.unix ?? 0o100644) << 16), field(4, offset), listed]));
    parts.push(local);
    offset += local.length;
  }
  const index = Buffer.concat(directory), n = Math.min(count ?? entries.length, 0xffff);
  return Buffer.concat([...parts, index, Buffer.from('PK\x05\x06'), field(2, 0), field(2, 0), field(2, n), field(2, n), field(4, index.length), field(4, offset), field(2, 0)]);
}

// entries: {name, data, type: '0' file, '1' hard link, '2' symbolic link, '3' device, '5' folder, '6' fifo; link}. Names over 100 bytes go into a pax header.
export function rawTar(entries) {
  const parts = [];
  const head = (name, size, type, link) => {
    const block = Buffer.alloc(512);
    name.copy(block, 0, 0, 100);
    block.write('0000644\0' + '0000000\0' + '0000000\0' + size.toString(8).padStart(11, '0') + '\0' + '14600000000\0' + '        ' + type, 100, 'latin1');
    link.copy(block, 157, 0, 100);
    block.write('ustar\x0000', 257, 'latin1');
    if (type === '3') block.write('0000001\x000000003\x00', 329, 'latin1');
    block.write(block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0') + '\0 ', 148, 'latin1');
    return block;
  };
  const padded = data => Buffer.concat([data, Buffer.alloc((512 - data.length % 512) % 512)]);
  for (const { name, data = '', type = '0', link = '' } of entries) {
    const label = Buffer.from(name), bytes = Buffer.from(data), target = Buffer.from(link);
    if (label.length > 100) {
      let length = label.length + 8;
      while (String(length).length + 6 + label.length + 1 !== length) length = String(length).length + 6 + label.length + 1;
      const pax = Buffer.concat([Buffer.from(`${length} path=`), label, Buffer.from('\n')]);
      parts.push(head(Buffer.from('pax'), pax.length, 'x', Buffer.alloc(0)), padded(pax));
    }
    parts.push(head(label, bytes.length, type, target), padded(bytes));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
