import { ValueError } from '@multihead/tensor';

/** Ids to text; every tokenizer of `@multihead/tokenizer` that decodes. */
export interface TextDecoder {
  decode(ids: readonly number[]): string;
}

/** Whether the text of ids holds a stop string, wherever tokens begin and end; null where there are none. */
export function stopsAt(
  op: string,
  strings: string | readonly string[] | null | undefined,
  tokenizer: TextDecoder | undefined,
): ((ids: readonly number[]) => boolean) | null {
  const stops = strings === null || strings === undefined ? [] : [strings].flat();
  if (stops.length === 0) return null;
  if (stops.some((stop) => typeof stop !== 'string' || stop === '')) {
    throw new ValueError(`${op}: stop_strings: expected strings of at least one character, got ${JSON.stringify(strings)}`);
  }
  if (!tokenizer) throw new ValueError(`${op}: tokenizer: expected one, as there are stop_strings`);
  // A character is at most four tokens, its bytes; earlier ones have been looked at already. A few more, as some decoders strip the first.
  const window = 4 * Math.max(...stops.map((stop) => stop.length)) + 16;
  return (ids) => {
    const text = tokenizer.decode(ids.slice(-window));
    return stops.some((stop) => text.includes(stop));
  };
}
