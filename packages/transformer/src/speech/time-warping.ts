import { ShapeError } from '@multihead/tensor';

/** A matrix, row by row. */
export interface Matrix {
  readonly data: Float64Array | Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** A path through a matrix, step by step. */
export interface WarpingPath {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
}

/**
 * Dynamic time warping: the path from the first to the last cell of a matrix of costs [rows, columns], each step one down, one to the right or both,
 * whose sum of costs is least. Of equal ways it prefers to come from the left, then from both. O(rows · columns) time and bytes.
 *
 * @throws ShapeError for a matrix without cells, or with another number of them than it says.
 * @example
 * const path = timeWarping({ data: Float64Array.of(0, 1, 1, 1, 0, 0), rows: 2, columns: 3 });
 * path.rows; // [0, 1, 1]
 * // Sakoe and Chiba, "Dynamic Programming Algorithm Optimization for Spoken Word Recognition", 1978.
 */
export function timeWarping({ data, rows, columns }: Matrix): WarpingPath {
  if (!(rows >= 1 && columns >= 1 && data.length === rows * columns)) {
    throw new ShapeError(`timeWarping: costs: expected at least one cell, as many as ${rows} · ${columns}, got ${data.length}`);
  }
  const [both, down, right] = [0, 1, 2];
  const steps = new Uint8Array(rows * columns);
  let above = new Float64Array(columns + 1).fill(Number.POSITIVE_INFINITY);
  above[0] = 0; // the one way to the first cell
  for (let i = 0; i < rows; i++) {
    const here = new Float64Array(columns + 1).fill(Number.POSITIVE_INFINITY);
    for (let j = 0; j < columns; j++) {
      const [fromBoth, fromAbove, fromLeft] = [above[j]!, above[j + 1]!, here[j]!];
      const isRight = fromLeft <= fromBoth && fromLeft <= fromAbove;
      const isBoth = !isRight && fromBoth <= fromAbove;
      const step = isRight ? right : isBoth ? both : down;
      steps[i * columns + j] = step;
      here[j + 1] = data[i * columns + j]! + (isRight ? fromLeft : isBoth ? fromBoth : fromAbove);
    }
    above = here;
  }
  return pathOf(steps, rows, columns);
}

function pathOf(steps: Uint8Array, rows: number, columns: number): WarpingPath {
  const [i, j]: [number[], number[]] = [[rows - 1], [columns - 1]];
  while (i.at(-1)! > 0 || j.at(-1)! > 0) {
    const [row, column] = [i.at(-1)!, j.at(-1)!];
    const step = row === 0 ? 2 : column === 0 ? 1 : steps[row * columns + column]!;
    i.push(step === 2 ? row : row - 1);
    j.push(step === 1 ? column : column - 1);
  }
  return { rows: Int32Array.from(i.reverse()), columns: Int32Array.from(j.reverse()) };
}
