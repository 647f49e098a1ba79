import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { theme } from '../theme.js';

export interface Line {
  name: string;
  /** A custom property of the page's colours. */
  color: '--accent' | '--second';
  values: readonly number[];
}

interface LineChartProps {
  title: string;
  /** What the values are: a sentence for those who do not see the lines. */
  label: string;
  /** The common x of all lines, ascending. */
  x: readonly number[];
  lines: readonly Line[];
  xRange: readonly [number, number];
  yRange: readonly [number, number];
  format: (value: number) => string;
}

/** Lines over training steps. */
export function LineChart({ title, label, x, lines, xRange, yRange, format }: LineChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = [x, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;
  const shown = theme.value; // its colours are drawn into the canvas
  useEffect(() => {
    const target = box.current!;
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: target.clientWidth, height: target.clientHeight }));
    let gone = false;
    void loadPlot().then((Plot) => {
      if (gone) return;
      plot.current = new Plot(optionsFor(target, { lines, xRange, yRange, format }), latest.current, target);
      observer.observe(target);
    });
    return () => {
      gone = true;
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shown]);
  useEffect(() => plot.current?.setData(data), [x, lines]);
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        <ul class="key">
          {lines.map(({ name, color, values }) => (
            <li key={name}>
              <i style={{ background: `var(${color})` }} />
              {name} <b>{values.length > 0 ? format(values.at(-1)!) : '–'}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div class="chart-box" ref={box} role="img" aria-label={label} />
    </figure>
  );
}

/** uPlot, when the first chart is drawn. It asks Intl about the browser's language at once, and a machine without a locale has one that Intl refuses. */
async function loadPlot(): Promise<typeof uPlot> {
  try {
    new Intl.NumberFormat(navigator.language);
  } catch {
    Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true }); // was "en-US@posix"
  }
  return (await import('uplot')).default;
}

function optionsFor(
  target: HTMLElement,
  { lines, xRange, yRange, format }: Pick<LineChartProps, 'lines' | 'xRange' | 'yRange' | 'format'>,
): uPlot.Options {
  const style = getComputedStyle(target);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--muted'),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
    gap: 6,
  };
  return {
    width: target.clientWidth,
    height: target.clientHeight,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range: [...xRange] }, y: { range: [...yRange] } },
    axes: [
      { ...axis, size: 28 },
      { ...axis, size: 44, values: (_, ticks) => ticks.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ name, color: property }) => ({ label: name, stroke: color(property), width: 2, points: { show: false } })),
    ],
  };
}
