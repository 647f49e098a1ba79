import { type AttendOptions, attend, attentionSinks, captureOf, flexAttend, qkNorm, slidingWindow } from '@multihead/attention';
import {
  concat,
  expand,
  grad,
  indexSelect,
  matmul,
  mul,
  reshape,
  rmsNorm,
  Rng,
  scope,
  slice,
  softmax,
  sum,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import { random } from './models.js';

const int32 = (...numbers: number[]) => tensor(Int32Array.from(numbers));

describe('captureOf', () => {
  const calls: Record<string, (options: AttendOptions) => Tensor> = {};
  const [q, k, v] = [() => random([2, 4, 6, 8], 1), () => random([2, 2, 7, 8], 2), () => random([2, 2, 7, 3], 3)];
  const masks: Record<string, () => Tensor | null> = {
    none: () => null,
    float: () => random([2, 4, 6, 7], 4),
    'by query': () => random([6, 1], 4),
    'by key': () => random([7], 4),
  };
  for (const [name, mask] of Object.entries(masks)) {
    calls[`attend, mask ${name}`] = (options) => attend(q(), k(), v(), { mask: mask(), ...options });
    calls[`sinks, mask ${name}`] = (options) => attentionSinks(random([4], 5))(q(), k(), v(), { mask: mask(), ...options });
    calls[`flexAttend, mask ${name}`] = (options) =>
      flexAttend(q(), k(), v(), {
        mask: mask(),
        scoreMod: (s, _b, h) => mul(s, expand(mulHead(h), s.shape)),
        maskMod: slidingWindow(4),
        ...options,
      });
  }
  /** Differs by head. */
  const mulHead = (head: Tensor) => reshape(indexSelect(tensor([0.5, 1, 2, 3]), 0, reshape(head, [-1])), head.shape);

  for (const [name, call] of Object.entries(calls)) {
    it(`hands out the chosen heads and rows, and leaves the output as it is: ${name}`, async () => {
      using _ = scope();
      for (const limits of [{}, { causal: 'bottom-right', window: 2 } as const]) {
        let [all, some] = [null as Tensor | null, null as Tensor | null];
        const plain = await call(limits).data();
        const whole = call({ ...limits, capture: (w) => { all = w; } }); // biome-ignore format: one call
        const part = call({ ...limits, capture: captureOf({ heads: [3, 0], rows: [-1, 2] }, (w) => { some = w; }) }); // biome-ignore format: one call
        expect(await whole.data()).toEqual(plain);
        expect(await part.data()).toEqual(plain);
        expect(some!.shape).toEqual([2, 2, 2, 7]);
        const want = indexSelect(indexSelect(all!, 1, int32(3, 0)), 2, int32(5, 2));
        expect(await some!.data()).toBeAllclose(await want.data());
      }
    });
  }

  it('refuses heads and rows that there are not', () => {
    using _ = scope();
    const at = (selection: object) => () => attend(q(), k(), v(), { capture: captureOf(selection, () => {}) });
    expect(at({ heads: [4] })).toThrow(/captureOf: heads: expected integers from -4 to 3, got 4/);
    expect(at({ rows: [0.5] })).toThrow(/captureOf: rows: expected integers from -6 to 5, got 0.5/);
  });
});

describe('attentionSinks', () => {
  it('is a softmax with one more score, that has no value, and learns it', async () => {
    using _ = scope();
    const [q, k, v] = [random([2, 3, 4, 8], 1), random([2, 3, 5, 8], 2), random([2, 3, 5, 2], 3)];
    const logits = random([3], 4);
    for (const x of [q, k, v, logits]) x.requiresGrad = true;
    const scores = mul(matmul(q, transpose(k)), 1 / Math.sqrt(8));
    const column = expand(reshape(logits, [1, 3, 1, 1]), [2, 3, 4, 1]);
    const want = matmul(slice(softmax(concat([scores, column], -1)), -1, 0, 5), v);
    const got = attentionSinks(logits)(q, k, v);
    expect(await got.data()).toBeAllclose(await want.data());
    const weights = random([2, 3, 4, 2], 9);
    const wanted = grad(sum(mul(want, weights)), [q, k, v, logits]);
    for (const [i, g] of grad(sum(mul(got, weights)), [q, k, v, logits]).entries()) {
      expect(await g!.data()).toBeAllclose(await wanted[i]!.data(), { rtol: 1e-4, atol: 1e-6 });
    }
  });

  it('gives zeros and finite gradients where nothing is seen, and drops weights', async () => {
    using _ = scope();
    const x = random([1, 2, 3, 4]);
    const logits = random([2], 4);
    for (const leaf of [x, logits]) leaf.requiresGrad = true;
    const nothing = zeros([3, 3], { dtype: 'bool' });
    const y = attentionSinks(logits)(x, x, x, { mask: nothing });
    expect(await y.data()).toEqual(new Float32Array(24));
    for (const g of grad(sum(y), [x, logits])) expect((await g!.data()).every((n) => n === 0)).toBe(true);
    const dropped = await attentionSinks(logits)(x, x, x, { dropout: 0.5, rng: new Rng(1) }).data();
    expect(dropped).not.toEqual(await attentionSinks(logits)(x, x, x).data());
    expect(() => attentionSinks(zeros([3]))(x, x, x)).toThrow(/attentionSinks: logits: expected one for each of 2 heads, got \[3\]/);
  });
});

it('qkNorm brings queries and keys to one length', async () => {
  using _ = scope();
  const [q, k, v] = [random([2, 3, 4, 8], 1), random([2, 3, 5, 8], 2), random([2, 3, 5, 2], 3)];
  const weight = random([8], 4);
  const want = attend(rmsNorm(q, weight, { eps: 1e-6 }), rmsNorm(k, null, { eps: 1e-6 }), v, { causal: true });
  const attention = qkNorm({ q: weight });
  expect(await attention(q, k, v, { causal: true }).data()).toEqual(await want.data());
  expect(await attention(mul(q, 1000), k, v, { causal: true }).data()).toBeAllclose(await want.data(), { rtol: 1e-4, atol: 1e-5 });
});
