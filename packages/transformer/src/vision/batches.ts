import { keep, noGrad, type Tensor, tidy, ValueError } from '@multihead/tensor';

export interface BatchOptions {
  /** Images, or texts, at a time; 16 if left out. */
  batchSize?: number;
  /** Stops between two batches; the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What `compute` makes of the items, [B, N] at a time, row by row. */
export async function inBatches<Item>(
  op: string,
  items: readonly Item[],
  { batchSize = 16, signal }: BatchOptions,
  compute: (batch: readonly Item[]) => Tensor,
): Promise<Float32Array[]> {
  if (!Array.isArray(items)) throw new ValueError(`${op}: expected a list, even of one, got ${typeof items}`);
  checkCount(op, 'batchSize', batchSize);
  const rows: Float32Array[] = [];
  for (let from = 0; from < items.length; from += batchSize) {
    signal?.throwIfAborted();
    const batch = items.slice(from, from + batchSize);
    const made = keep(noGrad(() => tidy(() => compute(batch))));
    try {
      const data = (await made.data()) as Float32Array;
      const width = data.length / batch.length;
      for (let i = 0; i < batch.length; i++) rows.push(data.slice(i * width, (i + 1) * width));
    } finally {
      made.dispose();
    }
  }
  return rows;
}

/** Throws a ValueError for what is no integer from 1. */
export function checkCount(op: string, name: string, count: number): void {
  if (!Number.isInteger(count) || count < 1) throw new ValueError(`${op}: ${name}: expected an integer from 1, got ${String(count)}`);
}
