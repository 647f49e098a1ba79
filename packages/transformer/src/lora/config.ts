import type { Rng } from '@multihead/tensor';
import {
  ConfigError,
  type ConfigJson,
  describe,
  type Field,
  type Fields,
  flag,
  integer,
  isObject,
  list,
  maybe,
  number,
  oneOf,
  readFields,
  refuse,
  share,
  size,
} from '../loading/config.js';

/*
 * adapter_config.json, as PEFT writes and reads it. A key is taken, known to change nothing of what is computed, or refused.
 */

/** Low-rank adapters: where they sit and how they are made. Keys of PEFT's adapter_config.json. */
export interface LoraConfig {
  /** The rank: how many directions an adapter has. */
  r: number;
  /** What B · A is multiplied by, times r (or √r with `use_rslora`). */
  lora_alpha: number;
  /** Dropped from what an adapter reads, where a call has an `rng`. */
  lora_dropout: number;
  /** Ends of names of modules, a regular expression for whole names, or 'all-linear': all linear layers but the head over the vocabulary. */
  target_modules: string | readonly string[];
  /** Modules that are left out, in the same ways. */
  exclude_modules: string | readonly string[] | null;
  /** Biases that are trained, too: none, those of the layers with adapters, all. */
  bias: 'none' | 'lora_only' | 'all';
  /** Scales by lora_alpha / √r. Kalajdzievski, 2023. */
  use_rslora: boolean;
  /** Weight-decomposed: directions by B · A, lengths of the rows by a vector of their own. Liu et al., 2024. */
  use_dora: boolean;
  /** Ends of names of modules that are trained and kept as a whole: new heads. */
  modules_to_save: readonly string[] | null;
  /** B begins at 0 and A uniform (true) or normal with deviation 1 / r ('gaussian'); false: both uniform, so that the model is another at once. */
  init_lora_weights: boolean | 'gaussian';
  /** Other ranks for some modules, by regular expressions for the ends of their names. */
  rank_pattern: Readonly<Record<string, number>>;
  /** Other alphas, in the same way. */
  alpha_pattern: Readonly<Record<string, number>>;
  /** Numbers of the layers that get adapters; all if null. Only with a list of names. */
  layers_to_transform: number | readonly number[] | null;
  /** What the list of layers is called, if the first number in a name is not that of a layer. */
  layers_pattern: string | readonly string[] | null;
  /** Heads that come with the task are trained as a whole: SEQ_CLS, TOKEN_CLS and QUESTION_ANS add to `modules_to_save`. */
  task_type: string | null;
  base_model_name_or_path: string | null;
}

/** What `addLora` takes: keys of the config, and what only this call needs. */
export interface LoraOptions extends Partial<Omit<LoraConfig, 'target_modules'>>, Pick<LoraConfig, 'target_modules'> {
  /** Draws the first values. */
  rng: Rng;
  /** What the adapter is called; 'default' if left out. */
  name?: string;
}

const names: Field<string[]> = list((value) => (typeof value === 'string' && value !== '' ? value : refuse('names of modules')));

const namesOrPattern: Field<string | readonly string[]> = (value) => {
  if (typeof value !== 'string') return value === undefined || value === null ? refuse('names of modules or a pattern') : names(value);
  return checkPattern(value);
};

function checkPattern(pattern: string): string {
  if (pattern.length > 10_000) return refuse('a shorter pattern');
  try {
    new RegExp(pattern);
    return pattern;
  } catch {
    return refuse('a regular expression that JavaScript knows');
  }
}

function byPattern(field: Field<number>): Field<Record<string, number>> {
  return (value = {}) => {
    if (value === null) return {};
    if (!isObject(value)) return refuse('an object of numbers by pattern');
    return Object.fromEntries(Object.entries(value).map(([pattern, item]) => [checkPattern(pattern), field(item ?? null)]));
  };
}

const places: Field<number | readonly number[]> = (value) => (Array.isArray(value) ? list(integer(0))(value) : integer(0)(value));

const initial: Field<boolean | 'gaussian'> = (value = true) => {
  // These begin otherwise, but leave the weights of the model alone.
  if (value === 'eva' || value === 'orthogonal') return true;
  return typeof value === 'boolean' || value === 'gaussian'
    ? value
    : refuse('true, false or "gaussian" (others change the weights of the model)');
};

const text: Field<string | null> = maybe((value) => (typeof value === 'string' ? value : refuse('a string')));

const fields: Fields<LoraConfig> = {
  r: size(8),
  lora_alpha: number(8),
  lora_dropout: share(0),
  target_modules: namesOrPattern,
  exclude_modules: maybe(namesOrPattern),
  bias: oneOf(['none', 'lora_only', 'all'], 'none'),
  use_rslora: flag(false),
  use_dora: flag(false),
  modules_to_save: maybe(names),
  init_lora_weights: initial,
  rank_pattern: byPattern(size(8)),
  alpha_pattern: byPattern(number(8)),
  layers_to_transform: maybe(places),
  layers_pattern: maybe((value) => (typeof value === 'string' ? value : names(value))),
  task_type: text,
  base_model_name_or_path: text,
};

/** Keys that change nothing of what is computed here. How a weight lies is known from its layer. */
const harmless = `peft_type peft_version auto_mapping revision inference_mode fan_in_fan_out megatron_core qalora_group_size runtime_config
  eva_config ensure_weight_tying`.split(/\s+/);

/** The heads that are trained with these tasks. */
const taskHeads: Readonly<Record<string, readonly string[]>> = {
  SEQ_CLS: ['classifier', 'score'],
  TOKEN_CLS: ['classifier', 'score'],
  QUESTION_ANS: ['qa_outputs'],
};

/**
 * The config of an adapter, checked: missing keys have PEFT's defaults. Throws a ConfigError that lists every value that cannot be taken and
 * every key that would change what is computed and is not built; `ignore` lets keys through.
 */
export function readLoraConfig(json: unknown, ignore: readonly string[] = []): LoraConfig {
  if (!isObject(json)) throw new ConfigError(`adapter_config.json: expected an object, got ${describe(json)}`);
  if (json.peft_type !== undefined && json.peft_type !== 'LORA')
    throw new ConfigError(`adapter_config.json: peft_type: expected "LORA", got ${describe(json.peft_type)}`);
  const { config, problems } = readFields(json, fields);
  const known = new Set([...Object.keys(fields), ...harmless, ...ignore]);
  for (const [key, value] of Object.entries(json)) {
    if (!known.has(key) && !isOff(value)) problems.push(`${key}: is not built here (value ${describe(value)})`);
  }
  if (problems.length === 0) problems.push(...conflicts(config));
  if (problems.length > 0)
    throw new ConfigError(`adapter_config.json: ${problems.length} of its values cannot be taken:\n  ${problems.join('\n  ')}`);
  const heads = taskHeads[config.task_type ?? ''] ?? [];
  return heads.length === 0 ? config : { ...config, modules_to_save: [...new Set([...(config.modules_to_save ?? []), ...heads])] };
}

/** What a key has that switches nothing on. */
function isOff(value: unknown): boolean {
  return (
    value === null || value === false || (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0)
  );
}

function conflicts({ target_modules, layers_to_transform, layers_pattern }: LoraConfig): string[] {
  const problems: string[] = [];
  if (layers_to_transform !== null && typeof target_modules === 'string')
    problems.push('layers_to_transform: only goes with a list of target_modules');
  if (layers_pattern !== null && layers_to_transform === null) problems.push('layers_pattern: only goes with layers_to_transform');
  return problems;
}

/** What PEFT writes of a config. `fan_in_fan_out` says that weights lie [in, out], which PEFT wants to be told. */
export function loraConfigJson(config: LoraConfig, targets: LoraConfig['target_modules'], fanInFanOut: boolean): ConfigJson {
  const { exclude_modules, ...rest } = config;
  const json = {
    ...rest,
    ...(exclude_modules === null ? {} : { exclude_modules }),
    auto_mapping: null,
    fan_in_fan_out: fanInFanOut,
    inference_mode: true,
    layer_replication: null,
    loftq_config: {},
    megatron_config: null,
    megatron_core: 'megatron.core',
    peft_type: 'LORA',
    revision: null,
    target_modules: targets,
  };
  return Object.fromEntries(Object.entries(json).sort(([a], [b]) => (a < b ? -1 : 1)));
}
