import type { Backend } from './backend.js';
import { getBackend } from './default-backend.js';
import { peaks } from './storage.js';
import { liveTensors } from './tensor.js';

export interface Memory {
  /** Tensors alive, on whatever backend: `liveTensors()`. */
  readonly tensors: number;
  /** Buffers of the backend; views share one. */
  readonly buffers: number;
  /** Bytes in these buffers. */
  readonly bytes: number;
  /** The most that `bytes` has been since the start, or since `resetPeakMemory`. */
  readonly peakBytes: number;
}

/**
 * What is alive: equal before and after whatever does not leak. `peakBytes` counts what tensors hold, not what a kernel needs for itself
 * while it runs.
 *
 * @example
 * resetPeakMemory();
 * tidy(() => mul(ones([1000]), 2));
 * memory(); // { tensors: 1, buffers: 1, bytes: 4000, peakBytes: 8004 } where nothing else is alive; 4 bytes are the tensor 2
 */
export function memory(backend: Backend = getBackend()): Memory {
  const { buffers, bytes } = backend.memory();
  return { tensors: liveTensors(), buffers, bytes, peakBytes: Math.max(peaks.get(backend) ?? 0, bytes) };
}

/**
 * Lets `memory().peakBytes` begin anew, at what is alive now.
 *
 * @example
 * resetPeakMemory();
 * const { bytes, peakBytes } = memory();
 * peakBytes - bytes; // 0
 */
export function resetPeakMemory(backend: Backend = getBackend()): void {
  peaks.delete(backend);
}
