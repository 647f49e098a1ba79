import { type AttentionCache, KVCache, type RopeTables } from '@multihead/attention';
import { constant, Linear, normal } from '@multihead/layers';
import { add, dropout, mul, param, rmsNorm, type Tensor } from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import { countLabels, activation, flag, layers, orNull, readConfig, size, oneToken } from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { withRopeParameters } from '../loading/rope.js';
import { residualBlock } from '../parts/blocks.js';
import { atLastToken, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import { type RotaryOptions, rotaryAttention, rotaryTables } from '../parts/rotary.js';
import { head, headDimOf, type LlamaConfig, LlamaMLP, llamaFields, rotaryProblems } from './llama.js';

/*
 * Gemma: Gemma Team, "Gemma: Open Models Based on Gemini Research and Technology", 2024.
 *
 * Llama's blocks. Unusual: embeddings are multiplied by √hidden_size; norms multiply by 1 + weight; heads are wider than hidden_size asks
 * for; gates by GELU; the output projection is the embedding.
 */

export interface GemmaConfig extends Omit<LlamaConfig, 'mlp_bias' | 'head_dim'> {
  head_dim: number;
}

/** Attention to tokens ahead is not built. */
export const gemmaOnly = { use_bidirectional_attention: [false] };

/**
 * The config of a Gemma from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readGemmaConfig(JSON.parse(text)); // the text of config.json
 */
export function readGemmaConfig(json: unknown): GemmaConfig {
  return readConfig<GemmaConfig>(withRopeParameters(json), {
    modelTypes: ['gemma'],
    fields: {
      ...llamaFields(),
      pad_token_id: oneToken(0),
      vocab_size: size(256000),
      hidden_size: size(3072),
      intermediate_size: size(24576),
      num_hidden_layers: layers(28),
      num_attention_heads: size(16),
      num_key_value_heads: orNull(16, size(16)),
      head_dim: size(256),
      hidden_act: activation('gelu_pytorch_tanh'),
      max_position_embeddings: size(8192),
      attention_bias: flag(false),
      tie_word_embeddings: flag(true),
    },
    ignored: ['hidden_activation'], // hidden_act is what counts, as in transformers 5
    only: gemmaOnly,
    check: (config) => rotaryProblems(config, config.rope_parameters),
  });
}

/** x / √(mean(x²) + eps) · (1 + weight), over the last axis; the weight begins with 0. */
export class GemmaRMSNorm {
  weight: Tensor;
  readonly #eps: number;

  constructor(dim: number, { eps }: { eps: number }) {
    this.weight = param([dim], constant(0));
    this.#eps = eps;
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, add(this.weight, 1), { eps: this.#eps });
  }
}

export class GemmaAttention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  readonly #options: Omit<RotaryOptions, 'tables'>;

  constructor(config: GemmaConfig, { rng, attention }: ModelOptions = {}) {
    const { hidden_size: width, num_attention_heads: heads } = config;
    const groups = config.num_key_value_heads ?? heads;
    const dim = headDimOf(config);
    const init = normal(rng, config.initializer_range);
    this.q_proj = new Linear(width, heads * dim, { init, bias: config.attention_bias });
    this.k_proj = new Linear(width, groups * dim, { init, bias: config.attention_bias });
    this.v_proj = new Linear(width, groups * dim, { init, bias: config.attention_bias });
    this.o_proj = new Linear(heads * dim, width, { init, bias: config.attention_bias });
    this.#options = { heads, groups, dropout: config.attention_dropout, attention };
  }

  forward(x: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    return rotaryAttention(this, x, ctx, { ...this.#options, tables });
  }
}

export class GemmaDecoderLayer {
  self_attn: GemmaAttention;
  mlp: LlamaMLP;
  input_layernorm: GemmaRMSNorm;
  post_attention_layernorm: GemmaRMSNorm;

  constructor(config: GemmaConfig, options: ModelOptions = {}) {
    const { hidden_size, intermediate_size, hidden_act, rms_norm_eps: eps } = config;
    const init = normal(options.rng, config.initializer_range);
    this.self_attn = new GemmaAttention(config, options);
    this.mlp = new LlamaMLP(hidden_size, intermediate_size, { activation: hidden_act, init });
    this.input_layernorm = new GemmaRMSNorm(hidden_size, { eps });
    this.post_attention_layernorm = new GemmaRMSNorm(hidden_size, { eps });
  }

  forward(input: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    const attend = (x: Tensor) => this.self_attn.forward(this.input_layernorm.forward(x), tables, ctx);
    return residualBlock(input, ctx, attend, (x) => this.mlp.forward(this.post_attention_layernorm.forward(x)));
  }
}

const checkpoint: CheckpointRules = { base: 'model', ignore: [/\.rotary_emb\.inv_freq$/] };

/**
 * Gemma without a head: ids [B, T] to the last hidden states [B, T, hidden_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new GemmaModel(readGemmaConfig({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class GemmaModel {
  embed_tokens: TokenEmbedding;
  layers: GemmaDecoderLayer[];
  norm: GemmaRMSNorm;
  readonly config: GemmaConfig;

  static readonly architecture = 'GemmaModel';
  static readonly readConfig = readGemmaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: GemmaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.embed_tokens = new TokenEmbedding(config.vocab_size, config.hidden_size, {
      init: normal(options.rng, config.initializer_range),
      padding: config.pad_token_id,
    });
    this.layers = Array.from({ length: config.num_hidden_layers }, () => new GemmaDecoderLayer(config, options));
    this.norm = new GemmaRMSNorm(config.hidden_size, { eps: config.rms_norm_eps });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('GemmaModel', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('GemmaModel', ctx, sizes);
    const tables = rotaryTables(this.config, headDimOf(this.config), placesOf('GemmaModel', ctx, sizes), ids.backend);
    let x = mul(this.embed_tokens.forward(ids), Math.sqrt(this.config.hidden_size)); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, tables, blockContext(ctx, mask, i));
    return see(ctx, 'final', this.norm.forward(x));
  }

  /** A cache for `forward`. It is the caller's to dispose. */
  cache(): AttentionCache[] {
    return this.layers.map(() => new KVCache());
  }
}

/**
 * Gemma as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new GemmaForCausalLM(readGemmaConfig({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class GemmaForCausalLM {
  model: GemmaModel;
  lm_head: { weight: Tensor };
  readonly config: GemmaConfig;

  static readonly architecture = 'GemmaForCausalLM';
  static readonly readConfig = readGemmaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: GemmaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new GemmaModel(config, options);
    this.lm_head = config.tie_word_embeddings ? this.model.embed_tokens : head(config, config.vocab_size, options);
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
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new GemmaForSequenceClassification(readGemmaConfig({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class GemmaForSequenceClassification {
  model: GemmaModel;
  score: Linear;
  readonly config: GemmaConfig;

  static readonly architecture = 'GemmaForSequenceClassification';
  static readonly readConfig = readGemmaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: GemmaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new GemmaModel(config, options);
    this.score = head(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return atLastToken(this.score.forward(this.model.forward(ids, ctx)), ids, this.config.pad_token_id);
  }
}

/**
 * One of num_labels classes for each token: logits [B, T, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new GemmaForTokenClassification(readGemmaConfig({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class GemmaForTokenClassification {
  model: GemmaModel;
  score: Linear;
  readonly config: GemmaConfig;

  static readonly architecture = 'GemmaForTokenClassification';
  static readonly readConfig = readGemmaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: GemmaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new GemmaModel(config, options);
    this.score = head(config, countLabels(config), options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return this.score.forward(dropout(this.model.forward(ids, ctx), this.config.classifier_dropout ?? 0.1, ctx.rng));
  }
}
