import { type RopeParameters, ropeOfConfig } from '@multihead/attention';
import { MultiheadError } from '@multihead/tensor';
import { describe, type Field, isObject, refuse } from './config.js';

/*
 * Rotary positions in config.json. transformers 5 writes everything into `rope_parameters`; transformers 4 wrote `rope_theta`, `rope_scaling`
 * and `partial_rotary_factor` side by side. Both become the former.
 */

/** What a config says of rotary positions, in the spelling of transformers 5. */
export interface RopeConfig extends RopeParameters {
  rope_type: RopeType;
  rope_theta: number;
  /** The share of a head that turns. */
  partial_rotary_factor: number;
}

export type RopeType = (typeof types)[number];

const types = ['default', 'linear', 'dynamic', 'yarn', 'longrope', 'llama3'] as const;

/** Defaults of a model, and what it called the keys before transformers 5. */
export interface RopeRules {
  theta?: number;
  partial?: number;
  names?: { theta?: string; partial?: string };
}

/** `json` with `rope_parameters` in place of the keys of transformers 4; what those add to given `rope_parameters` is taken over. */
export function withRopeParameters(json: unknown, rules: RopeRules = {}): unknown {
  if (!isObject(json)) return json;
  const theta = rules.names?.theta ?? 'rope_theta';
  const partial = rules.names?.partial ?? 'partial_rotary_factor';
  const base = json.rope_scaling ?? json.rope_parameters ?? {};
  if (!isObject(base)) return json;
  const own = {
    rope_theta: json.rope_theta ?? json[theta] ?? rules.theta ?? 10_000,
    partial_rotary_factor: json.partial_rotary_factor ?? json[partial] ?? rules.partial ?? 1,
  };
  const taken = ['rope_theta', 'partial_rotary_factor', 'rope_scaling', 'original_max_position_embeddings', theta, partial];
  const rest = Object.fromEntries(Object.entries(json).filter(([key]) => !taken.includes(key)));
  const trained = json.original_max_position_embeddings ?? base.original_max_position_embeddings;
  return { ...rest, rope_parameters: { ...own, ...base, ...(isSet(trained) && { original_max_position_embeddings: trained }) } };
}

/** One set of rotary parameters, checked by itself. */
export function rope(): Field<RopeConfig> {
  return (value) => {
    if (!isObject(value)) return refuse('an object of rotary parameters');
    const given = value.rope_type ?? value.type ?? 'default';
    const name = given === 'su' ? 'longrope' : given; // the name of LongRoPE in Phi-3's first files
    if (!types.some((known) => known === name)) refuse(`rope_type ${types.join(', ')}, got ${describe(given)} in`);
    const rest = Object.entries(value).filter(([key]) => key !== 'rope_type' && key !== 'type');
    for (const [key, x] of rest) {
      if (isSet(x) && !isKnown(key, x)) refuse(`${expectation(key)}, got ${describe(x)} in`);
    }
    const set = Object.fromEntries(rest.filter(([, x]) => isSet(x)));
    return { rope_theta: 10_000, partial_rotary_factor: 1, ...set, rope_type: name } as RopeConfig;
  };
}

/** Above 0, or lists of such numbers, or flags. */
const numbers = [
  'rope_theta',
  'partial_rotary_factor',
  'factor',
  'original_max_position_embeddings',
  'attention_factor',
  'beta_fast',
  'beta_slow',
  'mscale',
  'mscale_all_dim',
  'low_freq_factor',
  'high_freq_factor',
];
const lists = ['short_factor', 'long_factor'];
const flags = ['truncate', 'finetuned'];

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isAbove0(x: unknown): boolean {
  return typeof x === 'number' && Number.isFinite(x) && x > 0;
}

function isKnown(key: string, x: unknown): boolean {
  if (flags.includes(key)) return typeof x === 'boolean';
  if (lists.includes(key)) return Array.isArray(x) && x.length < 2 ** 16 && x.every(isAbove0);
  return numbers.includes(key) && isAbove0(x);
}

function expectation(key: string): string {
  if (flags.includes(key)) return `${key} of true or false`;
  if (lists.includes(key)) return `${key} with numbers above 0`;
  return numbers.includes(key) ? `${key} above 0` : `no key ${key} that is not known`;
}

/** What is wrong with rotary parameters for heads of `headDim`: a number that their type needs, an odd number of turning elements. */
export function ropeProblems(parameters: RopeConfig, headDim: number, maxPositions: number): string[] {
  try {
    ropeOfConfig(parameters, { dim: turning(parameters, headDim), maxPositions });
    return [];
  } catch (error) {
    if (error instanceof MultiheadError) return [`rope_parameters: ${error.message}`];
    throw error;
  }
}

/** How many elements of a head turn. */
export function turning(parameters: RopeConfig, headDim: number): number {
  return Math.trunc(headDim * parameters.partial_rotary_factor);
}

/**
 * `json` with `rope_parameters` by type of layer, for models whose sliding layers turn otherwise than the others. transformers 4 wrote
 * `rope_theta` and `rope_scaling` for those that see everything, and `rope_local_base_freq` (ModernBERT: `global_rope_theta`,
 * `local_rope_theta`).
 */
export function withTwoRopes(json: unknown, theta: { full: number; sliding: number }): unknown {
  if (!isObject(json)) return json;
  const old = ['rope_theta', 'global_rope_theta', 'rope_local_base_freq', 'local_rope_theta', 'rope_scaling'];
  const rest = Object.fromEntries(Object.entries(json).filter(([key]) => !old.includes(key)));
  const given = isObject(json.rope_parameters) ? json.rope_parameters : {};
  const of = (type: string) => (isObject(given[type]) ? given[type] : {});
  const full = json.rope_theta ?? json.global_rope_theta ?? theta.full;
  const sliding = json.rope_local_base_freq ?? json.local_rope_theta ?? theta.sliding;
  return {
    ...rest,
    rope_parameters: {
      full_attention: { rope_theta: full, ...of('full_attention'), ...(isObject(json.rope_scaling) && json.rope_scaling) },
      sliding_attention: { rope_theta: sliding, ...of('sliding_attention') },
    },
  };
}

/** `rope_parameters` by type of layer. */
export function twoRopes(): Field<{ full_attention: RopeConfig; sliding_attention: RopeConfig }> {
  return (value) => {
    if (!isObject(value)) return refuse('an object of rotary parameters by type of layer');
    return { full_attention: rope()(value.full_attention), sliding_attention: rope()(value.sliding_attention) };
  };
}
