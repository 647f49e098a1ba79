import { AudioError, channelsTaken, type DecodeOptions, type Sound } from './sound.js';

/*
 * WAV files: RIFF chunks of which `fmt ` says how the samples of `data` are written. Integers of 8 (unsigned), 16, 24 and 32 bits, floats of 32 and 64,
 * also in the extensible form, and the 8-bit laws of telephones.
 */

const [integers, floats, aLaw, muLaw, extensible] = [1, 3, 6, 7, 0xfffe];

interface Format {
  readonly code: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: number;
  /** Bytes of the samples of one moment. */
  readonly blockAlign: number;
}

/**
 * The sound of a WAV file: integers of 8, 16, 24 and 32 bits become x / 2^(bits - 1), floats stay what they are. Several channels become one, their mean
 * or the one that is asked for. A file that was streamed, with no length in it, ends where its bytes end.
 *
 * @throws AudioError for a file that is none, is cut off, or is written in another way; it says where and what.
 * @example
 * const { samples, sampleRate } = decodeWav(new Uint8Array(await (await fetch(url)).arrayBuffer()));
 */
export function decodeWav(bytes: Uint8Array, options: DecodeOptions = {}): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || !/^(RIFF|RF64)$/.test(tagAt(bytes, 0)) || tagAt(bytes, 8) !== 'WAVE') {
    throw new AudioError(`decodeWav: bytes: expected a file that begins with RIFF and WAVE, got ${bytes.length} bytes of another kind`);
  }
  let format: Format | null = null;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const tag = tagAt(bytes, at);
    const size = view.getUint32(at + 4, true);
    const from = at + 8;
    if (tag === 'fmt ') format = formatAt(view, from, size);
    if (tag === 'data') return soundOf(view, { from, size }, format, options);
    at = from + size + (size % 2);
  }
  throw new AudioError(`decodeWav: bytes: expected a chunk "data", got none in ${bytes.length} bytes`);
}

function tagAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function formatAt(view: DataView, at: number, size: number): Format {
  if (size < 16 || at + size > view.byteLength)
    throw new AudioError(`decodeWav: chunk "fmt ": expected at least 16 bytes, got ${Math.min(size, view.byteLength - at)}`);
  const code = view.getUint16(at, true);
  const format = {
    // The extensible form has the code as the first bytes of an identifier.
    code: code === extensible && size >= 26 ? view.getUint16(at + 24, true) : code,
    channels: view.getUint16(at + 2, true),
    sampleRate: view.getUint32(at + 4, true),
    blockAlign: view.getUint16(at + 12, true),
    bits: view.getUint16(at + 14, true),
  };
  const { channels, sampleRate, bits, blockAlign } = format;
  if (channels === 0 || sampleRate === 0)
    throw new AudioError(`decodeWav: expected channels and a rate, got ${channels} at ${sampleRate} Hz`);
  if (!readers(format)) throw new AudioError(`decodeWav: expected 8 to 32 bits or floats, got ${bits} bits of the format ${format.code}`);
  const expected = channels * Math.ceil(bits / 8);
  if (blockAlign !== expected) throw new AudioError(`decodeWav: expected ${expected} bytes for ${channels} samples, got ${blockAlign}`);
  return format;
}

/** Reads the sample at a byte; null for formats that are not read. */
function readers({ code, bits }: Format): ((view: DataView, at: number) => number) | null {
  if (code === integers) {
    if (bits === 8) return (view, at) => (view.getUint8(at) - 128) / 128;
    if (bits === 16) return (view, at) => view.getInt16(at, true) / 2 ** 15;
    if (bits === 24) return (view, at) => (view.getUint16(at, true) + 65536 * view.getInt8(at + 2)) / 2 ** 23;
    if (bits === 32) return (view, at) => view.getInt32(at, true) / 2 ** 31;
  }
  if (code === floats && bits === 32) return (view, at) => view.getFloat32(at, true);
  if (code === floats && bits === 64) return (view, at) => view.getFloat64(at, true);
  if (code === aLaw && bits === 8) return (view, at) => expandA(view.getUint8(at));
  if (code === muLaw && bits === 8) return (view, at) => expandMu(view.getUint8(at));
  return null;
}

function expandMu(byte: number): number {
  const code = ~byte & 0xff;
  const size = (((code & 15) << 3) + 132) << ((code >> 4) & 7);
  return ((code & 128 ? -1 : 1) * (size - 132)) / 32768;
}

function expandA(byte: number): number {
  const code = byte ^ 0x55;
  const exponent = (code >> 4) & 7;
  const mantissa = (code & 15) << 4;
  const size = exponent === 0 ? mantissa + 8 : (mantissa + 264) << (exponent - 1);
  return ((code & 128 ? 1 : -1) * size) / 32768;
}

function soundOf(view: DataView, { from, size }: { from: number; size: number }, format: Format | null, options: DecodeOptions): Sound {
  if (!format) throw new AudioError('decodeWav: expected a chunk "fmt " before "data", got none');
  const { channels, blockAlign, sampleRate } = format;
  const there = view.byteLength - from;
  // What writes to a pipe does not know the length: 0 or the largest number stands for "to the end".
  const isOpen = size >= 0xffff_ff00 || (size === 0 && there > 0);
  if (!isOpen && size > there) throw new AudioError(`decodeWav: chunk "data": expected ${size} bytes, got ${there}: the file is cut off`);
  const moments = Math.floor((isOpen ? there : size) / blockAlign);
  if (moments === 0) throw new AudioError('decodeWav: chunk "data": expected at least one sample, got none');
  const read = readers(format)!;
  const width = blockAlign / channels;
  const taken = channelsTaken('decodeWav', channels, options);
  const samples = new Float32Array(moments);
  for (let i = 0; i < moments; i++) {
    let sum = 0;
    for (const c of taken) sum += read(view, from + i * blockAlign + c * width);
    samples[i] = sum / taken.length;
  }
  const wrong = samples.findIndex((x) => !Number.isFinite(x));
  if (wrong >= 0) throw new AudioError(`decodeWav: expected finite samples, got ${samples[wrong]} at ${wrong}`);
  return { samples, sampleRate };
}

/**
 * A WAV file of one channel, integers of 16 bits: x · 2¹⁵, rounded, cut off at -1 and 1. What `decodeWav` reads back is nearer than 2⁻¹⁵.
 *
 * @example
 * await writeFile('tone.wav', encodeWav({ samples, sampleRate: 16000 }));
 */
export function encodeWav({ samples, sampleRate }: Sound): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(44 + 2 * samples.length);
  const view = new DataView(bytes.buffer);
  const text = (at: number, value: string) => bytes.set(new TextEncoder().encode(value), at);
  text(0, 'RIFF');
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, integers, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, 2 * samples.length, true);
  for (let i = 0; i < samples.length; i++) {
    view.setInt16(44 + 2 * i, Math.max(-32768, Math.min(32767, Math.round(samples[i]! * 32768))), true);
  }
  return bytes;
}
