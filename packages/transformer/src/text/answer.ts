import { concat, type Tensor, ValueError } from '@multihead/tensor';
import { overTokens, type PlacedToken, placedTokens, placesOf, windowsOf } from './encodings.js';
import type { PlacingTokenizer, TextContext, TextOptions } from './tokenizer.js';

/** What is asked of a model: ids [B, T] to the logits of where an answer begins and ends, each [B, T]. */
export interface AnswerModel {
  forward(ids: Tensor, ctx?: TextContext): { start_logits: Tensor; end_logits: Tensor };
  readonly config: object;
}

export interface AnswerOptions extends TextOptions {
  /** Answers at most; 1 if left out. */
  topK?: number;
  /** Tokens of an answer at most; 15 if left out. */
  maxAnswerLen?: number;
  /** Tokens of a window at most, question and special tokens included; 384, or as many as the model has places for, if left out. */
  maxSeqLen?: number;
  /** Tokens that neighbouring windows have in common; 128, or half a window, if left out. */
  docStride?: number;
  /** Whether there may be no answer, as in SQuAD 2: it is `''` then, with the score of the first token. */
  handleImpossibleAnswer?: boolean;
  /** Answers begin and end with words; true if left out. */
  alignToWords?: boolean;
}

export interface Answer {
  answer: string;
  /** p(start) · p(end) in its window; those of equal texts are added. */
  score: number;
  /** `context.slice(start, end)` is the answer. */
  start: number;
  end: number;
}

/**
 * Where in a context the answer to a question stands, the likeliest first, from a model for question answering: transformers' pipeline of that name.
 *
 * score = p(start) · p(end), softmax over the tokens of the context and the first token. A long context is read in windows that overlap. Fewer than `topK`
 * answers come where several have the same text. Throws a ValueError for an empty question or context and for options out of range, the signal's reason when
 * aborted. Rajpurkar et al., "Know What You Don't Know: Unanswerable Questions for SQuAD", 2018.
 *
 * @example
 * const model = await load(DistilBertForQuestionAnswering, 'distilbert/distilbert-base-cased-distilled-squad');
 * const [best] = await answer(model, tokenizer, 'Who wrote it?', context); // { answer: 'Ada', score: 0.98, start: 21, end: 24 }
 */
export async function answer(
  model: AnswerModel,
  tokenizer: PlacingTokenizer,
  question: string,
  context: string,
  options: AnswerOptions = {},
): Promise<Answer[]> {
  const { topK = 1, maxAnswerLen = 15, maxSeqLen = Math.min(placesOf(model), 384), handleImpossibleAnswer = false } = options;
  const { docStride = Math.min(Math.floor(maxSeqLen / 2), 128) } = options;
  for (const [name, value] of Object.entries({ topK, maxAnswerLen, maxSeqLen })) {
    if (!Number.isSafeInteger(value) || value < 1) throw new ValueError(`answer: ${name}: expected an integer of 1 or more, got ${value}`);
  }
  for (const [name, text] of Object.entries({ question, context })) {
    if (text === '') throw new ValueError(`answer: ${name}: expected text, got none`);
  }
  const windows = windowsOf('answer: docStride', placedTokens(tokenizer, question, context), {
    sequence: 1,
    most: maxSeqLen,
    stride: docStride,
  });
  const logits = await overTokens('answer', model, windows, options, (ids, ctx) => {
    const { start_logits, end_logits } = model.forward(ids, ctx);
    return concat([start_logits, end_logits], 1); // [B, 2T]
  });
  const found: Answer[] = [];
  let none = Number.POSITIVE_INFINITY;
  for (const [i, window] of windows.entries()) {
    const { numbers, tokens } = logits[i]!;
    const read = readableOf(window);
    const [starts, ends] = [numbers.subarray(0, tokens), numbers.subarray(tokens)].map((part) => softmaxAt(part, read)) as [
      number[],
      number[],
    ];
    none = Math.min(none, starts[0]! * ends[0]!);
    for (const span of bestSpans(starts, ends, read, { topK, maxAnswerLen }))
      add(found, span, window, context, options.alignToWords ?? true);
  }
  if (handleImpossibleAnswer) found.push({ answer: '', score: none, start: 0, end: 0 });
  return found.sort((a, b) => b.score - a.score).slice(0, topK);
}

/** Tokens that count: those of the context, and the first one where a template put it there and another one at the end, as BERT's does. */
function readableOf(window: readonly PlacedToken[]): boolean[] {
  const hasFirst = window[0]!.isSpecial && window.at(-1)!.isSpecial;
  return window.map(({ sequence }, t) => sequence === 1 || (t === 0 && hasFirst));
}

/** Softmax over the places that count; 0 at the others. */
function softmaxAt(logits: Float32Array, read: readonly boolean[]): number[] {
  const most = read.reduce((top, is, t) => (is ? Math.max(top, logits[t]!) : top), Number.NEGATIVE_INFINITY);
  const powers = read.map((is, t) => (is ? Math.exp(logits[t]! - most) : 0));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

interface Span {
  from: number;
  to: number;
  score: number;
}

/** The likeliest spans of tokens of the context. */
function bestSpans(
  starts: readonly number[],
  ends: readonly number[],
  read: readonly boolean[],
  { topK, maxAnswerLen }: { topK: number; maxAnswerLen: number },
): Span[] {
  const best: Span[] = [];
  for (let from = 1; from < starts.length; from++) {
    if (!read[from]) continue;
    for (let to = from; to < Math.min(starts.length, from + maxAnswerLen); to++) {
      const score = starts[from]! * ends[to]!;
      if (!read[to] || (best.length === topK && score <= best[topK - 1]!.score)) continue;
      const place = best.findIndex((span) => score > span.score);
      best.splice(place < 0 ? best.length : place, 0, { from, to, score });
      best.length = Math.min(best.length, topK);
    }
  }
  return best;
}

/** Adds a span of tokens to the answers, or its score to that of the same text. */
function add(found: Answer[], { from, to, score }: Span, window: readonly PlacedToken[], context: string, alignToWords: boolean): void {
  const start = (alignToWords ? wordOf(window, from).first : window[from]!).offsets[0];
  const end = (alignToWords ? wordOf(window, to).last : window[to]!).offsets[1];
  const text = context.slice(start, end);
  const same = found.find((one) => one.answer.toLowerCase() === text.toLowerCase());
  if (same) same.score += score;
  else found.push({ answer: text, score, start, end });
}

/** The tokens at the ends of the word that a token is of, as far as its window shows it. */
function wordOf(window: readonly PlacedToken[], token: number): { first: PlacedToken; last: PlacedToken } {
  const { word, sequence } = window[token]!;
  const isOfWord = (t: number) => word !== null && window[t]?.word === word && window[t].sequence === sequence;
  let [first, last] = [token, token];
  while (isOfWord(first - 1)) first--;
  while (isOfWord(last + 1)) last++;
  return { first: window[first]!, last: window[last]! };
}
