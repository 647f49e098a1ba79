// Trains byte-level BPE on a text and writes the tokenizer.json that Python's tokenizers read, too: `pnpm example train-tokenizer [FILE]`.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
// #region train
import { fromTokenizerJson } from '@multihead/tokenizer';
import { bpeTrainer, byteLevelAlphabet, train } from '@multihead/tokenizer/trainers';

const json = await train(
  { pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false }, decoder: { type: 'ByteLevel' } },
  lines(), // an array, or whatever can be iterated over, also one that waits: a stream
  bpeTrainer({ vocabSize: 600, minFrequency: 2, initialAlphabet: byteLevelAlphabet(), specialTokens: ['<|endoftext|>'] }),
  { onProgress: ({ stage, done }) => console.log(`${stage}: ${done}`) }, // and a signal that stops it
);
const tokenizer = fromTokenizerJson(json); // JSON.stringify(json) is the file
// #endregion train

const folder = place('./runs');
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}/tokenizer.json`, JSON.stringify(json));

const text = 'To be, or not to be: that is the question. 🙂';
console.log(tokenizer.encode(text).tokens.join(' '));
console.log(tokenizer.vocabSize); // 600
console.log(tokenizer.decode(tokenizer.encode(text).ids) === text); // true
const whole = lines().join('');
console.log(`${(whole.length / tokenizer.countTokens(whole)).toFixed(2)} characters a token; written to ${folder}/tokenizer.json`);

/** Shakespeare, where it lies beside the project; else what the project says of itself. */
function lines(): string[] {
  const shakespeare = place('../../shared/data/tinyshakespeare/input.txt');
  const file = process.argv[2] ?? (existsSync(shakespeare) ? shakespeare : place('../ARCHITECTURE.md'));
  return readFileSync(file, 'utf8').split(/(?<=\n)/);
}

function place(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
