import { type AttentionCache, KVCache, type RopeTables, splitHeads } from '@multihead/attention';
import { LayerNorm, Linear, normal } from '@multihead/layers';
import { add, dropout, rope, type Tensor } from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import { activation, countLabels, flag, layers, positive, readConfig, share, size } from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { withRopeParameters } from '../loading/rope.js';
import { activated } from '../parts/activation.js';
import { attendHeads, type HeadOptions } from '../parts/attend-heads.js';
import { atLastToken, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import { rotaryTables } from '../parts/rotary.js';
import { head, headDimOf, type LlamaConfig, llamaFields, rotaryProblems } from './llama.js';

/*
 * Phi-1, 1.5 and 2: Gunasekar et al., "Textbooks Are All You Need", 2023; Li et al., "… II: phi-1.5 technical report", 2023.
 *
 *   ids → embed_tokens → n × (x + attention(norm(x)) + mlp(norm(x))) → final_layernorm → logits
 *
 * Unusual: attention and feed-forward stand side by side behind one norm; only a part of each head turns; everything has a bias, the logits,
 * too.
 */

export interface PhiConfig extends Omit<LlamaConfig, 'attention_bias' | 'mlp_bias' | 'rms_norm_eps'> {
  layer_norm_eps: number;
  resid_pdrop: number;
  embd_pdrop: number;
  /** A norm over each head's queries and keys before they turn. */
  qk_layernorm: boolean;
}

/**
 * The config of a Phi from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readPhiConfig(JSON.parse(text)); // the text of config.json
 */
export function readPhiConfig(json: unknown): PhiConfig {
  const { rms_norm_eps: _, ...fields } = llamaFields();
  return readConfig<PhiConfig>(withRopeParameters(json, { partial: 0.5 }), {
    modelTypes: ['phi'],
    fields: {
      ...fields,
      vocab_size: size(51200),
      hidden_size: size(2048),
      intermediate_size: size(8192),
      num_hidden_layers: layers(24),
      hidden_act: activation('gelu_new'),
      layer_norm_eps: positive(1e-5),
      resid_pdrop: share(0),
      embd_pdrop: share(0),
      qk_layernorm: flag(false),
    },
    check: (config) => rotaryProblems(config, config.rope_parameters),
  });
}

export class PhiAttention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  dense: Linear;
  q_layernorm: LayerNorm | null;
  k_layernorm: LayerNorm | null;
  readonly #heads: number;
  readonly #groups: number;
  readonly #options: HeadOptions;

  constructor(config: PhiConfig, { rng, attention }: ModelOptions = {}) {
    const { hidden_size: width, num_attention_heads: heads, layer_norm_eps: eps } = config;
    const groups = config.num_key_value_heads ?? heads;
    const dim = headDimOf(config);
    const init = normal(rng, config.initializer_range);
    this.q_proj = new Linear(width, heads * dim, { init });
    this.k_proj = new Linear(width, groups * dim, { init });
    this.v_proj = new Linear(width, groups * dim, { init });
    this.dense = new Linear(heads * dim, width, { init });
    this.q_layernorm = config.qk_layernorm ? new LayerNorm(dim, { eps }) : null;
    this.k_layernorm = config.qk_layernorm ? new LayerNorm(dim, { eps }) : null;
    [this.#heads, this.#groups] = [heads, groups];
    this.#options = { causal: 'bottom-right', dropout: config.attention_dropout, attention };
  }

  forward(x: Tensor, { cos, sin }: RopeTables, ctx: BlockContext): Tensor {
    const q = splitHeads(this.q_proj.forward(x), this.#heads); // [B, H, T, D]
    const k = splitHeads(this.k_proj.forward(x), this.#groups); // [B, G, T, D]
    const v = splitHeads(this.v_proj.forward(x), this.#groups);
    const [qNormed, kNormed] = [this.q_layernorm?.forward(q) ?? q, this.k_layernorm?.forward(k) ?? k];
    return this.dense.forward(attendHeads(rope(qNormed, cos, sin), rope(kNormed, cos, sin), v, ctx, this.#options));
  }
}

export class PhiDecoderLayer {
  self_attn: PhiAttention;
  mlp: { fc1: Linear; fc2: Linear };
  input_layernorm: LayerNorm;
  readonly #config: PhiConfig;

  constructor(config: PhiConfig, options: ModelOptions = {}) {
    const { hidden_size, intermediate_size, layer_norm_eps: eps } = config;
    const init = normal(options.rng, config.initializer_range);
    this.self_attn = new PhiAttention(config, options);
    this.mlp = { fc1: new Linear(hidden_size, intermediate_size, { init }), fc2: new Linear(intermediate_size, hidden_size, { init }) };
    this.input_layernorm = new LayerNorm(hidden_size, { eps });
    this.#config = config;
  }

  forward(input: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    const { at, rng } = ctx;
    const { resid_pdrop, hidden_act } = this.#config;
    const x = see(ctx, `${at}.resid_pre`, input);
    const normed = this.input_layernorm.forward(x);
    const attended = see(ctx, `${at}.attn_out`, dropout(this.self_attn.forward(normed, tables, ctx), resid_pdrop, rng));
    const fed = dropout(this.mlp.fc2.forward(activated(this.mlp.fc1, normed, hidden_act)), resid_pdrop, rng);
    return see(ctx, `${at}.resid_post`, add(add(attended, see(ctx, `${at}.mlp_out`, fed)), x));
  }
}

const checkpoint: CheckpointRules = { base: 'model', ignore: [/\.rotary_emb\.inv_freq$/] };

/**
 * Phi without a head: ids [B, T] to the last hidden states [B, T, hidden_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new PhiModel(readPhiConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class PhiModel {
  embed_tokens: TokenEmbedding;
  layers: PhiDecoderLayer[];
  final_layernorm: LayerNorm;
  readonly config: PhiConfig;

  static readonly architecture = 'PhiModel';
  static readonly readConfig = readPhiConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: PhiConfig, options: ModelOptions = {}) {
    this.config = config;
    this.embed_tokens = new TokenEmbedding(config.vocab_size, config.hidden_size, {
      init: normal(options.rng, config.initializer_range),
      padding: config.pad_token_id,
    });
    this.layers = Array.from({ length: config.num_hidden_layers }, () => new PhiDecoderLayer(config, options));
    this.final_layernorm = new LayerNorm(config.hidden_size, { eps: config.layer_norm_eps });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('PhiModel', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('PhiModel', ctx, sizes);
    const tables = rotaryTables(this.config, headDimOf(this.config), placesOf('PhiModel', ctx, sizes), ids.backend);
    let x = dropout(this.embed_tokens.forward(ids), this.config.embd_pdrop, ctx.rng); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, tables, blockContext(ctx, mask, i));
    return see(ctx, 'final', this.final_layernorm.forward(x));
  }

  /** A cache for `forward`. It is the caller's to dispose. */
  cache(): AttentionCache[] {
    return this.layers.map(() => new KVCache());
  }
}

/**
 * Phi as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new PhiForCausalLM(readPhiConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class PhiForCausalLM {
  model: PhiModel;
  lm_head: { weight: Tensor; bias: Tensor | null };
  readonly config: PhiConfig;

  static readonly architecture = 'PhiForCausalLM';
  static readonly readConfig = readPhiConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: PhiConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new PhiModel(config, options);
    const own = head(config, config.vocab_size, options, true);
    this.lm_head = config.tie_word_embeddings ? { weight: this.model.embed_tokens.weight, bias: own.bias } : own;
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
 * const model = new PhiForSequenceClassification(readPhiConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class PhiForSequenceClassification {
  model: PhiModel;
  score: Linear;
  readonly config: PhiConfig;

  static readonly architecture = 'PhiForSequenceClassification';
  static readonly readConfig = readPhiConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: PhiConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new PhiModel(config, options);
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
 * const model = new PhiForTokenClassification(readPhiConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class PhiForTokenClassification {
  model: PhiModel;
  score: Linear;
  readonly config: PhiConfig;

  static readonly architecture = 'PhiForTokenClassification';
  static readonly readConfig = readPhiConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: PhiConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new PhiModel(config, options);
    this.score = head(config, countLabels(config), options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return this.score.forward(dropout(this.model.forward(ids, ctx), this.config.classifier_dropout ?? 0.1, ctx.rng));
  }
}
