import { type AttentionFn, attend, type Capture, KVCache, MultiHeadAttention, sinusoidalTable } from '@multihead/attention';
import { Embedding, LayerNorm, Linear, normal, xavierUniform } from '@multihead/layers';
import {
  type Activation,
  add,
  dropout,
  keep,
  linear,
  mul,
  ne,
  noGrad,
  type Rng,
  ShapeError,
  scope,
  type Tensor,
  tensor,
  unsqueeze,
  ValueError,
} from '@multihead/tensor';
import { see, type Tap } from '../context.js';
import { watched } from '../parts/attend-heads.js';

/*
 * The encoder-decoder Transformer: Vaswani et al., "Attention Is All You Need", 2017.
 *
 *   source ids → embedding + positions → encoder ─┐ memory
 *   target ids → embedding + positions → decoder ←┘ → linear → next-token logits
 *
 * Fields are named as in torch.nn.Transformer, so that its state dicts load as they are. Unusual: `norm_first` moves each layer norm
 * from behind its sublayer (the paper) to before it (pre-norm), and then one more closes each stack.
 */

export interface TransformerConfig {
  d_model: number;
  nhead: number;
  num_encoder_layers: number;
  num_decoder_layers: number;
  dim_feedforward: number;
  dropout?: number;
  /** Of the attention weights; 0 if left out, so that the tiled kernels serve. */
  attention_dropout?: number;
  activation?: Activation;
  norm_first?: boolean;
  layer_norm_eps?: number;
  bias?: boolean;
  /** A layer norm behind the last layer of each stack: always there in torch.nn.Transformer. */
  final_norm?: boolean;
}

export interface Seq2SeqConfig extends TransformerConfig {
  src_vocab_size: number;
  tgt_vocab_size: number;
  /** The target embedding is also the output projection (the paper, section 3.4); with `share_embeddings` the source one, too. */
  tie_embeddings?: boolean;
  share_embeddings?: boolean;
  max_positions?: number;
  pad_token_id: number;
  bos_token_id: number;
  eos_token_id: number;
}

export interface ModelOptions {
  rng?: Rng;
  /** The variant of attention in every layer. */
  attention?: AttentionFn;
}

/** Dropout acts where there is an `rng`; masks are as `attend` takes them; the tap sees all activations, the weights among them. */
export interface EncoderContext {
  mask?: Tensor | null;
  rng?: Rng;
  tap?: Tap;
  capture?: (kind: AttentionKind, layer: number, weights: Tensor) => void;
}

export type AttentionKind = 'encoder' | 'decoder' | 'cross';

export interface DecoderContext extends EncoderContext {
  memoryMask?: Tensor | null;
  /** How the target's own tokens may look back; off by default, as in torch.nn.Transformer. */
  causal?: boolean;
  /** One for each layer: keys and values of the tokens so far, and those of the memory. */
  cache?: DecoderLayerCache[];
}

export interface DecoderLayerCache {
  self: KVCache;
  memory: KVCache;
}

/** What a layer needs to show its activations. */
interface Shown {
  tap?: Tap;
  /** What their names begin with; `blocks.0` if left out. */
  at?: string;
}

export class TransformerEncoderLayer {
  self_attn: MultiHeadAttention;
  linear1: Linear;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  readonly #config: TransformerConfig;
  readonly #attention: AttentionFn | undefined;

  constructor(config: TransformerConfig, options: ModelOptions = {}) {
    this.#config = config;
    this.#attention = options.attention;
    this.self_attn = attentionOf(config, options);
    [this.linear1, this.linear2] = feedForwardOf(config, options);
    [this.norm1, this.norm2] = [normOf(config), normOf(config)];
  }

  forward(src: Tensor, ctx: { mask?: Tensor | null; rng?: Rng; capture?: Capture } & Shown = {}): Tensor {
    const { mask, rng, capture, at = 'blocks.0' } = ctx;
    const within = { config: this.#config, rng, tap: ctx.tap };
    const x = see(ctx, `${at}.resid_pre`, src);
    const look = { mask, rng, capture, attention: shown(`${at}.attn`, ctx, this.#attention) };
    const attended = residual(x, this.norm1, { ...within, name: `${at}.attn_out` }, (y) => this.self_attn.forward(y, y, y, look));
    const out = residual(attended, this.norm2, { ...within, name: `${at}.mlp_out` }, (y) => feedForward(this, y, this.#config, rng));
    return see(ctx, `${at}.resid_post`, out); // [B, S, E]
  }
}

export interface DecoderLayerContext extends Shown {
  mask?: Tensor | null;
  memoryMask?: Tensor | null;
  causal?: boolean;
  rng?: Rng;
  cache?: DecoderLayerCache;
  captureSelf?: Capture;
  captureCross?: Capture;
}

export class TransformerDecoderLayer {
  self_attn: MultiHeadAttention;
  multihead_attn: MultiHeadAttention;
  linear1: Linear;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  norm3: LayerNorm;
  readonly #config: TransformerConfig;
  readonly #attention: AttentionFn | undefined;

  constructor(config: TransformerConfig, options: ModelOptions = {}) {
    this.#config = config;
    this.#attention = options.attention;
    this.self_attn = attentionOf(config, options);
    this.multihead_attn = attentionOf(config, options);
    [this.linear1, this.linear2] = feedForwardOf(config, options);
    [this.norm1, this.norm2, this.norm3] = [normOf(config), normOf(config), normOf(config)];
  }

  /** tgt [B, T, E] and memory [B, S, E] give [B, T, E]; with a cache that holds it, `memory` is not looked at again. */
  forward(tgt: Tensor, memory: Tensor, ctx: DecoderLayerContext = {}): Tensor {
    const { rng, cache, at = 'blocks.0' } = ctx;
    const within = { config: this.#config, rng, tap: ctx.tap };
    const watch = (name: string) => shown(`${at}.${name}`, ctx, this.#attention);
    const causal = ctx.causal ? (cache ? 'bottom-right' : 'top-left') : false;
    const self = { mask: ctx.mask, causal, rng, cache: cache?.self, capture: ctx.captureSelf, attention: watch('attn') } as const;
    const x = see(ctx, `${at}.resid_pre`, tgt);
    const looked = residual(x, this.norm1, { ...within, name: `${at}.attn_out` }, (y) => this.self_attn.forward(y, y, y, self));
    const keyValue = cache ? this.#memoryKeys(memory, cache.memory) : undefined;
    const cross = { mask: ctx.memoryMask, rng, keyValue, capture: ctx.captureCross, attention: watch('cross') };
    const read = (y: Tensor) => this.multihead_attn.forward(y, memory, memory, cross);
    const attended = residual(looked, this.norm2, { ...within, name: `${at}.cross_out` }, read);
    const out = residual(attended, this.norm3, { ...within, name: `${at}.mlp_out` }, (y) => feedForward(this, y, this.#config, rng));
    return see(ctx, `${at}.resid_post`, out);
  }

  #memoryKeys(memory: Tensor, cache: KVCache): { k: Tensor; v: Tensor } {
    if (cache.length > 0) return cache.view();
    const { k, v } = this.multihead_attn.projectKeyValue(memory);
    return cache.append(k, v);
  }
}

function attentionOf(config: TransformerConfig, { rng, attention }: ModelOptions): MultiHeadAttention {
  return new MultiHeadAttention(config.d_model, config.nhead, { rng, attention, dropout: config.attention_dropout, bias: config.bias });
}

function normOf(config: TransformerConfig): LayerNorm {
  return new LayerNorm(config.d_model, { eps: config.layer_norm_eps, bias: config.bias });
}

function feedForwardOf({ d_model, dim_feedforward, bias }: TransformerConfig, { rng }: ModelOptions): [Linear, Linear] {
  const options = { rng, bias, init: rng && xavierUniform(rng) };
  return [new Linear(d_model, dim_feedforward, options), new Linear(dim_feedforward, d_model, options)];
}

function feedForward(layer: { linear1: Linear; linear2: Linear }, x: Tensor, config: TransformerConfig, rng?: Rng): Tensor {
  const hidden = layer.linear1.forward(x, config.activation ?? 'relu'); // [B, T, F]
  return layer.linear2.forward(dropout(hidden, config.dropout ?? 0, rng));
}

interface Residual {
  config: TransformerConfig;
  rng?: Rng;
  tap?: Tap;
  /** Of what f gives. */
  name: string;
}

/** norm(x + f(x)), or x + f(norm(x)) with `norm_first`. */
function residual(x: Tensor, norm: LayerNorm, { config, rng, tap, name }: Residual, f: (x: Tensor) => Tensor): Tensor {
  const given = (y: Tensor) => see({ tap }, name, dropout(f(y), config.dropout ?? 0, rng));
  return config.norm_first ? add(x, given(norm.forward(x))) : norm.forward(add(x, given(x)));
}

/** The attention of a layer in the sight of a tap; undefined without one. */
function shown(at: string, { tap }: Shown, attention: AttentionFn = attend): AttentionFn | undefined {
  if (!tap) return undefined;
  const inner = watched(at, { tap }, attention);
  return (q, k, v, { capture, ...options } = {}) => {
    if (capture) throw new ValueError('Transformer: capture: expected none beside a tap, which sees the weights, too');
    return inner(see({ tap }, `${at}.q`, q), see({ tap }, `${at}.k`, k), see({ tap }, `${at}.v`, v), options);
  };
}

export class TransformerEncoder {
  layers: TransformerEncoderLayer[];
  norm: LayerNorm | null;

  constructor(config: TransformerConfig, options: ModelOptions = {}) {
    this.layers = Array.from({ length: config.num_encoder_layers }, () => new TransformerEncoderLayer(config, options));
    this.norm = config.final_norm === false ? null : normOf(config);
  }

  forward(src: Tensor, ctx: EncoderContext = {}): Tensor {
    const { mask, rng, capture, tap } = ctx;
    const out = this.layers.reduce(
      (x, layer, i) =>
        layer.forward(x, { mask, rng, tap, at: `encoder.blocks.${i}`, capture: capture && ((w) => capture('encoder', i, w)) }),
      src,
    );
    return see(ctx, 'encoder.final', this.norm ? this.norm.forward(out) : out);
  }
}

export class TransformerDecoder {
  layers: TransformerDecoderLayer[];
  norm: LayerNorm | null;

  constructor(config: TransformerConfig, options: ModelOptions = {}) {
    this.layers = Array.from({ length: config.num_decoder_layers }, () => new TransformerDecoderLayer(config, options));
    this.norm = config.final_norm === false ? null : normOf(config);
  }

  forward(tgt: Tensor, memory: Tensor, ctx: DecoderContext = {}): Tensor {
    const { capture, cache, ...rest } = ctx;
    const out = this.layers.reduce(
      (x, layer, i) =>
        layer.forward(x, memory, {
          ...rest,
          at: `decoder.blocks.${i}`,
          cache: cache?.[i],
          captureSelf: capture && ((w) => capture('decoder', i, w)),
          captureCross: capture && ((w) => capture('cross', i, w)),
        }),
      tgt,
    );
    return see(ctx, 'decoder.final', this.norm ? this.norm.forward(out) : out);
  }
}

/** torch.nn.Transformer: both stacks, without embeddings. */
export class Transformer {
  encoder: TransformerEncoder;
  decoder: TransformerDecoder;

  constructor(config: TransformerConfig, options: ModelOptions = {}) {
    this.encoder = new TransformerEncoder(config, options);
    this.decoder = new TransformerDecoder(config, options);
  }

  /** src [B, S, E] and tgt [B, T, E] give [B, T, E]. */
  forward(src: Tensor, tgt: Tensor, ctx: { encoder?: EncoderContext; decoder?: DecoderContext } = {}): Tensor {
    return this.decoder.forward(tgt, this.encoder.forward(src, ctx.encoder), ctx.decoder);
  }
}

/**
 * The whole of it, ids to logits.
 *
 * @example
 * const model = new Seq2Seq(config, { rng: new Rng(1) });
 * const logits = model.forward(source, target, { rng }); // [B, T, tgt_vocab_size]
 */
export class Seq2Seq {
  src_embedding: Embedding;
  tgt_embedding: Embedding;
  transformer: Transformer;
  generator: { weight: Tensor };
  readonly config: Seq2SeqConfig;
  #positions: Float32Array = new Float32Array(0);

  constructor(config: Seq2SeqConfig, options: ModelOptions = {}) {
    this.config = config;
    const { rng } = options;
    const { d_model, src_vocab_size, tgt_vocab_size } = config;
    if (config.share_embeddings && src_vocab_size !== tgt_vocab_size) {
      throw new ValueError(`Seq2Seq: share_embeddings: expected one vocabulary size, got ${src_vocab_size} and ${tgt_vocab_size}`);
    }
    // Scaled by √d_model on the way in, so this gives inputs of variance 1, and logits of order 1 on the way out.
    const init = normal(rng, d_model ** -0.5);
    this.tgt_embedding = new Embedding(tgt_vocab_size, d_model, { init });
    this.src_embedding = config.share_embeddings ? this.tgt_embedding : new Embedding(src_vocab_size, d_model, { init });
    this.transformer = new Transformer(config, options);
    this.generator = config.tie_embeddings === false ? new Linear(d_model, tgt_vocab_size, { rng, bias: false }) : this.tgt_embedding;
  }

  /** Source and target ids, int32 [B, S] and [B, T], to the logits of the token that follows each target token, [B, T, V]. */
  forward(source: Tensor, target: Tensor, ctx: Seq2SeqContext = {}): Tensor {
    const memory = this.encode(source, ctx);
    return this.decode(target, memory, { ...ctx, memoryMask: this.paddingMask(source) });
  }

  /** Source ids [B, S] to the memory that the decoder looks at, [B, S, E]. */
  encode(source: Tensor, ctx: Seq2SeqContext = {}): Tensor {
    const x = this.#embed(this.src_embedding, source, 0, ctx.rng);
    return this.transformer.encoder.forward(x, { ...ctx, mask: this.paddingMask(source) });
  }

  /**
   * Target ids [B, T] and memory [B, S, E] to logits [B, T, V]. With a cache, `target` holds only the tokens after those already in it.
   */
  decode(target: Tensor, memory: Tensor, ctx: Seq2SeqContext & { memoryMask?: Tensor | null; cache?: DecoderLayerCache[] } = {}): Tensor {
    const x = this.#embed(this.tgt_embedding, target, ctx.cache?.[0]?.self.length ?? 0, ctx.rng);
    const y = this.transformer.decoder.forward(x, memory, { ...ctx, causal: true });
    return linear(y, this.generator.weight);
  }

  /** True where there is a token, [B, 1, 1, S]. */
  paddingMask(ids: Tensor): Tensor {
    return unsqueeze(unsqueeze(ne(ids, this.config.pad_token_id), 1), 1);
  }

  /** A cache for `decode`. It is the caller's to dispose. */
  cache(): DecoderLayerCache[] {
    return this.transformer.decoder.layers.map(() => ({ self: new KVCache(), memory: new KVCache() }));
  }

  /**
   * Every attention map of one forward pass by kind, layer and head: what each token looked at.
   *
   * @example
   * const { cross } = await model.inspect(source, target);
   * cross[0].weights; // [B, H, T, S] of the first layer, row by row
   */
  async inspect(source: Tensor, target: Tensor): Promise<Record<AttentionKind, AttentionMap[]>> {
    const found: { kind: AttentionKind; weights: Tensor }[] = [];
    try {
      const open = scope();
      try {
        noGrad(() => this.forward(source, target, { capture: (kind, _layer, weights) => found.push({ kind, weights: keep(weights) }) }));
      } finally {
        open.close();
      }
      const maps: Record<AttentionKind, AttentionMap[]> = { encoder: [], decoder: [], cross: [] };
      for (const { kind, weights } of found) {
        const [batch, heads, queries, keys] = weights.shape as [number, number, number, number];
        maps[kind].push({ batch, heads, queries, keys, weights: (await weights.data()) as Float32Array });
      }
      return maps;
    } finally {
      for (const { weights } of found) weights.dispose();
    }
  }

  /** √E · embedding + positions [from, from + tokens). */
  #embed(table: Embedding, ids: Tensor, from: number, rng?: Rng): Tensor {
    const { d_model, dropout: p = 0, max_positions = 1024 } = this.config;
    if (ids.rank !== 2) throw new ShapeError(`Seq2Seq: ids: expected [batch, tokens], got [${ids.shape.join(', ')}]`);
    const end = from + ids.shape[1]!;
    if (end > max_positions) throw new ValueError(`Seq2Seq: sequence: ${end} tokens, max_positions is ${max_positions}`);
    if (this.#positions.length < end * d_model) this.#positions = sinusoidalTable(Math.max(64, 2 * end), d_model);
    const rows = this.#positions.slice(from * d_model, end * d_model);
    const positions = tensor(rows, { shape: [end - from, d_model], backend: ids.backend });
    return dropout(add(mul(table.forward(ids), Math.sqrt(d_model)), positions), p, rng); // [B, T, E]
  }
}

export interface Seq2SeqContext {
  rng?: Rng;
  tap?: Tap;
  capture?: EncoderContext['capture'];
}

/** The weights [batch, heads, queries, keys] of one attention layer, row by row. */
export interface AttentionMap {
  batch: number;
  heads: number;
  queries: number;
  keys: number;
  weights: Float32Array;
}
