import { softmax, ValueError } from '@multihead/tensor';
import { overTokens, type PlacedToken, placedTokens, placesOf, windowsOf } from './encodings.js';
import type { PlacingTokenizer, TextModel, TextOptions } from './tokenizer.js';

export interface TokenOptions extends TextOptions {
  /**
   * What becomes of neighbouring tokens: `none` leaves each alone; `simple` joins those of one entity; `first`, `average` and `max` give the
   * tokens of a word one label before, that of its first token, of their mean or of the surest.
   */
  aggregationStrategy?: 'none' | 'simple' | 'first' | 'average' | 'max';
  /** Labels that are left out; `O` if left out. */
  ignoreLabels?: readonly string[];
  /** Reads a text that is longer than the model in windows that have as many tokens in common; needs an `aggregationStrategy`. */
  stride?: number;
  /** Tokens of a window at most, special ones included; as many as the model has places for if left out. */
  maxSeqLen?: number;
}

/** A token, or with an `aggregationStrategy` an entity of one or more. */
export interface LabelledSpan {
  /** Of an entity without the `B-` or `I-` in front. */
  label: string;
  score: number;
  /** The token as the vocabulary has it, or the text of the tokens of an entity. */
  word: string;
  /** Where it is in the text: `text.slice(start, end)`. */
  start: number;
  end: number;
  /** Which token of the text, special ones counted; of an entity the first. */
  index: number;
}

/**
 * The labels of the tokens of each text, or of the entities that they make, from a model for token classification: transformers' pipeline of that name.
 *
 * A text has to fit into the model unless there is a `stride`; of entities that overlap in two windows the longer one counts, or the surer one. Throws a
 * ValueError where a `stride` does not fit, the signal's reason when aborted. Tjong Kim Sang and De Meulder, 2003, for tags that begin (`B-`) and go on (`I-`).
 *
 * @example
 * const model = await load(BertForTokenClassification, 'dslim/bert-base-NER');
 * const [entities] = await classifyTokens(model, tokenizer, ['Wolfgang lives in Berlin'], { aggregationStrategy: 'simple' });
 * entities.map(({ label, word }) => `${label} ${word}`); // ['PER Wolfgang', 'LOC Berlin']
 */
export async function classifyTokens(
  model: TextModel,
  tokenizer: PlacingTokenizer,
  texts: readonly string[],
  options: TokenOptions = {},
): Promise<LabelledSpan[][]> {
  const { aggregationStrategy: strategy = 'none', stride, maxSeqLen: most = placesOf(model) } = options;
  if (stride !== undefined && strategy === 'none')
    throw new ValueError('classifyTokens: aggregationStrategy: expected other than none beside a stride');
  const windows = texts.flatMap((text, of) => {
    const tokens = placedTokens(tokenizer, text);
    const parts = stride === undefined ? [tokens] : windowsOf('classifyTokens: stride', tokens, { sequence: 0, most, stride });
    return parts.map((part) => ({ of, tokens: part }));
  });
  const rows = await overTokens(
    'classifyTokens',
    model,
    windows.map(({ tokens }) => tokens),
    options,
    (ids, ctx) => softmax(model.forward(ids, ctx)),
  ); // [B, T, L] // biome-ignore format: one line
  const hasPrefixes = continuesWords(tokenizer);
  const found: LabelledSpan[][] = texts.map(() => []);
  for (const [i, { of, tokens: window }] of windows.entries()) {
    const { numbers, tokens } = rows[i]!;
    const labels = numbers.length / tokens;
    const parts = partsOf(texts[of]!, window, tokenizer, hasPrefixes).map((part): ScoredPart => {
      return { ...part, scores: numbers.subarray(part.index * labels, (part.index + 1) * labels) };
    });
    found[of]!.push(...spansOf(parts, texts[of]!, model, tokenizer, options));
  }
  return stride === undefined ? found : found.map(apart);
}

/** The entities of one window. */
function spansOf(
  parts: readonly ScoredPart[],
  text: string,
  model: TextModel,
  tokenizer: PlacingTokenizer,
  { aggregationStrategy: strategy = 'none', ignoreLabels = ['O'] }: TokenOptions,
): LabelledSpan[] {
  const { id2label } = model.config as { id2label?: readonly string[] | null };
  const words = strategy === 'none' || strategy === 'simple' ? parts.map((part) => [part]) : wordsOf(parts);
  const labelled = words.map((word): Labelled => {
    const scores = scoresOf(word, strategy);
    const best = scores.indexOf(scores.reduce((top, x) => Math.max(top, x), Number.NEGATIVE_INFINITY));
    return { parts: word, label: id2label?.[best] ?? `LABEL_${best}`, score: scores[best]! };
  });
  const isTokens = strategy === 'none';
  const spans = (isTokens ? labelled : entitiesOf(labelled)).map((one) => spanFrom(one, text, tokenizer, isTokens));
  return spans.filter(({ label }) => !ignoreLabels.includes(label));
}

/** Of entities that begin in each other the longer one, or the surer one. */
function apart(spans: readonly LabelledSpan[]): LabelledSpan[] {
  const kept: LabelledSpan[] = [];
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    const last = kept.at(-1);
    if (!last || span.start >= last.end) {
      kept.push(span);
      continue;
    }
    const longer = span.end - span.start - (last.end - last.start);
    if (longer > 0 || (longer === 0 && span.score > last.score)) kept[kept.length - 1] = span;
  }
  return kept;
}

/** A token of a text, without those that a template added. */
interface Part {
  id: number;
  word: string;
  start: number;
  end: number;
  /** Which token of its window it is, and of its text. */
  index: number;
  place: number;
  /** Whether it goes on a word that began before. */
  isSubword: boolean;
  isUnknown: boolean;
}

interface ScoredPart extends Part {
  scores: Float32Array;
}

interface Labelled {
  parts: readonly ScoredPart[];
  label: string;
  score: number;
}

/** Whether tokens that go on a word say so: `##s`. Else a word is what spaces divide. */
function continuesWords(tokenizer: PlacingTokenizer): boolean {
  return ['##s', '##e', '##a', '##1', '##d', '##n'].some((token) => tokenizer.tokenToId(token) !== undefined);
}

function partsOf(text: string, tokens: readonly PlacedToken[], tokenizer: PlacingTokenizer, hasPrefixes: boolean): Part[] {
  const unknown = ['[UNK]', '<unk>'].map((token) => tokenizer.tokenToId(token));
  return tokens.flatMap(({ id, place, isSpecial, offsets: [start, end] }, index): Part[] => {
    if (isSpecial) return [];
    const token = tokenizer.idToToken(id) ?? '';
    const isUnknown = unknown.includes(id);
    const goesOn = hasPrefixes ? token.length !== end - start : start > 0 && !text.slice(start - 1, start + 1).includes(' ');
    return [{ id, index, place, start, end, word: isUnknown ? text.slice(start, end) : token, isSubword: goesOn && !isUnknown, isUnknown }];
  });
}

function wordsOf(parts: readonly ScoredPart[]): ScoredPart[][] {
  const words: ScoredPart[][] = [];
  for (const part of parts) {
    if (part.isSubword && words.length > 0) words.at(-1)!.push(part);
    else words.push([part]);
  }
  return words;
}

/** The scores of a word from those of its tokens. */
function scoresOf(word: readonly ScoredPart[], strategy: TokenOptions['aggregationStrategy']): Float32Array {
  const [first] = word as [ScoredPart];
  if (strategy === 'average') return first.scores.map((_, l) => word.reduce((sum, { scores }) => sum + scores[l]!, 0) / word.length);
  if (strategy !== 'max') return first.scores;
  return word.reduce((best, part) => (Math.max(...part.scores) > Math.max(...best.scores) ? part : best)).scores;
}

/** Neighbours of one kind, unless one of them begins a new entity. */
function entitiesOf(words: readonly Labelled[]): Labelled[] {
  const groups: Labelled[][] = [];
  for (const word of words) {
    const last = groups.at(-1)?.at(-1);
    const isSame = last && kindOf(last.label) === kindOf(word.label) && !word.label.startsWith('B-');
    if (isSame) groups.at(-1)!.push(word);
    else groups.push([word]);
  }
  return groups.map((group) => ({
    parts: group.flatMap(({ parts }) => parts),
    label: group[0]!.label.split('-').at(-1)!,
    score: group.reduce((sum, { score }) => sum + score, 0) / group.length,
  }));
}

function kindOf(label: string): string {
  return /^[BI]-/.test(label) ? label.slice(2) : label;
}

function spanFrom({ parts, label, score }: Labelled, text: string, tokenizer: PlacingTokenizer, isToken: boolean): LabelledSpan {
  const [first] = parts as readonly [ScoredPart];
  const [start, end] = [first.start, parts.at(-1)!.end];
  const joined = () => (parts.some(({ isUnknown }) => isUnknown) ? text.slice(start, end) : tokenizer.decode(parts.map(({ id }) => id)));
  return { label, score, word: isToken ? first.word : joined(), start, end, index: first.place };
}
