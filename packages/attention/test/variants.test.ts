import {
  absorbedLatentAttention,
  additiveAttention,
  attend,
  axialAttention,
  bigBird,
  blockSparse,
  createMask,
  differentialAttention,
  differentialInit,
  fixedSparse,
  flexAttend,
  latentAttention,
  linformer,
  longformer,
  type MaskMod,
  nystromAttention,
  performer,
  perceiverLatents,
  reformer,
  shawAttention,
  shiftedWindows,
  sigmoidAttention,
  stridedSparse,
  talkingHeads,
  topKAttention,
  xPosTables,
} from '@multihead/attention';
import {
  abs,
  add,
  amax,
  broadcastTo,
  cast,
  concat,
  expand,
  eye,
  grad,
  matmul,
  mul,
  repeatInterleave,
  reshape,
  Rng,
  rmsNorm,
  rope,
  scope,
  sigmoid,
  slice,
  softmax,
  sub,
  sum,
  type Tensor,
  tensor,
  tanh,
  transpose,
  unsqueeze,
  zeros,
} from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import { random } from './models.js';

const inputs = (tokens = 6, dim = 8) => ({
  q: random([2, 3, tokens, dim], 1),
  k: random([2, 3, tokens, dim], 2),
  v: random([2, 3, tokens, 4], 3),
});
const scoresOf = (q: Tensor, k: Tensor) => mul(matmul(q, transpose(k)), 1 / Math.sqrt(q.shape.at(-1)!));
const close = { rtol: 1e-4, atol: 1e-5 };

async function drawn(mod: MaskMod, tokens: number): Promise<string[]> {
  using _ = scope();
  const rows = (await cast(broadcastTo(createMask(mod, { queries: tokens }), [tokens, tokens]), 'int32').toArray()) as number[][];
  return rows.map((row) => row.map((seen) => (seen ? 'x' : '.')).join(''));
}

describe('formulas', () => {
  it('Shaw: a vector for each distance, of keys and of values', async () => {
    using _ = scope();
    const { q, k, v } = inputs();
    const [keys, values] = [random([5, 8], 4), random([5, 4], 5)];
    const place = (i: number, j: number) => Math.min(2, Math.max(-2, j - i)) + 2;
    const at = (table: Tensor) => unsqueeze(unsqueeze(concat([0, 1, 2, 3, 4, 5].map((i) => unsqueeze(concat([0, 1, 2, 3, 4, 5].map((j) => slice(table, 0, place(i, j), place(i, j) + 1))), 0))), 0), 0); // biome-ignore format: [1, 1, Q, K, D]
    const products = sum(mul(unsqueeze(q, 3), add(unsqueeze(k, 2), at(keys))), { axis: -1 });
    const weights = softmax(mul(products, 1 / Math.sqrt(8)));
    const want = sum(mul(unsqueeze(weights, -1), add(unsqueeze(v, 2), at(values))), { axis: 3 });
    expect(await shawAttention({ keys, values })(q, k, v).data()).toBeAllclose(await want.data(), close);
    expect(() => shawAttention({ keys: zeros([4, 8]) })(q, k, v)).toThrow(
      /shawAttention: expected tables \[2n \+ 1, 8\].*got \[4, 8\] and none/,
    );
  });

  it('additive: the same in tiles, and their gradients', async () => {
    using _ = scope();
    const [q, k, v] = [random([1, 2, 40, 8], 1), random([1, 2, 300, 6], 2), random([1, 2, 300, 2], 3)];
    const weights = { query: random([8, 128], 4), key: random([6, 128], 5), score: random([128], 6) };
    const sums = tanh(add(unsqueeze(matmul(q, weights.query), 3), unsqueeze(matmul(k, weights.key), 2)));
    for (const w of [q, ...Object.values(weights)]) w.requiresGrad = true;
    const got = additiveAttention(weights)(q, k, v);
    expect(await got.data()).toBeAllclose(
      await matmul(softmax(reshape(matmul(sums, reshape(weights.score, [128, 1])), [1, 2, 40, 300])), v).data(),
      close,
    );
    const leaves = [q, ...Object.values(weights)];
    const whole = tanh(add(unsqueeze(matmul(q, weights.query), 3), unsqueeze(matmul(k, weights.key), 2)));
    const want = matmul(softmax(reshape(matmul(whole, reshape(weights.score, [128, 1])), [1, 2, 40, 300])), v);
    const factor = random([1, 2, 40, 2], 9);
    const wanted = grad(sum(mul(want, factor)), leaves);
    for (const [i, g] of grad(sum(mul(got, factor)), leaves).entries())
      expect(await g!.data()).toBeAllclose(await wanted[i]!.data(), { rtol: 1e-3, atol: 1e-4 });
  });

  it('talking heads: heads are mixed before and behind the softmax', async () => {
    using _ = scope();
    const { q, k, v } = inputs();
    const same = talkingHeads({ scores: eye(3), weights: eye(3) });
    expect(await same(q, k, v, { causal: true }).data()).toBeAllclose(await attend(q, k, v, { causal: true }).data(), close);
    const [a, b] = [random([3, 3], 4), random([3, 3], 5)];
    const mix = (x: Tensor, w: Tensor) => concat([0, 1, 2].map((h) => sum(mul(x, reshape(slice(w, 0, h, h + 1), [1, 3, 1, 1])), { axis: 1, keepDims: true })), 1); // biome-ignore format: one call
    const want = matmul(mix(softmax(mix(scoresOf(q, k), a)), b), v);
    expect(await talkingHeads({ scores: a, weights: b })(q, k, v).data()).toBeAllclose(await want.data(), close);
  });

  it('differential: one map less λ times another, normed', async () => {
    using _ = scope();
    const { q, k, v } = inputs();
    const [q1, k1, q2, k2] = [1, 2, 3, 4].map((seed) => mul(random([4], seed), 0.3)) as [Tensor, Tensor, Tensor, Tensor];
    const norm = random([4], 5);
    const lambda = Math.exp(await sum(mul(q1, k1)).item()) - Math.exp(await sum(mul(q2, k2)).item()) + 0.2;
    const half = (from: number) => softmax(scoresOf(slice(q, -1, from, from + 4), slice(k, -1, from, from + 4)));
    const maps = sub(half(0), mul(half(4), lambda));
    const want = mul(rmsNorm(matmul(maps, v), norm, { eps: 1e-5 }), 0.8);
    let found: Tensor | undefined;
    const got = differentialAttention({ q1, k1, q2, k2, init: 0.2, norm })(q, k, v, { capture: (w) => { found = w; } }); // biome-ignore format: one call
    expect(await got.data()).toBeAllclose(await want.data(), close);
    expect(await found!.data()).toBeAllclose(await maps.data(), close);
    expect([differentialInit(0), differentialInit(100)]).toEqual([0.20000000000000007, expect.closeTo(0.8)]);
  });

  it('sigmoid: each weight for itself', async () => {
    using _ = scope();
    const { q, k, v } = inputs();
    const want = matmul(sigmoid(add(scoresOf(q, k), -Math.log(6))), v);
    expect(await sigmoidAttention()(q, k, v).data()).toBeAllclose(await want.data(), close);
  });

  it('latent: both forms are one, with positions and without, causal and cached', async () => {
    using _ = scope();
    const [content, qRope] = [random([2, 3, 5, 4], 1), random([2, 3, 5, 2], 2)];
    const [latents, kRope] = [random([2, 7, 6], 3), random([2, 7, 2], 4)];
    const weights = { key: random([3, 6, 4], 5), value: random([3, 6, 8], 6) };
    const leaves = [content, qRope, latents, kRope, weights.key, weights.value];
    for (const leaf of leaves) leaf.requiresGrad = true;
    for (const rotary of [true, false]) {
      for (const options of [{}, { causal: 'bottom-right' } as const]) {
        const [q, k] = [
          { content, rope: rotary ? qRope : null },
          { latents, rope: rotary ? kRope : null },
        ];
        const [a, b] = [latentAttention(q, k, weights, options), absorbedLatentAttention(q, k, weights, options)];
        expect(a.shape).toEqual([2, 3, 5, 8]);
        expect(await b.data()).toBeAllclose(await a.data(), close);
        const used = rotary ? leaves : leaves.filter((x) => x !== qRope && x !== kRope);
        const factor = random([2, 3, 5, 8], 9);
        const wanted = grad(sum(mul(a, factor)), used);
        for (const [i, g] of grad(sum(mul(b, factor)), used).entries())
          expect(await g!.data()).toBeAllclose(await wanted[i]!.data(), { rtol: 1e-3, atol: 1e-4 });
      }
    }
    expect(() => latentAttention({ content }, { latents, rope: kRope }, weights)).toThrow(
      /latentAttention: expected content .* rope of both or neither/,
    );
  });

  it("Perceiver's latents read many inputs", async () => {
    using _ = scope();
    const { k, v } = inputs();
    const latents = random([3, 2, 8], 7);
    const y = perceiverLatents(latents)(k, v);
    expect(await y.data()).toBeAllclose(await attend(expand(unsqueeze(latents, 0), [2, 3, 2, 8]), k, v).data());
  });

  it('xPos: scores fall with distance, and depend on nothing else', async () => {
    using _ = scope();
    const x = tensor([[[[1, 0, 1, 0]]]]);
    const at = (which: 'query' | 'key', place: number) => {
      const { cos, sin } = xPosTables([place], 4, { scaleBase: 8 })[which];
      return rope(x, cos, sin);
    };
    const score = async (i: number, j: number) => matmul(at('query', i), transpose(at('key', j))).item();
    expect(await score(12, 9)).toBeCloseTo(await score(3, 0), 5);
    expect(await score(3, 3)).toBeCloseTo(2, 5); // the first pair is (1, 1), the second (0, 0)
    expect(await score(16, 0)).toBeCloseTo(2 * Math.cos(16) * (0.4 / 1.4) ** 2, 5);
  });
});

describe('rules', () => {
  it('say who sees whom', async () => {
    expect(await drawn(blockSparse([[true, false], [true, true]], 2), 5)).toEqual(['xx...', 'xx...', 'xxxx.', 'xxxx.', '.....']); // biome-ignore format: a row
    expect(await drawn(stridedSparse(3), 7)).toEqual(['x......', 'xx.....', 'xxx....', 'xxxx...', '.xxxx..', '..xxxx.', 'x..xxxx']);
    expect(await drawn(fixedSparse(3), 7)).toEqual(['x......', 'xx.....', 'xxx....', '..xx...', '..xxx..', '..xxxx.', '..x..xx']);
    expect(await drawn(longformer(1, [3]), 5)).toEqual(['xx.x.', 'xxxx.', '.xxx.', 'xxxxx', '...xx']);
    const sparse = await drawn(bigBird({ tokens: 12, blockSize: 2, global: 1, window: 1, random: 1, rng: new Rng(2) }), 12);
    expect(sparse.slice(0, 2)).toEqual(['x'.repeat(12), 'x'.repeat(12)]);
    expect(sparse[7]!.split('x')).toHaveLength(2 + 6 + 2 + 1); // global, window, drawn
  });

  it('differ by head', async () => {
    using _ = scope();
    const mod = blockSparse([[[true, false], [false, true]], [[true, true], [true, true]]], 3); // biome-ignore format: tables
    const x = random([1, 2, 6, 4]);
    const mask = createMask(mod, { heads: 2, queries: 6 });
    expect(mask.shape).toEqual([1, 2, 6, 6]);
    expect(await flexAttend(x, x, x, { maskMod: mod, blockSize: 2 }).data()).toBeAllclose(await attend(x, x, x, { mask }).data());
    expect(await flexAttend(x, x, x, { maskMod: mod, scoreMod: (s) => mul(s, 1), blockSize: 2 }).data()).toBeAllclose(
      await attend(x, x, x, { mask }).data(),
    );
    expect(() => blockSparse([[true], [true, false]], 2)).toThrow(/blockSparse: layout: expected tables/);
  });

  it("Swin's windows, shifted and not", async () => {
    const grid = async (shift: number) => {
      const rows = await drawn(shiftedWindows({ width: 4, size: 2, shift }), 16);
      return rows[5]!; // the cell in row 1, column 1
    };
    expect(await grid(0)).toBe('xx..xx..........');
    expect(await grid(1)).toBe('.....xx..xx.....');
    using _ = scope();
    const x = random([1, 1, 16, 4]);
    for (const shift of [0, 1]) {
      const maskMod = shiftedWindows({ width: 4, size: 2, shift });
      const want = await attend(x, x, x, { mask: createMask(maskMod, { queries: 16 }) }).data();
      expect(await flexAttend(x, x, x, { maskMod, blockSize: 3 }).data()).toBeAllclose(want);
    }
  });

  it('lines of a grid are samples of a batch', async () => {
    using _ = scope();
    const [q, k, v] = [random([2, 3, 12, 4], 1), random([2, 3, 12, 4], 2), random([2, 3, 12, 2], 3)];
    const mask = (same: (a: number, b: number) => boolean) => tensor(Uint8Array.from({ length: 144 }, (_, i) => Number(same(Math.floor(i / 12), i % 12))), { shape: [12, 12], dtype: 'bool' }); // biome-ignore format: one call
    const rows = mask((a, b) => Math.floor(a / 4) === Math.floor(b / 4));
    const columns = mask((a, b) => a % 4 === b % 4);
    expect(await axialAttention(3, 4, 'rows')(q, k, v).data()).toBeAllclose(await attend(q, k, v, { mask: rows }).data());
    expect(await axialAttention(3, 4, 'columns')(q, k, v).data()).toBeAllclose(await attend(q, k, v, { mask: columns }).data());
    expect(() => axialAttention(3, 3, 'rows')(q, k, v)).toThrow(/axialAttention: q: expected \[B, H, 3 · 3, dim\], got \[2, 3, 12, 4\]/);
  });
});

describe('approximations come to attend as their rank grows', () => {
  /** Neighbours are much alike, as approximations suppose: noisy copies of eight tokens. */
  const alike = () => {
    const few = repeatInterleave(mul(random([1, 2, 8, 16], 1), 0.5), 4, 2);
    const copies = (seed: number) => add(few, mul(random([1, 2, 32, 16], seed), 0.1));
    return { q: copies(2), k: copies(3), v: copies(4) };
  };
  const cases = {
    topKAttention: { ranks: [2, 8, 32], make: (rank: number) => topKAttention(rank), exact: true },
    nystromAttention: { ranks: [4, 8, 32], make: (rank: number) => nystromAttention({ landmarks: rank, iterations: 20 }), exact: true },
    performer: { ranks: [16, 256, 4096], make: (rank: number) => performer({ dim: 16, features: rank, rng: new Rng(3) }), exact: false },
    'reformer, by chunk': {
      ranks: [2, 8, 32],
      make: (rank: number) => reformer({ buckets: 8, chunk: rank, rng: new Rng(3) }),
      exact: true,
    },
    'reformer, by rounds': {
      ranks: [1, 8],
      make: (rank: number) => reformer({ buckets: 8, chunk: 3, rounds: rank, rng: new Rng(3) }),
      exact: false,
    },
    linformer: { ranks: [2, 8, 32], make: (rank: number) => linformer({ keys: slice(eye(32), 1, 0, rank) }), exact: true },
  };
  for (const [name, { ranks, make, exact }] of Object.entries(cases)) {
    it(name, async () => {
      using _ = scope();
      const { q, k, v } = alike();
      const want = attend(q, k, v);
      const errors = await Promise.all(ranks.map(async (rank) => amax(abs(sub(make(rank)(q, k, v), want))).item()));
      for (let i = 1; i < errors.length; i++) expect(errors[i], `errors ${errors}`).toBeLessThan(errors[i - 1]!);
      if (exact) expect(errors.at(-1), `errors ${errors}`).toBeLessThan(1e-3); // a pseudo-inverse is found by steps
    });
  }
});
