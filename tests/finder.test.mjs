// The search pages on a small archive: searching within results, chips, walking the hits, the pages that hit, printing, what is offered when nothing is found.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { emptyArchive, query, take } from './archive.mjs';
import { csv, write } from './make.mjs';
import { Client, lantai, PASSWORD, serve, temporary } from './support.mjs';

let dir, server, staff, reader, everybody, ids;
const encode = encodeURIComponent;
before(async () => {
  dir = await emptyArchive();
  const folder = temporary(), rows = [['档号', '题名', '责任者', '日期', '开放状态', '密级', '保管期限', '电子档案名称']];
  mkdirSync(path.join(folder, 'files'));
  for (let i = 1; i <= 45; i++) {
    const files = i === 7 ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [];
    for (const n of files) write(path.join(folder, 'files', `f${n}.txt`), n % 2 ? `第${n}页写着移民安置和搬迁经费。` : `第${n}页没有，只有${n === 4 ? '搬迁' : '修路'}。`);
    rows.push([`A-${String(i).padStart(4, '0')}`, `${i % 3 ? '关于水库加固' : '关于防汛'}的${i % 2 ? '通知' : '请示'}`, i % 5 ? '水利局' : '教育局', `${1950 + i % 4}-01-02`, i % 4 ? '开放' : '控制', '公开', i % 2 ? '永久' : '30年', files.map(n => `f${n}.txt`).join(';')]);
  }
  await take(dir, write(path.join(folder, '移交.csv'), csv(rows)), '--fonds', 'A', '--fonds-title', '水利局', '--files', path.join(folder, 'files'));
  for (const [name, role] of [['staff', 'archivist'], ['reader', 'reader']]) assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD)).status, 0);
  server = await serve(dir);
  staff = await new Client(server.base).signIn('staff');
  reader = await new Client(server.base).signIn('reader');
  everybody = new Client(server.base);
  ids = new Map((await query(dir, 'SELECT id, code FROM record')).map(row => [row.code, row.id]));
});
after(async () => { await server?.stop(); });

const ask = async (target, client = staff) => { const reply = await client.get(target); assert.equal(reply.status, 200, `${target}: ${reply.text.slice(0, 300)}`); return reply.json; };
const page = async (target, client = staff) => { const reply = await client.get(target, { headers: { Accept: 'text/html' } }); assert.equal(reply.status, 200, target); return reply.text; };
const codes = answer => answer.items.map(item => item.code);

test('在结果中查找 joins words and keeps filters, in an address that says all; a chip takes one of them out again', async () => {
  const more = await ask(`/search?q=${encode('水库 或 防汛')}&retention=1&sort=code&within=${encode('通知')}`);
  assert.equal(decodeURIComponent(more.location), '/search?q=(水库 或 防汛) 通知&retention=1&sort=code');
  const answer = await ask(more.location), direct = await ask(`/search?q=${encode('(水库 或 防汛) 通知')}&retention=1&sort=code`);
  assert.deepEqual(codes(answer), codes(direct));
  assert.ok(answer.hits > 0);
  assert.deepEqual(answer.chips.map(chip => chip.label.replace(/（\d+）/, '（n）')), ['(水库 或 防汛)', '通知', '保管期限：永久（n）']);
  for (const [i, words] of [[0, '通知'], [1, '(水库 或 防汛)']]) assert.equal(new URL(answer.chips[i].href, 'http://x').searchParams.get('q'), words);
  assert.equal(Number(/（(\d+)）/.exec(answer.chips[2].label)[1]), answer.hits, 'a filter’s chip has its count');
  const without = await ask(answer.chips[2].href);
  assert.ok(without.hits >= answer.hits);
  const html = await page(more.location);
  assert.match(html, /name="within"/);
  assert.doesNotMatch(await page(`/search?q=${encode('查不到的词语')}`), /name="within"/, 'where nothing was found there is nothing to look within');
  assert.match(html, /<input type="hidden" name="retention" value="1">/);
});

test('where nothing was asked there are ways in, each with what it leads to, and kept searches; all are listed when that is asked', async () => {
  for (const client of [staff, reader, everybody]) {
    const { start, hits } = await ask('/search', client);
    assert.deepEqual([start.fonds.map(way => way.label), start.decades.map(way => way.label)], [['水利局'], ['1950年代']]);
    assert.ok(start.categories.length > 0 && start.categories[0].count > 0 && start.categories[0].count <= hits);
    for (const way of [...start.categories, ...start.fonds, ...start.decades]) assert.equal((await ask(way.href, client)).hits, way.count, way.href);
    const html = await page('/search', client);
    assert.ok(html.includes('按年代') && html.includes('怎样检索') && !html.includes('class="hit"'));
  }
  const offers = async client => (await client.get('/search', { html: true })).text.includes('男方姓名:王');
  assert.deepEqual([await offers(staff), await offers(new Client(server.base))], [true, false], 'nobody is shown an example that finds nothing for him');
  assert.notEqual((await ask('/search', reader)).start.decades[0].count, (await ask('/search')).start.decades[0].count, 'what may not be seen is not counted');
  const { export_href: out } = (await staff.get(`/search?q=${encodeURIComponent('水库')}`)).json;
  assert.deepEqual((await staff.get(out)).json.formats.filter(format => format.checked).map(format => format.name), ['xlsx'], 'all hits go out as a list, to begin with');
  assert.equal((await staff.post('/searches', { form: { asked: JSON.stringify({ q: '水库' }), name: '我的水库' } })).status, 200);
  assert.deepEqual((await ask('/search')).start.saved.map(way => [way.label, way.href]), [['我的水库', `/search?q=${encode('水库')}`]]);
  assert.deepEqual((await ask('/search', reader)).start.saved, []);
  for (const target of ['/search?sort=code', `/search?q=${encode('水库')}`, '/search?year=1951']) assert.ok((await ask(target)).start === undefined && (await page(target)).includes('class="hit"'), target);
});

test('where there is nothing yet, that is said, and not how to ask better', async () => {
  const bare = await serve(await emptyArchive()), client = new Client(bare.base);
  try {
    const said = async target => { const { text } = await client.get(target, { html: true }); return [text.includes('这里还没有可以查到的档案'), text.includes('没有找到')]; };
    assert.deepEqual([await said('/search'), await said('/search?sort=code'), await said(`/search?q=${encode('水库')}`)], [[true, false], [true, false], [false, true]]);
  } finally { await bare.stop(); }
});

test('from hit to hit on the records’ pages, over the edge of a page of hits, and back', async () => {
  const search = `/search?q=${encode('水库')}&sort=code`, list = [];
  for (let target = search; target;) { const answer = await ask(target); list.push(...answer.items); target = answer.next_href; }
  assert.equal(list.length, 30);
  let record = await ask(list[0].href);
  for (let i = 0; ; i++) {
    assert.deepEqual([record.record.id, record.search.number], [list[i].id, i + 1]);
    assert.equal(record.search.previous, i ? i : undefined);
    const next = await ask(`/search/hit?${record.search.address}&n=${record.search.next}`);
    if (!next.location.startsWith('/record/')) { assert.equal(i, 29); assert.equal(next.location, search); break; }
    record = await ask(next.location);
  }
  const html = await page(list[25].href);
  assert.match(html, /第 <strong>26<\/strong> 条/);
  assert.match(html, /rel="prev" href="\/search\/hit\?q=[^"]*&amp;n=25"/);
});

test('hits are within the scope whatever number is asked', async () => {
  const open = await ask(`/search?q=${encode('请示')}`, reader);
  for (let n = 1; n <= open.hits + 1; n++) {
    const next = await ask(`/search/hit?q=${encode('请示')}&n=${n}`, reader);
    assert.equal(next.location.startsWith('/record/'), n <= open.hits, `${n}: ${next.location}`);
    if (n <= open.hits) assert.equal((await ask(next.location, reader)).record.opening, 'open');
  }
  assert.equal((await ask('/search/hit?n=-3&q=x')).location, '/search?q=x');
});

test('a hit by page text names its pages, and each opens as itself', async () => {
  const id = ids.get('A-0007'), answer = await ask(`/search?q=${encode('移民安置')}`), [item] = answer.items;
  assert.deepEqual([answer.hits, item.id, item.page], [1, id, 1]);
  assert.deepEqual(item.hit_pages.map(hit => hit.page), [1, 3, 5, 7, 9]);
  const view = await ask(item.hit_pages[1].href);
  assert.equal(view.page, 3);
  assert.ok(view.text.some(piece => piece.m && piece.t === '移民安置'));
  assert.match(view.next_hit, /page=5/);
  assert.match(view.previous_hit, /page=1/);
  const all = await ask(`/record/${id}/hits?q=${encode('移民 搬迁')}`);
  assert.deepEqual(all.pages.map(hit => [hit.page, hit.whole]), [[1, true], [3, true], [4, false], [5, true], [7, true], [9, true]]);
  assert.ok(all.pages[0].excerpt.some(piece => piece.m));
  assert.deepEqual((await ask(`/record/${id}?q=${encode('搬迁')}`)).hit_pages, [1, 3, 4, 5, 7, 9]);
  assert.deepEqual((await ask(`/record/${id}/hits`)).pages, []);
  assert.equal((await everybody.get(`/record/${ids.get('A-0004')}/hits?q=${encode('水')}`)).status, 404);
});

test('the list on paper has every hit in order', async () => {
  const sheet = await ask(`/search/print?q=${encode('水库')}&sort=code`);
  assert.deepEqual([sheet.hits, sheet.rows.length, sheet.rows[0].number], [30, 30, 1]);
  assert.deepEqual(sheet.rows.map(row => row.code), sheet.rows.map(row => row.code).sort());
  assert.ok(sheet.rows.length > (await ask(`/search/print?q=${encode('水库')}`, reader)).rows.length);
});

test('nothing found: what one word or one condition less would find, counted', async () => {
  const answer = await ask(`/search?q=${encode('水库 火箭')}&opening=1`);
  assert.equal(answer.hits, 0);
  const offer = answer.offers.find(each => each.what === '火箭');
  assert.equal((await ask(offer.href)).hits, offer.count);
  assert.ok(!answer.offers.some(each => each.what === '水库'), 'what finds nothing is not offered');
  for (const client of [staff, reader]) {
    const near = (await ask(`/search?q=${encode('通知 水库夹固')}`, client)).offers.find(each => each.label === '您是不是要找');
    assert.equal(near.what, '水库加固');
    assert.equal((await ask(near.href, client)).hits, near.count);
  }
  assert.match(await page('/search?q=%E7%81%AB%E7%AE%AD'), /没有找到/);
  const nothing = await ask(`/search?q=${encode('😀😀')}`);
  assert.deepEqual([nothing.hits, nothing.items, /没有可检索的字/.test(nothing.notice)], [0, [], true], 'what cannot be looked for does not find everything');
});

test('like this: by what titles and persons share, within the scope', async () => {
  const answer = await ask(`/record/${ids.get('A-0005')}/like`);
  assert.ok(answer.items.length > 0);
  assert.ok(answer.items.every(item => item.id !== ids.get('A-0005')));
  assert.ok(answer.items[0].creator === '教育局', 'the rare creator tells most');
  for (const item of (await ask(`/record/${ids.get('A-0005')}/like`, everybody)).items) assert.equal(item.opening, 'open');
});

// What the help page speaks of, by the words of its left column, and an example there with what it is understood as (of the years nothing need be there).
const HELP = { 几个词: '水库 加固', 几种说法: '结婚 或 离婚', 人名: '男方姓名:王', 按项填写: null, 提示: null, 只查原文: '全文:请示', 日期著录项: '登记日期:1979-02', 其他著录项: '地块编号:*', '年号、年代': '年度:光绪三十四年', 不全的日期: null,
  数字: '第十二号', 拼音: 'zhangwei', 正是此人: '姓名:=张伟', 异体字: '姓名:万俟哲', 号码里拿不准的: '档号:*-00?2', '旧称、简称': '革委会', 在结果中查找: null, 相似档案: null, '保存、提醒': null, 全部导出: null };
test('the help page has every way to search, is read in five minutes, and its examples are searches that are understood', async () => {
  const html = await page('/help/search', everybody), main = /<main[^>]*>([^]*)<\/main>/.exec(html)[1], links = [...main.matchAll(/href="(\/search\?q=[^"]+)"/g)].map(match => match[1].replaceAll('&quot;', '"'));
  assert.deepEqual([main, await page('/help/search', staff)].map(text => text.includes('登录后才有结果')), [true, false], 'an example that finds nothing for the public says so');
  const characters = main.replace(/<[^>]+>/g, '').match(/\p{Script=Han}|[\p{L}\p{N}]+/gu).length;
  assert.ok(characters < 1500, `${characters} characters and words: 300 a minute are read with trying`);
  const rows = new Map([...main.matchAll(/<dt>([^]*?)<\/dt><dd>([^]*?)<\/dd>/g)].map(([, topic, text]) => [topic, text]));
  for (const [topic, example] of Object.entries(HELP)) assert.ok(rows.has(topic) && (!example || rows.get(topic).includes(`href="/search?q=${example}"><code>${example}</code>`)), topic);
  assert.ok(links.length >= 12, String(links.length));
  const told = [];
  for (const link of links) {
    const answer = await ask(encodeURI(link));
    assert.ok(!answer.notice, `${link}: ${answer.notice}`);
    told.push(...answer.readings.map(reading => reading.text));
  }
  for (const reading of ['“光绪三十四年”即 1908', '“民国二十六年至三十四年”即 1937/1945', '“1949年以前”即 1948-12-31 及以前']) assert.ok(told.includes(reading), `${reading}: ${told}`);
});

test('bad input at the search pages gets a clear answer at once', async () => {
  const begin = Date.now();
  const many = Array.from({ length: 100_000 }, (_, i) => `fonds=${i}`).join('&');
  for (const target of [`/search?${many}`, `/search/hit?${many}`, `/search?${Array.from({ length: 500 }, (_, i) => `fonds=${i}`).join('&')}`]) {
    const reply = await staff.get(target).catch(error => ({ status: 414, text: '请求', error }));
    assert.ok(reply.status >= 400 && reply.status < 500, `${target.slice(0, 30)}: ${reply.status}`);
  }
  for (const words of ['水'.repeat(9999), '('.repeat(1999), '或 '.repeat(900), '"'.repeat(1999), '\u0001\uE000\uFFFD'.repeat(300), '-'.repeat(1999), '*'.repeat(1999), `${'(a 或 '.repeat(200)}`, `题名:`.repeat(300)]) {
    for (const target of [`/search?q=${encode(words)}`, `/search?q=${encode('水库')}&within=${encode(words.slice(0, 1000))}`, `/search/hit?q=${encode(words)}`, `/record/${ids.get('A-0007')}/hits?q=${encode(words)}`]) {
      const reply = await staff.get(target), length = encode(words).length;
      assert.ok([200, 303, 422, 400, 414, 431].includes(reply.status), `${target.slice(0, 60)} (${length}): ${reply.status} ${reply.text.slice(0, 200)}`);
      if (length > 80_000 && !target.includes('within')) assert.match(reply.text, /请缩短检索词/);
      if (reply.status >= 400 && reply.status !== 414 && reply.status !== 431) assert.match(reply.text, /[\u4e00-\u9fff]{4}/);
    }
  }
  for (const target of ['/search?after=zzz', '/search?sort=sideways', '/search?n=99999999999999999999', '/search/hit?n=999999999', '/search?within=%00', '/search?since=abc'])
    assert.ok((await staff.get(target)).status < 500, target);
  assert.ok(Date.now() - begin < 20_000, 'no stall');
});
