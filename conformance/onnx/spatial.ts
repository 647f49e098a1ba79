import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { notBuilt } from '../suite.js';
import { type Call, op, type Outputs, type Table } from './call.js';

/* What moves a window over the axes after the first two: convolutions and pools. */

/** One entry for each axis. */
interface Window {
  readonly kernel: number[];
  readonly stride: number[];
  readonly dilation: number[];
  readonly padding: [before: number, after: number][];
}

/** `total` in two halves; what is left over goes to the end, or to the beginning with SAME_LOWER. */
function halves(total: number, auto: string): [before: number, after: number] {
  const less = Math.floor(total / 2);
  return auto === 'SAME_LOWER' ? [total - less, less] : [less, total - less];
}

/** How far a kernel reaches. */
const reach = (kernel: number, dilation: number) => (kernel - 1) * dilation + 1;

/** `attribute` for each of n axes. */
function each(c: Call, attribute: string, n: number, fallback: number): number[] {
  return c.has(attribute) ? c.numbers(attribute) : Array(n).fill(fallback);
}

/** The padding is given, or what keeps ⌈length / stride⌉ windows. */
function windowOf(c: Call, x: Tensor, kernel = c.numbers('kernel_shape')): Window {
  const n = kernel.length;
  const [stride, dilation, pads] = [each(c, 'strides', n, 1), each(c, 'dilations', n, 1), each(c, 'pads', 2 * n, 0)];
  const auto = c.text<string>('auto_pad', 'NOTSET');
  const padding = kernel.map((k, i): [number, number] => {
    if (!auto.startsWith('SAME')) return [pads[i], pads[i + n]];
    const length = x.shape[i + 2];
    return halves(Math.max(0, (Math.ceil(length / stride[i]) - 1) * stride[i] + reach(k, dilation[i]) - length), auto);
  });
  return { kernel, stride, dilation, padding };
}

/** The function for as many axes as x has, of those for one and two. */
function byAxes<F>(c: Call, x: Tensor, ...functions: F[]): F {
  const fn = functions[x.rank - 3];
  if (!fn) throw notBuilt(`${c.op} over ${x.rank - 2} axes (extra tier)`);
  return fn;
}

function conv(c: Call): Tensor {
  const [x, weight] = [c.tensor('x'), c.tensor('weight')];
  const { kernel: _, ...window } = windowOf(c, x, weight.shape.slice(2));
  return byAxes(c, x, t.conv1d, t.conv2d)(x, weight, c.optional('bias'), { ...window, groups: c.number('group', 1) });
}

/** With `output_shape`, or SAME_UPPER, the padding is what leads to that shape. */
function convTranspose(c: Call): Tensor {
  const [x, weight] = [c.tensor('x'), c.tensor('weight')];
  const { kernel, stride, dilation, padding: given } = windowOf(c, x, weight.shape.slice(2));
  const outputPadding = each(c, 'output_padding', kernel.length, 0);
  const auto = c.text<string>('auto_pad', 'NOTSET');
  const wanted = c.has('output_shape') ? c.numbers('output_shape').slice(-kernel.length) : x.shape.slice(2).map((n, i) => n * stride[i]);
  const leading = kernel.map((k, i) => {
    const whole = stride[i] * (x.shape[i + 2] - 1) + outputPadding[i] + reach(k, dilation[i]);
    return halves(Math.max(0, whole - wanted[i]), auto);
  });
  const padding = c.has('output_shape') || auto.startsWith('SAME') ? leading : given;
  const options = { stride, dilation, padding, outputPadding, groups: c.number('group', 1) };
  return byAxes(c, x, t.convTranspose1d, t.convTranspose2d)(x, weight, c.optional('bias'), options);
}

/** Indices count in the whole tensor, in Fortran's order within an image with `storage_order`. */
function maxPool(c: Call): Outputs {
  const x = c.tensor('x');
  const options = { ...windowOf(c, x), ceilMode: c.flag('ceil_mode') };
  if (!c.wants(1)) return byAxes(c, x, t.maxPool1d, t.maxPool2d)(x, options);
  const { values, indices } = byAxes(c, x, t.maxPool1dWithIndices, t.maxPool2dWithIndices)(x, options);
  const [width, images] = [x.shape.at(-1)!, x.shape[0] * x.shape[1]];
  const own =
    c.flag('storage_order') && x.rank === 4 ? t.add(t.mul(t.remainder(indices, width), x.shape[2]), t.div(indices, width)) : indices;
  const starts = t.mul(t.arange(0, images, 1, { dtype: 'int32', backend: c.backend }), x.size / images);
  return [values, t.add(own, t.reshape(starts, [x.shape[0], x.shape[1], ...x.shape.slice(2).fill(1)]))];
}

function avgPool(x: Tensor, c: Call, countIncludePad: boolean): Tensor {
  return byAxes(c, x, t.avgPool1d, t.avgPool2d)(x, { ...windowOf(c, x), ceilMode: c.flag('ceil_mode'), countIncludePad });
}

/** (Σ |x|ᵖ)^(1/p): the mean of a window times its size. */
function lpPool(c: Call): Tensor {
  const [p, size] = [c.number('p', 2), c.numbers('kernel_shape').reduce((a, b) => a * b, 1)];
  return t.pow(t.mul(avgPool(t.pow(t.abs(c.tensor('x')), p), c, true), size), 1 / p);
}

/** x / (bias + α · mean of the squares of `size` neighbouring channels)^β */
function localResponseNormalization(c: Call): Tensor {
  const [x, size] = [c.tensor('x'), c.number('size')];
  const last = t.movedim(t.square(x), 1, -1); // [N, …, C]
  const rows = t.reshape(last, [1, last.size / x.shape[1], x.shape[1]]);
  const padding = [[Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)]] as const;
  const near = t.movedim(t.reshape(t.avgPool1d(rows, { kernel: size, stride: 1, padding }), last.shape), -1, 1);
  return t.div(x, t.pow(t.add(t.mul(near, c.number('alpha', 1e-4)), c.number('bias', 1)), c.number('beta', 0.75)));
}

/** Each element at its index in the whole, zeros elsewhere. */
function maxUnpool(c: Call): Tensor {
  const x = c.tensor('x');
  const { kernel, stride, padding } = windowOf(c, x);
  const lengths = kernel.map((k, i) => (x.shape[i + 2] - 1) * stride[i] - padding[i][0] - padding[i][1] + k);
  const shape = c.has('output_shape') ? c.numbers('output_shape') : [...x.shape.slice(0, 2), ...lengths];
  const whole = t.flatten(t.zeros(shape, { backend: c.backend }));
  return t.reshape(t.scatter(whole, 0, t.flatten(c.tensor('indices')), t.flatten(x)), shape);
}

function col2im(c: Call): Tensor {
  const kernel = c.numbers('block_shape');
  if (kernel.length !== 2) throw notBuilt(`Col2Im over ${kernel.length} axes (extra tier)`);
  return t.col2im(c.tensor('x'), { size: c.numbers('image_shape'), ...windowOf(c, c.tensor('x'), kernel) });
}

export const spatial: Table = {
  Conv: op('x weight bias', conv),
  ConvTranspose: op('x weight bias', convTranspose),
  MaxPool: op('x', maxPool),
  AveragePool: op('x', (c) => avgPool(c.tensor('x'), c, c.flag('count_include_pad'))),
  LpPool: op('x', lpPool),
  LRN: op('x', localResponseNormalization),
  MaxUnpool: op('x indices output_shape', maxUnpool),
  Col2Im: op('x image_shape block_shape', col2im),
};
