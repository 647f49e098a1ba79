import { show, TokenizerError } from '../errors.js';
import type { TokenizerJson } from '../tokenizer-json.js';
import { addedOf } from './gpt2.js';
import { linesOf } from './lines.js';

export interface BertOptions {
  /** Lower case, for `uncased` models. Default true. */
  lowercase?: boolean;
  /** Leave accents out. Default: what `lowercase` is. */
  stripAccents?: boolean;
  /** Each Chinese character is a word. Default true. */
  handleChineseChars?: boolean;
  /** Its special tokens. Default: `[UNK]`, `[CLS]`, `[SEP]`, `[PAD]`, `[MASK]`. */
  unkToken?: string;
  clsToken?: string;
  sepToken?: string;
  padToken?: string;
  maskToken?: string;
}

/**
 * The `tokenizer.json` of BERT's `vocab.txt`: WordPiece, one token a line, its id the number of the line from 0 on.
 *
 * Throws `TokenizerError` for a vocabulary without the tokens for unknown words, beginning and end.
 *
 * ```ts
 * import { tokenizerJsonFromBert } from '@multihead/tokenizer/formats';
 *
 * const json = tokenizerJsonFromBert('[PAD]\n[UNK]\n[CLS]\n[SEP]\nhead\n##s\n', { lowercase: true });
 * json.model.vocab.get('##s'); // 5
 * ```
 */
export function tokenizerJsonFromBert(vocabTxt: string, options: BertOptions = {}): TokenizerJson {
  const operation = 'tokenizerJsonFromBert';
  const {
    unkToken = '[UNK]',
    clsToken = '[CLS]',
    sepToken = '[SEP]',
    padToken = '[PAD]',
    maskToken = '[MASK]',
    lowercase = true,
  } = options;
  const vocab = new Map(linesOf(operation, 'vocabTxt', vocabTxt).map((line, id) => [line.trimEnd(), id]));
  const idOf = (token: string): number => {
    const id = vocab.get(token);
    if (id === undefined) throw new TokenizerError(operation, `vocabTxt: expected a line ${show(token)}, got none`);
    return id;
  };
  idOf(unkToken);
  const special = (token: string, typeId: number) => ({ SpecialToken: { id: token, type_id: typeId } });
  const text = (name: 'A' | 'B', typeId: number) => ({ Sequence: { id: name, type_id: typeId } });
  const present = [padToken, unkToken, clsToken, sepToken, maskToken].filter((token) => vocab.has(token));
  return {
    version: '1.0',
    added_tokens: addedOf(operation, vocab, present),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: options.handleChineseChars ?? true,
      strip_accents: options.stripAccents ?? null,
      lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special(clsToken, 0), text('A', 0), special(sepToken, 0)],
      pair: [special(clsToken, 0), text('A', 0), special(sepToken, 0), text('B', 1), special(sepToken, 1)],
      special_tokens: Object.fromEntries([clsToken, sepToken].map((token) => [token, { id: token, ids: [idOf(token)], tokens: [token] }])),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: { type: 'WordPiece', unk_token: unkToken, continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab },
  };
}
