// Search over the laws with their 20 million characters of text and the gazette, against a scan of every text in this file, which has its own folding:
// NFKD, marks dropped, lower case, and traditional to simplified by what the opencc command makes of each single character.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { assertClean, CHINESE, emptyArchive, hits as hitsByCommand, query, take } from './archive.mjs';
import { categoriesOf, drawnDelivery, PAGED_LAWS, reign } from './drawn.mjs';
import { parseCsv } from './make.mjs';
import { Client, lantai, PASSWORD, serve, shared, sharedHere } from './support.mjs';

const data = path.join(shared, 'data');
function has(command) { try { execFileSync('sh', ['-c', `command -v ${command}`]); return true; } catch { return false; } }
const needs = !sharedHere ? { skip: 'no ../shared/data here' } : !has('opencc') ? { skip: 'no opencc command here' } : {};

// ---- folding, from the contract in words (src/base/text.h) ----

const IDEOGRAPH = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Hangul}\p{Co}ー]/u, WORD = /[\p{L}\p{N}\p{Co}]|\p{Script=Han}/u, DROPPED = /[\p{M}\p{Default_Ignorable_Code_Point}]/u, HANGUL = /[\uAC00-\uD7A3]/;
const forms = new Map(); // character → array of " " and characters with their class
function makeForms(texts) {
  const characters = new Set();
  for (const text of texts) for (const c of text) characters.add(c);
  const decomposed = new Map([...characters].map(c => [c, HANGUL.test(c) ? c : c.normalize('NFKD')]));
  const parts = [...new Set([...decomposed.values()].flatMap(form => [...form]))].filter(c => IDEOGRAPH.test(c));
  const lines = (command, args, list) => execFileSync(command, args, { input: list.join('\n') + '\n', encoding: 'utf8', maxBuffer: 1 << 26 }).split('\n').slice(0, list.length);
  const one = (config, list) => lines('opencc', ['-c', config], list).map((made, i) => [...made].length === 1 ? made : list[i]);
  const everyday = list => lines('iconv', ['-c', '-f', 'UTF-8', '-t', 'GB2312'], list.map(c => `${c}`)).map((_, i, all) => all[i] !== '');
  const simple = one('t2s.json', parts), japanese = one('t2s.json', one('jp2t.json', parts)), isEveryday = everyday(parts), becomesEveryday = everyday(japanese);
  // A Japanese form of a character counts only where it is no everyday Chinese character itself.
  const made = new Map(parts.map((c, i) => [c, simple[i] !== c || isEveryday[i] || !becomesEveryday[i] ? simple[i] : japanese[i]]));
  for (const c of characters) {
    const form = [];
    for (const circled of decomposed.get(c)) {
      const part = /[○◯]/u.test(circled) ? '〇' : circled;
      if (DROPPED.test(part)) continue;
      if (!WORD.test(part)) form.push([' ', ' ']);
      else if (IDEOGRAPH.test(part)) form.push([made.get(part) ?? part, 'i']);
      else for (const low of part.toUpperCase().toLowerCase().normalize('NFKD')) if (!DROPPED.test(low)) form.push([low, 'l']);
    }
    forms.set(c, form);
  }
}
function fold(text) {
  let out = ' ', last = ' ';
  for (const c of text)
    for (const [piece, kind] of forms.get(c)) {
      if (kind === ' ') { if (last !== ' ') out += ' '; }
      else out += last !== ' ' && last !== kind ? ` ${piece}` : piece;
      last = kind;
    }
  return last === ' ' ? out : `${out} `;
}
// What must stand in a folded text for a term to be found: an end that is a letter or digit is the end of its run, unless a * follows.
function patternOf(term, prefix = false) {
  const folded = fold(term), ideograph = c => IDEOGRAPH.test(c);
  const first = [...folded.slice(1)][0], last = [...folded.slice(0, -1)].at(-1);
  return folded.slice(ideograph(first) ? 1 : 0, prefix || ideograph(last) ? -1 : undefined);
}

// ---- the documents ----

const documents = []; // {id, title, creator, docno, code, own: {label: value}, year, all, text} folded
let dir, server, client;
before(async () => {
  if (needs.skip) return;
  dir = await emptyArchive();
  const texts = path.join(data, 'laws', 'texts'), raw = [];
  await take(dir, path.join(data, 'laws', 'catalogue.csv'), '--fonds', 'LAW', '--fonds-title', '法律汇编', '--files', texts);
  await take(dir, path.join(data, 'gazette', 'catalogue.csv'), '--fonds', 'GAZ', '--fonds-title', '公报');
  for (const row of parseCsv(readFileSync(path.join(data, 'laws', 'catalogue.csv'), 'utf8')))
    raw.push({ fonds: 'LAW', code: row.顺序号, title: row.题名, creator: row.责任者, docno: '', own: { 类别: row.类别, 顺序号: row.顺序号, 字数: row.字数, 电子档案名称: row.电子档案名称 }, year: Number(row.年度) || 0, days: Number(row.日期.replaceAll('-', '')) || 0,
      text: readFileSync(path.join(texts, row.电子档案名称), 'utf8') });
  for (const row of parseCsv(readFileSync(path.join(data, 'gazette', 'catalogue.csv'), 'utf8')))
    raw.push({ fonds: 'GAZ', code: row.流水号, title: row.题名, creator: row.责任者, docno: row.文号, written: row.日期, own: { 文种: row.文种, 主题词: row.关键词, 子类: row.子类, 篇: row.篇, 签署: row.签署, 流水号: row.流水号 },
      year: Number(/^中華民國(\d+)年/.exec(row.日期)[1]) + 1911, days: /^中華民國(\d+)年(\d+)月(\d+)日/.exec(row.日期).slice(1).reduce((sum, part, i) => sum * 100 + Number(part) + (i ? 0 : 1911), 0), text: '' });
  const { rows, catalogue, files } = drawnDelivery(raw.filter(row => row.fonds === 'LAW'), raw.filter(row => row.fonds === 'GAZ'));
  await take(dir, catalogue, '--fonds', 'SEL', '--fonds-title', '选编', '--files', files);
  raw.push(...rows);
  const nodes = categoriesOf().map(category => ['SEL', `SEL-${category.code}`, category.title]);
  for (const [fonds, named] of [['LAW', '法律汇编'], ['GAZ', '公报'], ['SEL', '选编']]) nodes.push([fonds, fonds, named]);
  for (const fonds of ['LAW', 'GAZ']) nodes.push([fonds, `${fonds}-WS`, '文书档案']);
  for (const [fonds, code, title] of nodes) raw.push({ fonds, code, title, creator: '', docno: '', own: {}, year: 0, days: 0, text: '' });
  const ids = new Map((await query(dir, 'SELECT r.id, r.code, f.code AS fonds FROM record AS r JOIN record AS f ON f.id = r.fonds_id')).map(row => [`${row.fonds}\n${row.code}`, row.id]));
  assert.equal(ids.size, raw.length);
  makeForms([...raw.flatMap(row => [row.title, row.creator, row.docno, row.code, row.text, ...Object.values(row.own)]), '年檔案档案\uF98EabcdefghijklmnopqrstuvwxyzＡＢＣ０１２３４５６７８９0123456789']);
  for (const row of raw) {
    const folded = { id: ids.get(`${row.fonds}\n${row.code}`), raw: row, title: fold(row.title), creator: fold(row.creator), docno: fold(row.docno), code: fold(row.code), year: row.year, days: [row.days, row.until ?? row.days], text: (row.pages ?? [row.text]).map(fold).join('\0') };
    folded.own = Object.fromEntries(Object.entries(row.own).map(([label, value]) => [label, fold(value)]));
    folded.all = [folded.title, folded.creator, folded.docno, folded.code, ...Object.values(folded.own)].join('\0');
    documents.push(folded);
  }
  for (const role of ['archivist', 'reader']) assert.equal((await lantai(dir, 'user', 'add', role, '--role', role, '--password', PASSWORD)).status, 0);
  server = await serve(dir);
  client = await new Client(server.base).signIn('archivist');
});
after(async () => { await server?.stop(); });

async function ask(q, more = '') {
  const reply = await client.get(`/search.json?q=${encodeURIComponent(q)}${more}`);
  assert.equal(reply.status, 200, `${q}: ${reply.text.slice(0, 200)}`);
  return reply.json;
}
const fondsOf = async code => (await query(dir, `SELECT id FROM record WHERE level = 1 AND code = '${code}'`))[0].id;
async function everyHit(q, more, limit = 200) {
  const items = [];
  for (let key = ''; ;) {
    const answer = await ask(q, `${more}&limit=${limit}${key && `&after=${encodeURIComponent(key)}`}`);
    items.push(...answer.items);
    key = answer.next;
    if (!key) return { items, hits: answer.hits };
    assert.ok(items.length <= answer.hits, 'paging ends');
  }
}

// ---- queries as data: a term is {words, field, prefix}, a query is {show, find(document)} ----

const FIELDS = { title: 'title', 题名: 'title', creator: 'creator', 责任者: 'creator', docno: 'docno', 文号: 'docno', code: 'code', 档号: 'code', text: 'text', 全文: 'text' };
const remembered = new Map();
function found(pattern, field) {
  const key = `${field}\n${pattern}`;
  if (!remembered.has(key)) {
    const where = document => FIELDS[field] ? document[FIELDS[field]].includes(pattern) : field ? (document.own[field] ?? '').includes(pattern) : document.all.includes(pattern) || document.text.includes(pattern);
    remembered.set(key, documents.map(where));
  }
  return remembered.get(key);
}
const term = (show, words, field = '', prefix = false) => ({ show: field ? `${field}:${show}` : show, find: () => found(patternOf(words, prefix), field) });
const bare = (words, field) => term(words, words, field);
const phrase = (words, field) => term(`"${words}"`, words, field);
const both = (a, b, word = ' ') => ({ show: `${a.show}${word}${b.show}`, find: () => { const x = a.find(), y = b.find(); return x.map((yes, i) => yes && y[i]); } });
const either = (a, b, word = ' OR ') => ({ show: `${a.show}${word}${b.show}`, find: () => { const x = a.find(), y = b.find(); return x.map((yes, i) => yes || y[i]); } });
const without = (a, b, word = ' -') => ({ show: `${a.show}${word}${b.show}`, find: () => { const x = a.find(), y = b.find(); return x.map((yes, i) => yes && !y[i]); } });
const not = (a, word = 'NOT ') => ({ show: `${word}${a.show}`, find: () => a.find().map(yes => !yes) });
const group = a => ({ show: `(${a.show})`, find: a.find });
// A record is of the year it was filed in and of those its days lie in.
const inYears = (from, to) => ({ year, days: [first, last] }) => (year >= from && year <= to) || (first > 0 && first < (to + 1) * 10000 && last >= from * 10000);
const touching = (from, to) => ({ days: [first, last] }) => first > 0 && first <= to && last >= from;
const years = (show, from, to) => ({ show: `year:${show}`, find: () => documents.map(inYears(from, to)) });

function drawQueries() {
  let state = 20260705;
  const random = n => { state = (Math.imul(state, 1103515245) + 12345) >>> 0; return Math.floor(state / 4294967296 * n); };
  const pick = list => list[random(list.length)], rows = documents.map(document => document.raw).filter(row => row.creator), laws = rows.filter(row => row.text), gazette = rows.filter(row => row.docno);
  const PLAIN = /^[\p{L}\p{N}]+$/u, SPOKEN = /[\p{L}\p{N}]/u;
  // A slice that does not cut a run of letters or digits more often than a reader would.
  const slice = (text, length) => { const all = [...text], from = random(Math.max(1, all.length - length)); return all.slice(from, from + length).join(''); };
  const draw = (text, length, wanted = PLAIN) => { for (let i = 0; i < 300; i++) { const part = slice(text(), length); if ([...part].length === length && wanted.test(part) && !/^(或|非|OR|AND|NOT)$/.test(part)) return part; } throw new Error('nothing to draw'); };
  const speak = [() => pick(rows).title, () => pick(rows).creator, () => pick(laws).text, () => pick(gazette).own.签署, () => pick(gazette).own.主题词];
  const word = length => draw(() => pick(speak)(), length), queries = [], add = (count, make) => { for (let i = 0; i < count; i++) queries.push(make(i)); };
  for (const [count, length] of [[50, 1], [70, 2], [40, 3], [40, 4], [30, 8]]) add(count, () => bare(word(length)));
  add(30, () => phrase(pick(gazette).docno.replaceAll('"', '')));
  add(20, () => { const number = pick(gazette).docno; return PLAIN.test(number) ? bare(number) : phrase(number); });
  add(20, () => bare(draw(() => pick(gazette).docno.replace(/[0-9]+/g, ' '), 3)));
  add(20, () => { const name = pick(gazette).own.签署.split(' ').at(-1); return PLAIN.test(name) ? bare(name) : phrase(pick(gazette).creator); });
  add(20, () => phrase(pick(rows).title.replaceAll(/["“”]/g, ' ')));
  add(20, () => phrase(draw(() => pick(laws).text.slice(0, 4000), 12, /^(?=.*[，。、；：])[^"“”\s]*[\p{L}\p{N}]$/u)));
  // The same word written the other way.
  const pairs = [['檔案', '档案'], ['國務院', '国务院'], ['經濟', '经济'], ['環境', '环境'], ['農業', '农业'], ['規定', '规定'], ['條例', '条例'], ['辦法', '办法'], ['機關', '机关'], ['財產', '财产'], ['選舉', '选举'], ['監督', '监督'], ['鐵路', '铁路'], ['電信', '电信'], ['觀光', '观光']];
  for (const [traditional, simplified] of pairs) queries.push(bare(traditional), bare(simplified));
  add(15, () => both(bare(word(2)), bare(word(2))));
  add(10, () => both(bare(word(1)), bare(word(2)), ' AND '));
  add(15, i => either(bare(word(2)), bare(word(3)), i % 2 ? ' OR ' : ' 或 '));
  add(15, i => without(bare(word(1)), bare(word(2)), [' -', ' NOT ', ' 非 '][i % 3]));
  add(5, () => not(bare(word(2))));
  add(5, () => not(bare(word(2)), '-'));
  add(5, () => either(bare(word(2)), without(bare(word(1)), bare(word(2))))); // OR binds less than what stands beside it
  add(10, () => both(group(either(bare(word(2)), bare(word(2)))), group(without(bare(word(1)), bare(word(2))))));
  add(5, () => without(group(either(bare(word(2)), bare(word(2)))), group(either(bare(word(3)), bare(word(2))))));
  for (const field of ['title', '题名', 'creator', '责任者', 'text', '全文']) add(4, () => bare(draw(/te?xt|全文/.test(field) ? () => pick(laws).text : /title|题名/.test(field) ? () => pick(rows).title : () => pick(rows).creator, 2), field));
  for (const field of ['docno', '文号']) add(4, () => phrase(pick(gazette).docno, field));
  for (const field of ['code', '档号']) add(2, () => bare(pick(rows).code, field));
  add(6, () => bare(draw(() => pick(gazette).own.文种, 2), '文种'));
  add(6, () => bare(draw(() => pick(gazette).own.主题词, 2), '主题词'));
  queries.push(years('2005', 2005, 2005), years('1990-1999', 1990, 1999), years('2015-', 2015, 9999), years('-1980', 1, 1980), both(years('2005-2006', 2005, 2006), bare('法')), both(bare('令', 'title'), bare('院', 'creator')));
  add(4, () => { const number = String(1990 + random(30)); return term([...number].map(c => String.fromCharCode(c.charCodeAt(0) + 0xFEE0)).join(''), number); });
  add(4, () => { const number = String(100 + random(900)); return term(`${number}*`, number, '', true); });
  queries.push(term('\uF98E', '年'), term('ＷＴＯ', 'wto'), term('wto', 'WTO'), both(term('“外国”', '外国'), term('「投资」', '投资')), term('ｅｃｆａ', 'ECFA'));
  assert.ok(queries.every(each => SPOKEN.test(each.show)));
  return queries;
}

test('hit counts of 500 queries drawn from the data equal a scan of every text', needs, async () => {
  const queries = drawQueries(), wrong = [];
  assert.ok(queries.length >= 500, `${queries.length} queries`);
  let empty = 0;
  for (const each of queries) {
    const expected = each.find().filter(Boolean).length, wide = await ask(each.show, '&limit=1');
    // Other ways to write a word only add, are told, and each can be switched off: what is left is the scan's.
    let answer = wide;
    for (let i = 0; answer.readings.length && i < 8; i++) answer = await ask(answer.readings[0].exact, '&limit=1');
    if (!wide.readings.length !== (answer === wide) || (!/-|NOT|非/.test(each.show) && wide.hits < answer.hits)) wrong.push(`${each.show}: ${wide.hits} hits, as written ${answer.hits}`);
    if (answer.hits !== expected) wrong.push(`${each.show}: ${answer.hits} hits, the scan has ${expected}${answer.notice ? ` (${answer.notice})` : ''}`);
    if (answer.notice) wrong.push(`${each.show}: not understood: ${answer.notice}`);
    if (expected === 0) empty++;
  }
  assert.deepEqual(wrong, []);
  assert.ok(empty < 60, `${empty} of ${queries.length} find nothing: the drawing is poor`);
});

// What a word of numbers or years means, from the rules in words (docs/search.zh.md): every way to write it is scanned for by itself.
test('numerals, years of eras and dates find every way to write them, and no more', needs, async () => {
  const standing = (...ways) => document => ways.some(way => { const pattern = patternOf(way); return document.all.includes(pattern) || document.text.includes(pattern); });
  const count = which => documents.filter(which).length;
  const cases = [
    ['第十二条', standing('第十二条', '第12条')], ['第12條', standing('第十二条', '第12条')], ['第一百零三条', standing('第一百零三条', '第103条')],
    ['第7次', standing('第七次', '第7次')], ['二〇〇四', standing('2004', '二〇〇四', '二零零四')], ['二○○四', standing('2004', '二〇〇四', '二零零四')],
    ['1997年', document => standing('1997年', '一九九七年')(document) || inYears(1997, 1997)(document)],
    ['民國九十四年', document => standing('民国九十四年', '民国94年', '2005年', '二〇〇五年')(document) || inYears(2005, 2005)(document)],
    ['八十年代', document => standing('八十年代', '80年代')(document) || inYears(1980, 1989)(document)],
    ['乙酉年', document => standing('乙酉年')(document) || inYears(2005, 2005)(document) || inYears(1945, 1945)(document)], ['年度:乙酉', document => inYears(2005, 2005)(document) || inYears(1945, 1945)(document)],
    ['一九九几年', document => standing('一九九几年')(document) || inYears(1990, 1999)(document)], ['九五时期', document => standing('九五时期')(document) || inYears(1996, 2000)(document)], ['日期:十五期间', inYears(2001, 2005)],
    ['="八十年代"', standing('八十年代')], ['=1997年', standing('1997年')], ['=二〇〇四', standing('二〇〇四')],
    ['年度:民国九十四年', inYears(2005, 2005)], ['年度:1990年代', inYears(1990, 1999)], ['年:1995..2000', inYears(1995, 2000)], ['日期:1995至2000', inYears(1995, 2000)],
    ['法 -第十二条', document => standing('法')(document) && !standing('第十二条', '第12条')(document)],
  ];
  for (const [show, holds] of cases) {
    const answer = await ask(show, '&limit=1'), expected = documents.filter(holds).length;
    assert.equal(answer.hits, expected, `${show}: ${JSON.stringify(answer.readings)}`);
    assert.ok(expected > 0 || show.includes('八十'), `${show} finds something`);
    assert.equal(answer.notice, null, show);
  }
  // Days, from the raw tables by other means than the program's: the laws' as figures, the gazette's by counting from 1911.
  assert.ok(documents.filter(document => document.raw.days).length > 8000);
  for (const [show, from, to] of [['日期:2005-01', 20050101, 20050131], ['日期:民國九十四年一月', 20050101, 20050131], ['日期:中華民國94年1月3日', 20050103, 20050103], ['日期:１９９０年以前', 10101, 19891231],
    ['日期:1989年12月31日止', 10101, 19891231], ['日期:2020年以来', 20200101, 29991231], ['日期:>2005年6月', 20050701, 29991231], ['日期:2005年冬', 20051001, 20051231], ['日期:1978-198?', 19780101, 19891231],
    ['日期:198?', 19800101, 19891231], ['日期:五八年', 19580101, 19581231], ['日期:民國初年', 19120101, 19191231], ['日期:康熙初年', 16620101, 16711231], ['日期:解放前', 10101, 19490930], ['日期:改革开放前', 1, 0]]) {
    const answer = await ask(show, '&limit=1');
    if (from > to) assert.match(answer.notice, /不是日期/, show);
    else assert.deepEqual([answer.hits, answer.notice], [count(touching(from, to)), null], `${show}: ${JSON.stringify(answer.readings)}`);
  }
  assert.equal((await ask('日期:1990年以前', '&limit=1')).readings[0].text, '“1990年以前”即 1989-12-31 及以前');
  for (const [show, ...ranges] of [['日期:1998、2003', [19980101, 19981231], [20030101, 20031231]], ['年度:79-81', [19790101, 19811231]], ['年度:05', [19050101, 19051231], [20050101, 20051231]]])
    assert.equal((await ask(show, '&limit=1')).hits, count(document => ranges.some(([from, to]) => (show.startsWith('日期') ? touching(from, to) : inYears(from / 10000 | 0, to / 10000 | 0))(document))), show);
  const writtenOr = (from, to, ...ways) => document => touching(from, to)(document) || standing(...ways)(document);
  for (const [show, holds] of [['2005-01-03', writtenOr(20050103, 20050103, '2005-01-03', '2005年1月3日', '二〇〇五年一月三日')], ['2005年1月', writtenOr(20050101, 20050131, '2005年1月', '二〇〇五年一月', '二零零五年一月')],
    ['1978-198?', writtenOr(19780101, 19891231)]]) assert.equal((await ask(show, '&limit=1')).hits, count(holds), show);
  const told = await ask('第12条', '&limit=1');
  assert.match(told.readings[0].text, /“第12条”还检索了“第十二条”/);
  assert.equal(told.readings[0].exact, '="第12条"');
  const page = await client.get(`/search?q=${encodeURIComponent('第12条')}&sort=newest`, { html: true });
  assert.match(page.text, /还检索了/);
  assert.match(page.text, /href="\/search\?q=%3D%22[^"]*sort=newest"[^>]*>只按原样检索/);
  const number = documents.find(document => /^\D+字第\d{3,10}號$/.test(document.raw.docno));
  assert.ok((await ask(`="${number.raw.docno}"`)).items.some(item => item.docno === number.raw.docno));
});

test('names by their sound, whole values, numbers with ? and words that stand for one another, against the scan', needs, async () => {
  // Whoever signs the gazette: 院長 蘇貞昌. A value of one field, whole.
  const holds = (field, words) => document => (document.own[field] ?? '').includes(patternOf(words)), whole = (field, words) => document => (document.own[field] ?? '').replaceAll(' ', '') === fold(words).replaceAll(' ', '');
  const creator = documents.find(document => document.raw.fonds === 'GAZ').raw.creator, count = which => documents.filter(which).length;
  const among = body => document => document.raw.creator.split(/[、；;，,]/).some(part => fold(part) === fold(body));
  for (const body of [creator, '經濟部', '内政部']) assert.equal((await ask(`责任者:="${body}"`, '&limit=1')).hits, count(among(body)), body);
  assert.ok(count(among('內政部')) > count(document => document.creator === fold('內政部')), 'documents of several bodies');
  const kind = documents.find(document => document.raw.own.文种).raw.own.文种;
  assert.equal((await ask(`文种:="${kind}"`, '&limit=1')).hits, count(whole('文种', kind)));
  assert.ok(count(holds('文种', kind)) >= count(whole('文种', kind)));
  for (const [show, expression] of [['档号:1?3', / 1[0-9]3 /], ['档号:?3', / [0-9]3 /], ['档号:*77', /77 $/], ['档号:12*4', / 12[0-9]*4 /]])
    assert.equal((await ask(show, '&limit=1')).hits, count(document => expression.test(document.code)), show);
  const list = (await client.get('/synonyms')).json;
  const before = (await ask('"行政院"', '&limit=1')).hits, other = (await ask('="國務院"', '&limit=1')).hits, both = count(document => ['行政院', '国务院'].some(word => document.all.includes(word) || document.text.includes(word)));
  assert.ok(before > 0 && other > 0 && both > before, `${before} ${other} ${both}`);
  const saved = await client.post('/synonyms', { form: { list: `${list.list}\n行政院、国务院\n`, seen: list.seen } });
  assert.equal(saved.status, 200, saved.text);
  const wide = await ask('行政院', '&limit=1');
  assert.equal(wide.hits, both, 'the edited list works at once');
  assert.match(wide.readings[0].text, /还检索了“国务院”/);
  assert.equal((await ask(wide.readings[0].exact, '&limit=1')).hits, before);
  assert.equal((await client.post('/synonyms', { form: { list: '甲', seen: list.seen } })).status, 409, 'somebody else has saved meanwhile');
  const now = (await client.get('/synonyms')).json, refused = await client.post('/synonyms', { form: { list: '孤字', seen: now.seen } });
  assert.equal(refused.status, 422);
  assert.match(refused.text, /第 1 行/);
  assert.equal((await client.post('/synonyms', { form: { list: list.list, seen: now.seen } })).status, 200);
  assert.equal((await ask('行政院', '&limit=1')).hits, before);
});

test('partly unknown dates and reign years as they were written: each is found by the days it may be, and no other', needs, async () => {
  const old = documents.filter(document => document.raw.written && document.raw.fonds === 'SEL'), count = which => documents.filter(which).length, wrong = [];
  assert.ok(old.length >= 80, String(old.length));
  // Each as it stands in the catalogue, asked with those words; the first day that it may be and the one before.
  const dayBefore = day => { const date = new Date(Date.UTC(day / 10000 | 0, (day / 100 | 0) % 100 - 1, day % 100 - 1)); return date.getUTCFullYear() * 10000 + (date.getUTCMonth() + 1) * 100 + date.getUTCDate(); };
  const asked = old.flatMap(({ raw: { written, days, until } }) => [[`日期:"${written}"`, touching(days, until)], ...[days, dayBefore(days)].map(day => [`日期:${String(day).replace(/(....)(..)(..)/, '$1-$2-$3')}`, touching(day, day)])]);
  for (const year of [1862, 1875, 1894, 1908, 1909, 1912, 1937, 1948]) asked.push([`年度:${reign(year)}`, inYears(year, year)], [`年度:${reign(year)}至${reign(year + 3)}`, inYears(year, year + 3)]);
  for (const [year, ...ways] of [[1908, '光緒三十四年', '光绪34年', '1908年', '一九〇八年'], [1937, '民國二十六年', '民国26年', '1937年', '一九三七年']]) {
    const standing = ways.map(way => found(patternOf(way), '')), written = new Set(documents.filter((_, i) => standing.some(way => way[i])));
    asked.push([ways[0], document => inYears(year, year)(document) || written.has(document)]);
  }
  asked.push(['日期:光绪年间', touching(18750101, 19081231)], ['日期:清末', touching(18400101, 19120212)], ['日期:1908-07', touching(19080701, 19080731)], ['日期:抗战时期', touching(19310918, 19450903)], ['年度:193X', inYears(1930, 1939)], ['日期:光绪三十四年以前', touching(10101, 19071231)]);
  for (const [show, holds] of asked) {
    const answer = await ask(show, '&limit=1'), expected = count(holds);
    if (answer.hits !== expected || answer.notice) wrong.push(`${show}: ${answer.hits} hits, ${expected} are such (${answer.notice})`);
  }
  assert.deepEqual(wrong, []);
});

test('fields of every category: by each person, number, day and word, by either name, by all names, as the whole value or one of several', needs, async () => {
  const categories = categoriesOf(), typeOf = new Map(categories.flatMap(category => category.fields.map(field => [field.label, field.type]))), wrong = [];
  const drawn = documents.filter(document => document.raw.category), count = which => documents.filter(which).length, persons = [...typeOf.keys()].filter(label => typeOf.get(label) === 'person');
  assert.ok(categories.length >= 22 && categories.every(category => drawn.some(document => document.raw.category.code === category.code && Object.keys(document.raw.own).length > 2)));
  const compare = async (show, holds) => { const { hits, notice } = await ask(show, '&limit=1'), expected = count(holds); if (hits !== expected || !expected || notice) wrong.push(`${show}: ${hits} hits, ${expected} are such (${notice})`); };
  const holding = (words, labels, pattern = patternOf(words)) => document => labels.some(label => document.own[label]?.includes(pattern));
  const whole = (words, labels, folded = fold(words)) => document => labels.some(label => document.raw.own[label]?.split(/[、；;，,]/).some(part => fold(part) === folded));
  for (const { raw } of drawn) for (const [label, value] of Object.entries(raw.own)) {
    if (typeOf.get(label) === 'date') {
      const day = raw.days_of[label];
      await compare(`${label}:${day / 10000 | 0}-${String((day / 100 | 0) % 100).padStart(2, '0')}`, document => Math.floor((document.raw.days_of?.[label] ?? 0) / 100) === Math.floor(day / 100));
    } else await compare(`${label}:"${value}"`, holding(value, [label]));
    if (typeOf.get(label) !== 'person') continue;
    for (const name of value.split(/[、；;，,]/)) {
      await compare(`${label}:=${name}`, whole(name, [label]));
      await compare(`姓名:=${name}`, whole(name, persons));
      await compare(`姓名:${name}`, holding(name, persons));
    }
  }
  const marriage = drawn.find(document => document.raw.category.code === 'HY').raw.own, other = drawn.find(document => document.raw.category.code === 'TD').raw.own;
  await compare(`男方姓名:${marriage.男方姓名} 女方姓名:${marriage.女方姓名}`, document => document.raw.own === marriage);
  await compare(`宗地号:${other.地块编号}`, document => document.raw.own === other);
  assert.deepEqual(wrong, []);
  assert.ok((await ask('姓名:李明', '&limit=1')).hits > (await ask('姓名:=李明', '&limit=1')).hits, '李明哲 is not 李明');
});

test('persons of the gazette: by pinyin and initials, and with variant characters', needs, async () => {
  const count = which => documents.filter(which).length, signed = name => document => document.own.签署?.includes(patternOf(name));
  // As Hanyu Pinyin has it; checked by hand. The same persons as src/search/pinyin-test.c, here in the whole archive and through the server.
  for (const [name, pinyin, initials] of [['郭瑤琪', 'guoyaoqi', 'gyq'], ['呂東英', 'lvdongying', 'ldy'], ['曾國烈', 'zengguolie', 'zgl'], ['謝長廷', 'xiechangting', 'xct'], ['歐陽敏盛', 'ouyangminsheng', 'oyms'], ['林全', 'linquan', 'lq'], ['賴幸媛', 'laixingyuan', 'lxy']]) {
    const expected = count(signed(name)), begun = initials.length > 2 ? await everyHit(`签署:${initials}`, '') : null;
    assert.ok(expected > 0, name);
    assert.equal((await ask(`签署:${pinyin}`, '&limit=1')).hits, expected, pinyin);
    const [surname, ...given] = pinyin.startsWith('ouyang') ? ['ouyang', 'min sheng'] : [/^[^aeiouv]*[aeiouv]+(?:ng|n(?![aeiouv]))?/.exec(pinyin)[0]];
    if (!given.length) assert.equal((await ask(`签署:"${pinyin.slice(surname.length)} ${surname}"`, '&limit=1')).hits, expected, `the surname last: ${pinyin}`);
    if (begun && expected < 500) { const found = new Set(begun.items.map(item => item.id)); assert.ok(documents.filter(signed(name)).every(document => found.has(document.id)), initials); }
    const wide = await ask(pinyin, '&limit=1');
    assert.ok(wide.hits >= expected, pinyin);
    assert.ok(wide.readings.some(reading => reading.text.includes(`拼音为 ${pinyin}`)), JSON.stringify(wide.readings));
    assert.equal((await ask(wide.readings[0].exact, '&limit=1')).hits, 0, 'as letters it stands nowhere');
  }
  for (const nobody of ['guoyaoqin', 'zzyy']) assert.equal((await ask(`签署:${nobody}`, '&limit=1')).hits, 0, nobody);
  // Unihan's variants where only one of the two is an everyday character; all of these stand in the tables.
  for (const pair of [['許惠祐', '许惠佑'], ['張弘叡', '张弘睿'], ['余濬', '余浚'], ['許惠燿', '许惠耀'], ['賴景鎔', '赖景熔'], ['仲埜', '仲野'], ['陳伯炤', '陈伯照'], ['當舖', '当铺'], ['槍砲', '枪炮']]) {
    const standing = pair.map(words => found(patternOf(words), '')), both = documents.filter((_, i) => standing[0][i] || standing[1][i]).length;
    assert.ok(both > 0);
    for (const [i, words] of pair.entries()) assert.deepEqual([(await ask(words, '&limit=1')).hits, (await ask(`="${words}"`, '&limit=1')).hits], [both, standing[i].filter(Boolean).length], words);
  }
});

test('wildcards in the gazette’s numbers, pages and words within results, against the scan', needs, async () => {
  const count = which => documents.filter(which).length, number = documents.filter(document => /^\D+字第\d{10}號$/.test(document.raw.docno)).map(document => document.raw.docno);
  assert.ok(number.length > 1000);
  for (const docno of [0, 300, 900].map(i => number[i])) {
    const [, head, digits] = /^(\D+)(\d+)號$/.exec(docno), solid = document => document.docno.replaceAll(' ', ''), folded = fold(head).replaceAll(' ', '');
    for (const [show, expression] of [[`${head}${digits.slice(0, -2)}??號`, `^${folded}${digits.slice(0, -2)}[0-9]{2}号$`], [`${head}*${digits.slice(-3)}號`, `${folded}[^/]*${digits.slice(-3)}号`], [`*${digits.slice(2, -1)}?號`, `${digits.slice(2, -1)}[0-9]号`]])
      { const matches = new RegExp(expression, 'u'), expected = count(document => matches.test(solid(document))); assert.ok(expected > 0, show); assert.equal((await ask(`文号:${show}`, '&limit=1')).hits, expected, show); }
  }
  for (const [first, words, more] of [['環境 或 衛生', '辦法', ''], ['執照', '註銷 -變更', '&from=2005&to=2005'], ['安全', '题名:條例', '&category=1']]) {
    const sent = await client.get(`/search?q=${encodeURIComponent(first)}&within=${encodeURIComponent(words)}${more}`), within = (await client.get(sent.json.location)).json;
    const [a, b] = first.split(' 或 '), [c, d] = words.split(' -'), base = b ? either(bare(a), bare(b)).find() : bare(a).find();
    const [, field = '', word] = /^(?:(题名):)?(.*)$/.exec(c), then = (d ? without(bare(word), bare(d)) : bare(word, field)).find(), year = /from/.test(more);
    const ids = documents.filter((document, i) => base[i] && then[i] && (!year || document.year === 2005)).map(document => document.id).sort((x, y) => x - y);
    assert.ok(ids.length > 5, `${first}, ${words}: ${ids.length}`);
    assert.equal(within.hits, ids.length, sent.json.location);
    const { items } = await everyHit(new URL(sent.json.location, server.base).searchParams.get('q'), more);
    assert.deepEqual(items.map(item => item.id).sort((x, y) => x - y), ids);
    assert.equal((await client.get(within.chips.find(chip => chip.kind === 'word' && chip.label === words.split(' ')[0]).href)).json.hits >= within.hits, true);
  }
});

test('suggestions tell of nothing that the asker may not see: titles, creators, numbers and names of the gazette', needs, async () => {
  const reader = await new Client(server.base).signIn('reader'), suggest = async (who, beginning) => (await who.get(`/suggest.json?q=${encodeURIComponent(beginning)}`)).json.items;
  const one = documents.find(document => document.raw.fonds === 'GAZ' && document.raw.own.签署.endsWith(' 曾參寶')), { title, creator, docno } = one.raw, texts = [title, creator, docno, fold('曾參寶').trim()];
  const beginnings = [title, creator, docno].map(text => [...text].slice(0, 4).join('')).concat('zengshenb'), all = async who => { const offered = []; for (const beginning of beginnings) offered.push(await suggest(who, beginning)); return offered; };
  const set = opening => client.post(`/record/${one.id}/edit`, { form: { opening } }), standing = text => found(patternOf(text), '').filter(Boolean).length;
  for (const [i, offered] of (await all(client)).entries()) {
    assert.ok(offered.length === 10 || offered.some(item => item.text === texts[i]), `${beginnings[i]}: ${JSON.stringify(offered)}`);
    for (const item of offered) assert.equal(item.count, standing(item.text), item.text);
  }
  assert.deepEqual(await all(reader), [[], [], [], []], 'nothing is open');
  assert.equal((await set('open')).status, 200);
  for (const [i, offered] of (await all(reader)).entries()) {
    assert.ok(offered.some(item => item.text === texts[i]), beginnings[i]);
    assert.ok(offered.every(item => texts.includes(item.text) && item.count === 1), `only what is open, counted as he would find it: ${JSON.stringify(offered)}`);
  }
  assert.equal((await set('unreviewed')).status, 200);
  assert.deepEqual(await all(reader), [[], [], [], []]);
});

test('hostile queries get an answer or a clear word in bounded time', needs, async () => {
  const long = (part, length) => part.repeat(Math.ceil(length / part.length)).slice(0, length);
  const queries = [long('档', 10000), long('"', 1999), long('(', 1999), long('-', 1999), long(' OR ', 1999), long('或 ', 1999), long('*', 1999), long('?', 1999), long('a?', 99), long('1*', 99), `档号:${long('*1', 99)}`, '档号:*', '档号:?',
    long('\u0001\u0002', 1999), long('\uE000\uE001', 1999), long('\u202E\u200B', 1999), long('民国二十六年 ', 440), long('第十二号 ', 300), long('zhang wei ', 500), long('〔2003〕12号', 1990), long('=', 1999), long('题名:', 1999), long('张', 1999), '年度:99999-1', '日期:-', '姓名:=', '=',
    long('a*b*c*d*', 1999), '(a+)+$', long('.*', 1999), '^(([a-z])+.)+[A-Z]([a-z])+$', long('1*2*3*', 63), long('NOT ', 190), `${long('NOT ', 190)}法`, long('非 ', 126), '('.repeat(999) + '法' + ')'.repeat(999), long('((((法 或 令) ', 250), long('\u{1F600}', 1000), long('\u{20BB7}', 300),
    Array.from({ length: 60 }, (_, i) => `文号:*${i + 10}*`).join(' 或 '), Array.from({ length: 60 }, (_, i) => `签署:*?${i + 10}`).join(' 或 '), Array.from({ length: 60 }, (_, i) => `非 文号:*${i + 10}?*`).join(' '),
    Array.from({ length: 60 }, (_, i) => `主题词:${'政法教經管理安全環保水土交通'[i % 15]}`).join(' 或 '), Array.from({ length: 60 }, (_, i) => `${String.fromCharCode(97 + i % 26)}*`).join(' 或 ')];
  for (const query of queries) {
    const begin = Date.now(), reply = await client.get(`/search.json?limit=1&q=${encodeURIComponent(query)}`);
    assert.ok([200, 422, 400, 413].includes(reply.status), `${query.slice(0, 20)}: ${reply.status}`);
    if (reply.status !== 200) assert.match(reply.text, CHINESE);
    assert.ok(Date.now() - begin < 5000, `${query.slice(0, 20)}: ${Date.now() - begin} ms`);
  }
  // All of them at once: nobody else waits for them.
  let open = true, slowest = 0;
  const probing = (async () => { while (open) { const asked = Date.now(); assert.equal((await ask('法', '&limit=1')).notice, null); slowest = Math.max(slowest, Date.now() - asked); await new Promise(done => setTimeout(done, 20)); } })();
  await Promise.all(queries.map(query => client.get(`/search.json?limit=1&q=${encodeURIComponent(query)}`)));
  open = false;
  await probing;
  assert.ok(slowest < 5000, `another’s question took ${slowest} ms meanwhile`);
  const begin = Date.now(), filters = await client.get(`/search.json?${long('fonds=1&', 800000)}`).catch(failure => failure);
  assert.ok(filters instanceof Error || filters.status >= 400, 'a hundred thousand filters');
  assert.ok(Date.now() - begin < 5000);
  assert.equal((await ask('法', '&limit=1')).notice, null);
});

test('the hits themselves are the scan\'s, to the very last and each once, in every order', needs, async () => {
  for (const [show, asked, sorts] of [['title:法', bare('法', 'title'), ['newest', 'code']], ['行政 -处罚', without(bare('行政'), bare('处罚')), ['relevance', 'newest', 'oldest', 'code']], ['大陸委員會', bare('大陸委員會'), ['relevance', 'newest']]]) {
    const expected = documents.filter((_, i) => asked.find()[i]).map(document => document.id).sort((a, b) => a - b);
    for (const sort of sorts) {
      const { items, hits } = await everyHit(show, `&sort=${sort}`);
      assert.equal(hits, expected.length);
      assert.deepEqual(items.map(item => item.id).sort((a, b) => a - b), expected, `${show} by ${sort}`);
      const dates = items.map(item => item.date_from), dated = dates.filter(Boolean);
      if (sort === 'newest') assert.deepEqual(dated, [...dated].sort((a, b) => b - a));
      if (sort === 'oldest') assert.deepEqual(dated, [...dated].sort((a, b) => a - b));
      if (sort === 'newest' || sort === 'oldest') assert.ok(dates.slice(dated.length).every(date => date === 0), 'undated ones are last');
      if (sort === 'code') assert.deepEqual(items.map(item => item.code), [...items].map(item => item.code).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    }
    if (!sorts.includes('relevance')) continue;
    const inTitle = (await everyHit(show, '&sort=relevance')).items.map(item => show.split(' ')[0] && fold(item.title).includes(patternOf(show.split(' ')[0])));
    assert.ok(inTitle.indexOf(false) === -1 || !inTitle.slice(inTitle.indexOf(false)).includes(true), `${show}: words in titles come first`);
  }
});

test('a small page size and a changed archive between pages lose no hit and repeat none', needs, async () => {
  const expected = (await ask('title:条例')).hits, seen = new Set();
  let key = '', pages = 0;
  do {
    const answer = await ask('title:条例', `&limit=37&sort=newest${key && `&after=${encodeURIComponent(key)}`}`);
    for (const item of answer.items) { assert.ok(!seen.has(item.id), item.title); seen.add(item.id); }
    key = answer.next;
    if (pages++ === 2) { // a record that was shown already goes away from the hits
      const item = answer.items[0], saved = await client.post(`/record/${item.id}/edit`, { form: { title: '改称规章' } });
      assert.equal(saved.status, 200, saved.text);
      assert.equal((await client.post(`/record/${item.id}/edit`, { form: { title: item.title } })).status, 200);
    }
  } while (key);
  assert.equal(seen.size, expected);
});

test('facets add up, equal the scan, and narrow to what they say', needs, async () => {
  const asked = bare('安全'), mine = documents.filter((_, i) => asked.find()[i]), answer = await ask('安全', '&limit=1');
  for (const facet of answer.facets) assert.equal(facet.values.reduce((sum, value) => sum + value.count, 0), answer.hits, facet.name);
  const names = answer.facets.map(facet => facet.name);
  for (const name of ['fonds', 'category', 'year', 'retention', 'opening']) assert.ok(names.includes(name), `facet ${name}`);
  const year = answer.facets.find(facet => facet.name === 'year');
  const counts = {};
  for (const document of mine) counts[document.year] = (counts[document.year] ?? 0) + 1;
  assert.deepEqual(Object.fromEntries(year.values.map(value => [value.value, value.count])), counts);
  for (const facet of answer.facets) for (const value of facet.values.slice(0, 5)) {
    const narrowed = await ask('安全', `&limit=3&${facet.name}=${value.value}`);
    assert.equal(narrowed.hits, value.count, `${facet.name}=${value.value}`);
    assert.deepEqual(narrowed.facets.find(each => each.name === facet.name).values.map(each => [each.value, each.count]), facet.values.map(each => [each.value, each.count]), `${facet.name} ignores its own filter`);
    assert.ok(CHINESE.test(value.label) || /^\d+|[\u4e00-\u9fff]/.test(value.label), `${facet.name} ${value.label}`);
  }
  const two = year.values.slice(0, 2);
  assert.equal((await ask('安全', `&limit=1&year=${two[0].value}&year=${two[1].value}`)).hits, two[0].count + two[1].count, 'any of several');
});

test('traditional and simplified, width, compatibility forms and private use find the same', needs, async () => {
  for (const [a, b] of [['\uF98E', '年'], ['檔案', '档案'], ['ＷＴＯ', 'wto'], ['２００５', '2005'], ['「行政」', '行政'], ['title：條例', 'title:条例'], ['國務院　辦法', '国务院 办法'], ['－法律　規定', '-法律 规定']])
    assert.equal((await ask(a, '&limit=1')).hits, (await ask(b, '&limit=1')).hits, `${a} / ${b}`);
  assert.ok((await ask('\uF98E')).hits > 1000);
  const strange = documents.map(document => /\p{Co}/u.exec([document.raw.title, document.raw.creator, document.raw.docno, document.raw.text, ...Object.values(document.raw.own)].join(' '))).filter(Boolean);
  assert.ok(strange.length > 0, 'the data have private-use characters');
  for (const match of strange.slice(0, 5)) assert.equal((await ask(match[0], '&limit=1')).hits, found(match[0], '').filter(Boolean).length);
});

test('hits are marked where the words stand, in either script', needs, async () => {
  const text = await ask('text:"人民法院"', '&limit=20');
  assert.ok(text.items.length === 20);
  for (const item of text.items) {
    assert.ok(item.snippet.some(part => part.m && fold(part.t).includes('人民法院')), JSON.stringify(item.snippet));
    assert.ok(item.page >= 1);
  }
  for (const item of (await ask('title:檔案', '&limit=50')).items) {
    const marked = item.title_marked.filter(part => part.m).map(part => part.t);
    assert.ok(marked.length > 0 && marked.every(part => /^[檔档]案$/.test(part)), JSON.stringify(item.title_marked));
    assert.equal(item.title_marked.map(part => part.t).join(''), item.title);
  }
  const page = await client.get(`/search?q=${encodeURIComponent('檔案')}`, { html: true });
  assert.match(page.text, /<mark>[檔档]案<\/mark>/);
});

test('query and filters live in the address: the links of a page keep them, and its next page goes on', needs, async () => {
  const address = `/search?q=${encodeURIComponent('安全 -食品')}&opening=0&from=1990&to=2020&sort=newest&limit=20`, answer = (await client.get(address)).json, html = (await client.get(address, { html: true })).text;
  assert.ok(answer.next_href, 'there is more');
  const next = new URL(answer.next_href, server.base).searchParams;
  assert.deepEqual([next.get('q'), next.get('opening'), next.get('from'), next.get('to'), next.get('sort')], ['安全 -食品', '0', '1990', '2020', 'newest']);
  assert.ok(html.includes(answer.next_href.replaceAll('&', '&amp;')), 'the link stands on the page');
  assert.match(html, /value="安全 -食品"/);
  const on = (await client.get(answer.next_href)).json;
  assert.equal(on.hits, answer.hits);
  assert.ok(on.items.every(item => !answer.items.some(earlier => earlier.id === item.id)));
  for (const chip of answer.chips) {
    const less = (await client.get(chip.href)).json;
    assert.ok(less.hits >= answer.hits, chip.label);
    if (chip.kind !== 'word') assert.equal(new URL(chip.href, server.base).searchParams.get('q'), '安全 -食品');
  }
  for (const facet of answer.facets) for (const value of facet.values.slice(0, 3)) {
    const target = new URL(value.href, server.base);
    assert.equal(target.searchParams.get('q'), '安全 -食品');
    assert.equal((await client.get(value.href)).status, 200);
  }
});

test('a malformed query is read as words and says so; only an endless one is refused', needs, async () => {
  for (const q of ['(', '((安全', '安全)', '"安全', 'NOT', 'AND OR', '*', '-', '--', 'title:', 'title: )', ':安全', '安全 OR', 'OR 安全', '没有的:安全', '( ) ( )', '\\', "'; DROP TABLE record; --", '安全 AND', '“安全', 'year:甲', '%', '_', 'a:b:c', '"" ""', '安'.repeat(1500)]) {
    const reply = await client.get(`/search.json?q=${encodeURIComponent(q)}`), page = await client.get(`/search?q=${encodeURIComponent(q)}`, { html: true });
    assert.deepEqual([reply.status, page.status], [200, 200], `${q}: ${reply.text.slice(0, 200)}`);
  }
  for (const q of ['"安全', '((安全', '安全 OR', 'year:甲']) assert.match((await ask(q)).notice, CHINESE, q);
  assert.equal((await ask('"安全')).hits, (await ask('安全')).hits);
  for (const q of ['安'.repeat(3000), Array.from({ length: 100 }, (_, i) => `词${i}`).join(' ')]) {
    const reply = await client.get(`/search.json?q=${encodeURIComponent(q)}`);
    assert.ok(reply.status >= 400 && reply.status < 500, `${reply.status}`);
    assert.match(reply.json.error.message, CHINESE);
  }
  for (const more of ['&after=x', '&after=r0', '&sort=nothing', '&year=甲', '&limit=-5', '&limit=999999', '&from=99999', '&fonds=99999999999999999999']) assert.ok((await client.get(`/search.json?q=${encodeURIComponent('安全')}${more}`)).status < 500, more);
});

test('a field that a delivery brought under its own header can be asked for by that header', needs, async () => {
  const category = documents.filter(document => document.raw.own.类别 === '刑法').length;
  assert.ok(category > 0);
  assert.equal((await ask('类别:刑法', '&limit=1')).hits, category);
});

test('a record saved on a page is found at the next request, and no longer by its former words', needs, async () => {
  const item = (await ask('code:100', '&limit=1')).items[0], before = item.title;
  for (let round = 0; round < 20; round++) {
    const title = `第${round}回改名琉璃厂${round}`;
    assert.equal((await client.post(`/record/${item.id}/edit`, { form: { title } })).status, 200);
    assert.deepEqual((await ask(`"琉璃厂 ${round}"`)).items.map(each => each.id), [item.id], `round ${round}`);
    if (round) assert.equal((await ask(`"琉璃厂 ${round - 1}"`)).hits, 0);
  }
  assert.equal((await client.post(`/record/${item.id}/edit`, { form: { title: before } })).status, 200);
  assert.equal((await ask('琉璃厂')).hits, 0);
  const created = await client.post('/record/new', { form: { parent: item.parent_id, code: '新-1', title: '新来的琉璃瓦罐' } });
  assert.equal(created.status, 200, created.text);
  assert.equal((await ask('琉璃瓦罐')).hits, 1);
  assert.equal((await client.get(`/suggest.json?q=${encodeURIComponent('新来的')}`)).json.items[0]?.text, '新来的琉璃瓦罐');
  assert.equal((await client.post(`${created.json.location}/delete`)).status, 200);
  assert.equal((await ask('琉璃瓦罐')).hits, 0);
});

test('each page that hits is named, no other, and a phrase does not reach over a page’s end', needs, async () => {
  const paged = documents.filter(document => document.raw.pages), HAN = /^\p{Script=Han}{4}$/u;
  assert.equal(paged.length, PAGED_LAWS);
  let many = 0, over = 0;
  const compare = async (document, words) => {
    const pattern = patternOf(words), expected = document.raw.pages.flatMap((page, i) => fold(page).includes(pattern) ? [i + 1] : []), found = [], q = encodeURIComponent(`="${words}"`);
    for (let after = 0, answer; after !== undefined; after = answer.next) {
      answer = (await client.get(`/record/${document.id}/hits?q=${q}&after=${after}`)).json;
      assert.equal(answer.count, expected.length, words);
      found.push(...answer.pages.map(hit => hit.page));
    }
    assert.deepEqual(found, expected, `${document.raw.title}: ${words}`);
    const item = (await everyHit(`全文:="${words}"`, '&fonds=' + (await fondsOf('SEL')))).items.find(each => each.id === document.id);
    assert.equal(item?.page, expected[0], words);
    if (item?.hit_pages) assert.deepEqual(item.hit_pages.map(hit => hit.page), expected.slice(0, item.hit_pages.length), words);
    return expected.length;
  };
  for (const document of paged) {
    const { pages } = document.raw, drawn = new Set();
    for (let n = 0; n < pages.length && drawn.size < 5; n += 7) drawn.add([...pages[n]].slice(100).join('').match(/\p{Script=Han}{4}/u)?.[0]);
    for (const words of [...drawn].filter(Boolean)) many += await compare(document, words) > 1;
    const edges = pages.slice(1).map((page, i) => [...pages[i]].slice(-2).join('') + [...page].slice(0, 2).join('')).filter(words => HAN.test(words));
    for (const words of edges.slice(0, 3)) { await compare(document, words); over++; }
  }
  assert.ok(many > 5 && over > 5, `${many} ${over}`);
});

test('相似档案: another record with the same words stands first, and none is shown beyond the scope', needs, async () => {
  const alike = new Map(), reader = await new Client(server.base).signIn('reader');
  for (const document of documents.filter(each => each.raw.fonds === 'GAZ' && [...each.title].length > 20)) alike.set(document.title, [...(alike.get(document.title) ?? []), document]);
  const twins = [...alike.values()].filter(list => list.length === 2 && list[0].creator === list[1].creator).slice(0, 12);
  assert.ok(twins.length === 12, `${twins.length} pairs`);
  for (const [one, other] of [...twins, ...twins.map(pair => [...pair].reverse())]) {
    const { items } = (await client.get(`/record/${one.id}/like`)).json;
    assert.equal(items[0]?.id, other.id, one.raw.title);
    assert.ok(items.every(item => item.id !== one.id));
  }
  const [[one, other]] = twins, set = (document, opening) => client.post(`/record/${document.id}/edit`, { form: { opening } });
  assert.equal((await set(one, 'open')).status, 200);
  assert.deepEqual((await reader.get(`/record/${one.id}/like`)).json.items, [], 'all others are not open');
  assert.equal((await set(other, 'open')).status, 200);
  assert.deepEqual((await reader.get(`/record/${one.id}/like`)).json.items.map(item => item.id), [other.id]);
  for (const document of [one, other]) assert.equal((await set(document, 'unreviewed')).status, 200);
});

test('a saved search among thousands of hits tells of the one record that is new', needs, async () => {
  const { hits } = await ask('條例', '&limit=1'), mine = async () => (await client.get('/searches')).json.mine[0], alerts = async () => (await client.get('/')).json.alerts;
  assert.ok(hits > 1000);
  assert.equal((await client.post('/searches', { form: { asked: JSON.stringify({ q: '條例' }), name: '条例' } })).status, 200);
  assert.deepEqual([(await mine()).any, await alerts()], [false, []]);
  const parent = (await ask('code:100', '&limit=1')).items[0].parent_id, made = [];
  for (const [code, title] of [['新-2', '档案开放办法'], ['新-3', '档案開放條例']]) made.push((await client.post('/record/new', { form: { parent, code, title } })).json.location);
  const saved = await mine();
  assert.equal(saved.fresh_count, 1);
  assert.deepEqual((await alerts()).map(alert => [alert.name, alert.count]), [['条例', 1]]);
  const look = await client.post(`/searches/${saved.id}/look`);
  assert.deepEqual((await client.get(look.json.location)).json.items.map(item => item.code), ['新-3']);
  assert.deepEqual(await alerts(), []);
  assert.equal((await client.post(`/searches/${saved.id}/delete`)).status, 200);
  for (const place of made) assert.equal((await client.post(`${place}/delete`)).status, 200);
  assert.equal((await ask('條例', '&limit=1')).hits, hits);
});

test('an export takes every hit, however many, each once', needs, async () => {
  const asked = bare('行政'), expected = documents.filter((document, i) => asked.find()[i]).map(document => `${document.raw.fonds} ${document.raw.code}`).sort();
  assert.ok(expected.length > 1000, String(expected.length));
  const form = (await client.get(`/export.json?q=${encodeURIComponent('行政')}`)).json;
  assert.equal((await client.post('/export', { form: { selection: form.chosen.selection, format: 'csv', purpose: '内部工作' } })).status, 200);
  let list;
  for (let i = 0; i < 1200 && (list = (await client.get('/exports.json')).json).waiting; i++) await new Promise(done => setTimeout(done, 25));
  const [made] = list.exports, file = await client.get(`/export/${made.id}/file`), rows = parseCsv(file.bytes.toString('utf8'));
  assert.equal(made.records, expected.length);
  assert.deepEqual(rows.map(row => `${row.全宗号} ${row.档号}`).sort(), expected);
});

test('the command gives the same counts as the page, and so does a new index', needs, async () => {
  const words = ['年', '檔案', '行政 -处罚', 'title:条例', '"人民法院"', 'year:2005'], counts = await Promise.all(words.map(async q => (await ask(q, '&limit=1')).hits));
  await server.stop();
  server = undefined;
  for (const [i, q] of words.entries()) assert.equal(await hitsByCommand(dir, q), counts[i], q);
  const first = await lantai(dir, 'search', '档案', '--json', '--limit', '5', '--facet', 'year'), second = await lantai(dir, 'search', '档案', '--json', '--limit', '5', '--after', first.json.next);
  assert.deepEqual([first.json.items.length, second.json.items.length, second.json.hits], [5, 5, first.json.hits]);
  assert.ok(second.json.items.every(item => !first.json.items.some(earlier => earlier.id === item.id)));
  assert.equal(first.json.facet.reduce((sum, value) => sum + value.count, 0), first.json.hits);
  const again = await lantai(dir, 'reindex', '--json');
  assert.equal(again.status, 0, again.stderr);
  for (const [i, q] of words.entries()) assert.equal(await hitsByCommand(dir, q), counts[i], `${q} after reindex`);
  await assertClean(dir);
});
