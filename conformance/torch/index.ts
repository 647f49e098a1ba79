import type { Backend } from '@multihead/tensor';
import { type Archive, openFamilies } from '../archive.js';
import type { Check, GoldenCase, Suite } from '../suite.js';
import { restOf } from './curves.js';
import type { TorchCase } from './document.js';
import { runError, runFunction } from './functions.js';
import { type ModuleCase, runModule } from './modules.js';
import { type OptimizerCase, runClip, runOptimizer } from './optimizers.js';
import { runSchedule, type ScheduleCase } from './schedules.js';
import { runTraining, type TrainCase } from './train.js';

type Run = (golden: TorchCase, archive: Archive, backend: Backend) => Promise<Check[]>;

/** The kinds of cases by the beginning of the family's name, the most special first. */
const kinds: readonly (readonly [prefix: string, run: Run])[] = [
  ['opinfo-errors', runError],
  ['opinfo-', runFunction],
  ['fn-', runFunction],
  ['module-', (golden, ...rest) => runModule(golden as ModuleCase, ...rest)],
  ['optim', (golden, ...rest) => runOptimizer(golden as OptimizerCase, ...rest)],
  ['clip', runClip],
  ['schedule', (golden) => runSchedule(golden as ScheduleCase)],
  ['train', (golden, ...rest) => runTraining(golden as TrainCase, ...rest)],
];

/** What PyTorch computed: functions, modules, optimisers, schedules, clipping, training; values and gradients. */
export const torch: Suite = {
  name: 'torch',
  open: (folder) => openFamilies<TorchCase>(folder, 'torch', ({ family, cases }, archive) => casesOf(family, cases, archive)),
};

function casesOf(family: string, cases: readonly TorchCase[], archive: Archive): GoldenCase[] {
  const kind = kinds.find(([prefix]) => family.startsWith(prefix));
  if (!kind) throw new Error(`there is no way to run the family ${family}`);
  return cases.flatMap((golden): GoldenCase[] => {
    const rest = kind[0] === 'train' ? restOf(golden, archive) : null;
    const whole: GoldenCase = { name: golden.name, run: (backend) => kind[1](golden, archive, backend) };
    return rest ? [whole, { name: `${golden.name} (rest)`, run: rest }] : [whole];
  });
}
