import type { Backend } from '../backend.js';
import { cpu } from '../cpu/index.js';
import { withBackend } from '../default-backend.js';
import type { DType, TypedArray } from '../dtype.js';
import { add, composed, grad, liveTensors, mul, permute, Rng, reshape, scope, slice, sum, type Tensor, tensor } from '../index.js';
import { sizeOf } from '../shape.js';
import type { BackendCase } from './backend-case.js';
import { mustThrow } from './backend-case.js';
import { difference, type Tolerance } from './closeness.js';
import type { OpCase, OpError, OpInput, OpSample } from './op-case.js';
import { uniformSample } from './samples.js';

/** How an input lies in its buffer: row by row from the start, or as a view of something larger, its axes reversed. */
export type Layout = 'dense' | 'strided';

const valueTolerance: Tolerance = { rtol: 2e-5, atol: 2e-6 };
const gradientTolerance: Tolerance = { rtol: 1e-4, atol: 1e-5 };

/** The tensor to differentiate by, and how the op's input is had from it. */
export interface LaidOut {
  readonly leaf: Tensor;
  view(leaf: Tensor): Tensor;
}

/** Puts an input on a backend, in `float` precision if it is one. */
export function layOut(input: OpInput, layout: Layout, backend: Backend, float: 'float32' | 'float64'): LaidOut {
  const { data, shape } = input;
  const dtype: DType = data instanceof Int32Array ? 'int32' : data instanceof Uint8Array ? 'bool' : float;
  const options = { dtype, backend, requiresGrad: dtype === float };
  if (layout === 'dense') return { leaf: tensor(data, { shape, ...options }), view: (leaf) => leaf };
  // Axes in reverse order, behind one slice of rubbish: the view has an offset and strides that grow.
  const reversed = [...shape].reverse();
  const padded = shape.length === 0 ? [2] : [reversed[0]! + 1, ...reversed.slice(1)];
  const leaf = tensor(reverseAxes(data, shape, sizeOf(padded)), { shape: padded, ...options });
  const order = shape.map((_, axis) => shape.length - 1 - axis);
  return {
    leaf,
    view: (base) => {
      const part = slice(base, 0, 1, padded[0]!);
      return shape.length === 0 ? reshape(part, []) : permute(part, order);
    },
  };
}

/** The elements with their axes reversed, at the end of an array of `length`. */
function reverseAxes(data: TypedArray, shape: readonly number[], length: number): TypedArray {
  const out = new (data.constructor as new (length: number) => TypedArray)(length).fill(1);
  const start = length - data.length;
  data.forEach((value, i) => {
    let left = i;
    let at = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const index = left % shape[axis]!;
      left = Math.floor(left / shape[axis]!);
      at += index * sizeOf(shape.slice(0, axis)); // the stride of this axis when all are reversed
    }
    out[start + at] = value;
  });
  return out;
}

interface Outcome {
  readonly shapes: readonly string[];
  readonly dtypes: readonly DType[];
  readonly values: readonly TypedArray[];
  /** By float input; null without a gradient. */
  readonly gradients: readonly (TypedArray | null)[];
}

/** Runs a sample on `backend` and reads its outputs and gradients; frees everything. */
async function evaluate(sample: OpSample, layout: Layout, backend: Backend, float: 'float32' | 'float64'): Promise<Outcome> {
  const open = scope();
  try {
    const laid = sample.inputs.map((input) => layOut(input, layout, backend, float));
    const result = await withBackend(backend, () => sample.run(...laid.map(({ leaf, view }) => view(leaf))));
    const outputs = (Array.isArray(result) ? result : [result]) as Tensor[];
    const floats = laid.filter(({ leaf }) => leaf.requiresGrad);
    const leaves = floats.map(({ leaf }) => leaf);
    const gradients = sample.differentiable === false ? [] : withBackend(backend, () => differentiate(outputs, leaves));
    return {
      shapes: outputs.map(({ shape }) => `[${shape.join(', ')}]`),
      dtypes: outputs.map(({ dtype }) => (dtype === 'float64' ? 'float32' : dtype)),
      values: await Promise.all(outputs.map((y) => y.data())),
      gradients: await Promise.all(gradients.map((g, i) => (g ? floats[i]!.view(g).data() : null))),
    };
  } finally {
    open.close();
  }
}

/** The gradients of Σ y · w over the float outputs, with fixed, uneven w. */
function differentiate(outputs: readonly Tensor[], leaves: readonly Tensor[]): readonly (Tensor | null)[] {
  const smooth = outputs.filter((y) => y.requiresGrad);
  if (smooth.length === 0) return leaves.map(() => null);
  const terms = smooth.map((y, i) => {
    const weights = uniformSample(i + 77, y.size);
    return sum(mul(y, tensor(weights, { shape: y.shape, dtype: y.dtype, backend: y.backend })));
  });
  return grad(
    terms.reduce((a, b) => add(a, b)),
    leaves,
  );
}

function compare(what: string, got: Outcome, want: Outcome, sample: OpSample): void {
  for (const key of ['shapes', 'dtypes'] as const) {
    if (got[key].join() !== want[key].join())
      throw new Error(`${what}: ${key}: expected ${want[key].join(' ')}, got ${got[key].join(' ')}`);
  }
  want.values.forEach((values, i) => {
    const problem = difference(got.values[i]!, roundedTo(got.values[i]!, values), sample.values ?? valueTolerance);
    if (problem) throw new Error(`${what}: output ${i} ${got.shapes[i]}: ${problem}`);
  });
  want.gradients.forEach((values, i) => {
    const other = got.gradients[i];
    if (!values || !other) {
      if (values || other)
        throw new Error(`${what}: the gradient of float input ${i}: expected ${values ? 'one' : 'none'}, got ${other ? 'one' : 'none'}`);
      return;
    }
    const problem = difference(other, roundedTo(other, values), sample.gradients ?? gradientTolerance);
    if (problem) throw new Error(`${what}: the gradient of float input ${i}: ${problem}`);
  });
}

function roundedTo(like: TypedArray, values: TypedArray): TypedArray {
  return like instanceof Float32Array ? Float32Array.from(values) : values;
}

/** All samples of an op on `backend`, with fused kernels and without, from dense and strided inputs, against float64. */
async function checkOp(op: OpCase, backend: Backend): Promise<void> {
  const reference = cpu();
  for (const sample of op.samples(new Rng(1))) {
    const want = await evaluate(sample, 'dense', reference, 'float64');
    for (const layout of ['dense', 'strided'] as const) {
      for (const mode of ['fused', 'composed'] as const) {
        const [tensors, memory] = [liveTensors(), backend.memory()];
        const run = mode === 'fused' ? sample : { ...sample, run: (...xs: Tensor[]) => composed(() => sample.run(...xs)) };
        const what = `${op.name} ${sample.what}, ${layout}, ${mode}`;
        compare(what, await evaluate(run, layout, backend, 'float32'), want, sample);
        checkLeaks(what, tensors, liveTensors(), memory, backend.memory());
      }
    }
  }
}

function checkLeaks(what: string, tensors: number, after: number, memory: ReturnType<Backend['memory']>, now: typeof memory): void {
  if (after !== tensors) throw new Error(`${what}: ${after - tensors} tensors were left behind`);
  if (now.buffers !== memory.buffers) throw new Error(`${what}: ${now.buffers - memory.buffers} buffers were left behind`);
}

async function checkErrors(op: OpCase, errors: readonly OpError[], backend: Backend): Promise<void> {
  for (const { what, kind, mentions, run } of errors) {
    const error = await errorOf(backend, run);
    const expected = `${op.name}: ${what}: a ${kind.name}`;
    if (error !== null && !(error instanceof kind)) throw new Error(`${expected}: got an error of another class: ${String(error)}`);
    mustThrow(expected, mentions, () => {
      if (error !== null) throw error;
    });
  }
}

/** What `run` throws, or what its promise is rejected with; null if it succeeds. */
async function errorOf(backend: Backend, run: () => unknown): Promise<unknown> {
  const open = scope();
  try {
    await withBackend(backend, run);
    return null;
  } catch (error) {
    return error;
  } finally {
    open.close();
  }
}

/** The cases that an op gives rise to on any backend. */
export function casesOf(op: OpCase): BackendCase[] {
  const { errors } = op;
  const cases: BackendCase[] = [{ name: `op ${op.name}: values and gradients`, run: (lab) => checkOp(op, lab.backend) }];
  if (errors) cases.push({ name: `op ${op.name}: errors`, run: (lab) => checkErrors(op, errors, lab.backend) });
  return cases;
}
