import { type AttentionCache, KVCache, type RopeTables } from '@multihead/attention';
import { Embedding, LayerNorm, Linear, normal } from '@multihead/layers';
import { add, dropout, reshape, rope, slice, type Tensor, transpose } from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import { activation, countLabels, flag, layers, positive, readConfig, share, size } from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { withRopeParameters } from '../loading/rope.js';
import { activated } from '../parts/activation.js';
import { attendHeads, type HeadOptions } from '../parts/attend-heads.js';
import { atLastToken, spansOf, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { rotaryTables } from '../parts/rotary.js';
import { head, headDimOf, type LlamaConfig, llamaFields, rotaryProblems } from './llama.js';

/*
 * GPT-NeoX: Black et al., "GPT-NeoX-20B: An Open-Source Autoregressive Language Model", 2022; Pythia: Biderman et al., 2023.
 *
 *   ids → embed_in → n × (x + attention(norm₁(x)) + mlp(norm₂(x))) → final_layer_norm → logits by embed_out
 *
 * Unusual: attention and feed-forward stand side by side, or one behind the other without `use_parallel_residual`; only a quarter of each
 * head turns; queries, keys and values of one head lie beside each other in one projection.
 */

export interface GPTNeoXConfig
  extends Omit<LlamaConfig, 'mlp_bias' | 'rms_norm_eps' | 'head_dim' | 'num_key_value_heads' | 'classifier_dropout'> {
  head_dim: null;
  num_key_value_heads: null;
  layer_norm_eps: number;
  hidden_dropout: number;
  classifier_dropout: number;
  use_parallel_residual: boolean;
}

/**
 * The config of a GPT-NeoX from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readGPTNeoXConfig(JSON.parse(text)); // the text of config.json
 */
export function readGPTNeoXConfig(json: unknown): GPTNeoXConfig {
  const { rms_norm_eps: _, ...fields } = llamaFields();
  const names = { theta: 'rotary_emb_base', partial: 'rotary_pct' };
  return readConfig<GPTNeoXConfig>(withRopeParameters(json, { partial: 0.25, names }), {
    modelTypes: ['gpt_neox'],
    fields: {
      ...fields,
      vocab_size: size(50432),
      hidden_size: size(6144),
      intermediate_size: size(24576),
      num_hidden_layers: layers(44),
      num_attention_heads: size(64),
      num_key_value_heads: () => null,
      head_dim: () => null,
      hidden_act: activation('gelu'),
      layer_norm_eps: positive(1e-5),
      attention_bias: flag(true),
      hidden_dropout: share(0),
      classifier_dropout: share(0.1),
      use_parallel_residual: flag(true),
    },
    // What GPT-NeoX 20B calls its dropout, which transformers does not look at.
    ignored: ['attention_probs_dropout_prob', 'hidden_dropout_prob'],
    also: ({ rope_parameters: rope }) => ({ rotary_emb_base: rope.rope_theta, rotary_pct: rope.partial_rotary_factor }),
    check: (config) => rotaryProblems(config, config.rope_parameters),
  });
}

export class GPTNeoXAttention {
  query_key_value: Linear;
  dense: Linear;
  readonly #heads: number;
  readonly #options: HeadOptions;

  constructor(config: GPTNeoXConfig, { rng, attention }: ModelOptions = {}) {
    const { hidden_size: width, attention_bias: bias } = config;
    const init = normal(rng, config.initializer_range);
    this.query_key_value = new Linear(width, 3 * width, { init, bias });
    this.dense = new Linear(width, width, { init, bias });
    this.#heads = config.num_attention_heads;
    this.#options = { causal: 'bottom-right', dropout: config.attention_dropout, attention };
  }

  forward(x: Tensor, { cos, sin }: RopeTables, ctx: BlockContext): Tensor {
    const [batch, tokens, width] = x.shape as [number, number, number];
    const dim = width / this.#heads;
    const heads = transpose(reshape(this.query_key_value.forward(x), [batch, tokens, this.#heads, 3 * dim]), 1, 2); // [B, H, T, 3D]
    const [q, k, v] = [0, 1, 2].map((i) => slice(heads, 3, i * dim, (i + 1) * dim)) as [Tensor, Tensor, Tensor];
    return this.dense.forward(attendHeads(rope(q, cos, sin), rope(k, cos, sin), v, ctx, this.#options));
  }
}

export class GPTNeoXLayer {
  input_layernorm: LayerNorm;
  post_attention_layernorm: LayerNorm;
  attention: GPTNeoXAttention;
  mlp: { dense_h_to_4h: Linear; dense_4h_to_h: Linear };
  readonly #config: GPTNeoXConfig;

  constructor(config: GPTNeoXConfig, options: ModelOptions = {}) {
    const { hidden_size: width, intermediate_size: hidden, layer_norm_eps: eps } = config;
    const init = normal(options.rng, config.initializer_range);
    this.input_layernorm = new LayerNorm(width, { eps });
    this.post_attention_layernorm = new LayerNorm(width, { eps });
    this.attention = new GPTNeoXAttention(config, options);
    this.mlp = { dense_h_to_4h: new Linear(width, hidden, { init }), dense_4h_to_h: new Linear(hidden, width, { init }) };
    this.#config = config;
  }

  forward(input: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    const { at, rng } = ctx;
    const { hidden_dropout, hidden_act, use_parallel_residual } = this.#config;
    const x = see(ctx, `${at}.resid_pre`, input);
    const attended = dropout(this.attention.forward(this.input_layernorm.forward(x), tables, ctx), hidden_dropout, rng);
    const mid = add(x, see(ctx, `${at}.attn_out`, attended));
    const hidden = activated(this.mlp.dense_h_to_4h, this.post_attention_layernorm.forward(use_parallel_residual ? x : mid), hidden_act);
    const fed = dropout(this.mlp.dense_4h_to_h.forward(hidden), hidden_dropout, rng);
    return see(ctx, `${at}.resid_post`, add(mid, see(ctx, `${at}.mlp_out`, fed)));
  }
}

const checkpoint: CheckpointRules = {
  base: 'gpt_neox',
  rename: [[/^lm_head\./, 'embed_out.']],
  ignore: [/\.attention\.(masked_)?bias$/, /\.rotary_emb\.inv_freq$/],
};

/**
 * GPT-NeoX without a head: ids [B, T] to the last hidden states [B, T, hidden_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new GPTNeoXModel(readGPTNeoXConfig({ ...sizes, rotary_pct: 0.5 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class GPTNeoXModel {
  embed_in: Embedding;
  layers: GPTNeoXLayer[];
  final_layer_norm: LayerNorm;
  readonly config: GPTNeoXConfig;

  static readonly architecture = 'GPTNeoXModel';
  static readonly readConfig = readGPTNeoXConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: GPTNeoXConfig, options: ModelOptions = {}) {
    this.config = config;
    this.embed_in = new Embedding(config.vocab_size, config.hidden_size, { init: normal(options.rng, config.initializer_range) });
    this.layers = Array.from({ length: config.num_hidden_layers }, () => new GPTNeoXLayer(config, options));
    this.final_layer_norm = new LayerNorm(config.hidden_size, { eps: config.layer_norm_eps });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('GPTNeoXModel', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('GPTNeoXModel', ctx, sizes);
    const tables = rotaryTables(this.config, headDimOf(this.config), placesOf('GPTNeoXModel', ctx, sizes), ids.backend);
    let x = dropout(this.embed_in.forward(ids), this.config.hidden_dropout, ctx.rng); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, tables, blockContext(ctx, mask, i));
    return see(ctx, 'final', this.final_layer_norm.forward(x));
  }

  /** A cache for `forward`. It is the caller's to dispose. */
  cache(): AttentionCache[] {
    return this.layers.map(() => new KVCache());
  }
}

/**
 * GPT-NeoX as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new GPTNeoXForCausalLM(readGPTNeoXConfig({ ...sizes, rotary_pct: 0.5 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class GPTNeoXForCausalLM {
  gpt_neox: GPTNeoXModel;
  embed_out: { weight: Tensor };
  readonly config: GPTNeoXConfig;

  static readonly architecture = 'GPTNeoXForCausalLM';
  static readonly readConfig = readGPTNeoXConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: GPTNeoXConfig, options: ModelOptions = {}) {
    this.config = config;
    this.gpt_neox = new GPTNeoXModel(config, options);
    this.embed_out = config.tie_word_embeddings ? this.gpt_neox.embed_in : head(config, config.vocab_size, options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return project(tokensToKeep(this.gpt_neox.forward(ids, ctx), ctx), this.embed_out);
  }

  cache(): AttentionCache[] {
    return this.gpt_neox.cache();
  }
}

/**
 * One of num_labels classes for each text, read at its last token: logits [B, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new GPTNeoXForSequenceClassification(readGPTNeoXConfig({ ...sizes, rotary_pct: 0.5 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class GPTNeoXForSequenceClassification {
  gpt_neox: GPTNeoXModel;
  score: Linear;
  readonly config: GPTNeoXConfig;

  static readonly architecture = 'GPTNeoXForSequenceClassification';
  static readonly readConfig = readGPTNeoXConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: GPTNeoXConfig, options: ModelOptions = {}) {
    this.config = config;
    this.gpt_neox = new GPTNeoXModel(config, options);
    this.score = head(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return atLastToken(this.score.forward(this.gpt_neox.forward(ids, ctx)), ids, this.config.pad_token_id);
  }
}

/**
 * One of num_labels classes for each token: logits [B, T, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new GPTNeoXForTokenClassification(readGPTNeoXConfig({ ...sizes, rotary_pct: 0.5 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class GPTNeoXForTokenClassification {
  gpt_neox: GPTNeoXModel;
  classifier: Linear;
  readonly config: GPTNeoXConfig;

  static readonly architecture = 'GPTNeoXForTokenClassification';
  static readonly readConfig = readGPTNeoXConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: GPTNeoXConfig, options: ModelOptions = {}) {
    this.config = config;
    this.gpt_neox = new GPTNeoXModel(config, options);
    this.classifier = head(config, countLabels(config), options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return this.classifier.forward(dropout(this.gpt_neox.forward(ids, ctx), this.config.classifier_dropout, ctx.rng));
  }
}

/**
 * Where in the text the answer to a question begins and where it ends: logits of both, each [B, T].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new GPTNeoXForQuestionAnswering(readGPTNeoXConfig({ ...sizes, rotary_pct: 0.5 }), { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class GPTNeoXForQuestionAnswering {
  gpt_neox: GPTNeoXModel;
  qa_outputs: Linear;
  readonly config: GPTNeoXConfig;

  static readonly architecture = 'GPTNeoXForQuestionAnswering';
  static readonly readConfig = readGPTNeoXConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: GPTNeoXConfig, options: ModelOptions = {}) {
    this.config = config;
    this.gpt_neox = new GPTNeoXModel(config, options);
    this.qa_outputs = head(config, 2, options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(this.gpt_neox.forward(ids, ctx)));
  }
}
