/*
 * Which character of a Unicode form comes from which: the forms themselves are the engine's.
 */
import type { Change } from '../aligned-text.js';
import { markRank, normalizeForm, type UnicodeForm } from './unicode-forms.js';

const isMark = /\p{M}/u;

/** The characters of a form with how each comes about. */
export function formChanges(text: string, form: UnicodeForm): Change[] {
  const decomposed = decompose(text, form === 'NFC' || form === 'NFD' ? 'NFD' : 'NFKD');
  return form === 'NFD' || form === 'NFKD' ? decomposed : compose(decomposed);
}

function decompose(text: string, form: 'NFD' | 'NFKD'): Change[] {
  const changes: Change[] = [];
  // Two letters become marks in the compatibility forms.
  for (const [segment] of text.matchAll(/[^\p{M}\uFF9E\uFF9F]?[\p{M}\uFF9E\uFF9F]*/gu)) {
    const normalized = normalizeForm(segment, form);
    if (normalized === segment) {
      for (const character of segment) changes.push([character, 0]);
      continue;
    }
    // Marks are sorted by their classes, and keep their order within one: so do those that are equal.
    const waiting = new Map<string, number[]>();
    for (const character of segment) {
      let change = 0;
      for (const part of normalizeForm(character, form)) {
        const queue = waiting.get(part);
        if (queue === undefined) waiting.set(part, [change]);
        else queue.push(change);
        change = 1;
      }
    }
    const taken = new Map<string, number>();
    for (const character of normalized) {
      const index = taken.get(character) ?? 0;
      taken.set(character, index + 1);
      changes.push([character, waiting.get(character)?.[index] ?? 0]);
    }
  }
  return changes;
}

/** Canonical composition. A composed character has the sum of its parts' changes, less one for each part that it takes in. */
function compose(decomposed: readonly Change[]): Change[] {
  const changes: Change[] = [];
  const pairs = new Map<string, string | undefined>();
  const composite = (first: string, second: string): string | undefined => {
    const pair = first + second;
    if (pairs.has(pair)) return pairs.get(pair);
    const composed = normalizeForm(pair, 'NFC');
    const one = composed.length === 1 || (composed.length === 2 && composed.codePointAt(0) !== composed.charCodeAt(0));
    const result = one ? composed : undefined;
    pairs.set(pair, result);
    return result;
  };
  let starter: [character: string, change: number] | undefined;
  let between: Change[] = [];
  let lastRank = -1;
  const flush = (): void => {
    if (starter !== undefined) changes.push(starter);
    for (const change of between) changes.push(change);
    between = [];
    lastRank = -1;
  };
  for (const [character, change] of decomposed) {
    const rank = isMark.test(character) ? markRank(character) : 0;
    if (starter === undefined) {
      if (rank === 0) starter = [character, change];
      else changes.push([character, change]);
      continue;
    }
    const blocked = lastRank >= rank;
    const composed = blocked ? undefined : composite(starter[0], character);
    if (composed !== undefined) {
      starter = [composed, starter[1] + change - 1];
    } else if (rank === 0) {
      flush();
      starter = [character, change];
    } else {
      between.push([character, change]);
      lastRank = rank;
    }
  }
  flush();
  return changes;
}
