import type { Tensor } from '@multihead/tensor';
import { ConfigError, describe } from '../loading/config.js';
import { baseOf, isHeadName, kindOf, modulesOf, type Place, vocabulariesOf } from '../parts/modules.js';
import { QuantizedEmbedding, QuantizedLinear } from '../quantize/layers.js';
import type { LoraConfig } from './config.js';
import { type Layer, LoraEmbedding, LoraLinear } from './layers.js';

/* Which modules of a model get adapters: names are matched as PEFT matches them. */

export interface Target extends Place {
  readonly layer: Layer;
  readonly r: number;
  readonly alpha: number;
}

/** The layer at a place, with or without adapters; null if it is none. */
export function layerOf({ module, path }: Place): Layer | null {
  if (module instanceof LoraLinear || module instanceof LoraEmbedding) return module.layer;
  const { weight, bias = null } = module as { weight: Tensor; bias?: Tensor | null };
  if (module instanceof QuantizedLinear || module instanceof QuantizedEmbedding) {
    const packed = module.weight;
    const kind = module instanceof QuantizedLinear || isHeadName(path) ? 'linear' : 'embedding';
    const [rows, columns] = [packed.packed.shape[0]!, packed.inFeatures];
    const transposed = module instanceof QuantizedLinear && module.transposed;
    return { kind, weight: packed, bias, sizes: kind === 'linear' ? [columns, rows] : [rows, columns], transposed };
  }
  const kind = kindOf(module);
  if (kind === null) return null;
  const [rows, columns] = weight.shape as [number, number];
  if (kind === 'embedding' && !isHeadName(path)) return { kind, weight, bias, sizes: [rows, columns], transposed: false };
  const transposed = kind === 'conv1d';
  return { kind: 'linear', weight, bias, sizes: transposed ? [rows, columns] : [columns, rows], transposed };
}

/** The layers of `model` that an adapter of this config sits on, in the order of the model. Throws a ConfigError if they are none, or no layers. */
export function targetsOf(model: object, config: LoraConfig): Target[] {
  const places = modulesOf(model);
  const found: Target[] = [];
  const strangers: string[] = [];
  for (const place of places) {
    const layer = layerOf(place);
    if (isExcluded(config, place.path)) continue;
    if (isAllLinear(config)) {
      if (layer?.kind !== 'linear' || isOutput(model, place, layer)) continue;
    } else if (!isMatched(config, place.path)) continue;
    if (layer === null || isOnlyAName(places, place, layer)) strangers.push(place.path);
    else found.push({ ...place, layer, ...ranksOf(config, place.path) });
  }
  if (strangers.length > 0) {
    const what = `linear layers, embeddings, and tables by the name under which they are used`;
    throw new ConfigError(`lora: target_modules: only ${what} can have adapters, and these are none: ${strangers.join(', ')}`);
  }
  if (found.length === 0) {
    const linear = new Set(places.filter((place) => layerOf(place)?.kind === 'linear').map(({ path }) => path.split('.').at(-1)));
    throw new ConfigError(
      `lora: target_modules: no module is called by ${describe(config.target_modules)}; linear layers are ${[...linear].join(', ')}`,
    );
  }
  if (config.use_dora && found.some(({ layer }) => layer.kind === 'embedding'))
    throw new ConfigError('lora: use_dora: is built for linear layers, and target_modules has embeddings');
  return found;
}

function isAllLinear({ target_modules: names }: LoraConfig): boolean {
  return typeof names === 'string' && names.toLowerCase() === 'all-linear';
}

/** The head over the vocabulary. */
function isOutput(model: object, { path }: Place, { sizes }: Layer): boolean {
  if (isHeadName(path)) return true;
  const base = baseOf(model);
  const outside = base === null ? !path.includes('.') : !path.startsWith(`${base}.`);
  return outside && vocabulariesOf((model as { config?: unknown }).config).has(sizes[1]);
}

/** T5's and BART's `shared`: what reads it has other names. */
function isOnlyAName(places: readonly Place[], { path, module }: Place, { kind }: Layer): boolean {
  const others = places.filter((place) => place.module === module && place.path !== path && !isHeadName(place.path));
  return kind === 'embedding' && others.length > 0 && path.split('.').at(-1) === 'shared';
}

/** True if `path` is one of the names, or ends with one behind a dot. */
export function endsWithOne(path: string, names: readonly string[]): boolean {
  return names.some((name) => path === name || path.endsWith(`.${name}`));
}

function isExcluded({ exclude_modules: names, modules_to_save: saved }: LoraConfig, path: string): boolean {
  if (saved?.some((name) => `.${path}.`.includes(`.${name}.`))) return true;
  return typeof names === 'string' ? matchesWhole(names, path) : names !== null && endsWithOne(path, names);
}

function isMatched(config: LoraConfig, path: string): boolean {
  const { target_modules: names, layers_to_transform: layers } = config;
  if (typeof names === 'string') return matchesWhole(names, path);
  if (names.includes(path)) return true;
  if (!endsWithOne(path, names)) return false;
  const wanted = layers === null ? [] : [layers].flat();
  return wanted.length === 0 || wanted.includes(layerNumber(config, path));
}

/** The number behind the name of the list of layers, or the first one in the path; NaN if there is none. */
function layerNumber({ layers_pattern: patterns }: LoraConfig, path: string): number {
  const lists = patterns === null ? [] : [patterns].flat();
  for (const pattern of lists.length === 0 ? ['[^.]*'] : lists) {
    const number = new RegExp(`^.*?\\.${pattern}\\.(\\d+)\\.`).exec(path)?.at(-1);
    if (number !== undefined) return Number(number);
  }
  return Number.NaN;
}

function matchesWhole(pattern: string, path: string): boolean {
  return new RegExp(`^(?:${pattern})$`).test(path);
}

/** The rank and alpha of a module: those of the first pattern that fits the end of its name. */
function ranksOf(config: LoraConfig, path: string): { r: number; alpha: number } {
  const of = (patterns: Readonly<Record<string, number>>, standard: number) => {
    const found = Object.keys(patterns).find((pattern) => new RegExp(`^(?:.*\\.)?(?:${pattern})$`).test(path));
    return found === undefined ? standard : patterns[found]!;
  };
  return { r: of(config.rank_pattern, config.r), alpha: of(config.alpha_pattern, config.lora_alpha) };
}

/** Names for `target_modules` of a file: their last parts, or the whole ones where other modules end alike. */
export function namesOf(model: object, targets: readonly string[]): string[] {
  const others = modulesOf(model).filter(({ path }) => !targets.includes(path));
  const ends = [...new Set(targets.map((path) => path.split('.').at(-1)!))];
  return others.some(({ path }) => endsWithOne(path, ends)) ? [...targets] : ends.sort();
}
