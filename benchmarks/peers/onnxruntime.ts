import type { InferenceSession, Tensor } from 'onnxruntime-web';

/*
 * ONNX Runtime Web on its WebAssembly provider: all graph optimisations, SIMD (it has one build, with SIMD), weights as initialisers so
 * that it can pack them beforehand.
 */

export type Ort = typeof import('onnxruntime-web');
export type OrtTensor = Tensor;

let loaded: Promise<Ort> | undefined;

/** The library, set up for one number of threads; there can't be two in a process. */
export function onnxruntime(threads: number): Promise<Ort> {
  loaded ??= (async () => {
    const ort = await import('onnxruntime-web');
    ort.env.wasm.numThreads = threads;
    ort.env.logLevel = 'error';
    return ort;
  })();
  return loaded;
}

export function session(ort: Ort, model: Uint8Array): Promise<InferenceSession> {
  return ort.InferenceSession.create(model, {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
  });
}
