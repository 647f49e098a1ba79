import { type AttentionFn, splitHeads } from '@multihead/attention';
import { constant, Embedding, LayerNorm, Linear, normal } from '@multihead/layers';
import { add, dropout, param, select, type Tensor, tanh, zerosLike } from '@multihead/tensor';
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
import { present, scoreChoices, spansOf } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placeIds, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { TokenEmbedding } from '../parts/token-embedding.js';

/*
 * BERT: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", 2018. MiniLM and most sentence
 * encoders are BERTs, too: read them with `meanPooling`.
 *
 *   ids → word + position + token type → norm → n × (norm(x + attention(x)), norm(x + feed-forward(x))) → a head
 *
 * Unusual: norms come behind each sublayer; every token sees every other; two texts in one input are told apart by token types.
 */

export interface BertConfig {
  vocab_size: number;
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  intermediate_size: number;
  hidden_act: ActivationName;
  hidden_dropout_prob: number;
  attention_probs_dropout_prob: number;
  max_position_embeddings: number;
  type_vocab_size: number;
  initializer_range: number;
  layer_norm_eps: number;
  pad_token_id: number | null;
  /** Of the head; that of hidden layers if null. */
  classifier_dropout: number | null;
  tie_word_embeddings: boolean;
  id2label: string[] | null;
  num_labels: number | null;
}

/** The fields that BERT, RoBERTa and ELECTRA have in common, with BERT's defaults. */
export function bertFields() {
  return {
    vocab_size: size(30522),
    hidden_size: size(768),
    num_hidden_layers: layers(12),
    num_attention_heads: size(12),
    intermediate_size: size(3072),
    hidden_act: activation('gelu'),
    hidden_dropout_prob: share(0.1),
    attention_probs_dropout_prob: share(0.1),
    max_position_embeddings: size(512),
    type_vocab_size: size(2),
    initializer_range: positive(0.02),
    layer_norm_eps: positive(1e-12),
    pad_token_id: oneToken(0),
    classifier_dropout: maybe(share(0.1)),
    tie_word_embeddings: flag(true),
    id2label: labels(),
    num_labels: maybe(size(2)),
  };
}

/** Positions that depend on the distance of two tokens are not built. */
export const bertOnly = { position_embedding_type: ['absolute'] };

/** The first BERTs' description of their pooler, which was never another. */
const poolerKeys = `directionality pooler_type pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers
  pooler_size_per_head`.split(/\s+/);

/**
 * The config of a BERT from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readBertConfig(JSON.parse(text)); // the text of config.json
 */
export function readBertConfig(json: unknown): BertConfig {
  return readConfig<BertConfig>(json, {
    modelTypes: ['bert'],
    fields: bertFields(),
    ignored: poolerKeys,
    only: bertOnly,
    check: bertProblems,
  });
}

export function bertProblems(config: BertConfig): (string | false)[] {
  return [...headProblems(config.hidden_size, config.num_attention_heads), ...tokenProblems(config)];
}

export interface BertContext extends ForwardContext {
  /** int32 [B, T]: 0 in the first text, 1 in the second; all 0 if left out. */
  tokenTypes?: Tensor;
}

/** `padding` is a place that is not trained: RoBERTa's for padding. */
export class BertEmbeddings {
  word_embeddings: TokenEmbedding;
  position_embeddings: TokenEmbedding;
  token_type_embeddings: Embedding;
  LayerNorm: LayerNorm;
  readonly #dropout: number;

  constructor(config: BertConfig, { rng }: ModelOptions = {}, sizes: { width?: number; padding?: number } = {}) {
    const { width = config.hidden_size, padding = null } = sizes;
    const init = normal(rng, config.initializer_range);
    this.word_embeddings = new TokenEmbedding(config.vocab_size, width, { init, padding: config.pad_token_id });
    this.position_embeddings = new TokenEmbedding(config.max_position_embeddings, width, { init, padding });
    this.token_type_embeddings = new Embedding(config.type_vocab_size, width, { init });
    this.LayerNorm = new LayerNorm(width, { eps: config.layer_norm_eps });
    this.#dropout = config.hidden_dropout_prob;
  }

  /** ids [B, T] and places int32 [B or 1, T] to [B, T, E]. */
  forward(ids: Tensor, places: Tensor, { tokenTypes, rng }: BertContext): Tensor {
    const words = add(this.word_embeddings.forward(ids), this.token_type_embeddings.forward(tokenTypes ?? zerosLike(ids)));
    return dropout(this.LayerNorm.forward(add(words, this.position_embeddings.forward(places))), this.#dropout, rng);
  }
}

export class BertSelfAttention {
  query: Linear;
  key: Linear;
  value: Linear;
  readonly #heads: number;
  readonly #dropout: number;
  readonly #attention: AttentionFn | undefined;

  constructor(config: BertConfig, { rng, attention }: ModelOptions = {}) {
    const { hidden_size } = config;
    const project = () => new Linear(hidden_size, hidden_size, { init: normal(rng, config.initializer_range) });
    [this.query, this.key, this.value] = [project(), project(), project()];
    this.#heads = config.num_attention_heads;
    this.#dropout = config.attention_probs_dropout_prob;
    this.#attention = attention;
  }

  forward(x: Tensor, ctx: BlockContext): Tensor {
    const split = (part: Linear) => splitHeads(part.forward(x), this.#heads); // [B, H, T, D]
    return attendHeads(split(this.query), split(this.key), split(this.value), ctx, { dropout: this.#dropout, attention: this.#attention });
  }
}

/** LayerNorm(residual + dropout(dense(x))): how both sublayers end. */
export class BertOutput {
  dense: Linear;
  LayerNorm: LayerNorm;
  readonly #dropout: number;

  constructor(config: BertConfig, inFeatures: number, { rng }: ModelOptions = {}) {
    this.dense = new Linear(inFeatures, config.hidden_size, { init: normal(rng, config.initializer_range) });
    this.LayerNorm = new LayerNorm(config.hidden_size, { eps: config.layer_norm_eps });
    this.#dropout = config.hidden_dropout_prob;
  }

  forward(x: Tensor, residual: Tensor, ctx: BlockContext, name: string): Tensor {
    const out = see(ctx, `${ctx.at}.${name}`, dropout(this.dense.forward(x), this.#dropout, ctx.rng));
    return this.LayerNorm.forward(add(out, residual));
  }
}

export class BertLayer {
  attention: { self: BertSelfAttention; output: BertOutput };
  intermediate: { dense: Linear };
  output: BertOutput;
  readonly #activation: ActivationName;

  constructor(config: BertConfig, options: ModelOptions = {}) {
    const { hidden_size, intermediate_size } = config;
    this.attention = { self: new BertSelfAttention(config, options), output: new BertOutput(config, hidden_size, options) };
    this.intermediate = { dense: new Linear(hidden_size, intermediate_size, { init: normal(options.rng, config.initializer_range) }) };
    this.output = new BertOutput(config, intermediate_size, options);
    this.#activation = config.hidden_act;
  }

  forward(input: Tensor, ctx: BlockContext): Tensor {
    const x = see(ctx, `${ctx.at}.resid_pre`, input);
    const attended = this.attention.output.forward(this.attention.self.forward(x, ctx), x, ctx, 'attn_out');
    const hidden = activated(this.intermediate.dense, attended, this.#activation); // [B, T, intermediate_size]
    return see(ctx, `${ctx.at}.resid_post`, this.output.forward(hidden, attended, ctx, 'mlp_out'));
  }
}

export class BertEncoder {
  layer: BertLayer[];

  constructor(config: BertConfig, options: ModelOptions = {}) {
    this.layer = Array.from({ length: config.num_hidden_layers }, () => new BertLayer(config, options));
  }

  forward(embedded: Tensor, mask: Tensor | null, ctx: ForwardContext): Tensor {
    let x = embedded;
    for (const [i, layer] of this.layer.entries()) x = layer.forward(x, blockContext(ctx, mask, i));
    return see(ctx, 'final', x);
  }
}

export class BertPooler {
  dense: Linear;

  constructor(config: BertConfig, { rng }: ModelOptions = {}) {
    this.dense = new Linear(config.hidden_size, config.hidden_size, { init: normal(rng, config.initializer_range) });
  }

  /** tanh(dense(first token)): [B, T, E] to [B, E]. */
  forward(x: Tensor): Tensor {
    return tanh(this.dense.forward(select(x, 1, 0)));
  }
}

/** What checkpoints bring for tasks that a class is not for, and older names of norms. */
const checkpoint: CheckpointRules = {
  base: 'bert',
  rename: [
    [/LayerNorm\.gamma$/, 'LayerNorm.weight'],
    [/LayerNorm\.beta$/, 'LayerNorm.bias'],
  ],
  ignore: [/embeddings\.position_ids$/, /^(bert\.)?pooler\./, /^cls\./],
  parts: ['pooler'],
};

/**
 * BERT without a head: ids [B, T] to the last hidden states [B, T, E]; `pooled` reads them at the first token.
 *
 * @example
 * const model = new BertModel(readBertConfig({ num_hidden_layers: 2, hidden_size: 8, num_attention_heads: 2 }), { rng: new Rng(1) });
 * const hidden = model.forward(tensor(Int32Array.of(101, 7, 102), { shape: [1, 3] })); // [1, 3, 8]
 */
export class BertModel {
  embeddings: BertEmbeddings;
  encoder: BertEncoder;
  pooler: BertPooler | null;
  readonly config: BertConfig;

  static readonly architecture = 'BertModel';
  static readonly readConfig = readBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: BertConfig, options: ModelOptions & { pooler?: boolean } = {}) {
    this.config = config;
    this.embeddings = new BertEmbeddings(config, options);
    this.encoder = new BertEncoder(config, options);
    this.pooler = options.pooler === false ? null : new BertPooler(config, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    checkIds('BertModel', ids);
    const sizes = sizesOf(ids, ctx);
    const places = placeIds('BertModel', placesOf('BertModel', ctx, sizes), this.config.max_position_embeddings, ids.backend);
    return this.encoder.forward(this.embeddings.forward(ids, places, ctx), maskOf('BertModel', ctx, sizes), ctx);
  }

  /** What was trained to say whether the second text follows the first: tanh(dense(first token)), [B, E]. */
  pooled(hidden: Tensor): Tensor {
    return present('BertModel', this.pooler).forward(hidden);
  }
}

/** The part of the heads that turns hidden states into ones that look like embeddings again. */
export class BertLMPredictionHead {
  bias: Tensor;
  transform: { dense: Linear; LayerNorm: LayerNorm };
  decoder: { weight: Tensor; bias: Tensor };
  readonly #activation: ActivationName;

  constructor(config: BertConfig, words: TokenEmbedding, { rng }: ModelOptions = {}) {
    const init = normal(rng, config.initializer_range);
    this.bias = param([config.vocab_size], constant(0));
    this.transform = {
      dense: new Linear(config.hidden_size, config.hidden_size, { init }),
      LayerNorm: new LayerNorm(config.hidden_size, { eps: config.layer_norm_eps }),
    };
    const weight = config.tie_word_embeddings ? words.weight : param([config.vocab_size, config.hidden_size], init);
    this.decoder = { weight, bias: this.bias };
    this.#activation = config.hidden_act;
  }

  forward(x: Tensor): Tensor {
    const { dense, LayerNorm: norm } = this.transform;
    return project(norm.forward(activations[this.#activation](dense.forward(x))), this.decoder);
  }
}

/**
 * The word that stands where a token is masked: logits [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new BertForMaskedLM(readBertConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class BertForMaskedLM {
  bert: BertModel;
  cls: { predictions: BertLMPredictionHead };
  readonly config: BertConfig;

  static readonly architecture = 'BertForMaskedLM';
  static readonly readConfig = readBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: BertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.bert = new BertModel(config, { ...options, pooler: false });
    this.cls = { predictions: new BertLMPredictionHead(config, this.bert.embeddings.word_embeddings, options) };
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return this.cls.predictions.forward(this.bert.forward(ids, ctx));
  }
}

/**
 * What BERT was trained on: the masked words, and whether the second text follows the first (logits [B, 2]).
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new BertForPreTraining(readBertConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).seq_relationship_logits.shape; // [1, 2]
 */
export class BertForPreTraining {
  bert: BertModel;
  cls: { predictions: BertLMPredictionHead; seq_relationship: Linear };
  readonly config: BertConfig;

  static readonly architecture = 'BertForPreTraining';
  static readonly readConfig = readBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: BertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.bert = new BertModel(config, options);
    const predictions = new BertLMPredictionHead(config, this.bert.embeddings.word_embeddings, options);
    this.cls = { predictions, seq_relationship: head(config, 2, options) };
  }

  forward(ids: Tensor, ctx: BertContext = {}): { prediction_logits: Tensor; seq_relationship_logits: Tensor } {
    const hidden = this.bert.forward(ids, ctx);
    const follows = this.cls.seq_relationship.forward(this.bert.pooled(hidden));
    return { prediction_logits: this.cls.predictions.forward(hidden), seq_relationship_logits: follows };
  }
}

/**
 * Whether the second text follows the first: logits [B, 2], the larger one first where it does.
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new BertForNextSentencePrediction(readBertConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class BertForNextSentencePrediction {
  bert: BertModel;
  cls: { seq_relationship: Linear };
  readonly config: BertConfig;

  static readonly architecture = 'BertForNextSentencePrediction';
  static readonly readConfig = readBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: BertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.bert = new BertModel(config, options);
    this.cls = { seq_relationship: head(config, 2, options) };
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return this.cls.seq_relationship.forward(this.bert.pooled(this.bert.forward(ids, ctx)));
  }
}

/**
 * One of num_labels classes for each text: logits [B, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new BertForSequenceClassification(readBertConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class BertForSequenceClassification {
  bert: BertModel;
  classifier: Linear;
  readonly config: BertConfig;

  static readonly architecture = 'BertForSequenceClassification';
  static readonly readConfig = readBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: BertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.bert = new BertModel(config, options);
    this.classifier = head(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return this.classifier.forward(headDropout(this.bert.pooled(this.bert.forward(ids, ctx)), this.config, ctx));
  }
}

/**
 * One of num_labels classes for each token: logits [B, T, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new BertForTokenClassification(readBertConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class BertForTokenClassification {
  bert: BertModel;
  classifier: Linear;
  readonly config: BertConfig;

  static readonly architecture = 'BertForTokenClassification';
  static readonly readConfig = readBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: BertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.bert = new BertModel(config, { ...options, pooler: false });
    this.classifier = head(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return this.classifier.forward(headDropout(this.bert.forward(ids, ctx), this.config, ctx));
  }
}

/**
 * Where in the text the answer to a question begins and where it ends: logits of both, each [B, T].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new BertForQuestionAnswering(readBertConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class BertForQuestionAnswering {
  bert: BertModel;
  qa_outputs: Linear;
  readonly config: BertConfig;

  static readonly architecture = 'BertForQuestionAnswering';
  static readonly readConfig = readBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: BertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.bert = new BertModel(config, { ...options, pooler: false });
    this.qa_outputs = head(config, 2, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(this.bert.forward(ids, ctx)));
  }
}

/**
 * Which of several endings fits: ids (mask, token types) [B, C, T] to logits [B, C].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new BertForMultipleChoice(readBertConfig(sizes), { rng: new Rng(1) });
 * model.forward(stack([ids, ids], 1)).shape; // [1, 2]
 */
export class BertForMultipleChoice {
  bert: BertModel;
  classifier: Linear;
  readonly config: BertConfig;

  static readonly architecture = 'BertForMultipleChoice';
  static readonly readConfig = readBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: BertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.bert = new BertModel(config, options);
    this.classifier = head(config, 1, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return scoreChoices('BertForMultipleChoice', ids, ctx, (texts, each) =>
      this.classifier.forward(headDropout(this.bert.pooled(this.bert.forward(texts, each)), this.config, each)),
    );
  }
}

/** A linear head, for the models of BERT's kin, too. */
export function head(config: BertConfig, width: number, { rng }: ModelOptions): Linear {
  return new Linear(config.hidden_size, width, { init: normal(rng, config.initializer_range) });
}

export function headDropout(x: Tensor, config: BertConfig, { rng }: ForwardContext): Tensor {
  return dropout(x, config.classifier_dropout ?? config.hidden_dropout_prob, rng);
}
