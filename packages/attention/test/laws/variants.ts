import {
  additiveAttention,
  alibi,
  andMasks,
  type AttentionFn,
  attend,
  attentionSinks,
  bigBird,
  blockSparse,
  causal,
  chunkedLocal,
  deltaRule,
  differentialAttention,
  documents,
  flexAttend,
  flexAttention,
  fixedSparse,
  gatedDeltaRule,
  gatedLinearAttention,
  linearAttention,
  linformer,
  longformer,
  type MaskMod,
  nystromAttention,
  parallelRetention,
  performer,
  qkNorm,
  recurrentDeltaRule,
  reformer,
  retention,
  type ScoreMod,
  shawAttention,
  sigmoidAttention,
  slidingWindow,
  stridedSparse,
  talkingHeads,
  topKAttention,
} from '@multihead/attention';
import { add, cast, mul, neg, normalize, Rng, sigmoid, softplus, sub, type Tensor, slice } from '@multihead/tensor';

/** What a variant is made for. */
export interface Sizes {
  readonly heads: number;
  readonly dim: number;
  readonly valueDim: number;
  readonly tokens: number;
  /** Random weights; kept, so that their gradients can be asked for. */
  readonly weight: (shape: readonly number[], seed: number) => Tensor;
}

/** A row of the table of laws: a variant, and what holds for it. What is left out does not. */
export interface Variant {
  readonly name: string;
  readonly make: (sizes: Sizes) => AttentionFn;
  /** Widths of q and k by that of a head; 1 if left out. */
  readonly widths?: number;
  /** Takes `causal`, or is so by nature: its output depends on nothing later. */
  readonly causal?: 'option' | 'nature';
  /** Takes `causal: 'bottom-right'`: tokens can be had one by one, with what was before them as keys. */
  readonly stepwise?: true;
  /** Masks that it takes. */
  readonly masks?: 'any' | 'by key';
  /** More queries than keys, or fewer. */
  readonly cross?: true;
  /** Heads that share keys and values. */
  readonly grouped?: true;
  /** Keys and values may be put in another order. */
  readonly unordered?: true;
  /** Captures weights, and whether their rows add up to 1. */
  readonly weights?: 'one' | 'free';
  /** Why scores of 1e4 are not tried: what overflows by its definition. */
  readonly tamed?: string;
  /** False where differences are not what the gradient is: at the choice of keys. */
  readonly differences?: false;
}

const softmaxLike = {
  causal: 'option',
  stepwise: true,
  masks: 'any',
  cross: true,
  grouped: true,
  unordered: true,
  weights: 'one',
} as const;
/** Places matter. */
const placed = { causal: 'option', masks: 'any', cross: true, grouped: true, weights: 'one' } as const;
const recurrent = { causal: 'nature', grouped: true } as const;

const rule = (name: string, maskMod: MaskMod): Variant => ({ name, make: () => flexAttention({ maskMod, blockSize: 3 }), ...placed });
const distance: ScoreMod = (score, _b, _h, query, key) => add(score, mul(cast(sub(key, query), score.dtype), 0.1));

export const variants: readonly Variant[] = [
  { name: 'attend', make: () => attend, ...softmaxLike },
  { name: 'attend, capped', make: () => (q, k, v, options) => attend(q, k, v, { ...options, softcap: 5 }), ...softmaxLike },
  {
    name: 'attend with ALiBi',
    make:
      ({ heads }) =>
      (q, k, v, options) =>
        attend(q, k, v, { ...options, mask: cast(alibi(heads, q.shape[2], k.shape[2]), q.dtype as 'float32') }),
    causal: 'option',
    stepwise: true,
    cross: true,
    grouped: true,
    weights: 'one',
  },
  { name: 'attentionSinks', make: ({ heads, weight }) => attentionSinks(weight([heads], 1)), ...softmaxLike, weights: 'free' },
  { name: 'qkNorm', make: ({ dim, weight }) => qkNorm({ q: weight([dim], 1), k: weight([dim], 2) }), ...softmaxLike },
  {
    name: 'flexAttend',
    make: () => (q, k, v, options) => flexAttend(q, k, v, { ...options, scoreMod: (score) => mul(score, 1.5), blockSize: 2 }),
    ...softmaxLike,
  },
  { name: 'flexAttend with a bias by distance', make: () => flexAttention({ scoreMod: distance, blockSize: 2 }), ...placed },
  rule('slidingWindow', slidingWindow(2)),
  rule('chunkedLocal', chunkedLocal(3)),
  rule('documents', documents([0, 2, 7])),
  rule('longformer', longformer(1, 1)),
  rule('blockSparse', blockSparse([[true, false], [true, true]], 4)), // biome-ignore format: a row
  rule('stridedSparse', stridedSparse(2)),
  rule('fixedSparse', fixedSparse(2)),
  rule('bigBird', bigBird({ tokens: 8, blockSize: 2, global: 1, random: 1, rng: new Rng(1) })),
  rule('causal and chunked', andMasks(causal(), chunkedLocal(4))),
  {
    name: 'shawAttention',
    make: ({ dim, valueDim, weight }) => shawAttention({ keys: weight([5, dim], 1), values: weight([5, valueDim], 2) }),
    ...placed,
    stepwise: true,
    weights: undefined, // values have vectors of their own besides
  },
  {
    name: 'additiveAttention',
    make: ({ dim, weight }) => additiveAttention({ query: weight([dim, 3], 1), key: weight([dim, 3], 2), score: weight([3], 3) }),
    ...softmaxLike,
  },
  {
    name: 'talkingHeads',
    make: ({ heads, weight }) => talkingHeads({ scores: weight([heads, heads], 1), weights: weight([heads, heads], 2) }),
    ...softmaxLike,
    weights: 'free',
  },
  {
    name: 'differentialAttention',
    make: ({ dim, weight }) => {
      const [q1, k1, q2, k2] = [1, 2, 3, 4].map((seed) => mul(weight([dim], seed), 0.1)) as [Tensor, Tensor, Tensor, Tensor];
      return differentialAttention({ q1, k1, q2, k2, init: 0.2 });
    },
    ...softmaxLike,
    widths: 2,
    weights: undefined, // a norm comes after
  },
  { name: 'sigmoidAttention', make: () => sigmoidAttention(-1), ...softmaxLike, weights: 'free' },
  { name: 'topKAttention', make: () => topKAttention(2), ...softmaxLike, differences: false },
  {
    name: 'linearAttention',
    make: () => linearAttention(),
    tamed: 'features of such numbers are 0 in float32',
    causal: 'option',
    masks: 'by key',
    grouped: true,
    cross: true,
    unordered: true,
    weights: 'one',
  },
  {
    name: 'performer',
    make: ({ dim }) => performer({ dim, features: 16, rng: new Rng(1) }),
    causal: 'option',
    masks: 'by key',
    grouped: true,
    cross: true,
    unordered: true,
    weights: 'one',
    tamed: 'features of such scores are all lost but one, and the approximation with them',
  },
  {
    name: 'linformer',
    make: ({ tokens, weight }) => linformer({ keys: weight([tokens + 4, 3], 1) }),
    masks: 'by key',
    cross: true,
    grouped: true,
    weights: 'free',
  },
  {
    name: 'nystromAttention',
    make: () => nystromAttention({ landmarks: 3 }),
    cross: true,
    grouped: true,
    weights: 'free',
    tamed: 'the pseudo-inverse of a matrix of zeros and ones has no bound',
  },
  {
    name: 'reformer',
    make: () => reformer({ buckets: 2, chunk: 4, rounds: 2, rng: new Rng(1) }),
    causal: 'option',
    masks: 'by key',
    grouped: true,
    weights: 'one',
    differences: false,
  },
  {
    name: 'retention',
    make: () => (q, k, v) => retention(q, k, v, { chunk: 3, decays: new Array(k.shape[1]).fill(0.9) }).out,
    ...recurrent,
  },
  {
    name: 'parallelRetention',
    make: () => (q, k, v) => parallelRetention(q, k, v, { decays: new Array(k.shape[1]).fill(0.9) }),
    ...recurrent,
  },
  {
    name: 'gatedLinearAttention',
    make: () => (q, k, v) => gatedLinearAttention(q, k, v, { decay: neg(softplus(k)), chunk: 3 }).out,
    ...recurrent,
  },
  {
    name: 'deltaRule',
    make: () => (q, k, v) => deltaRule(q, normalize(k), v, { beta: sigmoid(slice(k, -1, 0, 1)), chunk: 3 }).out,
    ...recurrent,
  },
  {
    name: 'recurrentDeltaRule',
    make: () => (q, k, v) => recurrentDeltaRule(q, normalize(k), v, { beta: sigmoid(slice(k, -1, 0, 1)) }).out,
    ...recurrent,
  },
  {
    name: 'gatedDeltaRule',
    make: () => (q, k, v) =>
      gatedDeltaRule(q, normalize(k), v, { beta: sigmoid(slice(k, -1, 0, 1)), decay: neg(softplus(slice(k, -1, 1, 2))), chunk: 3 }).out,
    ...recurrent,
  },
];
