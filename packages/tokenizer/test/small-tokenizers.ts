import type { TokenizerJson, VocabJson } from '@multihead/tokenizer';

/** Vocabularies small enough to read, one for each model, for tests. */

const words = (tokens: readonly string[]): VocabJson => new Map(tokens.map((token, id) => [token, id]));

/** GPT-2's alphabet of bytes, written anew. */
export const byteAlphabet: string[] = (() => {
  let extra = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode((byte > 32 && byte < 127) || (byte > 160 && byte < 173) || byte > 173 ? byte : extra++),
  );
})();

const joins: [string, string][] = [
  ['Ġ', 't'],
  ['h', 'e'],
  ['Ġt', 'he'],
  ['l', 'l'],
  ['o', 'w'],
  ['Ġ', 'Ġ'],
  ['e', 'r'],
];

export const byteLevel: TokenizerJson = {
  added_tokens: [{ id: 263, content: '<|end|>', special: true, normalized: false }],
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
  post_processor: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false },
  decoder: { type: 'ByteLevel' },
  model: { type: 'BPE', vocab: words([...byteAlphabet, ...joins.map((pair) => pair.join(''))]), merges: joins },
};

const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);

/** As Llama 2: a visible space before the text and for spaces, bytes for what is unknown. */
export const byteFallback: TokenizerJson = {
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'Prepend', prepend: '▁' },
      { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    ],
  },
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: {
    type: 'BPE',
    unk_token: '<unk>',
    fuse_unk: true,
    byte_fallback: true,
    vocab: words(['<unk>', ...bytes, '▁', 't', 'h', 'e', '▁t', 'he', '▁the', 'll']),
    merges: ['▁ t', 'h e', '▁t he'],
  },
};

export const wordPiece: TokenizerJson = {
  added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]'].map((content, id) => ({ id, content, special: true, normalized: false })),
  normalizer: { type: 'BertNormalizer' },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: { type: 'BertProcessing', cls: ['[CLS]', 2], sep: ['[SEP]', 3] },
  decoder: { type: 'WordPiece' },
  model: {
    type: 'WordPiece',
    vocab: words(['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'the', 'un', '##want', '##ed', 'wa', 'want', '##a', 'b', '.', ',', '漢']),
  },
};

export const unigram: TokenizerJson = {
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
  decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
  model: {
    type: 'Unigram',
    unk_id: 0,
    vocab: [['<unk>', 0], ['▁', -2], ['a', -3], ['b', -3], ['ab', -4], ['▁ab', -4.5], ['abab', -12]], // biome-ignore format: one row
  },
};

export const wordLevel: TokenizerJson = {
  pre_tokenizer: { type: 'WhitespaceSplit' },
  model: { type: 'WordLevel', unk_token: '?', vocab: words(['?', 'to', 'be', '__proto__', 'constructor']) },
};
