import type { CrossEntropyArgs } from '../../backend.js';
import { type BackendCase, mustTakeBoth, mustThrow } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { integerSample, uniformSample } from '../samples.js';

const ignoreIndex = -100;

// biome-ignore format: a table
const sizes: readonly (readonly [rows: number, classes: number])[] = [
  [1, 1], [1, 2], [3, 5], [4, 8], [7, 17], [33, 41], [2, 1003], [0, 4],
];
const smoothings: readonly number[] = [0, 0.1, 1];

interface Loss {
  readonly loss: Float64Array;
  readonly lse: Float64Array;
  readonly dLogits: Float64Array;
}

/** The gradient is by the logits. */
export function crossEntropyReference(
  logits: ArrayLike<number>,
  targets: Int32Array,
  dLoss: ArrayLike<number>,
  args: CrossEntropyArgs,
): Loss {
  const { rows, classes, labelSmoothing: s } = args;
  const loss = new Float64Array(rows);
  const lse = new Float64Array(rows);
  const dLogits = new Float64Array(rows * classes);
  for (let row = 0; row < rows; row++) {
    const x = Float64Array.from({ length: classes }, (_, j) => logits[row * classes + j]!);
    const largest = x.reduce((a, b) => Math.max(a, b), -Infinity);
    lse[row] = largest + Math.log(x.reduce((sum, v) => sum + Math.exp(v - largest), 0));
    const target = targets[row]!;
    if (target === args.ignoreIndex) continue;
    const uniform = s === 0 ? 0 : s * (lse[row]! - x.reduce((sum, v) => sum + v, 0) / classes);
    loss[row] = (1 - s) * (lse[row]! - x[target]!) + uniform;
    for (let j = 0; j < classes; j++) {
      const wanted = (j === target ? 1 - s : 0) + s / classes;
      dLogits[row * classes + j] = dLoss[row]! * (Math.exp(x[j]! - lse[row]!) - wanted);
    }
  }
  return { loss, lse, dLogits };
}

function targetsOf(rows: number, classes: number, ignore: boolean): Int32Array {
  return integerSample(rows, rows, 0, classes - 1).map((target, row) => (ignore && row % 3 === 1 ? ignoreIndex : target));
}

interface Setting {
  readonly logits: Float32Array;
  readonly targets: Int32Array;
  readonly args: CrossEntropyArgs;
}

function settings(low: number, high: number): Setting[] {
  return sizes.flatMap(([rows, classes]) =>
    smoothings.map((labelSmoothing, i) => ({
      logits: uniformSample(rows + i, rows * classes, low, high),
      targets: targetsOf(rows, classes, i > 0),
      args: { rows, classes, ignoreIndex, labelSmoothing },
    })),
  );
}

async function forwards(lab: Lab, low: number, high: number): Promise<void | false> {
  let taken = false;
  for (const { logits, targets, args } of settings(low, high)) {
    const what = `crossEntropy ${JSON.stringify(args)}`;
    const loss = lab.out('float32', args.rows);
    const lse = lab.out('float32', args.rows);
    if (!lab.backend.fused.crossEntropy!(loss, lse, lab.put(logits), lab.put(targets), args)) {
      await lab.check(`${what} declined, so loss`, loss, lab.rubbish('float32', args.rows), exact);
      continue;
    }
    taken = true;
    const want = crossEntropyReference(logits, targets, new Float32Array(args.rows), args);
    const atol = 3e-6 + 4e-7 * Math.max(Math.abs(low), Math.abs(high)); // the loss is a difference of numbers of this size
    await lab.check(what, loss, want.loss, { rtol: 3e-6, atol });
    await lab.check(`${what}: lse`, lse, want.lse, { rtol: 3e-6, atol: 3e-6 });
  }
  return taken ? undefined : false;
}

async function backwards(lab: Lab): Promise<void | false> {
  let taken = false;
  for (const { logits, targets, args } of settings(-6, 6)) {
    const what = `crossEntropyGrad ${JSON.stringify(args)}`;
    const dLoss = uniformSample(5, args.rows);
    const want = crossEntropyReference(logits, targets, dLoss, args);
    const dLogits = lab.out('float32', logits.length);
    const lse = lab.put(Float32Array.from(want.lse));
    if (!lab.backend.fused.crossEntropyGrad!(dLogits, lab.put(dLoss), lab.put(logits), lse, lab.put(targets), args)) {
      await lab.check(`${what} declined, so dLogits`, dLogits, lab.rubbish('float32', logits.length), exact);
      const outputs = [lab.out('float32', args.rows), lab.out('float32', args.rows)] as const;
      mustTakeBoth(what, lab.backend.fused.crossEntropy?.(...outputs, lab.put(logits), lab.put(targets), args) ?? false);
      continue;
    }
    taken = true;
    await lab.check(what, dLogits, want.dLogits, { rtol: 5e-6, atol: 1e-6 });
  }
  return taken ? undefined : false;
}

async function refusesTargets(lab: Lab): Promise<void> {
  for (const target of [5, -1, 2 ** 31 - 1]) {
    const args = { rows: 3, classes: 5, ignoreIndex, labelSmoothing: 0 };
    const targets = lab.put(Int32Array.from([0, target, ignoreIndex]));
    const logits = lab.put(uniformSample(1, 15));
    mustThrow(`crossEntropy of target ${target}`, [target], () => {
      const taken = lab.backend.fused.crossEntropy!(lab.out('float32', 3), lab.out('float32', 3), logits, targets, args);
      if (!taken) throw new Error(`declined, which is as good: ${target}`);
    });
  }
}

export const crossEntropyCases: readonly BackendCase[] = [
  { name: 'crossEntropy: odd sizes', needs: 'crossEntropy', run: (lab) => forwards(lab, -6, 6) },
  { name: 'crossEntropy: large logits', needs: 'crossEntropy', run: (lab) => forwards(lab, -1000, 1000) },
  { name: 'crossEntropy: gradient', needs: 'crossEntropyGrad', run: backwards },
  { name: 'crossEntropy: targets out of range throw', needs: 'crossEntropy', run: refusesTargets },
];
