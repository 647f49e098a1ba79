import {
  add,
  detach,
  grad,
  keep,
  mul,
  noGrad,
  reshape,
  select,
  sub,
  sum,
  takeAlong,
  Tensor,
  tensor,
  tidy,
  ValueError,
} from '@multihead/tensor';
import type { Tap } from '../context.js';
import { type ModelInputs, run, type RunContext, type TappedModel } from './inspect.js';
import { checkSeveralPasses } from './logit-lens.js';
import { checkPlaces, compose } from './taps.js';

/*
 * Which tokens an answer comes from, by gradients. Tokens are no numbers, so what is moved is what enters the first block: their embeddings, with
 * positions in them where the model adds such. It is there in every model, patches of images and frames of sound among it.
 */

/** One number of what a model gives, for each sample: a logit at a place, or what a function makes of the output. */
export type Target<Output = unknown> = LogitChoice | ((output: Output) => Tensor);

export interface LogitChoice {
  /** The token or the class, one for all samples or one for each. */
  id: number | readonly number[];
  /** The place of the token whose logits are meant, -1 for the last if left out; logits [B, classes] have none. */
  position?: number;
}

export interface AttributionOptions<Output = unknown> {
  target: Target<Output>;
  /** The stack whose first block is moved; the first that runs if left out, so that in a model of two stacks it is the source. */
  stack?: string;
  /** The context of `forward`. */
  context?: RunContext;
}

/** A score for each input token, on the host. */
export interface Attribution {
  /** [B, T] */
  readonly shape: readonly [number, number];
  readonly scores: Float32Array;
  /** The target, [B]. */
  readonly value: Float32Array;
}

/**
 * Gradient × input: for each token x · ∂target/∂x, summed over its embedding [E], where x is what enters the first block. How much the target
 * would lose to first order if the token's embedding went to 0.
 *
 * Throws a ValueError for a target, a place or a stack that there is not.
 * Denil et al., "Extraction of Salient Sentences from Labelled Documents", 2014; Shrikumar et al., 2016.
 *
 * @example
 * const { shape, scores } = await gradientTimesInput(model, ids, { target: { id: 7 } });
 * shape; // [1, 3]
 */
export async function gradientTimesInput<Output>(
  model: TappedModel<Output>,
  inputs: ModelInputs,
  options: AttributionOptions<Output>,
): Promise<Attribution> {
  const found = keep(
    tidy(() => {
      const { x, gradient, value } = gradientAt('gradientTimesInput', model, inputs, options);
      return { scores: noGrad(() => sum(mul(x, gradient), { axis: -1 })), value: detach(value) };
    }),
  );
  try {
    return await readAttribution(found.scores, found.value);
  } finally {
    for (const x of [found.scores, found.value]) x.dispose();
  }
}

export interface IntegratedOptions<Output = unknown> extends AttributionOptions<Output> {
  /** Where the path begins, what broadcasts to [B, T, E]; 0 if left out. */
  baseline?: Tensor;
  /** Points on the path; 50 if left out. */
  steps?: number;
  signal?: AbortSignal;
  onProgress?: (progress: { step: number; of: number }) => void;
}

/** `value - baselineValue` is what the scores of a sample should sum to; `delta` what they lack, [B]. */
export interface IntegratedAttribution extends Attribution {
  readonly baselineValue: Float32Array;
  readonly delta: Float32Array;
}

/**
 * Integrated gradients: (x - b) · ∫₀¹ ∂target/∂x at b + α (x - b) dα, summed over each token's embedding; the integral is a mean over the middles
 * of `steps` equal parts. Scores sum to target(x) - target(b), but for what `delta` says: more steps make it less.
 *
 * Throws as `gradientTimesInput`; the signal's reason when aborted.
 * Sundararajan et al., "Axiomatic Attribution for Deep Networks", 2017.
 *
 * @example
 * const { shape, delta } = await integratedGradients(model, ids, { target: { id: 7 }, steps: 20 });
 * shape; // [1, 3]
 */
export async function integratedGradients<Output>(
  model: TappedModel<Output>,
  inputs: ModelInputs,
  options: IntegratedOptions<Output>,
): Promise<IntegratedAttribution> {
  const { baseline, steps = 50, signal, onProgress } = options;
  const op = 'integratedGradients';
  if (!Number.isInteger(steps) || steps < 1) throw new ValueError(`${op}: steps: expected an integer from 1, got ${steps}`);
  const at = (share: number) => {
    const moved = (x: Tensor) => (baseline ? add(mul(x, share), mul(baseline, 1 - share)) : mul(x, share));
    return gradientAt(op, model, inputs, options, moved);
  };
  const scored = (share: number) => {
    const { x, gradient } = at(share);
    return noGrad(() => mul(sum(mul(baseline ? sub(x, baseline) : x, gradient), { axis: -1 }), 1 / steps)); // [B, T]
  };
  let total: Tensor | null = null;
  let ends: { value: Tensor; baselineValue: Tensor } | null = null;
  try {
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted();
      const before: Tensor | null = total;
      const share = (step + 0.5) / steps;
      total = keep(tidy(() => (before ? add(before, scored(share)) : scored(share))));
      before?.dispose();
      onProgress?.({ step: step + 1, of: steps });
      await new Promise((resolve) => setTimeout(resolve)); // whoever wants to abort, or to draw, gets a turn
    }
    signal?.throwIfAborted();
    ends = keep(tidy(() => ({ value: detach(at(1).value), baselineValue: detach(at(0).value) })));
    const found = await readAttribution(total!, ends.value);
    const baselineValue = await numbersOf(ends.baselineValue);
    const [batch, tokens] = found.shape;
    const sumOf = (b: number) => found.scores.subarray(b * tokens, (b + 1) * tokens).reduce((all, x) => all + x, 0);
    const delta = Float32Array.from({ length: batch }, (_, b) => found.value[b]! - baselineValue[b]! - sumOf(b));
    return { ...found, baselineValue, delta };
  } finally {
    for (const x of [total, ends?.value, ends?.baselineValue]) x?.dispose();
  }
}

/** What enters the first block, the target [B] where it is `moved`, and the target's gradient there. */
function gradientAt<Output>(
  op: string,
  model: TappedModel<Output>,
  inputs: ModelInputs,
  { target, stack, context = {} }: AttributionOptions<Output>,
  moved: (x: Tensor) => Tensor = (x) => x,
): { x: Tensor; gradient: Tensor; value: Tensor } {
  checkSeveralPasses(op, context);
  const names = new Set<string>();
  let found: { x: Tensor; leaf: Tensor } | null = null;
  const see = (name: string, x: Tensor): Tensor | void => {
    names.add(name);
    if (found || !(stack === undefined ? /(^|\.)blocks\.0\.resid_pre$/.test(name) : name === `${stack}blocks.0.resid_pre`)) return;
    const leaf = detach(noGrad(() => moved(x)));
    leaf.requiresGrad = true;
    found = { x: detach(x), leaf };
    return leaf;
  };
  const tap: Tap = Object.assign(see, { capture: () => undefined });
  const output = run(op, model, inputs, { ...context, tap: context.tap ? compose(context.tap, tap) : tap });
  if (!found) {
    const there = [...names].filter((name) => name.endsWith('blocks.0.resid_pre')).join(', ');
    throw new ValueError(`${op}: stack: expected one that this model has, got ${JSON.stringify(stack)}; there are ${there}`);
  }
  const { x, leaf } = found as { x: Tensor; leaf: Tensor };
  const value = targetOf(op, target, output, x.shape[0]!);
  return { x, value, gradient: grad(sum(value), [leaf])[0]! };
}

/** The target of each sample, [B]. */
export function targetOf<Output>(op: string, target: Target<Output>, output: Output, batch: number): Tensor {
  if (typeof target === 'function') {
    const value = target(output);
    if (value.size !== 1 && !(value.rank === 1 && value.shape[0] === batch)) {
      throw new ValueError(`${op}: target: expected one number, or one for each of ${batch} samples, got [${value.shape.join(', ')}]`);
    }
    return reshape(value, [-1]);
  }
  if (!(output instanceof Tensor) || output.rank < 2 || output.rank > 3) {
    throw new ValueError(`${op}: target: expected a function, as forward does not give logits [B, T, V] or [B, classes]`);
  }
  const { id, position = -1 } = target;
  const logits = output.rank === 3 ? select(output, 1, checkPlaces(op, 'target.position', [position], output.shape[1]!)[0]!) : output; // [B, V]
  const ids = typeof id === 'number' ? new Array<number>(batch).fill(id) : id;
  if (ids.length !== batch) throw new ValueError(`${op}: target.id: expected one for each of ${batch} samples, got ${ids.length}`);
  const places = checkPlaces(op, 'target.id', ids, logits.shape[1]!);
  return reshape(takeAlong(logits, tensor(Int32Array.from(places), { shape: [batch, 1], backend: logits.backend }), 1), [batch]);
}

async function readAttribution(scores: Tensor, value: Tensor): Promise<Attribution> {
  const [read, own] = await Promise.all([numbersOf(scores), numbersOf(value)]);
  return { shape: scores.shape as [number, number], scores: read, value: own };
}

/** On the host, in float32. */
export async function numbersOf(x: Tensor): Promise<Float32Array> {
  return Float32Array.from(await x.data());
}
