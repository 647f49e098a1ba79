import type { AttentionCache, RopeTables } from '@multihead/attention';
import { Linear, normal, RMSNorm } from '@multihead/layers';
import { add, dropout, mul, reshape, scatter, slice, softmax, sum, type Tensor, topk, uniform, zeros, div } from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import { countLabels, flag, number, orNull, maybe, readConfig, positive, size } from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { withRopeParameters } from '../loading/rope.js';
import { residualBlock } from '../parts/blocks.js';
import { atLastToken, spansOf, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placesOf, sizesOf } from '../parts/inputs.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import { cacheOf, type RotaryOptions, rotaryAttention, rotaryTables, windowOf } from '../parts/rotary.js';
import { biasKeys, head, headDimOf, type LlamaConfig, llamaFields, rotaryProblems } from './llama.js';
import { type ActivationName, activatedGate } from '../parts/activation.js';
import { project } from '../parts/project.js';

/*
 * Mixtral: Jiang et al., "Mixtral of Experts", 2024.
 *
 * Mistral's attention. Unusual: the feed-forward part is several, the experts; a router weighs them for each token, and only the
 * `num_experts_per_tok` with the largest weights count.
 *
 * All experts compute all tokens here, and most results are weighed by 0: which ones are needed stands in a tensor, and ops do not read.
 */

export interface MixtralConfig extends Omit<LlamaConfig, 'attention_bias' | 'mlp_bias'> {
  sliding_window: number | null;
  num_local_experts: number;
  num_experts_per_tok: number;
  /** In training the router sees its inputs times 1 ± this. */
  router_jitter_noise: number;
  /** Whether the loss has a share that makes the router use all experts alike (`loadBalancingLoss`), and times what. */
  output_router_logits: boolean;
  router_aux_loss_coef: number;
}

/**
 * The config of a Mixtral from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readMixtralConfig(JSON.parse(text)); // the text of config.json
 */
export function readMixtralConfig(json: unknown): MixtralConfig {
  return readConfig<MixtralConfig>(withRopeParameters(json, { theta: 1_000_000 }), {
    modelTypes: ['mixtral'],
    fields: {
      ...llamaFields(),
      intermediate_size: size(14336),
      num_key_value_heads: orNull(8, size(8)),
      max_position_embeddings: size(131072),
      rms_norm_eps: positive(1e-5),
      sliding_window: maybe(size(4096)),
      num_local_experts: size(8),
      num_experts_per_tok: size(2),
      router_jitter_noise: number(0, { min: 0, max: 1 }),
      output_router_logits: flag(false),
      router_aux_loss_coef: number(0.001),
    },
    ignored: biasKeys,
    check: (config) => [
      ...rotaryProblems(config, config.rope_parameters),
      config.num_experts_per_tok > config.num_local_experts && 'num_experts_per_tok: expected at most num_local_experts',
    ],
  });
}

export class MixtralAttention {
  q_proj: Linear;
  k_proj: Linear;
  v_proj: Linear;
  o_proj: Linear;
  readonly #options: Omit<RotaryOptions, 'tables'>;

  constructor(config: MixtralConfig, { rng, attention }: ModelOptions = {}) {
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

/** w2(activation(w1(x)) · w3(x)). */
export class MixtralExpert {
  w1: Linear;
  w2: Linear;
  w3: Linear;
  readonly #activation: ActivationName;

  constructor(config: MixtralConfig, { rng }: ModelOptions = {}) {
    const { hidden_size: width, intermediate_size: hidden } = config;
    const options = { init: normal(rng, config.initializer_range), bias: false };
    this.w1 = new Linear(width, hidden, options);
    this.w2 = new Linear(hidden, width, options);
    this.w3 = new Linear(width, hidden, options);
    this.#activation = config.hidden_act;
  }

  forward(x: Tensor): Tensor {
    return this.w2.forward(activatedGate(this.w1.forward(x), this.w3.forward(x), this.#activation));
  }
}

export class MixtralSparseMoeBlock {
  gate: Linear;
  experts: MixtralExpert[];
  readonly #chosen: number;
  readonly #jitter: number;

  constructor(config: MixtralConfig, options: ModelOptions = {}) {
    this.gate = head(config, config.num_local_experts, options);
    this.experts = Array.from({ length: config.num_local_experts }, () => new MixtralExpert(config, options));
    this.#chosen = config.num_experts_per_tok;
    this.#jitter = config.router_jitter_noise;
  }

  /** x [B, T, E] to [B, T, E]; the weights of the experts, [B · T, experts], are shown as `router`, what they are made of as `router_logits`. */
  forward(x: Tensor, ctx: BlockContext): Tensor {
    const jitter = this.#jitter;
    const noise = ctx.rng && jitter > 0 ? uniform(x.shape, { rng: ctx.rng, low: 1 - jitter, high: 1 + jitter }) : null;
    const tokens = reshape(noise ? mul(x, noise) : x, [x.size / x.shape[2]!, x.shape[2]!]); // [N, E]
    const logits = see(ctx, `${ctx.at}.mlp.router_logits`, this.gate.forward(tokens)); // [N, experts]
    const weights = see(ctx, `${ctx.at}.mlp.router`, this.#route(softmax(logits)));
    const parts = this.experts.map((expert, i) => mul(expert.forward(tokens), slice(weights, 1, i, i + 1)));
    return reshape(
      parts.reduce((total, part) => add(total, part)),
      x.shape,
    );
  }

  /** The largest weights of each token, together 1, and 0 for the others. */
  #route(weights: Tensor): Tensor {
    const { values, indices } = topk(weights, this.#chosen); // [N, chosen]
    const nothing = zeros(weights.shape, { backend: weights.backend });
    return scatter(nothing, -1, indices, div(values, sum(values, { axis: -1, keepDims: true })));
  }
}

export class MixtralDecoderLayer {
  self_attn: MixtralAttention;
  block_sparse_moe: MixtralSparseMoeBlock;
  input_layernorm: RMSNorm;
  post_attention_layernorm: RMSNorm;

  constructor(config: MixtralConfig, options: ModelOptions = {}) {
    const { hidden_size, rms_norm_eps: eps } = config;
    this.self_attn = new MixtralAttention(config, options);
    this.block_sparse_moe = new MixtralSparseMoeBlock(config, options);
    this.input_layernorm = new RMSNorm(hidden_size, { eps });
    this.post_attention_layernorm = new RMSNorm(hidden_size, { eps });
  }

  forward(input: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    const attend = (x: Tensor) => this.self_attn.forward(this.input_layernorm.forward(x), tables, ctx);
    return residualBlock(input, ctx, attend, (x) => this.block_sparse_moe.forward(this.post_attention_layernorm.forward(x), ctx));
  }
}

const checkpoint: CheckpointRules = { base: 'model', ignore: [/\.rotary_emb\.inv_freq$/] };

/**
 * Mixtral without a head: ids [B, T] to the last hidden states [B, T, hidden_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new MixtralModel(readMixtralConfig({ ...sizes, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class MixtralModel {
  embed_tokens: TokenEmbedding;
  layers: MixtralDecoderLayer[];
  norm: RMSNorm;
  readonly config: MixtralConfig;

  static readonly architecture = 'MixtralModel';
  static readonly readConfig = readMixtralConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: MixtralConfig, options: ModelOptions = {}) {
    this.config = config;
    this.embed_tokens = new TokenEmbedding(config.vocab_size, config.hidden_size, {
      init: normal(options.rng, config.initializer_range),
      padding: config.pad_token_id,
    });
    this.layers = Array.from({ length: config.num_hidden_layers }, () => new MixtralDecoderLayer(config, options));
    this.norm = new RMSNorm(config.hidden_size, { eps: config.rms_norm_eps });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('MixtralModel', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('MixtralModel', ctx, sizes);
    const tables = rotaryTables(this.config, headDimOf(this.config), placesOf('MixtralModel', ctx, sizes), ids.backend);
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
 * Mixtral as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new MixtralForCausalLM(readMixtralConfig({ ...sizes, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class MixtralForCausalLM {
  model: MixtralModel;
  lm_head: { weight: Tensor };
  readonly config: MixtralConfig;

  static readonly architecture = 'MixtralForCausalLM';
  static readonly readConfig = readMixtralConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: MixtralConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new MixtralModel(config, options);
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
 * const model = new MixtralForSequenceClassification(readMixtralConfig({ ...sizes, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class MixtralForSequenceClassification {
  model: MixtralModel;
  score: Linear;
  readonly config: MixtralConfig;

  static readonly architecture = 'MixtralForSequenceClassification';
  static readonly readConfig = readMixtralConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: MixtralConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new MixtralModel(config, options);
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
 * const model = new MixtralForTokenClassification(readMixtralConfig({ ...sizes, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class MixtralForTokenClassification {
  model: MixtralModel;
  score: Linear;
  readonly config: MixtralConfig;

  static readonly architecture = 'MixtralForTokenClassification';
  static readonly readConfig = readMixtralConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: MixtralConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new MixtralModel(config, options);
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
 * const model = new MixtralForQuestionAnswering(readMixtralConfig({ ...sizes, num_key_value_heads: 1 }), { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class MixtralForQuestionAnswering {
  model: MixtralModel;
  qa_outputs: Linear;
  readonly config: MixtralConfig;

  static readonly architecture = 'MixtralForQuestionAnswering';
  static readonly readConfig = readMixtralConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: MixtralConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new MixtralModel(config, options);
    this.qa_outputs = head(config, 2, options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(this.model.forward(ids, ctx)));
  }
}
