import type { WindowArgs } from '../../backend.js';
import type { BackendCase } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { uniformSample } from '../samples.js';

type Pair = readonly [height: number, width: number];

/** The geometry of a convolution with equal padding on both sides. */
function windowOf(
  batch: number,
  channels: number,
  input: Pair,
  kernel: Pair,
  stride: Pair = [1, 1],
  padding: Pair = [0, 0],
  dilation: Pair = [1, 1],
): WindowArgs {
  const length = (axis: 0 | 1) =>
    Math.floor((input[axis] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis]) + 1;
  return { batch, channels, input, output: [length(0), length(1)], kernel, stride, dilation, padding };
}

const windows: readonly WindowArgs[] = [
  windowOf(1, 1, [1, 1], [1, 1]),
  windowOf(2, 3, [5, 6], [3, 3]),
  windowOf(2, 3, [5, 6], [3, 2], [1, 1], [1, 1]),
  windowOf(1, 2, [9, 8], [3, 3], [2, 3], [1, 2]),
  windowOf(1, 2, [9, 9], [3, 2], [1, 1], [2, 1], [2, 3]),
  windowOf(1, 3, [16, 16], [4, 4], [4, 4]), // patches of a vision transformer
  windowOf(2, 5, [1, 17], [1, 3], [1, 2], [0, 1]), // one dimension
  windowOf(1, 2, [3, 37], [2, 5], [1, 1], [1, 3]), // rows longer than vectors
  windowOf(1, 1, [2, 41], [1, 3], [1, 3], [0, 4], [1, 2]),
  windowOf(1, 1, [3, 3], [5, 5], [1, 1], [2, 2]), // a kernel larger than its input
  windowOf(1, 1, [2, 2], [1, 1], [1, 1], [3, 3]), // some windows see padding only
  windowOf(0, 2, [4, 4], [2, 2]),
  { ...windowOf(1, 2, [4, 5], [2, 3]), output: [5, 6], padding: [0, 2] }, // padding after, and not before
];

const columnsOf = ({ batch, channels, kernel, output }: WindowArgs): number =>
  batch * channels * kernel[0] * kernel[1] * output[0] * output[1];
const pixelsOf = ({ batch, channels, input }: WindowArgs): number => batch * channels * input[0] * input[1];

async function unfolds(lab: Lab): Promise<void> {
  for (const window of windows) {
    await lab.agree(
      {
        what: `unfold ${JSON.stringify(window)}`,
        inputs: { x: uniformSample(1, pixelsOf(window)) },
        out: { dtype: 'float32', length: columnsOf(window) },
        run: (kernels, out, { x }) => kernels.unfold(out, x, window),
      },
      exact,
    );
  }
}

async function folds(lab: Lab): Promise<void> {
  for (const window of windows) {
    await lab.agree(
      {
        what: `fold ${JSON.stringify(window)}`,
        inputs: { x: uniformSample(2, columnsOf(window)) },
        out: { dtype: 'float32', length: pixelsOf(window) },
        run: (kernels, out, { x }) => kernels.fold(out, x, window),
      },
      { rtol: 2e-6, atol: 2e-6 },
    );
  }
}

export const windowCases: readonly BackendCase[] = [
  { name: 'unfold: windows', run: unfolds },
  { name: 'fold: windows', run: folds },
];
