// The demonstration's entries are loaded once, and the monthly bulletin of supervised tasks writes itself from them: what was due, what was done, what is late and whose it is,
// as it stood at the month's end, whatever was done since.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { emptyArchive } from './archive.mjs';
import { lantai } from './support.mjs';

let dir;
before(async () => {
  dir = await emptyArchive();
  const loaded = await lantai(dir, 'demo', '--ledgers');
  assert.equal(loaded.status, 0, loaded.stderr);
});
const bulletin = async (from, to) => (await lantai(dir, 'report', '督办通报', '--from', from, '--to', to, '--format', 'md', '-')).stdout;

test('entries of the demonstration are not loaded twice', async () => {
  const again = await lantai(dir, 'demo', '--ledgers');
  assert.notEqual(again.status, 0);
  assert.match(again.stderr, /已经装入过/);
});

test('a month in which everything due was done names nobody', async () => {
  const text = await bulletin('2023-11-01', '2023-11-30');
  assert.match(text, /期间到期任务20项，全部办结。/);
  assert.match(text, /到期末没有逾期任务。/);
});

test('a month with late tasks names them and whose they are, though they were done in the month after', async () => {
  const text = await bulletin('2023-12-01', '2023-12-31');
  assert.match(text, /期间到期任务25项，办结20项，办结率80%。/);
  const late = /仍未办结的5项：(.+?)，责任部门为(.+?)。/.exec(text);
  assert.equal(late?.[1].match(/“[^”]+”/g).length, 5, text);
  assert.equal(late[2].split('、').length, 5);
  assert.match(await bulletin('2024-01-01', '2024-01-31'), /办结5项（/);
});

test('without days it is of the last whole month', async () => {
  const today = new Date(Date.now() + 8 * 3600e3), last = new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), 0));
  const month = `${last.getUTCFullYear()}年${last.getUTCMonth() + 1}月`;
  const { stdout } = await lantai(dir, 'report', '督办通报', '--format', 'md', '-');
  assert.ok(stdout.includes(`现将${month}1日至${month}${last.getUTCDate()}日的`), stdout);
});

test('the bulletin\'s numbers keep their invariant', async () => {
  const { json } = await lantai(dir, 'report', '督办通报', '--from', '2023-12-01', '--to', '2023-12-31', '--check', '--json');
  assert.equal(json[0].name, '督办通报');
  assert.deepEqual(json[0].faults.filter(fault => fault.stop), []);
});
