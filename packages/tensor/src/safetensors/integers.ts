/** Integers from one width to another: every value is looked at, and one that does not fit is refused by name, value and place. */
import { type ArrayOf, arrayClasses } from './dtype.js';
import { SafetensorsError } from './error.js';

/** The integer dtypes by the least and the greatest value. */
const limits = {
  U8: [0, 0xff],
  I8: [-0x80, 0x7f],
  I16: [-0x8000, 0x7fff],
  U16: [0, 0xffff],
  I32: [-0x80000000, 0x7fffffff],
  U32: [0, 0xffffffff],
  I64: [-(2n ** 63n), 2n ** 63n - 1n],
  U64: [0n, 2n ** 64n - 1n],
} as const;

/** An integer dtype of the format. */
export type IntegerDtype = keyof typeof limits;

export function isIntegerDtype(dtype: string): dtype is IntegerDtype {
  return Object.hasOwn(limits, dtype);
}

/** What errors say of the values: whose they are, and how they lie. */
export interface Values {
  readonly name?: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

/** `values` as integers of `dtype`: fractions go to the nearest, ties to even; what lies beyond the dtype, and NaN, is refused. */
export function integersAs<D extends IntegerDtype>(dtype: D, { name, shape, data }: Values): ArrayOf[D] {
  const [low, high] = limits[dtype];
  const out = new arrayClasses[dtype](data.length);
  const wide = out instanceof BigInt64Array || out instanceof BigUint64Array;
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    const whole = typeof value === 'number' ? roundedToEven(value) : value;
    if (!(whole >= low && whole <= high)) {
      const expected = `values within ${dtype === 'I32' ? 'int32' : dtype}, ${low} to ${high}`;
      throw new SafetensorsError({ tensor: name, field: 'dtype', expected, got: `${value} at ${placeOf(i, shape)}` });
    }
    out[i] = wide ? BigInt(whole) : Number(whole);
  }
  return out as ArrayOf[D];
}

/** The nearest integer, ties to even; `Math.round` takes ties up. */
function roundedToEven(value: number): number {
  const up = Math.round(value);
  return up - value === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

/** Where element `index` of a row-major array of `shape` is. */
function placeOf(index: number, shape: readonly number[]): string {
  if (shape.length < 2) return `index ${index}`;
  const place: number[] = [];
  let rest = index;
  for (const size of [...shape].reverse()) {
    place.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `index [${place.join(',')}]`;
}
