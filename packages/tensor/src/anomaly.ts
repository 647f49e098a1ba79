import { detach } from './autograd.js';
import { isFloat } from './dtype.js';
import { AnomalyError, ValueError } from './errors.js';
import { during, type Watch, watcher } from './mode.js';
import { amax } from './ops/reduce.js';
import { keep, tidy } from './scope.js';
import { show } from './shape.js';
import type { Adjoint, Tensor } from './tensor.js';

/** One element that is NaN if one of the tensor was, and what to say then. */
interface Flag {
  readonly greatest: Tensor;
  readonly message: string;
}

/**
 * Runs the synchronous `fn`, and throws an AnomalyError that names the operation whose output, or the gradient of whose input, first
 * became NaN, with the shapes (and, where they can be read, the ranges) of what it was made of. Both passes belong into `fn`: gradients
 * are checked of what was recorded in it. Infinities pass.
 *
 * On a backend that reads synchronously (`readSync`), each result is checked at once: the error comes out of the operation itself, with
 * the stack that led there, and nothing runs after it. On others each result leaves one element behind, and these are read in order when
 * `fn` has returned: the error names the same operation, but what comes after it, an optimizer's step included, has happened by then.
 * Either way it costs one more kernel and one more read for each result: it is for looking for an error, not for training.
 *
 * @example
 * const x = tensor([-1, 4], { requiresGrad: true });
 * const error = await detectAnomaly(() => sum(sqrt(x)).backward()).catch((reason) => reason);
 * error.message; // 'detectAnomaly: the output [2] of sqrt holds NaN; its inputs: [2] from -1 to 4'
 */
export async function detectAnomaly<T>(fn: () => T): Promise<T> {
  const flags: Flag[] = [];
  const outer = watcher();
  let active = true;
  const watch: Watch = (y, name, inputs, inner) => {
    const vjp = outer?.(y, name, inputs, inner) ?? inner;
    const from = () => `its inputs: ${inputs.map(about).join(', ')}`;
    check(y, flags, () => `the output ${show(y.shape)} of ${name} holds NaN; ${from()}`);
    return (dy, output) => {
      if (!active) return vjp(dy, output);
      const gradient = (adjoint: Adjoint, i: number): Tensor | null => {
        const g = typeof adjoint === 'function' ? during({ watch: null }, adjoint) : adjoint;
        const what = () => `the gradient of input ${i} ${show(inputs[i]!.shape)} of ${name} holds NaN; `;
        if (g) check(g, flags, () => `${what()}the gradient of its output: ${about(dy)}; its output: ${about(output)}; ${from()}`);
        return g;
      };
      return during({ watch: null }, () => vjp(dy, output)).map((adjoint, i) => () => gradient(adjoint, i));
    };
  };
  try {
    const result = during({ watch }, fn);
    if (result instanceof Promise)
      throw new ValueError('detectAnomaly: fn: expected a synchronous function, got one that returns a promise');
    for (const { greatest, message } of flags) if (Number.isNaN(await greatest.item())) throw new AnomalyError(message);
    return result;
  } finally {
    active = false;
    for (const { greatest } of flags) greatest.dispose();
  }
}

/** Throws if `x` holds NaN, or leaves a flag where that cannot be known yet. */
function check(x: Tensor, flags: Flag[], message: () => string): void {
  if (!isFloat(x.dtype) || x.size === 0) return;
  // NaN is greater than all other numbers.
  const greatest = during({ watch: null, recording: false }, () => tidy(() => keep(amax(detach(x)))));
  if (!x.backend.readSync) {
    flags.push({ greatest, message: `detectAnomaly: ${message()}` });
    return;
  }
  const [value] = greatest.dataSync();
  greatest.dispose();
  if (Number.isNaN(value)) throw new AnomalyError(`detectAnomaly: ${message()}`);
}

/** The shape and, if it can be read at once, the range of a tensor. */
function about(x: Tensor): string {
  if (!x.backend.readSync || x.size === 0 || x.dtype === 'bool') return show(x.shape);
  const data = Array.from(x.dataSync());
  if (data.some(Number.isNaN)) return `${show(x.shape)} with NaN`;
  const [least, greatest] = [Math.min, Math.max].map((better) => data.reduce((a, b) => better(a, b)));
  return `${show(x.shape)} from ${rounded(least!)} to ${rounded(greatest!)}`;
}

function rounded(value: number): number {
  return +value.toPrecision(6);
}
