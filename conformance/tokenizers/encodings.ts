import { createHash } from 'node:crypto';
import { type PipelineEncodeOptions, type PipelineEncoding, type PipelineTokenizer, TokenizerError } from '@multihead/tokenizer';
import type { Finding } from '../suite.js';
import { equal } from './compare.js';
import type { GoldenEncoding, TokenizerCase } from './document.js';
import type { Texts } from './texts.js';

/** One case of a tokenizer. */
export function runTokenizer(golden: TokenizerCase, texts: Texts, tokenizer: PipelineTokenizer): Finding[] {
  switch (golden.kind) {
    case 'encode':
      return encoded(texts.get(golden.name), golden, tokenizer);
    case 'edge':
      return encoded(golden.text as string, golden, tokenizer);
    case 'pair': {
      const options = { pair: golden.pair as string, addSpecialTokens: golden.add_special_tokens ?? true };
      return compared('', tokenizer.encode(golden.text as string, options), golden, true);
    }
    case 'pretokenized':
      return compared('', tokenizer.encode(golden.words as readonly string[]), golden, false);
    case 'decode':
      return decoded(golden, tokenizer);
    case 'stream':
      return streamed(golden, tokenizer);
    case 'truncate':
      return truncated(golden, tokenizer);
    case 'pad':
      return padded(golden, tokenizer);
  }
}

function encoded(text: string, golden: TokenizerCase, tokenizer: PipelineTokenizer): Finding[] {
  const encoding = tokenizer.encode(text, { addSpecialTokens: false });
  const findings = [...compared('', encoding, golden, false), equal('offsets in code units', unitsProblem(text, encoding), null)];
  if (golden.kind === 'encode') {
    // What is left out is as without.
    const special = golden.ids_with_special ?? golden.ids;
    findings.push(equal('ids with special tokens', tokenizer.encode(text).ids, special));
    findings.push(equal('countTokens', tokenizer.countTokens(text), special.length));
  }
  return [...findings, ...decoded(golden, tokenizer)];
}

/** Offsets in code units are those in code points of the same text. */
function unitsProblem(text: string, { offsets, codePointOffsets }: PipelineEncoding): string | null {
  const places = [0];
  for (const character of text) places.push((places.at(-1) as number) + character.length);
  const isOther = (at: number, codePoints: number | undefined) => at !== places[codePoints ?? -1];
  const wrong = offsets.findIndex(([start, end], i) => isOther(start, codePointOffsets[i]?.[0]) || isOther(end, codePointOffsets[i]?.[1]));
  return wrong < 0 ? null : `${offsets[wrong]} for ${codePointOffsets[wrong]}`;
}

function decoded({ kind, ids, decoded: plain, decoded_skip_special }: TokenizerCase, tokenizer: PipelineTokenizer): Finding[] {
  if (plain === undefined) return [];
  const findings = [equal('decode', tokenizer.decode(ids), plain)];
  // Of a text that was encoded, what is left out is the same.
  const skipped = decoded_skip_special ?? (kind === 'encode' ? plain : undefined);
  if (skipped !== undefined) {
    findings.push(equal('decode without special tokens', tokenizer.decode(ids, { skipSpecialTokens: true }), skipped));
  }
  return findings;
}

function streamed({ ids, chunks = [] }: TokenizerCase, tokenizer: PipelineTokenizer): Finding[] {
  const stream = tokenizer.decodeStream();
  return [equal('chunks', ids.map((id) => stream.push(id) || null), chunks)]; // biome-ignore format: one row
}

function truncated(golden: TokenizerCase, tokenizer: PipelineTokenizer): Finding[] {
  const { max_length, stride, strategy, direction } = golden.options as unknown as Record<string, never>;
  const options: PipelineEncodeOptions = { truncation: { maxLength: max_length, stride, strategy, direction } };
  if (typeof golden.pair === 'string') options.pair = golden.pair;
  // Those that raise leave out their second text, of which the error speaks; it is that of the other cases.
  else if (golden.raises !== undefined) options.pair = 'It sank.';
  if (golden.raises === undefined) return compared('', tokenizer.encode(golden.text as string, options), golden, true);
  try {
    tokenizer.encode(golden.text as string, options);
  } catch (error) {
    return [{ what: 'raises', problem: error instanceof TokenizerError ? null : `raises ${String(error)}` }];
  }
  return [{ what: 'raises', problem: `does not raise: ${golden.raises}` }];
}

function padded(golden: TokenizerCase, tokenizer: PipelineTokenizer): Finding[] {
  const {
    direction,
    length,
    pad_to_multiple_of,
    pad_id = 0,
    pad_token = '[PAD]',
    pad_type_id = 0,
  } = golden.options as Record<string, never>;
  const padding = { direction, length, multipleOf: pad_to_multiple_of, id: pad_id, token: pad_token, typeId: pad_type_id };
  const encodings = tokenizer.encodeBatch(golden.batch as readonly string[], { padding });
  return (golden.encodings ?? []).flatMap((want, i) => compared(`batch[${i}]: `, encodings[i] as PipelineEncoding, want, true));
}

/** What a case says of an encoding. `whole`: masks and types that it leaves out are as usual. */
function compared(where: string, got: PipelineEncoding, want: GoldenEncoding, whole: boolean): Finding[] {
  const usual = (value: number) => want.ids.map(() => value);
  const findings = [equal(`${where}ids`, got.ids, want.ids)];
  if (want.tokens) findings.push(equal(`${where}tokens`, got.tokens, want.tokens));
  if (want.sha256_tokens) findings.push(equal(`${where}sha256 of tokens`, hash(got.tokens), want.sha256_tokens));
  if (want.offsets) findings.push(equal(`${where}offsets`, got.codePointOffsets, want.offsets));
  if (want.word_ids) findings.push(equal(`${where}wordIds`, got.wordIds, want.word_ids));
  if (want.sequence_ids) findings.push(equal(`${where}sequenceIds`, got.sequenceIds, want.sequence_ids));
  if (whole || want.type_ids) findings.push(equal(`${where}typeIds`, got.typeIds, want.type_ids ?? usual(0)));
  if (whole && want.special) findings.push(equal(`${where}specialTokensMask`, got.specialTokensMask, want.special));
  if (whole || want.mask) findings.push(equal(`${where}attentionMask`, got.attentionMask, want.mask ?? usual(1)));
  if (want.overflowing) {
    findings.push(equal(`${where}overflowing`, got.overflowing.length, want.overflowing.length));
    want.overflowing.forEach((overflow, i) => {
      const part = got.overflowing[i];
      if (part) findings.push(...compared(`${where}overflowing[${i}]: `, part, overflow, true));
    });
  }
  return findings;
}

function hash(tokens: readonly string[]): string {
  // As Python's json.dumps writes them.
  const text = `[${tokens.map((token) => JSON.stringify(token)).join(', ')}]`;
  const ascii = text.replace(/[^\0-\x7F]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return createHash('sha256').update(ascii).digest('hex');
}
