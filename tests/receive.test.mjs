// Packages from the folder or archive they came in to records with their files: every layout, through `lantai receive`, going on after a crash, and back by undo.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { emptyArchive, query } from './archive.mjs';
import { LAYOUTS, sampleRecords, writePackage } from './package-writer.mjs';
import { lantai, temporary } from './support.mjs';

const packed = (folder, name) => {
  const target = path.join(temporary(), name);
  execFileSync('python3', ['-c', `import shutil,sys; shutil.make_archive(sys.argv[1], sys.argv[2], sys.argv[3])`, target, 'zip', folder]);
  return `${target}.zip`;
};
const receive = (dir, where, ...options) => lantai(dir, 'receive', where, '--json', '-q', ...options);

for (const layout of LAYOUTS) {
  test(`${layout}: a folder becomes records with their files, the package's own files stay with the delivery`, async () => {
    const dir = await emptyArchive(), records = sampleRecords(3, { filesEach: layout === 'documents' ? 1 : 2 });
    const made = writePackage(layout, path.join(temporary(), 'package'), { records });
    const seen = await receive(dir, made.dir);
    assert.ok(seen.json?.id, seen.stderr + seen.stdout);
    assert.equal(seen.json.state, 'rehearsed', seen.stderr);
    assert.ok(seen.json.check?.items?.length > 20, 'the check ran');
    assert.equal(seen.status, seen.json.check.state === 'failed' ? 1 : 0, JSON.stringify(seen.json.failed_items?.map(item => [item.code, item.name])));
    assert.equal(seen.json.kind, 'package');
    assert.deepEqual([seen.json.rows, seen.json.rejected, seen.json.missing, seen.json.surplus], [layout === 'documents' ? seen.json.rows : 3, [], [], []]);
    const done = await receive(dir, made.dir, '--accept', '--note', '试收');
    assert.equal(done.status, 0, done.stderr);
    assert.equal(done.json.id, seen.json.id, 'the same delivery goes on');
    assert.equal(done.json.state, 'done');
    assert.equal(done.json.attached, (await query(dir, 'SELECT count(*) AS n FROM file'))[0].n);
    assert.ok(done.json.attached >= 3);
    if (layout !== 'documents') assert.deepEqual((await query(dir, 'SELECT code FROM record WHERE level = 4 ORDER BY code')).map(row => row.code), records.map(record => record.code).sort());
    const folder = path.join(dir, 'deliveries', String(done.json.id));
    assert.deepEqual(readdirSync(folder).filter(name => ['files', 'extracted', 'package', 'documents'].includes(name)), []);
    assert.equal((await lantai(dir, 'check')).status, 0);
    const rebuilt = path.join(temporary(), 'rebuilt'), again = await lantai(dir, 'rebuild', rebuilt, '--json');
    assert.equal(again.json?.equal, true, again.stdout.slice(0, 500) + again.stderr);
    assert.equal((await lantai(dir, 'undo', String(done.json.id))).status, 0);
    assert.equal((await query(dir, 'SELECT count(*) AS n FROM record WHERE level > 2'))[0].n, 0);
  });
}

test('a zip of a package: unpacked in the job, gone when done; killed while unpacking and checking it goes on', async () => {
  const records = sampleRecords(4, { filesEach: 1 }), made = writePackage('dat93', path.join(temporary(), 'package'), { records }), zip = packed(made.dir, '移交');
  for (const fault of ['', 'accession.unpacked', 'accession.surveyed', 'accession.checked', 'accession.rehearsed']) {
    const dir = await emptyArchive();
    if (fault) {
      process.env.LANTAI_FAULT = `${fault}:1`;
      const killed = await lantai(dir, 'receive', zip, '-q');
      delete process.env.LANTAI_FAULT;
      assert.notEqual(killed.status, 0, fault);
    }
    const done = await receive(dir, zip, '--accept', '--note', '试收');
    assert.equal(done.status, 0, `${fault}: ${done.stderr}`);
    assert.deepEqual([done.json.state, done.json.created, done.json.attached], ['done', 4, 4], fault);
    assert.ok(!existsSync(path.join(dir, 'deliveries', '1', 'files')));
    assert.equal((await query(dir, 'SELECT count(*) AS n FROM accession'))[0].n, 1, 'no second delivery');
  }
});

test('a check that failed: exit 1 with the codes; --accept wants a note', async () => {
  const dir = await emptyArchive(), made = writePackage('dat93', path.join(temporary(), 'package'), { records: sampleRecords(3), readme: { 档案数量: '999件' } });
  writeFileSync(path.join(made.dir, '多余.exe'), 'MZ');
  const seen = await receive(dir, made.dir);
  assert.equal(seen.status, 1, seen.stdout.slice(0, 300));
  assert.ok(seen.json.failed_items.length > 0);
  const refused = await receive(dir, made.dir, '--accept');
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /让步接收/);
  assert.equal((await query(dir, 'SELECT count(*) AS n FROM record WHERE level > 2'))[0].n, 0);
});
