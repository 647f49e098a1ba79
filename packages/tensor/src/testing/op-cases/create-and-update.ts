import * as ops from '../../index.js';
import { DTypeError, ShapeError, ValueError } from '../../index.js';
import { booleans, floats, given, type OpCase, type OpError, type OpSample, show } from '../op-case.js';

const refuses = (what: string, kind: OpError['kind'], mentions: OpError['mentions'], run: () => unknown): OpError => ({
  what,
  kind,
  mentions,
  run,
});
const shapes: readonly (readonly number[])[] = [[], [1], [0], [7], [2, 3], [2, 0]];

/** A row of calls without inputs. */
function createCase(name: string, calls: readonly (readonly [what: string, make: () => ops.Tensor])[], errors: OpError[] = []): OpCase {
  return { name, samples: () => calls.map(([what, run]): OpSample => ({ what, inputs: [], run })), errors };
}

const badShape = (name: string, make: (shape: number[]) => ops.Tensor): OpError[] => [
  refuses('a negative length', ShapeError, [name, '[2, -1]'], () => make([2, -1])),
];

export const createOps: readonly OpCase[] = [
  createCase(
    'tensor',
    [
      ['a number', () => ops.tensor(1.5)],
      [
        'nested',
        () =>
          ops.tensor([
            [1, 2, 3],
            [4, 5, 6],
          ]),
      ],
      ['flat with a shape', () => ops.tensor(Float32Array.from([1, 2, 3, 4]), { shape: [2, 2] })],
      ['int32', () => ops.tensor(Int32Array.from([1, 2, 3]))],
      ['bool', () => ops.tensor([true, false])],
      ['empty', () => ops.tensor([])],
      ['bytes', () => ops.tensor(Uint8Array.from([1, 0, 1]))],
      ['bytes as int32', () => ops.tensor(Uint8Array.from([1, 200]), { dtype: 'int32' })],
      ['bytes as bool', () => ops.tensor(Uint8Array.from([0, 200]), { dtype: 'bool' })],
      ['16 bits', () => ops.tensor(Int16Array.from([-300, 300]))],
      ['64 bits', () => ops.tensor(BigInt64Array.from([-3n, 5n]))],
      ['fractions as int32', () => ops.tensor([1.7, -1.7], { dtype: 'int32' })],
      ['booleans among numbers', () => ops.tensor([true, 5])],
    ],
    [
      refuses('ragged', ShapeError, ['tensor'], () => ops.tensor([[1, 2], [3]])),
      refuses('a shape of another size', ShapeError, ['tensor', '[2, 2]', 3], () => ops.tensor(new Float32Array(3), { shape: [2, 2] })),
      refuses('bytes that are no bits', DTypeError, ['element 1 is 5', 'int32', 'float32'], () => ops.tensor(Uint8Array.from([0, 5]))),
      refuses('too large for int32', ValueError, ['element 0', 4294967295], () => ops.tensor(Uint32Array.from([4294967295]))),
      refuses('too large for int32, 64 bits', ValueError, ['element 1', 2 ** 31], () => ops.tensor(BigInt64Array.from([0n, 2n ** 31n]))),
      refuses('NaN as int32', ValueError, ['element 0', 'NaN'], () => ops.tensor([Number.NaN], { dtype: 'int32' })),
    ],
  ),
  createCase(
    'full',
    shapes.map((shape) => [show(shape), () => ops.full(shape, 2.5)] as const),
    [
      ...badShape('full', (s) => ops.full(s, 1)),
      refuses('a fraction as int32', DTypeError, ['full', 0.5, 'int32'], () => ops.full([1], 0.5, { dtype: 'int32' })),
    ],
  ),
  {
    name: 'fullLike',
    samples: (rng) => [
      ...shapes.map((shape): OpSample => ({ what: show(shape), inputs: [floats(rng, shape)], run: (x) => ops.fullLike(x, 2.5) })),
      { what: 'bool', inputs: [booleans(rng, [3])], run: (x) => ops.fullLike(x, 5) },
    ],
  },
  createCase(
    'zeros',
    shapes.map((shape) => [show(shape), () => ops.zeros(shape)] as const),
  ),
  createCase(
    'ones',
    shapes.map((shape) => [show(shape), () => ops.ones(shape)] as const),
  ),
  { name: 'zerosLike', samples: (rng) => shapes.map((shape) => ({ what: show(shape), inputs: [floats(rng, shape)], run: ops.zerosLike })) },
  { name: 'onesLike', samples: (rng) => shapes.map((shape) => ({ what: show(shape), inputs: [floats(rng, shape)], run: ops.onesLike })) },
  createCase(
    'arange',
    [
      ['to', () => ops.arange(5)],
      ['from, to', () => ops.arange(2, 7)],
      ['down', () => ops.arange(5, 0, -2)],
      ['fractions', () => ops.arange(0, 1, 0.25)],
      ['nothing', () => ops.arange(0)],
    ],
    [
      refuses('the wrong way', ValueError, ['arange'], () => ops.arange(0, 5, -1)),
      refuses('no step', ValueError, ['arange'], () => ops.arange(0, 5, 0)),
      refuses('no end', ValueError, ['arange'], () => ops.arange(0, Infinity)),
      refuses('too far for int32', ValueError, ['arange', 'float32'], () => ops.arange(2 ** 31, 2 ** 31 + 2)),
      refuses('fractions as int32', DTypeError, ['arange', 0.5], () => ops.arange(0, 2, 0.5, { dtype: 'int32' })),
    ],
  ),
  createCase(
    'linspace',
    [
      ['up', () => ops.linspace(-2, 3, 7)],
      ['down', () => ops.linspace(4.3, 1, 50)],
      ['one', () => ops.linspace(-2, 4, 1)],
      ['none', () => ops.linspace(0, 1, 0)],
      ['int32', () => ops.linspace(-3, 9, 5, { dtype: 'int32' })],
    ],
    [
      refuses('a negative number of steps', ValueError, ['linspace', 'steps', -1], () => ops.linspace(0, 3, -1)),
      refuses('half a step', ValueError, ['linspace', 'steps', 0.5], () => ops.linspace(0, 3, 0.5)),
      refuses('an infinite end', ValueError, ['linspace', 'end', Infinity], () => ops.linspace(0, Infinity, 3)),
    ],
  ),
  createCase(
    'logspace',
    [
      ['tens', () => ops.logspace(-2, 3, 6)],
      ['twos', () => ops.logspace(0, 8, 9, { base: 2 })],
    ],
    [refuses('a negative number of steps', ValueError, ['logspace', 'steps', -1], () => ops.logspace(0, 3, -1))],
  ),
  createCase(
    'eye',
    [
      ['3', () => ops.eye(3)],
      ['1', () => ops.eye(1)],
      ['0', () => ops.eye(0)],
      ['2, 3', () => ops.eye(2, 3)],
      ['3, 1', () => ops.eye(3, 1)],
      ['int32', () => ops.eye(2, 2, { dtype: 'int32' })],
    ],
    [refuses('a negative length', ShapeError, ['eye', -1], () => ops.eye(-1))],
  ),
];

const adamArgs = { lr: 0.05, beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0, decoupled: true, step: 3 };

/** The three tensors that the step changes, after it. */
function stepped(args: Parameters<typeof ops.adamStep>[3]) {
  return (p: ops.Tensor, g: ops.Tensor, m: ops.Tensor, v: ops.Tensor): ops.Tensor[] =>
    ops.noGrad(() => {
      const [parameter, first, second] = [p, m, v].map((x) => ops.add(x, 0)) as [ops.Tensor, ops.Tensor, ops.Tensor];
      ops.adamStep(parameter, g, { m: first, v: second }, args);
      return [parameter, first, second];
    });
}

export const updateOps: readonly OpCase[] = [
  {
    name: 'assign',
    samples: (rng) => [
      {
        what: 'all of it',
        inputs: [floats(rng, [3, 5])],
        run: (x) => {
          const target = ops.zeros([3, 5], { dtype: x.dtype });
          ops.assign(target, x);
          return target;
        },
        differentiable: false,
      },
      {
        what: 'a slice, repeated',
        inputs: [floats(rng, [5])],
        run: (x) => {
          const target = ops.zeros([4, 7], { dtype: x.dtype });
          ops.assign(ops.slice(ops.slice(target, 0, 1, 3), 1, 2), ops.expand(x, [2, 5]));
          return target;
        },
        differentiable: false,
      },
    ],
    errors: [refuses('another shape', ShapeError, ['assign', '[2, 3]', '[3]'], () => ops.assign(ops.zeros([2, 3]), ops.zeros([3])))],
  },
  {
    name: 'adamStep',
    samples: (rng) =>
      [
        adamArgs,
        { ...adamArgs, weightDecay: 0.1 },
        { ...adamArgs, weightDecay: 0.1, decoupled: false },
        { ...adamArgs, step: 1, eps: 0.1 },
      ].map((args): OpSample => {
        const zeros = given('float32', [3, 5], new Array<number>(15).fill(0));
        const moments = args.step === 1 ? [zeros, zeros] : [floats(rng, [3, 5]), floats(rng, [3, 5], 0.1, 2)];
        return {
          what: JSON.stringify(args),
          inputs: [floats(rng, [3, 5]), floats(rng, [3, 5]), ...moments],
          run: stepped(args),
          differentiable: false,
        };
      }),
  },
];
