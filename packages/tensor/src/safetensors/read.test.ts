import { describe, expect, test } from 'vitest';
import { SafetensorsError } from './error.js';
import { handMadeFile } from './hand-made-file.js';
import { openSafetensors, parseSafetensors } from './read.js';
import type { ByteSource } from './source.js';

/** One tensor "w" of four elements over bytes 0, 1, 2, …, its data starting at a multiple of eight bytes plus `shift`. */
function fileOf(dtype: string, elementBytes: number, shift = 0): Uint8Array {
  const json = `{"w":{"dtype":"${dtype}","shape":[4],"data_offsets":[0,${4 * elementBytes}]}}`;
  return handMadeFile(json.padEnd(Math.ceil(json.length / 8) * 8 + shift), 4 * elementBytes);
}

const bytesAsSource = (bytes: Uint8Array): ByteSource => ({ size: bytes.length, read: async (from, to) => bytes.slice(from, to) });

describe('every dtype that a typed array holds', () => {
  const rows = [
    ['F64', Float64Array],
    ['F32', Float32Array],
    ['F16', Uint16Array],
    ['BF16', Uint16Array],
    ['I64', BigInt64Array],
    ['U64', BigUint64Array],
    ['I32', Int32Array],
    ['U32', Uint32Array],
    ['I16', Int16Array],
    ['U16', Uint16Array],
    ['I8', Int8Array],
    ['U8', Uint8Array],
    ['BOOL', Uint8Array],
  ] as const;
  test.each(rows)('%s', async (dtype, ArrayClass) => {
    const size = ArrayClass.BYTES_PER_ELEMENT;
    const bytes = Uint8Array.from({ length: 4 * size }, (_, i) => i);
    const record = { name: 'w', dtype, shape: [4], data: new ArrayClass(bytes.buffer) };
    const aligned = fileOf(dtype, size);
    const view = parseSafetensors(aligned).get('w');
    expect(view).toEqual(record);
    expect(view.data.buffer).toBe(aligned.buffer);
    for (const shift of [1, 2, 3, 4, 5, 6, 7]) {
      const odd = fileOf(dtype, size, shift);
      const read = parseSafetensors(odd).get('w');
      expect(read).toEqual(record);
      expect(read.data.buffer === odd.buffer).toBe(shift % size === 0);
    }
    expect(await (await openSafetensors(bytesAsSource(fileOf(dtype, size, 1)))).read('w')).toEqual(record);
    expect(await parseSafetensors(aligned).read('w')).toEqual(record);
  });
});

test.each([
  ['F8_E4M3', 1],
  ['F8_E5M2', 1],
  ['F8_E8M0', 1],
  ['F4', 0.5],
  ['C64', 8],
])('%s is in the header; its values are refused by name, its bytes can be had', async (dtype, size) => {
  const file = parseSafetensors(fileOf(dtype, size));
  expect(file.entries.get('w')).toEqual({ dtype, shape: [4], begin: 0, end: 4 * size });
  expect(() => file.get('w')).toThrow(new RegExp(`tensor "w", dtype: expected a dtype that a typed array holds .*, got ${dtype}`));
  const bytes = Uint8Array.from({ length: 4 * size }, (_, i) => i);
  expect(file.bytes('w')).toEqual(bytes);
  const reader = await openSafetensors(bytesAsSource(fileOf(dtype, size)));
  await expect(reader.read('w')).rejects.toThrow(SafetensorsError);
  expect(await reader.readBytes('w')).toEqual(bytes);
});

test('integers beyond 2^53 and the bits of NaN survive', () => {
  const file = handMadeFile(
    '{"i":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},"f":{"dtype":"F32","shape":[2],"data_offsets":[16,24]}} ',
    24,
  );
  const view = new DataView(file.buffer, file.length - 24);
  view.setBigInt64(0, 9007199254740993n, true);
  view.setBigInt64(8, -(2n ** 63n), true);
  view.setUint32(16, 0x7fc00001, true);
  view.setUint32(20, 0xffa00001, true);
  const read = parseSafetensors(file);
  expect([...(read.get('i').data as BigInt64Array)]).toEqual([9007199254740993n, -(2n ** 63n)]);
  const floats = read.get('f').data;
  expect([...new Uint32Array(floats.buffer, floats.byteOffset, 2)]).toEqual([0x7fc00001, 0xffa00001]);
});

test('a view into a larger buffer, an ArrayBuffer, shared memory and a Node buffer are all read', () => {
  const bytes = fileOf('F32', 4);
  const expected = parseSafetensors(bytes).get('w');
  const larger = new Uint8Array(bytes.length + 5);
  larger.set(bytes, 3);
  expect(parseSafetensors(larger.subarray(3, 3 + bytes.length)).get('w')).toEqual(expected);
  expect(parseSafetensors(bytes.buffer as ArrayBuffer).get('w')).toEqual(expected);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  expect([...(parseSafetensors(shared).get('w').data as Float32Array)]).toEqual([...(expected.data as Float32Array)]);
  expect(() => parseSafetensors('text' as unknown as Uint8Array)).toThrow(
    'expected the bytes of a file as Uint8Array or ArrayBuffer, got string',
  );
});

test('a name that is not there is refused with names that are', async () => {
  const file = parseSafetensors(fileOf('U8', 1));
  expect(() => file.get('v')).toThrow('tensor "v": expected a tensor of this name, got a file with "w"');
  expect(() => file.bytes('__proto__')).toThrow(SafetensorsError);
  await expect(file.read('v')).rejects.toThrow(SafetensorsError);
  expect(() => parseSafetensors(handMadeFile('{}')).get('w')).toThrow('a file without tensors');
});

describe('from a source', () => {
  test('only the header is read, then only the tensor that is asked for', async () => {
    const bytes = handMadeFile(
      '{"a":{"dtype":"U8","shape":[1000],"data_offsets":[0,1000]},"b":{"dtype":"U8","shape":[3],"data_offsets":[1000,1003]},"e":{"dtype":"F32","shape":[0],"data_offsets":[1003,1003]}}',
      1003,
    );
    const start = bytes.length - 1003;
    const ranges: number[][] = [];
    const reader = await openSafetensors({
      size: bytes.length,
      read: async (from, to) => {
        ranges.push([from, to]);
        return bytes.slice(from, to);
      },
    });
    expect(reader.names()).toEqual(['a', 'b', 'e']);
    expect(reader.dataStart).toBe(start);
    expect((await reader.read('b')).data).toEqual(bytes.slice(-3));
    expect((await reader.read('e')).data.length).toBe(0);
    expect(ranges).toEqual([
      [0, 8],
      [8, start],
      [start + 1000, start + 1003],
    ]);
  });

  test('a source that gives too little or too much is refused', async () => {
    const bytes = fileOf('F32', 4);
    for (const got of [15, 17]) {
      const read = async (from: number, to: number): Promise<Uint8Array> => (from > 8 ? new Uint8Array(got) : bytes.slice(from, to));
      const reader = await openSafetensors({ size: bytes.length, name: 'x', read });
      await expect(reader.read('w')).rejects.toThrow(
        `safetensors x: expected 16 bytes from byte ${bytes.length - 16} of the source, got ${got}`,
      );
    }
    const dry = { size: bytes.length, name: 'http://x', read: async () => new Uint8Array(0) };
    await expect(openSafetensors(dry)).rejects.toThrow('safetensors http://x: expected 8 bytes from byte 0 of the source, got 0 bytes');
  });

  test.each([-1, 1.5, Number.NaN, 2 ** 60])('a size of %s is refused', async (size) => {
    await expect(openSafetensors({ size, read: async () => new Uint8Array(8) })).rejects.toThrow(
      'size: expected the size of the source in bytes',
    );
  });

  test('an error of the source passes through', async () => {
    const fault = new Error('the network is gone');
    await expect(openSafetensors({ size: 100, read: async () => Promise.reject(fault) })).rejects.toBe(fault);
  });

  test('an aborted signal stops opening and reading with its reason', async () => {
    const bytes = fileOf('F32', 4);
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(openSafetensors(bytesAsSource(bytes), { signal })).rejects.toBe(reason);
    const reader = await openSafetensors(bytesAsSource(bytes));
    await expect(reader.read('w', { signal })).rejects.toBe(reason);
    await expect(parseSafetensors(bytes).read('w', { signal })).rejects.toBe(reason);
    const controller = new AbortController();
    const slow: ByteSource = {
      size: bytes.length,
      async read(from, to) {
        controller.abort(reason);
        return bytes.slice(from, to);
      },
    };
    await expect(openSafetensors(slow, { signal: controller.signal })).rejects.toBe(reason);
  });
});
