import { characterMatcher, literalMatcher } from '../patterns/pattern.js';
import { scanningMatcher } from '../patterns/known.js';
import { gpt2Scanner } from '../patterns/scanners.js';
import { byteLevelPreTokenizer } from '../pre-tokenizers/byte-level.js';
import { metaspaceSplitter } from '../pre-tokenizers/metaspace.js';
import {
  bertSpans,
  fixedLengthSpans,
  isPunctuation,
  type PreTokenizer,
  type Spans,
  splitSpans,
  whitespaceSpans,
  whitespaceSplitSpans,
} from '../pre-tokenizers/pre-tokenizer.js';
import { scriptSpans } from '../pre-tokenizers/scripts.js';
import type { SplitBehaviorJson } from '../tokenizer-json.js';
import { type Fields, type Readers, readTyped } from './fields.js';
import { readPattern } from './patterns.js';

const behaviors: readonly SplitBehaviorJson[] = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'];

const isNumber = /\p{N}/u;

const spans = (found: Spans): PreTokenizer => ({ kind: 'spans', spans: found });

/** Those that byte-level BPE has. */
export const basicPreTokenizers: Readers<PreTokenizer> = {
  ByteLevel: (fields) => {
    const cut = fields.boolean('use_regex', true) ? splitSpans(scanningMatcher(gpt2Scanner), 'Isolated', false) : undefined;
    return byteLevelPreTokenizer({ addPrefixSpace: fields.boolean('add_prefix_space', true), spans: cut });
  },
  Split: (fields) => spans(splitSpans(readPattern(fields), fields.oneOf('behavior', behaviors), fields.boolean('invert', false))),
  Digits: (fields) => {
    const test = (codePoint: number) => isNumber.test(String.fromCodePoint(codePoint));
    return spans(splitSpans(characterMatcher(test), fields.boolean('individual_digits', false) ? 'Isolated' : 'Contiguous', false));
  },
  Sequence: (fields, readers) => ({ kind: 'sequence', steps: fields.objects('pretokenizers').map((inner) => readTyped(inner, readers)) }),
};

export const allPreTokenizers: Readers<PreTokenizer> = {
  ...basicPreTokenizers,
  Whitespace: () => spans(whitespaceSpans),
  WhitespaceSplit: () => spans(whitespaceSplitSpans),
  BertPreTokenizer: () => spans(bertSpans),
  UnicodeScripts: () => spans(scriptSpans),
  Punctuation: (fields) => spans(splitSpans(characterMatcher(isPunctuation), fields.oneOf('behavior', behaviors, 'Isolated'), false)),
  CharDelimiterSplit: (fields) => spans(splitSpans(literalMatcher(readCharacter(fields, 'delimiter')), 'Removed', false)),
  FixedLength: (fields) => {
    const length = fields.count('length', 5);
    if (length === 0) throw fields.refuse('length', 'at least 1', length);
    return spans(fixedLengthSpans(length));
  },
  Metaspace: (fields) => ({ kind: 'pieces', split: metaspaceSplitter(readMetaspace(fields)) }),
};

export function readMetaspace(fields: Fields) {
  const legacy = fields.boolean('add_prefix_space', true) ? 'always' : 'never';
  return {
    replacement: readCharacter(fields, 'replacement'),
    prependScheme: fields.oneOf('prepend_scheme', ['always', 'never', 'first'], legacy),
    split: fields.boolean('split', true),
  };
}

function readCharacter(fields: Fields, key: string): string {
  const text = fields.string(key);
  if ([...text].length !== 1) throw fields.refuse(key, 'one character', text);
  return text;
}
