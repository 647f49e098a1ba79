import type { GeneratedStep } from '../generation/generate.js';
import { TextStream } from './text-stream.js';
import type { WritingTokenizer } from './tokenizer.js';

/** A text while it is written: `for await` gives its pieces, `text()` all of it. */
export interface TextPieces extends AsyncIterableIterator<string, undefined, undefined> {
  /** Waits for the end and gives the whole text; what there was of it, if it was left early. */
  text(): Promise<string>;
  return(): Promise<IteratorResult<string, undefined>>;
}

/** Pieces of the text that the steps of one row make. Ids that end it are no part of the text, nor are special tokens. */
export function piecesOf(
  steps: () => AsyncGenerator<GeneratedStep, void, void>,
  tokenizer: WritingTokenizer,
  ends: readonly number[],
): TextPieces {
  const stream = new TextStream((ids) => tokenizer.decode(ids, { skipSpecialTokens: true }));
  let all = '';
  const pieces = (async function* () {
    for await (const { ids } of steps()) {
      const piece = ends.includes(ids[0]!) ? '' : stream.push(ids[0]!);
      all += piece;
      if (piece !== '') yield piece;
    }
    const rest = stream.end();
    all += rest;
    if (rest !== '') yield rest;
    return undefined;
  })();
  return {
    next: () => pieces.next(),
    return: () => pieces.return(undefined),
    async text() {
      while (!(await pieces.next()).done);
      return all;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
