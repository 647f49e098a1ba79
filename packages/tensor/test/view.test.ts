import {
  arange,
  assign,
  broadcastTo,
  chunk,
  concat,
  contiguous,
  diagonal,
  expand,
  flatten,
  flip,
  movedim,
  narrow,
  permute,
  reshape,
  scope,
  select,
  ShapeError,
  slice,
  slidingWindowView,
  split,
  squeeze,
  stack,
  type Tensor,
  tensor,
  transpose,
  unbind,
  unflatten,
  unsqueeze,
  ValueError,
} from '@multihead/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageOf } from './expectations.js';

/** 0, 1, 2 … in `shape`. */
function counted(shape: number[]): Tensor {
  return reshape(arange(shape.reduce((n, m) => n * m, 1)), shape);
}

it('a part of a buffer is not dense, even the first one', () => {
  using _ = scope();
  const x = counted([6]);
  expect([x, reshape(x, [2, 3]), slice(x, 0, 0, 6)].map(({ dense }) => dense)).toEqual([true, true, true]);
  expect([slice(x, 0, 0, 2), slice(x, 0, 0, 0), flip(x)].map(({ dense }) => dense)).toEqual([false, false, false]);
});

describe('views share storage', () => {
  const views: [string, (x: Tensor) => Tensor, unknown][] = [
    ['reshape', (x) => reshape(x, [3, -1]), [[0, 1], [2, 3], [4, 5]]], // biome-ignore format: a matrix
    ['flatten', (x) => flatten(x), [0, 1, 2, 3, 4, 5]],
    ['permute', (x) => permute(x, [1, 0]), [[0, 3], [1, 4], [2, 5]]], // biome-ignore format: a matrix
    ['transpose', (x) => transpose(x), [[0, 3], [1, 4], [2, 5]]], // biome-ignore format: a matrix
    ['slice', (x) => slice(x, 1, 1), [[1, 2], [4, 5]]], // biome-ignore format: a matrix
    ['slice from the end', (x) => slice(x, -1, -2, -1), [[1], [4]]],
    ['slice backwards', (x) => slice(x, 1, undefined, undefined, -2), [[2, 0], [5, 3]]], // biome-ignore format: a matrix
    ['narrow', (x) => narrow(x, 1, -2, 2), [[1, 2], [4, 5]]], // biome-ignore format: a matrix
    ['flip', (x) => flip(x), [[5, 4, 3], [2, 1, 0]]], // biome-ignore format: a matrix
    ['flip and reshape', (x) => reshape(flip(x), [3, 2]), [[5, 4], [3, 2], [1, 0]]], // biome-ignore format: a matrix
    ['movedim', (x) => movedim(x, 0, 1), [[0, 3], [1, 4], [2, 5]]], // biome-ignore format: a matrix
    [
      'unflatten',
      (x) => unflatten(x, 1, [3, 1]),
      [
        [[0], [1], [2]],
        [[3], [4], [5]],
      ],
    ],
    ['unbind', (x) => unbind(x, 1)[1]!, [1, 4]],
    ['diagonal', (x) => diagonal(x, { offset: 1 }), [1, 5]],
    ['slidingWindowView', (x) => slidingWindowView(x, 1, 2), [[[0, 1], [1, 2]], [[3, 4], [4, 5]]]], // biome-ignore format: a matrix
    ['select', (x) => select(x, 1, -1), [2, 5]],
    ['split', (x) => split(x, [1, 2], 1)[1]!, [[1, 2], [4, 5]]], // biome-ignore format: a matrix
    ['chunk', (x) => chunk(x, 2, 1)[1]!, [[2], [5]]],
    ['unsqueeze', (x) => unsqueeze(x, 1), [[[0, 1, 2]], [[3, 4, 5]]]],
    ['squeeze', (x) => squeeze(slice(x, 0, 1)), [3, 4, 5]],
    ['expand', (x) => expand(unsqueeze(select(x, 0, 0), 0), [2, -1]), [[0, 1, 2], [0, 1, 2]]], // biome-ignore format: a matrix
    ['broadcastTo', (x) => broadcastTo(slice(x, 1, 0, 1), [2, 2]), [[0, 0], [3, 3]]], // biome-ignore format: a matrix
    ['a view of a view', (x) => slice(transpose(slice(x, 1, 1)), 0, 1), [[2, 5]]],
  ];
  for (const [name, view, expected] of views) {
    it(name, async () => {
      using _ = scope();
      const x = counted([2, 3]);
      const y = view(x);
      expect(y.storage).toBe(x.storage);
      expect(await y.toArray()).toEqual(expected);
      expect(Array.from(await y.data())).toEqual((expected as unknown[]).flat(3));
      expect(await contiguous(y).toArray()).toEqual(expected);
    });
  }

  it('what is written into one is seen in the other', async () => {
    using _ = scope();
    const x = counted([2, 3]);
    assign(slice(transpose(x), 0, 1, 2), tensor([[10, 20]], { dtype: 'int32' }));
    expect(await x.toArray()).toEqual([
      [0, 10, 2],
      [3, 20, 5],
    ]);
  });

  it('and outlive the tensor that they were made of', async () => {
    using _ = scope();
    const x = tensor([[0, 1, 2], [3, 4, 5]]); // biome-ignore format: a matrix
    const y = slice(x, 0, 1);
    const { backend } = x;
    const held = backend.memory().buffers;
    x.dispose();
    expect(await y.toArray()).toEqual([[3, 4, 5]]);
    y.dispose();
    expect(backend.memory().buffers).toBe(held - 1);
  });

  it('reshape copies where the layout leaves no other way', async () => {
    using _ = scope();
    const x = counted([2, 3]);
    const y = reshape(transpose(x), [6]);
    expect(y.storage).not.toBe(x.storage);
    expect(await y.toArray()).toEqual([0, 3, 1, 4, 2, 5]);
  });
});

describe('joining', () => {
  it('concat and stack copy, along any axis', async () => {
    using _ = scope();
    const [a, b] = [tensor([[1, 2]]), tensor([[3, 4]])];
    expect(await concat([a, b]).toArray()).toEqual([[1, 2], [3, 4]]); // biome-ignore format: a matrix
    expect(await concat([a, transpose(transpose(b))], 1).toArray()).toEqual([[1, 2, 3, 4]]);
    expect(stack([a, b], -1).shape).toEqual([1, 2, 2]);
    expect(await stack([a, b], 2).toArray()).toEqual([[[1, 3], [2, 4]]]); // biome-ignore format: a matrix
  });

  it('names the piece that does not fit', () => {
    using _ = scope();
    expect(messageOf(ShapeError, () => concat([counted([1, 2]), counted([1, 3])]))).toMatch(
      /concat: tensors\[1\] is int32 \[1, 3\], tensors\[0\] int32 \[1, 2\]/,
    );
  });
});

describe('errors name the op and the shape', () => {
  const cases: [string, (x: Tensor) => unknown, RegExp][] = [
    ['reshape', (x) => reshape(x, [4]), /reshape: shape: \[4\] does not hold the 6 elements of \[2, 3\]/],
    ['reshape, two unknowns', (x) => reshape(x, [-1, -1]), /reshape: shape/],
    ['permute', (x) => permute(x, [0, 0]), /permute: axes: expected each axis of \[2, 3\] once, got \[0, 0\]/],
    ['transpose', (x) => transpose(x, 0, 2), /transpose: axis: expected an integer from -2 to 1 for 2 dimensions, got 2/],
    ['expand', (x) => expand(x, [4, 3]), /^expand: \[2, 3\] cannot be broadcast to \[4, 3\]/],
    ['split', (x) => split(x, [1, 1], 1), /split: sizes: \[1, 1\] add up to 2, axis 1 of \[2, 3\] has 3/],
  ];
  for (const [name, call, message] of cases) {
    it(name, () => {
      using _ = scope();
      expect(messageOf(ShapeError, () => call(counted([2, 3])))).toMatch(message);
    });
  }

  it('positions that are none', () => {
    using _ = scope();
    const x = counted([2, 3]);
    expect(messageOf(ValueError, () => select(x, 1, 3))).toMatch(
      /select: index: expected an integer from -3 to 2 on axis 1 of \[2, 3\], got 3/,
    );
    expect(messageOf(ValueError, () => slice(x, 0, 0.5))).toMatch(/slice/);
    expect(messageOf(ValueError, () => slice(x, 0, Number.NaN))).toMatch(/slice/);
    expect(messageOf(ValueError, () => split(x, 0))).toMatch(/split: sizes/);
    expect(messageOf(ValueError, () => split(x, [-1, 4], 1))).toMatch(/split: sizes/);
    expect(messageOf(ValueError, () => chunk(x, 0))).toMatch(/chunk: chunks/);
  });
});

describe('laws', () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });

  it('a permutation undone, a reshape undone, pieces joined again: the same tensor', async () => {
    const cases = shapes.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        order: fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }),
        axis: fc.nat(shape.length - 1),
        size: fc.integer({ min: 1, max: 4 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, order, axis, size }) => {
        using _ = scope();
        const x = counted(shape);
        const original = await x.data();
        const permuted = permute(x, order);
        const inverse = order.map((_, i) => order.indexOf(i));
        expect(await permute(permuted, inverse).data()).toEqual(original);
        // Through a copy in the permuted order, and back.
        expect(await permute(reshape(reshape(permuted, [-1]), permuted.shape), inverse).data()).toEqual(original);
        expect(await concat(split(permuted, size, axis), axis).data()).toEqual(await permuted.data());
      }),
    );
  });

  it('a strided view reads the elements that its indices name', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }), async (shape, cuts) => {
        using _ = scope();
        let y = counted(shape);
        const starts = shape.map((n, i) => cuts[i]! % n);
        const ends = shape.map((n, i) => starts[i]! + 1 + (cuts[i + 4]! % (n - starts[i]!)));
        for (const [axis, start] of starts.entries()) y = slice(y, axis, start, ends[axis]!);
        y = permute(y, [...shape.keys()].reverse());
        const strides = shape.map((_, i) => shape.slice(i + 1).reduce((n, m) => n * m, 1));
        const expected: number[] = [];
        const walk = (axis: number, at: number): void => {
          if (axis < 0) expected.push(at);
          else for (let i = starts[axis]!; i < ends[axis]!; i++) walk(axis - 1, at + i * strides[axis]!);
        };
        walk(shape.length - 1, 0); // the last axis is the outermost of the reversed view
        expect(Array.from(await y.data())).toEqual(expected);
      }),
    );
  });
});
