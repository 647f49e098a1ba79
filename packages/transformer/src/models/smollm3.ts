import type { AttentionCache, RopeTables } from '@multihead/attention';
import { Linear, normal, RMSNorm } from '@multihead/layers';
import { dropout, type Tensor } from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import {
  type ConfigJson,
  countLabels,
  derived,
  flag,
  integer,
  isObject,
  layers,
  list,
  maybe,
  oneOf,
  orNull,
  readConfig,
  size,
  oneToken,
} from '../loading/config.js';
import { type LayerType, layerProblems, layerTypes, withLayerTypes } from '../loading/layer-types.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { withRopeParameters } from '../loading/rope.js';
import { residualBlock } from '../parts/blocks.js';
import { atLastToken, spansOf, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import { cacheOf, type RotaryOptions, rotaryAttention, rotaryTables, windowOf } from '../parts/rotary.js';
import { head, headDimOf, type LlamaConfig, LlamaMLP, llamaFields, rotaryProblems } from './llama.js';

/*
 * SmolLM3: Hugging Face, "SmolLM3: smol, multilingual, long-context reasoner", 2025.
 *
 * Llama's blocks. Unusual: every fourth layer (`no_rope_layers` has 0 there) does not turn queries and keys: it knows no places. Yang et al.,
 * "Rope to Nope and Back Again", 2025.
 */

export interface SmolLM3Config extends LlamaConfig {
  use_sliding_window: boolean;
  /** How many tokens a layer that slides looks back on, its own among them; null if none does. */
  sliding_window: number | null;
  layer_types: LayerType[];
  /** For each layer: 1 if it turns queries and keys by their places, 0 if it does not. */
  no_rope_layers: number[];
}

/**
 * The config of a SmolLM3 from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readSmolLM3Config(JSON.parse(text)); // the text of config.json
 */
export function readSmolLM3Config(json: unknown): SmolLM3Config {
  const config = readConfig<SmolLM3Config & { no_rope_layer_interval: number }>(withTypes(withRopeParameters(json, { theta: 2_000_000 })), {
    modelTypes: ['smollm3'],
    fields: {
      ...llamaFields(),
      pad_token_id: oneToken(128004),
      vocab_size: size(128256),
      hidden_size: size(2048),
      num_hidden_layers: layers(36),
      num_attention_heads: size(16),
      num_key_value_heads: orNull(4, size(4)),
      max_position_embeddings: size(32768),
      attention_bias: flag(false),
      mlp_bias: flag(false),
      tie_word_embeddings: flag(true),
      use_sliding_window: flag(false),
      sliding_window: maybe(size(4096)),
      layer_types: layerTypes(),
      no_rope_layers: list(oneOf([0, 1], 1)),
      no_rope_layer_interval: integer(4, { min: 1 }),
    },
    ignored: ['max_window_layers'],
    check: (found) => [
      ...rotaryProblems(found, found.rope_parameters),
      ...layerProblems(found),
      found.no_rope_layers.length !== found.num_hidden_layers &&
        `no_rope_layers: expected ${found.num_hidden_layers}, one for each layer, got ${found.no_rope_layers.length}`,
    ],
  });
  return derived(config, { sliding_window: config.use_sliding_window ? config.sliding_window : null });
}

/** `json` with the keys that say something of each layer. */
function withTypes(json: unknown): unknown {
  if (!isObject(json)) return json;
  const { num_hidden_layers: count = 36, no_rope_layer_interval: interval = 4, no_rope_layers: given } = json;
  const isCount = typeof count === 'number' && count >= 1 && count <= 4096;
  const turns = Array.isArray(given)
    ? given
    : Array.from({ length: isCount ? count : 0 }, (_, i) => ((i + 1) % Number(interval) === 0 ? 0 : 1));
  const slides = (i: number, { use_sliding_window: slide, sliding_window: size }: ConfigJson) =>
    slide && size !== null && size !== undefined && turns[i] === 0 ? 'sliding_attention' : 'full_attention';
  return withLayerTypes({ ...json, no_rope_layers: turns }, { layers: 36, typeOf: slides });
}

export class SmolLM3Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  readonly #options: Omit<RotaryOptions, 'tables'>;
  readonly #turns: boolean;

  constructor(config: SmolLM3Config, layer: number, { rng, attention }: ModelOptions = {}) {
    const { hidden_size: width, num_attention_heads: heads } = config;
    const groups = config.num_key_value_heads ?? heads;
    const dim = headDimOf(config);
    const init = normal(rng, config.initializer_range);
    this.q_proj = new Linear(width, heads * dim, { init, bias: config.attention_bias });
    this.k_proj = new Linear(width, groups * dim, { init, bias: config.attention_bias });
    this.v_proj = new Linear(width, groups * dim, { init, bias: config.attention_bias });
    this.o_proj = new Linear(heads * dim, width, { init, bias: config.attention_bias });
    this.#turns = config.no_rope_layers[layer] === 1;
    this.#options = {
      heads,
      groups,
      dropout: config.attention_dropout,
      attention,
      window: config.layer_types[layer] === 'sliding_attention' ? windowOf(config.sliding_window) : undefined,
    };
  }

  forward(x: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    return rotaryAttention(this, x, ctx, { ...this.#options, tables: this.#turns ? tables : null });
  }
}

export class SmolLM3DecoderLayer {
  self_attn: SmolLM3Attention;
  mlp: LlamaMLP;
  input_layernorm: RMSNorm;
  post_attention_layernorm: RMSNorm;

  constructor(config: SmolLM3Config, layer: number, options: ModelOptions = {}) {
    const { hidden_size, intermediate_size, hidden_act, rms_norm_eps: eps } = config;
    const init = normal(options.rng, config.initializer_range);
    this.self_attn = new SmolLM3Attention(config, layer, options);
    this.mlp = new LlamaMLP(hidden_size, intermediate_size, { activation: hidden_act, init, bias: config.mlp_bias });
    this.input_layernorm = new RMSNorm(hidden_size, { eps });
    this.post_attention_layernorm = new RMSNorm(hidden_size, { eps });
  }

  forward(input: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    const attend = (x: Tensor) => this.self_attn.forward(this.input_layernorm.forward(x), tables, ctx);
    return residualBlock(input, ctx, attend, (x) => this.mlp.forward(this.post_attention_layernorm.forward(x)));
  }
}

const checkpoint: CheckpointRules = { base: 'model', ignore: [/\.rotary_emb\.inv_freq$/] };

/**
 * SmolLM3 without a head: ids [B, T] to the last hidden states [B, T, hidden_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new SmolLM3Model(readSmolLM3Config({ ...sizes, num_key_value_heads: 1, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class SmolLM3Model {
  embed_tokens: TokenEmbedding;
  layers: SmolLM3DecoderLayer[];
  norm: RMSNorm;
  readonly config: SmolLM3Config;

  static readonly architecture = 'SmolLM3Model';
  static readonly readConfig = readSmolLM3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: SmolLM3Config, options: ModelOptions = {}) {
    this.config = config;
    this.embed_tokens = new TokenEmbedding(config.vocab_size, config.hidden_size, {
      init: normal(options.rng, config.initializer_range),
      padding: config.pad_token_id,
    });
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, i) => new SmolLM3DecoderLayer(config, i, options));
    this.norm = new RMSNorm(config.hidden_size, { eps: config.rms_norm_eps });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('SmolLM3Model', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('SmolLM3Model', ctx, sizes);
    const tables = rotaryTables(this.config, headDimOf(this.config), placesOf('SmolLM3Model', ctx, sizes), ids.backend);
    let x = this.embed_tokens.forward(ids); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, tables, blockContext(ctx, mask, i));
    return see(ctx, 'final', this.norm.forward(x));
  }

  /** A cache for `forward`. It is the caller's to dispose. */
  cache(): AttentionCache[] {
    return this.config.layer_types.map((type) => cacheOf(type === 'sliding_attention' ? this.config.sliding_window : null));
  }
}

/**
 * SmolLM3 as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new SmolLM3ForCausalLM(readSmolLM3Config({ ...sizes, num_key_value_heads: 1, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class SmolLM3ForCausalLM {
  model: SmolLM3Model;
  lm_head: { weight: Tensor };
  readonly config: SmolLM3Config;

  static readonly architecture = 'SmolLM3ForCausalLM';
  static readonly readConfig = readSmolLM3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: SmolLM3Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new SmolLM3Model(config, options);
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
 * const model = new SmolLM3ForSequenceClassification(readSmolLM3Config({ ...sizes, num_key_value_heads: 1, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class SmolLM3ForSequenceClassification {
  model: SmolLM3Model;
  score: Linear;
  readonly config: SmolLM3Config;

  static readonly architecture = 'SmolLM3ForSequenceClassification';
  static readonly readConfig = readSmolLM3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: SmolLM3Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new SmolLM3Model(config, options);
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
 * const model = new SmolLM3ForTokenClassification(readSmolLM3Config({ ...sizes, num_key_value_heads: 1, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class SmolLM3ForTokenClassification {
  model: SmolLM3Model;
  score: Linear;
  readonly config: SmolLM3Config;

  static readonly architecture = 'SmolLM3ForTokenClassification';
  static readonly readConfig = readSmolLM3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: SmolLM3Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new SmolLM3Model(config, options);
    this.score = head(config, countLabels(config), options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return this.score.forward(dropout(this.model.forward(ids, ctx), this.config.classifier_dropout ?? 0.1, ctx.rng));
  }
}

/**
 * Where in the text the answer to a question begins and where it ends: logits of both, each [B, T].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new SmolLM3ForQuestionAnswering(readSmolLM3Config({ ...sizes, num_key_value_heads: 1, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class SmolLM3ForQuestionAnswering {
  transformer: SmolLM3Model;
  qa_outputs: Linear;
  readonly config: SmolLM3Config;

  static readonly architecture = 'SmolLM3ForQuestionAnswering';
  static readonly readConfig = readSmolLM3Config;
  static readonly checkpoint: CheckpointRules = { ...checkpoint, base: 'transformer', rename: [[/^model\./, 'transformer.']] };

  constructor(config: SmolLM3Config, options: ModelOptions = {}) {
    this.config = config;
    this.transformer = new SmolLM3Model(config, options);
    this.qa_outputs = head(config, 2, options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(this.transformer.forward(ids, ctx)));
  }
}
