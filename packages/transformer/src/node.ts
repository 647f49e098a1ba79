import { access, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ByteSource, recordsOf, SafetensorsError } from '@multihead/tensor/safetensors';
import { fileSource, writeSafetensorsFolder } from '@multihead/tensor/safetensors/node';
import { type Checkpoint, CheckpointError, type CheckpointSource, checkpointOf } from './loading/checkpoint.js';
import type { ConfigJson } from './loading/config.js';
import { configJsonOf, type SavableModel } from './loading/save.js';
import { isMerged } from './lora/adapters.js';
import { type LoraFilesOptions, loraFiles } from './lora/files.js';
import { isHeadName } from './parts/modules.js';
import { storedState } from './parts/stand-in.js';

/**
 * A checkpoint in a folder of the file system.
 *
 * @example
 * const model = await load(GPT2LMHeadModel, folder('./gpt2'));
 */
export function folder(path: string): Checkpoint {
  return {
    name: path,
    open: async (file) => {
      if (file !== '' && !/[\\/]|^\.\.?$/.test(file)) return fileSource(join(path, file)).catch(nullIfMissing);
      throw new CheckpointError(`${path}: expected the plain name of a file, got ${JSON.stringify(file)}`);
    },
  };
}

function nullIfMissing(error: unknown): null {
  const { cause } = error as { cause?: { code?: string } };
  if (error instanceof SafetensorsError && cause?.code === 'ENOENT') return null;
  throw error;
}

/** Bytes that are copied at a time. */
const step = 1 << 24;

/**
 * A checkpoint whose files are kept in a folder: what is there is read from there, what is not is fetched whole, once. A file is in the folder
 * whole or not at all, so that an abort or a crash leaves nothing to be mistaken for it; that there is none is kept, too, under `.no_exist`, so that
 * nothing is asked for twice. Another revision wants another folder.
 *
 * @example
 * const model = await load(GPT2LMHeadModel, cached(hub('openai-community/gpt2'), './models/gpt2'));
 */
export function cached(checkpoint: Checkpoint, path: string): Checkpoint {
  const kept = folder(path);
  return {
    name: `${checkpoint.name} in ${path}`,
    open: async (file, options = {}) => {
      const here = await kept.open(file, options);
      if (here) return here;
      const absent = join(path, '.no_exist', file);
      if (await isFile(absent)) return null;
      const source = await checkpoint.open(file, options);
      if (!source) {
        await mkdir(join(path, '.no_exist'), { recursive: true });
        await writeFile(absent, '');
        return null;
      }
      try {
        await mkdir(path, { recursive: true });
        await copyWhole(source, join(path, file), options.signal);
      } finally {
        await source.close?.();
      }
      return kept.open(file, options);
    },
  };
}

function isFile(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function copyWhole(source: ByteSource, path: string, signal?: AbortSignal): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      for (let from = 0; from < source.size; from += step) {
        const bytes = await source.read(from, Math.min(source.size, from + step), { signal });
        await file.write(bytes, 0, bytes.length);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

export interface SaveOptions {
  /** How weights are stored; float32 if left out. */
  dtype?: 'float32' | 'float16' | 'bfloat16';
  /** Files of more bytes are split; 5 GB if left out. */
  maxShardBytes?: number;
  /** The checkpoint that the model came from: its tokenizer, its way to generate and to prepare inputs go with the model. */
  from?: CheckpointSource;
  signal?: AbortSignal;
  /** Called as bytes of weights are written. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
}

const stored = { float32: undefined, float16: 'F16', bfloat16: 'BF16' } as const;

/** What stands beside a model and does not change with its weights. */
const companions =
  `generation_config.json tokenizer.json tokenizer_config.json special_tokens_map.json added_tokens.json vocab.json vocab.txt
  merges.txt tokenizer.model spiece.model sentencepiece.bpe.model source.spm target.spm chat_template.jinja chat_template.json
  preprocessor_config.json processor_config.json`.split(/\s+/);

/**
 * Writes `model` into a folder, as transformers does: config.json and model.safetensors, or shards of it, and with `from` the files of the
 * tokenizer and the like. Python's `from_pretrained` and `load` read it. Each file is whole or not there, whatever happens; the weights come last.
 * Weights in few bits are written as the numbers that they stand for; adapters are left out, unless they are merged.
 *
 * @throws ValueError for a model whose config was not read by its class, SafetensorsError where the file system fails; an aborted signal throws
 * its reason.
 * @example
 * await save(model, './fine-tuned', { dtype: 'bfloat16', from: hub('openai-community/gpt2') });
 */
export async function save(model: SavableModel, path: string, options: SaveOptions = {}): Promise<void> {
  const { dtype = 'float32', maxShardBytes = 5e9, signal, onProgress } = options;
  signal?.throwIfAborted();
  const json = configJsonOf(model, dtype);
  const state = await storedState(model, isMerged(model));
  const config = withTie(json, [...state.keys()]);
  const records = recordsOf(state);
  signal?.throwIfAborted();
  await mkdir(path, { recursive: true });
  if (options.from) await copyCompanions(checkpointOf(options.from), path, signal);
  await writeWhole(join(path, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  await writeSafetensorsFolder(path, records, { dtype: stored[dtype], maxShardBytes, metadata: { format: 'pt' }, signal, onProgress });
}

async function copyCompanions(checkpoint: Checkpoint, path: string, signal?: AbortSignal): Promise<void> {
  for (const file of companions) {
    const source = await checkpoint.open(file, { signal });
    if (!source) continue;
    try {
      await copyWhole(source, join(path, file), signal);
    } finally {
      await source.close?.();
    }
  }
}

/** A head that is no longer the table of the embeddings has a name of its own, and Python would tie it all the same. */
function withTie(config: ConfigJson, names: readonly string[]): ConfigJson {
  const isApart = config.tie_word_embeddings === true && names.some((name) => isHeadName(name.replace(/\.weight$/, '')));
  // In T5 transformers 4 reads another thing from this key as well.
  return isApart && !('scale_decoder_outputs' in config) ? { ...config, tie_word_embeddings: false } : config;
}

export interface SaveLoraOptions extends LoraFilesOptions {
  signal?: AbortSignal;
}

/**
 * Writes an adapter of `model` into a folder, as PEFT does: adapter_config.json and adapter_model.safetensors, which `PeftModel.from_pretrained` and
 * `loadLora` read. Each file is whole or not there, whatever happens; the weights come last.
 *
 * @throws ValueError for a name that there is not, SafetensorsError where the file system fails; an aborted signal throws its reason.
 * @example
 * await saveLora(model, './shakespeare');
 */
export async function saveLora(model: object, path: string, options: SaveLoraOptions = {}): Promise<void> {
  const { signal, ...rest } = options;
  signal?.throwIfAborted();
  const files = await loraFiles(model, rest);
  signal?.throwIfAborted();
  await mkdir(path, { recursive: true });
  for (const [name, bytes] of files) await writeWhole(join(path, name), bytes);
}

/** A file, whole or not at all. */
async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await writeFile(temporary, content, { flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
