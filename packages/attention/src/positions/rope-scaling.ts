import { ShapeError, ValueError } from '@multihead/tensor';
import { type RopeFrequencies, ropePeriods } from './rope.js';

/*
 * Ways to use rotary positions beyond the length that a model was trained on. Each is rounded to float32 where Hugging Face's
 * `ROPE_INIT_FUNCTIONS` round, so that a checkpoint's tables come out as they do there.
 */

const { fround } = Math;

/**
 * Position interpolation: every frequency divided by `factor`. Chen et al., "Extending Context Window of Large Language Models via Positional
 * Interpolation", 2023.
 *
 * @example
 * const { inverse } = linearRope(64, { factor: 4 }); // the angles of token 4 are those of token 1 without
 */
export function linearRope(dim: number, options: { base?: number; factor: number }): RopeFrequencies {
  const factor = positive('linearRope', 'factor', options.factor);
  return { inverse: inverseOf(ropePeriods('linearRope', dim, options.base)).map((f) => f / factor), attentionFactor: 1 };
}

/**
 * Dynamic NTK scaling: the base grows with the number of `tokens` beyond the `trained` ones, so that slow pairs are interpolated and fast
 * ones are not: base · (factor · tokens / trained - (factor - 1))^(dim / (dim - 2)). Up to `trained` tokens nothing changes. bloc97 and
 * emozilla, 2023; Peng et al., "YaRN", 2023, section 3.1.
 *
 * @example
 * const { inverse } = dynamicNtkRope(64, { factor: 2, trained: 2048, tokens: 4096 });
 */
export function dynamicNtkRope(dim: number, options: { base?: number; factor: number; trained: number; tokens?: number }): RopeFrequencies {
  const op = 'dynamicNtkRope';
  const { base = 10_000, tokens = 0 } = options;
  const [factor, trained] = [positive(op, 'factor', options.factor), positive(op, 'trained', options.trained)];
  const growth = (factor * Math.max(tokens, trained)) / trained - (factor - 1);
  return { inverse: inverseOf(ropePeriods(op, dim, base * growth ** (dim / (dim - 2)))), attentionFactor: 1 };
}

export interface YarnOptions {
  base?: number;
  /** How many times longer the context is than the `trained` one. */
  factor: number;
  trained: number;
  /** Pairs that turn more often than `fast` times over the trained length stay, those below `slow` are interpolated. 32 and 1. */
  fast?: number;
  slow?: number;
  /** Factor on the tables; 0.1 · ln(factor) + 1 if left out, or the ratio of such terms where `mscale` and `mscaleAllDim` weigh them. */
  attentionFactor?: number | null;
  mscale?: number | null;
  mscaleAllDim?: number | null;
  /** False: the bounds between the pairs are not rounded to whole pairs, as in gpt-oss. */
  truncate?: boolean;
}

/**
 * YaRN: fast pairs as they are, slow ones interpolated, those between blended. Peng et al., "YaRN: Efficient Context Window Extension of Large
 * Language Models", 2023. `mscale` and `mscaleAllDim` are DeepSeek's.
 *
 * @example
 * const { inverse, attentionFactor } = yarnRope(64, { factor: 4, trained: 32_768 }); // attentionFactor 1.1386
 */
export function yarnRope(dim: number, options: YarnOptions): RopeFrequencies {
  const op = 'yarnRope';
  const { base = 10_000, fast = 32, slow = 1, truncate = true } = options;
  const [factor, trained] = [positive(op, 'factor', options.factor), positive(op, 'trained', options.trained)];
  const periods = ropePeriods(op, dim, base);
  const pairOf = (turns: number) => (dim * Math.log(trained / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const [low, high] = truncate ? [Math.floor(pairOf(fast)), Math.ceil(pairOf(slow))] : [pairOf(fast), pairOf(slow)];
  const from = Math.max(low, 0);
  const to = Math.min(high, dim - 1);
  const span = fround(from === to ? 0.001 : to - from);
  const inverse = periods.map((period, i) => {
    const ramp = Math.min(1, Math.max(0, fround(fround(i - from) / span)));
    const kept = fround(1 - ramp);
    return fround(fround(1 / fround(factor * period)) * fround(1 - kept)) + fround(fround(1 / period) * kept);
  });
  return { inverse, attentionFactor: options.attentionFactor ?? yarnAttention(factor, options) };
}

function yarnAttention(factor: number, { mscale, mscaleAllDim }: YarnOptions): number {
  const term = (weight: number) => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  return mscale && mscaleAllDim ? term(mscale) / term(mscaleAllDim) : term(1);
}

export interface LongRopeOptions {
  base?: number;
  /** By pair, what its period is multiplied by: up to `trained` tokens, and beyond. */
  shortFactors: readonly number[];
  longFactors: readonly number[];
  trained: number;
  /** How many there are. */
  tokens?: number;
  /** How many times longer than `trained` the context may become: it gives the attention factor, √(1 + ln(factor) / ln(trained)). */
  factor: number;
  attentionFactor?: number | null;
}

/**
 * LongRoPE: a factor for each pair, found by search; one set of them up to the trained length, another beyond. Ding et al., "LongRoPE", 2024.
 * Throws a ShapeError unless there are dim / 2 of each.
 *
 * @example
 * const { inverse } = longRope(4, { shortFactors: [1, 1.1], longFactors: [1, 8], trained: 4096, tokens: 5000, factor: 32 });
 */
export function longRope(dim: number, options: LongRopeOptions): RopeFrequencies {
  const op = 'longRope';
  const { shortFactors, longFactors, tokens = 0 } = options;
  const [factor, trained] = [positive(op, 'factor', options.factor), positive(op, 'trained', options.trained)];
  const periods = ropePeriods(op, dim, options.base);
  for (const [name, factors] of Object.entries({ shortFactors, longFactors })) {
    if (factors.length !== dim / 2)
      throw new ShapeError(`${op}: ${name}: expected ${dim / 2} factors, one for each pair, got ${factors.length}`);
  }
  const factors = tokens > trained ? longFactors : shortFactors;
  const usual = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(trained));
  return {
    inverse: periods.map((period, i) => 1 / fround(fround(factors[i]!) * period)),
    attentionFactor: options.attentionFactor ?? usual,
  };
}

/**
 * Llama 3.1's scaling: pairs with a wave longer than trained / lowFrequency tokens are interpolated, those shorter than trained /
 * highFrequency stay, those between are blended. Meta, "The Llama 3 Herd of Models", 2024.
 *
 * @example
 * const { inverse } = llama3Rope(128, { base: 500_000, factor: 8, lowFrequency: 1, highFrequency: 4, trained: 8192 });
 */
export function llama3Rope(
  dim: number,
  options: { base?: number; factor: number; lowFrequency: number; highFrequency: number; trained: number },
): RopeFrequencies {
  const op = 'llama3Rope';
  const { lowFrequency: low, highFrequency: high } = options;
  const [factor, trained] = [positive(op, 'factor', options.factor), positive(op, 'trained', options.trained)];
  const inverse = inverseOf(ropePeriods(op, dim, options.base)).map((f) => {
    const wave = fround((2 * Math.PI) / f);
    if (wave > trained / low) return f / factor;
    if (wave < trained / high) return f;
    const smooth = fround(fround(fround(trained / wave) - low) / fround(high - low));
    return fround(fround(fround(1 - smooth) * f) / factor) + fround(smooth * f);
  });
  return { inverse, attentionFactor: 1 };
}

function inverseOf(periods: Float32Array): Float32Array {
  return periods.map((period) => 1 / period);
}

function positive(op: string, name: string, value: number): number {
  if (!(value > 0)) throw new ValueError(`${op}: ${name}: expected a positive number, got ${value}`);
  return value;
}
