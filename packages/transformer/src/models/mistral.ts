import type { AttentionCache, RopeTables } from '@multihead/attention';
import { Linear, normal, RMSNorm } from '@multihead/layers';
import { dropout, type Tensor } from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import { countLabels, orNull, readConfig, size } from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { withRopeParameters } from '../loading/rope.js';
import { residualBlock } from '../parts/blocks.js';
import { atLastToken, spansOf, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import { cacheOf, type RotaryOptions, rotaryAttention, rotaryTables, windowOf } from '../parts/rotary.js';
import { biasKeys, head, headDimOf, type LlamaConfig, LlamaMLP, llamaFields, rotaryProblems } from './llama.js';

/*
 * Mistral: Jiang et al., "Mistral 7B", 2023.
 *
 * Llama with grouped keys and values. Unusual: each token sees only the last `sliding_window` ones, itself among them, in every layer.
 */

export interface MistralConfig extends Omit<LlamaConfig, 'attention_bias' | 'mlp_bias'> {
  /** Null: all tokens before. */
  sliding_window: number | null;
}

/**
 * The config of a Mistral from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readMistralConfig(JSON.parse(text)); // the text of config.json
 */
export function readMistralConfig(json: unknown): MistralConfig {
  return readConfig<MistralConfig>(withRopeParameters(json), {
    modelTypes: ['mistral'],
    fields: {
      ...llamaFields(),
      intermediate_size: size(14336),
      num_key_value_heads: orNull(8, size(8)),
      max_position_embeddings: size(131072),
      sliding_window: orNull(4096, size(4096)),
    },
    ignored: biasKeys,
    check: (config) => rotaryProblems(config, config.rope_parameters),
  });
}

export class MistralAttention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  readonly #options: Omit<RotaryOptions, 'tables'>;

  constructor(config: MistralConfig, { rng, attention }: ModelOptions = {}) {
    const { hidden_size: width, num_attention_heads: heads } = config;
    const groups = config.num_key_value_heads ?? heads;
    const dim = headDimOf(config);
    const init = normal(rng, config.initializer_range);
    this.q_proj = new Linear(width, heads * dim, { init, bias: false });
    this.k_proj = new Linear(width, groups * dim, { init, bias: false });
    this.v_proj = new Linear(width, groups * dim, { init, bias: false });
    this.o_proj = new Linear(heads * dim, width, { init, bias: false });
    this.#options = { heads, groups, dropout: config.attention_dropout, attention, window: windowOf(config.sliding_window) };
  }

  forward(x: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    return rotaryAttention(this, x, ctx, { ...this.#options, tables });
  }
}

export class MistralDecoderLayer {
  self_attn: MistralAttention;
  mlp: LlamaMLP;
  input_layernorm: RMSNorm;
  post_attention_layernorm: RMSNorm;

  constructor(config: MistralConfig, options: ModelOptions = {}) {
    const { hidden_size, intermediate_size, hidden_act, rms_norm_eps: eps } = config;
    const init = normal(options.rng, config.initializer_range);
    this.self_attn = new MistralAttention(config, options);
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
 * Mistral without a head: ids [B, T] to the last hidden states [B, T, hidden_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new MistralModel(readMistralConfig({ ...sizes, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class MistralModel {
  embed_tokens: TokenEmbedding;
  layers: MistralDecoderLayer[];
  norm: RMSNorm;
  readonly config: MistralConfig;

  static readonly architecture = 'MistralModel';
  static readonly readConfig = readMistralConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: MistralConfig, options: ModelOptions = {}) {
    this.config = config;
    this.embed_tokens = new TokenEmbedding(config.vocab_size, config.hidden_size, {
      init: normal(options.rng, config.initializer_range),
      padding: config.pad_token_id,
    });
    this.layers = Array.from({ length: config.num_hidden_layers }, () => new MistralDecoderLayer(config, options));
    this.norm = new RMSNorm(config.hidden_size, { eps: config.rms_norm_eps });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('MistralModel', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('MistralModel', ctx, sizes);
    const tables = rotaryTables(this.config, headDimOf(this.config), placesOf('MistralModel', ctx, sizes), ids.backend);
    let x = this.embed_tokens.forward(ids); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, tables, blockContext(ctx, mask, i));
    return see(ctx, 'final', this.norm.forward(x));
  }

  /** A cache for `forward`. It is the caller's to dispose. */
  cache(): AttentionCache[] {
    return this.layers.map(() => cacheOf(this.config.sliding_window));
  }
}

/**
 * Mistral as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new MistralForCausalLM(readMistralConfig({ ...sizes, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class MistralForCausalLM {
  model: MistralModel;
  lm_head: { weight: Tensor };
  readonly config: MistralConfig;

  static readonly architecture = 'MistralForCausalLM';
  static readonly readConfig = readMistralConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: MistralConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new MistralModel(config, options);
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
 * const model = new MistralForSequenceClassification(readMistralConfig({ ...sizes, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class MistralForSequenceClassification {
  model: MistralModel;
  score: Linear;
  readonly config: MistralConfig;

  static readonly architecture = 'MistralForSequenceClassification';
  static readonly readConfig = readMistralConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: MistralConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new MistralModel(config, options);
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
 * const model = new MistralForTokenClassification(readMistralConfig({ ...sizes, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class MistralForTokenClassification {
  model: MistralModel;
  score: Linear;
  readonly config: MistralConfig;

  static readonly architecture = 'MistralForTokenClassification';
  static readonly readConfig = readMistralConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: MistralConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new MistralModel(config, options);
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
 * const model = new MistralForQuestionAnswering(readMistralConfig({ ...sizes, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class MistralForQuestionAnswering {
  model: MistralModel;
  qa_outputs: Linear;
  readonly config: MistralConfig;

  static readonly architecture = 'MistralForQuestionAnswering';
  static readonly readConfig = readMistralConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: MistralConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new MistralModel(config, options);
    this.qa_outputs = head(config, 2, options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(this.model.forward(ids, ctx)));
  }
}
