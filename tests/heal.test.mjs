// The index damaged in every way under the running server: records are found and saved meanwhile, the page says so, and the index is made anew by itself.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { assertClean } from './archive.mjs';
import { Client, demoCopy, serve, sqlite } from './support.mjs';

const WORDS = ['题名:通知', '责任者:局', '题名:"会议"', ''], PATIENCE_MS = 60_000;
let dir, server, client, expected;

const ask = async words => (await client.get(`/search?q=${encodeURIComponent(words)}`)).json;
let asked = 0;
// With a word that was not asked before: what was is answered from memory, which damage does not touch.
const askAll = async () => (await Promise.all([...WORDS, `题名:关于${String.fromCodePoint(0x4e00 + asked++)}`].map(ask))).slice(0, WORDS.length);
const counts = answers => answers.map(answer => answer.hits);
// What is answered from the records is as right, if it does not say that time was too short for all of them.
const rightly = answers => answers.forEach((answer, i) => /只来得及/.test(answer.notice ?? '') || assert.equal(answer.hits, expected[i], `${WORDS[i]}: ${answer.notice ?? ''}`));
const rebuilding = answer => /索引正在重建/.test(answer.notice ?? '');

before(async () => {
  dir = await demoCopy();
  server = await serve(dir);
  client = await new Client(server.base).signIn('archivist');
  const first = await askAll();
  expected = counts(first);
  assert.ok(expected[3] > 100, JSON.stringify(first[0]).slice(0, 600));
});
after(() => server?.stop());

// A record is saved and is found by its new word at once, whoever answers. The word is to be found later, too.
let saves = 0;
const saved = [];
async function save() {
  const { id, title } = (await ask('题名:通知')).items[0], word = `壬${String.fromCodePoint(0x5000 + saves++)}癸`;
  const reply = await client.post(`/record/${id}/edit`, { form: { title: title.replace(/壬.癸$/u, '') + word } });
  assert.equal(reply.status, 200, reply.text);
  saved.splice(0, saved.length, ...saved.filter(one => one.id !== id), { id, word });
  return found({ id, word });
}
async function found({ id, word }) {
  const answer = await ask(word);
  if (!/只来得及/.test(answer.notice ?? '')) assert.deepEqual(answer.items.map(item => item.id), [id], `${word}: ${answer.notice ?? ''}`);
  return answer;
}

async function untilHealed() {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until;) {
    const answers = await askAll();
    rightly(answers);
    if (!answers.some(rebuilding)) {
      for (const one of saved) await found(one);
      return answers;
    }
    await new Promise(done => setTimeout(done, 300));
  }
  assert.fail('the index was not healed');
}

for (const [name, statement] of [
  ['the words of titles gone', 'DROP TABLE search_title_data'],
  ['the words of titles overwritten', 'UPDATE search_title_data SET block = randomblob(300)'],
  ['the words of titles cut off', 'DELETE FROM search_title_data WHERE id > 10'],
  ['all of it deleted', 'DROP TABLE search_title; DROP TABLE search_text; DROP TABLE search_page; DROP TABLE search_column; DROP TABLE search_state'],
])
  test(`at work: ${name}`, async () => {
    sqlite(dir, statement, { write: true });
    if (saves > 1) rightly(await askAll()); // else saving is what meets the damage
    await save();
    rightly(await askAll());
    assert.deepEqual(counts(await untilHealed()), expected);
    assert.deepEqual(sqlite(dir, "SELECT name FROM sqlite_schema WHERE name = 'search_damaged'"), sqlite(dir, 'SELECT 1 WHERE 0'));
  });

// Pages of a table in the file itself, past the database: its root and some of its leaves.
function overwrite(...tables) {
  sqlite(dir, 'PRAGMA wal_checkpoint(TRUNCATE)', { write: true });
  const [{ page_size: size }] = sqlite(dir, 'PRAGMA page_size'), file = openSync(path.join(dir, 'lantai.db'), 'r+');
  for (const table of tables) {
    const pages = sqlite(dir, `SELECT pageno FROM dbstat WHERE name = '${table}' ORDER BY pagetype, pageno LIMIT 4`);
    assert.ok(pages.length > 0, table);
    for (const { pageno } of pages) writeSync(file, randomBytes(size), 0, size, (pageno - 1) * size);
  }
  closeSync(file);
}

test('at work: bytes of the file overwritten', async () => {
  overwrite('search_title_data', 'search_text_idx', 'search_gram', 'search_gram_page_state');
  rightly(await askAll());
  assert.deepEqual(counts(await untilHealed()), expected);
});

test('at the next start: bytes of the file overwritten, and the disk full while it is healed', async () => {
  await server.stop();
  overwrite('search_column', 'search_state', 'search_page_data', 'search_title_config');
  server = await serve(dir, { LANTAI_FAULT: 'search.remake:1:error' });
  client = await new Client(server.base).signIn('archivist');
  assert.deepEqual(counts(await askAll()), expected, 'from the records, before it is healed or after');
  assert.deepEqual(counts(await untilHealed()), expected);
  assert.match(server.errors(), /磁盘已满/);
  await server.stop();
  await assertClean(dir, 'the file has no page left that nobody can read');
  server = await serve(dir);
  client = await new Client(server.base).signIn('archivist');
});

// What is in memory no question reads again: the slow comparison finds it at its next turn.
test('at work: stored columns overwritten', async () => {
  sqlite(dir, 'UPDATE search_column SET lines = zeroblob(length(lines))', { write: true });
  for (const until = Date.now() + PATIENCE_MS; !/not stored as memory has them/.test(server.errors()); await new Promise(done => setTimeout(done, 200)))
    assert.ok(Date.now() < until, 'it was not noticed');
  await save();
  assert.deepEqual(counts(await untilHealed()), expected);
  assert.deepEqual(sqlite(dir, 'SELECT COUNT(*) AS n FROM search_column WHERE lines = zeroblob(length(lines))'), [{ n: 0 }]);
});

// An index of a former version as such a program left it, and one whose stored version is not that of its tables, which no step from it can be made on.
for (const [name, statement] of [
  ['of an older version', ['title', 'text', 'closed', 'page'].map(table => `DROP TABLE search_made_${table};`).join(' ') + ` UPDATE schema_version SET number = 6 WHERE room = 'search'`],
  ['with a stored version that is not its own', "UPDATE schema_version SET number = 3 WHERE room = 'search'"],
])
  test(`at the next start: ${name}, the records are asked meanwhile`, async () => {
    const [{ text }] = sqlite(dir, "SELECT text FROM page_text WHERE text GLOB '*[一-龥][一-龥][一-龥][一-龥][一-龥][一-龥]*' ORDER BY record_id DESC LIMIT 1");
    const word = /\p{Script=Han}{6}/u.exec(text)[0], reader = await new Client(server.base).signIn('reader');
    const pages = async who => (await who.get(`/search?q=${encodeURIComponent(`全文:${word}`)}`)).json;
    const shown = answer => [answer.hits, answer.items.map(({ id, page, hit_pages: all }) => [id, page, all?.map(one => one.page)])];
    const whole = [await pages(client), await pages(reader)];
    assert.ok(whole[0].hits > 0 && whole[0].items[0].page > 0);
    await server.stop();
    const [{ number }] = sqlite(dir, "SELECT number FROM schema_version WHERE room = 'search'");
    sqlite(dir, statement, { write: true });
    server = await serve(dir, { LANTAI_FAULT: 'search.remake:1:error' }); // not made anew at the first attempt, so that there is a meanwhile
    client = await new Client(server.base).signIn('archivist');
    const answers = await askAll();
    assert.deepEqual(counts(answers), expected);
    assert.match(answers[0].notice, /索引正在重建：暂时直接查目录/);
    const meanwhile = [await pages(client), await pages(await new Client(server.base).signIn('reader'))];
    assert.deepEqual(meanwhile.map(shown), whole.map(shown), 'words on pages, and who may see them');
    assert.match(meanwhile[0].notice, /暂时直接查目录和全文/);
    assert.match((await save()).notice, /索引正在重建/);
    const all = await client.post('/revise/touch', { form: { selection: JSON.stringify({ query: '题名:通知', filters: {} }) } });
    assert.deepEqual([all.status, /现在查不全/.test(all.text)], [503, true], 'what would be done to all that is found is not done to a part');
    const nothing = async () => (await client.get(`/search?q=${encodeURIComponent('题名:通知')}&from=1800&to=1801`)).json;
    assert.deepEqual([(await nothing()).hits, (await nothing()).offers], [0, []], 'what else would find something is not looked for beside it');
    const [{ id: figure }] = sqlite(dir, "SELECT id FROM figure WHERE name = '文件级目录'");
    assert.match((await client.get(`/figure/${figure}`)).json.failed, /现在查不全/, 'nor is the index told to be a mistake of the figure');
    const [home, fonds, codes, topics] = await Promise.all(['/', '/catalog', '/codes', '/topics'].map(place => client.get(place)));
    assert.deepEqual([home.json.stats, !!home.json.uncounted, !!fonds.json.notice, fonds.json.fonds[0].items, codes.status], [[], true, true, undefined, 503],
      'nothing is counted in part');
    assert.deepEqual([topics.json.rows.map(row => row.hits).filter(Boolean), !!topics.json.notice], [[], true], 'nor is each topic looked for in all records');
    assert.deepEqual(counts(await untilHealed()), expected);
    assert.ok((await nothing()).offers.length > 0);
    assert.ok((await client.get('/topics')).json.rows[0].hits > 0);
    assert.ok((await client.get('/')).json.stats.length > 0 && (await client.get('/catalog')).json.fonds[0].items >= 0);
    assert.deepEqual(sqlite(dir, "SELECT number FROM schema_version WHERE room = 'search'"), [{ number }]);
  });

test('what is new to a saved search is not looked for where it might be missed', async () => {
  const [{ rev, text }] = sqlite(dir, 'SELECT r.rev, p.text FROM page_text AS p JOIN record AS r ON r.id = p.record_id ORDER BY r.rev DESC LIMIT 1'), word = /\p{Script=Han}{6}/u.exec(text)[0];
  assert.ok((await ask(`全文:${word}`)).hits > 0);
  assert.equal((await client.post('/searches', { form: { asked: JSON.stringify({ q: `全文:${word}` }), name: '原文' } })).status, 200);
  await server.stop();
  sqlite(dir, `UPDATE saved_search SET seen_rev = ${rev - 1}, checked_rev = ${rev - 1}, fresh = 0; UPDATE schema_version SET number = 3 WHERE room = 'search'`, { write: true });
  server = await serve(dir, { LANTAI_FAULT: 'search.remake:1:error' });
  client = await new Client(server.base).signIn('archivist');
  await untilHealed();
  for (const until = Date.now() + PATIENCE_MS; !sqlite(dir, 'SELECT fresh FROM saved_search')[0].fresh; await new Promise(done => setTimeout(done, 300))) assert.ok(Date.now() < until, 'it is told of');
});

test('what was healed at the start is clean', async () => {
  await server.stop();
  await assertClean(dir);
  server = undefined;
});
