import { adamStep, gelu, matmul, mean, memory, Rng, randn, scope, square, type Tensor, zerosLike } from '@multihead/tensor';
import { describeTraining } from '@multihead/tensor/testing';
import { afterEach, expect, it, vi } from 'vitest';
import { wasm } from '../src/index.js';

describeTraining('wasm, relaxed', () => wasm());
describeTraining('wasm, plain', () => wasm({ relaxedSimd: false }), { steps: 200 });
describeTraining('wasm, two threads', () => wasm({ threads: 2 }), { steps: 200 });

afterEach(() => void vi.restoreAllMocks());

it('a training step reuses the memory of the one before: after the first, the WebAssembly memory never grows', async () => {
  const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow');
  const backend = await wasm();
  const rng = new Rng(1);
  const outer = scope();
  const leaf = (rows: number, columns: number) => randn([rows, columns], { rng, backend, requiresGrad: true });
  const weights = [leaf(16, 16), leaf(16, 16)].map((p) => ({ p, m: zerosLike(p), v: zerosLike(p) }));
  const args = { lr: 1e-3, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0, decoupled: true };
  const batch = (rows: number): Tensor => weights.reduce((x, { p }) => gelu(matmul(x, p)), randn([rows, 16], { rng, backend }));
  const growths: number[] = [];
  for (let step = 1; step <= 100; step++) {
    const inner = scope();
    mean(square(batch(step === 1 ? 20_000 : 1 + rng.integer(20_000)))).backward(); // the first is the largest
    for (const { p, m, v } of weights) {
      adamStep(p, p.grad!, { m, v }, { ...args, step });
      p.grad!.dispose();
      p.grad = null;
    }
    inner.close();
    growths.push(grow.mock.calls.length);
  }
  const { buffers, peakBytes } = memory(backend);
  expect(growths[0]).toBeGreaterThan(0);
  expect(new Set(growths).size, 'growths of the memory, step by step').toBe(1);
  expect(buffers).toBe(6);
  expect(peakBytes).toBeGreaterThan(5e6);
  outer.close();
  backend.dispose();
});
