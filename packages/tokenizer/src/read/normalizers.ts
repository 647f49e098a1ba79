import { bertNormalizer } from '../normalizers/bert.js';
import {
  lowercase,
  nmt,
  type Normalizer,
  prependNormalizer,
  replaceNormalizer,
  sequenceNormalizer,
  stripNormalizer,
} from '../normalizers/normalizer.js';
import { stripAccents } from '../normalizers/strip-accents.js';
import { precompiledNormalizer } from '../normalizers/precompiled.js';
import { formChanges } from '../normalizers/form-changes.js';
import { type FormChanges, unicodeNormalizer } from '../normalizers/unicode-forms.js';
import { toBytes } from '../pre-tokenizers/byte-level.js';
import { type Readers, readTyped } from './fields.js';
import { type ReadExpression, readPattern } from './patterns.js';

/** Those that files of BPE have. Without `changes`, for texts that are not tracked. */
export function basicNormalizers(expression: ReadExpression, changes?: FormChanges): Readers<Normalizer> {
  return {
    NFC: () => unicodeNormalizer('NFC', changes),
    NFD: () => unicodeNormalizer('NFD', changes),
    NFKC: () => unicodeNormalizer('NFKC', changes),
    NFKD: () => unicodeNormalizer('NFKD', changes),
    Lowercase: () => lowercase,
    Strip: (fields) => stripNormalizer(fields.boolean('strip_left', true), fields.boolean('strip_right', true)),
    Prepend: (fields) => prependNormalizer(fields.string('prepend')),
    Replace: (fields) => replaceNormalizer(readPattern(fields, expression), fields.string('content')),
    Sequence: (fields, readers) => sequenceNormalizer(fields.objects('normalizers').map((inner) => readTyped(inner, readers))),
  };
}

export function allNormalizers(expression: ReadExpression): Readers<Normalizer> {
  return {
    ...basicNormalizers(expression, formChanges),
    StripAccents: () => stripAccents,
    Nmt: () => nmt,
    ByteLevel: () => toBytes,
    BertNormalizer: (fields) => {
      const lower = fields.boolean('lowercase', true);
      return bertNormalizer({
        cleanText: fields.boolean('clean_text', true),
        handleChineseChars: fields.boolean('handle_chinese_chars', true),
        stripAccents: fields.boolean('strip_accents', lower),
        lowercase: lower,
      });
    },
    Precompiled: (fields) => {
      const charsmap = fields.string('precompiled_charsmap', '');
      return charsmap === '' ? (text) => text : precompiledNormalizer(fields.operation, charsmap);
    },
  };
}
