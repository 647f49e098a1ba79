/**
 * Writing safetensors files so that a crash at any moment leaves the old file or the new one, each whole: the bytes go to a temporary
 * file in the same folder, the temporary is synced, renamed over the target, and the folder is synced. Node only.
 */
import { randomBytes } from 'node:crypto';
import * as nodeFs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SafetensorsError } from './error.js';
import { removeStaleTemporaries, temporaryName } from './temporary-file.js';
import type { TensorsToWrite } from './piece.js';
import { layOut, type SafetensorsLayout, type SerializeOptions } from './write.js';

/** What of a file handle a write needs. */
export interface WriteHandle {
  write(bytes: Uint8Array, offset: number, length: number): Promise<{ bytesWritten: number }>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What of `node:fs/promises` a write needs; a test gives its own to inject faults. */
export interface WriteFileSystem {
  open(path: string, flags: string, mode?: number): Promise<WriteHandle>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  readdir(path: string): Promise<string[]>;
  stat(path: string): Promise<{ mode: number; mtimeMs: number }>;
}

export interface WriteFileOptions extends SerializeOptions {
  /** Aborts the write; the old file stays and the temporary is removed. */
  readonly signal?: AbortSignal;
  /** In place of `node:fs/promises`. */
  readonly fs?: WriteFileSystem;
}

// One write call takes at most 2^31 - 1 bytes; smaller steps let an abort through sooner.
const STEP_BYTES = 1 << 26;

const UNTOUCHED = 'what was there before is untouched';

/**
 * Writes tensors to a safetensors file, atomically: afterwards, whatever happened, `path` holds the old file or the new one, whole.
 *
 * The bytes are those of `serializeSafetensors`, written tensor by tensor without building the file in memory; the arrays must not change
 * until the promise settles. A symbolic link at `path` is replaced, not followed. Temporaries of the same target that a killed process
 * left behind are removed.
 *
 * @throws SafetensorsError if a tensor is wrong (before anything is written) or if the file system fails (`field` is the step,
 * `cause` its error); the temporary is removed and the old file untouched. Only if syncing the folder fails is the new file already
 * in place; the message says so. An aborted signal throws its reason.
 * @example
 * await writeSafetensorsFile('model.safetensors', { w: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } }, { dtype: 'BF16' });
 */
export async function writeSafetensorsFile(path: string, tensors: TensorsToWrite, options: WriteFileOptions = {}): Promise<void> {
  const { signal, fs = nodeFs } = options;
  const layout = layOut(tensors, options);
  signal?.throwIfAborted();
  await removeStaleTemporaries(path, fs);
  const temporary = join(dirname(path), temporaryName(basename(path), process.pid, randomBytes(4).toString('hex')));
  await writeTemporary(temporary, layout, path, { signal, fs });
  try {
    signal?.throwIfAborted();
    await step(path, 'rename', () => fs.rename(temporary, path));
  } catch (error) {
    await fs.unlink(temporary).catch(ignore);
    throw error;
  }
  await step(
    path,
    'sync of the folder',
    () => syncFolder(dirname(path), fs),
    'the new file is in place, but a power failure could undo that',
  );
}

/** Creates, fills, syncs and closes the temporary; if any of it fails, the temporary is gone again. */
async function writeTemporary(
  temporary: string,
  layout: SafetensorsLayout,
  path: string,
  { signal, fs }: { signal: AbortSignal | undefined; fs: WriteFileSystem },
): Promise<void> {
  const handle = await step(path, 'open', async () => fs.open(temporary, 'wx', await modeOf(path, fs)));
  try {
    try {
      for (const part of layout.parts()) await writeFully(handle, part, path, signal);
      await step(path, 'sync', () => handle.sync());
    } catch (error) {
      await handle.close().catch(ignore);
      throw error;
    }
    await step(path, 'close', () => handle.close());
  } catch (error) {
    await fs.unlink(temporary).catch(ignore);
    throw error;
  }
}

async function writeFully(handle: WriteHandle, bytes: Uint8Array, path: string, signal: AbortSignal | undefined): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    signal?.throwIfAborted();
    const length = Math.min(STEP_BYTES, bytes.length - done);
    const { bytesWritten } = await step(path, 'write', () => handle.write(bytes, done, length));
    if (bytesWritten === 0) {
      throw new SafetensorsError({ file: path, field: 'write', expected: `${length} bytes written`, got: '0', hint: UNTOUCHED });
    }
    done += bytesWritten;
  }
}

/** The permissions of the file that is about to be replaced, so that a private file stays private. */
async function modeOf(path: string, fs: WriteFileSystem): Promise<number> {
  try {
    return (await fs.stat(path)).mode & 0o777;
  } catch {
    return 0o666;
  }
}

/** Makes a rename in `folder` survive a power failure, where the system can sync a folder at all. */
async function syncFolder(folder: string, fs: WriteFileSystem): Promise<void> {
  let handle: WriteHandle | undefined;
  try {
    handle = await fs.open(folder, 'r');
    await handle.sync();
  } catch (error) {
    if (!['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'ENOSYS'].includes(codeOf(error))) throw error;
  } finally {
    await handle?.close().catch(ignore);
  }
}

/** Runs one step; an error of the file system becomes a `SafetensorsError` that names the step. */
async function step<T>(path: string, field: string, act: () => Promise<T>, hint = UNTOUCHED): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof SafetensorsError || codeOf(cause) === '') throw cause;
    throw new SafetensorsError(
      { file: path, field, expected: 'a file that can be written', got: (cause as Error).message, hint },
      { cause },
    );
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function ignore(): void {}
