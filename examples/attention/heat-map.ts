import { stripVTControlCharacters } from 'node:util';

/*
 * Matrices for the terminal: numbers in columns, and weights as a heat map. Colours only where there is someone to see them.
 */

/** 256-colour cells from dark to bright, and whether dark or bright ink can be read on them. */
const ramp = [233, 53, 89, 125, 161, 197, 203, 209, 215, 221, 229];
const blackFrom = 6;
const shades = ['··', '░░', '▒▒', '▓▓', '██'];

/** True in a terminal, unless NO_COLOR is set (https://no-color.org). */
export function wantsColor(stream: { isTTY?: boolean } = process.stdout, env: NodeJS.ProcessEnv = process.env): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}

/** Rows of numbers with their names. */
export function table(rows: readonly string[], columns: readonly string[], numbers: readonly (readonly number[])[], digits = 2): string {
  return grid(
    rows,
    columns,
    numbers.map((row) => row.map((value) => value.toFixed(digits))),
  );
}

/** Weights from 0 to 1, each a cell: a background that grows brighter, or a shade where there is no colour. */
export function heatMap(
  rows: readonly string[],
  columns: readonly string[],
  weights: readonly (readonly number[])[],
  { color = wantsColor() } = {},
): string {
  const cell = color ? coloured : shaded;
  return grid(
    rows,
    columns,
    weights.map((row) => row.map(cell)),
  );
}

function coloured(weight: number): string {
  const level = Math.round(clamped(weight) * (ramp.length - 1));
  const ink = level >= blackFrom ? 16 : 231;
  return `\x1b[48;5;${ramp[level]};38;5;${ink}m  ${weight.toFixed(2)} \x1b[0m`;
}

function shaded(weight: number): string {
  return `${shades[Math.round(clamped(weight) * (shades.length - 1))]} ${weight.toFixed(2)}`;
}

function clamped(weight: number): number {
  return Math.min(1, Math.max(0, weight));
}

/** Cells in columns of one width, aligned to the right; colours take no room. */
function grid(rows: readonly string[], columns: readonly string[], cells: readonly (readonly string[])[]): string {
  const length = (text: string) => stripVTControlCharacters(text).length;
  const width = Math.max(...columns.map(length), ...cells.flat().map(length));
  const margin = Math.max(...rows.map(length));
  const line = (name: string, parts: readonly string[]) =>
    `   ${name.padEnd(margin)}  ${parts.map((part) => ' '.repeat(width - length(part)) + part).join(' ')}`.trimEnd();
  return [line('', columns), ...rows.map((name, i) => line(name, cells[i]!))].join('\n');
}
