import { apply, contiguous } from '../autograd.js';
import type { WindowArgs } from '../backend.js';
import { ShapeError } from '../errors.js';
import { show } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { reshape } from './view.js';
import { batched, type PerAxis, perAxis, slidesOf, type WindowOptions, windowArgs } from './window.js';

/*
 * Images to columns and back: a convolution is a product with the columns. Each of the two is the gradient of the other.
 */

/** Every window of x [N, C, …] as a column: [N, C·kh·kw, oh·ow], zeros where it reaches beyond the image. */
export function unfold(x: Tensor, window: WindowArgs): Tensor {
  const dense = contiguous(x);
  const { batch, channels, kernel, output } = window;
  const shape = [batch, channels * kernel[0] * kernel[1], output[0] * output[1]];
  return apply(
    'im2col',
    { x: dense },
    shape,
    x.dtype,
    (out, { kernels }) => kernels.unfold(out, dense.buffer, window),
    (dy) => [() => reshape(fold(dy, window), dense.shape)],
  );
}

/** The adjoint of `unfold`: [N, C, h, w], the sums of all elements of the columns that came from each place. */
export function fold(columns: Tensor, window: WindowArgs): Tensor {
  const dense = contiguous(columns);
  const { batch, channels, input } = window;
  return apply(
    'col2im',
    { columns: dense },
    [batch, channels, ...input],
    columns.dtype,
    (out, { kernels }) => kernels.fold(out, dense.buffer, window),
    (dy) => [() => reshape(unfold(dy, window), dense.shape)],
  );
}

export interface Im2colOptions extends WindowOptions {
  /** [height, width], or one number for both. */
  kernel: PerAxis;
}

/**
 * Every window of an image as a column: out[n, (c, i, j), (y, x)] = x[n, c, y·stride - padding + i·dilation, x·stride - padding + j·dilation].
 *
 * x is [N, C, H, W] or [C, H, W], of a float type; the result [N, C·kh·kw, L] or [C·kh·kw, L], where L counts the windows row by row.
 * Zeros stand where a window reaches beyond the image. `torch.nn.Unfold`; its adjoint, and gradient, is `col2im`.
 * Throws a ShapeError where the kernel does not fit, a ValueError for an option out of range.
 *
 * @example
 * im2col(tensor([[[1, 2, 3], [4, 5, 6]]]), { kernel: 2 }); // [[1, 2], [2, 3], [4, 5], [5, 6]]
 */
export function im2col(x: Tensor, options: Im2colOptions): Tensor {
  return batched('im2col', 'x', x, ['N', 'C', 'H', 'W'], (images) => {
    const [batch, channels, ...input] = images.shape as [number, number, ...number[]];
    const slides = slidesOf('im2col', input, perAxis('im2col', 'kernel', options.kernel, 2, 1), options);
    return unfold(images, windowArgs(batch, channels, slides));
  });
}

export interface Col2imOptions extends Im2colOptions {
  /** [height, width] of the image, or one number for both. */
  size: PerAxis;
}

/**
 * The image whose pixels are the sums of the elements that `im2col` would have taken from them: the adjoint of `im2col`, not its inverse.
 *
 * columns is [N, C·kh·kw, L] or [C·kh·kw, L], of a float type; the result [N, C, H, W] or [C, H, W] with [H, W] = `size`. Dividing by
 * `col2im(im2col(ones))` averages overlapping windows. `torch.nn.Fold`; its gradient is `im2col`.
 * Throws a ShapeError where the columns are not those of such an image, a ValueError for an option out of range.
 *
 * @example
 * col2im(tensor([[1, 2], [2, 3], [4, 5], [5, 6]]), { size: [2, 3], kernel: 2 }); // [[[1, 4, 3], [4, 10, 6]]]
 */
export function col2im(columns: Tensor, options: Col2imOptions): Tensor {
  return batched('col2im', 'columns', columns, ['N', 'C·kh·kw', 'L'], (x) => {
    const size = perAxis('col2im', 'size', options.size, 2, 1);
    const kernel = perAxis('col2im', 'kernel', options.kernel, 2, 1);
    const slides = slidesOf('col2im', size, kernel, options);
    const [batch, rows, length] = x.shape as [number, number, number];
    const [taps, windows] = [kernel[0]! * kernel[1]!, slides[0]!.output * slides[1]!.output];
    if (rows % taps !== 0 || length !== windows) {
      throw new ShapeError(
        `col2im: columns: expected [..., C·${taps}, ${windows}] for a kernel of ${show(kernel)} over ${show(size)}, got ${show(columns.shape)}`,
      );
    }
    return fold(x, windowArgs(batch, rows / taps, slides));
  });
}
