import { Tensor } from '@multihead/tensor';
import type { Archive } from '../archive.js';
import { difference } from '../compare.js';
import { type Check, Skip, type Tolerance } from '../suite.js';
import { valuesOf } from '../tensors.js';
import { numeric, type Outputs } from './call.js';
import type { OnnxCase } from './document.js';
import { refuse, rounded, wrapped } from './elements.js';

/** Families whose operators work element by element, or only move elements: nothing is summed. */
const elementwise = new Set(['activation', 'binary', 'compare', 'dropout', 'indexing', 'shape', 'unary']);

/** ONNX's own tolerance is for float64; a sum in float32 may be off by this much near 0, in ONNX Runtime, too. */
const sumTolerance = 1e-5;

/** ONNX rounds to bfloat16 after every step, and we at the end: two units in the last of its eight bits. */
const bfloatTolerance = 2 ** -6;

function toleranceOf({ rtol, atol }: OnnxCase, family: string, dtype: string): Tolerance {
  if (elementwise.has(family)) return { rtol, atol, equalNan: true };
  return { rtol: dtype === 'BF16' ? Math.max(rtol, bfloatTolerance) : rtol, atol: Math.max(atol, sumTolerance), equalNan: true };
}

/** Every output that the case asks for beside the computed one. */
export async function checksOf(golden: OnnxCase, family: string, archive: Archive, result: Outputs): Promise<Check[]> {
  const outputs = result instanceof Tensor ? [result] : result;
  const checks: Check[] = [];
  for (const [i, wanted] of golden.outputs.entries()) {
    if (wanted === null) continue;
    const ref = numeric(wanted);
    const tolerance = toleranceOf(golden, family, ref.dtype);
    const output = outputs[i] ?? null;
    const got = output && rounded(await valuesOf(output), ref.dtype);
    const want = archive.values(ref);
    const inRange = got && wrapped(got, ref.dtype);
    if (inRange && difference(inRange, want, tolerance) === null) {
      throw new Skip(`by design: integers are int32, and this result wraps around in ${ref.dtype}`);
    }
    checks.push({ what: `output ${i}`, got, want: [want], tolerance });
  }
  return checks;
}

/** Throws a `Skip` if the outputs cannot be tensors here. */
export function refuseOutputs(golden: OnnxCase, archive: Archive): void {
  for (const output of golden.outputs) if (output) refuse(archive, numeric(output));
}
