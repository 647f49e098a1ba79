import type { Backend, DeviceBuffer, Kernels } from '../backend.js';
import { cpu } from '../cpu/index.js';
import type { DType, TypedArray } from '../dtype.js';
import { difference, exact, type Tolerance } from './closeness.js';

/** One kernel call, to be made on the backend under test in float32 and on the CPU backend in float64. */
export interface Trial<Inputs extends Record<string, TypedArray>> {
  /** For the message. */
  readonly what: string;
  readonly inputs: Inputs;
  readonly out: { readonly dtype: DType; readonly length: number };
  /** What `out` holds before; without it, rubbish. */
  readonly initial?: TypedArray;
  run(kernels: Kernels<DeviceBuffer>, out: DeviceBuffer, inputs: { readonly [name in keyof Inputs]: DeviceBuffer }): void;
}

const rubbish = { float32: -12345.678, float64: -12345.678, int32: 0x5a5a5a5a, bool: 1 } as const;
const guardLength = 32;

/** The dtype of a typed array. */
export function dtypeOf(data: TypedArray): DType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  return data instanceof Int32Array ? 'int32' : 'bool';
}

/**
 * The buffers of one test on the backend under test. Outputs start as rubbish and lie between guards; inputs are remembered.
 * `finish` finds kernels that wrote beside an output or into an input; `free` frees everything.
 */
export class Lab {
  readonly backend: Backend;
  readonly #owned: DeviceBuffer[] = [];
  readonly #unchanged: { buffer: DeviceBuffer; data: TypedArray; what: string }[] = [];

  constructor(backend: Backend) {
    this.backend = backend;
  }

  /** A buffer that holds `data` and must still hold it at the end. */
  put(data: TypedArray, what = 'an input'): DeviceBuffer {
    const buffer = this.#alloc(dtypeOf(data), data.length, data);
    this.#unchanged.push({ buffer, data: data.slice(), what });
    return buffer;
  }

  /** A buffer for a kernel to write to, with rubbish or `initial` in it. */
  out(dtype: DType, length: number, initial?: TypedArray): DeviceBuffer {
    this.#guard(dtype);
    const buffer = this.#alloc(dtype, length, initial ?? this.rubbish(dtype, length));
    this.#guard(dtype);
    return buffer;
  }

  /** What `out` puts into a buffer: a kernel that declines leaves it there. */
  rubbish(dtype: DType, length: number): TypedArray {
    return this.#array(dtype, length).fill(rubbish[dtype]);
  }

  /** Throws unless `buffer` holds `want`, taken to the precision of the buffer. */
  async check(what: string, buffer: DeviceBuffer, want: ArrayLike<number>, tolerance: Tolerance): Promise<void> {
    const got = await this.backend.read(buffer);
    const rounded = buffer.dtype === 'float32' ? Float32Array.from(want) : want;
    const problem = difference(got, rounded, tolerance);
    if (problem) throw new Error(`${what}: ${problem}`);
  }

  /** Makes the call on both backends and compares the outputs. */
  async agree<Inputs extends Record<string, TypedArray>>(trial: Trial<Inputs>, tolerance: Tolerance): Promise<void> {
    const { dtype, length } = trial.out;
    const out = this.out(dtype, length, trial.initial);
    const inputs: Record<string, DeviceBuffer> = {};
    for (const [name, data] of Object.entries(trial.inputs)) inputs[name] = this.put(data, `${trial.what}: ${name}`);
    trial.run(this.backend.kernels, out, inputs as { [name in keyof Inputs]: DeviceBuffer });
    await this.check(trial.what, out, onReference(trial), tolerance);
  }

  /** Throws if an input or a guard has changed. */
  async finish(): Promise<void> {
    for (const { buffer, data, what } of this.#unchanged) {
      const problem = difference(await this.backend.read(buffer), data, exact);
      if (problem) throw new Error(`${what} was changed: ${problem}`);
    }
  }

  free(): void {
    for (const buffer of this.#owned) this.backend.free(buffer);
  }

  #guard(dtype: DType): void {
    const buffer = this.#alloc(dtype, guardLength, this.rubbish(dtype, guardLength));
    this.#unchanged.push({ buffer, data: this.rubbish(dtype, guardLength), what: 'memory beside an output' });
  }

  #alloc(dtype: DType, length: number, data: TypedArray): DeviceBuffer {
    const buffer = this.backend.alloc(length, dtype);
    this.#owned.push(buffer);
    this.backend.write(buffer, data);
    return buffer;
  }

  #array(dtype: DType, length: number): TypedArray {
    if (dtype === 'float32') return new Float32Array(length);
    if (dtype === 'float64') return new Float64Array(length);
    return dtype === 'int32' ? new Int32Array(length) : new Uint8Array(length);
  }
}

/** The output of the same call on the CPU backend, with float32 widened to float64. */
function onReference<Inputs extends Record<string, TypedArray>>(trial: Trial<Inputs>): TypedArray {
  const backend = cpu();
  const widen = (dtype: DType): DType => (dtype === 'float32' ? 'float64' : dtype);
  const put = (data: TypedArray): DeviceBuffer => {
    const buffer = backend.alloc(data.length, widen(dtypeOf(data)));
    backend.write(buffer, data);
    return buffer;
  };
  const out = backend.alloc(trial.out.length, widen(trial.out.dtype));
  if (trial.initial) backend.write(out, trial.initial);
  const inputs: Record<string, DeviceBuffer> = {};
  for (const [name, data] of Object.entries(trial.inputs)) inputs[name] = put(data);
  trial.run(backend.kernels, out, inputs as { [name in keyof Inputs]: DeviceBuffer });
  return backend.readSync!(out);
}
