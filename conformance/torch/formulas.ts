import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Table } from './call.js';
import { reductionOf } from './reduce.js';

/*
 * PyTorch functions that the toolkit does not name, because each is one formula over operations that it has: what one writes here
 * instead of calling them. They test those operations together, and their gradients.
 */

const largest = 3.4028234663852886e38;

/** x without its fraction. */
const trunc = (x: Tensor) => t.where(t.gt(x, 0), t.floor(x), t.ceil(x));

/** The two halves along `dim`. */
function halves(c: Call): [Tensor, Tensor] {
  return t.chunk(c.tensor('x'), 2, c.number('dim', -1)) as [Tensor, Tensor];
}

const gated = (gate: (a: Tensor, b: Tensor) => Tensor) => op('x dim', (c) => gate(...halves(c)));

/** ln(eᵃ + eᵇ) */
function logAddExp(a: Tensor, b: Tensor): Tensor {
  const [x, y] = [t.add(a, t.mul(b, 0)), t.add(b, t.mul(a, 0))];
  return t.logsumexp(t.stack([x, y]), { axis: 0 });
}

function nanToNum(x: Tensor): Tensor {
  const finite = t.where(t.isnan(x), 0, x);
  return t.where(t.gt(finite, largest), largest, t.where(t.lt(finite, -largest), -largest, finite));
}

function softplus(c: Call): Tensor {
  const [x, beta] = [c.tensor('x'), c.number('beta', 1)];
  const scaled = t.mul(x, beta);
  return t.where(t.gt(scaled, c.number('threshold', 20)), x, t.div(t.softplus(scaled), beta));
}

function selu(x: Tensor): Tensor {
  return t.mul(t.elu(x, 1.6732632423543772), 1.0507009873554805);
}

function klDivergence(c: Call): Tensor {
  const [x, target] = [c.tensor('input'), c.tensor('target')];
  const losses = c.flag('log_target')
    ? t.mul(t.exp(target), t.sub(target, x))
    : t.sub(t.where(t.eq(target, 0), 0, t.mul(target, t.log(target))), t.mul(target, x));
  const reduction = c.text<string>('reduction', 'mean');
  if (reduction === 'batchmean') return t.div(t.sum(losses), x.shape[0]);
  return reduction === 'none' ? losses : reduction === 'sum' ? t.sum(losses) : t.mean(losses);
}

/** Whether anything, or everything, along the axes is other than 0. */
function counted(c: Call, what: (x: Tensor) => Tensor): Tensor {
  const { x, options } = reductionOf(c);
  return t.sum(t.cast(what(x), 'int32'), options);
}

export const formulas: Table = {
  'div.floor_rounding': op('a b rounding_mode', (c) => t.floor(t.div(c.operand('a'), c.operand('b')))),
  'div.trunc_rounding': op('a b rounding_mode', (c) => trunc(t.div(c.operand('a'), c.operand('b')))),
  remainder: op('a b', (c) => t.sub(c.operand('a'), t.mul(c.operand('b'), t.floor(t.div(c.operand('a'), c.operand('b')))))),
  fmod: op('a b', (c) => t.sub(c.operand('a'), t.mul(c.operand('b'), trunc(t.div(c.operand('a'), c.operand('b')))))),
  lerp: op('a b weight', (c) => t.add(c.tensor('a'), t.mul(t.sub(c.tensor('b'), c.tensor('a')), c.operand('weight')))),
  addcmul: op('x a b value', (c) => t.add(c.tensor('x'), t.mul(t.mul(c.tensor('a'), c.tensor('b')), c.number('value', 1)))),
  addcdiv: op('x a b value', (c) => t.add(c.tensor('x'), t.mul(t.div(c.tensor('a'), c.tensor('b')), c.number('value', 1)))),
  logaddexp: op('a b', (c) => logAddExp(c.tensor('a'), c.tensor('b'))),
  nan_to_num: op('x', (c) => nanToNum(c.tensor('x'))),
  isfinite: op('x', (c) => t.eq(t.sub(c.tensor('x'), c.tensor('x')), 0)),
  any: op('x dim keepdim', (c) =>
    t.gt(
      counted(c, (x) => t.ne(x, 0)),
      0,
    ),
  ),
  all: op('x dim keepdim', (c) =>
    t.eq(
      counted(c, (x) => t.eq(x, 0)),
      0,
    ),
  ),

  softplus: op('x beta threshold', softplus),
  selu: op('x', (c) => selu(c.tensor('x'))),
  relu6: op('x', (c) => t.where(t.ge(c.tensor('x'), 6), 6, t.relu(c.tensor('x')))),
  relu_squared: op('x', (c) => t.square(t.relu(c.tensor('x')))),
  quick_gelu: op('x alpha', (c) => t.mul(c.tensor('x'), t.sigmoid(t.mul(c.tensor('x'), c.number('alpha', 1.702))))),
  softsign: op('x', (c) => t.div(c.tensor('x'), t.add(t.abs(c.tensor('x')), 1))),
  tanhshrink: op('x', (c) => t.sub(c.tensor('x'), t.tanh(c.tensor('x')))),
  glu: gated((a, b) => t.mul(a, t.sigmoid(b))),
  swiglu: gated((a, b) => t.mul(t.silu(a), b)),
  geglu: gated((a, b) => t.mul(a, t.gelu(b))),

  kl_div: op('input target reduction log_target', klDivergence),
  huber_loss: op('input target reduction delta', (c) => {
    const [delta, reduction] = [c.number('delta', 1), c.text<t.Reduction>('reduction', 'mean')];
    return t.mul(t.smoothL1Loss(c.tensor('input'), c.tensor('target'), { beta: delta, reduction }), delta);
  }),
};
