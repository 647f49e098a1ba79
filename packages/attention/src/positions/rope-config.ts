import { ValueError } from '@multihead/tensor';
import { type RopeFrequencies, ropeFrequencies } from './rope.js';
import { dynamicNtkRope, linearRope, llama3Rope, longRope, yarnRope } from './rope-scaling.js';

/** `rope_parameters` of a checkpoint's config.json, or its older `rope_scaling`; the names are verbatim. */
export interface RopeParameters {
  rope_type?: string;
  /** What older files call `rope_type`. */
  type?: string;
  rope_theta?: number;
  factor?: number | null;
  original_max_position_embeddings?: number | null;
  attention_factor?: number | null;
  beta_fast?: number | null;
  beta_slow?: number | null;
  mscale?: number | null;
  mscale_all_dim?: number | null;
  truncate?: boolean | null;
  short_factor?: readonly number[];
  long_factor?: readonly number[];
  low_freq_factor?: number;
  high_freq_factor?: number;
}

export interface RopeOfConfigOptions {
  /** Elements of a head that turn: head dim · partial_rotary_factor. */
  dim: number;
  /** Where `parameters` has no `rope_theta`. */
  base?: number;
  /** `max_position_embeddings` of the configuration. */
  maxPositions: number;
  /** How many tokens there are: dynamic NTK and LongRoPE depend on it. */
  tokens?: number;
}

/**
 * The frequencies that Hugging Face's `ROPE_INIT_FUNCTIONS` give for these parameters: types default, linear, dynamic, yarn, longrope (su) and
 * llama3. Throws a ValueError for another type, or where a number is missing that the type needs.
 *
 * @example
 * const parameters = { rope_type: 'linear', rope_theta: 1_000_000, factor: 8 }; // Gemma 3's global layers
 * const frequencies = ropeOfConfig(parameters, { dim: 256, maxPositions: 131_072 });
 */
export function ropeOfConfig(parameters: RopeParameters | null | undefined, options: RopeOfConfigOptions): RopeFrequencies {
  const p = parameters ?? {};
  const { dim, maxPositions, tokens } = options;
  const type = p.rope_type ?? p.type ?? 'default';
  const base = p.rope_theta ?? options.base ?? 10_000;
  const original = p.original_max_position_embeddings ?? undefined;
  const trained = original ?? maxPositions;
  const need = <T>(key: keyof RopeParameters, value: T | null | undefined): T => {
    if (value === null || value === undefined) throw new ValueError(`ropeOfConfig: ${key}: expected one for rope_type ${type}, got none`);
    return value;
  };
  // Phi-3's files give the lengths and leave the factor out.
  const factor = p.factor ?? (original ? maxPositions / original : undefined);
  switch (type) {
    case 'default':
    case 'mrope':
      return ropeFrequencies(dim, { base });
    case 'linear':
      return linearRope(dim, { base, factor: need('factor', p.factor) });
    case 'dynamic':
      return dynamicNtkRope(dim, { base, factor: need('factor', p.factor), trained: maxPositions, tokens });
    case 'yarn':
      return yarnRope(dim, {
        base,
        factor: need('factor', factor),
        trained,
        fast: p.beta_fast || undefined,
        slow: p.beta_slow || undefined,
        attentionFactor: p.attention_factor,
        mscale: p.mscale,
        mscaleAllDim: p.mscale_all_dim,
        truncate: p.truncate ?? true,
      });
    case 'longrope':
    case 'su':
      return longRope(dim, {
        base,
        shortFactors: need('short_factor', p.short_factor),
        longFactors: need('long_factor', p.long_factor),
        trained,
        tokens,
        factor: factor ?? 1,
        attentionFactor: p.attention_factor,
      });
    case 'llama3': {
      const [lowFrequency, highFrequency] = [need('low_freq_factor', p.low_freq_factor), need('high_freq_factor', p.high_freq_factor)];
      return llama3Rope(dim, { base, factor: need('factor', p.factor), lowFrequency, highFrequency, trained: need('original_max_position_embeddings', original) }); // biome-ignore format: one call
    }
    default:
      throw new ValueError(`ropeOfConfig: rope_type: expected default, linear, dynamic, yarn, longrope or llama3, got ${type}`);
  }
}
