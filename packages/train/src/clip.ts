import {
  abs,
  add,
  amax,
  clamp,
  div,
  keep,
  minimum,
  mul,
  noGrad,
  pow,
  sqrt,
  square,
  stack,
  sum,
  type Tensor,
  tidy,
  ValueError,
} from '@multihead/tensor';

/**
 * Scales all gradients by min(1, maxNorm / (norm + 10⁻⁶)), where norm is that of all of them as one vector, and returns it (as it was).
 * Nothing is read back: the norm is a tensor on the backend. A NaN gradient makes all of them NaN, as in PyTorch.
 *
 * @example
 * loss.backward();
 * clipGradNorm(parameters(model), 1);
 * optimizer.step();
 */
export function clipGradNorm(parameters: readonly Tensor[], maxNorm: number, options: { normType?: number } = {}): Tensor {
  const { normType = 2 } = options;
  if (!(maxNorm >= 0)) throw new ValueError(`clipGradNorm: maxNorm: expected a number from 0, got ${maxNorm}`);
  if (!(normType > 0)) throw new ValueError(`clipGradNorm: normType: expected a number above 0, got ${normType}`);
  const owners = parameters.filter((p) => p.grad);
  if (owners.length === 0) throw new ValueError('clipGradNorm: parameters: none of them has a gradient; call backward() first');
  return noGrad(() =>
    tidy(() => {
      const norm = totalNorm(owners.map((p) => p.grad!), normType); // biome-ignore format: one call
      const factor = minimum(div(maxNorm, add(norm, 1e-6)), 1);
      for (const p of owners) replaceGrad(p, mul(p.grad!, factor));
      return norm;
    }),
  );
}

function totalNorm(gradients: readonly Tensor[], p: number): Tensor {
  if (p === Number.POSITIVE_INFINITY) return amax(stack(gradients.filter((g) => g.size > 0).map((g) => amax(abs(g)))));
  if (p === 2) return sqrt(sum(stack(gradients.map((g) => sum(square(g))))));
  return pow(sum(stack(gradients.map((g) => sum(pow(abs(g), p))))), 1 / p);
}

/** Holds every element of every gradient between -limit and limit. */
export function clipGradValue(parameters: readonly Tensor[], limit: number): void {
  if (!(limit >= 0)) throw new ValueError(`clipGradValue: limit: expected a number from 0, got ${limit}`);
  noGrad(() =>
    tidy(() => {
      for (const p of parameters) if (p.grad) replaceGrad(p, clamp(p.grad, -limit, limit));
    }),
  );
}

function replaceGrad(parameter: Tensor, gradient: Tensor): void {
  parameter.grad!.dispose();
  parameter.grad = keep(gradient);
}
