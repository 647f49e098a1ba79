import { show, TokenizerError } from '../errors.js';
import type { Model } from '../models/model.js';
import { Unigram } from '../models/unigram.js';
import { VocabularyTable } from '../models/vocabulary-table.js';
import { WordLevel } from '../models/word-level.js';
import { WordPiece } from '../models/wordpiece.js';
import { bpeModel } from './bpe-model.js';
import type { Fields, Readers } from './fields.js';

export const allModels: Readers<Model> = {
  ...bpeModel,
  WordPiece: (fields) =>
    new WordPiece(VocabularyTable.read(fields.operation, `${fields.path}.vocab`, fields.get('vocab')), {
      unknown: fields.string('unk_token', '[UNK]'),
      prefix: fields.string('continuing_subword_prefix', '##'),
      longestWord: fields.count('max_input_chars_per_word', 100),
    }),
  WordLevel: (fields) =>
    new WordLevel(VocabularyTable.read(fields.operation, `${fields.path}.vocab`, fields.get('vocab')), fields.string('unk_token', '<unk>')),
  Unigram: readUnigram,
};

/** The `type` of a model that does not name it, as older files do not. */
export function modelType(fields: Fields): string {
  if (fields.get('type') !== undefined) return fields.string('type');
  if (fields.get('merges') !== undefined) return 'BPE';
  if (Array.isArray(fields.get('vocab'))) return 'Unigram';
  return fields.get('continuing_subword_prefix') === undefined && fields.get('max_input_chars_per_word') === undefined
    ? 'WordLevel'
    : 'WordPiece';
}

function readUnigram(fields: Fields): Model {
  const pieces = fields.list('vocab');
  pieces.forEach((piece, i) => {
    const isPiece = Array.isArray(piece) && piece.length === 2 && typeof piece[0] === 'string' && Number.isFinite(piece[1]);
    if (!isPiece)
      throw new TokenizerError(fields.operation, `${fields.path}.vocab[${i}]: expected a text and a number, got ${show(piece)}`);
  });
  const unknownId = fields.get('unk_id') === undefined ? undefined : fields.count('unk_id');
  if (unknownId !== undefined && unknownId >= pieces.length)
    throw fields.refuse('unk_id', `less than the ${pieces.length} pieces`, unknownId);
  return new Unigram(pieces as readonly (readonly [string, number])[], { unknownId, byteFallback: fields.boolean('byte_fallback', false) });
}
