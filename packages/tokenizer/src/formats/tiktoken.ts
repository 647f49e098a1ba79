import { show, TokenizerError } from '../errors.js';
import type { AddedTokenJson, TokenizerJson } from '../tokenizer-json.js';
import { byteLevelAlphabet } from '../trainers/byte-level-alphabet.js';
import { linesOf } from './lines.js';

export interface TiktokenOptions {
  /** How texts are cut before bytes are merged: a regular expression of `tiktokenPatterns`, or another one. */
  pattern: string;
  /** Special tokens and their ids. Default: none. */
  specialTokens?: Readonly<Record<string, number>>;
}

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const upper = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const lower = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
const spaces = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

/** How OpenAI's encodings cut texts, written as in the `tokenizer.json` of models that use them. */
export const tiktokenPatterns = {
  r50k_base: "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  p50k_base: "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  cl100k_base: `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${spaces}`,
  o200k_base: `[^\\r\\n\\p{L}\\p{N}]?${upper}*${lower}+${contractions}?|[^\\r\\n\\p{L}\\p{N}]?${upper}+${lower}*${contractions}?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${spaces}`,
} as const;

/**
 * The `tokenizer.json` of a `.tiktoken` file: lines of a token in base64 and its rank, which is its id.
 *
 * A file has ranks alone. The merge that makes a token is found by merging its bytes as the encoder would, until two parts are left: the
 * encoder never gets to that token from two other parts. Throws `TokenizerError` for a line that is no token with a rank, and for a file
 * without all 256 bytes.
 *
 * ```ts
 * import { tokenizerJsonFromTiktoken, tiktokenPatterns } from '@multihead/tokenizer/formats';
 *
 * const bytes = Array.from({ length: 256 }, (_, byte) => `${btoa(String.fromCharCode(byte))} ${byte}`);
 * const file = [...bytes, `${btoa('hi')} 256`].join('\n');
 * const json = tokenizerJsonFromTiktoken(file, { pattern: tiktokenPatterns.cl100k_base, specialTokens: { '<|end|>': 257 } });
 * json.model.merges; // [['h', 'i']]
 * ```
 */
export function tokenizerJsonFromTiktoken(text: string, { pattern, specialTokens = {} }: TiktokenOptions): TokenizerJson {
  const operation = 'tokenizerJsonFromTiktoken';
  if (typeof pattern !== 'string')
    throw new TokenizerError(operation, `pattern: expected a regular expression as a string, got ${show(pattern)}`);
  const alphabet = byteLevelAlphabet();
  const ranks = new Map<string, number>();
  linesOf(operation, 'text', text).forEach((line, index) => {
    if (line === '') return;
    const [, base64, rank] = /^([A-Za-z0-9+/]+={0,2}) (\d{1,9})$/.exec(line) ?? [];
    const bytes = base64 === undefined ? undefined : decoded(base64);
    if (bytes === undefined)
      throw new TokenizerError(operation, `text: expected base64 and a rank in line ${index + 1}, got ${show(line)}`);
    let token = '';
    for (let i = 0; i < bytes.length; i++) token += alphabet[bytes.charCodeAt(i)];
    if (ranks.has(token)) throw new TokenizerError(operation, `text: expected each token once, got that of line ${index + 1} again`);
    ranks.set(token, Number(rank));
  });
  const missing = alphabet.findIndex((character) => !ranks.has(character));
  if (missing >= 0) throw new TokenizerError(operation, `text: expected all 256 bytes among the tokens, got none for ${missing}`);

  const byRank = [...ranks].filter(([token]) => token.length > 1).sort(([, a], [, b]) => a - b);
  const merges = byRank.flatMap(([token]) => partsOf(token, ranks) ?? []);
  return {
    version: '1.0',
    added_tokens: Object.entries(specialTokens).map(([content, id]) => special(operation, content, id)),
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    // A token that its parts cannot be merged to is found as a whole word only.
    model: { type: 'BPE', ignore_merges: true, vocab: withSpecial(ranks, specialTokens), merges },
  };
}

/** The two parts of a token that are merged last; undefined if its bytes cannot be merged to two parts. */
function partsOf(token: string, ranks: ReadonlyMap<string, number>): [[left: string, right: string]] | undefined {
  const parts = [...token];
  while (parts.length > 2) {
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 1; i < parts.length; i++) {
      const rank = ranks.get(parts[i - 1]! + parts[i]!);
      if (rank === undefined || rank >= least) continue;
      best = i;
      least = rank;
    }
    if (best < 0) return undefined;
    parts.splice(best - 1, 2, parts[best - 1]! + parts[best]!);
  }
  return [[parts[0]!, parts[1]!]];
}

function decoded(base64: string): string | undefined {
  try {
    return atob(base64);
  } catch {
    return undefined;
  }
}

function special(operation: string, content: string, id: unknown): AddedTokenJson {
  if (Number.isSafeInteger(id) && (id as number) >= 0) {
    return { id: id as number, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  }
  throw new TokenizerError(operation, `specialTokens[${show(content)}]: expected a non-negative integer, got ${show(id)}`);
}

/** Ids of special tokens are those that the model has for them: they may leave holes. */
function withSpecial(ranks: ReadonlyMap<string, number>, special: Readonly<Record<string, number>>): Map<string, number> {
  return new Map([...ranks, ...Object.entries(special)]);
}
