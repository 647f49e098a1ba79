import { detach } from './autograd.js';
import { type DType, isFloat } from './dtype.js';
import { ValueError } from './errors.js';
import { noGrad } from './mode.js';
import { concat } from './ops/join.js';
import { slice } from './ops/slice.js';
import { element, header } from './preview.js';
import { keep, tidy } from './scope.js';
import { checkTensor, Tensor } from './tensor.js';

export interface FormatOptions {
  /** Significant digits of the greatest number, from 1 to 17; 6. Numbers that are much smaller have fewer. */
  readonly precision?: number;
  /** A tensor of more elements is abbreviated; 1000. */
  readonly threshold?: number;
  /** How many items are shown at either end of a long axis of such a tensor; 3. */
  readonly edgeItems?: number;
  /** Longer rows are broken; 80. */
  readonly lineWidth?: number;
}

/**
 * A tensor as text: its dtype, shape and backend, then its values in columns whose decimal points line up, as NumPy and PyTorch show
 * them. For any backend and dtype, views included; only what is shown is read. A disposed tensor or a parameter without a value yet gives
 * its first line alone. Throws a BackendError for what is no tensor, a ValueError for an option out of range.
 *
 * @example
 * await format(tensor([[1, 2.5], [-30, 0.125]]));
 * // Tensor(float32 [2, 2], on cpu)
 * // [[  1.000,   2.500],
 * //  [-30.000,   0.125]]
 */
export async function format(x: Tensor, options: FormatOptions = {}): Promise<string> {
  if (!(x instanceof Tensor)) checkTensor('format', 'x', x);
  const { precision = 6, threshold = 1000, edgeItems = 3, lineWidth = 80 } = options;
  for (const [name, value, most] of [
    ['precision', precision, 17],
    ['edgeItems', edgeItems, Infinity],
  ] as const) {
    if (!(value >= 1 && value <= most && Number.isInteger(value))) {
      throw new ValueError(`format: ${name}: expected an integer from 1${most < Infinity ? ` to ${most}` : ''}, got ${value}`);
    }
  }
  const head = header(x);
  if (!x.materialized) return head;
  const long = x.shape.map((n) => x.size > threshold && n > 2 * edgeItems);
  const shown = keep(noGrad(() => tidy(() => long.reduce((y, cut, axis) => (cut ? ends(y, axis, edgeItems) : y), detach(x)))));
  try {
    const values = Array.from(await shown.data(), (value) => element(x, value));
    const rows = layOut(aligned(values, x.dtype, precision), shown.shape, { gap: (axis) => (long[axis] ? edgeItems : -1), lineWidth });
    const apart = x.rank > 1 || rows.includes('\n') || head.length + rows.length >= lineWidth;
    return `${head}${apart ? '\n' : ' '}${rows}`;
  } finally {
    shown.dispose();
  }
}

/**
 * Prints `format(x, options)` with `console.log`.
 *
 * @example
 * await print(tensor([1, 2, 3])); // Tensor(float32 [3], on cpu) [1, 2, 3]
 */
export async function print(x: Tensor, options: FormatOptions = {}): Promise<void> {
  // biome-ignore lint/suspicious/noConsole: it is for the console
  console.log(await format(x, options));
}

/** The first and the last `n` items of an axis. */
function ends(x: Tensor, axis: number, n: number): Tensor {
  const length = x.shape[axis]!;
  return concat([slice(x, axis, 0, n), slice(x, axis, length - n, length)], axis);
}

/** The values as text of one width. */
function aligned(values: readonly (number | boolean)[], dtype: DType, precision: number): string[] {
  const texts = isFloat(dtype) ? decimals(values as number[], precision) : values.map(String);
  const width = texts.reduce((most, { length }) => Math.max(most, length), 0);
  return texts.map((text) => text.padStart(width));
}

/** Whole numbers as such, others with one number of decimals; in powers of ten where that would cost the small ones all their digits. */
function decimals(values: readonly number[], precision: number): string[] {
  const sizes = values.filter((v) => Number.isFinite(v) && v !== 0).map(Math.abs);
  const greatest = sizes.reduce((a, b) => Math.max(a, b), 0);
  const least = sizes.reduce((a, b) => Math.min(a, b), greatest);
  if (greatest < 1e9 && sizes.every(Number.isInteger)) return values.map((v) => (Object.is(v, -0) ? '-0' : String(v)));
  const digits = Math.max(0, precision - 1 - Math.floor(Math.log10(greatest)));
  if (greatest >= 1e8 || greatest < 1e-4 || least < 10 ** -digits) return exponents(values, precision);
  return withoutZeros(values.map((v) => (Number.isFinite(v) ? v.toFixed(digits) : String(v))));
}

/** 1.50e-8 */
function exponents(values: readonly number[], precision: number): string[] {
  const parts = values.map((v) => (Number.isFinite(v) ? v.toExponential(precision - 1) : String(v)).split('e'));
  const mantissas = withoutZeros(parts.map(([mantissa]) => mantissa!));
  return parts.map(([, exponent], i) => (exponent ? `${mantissas[i]}e${exponent}` : mantissas[i]!));
}

/** Cuts the zeros off that all decimals end in. */
function withoutZeros(texts: readonly string[]): string[] {
  const zeros = texts.filter((text) => text.includes('.')).map((text) => /0*$/.exec(text)![0].length);
  const common = zeros.reduce((a, b) => Math.min(a, b), zeros[0] ?? 0);
  return texts.map((text) => (text.includes('.') ? text.slice(0, text.length - common).replace(/\.$/, '') : text));
}

/** Rows of items in brackets, with `…` before item `gap(axis)` and a blank line for each axis that ends beside the rows. */
function layOut(cells: readonly string[], shape: readonly number[], options: { gap: (axis: number) => number; lineWidth: number }): string {
  const rank = shape.length;
  let next = 0;
  const walk = (axis: number): string => {
    if (axis === rank) return cells[next++]!;
    const items = Array.from({ length: shape[axis]! }, () => walk(axis + 1));
    if (options.gap(axis) >= 0) items.splice(options.gap(axis), 0, '…');
    const between = `,${'\n'.repeat(rank - 1 - axis)}${' '.repeat(axis + 1)}`;
    return `[${axis === rank - 1 ? broken(items, rank, options.lineWidth) : items.join(between)}]`;
  };
  return walk(0);
}

/** The items of a row, on as many lines as they need. */
function broken(items: readonly string[], indent: number, lineWidth: number): string {
  const lines: string[] = [];
  let line = '';
  for (const item of items) {
    if (line !== '' && indent + line.length + 2 + item.length + 1 > lineWidth) {
      lines.push(`${line},`);
      line = item;
    } else line += line === '' ? item : `, ${item}`;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}
