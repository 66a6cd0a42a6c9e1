/* Ledgers: entry by keyboard, child rows, conditional fields, finding in the list of ledgers. Without it every form still works. */
'use strict';
(() => {
  const typing = element => element && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName)) && !/^(radio|checkbox|button)$/.test(element.type);

  /* n registers, e changes: links that say so. */
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const link = /^[a-z]$/.test(event.key) && document.querySelector(`a[data-key="${event.key}"]`);
    if (link) { event.preventDefault(); link.click(); }
  });

  /* A form of filters leaves out what was not filled in, so that the address stays short. */
  document.querySelectorAll('form[data-drop-empty]').forEach(form => form.addEventListener('submit', () => {
    const empty = [...form.elements].filter(field => field.name && field.value === '');
    empty.forEach(field => { field.disabled = true; });
    setTimeout(() => empty.forEach(field => { field.disabled = false; }));
  }));

  /* The list of ledgers, as one types. */
  document.querySelectorAll('[data-filter-rows]').forEach(input => input.addEventListener('input', () => {
    const words = input.value.trim().toLowerCase();
    document.querySelectorAll('[data-filter-group]').forEach(group => {
      let any = false;
      const heading = group.querySelector('h2').textContent.toLowerCase().includes(words);
      group.querySelectorAll('[data-filter-row]').forEach(row => {
        row.hidden = !heading && !row.querySelector('th').textContent.toLowerCase().includes(words);
        any ||= !row.hidden;
      });
      group.hidden = !any;
    });
  }));

  /* A move that asks for something: its form comes into a dialog; without this the link leads to the same form. */
  async function openDialog(link) {
    const reply = await fetch(link.href, { headers: { Accept: 'text/html' } }).catch(() => null);
    const form = reply?.ok && new DOMParser().parseFromString(await reply.text(), 'text/html').querySelector('form.move-form');
    if (!form) { location.assign(link.href); return; }
    const dialog = document.createElement('dialog');
    dialog.className = 'move-dialog';
    dialog.setAttribute('aria-label', form.querySelector('h2').textContent);
    dialog.append(document.adoptNode(form));
    document.body.append(dialog);
    dialog.addEventListener('close', () => { dialog.remove(); link.focus(); });
    dialog.querySelector('[data-close]').addEventListener('click', event => { event.preventDefault(); dialog.close(); });
    dialog.showModal();
    form.querySelector('input:not([type="hidden"]), textarea, select')?.focus();
  }
  document.addEventListener('click', event => {
    const link = event.target.closest('a[data-dialog]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openDialog(link);
  });

  /* The board: a card goes where one of its own moves leads; the buttons on it are the same by keyboard. */
  const lanes = [...document.querySelectorAll('[data-lane]')];
  const moveTo = (card, lane) => card?.querySelector(`[data-to="${CSS.escape(lane.dataset.lane)}"]`);
  let dragged = null;
  document.querySelectorAll('[data-card]').forEach(card => {
    if (!card.querySelector('[data-to]')) return;
    card.draggable = true;
    card.addEventListener('dragstart', event => {
      dragged = card;
      event.dataTransfer.effectAllowed = 'move';
      event.dataTransfer.setData('text/plain', card.querySelector('a').href);
      lanes.forEach(lane => { lane.dataset.drop = moveTo(card, lane) ? 'may' : 'not'; });
    });
    card.addEventListener('dragend', () => { dragged = null; lanes.forEach(lane => { delete lane.dataset.drop; }); });
  });
  lanes.forEach(lane => {
    lane.addEventListener('dragover', event => { if (moveTo(dragged, lane)) { event.preventDefault(); lane.dataset.drop = 'here'; } });
    lane.addEventListener('dragleave', () => { if (lane.dataset.drop === 'here') lane.dataset.drop = 'may'; });
    lane.addEventListener('drop', event => {
      const move = moveTo(dragged, lane);
      if (!move) return;
      event.preventDefault();
      if (move.matches('form')) move.requestSubmit(); else openDialog(move);
    });
  });

  /* In a bulk change, what may be written for the chosen field. */
  const chooser = document.querySelector('[data-bulk-field]');
  if (chooser) {
    const value = document.getElementById('b-value');
    const offer = () => { value.dataset.suggest = `${chooser.dataset.bulkField}?field=${encodeURIComponent(chooser.value)}`; };
    chooser.addEventListener('change', offer);
    offer();
  }

  const form = document.querySelector('.ledger-form');
  if (!form) return;

  /* Ctrl+Enter saves where there is no next entry. */
  form.addEventListener('keydown', event => {
    if ((event.ctrlKey || event.metaKey) && event.key === 'Enter' && !form.querySelector('button[name="next"]')) { event.preventDefault(); form.requestSubmit(); }
    /* Enter goes on instead of saving half an entry. */
    else if (event.key === 'Enter' && event.target.tagName === 'INPUT' && !event.isComposing && event.target.type !== 'file') {
      event.preventDefault();
      goOn(event.target);
    }
    /* A digit chooses among few. */
    const choice = event.target.closest?.('[data-choice]');
    if (choice && /^[1-9]$/.test(event.key) && event.target.type === 'radio') {
      const radio = choice.querySelector(`[data-number="${event.key}"]`);
      if (radio) { event.preventDefault(); radio.checked = true; radio.focus(); radio.dispatchEvent(new Event('input', { bubbles: true })); radio.dispatchEvent(new Event('change', { bubbles: true })); }
    }
  });

  function goOn(from) {
    const rows = from.closest('[data-child-rows]'), row = from.closest('tr');
    if (rows && row && row === rows.querySelector('tbody tr:last-child') && from === [...row.querySelectorAll('input, select, textarea')].at(-1)) return addRow(rows).querySelector('input, select, textarea')?.focus();
    const fields = [...form.querySelectorAll('input:not([type="hidden"]), select, textarea, button.primary')].filter(field => !field.disabled && field.checkVisibility());
    const group = from.type === 'radio' ? from.name : null;
    fields.slice(fields.indexOf(from) + 1).find(field => !group || field.name !== group)?.focus();
  }

  /* ---- child rows ---- */
  function addRow(fieldset) {
    const body = fieldset.querySelector('tbody'), prefix = `v.${fieldset.dataset.childRows}.`;
    const row = fieldset.querySelector('template').content.querySelector('tr').cloneNode(true);
    const numbers = [...body.querySelectorAll('[name]')].map(field => Number(field.name.slice(prefix.length).split('.')[0])).filter(Number.isFinite);
    const number = Math.max(-1, ...numbers) + 1;
    row.querySelectorAll('[name]').forEach(field => { field.name = field.name.replace(`${prefix}ROW.`, `${prefix}${number}.`); });
    body.append(row);
    dress(row);
    return row;
  }
  function dress(row) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'quiet small';
    button.textContent = '去掉';
    button.addEventListener('click', () => { row.remove(); form.dispatchEvent(new Event('input')); });
    row.querySelector('td.do').append(button);
  }
  form.querySelectorAll('[data-child-rows]').forEach(fieldset => {
    fieldset.querySelectorAll('tbody tr').forEach(dress);
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'small';
    button.textContent = '＋ 加一行';
    button.addEventListener('click', () => addRow(fieldset).querySelector('input, select, textarea')?.focus());
    fieldset.append(button);
  });

  /* ---- fields that depend on another ---- */
  const valuesOf = name => [...form.querySelectorAll(`[name="v.${CSS.escape(name)}"]`)].filter(field => !/^(radio|checkbox)$/.test(field.type) || field.checked).map(field => field.value);
  const number = text => text.trim() === '' ? NaN : Number(text);
  const MEETS = { is: (have, want) => want.includes(have), not: (have, want) => !want.includes(have), has: (have, want) => want.some(word => have.includes(word)),
    min: (have, want) => number(have) >= number(want[0]), max: (have, want) => number(have) <= number(want[0]), over: (have, want) => number(have) > number(want[0]),
    under: (have, want) => number(have) < number(want[0]), set: have => have !== '', unset: have => have === '' };
  /* A box that is not ticked says no; a condition that something is not so holds of several values when it holds of all. */
  function holds({ name, op, value }) {
    const values = valuesOf(name), have = values.length ? values : [''], want = value.split('、').flatMap(word => word === '否' ? ['否', ''] : [word]);
    return /^(not|unset)$/.test(op) ? have.every(each => MEETS[op](each, want)) : have.some(each => MEETS[op](each, want));
  }
  function showFields() {
    form.querySelectorAll('[data-when]').forEach(field => {
      const shown = JSON.parse(field.dataset.when).every(holds);
      field.hidden = !shown;
      field.querySelectorAll('input, select, textarea').forEach(input => { input.disabled = !shown; });
    });
  }
  form.addEventListener('change', showFields);
  showFields();

  /* ---- another file when one was chosen ---- */
  const more = [...form.querySelectorAll('[data-more-file]')];
  more.forEach(field => { field.hidden = true; });
  form.querySelectorAll('.files input[type="file"]').forEach(input => input.addEventListener('change', () => { const next = more.find(field => field.hidden); if (next && input.value && !input.matches('[data-photo]')) next.hidden = false; }));

  /* The first fault, else the first field, has the cursor. */
  (form.querySelector('.field.bad input:not([type="hidden"]), .field.bad textarea, .field.bad select') || (window.matchMedia('(min-width: 761px)').matches ? form.querySelector('.field input:not([type="hidden"]), .field textarea, .field select') : null))?.focus();
})();
