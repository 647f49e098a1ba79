// Scaled dot-product attention on one sentence, step by step: `pnpm example attention`.
// The numbers are made by hand, so that each step can be followed; a trained model finds its own.
import { attend } from '@multihead/attention';
import { matmul, mul, scope, softmax, sub, abs, amax, type Tensor, tensor, transpose } from '@multihead/tensor';
import { heatMap, table } from './attention/heat-map.js';

const words = ['the', 'cat', 'sat', 'and', 'it', 'purred'];
const features = ['noun', 'pronoun', 'verb', 'other'];
const meanings = ['creature', 'event'];

using _ = scope();

// #region inputs
const x = tensor([
  // noun, pronoun, verb, other
  [0.1, 0.0, 0.0, 0.9], // the
  [0.9, 0.0, 0.1, 0.0], // cat
  [0.1, 0.0, 0.9, 0.0], // sat
  [0.0, 0.0, 0.0, 1.0], // and
  [0.1, 0.9, 0.0, 0.0], // it
  [0.0, 0.0, 1.0, 0.0], // purred
]);
// What a word of each kind looks for: a pronoun looks for a noun, a verb for who does it, other words for nothing.
const wQuery = tensor([
  [1, 0, 4, 0], // noun
  [8, 0, 1, 0], // pronoun
  [6, 6, 0, 0], // verb
  [0, 0, 0, 0], // other
]);
// What a word offers: what it is.
const wKey = tensor([
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
  [0, 0, 0, 1],
]);
// What a word says to those who look at it: creature, event.
const wValue = tensor([
  [1, 0], // noun
  [0, 0], // pronoun
  [0, 1], // verb
  [0, 0], // other
]);
// #endregion inputs

// #region steps
const q = matmul(x, wQuery); // [words, 4]: what each word looks for
const k = matmul(x, wKey); // [words, 4]: what each word offers
const v = matmul(x, wValue); // [words, 2]: what each word says
const scores = matmul(q, transpose(k)); // [words, words]: how well they fit
const scaled = mul(scores, 1 / Math.sqrt(4)); // by √dim, so that wide vectors do not make the softmax hard
const weights = softmax(scaled); // [words, words]: each row sums to 1
const output = matmul(weights, v); // [words, 2]: what each word has heard
// #endregion steps

// #region attend
const same = attend(q, k, v); // all of the above, in one call
// #endregion attend

type Matrix = number[][];
const rows = async (t: Tensor) => (await t.toArray()) as Matrix;
const shape = (t: Tensor) => `[${t.shape.join(', ')}]`;
const print = (title: string, ...lines: string[]) => console.log([title, ...lines, ''].join('\n'));
const it = words.indexOf('it');
const row = (matrix: Matrix) => matrix[it]!.map((n) => n.toFixed(2)).join('  ');

print('softmax(q kᵀ / √dim) v, for the words', `   ${words.join(' ')}`);
print(`1  Each word is a vector: x ${shape(x)}`, table(words, features, await rows(x), 1));
print(
  '2  Three projections: what it looks for, what it offers, what it says',
  `   q = x·Wq ${shape(q)}   k = x·Wk ${shape(k)}   v = x·Wv ${shape(v)}`,
  `   "it":  q  ${row(await rows(q))}   (looks for a noun)`,
  `          k  ${row(await rows(k))}   (is a pronoun)`,
  `          v  ${row(await rows(v))}               (says almost nothing)`,
);
print(`3  Every word asks every word: scores = q·kᵀ ${shape(scores)}`, table(words, words, await rows(scores)));
print(`4  Scaled by √4: ${shape(scaled)}`, table(words, words, await rows(scaled)));
print(`5  softmax, row by row: weights ${shape(weights)}; who (left) looks at whom (top)`, heatMap(words, words, await rows(weights)));
print(`6  What each word has heard: output = weights·v ${shape(output)}`, table(words, meanings, await rows(output)));

const [heard, said] = [(await rows(output))[it]!, (await rows(v))[it]!];
const share = ((await rows(weights))[it]![words.indexOf('cat')]! * 100).toFixed(0);
const difference = await amax(abs(sub(same, output))).item();
console.log(`"it" gives ${share} % of its attention to "cat": creature ${said[0]!.toFixed(2)} → ${heard[0]!.toFixed(2)}.`);
console.log(`attend(q, k, v) does all of this in one call; greatest difference: ${difference.toExponential(0)}.`);
