import * as t from '@multihead/tensor';
import { Rng } from '@multihead/tensor';
import fc from 'fast-check';
import { type Call, calls, filled, withAxis } from './random-calls.js';
import { input, spread } from './random-inputs.js';

/*
 * Calls of what networks are made of.
 */
const small = fc.integer({ min: 1, max: 5 });
const length = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 40 }));
/** Up to two leading axes. */
const leading = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 });
const seeds = fc.nat(2 ** 31);
const either = fc.boolean();
const activations = ['none', 'relu', 'gelu', 'geluTanh', 'silu'] as const;
const reductions = ['none', 'mean', 'sum'] as const;

const products: readonly fc.Arbitrary<Call>[] = [
  calls(fc.tuple(length, length, length, leading, either, either), (m, k, n, lead, one, transposed) => ({
    what: `matmul${transposed ? ' with a transpose' : ''}`,
    inputs: [input([...lead, m, k]), input([...(one ? [] : lead), ...(transposed ? [n, k] : [k, n])])],
    run: (a, b) => t.matmul(a!, transposed ? t.transpose(b!) : b!),
  })),
  calls(fc.tuple(length, either), (k, left) => ({
    what: 'matmul with a vector',
    inputs: left ? [input([k]), input([2, k, 3])] : [input([2, 3, k]), input([k])],
    run: (a, b) => t.matmul(a!, b!),
  })),
  calls(
    fc.tuple(leading, length, length, either, either, fc.constantFrom(...activations)),
    (lead, inputs, outputs, bias, transposed, activation) => ({
      what: `linear, ${activation}${transposed ? ', [in, out]' : ''}`,
      inputs: [
        input([...lead, inputs]),
        input(transposed ? [inputs, outputs] : [outputs, inputs], 'float32', -1, 1),
        ...(bias ? [input([outputs])] : []),
      ],
      run: (x, w, b) => t.linear(x!, w!, b ?? null, { transposed, activation }),
    }),
  ),
];

const attentions: readonly fc.Arbitrary<Call>[] = [
  calls(
    fc.tuple(
      fc.tuple(fc.integer({ min: 1, max: 2 }), fc.constantFrom([1, 1], [2, 2], [4, 2], [3, 1]), length, length, small, small),
      fc.constantFrom(null, 0, 2),
      fc.constantFrom(null, -3, 0),
      fc.constantFrom(0, 2),
      fc.constantFrom('none', 'bool', 'float'),
    ),
    ([batch, [heads, groups], queries, keys, dim, valueDim], causalOffset, windowOffset, softcap, mask) => ({
      what: `attention, causal ${causalOffset}, window ${windowOffset}, softcap ${softcap}, mask ${mask}`,
      inputs: [
        input([batch, heads!, queries, dim]),
        input([batch, groups!, keys, dim]),
        input([batch, groups!, keys, valueDim]),
        ...(mask === 'none' ? [] : [input([batch, 1, queries, keys], mask === 'bool' ? 'bool' : 'float32')]),
      ],
      // A mask that wants a gradient goes another way; here it is a constant.
      run: (q, k, v, m) =>
        t.attention(q!, k!, v!, { causalOffset, windowOffset, ...(softcap ? { softcap } : {}), mask: m ? t.detach(m) : null }),
    }),
  ),
];

const side = fc.integer({ min: 4, max: 9 });
const windows: readonly fc.Arbitrary<Call>[] = [
  calls(
    fc.tuple(
      small,
      fc.constantFrom([1, 1], [3, 2], [4, 6]),
      side,
      side,
      fc.constantFrom(1, 2, 3),
      fc.constantFrom(1, 2),
      fc.nat(1),
      fc.constantFrom(1, 2),
    ),
    (batch, [channels, out], height, width, kernel, stride, padding, groups) => {
      const parts = groups === 2 && channels! % 2 === 0 ? 2 : 1;
      return {
        what: `conv2d, stride ${stride}, padding ${padding}, groups ${parts}`,
        inputs: [
          input([batch, channels!, height, width]),
          input([out!, channels! / parts, kernel, kernel], 'float32', -1, 1),
          input([out!]),
        ],
        run: (x, w, b) => t.conv2d(x!, w!, b!, { stride, padding, groups: parts }),
      };
    },
  ),
  calls(fc.tuple(small, small, side, side, fc.constantFrom(t.maxPool2d, t.avgPool2d), fc.constantFrom(2, 3)), (n, c, h, w, op, kernel) => ({
    what: `${op.name}, kernel ${kernel}`,
    inputs: [input([n, c, h, w])],
    run: (x) => op(x!, { kernel }),
  })),
];

const norms: readonly fc.Arbitrary<Call>[] = [
  calls(fc.tuple(leading, fc.integer({ min: 2, max: 40 }), either, either), (lead, n, root, weight) => ({
    what: root ? 'rmsNorm' : 'layerNorm',
    inputs: [spread([...lead, n]), ...(weight ? [input([n]), input([n])] : [])],
    run: (x, w, b) => (root ? t.rmsNorm(x!, w ?? null) : t.layerNorm(x!, w ?? null, b ?? null)),
  })),
];

const gates: readonly fc.Arbitrary<Call>[] = [
  calls(fc.tuple(filled, fc.constantFrom(...activations)), (shape, activation) => ({
    what: `gated, ${activation}`,
    inputs: [input(shape), input(shape)],
    run: (gate, up) => t.gated(gate!, up!, { activation }),
  })),
  calls(fc.tuple(small, small, small, small, small, either), (batch, heads, tokens, half, rest, interleaved) => ({
    what: `rope${interleaved ? ', interleaved' : ''}`,
    inputs: [input([batch, heads, tokens, 2 * half + rest - 1]), input([tokens, half])],
    run: (x, angles) => t.rope(x!, t.cos(t.detach(angles!)), t.sin(t.detach(angles!)), { interleaved }),
  })),
];

const indexing: readonly fc.Arbitrary<Call>[] = [
  calls(fc.tuple(leading, length, length), (ids, rows, width) => ({
    what: 'embedding',
    inputs: [input([rows, width]), input(ids, 'int32', 0, rows - 1)],
    run: (table, at) => t.embedding(table!, at!),
  })),
  calls(fc.tuple(withAxis, small), ([shape, axis], n) => ({
    what: `indexSelect along ${axis}`,
    inputs: [input(shape), input([n], 'int32', 0, shape[axis]! - 1)],
    run: (x, ids) => t.indexSelect(x!, axis, ids!),
  })),
  calls(fc.tuple(withAxis, small), ([shape, axis], n) => ({
    what: `takeAlong ${axis}`,
    inputs: [input(shape), input(shape.with(axis, n), 'int32', 0, shape[axis]! - 1)],
    run: (x, ids) => t.takeAlong(x!, ids!, axis),
  })),
  calls(fc.tuple(leading, length, length, fc.integer({ min: -9, max: 9 }), fc.constantFrom(t.tril, t.triu)), (lead, m, n, k, op) => ({
    what: `${op.name} ${k}`,
    inputs: [input([...lead, m, n])],
    run: (x) => op(x!, k),
  })),
];

const losses: readonly fc.Arbitrary<Call>[] = [
  calls(
    fc.tuple(leading, length, fc.constantFrom(...reductions), fc.constantFrom(0, 0.1), fc.constantFrom(-100, 0)),
    (lead, n, reduction, labelSmoothing, ignoreIndex) => ({
      what: `crossEntropy, ${reduction}, smoothing ${labelSmoothing}, ignoring ${ignoreIndex}`,
      inputs: [input([...lead, n], 'float32', -4, 4), input(lead, 'int32', 0, n - 1)],
      run: (x, y) => t.crossEntropy(x!, y!, { reduction, labelSmoothing, ignoreIndex }),
    }),
  ),
  calls(
    fc.tuple(filled, fc.constantFrom(...reductions), fc.constantFrom(t.mseLoss, t.l1Loss, t.smoothL1Loss, t.bceWithLogits)),
    (shape, reduction, op) => ({
      what: `${op.name}, ${reduction}`,
      inputs: [input(shape), input(shape, 'float32', 0, 1)],
      run: (x, y) => op(x!, y!, { reduction }),
    }),
  ),
];

const random: readonly fc.Arbitrary<Call>[] = [
  calls(fc.tuple(filled, seeds, fc.constantFrom(0.1, 0.5, 0.9)), (shape, seed, p) => ({
    what: `dropout ${p}, seed ${seed}`,
    inputs: [input(shape)],
    run: (x) => t.dropout(x!, p, new Rng(seed)),
  })),
  calls(fc.tuple(filled, seeds, fc.constantFrom(t.rand, t.randn)), (shape, seed, op) => ({
    what: `${op.name} [${shape}], seed ${seed}`,
    inputs: [],
    run: () => op(shape, { rng: new Rng(seed) }),
  })),
  calls(fc.tuple(filled, seeds), (shape, seed) => ({
    what: `bernoulli [${shape}], seed ${seed}`,
    inputs: [],
    run: () => t.bernoulli(shape, 0.3, { rng: new Rng(seed) }),
  })),
];

export const layerCalls = [...products, ...attentions, ...windows, ...norms, ...gates, ...indexing, ...losses, ...random];
