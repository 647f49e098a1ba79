import { type Backend, Rng, type Tensor, tensor, ValueError } from '@multihead/tensor';

export interface BatchOptions {
  /** Sequences in a batch. */
  size: number;
  /** The order is a function of this and of nothing else. */
  seed: number;
  /** Batches sorted by length together: more waste less padding, fewer mix better. */
  pool?: number;
}

/**
 * One epoch of batches of sequences of like length: the indices 0 … n - 1, shuffled, cut into pools, each sorted by length and cut into
 * batches, these shuffled again. Equal arguments give equal batches, so that a resumed run goes on where it was.
 *
 * @example
 * const epoch = bucketedBatches(pairs.map((p) => p.word.length), { size: 64, seed: 7 });
 */
export function bucketedBatches(lengths: ArrayLike<number>, options: BatchOptions): Int32Array[] {
  const { size, seed, pool = 50 } = options;
  for (const [name, value] of Object.entries({ size, pool })) {
    if (!Number.isInteger(value) || value < 1) throw new ValueError(`bucketedBatches: ${name}: expected a positive integer, got ${value}`);
  }
  const rng = new Rng(seed);
  const order = rng.permutation(lengths.length);
  const batches: Int32Array[] = [];
  for (let start = 0; start < order.length; start += size * pool) {
    const sorted = order.subarray(start, start + size * pool).sort((a, b) => lengths[a]! - lengths[b]! || a - b);
    for (let at = 0; at < sorted.length; at += size) batches.push(sorted.subarray(at, at + size));
  }
  return Array.from(rng.permutation(batches.length), (i) => batches[i]!);
}

/**
 * Sequences of ids as one int32 tensor [sequences, longest], padded behind.
 *
 * @example
 * const source = padded([[4, 5], [6]], 0); // [[4, 5], [6, 0]]
 */
export function padded(sequences: readonly ArrayLike<number>[], pad: number, backend?: Backend): Tensor {
  const longest = sequences.reduce((most, sequence) => Math.max(most, sequence.length), 0);
  const ids = new Int32Array(sequences.length * longest).fill(pad);
  sequences.forEach((sequence, i) => {
    ids.set(sequence, i * longest);
  });
  return tensor(ids, { shape: [sequences.length, longest], backend });
}
