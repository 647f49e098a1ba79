import { ValueError } from '@multihead/tensor';

/** The learning rate of step 0, 1, 2 … */
export type Schedule = (step: number) => number;

/**
 * The paper's: factor · dim^-½ · min(s^-½, s · warmup^-3⁄2) for s = step + 1. Rises for `warmup` steps, then falls with the root of the step.
 * Vaswani et al., 2017, section 5.3.
 *
 * @example
 * const schedule = noam({ dim: 512, warmup: 4000 });
 */
export function noam({ dim, warmup, factor = 1 }: { dim: number; warmup: number; factor?: number }): Schedule {
  check('noam', { dim, warmup });
  return (step) => factor * dim ** -0.5 * Math.min((step + 1) ** -0.5, (step + 1) * warmup ** -1.5);
}

/**
 * Rises in a line from 0 to `peak` over `warmup` steps, then falls to `floor` along half a cosine until `total`, and stays there.
 * Loshchilov and Hutter, 2017, without restarts.
 *
 * @example
 * const schedule = warmupCosine({ peak: 1e-3, warmup: 500, total: 10_000 });
 */
export function warmupCosine({
  peak,
  warmup,
  total,
  floor = 0,
}: {
  peak: number;
  warmup: number;
  total: number;
  floor?: number;
}): Schedule {
  check('warmupCosine', { peak, total: total - warmup });
  return (step) => {
    if (step < warmup) return (peak * (step + 1)) / warmup;
    const progress = Math.min(1, (step - warmup) / (total - warmup));
    return floor + ((peak - floor) * (1 + Math.cos(Math.PI * progress))) / 2;
  };
}

/** The same rate at every step. */
export function constantRate(lr: number): Schedule {
  return () => lr;
}

function check(op: string, positive: Record<string, number>): void {
  for (const [name, value] of Object.entries(positive)) {
    if (!(value > 0)) throw new ValueError(`${op}: ${name}: expected a number above 0, got ${value}`);
  }
}
