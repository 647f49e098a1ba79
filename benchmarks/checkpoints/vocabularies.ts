import ranks from 'js-tiktoken/ranks/gpt2';
import type { TokenizerJson } from '@multihead/tokenizer';
import { tokenizerJsonFromTiktoken } from '@multihead/tokenizer/formats';

/*
 * `tokenizer.json` for the two checkpoints, of the size that the real ones have. GPT-2's is its own vocabulary. That of BERT is on no registry
 * of packages: its place is taken by as many word pieces, made of GPT-2's.
 */

export const endOfText = 50256;

/** js-tiktoken packs lines of `! first-rank token token …`. */
function gpt2Lines(): string[] {
  return ranks.bpe_ranks
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => {
      const [, first, ...tokens] = line.split(' ');
      return tokens.map((token, i) => `${token} ${Number(first) + i}`);
    });
}

export function gpt2Tokenizer(): TokenizerJson {
  const json = tokenizerJsonFromTiktoken(gpt2Lines().join('\n'), { pattern: ranks.pat_str, specialTokens: ranks.special_tokens });
  const { vocab } = json.model as { vocab: Iterable<[string, number]> };
  // As JSON has it, and as GPT-2's own file does.
  const model = { ...json.model, ignore_merges: false, vocab: Object.fromEntries(vocab) };
  return {
    ...json,
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
    model,
  } as unknown as TokenizerJson;
}

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const [pad, unknown, first, last] = [0, 1, 2, 3];

export function bertTokenizer(size: number): TokenizerJson {
  const texts = gpt2Lines().map((line) => Buffer.from(line.split(' ')[0]!, 'base64').toString('latin1'));
  const pieces = new Set([...special, ...letters().flatMap((letter) => [letter, `##${letter}`])]);
  for (const text of texts) {
    const word = /^( ?)([a-z]+)$/i.exec(text);
    if (word && pieces.size < size) pieces.add(`${word[1] ? '' : '##'}${word[2]!.toLowerCase()}`);
  }
  for (let i = 0; pieces.size < size; i++) pieces.add(`[unused${i}]`);
  const vocab = Object.fromEntries([...pieces].map((piece, id) => [piece, id]));
  const token = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const added = special.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [token('[CLS]', 0), { Sequence: { id: 'A', type_id: 0 } }, token('[SEP]', 0)],
      pair: [
        token('[CLS]', 0),
        { Sequence: { id: 'A', type_id: 0 } },
        token('[SEP]', 0),
        { Sequence: { id: 'B', type_id: 1 } },
        token('[SEP]', 1),
      ],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [first], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [last], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: special[unknown],
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  } as unknown as TokenizerJson;
}

export const padId = pad;

/** What every word can be spelled with. */
function letters(): string[] {
  return Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).filter((letter) => letter === letter.toLowerCase());
}
