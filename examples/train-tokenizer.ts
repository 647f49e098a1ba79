// Trains byte-level BPE on a text and writes the tokenizer.json that Python's tokenizers read, too: `pnpm example train-tokenizer [FILE]`.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { bpeTrainer, byteLevelAlphabet, train } from '@multihead/tokenizer/trainers';

const place = (path: string) => fileURLToPath(new URL(path, import.meta.url));
// Shakespeare, where it lies beside the project; else what the project says of itself.
const shakespeare = place('../../shared/data/tinyshakespeare/input.txt');
const file = process.argv[2] ?? (existsSync(shakespeare) ? shakespeare : place('../ARCHITECTURE.md'));
const lines = readFileSync(file, 'utf8').split(/(?<=\n)/);

// #region train
const json = await train(
  { pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false }, decoder: { type: 'ByteLevel' } },
  lines, // or whatever can be iterated over, also one that waits: a stream of lines
  bpeTrainer({ vocabSize: 600, minFrequency: 2, initialAlphabet: byteLevelAlphabet(), specialTokens: ['<|endoftext|>'] }),
  { onProgress: ({ stage, done, total }) => console.log(`${stage}: ${done} of ${total}`) }, // and a signal that stops it
);
const tokenizer = fromTokenizerJson(json);
// #endregion train

const folder = place('./runs');
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}/tokenizer.json`, JSON.stringify(json));

const text = 'To be, or not to be: that is the question. 🙂';
console.log(tokenizer.encode(text).tokens.join(' '));
console.log(tokenizer.vocabSize); // 600
console.log(tokenizer.decode(tokenizer.encode(text).ids) === text); // true
console.log(
  `${(lines.join('').length / tokenizer.countTokens(lines.join(''))).toFixed(2)} characters a token; written to ${folder}/tokenizer.json`,
);
