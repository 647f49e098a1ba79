/*
 * What a file says to look for, as a function that finds all of it.
 */

/** Where matches are in a text: starts and ends in turn, in reading order, without overlap. */
export interface Matcher {
  (text: string): number[];
  /** Of a pattern that matches every character of any text: where the match that begins at a place ends. */
  readonly scan?: (text: string, at: number) => number;
  /** The text itself, if it is a literal one that is looked for. */
  readonly literal?: string;
}

/** Finds a literal text; an empty one is never found. */
export function literalMatcher(wanted: string): Matcher {
  const matcher = (text: string): number[] => {
    const matches: number[] = [];
    if (wanted === '') return matches;
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) matches.push(at, at + wanted.length);
    return matches;
  };
  return Object.assign(matcher, { literal: wanted });
}

/** Finds each character of a set by itself. */
export function characterMatcher(test: (codePoint: number) => boolean): Matcher {
  return (text) => {
    const matches: number[] = [];
    for (let at = 0; at < text.length; ) {
      const codePoint = text.codePointAt(at) as number;
      const end = at + (codePoint > 0xffff ? 2 : 1);
      if (test(codePoint)) matches.push(at, end);
      at = end;
    }
    return matches;
  };
}
