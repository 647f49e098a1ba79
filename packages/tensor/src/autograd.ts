import type { Backend, DeviceBuffer } from './backend.js';
import type { DType } from './dtype.js';
import { GradientError, LifetimeError, ShapeError } from './errors.js';
import { during, isRecording, noGrad, watcher } from './mode.js';
import { keep, tidy } from './scope.js';
import { broadcastStrides, collapse, contiguousStrides, type Shape, sameShape, show, sizeOf } from './shape.js';
import { Storage } from './storage.js';
import { type Adjoint, commonBackend, Tensor } from './tensor.js';

/*
 * Reverse-mode differentiation. `record` puts what an operation computed, and how its gradient is had, on the tape; `backward` and
 * `grad` walk the tape from an output to its leaves. The four operations that the walk itself needs stand at the end.
 */

/** Given the gradient `dy` of the output `y`, the gradients of the inputs in their order, as large as `y`'s broadcasting made them. */
export type Vjp = (dy: Tensor, y: Tensor) => readonly Adjoint[];

/**
 * In place of a vjp, for outputs that no gradient can reach: comparisons, indices, random numbers.
 *
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * const out = compute(x.backend, x.shape, 'bool', (buffer, { kernels }) => kernels.unary('isnan', buffer, x.buffer));
 * record('isnan', out, x.shape, [x], noGradient).requiresGrad; // false
 */
export const noGradient = 'no gradient';

/**
 * The one door through which a kernel's output becomes a tensor of `shape`, of the dtype of its buffer. `inputs` are what it was made of, and
 * `vjp` gives their gradients from its own. An output without a gradient has to say so: `noGradient`.
 *
 * @example
 * const x = tensor([1, -2], { requiresGrad: true }); // lies row by row: contiguous(x) otherwise
 * const out = compute(x.backend, x.shape, x.dtype, (buffer, { kernels }) => kernels.unary('square', buffer, x.buffer));
 * const y = record('square', out, x.shape, [x], (dy) => [mul(dy, mul(x, 2))]);
 * sum(y).backward();
 * await x.grad!.toArray(); // [2, -4]
 */
export function record(name: string, out: Storage, shape: Shape, inputs: readonly Tensor[], vjp: Vjp | typeof noGradient): Tensor {
  return attach(new Tensor(out, shape, out.buffer.dtype), name, inputs, vjp);
}

/** As `record`, for an output that lies in the storage of `x`: no kernel runs. */
export function recordView(name: string, x: Tensor, shape: Shape, strides: readonly number[], offset: number, vjp: Vjp): Tensor {
  return attach(new Tensor(x.storage.retain(), shape, x.dtype, strides, offset), name, [x], vjp);
}

/** Puts `y`, which no operation has put there yet, on the tape, if one of `inputs` is being differentiated. */
export function attach(y: Tensor, name: string, inputs: readonly Tensor[], vjp: Vjp | typeof noGradient): Tensor {
  if (vjp === noGradient) return y;
  const watched = watcher()?.(y, name, inputs, vjp) ?? vjp;
  if (isDifferentiated(...inputs)) {
    y.requiresGrad = true;
    y.node = { name, inputs, vjp: watched, backward };
  }
  return y;
}

/** True if an operation on these inputs goes on the tape. */
export function isDifferentiated(...inputs: readonly (Tensor | null | undefined)[]): boolean {
  return isRecording() && inputs.some((x) => x?.requiresGrad);
}

/**
 * Allocates an output of `shape` and `dtype` on the common backend of the inputs, lets `kernel` fill it and records it: an operation of
 * one's own in one call. Throws a BackendError if the inputs are on two backends, a LifetimeError if one was disposed.
 *
 * @example
 * const double = (x: Tensor) =>
 *   apply('double', { x }, x.shape, x.dtype, (out, { kernels }) => kernels.binary('add', [x.size], out, x.buffer, [1], x.buffer, [1]), (dy) => [mul(dy, 2)]);
 * await double(tensor([1, 2])).toArray(); // [2, 4]
 */
export function apply(
  name: string,
  inputs: Record<string, Tensor>,
  shape: Shape,
  dtype: DType,
  kernel: (out: DeviceBuffer, backend: Backend) => void,
  vjp: Vjp | typeof noGradient,
): Tensor {
  const out = compute(commonBackend(name, inputs), shape, dtype, kernel);
  return record(name, out, shape, Object.values(inputs), vjp);
}

/**
 * A new storage of `dtype` for an array of `shape`, filled by `kernel` and freed if that throws. `record` makes a tensor of it.
 *
 * @example
 * const out = compute(getBackend(), [3], 'float32', (buffer, { kernels }) => kernels.fill(buffer, 7));
 * await record('sevens', out, [3], [], noGradient).toArray(); // [7, 7, 7]
 */
export function compute(backend: Backend, shape: Shape, dtype: DType, kernel: (out: DeviceBuffer, backend: Backend) => void): Storage {
  const out = new Storage(backend, sizeOf(shape), dtype);
  try {
    kernel(out.buffer, backend);
  } catch (error) {
    out.release();
    throw error;
  }
  return out;
}

function backward(from: Tensor, seed?: Tensor): void {
  off(() => {
    propagate(from, seedOf(from, seed), (x, g) => {
      if (x.node) return false;
      const total = x.grad ? accumulate(x.grad, g) : owned(g);
      x.grad?.dispose();
      x.grad = keep(total);
      return total === g;
    });
  });
}

/** Off the tape, and tidily. */
function off<T>(fn: () => T): T {
  return noGrad(() => tidy(fn));
}

/**
 * d(output)/d(input) for each input, leaf or not, of the shape and dtype of the input; null for one that `output` does not depend on.
 * `seed` is the gradient of the output, 1 for a scalar. With `createGraph` the results can be differentiated again, by the inputs and by
 * the seed; make `output` inside `composed`, as fused gradients cannot be. The `grad` fields stay as they are.
 * Throws a GradientError if `output` depends on nothing that requires a gradient, a ShapeError if it is no scalar and there is no seed or
 * one of another shape, a LifetimeError if a tensor on the way was disposed.
 *
 * @example
 * const x = tensor([1, 2, 3], { requiresGrad: true });
 * const [dx] = grad(sum(square(x)), [x]); // 2x
 * await dx!.toArray(); // [2, 4, 6]
 */
export function grad(output: Tensor, inputs: readonly Tensor[], options: { seed?: Tensor; createGraph?: boolean } = {}): (Tensor | null)[] {
  const { seed, createGraph = false } = options;
  if (!output.node && !inputs.includes(output)) {
    throw new GradientError(`grad: output ${show(output.shape)} does not depend on anything that requires a gradient`);
  }
  const found = new Map<Tensor, Tensor>();
  const run = () => {
    propagate(output, seedOf(output, seed), (x, g) => {
      if (!inputs.includes(x)) return false;
      found.set(x, g);
      return true;
    });
    return inputs.map((x) => found.get(x) ?? null);
  };
  return createGraph ? during({ recording: true }, run) : off(run);
}

/**
 * The value of `fn`, which returns a scalar, and its gradient by every float argument, whether or not that requires one outside; null for
 * one that the value does not depend on. Nothing else is left of the run.
 * Throws a ShapeError if the value is no scalar, a GradientError if it depends on no argument.
 *
 * @example
 * const { value, grads } = valueAndGrad((w) => sum(square(w)), [tensor([1, 2])]);
 * await value.item(); // 5
 * await grads[0]!.toArray(); // [2, 4]
 */
export function valueAndGrad(fn: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): { value: Tensor; grads: (Tensor | null)[] } {
  return tidy(() => {
    const leaves = inputs.map(detach);
    for (const leaf of leaves) leaf.requiresGrad = true;
    const value = during({ recording: true }, () => fn(...leaves));
    return { value: detach(value), grads: grad(value, leaves) };
  });
}

/**
 * A view of `x`, of the same shape and dtype, that the tape does not know: no gradient passes.
 *
 * @example
 * const x = tensor([3], { requiresGrad: true });
 * sum(mul(detach(x), x)).backward();
 * await x.grad!.toArray(); // [3], not 2x
 */
export function detach(x: Tensor): Tensor {
  return new Tensor(x.storage.retain(), x.shape, x.dtype, x.strides, x.offset);
}

function seedOf(y: Tensor, seed: Tensor | undefined): Tensor {
  if (seed) {
    if (!sameShape(seed.shape, y.shape)) {
      throw new ShapeError(`backward: seed: expected the shape ${show(y.shape)} of the output, got ${show(seed.shape)}`);
    }
    return isRecording() ? seed : detach(seed);
  }
  if (y.size !== 1) throw new ShapeError(`backward: expected a scalar or a seed gradient, got a tensor of shape ${show(y.shape)}`);
  const one = compute(y.backend, y.shape, y.dtype, (out, backend) => backend.kernels.fill(out, 1));
  return record('seed', one, y.shape, [], noGradient);
}

/**
 * Visits all that `from` depends on, from the output back to the leaves and to what is in `ends`, with its complete gradient.
 * Gradients go on the tape where recording is on; else each is freed unless `visit` takes it.
 */
export function propagate(from: Tensor, seed: Tensor, visit: (x: Tensor, g: Tensor) => boolean, ends?: ReadonlySet<Tensor>): void {
  const recorded = isRecording();
  const pending = new Map<Tensor, Tensor>([[from, seed]]);
  for (const y of topological(from, ends)) {
    const dy = pending.get(y);
    pending.delete(y);
    if (!dy) continue;
    const taken = visit(y, dy);
    for (const [x, g] of ends?.has(y) ? [] : inputGradients(y, dy)) {
      const other = pending.get(x);
      pending.set(x, other ? accumulate(other, g) : g);
      if (other && !recorded) for (const part of [other, g]) part.dispose();
    }
    if (!taken && !recorded) dy.dispose();
  }
}

/** A leaf's gradient may be changed in place: it lies row by row in a storage of its own. */
function owned(g: Tensor): Tensor {
  return g.dense && !g.storage.shared ? g : copyOf(g);
}

function inputGradients(y: Tensor, dy: Tensor): [Tensor, Tensor][] {
  const { node } = y;
  if (!node) return [];
  const run = (): [Tensor, Tensor][] => {
    const adjoints = node.vjp(dy, y);
    const found: [Tensor, Tensor][] = [];
    node.inputs.forEach((x, i) => {
      if (!x.requiresGrad) return;
      const adjoint = adjoints[i];
      const g = typeof adjoint === 'function' ? adjoint() : adjoint;
      if (!g) return;
      if (g.dtype !== x.dtype) throw new GradientError(`${node.name}: the gradient of input ${i} is ${g.dtype}, the input ${x.dtype}`);
      const fitted = sumTo(g, x.shape);
      found.push([x, isRecording() ? fitted : detach(fitted)]);
    });
    return found;
  };
  return isRecording() ? run() : tidy(run);
}

/** Every differentiated tensor that `from` is made of, each before all that it is made of itself; nothing beyond `ends`. */
function topological(from: Tensor, ends?: ReadonlySet<Tensor>): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>([from]);
  const stack: { y: Tensor; next: number }[] = [{ y: from, next: 0 }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const input = ends?.has(top.y) ? undefined : top.y.node?.inputs[top.next++];
    if (!input) {
      order.push(top.y);
      stack.pop();
    } else if (input.requiresGrad && !seen.has(input)) {
      if (input.disposed) {
        const { name } = top.y.node!;
        throw new LifetimeError(
          `backward: the input ${show(input.shape)} of ${name} was disposed: close its scope, or tidy, after the backward pass`,
        );
      }
      seen.add(input);
      stack.push({ y: input, next: 0 });
    }
  }
  return order.reverse();
}

/**
 * `x` itself if its elements fill its buffer row by row, else such a copy: what every kernel but `copy` asks for. For any dtype.
 *
 * @example
 * contiguous(transpose(tensor([[1, 2], [3, 4]]))).strides; // [2, 1]
 */
export function contiguous(x: Tensor): Tensor {
  return x.dense ? x : copyOf(x);
}

function copyOf(x: Tensor): Tensor {
  const strides = contiguousStrides(x.shape);
  return apply(
    'contiguous',
    { x },
    x.shape,
    x.dtype,
    (out, backend) => backend.kernels.copy(x.shape, out, { offset: 0, strides }, x.buffer, { offset: x.offset, strides: x.strides }),
    (dy) => [dy],
  );
}

/**
 * `x` [...] repeated to `shape` by NumPy's rule of broadcasting, as a view: axes align at the end, and one of length 1 repeats. For any
 * dtype. Its gradient is summed over the repetitions. Throws a ShapeError that names both shapes if it cannot be.
 *
 * @example
 * await broadcastTo(tensor([1, 2]), [2, 2]).toArray(); // [[1, 2], [1, 2]]
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return broadcastView('broadcastTo', x, shape);
}

/** As `broadcastTo`, with the name of the operation that its error gives. */
export function broadcastView(op: string, x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = shape.length - x.rank;
  if (lead < 0 || shape.some((n) => !(n >= 0)) || x.shape.some((n, i) => n !== 1 && n !== shape[i + lead])) {
    throw new ShapeError(`${op}: ${show(x.shape)} cannot be broadcast to ${show(shape)}`);
  }
  return recordView(op, x, shape, broadcastStrides(x.shape, x.strides, shape), x.offset, (dy) => [dy]);
}

/** The adjoint of broadcasting: `x` summed over the axes along which `shape` was repeated to give `x.shape`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const dense = contiguous(x);
  return record('sumTo', sumRepeated(dense, shape), shape, [dense], (dy) => [broadcastTo(dy, x.shape)]);
}

/** Sums one run of neighbouring repeated axes after the other. */
function sumRepeated(x: Tensor, shape: Shape): Storage {
  const lead = x.rank - shape.length;
  const repeated = (axis: number) => axis < lead || shape[axis - lead] !== x.shape[axis];
  const current = [...x.shape];
  let storage = x.storage.retain();
  for (let end = x.rank; end > 0; ) {
    let start = end - 1;
    while (start > 0 && repeated(start - 1) === repeated(end - 1)) start--;
    if (repeated(end - 1)) {
      const axis = { outer: sizeOf(current.slice(0, start)), n: sizeOf(current.slice(start, end)), inner: sizeOf(current.slice(end)) };
      const input = storage;
      current.fill(1, start, end);
      storage = compute(x.backend, current, x.dtype, (out, backend) => backend.kernels.reduce('sum', out, input.buffer, axis));
      input.release();
    }
    end = start;
  }
  return storage;
}

function accumulate(a: Tensor, b: Tensor): Tensor {
  const [x, y] = [contiguous(a), contiguous(b)];
  const { shape, strides } = collapse(x.shape, contiguousStrides(x.shape));
  return apply(
    'add',
    { x, y },
    x.shape,
    x.dtype,
    (out, backend) => backend.kernels.binary('add', shape, out, x.buffer, strides[0]!, y.buffer, strides[0]!),
    (dy) => [dy, dy],
  );
}
