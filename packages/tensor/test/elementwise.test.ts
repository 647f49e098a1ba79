import {
  add,
  amax,
  amin,
  clamp,
  DTypeError,
  div,
  eq,
  expand,
  exp,
  isnan,
  logicalAnd,
  logicalNot,
  log,
  lt,
  maskedFill,
  maximum,
  mul,
  pow,
  prod,
  reshape,
  Rng,
  randn,
  scope,
  ShapeError,
  softplus,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  where,
  zeros,
} from '@multihead/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectClose, messageOf, numbers } from './expectations.js';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Element [i, j …] of the broadcast result, read the slow way: from the last axis on, an axis of length 1 counts as any. */
function naive(shape: number[], a: Nested, b: Nested, f: (x: number, y: number) => number): number[] {
  const out: number[] = [];
  const size = shape.reduce((n, m) => n * m, 1);
  for (let flat = 0; flat < size; flat++) {
    let rest = flat;
    const index = [...shape].reverse().map((n) => {
      const i = rest % n;
      rest = Math.floor(rest / n);
      return i;
    });
    const at = ({ data, shape: own }: Nested) => {
      let place = 0;
      let step = 1;
      own.toReversed().forEach((n, axis) => {
        place += (n === 1 ? 0 : index[axis]!) * step;
        step *= n;
      });
      return data[place]!;
    };
    out.push(f(at(a), at(b)));
  }
  return out;
}

interface Nested {
  shape: number[];
  data: number[];
}

describe('broadcasting', () => {
  it('agrees with the definition for any two shapes that fit, and so do the gradients', async () => {
    // A result shape, and for each operand which axes it has, and which of these have length 1.
    const operand = fc.record({ drop: fc.nat(3), ones: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }) });
    const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(shapes, operand, operand, fc.nat(1000), async (full, left, right, seed) => {
        using _ = scope();
        const rng = new Rng(seed);
        const make = ({ drop, ones }: { drop: number; ones: boolean[] }) => {
          const shape = full.map((n, i) => (ones[i] ? 1 : n)).slice(Math.min(drop, full.length));
          return randn(shape, { rng, requiresGrad: true });
        };
        const [a, b] = [make(left), make(right)];
        const y = sub(mul(a, b), a);
        const [x1, x2] = (await numbers(a, b)) as [number[], number[]];
        const nested: [Nested, Nested] = [
          { shape: [...a.shape], data: x1 },
          { shape: [...b.shape], data: x2 },
        ];
        expectClose(
          await y.data(),
          naive([...y.shape], ...nested, (p, q) => p * q - p),
        );
        // d sum(y) / da = Σ (b - 1) over what a was repeated to; by the size of the repetition where b is the smaller one.
        sum(y).backward();
        const repeats = y.size / a.size;
        const expected = new Array(a.size).fill(0);
        const indexOfA = naive([...y.shape], { shape: [...a.shape], data: x1.map((_, i) => i) }, nested[1], (i) => i);
        const bs = naive([...y.shape], ...nested, (_, q) => q);
        indexOfA.forEach((i, flat) => {
          expected[i] += bs[flat]! - 1;
        });
        expect(a.grad!.shape).toEqual(a.shape);
        expectClose(await a.grad!.data(), expected, 1e-5 * repeats);
      }),
    );
  });

  it('reads transposed and repeated views as what they show', async () => {
    using _ = scope();
    const x = tensor([[1, 2, 3]]);
    expect(await add(transpose(x), x).toArray()).toEqual([[2, 3, 4], [3, 4, 5], [4, 5, 6]]); // biome-ignore format: a matrix
    expect(await mul(expand(x, [2, 3]), tensor([[1], [10]])).toArray()).toEqual([[1, 2, 3], [10, 20, 30]]); // biome-ignore format: a matrix
  });

  it('refuses shapes that do not fit, naming the op, both shapes and the axis', () => {
    using _ = scope();
    const [a, b] = [zeros([2, 3]), zeros([4, 3])];
    expect(messageOf(ShapeError, () => add(a, b))).toBe('add: shapes [2, 3] and [4, 3] do not broadcast: axis -2 is 2 against 4');
    expect(messageOf(ShapeError, () => where(lt(a, 1), a, b))).toMatch(/^where: shapes \[2, 3\] and \[4, 3\]/);
  });
});

describe('dtypes', () => {
  it('a number takes the dtype of the tensor beside it', async () => {
    using _ = scope();
    const ids = tensor(Int32Array.of(1, 2));
    expect(add(ids, 1).dtype).toBe('int32');
    expect(await sub(10, ids).toArray()).toEqual([9, 8]);
    expect(await div(tensor(Int32Array.of(7, -7)), 2).toArray()).toEqual([3, -3]);
    expect(await eq(tensor([true, false]), 1).toArray()).toEqual([true, false]);
    expect(mul(tensor([1], { dtype: 'float64' }), 0.1).dtype).toBe('float64');
  });

  it('int32 takes no fractions and no infinities: they would be cut off silently', () => {
    using _ = scope();
    const ids = tensor(Int32Array.of(1, 2));
    expect(messageOf(DTypeError, () => mul(ids, 0.5))).toMatch(/mul: b: 0\.5 .*int32/);
    expect(messageOf(DTypeError, () => lt(ids, inf))).toMatch(/lt: b: Infinity .*int32/);
    expect(messageOf(DTypeError, () => maskedFill(ids, tensor([true, false]), nan))).toMatch(/where: a: NaN .*int32/);
  });

  it('two dtypes are never mixed silently', () => {
    using _ = scope();
    const [floats, ids, flags] = [tensor([1]), tensor(Int32Array.of(1)), tensor([true])];
    expect(messageOf(DTypeError, () => add(floats, ids))).toBe(
      "add: a is float32 and b is int32: expected one dtype; use cast(x, 'float32')",
    );
    expect(messageOf(DTypeError, () => add(flags, flags))).toMatch(/add: a and b: expected numbers, got bool/);
    expect(messageOf(DTypeError, () => logicalAnd(floats, floats))).toMatch(/logicalAnd: a and b: expected bool, got float32/);
    expect(messageOf(DTypeError, () => exp(ids))).toMatch(/exp: x: expected a float type, got int32/);
    expect(messageOf(DTypeError, () => logicalNot(floats))).toMatch(/logicalNot: x: expected bool/);
    expect(messageOf(DTypeError, () => where(floats, floats, floats))).toMatch(/where: condition: expected bool, got float32/);
  });

  it('clamp holds integers, too', async () => {
    using _ = scope();
    const ids = tensor(Int32Array.of(-3, 0, 9));
    expect(await clamp(ids, 0, 5).toArray()).toEqual([0, 0, 5]);
    expect(await clamp(ids, -1).toArray()).toEqual([-1, 0, 9]);
  });
});

describe('NaN, infinities and ties are as in PyTorch', () => {
  it('NaN wins in maximum, amax and amin; isnan finds it', async () => {
    using _ = scope();
    const x = tensor([nan, 1, -1]);
    expect(await maximum(x, 0).toArray()).toEqual([nan, 1, 0]);
    expect([await amax(x).item(), await amin(x).item()]).toEqual([nan, nan]);
    expect(await isnan(x).toArray()).toEqual([true, false, false]);
    expect(await clamp(x, 0, 0.5).toArray()).toEqual([nan, 0.5, 0]);
  });

  it('ties share the gradient in amax, amin and maximum', async () => {
    using _ = scope();
    const x = tensor([2, 1, 2], { requiresGrad: true });
    amax(x).backward();
    expect(await x.grad!.toArray()).toEqual([0.5, 0, 0.5]);
    const [a, b] = [tensor([1, 2], { requiresGrad: true }), tensor([1, 3], { requiresGrad: true })];
    sum(maximum(a, b)).backward();
    expect(await numbers(a.grad, b.grad)).toEqual([
      [0.5, 0],
      [0.5, 1],
    ]);
  });

  it('clamp with min above max gives max, and gradients pass inside the bounds only', async () => {
    using _ = scope();
    const x = tensor([-2, 0.5, 2], { requiresGrad: true });
    expect(await clamp(x, 3, 1).toArray()).toEqual([1, 1, 1]);
    sum(clamp(x, -1, 1)).backward();
    expect(await x.grad!.toArray()).toEqual([0, 1, 0]);
  });

  it('where gives NaN gradients from the branch not taken, unless its input is made safe first', async () => {
    using _ = scope();
    const x = tensor([0, 4], { requiresGrad: true });
    const positive = lt(0, x);
    sum(where(positive, log(mul(x, 0)), 0)).backward();
    expect(await x.grad!.toArray()).toEqual([nan, nan]);
    x.grad!.dispose();
    x.grad = null;
    const safe = where(positive, x, 1);
    sum(where(positive, log(safe), 0)).backward();
    expect(await x.grad!.toArray()).toEqual([0, 0.25]);
  });

  it('pow at zero, and products with zeros, have finite gradients', async () => {
    using _ = scope();
    const x = tensor([0, 2], { requiresGrad: true });
    sum(pow(x, 2)).backward();
    expect(await x.grad!.toArray()).toEqual([0, 4]);
    const y = tensor([[0, 3, 2], [0, 0, 5], [1, 2, 3]], { requiresGrad: true }); // biome-ignore format: a matrix
    sum(prod(y, { axis: 1 })).backward();
    expect(await y.grad!.toArray()).toEqual([[6, 0, 0], [0, 0, 0], [6, 3, 2]]); // biome-ignore format: a matrix
  });

  it('softplus neither overflows nor loses small values', async () => {
    using _ = scope();
    expectClose(await softplus(tensor([1000, -1000, 0, -30])).data(), [1000, 0, Math.LN2, Math.log1p(Math.exp(-30))], 1e-7);
  });
});

it('sums of a million ones and of many small terms keep their digits', async () => {
  using _ = scope();
  expect(await sum(expand(tensor([1]), [1_000_000])).item()).toBe(1_000_000);
  const many: Tensor = reshape(expand(tensor([0.1]), [1 << 20]), [1 << 10, 1 << 10]);
  expectClose([await sum(many).item()], [2 ** 20 * Math.fround(0.1)], 1e-7);
});
