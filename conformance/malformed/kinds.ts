import { config } from './config.js';
import type { Task } from './document.js';
import { safetensors } from './safetensors.js';
import { sentencepiece } from './sentencepiece.js';
import { shards } from './shards.js';
import { tokenizer } from './tokenizer.js';

/** A kind of hostile files, and the functions that have to withstand them. */
export interface Kind {
  /** What the file is called where it is read, if that matters. */
  readonly fileName?: string;
  /** By name: resolves if the file is accepted, with what of it is not as expected; rejects if it is refused. */
  readonly ways: Readonly<Record<string, (task: Task) => Promise<string[]>>>;
}

/** The kinds that the toolkit reads so far, by the names that the cases have for them. */
export const kinds: ReadonlyMap<string, Kind> = new Map([
  ['safetensors', safetensors],
  ['safetensors-index', shards],
  ['config', config],
  ['tokenizer', tokenizer],
  ['sentencepiece', sentencepiece],
]);
