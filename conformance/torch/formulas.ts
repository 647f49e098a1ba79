import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Table } from './call.js';

/*
 * PyTorch functions that the toolkit does not name, because each is one formula over operations that it has: what one writes here
 * instead of calling them. They test those operations together, and their gradients.
 */

/** β · x + α · a b */
function addProduct(c: Call): Tensor {
  const product = t.matmul(c.tensor('a'), c.tensor('b'));
  return t.add(t.mul(c.tensor('x'), c.number('beta', 1)), t.mul(product, c.number('alpha', 1)));
}

/** x + value · term */
const plus = (x: Tensor, term: Tensor, value: number) => t.add(x, t.mul(term, value));

export const formulas: Table = {
  addcmul: op('x a b value', (c) => plus(c.tensor('x'), t.mul(c.tensor('a'), c.tensor('b')), c.number('value', 1))),
  addcdiv: op('x a b value', (c) => plus(c.tensor('x'), t.div(c.tensor('a'), c.tensor('b')), c.number('value', 1))),
  addmm: op('x a b beta alpha', addProduct),
  baddbmm: op('x a b beta alpha', addProduct),
};
