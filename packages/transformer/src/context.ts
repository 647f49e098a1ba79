import type { AttentionCache, AttentionFn, Capture } from '@multihead/attention';
import type { Rng, Tensor } from '@multihead/tensor';

/*
 * What a forward pass takes beside its inputs, and how its inside is seen and changed.
 *
 * Every model calls `tap` with each of its activations by name. In the block i of a decoder or an encoder alone:
 *
 *   blocks.i.resid_pre    [B, T, E]     what enters the block: Hugging Face's hidden_states[i]
 *   blocks.i.attn.q k v   [B, H, T, D]  queries, keys and values of each head, turned by their positions where the model does that
 *   blocks.i.attn.pattern [B, H, Q, K]  the weights of attention: Hugging Face's attentions[i]
 *   blocks.i.attn.z       [B, H, Q, D]  what each head has read, before the output projection
 *   blocks.i.attn_out     [B, T, E]     what attention gives to the residual stream
 *   blocks.i.mlp_out      [B, T, E]     what the feed-forward part gives
 *   blocks.i.resid_post   [B, T, E]     what leaves the block
 *   final                 [B, T, E]     what the head reads: Hugging Face's last_hidden_state
 *
 * The weights are made for the tap alone, unless it says that it does not want them, or which of them.
 * In a model of two stacks these begin with `encoder.` and `decoder.`, and the decoder has `blocks.i.cross.*` and `blocks.i.cross_out` besides.
 */

/**
 * Sees an activation by its name. What it returns takes its place; without a return value everything goes on as it was.
 *
 * @example
 * const maps: Tensor[] = [];
 * model.forward(ids, { tap: (name, x) => { if (name.endsWith('.pattern')) maps.push(x); } });
 */
export interface Tap {
  (name: string, x: Tensor): Tensor | void;
  /**
   * How the weights of attention of this name are asked for; `undefined`: not at all, so that nobody makes them. Without this function all are made,
   * [B, H, Q, K] in every layer. `captureOf` makes a Capture that asks for some heads and queries alone; what it receives goes to `receive`.
   */
  readonly capture?: (name: string, receive: (weights: Tensor) => void) => Capture | undefined;
}

/** What every model's `forward` takes. */
export interface ForwardContext {
  /** int32 or bool [B, K]: 1 or true where there is a token, 0 at padding. With a cache K counts the tokens in it, too. bool [B, 1 or H, Q, K]: who may look at whom. */
  mask?: Tensor | null;
  /** The place of each token, for every sample; 0, 1, 2 … after those in the cache if left out. */
  positions?: readonly (readonly number[])[];
  /** Keys and values of the tokens so far, one for each layer: `model.cache()` makes it, its maker disposes it. */
  cache?: readonly AttentionCache[];
  /** Dropout acts if and only if it is there. */
  rng?: Rng;
  tap?: Tap;
}

/** What a model of two stacks takes: an encoder reads the source, a decoder looks at what it made of it. */
export interface StacksContext extends Pick<ForwardContext, 'rng' | 'tap'> {
  /** Of the source: int32 or bool [B, S], 1 or true where there is a token. */
  mask?: Tensor | null;
  /** Of the decoder's tokens, [B, T]; with a cache those in it count, too. */
  decoderMask?: Tensor | null;
  /** One for each layer of the decoder: `model.cache()` makes it, its maker disposes it. */
  cache?: readonly DecoderCache[];
}

/** Keys and values of the decoder's own tokens, and those of the source, which are computed once. */
export interface DecoderCache {
  self: AttentionCache;
  memory: AttentionCache;
}

/** What a model is made with, besides its config. */
export interface ModelOptions {
  /** Fresh weights need one; a model that is loaded from a checkpoint does not. */
  rng?: Rng;
  /** The variant of attention in every layer; `attend` if left out. */
  attention?: AttentionFn;
}

/** Shows `x` to the tap, if there is one, and gives what is to be used in its place. */
export function see({ tap }: { tap?: Tap }, name: string, x: Tensor): Tensor {
  return tap?.(name, x) ?? x;
}

/** What one block needs of a context. */
export interface BlockContext {
  /** `blocks.3`: what the names of its activations begin with. */
  at: string;
  /** As `attend` takes it. */
  mask: Tensor | null;
  cache?: AttentionCache;
  rng?: Rng;
  tap?: Tap;
}

/** What a block of a decoder needs that looks at an encoder's output, besides. */
export interface DecoderBlockContext extends BlockContext {
  memoryMask: Tensor | null;
  memoryCache?: AttentionCache;
}
