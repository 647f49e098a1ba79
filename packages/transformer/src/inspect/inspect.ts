import { type Capture, captureOf } from '@multihead/attention';
import { indexSelect, noGrad, type Tensor, tidy, ValueError } from '@multihead/tensor';
import type { Tap } from '../context.js';
import { checkMet, checkPlaces, compose, matcherOf, type Names, placesIn, refuseMissing, unmet } from './taps.js';

/* What a model computed on the way to its answer, by name. */

/** Any model of this package: its `forward` takes inputs, then a context with a tap. */
export interface TappedModel<Output = unknown> {
  forward(...inputs: never[]): Output;
}

/** What `forward` takes before its context: one input alone, or all of them in a list. */
export type ModelInputs = Tensor | readonly unknown[] | Readonly<Record<string, Tensor>>;

/** What `forward` takes beside its inputs, as the model has it: `mask`, `positions`, `cache`, `tap` … */
export interface RunContext {
  tap?: Tap;
  [option: string]: unknown;
}

/** `forward` of these inputs. Throws a ValueError where there are too few of them. */
export function run<Output>(op: string, model: TappedModel<Output>, inputs: ModelInputs, context: RunContext): Output {
  const list: readonly unknown[] = Array.isArray(inputs) ? inputs : [inputs];
  const wanted = model.forward.length; // a context has a default, and does not count
  if (list.length < wanted) throw new ValueError(`${op}: inputs: expected the ${wanted} inputs of forward, got ${list.length}`);
  return (model.forward as (...all: unknown[]) => Output).call(model, ...list, context);
}

/** Which weights of attention: of all layers and heads where nothing is said. Negative heads count from the last. */
export interface AttentionChoice {
  layers?: readonly number[];
  heads?: readonly number[];
}

export interface InspectOptions {
  /** Weights of attention, `…attn.pattern` and `…cross.pattern`. */
  attention?: boolean | AttentionChoice;
  /** What enters each block and what the head reads, `…resid_pre` and `final`: transformers' `hidden_states`. */
  hidden?: boolean;
  /** More activations, by their names. Without this, `attention` and `hidden` all activations are kept. */
  names?: Names;
  /**
   * Tokens, negative ones from the end: of each activation their rows alone are kept, and of weights nothing else is ever made. Keys and values stay
   * whole.
   */
  queries?: readonly number[];
  /** The context of `forward`. Its tap acts first: what is kept is what it has left. */
  context?: RunContext;
}

/** What a pass was asked for. */
export interface Inspection<Output = unknown> {
  /** What `forward` gave: the same bits as without a look. */
  readonly output: Output;
  /** In the order in which they came. */
  readonly activations: ReadonlyMap<string, Tensor>;
  /** For each of the weights among them, which heads and queries they are of. */
  readonly chosen: ReadonlyMap<string, { readonly heads: readonly number[]; readonly queries: readonly number[] }>;
}

/**
 * Runs a model and keeps what it computed on the way, by the names of the README's table: all of it, or what is asked for. Whatever the model:
 * decoder, encoder, two stacks, images, sound. Nothing is recorded for gradients; all tensors belong to the scope that is open.
 *
 * With `queries` and heads only the rows asked for are ever made of the weights, whichever kernel computes the output: three queries of two heads cost
 * 6 · K numbers, not H · Q · K. Throws a ValueError for inputs, names, heads or queries that there are not.
 * Names are those of TransformerLens (Nanda, 2022).
 *
 * @example
 * const { activations } = inspect(model, ids, { attention: { heads: [0, 2] }, hidden: true, queries: [-1] });
 * activations.get('blocks.0.attn.pattern').shape; // [1, 2, 1, 3]
 * activations.get('final').shape; // [1, 1, 16]
 */
export function inspect<Output>(model: TappedModel<Output>, inputs: ModelInputs, options: InspectOptions = {}): Inspection<Output> {
  const { context = {} } = options;
  return tidy(() => {
    const collector = collectorOf(options);
    const tap = context.tap ? compose(context.tap, collector.tap) : collector.tap;
    const output = noGrad(() => run('inspect', model, inputs, { ...context, tap }));
    checkMet('inspect', context.tap, collector.seen);
    collector.checkFound();
    return { output, activations: collector.activations, chosen: collector.chosen };
  });
}

/** Whether an activation is one of weights, and of which layer. */
export function patternOf(name: string): { stack: string; layer: number; kind: 'attn' | 'cross' } | null {
  const found = /^(.*\.)?blocks\.(\d+)\.(attn|cross)\.pattern$/.exec(name);
  return found && { stack: found[1] ?? '', layer: Number(found[2]), kind: found[3] as 'attn' | 'cross' };
}

function collectorOf(options: InspectOptions) {
  const { attention, hidden, names, queries } = options;
  const isAll = !attention && !hidden && names === undefined;
  const isNamed = names === undefined ? () => isAll : matcherOf(names);
  const choice: AttentionChoice = typeof attention === 'object' ? attention : {};
  const activations = new Map<string, Tensor>();
  const chosen = new Map<string, { heads: number[]; queries: number[] }>();
  const seen = new Set<string>();
  const sizes = new Map<string, readonly number[]>(); // of queries, by the attention that they are of
  const layers = new Set<number>();

  const isAsked = (name: string) => {
    const layer = patternOf(name)?.layer;
    const ofAttention = attention && layer !== undefined && (choice.layers?.includes(layer) ?? true);
    return ofAttention || (hidden && /(^|\.)(resid_pre|final)$/.test(name)) || isNamed(name);
  };
  const see = (name: string, x: Tensor): void => {
    seen.add(name);
    const block = /^(?:.*\.)?blocks\.(\d+)\./.exec(name);
    if (block) layers.add(Number(block[1]));
    if (name.endsWith('.q')) sizes.set(name.slice(0, -2), x.shape);
    if (isAsked(name)) activations.set(name, patternOf(name) || !queries ? x : rowsOf(name, x, queries));
  };
  const capture: Tap['capture'] = (name, receive) => {
    if (!isAsked(name)) return undefined;
    const [, heads, rows] = sizes.get(name.replace(/\.pattern$/, '')) as [number, number, number];
    const all = (n: number) => Array.from({ length: n }, (_, i) => i);
    const which = {
      heads: choice.heads ? checkPlaces('inspect', `attention.heads of ${name}`, choice.heads, heads) : all(heads),
      queries: queries ? checkPlaces('inspect', `queries of ${name}`, queries, rows) : all(rows),
    };
    chosen.set(name, which);
    return frugal(captureOf({ heads: choice.heads && which.heads, rows: queries && which.queries }, receive));
  };
  const checkFound = () => {
    const lacking = [...chosen.keys()].filter((name) => !activations.has(name));
    if (lacking.length > 0)
      throw new ValueError(`inspect: attention: the attention function in use gives no weights: ${lacking.join(', ')}`);
    const none = choice.layers?.find((layer) => !layers.has(layer));
    if (none !== undefined)
      throw new ValueError(`inspect: attention.layers: expected layers from 0 to ${Math.max(...layers)}, got ${none}`);
    if (names !== undefined) refuseMissing('inspect', unmet(names, new Set([...seen].filter(isNamed))), seen);
  };
  return { tap: Object.assign(see, { capture }), activations, chosen, seen, checkFound };
}

/** The same capture, of which what is made on the way to the weights dies at once, and not with the pass. (Nothing is recorded here.) */
function frugal(capture: Capture): Capture {
  const weights: Capture['weights'] = (q, k, options) => tidy(() => capture.weights!(q, k, options));
  return Object.assign((found: Tensor) => capture(found), { weights, selection: capture.selection });
}

/** Rows of tokens: of [B, T, E], or of queries and what their heads have read, [B, H, T, D]. */
function rowsOf(name: string, x: Tensor, queries: readonly number[]): Tensor {
  const axis = x.rank === 3 ? 1 : /\.(q|z)$/.test(name) ? 2 : null;
  if (axis === null) return x;
  const n = x.shape[axis]!;
  return indexSelect(x, axis, placesIn(checkPlaces('inspect', `queries of ${name}`, queries, n), n, x));
}
