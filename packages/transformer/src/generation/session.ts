import { ValueError } from '@multihead/tensor';
import { type CausalModel, RowDecoding } from './decoding.js';
import { type GeneratedStep, steps } from './generate.js';
import type { GenerateOptions } from './start.js';

/** A conversation with a model, turn by turn. */
export interface Session {
  /** As `generate`, for the whole conversation so far: its ids that were there before are not computed again. One turn at a time. */
  generate(ids: readonly number[], options?: Omit<GenerateOptions, 'draft' | 'mask' | 'tap'>): AsyncGenerator<GeneratedStep, void, void>;
  /** How many of these ids need not be computed again. */
  known(ids: readonly number[]): number;
  /** Frees the caches; a later turn starts anew. */
  dispose(): void;
}

/**
 * Keeps the keys and values of a conversation between its turns: a turn is given all ids so far, and only those behind the longest common beginning are
 * computed. Edited or repeated turns are fine: what no longer fits is forgotten. It is the caller's to dispose. `generate` throws a ValueError while another
 * turn is not at its end.
 *
 * @example
 * const talk = session(model);
 * const ids = [1, 5, 2];
 * for await (const step of talk.generate(ids, { max_new_tokens: 4 })) ids.push(step.ids[0]);
 * talk.known(ids); // 6: all but the last one
 * talk.dispose();
 */
export function session(model: CausalModel): Session {
  const held = new RowDecoding(model);
  let isBusy = false;
  return {
    async *generate(ids, options = {}) {
      if (isBusy) throw new ValueError('session.generate: expected the turn before to be at its end, it is not');
      isBusy = true;
      try {
        yield* steps(model, ids, options, held);
      } finally {
        isBusy = false;
      }
    },
    known: (ids) => held.known(ids),
    dispose: () => held.dispose(),
  };
}
