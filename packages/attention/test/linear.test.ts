import {
  attend,
  deltaRule,
  type Gates,
  gatedDeltaRule,
  gatedLinearAttention,
  linearAttention,
  parallelRetention,
  type Recurrent,
  recurrentDeltaRule,
  recurrentGatedDeltaRule,
  recurrentGatedLinearAttention,
  recurrentRetention,
  retention,
  retentionDecays,
} from '@multihead/attention';
import {
  add,
  cpu,
  div,
  elu,
  grad,
  matmul,
  mul,
  neg,
  normalize,
  Rng,
  randn,
  scope,
  sigmoid,
  slice,
  softplus,
  sum,
  type Tensor,
  transpose,
  tril,
  withBackend,
  zeros,
} from '@multihead/tensor';
import { gradcheck } from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import { random } from './models.js';

type Form = (q: Tensor, k: Tensor, v: Tensor, gates: Gates) => Recurrent;

/** Two forms of one thing, and the gates that it has. */
const pairs: Record<string, { chunked: Form; recurrent: Form; gates: (shape: readonly number[]) => Gates }> = {
  'linear, without gates': { chunked: gatedLinearAttention, recurrent: recurrentGatedLinearAttention, gates: () => ({}) },
  'gated linear, by head': {
    chunked: gatedLinearAttention,
    recurrent: recurrentGatedLinearAttention,
    gates: ([b, g, t]) => ({ decay: neg(softplus(random([b!, g!, t!, 1], 7))) }),
  },
  'gated linear, by element': {
    chunked: gatedLinearAttention,
    recurrent: recurrentGatedLinearAttention,
    gates: (shape) => ({ decay: neg(softplus(random(shape, 7))) }),
  },
  retention: { chunked: retention, recurrent: recurrentRetention, gates: () => ({}) },
  'delta rule': {
    chunked: deltaRule,
    recurrent: recurrentDeltaRule,
    gates: ([b, g, t]) => ({ beta: sigmoid(random([b!, g!, t!, 1], 8)) }),
  },
  'delta rule, written in full': { chunked: deltaRule, recurrent: recurrentDeltaRule, gates: () => ({}) },
  'gated delta rule, by head': {
    chunked: gatedDeltaRule,
    recurrent: recurrentGatedDeltaRule,
    gates: ([b, g, t]) => ({ beta: sigmoid(random([b!, g!, t!, 1], 8)), decay: neg(softplus(random([b!, g!, t!, 1], 7))) }),
  },
  'gated delta rule, by element': {
    chunked: gatedDeltaRule,
    recurrent: recurrentGatedDeltaRule,
    gates: (shape) => ({ beta: sigmoid(random([...shape.slice(0, 3), 1], 8)), decay: neg(softplus(random(shape, 7))) }),
  },
};

for (const [name, { chunked, recurrent, gates }] of Object.entries(pairs)) {
  describe(name, () => {
    const inputs = () => [random([2, 4, 11, 6], 1), normalize(random([2, 2, 11, 6], 2)), random([2, 2, 11, 3], 3)] as const;

    it('is the same token by token and by chunks of any size, forwards and backwards', async () => {
      using _ = scope();
      const [q, k, v] = inputs();
      const state = random([2, 2, 6, 3], 5);
      const own = gates(k.shape);
      const leaves = [q, k, v, state, ...Object.values(own).filter((x): x is Tensor => typeof x === 'object')];
      for (const leaf of leaves) leaf.requiresGrad = true;
      const weights = [random([2, 4, 11, 3], 9), random([2, 2, 6, 3], 10)] as const;
      const loss = ({ out, state: last }: Recurrent) => add(sum(mul(out, weights[0])), sum(mul(last, weights[1])));
      const want = recurrent(q, k, v, { ...own, state });
      const wanted = grad(loss(want), leaves);
      for (const chunk of [1, 2, 4, 11, 64, undefined]) {
        const got = chunked(q, k, v, { ...own, state, chunk });
        expect(await got.out.data()).toBeAllclose(await want.out.data(), { rtol: 1e-4, atol: 1e-5 });
        expect(await got.state.data()).toBeAllclose(await want.state.data(), { rtol: 1e-4, atol: 1e-5 });
        const grads = grad(loss(got), leaves);
        for (const [i, g] of grads.entries()) expect(await g!.data()).toBeAllclose(await wanted[i]!.data(), { rtol: 1e-3, atol: 1e-4 });
      }
    });

    it('goes on from its state', async () => {
      using _ = scope();
      const [q, k, v] = inputs();
      const own = gates(k.shape);
      const whole = chunked(q, k, v, own);
      let state: Tensor | undefined;
      for (const [from, to] of [
        [0, 5],
        [5, 6],
        [6, 11],
      ] as const) {
        const part = (x: Tensor) => slice(x, 2, from, to);
        const gatesOf = Object.fromEntries(Object.entries(own).map(([key, x]) => [key, part(x as Tensor)]));
        const y = (to - from === 1 ? recurrent : chunked)(part(q), part(k), part(v), { ...gatesOf, state });
        expect(await y.out.data()).toBeAllclose(await part(whole.out).data(), { rtol: 1e-4, atol: 1e-5 });
        state = y.state;
      }
    });

    it('has the gradients of its differences', () => {
      withBackend(cpu(), () => {
        using _ = scope();
        const make = (shape: number[], seed: number) => randn(shape, { rng: new Rng(seed), dtype: 'float64' });
        const beta = Object.hasOwn(gates([1, 1, 3, 2]), 'beta');
        const decay = gates([1, 1, 3, 2]).decay;
        gradcheck(
          (q, k, v, b, d) =>
            chunked(q!, k!, v!, { ...(beta ? { beta: sigmoid(b!) } : {}), ...(decay ? { decay: neg(softplus(d!)) } : {}), chunk: 2 }).out,
          [
            make([1, 2, 3, 2], 1),
            make([1, 1, 3, 2], 2),
            make([1, 1, 3, 2], 3),
            make([1, 1, 3, 1], 4),
            make([1, 1, 3, decay?.shape[3] ?? 1], 5),
          ],
        );
      });
    });
  });
}

it('the recurrence is what its formula says', async () => {
  using _ = scope();
  const [q, k, v] = [random([1, 1, 2, 2], 1), random([1, 1, 2, 2], 2), random([1, 1, 2, 1], 3)];
  const [decay, beta] = [neg(softplus(random([1, 1, 2, 2], 7))), sigmoid(random([1, 1, 2, 1], 8))];
  const { out } = recurrentGatedDeltaRule(q, k, v, { decay, beta, scale: 0.5 });
  const [Q, K, V, D, B] = await Promise.all([q, k, v, decay, beta].map(async (x) => [...(await x.data())]));
  let state = [0, 0];
  const want = [0, 1].map((t) => {
    const kept = state.map((s, d) => s * Math.exp(D![2 * t + d]!));
    const said = kept[0]! * K![2 * t]! + kept[1]! * K![2 * t + 1]!;
    state = kept.map((s, d) => s + K![2 * t + d]! * B![t]! * (V![t]! - said));
    return 0.5 * (state[0]! * Q![2 * t]! + state[1]! * Q![2 * t + 1]!);
  });
  expect(await out.data()).toBeAllclose(want);
});

it('decays that leave nothing stay finite', async () => {
  using _ = scope();
  const [q, k, v] = [random([1, 1, 40, 4], 1), random([1, 1, 40, 4], 2), random([1, 1, 40, 2], 3)];
  for (const width of [1, 4]) {
    const decay = mul(softplus(random([1, 1, 40, width], 4)), -300);
    decay.requiresGrad = true;
    const { out } = gatedLinearAttention(q, k, v, { decay });
    expect(await out.data()).toBeAllclose(await recurrentGatedLinearAttention(q, k, v, { decay }).out.data(), { rtol: 1e-4, atol: 1e-5 });
    const [g] = grad(sum(out), [decay]);
    expect((await g!.data()).every(Number.isFinite)).toBe(true);
  }
});

it('retention has three equal forms', async () => {
  using _ = scope();
  const [q, k, v] = [random([2, 4, 9, 6], 1), random([2, 2, 9, 6], 2), random([2, 2, 9, 3], 3)];
  const want = await parallelRetention(q, k, v).data();
  expect(await retention(q, k, v, { chunk: 4 }).out.data()).toBeAllclose(want, { rtol: 1e-4, atol: 1e-5 });
  expect(await recurrentRetention(q, k, v).out.data()).toBeAllclose(want, { rtol: 1e-4, atol: 1e-5 });
  expect(() => retention(q, k, v, { decays: [0.5] })).toThrow(/retention: decays: expected 2, one for each head of keys, got 1/);
  expect([...retentionDecays(2)]).toEqual([0.96875, 0.984375]);
});

describe('linearAttention', () => {
  const phi = (x: Tensor) => add(elu(x), 1);

  it('divides products of features by their sum, causal or not', async () => {
    using _ = scope();
    const [q, k, v] = [random([2, 3, 7, 4], 1), random([2, 3, 7, 4], 2), random([2, 3, 7, 2], 3)];
    const products = matmul(phi(q), transpose(phi(k)));
    const want = (w: Tensor) => matmul(div(w, sum(w, { axis: -1, keepDims: true })), v);
    expect(await linearAttention()(q, k, v).data()).toBeAllclose(await want(products).data(), { rtol: 1e-4, atol: 1e-5 });
    expect(await linearAttention()(q, k, v, { causal: true }).data()).toBeAllclose(await want(tril(products)).data(), {
      rtol: 1e-4,
      atol: 1e-5,
    });
  });

  it('refuses what it cannot do', () => {
    using _ = scope();
    const x = random([1, 1, 4, 2]);
    const call = (options: object) => () => linearAttention()(x, x, x, options);
    expect(call({ window: 2 })).toThrow(/linearAttention: window: it cannot be had with this kind of attention/);
    expect(call({ mask: zeros([4, 4], { dtype: 'bool' }) })).toThrow(/linearAttention: mask: expected bool by key alone/);
    expect(() => linearAttention()(slice(x, 2, 1), x, x, { causal: true })).toThrow(
      /causal: expected as many queries as keys, got 3 and 4/,
    );
    expect(() => attend(x, x, x)).not.toThrow();
    expect(() => deltaRule(x, x, x, { beta: zeros([1, 1, 3, 1]) })).toThrow(/deltaRule: beta: expected \[1, 1, 4, 1\], got \[1, 1, 3, 1\]/);
    expect(() => deltaRule(x, slice(x, 2, 1), x)).toThrow(/deltaRule: expected q \[B, H, T, D\].*got \[1, 1, 4, 2\], \[1, 1, 3, 2\]/);
  });
});
