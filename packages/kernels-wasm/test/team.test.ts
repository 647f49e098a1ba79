import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import {
  adamStep,
  add,
  attention,
  crossEntropy,
  dropout,
  exp,
  gelu,
  grad,
  layerNorm,
  linear,
  matmul,
  mul,
  Rng,
  randn,
  rmsNorm,
  softmax,
  sum,
  type Tensor,
  tensor,
  tidy,
  transpose,
  withBackend,
  zeros,
} from '@multihead/tensor';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { capabilities, type WasmBackend, wasm } from '../src/index.js';

/* Threads: the same bits for any number of them, and what happens where there are none. */

const draw = (seed: number, shape: readonly number[]): Tensor => randn(shape, { rng: new Rng(seed) });
const leaf = (seed: number, shape: readonly number[]): Tensor => {
  const x = draw(seed, shape);
  x.requiresGrad = true;
  return x;
};

/** Large enough for every kernel to be cut, and of odd sizes. */
const programs: Readonly<Record<string, () => readonly (Tensor | null)[]>> = {
  'matmul, square': () => [matmul(draw(1, [385, 257]), draw(2, [257, 391]))],
  'matmul, tall, transposed': () => [matmul(transpose(draw(1, [131, 1537])), draw(2, [131, 65]))],
  'matmul, wide, transposed': () => [matmul(draw(1, [67, 301]), transpose(draw(2, [1999, 301])))],
  'matmul, batched': () => [matmul(draw(1, [19, 66, 65]), draw(2, [19, 65, 67]))],
  'matmul, few rows': () => [
    matmul(draw(1, [3, 1031]), transpose(draw(2, [2053, 1031]))),
    matmul(draw(1, [3, 1031]), draw(3, [1031, 2053])),
  ],
  'linear with gelu and its gradients': () => {
    const [x, w, b] = [leaf(1, [203, 258]), leaf(2, [517, 258]), leaf(3, [517])];
    const y = linear(x, w, b, { activation: 'gelu' });
    return [y, ...grad(sum(mul(y, draw(4, [203, 517]))), [x, w, b])];
  },
  'layer norm and RMS norm': () => {
    const [x, w, b] = [leaf(1, [1531, 129]), leaf(2, [129]), leaf(3, [129])];
    const y = add(layerNorm(x, w, b), rmsNorm(x, w));
    return [y, ...grad(sum(mul(y, draw(4, [1531, 129]))), [x, w, b])];
  },
  'softmax and cross-entropy': () => {
    const x = leaf(1, [1201, 131]);
    const targets = tensor(Int32Array.from({ length: 1201 }, (_, i) => (i * 7) % 131));
    const loss = add(crossEntropy(x, targets, { labelSmoothing: 0.1 }), sum(softmax(mul(x, 2)), { axis: 0 }));
    return [loss, ...grad(sum(mul(loss, draw(2, [131]))), [x])];
  },
  'attention, causal, with its gradients': () => {
    const [q, k, v] = [leaf(1, [2, 6, 193, 40]), leaf(2, [2, 3, 193, 40]), leaf(3, [2, 3, 193, 24])];
    const y = attention(q, k, v, { causalOffset: 0 });
    return [y, ...grad(sum(mul(y, draw(4, [2, 6, 193, 24]))), [q, k, v])];
  },
  'attention of one head': () => [attention(draw(1, [1, 1, 1000, 32]), draw(2, [1, 1, 777, 32]), draw(3, [1, 1, 777, 32]))],
  'elementwise, dropout, sums': () => {
    const x = draw(1, [517, 401]);
    return [gelu(x), exp(x), add(x, draw(2, [517, 401])), mul(x, 3), dropout(x, 0.3, new Rng(5)), sum(x, { axis: 1 })];
  },
  Adam: () => {
    const [p, g, m, v] = [draw(1, [300_007]), draw(2, [300_007]), zeros([300_007]), zeros([300_007])];
    adamStep(p, g, { m, v }, { lr: 0.1, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.1, decoupled: true, step: 1 });
    return [p, m, v];
  },
};

describe('a backend with threads', () => {
  const teams: WasmBackend[] = [];

  beforeAll(async () => {
    for (const threads of [1, 2, 3, 5]) teams.push(await wasm({ threads }));
  });
  afterAll(() => {
    for (const backend of teams) backend.dispose();
  });

  it('has as many as were asked for', () => {
    expect(teams.map(({ threads, why }) => [threads, why])).toEqual([1, 2, 3, 5].map((threads) => [threads, null]));
  });

  it.each(Object.entries(programs))('%s: the same bits', (_name, program) => {
    const results = teams.map((backend) => {
      const outputs = tidy(() => withBackend(backend, program));
      const bits = outputs.map((y) => y && new Int32Array(y.dataSync().buffer));
      for (const y of outputs) y?.dispose();
      return bits;
    });
    for (const result of results.slice(1)) expect(result).toEqual(results[0]);
  });

  it('grows its memory under its workers', () => {
    const backend = teams[1]!;
    const sums = tidy(() =>
      withBackend(backend, () => [1, 2, 3].map((seed) => sum(matmul(draw(seed, [700, 800]), draw(9, [800, 900])), { axis: 0 }))),
    );
    const alone = tidy(() =>
      withBackend(teams[0]!, () => [1, 2, 3].map((seed) => sum(matmul(draw(seed, [700, 800]), draw(9, [800, 900])), { axis: 0 }))),
    );
    sums.forEach((y, i) => {
      expect(y.dataSync()).toEqual(alone[i]!.dataSync());
    });
    for (const y of [...sums, ...alone]) y.dispose();
  });
});

describe('starting and ending', () => {
  it('a hundred backends leave no worker', async () => {
    const script = `
      import { wasm } from ${JSON.stringify(fileURLToPath(new URL('../src/index.ts', import.meta.url)))};
      for (let i = 0; i < 50; i++) (await wasm({ threads: 3 })).dispose();
      const kept = await wasm({ threads: 2 }); // never disposed: the program ends all the same
      setTimeout(() => console.log(kept.threads, process.getActiveResourcesInfo().filter((name) => /worker|message/i.test(name)).length), 300);
    `;
    const run = ['--conditions=@multihead/source', '--import=tsx', '--input-type=module', '-e', script];
    expect(execFileSync(process.execPath, run, { encoding: 'utf8', timeout: 60_000 }).trim()).toMatch(/^2 [01]$/);
  }, 90_000);

  it('refuses numbers of threads that are none', async () => {
    await expect(wasm({ threads: 0 })).rejects.toThrow('threads: expected an integer from 1 to 64, got 0');
    await expect(wasm({ threads: 1.5 })).rejects.toThrow('got 1.5');
  });

  it('goes on with one thread, and says why, where there is no shared memory', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    try {
      expect(capabilities()).toMatchObject({ threads: false, why: [expect.stringContaining('cross-origin isolated')] });
      const backend = await wasm({ threads: 4 });
      expect(backend.threads).toBe(1);
      expect(backend.why).toMatch(/^threads: no SharedArrayBuffer/);
      backend.dispose();
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('goes on with one thread when a worker has died', async () => {
    const started: Worker[] = [];
    class Watched extends Worker {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args);
        started.push(this);
      }
    }
    const builtin = vi.spyOn(process, 'getBuiltinModule').mockReturnValue({ Worker: Watched });
    const backend = await wasm({ threads: 2 });
    builtin.mockRestore();
    const product = (): Float32Array =>
      tidy(() => withBackend(backend, () => matmul(draw(1, [385, 257]), draw(2, [257, 391])).dataSync() as Float32Array));
    const before = product();
    expect(started.length).toBe(1);
    await started[0]!.terminate();
    expect(product()).toEqual(before);
    backend.dispose();
  });

  it('after dispose, using it throws', async () => {
    const backend = await wasm({ threads: 2 });
    const buffer = backend.alloc(4, 'float32');
    backend.dispose();
    expect(() => backend.kernels.fill(buffer, 1)).toThrow('disposed');
  });
});
