/** Bytes that arrive in pieces, gathered in one array that grows with what has come, never with what was promised. */
import { SafetensorsError } from './error.js';
import { allocate } from './source.js';

const FIRST_BYTES = 1 << 20;

// A promise is believed as far as eight times what has come: big files are copied once or twice, a lie costs little.
const TRUST = 8;

export class ArrivingBytes {
  readonly #file: string | undefined;
  #bytes = new Uint8Array(0);
  #length = 0;
  #total: number | undefined;

  /** `total` bytes are to come, if that is known. */
  constructor(total: number | undefined, file: string | undefined) {
    this.#total = total;
    this.#file = file;
  }

  /** What has come so far: a view that the next `push` may leave behind. */
  get soFar(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** How many bytes are to come, once it is known. */
  get total(): number | undefined {
    return this.#total;
  }

  /** Sets how many bytes are to come. */
  expect(total: number): void {
    this.#total = total;
    this.#refuseMore();
  }

  push(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const most = this.#total ?? Number.POSITIVE_INFINITY;
      const room = Math.min(most, Math.max(FIRST_BYTES, length * (this.#total === undefined ? 2 : TRUST)));
      const grown = allocate(Math.max(room, length), this.#file);
      grown.set(this.soFar);
      this.#bytes = grown;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
    this.#refuseMore();
  }

  /** All bytes, when no more come; refuses fewer than were to come. */
  end(): Uint8Array {
    if (this.#total !== undefined && this.#length < this.#total) this.#refuse('the connection or the file was cut short');
    return this.soFar;
  }

  #refuseMore(): void {
    if (this.#total !== undefined && this.#length > this.#total) this.#refuse('there is more than was announced');
  }

  #refuse(hint: string): never {
    throw new SafetensorsError({ file: this.#file, field: 'fetch', expected: `${this.#total} bytes`, got: `${this.#length}`, hint });
  }
}
