/* Large files of a form with data-uploads go up in slices that may stop and go on; without this script the form sends them whole. */
const SLICE = 4 << 20, FROM = 8 << 20, EDGE = 1 << 20;
const json = { Accept: 'application/json' };

const size = bytes => { let unit = 0; while (bytes >= 1000 && unit < 4) { bytes /= 1000; unit++; } return `${bytes.toFixed(unit ? 1 : 0)} ${['B', 'kB', 'MB', 'GB', 'TB'][unit]}`; };
const span = seconds => (seconds < 90 ? `${Math.ceil(seconds)} 秒` : seconds < 5400 ? `${Math.round(seconds / 60)} 分钟` : `${(seconds / 3600).toFixed(1)} 小时`);
const element = (name, text = '', properties = {}) => Object.assign(document.createElement(name), { textContent: text, ...properties });

/* Tells the same file again (not more: what arrived is proved by digests later). Its first and last MiB, and when it was changed. */
async function fingerprint(file) {
  let a = 0xdeadbeef, b = 0x41c6ce57;
  for (const part of [file.slice(0, EDGE), file.slice(Math.max(0, file.size - EDGE))]) {
    for (const byte of new Uint8Array(await part.arrayBuffer())) {
      a = Math.imul(a ^ byte, 2654435761);
      b = Math.imul(b ^ byte, 1597334677) + (a >>> 13);
    }
  }
  return `${file.lastModified.toString(36)}-${(a >>> 0).toString(16).padStart(8, '0')}${(b >>> 0).toString(16).padStart(8, '0')}`;
}

/* After a new sign-in the forms need the token of the new session. */
async function renewToken() {
  const reply = await fetch(location.pathname, { headers: { Accept: 'text/html' } }).catch(() => null);
  const token = reply?.ok && !reply.redirected && new DOMParser().parseFromString(await reply.text(), 'text/html').querySelector('input[name="csrf"]')?.value;
  if (token) document.querySelectorAll('input[name="csrf"]').forEach(input => { input.value = token; });
  return Boolean(token);
}

function attach(input, form) {
  const panel = element('div', '', { className: 'progress', hidden: true }), bar = element('progress'), told = element('p', '', { role: 'status' }), buttons = element('p');
  const hold = element('button', '暂停', { type: 'button', className: 'small' }), leave = element('button', '取消上传', { type: 'button', className: 'small quiet' });
  bar.setAttribute('aria-label', '上传进度');
  buttons.append(hold, ' ', leave);
  panel.append(bar, told, buttons);
  input.after(panel);
  const kept = form.elements.namedItem(`${input.name}_upload`), required = input.required;
  const state = { file: null, id: 0, running: false, done: Boolean(kept.value), turn: 0 };

  const say = text => { told.textContent = text; };
  function finish(id, name, bytes) {
    Object.assign(state, { id, done: true, running: false });
    kept.value = id;
    input.required = false;
    input.disabled = true;
    hold.hidden = true;
    bar.max = bar.value = 1;
    panel.hidden = false;
    say(`“${name}”已传完${bytes ? `（${size(bytes)}）` : ''}，提交表单即使用它。`);
    input.dispatchEvent(new CustomEvent('uploaded', { bubbles: true }));
  }
  function clear() {
    Object.assign(state, { file: null, id: 0, running: false, done: false, turn: state.turn + 1 });
    kept.value = '';
    input.value = '';
    input.disabled = false;
    input.required = required;
    panel.hidden = true;
    hold.hidden = false;
  }
  function stop(text) {
    state.running = false;
    state.turn++;
    hold.textContent = '继续';
    say(text);
  }
  async function post(address, body) {
    const reply = await fetch(address, { method: 'POST', headers: { ...json, 'X-CSRF-Token': form.elements.namedItem('csrf').value }, body }).catch(() => null);
    return reply && { status: reply.status, data: await reply.json().catch(() => ({})) };
  }

  /* One run from where it stands to the end; a new turn (pause, cancel, another file) ends it. */
  async function run() {
    const turn = ++state.turn, file = state.file, current = () => turn === state.turn;
    let waits = 0, began = performance.now(), first = -1, renewed = false;
    state.running = true;
    hold.textContent = '暂停';
    hold.hidden = false;
    panel.hidden = false;
    bar.max = file.size;
    const mark = await fingerprint(file).catch(() => null);
    if (!mark) { stop('不能读这个文件。它可能被移走或改动了，请重新选择。'); input.disabled = false; return; }
    let received = -1;
    while (current()) {
      const starting = received < 0;
      const body = starting ? new URLSearchParams({ name: file.name, size: file.size, fingerprint: mark }) : new FormData();
      if (!starting) { body.append('offset', received); body.append('chunk', file.slice(received, received + SLICE), 'chunk'); }
      const reply = await post(starting ? '/uploads' : `/upload/${state.id}/part`, body);
      if (!current()) return;
      if ((reply?.status === 401 || reply?.status === 403) && !renewed && await renewToken()) { renewed = true; continue; }
      if (reply?.status === 401 || reply?.status === 403) {
        stop('登录已过期，已传的部分保留着。请');
        told.append(element('a', '在新窗口登录', { href: '/login', target: '_blank', rel: 'noopener' }), '，然后点“继续”。');
        return;
      }
      if (!reply || reply.status >= 502 || (reply.status === 503 && !starting)) {
        const seconds = Math.min(30, 2 ** waits++);
        say(`连接中断，已传的部分保留着；${seconds} 秒后重试。`);
        await new Promise(resolve => { setTimeout(resolve, seconds * 1000); window.addEventListener('online', resolve, { once: true }); });
        began = performance.now();
        first = -1;
        continue;
      }
      if (reply.status === 404 && !starting) { received = -1; continue; }
      if (reply.status !== 200 && !(reply.status === 409 && 'received' in reply.data && ++waits < 20)) { stop(reply.data.error?.message ?? `服务器没有接受（${reply.status}）。`); return; }
      if (reply.status === 200) { waits = 0; renewed = false; } else await new Promise(resolve => { setTimeout(resolve, 500); });
      state.id = reply.data.id;
      received = reply.data.received;
      if (first < 0) { first = received; began = performance.now(); }
      bar.value = received;
      const rate = (received - first) / Math.max((performance.now() - began) / 1000, 0.001);
      say(`已上传 ${size(received)}，共 ${size(file.size)}${rate > 0 ? `；每秒 ${size(rate)}，约剩 ${span((file.size - received) / rate)}` : ''}`);
      if (received >= file.size) { finish(state.id, file.name, file.size); return; }
    }
  }

  input.addEventListener('change', () => {
    const file = input.files[0];
    state.turn++;
    Object.assign(state, { file: null, running: false });
    panel.hidden = true;
    if (!file || file.size <= FROM) return;
    state.file = file;
    run();
  });
  hold.addEventListener('click', () => { if (state.running) stop(`${told.textContent.split('；')[0]}；已暂停。`); else if (state.file) run(); });
  leave.addEventListener('click', async () => {
    if (state.done && state.file === null) { clear(); return; } /* it was sent before: stays to be chosen again */
    const id = state.id;
    clear();
    if (id) await post(`/upload/${id}/drop`, new URLSearchParams());
  });
  if (state.done) fetch(`/upload/${kept.value}`, { headers: json }).then(reply => (reply.ok ? reply.json() : null)).then(row => (row?.complete ? finish(row.id, row.name, row.size) : clear()));
  return { state, input, use: row => finish(row.id, row.name, row.size) };
}

/* What was begun before: complete ones can be used at once, others go on when the same file is chosen again. */
async function offer(form, fields) {
  const reply = await fetch('/uploads', { headers: json }).catch(() => null);
  const rows = reply?.ok ? (await reply.json()).uploads : [];
  const open = rows.filter(row => !fields.some(field => Number(field.state.id || form.elements.namedItem(`${field.input.name}_upload`).value) === row.id));
  if (!open.length) return;
  const notice = element('div', '', { className: 'notice' }), list = element('ul');
  notice.dataset.tone = 'info';
  notice.append(element('strong', '以前上传而没有用掉的文件'), list);
  for (const row of open.slice(0, 5)) {
    const item = element('li', row.complete ? `${row.name}（${size(row.size)}，已传完） ` : `${row.name}（已传 ${row.percent}%）：重新选择同一文件，即从断点继续。 `);
    if (row.complete) {
      for (const field of fields) {
        const label = field.input.closest('.field').querySelector('label').textContent.replace(/（.*）/, '');
        const button = element('button', `用作${label}`, { type: 'button', className: 'small' });
        button.addEventListener('click', () => { field.use(row); item.remove(); });
        item.append(button, ' ');
      }
    }
    list.append(item);
  }
  notice.append(element('a', '查看全部', { href: '/uploads' }));
  form.before(notice);
}

for (const form of document.querySelectorAll('form[data-uploads]')) {
  const fields = [...form.querySelectorAll('input[type="file"]')].map(input => attach(input, form));
  let waiting = false;
  const unfinished = () => fields.some(({ state }) => state.file && !state.done);
  form.addEventListener('submit', event => {
    if (!unfinished()) return;
    event.preventDefault();
    waiting = true;
    fields.find(({ state }) => state.file && !state.done).input.nextElementSibling.querySelector('p').textContent += '；传完后自动提交。';
  });
  form.addEventListener('uploaded', () => { if (waiting && !unfinished()) form.requestSubmit(); });
  window.addEventListener('beforeunload', event => { if (fields.some(({ state }) => state.running)) event.preventDefault(); });
  offer(form, fields);
}
