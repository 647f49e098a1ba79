import { cpu, noGrad, randn, Rng, scope, softmax, withBackend } from '@multihead/tensor';
import { expect, it, vi } from 'vitest';
import { describeBackend, describeTraining } from '../src/testing/index.js';
import { toy } from './toy-backend.js';

/*
 * A half-written backend is slow and right.
 */

describeBackend('toy', toy);
describeTraining('toy', toy, { steps: 200 });

it('uses the fused kernels that it has where no gradient is wanted of them, and is right without them', async () => {
  using _ = scope();
  const backend = toy();
  const kernel = vi.spyOn(backend.fused, 'softmax');
  const draw = () => randn([3, 5], { rng: new Rng(1), requiresGrad: true });
  const [x, reference] = [withBackend(backend, draw), withBackend(cpu(), draw)];
  const [fused, composed] = [noGrad(() => softmax(x)), softmax(x)];
  expect(kernel).toHaveBeenCalledTimes(1);
  expect(await fused.data()).toBeAllclose(await composed.data());
  composed.backward(composed);
  const y = softmax(reference);
  y.backward(y);
  expect(await x.grad!.data()).toEqual(await reference.grad!.data());
  expect(() => x.dataSync()).toThrow(/the toy backend can only be read asynchronously/);
});
