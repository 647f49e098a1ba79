/** Between the tensors of a file and the state of a model: storage types widen on the way in and are what they were on the way out. */
import type { DType } from '../dtype.js';
import type { TensorData } from '../tree.js';
import { concurrently } from './concurrently.js';
import { toBool, toFloat32, toInt32 } from './convert.js';
import type { NamedTensorRecord, TensorRecord } from './dtype.js';
import { SafetensorsError } from './error.js';
import type { TensorInfo } from './header.js';
import type { TensorReader } from './read.js';
import type { Progress } from './source.js';

/** Which tensors of a file become a state, and as what. */
export interface StateOptions {
  /** Keeps only the names that begin with it, and takes it off. */
  readonly prefix?: string;
  /** The dtype to give a tensor in place of the usual one: 'float32' for weights that are stored as I8 or U8. Called with the name in the file. */
  readonly dtype?: (name: string, info: TensorInfo) => DType | undefined;
  /** Stops the reading, which then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called as bytes come; `total` counts those of all tensors that are read. */
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * Every tensor of a file, or of a checkpoint in shards, as `loadStateDict` takes it: F32, F16 and BF16 as float32 (exactly), F64 as float64,
 * I64, I32, I16, I8, U8 and the other integers as int32, BOOL as bool. A few tensors are read at once.
 *
 * @throws SafetensorsError for an integer outside int32 (tensor, value and place are named), for a dtype that no typed array holds (F8, F4,
 * C64 …; nothing can compute with them here), and for what goes wrong while reading. An aborted signal throws its reason.
 * @example
 * loadStateDict(model, await stateOf(await openSafetensorsFile('model.safetensors')));
 */
export async function stateOf(file: TensorReader, options: StateOptions = {}): Promise<Map<string, TensorData>> {
  const { prefix = '', dtype, onProgress } = options;
  const names = file.names().filter((name) => name.startsWith(prefix));
  const infoOf = (name: string): TensorInfo => file.entries.get(name)!;
  const progress = progressOf(names.map(infoOf), onProgress);
  const state = await concurrently(names, options.signal, async (name, signal): Promise<[string, TensorData]> => {
    const record = await file.read(name, { signal, onProgress: progress?.() });
    return [name.slice(prefix.length), dataOf(record, dtype?.(name, infoOf(name)))];
  });
  return new Map(state);
}

/** Gives each tensor a progress of its own, and tells the sum of them. */
function progressOf(infos: readonly TensorInfo[], onProgress: StateOptions['onProgress']): (() => (one: Progress) => void) | undefined {
  if (!onProgress) return undefined;
  const total = infos.reduce((sum, { begin, end }) => sum + end - begin, 0);
  let loaded = 0;
  return () => {
    let before = 0;
    return (one) => {
      loaded += one.loaded - before;
      before = one.loaded;
      onProgress({ loaded, total });
    };
  };
}

function dataOf(record: NamedTensorRecord, asked: DType | undefined): TensorData {
  const { name, shape } = record;
  const dtype = asked ?? usualDtype(record.dtype);
  if (dtype === 'float32') return { dtype, shape, data: toFloat32(record) };
  if (dtype === 'float64') return { dtype, shape, data: record.dtype === 'F64' ? record.data : Float64Array.from(toFloat32(record)) };
  if (dtype === 'int32') return { dtype, shape, data: toInt32(record) };
  if (dtype === 'bool') return { dtype, shape, data: toBool(record) };
  throw new SafetensorsError({
    tensor: name,
    field: 'dtype',
    expected: 'float32, float64, int32 or bool to be asked for',
    got: String(dtype),
  });
}

function usualDtype(dtype: NamedTensorRecord['dtype']): DType {
  if (dtype === 'BOOL') return 'bool';
  if (dtype === 'F64') return 'float64';
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16' ? 'float32' : 'int32';
}

const dtypes = { float32: 'F32', float64: 'F64', int32: 'I32', bool: 'BOOL' } as const;

/**
 * What `readState` gives, as the writers of safetensors take it: float32 as F32, float64 as F64, int32 as I32, bool as BOOL.
 *
 * @example
 * await writeSafetensorsFile('model.safetensors', recordsOf(await readState(model)), { dtype: 'F16' });
 */
export function recordsOf(state: Iterable<readonly [string, TensorData]>): [string, TensorRecord][] {
  return [...state].map(([name, { dtype, shape, data }]) => [name, { dtype: dtypes[dtype], shape, data } as TensorRecord]);
}
