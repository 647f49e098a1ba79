import { ShapeError, ValueError } from '@multihead/tensor';
import { kthLargest, topIndices } from './top-indices.js';

/*
 * What is done to the scores of the next token before one is chosen, each as transformers 5.18 does it. A processor belongs to nobody and keeps
 * nothing: it is a function of the ids so far and of their row in the batch, and changes the scores [V] of the token behind them in place.
 * They are float32, and a score of -∞ is a token that cannot come.
 *
 * Those that cut the distribution take `keep`, the number of tokens that stay whatever happens; those that forbid an end take its ids.
 */

/** Changes the `scores` [V] of the token behind `ids`, those of row `row` of the batch, in place. */
export type LogitsProcessor = (scores: Float32Array, ids: readonly number[], row: number) => void;

const never = Number.NEGATIVE_INFINITY;

/**
 * scores / value: below 1 sharper, above 1 flatter. Throws a ValueError unless `value` is above 0.
 *
 * @example
 * const scores = Float32Array.of(1, 2);
 * temperature(0.5)(scores, [], 0); // [2, 4]
 */
export function temperature(value: number): LogitsProcessor {
  check('temperature', 'value', value, value > 0 && value < Number.POSITIVE_INFINITY, 'a number above 0');
  return (scores) => each(scores, (score) => score / value);
}

/**
 * Only the k likeliest tokens, and those as likely as the last of them. Fan et al., "Hierarchical Neural Story Generation", 2018. Throws a
 * ValueError unless k is an integer above 0.
 *
 * @example
 * const scores = Float32Array.of(1, 3, 2);
 * topK(2)(scores, [], 0); // [-Infinity, 3, 2]
 */
export function topK(k: number, { keep = 1 } = {}): LogitsProcessor {
  checkCount('topK', 'k', k, 1);
  return (scores) => {
    const least = kthLargest(scores, Math.max(k, keep));
    each(scores, (score) => (score < least ? never : score));
  };
}

/**
 * Only the likeliest tokens that together are at least p likely: the nucleus. Holtzman et al., "The Curious Case of Neural Text Degeneration",
 * 2020. Throws a ValueError unless 0 ≤ p ≤ 1.
 *
 * @example
 * const scores = Float32Array.of(0, 5, 4);
 * topP(0.9)(scores, [], 0); // [-Infinity, 5, 4]
 */
export function topP(p: number, { keep = 1 } = {}): LogitsProcessor {
  checkShare('topP', 'p', p);
  return (scores) => {
    const probabilities = softmaxOf(scores);
    // What is this unlikely is always out, all of it together is: the rest alone needs to be sorted.
    const floor = (1 - p) / scores.length;
    let sum = 0;
    const rest: number[] = [];
    for (let i = 0; i < scores.length; i++) {
      if (probabilities[i]! > floor) rest.push(i);
      else sum += probabilities[i]!;
    }
    rest.sort((a, b) => scores[a]! - scores[b]! || a - b);
    const kept = new Set(topIndices(scores, keep));
    for (const i of rest) {
      sum += probabilities[i]!;
      if (sum > 1 - p) kept.add(i);
    }
    only(scores, (i) => kept.has(i));
  };
}

/**
 * Only tokens at least `p` times as likely as the likeliest. Nguyen et al., "Turning Up the Heat: Min-p Sampling", 2024. Throws a ValueError
 * unless 0 ≤ p ≤ 1.
 *
 * @example
 * const scores = Float32Array.of(0, 5, 4);
 * minP(0.2)(scores, [], 0); // [-Infinity, 5, 4]
 */
export function minP(p: number, { keep = 1 } = {}): LogitsProcessor {
  checkShare('minP', 'p', p);
  return (scores) => {
    const probabilities = softmaxOf(scores);
    const least = p * probabilities.reduce((top, x) => Math.max(top, x), 0);
    onlyAnd(scores, keep, (i) => probabilities[i]! >= least);
  };
}

/**
 * Of the 100 likeliest tokens those whose shares of the entropy come to no more than `h` of it. Baghaei Potraghloo et al., "Top-H Decoding",
 * 2025. Throws a ValueError unless 0 < h ≤ 1.
 *
 * @example
 * const scores = Float32Array.of(0, 5, 4);
 * topH(0.6)(scores, [], 0); // [-Infinity, 5, -Infinity]
 */
export function topH(h: number): LogitsProcessor {
  check('topH', 'h', h, h > 0 && h <= 1, 'a number above 0, at most 1');
  return (scores) => {
    const top = topIndices(scores, Math.min(100, scores.length));
    const terms = Array.from(softmaxOf(Float32Array.from(top, (i) => scores[i]!)), (p) => (p > 0 ? -p * Math.log(p) : 0));
    const most = h * terms.reduce((sum, x) => sum + x, 0);
    const kept = new Set<number>();
    let sum = 0;
    for (const [rank, i] of top.entries()) {
      sum += terms[rank]!;
      if (rank === 0 || sum <= most) kept.add(i);
    }
    only(scores, (i) => kept.has(i));
  };
}

/**
 * Only the tokens whose surprise, -ln p, is nearest to what is expected, the entropy, until they are `mass` likely together. Meister et al.,
 * "Locally Typical Sampling", 2022. Throws a ValueError unless 0 < mass < 1.
 *
 * @example
 * const scores = Float32Array.of(0, 0, 3);
 * typical(0.5)(scores, [], 0); // [-Infinity, -Infinity, 3]
 */
export function typical(mass: number, { keep = 1 } = {}): LogitsProcessor {
  check('typical', 'mass', mass, mass > 0 && mass < 1, 'a number between 0 and 1');
  return (scores) => {
    const probabilities = softmaxOf(scores);
    const logs = probabilities.map(Math.log);
    const entropy = entropyOf(probabilities);
    const distance = logs.map((log) => Math.abs(-log - entropy));
    const order = Array.from(scores.keys()).sort((a, b) => distance[a]! - distance[b]! || a - b);
    let sum = 0;
    let last = 0;
    for (const i of order) {
      sum += probabilities[i]!;
      if (sum < mass) last++;
    }
    const most = distance[order[Math.min(last, order.length - 1)]!]!;
    const kept = new Set(order.slice(0, keep));
    only(scores, (i) => distance[i]! <= most || kept.has(i));
  };
}

/**
 * Only tokens of a probability of at least `epsilon`. Hewitt et al., "Truncation Sampling as Language Model Desmoothing", 2022. Throws a
 * ValueError unless 0 < epsilon < 1.
 *
 * @example
 * const scores = Float32Array.of(0, 5, 4);
 * epsilonCutoff(0.1)(scores, [], 0); // [-Infinity, 5, 4]
 */
export function epsilonCutoff(epsilon: number, { keep = 1 } = {}): LogitsProcessor {
  check('epsilonCutoff', 'epsilon', epsilon, epsilon > 0 && epsilon < 1, 'a number between 0 and 1');
  return (scores) => {
    const probabilities = softmaxOf(scores);
    onlyAnd(scores, keep, (i) => probabilities[i]! >= epsilon);
  };
}

/**
 * Only tokens of a probability of at least min(ε, √ε · e^-entropy): where much is possible, unlikely ones may come, too. Hewitt et al., 2022. Throws a
 * ValueError unless 0 < epsilon < 1.
 *
 * @example
 * const scores = Float32Array.of(0, 5, 4);
 * etaCutoff(0.1)(scores, [], 0); // [-Infinity, 5, 4]
 */
export function etaCutoff(epsilon: number, { keep = 1 } = {}): LogitsProcessor {
  check('etaCutoff', 'epsilon', epsilon, epsilon > 0 && epsilon < 1, 'a number between 0 and 1');
  return (scores) => {
    const probabilities = softmaxOf(scores);
    const eta = Math.min(epsilon, Math.sqrt(epsilon) * Math.exp(-entropyOf(probabilities)));
    onlyAnd(scores, keep, (i) => probabilities[i]! >= eta);
  };
}

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

function entropyOf(probabilities: Float64Array): number {
  return probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}

function each(scores: Float32Array, change: (score: number) => number): void {
  for (let i = 0; i < scores.length; i++) scores[i] = change(scores[i]!);
}

function only(scores: Float32Array, isKept: (i: number) => boolean): void {
  for (let i = 0; i < scores.length; i++) if (!isKept(i)) scores[i] = never;
}

/** Those for which `isKept`, and none that is as high as the `keep`-th highest is lost. */
function onlyAnd(scores: Float32Array, keep: number, isKept: (i: number) => boolean): void {
  const least = kthLargest(scores, keep);
  only(scores, (i) => isKept(i) || scores[i]! >= least);
}

function forbid(scores: Float32Array, ids: readonly number[]): void {
  for (const id of ids) if (id < scores.length) scores[id] = never;
}

function force(scores: Float32Array, ids: readonly number[]): void {
  scores.fill(never);
  for (const id of ids) if (id < scores.length) scores[id] = 0;
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

function check(op: string, name: string, value: unknown, isRight: boolean, expected: string): void {
  if (!isRight) throw new ValueError(`${op}: ${name}: expected ${expected}, got ${String(value)}`);
}

function checkShare(op: string, name: string, value: number): void {
  check(op, name, value, value >= 0 && value <= 1, 'a number from 0 to 1');
}

export function checkCount(op: string, name: string, value: number, least: number): void {
  check(op, name, value, Number.isSafeInteger(value) && value >= least, `an integer of ${least} or more`);
}

function checkIds(op: string, name: string, ids: readonly number[]): void {
  const isRight = Array.isArray(ids) && ids.length > 0 && ids.every((id) => Number.isSafeInteger(id) && id >= 0);
  check(op, name, `[${String(ids)}]`, isRight, 'lists of at least one token id');
}
