import { type AttendOptions, type AttentionFn, attend, type AttentionCache, mergeHeads } from '@multihead/attention';
import { expand, matmul, reshape, slice, type Tensor, unsqueeze } from '@multihead/tensor';
import { type BlockContext, type DecoderBlockContext, see, type Tap } from '../context.js';

export interface HeadOptions extends Pick<AttendOptions, 'scale' | 'causal' | 'window' | 'softcap' | 'dropout'> {
  /** What the activations of this attention are called behind the name of the block; `attn` if left out. */
  name?: string;
  /** In place of `attend`. */
  attention?: AttentionFn;
}

/**
 * The core of every model's attention, heads already split: q [B, H, Q, D], k and v [B, G, T, D] to all heads side by side, [B, Q, H·D].
 * Keys and values go through the cache, if there is one; the tap sees queries, keys, values, weights and what each head has read.
 */
export function attendHeads(q: Tensor, k: Tensor, v: Tensor, ctx: BlockContext, options: HeadOptions = {}): Tensor {
  const { name = 'attn', attention = attend, ...rest } = options;
  const at = `${ctx.at}.${name}`;
  const queries = see(ctx, `${at}.q`, q);
  const fresh = { k: see(ctx, `${at}.k`, k), v: see(ctx, `${at}.v`, v) };
  const all = ctx.cache ? ctx.cache.append(fresh.k, fresh.v) : fresh; // [B, G, K, D]
  return readHeads(queries, all, ctx, { ...rest, attention, name });
}

/** The same for keys and values that are complete: those of an encoder. */
function readHeads(q: Tensor, { k, v }: { k: Tensor; v: Tensor }, ctx: BlockContext, options: HeadOptions): Tensor {
  const { name = 'attn', attention = attend, ...rest } = options;
  const mask = ctx.mask && lastKeys(ctx.mask, k.shape[2]!);
  return mergeHeads(watched(`${ctx.at}.${name}`, ctx, attention)(q, k, v, { ...rest, mask, rng: ctx.rng }));
}

/** `attention` in the sight of a tap, which may change its weights and what each head has read. */
export function watched(at: string, { tap }: { tap?: Tap }, attention: AttentionFn): AttentionFn {
  return (q, k, v, options = {}) => {
    let changed: Tensor | null = null;
    const onWeights = (weights: Tensor) => {
      const given = tap?.(`${at}.pattern`, weights) ?? weights;
      changed = given === weights ? null : given; // weights that stay leave the kernel its own way to read
    };
    const capture = tap && (tap.capture ? tap.capture(`${at}.pattern`, onWeights) : onWeights);
    const read = attention(q, k, v, { ...options, capture }); // [B, H, Q, D]
    return see({ tap }, `${at}.z`, changed ? matmul(changed, repeatHeads(v, q.shape[1]!)) : read);
  };
}

/**
 * The same for a decoder that looks at an encoder's output: `project` makes keys and values of it, which is done once where there is a cache.
 * The names of its activations begin with `cross`.
 */
export function crossHeads(
  q: Tensor,
  project: () => { k: Tensor; v: Tensor },
  ctx: DecoderBlockContext,
  options: Omit<HeadOptions, 'name' | 'causal'> = {},
): Tensor {
  const { memoryCache: cache, memoryMask: mask, at } = ctx;
  const name = 'cross';
  const queries = see(ctx, `${at}.${name}.q`, q);
  const make = () => {
    const { k, v } = project();
    return { k: see(ctx, `${at}.${name}.k`, k), v: see(ctx, `${at}.${name}.v`, v) };
  };
  const all = cache ? (cache.length > 0 ? cache.view() : appended(cache, make())) : make(); // [B, H, S, D]
  return readHeads(queries, all, { ...ctx, mask }, { ...options, name });
}

function appended(cache: AttentionCache, { k, v }: { k: Tensor; v: Tensor }): { k: Tensor; v: Tensor } {
  return cache.append(k, v);
}

/** A mask over all tokens, for a cache that has forgotten the first ones. */
function lastKeys(mask: Tensor, keys: number): Tensor {
  const all = mask.shape.at(-1)!;
  return all > keys ? slice(mask, -1, all - keys, all) : mask;
}

/** Heads of values [B, G, K, D] for each head of queries, [B, H, K, D]. */
function repeatHeads(v: Tensor, heads: number): Tensor {
  const [batch, groups, keys, dim] = v.shape as [number, number, number, number];
  if (groups === heads) return v;
  return reshape(expand(unsqueeze(v, 2), [batch, groups, heads / groups, keys, dim]), [batch, heads, keys, dim]);
}
