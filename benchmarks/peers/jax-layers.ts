import type { Array as JaxArray } from '@jax-js/jax';
import type { Weights } from '../weights.ts';
import type { Jax } from './jax.ts';

/*
 * What the models need that jax-js leaves to its users. An array that is passed on is gone, and `.ref` keeps one for later: every
 * function here consumes its arrays, except that parameters are looked up with `.ref` and disposed of once, by `tree.dispose`.
 */

export type { JaxArray };
/** A type alias, as jax-js asks for: its trees are no interfaces. */
export type Parameters = { [name: string]: JaxArray };

export interface AdamOptions {
  lr: number;
  beta1: number;
  beta2: number;
  eps: number;
  /** Applied apart from the gradient, to the parameters that `decays` names. */
  weightDecay: number;
  decays(name: string): boolean;
  /** All gradients as one vector are scaled down to this length. */
  clip: number | null;
}

export type Layers = ReturnType<typeof layers>;

export function layers({ numpy: np, nn, tree }: Jax) {
  /** x · weightᵀ + bias. */
  function linear(x: JaxArray, weight: JaxArray, bias?: JaxArray): JaxArray {
    const y = np.matmul(x, weight.transpose());
    return bias ? y.add(bias) : y;
  }

  function layerNorm(x: JaxArray, weight: JaxArray, bias?: JaxArray, eps = 1e-5): JaxArray {
    const y = nn.standardize(x, -1, { epsilon: eps }).mul(weight);
    return bias ? y.add(bias) : y;
  }

  /** [B, T, E] as [B, T, H, D], which is how jax-js wants its heads. */
  function splitHeads(x: JaxArray, heads: number): JaxArray {
    const [batch, tokens, width] = x.shape as [number, number, number];
    return x.reshape([batch, tokens, heads, width / heads]);
  }

  /** q, k, v [B, T, E] to [B, T, E]. */
  function attend(q: JaxArray, k: JaxArray, v: JaxArray, heads: number, options: { isCausal?: boolean; mask?: JaxArray } = {}): JaxArray {
    const { shape } = q;
    return nn.dotProductAttention(splitHeads(q, heads), splitHeads(k, heads), splitHeads(v, heads), options).reshape(shape);
  }

  /** The mean of -log softmax(logits)[target] over the targets whose share in `counted` is 1, over all if it is left out. */
  function crossEntropy(logits: JaxArray, targets: JaxArray, counted?: JaxArray): JaxArray {
    const classes = logits.shape.at(-1)!;
    const losses = nn.logSoftmax(logits, -1).mul(nn.oneHot(targets, classes)).sum(-1).neg();
    if (!counted) return losses.mean();
    return losses.mul(counted.ref).sum().div(counted.sum());
  }

  /** Scales the gradients to a common length of at most `limit`. */
  function clipped(gradients: Parameters, limit: number): Parameters {
    const squares = Object.values(gradients).map((g) => np.square(g.ref).sum());
    const norm = np.sqrt(squares.reduce((total, square) => total.add(square)));
    const factor = np.minimum(np.trueDivide(limit, norm.add(1e-6)), 1);
    const out = Object.fromEntries(Object.entries(gradients).map(([name, g]) => [name, g.mul(factor.ref)]));
    factor.dispose();
    return out;
  }

  /** One step of AdamW; `bias` holds 1 - beta1^step and 1 - beta2^step. */
  function adam(
    parameters: Parameters,
    gradients: Parameters,
    moments: { m: Parameters; v: Parameters },
    bias: { one: JaxArray; two: JaxArray },
    { lr, beta1, beta2, eps, weightDecay, decays, clip }: AdamOptions,
  ): { parameters: Parameters; m: Parameters; v: Parameters } {
    const scaled = clip === null ? gradients : clipped(gradients, clip);
    const next: { parameters: Parameters; m: Parameters; v: Parameters } = { parameters: {}, m: {}, v: {} };
    for (const [name, parameter] of Object.entries(parameters)) {
      const g = scaled[name]!;
      const m = moments.m[name]!.mul(beta1).add(g.ref.mul(1 - beta1));
      const v = moments.v[name]!.mul(beta2).add(np.square(g).mul(1 - beta2));
      const denominator = np.sqrt(v.ref.div(bias.two.ref)).add(eps);
      const update = m.ref.div(bias.one.ref).div(denominator).mul(lr);
      const kept = weightDecay > 0 && decays(name) ? parameter.mul(1 - lr * weightDecay) : parameter;
      next.parameters[name] = kept.sub(update);
      next.m[name] = m;
      next.v[name] = v;
    }
    tree.dispose(bias);
    return next;
  }

  function load(weights: Weights): Parameters {
    return Object.fromEntries([...weights].map(([name, { shape, data }]) => [name, np.array(data, { shape })]));
  }

  return { linear, layerNorm, attend, crossEntropy, adam, load, relu: nn.relu };
}
