import { softmax } from '@multihead/tensor';
import { overTokens, type PlacedToken, placedTokens } from './encodings.js';
import type { PlacingTokenizer, TextModel, TextOptions } from './tokenizer.js';

export interface TokenOptions extends TextOptions {
  /**
   * What becomes of neighbouring tokens: `none` leaves each alone; `simple` joins those of one entity; `first`, `average` and `max` give the tokens of a word one
   * label before, that of its first token, of their mean or of the surest.
   */
  aggregationStrategy?: 'none' | 'simple' | 'first' | 'average' | 'max';
  /** Labels that are left out; `O` if left out. */
  ignoreLabels?: readonly string[];
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
 * A text has to fit into the model. Throws the signal's reason when aborted. Tjong Kim Sang and De Meulder, 2003, for tags that begin (`B-`) and go on (`I-`).
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
  const { aggregationStrategy: strategy = 'none', ignoreLabels = ['O'] } = options;
  const { id2label } = model.config as { id2label?: readonly string[] | null };
  const tokensOfTexts = texts.map((text) => placedTokens(tokenizer, text));
  const rows = await overTokens(model, tokensOfTexts, options, (ids, ctx) => softmax(model.forward(ids, ctx))); // [B, T, L]
  const hasPrefixes = continuesWords(tokenizer);
  return tokensOfTexts.map((placed, i) => {
    const { numbers, tokens } = rows[i]!;
    const labels = numbers.length / tokens;
    const parts = partsOf(texts[i]!, placed, tokenizer, hasPrefixes).map((part): ScoredPart => {
      return { ...part, scores: numbers.subarray(part.index * labels, (part.index + 1) * labels) };
    });
    const words = strategy === 'none' || strategy === 'simple' ? parts.map((part) => [part]) : wordsOf(parts);
    const labelled = words.map((word): Labelled => {
      const scores = scoresOf(word, strategy);
      const best = scores.indexOf(scores.reduce((top, x) => Math.max(top, x), Number.NEGATIVE_INFINITY));
      return { parts: word, label: id2label?.[best] ?? `LABEL_${best}`, score: scores[best]! };
    });
    const spanOf = (one: Labelled) => spanFrom(one, texts[i]!, tokenizer, strategy === 'none');
    const spans = strategy === 'none' ? labelled.map(spanOf) : entitiesOf(labelled).map(spanOf);
    return spans.filter(({ label }) => !ignoreLabels.includes(label));
  });
}

/** A token of a text, without those that a template added. */
interface Part {
  id: number;
  word: string;
  start: number;
  end: number;
  index: number;
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
  return tokens.flatMap(({ id, isSpecial, offsets: [start, end] }, index): Part[] => {
    if (isSpecial) return [];
    const token = tokenizer.idToToken(id) ?? '';
    const isUnknown = unknown.includes(id);
    const goesOn = hasPrefixes ? token.length !== end - start : start > 0 && !text.slice(start - 1, start + 1).includes(' ');
    return [{ id, index, start, end, word: isUnknown ? text.slice(start, end) : token, isSubword: goesOn && !isUnknown, isUnknown }];
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
  return { label, score, word: isToken ? first.word : joined(), start, end, index: first.index };
}
