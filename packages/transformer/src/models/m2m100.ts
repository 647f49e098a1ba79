import { KVCache } from '@multihead/attention';
import { LayerNorm, Linear, normal } from '@multihead/layers';
import { add, cast, concat, cumsum, dropout, embedding, mul, ne, type Rng, slice, type Tensor, zeros } from '@multihead/tensor';
import { type BlockContext, type DecoderBlockContext, type DecoderCache, type ModelOptions, type StacksContext, see } from '../context.js';
import { activation, flag, readConfig, share, size } from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, decoderBlockContext, decoderSizes, maskOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import { sinusoids } from '../parts/sinusoids.js';
import {
  attentionOf,
  type BartAttention,
  feedForward,
  feedForwardOf,
  type StacksConfig,
  stacksFields,
  stacksIgnored,
  stacksProblems,
  version,
} from './bart.js';

/*
 * M2M100: Fan et al., "Beyond English-Centric Multilingual Machine Translation", 2020; NLLB-200: NLLB Team, 2022.
 *
 *   source ids → √E · shared + sinusoids → encoder → norm ─┐
 *   target ids → √E · shared + sinusoids → decoder → norm ←┘ → logits by shared
 *
 * BART's parts, with norms before each sublayer. Unusual: sinusoids are counted from pad_token_id + 1, over the tokens that are no padding,
 * which has a row of zeros.
 */

export interface M2M100Config extends StacksConfig {}

/**
 * The config of an M2M100 from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readM2M100Config(JSON.parse(text)); // the text of config.json
 */
export function readM2M100Config(json: unknown): M2M100Config {
  return readConfig<M2M100Config>(json, {
    modelTypes: ['m2m_100'],
    fields: {
      ...stacksFields(),
      vocab_size: size(128112),
      activation_function: activation('relu'),
      attention_dropout: share(0.1),
      scale_embedding: flag(true),
    },
    ignored: stacksIgnored,
    check: stacksProblems,
  });
}

/** A layer of an encoder whose norms come first: x + attention(norm(x)), then + feed-forward(norm(x)). */
export class M2M100EncoderLayer {
  self_attn: BartAttention;
  self_attn_layer_norm: LayerNorm;
  fc1: Linear;
  fc2: Linear;
  final_layer_norm: LayerNorm;
  readonly #config: StacksConfig;

  constructor(config: StacksConfig, options: ModelOptions & { keyBias?: boolean } = {}) {
    this.self_attn = attentionOf(config, 'encoder', options);
    this.self_attn_layer_norm = new LayerNorm(config.d_model);
    [this.fc1, this.fc2] = feedForwardOf(config, 'encoder', options);
    this.final_layer_norm = new LayerNorm(config.d_model);
    this.#config = config;
  }

  forward(input: Tensor, ctx: BlockContext): Tensor {
    const { at, rng } = ctx;
    const x = see(ctx, `${at}.resid_pre`, input);
    const attended = dropout(this.self_attn.forward(this.self_attn_layer_norm.forward(x), ctx), this.#config.dropout, rng);
    const mid = add(x, see(ctx, `${at}.attn_out`, attended));
    const fed = feedForward(this, this.final_layer_norm.forward(mid), this.#config, rng);
    return see(ctx, `${at}.resid_post`, add(mid, see(ctx, `${at}.mlp_out`, fed)));
  }
}

/** The same for a decoder, which looks at the encoder's output in between. */
export class M2M100DecoderLayer {
  self_attn: BartAttention;
  self_attn_layer_norm: LayerNorm;
  encoder_attn: BartAttention;
  encoder_attn_layer_norm: LayerNorm;
  fc1: Linear;
  fc2: Linear;
  final_layer_norm: LayerNorm;
  readonly #config: StacksConfig;

  constructor(config: StacksConfig, options: ModelOptions & { keyBias?: boolean } = {}) {
    this.self_attn = attentionOf(config, 'decoder', options);
    this.self_attn_layer_norm = new LayerNorm(config.d_model);
    this.encoder_attn = attentionOf(config, 'decoder', options);
    this.encoder_attn_layer_norm = new LayerNorm(config.d_model);
    [this.fc1, this.fc2] = feedForwardOf(config, 'decoder', options);
    this.final_layer_norm = new LayerNorm(config.d_model);
    this.#config = config;
  }

  forward(input: Tensor, memory: Tensor, ctx: DecoderBlockContext): Tensor {
    const { at, rng } = ctx;
    const plus = (x: Tensor, name: string, y: Tensor) => add(x, see(ctx, `${at}.${name}`, y));
    const p = this.#config.dropout;
    const x = see(ctx, `${at}.resid_pre`, input);
    const own = plus(x, 'attn_out', dropout(this.self_attn.forward(this.self_attn_layer_norm.forward(x), ctx, true), p, rng));
    const looked = plus(own, 'cross_out', dropout(this.encoder_attn.cross(this.encoder_attn_layer_norm.forward(own), memory, ctx), p, rng));
    const fed = feedForward(this, this.final_layer_norm.forward(looked), this.#config, rng);
    return see(ctx, `${at}.resid_post`, plus(looked, 'mlp_out', fed));
  }
}

/** Embeddings plus the sinusoids of each token's place, counted over the tokens that are no padding. */
function embed(table: TokenEmbedding, ids: Tensor, past: number, config: M2M100Config, rng?: Rng): Tensor {
  checkIds('M2M100', ids);
  const { d_model, pad_token_id: pad, scale_embedding } = config;
  const real = cast(ne(ids, pad), 'int32');
  const places = add(mul(add(cumsum(real, 1), past), real), pad); // int32 [B, T]
  const words = table.forward(ids);
  const scaled = scale_embedding ? mul(words, Math.sqrt(d_model)) : words;
  return dropout(add(scaled, embedding(tableOf(pad, past + ids.shape[1]!, d_model, ids), places)), config.dropout, rng); // [B, T, E]
}

/** Rows 0 … pad + tokens of the sinusoids; that of padding is 0. */
function tableOf(pad: number, tokens: number, width: number, { backend }: Tensor): Tensor {
  const half = Math.floor(width / 2);
  const rows = sinusoids(0, pad + 1 + tokens, width, { step: (i) => i / (half - 1), backend });
  return concat([slice(rows, 0, 0, pad), zeros([1, width], { backend }), slice(rows, 0, pad + 1)], 0);
}

export class M2M100Encoder {
  embed_tokens: TokenEmbedding;
  layers: M2M100EncoderLayer[];
  layer_norm: LayerNorm;
  readonly #config: M2M100Config;

  constructor(config: M2M100Config, shared: TokenEmbedding, options: ModelOptions = {}) {
    this.embed_tokens = shared;
    this.layers = Array.from({ length: config.encoder_layers }, () => new M2M100EncoderLayer(config, options));
    this.layer_norm = new LayerNorm(config.d_model);
    this.#config = config;
  }

  forward(ids: Tensor, ctx: StacksContext): Tensor {
    const mask = maskOf('M2M100', ctx, sizesOf(ids, {}));
    let x = embed(this.embed_tokens, ids, 0, this.#config, ctx.rng);
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, blockContext({ ...ctx, cache: undefined }, mask, i, 'encoder.'));
    return see(ctx, 'encoder.final', this.layer_norm.forward(x));
  }
}

export class M2M100Decoder {
  embed_tokens: TokenEmbedding;
  layers: M2M100DecoderLayer[];
  layer_norm: LayerNorm;
  readonly #config: M2M100Config;

  constructor(config: M2M100Config, shared: TokenEmbedding, options: ModelOptions = {}) {
    this.embed_tokens = shared;
    this.layers = Array.from({ length: config.decoder_layers }, () => new M2M100DecoderLayer(config, options));
    this.layer_norm = new LayerNorm(config.d_model);
    this.#config = config;
  }

  forward(ids: Tensor, memory: Tensor, ctx: StacksContext): Tensor {
    const sizes = decoderSizes(ids, ctx);
    const mask = maskOf('M2M100', { mask: ctx.decoderMask }, sizes);
    const memoryMask = maskOf('M2M100', ctx, sizesOf(memory, {}));
    let x = embed(this.embed_tokens, ids, sizes.past, this.#config, ctx.rng);
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, memory, decoderBlockContext(ctx, mask, memoryMask, i));
    return see(ctx, 'decoder.final', this.layer_norm.forward(x));
  }
}

const checkpoint: CheckpointRules = { base: 'model', ignore: [version, /embed_positions\.weights?$/, /^lm_head\.weight$/] };

/**
 * M2M100 without a head: source ids [B, S] and target ids [B, T] to the decoder's last hidden states [B, T, d_model].
 *
 * @example
 * const config = readM2M100Config({ d_model: 16, encoder_layers: 1, decoder_layers: 1, encoder_ffn_dim: 8, decoder_ffn_dim: 8, vocab_size: 50 });
 * const model = new M2M100Model(config, { rng: new Rng(1) });
 * model.forward(ids, target).shape; // [1, 2, 16]
 */
export class M2M100Model {
  shared: TokenEmbedding;
  encoder: M2M100Encoder;
  decoder: M2M100Decoder;
  readonly config: M2M100Config;

  static readonly architecture = 'M2M100Model';
  static readonly readConfig = readM2M100Config;
  static readonly checkpoint = checkpoint;

  constructor(config: M2M100Config, options: ModelOptions = {}) {
    this.config = config;
    this.shared = new TokenEmbedding(config.vocab_size, config.d_model, {
      init: normal(options.rng, config.init_std),
      padding: config.pad_token_id,
    });
    this.encoder = new M2M100Encoder(config, this.shared, options);
    this.decoder = new M2M100Decoder(config, this.shared, options);
  }

  forward(ids: Tensor, decoderIds: Tensor, ctx: StacksContext = {}): Tensor {
    return this.decoder.forward(decoderIds, this.encoder.forward(ids, ctx), ctx);
  }

  /** A cache for the decoder. It is the caller's to dispose. */
  cache(): DecoderCache[] {
    return this.decoder.layers.map(() => ({ self: new KVCache(), memory: new KVCache() }));
  }
}

/**
 * M2M100, any language to any: source ids [B, S] and target ids [B, T] to logits [B, T, vocab_size].
 *
 * @example
 * const config = readM2M100Config({ d_model: 16, encoder_layers: 1, decoder_layers: 1, encoder_ffn_dim: 8, decoder_ffn_dim: 8, vocab_size: 50 });
 * const model = new M2M100ForConditionalGeneration(config, { rng: new Rng(1) });
 * model.forward(ids, target).shape; // [1, 2, 50]
 */
export class M2M100ForConditionalGeneration {
  model: M2M100Model;
  lm_head: { weight: Tensor };
  readonly config: M2M100Config;

  static readonly architecture = 'M2M100ForConditionalGeneration';
  static readonly readConfig = readM2M100Config;
  static readonly checkpoint = checkpoint;

  constructor(config: M2M100Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new M2M100Model(config, options);
    const own = () => new Linear(config.d_model, config.vocab_size, { bias: false, init: normal(options.rng, config.init_std) });
    this.lm_head = config.tie_word_embeddings ? this.model.shared : own();
  }

  forward(ids: Tensor, decoderIds: Tensor, ctx: StacksContext = {}): Tensor {
    return this.decode(decoderIds, this.encode(ids, ctx), ctx);
  }

  /** Source ids [B, S] to what the decoder looks at, [B, S, d_model]. */
  encode(ids: Tensor, ctx: StacksContext = {}): Tensor {
    return this.model.encoder.forward(ids, ctx);
  }

  /** Target ids [B, T] and `encode`'s result to logits; with a cache only the tokens after those in it. */
  decode(decoderIds: Tensor, memory: Tensor, ctx: StacksContext = {}): Tensor {
    return project(tokensToKeep(this.model.decoder.forward(decoderIds, memory, ctx), ctx), this.lm_head);
  }

  cache(): DecoderCache[] {
    return this.model.cache();
  }
}
