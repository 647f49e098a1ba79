import type { Tensor } from '@multihead/tensor';
import type { Archive, TensorRef } from '../archive.js';
import type { Check, Values } from '../suite.js';
import { valuesOf } from '../tensors.js';
import type { TorchCase } from './document.js';

/** What a case computed, to be compared with what its file says. */
export interface Computed {
  readonly outputs: readonly (Tensor | Values | null)[];
  /** By the names that the case has for them. */
  readonly grads?: ReadonlyMap<string, Tensor | null>;
}

/** Every output and every gradient of `golden` beside the computed one. An output that the case leaves out is not compared. */
export async function checksOf(golden: TorchCase, archive: Archive, computed: Computed): Promise<Check[]> {
  const { rtol, atol, grad_rtol = rtol, grad_atol = atol, equal_nan: equalNan = true } = golden;
  const wanted = golden.outputs ?? [];
  const checks: Check[] = [];
  if (computed.outputs.length !== wanted.length) {
    throw new Error(`gave ${computed.outputs.length} outputs, want ${wanted.length}`);
  }
  for (const [i, ref] of wanted.entries()) {
    if (ref === null) continue;
    const want = alternatives(archive, ref, golden.alt_outputs?.[i]);
    checks.push({ what: `output ${i}`, got: await read(computed.outputs[i]), want, tolerance: { rtol, atol, equalNan } });
  }
  for (const [name, ref] of Object.entries(golden.grads ?? {})) {
    const want = alternatives(archive, ref, golden.alt_grads?.[name]);
    const got = await read(computed.grads?.get(name) ?? null);
    checks.push({ what: `gradient of ${name}`, got, want, tolerance: { rtol: grad_rtol, atol: grad_atol, equalNan } });
  }
  return checks;
}

function alternatives(archive: Archive, ref: TensorRef | null, alternative: TensorRef | null | undefined): Check['want'] {
  const values = (r: TensorRef | null) => r && archive.values(r);
  return alternative === undefined ? [values(ref)] : [values(ref), values(alternative)];
}

async function read(value: Tensor | Values | null): Promise<Values | null> {
  return value === null || 'kind' in value ? value : valuesOf(value);
}
