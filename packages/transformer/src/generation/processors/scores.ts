import { ValueError } from '@multihead/tensor';
import { kthLargest } from '../top-indices.js';

/*
 * What is done to the scores of the next token before one is chosen, each as transformers 5.18 does it. A processor belongs to nobody and keeps
 * nothing: it is a function of the ids so far and of their row in the batch, and changes the scores [V] of the token behind them in place.
 * They are float32, and a score of -∞ is a token that cannot come.
 *
 * Those that cut the distribution take `keep`, the number of tokens that stay whatever happens; those that forbid an end take its ids.
 */

/** Changes the `scores` [V] of the token behind `ids`, those of row `row` of the batch, in place. */
export type LogitsProcessor = (scores: Float32Array, ids: readonly number[], row: number) => void;

export const never = Number.NEGATIVE_INFINITY;

/** ln Σ e^score. */
export function logSumExp(scores: Float32Array): number {
  const top = scores.reduce((most, x) => Math.max(most, x), never);
  if (!Number.isFinite(top)) return top;
  return top + Math.log(scores.reduce((sum, x) => sum + Math.exp(x - top), 0));
}

/** e^score / Σ e^score, in float64. */
export function softmaxOf(scores: Float32Array): Float64Array {
  const log = logSumExp(scores);
  return Float64Array.from(scores, (score) => Math.exp(score - log));
}

export function each(scores: Float32Array, change: (score: number) => number): void {
  for (let i = 0; i < scores.length; i++) scores[i] = change(scores[i]!);
}

export function only(scores: Float32Array, isKept: (i: number) => boolean): void {
  for (let i = 0; i < scores.length; i++) if (!isKept(i)) scores[i] = never;
}

/** Those for which `isKept`, and none that is as high as the `keep`-th highest is lost. */
export function onlyAnd(scores: Float32Array, keep: number, isKept: (i: number) => boolean): void {
  const least = kthLargest(scores, keep);
  only(scores, (i) => isKept(i) || scores[i]! >= least);
}

export function forbid(scores: Float32Array, ids: readonly number[]): void {
  for (const id of ids) if (id < scores.length) scores[id] = never;
}

export function force(scores: Float32Array, ids: readonly number[]): void {
  scores.fill(never);
  for (const id of ids) if (id < scores.length) scores[id] = 0;
}

export function check(op: string, name: string, value: unknown, isRight: boolean, expected: string): void {
  if (!isRight) throw new ValueError(`${op}: ${name}: expected ${expected}, got ${String(value)}`);
}

export function checkShare(op: string, name: string, value: number): void {
  check(op, name, value, value >= 0 && value <= 1, 'a number from 0 to 1');
}

export function checkCount(op: string, name: string, value: number, least: number): void {
  check(op, name, value, Number.isSafeInteger(value) && value >= least, `an integer of ${least} or more`);
}

export function checkIds(op: string, name: string, ids: readonly number[]): void {
  const isRight = Array.isArray(ids) && ids.length > 0 && ids.every((id) => Number.isSafeInteger(id) && id >= 0);
  check(op, name, `[${String(ids)}]`, isRight, 'lists of at least one token id');
}
