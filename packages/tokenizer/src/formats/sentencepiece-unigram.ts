import { Trie } from '../models/trie.js';
import { PieceType, type SentencePieceModel } from './sentencepiece-model.js';
import { isTextPiece, type Segmenter } from './sentencepiece-segment.js';

/** What a character costs that is no piece, below the least score. */
const UNKNOWN_PENALTY = 10;

/** The least positive float that is not subnormal: SentencePiece takes it for the least float, and so for the score of user-defined symbols. */
const FLT_MIN = 2 ** -126;

/**
 * The division with the highest sum of scores, by Viterbi's algorithm. Sums are rounded to float32 where SentencePiece stores them, and
 * compared unrounded where it compares them: which of two almost equal divisions wins depends on that.
 */
export function byLikelihood(model: SentencePieceModel): Segmenter {
  const { pieces, unkId } = model;
  const trie = new Trie();
  pieces.forEach((piece, id) => {
    if (isTextPiece(piece) && piece.type !== PieceType.unused) trie.insert(piece.piece, id);
  });
  const normal = pieces.filter(({ type }) => type === PieceType.normal);
  const least = normal.reduce((score, piece) => Math.min(score, piece.score), 3.4028234663852886e38);
  const most = normal.reduce((score, piece) => Math.max(score, piece.score), FLT_MIN);
  const unknown = Math.fround(least - UNKNOWN_PENALTY);
  const scores = Float64Array.from(pieces, ({ piece, score, type }) =>
    type === PieceType.userDefined ? Math.fround(utf8Length(piece) * most) - 0.1 : score,
  );

  return (text) => {
    const { length } = text;
    const best = new Float32Array(length + 1);
    const starts = new Int32Array(length + 1).fill(-1);
    const ids = new Int32Array(length + 1);
    for (let start = 0; start < length; ) {
      const width = text.codePointAt(start)! > 0xffff ? 2 : 1;
      const before = best[start]!;
      let single = false;
      let node = 0;
      for (let end = start; end < length; ) {
        node = trie.child(node, text.charCodeAt(end++));
        if (node < 0) break;
        const id = trie.value(node);
        if (id < 0) continue;
        const sum = scores[id]! + before;
        if (starts[end]! < 0 || sum > best[end]!) {
          best[end] = sum;
          starts[end] = start;
          ids[end] = id;
        }
        if (end === start + width) single = true;
      }
      const end = start + width;
      if (!single) {
        const sum = Math.fround(unknown + before);
        if (starts[end]! < 0 || sum > best[end]!) {
          best[end] = sum;
          starts[end] = start;
          ids[end] = unkId;
        }
      }
      start = end;
    }
    // From the end, so each in reverse; then all of it.
    const path: number[] = [];
    for (let end = length; end > 0; end = starts[end]!) path.push(ids[end]!, end, starts[end]!);
    return path.reverse();
  };
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
