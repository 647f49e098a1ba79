import { type AttentionFn, splitHeads } from '@multihead/attention';
import { constant, Conv2d, Embedding, LayerNorm, Linear, normal } from '@multihead/layers';
import {
  add,
  argmax,
  broadcastTo,
  cast,
  concat,
  eq,
  exp,
  matmul,
  mean,
  mul,
  normalize,
  param,
  select,
  slice,
  type Tensor,
  transpose,
  unsqueeze,
} from '@multihead/tensor';
import { type BlockContext, type ForwardContext, type ModelOptions, see } from '../context.js';
import {
  activation,
  type ConfigJson,
  countLabels,
  headProblems,
  integer,
  isObject,
  labels,
  layers,
  maybe,
  number,
  oneToken,
  positive,
  readConfig,
  share,
  size,
  tokenId,
} from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { type ActivationName, activated } from '../parts/activation.js';
import { attendHeads, type HeadOptions } from '../parts/attend-heads.js';
import { rowsAt } from '../parts/heads.js';
import { blockContext, checkIds, maskOf, placeIds, placesOf, sizesOf } from '../parts/inputs.js';
import { type ImageContext, patchGrid, patchRows, placesFor } from './vit.js';
import { tableOf } from '../parts/project.js';

/*
 * CLIP: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021.
 *
 *   ids    → tokens + positions → causal blocks → norm → at the end token → text_projection   ─┐
 *   pixels → patches + positions → norm → blocks → norm of the first → visual_projection      ─┴→ cosines · exp(logit_scale)
 *
 * Pre-norm blocks on both sides. Unusual: a text is read at its end token, the largest id there is; texts look back only.
 */

export interface ClipTowerConfig {
  hidden_size: number;
  intermediate_size: number;
  projection_dim: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  hidden_act: ActivationName;
  layer_norm_eps: number;
  attention_dropout: number;
  initializer_range: number;
}

export interface CLIPTextConfig extends ClipTowerConfig {
  vocab_size: number;
  max_position_embeddings: number;
  /** 2 stands in older configs and means the largest id of each text; another id means its first place. */
  eos_token_id: number | number[] | null;
  pad_token_id: number | null;
}

export interface CLIPVisionConfig extends ClipTowerConfig {
  num_channels: number;
  image_size: number;
  patch_size: number;
}

export interface CLIPConfig {
  text_config: CLIPTextConfig;
  vision_config: CLIPVisionConfig;
  projection_dim: number;
  /** The logarithm of what cosines are multiplied by, at first. */
  logit_scale_init_value: number;
  id2label: string[] | null;
  num_labels: number | null;
}

function towerFields(standard: { hidden: number; inner: number; heads: number }) {
  return {
    hidden_size: size(standard.hidden),
    intermediate_size: size(standard.inner),
    projection_dim: size(512),
    num_hidden_layers: layers(12),
    num_attention_heads: size(standard.heads),
    hidden_act: activation('quick_gelu'),
    layer_norm_eps: positive(1e-5),
    attention_dropout: share(0),
    initializer_range: positive(0.02),
  };
}

/** transformers takes no notice of it in a tower. */
const towerIgnored = ['dropout'];

/**
 * The config of CLIP's text tower from config.json of a CLIPTextModel, or from its part of that of a CLIP. Throws a ConfigError that lists
 * everything that it cannot take.
 *
 * @example
 * const config = readCLIPTextConfig(JSON.parse(text)); // the text of config.json
 */
export function readCLIPTextConfig(json: unknown): CLIPTextConfig {
  return readConfig<CLIPTextConfig>(inner(json, 'text_config'), {
    modelTypes: ['clip_text_model'],
    fields: {
      ...towerFields({ hidden: 512, inner: 2048, heads: 8 }),
      vocab_size: size(49408),
      max_position_embeddings: size(77),
      eos_token_id: tokenId(49407),
      pad_token_id: oneToken(1),
    },
    ignored: towerIgnored,
    check: (config) => headProblems(config.hidden_size, config.num_attention_heads),
  });
}

/**
 * The config of CLIP's image tower from config.json of a CLIPVisionModel, or from its part of that of a CLIP. Throws a ConfigError that lists
 * everything that it cannot take.
 *
 * @example
 * const config = readCLIPVisionConfig(JSON.parse(text)); // the text of config.json
 */
export function readCLIPVisionConfig(json: unknown): CLIPVisionConfig {
  return readConfig<CLIPVisionConfig>(inner(json, 'vision_config'), {
    modelTypes: ['clip_vision_model'],
    fields: {
      ...towerFields({ hidden: 768, inner: 3072, heads: 12 }),
      num_channels: integer(3, { min: 1, max: 4096 }),
      image_size: size(224),
      patch_size: size(32),
    },
    ignored: towerIgnored,
    check: (config) => [
      ...headProblems(config.hidden_size, config.num_attention_heads),
      config.patch_size > config.image_size && `patch_size: expected at most image_size, ${config.image_size}, got ${config.patch_size}`,
    ],
  });
}

/** The part of a whole CLIP's config that is a tower's. */
function inner(json: unknown, key: string): unknown {
  return isObject(json) && json.model_type === 'clip' ? (json[key] ?? {}) : json;
}

/**
 * The config of a CLIP from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readCLIPConfig(JSON.parse(text)); // the text of config.json
 */
export function readCLIPConfig(json: unknown): CLIPConfig {
  const part =
    <T>(read: (json: unknown) => T) =>
    (value: unknown) =>
      read(value === null || value === undefined ? {} : value);
  return readConfig<CLIPConfig>(withoutOldDicts(json), {
    modelTypes: ['clip'],
    fields: {
      text_config: part(readCLIPTextConfig),
      vision_config: part(readCLIPVisionConfig),
      projection_dim: size(512),
      logit_scale_init_value: number(2.6592),
      id2label: labels(),
      num_labels: maybe(size(2)),
    },
  });
}

/** Before they were `text_config` and `vision_config`, both had another name, which counts where it stands. */
function withoutOldDicts(json: unknown): unknown {
  if (!isObject(json)) return json;
  const { text_config_dict: text, vision_config_dict: vision, ...rest } = json as ConfigJson;
  const join = (now: unknown, old: unknown) => (isObject(old) ? { ...(isObject(now) ? now : {}), ...old } : now);
  return { ...rest, text_config: join(rest.text_config, text), vision_config: join(rest.vision_config, vision) };
}

export class CLIPAttention {
  k_proj: Linear;
  v_proj: Linear;
  q_proj: Linear;
  out_proj: Linear;
  readonly #heads: number;
  readonly #options: HeadOptions;

  constructor(config: ClipTowerConfig, causal: boolean, { rng, attention }: { rng?: ModelOptions['rng']; attention?: AttentionFn } = {}) {
    const project = () => new Linear(config.hidden_size, config.hidden_size, { init: normal(rng, config.initializer_range) });
    [this.k_proj, this.v_proj, this.q_proj, this.out_proj] = [project(), project(), project(), project()];
    this.#heads = config.num_attention_heads;
    this.#options = { causal, dropout: config.attention_dropout, attention };
  }

  forward(x: Tensor, ctx: BlockContext): Tensor {
    const split = (part: Linear) => splitHeads(part.forward(x), this.#heads); // [B, H, T, D]
    return this.out_proj.forward(attendHeads(split(this.q_proj), split(this.k_proj), split(this.v_proj), ctx, this.#options));
  }
}

export class CLIPEncoderLayer {
  self_attn: CLIPAttention;
  layer_norm1: LayerNorm;
  mlp: { fc1: Linear; fc2: Linear };
  layer_norm2: LayerNorm;
  readonly #activation: ActivationName;

  constructor(config: ClipTowerConfig, causal: boolean, options: ModelOptions = {}) {
    const { hidden_size: width, intermediate_size: hidden, layer_norm_eps: eps } = config;
    const init = normal(options.rng, config.initializer_range);
    this.self_attn = new CLIPAttention(config, causal, options);
    this.layer_norm1 = new LayerNorm(width, { eps });
    this.mlp = { fc1: new Linear(width, hidden, { init }), fc2: new Linear(hidden, width, { init }) };
    this.layer_norm2 = new LayerNorm(width, { eps });
    this.#activation = config.hidden_act;
  }

  forward(input: Tensor, ctx: BlockContext): Tensor {
    const { at } = ctx;
    const x = see(ctx, `${at}.resid_pre`, input);
    const mid = add(x, see(ctx, `${at}.attn_out`, this.self_attn.forward(this.layer_norm1.forward(x), ctx)));
    const fed = this.mlp.fc2.forward(activated(this.mlp.fc1, this.layer_norm2.forward(mid), this.#activation));
    return see(ctx, `${at}.resid_post`, add(mid, see(ctx, `${at}.mlp_out`, fed)));
  }
}

export class CLIPTextTransformer {
  embeddings: { token_embedding: Embedding; position_embedding: Embedding };
  encoder: { layers: CLIPEncoderLayer[] };
  final_layer_norm: LayerNorm;
  readonly #config: CLIPTextConfig;

  constructor(config: CLIPTextConfig, options: ModelOptions = {}) {
    const init = normal(options.rng, config.initializer_range);
    this.embeddings = {
      token_embedding: new Embedding(config.vocab_size, config.hidden_size, { init }),
      position_embedding: new Embedding(config.max_position_embeddings, config.hidden_size, { init }),
    };
    this.encoder = { layers: Array.from({ length: config.num_hidden_layers }, () => new CLIPEncoderLayer(config, true, options)) };
    this.final_layer_norm = new LayerNorm(config.hidden_size, { eps: config.layer_norm_eps });
    this.#config = config;
  }

  /** ids [B, T] to the last hidden states [B, T, E]. */
  forward(ids: Tensor, ctx: ForwardContext, stack = ''): Tensor {
    checkIds('CLIP', ids);
    const sizes = sizesOf(ids, {});
    const mask = maskOf('CLIP', ctx, sizes);
    const places = placeIds('CLIP', placesOf('CLIP', ctx, sizes), this.#config.max_position_embeddings, ids.backend);
    const { token_embedding, position_embedding } = this.embeddings;
    let x = add(token_embedding.forward(ids), position_embedding.forward(places)); // [B, T, E]
    for (const [i, layer] of this.encoder.layers.entries())
      x = layer.forward(x, blockContext({ ...ctx, cache: undefined }, mask, i, stack));
    return see(ctx, `${stack}final`, this.final_layer_norm.forward(x));
  }

  /** The hidden states at the end token of each text, [B, E]. */
  pooled(hidden: Tensor, ids: Tensor): Tensor {
    const { eos_token_id: end } = this.#config;
    const ends = typeof end === 'number' && end !== 2 ? cast(eq(ids, end), 'int32') : ids;
    return rowsAt(hidden, argmax(ends, 1));
  }
}

export class CLIPVisionTransformer {
  embeddings: { class_embedding: Tensor; patch_embedding: Conv2d; position_embedding: Embedding };
  pre_layrnorm: LayerNorm;
  encoder: { layers: CLIPEncoderLayer[] };
  post_layernorm: LayerNorm;
  readonly #config: CLIPVisionConfig;

  constructor(config: CLIPVisionConfig, options: ModelOptions = {}) {
    const { hidden_size: width, image_size, patch_size, num_channels, layer_norm_eps: eps } = config;
    const init = normal(options.rng, config.initializer_range);
    const patches = Math.floor(image_size / patch_size) ** 2;
    this.embeddings = {
      class_embedding: param([width], init),
      patch_embedding: new Conv2d(num_channels, width, patch_size, { stride: patch_size, bias: false, init }),
      position_embedding: new Embedding(patches + 1, width, { init }),
    };
    this.pre_layrnorm = new LayerNorm(width, { eps });
    this.encoder = { layers: Array.from({ length: config.num_hidden_layers }, () => new CLIPEncoderLayer(config, false, options)) };
    this.post_layernorm = new LayerNorm(width, { eps });
    this.#config = config;
  }

  /** pixels [B, C, H, W] to the last hidden states [B, 1 + patches, E]. */
  forward(pixels: Tensor, ctx: ImageContext, stack = ''): Tensor {
    const { class_embedding, patch_embedding, position_embedding } = this.embeddings;
    const grid = patchGrid('CLIP', pixels, patch_embedding, { ...this.#config, ...ctx }); // [B, E, h, w]
    const first = broadcastTo(class_embedding, [grid.shape[0]!, 1, grid.shape[1]!]);
    const places = placesFor(grid, unsqueeze(tableOf(position_embedding), 0));
    let x = this.pre_layrnorm.forward(add(concat([first, patchRows(grid)], 1), places)); // [B, 1 + P, E]
    for (const [i, layer] of this.encoder.layers.entries())
      x = layer.forward(x, blockContext({ ...ctx, cache: undefined }, null, i, stack));
    return see(ctx, `${stack}final`, x);
  }

  /** The first of the hidden states, normed: [B, E]. */
  pooled(hidden: Tensor): Tensor {
    return this.post_layernorm.forward(select(hidden, 1, 0));
  }
}

const checkpoint: CheckpointRules = { ignore: [/embeddings\.position_ids$/] };
/** What a tower leaves aside of a whole CLIP. */
const beside = { text: /^(vision_model|visual_projection)\./, vision: /^(text_model|text_projection)\./ };

export interface CLIPOutput {
  /** Cosines times exp(logit_scale): [images, texts], and the other way round. */
  logits_per_image: Tensor;
  logits_per_text: Tensor;
  /** Of length 1, [texts, projection_dim] and [images, projection_dim]. */
  text_embeds: Tensor;
  image_embeds: Tensor;
}

/**
 * How well texts and images fit one another. The names of activations begin with `text.` and `vision.`.
 *
 * @example
 * const { logits_per_image } = model.forward({ ids, pixels }, { mask }); // softmax over its rows: which text for each image
 */
export class CLIPModel {
  logit_scale: Tensor;
  text_model: CLIPTextTransformer;
  vision_model: CLIPVisionTransformer;
  visual_projection: Linear;
  text_projection: Linear;
  readonly config: CLIPConfig;

  static readonly architecture = 'CLIPModel';
  static readonly readConfig = readCLIPConfig;
  static readonly checkpoint = checkpoint;

  constructor(config: CLIPConfig, options: ModelOptions = {}) {
    this.config = config;
    const { text_config, vision_config, projection_dim } = config;
    this.logit_scale = param([], constant(config.logit_scale_init_value));
    this.text_model = new CLIPTextTransformer(text_config, options);
    this.vision_model = new CLIPVisionTransformer(vision_config, options);
    const project = (from: number) => new Linear(from, projection_dim, { bias: false, init: normal(options.rng, from ** -0.5) });
    this.visual_projection = project(vision_config.hidden_size);
    this.text_projection = project(text_config.hidden_size);
  }

  forward({ ids, pixels }: { ids: Tensor; pixels: Tensor }, ctx: ImageContext = {}): CLIPOutput {
    const text_embeds = this.embedText(ids, ctx);
    const image_embeds = this.embedImage(pixels, ctx);
    const logits_per_text = mul(matmul(text_embeds, transpose(image_embeds)), exp(this.logit_scale));
    return { logits_per_image: transpose(logits_per_text), logits_per_text, text_embeds, image_embeds };
  }

  /** Texts, ids [B, T], as vectors of length 1: [B, projection_dim]. */
  embedText(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    const hidden = this.text_model.forward(ids, ctx, 'text.');
    return normalize(this.text_projection.forward(this.text_model.pooled(hidden, ids)));
  }

  /** Images, pixels [B, C, H, W], as vectors of length 1: [B, projection_dim]. */
  embedImage(pixels: Tensor, ctx: ImageContext = {}): Tensor {
    const hidden = this.vision_model.forward(pixels, ctx, 'vision.');
    return normalize(this.visual_projection.forward(this.vision_model.pooled(hidden)));
  }
}

/**
 * Texts alone, as vectors that are compared with those of images: ids [B, T] to [B, projection_dim], not of length 1.
 *
 * @example
 * const model = await load(CLIPTextModelWithProjection, 'openai/clip-vit-base-patch32');
 * const vectors = normalize(model.forward(ids, { mask }));
 */
export class CLIPTextModelWithProjection {
  text_model: CLIPTextTransformer;
  text_projection: Linear;
  readonly config: CLIPTextConfig;

  static readonly architecture = 'CLIPTextModelWithProjection';
  static readonly readConfig = readCLIPTextConfig;
  static readonly checkpoint: CheckpointRules = { ignore: [...checkpoint.ignore!, beside.text, /^logit_scale$/] };

  constructor(config: CLIPTextConfig, options: ModelOptions = {}) {
    this.config = config;
    this.text_model = new CLIPTextTransformer(config, options);
    const init = normal(options.rng, config.hidden_size ** -0.5);
    this.text_projection = new Linear(config.hidden_size, config.projection_dim, { bias: false, init });
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return this.text_projection.forward(this.text_model.pooled(this.text_model.forward(ids, ctx), ids));
  }
}

/**
 * Images alone, as vectors that are compared with those of texts: pixels [B, C, H, W] to [B, projection_dim], not of length 1.
 *
 * @example
 * const model = await load(CLIPVisionModelWithProjection, 'openai/clip-vit-base-patch32');
 * const vectors = normalize(model.forward(pixels));
 */
export class CLIPVisionModelWithProjection {
  vision_model: CLIPVisionTransformer;
  visual_projection: Linear;
  readonly config: CLIPVisionConfig;

  static readonly architecture = 'CLIPVisionModelWithProjection';
  static readonly readConfig = readCLIPVisionConfig;
  static readonly checkpoint: CheckpointRules = { ignore: [...checkpoint.ignore!, beside.vision, /^logit_scale$/] };

  constructor(config: CLIPVisionConfig, options: ModelOptions = {}) {
    this.config = config;
    this.vision_model = new CLIPVisionTransformer(config, options);
    const init = normal(options.rng, config.hidden_size ** -0.5);
    this.visual_projection = new Linear(config.hidden_size, config.projection_dim, { bias: false, init });
  }

  forward(pixels: Tensor, ctx: ImageContext = {}): Tensor {
    return this.visual_projection.forward(this.vision_model.pooled(this.vision_model.forward(pixels, ctx)));
  }
}

/**
 * The text tower as it is: ids [B, T] to the last hidden states [B, T, E], by which images are made; `pooled` reads them at the end token.
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, vocab_size: 50 };
 * const model = new CLIPTextModel(readCLIPTextConfig(sizes), { rng: new Rng(1) });
 * model.forward(ids).shape; // [1, 3, 8]
 */
export class CLIPTextModel {
  text_model: CLIPTextTransformer;
  readonly config: CLIPTextConfig;

  static readonly architecture = 'CLIPTextModel';
  static readonly readConfig = readCLIPTextConfig;
  static readonly checkpoint: CheckpointRules = {
    ignore: [...checkpoint.ignore!, beside.text, /^(text_projection\.|logit_scale$)/],
  };

  constructor(config: CLIPTextConfig, options: ModelOptions = {}) {
    this.config = config;
    this.text_model = new CLIPTextTransformer(config, options);
  }

  forward(ids: Tensor, ctx: ForwardContext = {}): Tensor {
    return this.text_model.forward(ids, ctx);
  }

  /** The hidden states at the end token of each text, [B, E]. */
  pooled(hidden: Tensor, ids: Tensor): Tensor {
    return this.text_model.pooled(hidden, ids);
  }
}

/**
 * The image tower as it is: pixels [B, C, H, W] to the last hidden states [B, 1 + patches, E]; `pooled` reads them at the first.
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, image_size: 32, patch_size: 16 };
 * const model = new CLIPVisionModel(readCLIPVisionConfig(sizes), { rng: new Rng(1) });
 * model.forward(pixels).shape; // [1, 5, 8]
 */
export class CLIPVisionModel {
  vision_model: CLIPVisionTransformer;
  readonly config: CLIPVisionConfig;

  static readonly architecture = 'CLIPVisionModel';
  static readonly readConfig = readCLIPVisionConfig;
  static readonly checkpoint: CheckpointRules = {
    ignore: [...checkpoint.ignore!, beside.vision, /^(visual_projection\.|logit_scale$)/],
  };

  constructor(config: CLIPVisionConfig, options: ModelOptions = {}) {
    this.config = config;
    this.vision_model = new CLIPVisionTransformer(config, options);
  }

  forward(pixels: Tensor, ctx: ImageContext = {}): Tensor {
    return this.vision_model.forward(pixels, ctx);
  }

  /** The first of the hidden states, normed: [B, E]. */
  pooled(hidden: Tensor): Tensor {
    return this.vision_model.pooled(hidden);
  }
}

/**
 * One of num_labels classes for each image, from the mean of its patches: pixels [B, C, H, W] to logits [B, num_labels].
 *
 * @example
 * const sizes = { hidden_size: 8, intermediate_size: 16, num_attention_heads: 2, num_hidden_layers: 2, image_size: 32, patch_size: 16 };
 * const model = new CLIPForImageClassification(readCLIPConfig({ vision_config: sizes }), { rng: new Rng(1) });
 * model.forward(pixels).shape; // [1, 2]
 */
export class CLIPForImageClassification {
  vision_model: CLIPVisionTransformer;
  classifier: Linear;
  readonly config: CLIPConfig;

  static readonly architecture = 'CLIPForImageClassification';
  static readonly readConfig = readCLIPConfig;
  static readonly checkpoint: CheckpointRules = {
    ignore: [...checkpoint.ignore!, beside.vision, /^(visual_projection\.|logit_scale$)/],
    head: /^classifier\./,
  };

  constructor(config: CLIPConfig, options: ModelOptions = {}) {
    this.config = config;
    const { vision_config: vision } = config;
    this.vision_model = new CLIPVisionTransformer(vision, options);
    this.classifier = new Linear(vision.hidden_size, countLabels(config), { init: normal(options.rng, vision.hidden_size ** -0.5) });
  }

  forward(pixels: Tensor, ctx: ImageContext = {}): Tensor {
    const hidden = this.vision_model.forward(pixels, ctx); // [B, 1 + P, E]
    return this.classifier.forward(mean(slice(hidden, 1, 1), { axis: 1 }));
  }
}
