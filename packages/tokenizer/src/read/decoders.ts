import {
  bpeDecoder,
  byteFallbackDecoder,
  byteLevelDecoder,
  ctcDecoder,
  type Decoder,
  fuseDecoder,
  metaspaceDecoder,
  replaceDecoder,
  sequenceDecoder,
  stripDecoder,
  wordPieceDecoder,
} from '../decoders/decoder.js';
import { type Readers, readTyped } from './fields.js';
import { type ReadExpression, readPattern } from './patterns.js';
import { readMetaspace } from './pre-tokenizers.js';

/** Those that files of BPE have. */
export function basicDecoders(expression: ReadExpression): Readers<Decoder> {
  return {
    ByteLevel: () => byteLevelDecoder,
    ByteFallback: () => byteFallbackDecoder,
    Fuse: () => fuseDecoder,
    Strip: (fields) => stripDecoder(fields.string('content'), fields.count('start'), fields.count('stop')),
    Replace: (fields) => replaceDecoder(readPattern(fields, expression), fields.string('content')),
    BPEDecoder: (fields) => bpeDecoder(fields.string('suffix', '</w>')),
    Metaspace: (fields) => {
      const { replacement, prependScheme } = readMetaspace(fields);
      return metaspaceDecoder(replacement, prependScheme !== 'never');
    },
    Sequence: (fields, readers) => sequenceDecoder(fields.objects('decoders').map((inner) => readTyped(inner, readers))),
  };
}

export function allDecoders(expression: ReadExpression): Readers<Decoder> {
  return {
    ...basicDecoders(expression),
    WordPiece: (fields) => wordPieceDecoder(fields.string('prefix', '##'), fields.boolean('cleanup', true)),
    CTC: (fields) =>
      ctcDecoder(fields.string('pad_token', '<pad>'), fields.string('word_delimiter_token', '|'), fields.boolean('cleanup', true)),
  };
}
