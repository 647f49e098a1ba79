import { type AttentionOptions, attentionWeights, indexSelect, ShapeError, type Tensor, tensor, unsqueeze } from '@multihead/tensor';
import type { Capture } from './attend.js';
import { limitMask } from './composed.js';
import { combineMasks } from './masks.js';

/** Which heads and queries; all of those that are not named. Negative ones count from the end. */
export interface CaptureSelection {
  heads?: readonly number[];
  rows?: readonly number[];
}

/**
 * A `capture` for chosen heads and queries: the weights [B, heads, rows, K] are made for those alone, so that one row of 16,384 queries costs
 * one row, whichever kernel the output came from. The output is the same bits with and without.
 *
 * Throws a ShapeError for a head or a row that there is not.
 *
 * @example
 * const capture = captureOf({ heads: [0, 3], rows: [-1] }, (weights) => show(weights)); // what the last token looked at
 * const out = attend(q, k, v, { causal: true, capture });
 */
export function captureOf(selection: CaptureSelection, receive: (weights: Tensor) => void): Capture {
  const weights = (q: Tensor, k: Tensor, options: AttentionOptions = {}): Tensor => {
    const { rows } = selection;
    const limits = rows && limitMask(unsqueeze(placesOf(rows, q.shape[2]!, q), 1), k.shape[2]!, options);
    const mask = options.mask ? pickedOfMask(selection, options.mask) : null;
    const offsets = rows ? { causalOffset: null, windowOffset: null } : {};
    return attentionWeights(pick(selection, q), keysOf(selection, q, k), { ...options, ...offsets, mask: combineMasks(mask, limits) });
  };
  return Object.assign((found: Tensor) => receive(found), { weights, selection });
}

/** Hands out what is asked for of weights [B, H, Q, K] that exist anyway. */
export function handOut(capture: Capture | undefined, weights: () => Tensor): void {
  if (capture) capture(picked(capture, weights()));
}

/** Of something by head and query, [B, H, Q, …], what is asked for. */
export function picked({ selection = {} }: Capture, x: Tensor): Tensor {
  return pick(selection, x);
}

export function pick({ heads, rows }: CaptureSelection, x: Tensor): Tensor {
  return chosen(chosen(x, 1, heads, 'heads'), 2, rows, 'rows');
}

/** The keys of each chosen head, [B, heads, K, D]. */
export function keysOf({ heads }: CaptureSelection, q: Tensor, k: Tensor): Tensor {
  const [all, groups] = [q.shape[1]!, k.shape[1]!];
  return heads ? chosen(k, 1, heads.map((h) => Math.floor(((h < 0 ? h + all : h) * groups) / all)), 'heads') : k; // biome-ignore format: one call
}

function chosen(x: Tensor, axis: number, places: readonly number[] | undefined, name: string): Tensor {
  if (!places) return x;
  const n = x.shape.at(axis)!;
  const wrong = places.find((i) => !Number.isInteger(i) || i < -n || i >= n);
  if (wrong !== undefined) throw new ShapeError(`captureOf: ${name}: expected integers from ${-n} to ${n - 1}, got ${wrong}`);
  return indexSelect(x, axis, placesOf(places, n, x));
}

/** Of a mask that broadcasts to [B, H, Q, K]; an axis of length 1 stays. */
export function pickedOfMask({ heads, rows }: CaptureSelection, mask: Tensor): Tensor {
  const along = (x: Tensor, axis: number, places: readonly number[] | undefined, name: string) =>
    (x.shape.at(axis) ?? 1) === 1 ? x : chosen(x, axis, places, name);
  return along(along(mask, -3, heads, 'heads'), -2, rows, 'rows');
}

/** As int32; negative ones count from the end. */
export function placesOf(places: readonly number[], n: number, { backend }: Tensor): Tensor {
  return tensor(
    Int32Array.from(places, (i) => (i < 0 ? i + n : i)),
    { backend },
  );
}
