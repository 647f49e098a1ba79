import * as ops from '../../index.js';
import { DTypeError, type Rng, ShapeError, ValueError } from '../../index.js';
import { floats, given, type OpCase, type OpError, type OpInput, type OpSample, show } from '../op-case.js';

type Shape = readonly number[];
type Setting<O> = readonly [x: Shape, options: O];

const refuses = (what: string, kind: OpError['kind'], mentions: OpError['mentions'], run: () => unknown): OpError => ({
  what,
  kind,
  mentions,
  run,
});
const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);

/** Numbers that are well apart, in random order: no maximum hangs on rounding, nor on the step of a difference. */
function apart(rng: Rng, shape: Shape): OpInput {
  const keys = floats(rng, shape).data;
  const data = new Float32Array(keys.length);
  [...keys.keys()]
    .sort((a, b) => keys[a]! - keys[b]!)
    .forEach((at, rank) => {
      data[at] = rank / 8 - keys.length / 16;
    });
  return { data, shape };
}

// biome-ignore format: a table
const settings1d: readonly Setting<ops.MaxPoolOptions>[] = [
  [[1, 1, 1], { kernel: 1 }],
  [[2, 3, 7], { kernel: 2 }],
  [[2, 3, 7], { kernel: 2, ceilMode: true }],
  [[3, 7], { kernel: 3, stride: 1, padding: 1 }],
  [[1, 2, 9], { kernel: 3, stride: 2, dilation: 2, padding: [[1, 2]] }],
  [[1, 2, 5], { kernel: 2, stride: 3, padding: 1, ceilMode: true }],
  [[0, 2, 4], { kernel: 2 }],
];

// biome-ignore format: a table
const settings2d: readonly Setting<ops.MaxPoolOptions>[] = [
  [[1, 1, 2, 2], { kernel: 2 }],
  [[2, 2, 4, 5], { kernel: [2, 3] }],
  [[2, 4, 5], { kernel: 2, ceilMode: true }],
  [[1, 2, 4, 4], { kernel: 3, stride: 2, padding: 1 }],
  [[1, 1, 6, 5], { kernel: 2, stride: [1, 2], dilation: [2, 3], padding: [1, 0] }],
  [[2, 0, 4, 4], { kernel: 2 }],
];

type Pool<O> = (x: ops.Tensor, options: O) => ops.Tensor | { values: ops.Tensor; indices: ops.Tensor };

function poolCase<O>(name: string, op: Pool<O>, settings: readonly Setting<O>[], errors: OpError[], extra: OpSample[] = []): OpCase {
  return {
    name,
    samples: (rng) => [
      ...settings.map(([x, options]): OpSample => {
        const run = (input: ops.Tensor) => {
          const y = op(input, options);
          return 'values' in y ? [y.values, y.indices] : y;
        };
        return { what: `${show(x)} ${JSON.stringify(options)}`, inputs: [apart(rng, x)], run };
      }),
      ...extra,
    ],
    errors,
  };
}

function errorsOf<O extends { kernel: ops.PerAxis }>(name: string, op: Pool<O>, axes: 1 | 2): OpError[] {
  const x = () => (axes === 1 ? zeros(1, 1, 4) : zeros(1, 1, 4, 4));
  return [
    refuses('ranks', ShapeError, [name, '[4]'], () => op(zeros(4), { kernel: 2 } as O)),
    refuses('a kernel too large', ShapeError, [name, 5, 4], () => op(x(), { kernel: 5 } as O)),
    refuses('kernel', ValueError, [name, 'kernel', 0], () => op(x(), { kernel: 0 } as O)),
    refuses('stride', ValueError, [name, 'stride', 0], () => op(x(), { kernel: 2, stride: 0 } as unknown as O)),
    refuses('padding', ValueError, [name, 'padding', -1], () => op(x(), { kernel: 2, padding: -1 } as unknown as O)),
    refuses('int32', DTypeError, [name, 'int32'], () =>
      op(ops.zeros(axes === 1 ? [1, 4] : [1, 4, 4], { dtype: 'int32' }), { kernel: 2 } as O),
    ),
  ];
}

const paddingOnly = refuses('a window of padding alone', ValueError, ['maxPool1d', 'padding'], () =>
  ops.maxPool1d(zeros(1, 1, 4), { kernel: 2, padding: 2 }),
);

const ties: OpSample = {
  what: 'ties, -∞ and NaN',
  inputs: [given('float32', [1, 6], [2, 2, -Infinity, -Infinity, 1, Number.NaN])],
  run: (x) => ops.maxPool1d(x, { kernel: 2 }),
  differentiable: false,
};

const avg1d: readonly Setting<ops.AvgPoolOptions>[] = [
  ...settings1d.filter(([, { ceilMode, padding }]) => !(ceilMode && padding)),
  [[2, 5], { kernel: 3, stride: 2, padding: 1, countIncludePad: false }],
  [[1, 2, 5], { kernel: 2, stride: 3, padding: 1, ceilMode: true }],
  [[1, 2, 5], { kernel: 3, stride: 2, padding: [[0, 2]], divisorOverride: 5 }],
];

const avg2d: readonly Setting<ops.AvgPoolOptions>[] = [
  ...settings2d,
  [[1, 2, 4, 5], { kernel: [2, 3], stride: [2, 1], padding: [1, 1], ceilMode: true, countIncludePad: false }],
  [[1, 2, 3, 3], { kernel: 3, stride: 2, padding: 1, ceilMode: true }],
];

function adaptiveCase(
  name: string,
  op: (x: ops.Tensor, size: number) => ops.Tensor,
  shapes: readonly (readonly [Shape, number])[],
): OpCase {
  return {
    name,
    samples: (rng) =>
      shapes.map(([x, size]): OpSample => ({ what: `${show(x)} to ${size}`, inputs: [floats(rng, x)], run: (input) => op(input, size) })),
    errors: [
      refuses('ranks', ShapeError, [name, '[4]'], () => op(zeros(4), 2)),
      refuses('size', ValueError, [name, 'size', 0], () => op(zeros(1, 4, 4), 0)),
      refuses('nothing', ShapeError, [name, '[1, 1, 0'], () => op(name.endsWith('1d') ? zeros(1, 1, 0) : zeros(1, 1, 0, 2), 1)),
    ],
  };
}

export const poolOps: readonly OpCase[] = [
  poolCase('maxPool1d', ops.maxPool1d, settings1d, [...errorsOf('maxPool1d', ops.maxPool1d, 1), paddingOnly], [ties]),
  poolCase('maxPool2d', ops.maxPool2d, settings2d, errorsOf('maxPool2d', ops.maxPool2d, 2)),
  poolCase('maxPool1dWithIndices', ops.maxPool1dWithIndices, settings1d, errorsOf('maxPool1dWithIndices', ops.maxPool1dWithIndices, 1)),
  poolCase('maxPool2dWithIndices', ops.maxPool2dWithIndices, settings2d, errorsOf('maxPool2dWithIndices', ops.maxPool2dWithIndices, 2)),
  poolCase('avgPool1d', ops.avgPool1d, avg1d, [
    ...errorsOf('avgPool1d', ops.avgPool1d, 1),
    refuses('divisorOverride', ValueError, ['avgPool1d', 'divisorOverride'], () =>
      ops.avgPool1d(zeros(1, 1, 4), { kernel: 2, divisorOverride: 0 }),
    ),
  ]),
  poolCase('avgPool2d', ops.avgPool2d, avg2d, errorsOf('avgPool2d', ops.avgPool2d, 2)),
  adaptiveCase('adaptiveAvgPool1d', ops.adaptiveAvgPool1d, [
    [[2, 3, 7], 3],
    [[3, 6], 2],
    [[1, 2, 5], 1],
    [[1, 2, 3], 5],
    [[0, 2, 3], 2],
  ]),
  adaptiveCase('adaptiveAvgPool2d', ops.adaptiveAvgPool2d, [
    [[2, 2, 5, 4], 3],
    [[3, 4, 6], 2],
    [[1, 2, 3, 2], 1],
    [[2, 0, 3, 3], 2],
  ]),
];
