import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { viridis } from '../data/viridis.js';
import { percent } from './percent.js';

/** Weights from 0 to 1, row by row; NaN where there is none yet. */
export interface HeatMapData {
  rows: readonly string[];
  columns: readonly string[];
  weights: Float32Array;
}

interface HeatMapProps {
  data: HeatMapData;
  /** What the picture shows, for those who do not see it. */
  label: string;
  /** What rows and columns are. */
  axes: readonly [rows: string, columns: string];
  /** Width of a cell by its height. */
  aspect?: number;
  /** Column labels that stand upright, for words. */
  upright?: boolean;
  active?: number | null;
  onActive?: (row: number | null) => void;
}

/** A picture of attention weights with labelled axes. Pointing at a row makes it active; the pointed-at weight is told beside it. */
export function HeatMap({ data, label, axes, aspect = 1, upright = false, active = null, onActive }: HeatMapProps) {
  const { rows, columns, weights } = data;
  const [cell, setCell] = useState<{ row: number; column: number } | null>(null);
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const row = clampIndex(((event.clientY - box.top) / box.height) * rows.length, rows.length);
    const column = clampIndex(((event.clientX - box.left) / box.width) * columns.length, columns.length);
    setCell({ row, column });
    onActive?.(row);
  };
  const leave = (event: PointerEvent) => {
    if (event.pointerType === 'touch') return; // a tap stays
    setCell(null);
    onActive?.(null);
  };
  const here = cell && weights[cell.row * columns.length + cell.column]! >= 0 ? cell : null;
  return (
    <figure
      class={upright ? 'heat-map of-words' : 'heat-map'}
      style={{ '--rows': rows.length, '--columns': columns.length, '--aspect': aspect }}
    >
      <span class="axis" aria-hidden="true">
        {axes[0]} ↓
      </span>
      <span class="axis" aria-hidden="true">
        {axes[1]} →
      </span>
      <div class="columns" aria-hidden="true">
        {columns.map((name, i) => (
          <span key={i} data-active={here?.column === i} data-long={name.length > 1}>
            {name}
          </span>
        ))}
      </div>
      <div class="rows" aria-hidden="true">
        {rows.map((name, i) => (
          <span key={i} data-active={active === i}>
            {name}
          </span>
        ))}
      </div>
      <div class="plot" onPointerMove={point} onPointerDown={point} onPointerLeave={leave}>
        <HeatCanvas data={data} label={label} gap={1} />
        {active !== null && active < rows.length && <span class="row-mark" style={{ '--row': active }} />}
        {here && (
          <span class="tip" aria-hidden="true" style={{ '--row': here.row, '--column': here.column }}>
            {rows[here.row]} {columns[here.column] && `→ ${columns[here.column]}`}{' '}
            <b>{percent(weights[here.row * columns.length + here.column]!)}</b>
          </span>
        )}
      </div>
    </figure>
  );
}

interface HeatCanvasProps {
  data: HeatMapData;
  label?: string;
  /** Between cells, in CSS pixels, where they are large enough. */
  gap?: number;
}

/** The picture alone, drawn anew at the pixel density of the screen whenever its size changes. */
export function HeatCanvas({ data, label, gap = 0 }: HeatCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const target = canvas.current!;
    const paint = () => draw(target, data, gap);
    paint();
    const observer = new ResizeObserver(paint);
    observer.observe(target);
    return () => observer.disconnect();
  }, [data, gap]);
  const named = label ? ({ role: 'img', 'aria-label': label } as const) : { 'aria-hidden': true };
  return <canvas ref={canvas} data-rows={data.rows.length} data-columns={data.columns.length} {...named} />;
}

function draw(canvas: HTMLCanvasElement, { rows, columns, weights }: HeatMapData, gap: number): void {
  const density = devicePixelRatio;
  const width = Math.round(canvas.clientWidth * density);
  const height = Math.round(canvas.clientHeight * density);
  if (width === 0 || height === 0) return;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const paint = canvas.getContext('2d')!;
  paint.clearRect(0, 0, width, height);
  const wide = Math.min(width / columns.length, height / rows.length) >= 10 * density;
  const space = wide ? Math.round(gap * density) : 0;
  // Edges lie on whole pixels of the screen.
  const x = (column: number) => Math.round((column * width) / columns.length);
  const y = (row: number) => Math.round((row * height) / rows.length);
  for (let row = 0; row < rows.length; row++) {
    for (let column = 0; column < columns.length; column++) {
      const weight = weights[row * columns.length + column]!;
      if (Number.isNaN(weight)) continue;
      paint.fillStyle = viridis(weight);
      paint.fillRect(x(column), y(row), x(column + 1) - x(column) - space, y(row + 1) - y(row) - space);
    }
  }
}

function clampIndex(value: number, length: number): number {
  return Math.min(length - 1, Math.max(0, Math.floor(value)));
}
