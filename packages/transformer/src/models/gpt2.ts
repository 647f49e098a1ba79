import { type AttentionCache, type AttentionFn, KVCache, splitHeads } from '@multihead/attention';
import { Embedding, LayerNorm, Linear, normal } from '@multihead/layers';
import { add, dropout, slice, type Tensor } from '@multihead/tensor';
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
import { type ActivationName, activated } from '../parts/activation.js';
import { attendHeads } from '../parts/attend-heads.js';
import { atLastToken, spansOf, tokensToKeep } from '../parts/heads.js';
import { Conv1D } from '../parts/conv1d.js';
import { blockContext, checkIds, maskOf, placeIds, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';

/*
 * GPT-2: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
 *
 *   ids → wte + wpe → n_layer × (x + attn(ln_1(x)), x + mlp(ln_2(x))) → ln_f → logits by wteᵀ
 *
 * Unusual: weights lie [in, out], as in the TensorFlow original; queries, keys and values come out of one projection; positions are learned.
 */

export interface GPT2Config {
  vocab_size: number;
  n_positions: number;
  n_embd: number;
  n_layer: number;
  n_head: number;
  /** Width of the feed-forward part; 4 · n_embd if null. */
  n_inner: number | null;
  activation_function: ActivationName;
  resid_pdrop: number;
  embd_pdrop: number;
  attn_pdrop: number;
  layer_norm_epsilon: number;
  initializer_range: number;
  /** Divides scores by √dim; without it they stay as they are. */
  scale_attn_weights: boolean;
  /** Divides the scores of layer i by i + 1 besides. */
  scale_attn_by_inverse_layer_idx: boolean;
  tie_word_embeddings: boolean;
  pad_token_id: number | null;
  id2label: string[] | null;
  num_labels: number | null;
  classifier_dropout: number | null;
}

/** The fields of a GPT-2, with its defaults. */
export function gpt2Fields() {
  return {
    vocab_size: size(50257),
    n_positions: size(1024),
    n_embd: size(768),
    n_layer: layers(12),
    n_head: size(12),
    n_inner: maybe(size(1)),
    activation_function: activation('gelu_new'),
    resid_pdrop: share(0.1),
    embd_pdrop: share(0.1),
    attn_pdrop: share(0.1),
    layer_norm_epsilon: positive(1e-5),
    initializer_range: positive(0.02),
    scale_attn_weights: flag(true),
    scale_attn_by_inverse_layer_idx: flag(false),
    tie_word_embeddings: flag(true),
    pad_token_id: oneToken(),
    id2label: labels(),
    num_labels: maybe(size(2)),
    classifier_dropout: maybe(share(0.1)),
  };
}

/**
 * Keys that change nothing: reorder_and_upcast_attn computes the same in another order, n_ctx is n_positions under its old name, two
 * keys are of the first GPT, and the summary is of a head that is not here.
 */
export const gpt2Ignored = [
  'reorder_and_upcast_attn',
  'n_ctx',
  'n_special',
  'predict_special_tokens',
  'hidden_dropout',
  'summary_type',
  'summary_use_proj',
  'summary_activation',
  'summary_proj_to_labels',
  'summary_first_dropout',
];

/**
 * The config of a GPT-2 from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readGPT2Config(JSON.parse(text)); // the text of config.json
 */
export function readGPT2Config(json: unknown): GPT2Config {
  return readConfig<GPT2Config>(json, {
    modelTypes: ['gpt2'],
    fields: gpt2Fields(),
    ignored: gpt2Ignored,
    check: (config) => [...headProblems(config.n_embd, config.n_head), ...tokenProblems(config)],
  });
}

export class GPT2Attention {
  c_attn: Conv1D;
  c_proj: Conv1D;
  readonly #heads: number;
  readonly #scale: number;
  readonly #dropout: number;
  readonly #attention: AttentionFn | undefined;

  constructor(config: GPT2Config, layer: number, options: ModelOptions = {}) {
    const { n_embd, n_head } = config;
    const init = normal(options.rng, config.initializer_range);
    this.c_attn = new Conv1D(n_embd, 3 * n_embd, init);
    this.c_proj = new Conv1D(n_embd, n_embd, normal(options.rng, config.initializer_range / Math.sqrt(2 * config.n_layer)));
    this.#heads = n_head;
    this.#scale = (config.scale_attn_weights ? (n_embd / n_head) ** -0.5 : 1) / (config.scale_attn_by_inverse_layer_idx ? layer + 1 : 1);
    this.#dropout = config.attn_pdrop;
    this.#attention = options.attention;
  }

  forward(x: Tensor, ctx: BlockContext): Tensor {
    const width = x.shape[2]!;
    const qkv = this.c_attn.forward(x); // [B, T, 3E]
    const part = (i: number) => splitHeads(slice(qkv, 2, i * width, (i + 1) * width), this.#heads); // [B, H, T, D]
    const options = { causal: 'bottom-right', scale: this.#scale, dropout: this.#dropout, attention: this.#attention } as const;
    return this.c_proj.forward(attendHeads(part(0), part(1), part(2), ctx, options)); // [B, T, E]
  }
}

export class GPT2MLP {
  c_fc: Conv1D;
  c_proj: Conv1D;
  readonly #activation: ActivationName;

  constructor(config: GPT2Config, { rng }: ModelOptions = {}) {
    const inner = config.n_inner ?? 4 * config.n_embd;
    this.c_fc = new Conv1D(config.n_embd, inner, normal(rng, config.initializer_range));
    this.c_proj = new Conv1D(inner, config.n_embd, normal(rng, config.initializer_range / Math.sqrt(2 * config.n_layer)));
    this.#activation = config.activation_function;
  }

  forward(x: Tensor): Tensor {
    return this.c_proj.forward(activated(this.c_fc, x, this.#activation));
  }
}

export class GPT2Block {
  ln_1: LayerNorm;
  attn: GPT2Attention;
  ln_2: LayerNorm;
  mlp: GPT2MLP;
  readonly #dropout: number;

  constructor(config: GPT2Config, layer: number, options: ModelOptions = {}) {
    const norm = () => new LayerNorm(config.n_embd, { eps: config.layer_norm_epsilon });
    this.ln_1 = norm();
    this.attn = new GPT2Attention(config, layer, options);
    this.ln_2 = norm();
    this.mlp = new GPT2MLP(config, options);
    this.#dropout = config.resid_pdrop;
  }

  forward(input: Tensor, ctx: BlockContext): Tensor {
    const { at, rng } = ctx;
    const x = see(ctx, `${at}.resid_pre`, input);
    const attended = dropout(this.attn.forward(this.ln_1.forward(x), ctx), this.#dropout, rng);
    const mid = add(x, see(ctx, `${at}.attn_out`, attended));
    const fed = dropout(this.mlp.forward(this.ln_2.forward(mid)), this.#dropout, rng);
    return see(ctx, `${at}.resid_post`, add(mid, see(ctx, `${at}.mlp_out`, fed))); // [B, T, E]
  }
}

const checkpoint: CheckpointRules = {
  base: 'transformer',
  ignore: [/(^|\.)h\.\d+\.attn\.(masked_)?bias$/], // the causal mask
};

/**
 * GPT-2 without a head: ids [B, T] to the last hidden states [B, T, n_embd].
 *
 * @example
 * const config = readGPT2Config({ n_layer: 2, n_head: 2, n_embd: 8, vocab_size: 50 });
 * const model = new GPT2Model(config, { rng: new Rng(1) });
 * model.forward(tensor(Int32Array.of(1, 2, 3), { shape: [1, 3] })).shape; // [1, 3, 8]
 */
export class GPT2Model {
  wte: Embedding;
  wpe: Embedding;
  h: GPT2Block[];
  ln_f: LayerNorm;
  readonly config: GPT2Config;

  static readonly architecture = 'GPT2Model';
  static readonly readConfig = readGPT2Config;
  static readonly checkpoint = checkpoint;

  constructor(config: GPT2Config, options: ModelOptions = {}) {
    this.config = config;
    const init = normal(options.rng, config.initializer_range);
    this.wte = new Embedding(config.vocab_size, config.n_embd, { init });
    this.wpe = new Embedding(config.n_positions, config.n_embd, { init });
    this.h = Array.from({ length: config.n_layer }, (_, i) => new GPT2Block(config, i, options));
    this.ln_f = new LayerNorm(config.n_embd, { eps: config.layer_norm_epsilon });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('GPT2Model', ids);
    return this.forwardEmbeddings(this.wte.forward(ids), ctx);
  }

  /** The same for vectors [B, T, n_embd] in place of tokens. */
  forwardEmbeddings(embeddings: Tensor, ctx: ForwardContext = {}): Tensor {
    const sizes = sizesOf(embeddings, ctx);
    const places = placeIds('GPT2Model', placesOf('GPT2Model', ctx, sizes), this.config.n_positions, embeddings.backend);
    const mask = maskOf('GPT2Model', ctx, sizes);
    let x = dropout(add(embeddings, this.wpe.forward(places)), this.config.embd_pdrop, ctx.rng); // [B, T, E]
    for (const [i, block] of this.h.entries()) x = block.forward(x, blockContext(ctx, mask, i));
    return see(ctx, 'final', this.ln_f.forward(x));
  }

  /** A cache for `forward`. It is the caller's to dispose. */
  cache(): AttentionCache[] {
    return this.h.map(() => new KVCache());
  }
}

/**
 * GPT-2 as a language model: ids [B, T] to the logits of the token that follows each one, [B, T, vocab_size].
 *
 * @example
 * const model = new GPT2LMHeadModel(readGPT2Config({ n_embd: 8, n_head: 2, n_layer: 2, vocab_size: 50 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class GPT2LMHeadModel {
  transformer: GPT2Model;
  lm_head: { weight: Tensor };
  readonly config: GPT2Config;

  static readonly architecture = 'GPT2LMHeadModel';
  static readonly readConfig = readGPT2Config;
  static readonly checkpoint = checkpoint;

  constructor(config: GPT2Config, options: ModelOptions = {}) {
    this.config = config;
    this.transformer = new GPT2Model(config, options);
    this.lm_head = config.tie_word_embeddings ? this.transformer.wte : head(config, config.vocab_size, options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return project(tokensToKeep(this.transformer.forward(ids, ctx), ctx), this.lm_head);
  }

  cache(): AttentionCache[] {
    return this.transformer.cache();
  }
}

/**
 * One of num_labels classes for each text, read at its last token: [B, num_labels].
 *
 * @example
 * const model = new GPT2ForSequenceClassification(readGPT2Config({ n_embd: 8, n_head: 2, n_layer: 2, vocab_size: 50 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class GPT2ForSequenceClassification {
  transformer: GPT2Model;
  score: Linear;
  readonly config: GPT2Config;

  static readonly architecture = 'GPT2ForSequenceClassification';
  static readonly readConfig = readGPT2Config;
  static readonly checkpoint = checkpoint;

  constructor(config: GPT2Config, options: ModelOptions = {}) {
    this.config = config;
    this.transformer = new GPT2Model(config, options);
    this.score = head(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return atLastToken(this.score.forward(this.transformer.forward(ids, ctx)), ids, this.config.pad_token_id);
  }
}

/**
 * One of num_labels classes for each token: [B, T, num_labels].
 *
 * @example
 * const model = new GPT2ForTokenClassification(readGPT2Config({ n_embd: 8, n_head: 2, n_layer: 2, vocab_size: 50 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class GPT2ForTokenClassification {
  transformer: GPT2Model;
  classifier: Linear;
  readonly config: GPT2Config;

  static readonly architecture = 'GPT2ForTokenClassification';
  static readonly readConfig = readGPT2Config;
  static readonly checkpoint = checkpoint;

  constructor(config: GPT2Config, options: ModelOptions = {}) {
    this.config = config;
    this.transformer = new GPT2Model(config, options);
    this.classifier = head(config, countLabels(config), options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    const x = dropout(this.transformer.forward(ids, ctx), this.config.classifier_dropout ?? 0.1, ctx.rng);
    return this.classifier.forward(x);
  }
}

/**
 * Where in the text the answer to a question begins and where it ends: logits of both, each [B, T].
 *
 * @example
 * const model = new GPT2ForQuestionAnswering(readGPT2Config({ n_embd: 8, n_head: 2, n_layer: 2, vocab_size: 50 }), { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class GPT2ForQuestionAnswering {
  transformer: GPT2Model;
  qa_outputs: Linear;
  readonly config: GPT2Config;

  static readonly architecture = 'GPT2ForQuestionAnswering';
  static readonly readConfig = readGPT2Config;
  static readonly checkpoint = checkpoint;

  constructor(config: GPT2Config, options: ModelOptions = {}) {
    this.config = config;
    this.transformer = new GPT2Model(config, options);
    this.qa_outputs = head(config, 2, options, true);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(this.transformer.forward(ids, ctx)));
  }
}

function head(config: GPT2Config, width: number, { rng }: ModelOptions, bias = false): Linear {
  return new Linear(config.n_embd, width, { bias, init: normal(rng, config.initializer_range) });
}
