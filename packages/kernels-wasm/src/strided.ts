import { ShapeError } from '@multihead/tensor';

/** Dimensions left after merging: sizes, and the strides of each operand in elements, outermost first. */
export interface Dims {
  readonly sizes: number[];
  readonly strides: number[][];
}

/** What assembly/strided.ts has room for, besides the innermost dimensions. */
const MAX_RANK = 16;

/**
 * Leaves out dimensions of size 1, and merges neighbours that every operand can walk with one stride: contiguous arrays of any rank
 * become one dimension. There is always at least one left.
 */
export function mergeDims(shape: readonly number[], operands: readonly (readonly number[])[]): Dims {
  const sizes: number[] = [];
  const strides: number[][] = operands.map(() => []);
  for (let d = 0; d < shape.length; d++) {
    const size = shape[d]!;
    if (size === 1) continue;
    const last = sizes.length - 1;
    if (last >= 0 && operands.every((own, i) => strides[i]![last] === own[d]! * size)) {
      sizes[last]! *= size;
      for (let i = 0; i < operands.length; i++) strides[i]![last] = operands[i]![d]!;
    } else {
      sizes.push(size);
      for (let i = 0; i < operands.length; i++) strides[i]!.push(operands[i]![d]!);
    }
  }
  if (sizes.length === 0) {
    sizes.push(1);
    for (const own of strides) own.push(0);
  }
  return { sizes, strides };
}

export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = step;
    step *= shape[d]!;
  }
  return strides;
}

export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** How many elements the buffer must have for the view to stay within it; also that it doesn't begin before it. */
export function extentOf(op: string, shape: readonly number[], strides: readonly number[], offset = 0): number {
  let low = offset;
  let high = offset;
  for (let d = 0; d < shape.length; d++) {
    const reach = strides[d]! * (shape[d]! - 1);
    if (reach < 0) low += reach;
    else high += reach;
  }
  if (!(low >= 0)) throw new ShapeError(`wasm ${op}: strides [${strides}] over [${shape}] from ${offset} begin before the buffer`);
  return high + 1;
}

/** An operand of a walk: where it begins, and the bytes of an element. */
export interface Operand {
  readonly address: number;
  readonly bytes: number;
}

/** Writes the dimensions up to `rank` as assembly/strided.ts reads them, at `walk`. */
export function writeWalk(op: string, i32: Int32Array, walk: number, dims: Dims, rank: number, operands: readonly Operand[]): void {
  if (rank > MAX_RANK) throw new ShapeError(`wasm ${op}: more than ${MAX_RANK} dimensions that can't be merged: [${dims.sizes}]`);
  const base = walk / 4;
  i32[base] = rank;
  for (let d = 0; d < rank; d++) {
    i32[base + 1 + d] = dims.sizes[d]!;
    i32[base + 17 + d] = 0;
  }
  for (let i = 0; i < 4; i++) {
    const at = base + 33 + i * 17;
    const operand = operands[i];
    i32[at] = operand ? operand.address : 0;
    for (let d = 0; d < rank; d++) i32[at + 1 + d] = operand ? dims.strides[i]![d]! * operand.bytes : 0;
  }
}
