import {
  add,
  broadcastTo,
  concat,
  drawn,
  type Initializer,
  isRecording,
  linear,
  mul,
  ones,
  param,
  type Rng,
  rand,
  reshape,
  ShapeError,
  slice,
  split,
  type Tensor,
  zeros,
} from '@multihead/tensor';
import { type AttendOptions, type AttentionFn, attend, type Capture } from './attend.js';
import { mergeHeads, splitHeads } from './heads.js';
import type { AttentionCache } from './caches/cache.js';
import { causalMask, combineMasks } from './masks.js';

export interface MultiHeadAttentionOptions {
  /** Widths that differ from the default: of the keys' and values' inputs (dim), of a head (dim / heads) and its values (the same), of the output (dim). */
  dims?: { key?: number; value?: number; head?: number; valueHead?: number; out?: number };
  /** Heads of keys and values, shared by groups of query heads; `heads` if left out. */
  kvHeads?: number;
  bias?: boolean;
  /** Fresh weights need one; a model that is loaded from a checkpoint does not. */
  rng?: Rng;
  /** The variant of attention; `attend` if left out. */
  attention?: AttentionFn;
  dropout?: number;
  /** Keys that every query may see besides the given ones: a learned one, a zero one (PyTorch's add_bias_kv, add_zero_attn). */
  extraKeys?: { bias?: boolean; zero?: boolean };
}

export interface MultiHeadContext extends Pick<AttendOptions, 'causal' | 'mask' | 'rng'> {
  /** Where the projected keys and values are added, and all of them read. */
  cache?: AttentionCache;
  /** Keys and values from `projectKeyValue`, in place of the inputs. */
  keyValue?: { k: Tensor; v: Tensor };
  /** Asks for the weights [B, H, Q, K]; the output is the same. */
  capture?: Capture;
  /** In place of the variant that it was made with, in this call. */
  attention?: AttentionFn;
}

/**
 * Multi-head attention: Concat(head₁ … head_h) W^O, headᵢ = attend(Q Wᵢ^Q, K Wᵢ^K, V Wᵢ^V).
 *
 * Parameters have PyTorch's names and layouts: `in_proj_weight` [3·dim, dim] where queries, keys and values have one width, else
 * `q_proj_weight`, `k_proj_weight`, `v_proj_weight`; `in_proj_bias`, `out_proj.weight`, `out_proj.bias`.
 * Vaswani et al., "Attention Is All You Need", 2017, section 3.2.2.
 *
 * @example
 * const attention = new MultiHeadAttention(512, 8, { rng: new Rng(0) });
 * const y = attention.forward(x, x, x, { causal: true }); // [B, T, 512]
 */
export class MultiHeadAttention {
  in_proj_weight: Tensor | null = null;
  q_proj_weight: Tensor | null = null;
  k_proj_weight: Tensor | null = null;
  v_proj_weight: Tensor | null = null;
  in_proj_bias: Tensor | null = null;
  bias_k: Tensor | null = null;
  bias_v: Tensor | null = null;
  out_proj: { weight: Tensor; bias: Tensor | null };
  readonly #heads: number;
  readonly #kvHeads: number;
  /** Widths of all heads together: queries, keys, values. */
  readonly #widths: readonly [number, number, number];
  readonly #attention: AttentionFn;
  readonly #dropout: number;
  readonly #zeroKey: boolean;

  constructor(dim: number, heads: number, options: MultiHeadAttentionOptions = {}) {
    const { dims = {}, kvHeads = heads, bias = true, rng, extraKeys = {} } = options;
    const { key = dim, value = dim, out = dim, head = dim / heads, valueHead = head } = dims;
    if (!Number.isInteger(head) || heads % kvHeads !== 0) {
      throw new ShapeError(`MultiHeadAttention: heads: ${heads} heads (${kvHeads} of keys and values) do not divide a width of ${dim}`);
    }
    this.#heads = heads;
    this.#kvHeads = kvHeads;
    this.#widths = [heads * head, kvHeads * head, kvHeads * valueHead];
    this.#attention = options.attention ?? attend;
    this.#dropout = options.dropout ?? 0;
    this.#zeroKey = extraKeys.zero ?? false;
    const [q, k, v] = this.#widths;
    const init = xavierUniform(rng);
    if (key === dim && value === dim && q === k && k === v) {
      this.in_proj_weight = param([q + k + v, dim], init);
    } else {
      this.q_proj_weight = param([q, dim], init);
      this.k_proj_weight = param([k, key], init);
      this.v_proj_weight = param([v, value], init);
    }
    if (bias) this.in_proj_bias = param([q + k + v], zeroInit);
    if (extraKeys.bias) {
      this.bias_k = param([1, 1, k], init);
      this.bias_v = param([1, 1, v], init);
    }
    const merged = heads * valueHead;
    this.out_proj = { weight: param([out, merged], xavierUniform(rng)), bias: bias ? param([out], zeroInit) : null };
  }

  /** query [B, Q, dim], key and value [B, K, ...] give [B, Q, out]; without a batch, [Q, dim] gives [Q, out]. */
  forward(query: Tensor, key: Tensor = query, value: Tensor = key, ctx: MultiHeadContext = {}): Tensor {
    if (query.rank === 2) {
      const [q, k, v] = [query, key, value].map((x) => reshape(x, [1, ...x.shape])) as [Tensor, Tensor, Tensor];
      const y = this.forward(q, k, v, ctx);
      return reshape(y, y.shape.slice(1));
    }
    const { q, k, v } = this.#joint(query, key, value, ctx) ?? {
      q: splitHeads(this.#project(query, 0), this.#heads), // [B, H, Q, D]
      ...this.#keyValue(key, value, ctx), // [B, G, K, D]
    };
    const { causal, mask, rng, capture, attention = this.#attention } = ctx;
    const y = attention(q, k, v, { ...this.#masking(q, k, causal, mask), dropout: this.#dropout, rng, capture });
    return linear(mergeHeads(y), this.out_proj.weight, this.out_proj.bias); // [B, Q, out]
  }

  /** As `forward`, with the weights of each head, [B, H, Q, K]. */
  forwardWithWeights(query: Tensor, key?: Tensor, value?: Tensor, ctx: MultiHeadContext = {}): { output: Tensor; weights: Tensor } {
    let weights: Tensor | undefined;
    const output = this.forward(query, key, value, {
      ...ctx,
      capture: (found) => {
        weights = found;
        ctx.capture?.(found);
      },
    });
    if (!weights) throw new ShapeError('MultiHeadAttention: the attention function in use gives no weights');
    return { output, weights };
  }

  /** Keys [B, G, K, D] and values [B, G, K, E] by heads, with the extra keys at the end: what cross-attention computes once. */
  projectKeyValue(key: Tensor, value: Tensor = key): { k: Tensor; v: Tensor } {
    return this.#withExtraKeys(this.#split(key, value));
  }

  /** A cache holds what was projected; the extra keys stay behind the last of them. */
  #keyValue(key: Tensor, value: Tensor, { cache, keyValue }: MultiHeadContext): { k: Tensor; v: Tensor } {
    if (!cache) return keyValue ?? this.projectKeyValue(key, value);
    if (keyValue) return cache.append(keyValue.k, keyValue.v);
    const { k, v } = this.#split(key, value);
    return this.#withExtraKeys(cache.append(k, v));
  }

  /**
   * Self-attention while nothing is recorded: one product with the whole weight, and no part of it is copied. (The gradient of its three parts
   * would be three tensors as large as the product.)
   */
  #joint(query: Tensor, key: Tensor, value: Tensor, { cache, keyValue }: MultiHeadContext): { q: Tensor; k: Tensor; v: Tensor } | null {
    if (isRecording() || !this.in_proj_weight || keyValue || key !== query || value !== query) return null;
    const parts = split(linear(query, this.in_proj_weight, this.in_proj_bias), this.#widths, -1);
    const [q, k, v] = parts.map((x, i) => splitHeads(x, i === 0 ? this.#heads : this.#kvHeads)) as [Tensor, Tensor, Tensor];
    return { q, ...this.#withExtraKeys(cache ? cache.append(k, v) : { k, v }) };
  }

  #split(key: Tensor, value: Tensor): { k: Tensor; v: Tensor } {
    return { k: splitHeads(this.#project(key, 1), this.#kvHeads), v: splitHeads(this.#project(value, 2), this.#kvHeads) };
  }

  #project(x: Tensor, part: 0 | 1 | 2): Tensor {
    const start = this.#widths.slice(0, part).reduce((sum, n) => sum + n, 0);
    const rows = (t: Tensor | null) => t && slice(t, 0, start, start + this.#widths[part]);
    const separate = [this.q_proj_weight, this.k_proj_weight, this.v_proj_weight][part];
    return linear(x, separate ?? rows(this.in_proj_weight)!, rows(this.in_proj_bias));
  }

  #withExtraKeys({ k, v }: { k: Tensor; v: Tensor }): { k: Tensor; v: Tensor } {
    const extend = (x: Tensor, learned: Tensor | null) => {
      const [batch, heads, , dim] = x.shape as [number, number, number, number];
      const row = [batch, heads, 1, dim];
      const extra = learned ? [broadcastTo(splitHeads(learned, heads), row)] : [];
      if (this.#zeroKey) extra.push(zeros(row, { dtype: x.dtype, backend: x.backend }));
      return extra.length > 0 ? concat([x, ...extra], 2) : x;
    };
    return { k: extend(k, this.bias_k), v: extend(v, this.bias_v) };
  }

  /** Masks that leave the extra keys visible. */
  #masking(q: Tensor, k: Tensor, causal: AttendOptions['causal'], mask: AttendOptions['mask']): Pick<AttendOptions, 'causal' | 'mask'> {
    const extra = Number(this.bias_k !== null) + Number(this.#zeroKey);
    if (extra === 0) return { causal, mask };
    const { backend } = q;
    const [queries, keys] = [q.shape[2]!, k.shape[2]! - extra];
    const triangle = causal ? causalMask(queries, keys, causal === 'bottom-right' ? keys - queries : 0, backend) : null;
    const given = combineMasks(mask, triangle);
    if (!given) return {};
    const wide = broadcastTo(given, [...given.shape.slice(0, -1), keys]);
    const side = [...wide.shape.slice(0, -1), extra];
    const visible = given.dtype === 'bool' ? ones(side, { dtype: 'bool', backend }) : zeros(side, { dtype: given.dtype, backend });
    return { mask: concat([wide, visible], -1) };
  }
}

const zeroInit: Initializer = (shape) => () => zeros(shape);

/** Uniform within ±√(6 / (fan in + fan out)). Glorot and Bengio, 2010. */
function xavierUniform(rng: Rng | undefined): Initializer {
  return drawn(rng, (shape, stream) => {
    const bound = Math.sqrt(6 / (shape.at(-1)! + shape.at(-2)!));
    return add(mul(rand(shape, { rng: stream }), 2 * bound), -bound);
  });
}
