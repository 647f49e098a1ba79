import { attach, detach, propagate } from './autograd.js';
import { GradientError } from './errors.js';
import { join, type Outputs } from './joint.js';
import { during, isRecording, type Watch, watcher } from './mode.js';
import { type Replay, remember } from './replay.js';
import { tidy } from './scope.js';
import { sameShape, show } from './shape.js';
import { checkTensor, type Tensor } from './tensor.js';

/**
 * `fn(...inputs)`, forgotten but for its output and computed again for the gradient: memory for time. A network of n blocks, each behind a
 * checkpoint, keeps n outputs and the inside of one block instead of the insides of all; it costs one more forward pass.
 *
 * The gradients are those without it, bit for bit: of the inputs, and of every parameter and other tensor that `fn` closes over. The second
 * run draws the same random numbers as the first, from whichever `Rng` they came. `fn` is synchronous, returns a tensor or an array of
 * tensors, and does the same both times: it keeps nothing and changes no cache. Checkpoints nest, and can be differentiated twice inside
 * `composed`. Outputs that are no floats have no gradient. Throws a GradientError if `fn` gives another shape the second time.
 * Chen, Xu, Zhang, Guestrin: "Training Deep Nets with Sublinear Memory Cost", 2016.
 *
 * @example
 * const w = tensor([[1, 2], [3, 4]], { requiresGrad: true });
 * const y = checkpoint((x) => relu(matmul(x, w)), [tensor([[-1, 1]])]); // [[2, 2]]
 * sum(y).backward();
 * await w.grad!.toArray(); // [[-1, -1], [1, 1]]
 */
export function checkpoint<Out extends Outputs>(fn: (...inputs: Tensor[]) => Out, inputs: readonly Tensor[]): Out {
  for (const [i, x] of inputs.entries()) checkTensor('checkpoint', `inputs[${i}]`, x);
  if (!isRecording()) return tidy(() => fn(...inputs));
  const watch = watcher();
  const { flat, captured, parts, replay, smooth } = tidy(() => firstRun(fn, inputs, watch));
  if (!flat || !smooth) return parts(flat, (other) => other);
  const sources = [...inputs, ...captured];
  const y = attach(flat, 'checkpoint', sources, (dy) => secondRun({ fn, inputs, captured, watch, replay }, dy));
  return parts(y, (other) => other);
}

/** Records the run to find what it depends on; the scope around it then frees all but the output. */
function firstRun<Out extends Outputs>(fn: (...inputs: Tensor[]) => Out, inputs: readonly Tensor[], outer: Watch | null) {
  const made = new Set<Tensor>();
  const watch: Watch = (y, name, sources, vjp) => {
    made.add(y);
    return outer?.(y, name, sources, vjp) ?? vjp;
  };
  const own = inputs.map(cut);
  const { result: joint, replay } = remember(() => during({ watch }, () => join('checkpoint', 'fn', fn(...own))));
  const { flat } = joint;
  const captured = flat ? reached(flat, made).filter((x) => !own.includes(x)) : [];
  return { ...joint, flat: flat && detach(flat), captured, replay, smooth: flat?.requiresGrad };
}

interface Run {
  readonly fn: (...inputs: Tensor[]) => Outputs;
  readonly inputs: readonly Tensor[];
  /** What `fn` closes over and is differentiated by. */
  readonly captured: readonly Tensor[];
  readonly watch: Watch | null;
  readonly replay: Replay;
}

/** The gradients by the inputs and by what was captured, had from a tape that ends there. */
function secondRun({ fn, inputs, captured, watch, replay }: Run, dy: Tensor): (Tensor | null)[] {
  const recording = isRecording();
  const own = inputs.map(recording ? alias : cut);
  const flat = during({ recording: true, watch }, () => replay(() => join('checkpoint', 'fn', fn(...own)).flat));
  if (!flat || !sameShape(flat.shape, dy.shape)) {
    const [before, now] = [show(dy.shape), flat ? show(flat.shape) : 'none'];
    throw new GradientError(`checkpoint: fn: its output was ${before} in the forward pass, and is ${now} in the backward pass`);
  }
  const ends = new Set([...own, ...captured]);
  const found = new Map<Tensor, Tensor>();
  const visit = (x: Tensor, g: Tensor): boolean => {
    if (ends.has(x)) found.set(x, g);
    return ends.has(x);
  };
  during({ recording, watch }, () => propagate(flat, recording ? dy : detach(dy), visit, ends));
  return [...own, ...captured].map((x) => found.get(x) ?? null);
}

/** What is behind the tape of `y` as far as it was `made` by one function. */
function reached(y: Tensor, made: ReadonlySet<Tensor>): Tensor[] {
  const seen = new Set<Tensor>([y]);
  for (const x of seen) {
    if (made.has(x)) for (const input of x.node?.inputs ?? []) if (input.requiresGrad) seen.add(input);
  }
  return [...seen].filter((x) => x.requiresGrad && !made.has(x));
}

/** A leaf of its own, so that a tape ends at it. */
function cut(x: Tensor): Tensor {
  const leaf = detach(x);
  leaf.requiresGrad = x.requiresGrad;
  return leaf;
}

/** A tensor of its own that goes on to `x`. */
function alias(x: Tensor): Tensor {
  return attach(detach(x), 'checkpoint', [x], (dy) => [dy]);
}
