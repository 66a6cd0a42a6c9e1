// Ledgers that fill themselves: a delivery that is accepted stands in the ledger of what was received, once, and goes out of it when the delivery is undone.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { lantai, serve, sqlite, temporary, writeDelivery } from './support.mjs';

const folder = temporary('lantai-feed-'), dir = path.join(folder, 'archive');
const pause = ms => new Promise(done => setTimeout(done, ms));
const entries = (place = dir) => JSON.parse(sqlite(place, "SELECT json_group_array(json_object('key', e.key, 'state', e.state, 'deleted', e.deleted, 'rev', e.rev, 'title', e.title, 'data', json(e.data)))" +
  " AS list FROM ledger_entry AS e JOIN ledger AS l ON l.id = e.ledger_id WHERE l.name = '接收进馆'")[0].list);

// Serves until the ledger is as it should be, 20 seconds at most.
async function served(until, seconds = 20) {
  const server = await serve(dir), end = Date.now() + seconds * 1000;
  try {
    while (Date.now() < end && !until(entries())) await pause(200);
  } finally {
    await server.stop('SIGTERM');
  }
  return entries();
}

test('what is accepted is registered by itself, once; what is undone goes out', async () => {
  assert.equal((await lantai(dir, 'init')).status, 0);
  const delivery = writeDelivery(path.join(folder, 'one'), { count: 30, documents: 2 });
  assert.equal((await lantai(dir, 'import', delivery.table, '--files', delivery.files, '--body', '市水务局')).status, 0);
  const made = await served(list => list.length > 0);
  assert.equal(made.length, 1);
  assert.deepEqual([made[0].key, made[0].state, made[0].deleted], ['accession:1', '已进馆', 0]);
  assert.deepEqual([made[0].data.移交单位, made[0].data.条数], ['市水务局', 30]);
  assert.deepEqual(made[0].data.全宗, [sqlite(dir, 'SELECT code FROM record WHERE level = 1')[0].code], 'and says whose it is');
  const again = await served(list => list.length > 1 || list[0].rev !== made[0].rev, 6);
  assert.equal(again.length, 1, 'not twice');
  assert.equal(again[0].rev, made[0].rev, 'and what did not change is not written again');
  const fix = path.join(folder, 'fix.csv'), anew = path.join(folder, 'anew');
  writeFileSync(fix, `编号,条数\n${sqlite(dir, "SELECT number FROM ledger_entry WHERE key = 'accession:1'")[0].number},29\n`);
  assert.equal((await lantai(dir, 'ledger', 'import', '接收进馆', fix)).status, 0);
  assert.equal((await lantai(dir, 'rebuild', anew)).status, 0);
  const server = await serve(anew);
  await pause(4000);
  await server.stop('SIGTERM');
  assert.equal(entries(anew)[0].data.条数, 29, 'a rebuilt archive does not take its corrections back');
  assert.equal((await lantai(dir, 'undo', '1')).status, 0);
  const undone = await served(list => list[0].deleted === 1);
  assert.deepEqual(undone.map(entry => entry.deleted), [1]);
  assert.equal((await lantai(dir, 'import', delivery.table, '--files', delivery.files, '--body', '市水务局')).status, 0);
  const accepted = await served(list => list.some(entry => entry.deleted === 0));
  assert.deepEqual(accepted.filter(entry => entry.deleted === 0).map(entry => entry.state), ['已进馆'], 'accepted again, it is in the ledger again');
});
