/*
 * What the model learns from, made up as it goes: sentences with *it*, of which it has to say what *it* means, and plain statements, in
 * which it has to guess a hidden word. Everything is drawn from a seeded `Rng`: the same seed gives the same sentences.
 *
 * Nothing but the meaning of the last word tells the answer: each frame is drawn as often with an adjective of animals as with one of
 * places, and independently of the nouns and of the opening.
 */
import type { Rng } from '@multihead/tensor';
import { endings, frames, type Kind, kinds, lexicon, openings } from './words.js';

/** A sentence with *it*: where *it* stands, where the two nouns stand, and which of them it means. */
export interface ItSentence {
  words: string[];
  it: number;
  nouns: Record<Kind, number>;
  answer: Kind;
}

/** A statement with one word hidden. */
export interface Statement {
  words: string[];
  hidden: number;
}

/** Which nouns a sentence is made of. */
export type Part = 'seen' | 'unseen';

export interface Choice {
  frame: string;
  opening?: string;
  animal: string;
  place: string;
  adjective: string;
}

/** The sentence that `choice` describes. The adjective decides the answer. */
export function fillFrame({ frame, opening = '', animal, place, adjective }: Choice): ItSentence {
  const slots = `${opening} ${frame}`.trim().split(' ');
  const fill: Record<string, string> = { '{animal}': animal, '{place}': place, '{adjective}': adjective };
  return {
    words: slots.map((slot) => fill[slot] ?? slot),
    it: slots.indexOf('it'),
    nouns: { animal: slots.indexOf('{animal}'), place: slots.indexOf('{place}') },
    answer: kindOf(adjective),
  };
}

/** The kind of things that can be called `adjective`. */
export function kindOf(adjective: string): Kind {
  const kind = kinds.find((candidate) => lexicon[candidate].adjectives.includes(adjective));
  if (!kind) throw new Error(`kindOf: adjective: expected one of the lexicon, got '${adjective}'`);
  return kind;
}

/** `count` sentences with *it*. Each draws its frame, nouns, opening and last word independently of one another. */
export function drawItSentences(count: number, part: Part, rng: Rng): ItSentence[] {
  return Array.from({ length: count }, () =>
    fillFrame({
      frame: pick(frames, rng),
      opening: pick(openings, rng),
      animal: pick(lexicon.animal[part], rng),
      place: pick(lexicon.place[part], rng),
      adjective: pick(lexicon[pick(kinds, rng)].adjectives, rng),
    }),
  );
}

/** `count` statements about nouns of either kind, seen and unseen alike. Either the noun is hidden, or what it does. */
export function drawStatements(count: number, rng: Rng): Statement[] {
  return Array.from({ length: count }, () => {
    const { seen, unseen, does, done } = lexicon[pick(kinds, rng)];
    const noun = pick([...seen, ...unseen], rng);
    const active = rng.uniform() < 0.5;
    const verb = pick(active ? does : done, rng);
    const start = active ? ['the', noun, verb] : ['someone', verb, 'the', noun];
    const words = [...start, ...pick(endings, rng).split(' ').filter(Boolean)];
    return { words, hidden: words.indexOf(rng.uniform() < 0.5 ? noun : verb) };
  });
}

/** Every word that a sentence or a statement can have, each once. */
export function vocabulary(): string[] {
  const fixed = [...frames, ...openings, ...endings]
    .flatMap((text) => text.split(' '))
    .filter((word) => word !== '' && !word.startsWith('{'));
  const nouns = kinds.flatMap((kind) => Object.values(lexicon[kind]).flat() as string[]);
  return [...new Set(['the', 'someone', ...fixed, ...nouns])];
}

function pick<T>(items: readonly T[], rng: Rng): T {
  return items[rng.integer(items.length)]!;
}
