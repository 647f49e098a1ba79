import { wasm } from '@multihead/kernels-wasm';
import { type Backend, cpu } from '@multihead/tensor';
import { interruptible } from './turns.js';

export type BackendName = 'wasm' | 'cpu';

/** Both backends, or the CPU alone and why. */
export type Backends = { cpu: Backend; wasm: Backend; why: null } | { cpu: Backend; wasm: null; why: string };

export async function openBackends(): Promise<Backends> {
  const fallback = interruptible(cpu());
  try {
    return { cpu: fallback, wasm: interruptible(await wasm()), why: null };
  } catch (error) {
    return { cpu: fallback, wasm: null, why: error instanceof Error ? error.message : String(error) };
  }
}
