import { contiguous, record } from '../autograd.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { type Shape, sameShape, show, sizeOf } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { add, mul, square, sub } from './arithmetic.js';
import { rsqrt } from './math.js';
import { attempt, fusedKernel, onlyOnce, scratch } from './fused.js';
import { mean } from './reduce.js';

export interface NormOptions {
  /** Added to the variance: 1e-5 if left out. For `rmsNorm` the least that 1 can grow by in the type of x, as in PyTorch: 2⁻²³ in float32. */
  eps?: number;
  /** The trailing axes to normalise over; those of `weight` if left out, the last one without a weight. */
  shape?: Shape;
}

/**
 * (x - mean) / √(variance + eps) · weight + bias, with mean and biased variance over the trailing axes.
 *
 * x is [..., D] of a float type, weight and bias [D] of the same type; D stands for one axis or for several, those of `options.shape` or of the
 * weight. The result has the shape of x. `torch.nn.functional.layer_norm`; Ba, Kiros, Hinton: "Layer Normalization", 2016.
 * Throws a ShapeError where x does not end in the shape or a parameter does not have it, a DTypeError for mixed types.
 *
 * @example
 * layerNorm(tensor([[1, 2, 3], [0, 0, 30]])); // [[-1.2247, 0, 1.2247], [-0.7071, -0.7071, 1.4142]]
 * layerNorm(tensor([[1, 2, 3]]), tensor([1, 10, 100]), tensor([0, 5, 0])); // [[-1.2247, 5, 122.4736]]
 */
export function layerNorm(x: Tensor, weight: Tensor | null = null, bias: Tensor | null = null, options: NormOptions = {}): Tensor {
  const { eps = 1e-5 } = options;
  const shape = normalizedShape('layerNorm', x, options.shape, { weight, bias });
  return fusedLayerNorm(x, weight, bias, { shape, eps }) ?? composedLayerNorm(x, weight, bias, { shape, eps });
}

interface Plan {
  shape: Shape;
  eps: number;
}

function normalizedShape(op: string, x: Tensor, wanted: Shape | undefined, parameters: Record<string, Tensor | null>): Shape {
  commonBackend(op, { x, ...parameters });
  if (!isFloat(x.dtype)) throw new DTypeError(`${op}: x: expected a float type, got ${x.dtype}`);
  const shape = wanted ?? Object.values(parameters).find((p) => p !== null)?.shape ?? x.shape.slice(-1);
  if (shape.length === 0 || !sameShape(x.shape.slice(-shape.length), shape)) {
    throw new ShapeError(`${op}: x: expected a shape that ends in ${show(shape)}, got ${show(x.shape)}`);
  }
  for (const [name, p] of Object.entries(parameters)) {
    if (p && !sameShape(p.shape, shape)) throw new ShapeError(`${op}: ${name}: expected ${show(shape)}, got ${show(p.shape)}`);
    if (p && p.dtype !== x.dtype) throw new DTypeError(`${op}: ${name}: expected ${x.dtype} as x, got ${p.dtype}`);
  }
  return shape;
}

function trailing(rank: number): number[] {
  return Array.from({ length: rank }, (_, i) => i - rank);
}

function composedLayerNorm(x: Tensor, weight: Tensor | null, bias: Tensor | null, { shape, eps }: Plan): Tensor {
  const over = { axis: trailing(shape.length), keepDims: true };
  const centered = sub(x, mean(x, over));
  const normal = mul(centered, rsqrt(add(mean(square(centered), over), eps)));
  const scaled = weight ? mul(normal, weight) : normal;
  return bias ? add(scaled, bias) : scaled;
}

function fusedLayerNorm(input: Tensor, weight: Tensor | null, bias: Tensor | null, { shape, eps }: Plan): Tensor | null {
  const kernel = fusedKernel('layerNorm', 'layerNormGrad', [input, weight, bias]);
  if (!kernel) return null;
  const [x, w, b] = [contiguous(input), weight && contiguous(weight), bias && contiguous(bias)];
  const columns = sizeOf(shape);
  const args = { rows: x.size / columns, columns, eps };
  const [m, rstd] = [scratch(x, [args.rows]), scratch(x, [args.rows])];
  const out = attempt(x, x.shape, (buffer) => kernel(buffer, m.buffer, rstd.buffer, x.buffer, w?.buffer ?? null, b?.buffer ?? null, args));
  if (!out) return null;
  const parameters = [w, b].filter((p) => p !== null);
  return record('layerNorm', out, x.shape, [x, ...parameters], (gradient) => {
    onlyOnce('layerNorm');
    const dy = contiguous(gradient);
    const [dx, dw, db] = [scratch(x, x.shape), w && scratch(w, w.shape), b && scratch(b, b.shape)];
    x.backend.fused.layerNormGrad!(
      dx.buffer,
      dw?.buffer ?? null,
      db?.buffer ?? null,
      dy.buffer,
      x.buffer,
      w?.buffer ?? null,
      m.buffer,
      rstd.buffer,
      args,
    );
    return [dx, ...[dw, db].filter((g) => g !== null)];
  });
}

/**
 * x / √(mean(x²) + eps) · weight, with the mean over the trailing axes.
 *
 * x is [..., D] of a float type, weight [D] of the same type; D stands for one axis or for several, those of `options.shape` or of the weight.
 * The result has the shape of x. `torch.nn.functional.rms_norm`, with its `eps`; Llama's is 1e-6 or 1e-5. Zhang, Sennrich: "Root Mean
 * Square Layer Normalization", 2019. Throws a ShapeError where x does not end in the shape or weight does not have it, a DTypeError for mixed types.
 *
 * @example
 * rmsNorm(tensor([[3, 4], [1, -1]])); // [[0.8485, 1.1314], [1, -1]]
 * rmsNorm(tensor([[3, 4]]), tensor([1, 10]), { eps: 12.5 }); // [[0.6, 8]]
 */
export function rmsNorm(x: Tensor, weight: Tensor | null = null, options: NormOptions = {}): Tensor {
  const shape = normalizedShape('rmsNorm', x, options.shape, { weight });
  const { eps = x.dtype === 'float64' ? 2 ** -52 : 2 ** -23 } = options;
  return fusedRmsNorm(x, weight, { shape, eps }) ?? composedRmsNorm(x, weight, { shape, eps });
}

function composedRmsNorm(x: Tensor, weight: Tensor | null, { shape, eps }: Plan): Tensor {
  const power = mean(square(x), { axis: trailing(shape.length), keepDims: true });
  const normal = mul(x, rsqrt(add(power, eps)));
  return weight ? mul(normal, weight) : normal;
}

function fusedRmsNorm(input: Tensor, weight: Tensor | null, { shape, eps }: Plan): Tensor | null {
  const kernel = fusedKernel('rmsNorm', 'rmsNormGrad', [input, weight]);
  if (!kernel) return null;
  const [x, w] = [contiguous(input), weight && contiguous(weight)];
  const columns = sizeOf(shape);
  const args = { rows: x.size / columns, columns, eps };
  const rstd = scratch(x, [args.rows]);
  const out = attempt(x, x.shape, (buffer) => kernel(buffer, rstd.buffer, x.buffer, w?.buffer ?? null, args));
  if (!out) return null;
  return record('rmsNorm', out, x.shape, w ? [x, w] : [x], (gradient) => {
    onlyOnce('rmsNorm');
    const dy = contiguous(gradient);
    const [dx, dw] = [scratch(x, x.shape), w && scratch(w, w.shape)];
    x.backend.fused.rmsNormGrad!(dx.buffer, dw?.buffer ?? null, dy.buffer, x.buffer, w?.buffer ?? null, rstd.buffer, args);
    return dw ? [dx, dw] : [dx];
  });
}
