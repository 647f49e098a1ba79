/*
 * Questions about characters, by code point. The answers are the engine's own Unicode tables, asked once for each character.
 */

/** Whether a character belongs to a set. */
export type CharacterTest = (codePoint: number) => boolean;

/** A set of characters from a regular expression that matches one character; remembers the answers below U+10000. */
export function characterTest(pattern: RegExp): CharacterTest {
  let known: Uint8Array | undefined;
  return (codePoint) => {
    if (codePoint > 0xffff) return pattern.test(String.fromCodePoint(codePoint));
    known ??= new Uint8Array(0x10000);
    let answer = known[codePoint];
    if (answer === 0) {
      answer = pattern.test(String.fromCharCode(codePoint)) ? 2 : 1;
      known[codePoint] = answer;
    }
    return answer === 2;
  };
}

export const isWhitespace: CharacterTest = /* @__PURE__ */ characterTest(/\p{White_Space}/u);
