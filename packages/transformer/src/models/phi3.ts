import { type AttentionCache, type RopeTables, splitHeads } from '@multihead/attention';
import { Linear, normal, RMSNorm } from '@multihead/layers';
import { dropout, rope, slice, type Tensor } from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import { countLabels, maybe, readConfig, share, size, oneToken } from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { withRopeParameters } from '../loading/rope.js';
import { activatedGate } from '../parts/activation.js';
import { attendHeads, type HeadOptions } from '../parts/attend-heads.js';
import { residualBlock } from '../parts/blocks.js';
import { atLastToken, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import { cacheOf, rotaryTables, windowOf } from '../parts/rotary.js';
import { head, headDimOf, type LlamaConfig, llamaFields, rotaryProblems } from './llama.js';

/*
 * Phi-3 and Phi-4-mini: Abdin et al., "Phi-3 Technical Report: A Highly Capable Language Model Locally on Your Phone", 2024.
 *
 * Llama's blocks. Unusual: queries, keys and values come out of one projection, gate and up out of another; positions are stretched by
 * LongRoPE, which has other frequencies for texts that are longer than the trained length.
 */

export interface Phi3Config extends Omit<LlamaConfig, 'attention_bias' | 'mlp_bias'> {
  resid_pdrop: number;
  embd_pdrop: number;
  /** How many tokens each one looks back on, itself among them; null: all. */
  sliding_window: number | null;
}

/**
 * The config of a Phi-3 from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readPhi3Config(JSON.parse(text)); // the text of config.json
 */
export function readPhi3Config(json: unknown): Phi3Config {
  return readConfig<Phi3Config>(withRopeParameters(json), {
    modelTypes: ['phi3'],
    fields: {
      ...llamaFields(),
      pad_token_id: oneToken(32000),
      vocab_size: size(32064),
      hidden_size: size(3072),
      intermediate_size: size(8192),
      max_position_embeddings: size(4096),
      resid_pdrop: share(0),
      embd_pdrop: share(0),
      sliding_window: maybe(size(2047)),
    },
    only: { attention_bias: [false], mlp_bias: [false], lm_head_bias: [false], full_attn_mod: [1], interpolate_factor: [1] },
    // transformers looks for it here, and takes 4096 where it is not.
    also: ({ rope_parameters: { original_max_position_embeddings: trained } }) =>
      trained ? { original_max_position_embeddings: trained } : {},
    check: (config) => rotaryProblems(config, config.rope_parameters),
  });
}

export class Phi3Attention {
  o_proj: Linear;
  qkv_proj: Linear;
  readonly #heads: number;
  readonly #groups: number;
  readonly #options: HeadOptions;

  constructor(config: Phi3Config, { rng, attention }: ModelOptions = {}) {
    const { hidden_size: width, num_attention_heads: heads } = config;
    const groups = config.num_key_value_heads ?? heads;
    const dim = headDimOf(config);
    const options = { init: normal(rng, config.initializer_range), bias: false };
    this.o_proj = new Linear(heads * dim, width, options);
    this.qkv_proj = new Linear(width, (heads + 2 * groups) * dim, options);
    [this.#heads, this.#groups] = [heads, groups];
    this.#options = { causal: 'bottom-right', window: windowOf(config.sliding_window), dropout: config.attention_dropout, attention };
  }

  forward(x: Tensor, { cos, sin }: RopeTables, ctx: BlockContext): Tensor {
    const qkv = this.qkv_proj.forward(x); // [B, T, (H + 2G) · D]
    const [heads, groups] = [this.#heads, this.#groups];
    const dim = qkv.shape[2]! / (heads + 2 * groups);
    const part = (from: number, count: number) => splitHeads(slice(qkv, 2, from * dim, (from + count) * dim), count);
    const [q, k, v] = [part(0, heads), part(heads, groups), part(heads + groups, groups)]; // [B, H or G, T, D]
    return this.o_proj.forward(attendHeads(rope(q, cos, sin), rope(k, cos, sin), v, ctx, this.#options));
  }
}

export class Phi3DecoderLayer {
  self_attn: Phi3Attention;
  mlp: { gate_up_proj: Linear; down_proj: Linear };
  input_layernorm: RMSNorm;
  post_attention_layernorm: RMSNorm;
  readonly #config: Phi3Config;

  constructor(config: Phi3Config, options: ModelOptions = {}) {
    const { hidden_size: width, intermediate_size: hidden, rms_norm_eps: eps } = config;
    const linear = { init: normal(options.rng, config.initializer_range), bias: false };
    this.self_attn = new Phi3Attention(config, options);
    this.mlp = { gate_up_proj: new Linear(width, 2 * hidden, linear), down_proj: new Linear(hidden, width, linear) };
    this.input_layernorm = new RMSNorm(width, { eps });
    this.post_attention_layernorm = new RMSNorm(width, { eps });
    this.#config = config;
  }

  forward(input: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    const { resid_pdrop, hidden_act, intermediate_size: hidden } = this.#config;
    const attend = (x: Tensor) => dropout(this.self_attn.forward(this.input_layernorm.forward(x), tables, ctx), resid_pdrop, ctx.rng);
    const feed = (x: Tensor) => {
      const both = this.mlp.gate_up_proj.forward(this.post_attention_layernorm.forward(x)); // [B, T, 2 · hidden]
      const passed = activatedGate(slice(both, 2, 0, hidden), slice(both, 2, hidden, 2 * hidden), hidden_act);
      return dropout(this.mlp.down_proj.forward(passed), resid_pdrop, ctx.rng);
    };
    return residualBlock(input, ctx, attend, feed);
  }
}

const checkpoint: CheckpointRules = { base: 'model', ignore: [/\.rotary_emb\.inv_freq$/] };

/**
 * Phi-3 without a head: ids [B, T] to the last hidden states [B, T, hidden_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new Phi3Model(readPhi3Config({ ...sizes, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class Phi3Model {
  embed_tokens: TokenEmbedding;
  layers: Phi3DecoderLayer[];
  norm: RMSNorm;
  readonly config: Phi3Config;

  static readonly architecture = 'Phi3Model';
  static readonly readConfig = readPhi3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Phi3Config, options: ModelOptions = {}) {
    this.config = config;
    this.embed_tokens = new TokenEmbedding(config.vocab_size, config.hidden_size, {
      init: normal(options.rng, config.initializer_range),
      padding: config.pad_token_id,
    });
    this.layers = Array.from({ length: config.num_hidden_layers }, () => new Phi3DecoderLayer(config, options));
    this.norm = new RMSNorm(config.hidden_size, { eps: config.rms_norm_eps });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('Phi3Model', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('Phi3Model', ctx, sizes);
    const tables = rotaryTables(this.config, headDimOf(this.config), placesOf('Phi3Model', ctx, sizes), ids.backend);
    let x = dropout(this.embed_tokens.forward(ids), this.config.embd_pdrop, ctx.rng); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, tables, blockContext(ctx, mask, i));
    return see(ctx, 'final', this.norm.forward(x));
  }

  /** A cache for `forward`. It is the caller's to dispose. */
  cache(): AttentionCache[] {
    return this.layers.map(() => cacheOf(this.config.sliding_window));
  }
}

/**
 * Phi-3 as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new Phi3ForCausalLM(readPhi3Config({ ...sizes, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class Phi3ForCausalLM {
  model: Phi3Model;
  lm_head: { weight: Tensor };
  readonly config: Phi3Config;

  static readonly architecture = 'Phi3ForCausalLM';
  static readonly readConfig = readPhi3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Phi3Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new Phi3Model(config, options);
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
 * const model = new Phi3ForSequenceClassification(readPhi3Config({ ...sizes, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class Phi3ForSequenceClassification {
  model: Phi3Model;
  score: Linear;
  readonly config: Phi3Config;

  static readonly architecture = 'Phi3ForSequenceClassification';
  static readonly readConfig = readPhi3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Phi3Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new Phi3Model(config, options);
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
 * const model = new Phi3ForTokenClassification(readPhi3Config({ ...sizes, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class Phi3ForTokenClassification {
  model: Phi3Model;
  score: Linear;
  readonly config: Phi3Config;

  static readonly architecture = 'Phi3ForTokenClassification';
  static readonly readConfig = readPhi3Config;
  static readonly checkpoint = checkpoint;

  constructor(config: Phi3Config, options: ModelOptions = {}) {
    this.config = config;
    this.model = new Phi3Model(config, options);
    this.score = head(config, countLabels(config), options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return this.score.forward(dropout(this.model.forward(ids, ctx), this.config.classifier_dropout ?? 0.1, ctx.rng));
  }
}
