// The watched folder with the real server: what rests there becomes a delivery once, by its body, over kills; the rest is put aside with the reason.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { emptyArchive, query } from './archive.mjs';
import { csv } from './make.mjs';
import { serve } from './support.mjs';

const servers = [];
after(async () => { for (const server of servers) await server.stop(); });

async function watched(settle = 1) {
  const dir = await emptyArchive(), folder = path.join(path.dirname(dir), '接收');
  mkdirSync(folder);
  const file = path.join(dir, 'lantai.yaml'), text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('watch: ""', `watch: "${folder}"`).replace(/settle_seconds: \d+/, `settle_seconds: ${settle}`));
  const start = async environment => { const server = await serve(dir, environment); servers.push(server); return server; };
  return { dir, folder, start };
}
const until = async (what, condition) => {
  for (let i = 0; i < 400; i++) { if (await condition()) return; await new Promise(done => setTimeout(done, 50)); }
  assert.fail(`never: ${what}`);
};
const table = code => csv([['档号', '题名'], [code, `题名${code}`]]);
const deliveries = dir => query(dir, 'SELECT id, name, body, state FROM accession ORDER BY name');

test('a table in the folder and one under a body become deliveries that are checked; what is no delivery is put aside with the reason', async () => {
  const { dir, folder, start } = await watched();
  await start();
  mkdirSync(path.join(folder, '市水利局'));
  writeFileSync(path.join(folder, '目录甲.csv'), table('A-1'));
  writeFileSync(path.join(folder, '市水利局', '目录乙.csv'), table('B-1'));
  writeFileSync(path.join(folder, '没传完.csv.part'), table('C-1'));
  writeFileSync(path.join(folder, '.隐藏.csv'), table('D-1'));
  writeFileSync(path.join(folder, '坏的.xlsx'), Buffer.from('PK\x03\x04 not a workbook'));
  await until('two deliveries that are checked', async () => (await query(dir, "SELECT count(*) AS n FROM job WHERE kind = 'accession.rehearse' AND state = 'done'"))[0].n === 2);
  assert.deepEqual((await deliveries(dir)).map(({ name, body }) => [name, body]).sort(), [['目录乙.csv', '市水利局'], ['目录甲.csv', '']].sort());
  assert.deepEqual([existsSync(path.join(folder, '已接收/目录甲.csv')), existsSync(path.join(folder, '已接收/市水利局/目录乙.csv')), existsSync(path.join(folder, '目录甲.csv'))], [true, true, false]);
  await until('the bad one put aside', () => existsSync(path.join(folder, '不能接收/坏的.xlsx')));
  assert.match(readFileSync(path.join(folder, '不能接收/坏的.xlsx.txt'), 'utf8'), /原因：.*[\u4e00-\u9fff]{4}/);
  assert.deepEqual(readdirSync(folder).sort(), ['.隐藏.csv', '不能接收', '已接收', '市水利局', '没传完.csv.part'].sort());
  renameSync(path.join(folder, '没传完.csv.part'), path.join(folder, '目录甲.csv')); // another thing under a name that was there
  await until('the third', async () => (await deliveries(dir)).length === 3);
  assert.ok(existsSync(path.join(folder, '已接收/目录甲-2.csv')));
  assert.equal((await query(dir, "SELECT count(*) AS n FROM watch_entry WHERE state = 'received'"))[0].n, 3);
});

test('what lies below 归档 is of the stage 归档, by the same rules; the folder itself stays', async () => {
  const { dir, folder, start } = await watched();
  await start();
  mkdirSync(path.join(folder, '归档', '财务处'), { recursive: true });
  writeFileSync(path.join(folder, '归档', '财务处', '目录丙.csv'), table('A-1'));
  writeFileSync(path.join(folder, '归档', '目录丁.csv'), table('B-1'));
  writeFileSync(path.join(folder, '目录戊.csv'), table('C-1'));
  await until('three deliveries that are checked', async () => (await query(dir, "SELECT count(*) AS n FROM job WHERE kind = 'accession.rehearse' AND state = 'done'"))[0].n === 3);
  const checked = await query(dir, 'SELECT a.name, a.body, a.stage, c.stage AS scheme FROM accession AS a JOIN check_task AS c ON c.id = a.check_id ORDER BY a.name');
  assert.deepEqual(checked, [['目录丁.csv', '', 'filing', 'filing'], ['目录丙.csv', '财务处', 'filing', 'filing'], ['目录戊.csv', '', 'transfer', 'transfer']]
    .map(([name, body, stage, scheme]) => ({ name, body, stage, scheme })));
  assert.ok(existsSync(path.join(folder, '归档')) && existsSync(path.join(folder, '已接收/财务处/目录丙.csv')));
});

test('what is still growing is let be until it rests', async () => {
  const { dir, folder, start } = await watched(2);
  await start();
  let text = table('A-1');
  for (let i = 0; i < 8; i++) {
    text += `A-${i + 2},又一行\n`;
    writeFileSync(path.join(folder, '慢.csv'), text);
    await new Promise(done => setTimeout(done, 500));
    assert.equal((await deliveries(dir)).length, 0, `after ${i} additions`);
  }
  await until('a delivery', async () => (await deliveries(dir)).length === 1);
  assert.equal(readFileSync(path.join(dir, 'deliveries/1/source/慢.csv'), 'utf8'), text);
});

for (const point of ['watch.moved', 'accession.receive', 'watch.received']) {
  test(`killed at ${point}: after the next start there is one delivery and one check`, async () => {
    const { dir, folder, start } = await watched();
    writeFileSync(path.join(folder, '目录.csv'), table('A-1'));
    const server = await start({ LANTAI_FAULT: `${point}:1` });
    assert.equal((await server.ended).signal, 'SIGKILL');
    await start();
    await until('a checked delivery', async () => (await query(dir, "SELECT count(*) AS n FROM job WHERE kind = 'accession.rehearse' AND state = 'done'"))[0].n === 1);
    assert.equal((await deliveries(dir)).length, 1);
    assert.deepEqual(await query(dir, 'SELECT state, accession_id FROM watch_entry'), [{ state: 'received', accession_id: 1 }]);
    assert.deepEqual([existsSync(path.join(folder, '已接收/目录.csv')), existsSync(path.join(folder, '目录.csv'))], [true, false]);
  });
}
