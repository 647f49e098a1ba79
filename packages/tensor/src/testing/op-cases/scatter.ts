import * as ops from '../../index.js';
import { DTypeError, ShapeError, tensor, ValueError } from '../../index.js';
import { booleans, floats, given, integers, type OpCase, type OpError, type OpInput, type OpSample, refuses } from '../op-case.js';

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);
const ids = (...numbers: number[]): ops.Tensor => tensor(Int32Array.from(numbers));

type Along = (x: ops.Tensor, axis: number, ids: ops.Tensor, source: ops.Tensor) => ops.Tensor;

/** Ids along the first, the last and an inner axis; fewer of them than there is room or source; one place named twice. */
function alongSamples(rng: ops.Rng, run: Along, what = ''): OpSample[] {
  const sample = (of: string, x: OpInput, axis: number, at: OpInput, source: OpInput): OpSample => ({
    what: `${what}${of}`,
    inputs: [x, at, source],
    run: (x, at, source) => run(x, axis, at, source),
  });
  return [
    sample('rows', floats(rng, [4, 3]), 0, given('int32', [2, 3], [3, 0, 1, 1, 2, 0]), floats(rng, [2, 3])),
    sample('columns', floats(rng, [3, 5]), -1, given('int32', [2, 2], [4, 0, 1, 3]), floats(rng, [2, 2])),
    sample('an inner axis', floats(rng, [2, 4, 2]), 1, given('int32', [2, 1, 2], [3, 0, 1, 1]), floats(rng, [2, 1, 2])),
    sample('a larger source', floats(rng, [4]), 0, given('int32', [2], [2, 1]), floats(rng, [5])),
    sample('one place several times', floats(rng, [4]), 0, given('int32', [5], [2, 1, 2, 2, 0]), floats(rng, [5])),
    sample('nothing', floats(rng, [3, 2]), 0, given('int32', [0, 2], []), floats(rng, [0, 2])),
    sample('into nothing', floats(rng, [0, 2]), 0, given('int32', [0, 2], []), floats(rng, [0, 2])),
  ];
}

const alongErrors = (name: string, run: Along): OpError[] => [
  refuses('an id too large', ValueError, [name, 'ids', 3, '[3]'], () => run(zeros(3), 0, ids(3), zeros(1))),
  refuses('a negative id', ValueError, [name, 'ids', -1], () => run(zeros(3), 0, ids(-1), zeros(1))),
  refuses('float ids', DTypeError, [name, 'ids', 'float32'], () => run(zeros(3), 0, zeros(1), zeros(1))),
  refuses('another rank', ShapeError, [name, '[2, 3]', '[1]'], () => run(zeros(2, 3), 0, ids(0), zeros(1))),
  refuses('a source too small', ShapeError, [name, 'source', '[2]', '[1]'], () => run(zeros(3), 0, ids(0, 1), zeros(1))),
  refuses('a source of another rank', ShapeError, [name, 'source', '[1, 1]'], () => run(zeros(3), 0, ids(0), zeros(1, 1))),
  refuses('another dtype', DTypeError, [name, 'source', 'int32'], () => run(zeros(3), 0, ids(0), ids(1))),
  refuses('an axis out of range', ShapeError, [name, 1], () => run(zeros(3), 1, ids(0), zeros(1))),
];

const scatter: OpCase = {
  name: 'scatter',
  samples: (rng) => [
    ...alongSamples(rng, ops.scatter),
    { what: 'a number', inputs: [floats(rng, [3, 4]), given('int32', [3, 1], [2, 0, 3])], run: (x, at) => ops.scatter(x, 1, at, 2.5) },
    {
      what: 'bool',
      inputs: [booleans(rng, [4]), given('int32', [2], [2, 0]), booleans(rng, [2])],
      run: (x, at, source) => ops.scatter(x, 0, at, source),
    },
  ],
  errors: [
    ...alongErrors('scatter', ops.scatter),
    refuses('a number beside bool', DTypeError, ['scatter', 'source', 2], () => ops.scatter(tensor([true]), 0, ids(0), 2)),
    refuses('a fraction beside int32', DTypeError, ['scatter', 'source', 0.5], () => ops.scatter(ids(0, 0), 0, ids(0), 0.5)),
  ],
};

const scatterAdd: OpCase = {
  name: 'scatterAdd',
  samples: (rng) => [
    ...alongSamples(rng, ops.scatterAdd),
    {
      what: 'int32',
      inputs: [integers(rng, [4], -9, 9), given('int32', [3], [2, 0, 2]), integers(rng, [3], -9, 9)],
      run: (x, at, source) => ops.scatterAdd(x, 0, at, source),
    },
  ],
  errors: [
    ...alongErrors('scatterAdd', ops.scatterAdd),
    refuses('bool', DTypeError, ['scatterAdd', 'bool'], () => ops.scatterAdd(tensor([true]), 0, ids(0), tensor([true]))),
  ],
};

const reductions = ['sum', 'prod', 'mean', 'amax', 'amin'] as const;

const scatterReduce: OpCase = {
  name: 'scatterReduce',
  samples: (rng) => [
    ...reductions.flatMap((reduce) =>
      [true, false].flatMap((includeSelf) =>
        alongSamples(
          rng,
          (x, axis, at, source) => ops.scatterReduce(x, axis, at, source, { reduce, includeSelf }),
          `${reduce}${includeSelf ? '' : ' without self'}: `,
        ),
      ),
    ),
    ...[[0], [0, 1], [0, 1, 3]].map((zeroAt): OpSample => {
      const source = floats(rng, [5]);
      for (const i of zeroAt) source.data[i] = 0;
      // With one zero, the product's second derivatives by it and the others are left out, as in prod.
      return {
        what: `a product with zeros at ${zeroAt}`,
        inputs: [floats(rng, [2]), given('int32', [5], [0, 1, 0, 0, 1]), source],
        run: (x, at, source) => ops.scatterReduce(x, 0, at, source, { reduce: 'prod' }),
        twice: false,
      };
    }),
    ...(['sum', 'prod', 'amax', 'amin'] as const).map((reduce): OpSample => {
      const inputs = [integers(rng, [4], -9, 9), given('int32', [5], [2, 0, 2, 2, 1]), integers(rng, [5], -9, 9)];
      return {
        what: `int32, ${reduce}`,
        inputs,
        run: (x, at, source) => ops.scatterReduce(x, 0, at, source, { reduce, includeSelf: false }),
      };
    }),
    {
      // At a tie differences see neither side.
      what: 'ties share the gradient',
      inputs: [given('float32', [2], [3, 0]), given('int32', [4], [0, 0, 0, 1]), given('float32', [4], [3, 1, 3, 5])],
      run: (x, at, source) => ops.scatterReduce(x, 0, at, source, { reduce: 'amax' }),
      differences: false,
    },
  ],
  errors: [
    ...alongErrors('scatterReduce', (x, axis, at, source) => ops.scatterReduce(x, axis, at, source, { reduce: 'amax' })),
    refuses('bool', DTypeError, ['scatterReduce', 'bool'], () =>
      ops.scatterReduce(tensor([true]), 0, ids(0), tensor([true]), { reduce: 'prod' }),
    ),
    refuses('the mean of int32', DTypeError, ['mean', 'int32'], () => ops.scatterReduce(ids(1), 0, ids(0), ids(1), { reduce: 'mean' })),
    refuses('another reduction', ValueError, ['reduce', 'max'], () =>
      ops.scatterReduce(zeros(1), 0, ids(0), zeros(1), { reduce: 'max' as never }),
    ),
  ],
};

type Slices = (x: ops.Tensor, axis: number, ids: ops.Tensor, source: ops.Tensor) => ops.Tensor;

function sliceSamples(rng: ops.Rng, run: Slices): OpSample[] {
  const sample = (what: string, x: readonly number[], axis: number, at: readonly number[], source: readonly number[]): OpSample => ({
    what,
    inputs: [floats(rng, x), given('int32', [at.length], at), floats(rng, source)],
    run: (x, at, source) => run(x, axis, at, source),
  });
  return [
    sample('rows', [4, 3], 0, [3, 1], [2, 3]),
    sample('columns', [2, 5], -1, [4, 0, 2], [2, 3]),
    sample('an inner axis', [2, 4, 2], 1, [2], [2, 1, 2]),
    sample('one place several times', [3, 2], 0, [2, 0, 2, 2], [4, 2]),
    sample('elements', [4], 0, [1, 3], [2]),
    sample('nothing', [3, 2], 0, [], [0, 2]),
    sample('into empty rows', [3, 0], 0, [1], [1, 0]),
  ];
}

const sliceErrors = (name: string, run: Slices): OpError[] => [
  refuses('an id too large', ValueError, [name, 3], () => run(zeros(3), 0, ids(3), zeros(1))),
  refuses('an id that another row would have', ValueError, [name, 3, '[2, 3]'], () => run(zeros(2, 3), 1, ids(3), zeros(2, 1))),
  refuses('float ids', DTypeError, [name, 'ids', 'float32'], () => run(zeros(3), 0, zeros(1), zeros(1))),
  refuses('ids of two axes', ShapeError, [name, 'ids', '[1, 1]'], () => run(zeros(3), 0, ops.reshape(ids(0), [1, 1]), zeros(1))),
  refuses('a source of another shape', ShapeError, [name, 'source', '[2, 3]', '[2, 2]'], () => run(zeros(4, 3), 0, ids(0, 1), zeros(2, 2))),
  refuses('another dtype', DTypeError, [name, 'source', 'int32'], () => run(zeros(3), 0, ids(0), ids(1))),
];

const slices: readonly OpCase[] = [
  {
    name: 'indexAdd',
    samples: (rng) => [
      ...sliceSamples(rng, ops.indexAdd),
      ...[-1.5, 0].map((alpha): OpSample => {
        const inputs = [floats(rng, [3, 2]), given('int32', [3], [2, 0, 2]), floats(rng, [3, 2])];
        return { what: `alpha = ${alpha}`, inputs, run: (x, at, source) => ops.indexAdd(x, 0, at, source, { alpha }) };
      }),
    ],
    errors: [
      ...sliceErrors('indexAdd', ops.indexAdd),
      refuses('bool', DTypeError, ['indexAdd', 'bool'], () => ops.indexAdd(tensor([true]), 0, ids(0), tensor([true]))),
    ],
  },
  { name: 'indexCopy', samples: (rng) => sliceSamples(rng, ops.indexCopy), errors: sliceErrors('indexCopy', ops.indexCopy) },
  {
    name: 'indexFill',
    samples: (rng) => [
      { what: 'rows', inputs: [floats(rng, [4, 3]), given('int32', [2], [3, 1])], run: (x, at) => ops.indexFill(x, 0, at, 1.5) },
      { what: 'columns', inputs: [floats(rng, [2, 5]), given('int32', [3], [4, 0, 0])], run: (x, at) => ops.indexFill(x, -1, at, -1) },
      { what: 'nothing', inputs: [floats(rng, [3]), given('int32', [0], [])], run: (x, at) => ops.indexFill(x, 0, at, 7) },
      { what: 'bool', inputs: [booleans(rng, [3]), given('int32', [1], [1])], run: (x, at) => ops.indexFill(x, 0, at, 1) },
    ],
    errors: [
      refuses('an id too large', ValueError, ['indexFill', 3], () => ops.indexFill(zeros(3), 0, ids(3), 1)),
      refuses('a fraction beside int32', DTypeError, ['indexFill', 'value', 0.5], () => ops.indexFill(ids(0, 0), 0, ids(0), 0.5)),
      refuses('ids of two axes', ShapeError, ['indexFill', '[1, 1]'], () => ops.indexFill(zeros(3), 0, ops.reshape(ids(0), [1, 1]), 1)),
    ],
  },
];

const indexPut: OpCase = {
  name: 'indexPut',
  samples: (rng) =>
    [false, true].flatMap((accumulate): OpSample[] => {
      const put = (x: ops.Tensor, at: readonly (ops.Tensor | null)[], values: ops.Tensor | number) =>
        ops.indexPut(x, at, values, { accumulate });
      const what = accumulate ? 'added: ' : '';
      return [
        {
          what: `${what}rows`,
          inputs: [floats(rng, [4, 3]), given('int32', [2], [3, -3]), floats(rng, [2, 3])],
          run: (x, i, v) => put(x, [i], v),
        },
        {
          what: `${what}one row for all`,
          inputs: [floats(rng, [4, 3]), given('int32', [2], [3, 1]), floats(rng, [3])],
          run: (x, i, v) => put(x, [i], v),
        },
        {
          what: `${what}elements`,
          inputs: [floats(rng, [3, 4]), given('int32', [3], [0, 2, 0]), given('int32', [3], [-1, 0, 1]), floats(rng, [3])],
          run: (x, i, j, v) => put(x, [i, j], v),
        },
        {
          what: `${what}one place several times`,
          inputs: [floats(rng, [3, 2]), given('int32', [3], [1, 1, 1]), given('int32', [3], [0, 1, 0]), floats(rng, [3])],
          run: (x, i, j, v) => put(x, [i, j], v),
        },
        {
          what: `${what}an inner axis`,
          inputs: [floats(rng, [2, 4, 2]), given('int32', [2, 1], [3, 0]), floats(rng, [2, 2, 1, 2])],
          run: (x, i, v) => put(x, [null, i], v),
        },
        {
          what: `${what}axes that are apart`,
          inputs: [floats(rng, [2, 3, 4]), given('int32', [2], [1, 0]), given('int32', [2], [3, 3]), floats(rng, [2, 3])],
          run: (x, i, j, v) => put(x, [i, null, j], v),
        },
        { what: `${what}a number`, inputs: [floats(rng, [3, 2]), given('int32', [2], [2, 0])], run: (x, i) => put(x, [i], 1.5) },
        {
          what: `${what}nothing`,
          inputs: [floats(rng, [3, 2]), given('int32', [0], []), floats(rng, [0, 2])],
          run: (x, i, v) => put(x, [i], v),
        },
      ];
    }),
  errors: [
    refuses('an id too large', ValueError, ['indexPut', 'ids[1]', 3, '[2, 3]'], () => ops.indexPut(zeros(2, 3), [null, ids(3)], 1)),
    refuses('values that do not broadcast', ShapeError, ['indexPut', '[2]', '[3, 4]'], () =>
      ops.indexPut(zeros(5, 4), [ids(0, 1, 2)], zeros(2)),
    ),
    refuses('another dtype', DTypeError, ['indexPut', 'values', 'int32'], () => ops.indexPut(zeros(3), [ids(0)], ids(1))),
    refuses('more ids than axes', ShapeError, ['indexPut', '[3]', 2], () => ops.indexPut(zeros(3), [ids(0), ids(0)], 1)),
    refuses('no ids', ValueError, ['indexPut', 'none'], () => ops.indexPut(zeros(3), [], 1)),
    refuses('adding bools', DTypeError, ['indexPut', 'bool'], () =>
      ops.indexPut(tensor([true]), [ids(0)], tensor([true]), { accumulate: true }),
    ),
  ],
};

export const scatterOps: readonly OpCase[] = [scatter, scatterAdd, scatterReduce, ...slices, indexPut];
