import {
  attention,
  attentionWeights,
  liveTensors,
  mul,
  permute,
  Rng,
  randn,
  reshape,
  scope,
  sum,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from '@multihead/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectClose } from './expectations.js';

const { NaN: nan, NEGATIVE_INFINITY: never } = Number;

interface Case {
  batch: number;
  heads: number;
  groups: number;
  queries: number;
  keys: number;
  dim: number;
  valueDim: number;
  causalOffset: number | null;
  /** Allows or forbids key j to query i of head h of sample b. */
  allowed: (b: number, h: number, i: number, j: number) => boolean;
  bias: (b: number, h: number, i: number, j: number) => number;
}

/** Equation 1 of the paper, head by head and query by query, with the rule that a query without keys gets 0. */
function naive(c: Case, q: ArrayLike<number>, k: ArrayLike<number>, v: ArrayLike<number>): number[] {
  const out: number[] = [];
  for (let b = 0; b < c.batch; b++)
    for (let h = 0; h < c.heads; h++) {
      const g = Math.floor((h * c.groups) / c.heads);
      for (let i = 0; i < c.queries; i++) {
        const scores = Array.from({ length: c.keys }, (_, j) => {
          const visible = c.allowed(b, h, i, j) && (c.causalOffset === null || j <= i + c.causalOffset);
          if (!visible) return never;
          let dot = 0;
          for (let d = 0; d < c.dim; d++) {
            dot += q[((b * c.heads + h) * c.queries + i) * c.dim + d]! * k[((b * c.groups + g) * c.keys + j) * c.dim + d]!;
          }
          return dot / Math.sqrt(c.dim) + c.bias(b, h, i, j);
        });
        const top = Math.max(...scores);
        const e = scores.map((s) => (top === never ? 0 : Math.exp(s - top)));
        const total = e.reduce((a, x) => a + x, 0);
        for (let d = 0; d < c.valueDim; d++) {
          let sum = 0;
          e.forEach((x, j) => {
            sum += x * v[((b * c.groups + g) * c.keys + j) * c.valueDim + d]!;
          });
          out.push(total === 0 ? 0 : sum / total);
        }
      }
    }
  return out;
}

const anything = { allowed: () => true, bias: () => 0 };
const small = { batch: 2, heads: 4, groups: 2, queries: 3, keys: 5, dim: 4, valueDim: 3, causalOffset: null, ...anything };

function random(c: Case, seed = 1): { q: Tensor; k: Tensor; v: Tensor } {
  const rng = new Rng(seed);
  const make = (shape: number[]) => randn(shape, { rng, dtype: 'float64', requiresGrad: true });
  return {
    q: make([c.batch, c.heads, c.queries, c.dim]),
    k: make([c.batch, c.groups, c.keys, c.dim]),
    v: make([c.batch, c.groups, c.keys, c.valueDim]),
  };
}

async function expectNaive(c: Case, out: Tensor, { q, k, v }: { q: Tensor; k: Tensor; v: Tensor }): Promise<void> {
  expect(out.shape).toEqual([c.batch, c.heads, c.queries, c.valueDim]);
  expectClose(await out.data(), naive(c, await q.data(), await k.data(), await v.data()), 1e-10);
}

describe('attention is equation 1', () => {
  it('for any sizes, groups of heads, alignment and scale', async () => {
    const size = fc.integer({ min: 1, max: 4 });
    const cases = fc.record({
      batch: fc.integer({ min: 1, max: 2 }),
      groups: fc.integer({ min: 1, max: 3 }),
      repeats: fc.integer({ min: 1, max: 3 }),
      queries: size,
      keys: size,
      dim: size,
      valueDim: size,
      causalOffset: fc.option(fc.integer({ min: -2, max: 4 })),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ repeats, seed, ...sizes }) => {
        using _ = scope();
        const c: Case = { ...sizes, ...anything, heads: sizes.groups * repeats };
        const inputs = random(c, seed);
        const { q, k, v } = inputs;
        await expectNaive(c, attention(q, k, v, { causalOffset: c.causalOffset }), inputs);
        const scaled = attention(mul(q, 2), k, v, { causalOffset: c.causalOffset, scale: 0.5 / Math.sqrt(c.dim) });
        await expectNaive(c, scaled, inputs);
      }),
    );
  });

  it('with a bool mask, whichever axes it has', async () => {
    using _ = scope();
    const inputs = random(small);
    const { q, k, v } = inputs;
    const byKey = [true, false, true, true, false];
    const mask = tensor(byKey);
    await expectNaive({ ...small, allowed: (_b, _h, _i, j) => byKey[j]! }, attention(q, k, v, { mask }), inputs);
    const bySample = tensor([[[[true, true, true, true, true]]], [[byKey]]]);
    const perSample = { ...small, allowed: (b: number, _h: number, _i: number, j: number) => b === 0 || byKey[j]! };
    await expectNaive(perSample, attention(q, k, v, { mask: bySample }), inputs);
    const byQuery = tensor([[true], [false], [true]]); // query 1 sees nothing
    await expectNaive({ ...small, allowed: (_b, _h, i) => i !== 1 }, attention(q, k, v, { mask: byQuery }), inputs);
    const byHead = reshape(tensor([true, false, true, true]), [4, 1, 1]);
    const both = { ...small, causalOffset: 1, allowed: (_b: number, h: number) => h !== 1 };
    await expectNaive(both, attention(q, k, v, { mask: byHead, causalOffset: 1 }), inputs);
  });

  it('with a float mask, which is added', async () => {
    using _ = scope();
    const inputs = random(small);
    const { q, k, v } = inputs;
    const bias = randn([4, 3, 5], { rng: new Rng(2), dtype: 'float64' });
    const numbers = await bias.data();
    const biased = { ...small, bias: (_b: number, h: number, i: number, j: number) => numbers[(h * 3 + i) * 5 + j]! };
    await expectNaive(biased, attention(q, k, v, { mask: bias }), inputs);
    const closed = tensor([0, never, 0, 0, never], { dtype: 'float64' });
    await expectNaive({ ...small, allowed: (_b, _h, _i, j) => j % 3 !== 1 }, attention(q, k, v, { mask: closed }), inputs);
  });

  it('of views that lie in any order', async () => {
    using _ = scope();
    const inputs = random(small);
    const order = [1, 3, 0, 2];
    const back = order.map((_, i) => order.indexOf(i));
    const scattered = (x: Tensor) =>
      permute(
        reshape(
          reshape(permute(x, order), [-1]),
          order.map((axis) => x.shape[axis]!),
        ),
        back,
      );
    await expectNaive(small, attention(scattered(inputs.q), scattered(inputs.k), scattered(inputs.v)), inputs);
  });

  it('gradients are the differences of the outputs, masks and groups included', async () => {
    using _ = scope();
    const c: Case = { ...small, causalOffset: 1 };
    const inputs = random(c);
    const mask = reshape(tensor([true, false, true, true]), [4, 1, 1]);
    const weights = randn([2, 4, 3, 3], { rng: new Rng(7), dtype: 'float64' });
    const loss = (q: Tensor, k: Tensor, v: Tensor) => sum(mul(attention(q, k, v, { causalOffset: 1, mask }), weights));
    loss(inputs.q, inputs.k, inputs.v).backward();
    const names = ['q', 'k', 'v'] as const;
    for (const name of names) {
      const start = await inputs[name].data();
      const expected: number[] = [];
      for (const i of start.keys()) {
        const at = async (by: number) => {
          const data = Float64Array.from(start);
          data[i]! += by;
          const shifted = { ...inputs, [name]: tensor(data, { shape: inputs[name].shape }) };
          return loss(shifted.q, shifted.k, shifted.v).item();
        };
        expected.push(((await at(1e-6)) - (await at(-1e-6))) / 2e-6);
      }
      expectClose(await inputs[name].grad!.data(), expected, 1e-7);
    }
  });
});

describe('a query that sees no key', () => {
  const masks: Record<string, () => Tensor> = {
    'bool mask': () => tensor([[true, true], [false, false]]), // biome-ignore format: a matrix
    'float mask of -∞': () => tensor([[0, 0], [never, never]]), // biome-ignore format: a matrix
  };
  for (const [name, mask] of Object.entries(masks)) {
    it(`gets 0 with gradient 0, and poisons nobody (${name})`, async () => {
      using _ = scope();
      const leaf = (seed: number) => randn([1, 1, 2, 2], { rng: new Rng(seed), requiresGrad: true });
      const [q, k, v] = [leaf(1), leaf(2), leaf(3)];
      const out = attention(q, k, v, { mask: mask() });
      const rows = (await out.toArray()) as number[][][][];
      expect(rows[0]![0]![1]).toEqual([0, 0]);
      expect(rows[0]![0]![0]!.every(Number.isFinite)).toBe(true);
      sum(out).backward();
      const dq = await q.grad!.data();
      expect([dq[2], dq[3]].map(Math.abs)).toEqual([0, 0]);
      for (const t of [q, k, v]) expect((await t.grad!.data()).every(Number.isFinite)).toBe(true);
      expectClose(await attentionWeights(q, k, { mask: mask() }).data().then((w) => w.slice(2)), [0, 0]); // biome-ignore format: one call
    });
  }

  it('arises from causal offsets, too, and from there being no keys at all', async () => {
    using _ = scope();
    const [q, k] = [zeros([1, 1, 3, 2]), zeros([1, 1, 2, 2])];
    const v = tensor([1, 2, 3, 4], { shape: [1, 1, 2, 2] });
    const out = attention(q, k, v, { causalOffset: -1 });
    expect(await out.toArray()).toEqual([[[[0, 0], [1, 2], [2, 3]]]]); // biome-ignore format: a matrix
    const none = attention(q, zeros([1, 1, 0, 2]), zeros([1, 1, 0, 4]));
    expect(none.shape).toEqual([1, 1, 3, 4]);
    expectClose(await none.data(), new Array(12).fill(0));
  });
});

describe('numbers that hurt', () => {
  it('NaN in a value that nobody may look at still reaches the output: 0 · NaN is NaN', async () => {
    using _ = scope();
    const [q, k] = [zeros([1, 1, 1, 1]), zeros([1, 1, 2, 1])];
    const v = tensor([1, nan], { shape: [1, 1, 2, 1] });
    expect(await attention(q, k, v, { mask: tensor([true, false]) }).toArray()).toEqual([[[[nan]]]]);
  });

  it('scores of 10³⁶ give the greatest one all the weight', async () => {
    using _ = scope();
    const q = tensor([1e18], { shape: [1, 1, 1, 1] });
    const k = tensor([1e18, -1e18], { shape: [1, 1, 2, 1] });
    expect(await attentionWeights(q, k, { scale: 1 }).toArray()).toEqual([[[[1, 0]]]]);
  });

  it('a mask of the least float is no -∞: the row becomes uniform', async () => {
    using _ = scope();
    const [q, k] = [zeros([1, 1, 1, 1]), zeros([1, 1, 4, 1])];
    expect(await attentionWeights(q, k, { mask: tensor([-3.4e38, -3.4e38, -3.4e38, -3.4e38]) }).toArray()).toEqual([
      [[[0.25, 0.25, 0.25, 0.25]]],
    ]);
  });
});

describe('weights and dropout', () => {
  it('weights times values are the output', async () => {
    using _ = scope();
    const { q, k, v } = random({ ...small, groups: 4 });
    const weights = attentionWeights(q, k, { causalOffset: 2 });
    expect(weights.shape).toEqual([2, 4, 3, 5]);
    expectClose(await sum(weights, { axis: -1 }).data(), new Array(24).fill(1));
    const expected = sum(mul(reshape(weights, [2, 4, 3, 5, 1]), reshape(v, [2, 4, 1, 5, 3])), { axis: 3 });
    expectClose(await attention(q, k, v, { causalOffset: 2 }).data(), Array.from(await expected.data()), 1e-12);
  });

  it('dropout acts only with an rng, keeps the expectation and is the same for the same seed', async () => {
    using _ = scope();
    const [q, k] = [zeros([1, 1, 400, 1]), zeros([1, 1, 10, 1])];
    const v = transpose(tensor([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]));
    const drop = (rng?: Rng) => attention(q, k, reshape(v, [1, 1, 10, 1]), { dropout: 0.5, rng }).data();
    const plain = await drop();
    expectClose(plain, new Array(400).fill(5.5));
    const [dropped, again] = [await drop(new Rng(4)), await drop(new Rng(4))];
    expect(dropped).toEqual(again);
    expect(dropped).not.toEqual(plain);
    const average = Array.from(dropped).reduce((a, b) => a + b, 0) / 400;
    expect(Math.abs(average - 5.5)).toBeLessThan(0.4); // four standard errors
  });

  it('leaves nothing behind after its scope', () => {
    const before = liveTensors();
    {
      using _ = scope();
      const { q, k, v } = random(small);
      sum(attention(q, k, v, { causalOffset: 0 })).backward();
    }
    expect(liveTensors()).toBe(before);
  });
});
