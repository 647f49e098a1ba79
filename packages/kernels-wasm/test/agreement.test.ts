import {
  add,
  type Backend,
  composed,
  cpu,
  fillRandom,
  grad,
  liveTensors,
  mul,
  sum,
  type Tensor,
  tensor,
  tidy,
  type TypedArray,
  withBackend,
} from '@multihead/tensor';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wasm, type WasmOptions } from '../src/index.js';
import { type Call, plainCalls } from './random-calls.js';
import { laidOut } from './random-inputs.js';
import { layerCalls } from './random-layer-calls.js';

/*
 * Both backends make the same random calls, from tensors that lie anyhow in their buffers, and agree in values and gradients: integers and
 * bools exactly, floats within four times the tolerance that `describeBackend` allows each of them against float64.
 */
const FACTOR = 4;
const tolerance = { values: { rtol: FACTOR * 2e-5, atol: FACTOR * 2e-6 }, gradients: { rtol: FACTOR * 1e-4, atol: FACTOR * 1e-5 } };

interface Outcome {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: TypedArray;
  /** By each float input, as it lies in its buffer. */
  readonly gradients: readonly (TypedArray | null)[];
}

function outcome(call: Call, backend: Backend): Outcome {
  let found: Outcome | undefined;
  tidy(() =>
    withBackend(backend, () => {
      const inputs = call.inputs.map((one) => laidOut(one, backend));
      const y = call.run(...inputs.map(({ x }) => x));
      const leaves = inputs.map(({ leaf }) => leaf).filter((leaf) => leaf.requiresGrad);
      const gradients = y.requiresGrad && y.node ? grad(weighted(y), leaves).map((g) => g?.dataSync() ?? null) : [];
      found = { shape: y.shape, dtype: y.dtype, values: y.dataSync(), gradients };
    }),
  );
  return found!;
}

/** Σ y · w with fixed, uneven w. */
function weighted(y: Tensor): Tensor {
  const weights = new Float32Array(y.size);
  fillRandom(weights, { kind: 'uniform', seed: 77, counter: 0, p: 0 });
  return sum(mul(y, add(tensor(weights, { shape: y.shape }), -0.5)));
}

function agree(got: TypedArray, want: TypedArray, { rtol, atol }: { rtol: number; atol: number }): string | null {
  if (got.length !== want.length) return `${got.length} elements instead of ${want.length}`;
  const exact = !(want instanceof Float32Array);
  for (let i = 0; i < want.length; i++) {
    const [a, b] = [got[i]!, want[i]!];
    const close = a === b || (Number.isNaN(a) && Number.isNaN(b)) || (!exact && Math.abs(a - b) <= atol + rtol * Math.abs(b));
    if (!close) return `[${i}] is ${a} instead of ${b}`;
  }
  return null;
}

const builds: readonly (readonly [name: string, runs: number, options: WasmOptions])[] = [
  ['relaxed', 2000, {}],
  ['plain', 500, { relaxedSimd: false }],
  ['two threads', 500, { threads: 2 }],
];

describe.each(builds)('cpu and wasm (%s) agree', (_, numRuns, options) => {
  const reference = cpu();
  let backend: Backend;
  beforeAll(async () => {
    backend = await wasm(options);
  });
  afterAll(() => backend.dispose());

  it(`in ${numRuns} random calls`, { timeout: 300_000 }, () => {
    const before = [liveTensors(), backend.memory()];
    fc.assert(
      fc.property(fc.oneof(...plainCalls, ...layerCalls), fc.boolean(), (call, fused) => {
        const want = outcome(call, reference);
        const got = fused ? outcome(call, backend) : composed(() => outcome(call, backend));
        expect([got.shape, got.dtype]).toEqual([want.shape, want.dtype]);
        expect(agree(got.values, want.values, tolerance.values), `${call.what}: values`).toBeNull();
        expect(got.gradients.map((g) => g === null)).toEqual(want.gradients.map((g) => g === null));
        got.gradients.forEach((g, i) => {
          const other = want.gradients[i];
          if (g && other) expect(agree(g, other, tolerance.gradients), `${call.what}: the gradient of float input ${i}`).toBeNull();
        });
      }),
      { numRuns },
    );
    expect([liveTensors(), backend.memory()]).toEqual(before);
  });
});
