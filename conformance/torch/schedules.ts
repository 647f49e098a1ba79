import { constantRate, noam, type Schedule, warmupCosine } from '@multihead/train';
import { type Check, notBuilt } from '../suite.js';
import type { TorchCase } from './document.js';

/* The family schedule: the learning rate of each of the first steps. */

export interface ScheduleCase extends TorchCase {
  readonly base_lr: number;
  readonly steps: number;
  readonly lrs: readonly number[];
}

type Options = Readonly<Record<string, number>>;

/** The schedule of a case, as a factor on nothing: PyTorch's base rate is in it. */
function scheduleOf({ op, name, base_lr, kwargs, steps }: ScheduleCase): Schedule {
  const options = (kwargs ?? {}) as Options;
  const kind = op.replace(/^lr_scheduler\./, '');
  if (kind === 'LambdaLR' && options.d_model !== undefined && options.warmup !== undefined) {
    return noam({ dim: options.d_model, warmup: options.warmup, factor: base_lr });
  }
  // PyTorch's rises again after T_max, ours stays at the floor.
  if (kind === 'CosineAnnealingLR' && steps <= options.T_max + 1) {
    return warmupCosine({ peak: base_lr, warmup: 0, total: options.T_max, floor: options.eta_min ?? 0 });
  }
  if (kind === 'ConstantLR' && options.factor === 1) return constantRate(base_lr);
  throw notBuilt(`the schedule ${kind === 'LambdaLR' ? name : kind}`);
}

export async function runSchedule(golden: ScheduleCase): Promise<Check[]> {
  const schedule = scheduleOf(golden);
  const data = golden.lrs.map((_, step) => schedule(step));
  const shape = [data.length];
  const { rtol, atol } = golden;
  const want = { shape, kind: 'float', data: golden.lrs } as const;
  return [{ what: 'rates', got: { shape, kind: 'float', data }, want: [want], tolerance: { rtol, atol, equalNan: true } }];
}
