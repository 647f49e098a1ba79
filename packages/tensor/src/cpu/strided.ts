import { collapse, sizeOf } from '../shape.js';

/** Where one row of the innermost loop starts in each operand. */
export type Starts = readonly number[];

/**
 * Walks arrays of one `shape` and different `strides` together: calls `visit` for every row, in row-major order, with the start of the
 * row in each operand, its length, and the step of each operand along it. Axes that all operands step through evenly are merged, so
 * contiguous operands are a single row.
 */
export function eachRow(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  visit: (starts: Starts, length: number, steps: readonly number[]) => void,
): void {
  if (sizeOf(shape) === 0) return;
  const merged = collapse(shape, ...strides);
  const last = merged.shape.length - 1;
  const length = last < 0 ? 1 : merged.shape[last]!;
  const steps = merged.strides.map((s) => (last < 0 ? 0 : s[last]!));
  const starts = strides.map(() => 0);
  const walk = (axis: number): void => {
    if (axis >= last) {
      visit(starts, length, steps);
      return;
    }
    for (let i = 0; i < merged.shape[axis]!; i++) {
      walk(axis + 1);
      for (let k = 0; k < starts.length; k++) starts[k]! += merged.strides[k]![axis]!;
    }
    for (let k = 0; k < starts.length; k++) starts[k]! -= merged.shape[axis]! * merged.strides[k]![axis]!;
  };
  walk(0);
}
