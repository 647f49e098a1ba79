import { type AttentionFn, splitHeads } from '@multihead/attention';
import { Conv2d, LayerNorm, Linear, normal } from '@multihead/layers';
import {
  add,
  broadcastTo,
  concat,
  dropout,
  interpolate,
  param,
  reshape,
  select,
  ShapeError,
  slice,
  type Tensor,
  transpose,
} from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import {
  activation,
  countLabels,
  flag,
  headProblems,
  labels,
  layers,
  maybe,
  positive,
  readConfig,
  share,
  size,
} from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { type ActivationName, activated, activations } from '../parts/activation.js';
import { attendHeads } from '../parts/attend-heads.js';
import { present } from '../parts/heads.js';
import { blockContext } from '../parts/inputs.js';

/*
 * ViT: Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", 2020; DeiT without distillation is the
 * same model.
 *
 *   image [B, C, H, W] → patches → one vector each, cls in front → + positions → n × (x + attention(norm(x)), x + mlp(norm(x))) → norm
 *
 * Unusual: no tokens; a convolution whose stride is its size cuts the patches out; a learned vector in front gathers what is to be said of all.
 */

export interface ViTConfig {
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  intermediate_size: number;
  hidden_act: ActivationName;
  hidden_dropout_prob: number;
  attention_probs_dropout_prob: number;
  initializer_range: number;
  layer_norm_eps: number;
  image_size: number;
  patch_size: number;
  num_channels: number;
  /** Biases of queries, keys and values. */
  qkv_bias: boolean;
  pooler_output_size: number | null;
  pooler_act: ActivationName;
  id2label: string[] | null;
  num_labels: number | null;
}

/**
 * The config of a ViT from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readViTConfig(JSON.parse(text)); // the text of config.json
 */
export function readViTConfig(json: unknown): ViTConfig {
  return readConfig<ViTConfig>(json, {
    modelTypes: ['vit'],
    fields: {
      hidden_size: size(768),
      num_hidden_layers: layers(12),
      num_attention_heads: size(12),
      intermediate_size: size(3072),
      hidden_act: activation('gelu'),
      hidden_dropout_prob: share(0),
      attention_probs_dropout_prob: share(0),
      initializer_range: positive(0.02),
      layer_norm_eps: positive(1e-12),
      image_size: size(224),
      patch_size: size(16),
      num_channels: size(3),
      qkv_bias: flag(true),
      pooler_output_size: maybe(size(768)),
      pooler_act: activation('tanh'),
      id2label: labels(),
      num_labels: maybe(size(2)),
    },
    ignored: ['encoder_stride'], // of a head that draws images again
    check: (config) => [
      ...headProblems(config.hidden_size, config.num_attention_heads),
      config.patch_size > config.image_size && `patch_size: expected at most image_size, ${config.image_size}, got ${config.patch_size}`,
    ],
  });
}

export class ViTEmbeddings {
  cls_token: Tensor;
  position_embeddings: Tensor;
  patch_embeddings: { projection: Conv2d };
  readonly #config: ViTConfig;

  constructor(config: ViTConfig, { rng }: ModelOptions = {}) {
    const { hidden_size: width, image_size, patch_size, num_channels } = config;
    const init = normal(rng, config.initializer_range);
    const patches = Math.floor(image_size / patch_size) ** 2;
    this.cls_token = param([1, 1, width], init);
    this.position_embeddings = param([1, patches + 1, width], init);
    this.patch_embeddings = { projection: new Conv2d(num_channels, width, patch_size, { stride: patch_size, init }) };
    this.#config = config;
  }

  /** pixels [B, C, H, W] to [B, 1 + patches, E]. */
  forward(pixels: Tensor, ctx: ImageContext): Tensor {
    const grid = patchGrid('ViT', pixels, this.patch_embeddings.projection, { ...this.#config, ...ctx }); // [B, E, h, w]
    const [batch, width] = grid.shape as [number, number, number, number];
    const cls = broadcastTo(this.cls_token, [batch, 1, width]);
    const x = add(concat([cls, patchRows(grid)], 1), placesFor(grid, this.position_embeddings));
    return dropout(x, this.#config.hidden_dropout_prob, ctx.rng);
  }
}

/** What models of images take. */
export interface ImageContext extends ForwardContext {
  /** Takes images of other sizes, whose patches get places that lie between the learned ones. */
  interpolatePositions?: boolean;
}

/** An image cut into patches: [B, C, H, W] to [B, E, h, w]. Throws a ShapeError for an image that does not fit. */
export function patchGrid(
  model: string,
  pixels: Tensor,
  projection: Conv2d,
  options: { num_channels: number; image_size: number; patch_size: number; interpolatePositions?: boolean },
): Tensor {
  const { num_channels: channels, image_size: side, patch_size: patch, interpolatePositions } = options;
  const [, ...image] = pixels.shape;
  const fits = interpolatePositions ? image[0] === channels && image.slice(1).every((length) => length >= patch) : String(image) === String([channels, side, side]); // biome-ignore format: a choice
  if (pixels.rank !== 4 || !fits) {
    const expected = interpolatePositions ? `height of ${patch} or more, width of ${patch} or more` : `${side}, ${side}`;
    throw new ShapeError(`${model}: pixels: expected [batch, ${channels}, ${expected}], got [${pixels.shape.join(', ')}]`);
  }
  return projection.forward(pixels);
}

/** The patches row by row: [B, E, h, w] to [B, h · w, E]. */
export function patchRows(grid: Tensor): Tensor {
  const [batch, width, rows, columns] = grid.shape as [number, number, number, number];
  return transpose(reshape(grid, [batch, width, rows * columns]), 1, 2);
}

/** Places for a grid [B, E, h, w] from learned ones [1, 1 + s², E]: [1, 1 + h · w, E], interpolated where the grid is another. */
export function placesFor(grid: Tensor, table: Tensor): Tensor {
  const [, width, rows, columns] = grid.shape as [number, number, number, number];
  const side = Math.sqrt(table.shape[1]! - 1);
  if (rows === side && columns === side) return table;
  const learned = reshape(transpose(slice(table, 1, 1), 1, 2), [1, width, side, side]);
  const between = interpolate(learned, { size: [rows, columns], mode: 'bicubic' }); // [1, E, h, w]
  return concat([slice(table, 1, 0, 1), patchRows(between)], 1);
}

export class ViTSelfAttention {
  query: Linear;
  key: Linear;
  value: Linear;
  readonly #heads: number;
  readonly #dropout: number;
  readonly #attention: AttentionFn | undefined;

  constructor(config: ViTConfig, { rng, attention }: ModelOptions = {}) {
    const { hidden_size: width, qkv_bias: bias } = config;
    const project = () => new Linear(width, width, { bias, init: normal(rng, config.initializer_range) });
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

export class ViTLayer {
  attention: { attention: ViTSelfAttention; output: { dense: Linear } };
  intermediate: { dense: Linear };
  output: { dense: Linear };
  layernorm_before: LayerNorm;
  layernorm_after: LayerNorm;
  readonly #config: ViTConfig;

  constructor(config: ViTConfig, options: ModelOptions = {}) {
    const { hidden_size: width, intermediate_size: hidden, layer_norm_eps: eps } = config;
    const dense = (from: number, to: number) => ({ dense: new Linear(from, to, { init: normal(options.rng, config.initializer_range) }) });
    this.attention = { attention: new ViTSelfAttention(config, options), output: dense(width, width) };
    this.intermediate = dense(width, hidden);
    this.output = dense(hidden, width);
    this.layernorm_before = new LayerNorm(width, { eps });
    this.layernorm_after = new LayerNorm(width, { eps });
    this.#config = config;
  }

  forward(input: Tensor, ctx: BlockContext): Tensor {
    const { at, rng } = ctx;
    const { hidden_act, hidden_dropout_prob: p } = this.#config;
    const x = see(ctx, `${at}.resid_pre`, input);
    const { attention, output } = this.attention;
    const attended = dropout(output.dense.forward(attention.forward(this.layernorm_before.forward(x), ctx)), p, rng);
    const mid = add(x, see(ctx, `${at}.attn_out`, attended));
    const hidden = activated(this.intermediate.dense, this.layernorm_after.forward(mid), hidden_act);
    const fed = dropout(this.output.dense.forward(hidden), p, rng);
    return see(ctx, `${at}.resid_post`, add(mid, see(ctx, `${at}.mlp_out`, fed)));
  }
}

const checkpoint: CheckpointRules = { base: 'vit', ignore: [/^(vit\.)?pooler\./, /^classifier\./], parts: ['pooler'] };

/**
 * ViT without a head: pixels [B, C, H, W], normalised as the model was trained, to the last hidden states [B, 1 + patches, E]; `pooled` reads
 * them at the first.
 *
 * @example
 * const model = new ViTModel(readViTConfig({ image_size: 32, num_hidden_layers: 2 }), { rng: new Rng(1) });
 * model.forward(zeros([1, 3, 32, 32])).shape; // [1, 5, 768]
 */
export class ViTModel {
  embeddings: ViTEmbeddings;
  encoder: { layer: ViTLayer[] };
  layernorm: LayerNorm;
  pooler: { dense: Linear } | null;
  readonly config: ViTConfig;

  static readonly architecture = 'ViTModel';
  static readonly readConfig = readViTConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ViTConfig, options: ModelOptions & { pooler?: boolean } = {}) {
    this.config = config;
    this.embeddings = new ViTEmbeddings(config, options);
    this.encoder = { layer: Array.from({ length: config.num_hidden_layers }, () => new ViTLayer(config, options)) };
    this.layernorm = new LayerNorm(config.hidden_size, { eps: config.layer_norm_eps });
    const init = normal(options.rng, config.initializer_range);
    const width = config.pooler_output_size ?? config.hidden_size;
    this.pooler = options.pooler === false ? null : { dense: new Linear(config.hidden_size, width, { init }) };
  }

  forward(pixels: Tensor, ctx: ImageContext = {}): Tensor {
    let x = this.embeddings.forward(pixels, ctx); // [B, 1 + P, E]
    for (const [i, layer] of this.encoder.layer.entries()) x = layer.forward(x, blockContext(ctx, null, i));
    return see(ctx, 'final', this.layernorm.forward(x));
  }

  /** activation(dense(first)), [B, pooler_output_size]. */
  pooled(hidden: Tensor): Tensor {
    return activations[this.config.pooler_act](present('ViTModel', this.pooler).dense.forward(select(hidden, 1, 0)));
  }
}

/**
 * One of num_labels classes for each image: logits [B, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2 };
 * const model = new ViTForImageClassification(readViTConfig({ ...sizes, image_size: 32 }), { rng: new Rng(1) });
 * model.forward(pixels).shape; // [1, 2]
 */
export class ViTForImageClassification {
  vit: ViTModel;
  classifier: Linear;
  readonly config: ViTConfig;

  static readonly architecture = 'ViTForImageClassification';
  static readonly readConfig = readViTConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: ViTConfig, options: ModelOptions = {}) {
    this.config = config;
    this.vit = new ViTModel(config, { ...options, pooler: false });
    const init = normal(options.rng, config.initializer_range);
    this.classifier = new Linear(config.hidden_size, countLabels(config), { init });
  }

  forward(pixels: Tensor, ctx: ImageContext = {}): Tensor {
    return this.classifier.forward(select(this.vit.forward(pixels, ctx), 1, 0));
  }
}
