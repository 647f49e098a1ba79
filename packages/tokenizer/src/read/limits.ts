import type { Pipeline, PipelinePadding, PipelineTruncation } from '../pipeline.js';
import type { Fields } from './fields.js';

/** The truncation and padding of a file. */
export function readLimits(file: Fields): Pick<Pipeline, 'truncation' | 'padding'> {
  return {
    truncation: file.get('truncation') === undefined ? undefined : readTruncation(file.object('truncation')),
    padding: file.get('padding') === undefined ? undefined : readPadding(file.object('padding')),
  };
}

function readTruncation(fields: Fields): Required<PipelineTruncation> {
  const strategy = fields.oneOf('strategy', ['LongestFirst', 'OnlyFirst', 'OnlySecond'], 'LongestFirst');
  return {
    maxLength: fields.count('max_length'),
    stride: fields.count('stride', 0),
    direction: fields.oneOf('direction', ['Left', 'Right'], 'Right') === 'Left' ? 'left' : 'right',
    strategy: ({ LongestFirst: 'longest_first', OnlyFirst: 'only_first', OnlySecond: 'only_second' } as const)[strategy],
  };
}

function readPadding(fields: Fields): PipelinePadding {
  const strategy = fields.get('strategy');
  const length =
    typeof strategy === 'object' ? fields.object('strategy').count('Fixed') : fields.oneOf('strategy', ['BatchLongest'], 'BatchLongest');
  return {
    length: length === 'BatchLongest' ? 'longest' : length,
    direction: fields.oneOf('direction', ['Left', 'Right'], 'Right') === 'Left' ? 'left' : 'right',
    multipleOf: fields.count('pad_to_multiple_of', 0),
    id: fields.count('pad_id'),
    typeId: fields.count('pad_type_id', 0),
    token: fields.string('pad_token'),
  };
}
