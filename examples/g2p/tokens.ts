import { CharacterTokenizer, WordTokenizer } from '@multihead/tokenizer';
import { letters, phonemes } from './data.js';

/** Spellings: one token a letter, `</s>` behind. */
export const sourceTokenizer = new CharacterTokenizer(letters, { specialTokens: { pad: '<pad>', eos: '</s>' }, unknown: 'throw' });

/** Pronunciations: one token a phoneme, between `<s>` and `</s>`. */
export const targetTokenizer = new WordTokenizer(phonemes, { specialTokens: { pad: '<pad>', bos: '<s>', eos: '</s>' }, unknown: 'throw' });
