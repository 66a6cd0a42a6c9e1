// The papers of a delivery, read back from the PDF that the server gives: what was declared and counted stands there, what is not known is blank, and nobody reads what is not theirs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { emptyArchive, take } from './archive.mjs';
import { csv } from './make.mjs';
import { Client, lantai, PASSWORD, serve, temporary } from './support.mjs';

const folder = temporary('lantai-forms-'), contents = { 'F-1.txt': '公开的内容\n', 'F-2.txt': '内部的内容\n' };
let dir, server, client;
before(async () => {
  dir = await emptyArchive();
  writeFileSync(path.join(dir, 'lantai.yaml'), readFileSync(path.join(dir, 'lantai.yaml'), 'utf8').replace('"000000"', '"110101"'));
  for (const [name, level] of [['archivist', '秘密'], ['low', '公开']]) assert.equal((await lantai(dir, 'user', 'add', name, '--role', 'archivist', '--password', PASSWORD, '--security', level)).status, 0);
  const table = path.join(folder, '移交目录.csv'), files = path.join(folder, 'files');
  mkdirSync(files);
  for (const [name, text] of Object.entries(contents)) writeFileSync(path.join(files, name), text);
  writeFileSync(table, csv([['档号', '题名', '密级', '电子档案名称'], ['F-1', '公开的件', '公开', 'F-1.txt'], ['F-2', '秘密的件', '秘密', 'F-2.txt'], ['F-3', '', '', '']]));
  await take(dir, table, '--fonds', 'F', '--files', files, '--body', '市水利局');
  server = await serve(dir);
  client = await new Client(server.base).signIn('archivist');
});
after(async () => { await server?.stop(); });

async function paper(who, target) {
  const reply = await who.get(target);
  assert.equal(reply.status, 200, `${target}: ${reply.text.slice(0, 200)}`);
  assert.equal(reply.headers.get('content-type'), 'application/pdf');
  const file = path.join(folder, 'paper.pdf');
  writeFileSync(file, reply.bytes);
  return { text: execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' }).replace(/[ \n\f]+/g, ''), info: execFileSync('pdfinfo', [file], { encoding: 'utf8' }) };
}

test('the hand-over form says what was declared, to three decimals; what nobody said is blank', async () => {
  const form = { name: '2023年度文书档案移交', body: '市水利局', items: 1234, volumes: 12, bytes: 3373748224, carrier: '移动硬盘 1 块', description: '发文、收文和会议材料', filled_by: '填表员' };
  const made = await client.post('/delivery/register', { form });
  assert.equal(made.status, 200, made.text);
  const { text, info } = await paper(client, `${made.json.location}/form/transfer.pdf`);
  for (const word of ['电子档案移交与接收登记表', form.name, '移交单位：市水利局', '1234', '12', '3.142', '移动硬盘1块', form.description, '填表员', '准确性检验', '载体外观检验', '110101', '第1页共1页'])
    assert.ok(text.includes(word.replaceAll(' ', '')), `${word} in ${text}`);
  assert.doesNotMatch(text, /通过|合格|null|\{/, 'nothing was checked, nothing is said of it');
  assert.match(info, /Title: +电子档案移交与接收登记表/);
});

test('the digest list names each file with its SM3, and only to those who may see it', async () => {
  const digest = name => execFileSync('openssl', ['dgst', '-sm3', '-r', path.join(folder, 'files', name)], { encoding: 'utf8' }).slice(0, 64);
  const all = (await paper(client, '/delivery/1/form/digests.pdf')).text, low = (await paper(await new Client(server.base).signIn('low'), '/delivery/1/form/digests.pdf')).text;
  for (const name of Object.keys(contents)) assert.ok(all.includes(name), `${name} in ${all}`);
  assert.ok(all.includes(digest('F-1.txt').slice(0, 16)) && all.includes(digest('F-2.txt').slice(0, 16)), all);
  assert.match(all, /共2个文件/);
  assert.ok(low.includes('F-1.txt') && !low.includes('F-2') && !low.includes(digest('F-2.txt').slice(0, 16)), low);
  assert.match(low, /另有1个文件不在您的权限之内/);
});

test('receipt and register A.1 are counted from the data; unknown papers and deliveries are not found', async () => {
  const receipt = (await paper(client, '/delivery/1/form/receipt.pdf')).text, filing = (await paper(client, '/delivery/1/form/a1-filing.pdf')).text;
  for (const word of ['市水利局：', '办理结果', '目录条目3', '收下2', '退回1']) assert.ok(receipt.includes(word), `${word} in ${receipt}`);
  for (const word of ['电子文件归档登记表', '单位名称市水利局', '病毒检验', '技术方法与相关软件说明', '形成部门']) assert.ok(filing.includes(word), `${word} in ${filing}`);
  for (const target of ['/delivery/1/form/nothing.pdf', '/delivery/1/form/a4-destruction.pdf', '/delivery/999/form/transfer.pdf']) assert.equal((await client.get(target)).status, 404, target);
  const page = await client.get('/delivery/1', { html: true });
  assert.match(page.text, /href="\/delivery\/1\/form\/transfer\.pdf"/);
});
