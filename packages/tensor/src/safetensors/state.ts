import type { TensorData } from '../tree.js';
import { toBool, toFloat32, toInt32 } from './convert.js';
import type { NamedTensorRecord, TensorRecord } from './dtype.js';
import type { SafetensorsReader } from './read.js';

/**
 * Every tensor of a file as `loadStateDict` takes it: floats of any width as float32, integers as int32 (with a range check), BOOL as bool.
 * `prefix` keeps only the names that begin with it, and takes it off.
 *
 * @example
 * loadStateDict(model, await stateOf(await openSafetensorsFile('model.safetensors')));
 */
export async function stateOf(
  file: SafetensorsReader,
  options: { prefix?: string; signal?: AbortSignal } = {},
): Promise<Map<string, TensorData>> {
  const { prefix = '', signal } = options;
  const state = new Map<string, TensorData>();
  for (const name of file.names()) {
    if (name.startsWith(prefix)) state.set(name.slice(prefix.length), dataOf(await file.read(name, { signal })));
  }
  return state;
}

function dataOf(record: NamedTensorRecord): TensorData {
  const { dtype, shape } = record;
  if (dtype === 'BOOL') return { dtype: 'bool', shape, data: toBool(record) };
  if (dtype.startsWith('F') || dtype === 'BF16') return { dtype: 'float32', shape, data: toFloat32(record) };
  return { dtype: 'int32', shape, data: toInt32(record) };
}

const dtypes = { float32: 'F32', float64: 'F64', int32: 'I32', bool: 'BOOL' } as const;

/**
 * What `readState` gives, as the writers of safetensors take it.
 *
 * @example
 * await writeSafetensorsFile('model.safetensors', recordsOf(await readState(model)), { dtype: 'F16' });
 */
export function recordsOf(state: Iterable<readonly [string, TensorData]>): [string, TensorRecord][] {
  return [...state].map(([name, { dtype, shape, data }]) => [name, { dtype: dtypes[dtype], shape, data } as TensorRecord]);
}
