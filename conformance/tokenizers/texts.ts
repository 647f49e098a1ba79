import type { TextsDocument } from './document.js';

/** The texts of the suite, by name. */
export class Texts {
  readonly #texts: ReadonlyMap<string, string>;

  constructor({ texts, utf16 = {} }: TextsDocument) {
    const units = Object.entries(utf16).map(([name, codes]) => [name, String.fromCharCode(...codes)] as const);
    this.#texts = new Map([...Object.entries(texts), ...units]);
  }

  get(name: string): string {
    const text = this.#texts.get(name);
    if (text === undefined) throw new Error(`texts.json has no text ${name}`);
    return text;
  }
}
