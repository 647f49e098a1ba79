import { type AttentionCache, type AttentionFn, KVCache, type RopeTables } from '@multihead/attention';
import { Linear, normal, RMSNorm } from '@multihead/layers';
import { dropout, type Initializer, type Tensor } from '@multihead/tensor';
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
import { type RopeConfig, rope, ropeProblems, withRopeParameters } from '../loading/rope.js';
import { type ActivationName, activatedGate } from '../parts/activation.js';
import { residualBlock } from '../parts/blocks.js';
import { atLastToken, spansOf, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import { rotaryAttention, rotaryTables } from '../parts/rotary.js';

/*
 * Llama: Touvron et al., "LLaMA: Open and Efficient Foundation Language Models", 2023; Llama 2, 2023; "The Llama 3 Herd of Models", 2024.
 *
 *   ids → embed_tokens → n × (x + attention(norm(x)), x + SwiGLU(norm(x))) → norm → logits
 *
 * Unusual, at its time: rotary positions, which turn queries and keys instead of being added; RMS norms; fewer heads of keys and values than
 * of queries; no biases.
 */

export interface LlamaConfig {
  vocab_size: number;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  /** As many as of queries if null. */
  num_key_value_heads: number | null;
  /** hidden_size / num_attention_heads if null. */
  head_dim: number | null;
  hidden_act: ActivationName;
  max_position_embeddings: number;
  initializer_range: number;
  rms_norm_eps: number;
  rope_parameters: RopeConfig;
  attention_bias: boolean;
  attention_dropout: number;
  mlp_bias: boolean;
  tie_word_embeddings: boolean;
  pad_token_id: number | null;
  id2label: string[] | null;
  num_labels: number | null;
  /** Before the classifier of tokens; 0.1 if null. */
  classifier_dropout: number | null;
}

/** The fields that Llama and its kin have in common, with Llama's defaults. */
export function llamaFields() {
  return {
    vocab_size: size(32000),
    hidden_size: size(4096),
    intermediate_size: size(11008),
    num_hidden_layers: layers(32),
    num_attention_heads: size(32),
    num_key_value_heads: maybe(size(32)),
    head_dim: maybe(size(128)),
    hidden_act: activation('silu'),
    max_position_embeddings: size(2048),
    initializer_range: positive(0.02),
    rms_norm_eps: positive(1e-6),
    rope_parameters: rope(),
    attention_dropout: share(0),
    tie_word_embeddings: flag(false),
    pad_token_id: oneToken(),
    id2label: labels(),
    num_labels: maybe(size(2)),
    classifier_dropout: maybe(share(0.1)),
  };
}

/** Whether there are biases: models for which that is settled do not look at these, and a bias in a checkpoint would be told. */
export const biasKeys = ['attention_bias', 'mlp_bias'];

/** What all of these need, whatever else they have. */
export type RotaryConfig = Pick<
  LlamaConfig,
  'hidden_size' | 'num_attention_heads' | 'num_key_value_heads' | 'head_dim' | 'vocab_size' | 'pad_token_id' | 'max_position_embeddings'
>;

export function headDimOf({
  head_dim,
  hidden_size,
  num_attention_heads,
}: Pick<RotaryConfig, 'head_dim' | 'hidden_size' | 'num_attention_heads'>): number {
  return head_dim ?? hidden_size / num_attention_heads;
}

/** Problems of the numbers of heads, of token ids and of rotary positions. */
export function rotaryProblems(config: RotaryConfig, ...ropes: RopeConfig[]): (string | false)[] {
  const { num_attention_heads: heads, num_key_value_heads: groups, head_dim, hidden_size } = config;
  const width = head_dim === null ? hidden_size : heads * head_dim;
  const problems = [...headProblems(width, heads, groups ?? heads), ...tokenProblems(config)];
  if (problems.some(Boolean)) return problems;
  return ropes.flatMap((parameters) => ropeProblems(parameters, headDimOf(config), config.max_position_embeddings));
}

/**
 * The config of a Llama from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readLlamaConfig(JSON.parse(text)); // the text of config.json
 */
export function readLlamaConfig(json: unknown): LlamaConfig {
  return readConfig<LlamaConfig>(withRopeParameters(json), {
    modelTypes: ['llama'],
    fields: { ...llamaFields(), attention_bias: flag(false), mlp_bias: flag(false) },
    ignored: ['max_sequence_length'],
    check: (config) => rotaryProblems(config, config.rope_parameters),
  });
}

export class LlamaAttention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  readonly #options: { heads: number; groups: number; dropout: number; attention?: AttentionFn };

  constructor(config: LlamaConfig, { rng, attention }: ModelOptions = {}) {
    const { hidden_size: width, num_attention_heads: heads, attention_bias: bias } = config;
    const groups = config.num_key_value_heads ?? heads;
    const dim = headDimOf(config);
    const init = normal(rng, config.initializer_range);
    this.q_proj = new Linear(width, heads * dim, { init, bias });
    this.k_proj = new Linear(width, groups * dim, { init, bias });
    this.v_proj = new Linear(width, groups * dim, { init, bias });
    this.o_proj = new Linear(heads * dim, width, { init, bias });
    this.#options = { heads, groups, dropout: config.attention_dropout, attention };
  }

  forward(x: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    return rotaryAttention(this, x, ctx, { ...this.#options, tables });
  }
}

/** down_proj(activation(gate_proj(x)) · up_proj(x)): the feed-forward part. Shazeer, "GLU variants improve Transformer", 2020. */
export class LlamaMLP {
  gate_proj: Linear;
  up_proj: Linear;
  down_proj: Linear;
  readonly #activation: ActivationName;

  constructor(width: number, hidden: number, options: { activation: ActivationName; init: Initializer; bias?: boolean }) {
    const { activation, init, bias = false } = options;
    this.gate_proj = new Linear(width, hidden, { init, bias });
    this.up_proj = new Linear(width, hidden, { init, bias });
    this.down_proj = new Linear(hidden, width, { init, bias });
    this.#activation = activation;
  }

  forward(x: Tensor): Tensor {
    return this.down_proj.forward(activatedGate(this.gate_proj.forward(x), this.up_proj.forward(x), this.#activation));
  }
}

export class LlamaDecoderLayer {
  self_attn: LlamaAttention;
  mlp: LlamaMLP;
  input_layernorm: RMSNorm;
  post_attention_layernorm: RMSNorm;

  constructor(config: LlamaConfig, options: ModelOptions = {}) {
    const { hidden_size, intermediate_size, hidden_act, mlp_bias, rms_norm_eps: eps } = config;
    const init = normal(options.rng, config.initializer_range);
    this.self_attn = new LlamaAttention(config, options);
    this.mlp = new LlamaMLP(hidden_size, intermediate_size, { activation: hidden_act, init, bias: mlp_bias });
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
 * Llama without a head: ids [B, T] to the last hidden states [B, T, hidden_size].
 *
 * @example
 * const config = readLlamaConfig({ num_hidden_layers: 2, hidden_size: 8, num_attention_heads: 2, vocab_size: 50 });
 * const model = new LlamaModel(config, { rng: new Rng(1) });
 * model.forward(tensor(Int32Array.of(1, 2, 3), { shape: [1, 3] })).shape; // [1, 3, 8]
 */
export class LlamaModel {
  embed_tokens: TokenEmbedding;
  layers: LlamaDecoderLayer[];
  norm: RMSNorm;
  readonly config: LlamaConfig;

  static readonly architecture = 'LlamaModel';
  static readonly readConfig = readLlamaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: LlamaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.embed_tokens = new TokenEmbedding(config.vocab_size, config.hidden_size, {
      init: normal(options.rng, config.initializer_range),
      padding: config.pad_token_id,
    });
    this.layers = Array.from({ length: config.num_hidden_layers }, () => new LlamaDecoderLayer(config, options));
    this.norm = new RMSNorm(config.hidden_size, { eps: config.rms_norm_eps });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('LlamaModel', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('LlamaModel', ctx, sizes);
    const tables = rotaryTables(this.config, headDimOf(this.config), placesOf('LlamaModel', ctx, sizes), ids.backend);
    let x = this.embed_tokens.forward(ids); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, tables, blockContext(ctx, mask, i));
    return see(ctx, 'final', this.norm.forward(x));
  }

  /** A cache for `forward`. It is the caller's to dispose. */
  cache(): AttentionCache[] {
    return this.layers.map(() => new KVCache());
  }
}

/**
 * Llama as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new LlamaForCausalLM(readLlamaConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class LlamaForCausalLM {
  model: LlamaModel;
  lm_head: { weight: Tensor };
  readonly config: LlamaConfig;

  static readonly architecture = 'LlamaForCausalLM';
  static readonly readConfig = readLlamaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: LlamaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new LlamaModel(config, options);
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
 * const model = new LlamaForSequenceClassification(readLlamaConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class LlamaForSequenceClassification {
  model: LlamaModel;
  score: Linear;
  readonly config: LlamaConfig;

  static readonly architecture = 'LlamaForSequenceClassification';
  static readonly readConfig = readLlamaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: LlamaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new LlamaModel(config, options);
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
 * const model = new LlamaForTokenClassification(readLlamaConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class LlamaForTokenClassification {
  model: LlamaModel;
  score: Linear;
  readonly config: LlamaConfig;

  static readonly architecture = 'LlamaForTokenClassification';
  static readonly readConfig = readLlamaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: LlamaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new LlamaModel(config, options);
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
 * const model = new LlamaForQuestionAnswering(readLlamaConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class LlamaForQuestionAnswering {
  transformer: LlamaModel;
  qa_outputs: Linear;
  readonly config: LlamaConfig;

  static readonly architecture = 'LlamaForQuestionAnswering';
  static readonly readConfig = readLlamaConfig;
  static readonly checkpoint: CheckpointRules = { ...checkpoint, base: 'transformer', rename: [[/^model\./, 'transformer.']] };

  constructor(config: LlamaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.transformer = new LlamaModel(config, options);
    this.qa_outputs = head(config, 2, options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(this.transformer.forward(ids, ctx)));
  }
}

/** A linear head, for the models of Llama's kin, too. */
export function head(
  config: { hidden_size: number; initializer_range: number },
  width: number,
  { rng }: ModelOptions,
  bias = false,
): Linear {
  return new Linear(config.hidden_size, width, { bias, init: normal(rng, config.initializer_range) });
}
