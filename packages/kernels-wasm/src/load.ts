import { BackendError } from '@multihead/tensor';
import { lengths, packed, slices } from '../generated/kernels.js';

export interface Capabilities {
  readonly simd: boolean;
  readonly relaxedSimd: boolean;
  readonly threads: boolean;
  /** For each thing that is missing, the reason. */
  readonly why: readonly string[];
}

// The smallest modules with a function of one v128 instruction: i8x16.splat and f32x4.relaxed_madd.
const header = [0, 97, 115, 109, 1, 0, 0, 0];
const simdProbe = [...header, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11];
// biome-ignore format: bytes
const relaxedProbe = [...header, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2, 253, 133, 2, 11];

function valid(bytes: readonly number[]): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(new Uint8Array(bytes));
}

/** What this engine offers to the kernels. */
export function capabilities(): Capabilities {
  const simdFound = valid(simdProbe);
  const relaxedFound = valid(relaxedProbe);
  const noThreads = threadsLack();
  const why = noThreads ? [`threads: ${noThreads}`] : [];
  if (!relaxedFound) why.push('relaxedSimd: the engine has no relaxed SIMD; Node 22, Chrome 114 and newer have');
  if (!simdFound)
    why.push(typeof WebAssembly === 'object' ? 'simd: the engine has no 128-bit SIMD' : 'simd: the engine has no WebAssembly');
  return { simd: simdFound, relaxedSimd: relaxedFound, threads: noThreads === null, why };
}

/** Why there can be no threads, or null. */
function threadsLack(): string | null {
  if (typeof SharedArrayBuffer === 'undefined') {
    return 'no SharedArrayBuffer; a page must be cross-origin isolated (Cross-Origin-Opener-Policy: same-origin, Cross-Origin-Embedder-Policy: require-corp)';
  }
  const { process } = globalThis as { process?: { getBuiltinModule?: unknown } };
  if (typeof Worker === 'undefined' && !process?.getBuiltinModule) return 'the engine has no workers';
  try {
    new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    return null;
  } catch {
    return 'the engine has no shared WebAssembly memory';
  }
}

/** `relaxed` has fused multiply-add, `simd` runs wherever there is SIMD. */
export type Build = 'relaxed' | 'simd';

/** The kernels from elsewhere than this package's own JavaScript: bytes, where they are, or a module, which can have one thread only. */
export type KernelSource = WebAssembly.Module | Uint8Array<ArrayBuffer> | URL;

export interface CompileOptions {
  /** False takes the plain build. */
  readonly relaxedSimd: boolean;
  /** True: for a shared memory. */
  readonly shared: boolean;
  readonly kernels: ((build: Build) => KernelSource) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The compiled kernels. */
export async function compile({ relaxedSimd: useRelaxed, shared, kernels, signal }: CompileOptions): Promise<WebAssembly.Module> {
  const { simd: simdFound, relaxedSimd } = capabilities();
  if (!simdFound) throw new BackendError('wasm: this engine has no WebAssembly SIMD; use the CPU backend of @multihead/tensor, cpu()');
  const build = useRelaxed && relaxedSimd ? 'relaxed' : 'simd';
  const source = kernels?.(build) ?? (await unpack(build));
  if (source instanceof WebAssembly.Module) {
    if (shared) throw new BackendError('wasm: kernels: a compiled module has a memory of its own kind: give bytes or a URL, or threads: 1');
    return source;
  }
  const bytes = source instanceof URL ? await fetched(source, signal) : source.slice();
  if (shared) shareMemory(bytes);
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    const reason =
      "the engine refused to compile WebAssembly; a Content-Security-Policy must allow 'wasm-unsafe-eval', a Cloudflare Worker must give `kernels` as modules";
    throw new BackendError(`wasm: ${reason}. Otherwise use the CPU backend of @multihead/tensor, cpu()`, { cause });
  }
}

async function fetched(url: URL, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const files = nodeFiles();
  if (url.protocol === 'file:' && files) return new Uint8Array(await files.readFile(url, signal ? { signal } : {}));
  const response = await fetch(url, signal ? { signal } : {});
  if (!response.ok) throw new BackendError(`wasm: kernels: ${url.href} answered ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Node's module for files, asked of the process: `fetch` does not take file: addresses there. */
function nodeFiles(): typeof import('node:fs/promises') | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.('node:fs/promises') as typeof import('node:fs/promises') | undefined;
}

/** Makes the memory that the module imports, `env.memory` with a minimum and a maximum, a shared one: one flag. */
function shareMemory(bytes: Uint8Array): void {
  const name = [3, ...new TextEncoder().encode('env'), 6, ...new TextEncoder().encode('memory'), 2];
  const at = bytes.findIndex((_, i) => name.every((byte, j) => bytes[i + j] === byte)) + name.length;
  if (bytes[at] !== 1) throw new BackendError('wasm: the kernels import no memory with a maximum');
  bytes[at] = 3;
}

/** The bytes of one build: both lie deflated in slices that take turns (see scripts/build.mjs). */
async function unpack(name: Build): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([decode(packed)]).stream().pipeThrough(new DecompressionStream('deflate'));
  const all = new Uint8Array(await new Response(stream).arrayBuffer());
  const bytes = new Uint8Array(lengths[name]);
  let from = 0;
  for (let i = 0; i < slices; i++) {
    for (const [build, length] of Object.entries(lengths)) {
      const size = Math.ceil(length / slices);
      const at = i * size;
      const count = Math.min(size, length - at);
      if (build === name) bytes.set(all.subarray(from, from + count), at);
      from += count;
    }
  }
  return bytes;
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
