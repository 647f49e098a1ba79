import type { AttentionCache, RopeTables } from '@multihead/attention';
import { Linear, normal } from '@multihead/layers';
import { div, dropout, mul, tanh, type Tensor } from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import { countLabels, activation, flag, layers, orNull, positive, readConfig, size, oneToken } from '../loading/config.js';
import { type LayerType, layerProblems, layerTypes, withLayerTypes } from '../loading/layer-types.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { withRopeParameters } from '../loading/rope.js';
import { residualBlock } from '../parts/blocks.js';
import { atLastToken, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placesOf, sizesOf } from '../parts/inputs.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import type { ActivationName } from '../parts/activation.js';
import { project } from '../parts/project.js';
import { cacheOf, type RotaryOptions, rotaryAttention, rotaryTables, windowOf } from '../parts/rotary.js';
import { head, headDimOf, type LlamaConfig, LlamaMLP, llamaFields, rotaryProblems } from './llama.js';
import { GemmaRMSNorm, gemmaOnly } from './gemma.js';

/*
 * Gemma 2: Gemma Team, "Gemma 2: Improving Open Language Models at a Practical Size", 2024.
 *
 * Gemma's parts. Unusual: every other layer looks back on a window only; scores and logits are capped by tanh; each sublayer has a norm
 * before and one behind it; scores are scaled by a number of their own.
 */

export interface Gemma2Config extends Omit<LlamaConfig, 'mlp_bias' | 'head_dim' | 'hidden_act'> {
  head_dim: number;
  hidden_activation: ActivationName;
  /** Scores are divided by the root of it. */
  query_pre_attn_scalar: number;
  sliding_window: number | null;
  layer_types: LayerType[];
  /** Scores and logits become cap · tanh(x / cap); null: they stay as they are. */
  attn_logit_softcapping: number | null;
  final_logit_softcapping: number | null;
}

/**
 * The config of a Gemma 2 from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readGemma2Config(JSON.parse(text)); // the text of config.json
 */
export function readGemma2Config(json: unknown): Gemma2Config {
  const { hidden_act: _, ...fields } = llamaFields();
  const typed = withLayerTypes(withRopeParameters(json), {
    layers: 26,
    typeOf: (i) => (i % 2 === 0 ? 'sliding_attention' : 'full_attention'),
  });
  return readConfig<Gemma2Config>(typed, {
    modelTypes: ['gemma2'],
    fields: {
      ...fields,
      pad_token_id: oneToken(0),
      vocab_size: size(256000),
      hidden_size: size(2304),
      intermediate_size: size(9216),
      num_hidden_layers: layers(26),
      num_attention_heads: size(8),
      num_key_value_heads: orNull(4, size(4)),
      head_dim: size(256),
      hidden_activation: activation('gelu_pytorch_tanh'),
      max_position_embeddings: size(8192),
      attention_bias: flag(false),
      tie_word_embeddings: flag(true),
      query_pre_attn_scalar: positive(256),
      sliding_window: orNull(4096, size(4096)),
      layer_types: layerTypes(),
      attn_logit_softcapping: orNull(50, positive(50)),
      final_logit_softcapping: orNull(30, positive(30)),
    },
    ignored: ['hidden_act', 'sliding_window_size'], // hidden_activation and sliding_window are what counts
    only: gemmaOnly,
    check: (config) => [...rotaryProblems(config, config.rope_parameters), ...layerProblems(config)],
  });
}

/** cap · tanh(x / cap); x as it is for null. */
export function softcap(x: Tensor, cap: number | null): Tensor {
  return cap === null ? x : mul(tanh(div(x, cap)), cap);
}

export class Gemma2Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  readonly #options: Omit<RotaryOptions, 'tables'>;

  constructor(config: Gemma2Config, layer: number, { rng, attention }: ModelOptions = {}) {
    const { hidden_size: width, num_attention_heads: heads } = config;
    const groups = config.num_key_value_heads ?? heads;
    const dim = headDimOf(config);
    const init = normal(rng, config.initializer_range);
    this.q_proj = new Linear(width, heads * dim, { init, bias: config.attention_bias });
    this.k_proj = new Linear(width, groups * dim, { init, bias: config.attention_bias });
    this.v_proj = new Linear(width, groups * dim, { init, bias: config.attention_bias });
    this.o_proj = new Linear(heads * dim, width, { init, bias: config.attention_bias });
    this.#options = {
      heads,
      groups,
      dropout: config.attention_dropout,
      attention,
      window: config.layer_types[layer] === 'sliding_attention' ? windowOf(config.sliding_window) : undefined,
      scale: config.query_pre_attn_scalar ** -0.5,
      softcap: config.attn_logit_softcapping ?? undefined,
    };
  }

  forward(x: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    return rotaryAttention(this, x, ctx, { ...this.#options, tables });
  }
}

export class Gemma2DecoderLayer {
  self_attn: Gemma2Attention;
  mlp: LlamaMLP;
  input_layernorm: GemmaRMSNorm;
  post_attention_layernorm: GemmaRMSNorm;
  pre_feedforward_layernorm: GemmaRMSNorm;
  post_feedforward_layernorm: GemmaRMSNorm;

  constructor(config: Gemma2Config, layer: number, options: ModelOptions = {}) {
    const { hidden_size, intermediate_size, hidden_activation: activation, rms_norm_eps: eps } = config;
    const init = normal(options.rng, config.initializer_range);
    const norm = () => new GemmaRMSNorm(hidden_size, { eps });
    this.self_attn = new Gemma2Attention(config, layer, options);
    this.mlp = new LlamaMLP(hidden_size, intermediate_size, { activation, init });
    [this.input_layernorm, this.post_attention_layernorm] = [norm(), norm()];
    [this.pre_feedforward_layernorm, this.post_feedforward_layernorm] = [norm(), norm()];
  }

  forward(input: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    const attend = (x: Tensor) =>
      this.post_attention_layernorm.forward(this.self_attn.forward(this.input_layernorm.forward(x), tables, ctx));
    const feed = (x: Tensor) => this.post_feedforward_layernorm.forward(this.mlp.forward(this.pre_feedforward_layernorm.forward(x)));
    return residualBlock(input, ctx, attend, feed);
  }
}

const checkpoint: CheckpointRules = { base: 'model', ignore: [/\.rotary_emb\.inv_freq$/] };

/**
 * Gemma 2 without a head: ids [B, T] to the last hidden states [B, T, hidden_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new Gemma2Model(readGemma2Config({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class Gemma2Model {
  embed_tokens: TokenEmbedding;
  layers: Gemma2DecoderLayer[];
  norm: GemmaRMSNorm;
  readonly config: Gemma2Config;

  static readonly architecture = 'Gemma2Model';
  static readonly readConfig = readGemma2Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Gemma2Config, options: ModelOptions = {}) {
    this.config = config;
    this.embed_tokens = new TokenEmbedding(config.vocab_size, config.hidden_size, {
      init: normal(options.rng, config.initializer_range),
      padding: config.pad_token_id,
    });
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, i) => new Gemma2DecoderLayer(config, i, options));
    this.norm = new GemmaRMSNorm(config.hidden_size, { eps: config.rms_norm_eps });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('Gemma2Model', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('Gemma2Model', ctx, sizes);
    const tables = rotaryTables(this.config, headDimOf(this.config), placesOf('Gemma2Model', ctx, sizes), ids.backend);
    let x = mul(this.embed_tokens.forward(ids), Math.sqrt(this.config.hidden_size)); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, tables, blockContext(ctx, mask, i));
    return see(ctx, 'final', this.norm.forward(x));
  }

  /** A cache for `forward`. It is the caller's to dispose. */
  cache(): AttentionCache[] {
    return this.config.layer_types.map((type) => cacheOf(type === 'sliding_attention' ? this.config.sliding_window : null));
  }
}

/**
 * Gemma 2 as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new Gemma2ForCausalLM(readGemma2Config({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class Gemma2ForCausalLM {
  model: Gemma2Model;
  lm_head: { weight: Tensor };
  readonly config: Gemma2Config;

  static readonly architecture = 'Gemma2ForCausalLM';
  static readonly readConfig = readGemma2Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Gemma2Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new Gemma2Model(config, options);
    this.lm_head = config.tie_word_embeddings ? this.model.embed_tokens : head(config, config.vocab_size, options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return softcap(project(tokensToKeep(this.model.forward(ids, ctx), ctx), this.lm_head), this.config.final_logit_softcapping);
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
 * const model = new Gemma2ForSequenceClassification(readGemma2Config({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class Gemma2ForSequenceClassification {
  model: Gemma2Model;
  score: Linear;
  readonly config: Gemma2Config;

  static readonly architecture = 'Gemma2ForSequenceClassification';
  static readonly readConfig = readGemma2Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Gemma2Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new Gemma2Model(config, options);
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
 * const model = new Gemma2ForTokenClassification(readGemma2Config({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class Gemma2ForTokenClassification {
  model: Gemma2Model;
  score: Linear;
  readonly config: Gemma2Config;

  static readonly architecture = 'Gemma2ForTokenClassification';
  static readonly readConfig = readGemma2Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Gemma2Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new Gemma2Model(config, options);
    this.score = head(config, countLabels(config), options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return this.score.forward(dropout(this.model.forward(ids, ctx), this.config.classifier_dropout ?? 0.1, ctx.rng));
  }
}
