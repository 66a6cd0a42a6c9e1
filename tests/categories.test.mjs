// Every shipped category with every field of it: taken in under each heading it is known by, found by each field, kept from readers where it is not public, out as a table and
// back; and the questions that are asked at a counter, over the demonstration archive.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { dump, emptyArchive, query, take } from './archive.mjs';
import { csv, write } from './make.mjs';
import { Client, demo, lantai, PASSWORD, root, serve, temporary } from './support.mjs';

const SURNAMES = [...'王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐'], GIVEN = [...'桂兰梅菊荷莲松柏桐槐杉榆柳杨桃李杏枣梨橘橙柚'];
const folder = temporary('lantai-categories-');
let dir, server, archivist, reader, categories;
const cases = []; // {category, code, open, values: {key: value}}

// A value of the field's kind that no other field has.
function valueOf(field, category, row, index) {
  const number = category * 1000 + index * 10 + row;
  if (field.values.length) return field.values[row % field.values.length];
  if (field.type === 'flag') return row ? '是' : '否';
  if (field.type === 'number') return String(700000 + number);
  if (field.type === 'date') return `${1950 + category}-${String(1 + index % 12).padStart(2, '0')}-${String(1 + (index * 2 + row) % 28).padStart(2, '0')}`;
  if (field.type === 'person') return `${SURNAMES[category]}${GIVEN[index % GIVEN.length]}${row ? '芳' : '强'}`;
  if (field.type === 'code') return `42990019${500000 + number}`;
  return `临江${field.label}第${90000 + number}`;
}

before(async () => {
  dir = await emptyArchive();
  for (const [name, role] of [['archivist', 'archivist'], ['reader', 'reader']])
    assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密')).status, 0);
  server = await serve(dir);
  archivist = await new Client(server.base).signIn('archivist');
  categories = (await archivist.get('/categories')).json.categories.filter(each => each.code);
  await server.stop();
  for (const category of categories) {
    const rows = [0, 1].map(row => Object.fromEntries(category.fields.map((field, index) => [field.key, valueOf(field, category.id, row, index)])));
    // the first row under the first other heading of each field (pinyin), the second one under the last
    for (const row of [0, 1]) {
      const heading = field => { const known = field.aliases ? field.aliases.split('、') : []; return (row ? known.at(-1) : known[0]) ?? field.label; };
      const code = `${category.code}-${row + 1}`, table = [['档号', '题名', '开放标识', '层级', ...category.fields.map(heading)]];
      const level = field => field.level || '文件';
      table.push([code, `${category.title}第${row ? '二' : '一'}件`, row ? '控制' : '开放', '案卷', ...category.fields.map(field => rows[row][field.key])]);
      const report = await take(dir, write(path.join(folder, `${code}.csv`), csv(table)), '--fonds', 'K001', '--category', category.code);
      assert.deepEqual([report.created, report.rejected, report.warnings], [1, [], []], `${code} ${level(category.fields[0])}`);
      cases.push({ category, code, open: !row, values: rows[row] });
    }
  }
  await take(dir, write(path.join(folder, 'dates.csv'), csv([['档号', '题名', '男方姓名', '登记日期', '男方出生日期', '开放标识'], ['RQ-1', '一', '甲', '民国二十六年七月', '1912', '开放'],
    ['RQ-2', '二', '乙', '1937年', '1913-02-03', '开放'], ['RQ-3', '三', '丙', '1938.1.5', '民国三年', '开放']])), '--fonds', 'K002', '--category', 'HY');
  server = await serve(dir);
  [archivist, reader] = await Promise.all(['archivist', 'reader'].map(name => new Client(server.base).signIn(name)));
});
after(async () => { await server?.stop(); });

const ask = async (client, words) => (await client.get(`/search?limit=50&q=${encodeURIComponent(words)}`)).json;
const codes = answer => answer.items.filter(each => each.is_described).map(each => each.code).sort();
// What the form for one category gives: the address with the words, and the hits there.
async function fillIn(client, category, pairs) {
  const sent = await client.get(`/search?category=${category.id}&${pairs.map(([key, value]) => `field=${key}&value=${encodeURIComponent(value)}`).join('&')}`);
  assert.equal(sent.status, 200, sent.text.slice(0, 300));
  const target = sent.json.location;
  return { target, answer: (await client.get(target)).json };
}

test('every category says what it has, in groups, and no two fields mean the same', () => {
  assert.ok(categories.length >= 22, String(categories.length));
  for (const category of categories) {
    assert.ok(category.fields.length >= 8, `${category.code}: ${category.fields.length} fields`);
    assert.ok(category.fields.every(field => field.group), category.code);
    assert.ok(category.fields.some(field => field.listed), category.code);
    for (const field of category.fields) {
      if (/证件号|身份证号|住址|户口所在地|社会保障号|出生日期|联系电话/.test(field.label)) assert.equal(field.staff, true, `${category.code} ${field.label} is public`);
      for (const other of categories) for (const its of other.fields)
        assert.equal(its.key === field.key, its.label === field.label, `${category.code} ${field.label}, ${other.code} ${its.label}`);
    }
  }
});

test('the page of what tables may look like names every field of every category with its headings', () => {
  const page = readFileSync(path.join(root, 'docs', 'import-format.zh.md'), 'utf8');
  for (const category of categories) {
    const [, after = ''] = page.split(`#### ${category.code} ${category.title}\n`), section = after.split('\n#### ')[0];
    for (const field of category.fields) {
      const row = section.split('\n').find(line => line.endsWith(`| \`${field.key}\` |`)) ?? '';
      assert.ok(row.startsWith(`| ${field.label}`), `${category.code} ${field.label}: ${row}`);
      for (const name of field.aliases.split('、')) if (/^\p{Script=Han}+$/u.test(name)) assert.ok(row.includes(name), `${category.code} ${field.label}: ${name}`);
      assert.equal(/不公开/.test(row), field.staff, `${category.code} ${field.label}`);
    }
  }
});

test('headings of each kind come to the same fields, and the page shows them in their groups', async () => {
  const stored = new Map((await query(dir, 'SELECT id, code, fields FROM record WHERE level > 2')).map(each => [each.code, each]));
  for (const { category, code, values } of cases) assert.deepEqual(JSON.parse(stored.get(code).fields), values, code);
  for (const { category, code, values } of cases.filter(each => each.open)) {
    const page = await archivist.get(`/record/${stored.get(code).id}`, { html: true }), model = (await archivist.get(`/record/${stored.get(code).id}`)).json;
    assert.equal(page.status, 200);
    const groups = Object.fromEntries(model.groups.map(each => [each.title, Object.fromEntries(each.rows.map(row => [row.label, row.value]))]));
    for (const field of category.fields) assert.equal(groups[field.group][field.label], values[field.key], `${code} ${field.label}`);
  }
});

test('the form of a long category: each group once, what is wanted open, the seldom filled folded under its names, open again when filled', async () => {
  const [fonds] = await query(dir, 'SELECT id FROM record WHERE level = 1'), long = cases.find(each => each.category.code === 'LY' && each.open);
  const form = (await archivist.get(`/record/new?parent=${fonds.id}&category=LY`)).json.own_inputs, headings = form.filter(each => each.heading).map(each => each.heading);
  const groups = [...new Set(long.category.fields.map(field => field.group))];
  assert.deepEqual(headings, groups);
  const folded = [];
  for (let i = 0, within = false; i < form.length; i++) {
    if (form[i].fold) within = true;
    if (within) folded.push(form[i].name);
    if (form[i].fold_end) within = false;
  }
  const seldom = long.category.fields.filter(field => field.group !== groups[0] && !field.required && !field.expected && !field.listed).map(field => field.key);
  assert.deepEqual(folded.sort(), seldom.filter(key => form.some(each => each.name === key)).sort());
  assert.ok(folded.length > 10);
  const [record] = await query(dir, `SELECT id FROM record WHERE code = '${long.code}'`), filled = (await archivist.get(`/record/${record.id}/edit`)).json.own_inputs;
  assert.ok(filled.length >= long.category.fields.length && !filled.some(each => each.fold), 'what is filled is not folded');
});

// What DA/T 18-2022 lists for a file, and what DA/T 46-2009 adds to it that people write, by the name our form has; what the program knows by itself (层级, 格式, 大小, 存储位置 …) is on the record's page.
const ELEMENTS = { 档号: '档号', 题名: '题名', 日期: '日期', 责任者: '责任者', 保管期限: '保管期限', 开放标识: '开放标识', 文件编号: '文号', 载体形态: '载体形态', 密级: '密级', 范围和提要: '摘要', 人名: '人名', 稿本: '稿本',
  文种: '文种', 附件: '附件', 生成方式: '生成方式', 公开属性: '公开属性', 语言: '语种', 主题词: '主题词', 分类号: '分类号', 缩微号: '缩微号', 原件存放位置: '原件存放位置', 复制件存放位置: '复制件存放位置', 附注: '备注',
  著录者: '著录者', 著录日期: '著录日期', 年度: '年度', 机构或问题: '机构或问题', 并列题名: '并列题名', 副题名: '副题名', 主送: '主送', 抄送: '抄送', 紧急程度: '紧急程度', 保密期限: '保密期限', 页数: '页数', 知识产权说明: '知识产权说明' };
test('a form for 文书档案 has every element of DA/T 18-2022 and DA/T 46-2009 that people write', async () => {
  const [{ id }] = await query(dir, "SELECT id FROM record WHERE code = 'K001-WS'"), page = (await archivist.get(`/record/new?form=1&parent=${id}&level=item&category=WS`, { html: true })).text;
  const labels = new Set([...page.matchAll(/<label[^>]*>\s*([^<]+?)\s*</g)].map(([, label]) => label.replace(/[（*].*/, '')));
  assert.deepEqual(Object.entries(ELEMENTS).filter(([, label]) => !labels.has(label)), [], [...labels].join(' '));
});

test('each field finds its record and no other, by its name and on the form', async () => {
  for (const { category, code, values } of cases)
    for (const field of category.fields) {
      const same = cases.filter(each => each.category.fields.some(its => its.key === field.key) && each.values[field.key] === values[field.key]).map(each => each.code).sort();
      assert.deepEqual(codes(await ask(archivist, `${field.label}:"${values[field.key]}"`)), same, `${code} ${field.label}`);
      const own = same.filter(each => each.startsWith(`${category.code}-`)), filled = await fillIn(archivist, category, [[field.key, values[field.key]]]);
      assert.deepEqual(codes(filled.answer), own, `${code} ${field.label}: ${decodeURIComponent(filled.target)}`);
    }
});

test('several fields of the form must all be met; years and months of dates; what is asked stays in the address', async () => {
  const [first] = cases.filter(each => each.category.code === 'HY'), { category, values } = first, form = (await archivist.get(`/search?category=${category.id}&by=1`)).json.by_field;
  assert.equal(form.chosen.open, true);
  assert.deepEqual([...form.chosen.inputs, ...form.chosen.more].map(each => each.key).filter(key => values[key]).sort(), Object.keys(values).sort());
  assert.deepEqual(codes((await fillIn(archivist, category, [['nfxm', values.nfxm], ['nvxm', values.nvxm]])).answer), [first.code]);
  assert.deepEqual(codes((await fillIn(archivist, category, [['nfxm', values.nfxm], ['nvxm', '查无此人']])).answer), []);
  for (const date of [values.djrq, values.djrq.slice(0, 7), values.djrq.slice(0, 4)]) assert.ok(codes((await fillIn(archivist, category, [['djrq', date]])).answer).includes(first.code), date);
  assert.deepEqual(codes((await fillIn(archivist, category, [['djrq', '1901']])).answer), []);
  const odd = await fillIn(archivist, category, [['nfxm', '"(非 或'], ['nope', 'x'], ['hyzt', '']]);
  assert.deepEqual(codes(odd.answer), []);
});

test('who sees open records only neither sees nor finds what is not public, whatever way he asks', async () => {
  const stored = new Map((await query(dir, 'SELECT id, code FROM record WHERE level > 2')).map(each => [each.code, each.id]));
  for (const { category, code, open, values } of cases) {
    const page = await reader.get(`/record/${stored.get(code)}`, { html: true });
    assert.equal(page.status, open ? 200 : 404, code);
    const offered = (await reader.get(`/search?category=${category.id}`)).json.by_field.chosen;
    for (const field of category.fields) {
      const value = values[field.key], asked = [`${field.label}:"${value}"`, `"${value}"`, `${field.label}:=“${value}”`, `${field.key}:${value.slice(0, -2)}*`];
      if (!field.staff) {
        if (open) assert.ok(codes(await ask(reader, asked[0])).includes(code), `${code} ${field.label}`);
        continue;
      }
      assert.ok(!page.text.includes(value), `${code} ${field.label} is shown`);
      assert.ok(![...offered.inputs, ...offered.more].some(each => each.key === field.key), `${field.label} is offered`);
      for (const words of asked) {
        assert.ok(!codes(await ask(reader, words)).includes(code), `${code} is found by ${words}`);
        if (field.type !== 'date') assert.ok(codes(await ask(archivist, words)).includes(code), `${code} is not found by ${words} by who may`);
      }
      assert.deepEqual(codes((await fillIn(reader, category, [[field.key, value]])).answer).filter(each => each === code && field.staff), [], `${code} ${field.label} on the form`);
      assert.ok(!(await reader.get(`/suggest?q=${encodeURIComponent(value.slice(0, 4))}`)).text.includes(value));
    }
  }
});

test('a field that becomes public is found by readers, and one that ceases to be no longer is, as soon as that is in force', async () => {
  const [first] = cases.filter(each => each.category.code === 'SS'), number = first.values.anh, change = async (from, to) => {
    const { yaml } = (await archivist.get('/categories/SS/yaml')).json;
    assert.ok(yaml.includes(from), yaml);
    for (const [target, form] of [['yaml', { yaml: yaml.replace(from, to) }], ['enforce', { accept: 1 }]]) assert.equal((await archivist.post(`/categories/SS/${target}`, { form })).status, 200);
  };
  assert.deepEqual(codes(await ask(reader, `案号:"${number}"`)), [first.code]);
  await change('    label: 案号\n', '    label: 案号\n    public: false\n');
  assert.deepEqual(codes(await ask(reader, `案号:"${number}"`)), []);
  assert.deepEqual(codes(await ask(archivist, `案号:"${number}"`)), [first.code]);
  assert.ok(!(await ask(archivist, number)).notice); // the index is not made anew: the category's records changed their places in it
  assert.deepEqual(codes(await ask(reader, `"${number}"`)), []);
  assert.deepEqual(codes(await ask(archivist, `"${number}"`)), [first.code]);
  await change('    public: false\n    group: 案件\n', '    group: 案件\n').catch(() => change('    public: false\n', '    public: true\n'));
  assert.deepEqual(codes(await ask(reader, `案号:"${number}"`)), [first.code]);
  const bad = (await archivist.get('/categories/SS/yaml')).json.yaml.replace('    label: 案由\n', '    label: 案由\n    public: false\n');
  assert.match((await archivist.post('/categories/SS/yaml', { form: { yaml: bad } })).json.problem, /不能用在 title_rule/);
});

test('a date of a category is asked by the days it means, as a span, and within what is only partly known', async () => {
  const found = async (words, client = archivist) => codes(await ask(client, words));
  assert.deepEqual(await found('登记日期:1937-07-07'), ['RQ-1', 'RQ-2']);
  assert.deepEqual(await found('登记日期:1937-08'), ['RQ-2']);
  assert.deepEqual(await found('登记日期:1937-09..1938-01-05'), ['RQ-2', 'RQ-3']);
  assert.deepEqual(await found('登记日期:-1938 NOT 登记日期:民国二十六年'), ['RQ-3']);
  assert.deepEqual(await found('男方出生日期:1912..1914'), ['RQ-1', 'RQ-2', 'RQ-3']);
  assert.deepEqual(await found('男方出生日期:1912..1914', reader), []); // kept from readers: not to be found by its days either
});

test('hits of one category stand in the order of a date of their own, on every page, on paper and in a table that leaves', async () => {
  const at = (query, client = archivist) => client.get(`/search?${query}`), list = async query => (await at(query)).json, by = field => `sort=${encodeURIComponent(field)}`;
  const [{ id: marriage }] = categories.filter(each => each.code === 'HY'), own = `q=${encodeURIComponent('档号:RQ*')}`;
  for (const [way, wanted] of [['oldest', ['RQ-1', 'RQ-2', 'RQ-3']], ['newest', ['RQ-3', 'RQ-1', 'RQ-2']]]) { // of 1937 alone is behind all of 1937
    const sort = by(`登记日期.${way}`), read = [];
    for (let target = `/search?${own}&${sort}&limit=1`; target;) { const { json } = await archivist.get(target); read.push(json.items[0].code); target = json.next_href && `${json.next_href}&limit=1`; }
    assert.deepEqual(read, wanted, way);
    assert.deepEqual((await list(`${own}&${sort}`)).items.map(each => each.sorted_by.value), wanted.map(code => ({ 'RQ-1': '民国二十六年七月', 'RQ-2': '1937年', 'RQ-3': '1938.1.5' })[code]));
    const page = (await archivist.get(`/search?${own}&${sort}`, { html: true })).text;
    assert.deepEqual([page.match(/民国二十六年七月/g).length, page.match(/<span>登记日期 1938\.1\.5<\/span>/g).length], [1, 1], 'the date it is is said once, by the name it has');
    assert.deepEqual((await archivist.get(`/search/print?${own}&${sort}`)).json.rows.map(row => row.code), wanted);
    const second = (await archivist.get(`/search/hit?${own}&${sort}&n=2`)).json.location, [{ id }] = await query(dir, `SELECT id FROM record WHERE code = '${wanted[1]}'`);
    assert.ok(second.startsWith(`/record/${id}?`), second);
    const { chosen } = (await archivist.get(`/export.json?${own}&${sort}`)).json;
    assert.equal((await archivist.post('/export', { form: { selection: chosen.selection, format: 'csv', purpose: '内部工作' } })).status, 200);
    let made;
    for (let i = 0; i < 400 && (made = (await archivist.get('/exports.json')).json).waiting; i++) await new Promise(done => setTimeout(done, 25));
    const table = (await archivist.get(`/export/${made.exports[0].id}/file`)).bytes.toString('utf8');
    assert.deepEqual(table.match(/RQ-\d/g), wanted, 'as they stand on the page');
  }
  const dated = (await list(`category=${marriage}&${by('登记日期.newest')}&limit=50`)).items, days = dated.map(each => each.sorted_by?.value);
  assert.ok(dated.length >= 6 && days.indexOf(undefined) > 4 && days.slice(days.indexOf(undefined)).every(day => day === undefined), 'what has none is behind all that have one');
  const offered = async (query, client) => (await at(query, client)).json.sorts.map(each => each.label).slice(4);
  for (const query of [own, `category=${marriage}`]) { // all hits are of one category, or one is asked for
    assert.deepEqual(await offered(query), ['男方出生日期从新到旧', '女方出生日期从新到旧', '登记日期从新到旧']);
    assert.deepEqual(await offered(query, reader), ['登记日期从新到旧']);
  }
  assert.deepEqual(await offered(`${own}&${by('登记日期.oldest')}`, reader), ['登记日期从新到旧', '登记日期从旧到新']);
  assert.deepEqual(await offered(''), []);
  for (const client of [reader, new Client(server.base)]) { // who may not see a date is not told that there is one, nor in which order they are
    const [closed, none] = await Promise.all(['男方出生日期', '没有日期'].map(label => at(`${own}&${by(`${label}.oldest`)}`, client)));
    assert.deepEqual([closed.status, closed.text.replaceAll('男方出生日期', '没有日期')], [422, none.text]);
  }
  for (const word of ['男方姓名.oldest', '登记日期.sideways', '.oldest', '登记日期']) assert.equal((await at(`${own}&${by(word)}`)).status, 422, word);
});

test('names in the fields of persons and bodies are offered to be tied, and no longer when they are', async () => {
  const [first] = cases.filter(each => each.category.code === 'ZP'), [{ id }] = await query(dir, `SELECT id FROM record WHERE code = '${first.code}'`);
  const made = await archivist.post('/authority/new', { form: { kind: 'person', name: first.values.rw } });
  assert.equal(made.status, 200, made.text.slice(0, 300));
  const offered = (await archivist.get(`/record/${id}/links`)).json;
  assert.deepEqual([offered.suggested.map(each => each.name), offered.tied, offered.roles[0].label], [[first.values.rw], false, '责任者']);
  assert.ok(!(await archivist.get(`/record/${id}/links`, { html: true })).text.includes('<table'), 'no heads of columns over nothing');
  assert.equal((await archivist.post(`/record/${id}/links`, { form: { target: offered.suggested[0].id, role: 'subject' } })).status, 200);
  const wrong = { code: '没有-1', relation: 'reply', note: '手写' }, again = await archivist.post(`/record/${id}/links`, { form: wrong });
  assert.deepEqual([again.status, again.json.code, again.json.note, again.json.related_roles.find(each => each.chosen).value], [422, '没有-1', '手写', 'reply'], 'what was typed stays');
  assert.match((await archivist.post(`/record/${id}/links`, { form: wrong, html: true })).text, /没有档号为“没有-1”的档案[\s\S]*value="没有-1"/);
  const now = (await archivist.get(`/record/${id}/links`)).json;
  assert.deepEqual([now.suggested, now.authorities.map(each => each.name), now.tied], [[], [first.values.rw], true]);
});

test('the date of a record is that of what it is about, never a birthday', async () => {
  const rows = Object.fromEntries((await query(dir, 'SELECT code, date_text FROM record WHERE level > 2')).map(each => [each.code, each.date_text]));
  for (const [code, key] of [['TX', 'txsj'], ['HY', 'djrq'], ['SS', 'jarq'], ['ZP', 'sysj'], ['RS', 'swsj'], ['TY', 'tyrq'], ['ZG', 'zgrq']])
    assert.equal(rows[`${code}-1`], cases.find(each => each.code === `${code}-1`).values[key], code);
});

for (const format of ['xlsx', 'csv'])
  test(`every category goes out as a table (${format}) and comes back equal`, async () => {
    await server?.stop();
    server = undefined;
    const again = await emptyArchive(), facts = async archive => (await dump(archive)).records.filter(each => each.level > 2).map(({ code, title, fields, category, opening, date_text }) =>
      ({ code, title, fields: JSON.parse(fields), category, opening, date_text })).sort((a, b) => a.code < b.code ? -1 : 1);
    const target = path.join(folder, `all.${format}`), out = await lantai(dir, 'export', '--query', '', '--format', format, target, '--json');
    assert.equal(out.status, 0, out.stderr);
    await take(again, target);
    assert.deepEqual(await facts(again), await facts(dir));
  });

test('at the counter of the demonstration archive: by either name, by parcel, case number, person or place of a photograph', async () => {
  const house = await demo(), own = await serve(house);
  try {
    const clerk = await new Client(own.base).signIn('archivist');
    const one = async (code, where = '1') => { const [row] = await query(house, `SELECT r.code, r.fields FROM record AS r JOIN category AS c ON c.id = r.category WHERE c.code = '${code}'
      AND r.level > 2 AND ${where} ORDER BY r.id LIMIT 1`); return { code: row.code, ...JSON.parse(row.fields) }; };
    const land = await one('TD'), marriage = await one('HY'), suit = await one('SS'), photograph = await one('ZP', "json_extract(fields, '$.rw') IS NOT NULL"), drawing = await one('KJ');
    for (const [words, record] of [[`男方姓名:${marriage.nfxm} 女方姓名:${marriage.nvxm}`, marriage], [`姓名:${marriage.nvxm} 年度:${marriage.djrq.slice(0, 4)}`, marriage], [`地块编号:${land.dkbh}`, land],
      [`案号:"${suit.anh}"`, suit], [`原告:${suit.yg} 被告:${suit.bg}`, suit], [`人物:${photograph.rw.split('、')[0]} 拍摄地点:${photograph.sydd}`, photograph], [`底片号:${photograph.dph}`, photograph],
      [`图号:${drawing.th} 项目编号:${drawing.xmbh}`, drawing], [`男方证件号:${marriage.nfzjh}`, marriage]])
      assert.ok(codes(await ask(clerk, words)).includes(record.code), words);
    // The help page's examples find something, but for those of a time or a name that a small demonstration has nothing of.
    const absent = ['水库 非 加固', '水库 -加固', '全文:请示', '年度:光绪三十四年', '年度:民国二十六年至三十四年', '抗战时期', '日期:1949年以前', '姓名:LI Nyu', '姓名:万俟哲', '革委会', '="北平"'];
    const help = (await clerk.get('/help/search', { html: true })).text, examples = [...help.matchAll(/href="\/search\?q=([^"]+)"/g)].map(match => match[1].replaceAll('&quot;', '"')), empty = [];
    for (const example of examples) if (!absent.includes(example) && !(await ask(clerk, example)).hits) empty.push(example);
    assert.deepEqual(empty, []);
    const used = await query(house, 'SELECT c.code, COUNT(*) AS n FROM record AS r JOIN category AS c ON c.id = r.category WHERE r.level > 2 GROUP BY c.code');
    assert.deepEqual(used.map(each => each.code).sort(), categories.map(each => each.code).sort(), 'the demonstration has every category');
    const counted = (await clerk.get('/authorities/candidates')).json.rows.filter(each => /委员会$/.test(each.text));
    assert.deepEqual([counted.length > 0, counted.flatMap(each => each.matches.map(its => its.name)).filter(name => /政府/.test(name))], [true, []], 'no committee is the government because that was called 人民委员会');
    const [volume] = await query(house, "SELECT code, year FROM record WHERE level = 3 AND date_text = '' AND year > 0 ORDER BY id LIMIT 1"), asked = `q=${encodeURIComponent(`档号:"${volume.code}"`)}`;
    for (const [address, place] of [[`/search?${asked}`, `<span>${volume.year}</span>`], [`/search/print?${asked}`, `data-label="日期">${volume.year}</td>`]])
      assert.ok((await clerk.get(address, { html: true })).text.includes(place), `${address}: what has no date has its year`);
  } finally { await own.stop(); }
  const [photograph] = await query(house, "SELECT r.code FROM record AS r JOIN category AS c ON c.id = r.category WHERE c.code = 'ZP' AND r.level = 4 ORDER BY r.id LIMIT 1");
  const sheet = path.join(folder, 'correct.xlsx'), out = await lantai(house, 'export', '--query', `档号:"${photograph.code}"`, '--format', 'sheet', sheet, '--json');
  assert.equal(out.status, 0, out.stderr);
  const cells = execFileSync('unzip', ['-p', sheet, 'xl/worksheets/sheet1.xml'], { encoding: 'utf8' });
  for (const field of categories.find(each => each.code === 'ZP').fields) assert.ok(cells.includes(`<t>${field.label}</t>`), `${field.label} can be filled in`);
});
