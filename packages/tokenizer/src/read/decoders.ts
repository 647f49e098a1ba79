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
import { readPattern } from './patterns.js';
import { readMetaspace } from './pre-tokenizers.js';

/** Those that BPE has. */
export const basicDecoders: Readers<Decoder> = {
  ByteLevel: () => byteLevelDecoder,
  ByteFallback: () => byteFallbackDecoder,
  Fuse: () => fuseDecoder,
  Strip: (fields) => stripDecoder(fields.string('content'), fields.count('start'), fields.count('stop')),
  Replace: (fields) => replaceDecoder(readPattern(fields), fields.string('content')),
  BPEDecoder: (fields) => bpeDecoder(fields.string('suffix', '</w>')),
  Sequence: (fields, readers) => sequenceDecoder(fields.objects('decoders').map((inner) => readTyped(inner, readers))),
};

export const allDecoders: Readers<Decoder> = {
  ...basicDecoders,
  WordPiece: (fields) => wordPieceDecoder(fields.string('prefix', '##'), fields.boolean('cleanup', true)),
  Metaspace: (fields) => {
    const { replacement, prependScheme } = readMetaspace(fields);
    return metaspaceDecoder(replacement, prependScheme !== 'never');
  },
  CTC: (fields) =>
    ctcDecoder(fields.string('pad_token', '<pad>'), fields.string('word_delimiter_token', '|'), fields.boolean('cleanup', true)),
};
