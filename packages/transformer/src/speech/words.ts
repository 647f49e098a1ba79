/*
 * Words of tokens. Tokens are parts of words, and some are parts of characters.
 */

export interface TokenWord {
  readonly text: string;
  readonly ids: readonly number[];
}

type Decode = (ids: readonly number[]) => string;

/** Languages that put no spaces between words: there each character, or as many as a token has, counts as one. */
const withoutSpaces = new Set(['zh', 'ja', 'th', 'lo', 'my', 'yue']);

const punctuation = /^[!-/:-@[-`{-~]+$/;

/**
 * The words of text ids, with the space before each. Words begin at spaces, or at punctuation that stands alone; in languages that write without spaces
 * wherever tokens are whole characters.
 */
export function splitWords(ids: readonly number[], decode: Decode, language: string | null): TokenWord[] {
  const parts = splitCharacters(ids, decode);
  if (language !== null && withoutSpaces.has(language)) return parts;
  const words: TokenWord[] = [];
  for (const part of parts) {
    const last = words.at(-1);
    if (!last || part.text.startsWith(' ') || punctuation.test(part.text.trim())) words.push(part);
    else words[words.length - 1] = { text: last.text + part.text, ids: [...last.ids, ...part.ids] };
  }
  return words;
}

/** Runs of tokens that are whole characters together. */
function splitCharacters(ids: readonly number[], decode: Decode): TokenWord[] {
  const broken = '\ufffd';
  const whole = decode(ids);
  const parts: TokenWord[] = [];
  let open: number[] = [];
  let length = 0;
  for (const id of ids) {
    open.push(id);
    const text = decode(open);
    const at = text.indexOf(broken);
    // What is broken in the whole text, too, will not be made whole by more tokens.
    if (at >= 0 && whole[length + at] !== broken) continue;
    parts.push({ text, ids: open });
    length += text.length;
    open = [];
  }
  if (open.length > 0) parts.push({ text: decode(open), ids: open });
  return parts;
}

const opening = '"\'“¿([{-';
const closing = '"\'.。,，!！?？:：”)]}、';

/** Words with the punctuation that belongs to them: opening marks go to the word behind them, closing ones to that before. */
export function mergePunctuation<T extends { text: string; ids: readonly number[] }>(words: readonly T[]): T[] {
  const forward: T[] = [];
  for (const word of words.toReversed()) {
    const next = forward[0];
    const isMark = word.text.startsWith(' ') && word.text.trim() !== '' && opening.includes(word.text.trim());
    if (next && isMark) forward[0] = { ...next, text: word.text + next.text, ids: [...word.ids, ...next.ids] };
    else forward.unshift(word);
  }
  const merged: T[] = [];
  for (const word of forward) {
    const last = merged.at(-1);
    const isMark = word.text !== '' && closing.includes(word.text);
    if (last && isMark && !last.text.endsWith(' ')) {
      merged[merged.length - 1] = { ...last, text: last.text + word.text, ids: [...last.ids, ...word.ids] };
    } else merged.push(word);
  }
  return merged;
}
