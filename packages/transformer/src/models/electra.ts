import { constant, LayerNorm, Linear, normal } from '@multihead/layers';
import { dropout, gelu, mean, param, type Rng, select, squeeze, type Tensor } from '@multihead/tensor';
import type { ModelOptions } from '../context.js';
import { activation, countLabels, flag, oneOf, orNull, readConfig, share, size } from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { type ActivationName, activations } from '../parts/activation.js';
import { scoreChoices, spansOf } from '../parts/heads.js';
import { checkIds, maskOf, placeIds, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import {
  BertEmbeddings,
  type BertConfig,
  type BertContext,
  BertEncoder,
  bertFields,
  bertOnly,
  bertProblems,
  head,
  headDropout,
} from './bert.js';

/*
 * ELECTRA: Clark et al., "ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators", 2020.
 *
 * BERT's layers. Unusual: embeddings may be narrower than hidden states and are widened by `embeddings_project`; what is pre-trained tells
 * for each token whether it was replaced.
 */

export interface ElectraConfig extends BertConfig {
  embedding_size: number;
  /** What of a text a head for several choices reads, and what it does with it. */
  summary_type: 'first' | 'last' | 'mean';
  summary_use_proj: boolean;
  summary_activation: ActivationName | null;
  summary_last_dropout: number;
}

/**
 * The config of an ELECTRA from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readElectraConfig(JSON.parse(text)); // the text of config.json
 */
export function readElectraConfig(json: unknown): ElectraConfig {
  return readConfig<ElectraConfig>(json, {
    modelTypes: ['electra'],
    fields: {
      ...bertFields(),
      embedding_size: size(128),
      hidden_size: size(256),
      num_attention_heads: size(4),
      intermediate_size: size(1024),
      summary_type: oneOf(['first', 'last', 'mean'], 'first'),
      summary_use_proj: flag(true),
      summary_activation: orNull('gelu', activation('gelu')),
      summary_last_dropout: share(0.1),
    },
    only: bertOnly,
    check: bertProblems,
  });
}

const checkpoint: CheckpointRules = {
  base: 'electra',
  rename: [
    [/LayerNorm\.gamma$/, 'LayerNorm.weight'],
    [/LayerNorm\.beta$/, 'LayerNorm.bias'],
  ],
  ignore: [/embeddings\.position_ids$/, /^discriminator_predictions\./, /^generator_(predictions|lm_head)\./],
};

/**
 * ELECTRA without a head: ids [B, T] to the last hidden states [B, T, E].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ElectraModel(readElectraConfig({ ...sizes, embedding_size: 4 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class ElectraModel {
  embeddings: BertEmbeddings;
  embeddings_project: Linear | null;
  encoder: BertEncoder;
  readonly config: ElectraConfig;

  static readonly architecture = 'ElectraModel';
  static readonly readConfig = readElectraConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ElectraConfig, options: ModelOptions = {}) {
    this.config = config;
    const { embedding_size, hidden_size } = config;
    this.embeddings = new BertEmbeddings(config, options, { width: embedding_size });
    const init = normal(options.rng, config.initializer_range);
    this.embeddings_project = embedding_size === hidden_size ? null : new Linear(embedding_size, hidden_size, { init });
    this.encoder = new BertEncoder(config, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    checkIds('ElectraModel', ids);
    const sizes = sizesOf(ids, ctx);
    const places = placeIds('ElectraModel', placesOf('ElectraModel', ctx, sizes), this.config.max_position_embeddings, ids.backend);
    const narrow = this.embeddings.forward(ids, places, ctx);
    return this.encoder.forward(this.embeddings_project?.forward(narrow) ?? narrow, maskOf('ElectraModel', ctx, sizes), ctx);
  }
}

export class ElectraDiscriminatorPredictions {
  dense: Linear;
  dense_prediction: Linear;
  readonly #activation: ActivationName;

  constructor(config: ElectraConfig, options: ModelOptions = {}) {
    this.dense = head(config, config.hidden_size, options);
    this.dense_prediction = head(config, 1, options);
    this.#activation = config.hidden_act;
  }

  forward(x: Tensor): Tensor {
    return squeeze(this.dense_prediction.forward(activations[this.#activation](this.dense.forward(x))), -1); // [B, T]
  }
}

/**
 * The discriminator: logits [B, T], above 0 where a token is likely to have been replaced.
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ElectraForPreTraining(readElectraConfig({ ...sizes, embedding_size: 4 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3]
 */
export class ElectraForPreTraining {
  electra: ElectraModel;
  discriminator_predictions: ElectraDiscriminatorPredictions;
  readonly config: ElectraConfig;

  static readonly architecture = 'ElectraForPreTraining';
  static readonly readConfig = readElectraConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ElectraConfig, options: ModelOptions = {}) {
    this.config = config;
    this.electra = new ElectraModel(config, options);
    this.discriminator_predictions = new ElectraDiscriminatorPredictions(config, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return this.discriminator_predictions.forward(this.electra.forward(ids, ctx));
  }
}

/**
 * The generator: the word that stands where a token is masked, logits [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ElectraForMaskedLM(readElectraConfig({ ...sizes, embedding_size: 4 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class ElectraForMaskedLM {
  electra: ElectraModel;
  generator_predictions: { LayerNorm: LayerNorm; dense: Linear };
  generator_lm_head: { weight: Tensor; bias: Tensor };
  readonly config: ElectraConfig;

  static readonly architecture = 'ElectraForMaskedLM';
  static readonly readConfig = readElectraConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ElectraConfig, options: ModelOptions = {}) {
    this.config = config;
    const { embedding_size, hidden_size, vocab_size } = config;
    const init = normal(options.rng, config.initializer_range);
    this.electra = new ElectraModel(config, options);
    this.generator_predictions = {
      LayerNorm: new LayerNorm(embedding_size, { eps: config.layer_norm_eps }),
      dense: new Linear(hidden_size, embedding_size, { init }),
    };
    const words = this.electra.embeddings.word_embeddings.weight;
    const weight = config.tie_word_embeddings ? words : param([vocab_size, embedding_size], init);
    this.generator_lm_head = { weight, bias: param([vocab_size], constant(0)) };
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    const { LayerNorm: norm, dense } = this.generator_predictions;
    const narrow = norm.forward(gelu(dense.forward(this.electra.forward(ids, ctx)))); // [B, T, embedding_size]
    return project(narrow, this.generator_lm_head);
  }
}

/** out_proj(gelu(dense(first token))), with dropout before each. */
export class ElectraClassificationHead {
  dense: Linear;
  out_proj: Linear;
  readonly #dropout: number;

  constructor(config: ElectraConfig, options: ModelOptions = {}) {
    this.dense = head(config, config.hidden_size, options);
    this.out_proj = head(config, countLabels(config), options);
    this.#dropout = config.classifier_dropout ?? config.hidden_dropout_prob;
  }

  forward(x: Tensor, rng?: Rng): Tensor {
    const first = dropout(select(x, 1, 0), this.#dropout, rng);
    return this.out_proj.forward(dropout(gelu(this.dense.forward(first)), this.#dropout, rng));
  }
}

/**
 * One of num_labels classes for each text: logits [B, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ElectraForSequenceClassification(readElectraConfig({ ...sizes, embedding_size: 4 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class ElectraForSequenceClassification {
  electra: ElectraModel;
  classifier: ElectraClassificationHead;
  readonly config: ElectraConfig;

  static readonly architecture = 'ElectraForSequenceClassification';
  static readonly readConfig = readElectraConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ElectraConfig, options: ModelOptions = {}) {
    this.config = config;
    this.electra = new ElectraModel(config, options);
    this.classifier = new ElectraClassificationHead(config, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return this.classifier.forward(this.electra.forward(ids, ctx), ctx.rng);
  }
}

/**
 * One of num_labels classes for each token: logits [B, T, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ElectraForTokenClassification(readElectraConfig({ ...sizes, embedding_size: 4 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class ElectraForTokenClassification {
  electra: ElectraModel;
  classifier: Linear;
  readonly config: ElectraConfig;

  static readonly architecture = 'ElectraForTokenClassification';
  static readonly readConfig = readElectraConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ElectraConfig, options: ModelOptions = {}) {
    this.config = config;
    this.electra = new ElectraModel(config, options);
    this.classifier = head(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return this.classifier.forward(headDropout(this.electra.forward(ids, ctx), this.config, ctx));
  }
}

/**
 * Where in the text the answer to a question begins and where it ends: logits of both, each [B, T].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ElectraForQuestionAnswering(readElectraConfig({ ...sizes, embedding_size: 4 }), { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class ElectraForQuestionAnswering {
  electra: ElectraModel;
  qa_outputs: Linear;
  readonly config: ElectraConfig;

  static readonly architecture = 'ElectraForQuestionAnswering';
  static readonly readConfig = readElectraConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ElectraConfig, options: ModelOptions = {}) {
    this.config = config;
    this.electra = new ElectraModel(config, options);
    this.qa_outputs = head(config, 2, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(this.electra.forward(ids, ctx)));
  }
}

/** dropout(activation(summary(x))) of one vector for each text: [B, T, E] to [B, E]. */
export class ElectraSequenceSummary {
  summary: Linear | null;
  readonly #config: ElectraConfig;

  constructor(config: ElectraConfig, options: ModelOptions = {}) {
    this.summary = config.summary_use_proj ? head(config, config.hidden_size, options) : null;
    this.#config = config;
  }

  forward(x: Tensor, rng?: Rng): Tensor {
    const { summary_type: type, summary_activation: act, summary_last_dropout: p } = this.#config;
    const one = type === 'mean' ? mean(x, { axis: 1 }) : select(x, 1, type === 'first' ? 0 : x.shape[1]! - 1); // [B, E]
    const projected = this.summary?.forward(one) ?? one;
    return dropout(act === null ? projected : activations[act](projected), p, rng);
  }
}

/**
 * Which of several endings fits: ids (mask, token types) [B, C, T] to logits [B, C].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ElectraForMultipleChoice(readElectraConfig({ ...sizes, embedding_size: 4 }), { rng: new Rng(1) });
 * model.forward(stack([ids, ids], 1)).shape; // [1, 2]
 */
export class ElectraForMultipleChoice {
  electra: ElectraModel;
  sequence_summary: ElectraSequenceSummary;
  classifier: Linear;
  readonly config: ElectraConfig;

  static readonly architecture = 'ElectraForMultipleChoice';
  static readonly readConfig = readElectraConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ElectraConfig, options: ModelOptions = {}) {
    this.config = config;
    this.electra = new ElectraModel(config, options);
    this.sequence_summary = new ElectraSequenceSummary(config, options);
    this.classifier = head(config, 1, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return scoreChoices('ElectraForMultipleChoice', ids, ctx, (texts, each) =>
      this.classifier.forward(this.sequence_summary.forward(this.electra.forward(texts, each), each.rng)),
    );
  }
}
