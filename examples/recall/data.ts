import type { Rng } from '@multihead/tensor';

/** Tokens of a batch, [size, length], and what each should be answered with; IGNORED where nothing is asked. */
export interface Batch {
  readonly ids: Int32Array;
  readonly targets: Int32Array;
  readonly length: number;
}

export interface Task {
  readonly title: string;
  /** What makes it harder. */
  readonly xLabel: string;
  readonly levels: readonly number[];
  readonly vocabulary: number;
  readonly batch: (level: number, size: number, rng: Rng) => Batch;
}

export const IGNORED = -100;
/** Keys are below it, values from it on. */
const KEYS = 64;

/**
 * Multi-query associative recall: pairs of a key and a value, then all keys again in another order, each to be answered with its value. From
 * Arora et al., "Zoology", 2023 (arXiv 2312.04927), where gaps follow a power law; here all keys are asked, in random order.
 */
const recall: Task = {
  title: 'Associative recall',
  xLabel: 'pairs to remember',
  levels: [4, 8, 16, 32],
  vocabulary: 2 * KEYS,
  batch: (pairs, size, rng) =>
    batchOf(3 * pairs, size, () => {
      const keys = drawn(KEYS, pairs, rng);
      const values = keys.map(() => KEYS + rng.integer(KEYS));
      const order = drawn(pairs, pairs, rng);
      return [
        ...keys.flatMap((key, i) => [[key, IGNORED] as const, [values[i]!, IGNORED] as const]),
        ...order.map((i) => [keys[i]!, values[i]!] as const),
      ];
    }),
};

/**
 * Induction: a run of different tokens that comes twice; in the second run each token is to be answered with the one that followed it in the first.
 * Olsson et al., "In-context Learning and Induction Heads", 2022.
 */
const induction: Task = {
  title: 'Induction',
  xLabel: 'tokens until the repetition',
  levels: [4, 8, 16, 32],
  vocabulary: 2 * KEYS,
  batch: (length, size, rng) =>
    batchOf(2 * length, size, () => {
      const run = drawn(2 * KEYS, length, rng);
      return [...run.map((id) => [id, IGNORED] as const), ...run.map((id, i) => [id, run[i + 1] ?? IGNORED] as const)];
    }),
};

export const tasks: Readonly<Record<string, Task>> = { recall, induction };

function batchOf(length: number, size: number, row: () => readonly (readonly [id: number, target: number])[]): Batch {
  const rows = Array.from({ length: size }, row).flat();
  return { ids: Int32Array.from(rows, ([id]) => id), targets: Int32Array.from(rows, ([, target]) => target), length };
}

/** `count` different numbers below `below`, in random order. */
function drawn(below: number, count: number, rng: Rng): number[] {
  const all = Array.from({ length: below }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + rng.integer(below - i);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all.slice(0, count);
}
