import { AudioError } from './sound.js';

/** Reads bits, the highest of each byte first. Throws an AudioError behind the last one. */
export class BitReader {
  readonly #bytes: Uint8Array;
  /** In bits. */
  #at = 0;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = 8 * at;
  }

  /** The byte that is read next, after the rest of this one is skipped. */
  align(): number {
    this.#at = 8 * Math.ceil(this.#at / 8);
    return this.#at / 8;
  }

  /** `count` bits, 32 at most, as a number from 0. */
  bits(count: number): number {
    if (this.#at + count > 8 * this.#bytes.length) throw new AudioError('decodeFlac: the file is cut off in a frame');
    let value = 0;
    for (let left = count; left > 0; ) {
      const inByte = 8 - (this.#at % 8);
      const taken = Math.min(left, inByte);
      const byte = this.#bytes[Math.floor(this.#at / 8)]!;
      value = value * 2 ** taken + ((byte >> (inByte - taken)) & (2 ** taken - 1));
      this.#at += taken;
      left -= taken;
    }
    return value;
  }

  /** The same in two's complement; 33 bits at most. */
  signed(count: number): number {
    if (count === 0) return 0;
    const value = count > 32 ? this.bits(count - 32) * 2 ** 32 + this.bits(32) : this.bits(count);
    return value >= 2 ** (count - 1) ? value - 2 ** count : value;
  }

  /** How many zeros stand before the next one, which is read, too. */
  unary(): number {
    let zeros = 0;
    for (;;) {
      const byte = this.#bytes[Math.floor(this.#at / 8)];
      if (byte === undefined) throw new AudioError('decodeFlac: the file is cut off in a frame');
      const left = 8 - (this.#at & 7);
      const rest = byte & (2 ** left - 1);
      if (rest === 0) {
        zeros += left;
        this.#at += left;
        continue;
      }
      const here = Math.clz32(rest) - (32 - left);
      this.#at += here + 1;
      return zeros + here;
    }
  }
}
