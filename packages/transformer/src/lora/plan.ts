import { kaimingUniform, normal } from '@multihead/layers';
import { keep, mul, noGrad, param, type Rng, type Tensor, tidy, zeros } from '@multihead/tensor';
import type { LoraConfig } from './config.js';
import type { AdapterSettings } from './layers.js';
import { type OwnPlace, ownPlacesOf } from './own-tensors.js';
import { type Target, targetsOf } from './targets.js';

/* All that an adapter will have, before any of it is there: names and shapes, and how the first values are had. */

/** One tensor of an adapter. */
export interface PlannedTensor {
  /** What a file calls it, behind `base_model.model.`. */
  readonly key: string;
  readonly shape: readonly number[];
  readonly optional: boolean;
  /** Makes the first value; null: it is had from the others, once they are there. */
  readonly first: ((shape: readonly number[], rng: Rng | undefined) => Tensor) | null;
}

export interface PlannedLayer {
  readonly target: Target;
  readonly settings: AdapterSettings;
  /** By PEFT's name: lora_A, lora_B … */
  readonly tensors: Readonly<Record<string, PlannedTensor>>;
}

export interface Plan {
  readonly layers: readonly PlannedLayer[];
  readonly own: readonly { place: OwnPlace; tensor: PlannedTensor }[];
}

/** Throws a ConfigError where the config does not fit the model. */
export function planOf(model: object, config: LoraConfig, isTrained: (tensor: Tensor) => boolean): Plan {
  const targets = targetsOf(model, config);
  const own = ownPlacesOf(model, config, targets, isTrained).map((place) => ({
    place,
    tensor: { key: place.key, shape: place.original.shape, optional: place.optional, first: () => copyOf(place.original) },
  }));
  return { layers: targets.map((target) => plannedLayer(target, config)), own };
}

/** Every tensor of a plan. */
export function plannedTensors({ layers, own }: Plan): PlannedTensor[] {
  return [...layers.flatMap(({ tensors }) => Object.values(tensors)), ...own.map(({ tensor }) => tensor)];
}

function plannedLayer(target: Target, config: LoraConfig): PlannedLayer {
  const { r, alpha, layer } = target;
  const settings = { scaling: alpha / (config.use_rslora ? Math.sqrt(r) : r), dropout: config.lora_dropout };
  const of = layer.kind === 'embedding' ? embeddingTensors : linearTensors;
  return { target, settings, tensors: of(target, config) };
}

/** Of a table, A begins at 0, as a row of it is looked up. */
function embeddingTensors({ r, path, layer }: Target, { init_lora_weights: init }: LoraConfig): Record<string, PlannedTensor> {
  const [rows, dim] = layer.sizes;
  return {
    lora_embedding_A: { key: `${path}.lora_embedding_A`, shape: [r, rows], optional: false, first: init === false ? gaussian(1) : zero },
    lora_embedding_B: { key: `${path}.lora_embedding_B`, shape: [dim, r], optional: false, first: gaussian(1) },
  };
}

function linearTensors({ r, path, layer }: Target, config: LoraConfig): Record<string, PlannedTensor> {
  const { init_lora_weights: init, use_dora } = config;
  const [inFeatures, outFeatures] = layer.sizes;
  const magnitude = { key: `${path}.lora_magnitude_vector`, shape: [outFeatures], optional: false, first: null };
  return {
    lora_A: {
      key: `${path}.lora_A.weight`,
      shape: [r, inFeatures],
      optional: false,
      first: init === 'gaussian' ? gaussian(1 / r) : uniform,
    },
    lora_B: { key: `${path}.lora_B.weight`, shape: [outFeatures, r], optional: false, first: init === false ? uniform : zero },
    ...(use_dora && { lora_magnitude_vector: magnitude }),
  };
}

type First = (shape: readonly number[], rng: Rng | undefined) => Tensor;

const zero: First = (shape) => keep(zeros(shape));
const uniform: First = (shape, rng) => param(shape, kaimingUniform(rng));

function gaussian(std: number): First {
  return (shape, rng) => param(shape, normal(rng, std));
}

function copyOf(x: Tensor): Tensor {
  return noGrad(() => keep(tidy(() => mul(x, 1))));
}
