import { ValueError } from '@multihead/tensor';
import { adaptersIn, adaptersOf, choose, detachAdapter, enable } from './adapters.js';
import type { LoraConfig } from './config.js';
import { unmerge } from './merge.js';

/* Which adapters of a model act. */

/** What `adapters` tells of a model. */
export interface AdapterList {
  readonly configs: Readonly<Record<string, LoraConfig>>;
  /** Those that act, or are merged; none while they are switched off. */
  readonly active: readonly string[];
  readonly merged: readonly string[];
}

/**
 * The adapters of a model by their names, those that act, and those that are merged. Empty for a model without.
 *
 * @example
 * adapters(model).active; // ['default']
 */
export function adapters(model: object): AdapterList {
  const found = adaptersIn(model);
  if (!found) return { configs: {}, active: [], merged: [] };
  const configs = Object.fromEntries([...found.byName].map(([name, { config }]) => [name, config]));
  return { configs, active: found.enabled ? [...found.active] : [], merged: [...found.merged] };
}

/**
 * Makes one adapter, or several together, the active ones, and the ones that are trained (none with `inference_mode`). Several add up. Merged
 * ones are unmerged first, and adapters that were switched off are on again. Throws a ValueError for a name that there is not, and for adapters
 * of which two have the same module of their own.
 * Source: PEFT's set_adapter.
 *
 * @example
 * setAdapter(model, 'shakespeare');
 */
export function setAdapter(model: object, name: string | readonly string[], options: { inference_mode?: boolean } = {}): void {
  const names = [name].flat() as string[];
  const found = adaptersOf('setAdapter', model, names);
  if (new Set(names).size !== names.length || names.length === 0)
    throw new ValueError(`setAdapter: name: expected different names, got [${names.join(', ')}]`);
  unmerge(model, found);
  found.enabled = true;
  choose(found, names, !options.inference_mode);
}

/**
 * Switches all adapters off: the model is what it was without them, to the bit. Merged ones are unmerged.
 *
 * @example
 * disableAdapters(model);
 */
export function disableAdapters(model: object): void {
  const found = adaptersOf('disableAdapters', model);
  unmerge(model, found);
  enable(found, false);
}

/**
 * Switches the active adapters on again.
 *
 * @example
 * enableAdapters(model);
 */
export function enableAdapters(model: object): void {
  enable(adaptersOf('enableAdapters', model), true);
}

/**
 * Takes an adapter away and frees it. If it was the active one, the first of the others, by name, is active now; with the last one the model is
 * what it was before, and trained as before. Throws a ValueError for a name that there is not.
 *
 * @example
 * deleteAdapter(model, 'default');
 */
export function deleteAdapter(model: object, name: string): void {
  const found = adaptersOf('deleteAdapter', model, [name]);
  unmerge(model, found);
  detachAdapter(model, found, name);
  const [first] = [...found.byName.keys()].sort();
  if (first !== undefined && found.active.length === 0) choose(found, [first], true);
}
