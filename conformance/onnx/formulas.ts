import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Table } from './call.js';

/*
 * Operators that the toolkit does not name, because each is one formula over operations that it has: what one writes here instead.
 */

/** All axes but the first two, those of a picture. */
const spatial = (x: Tensor) => ({ axis: [...x.shape.keys()].slice(2), keepDims: true });

/** Channels become blocks of pixels; DCR has the channel of the block first, CRD that of the picture. */
function depthToSpace(c: Call): Tensor {
  const [x, b] = [c.tensor('x'), c.number('blocksize')];
  const [batch, channels, height, width] = x.shape;
  const depth = channels / (b * b);
  const blocks =
    c.text('mode', 'DCR') === 'DCR'
      ? t.permute(t.reshape(x, [batch, b, b, depth, height, width]), [0, 3, 4, 1, 5, 2])
      : t.permute(t.reshape(x, [batch, depth, b, b, height, width]), [0, 1, 4, 2, 5, 3]);
  return t.reshape(blocks, [batch, depth, height * b, width * b]);
}

function spaceToDepth(c: Call): Tensor {
  const [x, b] = [c.tensor('x'), c.number('blocksize')];
  const [batch, channels, height, width] = x.shape;
  const blocks = t.permute(t.reshape(x, [batch, channels, height / b, b, width / b, b]), [0, 3, 5, 1, 2, 4]);
  return t.reshape(blocks, [batch, channels * b * b, height / b, width / b]);
}

/** Σ wᵢ cos(i φ), φ from 0 to 2π, where it begins anew if `periodic`. */
const cosines = (...weights: number[]) =>
  op('size', (c) => {
    const n = c.number('size');
    const phase = t.mul(
      t.arange(0, n, 1, { dtype: 'float32', backend: c.backend }),
      (2 * Math.PI) / (c.flag('periodic', true) ? n : n - 1),
    );
    const terms = weights.map((weight, i) => t.mul(t.cos(t.mul(phase, i)), weight));
    return t.cast(t.sum(t.stack(terms), { axis: 0 }), c.dtype('output_datatype') ?? 'float32');
  });

/** x minus its mean, over its standard deviation. */
function meanVarianceNormalization(c: Call): Tensor {
  const x = c.tensor('x');
  const over = { axis: c.has('axes') ? c.numbers('axes') : [0, 2, 3], keepDims: true };
  return t.div(t.sub(x, t.mean(x, over)), t.add(t.std(x, { ...over, correction: 0 }), 1e-9));
}

/** The middle of each axis, or zeros around it. */
function centerCropPad(c: Call): Tensor {
  const [x, lengths] = [c.tensor('x'), c.numbers('shape')];
  const axes = c.has('axes') ? c.numbers('axes') : [...x.shape.keys()];
  return axes.reduce((y, axis, i) => {
    const more = lengths[i] - y.shape.at(axis)!;
    const before = Math.floor(Math.abs(more) / 2) * Math.sign(more); // negative: cut off
    return t.movedim(t.pad(t.movedim(y, axis, -1), [[before, more - before]]), -1, axis);
  }, x);
}

export const formulas: Table = {
  Swish: op('x', (c) => t.mul(c.tensor('x'), t.sigmoid(t.mul(c.tensor('x'), c.number('alpha', 1))))),
  MeanVarianceNormalization: op('x', meanVarianceNormalization),
  GlobalAveragePool: op('x', (c) => t.mean(c.tensor('x'), spatial(c.tensor('x')))),
  GlobalLpPool: op('x', (c) => t.norm(c.tensor('x'), { ...spatial(c.tensor('x')), p: c.number('p', 2) })),
  GlobalMaxPool: op('x', (c) => t.amax(c.tensor('x'), spatial(c.tensor('x')))),
  DepthToSpace: op('x', depthToSpace),
  SpaceToDepth: op('x', spaceToDepth),
  CenterCropPad: op('x shape', centerCropPad),
  HannWindow: cosines(0.5, -0.5),
  HammingWindow: cosines(25 / 46, -21 / 46),
  BlackmanWindow: cosines(0.42, -0.5, 0.08),
};
