import { kthLargest, topIndices } from '../top-indices.js';
import { type LogitsProcessor, never, softmaxOf, each, only, onlyAnd, check, checkShare, checkCount } from './scores.js';

/* Sampling: flatter or sharper scores, and fewer tokens to draw from. `keep` tokens stay whatever happens. */

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

function entropyOf(probabilities: Float64Array): number {
  return probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}
