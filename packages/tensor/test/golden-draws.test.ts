import { createHash } from 'node:crypto';
import { bernoulli, rand, randn, Rng, scope, type Tensor } from '@multihead/tensor';
import { expect, it } from 'vitest';

/*
 * What a seed stands for may never change: checkpoints resume by it, and results are told by it. The first draws of each distribution, and
 * a hash of the bytes of the first 1,000, as a program in Python gives them that has only the paper and `random.ts`'s prose in common with
 * this one. Other backends are held to equal bits by `describeBackend`.
 */
const hash = (data: ArrayBufferView) => {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
};

// biome-ignore format: numbers
const draws: readonly (readonly [name: string, draw: (rng: Rng) => Tensor, first: readonly number[], digest: string])[] = [
  ['rand', (rng) => rand([1000], { rng }),
    [0.6129598617553711, 0.4685865044593811, 0.07323169708251953, 0.3408614993095398, 0.9877186417579651], '83d64d8931ae68de'],
  ['randn', (rng) => randn([1000], { rng }),
    [-0.9701898097991943, 0.19401895999908447, -1.2356207370758057, 1.9239267110824585, -0.07318150997161865], '428dfcabf75532bb'],
  ['bernoulli', (rng) => bernoulli([1000], 0.3, { rng }), [0, 0, 1, 0, 0], 'ab158ff8bef7b6af'],
];

it.each(draws)('%s', (_, draw, first, digest) => {
  using __ = scope();
  const data = draw(new Rng(42)).dataSync();
  expect({ first: Array.from(data.subarray(0, 5)), digest: hash(data) }).toEqual({ first, digest });
});

it('on the host: uniform, integer, permutation, fork', () => {
  const rng = new Rng(42);
  expect([rng.uniform(), rng.uniform(), rng.uniform()]).toEqual([0.6129598617553711, 0.9877186417579651, 0.8258668184280396]);
  expect(Array.from({ length: 5 }, () => rng.integer(1000))).toEqual([940, 730, 44, 891, 518]);
  expect(Array.from(rng.permutation(8))).toEqual([6, 4, 5, 0, 3, 7, 1, 2]);
  expect(rng.fork().seed).toBe(309520008415776);
  expect(rng.state).toEqual({ seed: 42, counter: 16 });
});
