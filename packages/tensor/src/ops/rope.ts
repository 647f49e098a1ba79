import { contiguous, record } from '../autograd.js';
import type { RopeArgs } from '../backend.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { contiguousStrides, sameShape, show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { add, mul, neg, sub } from './arithmetic.js';
import { attempt, fusedKernel } from './fused.js';
import { concat, stack } from './join.js';
import { reshape, unsqueeze } from './view.js';
import { slice } from './slice.js';

export interface RopeOptions {
  /** True: elements 2i and 2i + 1 are a pair, as in the paper and GPT-J. False, the default: i and i + R/2, as in GPT-NeoX and Llama. */
  interleaved?: boolean;
}

/**
 * Rotary position embedding: of each head the first R elements are turned in pairs, (x, y) to (x cos - y sin, y cos + x sin), the others stay.
 *
 * x [B, H, T, D]; cos and sin [T, R/2], or [B, T, R/2] with positions of its own for each sample; R ≤ D. float32 (float64 on the CPU
 * backend). The gradient turns back. Throws a ShapeError that gives all three shapes, a DTypeError for mixed types.
 * Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021.
 *
 * @example
 * const x = tensor([[[[1, 0]]]]); // [B, H, T, D]
 * rope(x, tensor([[0]]), tensor([[1]])); // [[[[0, 1]]]]
 */
export function rope(x: Tensor, cos: Tensor, sin: Tensor, options: RopeOptions = {}): Tensor {
  const { interleaved = false } = options;
  check(x, cos, sin);
  const constant = !cos.requiresGrad && !sin.requiresGrad;
  return (constant ? fusedRope(x, cos, sin, interleaved, false) : null) ?? composedRope(x, cos, sin, interleaved);
}

function check(x: Tensor, cos: Tensor, sin: Tensor): void {
  commonBackend('rope', { x, cos, sin });
  const got = `x ${show(x.shape)}, cos ${show(cos.shape)}, sin ${show(sin.shape)}`;
  const [batch, , tokens, dim] = x.shape;
  const fits = cos.rank === 2 || (cos.rank === 3 && cos.shape[0] === batch);
  if (x.rank !== 4 || !fits || !sameShape(cos.shape, sin.shape) || cos.shape.at(-2) !== tokens || cos.shape.at(-1)! * 2 > dim!)
    throw new ShapeError(`rope: expected x [B, H, T, D] and cos, sin [T, R/2] or [B, T, R/2] with R ≤ D, got ${got}`);
  if (!isFloat(x.dtype) || cos.dtype !== x.dtype || sin.dtype !== x.dtype)
    throw new DTypeError(`rope: expected one float type, got x ${x.dtype}, cos ${cos.dtype}, sin ${sin.dtype}`);
}

/** The definition. */
function composedRope(x: Tensor, cos: Tensor, sin: Tensor, interleaved: boolean): Tensor {
  const half = cos.shape.at(-1)!;
  const [c, s] = [cos, sin].map((table) => (table.rank === 3 ? unsqueeze(table, 1) : table)) as [Tensor, Tensor]; // [B, 1, T, R/2]
  const head = slice(x, -1, 0, 2 * half);
  const pairs = interleaved ? reshape(head, [...x.shape.slice(0, -1), half, 2]) : null;
  const part = (i: number) =>
    pairs ? reshape(slice(pairs, -1, i, i + 1), [...x.shape.slice(0, -1), half]) : slice(head, -1, i * half, (i + 1) * half);
  const [a, b] = [part(0), part(1)];
  const turned = [sub(mul(a, c), mul(b, s)), add(mul(b, c), mul(a, s))];
  const joined = interleaved ? reshape(stack(turned, -1), head.shape) : concat(turned, -1);
  return 2 * half === x.shape[3] ? joined : concat([joined, slice(x, -1, 2 * half)], -1);
}

function fusedRope(input: Tensor, cosIn: Tensor, sinIn: Tensor, interleaved: boolean, inverse: boolean): Tensor | null {
  const kernel = fusedKernel('rope', null, [input]);
  if (!kernel) return null;
  const inPlace = input.strides[3] === 1 && input.strides.every((stride) => stride >= 0);
  const x = inPlace ? input : contiguous(input);
  const [cos, sin] = [contiguous(cosIn), contiguous(sinIn)];
  const [batch, heads, tokens, dim] = x.shape as [number, number, number, number];
  const rotary = cos.shape.at(-1)! * 2;
  const tableBatch = cos.rank === 3 ? (tokens * rotary) / 2 : 0;
  const view = (offset: number, [b, h, t]: readonly number[]) => ({ offset, batch: b!, head: h!, token: t! });
  const out = view(0, contiguousStrides(x.shape));
  const args: RopeArgs = { batch, heads, tokens, dim, rotary, interleaved, inverse, x: view(x.offset, x.strides), out, tableBatch };
  const y = attempt(x, x.shape, (buffer) => kernel(buffer, x.buffer, cos.buffer, sin.buffer, args));
  if (!y) return null;
  return record('rope', y, x.shape, [x], (dy) => [
    () => fusedRope(dy, cos, sin, interleaved, !inverse) ?? composedRope(dy, cos, inverse ? sin : neg(sin), interleaved),
  ]);
}
