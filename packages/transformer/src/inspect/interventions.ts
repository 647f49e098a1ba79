import { add, logicalAnd, mean, mul, reshape, ShapeError, type Tensor, tensor, ValueError, where } from '@multihead/tensor';
import { checkPlaces, type Intervention, type Names, tapOn } from './taps.js';

/*
 * Changes of what a model computes, as taps: give one to `forward`, `inspect` or `generate`, or several by `compose`. Each is a few lines over
 * `replace`, which is the general one.
 */

/**
 * Puts what `change` returns in the place of activations; nothing returned leaves them as they are. The pass throws a ShapeError for another shape or dtype,
 * and a ValueError when it ends without any of these names.
 *
 * @example
 * const tap = replace(/attn\.z$/, (z) => mul(z, 0.5));
 * const logits = model.forward(ids, { tap });
 */
export function replace(names: Names, change: (x: Tensor, name: string) => Tensor | void): Intervention {
  return tapOn('replace', names, change);
}

/** Where in an activation: all of it where nothing is said. Negative places count from the end. */
export interface Part {
  /** Of [B, T, E] or [B, H, T, D] the tokens of this pass; of weights [B, H, Q, K] the queries. */
  positions?: readonly number[];
  /** Of [B, H, …]. */
  heads?: readonly number[];
}

/**
 * Activation patching: puts activations of another run in their places, or one tensor; with `heads` and `positions` only those of them.
 * `from` is what `inspect` found, or a tensor. What is asked of the clean run and lacks there is an error at once. Shapes must be the same.
 * Meng et al., "Locating and Editing Factual Associations in GPT", 2022.
 *
 * @example
 * const clean = inspect(model, [cleanIds], { names: /resid_post$/ });
 * const tap = patch('blocks.1.resid_post', clean.activations, { positions: [-1] });
 * const logits = model.forward(corruptedIds, { tap });
 */
export function patch(names: string | readonly string[], from: Tensor | ReadonlyMap<string, Tensor>, part: Part = {}): Intervention {
  const all = typeof names === 'string' ? [names] : names;
  const isMap = from instanceof Map;
  const lacking = isMap ? all.filter((name) => !from.has(name)) : [];
  if (lacking.length > 0) {
    throw new ValueError(`patch: from: expected ${lacking.join(', ')} in it, got ${[...(from as Map<string, Tensor>).keys()].join(', ')}`);
  }
  return tapOn('patch', all, (x, name) => {
    const value = isMap ? (from as ReadonlyMap<string, Tensor>).get(name)! : (from as Tensor);
    if (String(value.shape) !== String(x.shape)) {
      throw new ShapeError(`patch: from: expected ${name} of [${x.shape.join(', ')}], got [${value.shape.join(', ')}]`);
    }
    const mask = partMask('patch', name, x, part);
    return mask ? where(mask, value, x) : value;
  });
}

/** Which attention, and which of its heads. */
export interface HeadChoice {
  layer: number;
  head: number | readonly number[];
  /** What names begin with in a model of two stacks: `encoder.`, `decoder.`, `text.`, `vision.`. */
  stack?: string;
  /** `cross` for a decoder's look at the encoder; `attn` if left out. */
  kind?: 'attn' | 'cross';
}

export interface AblateOptions {
  /**
   * What the heads give instead: nothing; the mean of what they give over all samples and tokens of the pass; or a tensor that broadcasts to
   * [B, H, Q, D], such as a mean over other texts. 'zero' if left out. (A pass of one token, as in `generate`, is its own mean.)
   */
  by?: 'zero' | 'mean' | Tensor;
  /** The queries for which; all if left out. */
  positions?: readonly number[];
}

/**
 * Takes heads out: what they have read (`attn.z`) becomes 0 or a mean, before the output projection.
 * Michel et al., "Are Sixteen Heads Really Better than One?", 2019; mean ablation: Wang et al., "Interpretability in the Wild", 2022.
 *
 * @example
 * const logits = model.forward(ids, { tap: ablateHead({ layer: 1, head: [0, 3] }, { by: 'mean' }) });
 */
export function ablateHead(choice: HeadChoice, options: AblateOptions = {}): Intervention {
  const { layer, head, stack = '', kind = 'attn' } = choice;
  const { by = 'zero', positions } = options;
  const heads = typeof head === 'number' ? [head] : head;
  return tapOn('ablateHead', `${stack}blocks.${layer}.${kind}.z`, (z, name) => {
    const mask = partMask('ablateHead', name, z, { heads, positions })!;
    if (by === 'zero') return where(mask, 0, z);
    return where(mask, by === 'mean' ? mean(z, { axis: [0, 2], keepDims: true }) : by, z); // [B, H, Q, D]
  });
}

export interface SteerOptions {
  scale?: number;
  /** Tokens of the pass that are steered, negative ones from the end; all if left out. While a text is generated with a cache, a pass is one token. */
  positions?: readonly number[];
}

/**
 * Adds scale · vector to an activation, [E] or anything that broadcasts to it: a direction of the residual stream, say.
 * Turner et al., "Steering Language Models With Activation Engineering", 2023.
 *
 * @example
 * const tap = steer('blocks.1.resid_post', direction, { scale: 4 });
 * for await (const { ids } of generate(model, [1, 5, 2], { tap, max_new_tokens: 8 })) console.log(ids[0]);
 */
export function steer(names: Names, vector: Tensor, options: SteerOptions = {}): Intervention {
  const { scale = 1, positions } = options;
  return tapOn('steer', names, (x, name) => {
    const [own, want] = [vector.shape, x.shape.slice(Math.max(0, x.rank - vector.rank))];
    if (vector.rank > x.rank || own.length === 0 || own.at(-1) !== x.shape.at(-1) || own.some((n, i) => n !== 1 && n !== want[i])) {
      throw new ShapeError(`steer: vector: expected what broadcasts to ${name}, [${x.shape.join(', ')}], got [${own.join(', ')}]`);
    }
    const moved = add(x, mul(vector, scale));
    const mask = partMask('steer', name, x, { positions });
    return mask ? where(mask, moved, x) : moved;
  });
}

/** True where the part is, to be broadcast to x; null for all of it. */
function partMask(op: string, name: string, x: Tensor, { positions, heads }: Part): Tensor | null {
  if (heads && x.rank !== 4) throw new ValueError(`${op}: heads: expected an activation [B, H, …], got ${name} of ${x.rank} axes`);
  if (positions && x.rank < 3) throw new ValueError(`${op}: positions: expected an activation of tokens, got ${name} of ${x.rank} axes`);
  const tokenAxis = x.rank === 4 ? 2 : 1;
  const along = (axis: number, argument: string, places: readonly number[] | undefined): Tensor | null => {
    if (!places) return null;
    const n = x.shape[axis]!;
    const chosen = new Set(checkPlaces(op, `${argument} of ${name}`, places, n));
    const shape = x.shape.map((_, i) => (i === axis ? n : 1));
    const flags = tensor(
      Float32Array.from({ length: n }, (_, i) => (chosen.has(i) ? 1 : 0)),
      { backend: x.backend, dtype: 'bool' },
    );
    return reshape(flags, shape);
  };
  const [rows, own] = [along(tokenAxis, 'positions', positions), heads ? along(1, 'heads', heads) : null];
  return rows && own ? logicalAnd(rows, own) : (rows ?? own);
}
