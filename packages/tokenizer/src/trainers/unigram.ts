import { show, TokenizerError } from '../errors.js';
import type { UnigramJson } from '../tokenizer-json.js';
import { Pace } from './pace.js';
import { PieceLattice } from './piece-lattice.js';
import { type Piece, seedPieces } from './seed-pieces.js';
import { addedTokens, checkInteger, firstCharacters, orderedCounts, type SpecialToken, specialContents, type Trainer } from './trainer.js';

export interface UnigramTrainerOptions {
  /** The most ids, special tokens included; there has to be room for every character. Default 8000. */
  vocabSize?: number;
  /** They have the first ids. Default: none. */
  specialTokens?: readonly SpecialToken[];
  /** Characters that the vocabulary has in any case. Default: none but those of the texts. */
  initialAlphabet?: Iterable<string>;
  /** The share of pieces that a round of pruning leaves. Default 0.75. */
  shrinkingFactor?: number;
  /** What stands for unknown text; put before the special tokens if it is not among them. Default: nothing does. */
  unkToken?: string;
  /** The most characters of a piece. Default 16. */
  maxPieceLength?: number;
  /** How often pieces are weighed anew between two prunings. Default 2. */
  nSubIterations?: number;
  /** The most pieces to begin with. Default 1000000. */
  seedSize?: number;
}

/** A piece that is expected less often is dropped. */
const LEAST_EXPECTED = 0.5;

/** By how much the score of one character without a score is below that of the next. */
const PENALTY = 0.0001;

/**
 * Trains a Unigram model: begins with far too many pieces, weighs them by expectation maximisation, and drops those whose loss the
 * likelihood of the texts feels least, until the vocabulary is as small as asked for.
 *
 * Throws `TokenizerError` for options that make no sense, for no words at all, and for a vocabulary that has no room for the characters.
 *
 * ```ts
 * import { unigramTrainer } from '@multihead/tokenizer/trainers';
 *
 * const train = unigramTrainer({ vocabSize: 11, unkToken: '<unk>' });
 * const { model } = await train(new Map([['▁low', 12], ['▁lower', 5], ['▁lowest', 3]]));
 * model.vocab.map(([piece]) => piece).join(' '); // '<unk> ▁low ▁lowe r e ▁ w o l s t'
 * ```
 *
 * The rules are those of `UnigramTrainer` in Hugging Face's tokenizers. Kudo, 2018: Subword Regularization.
 */
export function unigramTrainer(options: UnigramTrainerOptions = {}): Trainer<UnigramJson> {
  const operation = 'unigramTrainer';
  const {
    vocabSize = 8000,
    specialTokens = [],
    shrinkingFactor = 0.75,
    maxPieceLength = 16,
    nSubIterations = 2,
    seedSize = 1_000_000,
  } = options;
  for (const [argument, value] of Object.entries({ vocabSize, maxPieceLength, nSubIterations, seedSize })) {
    checkInteger(operation, argument, value, 1);
  }
  if (!(shrinkingFactor > 0 && shrinkingFactor < 1)) {
    throw new TokenizerError(operation, `shrinkingFactor: expected a number between 0 and 1, got ${show(shrinkingFactor)}`);
  }
  const { unkToken } = options;
  const special = specialContents(operation, specialTokens);
  if (unkToken !== undefined && !special.includes(unkToken)) special.unshift(unkToken);
  const initial = firstCharacters(operation, options.initialAlphabet);
  const surplus = Math.floor((vocabSize * 11) / 10);

  return async (counts, control) => {
    const pace = new Pace(control);
    const words = orderedCounts(operation, counts).filter(([word]) => word !== '');
    if (words.length === 0) throw new TokenizerError(operation, 'counts: expected at least one word that is not empty, got none');
    const alphabet = charactersOf(words, initial);
    if (alphabet.length + special.length > vocabSize) {
      const least = `${alphabet.length + special.length}, for ${alphabet.length} characters and ${special.length} special tokens`;
      throw new TokenizerError(operation, `vocabSize: expected at least ${least}, got ${vocabSize}`);
    }
    // The unknown piece of training is the first one, whatever unkToken is.
    let pieces: Piece[] = [['', Number.NaN], ...(await seedPieces(words, maxPieceLength, seedSize, pace))];
    const begin = pieces.length;
    for (;;) {
      for (let i = 0; i < nSubIterations; i++) pieces = weighed(pieces, await expectedCounts(pieces, words, pace, begin, surplus));
      if (pieces.length <= surplus) break;
      const pruned = await prune(pieces, words, Math.max(surplus, Math.floor(pieces.length * shrinkingFactor)), pace);
      if (pruned.length === pieces.length) break; // nothing can be spared: every piece has no other division
      pieces = pruned;
    }
    await pace.finish('weigh pieces', Math.max(1, begin - surplus));
    const chosen = choose(pieces, alphabet, vocabSize - special.length);
    const vocab: Piece[] = [...special.map((token): Piece => [token, 0]), ...chosen];
    const ids = new Map(vocab.map(([piece], id) => [piece, id]));
    const model: UnigramJson = {
      type: 'Unigram',
      unk_id: unkToken === undefined ? null : special.indexOf(unkToken),
      byte_fallback: false,
      vocab,
    };
    return { model, addedTokens: addedTokens(specialTokens, ids, vocab.length) };
  };
}

/** The E step: how often each piece is expected in the words. */
async function expectedCounts(
  pieces: readonly Piece[],
  words: readonly [string, number][],
  pace: Pace,
  begin: number,
  wanted: number,
): Promise<Float64Array> {
  const lattice = new PieceLattice(pieces);
  const expected = new Float64Array(pieces.length);
  for (const [word, count] of words) {
    lattice.read(word);
    lattice.addExpected(count, expected);
    if (pace.due()) await pace.rest('weigh pieces', begin - pieces.length, Math.max(1, begin - wanted));
  }
  return expected;
}

/** The M step, Bayesian: digamma in place of the logarithm is a prior that favours few pieces. */
function weighed(pieces: readonly Piece[], expected: Float64Array): Piece[] {
  const kept: Piece[] = [pieces[0]!];
  let sum = 0;
  for (let id = 1; id < pieces.length; id++) {
    if (expected[id]! < LEAST_EXPECTED) continue;
    kept.push([pieces[id]![0], expected[id]!]);
    sum += expected[id]!;
  }
  const total = digamma(sum);
  return kept.map(([piece, count]) => [piece, digamma(count) - total]);
}

/**
 * The `size` pieces whose removal would cost the most: log(p(piece) / p(its best other division)), as often as the piece is used. Pieces
 * that have no other division stay.
 */
async function prune(pieces: readonly Piece[], words: readonly [string, number][], size: number, pace: Pace): Promise<Piece[]> {
  const stage = 'prune pieces';
  const lattice = new PieceLattice(pieces);
  const spared = new Array<boolean>(pieces.length).fill(false);
  const others: (readonly number[])[] = pieces.map(() => []);
  for (let id = 1; id < pieces.length; id++) {
    lattice.read(pieces[id]![0]);
    spared[id] = lattice.best().length === 1;
    if (spared[id]) others[id] = lattice.best(true);
    if (pace.due()) await pace.rest(stage, id, pieces.length);
  }

  const frequency = new Float64Array(pieces.length);
  let all = 0;
  for (const [word, count] of words) {
    lattice.read(word);
    all += count;
    for (const id of lattice.best()) frequency[id]! += count;
    if (pace.due()) await pace.rest(stage, pieces.length, pieces.length);
  }

  const sum = frequency.reduce((total, count) => total + count, 0);
  const kept: Piece[] = [pieces[0]!];
  const candidates: [id: number, loss: number][] = [];
  for (let id = 1; id < pieces.length; id++) {
    const count = frequency[id]!;
    if (count === 0 && !spared[id]) continue;
    const instead = others[id]!;
    if (instead.length === 0) kept.push(pieces[id]!);
    else if (count > 0) {
      // SentencePiece has the number of other pieces here. Hugging Face's trainer has that of all pieces, and its vocabularies are to be met.
      const sumWithout = Math.log(sum + count * (pieces.length - 1));
      const without = instead.reduce((total, other) => total + Math.log(frequency[other]! + count) - sumWithout, 0);
      candidates.push([id, (count / all) * (Math.log(count) - Math.log(sum) - without)]);
    }
  }
  candidates.sort(([, a], [, b]) => b - a);
  for (const [id] of candidates) {
    if (kept.length === size) break;
    kept.push(pieces[id]!);
  }
  return kept;
}

/** Every character that a text may have, the most frequent first. */
function charactersOf(words: readonly [string, number][], initial: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words) for (const character of word) counts.set(character, (counts.get(character) ?? 0) + count);
  for (const character of initial) if (!counts.has(character)) counts.set(character, 0);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([character]) => character);
}

/** The characters and then the first pieces, `size` of them, by falling score. */
function choose(pieces: readonly Piece[], characters: readonly string[], size: number): Piece[] {
  const scores = new Map(pieces.slice(1));
  let least = Number.POSITIVE_INFINITY;
  for (const score of scores.values()) if (score < least) least = score;
  const chosen = new Map<string, number>();
  let penalty = 0;
  for (const character of characters) {
    const score = scores.get(character);
    chosen.set(character, score ?? least + penalty);
    if (score === undefined) penalty += PENALTY;
  }
  for (const [piece, score] of scores) {
    if (chosen.size >= size) break;
    chosen.set(piece, score);
  }
  return [...chosen].sort(([, a], [, b]) => b - a);
}

/** ψ(x) for x > 0: the recurrence up to 7, then the asymptotic series around x - ½. */
function digamma(x: number): number {
  let result = 0;
  let at = x;
  for (; at < 7; at++) result -= 1 / at;
  at -= 0.5;
  const a = 1 / (at * at);
  const b = a * a;
  return result + Math.log(at) + a / 24 - (7 / 960) * b + (31 / 8064) * b * a - (127 / 30720) * b * b;
}
