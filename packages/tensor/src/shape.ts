import { ShapeError } from './errors.js';

export type Shape = readonly number[];

/** The number of elements of `shape`; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** Row-major strides, in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** True if an array of `shape` and `strides` lies row by row without gaps; axes of length 1 may have any stride. */
export function isContiguous(shape: Shape, strides: readonly number[]): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return sizeOf(shape) === 0;
    step *= shape[i]!;
  }
  return true;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** `[2, 3]`, for messages. */
export function show(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** An axis from -rank … rank - 1 as 0 … rank - 1. Throws a ShapeError that names the op. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ShapeError(`${op}: axis: expected an integer from ${-rank} to ${rank - 1} for ${rank} dimensions, got ${axis}`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes as sorted, distinct numbers; all of them when none are named. */
export function normalizeAxes(op: string, axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === 'number' ? [axes] : axes).map((axis) => normalizeAxis(op, axis, rank)).sort((a, b) => a - b);
  list.forEach((axis, i) => {
    if (i > 0 && list[i - 1] === axis)
      throw new ShapeError(`${op}: axis: ${axis} is named twice in ${show(typeof axes === 'number' ? [axes] : axes)}`);
  });
  return list;
}

/** The shape that both broadcast to, by NumPy's rule. Throws a ShapeError with both shapes. */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const m = a[a.length - i] ?? 1;
    const n = b[b.length - i] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError(`${op}: shapes ${show(a)} and ${show(b)} do not broadcast: axis ${-i} is ${m} against ${n}`);
    }
    out[rank - i] = m === 1 ? n : m;
  }
  return out;
}

/** Strides that read an array of `shape` and `strides` as if it had the shape `to`: 0 along repeated axes. */
export function broadcastStrides(shape: Shape, strides: readonly number[], to: Shape): number[] {
  const lead = to.length - shape.length;
  return to.map((n, i) => (i < lead || (shape[i - lead] === 1 && n !== 1) ? 0 : strides[i - lead]!));
}

/** Merges neighbouring axes that every operand steps through evenly, so that kernels see as few loops as possible. */
export function collapse(shape: Shape, ...operands: (readonly number[])[]): { shape: number[]; strides: number[][] } {
  const outShape: number[] = [];
  const strides: number[][] = operands.map(() => []);
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] === 1) continue;
    const last = outShape.length - 1;
    const mergeable = last >= 0 && operands.every((s, o) => strides[o]![last] === s[i]! * shape[i]!);
    if (mergeable) {
      outShape[last]! *= shape[i]!;
      operands.forEach((s, o) => {
        strides[o]![last] = s[i]!;
      });
    } else {
      outShape.push(shape[i]!);
      operands.forEach((s, o) => {
        strides[o]!.push(s[i]!);
      });
    }
  }
  return { shape: outShape, strides };
}

/** The strides of a view of the new shape on the same storage, or null if only a copy can have it. */
export function reshapeStrides(shape: Shape, strides: readonly number[], to: Shape): number[] | null {
  if (isContiguous(shape, strides)) return contiguousStrides(to);
  const { shape: from, strides: collapsed } = collapse(shape, strides);
  const steps = collapsed[0]!;
  const out = new Array<number>(to.length);
  let axis = from.length - 1;
  let left = axis >= 0 ? from[axis]! : 1;
  let step = axis >= 0 ? steps[axis]! : 1;
  for (let i = to.length - 1; i >= 0; i--) {
    if (to[i] === 1) {
      out[i] = step;
      continue;
    }
    if (left === 1 && axis > 0) {
      axis--;
      left = from[axis]!;
      step = steps[axis]!;
    }
    if (left % to[i]! !== 0) return null;
    out[i] = step;
    step *= to[i]!;
    left /= to[i]!;
  }
  return out;
}
