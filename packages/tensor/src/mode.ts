import type { Vjp } from './autograd.js';
import type { Tensor } from './tensor.js';

/*
 * Switches that hold for a stretch of synchronous code: whether operations go on the tape, whether fused kernels may serve, and who
 * is told of what operations make.
 */
interface Mode {
  readonly recording: boolean;
  readonly fusing: boolean;
  readonly watch: Watch | null;
}

/** Is told of every tensor that a differentiable operation makes, recorded or not; what it returns goes on the tape in place of `vjp`. */
export type Watch = (y: Tensor, name: string, inputs: readonly Tensor[], vjp: Vjp) => Vjp;

let mode: Mode = { recording: true, fusing: true, watch: null };

/**
 * True while operations are put on the tape.
 *
 * @example
 * noGrad(() => isRecording()); // false
 */
export function isRecording(): boolean {
  return mode.recording;
}

/** True while fused kernels may serve; false inside `composed`. */
export function isFusing(): boolean {
  return mode.fusing;
}

/** Who is told of new tensors at the moment. */
export function watcher(): Watch | null {
  return mode.watch;
}

/**
 * Runs the synchronous `fn` without putting its operations on the tape: for evaluation and for updates of parameters.
 *
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * noGrad(() => mul(x, 2)).requiresGrad; // false
 */
export function noGrad<T>(fn: () => T): T {
  return during({ recording: false }, fn);
}

/**
 * Runs the synchronous `fn` with every fused operation replaced by its definition in plain operations: for second derivatives
 * and for tests.
 *
 * @example
 * const x = tensor([1, 2, 3], { requiresGrad: true });
 * const [first] = composed(() => grad(amax(softmax(x)), [x], { createGraph: true })); // differentiable again
 */
export function composed<T>(fn: () => T): T {
  return during({ fusing: false }, fn);
}

/** Runs `fn` with some of the switches set. */
export function during<T>(change: Partial<Mode>, fn: () => T): T {
  const before = mode;
  mode = { ...before, ...change };
  try {
    return fn();
  } finally {
    mode = before;
  }
}
