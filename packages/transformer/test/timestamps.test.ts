import { timestampRules } from '@multihead/transformer/speech';
import { describe, expect, it } from 'vitest';

// Ids: texts 0 to 3, the end 4, a special token 5, no times 6, times 7 to 12.
const tokens = { no_timestamps_token_id: 6, eos_token_id: 4 };
const begin = 2;

/** Which ids may come behind `written`, when all texts are likelier than the times. */
function allowed(
  written: number[],
  rules = tokens as Parameters<typeof timestampRules>[0],
  scores = [9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0, 0, 0],
): number[] {
  const changed = Float32Array.from(scores);
  timestampRules(rules, begin)(changed, [5, 5, ...written], 0);
  for (const [i, score] of changed.entries()) if (score !== Number.NEGATIVE_INFINITY) expect(score).toBe(Math.fround(scores[i]!));
  return [...changed.keys()].filter((i) => changed[i] !== Number.NEGATIVE_INFINITY);
}

describe('timestampRules', () => {
  it('an answer begins with a time, of the first ones if that is said', () => {
    expect(allowed([])).toEqual([7, 8, 9, 10, 11, 12]);
    expect(allowed([], { ...tokens, max_initial_timestamp_index: 1 })).toEqual([7, 8]);
    expect(allowed([], { ...tokens, max_initial_timestamp_index: 0 })).toEqual([7]);
    expect(allowed([], { ...tokens, max_initial_timestamp_index: null })).toEqual([7, 8, 9, 10, 11, 12]);
  });

  it('behind a first time comes a text, or the end', () => {
    expect(allowed([8])).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('behind a text comes anything, and no time that was', () => {
    expect(allowed([8, 0])).toEqual([0, 1, 2, 3, 4, 5, 9, 10, 11, 12]);
  });

  it('behind the end of a segment comes the beginning of the next, at the same time or later, or the end', () => {
    expect(allowed([8, 0, 10])).toEqual([4, 5, 10, 11, 12]);
  });

  it('behind a pair of times comes a text', () => {
    expect(allowed([8, 0, 10, 11])).toEqual([0, 1, 2, 3, 4, 5]);
    expect(allowed([8, 0, 10, 11, 1])).toEqual([0, 1, 2, 3, 4, 5, 12]);
  });

  it('times that are likelier together than each of the texts are taken', () => {
    // ln 5 times at 0 are 1.61.
    expect(allowed([7, 0], tokens, [1.6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])).toEqual([8, 9, 10, 11, 12]);
    expect(allowed([7, 0], tokens, [1.62, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])).toEqual([0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12]);
  });

  it('counts from the beginning of the answer', () => {
    const scores = new Float32Array(13);
    timestampRules(tokens, 4)(scores, [7, 0, 10, 11], 0); // all of it was there before
    expect([...scores].map(Number.isFinite)).toEqual([...new Array(7).fill(false), ...new Array(6).fill(true)]);
  });

  it('refuses ids that are none', () => {
    expect(() => timestampRules({ ...tokens, eos_token_id: -1 }, 0)).toThrow(
      'timestampRules: eos_token_id: expected an integer from 0, got -1',
    );
    expect(() => timestampRules(tokens, 0.5)).toThrow('timestampRules: begin');
  });
});
