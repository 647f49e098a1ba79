import type { AttentionCache, RopeTables } from '@multihead/attention';
import { Linear, normal, RMSNorm } from '@multihead/layers';
import { dropout, type Tensor } from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import { type ConfigJson, countLabels, derived, flag, integer, orNull, readConfig, size } from '../loading/config.js';
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
 * Qwen3: Yang et al., "Qwen3 Technical Report", 2025.
 *
 * Llama's blocks. Unusual: an RMS norm over each head's queries and keys before they turn; heads are wider than hidden_size asks for; the
 * upper layers may look back on a window only.
 */

export interface Qwen3Config extends Omit<LlamaConfig, 'mlp_bias'> {
  use_sliding_window: boolean;
  /** How many tokens a layer that slides looks back on, its own among them; null if none does. */
  sliding_window: number | null;
  layer_types: LayerType[];
}

/**
 * The config of a Qwen3 from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readQwen3Config(JSON.parse(text)); // the text of config.json
 */
export function readQwen3Config(json: unknown): Qwen3Config {
  const slides = (i: number, { max_window_layers = 28, use_sliding_window = false, sliding_window = 4096 }: ConfigJson) =>
    use_sliding_window && sliding_window !== null && i >= Number(max_window_layers) ? 'sliding_attention' : 'full_attention';
  const typed = withLayerTypes(withRopeParameters(json), { layers: 32, typeOf: slides });
  const config = readConfig<Qwen3Config & { max_window_layers: number }>(typed, {
    modelTypes: ['qwen3'],
    fields: {
      ...llamaFields(),
      vocab_size: size(151936),
      intermediate_size: size(22016),
      num_key_value_heads: orNull(32, size(32)),
      max_position_embeddings: size(32768),
      head_dim: orNull(128, size(128)),
      attention_bias: flag(false),
      use_sliding_window: flag(false),
      sliding_window: orNull(4096, size(4096)),
      layer_types: layerTypes(),
      max_window_layers: integer(28),
    },
    check: (found) => [...rotaryProblems(found, found.rope_parameters), ...layerProblems(found)],
  });
  return derived(config, { sliding_window: config.use_sliding_window ? config.sliding_window : null });
}

export class Qwen3Attention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  q_norm: RMSNorm;
  k_norm: RMSNorm;
  readonly #options: Omit<RotaryOptions, 'tables'>;

  constructor(config: Qwen3Config, layer: number, { rng, attention }: ModelOptions = {}) {
    const { hidden_size: width, num_attention_heads: heads } = config;
    const groups = config.num_key_value_heads ?? heads;
    const dim = headDimOf(config);
    const init = normal(rng, config.initializer_range);
    this.q_proj = new Linear(width, heads * dim, { init, bias: config.attention_bias });
    this.k_proj = new Linear(width, groups * dim, { init, bias: config.attention_bias });
    this.v_proj = new Linear(width, groups * dim, { init, bias: config.attention_bias });
    this.o_proj = new Linear(heads * dim, width, { init, bias: config.attention_bias });
    this.q_norm = new RMSNorm(dim, { eps: config.rms_norm_eps });
    this.k_norm = new RMSNorm(dim, { eps: config.rms_norm_eps });
    this.#options = {
      heads,
      groups,
      dropout: config.attention_dropout,
      attention,
      window: config.layer_types[layer] === 'sliding_attention' ? windowOf(config.sliding_window) : undefined,
    };
  }

  forward(x: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    return rotaryAttention(this, x, ctx, { ...this.#options, tables });
  }
}

export class Qwen3DecoderLayer {
  self_attn: Qwen3Attention;
  mlp: LlamaMLP;
  input_layernorm: RMSNorm;
  post_attention_layernorm: RMSNorm;

  constructor(config: Qwen3Config, layer: number, options: ModelOptions = {}) {
    const { hidden_size, intermediate_size, hidden_act, rms_norm_eps: eps } = config;
    const init = normal(options.rng, config.initializer_range);
    this.self_attn = new Qwen3Attention(config, layer, options);
    this.mlp = new LlamaMLP(hidden_size, intermediate_size, { activation: hidden_act, init });
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
 * Qwen3 without a head: ids [B, T] to the last hidden states [B, T, hidden_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new Qwen3Model(readQwen3Config({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class Qwen3Model {
  embed_tokens: TokenEmbedding;
  layers: Qwen3DecoderLayer[];
  norm: RMSNorm;
  readonly config: Qwen3Config;

  static readonly architecture = 'Qwen3Model';
  static readonly readConfig = readQwen3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Qwen3Config, options: ModelOptions = {}) {
    this.config = config;
    this.embed_tokens = new TokenEmbedding(config.vocab_size, config.hidden_size, {
      init: normal(options.rng, config.initializer_range),
      padding: config.pad_token_id,
    });
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, i) => new Qwen3DecoderLayer(config, i, options));
    this.norm = new RMSNorm(config.hidden_size, { eps: config.rms_norm_eps });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('Qwen3Model', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('Qwen3Model', ctx, sizes);
    const tables = rotaryTables(this.config, headDimOf(this.config), placesOf('Qwen3Model', ctx, sizes), ids.backend);
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
 * Qwen3 as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new Qwen3ForCausalLM(readQwen3Config({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class Qwen3ForCausalLM {
  model: Qwen3Model;
  lm_head: { weight: Tensor };
  readonly config: Qwen3Config;

  static readonly architecture = 'Qwen3ForCausalLM';
  static readonly readConfig = readQwen3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Qwen3Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new Qwen3Model(config, options);
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
 * const model = new Qwen3ForSequenceClassification(readQwen3Config({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class Qwen3ForSequenceClassification {
  model: Qwen3Model;
  score: Linear;
  readonly config: Qwen3Config;

  static readonly architecture = 'Qwen3ForSequenceClassification';
  static readonly readConfig = readQwen3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Qwen3Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new Qwen3Model(config, options);
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
 * const model = new Qwen3ForTokenClassification(readQwen3Config({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class Qwen3ForTokenClassification {
  model: Qwen3Model;
  score: Linear;
  readonly config: Qwen3Config;

  static readonly architecture = 'Qwen3ForTokenClassification';
  static readonly readConfig = readQwen3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Qwen3Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new Qwen3Model(config, options);
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
 * const model = new Qwen3ForQuestionAnswering(readQwen3Config({ ...sizes, head_dim: 4, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class Qwen3ForQuestionAnswering {
  transformer: Qwen3Model;
  qa_outputs: Linear;
  readonly config: Qwen3Config;

  static readonly architecture = 'Qwen3ForQuestionAnswering';
  static readonly readConfig = readQwen3Config;
  static readonly checkpoint: CheckpointRules = { ...checkpoint, base: 'transformer', rename: [[/^model\./, 'transformer.']] };

  constructor(config: Qwen3Config, options: ModelOptions = {}) {
    this.config = config;
    this.transformer = new Qwen3Model(config, options);
    this.qa_outputs = head(config, 2, options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(this.transformer.forward(ids, ctx)));
  }
}
