/* Draws what stands in the tables of charts: the table is the truth and stays for the keyboard and the printer; without this file, or without the library, it is all there is. */
'use strict';
(() => {
  const own = document.currentScript;
  let figures = [], asked = false;
  const still = matchMedia('(prefers-reduced-motion: reduce)'), dark = matchMedia('(prefers-color-scheme: dark)');
  const drawn = new Map();

  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
  const short = (value, digits = 4) => Math.abs(value) >= 1e8 ? `${+(value / 1e8).toPrecision(digits)}亿` : Math.abs(value) >= 1e4 ? `${+(value / 1e4).toPrecision(digits)}万` : `${+value.toFixed(2)}`;

  /* {rows: [{label, now, cells: [{value, text, href}]}], columns: [{label, tone}]}; what is not to be drawn (占比) left out. */
  function read(figure) {
    const table = figure.querySelector('.chart-table table');
    const heads = [...table.tHead.rows[0].cells].slice(1);
    const shown = heads.map((head, at) => at).filter(at => !('plain' in heads[at].dataset));
    const rows = [...table.tBodies[0].rows].map(row => ({
      label: row.cells[0].textContent, now: 'now' in row.dataset,
      cells: shown.map(at => row.cells[at + 1]).map(cell => ({ value: cell.dataset.value === '' ? null : Number(cell.dataset.value), text: cell.textContent.trim(), href: cell.querySelector('a')?.getAttribute('href') })),
      note: [...row.cells].slice(1).filter((cell, at) => 'plain' in heads[at].dataset).map(cell => cell.textContent.trim()).join(' '),
    }));
    return { rows, columns: shown.map(at => ({ label: heads[at].textContent, tone: heads[at].dataset.tone })) };
  }

  /* Quiet: one hue for what is meant, grey for what it is compared with, red only for what is late. Patterns tell series apart without colour. */
  const TONES = { '': 'accent', ok: 'accent', before: 'line-strong', muted: 'line-strong', bad: 'bad', line: 'brand' };
  const PATTERNS = { muted: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: Math.PI / 4 }, bad: { symbol: 'rect', symbolSize: 1, dashArrayX: [1, 0], dashArrayY: [3, 3], rotation: -Math.PI / 4 } };
  const style = tone => ({ color: colour(TONES[tone] ?? 'accent'), ...(PATTERNS[tone] ? { decal: { ...PATTERNS[tone], color: colour('sheet') } } : {}) });

  const wraps = label => label.length > 9 ? label.replace(/(.{9})(?=.)/g, '$1\n') : label;

  function options(figure) {
    const { rows, columns } = read(figure), kind = figure.dataset.chart, unit = figure.dataset.unit, size = Math.round(rem() * .84);
    const lying = kind === 'share' || kind === 'progress', stacked = kind === 'progress';
    const text = { color: colour('soft'), fontSize: size, fontFamily: getComputedStyle(document.body).fontFamily };
    const names = { type: 'category', data: rows.map(row => row.label), inverse: lying, axisTick: { show: false }, axisLine: { lineStyle: { color: colour('line-strong') } }, axisLabel: { ...text, interval: lying ? 0 : 'auto', formatter: lying ? wraps : null, hideOverlap: !lying } };
    const numbers = { type: 'value', splitNumber: 4, minInterval: /％|%/.test(unit) ? 0 : 1, axisLabel: { ...text, formatter: value => short(value), hideOverlap: true }, splitLine: { lineStyle: { color: colour('line') } } };
    const few = rows.length <= 12, one = columns.length === 1, digits = figure.clientWidth < 480 && !lying ? 2 : 4;
    const series = columns.map((column, at) => {
      const line = column.tone === 'line' || (kind === 'trend' && !one);
      const last = at === columns.length - 1;
      return {
        type: line ? 'line' : 'bar', name: column.label, stack: stacked ? 'all' : undefined, barMaxWidth: size * (lying ? 1.5 : 2.6), cursor: 'pointer',
        itemStyle: line ? { color: style(column.tone).color } : style(column.tone),
        lineStyle: line ? { width: 2, type: column.tone === 'before' ? 'dashed' : 'solid', color: style(column.tone).color } : undefined,
        symbol: column.tone === 'before' ? 'emptyCircle' : 'circle', symbolSize: 7, clip: !line, emphasis: { disabled: true },
        label: { show: lying ? !stacked : one && few, position: lying ? 'right' : 'top', ...text, color: colour('ink'), formatter: point => `${short(point.value, digits)}${rows[point.dataIndex].note ? `　${rows[point.dataIndex].note}` : ''}` },
        labelLayout: { hideOverlap: !lying },
        data: rows.map(row => ({ value: row.cells[at].value, itemStyle: one && kind === 'trend' && !row.now ? { color: colour('line-strong') } : undefined })),
        z: last ? 3 : 2,
      };
    });
    return {
      animation: !still.matches, animationDuration: 350, textStyle: text, series,
      aria: { enabled: false },
      grid: { left: 4, right: lying ? (stacked ? 16 : size * 7) : 12, top: columns.length > 1 ? size * 2.6 : size * 1.8, bottom: 4, containLabel: true },
      legend: columns.length > 1 ? { top: 0, left: 0, itemWidth: size * 1.4, itemHeight: size * .8, itemGap: size, textStyle: text, selectedMode: false, data: columns.map(column => column.label) } : undefined,
      tooltip: { renderMode: 'richText', trigger: 'axis', confine: true, axisPointer: { type: lying || kind === 'backlog' || one ? 'shadow' : 'line', animation: false, shadowStyle: { color: colour('accent'), opacity: .07 } },
        backgroundColor: colour('sheet'), borderColor: colour('line-strong'), textStyle: { ...text, color: colour('ink') },
        formatter: points => [rows[points[0].dataIndex].label, ...points.filter(point => point.value !== undefined && point.value !== null).map(point => `${one ? '' : `${point.seriesName}　`}${rows[point.dataIndex].cells[point.seriesIndex].text}${unit && !rows[point.dataIndex].cells[point.seriesIndex].text.endsWith(unit) ? unit : ''}`)].join('\n') },
      xAxis: lying ? { ...numbers, show: stacked } : names, yAxis: lying ? names : numbers,
    };
  }

  const height = figure => {
    const rows = figure.querySelectorAll('.chart-table tbody tr').length, lying = /share|progress/.test(figure.dataset.chart);
    return Math.round(rem() * (lying ? Math.max(rows, 2) * 2.3 + 4.5 : 16));
  };

  function draw(figure) {
    const plot = figure.querySelector('[data-plot]');
    if (!plot) return;
    const { rows, columns } = read(figure);
    if (!rows.length || !columns.length) return;
    plot.hidden = false;
    plot.style.height = `${height(figure)}px`;
    plot.setAttribute('role', 'img');
    plot.setAttribute('aria-label', `${figure.dataset.name}：${figure.querySelector('[data-said]').textContent}。数据见下表`);
    let chart = drawn.get(figure);
    if (!chart) {
      chart = window.echarts.init(plot, null, { renderer: 'svg' });
      drawn.set(figure, chart);
      chart.on('click', point => go(read(figure).rows[point.dataIndex]?.cells[point.seriesIndex]));
      chart.getZr().on('click', event => beside(figure, chart, event));
      new ResizeObserver(() => { if (plot.clientWidth && plot.clientWidth !== chart.getWidth()) chart.resize({ animation: { duration: 0 } }); }).observe(plot);
    }
    chart.setOption(options(figure), true);
    chart.resize();
  }

  const go = cell => { if (cell?.href) location.assign(cell.href); };

  /* A click beside a bar or point leads to what stands behind the last number of its row. */
  function beside(figure, chart, event) {
    const point = [event.offsetX, event.offsetY];
    if (event.target || !chart.containPixel('grid', point)) return;
    const at = chart.convertFromPixel({ seriesIndex: 0 }, point)[/share|progress/.test(figure.dataset.chart) ? 1 : 0];
    go(read(figure).rows[Math.round(at)]?.cells.findLast(cell => cell.href));
  }

  function fold(figure) {
    const table = figure.querySelector('.chart-table');
    if (!figure.closest('[data-fold]') || !table || table.id) return;
    table.id = `table-${figures.indexOf(figure)}`;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'quiet small no-print';
    const show = on => { figure.classList.toggle('folded', !on); button.textContent = on ? '收起表' : '看表'; button.setAttribute('aria-label', `${button.textContent}：${figure.dataset.name}`); button.setAttribute('aria-expanded', String(on)); };
    button.setAttribute('aria-controls', table.id);
    button.addEventListener('click', () => show(figure.classList.contains('folded')));
    figure.querySelector('figcaption').append(button);
    show(false);
  }

  const all = () => figures.forEach(draw);
  function ready() {
    all();
    figures.forEach(fold);
    document.documentElement.dataset.charts = 'drawn';
    dark.addEventListener('change', all);
    new MutationObserver(all).observe(document.documentElement, { attributes: true, attributeFilter: ['data-size'] });
    addEventListener('beforeprint', () => drawn.forEach((chart, figure) => { if (chart.getDom().clientWidth) chart.resize({ width: Math.min(chart.getDom().clientWidth, 640), animation: { duration: 0 } }); }));
    addEventListener('afterprint', () => drawn.forEach(chart => chart.resize()));
  }

  /* What is on the page now; charts that come later (the home page's) are taken then. */
  function begin() {
    figures = [...document.querySelectorAll('figure[data-chart]')];
    if (!figures.length) return;
    if (window.echarts && asked) { all(); figures.forEach(fold); document.documentElement.dataset.charts = 'drawn'; return; }
    if (asked) return;
    if (!figures.some(figure => figure.querySelector('[data-plot]'))) { figures.forEach(fold); return; }
    asked = true;
    const library = document.createElement('script');
    library.src = own.dataset.library;
    library.addEventListener('load', ready);
    document.head.append(library);
  }
  begin();
  document.addEventListener('htmx:afterSettle', begin);
})();
