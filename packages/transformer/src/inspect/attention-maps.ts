import { type Tensor, ValueError } from '@multihead/tensor';
import { type Inspection, patternOf } from './inspect.js';

/* What tokens look at, as plain numbers. */

/** The weights of one attention, on the host. */
export interface LayerAttention {
  /** Of the activation: `blocks.0.attn.pattern`. */
  readonly name: string;
  /** What the name begins with in a model of two stacks; '' in one of one. */
  readonly stack: string;
  readonly layer: number;
  /** `cross`: a decoder's look at what the encoder made. */
  readonly kind: 'attn' | 'cross';
  /** [B, heads, queries, K] */
  readonly shape: readonly [number, number, number, number];
  /** Which heads and queries of the model the rows are. */
  readonly heads: readonly number[];
  readonly queries: readonly number[];
  /** Row by row; those of a query sum to 1, or are 0 where it may see nothing. */
  readonly weights: Float32Array;
}

/**
 * Reads the weights of attention that `inspect` found, layer by layer. It waits for the backend; the tensors stay.
 *
 * @example
 * const maps = await attentionMaps(inspect(model, ids, { attention: true }));
 * maps[0].shape; // [1, 4, 3, 3]
 */
export async function attentionMaps(found: Inspection): Promise<LayerAttention[]> {
  const patterns = [...found.activations].filter(([name]) => patternOf(name));
  return Promise.all(
    patterns.map(async ([name, x]) => ({
      name,
      ...patternOf(name)!,
      shape: x.shape as [number, number, number, number],
      ...found.chosen.get(name)!,
      weights: Float32Array.from(await x.data()),
    })),
  );
}

/** An activation on the host. */
export interface Reading {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Reads activations, all at once. The tensors stay.
 *
 * @example
 * const { activations } = inspect(model, ids, { hidden: true });
 * (await readActivations(activations)).get('final').shape; // [1, 3, 16]
 */
export async function readActivations(activations: ReadonlyMap<string, Tensor>): Promise<Map<string, Reading>> {
  const read = async ([name, x]: [string, Tensor]) => [name, { shape: x.shape, data: Float32Array.from(await x.data()) }] as const;
  return new Map(await Promise.all([...activations].map(read)));
}

/** What a head looked at from one token, most first. */
export interface Look {
  readonly stack: string;
  readonly layer: number;
  readonly head: number;
  readonly keys: readonly { readonly index: number; readonly token: string; readonly weight: number }[];
}

export interface LookOptions {
  /** How many keys; 3 if left out. */
  top?: number;
  /** Which sample of the batch; 0 if left out. */
  sample?: number;
}

/**
 * What a token looks at: the keys with the highest weights, for each layer and head. The token is given by its place, negative ones from the end, or by its
 * text, if there is one such token alone. `tokens` are the texts of the keys, which are those of the queries where tokens look at each other.
 * Throws a ValueError for a token that is not there, or not among the queries that were asked for.
 *
 * @example
 * const maps = await attentionMaps(inspect(model, ids, { attention: true }));
 * lookedAt(maps, ['the', 'cat', 'sat'], 'sat', { top: 2 })[0].keys.length; // 2
 */
export function lookedAt(
  maps: LayerAttention | readonly LayerAttention[],
  tokens: readonly string[],
  query: number | string,
  options: LookOptions = {},
): Look[] {
  const { top = 3, sample = 0 } = options;
  return [maps].flat().flatMap((map) => {
    const [batch, heads, rows, keys] = map.shape;
    if (tokens.length !== keys)
      throw new ValueError(`lookedAt: tokens: expected one for each of ${keys} keys of ${map.name}, got ${tokens.length}`);
    if (!(Number.isInteger(sample) && sample >= 0 && sample < batch))
      throw new ValueError(`lookedAt: sample: expected 0 to ${batch - 1}, got ${sample}`);
    const row = rowOf(map, tokens, query);
    return Array.from({ length: heads }, (_, h) => {
      const start = ((sample * heads + h) * rows + row) * keys;
      const weights = map.weights.subarray(start, start + keys);
      const order = Array.from(weights.keys()).sort((a, b) => weights[b]! - weights[a]! || a - b);
      const found = order.slice(0, top).map((index) => ({ index, token: tokens[index]!, weight: weights[index]! }));
      return { stack: map.stack, layer: map.layer, head: map.heads[h]!, keys: found };
    });
  });
}

/** Which row of a map a query is. */
function rowOf({ name, queries, shape, kind }: LayerAttention, tokens: readonly string[], query: number | string): number {
  const place = typeof query === 'number' ? query : placeOf(tokens, query);
  const end = kind === 'attn' ? shape[3] : Math.max(...queries) + 1;
  const row = queries.indexOf(place < 0 ? place + end : place);
  if (row < 0) throw new ValueError(`lookedAt: query: expected one of the queries ${queries.join(', ')} of ${name}, got ${place}`);
  return row;
}

function placeOf(tokens: readonly string[], text: string): number {
  const places = tokens.flatMap((token, i) => (token === text ? [i] : []));
  if (places.length === 1) return places[0]!;
  const found = places.length === 0 ? 'none' : `it at ${places.join(', ')}`;
  throw new ValueError(`lookedAt: query: expected a text that one token has, got ${JSON.stringify(text)}: there is ${found}`);
}
