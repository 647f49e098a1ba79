/** Reading safetensors files from disk. Node only. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { SafetensorsError } from './error.js';
import { type ByteSource, openSafetensors, parseSafetensors, type SafetensorsFile, type SafetensorsReader } from './read.js';

// One read call takes at most 2^31 - 1 bytes; smaller steps let an abort through sooner.
const STEP_BYTES = 1 << 28;

/** An open file as a `ByteSource`; whoever opened it closes it. */
export interface FileSource extends ByteSource {
  readonly name: string;
  close(): Promise<void>;
}

/** A reader that holds its file open until it is closed. */
export interface SafetensorsFileReader extends SafetensorsReader {
  close(): Promise<void>;
}

/**
 * Opens a file as a source of bytes for `openSafetensors`; nothing is read yet.
 *
 * @throws SafetensorsError if there is no regular file at `path` or it cannot be opened; `cause` is the error of the file system.
 * @example
 * const source = await fileSource('model.safetensors');
 * const reader = await openSafetensors(source);
 * await source.close();
 */
export async function fileSource(path: string): Promise<FileSource> {
  // A look before opening: opening a named pipe would wait for its writer.
  const info = await orRefuse(path, 'open', () => stat(path));
  if (!info.isFile())
    throw new SafetensorsError({ file: path, field: 'open', expected: 'a file', got: 'something else, perhaps a folder' });
  const handle = await orRefuse(path, 'open', () => open(path, 'r'));
  return {
    name: path,
    size: info.size,
    read: (from, to, options) => readRange(handle, path, from, to, options?.signal),
    close: () => handle.close(),
  };
}

/**
 * Opens a safetensors file and reads its header; each tensor is read from the disk when it is asked for.
 *
 * @throws SafetensorsError if the file cannot be opened or breaks the format; then it is closed again.
 * @example
 * const reader = await openSafetensorsFile('model.safetensors');
 * const { dtype, shape, data } = await reader.read('linear.weight');
 * await reader.close();
 */
export async function openSafetensorsFile(path: string, options: { signal?: AbortSignal } = {}): Promise<SafetensorsFileReader> {
  const source = await fileSource(path);
  try {
    return { ...(await openSafetensors(source, options)), close: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/**
 * Reads a safetensors file whole, after its header has been checked against its size.
 *
 * @throws SafetensorsError if the file cannot be read or breaks the format.
 * @example
 * const file = await readSafetensorsFile('model.safetensors');
 * const weight = toFloat32(file.get('linear.weight'));
 */
export async function readSafetensorsFile(path: string, options: { signal?: AbortSignal } = {}): Promise<SafetensorsFile> {
  const source = await fileSource(path);
  try {
    await openSafetensors(source, options);
    return parseSafetensors(await source.read(0, source.size, options), { name: path });
  } finally {
    await source.close();
  }
}

async function readRange(handle: FileHandle, path: string, from: number, to: number, signal?: AbortSignal): Promise<Uint8Array> {
  const bytes = new Uint8Array(to - from);
  let done = 0;
  while (done < bytes.length) {
    signal?.throwIfAborted();
    const length = Math.min(STEP_BYTES, bytes.length - done);
    const { bytesRead } = await orRefuse(path, 'read', () => handle.read(bytes, done, length, from + done));
    if (bytesRead === 0) {
      const expected = `${bytes.length} bytes from byte ${from}`;
      throw new SafetensorsError({ file: path, field: 'read', expected, got: `${done} bytes`, hint: 'the file has become shorter' });
    }
    done += bytesRead;
  }
  return bytes;
}

async function orRefuse<T>(path: string, field: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new SafetensorsError({ file: path, field, expected: 'a file that can be read', got }, { cause });
  }
}
