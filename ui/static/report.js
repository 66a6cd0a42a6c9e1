/* The editor of a report: figures are put in where the cursor is, findings lead to their place. Saving and printing work without it. */
'use strict';
(() => {
  const text = () => document.getElementById('r-text');

  /* What is put in for a figure, by the choice beside the search; a picture and a table's first row stand on lines of their own. */
  const FORMS = {
    bare: name => `{${name}.bare}`, last: name => `{${name}.last}`, chart: (name, line) => `${line ? '\n' : ''}{图 ${name}}\n`,
    when: name => `{若 ${name} > 0}{${name}}{否则}没有{完}`,
    table: (name, line) => `${line.startsWith('|') ? '\n' : `${line ? '\n' : ''}| 项目 | 今年 | 上年 |\n`}| ${name} | {${name}.value} | {${name}.last_bare} |`,
  };
  function insert(name) {
    const area = text(), form = FORMS[document.getElementById('r-as')?.value];
    if (!area) return;
    const line = area.value.slice(area.value.lastIndexOf('\n', area.selectionStart - 1) + 1, area.selectionStart);
    area.focus();
    area.setRangeText(form ? form(name, line) : `{${name}}`, area.selectionStart, area.selectionEnd, 'end');
    area.dispatchEvent(new Event('input', { bubbles: true }));
  }

  /* Columns are counted in characters, the field's positions in code units. */
  function jump(line, column) {
    const area = text();
    if (!area) { document.querySelector(`.paper [data-line="${line}"]`)?.scrollIntoView({ block: 'center' }); return; }
    const lines = area.value.split('\n');
    const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    const at = before + [...(lines[line - 1] || '')].slice(0, column - 1).join('').length;
    area.focus();
    area.setSelectionRange(at, Math.min(at + 8, area.value.length));
    area.scrollTop = Math.max(0, area.scrollHeight * at / Math.max(area.value.length, 1) - area.clientHeight / 2);
  }

  document.addEventListener('click', event => {
    const put = event.target.closest('[data-insert]'), to = event.target.closest('[data-jump]');
    if (put) insert(put.dataset.insert);
    if (to) jump(...to.dataset.jump.split(',').map(Number));
  });
  document.addEventListener('keydown', event => {
    if (event.target.id !== 'r-find' || event.key !== 'Enter') return;
    event.preventDefault();
    const first = document.querySelector('#found [data-insert]');
    if (first) insert(first.dataset.insert);
  });
})();
