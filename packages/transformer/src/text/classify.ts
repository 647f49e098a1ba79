import { sigmoid, softmax, type Tensor, ValueError } from '@multihead/tensor';
import { originOf } from '../loading/config.js';
import { inBatches } from './batches.js';
import { overTokens, tokensOf } from './encodings.js';
import type { PlacingTokenizer, TextModel, TextOptions, TextTokenizer } from './tokenizer.js';

export interface LabelScore {
  label: string;
  /** From 0 to 1; together 1 unless labels are independent of each other. For a regression the number itself. */
  score: number;
}

export interface ClassifyOptions extends TextOptions {
  /**
   * What makes scores of logits. If left out as the config says: `none` for a `problem_type` of regression, `sigmoid` for
   * multi_label_classification and for one label alone, else `softmax`.
   */
  functionToApply?: 'softmax' | 'sigmoid' | 'none';
}

/** Two texts that belong together: a premise and a hypothesis, a question and a passage. */
export interface TextPair {
  text: string;
  pair: string;
}

/**
 * The labels of each text, or pair of texts, with their scores, the likeliest first, from a model for sequence classification.
 *
 * Pairs need a tokenizer that encodes them with type ids. Throws a ValueError for an empty text that the tokenizer gives no token for, the signal's reason when
 * aborted.
 *
 * @example
 * const model = await load(DistilBertForSequenceClassification, 'distilbert/distilbert-base-uncased-finetuned-sst-2-english');
 * const [[best]] = await classify(model, tokenizer, ['What a wonderful day']); // { label: 'POSITIVE', score: 0.9998 }
 */
export async function classify(
  model: TextModel,
  tokenizer: TextTokenizer | PlacingTokenizer,
  texts: readonly (string | TextPair)[],
  options: ClassifyOptions = {},
): Promise<LabelScore[][]> {
  const { id2label } = model.config as { id2label?: string[] | null };
  const scoresOf = (logits: Tensor) => {
    const applied = options.functionToApply ?? functionOf(model, logits.shape.at(-1)!);
    return applied === 'softmax' ? softmax(logits) : applied === 'sigmoid' ? sigmoid(logits) : logits;
  };
  const rows = isTexts(texts)
    ? await inBatches('classify', model, tokenizer, texts, options, (ids, mask) => scoresOf(model.forward(ids, { mask })))
    : await ofPairs(model, tokenizer, texts, options, scoresOf);
  return rows.map((row) =>
    Array.from(row, (score, i) => ({ label: id2label?.[i] ?? `LABEL_${i}`, score })).sort((a, b) => b.score - a.score),
  );
}

function functionOf({ config }: TextModel, labels: number): ClassifyOptions['functionToApply'] {
  const problem = originOf(config)?.problem_type;
  if (problem === 'regression') return 'none';
  return problem === 'multi_label_classification' || labels === 1 ? 'sigmoid' : 'softmax';
}

function isTexts(texts: readonly (string | TextPair)[]): texts is readonly string[] {
  return texts.every((text) => typeof text === 'string');
}

async function ofPairs(
  model: TextModel,
  tokenizer: TextTokenizer | PlacingTokenizer,
  texts: readonly (string | TextPair)[],
  options: TextOptions,
  scoresOf: (logits: Tensor) => Tensor,
): Promise<Float32Array[]> {
  const encodings = texts.map((one) => {
    const [text, pair] = typeof one === 'string' ? [one] : [one.text, one.pair];
    const encoding = (tokenizer as PlacingTokenizer).encode(text, { pair });
    if (!encoding.typeIds) throw new ValueError('classify: tokenizer: expected one that gives typeIds, as there are pairs of texts');
    const tokens = tokensOf(encoding);
    if (tokens.length === 0)
      throw new ValueError(`classify: texts: expected text with at least one token, got none for ${JSON.stringify(one)}`);
    return tokens;
  });
  const rows = await overTokens('classify', model, encodings, options, (ids, ctx) => scoresOf(model.forward(ids, ctx)));
  return rows.map(({ numbers }) => numbers);
}
