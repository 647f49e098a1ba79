import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Table } from './call.js';

/* Views and pieces, copies side by side, constructors. */

/** A start that is a tensor has to be a scalar integer; any other is no number at all. */
function narrow(c: Call): Tensor {
  const start = c.operand('start');
  const from = typeof start === 'number' ? start : start.rank === 0 && start.dtype === 'int32' ? start.dataSync()[0] : Number.NaN;
  return t.narrow(c.tensor('x'), c.number('dim'), from, c.number('length'));
}

function squeeze(c: Call): Tensor {
  const [x, dim] = [c.tensor('x'), c.get('dim')];
  return x.rank === 0 ? t.reshape(x, []) : t.squeeze(x, (dim ?? undefined) as number | number[] | undefined);
}

/** A scalar as a list of one. */
export function asList(x: Tensor): Tensor {
  return x.rank === 0 ? t.reshape(x, [1]) : x;
}

/** PyTorch passes over vectors of length 0 among tensors of more axes. */
function cat(c: Call): Tensor {
  const [tensors, dim] = [c.tensors('tensors'), c.number('dim', 0)];
  const model = tensors.find((x) => x && x.rank > 1);
  const isNothing = (x: Tensor) => x?.rank === 1 && x.size === 0;
  return t.concat(model ? tensors.map((x) => (isNothing(x) ? t.reshape(x, nothingBeside(model, dim)) : x)) : tensors, dim);
}

function nothingBeside(x: Tensor, dim: number): number[] {
  return x.shape.map((n, axis) => (axis === (dim < 0 ? dim + x.rank : dim) ? 0 : n));
}

/** Pairs for the last axis first. */
function pad(c: Call): Tensor {
  const numbers = c.numbers('pad');
  const pairs = Array.from({ length: Math.ceil(numbers.length / 2) }, (_, i) => numbers.slice(2 * i, 2 * i + 2) as [number, number]);
  return t.pad(c.tensor('x'), pairs.reverse(), { value: c.number('value', 0) });
}

function repeatInterleave(c: Call): Tensor {
  const repeats = c.operand('repeats');
  const each = typeof repeats === 'number' ? [repeats] : Array.from(repeats.dataSync());
  const axis = c.get('dim') === null ? undefined : c.number('dim');
  return t.repeatInterleave(c.tensor('x'), each.length === 1 ? each[0] : each, axis);
}

function diagonal(c: Call): Tensor {
  return t.diagonal(c.tensor('x'), { offset: c.number('offset', 0), axis1: c.number('dim1', 0), axis2: c.number('dim2', 1) });
}

/** Of a scalar, the one window. */
function unfold(c: Call): Tensor {
  const x = c.tensor('x');
  const windows = t.slidingWindowView(asList(x), c.number('dimension'), c.number('size'), c.number('step'));
  return x.rank === 0 ? t.select(windows, 0, 0) : windows;
}

export const shape: Table = {
  reshape: op('x shape', (c) => t.reshape(c.tensor('x'), c.numbers('shape'))),
  view: op('x shape', (c) => t.reshape(c.tensor('x'), c.numbers('shape'))),
  flatten: op('x start_dim end_dim', (c) => t.flatten(c.tensor('x'), c.number('start_dim', 0), c.number('end_dim', -1))),
  unflatten: op('x dim sizes', (c) => t.unflatten(c.tensor('x'), c.number('dim'), c.numbers('sizes'))),
  permute: op('x dims', (c) => t.permute(c.tensor('x'), c.numbers('dims'))),
  transpose: op('x dim0 dim1', (c) => t.transpose(c.tensor('x'), c.number('dim0'), c.number('dim1'))),
  swapaxes: op('x dim0 dim1', (c) => t.transpose(c.tensor('x'), c.number('dim0'), c.number('dim1'))),
  movedim: op('x source destination', (c) => t.movedim(c.tensor('x'), c.numbers('source'), c.numbers('destination'))),
  squeeze: op('x dim', squeeze),
  'squeeze.multiple': op('x dim', squeeze),
  unsqueeze: op('x dim', (c) => t.unsqueeze(c.tensor('x'), c.number('dim'))),
  atleast_1d: op('x', (c) => asList(c.tensor('x'))),
  atleast_2d: op('x', (c) => (c.tensor('x').rank > 1 ? c.tensor('x') : t.unsqueeze(asList(c.tensor('x')), 0))),
  expand: op('x shape', (c) => t.expand(c.tensor('x'), c.numbers('shape'))),
  broadcast_to: op('x shape', (c) => t.broadcastTo(c.tensor('x'), c.numbers('shape'))),
  narrow: op('x dim start length', narrow),
  split: op('x size dim', (c) => t.split(c.tensor('x'), c.get('size') as number | number[], c.number('dim', 0))),
  split_with_sizes: op('x sizes dim', (c) => t.split(c.tensor('x'), c.numbers('sizes'), c.number('dim', 0))),
  chunk: op('x chunks dim', (c) => t.chunk(c.tensor('x'), c.number('chunks'), c.number('dim', 0))),
  unbind: op('x dim', (c) => t.unbind(c.tensor('x'), c.number('dim', 0))),
  flip: op('x dims', (c) => t.flip(c.tensor('x'), c.numbers('dims'))),
  diagonal: op('x offset dim1 dim2', diagonal),
  unfold: op('x dimension size step', unfold),
  tril: op('x diagonal', (c) => t.tril(c.tensor('x'), c.number('diagonal', 0))),
  triu: op('x diagonal', (c) => t.triu(c.tensor('x'), c.number('diagonal', 0))),

  cat: op('*tensors dim', cat),
  stack: op('*tensors dim', (c) => t.stack(c.tensors('tensors'), c.number('dim', 0))),
  roll: op('x shifts dims', (c) => t.roll(c.tensor('x'), c.numbers('shifts'), c.get('dims') === null ? undefined : c.numbers('dims'))),
  repeat: op('x repeats', (c) => t.tile(c.tensor('x'), c.numbers('repeats'))),
  repeat_interleave: op('x repeats dim output_size', repeatInterleave),
  'pad.constant': op('x pad mode value', pad),
};
