import { concat, exp, indexSelect, keep, logsumexp, noGrad, reshape, sub, Tensor, tidy, topk, ValueError } from '@multihead/tensor';
import type { Tap } from '../context.js';
import { inspect, type Inspection, type ModelInputs, run, type RunContext, type TappedModel } from './inspect.js';
import { checkPlaces, compose, placesIn } from './taps.js';

/*
 * What a model would say if it stopped after each block. The states between blocks go through what the model itself does behind its last one: its
 * final norm if it has one, its head, its scaling and capping. So no architecture is known here, and none can be wrong.
 */

export interface LensOptions<Output = unknown> {
  /** Tokens for which, negative ones from the end; all if left out. Only where the head reads each token by itself. */
  positions?: readonly number[];
  /** States, by their place: 0 what enters block 0, i what leaves block i - 1; all if left out. */
  layers?: readonly number[];
  /** The stack whose states are read: `decoder.` if there is one. */
  stack?: string;
  /** The logits of what `forward` gives; that itself if left out. */
  logits?: (output: Output) => Tensor;
  /** The context of `forward`. */
  context?: RunContext;
}

/**
 * The logits that the state in front of each block and behind the last one would give: a map from the names of these states
 * (`blocks.0.resid_pre` … `blocks.L-1.resid_post`) to what the head makes of them, [B, positions, V] for language models. The last one is what the
 * model says. Tensors belong to the scope that is open. Throws a ValueError for layers, positions or a stack that there are not.
 * nostalgebraist, "interpreting GPT: the logit lens", 2020.
 *
 * @example
 * const lens = lensLogits(model, ids, { positions: [-1] });
 * [...lens.values()][0].shape; // [1, 1, 20]
 */
export function lensLogits<Output>(
  model: TappedModel<Output>,
  inputs: ModelInputs,
  options: LensOptions<Output> = {},
): Map<string, Tensor> {
  return tidy(() => new Map(statesThroughHead(model, inputs, options, (x) => x).found));
}

/** What `reduce` makes of the logits of each state, a few states at a time, and the places of the tokens that they are of. */
function statesThroughHead<Output, Reduced>(
  model: TappedModel<Output>,
  inputs: ModelInputs,
  options: LensOptions<Output>,
  reduce: (logits: Tensor) => Reduced,
): { found: [name: string, Reduced][]; places: number[] } {
  const { context = {}, positions, logits = itself } = options;
  checkSeveralPasses('logitLens', context);
  const seen = inspect(model, inputs, { names: /blocks\.\d+\.resid_(pre|post)$/, context });
  const { states, last } = statesOf('logitLens', seen, options.stack);
  const chosen = options.layers ? checkPlaces('logitLens', 'layers', options.layers, states.length).map((i) => states[i]!) : states;
  const [batch, tokens] = chosen[0]![1].shape as [number, number];
  const plain = logits(seen.output);
  const isByToken = plain.rank === 3 && plain.shape[0] === batch && plain.shape[1] === tokens;
  if (positions && !isByToken) {
    throw new ValueError(`logitLens: positions: expected logits of each token, [${batch}, ${tokens}, V], got [${plain.shape.join(', ')}]`);
  }
  const through = (x: Tensor) => noGrad(() => logits(tailOf(model, inputs, context, last, x)));
  if (!isByToken) return { found: chosen.map(([name, x]) => [name, tidy(() => reduce(through(x)))]), places: [0] };
  const places = checkPlaces('logitLens', 'positions', positions ?? Array.from({ length: tokens }, (_, i) => i), tokens);
  const rows = chosen.map(([, x]) => (positions ? indexSelect(x, 1, placesIn(places, tokens, x)) : x)); // [B, P, E]
  // A head that reads each token by itself takes states as samples: as many at once as fit in a moderate tensor.
  const atOnce = Math.max(1, Math.floor(2 ** 24 / (batch * places.length * plain.shape[2]!)));
  const parts = Array.from({ length: Math.ceil(rows.length / atOnce) }, (_, i) => rows.slice(i * atOnce, (i + 1) * atOnce));
  const answers = parts.flatMap((part) =>
    tidy(() => {
      const answer = through(concat(part, 0)); // [states · B, P, V]
      return noGrad(() => part.map((_, i) => reduce(rowsFrom(answer, i * batch, batch))));
    }),
  );
  return { found: chosen.map(([name], i) => [name, answers[i]!]), places };
}

/** A token that a state speaks for. */
export interface LensToken {
  readonly id: number;
  readonly logit: number;
  readonly probability: number;
}

export interface LensRow {
  /** Of the state. */
  readonly name: string;
  readonly sample: number;
  /** The place of the token; of a head that reads all of them together 0. */
  readonly position: number;
  /** Likeliest first. */
  readonly tokens: readonly LensToken[];
}

/**
 * The logit lens: the tokens that each state speaks for most, for every layer, sample and position, with their probabilities. Options are those of
 * `lensLogits`, and `top`, how many tokens (5 if left out).
 *
 * @example
 * const rows = await logitLens(model, ids, { positions: [-1], top: 3 });
 * for (const { name, tokens } of rows) console.log(name, tokens.map(({ id }) => id));
 * rows[0].tokens.length; // 3
 */
export async function logitLens<Output>(
  model: TappedModel<Output>,
  inputs: ModelInputs,
  options: LensOptions<Output> & { top?: number } = {},
): Promise<LensRow[]> {
  const { top = 5 } = options;
  const { best, places } = keep(
    tidy(() => {
      const { found, places: of } = statesThroughHead(model, inputs, options, (x) => likeliest(x, top));
      return { places: of, best: found.map(([name, parts]) => ({ name, ...parts })) };
    }),
  );
  try {
    return (await Promise.all(best.map(({ name, ...parts }) => rowsRead(name, parts, places)))).flat();
  } finally {
    for (const { ids, logits, probabilities } of best) for (const x of [ids, logits, probabilities]) x.dispose();
  }
}

interface Likeliest {
  ids: Tensor;
  logits: Tensor;
  probabilities: Tensor;
}

/** Of logits [B, P, V], or [B, V], each [B, P, top]. */
function likeliest(x: Tensor, top: number): Likeliest {
  const all = reshape(x, [x.shape[0]!, -1, x.shape.at(-1)!]);
  const { values, indices } = topk(all, Math.min(top, all.shape[2]!));
  return { ids: indices, logits: values, probabilities: exp(sub(values, logsumexp(all, { axis: -1, keepDims: true }))) };
}

async function rowsRead(name: string, best: Likeliest, places: readonly number[]): Promise<LensRow[]> {
  const width = best.ids.shape[2]!;
  const [ids, logits, probabilities] = await Promise.all([best.ids.data(), best.logits.data(), best.probabilities.data()]);
  const token = (i: number): LensToken => ({ id: Number(ids[i]), logit: Number(logits[i]), probability: Number(probabilities[i]) });
  return Array.from({ length: ids.length / width }, (_, i) => ({
    name,
    sample: Math.floor(i / places.length),
    position: places[i % places.length]!,
    tokens: Array.from({ length: width }, (__, j) => token(i * width + j)),
  }));
}

/** The states of one stack in order, and the name of the last one. */
export function statesOf(
  op: string,
  { activations }: Inspection,
  wanted: string | undefined,
): { states: [string, Tensor][]; last: string } {
  const all = [...activations.keys()].map((name) => name.replace(/blocks\..*$/, ''));
  const stacks = [...new Set(all)];
  const stack = wanted ?? (stacks.includes('decoder.') ? 'decoder.' : stacks[0]);
  if (stack === undefined || !stacks.includes(stack) || (wanted === undefined && stacks.length > 1 && stack !== 'decoder.')) {
    throw new ValueError(`${op}: stack: expected one of ${stacks.map((one) => JSON.stringify(one)).join(', ')}, got ${wanted}`);
  }
  const own = [...activations].filter(([name]) => name.startsWith(`${stack}blocks.`));
  const last = own.findLast(([name]) => name.endsWith('.resid_post'))!;
  return { states: [...own.filter(([name]) => name.endsWith('.resid_pre')), last], last: last[0] };
}

/** A cache would grow with each pass. */
export function checkSeveralPasses(op: string, { cache }: RunContext): void {
  if (cache) throw new ValueError(`${op}: context.cache: expected none, as the model runs several times`);
}

/** What the model makes of `x` in place of the state that leaves its last block. */
export function tailOf<Output>(model: TappedModel<Output>, inputs: ModelInputs, context: RunContext, last: string, x: Tensor): Output {
  const put: Tap = Object.assign((name: string) => (name === last ? x : undefined), { capture: () => undefined });
  return run('logitLens', model, inputs, { ...context, tap: context.tap ? compose(context.tap, put) : put });
}

function rowsFrom(x: Tensor, start: number, count: number): Tensor {
  return indexSelect(x, 0, placesIn(Array.from({ length: count }, (_, i) => start + i), x.shape[0]!, x)); // biome-ignore format: one call
}

function itself(output: unknown): Tensor {
  if (output instanceof Tensor) return output;
  throw new ValueError(
    `logitLens: logits: expected a function that picks them, as forward gives ${Object.keys(output as object).join(', ')}`,
  );
}
