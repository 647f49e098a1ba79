import { KVCache } from '@multihead/attention';
import { Linear, normal } from '@multihead/layers';
import { add, dropout, mul, type Rng, type Tensor, ValueError } from '@multihead/tensor';
import { type DecoderCache, type ModelOptions, type StacksContext, see } from '../context.js';
import { flag, integer, maybe, readConfig, size } from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, decoderBlockContext, decoderSizes, maskOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import { sinusoids } from '../parts/sinusoids.js';
import {
  BartDecoderLayer,
  BartEncoderLayer,
  logitsBias,
  type StacksConfig,
  stacksFields,
  stacksIgnored,
  stacksOnly,
  stacksProblems,
  version,
} from './bart.js';

/*
 * Marian: Junczys-Dowmunt et al., "Marian: Fast Neural Machine Translation in C++", 2018; its models of OPUS-MT translate between hundreds of
 * languages.
 *
 *   source ids → embedding + sinusoids → encoder ─┐
 *   target ids → embedding + sinusoids → decoder ←┘ → logits by the decoder's embedding, + final_logits_bias
 *
 * BART's layers. Unusual: sinusoidal positions, sines first and cosines behind them; no norm behind the embeddings; the two languages may
 * have vocabularies of their own.
 */

export interface MarianConfig extends StacksConfig {
  /** Of the target language; vocab_size if null. */
  decoder_vocab_size: number | null;
  share_encoder_decoder_embeddings: boolean;
}

/**
 * The config of a Marian from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readMarianConfig(JSON.parse(text)); // the text of config.json
 */
export function readMarianConfig(json: unknown): MarianConfig {
  return readConfig<MarianConfig>(json, {
    modelTypes: ['marian'],
    fields: {
      ...stacksFields(),
      vocab_size: size(58101),
      pad_token_id: integer(58100),
      decoder_start_token_id: integer(58100),
      decoder_vocab_size: maybe(size(58101)),
      share_encoder_decoder_embeddings: flag(true),
    },
    ignored: [...stacksIgnored, 'classifier_dropout', 'classif_dropout', 'extra_pos_embeddings', '_num_labels', 'tokenizer_class'],
    only: { ...stacksOnly, normalize_embedding: [false], static_position_embeddings: [true] },
    check: stacksProblems,
  });
}

/** √d_model · embedding, where the config says so, plus sinusoids from `past` on. */
function embed(table: TokenEmbedding, ids: Tensor, past: number, config: MarianConfig, rng?: Rng): Tensor {
  checkIds('Marian', ids);
  const { d_model, max_position_embeddings: most } = config;
  const tokens = ids.shape[1]!;
  if (past + tokens > most)
    throw new ValueError(`Marian: ids: expected at most max_position_embeddings = ${most} tokens, got ${past + tokens}`);
  const places = sinusoids(past, tokens, d_model, { step: (i) => (2 * i) / d_model, backend: ids.backend });
  const words = table.forward(ids);
  return dropout(add(config.scale_embedding ? mul(words, Math.sqrt(d_model)) : words, places), config.dropout, rng); // [B, T, E]
}

export class MarianEncoder {
  embed_tokens: TokenEmbedding;
  layers: BartEncoderLayer[];
  readonly #config: MarianConfig;

  constructor(config: MarianConfig, table: TokenEmbedding, options: ModelOptions = {}) {
    this.embed_tokens = table;
    this.layers = Array.from({ length: config.encoder_layers }, () => new BartEncoderLayer(config, options));
    this.#config = config;
  }

  forward(ids: Tensor, ctx: StacksContext): Tensor {
    const mask = maskOf('Marian', ctx, sizesOf(ids, {}));
    let x = embed(this.embed_tokens, ids, 0, this.#config, ctx.rng);
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, blockContext({ ...ctx, cache: undefined }, mask, i, 'encoder.'));
    return see(ctx, 'encoder.final', x);
  }
}

export class MarianDecoder {
  embed_tokens: TokenEmbedding;
  layers: BartDecoderLayer[];
  readonly #config: MarianConfig;

  constructor(config: MarianConfig, table: TokenEmbedding, options: ModelOptions = {}) {
    this.embed_tokens = table;
    this.layers = Array.from({ length: config.decoder_layers }, () => new BartDecoderLayer(config, options));
    this.#config = config;
  }

  forward(ids: Tensor, memory: Tensor, ctx: StacksContext): Tensor {
    const sizes = decoderSizes(ids, ctx);
    const mask = maskOf('Marian', { mask: ctx.decoderMask }, sizes);
    const memoryMask = maskOf('Marian', ctx, sizesOf(memory, {}));
    let x = embed(this.embed_tokens, ids, sizes.past, this.#config, ctx.rng);
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, memory, decoderBlockContext(ctx, mask, memoryMask, i));
    return see(ctx, 'decoder.final', x);
  }
}

const checkpoint: CheckpointRules = {
  base: 'model',
  // Positions are computed; older files have them.
  ignore: [version, /embed_positions\.weight$/, /^final_logits_bias$/, /^lm_head\.weight$/, /^model\.shared\.weight$/],
  optional: [/^final_logits_bias$/],
};

/**
 * Marian without a head: source ids [B, S] and target ids [B, T] to the decoder's last hidden states [B, T, d_model].
 *
 * @example
 * const config = readMarianConfig({ d_model: 16, encoder_layers: 1, decoder_layers: 1, vocab_size: 50, pad_token_id: 49 });
 * const model = new MarianModel(config, { rng: new Rng(1) });
 * model.forward(ids, target).shape; // [1, 2, 16]
 */
export class MarianModel {
  shared: TokenEmbedding | null;
  encoder: MarianEncoder;
  decoder: MarianDecoder;
  readonly config: MarianConfig;

  static readonly architecture = 'MarianModel';
  static readonly readConfig = readMarianConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: MarianConfig, options: ModelOptions = {}) {
    this.config = config;
    const table = (vocabulary: number) =>
      new TokenEmbedding(vocabulary, config.d_model, { init: normal(options.rng, config.init_std), padding: config.pad_token_id });
    this.shared = config.share_encoder_decoder_embeddings ? table(config.vocab_size) : null;
    this.encoder = new MarianEncoder(config, this.shared ?? table(config.vocab_size), options);
    this.decoder = new MarianDecoder(config, this.shared ?? table(targetVocabulary(config)), options);
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
 * Marian, language to language: source ids [B, S] and target ids [B, T] to logits [B, T, decoder_vocab_size].
 *
 * @example
 * const config = readMarianConfig({ d_model: 16, encoder_layers: 1, decoder_layers: 1, vocab_size: 50, pad_token_id: 49 });
 * const model = new MarianMTModel(config, { rng: new Rng(1) });
 * model.forward(ids, target).shape; // [1, 2, 50]
 */
export class MarianMTModel {
  final_logits_bias: Tensor;
  model: MarianModel;
  lm_head: { weight: Tensor };
  readonly config: MarianConfig;

  static readonly architecture = 'MarianMTModel';
  static readonly readConfig = readMarianConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: MarianConfig, options: ModelOptions = {}) {
    this.config = config;
    const vocabulary = targetVocabulary(config);
    this.final_logits_bias = logitsBias(vocabulary);
    this.model = new MarianModel(config, options);
    const own = () => new Linear(config.d_model, vocabulary, { bias: false, init: normal(options.rng, config.init_std) });
    this.lm_head = config.tie_word_embeddings ? this.model.decoder.embed_tokens : own();
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
    return add(project(tokensToKeep(this.model.decoder.forward(decoderIds, memory, ctx), ctx), this.lm_head), this.final_logits_bias);
  }

  cache(): DecoderCache[] {
    return this.model.cache();
  }
}

function targetVocabulary(config: MarianConfig): number {
  return config.share_encoder_decoder_embeddings ? config.vocab_size : (config.decoder_vocab_size ?? config.vocab_size);
}
