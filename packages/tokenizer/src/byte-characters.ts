/*
 * GPT-2's alphabet: a visible character for each of the 256 bytes, so that any UTF-8 is text without white space and controls.
 */

/** The character of each byte. */
export const characterOfByte: readonly string[] = /* @__PURE__ */ alphabet();

const bytesOfCharacters: ReadonlyMap<string, number> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ characterOfByte.map((character, byte) => [character, byte]),
);

/** The byte of a character; undefined if it stands for none. */
export function byteOfCharacter(character: string): number | undefined {
  return bytesOfCharacters.get(character);
}

function alphabet(): string[] {
  let extra = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(visible ? byte : extra++);
  });
}

/** The bytes of a text, in the alphabet. */
export function byteCharacters(text: string): string {
  let result = '';
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) {
      result += characterOfByte[unit];
    } else if (unit < 0x800) {
      result += (characterOfByte[0xc0 | (unit >> 6)] as string) + characterOfByte[0x80 | (unit & 63)];
    } else if (unit < 0xd800 || unit > 0xdfff) {
      result +=
        (characterOfByte[0xe0 | (unit >> 12)] as string) + characterOfByte[0x80 | ((unit >> 6) & 63)] + characterOfByte[0x80 | (unit & 63)];
    } else {
      const codePoint = text.codePointAt(at) as number;
      at++;
      result +=
        (characterOfByte[0xf0 | (codePoint >> 18)] as string) +
        characterOfByte[0x80 | ((codePoint >> 12) & 63)] +
        characterOfByte[0x80 | ((codePoint >> 6) & 63)] +
        characterOfByte[0x80 | (codePoint & 63)];
    }
  }
  return result;
}
