import { show, TokenizerError } from '../errors.js';
import {
  bertProcessor,
  byteLevelProcessor,
  type PostProcessor,
  robertaProcessor,
  sequenceProcessor,
  type TemplatePiece,
  templateProcessor,
} from '../post-processors/post-processor.js';
import { type Fields, type Readers, readTyped } from './fields.js';

/** All of them are small. */
export const allPostProcessors: Readers<PostProcessor> = {
  ByteLevel: (fields) => byteLevelProcessor(fields.boolean('trim_offsets', true), fields.boolean('add_prefix_space', true)),
  TemplateProcessing: (fields) => templateProcessor(readTemplate(fields, 'single'), readTemplate(fields, 'pair')),
  BertProcessing: (fields) => bertProcessor(fields.token('cls'), fields.token('sep')),
  RobertaProcessing: (fields) =>
    robertaProcessor(
      fields.token('cls'),
      fields.token('sep'),
      fields.boolean('trim_offsets', true),
      fields.boolean('add_prefix_space', true),
    ),
  Sequence: (fields, readers) => sequenceProcessor(fields.objects('processors').map((inner) => readTyped(inner, readers))),
};

function readTemplate(fields: Fields, key: string): TemplatePiece[] {
  const specialTokens = fields.object('special_tokens');
  return fields.objects(key).map((piece) => {
    if (piece.get('Sequence') !== undefined) {
      const sequence = piece.object('Sequence');
      return { sequence: sequence.oneOf('id', ['A', 'B']) === 'A' ? 0 : 1, typeId: sequence.count('type_id', 0) };
    }
    const given = piece.object('SpecialToken');
    const id = given.string('id');
    if (specialTokens.get(id) === undefined) throw given.refuse('id', `one of ${specialTokens.keys().join(', ')}`, id);
    const token = specialTokens.object(id);
    const ids = token.list('ids');
    const tokens = token.list('tokens');
    const areIds = ids.every((one) => Number.isInteger(one) && (one as number) >= 0);
    if (!areIds || !tokens.every((one) => typeof one === 'string') || ids.length !== tokens.length) {
      throw new TokenizerError(fields.operation, `${token.path}: expected as many ids as tokens, got ${show(ids)} and ${show(tokens)}`);
    }
    return { ids: ids as number[], tokens: tokens as string[], typeId: given.count('type_id', 0) };
  });
}
