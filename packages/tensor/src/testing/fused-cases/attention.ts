import type { AttentionArgs, DeviceBuffer, HeadView } from '../../backend.js';
import { type BackendCase, mustTakeBoth } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { booleanSample, uniformSample } from '../samples.js';

export type Mask = Float32Array | Uint8Array | null;

/** Heads that stand alone: [batch, heads, length, dim], contiguous. */
function separate(heads: number, length: number, dim: number): HeadView {
  return { offset: 0, batch: heads * length * dim, head: length * dim, token: dim };
}

/** Heads inside a row of features, as a projection leaves them: [batch, length, parts · heads · dim], starting at part `part`. */
function packed(heads: number, length: number, dim: number, parts = 1, part = 0): HeadView {
  const width = parts * heads * dim;
  return { offset: part * heads * dim, batch: length * width, head: dim, token: width };
}

interface Setting {
  readonly what: string;
  readonly args: AttentionArgs;
  readonly mask: Mask;
  /** Scores spread over ± this much. */
  readonly spread?: number;
}

type Sizes = Pick<AttentionArgs, 'batch' | 'heads' | 'kvHeads' | 'queryLength' | 'keyLength' | 'dim' | 'valueDim'>;

function settingOf(what: string, sizes: Partial<Sizes>, more: Partial<AttentionArgs> = {}, mask: Mask = null, spread?: number): Setting {
  const s: Sizes = { batch: 2, heads: 2, kvHeads: 2, queryLength: 5, keyLength: 5, dim: 4, valueDim: 4, ...sizes };
  const views = {
    q: separate(s.heads, s.queryLength, s.dim),
    k: separate(s.kvHeads, s.keyLength, s.dim),
    v: separate(s.kvHeads, s.keyLength, s.valueDim),
    out: separate(s.heads, s.queryLength, s.valueDim),
  };
  const args = {
    ...s,
    ...views,
    scale: 1 / Math.sqrt(s.dim),
    causalOffset: null,
    windowOffset: null,
    softcap: 0,
    maskStrides: null,
    ...more,
  };
  return { what, args, mask, ...(spread ? { spread } : {}) };
}

/** Some rows see nothing at all. */
const padding = Uint8Array.from([1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
const someInfinite = uniformSample(9, 2 * 2 * 5 * 5).map((v) => (v > 1 ? -Infinity : v));

const settings: readonly Setting[] = [
  settingOf('one of everything', { batch: 1, heads: 1, kvHeads: 1, queryLength: 1, keyLength: 1, dim: 1, valueDim: 1 }),
  settingOf('plain', {}),
  settingOf('odd sizes', { heads: 3, kvHeads: 3, queryLength: 7, keyLength: 9, dim: 5, valueDim: 3 }),
  settingOf('larger', { batch: 1, heads: 2, kvHeads: 2, queryLength: 65, keyLength: 131, dim: 33, valueDim: 17 }),
  settingOf('one query', { queryLength: 1, keyLength: 37, dim: 8, valueDim: 8 }, { causalOffset: 36 }),
  settingOf('no keys', { keyLength: 0 }),
  settingOf('no queries', { queryLength: 0 }),
  settingOf('another scale', {}, { scale: 1.25 }),
  settingOf('grouped heads', { heads: 6, kvHeads: 2 }),
  settingOf('one key head for all', { heads: 4, kvHeads: 1, queryLength: 6, keyLength: 6 }, { causalOffset: 0 }),
  settingOf('causal', { queryLength: 17, keyLength: 17, dim: 8, valueDim: 8 }, { causalOffset: 0 }),
  settingOf('causal, larger', { batch: 1, queryLength: 70, keyLength: 70, dim: 16, valueDim: 16 }, { causalOffset: 0 }),
  settingOf('causal after a cache', { queryLength: 3, keyLength: 9 }, { causalOffset: 6 }),
  settingOf('causal, with rows that see nothing', { queryLength: 6, keyLength: 4 }, { causalOffset: -2 }),
  settingOf('a window', { queryLength: 70, keyLength: 70, dim: 8, valueDim: 8 }, { causalOffset: 0, windowOffset: -9 }),
  settingOf('a window on both sides', { queryLength: 60, keyLength: 130, dim: 8, valueDim: 8 }, { causalOffset: 30, windowOffset: 20 }),
  settingOf('a window beyond the keys', { queryLength: 6, keyLength: 4 }, { windowOffset: 2 }),
  settingOf('capped scores', { queryLength: 9, keyLength: 53, dim: 8 }, { softcap: 1.5 }, null, 20),
  settingOf(
    'capped scores, masked',
    { queryLength: 5, keyLength: 5 },
    { softcap: 2, maskStrides: [50, 25, 5], causalOffset: 1 },
    someInfinite,
  ),
  settingOf('a mask of its own for each row', {}, { maskStrides: [50, 25, 5] }, booleanSample(7, 100, 0.6)),
  settingOf('a padding mask', {}, { maskStrides: [5, 0, 0] }, padding),
  settingOf('a padding mask, causal', {}, { maskStrides: [5, 0, 0], causalOffset: 0 }, padding),
  settingOf('a mask shared by all heads', {}, { maskStrides: [0, 0, 5] }, booleanSample(8, 25, 0.5)),
  settingOf('an additive mask', {}, { maskStrides: [50, 25, 5] }, uniformSample(9, 100)),
  settingOf('an additive mask with -∞', {}, { maskStrides: [50, 25, 5] }, someInfinite),
  settingOf('rows of -∞', {}, { maskStrides: [0, 0, 5] }, new Float32Array(25).fill(-Infinity, 5, 15)),
  settingOf('large scores', { queryLength: 9, keyLength: 33 }, {}, null, 300),
  settingOf(
    'heads in place',
    { heads: 3, kvHeads: 3, queryLength: 6, keyLength: 6 },
    {
      q: packed(3, 6, 4, 3, 0),
      k: packed(3, 6, 4, 3, 1),
      v: packed(3, 6, 4, 3, 2),
      out: packed(3, 6, 4),
      causalOffset: 0,
    },
  ),
  settingOf(
    'a cache with room',
    { kvHeads: 1, queryLength: 2, keyLength: 5 },
    {
      q: packed(2, 2, 4),
      k: separate(1, 12, 4),
      v: separate(1, 12, 4),
      out: packed(2, 2, 4),
      causalOffset: 3,
    },
  ),
];

/** Elements that a buffer must have to hold every head of `view`. */
function lengthOf(view: HeadView, batch: number, heads: number, tokens: number, dim: number): number {
  if (batch * heads * tokens * dim === 0) return 0;
  return view.offset + (batch - 1) * view.batch + (heads - 1) * view.head + (tokens - 1) * view.token + dim;
}

const at = (view: HeadView, b: number, h: number, t: number): number => view.offset + b * view.batch + h * view.head + t * view.token;

/** The weights of row (b, h, i), the log-sum-exp of its scores, and what capping makes of a small change of each. */
function weightsOf(q: ArrayLike<number>, k: ArrayLike<number>, mask: Mask, args: AttentionArgs, b: number, h: number, i: number) {
  const { keyLength, dim, scale, softcap, causalOffset, windowOffset, maskStrides } = args;
  const kv = Math.floor((h * args.kvHeads) / args.heads);
  const slopes = new Array<number>(keyLength).fill(1);
  const scores = Array.from({ length: keyLength }, (_, j) => {
    if (causalOffset !== null && j > i + causalOffset) return -Infinity;
    if (windowOffset !== null && j < i + windowOffset) return -Infinity;
    let score = 0;
    for (let d = 0; d < dim; d++) score += q[at(args.q, b, h, i) + d]! * k[at(args.k, b, kv, j) + d]!;
    score *= scale;
    if (softcap > 0) {
      const t = Math.tanh(score / softcap);
      slopes[j] = 1 - t * t;
      score = softcap * t;
    }
    if (!mask || !maskStrides) return score;
    const [byBatch, byHead, byQuery] = maskStrides;
    const value = mask[b * byBatch + h * byHead + i * byQuery + j]!;
    if (mask instanceof Uint8Array) return value ? score : -Infinity;
    return score + value;
  });
  const largest = Math.max(...scores);
  if (largest === -Infinity) return { kv, slopes, lse: -Infinity, weights: scores.map(() => 0) };
  const sum = scores.reduce((total, s) => total + Math.exp(s - largest), 0);
  return { kv, slopes, lse: largest + Math.log(sum), weights: scores.map((s) => Math.exp(s - largest) / sum) };
}

function eachRow(args: AttentionArgs, visit: (b: number, h: number, i: number) => void): void {
  for (let b = 0; b < args.batch; b++) for (let h = 0; h < args.heads; h++) for (let i = 0; i < args.queryLength; i++) visit(b, h, i);
}

export interface AttentionData {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

export interface AttentionGradients {
  readonly dq: Float64Array;
  readonly dk: Float64Array;
  readonly dv: Float64Array;
}

/** What lies between the heads of an output keeps the value that it has in `out`. */
export function attentionReference(
  out: Float64Array,
  { q, k, v }: AttentionData,
  mask: Mask,
  args: AttentionArgs,
): { out: Float64Array; lse: Float64Array } {
  const lse = new Float64Array(args.batch * args.heads * args.queryLength);
  eachRow(args, (b, h, i) => {
    const row = weightsOf(q, k, mask, args, b, h, i);
    lse[(b * args.heads + h) * args.queryLength + i] = row.lse;
    for (let d = 0; d < args.valueDim; d++) {
      out[at(args.out, b, h, i) + d] = row.weights.reduce((sum, w, j) => sum + w * v[at(args.v, b, row.kv, j) + d]!, 0);
    }
  });
  return { out, lse };
}

/** Adds to `grads`. */
export function attentionGradReference(
  grads: AttentionGradients,
  dOut: Float32Array,
  { q, k, v }: AttentionData,
  mask: Mask,
  args: AttentionArgs,
  out?: Float32Array,
): void {
  eachRow(args, (b, h, i) => {
    const { kv, weights, slopes } = weightsOf(q, k, mask, args, b, h, i);
    const dWeights = weights.map((_, j) => {
      let sum = 0;
      for (let d = 0; d < args.valueDim; d++) sum += dOut[at(args.out, b, h, i) + d]! * v[at(args.v, b, kv, j) + d]!;
      return sum;
    });
    const mean = out ? dotOf(dOut, out, at(args.out, b, h, i), args.valueDim) : weights.reduce((sum, w, j) => sum + w * dWeights[j]!, 0);
    weights.forEach((w, j) => {
      const dScore = w * (dWeights[j]! - mean) * slopes[j]! * args.scale;
      for (let d = 0; d < args.dim; d++) {
        grads.dq[at(args.q, b, h, i) + d]! += dScore * k[at(args.k, b, kv, j) + d]!;
        grads.dk[at(args.k, b, kv, j) + d]! += dScore * q[at(args.q, b, h, i) + d]!;
      }
      for (let d = 0; d < args.valueDim; d++) grads.dv[at(args.v, b, kv, j) + d]! += w * dOut[at(args.out, b, h, i) + d]!;
    });
  });
}

function dotOf(a: Float32Array, b: Float32Array, from: number, n: number): number {
  let sum = 0;
  for (let i = from; i < from + n; i++) sum += a[i]! * b[i]!;
  return sum;
}

function dataOf({ args, spread = 2 }: Setting): AttentionData {
  const { batch, heads, kvHeads, queryLength, keyLength, dim, valueDim } = args;
  return {
    q: uniformSample(1, lengthOf(args.q, batch, heads, queryLength, dim), -spread, spread),
    k: uniformSample(2, lengthOf(args.k, batch, kvHeads, keyLength, dim)),
    v: uniformSample(3, lengthOf(args.v, batch, kvHeads, keyLength, valueDim)),
  };
}

function outLength({ batch, heads, queryLength, valueDim, out }: AttentionArgs): number {
  return lengthOf(out, batch, heads, queryLength, valueDim);
}

async function forwards(lab: Lab, setting: Setting): Promise<void | false> {
  const { what, args, mask, spread = 2 } = setting;
  const data = dataOf(setting);
  const rows = args.batch * args.heads * args.queryLength;
  const out = lab.out('float32', outLength(args));
  const lse = lab.out('float32', rows);
  const put = (x: Float32Array | Uint8Array | null): DeviceBuffer | null => x && lab.put(x);
  const taken = lab.backend.fused.attention!(out, lse, lab.put(data.q), lab.put(data.k), lab.put(data.v), put(mask), args);
  const before = Float64Array.from(lab.rubbish('float32', outLength(args)));
  if (!taken) {
    await lab.check(`${what}: declined, so out`, out, before, exact);
    return false;
  }
  const want = attentionReference(before, data, mask, args);
  await lab.check(what, out, want.out, { rtol: 5e-6, atol: 2e-6 * Math.max(1, spread / 8) });
  await lab.check(`${what}: lse`, lse, want.lse, { rtol: 3e-6, atol: 3e-6 });
}

async function backwards(lab: Lab, setting: Setting): Promise<void | false> {
  const { what, args, mask, spread = 2 } = setting;
  const data = dataOf(setting);
  const dOut = uniformSample(4, outLength(args));
  const saved = attentionReference(new Float64Array(outLength(args)), data, mask, args);
  const grads = {
    dq: lab.out('float32', data.q.length),
    dk: lab.out('float32', data.k.length),
    dv: lab.out('float32', data.v.length),
    dqView: args.q,
    dkView: args.k,
    dvView: args.v,
  };
  const inputs = {
    q: lab.put(data.q),
    k: lab.put(data.k),
    v: lab.put(data.v),
    mask: mask && lab.put(mask),
    out: lab.put(Float32Array.from(saved.out)),
    lse: lab.put(Float32Array.from(saved.lse)),
  };
  if (!lab.backend.fused.attentionGrad!(grads, lab.put(dOut), inputs, args)) {
    await lab.check(`${what}: declined, so dq`, grads.dq, lab.rubbish('float32', data.q.length), exact);
    const [out, lse] = [lab.out('float32', outLength(args)), lab.out('float32', inputs.lse.length)];
    mustTakeBoth(what, lab.backend.fused.attention?.(out, lse, inputs.q, inputs.k, inputs.v, inputs.mask, args) ?? false);
    return false;
  }
  const want = expectedGrads(lab, dOut, data, setting);
  const tolerance = { rtol: 1e-5, atol: 1e-5 * Math.max(1, spread) };
  for (const name of ['dq', 'dk', 'dv'] as const) await lab.check(`${what}: ${name}`, grads[name], want[name], tolerance);
}

/** Gradients where heads lie, and what `out` put there between them. */
function expectedGrads(lab: Lab, dOut: Float32Array, data: AttentionData, setting: Setting) {
  const { args } = setting;
  const { batch, heads, kvHeads, queryLength, keyLength, dim, valueDim } = args;
  const start = (length: number, view: HeadView, n: number, tokens: number, width: number): Float64Array => {
    const out = Float64Array.from(lab.rubbish('float32', length));
    for (let b = 0; b < batch; b++)
      for (let h = 0; h < n; h++) for (let t = 0; t < tokens; t++) out.fill(0, at(view, b, h, t), at(view, b, h, t) + width);
    return out;
  };
  const grads = {
    dq: start(data.q.length, args.q, heads, queryLength, dim),
    dk: start(data.k.length, args.k, kvHeads, keyLength, dim),
    dv: start(data.v.length, args.v, kvHeads, keyLength, valueDim),
  };
  attentionGradReference(grads, dOut, data, setting.mask, args);
  return grads;
}

export const attentionCases: readonly BackendCase[] = settings.flatMap((setting): BackendCase[] => [
  { name: `attention: ${setting.what}`, needs: 'attention', run: (lab) => forwards(lab, setting) },
  { name: `attention gradient: ${setting.what}`, needs: 'attentionGrad', run: (lab) => backwards(lab, setting) },
]);
