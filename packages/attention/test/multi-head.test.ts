import {
  attend,
  type AttentionFn,
  causalMask,
  KVCache,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
  paddingMask,
} from '@multihead/attention';
import {
  add,
  concat,
  liveTensors,
  matmul,
  noGrad,
  reshape,
  Rng,
  ShapeError,
  scope,
  slice,
  stateDict,
  sum,
  type Tensor,
  transpose,
  zeros,
} from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import { dispose, random } from './models.js';

const make = (options: MultiHeadAttentionOptions = {}, dim = 8, heads = 4) => {
  const module = new MultiHeadAttention(dim, heads, { rng: new Rng(3), ...options });
  // Biases start at 0 and would hide mistakes.
  for (const [name, t] of stateDict(module)) if (name.includes('bias') && t.rank === 1) t.backend.write(t.buffer, new Float32Array(t.size).map((_, i) => i / 10)); // biome-ignore format: one line
  return module;
};

describe('MultiHeadAttention', () => {
  it('is Concat(head₁ … head_h) W^O, head by head', async () => {
    using _ = scope();
    const module = make();
    const [query, key, value] = [random([2, 3, 8]), random([2, 5, 8], 2), random([2, 5, 8], 3)];
    const heads = [0, 1, 2, 3].map((h) => {
      const rows = (part: number) => slice(module.in_proj_weight!, 0, part * 8 + h * 2, part * 8 + h * 2 + 2);
      const bias = (part: number) => slice(module.in_proj_bias!, 0, part * 8 + h * 2, part * 8 + h * 2 + 2);
      const project = (x: Tensor, part: number) => add(matmul(x, transpose(rows(part))), bias(part));
      return attend(project(query, 0), project(key, 1), project(value, 2));
    });
    const expected = add(matmul(concat(heads, -1), transpose(module.out_proj.weight)), module.out_proj.bias!);
    expect(await module.forward(query, key, value).data()).toBeAllclose(await expected.data());
    expect(await module.forward(query).data()).toBeAllclose(await module.forward(query, query, query).data());
    dispose(module);
  });

  it('gives the same output with and without the weights, bit for bit', async () => {
    using _ = scope();
    const module = make();
    const x = random([2, 5, 8]);
    for (const ctx of [{}, { causal: true }, { mask: paddingMask([5, 2], 5) }]) {
      const { output, weights } = module.forwardWithWeights(x, x, x, ctx);
      expect(await output.data()).toEqual(await module.forward(x, x, x, ctx).data());
      expect(weights.shape).toEqual([2, 4, 5, 5]);
      expect(await sum(weights, { axis: -1 }).data()).toBeAllclose(new Float32Array(40).fill(1));
    }
    dispose(module);
  });

  it('is the same while nothing is recorded, where one product projects all three', async () => {
    using _ = scope();
    for (const options of [{}, { bias: false }, { extraKeys: { bias: true, zero: true } }]) {
      const module = make(options);
      const x = random([2, 5, 8]);
      const other = random([2, 4, 8], 2);
      for (const [key, value] of [
        [x, x],
        [other, other],
        [x, add(x, 1)],
      ] as const) {
        // biome-ignore format: a table
        const recorded = await module.forward(x, key, value, { causal: true }).data();
        expect(await noGrad(() => module.forward(x, key, value, { causal: true })).data()).toBeAllclose(recorded);
      }
      const cache = new KVCache();
      const steps = noGrad(() =>
        [slice(x, 1, 0, 3), slice(x, 1, 3, 5)].map((part) => module.forward(part, part, part, { causal: 'bottom-right', cache })),
      );
      expect(await concat(steps, 1).data()).toBeAllclose(await module.forward(x, x, x, { causal: true }).data());
      cache.dispose();
      dispose(module);
    }
  });

  it('takes one sample without a batch', async () => {
    using _ = scope();
    const module = make();
    const [q, k] = [random([3, 8]), random([5, 8], 2)];
    const y = module.forward(q, k);
    expect(y.shape).toEqual([3, 8]);
    expect(await y.data()).toEqual(await module.forward(reshape(q, [1, 3, 8]), reshape(k, [1, 5, 8])).data());
    dispose(module);
  });

  it("has PyTorch's names and layouts", () => {
    using _ = scope();
    const shapes = (module: object) => Object.fromEntries([...stateDict(module)].map(([name, t]) => [name, t.shape]));
    const packed = make();
    expect(shapes(packed)).toEqual({ in_proj_weight: [24, 8], in_proj_bias: [24], 'out_proj.weight': [8, 8], 'out_proj.bias': [8] });
    const separate = make({ dims: { key: 5, value: 6 }, extraKeys: { bias: true } });
    expect(shapes(separate)).toEqual({
      q_proj_weight: [8, 8],
      k_proj_weight: [8, 5],
      v_proj_weight: [8, 6],
      in_proj_bias: [24],
      bias_k: [1, 1, 8],
      bias_v: [1, 1, 8],
      'out_proj.weight': [8, 8],
      'out_proj.bias': [8],
    });
    const plain = make({ bias: false });
    expect(Object.keys(shapes(plain))).toEqual(['in_proj_weight', 'out_proj.weight']);
    dispose(packed, separate, plain);
  });

  it('d_k, d_v and d_o are free, as in the paper', async () => {
    using _ = scope();
    const module = make({ dims: { key: 5, value: 6, head: 3, valueHead: 7, out: 10 } });
    const [query, key, value] = [random([2, 3, 8]), random([2, 4, 5], 2), random([2, 4, 6], 3)];
    const { output, weights } = module.forwardWithWeights(query, key, value);
    expect([output.shape, weights.shape]).toEqual([[2, 3, 10], [2, 4, 3, 4]]); // biome-ignore format: a pair
    expect(stateDict(module).get('out_proj.weight')!.shape).toEqual([10, 28]);
    expect(() => make({ dims: { head: 2.5 } })).toThrow(
      /MultiHeadAttention: heads: 4 heads \(4 of keys and values\) do not divide a width of 8/,
    );
    expect(() => make({}, 10)).toThrow(ShapeError);
    dispose(module);
  });

  it('shares key and value heads among groups', async () => {
    using _ = scope();
    const module = make({ kvHeads: 2 });
    expect(module.k_proj_weight!.shape).toEqual([4, 8]);
    const x = random([1, 3, 8]);
    const { k } = module.projectKeyValue(x);
    expect(k.shape).toEqual([1, 2, 3, 2]);
    expect(module.forward(x).shape).toEqual([1, 3, 8]);
    expect(() => make({ kvHeads: 3 })).toThrow(/4 heads \(3 of keys and values\)/);
    dispose(module);
  });

  it('projectKeyValue computes once what cross-attention uses often', async () => {
    using _ = scope();
    const module = make({ extraKeys: { bias: true, zero: true } });
    const [query, memory] = [random([2, 3, 8]), random([2, 5, 8], 2)];
    const keyValue = module.projectKeyValue(memory);
    expect(await module.forward(query, memory, memory, { keyValue }).data()).toEqual(await module.forward(query, memory).data());
    dispose(module);
  });

  it('uses the attention that it is given', async () => {
    using _ = scope();
    const calls: string[] = [];
    const attention: AttentionFn = (q, k, v, options) => {
      calls.push(String(options?.causal));
      return attend(q, k, v, { ...options, capture: undefined });
    };
    const module = make({ attention });
    const x = random([1, 3, 8]);
    module.forward(x, x, x, { causal: true });
    expect(calls).toEqual(['true']);
    expect(() => module.forwardWithWeights(x)).toThrow(/the attention function in use gives no weights/);
    dispose(module);
  });

  it('drops weights only with an rng', async () => {
    using _ = scope();
    const module = make({ dropout: 0.5 });
    const x = random([1, 6, 8]);
    const plain = await module.forward(x).data();
    expect(await module.forward(x).data()).toEqual(plain);
    expect(await module.forward(x, x, x, { rng: new Rng(1) }).data()).not.toEqual(plain);
    dispose(module);
  });

  it('trains: every parameter gets a gradient, and nothing is left behind', () => {
    const module = make({ extraKeys: { bias: true } });
    for (const t of stateDict(module).values()) t.buffer; // first use
    const before = liveTensors();
    {
      using _ = scope();
      const x = random([2, 3, 8]);
      sum(module.forward(x, x, x, { causal: true })).backward();
    }
    for (const [name, t] of stateDict(module)) expect(t.grad?.shape, name).toEqual(t.shape);
    expect(liveTensors()).toBe(before + stateDict(module).size);
    dispose(module);
  });
});

describe('extra keys', () => {
  it('are visible to every query, whatever the mask', async () => {
    using _ = scope();
    const module = make({ extraKeys: { bias: true, zero: true } });
    const x = random([2, 3, 8]);
    for (const ctx of [{}, { causal: true }, { mask: paddingMask([3, 0], 3) }, { mask: zeros([3, 3]), causal: true }]) {
      const { output, weights } = module.forwardWithWeights(x, x, x, ctx);
      expect(weights.shape).toEqual([2, 4, 3, 5]);
      const extra = await slice(weights, 3, 3).data();
      expect(extra.every((w) => w > 0)).toBe(true);
      expect((await output.data()).every(Number.isFinite)).toBe(true);
    }
    dispose(module);
  });

  it('a zero key is one with score 0 and value 0', async () => {
    using _ = scope();
    const module = make({ extraKeys: { zero: true }, bias: false });
    const x = random([1, 2, 8]);
    const { output } = module.forwardWithWeights(x);
    const q = module.projectKeyValue(x);
    expect(await slice(q.k, 2, 2).data()).toEqual(new Float32Array(8));
    const without = new MultiHeadAttention(8, 4, { rng: new Rng(3), bias: false });
    expect(await output.data()).not.toBeAllclose(await without.forward(x).data());
    dispose(module, without);
  });
});

describe('KVCache', () => {
  for (const [name, options] of Object.entries<MultiHeadAttentionOptions>({
    'all heads': {},
    'grouped heads': { kvHeads: 2 },
    'extra keys': { extraKeys: { bias: true, zero: true } },
  })) {
    it(`token by token equals all at once: ${name}`, async () => {
      using _ = scope();
      const module = make(options);
      const x = random([2, 40, 8]);
      const full = module.forward(x, x, x, { causal: true });
      const cache = new KVCache();
      for (const [from, to] of [
        [0, 3],
        [3, 4],
        [4, 5],
        [5, 39],
        [39, 40],
      ] as const) {
        // biome-ignore format: pieces
        const piece = slice(x, 1, from, to);
        const y = module.forward(piece, piece, piece, { causal: 'bottom-right', cache });
        expect(await y.data()).toBeAllclose(await slice(full, 1, from, to).data());
      }
      expect(cache.length).toBe(40);
      cache.dispose();
      dispose(module);
    });
  }

  it('reorders the samples of a batch, and can drop and repeat them', async () => {
    using _ = scope();
    const cache = new KVCache();
    cache.append(random([3, 1, 2, 2]), random([3, 1, 2, 1], 2));
    const before = cache.view();
    const [k0, v2] = [await slice(before.k, 0, 0, 1).data(), await slice(before.v, 0, 2, 3).data()];
    cache.reorder(reshape(zeros([2], { dtype: 'int32' }), [2]));
    expect(await cache.view().k.data()).toEqual(Float32Array.of(...k0, ...k0));
    cache.dispose();
    cache.append(random([3, 1, 2, 2]), random([3, 1, 2, 1], 2));
    cache.reorder(add(zeros([1], { dtype: 'int32' }), 2));
    expect(await cache.view().v.data()).toEqual(v2);
    expect(cache.length).toBe(2);
    cache.dispose();
  });

  it('outlives scopes, starts empty after dispose, and leaves nothing behind', async () => {
    const before = liveTensors();
    const cache = new KVCache();
    {
      using _ = scope();
      for (let i = 0; i < 20; i++) cache.append(random([1, 2, 3, 4], i), random([1, 2, 3, 4], i + 100));
    }
    expect(liveTensors()).toBe(before + 2);
    {
      using _ = scope();
      expect(await slice(cache.view().k, 2, 57).data()).toEqual(await random([1, 2, 3, 4], 19).data());
    }
    cache.dispose();
    expect([cache.length, liveTensors()]).toEqual([0, before]);
    expect(() => cache.view()).toThrow(/nothing has been appended yet/);
  });

  it('doubles its room, so that most appends move nothing', () => {
    using _ = scope();
    const cache = new KVCache();
    const storages = new Set<unknown>();
    for (let i = 0; i < 128; i++) storages.add(cache.append(zeros([1, 1, 1, 2]), zeros([1, 1, 1, 2])).k.storage);
    expect(storages.size).toBeLessThanOrEqual(4); // 16, 34, 70, 142
    cache.dispose();
  });

  it('refuses what is of another shape', () => {
    using _ = scope();
    const cache = new KVCache();
    cache.append(zeros([2, 1, 1, 4]), zeros([2, 1, 1, 4]));
    expect(() => cache.append(zeros([1, 1, 1, 4]), zeros([1, 1, 1, 4]))).toThrow(
      /KVCache\.append: expected \[2, 1, tokens, 4\], got \[1, 1, 1, 4\]/,
    );
    expect(() => cache.append(zeros([2, 2]), zeros([2, 2]))).toThrow(/KVCache\.append: .*\[batch, heads, tokens, dim\].*k \[2, 2\]/);
    expect(() => cache.append(zeros([2, 1, 2, 4]), zeros([2, 1, 3, 4]))).toThrow(
      /agree but for dim, got k \[2, 1, 2, 4\] and v \[2, 1, 3, 4\]/,
    );
    expect(cache.length).toBe(1);
    cache.dispose();
  });
});

it('a causal mask and `causal` are one', async () => {
  using _ = scope();
  const module = make();
  const x = random([1, 4, 8]);
  expect(await module.forward(x, x, x, { mask: causalMask(4) }).data()).toEqual(await module.forward(x, x, x, { causal: true }).data());
  dispose(module);
});

it('takes another variant for one call', async () => {
  using _ = scope();
  const module = make();
  const x = random([1, 4, 8]);
  const windowed: AttentionFn = (q, k, v, options) => attend(q, k, v, { ...options, window: 0 });
  const plain = await module.forward(x, x, x).data();
  const got = await module.forward(x, x, x, { attention: windowed }).data();
  // Who sees nobody else reads their own values: the same as each token alone.
  for (const t of [0, 3]) {
    const own = slice(x, 1, t, t + 1);
    expect(got.slice(t * 8, t * 8 + 8)).toBeAllclose(await module.forward(own, own, own).data());
  }
  expect(got).not.toEqual(plain);
  expect(await module.forward(x, x, x).data()).toEqual(plain);
  dispose(module);
});
