import { type Backend, cpu, type DeviceBuffer } from '@multihead/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { broadcastShapes, broadcastStrides, contiguousStrides, sizeOf } from '../src/shape.js';

/*
 * Strided copy and broadcasting against definitions that go element by element and index by index.
 */

const backend: Backend = cpu();

function withBuffers<T>(run: (put: (data: Float64Array) => DeviceBuffer) => T): T {
  const buffers: DeviceBuffer[] = [];
  try {
    return run((data) => {
      const buffer = backend.alloc(data.length, 'float64');
      buffers.push(buffer);
      backend.write(buffer, data);
      return buffer;
    });
  } finally {
    for (const buffer of buffers) backend.free(buffer);
  }
}

/** Every index of an array of `shape`, in row-major order. */
function* indices(shape: readonly number[]): Generator<number[]> {
  if (shape.length === 0) {
    yield [];
    return;
  }
  for (let i = 0; i < shape[0]!; i++) for (const rest of indices(shape.slice(1))) yield [i, ...rest];
}

const at = (offset: number, strides: readonly number[], index: readonly number[]): number =>
  index.reduce((sum, i, axis) => sum + i * strides[axis]!, offset);

const counting = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => i + 1);
const shapeOf = (maxRank: number) => fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: maxRank });

/** A view of `shape`: the axes of a larger array in any order, with steps, reversals and gaps, so that no two elements coincide. */
interface Place {
  readonly offset: number;
  readonly strides: number[];
  readonly length: number;
}

function placeOf(shape: readonly number[]): fc.Arbitrary<Place> {
  const rank = shape.length;
  return fc
    .record({
      order: fc.shuffledSubarray([...shape.keys()], { minLength: rank, maxLength: rank }),
      steps: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: rank, maxLength: rank }),
      reversed: fc.array(fc.boolean(), { minLength: rank, maxLength: rank }),
      before: fc.nat(5),
      after: fc.nat(5),
    })
    .map(({ order, steps, reversed, before, after }) => {
      const strides = new Array<number>(rank).fill(0);
      let length = 1;
      let offset = before;
      for (const axis of order) {
        const n = Math.max(1, shape[axis]!);
        strides[axis] = length * steps[axis]! * (reversed[axis] ? -1 : 1);
        if (reversed[axis]) offset += (n - 1) * length * steps[axis]!;
        length *= n * steps[axis]!;
      }
      return { offset, strides, length: before + length + after };
    });
}

const copies = shapeOf(4).chain((shape) => fc.record({ shape: fc.constant(shape), out: placeOf(shape), x: placeOf(shape) }));

describe('copy', () => {
  it('moves every element from its place to its place, and nothing else', () => {
    fc.assert(
      fc.property(copies, ({ shape, out, x }) => {
        const source = counting(x.length);
        const want = counting(out.length).map((v) => -v);
        for (const index of indices(shape)) want[at(out.offset, out.strides, index)] = source[at(x.offset, x.strides, index)]!;
        const got = withBuffers((put) => {
          const target = put(counting(out.length).map((v) => -v));
          backend.kernels.copy(shape, target, out, put(source), x);
          return backend.readSync!(target);
        });
        expect(Array.from(got)).toEqual(Array.from(want));
      }),
      { numRuns: 400 },
    );
  });

  it('there and back again changes nothing', () => {
    fc.assert(
      fc.property(copies, ({ shape, out, x }) => {
        const got = withBuffers((put) => {
          const [target, back] = [put(new Float64Array(out.length)), put(counting(x.length))];
          backend.kernels.copy(shape, target, out, back, x);
          backend.kernels.copy(shape, back, x, target, out);
          return backend.readSync!(back);
        });
        expect(Array.from(got)).toEqual(Array.from(counting(x.length)));
      }),
      { numRuns: 200 },
    );
  });
});

/** A shape, and one that broadcasts with it: some lengths are 1, some leading axes are left out. */
const broadcastable = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }).chain((full) => {
  const operand = fc
    .record({ ones: fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }), lead: fc.nat(full.length) })
    .map(({ ones, lead }) => full.map((n, i) => (ones[i] ? 1 : n)).slice(lead));
  return fc.tuple(operand, operand, operand);
});

/** NumPy's rule: axes align at the end, and a length of 1 repeats. */
function element(data: Float64Array, shape: readonly number[], index: readonly number[]): number {
  const own = index.slice(index.length - shape.length).map((i, axis) => (shape[axis] === 1 ? 0 : i));
  return data[at(0, contiguousStrides(shape), own)]!;
}

describe('broadcasting', () => {
  it('in binary repeats as NumPy does', () => {
    fc.assert(
      fc.property(broadcastable, fc.constantFrom('add' as const, 'sub' as const, 'mul' as const), ([a, b], op) => {
        const shape = broadcastShapes('test', a, b);
        const [x, y] = [counting(sizeOf(a)), counting(sizeOf(b)).map((v) => 1000 * v)];
        const apply = { add: (p: number, q: number) => p + q, sub: (p: number, q: number) => p - q, mul: (p: number, q: number) => p * q }[
          op
        ];
        const want = [...indices(shape)].map((index) => apply(element(x, a, index), element(y, b, index)));
        const got = withBuffers((put) => {
          const out = put(new Float64Array(sizeOf(shape)));
          const strides = [a, b].map((own) => broadcastStrides(own, contiguousStrides(own), shape));
          backend.kernels.binary(op, shape, out, put(x), strides[0]!, put(y), strides[1]!);
          return backend.readSync!(out);
        });
        expect(Array.from(got)).toEqual(want);
      }),
      { numRuns: 400 },
    );
  });

  it('in select repeats as NumPy does', () => {
    fc.assert(
      fc.property(broadcastable, ([a, b, c]) => {
        const shape = broadcastShapes('test', broadcastShapes('test', a, b), c);
        const [x, y] = [counting(sizeOf(a)), counting(sizeOf(b)).map((v) => -v)];
        const condition = counting(sizeOf(c)).map((v) => v % 2);
        const want = [...indices(shape)].map((index) => (element(condition, c, index) ? element(x, a, index) : element(y, b, index)));
        const got = withBuffers((put) => {
          const out = put(new Float64Array(sizeOf(shape)));
          const strides = [a, b, c].map((own) => broadcastStrides(own, contiguousStrides(own), shape));
          const cond = backend.alloc(condition.length, 'bool');
          backend.kernels.cast(cond, put(condition));
          backend.kernels.select(
            shape,
            out,
            { buffer: cond, strides: strides[2]! },
            { buffer: put(x), strides: strides[0]! },
            { buffer: put(y), strides: strides[1]! },
          );
          backend.free(cond);
          return backend.readSync!(out);
        });
        expect(Array.from(got)).toEqual(want);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves no buffers behind', () => expect(backend.memory()).toEqual({ buffers: 0, bytes: 0 }));
});
