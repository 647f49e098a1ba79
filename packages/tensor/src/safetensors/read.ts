import { arrayClasses, type HeldDtype, isHeldDtype, type NamedTensorRecord } from './dtype.js';
import { quote, SafetensorsError } from './error.js';
import { LENGTH_BYTES, parseHeader, readHeaderLength, type SafetensorsHeader, type TensorInfo } from './header.js';
import { type ByteSource, type ReadOptions, readExactly } from './source.js';

/** Tensors that are read when they are asked for, from one file or from several. */
export interface TensorReader {
  /** What is known of every tensor, by name, before any of them is read. */
  readonly entries: ReadonlyMap<string, TensorInfo>;
  /** The free text of `__metadata__`; empty if there is none. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The names of all tensors, in the order of the header or index. */
  names(): string[];
  /** Reads one tensor; throws `SafetensorsError` for a name that is not there and for a dtype that no typed array holds. */
  read(name: string, options?: ReadOptions): Promise<NamedTensorRecord>;
  /** Reads the bytes of one tensor, whatever its dtype. */
  readBytes(name: string, options?: ReadOptions): Promise<Uint8Array>;
}

/** A safetensors file of which the header has been read; tensors are read when asked for. */
export interface SafetensorsReader extends TensorReader, SafetensorsHeader {}

/** A safetensors file in memory: a reader that can also answer at once. */
export interface SafetensorsFile extends SafetensorsReader {
  /** One tensor, its `data` a view of the file's bytes where they are aligned to the element size, else a copy; throws as `read`. */
  get(name: string): NamedTensorRecord;
  /** A view of the bytes of one tensor, whatever its dtype. */
  bytes(name: string): Uint8Array;
}

/**
 * A safetensors file in memory, checked whole before the first tensor is handed out
 * (the format: https://github.com/huggingface/safetensors#format).
 *
 * Nothing is copied: tensors are views of `bytes` where their alignment allows, so changing one changes the other.
 *
 * @throws SafetensorsError if the file breaks the format in any way; the message names tensor, field, what was expected and what came.
 * @example
 * const bytes = serializeSafetensors({ 'linear.weight': { dtype: 'F16', shape: [1, 2], data: Uint16Array.of(0x3c00, 0xc000) } });
 * const file = parseSafetensors(bytes);
 * file.entries.get('linear.weight') // { dtype: 'F16', shape: [1, 2], begin: 0, end: 4 }
 * toFloat32(file.get('linear.weight')) // Float32Array [1, -2]
 */
export function parseSafetensors(bytes: Uint8Array | ArrayBuffer, options: { name?: string } = {}): SafetensorsFile {
  const file = options.name;
  const all = asBytes(bytes, file);
  const headerEnd = LENGTH_BYTES + readHeaderLength(all, all.length, file);
  const header = parseHeader(all.subarray(LENGTH_BYTES, headerEnd), all.length, file);
  const view = (name: string): Uint8Array => {
    const { begin, end } = find(header.entries, name, file);
    return all.subarray(header.dataStart + begin, header.dataStart + end);
  };
  const get = (name: string): NamedTensorRecord => hold(name, find(header.entries, name, file), view(name), file);
  return {
    ...header,
    names: () => [...header.entries.keys()],
    get,
    bytes: view,
    read: async (name, readOptions) => answer(get(name), view(name).length, readOptions),
    readBytes: async (name, readOptions) => answer(view(name), view(name).length, readOptions),
  };
}

/** What is in memory already, handed out as if it had been read. */
function answer<T>(value: T, total: number, { signal, onProgress }: ReadOptions = {}): T {
  signal?.throwIfAborted();
  if (total > 0) onProgress?.({ loaded: total, total });
  return value;
}

/**
 * A safetensors file of which only the header is read now; each tensor is read when it is asked for.
 *
 * @throws SafetensorsError if the header breaks the format or does not fit the size of the source, or if the source gives fewer bytes
 * than asked for; what the source throws, and the reason of an aborted signal, pass through.
 * @example
 * const reader = await openSafetensors({ size: blob.size, read: async (from, to) => new Uint8Array(await blob.slice(from, to).arrayBuffer()) });
 * const { dtype, shape, data } = await reader.read('linear.weight'); // reads this range of the blob, and no other
 */
export async function openSafetensors(source: ByteSource, options: { signal?: AbortSignal } = {}): Promise<SafetensorsReader> {
  const { size, name: file } = source;
  const { signal } = options;
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new SafetensorsError({ file, field: 'size', expected: 'the size of the source in bytes', got: String(size) });
  }
  const start = await readExactly(source, 0, Math.min(size, LENGTH_BYTES), { signal });
  const headerEnd = LENGTH_BYTES + readHeaderLength(start, size, file);
  const header = parseHeader(await readExactly(source, LENGTH_BYTES, headerEnd, { signal }), size, file);
  const readRange = async ({ begin, end }: TensorInfo, readOptions?: ReadOptions): Promise<Uint8Array> =>
    readExactly(source, header.dataStart + begin, header.dataStart + end, readOptions);
  return {
    ...header,
    names: () => [...header.entries.keys()],
    read: async (name, readOptions) => {
      const info = find(header.entries, name, file);
      requireHeld(name, info, file);
      return hold(name, info, await readRange(info, readOptions), file);
    },
    readBytes: async (name, readOptions) => readRange(find(header.entries, name, file), readOptions),
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

/** What is known of the tensor `name`; the error of a name that is not there tells some that are. */
export function find<T>(entries: ReadonlyMap<string, T>, name: string, file: string | undefined): T {
  const info = entries.get(name);
  if (info !== undefined) return info;
  const some = [...entries.keys()].slice(0, 5).map(quote).join(', ');
  const rest = entries.size > 5 ? ` and ${entries.size - 5} more` : '';
  const got = entries.size === 0 ? 'a file without tensors' : `a file with ${some}${rest}`;
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
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const data = new ArrayClass(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.length / size);
  return { name, dtype, shape: [...info.shape], data } as NamedTensorRecord;
}
