/*
 * NFC, NFD, NFKC and NFKD. The engine knows the forms; what is added here is which character comes from which, and that long runs of
 * combining marks take time in proportion to their length: engines sort them by insertion.
 */
import type { Change } from '../aligned-text.js';
import { classOf, youngForms } from '../young-characters.js';
import type { Normalizer } from './normalizer.js';

export type UnicodeForm = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

export function unicodeNormalizer(form: UnicodeForm): Normalizer {
  return (text) => {
    const normalized = normalizeForm(text.text, form);
    if (normalized === text.text) return text;
    return text.tracked ? text.transform(changesOf(text.text, form)) : text.replacedBy(normalized);
  };
}

const young = /* @__PURE__ */ new RegExp(`([${/* @__PURE__ */ classOf(youngForms)}]+)`, 'u');

/** `text.normalize(form)`, in linear time, but for characters that are too young: they stay, and nothing moves past them. */
export function normalizeForm(text: string, form: UnicodeForm): string {
  if (!young.test(text)) return wholeForm(text, form);
  return text
    .split(young)
    .map((part, i) => (i % 2 === 1 ? part : wholeForm(part, form)))
    .join('');
}

function wholeForm(text: string, form: UnicodeForm): string {
  return text.replace(/[\p{M}\uFF9E\uFF9F]{32,}/gu, (marks) => sortMarks(marks, form)).normalize(form);
}

/** Marks decomposed, and in canonical order. */
function sortMarks(marks: string, form: UnicodeForm): string {
  const decomposition = form === 'NFC' || form === 'NFD' ? 'NFD' : 'NFKD';
  const decomposed: string[] = [];
  const known = new Map<string, string[]>();
  for (const mark of marks) {
    let parts = known.get(mark);
    if (parts === undefined) {
      parts = [...mark.normalize(decomposition)];
      known.set(mark, parts);
    }
    for (const part of parts) decomposed.push(part);
  }
  let sorted = '';
  let classes: string[][] = [];
  const flush = (): void => {
    for (const ofClass of classes) if (ofClass !== undefined) sorted += ofClass.join('');
    classes = [];
  };
  for (const mark of decomposed) {
    const rank = markRank(mark);
    if (rank === 0) {
      flush();
      sorted += mark;
    } else {
      classes[rank] ??= [];
      (classes[rank] as string[]).push(mark);
    }
  }
  flush();
  return sorted;
}

/** One mark of each canonical combining class above 0, in their order. Unicode promises to change neither. */
const classMarks = [
  0x334, 0x16ff0, 0x93c, 0x3099, 0x94d, 0x5b0, 0x5b1, 0x5b2, 0x5b3, 0x5b4, 0x5b5, 0x5b6, 0x5b7, 0x5b8, 0x5b9, 0x5bb, 0x5bc, 0x5bd, 0x5bf, 0x5c1,
  0x5c2, 0xfb1e, 0x64b, 0x64c, 0x64d, 0x618, 0x619, 0x61a, 0x651, 0x652, 0x670, 0x711, 0xc55, 0xc56, 0xe38, 0xe48, 0xeb8, 0xec8, 0xf71, 0xf72,
  0xf74, 0x321, 0x1dce, 0x31b, 0x1dfa, 0x316, 0x59a, 0x302e, 0x1d16d, 0x5ae, 0x300, 0x315, 0x35c, 0x35d, 0x345,
]; // biome-ignore format: rows

const ranks = /* @__PURE__ */ new Map<string, number>();

/** The place of a character's combining class among all of them; 0 for one that is no combining mark in the sense of the forms. */
function markRank(mark: string): number {
  let rank = ranks.get(mark);
  if (rank === undefined) {
    rank = isSwapped('\u0345', mark) || isSwapped(mark, '\u0334') || isSame(mark, 1) || isSame(mark, classMarks.length) ? search(mark) : 0;
    ranks.set(mark, rank);
  }
  return rank;
}

function search(mark: string): number {
  let low = 1;
  let high = classMarks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isSwapped(mark, String.fromCodePoint(classMarks[middle - 1] as number))) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether two characters in this order are put into the other: both are marks, and the class of the first is higher. */
function isSwapped(first: string, second: string): boolean {
  const both = (first + second).normalize('NFD');
  return both !== first + second && both === (second + first).normalize('NFD');
}

/** Whether a mark has the class of this rank, given that nothing is lower or higher. */
function isSame(mark: string, rank: number): boolean {
  const other = String.fromCodePoint(classMarks[rank - 1] as number);
  if (mark === other) return true;
  // Marks of other classes are on the same side of both.
  const probe = String.fromCodePoint(rank === 1 ? 0x345 : 0x334);
  return rank === 1 ? isSwapped(probe, mark) : isSwapped(mark, probe);
}

/** The characters of a form with how each comes about. */
function changesOf(text: string, form: UnicodeForm): Change[] {
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
    const rank = isMark.test(character) && !young.test(character) ? markRank(character) : 0;
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

const isMark = /\p{M}/u;
