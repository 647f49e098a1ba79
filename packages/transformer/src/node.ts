import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readState } from '@multihead/tensor';
import { recordsOf, SafetensorsError } from '@multihead/tensor/safetensors';
import { fileSource, writeSafetensorsFolder } from '@multihead/tensor/safetensors/node';
import { type Checkpoint, CheckpointError } from './loading/checkpoint.js';
import { configJsonOf, type SavableModel } from './loading/save.js';

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

export interface SaveOptions {
  /** How weights are stored; float32 if left out. */
  dtype?: 'float32' | 'float16' | 'bfloat16';
  /** Files of more bytes are split; 5 GB if left out. */
  maxShardBytes?: number;
  signal?: AbortSignal;
  /** Called as bytes of weights are written. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
}

const stored = { float32: undefined, float16: 'F16', bfloat16: 'BF16' } as const;

/**
 * Writes `model` into a folder, as transformers does: config.json and model.safetensors, or shards of it. Python's `from_pretrained` and `load`
 * read it. Each file is whole or not there, whatever happens; the weights come last.
 *
 * @throws ValueError for a model whose config was not read by its class, SafetensorsError where the file system fails; an aborted signal throws
 * its reason.
 * @example
 * await save(model, './fine-tuned', { dtype: 'bfloat16' });
 */
export async function save(model: SavableModel, path: string, options: SaveOptions = {}): Promise<void> {
  const { dtype = 'float32', maxShardBytes = 5e9, signal, onProgress } = options;
  signal?.throwIfAborted();
  const config = configJsonOf(model, dtype);
  const records = recordsOf(await readState(model));
  signal?.throwIfAborted();
  await mkdir(path, { recursive: true });
  await writeText(join(path, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  await writeSafetensorsFolder(path, records, { dtype: stored[dtype], maxShardBytes, metadata: { format: 'pt' }, signal, onProgress });
}

/** A text file, whole or not at all. */
async function writeText(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, text, { flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
