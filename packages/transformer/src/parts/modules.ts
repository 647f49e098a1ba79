import { Embedding, Linear } from '@multihead/layers';
import { Tensor } from '@multihead/tensor';
import { Conv1D } from './conv1d.js';
import { TokenEmbedding } from './token-embedding.js';

/* The modules of a model by their names, and which of them are layers that something else can stand in place of. */

/** Where a module is: `parent[key]`. */
export interface Place {
  /** Its name, as PyTorch has it: `model.layers.0.self_attn.q_proj`. */
  readonly path: string;
  readonly parent: Record<string, unknown>;
  readonly key: string;
  readonly module: object;
}

/** Fields of what stands in place of layers, which are no modules of the model. */
const inner = new Set(['weight', 'base_layer', 'original_module', 'modules_to_save']);

/** Every object in `model` that has a tensor in it, in the order of the fields; one with several names appears under each of them. */
export function modulesOf(model: object): Place[] {
  const found: Place[] = [];
  const walk = (parent: object, above: string): boolean => {
    let any = false;
    for (const [key, child] of Object.entries(parent)) {
      if (child instanceof Tensor) any = true;
      if (typeof child !== 'object' || child === null || child instanceof Tensor || ArrayBuffer.isView(child)) continue;
      if (inner.has(key) || key.startsWith('lora_')) continue;
      const path = above === '' ? key : `${above}.${key}`;
      const at = found.length;
      found.push({ path, parent: parent as Record<string, unknown>, key, module: child });
      // What stands in place of a layer may have no tensor of its own.
      if (walk(child, path) || 'weight' in child) any = true;
      else found.length = at;
    }
    return any;
  };
  walk(model, '');
  return found;
}

/** A layer whose weight is a matrix: [out, in], [in, out] or [rows, dim]. */
export type LayerKind = 'linear' | 'conv1d' | 'embedding';

/** What kind of layer `module` is; null if it is none of these. */
export function kindOf(module: object): LayerKind | null {
  if (module instanceof Embedding || module instanceof TokenEmbedding) return 'embedding';
  if (module instanceof Conv1D) return 'conv1d';
  return module instanceof Linear || isHead(module) ? 'linear' : null;
}

/** A weight [out, in], with or without a bias, that the model multiplies by itself. */
function isHead(module: object): boolean {
  const { weight } = module as { weight?: unknown };
  const isPlain = Object.getPrototypeOf(module) === Object.prototype;
  const fits = (key: string) => key === 'bias' || inner.has(key);
  return isPlain && weight instanceof Tensor && weight.rank === 2 && Object.keys(module).every(fits);
}

/** What the heads over the vocabulary are called that may be the table of the embeddings itself. */
const heads = new Set(['lm_head', 'generator', 'proj_out', 'embed_out']);

/** True for an object that is read as a head at this place, though it may be a table of embeddings. */
export function isHeadName(path: string): boolean {
  return heads.has(path);
}

/** The numbers of words in the vocabularies that a config speaks of, in whatever part of it. */
export function vocabulariesOf(config: unknown): Set<number> {
  const sizes = new Set<number>();
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      if (typeof child === 'number' && /(^|_)vocab_size$/.test(key)) sizes.add(child);
      else walk(child);
    }
  };
  walk(config);
  return sizes;
}

/** The field of a model with a head that holds the model without it, where this model has one. */
export function baseOf(model: object): string | null {
  const { base } = (model.constructor as { checkpoint?: { base?: string } }).checkpoint ?? {};
  return base !== undefined && base in model ? base : null;
}
