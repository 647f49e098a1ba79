import { combineMasks, KVCache, splitHeads, t5Bias } from '@multihead/attention';
import { Embedding, Linear, normal, RMSNorm } from '@multihead/layers';
import { add, dropout, mul, reshape, type Tensor, tanh } from '@multihead/tensor';
import {
  type BlockContext,
  type DecoderBlockContext,
  type DecoderCache,
  type ForwardContext,
  type ModelOptions,
  type StacksContext,
  see,
} from '../context.js';
import { type ActivationName, activated, activatedGate, activations } from '../parts/activation.js';
import {
  countLabels,
  flag,
  integer,
  isObject,
  labels,
  layers,
  maybe,
  positive,
  readConfig,
  refuse,
  share,
  size,
  tokenProblems,
  type Field,
} from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { shiftRight } from '../loss.js';
import { attendHeads, crossHeads, type HeadOptions } from '../parts/attend-heads.js';
import { atLastEnd, spansOf, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, decoderBlockContext, decoderSizes, maskOf, sizesOf } from '../parts/inputs.js';
import { project, tableOf } from '../parts/project.js';

/*
 * T5: Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", 2020; T5 1.1 and Flan-T5 with
 * gates: Shazeer, 2020; Chung et al., 2022.
 *
 *   source ids → shared → encoder ─┐
 *   target ids → shared → decoder ←┘ → logits
 *
 * Unusual: no positions but a learned bias on the scores, by distance, in the first layer of each stack and used in all of them; scores are
 * not scaled; norms have no mean and no bias; where the output projection is the embedding, hidden states are scaled by 1/√d_model before it.
 */

export interface T5Config {
  vocab_size: number;
  d_model: number;
  /** Of one head: num_heads · d_kv need not be d_model. */
  d_kv: number;
  d_ff: number;
  num_layers: number;
  num_decoder_layers: number | null;
  num_heads: number;
  relative_attention_num_buckets: number;
  relative_attention_max_distance: number;
  dropout_rate: number;
  layer_norm_epsilon: number;
  initializer_factor: number;
  /** `relu`, `gated-gelu`, `gated-silu` … */
  feed_forward_proj: string;
  tie_word_embeddings: boolean;
  /** Hidden states are scaled on their way to the logits: so in T5 1.0, not in 1.1, whose output projection is its own. */
  scale_decoder_outputs: boolean;
  pad_token_id: number;
  decoder_start_token_id: number;
  eos_token_id: number;
  classifier_dropout: number;
  id2label: string[] | null;
  num_labels: number | null;
}

/**
 * The config of a T5 from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readT5Config(JSON.parse(text)); // the text of config.json
 */
export function readT5Config(json: unknown): T5Config {
  // transformers 4 said by tie_word_embeddings whether outputs are scaled.
  const scaled =
    isObject(json) && json.scale_decoder_outputs === undefined ? { scale_decoder_outputs: json.tie_word_embeddings ?? true } : {};
  return readConfig<T5Config>(isObject(json) ? { ...json, ...scaled } : json, {
    modelTypes: ['t5'],
    fields: {
      vocab_size: size(32128),
      d_model: size(512),
      d_kv: size(64),
      d_ff: size(2048),
      num_layers: layers(6),
      num_decoder_layers: maybe(layers(6)),
      num_heads: size(8),
      relative_attention_num_buckets: size(32),
      relative_attention_max_distance: size(128),
      dropout_rate: share(0.1),
      layer_norm_epsilon: positive(1e-6),
      initializer_factor: positive(1),
      feed_forward_proj: feedForwardName(),
      tie_word_embeddings: flag(true),
      scale_decoder_outputs: flag(true),
      pad_token_id: integer(0),
      decoder_start_token_id: integer(0),
      eos_token_id: integer(1),
      classifier_dropout: share(0),
      id2label: labels(),
      num_labels: maybe(size(2)),
    },
    // The first two follow from feed_forward_proj; n_positions and output_past mean nothing to a T5.
    ignored: ['dense_act_fn', 'is_gated_act', 'n_positions', 'output_past', 'max_position_embeddings'],
    check: (config) => [
      ...tokenProblems(config),
      config.relative_attention_num_buckets < 4 && 'relative_attention_num_buckets: expected at least 4',
      2 * config.relative_attention_max_distance <= config.relative_attention_num_buckets &&
        'relative_attention_max_distance: expected more than half of relative_attention_num_buckets',
    ],
  });
}

function feedForwardName(): Field<string> {
  return (value = 'relu') => {
    const name = typeof value === 'string' ? value.replace(/^gated-/, '') : '';
    return Object.hasOwn(activations, name) ? (value as string) : refuse('an activation, with gated- before it or without');
  };
}

/** What the name of a feed-forward part says. */
function feedForwardOf({ feed_forward_proj: name }: T5Config): { gated: boolean; activation: ActivationName } {
  const gated = name.startsWith('gated-');
  return { gated, activation: name === 'gated-gelu' ? 'gelu_new' : (name.replace(/^gated-/, '') as ActivationName) };
}

function normOf(config: T5Config): RMSNorm {
  return new RMSNorm(config.d_model, { eps: config.layer_norm_epsilon });
}

export class T5Attention {
  q: Linear;
  k: Linear;
  v: Linear;
  o: Linear;
  /** In the first layer of a stack, for all of them. */
  relative_attention_bias: Embedding | null;
  readonly #heads: number;
  readonly #options: HeadOptions;

  constructor(config: T5Config, { rng, attention }: ModelOptions = {}, { bias = false }: { bias?: boolean } = {}) {
    const { d_model, d_kv, num_heads, initializer_factor: factor } = config;
    const inner = num_heads * d_kv;
    const project = (from: number, to: number, std: number) => new Linear(from, to, { bias: false, init: normal(rng, factor * std) });
    this.q = project(d_model, inner, (d_model * d_kv) ** -0.5);
    this.k = project(d_model, inner, d_model ** -0.5);
    this.v = project(d_model, inner, d_model ** -0.5);
    this.o = project(inner, d_model, inner ** -0.5);
    const init = normal(rng, factor * d_model ** -0.5);
    this.relative_attention_bias = bias ? new Embedding(config.relative_attention_num_buckets, num_heads, { init }) : null;
    this.#heads = num_heads;
    this.#options = { scale: 1, dropout: config.dropout_rate, attention };
  }

  /** Among the tokens themselves; the mask has the bias in it. */
  forward(x: Tensor, ctx: BlockContext, causal: boolean): Tensor {
    const split = (part: Linear) => splitHeads(part.forward(x), this.#heads); // [B, H, T, D]
    const options = { ...this.#options, causal: causal && 'bottom-right' } as const;
    return this.o.forward(attendHeads(split(this.q), split(this.k), split(this.v), ctx, options));
  }

  /** To what the encoder made. */
  cross(x: Tensor, memory: Tensor, ctx: DecoderBlockContext): Tensor {
    const split = (part: Linear, from: Tensor) => splitHeads(part.forward(from), this.#heads);
    const project = () => ({ k: split(this.k, memory), v: split(this.v, memory) });
    return this.o.forward(crossHeads(split(this.q, x), project, ctx, this.#options));
  }
}

/** wo(activation(wi(x))), or wo(activation(wi_0(x)) · wi_1(x)). */
export class T5FeedForward {
  wi: Linear | null = null;
  wi_0: Linear | null = null;
  wi_1: Linear | null = null;
  wo: Linear;
  readonly #activation: ActivationName;
  readonly #dropout: number;

  constructor(config: T5Config, { rng }: ModelOptions = {}) {
    const { d_model, d_ff, initializer_factor: factor } = config;
    const { gated, activation } = feedForwardOf(config);
    const widen = () => new Linear(d_model, d_ff, { bias: false, init: normal(rng, factor * d_model ** -0.5) });
    if (gated) [this.wi_0, this.wi_1] = [widen(), widen()];
    else this.wi = widen();
    this.wo = new Linear(d_ff, d_model, { bias: false, init: normal(rng, factor * d_ff ** -0.5) });
    this.#activation = activation;
    this.#dropout = config.dropout_rate;
  }

  forward(x: Tensor, { rng }: BlockContext): Tensor {
    const hidden = this.wi
      ? activated(this.wi, x, this.#activation)
      : activatedGate(this.wi_0!.forward(x), this.wi_1!.forward(x), this.#activation);
    return this.wo.forward(dropout(hidden, this.#dropout, rng));
  }
}

type SelfPart = { SelfAttention: T5Attention; layer_norm: RMSNorm };
type CrossPart = { EncDecAttention: T5Attention; layer_norm: RMSNorm };
type FeedPart = { DenseReluDense: T5FeedForward; layer_norm: RMSNorm };

export class T5EncoderBlock {
  layer: [SelfPart, FeedPart];
  readonly #dropout: number;

  constructor(config: T5Config, i: number, options: ModelOptions = {}) {
    this.layer = [
      { SelfAttention: new T5Attention(config, options, { bias: i === 0 }), layer_norm: normOf(config) },
      { DenseReluDense: new T5FeedForward(config, options), layer_norm: normOf(config) },
    ];
    this.#dropout = config.dropout_rate;
  }

  forward(input: Tensor, ctx: BlockContext): Tensor {
    const [self, feed] = this.layer;
    const x = see(ctx, `${ctx.at}.resid_pre`, input);
    const attended = dropout(self.SelfAttention.forward(self.layer_norm.forward(x), ctx, false), this.#dropout, ctx.rng);
    const mid = add(x, see(ctx, `${ctx.at}.attn_out`, attended));
    const fed = dropout(feed.DenseReluDense.forward(feed.layer_norm.forward(mid), ctx), this.#dropout, ctx.rng);
    return see(ctx, `${ctx.at}.resid_post`, add(mid, see(ctx, `${ctx.at}.mlp_out`, fed)));
  }
}

export class T5DecoderBlock {
  layer: [SelfPart, CrossPart, FeedPart];
  readonly #dropout: number;

  constructor(config: T5Config, i: number, options: ModelOptions = {}) {
    this.layer = [
      { SelfAttention: new T5Attention(config, options, { bias: i === 0 }), layer_norm: normOf(config) },
      { EncDecAttention: new T5Attention(config, options), layer_norm: normOf(config) },
      { DenseReluDense: new T5FeedForward(config, options), layer_norm: normOf(config) },
    ];
    this.#dropout = config.dropout_rate;
  }

  forward(input: Tensor, memory: Tensor, ctx: DecoderBlockContext): Tensor {
    const [self, cross, feed] = this.layer;
    const { at, rng } = ctx;
    const plus = (x: Tensor, name: string, y: Tensor) => add(x, see(ctx, `${at}.${name}`, dropout(y, this.#dropout, rng)));
    const x = see(ctx, `${at}.resid_pre`, input);
    const own = plus(x, 'attn_out', self.SelfAttention.forward(self.layer_norm.forward(x), ctx, true));
    const looked = plus(own, 'cross_out', cross.EncDecAttention.cross(cross.layer_norm.forward(own), memory, ctx));
    const out = plus(looked, 'mlp_out', feed.DenseReluDense.forward(feed.layer_norm.forward(looked), ctx));
    return see(ctx, `${at}.resid_post`, out);
  }
}

export class T5Encoder {
  embed_tokens: Embedding;
  block: T5EncoderBlock[];
  final_layer_norm: RMSNorm;
  readonly #config: T5Config;

  constructor(config: T5Config, shared: Embedding, options: ModelOptions = {}) {
    this.embed_tokens = shared;
    this.block = Array.from({ length: config.num_layers }, (_, i) => new T5EncoderBlock(config, i, options));
    this.final_layer_norm = normOf(config);
    this.#config = config;
  }

  forward(ids: Tensor, ctx: Pick<ForwardContext, 'mask' | 'rng' | 'tap'>): Tensor {
    checkIds('T5', ids);
    const { dropout_rate, relative_attention_max_distance: maxDistance } = this.#config;
    const table = tableOf(this.block[0]!.layer[0].SelfAttention.relative_attention_bias!);
    const bias = t5Bias(table, ids.shape[1]!, undefined, { maxDistance });
    const mask = biased(bias, maskOf('T5', ctx, sizesOf(ids, {})));
    let x = dropout(this.embed_tokens.forward(ids), dropout_rate, ctx.rng); // [B, S, E]
    for (const [i, block] of this.block.entries()) x = block.forward(x, blockContext({ ...ctx, cache: undefined }, mask, i, 'encoder.'));
    return see(ctx, 'encoder.final', dropout(this.final_layer_norm.forward(x), dropout_rate, ctx.rng));
  }
}

export class T5Decoder {
  embed_tokens: Embedding;
  block: T5DecoderBlock[];
  final_layer_norm: RMSNorm;
  readonly #config: T5Config;

  constructor(config: T5Config, shared: Embedding, options: ModelOptions = {}) {
    this.embed_tokens = shared;
    this.block = Array.from({ length: config.num_decoder_layers ?? config.num_layers }, (_, i) => new T5DecoderBlock(config, i, options));
    this.final_layer_norm = normOf(config);
    this.#config = config;
  }

  forward(ids: Tensor, memory: Tensor, ctx: StacksContext): Tensor {
    checkIds('T5', ids);
    const { dropout_rate, relative_attention_max_distance: maxDistance } = this.#config;
    const sizes = decoderSizes(ids, ctx);
    const table = tableOf(this.block[0]!.layer[0].SelfAttention.relative_attention_bias!);
    const bias = t5Bias(table, sizes.tokens, sizes.past + sizes.tokens, { bidirectional: false, maxDistance });
    const mask = biased(bias, maskOf('T5', { mask: ctx.decoderMask }, sizes));
    const memoryMask = maskOf('T5', ctx, sizesOf(memory, {}));
    let x = dropout(this.embed_tokens.forward(ids), dropout_rate, ctx.rng); // [B, T, E]
    for (const [i, block] of this.block.entries()) x = block.forward(x, memory, decoderBlockContext(ctx, mask, memoryMask, i));
    return see(ctx, 'decoder.final', dropout(this.final_layer_norm.forward(x), dropout_rate, ctx.rng));
  }
}

/** The bias [H, Q, K] as a mask [1, H, Q, K], with -∞ where padding is. */
function biased(bias: Tensor, mask: Tensor | null): Tensor {
  return combineMasks(reshape(bias, [1, ...bias.shape]), mask)!;
}

const unused = /^(transformer\.)?decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight$/;
/** The heads of other tasks. */
const heads = /^(lm_head|classification_head|classifier|qa_outputs)\./;

/**
 * T5's encoder alone: ids [B, S] to the last hidden states [B, S, d_model].
 *
 * @example
 * const config = readT5Config({ d_model: 8, d_kv: 4, num_heads: 2, num_layers: 2, d_ff: 16, vocab_size: 50 });
 * const model = new T5EncoderModel(config, { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class T5EncoderModel {
  shared: Embedding;
  encoder: T5Encoder;
  readonly config: T5Config;

  static readonly architecture = 'T5EncoderModel';
  static readonly readConfig = readT5Config;
  static readonly checkpoint: CheckpointRules = { base: 'transformer', ignore: [/^(transformer\.)?decoder\./, heads] };

  constructor(config: T5Config, options: ModelOptions = {}) {
    this.config = config;
    this.shared = sharedOf(config, options);
    this.encoder = new T5Encoder(config, this.shared, options);
  }

  forward(ids: Tensor, ctx: Pick<ForwardContext, 'mask' | 'rng' | 'tap'> = {}): Tensor {
    return this.encoder.forward(ids, ctx);
  }
}

/**
 * T5 without a head: source ids [B, S] and target ids [B, T] to the decoder's last hidden states [B, T, d_model].
 *
 * @example
 * const config = readT5Config({ d_model: 8, d_kv: 4, num_heads: 2, num_layers: 2, d_ff: 16, vocab_size: 50 });
 * const model = new T5Model(config, { rng: new Rng(1) });
 * model.forward(ids, target).shape; // [1, 2, 8]
 */
export class T5Model {
  shared: Embedding;
  encoder: T5Encoder;
  decoder: T5Decoder;
  readonly config: T5Config;

  static readonly architecture = 'T5Model';
  static readonly readConfig = readT5Config;
  static readonly checkpoint: CheckpointRules = { base: 'transformer', ignore: [unused, heads] };

  constructor(config: T5Config, options: ModelOptions = {}) {
    this.config = config;
    this.shared = sharedOf(config, options);
    this.encoder = new T5Encoder(config, this.shared, options);
    this.decoder = new T5Decoder(config, this.shared, options);
  }

  forward(ids: Tensor, decoderIds: Tensor, ctx: StacksContext = {}): Tensor {
    return this.decoder.forward(decoderIds, this.encoder.forward(ids, ctx), ctx);
  }

  /** A cache for the decoder. It is the caller's to dispose. */
  cache(): DecoderCache[] {
    return cacheOf(this.decoder);
  }
}

/**
 * T5, text to text: source ids [B, S] and target ids [B, T] to the logits of the token that follows each target token, [B, T, vocab_size].
 *
 * @example
 * const logits = model.forward(source, shiftRight(labels, { start: 0, pad: 0 }), { mask });
 */
export class T5ForConditionalGeneration {
  shared: Embedding;
  encoder: T5Encoder;
  decoder: T5Decoder;
  lm_head: { weight: Tensor };
  readonly config: T5Config;

  static readonly architecture = 'T5ForConditionalGeneration';
  static readonly readConfig = readT5Config;
  static readonly checkpoint: CheckpointRules = { ignore: [unused] };

  constructor(config: T5Config, options: ModelOptions = {}) {
    this.config = config;
    const { d_model, vocab_size, initializer_factor: factor } = config;
    this.shared = sharedOf(config, options);
    this.encoder = new T5Encoder(config, this.shared, options);
    this.decoder = new T5Decoder(config, this.shared, options);
    const own = () => new Linear(d_model, vocab_size, { bias: false, init: normal(options.rng, factor) });
    this.lm_head = config.tie_word_embeddings ? this.shared : own();
  }

  forward(ids: Tensor, decoderIds: Tensor, ctx: StacksContext = {}): Tensor {
    return this.decode(decoderIds, this.encode(ids, ctx), ctx);
  }

  /** Source ids [B, S] to what the decoder looks at, [B, S, d_model]. */
  encode(ids: Tensor, ctx: StacksContext = {}): Tensor {
    return this.encoder.forward(ids, ctx);
  }

  /** Target ids [B, T] and `encode`'s result to logits; with a cache only the tokens after those in it. */
  decode(decoderIds: Tensor, memory: Tensor, ctx: StacksContext = {}): Tensor {
    const x = tokensToKeep(this.decoder.forward(decoderIds, memory, ctx), ctx);
    return project(this.config.scale_decoder_outputs ? mul(x, this.config.d_model ** -0.5) : x, this.lm_head);
  }

  /** A cache for `decode`. It is the caller's to dispose. */
  cache(): DecoderCache[] {
    return cacheOf(this.decoder);
  }
}

/** Decoder inputs for a source that is read by itself: its ids one place later, the start token in front. */
function shifted(ids: Tensor, config: T5Config): Tensor {
  return shiftRight(ids, { start: config.decoder_start_token_id, pad: config.pad_token_id });
}

/**
 * One of num_labels classes for each text, read where the decoder comes to its last end token: logits [B, num_labels].
 *
 * @example
 * const config = readT5Config({ d_model: 8, d_kv: 4, num_heads: 2, num_layers: 2, d_ff: 16, vocab_size: 50 });
 * const model = new T5ForSequenceClassification(config, { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class T5ForSequenceClassification {
  transformer: T5Model;
  classification_head: { dense: Linear; out_proj: Linear };
  readonly config: T5Config;

  static readonly architecture = 'T5ForSequenceClassification';
  static readonly readConfig = readT5Config;
  static readonly checkpoint: CheckpointRules = { base: 'transformer', ignore: [unused, /^lm_head\./] };

  constructor(config: T5Config, options: ModelOptions = {}) {
    this.config = config;
    this.transformer = new T5Model(config, options);
    this.classification_head = {
      dense: linearHead(config, config.d_model, options),
      out_proj: linearHead(config, countLabels(config), options),
    };
  }

  forward(ids: Tensor, ctx: StacksContext = {}): Tensor {
    const { eos_token_id: end, classifier_dropout: p } = this.config;
    const hidden = this.transformer.forward(ids, shifted(ids, this.config), ctx); // [B, T, E]
    const { dense, out_proj } = this.classification_head;
    const x = tanh(dense.forward(dropout(atLastEnd(hidden, ids, end), p, ctx.rng)));
    return out_proj.forward(dropout(x, p, ctx.rng));
  }
}

/**
 * One of num_labels classes for each token, from the encoder: logits [B, T, num_labels].
 *
 * @example
 * const config = readT5Config({ d_model: 8, d_kv: 4, num_heads: 2, num_layers: 2, d_ff: 16, vocab_size: 50 });
 * const model = new T5ForTokenClassification(config, { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class T5ForTokenClassification {
  transformer: T5EncoderModel;
  classifier: Linear;
  readonly config: T5Config;

  static readonly architecture = 'T5ForTokenClassification';
  static readonly readConfig = readT5Config;
  static readonly checkpoint: CheckpointRules = { base: 'transformer', ignore: [/^(transformer\.)?decoder\./, /^lm_head\./] };

  constructor(config: T5Config, options: ModelOptions = {}) {
    this.config = config;
    this.transformer = new T5EncoderModel(config, options);
    this.classifier = linearHead(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: Pick<ForwardContext, 'mask' | 'rng' | 'tap'> = {}): Tensor {
    return this.classifier.forward(dropout(this.transformer.forward(ids, ctx), this.config.classifier_dropout, ctx.rng));
  }
}

/**
 * Where in the text the answer to a question begins and where it ends, from the decoder: logits of both, each [B, T].
 *
 * @example
 * const config = readT5Config({ d_model: 8, d_kv: 4, num_heads: 2, num_layers: 2, d_ff: 16, vocab_size: 50 });
 * const model = new T5ForQuestionAnswering(config, { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class T5ForQuestionAnswering {
  shared: Embedding;
  encoder: T5Encoder;
  decoder: T5Decoder;
  qa_outputs: Linear;
  readonly config: T5Config;

  static readonly architecture = 'T5ForQuestionAnswering';
  static readonly readConfig = readT5Config;
  static readonly checkpoint: CheckpointRules = { ignore: [unused, /^lm_head\./], head: /^qa_outputs\./ };

  constructor(config: T5Config, options: ModelOptions = {}) {
    this.config = config;
    this.shared = sharedOf(config, options);
    this.encoder = new T5Encoder(config, this.shared, options);
    this.decoder = new T5Decoder(config, this.shared, options);
    this.qa_outputs = linearHead(config, 2, options);
  }

  forward(ids: Tensor, ctx: StacksContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    const hidden = this.decoder.forward(shifted(ids, this.config), this.encoder.forward(ids, ctx), ctx);
    return spansOf(this.qa_outputs.forward(hidden));
  }
}

function linearHead(config: T5Config, width: number, { rng }: ModelOptions): Linear {
  return new Linear(config.d_model, width, { init: normal(rng, config.initializer_factor * config.d_model ** -0.5) });
}

function cacheOf(decoder: T5Decoder): DecoderCache[] {
  return decoder.block.map(() => ({ self: new KVCache(), memory: new KVCache() }));
}

function sharedOf(config: T5Config, { rng }: ModelOptions): Embedding {
  return new Embedding(config.vocab_size, config.d_model, { init: normal(rng, config.initializer_factor) });
}
