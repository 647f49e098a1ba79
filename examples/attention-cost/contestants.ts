import {
  additiveAttention,
  type AttentionFn,
  andMasks,
  attend,
  bigBird,
  causal,
  chunkedLocal,
  deltaRule,
  fixedSparse,
  flexAttention,
  gatedDeltaRule,
  gatedLinearAttention,
  linearAttention,
  linformer,
  longformer,
  nystromAttention,
  performer,
  reformer,
  retention,
  shawAttention,
  sigmoidAttention,
  slidingWindow,
  talkingHeads,
  topKAttention,
} from '@multihead/attention';
import { add, cast, eye, mul, neg, normalize, Rng, randn, sigmoid, slice, softplus, sub } from '@multihead/tensor';

export interface Sizes {
  readonly heads: number;
  readonly dim: number;
  readonly tokens: number;
}

export interface Contestant {
  readonly name: string;
  /** How time grows with T tokens. */
  readonly order: string;
  readonly make: (sizes: Sizes) => AttentionFn;
  /** Keeps all scores: beyond these tokens it is left out. */
  readonly most?: number;
}

const draw = (shape: number[]) => randn(shape, { rng: new Rng(1) });
const rule = (name: string, order: string, maskMod: (sizes: Sizes) => Parameters<typeof flexAttention>[0]['maskMod']): Contestant => ({
  name,
  order,
  make: (sizes) => flexAttention({ maskMod: maskMod(sizes) }),
});

/** All causal, but for those that have no direction. */
export const contestants: readonly Contestant[] = [
  { name: 'attend', order: 'T²', make: () => (q, k, v) => attend(q, k, v, { causal: true }) },
  { name: 'attend, window of 256', order: 'T', make: () => (q, k, v) => attend(q, k, v, { causal: true, window: 255 }) },
  {
    name: 'flexAttend, bias by distance',
    order: 'T²',
    make: () =>
      flexAttention({ maskMod: causal(), scoreMod: (score, _b, _h, i, j) => add(score, mul(cast(sub(j, i), score.dtype), 0.01)) }),
    most: 4096,
  },
  rule('chunkedLocal(256)', 'T', () => andMasks(causal(), chunkedLocal(256))),
  rule('longformer(128, 1)', 'T', () => longformer(128, 1)),
  rule('bigBird', 'T', ({ tokens }) => bigBird({ tokens, rng: new Rng(1) })),
  rule('fixedSparse(128, 8)', 'T √T', () => fixedSparse(128, 8)),
  rule('slidingWindow(128)', 'T', () => slidingWindow(128)),
  { name: 'shawAttention', order: 'T²', make: ({ dim }) => shawAttention({ keys: draw([33, dim]) }), most: 2048 },
  { name: 'talkingHeads', order: 'T²', make: ({ heads }) => talkingHeads({ scores: eye(heads), weights: eye(heads) }), most: 2048 },
  {
    name: 'additiveAttention',
    order: 'T²',
    make: ({ dim }) => additiveAttention({ query: draw([dim, 16]), key: draw([dim, 16]), score: draw([16]) }),
    most: 2048,
  },
  { name: 'sigmoidAttention', order: 'T²', make: () => sigmoidAttention(), most: 2048 },
  { name: 'topKAttention(32)', order: 'T²', make: () => topKAttention(32), most: 2048 },
  { name: 'linformer, 64', order: 'T', make: ({ tokens }) => linformer({ keys: draw([tokens, 64]) }) },
  { name: 'nystromAttention, 64', order: 'T', make: () => nystromAttention({ landmarks: 64 }) },
  { name: 'performer, 128', order: 'T', make: ({ dim }) => performer({ dim, features: 128, rng: new Rng(1) }) },
  { name: 'reformer, chunks of 64', order: 'T', make: () => reformer({ buckets: 64, chunk: 64, rounds: 2, rng: new Rng(1) }) },
  {
    name: 'linearAttention',
    order: 'T',
    make: () => {
      const attention = linearAttention();
      return (q, k, v) => attention(q, k, v, { causal: true });
    },
  },
  { name: 'retention', order: 'T', make: () => (q, k, v) => retention(q, k, v).out },
  {
    name: 'gatedLinearAttention',
    order: 'T',
    make: () => (q, k, v) => gatedLinearAttention(q, k, v, { decay: neg(softplus(slice(k, -1, 0, 1))) }).out,
  },
  { name: 'deltaRule', order: 'T', make: () => (q, k, v) => deltaRule(q, normalize(k), v).out },
  {
    name: 'gatedDeltaRule',
    order: 'T',
    make: () => (q, k, v) =>
      gatedDeltaRule(q, normalize(k), v, { beta: sigmoid(slice(k, -1, 0, 1)), decay: neg(softplus(slice(k, -1, 1, 2))) }).out,
  },
];
