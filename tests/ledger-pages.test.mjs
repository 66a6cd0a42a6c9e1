// The pages of ledgers in a real browser: an entry by keyboard alone, fields that depend on others, child rows, a conflict that is asked about, a patrol on a phone; each page
// looked at by axe-core, at 1280 and 390 pixels.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { emptyArchive } from './archive.mjs';
import { Client, lantai, PASSWORD, root, serve } from './support.mjs';

const axe = readFileSync(path.join(root, 'node_modules/axe-core/axe.min.js'), 'utf8');
let dir, server, browser, page, ledgers, colleague;
const troubles = [];

before(async () => {
  dir = await emptyArchive();
  for (const name of ['clerk', 'other']) assert.equal((await lantai(dir, 'user', 'add', name, '--role', 'archivist', '--password', PASSWORD)).status, 0);
  assert.equal((await lantai(dir, 'user', 'add', 'boss', '--role', 'director', '--password', PASSWORD)).status, 0);
  server = await serve(dir);
  colleague = await new Client(server.base).signIn('other');
  ledgers = Object.fromEntries((await colleague.get('/ledgers')).json.groups.flatMap(group => group.ledgers).map(ledger => [ledger.name, ledger.id]));
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
  page = await (await browser.newContext({ locale: 'zh-CN', viewport: { width: 1280, height: 900 }, bypassCSP: true })).newPage();
  page.on('console', message => { if (message.type() === 'error' && !/status of (409|422)/.test(message.text())) troubles.push(`${page.url()}: ${message.text()}`); });
  page.on('pageerror', error => troubles.push(`${page.url()}: ${error.message}`));
  await page.goto(`${server.base}/login`);
  await page.fill('main input[name=name]', 'clerk');
  await page.fill('main input[name=password]', PASSWORD);
  await Promise.all([page.waitForNavigation(), page.click('main form button')]);
});
after(async () => { await browser?.close(); await server?.stop(); });

test('an archive with nothing in it says where to begin; no blank charts, no empty list of reports without a word', async () => {
  await page.goto(server.base);
  assert.deepEqual([await page.locator('.first-steps li').count(), await page.locator('main > .stats').count()], [4, 0]);
  assert.equal(await page.getByRole('link', { name: '接收第一批档案' }).count(), 1);
  await page.getByText('馆长一览').waitFor();
  assert.equal(await page.locator('[data-brief] figure').count(), 0);
  await page.goto(`${server.base}/panel`);
  const drawn = await page.locator('figure.drawing').count();
  assert.deepEqual([drawn > 0, await page.locator('figure.blank').count(), await page.locator('.chart-table').count()], [true, drawn, 0]);
  assert.match(await page.locator('.stats').first().innerText(), /^0人次[^]*\n0卷（件）\n[^]*逾期任务/);
  const boss = await new Client(server.base).signIn('boss'), { templates, drafters, rows } = (await boss.get('/reports')).json;
  assert.deepEqual([rows.length, templates.length > 0, drafters], [0, true, '档案员']);
});

test('an entry by keyboard: digits choose, Enter goes on and adds rows, Ctrl+Enter saves and keeps what stays the same', async () => {
  await page.goto(`${server.base}/ledger/${ledgers['会议台账']}`);
  await page.keyboard.press('n');
  await page.waitForURL(/\/new$/);
  await page.keyboard.type('党委会第一次会议');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'v.日期');
  await page.fill('[name="v.会议类型"]', '党委会');
  await page.fill('[name="v.议题.0.议题名"]', '学习讲话');
  const last = page.locator('[data-child-rows="议题"] tbody tr:last-child').locator('input, select, textarea').last();
  await last.focus();
  await page.getByRole('group', { name: '议题' }).getByRole('button', { name: '加一行' }).click();
  await page.keyboard.type('研究预算');
  assert.equal(await page.evaluate(() => document.activeElement.name), 'v.议题.1.议题名');
  await page.keyboard.press('Control+Enter');
  await page.waitForURL(/like=\d+/);
  assert.equal(await page.inputValue('[name="v.会议类型"]'), '党委会');
  assert.equal(await page.inputValue('[name="v.标题"]'), '');
  const saved = (await colleague.get(`/ledger/${ledgers['会议台账']}`)).json.entries[0];
  assert.deepEqual(saved.values['议题'].map(row => row['议题名']), ['学习讲话', '研究预算']);
  await page.goto(`${server.base}/ledger/${ledgers['值班巡查']}/new`);
  await page.focus('[name="v.类型"][value="日查"]');
  assert.equal(await page.locator('[data-field="科目"]').isVisible(), false);
  await page.keyboard.press('6');
  assert.equal(await page.isChecked('[name="v.类型"][value="应急演练"]'), true);
  assert.equal(await page.locator('[data-field="科目"]').isVisible(), true);
  await page.keyboard.press('1');
  assert.equal(await page.locator('[data-field="科目"]').isVisible(), false);
});

test('two at one entry: what both changed is asked about, and nothing is lost', async () => {
  const made = await colleague.post(`/ledger/${ledgers['问题整改台账']}/new`, { form: { 'v.标题': '漏雨', 'v.日期': '2026-05-01', 'v.来源': '巡察', 'v.责任人': '甲' } });
  const entry = made.json.location;
  await page.goto(`${server.base}${entry}/edit`);
  await page.fill('[name="v.责任人"]', '丙');
  await page.fill('[name="v.问题方面"]', '屋面');
  assert.equal((await colleague.post(`${entry}/edit`, { form: { 'v.责任人': '乙', 'v.标题': '漏雨了' } })).status, 200);
  await page.keyboard.press('Control+s');
  await page.getByText('他人现在写的是：乙').waitFor();
  assert.equal(await page.inputValue('[name="v.标题"]'), '漏雨了');
  await page.getByLabel('用我填写的').check();
  await Promise.all([page.waitForURL(url => url.pathname === entry), page.keyboard.press('Control+s')]);
  const now = (await colleague.get(entry)).json.entry;
  assert.deepEqual([now.owner, now.title, now.values['问题方面']], ['丙', '漏雨了', '屋面']);
});

test('a patrol on a phone: the form fits, takes a photo, and the entry shows it', async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${server.base}/ledger/${ledgers['值班巡查']}/new`);
  await page.check('[name="v.类型"][value="巡查"]');
  assert.equal(await page.getAttribute('[name="file5"]', 'capture'), 'environment');
  await page.setInputFiles('[name="file5"]', { name: '库房.png', mimeType: 'image/png', buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=', 'base64') });
  await Promise.all([page.waitForURL(/\/entry\/\d+$/), page.getByRole('button', { name: '保存', exact: true }).click()]);
  await page.locator('ul.files img').waitFor();
  assert.ok(await page.evaluate(() => document.querySelector('ul.files img').complete && document.querySelector('ul.files img').naturalWidth > 0 || new Promise(done => { document.querySelector('ul.files img').onload = () => done(true); })));
  await page.setViewportSize({ width: 1280, height: 900 });
});

test('on the board a card is dragged, what the move asks for is filled in a dialog, the step is taken back; another person closes it', async () => {
  const board = `${server.base}/ledger/${ledgers['问题整改台账']}?show=board`;
  const entry = (await colleague.post(`/ledger/${ledgers['问题整改台账']}/new`, { form: { 'v.标题': '台阶破损', 'v.日期': '2026-05-02', 'v.来源': '巡察' } })).json.location;
  const card = page.locator(`[data-card="${entry.split('/').pop()}"]`), lane = state => page.locator(`[data-lane="${state}"]`), dialog = page.locator('dialog.move-dialog');
  const hand = async () => {
    await dialog.waitFor();
    await dialog.locator('[name="v.责任领导"]').fill('馆长');
    await dialog.locator('[name="v.责任单位"]').fill('办公室');
    await dialog.locator('[name="v.截止"]').fill('2030-01-01');
    await Promise.all([page.waitForURL(/moved=/), dialog.getByRole('button', { name: '交办', exact: true }).click()]);
  };
  await page.goto(board);
  await card.dragTo(lane('整改中'));
  await hand();
  await lane('整改中').locator(card).waitFor();
  await Promise.all([page.waitForURL(url => !url.searchParams.has('moved')), page.getByRole('button', { name: '撤销这一步' }).click()]);
  await lane('登记').locator(card).waitFor();
  assert.equal((await colleague.get(entry)).json.entry.due ?? 0, 0);
  await card.getByText('交办…').focus();
  await page.keyboard.press('Enter');
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), '交办…');
  await page.keyboard.press('Enter');
  await hand();
  await page.goto(server.base + entry);
  await page.getByText('提请核验…').click();
  await dialog.locator('[name="v.整改成效"]').fill('已修好');
  await dialog.locator('[name="file1"]').setInputFiles({ name: '完工.txt', mimeType: 'text/plain', buffer: Buffer.from('已修好') });
  await Promise.all([page.waitForResponse(reply => reply.request().method() === 'POST'), dialog.getByRole('button', { name: '提请核验', exact: true }).click()]);
  await page.getByText('须由另一人办理（上一步是您办的）：销号').waitFor();
  const closed = await colleague.post(`${entry}/move`, { form: { to: '已整改' } });
  assert.equal(closed.status, 200);
  const now = (await colleague.get(entry)).json.entry;
  assert.deepEqual([now.state, now.files.map(file => file.name), now.values['整改成效']], ['已整改', ['完工.txt'], '已修好']);
});

test('a field of names offers what is meant, by initials too, also for the second of several values', async () => {
  const ledger = `/ledger/${ledgers['问题整改台账']}`;
  await colleague.post(`${ledger}/new`, { form: { 'v.标题': '旧账', 'v.日期': '2026-05-02', 'v.来源': '巡察', 'v.责任单位': '市财政局\n市教育局', 'v.责任领导': '欧阳敏盛' } });
  await page.goto(`${server.base}${ledger}/new`);
  const choose = async (name, letters, offered) => {
    await page.locator(name).pressSequentially(letters);
    await page.locator('.suggestions.at-field:visible [role="option"]', { hasText: offered }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
  };
  await page.locator('[name="v.责任领导"]').focus();
  await choose('[name="v.责任领导"]', 'oyms', '欧阳敏盛');
  assert.equal(await page.inputValue('[name="v.责任领导"]'), '欧阳敏盛');
  await page.locator('[name="v.责任单位"]').fill('办公室\n');
  await choose('[name="v.责任单位"]', 'shicaiz', '市财政局');
  assert.equal(await page.inputValue('[name="v.责任单位"]'), '办公室\n市财政局');
  page.once('dialog', question => question.accept());
  const secret = (await colleague.get(`${ledger}/suggest?field=没有这一栏&q=a`)).json.items;
  assert.deepEqual(secret, []);
});

test('a change in bulk is taken back later, from the list of them', async () => {
  const ledger = `/ledger/${ledgers['问题整改台账']}`;
  const made = await Promise.all(['甲事', '乙事'].map(title => colleague.post(`${ledger}/new`, { form: { 'v.标题': title, 'v.日期': '2026-05-03', 'v.来源': '调研' } })));
  await page.goto(`${server.base}${ledger}/bulk?f.来源=调研`);
  await page.fill('[name="value"]', '屋面');
  await page.selectOption('[name="field"]', '问题方面');
  await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: '预览' }).click()]);
  assert.match(await page.locator('tbody[data-rows]').innerText(), /甲事[^]*问题方面：（空） → 屋面/);
  const batch = new URL(page.url()).pathname;
  await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: '修改这 2 条' }).click()]);
  await colleague.post(`${made[1].json.location}/edit`, { form: { 'v.责任人': '乙' } });
  await page.goto(`${server.base}${ledger}/actions`);
  await Promise.all([page.waitForNavigation(), page.locator(`a[href="${batch}"]`).click()]);
  page.once('dialog', question => question.accept());
  await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: '撤销这一批' }).click()]);
  await page.getByText('已撤销（1）').waitFor();
  await page.getByText('没有撤销（1）').waitFor();
  assert.equal(await page.getByRole('button', { name: '撤销这一批' }).count(), 0);
  const aspects = (await Promise.all(made.map(reply => colleague.get(reply.json.location)))).map(reply => reply.json.entry.values['问题方面']);
  assert.deepEqual(aspects, [undefined, '屋面']);
});

test('pasted rows: what is wrong stands beside its row, the rest is written and taken back on the page that shows it', async () => {
  const ledger = `/ledger/${ledgers['问题整改台账']}`;
  await page.goto(`${server.base}${ledger}/paste`);
  await page.fill('#p-text', '问题\t发现日期\t来源\n贴一\t2026-05-03\t调研\n贴二\t某日\t调研\n贴三\t2026-05-05\t调研\n');
  await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: '核对' }).click()]);
  assert.match(await page.locator('table.pasted tr.overdue').innerText(), /贴二.*发现日期：“某日”不是日期/s, 'as the head row calls it');
  await Promise.all([page.waitForURL(/ledger-batch/), page.getByRole('button', { name: '只写入没有问题的' }).click()]);
  const batch = new URL(page.url()).pathname;
  assert.match(await page.locator('tbody[data-rows]').innerText(), /贴二.*发现日期：“某日”不是日期/s, 'what was left out is not forgotten');
  const wrong = await Promise.all([page.waitForEvent('download'), page.getByText('下载成表格').click()]).then(([file]) => file.path());
  await page.goto(`${server.base}${ledger}/import`);
  await page.setInputFiles('[name=file]', { name: '待改.xlsx', mimeType: 'application/octet-stream', buffer: readFileSync(wrong) });
  await Promise.all([page.waitForURL(/ledger-batch/), page.getByRole('button', { name: '读入核对' }).click()]);
  assert.match(await page.locator('main').innerText(), /读了 1 行：将新登记 0 条.*1 处有误.*有误，不写入（1）/s);
  assert.equal(await page.getByText('不是这个台账的栏目').count(), 0, 'the column with the reasons is known');
  for (const [name, content] of [['空的.csv', ''], ['照片.xlsx', '\x89PNG\r\n\x1a\n\0\0']]) {
    await page.goto(`${server.base}${ledger}/import`);
    await page.setInputFiles('[name=file]', { name, mimeType: 'text/csv', buffer: Buffer.from(content, 'latin1') });
    await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: '读入核对' }).click()]);
    assert.match(await page.getByRole('alert').innerText(), name === '空的.csv' ? /空的/ : /照片\.xlsx/, 'the file that was chosen');
    assert.equal(await page.locator('[name=file]').count(), 1, 'on the form');
  }
  await page.goto(`${server.base}${batch}`);
  await Promise.all([page.waitForNavigation(), page.getByText('在页面上改这 1 条').click()]);
  assert.equal(await page.inputValue('#p-text'), '问题\t发现日期\t来源\n贴二\t某日\t调研');
  assert.equal((await colleague.get(`${ledger}/paste?batch=${batch.split('/').pop()}`)).status, 404, 'one’s own rows only');
  await page.goto(`${server.base}${batch}?show=made`);
  assert.deepEqual(await page.locator('tbody[data-rows] a').allTextContents(), ['贴一', '贴三']);
  await page.addScriptTag({ content: axe });
  assert.deepEqual(await page.evaluate(async () => (await axe.run(document, { resultTypes: ['violations'] })).violations.filter(one => ['serious', 'critical'].includes(one.impact)).map(one => one.id)), []);
  page.once('dialog', question => question.accept());
  await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: '撤销这一批' }).click()]);
  await page.getByText('已撤销（2）').waitFor();
  await page.goto(`${server.base}${ledger}/actions`);
  assert.equal(await page.locator(`a[href="${batch}"]`).count(), 1);
  assert.equal((await colleague.get(`${ledger}?q=${encodeURIComponent('贴一')}`)).json.count, 0);
});

test('a person puts first the ledgers he works in: on their page, and at home; nobody else sees it', async () => {
  await page.goto(`${server.base}/ledgers`);
  const before = await page.locator('section.ledger-group').count();
  await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: '常用：督办任务' }).click()]);
  assert.deepEqual([await page.locator('section.ledger-group').count(), await page.locator('section.ledger-group').first().locator('h2, th a').allTextContents()], [before + 1, ['常用', '督办任务']]);
  await page.goto(server.base);
  assert.equal(await page.locator('.usual a', { hasText: '督办任务' }).first().getAttribute('href'), `/ledger/${ledgers['督办任务']}`);
  assert.equal((await colleague.get('/ledgers')).json.groups.length, before);
  assert.deepEqual((await new Client(server.base).signIn('clerk').then(clerk => clerk.get(`/ledger/${ledgers['督办任务']}`))).json.own_views, [], 'it is no view with filters');
  await page.goto(`${server.base}/ledgers`);
  await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: '常用：督办任务' }).first().click()]);
  assert.equal(await page.locator('section.ledger-group').count(), before);
});

test('filters, order and columns are kept as a view of one’s own, opened, and deleted; nobody else has it', async () => {
  const ledger = `/ledger/${ledgers['问题整改台账']}`;
  await colleague.post(`${ledger}/new`, { form: { 'v.标题': '己事', 'v.日期': '2026-05-03', 'v.来源': '调研' } });
  await page.goto(`${server.base}${ledger}?f.来源=调研&sort=-标题`);
  await page.getByText('存为我的视图').click();
  await page.fill('details.save-view [name=name]', '调研的');
  await page.fill('details.save-view [name=columns]', '标题、来源');
  await Promise.all([page.waitForURL(/columns=/), page.locator('details.save-view button').click()]);
  await page.goto(`${server.base}${ledger}`);
  await Promise.all([page.waitForURL(/columns=/), page.getByRole('link', { name: '调研的' }).click()]);
  assert.deepEqual((await page.locator('thead th').allInnerTexts()).map(text => text.replace(/[↓↑]/, '').trim()).filter(Boolean).slice(-2), ['问题', '来源']);
  assert.match(page.url(), /sort=-/);
  const own = (await colleague.get(ledger)).json.own_views, mine = new URL(page.url());
  assert.deepEqual(own, []);
  assert.equal((await colleague.post(`${ledger}/own-view/drop`, { form: { own: 1 } })).status, 404);
  assert.equal((await colleague.get(`${mine.pathname}?columns=${encodeURIComponent('标提')}`)).status, 422);
  page.once('dialog', question => question.accept());
  await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: '删除视图 调研的' }).click()]);
  assert.equal(await page.getByRole('link', { name: '调研的' }).count(), 0);
});

test('a ledger is made and changed in the form alone: rows move by keyboard, a renamed field keeps its entries, what contradicts them is listed', async () => {
  const value = name => page.locator(`[name="d.${name}"]`);
  await page.goto(`${server.base}/ledger-definition/new`);
  await value('name').fill('水毁修复');
  await value('fields.0.name').fill('设施');
  await value('fields.0.values').fill('堤防、渠道、水闸');
  await page.getByRole('button', { name: '＋ 加一栏' }).click();
  await page.waitForFunction(() => document.activeElement.name === 'd.fields.2.name');
  await page.keyboard.type('投资');
  await value('fields.2.type').selectOption('money');
  await value('fields.2.list').check();
  await page.locator('#fields-2 button[aria-label="上移"]').focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.value === 'up fields.1');
  assert.equal(await value('fields.1.name').inputValue(), '投资');
  await Promise.all([page.waitForURL(/\/ledger\/\d+$/), page.getByRole('button', { name: '保存并生效' }).click()]);
  const ledger = new URL(page.url()).pathname;
  assert.deepEqual(await page.locator('.empty .button').allTextContents(), ['登记第一条', '粘贴表格', '导入表格']);
  const entry = (await colleague.post(`${ledger}/new`, { form: { 'v.标题': '东堤', 'v.日期': '2026-05-01', 'v.设施': '堤防', 'v.投资': '300' } })).json.location;
  await page.goto(`${server.base}${ledger}/definition`);
  await value('fields.0.name').fill('哪类设施');
  await value('fields.0.values').fill('渠道\n水闸');
  await page.getByRole('button', { name: '保存并生效' }).click();
  await page.getByText('合不上的条目：1').waitFor();
  assert.equal(await value('fields.0.name').inputValue(), '哪类设施');
  await value('fields.0.values').fill('堤防\n渠道\n水闸');
  await Promise.all([page.waitForURL(/\/definition$/), page.getByRole('button', { name: '保存并生效' }).click()]);
  assert.equal((await colleague.get(entry)).json.entry.values['哪类设施'], '堤防');
  const { yaml } = (await colleague.get(`${ledger}/definition`)).json;
  assert.match(yaml, /name: 哪类设施, was: \[设施\]/);
  assert.match(yaml, /uses: \[责任人, 截止, 附件\]/);
});

test('what a ledger’s definition says in YAML is all in its form: opened and sent as it is, nothing of it changes', async () => {
  const names = ['问题整改台账', '接收进馆', '会议台账', '值班巡查', '档案安全风险评估', '督办任务', '人事台账'].filter(name => ledgers[name]);
  assert.ok(names.length > 4);
  const changed = await page.evaluate(async ids => Promise.all(ids.map(async id => {
    const shown = new DOMParser().parseFromString(await (await fetch(`/ledger/${id}/definition`)).text(), 'text/html');
    const body = new URLSearchParams(new FormData(shown.querySelector('form.design')));
    body.set('act', 'check');
    const { changes, sound } = await (await fetch(`/ledger/${id}/definition`, { method: 'POST', body, headers: { Accept: 'application/json' } })).json();
    return { changes, sound };
  })), names.map(name => ledgers[name]));
  assert.deepEqual(changed, names.map(() => ({ changes: [], sound: true })));
});

test('conditions and what a step fills in are rows of the form; a field comes when its condition is met', async () => {
  const value = name => page.locator(`[name="d.${name}"]`);
  await page.goto(`${server.base}/ledger-definition/new`);
  await value('name').fill('巡堤');
  await value('fields.1.name').fill('险情数');
  await value('fields.1.type').selectOption('number');
  await page.getByRole('button', { name: '＋ 加一栏' }).click();
  await page.waitForFunction(() => document.activeElement.name === 'd.fields.2.name');
  await page.keyboard.type('怎样处置');
  await page.locator('#fields-2 summary').click();
  await page.locator('#fields-2').getByRole('button', { name: '＋ 条件' }).click();
  await page.waitForFunction(() => document.activeElement.name === 'd.fields.2.when.0.name');
  await page.keyboard.type('险情数');
  await value('fields.2.when.0.op').selectOption('min');
  await value('fields.2.when.0.value').fill('1');
  await page.locator('#moves-0 summary').click();
  await page.locator('#moves-0 .design-sub').first().getByRole('button', { name: '＋ 一项' }).click();
  await page.waitForFunction(() => document.activeElement.name === 'd.moves.0.sets.0.name');
  await page.keyboard.type('怎样处置');
  await value('moves.0.sets.0.value').fill('办理人');
  await value('fields.0.name').fill('哪段');
  await page.getByRole('button', { name: '＋ 加一个视图' }).click();
  await page.waitForFunction(() => document.activeElement.name === 'd.views.0.name');
  await page.keyboard.type('甲段');
  await page.locator('#views-0').getByRole('button', { name: '＋ 条件' }).click();
  await page.waitForFunction(() => document.activeElement.name === 'd.views.0.where.0.name');
  await page.keyboard.type('哪段');
  await value('views.0.where.0.value').focus();
  await page.keyboard.press('ArrowDown');
  await page.getByRole('option', { name: '乙' }).waitFor(); /* what the field named beside it may hold */
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await Promise.all([page.waitForURL(/\/ledger\/\d+$/), page.getByRole('button', { name: '保存并生效' }).click()]);
  const ledger = new URL(page.url()).pathname, { yaml } = (await colleague.get(`${ledger}/definition`)).json;
  assert.match(yaml, /when: \{险情数: \{min: 1\}\}/);
  assert.match(yaml, /sets: \{怎样处置: actor\}/);
  assert.match(yaml, /where: \{哪段: 甲\}/);
  await page.goto(`${server.base}${ledger}/new`);
  const how = page.locator('[data-field="怎样处置"]');
  assert.equal(await how.isVisible(), false);
  await page.fill('[name="v.险情数"]', '2');
  await page.locator('[name="v.险情数"]').blur();
  await how.waitFor({ state: 'visible' });
  await page.goto(`${server.base}${ledger}`); /* an empty list is a sheet too */
  const written = page.locator('tbody.quick');
  await page.keyboard.press('a');
  await written.locator('[name="v.标题"]').fill('东堤');
  await written.locator('[name="v.哪段"][value="甲"]').check();
  await page.keyboard.press('Control+Enter');
  await page.locator('tr[data-entry]', { hasText: '东堤' }).waitFor();
  assert.equal(await page.locator('.empty').count(), 0);
  await page.setViewportSize({ width: 390, height: 844 }); /* and one thumb writes the next */
  await page.reload();
  await page.getByRole('button', { name: '＋ 在表中登记' }).click();
  await written.locator('[name="file5"]').setInputFiles({ name: '西堤.png', mimeType: 'image/png', buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=', 'base64') });
  await written.locator('[name="v.标题"]').fill('西堤');
  await written.locator('[name="v.哪段"][value="乙"]').check();
  assert.ok(await written.getByText('哪段', { exact: true }).first().isVisible());
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth));
  await written.getByRole('button', { name: '登记' }).click();
  await page.locator('tr[data-entry]', { hasText: '西堤' }).waitFor();
  const west = await page.locator('tr[data-entry]', { hasText: '西堤' }).getAttribute('data-entry');
  assert.match((await colleague.get(`/entry/${west}`, { html: true })).text, /西堤\.png/);
  await page.setViewportSize({ width: 1280, height: 900 });
});

test('a report’s template is made on its page: a figure found and put in, its number to be opened beside it, heading and fixed words kept', async () => {
  await page.goto(`${server.base}/reports`);
  await Promise.all([page.waitForURL(/report-templates\/new$/), page.getByRole('link', { name: '新建模板' }).click()]);
  await page.getByLabel('名称', { exact: true }).fill('问题整改小结');
  await page.getByLabel('标题', { exact: true }).fill('{馆名}{年份}年问题整改小结');
  await page.getByLabel('固定说法').fill('四个好');
  await page.fill('#t-year', '2026');
  await page.fill('#r-text', '发现问题');
  await page.locator('#r-text').press('End');
  await page.fill('#r-find', '问题');
  await page.locator('#found [data-insert]').first().waitFor();
  const name = await page.locator('#found [data-insert]').first().getAttribute('data-insert');
  await page.locator('#r-find').press('Enter');
  assert.equal(await page.inputValue('#r-text'), `发现问题{${name}}`);
  await page.locator('.paper a.figure').waitFor();
  assert.match(await page.locator('.paper a.figure').getAttribute('href'), /^\/figures\?year=2026&q=/);
  const other = await page.locator('#found [data-insert]').first().getAttribute('data-insert');
  for (const as of ['when', 'table', 'table', 'chart']) { /* what else a figure may stand as, each on its own line where it must */
    await page.selectOption('#r-as', as);
    await page.locator('#r-find').press('Enter');
  }
  assert.equal(await page.inputValue('#r-text'), `发现问题{${name}}{若 ${other} > 0}{${other}}{否则}没有{完}\n| 项目 | 今年 | 上年 |\n| ${other} | {${other}.value} | {${other}.last_bare} |\n`
    + `| ${other} | {${other}.value} | {${other}.last_bare} |\n{图 ${other}}\n`);
  await page.locator('.paper table').first().waitFor();
  await page.fill('#r-text', `发现问题{${name}}`);
  await page.waitForFunction(() => !document.querySelector('.paper table'));
  await Promise.all([page.waitForURL(/report-template\/\d+$/), page.getByRole('button', { name: '保存模板' }).click()]);
  const id = page.url().split('/').pop();
  const draft = (await colleague.post('/reports/new', { form: { template: id, year: '2026' } })).json.location;
  await page.goto(server.base + draft);
  await page.getByText('本馆2026年问题整改小结').waitFor();
  await page.emulateMedia({ media: 'print' });
  assert.deepEqual([await page.locator('.report-edit').isVisible(), await page.locator('#preview').isVisible()], [false, true], 'on paper the report, not what it is written as');
  await page.emulateMedia({ media: null });
  await Promise.all([page.waitForURL(/report-template/), page.getByRole('link', { name: '标题、参数、固定说法' }).click()]);
  assert.equal(await page.getByLabel('固定说法').inputValue(), '四个好');
  await page.getByLabel('标题', { exact: true }).fill('{没有}');
  await page.getByRole('button', { name: '保存模板' }).click();
  await page.getByText('没有', { exact: false }).first().waitFor();
  assert.equal((await colleague.get(draft)).json.paper.heading, '本馆2026年问题整改小结');
});

test('a filtered list is read entry after entry; a step taken on the way is taken back, and the place is kept', async () => {
  const ledger = `/ledger/${ledgers['问题整改台账']}`, titles = ['门锁失灵', '灯管老化', '窗扇松动'];
  for (const [i, title] of titles.entries()) await colleague.post(`${ledger}/new`, { form: { 'v.标题': title, 'v.日期': `2026-03-0${3 - i}`, 'v.来源': '监察建议书' } });
  await page.goto(`${server.base}${ledger}?f.来源=监察建议书`);
  assert.match(await page.locator('.facet-row', { hasText: '要办' }).textContent(), /未办结 3/);
  await Promise.all([page.waitForNavigation(), page.getByRole('link', { name: '未办结 3' }).click()]);
  await Promise.all([page.waitForURL(/\/entry\//), page.getByRole('link', { name: titles[0] }).click()]);
  const beside = page.getByRole('navigation', { name: '列表中的前后条' }), next = async key => Promise.all([page.waitForNavigation(), page.keyboard.press(key)]);
  assert.equal(await beside.locator('.muted').textContent(), '第 1 条，共 3 条');
  assert.equal(await beside.getByText('上一条').count(), 0);
  await next(']');
  await next(']');
  assert.match(await page.locator('h1').textContent(), /窗扇松动/);
  assert.equal(await beside.getByText('下一条').count(), 0);
  await next('[');
  assert.equal(await beside.locator('.muted').textContent(), '第 2 条，共 3 条');
  await page.getByText('交办…').click();
  const dialog = page.locator('dialog.move-dialog');
  await dialog.locator('[name="v.责任领导"]').fill('馆长');
  await dialog.locator('[name="v.责任单位"]').fill('办公室');
  await dialog.locator('[name="v.截止"]').fill('2030-01-01');
  await Promise.all([page.waitForURL(/moved=/), dialog.getByRole('button', { name: '交办', exact: true }).click()]);
  assert.equal(await beside.locator('.muted').textContent(), '第 2 条，共 3 条');
  await Promise.all([page.waitForURL(url => !url.searchParams.has('moved')), page.getByRole('button', { name: '撤销这一步' }).click()]);
  await page.getByText('交办…').waitFor();
  await Promise.all([page.waitForNavigation(), page.getByRole('link', { name: '修改', exact: true }).click()]);
  await page.fill('[name="v.来源"]', '审计');
  await Promise.all([page.waitForURL(/\/entry\/\d+\?/), page.keyboard.press('Control+s')]);
  assert.equal(await beside.locator('.muted').textContent(), '已不在列表中，共 2 条');
  await next(']');
  assert.match(await page.locator('h1').textContent(), /窗扇松动/);
  await Promise.all([page.waitForNavigation(), beside.getByRole('link', { name: '回到列表' }).click()]);
  assert.deepEqual(await page.locator('td.lead a').allTextContents(), ['门锁失灵', '窗扇松动']);
  await Promise.all([page.waitForURL(/\/entry\//), page.getByRole('link', { name: titles[2] }).click()]);
  await page.locator('summary', { hasText: '删除' }).click();
  await page.fill('[name="why"]', '重复');
  page.once('dialog', question => question.accept());
  await Promise.all([page.waitForURL(/moved=/), page.getByRole('button', { name: '删除', exact: true }).click()]);
  assert.deepEqual(await page.locator('td.lead a').allTextContents(), ['门锁失灵']);
  await Promise.all([page.waitForURL(url => !url.searchParams.has('moved')), page.getByRole('button', { name: '撤销删除' }).click()]);
  assert.deepEqual(await page.locator('td.lead a').allTextContents(), ['门锁失灵', '窗扇松动']);
});

test('rows are written at the head of the list and cells where they stand, by keyboard; what is refused is said, what was written is taken back', async () => {
  const ledger = `/ledger/${ledgers['问题整改台账']}`, toast = page.locator('.toast'), focus = () => page.evaluate(() => document.activeElement.name);
  await page.setViewportSize({ width: 1280, height: 900 });
  await colleague.post(`${ledger}/new`, { form: { 'v.标题': '井盖松动', 'v.日期': '2026-01-02', 'v.来源': '巡察' } });
  await page.goto(`${server.base}${ledger}`);
  await page.keyboard.press('a');
  await page.locator('tbody.quick').waitFor();
  assert.equal(await focus(), 'v.标题');
  await page.keyboard.press('Control+Enter');
  await toast.getByText('没有登记').waitFor();
  for (const title of ['标牌脱落', '台账缺页']) {
    await page.locator('tbody.quick [name="v.标题"]').fill(title);
    await page.locator('tbody.quick [name="v.来源"]').fill('考核反馈');
    await page.keyboard.press('Control+Enter');
    await toast.getByText(title).waitFor();
    await page.waitForFunction(() => document.activeElement.name === 'v.标题' && document.activeElement.value === '');
  }
  assert.equal(await page.inputValue('tbody.quick [name="v.来源"]'), '考核反馈');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('tbody.quick').count(), 0);
  await page.goto(`${server.base}${ledger}?f.来源=考核反馈`);
  assert.match(await page.getByRole('link', { name: '登记', exact: true }).getAttribute('href'), /new\?v\./);
  const entry = async () => (await colleague.get(`${ledger}?f.${encodeURIComponent('来源')}=${encodeURIComponent('考核反馈')}`)).json.entries[0];
  await page.keyboard.press('ArrowDown');
  const to = async name => { while (await page.evaluate(() => document.activeElement.dataset.field) !== name) await page.keyboard.press('ArrowRight'); };
  await to('截止');
  await page.keyboard.press('Enter');
  await page.locator('.cell-editor').waitFor();
  await page.keyboard.type('改天');
  await page.keyboard.press('Enter');
  await toast.getByText('没有保存').waitFor();
  await page.keyboard.press('Control+a');
  await page.keyboard.type('2031-02-03');
  const cookies = await page.context().cookies();
  await page.context().clearCookies();
  await page.keyboard.press('Enter');
  await toast.getByText('登录已过期').waitFor();
  await page.context().addCookies(cookies);
  await page.keyboard.press('Enter');
  await toast.getByText('截止已改').waitFor();
  assert.equal((await entry()).due, 20310203);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), '2031-02-03');
  await Promise.all([page.waitForNavigation(), toast.getByRole('button', { name: '撤销' }).click()]);
  assert.equal((await entry()).due ?? 0, 0);
  const { id, rev } = await entry();
  const cell = page.locator(`tr[data-entry="${id}"] td[data-field="责任领导"]`);
  await cell.dblclick();
  await page.locator('.cell-editor').waitFor();
  const theirs = Object.fromEntries(Object.entries({ 标题: '台账缺页', 日期: new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10), 来源: '考核反馈', 责任领导: '副馆长' }).map(([name, value]) => [`v.${name}`, value]));
  assert.equal((await colleague.post(`/entry/${id}/edit`, { form: { ...theirs, rev } })).status, 200);
  await page.locator('.cell-editor input').fill('馆长');
  await page.keyboard.press('Enter');
  await toast.getByText('有人也改了').waitFor();
  assert.equal((await entry()).values['责任领导'], '副馆长');
});

test('what is filtered becomes a view; a year stands beside the year before; a week of the calendar; the list on paper', async () => {
  const ledger = `/ledger/${ledgers['问题整改台账']}`;
  for (const [title, day] of [['去年一', '2024-05-06'], ['去年二', '2024-05-07'], ['今年', '2025-05-07']])
    await colleague.post(`${ledger}/new`, { form: { 'v.标题': title, 'v.日期': day, 'v.来源': '审计' } });
  await page.goto(`${server.base}${ledger}?year=2025&f.来源=审计`);
  assert.equal((await page.locator('.count').textContent()).trim(), '1 条，2024 年 2 条');
  await page.getByLabel('把现在的筛选存为视图').fill('审计问题');
  await Promise.all([page.waitForURL(/view=/), page.getByRole('button', { name: '存为视图' }).click()]);
  assert.equal(await page.locator('nav.tabs [aria-current]').textContent(), '审计问题');
  assert.match(decodeURIComponent(await page.getByRole('link', { name: '登记', exact: true }).getAttribute('href')), /[?&]v\.来源=审计/); // what is made in a view stands in it
  assert.equal(await page.locator('table.entries tbody tr').count(), 1);
  await page.goto(`${server.base}${ledger}?show=calendar&month=2024-05`);
  assert.equal(await page.locator('td[data-day="20240506"] a').count(), 1);
  await page.goto(`${server.base}${ledger}?show=calendar&week=2024-05-08`);
  assert.deepEqual(await page.locator('table.calendar tbody a').evaluateAll(links => links.map(link => link.textContent.replace(/^.* /, ''))), ['去年一', '去年二']);
  await Promise.all([page.waitForNavigation(), page.getByRole('link', { name: '下周' }).click()]);
  assert.equal(await page.locator('table.calendar tbody a').count(), 0);
  await page.goto(`${server.base}${ledger}/compare?f.来源=审计&before=2023-01-01`);
  assert.equal(await page.locator('.kinds').textContent(), `新增 ${await page.locator('table.data tbody tr').count()} 条。`);
  await page.goto(`${server.base}${ledger}?print=1&view=审计问题`);
  await page.emulateMedia({ media: 'print' });
  assert.match(await page.locator('h1').innerText(), /^问题整改台账：审计问题/); // the sheet says which list it is, and has no empty box to search in
  assert.equal(await page.getByPlaceholder('在本台账中查找').isVisible(), false);
  await page.emulateMedia({ media: null });
  const pdf = await page.pdf({ preferCSSPageSize: true });
  assert.match(pdf.toString('latin1'), /\/MediaBox \[0 0 84[12][\d.]* 59[45]/);
});

test('every page of ledgers is accessible, fits both widths, and is quiet', { timeout: 120000 }, async () => {
  const id = ledgers['问题整改台账'], found = [];
  const open = (await colleague.post(`/ledger/${id}/new`, { form: { 'v.标题': '漏水', 'v.日期': '2026-05-04', 'v.来源': '巡察' } })).json.location;
  for (const target of ['/ledgers', '/owed', `/ledger/${id}`, `/ledger/${id}?show=board`, `/ledger/${id}?show=calendar&month=2026-05`, `/ledger/${id}?view=${encodeURIComponent('责任清单')}`, `/ledger/${id}/new`, '/entry/1', '/entry/1/edit', `/ledger/${id}/bulk`,
    `/ledger/${id}/paste`, `/ledger/${id}/import`, `/ledger/${id}/definition`, `/ledger/${id}/definition?as=yaml`, `/ledger/${id}/actions`, `${open}/move?to=${encodeURIComponent('整改中')}`, `/ledger/${id}/compare?before=2026-01-01`, `/ledger/${ledgers['值班巡查']}`, '/ledger-definition/new', '/reports', '/report-template/1', '/report-templates/new', '/figures']) {
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 900 });
      const reply = await page.goto(server.base + target);
      if (reply.status() !== 200) found.push(`${target}: ${reply.status()}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) found.push(`${target} is ${wide} wide at ${width}`);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
      for (const violation of violations.filter(each => ['serious', 'critical'].includes(each.impact))) found.push(`${target} at ${width}: ${violation.id} ${violation.nodes[0].html.slice(0, 160)}`);
    }
  }
  assert.deepEqual([...found, ...troubles], []);
});
