// Every SQL statement of the program is prepared against a fresh archive's schema, and its plan read: none may walk through a table that grows with the
// holdings, unless it is listed below with the reason. Statements are string literals by construction (sql.h), so the preprocessor's output has them all.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { lantai, program, root, temporary } from './support.mjs';

const GROWING = ['authority', 'authority_name', 'authority_part', 'authority_relation', 'record_link', 'gathering', 'gathering_row', 'dossier_entry',
  'check_task', 'check_item', 'check_finding', 'record', 'file', 'page_text', 'event', 'search_column', 'accession_change', 'accession_file', 'accession_object', 'accession_removal', 'job', 'session', 'sign_in_failure', 'tombstone', 'keep_disposal_item', 'keep_conversion', 'keep_conversion_failure',
  'content_object', 'copy_object', 'copy_fault', 'copy_run', 'accession_step', 'accession_kept', 'watch_entry', 'export', 'project_chase', 'project_delivery', 'patrol_slice', 'patrol_item', 'quality_fault', 'quality_key', 'quality_pass', 'ledger_entry', 'ledger_entry_version', 'ledger_link', 'ledger_comment', 'ledger_also', 'ledger_batch', 'ledger_batch_row'];

// File of the room, a part of the statement, the reason.
const ALLOWED = [
  ['app/demo.c', 'FROM ledger_entry', 'how many there are, once, when the demonstration has been made'],
  ['app/pages.c', 'FROM ledger_entry ORDER BY id DESC LIMIT 200', 'the newest two hundred, on the home page of an archive that has no fonds'],
  ['app/check.c', 'FROM file ORDER BY record_id', 'a check reads everything'],
  ['app/check.c', 'SELECT count(*) AS n FROM record', 'a check reads everything'],
  ['app/check.c', 'SELECT (SELECT count(DISTINCT record_id) FROM file)', 'a check reads everything'],
  ['app/check.c', 'SELECT json_array(', 'the digest of the catalogue reads every row'],
  ['catalog/bulk.c', 'SELECT (SELECT COUNT(*) FROM record)', 'how much there is to be indexed anew'],
  ['catalog/record.c', 'WHERE level = 1 ORDER BY code', 'through record_fonds, a partial index that has the fonds only'],
  ['authority/link.c', 'WHERE level = 1 AND title = $1', 'through record_fonds, a partial index that has the fonds only'],
  ['keep/copy-read.c', 'SELECT COUNT(*) AS rows FROM content_object', 'how much a scrub has before it, once a scrub'],
  ['keep/copy-tell.c', 'SELECT COUNT(*) AS rows FROM content_object', 'how many objects there are, on the page of copies'],
  ['keep/patrol.c', 'COUNT(DISTINCT f.record_id)', 'how much a patrol has before it, once a patrol'],
  ['keep/patrol.c', 'COUNT(DISTINCT record_id)', 'how much a patrol has before it, once a patrol'],
  ['keep/formats.c', 'FROM file GROUP BY puid', 'through file_format alone: what the holdings contain is a count over all files'],
  ['check/check.c', "check_task WHERE state = 'running'", 'through check_task_running, a partial index that has the running ones only'],
  ['journal/journal.c', 'FROM event ORDER BY id DESC LIMIT 1', 'the newest row'],
  ['journal/verify.c', 'FROM event ORDER BY id', 'a verification reads every event'],
  ['quality/ground.c', "SELECT 'kinds' AS subject", 'the fonds through record_fonds, a partial index that has them only'],
  ['quality/ground.c', 'SELECT DISTINCT n.folded AS folded', 'the fonds through record_fonds, a partial index that has them only'],
  ['quality/fault.c', 'INSERT INTO quality_count', 'all faults are counted, once a survey'],
  ['search/column.c', 'FROM search_column ORDER BY chunk', 'the columns are read into memory when the archive is opened'],
];

// The source after the preprocessor: sql_…_literal((sql), "" "SELECT …" " …", …
function literalsOf(text) {
  const found = [];
  for (const call of text.matchAll(/sql_(?:query|exec|json|row_json|number|string)_literal\(/g)) {
    let at = call.index + call[0].length, depth = 0;
    for (; depth > 0 || text[at] !== ','; at++) depth += text[at] === '(' ? 1 : text[at] === ')' ? -1 : 0;
    const string = /\s*"((?:[^"\\]|\\.)*)"/y;
    let statement = '';
    string.lastIndex = at + 1;
    for (let part; (part = string.exec(text)); ) statement += JSON.parse(`"${part[1].replaceAll("\\'", "'")}"`);
    if (statement) found.push(statement);
  }
  return found;
}

function statements() {
  const build = path.dirname(program), found = new Map();
  for (const { directory, command, file } of JSON.parse(readFileSync(path.join(build, 'compile_commands.json'), 'utf8'))) {
    const source = path.resolve(directory, file), name = path.relative(path.join(root, 'src'), source);
    if (name.startsWith('..') || name.endsWith('-test.c') || name === 'sql/sql.c' || !/\bsql_/.test(readFileSync(source, 'utf8'))) continue;
    const output = spawnSync('sh', ['-c', command.replace(/ -MD -MQ \S+ -MF \S+ -o \S+ -c /, ' -E -P ')], { cwd: directory, encoding: 'utf8', maxBuffer: 1 << 28 });
    assert.equal(output.status, 0, output.stderr);
    for (const statement of literalsOf(output.stdout)) if (!statement.startsWith('ALTER TABLE')) found.set(statement, name); // a new name has no plan
  }
  return found;
}

// [{statement, file, plan: [text], error}]
function explain(database, found) {
  const script = ['.mode list', '.bail off'];
  for (const statement of found.keys()) script.push('.print @@@', `EXPLAIN QUERY PLAN ${statement.replace(/\s+/g, ' ').replace(/;?\s*$/, '')};`);
  const output = spawnSync('sqlite3', ['-readonly', '-batch', database], { input: script.join('\n'), encoding: 'utf8', maxBuffer: 1 << 26 });
  const answers = output.stdout.split('@@@\n').slice(1);
  assert.equal(output.stderr, '', 'every statement fits the schema');
  assert.equal(answers.length, found.size);
  return [...found].map(([statement, file], i) => ({ statement, file, plan: answers[i].split('\n').map(line => line.replace(/^[ |`-]*/, '')) }));
}

function scans({ statement, plan }) {
  const names = new Map([...statement.matchAll(/\b(\w+) AS (\w+)/g)].map(([, table, alias]) => [alias, table]));
  return plan.filter(line => {
    const match = /^SCAN (\w+)/.exec(line);
    return /AUTOMATIC/.test(line) || (match && GROWING.includes(names.get(match[1]) ?? match[1]));
  });
}

let plans;
before(async () => {
  const dir = path.join(temporary(), 'archive');
  assert.equal((await lantai(dir, 'init')).status, 0);
  plans = explain(path.join(dir, 'lantai.db'), statements());
});

test('the statements are found and have plans', () => {
  assert.ok(plans.length > 150, `only ${plans.length} statements were found`);
  for (const part of ['INSERT INTO record ', 'FROM search_title WHERE search_title MATCH', 'UPDATE accession SET']) assert.ok(plans.some(({ statement }) => statement.includes(part)), part);
});

test('no statement scans a table that grows with the holdings', () => {
  const bad = plans.filter(plan => scans(plan).length && !ALLOWED.some(([file, part]) => plan.file === file && plan.statement.includes(part)));
  assert.deepEqual(bad.map(plan => ({ file: plan.file, statement: plan.statement.replace(/\s+/g, ' '), scans: scans(plan) })), []);
});

test('every exception is still one', () => {
  const unused = ALLOWED.filter(([file, part]) => !plans.some(plan => plan.file === file && plan.statement.includes(part) && scans(plan).length));
  assert.deepEqual(unused, []);
});
