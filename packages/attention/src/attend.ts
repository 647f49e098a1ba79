import {
  type AttentionOptions,
  attention,
  attentionWeights,
  broadcastTo,
  reshape,
  type Rng,
  ShapeError,
  type Tensor,
  ValueError,
} from '@multihead/tensor';
import type { CaptureSelection } from './capture.js';

/**
 * Receives the attention weights [B, H, Q, K] of a call: what each query looked at. They belong to the scope that is open.
 * `captureOf` makes one that asks for some heads and rows only, at the cost of those.
 */
export interface Capture {
  (weights: Tensor): void;
  /** Makes the weights that are asked for, in place of all. */
  readonly weights?: typeof attentionWeights;
  readonly selection?: CaptureSelection;
}

export interface AttendOptions {
  /** Factor on the scores; 1/√dim if left out. */
  scale?: number;
  /**
   * Lets query i see only keys up to its own place. `true` or 'top-left' counts places from the first tokens, as PyTorch does;
   * 'bottom-right' from the last ones, as decoding with a cache needs. They differ only where there are more keys than queries.
   */
  causal?: boolean | 'top-left' | 'bottom-right';
  /**
   * Slides: how many tokens back and ahead of its own place a query may look, or one number for both; Infinity for no limit. With `causal`
   * nothing lies ahead, so Mistral's and Gemma's `sliding_window` of n, which counts the query's own place, is n - 1 here.
   */
  window?: number | readonly [back: number, ahead: number];
  /** Scores become softcap · tanh(score / softcap) before the mask is added, as in Gemma 2. */
  softcap?: number;
  /** Broadcasts to [..., H, Q, K]. bool: true where a query may look. float: added to the scores. */
  mask?: Tensor | null;
  /** The share of the weights that is dropped, where there is an `rng`. */
  dropout?: number;
  rng?: Rng;
  /** Asks for the weights. The output is the same with and without. */
  capture?: Capture;
}

/** Any variant of attention: q [B, H, Q, D], k [B, G, K, D], v [B, G, K, E] to [B, H, Q, E]. Models take one as an option. */
export type AttentionFn = (q: Tensor, k: Tensor, v: Tensor, options?: AttendOptions) => Tensor;

/**
 * Scaled dot-product attention: softmax(cap(scale · q kᵀ) + mask) v.
 *
 * q [..., H, Q, D], k [..., G, K, D], v [..., G, K, E] give [..., H, Q, E]; H must be a multiple of G (grouped key/value heads). Axes of
 * length 1 before the tokens are repeated to fit the others. float32 (float64 on the CPU backend). With fewer than three axes there are
 * no heads: q [Q, D]. A query that may see no key gets 0, with gradient 0, never NaN.
 * Throws a ShapeError, DTypeError, ValueError or BackendError that names the argument, what was expected and what came.
 * Vaswani et al., "Attention Is All You Need", 2017, equation 1; windows: Beltagy et al., "Longformer", 2020; capped scores: Gemma 2, 2024.
 *
 * @example
 * const out = attend(q, k, v, { causal: true, window: 127 }); // [B, H, T, D]
 */
export function attend(q: Tensor, k: Tensor, v: Tensor, options: AttendOptions = {}): Tensor {
  const { heads, inner, back } = prepare('attend', q, k, v, options);
  const { capture } = options;
  capture?.((capture.weights ?? attentionWeights)(heads[0], heads[1], inner));
  return back(attention(...heads, inner));
}

export interface Prepared {
  /** q [B, H, Q, D], k [B, G, K, D], v [B, G, K, E]. */
  readonly heads: [Tensor, Tensor, Tensor];
  readonly inner: AttentionOptions;
  /** [B, H, Q, E] with the axes that q had. */
  back(y: Tensor): Tensor;
}

/** What every variant with the options of `attend` begins with; `op` is for its errors. */
export function prepare(op: string, q: Tensor, k: Tensor, v: Tensor, options: AttendOptions): Prepared {
  const { heads, lead } = asFour(op, q, k, v);
  return {
    heads,
    inner: { ...options, ...limits(op, q, k, options), mask: options.mask && maskOfFour(options.mask, lead) },
    back: (y) => (q.rank === 4 ? y : reshape(y, [...lead, ...y.shape.slice(q.rank === 2 ? 2 : 1)])),
  };
}

/** `causal` and `window` as the places of the last and the first key that query 0 sees; those of query i lie i further on. */
function limits(op: string, q: Tensor, k: Tensor, { causal, window = Infinity }: AttendOptions): AttentionOptions {
  if (causal && causal !== true && !/^(top-left|bottom-right)$/.test(causal)) {
    throw new ValueError(`${op}: causal: expected true, false, 'top-left' or 'bottom-right', got ${causal}`);
  }
  const [back, ahead] = typeof window === 'number' ? [window, window] : window;
  if (!(back >= 0 && ahead >= 0)) throw new ValueError(`${op}: window: expected [back, ahead] of 0 or more, got ${window}`);
  const place = causal === 'bottom-right' ? k.shape.at(-2)! - q.shape.at(-2)! : 0;
  const finite = (n: number) => (Number.isFinite(n) ? n : null);
  return { causalOffset: causal ? place : finite(ahead), windowOffset: finite(place - back) };
}

/** The three as [batch, heads, tokens, dim], and the axes before the heads. */
function asFour(op: string, q: Tensor, k: Tensor, v: Tensor): { heads: [Tensor, Tensor, Tensor]; lead: number[] } {
  const all = [q, k, v];
  const { rank } = q;
  const fit = (axis: number, ts: Tensor[]) => ts.map(({ shape }) => shape.at(axis)!).find((n) => n !== 1) ?? 1;
  const lead = q.shape.slice(0, -3).map((_, axis) => fit(axis, all));
  if (rank < 2 || all.some((t) => t.rank !== rank || lead.some((n, i) => t.shape[i] !== 1 && t.shape[i] !== n))) {
    const got = all.map((t) => `[${t.shape.join(', ')}]`).join(', ');
    throw new ShapeError(`${op}: expected q, k and v of one rank, at least [tokens, dim], and one batch, got ${got}`);
  }
  const heads = all.map((x, i) => {
    const own = x.shape.at(-3) ?? 1;
    const wide = own === 1 && rank > 2 ? fit(-3, i ? [k, v] : all) : own;
    const tail = [wide, ...x.shape.slice(-2)];
    if (rank < 4) return broadcastTo(reshape(x, [1, own, ...tail.slice(1)]), [1, ...tail]);
    const whole = broadcastTo(x, [...lead, ...tail]);
    return rank === 4 ? whole : reshape(whole, [product(lead), ...tail]);
  });
  return { heads: heads as [Tensor, Tensor, Tensor], lead };
}

/** With more than four axes, those before the heads become one in the mask, too. */
function maskOfFour(mask: Tensor, lead: number[]): Tensor {
  if (lead.length < 2 || mask.rank <= 3) return mask;
  const own = mask.shape.slice(-3);
  return reshape(broadcastTo(mask, [...lead, ...own]), [product(lead), ...own]);
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, n) => size * n, 1);
}
