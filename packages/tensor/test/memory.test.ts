import {
  add,
  cpu,
  getBackend,
  liveTensors,
  memory,
  mul,
  ones,
  reshape,
  resetPeakMemory,
  scope,
  tidy,
  transpose,
  withBackend,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it } from 'vitest';

describe('memory', () => {
  it('counts tensors, and the buffers and bytes of a backend', () => {
    using _ = scope();
    const backend = cpu();
    const tensors = liveTensors();
    expect(memory(backend)).toEqual({ tensors, buffers: 0, bytes: 0, peakBytes: 0 });
    const x = ones([10, 10], { backend });
    reshape(x, [100]); // a view
    ones([3], { backend, dtype: 'bool' });
    expect(memory(backend)).toEqual({ tensors: tensors + 3, buffers: 2, bytes: 403, peakBytes: 403 });
    expect(withBackend(backend, () => memory())).toEqual(memory(backend));
    expect(memory()).toEqual(memory(getBackend()));
  });

  it('remembers the peak until it is reset', () => {
    using _ = scope();
    const backend = cpu();
    const x = ones([1000], { backend });
    tidy(() => add(mul(x, x), x)).dispose();
    expect(memory(backend)).toMatchObject({ bytes: 4000, peakBytes: 12_000 });
    resetPeakMemory(backend);
    expect(memory(backend)).toMatchObject({ bytes: 4000, peakBytes: 4000 });
    zeros([1], { backend }).dispose();
    expect(memory(backend)).toMatchObject({ bytes: 4000, peakBytes: 4004 });
    tidy(() => mul(x, x)).dispose();
    expect(memory(backend)).toMatchObject({ bytes: 4000, peakBytes: 8000 });
    x.dispose();
    expect(memory(backend)).toMatchObject({ buffers: 0, bytes: 0, peakBytes: 8000 });
  });

  it('keeps the peaks of backends apart', () => {
    using _ = scope();
    const [a, b] = [cpu(), cpu()];
    ones([100], { backend: a });
    ones([10], { backend: b });
    resetPeakMemory(a);
    expect([memory(a).peakBytes, memory(b).peakBytes]).toEqual([400, 40]);
  });

  it('shows what reading a view that is in another order costs for a moment, and no more', async () => {
    using _ = scope();
    const backend = cpu();
    const x = reshape(ones([100], { backend }), [10, 10]);
    const view = transpose(x);
    await x.data();
    const before = memory(backend);
    expect(before.peakBytes).toBe(400);
    await view.data();
    view.dataSync();
    expect(memory(backend)).toEqual({ ...before, peakBytes: 800 });
  });
});
