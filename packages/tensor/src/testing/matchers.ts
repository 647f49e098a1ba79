import { difference } from './closeness.js';

/** Numbers in typed arrays, nested arrays, or alone: what `await t.data()`, `await t.toArray()` and `await t.item()` give. */
export type Numbers = number | boolean | ArrayLike<number> | readonly Numbers[];

export interface Closeness {
  readonly rtol?: number;
  readonly atol?: number;
}

declare module 'vitest' {
  // The type parameters have to be those of the declaration that this one merges with.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /**
     * Passes if |got - want| ≤ atol + rtol · |want| for every element and the shapes are equal. NaN equals NaN.
     * The defaults are PyTorch's for float32: rtol 1.3e-6, atol 1e-5.
     */
    toBeAllclose(expected: Numbers, closeness?: Closeness): R;
  }
}

interface Flat {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/**
 * For `expect.extend`, once, in a setup file.
 *
 * @example
 * expect.extend(matchers);
 * expect(await softmax(x).toArray()).toBeAllclose([[0.5, 0.5]]);
 */
export const matchers = {
  toBeAllclose(received: unknown, expected: Numbers, closeness: Closeness = {}): { pass: boolean; message: () => string } {
    const { rtol = 1.3e-6, atol = 1e-5 } = closeness;
    const problem = compare(received, expected, { rtol, atol });
    return { pass: problem === null, message: () => problem ?? `expected numbers that are not within rtol ${rtol}, atol ${atol}` };
  },
};

function compare(received: unknown, expected: Numbers, closeness: Required<Closeness>): string | null {
  if (!isNumbers(received)) {
    const hint = typeof received === 'object' && received !== null && 'data' in received ? '; read a tensor first: await x.toArray()' : '';
    return `toBeAllclose: expected a number or an array of numbers, got ${describe(received)}${hint}`;
  }
  const [got, want] = [flatten(received), flatten(expected)];
  if (typeof got === 'string' || typeof want === 'string') return `toBeAllclose: ${[got, want].find((x) => typeof x === 'string')}`;
  if (got.shape.length !== want.shape.length || got.shape.some((n, i) => n !== want.shape[i])) {
    return `toBeAllclose: shapes: expected [${want.shape.join(', ')}], got [${got.shape.join(', ')}]`;
  }
  const problem = difference(got.data, want.data, closeness, (i) => placeOf(i, got.shape));
  return problem && `toBeAllclose: ${problem}`;
}

function describe(value: unknown): string {
  return typeof value === 'object' && value !== null ? `a ${value.constructor.name}` : String(value);
}

function isNumbers(value: unknown): value is Numbers {
  if (typeof value === 'number' || typeof value === 'boolean') return true;
  return Array.isArray(value) ? value.every(isNumbers) : ArrayBuffer.isView(value) && 'length' in value;
}

/** The elements in row-major order with the shape, or what is wrong with the nesting. */
function flatten(value: Numbers): Flat | string {
  if (typeof value === 'number' || typeof value === 'boolean') return { shape: [], data: [Number(value)] };
  if (!Array.isArray(value)) return { shape: [value.length], data: Array.from(value as ArrayLike<number>) };
  const parts: Flat[] = [];
  for (const item of value as readonly Numbers[]) {
    const part = flatten(item);
    if (typeof part === 'string') return part;
    parts.push(part);
  }
  const inner = parts[0]?.shape ?? [];
  const odd = parts.find(({ shape }) => shape.join() !== inner.join());
  if (odd) return `ragged arrays: [${inner.join(', ')}] beside [${odd.shape.join(', ')}]`;
  return { shape: [parts.length, ...inner], data: parts.flatMap(({ data }) => data) };
}

function placeOf(i: number, shape: readonly number[]): string {
  let left = i;
  const place = shape.map(() => 0);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place[axis] = left % shape[axis]!;
    left = Math.floor(left / shape[axis]!);
  }
  return `[${place.join(', ')}]`;
}
