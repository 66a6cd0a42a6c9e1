// Three real reports of archives made 190 countable claims (../shared/claims). The demonstration's entries and the definitions that ship must print every one of them: the
// figure's exact value lies where the printed number says, the report's sentence has the quote's words, and the figure opens to the entries that stand behind it.
// tests/claims-*.tsv says which figure makes which claim, and how many entries it opens to. The last line counts them: "N of 190 claims".
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { emptyArchive } from './archive.mjs';
import { lantai, root, shared } from './support.mjs';

const file = path.join(shared, 'claims', 'claims.tsv');
const skip = existsSync(file) ? false : 'no ../shared/claims here';
const lines = name => readFileSync(name, 'utf8').split('\n').filter(line => line.trim());
const claims = new Map(skip ? [] : lines(file).slice(1).map(line => line.split('\t')).map(([id, source, quote, value, form, lo, hi, unit, what]) =>
  [id, { id, source, quote, value, form, lo, hi, unit, what }]));
const held = new Set();
let dir;

// Width of brackets, commas and digits, and spaces, are typesetting.
const plain = text => text.normalize('NFKC').replace(/[\s*_#\\]+/g, '').replaceAll('−', '-');
const ofUnit = unit => unit ? ['--unit', unit] : [];
const escaped = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
// What stands for a name or a number in the county's template: XX, and the kind of county.
function pattern(quote) {
  return new RegExp(plain(quote).split(/(XX|区\(市、县\))/).map(part => part === 'XX' ? '([^。;]+?)' : part === '区(市、县)' ? '[^。;,]*?' : escaped(part)).join(''), 'g');
}

before(async () => {
  if (skip) return;
  dir = await emptyArchive();
  const loaded = await lantai(dir, 'demo', '--ledgers');
  assert.equal(loaded.status, 0, loaded.stderr);
});
after(() => { if (!skip) console.log(`${held.size} of ${claims.size} claims`); });

for (const name of ['municipal', 'district', 'county']) {
  const rows = lines(path.join(root, 'tests', `claims-${name}.tsv`));
  const [report, from, to, unit] = rows[0].replace(/^# */, '').split('\t');
  const wanted = rows.filter(row => !row.startsWith('#')).map(row => row.split('\t')).map(([id, figure, entries, words]) => ({ id, figure, entries: Number(entries), words }));
  const period = ['--from', from, '--to', to, ...ofUnit(unit)];
  let text, figures;
  test(`${name}: the report is made, and nothing keeps it from being frozen`, { skip }, async () => {
    const [made, told] = await Promise.all(['md', 'json'].map(format => lantai(dir, 'report', report, '-', '--format', format, ...period)));
    assert.equal(made.status, 0, made.stderr);
    text = plain(made.stdout);
    const { faults, ...rest } = JSON.parse(told.stdout);
    figures = rest.figures;
    assert.deepEqual(faults.filter(fault => fault.stop || fault.kind !== 'look'), [], 'what rests on a closed ledger is said, and does not stop it');
  });
  for (const each of wanted) {
    test(`${each.id} ${claims.get(each.id)?.what ?? ''}`, { skip }, async () => {
      const claim = claims.get(each.id), [figure, part] = each.figure.split('.');
      const whole = figures[figure] ?? (await lantai(dir, 'figure', figure, ...period, '--json')).json;
      const result = part ? whole?.parts?.find(one => one.key === part) : whole;
      assert.ok(result, `there is a figure ${each.figure}`);
      assert.equal(result.entries, each.entries, 'entries that it opens to');
      if (claim.lo) assert.ok(result.value >= Number(claim.lo), `${result.value} is at least ${claim.lo}`);
      if (claim.hi) assert.ok(result.value <= Number(claim.hi), `${result.value} is at most ${claim.hi}`);
      const matches = [...text.matchAll(pattern(each.words || claim.quote))];
      assert.ok(matches.length, `the report says: ${each.words || claim.quote}; the figure: ${result.text}`);
      if (claim.form === 'placeholder') {
        const said = plain(result.text), number = /[\d.]+/.exec(said)?.[0];
        assert.ok(number, 'a number stands where XX stood');
        const match = matches.find(one => one[0].includes(said) || one.slice(1).some(words => words === number && said.startsWith(words)));
        assert.ok(match, `${matches.map(one => one[0])} has ${said}`);
        if (claim.value.includes('余')) assert.match(match[0], /余/);
      }
      held.add(each.id);
    });
  }
}

test('every claim has a figure', { skip }, () => {
  const made = ['municipal', 'district', 'county'].flatMap(name => lines(path.join(root, 'tests', `claims-${name}.tsv`)).filter(row => !row.startsWith('#')).map(row => row.split('\t')[0]));
  assert.deepEqual([...claims.keys()].filter(id => !made.includes(id)), []);
  assert.equal(new Set(made).size, made.length, 'once each');
});
