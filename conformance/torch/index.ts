import type { Backend } from '@multihead/tensor';
import type { Folder } from '../folder.js';
import type { Check, Family, GoldenCase, Suite } from '../suite.js';
import { Archive, type TorchCase, type TorchDocument } from './document.js';
import { restOf } from './curves.js';
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
  open: (folder) =>
    folder
      .names()
      .filter((name) => name.endsWith('.json') && name !== 'index.json')
      .map((name) => openFamily(folder, name)),
};

function openFamily(folder: Folder, file: string): Family {
  const document = folder.json(file) as TorchDocument;
  if (document.suite !== 'torch' || !Array.isArray(document.cases)) {
    throw new Error(`${file}: expected a family of the suite torch, got one of ${String(document.suite)}`);
  }
  const kind = kinds.find(([prefix]) => document.family.startsWith(prefix));
  if (!kind) throw new Error(`${file}: there is no way to run the family ${document.family}`);
  const archive = new Archive(folder, document.data);
  const cases = document.cases.flatMap((golden): GoldenCase[] => {
    const rest = kind[0] === 'train' ? restOf(golden, archive) : null;
    const whole: GoldenCase = { name: golden.name, run: (backend) => kind[1](golden, archive, backend) };
    return rest ? [whole, { name: `${golden.name} (rest)`, run: rest }] : [whole];
  });
  return { name: document.family, cases };
}
