import { show, TokenizerError } from '../errors.js';
import type { Direction } from '../tokenizer.js';
import { lengthOf, type Part, type Segment } from './post-processor.js';

/** From which text tokens are cut: from the longer one, or from one alone. */
export type TruncationStrategy = 'longest_first' | 'only_first' | 'only_second';

export interface TruncationRules {
  maxLength: number;
  direction: Direction;
  strategy: TruncationStrategy;
  /** How many tokens of one part the next one begins with. */
  stride: number;
}

/** The tokens of one text or of a pair cut to `maxLength` together. Throws `TokenizerError` where the strategy cannot. */
export function truncateParts(operation: string, parts: readonly Part[], rules: TruncationRules): readonly Part[] {
  const { maxLength, strategy } = rules;
  const lengths = parts.map(({ segments }) => lengthOf(segments));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (maxLength === 0) return parts.map((part) => truncatePart(operation, part, 0, rules));
  if (total <= maxLength) return parts;
  if (strategy !== 'longest_first') {
    const index = strategy === 'only_first' ? 0 : 1;
    const length = lengths[index];
    if (length === undefined)
      throw new TokenizerError(operation, `truncation.strategy: 'only_second' needs a pair of texts, and there is one text`);
    const rest = length - (total - maxLength);
    if (rest <= 0) {
      throw new TokenizerError(
        operation,
        `truncation: expected more than ${total - maxLength} tokens in the text to be cut, got ${length}`,
      );
    }
    return parts.map((part, i) => (i === index ? truncatePart(operation, part, rest, rules) : part));
  }
  const [first = 0, second] = lengths;
  if (second === undefined) return parts.map((part) => truncatePart(operation, part, maxLength, rules));
  const shares = shared(first, second, maxLength);
  return parts.map((part, i) => truncatePart(operation, part, shares[i] as number, rules));
}

/** How many tokens two texts keep. The shorter one keeps all, if there is room for it. */
function shared(first: number, second: number, most: number): [number, number] {
  let short = Math.min(first, second);
  let long = short > most ? short : Math.max(short, most - short);
  if (short + long > most) {
    short = Math.floor(most / 2);
    long = short + (most % 2);
  }
  return first > second ? [long, short] : [short, long];
}

/** The tokens of one text in parts of `length`, of which each begins with the last `stride` of the one before. */
function truncatePart(operation: string, part: Part, length: number, { stride, direction }: TruncationRules): Part {
  const [segment] = part.segments as readonly [Extract<Segment, { kind: 'text' }>];
  const count = segment.to - segment.from;
  if (length >= count) return part;
  const cut = (from: number, to: number): Part => ({ segments: [{ ...segment, from, to }], overflowing: [] });
  if (length === 0) return { ...cut(0, 0), overflowing: [part] };
  if (stride >= length) {
    throw new TokenizerError(
      operation,
      `truncation.stride: expected less than the ${length} tokens that are left of the text, got ${show(stride)}`,
    );
  }
  const parts: Part[] = [];
  for (let done = 0; ; done += length - stride) {
    const end = Math.min(done + length, count);
    parts.push(direction === 'left' ? cut(count - end, count - done) : cut(done, end));
    if (end === count) break;
  }
  return { segments: (parts[0] as Part).segments, overflowing: parts.slice(1) };
}
