import { Tensor, ValueError } from '@multihead/tensor';
import { ConfigError } from '../loading/config.js';
import { isHeadName, modulesOf } from '../parts/modules.js';
import type { LoraConfig } from './config.js';
import { endsWithOne, type Target } from './targets.js';

/*
 * Tensors that an adapter has of its own in place of the model's: whole modules (`modules_to_save`) and biases. They lie beside the model's own, under
 * `modules_to_save`, and take their places while the adapter is active.
 */

/** A module while adapters have tensors for it. */
interface Owner extends Record<string, unknown> {
  modules_to_save?: Record<string, Record<string, Tensor>>;
  /** The model's own, while others are in their places. */
  original_module?: Record<string, Tensor>;
}

/** A tensor that an adapter will have of its own. */
export interface OwnPlace {
  /** The module that has it, found anew when it is needed: a layer may have got an adapter meanwhile. */
  readonly owner: string;
  readonly field: string;
  readonly original: Tensor;
  /** What a file calls it. */
  readonly key: string;
  /** Biases that PEFT may leave out of a file. */
  readonly optional: boolean;
}

/**
 * What this config trains besides low-rank matrices; of biases those that `isTrained`. Throws a ConfigError for weights that are no floats, and
 * for a table that several modules share.
 */
export function ownPlacesOf(
  model: object,
  config: LoraConfig,
  targets: readonly Target[],
  isTrained: (tensor: Tensor) => boolean,
): OwnPlace[] {
  const { modules_to_save: saved, bias } = config;
  const places = new Map<string, OwnPlace>();
  for (const { path, module } of saved === null ? [] : modulesOf(model).filter((place) => endsWithOne(place.path, saved))) {
    const inside = tensorsOf(module, path);
    if (inside.length === 0) throw new ConfigError(`lora: modules_to_save: ${path} has weights in few bits, which are not trained`);
    for (const one of inside) places.set(one.key, { ...one, optional: false });
  }
  const adapted = new Set(targets.map(({ path }) => path));
  for (const one of bias === 'none' ? [] : tensorsOf(model, '')) {
    const isOfAdapted = adapted.has(one.owner);
    if (!one.key.includes('bias') || places.has(one.key) || !isTrained(one.original)) continue;
    if (bias === 'lora_only' && !(isOfAdapted && one.field === 'bias')) continue;
    const key = isOfAdapted ? `${one.owner}.base_layer.${one.field}` : one.key;
    places.set(one.key, { ...one, key, optional: bias === 'lora_only' });
  }
  const owners = new Map<object, string>();
  for (const { owner } of places.values()) {
    const other = owners.get(ownerAt(model, owner)) ?? owner;
    if (other !== owner) throw new ConfigError(`lora: modules_to_save: ${other} and ${owner} are one module: take one of them`);
    owners.set(ownerAt(model, owner), owner);
  }
  return [...places.values()];
}

type Found = Omit<OwnPlace, 'optional'>;

/** The model's own floats under a module; none if some of its weights are integers. */
function tensorsOf(module: object, path: string): Found[] {
  const found: Found[] = [];
  const owners = [{ path, module }, ...modulesOf(module).map((place) => ({ path: join(path, place.path), module: place.module }))];
  for (const { path: owner, module: one } of owners) {
    const { original_module: own } = one as Owner;
    for (const [field, value] of Object.entries(one)) {
      if (value instanceof Tensor && value.dtype === 'float32')
        found.push({ owner, field, original: own?.[field] ?? value, key: join(owner, field) });
    }
    if (path !== '' && 'weight' in one && !(one.weight instanceof Tensor)) return [];
  }
  return found;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/**
 * Gives heads that are a table of embeddings an object of their own, with the same weight: one of the two can have another weight then. What is
 * returned undoes it.
 */
export function separateHeads(model: object): () => void {
  const places = modulesOf(model);
  const undo: (() => void)[] = [];
  for (const { parent, key, path, module } of places) {
    if (!isHeadName(path) || 'stored' in module || !places.some((other) => other.module === module && other.path !== path)) continue;
    parent[key] = { weight: (module as { weight: Tensor }).weight, bias: null };
    undo.push(() => {
      const { weight } = parent[key] as { weight: Tensor };
      if (weight === (module as { weight: Tensor }).weight) parent[key] = module;
    });
  }
  return () => {
    for (const back of undo) back();
  };
}

/** The tensors of one adapter and where they go. */
export class OwnTensors {
  readonly #model: object;
  readonly #name: string;
  readonly #items: readonly { place: OwnPlace; tensor: Tensor }[];

  constructor(model: object, name: string, items: readonly { place: OwnPlace; tensor: Tensor }[]) {
    this.#model = model;
    this.#name = name;
    this.#items = items;
    for (const { owner, field, tensor } of this.#all()) {
      owner.modules_to_save ??= {};
      owner.modules_to_save[name] = { ...owner.modules_to_save[name], [field]: tensor };
    }
  }

  get items() {
    return this.#items;
  }

  /** Puts them in the places of the model's own. */
  enter(): void {
    for (const { owner, field, place, tensor } of this.#all()) {
      owner.original_module = { ...owner.original_module, [field]: place.original };
      owner[field] = tensor;
    }
  }

  /** Puts the model's own back. */
  leave(): void {
    for (const { owner, field, place } of this.#all()) {
      owner[field] = place.original;
      delete owner.original_module;
    }
  }

  /** Forgets them; `stay` leaves them where they are, as the model's. */
  remove(stay = false): void {
    for (const { owner } of this.#all()) {
      delete owner.modules_to_save?.[this.#name];
      if (Object.keys(owner.modules_to_save ?? {}).length === 0) delete owner.modules_to_save;
      if (stay) delete owner.original_module;
    }
  }

  #all() {
    return this.#items.map(({ place, tensor }) => ({ owner: ownerAt(this.#model, place.owner), field: place.field, place, tensor }));
  }
}

function ownerAt(model: object, path: string): Owner {
  return (path === '' ? [] : path.split('.')).reduce((at, key) => at[key] as Owner, model as Owner);
}

/** Throws a ValueError where two adapters that are to act together both have a tensor for one place. */
export function checkTogether(all: ReadonlyMap<string, OwnTensors>): void {
  const takenBy = new Map<string, string>();
  for (const [name, { items }] of all) {
    for (const { place } of items) {
      const at = join(place.owner, place.field);
      const other = takenBy.get(at);
      if (other !== undefined)
        throw new ValueError(`setAdapter: names: '${other}' and '${name}' both have a ${at} of their own: take one of them`);
      takenBy.set(at, name);
    }
  }
}
