import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { floats, integers, type OpCase, type OpError, type OpSample, refuses, show } from '../op-case.js';

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);
const ids = (...numbers: number[]): ops.Tensor => tensor(Int32Array.from(numbers));

type Pair = readonly [a: readonly number[], b: readonly number[]];

/** A product of two tensors of each pair of shapes. */
function productCase(name: string, pairs: readonly Pair[], run: (a: ops.Tensor, b: ops.Tensor) => ops.Tensor, errors: OpError[]): OpCase {
  return {
    name,
    samples: (rng) =>
      pairs.map(([a, b]): OpSample => ({ what: `${show(a)} and ${show(b)}`, inputs: [floats(rng, a), floats(rng, b)], run })),
    errors,
  };
}

const vectors: readonly OpCase[] = [
  productCase('outer', [[[3], [4]], [[1], [1]], [[0], [3]], [[2], [0]]], ops.outer, [
    refuses('a matrix', ShapeError, ['outer', '[2, 2]'], () => ops.outer(zeros(2, 2), zeros(2))),
    refuses('two dtypes', DTypeError, ['outer', 'float32', 'int32'], () => ops.outer(zeros(2), ids(1))),
  ]), // biome-ignore format: pairs
  productCase('dot', [[[5], [5]], [[1], [1]], [[0], [0]]], ops.dot, [
    refuses('other lengths', ShapeError, ['dot', '[2]', '[3]'], () => ops.dot(zeros(2), zeros(3))),
    refuses('a matrix', ShapeError, ['dot', '[2, 2]'], () => ops.dot(zeros(2, 2), zeros(2))),
    refuses('int32', DTypeError, ['dot', 'int32'], () => ops.dot(ids(1), ids(1))),
  ]), // biome-ignore format: pairs
  productCase('inner', [[[4], [4]], [[2, 3], [3]], [[2, 3], [4, 3]], [[2, 1, 3], [2, 2, 3]], [[], [2, 3]], [[3], []], [[], []], [[2, 0], [3, 0]]], ops.inner, [
    refuses('other lengths', ShapeError, ['inner', '[2, 3]', '[2]'], () => ops.inner(zeros(2, 3), zeros(2))),
    refuses('int32', DTypeError, ['inner', 'int32'], () => ops.inner(ids(1), ids(1))),
  ]), // biome-ignore format: pairs
  productCase('kron', [[[2], [3]], [[2, 3], [3, 2]], [[2], [1, 2, 2]], [[], [3]], [[], []], [[0, 2], [2, 3]]], ops.kron, [
    refuses('two dtypes', DTypeError, ['kron', 'float32', 'int32'], () => ops.kron(zeros(2), ids(1))),
  ]), // biome-ignore format: pairs
];

const tensordot: OpCase = {
  name: 'tensordot',
  samples: (rng) => {
    const sample = (a: readonly number[], b: readonly number[], axes?: Parameters<typeof ops.tensordot>[2]): OpSample => ({
      what: `${show(a)} and ${show(b)} over ${JSON.stringify(axes)}`,
      inputs: [floats(rng, a), floats(rng, b)],
      run: (x, y) => ops.tensordot(x, y, axes),
    });
    return [
      sample([2, 3, 4], [3, 4, 2]),
      sample([2, 3], [3, 4], 1),
      sample([2], [3], 0),
      sample([2, 3], [2, 3], 2),
      sample([2, 3, 4], [4, 2, 5], [[2, 0], [0, 1]]), // biome-ignore format: axes
      sample([2, 3], [3, 2], [[-1], [0]]),
      sample([2, 3], [2], [[], []]),
      sample([2, 0], [0, 3], 1),
      sample([], [2], 0),
    ];
  },
  errors: [
    refuses('other lengths', ShapeError, ['tensordot', '[2, 3]', '[4, 5]', 3, 4], () => ops.tensordot(zeros(2, 3), zeros(4, 5), 1)),
    refuses('more axes than there are', ShapeError, ['tensordot', 3, '[2, 3]'], () => ops.tensordot(zeros(2, 3), zeros(2, 3, 4), 3)),
    refuses('a negative number', ValueError, ['tensordot', -1], () => ops.tensordot(zeros(2), zeros(2), -1)),
    refuses('lists of two lengths', ShapeError, ['tensordot', '[0, 1]', '[0]'], () =>
      ops.tensordot(zeros(2, 2), zeros(2, 2), [[0, 1], [0]]),
    ),
    refuses('an axis twice', ShapeError, ['tensordot', '[0, 0]'], () => ops.tensordot(zeros(2, 2), zeros(2, 2), [[0, 0], [0, 1]])), // biome-ignore format: axes
    refuses('an axis out of range', ShapeError, ['tensordot', 2], () => ops.tensordot(zeros(2), zeros(2), [[2], [0]])),
    refuses('int32', DTypeError, ['tensordot', 'int32'], () => ops.tensordot(ids(1), ids(1), 1)),
  ],
};

// biome-ignore format: a table
const equations: readonly (readonly [equation: string, ...shapes: (readonly number[])[]])[] = [
  // one operand: orders, sums, diagonals
  ['ij->ji', [2, 3]], ['ij', [2, 3]], ['ba', [2, 3]], ['ij->', [2, 3]], ['ij->j', [2, 3]], ['i->', [3]], ['->', []], ['', []],
  ['ii->i', [3, 3]], ['ii', [3, 3]], ['iij->j', [2, 2, 3]], ['iji->j', [2, 3, 2]], ['iii->i', [2, 2, 2]], ['iijj->ij', [2, 2, 3, 3]],
  ['...ii->...i', [2, 3, 3]], ['i...->...', [3, 2]], ['...->', [2, 3]], ['...', [2, 3]], ['...ij->...ji', [2, 2, 3]], [' i j -> j i ', [2, 3]],
  // two operands
  ['ij,jk->ik', [2, 3], [3, 4]], ['ij,jk', [2, 3], [3, 4]], ['ij,kj->ik', [2, 3], [4, 3]], ['ji,jk->ki', [3, 2], [3, 4]], ['i,i->', [3], [3]],
  ['i,i->i', [3], [3]], ['i,j->ij', [2], [3]], ['i,j->ji', [2], [3]], ['ij,j->i', [2, 3], [3]], ['ij,ij->ij', [2, 3], [2, 3]],
  ['bij,bjk->bik', [2, 3, 2], [2, 2, 4]], ['bhqd,bhkd->bhqk', [2, 2, 3, 4], [2, 2, 2, 4]], ['bqhd,bkhd->bhqk', [2, 3, 2, 4], [2, 2, 2, 4]],
  ['ij,Ab->ijAb', [2, 3], [2, 2]], ['ijk,ik->j', [2, 3, 2], [2, 2]], ['ijkl,lkm->ijm', [2, 1, 2, 3], [3, 2, 2]], ['ij,k->', [2, 3], [4]],
  ['aij,jk->aik', [2, 3, 2], [2, 2]], ['...ij,...jk->...ik', [2, 2, 3], [3, 2]], ['...ij,...jk', [2, 1, 2, 3], [3, 3, 2]],
  ['i...,i...->...', [2, 3], [2, 1]], ['...i,...i->...', [2, 3], [3]], ['...,...->', [2, 3], [3]], [',i->i', [], [3]], ['ii,i->i', [3, 3], [3]],
  // lengths of 1 broadcast
  ['ij,jk->ik', [2, 1], [3, 4]], ['ij,jk->ik', [2, 3], [1, 4]], ['bi,bi->b', [1, 3], [2, 3]], ['ij,ij->ij', [2, 1], [1, 3]],
  // three and more
  ['ij,jk,kl->il', [2, 3], [3, 2], [2, 4]], ['i,j,k->ijk', [2], [3], [2]], ['ij,ij,ij->i', [2, 3], [2, 3], [2, 3]], ['i,i,i', [3], [3], [3]],
  ['ab,bc,ca->', [2, 3], [3, 2], [2, 2]], ['i,ij,j->', [2], [2, 3], [3]], ['ij,k,jl,lk->i', [2, 3], [2], [3, 2], [2, 2]],
  // nothing
  ['ij,jk->ik', [2, 0], [0, 3]], ['ij,jk->ik', [0, 2], [2, 3]], ['ij->j', [0, 3]], ['i,j->ij', [0], [2]], ['ii->i', [0, 0]],
];

const einsum: OpCase = {
  name: 'einsum',
  samples: (rng) => [
    ...equations.map(
      ([equation, ...of]): OpSample => ({
        what: `${JSON.stringify(equation)} of ${of.map(show).join(', ')}`,
        inputs: of.map((shape) => floats(rng, shape)),
        run: (...xs) => ops.einsum(equation, xs),
      }),
    ),
    { what: 'one tensor twice', inputs: [floats(rng, [2, 3])], run: (x) => ops.einsum('ij,kj->ik', [x, x]) },
    { what: 'a sum of int32', inputs: [integers(rng, [2, 3], -9, 9)], run: (x) => ops.einsum('ij->j', [x]) },
  ],
  errors: [
    refuses('other lengths', ShapeError, ['einsum', 'j', '[2, 3]', '[4, 5]'], () => ops.einsum('ij,jk->ik', [zeros(2, 3), zeros(4, 5)])),
    refuses('other lengths behind a 1', ShapeError, ['i', '[2]', '[3]'], () => ops.einsum('i,i,i', [zeros(1), zeros(2), zeros(3)])),
    refuses('other lengths under an ellipsis', ShapeError, ['ellipsis', '[2]', '[3]'], () => ops.einsum('...,...', [zeros(2), zeros(3)])),
    refuses('a diagonal of no square', ShapeError, ['i', '[2, 3]'], () => ops.einsum('ii->i', [zeros(2, 3)])),
    refuses('a diagonal with a 1', ShapeError, ['i', '[1, 3]'], () => ops.einsum('ii->i', [zeros(1, 3)])),
    refuses('too few operands', ValueError, ['einsum', 1, 2], () => ops.einsum('ij', [zeros(2, 3), zeros(3)])),
    refuses('too many operands', ValueError, ['einsum', 2, 1], () => ops.einsum('ij,j', [zeros(2, 3)])),
    refuses('no tensors', ValueError, ['einsum', 'none'], () => ops.einsum('', [])),
    refuses('too few letters', ValueError, ['operand 0', 1, 2], () => ops.einsum('i', [zeros(2, 3)])),
    refuses('too many letters', ValueError, ['operand 1', 2, 1], () => ops.einsum('i,ij', [zeros(2), zeros(2)])),
    refuses('too many letters beside an ellipsis', ValueError, ['operand 0', 'ellipsis'], () => ops.einsum('i...j', [zeros(2)])),
    refuses('two arrows', ValueError, ['->'], () => ops.einsum('i->i->i', [zeros(2)])),
    refuses('two ellipses', ValueError, ['operand 0', 'ellipsis'], () => ops.einsum('...i...', [zeros(2)])),
    refuses('two dots', ValueError, ['operand 0', '"."'], () => ops.einsum('..i', [zeros(2)])),
    refuses('a digit', ValueError, ['operand 0', '"1"'], () => ops.einsum('i1', [zeros(2, 2)])),
    refuses('half an arrow', ValueError, ['operand 0', '"-"'], () => ops.einsum('i-i', [zeros(2)])),
    refuses('a letter twice in the output', ValueError, ['output', 'i', 'twice'], () => ops.einsum('i->ii', [zeros(2)])),
    refuses('a letter from nowhere', ValueError, ['output', 'k'], () => ops.einsum('ij->ik', [zeros(2, 3)])),
    refuses('two outputs', ValueError, ['output', '","'], () => ops.einsum('ij->i,j', [zeros(2, 3)])),
    refuses('no equation', ValueError, ['einsum', 'string'], () => ops.einsum(7 as never, [zeros(2)])),
    refuses('two dtypes', DTypeError, ['einsum', 'float32', 'int32'], () => ops.einsum('i,i', [zeros(2), ids(1, 2)])),
    refuses('a product of int32', DTypeError, ['einsum', 'int32'], () => ops.einsum('i,i', [ids(1), ids(1)])),
  ],
};

export const productOps: readonly OpCase[] = [...vectors, tensordot, einsum];
