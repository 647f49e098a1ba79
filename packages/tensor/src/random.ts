import type { RandomArgs } from './backend.js';
import type { TypedArray } from './dtype.js';

/*
 * Philox 4x32-10, a counter-based generator: block c of the stream of a key is a pure function of (key, c), so draws need no hidden
 * state, can be made in any order and are the same bits on every backend.
 * Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const TWO32 = 2 ** 32;

/** The high 32 bits of the unsigned product a · b. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/** Writes block `counter` of the stream of `seed` (both below 2⁵³) to the four words of `out`. */
export function philox(out: Uint32Array, seed: number, counter: number): void {
  let c0 = counter >>> 0;
  let c1 = Math.floor(counter / TWO32) >>> 0;
  let c2 = 0;
  let c3 = 0;
  let k0 = seed >>> 0;
  let k1 = Math.floor(seed / TWO32) >>> 0;
  for (let round = 0; round < 10; round++) {
    const low0 = Math.imul(M0, c0);
    const low1 = Math.imul(M1, c2);
    const high0 = multiplyHigh(M0, c0);
    const high1 = multiplyHigh(M1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** A word as a number in [0, 1): its upper 24 bits, exact in float32. */
export function uniformOf(word: number): number {
  return (word >>> 8) * 2 ** -24;
}

/**
 * Fills `out` as `RandomArgs` says: the definition of every backend's `random` kernel.
 * Normals come in pairs by Box and Muller from words (2i, 2i + 1), computed in float64: r = √(-2 ln((w₀ + ½)/2³²)), r·cos θ and
 * r·sin θ with θ = 2π (w₁ + ½)/2³².
 *
 * @example
 * const out = new Int32Array(2);
 * fillRandom(out, { kind: 'bits', seed: 1, counter: 0, p: 0 });
 * out.some((word) => word !== 0); // true
 */
export function fillRandom(out: TypedArray, args: RandomArgs): void {
  const words = new Uint32Array(4);
  for (let i = 0; i < out.length; i += 4) {
    philox(words, args.seed, args.counter + i / 4);
    const end = Math.min(4, out.length - i);
    for (let j = 0; j < end; j++) out[i + j] = draw(args, words, j);
  }
}

function draw(args: RandomArgs, words: Uint32Array, lane: number): number {
  switch (args.kind) {
    case 'bits':
      return words[lane]! | 0;
    case 'uniform':
      return uniformOf(words[lane]!);
    case 'bernoulli':
      return uniformOf(words[lane]!) < args.p ? 1 : 0;
    case 'normal': {
      const first = lane & ~1;
      const radius = Math.sqrt(-2 * Math.log((words[first]! + 0.5) / TWO32));
      const angle = (2 * Math.PI * (words[first + 1]! + 0.5)) / TWO32;
      return radius * (lane === first ? Math.cos(angle) : Math.sin(angle));
    }
  }
}

/** Serialisable position in a stream of random numbers. */
export interface RngState {
  readonly seed: number;
  readonly counter: number;
}

/** Where each stream stood when it was first read; every map in here is kept up. `checkpoint` draws the same numbers again by them. */
export const journals = new Set<Map<Rng, number>>();

/**
 * A stream of random numbers: a seed and how far it has been read. Every op that draws takes one, and advances it; `new Rng(rng.state)` goes on
 * where `rng` stands. Throws a RangeError for a seed that is no integer from 0 to 2⁵³ - 1.
 *
 * @example
 * randn([2], { rng: new Rng(42) }); // [-0.9702, 0.194]
 * new Rng(42).integer(100); // 33
 * new Rng(42).state; // { seed: 42, counter: 0 }
 */
export class Rng {
  readonly seed: number;
  /** Blocks of four words read so far. May be set: to draw the same numbers again, or to pass over some. */
  counter: number;

  constructor(seed: number | RngState = 0) {
    const state = typeof seed === 'number' ? { seed, counter: 0 } : seed;
    for (const [key, value] of Object.entries({ seed: state.seed, counter: state.counter })) {
      if (!Number.isSafeInteger(value) || value < 0)
        throw new RangeError(`Rng: ${key}: expected an integer from 0 to 2^53 - 1, got ${value}`);
    }
    this.seed = state.seed;
    this.counter = state.counter;
  }

  get state(): RngState {
    return { seed: this.seed, counter: this.counter };
  }

  /** Reserves `words` numbers and returns what a `random` kernel needs to draw them. */
  take(words: number): RngState {
    const { state } = this;
    for (const starts of journals) if (!starts.has(this)) starts.set(this, this.counter);
    this.counter += Math.ceil(words / 4);
    return state;
  }

  /** An independent stream, for a worker, a shuffle or a layer: its seed is drawn from this one. */
  fork(): Rng {
    const words = this.#block();
    return new Rng(words[0]! + (words[1]! & 0x1fffff) * TWO32);
  }

  /** One number in [0, 1), on the host. */
  uniform(): number {
    return uniformOf(this.#block()[0]!);
  }

  /** One integer in [0, n), on the host. */
  integer(n: number): number {
    const words = this.#block();
    return Math.floor(((words[0]! + (words[1]! & 0xfffff) * TWO32) / 2 ** 52) * n);
  }

  /** A random order of 0 … n - 1 (Fisher and Yates), on the host. */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }

  #block(): Uint32Array {
    const words = new Uint32Array(4);
    philox(words, this.seed, this.take(4).counter);
    return words;
  }
}
