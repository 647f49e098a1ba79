import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { Skip } from '../suite.js';
import { asRows } from './axes.js';
import { type Call, op, type Outputs, type Table } from './call.js';
import { random } from './left-out.js';

/* Activations, softmax with its kin, dropout. */

const unary = (fn: (x: Tensor, c: Call) => Tensor) => op('x', (c) => fn(c.tensor('x'), c));

function selu(x: Tensor, c: Call): Tensor {
  if (!c.has('alpha') && !c.has('gamma')) return t.selu(x);
  return t.mul(t.elu(x, c.number('alpha', 1.6732632423543772)), c.number('gamma', 1.0507009873554805));
}

/** A slope for each channel there, for any axes here: every element is a channel of its own. */
function prelu(c: Call): Tensor {
  const x = c.tensor('x');
  const slope = t.flatten(t.broadcastTo(c.tensor('slope'), x.shape));
  return t.reshape(t.prelu(t.reshape(x, [1, x.size]), slope), x.shape);
}

/** What is beyond ±lambd, moved towards 0 by bias. */
function shrink(x: Tensor, c: Call): Tensor {
  const [lambd, bias] = [c.number('lambd', 0.5), c.number('bias', 0)];
  if (bias === 0) return t.hardshrink(x, lambd);
  if (bias === lambd) return t.softshrink(x, lambd);
  return t.where(t.gt(x, lambd), t.sub(x, bias), t.where(t.lt(x, -lambd), t.add(x, bias), 0));
}

/** Before version 13 the axes from `axis` on count as one. */
function alongAxis(fn: (x: Tensor, axis: number) => Tensor) {
  return op('x', (c) => {
    const x = c.tensor('x');
    if (c.opset >= 13) return fn(x, c.number('axis', -1));
    return t.reshape(fn(t.reshape(x, asRows(x.shape, c.number('axis', 1))), 1), x.shape);
  });
}

/** 1 where the first greatest element is, else 0. */
function hardmax(x: Tensor, axis: number): Tensor {
  return t.movedim(t.oneHot(t.argmax(x, axis), x.shape.at(axis)!, { dtype: x.dtype }), -1, axis);
}

function dropout(c: Call): Outputs {
  const [x, ratio] = [c.tensor('x'), c.number('ratio', 0.5)];
  const training = c.flag('training_mode');
  if (training && ratio > 0) throw new Skip(`by design: ${random}`);
  const y = t.dropout(x, ratio, training ? new t.Rng(0) : undefined);
  return [y, t.full(x.shape, 1, { dtype: 'bool', backend: c.backend })];
}

export const activations: Table = {
  Relu: unary(t.relu),
  Sigmoid: unary(t.sigmoid),
  HardSwish: unary(t.hardSwish),
  Mish: unary(t.mish),
  Softplus: unary((x) => t.softplus(x)),
  Softsign: unary(t.softsign),
  Elu: unary((x, c) => t.elu(x, c.number('alpha', 1))),
  Celu: unary((x, c) => t.celu(x, c.number('alpha', 1))),
  Selu: unary(selu),
  LeakyRelu: unary((x, c) => t.leakyRelu(x, c.number('alpha', 0.01))),
  ThresholdedRelu: unary((x, c) => t.threshold(x, c.number('alpha', 1), 0)),
  PRelu: op('x slope', prelu),
  Gelu: unary((x, c) => (c.text<string>('approximate', 'none') === 'tanh' ? t.geluTanh : t.gelu)(x)),
  HardSigmoid: unary((x, c) => t.hardSigmoid(x, { alpha: c.number('alpha', 0.2), beta: c.number('beta', 0.5) })),
  Shrink: unary(shrink),
  SwiGLU: op('gate up', (c) => t.gated(c.tensor('gate'), c.tensor('up'))),

  Softmax: alongAxis(t.softmax),
  LogSoftmax: alongAxis(t.logSoftmax),
  Hardmax: alongAxis(hardmax),
  Dropout: op('x ratio training_mode', dropout),
};
