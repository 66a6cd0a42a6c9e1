// An office that is no archives, with YAML alone: the water bureau of docs/ledgers.zh.md, command by command as the page has them.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { query } from './archive.mjs';
import { lantai, root, temporary } from './support.mjs';

const folder = path.join(root, 'examples', 'water');
const page = readFileSync(path.join(root, 'docs', 'ledgers.zh.md'), 'utf8');
const commands = [...page.matchAll(/^ {4}lantai -C 水务局 (.+)$/gm)].map(each => each[1].split(' '));
const yaml = readdirSync(folder).filter(name => name.endsWith('.yaml')).map(name => path.join(folder, name));
const year = ['--year', '2023'], told = new Map();
let dir, out;
// As a shell in the program's own folder would read it; what is written goes elsewhere.
const words = list => list.flatMap(word => word.includes('*') ? yaml : word.startsWith('examples/') ? path.join(root, word) : word.endsWith('.docx') ? path.join(out, word) : word);
const run = async (...args) => {
  const done = await lantai(dir, ...args);
  assert.equal(done.status, 0, `${args.join(' ')}: ${done.stderr}`);
  return done;
};
const figure = async name => (await run('figure', name, ...year, '--json')).json;

before(async () => {
  out = temporary();
  dir = path.join(out, '水务局');
  for (const command of commands) {
    const { stdout } = await run(...words(command));
    told.set(command.join(' '), stdout);
  }
});

test('the commands of the page: all of them, one after another', async () => {
  assert.ok(commands.length >= 9 && commands[0][0] === 'init', `${commands.length} commands`);
  assert.match(told.get('ledger import 河湖巡查 examples/water/河湖巡查.csv --rehearse'), /91 条，新增 91/);
  assert.match(told.get('ledger import 河湖巡查 examples/water/河湖巡查.csv'), /91 条，新增 91/, 'the rehearsal wrote nothing');
  assert.match(told.get('figure 巡河次数 --year 2023'), /90余次（准数 91，91 行）/);
  assert.ok(existsSync(path.join(out, '总结.docx')));
  assert.deepEqual((await query(dir, 'SELECT name FROM ledger ORDER BY name')).map(each => each.name), ['入河排污口', '水毁修复', '河湖名录', '河湖巡查'].sort());
  for (const name of readdirSync(folder).filter(each => each.endsWith('.csv'))) assert.ok(page.includes(`examples/water/${name}`), name);
});

test('the same sheets once more change nothing', async () => {
  for (const [ledger, count] of [['河湖名录', 6], ['河湖巡查', 91], ['水毁修复', 6], ['入河排污口', 5]]) {
    const taken = (await run('ledger', 'import', ledger, path.join(folder, `${ledger}.csv`), '--json')).json;
    assert.deepEqual([taken.created, taken.same, taken.problems], [0, count, []], ledger);
  }
});

test('figures', async () => {
  const wanted = { 巡河次数: [91, '90余次'], 巡查覆盖: [100, '巡查全覆盖'], 巡河问题: [10, '10个'], 问题处置率: [80, '已处置8个，还有2个正在处置'], 巡河月份: [12, '每月'], 水毁处数: [6, '6处'],
    水毁修复完成: [4, '4处'], 水毁修复投资: [4901500, '490.2万元'], 整治排污口: [3, '3个'] };
  for (const [name, [value, text]] of Object.entries(wanted)) {
    const result = await figure(name);
    assert.deepEqual([result.value, result.text], [value, text], name);
  }
  const kinds = (await figure('巡河次数')).parts;
  assert.equal(kinds.reduce((sum, part) => sum + part.value, 0), 91);
  assert.equal((await figure('监测达标率')).value, 75);
});

test('the report', async () => {
  const { stdout } = await run('report', '河湖管护年度总结', '-', ...year, '--format', 'md');
  assert.match(stdout, /巡河90余次，其中县级河长10余次，累计430余公里/);
  assert.match(stdout, /对在册的6个河流、水库巡查全覆盖/);
  assert.match(stdout, /实施白水河右岸堤防、云溪河城区段护岸等6处修复，已完成4处/);
  assert.match(stdout, /对超标的排污口已经发函督促整改/);
});

test('a definition with a mistake says where, and nothing of it is taken', async () => {
  const file = path.join(temporary(), 'wrong.yaml');
  writeFileSync(file, readFileSync(path.join(folder, 'figures.yaml'), 'utf8').replace('sum: 巡查长度', 'sum: 巡查长'));
  const done = await lantai(dir, 'define', file);
  assert.notEqual(done.status, 0);
  assert.match(done.stderr, /巡查长/);
  assert.equal((await figure('巡河里程')).value > 400, true);
});

test('a university\'s office: the commands of the page once more, with a panel, a duty and a chart on paper', async () => {
  const school = path.join(root, 'examples', 'university'), home = path.join(out, '国际交流处'), docx = path.join(out, '年报.docx');
  const all = readdirSync(school).filter(name => name.endsWith('.yaml')).map(name => path.join(school, name));
  const given = [...page.matchAll(/^ {4}lantai -C 国际交流处 (.+)$/gm)].map(each => each[1].split(' ')), said = [];
  for (const command of given) {
    const done = await lantai(home, ...command.flatMap(word => word.includes('*') ? all : word.startsWith('examples/') ? path.join(root, word) : word.endsWith('.docx') ? docx : word));
    assert.equal(done.status, 0, `${command.join(' ')}: ${done.stderr}`);
    said.push(done.stdout);
  }
  assert.equal(given.length, 5);
  assert.match(said[1], /台账 1 个、指标 3 个、一览 1 个、报告 1 个/);
  assert.match(said[3], /接待团组：3批/);
  assert.ok(readFileSync(docx).includes('word/media/chart1.png'), 'with its chart');
});
