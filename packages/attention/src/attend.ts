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

/** Receives the attention weights [B, H, Q, K] of a call: what each query looked at. They belong to the scope that is open. */
export type Capture = (weights: Tensor) => void;

export interface AttendOptions {
  /** Factor on the scores; 1/√dim if left out. */
  scale?: number;
  /**
   * Lets query i see only keys up to its own place. `true` or 'top-left' counts places from the first tokens, as PyTorch does;
   * 'bottom-right' from the last ones, as decoding with a cache needs. They differ only where there are more keys than queries.
   */
  causal?: boolean | 'top-left' | 'bottom-right';
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
 * Scaled dot-product attention: softmax(q kᵀ / √D + mask) v.
 *
 * q [..., H, Q, D], k [..., G, K, D], v [..., G, K, E] give [..., H, Q, E]; H must be a multiple of G (grouped key/value heads).
 * float32 (float64 on the CPU backend). With fewer than three axes there are no heads: q [Q, D].
 * A query that may see no key gets 0, with gradient 0, never NaN.
 * Throws a ShapeError, DTypeError or BackendError that names the argument, what was expected and what came.
 * Vaswani et al., "Attention Is All You Need", 2017, equation 1.
 *
 * @example
 * const out = attend(q, k, v, { causal: true }); // [B, H, T, D]
 */
export function attend(q: Tensor, k: Tensor, v: Tensor, options: AttendOptions = {}): Tensor {
  const { heads, back } = asFour(q, k, v);
  const inner = { ...translate(q, k, options), mask: options.mask && maskOfFour(options.mask, q) };
  options.capture?.(attentionWeights(heads[0], heads[1], inner));
  return back(attention(...heads, inner));
}

function translate(q: Tensor, k: Tensor, options: AttendOptions): AttentionOptions {
  const { causal = false, scale, dropout, rng } = options;
  return { scale, dropout, rng, causalOffset: causalOffset(causal, q, k) };
}

function causalOffset(causal: AttendOptions['causal'], q: Tensor, k: Tensor): number | null {
  switch (causal) {
    case undefined:
    case false:
      return null;
    case true:
    case 'top-left':
      return 0;
    case 'bottom-right':
      return k.shape.at(-2)! - q.shape.at(-2)!;
    default:
      throw new ValueError(`attend: causal: expected true, false, 'top-left' or 'bottom-right', got ${String(causal)}`);
  }
}

/** The three as [batch, heads, tokens, dim], and how to give the result the leading axes of q again. */
function asFour(q: Tensor, k: Tensor, v: Tensor): { heads: [Tensor, Tensor, Tensor]; back: (y: Tensor) => Tensor } {
  const { rank } = q;
  const lead = String(q.shape.slice(0, -4));
  if (rank < 2 || [k, v].some((t) => t.rank !== rank || String(t.shape.slice(0, -4)) !== lead)) {
    const got = [q, k, v].map((t) => `[${t.shape.join(', ')}]`).join(', ');
    throw new ShapeError(`attend: expected q, k and v of one rank, at least [tokens, dim], and one batch, got ${got}`);
  }
  if (rank === 4) return { heads: [q, k, v], back: (y) => y };
  const four = (x: Tensor) => reshape(x, [product(x.shape.slice(0, -3)), x.shape.at(-3) ?? 1, ...x.shape.slice(-2)]);
  return { heads: [four(q), four(k), four(v)], back: (y) => reshape(y, [...q.shape.slice(0, -1), v.shape.at(-1)!]) };
}

/** With more than four axes, those before the heads become one in the mask, too. */
function maskOfFour(mask: Tensor, { shape, rank }: Tensor): Tensor {
  if (rank <= 4 || mask.rank <= 3) return mask;
  const [lead, own] = [shape.slice(0, -3), mask.shape.slice(-3)];
  return reshape(broadcastTo(mask, [...lead, ...own]), [product(lead), ...own]);
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, n) => size * n, 1);
}
