import { type GenerationConfig, generationKeysOf } from '../generation/config.js';
import { isObject, originOf } from '../loading/config.js';

/* How a model is to generate where nobody says so: what its config.json has of it, as older checkpoints keep it there. */

/** Those settings, and over them what `task_specific_params` has of a task, and over all what is given. */
export function settingsOf<Options extends GenerationConfig>(model: { readonly config: object }, options: Options, task?: string): Options {
  const config = { ...generationKeysOf(model.config), ...generationKeysOf(originOf(model.config) ?? {}) };
  delete config.use_cache; // false where it was trained to save memory; ids are the same
  if (config.max_length === 20) delete config.max_length; // what transformers 4 wrote where nobody had said anything
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
  const settings = { ...config, ...generationKeysOf(task ? (paramsOf(model, task) ?? {}) : {}), ...given };
  const hasLength = (from: GenerationConfig) => (from.max_new_tokens ?? from.max_length ?? null) !== null;
  // A length of the config gives way to one that is given, of whatever kind.
  if (hasLength(given)) {
    settings.max_new_tokens = given.max_new_tokens;
    settings.max_length = given.max_length;
  }
  return hasLength(settings) ? settings : { ...settings, max_new_tokens: 256 };
}

/** What config.json says of a task; undefined if it does not know it. */
export function paramsOf(model: { readonly config: object }, task: string): Readonly<Record<string, unknown>> | undefined {
  const params = tasksOf(model)[task];
  return isObject(params) ? params : undefined;
}

/** What texts begin with for a task; where config.json says nothing of it, for any. */
export function prefixOf(model: { readonly config: object }, task: string): string {
  const prefix = paramsOf(model, task)?.prefix ?? originOf(model.config)?.prefix;
  return typeof prefix === 'string' ? prefix : '';
}

/** The tasks of which config.json knows how they are done. */
export function tasksOf(model: { readonly config: object }): Readonly<Record<string, unknown>> {
  const tasks = originOf(model.config)?.task_specific_params;
  return isObject(tasks) ? tasks : {};
}
