import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Table } from './call.js';

/* Products of matrices, vectors and tensors. */

const product = op('a b', (c) => t.matmul(c.tensor('a'), c.tensor('b')));

/** β · x + α · a b */
function addProduct(c: Call): Tensor {
  const product = t.matmul(c.tensor('a'), c.tensor('b'));
  return t.add(t.mul(c.tensor('x'), c.number('beta', 1)), t.mul(product, c.number('alpha', 1)));
}

/** The number of axes to be summed over, or two lists of them. */
function tensordot(c: Call): Tensor {
  const dims = c.get('dims') ?? 2;
  return t.tensordot(c.tensor('a'), c.tensor('b'), dims as number | [number[], number[]]);
}

export const products: Table = {
  matmul: product,
  mm: product,
  bmm: product,
  mv: product,
  dot: op('a b', (c) => t.dot(c.tensor('a'), c.tensor('b'))),
  __rmatmul__: op('a b', (c) => t.matmul(c.tensor('b'), c.tensor('a'))),
  addmm: op('x a b beta alpha', addProduct),
  baddbmm: op('x a b beta alpha', addProduct),
  linear: op('x weight bias', (c) => t.linear(c.tensor('x'), c.tensor('weight'), c.optional('bias'))),
  outer: op('a b', (c) => t.outer(c.tensor('a'), c.tensor('b'))),
  inner: op('a b', (c) => t.inner(c.tensor('a'), c.tensor('b'))),
  tensordot: op('a b dims', tensordot),
  einsum: op('*tensors equation', (c) => t.einsum(c.text('equation', ''), c.tensors('tensors'))),
};
