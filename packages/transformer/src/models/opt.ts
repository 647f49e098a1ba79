import { type AttentionCache, KVCache, splitHeads } from '@multihead/attention';
import { Embedding, LayerNorm, Linear, normal } from '@multihead/layers';
import { add, cast, cumsum, dropout, layerNorm, mul, slice, type Tensor } from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import {
  activation,
  countLabels,
  flag,
  headProblems,
  labels,
  layers,
  maybe,
  oneToken,
  positive,
  readConfig,
  share,
  size,
  tokenProblems,
} from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { type ActivationName, activated } from '../parts/activation.js';
import { attendHeads, type HeadOptions } from '../parts/attend-heads.js';
import { atLastToken, spansOf, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placeIds, placesOf, type Sizes, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { TokenEmbedding } from '../parts/token-embedding.js';

/*
 * OPT: Zhang et al., "OPT: Open Pre-trained Transformer Language Models", 2022.
 *
 *   ids → embed_tokens → project_in → + embed_positions → n blocks → final_layer_norm → project_out → logits by embed_tokens
 *
 * Unusual: positions are learned, begin at 2, and count only tokens that are no padding; norms come before each sublayer, or behind it in the
 * 350M model, whose embeddings are narrower than its hidden states, too.
 */

export interface OPTConfig {
  vocab_size: number;
  hidden_size: number;
  num_hidden_layers: number;
  ffn_dim: number;
  max_position_embeddings: number;
  do_layer_norm_before: boolean;
  _remove_final_layer_norm: boolean;
  /** Width of the embeddings; hidden_size if null. */
  word_embed_proj_dim: number | null;
  dropout: number;
  attention_dropout: number;
  num_attention_heads: number;
  activation_function: ActivationName;
  init_std: number;
  enable_bias: boolean;
  layer_norm_elementwise_affine: boolean;
  tie_word_embeddings: boolean;
  pad_token_id: number | null;
  id2label: string[] | null;
  num_labels: number | null;
}

/**
 * The config of an OPT from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readOPTConfig(JSON.parse(text)); // the text of config.json
 */
export function readOPTConfig(json: unknown): OPTConfig {
  return readConfig<OPTConfig>(json, {
    modelTypes: ['opt'],
    fields: {
      vocab_size: size(50272),
      hidden_size: size(768),
      num_hidden_layers: layers(12),
      ffn_dim: size(3072),
      max_position_embeddings: size(2048),
      do_layer_norm_before: flag(true),
      _remove_final_layer_norm: flag(false),
      word_embed_proj_dim: maybe(size(768)),
      dropout: share(0.1),
      attention_dropout: share(0),
      num_attention_heads: size(12),
      activation_function: activation('relu'),
      init_std: positive(0.02),
      enable_bias: flag(true),
      layer_norm_elementwise_affine: flag(true),
      tie_word_embeddings: flag(true),
      pad_token_id: oneToken(1),
      id2label: labels(),
      num_labels: maybe(size(2)),
    },
    // Whole layers are dropped in transformers' training alone; activation_dropout is not looked at there.
    ignored: ['layerdrop', 'activation_dropout'],
    check: (config) => [...headProblems(config.hidden_size, config.num_attention_heads), ...tokenProblems(config)],
  });
}

/** A norm whose weight and bias may be left out. */
type Norm = LayerNorm | { forward(x: Tensor): Tensor };

function normOf(config: OPTConfig): Norm {
  return config.layer_norm_elementwise_affine ? new LayerNorm(config.hidden_size) : { forward: (x) => layerNorm(x) };
}

export class OPTAttention {
  k_proj: Linear;
  v_proj: Linear;
  q_proj: Linear;
  out_proj: Linear;
  readonly #heads: number;
  readonly #options: HeadOptions;

  constructor(config: OPTConfig, { rng, attention }: ModelOptions = {}) {
    const options = { init: normal(rng, config.init_std), bias: config.enable_bias };
    const project = () => new Linear(config.hidden_size, config.hidden_size, options);
    [this.k_proj, this.v_proj, this.q_proj, this.out_proj] = [project(), project(), project(), project()];
    this.#heads = config.num_attention_heads;
    this.#options = { causal: 'bottom-right', dropout: config.attention_dropout, attention };
  }

  forward(x: Tensor, ctx: BlockContext): Tensor {
    const split = (part: Linear) => splitHeads(part.forward(x), this.#heads); // [B, H, T, D]
    return this.out_proj.forward(attendHeads(split(this.q_proj), split(this.k_proj), split(this.v_proj), ctx, this.#options));
  }
}

export class OPTDecoderLayer {
  self_attn: OPTAttention;
  self_attn_layer_norm: Norm;
  fc1: Linear;
  fc2: Linear;
  final_layer_norm: Norm;
  readonly #config: OPTConfig;

  constructor(config: OPTConfig, options: ModelOptions = {}) {
    const linear = { init: normal(options.rng, config.init_std), bias: config.enable_bias };
    this.self_attn = new OPTAttention(config, options);
    this.self_attn_layer_norm = normOf(config);
    this.fc1 = new Linear(config.hidden_size, config.ffn_dim, linear);
    this.fc2 = new Linear(config.ffn_dim, config.hidden_size, linear);
    this.final_layer_norm = normOf(config);
    this.#config = config;
  }

  forward(input: Tensor, ctx: BlockContext): Tensor {
    const x = see(ctx, `${ctx.at}.resid_pre`, input);
    const mid = this.#residual(x, this.self_attn_layer_norm, ctx, 'attn_out', (y) => this.self_attn.forward(y, ctx));
    const feed = (y: Tensor) => this.fc2.forward(activated(this.fc1, y, this.#config.activation_function));
    return see(ctx, `${ctx.at}.resid_post`, this.#residual(mid, this.final_layer_norm, ctx, 'mlp_out', feed));
  }

  /** x + f(norm(x)), or norm(x + f(x)). */
  #residual(x: Tensor, norm: Norm, ctx: BlockContext, name: string, f: (x: Tensor) => Tensor): Tensor {
    const { do_layer_norm_before: before, dropout: p } = this.#config;
    const sum = add(x, see(ctx, `${ctx.at}.${name}`, dropout(f(before ? norm.forward(x) : x), p, ctx.rng)));
    return before ? sum : norm.forward(sum);
  }
}

/** The rows of the table before the first place. */
const offset = 2;

export class OPTDecoder {
  embed_tokens: TokenEmbedding;
  embed_positions: Embedding;
  project_out: Linear | null;
  project_in: Linear | null;
  final_layer_norm: Norm | null;
  layers: OPTDecoderLayer[];
  readonly #config: OPTConfig;

  constructor(config: OPTConfig, options: ModelOptions = {}) {
    const { hidden_size: width, word_embed_proj_dim: narrow, max_position_embeddings } = config;
    const init = normal(options.rng, config.init_std);
    const words = narrow ?? width;
    this.embed_tokens = new TokenEmbedding(config.vocab_size, words, { init, padding: config.pad_token_id });
    this.embed_positions = new Embedding(max_position_embeddings + offset, width, { init });
    this.project_out = words === width ? null : new Linear(width, words, { init, bias: false });
    this.project_in = words === width ? null : new Linear(words, width, { init, bias: false });
    this.final_layer_norm = config.do_layer_norm_before && !config._remove_final_layer_norm ? normOf(config) : null;
    this.layers = Array.from({ length: config.num_hidden_layers }, () => new OPTDecoderLayer(config, options));
    this.#config = config;
  }

  forward(ids: Tensor, ctx: ForwardContext): Tensor {
    checkIds('OPTModel', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('OPTModel', ctx, sizes);
    const words = this.embed_tokens.forward(ids);
    let x = add(this.project_in?.forward(words) ?? words, this.embed_positions.forward(this.#places(ids, ctx, sizes))); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, blockContext(ctx, mask, i));
    const normed = this.final_layer_norm?.forward(x) ?? x;
    return see(ctx, 'final', this.project_out?.forward(normed) ?? normed);
  }

  /** Rows of the table of positions: those of the context, or counted over the tokens that are no padding. */
  #places(ids: Tensor, ctx: ForwardContext, sizes: Sizes): Tensor {
    if (ctx.positions || !ctx.mask || ctx.mask.rank !== 2) {
      const places = placesOf('OPTModel', ctx, sizes).map((row) => row.map((place) => place + offset));
      return placeIds('OPTModel', places, this.#config.max_position_embeddings + offset, ids.backend);
    }
    const real = cast(ctx.mask, 'int32'); // [B, K]
    const counted = add(mul(cumsum(real, 1), real), offset - 1);
    return slice(counted, 1, sizes.past, sizes.past + sizes.tokens);
  }
}

const checkpoint: CheckpointRules = { base: 'model', ignore: [/(^|\.)decoder\.version$/] };

/**
 * OPT without a head: ids [B, T] to the last hidden states, [B, T, word_embed_proj_dim].
 *
 * @example
 * const sizes = { hidden_size: 8, ffn_dim: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new OPTModel(readOPTConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class OPTModel {
  decoder: OPTDecoder;
  readonly config: OPTConfig;

  static readonly architecture = 'OPTModel';
  static readonly readConfig = readOPTConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: OPTConfig, options: ModelOptions = {}) {
    this.config = config;
    this.decoder = new OPTDecoder(config, options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return this.decoder.forward(ids, ctx);
  }

  /** A cache for `forward`. It is the caller's to dispose. */
  cache(): AttentionCache[] {
    return this.decoder.layers.map(() => new KVCache());
  }
}

/**
 * OPT as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, ffn_dim: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new OPTForCausalLM(readOPTConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class OPTForCausalLM {
  model: OPTModel;
  lm_head: { weight: Tensor };
  readonly config: OPTConfig;

  static readonly architecture = 'OPTForCausalLM';
  static readonly readConfig = readOPTConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: OPTConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new OPTModel(config, options);
    this.lm_head = config.tie_word_embeddings ? this.model.decoder.embed_tokens : head(config, config.vocab_size, options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return project(tokensToKeep(this.model.forward(ids, ctx), ctx), this.lm_head);
  }

  cache(): AttentionCache[] {
    return this.model.cache();
  }
}

/**
 * One of num_labels classes for each text, read at its last token: logits [B, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, ffn_dim: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new OPTForSequenceClassification(readOPTConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class OPTForSequenceClassification {
  model: OPTModel;
  score: Linear;
  readonly config: OPTConfig;

  static readonly architecture = 'OPTForSequenceClassification';
  static readonly readConfig = readOPTConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: OPTConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new OPTModel(config, options);
    this.score = head(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return atLastToken(this.score.forward(this.model.forward(ids, ctx)), ids, this.config.pad_token_id);
  }
}

/**
 * Where in the text the answer to a question begins and where it ends: logits of both, each [B, T].
 *
 * @example
 * const sizes = { hidden_size: 8, ffn_dim: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new OPTForQuestionAnswering(readOPTConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class OPTForQuestionAnswering {
  model: OPTModel;
  qa_outputs: Linear;
  readonly config: OPTConfig;

  static readonly architecture = 'OPTForQuestionAnswering';
  static readonly readConfig = readOPTConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: OPTConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new OPTModel(config, options);
    this.qa_outputs = head(config, 2, options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(this.model.forward(ids, ctx)));
  }
}

function head(config: OPTConfig, width: number, { rng }: ModelOptions, bias = false): Linear {
  return new Linear(config.word_embed_proj_dim ?? config.hidden_size, width, { bias, init: normal(rng, config.init_std) });
}
