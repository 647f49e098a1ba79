/** Writing a safetensors file so that a crash at any moment leaves the old file or the new one, each whole. Node only. */
import * as nodeFs from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { discard, step, syncFolder, type WriteFileSystem, writeTemporary } from './atomic-file.js';
import type { TensorsToWrite } from './piece.js';
import type { Progress } from './source.js';
import { removeStaleTemporaries } from './temporary-file.js';
import { layOut, type SerializeOptions } from './write.js';

/** How a file is written. */
export interface WriteFileOptions extends SerializeOptions {
  /** Aborts the write; the old file stays and the temporary is removed. */
  readonly signal?: AbortSignal;
  /** Called as bytes are written, header included. */
  readonly onProgress?: (progress: Progress) => void;
  /** In place of `node:fs/promises`. */
  readonly fs?: WriteFileSystem;
}

/**
 * Writes tensors to a safetensors file, atomically: afterwards, whatever happened, `path` holds the old file or the new one, whole.
 *
 * The bytes are those of `serializeSafetensors`, written tensor by tensor without building the file in memory; the arrays must not change
 * until the promise settles. A symbolic link at `path` is replaced, not followed. Temporaries of the same target that a killed process
 * left behind are removed.
 *
 * @throws SafetensorsError if a tensor is wrong (all but values that do not fit an integer dtype are found before anything is written)
 * or if the file system fails (`field` is the step, `cause` its error); the temporary is removed and the old file untouched. Only if
 * syncing the folder fails is the new file already in place; the message says so. An aborted signal throws its reason.
 * @example
 * await writeSafetensorsFile('model.safetensors', { w: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } }, { dtype: 'BF16' });
 */
export async function writeSafetensorsFile(path: string, tensors: TensorsToWrite, options: WriteFileOptions = {}): Promise<void> {
  const { signal, onProgress, fs = nodeFs } = options;
  const layout = layOut(tensors, options);
  signal?.throwIfAborted();
  const base = basename(path);
  await removeStaleTemporaries(dirname(path), (name) => name === base, fs);
  const total = layout.byteLength;
  let loaded = 0;
  const onBytes = (count: number): void => {
    loaded += count;
    onProgress?.({ loaded, total });
  };
  const temporary = await writeTemporary(path, layout, { fs, signal, onBytes });
  try {
    signal?.throwIfAborted();
    await step(path, 'rename', () => fs.rename(temporary, path));
  } catch (error) {
    await discard([temporary], fs);
    throw error;
  }
  await syncFolder(dirname(path), path, fs);
}
