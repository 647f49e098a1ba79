/*
 * The numbers of every bench: the same in each run, in each process and for each contestant.
 */

/** Uniform in [0, 1): Tommy Ettinger's mulberry32. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` normal numbers with the given standard deviation, by Box and Muller. */
export function normals(seed: number, count: number, std = 1, mean = 0): Float32Array<ArrayBuffer> {
  const draw = uniform(seed);
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = std * Math.sqrt(-2 * Math.log(1 - draw()));
    const angle = 2 * Math.PI * draw();
    out[i] = mean + radius * Math.cos(angle);
    if (i + 1 < count) out[i + 1] = mean + radius * Math.sin(angle);
  }
  return out;
}

/** `count` whole numbers from `low` up to, not including, `high`. */
export function integers(seed: number, count: number, low: number, high: number): Int32Array<ArrayBuffer> {
  const draw = uniform(seed);
  return Int32Array.from({ length: count }, () => low + Math.floor(draw() * (high - low)));
}
