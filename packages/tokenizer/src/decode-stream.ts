/** Decodes ids one by one. Made by `decodeStream`. */
export class DecodeStream {
  readonly #decode: (ids: readonly number[]) => string;
  /** The ids that the next text may depend on, of which the first `#settled` are behind the text `#prefix`, which was returned. */
  #ids: number[] = [];
  #prefix = '';
  #settled = 0;

  constructor(decode: (ids: readonly number[]) => string) {
    this.#decode = decode;
  }

  /** The text that this id completes; empty while a character is not complete. */
  push(id: number): string {
    if (this.#prefix === '' && this.#ids.length > 0) {
      const text = this.#decode(this.#ids);
      if (!text.endsWith('\uFFFD')) {
        this.#prefix = text;
        this.#settled = this.#ids.length;
      }
    }
    this.#ids.push(id);
    const text = this.#decode(this.#ids);
    if (text.length <= this.#prefix.length || text.endsWith('\uFFFD')) return '';
    const fresh = text.slice(commonLength(text, this.#prefix));
    const settled = this.#ids.length - this.#settled;
    this.#ids = this.#ids.slice(this.#settled);
    this.#prefix = this.#decode(this.#ids);
    this.#settled = settled;
    return fresh;
  }

  /** What is left, half a character as U+FFFD. The stream is as new then. */
  end(): string {
    const text = this.#decode(this.#ids);
    const rest = text.slice(commonLength(text, this.#prefix));
    this.#ids = [];
    this.#prefix = '';
    this.#settled = 0;
    return rest;
  }
}

/** The prefix's length, if the text begins with it: else where they part. */
function commonLength(text: string, prefix: string): number {
  if (text.startsWith(prefix)) return prefix.length;
  let length = 0;
  while (length < prefix.length && text[length] === prefix[length]) length++;
  return length;
}
