import {
  add,
  amax,
  amin,
  arange,
  div,
  eq,
  eye,
  matmul,
  mean,
  mul,
  noGrad,
  reshape,
  scatter,
  ShapeError,
  sum,
  type Tensor,
  tidy,
  topk,
  ValueError,
  where,
} from '@multihead/tensor';
import { type Inspection, patternOf } from './inspect.js';

/* Which inputs the tokens of the last layer come from, by following attention down through all layers. */

export interface RolloutOptions {
  /** The share that goes by attention unchanged, through the residual connection; 0.5 if left out. */
  residual?: number;
  /** How the heads of a layer become one; 'mean' if left out. */
  fuse?: 'mean' | 'max' | 'min';
  /** The share of the least weights of each layer that counts as 0; 0 if left out. The first token's look at itself always counts. */
  discard?: number;
  /** `encoder.`, `decoder.`, `text.` or `vision.`, where an inspection has weights of several stacks. */
  stack?: string;
}

const fusions = { mean, max: amax, min: amin };

/**
 * Attention rollout: how much of each input token is in each token of the last layer, if tokens are mixed by attention alone.
 *
 * Aₗ = residual · I + (1 - residual) · fuse(headsₗ), rows brought to a sum of 1; rollout = A_L … A₂ A₁, [B, T, T]. Weights are those of `inspect` with
 * `attention: true`, or tensors [B, H, T, T], layer by layer. Its rows sum to 1. Throws a ShapeError for weights that are not square, a
 * ValueError for shares outside 0 … 1 or weights of several stacks.
 * Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020; `discard` and `fuse` are of Gildenblat's vit-explain.
 *
 * @example
 * const rolled = attentionRollout(inspect(model, ids, { attention: true }), { fuse: 'max' });
 * rolled.shape; // [1, 3, 3]
 */
export function attentionRollout(from: Inspection | readonly Tensor[], options: RolloutOptions = {}): Tensor {
  const { residual = 0.5, fuse = 'mean', discard = 0 } = options;
  for (const [name, share] of Object.entries({ residual, discard })) {
    if (!(share >= 0 && share <= 1)) throw new ValueError(`attentionRollout: ${name}: expected a share from 0 to 1, got ${share}`);
  }
  const layers = 'activations' in from ? patternsOf(from, options.stack) : from;
  if (layers.length === 0) throw new ValueError('attentionRollout: from: expected weights of attention, got none');
  return tidy(() =>
    noGrad(() => {
      const mixes = layers.map((weights, i) => {
        const { rank, shape, backend, dtype } = weights;
        if (rank !== 4 || shape[2] !== shape[3] || String(shape.slice(2)) !== String(layers[0]!.shape.slice(2))) {
          throw new ShapeError(
            `attentionRollout: from: expected weights [B, H, T, T] of one size, got [${shape.join(', ')}] in layer ${i}`,
          );
        }
        const heads = without(fusions[fuse](weights, { axis: 1 }), discard); // [B, T, T]
        const mixed = add(mul(heads, 1 - residual), mul(eye(shape[2]!, undefined, { backend, dtype }), residual));
        const total = sum(mixed, { axis: -1, keepDims: true });
        return div(mixed, where(eq(total, 0), 1, total)); // a query that sees nothing, and has no residual
      });
      return mixes.slice(1).reduce((rolled, mix) => matmul(mix, rolled), mixes[0]!);
    }),
  );
}

/** The weights of tokens that look at each other, of one stack. */
function patternsOf({ activations }: Inspection, stack: string | undefined): Tensor[] {
  const all = [...activations].flatMap(([name, x]) => {
    const of = patternOf(name);
    return of && of.kind === 'attn' && (stack === undefined || of.stack === stack) ? [{ stack: of.stack, x }] : [];
  });
  const stacks = new Set(all.map((one) => one.stack));
  if (stacks.size > 1) throw new ValueError(`attentionRollout: stack: expected one of ${[...stacks].join(', ')}, got none`);
  return all.map(({ x }) => x);
}

/** Weights [B, T, T] without the least ones. */
function without(weights: Tensor, share: number): Tensor {
  const [batch, rows, keys] = weights.shape as [number, number, number];
  const dropped = Math.floor(share * rows * keys);
  if (dropped === 0) return weights;
  const flat = reshape(weights, [batch, rows * keys]);
  const least = scatter(flat, 1, topk(flat, dropped, { largest: false }).indices, 0);
  const isFirst = eq(arange(0, rows * keys, 1, { dtype: 'int32', backend: weights.backend }), 0);
  return reshape(where(isFirst, flat, least), weights.shape);
}
