import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { asRows } from './axes.js';
import { type Call, op, type Table } from './call.js';

/* Views and pieces, constructors. */

const ids = (numbers: readonly number[], backend: t.Backend) => t.tensor(Int32Array.from(numbers), { backend });

/** Which of the numbers is for which axis. */
function byAxis(c: Call, rank: number): readonly (readonly [place: number, axis: number])[] {
  const axes = c.has('axes') ? c.numbers('axes') : [...Array(c.numbers('starts').length).keys()];
  return axes.map((axis, place) => [place, axis < 0 ? axis + rank : axis] as const);
}

function slice(c: Call): Tensor {
  const [starts, ends, steps] = [c.numbers('starts'), c.numbers('ends'), c.numbers('steps')];
  const x = c.tensor('x');
  return byAxis(c, x.rank).reduce((y, [i, axis]) => t.slice(y, axis, starts[i], ends[i], steps[i]), x);
}

function split(c: Call): Tensor[] {
  const [x, axis] = [c.tensor('x'), c.number('axis', 0)];
  if (c.has('split')) return t.split(x, c.numbers('split'), axis);
  return t.split(x, Math.ceil(x.shape.at(axis)! / c.outputs), axis);
}

/** 0 is the length of x at that place, unless `allowzero`. */
function reshape(c: Call): Tensor {
  const x = c.tensor('x');
  return t.reshape(x, c.numbers('shape').map((n, i) => (n === 0 && !c.flag('allowzero') ? x.shape[i] : n))); // biome-ignore format: one call
}

function flatten(c: Call): Tensor {
  const [x, axis] = [c.tensor('x'), c.number('axis', 1)];
  return t.reshape(x, asRows(x.shape, axis < 0 ? axis + x.rank : axis));
}

/** Both ways: x may be the longer one. */
function expand(c: Call): Tensor {
  const [x, shape] = [c.tensor('x'), c.numbers('shape')];
  const rank = Math.max(x.rank, shape.length);
  const own = [...Array(rank - x.rank).fill(1), ...x.shape];
  const wanted = [...Array(rank - shape.length).fill(1), ...shape];
  return t.broadcastTo(x, own.map((n, i) => (n === 1 ? wanted[i] : n))); // biome-ignore format: one call
}

/** The axes are those of the result, in whatever order. */
function unsqueeze(c: Call): Tensor {
  const [x, axes] = [c.tensor('x'), c.numbers('axes')];
  const places = axes.map((axis) => (axis < 0 ? axis + x.rank + axes.length : axis)).sort((a, b) => a - b);
  return places.reduce(t.unsqueeze, x);
}

function squeeze(c: Call): Tensor {
  return t.squeeze(c.tensor('x'), c.has('axes') ? c.numbers('axes') : undefined);
}

function trilu(c: Call): Tensor {
  return (c.flag('upper', true) ? t.triu : t.tril)(c.tensor('x'), c.number('k', 0));
}

function pad(c: Call): Tensor {
  const [x, pads] = [c.tensor('x'), c.numbers('pads')];
  const axes = c.has('axes') ? c.numbers('axes').map((axis) => (axis < 0 ? axis + x.rank : axis)) : [...x.shape.keys()];
  const widths = [...x.shape.keys()].map((axis): [number, number] => {
    const place = axes.indexOf(axis);
    return place < 0 ? [0, 0] : [pads[place], pads[place + axes.length]];
  });
  return t.pad(x, widths, { mode: c.text<t.PadMode>('mode', 'constant'), value: c.number('value', 0) });
}

/** A tensor, or plain numbers. */
function constant(c: Call): Tensor {
  if (c.has('value')) return c.tensor('value');
  const name = ['value_float', 'value_floats', 'value_int', 'value_ints'].find((name) => c.has(name)) ?? 'value';
  const [data, shape] = [c.numbers(name), name.endsWith('s') ? undefined : []];
  return t.tensor(name.startsWith('value_int') ? Int32Array.from(data) : Float32Array.from(data), { shape, backend: c.backend });
}

function constantOfShape(c: Call): Tensor {
  const value = c.has('value') ? c.tensor('value') : t.zeros([1], { backend: c.backend });
  return t.broadcastTo(t.reshape(value, []), c.numbers('shape'));
}

/** Ones on diagonal k. */
function eyeLike(c: Call): Tensor {
  const x = c.tensor('x');
  const [rows, columns] = x.shape.map((n) => t.arange(0, n, 1, { dtype: 'int32', backend: c.backend }));
  return t.cast(t.eq(t.add(t.unsqueeze(rows, 1), c.number('k', 0)), columns), c.dtype('dtype') ?? x.dtype);
}

function range(c: Call): Tensor {
  return t.arange(c.number('start'), c.number('limit'), c.number('delta'), { dtype: c.dtypeOf('start'), backend: c.backend });
}

/** values[1] where the class is, else values[0]; negative classes count from the end, and one beyond them is nowhere. */
function oneHot(c: Call): Tensor {
  const [indices, depth] = [t.cast(c.tensor('indices'), 'int32'), c.number('depth')];
  const [off, on] = t.split(c.tensor('values'), 1);
  const classes = t.where(t.lt(indices, 0), t.add(indices, depth), indices);
  const somewhere = t.logicalAnd(t.ge(classes, 0), t.lt(classes, depth));
  const hot = t.oneHot(t.where(somewhere, classes, depth), depth + 1, { dtype: 'bool' }); // the last is for those that are nowhere
  return t.where(t.movedim(t.slice(hot, -1, 0, depth), -1, c.number('axis', -1)), on, off);
}

/** The first lengths[i] elements of sequence i from back to front. */
function reverseSequence(c: Call): Tensor {
  const [x, time, batch] = [c.tensor('x'), c.number('time_axis', 0), c.number('batch_axis', 1)];
  const along = (numbers: Tensor, axis: number) => t.reshape(numbers, x.shape.map((_, i) => (i === axis ? numbers.size : 1))); // biome-ignore format: one call
  const places = along(t.arange(0, x.shape[time], 1, { dtype: 'int32', backend: c.backend }), time);
  const last = t.sub(along(c.tensor('sequence_lens'), batch), 1);
  return t.takeAlong(x, t.broadcastTo(t.where(t.le(places, last), t.sub(last, places), places), x.shape), time);
}

export const shape: Table = {
  Reshape: op('x shape', reshape),
  Flatten: op('x', flatten),
  Transpose: op('x', (c) => t.permute(c.tensor('x'), c.has('perm') ? c.numbers('perm') : [...c.tensor('x').shape.keys()].reverse())),
  Squeeze: op('x axes', squeeze),
  Unsqueeze: op('x axes', unsqueeze),
  Expand: op('x shape', expand),
  Concat: op('*inputs', (c) => t.concat(c.rest(), c.number('axis'))),
  Split: op('x split', split),
  Slice: op('x starts ends axes steps', slice),
  Pad: op('x pads value axes', pad),
  Tile: op('x repeats', (c) => t.tile(c.tensor('x'), c.numbers('repeats'))),
  Trilu: op('x k', trilu),
  ReverseSequence: op('x sequence_lens', reverseSequence),
  Shape: op('x', (c) => ids(c.tensor('x').shape.slice(c.number('start', 0), c.has('end') ? c.number('end') : undefined), c.backend)),
  Size: op('x', (c) => t.reshape(ids([c.tensor('x').size], c.backend), [])),

  Constant: op('none', constant),
  ConstantOfShape: op('shape', constantOfShape),
  EyeLike: op('x', eyeLike),
  Range: op('start limit delta', range),
  OneHot: op('indices depth values', oneHot),
};
