// The peers of the embedded index: SQLite with LIKE and PostgreSQL with pg_trgm, over the same rows and the same questions, asked through their own command-line clients,
// which time each statement. Both read the same SQL. PostgreSQL runs as a cluster of its own in a temporary folder, on a unix socket.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, chownSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const PEER_QUESTIONS = { 1: 30, 8: 24 }, SECONDS_A_KIND = 15; // what a peer is asked of each kind, by readers, and the time it gets for that
const SETTINGS = { listen_addresses: '', shared_buffers: '1GB', work_mem: '64MB', maintenance_work_mem: '2GB', max_wal_size: '4GB', wal_level: 'minimal', max_wal_senders: '0', jit: 'off' };
const FACETS = ['fonds_id', 'category', 'year', 'retention', 'opening', 'level'];
const COLUMNS = 'id, text, fonds_id, category, year, retention, opening, security, level, date_from';
const typeOf = name => (name === 'text' ? 'TEXT' : name === 'id' ? 'INTEGER PRIMARY KEY' : 'INTEGER');
const TABLE = `CREATE TABLE line (${COLUMNS.split(', ').map(name => `${name} ${typeOf(name)} NOT NULL`).join(', ')});\n`;
const SHAPE = { table: TABLE, indexes: 'CREATE INDEX line_text ON line USING gin (text gin_trgm_ops);\n', warm: 'SELECT SUM(LENGTH(text)) FROM line', statement }; // the table of a peer, and how it is asked

const children = new Set();
function begin(command, args, options) {
  const child = spawn(command, args, options);
  children.add(child);
  child.on('close', () => children.delete(child));
  return child;
}
process.on('exit', () => children.forEach(child => child.kill('SIGINT')));

// Processor seconds of a process; of those children of it too that have ended.
export function processorSeconds(pid, children = false) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ').slice(11, 15).map(Number); // user, system; the same of children
  return (fields[0] + fields[1] + (children ? fields[2] + fields[3] : 0)) / 100;
}

// Runs a program to its end: {output, seconds, cpu: processor seconds, peak: greatest resident size in bytes}, the last two as seen every 50 ms.
export function execute(command, args, { input, owner = {}, quiet = false, environment = {} } = {}) {
  return new Promise((done, fail) => {
    const cwd = owner.uid ? '/' : undefined, env = { ...process.env, ...environment };
    const started = performance.now(), child = begin(command, args, { ...owner, cwd, env });
    const output = [], errors = [];
    let peak = 0, cpu = 0;
    const watch = setInterval(() => {
      try {
        peak = Math.max(peak, 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0));
        cpu = processorSeconds(child.pid, true);
      } catch { /* it has just ended */ }
    }, 50);
    child.stdout.on('data', data => output.push(data));
    child.stderr.on('data', data => errors.push(data));
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
    child.on('error', fail);
    child.on('close', code => {
      clearInterval(watch);
      if (code === 0 || quiet) done({ output: Buffer.concat(output).toString(), seconds: (performance.now() - started) / 1000, cpu, peak, code });
      else fail(new Error(`${command} ${args.join(' ')}: ${Buffer.concat([...output, ...errors]).toString().slice(-2000)}`));
    });
  });
}

export const quote = text => `'${text.replaceAll("'", "''")}'`;

function statement({ terms, filter }, fonds) {
  return countAndList(terms.map(term => `text LIKE ${quote(`%${term}%`)}`).join(' AND '), filter, fonds, 'date_from DESC, id DESC');
}

// Count, six facets and the first twenty in one statement; a facet ignores its own filter, as Lantai's do.
export function countAndList(like, filter, fonds, order) {
  const opening = filter ? 'opening = 1' : 'TRUE', years = filter ? 'year BETWEEN 1980 AND 1990' : 'TRUE', more = order.startsWith('code') ? ', code' : '';
  const facets = FACETS.map((name, i) => {
    const where = name === 'year' ? opening : name === 'opening' ? years : `${opening} AND ${years}`;
    return `SELECT ${i + 1} AS facet, ${name} AS value, COUNT(*) AS hits FROM hit WHERE ${where} GROUP BY ${name}`;
  });
  return `WITH hit AS MATERIALIZED (SELECT ${COLUMNS.replace('text, ', '')}${more} FROM line WHERE ${like} AND fonds_id IN (${fonds}) AND (level <= 2 OR security <= 1)) ` +
    `SELECT 0 AS facet, 0 AS value, COUNT(*) AS hits FROM hit WHERE ${opening} AND ${years} UNION ALL ${facets.join(' UNION ALL ')} UNION ALL ` +
    `SELECT 7, id, date_from FROM (SELECT id, date_from FROM hit WHERE ${opening} AND ${years} ORDER BY ${order} LIMIT 20) AS listed;\n`;
}

// One client process of a peer, asked one statement at a time: its rows facet|value|hits, then a line with the time it took.
// An answer without the row of facet 0 was cut short: its hits are undefined.
function openClient(command, args, prologue) {
  const child = begin('stdbuf', ['-oL', command, ...args], { stdio: ['pipe', 'pipe', 'inherit'] }), ended = new Promise(done => child.on('close', done));
  let rest = '', answer = { hits: undefined, facets: 0 }, settle = null;
  child.stdin.on('error', () => {});
  child.stdout.on('data', data => {
    const lines = (rest + data).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const time = /^(?:Run Time: real|Time:) ([\d.]+)( ms)?/.exec(line), [facet, value, hits] = line.split('|').map(Number);
      if (time && settle) {
        settle({ ...answer, ms: Number(time[1]) * (time[2] ? 1 : 1000) });
        answer = { hits: undefined, facets: 0 };
      } else if (line.includes('|') && facet === 0) answer.hits = hits;
      else if (line.includes('|') && facet < 7) answer.facets += facet * value * hits;
    }
  });
  const ask = text => new Promise((done, fail) => {
    settle = done;
    ended.then(() => fail(new Error(`${command} has ended`)));
    child.stdin.write(text);
  });
  return { ask, start: () => ask(prologue), close: () => (child.stdin.end(), ended) };
}

// The answers to the questions with so many clients at once, in their order; none for those that the time did not suffice for.
async function askAll(open, toStatement, questions, readers, fonds, seconds = SECONDS_A_KIND) {
  const clients = Array.from({ length: readers }, open), answers = [];
  await Promise.all(clients.map(client => client.start()));
  const until = performance.now() + seconds * 1000;
  let next = 0;
  await Promise.all(clients.map(async client => {
    for (let at; (at = next++) < questions.length && performance.now() < until;) answers[at] = await client.ask(toStatement(questions[at], fonds));
  }));
  await Promise.all(clients.map(client => client.close()));
  return answers;
}

export async function openSqlite(folder, rows) {
  const file = path.join(folder, 'like.db');
  const { seconds } = await execute('sqlite3', ['-batch', file], { input: `${TABLE}.mode tabs\n.import ${rows} line\n` });
  const open = () => openClient('sqlite3', ['-batch', file], `PRAGMA mmap_size = 4000000000;\n.mode list\n.timer on\nSELECT SUM(LENGTH(text)) FROM line;\n`);
  return { name: 'SQLite LIKE', load: seconds, ask: (...question) => askAll(open, statement, ...question), close: async () => rmSync(file) };
}

// A server of its own, NULL when PostgreSQL is not here. kept: a folder whose rows stay for the next run; otherwise all of it goes when it is closed.
export async function openPostgres(kept) {
  const programs = '/usr/lib/postgresql/15/bin';
  if (!existsSync(path.join(programs, 'initdb'))) return null;
  const root = process.getuid() === 0, identity = async flag => Number((await execute('id', [flag, 'postgres'])).output);
  const owner = root ? { uid: await identity('-u'), gid: await identity('-g') } : {}, folder = kept ?? mkdtempSync(path.join(tmpdir(), 'lantai-bench-pg-'));
  mkdirSync(folder, { recursive: true });
  if (root) chownSync(folder, owner.uid, owner.gid);
  const data = path.join(folder, 'data'), program = name => path.join(programs, name), made = !existsSync(path.join(data, 'PG_VERSION'));
  if (made) await execute(program('initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8'], { owner });
  const settings = Object.entries(SETTINGS).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const server = begin(program('postgres'), ['-D', data, '-k', folder, ...settings], { ...owner, cwd: '/', stdio: 'ignore' });
  const ended = new Promise(done => server.on('close', done));
  const connection = ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-h', folder, '-U', 'postgres', '-d', 'postgres'], psql = script => execute(program('psql'), connection, { input: script });
  const close = async () => {
    server.kill('SIGINT');
    await ended;
    if (!kept) rmSync(folder, { recursive: true, force: true });
  };
  for (let tries = 0; (await execute(program('pg_isready'), ['-h', folder], { quiet: true })).code !== 0; tries++) {
    if (tries > 600) throw await close(), new Error('PostgreSQL does not start');
    await new Promise(done => setTimeout(done, 100));
  }
  if (made) await psql('CREATE EXTENSION pg_trgm;');
  const asking = async shape => { // shape.patience: seconds after which a statement is cut short
    const prologue = `${shape.patience ? `SET statement_timeout = '${shape.patience}s';\n` : ''}\\timing on\nSELECT 1;\n`, impatient = shape.patience ? ['-v', 'ON_ERROR_STOP=0'] : [];
    const open = () => openClient(program('psql'), [...connection, ...impatient], prologue);
    await psql(`${shape.warm};`);
    return { name: 'PostgreSQL pg_trgm', open, psql, ask: (...question) => askAll(open, shape.statement, ...question), close: async () => {} };
  };
  const load = async (rows, shape = SHAPE) => {
    const before = processorSeconds(server.pid, true);
    const { seconds } = await psql(`BEGIN;\nDROP TABLE IF EXISTS line;\n${shape.table}\\copy line${shape.columns ? ` (${shape.columns})` : ''} FROM '${rows}'\nCOMMIT;\n${shape.indexes}`);
    await psql('VACUUM ANALYZE line;');
    await new Promise(done => setTimeout(done, 500)); // the server hears late of what has ended
    const cpu = processorSeconds(server.pid, true) - before;
    const bytes = Number((await psql("SELECT pg_total_relation_size('line');")).output);
    return { ...await asking(shape), load: seconds, cpu, bytes };
  };
  return { load, asking, close };
}
