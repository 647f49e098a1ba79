import { loadStateDict, readState, type TensorData, ValueError } from '@multihead/tensor';
import { recordsOf, stateOf } from '@multihead/tensor/safetensors';
import { openSafetensorsFile, writeSafetensorsFile } from '@multihead/tensor/safetensors/node';
import type { TrainState } from '../fit.js';
import type { Optimizer } from '../optimizer.js';

export interface Checkpoint {
  model: object;
  optimizer: Optimizer;
  progress: TrainState;
}

/**
 * Writes all that a resumed run needs into one safetensors file: `model.*`, `optimizer.*`, and the progress in its metadata.
 * Written beside the old file and renamed over it: after a crash, a full disk or an abort there is the old one or the new one, whole.
 *
 * @example
 * await saveCheckpoint('run/state.safetensors', { model, optimizer, progress: state });
 */
export async function saveCheckpoint(
  path: string,
  { model, optimizer, progress }: Checkpoint,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  const { steps, slots } = await optimizer.state();
  const tensors = new Map<string, TensorData>();
  for (const [name, value] of await readState(model)) tensors.set(`model.${name}`, value);
  for (const [name, value] of slots) tensors.set(`optimizer.${name}`, value);
  const metadata = { progress: JSON.stringify(progress), 'optimizer.steps': String(steps) };
  await writeSafetensorsFile(path, recordsOf(tensors), { metadata, signal: options.signal });
}

/**
 * Puts a saved run into `model` and `optimizer` and returns where it stood. Throws if the file is not of them: a StateDictError, with
 * nothing changed, if its weights do not fit the model, and a ValueError if only its averages do not fit the optimizer.
 */
export async function loadCheckpoint(path: string, { model, optimizer }: Omit<Checkpoint, 'progress'>): Promise<TrainState> {
  const file = await openSafetensorsFile(path);
  try {
    const progress = file.metadata.get('progress');
    if (progress === undefined)
      throw new ValueError(`loadCheckpoint: ${path}: expected a checkpoint of a training run, found no progress in its metadata`);
    const state = await stateOf(file, { prefix: 'model.' });
    const slots = await stateOf(file, { prefix: 'optimizer.' });
    loadStateDict(model, state);
    optimizer.load({ steps: Number(file.metadata.get('optimizer.steps')), slots });
    return JSON.parse(progress) as TrainState;
  } finally {
    await file.close();
  }
}
