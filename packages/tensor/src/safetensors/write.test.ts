import { describe, expect, test } from 'vitest';
import { toInt32 } from './convert.js';
import type { HeldDtype, TensorRecord } from './dtype.js';
import { SafetensorsError } from './error.js';
import { parseSafetensors } from './read.js';
import { serializeSafetensors, type SerializeOptions } from './write.js';

const u8 = (...values: number[]): TensorRecord => ({ dtype: 'U8', shape: [values.length], data: Uint8Array.from(values) });
const f32 = (...values: number[]): TensorRecord => ({ dtype: 'F32', shape: [values.length], data: Float32Array.from(values) });

/** The JSON of a file's header, its padding included. */
function headerOf(file: Uint8Array): string {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  return new TextDecoder().decode(file.subarray(8, 8 + length));
}

test('the bytes of a small file, one by one', () => {
  const file = serializeSafetensors({ w: { dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, -2) } });
  const header = '{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}        '.slice(0, 56);
  const expected = [56, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode(header), 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0];
  expect([...file]).toEqual(expected);
});

test('every dtype comes back as it went, scalars and empty tensors too', () => {
  const records: Record<string, TensorRecord> = {
    f64: { dtype: 'F64', shape: [2], data: Float64Array.of(Math.PI, -0) },
    f32: { dtype: 'F32', shape: [], data: Float32Array.of(1.5) },
    f16: { dtype: 'F16', shape: [1], data: Uint16Array.of(0x7c01) },
    bf16: { dtype: 'BF16', shape: [1], data: Uint16Array.of(0x7f81) },
    i64: { dtype: 'I64', shape: [2], data: BigInt64Array.of(9007199254740993n, -(2n ** 63n)) },
    u64: { dtype: 'U64', shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
    i32: { dtype: 'I32', shape: [1, 1], data: Int32Array.of(-1) },
    u32: { dtype: 'U32', shape: [1], data: Uint32Array.of(2 ** 32 - 1) },
    i16: { dtype: 'I16', shape: [1], data: Int16Array.of(-3) },
    u16: { dtype: 'U16', shape: [1], data: Uint16Array.of(65535) },
    i8: { dtype: 'I8', shape: [1], data: Int8Array.of(-4) },
    u8: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
    bool: { dtype: 'BOOL', shape: [2], data: Uint8Array.of(0, 1) },
    empty: { dtype: 'F32', shape: [3, 0, 2 ** 40], data: new Float32Array(0) },
  };
  const file = parseSafetensors(serializeSafetensors(records));
  expect(file.names().sort()).toEqual(Object.keys(records).sort());
  for (const [name, record] of Object.entries(records)) expect(file.get(name)).toEqual({ name, ...record });
});

test('no tensors make a file too', () => {
  expect([...serializeSafetensors([])]).toEqual([8, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode('{}      ')]);
});

test('tensors are sorted by dtype, widest first, then by name in code point order', () => {
  const wide: TensorRecord = { dtype: 'I64', shape: [1], data: BigInt64Array.of(1n) };
  const half: TensorRecord = { dtype: 'F16', shape: [1], data: Uint16Array.of(1) };
  const int: TensorRecord = { dtype: 'I32', shape: [1], data: Int32Array.of(1) };
  const entries: [string, TensorRecord][] = [
    ['b', u8(1)],
    ['a', u8(2)],
    ['\u{1f600}', f32(1)], // UTF-16 order would put it before U+FFFD
    ['\ufffd', f32(2)],
    ['z', wide],
    ['h', half],
    ['i', int],
    ['a.10', f32(3)],
    ['a.1', f32(4)],
  ];
  const file = serializeSafetensors(entries);
  expect(parseSafetensors(file).names()).toEqual(['z', 'a.1', 'a.10', '\ufffd', '\u{1f600}', 'i', 'h', 'a', 'b']);
  for (const order of [[...entries].reverse(), new Map(entries), Object.fromEntries(entries)]) {
    expect(serializeSafetensors(order)).toEqual(file);
  }
  for (const { begin, dtype } of parseSafetensors(file).entries.values())
    expect(begin % { I64: 8, F32: 4, I32: 4, F16: 2, U8: 1 }[dtype as 'U8']).toBe(0);
});

test('metadata comes first, sorted by key, and is left out when not given', () => {
  const header = headerOf(serializeSafetensors({ w: u8(1) }, { metadata: { format: 'pt', a: 'line\n"quoted" \u2028 é' } }));
  expect(header).toContain('{"__metadata__":{"a":"line\\n\\"quoted\\" \u2028 é","format":"pt"},"w":');
  expect(headerOf(serializeSafetensors({}, { metadata: {} })).trim()).toBe('{"__metadata__":{}}');
  expect(headerOf(serializeSafetensors({}, { metadata: [['__proto__', 'x']] })).trim()).toBe('{"__metadata__":{"__proto__":"x"}}');
  expect([...parseSafetensors(serializeSafetensors({}, { metadata: new Map([['k', 'v']]) })).metadata]).toEqual([['k', 'v']]);
});

test('the header is padded with spaces to a multiple of eight, for every length', () => {
  for (let length = 1; length <= 9; length++) {
    const header = headerOf(serializeSafetensors({ ['n'.repeat(length)]: u8(1) }));
    expect(header.length % 8).toBe(0);
    expect(header).toMatch(/\}\} {0,7}$/);
  }
});

test.each(['__proto__', 'constructor', '', 'a"b\\c\n', '\u0000', '𠮷'])('the name %j is written and found again', (name) => {
  const file = parseSafetensors(serializeSafetensors([[name, u8(5)]]));
  expect(file.names()).toEqual([name]);
  expect(file.get(name).data).toEqual(Uint8Array.of(5));
});

test('BOOL bytes other than 0 and 1 are written as 1; the data of a view is written alone', () => {
  const bool: TensorRecord = { dtype: 'BOOL', shape: [3], data: Uint8Array.of(0, 7, 255) };
  const part: TensorRecord = { dtype: 'F32', shape: [2], data: Float32Array.of(9, 1, 2, 9).subarray(1, 3) };
  const file = parseSafetensors(serializeSafetensors({ bool, part }));
  expect(file.get('bool').data).toEqual(Uint8Array.of(0, 1, 1));
  expect(file.get('part').data).toEqual(Float32Array.of(1, 2));
});

describe('narrowing', () => {
  const tensors: Record<string, TensorRecord> = {
    single: f32(1, 2049, 65520),
    double: { dtype: 'F64', shape: [1], data: Float64Array.of(1 + 2 ** -11 + 2 ** -40) }, // by way of float32 this would tie down to 1
    half: { dtype: 'F16', shape: [1], data: Uint16Array.of(0x3c00) },
    bfloat: { dtype: 'BF16', shape: [1], data: Uint16Array.of(0x3f80) },
    int: { dtype: 'I64', shape: [1], data: BigInt64Array.of(1n) },
  };
  const dtypesWith = (dtype: SerializeOptions['dtype']): Record<string, string> => {
    const { entries } = parseSafetensors(serializeSafetensors(tensors, { dtype }));
    return Object.fromEntries([...entries].map(([name, info]) => [name, info.dtype]));
  };

  test('takes wider floats only', () => {
    expect(dtypesWith('F16')).toEqual({ single: 'F16', double: 'F16', half: 'F16', bfloat: 'BF16', int: 'I64' });
    expect(dtypesWith('BF16')).toEqual({ single: 'BF16', double: 'BF16', half: 'F16', bfloat: 'BF16', int: 'I64' });
    expect(dtypesWith('F32')).toEqual({ single: 'F32', double: 'F32', half: 'F16', bfloat: 'BF16', int: 'I64' });
    expect(dtypesWith(undefined)).toEqual({ single: 'F32', double: 'F64', half: 'F16', bfloat: 'BF16', int: 'I64' });
  });

  test('rounds to nearest even, float64 in one step', () => {
    const f16 = parseSafetensors(serializeSafetensors(tensors, { dtype: 'F16' }));
    expect(f16.get('single').data).toEqual(Uint16Array.of(0x3c00, 0x6800, 0x7c00));
    expect(f16.get('double').data).toEqual(Uint16Array.of(0x3c01));
    const bf16 = parseSafetensors(serializeSafetensors(tensors, { dtype: 'BF16' }));
    expect(bf16.get('single').data).toEqual(Uint16Array.of(0x3f80, 0x4500, 0x4780));
    const single = parseSafetensors(serializeSafetensors(tensors, { dtype: 'F32' }));
    expect(single.get('double').data).toEqual(Float32Array.of(1 + 2 ** -11));
  });
});

describe('dtypes tensor by tensor', () => {
  const tensors: Record<string, TensorRecord> = {
    weight: f32(1, 2049, 65520),
    codes: f32(-128, -0.5, 0.5, 1.5, 2.5, 126.5, 127.49),
    bytes: f32(0, 255.5 - 1, 3.5),
    ids: { dtype: 'I32', shape: [2], data: Int32Array.of(-1, 100) },
    flag: { dtype: 'BOOL', shape: [1], data: Uint8Array.of(1) },
  };
  const dtypes = new Map<string, HeldDtype>([['weight', 'F16'], ['codes', 'I8'], ['bytes', 'U8'], ['ids', 'I64']]); // biome-ignore format: one row

  test('by a Map, by a function: the same bytes; integers round to nearest even and may grow', () => {
    const bytes = serializeSafetensors(tensors, { dtype: dtypes });
    expect(serializeSafetensors(tensors, { dtype: (name, tensor) => (tensor.dtype === 'BOOL' ? undefined : dtypes.get(name)) })).toEqual(
      bytes,
    );
    const file = parseSafetensors(bytes);
    expect(file.get('weight').data).toEqual(Uint16Array.of(0x3c00, 0x6800, 0x7c00));
    expect(file.get('codes').data).toEqual(Int8Array.of(-128, 0, 0, 2, 2, 126, 127));
    expect(file.get('bytes').data).toEqual(Uint8Array.of(0, 254, 4));
    expect(file.get('ids').data).toEqual(BigInt64Array.of(-1n, 100n));
    expect(file.get('flag')).toMatchObject({ dtype: 'BOOL' });
  });

  test.each(['I16', 'I8', 'I64', 'I32'] as const)('int32 as %s', (dtype) => {
    const file = parseSafetensors(serializeSafetensors({ ids: tensors.ids }, { dtype: () => dtype }));
    expect(file.get('ids')).toMatchObject({ dtype, shape: [2] });
    expect(toInt32(file.get('ids'))).toEqual(Int32Array.of(-1, 100));
  });

  test('floats of the whole file as I8', () => {
    const file = parseSafetensors(serializeSafetensors({ codes: tensors.codes, ids: tensors.ids }, { dtype: 'I8' }));
    expect([file.get('codes').dtype, file.get('ids').dtype]).toEqual(['I8', 'I32']);
  });

  const refused: [why: string, tensor: TensorRecord, dtype: HeldDtype, message: string][] = [
    [
      'above',
      { ...f32(0, 1, 2, 127.5), shape: [2, 2] } as TensorRecord,
      'I8',
      'expected values within I8, -128 to 127, got 127.5 at index [1,1]',
    ],
    ['below', f32(0, -0.51), 'U8', 'tensor "w", dtype: expected values within U8, 0 to 255, got -0.5099999904632568 at index 1'],
    ['NaN', f32(Number.NaN), 'I8', 'got NaN at index 0'],
    ['infinite', f32(Number.NEGATIVE_INFINITY), 'I8', 'got -Infinity at index 0'],
    ['a negative integer', tensors.ids, 'U64', 'expected values within U64, 0 to 18446744073709551615, got -1 at index 0'],
    ['an integer as float', tensors.ids, 'F32', 'expected one of U8 I8 I16 U16 I32 U32 I64 U64 to store I32 as, got F32'],
    ['a bool as integer', tensors.flag, 'U8', 'expected one of BOOL to store BOOL as, got U8'],
    ['a dtype that is none', f32(1), 'float16' as HeldDtype, 'got float16'],
    ['__proto__', f32(1), '__proto__' as HeldDtype, 'got __proto__'],
  ];
  test.each(refused)('refused: %s', (_why, tensor, dtype, message) => {
    const act = (): unknown => serializeSafetensors({ w: tensor }, { dtype: () => dtype });
    expect(act).toThrow(SafetensorsError);
    expect(act).toThrow(message);
  });

  test('a name in the Map without a tensor is refused, and a dtype for the file that floats do not narrow to', () => {
    expect(() => serializeSafetensors({ w: f32(1) }, { dtype: new Map([['v', 'F16' as const]]) })).toThrow(
      'tensor "v", dtype: expected a tensor of this name',
    );
    expect(() => serializeSafetensors({ w: f32(1) }, { dtype: 'I64' as 'I8' })).toThrow(
      'one of F32 F16 BF16 I8 U8 for a whole file, got I64',
    );
  });
});

describe('refused', () => {
  const data = Float32Array.of(1, 2);
  const rows: [why: string, tensors: unknown, options: unknown, message: string][] = [
    ['data too short', { w: { dtype: 'F32', shape: [3], data } }, {}, 'tensor "w", data: expected 3 elements for the shape [3], got 2'],
    ['data too long', { w: { dtype: 'F32', shape: [], data } }, {}, 'expected 1 elements for the shape [], got 2'],
    ['data of another type', { w: { dtype: 'F64', shape: [2], data } }, {}, 'expected a Float64Array for F64, got Float32Array'],
    ['a plain array', { w: { dtype: 'F32', shape: [2], data: [1, 2] } }, {}, 'expected a Float32Array for F32, got object'],
    ['a dtype that is none', { w: { dtype: 'f32', shape: [2], data } }, {}, 'dtype: expected one of BOOL'],
    ['a dtype that no typed array holds', { w: { dtype: 'F8_E4M3', shape: [2], data } }, {}, 'got F8_E4M3'],
    ['__proto__ as dtype', { w: { dtype: '__proto__', shape: [2], data } }, {}, 'got __proto__'],
    [
      'a negative dimension',
      { w: { dtype: 'F32', shape: [-1, -2], data } },
      {},
      'shape: expected an array of non-negative integers, got [-1,-2]',
    ],
    ['half a dimension', { w: { dtype: 'F32', shape: [0.5, 4], data } }, {}, 'got [0.5,4]'],
    ['a shape that is none', { w: { dtype: 'F32', shape: 2, data } }, {}, 'got 2'],
    ['a shape that overflows', { w: { dtype: 'F32', shape: [2 ** 32, 2 ** 32], data } }, {}, 'a product of dimensions below 2^53'],
    ['a name twice', [['w', f32(1)], ['w', f32(1)]], {}, 'tensor "w": expected each name once'], // biome-ignore format: one row
    ['the name __metadata__', { __metadata__: f32(1) }, {}, 'the one that the format keeps'],
    ['a lone surrogate', { 'a\ud800': f32(1) }, {}, 'well-formed Unicode'],
    ['metadata that is no string', {}, { metadata: { step: 3 } }, '__metadata__ "step": expected a string, got number'],
    ['metadata with a lone surrogate', {}, { metadata: { a: '\udc00' } }, 'expected well-formed Unicode'],
    ['a metadata key twice', {}, { metadata: [['a', '1'], ['a', '2']] }, 'expected each key once'], // biome-ignore format: one row
  ];
  test.each(rows)('%s', (_why, tensors, options, message) => {
    const act = (): unknown => serializeSafetensors(tensors as Record<string, TensorRecord>, options as SerializeOptions);
    expect(act).toThrow(SafetensorsError);
    expect(act).toThrow(message);
  });
});
