import { show, TokenizerError } from '../errors.js';

/** The lines of a text file, without the empty one after the last line break. */
export function linesOf(operation: string, argument: string, text: unknown): string[] {
  if (typeof text !== 'string') throw new TokenizerError(operation, `${argument}: expected the text of a file, got ${show(text)}`);
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
