import { type Backend, setBackend } from '@multihead/tensor';
import { multihead } from './peers/multihead.ts';

/** What our backend takes at most while `work` runs, measured twice: by its own account, and by the size of the memory that it made. */
export interface Memory {
  /** The most bytes of tensors at one time, inputs and results included. */
  tensors: number;
  /** The WebAssembly memory afterwards, in bytes: it never shrinks, so all scratch is in it, too. */
  memory: number;
}

export async function memoryOf(threads: number, work: (backend: Backend) => Promise<void>): Promise<Memory> {
  const { result: backend, memories } = await watchingMemories(() => multihead(threads));
  let tensors = 0;
  const watched: Backend = {
    ...backend,
    alloc(length, dtype) {
      const buffer = backend.alloc(length, dtype);
      tensors = Math.max(tensors, backend.memory().bytes);
      return buffer;
    },
  };
  setBackend(watched);
  await work(watched);
  const memory = memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  backend.dispose();
  return { tensors, memory };
}

/** Also gives every WebAssembly.Memory that `action` makes. */
export async function watchingMemories<T>(action: () => Promise<T>): Promise<{ result: T; memories: WebAssembly.Memory[] }> {
  const memories: WebAssembly.Memory[] = [];
  const original = WebAssembly.Memory;
  WebAssembly.Memory = class extends original {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      memories.push(this);
    }
  };
  try {
    return { result: await action(), memories };
  } finally {
    WebAssembly.Memory = original;
  }
}
