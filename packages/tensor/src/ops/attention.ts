import { contiguous, detach, record } from '../autograd.js';
import type { AttentionArgs, HeadView } from '../backend.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import type { Rng } from '../random.js';
import type { Storage } from '../storage.js';
import { broadcastShapes, broadcastStrides, contiguousStrides, show } from '../shape.js';
import { commonBackend, type Tensor } from '../tensor.js';
import { arange } from './create.js';
import { dropout } from './dropout.js';
import { add, div, mul, sub } from './arithmetic.js';
import { ge, le, logicalNot, maskedFill, ne, where } from './compare.js';
import { exp } from './math.js';
import { tanh } from './trigonometry.js';
import { attempt, fusedKernel, onlyOnce, scratch } from './fused.js';
import { matmul } from './matmul.js';
import { amax, sum } from './reduce.js';
import { broadcastTo } from '../autograd.js';
import { expand, reshape, transpose, unsqueeze } from './view.js';

export interface AttentionOptions {
  /** Factor on the scores; 1/√dim if left out. */
  scale?: number;
  /** Query i sees key j only if j ≤ i + causalOffset: 0 aligns the first tokens, keyLength - queryLength the last. */
  causalOffset?: number | null;
  /** Query i sees key j only if j ≥ i + windowOffset: a sliding window begins here. */
  windowOffset?: number | null;
  /** Scores become softcap · tanh(score / softcap) before the mask is added, as in Gemma 2. */
  softcap?: number;
  /** Broadcasts to [B, H, Q, K]. bool: true where a query may look. float: added to the scores. */
  mask?: Tensor | null;
  /** The share of the weights that is dropped, where there is an `rng`. */
  dropout?: number;
  rng?: Rng;
}

/**
 * attention(q, k, v) = softmax(cap(scale · q kᵀ) + mask) v, by heads.
 *
 * q is [B, H, Q, D], k [B, G, K, D], v [B, G, K, E], of one float type; the result [B, H, Q, E]. H is a multiple of G: query head h reads key/value
 * head ⌊h · G / H⌋. A query that sees no key gets 0, with gradient 0. With `dropout` and an `rng`, weights are dropped after the softmax.
 * `attend` of `@multihead/attention` builds on this. Vaswani et al., "Attention Is All You Need", 2017, section 3.2.1; grouped heads:
 * Ainslie et al., "GQA", 2023. Throws a ShapeError where shapes do not fit one another, a DTypeError for mixed types.
 *
 * @example
 * const [q, k, v] = [tensor([[[[1, 0]]]]), tensor([[[[1, 0], [0, 1]]]]), tensor([[[[10], [20]]]])];
 * attention(q, k, v, { scale: 1 }); // [[[[12.6894]]]]
 * attention(q, k, v, { mask: tensor([[false, true]]) }); // [[[[20]]]]
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  checkAttention('attention', q, k, v, options);
  const dropped = (options.dropout ?? 0) > 0 && options.rng;
  const fused = dropped || options.mask?.requiresGrad ? null : fusedAttention(q, k, v, options);
  if (fused) return fused;
  const weights = weightsOf(q, k, options);
  return matmul(dropout(weights, options.dropout ?? 0, options.rng), repeatHeads(v, q.shape[1]!));
}

/**
 * attentionWeights(q, k) = softmax(scale · q kᵀ + mask), the weights of `attention` alone: how much each query looks at each key.
 *
 * q is [B, H, Q, D], k [B, G, K, D], of one float type, H a multiple of G; the result [B, H, Q, K]. Its rows add up to 1, or are 0 where a query
 * sees no key. Options and errors are those of `attention`.
 *
 * @example
 * const [q, k] = [tensor([[[[1, 0], [0, 2]]]]), tensor([[[[1, 0], [0, 1]]]])];
 * attentionWeights(q, k, { scale: 1 }); // [[[[0.7311, 0.2689], [0.1192, 0.8808]]]]
 * attentionWeights(q, k, { causalOffset: 0 }); // [[[[1, 0], [0.1956, 0.8044]]]]
 */
export function attentionWeights(q: Tensor, k: Tensor, options: AttentionOptions = {}): Tensor {
  checkAttention('attentionWeights', q, k, k, options);
  return weightsOf(q, k, options);
}

export function checkAttention(op: string, q: Tensor, k: Tensor, v: Tensor, { mask, softcap = 0 }: AttentionOptions): void {
  commonBackend(op, { q, k, v, mask });
  if (!(softcap >= 0)) throw new ValueError(`${op}: softcap: expected a positive number, or 0 for none, got ${softcap}`);
  const got = `q ${show(q.shape)}, k ${show(k.shape)}, v ${show(v.shape)}`;
  if ([q, k, v].some((t) => t.rank !== 4)) throw new ShapeError(`${op}: expected q, k, v of [batch, heads, tokens, dim], got ${got}`);
  const [batch, heads, queries, dim] = q.shape as [number, number, number, number];
  const [kvBatch, kvHeads, keys] = k.shape as [number, number, number];
  if (k.shape[3] !== dim) throw new ShapeError(`${op}: q and k must have one dim (the last axis), got ${got}`);
  if (v.shape[0] !== kvBatch || v.shape[1] !== kvHeads || v.shape[2] !== keys)
    throw new ShapeError(`${op}: k and v must agree but for the last axis, got ${got}`);
  if (kvBatch !== batch) throw new ShapeError(`${op}: q, k and v must have one batch size (the first axis), got ${got}`);
  if (kvHeads === 0 || heads % kvHeads !== 0)
    throw new ShapeError(`${op}: the heads of q (${heads}) must be a multiple of those of k and v (${kvHeads}), got ${got}`);
  if (!isFloat(q.dtype) || k.dtype !== q.dtype || v.dtype !== q.dtype)
    throw new DTypeError(`${op}: expected one float type, got q ${q.dtype}, k ${k.dtype}, v ${v.dtype}`);
  if (!mask) return;
  if (mask.dtype !== 'bool' && mask.dtype !== q.dtype) throw new DTypeError(`${op}: mask: expected bool or ${q.dtype}, got ${mask.dtype}`);
  const full = [batch, heads, queries, keys];
  if (mask.rank > 4 || mask.shape.some((n, i) => n !== 1 && n !== full[i + 4 - mask.rank])) {
    throw new ShapeError(
      `${op}: mask: expected a shape that broadcasts to [batch, heads, queries, keys] = ${show(full)}, got ${show(mask.shape)}`,
    );
  }
}

export function repeatHeads(x: Tensor, heads: number): Tensor {
  const [batch, kvHeads, tokens, dim] = x.shape as [number, number, number, number];
  if (kvHeads === heads) return x;
  return reshape(expand(unsqueeze(x, 2), [batch, kvHeads, heads / kvHeads, tokens, dim]), [batch, heads, tokens, dim]);
}

/** The definition. */
function weightsOf(q: Tensor, k: Tensor, options: AttentionOptions): Tensor {
  const scores = maskedScores(q, k, options);
  if (k.shape[2] === 0) return scores;
  const { parts, total } = exponentials(scores);
  return div(parts, total);
}

/** Scores as they go into the softmax, [B, H, Q, K]: -∞ where a query may not look. */
export function maskedScores(q: Tensor, k: Tensor, options: AttentionOptions): Tensor {
  const { scale = 1 / Math.sqrt(q.shape[3]!), causalOffset = null, windowOffset = null, softcap = 0, mask } = options;
  const [queries, keys] = [q.shape[2]!, k.shape[2]!];
  let scores = mul(matmul(q, transpose(repeatHeads(k, q.shape[1]!))), scale); // [B, H, Q, K]
  if (softcap > 0) scores = mul(tanh(div(scores, softcap)), softcap);
  if (mask) scores = mask.dtype === 'bool' ? hide(scores, logicalNot(mask)) : add(scores, mask);
  // Query i against key j: a column beside a row.
  const places = (start: number, n: number) => arange(start, start + n, 1, { backend: q.backend, dtype: 'int32' });
  const limit = (offset: number) => reshape(places(offset, queries), [queries, 1]);
  if (causalOffset !== null) scores = where(le(places(0, keys), limit(causalOffset)), scores, Number.NEGATIVE_INFINITY);
  if (windowOffset !== null) scores = where(ge(places(0, keys), limit(windowOffset)), scores, Number.NEGATIVE_INFINITY);
  return scores;
}

/** Scores of -∞ where `hidden` is true. NaN gradients of hidden scores go on, as in PyTorch; all others are 0. */
function hide(scores: Tensor, hidden: Tensor): Tensor {
  const y = maskedFill(detach(scores), hidden, Number.NEGATIVE_INFINITY);
  return record('hide', y.storage.retain(), scores.shape, [scores], (dy) => [() => where(hidden, mul(dy, 0), dy)]);
}

/** The parts of a softmax over the last axis: exp(scores - top), their sum, and top. A row of -∞ has parts 0, total 1 and top 0, not NaN. */
export function exponentials(scores: Tensor): { parts: Tensor; total: Tensor; top: Tensor; seen: Tensor } {
  const highest = amax(detach(scores), { axis: -1, keepDims: true });
  const seen = ne(highest, Number.NEGATIVE_INFINITY);
  const top = where(seen, highest, 0);
  const parts = exp(sub(scores, top));
  return { parts, total: where(seen, sum(parts, { axis: -1, keepDims: true }), 1), top, seen };
}

/** What a fused kernel made, and what its gradient needs. */
export interface FusedAttention {
  /** [B, Q, H, E]: heads side by side, so that merging them again is free. */
  readonly out: Storage;
  readonly layout: readonly number[];
  /** What the kernel read, [B, H, Q, D] … */
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly mask: Tensor | null;
  /** log Σ exp of the scores, [B, H, Q]. */
  readonly lse: Tensor;
  readonly args: AttentionArgs;
}

function fusedAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor | null {
  const made = runAttention(q, k, v, options);
  if (!made) return null;
  const packed = record('attention', made.out, made.layout, [made.q, made.k, made.v], (dy, y) => attentionGrad(dy, y, made));
  return transpose(packed, 1, 2); // [B, H, Q, E]
}

/** Runs the fused kernel; null where there is none that serves. */
export function runAttention(qIn: Tensor, kIn: Tensor, vIn: Tensor, options: AttentionOptions): FusedAttention | null {
  const kernel = fusedKernel('attention', 'attentionGrad', [qIn, kIn, vIn]);
  if (!kernel || kIn.size === 0 || vIn.size === 0) return null;
  const [q, k, v] = [readable(qIn), readable(kIn), readable(vIn)];
  const [batch, heads, queryLength, dim] = q.shape as [number, number, number, number];
  const [kvHeads, keyLength, valueDim] = [k.shape[1]!, k.shape[2]!, v.shape[3]!];
  const mask = options.mask ? expandMask(options.mask, [batch, heads, queryLength, keyLength]) : null;
  const layout = [batch, queryLength, heads, valueDim];
  const args: AttentionArgs = {
    batch,
    heads,
    kvHeads,
    queryLength,
    keyLength,
    dim,
    valueDim,
    scale: options.scale ?? 1 / Math.sqrt(dim),
    causalOffset: options.causalOffset ?? null,
    windowOffset: options.windowOffset ?? null,
    softcap: options.softcap ?? 0,
    q: viewOf(q),
    k: viewOf(k),
    v: viewOf(v),
    out: packedView(layout),
    maskStrides: mask?.strides ?? null,
  };
  const lse = scratch(q, [batch, heads, queryLength]);
  const out = attempt(q, layout, (buffer) => kernel(buffer, lse.buffer, q.buffer, k.buffer, v.buffer, mask?.tensor.buffer ?? null, args));
  return out && { out, layout, q, k, v, mask: mask?.tensor ?? null, lse, args };
}

/** Gradients of q, k and v from that of `out` [B, Q, H, E]. */
export function attentionGrad(
  gradient: Tensor,
  out: Tensor,
  { q, k, v, mask, lse, args }: Omit<FusedAttention, 'out' | 'layout'>,
): Tensor[] {
  onlyOnce('attention');
  const dOut = contiguous(gradient);
  const grads = [q, k, v].map((x) => {
    const [b, h, t, d] = x.shape as [number, number, number, number];
    return scratch(x, [b, t, h, d]);
  });
  const [dq, dk, dv] = grads as [Tensor, Tensor, Tensor];
  const views = { dqView: packedView(dq.shape), dkView: packedView(dk.shape), dvView: packedView(dv.shape) };
  const buffers = { q: q.buffer, k: k.buffer, v: v.buffer, mask: mask?.buffer ?? null, out: out.buffer, lse: lse.buffer };
  q.backend.fused.attentionGrad!({ dq: dq.buffer, dk: dk.buffer, dv: dv.buffer, ...views }, dOut.buffer, buffers, args);
  return grads.map((g) => transpose(g, 1, 2));
}

/** Heads are read where they lie, as long as the elements of one are next to one another and all axes run forwards. */
function readable(x: Tensor): Tensor {
  return (x.strides[3] === 1 || x.shape[3] === 1) && x.strides.every((stride) => stride >= 0) ? x : contiguous(x);
}

export function viewOf(x: Tensor): HeadView {
  const [batch, head, token] = x.strides as [number, number, number];
  return { offset: x.offset, batch, head, token };
}

/** Of a contiguous [batch, tokens, heads, dim]. */
export function packedView(layout: readonly number[]): HeadView {
  const [batch, token, head] = contiguousStrides(layout) as [number, number, number];
  return { offset: 0, batch, head, token };
}

/** The mask with adjacent keys, and its strides by batch, head and query; it is not repeated along those. */
function expandMask(mask: Tensor, full: readonly number[]): { tensor: Tensor; strides: [number, number, number] } {
  const keys = full[3]!;
  const rows = mask.shape.at(-1) === keys ? mask : broadcastTo(mask, [...broadcastShapes('attention', mask.shape, [1]).slice(0, -1), keys]);
  const tensor = contiguous(rows);
  const [b, h, t] = broadcastStrides(tensor.shape, contiguousStrides(tensor.shape), full) as [number, number, number];
  return { tensor, strides: [b, h, t] };
}
