/** Ids to text. */
type Decode = (ids: readonly number[]) => string;

/**
 * Text from ids that come one by one. A piece is whole characters and whole graphemes: bytes wait for the rest of their character, and the text of
 * an id waits for that of the next one, which may bring a skin tone, an accent, the other half of a flag or a line feed behind a carriage return.
 */
export class TextStream {
  readonly #decode: Decode;
  readonly #graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  /** Ids whose text depends on each other; that of the first `#settled` has come already. */
  #ids: number[] = [];
  #settled = 0;
  /** Text that has not been given yet. */
  #held = '';

  constructor(decode: Decode) {
    this.#decode = decode;
  }

  /** The text that is whole now; '' while there is none. */
  push(id: number): string {
    this.#ids.push(id);
    const fresh = this.#fresh();
    return fresh === '' || fresh.endsWith('\uFFFD') ? '' : this.#release(fresh);
  }

  /** What is left, half a character as U+FFFD. */
  end(): string {
    const rest = this.#held + this.#fresh();
    this.#ids = [];
    this.#settled = 0;
    this.#held = '';
    return rest;
  }

  /** The text behind that of the ids that are settled. A decoder may change the end of that text, as where it takes back a space before a comma. */
  #fresh(): string {
    const [text, before] = [this.#decode(this.#ids), this.#decode(this.#ids.slice(0, this.#settled))];
    let same = 0;
    while (same < before.length && text[same] === before[same]) same++;
    return text.slice(same);
  }

  #release(fresh: string): string {
    // The next text is decoded behind the ids that have made this one, since some decoders treat the first id of a text as such.
    this.#ids = this.#ids.slice(this.#settled);
    this.#settled = this.#ids.length;
    const text = this.#held + fresh;
    let cut = 0;
    for (const { index } of this.#graphemes.segment(text)) {
      if (index > this.#held.length) break;
      cut = index;
    }
    this.#held = text.slice(cut);
    return text.slice(0, cut);
  }
}
