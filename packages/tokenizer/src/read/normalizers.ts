import { toBytes } from '../pre-tokenizers/byte-level.js';
import { bertNormalizer } from '../normalizers/bert.js';
import {
  lowercase,
  nmt,
  type Normalizer,
  prependNormalizer,
  replaceNormalizer,
  sequenceNormalizer,
  stripAccents,
  stripNormalizer,
} from '../normalizers/normalizer.js';
import { precompiledNormalizer } from '../normalizers/precompiled.js';
import { unicodeNormalizer } from '../normalizers/unicode-forms.js';
import { type Readers, readTyped } from './fields.js';
import { readPattern } from './patterns.js';

/** Those that byte-level BPE has. */
export const basicNormalizers: Readers<Normalizer> = {
  NFC: () => unicodeNormalizer('NFC'),
  NFD: () => unicodeNormalizer('NFD'),
  NFKC: () => unicodeNormalizer('NFKC'),
  NFKD: () => unicodeNormalizer('NFKD'),
  Lowercase: () => lowercase,
  Strip: (fields) => stripNormalizer(fields.boolean('strip_left', true), fields.boolean('strip_right', true)),
  Prepend: (fields) => prependNormalizer(fields.string('prepend')),
  Replace: (fields) => replaceNormalizer(readPattern(fields), fields.string('content')),
  Sequence: (fields, readers) => sequenceNormalizer(fields.objects('normalizers').map((inner) => readTyped(inner, readers))),
};

export const allNormalizers: Readers<Normalizer> = {
  ...basicNormalizers,
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
