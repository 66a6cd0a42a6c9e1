/* Small helpers of every page: nothing here is needed for a form or a link to work. */
'use strict';
(() => {
  const root = document.documentElement;
  const stored = (name, value) => { try { return value === undefined ? localStorage.getItem(name) : localStorage.setItem(name, value); } catch { return null; } };
  if (stored('lantai-size')) root.dataset.size = stored('lantai-size');

  const typing = element => element && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));
  const rows = () => [...document.querySelectorAll('[data-rows] [data-row]')];

  /* Arrow keys walk the rows of a list; Enter follows the link that has the focus. */
  function walk(step) {
    const all = rows();
    if (!all.length) return false;
    const at = all.findIndex(row => row.contains(document.activeElement));
    const next = all[Math.max(0, Math.min(all.length - 1, at + step))];
    const target = next && (next.matches('a') ? next : next.querySelector('a'));
    if (target) { target.focus(); next.scrollIntoView({ block: 'nearest' }); }
    return Boolean(target);
  }

  /* A field that offers what may be meant. data-suggest: the address that is asked, else the field's own datalist is looked through. data-pick: what is chosen goes into
     the field ("many": in place of the one of several values where the cursor is); without it the form is sent, as a search is. */
  let suggested = 0;
  /* data-choices: what the field named beside it may hold, whatever that is by now. */
  const choicesOf = input => document.querySelector(`datalist[data-of="${CSS.escape(input.parentNode.querySelector('[name$=".name"]')?.value ?? '')}"]`)?.options || [];
  const BREAKS = /[、，,;；\n]/;
  function part(input) {
    const { value } = input, caret = input.selectionStart ?? value.length;
    if (input.dataset.pick !== 'many') return { from: 0, to: value.length };
    let from = caret, to = caret;
    while (from > 0 && !BREAKS.test(value[from - 1])) from--;
    while (to < value.length && !BREAKS.test(value[to])) to++;
    return { from, to };
  }
  function suggest(input) {
    const pick = input.hasAttribute('data-pick'), options = document.getElementById(input.getAttribute('list'))?.options || [], list = document.createElement('ul');
    input.dataset.suggesting = '';
    if (pick) { input.removeAttribute('list'); input.autocomplete = 'off'; }
    list.className = pick ? 'suggestions at-field' : 'suggestions';
    list.id = `suggestions-${++suggested}`;
    list.setAttribute('aria-label', '提示');
    list.setAttribute('role', 'listbox');
    list.hidden = true;
    if (pick) input.after(list); else input.closest('form').append(list);
    if (input.tagName === 'INPUT') input.setAttribute('role', 'combobox');
    input.setAttribute('aria-controls', list.id);
    input.setAttribute('aria-autocomplete', 'list');
    if (input.tagName === 'INPUT') input.setAttribute('aria-expanded', 'false');
    let timer = 0, asked = '';
    const tell = () => { if (input.tagName === 'INPUT') input.setAttribute('aria-expanded', String(!list.hidden)); };
    const hide = () => { list.hidden = true; tell(); input.removeAttribute('aria-activedescendant'); };
    const typed = () => { const { from, to } = part(input); return input.value.slice(from, to).trim(); };
    const choose = item => {
      hide();
      if (!pick) { input.value = item.dataset.text; input.form.requestSubmit(); return; }
      const { from, to } = part(input);
      input.setRangeText(item.dataset.text, from, to, 'end');
      asked = typed();
      input.dispatchEvent(new Event('input', { bubbles: true }));
    };
    async function find(words) {
      const known = input.matches('[data-choices]') ? choicesOf(input) : options;
      if (!input.dataset.suggest) return [...known].filter(option => option.value !== words && `${option.value}\n${option.label}`.includes(words)).slice(0, 10)
        .map(option => ({ text: option.value, count: option.label === option.value ? undefined : option.label }));
      const address = `${input.dataset.suggest}${input.dataset.suggest.includes('?') ? '&' : '?'}q=${encodeURIComponent(words)}`;
      const reply = await fetch(address, { headers: { Accept: 'application/json' } }).catch(() => null);
      return reply && reply.ok ? (await reply.json()).items || [] : [];
    }
    async function ask(all) {
      const words = typed();
      if (words === asked && !all) return;
      asked = words;
      if (!words && !all) return hide();
      const items = await find(words);
      if (words !== typed() || document.activeElement !== input || (pick && items.length === 1 && items[0].text === words)) return hide();
      input.removeAttribute('aria-activedescendant');
      list.replaceChildren(...items.map(({ text, count }, i) => {
        const item = document.createElement('li');
        item.id = `${list.id}-${i}`;
        item.setAttribute('role', 'option');
        item.dataset.text = text;
        const label = document.createElement('span'), number = document.createElement('span');
        label.textContent = text;
        number.textContent = typeof count === 'string' || count > 1 ? count : '';
        number.className = 'muted';
        item.append(label, number);
        item.addEventListener('mousedown', event => { event.preventDefault(); choose(item); });
        return item;
      }));
      list.hidden = !items.length;
      tell();
    }
    input.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(ask, 150); });
    input.addEventListener('blur', hide);
    input.addEventListener('keydown', event => {
      if (list.hidden) {
        if (pick && event.key === 'ArrowDown' && (input.tagName === 'INPUT' || event.altKey)) { event.preventDefault(); ask(true); }
        return;
      }
      const items = [...list.children], at = items.findIndex(item => item.getAttribute('aria-selected') === 'true');
      if (event.key === 'Escape') { hide(); event.preventDefault(); }
      else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        const next = items[(at + (event.key === 'ArrowDown' ? 1 : items.length - 1 + (at < 0 ? 1 : 0))) % items.length];
        items.forEach(item => item.setAttribute('aria-selected', String(item === next)));
        input.setAttribute('aria-activedescendant', next.id);
        next.scrollIntoView({ block: 'nearest' });
        event.preventDefault();
      } else if (event.key === 'Enter' && at >= 0) { event.preventDefault(); event.stopPropagation(); choose(items[at]); }
    });
  }
  /* Rows and dialogs come later than the page: their fields are dressed when they are entered. */
  document.addEventListener('focusin', event => { if (event.target.matches?.('[data-pick]:not([data-suggesting])')) suggest(event.target); });

  document.addEventListener('keydown', event => {
    if ((event.ctrlKey || event.metaKey) && event.key === 's') {
      const form = document.querySelector('form[data-save]');
      if (form) { event.preventDefault(); form.requestSubmit(); }
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === 'Enter') { /* saves and goes to the next */
      const next = document.querySelector('form[data-save] button[name="next"]');
      if (next) { event.preventDefault(); next.form.requestSubmit(next); }
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "'") { /* as in the record before */
      const last = event.target.closest?.('.field')?.querySelector('[data-last]');
      if (last) { event.preventDefault(); last.click(); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const link = { '[': 'a[rel="prev"]', ']': 'a[rel="next"]' }[event.key];
    if (event.key === '/') { event.preventDefault(); [...document.querySelectorAll('[data-hotkey="/"]')].find(input => input.checkVisibility({ visibilityProperty: true, checkVisibilityCSS: true }))?.select(); }
    else if (event.key === '?') document.getElementById('keys')?.showModal();
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') { if (walk(event.key === 'ArrowDown' ? 1 : -1)) event.preventDefault(); }
    else if (link && document.querySelector(link)) document.querySelector(link).click();
    else if (event.key === '[' && new URLSearchParams(location.search).has('after')) history.back(); /* lists are paged by key: the page before is where one came from */
  });

  document.addEventListener('submit', event => {
    const question = event.submitter?.dataset.confirm || event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
    if (!event.defaultPrevented) { sent = event.target; window.htmx?.trigger(sent, 'htmx:abort'); }
  });
  /* What a form shows while it is filled is not asked for once it is sent: what has just been saved would stand against it. */
  let sent = null;
  document.addEventListener('input', event => { if (event.target.form === sent) sent = null; });
  /* What was told when work began is no longer true once a page that watches it shows it done. */
  document.addEventListener('htmx:afterSwap', event => { if (event.target.id === 'main' && !event.target.querySelector('[hx-trigger^="every"]')) document.querySelector('.notice.flash')?.remove(); });
  document.addEventListener('htmx:beforeRequest', event => { if (sent?.contains(event.detail.elt)) event.preventDefault(); });
  document.addEventListener('change', event => {
    if (event.target.matches('[data-check-all]')) event.target.form.querySelectorAll('tbody input[type="checkbox"]').forEach(box => { box.checked = event.target.checked; });
  });
  document.addEventListener('change', event => { if (event.target.matches('[data-submit]')) event.target.form.requestSubmit(); });

  /* A thumbnail may still be in the making: the server answers 202 until it is there. */
  async function loadThumbnail(image) {
    for (let tries = 1; tries <= 10; tries++) {
      const reply = await fetch(image.dataset.thumbnail, { headers: { Accept: 'application/json' } }).catch(() => null);
      if (reply && reply.status === 200) { image.src = URL.createObjectURL(await reply.blob()); return; }
      if (!reply || reply.status !== 202) break;
      await new Promise(done => setTimeout(done, 250 * tries));
    }
    image.classList.add('absent');
  }

  /* What was sent after the session had ended is not lost: it waits in this tab over the sign-in and comes back into the same person's form. */
  const DRAFT = 'lantai-draft';
  const person = () => document.querySelector('.who a[href="/me"]')?.textContent || '';
  function keepDraft(form) {
    const values = [...form.elements].filter(field => field.name && field.name !== 'csrf').map(field => field.value);
    try { sessionStorage.setItem(DRAFT, JSON.stringify({ address: location.pathname + location.search, person: person(), values })); } catch { /* no room: as without */ }
  }
  function restoreDraft() {
    if (document.querySelector('.sign-in')) return;
    let draft = null;
    try { draft = JSON.parse(sessionStorage.getItem(DRAFT)); sessionStorage.removeItem(DRAFT); } catch { /* none */ }
    const form = document.querySelector('form[data-save]');
    if (!draft || !form || draft.address !== location.pathname + location.search || draft.person !== person() || document.querySelector('.notice')) return;
    const fields = [...form.elements].filter(field => field.name && field.name !== 'csrf');
    if (fields.length !== draft.values.length) return;
    fields.forEach((field, i) => { field.value = draft.values[i]; });
    const notice = document.createElement('div');
    notice.className = 'notice';
    notice.dataset.tone = 'warn';
    notice.setAttribute('role', 'status');
    notice.textContent = '登录已过期，刚才没有保存成。您填写的内容已放回表单，请核对后保存。';
    form.before(notice);
    form.dispatchEvent(new Event('input'));
  }

  document.addEventListener('DOMContentLoaded', () => {
    const seen = new IntersectionObserver(entries => entries.forEach(entry => { if (entry.isIntersecting) { seen.unobserve(entry.target); loadThumbnail(entry.target); } }), { rootMargin: '200px' });
    document.querySelectorAll('img[data-thumbnail]').forEach(image => seen.observe(image));
    document.querySelectorAll('[data-suggest]:not([data-pick])').forEach(suggest);
    /* On a phone the filters must not stand before the hits. */
    if (window.matchMedia('(max-width: 760px)').matches) document.querySelectorAll('details.fold[open]').forEach(fold => { fold.open = false; });
    /* What somebody opened stays open for him, form after form. */
    document.querySelectorAll('details[data-keep]').forEach(fold => {
      const name = `lantai-fold-${fold.dataset.keep}`;
      if (stored(name)) fold.open = true;
      fold.addEventListener('toggle', () => stored(name, fold.open ? '1' : ''));
    });
    /* The cursor stands behind what a field already has; after a refusal in the first field that has a fault. */
    const begin = document.querySelector('form[data-save] .bad :is(input:not([type="hidden"]), select, textarea)') || document.querySelector('[autofocus]');
    if (begin) {
      begin.focus();
      if (location.hash) window.addEventListener('load', () => setTimeout(() => begin.focus())); /* going to the place in the page takes the cursor away */
      if (begin.matches('input[type="text"], input:not([type])') && begin.value) begin.setSelectionRange(begin.value.length, begin.value.length);
    }
    /* Of a change in bulk, only what the chosen rule needs. */
    const rule = document.querySelector('[data-rule]');
    if (rule) {
      const show = () => document.querySelectorAll('[data-for]').forEach(field => { field.hidden = !field.dataset.for.split(' ').includes(rule.value); });
      rule.addEventListener('change', show);
      show();
    }
    document.querySelectorAll('[data-last]').forEach(button => {
      button.hidden = false;
      button.addEventListener('click', () => {
        const field = button.closest('.field').querySelector('input:not([type="hidden"]), textarea');
        field.value = button.dataset.last;
        field.dispatchEvent(new Event('input', { bubbles: true }));
        field.focus();
      });
    });
    document.querySelectorAll('[data-print]').forEach(button => button.addEventListener('click', () => window.print()));
    document.querySelector('[data-large-type]')?.addEventListener('click', () => {
      if (root.dataset.size === 'large') delete root.dataset.size; else root.dataset.size = 'large';
      stored('lantai-size', root.dataset.size || '');
    });
    /* A form that was changed asks before it is left. */
    document.querySelectorAll('form[data-save]').forEach(form => {
      let dirty = false;
      form.addEventListener('input', () => { dirty = true; });
      form.addEventListener('submit', () => { dirty = false; keepDraft(form); });
      window.addEventListener('beforeunload', event => { if (dirty) event.preventDefault(); });
    });
    restoreDraft();
  });
})();
