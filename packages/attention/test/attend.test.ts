import { type AttendOptions, attend, causalMask, type AttentionFn } from '@multihead/attention';
import {
  BackendError,
  broadcastTo,
  concat,
  cpu,
  DTypeError,
  grad,
  matmul,
  mul,
  ones,
  reshape,
  Rng,
  ShapeError,
  scope,
  slice,
  softmax,
  sum,
  tanh,
  type Tensor,
  tensor,
  transpose,
  ValueError,
  zeros,
} from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';
import { random } from './models.js';

/** softmax(q kᵀ / √D) v in plain operations. */
function equation1(q: Tensor, k: Tensor, v: Tensor): Tensor {
  return matmul(softmax(mul(matmul(q, transpose(k)), 1 / Math.sqrt(q.shape.at(-1)!))), v);
}

const inputs = (...lead: number[]) => ({ q: random([...lead, 3, 4], 1), k: random([...lead, 5, 4], 2), v: random([...lead, 5, 2], 3) });

describe('attend', () => {
  for (const lead of [[], [2], [2, 3], [2, 2, 3]]) {
    it(`is equation 1 for ${lead.length + 2} axes`, async () => {
      using _ = scope();
      const { q, k, v } = inputs(...lead);
      const y = attend(q, k, v);
      expect(y.shape).toEqual([...lead, 3, 2]);
      expect(await y.data()).toBeAllclose(await equation1(q, k, v).data());
    });
  }

  it('shares keys and values among groups of heads', async () => {
    using _ = scope();
    const q = random([2, 4, 3, 4]);
    const [k, v] = [random([2, 2, 5, 4], 2), random([2, 2, 5, 2], 3)];
    const repeated = (x: Tensor) => reshape(concat([reshape(x, [2, 2, 1, 5, -1]), reshape(x, [2, 2, 1, 5, -1])], 2), [2, 4, 5, -1]);
    expect(await attend(q, k, v).toArray()).toBeAllclose(await attend(q, repeated(k), repeated(v)).toArray() as number[]); // biome-ignore format: one call
    // Without a batch, the heads come first.
    const alone = attend(
      slice(reshape(q, [8, 3, 4]), 0, 0, 4),
      slice(reshape(k, [4, 5, 4]), 0, 0, 2),
      slice(reshape(v, [4, 5, 2]), 0, 0, 2),
    );
    expect(await alone.data()).toBeAllclose((await attend(q, k, v).data()).slice(0, alone.size));
  });

  it('scales by 1/√dim, or as told', async () => {
    using _ = scope();
    const { q, k, v } = inputs();
    expect(await attend(q, k, v, { scale: 0.5 }).data()).toBeAllclose(await attend(q, k, v).data());
    expect(await attend(q, k, v, { scale: 0 }).data()).not.toBeAllclose(await attend(q, k, v).data());
  });
});

describe('causal', () => {
  const where = (offset: number) => (i: number, j: number) => j <= i + offset;

  it("true and 'top-left' count from the first tokens, 'bottom-right' from the last", async () => {
    using _ = scope();
    const [q, k] = [zeros([3, 4]), zeros([5, 4])];
    const v = transpose(tensor([[1, 10, 100, 1000, 10_000]]));
    const means = (visible: (i: number, j: number) => boolean) =>
      [0, 1, 2].map((i) => {
        const seen = [0, 1, 2, 3, 4].filter((j) => visible(i, j));
        return [seen.reduce((total, j) => total + 10 ** j, 0) / seen.length];
      });
    expect(await attend(q, k, v, { causal: true }).toArray()).toBeAllclose(means(where(0)));
    expect(await attend(q, k, v, { causal: 'top-left' }).toArray()).toBeAllclose(means(where(0)));
    expect(await attend(q, k, v, { causal: 'bottom-right' }).toArray()).toBeAllclose(means(where(2)));
    expect(await attend(q, k, v, { causal: false }).toArray()).toBeAllclose(means(() => true));
  });

  it('with more queries than keys, bottom-right leaves the first ones nothing: 0', async () => {
    using _ = scope();
    const y = attend(zeros([3, 1]), zeros([2, 1]), tensor([[2], [4]]), { causal: 'bottom-right' });
    expect(await y.toArray()).toEqual([[0], [2], [3]]);
  });

  it('is the same as the mask that says so, and goes together with others', async () => {
    using _ = scope();
    const { q, k, v } = inputs(2, 3);
    expect(await attend(q, k, v, { causal: true }).data()).toEqual(await attend(q, k, v, { mask: causalMask(3, 5) }).data());
    const padding = tensor([true, false, true, true, true]);
    const both = attend(q, k, v, { causal: 'bottom-right', mask: padding });
    const expected = attend(q, k, v, { mask: tensor([[true, false, true, false, false], [true, false, true, true, false], [true, false, true, true, true]]) }); // biome-ignore format: one call
    expect(await both.data()).toEqual(await expected.data());
  });

  it('outputs do not depend on what comes later, nor do gradients reach it', async () => {
    using _ = scope();
    const { q, v } = { q: random([4, 2], 1), v: random([4, 3], 3) };
    const changed = concat([slice(v, 0, 0, 3), mul(slice(v, 0, 3), 100)]);
    const first = async (values: Tensor) => slice(attend(q, q, values, { causal: true }), 0, 0, 3).data();
    expect(await first(v)).toEqual(await first(changed));
    const k = random([4, 2], 5);
    k.requiresGrad = true;
    sum(slice(attend(q, k, v, { causal: true }), 0, 0, 2)).backward();
    expect((await k.grad!.data()).slice(4)).toEqual(new Float32Array(4));
  });
});

describe('window', () => {
  const seen = async (queries: number, keys: number, options: AttendOptions) => {
    using _ = scope();
    let weights: Tensor | undefined;
    attend(zeros([queries, 2]), zeros([keys, 2]), zeros([keys, 2]), { ...options, capture: (w) => { weights = w; } }); // biome-ignore format: one call
    const rows = (await weights!.toArray()) as number[][][][];
    return rows[0]![0]!.map((row) => row.map((w) => (w > 0 ? 'x' : '.')).join(''));
  };

  it('looks back and ahead, a number for both', async () => {
    expect(await seen(4, 4, { window: 1 })).toEqual(['xx..', 'xxx.', '.xxx', '..xx']);
    expect(await seen(4, 4, { window: [0, 2] })).toEqual(['xxx.', '.xxx', '..xx', '...x']);
    expect(await seen(3, 4, { window: [1, Infinity] })).toEqual(['xxxx', 'xxxx', '.xxx']);
    expect(await seen(3, 4, { window: Infinity })).toEqual(['xxxx', 'xxxx', 'xxxx']);
  });

  it('sees nothing ahead with causal, and moves with its alignment', async () => {
    expect(await seen(4, 4, { causal: true, window: 1 })).toEqual(['x...', 'xx..', '.xx.', '..xx']);
    expect(await seen(2, 5, { causal: 'bottom-right', window: [2, 9] })).toEqual(['.xxx.', '..xxx']);
  });
});

it('axes of length 1 are repeated, and their gradients added up', async () => {
  using _ = scope();
  const [q, k, v] = [random([2, 1, 1, 3, 4], 1), random([1, 3, 2, 5, 4], 2), random([2, 3, 1, 5, 2], 3)];
  const [wideQ, wideK, wideV] = [q, k, v].map((x) => broadcastTo(x, [2, 3, 2, ...x.shape.slice(-2)])) as [Tensor, Tensor, Tensor];
  const y = attend(q, k, v, { causal: true });
  expect(y.shape).toEqual([2, 3, 2, 3, 2]);
  expect(await y.data()).toBeAllclose(await attend(wideQ, wideK, wideV, { causal: true }).data());
  for (const x of [q, k, v]) x.requiresGrad = true;
  const loss = sum(attend(q, k, v));
  const grads = grad(loss, [q, k, v]);
  expect(grads.map((g) => g!.shape)).toEqual([q.shape, k.shape, v.shape]);
});

it('no keys give zeros, no queries nothing', async () => {
  using _ = scope();
  expect(await attend(ones([2, 3]), zeros([0, 3]), zeros([0, 4])).data()).toEqual(new Float32Array(8));
  expect(attend(zeros([2, 2, 0, 3]), zeros([2, 1, 5, 3]), zeros([2, 1, 5, 4]), { causal: true, window: 2 }).shape).toEqual([2, 2, 0, 4]);
});

it('softcap bounds the scores', async () => {
  using _ = scope();
  const [q, k, v] = [mul(random([3, 4], 1), 30), random([5, 4], 2), random([5, 2], 3)];
  const scores = mul(tanh(mul(matmul(q, transpose(k)), 0.5 / 7)), 7);
  expect(await attend(q, k, v, { softcap: 7 }).data()).toBeAllclose(await matmul(softmax(scores), v).data());
});

describe('masks', () => {
  it('of any rank that broadcasts, five axes included', async () => {
    using _ = scope();
    const { q, k, v } = inputs(2, 2, 3);
    const perSample = random([2, 2, 1, 3, 5], 7);
    const y = attend(q, k, v, { mask: perSample });
    const [a, b] = [0, 1].map((i) => {
      const part = (x: Tensor) => reshape(slice(x, 0, i, i + 1), x.shape.slice(1));
      return attend(part(q), part(k), part(v), { mask: part(perSample) });
    });
    expect(await y.data()).toBeAllclose(await concat([a!, b!]).data());
    const perGroup = random([2, 1, 1, 1, 5], 8);
    expect(attend(q, k, v, { mask: perGroup }).shape).toEqual(y.shape);
  });
});

describe('capture', () => {
  it('hands out the weights and changes nothing', async () => {
    using _ = scope();
    const { q, k, v } = inputs(2, 3);
    let weights: Tensor | undefined;
    const y = attend(q, k, v, { causal: true, capture: (found) => { weights = found; } }); // biome-ignore format: one call
    expect(weights!.shape).toEqual([2, 3, 3, 5]);
    expect(await matmul(weights!, v).data()).toBeAllclose(await y.data());
    expect(await y.data()).toEqual(await attend(q, k, v, { causal: true }).data());
  });
});

describe('errors say what was expected and what came', () => {
  const q = () => zeros([1, 2, 3, 4]);
  const cases: [string, new (...args: never[]) => Error, () => unknown, RegExp][] = [
    [
      'ranks',
      ShapeError,
      () => attend(q(), zeros([2, 3, 4]), q()),
      /^attend: expected q, k and v of one rank.*\[1, 2, 3, 4\], \[2, 3, 4\], \[1/,
    ],
    ['too few axes', ShapeError, () => attend(zeros([3]), zeros([3]), zeros([3])), /at least \[tokens, dim\].*, got \[3\], \[3\], \[3\]/],
    ['dims', ShapeError, () => attend(q(), zeros([1, 2, 3, 5]), q()), /q and k must have one dim .*q \[1, 2, 3, 4\], k \[1, 2, 3, 5\]/],
    ['keys and values', ShapeError, () => attend(q(), q(), zeros([1, 2, 4, 4])), /k and v must agree .*v \[1, 2, 4, 4\]/],
    ['batches', ShapeError, () => attend(zeros([3, 2, 3, 4]), zeros([2, 2, 3, 4]), q()), /one batch, got \[3, 2, 3, 4\], \[2, 2, 3, 4\]/],
    ['heads of keys and values', ShapeError, () => attend(q(), q(), zeros([1, 4, 3, 4])), /k and v must agree .*v \[1, 4, 3, 4\]/],
    ['window', ValueError, () => attend(q(), q(), q(), { window: [2, -1] }), /window: expected \[back, ahead\] of 0 or more, got 2,-1/],
    ['softcap', ValueError, () => attend(q(), q(), q(), { softcap: -1 }), /softcap: expected a positive number.*got -1/],
    [
      'leading axes',
      ShapeError,
      () => attend(zeros([2, 3, 1, 2, 2]), zeros([3, 2, 1, 2, 2]), zeros([3, 2, 1, 2, 2])),
      /\[2, 3, 1, 2, 2\].*\[3, 2, 1, 2, 2\]/,
    ],
    [
      'groups',
      ShapeError,
      () => attend(zeros([4, 3, 4]), zeros([3, 3, 4]), zeros([3, 3, 4])),
      /heads of q \(4\) must be a multiple of those of k and v \(3\)/,
    ],
    [
      'mask',
      ShapeError,
      () => attend(q(), q(), q(), { mask: ones([4, 3], { dtype: 'bool' }) }),
      /mask: expected a shape that broadcasts .*got \[4, 3\]/,
    ],
    ['mask of five axes', ShapeError, () => attend(q(), q(), q(), { mask: ones([2, 1, 1, 3, 3]) }), /mask.*\[2, 1, 1, 3, 3\]/],
    [
      'mask type',
      DTypeError,
      () => attend(q(), q(), q(), { mask: zeros([3], { dtype: 'int32' }) }),
      /mask: expected bool or float32, got int32/,
    ],
    [
      'dtypes',
      DTypeError,
      () => attend(q(), q(), zeros([1, 2, 3, 4], { dtype: 'float64' })),
      /one float type, got q float32, k float32, v float64/,
    ],
    ['backends', BackendError, () => attend(q(), zeros([1, 2, 3, 4], { backend: cpu() }), q()), /q is on cpu and k on cpu/],
    [
      'causal',
      ValueError,
      () => attend(q(), q(), q(), { causal: 'left' as 'top-left' }),
      /causal: expected true, false, 'top-left' or 'bottom-right', got left/,
    ],
  ];
  for (const [name, kind, call, message] of cases) {
    it(name, () => {
      using _ = scope();
      expect(call).toThrow(kind);
      expect(call).toThrow(message);
    });
  }
});

it('dropout needs an rng, and the same seed gives the same', async () => {
  using _ = scope();
  const { q, k, v } = inputs(2, 3);
  const plain = await attend(q, k, v).data();
  expect(await attend(q, k, v, { dropout: 0.5 }).data()).toEqual(plain);
  const dropped = await attend(q, k, v, { dropout: 0.5, rng: new Rng(1) }).data();
  expect(dropped).not.toEqual(plain);
  expect(await attend(q, k, v, { dropout: 0.5, rng: new Rng(1) }).data()).toEqual(dropped);
});

it('a variant is a function of the same type', async () => {
  using _ = scope();
  const sharper: AttentionFn = (q, k, v, options) => attend(mul(q, 2), k, v, options);
  const { q, k, v } = inputs(1, 2);
  expect(await sharper(q, k, v, { causal: true }).data()).toBeAllclose(await attend(q, k, v, { causal: true, scale: 1 }).data());
});
