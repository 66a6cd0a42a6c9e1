// One delivery made of the real laws and the gazette: long laws cut into pages, laws dated as older archives write, and a record of every category filled with the names of
// persons, numbers, days and words that stand there. Each row comes with what it is, worked out here and not by the program.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { csv, write } from './make.mjs';
import { root, temporary } from './support.mjs';

export const PAGED_LAWS = 6;
const PAGE_CHARACTERS = 900, DATED_LAWS = 90;

// ---- dates ----

const DIGITS = [...'〇一二三四五六七八九'], two = n => String(n).padStart(2, '0');
const counted = n => n < 10 ? DIGITS[n] : `${n < 20 ? '' : DIGITS[n / 10 | 0]}十${n % 10 ? DIGITS[n % 10] : ''}`;
const spelt = year => [...String(year)].map(digit => DIGITS[digit]).join('');
const REIGNS = [['民國', 1912], ['宣統', 1909], ['光緒', 1875], ['同治', 1862]];
export function reign(year) {
  const [name, first] = REIGNS.find(each => year >= each[1]);
  return `${name}${year === first ? '元' : counted(year - first + 1)}年`;
}
const cycle = year => '甲乙丙丁戊己庚辛壬癸'[(year - 4) % 10] + '子丑寅卯辰巳午未申酉戌亥'[(year - 4) % 12];
const span = (from, to) => ({ from, to }), years = (first, last = first) => span(first * 10000 + 101, last * 10000 + 1231), month = (y, m) => span(y * 10000 + m * 100 + 1, y * 10000 + m * 100 + new Date(y, m, 0).getDate());
// How a day of year y may stand in a catalogue; o is a year of 1862 to 1948. From the rules in words (docs/search.zh.md, docs/import-format.zh.md).
const WRITTEN = [
  ({ o }) => [reign(o), years(o)], ({ o }) => [`${reign(o)}（${cycle(o)}）`, years(o)], ({ o }) => [`[${reign(o)}]`, years(o)],
  ({ o, m }) => { const year = 1875 + o % 34; return [`${reign(year)}${counted(m)}月`, years(year)]; }, // months of the moon are not told in days of the sun
  ({ o, m }) => { const year = 1912 + o % 37; return [`${reign(year)}${counted(m)}月`, month(year, m)]; },
  ({ o, m, d }) => { const year = 1912 + o % 37, day = year * 10000 + m * 100 + d; return [`民国${year - 1911}年${m}月${d}日`, span(day, day)]; },
  ({ y }) => [`${y / 10 | 0}×`, years((y / 10 | 0) * 10, (y / 10 | 0) * 10 + 9)], ({ y }) => [`${y / 10 | 0}0年代`, years((y / 10 | 0) * 10, (y / 10 | 0) * 10 + 9)],
  ({ y }) => [`[${y}]`, years(y)], ({ y }) => [`约${y}年`, years(y)], ({ y }) => [`${y}?`, years(y)], ({ y }) => [`${y}0000`, years(y)], ({ y }) => [`${y}-${y + 3}`, years(y, y + 3)],
  ({ y, m }) => [`${spelt(y)}年${counted(m)}月`, month(y, m)], ({ y, m }) => [`${y}${two(m)}00`, month(y, m)],
  ({ y }) => [`${y}年春`, span(y * 10000 + 101, y * 10000 + 531)], ({ y, m }) => [`${y}年${m}月上旬`, span(y * 10000 + m * 100 + 1, y * 10000 + m * 100 + 10)],
  ({ o }) => [`${reign(o)}至${reign(o + 2)}`, years(o, o + 2)],
];

// ---- persons ----

const signersOf = gazette => [...new Set(gazette.flatMap(row => row.own.签署.split(';').map(one => one.split(' ').at(-1))).filter(name => /^\p{Script=Han}{2,4}$/u.test(name)))];
const licensedOf = gazette => [...new Set(gazette.flatMap(row => /(?:核准|准)(\p{Script=Han}{2,4}?)君/u.exec(row.title)?.[1] ?? []))];
export const categoriesOf = () => readdirSync(path.join(root, 'definitions', 'categories')).sort().map(name => {
  const text = readFileSync(path.join(root, 'definitions', 'categories', name), 'utf8'), whole = key => new RegExp(`^${key}: (.+)$`, 'm').exec(text)[1];
  const fields = text.split(/\n {2}- key: /).slice(1).map(part => ({ label: /\n {4}label: (.+)/.exec(part)?.[1], type: /\n {4}type: (\w+)/.exec(part)?.[1], levels: / {4}levels: /.test(part) })).filter(field => field.type && !field.levels);
  return { code: whole('code'), title: whole('title'), fields };
});

// Of a category all persons and codes, two dates and two texts.
function chosenFields(category) {
  const left = { person: 9, code: 9, date: 2, text: 2 };
  return category.fields.filter(field => left[field.type]-- > 0);
}

function categoryRows(laws, gazette) {
  const signers = signersOf(gazette), licensed = licensedOf(gazette), numbers = [...new Set(gazette.map(row => /\d{8,}/.exec(row.docno)?.[0]).filter(Boolean))], words = [...new Set(gazette.flatMap(row => row.own.主题词.split(';')))].filter(word => /^\p{Script=Han}{4,}$/u.test(word));
  const dated = gazette.filter(row => row.days), rows = [];
  let at = 0;
  for (const category of categoriesOf()) {
    const own = {}, days_of = {};
    for (const field of chosenFields(category)) {
      at++;
      if (field.type === 'person') own[field.label] = signers[at % signers.length];
      else if (field.type === 'code') own[field.label] = numbers[at * 3];
      else if (field.type === 'text') own[field.label] = words[at * 7 % words.length];
      else { const row = dated[at * 29 % dated.length]; own[field.label] = row.written; days_of[field.label] = row.days; }
    }
    rows.push({ code: `SEL-${category.code}-1`, title: gazette[at].title, category, own, days_of });
  }
  // Several persons in one field, some of whose names begin with another's; all real.
  const ws = categoriesOf().find(category => category.code === 'WS'), among = name => { const place = licensed.indexOf(name); return [licensed[place + 1], name, licensed[place + 2]]; };
  for (const [i, names] of [['李明'], ['李明哲'], among('李明'), among('李明哲'), ['黃文'], ['黃文雄', '黃文']].entries())
    rows.push({ code: `SEL-WS-${i + 2}`, title: laws[i].title, category: ws, own: { 人名: names.join(['、', '；', ';'][i % 3]) } });
  return rows;
}

export function drawnDelivery(laws, gazette) {
  const folder = temporary(), long = laws.filter(law => law.text.length > 30_000).slice(0, PAGED_LAWS), day = law => ({ y: law.days / 10000 | 0, m: (law.days / 100 | 0) % 100, d: law.days % 100 });
  mkdirSync(path.join(folder, 'files'));
  const paged = long.map((law, i) => {
    const characters = [...law.text], pages = Array.from({ length: Math.ceil(characters.length / PAGE_CHARACTERS) }, (_, n) => characters.slice(n * PAGE_CHARACTERS, (n + 1) * PAGE_CHARACTERS).join(''));
    write(path.join(folder, 'files', `p${i}.txt`), pages.join('\f'));
    return { code: `SEL-P-${i}`, title: `${law.title}分页本`, file: `p${i}.txt`, pages, text: pages.join(' ') };
  });
  const old = laws.filter(law => law.days).filter((_, i) => i % 30 === 7).slice(0, DATED_LAWS).map((law, i) => {
    const [written, { from, to }] = WRITTEN[i % WRITTEN.length]({ ...day(law), o: 1862 + i * 11 % 85 });
    return { code: `SEL-D-${two(i)}`, title: law.title, written, year: from / 10000 | 0, days: from, until: to };
  });
  const rows = [...paged, ...old, ...categoryRows(laws, gazette)], labels = [...new Set(rows.flatMap(row => Object.keys(row.own ?? {})))];
  const table = [['档号', '题名', '保管期限', '电子档案名称', '日期', '年度', '门类', ...labels], ...rows.map(row => [row.code, row.title, '永久', row.file, row.written, row.year, row.category?.code ?? 'WS', ...labels.map(label => row.own?.[label])])];
  return { catalogue: write(path.join(folder, '目录.csv'), csv(table)), files: path.join(folder, 'files'), dated: old.length,
    rows: rows.map(row => ({ fonds: 'SEL', creator: '', docno: '', own: {}, year: 0, days: 0, text: '', ...row })) };
}
