import type { View } from '../../backend.js';
import { contiguousStrides, sizeOf } from '../../shape.js';
import type { BackendCase } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { sampleOf } from '../samples.js';

interface Copy {
  readonly what: string;
  readonly shape: readonly number[];
  readonly out: View;
  readonly outLength: number;
  readonly x: View;
  readonly xLength: number;
}

const dense = (shape: readonly number[]): View => ({ offset: 0, strides: contiguousStrides(shape) });

/** Into a dense output of `shape`. */
function toDense(what: string, shape: readonly number[], xLength: number, offset: number, strides: readonly number[]): Copy {
  return { what, shape, out: dense(shape), outLength: sizeOf(shape), x: { offset, strides }, xLength };
}

const copies: readonly Copy[] = [
  toDense('a scalar', [], 3, 2, []),
  toDense('one element', [1], 1, 0, [1]),
  toDense('nothing', [0], 4, 0, [1]),
  toDense('nothing, in two dimensions', [3, 0], 4, 4, [1, 1]),
  toDense('all of it', [5, 7], 35, 0, [7, 1]),
  toDense('a transpose', [7, 5], 35, 0, [1, 7]),
  toDense('a larger transpose', [65, 33], 65 * 33, 0, [1, 65]),
  toDense('a transpose of the inner axes', [3, 7, 5], 105, 0, [35, 1, 7]),
  toDense('heads from [B, T, H, D] to [B, H, T, D]', [2, 3, 5, 8], 240, 0, [120, 8, 24, 1]),
  toDense('a permutation of five axes', [2, 3, 1, 4, 5], 120, 0, [1, 2, 7, 6, 24]),
  toDense('an expanded scalar', [17], 1, 0, [0]),
  toDense('an expanded row', [4, 9], 9, 0, [0, 1]),
  toDense('an expanded column', [4, 9], 4, 0, [1, 0]),
  toDense('a slice', [3, 4], 60, 12, [10, 1]),
  toDense('a slice with steps', [3, 4], 60, 1, [20, 3]),
  toDense('a reversal', [9], 9, 8, [-1]),
  toDense('a reversal of both axes', [4, 5], 20, 19, [-5, -1]),
  toDense('a diagonal', [6], 36, 0, [7]),
  {
    what: 'into the middle (pad)',
    shape: [2, 3],
    out: { offset: 8, strides: [7, 1] },
    outLength: 28,
    x: dense([2, 3]),
    xLength: 6,
  },
  {
    what: 'into columns (concat)',
    shape: [3, 2],
    out: { offset: 4, strides: [6, 1] },
    outLength: 18,
    x: dense([3, 2]),
    xLength: 6,
  },
  {
    what: 'into a cache, a token at a time',
    shape: [2, 3, 1, 4],
    out: { offset: 20, strides: [120, 40, 4, 1] },
    outLength: 240,
    x: dense([2, 3, 1, 4]),
    xLength: 24,
  },
  {
    what: 'from a slice, transposed into a slice',
    shape: [3, 5],
    out: { offset: 2, strides: [1, 4] },
    outLength: 24,
    x: { offset: 3, strides: [7, 1] },
    xLength: 24,
  },
  { what: 'onto every other element, reversed', shape: [5], out: { offset: 9, strides: [-2] }, outLength: 10, x: dense([5]), xLength: 5 },
];

async function run(lab: Lab, copy: Copy): Promise<void> {
  for (const dtype of ['float32', 'int32', 'bool'] as const) {
    await lab.agree(
      {
        what: `copy of ${copy.what} (${dtype})`,
        inputs: { x: sampleOf(dtype, 1, copy.xLength) },
        out: { dtype, length: copy.outLength },
        initial: sampleOf(dtype, 2, copy.outLength), // what is not copied over must stay
        run: (kernels, out, { x }) => kernels.copy(copy.shape, out, copy.out, x, copy.x),
      },
      exact,
    );
  }
}

/** -0 and NaN are copied as they are. */
async function keepsSigns(lab: Lab): Promise<void> {
  const x = lab.put(Float32Array.from([0, -0, Number.NaN, -0, 5, -0]));
  const out = lab.out('float32', 6);
  lab.backend.kernels.copy([2, 3], out, { offset: 0, strides: [3, 1] }, x, { offset: 0, strides: [1, 2] });
  const got = await lab.backend.read(out);
  const signs = Float32Array.from(got, (v) => 1 / v);
  await lab.check('1 / copy', lab.put(signs), [Infinity, Number.NaN, 0.2, -Infinity, -Infinity, -Infinity], { rtol: 1e-6 });
}

export const copyCases: readonly BackendCase[] = [
  ...copies.map((copy) => ({ name: `copy: ${copy.what}`, run: (lab: Lab) => run(lab, copy) })),
  { name: 'copy: keeps -0 and NaN', run: keepsSigns },
];
