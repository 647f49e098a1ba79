import { constant, LayerNorm, Linear, normal } from '@multihead/layers';
import { add, cast, cumsum, dropout, gelu, mul, ne, param, type Rng, select, type Tensor, tanh } from '@multihead/tensor';
import type { ModelOptions } from '../context.js';
import { countLabels, integer, readConfig } from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { present, scoreChoices, spansOf } from '../parts/heads.js';
import { checkIds, maskOf, placeIds, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import {
  BertEmbeddings,
  type BertConfig,
  type BertContext,
  BertEncoder,
  BertPooler,
  bertFields,
  bertOnly,
  bertProblems,
  head,
  headDropout,
} from './bert.js';

/*
 * RoBERTa: Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach", 2019; XLM-R (Conneau et al., 2019) and CamemBERT (Martin
 * et al., 2019) are the same model of other languages.
 *
 * BERT's layers. Unusual: places are counted from pad_token_id + 1, over the tokens that are no padding; other heads.
 */

export interface RobertaConfig extends BertConfig {
  pad_token_id: number;
}

/**
 * The config of a RoBERTa from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readRobertaConfig(JSON.parse(text)); // the text of config.json
 */
export function readRobertaConfig(json: unknown): RobertaConfig {
  return readConfig<RobertaConfig>(json, {
    modelTypes: ['roberta', 'xlm-roberta', 'camembert'],
    fields: { ...bertFields(), pad_token_id: integer(1) },
    ignored: ['is_gpu'], // ChemBERTa's
    only: bertOnly,
    check: bertProblems,
  });
}

const checkpoint: CheckpointRules = {
  base: 'roberta',
  rename: [
    [/LayerNorm\.gamma$/, 'LayerNorm.weight'],
    [/LayerNorm\.beta$/, 'LayerNorm.bias'],
  ],
  ignore: [/embeddings\.position_ids$/, /^(roberta\.)?pooler\./, /^lm_head\./],
  parts: ['pooler'],
};

/**
 * RoBERTa without a head: ids [B, T] to the last hidden states [B, T, E]; `pooled` reads them at the first token.
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new RobertaModel(readRobertaConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class RobertaModel {
  embeddings: BertEmbeddings;
  encoder: BertEncoder;
  pooler: BertPooler | null;
  readonly config: RobertaConfig;

  static readonly architecture = 'RobertaModel';
  static readonly readConfig = readRobertaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: RobertaConfig, options: ModelOptions & { pooler?: boolean } = {}) {
    this.config = config;
    this.embeddings = new BertEmbeddings(config, options, { padding: config.pad_token_id });
    this.encoder = new BertEncoder(config, options);
    this.pooler = options.pooler === false ? null : new BertPooler(config, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    checkIds('RobertaModel', ids);
    const sizes = sizesOf(ids, ctx);
    const { max_position_embeddings: rows, pad_token_id: pad } = this.config;
    const places = ctx.positions
      ? placeIds('RobertaModel', placesOf('RobertaModel', ctx, sizes), rows, ids.backend)
      : placesAfter(ids, pad);
    return this.encoder.forward(this.embeddings.forward(ids, places, ctx), maskOf('RobertaModel', ctx, sizes), ctx);
  }

  /** tanh(dense(first token)), [B, E]. */
  pooled(hidden: Tensor): Tensor {
    return present('RobertaModel', this.pooler).forward(hidden);
  }
}

/** pad + 1, pad + 2 … for the tokens of each sample, and pad for padding: int32 [B, T]. */
function placesAfter(ids: Tensor, pad: number): Tensor {
  const real = cast(ne(ids, pad), 'int32');
  return add(mul(cumsum(real, 1), real), pad);
}

/** gelu(dense(x)) → norm → logits by the embedding. */
export class RobertaLMHead {
  bias: Tensor;
  dense: Linear;
  layer_norm: LayerNorm;
  decoder: { weight: Tensor; bias: Tensor };

  constructor(config: RobertaConfig, words: { weight: Tensor }, { rng }: ModelOptions = {}) {
    const init = normal(rng, config.initializer_range);
    this.bias = param([config.vocab_size], constant(0));
    this.dense = new Linear(config.hidden_size, config.hidden_size, { init });
    this.layer_norm = new LayerNorm(config.hidden_size, { eps: config.layer_norm_eps });
    const weight = config.tie_word_embeddings ? words.weight : param([config.vocab_size, config.hidden_size], init);
    this.decoder = { weight, bias: this.bias };
  }

  forward(x: Tensor): Tensor {
    return project(this.layer_norm.forward(gelu(this.dense.forward(x))), this.decoder);
  }
}

/**
 * The word that stands where a token is masked: logits [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new RobertaForMaskedLM(readRobertaConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class RobertaForMaskedLM {
  roberta: RobertaModel;
  lm_head: RobertaLMHead;
  readonly config: RobertaConfig;

  static readonly architecture = 'RobertaForMaskedLM';
  static readonly readConfig = readRobertaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: RobertaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.roberta = new RobertaModel(config, { ...options, pooler: false });
    this.lm_head = new RobertaLMHead(config, this.roberta.embeddings.word_embeddings, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return this.lm_head.forward(this.roberta.forward(ids, ctx));
  }
}

/** out_proj(tanh(dense(first token))), with dropout before each. */
export class RobertaClassificationHead {
  dense: Linear;
  out_proj: Linear;
  readonly #dropout: number;

  constructor(config: RobertaConfig, options: ModelOptions = {}) {
    this.dense = head(config, config.hidden_size, options);
    this.out_proj = head(config, countLabels(config), options);
    this.#dropout = config.classifier_dropout ?? config.hidden_dropout_prob;
  }

  forward(x: Tensor, rng?: Rng): Tensor {
    const first = dropout(select(x, 1, 0), this.#dropout, rng);
    return this.out_proj.forward(dropout(tanh(this.dense.forward(first)), this.#dropout, rng));
  }
}

/**
 * One of num_labels classes for each text: logits [B, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new RobertaForSequenceClassification(readRobertaConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class RobertaForSequenceClassification {
  roberta: RobertaModel;
  classifier: RobertaClassificationHead;
  readonly config: RobertaConfig;

  static readonly architecture = 'RobertaForSequenceClassification';
  static readonly readConfig = readRobertaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: RobertaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.roberta = new RobertaModel(config, { ...options, pooler: false });
    this.classifier = new RobertaClassificationHead(config, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return this.classifier.forward(this.roberta.forward(ids, ctx), ctx.rng);
  }
}

/**
 * One of num_labels classes for each token: logits [B, T, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new RobertaForTokenClassification(readRobertaConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class RobertaForTokenClassification {
  roberta: RobertaModel;
  classifier: Linear;
  readonly config: RobertaConfig;

  static readonly architecture = 'RobertaForTokenClassification';
  static readonly readConfig = readRobertaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: RobertaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.roberta = new RobertaModel(config, { ...options, pooler: false });
    this.classifier = head(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return this.classifier.forward(headDropout(this.roberta.forward(ids, ctx), this.config, ctx));
  }
}

/**
 * Where in the text the answer to a question begins and where it ends: logits of both, each [B, T].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new RobertaForQuestionAnswering(readRobertaConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class RobertaForQuestionAnswering {
  roberta: RobertaModel;
  qa_outputs: Linear;
  readonly config: RobertaConfig;

  static readonly architecture = 'RobertaForQuestionAnswering';
  static readonly readConfig = readRobertaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: RobertaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.roberta = new RobertaModel(config, { ...options, pooler: false });
    this.qa_outputs = head(config, 2, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    return spansOf(this.qa_outputs.forward(this.roberta.forward(ids, ctx)));
  }
}

/**
 * Which of several endings fits: ids (mask, token types) [B, C, T] to logits [B, C].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new RobertaForMultipleChoice(readRobertaConfig(sizes), { rng: new Rng(1) });
 * model.forward(stack([ids, ids], 1)).shape; // [1, 2]
 */
export class RobertaForMultipleChoice {
  roberta: RobertaModel;
  classifier: Linear;
  readonly config: RobertaConfig;

  static readonly architecture = 'RobertaForMultipleChoice';
  static readonly readConfig = readRobertaConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: RobertaConfig, options: ModelOptions = {}) {
    this.config = config;
    this.roberta = new RobertaModel(config, options);
    this.classifier = head(config, 1, options);
  }

  forward(ids: Tensor, ctx: BertContext = {}): Tensor {
    return scoreChoices('RobertaForMultipleChoice', ids, ctx, (texts, each) => {
      const pooled = this.roberta.pooled(this.roberta.forward(texts, each));
      return this.classifier.forward(dropout(pooled, this.config.hidden_dropout_prob, each.rng));
    });
  }
}
