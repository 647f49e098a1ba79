import { noGrad, normalize, scope, tensor } from '@multihead/tensor';
import { contrastiveLoss, labelLoss, nextTokenLoss, shiftRight } from '@multihead/transformer/loss';
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
