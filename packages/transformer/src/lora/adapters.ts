import { keep, noGrad, Rng, stateDict, type Tensor, tidy, ValueError, withBackend } from '@multihead/tensor';
import { modulesOf } from '../parts/modules.js';
import { type LoraConfig, type LoraOptions, readLoraConfig } from './config.js';
import { LoraEmbedding, LoraLinear, type Switch } from './layers.js';
import { checkTogether, OwnTensors, separateHeads } from './own-tensors.js';
import { type Plan, type PlannedTensor, planOf, plannedTensors } from './plan.js';
import { listenForRng } from './random.js';

/*
 * The adapters of a model: added, chosen, switched off, taken away. What belongs to a model is found by the model, which stays what it is.
 */

/** One adapter of a model. */
export interface Adapter {
  readonly config: LoraConfig;
  readonly plan: Plan;
  readonly own: OwnTensors;
  /** By what a file calls them, in its order. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** All adapters of a model. */
export interface Adapters extends Switch {
  readonly byName: Map<string, Adapter>;
  /** The model's own tensors that were trained before. */
  readonly trained: ReadonlySet<Tensor>;
  /** Gives heads back what they were. */
  readonly join: () => void;
  /** Stops listening for the `rng` of calls. */
  silence: () => void;
}

const all = new WeakMap<object, Adapters>();

export type AdaptedLayer = LoraLinear | LoraEmbedding;

/** The adapters of a model, or null if it has none. */
export function adaptersIn(model: object): Adapters | null {
  return all.get(model) ?? null;
}

/** True while adapters are in the weights of a model. */
export function isMerged(model: object): boolean {
  return (all.get(model)?.merged.length ?? 0) > 0;
}

/** As `adaptersIn`; throws a ValueError where there are none, or none of one of these names. */
export function adaptersOf(op: string, model: object, names: readonly string[] = []): Adapters {
  const adapters = all.get(model);
  if (!adapters) throw new ValueError(`${op}: model: expected one with adapters, got one that has none: use addLora or loadLora first`);
  for (const name of names) {
    if (!adapters.byName.has(name))
      throw new ValueError(`${op}: name: expected one of ${[...adapters.byName.keys()].join(', ')}, got ${JSON.stringify(name)}`);
  }
  return adapters;
}

/** The layers of a model that have adapters, and where they are. */
export function adaptedLayers(model: object): { parent: Record<string, unknown>; key: string; layer: AdaptedLayer; path: string }[] {
  return modulesOf(model).flatMap(({ parent, key, path, module }) =>
    module instanceof LoraLinear || module instanceof LoraEmbedding ? [{ parent, key, path, layer: module }] : [],
  );
}

/** What a new adapter will have, checked against the model and its other adapters. */
export function prepare(op: string, model: object, name: string, config: LoraConfig): Plan {
  const there = all.get(model);
  if (name === '' || name.includes('.')) throw new ValueError(`${op}: name: expected a name without dots, got ${JSON.stringify(name)}`);
  if (there?.byName.has(name)) throw new ValueError(`${op}: name: there is an adapter called ${JSON.stringify(name)} already`);
  if (there && there.merged.length > 0) throw new ValueError(`${op}: model: ${there.merged.join(', ')} is merged: unmergeAdapters first`);
  return planOf(model, config, (tensor) => tensor.requiresGrad || (there?.trained.has(tensor) ?? false));
}

/** Puts an adapter into the model; `make` makes each of its tensors. The first one is active. */
export function attach(
  model: object,
  name: string,
  { config, plan, trained }: { config: LoraConfig; plan: Plan; trained: boolean },
  make: (planned: PlannedTensor) => Tensor | null,
): void {
  const tensors = valuesOf(plan, make);
  const adapters = all.get(model) ?? begin(model);
  const places = new Map(modulesOf(model).map((place) => [place.path, place])); // a head may have got an object of its own
  for (const { target, settings, tensors: planned } of plan.layers) {
    const { layer, path } = target;
    const place = places.get(path)!;
    const there = place.module;
    const made = layer.kind === 'embedding' ? new LoraEmbedding(layer, there, adapters) : new LoraLinear(layer, there, adapters);
    const adapted = there instanceof LoraLinear || there instanceof LoraEmbedding ? there : made;
    const own = Object.fromEntries(Object.entries(planned).flatMap(([part, { key }]) => [[part, tensors.get(key)]])) as Record<
      string,
      Tensor
    >;
    adapted.install(name, settings, own);
    if (adapted instanceof LoraLinear && planned.lora_magnitude_vector && !own.lora_magnitude_vector) {
      const magnitude = noGrad(() => keep(tidy(() => adapted.magnitude(name))));
      adapted.lora_magnitude_vector[name] = { weight: magnitude };
      tensors.set(planned.lora_magnitude_vector.key, magnitude);
    }
    place.parent[place.key] = adapted;
  }
  const own = new OwnTensors(
    model,
    name,
    plan.own.map(({ place, tensor }) => ({ place, tensor: tensors.get(tensor.key)! })),
  );
  adapters.byName.set(name, { config, plan, own, tensors });
  listen(model, adapters);
  if (adapters.byName.size === 1) choose(adapters, [name], trained);
  else for (const tensor of tensors.values()) tensor.requiresGrad = false;
}

/** One tensor for each planned one; those that stand for one tensor of the model stay one. */
function valuesOf(plan: Plan, make: (planned: PlannedTensor) => Tensor | null): Map<string, Tensor> {
  const made = new Map<string, Tensor>();
  const copies = new Map<Tensor, Tensor>();
  const originals = new Map(plan.own.map(({ place, tensor }) => [tensor, place.original]));
  try {
    for (const planned of plannedTensors(plan)) {
      const original = originals.get(planned);
      const value = (original && copies.get(original)) ?? make(planned);
      if (!value) continue;
      made.set(planned.key, value);
      if (original) copies.set(original, value);
    }
    return made;
  } catch (error) {
    for (const tensor of made.values()) tensor.dispose();
    throw error;
  }
}

/** From now on only adapters are trained. */
function begin(model: object): Adapters {
  const join = separateHeads(model);
  const trained = new Set([...stateDict(model).values()].filter(({ requiresGrad }) => requiresGrad));
  for (const tensor of trained) tensor.requiresGrad = false;
  const adapters: Adapters = {
    byName: new Map(),
    trained,
    join,
    silence: () => {},
    active: [],
    enabled: true,
    merged: [],
    rng: undefined,
  };
  all.set(model, adapters);
  return adapters;
}

/** Lets what is above adapted layers tell them the `rng` of a call, if one of them drops something. */
function listen(model: object, adapters: Adapters): void {
  adapters.silence();
  adapters.silence = () => {};
  if (![...adapters.byName.values()].some(({ config }) => config.lora_dropout > 0)) return;
  const layers = adaptedLayers(model);
  const above = modulesOf(model).filter(({ path }) => layers.some((layer) => layer.path.startsWith(`${path}.`)));
  adapters.silence = listenForRng([model, ...above.map(({ module }) => module)], adapters);
}

/** Makes these adapters the active ones, and trains them or not. */
export function choose(adapters: Adapters, names: readonly string[], trained: boolean): void {
  const together = new Map(names.map((name) => [name, adapters.byName.get(name)!.own]));
  checkTogether(together);
  for (const { own } of adapters.byName.values()) own.leave();
  adapters.active = [...names];
  if (adapters.enabled) for (const own of together.values()) own.enter();
  for (const [name, { tensors }] of adapters.byName) {
    for (const tensor of tensors.values()) tensor.requiresGrad = trained && names.includes(name);
  }
}

/** Switches the active adapters off, or on again. */
export function enable(adapters: Adapters, enabled: boolean): void {
  adapters.enabled = enabled;
  for (const name of adapters.active) {
    const { own } = adapters.byName.get(name)!;
    if (enabled) own.enter();
    else own.leave();
  }
}

/** Takes one adapter out of the model and frees it; the layers that have none then are what they were. */
export function detachAdapter(model: object, adapters: Adapters, name: string): void {
  const { own, tensors } = adapters.byName.get(name)!;
  own.leave();
  own.remove();
  for (const { parent, key, layer } of adaptedLayers(model)) {
    layer.remove(name);
    if (layer.adapters.length === 0) parent[key] = layer.original;
  }
  adapters.byName.delete(name);
  for (const tensor of tensors.values()) tensor.dispose();
  adapters.active = adapters.active.filter((one) => one !== name);
  if (adapters.byName.size === 0) end(model, adapters);
  else listen(model, adapters);
}

/** Forgets that there were adapters. */
export function end(model: object, adapters: Adapters): void {
  adapters.silence();
  adapters.join();
  for (const tensor of adapters.trained) if (!tensor.disposed) tensor.requiresGrad = true;
  all.delete(model);
}

/**
 * Gives `model` a low-rank adapter, in place: linear layers (and embeddings) that `target_modules` names compute
 * y = layer(x) + lora_alpha / r · B(A(dropout(x))), with A [r, in] and B [out, r]. Options are the keys of PEFT's adapter_config.json.
 *
 * B begins at 0, so that at first nothing changes. All of the model is frozen: `parameters(model)` is the adapter, its names in `stateDict(model)` end with
 * `.lora_A.default.weight`. Dropout acts where a call has an `rng`. The first adapter is active at once, others when `setAdapter` says so. Layers
 * may be quantised. Returns the names of the modules that have it.
 *
 * @throws ConfigError for options that do not fit the model, or that are not built; ValueError for a name that there is already. Nothing has changed
 * then.
 * @example
 * addLora(model, { r: 8, lora_alpha: 16, target_modules: ['q_proj', 'v_proj'], rng: new Rng(1) });
 * const optimizer = adamw(parameters(model), { lr: 1e-3 }); // Hu et al., "LoRA", 2021; https://github.com/huggingface/peft
 */
export function addLora(model: object, options: LoraOptions): string[] {
  const { rng, name = 'default', ...rest } = options;
  if (!(rng instanceof Rng)) throw new ValueError('addLora: rng: expected an Rng, which draws the first values, got none');
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const config = readLoraConfig(given);
  const plan = prepare('addLora', model, name, config);
  const backend = backendOf(model);
  attach(model, name, { config, plan, trained: true }, ({ first, shape }) => first && drawnOn(backend, () => first(shape, rng)));
  return plan.layers.map(({ target }) => target.path);
}

/** A tensor that is there at once, where the model is. */
function drawnOn(backend: ReturnType<typeof backendOf>, make: () => Tensor): Tensor {
  return withBackend(backend, () => {
    const tensor = make();
    void tensor.buffer;
    return tensor;
  });
}

/** Where the weights are. */
export function backendOf(model: object) {
  return [...stateDict(model).values()].find(({ dtype }) => dtype === 'float32')!.backend;
}
