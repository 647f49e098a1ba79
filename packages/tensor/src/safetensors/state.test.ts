import { expect, test } from 'vitest';
import type { TensorRecord } from './dtype.js';
import { SafetensorsError } from './error.js';
import { handMadeFile } from './hand-made-file.js';
import { openSafetensors, parseSafetensors } from './read.js';
import type { ByteSource, Progress } from './source.js';
import { recordsOf, stateOf } from './state.js';
import { serializeSafetensors } from './write.js';

const records: Record<string, TensorRecord> = {
  f64: { dtype: 'F64', shape: [1], data: Float64Array.of(Math.PI) },
  f32: { dtype: 'F32', shape: [2], data: Float32Array.of(1.5, -2) },
  f16: { dtype: 'F16', shape: [1], data: Uint16Array.of(0x3e00) },
  bf16: { dtype: 'BF16', shape: [1], data: Uint16Array.of(0x3fc0) },
  i64: { dtype: 'I64', shape: [1, 2], data: BigInt64Array.of(-1n, 2147483647n) },
  u32: { dtype: 'U32', shape: [1], data: Uint32Array.of(7) },
  i32: { dtype: 'I32', shape: [1], data: Int32Array.of(-3) },
  i16: { dtype: 'I16', shape: [1], data: Int16Array.of(-4) },
  i8: { dtype: 'I8', shape: [1], data: Int8Array.of(-5) },
  u8: { dtype: 'U8', shape: [], data: Uint8Array.of(200) },
  bool: { dtype: 'BOOL', shape: [3], data: Uint8Array.of(0, 1, 9) },
};
const bytes = serializeSafetensors(records);
const source = (read: ByteSource['read'] = async (from, to) => bytes.slice(from, to)): ByteSource => ({ size: bytes.length, read });

test('every dtype that a typed array holds becomes one that tensors compute with', async () => {
  for (const file of [parseSafetensors(bytes), await openSafetensors(source())]) {
    const state = await stateOf(file);
    expect(Object.fromEntries(state)).toEqual({
      f64: { dtype: 'float64', shape: [1], data: Float64Array.of(Math.PI) },
      f32: { dtype: 'float32', shape: [2], data: Float32Array.of(1.5, -2) },
      f16: { dtype: 'float32', shape: [1], data: Float32Array.of(1.5) },
      bf16: { dtype: 'float32', shape: [1], data: Float32Array.of(1.5) },
      i64: { dtype: 'int32', shape: [1, 2], data: Int32Array.of(-1, 2147483647) },
      u32: { dtype: 'int32', shape: [1], data: Int32Array.of(7) },
      i32: { dtype: 'int32', shape: [1], data: Int32Array.of(-3) },
      i16: { dtype: 'int32', shape: [1], data: Int32Array.of(-4) },
      i8: { dtype: 'int32', shape: [1], data: Int32Array.of(-5) },
      u8: { dtype: 'int32', shape: [], data: Int32Array.of(200) },
      bool: { dtype: 'bool', shape: [3], data: Uint8Array.of(0, 1, 1) },
    });
    expect([...state.keys()]).toEqual(file.names());
  }
});

test('a prefix chooses and is taken off, also from the name __proto__', async () => {
  const file = parseSafetensors(serializeSafetensors([['model.__proto__', records.f32], ['optimizer.m', records.i32]])); // biome-ignore format: one row
  expect([...(await stateOf(file, { prefix: 'model.' }))]).toEqual([['__proto__', expect.objectContaining({ dtype: 'float32' })]]);
});

test('another dtype can be asked for, tensor by tensor', async () => {
  const state = await stateOf(parseSafetensors(bytes), {
    dtype: (name, { dtype }) => (name === 'f32' ? 'float64' : dtype === 'I8' || dtype === 'U8' || dtype === 'BOOL' ? 'float32' : undefined),
  });
  expect(state.get('i8')).toEqual({ dtype: 'float32', shape: [1], data: Float32Array.of(-5) });
  expect(state.get('bool')).toEqual({ dtype: 'float32', shape: [3], data: Float32Array.of(0, 1, 1) });
  expect(state.get('f32')).toEqual({ dtype: 'float64', shape: [2], data: Float64Array.of(1.5, -2) });
  expect(state.get('i16')!.dtype).toBe('int32');
  await expect(stateOf(parseSafetensors(bytes), { dtype: () => 'int32' })).rejects.toThrow(
    'tensor "f64", dtype: expected an integer dtype',
  );
  await expect(stateOf(parseSafetensors(bytes), { dtype: () => 'F32' as 'float32' })).rejects.toThrow('expected float32, float64, int32');
});

test('floats that were narrowed to I8 come back as the floats that they were', async () => {
  const weight = { dtype: 'float32', shape: [3], data: Float32Array.of(-128, 0, 127) } as const;
  const file = parseSafetensors(serializeSafetensors(recordsOf([['w', weight]]), { dtype: 'I8' }));
  expect(file.entries.get('w')!.dtype).toBe('I8');
  expect((await stateOf(file, { dtype: () => 'float32' })).get('w')).toEqual(weight);
});

test('an integer outside int32 is refused by tensor, value and place; a dtype without values by its name', async () => {
  const far: TensorRecord = { dtype: 'I64', shape: [2, 2], data: BigInt64Array.of(0n, 1n, 2n ** 40n, 3n) };
  await expect(stateOf(parseSafetensors(serializeSafetensors({ ids: far })))).rejects.toThrow(
    'tensor "ids", dtype: expected values within int32, -2147483648 to 2147483647, got 1099511627776 at index [1,0]',
  );
  const f8 = parseSafetensors(handMadeFile('{"q":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}', 4));
  await expect(stateOf(f8)).rejects.toThrow('tensor "q", dtype: expected a dtype that a typed array holds');
});

test('progress counts the bytes of the tensors that are read, up to all of them', async () => {
  const total = bytes.length - parseSafetensors(bytes).dataStart;
  for (const file of [parseSafetensors(bytes), await openSafetensors(source())]) {
    const told: Progress[] = [];
    await stateOf(file, { onProgress: (progress) => told.push(progress) });
    expect(told.map(({ loaded }) => loaded)).toEqual(told.map(({ loaded }) => loaded).sort((a, b) => a - b));
    expect(told.at(-1)).toEqual({ loaded: total, total });
    expect(told.length).toBe(Object.keys(records).length);
  }
});

test('a few tensors are read at once; the first failure stops the rest and is thrown when all have ended', async () => {
  let running = 0;
  let most = 0;
  let started = 0;
  const fault = new Error('the third is broken');
  const slow = source(async (from, to, options) => {
    if (from < parseSafetensors(bytes).dataStart) return bytes.slice(from, to);
    most = Math.max(most, ++running);
    const mine = ++started;
    await new Promise((resolve) => setTimeout(resolve, 5));
    running--;
    if (mine === 3) throw fault;
    if (mine > 3) expect(options?.signal?.aborted).toBe(true);
    return bytes.slice(from, to);
  });
  await expect(stateOf(await openSafetensors(slow))).rejects.toBe(fault);
  expect([most, running]).toEqual([4, 0]);
  expect(started).toBeLessThan(Object.keys(records).length);
});

test('an aborted signal throws its reason', async () => {
  const reason = new Error('enough');
  await expect(stateOf(parseSafetensors(bytes), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const controller = new AbortController();
  const reader = await openSafetensors(source());
  const reading = stateOf(reader, { signal: controller.signal, onProgress: () => controller.abort(reason) });
  await expect(reading).rejects.toBe(reason);
  await expect(reading).rejects.not.toBeInstanceOf(SafetensorsError);
});
