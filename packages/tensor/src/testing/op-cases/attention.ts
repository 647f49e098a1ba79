import * as ops from '../../index.js';
import { DTypeError, Rng, ShapeError, ValueError } from '../../index.js';
import { booleans, floats, given, type OpCase, type OpError, type OpInput, type OpSample } from '../op-case.js';

type Sizes = readonly [batch: number, heads: number, kvHeads: number, queries: number, keys: number, dim: number, valueDim: number];

interface Setting {
  readonly what: string;
  readonly sizes: Sizes;
  readonly options: ops.AttentionOptions;
  /** One more input. */
  readonly mask?: (rng: Rng) => OpInput;
}

/** Row 1 sees nothing. */
const holes = given('bool', [3, 4], [1, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0]);

const settings: readonly Setting[] = [
  { what: 'plain', sizes: [2, 2, 2, 3, 4, 5, 5], options: {} },
  { what: 'one of everything', sizes: [1, 1, 1, 1, 1, 1, 1], options: {} },
  { what: 'values of another length', sizes: [1, 2, 2, 3, 4, 5, 2], options: {} },
  { what: 'causal', sizes: [1, 2, 2, 4, 4, 3, 3], options: { causalOffset: 0 } },
  { what: 'causal after a cache', sizes: [1, 2, 2, 2, 5, 3, 3], options: { causalOffset: 3 } },
  { what: 'causal, with a row that sees nothing', sizes: [1, 1, 1, 3, 2, 3, 3], options: { causalOffset: -1 } },
  { what: 'a window', sizes: [1, 2, 2, 5, 5, 3, 3], options: { causalOffset: 0, windowOffset: -1 } },
  { what: 'a window on both sides', sizes: [1, 2, 1, 4, 6, 3, 3], options: { causalOffset: 2, windowOffset: 0 } },
  { what: 'capped scores', sizes: [2, 2, 2, 3, 4, 5, 5], options: { softcap: 0.7 } },
  { what: 'scale', sizes: [1, 2, 2, 3, 4, 5, 5], options: { scale: 0.7 } },
  { what: 'grouped heads', sizes: [2, 4, 2, 3, 3, 2, 2], options: {} },
  { what: 'one key head', sizes: [1, 3, 1, 3, 3, 2, 2], options: { causalOffset: 0 } },
  { what: 'a bool mask', sizes: [2, 2, 2, 3, 4, 5, 5], options: {}, mask: () => holes },
  { what: 'a padding mask', sizes: [2, 2, 2, 3, 4, 2, 2], options: {}, mask: () => given('bool', [2, 1, 1, 4], [1, 1, 0, 0, 1, 1, 1, 1]) },
  { what: 'a mask of every row', sizes: [2, 2, 2, 3, 4, 2, 2], options: {}, mask: (rng) => booleans(rng, [2, 2, 3, 4], 0.7) },
  { what: 'an additive mask', sizes: [2, 2, 2, 3, 4, 2, 2], options: {}, mask: (rng) => floats(rng, [2, 1, 3, 4]) },
  { what: 'a mask by query only', sizes: [1, 1, 1, 3, 4, 2, 2], options: {}, mask: () => given('bool', [3, 1], [1, 0, 1]) },
  { what: 'no queries', sizes: [1, 2, 2, 0, 4, 2, 2], options: {} },
];

function samples(rng: Rng, call: (q: ops.Tensor, k: ops.Tensor, v: ops.Tensor, options: ops.AttentionOptions) => ops.Tensor): OpSample[] {
  return settings.map(({ what, sizes, options, mask }) => {
    const [batch, heads, kvHeads, queries, keys, dim, valueDim] = sizes;
    const inputs = [
      floats(rng, [batch, heads, queries, dim]),
      floats(rng, [batch, kvHeads, keys, dim]),
      floats(rng, [batch, kvHeads, keys, valueDim]),
    ];
    if (mask) inputs.push(mask(rng));
    return { what, inputs, run: (q, k, v, m) => call(q, k, v, { ...options, mask: m ?? null }) };
  });
}

const zeros = (...shape: number[]): ops.Tensor => ops.zeros(shape);
const refuses = (what: string, kind: OpError['kind'], mentions: OpError['mentions'], run: () => unknown): OpError => ({
  what,
  kind,
  mentions,
  run,
});

const attention: OpCase = {
  name: 'attention',
  samples: (rng) => [
    ...samples(rng, (q, k, v, options) => ops.attention(q, k, v, options)),
    {
      what: 'no keys',
      inputs: [floats(rng, [1, 1, 2, 3]), floats(rng, [1, 1, 0, 3]), floats(rng, [1, 1, 0, 3])],
      run: (q, k, v) => ops.attention(q, k, v),
    },
    {
      what: 'heads in place',
      inputs: [floats(rng, [2, 3, 12])], // [B, T, 3·H·D]
      run: (x) => {
        const [q, k, v] = ops.chunk(x, 3, -1).map((part) => ops.transpose(ops.reshape(part, [2, 3, 2, 2]), 1, 2));
        return ops.attention(q!, k!, v!, { causalOffset: 0 });
      },
    },
    {
      what: 'dropout',
      inputs: [floats(rng, [1, 2, 3, 2]), floats(rng, [1, 2, 3, 2]), floats(rng, [1, 2, 3, 2])],
      run: (q, k, v) => ops.attention(q, k, v, { dropout: 0.3, rng: new Rng(4) }),
    },
  ],
  errors: [
    refuses('dims', ShapeError, ['attention', '[1, 1, 2, 3]', '[1, 1, 2, 4]'], () =>
      ops.attention(zeros(1, 1, 2, 3), zeros(1, 1, 2, 4), zeros(1, 1, 2, 4)),
    ),
    refuses('heads', ShapeError, ['attention', 3, 2], () => ops.attention(zeros(1, 3, 2, 2), zeros(1, 2, 2, 2), zeros(1, 2, 2, 2))),
    refuses('rank', ShapeError, ['attention', '[2, 2]'], () => ops.attention(zeros(2, 2), zeros(2, 2), zeros(2, 2))),
    refuses('softcap', ValueError, ['attention', 'softcap', -1], () =>
      ops.attention(zeros(1, 1, 2, 2), zeros(1, 1, 2, 2), zeros(1, 1, 2, 2), { softcap: -1 }),
    ),
    refuses('mask shape', ShapeError, ['attention', 'mask', '[5]'], () =>
      ops.attention(zeros(1, 1, 2, 2), zeros(1, 1, 2, 2), zeros(1, 1, 2, 2), { mask: ops.zeros([5]) }),
    ),
    refuses('mask dtype', DTypeError, ['attention', 'mask', 'int32'], () =>
      ops.attention(zeros(1, 1, 2, 2), zeros(1, 1, 2, 2), zeros(1, 1, 2, 2), { mask: ops.zeros([2, 2], { dtype: 'int32' }) }),
    ),
  ],
};

const attentionWeights: OpCase = {
  name: 'attentionWeights',
  samples: (rng) => samples(rng, (q, k, _v, options) => ops.attentionWeights(q, k, options)),
};

const attentionWithLse: OpCase = {
  name: 'attentionWithLse',
  samples: (rng) => [
    ...samples(rng, (q, k, v, options) => {
      const { out, lse } = ops.attentionWithLse(q, k, v, options);
      const hidden = ops.isinf(lse); // rows that see nothing: -∞ has no differences
      return ops.concat([out, ops.unsqueeze(ops.maskedFill(lse, hidden, -1), -1)], -1);
    }),
    {
      what: 'no keys',
      inputs: [floats(rng, [1, 1, 2, 3]), floats(rng, [1, 1, 0, 3]), floats(rng, [1, 1, 0, 3])],
      run: (q, k, v) => Object.values(ops.attentionWithLse(q, k, v)),
      differentiable: false,
    },
  ],
  errors: [
    refuses('dims', ShapeError, ['attentionWithLse', '[1, 1, 2, 3]', '[1, 1, 2, 4]'], () =>
      ops.attentionWithLse(zeros(1, 1, 2, 3), zeros(1, 1, 2, 4), zeros(1, 1, 2, 4)),
    ),
  ],
};

export const attentionOps: readonly OpCase[] = [attention, attentionWeights, attentionWithLse];
