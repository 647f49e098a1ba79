import { describe, expect, test } from 'vitest';
import { SafetensorsError } from './error.js';
import { handMadeFile } from './hand-made-file.js';
import { openSafetensors, parseSafetensors } from './read.js';
import type { ByteSource } from './source.js';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** A file with one tensor "w" of 16 bytes and the given fields. */
const withW = (fields: string, dataBytes = 16): Uint8Array => handMadeFile(`{"w":{${fields}}}`, dataBytes);
const withShape = (shape: string, dtype = 'F32'): Uint8Array => withW(`"dtype":"${dtype}","shape":${shape},"data_offsets":[0,16]`);
const withOffsets = (offsets: string): Uint8Array => withW(`"dtype":"F32","shape":[2,2],"data_offsets":${offsets}`);
const withDtype = (dtype: string): Uint8Array => withW(`"dtype":${dtype},"shape":[2,2],"data_offsets":[0,16]`);
const withMetadata = (metadata: string): Uint8Array => handMadeFile(`{"__metadata__":${metadata}}`);
const good = '"dtype":"F32","shape":[2,2],"data_offsets":[0,16]';
const f32 = (begin: number, end: number): string => `{"dtype":"F32","shape":[2],"data_offsets":[${begin},${end}]}`;

/** Why it is refused, the file, and what the message must contain. */
type Row = [why: string, file: Uint8Array, message: string];

const lengths: Row[] = [
  ['empty', new Uint8Array(0), 'at least 8 bytes, got 0'],
  ['shorter than the length field', Uint8Array.of(1, 2, 3, 4, 5, 6, 7), 'at least 8 bytes, got 7'],
  ['nothing behind the length field', new Uint8Array(8), 'at least the 2 bytes of {}, got 0'],
  ['header length 0 before data', handMadeFile('', 16), 'got 0'],
  ['header of one byte', handMadeFile('{'), 'at least the 2 bytes of {}, got 1'],
  ['one more than the file', handMadeFile('{}', 0, 3n), 'at most the 2 bytes that follow it in the file, got 3'],
  ['100 MB in a small file', handMadeFile('{}', 0, 100_000_000n), 'at most the 2 bytes that follow it'],
  ['over 100 MB', handMadeFile('{}', 0, 100_000_001n), 'at most 100000000 bytes, got 100000001'],
  ['2^32 + 2, which 32 bits read as 2', handMadeFile('{}', 0, 2n ** 32n + 2n), 'got 4294967298'],
  ['2^53 + 1', handMadeFile('{}', 0, 2n ** 53n + 1n), 'got 9007199254740993'],
  ['2^64 - 1', handMadeFile('{}', 0, 2n ** 64n - 1n), 'got 18446744073709551615'],
  ['cut within the JSON', handMadeFile(`{"w":{${good}}}`, 16, 32n), 'tensor "w", shape: expected "," or "]", got its end'],
  [
    'a byte of data taken into the header',
    handMadeFile(`{"w":{${good}}}`, 17, BigInt(`{"w":{${good}}}`.length + 1)),
    'nothing but white space',
  ],
];

const foreign: Row[] = [
  ['a Git LFS pointer', utf8('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'), 'git lfs pull'],
  ['a web page', utf8('<!DOCTYPE html><html><body>404</body></html>'), 'web page'],
  ['a zip archive', latin1('PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00'), 'zip archive'],
  ['a pickle', latin1('\x80\x02}q\x00.'), 'Python pickle'],
  ['gzip', latin1('\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03'), 'gzip'],
  ['GGUF', latin1('GGUF\x03\x00\x00\x00\x00\x00'), 'GGUF'],
  ['JSON without the length field', utf8('{"w":{}} and so on'), 'the 8 bytes of length are missing'],
];

const json: Row[] = [
  ['an array', handMadeFile('[]'), 'expected "{" as its first byte, got byte 0x5b'],
  ['null', handMadeFile('null'), '"{" as its first byte'],
  ['a space before {', handMadeFile(' {}'), '"{" as its first byte, got byte 0x20'],
  ['a byte order mark', handMadeFile('\ufeff{}'), 'got byte 0xef'],
  ['a second value', handMadeFile('{}{}'), 'nothing but white space after the JSON object of the header, got { at character 2'],
  ['zero bytes as padding', handMadeFile('{}\0\0'), 'got \\u0000\\u0000 at character 2'],
  ['a trailing comma', handMadeFile(`{"w":{${good}},}`, 16), 'a key in double quotes, got }'],
  ['a trailing comma in an array', withShape('[2,2,]'), 'a non-negative integer, got ]'],
  ['no comma', withW('"dtype":"F32" "shape":[4],"data_offsets":[0,16]'), 'expected "," or "}", got "shape"'],
  ['no colon', withW('"dtype" "F32","shape":[4],"data_offsets":[0,16]'), 'expected ":" after the key "dtype"'],
  ['a key without quotes', handMadeFile('{w:{}}'), 'a key in double quotes, got w'],
  ['a comment', handMadeFile('{/**/}'), 'a key in double quotes, got /**/'],
  ['single quotes', handMadeFile("{'w':{}}"), "got 'w'"],
  ['an unclosed object', handMadeFile(`{"w":{${good}}`, 16), 'expected "," or "}", got its end'],
  ['an unclosed string', handMadeFile('{"w'), 'closed and without raw control characters, got "w'],
  ['a string that ends in a backslash', handMadeFile('{"w\\'), 'closed'],
  ['a raw line feed in a string', handMadeFile('{"a\nb":{}}'), 'without raw control characters'],
  ['an unknown escape', handMadeFile('{"\\q":{}}'), 'valid escapes'],
  ['a cut \\u escape', handMadeFile('{"\\u12":{}}'), 'valid escapes'],
  ['a lone surrogate, escaped', handMadeFile('{"\\ud83d":{}}'), 'no lone surrogate, got "\\ud83d"'],
  ['a lone surrogate in a value', withMetadata('{"a":"\\udc00"}'), 'no lone surrogate'],
  ['invalid UTF-8', handMadeFile(latin1('{"\xff":{}}')), 'expected UTF-8'],
  ['overlong UTF-8', handMadeFile(latin1('{"\xc0\xaf":{}}')), 'expected UTF-8'],
  ['a surrogate in UTF-8', handMadeFile(latin1('{"\xed\xa0\xbd":{}}')), 'expected UTF-8'],
  ['UTF-8 cut short', handMadeFile(latin1('{}\xe2\x82')), 'expected UTF-8'],
  ['UTF-16', handMadeFile(latin1('{\0"\0w\0"\0:\0{\0}\0}\0')), 'a key in double quotes, got \\u0000'],
  ['nested 100,000 deep', handMadeFile('{"a":'.repeat(100_000)), 'only the fields dtype, shape and data_offsets, got "a"'],
  ['arrays nested 100,000 deep', withShape('['.repeat(100_000)), 'a non-negative integer, got ['],
];

const duplicates: Row[] = [
  ['a tensor twice', handMadeFile(`{"w":{${good}},"w":{${good}}}`, 16), 'each key once, got "w" a second time'],
  ['a tensor twice, once escaped', handMadeFile(`{"w":{${good}},"\\u0077":{${good}}}`, 16), 'got "w" a second time'],
  ['__proto__ twice', handMadeFile(`{"__proto__":{${good}},"__proto__":{${good}}}`, 16), 'got "__proto__" a second time'],
  ['__metadata__ twice', handMadeFile('{"__metadata__":{},"__metadata__":{}}'), 'got "__metadata__" a second time'],
  ['a key of the metadata twice', withMetadata('{"a":"1","a":"1"}'), 'got "a" a second time'],
  ['a field twice', withW(`${good},"dtype":"I32"`), 'tensor "w", header: expected each key once, got "dtype"'],
  ['a field twice, escaped', withW(`${good},"\\u0073hape":[4]`), 'got "shape" a second time'],
];

const metadata: Row[] = [
  ['null', withMetadata('null'), '__metadata__: expected an object of strings, got null'],
  ['an array', withMetadata('[]'), 'an object of strings, got ['],
  ['a string', withMetadata('"x"'), 'an object of strings, got "x"'],
  ['a number as value', withMetadata('{"a":1}'), 'a string under the key "a", got 1'],
  ['null as value', withMetadata('{"a":null}'), 'a string under the key "a", got null'],
  ['an object as value', withMetadata('{"a":{}}'), 'a string under the key "a", got {'],
];

const fields: Row[] = [
  ['null', handMadeFile('{"w":null}'), 'an object with dtype, shape and data_offsets, got null'],
  ['a string', handMadeFile('{"w":"x"}'), 'got "x"'],
  ['the fields as an array', handMadeFile('{"w":["F32",[2,2],[0,16]]}', 16), 'got ['],
  ['empty', handMadeFile('{"w":{}}'), 'tensor "w", dtype: expected a dtype, got none'],
  ['no shape', withW('"dtype":"F32","data_offsets":[0,16]'), 'tensor "w", shape: expected a shape, got none'],
  ['no data_offsets', withW('"dtype":"F32","shape":[4]'), 'data_offsets: expected [begin, end], got none'],
  ['a fourth field', withW(`${good},"extra":1`), 'only the fields dtype, shape and data_offsets, got "extra"'],
  ['a field in capitals', withW('"Dtype":"F32","shape":[4],"data_offsets":[0,16]'), 'got "Dtype"'],
  ['__proto__ as a field', withW(`${good},"__proto__":{}`), 'got "__proto__"'],
  ['dtype unknown', withDtype('"F33"'), 'got "F33"'],
  ['dtype in small letters', withDtype('"f32"'), 'got "f32"'],
  ['dtype __proto__', withDtype('"__proto__"'), 'got "__proto__"'],
  ['dtype toString', withDtype('"toString"'), 'got "toString"'],
  ['dtype empty', withDtype('""'), 'got ""'],
  ['dtype a number', withDtype('4'), 'the name of a dtype, got 4'],
  ['dtype null', withDtype('null'), 'the name of a dtype, got null'],
  ['dtype an object', withDtype('{"F32":null}'), 'the name of a dtype, got {'],
];

const shapes: Row[] = [
  ['null', withShape('null'), 'an array of non-negative integers, got null'],
  ['an object', withShape('{}'), 'got {'],
  ['a number', withShape('4'), 'got 4'],
  ['negative', withShape('[-2,-2]'), 'tensor "w", shape: expected a non-negative integer, got -2'],
  ['-0', withShape('[-0,4]'), 'got -0'],
  ['a fraction', withShape('[2.5,2]'), 'got 2.5'],
  ['2.0', withShape('[2.0,2]'), 'got 2.0'],
  ['2e0', withShape('[2e0,2]'), 'got 2e0'],
  ['1e400', withShape('[1e400]'), 'got 1e400'],
  ['a leading zero', withShape('[04]'), 'got 04'],
  ['hexadecimal', withShape('[0x4]'), 'got 0x4'],
  ['a plus', withShape('[+4]'), 'got +4'],
  ['NaN', withShape('[NaN]'), 'got NaN'],
  ['a string', withShape('["4"]'), 'got "4"'],
  ['nested', withShape('[[2],[2]]'), 'got ['],
  ['2^53', withShape('[9007199254740992]'), 'of at most 9007199254740991, got 9007199254740992'],
  ['2^64', withShape('[18446744073709551616]'), 'of at most 9007199254740991'],
  ['a thousand digits', withShape(`[${'9'.repeat(1000)}]`), 'of at most 9007199254740991'],
  ['a product of 2^64', withShape('[4294967296,4294967296]'), 'a product of dimensions below 2^53, got [4294967296,4294967296] of F32'],
  ['a product that wraps to 0 in 64 bits', withShape('[8589934592,2147483648]'), 'a product of dimensions below 2^53'],
  ['an overflow that a zero behind it would undo', withShape('[4294967296,4294967296,0]'), 'a product of dimensions below 2^53'],
  ['bytes that overflow', withShape('[9007199254740991]'), 'a size in bits below 2^53'],
  ['a product that wraps to 4 in 32 bits', withShape('[1073741825,4]'), 'expected 17179869200 bytes, for F32 [1073741825,4]'],
  ['too small', withShape('[2]'), 'expected 8 bytes, for F32 [2], got [0,16] (16 bytes)'],
  ['too large', withShape('[2,3]'), 'expected 24 bytes'],
  ['empty', withShape('[0]'), 'expected 0 bytes'],
  ['of another dtype', withShape('[4]', 'F64'), 'expected 32 bytes, for F64 [4]'],
  ['half a byte', handMadeFile('{"w":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}', 2), 'a whole number of bytes, got [3] of F4'],
];

const offsets: Row[] = [
  ['null', withOffsets('null'), 'an array of 2 non-negative integers, got null'],
  ['empty', withOffsets('[]'), 'an array of 2 non-negative integers, got 0'],
  ['one', withOffsets('[16]'), 'got 1'],
  ['three', withOffsets('[0,16,16]'), 'got more'],
  ['strings', withOffsets('["0","16"]'), 'got "0"'],
  ['negative', withOffsets('[-16,0]'), 'got -16'],
  ['a fraction', withOffsets('[0,16.5]'), 'got 16.5'],
  ['2^64 - 1', withOffsets('[0,18446744073709551615]'), 'of at most 9007199254740991'],
  ['begin after end', withOffsets('[16,0]'), 'an end not before its begin, got [16,0]'],
  ['behind the end of the file', withOffsets('[16,32]'), 'an end within the 16 bytes of data, got [16,32] (is the file cut short?)'],
  ['a file cut short', withW('"dtype":"F32","shape":[2,2],"data_offsets":[0,16]', 15), 'within the 15 bytes of data'],
  ['far behind the end', withW('"dtype":"U8","shape":[9007199254],"data_offsets":[0,9007199254]'), 'within the 16 bytes of data'],
  ['not from 0', handMadeFile(`{"w":${f32(8, 16)}}`, 16), 'expected begin 0'],
  ['the same bytes twice', handMadeFile(`{"a":${f32(0, 8)},"b":${f32(0, 8)}}`, 8), 'tensor "b", data_offsets: expected begin 8'],
  ['overlap', handMadeFile(`{"a":${f32(0, 8)},"b":${f32(4, 12)}}`, 12), '(tensors overlap)'],
  ['a hole', handMadeFile(`{"a":${f32(0, 8)},"b":${f32(12, 20)}}`, 20), '(there is a hole)'],
  [
    'an empty tensor inside another',
    handMadeFile(`{"a":${f32(0, 8)},"e":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}`, 8),
    'tensor "e"',
  ],
  ['a hole at the end', handMadeFile(`{"a":${f32(0, 8)}}`, 16), 'data: expected 8 bytes, the end of the last tensor, got 16 bytes'],
  ['one byte behind the data', withW(good, 17), 'expected 16 bytes, the end of the last tensor, got 17 bytes'],
  ['data without tensors', handMadeFile('{}', 1), 'expected 0 bytes'],
];

const groups = { lengths, foreign, json, duplicates, metadata, fields, shapes, offsets };

/** `bytes` as a source that counts what is read from it. */
function countingSource(bytes: Uint8Array): ByteSource & { count: number } {
  const source = {
    size: bytes.length,
    count: 0,
    async read(from: number, to: number) {
      source.count += to - from;
      return bytes.slice(from, to);
    },
  };
  return source;
}

for (const [group, rows] of Object.entries(groups)) {
  describe(`refused: ${group}`, () => {
    test.each(rows)('%s', async (_why, file, message) => {
      const refuse = (): unknown => parseSafetensors(file, { name: 'some.safetensors' });
      expect(refuse).toThrow(SafetensorsError);
      expect(refuse).toThrow(message);
      expect(refuse).toThrow('safetensors some.safetensors, ');
      const source = countingSource(file);
      await expect(openSafetensors(source)).rejects.toThrow(message);
      expect(source.count).toBeLessThanOrEqual(file.length);
    });
  });
}

describe('accepted', () => {
  const rows: [why: string, file: Uint8Array, shapes: Record<string, number[]>][] = [
    ['no tensors', handMadeFile('{}'), {}],
    ['no tensors, spaces as padding', handMadeFile('{}      '), {}],
    [
      'white space of JSON everywhere',
      handMadeFile('{ "a" :\n{"dtype":"U8",\t"shape": [ 2 , 1 ] ,\r\n"data_offsets":[ 0,2 ]} }\n', 2),
      { a: [2, 1] },
    ],
    ['a header of odd length', handMadeFile(`{"w":{${good}}} `, 16), { w: [2, 2] }],
    ['fields in another order', withW('"data_offsets":[0,16],"shape":[4],"dtype":"F32"'), { w: [4] }],
    ['tensors in another order than their bytes', handMadeFile(`{"b":${f32(8, 16)},"a":${f32(0, 8)}}`, 16), { b: [2], a: [2] }],
    ['a scalar', handMadeFile('{"s":{"dtype":"F64","shape":[],"data_offsets":[0,8]}}', 8), { s: [] }],
    ['empty times huge', handMadeFile('{"z":{"dtype":"F32","shape":[0,1099511627776],"data_offsets":[0,0]}}'), { z: [0, 2 ** 40] }],
    ['huge times empty', handMadeFile('{"z":{"dtype":"F32","shape":[1099511627776,0],"data_offsets":[0,0]}}'), { z: [2 ** 40, 0] }],
    [
      'an empty tensor between two',
      handMadeFile(`{"e":{"dtype":"U8","shape":[0],"data_offsets":[8,8]},"b":${f32(8, 16)},"a":${f32(0, 8)}}`, 16),
      { e: [0], b: [2], a: [2] },
    ],
    ['4-bit floats', handMadeFile('{"w":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}', 2), { w: [4] }],
    ['6-bit floats', handMadeFile('{"w":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}', 3), { w: [4] }],
    ['64 dimensions', withShape(`[${'1,'.repeat(63)}4]`), { w: [...Array(63).fill(1), 4] }],
  ];
  test.each(rows)('%s', async (_why, bytes, shapes) => {
    const file = parseSafetensors(bytes);
    expect(file.names()).toEqual(Object.keys(shapes));
    for (const [name, shape] of Object.entries(shapes)) expect(file.entries.get(name)?.shape).toEqual(shape);
    expect((await openSafetensors(countingSource(bytes))).entries).toEqual(file.entries);
  });

  test.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'length', '', 'a..b', 'a\\nb', '\\ud842\\udfb7', '𠮷', '\\u0000'])(
    'the name %j',
    (name) => {
      const file = parseSafetensors(handMadeFile(`{"${name}":{${good}}}`, 16));
      const real = JSON.parse(`"${name}"`) as string;
      expect(file.names()).toEqual([real]);
      expect(file.get(real)).toMatchObject({ name: real, dtype: 'F32', shape: [2, 2] });
      expect(Object.hasOwn(Object.prototype, 'dtype')).toBe(false);
    },
  );

  test('metadata, with __proto__ and constructor as keys like any other', () => {
    const { metadata } = parseSafetensors(withMetadata('{"__proto__":"x","constructor":"y","format":"pt"}'));
    expect([...metadata]).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['format', 'pt'],
    ]);
    expect(parseSafetensors(handMadeFile('{}')).metadata.size).toBe(0);
  });

  test('100,000 tensors in linear time', () => {
    const members = Array.from({ length: 100_000 }, (_, i) => `"t${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`);
    const begin = performance.now();
    expect(parseSafetensors(handMadeFile(`{${members.join(',')}}`)).entries.size).toBe(100_000);
    expect(performance.now() - begin).toBeLessThan(20_000); // half a second, if the machine has nothing else to do
  });
});

test('an error says where as data too, and cuts long names short', () => {
  const error = catchError(() => parseSafetensors(withShape('[2]'), { name: 'x.safetensors' }));
  expect(error).toMatchObject({ name: 'SafetensorsError', file: 'x.safetensors', tensor: 'w', field: 'data_offsets', got: '[0,16]' });
  const long = catchError(() => parseSafetensors(handMadeFile(`{"${'n'.repeat(1_000_000)}":{}}`)));
  expect(long.message.length).toBeLessThan(300);
});

function catchError(act: () => unknown): SafetensorsError {
  try {
    act();
  } catch (error) {
    return error as SafetensorsError;
  }
  throw new Error('nothing was thrown');
}
