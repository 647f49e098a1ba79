/*
 * The words of the page "What does it look at?". Two kinds of nouns, which never mix: those that can be tired, and those that can be wide.
 *
 * The held-out nouns never stand in a training sentence that has the word *it* in it. The model meets them in plain statements alone ("the
 * otter yawned", "the street curved"), which have no adjective and no *it*; see sentences.ts.
 */

export type Kind = 'animal' | 'place';

export interface Lexicon {
  /** Nouns that sentences with *it* are made of in training. */
  seen: readonly string[];
  /** Nouns that they are never made of. */
  unseen: readonly string[];
  /** What *it* can be too much of, if it is this kind of thing. */
  adjectives: readonly string[];
  /** What this kind of thing does: "the otter yawned". */
  does: readonly string[];
  /** What is done to it: "someone fed the otter". */
  done: readonly string[];
}

const list = (words: string) => words.split(' ');

export const lexicon: Readonly<Record<Kind, Lexicon>> = {
  animal: {
    seen: list('dog cat horse cow sheep goat pig fox wolf bear rabbit donkey hen duck deer camel pony monkey badger hedgehog'),
    unseen: list('animal otter elephant puppy turtle kitten'),
    adjectives: list('tired scared hungry sleepy sick lazy thirsty shy'),
    does: list('slept ate drank ran yawned listened breathed limped jumped waited'),
    done: list('fed washed petted woke'),
  },
  place: {
    seen: list('road river bridge lake field desert valley hill path swamp forest canal tunnel ditch creek meadow glacier bay track alley'),
    unseen: list('street canyon highway beach gorge moor'),
    adjectives: list('wide steep deep narrow crowded rocky icy slippery'),
    does: list('curved ended began opened closed froze thawed glittered stretched flooded'),
    done: list('mapped paved drained measured'),
  },
};

export const kinds = ['animal', 'place'] as const satisfies readonly Kind[];

/** {animal}, {place} and {adjective} are filled in. In half of the frames the animal comes first, and *it* before, between or behind. */
export const frames: readonly string[] = [
  "the {animal} didn't cross the {place} because it was too {adjective}",
  'the {animal} stayed away from the {place} because it was too {adjective}',
  'we kept the {animal} off the {place} because it was too {adjective}',
  'because it was too {adjective} the {animal} never reached the {place}',
  'the {place} was no good for the {animal} because it was too {adjective}',
  'the {place} stopped the {animal} because it was too {adjective}',
  'near the {place} we left the {animal} because it was too {adjective}',
  'because it was too {adjective} the {place} stopped the {animal}',
];

/** Words before a frame, which move all that follows. */
export const openings: readonly string[] = ['', 'yesterday', 'last night', 'in the end', 'so'];

/** Words behind a statement. */
export const endings: readonly string[] = ['', 'today', 'again', 'last winter', 'this morning'];
