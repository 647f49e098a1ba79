import * as kernels from '@multihead/kernels-wasm';
import { type Backend, type DType, setBackend, type Tensor, tensor, type TypedArray } from '@multihead/tensor';
import { Absent } from '../contest.ts';

/** A fresh backend of ours, as the default. Its builds are chosen by itself: relaxed SIMD where the engine has it. */
export async function multihead(threads: number): Promise<Backend> {
  if (threads > 1 && !kernels.capabilities().threads) throw new Absent(`not built yet: ${threads} threads`);
  const options: kernels.WasmOptions & { threads: number } = { threads };
  const backend = await kernels.wasm(options);
  setBackend(backend);
  return backend;
}

/** Waits until everything that was enqueued has run: the contract's only way is to read, so it reads one element. */
export async function finished(x: Tensor): Promise<undefined> {
  await x.backend.read(x.buffer, 0, Math.min(1, x.buffer.length));
}

export function onBackend(backend: Backend, data: TypedArray, shape: number[], dtype?: DType): Tensor {
  return tensor(data, { shape, backend, dtype });
}
