/** Where the bytes of a file come from, when they are not in memory, and reading ranges of them without trusting what comes. */
import { SafetensorsError } from './error.js';

/** How far a read or a write has come. */
export interface Progress {
  /** Bytes that have come, or gone, so far. */
  readonly loaded: number;
  /** Bytes in all. */
  readonly total: number;
}

/** What every read takes. */
export interface ReadOptions {
  /** Stops the read, which then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called as bytes come, for the last time when all of them are there. */
  readonly onProgress?: (progress: Progress) => void;
}

/** Bytes that are somewhere else: in a file, behind a URL, in a blob. */
export interface ByteSource {
  /** Bytes in all. */
  readonly size: number;
  /** What errors call it: a path, a URL. */
  readonly name?: string;
  /** The bytes from `from` up to, not including, `to`: all of them or an error. May call `onProgress` with the bytes of this range. */
  read(from: number, to: number, options?: ReadOptions): Promise<Uint8Array>;
  /** Frees what the source holds. Readers close the sources that they opened themselves, and no other. */
  close?(): Promise<void>;
}

/** The bytes of a range, neither more nor fewer; a source that gives something else is refused. */
export async function readExactly(source: ByteSource, from: number, to: number, options: ReadOptions = {}): Promise<Uint8Array> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const total = to - from;
  if (total === 0) return new Uint8Array(0);
  let told = 0;
  const tell = (progress: Progress): void => {
    told = progress.loaded;
    onProgress?.(progress);
  };
  const bytes = await source.read(from, to, { signal, onProgress: onProgress && tell });
  signal?.throwIfAborted();
  if (bytes.length !== total) {
    const expected = `${total} bytes from byte ${from} of the source`;
    throw new SafetensorsError({ file: source.name, expected, got: `${bytes.length} bytes`, hint: 'has the file changed?' });
  }
  if (told < total) onProgress?.({ loaded: total, total });
  return bytes;
}

/** Room for `length` bytes; an engine that cannot give as many is told as an error of the file, not as a RangeError from inside. */
export function allocate(length: number, file: string | undefined): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    const hint = 'read it tensor by tensor, or split it into shards';
    throw new SafetensorsError({ file, field: 'size', expected: 'bytes that fit into memory at once', got: `${length}`, hint }, { cause });
  }
}
