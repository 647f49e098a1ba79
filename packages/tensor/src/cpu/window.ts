import type { WindowArgs } from '../backend.js';
import type { CpuBuffer } from './buffer.js';

export function unfold(out: CpuBuffer, x: CpuBuffer, window: WindowArgs): void {
  const image = x.data;
  const columns = out.data;
  columns.fill(0);
  eachTap(window, (column, pixel) => {
    columns[column] = image[pixel]!;
  });
}

/** Summed in float64, rounded once. */
export function fold(out: CpuBuffer, x: CpuBuffer, window: WindowArgs): void {
  const columns = x.data;
  const image = new Float64Array(out.length);
  eachTap(window, (column, pixel) => {
    image[pixel]! += columns[column]!;
  });
  out.data.set(image);
}

/**
 * Visits every pair of an element of the columns [batch · channels · kh · kw, oh · ow] and the pixel of [batch · channels, h, w] that it
 * is a copy of; the elements that lie in the padding have none and are left out.
 */
function eachTap(window: WindowArgs, visit: (column: number, pixel: number) => void): void {
  const { batch, channels, input, output, kernel, stride, dilation, padding } = window;
  const [height, width] = input;
  let column = 0;
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let tap = 0; tap < kernel[0] * kernel[1]; tap++) {
      const top = Math.floor(tap / kernel[1]) * dilation[0] - padding[0];
      const left = (tap % kernel[1]) * dilation[1] - padding[1];
      for (let row = 0; row < output[0]; row++) {
        const y = row * stride[0] + top;
        for (let i = 0; i < output[1]; i++, column++) {
          const x = i * stride[1] + left;
          if (y >= 0 && y < height && x >= 0 && x < width) visit(column, (plane * height + y) * width + x);
        }
      }
    }
  }
}
