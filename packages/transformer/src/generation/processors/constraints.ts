import { ShapeError, ValueError } from '@multihead/tensor';
import { type LogitsProcessor, never, logSumExp, each, only, forbid, force, check, checkCount, checkIds } from './scores.js';

/* What must come, may not come, or is likelier to, wherever in the text. Those that forbid an end take its ids. */

/**
 * Adds a bias to the last token of a sequence where the others have just come. Throws a ValueError for an empty sequence or what is no id.
 *
 * @example
 * const scores = Float32Array.of(1, 1, 1);
 * sequenceBias([[[2], 5], [[0, 1], -3]])(scores, [1, 0], 0); // [1, -2, 6]
 */
export function sequenceBias(biases: readonly (readonly [ids: readonly number[], bias: number])[]): LogitsProcessor {
  for (const [sequence] of biases) checkIds('sequenceBias', 'ids', sequence);
  return (scores, ids) => {
    for (const [sequence, bias] of biases) {
      const [last, before] = [sequence.at(-1)!, sequence.length - 1];
      if (last >= scores.length) throw new ValueError(`sequenceBias: ids: expected ids below ${scores.length}, got ${last}`);
      if (sequence.slice(0, -1).every((id, i) => ids[ids.length - before + i] === id)) scores[last]! += bias;
    }
  };
}

/**
 * None of these words, each a list of ids; `ends` alone is no bad word. Throws a ValueError for an empty word or what is no id.
 *
 * @example
 * const scores = Float32Array.of(1, 1, 1);
 * badWords([[2], [0, 1]])(scores, [1, 0], 0); // [1, -Infinity, -Infinity]
 */
export function badWords(words: readonly (readonly number[])[], { ends = [] }: { ends?: readonly number[] } = {}): LogitsProcessor {
  for (const word of words) checkIds('badWords', 'words', word);
  return sequenceBias(words.filter((word) => !(word.length === 1 && ends.includes(word[0]!))).map((word) => [word, never]));
}

/**
 * No end before there are `length` ids, those of the prompt included. Throws a ValueError unless `length` is an integer of 0 or more.
 *
 * @example
 * const scores = Float32Array.of(1, 1);
 * minLength(3, [1])(scores, [0, 0], 0); // [1, -Infinity]
 */
export function minLength(length: number, ends: readonly number[]): LogitsProcessor {
  checkCount('minLength', 'length', length, 0);
  return (scores, ids) => ids.length < length && forbid(scores, ends);
}

/**
 * No end before `tokens` have come behind the `promptLength` ids of the prompt. Throws a ValueError unless both are integers of 0 or more.
 *
 * @example
 * const scores = Float32Array.of(1, 1);
 * minNewTokens(2, 1, [1])(scores, [0, 0], 0); // [1, -Infinity]
 */
export function minNewTokens(tokens: number, promptLength: number, ends: readonly number[]): LogitsProcessor {
  checkCount('minNewTokens', 'tokens', tokens, 0);
  checkCount('minNewTokens', 'promptLength', promptLength, 0);
  return minLength(promptLength + tokens, ends);
}

/**
 * The second id is this one, as a decoder that begins with its start token needs it to know the language.
 *
 * @example
 * const scores = Float32Array.of(1, 1);
 * forcedBos(1)(scores, [0], 0); // [-Infinity, 0]
 */
export function forcedBos(id: number): LogitsProcessor {
  return (scores, ids) => ids.length === 1 && force(scores, [id]);
}

/**
 * The last of `length` ids is one of `ends`.
 *
 * @example
 * const scores = Float32Array.of(1, 1);
 * forcedEos(3, [1])(scores, [0, 0], 0); // [-Infinity, 0]
 */
export function forcedEos(length: number, ends: readonly number[]): LogitsProcessor {
  return (scores, ids) => ids.length === length - 1 && force(scores, ends);
}

/**
 * None of these tokens, ever.
 *
 * @example
 * const scores = Float32Array.of(1, 1);
 * suppressTokens([0])(scores, [], 0); // [-Infinity, 1]
 */
export function suppressTokens(tokens: readonly number[]): LogitsProcessor {
  return (scores) => forbid(scores, tokens);
}

/**
 * None of these tokens where there are `length` ids: as the first of an answer.
 *
 * @example
 * const scores = Float32Array.of(1, 1);
 * suppressTokensAtBegin([0], 1)(scores, [1], 0); // [-Infinity, 1]
 */
export function suppressTokensAtBegin(tokens: readonly number[], length: number): LogitsProcessor {
  return (scores, ids) => ids.length === length && forbid(scores, tokens);
}

/**
 * Where there are as many ids as a pair says, its token and no other; a pair with null forces nothing. Throws a ValueError unless
 * places are integers from 0 and tokens ids.
 *
 * @example
 * const scores = Float32Array.of(1, 1);
 * forcedTokens([[1, 0], [2, null]])(scores, [1], 0); // [0, -Infinity]
 */
export function forcedTokens(pairs: readonly (readonly [place: number, token: number | null])[]): LogitsProcessor {
  const ofPlace = new Map(pairs);
  for (const [place, token] of ofPlace) {
    const isRight = [place, token ?? 0].every((n) => Number.isSafeInteger(n) && n >= 0);
    check('forcedTokens', 'pairs', JSON.stringify([place, token]), isRight, 'pairs of a place and a token id or null');
  }
  return (scores, ids) => {
    const token = ofPlace.get(ids.length) ?? null;
    if (token !== null) force(scores, [token]);
  };
}

/**
 * From `start` new tokens on the end becomes likelier: score + |score| · (factor^(tokens behind start) - 1).
 *
 * @example
 * const scores = Float32Array.of(1, 1);
 * exponentialDecayLengthPenalty([1, 2], 0, [1])(scores, [0, 0], 0); // [1, 2]
 */
export function exponentialDecayLengthPenalty(
  [start, factor]: readonly [start: number, factor: number],
  promptLength: number,
  ends: readonly number[],
): LogitsProcessor {
  return (scores, ids) => {
    const late = ids.length - (start + promptLength);
    if (late <= 0) return;
    for (const id of ends) scores[id]! += Math.abs(scores[id]!) * (factor ** late - 1);
  };
}

/**
 * NaN becomes 0, and infinities the largest numbers of float32: what a model that overflows gives, made fit to go on.
 *
 * @example
 * const scores = Float32Array.of(NaN, 1);
 * removeInvalidValues()(scores, [], 0); // [0, 1]
 */
export function removeInvalidValues(): LogitsProcessor {
  const most = (2 - 2 ** -23) * 2 ** 127;
  return (scores) => each(scores, (score) => (Number.isNaN(score) ? 0 : Math.min(most, Math.max(-most, score))));
}

/**
 * ln p: scores whose exponentials sum to 1.
 *
 * @example
 * const scores = Float32Array.of(0, 0);
 * normalizeLogits()(scores, [], 0); // [-0.69, -0.69]
 */
export function normalizeLogits(): LogitsProcessor {
  return (scores) => {
    const log = logSumExp(scores);
    each(scores, (score) => score - log);
  };
}

/**
 * Only tokens that `allowed` gives for the ids so far and their row. Throws a ValueError where it gives none.
 *
 * @example
 * const scores = Float32Array.of(1, 1, 1);
 * prefixAllowed((ids) => (ids.at(-1) === 0 ? [1, 2] : [0]))(scores, [0], 0); // [-Infinity, 1, 1]
 */
export function prefixAllowed(allowed: (ids: readonly number[], row: number) => Iterable<number>): LogitsProcessor {
  return (scores, ids, row) => {
    const kept = new Set(allowed(ids, row));
    if (kept.size === 0) throw new ValueError(`prefixAllowed: allowed: expected at least one token behind ${ids.length} ids, got none`);
    only(scores, (i) => kept.has(i));
  };
}

/**
 * Classifier-free guidance: ln p(without) + scale · (ln p(with) - ln p(without)) from the scores [V] with the prompt and those without. Sanchez et al., "Stay on Topic
 * with Classifier-Free Guidance", 2023. Throws a ValueError unless `scale` is above 1, a ShapeError where lengths differ.
 *
 * @example
 * classifierFreeGuidance(Float32Array.of(2, 1), Float32Array.of(1, 1), 3); // [4, 1]
 */
export function classifierFreeGuidance(conditional: Float32Array, unconditional: Float32Array, scale: number): Float32Array {
  check('classifierFreeGuidance', 'scale', scale, scale > 1, 'a number above 1');
  if (conditional.length !== unconditional.length) {
    throw new ShapeError(`classifierFreeGuidance: expected scores of one length, got ${conditional.length} and ${unconditional.length}`);
  }
  return conditional.map((score, i) => unconditional[i]! + scale * (score - unconditional[i]!));
}
