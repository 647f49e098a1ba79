import { Rng } from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { drawItSentences, drawStatements, fillFrame, type ItSentence, kindOf, vocabulary } from './sentences.js';
import { frames, kinds, lexicon, openings } from './words.js';

const heldOut = new Set(kinds.flatMap((kind) => lexicon[kind].unseen));
const adjectives = kinds.flatMap((kind) => lexicon[kind].adjectives);
const other = { animal: 'place', place: 'animal' } as const;

describe('sentences with it', () => {
  it('have no held-out noun in training, and only held-out nouns in the other part', () => {
    for (const { words, nouns } of drawItSentences(5000, 'seen', new Rng(1))) {
      expect(words.filter((word) => heldOut.has(word))).toEqual([]);
      expect(nouns.animal).not.toBe(nouns.place);
    }
    for (const { words, nouns } of drawItSentences(1000, 'unseen', new Rng(1))) {
      expect(words.filter((word) => heldOut.has(word))).toHaveLength(2);
      for (const kind of kinds) expect(lexicon[kind].unseen).toContain(words[nouns[kind]]);
    }
  });

  it('point at what they say', () => {
    for (const { words, it: place, nouns, answer } of drawItSentences(1000, 'seen', new Rng(2))) {
      expect(words[place]).toBe('it');
      expect(words.filter((word) => word === 'it')).toHaveLength(1);
      for (const kind of kinds) expect(lexicon[kind].seen).toContain(words[nouns[kind]]);
      const adjective = words[place + 3]!; // it was too …
      expect(lexicon[answer].adjectives).toContain(adjective);
      expect(lexicon[other[answer]].adjectives).not.toContain(adjective);
    }
  });

  it('are answered by the last word alone: in every frame, each noun is the answer for half of the adjectives', () => {
    for (const frame of frames) {
      const answers = adjectives.map((adjective) => fillFrame({ frame, animal: 'dog', place: 'road', adjective }).answer);
      for (const kind of kinds) expect(answers.filter((answer) => answer === kind)).toHaveLength(adjectives.length / 2);
    }
  });

  it('have the animal first in half of the frames, and it before, or behind, both nouns', () => {
    const filled = frames.map((frame) => fillFrame({ frame, animal: 'dog', place: 'road', adjective: 'tired' }));
    expect(filled.filter(({ nouns }) => nouns.animal < nouns.place)).toHaveLength(frames.length / 2);
    const before = filled.filter(({ it: place, nouns }) => place < Math.min(nouns.animal, nouns.place));
    expect(before.length).toBeGreaterThan(1);
    expect(before.length).toBeLessThan(frames.length - 1);
  });

  it('are balanced, and no positions give the answer away', () => {
    const sentences = drawItSentences(8000, 'seen', new Rng(3));
    const share = (holds: (sentence: ItSentence) => boolean) => sentences.filter(holds).length / sentences.length;
    expect(share(({ answer }) => answer === 'animal')).toBeCloseTo(0.5, 1);
    expect(share(({ nouns, answer }) => nouns[answer] < nouns[other[answer]])).toBeCloseTo(0.5, 1);
    expect(share(({ it: place, nouns, answer }) => Math.abs(place - nouns[answer]) < Math.abs(place - nouns[other[answer]]))).toBeCloseTo(
      0.5,
      1,
    );
    expect(bestGuess(sentences)).toBeLessThan(0.55);
  });

  it('are the same for the same seed', () => {
    expect(drawItSentences(50, 'seen', new Rng(7))).toEqual(drawItSentences(50, 'seen', new Rng(7)));
    expect(drawItSentences(50, 'seen', new Rng(7))).not.toEqual(drawItSentences(50, 'seen', new Rng(8)));
  });
});

/** How often one would be right who knows all positions and, for each of their combinations, the likelier answer. */
function bestGuess(sentences: readonly ItSentence[]): number {
  const counts = new Map<string, Map<number, number>>();
  for (const { words, it: place, nouns, answer } of sentences) {
    const key = [words.length, place, ...Object.values(nouns).toSorted((a, b) => a - b)].join();
    const answers = counts.get(key) ?? new Map<number, number>();
    answers.set(nouns[answer], (answers.get(nouns[answer]) ?? 0) + 1);
    counts.set(key, answers);
  }
  return [...counts.values()].reduce((sum, answers) => sum + Math.max(...answers.values()), 0) / sentences.length;
}

describe('statements', () => {
  const statements = drawStatements(5000, new Rng(4));

  it('have no it, no because and no adjective', () => {
    for (const { words } of statements) {
      expect(words).not.toContain('it');
      expect(words).not.toContain('because');
      expect(words.filter((word) => adjectives.includes(word))).toEqual([]);
    }
  });

  it('hide the noun or what it does, each about half of the time', () => {
    const nouns = new Set(kinds.flatMap((kind) => [...lexicon[kind].seen, ...lexicon[kind].unseen]));
    const verbs = new Set(kinds.flatMap((kind) => [...lexicon[kind].does, ...lexicon[kind].done]));
    const hidden = statements.map(({ words, hidden: at }) => words[at]!);
    for (const word of hidden) expect(nouns.has(word) || verbs.has(word)).toBe(true);
    expect(hidden.filter((word) => nouns.has(word)).length / hidden.length).toBeCloseTo(0.5, 1);
  });

  it('speak of every noun, held out or not', () => {
    const spoken = new Set(statements.flatMap(({ words }) => words));
    for (const kind of kinds) for (const noun of [...lexicon[kind].seen, ...lexicon[kind].unseen]) expect(spoken).toContain(noun);
  });
});

describe('the lexicon', () => {
  it('has each word in one list alone', () => {
    const words = kinds.flatMap((kind) => Object.values(lexicon[kind]).flat() as string[]);
    expect(new Set(words).size).toBe(words.length);
    const fixed = [...frames, ...openings].join(' ').split(' ');
    expect(words.filter((word) => fixed.includes(word))).toEqual([]);
  });

  it('is in the vocabulary, with all that sentences and statements have', () => {
    const known = new Set(vocabulary());
    const drawn = [
      ...drawItSentences(2000, 'seen', new Rng(5)),
      ...drawItSentences(500, 'unseen', new Rng(5)),
      ...drawStatements(2000, new Rng(5)),
    ];
    expect(drawn.flatMap(({ words }) => words).filter((word) => !known.has(word))).toEqual([]);
  });

  it('refuses an adjective that it does not have', () => {
    expect(() => kindOf('purple')).toThrow("got 'purple'");
  });
});
