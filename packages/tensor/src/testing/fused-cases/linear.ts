import type { Activation, LinearArgs } from '../../backend.js';
import { unaryFunctions } from '../../cpu/scalar-functions.js';
import type { BackendCase } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { uniformSample } from '../samples.js';

const activations: readonly Activation[] = ['none', 'relu', 'gelu', 'geluTanh', 'silu'];

// biome-ignore format: a table
const sizes: readonly (readonly [rows: number, inFeatures: number, outFeatures: number])[] = [
  [1, 1, 1], [1, 64, 33], [2, 3, 5], [6, 8, 8], [7, 19, 13], [17, 33, 65], [65, 130, 24], [3, 300, 8], [0, 3, 4],
];

/** What the kernel must give, and by element the sum of the terms' magnitudes. */
export function linearReference(x: Float32Array, weight: Float32Array, bias: Float32Array | null, args: LinearArgs) {
  const { rows, inFeatures, outFeatures, transposed, activation } = args;
  const pre = new Float64Array(rows * outFeatures);
  const scale = new Float64Array(pre.length);
  for (let i = 0; i < pre.length; i++) {
    const [row, column] = [Math.floor(i / outFeatures), i % outFeatures];
    for (let p = 0; p < inFeatures; p++) {
      const term = x[row * inFeatures + p]! * weight[transposed ? p * outFeatures + column : column * inFeatures + p]!;
      pre[i]! += term;
      scale[i]! += Math.abs(term);
    }
    pre[i]! += bias?.[column] ?? 0;
    scale[i]! += Math.abs(bias?.[column] ?? 0);
  }
  return { pre, scale, out: activation === 'none' ? pre : pre.map(unaryFunctions[activation]) };
}

async function agrees(lab: Lab, args: LinearArgs, withBias: boolean, withPre: boolean): Promise<void | false> {
  const { rows, inFeatures, outFeatures } = args;
  const x = uniformSample(1, rows * inFeatures);
  const weight = uniformSample(2, inFeatures * outFeatures, -1, 1);
  const bias = withBias ? uniformSample(3, outFeatures) : null;
  const out = lab.out('float32', rows * outFeatures);
  const pre = withPre ? lab.out('float32', rows * outFeatures) : null;
  const taken = lab.backend.fused.linear!(out, pre, lab.put(x), lab.put(weight), bias && lab.put(bias), args);
  const what = `linear ${JSON.stringify(args)}${withBias ? ' with bias' : ''}`;
  if (!taken) {
    await lab.check(`${what} declined, so out`, out, lab.rubbish('float32', rows * outFeatures), exact);
    return false;
  }
  const want = linearReference(x, weight, bias, args);
  await lab.check(what, out, want.out, { rtol: 2e-6, atol: 1e-6, scale: want.scale });
  if (pre) await lab.check(`${what}: pre`, pre, want.pre, { rtol: 2e-6, atol: 1e-7, scale: want.scale });
}

function linearCase(activation: Activation, transposed: boolean): BackendCase {
  return {
    name: `linear: ${activation}, weight ${transposed ? '[in, out]' : '[out, in]'}`,
    needs: 'linear',
    run: async (lab) => {
      let taken = false;
      for (const [rows, inFeatures, outFeatures] of sizes) {
        const args = { rows, inFeatures, outFeatures, transposed, activation };
        for (const withBias of [true, false]) {
          for (const withPre of [true, false]) {
            if ((await agrees(lab, args, withBias, withPre)) !== false) taken = true;
          }
        }
      }
      return taken ? undefined : false;
    },
  };
}

export const linearCases: readonly BackendCase[] = activations.flatMap((activation) => [
  linearCase(activation, false),
  linearCase(activation, true),
]);
