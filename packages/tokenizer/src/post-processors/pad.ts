import type { Direction } from '../tokenizer.js';
import { lengthOf, type Part, type Segment } from './post-processor.js';

/** What is put where tokens are missing. */
export interface PadToken {
  id: number;
  token: string;
  typeId: number;
}

/** Each part, and what was cut off from it, padded to a length. Longer ones stay as they are. */
export function padParts(parts: readonly Part[], length: number, direction: Direction, token: PadToken): Part[] {
  return parts.map((part) => padded(part, length, direction, token));
}

function padded(part: Part, length: number, direction: Direction, { id, token, typeId }: PadToken): Part {
  const overflowing = part.overflowing.map((overflow) => padded(overflow, length, direction, { id, token, typeId }));
  const missing = length - lengthOf(part.segments);
  if (missing <= 0) return { ...part, overflowing };
  const ids = new Array<number>(missing).fill(id);
  const padding: Segment = { kind: 'padding', ids, tokens: new Array<string>(missing).fill(token), typeId };
  return { segments: direction === 'left' ? [padding, ...part.segments] : [...part.segments, padding], overflowing };
}
