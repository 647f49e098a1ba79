/**
 * Files that are whole or absent: the bytes go to a temporary in the same folder, which is synced and then renamed over its target.
 * Every step may fail, and then says which it was. Node only.
 */
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { SafetensorsError } from './error.js';
import { temporaryName } from './temporary-file.js';

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

/** What is to be written: its size and its bytes, part by part. */
export interface Content {
  readonly byteLength: number;
  parts(): Iterable<Uint8Array>;
}

/** How a write goes on and when it stops. */
export interface WriteOptions {
  readonly fs: WriteFileSystem;
  readonly signal?: AbortSignal;
  /** Called with the bytes of each step. */
  readonly onBytes?: (count: number) => void;
}

// One write call takes at most 2^31 - 1 bytes; smaller steps let an abort through sooner.
const STEP_BYTES = 1 << 26;

const UNTOUCHED = 'what was there before is untouched';

/** Writes and syncs a temporary for `path` and gives its name; if any of it fails, the temporary is gone again. */
export async function writeTemporary(path: string, content: Content, options: WriteOptions): Promise<string> {
  const { fs } = options;
  const temporary = join(dirname(path), temporaryName(basename(path), process.pid, randomBytes(4).toString('hex')));
  const handle = await step(path, 'open', async () => fs.open(temporary, 'wx', await modeOf(path, fs)));
  try {
    try {
      for (const part of content.parts()) await writeFully(handle, part, path, options);
      await step(path, 'sync', () => handle.sync());
    } catch (error) {
      await handle.close().catch(ignore);
      throw error;
    }
    await step(path, 'close', () => handle.close());
  } catch (error) {
    await discard([temporary], fs);
    throw error;
  }
  return temporary;
}

/** Removes temporaries that are not needed any more, as far as that is possible. */
export async function discard(temporaries: Iterable<string>, fs: WriteFileSystem): Promise<void> {
  for (const temporary of temporaries) await fs.unlink(temporary).catch(ignore);
}

async function writeFully(handle: WriteHandle, bytes: Uint8Array, path: string, { signal, onBytes }: WriteOptions): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    signal?.throwIfAborted();
    const length = Math.min(STEP_BYTES, bytes.length - done);
    const { bytesWritten } = await step(path, 'write', () => handle.write(bytes, done, length));
    if (bytesWritten === 0) {
      throw new SafetensorsError({ file: path, field: 'write', expected: `${length} bytes written`, got: '0', hint: UNTOUCHED });
    }
    done += bytesWritten;
    onBytes?.(bytesWritten);
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

/** Makes the renames in `folder` survive a power failure, where the system can sync a folder at all. */
export async function syncFolder(folder: string, path: string, fs: WriteFileSystem): Promise<void> {
  const sync = async (): Promise<void> => {
    let handle: WriteHandle | undefined;
    try {
      handle = await fs.open(folder, 'r');
      await handle.sync();
    } catch (error) {
      if (!['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'ENOSYS'].includes(codeOf(error))) throw error;
    } finally {
      await handle?.close().catch(ignore);
    }
  };
  await step(path, 'sync of the folder', sync, 'the new file is in place, but a power failure could undo that');
}

/** Runs one step; an error of the file system becomes a `SafetensorsError` that names the step. */
export async function step<T>(path: string, field: string, act: () => Promise<T>, hint = UNTOUCHED): Promise<T> {
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

/** The code of an error of the file system, such as ENOENT; empty for any other. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function ignore(): void {}
