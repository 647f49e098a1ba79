/** Reading safetensors files from disk. Node only. */
import { open, stat } from 'node:fs/promises';
import { SafetensorsError } from './error.js';
import { openSafetensors, parseSafetensors, type SafetensorsFile, type SafetensorsReader } from './read.js';
import { allocate, type ByteSource, type ReadOptions, readExactly } from './source.js';

// One read call takes at most 2^31 - 1 bytes; smaller steps let an abort through sooner.
const STEP_BYTES = 1 << 26;

/** What of an open file a read needs; a `FileHandle` of `node:fs/promises` has it. */
export interface ReadHandle {
  stat(): Promise<{ readonly size: number; isFile(): boolean }>;
  read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
}

/** An open file as a `ByteSource`; whoever opened it closes it. */
export interface FileSource extends ByteSource {
  /** The path, where one is known. */
  readonly name?: string;
  /** Closes the file, unless it came as a handle: that is closed by whoever opened it. */
  close(): Promise<void>;
}

/** A reader that holds its file open until it is closed. */
export interface SafetensorsFileReader extends SafetensorsReader {
  /** Closes the file; what is read afterwards throws. */
  close(): Promise<void>;
}

/**
 * A file as a source of bytes for `openSafetensors`, by its path or an open handle; nothing is read yet.
 *
 * @throws SafetensorsError if there is no regular file or it cannot be opened; `cause` is the error of the file system.
 * @example
 * const source = await fileSource('model.safetensors');
 * const reader = await openSafetensors(source);
 * await source.close();
 */
export async function fileSource(file: string | ReadHandle): Promise<FileSource> {
  const path = typeof file === 'string' ? file : undefined;
  // A look before opening: opening a named pipe would wait for its writer.
  const info = await orRefuse(path, 'open', () => (typeof file === 'string' ? stat(file) : file.stat()));
  if (!info.isFile())
    throw new SafetensorsError({ file: path, field: 'open', expected: 'a file', got: 'something else, perhaps a folder' });
  const opened = typeof file === 'string' ? await orRefuse(path, 'open', () => open(file, 'r')) : undefined;
  const handle = opened ?? (file as ReadHandle);
  return {
    name: path,
    size: info.size,
    read: (from, to, options) => readRange(handle, path, from, to, options),
    close: async () => opened?.close(),
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
 * const weight = toFloat32(file.get('linear.weight')); // Float32Array
 */
export async function readSafetensorsFile(path: string, options: ReadOptions = {}): Promise<SafetensorsFile> {
  const source = await fileSource(path);
  try {
    await openSafetensors(source, { signal: options.signal });
    return parseSafetensors(await readExactly(source, 0, source.size, options), { name: path });
  } finally {
    await source.close();
  }
}

async function readRange(
  handle: ReadHandle,
  path: string | undefined,
  from: number,
  to: number,
  { signal, onProgress }: ReadOptions = {},
): Promise<Uint8Array> {
  const bytes = allocate(to - from, path);
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
    onProgress?.({ loaded: done, total: bytes.length });
  }
  return bytes;
}

async function orRefuse<T>(path: string | undefined, field: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new SafetensorsError({ file: path, field, expected: 'a file that can be read', got }, { cause });
  }
}
