import { show, TokenizerError } from './errors.js';
import type { Direction, EncodeOptions, Encoding, Offset, Padding, Truncation } from './tokenizer.js';

/** A special token with its id, ready to be put into an encoding. */
export interface AddedToken {
  id: number;
  token: string;
}

/** Throws `TokenizerError` for options that no tokenizer could follow. */
export function checkEncodeOptions(operation: string, { truncation, padding }: EncodeOptions): void {
  if (truncation !== undefined) {
    checkLength(operation, 'truncation.maxLength', truncation.maxLength, 'a non-negative integer');
    checkDirection(operation, 'truncation.direction', truncation.direction);
  }
  if (padding !== undefined) {
    if (padding.length !== undefined && padding.length !== 'longest') {
      checkLength(operation, 'padding.length', padding.length, "'longest' or a non-negative integer");
    }
    checkDirection(operation, 'padding.direction', padding.direction);
  }
}

/** Cuts an encoding of text, to which `added` special tokens are yet to be added, to `maxLength - added` tokens. */
export function truncate(operation: string, encoding: Encoding, { maxLength, direction }: Truncation, added: number): Encoding {
  const length = maxLength - added;
  if (length < 0) {
    throw new TokenizerError(operation, `truncation.maxLength: expected at least ${added}, the special tokens added, got ${maxLength}`);
  }
  const count = encoding.ids.length;
  if (count <= length) return encoding;
  const [start, end] = direction === 'left' ? [count - length, count] : [0, length];
  return mapArrays(encoding, (array) => array.slice(start, end));
}

/** Puts bos before and eos after an encoding, each if it is given. */
export function frame(encoding: Encoding, bos: AddedToken | undefined, eos: AddedToken | undefined): Encoding {
  let framed = encoding;
  if (bos !== undefined) framed = concat(added(bos, 1, 1), framed);
  if (eos !== undefined) framed = concat(framed, added(eos, 1, 1));
  return framed;
}

/** Pads each encoding to the length that `padding` asks for. Longer ones stay as they are. */
export function pad(encodings: readonly Encoding[], padding: Padding, token: AddedToken): Encoding[] {
  const { length: wanted = 'longest', direction } = padding;
  const length = wanted === 'longest' ? encodings.reduce((most, { ids }) => Math.max(most, ids.length), 0) : wanted;
  return encodings.map((encoding) => {
    const missing = added(token, Math.max(0, length - encoding.ids.length), 0);
    return direction === 'left' ? concat(missing, encoding) : concat(encoding, missing);
  });
}

/** `count` times the same special token, which covers no text. */
function added({ id, token }: AddedToken, count: number, attention: 0 | 1): Encoding {
  const repeat = <T>(value: T): T[] => new Array<T>(count).fill(value);
  return {
    ids: repeat(id),
    tokens: repeat(token),
    offsets: repeat<Offset>([0, 0]),
    attentionMask: repeat<number>(attention),
    specialTokensMask: repeat(1),
  };
}

function concat(a: Encoding, b: Encoding): Encoding {
  return {
    ids: a.ids.concat(b.ids),
    tokens: a.tokens.concat(b.tokens),
    offsets: a.offsets.concat(b.offsets),
    attentionMask: a.attentionMask.concat(b.attentionMask),
    specialTokensMask: a.specialTokensMask.concat(b.specialTokensMask),
  };
}

function mapArrays(encoding: Encoding, change: <T>(array: T[]) => T[]): Encoding {
  return {
    ids: change(encoding.ids),
    tokens: change(encoding.tokens),
    offsets: change(encoding.offsets),
    attentionMask: change(encoding.attentionMask),
    specialTokensMask: change(encoding.specialTokensMask),
  };
}

function checkLength(operation: string, argument: string, length: unknown, expected: string): void {
  if (Number.isSafeInteger(length) && (length as number) >= 0) return;
  throw new TokenizerError(operation, `${argument}: expected ${expected}, got ${show(length)}`);
}

function checkDirection(operation: string, argument: string, direction: Direction | undefined): void {
  if (direction === undefined || direction === 'right' || direction === 'left') return;
  throw new TokenizerError(operation, `${argument}: expected 'right' or 'left', got ${show(direction)}`);
}
