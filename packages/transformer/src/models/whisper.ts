import { KVCache } from '@multihead/attention';
import { Conv1d, constant, Embedding, LayerNorm, Linear, normal } from '@multihead/layers';
import { add, dropout, gelu, mean, mul, param, reshape, ShapeError, softmax, stack, sum, type Tensor, transpose } from '@multihead/tensor';
import { type DecoderCache, type ModelOptions, type StacksContext, see, type Tap } from '../context.js';
import { countLabels, flag, integer, labels, layers, maybe, readConfig, share, size, tokenId } from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, decoderBlockContext, decoderSizes, maskOf, placeIds, placesOf } from '../parts/inputs.js';
import { sinusoidal } from '../parts/sinusoids.js';
import { project, tableOf } from '../parts/project.js';
import { type SpecAugmentConfig, specAugment } from '../parts/spec-augment.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import { type StacksConfig, stacksFields, stacksIgnored, stacksProblems } from './bart.js';
import { M2M100DecoderLayer, M2M100EncoderLayer } from './m2m100.js';

/*
 * Whisper: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022.
 *
 *   log-mel [B, bins, frames] → conv → conv (half as many) → + positions → encoder → norm ─┐
 *   target ids                                → embed_tokens + positions → decoder → norm ←┘ → logits by embed_tokens
 *
 * M2M100's layers, norms first. Unusual: two convolutions read the sound; keys have no bias; sounds have one length, 30 seconds, and are
 * padded with silence.
 */

export interface WhisperConfig extends Omit<StacksConfig, 'max_position_embeddings'>, SpecAugmentConfig {
  num_mel_bins: number;
  /** Positions of the encoder: half as many as frames. */
  max_source_positions: number;
  max_target_positions: number;
  /** Of the attention maps that times of words are read from. */
  median_filter_width: number;
  eos_token_id: number | number[] | null;
  /** Of the classifier of sounds: its width, and whether it reads a weighed sum of all layers. */
  classifier_proj_size: number;
  use_weighted_layer_sum: boolean;
  id2label: string[] | null;
  num_labels: number | null;
}

/**
 * The config of a Whisper from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readWhisperConfig(JSON.parse(text)); // the text of config.json
 */
export function readWhisperConfig(json: unknown): WhisperConfig {
  const { max_position_embeddings: _, ...fields } = stacksFields();
  return readConfig<WhisperConfig>(json, {
    modelTypes: ['whisper'],
    fields: {
      ...fields,
      vocab_size: size(51865),
      num_mel_bins: size(80),
      encoder_layers: layers(4),
      encoder_attention_heads: size(6),
      encoder_ffn_dim: size(1536),
      decoder_layers: layers(4),
      decoder_attention_heads: size(6),
      decoder_ffn_dim: size(1536),
      d_model: size(384),
      dropout: fields.attention_dropout,
      max_source_positions: size(1500),
      max_target_positions: size(448),
      median_filter_width: size(7),
      pad_token_id: integer(50256),
      decoder_start_token_id: integer(50257),
      eos_token_id: tokenId(50256),
      classifier_proj_size: size(256),
      use_weighted_layer_sum: flag(false),
      id2label: labels(),
      num_labels: maybe(size(2)),
      apply_spec_augment: flag(false),
      mask_time_prob: share(0.05),
      mask_time_length: size(10),
      mask_time_min_masks: integer(2),
      mask_feature_prob: share(0),
      mask_feature_length: size(10),
      mask_feature_min_masks: integer(0),
    },
    // Scaling is not done in transformers either; the rest is of times of words.
    ignored: [...stacksIgnored, 'scale_embedding', 'alignment_heads', 'lang_ids', 'max_position_embeddings'],
    check: (config) => stacksProblems({ ...config, max_position_embeddings: config.max_source_positions }),
  });
}

/** The config as layers of two stacks take it. */
function stacksOf(config: WhisperConfig): StacksConfig {
  return { ...config, max_position_embeddings: config.max_source_positions };
}

export class WhisperEncoder {
  conv1: Conv1d;
  conv2: Conv1d;
  embed_positions: Embedding;
  layers: M2M100EncoderLayer[];
  layer_norm: LayerNorm;
  readonly #config: WhisperConfig;

  constructor(config: WhisperConfig, options: ModelOptions = {}) {
    const init = normal(options.rng, config.init_std);
    this.conv1 = new Conv1d(config.num_mel_bins, config.d_model, 3, { padding: 1, init });
    this.conv2 = new Conv1d(config.d_model, config.d_model, 3, { padding: 1, stride: 2, init });
    this.embed_positions = new Embedding(config.max_source_positions, config.d_model, {
      init: sinusoidal((pair, width) => pair / (Math.floor(width / 2) - 1)),
    });
    this.embed_positions.weight.requiresGrad = false; // stored, but not trained
    this.layers = Array.from(
      { length: config.encoder_layers },
      () => new M2M100EncoderLayer(stacksOf(config), { ...options, keyBias: false }),
    );
    this.layer_norm = new LayerNorm(config.d_model);
    this.#config = config;
  }

  /** Log-mel features [B, bins, frames] to [B, frames / 2, d_model]. */
  forward(features: Tensor, ctx: StacksContext): Tensor {
    const { num_mel_bins: bins, max_source_positions: places } = this.#config;
    if (features.rank !== 3 || features.shape[1] !== bins || features.shape[2] !== 2 * places) {
      throw new ShapeError(`Whisper: features: expected [batch, ${bins}, ${2 * places}], got [${features.shape.join(', ')}]`);
    }
    const heard = gelu(this.conv2.forward(gelu(this.conv1.forward(features)))); // [B, E, S]
    let x = dropout(add(transpose(heard, 1, 2), tableOf(this.embed_positions)), this.#config.dropout, ctx.rng); // [B, S, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, blockContext({ ...ctx, cache: undefined }, null, i, 'encoder.'));
    return see(ctx, 'encoder.final', this.layer_norm.forward(x));
  }
}

export class WhisperDecoder {
  embed_tokens: TokenEmbedding;
  embed_positions: Embedding;
  layers: M2M100DecoderLayer[];
  layer_norm: LayerNorm;
  readonly #config: WhisperConfig;

  constructor(config: WhisperConfig, options: ModelOptions = {}) {
    const init = normal(options.rng, config.init_std);
    this.embed_tokens = new TokenEmbedding(config.vocab_size, config.d_model, { init, padding: config.pad_token_id });
    this.embed_positions = new Embedding(config.max_target_positions, config.d_model, { init });
    this.layers = Array.from(
      { length: config.decoder_layers },
      () => new M2M100DecoderLayer(stacksOf(config), { ...options, keyBias: false }),
    );
    this.layer_norm = new LayerNorm(config.d_model);
    this.#config = config;
  }

  forward(ids: Tensor, memory: Tensor, ctx: StacksContext): Tensor {
    checkIds('Whisper', ids);
    const sizes = decoderSizes(ids, ctx);
    const mask = maskOf('Whisper', { mask: ctx.decoderMask }, sizes);
    const places = placeIds('Whisper', placesOf('Whisper', {}, sizes), this.#config.max_target_positions, ids.backend);
    let x = dropout(add(this.embed_tokens.forward(ids), this.embed_positions.forward(places)), this.#config.dropout, ctx.rng); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, memory, decoderBlockContext(ctx, mask, null, i));
    return see(ctx, 'decoder.final', this.layer_norm.forward(x));
  }
}

const checkpoint: CheckpointRules = { base: 'model', ignore: [/^proj_out\.weight$/] };

/**
 * Whisper without a head: log-mel [B, bins, frames] and target ids [B, T] to the decoder's last hidden states [B, T, d_model].
 *
 * @example
 * const sizes = { d_model: 12, encoder_layers: 1, decoder_layers: 1, num_mel_bins: 4, max_source_positions: 6 };
 * const config = readWhisperConfig({ ...sizes, vocab_size: 50, pad_token_id: 0 });
 * const model = new WhisperModel(config, { rng: new Rng(1) });
 * model.forward(features, target).shape; // [1, 2, 12]
 */
export class WhisperModel {
  encoder: WhisperEncoder;
  decoder: WhisperDecoder;
  readonly config: WhisperConfig;

  static readonly architecture = 'WhisperModel';
  static readonly readConfig = readWhisperConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: WhisperConfig, options: ModelOptions = {}) {
    this.config = config;
    this.encoder = new WhisperEncoder(config, options);
    this.decoder = new WhisperDecoder(config, options);
  }

  forward(features: Tensor, decoderIds: Tensor, ctx: StacksContext = {}): Tensor {
    return this.decoder.forward(decoderIds, this.encode(features, ctx), ctx);
  }

  /** Log-mel features [B, bins, frames] to what the decoder looks at, [B, frames / 2, d_model]; in training some of them silenced, if asked for. */
  encode(features: Tensor, ctx: StacksContext = {}): Tensor {
    const { config } = this;
    return this.encoder.forward(ctx.rng && config.apply_spec_augment ? specAugment(features, config, ctx.rng) : features, ctx);
  }

  /** A cache for the decoder. It is the caller's to dispose. */
  cache(): DecoderCache[] {
    return this.decoder.layers.map(() => ({ self: new KVCache(), memory: new KVCache() }));
  }
}

/**
 * Whisper, sound to text: log-mel features [B, bins, frames] and target ids [B, T] to logits [B, T, vocab_size].
 *
 * @example
 * const sizes = { d_model: 12, encoder_layers: 1, decoder_layers: 1, num_mel_bins: 4, max_source_positions: 6 };
 * const config = readWhisperConfig({ ...sizes, vocab_size: 50, pad_token_id: 0 });
 * const model = new WhisperForConditionalGeneration(config, { rng: new Rng(1) });
 * model.forward(features, target).shape; // [1, 2, 50]
 */
export class WhisperForConditionalGeneration {
  model: WhisperModel;
  proj_out: { weight: Tensor };
  readonly config: WhisperConfig;

  static readonly architecture = 'WhisperForConditionalGeneration';
  static readonly readConfig = readWhisperConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: WhisperConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new WhisperModel(config, options);
    const own = () => new Linear(config.d_model, config.vocab_size, { bias: false, init: normal(options.rng, config.init_std) });
    this.proj_out = config.tie_word_embeddings ? this.model.decoder.embed_tokens : own();
  }

  forward(features: Tensor, decoderIds: Tensor, ctx: StacksContext = {}): Tensor {
    return this.decode(decoderIds, this.encode(features, ctx), ctx);
  }

  /** Log-mel features [B, bins, frames] to what the decoder looks at, [B, frames / 2, d_model]. */
  encode(features: Tensor, ctx: StacksContext = {}): Tensor {
    return this.model.encode(features, ctx);
  }

  /** Target ids [B, T] and `encode`'s result to logits; with a cache only the tokens after those in it. */
  decode(decoderIds: Tensor, memory: Tensor, ctx: StacksContext = {}): Tensor {
    return project(tokensToKeep(this.model.decoder.forward(decoderIds, memory, ctx), ctx), this.proj_out);
  }

  cache(): DecoderCache[] {
    return this.model.cache();
  }
}

/**
 * One of num_labels classes for each sound, from the encoder: log-mel features [B, bins, frames] to logits [B, num_labels].
 *
 * @example
 * const sizes = { d_model: 12, encoder_layers: 1, decoder_layers: 1, num_mel_bins: 4, max_source_positions: 6 };
 * const config = readWhisperConfig({ ...sizes, vocab_size: 50, pad_token_id: 0 });
 * const model = new WhisperForAudioClassification(config, { rng: new Rng(1) });
 * model.forward(features).shape; // [1, 2]
 */
export class WhisperForAudioClassification {
  encoder: WhisperEncoder;
  layer_weights: Tensor | null;
  projector: Linear;
  classifier: Linear;
  readonly config: WhisperConfig;

  static readonly architecture = 'WhisperForAudioClassification';
  static readonly readConfig = readWhisperConfig;
  static readonly checkpoint: CheckpointRules = {
    base: 'model',
    ignore: [/^(model\.)?decoder\./, /^proj_out\./],
    head: /^(projector\.|classifier\.|layer_weights$)/,
  };

  constructor(config: WhisperConfig, options: ModelOptions = {}) {
    this.config = config;
    const { d_model, classifier_proj_size: width, encoder_layers } = config;
    const init = normal(options.rng, config.init_std);
    this.encoder = new WhisperEncoder(config, options);
    this.layer_weights = config.use_weighted_layer_sum ? param([encoder_layers + 1], constant(1 / (encoder_layers + 1))) : null;
    this.projector = new Linear(d_model, width, { init });
    this.classifier = new Linear(width, countLabels(config), { init });
  }

  forward(features: Tensor, ctx: StacksContext = {}): Tensor {
    return this.classifier.forward(mean(this.projector.forward(this.#hidden(features, ctx)), { axis: 1 }));
  }

  /** The last hidden states, or the sum of what enters each layer and them, weighed by softmax(layer_weights): [B, S, E]. */
  #hidden(features: Tensor, ctx: StacksContext): Tensor {
    if (!this.layer_weights) return this.encoder.forward(features, ctx);
    const all: Tensor[] = [];
    const tap: Tap = (name, x) => {
      const used = see(ctx, name, x);
      if (/\.resid_pre$|^encoder\.final$/.test(name)) all.push(used);
      return used;
    };
    this.encoder.forward(features, { ...ctx, tap });
    const weights = reshape(softmax(this.layer_weights), [all.length, 1, 1]); // [L + 1, 1, 1]
    return sum(mul(stack(all, 1), weights), { axis: 1 });
  }
}
