import type { AttentionCache, RopeTables } from '@multihead/attention';
import { Linear, normal } from '@multihead/layers';
import { mul, type Tensor } from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import { countLabels, activation, flag, isObject, layers, orNull, positive, readConfig, size, oneToken } from '../loading/config.js';
import { type LayerType, layerProblems, layerTypes, withLayerTypes } from '../loading/layer-types.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { type RopeConfig, twoRopes, withTwoRopes } from '../loading/rope.js';
import { residualBlock } from '../parts/blocks.js';
import { atLastToken, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placesOf, sizesOf } from '../parts/inputs.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import type { ActivationName } from '../parts/activation.js';
import { project } from '../parts/project.js';
import { cacheOf, type RotaryOptions, rotaryAttention, twoRotaryTables, windowOf } from '../parts/rotary.js';
import { head, headDimOf, type LlamaConfig, LlamaMLP, llamaFields, rotaryProblems } from './llama.js';
import { GemmaRMSNorm } from './gemma.js';
import { softcap } from './gemma2.js';

/*
 * Gemma 3, its language model: Gemma Team, "Gemma 3 Technical Report", 2025.
 *
 * Gemma 2's blocks. Unusual: five layers in six look back on a window only, and turn by other frequencies than the sixth; norms over each
 * head's queries and keys take the place of capped scores.
 */

export interface Gemma3Config extends Omit<LlamaConfig, 'mlp_bias' | 'head_dim' | 'hidden_act' | 'rope_parameters'> {
  head_dim: number;
  hidden_activation: ActivationName;
  /** Scores are divided by the root of it. */
  query_pre_attn_scalar: number;
  sliding_window: number | null;
  layer_types: LayerType[];
  /** By type of layer. */
  rope_parameters: Record<LayerType, RopeConfig>;
  /** Logits become cap · tanh(x / cap); null: they stay as they are. */
  final_logit_softcapping: number | null;
  /** Tokens see those behind them, too, as in EmbeddingGemma; windows are halved then, since they reach to both sides. */
  use_bidirectional_attention: boolean;
}

/**
 * The config of a Gemma 3 from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readGemma3Config(JSON.parse(text)); // the text of config.json
 */
export function readGemma3Config(json: unknown): Gemma3Config {
  const { hidden_act: _, rope_parameters: __, ...fields } = llamaFields();
  const pattern = isObject(json) ? Number(json.sliding_window_pattern ?? json._sliding_window_pattern ?? 6) : 6;
  const typeOf = (i: number) => ((i + 1) % pattern === 0 ? 'full_attention' : 'sliding_attention');
  return readConfig<Gemma3Config>(withLayerTypes(withTwoRopes(json, { full: 1_000_000, sliding: 10_000 }), { layers: 26, typeOf }), {
    modelTypes: ['gemma3_text'],
    fields: {
      ...fields,
      pad_token_id: oneToken(0),
      vocab_size: size(262208),
      hidden_size: size(2304),
      intermediate_size: size(9216),
      num_hidden_layers: layers(26),
      num_attention_heads: size(8),
      num_key_value_heads: orNull(4, size(4)),
      head_dim: size(256),
      hidden_activation: activation('gelu_pytorch_tanh'),
      max_position_embeddings: size(131072),
      attention_bias: flag(false),
      tie_word_embeddings: flag(true),
      query_pre_attn_scalar: positive(256),
      sliding_window: orNull(4096, size(4096)),
      layer_types: layerTypes(),
      rope_parameters: twoRopes(),
      final_logit_softcapping: orNull(null, positive(30)),
      use_bidirectional_attention: (value) => flag(false)(value ?? false),
    },
    // attn_logit_softcapping is not looked at in transformers either.
    ignored: ['hidden_act', 'sliding_window_pattern', '_sliding_window_pattern', 'attn_logit_softcapping'],
    check: (config) => [...rotaryProblems(config, ...Object.values(config.rope_parameters)), ...layerProblems(config)],
  });
}

/** Which tokens a layer sees. */
function sight(config: Gemma3Config, type: LayerType): Pick<RotaryOptions, 'causal' | 'window'> {
  const { sliding_window: size, use_bidirectional_attention: both } = config;
  const slides = type === 'sliding_attention' && size !== null;
  if (both) return { causal: false, window: slides ? Math.floor(size / 2) : undefined };
  return { causal: 'bottom-right', window: slides ? windowOf(size) : undefined };
}

export class Gemma3Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  q_norm: GemmaRMSNorm;
  k_norm: GemmaRMSNorm;
  readonly #options: Omit<RotaryOptions, 'tables'>;

  constructor(config: Gemma3Config, layer: number, { rng, attention }: ModelOptions = {}) {
    const { hidden_size: width, num_attention_heads: heads } = config;
    const groups = config.num_key_value_heads ?? heads;
    const dim = headDimOf(config);
    const init = normal(rng, config.initializer_range);
    this.q_proj = new Linear(width, heads * dim, { init, bias: config.attention_bias });
    this.k_proj = new Linear(width, groups * dim, { init, bias: config.attention_bias });
    this.v_proj = new Linear(width, groups * dim, { init, bias: config.attention_bias });
    this.o_proj = new Linear(heads * dim, width, { init, bias: config.attention_bias });
    this.q_norm = new GemmaRMSNorm(dim, { eps: config.rms_norm_eps });
    this.k_norm = new GemmaRMSNorm(dim, { eps: config.rms_norm_eps });
    this.#options = {
      heads,
      groups,
      dropout: config.attention_dropout,
      attention,
      ...sight(config, config.layer_types[layer]!),
      scale: config.query_pre_attn_scalar ** -0.5,
    };
  }

  forward(x: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    return rotaryAttention(this, x, ctx, { ...this.#options, tables });
  }
}

export class Gemma3DecoderLayer {
  self_attn: Gemma3Attention;
  mlp: LlamaMLP;
  input_layernorm: GemmaRMSNorm;
  post_attention_layernorm: GemmaRMSNorm;
  pre_feedforward_layernorm: GemmaRMSNorm;
  post_feedforward_layernorm: GemmaRMSNorm;

  constructor(config: Gemma3Config, layer: number, options: ModelOptions = {}) {
    const { hidden_size, intermediate_size, hidden_activation: activation, rms_norm_eps: eps } = config;
    const init = normal(options.rng, config.initializer_range);
    const norm = () => new GemmaRMSNorm(hidden_size, { eps });
    this.self_attn = new Gemma3Attention(config, layer, options);
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
 * Gemma 3 without a head: ids [B, T] to the last hidden states [B, T, hidden_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new Gemma3TextModel(readGemma3Config({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class Gemma3TextModel {
  embed_tokens: TokenEmbedding;
  layers: Gemma3DecoderLayer[];
  norm: GemmaRMSNorm;
  readonly config: Gemma3Config;

  static readonly architecture = 'Gemma3TextModel';
  static readonly readConfig = readGemma3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Gemma3Config, options: ModelOptions = {}) {
    this.config = config;
    this.embed_tokens = new TokenEmbedding(config.vocab_size, config.hidden_size, {
      init: normal(options.rng, config.initializer_range),
      padding: config.pad_token_id,
    });
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, i) => new Gemma3DecoderLayer(config, i, options));
    this.norm = new GemmaRMSNorm(config.hidden_size, { eps: config.rms_norm_eps });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('Gemma3TextModel', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('Gemma3Model', ctx, sizes);
    const tables = twoRotaryTables(this.config, headDimOf(this.config), placesOf('Gemma3Model', ctx, sizes), ids.backend);
    let x = mul(this.embed_tokens.forward(ids), Math.sqrt(this.config.hidden_size)); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, tables[this.config.layer_types[i]!], blockContext(ctx, mask, i));
    return see(ctx, 'final', this.norm.forward(x));
  }

  /** A cache for `forward`. It is the caller's to dispose. */
  cache(): AttentionCache[] {
    return this.config.layer_types.map((type) => cacheOf(type === 'sliding_attention' ? this.config.sliding_window : null));
  }
}

/**
 * Gemma 3 as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new Gemma3ForCausalLM(readGemma3Config({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class Gemma3ForCausalLM {
  model: Gemma3TextModel;
  lm_head: { weight: Tensor };
  readonly config: Gemma3Config;

  static readonly architecture = 'Gemma3ForCausalLM';
  static readonly readConfig = readGemma3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Gemma3Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new Gemma3TextModel(config, options);
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
 * const model = new Gemma3TextForSequenceClassification(readGemma3Config({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class Gemma3TextForSequenceClassification {
  model: Gemma3TextModel;
  score: Linear;
  readonly config: Gemma3Config;

  static readonly architecture = 'Gemma3TextForSequenceClassification';
  static readonly readConfig = readGemma3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Gemma3Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new Gemma3TextModel(config, options);
    this.score = head(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return atLastToken(this.score.forward(this.model.forward(ids, ctx)), ids, this.config.pad_token_id);
  }
}
