/* The list of a ledger as a sheet: a cell is changed where it stands, a row is written at the head. Both borrow the fields of the entry's own form, so that what may be typed,
   offered and refused is the same there and here. Without it the same forms stand on pages of their own. */
'use strict';
(() => {
  const table = document.querySelector('table.entries[data-sheet]');
  if (!table) return;
  const body = table.querySelector('tbody[data-rows]'), wanted = name => `[data-field="${CSS.escape(name)}"]`;
  const page = async (address, options) => {
    const reply = await fetch(address, { headers: { Accept: 'text/html' }, ...options }).catch(() => null);
    return { reply, document: reply && new DOMParser().parseFromString(await reply.text(), 'text/html') };
  };
  /* Only the entry's own page says that it was saved: without a session the answer is the sign-in. */
  const arrived = reply => reply.ok && /^\/entry\//.test(new URL(reply.url).pathname);
  const expired = answer => Boolean(answer.querySelector('.sign-in'));
  const toast = document.createElement('div');
  toast.className = 'toast no-print';
  toast.setAttribute('role', 'status');
  document.body.append(toast);
  let gone = 0;
  function tell(text, form) {
    clearTimeout(gone);
    toast.replaceChildren(document.createTextNode(text), ...(form ? [' ', form] : []));
    gone = setTimeout(() => toast.replaceChildren(), form ? 20000 : 6000);
  }

  /* What was written is taken back as a change in bulk is: while nobody changed the entry since. */
  function undoForm(id, before, after) {
    const form = document.createElement('form');
    form.className = 'inline';
    form.method = 'post';
    form.action = table.dataset.undo;
    for (const [name, value] of [['csrf', table.dataset.csrf], ['made', `${id}:${before}:${after}\n`], ['back', table.dataset.here]]) {
      const input = document.createElement('input');
      Object.assign(input, { type: 'hidden', name, value });
      form.append(input);
    }
    const button = document.createElement('button');
    button.className = 'small';
    button.textContent = '撤销';
    form.append(button);
    return form;
  }

  /* The rows as the server has them now; the cursor goes back to where it was. */
  async function renew(id, name) {
    const { document: fresh } = await page(location.href);
    const rows = fresh?.querySelector('table.entries[data-sheet] tbody[data-rows]');
    if (!rows) { location.reload(); return null; }
    body.replaceChildren(...rows.children);
    document.querySelector('.count').replaceChildren(...fresh.querySelector('.count').childNodes);
    document.querySelector('.empty')?.remove(); /* its first row is there now */
    const row = body.querySelector(`tr[data-entry="${id}"]`);
    const cell = name && row?.querySelector(`td${wanted(name)}`);
    (cell?.matches('.lead') ? cell.querySelector('a') : cell)?.focus();
    return row;
  }

  /* ---- a cell ---- */
  const cellsOf = row => [...row.querySelectorAll('td[data-field]:not(.lead)')];
  let open = null; /* {cell, close} */
  async function edit(cell) {
    if (open) open.close();
    const row = cell.closest('tr'), id = row.dataset.entry, name = cell.dataset.field, was = [...cell.childNodes];
    cell.setAttribute('aria-busy', 'true');
    const form = (await page(`/entry/${id}/edit`)).document?.querySelector('form.ledger-form');
    cell.removeAttribute('aria-busy');
    const field = form?.querySelector(`.field${wanted(name)}`);
    if (!field || field.querySelector('[data-child-rows]')) { tell('这一格请打开这一条来改'); return; }
    const form2 = document.adoptNode(form), editor = document.createElement('form');
    editor.className = 'cell-editor';
    editor.noValidate = true;
    editor.append(field);
    form2.querySelectorAll('datalist').forEach(list => editor.append(list));
    cell.replaceChildren(editor);
    const close = focus => { if (open?.cell === cell) open = null; cell.replaceChildren(...was); if (focus) cell.focus(); };
    open = { cell, close };
    const input = field.querySelector('input:checked, input:not([type="hidden"]), textarea, select'), before = JSON.stringify([...new FormData(editor)]);
    input?.focus();
    input?.select?.();
    async function save(step) {
      if (JSON.stringify([...new FormData(editor)]) === before) { close(true); if (step) beside(cell, step); return; }
      const data = new FormData(form2); /* the whole form, with this field as it is now */
      for (const each of new Set([...new FormData(editor).keys()])) data.delete(each);
      for (const [key, value] of new FormData(editor)) data.append(key, value);
      editor.setAttribute('aria-busy', 'true');
      const { reply, document: answer } = await page(`/entry/${id}/edit`, { method: 'POST', body: data });
      editor.removeAttribute('aria-busy');
      if (!reply) { tell('没有连上服务器，还没有保存'); return; }
      if (reply.status === 409) { tell('刚才有人也改了这一格，请打开这一条来改'); return; }
      if (expired(answer)) { tell('登录已过期，还没有保存。写下的还在这里：请先在另一个标签页登录'); return; }
      if (!arrived(reply)) {
        const fault = answer.querySelector(`.field${wanted(name)} .error`) || answer.querySelector('.field .error, .notice');
        tell(`没有保存：${fault ? fault.textContent.trim() : '请打开这一条来改'}`);
        editor.classList.add('bad');
        input?.setAttribute('aria-invalid', 'true');
        input?.focus();
        return;
      }
      open = null;
      const now = await renew(id, name), label = cell.dataset.label;
      if (now) tell(`${label}已改`, undoForm(id, row.dataset.rev, now.dataset.rev));
      else tell(`${label}已改；这一条不再符合列表的条件`);
      if (now && step) beside(now.querySelector(`td${wanted(name)}`), step);
    }
    editor.addEventListener('submit', event => { event.preventDefault(); save(0); });
    editor.addEventListener('keydown', event => {
      event.stopPropagation();
      if (event.isComposing || event.defaultPrevented) return;
      if (event.key === 'Escape') { event.preventDefault(); close(true); }
      else if (event.key === 'Tab') { event.preventDefault(); save(event.shiftKey ? -1 : 1); }
      else if (event.key === 'Enter' && (event.target.tagName !== 'TEXTAREA' || event.ctrlKey)) { event.preventDefault(); save(0); }
    });
    editor.addEventListener('focusout', event => { if (open?.cell === cell && event.relatedTarget && !editor.contains(event.relatedTarget)) save(0); });
  }
  function beside(cell, step) {
    const cells = cellsOf(cell.closest('tr'));
    (cells[cells.indexOf(cell) + step] || cell).focus();
  }

  body.addEventListener('dblclick', event => {
    const cell = event.target.closest('td[data-field]');
    if (cell && !event.target.closest('a, .cell-editor')) edit(cell);
  });
  /* From the row's link the arrows go through its cells; Enter or F2 writes, up and down keep the column. */
  body.addEventListener('keydown', event => {
    const row = event.target.closest('tr[data-entry]'), cell = event.target.closest('td[data-field]');
    if (!row || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT|BUTTON)$/.test(event.target.tagName)) return;
    const stops = [row.querySelector('td.lead a'), ...cellsOf(row)], at = Math.max(0, stops.indexOf(cell));
    const take = () => { event.preventDefault(); event.stopPropagation(); };
    if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') { take(); stops[at + (event.key === 'ArrowRight' ? 1 : -1)]?.focus(); }
    else if ((event.key === 'Enter' || event.key === 'F2') && cell && event.target === cell) { take(); edit(cell); }
    else if (event.key === 'F2' && event.target.matches('a')) { take(); edit(event.target.closest('td[data-field]') || stops[1]); }
    else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && cell && event.target === cell) {
      const rows = [...body.querySelectorAll('tr[data-entry]')], next = rows[rows.indexOf(row) + (event.key === 'ArrowDown' ? 1 : -1)];
      take();
      next?.querySelector(wanted(cell.dataset.field))?.focus();
    }
  });

  /* ---- a row at the head ---- */
  const opener = document.querySelector('[data-quick]');
  let quick = null;
  if (opener) {
    opener.hidden = false;
    opener.addEventListener('click', () => begin());
    document.addEventListener('keydown', event => {
      if (event.key === 'a' && !event.ctrlKey && !event.metaKey && !event.altKey && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) { event.preventDefault(); begin(); }
    });
  }
  const inputsOf = () => [...quick.part.querySelectorAll('input:not([type="hidden"]), textarea, select')].filter(input => !input.disabled && (input.type !== 'radio' || input.checked
    || !input.closest('fieldset').querySelector(':checked')));

  /* Under the columns their fields; what else must be written in a line below. */
  async function begin(like) {
    const address = new URL(table.dataset.new, location.href);
    if (like) address.searchParams.set('like', like);
    const form = (await page(address)).document?.querySelector('form.ledger-form');
    if (!form) { location.assign(table.dataset.new); return; }
    quick?.part.remove();
    const part = document.createElement('tbody'), row = part.insertRow(), below = part.insertRow(), more = below.insertCell();
    part.className = 'quick no-print';
    quick = { form: document.adoptNode(form), part, more };
    more.colSpan = table.tHead.rows[0].cells.length;
    for (const head of table.tHead.rows[0].cells) {
      const cell = row.insertCell(), field = head.dataset.field && form.querySelector(`.field${wanted(head.dataset.field)}`);
      if (field && !field.querySelector('[data-child-rows]')) cell.append(field);
    }
    /* On a phone the picture comes first: it is taken where one stands. */
    const photo = matchMedia('(max-width: 760px)').matches && form.querySelector('[data-photo]')?.closest('.field');
    if (photo) row.cells[0].append(photo);
    form.querySelectorAll('.field').forEach(field => {
      const input = field.querySelector(':required');
      if (input && !field.querySelector('[data-child-rows]') && !field.dataset.when && !(input.type === 'radio' ? field.querySelector(':checked') : input.value)) more.append(field);
    });
    const keys = document.createElement('p');
    keys.className = 'muted keys-hint';
    keys.textContent = '回车到下一格，最后一格回车（或 Ctrl+Enter）登记，接着写下一条；Esc 收起';
    const done = document.createElement('button');
    Object.assign(done, { type: 'button', className: 'small primary', textContent: '登记' });
    done.addEventListener('click', register);
    more.append(done, keys);
    form.querySelectorAll('datalist').forEach(list => more.append(list));
    part.querySelectorAll('[required]').forEach(input => { input.required = false; }); /* the row stands in the form that ticks rows */
    part.addEventListener('keydown', press);
    body.before(part);
    inputsOf().find(input => !/^(radio|file)$/.test(input.type) && input.value === '')?.focus();
  }
  function press(event) {
    event.stopPropagation();
    if (event.isComposing || event.defaultPrevented) return;
    const digit = /^[1-9]$/.test(event.key) && event.target.type === 'radio' && event.target.closest('[data-choice]')?.querySelector(`[data-number="${event.key}"]`);
    if (digit) { event.preventDefault(); digit.checked = true; digit.focus(); }
    if (event.key === 'Escape') { event.preventDefault(); quick.part.remove(); quick = null; opener.focus(); }
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    const inputs = inputsOf(), next = inputs[inputs.indexOf(event.target) + 1];
    if (event.ctrlKey || event.metaKey || !next) register();
    else next.focus();
  }
  async function register() {
    if (quick.part.matches('[aria-busy]')) return; /* pressed twice */
    quick.part.setAttribute('aria-busy', 'true');
    const data = new FormData(quick.form), typed = document.createElement('form');
    const places = [...quick.part.querySelectorAll('.field')].map(field => [field, field.parentNode, field.nextSibling]);
    places.forEach(([field]) => typed.append(field)); /* a form reads only what is in it */
    for (const [key, value] of new FormData(typed)) data.append(key, value);
    places.reverse().forEach(([field, parent, before]) => parent.insertBefore(field, before));
    const { reply, document: answer } = await page(new URL(table.dataset.new, location.href).pathname, { method: 'POST', body: data });
    quick.part.removeAttribute('aria-busy');
    if (!reply) { tell('没有连上服务器，还没有登记'); return; }
    if (expired(answer)) { tell('登录已过期，还没有登记。写下的还在这里：请先在另一个标签页登录'); return; }
    if (!arrived(reply)) { refuse(answer); return; }
    const id = new URL(reply.url).pathname.split('/').pop();
    const row = await renew(id);
    tell(row ? `已登记 ${row.querySelector('td.lead').textContent.trim()}` : '已登记；它不符合列表现在的条件，所以不在下面');
    begin(id);
  }
  function refuse(answer) {
    const bad = [...answer.querySelectorAll('.field.bad')], said = [];
    bad.forEach(field => {
      const name = field.dataset.field, shown = quick.part.querySelector(`.field${wanted(name)}`), own = shown || quick.form.querySelector(`.field${wanted(name)}`);
      said.push(`${field.querySelector('label, legend')?.textContent.trim() ?? name}：${field.querySelector('.error')?.textContent.trim() ?? ''}`);
      if (own && !shown) quick.more.prepend(own);
      own?.querySelectorAll('input, textarea, select').forEach(input => { input.disabled = false; input.setAttribute('aria-invalid', 'true'); });
    });
    tell(`没有登记。${said.join('；') || answer.querySelector('.notice')?.textContent.trim() || '请到登记页填写'}`);
    quick.part.querySelector('[aria-invalid] ')?.focus();
  }
})();
