// A chart of lines on two logarithmic scales, as SVG that reads on light and dark ground. series: [{name, points: [[x, y]]}]; limit: a line to stay below.
const WIDTH = 760, HEIGHT = 420, LEFT = 70, RIGHT = 190, TOP = 44, BOTTOM = 54, COLOURS = ['#1f6feb', '#d1651c', '#2d8a4e', '#8250df'];
const decade = value => Math.log10(value), escape = text => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;');

export function chart(series, { title, x, y, limit, xName = String }) {
  const all = series.flatMap(line => line.points), xs = all.map(point => decade(point[0])), ys = [...all.map(point => decade(point[1])), decade(limit)];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.floor(Math.min(...ys)), Math.ceil(Math.max(...ys))];
  const atX = value => LEFT + (right === left ? 0 : (decade(value) - left) / (right - left)) * (WIDTH - LEFT - RIGHT), atY = value => HEIGHT - BOTTOM - (decade(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
  const out = [`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(title)}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`, `<text x="${LEFT}" y="24" font-size="15" fill="#222">${escape(title)}</text>`];
  for (let power = low; power <= high; power++) {
    const value = 10 ** power, line = atY(value).toFixed(1);
    out.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${line}" y2="${line}" stroke="#ddd"/>`, `<text x="${LEFT - 8}" y="${Number(line) + 4}" text-anchor="end" fill="#555">${value}</text>`);
  }
  for (const value of [...new Set(all.map(point => point[0]))])
    out.push(`<text x="${atX(value).toFixed(1)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle" fill="#555">${escape(xName(value))}</text>`);
  out.push(`<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle" fill="#555">${escape(x)}</text>`,
    `<text transform="translate(18 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle" fill="#555">${escape(y)}</text>`,
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${atY(limit).toFixed(1)}" y2="${atY(limit).toFixed(1)}" stroke="#b00" stroke-dasharray="5 4"/>`,
    `<text x="${LEFT + 6}" y="${(atY(limit) - 5).toFixed(1)}" fill="#b00">${limit}</text>`);
  series.forEach(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length], last = points.at(-1);
    out.push(`<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map(point => `${atX(point[0]).toFixed(1)},${atY(point[1]).toFixed(1)}`).join(' ')}"/>`,
      ...points.map(point => `<circle cx="${atX(point[0]).toFixed(1)}" cy="${atY(point[1]).toFixed(1)}" r="3.5" fill="${colour}"><title>${escape(`${name}, ${point[0]}: ${point[1].toFixed(1)}`)}</title></circle>`),
      `<text x="${(atX(last[0]) + 10).toFixed(1)}" y="${(atY(last[1]) + 4 + (atX(last[0]) > WIDTH - RIGHT - 20 ? 0 : -10)).toFixed(1)}" fill="${colour}">${escape(name)}</text>`);
  });
  return `${out.join('\n')}\n</svg>\n`;
}
