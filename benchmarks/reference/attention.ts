import { type AttentionData, dim, heads, keysOf, queriesOf } from '../benches/attention/data.ts';

/* Causal attention and its gradients in float64 and plain loops, for a few rows: the whole would take minutes. */

const width = heads * dim;

function dot(a: Float32Array, i: number, b: Float32Array, j: number, head: number): number {
  let sum = 0;
  for (let d = 0; d < dim; d++) sum += a[i * width + head * dim + d]! * b[j * width + head * dim + d]!;
  return sum;
}

/** The weights of query i: one for each key up to it. */
function weightsOf({ q, k }: AttentionData, i: number, head: number): number[] {
  const scores = Array.from({ length: i + 1 }, (_, j) => dot(q, i, k, j, head) / Math.sqrt(dim));
  const top = scores.reduce((most, score) => Math.max(most, score));
  const weights = scores.map((score) => Math.exp(score - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

export function outputRows(data: AttentionData): Float64Array {
  const rows = queriesOf(data.tokens);
  const out = new Float64Array(rows.length * width);
  rows.forEach((i, row) => {
    for (let head = 0; head < heads; head++) accumulate(out, row, head, data.v, weightsOf(data, i, head));
  });
  return out;
}

/** dq of some queries, dk and dv of some keys. */
export function gradientRows(data: AttentionData): { dq: Float64Array; dk: Float64Array; dv: Float64Array } {
  const { tokens, q, k, dOut } = data;
  const [queries, keys] = [queriesOf(tokens), keysOf(tokens)];
  const first = keys[0]!;
  const [dq, dk, dv] = [queries, keys, keys].map((rows) => new Float64Array(rows.length * width)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let head = 0; head < heads; head++) {
    for (const [row, i] of queries.entries()) accumulate(dq, row, head, k, scoreGradients(data, i, head).dScores);
    // The queries that see these keys.
    for (let i = first; i < tokens; i++) {
      const { weights, dScores } = scoreGradients(data, i, head);
      for (let j = first; j <= i; j++) {
        for (let d = head * dim; d < (head + 1) * dim; d++) {
          dk[(j - first) * width + d]! += dScores[j]! * q[i * width + d]!;
          dv[(j - first) * width + d]! += weights[j]! * dOut[i * width + d]!;
        }
      }
    }
  }
  return { dq, dk, dv };
}

/** Of query i: its weights, and the gradients of q·k. */
function scoreGradients(data: AttentionData, i: number, head: number): { weights: number[]; dScores: number[] } {
  const weights = weightsOf(data, i, head);
  const dWeights = weights.map((_, j) => dot(data.dOut, i, data.v, j, head));
  const mean = weights.reduce((sum, weight, j) => sum + weight * dWeights[j]!, 0);
  return { weights, dScores: weights.map((weight, j) => (weight * (dWeights[j]! - mean)) / Math.sqrt(dim)) };
}

/** out[row] += Σⱼ factors[j] · x[j], in one head. */
function accumulate(out: Float64Array, row: number, head: number, x: Float32Array, factors: readonly number[]): void {
  factors.forEach((factor, j) => {
    for (let d = head * dim; d < (head + 1) * dim; d++) out[row * width + d]! += factor * x[j * width + d]!;
  });
}
