/** Reading a checkpoint from a folder, whether it lies there as one file or in shards. Node only. */
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SafetensorsError } from './error.js';
import { fileSource, openSafetensorsFile } from './file-source.js';
import { MAX_HEADER_BYTES } from './header.js';
import type { TensorReader } from './read.js';
import { indexName, singleName } from './shard-name.js';
import { openShardedSafetensors, type ShardedSafetensorsReader } from './sharded.js';
import { readExactly } from './source.js';

/** A checkpoint that holds its files open until it is closed. */
export interface SafetensorsFolderReader extends TensorReader {
  /** Closes all files; what is read afterwards throws. */
  close(): Promise<void>;
}

/** What the files of a checkpoint are called. */
export interface FolderOptions {
  /** The beginning of their names: `model` if left out, as transformers has it. */
  readonly name?: string;
  /** Stops the work, which then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Opens the checkpoint of a folder: `model.safetensors`, or where that is missing the shards of `model.safetensors.index.json`, as
 * transformers looks for them. Headers are read now, each tensor when it is asked for; nothing outside the folder is opened.
 *
 * @throws SafetensorsError if neither is there, and whatever `openSafetensorsFile` and `openShardedSafetensors` throw.
 * @example
 * const checkpoint = await openSafetensorsFolder('llama');
 * loadStateDict(model, await stateOf(checkpoint));
 * await checkpoint.close();
 */
export async function openSafetensorsFolder(folder: string, options: FolderOptions = {}): Promise<SafetensorsFolderReader> {
  const { name = 'model', signal } = options;
  const single = join(folder, singleName(name));
  if (await isThere(single)) return openSafetensorsFile(single, { signal });
  const index = join(folder, indexName(name));
  if (await isThere(index)) return openShardedSafetensorsFile(index, { signal });
  const expected = `${singleName(name)} or ${indexName(name)}`;
  throw new SafetensorsError({ file: folder, field: 'open', expected, got: 'neither' });
}

/**
 * Opens a checkpoint in shards by the path of its index; the shards lie in the same folder.
 *
 * @throws SafetensorsError if a file cannot be read, and whatever `openShardedSafetensors` throws; then all files are closed again.
 * @example
 * const checkpoint = await openShardedSafetensorsFile('llama/model.safetensors.index.json');
 * const { dtype, shape, data } = await checkpoint.read('lm_head.weight');
 * await checkpoint.close();
 */
export async function openShardedSafetensorsFile(
  indexPath: string,
  options: { signal?: AbortSignal } = {},
): Promise<ShardedSafetensorsReader> {
  const index = await readIndex(indexPath, options.signal);
  return openShardedSafetensors(index, (shard) => fileSource(join(dirname(indexPath), shard)), { name: indexPath, signal: options.signal });
}

async function readIndex(path: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const source = await fileSource(path);
  try {
    if (source.size > MAX_HEADER_BYTES) {
      const expected = `at most ${MAX_HEADER_BYTES} bytes`;
      throw new SafetensorsError({ file: path, field: 'index', expected, got: String(source.size) });
    }
    return await readExactly(source, 0, source.size, { signal });
  } finally {
    await source.close();
  }
}

/** Whether something is at `path`; where that cannot be found out, yes: opening it will tell why. */
async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: { code?: string }) => error.code !== 'ENOENT',
  );
}
