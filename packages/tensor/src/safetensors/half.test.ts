import { expect, test } from 'vitest';
import { narrowBfloat16, narrowFloat16, widenBfloat16, widenFloat16 } from './half.js';
import { seededRandom } from './hand-made-file.js';

const everyPattern = Uint16Array.from({ length: 0x10000 }, (_, pattern) => pattern);
const float16 = { fractionBits: 10, minExponent: -14, maxExponent: 15 };
const bfloat16 = { fractionBits: 7, minExponent: -126, maxExponent: 127 };
type Format = typeof float16;

/** What a 16-bit pattern means, from the definition of the format. */
function meaningOf(pattern: number, { fractionBits, minExponent }: Format): number {
  const sign = pattern & 0x8000 ? -1 : 1;
  const fraction = pattern & (2 ** fractionBits - 1);
  const exponent = (pattern & 0x7fff) >> fractionBits;
  if (exponent === 2 ** (15 - fractionBits) - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** (minExponent - fractionBits);
  return sign * (2 ** fractionBits + fraction) * 2 ** (exponent - 1 + minExponent - fractionBits);
}

/** The nearest value of the format, ties to the even pattern, by exact arithmetic in float64 on the neighbours. */
function nearest(value: number, format: Format): number {
  if (Number.isNaN(value)) return Number.NaN;
  const magnitude = Math.abs(value);
  const exponent = Math.max(format.minExponent, Math.min(Math.floor(Math.log2(magnitude)), format.maxExponent));
  const unit = 2 ** (exponent - format.fractionBits); // the step between neighbours, or half or double of it where log2 rounds
  const steps = magnitude / unit;
  const below = Math.floor(steps);
  const rest = steps - below;
  const rounded = (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below) * unit;
  const overflow = (2 - 2 ** -(format.fractionBits + 1)) * 2 ** format.maxExponent;
  return Math.sign(value) * (magnitude >= overflow ? Number.POSITIVE_INFINITY : rounded);
}

/** Random numbers over the exponents of `format` and a little beyond, many of them exactly between two neighbours or next to that. */
function samples(format: Format, count: number): Float64Array {
  const random = seededRandom(20171206);
  const span = format.maxExponent - format.minExponent + format.fractionBits + 8;
  return Float64Array.from({ length: count }, (_, i) => {
    const exponent = format.minExponent - format.fractionBits - 4 + Math.floor(random() * span);
    const sign = random() < 0.5 ? -1 : 1;
    if (i % 3 === 0) return sign * (1 + random()) * 2 ** exponent;
    const steps = 2 ** format.fractionBits + Math.floor(random() * 2 ** format.fractionBits) + 0.5;
    const nudge = i % 3 === 1 ? 0 : (random() < 0.5 ? -1 : 1) * 2 ** -12; // a float32 still holds it
    return sign * (steps + nudge) * 2 ** (exponent - format.fractionBits);
  });
}

const formats = [
  { name: 'float16', format: float16, widen: widenFloat16, narrow: narrowFloat16 },
  { name: 'bfloat16', format: bfloat16, widen: widenBfloat16, narrow: narrowBfloat16 },
] as const;

for (const { name, format, widen, narrow } of formats) {
  test(`${name}: all 65,536 patterns widen to their value`, () => {
    const wide = widen(everyPattern);
    const wrong = [...everyPattern].filter((pattern) => !Object.is(wide[pattern], meaningOf(pattern, format)));
    expect(wrong).toEqual([]);
  });

  test(`${name}: all 65,536 patterns come back from float32, NaN payloads included`, () => {
    expect(narrow(widen(everyPattern))).toEqual(everyPattern);
  });

  test(`${name}: every number but NaN comes back from float64`, () => {
    const wide = Float64Array.from(widen(everyPattern));
    const back = narrow(wide);
    const wrong = [...everyPattern].filter((pattern) => !Number.isNaN(wide[pattern]) && back[pattern] !== pattern);
    expect(wrong).toEqual([]);
  });

  test(`${name}: 100,000 random float32 round to nearest even`, () => {
    const floats = Float32Array.from(samples(format, 100_000));
    const got = widen(narrow(floats));
    const wrong = [...floats].filter((value, i) => !Object.is(got[i], Math.fround(nearest(value, format))));
    expect(wrong).toEqual([]);
  });

  test(`${name}: 100,000 random float64 round once, not first to float32`, () => {
    const random = seededRandom(7);
    const doubles = samples(format, 100_000).map((value, i) => (i % 2 ? value * (1 + (random() < 0.5 ? -1 : 1) * 2 ** -50) : value));
    const got = widen(narrow(doubles));
    const wrong = [...doubles].filter((value, i) => !Object.is(got[i], Math.fround(nearest(value, format))));
    expect(wrong).toEqual([]);
    const twice = widen(narrow(Float32Array.from(doubles)));
    expect(twice.some((value, i) => value !== got[i])).toBe(true); // the samples can tell the two apart
  });
}

test('float16: the edges', () => {
  const cases: [number, number][] = [
    [65504, 0x7bff],
    [65519.99609375, 0x7bff], // the float32 below the tie
    [65520, 0x7c00],
    [-1e30, 0xfc00],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [2 ** -14, 0x0400],
    [2 ** -14 - 2 ** -25, 0x0400], // a tie between the largest subnormal and the smallest normal
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [2 ** -25 + 2 ** -48, 0x0001],
    [3 * 2 ** -25, 0x0002],
    [-0, 0x8000],
    [-1e-40, 0x8000],
    [2049, 0x6800],
    [2051, 0x6802],
  ];
  expect([...narrowFloat16(Float32Array.from(cases, ([value]) => value))]).toEqual(cases.map(([, pattern]) => pattern));
});

test('bfloat16: the edges', () => {
  const largest = (2 - 2 ** -7) * 2 ** 127;
  const cases: [number, number][] = [
    [largest, 0x7f7f],
    [3.4028234663852886e38, 0x7f80], // the largest float32
    [-(2 - 2 ** -8) * 2 ** 127, 0xff80], // the tie
    [1 + 2 ** -8, 0x3f80],
    [1 + 3 * 2 ** -8, 0x3f82],
    [2 ** -133, 0x0001],
    [2 ** -134, 0x0000],
    [-0, 0x8000],
  ];
  expect([...narrowBfloat16(Float32Array.from(cases, ([value]) => value))]).toEqual(cases.map(([, pattern]) => pattern));
  expect(narrowBfloat16(Float64Array.of(1e300, -1e300, 1e-300))).toEqual(Uint16Array.of(0x7f80, 0xff80, 0));
});

test('a NaN whose payload lies below the 16 bits stays a NaN', () => {
  const floats = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001).buffer);
  expect([...narrowFloat16(floats)]).toEqual([0x7e00, 0xfe00]);
  expect([...narrowBfloat16(floats)]).toEqual([0x7fc0, 0xffc0]);
  expect(widenFloat16(narrowFloat16(Float64Array.of(Number.NaN)))[0]).toBeNaN();
});

test('a view into the middle of a buffer is read from its own start', () => {
  const floats = Float32Array.of(9, 1, -2, 9).subarray(1, 3);
  expect(narrowFloat16(floats)).toEqual(Uint16Array.of(0x3c00, 0xc000));
  expect(narrowBfloat16(floats)).toEqual(Uint16Array.of(0x3f80, 0xc000));
});
