import type { Seq2Seq } from '@multihead/transformer/seq2seq';
import type { Entry } from './data.js';
import { pronounce } from './pronounce.js';
import { ErrorRates } from './score.js';

export interface EvaluateOptions {
  beams: number;
  /** Words searched together. */
  batchSize?: number;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

/** Word and phoneme error rate of the best hypothesis for each entry. */
export async function evaluate(model: Seq2Seq, entries: readonly Entry[], options: EvaluateOptions): Promise<ErrorRates> {
  const { beams, batchSize = 128, signal, onProgress } = options;
  const rates = new ErrorRates();
  const byLength = [...entries].sort((a, b) => a.word.length - b.word.length);
  for (let start = 0; start < byLength.length; start += batchSize) {
    const part = byLength.slice(start, start + batchSize);
    const found = await pronounce(
      model,
      part.map(({ word }) => word),
      { beams, signal },
    );
    part.forEach(({ pronunciations }, i) => {
      rates.add(found[i]![0]?.phonemes ?? [], pronunciations);
    });
    onProgress?.(start + part.length, byLength.length);
  }
  return rates;
}
