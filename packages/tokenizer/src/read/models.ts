import { show, TokenizerError } from '../errors.js';
import { Bpe } from '../models/bpe.js';
import { MergeTable } from '../models/merges.js';
import type { Model } from '../models/model.js';
import { Unigram } from '../models/unigram.js';
import { VocabularyTable } from '../models/vocabulary-table.js';
import { WordLevel } from '../models/word-level.js';
import { WordPiece } from '../models/wordpiece.js';
import type { Fields, Readers } from './fields.js';

export const bpeModel: Readers<Model> = {
  BPE: (fields) => {
    const vocabulary = VocabularyTable.read(fields.operation, `${fields.path}.vocab`, fields.get('vocab'));
    const prefix = fields.string('continuing_subword_prefix', '');
    const dropout = fields.number('dropout', 0);
    if (dropout < 0 || dropout > 1) throw fields.refuse('dropout', 'a number from 0 to 1', dropout);
    const unknown = fields.string('unk_token', '');
    return new Bpe(vocabulary, readMerges(fields, vocabulary, prefix), {
      unknown: fields.get('unk_token') === undefined ? undefined : unknown,
      prefix,
      suffix: fields.string('end_of_word_suffix', ''),
      fuseUnknown: fields.boolean('fuse_unk', false),
      byteFallback: fields.boolean('byte_fallback', false),
      ignoreMerges: fields.boolean('ignore_merges', false),
      dropout,
      seed: 0,
    });
  },
};

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

function readMerges(fields: Fields, vocabulary: VocabularyTable, prefix: string): MergeTable {
  const merges = fields.list('merges');
  const table = new MergeTable(merges.length);
  const refuse = (rank: number, expected: string, got: unknown) =>
    new TokenizerError(fields.operation, `${fields.path}.merges[${rank}]: expected ${expected}, got ${show(got)}`);
  const pair: [left: string, right: string] = ['', ''];
  merges.forEach((merge, rank) => {
    if (typeof merge === 'string') {
      const space = merge.indexOf(' ');
      if (space < 0 || merge.includes(' ', space + 1)) throw refuse(rank, 'two parts with a space between', merge);
      pair[0] = merge.slice(0, space);
      pair[1] = merge.slice(space + 1);
    } else if (Array.isArray(merge) && merge.length === 2 && typeof merge[0] === 'string' && typeof merge[1] === 'string') {
      pair[0] = merge[0];
      pair[1] = merge[1];
    } else {
      throw refuse(rank, 'two parts', merge);
    }
    const [left, right] = pair;
    if (right.length < prefix.length) throw refuse(rank, `a second part that begins with ${show(prefix)}`, merge);
    const leftId = vocabulary.id(left);
    const rightId = vocabulary.id(right);
    const result = vocabulary.id(left + (prefix === '' ? right : right.slice(prefix.length)));
    if (leftId === undefined || rightId === undefined || result === undefined) {
      throw refuse(rank, 'parts and a whole that are in the vocabulary', merge);
    }
    table.add(leftId, rightId, rank, result);
  });
  return table;
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
