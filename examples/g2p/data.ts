/*
 * The data of the pronunciation recipe: the CMU Pronouncing Dictionary, from the npm package `cmu-pronouncing-dictionary`.
 *
 * Its entries are `"abbe(2)": "AE0 B EY1 # comment"`. Comments and stress digits are stripped, which leaves 39 phonemes. The variants
 * of a word, `abbe` and `abbe(2)`, become alternative pronunciations of one entry, in the dictionary's order; those that differ in
 * stress alone are then the same, and are kept once.
 *
 * Kept are words spelled with a to z, apostrophe, hyphen and period. In version 3.0.0 that is every word, abbreviations such as
 * `a.d.` included: nothing is filtered away that would be hard to pronounce. The test counts.
 *
 * A word belongs to train, valid or test by a hash of its spelling: FNV-1a (32 bits) of its UTF-8 bytes, modulo 100: below 90 train,
 * below 95 valid, else test. So the split depends on no order and no seed, and all variants of a word fall into the same part.
 */

export interface Entry {
  word: string;
  /** The alternatives, each a list of phonemes. The first is the dictionary's first. */
  pronunciations: string[][];
}

export interface Pair {
  word: string;
  phonemes: string[];
}

export type Split = 'train' | 'valid' | 'test';

/** The characters that words are spelled with, in code point order. */
export const letters: readonly string[] = [..."'-.abcdefghijklmnopqrstuvwxyz"];

/** The 39 phonemes (ARPAbet without stress), sorted. */
export const phonemes: readonly string[] =
  'AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH'.split(' ');

/** Reads the dictionary, 126,046 words in its order. It is imported here, so that `letters` and `phonemes` cost nothing of its 4.7 MB. */
export async function loadDictionary(): Promise<Entry[]> {
  const { dictionary } = await import('cmu-pronouncing-dictionary');
  return parseDictionary(dictionary).entries;
}

/**
 * The entries of a dictionary in the package's form, and the words left out because of their spelling.
 * Throws if a pronunciation has anything but the 39 phonemes.
 */
export function parseDictionary(dictionary: Readonly<Record<string, string>>): { entries: Entry[]; leftOut: string[] } {
  const known = new Set(phonemes);
  const spelled = new Set(letters);
  const byWord = new Map<string, Map<string, string[]>>(); // word → pronunciation as text → its phonemes
  const leftOut = new Set<string>();
  for (const [key, value] of Object.entries(dictionary)) {
    const word = key.replace(/\(\d+\)$/, '');
    if (word === '' || [...word].some((letter) => !spelled.has(letter))) {
      leftOut.add(word);
      continue;
    }
    const pronunciation = value.replace(/#.*$/, '').replace(/\d/g, '').trim().split(/\s+/);
    const unknown = pronunciation.find((phoneme) => !known.has(phoneme));
    if (unknown !== undefined) throw new Error(`parseDictionary: ${key}: expected one of the 39 phonemes, got ${JSON.stringify(unknown)}`);
    const alternatives = byWord.get(word) ?? new Map<string, string[]>();
    const text = pronunciation.join(' ');
    if (!alternatives.has(text)) alternatives.set(text, pronunciation);
    byWord.set(word, alternatives);
  }
  const entries = [...byWord].map(([word, alternatives]) => ({ word, pronunciations: [...alternatives.values()] }));
  return { entries, leftOut: [...leftOut] };
}

/** The part a word belongs to. */
export function splitOf(word: string): Split {
  const bucket = fnv1a(word) % 100;
  if (bucket < 90) return 'train';
  return bucket < 95 ? 'valid' : 'test';
}

/** The entries by part, in their order. */
export function splitEntries(entries: readonly Entry[]): Record<Split, Entry[]> {
  const parts: Record<Split, Entry[]> = { train: [], valid: [], test: [] };
  for (const entry of entries) parts[splitOf(entry.word)].push(entry);
  return parts;
}

/** What a model learns from: one pair for each pronunciation of each word. */
export function trainingPairs(entries: readonly Entry[]): Pair[] {
  return entries.flatMap(({ word, pronunciations }) => pronunciations.map((pronunciation) => ({ word, phonemes: pronunciation })));
}

/** FNV-1a, 32 bits, of the UTF-8 bytes. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
