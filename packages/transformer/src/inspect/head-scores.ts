import { ValueError } from '@multihead/tensor';
import type { LayerAttention } from './attention-maps.js';

/** How much a head behaves in a known way: means of weights, from 0 to 1. */
export interface HeadScores {
  readonly stack: string;
  readonly layer: number;
  readonly head: number;
  /** Of what looks at the token before. */
  readonly previous: number;
  /** At the first token, where heads rest that have nothing to do. */
  readonly first: number;
  /** At the token itself. */
  readonly self: number;
  /** At earlier copies of the token, where there are such. */
  readonly duplicate: number;
  /** At what stood behind earlier copies of the token: what continues a text that repeats itself. */
  readonly induction: number;
}

/**
 * What kinds of heads there are, by what they look at: for each head the mean over queries of the weights at the token before, the first, the token
 * itself, earlier copies of it, and what stood behind these. `ids` are the tokens of each sample. The first query has no other choice than itself and does not
 * count; a score is 0 where no query has such a key. Ids that are drawn and then repeated tell induction heads best, since nothing
 * else is to be known of them.
 *
 * Throws a ValueError for maps across stacks, of some queries only, or of other tokens.
 * Elhage et al., "A Mathematical Framework for Transformer Circuits", 2021; Olsson et al., "In-context Learning and Induction Heads", 2022.
 *
 * @example
 * const maps = await attentionMaps(inspect(model, ids, { attention: true }));
 * headScores(maps, [[1, 5, 2]])[0].previous <= 1; // true
 */
export function headScores(maps: LayerAttention | readonly LayerAttention[], ids: readonly (readonly number[])[]): HeadScores[] {
  return [maps].flat().flatMap((map) => {
    const [batch, , rows, keys] = map.shape;
    if (map.kind === 'cross' || rows !== keys) {
      throw new ValueError(
        `headScores: maps: expected tokens that look at each other, all of them, got ${map.name} of [${map.shape.join(', ')}]`,
      );
    }
    if (ids.length !== batch || ids.some((row) => row.length !== keys)) {
      throw new ValueError(
        `headScores: ids: expected ${batch} rows of ${keys}, got ${ids.length} of ${[...new Set(ids.map((row) => row.length))].join(' or ')}`,
      );
    }
    return map.heads.map((head, h) => ({ stack: map.stack, layer: map.layer, head, ...scoresOf(map, h, ids) }));
  });
}

type Score = 'previous' | 'first' | 'self' | 'duplicate' | 'induction';

function scoresOf({ shape, weights }: LayerAttention, head: number, ids: readonly (readonly number[])[]): Record<Score, number> {
  const [, heads, rows, keys] = shape;
  const sums: Record<Score, number> = { previous: 0, first: 0, self: 0, duplicate: 0, induction: 0 };
  const counts = { ...sums };
  const count = (score: Score, weight: number) => {
    sums[score] += weight;
    counts[score]++;
  };
  for (const [b, row] of ids.entries()) {
    for (let t = 1; t < rows; t++) {
      const at = (key: number) => weights[((b * heads + head) * rows + t) * keys + key]!;
      const copies = Array.from({ length: t }, (_, key) => key).filter((key) => row[key] === row[t]);
      count('previous', at(t - 1));
      count('first', at(0));
      count('self', at(t));
      if (copies.length === 0) continue;
      count('duplicate', copies.reduce((sum, key) => sum + at(key), 0)); // biome-ignore format: one call
      const behind = copies.filter((key) => key + 1 < t);
      if (behind.length > 0) count('induction', behind.reduce((sum, key) => sum + at(key + 1), 0)); // biome-ignore format: one call
    }
  }
  const mean = (score: Score) => (counts[score] > 0 ? sums[score] / counts[score] : 0);
  return {
    previous: mean('previous'),
    first: mean('first'),
    self: mean('self'),
    duplicate: mean('duplicate'),
    induction: mean('induction'),
  };
}
