/* The viewer: page images by OpenSeadragon (deep zoom from /file/…/tile), PDF by PDF.js with the query's words marked, thumbnails that wait until they are made. */
const root = document.querySelector('[data-viewer]');
const status = root.querySelector('[data-status]');
const say = text => { status.textContent = text; };
const wait = ms => new Promise(done => setTimeout(done, ms));
const actions = {};

/* A page image may still be in the making: ask again, more slowly each time. */
async function imageInfo(address) {
  for (let pause = 150; pause < 4000; pause *= 1.4) {
    const reply = await fetch(address, { headers: { Accept: 'application/json' } });
    const info = await reply.json();
    if (info.state === 'ready') return info;
    if (!reply.ok) throw new Error(info.error?.message || `错误 ${reply.status}`);
    say('页面图像正在生成…');
    await wait(pause);
  }
  throw new Error('页面图像生成时间过长，请稍后再试');
}

async function showImage(holder) {
  const base = `/file/${root.dataset.file}/page/${root.dataset.page}`;
  const info = await imageInfo(`${base}/image`);
  say('');
  await new Promise((done, fail) => {
    const script = document.createElement('script');
    script.src = '/static/npm/openseadragon/build/openseadragon/openseadragon.min.js';
    script.onload = done;
    script.onerror = () => fail(new Error('看图组件没有载入'));
    document.head.append(script);
  });
  const top = info.levels - 1;
  const viewer = OpenSeadragon({
    element: holder, showNavigationControl: false, showNavigator: info.width > 1500, visibilityRatio: 0.6, maxZoomPixelRatio: 3, animationTime: 0.4, gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    tileSources: { width: info.width, height: info.height, tileSize: 512, tileOverlap: 0, minLevel: 0, maxLevel: top, getTileUrl: (level, x, y) => `${base}/tile/${top - level}/${x}/${y}` },
  });
  viewer.innerTracker.keyHandler = null;
  viewer.innerTracker.keyDownHandler = null;
  Object.assign(actions, {
    in: () => viewer.viewport.zoomBy(1.4), out: () => viewer.viewport.zoomBy(1 / 1.4), fit: () => viewer.viewport.goHome(),
    rotate: () => viewer.viewport.setRotation((viewer.viewport.getRotation() + 90) % 360),
  });
}

/* Marks the given strings across the spans of a PDF text layer: the part of each span that belongs to a match is wrapped. */
function markSpans(layer, words) {
  const spans = [...layer.querySelectorAll('span')].filter(span => span.firstChild?.nodeType === Node.TEXT_NODE);
  const starts = [];
  let all = '';
  for (const span of spans) { starts.push(all.length); all += span.textContent; }
  const marked = new Uint8Array(all.length);
  for (const word of words.map(text => text.replace(/\s+/g, '')).filter(Boolean))
    for (let at = all.indexOf(word); at >= 0; at = all.indexOf(word, at + word.length)) marked.fill(1, at, at + word.length);
  spans.forEach((span, i) => {
    const text = span.textContent, parts = [];
    for (let from = 0, to; from < text.length; from = to) {
      for (to = from + 1; to < text.length && marked[starts[i] + to] === marked[starts[i] + from];) to++;
      const part = marked[starts[i] + from] ? document.createElement('mark') : null;
      if (part) part.textContent = text.slice(from, to);
      parts.push(part || text.slice(from, to));
    }
    if (parts.some(part => part instanceof Element)) span.replaceChildren(...parts);
  });
}

async function showPdf(holder) {
  const pdfjs = await import('/static/npm/pdfjs-dist/build/pdf.min.mjs');
  pdfjs.GlobalWorkerOptions.workerSrc = '/static/npm/pdfjs-dist/build/pdf.worker.min.mjs';
  const file = await pdfjs.getDocument({ url: holder.dataset.pdf, cMapUrl: '/static/npm/pdfjs-dist/cmaps/', cMapPacked: true, standardFontDataUrl: '/static/npm/pdfjs-dist/standard_fonts/', isEvalSupported: false }).promise;
  const page = await file.getPage(Number(root.dataset.page));
  const canvas = holder.querySelector('canvas'), layer = holder.querySelector('.text-layer');
  let zoom = 1, rotation = 0, running = null;
  async function draw() {
    running?.cancel();
    const plain = page.getViewport({ scale: 1, rotation }), room = holder.parentElement;
    const scale = zoom * Math.min((room.clientWidth - 24) / plain.width, zoom === 1 ? Math.max(0.8, (room.clientHeight - 16) / plain.height) : 99);
    const view = page.getViewport({ scale, rotation }), dense = window.devicePixelRatio || 1;
    canvas.width = view.width * dense;
    canvas.height = view.height * dense;
    canvas.style.width = holder.style.width = `${view.width}px`;
    canvas.style.height = holder.style.height = `${view.height}px`;
    running = page.render({ canvasContext: canvas.getContext('2d'), viewport: view, transform: dense === 1 ? null : [dense, 0, 0, dense, 0, 0] });
    await running.promise.catch(error => { if (error.name !== 'RenderingCancelledException') throw error; });
    layer.replaceChildren();
    layer.style.setProperty('--scale-factor', scale);
    await new pdfjs.TextLayer({ textContentSource: page.streamTextContent(), container: layer, viewport: view }).render();
    markSpans(layer, JSON.parse(root.dataset.matches || '[]') || []);
    holder.dataset.drawn = 'true';
  }
  await draw();
  Object.assign(actions, {
    in: () => { zoom = Math.min(6, zoom * 1.25); draw(); }, out: () => { zoom = Math.max(0.3, zoom / 1.25); draw(); }, fit: () => { zoom = 1; draw(); }, rotate: () => { rotation = (rotation + 90) % 360; draw(); },
  });
  window.addEventListener('resize', () => draw());
}

actions.full = () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen());
const start = { image: () => showImage(root.querySelector('[data-image]')), pdf: () => showPdf(root.querySelector('[data-pdf]')) }[root.dataset.kind];
if (start) {
  root.querySelector('.zoom').hidden = false;
  start().then(() => { root.dataset.ready = 'true'; }).catch(error => { say(error.message); root.dataset.ready = 'failed'; });
} else root.dataset.ready = 'true';

root.addEventListener('click', event => { const act = event.target.closest('[data-act]')?.dataset.act; if (act) actions[act]?.(); });
document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  const act = { '+': 'in', '=': 'in', '-': 'out', 0: 'fit', r: 'rotate', f: 'full' }[event.key];
  const turn = { ArrowLeft: 'a[rel="prev"]', PageUp: 'a[rel="prev"]', ArrowRight: 'a[rel="next"]', PageDown: 'a[rel="next"]' }[event.key];
  if (act) { event.preventDefault(); actions[act]?.(); }
  else if (turn && root.querySelector(turn)) { event.preventDefault(); root.querySelector(turn).click(); }
});
