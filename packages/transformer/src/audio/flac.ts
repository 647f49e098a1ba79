import { BitReader } from './bit-reader.js';
import { AudioError, channelsTaken, type DecodeOptions, type Sound } from './sound.js';

/*
 * FLAC files, as RFC 9639 says: frames of some thousand moments, for each channel a prediction from the samples before and what it lacks, in Rice's code. All
 * of it is integers, so that a decoder is either right or wrong; two checksums of each frame tell. The decoders on npm are compiled C of a megabyte,
 * or stand on a parser under the LGPL.
 */

interface StreamInfo {
  readonly sampleRate: number;
  readonly channels: number;
  readonly bits: number;
  /** Moments in all; 0 if the file does not say. */
  readonly total: number;
}

/**
 * The sound of a FLAC file: integers of 4 to 32 bits become x / 2^(bits - 1). Several channels become one, their mean or the one that is asked for.
 *
 * @throws AudioError for a file that is none, is cut off or damaged: the checksum of each frame is held against it.
 * @example
 * const { samples, sampleRate } = decodeFlac(new Uint8Array(await (await fetch(url)).arrayBuffer()));
 * // van Beurden and Weaver, RFC 9639, 2024.
 */
export function decodeFlac(bytes: Uint8Array, options: DecodeOptions = {}): Sound {
  const { info, from } = readMetadata(bytes);
  const { channels, bits, total, sampleRate } = info;
  const taken = channelsTaken('decodeFlac', channels, options);
  const scale = 2 ** (1 - bits) / taken.length;
  const blocks: Float32Array[] = [];
  let moments = 0;
  for (let at = from; at < bytes.length && (total === 0 || moments < total); ) {
    const frame = readFrame(bytes, at, info);
    const block = new Float32Array(frame.channels[0]!.length);
    for (let i = 0; i < block.length; i++) {
      let sum = 0;
      for (const c of taken) sum += frame.channels[c]![i]!;
      block[i] = sum * scale;
    }
    blocks.push(block);
    moments += block.length;
    at = frame.end;
    // Silence takes no place in a file, but in memory.
    if (moments > most) throw new AudioError(`decodeFlac: expected no more than ${most} moments, got more of ${bytes.length} bytes`);
  }
  if (moments === 0) throw new AudioError('decodeFlac: expected at least one frame, got none');
  if (moments < total) throw new AudioError(`decodeFlac: expected ${total} moments, got ${moments}: the file is cut off`);
  const samples = new Float32Array(moments);
  let at = 0;
  for (const block of blocks) {
    samples.set(block, at);
    at += block.length;
  }
  return { samples, sampleRate };
}

/** Three hours at 48 kHz. */
const most = 2 ** 29;

function readMetadata(bytes: Uint8Array): { info: StreamInfo; from: number } {
  if (bytes.length < 42 || String.fromCharCode(...bytes.subarray(0, 4)) !== 'fLaC') {
    throw new AudioError(`decodeFlac: bytes: expected a file that begins with fLaC, got ${bytes.length} bytes of another kind`);
  }
  const reader = new BitReader(bytes, 4);
  let info: StreamInfo | null = null;
  for (let isLast = false; !isLast; ) {
    isLast = reader.bits(1) === 1;
    const [type, size] = [reader.bits(7), reader.bits(24)];
    const from = reader.align();
    if (from + size > bytes.length) throw new AudioError('decodeFlac: the file is cut off before its first frame');
    if (type === 0) {
      const fields = new BitReader(bytes, from + 10);
      const [sampleRate, channels, bits] = [fields.bits(20), fields.bits(3) + 1, fields.bits(5) + 1];
      info = { sampleRate, channels, bits, total: fields.bits(4) * 2 ** 32 + fields.bits(32) };
    }
    if (isLast) {
      if (!info || info.sampleRate === 0) throw new AudioError('decodeFlac: expected a block STREAMINFO with a rate, got none');
      return { info, from: from + size };
    }
    for (let i = 0; i < size; i++) reader.bits(8);
  }
  throw new AudioError('decodeFlac: expected a last block of metadata, got none');
}

/** How the channels of a frame are stored: each alone, or one beside a difference. */
type Layout = 'alone' | 'left-side' | 'side-right' | 'mid-side';

interface FrameHeader {
  readonly size: number;
  readonly bits: number;
  readonly channels: number;
  readonly layout: Layout;
}

function readFrame(bytes: Uint8Array, at: number, info: StreamInfo): { channels: Int32Array[]; end: number } {
  const reader = new BitReader(bytes, at);
  const header = readHeader(reader, bytes, at, info);
  const { layout, bits } = header;
  const channels = Array.from({ length: header.channels }, (_, c) => {
    const isSide = layout !== 'alone' && c === (layout === 'side-right' ? 0 : 1);
    return readSubframe(reader, header.size, bits + (isSide ? 1 : 0));
  });
  const end = reader.align();
  if (reader.bits(16) !== checksum(bytes.subarray(at, end), 16, 0x8005)) {
    throw new AudioError(`decodeFlac: the frame at byte ${at} is damaged: its checksum differs`);
  }
  return { channels: joined(channels, layout), end: end + 2 };
}

const sizes: Readonly<Record<number, number>> = { 1: 192, 2: 576, 3: 1152, 4: 2304, 5: 4608 };
const widths: readonly number[] = [0, 8, 12, 0, 16, 20, 24, 32];

function readHeader(reader: BitReader, bytes: Uint8Array, at: number, info: StreamInfo): FrameHeader {
  const wrong = (what: string) => new AudioError(`decodeFlac: the frame at byte ${at} is damaged: ${what}`);
  if (reader.bits(15) !== 0x7ffc) throw wrong('it does not begin as frames do');
  reader.bits(1); // whether blocks differ in size: they say theirs anyway
  const [sizeCode, rateCode, channelCode, widthCode, reserved] = [reader.bits(4), reader.bits(4), reader.bits(4), reader.bits(3), reader.bits(1)]; // biome-ignore format: one row of fields
  if (sizeCode === 0 || rateCode === 15 || channelCode > 10 || widthCode === 3 || reserved === 1)
    throw wrong('its header has reserved values');
  // The number of the frame, written as UTF-8 writes code points.
  const lead = reader.bits(8);
  const more = lead < 0x80 ? 0 : Math.clz32(~(lead << 24)) - 1;
  if (more < 0 || more === 0 ? lead >= 0x80 : more > 6) throw wrong('its number is not one');
  for (let i = 0; i < more; i++) reader.bits(8);
  const size = sizeCode === 6 ? reader.bits(8) + 1 : sizeCode === 7 ? reader.bits(16) + 1 : (sizes[sizeCode] ?? 2 ** sizeCode);
  if (rateCode === 12) reader.bits(8);
  if (rateCode > 12) reader.bits(16);
  const end = reader.align();
  if (reader.bits(8) !== checksum(bytes.subarray(at, end), 8, 0x07)) throw wrong('the checksum of its header differs');
  const channels = channelCode < 8 ? channelCode + 1 : 2;
  const bits = widths[widthCode] || info.bits;
  if (channels !== info.channels || bits !== info.bits) throw wrong('its channels or bits are not those of the file');
  return { size, bits, channels, layout: channelCode < 8 ? 'alone' : (['left-side', 'side-right', 'mid-side'] as const)[channelCode - 8]! };
}

function readSubframe(reader: BitReader, size: number, bitsPerSample: number): Int32Array | Float64Array | never {
  if (reader.bits(1) !== 0) throw new AudioError('decodeFlac: a subframe does not begin with 0');
  const type = reader.bits(6);
  const wasted = reader.bits(1) === 1 ? reader.unary() + 1 : 0;
  const bits = bitsPerSample - wasted;
  if (bits < 1) throw new AudioError(`decodeFlac: a subframe says that ${wasted} of ${bitsPerSample} bits are not used`);
  // Differences of samples of 32 bits have 33, more than an Int32Array holds.
  const samples = bitsPerSample > 32 ? new Float64Array(size) : new Int32Array(size);
  if (type === 0) samples.fill(reader.signed(bits));
  else if (type === 1) for (let i = 0; i < size; i++) samples[i] = reader.signed(bits);
  else if (type >= 8 && type <= 12) predicted(reader, samples, bits, { order: type - 8, fixed: true });
  else if (type >= 32) predicted(reader, samples, bits, { order: type - 31, fixed: false });
  else throw new AudioError(`decodeFlac: a subframe has the reserved type ${type}`);
  if (wasted > 0) for (let i = 0; i < size; i++) samples[i] = samples[i]! * 2 ** wasted;
  return samples;
}

/** What the next sample is thought to be, from those before it: lines, parabolas and so on through the last ones. */
const fixedCoefficients: readonly (readonly number[])[] = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]];

function predicted(
  reader: BitReader,
  samples: Int32Array | Float64Array,
  bits: number,
  { order, fixed }: { order: number; fixed: boolean },
): void {
  if (order > samples.length) throw new AudioError(`decodeFlac: a prediction from ${order} samples, and there are ${samples.length}`);
  for (let i = 0; i < order; i++) samples[i] = reader.signed(bits);
  let coefficients = fixedCoefficients[order]!;
  let shift = 0;
  if (!fixed) {
    const precision = reader.bits(4) + 1;
    shift = reader.signed(5);
    if (precision === 16 || shift < 0) throw new AudioError('decodeFlac: a subframe has a reserved precision or shift');
    coefficients = Array.from({ length: order }, () => reader.signed(precision));
  }
  readResidual(reader, samples, order);
  const scale = 2 ** shift;
  for (let i = order; i < samples.length; i++) {
    let sum = 0; // exact: coefficients have 15 bits, samples 33, and there are 32
    for (let j = 0; j < order; j++) sum += coefficients[j]! * samples[i - 1 - j]!;
    samples[i]! += Math.floor(sum / scale);
  }
}

/** Rice's code: what is far from 0 is longer. Partitions of the block have codes of their own. */
function readResidual(reader: BitReader, samples: Int32Array | Float64Array, order: number): void {
  const method = reader.bits(2);
  if (method > 1) throw new AudioError(`decodeFlac: a subframe has the reserved coding ${method}`);
  const width = method === 0 ? 4 : 5;
  const partitions = 2 ** reader.bits(4);
  const length = samples.length / partitions;
  if (!Number.isInteger(length) || length < order) throw new AudioError(`decodeFlac: ${samples.length} samples in ${partitions} parts`);
  let i = order;
  for (let part = 1; part <= partitions; part++) {
    const parameter = reader.bits(width);
    if (parameter === 2 ** width - 1) {
      const bits = reader.bits(5);
      for (; i < part * length; i++) samples[i] = reader.signed(bits);
      continue;
    }
    for (; i < part * length; i++) {
      const code = reader.unary() * 2 ** parameter + reader.bits(parameter);
      samples[i] = code % 2 === 0 ? code / 2 : -(code + 1) / 2;
    }
  }
}

/** Left and right, of what a frame has instead. */
function joined(channels: (Int32Array | Float64Array)[], layout: Layout): Int32Array[] {
  const whole = (x: ArrayLike<number>) => (x instanceof Int32Array ? x : Int32Array.from(x));
  if (layout === 'alone') return channels.map(whole);
  const [a, b] = channels as [Int32Array, Int32Array];
  const pair = [new Int32Array(a.length), new Int32Array(a.length)] as const;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    if (layout === 'left-side') [pair[0][i], pair[1][i]] = [x, x - y];
    else if (layout === 'side-right') [pair[0][i], pair[1][i]] = [x + y, y];
    else {
      const sum = 2 * x + Math.abs(y % 2); // the bit that halving lost is that of the difference
      [pair[0][i], pair[1][i]] = [(sum + y) / 2, (sum - y) / 2];
    }
  }
  return [...pair];
}

/** A cyclic redundancy check of 8 or 16 bits. */
function checksum(bytes: Uint8Array, width: 8 | 16, polynomial: number): number {
  const top = 1 << (width - 1);
  const most = 2 ** width - 1;
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << (width - 8);
    for (let bit = 0; bit < 8; bit++) crc = (crc & top ? (crc << 1) ^ polynomial : crc << 1) & most;
  }
  return crc;
}
