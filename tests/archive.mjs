// An archive seen from outside: made empty, read through the sqlite3 command, proved clean by the program's own checks.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { lantai, temporary } from './support.mjs';

export const CHINESE = /[\u4e00-\u9fff]{2}/;

export async function emptyArchive() {
  const dir = path.join(temporary(), 'archive'), made = await lantai(dir, 'init');
  assert.equal(made.status, 0, made.stderr);
  return dir;
}

export function copyArchive(from) {
  const dir = path.join(temporary(), 'archive');
  cpSync(from, dir, { recursive: true });
  return dir;
}

export async function query(dir, sql) {
  const { stdout } = await promisify(execFile)('sqlite3', ['-json', '-cmd', '.timeout 5000', path.join(dir, 'lantai.db'), sql], { maxBuffer: 1 << 30 });
  return stdout.trim() ? JSON.parse(stdout) : [];
}

// Everything the catalogue holds but the running revision numbers; ids too, so that what was undone stands where it stood.
export async function dump(dir) {
  const records = await query(dir, `SELECT id, parent_id, fonds_id, accession_id, level, category, security, opening, code, title, creator, docno, date_text, date_from, date_to, year,
    retention, page_count, file_count, fields FROM record ORDER BY id`);
  const files = await query(dir, 'SELECT record_id, sequence, name, path, mime, puid, kind, size_bytes, sha512, sm3, page_count, text_pages, accession_id FROM file ORDER BY record_id, sequence');
  const texts = await query(dir, 'SELECT record_id, page, text FROM page_text ORDER BY record_id, page');
  return { records, files, texts };
}

// The descriptions of one fonds as a delivery brought them: without numbers that depend on when it came.
export function descriptions(dir, fonds) {
  return query(dir, `SELECT r.level, r.category, r.security, r.opening, r.code, r.title, r.creator, r.docno, r.date_text, r.date_from, r.date_to, r.year, r.retention, r.page_count, r.fields
    FROM record AS r JOIN record AS f ON f.id = r.fonds_id WHERE f.code = '${fonds}' AND r.level > 2 ORDER BY r.code`);
}

export async function assertClean(dir, message = '') {
  const check = await lantai(dir, 'check', '--json');
  assert.equal(check.status, 0, `${message}: check: ${check.stderr}${check.stdout}`);
  assert.deepEqual(check.json.faults, [], message);
  assert.deepEqual([check.json.database, check.json.index], ['good', 'good'], message);
  const audit = await lantai(dir, 'audit', '--json');
  assert.equal(audit.status, 0, `${message}: audit: ${audit.stderr}`);
  return check.json;
}

// Runs an import that must succeed; its report.
export async function take(dir, file, ...options) {
  const result = await lantai(dir, 'import', file, '--json', ...options);
  assert.equal(result.status, 0, `import ${path.basename(file)}: ${result.stderr}`);
  return result.json;
}

export async function hits(dir, words, ...options) {
  const result = await lantai(dir, 'search', '--json', '--limit', '1', ...options, '--', words);
  assert.equal(result.status, 0, result.stderr);
  return result.json.hits;
}

export async function show(dir, code) {
  const result = await lantai(dir, 'show', code, '--json');
  assert.equal(result.status, 0, `show ${code}: ${result.stderr}`);
  return result.json;
}
