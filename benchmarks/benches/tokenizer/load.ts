import { fromTokenizerJson } from '@multihead/tokenizer';
import { vocabularyFile } from '../../peers/tokenizers.ts';

/** How long loading takes, and how much more memory is in use then. The median of five. */
export async function loadOurs(): Promise<{ milliseconds: number; megabytes: number; entries: number }> {
  const text = vocabularyFile();
  const collect = (globalThis as { gc?: () => void }).gc;
  const runs = Array.from({ length: 5 }, () => {
    collect?.();
    const before = bytesInUse();
    const start = performance.now();
    const tokenizer = fromTokenizerJson(text);
    const milliseconds = performance.now() - start;
    collect?.();
    return { milliseconds, megabytes: (bytesInUse() - before) / 2 ** 20, entries: tokenizer.vocabSize };
  });
  return runs.sort((a, b) => a.milliseconds - b.milliseconds)[2]!;
}

function bytesInUse(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + Math.max(external, arrayBuffers);
}
