import { Embedding } from '@multihead/layers';
import { all, dispose, isfinite, keep, noGrad, stateDict, Tensor, tidy, ValueError, withBackend } from '@multihead/tensor';
import { modulesOf } from '../parts/modules.js';
import { TokenEmbedding } from '../parts/token-embedding.js';
import { QuantizedEmbedding, QuantizedLinear } from '../quantize/layers.js';
import { pack, type PackedWeight } from '../quantize/packed.js';
import { type AdaptedLayer, adaptedLayers, type Adapters, adaptersOf, end } from './adapters.js';
import { LoraLinear } from './layers.js';
import { checkTogether } from './own-tensors.js';

/* Adapters in the weights: a forward pass costs what it costs without them. */

export interface MergeOptions {
  /** Which adapters; the active ones if left out. */
  names?: readonly string[];
  /** Throws where a weight would no longer be finite. */
  safe_merge?: boolean;
  signal?: AbortSignal;
}

/**
 * Puts adapters into the weights of the layers: W + lora_alpha / r · B · A (of DoRA, with its lengths of rows). The layers' own weights are kept beside
 * them and come back, to the bit, with `unmergeAdapters`. Quantised weights are rounded again, as in PEFT.
 *
 * @throws ValueError where adapters are merged already, for a name that there is not, and with `safe_merge` for weights that are not finite; an aborted
 * signal throws its reason. Nothing has changed then.
 * @example
 * await mergeAdapters(model);
 * await save(model, './merged'); // a checkpoint like all others
 */
export async function mergeAdapters(model: object, options: MergeOptions = {}): Promise<void> {
  const { signal, safe_merge = false } = options;
  signal?.throwIfAborted();
  const found = adaptersOf('mergeAdapters', model, options.names);
  const names = options.names ?? found.active;
  checkTogether(new Map(names.map((name) => [name, found.byName.get(name)!.own])));
  if (found.merged.length > 0) throw new ValueError(`mergeAdapters: model: ${found.merged.join(', ')} is merged: unmergeAdapters first`);
  const made: { layer: AdaptedLayer; weight: Tensor | PackedWeight }[] = [];
  try {
    for (const { layer, path } of adaptedLayers(model)) {
      const own = names.filter((name) => layer.adapters.includes(name));
      if (own.length === 0) continue;
      const floats = noGrad(() => keep(tidy(() => layer.mergedWith(own))));
      made.push({ layer, weight: floats });
      if (safe_merge && !(await isAllFinite(floats))) throw new ValueError(`mergeAdapters: the merged weight of ${path} is not finite`);
      made[made.length - 1]!.weight = await likeOwn(floats, layer.weight);
      signal?.throwIfAborted();
    }
  } catch (error) {
    dispose(...made.map(({ weight }) => ({ weight })));
    throw error;
  }
  for (const { layer, weight } of made) {
    layer.base_layer = { weight: layer.weight };
    layer.weight = weight;
  }
  for (const { own } of found.byName.values()) own.leave();
  for (const name of names) found.byName.get(name)!.own.enter();
  found.merged = [...names];
}

async function isAllFinite(x: Tensor): Promise<boolean> {
  const answer = noGrad(() => keep(tidy(() => all(isfinite(x)))));
  try {
    return Boolean(await answer.item());
  } finally {
    answer.dispose();
  }
}

/** The weight in the form that the layer's own has; what it is made of is freed then. */
async function likeOwn(floats: Tensor, own: Tensor | PackedWeight): Promise<Tensor | PackedWeight> {
  if (own instanceof Tensor) return floats;
  const { bits, group, dynamic } = own;
  const data = await floats.data();
  const packed = withBackend(floats.backend, () => pack(data as Float32Array, floats.shape, { bits, group, dynamic }));
  floats.dispose();
  return packed;
}

/**
 * Takes adapters out of the weights again: the layers have their own ones back, to the bit. Nothing happens where none are merged.
 *
 * @example
 * unmergeAdapters(model);
 */
export function unmergeAdapters(model: object): void {
  unmerge(model, adaptersOf('unmergeAdapters', model));
}

export function unmerge(model: object, found: Adapters): void {
  if (found.merged.length === 0) return;
  for (const { layer } of adaptedLayers(model)) {
    if (!layer.base_layer) continue;
    dispose({ weight: layer.weight });
    layer.weight = layer.base_layer.weight;
    layer.base_layer = null;
  }
  for (const { own } of found.byName.values()) own.leave();
  if (found.enabled) for (const name of found.active) found.byName.get(name)!.own.enter();
  found.merged = [];
}

/**
 * Merges adapters and forgets that there were any: the model is one without adapters, of the classes that it had, with the merged weights, trained
 * as before. All else is freed.
 *
 * @throws what `mergeAdapters` throws; the model is as it was then.
 * @example
 * await mergeAndUnload(model);
 */
export async function mergeAndUnload(model: object, options: MergeOptions = {}): Promise<void> {
  const found = adaptersOf('mergeAndUnload', model, options.names);
  if (found.merged.length === 0 || options.names) {
    unmerge(model, found);
    await mergeAdapters(model, options);
  }
  leave(model, found);
}

/**
 * Takes all adapters away and frees them: the model is what it was without them, to the bit, and trained as before.
 *
 * @example
 * unloadAdapters(model);
 */
export function unloadAdapters(model: object): void {
  const found = adaptersOf('unloadAdapters', model);
  unmerge(model, found);
  for (const { own } of found.byName.values()) own.leave();
  leave(model, found);
}

/** Puts layers back in the place of those with adapters, with the weights that are there now, and frees what nothing leads to then. */
function leave(model: object, found: Adapters): void {
  const before = new Set(stateDict(model).values());
  const own = [...found.byName.values()].flatMap((adapter) => adapter.own.items);
  for (const adapter of found.byName.values()) adapter.own.remove(true);
  const layers = adaptedLayers(model);
  for (const { parent, key, layer } of layers) parent[key] = layer.original;
  end(model, found);
  for (const place of layers) settle(model, place, found.trained);
  const after = new Set(stateDict(model).values());
  for (const tensor of before) if (!after.has(tensor)) tensor.dispose();
  for (const { place, tensor } of own) if (after.has(tensor)) tensor.requiresGrad = found.trained.has(place.original);
}

/** Gives the layer that was here before the weight and the bias that it has now, or puts one like it here, where it is another layer, too. */
function settle(model: object, { parent, key, path, layer }: ReturnType<typeof adaptedLayers>[number], trained: ReadonlySet<Tensor>): void {
  if (layer instanceof LoraLinear && layer.bias) (layer.original as { bias: Tensor }).bias = layer.bias;
  if (!layer.base_layer) return;
  const { weight, original } = layer;
  parent[key] = original; // a head was given back what it was
  const isShared = modulesOf(model).some((other) => other.module === original && other.path !== path);
  if (isShared && layer instanceof LoraLinear)
    parent[key] = weight instanceof Tensor ? { weight, bias: null } : new QuantizedLinear(weight, null, false);
  else if (isShared) parent[key] = tableLike(original, weight);
  else (original as { weight: Tensor | PackedWeight }).weight = weight;
  if (weight instanceof Tensor) weight.requiresGrad = trained.has(layer.base_layer.weight as Tensor);
}

function tableLike(table: object, weight: Tensor | PackedWeight): object {
  if (!(weight instanceof Tensor)) return new QuantizedEmbedding(weight);
  const [rows, dim] = weight.shape as [number, number];
  const init = () => () => weight;
  const padding = table instanceof TokenEmbedding ? (table.padding ?? null) : null;
  const made = table instanceof TokenEmbedding ? new TokenEmbedding(rows, dim, { init, padding }) : new Embedding(rows, dim, { init });
  made.weight.dispose();
  made.weight = weight;
  return made;
}
