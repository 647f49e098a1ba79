import { softmax } from '@multihead/tensor';
import { inBatches } from './batches.js';
import type { TextModel, TextOptions, TextTokenizer } from './tokenizer.js';

export interface LabelScore {
  label: string;
  /** From 0 to 1; together 1. */
  score: number;
}

/**
 * The labels of each text with their probabilities, the likeliest first, from a model for sequence classification.
 *
 * @throws ValueError for an empty text that the tokenizer gives no token for.
 * @example
 * const model = await load(DistilBertForSequenceClassification, 'distilbert/distilbert-base-uncased-finetuned-sst-2-english');
 * const [[best]] = await classify(model, tokenizer, ['What a wonderful day']); // { label: 'POSITIVE', score: 0.9998 }
 */
export async function classify(
  model: TextModel,
  tokenizer: TextTokenizer,
  texts: readonly string[],
  options: TextOptions = {},
): Promise<LabelScore[][]> {
  const { id2label } = model.config as { id2label?: string[] | null };
  const rows = await inBatches('classify', model, tokenizer, texts, options, (ids, mask) => softmax(model.forward(ids, { mask })));
  return rows.map((row) =>
    Array.from(row, (score, i) => ({ label: id2label?.[i] ?? `LABEL_${i}`, score })).sort((a, b) => b.score - a.score),
  );
}
