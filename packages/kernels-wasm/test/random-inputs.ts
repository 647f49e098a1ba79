import { type Backend, type DType, expand, fillRandom, flip, permute, slice, type Tensor, tensor } from '@multihead/tensor';
import fc from 'fast-check';

/** A tensor to be made: what it holds, and how it lies in its buffer. */
export interface Input {
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly shape: readonly number[];
  /** Of the numbers; both ends included for int32. */
  readonly low: number;
  readonly high: number;
  readonly seed: number;
  readonly layout: Layout;
}

/** Axis `order[i]` is the i-th in the buffer, between rubbish, forwards or backwards, or is one element repeated. */
interface Layout {
  readonly order: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly backwards: readonly boolean[];
  readonly repeated: readonly boolean[];
}

const perAxis = <T>(rank: number, of: fc.Arbitrary<T>) => fc.array(of, { minLength: rank, maxLength: rank });

/** Half of them row by row, the others as views of something larger, in any order of the axes. */
function layoutOf(rank: number): fc.Arbitrary<Layout> {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const same = { order: fc.constant(axes), before: perAxis(rank, fc.constant(0)), after: perAxis(rank, fc.constant(0)) };
  const mostlyNot = fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
  return fc.oneof(
    fc.record({ ...same, backwards: perAxis(rank, fc.constant(false)), repeated: perAxis(rank, fc.constant(false)) }),
    fc.record({
      order: fc.shuffledSubarray(axes, { minLength: rank, maxLength: rank }),
      before: perAxis(rank, fc.nat(2)),
      after: perAxis(rank, fc.nat(2)),
      backwards: perAxis(rank, mostlyNot),
      repeated: perAxis(rank, mostlyNot),
    }),
  );
}

export function input(shape: readonly number[], dtype: Input['dtype'] = 'float32', low = -2, high = 2): fc.Arbitrary<Input> {
  return fc
    .record({ seed: fc.nat(1e6), layout: layoutOf(shape.length) })
    .map(({ seed, layout }) => ({ dtype, shape, low, high, seed, layout }));
}

/** As `input`, but no element is repeated: where equal numbers would divide a rounding error by nearly nothing. */
export function spread(shape: readonly number[]): fc.Arbitrary<Input> {
  return input(shape).map((one) => ({ ...one, layout: { ...one.layout, repeated: one.layout.repeated.map(() => false) } }));
}

/** The tensor on a backend: `leaf` is what lies in the buffer, `x` the view of it. */
export function laidOut({ dtype, shape, low, high, seed, layout }: Input, backend: Backend): { leaf: Tensor; x: Tensor } {
  const { order, before, after, backwards, repeated } = layout;
  const stored = order.map((axis) => (repeated[axis] ? 1 : before[axis]! + shape[axis]! + after[axis]!));
  const numbers = new Float32Array(stored.reduce((a, b) => a * b, 1));
  fillRandom(numbers, { kind: 'uniform', seed, counter: 0, p: 0 });
  const data = {
    float32: () => numbers.map((u) => low + u * (high - low)),
    int32: () => Int32Array.from(numbers, (u) => Math.floor(low + u * (high - low + 1))),
    bool: () => Uint8Array.from(numbers, (u) => (u < 0.5 ? 1 : 0)),
  }[dtype]();
  const leaf = tensor(data, { shape: stored, dtype: dtype satisfies DType, backend, requiresGrad: dtype === 'float32' });
  const cut = order.reduce((x, axis, i) => (repeated[axis] ? x : slice(x, i, before[axis]!, before[axis]! + shape[axis]!)), leaf);
  const turned = flip(cut, order.map((axis, i) => (backwards[axis] ? i : -1)).filter((i) => i >= 0)); // biome-ignore format: one view
  return { leaf, x: expand(permute(turned, shape.map((_, axis) => order.indexOf(axis))), shape) }; // biome-ignore format: one view
}
