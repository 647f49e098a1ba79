import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { drawn, getBackend, keep, liveTensors, ones, param, rand, Rng, type Tensor, tidy } from '@multihead/tensor';
import { expect, it } from 'vitest';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function settled(reached: () => boolean): Promise<void> {
  for (let i = 0; i < 50 && !reached(); i++) {
    collect();
    await setTimeout(10);
  }
}

// A backstop only: scopes free tensors in time, the garbage collector some day.
it('a tensor that nobody holds any more is freed and counted out when it is collected', async () => {
  const before = [liveTensors(), getBackend().memory().buffers];
  (() => void ones([1000]))();
  expect(liveTensors()).toBe(before[0]! + 1);
  await settled(() => liveTensors() === before[0]);
  expect([liveTensors(), getBackend().memory().buffers]).toEqual(before);
});

it('and so is a parameter, whether it was ever used or not', async () => {
  const before = [liveTensors(), getBackend().memory().buffers];
  const make = (): Tensor =>
    param(
      [10],
      drawn(new Rng(1), (shape, rng) => rand(shape, { rng })),
    );
  (() => void make())();
  (() => void make().buffer)();
  expect(liveTensors()).toBe(before[0]! + 2);
  await settled(() => liveTensors() === before[0]);
  expect([liveTensors(), getBackend().memory().buffers]).toEqual(before);
});

it('one that left its scope is watched from then on', async () => {
  const before = [liveTensors(), getBackend().memory().buffers];
  const make = (how: (make: () => Tensor) => Tensor): void => void how(() => ones([1000]));
  make((one) => tidy(() => keep(one())));
  make((one) => tidy(one)); // out of the outermost scope
  make((one) => tidy(() => tidy(one)));
  expect(liveTensors()).toBe(before[0]! + 3);
  await settled(() => liveTensors() === before[0]);
  expect([liveTensors(), getBackend().memory().buffers]).toEqual(before);
});
