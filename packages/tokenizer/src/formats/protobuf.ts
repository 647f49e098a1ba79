import { TokenizerError } from '../errors.js';

/** One field of a protocol buffer: a number for the wire types of numbers, the bytes themselves for the type with a length. */
export type Field = [number: number, value: number | Uint8Array];

/**
 * The fields of a message, in order. Nothing is copied. Only the wire types that proto2 messages have are read; groups, unknown types, numbers
 * of more than ten bytes and lengths that reach over the end throw `TokenizerError`.
 *
 * 64-bit numbers lose what a double cannot hold.
 */
export function* fields(operation: string, bytes: Uint8Array): Generator<Field> {
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    const start = reader.at;
    const tag = varint(operation, reader);
    const number = Math.floor(tag / 8);
    if (number < 1 || number >= 2 ** 29) throw broken(operation, start, `a field number from 1 to ${2 ** 29 - 1}, got ${number}`);
    const wire = tag % 8;
    if (wire === 0) yield [number, varint(operation, reader)];
    else if (wire === 1) yield [number, take(operation, reader, 8)];
    else if (wire === 2) yield [number, take(operation, reader, varint(operation, reader))];
    else if (wire === 5) yield [number, take(operation, reader, 4)];
    else throw broken(operation, start, `a field of wire type 0, 1, 2 or 5, got type ${wire}`);
  }
}

interface Reader {
  readonly bytes: Uint8Array;
  at: number;
}

/** Seven bits a byte, the lowest first. */
function varint(operation: string, reader: Reader): number {
  const start = reader.at;
  let value = 0;
  let scale = 1;
  for (let count = 0; count < 10; count++) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) throw broken(operation, start, 'a whole number, got the end of the file');
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    scale *= 128;
  }
  throw broken(operation, start, 'a number of at most ten bytes, got more');
}

function take(operation: string, reader: Reader, length: number): Uint8Array {
  const rest = reader.bytes.length - reader.at;
  if (length > rest) throw broken(operation, reader.at, `${length} bytes, got ${rest}`);
  reader.at += length;
  return reader.bytes.subarray(reader.at - length, reader.at);
}

function broken(operation: string, at: number, problem: string): TokenizerError {
  return new TokenizerError(operation, `bytes: expected at byte ${at} of a message ${problem}`);
}
