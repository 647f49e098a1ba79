import { fillRandom, Rng } from '@multihead/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { philox, uniformOf } from '../src/random.js';

/** Philox 4x32-10 as in the paper, on big integers and with the whole 128-bit counter: slow, and with nothing to get wrong. */
function philoxOfThePaper(counter: readonly number[], key: readonly number[]): number[] {
  const mask = 0xffffffffn;
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const [p0, p1] = [0xd2511f53n * c0, 0xcd9e8d57n * c2];
    [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask, (p0 >> 32n) ^ c3 ^ k1, p0 & mask];
    [k0, k1] = [(k0 + 0x9e3779b9n) & mask, (k1 + 0xbb67ae85n) & mask];
  }
  return [c0, c1, c2, c3].map(Number);
}

function block(seed: number, counter: number): number[] {
  const out = new Uint32Array(4);
  philox(out, seed, counter);
  return Array.from(out);
}

const words = (n: number): [low: number, high: number] => [n % 2 ** 32, Math.floor(n / 2 ** 32)];
const safeInteger = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

describe('philox', () => {
  it('gives the known answers of Random123', () => {
    // kat_vectors of the Random123 distribution. Our counter fills two of the four words, so the last two reach the reference only.
    expect(block(0, 0)).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    const ones = 0xffffffff;
    expect(philoxOfThePaper([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    expect(philoxOfThePaper([ones, ones, ones, ones], [ones, ones])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
    expect(philoxOfThePaper([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
      0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
    ]);
  });

  it('is the function of the paper for every seed and counter', () => {
    fc.assert(
      fc.property(safeInteger, safeInteger, (seed, counter) => {
        expect(block(seed, counter)).toEqual(philoxOfThePaper([...words(counter), 0, 0], words(seed)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('fillRandom', () => {
  const n = 100_000;
  const draw = (kind: 'uniform' | 'normal', seed: number): Float64Array => {
    const out = new Float64Array(n);
    fillRandom(out, { kind, seed, counter: 0, p: 0 });
    return out;
  };
  const moment = (x: Float64Array, power: number): number => x.reduce((sum, v) => sum + v ** power, 0) / x.length;

  it('spreads uniform numbers evenly over [0, 1)', () => {
    const x = draw('uniform', 1);
    expect(Math.min(...x.subarray(0, 50_000))).toBeGreaterThanOrEqual(0);
    expect(x.every((v) => v >= 0 && v < 1)).toBe(true);
    // Within five standard errors.
    expect(Math.abs(moment(x, 1) - 1 / 2)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(moment(x, 2) - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / n));
    const counts = new Array<number>(10).fill(0);
    for (const v of x) counts[Math.floor(v * 10)]!++;
    const chi2 = counts.reduce((sum, count) => sum + (count - n / 10) ** 2 / (n / 10), 0);
    expect(chi2).toBeLessThan(33); // 9 degrees of freedom, p = 1e-4
  });

  it('draws standard normal numbers', () => {
    const x = draw('normal', 2);
    expect(Math.abs(moment(x, 1))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(moment(x, 2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(moment(x, 3))).toBeLessThan(5 * Math.sqrt(15 / n));
    expect(Math.abs(moment(x, 4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
    const pairs = x.reduce((sum, v, i) => (i % 2 ? sum + v * x[i - 1]! : sum), 0) / (n / 2);
    expect(Math.abs(pairs)).toBeLessThan(5 / Math.sqrt(n / 2)); // the two of a pair are not correlated
    expect(x.every(Number.isFinite)).toBe(true);
  });

  it('is true with probability p', () => {
    for (const p of [0, 0.1, 0.5, 0.9, 1]) {
      const out = new Uint8Array(n);
      fillRandom(out, { kind: 'bernoulli', seed: 3, counter: 0, p });
      const share = out.reduce((sum, v) => sum + v, 0) / n;
      expect(Math.abs(share - p)).toBeLessThanOrEqual(5 * Math.sqrt((p * (1 - p)) / n));
    }
  });

  it('gives word i of a stream the same value however the stream is cut', () => {
    const whole = new Int32Array(40);
    fillRandom(whole, { kind: 'bits', seed: 9, counter: 5, p: 0 });
    for (const [from, to] of [
      [0, 7],
      [4, 8],
      [12, 40],
      [36, 37],
    ] as const) {
      const part = new Int32Array(to - from);
      fillRandom(part, { kind: 'bits', seed: 9, counter: 5 + from / 4, p: 0 });
      expect(Array.from(part)).toEqual(Array.from(whole.subarray(from, to)));
    }
  });

  it('relates its kinds: uniform is the upper 24 bits, bernoulli is uniform below p', () => {
    const args = { seed: 4, counter: 1, p: 0.3 };
    const [bits, uniform, bernoulli] = [new Int32Array(99), new Float32Array(99), new Uint8Array(99)];
    fillRandom(bits, { kind: 'bits', ...args });
    fillRandom(uniform, { kind: 'uniform', ...args });
    fillRandom(bernoulli, { kind: 'bernoulli', ...args });
    expect(Array.from(uniform)).toEqual(Array.from(bits, (word) => uniformOf(word >>> 0)));
    expect(Array.from(bernoulli)).toEqual(Array.from(uniform, (u) => (u < 0.3 ? 1 : 0)));
  });

  it('survives the extreme words, whose logarithm and angle are extreme too', () => {
    expect(uniformOf(0)).toBe(0);
    expect(uniformOf(0xffffffff)).toBeLessThan(1);
    expect(Math.fround(uniformOf(0xffffffff))).toBeLessThan(1);
  });
});

describe('Rng', () => {
  it('goes on from its state, and from a number as from a seed', () => {
    const rng = new Rng(42);
    rng.take(10);
    const copy = new Rng(rng.state);
    expect(copy.uniform()).toBe(rng.uniform());
    expect(copy.state).toEqual(rng.state);
    expect(new Rng(JSON.parse(JSON.stringify(rng.state))).uniform()).toBe(copy.uniform());
    expect(new Rng(7).state).toEqual({ seed: 7, counter: 0 });
    expect(new Rng().state).toEqual({ seed: 0, counter: 0 });
  });

  it('takes whole blocks, and none twice', () => {
    const rng = new Rng(1);
    expect([rng.take(1), rng.take(4), rng.take(5), rng.take(0), rng.take(3)].map(({ counter }) => counter)).toEqual([0, 1, 2, 4, 4]);
  });

  it('refuses seeds and counters that are no safe integers from 0', () => {
    for (const seed of [-1, 0.5, Number.NaN, 2 ** 53, Infinity]) expect(() => new Rng(seed)).toThrow(RangeError);
    expect(() => new Rng({ seed: 1, counter: -1 })).toThrow(/counter/);
  });

  it('forks streams that differ from it and from each other', () => {
    const rng = new Rng(3);
    const forks = [rng.fork(), rng.fork()];
    expect(new Set([rng, ...forks].map(({ seed }) => seed)).size).toBe(3);
    expect(new Set([rng, ...forks].map((stream) => stream.uniform())).size).toBe(3);
    const again = new Rng(3);
    expect(again.fork().seed).toBe(forks[0]!.seed);
    for (const { seed } of forks) expect(Number.isSafeInteger(seed)).toBe(true);
  });

  it('draws every integer in range about as often', () => {
    const rng = new Rng(6);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 14_000; i++) counts[rng.integer(7)]!++;
    const chi2 = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0);
    expect(chi2).toBeLessThan(28); // 6 degrees of freedom, p = 1e-4
    expect(rng.integer(1)).toBe(0);
  });

  it('permutes: each number once, every order about as often', () => {
    fc.assert(
      fc.property(safeInteger, fc.nat(60), (seed, n) => {
        expect(Array.from(new Rng(seed).permutation(n)).sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
      { numRuns: 100 },
    );
    const rng = new Rng(8);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const key = rng.permutation(3).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    const chi2 = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chi2).toBeLessThan(26); // 5 degrees of freedom, p = 1e-4
  });
});
