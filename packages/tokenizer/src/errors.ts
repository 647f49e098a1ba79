/** Where in the input an error lies: the piece of text that was refused, and its start in UTF-16 code units. */
export interface ErrorPlace {
  token: string;
  position: number;
}

/**
 * The one error this package throws. Its message names the operation, the argument, what was expected and what was got.
 *
 * ```ts
 * import { CharacterTokenizer, TokenizerError } from '@multihead/tokenizer';
 *
 * const letters = new CharacterTokenizer('abc', { unknown: 'throw' });
 * try {
 *   letters.encode('cab!');
 * } catch (error) {
 *   error instanceof TokenizerError; // true
 *   error.position; // 3
 * }
 * ```
 */
export class TokenizerError extends Error {
  /** The operation that refused, for example `CharacterTokenizer.encode`. */
  readonly operation: string;
  /** The unknown piece of text, if that is what was refused. */
  readonly token: string | undefined;
  /** Where that piece begins, in UTF-16 code units of the text that was given. */
  readonly position: number | undefined;

  constructor(operation: string, problem: string, place?: ErrorPlace) {
    super(`${operation}: ${problem}`);
    this.name = 'TokenizerError';
    this.operation = operation;
    this.token = place?.token;
    this.position = place?.position;
  }
}

/** A text as an error message shows it: the part around a position, if all of it would be too long. */
export function showAround(text: string, position: number): string {
  if (text.length <= 60) return JSON.stringify(text);
  const start = Math.max(0, position - 30);
  const end = Math.min(text.length, position + 30);
  return JSON.stringify(`${start > 0 ? '…' : ''}${text.slice(start, end)}${end < text.length ? '…' : ''}`);
}

/** A value as an error message shows it: short, on one line, its type recognisable. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
