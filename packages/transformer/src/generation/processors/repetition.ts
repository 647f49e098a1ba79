import { type LogitsProcessor, forbid, check, checkCount } from './scores.js';

/* Tokens that were there before: less likely, or not again. */

/**
 * Every token of `ids` once: positive scores are divided by `penalty`, negative ones multiplied. Keskar et al., "CTRL", 2019. Throws a ValueError
 * unless `penalty` is above 0.
 *
 * @example
 * const scores = Float32Array.of(1, -1, 4);
 * repetitionPenalty(2)(scores, [1, 2, 2], 0); // [1, -2, 2]
 */
export function repetitionPenalty(penalty: number): LogitsProcessor {
  check('repetitionPenalty', 'penalty', penalty, penalty > 0, 'a number above 0');
  return (scores, ids) => penalize(scores, ids, penalty);
}

/**
 * Every token of the source of its row once, the other way round: above 1 it comes more easily, which keeps an answer near to the source. Throws a ValueError
 * unless `penalty` is above 0.
 *
 * @example
 * const scores = Float32Array.of(1, -1, 4);
 * encoderRepetitionPenalty(2, [[1, 2]])(scores, [0], 0); // [1, -0.5, 8]
 */
export function encoderRepetitionPenalty(penalty: number, sources: readonly (readonly number[])[]): LogitsProcessor {
  check('encoderRepetitionPenalty', 'penalty', penalty, penalty > 0, 'a number above 0');
  return (scores, _, row) => penalize(scores, sources[row]!, 1 / penalty);
}

/**
 * Less `penalty` for every token that has come since the prompt of `promptLength` ids, however often. Throws a ValueError unless it is a number.
 *
 * @example
 * const scores = Float32Array.of(1, 1, 1);
 * presencePenalty(0.5, 1)(scores, [0, 2, 2], 0); // [1, 1, 0.5]
 */
export function presencePenalty(penalty: number, promptLength = 0): LogitsProcessor {
  check('presencePenalty', 'penalty', penalty, Number.isFinite(penalty), 'a number');
  return (scores, ids) => {
    for (const id of new Set(ids.slice(promptLength))) if (id < scores.length) scores[id]! -= penalty;
  };
}

/**
 * Less `penalty` for each time that a token has come since the prompt of `promptLength` ids. Throws a ValueError unless it is a number.
 *
 * @example
 * const scores = Float32Array.of(1, 1, 1);
 * frequencyPenalty(0.5, 1)(scores, [0, 2, 2], 0); // [1, 1, 0]
 */
export function frequencyPenalty(penalty: number, promptLength = 0): LogitsProcessor {
  check('frequencyPenalty', 'penalty', penalty, Number.isFinite(penalty), 'a number');
  return (scores, ids) => {
    for (const id of ids.slice(promptLength)) if (id < scores.length) scores[id]! -= penalty;
  };
}

/**
 * No n tokens twice in this order. Throws a ValueError unless n is an integer above 0.
 *
 * @example
 * const scores = Float32Array.of(1, 1, 1);
 * noRepeatNgram(2)(scores, [0, 1, 0], 0); // [1, -Infinity, 1]
 */
export function noRepeatNgram(n: number): LogitsProcessor {
  checkCount('noRepeatNgram', 'n', n, 1);
  return (scores, ids) => forbidNgrams(scores, ids, ids, n);
}

/**
 * No n tokens in an order in which they are in the source of its row. Throws a ValueError unless n is an integer above 0.
 *
 * @example
 * const scores = Float32Array.of(1, 1, 1);
 * encoderNoRepeatNgram(2, [[0, 1]])(scores, [0], 0); // [1, -Infinity, 1]
 */
export function encoderNoRepeatNgram(n: number, sources: readonly (readonly number[])[]): LogitsProcessor {
  checkCount('encoderNoRepeatNgram', 'n', n, 1);
  return (scores, ids, row) => forbidNgrams(scores, ids, sources[row]!, n);
}

/**
 * Less `penalty` for each time that the other groups of beams have just chosen a token: how beams of different groups are kept apart. Vijayakumar et
 * al., "Diverse Beam Search", 2016.
 *
 * @example
 * const scores = Float32Array.of(1, 1);
 * hammingDiversity(0.5, () => [1, 1])(scores, [], 0); // [1, 0]
 */
export function hammingDiversity(penalty: number, chosen: (row: number) => readonly number[]): LogitsProcessor {
  return (scores, _, row) => {
    for (const id of chosen(row)) scores[id]! -= penalty;
  };
}

function penalize(scores: Float32Array, ids: readonly number[], penalty: number): void {
  for (const id of new Set(ids)) {
    if (id < scores.length) scores[id] = scores[id]! < 0 ? scores[id]! * penalty : scores[id]! / penalty;
  }
}

/** What follows in `text` wherever the last n - 1 ids are in it. */
function forbidNgrams(scores: Float32Array, ids: readonly number[], text: readonly number[], n: number): void {
  const from = ids.length - (n - 1);
  if (from < 0) return;
  for (let start = 0; start + n <= text.length; start++) {
    let same = 0;
    while (same < n - 1 && text[start + same] === ids[from + same]) same++;
    if (same === n - 1) forbid(scores, [text[start + same]!]);
  }
}
