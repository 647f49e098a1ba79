import { expect, test } from 'vitest';
import { toBool, toFloat32, toInt32 } from './convert.js';
import { SafetensorsError } from './error.js';

test('toFloat32 keeps F32, widens F16 and BF16, rounds F64, takes small integers and booleans', () => {
  const data = Float32Array.of(1.5, -2);
  expect(toFloat32({ dtype: 'F32', shape: [2], data })).toBe(data);
  expect(toFloat32({ dtype: 'F16', shape: [2], data: Uint16Array.of(0x3e00, 0x0001) })).toEqual(Float32Array.of(1.5, 2 ** -24));
  expect(toFloat32({ dtype: 'BF16', shape: [2], data: Uint16Array.of(0x3fc0, 0xff80) })).toEqual(
    Float32Array.of(1.5, Number.NEGATIVE_INFINITY),
  );
  expect(toFloat32({ dtype: 'F64', shape: [2], data: Float64Array.of(0.1, 1e300) })).toEqual(
    Float32Array.of(0.1, Number.POSITIVE_INFINITY),
  );
  expect(toFloat32({ dtype: 'I16', shape: [1], data: Int16Array.of(-32768) })).toEqual(Float32Array.of(-32768));
  expect(toFloat32({ dtype: 'U16', shape: [1], data: Uint16Array.of(65535) })).toEqual(Float32Array.of(65535));
  expect(toFloat32({ dtype: 'I8', shape: [1], data: Int8Array.of(-128) })).toEqual(Float32Array.of(-128));
  expect(toFloat32({ dtype: 'U8', shape: [1], data: Uint8Array.of(255) })).toEqual(Float32Array.of(255));
  expect(toFloat32({ dtype: 'BOOL', shape: [3], data: Uint8Array.of(0, 1, 255) })).toEqual(Float32Array.of(0, 1, 1));
  expect(toFloat32({ dtype: 'F32', shape: [0], data: new Float32Array(0) }).length).toBe(0);
});

test('toInt32 keeps I32 and takes every integer that fits', () => {
  const data = Int32Array.of(7, -7);
  expect(toInt32({ dtype: 'I32', shape: [2], data })).toBe(data);
  const edges = Int32Array.of(-(2 ** 31), 2 ** 31 - 1);
  expect(toInt32({ dtype: 'I64', shape: [2], data: BigInt64Array.from(edges, BigInt) })).toEqual(edges);
  expect(toInt32({ dtype: 'U64', shape: [1], data: BigUint64Array.of(5n) })).toEqual(Int32Array.of(5));
  expect(toInt32({ dtype: 'U32', shape: [1], data: Uint32Array.of(2 ** 31 - 1) })).toEqual(Int32Array.of(2 ** 31 - 1));
  expect(toInt32({ dtype: 'I16', shape: [1], data: Int16Array.of(-3) })).toEqual(Int32Array.of(-3));
  expect(toInt32({ dtype: 'U8', shape: [1], data: Uint8Array.of(200) })).toEqual(Int32Array.of(200));
  expect(toInt32({ dtype: 'BOOL', shape: [2], data: Uint8Array.of(0, 9) })).toEqual(Int32Array.of(0, 1));
});

test('an integer that does not fit is refused with tensor, value and index', () => {
  const data = BigInt64Array.of(0n, 2n ** 31n);
  const act = (): unknown => toInt32({ name: 'position_ids', dtype: 'I64', shape: [2], data });
  expect(act).toThrow(SafetensorsError);
  expect(act).toThrow('tensor "position_ids", dtype: expected values within int32, -2147483648 to 2147483647, got 2147483648 at index 1');
  expect(() => toInt32({ dtype: 'I64', shape: [1], data: BigInt64Array.of(-(2n ** 31n) - 1n) })).toThrow('got -2147483649 at index 0');
  expect(() => toInt32({ dtype: 'U64', shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) })).toThrow(
    'got 18446744073709551615 at index 0',
  );
  expect(() => toInt32({ dtype: 'U32', shape: [1], data: Uint32Array.of(2 ** 31) })).toThrow('got 2147483648 at index 0');
});

test('dtypes that do not convert are refused by name', () => {
  const int64 = { name: 'ids', dtype: 'I64', shape: [1], data: BigInt64Array.of(1n) } as const;
  expect(() => toFloat32(int64)).toThrow('tensor "ids", dtype: expected a dtype that float32 holds');
  expect(() => toFloat32({ dtype: 'I32', shape: [1], data: Int32Array.of(1) })).toThrow(SafetensorsError);
  expect(() => toInt32({ dtype: 'F32', shape: [1], data: Float32Array.of(1) })).toThrow('expected an integer dtype');
  expect(() => toInt32({ dtype: 'F16', shape: [1], data: Uint16Array.of(1) })).toThrow(SafetensorsError);
  expect(() => toBool({ dtype: 'U8', shape: [1], data: Uint8Array.of(1) })).toThrow('expected the dtype BOOL, got U8');
});

test('toBool copies only when a byte is neither 0 nor 1', () => {
  const clean = Uint8Array.of(0, 1, 1);
  expect(toBool({ dtype: 'BOOL', shape: [3], data: clean })).toBe(clean);
  const odd = Uint8Array.of(0, 2, 255);
  expect(toBool({ dtype: 'BOOL', shape: [3], data: odd })).toEqual(Uint8Array.of(0, 1, 1));
  expect(odd).toEqual(Uint8Array.of(0, 2, 255));
});
