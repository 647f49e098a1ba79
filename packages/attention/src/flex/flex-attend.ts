import { add, type AttentionOptions, attention, checkpoint, concat, ge, slice, type Tensor, zeros } from '@multihead/tensor';
import { type AttendOptions, type AttentionFn, prepare } from '../attend.js';
import { type CaptureSelection, keysOf, placesOf as listed, pick, pickedOfMask } from '../capture.js';
import { masked, scoresOf, softmaxOrZero, weighted } from '../composed.js';
import { combineMasks } from '../masks.js';
import { andMasks, type MaskMod, maskMod, merged, type Places, placesOf, run, type Span } from './mask-mod.js';
import { causal, counted } from './rules.js';

/**
 * Scores as they go into the softmax, from scores [B, H, Q, K] and the places that they are of: int32 tensors that broadcast to the scores, as for
 * `MaskMod`. It sees the scores of one tile at a time, and does the same each time it is called. After `score_mod` of PyTorch's FlexAttention.
 */
export type ScoreMod = (score: Tensor, sample: Tensor, head: Tensor, query: Tensor, key: Tensor) => Tensor;

export interface FlexMods {
  /** Changes scores. Tensors that it closes over, a learned bias, get gradients. */
  scoreMod?: ScoreMod;
  /** Hides keys. What its `spans` rule out is not computed. */
  maskMod?: MaskMod;
  /** Queries in a tile; 128 if left out, fewer where many keys are seen. The result does not depend on it but for rounding. */
  blockSize?: number;
}

export type FlexOptions = AttendOptions & FlexMods;

/**
 * Attention with scores changed and keys hidden by functions: softmax(mask(scoreMod(cap(scale · q kᵀ)))) v, by tiles of queries.
 *
 * Shapes, other options and errors are those of `attend`. Exact. Of the keys, a tile reads those that its rules let it see; memory is O(tokens)
 * forwards and backwards, as each tile is computed again for its gradient. Without a `scoreMod`, tiles run on the backend's fused kernel.
 * `causal` and `window` skip as rules do. Differentiable on every backend, by q, k, v and whatever `scoreMod` closes over.
 * Dong et al., "Flex Attention: A Programming Model for Generating Optimized Attention Kernels", 2024.
 *
 * @example
 * const bias = zeros([8, 257], { requiresGrad: true }); // by head and distance, learned
 * const scoreMod: ScoreMod = (score, _b, head, query, key) => add(score, index(bias, [head, clamp(add(sub(key, query), 128), 0, 256)]));
 * const out = flexAttend(q, k, v, { scoreMod, maskMod: andMasks(causal(), documents([0, 300, 512])) }); // [B, H, T, D]
 */
export function flexAttend(q: Tensor, k: Tensor, v: Tensor, options: FlexOptions = {}): Tensor {
  const { heads, inner, back } = prepare('flexAttend', q, k, v, options);
  const { scoreMod, maskMod, blockSize = 128 } = options;
  counted('flexAttend', { blockSize }, 1);
  const plan: Plan = { ...inner, causalOffset: null, windowOffset: null, scoreMod, maskMod: rulesOf(inner, maskMod), blockSize };
  const { capture } = options;
  capture?.(capturedOf(heads, plan, capture.selection ?? {}));
  const plain = !scoreMod && !maskMod;
  return back(plain || heads[0].size === 0 || heads[1].size === 0 ? attention(...heads, inner) : tiled(heads, plan));
}

/**
 * An `AttentionFn` with these functions in it: what a model takes as its `attention`.
 *
 * @example
 * const attention = flexAttention({ maskMod: slidingWindow(256) });
 * const encoder = new MultiHeadAttention(512, 8, { attention });
 */
export function flexAttention(mods: FlexMods): AttentionFn {
  return (q, k, v, options) => flexAttend(q, k, v, { ...options, ...mods });
}

interface Plan extends AttentionOptions {
  readonly scoreMod?: ScoreMod;
  readonly maskMod?: MaskMod;
  readonly blockSize: number;
}

type Heads = readonly [q: Tensor, k: Tensor, v: Tensor];

/** Scores of one tile at most, in numbers. */
const LARGEST = 2 ** 22;

/** `causal` and `window` are rules like others. */
function rulesOf({ causalOffset, windowOffset }: AttentionOptions, given: MaskMod | undefined): MaskMod | undefined {
  const rules = given ? [given] : [];
  if (typeof causalOffset === 'number') rules.push(causal(causalOffset));
  if (typeof windowOffset === 'number') rules.push(notBefore(windowOffset));
  return rules.length > 1 ? andMasks(...rules) : rules[0];
}

function notBefore(offset: number): MaskMod {
  return maskMod(
    (_b, _h, query, key) => ge(key, add(query, offset)),
    (from, _to, keys) => [[from + offset, keys]],
  );
}

/** Each tile of queries sees all of its keys at once, so that no running maximum is needed, and is forgotten but for its output. */
function tiled([q, k, v]: Heads, plan: Plan): Tensor {
  const [batch, heads, queries] = q.shape as [number, number, number];
  const outputs: Tensor[] = [];
  for (let next = 0; next < queries; ) {
    const { to, spans } = tileFrom(next, q, k, plan);
    const from = next; // the tile runs again, for its gradient
    if (spans.length === 0) outputs.push(zeros([batch, heads, to - from, v.shape[3]!], { dtype: q.dtype, backend: q.backend }));
    else {
      // Keys are picked out inside, so that what was picked is forgotten, too.
      const tile = (...[queries, keys, values]: Tensor[]) =>
        tileOutput([slice(queries!, 2, from, to), spanned(keys!, 2, spans), spanned(values!, 2, spans)], plan, [from, to], spans);
      outputs.push(checkpoint(tile, [q, k, v]));
    }
    next = to;
  }
  return outputs.length === 1 ? outputs[0]! : concat(outputs, 2);
}

/** As many queries as `blockSize`, or fewer where their scores would be too many. */
function tileFrom(from: number, q: Tensor, k: Tensor, { maskMod, scoreMod, blockSize }: Plan): { to: number; spans: Span[] } {
  const [batch, heads, queries] = q.shape as [number, number, number];
  const keys = k.shape[2]!;
  for (let size = blockSize; ; size = Math.ceil(size / 2)) {
    const to = Math.min(queries, from + size);
    const spans = merged(maskMod?.spans?.(from, to, keys) ?? [[0, keys]], keys);
    const seen = spans.reduce((total, [start, end]) => total + end - start, 0);
    const each = scoreMod ? batch * heads : 1;
    if (size <= 16 || (to - from) * seen * each <= LARGEST) return { to, spans };
  }
}

function tileOutput([q, k, v]: Heads, plan: Plan, queries: Span, spans: readonly Span[]): Tensor {
  const { backend } = q;
  const keys = spans.length === 1 ? run(spans[0]!, backend) : concat(spans.map((span) => run(span, backend)));
  const places = placesOf(q.shape[0]!, run([0, q.shape[1]!], backend), run(queries, backend), keys);
  const given = plan.mask ? spanned(spanned(plan.mask, -2, [queries]), -1, spans) : null;
  const mask = combineMasks(given, plan.maskMod?.(...places));
  if (!plan.scoreMod) return attention(q, k, v, { ...plan, mask });
  return weighted(weightsOf(q, k, plan, places, mask), v, plan);
}

/** softmax(mask(scoreMod(cap(scale · q kᵀ)))), [B, H, Q, K]. */
function weightsOf(q: Tensor, k: Tensor, plan: Plan, places: Places, mask: Tensor | null): Tensor {
  const scores = scoresOf(q, k, plan);
  return softmaxOrZero(masked(plan.scoreMod ? plan.scoreMod(scores, ...places) : scores, mask));
}

/** The weights of chosen heads and rows, at their cost. */
function capturedOf([q, k]: Heads, plan: Plan, selection: CaptureSelection): Tensor {
  const [batch, heads, queries] = q.shape as [number, number, number];
  const every = (n: number) => Array.from({ length: n }, (_, i) => i);
  const places = placesOf(
    batch,
    listed(selection.heads ?? every(heads), heads, q),
    listed(selection.rows ?? every(queries), queries, q),
    run([0, k.shape[2]!], q.backend),
  );
  const given = plan.mask ? pickedOfMask(selection, plan.mask) : null;
  return weightsOf(pick(selection, q), keysOf(selection, q, k), plan, places, combineMasks(given, plan.maskMod?.(...places)));
}

/** The spans along an axis, one behind the other; an axis of length 1 is the same everywhere. */
function spanned(x: Tensor, axis: number, spans: readonly Span[]): Tensor {
  if ((x.shape.at(axis) ?? 1) === 1) return x;
  const parts = spans.map(([from, to]) => slice(x, axis, from, to));
  return parts.length === 1 ? parts[0]! : concat(parts, axis);
}
