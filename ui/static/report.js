/* The editor of a report: figures are put in where the cursor is, findings lead to their place. Saving and printing work without it. */
'use strict';
(() => {
  const text = () => document.getElementById('r-text');

  function insert(name) {
    const area = text();
    if (!area) return;
    area.focus();
    area.setRangeText(`{${name}}`, area.selectionStart, area.selectionEnd, 'end');
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
