import {
  arange,
  bernoulli,
  cpu,
  DTypeError,
  eye,
  full,
  ones,
  onesLike,
  rand,
  randn,
  Rng,
  scope,
  ShapeError,
  tensor,
  ValueError,
  zeros,
  zerosLike,
} from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { messageOf } from './expectations.js';

describe('tensor', () => {
  it('takes nested arrays, numbers and flat data with a shape', async () => {
    using _ = scope();
    const nested = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(nested.shape).toEqual([2, 3]);
    expect(await nested.toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(tensor(7).shape).toEqual([]);
    expect(await tensor(7).toArray()).toBe(7);
    expect(await tensor([1, 2, 3, 4], { shape: [2, 2] }).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
    expect(await tensor([Float32Array.of(1, 2), Float32Array.of(3, 4)]).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('infers the dtype from the data, and takes another when told', () => {
    using _ = scope();
    const inferred = [[1, 2], [true, false], Int32Array.of(1), Float64Array.of(1), Float32Array.of(1), Uint8Array.of(1), 3, true, []];
    const dtypes = ['float32', 'bool', 'int32', 'float64', 'float32', 'bool', 'float32', 'bool', 'float32'];
    expect(inferred.map((data) => tensor(data).dtype)).toEqual(dtypes);
    expect(tensor([1, 2], { dtype: 'int32' }).dtype).toBe('int32');
  });

  it('copies its data: later changes of the array do not reach it', async () => {
    using _ = scope();
    const data = Float32Array.of(1, 2);
    const x = tensor(data);
    data[0] = 9;
    expect(await x.toArray()).toEqual([1, 2]);
    (await x.data())[0] = 9;
    expect(await x.toArray()).toEqual([1, 2]);
  });

  it('takes bytes for booleans only if they are zeros and ones', async () => {
    using _ = scope();
    expect(await tensor(Uint8Array.of(0, 1)).toArray()).toEqual([false, true]);
    expect(messageOf(DTypeError, () => tensor(Uint8Array.of(0, 5)))).toBe(
      "tensor: data: element 1 is 5: a Uint8Array without a dtype is bool and holds 0 and 1 only; give dtype: 'int32' or 'float32'",
    );
    expect(await tensor(Uint8Array.of(0, 5), { dtype: 'int32' }).toArray()).toEqual([0, 5]);
    expect(await tensor(Uint8Array.of(0, 5), { dtype: 'float32' }).toArray()).toEqual([0, 5]);
    expect(await tensor(Uint8Array.of(0, 5), { dtype: 'bool' }).data()).toEqual(Uint8Array.of(0, 1));
    expect(await full([1], 5, { dtype: 'bool' }).data()).toEqual(Uint8Array.of(1));
  });

  it('takes other typed arrays of integers for int32, and refuses what does not fit', async () => {
    using _ = scope();
    for (const data of [Int8Array.of(-3), Int16Array.of(-3), BigInt64Array.of(-3n)]) {
      expect([tensor(data).dtype, await tensor(data).toArray()]).toEqual(['int32', [-3]]);
    }
    for (const data of [Uint16Array.of(65535), Uint32Array.of(65535), BigUint64Array.of(65535n)]) {
      expect(await tensor(data).toArray()).toEqual([65535]);
    }
    expect(await tensor(Uint8ClampedArray.of(255)).toArray()).toEqual([255]);
    const wide = [Uint32Array.of(7, 2 ** 31), BigInt64Array.of(7n, 2n ** 40n), Float64Array.of(7, 2 ** 31), Float32Array.of(7, Number.NaN)];
    for (const data of wide) {
      expect(messageOf(ValueError, () => tensor(data, { dtype: 'int32' }))).toMatch(/^tensor: data: element 1 is .* -2\^31 to 2\^31 - 1/);
    }
    expect(await tensor(BigInt64Array.of(2n ** 40n), { dtype: 'float32' }).toArray()).toEqual([2 ** 40]);
    expect(await tensor([1.9, -1.9], { dtype: 'int32' }).toArray()).toEqual([1, -1]);
  });

  it('takes booleans among numbers for numbers', async () => {
    using _ = scope();
    expect(await tensor([true, 5]).toArray()).toEqual([1, 5]);
  });

  it('stores any number but 0 as true', async () => {
    using _ = scope();
    expect(await tensor([0, 2, -1], { dtype: 'bool' }).toArray()).toEqual([false, true, true]);
  });

  it('rejects ragged nesting, saying where', () => {
    expect(messageOf(ShapeError, () => tensor([[1, 2], [3]]))).toMatch(/ragged: an array of 1 where 2 were expected at depth 1/);
    expect(messageOf(ShapeError, () => tensor([[1], 2]))).toMatch(/tensor: data/);
    expect(messageOf(ShapeError, () => tensor([1, [2]]))).toMatch(/tensor: data/);
    expect(messageOf(ShapeError, () => tensor('12' as unknown as number[]))).toMatch(/got string/);
  });

  it('rejects a shape that does not hold the data, or is none', () => {
    expect(messageOf(ShapeError, () => tensor([1, 2, 3], { shape: [2, 2] }))).toMatch(/\[2, 2\] holds 4 elements, the data has 3/);
    expect(messageOf(ShapeError, () => zeros([2, -1]))).toMatch(/full: shape: expected non-negative integers, got \[2, -1\]/);
    expect(messageOf(ShapeError, () => zeros([1.5]))).toMatch(/1\.5/);
  });
});

describe('constructors', () => {
  it('fill, count and mark the diagonal', async () => {
    using _ = scope();
    expect(await full([2], 3).toArray()).toEqual([3, 3]);
    expect(await zeros([1, 2]).toArray()).toEqual([[0, 0]]);
    expect(await ones([2], { dtype: 'bool' }).toArray()).toEqual([true, true]);
    expect(await eye(2).toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(await arange(4).toArray()).toEqual([0, 1, 2, 3]);
    expect(await arange(5, 0, -2).toArray()).toEqual([5, 3, 1]);
    expect(await arange(0, 1, 0.25).toArray()).toEqual([0, 0.25, 0.5, 0.75]);
    expect([arange(3).dtype, arange(0, 1, 0.5).dtype, eye(2).dtype]).toEqual(['int32', 'float32', 'float32']);
    expect(messageOf(ValueError, () => arange(0, 4, -1))).toMatch(/from 0 to 4 in steps of -1/);
    expect(messageOf(ValueError, () => arange(0, 4, 0))).toMatch(/arange/);
  });

  it('like another: same shape, dtype and backend', async () => {
    const backend = cpu();
    using _ = scope();
    const x = tensor([[1, 2]], { dtype: 'int32', backend });
    for (const y of [zerosLike(x), onesLike(x)]) {
      expect([y.shape, y.dtype]).toEqual([[1, 2], 'int32']);
      expect(y.backend).toBe(backend);
    }
    expect(await onesLike(x).toArray()).toEqual([[1, 1]]);
  });

  it('draw the same numbers from the same seed, and others later in the stream', async () => {
    using _ = scope();
    const draws = (rng: Rng) => [rand([5], { rng }), rand([5], { rng }), randn([5], { rng }), bernoulli([5], 0.5, { rng })];
    const [first, again] = [draws(new Rng(3)), draws(new Rng(3))];
    for (const [i, x] of first.entries()) expect(await x.data()).toEqual(await again[i]!.data());
    expect(await first[0]!.data()).not.toEqual(await first[1]!.data());
    expect(first[3]!.dtype).toBe('bool');
  });
});

it('only floats can require a gradient', () => {
  expect(messageOf(DTypeError, () => tensor(Int32Array.of(1), { requiresGrad: true }))).toMatch(/tensor: requiresGrad: .*got int32/);
  expect(messageOf(DTypeError, () => ones([1], { dtype: 'bool', requiresGrad: true }))).toMatch(/full: requiresGrad: .*got bool/);
});

describe('reading', () => {
  it('item is for one element only', async () => {
    using _ = scope();
    expect(await tensor([[5]]).item()).toBe(5);
    await expect(tensor([1, 2]).item()).rejects.toThrow(/item: expected a tensor of one element, got shape \[2\]/);
  });
});
