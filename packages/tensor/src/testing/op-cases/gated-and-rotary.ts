import * as ops from '../../index.js';
import { DTypeError, GradientError, type Rng, ShapeError } from '../../index.js';
import { floats, integers, type OpCase, type OpInput, type OpSample, shapes, show } from '../op-case.js';

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);

const rope: OpCase = {
  name: 'rope',
  samples: (rng) =>
    (
      [
        ['all of a head', [2, 3, 5, 4], [5, 2]],
        ['a part of a head', [1, 2, 3, 7], [3, 2]],
        ['positions by sample', [2, 1, 3, 4], [2, 3, 2]],
        ['nothing of a head', [1, 1, 2, 3], [2, 0]],
        ['no tokens', [1, 2, 0, 4], [0, 2]],
      ] as const
    ).flatMap(([what, x, table]) =>
      [false, true].flatMap((interleaved): OpSample[] => {
        const [heads, cos, sin] = [floats(rng, x), floats(rng, table), floats(rng, table)];
        const run: OpSample['run'] = (x, cos, sin) => ops.rope(x, cos, sin, { interleaved });
        const constant: OpSample['run'] = (x) => {
          const put = ({ data, shape }: OpInput) => ops.tensor(data, { shape, dtype: x.dtype, backend: x.backend });
          return run(x, put(cos), put(sin));
        };
        const name = `${what}${interleaved ? ', neighbours' : ''}`;
        return [
          { what: name, inputs: [heads, cos, sin], run },
          { what: `${name}, constant tables`, inputs: [heads], run: constant },
        ];
      }),
    ),
  errors: [
    {
      what: 'shapes',
      kind: ShapeError,
      mentions: ['rope', '[1, 1, 2, 4]', '[3, 2]'],
      run: () => ops.rope(zeros(1, 1, 2, 4), zeros(3, 2), zeros(3, 2)),
    },
    {
      what: 'dtypes',
      kind: DTypeError,
      mentions: ['rope', 'int32'],
      run: () => ops.rope(zeros(1, 1, 2, 4), ops.zeros([2, 2], { dtype: 'int32' }), zeros(2, 2)),
    },
  ],
};

const gated: OpCase = {
  name: 'gated',
  samples: (rng) => [
    ...shapes.map(
      (shape): OpSample => ({ what: show(shape), inputs: [floats(rng, shape), floats(rng, shape)], run: (a, b) => ops.gated(a, b) }),
    ),
    ...(['none', 'relu', 'gelu', 'geluTanh', 'silu', 'sigmoid'] as const).map((activation): OpSample => {
      return { what: activation, inputs: [floats(rng, [9]), floats(rng, [9])], run: (a, b) => ops.gated(a, b, { activation }) };
    }),
  ],
  errors: [
    { what: 'shapes', kind: ShapeError, mentions: ['gated', '[2]', '[3]'], run: () => ops.gated(zeros(2), zeros(3)) },
    { what: 'int32', kind: DTypeError, mentions: ['gated', 'int32'], run: () => ops.gated(zeros(2), ops.zeros([2], { dtype: 'int32' })) },
  ],
};

function quantizedInputs(rng: Rng, rows: readonly number[], columns: number, bits: 4 | 8, group: number) {
  const packed = integers(rng, [5, (columns * bits) / 32], -(2 ** 31), 2 ** 31 - 1);
  return { x: floats(rng, [...rows, columns]), packed, scales: floats(rng, [5, columns / group], 0.001, 0.1), bias: floats(rng, [5]) };
}

/** Sums of many terms, some of which cancel. */
const values = { rtol: 2e-5, atol: 2e-4 };

const linearQ: OpCase = {
  name: 'linearQ',
  samples: (rng) =>
    ([8, 4] as const).flatMap((bits) =>
      [[], [3], [2, 9], [0]].flatMap((rows): OpSample[] => {
        const { x, packed, scales, bias } = quantizedInputs(rng, rows, 64, bits, 32);
        const what = `${bits} bits, x ${show([...rows, 64])}`;
        const run: OpSample['run'] = (x, packed, scales, bias) => ops.linearQ(x, { packed, scales, bits, group: 32 }, bias);
        const constant: OpSample['run'] = (x, bias) => {
          const { backend, dtype } = x;
          const weight = ops.tensor(packed.data, { shape: packed.shape, backend });
          return run(x, weight, ops.tensor(scales.data, { shape: scales.shape, dtype, backend }), bias);
        };
        return [
          { what, inputs: [x, packed, scales, bias], run: (...xs) => ops.noGrad(() => run(...xs)), values, differentiable: false },
          { what: `${what}, constant weight`, inputs: [x, bias], run: constant, values, gradients: { rtol: 1e-4, atol: 1e-4 } },
        ];
      }),
    ),
  errors: [
    {
      what: 'another length',
      kind: ShapeError,
      mentions: ['linearQ', 64, '[3]'],
      run: () => ops.linearQ(zeros(3), { packed: ops.zeros([5, 16], { dtype: 'int32' }), scales: zeros(5, 2), bits: 8, group: 32 }),
    },
    {
      what: 'a gradient of the scales',
      kind: GradientError,
      mentions: ['linearQ', 'scales'],
      run: () => {
        const scales = ops.zeros([5, 2], { requiresGrad: true });
        return ops.linearQ(zeros(64), { packed: ops.zeros([5, 16], { dtype: 'int32' }), scales, bits: 8, group: 32 });
      },
    },
  ],
};

const dequantize: OpCase = {
  name: 'dequantize',
  samples: (rng) =>
    ([8, 4] as const).map((bits): OpSample => {
      const { packed, scales } = quantizedInputs(rng, [1], 96, bits, 32);
      return {
        what: `${bits} bits`,
        inputs: [packed, scales],
        run: (packed, scales) => ops.dequantize({ packed, scales, bits, group: 32 }),
      };
    }),
};

export const gatedAndRotaryOps: readonly OpCase[] = [rope, gated, linearQ, dequantize];
