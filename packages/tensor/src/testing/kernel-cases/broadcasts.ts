import { sizeOf } from '../../shape.js';

/** Shapes with the strides of the two operands: equal, scalar, rows, columns, both sides broadcast, deep. */
// biome-ignore format: a table
export const broadcasts: readonly (readonly [shape: readonly number[], a: readonly number[], b: readonly number[]])[] = [
  [[], [], []], [[1], [1], [1]], [[7], [1], [0]], [[7], [0], [1]], [[0], [1], [1]], [[3, 0], [0, 1], [0, 0]],
  [[5, 9], [9, 1], [0, 1]], [[5, 9], [9, 1], [1, 0]], [[5, 9], [0, 1], [1, 0]], [[5, 9], [1, 0], [0, 1]], [[33, 1], [1, 1], [0, 0]],
  [[2, 3, 17], [51, 17, 1], [0, 17, 1]], [[2, 3, 17], [51, 17, 1], [17, 0, 1]], [[2, 3, 17], [3, 1, 0], [0, 0, 1]],
  [[2, 1, 3, 1, 5], [15, 15, 5, 5, 1], [0, 0, 5, 0, 1]], [[2, 2, 3, 2, 5], [0, 6, 0, 3, 0], [60, 30, 10, 5, 1]],
  [[4, 64], [64, 1], [0, 1]], [[3, 128], [128, 1], [1, 0]], [[2, 4, 8, 16], [512, 128, 16, 1], [0, 128, 0, 1]],
];

/** The elements that a buffer must have for these strides. */
export function extent(shape: readonly number[], strides: readonly number[]): number {
  return sizeOf(shape) === 0 ? 0 : shape.reduce((sum, n, axis) => sum + (n - 1) * strides[axis]!, 1);
}
