import { KVCache, splitHeads } from '@multihead/attention';
import { constant, Embedding, LayerNorm, Linear, normal } from '@multihead/layers';
import { add, dropout, mul, param, type Rng, type Tensor, tanh } from '@multihead/tensor';
import { type BlockContext, type DecoderBlockContext, type DecoderCache, type ModelOptions, type StacksContext, see } from '../context.js';
import {
  activation,
  flag,
  headProblems,
  integer,
  labels,
  layers,
  maybe,
  positive,
  readConfig,
  share,
  size,
  tokenProblems,
} from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { shiftRight } from '../loss.js';
import { type ActivationName, activated } from '../parts/activation.js';
import { attendHeads, crossHeads, type HeadOptions } from '../parts/attend-heads.js';
import { atLastEnd, spansOf, tokensToKeep } from '../parts/heads.js';
import { blockContext, checkIds, decoderBlockContext, decoderSizes, maskOf, placeIds, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { TokenEmbedding } from '../parts/token-embedding.js';

/*
 * BART: Lewis et al., "BART: Denoising Sequence-to-Sequence Pre-training for Natural Language Generation, Translation, and Comprehension",
 * 2019.
 *
 *   source ids → shared + positions → norm → encoder ─┐
 *   target ids → shared + positions → norm → decoder ←┘ → logits by shared, + final_logits_bias
 *
 * The Transformer of 2017, norms behind each sublayer. Unusual: learned positions that begin at row 2 of their table; a norm behind the
 * embeddings.
 */

/** What the configs of BART, Marian and M2M100 have in common. */
export interface StacksConfig {
  vocab_size: number;
  max_position_embeddings: number;
  encoder_layers: number;
  encoder_ffn_dim: number;
  encoder_attention_heads: number;
  decoder_layers: number;
  decoder_ffn_dim: number;
  decoder_attention_heads: number;
  activation_function: ActivationName;
  d_model: number;
  dropout: number;
  attention_dropout: number;
  /** Inside the feed-forward part. */
  activation_dropout: number;
  init_std: number;
  /** Embeddings are multiplied by √d_model. */
  scale_embedding: boolean;
  tie_word_embeddings: boolean;
  pad_token_id: number;
  decoder_start_token_id: number;
}

export interface BartConfig extends StacksConfig {
  classifier_dropout: number;
  eos_token_id: number;
  id2label: string[] | null;
  num_labels: number | null;
}

/** The fields of such configs, with BART's defaults. */
export function stacksFields() {
  return {
    vocab_size: size(50265),
    max_position_embeddings: size(1024),
    encoder_layers: layers(12),
    encoder_ffn_dim: size(4096),
    encoder_attention_heads: size(16),
    decoder_layers: layers(12),
    decoder_ffn_dim: size(4096),
    decoder_attention_heads: size(16),
    activation_function: activation('gelu'),
    d_model: size(1024),
    dropout: share(0.1),
    attention_dropout: share(0),
    activation_dropout: share(0),
    init_std: positive(0.02),
    scale_embedding: flag(false),
    tie_word_embeddings: flag(true),
    pad_token_id: integer(1),
    decoder_start_token_id: integer(2),
  };
}

export function stacksProblems(config: StacksConfig): (string | false)[] {
  const { d_model, encoder_attention_heads, decoder_attention_heads } = config;
  return [...headProblems(d_model, encoder_attention_heads), ...headProblems(d_model, decoder_attention_heads), ...tokenProblems(config)];
}

/** Keys of such configs that change nothing: whole layers are dropped in transformers' training alone, the others are counted elsewhere. */
export const stacksIgnored = [
  'encoder_layerdrop',
  'decoder_layerdrop',
  'layerdrop',
  'num_hidden_layers',
  'hidden_size',
  'num_attention_heads',
  'student_encoder_layers',
  'student_decoder_layers',
];

/** Variants of fairseq that these models never had, and what distillation wrote down. */
export const stacksOnly = {
  add_bias_logits: [false],
  add_final_layer_norm: [false],
  normalize_before: [false],
  do_blenderbot_90_layernorm: [false],
  replacing_rate: [0],
};

/**
 * The config of a BART from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readBartConfig(JSON.parse(text)); // the text of config.json
 */
export function readBartConfig(json: unknown): BartConfig {
  return readConfig<BartConfig>(json, {
    modelTypes: ['bart'],
    fields: {
      ...stacksFields(),
      classifier_dropout: share(0),
      eos_token_id: integer(2),
      id2label: labels(),
      num_labels: maybe(size(3)),
    },
    ignored: [...stacksIgnored, 'classif_dropout', 'force_bos_token_to_be_generated', 'extra_pos_embeddings', 'kobart_version'],
    only: { ...stacksOnly, normalize_embedding: [true], static_position_embeddings: [false] },
    check: stacksProblems,
  });
}

/** Which of the two stacks: their widths and heads may differ. */
export type StackSide = 'encoder' | 'decoder';

export class BartAttention {
  k_proj: Linear;
  v_proj: Linear;
  q_proj: Linear;
  out_proj: Linear;
  readonly #heads: number;
  readonly #options: HeadOptions;

  constructor(width: number, heads: number, options: { dropout: number; std: number; keyBias?: boolean } & ModelOptions) {
    const { dropout, std, keyBias = true, rng, attention } = options;
    const project = (bias: boolean) => new Linear(width, width, { bias, init: normal(rng, std) });
    this.k_proj = project(keyBias);
    this.v_proj = project(true);
    this.q_proj = project(true);
    this.out_proj = project(true);
    this.#heads = heads;
    this.#options = { dropout, attention };
  }

  /** Among the tokens themselves. */
  forward(x: Tensor, ctx: BlockContext, causal = false): Tensor {
    const options = { ...this.#options, causal: causal && 'bottom-right' } as const;
    return this.out_proj.forward(
      attendHeads(this.#split(this.q_proj, x), this.#split(this.k_proj, x), this.#split(this.v_proj, x), ctx, options),
    );
  }

  /** To what the encoder made. */
  cross(x: Tensor, memory: Tensor, ctx: DecoderBlockContext): Tensor {
    const project = () => ({ k: this.#split(this.k_proj, memory), v: this.#split(this.v_proj, memory) });
    return this.out_proj.forward(crossHeads(this.#split(this.q_proj, x), project, ctx, this.#options));
  }

  #split(part: Linear, x: Tensor): Tensor {
    return splitHeads(part.forward(x), this.#heads); // [B, H, T, D]
  }
}

/** An attention as `config` has it for one of the stacks. */
export function attentionOf(config: StacksConfig, side: StackSide, options: ModelOptions & { keyBias?: boolean }): BartAttention {
  const { d_model, attention_dropout, init_std } = config;
  return new BartAttention(d_model, config[`${side}_attention_heads`], { ...options, dropout: attention_dropout, std: init_std });
}

/** fc1 and fc2 of a layer. */
export function feedForwardOf(config: StacksConfig, side: StackSide, { rng }: ModelOptions): [Linear, Linear] {
  const hidden = config[`${side}_ffn_dim`];
  const init = normal(rng, config.init_std);
  return [new Linear(config.d_model, hidden, { init }), new Linear(hidden, config.d_model, { init })];
}

/** fc2(activation(fc1(x))), with dropout between and behind. */
export function feedForward(layer: { fc1: Linear; fc2: Linear }, x: Tensor, config: StacksConfig, rng?: Rng): Tensor {
  const hidden = dropout(activated(layer.fc1, x, config.activation_function), config.activation_dropout, rng);
  return dropout(layer.fc2.forward(hidden), config.dropout, rng);
}

/** norm(x + f(x)), what f gives being shown to the tap by `name`. */
function postNorm(x: Tensor, norm: LayerNorm, ctx: BlockContext, name: string, f: (x: Tensor) => Tensor): Tensor {
  return norm.forward(add(x, see(ctx, `${ctx.at}.${name}`, f(x))));
}

export class BartEncoderLayer {
  self_attn: BartAttention;
  self_attn_layer_norm: LayerNorm;
  fc1: Linear;
  fc2: Linear;
  final_layer_norm: LayerNorm;
  readonly #config: StacksConfig;

  constructor(config: StacksConfig, options: ModelOptions = {}) {
    this.self_attn = attentionOf(config, 'encoder', options);
    this.self_attn_layer_norm = new LayerNorm(config.d_model);
    [this.fc1, this.fc2] = feedForwardOf(config, 'encoder', options);
    this.final_layer_norm = new LayerNorm(config.d_model);
    this.#config = config;
  }

  forward(input: Tensor, ctx: BlockContext): Tensor {
    const { rng } = ctx;
    const x = see(ctx, `${ctx.at}.resid_pre`, input);
    const attend = (y: Tensor) => dropout(this.self_attn.forward(y, ctx), this.#config.dropout, rng);
    const mid = postNorm(x, this.self_attn_layer_norm, ctx, 'attn_out', attend);
    const out = postNorm(mid, this.final_layer_norm, ctx, 'mlp_out', (y) => feedForward(this, y, this.#config, rng));
    return see(ctx, `${ctx.at}.resid_post`, out);
  }
}

export class BartDecoderLayer {
  self_attn: BartAttention;
  self_attn_layer_norm: LayerNorm;
  encoder_attn: BartAttention;
  encoder_attn_layer_norm: LayerNorm;
  fc1: Linear;
  fc2: Linear;
  final_layer_norm: LayerNorm;
  readonly #config: StacksConfig;

  constructor(config: StacksConfig, options: ModelOptions = {}) {
    this.self_attn = attentionOf(config, 'decoder', options);
    this.self_attn_layer_norm = new LayerNorm(config.d_model);
    this.encoder_attn = attentionOf(config, 'decoder', options);
    this.encoder_attn_layer_norm = new LayerNorm(config.d_model);
    [this.fc1, this.fc2] = feedForwardOf(config, 'decoder', options);
    this.final_layer_norm = new LayerNorm(config.d_model);
    this.#config = config;
  }

  forward(input: Tensor, memory: Tensor, ctx: DecoderBlockContext): Tensor {
    const { rng } = ctx;
    const p = this.#config.dropout;
    const x = see(ctx, `${ctx.at}.resid_pre`, input);
    const attend = (y: Tensor) => dropout(this.self_attn.forward(y, ctx, true), p, rng);
    const own = postNorm(x, this.self_attn_layer_norm, ctx, 'attn_out', attend);
    const look = (y: Tensor) => dropout(this.encoder_attn.cross(y, memory, ctx), p, rng);
    const looked = postNorm(own, this.encoder_attn_layer_norm, ctx, 'cross_out', look);
    const out = postNorm(looked, this.final_layer_norm, ctx, 'mlp_out', (y) => feedForward(this, y, this.#config, rng));
    return see(ctx, `${ctx.at}.resid_post`, out);
  }
}

/** The rows of the table before the first place. */
const offset = 2;

function positionsOf(config: BartConfig, { rng }: ModelOptions): Embedding {
  return new Embedding(config.max_position_embeddings + offset, config.d_model, { init: normal(rng, config.init_std) });
}

/** Embeddings, scaled if the config says so, plus positions from `past` on, normed. */
function embed(stack: BartEncoder | BartDecoder, ids: Tensor, past: number, config: BartConfig, rng?: Rng): Tensor {
  checkIds('BART', ids);
  const sizes = { batch: ids.shape[0]!, tokens: ids.shape[1]!, past };
  const rows = placesOf('BART', {}, sizes).map((row) => row.map((place) => place + offset));
  const places = placeIds('BART', rows, config.max_position_embeddings + offset, ids.backend);
  const words = stack.embed_tokens.forward(ids);
  const scaled = config.scale_embedding ? mul(words, Math.sqrt(config.d_model)) : words;
  return dropout(stack.layernorm_embedding.forward(add(scaled, stack.embed_positions.forward(places))), config.dropout, rng);
}

export class BartEncoder {
  embed_tokens: TokenEmbedding;
  embed_positions: Embedding;
  layers: BartEncoderLayer[];
  layernorm_embedding: LayerNorm;
  readonly #config: BartConfig;

  constructor(config: BartConfig, shared: TokenEmbedding, options: ModelOptions = {}) {
    this.embed_tokens = shared;
    this.embed_positions = positionsOf(config, options);
    this.layers = Array.from({ length: config.encoder_layers }, () => new BartEncoderLayer(config, options));
    this.layernorm_embedding = new LayerNorm(config.d_model);
    this.#config = config;
  }

  forward(ids: Tensor, ctx: StacksContext): Tensor {
    const mask = maskOf('BART', ctx, sizesOf(ids, {}));
    let x = embed(this, ids, 0, this.#config, ctx.rng); // [B, S, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, blockContext({ ...ctx, cache: undefined }, mask, i, 'encoder.'));
    return see(ctx, 'encoder.final', x);
  }
}

export class BartDecoder {
  embed_tokens: TokenEmbedding;
  embed_positions: Embedding;
  layers: BartDecoderLayer[];
  layernorm_embedding: LayerNorm;
  readonly #config: BartConfig;

  constructor(config: BartConfig, shared: TokenEmbedding, options: ModelOptions = {}) {
    this.embed_tokens = shared;
    this.embed_positions = positionsOf(config, options);
    this.layers = Array.from({ length: config.decoder_layers }, () => new BartDecoderLayer(config, options));
    this.layernorm_embedding = new LayerNorm(config.d_model);
    this.#config = config;
  }

  forward(ids: Tensor, memory: Tensor, ctx: StacksContext): Tensor {
    const sizes = decoderSizes(ids, ctx);
    const mask = maskOf('BART', { mask: ctx.decoderMask }, sizes);
    const memoryMask = maskOf('BART', ctx, sizesOf(memory, {}));
    let x = embed(this, ids, sizes.past, this.#config, ctx.rng); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) x = layer.forward(x, memory, decoderBlockContext(ctx, mask, memoryMask, i));
    return see(ctx, 'decoder.final', x);
  }
}

/** A number that fairseq wrote. */
export const version = /(^|\.)(encoder|decoder)\.version$/;

const checkpoint: CheckpointRules = {
  base: 'model',
  ignore: [version, /^final_logits_bias$/, /^lm_head\.weight$/],
  optional: [/^final_logits_bias$/],
};

/**
 * BART without a head: source ids [B, S] and target ids [B, T] to the decoder's last hidden states [B, T, d_model].
 *
 * @example
 * const config = readBartConfig({ d_model: 16, encoder_layers: 1, decoder_layers: 1, encoder_ffn_dim: 8, decoder_ffn_dim: 8, vocab_size: 50 });
 * const model = new BartModel(config, { rng: new Rng(1) });
 * model.forward(ids, target).shape; // [1, 2, 16]
 */
export class BartModel {
  shared: TokenEmbedding;
  encoder: BartEncoder;
  decoder: BartDecoder;
  readonly config: BartConfig;

  static readonly architecture = 'BartModel';
  static readonly readConfig = readBartConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: BartConfig, options: ModelOptions = {}) {
    this.config = config;
    this.shared = new TokenEmbedding(config.vocab_size, config.d_model, {
      init: normal(options.rng, config.init_std),
      padding: config.pad_token_id,
    });
    this.encoder = new BartEncoder(config, this.shared, options);
    this.decoder = new BartDecoder(config, this.shared, options);
  }

  forward(ids: Tensor, decoderIds: Tensor, ctx: StacksContext = {}): Tensor {
    return this.decoder.forward(decoderIds, this.encoder.forward(ids, ctx), ctx);
  }

  /** A cache for the decoder. It is the caller's to dispose. */
  cache(): DecoderCache[] {
    return this.decoder.layers.map(() => ({ self: new KVCache(), memory: new KVCache() }));
  }
}

/**
 * BART, text to text: source ids [B, S] and target ids [B, T] to the logits of the token that follows each target token, [B, T, vocab_size].
 *
 * @example
 * const logits = model.forward(source, shiftRight(labels, { start: 2, pad: 1 }), { mask });
 */
export class BartForConditionalGeneration {
  final_logits_bias: Tensor;
  model: BartModel;
  lm_head: { weight: Tensor };
  readonly config: BartConfig;

  static readonly architecture = 'BartForConditionalGeneration';
  static readonly readConfig = readBartConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: BartConfig, options: ModelOptions = {}) {
    this.config = config;
    this.final_logits_bias = logitsBias(config.vocab_size);
    this.model = new BartModel(config, options);
    const init = normal(options.rng, config.init_std);
    this.lm_head = config.tie_word_embeddings ? this.model.shared : new Linear(config.d_model, config.vocab_size, { bias: false, init });
  }

  forward(ids: Tensor, decoderIds: Tensor, ctx: StacksContext = {}): Tensor {
    return this.decode(decoderIds, this.encode(ids, ctx), ctx);
  }

  /** Source ids [B, S] to what the decoder looks at, [B, S, d_model]. */
  encode(ids: Tensor, ctx: StacksContext = {}): Tensor {
    return this.model.encoder.forward(ids, ctx);
  }

  /** Target ids [B, T] and `encode`'s result to logits; with a cache only the tokens after those in it. */
  decode(decoderIds: Tensor, memory: Tensor, ctx: StacksContext = {}): Tensor {
    return add(project(tokensToKeep(this.model.decoder.forward(decoderIds, memory, ctx), ctx), this.lm_head), this.final_logits_bias);
  }

  cache(): DecoderCache[] {
    return this.model.cache();
  }
}

/** 0 for each token: it is stored, but not trained. */
export function logitsBias(vocabulary: number): Tensor {
  const bias = param([1, vocabulary], constant(0));
  bias.requiresGrad = false;
  return bias;
}

/** Decoder inputs for a source that is read by itself: its ids one place later, the start token in front. */
function shifted(ids: Tensor, config: BartConfig): Tensor {
  return shiftRight(ids, { start: config.decoder_start_token_id, pad: config.pad_token_id });
}

/**
 * One of num_labels classes for each text, read where the decoder comes to its last end token: logits [B, num_labels].
 *
 * @example
 * const config = readBartConfig({ d_model: 16, encoder_layers: 1, decoder_layers: 1, encoder_ffn_dim: 8, decoder_ffn_dim: 8, vocab_size: 50 });
 * const model = new BartForSequenceClassification(config, { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3]
 */
export class BartForSequenceClassification {
  model: BartModel;
  classification_head: { dense: Linear; out_proj: Linear };
  readonly config: BartConfig;

  static readonly architecture = 'BartForSequenceClassification';
  static readonly readConfig = readBartConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: BartConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new BartModel(config, options);
    const init = normal(options.rng, config.init_std);
    const labels = config.num_labels ?? config.id2label?.length ?? 3;
    this.classification_head = {
      dense: new Linear(config.d_model, config.d_model, { init }),
      out_proj: new Linear(config.d_model, labels, { init }),
    };
  }

  forward(ids: Tensor, ctx: StacksContext = {}): Tensor {
    const { eos_token_id: end, classifier_dropout: p } = this.config;
    const hidden = this.model.forward(ids, shifted(ids, this.config), ctx); // [B, T, E]
    const { dense, out_proj } = this.classification_head;
    const x = tanh(dense.forward(dropout(atLastEnd(hidden, ids, end), p, ctx.rng)));
    return out_proj.forward(dropout(x, p, ctx.rng));
  }
}

/**
 * Where in the text the answer to a question begins and where it ends: logits of both, each [B, T].
 *
 * @example
 * const config = readBartConfig({ d_model: 16, encoder_layers: 1, decoder_layers: 1, encoder_ffn_dim: 8, decoder_ffn_dim: 8, vocab_size: 50 });
 * const model = new BartForQuestionAnswering(config, { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class BartForQuestionAnswering {
  model: BartModel;
  qa_outputs: Linear;
  readonly config: BartConfig;

  static readonly architecture = 'BartForQuestionAnswering';
  static readonly readConfig = readBartConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: BartConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new BartModel(config, options);
    this.qa_outputs = new Linear(config.d_model, 2, { init: normal(options.rng, config.init_std) });
  }

  forward(ids: Tensor, ctx: StacksContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(this.model.forward(ids, shifted(ids, this.config), ctx)));
  }
}
