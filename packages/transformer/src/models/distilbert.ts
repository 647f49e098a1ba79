import { type AttentionFn, splitHeads } from '@multihead/attention';
import { constant, Embedding, LayerNorm, Linear, normal } from '@multihead/layers';
import { add, dropout, param, relu, select, type Tensor } from '@multihead/tensor';
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
import { type ActivationName, activated, activations } from '../parts/activation.js';
import { attendHeads } from '../parts/attend-heads.js';
import { scoreChoices, spansOf } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placeIds, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { interleavedSinusoidal } from '../parts/sinusoids.js';
import { TokenEmbedding } from '../parts/token-embedding.js';

/*
 * DistilBERT: Sanh et al., "DistilBERT, a distilled version of BERT: smaller, faster, cheaper and lighter", 2019.
 *
 *   ids → word + position → norm → n × (norm(x + attention(x)), norm(x + feed-forward(x))) → a head
 *
 * Unusual: no token types, no pooler, and names of its own. Positions may begin as sinusoids, and are in the checkpoint like learned ones.
 */

export interface DistilBertConfig {
  vocab_size: number;
  max_position_embeddings: number;
  sinusoidal_pos_embds: boolean;
  n_layers: number;
  n_heads: number;
  dim: number;
  hidden_dim: number;
  dropout: number;
  attention_dropout: number;
  activation: ActivationName;
  initializer_range: number;
  qa_dropout: number;
  seq_classif_dropout: number;
  pad_token_id: number | null;
  tie_word_embeddings: boolean;
  id2label: string[] | null;
  num_labels: number | null;
}

/**
 * The config of a DistilBERT from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readDistilBertConfig(JSON.parse(text)); // the text of config.json
 */
export function readDistilBertConfig(json: unknown): DistilBertConfig {
  return readConfig<DistilBertConfig>(json, {
    modelTypes: ['distilbert'],
    fields: {
      vocab_size: size(30522),
      max_position_embeddings: size(512),
      sinusoidal_pos_embds: flag(false),
      n_layers: layers(6),
      n_heads: size(12),
      dim: size(768),
      hidden_dim: size(4 * 768),
      dropout: share(0.1),
      attention_dropout: share(0.1),
      activation: activation('gelu'),
      initializer_range: positive(0.02),
      qa_dropout: share(0.1),
      seq_classif_dropout: share(0.2),
      pad_token_id: oneToken(0),
      tie_word_embeddings: flag(true),
      id2label: labels(),
      num_labels: maybe(size(2)),
    },
    ignored: ['tie_weights_'],
    check: (config) => [...headProblems(config.dim, config.n_heads), ...tokenProblems(config)],
  });
}

export class DistilBertEmbeddings {
  word_embeddings: TokenEmbedding;
  position_embeddings: Embedding;
  LayerNorm: LayerNorm;
  readonly #dropout: number;

  constructor(config: DistilBertConfig, { rng }: ModelOptions = {}) {
    const init = normal(rng, config.initializer_range);
    this.word_embeddings = new TokenEmbedding(config.vocab_size, config.dim, { init, padding: config.pad_token_id });
    this.position_embeddings = new Embedding(config.max_position_embeddings, config.dim, {
      init: config.sinusoidal_pos_embds ? interleavedSinusoidal() : init,
    });
    this.LayerNorm = new LayerNorm(config.dim, { eps: 1e-12 });
    this.#dropout = config.dropout;
  }

  forward(ids: Tensor, places: Tensor, { rng }: ForwardContext): Tensor {
    const x = add(this.word_embeddings.forward(ids), this.position_embeddings.forward(places));
    return dropout(this.LayerNorm.forward(x), this.#dropout, rng);
  }
}

export class DistilBertAttention {
  q_lin: Linear;
  k_lin: Linear;
  v_lin: Linear;
  out_lin: Linear;
  readonly #heads: number;
  readonly #dropout: number;
  readonly #attention: AttentionFn | undefined;

  constructor(config: DistilBertConfig, { rng, attention }: ModelOptions = {}) {
    const project = () => new Linear(config.dim, config.dim, { init: normal(rng, config.initializer_range) });
    [this.q_lin, this.k_lin, this.v_lin, this.out_lin] = [project(), project(), project(), project()];
    this.#heads = config.n_heads;
    this.#dropout = config.attention_dropout;
    this.#attention = attention;
  }

  forward(x: Tensor, ctx: BlockContext): Tensor {
    const split = (part: Linear) => splitHeads(part.forward(x), this.#heads); // [B, H, T, D]
    const options = { dropout: this.#dropout, attention: this.#attention };
    return this.out_lin.forward(attendHeads(split(this.q_lin), split(this.k_lin), split(this.v_lin), ctx, options));
  }
}

export class DistilBertLayer {
  attention: DistilBertAttention;
  sa_layer_norm: LayerNorm;
  ffn: { lin1: Linear; lin2: Linear };
  output_layer_norm: LayerNorm;
  readonly #activation: ActivationName;
  readonly #dropout: number;

  constructor(config: DistilBertConfig, options: ModelOptions = {}) {
    const { dim, hidden_dim } = config;
    const init = normal(options.rng, config.initializer_range);
    this.attention = new DistilBertAttention(config, options);
    this.sa_layer_norm = new LayerNorm(dim, { eps: 1e-12 });
    this.ffn = { lin1: new Linear(dim, hidden_dim, { init }), lin2: new Linear(hidden_dim, dim, { init }) };
    this.output_layer_norm = new LayerNorm(dim, { eps: 1e-12 });
    this.#activation = config.activation;
    this.#dropout = config.dropout;
  }

  forward(input: Tensor, ctx: BlockContext): Tensor {
    const { at, rng } = ctx;
    const x = see(ctx, `${at}.resid_pre`, input);
    const mid = this.sa_layer_norm.forward(add(see(ctx, `${at}.attn_out`, this.attention.forward(x, ctx)), x));
    const fed = dropout(this.ffn.lin2.forward(activated(this.ffn.lin1, mid, this.#activation)), this.#dropout, rng);
    return see(ctx, `${at}.resid_post`, this.output_layer_norm.forward(add(see(ctx, `${at}.mlp_out`, fed), mid)));
  }
}

const checkpoint: CheckpointRules = {
  base: 'distilbert',
  ignore: [/embeddings\.position_ids$/, /^vocab_(transform|layer_norm|projector)\./],
};

/**
 * DistilBERT without a head: ids [B, T] to the last hidden states [B, T, dim].
 *
 * @example
 * const config = readDistilBertConfig({ dim: 8, n_heads: 2, n_layers: 2, hidden_dim: 16, vocab_size: 50 });
 * const model = new DistilBertModel(config, { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class DistilBertModel {
  embeddings: DistilBertEmbeddings;
  transformer: { layer: DistilBertLayer[] };
  readonly config: DistilBertConfig;

  static readonly architecture = 'DistilBertModel';
  static readonly readConfig = readDistilBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: DistilBertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.embeddings = new DistilBertEmbeddings(config, options);
    this.transformer = { layer: Array.from({ length: config.n_layers }, () => new DistilBertLayer(config, options)) };
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('DistilBertModel', ids);
    const sizes = sizesOf(ids, ctx);
    const places = placeIds('DistilBertModel', placesOf('DistilBertModel', ctx, sizes), this.config.max_position_embeddings, ids.backend);
    const mask = maskOf('DistilBertModel', ctx, sizes);
    let x = this.embeddings.forward(ids, places, ctx); // [B, T, dim]
    for (const [i, layer] of this.transformer.layer.entries()) x = layer.forward(x, blockContext(ctx, mask, i));
    return see(ctx, 'final', x);
  }
}

/**
 * The word that stands where a token is masked: logits [B, T, vocab_size].
 *
 * @example
 * const config = readDistilBertConfig({ dim: 8, n_heads: 2, n_layers: 2, hidden_dim: 16, vocab_size: 50 });
 * const model = new DistilBertForMaskedLM(config, { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class DistilBertForMaskedLM {
  distilbert: DistilBertModel;
  vocab_transform: Linear;
  vocab_layer_norm: LayerNorm;
  vocab_projector: { weight: Tensor; bias: Tensor };
  readonly config: DistilBertConfig;

  static readonly architecture = 'DistilBertForMaskedLM';
  static readonly readConfig = readDistilBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: DistilBertConfig, options: ModelOptions = {}) {
    this.config = config;
    const init = normal(options.rng, config.initializer_range);
    this.distilbert = new DistilBertModel(config, options);
    this.vocab_transform = head(config, config.dim, options);
    this.vocab_layer_norm = new LayerNorm(config.dim, { eps: 1e-12 });
    const words = this.distilbert.embeddings.word_embeddings.weight;
    const weight = config.tie_word_embeddings ? words : param([config.vocab_size, config.dim], init);
    this.vocab_projector = { weight, bias: param([config.vocab_size], constant(0)) };
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    const hidden = activations[this.config.activation](this.vocab_transform.forward(this.distilbert.forward(ids, ctx)));
    return project(this.vocab_layer_norm.forward(hidden), this.vocab_projector);
  }
}

/**
 * One of num_labels classes for each text: logits [B, num_labels].
 *
 * @example
 * const config = readDistilBertConfig({ dim: 8, n_heads: 2, n_layers: 2, hidden_dim: 16, vocab_size: 50 });
 * const model = new DistilBertForSequenceClassification(config, { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class DistilBertForSequenceClassification {
  distilbert: DistilBertModel;
  pre_classifier: Linear;
  classifier: Linear;
  readonly config: DistilBertConfig;

  static readonly architecture = 'DistilBertForSequenceClassification';
  static readonly readConfig = readDistilBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: DistilBertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.distilbert = new DistilBertModel(config, options);
    this.pre_classifier = head(config, config.dim, options);
    this.classifier = head(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    const first = relu(this.pre_classifier.forward(select(this.distilbert.forward(ids, ctx), 1, 0))); // [B, dim]
    return this.classifier.forward(dropout(first, this.config.seq_classif_dropout, ctx.rng));
  }
}

/**
 * One of num_labels classes for each token: logits [B, T, num_labels].
 *
 * @example
 * const config = readDistilBertConfig({ dim: 8, n_heads: 2, n_layers: 2, hidden_dim: 16, vocab_size: 50 });
 * const model = new DistilBertForTokenClassification(config, { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class DistilBertForTokenClassification {
  distilbert: DistilBertModel;
  classifier: Linear;
  readonly config: DistilBertConfig;

  static readonly architecture = 'DistilBertForTokenClassification';
  static readonly readConfig = readDistilBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: DistilBertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.distilbert = new DistilBertModel(config, options);
    this.classifier = head(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return this.classifier.forward(dropout(this.distilbert.forward(ids, ctx), this.config.dropout, ctx.rng));
  }
}

/**
 * Where in the text the answer to a question begins and where it ends: logits of both, each [B, T].
 *
 * @example
 * const config = readDistilBertConfig({ dim: 8, n_heads: 2, n_layers: 2, hidden_dim: 16, vocab_size: 50 });
 * const model = new DistilBertForQuestionAnswering(config, { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class DistilBertForQuestionAnswering {
  distilbert: DistilBertModel;
  qa_outputs: Linear;
  readonly config: DistilBertConfig;

  static readonly architecture = 'DistilBertForQuestionAnswering';
  static readonly readConfig = readDistilBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: DistilBertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.distilbert = new DistilBertModel(config, options);
    this.qa_outputs = head(config, 2, options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(dropout(this.distilbert.forward(ids, ctx), this.config.qa_dropout, ctx.rng)));
  }
}

/**
 * Which of several endings fits: ids (and the mask) [B, C, T] to logits [B, C].
 *
 * @example
 * const config = readDistilBertConfig({ dim: 8, n_heads: 2, n_layers: 2, hidden_dim: 16, vocab_size: 50 });
 * const model = new DistilBertForMultipleChoice(config, { rng: new Rng(1) });
 * model.forward(stack([ids, ids], 1)).shape; // [1, 2]
 */
export class DistilBertForMultipleChoice {
  distilbert: DistilBertModel;
  pre_classifier: Linear;
  classifier: Linear;
  readonly config: DistilBertConfig;

  static readonly architecture = 'DistilBertForMultipleChoice';
  static readonly readConfig = readDistilBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: DistilBertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.distilbert = new DistilBertModel(config, options);
    this.pre_classifier = head(config, config.dim, options);
    this.classifier = head(config, 1, options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return scoreChoices('DistilBertForMultipleChoice', ids, ctx, (texts, each) => {
      const first = relu(this.pre_classifier.forward(select(this.distilbert.forward(texts, each), 1, 0))); // [B · C, dim]
      return this.classifier.forward(dropout(first, this.config.seq_classif_dropout, each.rng));
    });
  }
}

function head(config: DistilBertConfig, width: number, { rng }: ModelOptions): Linear {
  return new Linear(config.dim, width, { init: normal(rng, config.initializer_range) });
}
