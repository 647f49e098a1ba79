import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Table } from './call.js';

/* Constructors. */

const options = (c: Call): t.CreateOptions => ({ dtype: c.dtype() ?? undefined, backend: c.backend });

function arange(c: Call): Tensor {
  return t.arange(c.number('start', 0), c.get('end') === null ? undefined : c.number('end'), c.number('step', 1), options(c));
}

export const create: Table = {
  arange: op('start end step dtype', arange),
  linspace: op('start end steps dtype', (c) => t.linspace(c.number('start'), c.number('end'), c.number('steps'), options(c))),
  logspace: op('start end steps base dtype', (c) => {
    return t.logspace(c.number('start'), c.number('end'), c.number('steps'), { base: c.number('base', 10), ...options(c) });
  }),
  eye: op('n m dtype', (c) => t.eye(c.number('n'), c.number('m', c.number('n')), options(c))),
  full: op('shape value dtype', (c) => t.full(c.numbers('shape'), c.number('value'), options(c))),
  zeros: op('shape dtype', (c) => t.zeros(c.numbers('shape'), options(c))),
  ones: op('shape dtype', (c) => t.ones(c.numbers('shape'), options(c))),
  full_like: op('x value', (c) => t.fullLike(c.tensor('x'), c.number('value'))),
  zeros_like: op('x', (c) => t.zerosLike(c.tensor('x'))),
  ones_like: op('x', (c) => t.onesLike(c.tensor('x'))),
};
