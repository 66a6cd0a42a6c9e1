// The report of a run: the machine, tables that read well on a terminal and as Markdown, the aims beside what was measured.
import { cpus, release, totalmem, loadavg } from 'node:os';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../tests/support.mjs';
import { execute } from './peers.mjs';

export const NOTES = '<!-- Below this line: written by hand, kept by `node bench/run.mjs --write`. -->';

const marks = name => [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
export const framed = (section, name = 'Receiving and keeping') => marks(name).join(`\n\n${section}\n\n`);

// Puts the section that is measured by itself into the report, in the place of the former one; else before what is written by hand.
export function writeSection(section, name) {
  const file = path.join(root, 'docs', 'benchmarks.md'), text = existsSync(file) ? readFileSync(file, 'utf8') : `# Benchmarks\n\n${NOTES}\n`;
  const [begin, end] = framed('', name).split(/\n+/).map(mark => text.indexOf(mark)), notes = text.indexOf(NOTES), at = begin >= 0 && end > begin ? begin : notes >= 0 ? notes : text.length;
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text.slice(0, at) + framed(section, name) + (at === begin ? text.slice(text.indexOf('-->', end) + 3) : `\n\n${text.slice(at)}`));
  return file;
}

// By the nearest rank: the least value that so great a share of all do not exceed.
export const percentile = (values, share) => [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share - 1e-9) - 1)] ?? NaN;
export const number = (value, digits = 0) => value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }).replaceAll(',', ' ');
export const ms = value => number(value, value < 1 ? 3 : value < 100 ? 1 : 0);
export const mega = bytes => `${number(bytes / 1e6)} MB`;

export function table(header, rows) {
  const cells = [header, ...rows].map(row => row.map(String)), widths = header.map((_, i) => Math.max(...cells.map(row => row[i].length)));
  const line = row => `| ${row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' | ')} |`;
  return [line(cells[0]), `|${widths.map((width, i) => (i ? `${'-'.repeat(width + 1)}:` : '-'.repeat(width + 2))).join('|')}|`, ...cells.slice(1).map(line)].join('\n');
}

const firstLine = async (command, ...args) => (await execute(command, args, { quiet: true }).catch(() => ({ output: '' }))).output.split('\n')[0].trim() || 'not here';

export async function machine(program, folder, load = `; load of the machine when the run began: ${loadavg()[0].toFixed(2)}`) {
  const cpu = cpus(), [system, device] = (await firstLine('findmnt', '-no', 'FSTYPE,SOURCE', '-T', folder)).split(/\s+/);
  const debian = existsSync('/etc/debian_version') ? readFileSync('/etc/debian_version', 'utf8').trim() : '';
  return [
    `- CPU: ${cpu[0].model}, ${cpu.length} cores; memory ${number(totalmem() / 2 ** 30, 1)} GiB; kernel ${release()}; Debian ${debian}`,
    `- disk: ${device}, ${system}${load}`,
    `- ${await firstLine(program, '--version')}; ${await firstLine('gcc', '--version')}; SQLite ${(await firstLine('sqlite3', '--version')).split(' ')[0]}; ` +
      `${await firstLine('/usr/lib/postgresql/15/bin/postgres', '--version')}; ${await firstLine('openssl', 'version')}; node ${process.version}`,
  ].join('\n');
}

// less: the measured value should be below the limit; otherwise at least it.
export function aim(label, value, limit, less, unit) {
  const met = less ? value < limit : value >= limit, gap = Math.abs(value - limit), digits = limit < 1 ? 3 : limit < 10 ? 2 : limit < 100 ? 1 : 0;
  return [label, `${less ? '<' : '≥'} ${number(limit, Number.isInteger(limit) ? 0 : 1)} ${unit}`, `${number(value, digits)} ${unit}`, met ? 'met' : `missed by ${number(gap, digits)} ${unit}`];
}
