import { type Backend, cpu } from '@multihead/tensor';

/** The backends by the names that the command line takes. Each is loaded when it is used, so that one that is broken spoils only itself. */
export const backends = {
  cpu: async (_threads?: number): Promise<Backend> => cpu(),
  wasm: async (threads = 1): Promise<Backend> => (await import('@multihead/kernels-wasm')).wasm({ threads }),
} as const;

export type BackendName = keyof typeof backends;

export const backendNames = Object.keys(backends) as BackendName[];
