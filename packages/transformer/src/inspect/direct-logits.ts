import {
  abs,
  add,
  amax,
  concat,
  detach,
  div,
  grad,
  keep,
  mean,
  mul,
  noGrad,
  onesLike,
  select,
  slice,
  sub,
  sum,
  type Tensor,
  tidy,
  unsqueeze,
  ValueError,
  where,
  gt,
  zerosLike,
} from '@multihead/tensor';
import type { Tap } from '../context.js';
import { type LogitChoice, numbersOf, targetOf } from './attribution.js';
import { type ModelInputs, run, type RunContext, type TappedModel } from './inspect.js';
import { checkSeveralPasses, statesOf, tailOf } from './logit-lens.js';
import { checkPlaces, compose } from './taps.js';

/*
 * What each part of a model adds to a logit by itself: the residual stream is a sum, and what reads it is linear once the scale of the last norm is
 * held. No norm is known here. It is found by asking the model's own end three times: of the state, of 0, and of a constant, which a norm that
 * subtracts the mean does not tell from 0.
 */

export interface DirectOptions {
  /** The token, and the place whose logits are meant. */
  target: LogitChoice;
  /** `decoder.` if there is one. */
  stack?: string;
  /** The context of `forward`. */
  context?: RunContext;
}

/** What a part adds to a logit. */
export interface LogitPart {
  /** `blocks.0.resid_pre`, the embeddings; `….mlp_out`; `….attn.z` for a head; `….attn_out` for attention as a whole, or for its bias beside heads. */
  readonly name: string;
  /** Null: not of one head. */
  readonly head: number | null;
  /** [B] */
  readonly scores: Float32Array;
}

export interface DirectAttribution {
  /** In the order in which they run. */
  readonly parts: readonly LogitPart[];
  /** What the end of the model says of nothing, [B]. Parts and bias sum to the logit. */
  readonly bias: Float32Array;
  /** The logit, [B]. */
  readonly value: Float32Array;
}

/**
 * Direct logit attribution: logit = bias + Σ parts, where a part is d · its output at the place of the target, and d the direction that the last norm, its scale
 * held, and the head read the logit from. Attention is split into its heads where its output is linear in them (not behind Gemma 2's and 3's second norm).
 *
 * For models whose blocks add their parts to the stream, with logits of each token; others throw a ValueError. A head with capping or
 * layers of its own counts as its tangent.
 * Elhage et al., "A Mathematical Framework for Transformer Circuits", 2021; Wang et al., "Interpretability in the Wild", 2022.
 *
 * @example
 * const { parts, bias, value } = await directLogits(model, ids, { target: { id: 7 } });
 * parts.length; // 11
 */
export async function directLogits(model: TappedModel<Tensor>, inputs: ModelInputs, options: DirectOptions): Promise<DirectAttribution> {
  checkSeveralPasses('directLogits', options.context ?? {});
  const found = keep(tidy(() => partsOf(model, inputs, options)));
  try {
    const lack = await found.lack.item();
    if (!(lack < 1e-3)) {
      throw new ValueError(
        `directLogits: model: expected blocks that add their parts to the stream, got one whose state differs by ${lack.toPrecision(2)} of it`,
      );
    }
    const parts: LogitPart[] = [];
    for (const { name, scores } of found.parts) {
      const heads = found.heads.find((one) => one.name === name);
      const isLinear = heads && (await heads.unexplained.item()) < 1e-3;
      parts.push(...(isLinear ? await partsOfHeads(heads) : [{ name, head: null, scores: await numbersOf(scores) }]));
    }
    return { parts, bias: await numbersOf(found.bias), value: await numbersOf(found.value) };
  } finally {
    const { parts, heads, lack, bias, value } = found;
    for (const x of [lack, bias, value, ...parts.map(({ scores }) => scores)]) x.dispose();
    for (const head of heads) for (const x of [head.scores, head.bias, head.unexplained]) x.dispose();
  }
}

/** One for each head, and one for the bias of their projection, where it has such. */
async function partsOfHeads({ name, scores, bias }: Found['heads'][number]): Promise<LogitPart[]> {
  const count = scores.shape[1]!;
  const [all, rest] = [await numbersOf(scores), await numbersOf(bias)];
  const each = Array.from({ length: count }, (_, head) => ({
    name: readOf(name),
    head,
    scores: all.filter((__, i) => i % count === head),
  }));
  return rest.some((x) => x !== 0) ? [...each, { name, head: null, scores: rest }] : each;
}

/** What the heads have read whose output has this name. */
function readOf(output: string): string {
  return output.replace(/attn_out$/, 'attn.z').replace(/cross_out$/, 'cross.z');
}

interface Found {
  parts: { name: string; scores: Tensor }[];
  /** Of attentions, by the name of their output: scores [B, H], what their bias adds [B], and the share of their score that both lack. */
  heads: { name: string; scores: Tensor; bias: Tensor; unexplained: Tensor }[];
  bias: Tensor;
  value: Tensor;
  /** How far the sum of the parts is from the state, as a share of it. */
  lack: Tensor;
}

function partsOf(model: TappedModel<Tensor>, inputs: ModelInputs, { target, stack, context = {} }: DirectOptions): Found {
  const seen = watched(model, inputs, context, (z) => z);
  const { last } = statesOf('directLogits', { output: null, activations: seen.outputs, chosen: new Map() }, stack);
  const prefix = last.replace(/blocks\..*$/, '');
  const state = seen.outputs.get(last)!;
  const [batch, tokens] = state.shape as [number, number];
  const place = checkPlaces('directLogits', 'target.position', [target.position ?? -1], tokens)[0]!;
  const at = (x: Tensor) => select(x, 1, place); // [B, E]
  const own = [...seen.outputs].filter(
    ([name]) => name === `${prefix}blocks.0.resid_pre` || (name.startsWith(prefix) && name.endsWith('_out')),
  );
  const x = noGrad(() => at(detach(state)));
  const { direction, bias, value } = directionOf(model, inputs, { target, context, last, x, batch });
  const along = (part: Tensor) => sum(mul(part, direction), { axis: -1 }); // [B]
  const total = noGrad(() => own.map(([, part]) => at(part)).reduce((all, part) => add(all, part)));
  const lack = noGrad(() => div(maxOf(sub(total, x)), maxOf(x)));
  const nothing = watched(model, inputs, context, zerosLike).outputs;
  const heads = own.flatMap(([name, output]) => {
    const z = seen.reads.get(readOf(name));
    if (!z) return [];
    const [slope] = grad(sum(along(at(output))), [z]); // at all queries but the place it is 0
    return noGrad(() => {
      const scores = sum(mul(slope!, z), { axis: [2, 3] }); // [B, H]
      const rest = along(at(nothing.get(name)!));
      const whole = along(at(output));
      const gap = div(maxOf(sub(add(sum(scores, { axis: 1 }), rest), whole)), add(add(maxOf(scores), maxOf(rest)), 1e-30));
      return [{ name, scores, bias: rest, unexplained: gap }];
    });
  });
  return { parts: own.map(([name, part]) => ({ name, scores: noGrad(() => along(at(part))) })), heads, bias, value, lack };
}

/** A pass whose activations are kept, and in which what heads have read is a leaf: `change` of what it was. */
function watched(model: TappedModel<Tensor>, inputs: ModelInputs, context: RunContext, change: (z: Tensor) => Tensor) {
  const outputs = new Map<string, Tensor>();
  const reads = new Map<string, Tensor>();
  const see = (name: string, x: Tensor): Tensor | void => {
    if (/\.(resid_pre|resid_post|attn_out|cross_out|mlp_out)$/.test(name)) outputs.set(name, x);
    if (!/\.(attn|cross)\.z$/.test(name)) return;
    const leaf = detach(noGrad(() => change(x)));
    leaf.requiresGrad = true;
    reads.set(name, leaf);
    return leaf;
  };
  const tap: Tap = Object.assign(see, { capture: () => undefined });
  run('directLogits', model, inputs, { ...context, tap: context.tap ? compose(context.tap, tap) : tap });
  return { outputs, reads };
}

interface EndOptions {
  target: LogitChoice;
  context: RunContext;
  last: string;
  /** The state, [B, E]. */
  x: Tensor;
  batch: number;
}

/** The direction d [B, E] with logit = bias + d · x that is linear in x but for the scale of the norm. */
function directionOf(model: TappedModel<Tensor>, inputs: ModelInputs, { target, context, last, x, batch }: EndOptions) {
  const leaf = noGrad(() => unsqueeze(concat([x, zerosLike(x), onesLike(x)], 0), 1)); // [3B, 1, E]
  leaf.requiresGrad = true;
  const logits = tailOf(model, inputs, context, last, leaf); // [3B, 1, V]
  if (logits.rank !== 3 || logits.shape[0] !== 3 * batch || logits.shape[1] !== 1) {
    throw new ValueError(
      `directLogits: model: expected logits of each token, [B, T, V], got [${logits.shape.join(', ')}] for [${leaf.shape.slice(0, 2).join(', ')}]`,
    );
  }
  const ids = typeof target.id === 'number' ? new Array<number>(batch).fill(target.id) : target.id;
  const all = targetOf('directLogits', { id: [...ids, ...ids, ...ids], position: 0 }, logits, 3 * batch); // [3B]
  const part = (i: number) => slice(all, 0, i * batch, (i + 1) * batch);
  const gradient = select(slice(grad(sum(part(0)), [leaf])[0]!, 0, 0, batch), 1, 0); // [B, E]
  return noGrad(() => {
    const [value, bias, constant] = [part(0), part(1), part(2)];
    // A norm that subtracts the mean reads nothing along a constant, and its gradient has nothing there.
    const sees = gt(abs(sub(constant, bias)), 1e-6);
    const centred = where(unsqueeze(sees, 1), x, sub(x, mean(x, { axis: -1, keepDims: true })));
    const known = sum(mul(gradient, x), { axis: -1 });
    const share = div(sub(sub(value, bias), known), add(sum(mul(centred, centred), { axis: -1 }), 1e-30));
    return { direction: add(gradient, mul(centred, unsqueeze(share, 1))), bias: detach(bias), value: detach(value) };
  });
}

function maxOf(x: Tensor): Tensor {
  return amax(abs(x));
}
