// The tree through HTTP: classes in classes, children filtered, put in an order of their own, moved elsewhere with a plan and back, a branch to another fonds; and an
// archive rebuilt from store and journal the same after all of it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { dump, emptyArchive, query, take } from './archive.mjs';
import { Client, lantai, PASSWORD, serve, temporary, writeDelivery } from './support.mjs';
import { csv, write } from './make.mjs';

let dir, server, archivist, reader, fonds, node;
const codeOf = i => `Q500-WS·2011-Y-${String(i).padStart(4, '0')}`;

before(async () => {
  dir = await emptyArchive();
  const folder = temporary(), delivery = writeDelivery(folder, { count: 12, documents: 4 }); // with documents: their objects' descriptions follow
  await take(dir, delivery.table, '--files', delivery.files, '--category', 'WS');
  [fonds, node] = await query(dir, 'SELECT id, code FROM record WHERE level <= 2 ORDER BY level, id');
  const many = Array.from({ length: 250 }, (_, i) => [codeOf(i), `第${i}件的通知`, '2011', '永久', '公开', i % 2 ? '控制' : '开放']);
  await take(dir, write(path.join(folder, 'many.csv'), csv([['档号', '题名', '年度', '保管期限', '密级', '开放状态'], ...many])), '--fonds', 'Q500', '--category', 'WS');
  await take(dir, write(path.join(folder, 'closed.csv'), csv([['档号', '题名', '年度', '保管期限', '密级', '开放状态'],
    ...Array.from({ length: 510 }, (_, i) => [codeOf(i).replace('Q500', 'Q501'), `第${i}件的通知`, '2011', '永久', '公开', i < 150 ? '开放' : '控制'])])), '--fonds', 'Q501', '--category', 'WS');
  await take(dir, write(path.join(folder, 'branch.csv'), csv([['档号', '题名'], ...Array.from({ length: 3000 }, (_, i) => [`Q503-WS·2011-Y-${i}`, `第${i}件的通知`])])), '--fonds', 'Q503', '--category', 'WS');
  const dated = Array.from({ length: 240 }, (_, i) => [codeOf(i).replace('Q500', 'Q502'), `第${i}件的通知`, '2011', i % 40 === 7 ? '' : `2011-${String(1 + (i * 7) % 12).padStart(2, '0')}-${String(1 + (i * 11) % 28).padStart(2, '0')}`, '永久']);
  await take(dir, write(path.join(folder, 'dated.csv'), csv([['档号', '题名', '年度', '日期', '保管期限'], ...dated])), '--fonds', 'Q502', '--category', 'WS');
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
const post = async (target, form) => {
  const reply = await archivist.post(target, { form });
  assert.equal(reply.status, 200, `${target}: ${reply.text.slice(0, 300)}`);
  return reply.json.location;
};
async function carried(place, verb, state, pause = 50) {
  const seen = [];
  await post(`${place}/${verb}`, {});
  for (let i = 0; i < 10000 / pause; i++) {
    const { json } = await archivist.get(place);
    seen.push(json.plan.done);
    if (!json.active) return assert.equal(json.plan.state, state, json.problem) ?? seen;
    await new Promise(next => setTimeout(next, pause));
  }
  throw new Error('the move did not end');
}
const orderOf = place => query(place, 'SELECT parent_id, record_id FROM child_place ORDER BY parent_id, place');
async function rebuilt(message) {
  const copy = path.join(temporary(), 'rebuilt'), result = await lantai(dir, 'rebuild', copy, '--json');
  assert.equal(result.status, 0, result.stderr);
  assert.equal(result.json.equal, true, message);
  assert.deepEqual(await orderOf(copy), await orderOf(dir), message);
}
const makeClass = async (parent, code, title) => {
  await post('/record/new', { parent, form: 1, level: 'class', code, title });
  return (await query(dir, `SELECT id FROM record WHERE code = '${code}'`))[0].id;
};

test('classes stand in classes, at any depth', async () => {
  const first = await makeClass(node.id, `${node.code}-甲`, '党群工作'), second = await makeClass(first, `${node.code}-甲-1`, '组织人事');
  const page = await get(archivist, `/catalog/${second}`);
  assert.deepEqual(page.path.map(step => step.id), [fonds.id, node.id, first]);
  assert.equal((await archivist.post('/move', { form: { ids: first, target: second } })).status, 200);
  assert.equal((await get(archivist, '/move/1')).plan.refused, 1, 'not below itself');
});

test('a long list is gone through both ways, from its end, and from any number', async () => {
  const [long] = await query(dir, "SELECT id FROM record WHERE code = 'Q500-WS'"), place = `/catalog/${long.id}`;
  const seen = page => [page.rows[0].code, page.rows.at(-1).code, page.rows[0].number, page.count], at = i => `${place}?at=${encodeURIComponent(codeOf(i))}`;
  const first = await get(archivist, place), second = await get(archivist, `${place}?${first.next}`), third = await get(archivist, `${place}?${second.next}`);
  assert.deepEqual([first.previous, seen(third)], [undefined, [codeOf(200), codeOf(249), 201, 250]]);
  assert.deepEqual(seen(await get(archivist, `${place}?${third.previous}`)), seen(second));
  assert.deepEqual(seen(await get(archivist, `${place}?${second.previous}`)), seen(first));
  const middle = await get(archivist, at(130)), end = await get(archivist, `${place}?end=1`);
  assert.deepEqual([seen(middle).slice(0, 3), seen(end)], [[codeOf(130), codeOf(229), undefined], [codeOf(150), codeOf(249), 151, 250]]);
  assert.deepEqual(seen(await get(archivist, `${place}?${middle.next}`)).slice(0, 3), [codeOf(230), codeOf(249), 231], 'the last are known by number');
  assert.deepEqual(seen(await get(archivist, `${place}?at=${encodeURIComponent('Q500-WS·2011-Y-0130a')}`))[0], codeOf(131), 'a number that nothing has');
  assert.equal((await archivist.get(`${place}?at=${encodeURIComponent('龘'.repeat(60))}`)).status, 200);
  const open = await get(reader, `${place}?end=1`), back = await get(reader, `${place}?${open.previous}`);
  assert.deepEqual([seen(open), seen(back)[0], open.rows.length], [[codeOf(50), codeOf(248), 26, 125], codeOf(0), 100], 'within what the asker may see');
  const [shut] = await query(dir, "SELECT id FROM record WHERE code = 'Q501-WS'"), last = await get(reader, `/catalog/${shut.id}?end=1`);
  assert.deepEqual([last.rows[0].code, last.rows[0].number, last.rows.length], ['Q501-WS·2011-Y-0050', 51, 100], 'the end of what the asker may see, however much is closed behind it');
  for (const page of [open, back]) assert.ok(!/Y-\d{3}[13579]/.test(decodeURIComponent(`${page.previous} ${page.next}`)), 'no closed record is named');
});

test('children stand by their dates, newest or oldest first, page after page; those without a date come last', async () => {
  const [{ id }] = await query(dir, "SELECT id FROM record WHERE code = 'Q502-WS'"), all = await query(dir, `SELECT id, date_from FROM record WHERE parent_id = ${id}`);
  assert.equal(all.filter(each => !each.date_from).length, 6);
  for (const [sort, sign] of [['newest', -1], ['oldest', 1]]) {
    const wanted = [...all].sort((a, b) => !a.date_from - !b.date_from || sign * (a.date_from - b.date_from) || a.id - b.id).map(each => each.id), found = [];
    for (let page = await get(archivist, `/catalog/${id}?sort=${sort}`), pages = 1; ; page = await get(archivist, `/catalog/${id}?${page.next}`), pages++) {
      found.push(...page.rows.map(row => row.id));
      if (!page.next) {
        assert.ok(pages > 1);
        break;
      }
    }
    assert.deepEqual(found, wanted, sort);
  }
});

test('children are filtered, and put in an order of their own that new ones join at the end', async () => {
  const { rows } = await get(archivist, `/catalog/${node.id}`), ids = rows.map(row => row.id), last = ids.at(-1);
  const filtered = await get(archivist, `/catalog/${node.id}?filter=${encodeURIComponent(`档号:${rows.at(-1).code}`)}`);
  assert.deepEqual([filtered.count, filtered.rows[0].id, filtered.narrowed], [1, last, true]);
  assert.equal((await reader.post(`/catalog/${node.id}/pick`, { form: { ids: last, do: 'first' } })).status, 403);
  assert.equal((await archivist.post(`/catalog/${node.id}/pick`, { form: { do: 'first' } })).status, 422);
  await post(`/catalog/${node.id}/pick`, { ids: last, do: 'first' });
  assert.deepEqual((await get(archivist, `/catalog/${node.id}`)).rows.map(row => row.id), [last, ...ids.slice(0, -1)]);
  await post(`/catalog/${node.id}/pick`, { down: last });
  assert.deepEqual((await get(archivist, `/catalog/${node.id}`)).rows.slice(0, 2).map(row => row.id), [ids[0], last]);
  await post(`/catalog/${node.id}/pick`, { ids: ids[0], do: 'before', before: rows[2].code });
  const made = await makeClass(node.id, `${node.code}-0`, '后来的');
  assert.equal((await get(archivist, `/catalog/${node.id}`)).rows.at(-1).id, made);
  assert.equal((await get(archivist, `/catalog/${node.id}?sort=code`)).rows[0].id, made);
  await rebuilt('with an order');
});

test('a plan moves some with their documents and takes them back; a branch goes to another fonds', async () => {
  const earlier = await dump(dir), target = (await query(dir, "SELECT id FROM record WHERE title = '组织人事'"))[0].id;
  const items = (await query(dir, `SELECT id FROM record WHERE parent_id = ${node.id} AND level > 2 ORDER BY file_count DESC LIMIT 2`)).map(row => row.id);
  const picked = await archivist.post(`/catalog/${node.id}/pick`, { form: [...items.map(id => ['ids', id]), ['do', 'move']] });
  assert.match(picked.json.location, /^\/move\?node=/);
  assert.equal((await get(archivist, picked.json.location)).count, 2);
  const astray = await archivist.post('/move', { form: [...items.map(id => ['ids', id]), ['node', node.id], ['code', '没有这个号']] });
  assert.deepEqual([astray.status, astray.json.ids, astray.json.code, /没有这个号/.test(astray.json.problem)], [422, items, '没有这个号', true], 'what was picked is kept');
  const place = await post('/move', [...items.map(id => ['ids', id]), ['node', node.id], ['code', `${node.code}-甲-1`]]);
  const plan = await get(archivist, place);
  assert.deepEqual([plan.plan.total, plan.target.id, plan.may_start], [2, target, true]);
  await carried(place, 'start', 'done');
  assert.equal((await get(archivist, `/catalog/${target}`)).count, 2);
  assert.equal((await get(archivist, `/record/${items[0]}?tab=history`)).moves[0].after, `${node.code}-甲-1`);
  assert.equal((await lantai(dir, 'check', '--json')).status, 0);
  await rebuilt('moved');
  await carried(place, 'undo', 'undone');
  assert.deepEqual((await dump(dir)).length, earlier.length);
  await post('/record/new', { form: 1, code: 'Q900', title: '后设的全宗' });
  const away = (await query(dir, "SELECT id FROM record WHERE code = 'Q900'"))[0].id, branch = (await query(dir, "SELECT id FROM record WHERE title = '党群工作'"))[0].id;
  const across = await post('/move', { ids: branch, target: away });
  assert.equal((await get(archivist, across)).plan.total, 2);
  await carried(across, 'start', 'done');
  assert.deepEqual(await query(dir, `SELECT DISTINCT fonds_id FROM record WHERE id IN (${branch}, ${target})`), [{ fonds_id: away }]);
  await rebuilt('in another fonds');
});

test('a branch of thousands is moved as one action, which tells how far it is, and goes back as one', async () => {
  const [{ id: branch }] = await query(dir, "SELECT id FROM record WHERE code = 'Q503-WS'"), away = (await query(dir, "SELECT id FROM record WHERE code = 'Q900'"))[0].id;
  const place = await post('/move', { ids: branch, target: away }), fondsOf = () => query(dir, "SELECT DISTINCT fonds_id FROM record WHERE code LIKE 'Q503-WS%'");
  const [before] = await fondsOf(), on = await carried(place, 'start', 'done', 5);
  assert.deepEqual(on, [...on].sort((a, b) => a - b));
  assert.equal(on.at(-1), 3001);
  assert.ok(on.some(done => done > 0 && done < 3001), `seen while it goes: ${on}`);
  assert.deepEqual(await fondsOf(), [{ fonds_id: away }]);
  const back = await carried(place, 'undo', 'undone', 5);
  assert.ok(back.some(done => done > 0 && done < 3001), `seen on the way back: ${back}`);
  assert.deepEqual(await fondsOf(), [before]);
});
