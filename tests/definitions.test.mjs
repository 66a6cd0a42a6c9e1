// Definitions of categories through HTTP: edited on the form and as YAML, compared with the records, refused or put in force for new descriptions, asked of the record's
// form, taken back, written to the file, and told alike by an archive rebuilt from store and journal.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { dump, emptyArchive, query, take } from './archive.mjs';
import { Client, lantai, PASSWORD, serve, temporary } from './support.mjs';
import { csv, write } from './make.mjs';

let dir, server, archivist, reader;
before(async () => {
  dir = await emptyArchive();
  const folder = temporary(), table = [['档号', '男方姓名', '女方姓名', '婚姻状态', '登记日期', '开放状态', '密级'], ['甲-1', '王建国', '李秀英', '结婚', '19790203', '开放', '公开'],
    ['甲-2', '张三', '赵四', '离婚', '19800203', '开放', '公开'], ['甲-3', '', '周五', '复婚', '19810203', '开放', '公开']];
  await take(dir, write(path.join(folder, 'table.csv'), csv(table)), '--fonds', 'J001', '--category', 'HY');
  for (const [name, role] of [['archivist', 'archivist'], ['reader', 'reader']])
    assert.equal((await lantai(dir, 'user', 'add', name, '--role', role, '--password', PASSWORD, '--security', '秘密')).status, 0);
  server = await serve(dir);
  [archivist, reader] = await Promise.all(['archivist', 'reader'].map(name => new Client(server.base).signIn(name)));
});
after(async () => { await server?.stop(); });

const get = async (client, target) => {
  const page = await client.get(target, { html: true }), reply = await client.get(target);
  assert.equal(page.status, 200, `${target}: ${page.text.slice(0, 300)}`);
  return reply.json;
};
const post = async (target, form, status = 200) => {
  const reply = await archivist.post(target, { form });
  assert.equal(reply.status, status, `${target}: ${reply.text.slice(0, 500)}`);
  return reply.json;
};
// What the form of a definition would send, as name and value pairs.
function formOf(model, change = row => row) {
  const pairs = [['title', model.name], ['title_rule', model.title_rule], ['seen', model.seen]];
  for (const row of model.fields.map(change)) {
    for (const name of ['key', 'label', 'group', 'help', 'default', 'values', 'aliases', 'was']) pairs.push([name, row[name]]);
    pairs.push(['place', row.is_new && !row.label ? '' : row.place]);
    for (const [name, list] of [['type', row.types], ['need', row.needs], ['level', row.levels]]) pairs.push([name, list.find(each => each.chosen)?.value ?? '']);
    for (const name of ['listed', 'form', 'public', 'remove']) if (row[name]) pairs.push([name, row.row]);
  }
  for (const row of model.common) for (const [name, value] of [['key', row.key], ['need', row.needs.find(each => each.chosen)?.value ?? ''], ['help', row.help], ['default', row.default], ['values', row.values]]) pairs.push([`common_${name}`, value]);
  return pairs;
}
const choose = (list, value) => list.map(each => ({ ...each, chosen: each.value === value }));

test('the form sends back what it showed; nothing differs', async () => {
  const model = await get(archivist, '/categories/HY/edit');
  await post('/categories/HY/edit', formOf(model));
  const preview = await get(archivist, '/categories/HY/preview');
  assert.deepEqual(preview.changes.map(each => [each.field, each.what]), []);
  assert.equal(preview.check.records, 3);
  const other = await archivist.post('/categories/HY/edit', { form: formOf(model) }); // made from no draft, and there is one by now
  assert.equal(other.status, 409);
  assert.match(other.json.problem, /已被别人改过/);
  await post('/categories/HY/drop', {});
  const fresh = await get(archivist, '/categories/HY/edit'), added = ['展览经历', '综录简历'];
  await post('/categories/HY/edit', formOf(fresh, row => row.key === '' && row.row >= fresh.fields.length - 2 ? { ...row, label: added[row.row - fresh.fields.length + 2] } : row));
  assert.deepEqual((await get(archivist, '/categories/HY/preview')).own_inputs.filter(each => added.includes(each.label)).map(each => each.name), ['zljl', 'zljl2'], 'keys that nobody gave are the initials');
  await post('/categories/HY/drop', {});
});

test('a definition that contradicts records is refused with the list, and may be in force for new ones', async () => {
  const model = await get(archivist, '/categories/HY/edit');
  const form = formOf(model, row => row.key === 'hyzt' ? { ...row, types: choose(row.types, 'choice'), values: '结婚；离婚' }
    : row.key === 'nfxm' ? { ...row, needs: choose(row.needs, 'required'), label: '男方' + '姓名' }
      : row.key === 'nfzjh' ? { ...row, public: false, place: 1 } : row.key === 'zsbh' ? { ...row, remove: true }
        : row.row === model.fields.length - 1 ? { ...row, label: '登记地', key: 'djd', place: 15, default: '本地', help: '乡镇名' } : row);
  await post('/categories/HY/edit', form);
  const preview = await get(archivist, '/categories/HY/preview');
  const against = preview.check.fields.filter(each => each.missing || each.value);
  assert.deepEqual(against.map(each => [each.key, each.missing, each.value]), [['nfxm', 1, 0], ['hyzt', 0, 1]]);
  assert.deepEqual(against[1].values, [{ text: '复婚', count: 1 }]);
  assert.equal(preview.samples.length, 3);
  assert.ok(preview.own_inputs.find(each => each.name === 'djd' && each.help === '乡镇名'));
  assert.deepEqual([preview.own_inputs.filter(each => each.heading).map(each => each.heading), preview.inputs.map(each => each.name)], [['当事人', '登记'], ['retention']], 'in groups, as the form will be');
  const list = await get(archivist, '/categories/HY/findings?key=hyzt&draft=1');
  assert.deepEqual(list.rows.map(each => [each.code, each.value, each.mended]), [['甲-3', '复婚', false]]);
  await post('/categories/HY/enforce', {}); // back to the preview with a message
  assert.equal((await get(archivist, '/categories/HY')).category.fields[0].key, 'nfxm');
  const before = (await dump(dir)).record;
  await post('/categories/HY/enforce', { accept: 1, note: '试行' });
  assert.deepEqual((await dump(dir)).record, before); // nothing that was described has changed
  const now = await get(archivist, '/categories/HY');
  assert.deepEqual(now.category.fields.map(each => each.key), ['nfzjh', 'nfxm', 'djd', 'nfcsrq', 'nfhk', 'nvxm', 'nvzjh', 'nvcsrq', 'nvhk', 'hyzt', 'hyxz', 'djrq', 'djjg', 'cjh']);
  assert.deepEqual(now.versions.map(each => [each.version, each.contradictions, each.note]), [[2, 2, '试行'], [1, 0, '']]);
  assert.equal(now.check.blocking, 2);
  assert.match(readFileSync(path.join(dir, 'definitions/categories/HY.yaml'), 'utf8'), /key: djd\n +label: 登记地/);
});

test('the rule of titles is written and read in the words of the form; a blank that is no field is refused', async () => {
  const model = await get(archivist, '/categories/HY/edit'), yaml = async () => (await archivist.get('/categories/HY/yaml')).json.yaml;
  assert.match(model.title_rule, /^\{男方姓名\}与\{女方姓名\}\{婚姻状态\}登记$/);
  assert.match((await get(archivist, '/categories/HY')).category.title_rule, /^\{男方姓名\}/);
  const wrong = await archivist.post('/categories/HY/edit', { form: formOf({ ...model, title_rule: '{男方姓名}与{女方性名}登记' }) });
  assert.deepEqual([wrong.status, wrong.json.title_rule], [422, '{男方姓名}与{女方性名}登记']);
  assert.match(wrong.json.problem, /“\{女方性名\}”不是这个门类的著录项/);
  await post('/categories/HY/edit', formOf({ ...model, title_rule: '{男方姓名}、{nvxm}登记' }, row => row.key === 'nfxm' ? { ...row, label: '男方名字' } : row));
  assert.match(await yaml(), /title_rule: "?\{nfxm\}、\{nvxm\}登记/, 'also of a field that gets another name at once');
  assert.equal((await get(archivist, '/categories/HY/edit')).title_rule, '{男方名字}、{女方姓名}登记');
  await post('/categories/HY/drop', {});
});

test('a field that is called otherwise from now on: its former key on the form, its values found, shown and offered to be moved', async () => {
  const before = await get(archivist, '/categories/HY/edit'), row = before.fields.find(each => each.key === 'djjg');
  const pairs = formOf(before, each => each.key === 'djjg' ? { ...each, key: 'djchu', was: 'djjg；djdw' } : each);
  await post('/categories/HY/edit', pairs);
  assert.deepEqual((await get(archivist, '/categories/HY/edit')).fields.find(each => each.key === 'djchu').was, 'djjg；djdw');
  const preview = await get(archivist, '/categories/HY/preview');
  assert.deepEqual(preview.changes.map(each => each.what).sort(), ['去掉著录项', '增加著录项']);
  assert.match((await archivist.get('/categories/HY/yaml')).json.yaml, /was: \[djjg, djdw\]/);
  await post('/categories/HY/drop', {});
  const twice = formOf(before, each => each.key === 'djrq' ? { ...each, was: 'djjg' } : each);
  assert.match((await archivist.post('/categories/HY/edit', { form: twice })).json.problem, /djrq 的旧 key “djjg”又是字段 djjg 的/);
  assert.equal(row.was, '');
});

test('the form of a record asks what the definition asks; old faults stop no other correction', async () => {
  const [third] = await query(dir, "SELECT id, rev FROM record WHERE code = '甲-3'");
  const edit = await get(archivist, `/record/${third.id}/edit`), own = Object.fromEntries(edit.own_inputs.map(each => [each.name, each]));
  assert.deepEqual(own.hyzt.options.map(each => each.value), ['', '结婚', '离婚', '复婚']);
  assert.equal(own.nfxm.required, true);
  const values = changed => [['form', 1], ['code', '甲-3'], ['title', '周五登记'], ['rev', third.rev], ...Object.entries({ nfxm: '', nvxm: '周五', hyzt: '复婚', djrq: '19810203', ...changed }).flatMap(([key, value]) => [['key', key], ['value', value]])];
  const refused = await archivist.post(`/record/${third.id}/edit`, { form: values({ hyzt: '未婚' }) });
  assert.equal(refused.status, 422);
  assert.match(refused.json.own_inputs.find(each => each.name === 'hyzt').error, /不在选项中/);
  await post(`/record/${third.id}/edit`, values({ nvxm: '周六' })); // it lacks 男方姓名 as before
  const [fonds] = await query(dir, 'SELECT id FROM record WHERE level = 1');
  const fresh = await get(archivist, `/record/new?parent=${fonds.id}&category=HY`);
  assert.equal(fresh.own_inputs.find(each => each.name === 'djd').value, '本地');
  const made = [['form', 1], ['parent', fonds.id], ['category', 'HY'], ['code', '甲-9'], ['title', '新的'], ['key', 'nfxm'], ['value', ''], ['key', 'nvxm'], ['value', '某某']];
  const lacking = await archivist.post('/record/new', { form: made });
  assert.deepEqual([lacking.status, lacking.json.own_inputs.filter(each => each.error).map(each => each.name)], [422, ['nfxm']], 'what is only expected is no fault of what was refused');
  made[6][1] = '吴九';
  await post('/record/new', made);
});

test('what is for the staff only is not shown to readers', async () => {
  const [first] = await query(dir, "SELECT id, rev FROM record WHERE code = '甲-1'");
  await post(`/record/${first.id}/edit`, [['key', 'nfzjh'], ['value', '110101195001011234'], ['rev', first.rev]]);
  assert.match((await archivist.get(`/record/${first.id}`)).text, /110101195001011234/);
  for (const target of [`/record/${first.id}`, `/search?q=${encodeURIComponent('王建国')}`, `/catalog/${(await query(dir, `SELECT parent_id FROM record WHERE id = ${first.id}`))[0].parent_id}`]) {
    const reply = await reader.get(target);
    assert.equal(reply.status, 200);
    assert.match(reply.text, /王建国/, target);
    assert.doesNotMatch(reply.text, /110101195001011234/, target);
  }
});

test('YAML with mistakes tells them; a new category; a version taken back', async () => {
  for (const [yaml, message] of [['code: HY\ntitle: [', /YAML|第/], ['code: WS\ntitle: 甲\n', /不能改成/], ['code: HY\ntitle: 甲\nfields:\n  - key: xb\n    label: 另一项\n', /检索时会混淆/]]) {
    const reply = await archivist.post('/categories/HY/yaml', { form: { yaml } });
    assert.equal(reply.status, 422, yaml);
    assert.match(reply.json.problem, message);
    assert.equal(reply.json.yaml, yaml.trim());
  }
  await post('/categories/new', { code: 'CS', title: '出生医学证明档案', like: 'HY' });
  assert.equal((await archivist.post('/categories/new', { form: { code: 'CS', title: '又一个' } })).status, 409);
  await post('/categories/CS/yaml', { yaml: 'code: CS\ntitle: 出生医学证明档案\nfields:\n  - key: xsexm\n    label: 新生儿姓名\n    type: person\n    required: true\n' });
  await post('/categories/CS/enforce', {});
  assert.equal((await get(reader, '/categories/CS')).category.id, 100);
  await post('/categories/HY/back', { version: 1 });
  await post('/categories/HY/enforce', { note: '恢复' });
  const now = await get(archivist, '/categories/HY?version=3');
  assert.equal(now.versions.length, 3);
  assert.ok(now.changes.some(each => each.what === '增加著录项' && each.field === '证书编号'));
  for (const target of ['/categories/HY/edit', '/categories/new']) assert.equal((await reader.get(target)).status, 403);
});

test('a file changed by hand is a draft after a restart, and a rebuilt archive has the same definitions', async () => {
  await server.stop();
  const file = path.join(dir, 'definitions/categories/CS.yaml'), text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('新生儿姓名', '婴儿姓名'));
  server = await serve(dir);
  archivist = await new Client(server.base).signIn('archivist');
  const page = await get(archivist, '/categories/CS');
  assert.equal(page.draft.from_file, true);
  assert.equal(page.category.fields[0].label, '新生儿姓名');
  assert.equal(readFileSync(file, 'utf8'), text);
  await server.stop();
  const rebuilt = path.join(temporary(), 'rebuilt');
  const told = await lantai(dir, 'rebuild', rebuilt, '--json');
  assert.equal(told.status, 0, told.stderr);
  assert.equal(told.json.equal, true);
  for (const statement of ['SELECT * FROM category ORDER BY id', 'SELECT * FROM category_version ORDER BY category, version'])
    assert.deepEqual(await query(rebuilt, statement), await query(dir, statement));
  server = await serve(dir);
});

test('a delivery is told where it does not fit: values as findings, what must be there refuses its row', async () => {
  archivist = await new Client(server.base).signIn('archivist');
  const text = 'code: CS\ntitle: 出生医学证明档案\nfields:\n  - key: xsexm\n    label: 新生儿姓名\n    type: person\n    required: true\n  - key: tz\n    label: 体重\n    type: number\ncommon:\n  - key: retention\n    required: true\n';
  await post('/categories/CS/yaml', { yaml: text });
  await post('/categories/CS/enforce', {});
  const table = [['档号', '题名', '新生儿姓名', '体重', '保管期限', '开放状态', '密级'], ['乙-1', '甲', '王小明', '3200', '永久', '开放', '公开'], ['乙-2', '乙', '', '3100', '永久', '开放', '公开'],
    ['乙-3', '丙', '李小红', '三公斤', '永久', '开放', '公开'], ['乙-4', '丁', '赵小刚', '', '', '开放', '公开']];
  const form = new FormData();
  form.append('fonds', 'J002');
  form.append('category', 'CS');
  form.append('table', new Blob([csv(table)]), '出生.csv');
  const place = (await archivist.request('POST', '/delivery/new', { body: form })).json.location;
  await archivist.post(`${place}/rehearse`);
  let json;
  for (let i = 0; i < 400 && !json?.finished; i++) {
    await new Promise(done => setTimeout(done, 25));
    ({ json } = await archivist.get(`${place}/progress`));
  }
  const told = JSON.stringify((await archivist.get(place)).json);
  assert.match(told, /“新生儿姓名”必著，没有内容/);
  assert.match(told, /“保管期限”必著，没有内容/);
  assert.match(told, /不是数字，照原样保留/);
  const [row] = await query(dir, 'SELECT * FROM accession ORDER BY id DESC LIMIT 1');
  assert.deepEqual([row.accepted_count, row.rejected_count], [2, 2]);
});

test('where a field shows is changed on the page: a column of lists or none, on the forms of one level only; what is described stays', async () => {
  const [{ parent_id: parent, id }] = await query(dir, "SELECT id, parent_id FROM record WHERE code = '甲-1'");
  const columns = async client => (await get(client, `/catalog/${parent}`)).columns.map(each => each.label);
  const inputs = async level => (await get(archivist, `/record/new?parent=${parent}&category=HY&level=${level}`)).own_inputs.map(each => each.name);
  const before = await columns(archivist);
  assert.ok(before.includes('男方姓名') && !before.includes('男方证件号'), before.join());
  const changed = row => row.key === 'nfxm' ? { ...row, listed: false } : row.key === 'nfzjh' ? { ...row, listed: true } : row.key === 'nvxm' ? { ...row, levels: choose(row.levels, 'volume') } : row;
  await post('/categories/HY/edit', formOf(await get(archivist, '/categories/HY/edit'), changed));
  assert.deepEqual(await columns(archivist), before, 'a draft changes no list');
  await post('/categories/HY/enforce', { accept: 1 });
  assert.deepEqual((await columns(archivist)).sort(), [...before.filter(label => label !== '男方姓名'), '男方证件号'].sort());
  assert.match((await archivist.get(`/catalog/${parent}`, { html: true })).text, /<th[^>]*>男方证件号<\/th>/);
  assert.ok(!(await columns(await new Client(server.base).signIn('reader'))).includes('男方证件号'), 'not what is for the staff only');
  assert.deepEqual([(await inputs('item')).includes('nvxm'), (await inputs('volume')).includes('nvxm')], [false, true]);
  assert.match((await archivist.get(`/record/${id}`)).text, /李秀英/);
});
