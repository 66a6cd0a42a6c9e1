// The pages in a real browser: the journeys of an archivist, a reader with a phone and a clerk without a mouse; every page of every role looked at by axe-core, at 1280 and
// at 390 pixels. Pictures of all pages go to the folder SHOTS (else a temporary one).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { Client, csvText, demoCopy, DELIVERY_HEADER, lantai, PASSWORD, root, serve, sqlite, temporary } from './support.mjs';

const folder = temporary('lantai-browser-');
const shots = process.env.SHOTS;
const WIDE = { width: 1280, height: 860 }, NARROW = { width: 390, height: 844 };
const axe = readFileSync(path.join(root, 'node_modules/axe-core/axe.min.js'), 'utf8');
const contexts = [];
let browser, server, empty, dir, sample;

before(async () => {
  if (shots) mkdirSync(shots, { recursive: true });
  dir = await demoCopy(60);
  const bare = path.join(folder, 'empty');
  assert.equal((await lantai(bare, 'init')).status, 0);
  for (const [name, role] of Object.entries({ admin: 'sysadmin', security: 'security', auditor: 'auditor', archivist: 'archivist', director: 'director', reader: 'reader', observatory: 'transferor' }))
    assert.equal((await lantai(bare, 'user', 'add', name, '--role', role, '--password', PASSWORD)).status, 0);
  assert.equal((await lantai(dir, 'user', 'add', 'observatory', '--role', 'transferor', '--password', PASSWORD, '--body', '临江市气象局')).status, 0);
  [server, empty] = [await serve(dir), await serve(bare)];
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
  sample = samples();
  await furnish();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await empty?.stop();
});

// Addresses of what the demonstration holds, open to the public where that can be.
function samples() {
  const one = statement => sqlite(dir, statement)[0];
  const open = `r.opening = 1 AND r.security = 0`;
  const image = one(`SELECT r.id, r.title, r.code, r.category, r.parent_id AS volume, r.fonds_id AS fonds, o.id AS file FROM record r JOIN file o ON o.record_id = r.id WHERE ${open} AND r.level = 4 AND o.kind = 'image' ORDER BY r.file_count DESC, r.id`);
  const pdf = one(`SELECT r.id, r.title, o.id AS file, t.text FROM record r JOIN file o ON o.record_id = r.id JOIN page_text t ON t.file_id = o.id AND t.page = 1 WHERE ${open} AND o.kind = 'pdf' ORDER BY r.id`);
  const [shut, node] = [one(`SELECT id FROM record WHERE level = 4 AND opening <> 1 AND file_count > 0 ORDER BY id`), one(`SELECT id FROM record WHERE level = 2 ORDER BY id`)];
  return { image, pdf, shut, node, word: /[\u4e00-\u9fff]{4}/.exec(pdf.text)[0], delivery: one('SELECT max(id) AS id FROM accession').id };
}

// What the demonstration does not hold: a transferring body's account with a delivery whose check failed, a project, an export, a copy, a medium, a request to destroy, an upload.
async function furnish() {
  const [archivist, body, admin] = await Promise.all(['archivist', 'observatory', 'admin'].map(name => new Client(server.base).signIn(name)));
  const placed = async (client, target, form) => { const reply = await client.post(target, form instanceof FormData ? { body: form } : { form }); assert.equal(reply.status, 200, `${target}: ${reply.text.slice(0, 200)}`); return reply.json.location; };
  const until = async (what, ask) => { for (let i = 0; i < 1200; i++) { if (await ask()) return; await new Promise(done => setTimeout(done, 25)); } assert.fail(`${what} did not come`); };
  sample.handed = await placed(body, '/delivery/register', { name: '一九八一年气象观测记录移交', items: 3, first_code: 'B779-1', last_code: 'B779-3', carrier: '在线', description: '地面气象观测记录' });
  const form = new FormData();
  form.append('table', new Blob([csvText(['档号', '题名', '责任者', '日期'], [['B779-1', '一月观测记录', '临江市气象局', '19810131'], ['B779-3', '三月观测记录', '', '1981年3月'], ['', '缺号', '', '']])]), '目录.csv');
  await placed(body, `${sample.handed}/send`, form);
  await placed(body, `${sample.handed}/rehearse`, {});
  await until('the check', async () => (await body.get(`${sample.handed}/progress`)).json?.finished);
  sample.check = `/check/${(await body.get(sample.handed)).json.check.id}`;
  await placed(archivist, `/codes/${sample.image.fonds}/${sample.image.category}/rule`, { rule: 'dat13-2022-piece' });
  sample.renumbering = await placed(archivist, '/renumber', { fonds: sample.image.fonds, category: sample.image.category, mode: 'keep' });
  sample.move = await placed(archivist, '/move', { node: sample.node.id, target: sample.image.fonds });
  sample.project = await placed(archivist, '/project/new', { title: '防汛救灾档案收集', note: '防汛指挥部各成员单位', due_on: '2026-01-31' });
  await placed(archivist, sample.project, { step: 'body', body: '临江市气象局', owed: '雨情、汛情的记录和照片', contact: '办公室' });
  await placed(archivist, sample.project, { step: 'chase', body: '临江市气象局', note: '电话催交' });
  await placed(archivist, '/export', { selection: (await archivist.get(`/export.json?record=${sample.image.id}`)).json.chosen.selection, format: 'bagit', purpose: '内部工作' });
  await until('the export', async () => !(await archivist.get('/exports.json')).json.waiting);
  sample.copy = await placed(admin, '/copies', { name: '二号库副本', location: path.join(folder, 'a rather long path of another disk', 'second copy of the holdings') });
  await placed(archivist, '/keep/media', { name: '光盘 0001', type: (await archivist.get('/keep/media.json')).json.types[0].type, content: '一九六二年数字化成果', place: '介质柜 3', made_on: '2020-01-02', checked_on: '2021-01-02', check_result: '良好' });
  sample.disposal = await placed(archivist, '/keep/disposal/new', { record: sample.shut.id, kind: 'destroy', reason: '保管期满，鉴定报告一号' });
  sample.upload = `/upload/${(await archivist.post('/uploads', { form: { name: '一九六二年数字化成果.zip', size: 5000000, fingerprint: 'x' } })).json.id}`;
}

/* ---- a page, and what may never happen on it ---- */

const picture = async (page, name, fullPage = false) => shots && page.screenshot({ path: path.join(shots, name), fullPage });

const troubles = [];
function watch(page) {
  page.on('pageerror', error => troubles.push(`script error on ${page.url()}: ${error.message}`));
  page.on('console', message => {
    if (message.type() !== 'error') return;
    const { url } = message.location();
    if (/Failed to load resource/.test(message.text()) && url === page.url()) return;
    troubles.push(`console on ${page.url()}: ${message.text()} ${url}`);
  });
  page.on('response', reply => { if (reply.status() >= 500) troubles.push(`${reply.status()} for ${reply.url()}`); });
  return page;
}
async function newPage(site, name, { viewport = WIDE, ...options } = {}) {
  const context = await browser.newContext({ viewport, locale: 'zh-CN', timezoneId: 'Asia/Shanghai', reducedMotion: 'reduce', ...options });
  contexts.push(context);
  const page = watch(await context.newPage());
  page.setDefaultTimeout(15000);
  if (name) await signIn(page, site, name);
  else await page.goto(site.base);
  return page;
}
async function signIn(page, site, name) {
  await page.goto(`${site.base}/login`);
  await page.getByLabel('用户名').fill(name);
  await page.getByLabel('密码').fill(PASSWORD);
  await page.getByRole('main').getByRole('button', { name: '登录' }).click();
  await page.waitForURL(url => !url.pathname.startsWith('/login'));
}
const clean = what => assert.deepEqual(troubles.splice(0), [], what);
// The viewer has drawn its page; the thumbnails on the screen are there, or known to be absent.
const settled = page => page.waitForFunction(() => {
  const viewer = document.querySelector('[data-viewer]');
  const waiting = [...document.querySelectorAll('img[data-thumbnail]')].some(image => image.getBoundingClientRect().top < innerHeight && !image.src && !image.classList.contains('absent'));
  return (!viewer || viewer.dataset.ready) && !waiting;
});
const overflow = page => page.evaluate(() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return '';
  const wide = [...document.body.querySelectorAll('*')].filter(element => element.getBoundingClientRect().right > width + 1 && !element.closest('.scroll, .tabs, .strip, .stage'));
  return `${document.documentElement.scrollWidth} px wide because of ${wide.slice(-3).map(element => `<${element.tagName.toLowerCase()} class="${element.className}"> ${element.textContent.trim().slice(0, 30)}`).join(' | ')}`;
});

/* ---- an archivist receives, finds, reads, changes and takes back ---- */

function makeDelivery(documents) {
  const files = path.join(folder, 'handed-over'), codes = ['1', '2', '3', '4'].map(n => `B777-WS·1962-Y-000${n}`);
  mkdirSync(files, { recursive: true });
  const row = (i, title, name) => ['B777', '临江市水文站', codes[i], title, '临江市水文站', `临水文〔1962〕${i + 1}号`, `1962年${i + 3}月5日`, '1962', '永久', '公开', '开放', name];
  writeFileSync(path.join(files, `${codes[0]}.txt`), `关于修订凤鸣渡水位观测办法的报告\n\n凤鸣渡站自一九五八年设站以来，水位观测每日两次。\n${'汛期加密为每日六次，由专人记载。'.repeat(20)}\n凤鸣渡站长王建国。\n`);
  writeFileSync(path.join(files, `${codes[1]}.pdf`), documents.pdf);
  for (const page of [1, 2]) writeFileSync(path.join(files, `${codes[2]}-${page}.jpg`), documents.image);
  writeFileSync(path.join(files, 'nobody.txt'), '没有条目的文件');
  const zip = path.join(folder, 'handed-over.zip'), table = path.join(folder, '水文站移交目录.csv');
  execFileSync('zip', ['-q', '-r', zip, '.'], { cwd: files });
  writeFileSync(table, csvText(DELIVERY_HEADER, [row(0, '关于修订凤鸣渡水位观测办法的报告', `${codes[0]}.txt`), row(1, '凤鸣渡站年度总结', `${codes[1]}.pdf`), row(2, '凤鸣渡站站房照片', ''), row(3, '', 'missing.pdf')]));
  return { zip, table, codes };
}

async function receive(page, table, zip) {
  await page.goto(`${server.base}/deliveries`);
  await page.getByRole('link', { name: '接收一批档案' }).first().click();
  await page.getByLabel('目录表').setInputFiles(table);
  if (zip) await page.getByLabel('原文包').setInputFiles(zip);
  await page.getByLabel('移交单位').fill('临江市水文站');
  await page.getByRole('button', { name: '接收，核对字段' }).click();
  await page.waitForURL(/\/delivery\/\d+$/);
}
const badge = page => page.locator('h1 .badge');
async function runStep(page, button, end) {
  await page.getByRole('button', { name: button, exact: true }).click();
  await page.waitForFunction(text => document.querySelector('h1 .badge')?.textContent.includes(text) && !document.querySelector('#delivery-progress'), end);
  await settled(page);
}

test('an archivist receives a table and a zip, finds and reads the documents, changes one and takes a batch back', async () => {
  const client = await new Client(server.base).signIn('archivist');
  const documents = { pdf: (await client.get(`/file/${sample.pdf.file}?download=1`)).bytes, image: (await client.get(`/file/${sample.image.file}?download=1`)).bytes };
  const handed = makeDelivery(documents), page = await newPage(server, 'archivist');
  await receive(page, handed.table, handed.zip);
  assert.match(await badge(page).textContent(), /已接收/);
  const chosen = await page.$$eval('select[name="field"]', all => all.map(select => [document.getElementById(select.getAttribute('aria-labelledby')).textContent, select.selectedOptions[0].textContent]));
  for (const [header, label] of [['题名', /题名/], ['档号', /档号/], ['责任者', /责任者/], ['日期', /日期/], ['保管期限', /保管期限/], ['全宗号', /全宗/], ['电子档案名称', /文件|电子|原文/]]) assert.match(chosen.find(([text]) => text === header)[1], label, `the column ${header} is understood`);
  await picture(page, 'journey-mapping.png', true);
  await runStep(page, '检测', '待审核');
  assert.equal(sqlite(dir, `SELECT count(*) AS n FROM record WHERE code LIKE 'B777%'`)[0].n, 0, 'a rehearsal writes nothing');
  const main = await page.getByRole('main').innerText();
  assert.match(main, /将新增/);
  assert.match(main, /没有条目对应的文件（1）/);
  assert.match(main, /nobody\.txt|没有条目/);
  await picture(page, 'journey-rehearsed.png', true);
  await page.getByLabel('让步接收的理由').fill('缺题名的一行另行补交'); // its check did not pass
  await page.getByRole('button', { name: /^接收入库 \d+ 行$/ }).click();
  await page.waitForFunction(() => document.querySelector('h1 .badge')?.textContent.includes('已接收入库') && !document.querySelector('#delivery-progress'));
  await picture(page, 'journey-imported.png', true);
  clean('while importing');

  await page.getByRole('searchbox', { name: '检索档案' }).or(page.getByRole('combobox', { name: '检索档案' })).fill('凤鸣渡');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/search\?q=/);
  assert.match(await page.locator('h1.count').innerText(), /^3\s*条/);
  assert.ok(await page.locator('.hit mark').count() >= 3, 'the words are marked in the hits');
  await page.getByRole('link', { name: /站房照片/ }).first().click();
  await page.getByRole('link', { name: '阅读原文' }).click();
  await page.waitForSelector('[data-viewer][data-ready="true"]');
  await page.waitForFunction(() => { const canvas = document.querySelector('.image-stage canvas'); if (!canvas) return false; const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height); return data.some((value, i) => i % 4 === 3 && value); });
  assert.match(await page.locator('.turn').innerText(), /第\s*1\s*\/\s*2\s*页/);
  await picture(page, 'journey-image.png');
  for (const key of ['+', '-', 'r', '0']) await page.keyboard.press(key);
  await page.keyboard.press('ArrowRight');
  await page.waitForURL(/page=2/);
  await settled(page);

  await page.goto(`${server.base}/search?q=${encodeURIComponent(sample.word)}&delivery=${sqlite(dir, 'SELECT max(id) AS id FROM accession')[0].id}`);
  await page.locator('.hit').getByRole('link', { name: '阅览' }).first().click();
  await page.waitForSelector('[data-viewer][data-ready="true"]');
  await page.waitForSelector('.text-layer mark');
  assert.ok((await page.locator('.text-layer mark').allTextContents()).join('').includes(sample.word), 'the word is marked on the PDF page');
  assert.ok(await page.$eval('.pdf-stage canvas', canvas => { const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height); let dark = 0; for (let i = 0; i < data.length; i += 4) dark += data[i] < 120; return dark > 200; }), 'the PDF page is drawn');
  await picture(page, 'journey-pdf.png');

  await page.goto(`${server.base}/search?q=${encodeURIComponent('凤鸣渡站长')}`);
  await page.locator('.hit').getByRole('link', { name: '阅览' }).first().click();
  await page.waitForSelector('[data-viewer][data-ready="true"]');
  assert.ok((await page.locator('.page-text mark').allTextContents()).some(text => text.includes('凤鸣渡站长')), 'the words are marked in the text');
  await picture(page, 'journey-text.png');

  await page.getByRole('link', { name: '← 著录' }).click();
  await page.getByRole('link', { name: '修改', exact: true }).click();
  await page.getByLabel('题名', { exact: true }).fill('关于修订龙渊渡水位观测办法的报告');
  await page.keyboard.press('Control+s');
  await page.waitForURL(/\/record\/\d+$/);
  await page.goto(`${server.base}/search?q=${encodeURIComponent('龙渊渡')}`);
  assert.match(await page.locator('h1.count').innerText(), /^1\s*条/, 'found at the next request');
  await page.locator('.hit h3 a').first().click();
  await page.getByRole('link', { name: '历史' }).click();
  assert.match(await page.locator('.history').innerText(), /凤鸣渡[\s\S]*龙渊渡/);
  await picture(page, 'journey-history.png', true);

  const first = sqlite(dir, 'SELECT max(id) AS id FROM accession')[0].id;

  const table = path.join(folder, '补交目录.csv');
  writeFileSync(table, csvText(['档号', '题名', '责任者', '年度'], [['B778-1', '望江楼修缮报告', '临江市文化局', '1981']]));
  await receive(page, table);
  await runStep(page, '检测', '待审核');
  await page.getByLabel(/让步接收的理由|审核说明/).fill('补交一件');
  await page.getByRole('button', { name: /^接收入库 1 行$/ }).click();
  await page.waitForFunction(() => document.querySelector('h1 .badge')?.textContent.includes('已接收入库') && !document.querySelector('#delivery-progress'));
  const second = /\d+$/.exec(page.url())[0];
  await page.getByText('撤销这个批次').click();
  await page.getByRole('button', { name: `确认撤销批次 ${second}` }).click();
  await page.waitForFunction(() => document.querySelector('h1 .badge')?.textContent.includes('已撤销') && !document.querySelector('#delivery-progress'));
  await page.goto(`${server.base}/search?q=${encodeURIComponent('望江楼')}`);
  assert.match(await page.locator('h1.count').innerText(), /^0\s*条/);
  clean('on the journey so far');

  await page.goto(`${server.base}/delivery/${first}`);
  await page.getByText('撤销这个批次').click();
  await page.getByRole('button', { name: `确认撤销批次 ${first}` }).click();
  await page.waitForFunction(() => !document.querySelector('#delivery-progress'));
  const refusal = await page.locator('main .notice').allInnerTexts();
  assert.match(refusal.join(), /不能撤销[\s\S]*B777-WS·1962-Y-0001/, 'the page says why nothing was taken back, and names what was changed since');
  assert.equal(sqlite(dir, `SELECT count(*) AS n FROM record WHERE code LIKE 'B777-WS·%'`)[0].n, 3);
  await picture(page, 'journey-undo-refused.png', true);
  clean('on the whole journey');
});

test('a wrong file is refused with a reason, and what was typed stays', async () => {
  const page = await newPage(server, 'archivist'), file = path.join(folder, '假.xlsx');
  writeFileSync(file, 'PK\u0003\u0004 not a workbook');
  await page.goto(`${server.base}/delivery/new`);
  await page.getByLabel('目录表').setInputFiles(file);
  await page.getByLabel('移交单位').fill('临江市水文站');
  await page.getByRole('button', { name: '接收，核对字段' }).click();
  await page.getByRole('alert').waitFor();
  assert.match(await page.getByRole('alert').innerText(), /[\u4e00-\u9fff]{6}/);
  assert.equal(await page.getByLabel('移交单位').inputValue(), '临江市水文站');
  clean('after a refused file');
});

/* ---- a reader with a phone ---- */

test('a marriage among the others, and a hit with the box that selects it, take few lines of a phone', async () => {
  const page = await newPage(server, 'archivist', { viewport: NARROW });
  const height = async selector => (await page.locator(selector).first().boundingBox()).height, line = 30;
  await page.goto(`${server.base}/search?q=${encodeURIComponent('男方姓名:王')}`);
  assert.ok(await height('.hit') < 3 * line, `a hit: ${await height('.hit')} px`);
  await page.goto(`${server.base}${await page.locator('.hit h3 a').first().getAttribute('href')}`);
  await page.locator('.breadcrumbs a').last().click();
  await page.waitForURL(/\/catalog\/\d+/);
  assert.match(await page.locator('tr[data-row]').first().textContent(), /结婚|离婚|补领/);
  assert.ok(await height('tr[data-row]') < 7 * line, `a marriage: ${await height('tr[data-row]')} px`);
  assert.equal(await overflow(page), '');
  await page.setViewportSize(WIDE);
  const title = await page.locator('tr[data-row] td:has(> .title)').first().boundingBox();
  assert.ok(title.width > 150, `beside many columns the title has room: ${title.width} px`);
  clean('on the phone');
});

test('a reader with a phone finds an open record and reads its page', async () => {
  const page = await newPage(server, null, { viewport: NARROW, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  assert.equal(await overflow(page), '');
  await page.getByRole('main').locator('input[name="q"]').fill(sample.image.title.slice(0, 12));
  await page.getByRole('main').getByRole('button', { name: '检索' }).tap();
  await page.waitForURL(/\/search/);
  assert.ok(await page.locator('.hit').count() > 0);
  const top = await page.locator('.hit').first().boundingBox();
  assert.ok(top.y < NARROW.height, `the first hit is on the first screen, not at ${top.y} px`);
  await picture(page, 'phone-search.png');
  assert.equal(await overflow(page), '');
  await page.goto(`${server.base}/record/${sample.image.id}`);
  await page.getByRole('link', { name: '阅读原文' }).tap();
  await page.waitForSelector('[data-viewer][data-ready="true"]');
  assert.equal(await overflow(page), '');
  const stage = await page.locator('.stage').boundingBox();
  assert.ok(stage.height > 400 && stage.y < 420, `the page is what one sees: ${JSON.stringify(stage)}`);
  await picture(page, 'phone-image.png');
  await page.getByText('菜单').tap();
  assert.ok(await page.getByRole('navigation', { name: '主菜单' }).getByRole('link', { name: '检索' }).isVisible());
  await picture(page, 'phone-menu.png');
  await page.getByRole('navigation', { name: '主菜单' }).getByRole('link', { name: '目录' }).tap();
  await page.waitForURL(/\/catalog$/);
  assert.equal((await page.goto(`${server.base}/record/${sample.shut.id}`)).status(), 404, 'what is not open is not there');
  clean('on the phone');
});

/* ---- two people, one record ---- */

test('who saves second sees both versions of each field, also of a category\'s own, chooses, and loses nothing', async () => {
  const [{ id, rev, fields }] = sqlite(dir, "SELECT r.id, r.rev, r.fields FROM record AS r JOIN category AS c ON c.id = r.category WHERE c.code = 'HY' AND r.level > 2 ORDER BY r.id LIMIT 1");
  const page = await newPage(server, 'archivist'), other = await new Client(server.base).signIn('archivist'), place = `${server.base}/record/${id}`;
  await page.goto(`${place}/edit`);
  const tops = await page.locator('.own-fields').first().locator('input:not([type="hidden"])').evaluateAll(all => all.slice(0, 2).map(each => each.getBoundingClientRect().top));
  assert.equal(tops[0], tops[1], 'fields of one line stand in one line');
  assert.equal((await other.post(`/record/${id}/edit`, { form: [['rev', rev], ['key', 'nvxm'], ['value', '李秀莲'], ['key', 'djjg'], ['value', '城关民政所']] })).status, 200);
  await page.getByLabel('女方姓名').fill('李秀连');
  await page.getByLabel('题名', { exact: true }).fill('我改的题名');
  await page.getByRole('button', { name: '保存', exact: true }).click();
  await page.getByRole('alert').waitFor();
  assert.match(await page.getByRole('alert').innerText(), /已被他人修改[\s\S]*什么都没有丢失/);
  const choice = page.getByLabel('女方姓名用哪一个'), field = page.locator('.field', { has: choice });
  assert.match(await field.innerText(), new RegExp(`现在的内容：李秀莲[\\s\\S]*原来：${JSON.parse(fields).nvxm}`));
  assert.deepEqual([await page.getByLabel('女方姓名', { exact: true }).or(field.locator('input[name="value"]')).first().inputValue(), await page.getByLabel('登记机关').inputValue()], ['李秀连', '城关民政所']);
  await picture(page, 'journey-conflict.png', true);
  await page.getByRole('button', { name: '保存', exact: true }).click();
  assert.ok(page.url().endsWith('/edit'), 'not before the choice');
  await choice.selectOption('nvxm=theirs');
  await page.getByRole('button', { name: '保存', exact: true }).click();
  await page.waitForURL(place);
  const [now] = sqlite(dir, `SELECT title, fields FROM record WHERE id = ${id}`), own = JSON.parse(now.fields);
  assert.deepEqual([now.title, own.nvxm, own.djjg], ['我改的题名', '李秀莲', '城关民政所']);
  clean('after a conflict');
});

/* ---- a clerk without a mouse ---- */

test('at the counter everything goes by the keyboard', async () => {
  const page = await newPage(server, 'archivist'), focused = () => page.evaluate(() => document.activeElement.textContent.trim().slice(0, 80));
  await page.goto(`${server.base}/catalog`);
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'q');
  await page.keyboard.type('通知');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/search\?q=%E9%80%9A%E7%9F%A5/);
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.value), '通知', 'the field that is seen');
  await page.evaluate(() => document.activeElement.blur());
  const titles = await page.locator('.hit h3').allInnerTexts();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), titles[1].slice(0, 80));
  await page.keyboard.press('ArrowUp');
  assert.equal(await focused(), titles[0].slice(0, 80));
  await page.keyboard.press(']');
  await page.waitForURL(/after=/);
  await page.goBack();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/record\/\d+\?q=/);
  await page.goto(`${server.base}/record/${sample.image.id}`);
  const at = page.url(), next = await page.locator('a[rel="next"]').count() ? ']' : '[', back = next === ']' ? '[' : ']';
  assert.ok(await page.locator('a[rel="next"], a[rel="prev"]').count(), 'there is a neighbour to go to');
  await page.keyboard.press(next);
  await page.waitForURL(url => url.href !== at && /\/record\/\d+/.test(url.href));
  await page.keyboard.press(back);
  await page.waitForURL(url => new URL(at).pathname === url.pathname);
  await page.keyboard.press('?');
  assert.ok(await page.locator('dialog#keys').isVisible());
  await page.keyboard.press('Escape');
  assert.ok(!await page.locator('dialog#keys').isVisible());
  await page.goto(`${server.base}/record/${sample.image.id}/view`);
  await page.waitForSelector('[data-viewer][data-ready="true"]');
  if (await page.locator('[data-viewer] a[rel="next"]').count()) {
    await page.keyboard.press(']');
    await page.waitForURL(/page=2/);
    await page.waitForSelector('[data-viewer][data-ready="true"]');
    await page.keyboard.press('[');
    await page.waitForURL(/page=1/);
  }
  clean('by keyboard');
});

test('records in a row are typed by keyboard alone, field after field', async () => {
  const page = await newPage(server, 'archivist');
  await page.goto(`${server.base}/record/new?parent=${sample.image.volume}`);
  const focused = () => page.evaluate(() => document.activeElement.name || document.activeElement.tagName);
  const orders = [];
  for (let n = 0; n < 2; n++) {
    if (await focused() === 'code') await page.keyboard.press('Tab');
    const order = [await focused()];
    await page.keyboard.type(`逐件著录${n}`);
    for (let i = 0; i < 4; i++) { await page.keyboard.press('Tab'); order.push(await focused()); }
    orders.push(order.join(' '));
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Control+Enter')]);
    assert.match(page.url(), /like=/);
  }
  assert.deepEqual(orders, Array(2).fill('title creator date docno year'));
  await page.goto(`${server.base}/fonds/${sample.image.fonds}/history?part=receiving#entry`);
  await page.waitForFunction(() => document.activeElement.name === 'title'); // also where an address goes to a place in the page
  clean('records in a row');
});

test('the skip link, a visible focus, and suggestions that can be chosen with the arrows', async () => {
  const page = await newPage(server, 'archivist');
  await page.goto(`${server.base}/catalog`);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), '跳到正文');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => location.hash), '#main');
  for (let i = 0; i < 3; i++) await page.keyboard.press('Tab');
  assert.ok(await page.evaluate(() => { const style = getComputedStyle(document.activeElement); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2; }), 'the focus is seen');
  await page.keyboard.press('/');
  await page.keyboard.type(sample.image.title.slice(0, 4), { delay: 30 });
  await page.waitForSelector('.suggestions:not([hidden]) li');
  await page.keyboard.press('ArrowDown');
  const wanted = await page.locator('.suggestions li[aria-selected="true"]').getAttribute('data-text');
  assert.ok(await page.evaluate(() => { const field = document.activeElement, id = field.getAttribute('aria-activedescendant'); return id && document.getElementById(id)?.getAttribute('aria-selected') === 'true'; }), 'a screen reader is told which suggestion is chosen');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/search/);
  assert.equal(new URL(page.url()).searchParams.get('q'), wanted);
  clean('with suggestions');
});

test('a form that was changed asks before it is left, and one that was not does not', async () => {
  const page = await newPage(server, 'archivist'), asked = [];
  page.on('dialog', dialog => { asked.push(dialog.type()); dialog.accept(); });
  await page.goto(`${server.base}/record/${sample.image.id}/edit`);
  await page.goto(`${server.base}/catalog`);
  assert.deepEqual(asked, []);
  await page.goto(`${server.base}/record/${sample.image.id}/edit`);
  await page.getByLabel('题名', { exact: true }).pressSequentially('x');
  await page.goto(`${server.base}/catalog`);
  assert.deepEqual(asked, ['beforeunload']);
});

test('children are put in another order and moved elsewhere with the mouse, and both is taken back', async () => {
  const page = await newPage(server, 'archivist'), clerk = await new Client(server.base).signIn('archivist'), node = `${server.base}/catalog/${sample.node.id}`;
  page.on('dialog', dialog => dialog.accept());
  const codes = () => page.locator('[data-rows] td.code').allInnerTexts();
  const press = async name => { await Promise.all([page.waitForNavigation(), page.getByRole('button', { name }).first().click()]); };
  await page.goto(node);
  const before = await codes();
  assert.ok(before.length >= 4);
  await page.getByLabel(`选 ${before[2]}`, { exact: true }).check();
  await press('排到最前');
  await page.goto(`${node}?sort=place`);
  assert.deepEqual((await codes()).slice(0, 4), [before[2], before[0], before[1], before[3]]);
  await page.getByLabel(`选 ${before[0]}`, { exact: true }).check();
  await page.getByLabel('排在', { exact: true }).fill(before[2]);
  await press('之前');
  await page.goto(`${node}?sort=place`);
  assert.deepEqual((await codes()).slice(0, 3), [before[0], before[2], before[1]]);
  await press('改回按档号');
  await page.goto(node);
  assert.deepEqual(await codes(), before);
  const total = (await clerk.get(`/catalog/${sample.node.id}`)).json.count;
  for (const code of before.slice(0, 2)) await page.getByLabel(`选 ${code}`, { exact: true }).check();
  await press('移到别处…');
  const [{ id, code: elsewhere }] = sqlite(dir, `SELECT id, code FROM record WHERE level = 2 AND id <> ${sample.node.id} ORDER BY id LIMIT 1`);
  await page.getByLabel(/^移到/).fill(elsewhere);
  await press('预览');
  await press(/^移动 \d+ 件$/); // two volumes with what is in them
  const plan = page.url();
  await page.getByRole('button', { name: '撤销移动' }).waitFor(); // the page goes on by itself until the work is done
  await page.goto(node);
  assert.deepEqual((await codes()).slice(0, 2), before.slice(2, 4));
  const there = (await clerk.get(`/catalog/${id}?filter=${encodeURIComponent(`档号:${before[0]}`)}`)).json;
  assert.equal(there.rows.length, 1, 'it stands there now');
  await page.goto(plan);
  await press('撤销移动');
  for (let i = 0; i < 100 && (await clerk.get(new URL(plan).pathname)).json.plan.state !== 'undone'; i++) await page.waitForTimeout(50);
  await page.goto(node);
  assert.deepEqual(await codes(), before);
  assert.equal((await clerk.get(`/catalog/${sample.node.id}`)).json.count, total);
});

test('what was told when work began goes when the page that watches it shows it done', async () => {
  const page = await newPage(server, 'archivist'), clerk = await new Client(server.base).signIn('archivist');
  page.on('dialog', dialog => dialog.accept());
  const selection = JSON.stringify({ query: '题名:关于', filters: {} }), { location } = (await clerk.post('/revise/new', { form: { selection, field: 'note', kind: 'set', value: '二〇二六年核对' } })).json;
  for (let i = 0; i < 200 && (await clerk.get(location)).json.revision.state !== 'planned'; i++) await page.waitForTimeout(50);
  await page.goto(server.base + location);
  for (const [press, told, then] of [[/^修改 [\d,]+ 件$/, /^已开始修改$/, '撤销这次修改'], ['撤销这次修改', /^已开始撤销/, null]]) {
    await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: press }).click()]);
    assert.match(await page.locator('.notice.flash').innerText(), told);
    await page.locator('.notice.flash').waitFor({ state: 'detached' });
    assert.equal(await page.getByText('可以离开本页').count(), 0);
    if (then) await page.getByRole('button', { name: then }).waitFor();
  }
  assert.equal((await clerk.get(location)).json.revision.state, 'undone');
});

test('large type is kept from page to page and fits', async () => {
  const page = await newPage(server, 'archivist');
  await page.goto(`${server.base}/search?q=${encodeURIComponent('通知')}`);
  const size = () => page.evaluate(() => parseFloat(getComputedStyle(document.querySelector('main')).fontSize));
  const before = await size();
  await page.getByRole('button', { name: '大字' }).click();
  assert.ok(await size() >= before * 1.25);
  for (const target of ['/', '/search?q=%E9%80%9A%E7%9F%A5', `/record/${sample.image.id}`, '/deliveries']) {
    for (const viewport of [WIDE, NARROW]) {
      await page.setViewportSize(viewport);
      await page.goto(server.base + target);
      assert.ok(await size() >= before * 1.25, target);
      assert.equal(await overflow(page), '', `${target} at ${viewport.width} in large type`);
      await picture(page, `large-${viewport.width}-${target.replace(/\W+/g, '-')}.png`);
    }
  }
  clean('in large type');
});

test('on paper a record is its description, without the machine around it', async () => {
  const page = await newPage(server, 'archivist');
  await page.emulateMedia({ media: 'print' });
  for (const target of [`/record/${sample.image.id}`, `/search?q=${encodeURIComponent('通知')}`, `/catalog/${sample.image.volume}`]) {
    await page.goto(server.base + target);
    for (const part of ['header.site', 'footer.site', '.actions', '.sorts', '.facets', 'nav.tabs', 'button', 'a.button', '#like', '.pick'])
      assert.equal(await page.locator(part).evaluateAll(all => all.filter(element => getComputedStyle(element).display !== 'none' && element.getClientRects().length).length), 0, `${part} on the paper of ${target}`);
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)');
    await picture(page, `print-${target.replace(/\W+/g, '-')}.png`, true);
  }
  await page.goto(`${server.base}/record/${sample.image.id}`);
  assert.ok(await page.locator('dl.description').first().isVisible());
  assert.ok((await page.pdf({ format: 'A4' })).length > 5000);
});

test('links and forms work without scripts', async () => {
  const page = await newPage(server, 'archivist', { javaScriptEnabled: false });
  await page.goto(`${server.base}/search?q=${encodeURIComponent('通知')}`);
  await page.locator('.hit h3 a').first().click();
  await page.getByRole('link', { name: '修改', exact: true }).click();
  await page.getByRole('button', { name: '保存', exact: true }).click();
  await page.waitForURL(/\/record\/\d+$/);
  await page.goto(`${server.base}/delivery/${sample.delivery}`);
  assert.ok(await page.locator('h1').isVisible());
  await page.getByRole('button', { name: '退出' }).click();
  await page.waitForURL(/\/login|\/$/);
});

/* ---- every page of every role ---- */

const EVERYBODY = () => ['/', '/search', `/search?q=${encodeURIComponent('通知')}`, `/search?q=${encodeURIComponent('通知')}&opening=1&sort=newest&files=1`, '/search?q=qzxqzx', '/no-such-page', '/record/99999999', '/search?year=abc'];
const RECORDS = () => ['/catalog', '/catalog?filter=zzz', `/catalog/${sample.image.fonds}`, `/catalog/${sample.node.id}`, `/catalog/${sample.image.volume}`, '/categories', `/record/${sample.image.id}`, `/record/${sample.image.id}?tab=files`, `/record/${sample.image.id}/view`, `/search/print?q=${encodeURIComponent('通知')}`, `/record/${sample.pdf.id}/text`,
  `/record/${sample.pdf.id}?q=${encodeURIComponent(sample.word)}`, `/record/${sample.pdf.id}/view?q=${encodeURIComponent(sample.word)}`];
const KEEPING = () => ['/keep', '/keep/risk', '/keep/format', '/keep/conversions', '/keep/media', '/keep/disposals', sample.disposal, '/copies', sample.copy, '/copies/object/1', `/record/${sample.image.id}/copies`];
const ledgerOf = name => sqlite(dir, `SELECT id FROM ledger WHERE name = '${name}'`)[0].id;
const entryOf = name => sqlite(dir, `SELECT max(e.id) AS id FROM ledger_entry AS e JOIN ledger AS l ON l.id = e.ledger_id WHERE l.name = '${name}'`)[0].id;
const LEDGERS = () => {
  const problems = ledgerOf('问题整改台账'), patrols = ledgerOf('值班巡查');
  return ['/ledgers', '/owed', `/ledger/${problems}`, `/ledger/${problems}?show=board`, `/ledger/${problems}?show=charts`, '/panel/1/edit', '/report-template/1', `/ledger/${patrols}?show=calendar`, `/ledger/${problems}/new`, `/ledger/${ledgerOf('会议台账')}/new`, `/ledger/${problems}/paste`,
    `/ledger/${problems}/import`, `/ledger/${problems}/definition`, `/entry/${entryOf('问题整改台账')}`, `/entry/${entryOf('问题整改台账')}/edit`, `/entry/${entryOf('会议台账')}`, '/figures', '/figures?year=2023',
    `/figure/${sqlite(dir, "SELECT id FROM figure WHERE name = '查档接待'")[0].id}?year=2023`, '/reports'];
};
const PAGES = {
  public: () => [...EVERYBODY(), ...RECORDS(), '/login', '/users', `/record/${sample.shut.id}`],
  reader: () => ['/', `/search?q=${encodeURIComponent('通知')}`, `/record/${sample.image.id}`, `/record/${sample.image.id}/view`, '/me', '/deliveries', '/jobs'],
  archivist: () => [...EVERYBODY(), ...RECORDS(), ...LEDGERS(), '/schedules', `/schedules/${sample.image.fonds}`, '/schedule/1', '/schedule/3/edit', '/schedule/1/assign', '/categories/new', '/categories/HY', '/categories/HY/edit', '/categories/HY/yaml', '/codes', ...['series', 'gaps', 'repeats', 'widths', 'strays'].map(show => `/codes/${sample.image.fonds}/${sample.image.category}?show=${show}`),
    `/codes/${sample.image.fonds}/${sample.image.category}/rule`, '/renumber', `/renumber?node=${sample.node.id}`, sample.renumbering, `/move?node=${sample.node.id}`, sample.move, `/catalog/${sample.node.id}?filter=zzz`, '/record', '/record?code=zzz', '/me', '/jobs', `/record/${sample.image.id}?tab=history`, `/record/${sample.image.id}/edit`, '/record/new', `/record/new?parent=${sample.image.fonds}`, `/record/new?parent=${sample.image.volume}`, '/delivery/new',
    `/delivery/${sample.delivery}`, ...sqlite(dir, 'SELECT max(id) AS id FROM accession').map(({ id }) => `/delivery/${id}`), '/delivery/1', '/users', `/record/${sample.shut.id}`,
    '/delivery/register', sample.handed, sample.check, `/check/${sqlite(dir, 'SELECT min(id) AS id FROM check_task')[0].id}`, '/checks/scheme', '/deliveries?state=rehearsed', '/uploads', sample.upload, '/projects', '/project/new', sample.project,
    '/exports', '/export', `/export?record=${sample.image.id}`, `/export?q=${encodeURIComponent('通知')}`, ...KEEPING(), '/keep/disposal/new', `/keep/disposal/new?record=${sample.image.id}`],
  observatory: () => ['/', '/me', '/deliveries', '/delivery/new', '/delivery/register', sample.handed, sample.check, '/checks/scheme', '/uploads', '/catalog', '/delivery/1', '/no-such-page'],
  director: () => ['/ledgers', '/figures', '/reports', '/owed', sample.handed, sample.check, sample.project, sample.disposal,'/', `/search?q=${encodeURIComponent('通知')}`, `/delivery/${sample.delivery}`, '/roles', '/me'],
  admin: () => ['/', '/users', '/user/new', '/user/1', '/user/4', '/roles', '/jobs', '/system', '/me', '/catalog', '/no-such-page', ...KEEPING()],
  security: () => ['/', '/users', '/user/4', '/user/2', '/roles', '/system', '/me'],
  auditor: () => ['/', '/journal', '/journal?actor=archivist', '/journal?actor=zzz', '/roles', '/system', '/me'],
};
const EMPTY = {
  public: () => ['/', '/search', '/search?q=abc', '/catalog', '/login'],
  archivist: () => ['/', '/ledgers', '/ledger/1', '/ledger/1/new', '/owed', '/figures', '/figure/1', '/reports', '/search?q=abc', '/catalog', '/categories', '/codes', '/record/new', '/deliveries', '/delivery/new', '/jobs', '/me', '/projects', '/project/new', '/uploads', '/exports', '/export', '/keep', '/keep/risk', '/keep/conversions', '/keep/media', '/keep/disposals', '/keep/disposal/new', '/copies', '/checks/scheme'],
  observatory: () => ['/', '/deliveries', '/delivery/new', '/delivery/register', '/uploads', '/me'],
  admin: () => ['/', '/users', '/jobs', '/system', '/roles', '/copies', '/keep'],
  security: () => ['/', '/users', '/user/1'],
  auditor: () => ['/', '/journal', '/system'],
};

async function look(page, site, target, name, found) {
  await page.setViewportSize(WIDE);
  const reply = await page.goto(site.base + target);
  await settled(page);
  const say = text => found.push(`${name} ${target}: ${text}`);
  if (reply.status() >= 500) say(`status ${reply.status()}`);
  if (await page.locator('h1').count() !== 1) say(`${await page.locator('h1').count()} h1`);
  if (!/^\S.* · \S/.test(await page.title())) say(`title "${await page.title()}"`);
  const shown = await page.evaluate(() => document.body.innerText), text = target === '/checks/scheme' ? shown.replaceAll('}}', '') : shown; // rules show their parameters as JSON
  if (/\{\{|\}\}|undefined|\[object|NaN|\(null\)|nullptr/.test(text)) say(`leaks: ${/.{0,30}(\{\{|\}\}|undefined|\[object|NaN|\(null\)).{0,30}/.exec(text)[0]}`);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  for (const violation of violations.filter(each => ['serious', 'critical'].includes(each.impact)))
    say(`axe ${violation.id} (${violation.impact}): ${violation.nodes.slice(0, 3).map(node => `${node.html.slice(0, 160)} — ${node.failureSummary.split('\n').slice(1, 2).join(' ').trim()}`).join(' || ')}`);
  const file = `${name}-${target.replace(/[^\w?=]+/g, '_').slice(0, 60)}`;
  await picture(page, `${file}-1280.png`);
  const wide = await overflow(page);
  if (wide) say(`at 1280 ${wide}`);
  await page.setViewportSize(NARROW);
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
  const narrow = await overflow(page);
  if (narrow) say(`at 390 ${narrow}`);
  await picture(page, `${file}-390.png`);
}

/* Every kind of address that the pages of a role lead to answers it. */
const shape = address => address.replace(/\/[A-Z]{2}(?=[/?]|$)/g, '/X').replace(/\d+/g, 'N').replace(/=[^&]*/g, '=');
async function follow(page, site, links, name, found) {
  const kinds = new Map([...links].map(([address, from]) => [shape(address), [address, from]]));
  for (const [address, from] of kinds.values()) {
    const reply = await page.request.get(site.base + address, { maxRedirects: 0, headers: { Accept: 'text/html' } });
    if (reply.status() >= 400) found.push(`${name} ${from}: the link ${address} answers ${reply.status()}`);
    await reply.dispose();
  }
}

async function lookAtAll(site, pages, prefix) {
  const found = [];
  await Promise.all([Object.entries(pages).filter((entry, i) => i % 2 === 0), Object.entries(pages).filter((entry, i) => i % 2 === 1)].map(async half => {
    for (const [role, list] of half) {
      const page = await newPage(site, role === 'public' ? null : role);
      await page.addInitScript(axe);
      const menu = await page.$$eval('header.site nav a', all => all.map(link => link.getAttribute('href')));
      const links = new Map();
      for (const target of new Set([...menu, ...list()])) {
        await look(page, site, target, prefix + role, found);
        for (const href of await page.$$eval('main a[href^="/"]', all => all.map(link => link.getAttribute('href').split('#')[0]))) links.set(href, target);
      }
      await follow(page, site, links, prefix + role, found);
      if (role === 'auditor') {
        await page.goto(`${site.base}/journal`);
        await page.getByRole('button', { name: '校验日志' }).click();
        await page.getByText('前后相连').waitFor();
        await picture(page, `${prefix}auditor-verified-1280.png`);
      }
      await page.context().close();
    }
  }));
  found.push(...troubles.splice(0));
  assert.deepEqual(found, [], found.join('\n'));
}

test('every page of every role is accessible, fits 1280 and 390 pixels, and is quiet', { timeout: 900000 }, async () => lookAtAll(server, PAGES, ''));
test('every page of an empty archive too', { timeout: 400000 }, async () => lookAtAll(empty, EMPTY, 'empty-'));

test('in dark colours the text keeps its contrast', async () => {
  const page = await newPage(server, 'archivist', { colorScheme: 'dark' }), found = [];
  await page.addInitScript(axe);
  for (const target of ['/', `/search?q=${encodeURIComponent('通知')}&opening=1`, `/record/${sample.image.id}`, '/deliveries', '/delivery/1', `/record/${sample.image.id}/edit`, `/record/${sample.pdf.id}/view`]) {
    await page.goto(server.base + target);
    await settled(page);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['color-contrast'] }));
    for (const violation of violations) found.push(`${target}: ${violation.nodes.slice(0, 3).map(node => `${node.html.slice(0, 120)} ${node.failureSummary.split('\n')[1]}`).join(' || ')}`);
    await picture(page, `dark-${target.replace(/\W+/g, '-').slice(0, 40)}.png`);
  }
  assert.deepEqual(found, [], found.join('\n'));
  clean('in dark colours');
});
