import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { floats, type OpCase, type OpError, type OpSample, show } from '../op-case.js';

type Shape = readonly number[];
type Conv<O> = (x: ops.Tensor, weight: ops.Tensor, bias: ops.Tensor | null, options: O) => ops.Tensor;
type Setting<O> = readonly [x: Shape, weight: Shape, options: O];

const refuses = (what: string, kind: OpError['kind'], mentions: OpError['mentions'], run: () => unknown): OpError => ({
  what,
  kind,
  mentions,
  run,
});

/** Every setting without a bias, and every other one with. */
function convCase<O>(
  name: string,
  op: Conv<O>,
  settings: readonly Setting<O>[],
  out: (weight: Shape, options: O) => number,
  errors: OpError[],
): OpCase {
  return {
    name,
    samples: (rng) =>
      settings.map(([x, weight, options], i): OpSample => {
        const inputs = [floats(rng, x), floats(rng, weight), ...(i % 2 === 1 ? [floats(rng, [out(weight, options)])] : [])];
        const what = `${show(x)} by ${show(weight)} ${JSON.stringify(options)}`;
        return { what, inputs, run: (a, w, b) => op(a, w, b ?? null, options) };
      }),
    errors,
  };
}

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);

// biome-ignore format: a table
const settings1d: readonly Setting<ops.ConvOptions>[] = [
  [[1, 1, 1], [1, 1, 1], {}],
  [[2, 3, 7], [4, 3, 3], {}],
  [[3, 7], [4, 3, 3], { stride: 2 }],
  [[2, 3, 7], [2, 3, 2], { stride: [3], padding: 2 }],
  [[1, 2, 9], [3, 2, 3], { dilation: 3, padding: [[4, 1]] }],
  [[2, 4, 6], [6, 2, 3], { groups: 2, padding: 'same' }],
  [[2, 4, 6], [4, 1, 4], { groups: 4, padding: 'same', dilation: 2 }],
  [[1, 3, 5], [2, 3, 1], {}],
  [[2, 4, 5], [6, 2, 1], { groups: 2, padding: 'valid' }],
  [[1, 2, 4], [2, 2, 1], { stride: 2 }],
  [[0, 2, 5], [3, 2, 2], {}],
  [[1, 2, 2], [1, 2, 4], { padding: 1 }],
];

const conv1d = convCase('conv1d', ops.conv1d, settings1d, ([out]) => out!, [
  refuses('channels', ShapeError, ['conv1d', 'weight', '[1, 2, 2]', '[1, 1, 4]'], () => ops.conv1d(zeros(1, 1, 4), zeros(1, 2, 2))),
  refuses('groups that do not divide', ShapeError, ['conv1d', 3], () => ops.conv1d(zeros(2, 2, 4), zeros(2, 2, 2), null, { groups: 3 })),
  refuses('a kernel too long', ShapeError, ['conv1d', 5, 4], () => ops.conv1d(zeros(1, 1, 4), zeros(1, 1, 5))),
  refuses('a dilated kernel too long', ShapeError, ['conv1d', 'dilation', 3], () =>
    ops.conv1d(zeros(1, 1, 4), zeros(1, 1, 3), null, { dilation: 3 }),
  ),
  refuses('ranks', ShapeError, ['conv1d', 'x', '[4]'], () => ops.conv1d(zeros(4), zeros(1, 1, 2))),
  refuses('the rank of the weight', ShapeError, ['conv1d', 'weight', '[1, 1]'], () => ops.conv1d(zeros(1, 1, 4), zeros(1, 1))),
  refuses('a kernel of nothing', ShapeError, ['conv1d', 'weight', '[1, 1, 0]'], () => ops.conv1d(zeros(1, 1, 4), zeros(1, 1, 0))),
  refuses('the bias', ShapeError, ['conv1d', 'bias', '[2]', '[3]'], () => ops.conv1d(zeros(1, 1, 4), zeros(2, 1, 2), zeros(3))),
  refuses('stride', ValueError, ['conv1d', 'stride', -1], () => ops.conv1d(zeros(1, 1, 4), zeros(1, 1, 2), null, { stride: [-1] })),
  refuses('padding', ValueError, ['conv1d', 'padding', -1], () => ops.conv1d(zeros(1, 1, 4), zeros(1, 1, 2), null, { padding: [-1] })),
  refuses('dilation', ValueError, ['conv1d', 'dilation', 0], () => ops.conv1d(zeros(1, 1, 4), zeros(1, 1, 2), null, { dilation: 0 })),
  refuses('groups', ValueError, ['conv1d', 'groups', 0], () => ops.conv1d(zeros(1, 1, 4), zeros(1, 1, 2), null, { groups: 0 })),
  refuses("'same' with a stride", ValueError, ['conv1d', 'same', 2], () =>
    ops.conv1d(zeros(1, 1, 4), zeros(1, 1, 2), null, { padding: 'same', stride: 2 }),
  ),
  refuses('int32', DTypeError, ['conv1d', 'int32'], () => ops.conv1d(tensor(new Int32Array(4), { shape: [1, 1, 4] }), zeros(1, 1, 2))),
  refuses('mixed', DTypeError, ['conv1d', 'int32'], () =>
    ops.conv1d(zeros(1, 1, 4), zeros(1, 1, 2), tensor(new Int32Array(1), { shape: [1] })),
  ),
]);

// biome-ignore format: a table
const settings2d: readonly Setting<ops.ConvOptions>[] = [
  [[1, 1, 1, 1], [1, 1, 1, 1], {}],
  [[2, 3, 5, 4], [2, 3, 3, 2], {}],
  [[2, 5, 4], [3, 2, 2, 3], { padding: 1 }],
  [[1, 2, 6, 5], [2, 2, 3, 2], { stride: [3, 2], padding: [2, 1] }],
  [[2, 4, 5, 5], [2, 2, 2, 2], { groups: 2, dilation: [2, 3], padding: [[0, 2], [3, 1]] }],
  [[1, 3, 4, 4], [3, 1, 3, 3], { groups: 3, padding: 'same' }],
  [[1, 2, 4, 4], [4, 1, 2, 2], { groups: 2 }],
  [[1, 3, 4, 6], [5, 3, 2, 2], { stride: 2 }],
  [[2, 3, 2, 3], [4, 3, 1, 1], {}],
  [[1, 4, 2, 2], [2, 2, 1, 1], { groups: 2, stride: 2 }],
  [[0, 2, 3, 3], [1, 2, 2, 2], {}],
  [[1, 2, 3, 1], [2, 2, 2, 1], {}],
];

const conv2d = convCase('conv2d', ops.conv2d, settings2d, ([out]) => out!, [
  refuses('channels', ShapeError, ['conv2d', 'weight', '[1, 2, 2, 3]', '[1, 1, 4, 4]'], () =>
    ops.conv2d(zeros(1, 1, 4, 4), zeros(1, 2, 2, 3)),
  ),
  refuses('a kernel too large', ShapeError, ['conv2d', 5, 2], () => ops.conv2d(zeros(1, 1, 4, 2), zeros(1, 1, 2, 5))),
  refuses('ranks', ShapeError, ['conv2d', 'x', '[4, 4]'], () => ops.conv2d(zeros(4, 4), zeros(1, 1, 2, 2))),
  refuses('too many strides', ValueError, ['conv2d', 'stride', '[1, 1, 1]'], () =>
    ops.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), null, { stride: [1, 1, 1] }),
  ),
  refuses('a broken padding', ValueError, ['conv2d', 'padding', 0.5], () =>
    ops.conv2d(zeros(1, 1, 4, 4), zeros(1, 1, 2, 2), null, { padding: [0.5, 1] }),
  ),
  refuses('groups', ValueError, ['conv2d', 'groups', -1], () => ops.conv2d(zeros(1, 2, 4, 4), zeros(2, 2, 2, 2), null, { groups: -1 })),
  refuses('bool', DTypeError, ['conv2d', 'bool'], () => ops.conv2d(ops.zeros([1, 1, 4, 4], { dtype: 'bool' }), zeros(1, 1, 2, 2))),
]);

// biome-ignore format: a table
const transposed1d: readonly Setting<ops.ConvTransposeOptions>[] = [
  [[1, 1, 1], [1, 1, 1], {}],
  [[2, 3, 4], [3, 2, 3], {}],
  [[3, 4], [3, 2, 3], { stride: 2 }],
  [[2, 3, 4], [3, 2, 4], { stride: 3, padding: 2, outputPadding: 2 }],
  [[1, 2, 3], [2, 2, 2], { dilation: 3, padding: [[2, 1]], outputPadding: 1 }],
  [[2, 4, 3], [4, 3, 2], { groups: 2, stride: 2 }],
  [[1, 3, 4], [3, 2, 1], {}],
  [[1, 3, 4], [3, 2, 1], { dilation: 2, outputPadding: 1 }],
  [[0, 2, 3], [2, 3, 2], {}],
  [[1, 2, 3], [2, 1, 2], { stride: 4 }],
];

const convTranspose1d = convCase('convTranspose1d', ops.convTranspose1d, transposed1d, ([, out], { groups = 1 }) => out! * groups, [
  refuses('channels', ShapeError, ['convTranspose1d', 'weight', '[2, 1, 2]', '[1, 1, 4]'], () =>
    ops.convTranspose1d(zeros(1, 1, 4), zeros(2, 1, 2)),
  ),
  refuses('nothing left', ShapeError, ['convTranspose1d', 3], () =>
    ops.convTranspose1d(zeros(1, 1, 2), zeros(1, 1, 2), null, { padding: 3 }),
  ),
  refuses('no elements', ShapeError, ['convTranspose1d'], () => ops.convTranspose1d(zeros(1, 1, 0), zeros(1, 1, 2))),
  refuses('outputPadding', ValueError, ['convTranspose1d', 'outputPadding', 2], () =>
    ops.convTranspose1d(zeros(1, 1, 2), zeros(1, 1, 2), null, { stride: 2, outputPadding: 2 }),
  ),
  refuses('the bias', ShapeError, ['convTranspose1d', 'bias', '[4]', '[2]'], () =>
    ops.convTranspose1d(zeros(1, 2, 2), zeros(2, 2, 2), zeros(2), { groups: 2 }),
  ),
]);

// biome-ignore format: a table
const transposed2d: readonly Setting<ops.ConvTransposeOptions>[] = [
  [[2, 2, 3, 2], [2, 3, 2, 3], {}],
  [[2, 3, 2], [2, 3, 2, 2], { stride: [2, 1] }],
  [[1, 2, 2, 3], [2, 2, 3, 3], { stride: 2, padding: 1, outputPadding: 1 }],
  [[1, 4, 2, 2], [4, 1, 2, 3], { groups: 4, dilation: [1, 2], stride: [1, 3], padding: [[1, 0], 2] }],
  [[1, 2, 3, 3], [2, 2, 1, 1], {}],
  [[0, 1, 2, 2], [1, 1, 2, 2], { stride: 2 }],
];

const convTranspose2d = convCase('convTranspose2d', ops.convTranspose2d, transposed2d, ([, out], { groups = 1 }) => out! * groups, [
  refuses('groups that do not divide', ShapeError, ['convTranspose2d', 2], () =>
    ops.convTranspose2d(zeros(1, 3, 2, 2), zeros(3, 1, 2, 2), null, { groups: 2 }),
  ),
  refuses('stride', ValueError, ['convTranspose2d', 'stride', 0], () =>
    ops.convTranspose2d(zeros(1, 1, 2, 2), zeros(1, 1, 2, 2), null, { stride: [1, 0] }),
  ),
]);

// biome-ignore format: a table
const windows: readonly (readonly [image: Shape, options: ops.Im2colOptions])[] = [
  [[1, 1, 1, 1], { kernel: 1 }],
  [[2, 3, 4, 5], { kernel: [3, 2] }],
  [[2, 4, 5], { kernel: 2, stride: 2, padding: 1 }],
  [[1, 2, 5, 4], { kernel: [2, 3], dilation: [3, 1], padding: [[0, 2], [1, 0]], stride: [1, 2] }],
  [[0, 2, 3, 3], { kernel: 2 }],
];

const im2col: OpCase = {
  name: 'im2col',
  samples: (rng) =>
    windows.map(
      ([image, options]): OpSample => ({
        what: `${show(image)} ${JSON.stringify(options)}`,
        inputs: [floats(rng, image)],
        run: (x) => ops.im2col(x, options),
      }),
    ),
  errors: [
    refuses('ranks', ShapeError, ['im2col', '[3, 3]'], () => ops.im2col(zeros(3, 3), { kernel: 2 })),
    refuses('a kernel too large', ShapeError, ['im2col', 4, 3], () => ops.im2col(zeros(1, 3, 3), { kernel: [4, 1] })),
    refuses('kernel', ValueError, ['im2col', 'kernel', 0], () => ops.im2col(zeros(1, 3, 3), { kernel: 0 })),
    refuses('int32', DTypeError, ['im2col', 'int32'], () => ops.im2col(ops.zeros([1, 3, 3], { dtype: 'int32' }), { kernel: 1 })),
  ],
};

/** The shape of the columns of an image. */
function columnsOf(image: Shape, options: ops.Im2colOptions): Shape {
  return ops.tidy(() => ops.im2col(ops.zeros(image), options).shape);
}

const col2im: OpCase = {
  name: 'col2im',
  samples: (rng) =>
    windows.map(
      ([image, options]): OpSample => ({
        what: `to ${show(image)} ${JSON.stringify(options)}`,
        inputs: [floats(rng, columnsOf(image, options))],
        run: (x) => ops.col2im(x, { ...options, size: image.slice(-2) }),
      }),
    ),
  errors: [
    refuses('too few windows', ShapeError, ['col2im', '[4, 3]', 4], () => ops.col2im(zeros(4, 3), { size: 3, kernel: 2 })),
    refuses('rows', ShapeError, ['col2im', '[3, 4]'], () => ops.col2im(zeros(3, 4), { size: 3, kernel: 2 })),
    refuses('ranks', ShapeError, ['col2im', '[4]'], () => ops.col2im(zeros(4), { size: 3, kernel: 2 })),
  ],
};

export const convOps: readonly OpCase[] = [conv1d, conv2d, convTranspose1d, convTranspose2d, im2col, col2im];
