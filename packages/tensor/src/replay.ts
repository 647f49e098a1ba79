import { getBackend, withBackend } from './default-backend.js';
import { during, isFusing } from './mode.js';
import { journals, type Rng } from './random.js';

/** Runs a function as another one ran before. */
export type Replay = <T>(fn: () => T) => T;

/**
 * Runs `fn`, and remembers what it depended on beside its arguments: where each stream of random numbers stood that it read, the default
 * backend, and whether fused kernels could serve. `replay` sets these for another run, and puts the streams back afterwards.
 */
export function remember<T>(fn: () => T): { result: T; replay: Replay } {
  const [starts, backend, fusing] = [new Map<Rng, number>(), getBackend(), isFusing()];
  const replay: Replay = (again) => {
    const before = new Map([...starts.keys()].map((rng) => [rng, rng.counter]));
    rewind(starts);
    try {
      return during({ fusing }, () => withBackend(backend, again));
    } finally {
      rewind(before);
    }
  };
  journals.add(starts);
  try {
    return { result: fn(), replay };
  } finally {
    journals.delete(starts);
  }
}

function rewind(counters: ReadonlyMap<Rng, number>): void {
  for (const [rng, counter] of counters) rng.counter = counter;
}
