import {
  amax,
  arange,
  argmax,
  cast,
  concat,
  div,
  maximum,
  mul,
  ones,
  select,
  sqrt,
  sum,
  type Tensor,
  unsqueeze,
  ValueError,
  where,
} from '@multihead/tensor';
import { rowsAt } from './parts/heads.js';

/* One vector for a text, from those of its tokens. */

/**
 * The mean of x [B, T, E] over the tokens that are not padding, [B, E]: what MiniLM and other sentence encoders are read by, normalised after.
 * `mask` is int32 or bool [B, T]; without one all tokens count. A sample without any token gives 0.
 *
 * @example
 * const embedding = normalize(meanPooling(model.forward(ids, { mask }), mask)); // [B, E], of length 1
 */
export function meanPooling(x: Tensor, mask?: Tensor | null): Tensor {
  if (!mask) return div(sum(x, { axis: 1 }), x.shape[1]!);
  const weights = unsqueeze(cast(mask, x.dtype), -1); // [B, T, 1]
  return div(sum(mul(x, weights), { axis: 1 }), maximum(sum(weights, { axis: 1 }), 1e-9));
}

/**
 * What of the tokens of a text becomes its vector, by sentence-transformers' names: the first token, the greatest of each number, the mean, their sum by the root
 * of how many there are, the mean with weights 1, 2, 3 …, the last token.
 */
export type Pooling = 'cls' | 'max' | 'mean' | 'mean_sqrt_len_tokens' | 'weightedmean' | 'lasttoken';

const ways: Readonly<Record<Pooling, (x: Tensor, mask: Tensor) => Tensor>> = {
  cls: (x) => select(x, 1, 0),
  max: (x, mask) => amax(where(unsqueeze(cast(mask, 'bool'), -1), x, Number.NEGATIVE_INFINITY), { axis: 1 }),
  mean: meanPooling,
  mean_sqrt_len_tokens: (x, mask) => mul(meanPooling(x, mask), sqrt(sum(cast(mask, x.dtype), { axis: 1, keepDims: true }))),
  weightedmean: (x, mask) => meanPooling(x, mul(cast(mask, 'int32'), placesOf(x, 1))),
  lasttoken: (x, mask) => rowsAt(x, argmax(mul(cast(mask, 'int32'), placesOf(x, 1)), 1)),
};

/** The place of each token of x [B, T, E], int32 [T]. */
function placesOf(x: Tensor, first: number): Tensor {
  return arange(first, first + x.shape[1]!, 1, { dtype: 'int32', backend: x.backend });
}

/**
 * One vector for each sample of x [B, T, E]: [B, E], or several kinds one behind the other, [B, E · kinds]. `mask` is int32 or bool [B, T]; without one all tokens
 * count. Throws a ValueError for a kind that there is not.
 *
 * @example
 * const model = new BertModel(readBertConfig({ hidden_size: 8, num_attention_heads: 2, intermediate_size: 8, vocab_size: 50 }), { rng: new Rng(1) });
 * pool(model.forward(ids), null, ['cls', 'max']).shape; // [1, 16]
 */
export function pool(x: Tensor, mask: Tensor | null | undefined, kinds: Pooling | readonly Pooling[]): Tensor {
  const seen = mask ?? ones(x.shape.slice(0, 2), { dtype: 'int32', backend: x.backend });
  const parts = [kinds].flat().map((kind) => {
    if (!Object.hasOwn(ways, kind)) {
      throw new ValueError(`pool: kinds: expected some of ${Object.keys(ways).join(', ')}, got ${JSON.stringify(kind)}`);
    }
    return ways[kind as Pooling](x, seen);
  });
  if (parts.length === 0) throw new ValueError('pool: kinds: expected one at least, got none');
  return parts.length === 1 ? parts[0]! : concat(parts, 1);
}

/**
 * What a checkpoint of sentence-transformers wants to be read by, from the content of its `1_Pooling/config.json`. Throws a ValueError where it names no kind, or one
 * that there is not.
 *
 * @example
 * readPooling({ word_embedding_dimension: 384, pooling_mode_mean_tokens: true, pooling_mode_cls_token: false }); // ['mean']
 */
export function readPooling(json: unknown): Pooling[] {
  if (typeof json !== 'object' || json === null) throw new ValueError(`readPooling: expected an object, got ${JSON.stringify(json)}`);
  const { pooling_mode: named } = json as { pooling_mode?: unknown };
  const said = named === undefined || named === null ? wantedBy(json as Record<string, unknown>) : [named].flat();
  const wrong = said.find((kind) => typeof kind !== 'string' || !Object.hasOwn(ways, kind));
  if (said.length === 0 || wrong !== undefined) {
    throw new ValueError(`readPooling: pooling_mode: expected some of ${Object.keys(ways).join(', ')}, got ${JSON.stringify(wrong ?? [])}`);
  }
  return said as Pooling[];
}

/** The kinds whose keys are true, in the order in which their vectors stand. */
function wantedBy(json: Readonly<Record<string, unknown>>): string[] {
  const keys: readonly (readonly [key: string, kind: Pooling])[] = [
    ['pooling_mode_cls_token', 'cls'],
    ['pooling_mode_max_tokens', 'max'],
    ['pooling_mode_mean_tokens', 'mean'],
    ['pooling_mode_mean_sqrt_len_tokens', 'mean_sqrt_len_tokens'],
    ['pooling_mode_weightedmean_tokens', 'weightedmean'],
    ['pooling_mode_lasttoken', 'lasttoken'],
  ];
  return keys.flatMap(([key, kind]) => (json[key] === true ? [kind] : []));
}
