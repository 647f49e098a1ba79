/*
 * Fourier transforms of any length. Whisper's windows have 400 samples, 2⁴ · 5², which the small libraries of npm do not take: they
 * want powers of two. Each stage takes one prime factor of the length (Stockham's form of Cooley and Tukey, which needs no reordering), so that a
 * length costs its factors' sum per sample. In float64, on the host: a product with a matrix of cosines would cost 20 times as many operations, in float32.
 */

/** Two signals' worth of numbers: real and imaginary parts. */
interface Complex {
  re: Float64Array;
  im: Float64Array;
}

/** e^(-2πi·k/n) for every k. */
function rootsOf(n: number): Complex {
  const angle = (_: unknown, k: number) => (-2 * Math.PI * k) / n;
  return { re: Float64Array.from({ length: n }, angle).map(Math.cos), im: Float64Array.from({ length: n }, angle).map(Math.sin) };
}

/** The prime factors of n, but fours in place of pairs of twos. */
function factorsOf(n: number): number[] {
  const factors: number[] = [];
  let rest = n;
  for (const radix of [4, 2, 3, 5]) for (; rest % radix === 0; rest /= radix) factors.push(radix);
  for (let radix = 7; rest > 1; radix += 2) for (; rest % radix === 0; rest /= radix) factors.push(radix);
  return factors;
}

/** One stage, in which `stride` transforms of length `part · radix` become `stride · radix` of length `part`, with what it multiplies by. */
interface Stage {
  readonly radix: number;
  readonly part: number;
  readonly stride: number;
  /** For each place j < part, each output t and each input k of it. */
  readonly factors: Complex;
}

function stagesOf(n: number): Stage[] {
  const roots = rootsOf(n);
  let stride = 1;
  return factorsOf(n).map((radix) => {
    const part = n / (stride * radix);
    const index = (_: unknown, i: number) => {
      const [j, t, k] = [Math.floor(i / radix ** 2), Math.floor(i / radix) % radix, i % radix];
      return (j * t * stride + ((k * t) % radix) * (n / radix)) % n;
    };
    const places = Array.from({ length: part * radix ** 2 }, index);
    const factors = { re: Float64Array.from(places, (i) => roots.re[i]!), im: Float64Array.from(places, (i) => roots.im[i]!) };
    const made = { radix, part, stride, factors };
    stride *= radix;
    return made;
  });
}

function run({ radix, part, stride, factors }: Stage, { re, im }: Complex, out: Complex): void {
  const step = part * stride;
  let at = 0;
  for (let j = 0; j < part; j++) {
    for (let t = 0; t < radix; t++, at += radix) {
      const to = stride * (radix * j + t);
      for (let q = 0; q < stride; q++) {
        let from = stride * j + q;
        let x = 0;
        let y = 0;
        for (let k = at; k < at + radix; k++, from += step) {
          const c = factors.re[k]!;
          const s = factors.im[k]!;
          x += re[from]! * c - im[from]! * s;
          y += re[from]! * s + im[from]! * c;
        }
        out.re[to + q] = x;
        out.im[to + q] = y;
      }
    }
  }
}

/** Σ_t x_t · e^(-2πi·k·t/n) for every k, of one length: a function that keeps its tables. What it returns is overwritten by the next call. */
export function fourier(n: number): (x: Complex) => Complex {
  const stages = stagesOf(n);
  const rooms = [0, 1].map(() => ({ re: new Float64Array(n), im: new Float64Array(n) }));
  return (x) => {
    let from = x;
    for (const [i, stage] of stages.entries()) {
      const to = rooms[i % 2]!;
      run(stage, from, to);
      from = to;
    }
    return from;
  };
}

/**
 * |X_k|² for k = 0 … n/2 of two real signals at once, one in each part of a complex one: the transform of a real signal is its own mirror image,
 * which tells the two apart.
 */
export function powerSpectra(n: number): (signals: Complex, power: readonly [Float64Array, Float64Array]) => void {
  const transform = fourier(n);
  const bins = 1 + Math.floor(n / 2);
  return (signals, [first, second]) => {
    const { re, im } = transform(signals);
    for (let k = 0; k < bins; k++) {
      const mirror = k === 0 ? 0 : n - k;
      const [a, b, c, d] = [re[k]!, im[k]!, re[mirror]!, im[mirror]!];
      first[k] = ((a + c) ** 2 + (b - d) ** 2) / 4;
      second[k] = ((b + d) ** 2 + (c - a) ** 2) / 4;
    }
  };
}
