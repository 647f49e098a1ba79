/*
 * Just enough of the Protocol Buffers wire format to write an ONNX file. A message is a list of chunks; large ones (weights) are not
 * copied until the file is put together.
 */

export type Message = readonly Uint8Array[];

const utf8 = new TextEncoder();

/** A base-128 number, low bits first; negative ones as 64-bit two's complement. */
export function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

const key = (field: number, wireType: 0 | 2 | 5) => varint((field << 3) | wireType);

export function int(field: number, value: number | bigint): Message {
  return [key(field, 0), varint(value)];
}

export function float(field: number, value: number): Message {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return [key(field, 5), bytes];
}

export function bytes(field: number, value: Uint8Array): Message {
  return [key(field, 2), varint(value.length), value];
}

export function text(field: number, value: string): Message {
  return bytes(field, utf8.encode(value));
}

export function message(field: number, content: Message): Message {
  return [key(field, 2), varint(sizeOf(content)), ...content];
}

export function join(content: Message): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(sizeOf(content));
  let at = 0;
  for (const chunk of content) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

function sizeOf(content: Message): number {
  return content.reduce((sum, chunk) => sum + chunk.length, 0);
}
