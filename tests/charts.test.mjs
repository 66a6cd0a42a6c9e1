// Charts in a real browser: each kind is drawn and equals its table, leads to the rows behind, is there without a script and on paper, is worked with the keyboard, passes axe
// in light and dark and at phone width, and shows nobody what he may not see.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { emptyArchive } from './archive.mjs';
import { Client, lantai, PASSWORD, root, serve, sqlite, temporary } from './support.mjs';

const folder = temporary('lantai-charts-');
const axe = readFileSync(path.join(root, 'node_modules/axe-core/axe.min.js'), 'utf8');
const PANEL = `name: 图的样子
numbers: [查档接待]
charts:
  - {figure: 查档接待, chart: {kind: trend, every: month}}
  - {figure: 利用档案量, chart: {kind: trend, years: 5}}
  - {figure: 年报利用人次, chart: share}
  - {ledger: 问题整改台账, chart: {kind: progress, by: 责任部门}}
  - {ledger: 问题整改台账, chart: backlog}
  - {figure: 本年接收文件, title: 各单位移交, chart: {kind: map, by: 移交单位, in: 组织机构, where: {组织类型: 立档单位}, key: 标题, under: 隶属}}
  - {ledger: 执纪问责, chart: {kind: share, by: 类型}}
`;
const YEAR = 2025;
let dir, server, browser, archivist, panel;
const troubles = [];

before(async () => {
  dir = await emptyArchive();
  assert.equal((await lantai(dir, 'demo', '--ledgers')).status, 0);
  for (const name of ['archivist', 'director', 'reader']) await lantai(dir, 'user', 'add', name, '--role', name, '--password', PASSWORD);
  server = await serve(dir);
  archivist = await new Client(server.base).signIn('archivist');
  const made = await archivist.post('/panel-new', { form: { yaml: PANEL } });
  assert.equal(made.status, 200, made.text);
  panel = made.json.location;
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
});
after(async () => { await browser?.close(); await server?.stop(); });

async function open(target, { undrawn, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: 'zh-CN', reducedMotion: 'reduce', ...options });
  await context.addCookies([...archivist.cookies].map(([name, value]) => ({ name, value, url: server.base })));
  const page = await context.newPage();
  page.on('pageerror', error => troubles.push(error.message));
  // What is still being drawn when the page is left is given up, and htmx says so.
  page.on('console', message => { if (message.type() === 'error' && !/^htmx:(sendAbort|afterRequest),/.test(message.text())) troubles.push(message.text()); });
  page.setDefaultTimeout(15000);
  await page.goto(server.base + target);
  if (options.javaScriptEnabled !== false && !undrawn) await page.waitForFunction(() => document.documentElement.dataset.charts === 'drawn');
  return page;
}
const clean = () => assert.deepEqual(troubles.splice(0), []);

// What each figure of the page has in its table, and what the picture beside it was given.
const both = page => page.evaluate(() => [...document.querySelectorAll('figure[data-chart]')].map(figure => {
  const heads = [...figure.querySelectorAll('thead th')].slice(1), shown = heads.map((head, at) => at).filter(at => !heads[at].hasAttribute('data-plain'));
  const rows = [...figure.querySelectorAll('tbody tr')];
  const value = cell => cell.dataset.value === '' ? null : Number(cell.dataset.value);
  const plot = figure.querySelector('[data-plot]'), chart = plot && window.echarts.getInstanceByDom(plot), option = chart?.getOption();
  return {
    kind: figure.dataset.chart, name: figure.dataset.name, labels: rows.map(row => row.cells[0].textContent), table: shown.map(at => rows.map(row => value(row.cells[at + 1]))),
    drawn: option?.series.map(series => series.data.map(point => point.value ?? null)), motion: option?.animation, size: option?.textStyle.fontSize,
    marks: plot?.querySelectorAll('svg path').length, label: plot?.getAttribute('aria-label'), role: plot?.getAttribute('role'),
    tiles: [...figure.querySelectorAll('.tiles .tile')].map(tile => tile.querySelector('span').textContent), links: figure.querySelectorAll('tbody a').length,
  };
}));

test('each kind is drawn, and what is drawn is what stands in its table and in the JSON', async () => {
  const page = await open(`${panel}?year=${YEAR}`), charts = await both(page), { json } = await archivist.get(`${panel}?year=${YEAR}`);
  assert.deepEqual(charts.map(chart => chart.kind), ['trend', 'trend', 'share', 'progress', 'backlog', 'map']);
  for (const [at, chart] of charts.entries()) {
    assert.ok(chart.labels.length > 1 && chart.links > 1, chart.kind);
    const given = json.charts[at];
    assert.deepEqual(chart.labels, given.rows.map(row => row.label));
    const plain = given.columns.map((column, k) => k).filter(k => !given.columns[k].plain);
    assert.deepEqual(chart.table, plain.map(k => given.rows.map(row => row.cells[k].value ?? null)));
    assert.ok(chart.table.flat().some(value => value > 0), `${chart.kind} has numbers`);
    if (chart.kind === 'map') { assert.deepEqual(chart.tiles, chart.labels); continue; }
    assert.deepEqual(chart.drawn, chart.table, chart.kind);
    assert.ok(chart.marks > chart.labels.length, `${chart.kind}: ${chart.marks} marks`);
    assert.equal(chart.role, 'img');
    assert.match(chart.label, /：.+数据见下表/);
    assert.equal(chart.motion, false, 'less motion was asked for');
  }
  // each kind in the words of the trade: nothing left over, nothing twice
  const [months, years, share, progress, backlog, map] = charts;
  assert.equal(months.labels.length, 12);
  assert.equal(years.labels.at(-1), `${YEAR}年`);
  assert.equal(share.table[0].reduce((a, b) => a + b), (await archivist.get(`/figure/${sqlite(dir, "SELECT id FROM figure WHERE name = '年报利用人次'")[0].id}?year=${YEAR}`)).json.result.value);
  assert.equal(progress.table.flat().reduce((a, b) => a + b), sqlite(dir, `SELECT count(*) AS n FROM ledger_entry e JOIN ledger l ON l.id = e.ledger_id WHERE l.name = '问题整改台账' AND e.from_date / 10000 = ${YEAR}`)[0].n);
  for (let i = 1; i < 12; i++) assert.equal(backlog.table[2][i], backlog.table[2][i - 1] + backlog.table[0][i] - backlog.table[1][i], 'what stays is what stood, and came, less what was done');
  assert.ok(map.table[0].includes(0), 'bodies without anything are on the map too');
  clean();
});

test('a point leads to the rows behind it, by the mouse and by the keyboard', async () => {
  const page = await open(`${panel}?year=${YEAR}`), progress = page.locator('figure[data-chart="progress"]');
  const [late] = await page.evaluate(() => {
    const figure = document.querySelector('figure[data-chart="progress"]'), chart = window.echarts.getInstanceByDom(figure.querySelector('[data-plot]'));
    figure.scrollIntoView({ block: 'center' });
    const rows = [...figure.querySelectorAll('tbody tr')], value = Number(rows[0].cells[1].dataset.value), box = chart.getDom().getBoundingClientRect();
    const [x, y] = chart.convertToPixel({ seriesIndex: 0 }, [value / 2, 0]);
    return [{ x: box.x + x, y: box.y + y, value }];
  });
  await page.mouse.click(late.x, late.y);
  await page.waitForURL(/\/rows\?.*chart=progress/);
  assert.equal(await page.locator('[data-row]').count(), late.value);
  await page.goBack();
  await page.waitForFunction(() => document.documentElement.dataset.charts === 'drawn');
  const button = progress.getByRole('button', { name: /看表|收起表/ });
  assert.equal(await progress.locator('table').isVisible(), false);
  await button.focus();
  await page.keyboard.press('Enter');
  assert.equal(await progress.locator('table').isVisible(), true);
  assert.equal(await button.getAttribute('aria-expanded'), 'true');
  await page.keyboard.press('Tab'); // the table, which scrolls
  await page.keyboard.press('Tab');
  const number = Number(await page.evaluate(() => document.activeElement.closest('td').dataset.value));
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/rows\?/);
  assert.equal(await page.locator('[data-row]').count(), number);
  clean();
});

test('without a script there are the tables and the map; on paper both', async () => {
  const bare = await open(`${panel}?year=${YEAR}`, { javaScriptEnabled: false });
  for (const table of await bare.locator('figure[data-chart] table').all()) assert.ok(await table.isVisible());
  assert.ok(await bare.locator('.tile').first().isVisible());
  assert.equal(await bare.locator('[data-plot]:visible').count(), 0);
  const page = await open(`${panel}?year=${YEAR}`);
  await page.emulateMedia({ media: 'print' });
  for (const part of ['figure[data-chart] table', '[data-plot] svg']) for (const one of await page.locator(part).all()) assert.ok(await one.isVisible(), part);
  const file = path.join(folder, 'panel.pdf');
  writeFileSync(file, await page.pdf({ format: 'A4' }));
  const paper = execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' });
  for (const word of ['月末未办结', '占比', '12月', '市委党校']) assert.ok(paper.includes(word), `${word} is printed`);
  clean();
});

test('faultless for axe at every width, in the dark and in large type, which grows the letters', async () => {
  const id = sqlite(dir, "SELECT id FROM ledger WHERE name = '问题整改台账'")[0].id, figure = sqlite(dir, "SELECT id FROM figure WHERE name = '年报利用人次'")[0].id;
  for (const options of [{}, { viewport: { width: 390, height: 844 } }, { colorScheme: 'dark' }])
    for (const target of [`${panel}?year=${YEAR}`, `/ledger/${id}?show=charts&year=${YEAR}`, `/figure/${figure}?year=${YEAR}`]) {
      const page = await open(target, options);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      assert.deepEqual(violations.map(fault => `${target} ${JSON.stringify(options)} ${fault.id}: ${fault.nodes[0].html.slice(0, 160)}`), []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), `${target} fits`);
      await page.context().close();
    }
  const page = await open(`${panel}?year=${YEAR}`), [before] = await both(page);
  await page.getByRole('button', { name: '大字' }).click();
  await page.waitForFunction(size => window.echarts.getInstanceByDom(document.querySelector('[data-plot]')).getOption().textStyle.fontSize > size, before.size);
  clean();
});

test('a panel shows nobody what he may not see, and tells that it does not', async () => {
  const director = await new Client(server.base).signIn('director');
  const [own, other] = await Promise.all([archivist, director].map(async client => (await client.get(`${panel}?year=2023`)).json));
  assert.ok(own.denied.includes('执纪问责'));
  assert.ok(!own.charts.some(chart => chart.title === '执纪问责'));
  assert.ok(other.charts.some(chart => chart.title === '执纪问责' && chart.rows.length > 1), 'the director sees it');
  const goes = other.charts.find(chart => chart.title === '执纪问责').rows[0].cells[0].goes;
  assert.equal((await director.get(goes)).status, 200);
  assert.equal((await archivist.get(goes)).status, 403);
  assert.equal((await director.post(`${panel}/edit`, { form: { yaml: PANEL } })).status, 403, 'only who defines figures edits a panel');
});

test('a wrong panel is refused with the places; a mended one is in force', async () => {
  const wrong = await archivist.post(`${panel}/edit`, { form: { yaml: 'name: 图的样子\ncharts:\n  - {figure: 查档接代, chart: trend}\n  - {ledger: 利用登记, chart: {kind: progress}}\n' } });
  assert.equal(wrong.status, 422);
  assert.deepEqual(wrong.json.faults.map(fault => fault.where), ['charts[0].figure', 'charts[1].chart']);
  assert.equal((await archivist.post(`${panel}/edit`, { form: { yaml: PANEL.replace('numbers:', 'about: 改过\nnumbers:') } })).status, 200);
  assert.equal((await archivist.get(panel)).json.panel.about, '改过');
  const { yaml } = (await archivist.get(`${panel}/edit`)).json; // as it is shown for editing it is read again
  assert.equal((await archivist.post(`${panel}/edit`, { form: { yaml } })).status, 200);
  assert.equal((await archivist.get(`${panel}/edit`)).json.yaml, yaml);
});

// What the form on a page would send as it stands, written as YAML by the program, beside the YAML that it was made from.
const throughForm = (page, addresses) => page.evaluate(async all => {
  const changed = [];
  for (const address of all) {
    const form = new DOMParser().parseFromString(await (await fetch(address)).text(), 'text/html').querySelector('form.design');
    const body = new URLSearchParams(new FormData(form)), before = body.get('yaml');
    body.set('act', 'yaml');
    const { yaml } = await (await fetch(address, { method: 'POST', body, headers: { Accept: 'application/json' } })).json();
    if (yaml !== before) changed.push({ address, before, yaml });
  }
  return changed;
}, addresses);

test('a figure is made in a form: the number, how it is said and its rows stand beside it while it is made; no figure loses a word by its form', async () => {
  const page = await open('/figure/new', { undrawn: true }), number = page.locator('#tried .tried-number strong'), value = name => page.locator(`[name="d.${name}"]`);
  await page.keyboard.type('巡察来的问题');
  // While the answer to a choice is on its way, a button that it will replace cannot be pressed: what it adds would be lost.
  let release;
  const held = new Promise(done => { release = done; });
  await page.route('**/figure/new', async route => {
    await held;
    return route.continue();
  });
  await value('ledger').selectOption('问题整改台账');
  assert.ok(await page.locator('#design').getByRole('button', { name: '＋ 条件' }).isDisabled());
  release();
  await page.locator('#design').getByRole('button', { name: '＋ 条件' }).click();
  await value('where.0.name').fill('来源'); // waits for the row; that it has the focus is tried for panels
  await value('where.0.value').fill('审计');
  await page.fill('[name=year]', String(YEAR));
  await page.keyboard.press('Tab');
  await value('unit').fill('项');
  const ledger = sqlite(dir, "SELECT id FROM ledger WHERE name = '问题整改台账'")[0].id, { count } = (await archivist.get(`/ledger/${ledger}?f.来源=审计&f.日期=${YEAR}`.replace(/[^\x00-\x7f]/g, encodeURIComponent))).json;
  assert.ok(count > 1);
  await page.waitForFunction(text => document.querySelector('#tried .tried-number strong')?.textContent === text, `${count}项`);
  assert.ok(await page.locator('#tried a[href^="/entry/"]').count() > 1, 'opens to its rows');
  await value('kind').selectOption('distinct');
  await value('field').fill('责任部们');
  await page.locator('#tried').getByText('是不是“责任部门”').waitFor();
  await value('field').fill('责任部门');
  await page.waitForFunction(() => /^\d+项$/.test(document.querySelector('#tried .tried-number strong')?.textContent));
  const bodies = await number.textContent();
  await Promise.all([page.waitForURL(/\/figure\/\d+$/), page.getByRole('button', { name: '启用' }).click()]);
  const made = new URL(page.url()).pathname, { yaml } = (await archivist.get(`${made}/edit`)).json;
  assert.match(yaml, /where: \{来源: 审计\}\ndistinct: 责任部门\n/);
  assert.equal((await archivist.get(`${made}?year=${YEAR}`)).json.result.text, bodies);
  const ids = sqlite(dir, "SELECT MIN(id) AS id FROM figure GROUP BY definition LIKE '%\"events\"%', definition LIKE '%\"rate\"%', definition LIKE '%\"list\"%', definition LIKE '%\"coverage\"%', definition LIKE '%\"within\"%', definition LIKE '%\"records\"%'");
  assert.ok(ids.length > 6);
  assert.deepEqual(await throughForm(page, ids.map(({ id }) => `/figure/${id}/edit`)), []);
  clean();
});

test('a panel is made in a form and drawn while it is made', async () => {
  const page = await open('/panel-new', { undrawn: true }), value = name => page.locator(`[name="d.${name}"]`);
  await page.keyboard.type('表单一览');
  await value('charts.0.figure').fill('查档接');
  await page.getByRole('option', { name: /^查档接待/ }).first().click();
  await page.locator('#panel-seen figure[data-chart=trend]').waitFor();
  await page.getByRole('button', { name: '＋ 加一张图' }).click();
  await page.waitForFunction(() => document.activeElement.name === 'd.charts.1.figure');
  await value('charts.1.ledger').selectOption('问题整改台账');
  await value('charts.1.chart.kind').selectOption('progress');
  await value('charts.1.chart.by').fill('责任部门');
  await page.locator('#panel-seen figure[data-chart=progress]').waitFor();
  // The answer to what is saved comes late: the preview that was due meanwhile is not asked for, or it would say that the name is taken.
  await page.route('**/panel-new', async route => {
    if (!route.request().isNavigationRequest()) return route.continue();
    const response = await route.fetch({ maxRedirects: 0 });
    await new Promise(done => setTimeout(done, 1500));
    return route.fulfill({ response });
  });
  await value('about').fill('各处室的整改');
  await Promise.all([page.waitForURL(/\/panel\/\d+$/), page.getByRole('button', { name: '保存' }).click()]);
  const made = new URL(page.url()).pathname;
  assert.match((await archivist.get(`${made}/edit`)).json.yaml, /- \{figure: 查档接待, chart: trend\}\n {2}- \{ledger: 问题整改台账, chart: \{kind: progress, by: 责任部门\}\}/);
  assert.deepEqual(await throughForm(page, [`${made}/edit`, `${panel}/edit`]), []);
  assert.equal((await archivist.post(`${made}/drop`)).status, 200);
  clean();
});

test('a ledger\'s charts follow its filters and open to its entries', async () => {
  const id = sqlite(dir, "SELECT id FROM ledger WHERE name = '问题整改台账'")[0].id;
  const [all, some] = await Promise.all(['', '&f.来源=审计'].map(async filter => (await archivist.get(`/ledger/${id}?show=charts&year=${YEAR}${encodeURI(filter)}`)).json));
  assert.deepEqual(all.charts.map(chart => chart.kind).slice(0, 4), ['trend', 'progress', 'backlog', 'share']);
  const total = model => model.charts[1].rows.flatMap(row => row.cells).reduce((sum, cell) => sum + cell.value, 0);
  assert.equal(total(all), all.count);
  assert.equal(total(some), some.count);
  assert.ok(some.count > 0 && some.count < all.count);
  const cell = some.charts[1].rows[0].cells[0], { json } = await archivist.get(cell.goes);
  assert.equal(json.behind.rows.length, cell.value);
});

test('the first panel stands on the home page of who may see it; one is deleted, and does not come back; one is defined from a file', async () => {
  const page = await open('/');
  await page.locator('[data-brief] figure[data-chart]').first().waitFor();
  const charts = await both(page), brief = (await archivist.get('/panel-brief')).json;
  assert.deepEqual(charts.map(chart => chart.kind), ['trend', 'trend']);
  assert.ok(charts.every((chart, at) => !brief.charts[at].drawn || (chart.marks > 3 && chart.role === 'img')), 'charts that come later are drawn too');
  assert.ok(await page.locator('[data-brief] .stat').count() >= 3);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForFunction(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth); // charts follow a frame later
  clean();
  const reader = await new Client(server.base).signIn('reader');
  assert.doesNotMatch((await reader.get('/', { html: true })).text, /panel-brief/);
  assert.equal((await reader.get('/panel-brief')).status, 403);
  const first = brief.panel.id;
  assert.equal((await archivist.post(`/panel/${first}/drop`)).status, 200);
  assert.equal((await archivist.get(`/panel/${first}`)).status, 404);
  assert.notEqual((await archivist.get('/panel')).json.panel.id, first);
  await server.stop();
  const file = path.join(folder, 'other.yaml'), wrong = path.join(folder, 'wrong.yaml');
  writeFileSync(file, 'name: 另一览\ncharts:\n  - {figure: 查档接待, chart: trend}\n');
  writeFileSync(wrong, 'name: 错一览\ncharts:\n  - {figure: 查档接代, chart: trend}\n');
  const refused = await lantai(dir, 'define', wrong);
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /wrong\.yaml.*charts\[0\]\.figure.*没有指标“查档接代”/s);
  assert.deepEqual((await lantai(dir, 'define', file, '--json')).json.panels, ['另一览']);
  server = await serve(dir);
  archivist = await new Client(server.base).signIn('archivist');
  assert.equal((await archivist.get(`/panel/${first}`)).status, 404, 'its file does not bring it back');
  assert.ok((await archivist.get('/panel')).json.panels.some(one => one.name === '另一览'));
  const { status, json } = await archivist.post('/panel-new', { form: { yaml: 'name: 馆长一览\ncharts:\n  - {figure: 查档接待, chart: trend}\n' } });
  assert.equal(status, 200);
  assert.equal(json.location, `/panel/${first}`, 'under its old name it is itself again');
});
