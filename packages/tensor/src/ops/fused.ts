import { compute, isDifferentiated, noGradient, record } from '../autograd.js';
import type { DeviceBuffer, Fused } from '../backend.js';
import { GradientError } from '../errors.js';
import { isFusing, isRecording } from '../mode.js';
import type { Shape } from '../shape.js';
import type { Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';

/**
 * The fused kernel `name` of the backend of `x`, if it may serve here: outside `composed`, and, when one of `inputs` is being
 * differentiated, only if the kernel of its gradient exists too. Otherwise the composed definition has to serve.
 */
export function fusedKernel<K extends keyof Fused<DeviceBuffer>>(
  name: K,
  gradient: keyof Fused<DeviceBuffer> | null,
  inputs: readonly (Tensor | null | undefined)[],
): Fused<DeviceBuffer>[K] | undefined {
  const x = inputs[0];
  if (!x || !isFusing() || x.dtype !== 'float32' || x.size === 0) return undefined;
  const { fused } = x.backend;
  if (gradient && !fused[gradient] && isDifferentiated(...inputs)) return undefined;
  return fused[name] as Fused<DeviceBuffer>[K] | undefined;
}

/**
 * For gradients that a kernel computes in one piece: they are off the tape, and second derivatives through them would silently lack terms.
 * A vjp runs with recording on only where its result is to be differentiated again.
 */
export function onlyOnce(op: string): void {
  if (!isRecording()) return;
  throw new GradientError(`${op}: its gradient cannot be differentiated again; make the output inside composed(() => …)`);
}

/** A tensor for a kernel to fill that no gradient passes through: row statistics and other things saved for a backward pass. */
export function scratch(x: Tensor, shape: Shape): Tensor {
  const out = compute(x.backend, shape, 'float32', () => {});
  return record('scratch', out, shape, [], noGradient);
}

/** The output of `shape` that `run` filled, or null if it declined. */
export function attempt(x: Tensor, shape: Shape, run: (out: DeviceBuffer) => boolean): Storage | null {
  let accepted = false;
  const out = compute(x.backend, shape, x.dtype, (buffer) => {
    accepted = run(buffer);
  });
  if (accepted) return out;
  out.release();
  return null;
}
