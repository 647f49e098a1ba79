import { readFile } from 'node:fs/promises';
import { SentencePieceTokenizer } from '@multihead/tokenizer/sentencepiece';
import type { Kind } from './kinds.js';
import { problemsOf } from './tokenizer.js';

/** SentencePiece `.model` files. What is accepted encodes the texts of the case and decodes what comes of them. */
export const sentencepiece: Kind = {
  ways: {
    'new SentencePieceTokenizer': async (task) => problemsOf(new SentencePieceTokenizer(await readFile(task.file)), task),
  },
};
