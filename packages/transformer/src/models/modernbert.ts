import { type RopeTables, splitHeads } from '@multihead/attention';
import { constant, LayerNorm, Linear, normal } from '@multihead/layers';
import { argmax, cast, dropout, param, rope, select, slice, type Tensor } from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import {
  activation,
  countLabels,
  flag,
  headProblems,
  integer,
  isObject,
  labels,
  layers,
  maybe,
  oneOf,
  oneToken,
  positive,
  readConfig,
  share,
  size,
  tokenProblems,
} from '../loading/config.js';
import { type LayerType, layerProblems, layerTypes, withLayerTypes } from '../loading/layer-types.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { type RopeConfig, ropeProblems, twoRopes, withTwoRopes } from '../loading/rope.js';
import { type ActivationName, activatedGate, activations } from '../parts/activation.js';
import { attendHeads, type HeadOptions } from '../parts/attend-heads.js';
import { residualBlock } from '../parts/blocks.js';
import { rowsAt, scoreChoices, spansOf } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placesOf, sizesOf } from '../parts/inputs.js';
import { project } from '../parts/project.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import { twoRotaryTables } from '../parts/rotary.js';
import { meanPooling } from '../pooling.js';

/*
 * ModernBERT: Warner et al., "Smarter, Better, Faster, Longer: A Modern Bidirectional Encoder for Fast, Memory Efficient, and Long Context
 * Finetuning and Inference", 2024.
 *
 *   ids → tok_embeddings → norm → n × (x + attention(norm(x)), x + GeGLU(norm(x))) → final_norm → a head
 *
 * Unusual for a BERT: rotary positions; norms before each sublayer, except in front of the first; every third layer sees everything, the
 * others only `local_attention` tokens around each one, and turn by other frequencies.
 */

export interface ModernBertConfig {
  vocab_size: number;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  hidden_activation: ActivationName;
  max_position_embeddings: number;
  initializer_range: number;
  norm_eps: number;
  norm_bias: boolean;
  pad_token_id: number | null;
  rope_parameters: Record<LayerType, RopeConfig>;
  attention_bias: boolean;
  attention_dropout: number;
  layer_types: LayerType[];
  /** How many tokens a layer that slides sees, half of them on either side. */
  local_attention: number;
  embedding_dropout: number;
  mlp_bias: boolean;
  mlp_dropout: number;
  decoder_bias: boolean;
  classifier_pooling: 'cls' | 'mean';
  classifier_dropout: number;
  classifier_bias: boolean;
  classifier_activation: ActivationName;
  tie_word_embeddings: boolean;
  id2label: string[] | null;
  num_labels: number | null;
}

/**
 * The config of a ModernBERT from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readModernBertConfig(JSON.parse(text)); // the text of config.json
 */
export function readModernBertConfig(json: unknown): ModernBertConfig {
  const every = isObject(json) ? Number(json.global_attn_every_n_layers ?? 3) : 3;
  const typeOf = (i: number) => (i % every === 0 ? 'full_attention' : 'sliding_attention');
  return readConfig<ModernBertConfig>(withLayerTypes(withTwoRopes(json, { full: 160_000, sliding: 10_000 }), { layers: 22, typeOf }), {
    modelTypes: ['modernbert'],
    fields: {
      vocab_size: size(50368),
      hidden_size: size(768),
      intermediate_size: size(1152),
      num_hidden_layers: layers(22),
      num_attention_heads: size(12),
      hidden_activation: activation('gelu'),
      max_position_embeddings: size(8192),
      initializer_range: positive(0.02),
      norm_eps: positive(1e-5),
      norm_bias: flag(false),
      pad_token_id: oneToken(50283),
      rope_parameters: twoRopes(),
      attention_bias: flag(false),
      attention_dropout: share(0),
      layer_types: layerTypes(),
      local_attention: integer(128, { min: 0 }),
      embedding_dropout: share(0),
      mlp_bias: flag(false),
      mlp_dropout: share(0),
      decoder_bias: flag(true),
      classifier_pooling: oneOf(['cls', 'mean'], 'cls'),
      classifier_dropout: share(0),
      classifier_bias: flag(false),
      classifier_activation: activation('gelu'),
      tie_word_embeddings: flag(true),
      id2label: labels(),
      num_labels: maybe(size(2)),
    },
    // sparse_prediction leaves out logits in training that the loss does not look at; layer_norm_eps is norm_eps under another name.
    ignored: ['global_attn_every_n_layers', 'sparse_prediction', 'sparse_pred_ignore_index', 'layer_norm_eps', 'position_embedding_type'],
    also: ({ rope_parameters: { full_attention: full, sliding_attention: sliding } }) => ({
      global_rope_theta: full.rope_theta,
      local_rope_theta: sliding.rope_theta,
    }),
    check: (config) => [
      ...headProblems(config.hidden_size, config.num_attention_heads),
      ...tokenProblems(config),
      ...layerProblems({ ...config, sliding_window: config.local_attention }),
      ...Object.values(config.rope_parameters).flatMap((one) => ropeProblems(one, headDimOf(config), config.max_position_embeddings)),
    ],
  });
}

function headDimOf(config: ModernBertConfig): number {
  return config.hidden_size / config.num_attention_heads;
}

function normOf(config: ModernBertConfig): LayerNorm {
  return new LayerNorm(config.hidden_size, { eps: config.norm_eps, bias: config.norm_bias });
}

export class ModernBertAttention {
  Wqkv: Linear;
  Wo: Linear;
  readonly #heads: number;
  readonly #dropout: number;
  readonly #options: HeadOptions;

  constructor(config: ModernBertConfig, layer: number, { rng, attention }: ModelOptions = {}) {
    const { hidden_size: width, attention_bias: bias } = config;
    const init = normal(rng, config.initializer_range);
    this.Wqkv = new Linear(width, 3 * width, { init, bias });
    this.Wo = new Linear(width, width, { init, bias });
    this.#heads = config.num_attention_heads;
    this.#dropout = config.attention_dropout;
    const window = config.layer_types[layer] === 'sliding_attention' ? Math.floor(config.local_attention / 2) : undefined;
    this.#options = { window, dropout: config.attention_dropout, attention };
  }

  forward(x: Tensor, { cos, sin }: RopeTables, ctx: BlockContext): Tensor {
    const width = x.shape[2]!;
    const qkv = this.Wqkv.forward(x); // [B, T, 3E]
    const [q, k, v] = [0, 1, 2].map((i) => splitHeads(slice(qkv, 2, i * width, (i + 1) * width), this.#heads)) as [Tensor, Tensor, Tensor];
    const read = attendHeads(rope(q, cos, sin), rope(k, cos, sin), v, ctx, this.#options);
    return dropout(this.Wo.forward(read), this.#dropout, ctx.rng);
  }
}

export class ModernBertMLP {
  Wi: Linear;
  Wo: Linear;
  readonly #config: ModernBertConfig;

  constructor(config: ModernBertConfig, { rng }: ModelOptions = {}) {
    const { hidden_size: width, intermediate_size: hidden, mlp_bias: bias } = config;
    const init = normal(rng, config.initializer_range);
    this.Wi = new Linear(width, 2 * hidden, { init, bias });
    this.Wo = new Linear(hidden, width, { init, bias });
    this.#config = config;
  }

  forward(x: Tensor, { rng }: BlockContext): Tensor {
    const { intermediate_size: hidden, hidden_activation, mlp_dropout } = this.#config;
    const both = this.Wi.forward(x); // [B, T, 2 · hidden]
    const passed = activatedGate(slice(both, 2, 0, hidden), slice(both, 2, hidden, 2 * hidden), hidden_activation);
    return this.Wo.forward(dropout(passed, mlp_dropout, rng));
  }
}

export class ModernBertEncoderLayer {
  attn_norm: LayerNorm | null;
  attn: ModernBertAttention;
  mlp_norm: LayerNorm;
  mlp: ModernBertMLP;

  constructor(config: ModernBertConfig, layer: number, options: ModelOptions = {}) {
    this.attn_norm = layer === 0 ? null : normOf(config); // behind the embeddings stands one already
    this.attn = new ModernBertAttention(config, layer, options);
    this.mlp_norm = normOf(config);
    this.mlp = new ModernBertMLP(config, options);
  }

  forward(input: Tensor, tables: RopeTables, ctx: BlockContext): Tensor {
    const attend = (x: Tensor) => this.attn.forward(this.attn_norm?.forward(x) ?? x, tables, ctx);
    return residualBlock(input, ctx, attend, (x) => this.mlp.forward(this.mlp_norm.forward(x), ctx));
  }
}

const checkpoint: CheckpointRules = { base: 'model', ignore: [/^(head|decoder)\./, /\.inv_freq$/] };

/**
 * ModernBERT without a head: ids [B, T] to the last hidden states [B, T, E].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ModernBertModel(readModernBertConfig({ ...sizes, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class ModernBertModel {
  embeddings: { tok_embeddings: TokenEmbedding; norm: LayerNorm };
  layers: ModernBertEncoderLayer[];
  final_norm: LayerNorm;
  readonly config: ModernBertConfig;

  static readonly architecture = 'ModernBertModel';
  static readonly readConfig = readModernBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ModernBertConfig, options: ModelOptions = {}) {
    this.config = config;
    const init = normal(options.rng, config.initializer_range);
    this.embeddings = {
      tok_embeddings: new TokenEmbedding(config.vocab_size, config.hidden_size, { init, padding: config.pad_token_id }),
      norm: normOf(config),
    };
    this.layers = Array.from({ length: config.num_hidden_layers }, (_, i) => new ModernBertEncoderLayer(config, i, options));
    this.final_norm = normOf(config);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    checkIds('ModernBertModel', ids);
    const sizes = sizesOf(ids, ctx);
    const mask = maskOf('ModernBertModel', ctx, sizes);
    const tables = twoRotaryTables(this.config, headDimOf(this.config), placesOf('ModernBertModel', ctx, sizes), ids.backend);
    const embedded = this.embeddings.norm.forward(this.embeddings.tok_embeddings.forward(ids));
    let x = dropout(embedded, this.config.embedding_dropout, ctx.rng); // [B, T, E]
    for (const [i, layer] of this.layers.entries()) {
      x = layer.forward(x, tables[this.config.layer_types[i]!], blockContext(ctx, mask, i));
    }
    return see(ctx, 'final', this.final_norm.forward(x));
  }
}

/** norm(activation(dense(x))): what stands between the last hidden states and each head. */
export class ModernBertPredictionHead {
  dense: Linear;
  norm: LayerNorm;
  readonly #activation: ActivationName;

  constructor(config: ModernBertConfig, options: ModelOptions = {}) {
    this.dense = linearHead(config, config.hidden_size, options, config.classifier_bias);
    this.norm = normOf(config);
    this.#activation = config.classifier_activation;
  }

  forward(x: Tensor): Tensor {
    return this.norm.forward(activations[this.#activation](this.dense.forward(x)));
  }
}

/**
 * The word that stands where a token is masked: logits [B, T, vocab_size].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ModernBertForMaskedLM(readModernBertConfig({ ...sizes, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 50]
 */
export class ModernBertForMaskedLM {
  model: ModernBertModel;
  head: ModernBertPredictionHead;
  decoder: { weight: Tensor; bias: Tensor | null };
  readonly config: ModernBertConfig;

  static readonly architecture = 'ModernBertForMaskedLM';
  static readonly readConfig = readModernBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ModernBertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new ModernBertModel(config, options);
    this.head = new ModernBertPredictionHead(config, options);
    const words = this.model.embeddings.tok_embeddings.weight;
    const own = () => param([config.vocab_size, config.hidden_size], normal(options.rng, config.initializer_range));
    const bias = config.decoder_bias ? param([config.vocab_size], constant(0)) : null;
    this.decoder = { weight: config.tie_word_embeddings ? words : own(), bias };
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return project(this.head.forward(this.model.forward(ids, ctx)), this.decoder);
  }
}

/**
 * One of num_labels classes for each text: logits [B, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ModernBertForSequenceClassification(readModernBertConfig({ ...sizes, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 2]
 */
export class ModernBertForSequenceClassification {
  model: ModernBertModel;
  head: ModernBertPredictionHead;
  classifier: Linear;
  readonly config: ModernBertConfig;

  static readonly architecture = 'ModernBertForSequenceClassification';
  static readonly readConfig = readModernBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ModernBertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new ModernBertModel(config, options);
    this.head = new ModernBertPredictionHead(config, options);
    this.classifier = linearHead(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    const hidden = this.model.forward(ids, ctx);
    const one = this.config.classifier_pooling === 'cls' ? select(hidden, 1, 0) : meanPooling(hidden, ctx.mask); // [B, E]
    return this.classifier.forward(dropout(this.head.forward(one), this.config.classifier_dropout, ctx.rng));
  }
}

/**
 * One of num_labels classes for each token: logits [B, T, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ModernBertForTokenClassification(readModernBertConfig({ ...sizes, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 2]
 */
export class ModernBertForTokenClassification {
  model: ModernBertModel;
  head: ModernBertPredictionHead;
  classifier: Linear;
  readonly config: ModernBertConfig;

  static readonly architecture = 'ModernBertForTokenClassification';
  static readonly readConfig = readModernBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ModernBertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new ModernBertModel(config, options);
    this.head = new ModernBertPredictionHead(config, options);
    this.classifier = linearHead(config, countLabels(config), options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return this.classifier.forward(dropout(this.head.forward(this.model.forward(ids, ctx)), this.config.classifier_dropout, ctx.rng));
  }
}

/**
 * Where in the text the answer to a question begins and where it ends: logits of both, each [B, T].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ModernBertForQuestionAnswering(readModernBertConfig({ ...sizes, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(ids).start_logits.shape; // [1, 3]
 */
export class ModernBertForQuestionAnswering {
  model: ModernBertModel;
  head: ModernBertPredictionHead;
  classifier: Linear;
  readonly config: ModernBertConfig;

  static readonly architecture = 'ModernBertForQuestionAnswering';
  static readonly readConfig = readModernBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ModernBertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new ModernBertModel(config, options);
    this.head = new ModernBertPredictionHead(config, options);
    this.classifier = linearHead(config, 2, options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): { start_logits: Tensor; end_logits: Tensor } {
    const x = dropout(this.head.forward(this.model.forward(ids, ctx)), this.config.classifier_dropout, ctx.rng);
    return spansOf(this.classifier.forward(x));
  }
}

/**
 * Which of several endings fits: ids (and the mask) [B, C, T] to logits [B, C].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new ModernBertForMultipleChoice(readModernBertConfig({ ...sizes, pad_token_id: 0 }), { rng: new Rng(1) });
 * model.forward(stack([ids, ids], 1)).shape; // [1, 2]
 */
export class ModernBertForMultipleChoice {
  model: ModernBertModel;
  head: ModernBertPredictionHead;
  classifier: Linear;
  readonly config: ModernBertConfig;

  static readonly architecture = 'ModernBertForMultipleChoice';
  static readonly readConfig = readModernBertConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ModernBertConfig, options: ModelOptions = {}) {
    this.config = config;
    this.model = new ModernBertModel(config, options);
    this.head = new ModernBertPredictionHead(config, options);
    this.classifier = linearHead(config, 1, options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return scoreChoices('ModernBertForMultipleChoice', ids, ctx, (texts, each) => {
      const hidden = this.model.forward(texts, each);
      // The first token that is no padding, on whichever side padding stands.
      const first = () => (each.mask ? rowsAt(hidden, argmax(cast(each.mask, 'int32'), 1)) : select(hidden, 1, 0));
      const one = this.config.classifier_pooling === 'cls' ? first() : meanPooling(hidden, each.mask); // [B · C, E]
      return this.classifier.forward(dropout(this.head.forward(one), this.config.classifier_dropout, each.rng));
    });
  }
}

function linearHead(config: ModernBertConfig, width: number, { rng }: ModelOptions, bias = true): Linear {
  return new Linear(config.hidden_size, width, { bias, init: normal(rng, config.initializer_range) });
}
