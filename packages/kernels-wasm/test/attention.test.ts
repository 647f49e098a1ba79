import type { AttentionArgs, DeviceBuffer, HeadView } from '@multihead/tensor';
import { expect, it } from 'vitest';
import { type Bench, expectClose, numbers, onBothBuilds } from './harness.js';

interface Case {
  name: string;
  batch?: number;
  heads?: number;
  kvHeads?: number;
  queries: number;
  keys: number;
  dim: number;
  valueDim?: number;
  causalOffset?: number | null;
  mask?: 'bool' | 'float';
}

const cases: Case[] = [
  { name: 'one token', queries: 1, keys: 1, dim: 1 },
  { name: 'dim 3', queries: 5, keys: 7, dim: 3 },
  { name: 'dim 5, value 31', queries: 7, keys: 5, dim: 5, valueDim: 31 },
  { name: 'dim 33', batch: 2, heads: 3, queries: 13, keys: 21, dim: 33 },
  { name: 'dim 32', batch: 2, heads: 2, queries: 20, keys: 20, dim: 32 },
  { name: 'several squares', queries: 97, keys: 131, dim: 16 },
  { name: 'causal', heads: 2, queries: 50, keys: 50, dim: 16, causalOffset: 0 },
  { name: 'causal, many squares', queries: 150, keys: 150, dim: 8, causalOffset: 0 },
  { name: 'causal with a cache', queries: 3, keys: 60, dim: 8, causalOffset: 57 },
  { name: 'causal, rows that see nothing', queries: 60, keys: 20, dim: 8, causalOffset: -5 },
  { name: 'grouped heads', batch: 2, heads: 6, kvHeads: 2, queries: 9, keys: 11, dim: 8 },
  { name: 'one key head', heads: 4, kvHeads: 1, queries: 9, keys: 11, dim: 8, causalOffset: 2 },
  { name: 'bool mask', batch: 2, heads: 2, queries: 9, keys: 53, dim: 8, mask: 'bool' },
  { name: 'float mask', batch: 2, heads: 2, queries: 50, keys: 53, dim: 8, mask: 'float' },
  { name: 'mask and causal', batch: 2, heads: 2, queries: 50, keys: 50, dim: 8, mask: 'bool', causalOffset: 0 },
  { name: 'one query', batch: 2, heads: 3, queries: 1, keys: 100, dim: 31 },
];

interface Made {
  args: AttentionArgs;
  q: number[];
  k: number[];
  v: number[];
  mask: number[] | null;
}

/** [batch, token, head, width]: how a projection leaves its heads. */
const view = (tokens: number, heads: number, width: number): HeadView => ({
  offset: 0,
  batch: tokens * heads * width,
  head: width,
  token: heads * width,
});

function make({ batch = 1, heads = 1, kvHeads = heads, queries, keys, dim, valueDim = dim, causalOffset = null, mask }: Case): Made {
  const values = numbers(batch * heads * queries * keys, 4);
  // One query of every head sees nothing.
  const hidden = values.map((x, i) => x < -0.3 || Math.floor(i / keys) % queries === 1);
  return {
    args: {
      batch,
      heads,
      kvHeads,
      queryLength: queries,
      keyLength: keys,
      dim,
      valueDim,
      scale: 1 / Math.sqrt(dim),
      causalOffset,
      windowOffset: null,
      softcap: 0,
      q: view(queries, heads, dim),
      k: view(keys, kvHeads, dim),
      v: view(keys, kvHeads, valueDim),
      out: view(queries, heads, valueDim),
      maskStrides: mask ? [heads * queries * keys, queries * keys, keys] : null,
    },
    q: numbers(batch * heads * queries * dim, 1, 3),
    k: numbers(batch * kvHeads * keys * dim, 2, 3),
    v: numbers(batch * kvHeads * keys * valueDim, 3),
    mask: mask ? values.map((x, i) => (mask === 'bool' ? (hidden[i] ? 0 : 1) : hidden[i] ? -Infinity : x)) : null,
  };
}

/** The definition in float64, and its gradient for a given dOut. */
function reference({ args, q, k, v, mask }: Made, kind: string | undefined, dOut: number[]) {
  const { batch, heads, kvHeads, queryLength, keyLength, dim, valueDim, scale, causalOffset } = args;
  const out = new Float64Array(batch * heads * queryLength * valueDim);
  const lse = new Float64Array(batch * heads * queryLength);
  const [dq, dk, dv] = [new Float64Array(q.length), new Float64Array(k.length), new Float64Array(v.length)];
  const at = (w: HeadView, b: number, h: number, t: number): number => b * w.batch + h * w.head + t * w.token;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const g = Math.floor((h * kvHeads) / heads);
      for (let i = 0; i < queryLength; i++) {
        const row = ((b * heads + h) * queryLength + i) * keyLength;
        const scores = Array.from({ length: keyLength }, (_, j) => {
          let s = 0;
          for (let d = 0; d < dim; d++) s += q[at(args.q, b, h, i) + d]! * k[at(args.k, b, g, j) + d]!;
          s *= scale;
          if (mask) s = kind === 'bool' ? (mask[row + j] ? s : -Infinity) : s + mask[row + j]!;
          return causalOffset !== null && j > i + causalOffset ? -Infinity : s;
        });
        const m = Math.max(...scores);
        const sum = m === -Infinity ? 0 : scores.reduce((a, s) => a + Math.exp(s - m), 0);
        lse[(b * heads + h) * queryLength + i] = m === -Infinity ? -Infinity : m + Math.log(sum);
        if (sum === 0) continue;
        const p = scores.map((s) => Math.exp(s - m) / sum);
        const dp = p.map((_, j) => {
          let s = 0;
          for (let d = 0; d < valueDim; d++) {
            const o = at(args.out, b, h, i) + d;
            out[o]! += p[j]! * v[at(args.v, b, g, j) + d]!;
            dv[at(args.v, b, g, j) + d]! += p[j]! * dOut[o]!;
            s += dOut[o]! * v[at(args.v, b, g, j) + d]!;
          }
          return s;
        });
        const dot = p.reduce((a, x, j) => a + x * dp[j]!, 0);
        for (let j = 0; j < keyLength; j++) {
          const ds = p[j]! * (dp[j]! - dot) * scale;
          for (let d = 0; d < dim; d++) {
            dq[at(args.q, b, h, i) + d]! += ds * k[at(args.k, b, g, j) + d]!;
            dk[at(args.k, b, g, j) + d]! += ds * q[at(args.q, b, h, i) + d]!;
          }
        }
      }
    }
  }
  return { out, lse, dq, dk, dv };
}

function run(bench: Bench, made: Made, kind: 'bool' | 'float' | undefined, dOut: number[]) {
  const { backend, put, out: zeros, get } = bench;
  const { args } = made;
  const [q, k, v] = [put(made.q), put(made.k), put(made.v)];
  const mask = made.mask ? put(made.mask, kind === 'bool' ? 'bool' : 'float32') : null;
  const out = zeros(args.batch * args.heads * args.queryLength * args.valueDim);
  const lse = zeros(args.batch * args.heads * args.queryLength);
  expect(backend.fused.attention!(out, lse, q, k, v, mask, args)).toBe(true);
  const [dq, dk, dv] = [zeros(made.q.length), zeros(made.k.length), zeros(made.v.length)];
  const grads = { dq, dk, dv, dqView: args.q, dkView: args.k, dvView: args.v };
  expect(backend.fused.attentionGrad!(grads, put(dOut), { q, k, v, mask, out, lse }, args)).toBe(true);
  const read = (b: DeviceBuffer): number[] => get(b);
  return { out: read(out), lse: read(lse), dq: read(dq), dk: read(dk), dv: read(dv) };
}

onBothBuilds('attention', (bench) => {
  it.each(cases)('$name', (entry) => {
    const made = make(entry);
    const { batch, heads, queryLength, valueDim } = made.args;
    const dOut = numbers(batch * heads * queryLength * valueDim, 9);
    const expected = reference(made, entry.mask, dOut);
    const actual = run(bench, made, entry.mask, dOut);
    for (const key of ['out', 'lse', 'dq', 'dk', 'dv'] as const) expectClose(actual[key], expected[key], 1e-4, 2e-5);
  });

  it('gives the same bits twice', () => {
    const made = make({ name: '', heads: 2, queries: 60, keys: 70, dim: 16, causalOffset: 3 });
    const dOut = numbers(2 * 60 * 16, 9);
    expect(run(bench, made, undefined, dOut)).toEqual(run(bench, made, undefined, dOut));
  });

  it('survives scores of 1e30', () => {
    const made = make({ name: '', queries: 4, keys: 6, dim: 8 });
    made.q = made.q.map((x) => Math.fround(x * 1e15));
    made.k = made.k.map((x) => Math.fround(x * 1e15));
    const dOut = numbers(4 * 8, 9);
    const { out, lse } = run(bench, made, undefined, dOut);
    const expected = reference(made, undefined, dOut);
    expectClose(out, expected.out, 1e-5, 1e-6);
    expectClose(lse, expected.lse, 1e-5);
  });

  it('gives queries and keys no gradient where one key takes all the weight, however large they are', () => {
    const made = make({ name: '', heads: 2, queries: 53, keys: 61, dim: 5, valueDim: 13 });
    // Key n is far along axis n mod 5, and so is query n: its largest score is so by more than float32 can tell.
    made.q = made.q.map((_, i) => (i % 5 === Math.floor(i / 5) % 5 ? 1e18 : 0));
    made.k = made.k.map((_, i) => (i % 5 === Math.floor(i / 5) % 5 ? 1e12 + 1e9 * Math.floor(i / 5) : 0));
    const { dq, dk } = run(bench, made, undefined, numbers(2 * 53 * 13, 9));
    expect(dq.every((x) => x === 0) && dk.every((x) => x === 0)).toBe(true);
  });

  it('weighs values in the gradient as in the output, for few queries and for many: weights add up to 1 however large the scores', () => {
    for (const queries of [1, 3, 4, 5, 20]) {
      const made = make({ name: '', queries, keys: 30, dim: 13, valueDim: 1 });
      made.q = made.q.map((x) => Math.fround(x * 1e4));
      const { dv } = run(
        bench,
        made,
        undefined,
        Array.from({ length: queries }, () => 1),
      );
      const given = dv.reduce((sum, x) => sum + x, 0);
      expect([queries, Math.abs(given - queries) < 1e-3 * queries]).toEqual([queries, true]);
    }
  });

  it('reads heads from a packed projection [batch, token, 3, head, dim]', () => {
    const [heads, tokens, dim] = [2, 10, 8];
    const packed = numbers(tokens * 3 * heads * dim, 5);
    const made = make({ name: '', heads, queries: tokens, keys: tokens, dim });
    const pick = (part: number): number[] => packed.filter((_, i) => Math.floor(i / (heads * dim)) % 3 === part);
    const expected = reference({ ...made, q: pick(0), k: pick(1), v: pick(2) }, undefined, numbers(tokens * heads * dim));
    const buffer = bench.put(packed);
    const at = (part: number): HeadView => ({ offset: part * heads * dim, batch: packed.length, head: dim, token: 3 * heads * dim });
    const out = bench.out(tokens * heads * dim);
    const args = { ...made.args, q: at(0), k: at(1), v: at(2) };
    bench.backend.fused.attention!(out, bench.out(heads * tokens), buffer, buffer, buffer, null, args);
    expectClose(bench.get(out), expected.out, 1e-4, 1e-5);
  });

  it('needs memory in proportion to the tokens', () => {
    const made = make({ name: '', queries: 1500, keys: 1500, dim: 4, causalOffset: 0 });
    const before = bench.backend.memory().bytes;
    const dOut = numbers(1500 * 4, 9);
    expectClose(run(bench, made, undefined, dOut).out, reference(made, undefined, dOut).out, 1e-4, 1e-5);
    expect(bench.backend.memory().bytes - before).toBeLessThan(1500 * 4 * 4 * 20);
  });

  it('refuses views beyond their buffers', () => {
    const made = make({ name: '', queries: 4, keys: 6, dim: 8 });
    const args = { ...made.args, k: { ...made.args.k, token: 9 } };
    expect(() => run(bench, { ...made, args }, undefined, numbers(32))).toThrow(/attention: k: expected at least/);
  });
});
