import {
  bincount,
  grad,
  index,
  LifetimeError,
  liveTensors,
  maskedSelect,
  mul,
  noGrad,
  nonzero,
  scope,
  sum,
  type Tensor,
  tensor,
  unbind,
  unique,
} from '@multihead/tensor';
import { describe, expect, it } from 'vitest';

const ints = (...numbers: number[]): Tensor => tensor(Int32Array.from(numbers));

describe('operations whose shape depends on data', () => {
  it('maskedSelect passes gradients to the elements that were taken, as often as they were', async () => {
    using _ = scope();
    const x = tensor([[1], [2]], { requiresGrad: true });
    const y = await maskedSelect(x, tensor([[true, false, true], [false, false, true]])); // biome-ignore format: a matrix
    expect(await y.toArray()).toEqual([1, 1, 2]);
    const [dx] = grad(sum(mul(y, tensor([10, 20, 30]))), [x]);
    expect(await dx!.toArray()).toEqual([[30], [30]]);
  });

  it('bincount passes gradients to the weights', async () => {
    using _ = scope();
    const weights = tensor([1, 2, 3], { requiresGrad: true });
    const y = await bincount(ints(2, 0, 2), { weights });
    const [dw] = grad(sum(mul(y, tensor([5, 6, 7]))), [weights]);
    expect(await dw!.toArray()).toEqual([7, 5, 7]);
  });

  it('nonzero, unbound, is what index takes', async () => {
    using _ = scope();
    const x = tensor([[0, 5, 0], [7, 0, 8]]); // biome-ignore format: a matrix
    expect(await index(x, unbind(await nonzero(x), 1)).toArray()).toEqual([5, 7, 8]);
  });

  it('the parts of unique make the whole', async () => {
    using _ = scope();
    const x = tensor([[3, 1], [1, 3], [3, 1]]); // biome-ignore format: a matrix
    const { values, inverse, counts, indices } = await unique(x, { axis: 0 });
    expect(await values.toArray()).toEqual([[1, 3], [3, 1]]); // biome-ignore format: a matrix
    expect(await index(values, [inverse]).toArray()).toEqual(await x.toArray());
    expect(await index(x, [indices]).toArray()).toEqual(await values.toArray());
    expect(await counts.toArray()).toEqual([1, 2]);
  });

  it('leaves nothing behind but its results', async () => {
    const [x, mask] = [tensor([1, 0, 2]), tensor([true, false, true])];
    const before = liveTensors();
    const { values, inverse, counts, indices } = await unique(x);
    const results = [await nonzero(x), values, inverse, counts, indices];
    expect(liveTensors() - before).toBe(results.length);
    for (const result of [...results, x, mask]) result.dispose();
  });

  it('inside noGrad is off the tape, though it ends later', async () => {
    using _ = scope();
    const x = tensor([1, 2], { requiresGrad: true });
    const off = noGrad(() => maskedSelect(x, tensor([true, false])));
    const on = maskedSelect(x, tensor([true, false]));
    expect([(await off).requiresGrad, (await on).requiresGrad]).toEqual([false, true]);
  });

  it('says so when its input is gone before the data has come', async () => {
    const open = scope();
    const promise = maskedSelect(tensor([1, 2]), tensor([true, false]));
    open.close();
    await expect(promise).rejects.toThrow(LifetimeError);
  });
});
