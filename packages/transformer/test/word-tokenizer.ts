import type { PlacedEncoding, PlacingOptions } from '@multihead/transformer/text';

/* A tokenizer over words, as small as one can be that knows pairs, places and special tokens. */

export const special = ['[PAD]', '[CLS]', '[SEP]', '[UNK]', '[MASK]'];

export interface WordTokenizer {
  encode(text: string, options?: PlacingOptions & { addSpecialTokens?: boolean }): PlacedEncoding;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  decode(ids: Iterable<number>, options?: { skipSpecialTokens?: boolean }): string;
}

/** A word may be of several tokens, `unhappy` of `un` and `##happy`; the longest ones are taken. `padTo` is a tokenizer that pads by itself. */
export function wordTokenizer(vocabulary: readonly string[], { padTo = 0 } = {}): WordTokenizer {
  const words = [...special, ...vocabulary];
  const idOf = (token: string) => (words.includes(token) ? words.indexOf(token) : undefined);
  const partsOf = (word: string): number[] => {
    const found: number[] = [];
    for (let from = 0; from < word.length; ) {
      let to = word.length;
      while (to > from && idOf((from > 0 ? '##' : '') + word.slice(from, to)) === undefined) to--;
      if (to === from) return [3];
      found.push(idOf((from > 0 ? '##' : '') + word.slice(from, to))!);
      from = to;
    }
    return found;
  };
  const ofText = (text: string, sequence: number) =>
    [...text.matchAll(/\[\w+\]|\w+|[^\w\s]/g)].flatMap((match, word) => {
      let from = match.index;
      const ids = idOf(match[0]) === undefined ? partsOf(match[0]) : [idOf(match[0])!];
      return ids.map((id) => {
        const length = id === 3 ? match[0].length : words[id]!.replace('##', '').length;
        const token = { id, sequence, word, from, to: from + length };
        from += length;
        return token;
      });
    });
  return {
    encode(text, { pair, addSpecialTokens = true } = {}) {
      const mark = (id: number, sequence: number) => (addSpecialTokens ? [{ id, sequence, word: -1, from: 0, to: 0 }] : []);
      const second = pair === undefined ? [] : [...ofText(pair, 1), ...mark(2, 1)];
      const tokens = [...mark(1, 0), ...ofText(text, 0), ...mark(2, 0), ...second];
      const real = tokens.length;
      while (tokens.length < padTo) tokens.push({ id: 0, sequence: 0, word: -1, from: 0, to: 0 });
      return {
        ids: tokens.map(({ id }) => id),
        typeIds: tokens.map(({ sequence }) => sequence),
        offsets: tokens.map(({ from, to }) => [from, to] as const),
        specialTokensMask: tokens.map(({ word }) => (word < 0 ? 1 : 0)),
        sequenceIds: tokens.map(({ word, sequence }) => (word < 0 ? null : sequence)),
        wordIds: tokens.map(({ word }) => (word < 0 ? null : word)),
        attentionMask: tokens.map((_, i) => (i < real ? 1 : 0)),
      };
    },
    tokenToId: idOf,
    idToToken: (id) => words[id],
    decode(ids, { skipSpecialTokens = false } = {}) {
      const kept = Array.from(ids).filter((id) => !skipSpecialTokens || id >= special.length);
      return kept.map((id) => words[id] ?? '').join(' ').replaceAll(' ##', ''); // biome-ignore format: one line
    },
  };
}
