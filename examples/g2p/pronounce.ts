import { type Backend, getBackend } from '@multihead/tensor';
import { padded } from '@multihead/train';
import { beamSearch, type Seq2Seq } from '@multihead/transformer/seq2seq';
import { sourceTokenizer, targetTokenizer } from './tokens.js';

export interface Pronunciation {
  phonemes: string[];
  /** Mean ln p of its tokens: nearer to 0 is surer. */
  score: number;
}

export interface PronounceOptions {
  beams?: number;
  signal?: AbortSignal;
  backend?: Backend;
}

/**
 * The likeliest pronunciations of each word, best first. Throws a TokenizerError that names the first character that no word of the
 * dictionary has.
 *
 * @example
 * const [[best]] = await pronounce(model, ['transformer']);
 * best.phonemes; // ['T', 'R', 'AE', 'N', 'S', 'F', 'AO', 'R', 'M', 'ER']
 */
export async function pronounce(model: Seq2Seq, words: readonly string[], options: PronounceOptions = {}): Promise<Pronunciation[][]> {
  const { beams = 5, signal, backend = getBackend() } = options;
  const ids = words.map((word) => sourceTokenizer.encode(word.toLowerCase()).ids);
  const source = padded(ids, model.config.pad_token_id, backend);
  try {
    const found = await beamSearch(model, source, { beams, maxLength: 40, signal });
    return found.map((answers) =>
      answers.map(({ ids, score }) => ({ phonemes: ids.map((id) => targetTokenizer.idToToken(id) ?? '?'), score })),
    );
  } finally {
    source.dispose();
  }
}
