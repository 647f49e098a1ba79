import type { PreTokenizer, Spans } from './pre-tokenizer.js';

/** A pre-tokenizer that cuts and then makes bytes of the pieces, without the bytes. */
export interface ByteSpans {
  /** The text, with the space before it that the pre-tokenizer puts there. */
  prepared(text: string): string;
  spans: Spans;
}

/** Undefined for a pre-tokenizer that does something else, too. */
export function byteSpans(preTokenizer: PreTokenizer | undefined): ByteSpans | undefined {
  const steps = preTokenizer === undefined ? [] : flat(preTokenizer);
  const last = steps.at(-1);
  const before: Spans[] = [];
  for (const step of steps.slice(0, -1)) {
    if (step.kind !== 'spans') return undefined;
    before.push(step.spans);
  }
  if (last?.kind !== 'bytes' || (last.addPrefixSpace && before.length > 0)) return undefined;
  if (last.spans !== undefined) before.push(last.spans);
  const [only] = before;
  const spans: Spans = before.length === 1 && only !== undefined ? only : (text: string) => nested(text, before);
  return { prepared: (text) => (last.addPrefixSpace && !text.startsWith(' ') ? ` ${text}` : text), spans };
}

function flat(preTokenizer: PreTokenizer): PreTokenizer[] {
  return preTokenizer.kind === 'sequence' ? preTokenizer.steps.flatMap(flat) : [preTokenizer];
}

/** The spans of the last step in those of the ones before it. */
function nested(text: string, steps: readonly Spans[]): number[] {
  let spans = [0, text.length];
  for (const step of steps) {
    const inner: number[] = [];
    for (let i = 0; i < spans.length; i += 2) {
      const start = spans[i] as number;
      if (start === spans[i + 1]) continue;
      for (const place of step(text.slice(start, spans[i + 1]))) inner.push(start + place);
    }
    spans = inner;
  }
  return spans;
}
