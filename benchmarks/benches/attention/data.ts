import { normals } from '../../random.ts';

export const heads = 8;
export const dim = 64;

export interface AttentionData {
  tokens: number;
  /** Each [T, H, D]: heads side by side, as a projection leaves them. */
  q: Float32Array<ArrayBuffer>;
  k: Float32Array<ArrayBuffer>;
  v: Float32Array<ArrayBuffer>;
  /** The gradient of the output. */
  dOut: Float32Array<ArrayBuffer>;
}

export function attentionData(tokens: number): AttentionData {
  const draw = (seed: number) => normals(seed, tokens * heads * dim);
  return { tokens, q: draw(31), k: draw(32), v: draw(33), dOut: draw(34) };
}

/** Of scores and weighted sums, for the keys that a query sees. */
export function forwardFlops(tokens: number): number {
  return 2 * 2 * heads * dim * ((tokens * (tokens + 1)) / 2);
}

/** The tokens whose outputs and dq the referee computes: from all over. */
export function queriesOf(tokens: number): number[] {
  return Array.from({ length: 16 }, (_, i) => Math.round((i * (tokens - 1)) / 15));
}

/** Those whose dk and dv it computes: only later queries see them, so that there is little to compute. */
export function keysOf(tokens: number): number[] {
  return Array.from({ length: 16 }, (_, i) => tokens - 16 + i);
}

/** Rows of an array [T, H · D]. */
export function pickRows(x: ArrayLike<number>, rows: readonly number[]): Float64Array {
  const width = heads * dim;
  return Float64Array.from(rows.flatMap((row) => Array.from({ length: width }, (_, i) => x[row * width + i]!)));
}

/** [T, H, D] as [H, T, D]. */
export function byHeads(x: Float32Array, tokens: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(x.length);
  for (let t = 0; t < tokens; t++) {
    for (let h = 0; h < heads; h++) out.set(x.subarray((t * heads + h) * dim, (t * heads + h + 1) * dim), (h * tokens + t) * dim);
  }
  return out;
}

/** [H, T, D] as [T, H, D]. */
export function byTokens(x: Float32Array, tokens: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(x.length);
  for (let t = 0; t < tokens; t++) {
    for (let h = 0; h < heads; h++) out.set(x.subarray((h * tokens + t) * dim, (h * tokens + t + 1) * dim), (t * heads + h) * dim);
  }
  return out;
}
