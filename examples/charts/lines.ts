// Line charts as SVG, for the recipes: no program of its own.

export interface Panel {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Places along the x axis, evenly apart, whatever the numbers are. */
  readonly ticks: readonly string[];
  readonly lines: readonly {
    readonly name: string /** One value for each tick; null where there is none. */;
    readonly values: readonly (number | null)[];
  }[];
  /** 'log' has powers of ten; a pair is the range of a linear axis. */
  readonly scale: 'log' | readonly [from: number, to: number];
  readonly format: (value: number) => string;
}

const [width, height] = [400, 300];
const margin = { left: 58, right: 16, top: 34, bottom: 46 };
/** Okabe and Ito's colours, which people tell apart who see few colours, and dashes for those who see none. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#8b6d00'];
const dashes = ['', '6 3', '2 2', '8 3 2 3'];

/** Panels side by side, with one legend below. Lines keep their look by name, across panels. */
export function lineChart(panels: readonly Panel[], description: string): string {
  const names = [...new Set(panels.flatMap((panel) => panel.lines.map(({ name }) => name)))];
  const look = (name: string) => {
    const i = names.indexOf(name);
    const dash = dashes[Math.floor(i / colours.length) % dashes.length];
    return `stroke="${colours[i % colours.length]}"${dash ? ` stroke-dasharray="${dash}"` : ''}`;
  };
  // A letter takes less than seven pixels.
  const column = Math.max(200, ...names.map((name) => 48 + 7 * name.length));
  const perRow = Math.max(1, Math.floor((panels.length * width) / column));
  const rows = Math.ceil(names.length / perRow);
  const legend = names.map((name, i) => {
    const [x, y] = [20 + (i % perRow) * column, height + 14 + Math.floor(i / perRow) * 20];
    return `<line x1="${x}" y1="${y}" x2="${x + 26}" y2="${y}" ${look(name)} stroke-width="2.5"/><text x="${x + 34}" y="${y + 4}">${escaped(name)}</text>`;
  });
  const drawn = panels.map((panel, i) => `<g transform="translate(${i * width} 0)">${drawPanel(panel, look)}</g>`);
  const size = [panels.length * width, height + 10 + rows * 20 + 6];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.join(' ')}" width="${size[0]}" height="${size[1]}" role="img" aria-label="${escaped(description)}" font-family="system-ui, sans-serif" font-size="12" fill="#333">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...drawn,
    ...legend,
    '</svg>\n',
  ].join('\n');
}

function drawPanel(panel: Panel, look: (name: string) => string): string {
  const { ticks, lines, format } = panel;
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  const all = lines.flatMap(({ values }) => values.filter((value): value is number => value !== null));
  const { marks, place } = axisOf(panel.scale, all);
  const x = (i: number) => margin.left + (ticks.length === 1 ? inner.width / 2 : (i * inner.width) / (ticks.length - 1));
  const y = (value: number) => margin.top + inner.height * (1 - place(value));
  const n = (value: number) => value.toFixed(1);
  const grid = marks.map(
    (mark) =>
      `<line x1="${margin.left}" x2="${width - margin.right}" y1="${n(y(mark))}" y2="${n(y(mark))}" stroke="#ddd"/><text x="${margin.left - 6}" y="${n(y(mark) + 4)}" text-anchor="end">${escaped(format(mark))}</text>`,
  );
  const labels = ticks.map(
    (tick, i) => `<text x="${n(x(i))}" y="${height - margin.bottom + 18}" text-anchor="middle">${escaped(tick)}</text>`,
  );
  const paths = lines.map(({ name, values }) => {
    const points = values.flatMap((value, i) => (value === null ? [] : [`${n(x(i))},${n(y(value))}`]));
    return `<polyline points="${points.join(' ')}" fill="none" ${look(name)} stroke-width="2.5"/>`;
  });
  return [
    `<text x="${width / 2}" y="20" text-anchor="middle" font-weight="600" font-size="14">${escaped(panel.title)}</text>`,
    ...grid,
    ...labels,
    `<text x="${margin.left + inner.width / 2}" y="${height - 10}" text-anchor="middle">${escaped(panel.xLabel)}</text>`,
    `<text transform="translate(14 ${margin.top + inner.height / 2}) rotate(-90)" text-anchor="middle">${escaped(panel.yLabel)}</text>`,
    ...paths,
  ].join('\n');
}

/** Where marks stand, and how far up a value is, from 0 to 1. */
function axisOf(scale: Panel['scale'], values: readonly number[]): { marks: number[]; place: (value: number) => number } {
  if (scale !== 'log') {
    const [from, to] = scale;
    return { marks: [0, 1, 2, 3, 4].map((i) => from + ((to - from) * i) / 4), place: (value) => (value - from) / (to - from) };
  }
  const positive = values.filter((value) => value > 0);
  const from = Math.floor(Math.log10(Math.min(...positive)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...positive))));
  const marks = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  return { marks, place: (value) => (Math.log10(value) - from) / (to - from) };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
