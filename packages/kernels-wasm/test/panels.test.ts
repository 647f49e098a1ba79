import { add, linear, matmul, Rng, randn, type Tensor, tidy, transpose, withBackend } from '@multihead/tensor';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type WasmBackend, wasm } from '../src/index.js';

/* Weights that are used again are kept in the form that products read; nobody notices but by the clock. */

let backend: WasmBackend;
beforeAll(async () => {
  backend = await wasm();
});
afterAll(() => backend.dispose());

const on = <T>(run: () => T): T => withBackend(backend, run);
const draw = (seed: number, shape: readonly number[]): Tensor => on(() => randn(shape, { rng: new Rng(seed) }));
const bits = (y: Tensor): Float32Array => {
  const data = y.dataSync() as Float32Array;
  y.dispose();
  return data;
};

it.each([
  [16, 65, 33],
  [7, 1030, 259],
  [150, 300, 2100],
])('%i rows, [%i] to [%i]: the same bits from weights that are kept', (rows, k, n) => {
  const [x, w, bias] = [draw(1, [rows, k]), draw(2, [n, k]), draw(3, [n])];
  const first = bits(on(() => linear(x, w, bias)));
  expect(backend.memory().derived).toBe(0);
  const second = bits(on(() => linear(x, w, bias)));
  expect(backend.memory().derived).toBeGreaterThanOrEqual(n * k * 4);
  expect(second).toEqual(first);
  expect(bits(on(() => linear(x, w, bias)))).toEqual(first);
  // Transposed, as in a gradient, they are another form.
  const g = draw(4, [rows, n]);
  const back = [1, 2, 3].map(() => bits(on(() => matmul(g, w))));
  expect(back[2]).toEqual(back[0]);
  for (const t of [x, w, bias, g]) t.dispose();
  expect(backend.memory()).toEqual({ buffers: 0, bytes: 0, derived: 0 });
});

it.each([
  [1, 600, 260],
  [2, 2100, 72],
  [4, 1030, 136],
  [1, 1025, 136],
])('%i rows by weights stored [in, out], [%i] to [%i]: the same bits from panels', (rows, k, n) => {
  const [x, w, bias] = [draw(1, [rows, k]), draw(2, [k, n]), draw(3, [n])];
  const product = () => bits(on(() => linear(x, w, bias, { transposed: true, activation: 'gelu' })));
  const first = product();
  expect(backend.memory().derived).toBe(0);
  expect(product()).toEqual(first);
  expect(backend.memory().derived).toBeGreaterThanOrEqual(n * k * 4);
  for (const t of [x, w, bias]) t.dispose();
});

it('forgets them when the weights change, by whatever kernel', () => {
  const [x, w] = [draw(1, [8, 40]), draw(2, [24, 40])];
  const product = () => tidy(() => bits(on(() => matmul(x, transpose(w)))));
  const writes: readonly (() => void)[] = [
    () => backend.write(w.buffer, new Float32Array(24 * 40).fill(2)),
    () => backend.kernels.fill(w.buffer, 3),
    () => backend.kernels.unary('neg', w.buffer, w.buffer),
    () => backend.fused.adamStep!(w.buffer, w.buffer, draw(5, [24, 40]).buffer, draw(6, [24, 40]).buffer, adam),
    () => backend.kernels.random(w.buffer, { kind: 'normal', seed: 1, counter: 0, p: 0 }),
    () =>
      backend.kernels.copy([24, 40], w.buffer, { offset: 0, strides: [40, 1] }, draw(7, [24, 40]).buffer, { offset: 0, strides: [40, 1] }),
    () => backend.kernels.matmul(w.buffer, draw(8, [24, 2]).buffer, draw(9, [2, 40]).buffer, outer),
  ];
  for (const write of writes) {
    for (let i = 0; i < 2; i++) product();
    expect(backend.memory().derived).toBeGreaterThan(0);
    tidy(write);
    expect(backend.memory().derived).toBe(0);
    const fresh = tidy(() => on(() => add(w, 0)));
    expect(product()).toEqual(tidy(() => bits(on(() => matmul(x, transpose(fresh))))));
    fresh.dispose();
  }
  for (const t of [x, w]) t.dispose();
});

const adam = { lr: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0, decoupled: true, step: 1 };
const sizes = { batch: 1, m: 24, n: 40, k: 2, aBatchStride: 0, bBatchStride: 0, transA: false, transB: false };
const outer = { ...sizes, alpha: 1, accumulate: false };

it('gives their memory up when it is needed', async () => {
  const small = await wasm({ maxBytes: 24 * 2 ** 20 });
  const [x, w] = withBackend(small, () => [randn([8, 1024], { rng: new Rng(1) }), randn([1024, 1024], { rng: new Rng(2) })]);
  const run = () => withBackend(small, () => matmul(x, w));
  const first = bits(run());
  bits(run());
  expect(small.memory().derived).toBeGreaterThan(0);
  const rest = small.alloc(4_200_000, 'float32');
  expect(small.memory().derived).toBe(0);
  small.free(rest);
  expect(bits(run())).toEqual(first);
  small.dispose();
  for (const t of [x, w]) t.dispose();
});
