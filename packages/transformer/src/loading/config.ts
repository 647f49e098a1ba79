import { MultiheadError } from '@multihead/tensor';
import { type ActivationName, activations } from '../parts/activation.js';

/*
 * Reading config.json. Each model says, field by field, which keys it takes and what their values may be. What it does not know is an
 * error: a key that changes what Python computes must not pass in silence. Keys that change nothing here are listed, too.
 */

/** A config that cannot be taken; the message lists everything that is wrong with it. */
export class ConfigError extends MultiheadError {
  override name = 'ConfigError';
}

/** The config.json that a config was read from: what `save` writes again. */
const origins = new WeakMap<object, ConfigJson>();

/** What `save` writes besides, under names that other versions of transformers look for. */
const alsoOf = new WeakMap<object, (config: object) => ConfigJson>();

/** Keys of config.json for other versions of transformers than the one whose names the config has. */
export function otherNamesOf(config: object): ConfigJson {
  return alsoOf.get(config)?.(config) ?? {};
}

/** The content of config.json that `config` was read from, if it was. */
export function originOf(config: object): ConfigJson | undefined {
  return origins.get(config);
}

/** `config` with other values in some of its keys. */
export function derived<Config extends object>(config: Config, changes: Partial<Config>): Config {
  const changed = { ...config, ...changes };
  for (const known of [origins, alsoOf] as WeakMap<object, unknown>[]) if (known.has(config)) known.set(changed, known.get(config));
  return changed;
}

/** A parsed config.json. */
export type ConfigJson = Readonly<Record<string, unknown>>;

/** What one key may hold: gives the value as the model uses it, or throws a Refusal. `undefined` stands for a missing key. */
export type Field<T> = (value: unknown) => T;

/** A field for each key of a config. */
export type Fields<Config> = { readonly [K in keyof Config]-?: Field<Config[K]> };

/** Why a value is not taken. */
class Refusal {
  readonly expected: string;

  constructor(expected: string) {
    this.expected = expected;
  }
}

export function refuse(expected: string): never {
  throw new Refusal(expected);
}

/** Nothing real is larger, and what is would be allocated. */
const most = 2 ** 26;
const mostLayers = 4096;

/** A size: an integer from 1. */
export function size(standard: number): Field<number> {
  return integer(standard, { min: 1, max: most });
}

/** How many layers there are. */
export function layers(standard: number): Field<number> {
  return integer(standard, { min: 1, max: mostLayers });
}

export function integer(standard: number, { min = 0, max = most }: { min?: number; max?: number } = {}): Field<number> {
  return (value = standard) => {
    const fits = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
    return fits ? value : refuse(`an integer from ${min} to ${max}`);
  };
}

export function number(standard: number, { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = {}): Field<number> {
  return (value = standard) => {
    const fits = typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max;
    return fits
      ? value
      : refuse(`a number${min > Number.NEGATIVE_INFINITY ? ` from ${min}` : ''}${max < Number.POSITIVE_INFINITY ? ` to ${max}` : ''}`);
  };
}

/** A number above 0: epsilons, bases. */
export function positive(standard: number): Field<number> {
  return (value = standard) => (typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : refuse('a number above 0'));
}

/** The share of elements that dropout drops. */
export function share(standard: number): Field<number> {
  return number(standard, { min: 0, max: 1 });
}

export function flag(standard: boolean): Field<boolean> {
  return (value = standard) => (typeof value === 'boolean' ? value : refuse('true or false'));
}

export function oneOf<const T extends readonly (string | number | boolean)[]>(choices: T, standard: T[number]): Field<T[number]> {
  return (value = standard) => {
    const found = choices.find((choice) => choice === value);
    return found ?? refuse(choices.map((choice) => JSON.stringify(choice)).join(' or '));
  };
}

/** An activation by transformers' name of it. */
export function activation(standard: ActivationName): Field<ActivationName> {
  return (value = standard) =>
    typeof value === 'string' && Object.hasOwn(activations, value)
      ? (value as ActivationName)
      : refuse(`an activation: ${Object.keys(activations).join(', ')}`);
}

/** null, or a missing key, is null. */
export function maybe<T>(field: Field<T>): Field<T | null> {
  return (value) => (value === null || value === undefined ? null : field(value));
}

/** A missing key is `standard`; null is null. */
export function orNull<T>(standard: T | null, field: Field<T>): Field<T | null> {
  return (value) => (value === undefined ? standard : value === null ? null : field(value));
}

export function list<T>(field: Field<T>): Field<T[]> {
  return (value) => (Array.isArray(value) && value.length <= most ? value.map((item) => field(item ?? null)) : refuse('a list'));
}

/** A token's id, several of them, or none. */
export function tokenId(standard: number | null = null): Field<number | number[] | null> {
  const id = integer(0);
  return (value = standard) => (value === null ? null : Array.isArray(value) ? list(id)(value) : id(value));
}

/** One token's id, or none. */
export function oneToken(standard: number | null = null): Field<number | null> {
  const id = integer(0);
  // -1 stood for "none" in configs of old.
  return (value = standard) => (value === null || value === -1 ? null : id(value));
}

/** The labels of a classifier, by number: from `id2label`. */
export function labels(): Field<string[] | null> {
  return (value) => {
    if (value === undefined || value === null) return null;
    if (!isObject(value)) return refuse('an object of labels by number');
    const entries = Object.entries(value);
    const names = entries.map((_, i) => (Object.hasOwn(value, String(i)) ? value[String(i)] : undefined));
    return names.every((name) => typeof name === 'string' || typeof name === 'number')
      ? names.map(String)
      : refuse(`strings under the keys 0 to ${entries.length - 1}`);
  };
}

/** How many classes a head has: `num_labels` does not stand in a config that transformers writes, `id2label` does. */
export function countLabels(config: { id2label: string[] | null; num_labels: number | null }): number {
  return config.num_labels ?? config.id2label?.length ?? 2;
}

export function isObject(value: unknown): value is ConfigJson {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface ConfigRules<Config> {
  /** What errors call the file; config.json if left out. */
  readonly file?: string;
  /** The values of `model_type` that it takes. */
  readonly modelTypes: readonly string[];
  readonly fields: Fields<Config>;
  /** Keys that change nothing of what is computed here, besides those of `harmless`. */
  readonly ignored?: readonly string[];
  /** Keys that are taken only with these values: options that other values of would change the result and are not built. */
  readonly only?: Readonly<Record<string, readonly unknown[]>>;
  /** What fields must be with one another: a list of problems. */
  readonly check?: (config: Config) => (string | false)[];
  /** What the config says in the words of other versions of transformers; for `save`. */
  readonly also?: (config: Config) => ConfigJson;
}

/**
 * The config of a model from the content of config.json: every field with its value or transformers' default, checked.
 * Throws a ConfigError that lists every bad value, every value that is not supported and every key that is not known.
 */
export function readConfig<Config extends object>(json: unknown, rules: ConfigRules<Config>): Config {
  const { file = 'config.json', modelTypes, fields, ignored = [], only = {}, check, also } = rules;
  if (!isObject(json)) throw new ConfigError(`${file}: expected an object, got ${describe(json)}`);
  if (json.model_type !== undefined && !modelTypes.includes(json.model_type as string)) {
    throw new ConfigError(`${file}: model_type: expected ${modelTypes.join(' or ')}, got ${describe(json.model_type)}`);
  }
  const unread = new Set([...harmless.split(/\s+/), ...ignored]);
  const { config, problems } = readFields(json, fields);
  for (const [key, value] of Object.entries(json)) {
    if (Object.hasOwn(fields, key) || unread.has(key) || value === null) continue;
    const taken = Object.hasOwn(only, key) ? only[key]! : Object.hasOwn(refused, key) ? refused[key]! : undefined;
    if (taken?.some((right) => isSame(right, value))) continue;
    problems.push(
      taken
        ? `${key}: ${describe(value)} is not supported, only ${taken.map((right) => JSON.stringify(right)).join(' or ')}`
        : `${key}: is not a key that this model has here (value ${describe(value)})`,
    );
  }
  if (problems.length === 0 && check) problems.push(...check(config).filter((problem) => problem !== false));
  if (problems.length > 0)
    throw new ConfigError(`${file} of ${modelTypes[0]}: ${problems.length} of its values cannot be taken:\n  ${problems.join('\n  ')}`);
  origins.set(config, { model_type: modelTypes[0], ...json });
  if (also) alsoOf.set(config, also as (config: object) => ConfigJson);
  return config;
}

/** The value of each field, and what is wrong with those that cannot be taken. */
export function readFields<Config extends object>(json: ConfigJson, fields: Fields<Config>): { config: Config; problems: string[] } {
  const problems: string[] = [];
  const config = {} as Config;
  for (const key of Object.keys(fields) as (keyof Config & string)[]) {
    try {
      config[key] = fields[key](Object.hasOwn(json, key) ? json[key] : undefined);
    } catch (error) {
      problems.push(problemOf(key, json[key], error));
    }
  }
  return { config, problems };
}

/** Equal values, empty objects among them; nothing is looked into that may be endless. */
function isSame(right: unknown, value: unknown): boolean {
  return right === value || (isObject(right) && isObject(value) && Object.keys(value).length === 0);
}

export function problemOf(key: string, value: unknown, error: unknown): string {
  if (error instanceof Refusal) return `${key}: expected ${error.expected}, got ${describe(value)}`;
  if (error instanceof ConfigError) return `${key}: ${error.message.replaceAll('\n', '\n  ')}`;
  throw error;
}

/** A value, in few characters. */
export function describe(value: unknown): string {
  if (isObject(value)) return `an object of ${Object.keys(value).length} keys`;
  if (Array.isArray(value) && value.some((item) => typeof item === 'object')) return `a list of ${value.length}`;
  const shown = value === undefined ? 'nothing' : JSON.stringify(value);
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}

/** Heads must divide the width, and those of keys and values the heads. */
export function headProblems(width: number, heads: number, groups = heads): (string | false)[] {
  return [
    width % heads !== 0 && `the number of attention heads, ${heads}, must divide the width, ${width}`,
    heads % groups !== 0 && `num_key_value_heads: ${groups} must divide the number of attention heads, ${heads}`,
  ];
}

/** A token id must be one of the vocabulary. */
export function tokenProblems(config: { vocab_size: number; pad_token_id?: number | null }): (string | false)[] {
  const { vocab_size: size, pad_token_id: pad = null } = config;
  return [pad !== null && pad >= size && `pad_token_id: expected an id below vocab_size ${size}, got ${pad}`];
}

/** Keys of every config that change nothing of a forward pass: names, training, generation (which has a config of its own). */
const harmless = `_name_or_path _commit_hash _from_model_config _attn_implementation _attn_implementation_autoset attn_implementation
  architectures model_type transformers_version torch_dtype dtype auto_map custom_pipelines tokenizer_class processor_class
  language name author task_specific_params finetuning_task problem_type id2label label2id num_labels _num_labels name_or_path
  sentence_transformers unsloth_fixed unsloth_version padding total_flos save_step xla_device _flash_attn_2_enabled
  use_cache gradient_checkpointing initializer_range initializer_factor initializer_cutoff_factor init_std init_mean_std
  output_attentions output_hidden_states output_scores return_dict return_dict_in_generate use_return_dict torchscript
  chunk_size_feed_forward is_encoder_decoder tf_legacy_loss use_bfloat16 remove_invalid_values transformers.js_config
  bos_token_id eos_token_id pad_token_id sep_token_id cls_token_id mask_token_id unk_token_id decoder_start_token_id prefix
  forced_bos_token_id forced_eos_token_id begin_suppress_tokens suppress_tokens bad_words_ids
  max_length min_length max_new_tokens do_sample early_stopping num_beams num_beam_groups diversity_penalty temperature top_k top_p typical_p
  repetition_penalty length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size num_return_sequences
  exponential_decay_length_penalty generation_config cache_implementation
  forced_decoder_ids output_past is_llama_config tie_word_embeddings
  pretraining_tp deterministic_flash_attn reference_compile repad_logits_with_grad`;

/** Keys of every config that change what is computed, with the values that mean "not used". */
const refused: Readonly<Record<string, readonly unknown[]>> = {
  add_cross_attention: [false],
  cross_attention_hidden_size: [],
  is_decoder: [false],
  pruned_heads: [{}],
  rope_interleaved: [false],
  use_mrope: [false],
  quantization_config: [],
  tie_encoder_decoder: [false],
};
