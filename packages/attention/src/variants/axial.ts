import { permute, reshape, ShapeError, type Tensor } from '@multihead/tensor';
import { type AttendOptions, type AttentionFn, attend } from '../attend.js';

/**
 * Axial attention over a grid of tokens, row by row: each looks along its row, or along its column. Two layers, one of each, reach everything.
 *
 * Takes q [B, H, height · width, D] and gives [B, H, height · width, E]; `causal`, `window` and `mask` are those of a line, and captured are lines,
 * [B · lines, H, line, line]. Exact; O(T · line), as lines become samples of the batch. Throws a ShapeError for other numbers of tokens.
 * Ho et al., "Axial Attention in Multidimensional Transformers", 2019.
 *
 * @example
 * const y = axialAttention(2, 4, 'rows')(q, k, v);
 */
export function axialAttention(height: number, width: number, axis: 'rows' | 'columns'): AttentionFn {
  return (q: Tensor, k: Tensor, v: Tensor, options?: AttendOptions) => {
    for (const [name, x] of Object.entries({ q, k, v })) {
      if (x.rank !== 4 || x.shape[2] !== height * width) {
        throw new ShapeError(`axialAttention: ${name}: expected [B, H, ${height} · ${width}, dim], got [${x.shape.join(', ')}]`);
      }
    }
    // [B, H, height, width, D] with the lines beside the batch, and back.
    const order = axis === 'rows' ? [0, 2, 1, 3, 4] : [0, 3, 1, 2, 4];
    const lines = (x: Tensor) => {
      const grid = permute(reshape(x, [x.shape[0]!, x.shape[1]!, height, width, x.shape[3]!]), order);
      return reshape(grid, [grid.shape[0]! * grid.shape[1]!, ...grid.shape.slice(2)]);
    };
    const y = attend(lines(q), lines(k), lines(v), options);
    const [count, length] = axis === 'rows' ? [height, width] : [width, height];
    const grid = reshape(y, [q.shape[0]!, count, q.shape[1]!, length, v.shape[3]!]);
    return reshape(permute(grid, axis === 'rows' ? [0, 2, 1, 3, 4] : [0, 2, 3, 1, 4]), [...q.shape.slice(0, 3), v.shape[3]!]);
  };
}
