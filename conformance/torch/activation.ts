import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { op, type Table } from './call.js';

/* Nonlinearities. */

const plain = (fn: (x: Tensor) => Tensor) => op('x', (c) => fn(c.tensor('x')));
const gated = (fn: (x: Tensor, axis: number) => Tensor) => op('x dim', (c) => fn(c.tensor('x'), c.number('dim', -1)));

/** With one number, whose default is PyTorch's. */
const tuned = (fn: (x: Tensor, option: number) => Tensor, name: string, fallback: number) =>
  op(`x ${name}`, (c) => fn(c.tensor('x'), c.number(name, fallback)));

export const activation: Table = {
  relu: plain(t.relu),
  relu6: plain(t.relu6),
  relu_squared: plain(t.reluSquared),
  leaky_relu: tuned(t.leakyRelu, 'negative_slope', 0.01),
  prelu: op('x weight', (c) => t.prelu(c.tensor('x'), c.tensor('weight'))),
  threshold: op('x threshold value', (c) => t.threshold(c.tensor('x'), c.number('threshold'), c.number('value'))),
  elu: tuned(t.elu, 'alpha', 1),
  celu: tuned(t.celu, 'alpha', 1),
  selu: plain(t.selu),
  gelu: op('x approximate', (c) => (c.text<string>('approximate', 'none') === 'tanh' ? t.geluTanh : t.gelu)(c.tensor('x'))),
  'gelu-exact': op('x approximate', (c) => t.gelu(c.tensor('x'))),
  'gelu-tanh': op('x approximate', (c) => t.geluTanh(c.tensor('x'))),
  quick_gelu: tuned((x, alpha) => (alpha === 1.702 ? t.quickGelu(x) : t.mul(x, t.sigmoid(t.mul(x, alpha)))), 'alpha', 1.702),
  silu: plain(t.silu),
  sigmoid: plain(t.sigmoid),
  tanh: plain(t.tanh),
  softplus: op('x beta threshold', (c) => {
    return t.softplus(c.tensor('x'), { beta: c.number('beta', 1), threshold: c.number('threshold', 20) });
  }),
  logsigmoid: plain(t.logSigmoid),
  mish: plain(t.mish),
  hardswish: plain(t.hardSwish),
  hardsigmoid: plain((x) => t.hardSigmoid(x)),
  hardtanh: op('x min_val max_val', (c) => t.hardtanh(c.tensor('x'), c.number('min_val', -1), c.number('max_val', 1))),
  hardshrink: tuned(t.hardshrink, 'lambd', 0.5),
  softshrink: tuned(t.softshrink, 'lambd', 0.5),
  softsign: plain(t.softsign),
  tanhshrink: plain(t.tanhshrink),
  glu: gated(t.glu),
  swiglu: gated(t.swiglu),
  geglu: gated(t.geglu),
  dropout: op('x p training', (c) => t.dropout(c.tensor('x'), c.number('p', 0.5), c.flag('training', true) ? new t.Rng(0) : undefined)),
};
