import { arrayClasses, type HeldDtype, isHeldDtype, type NamedTensorRecord } from './dtype.js';
import { quote, SafetensorsError } from './error.js';
import { LENGTH_BYTES, parseHeader, readHeaderLength, type SafetensorsHeader, type TensorInfo } from './header.js';

/** Bytes that are somewhere else: a file handle, HTTP ranges, a blob. */
export interface ByteSource {
  /** Bytes in all. */
  readonly size: number;
  /** What errors call it: a path, a URL. */
  readonly name?: string;
  /** The bytes from `from` up to, not including, `to`: all of them or an error. */
  read(from: number, to: number, options?: { signal?: AbortSignal }): Promise<Uint8Array>;
}

/** A safetensors file of which the header has been read; tensors are read when asked for. */
export interface SafetensorsReader extends SafetensorsHeader {
  /** The names of all tensors, in the order of the header. */
  names(): string[];
  /** Reads one tensor; throws `SafetensorsError` for a name that is not there and for a dtype that no typed array holds. */
  read(name: string, options?: { signal?: AbortSignal }): Promise<NamedTensorRecord>;
  /** Reads the bytes of one tensor, whatever its dtype. */
  readBytes(name: string, options?: { signal?: AbortSignal }): Promise<Uint8Array>;
}

/** A safetensors file in memory: a reader that can also answer at once. */
export interface SafetensorsFile extends SafetensorsReader {
  /** One tensor, its `data` a view of the file's bytes where they are aligned to the element size, else a copy; throws as `read`. */
  get(name: string): NamedTensorRecord;
  /** A view of the bytes of one tensor, whatever its dtype. */
  bytes(name: string): Uint8Array;
}

/**
 * A safetensors file in memory, checked whole before the first tensor is handed out.
 *
 * Nothing is copied: tensors are views of `bytes` where their alignment allows, so changing one changes the other.
 *
 * @throws SafetensorsError if the file breaks the format in any way; the message names tensor, field, what was expected and what came.
 * @example
 * const file = parseSafetensors(new Uint8Array(await (await fetch('model.safetensors')).arrayBuffer()));
 * for (const name of file.names()) console.log(name, file.entries.get(name)!.shape);
 * const weight = toFloat32(file.get('linear.weight')); // Float32Array
 */
export function parseSafetensors(bytes: Uint8Array | ArrayBuffer, options: { name?: string } = {}): SafetensorsFile {
  const file = options.name;
  const all = asBytes(bytes, file);
  const headerEnd = LENGTH_BYTES + readHeaderLength(all, all.length, file);
  const header = parseHeader(all.subarray(LENGTH_BYTES, headerEnd), all.length, file);
  const view = (name: string): Uint8Array => {
    const { begin, end } = find(header, name, file);
    return all.subarray(header.dataStart + begin, header.dataStart + end);
  };
  const get = (name: string): NamedTensorRecord => hold(name, find(header, name, file), view(name), file);
  return {
    ...header,
    names: () => [...header.entries.keys()],
    get,
    bytes: view,
    read: async (name, options) => {
      options?.signal?.throwIfAborted();
      return get(name);
    },
    readBytes: async (name, options) => {
      options?.signal?.throwIfAborted();
      return view(name);
    },
  };
}

/**
 * A safetensors file of which only the header is read now; each tensor is read when it is asked for.
 *
 * @throws SafetensorsError if the header breaks the format or does not fit the size of the source, or if the source gives fewer bytes
 * than asked for; what the source throws, and the reason of an aborted signal, pass through.
 * @example
 * const reader = await openSafetensors({ size: blob.size, read: async (from, to) => new Uint8Array(await blob.slice(from, to).arrayBuffer()) });
 * const { dtype, shape, data } = await reader.read('linear.weight');
 */
export async function openSafetensors(source: ByteSource, options: { signal?: AbortSignal } = {}): Promise<SafetensorsReader> {
  const { size, name: file } = source;
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new SafetensorsError({ file, field: 'size', expected: 'the size of the source in bytes', got: String(size) });
  }
  const start = await readExactly(source, 0, Math.min(size, LENGTH_BYTES), options);
  const headerEnd = LENGTH_BYTES + readHeaderLength(start, size, file);
  const header = parseHeader(await readExactly(source, LENGTH_BYTES, headerEnd, options), size, file);
  const readBytes: SafetensorsReader['readBytes'] = async (name, readOptions = {}) => {
    const { begin, end } = find(header, name, file);
    return readExactly(source, header.dataStart + begin, header.dataStart + end, readOptions);
  };
  return {
    ...header,
    names: () => [...header.entries.keys()],
    read: async (name, readOptions) => {
      const info = find(header, name, file);
      requireHeld(name, info, file);
      return hold(name, info, await readBytes(name, readOptions), file);
    },
    readBytes,
  };
}

function asBytes(bytes: Uint8Array | ArrayBuffer, file: string | undefined): Uint8Array {
  if (ArrayBuffer.isView(bytes)) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (typeof bytes === 'object' && bytes !== null && typeof bytes.byteLength === 'number') return new Uint8Array(bytes);
  throw new SafetensorsError({
    file,
    expected: 'the bytes of a file as Uint8Array or ArrayBuffer',
    got: bytes === null ? 'null' : typeof bytes,
  });
}

async function readExactly(source: ByteSource, from: number, to: number, options: { signal?: AbortSignal }): Promise<Uint8Array> {
  options.signal?.throwIfAborted();
  if (from === to) return new Uint8Array(0);
  const bytes = await source.read(from, to, options);
  options.signal?.throwIfAborted();
  if (bytes.length !== to - from) {
    const expected = `${to - from} bytes from byte ${from} of the source`;
    throw new SafetensorsError({ file: source.name, expected, got: `${bytes.length} bytes`, hint: 'has the file changed?' });
  }
  return bytes;
}

function find(header: SafetensorsHeader, name: string, file: string | undefined): TensorInfo {
  const info = header.entries.get(name);
  if (info !== undefined) return info;
  const names = [...header.entries.keys()];
  const some = names.slice(0, 5).map(quote).join(', ');
  const got =
    names.length === 0 ? 'a file without tensors' : `a file with ${some}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
  throw new SafetensorsError({ file, tensor: name, expected: 'a tensor of this name', got });
}

function requireHeld(tensor: string, info: TensorInfo, file: string | undefined): HeldDtype {
  if (isHeldDtype(info.dtype)) return info.dtype;
  const expected = `a dtype that a typed array holds (${Object.keys(arrayClasses).join(' ')})`;
  throw new SafetensorsError({ file, tensor, field: 'dtype', expected, got: info.dtype, hint: 'readBytes reads its bytes' });
}

/** The bytes of a tensor as the typed array of its dtype: a view where they are aligned, else a copy. */
function hold(name: string, info: TensorInfo, bytes: Uint8Array, file: string | undefined): NamedTensorRecord {
  const dtype = requireHeld(name, info, file);
  const ArrayClass = arrayClasses[dtype];
  const size = ArrayClass.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  const data = new ArrayClass(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.length / size);
  return { name, dtype, shape: [...info.shape], data } as NamedTensorRecord;
}
