import { noGrad, normalize, scope, tensor } from '@multihead/tensor';
import {
  classificationLoss,
  contrastiveLoss,
  labelLoss,
  loadBalancingLoss,
  nextTokenLoss,
  replacedTokenLoss,
  shiftRight,
  spanLoss,
} from '@multihead/transformer/loss';
import { meanPooling } from '@multihead/transformer/pooling';
import { expect, test } from 'vitest';
import { ids } from './tiny.js';

test('the loss of a language model compares each token with the one before it', async () => {
  using _ = scope();
  const sure = (token: number) => [0, 1, 2].map((i) => (i === token ? 50 : 0));
  const logits = tensor([[sure(1), sure(2), sure(0)]]);
  expect(await nextTokenLoss(logits, ids([[0, 1, 2]])).item()).toBeCloseTo(0);
  expect(await nextTokenLoss(logits, ids([[0, 2, 2]])).item()).toBeCloseTo(25);
  expect(await nextTokenLoss(logits, ids([[0, -100, 2]])).item()).toBeCloseTo(0);
  expect(await labelLoss(logits, ids([[1, 2, -100]])).item()).toBeCloseTo(0);
});

test('a decoder reads its labels one place later', async () => {
  using _ = scope();
  expect(Array.from(await shiftRight(ids([[7, 8, -100, 2]]), { start: 5, pad: 1 }).data())).toEqual([5, 7, 8, 1]);
});

test('partners that find one another cost nothing', async () => {
  using _ = scope();
  expect(await contrastiveLoss(tensor([[50, 0], [0, 50]])).item()).toBeCloseTo(0); // biome-ignore format: a matrix
  expect(await contrastiveLoss(tensor([[0, 0], [0, 0]])).item()).toBeCloseTo(Math.log(2)); // biome-ignore format: a matrix
});

test('the mean over tokens leaves padding out; a sample without any gives 0', async () => {
  using _ = scope();
  const x = tensor([[[1, 2], [3, 6], [100, 100]], [[1, 1], [1, 1], [1, 1]]]); // biome-ignore format: [B, T, E]
  const mask = ids([
    [1, 1, 0],
    [0, 0, 0],
  ]);
  expect(Array.from(await meanPooling(x, mask).data())).toEqual([2, 4, 0, 0]);
  expect((await noGrad(() => normalize(meanPooling(x))).data()).slice(2)).toEqual(Float32Array.of(Math.SQRT1_2, Math.SQRT1_2));
});

const softplus = (x: number) => Math.log1p(Math.exp(x));
const softmax = (row: number[]) => row.map((x) => Math.exp(x) / row.reduce((sum, y) => sum + Math.exp(y), 0));

test('a classifier: squared error of one number, cross-entropy of classes, binary cross-entropy of several labels', async () => {
  using _ = scope();
  const numbers = classificationLoss(tensor([[1], [3]]), tensor([2, 0.5]));
  expect(await numbers.item()).toBeCloseTo((1 + 6.25) / 2);
  expect(await classificationLoss(tensor([[1], [3]]), ids([[2, 1]])).item()).toBeCloseTo((1 + 4) / 2); // whole numbers, too
  const logits = [[2, -1, 0.5], [0, 1, -2]]; // biome-ignore format: a matrix
  const classes = await classificationLoss(tensor(logits), tensor(Int32Array.of(2, 0))).item();
  expect(classes).toBeCloseTo(-(Math.log(softmax(logits[0]!)[2]!) + Math.log(softmax(logits[1]!)[0]!)) / 2);
  const labels = [[1, 0, 1], [0, 0, 1]]; // biome-ignore format: a matrix
  const each = logits.flatMap((row, i) => row.map((x, j) => softplus(x) - x * labels[i]![j]!));
  expect(await classificationLoss(tensor(logits), tensor(labels)).item()).toBeCloseTo(each.reduce((sum, x) => sum + x) / 6);
  const asked = classificationLoss(tensor(logits), ids(labels), { problem_type: 'multi_label_classification' });
  expect(await asked.item()).toBeCloseTo(each.reduce((sum, x) => sum + x) / 6);
  expect(() => classificationLoss(tensor(logits), tensor([1, 0]))).toThrow('labels: expected as many as logits [2, 3]');
  expect(() => classificationLoss(tensor(logits), tensor([1, 0]), { problem_type: 'guess' as never })).toThrow('problem_type: expected');
});

test('the place of an answer: the mean of both ends, and what is outside of the text is left out', async () => {
  using _ = scope();
  const [start, end] = [[[1, 2, 0], [0, 0, 3]], [[0, 1, 1], [2, 0, 0]]]; // biome-ignore format: matrices
  const of = (row: number[], place: number) => -Math.log(softmax(row)[place]!);
  const spans = { start_logits: tensor(start!), end_logits: tensor(end!) };
  const places = { start: tensor(Int32Array.of(1, 2)), end: tensor(Int32Array.of(2, 3)) }; // the last is behind the text
  const want = ((of(start![0]!, 1) + of(start![1]!, 2)) / 2 + of(end![0]!, 2)) / 2;
  expect(await spanLoss(spans, places).item()).toBeCloseTo(want);
  const before = { start: tensor(Int32Array.of(1, -5)), end: places.end }; // one before it is the first
  expect(await spanLoss(spans, before).item()).toBeCloseTo(((of(start![0]!, 1) + of(start![1]!, 0)) / 2 + of(end![0]!, 2)) / 2);
});

test('replaced tokens: the mean over those that are no padding', async () => {
  using _ = scope();
  const [logits, replaced] = [[[2, -1, 7]], [[1, 0, 0]]];
  const each = logits[0]!.map((x, i) => softplus(x) - x * replaced[0]![i]!);
  expect(await replacedTokenLoss(tensor(logits), ids(replaced)).item()).toBeCloseTo((each[0]! + each[1]! + each[2]!) / 3);
  expect(await replacedTokenLoss(tensor(logits), ids(replaced), ids([[1, 1, 0]])).item()).toBeCloseTo((each[0]! + each[1]!) / 2);
});

test('the balance of experts, over all layers, without padding', async () => {
  using _ = scope();
  // Two layers of four tokens, three experts of which two are chosen.
  const layers = [[[1, 2, 0], [3, 0, 1], [0, 0.5, 2], [9, 9, 0]], [[0, 1, 0.5], [2, 2.5, 0], [1, 0, 3], [0, 9, 9]]]; // biome-ignore format: matrices
  const wanted = (counts: number[]) => {
    const rows = layers.flatMap((layer) => layer.filter((_, i) => counts[i] === 1));
    const share = (row: number[]) => {
      const order = row.map((_, i) => i).sort((a, b) => row[b]! - row[a]!);
      return row.map((_, i) => (order.indexOf(i) < 2 ? 1 : 0));
    };
    const mean = (of: (row: number[]) => number[], e: number) => rows.reduce((sum, row) => sum + of(row)[e]!, 0) / rows.length;
    return 3 * [0, 1, 2].reduce((sum, e) => sum + mean(share, e) * mean(softmax, e), 0);
  };
  const routers = layers.map((layer) => tensor(layer));
  expect(await loadBalancingLoss(routers, { num_experts_per_tok: 2 }).item()).toBeCloseTo(wanted([1, 1, 1, 1]), 5);
  const mask = ids([[1, 1], [1, 0]]); // biome-ignore format: [B, T]
  expect(await loadBalancingLoss(routers, { num_experts_per_tok: 2, mask }).item()).toBeCloseTo(wanted([1, 1, 1, 0]), 5);
  expect(() => loadBalancingLoss([], { num_experts_per_tok: 2 })).toThrow('expected the logits of at least one layer');
  expect(() => loadBalancingLoss(routers, { num_experts_per_tok: 2, mask: ids([[1, 1, 1]]) })).toThrow('mask: expected the tokens');
});
