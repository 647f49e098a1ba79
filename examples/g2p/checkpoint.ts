import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadStateDict, readState } from '@multihead/tensor';
import { recordsOf, type SafetensorsReader, stateOf } from '@multihead/tensor/safetensors';
import { readSafetensorsFile, writeSafetensorsFile } from '@multihead/tensor/safetensors/node';
import type { Seq2Seq, Seq2SeqConfig } from '@multihead/transformer/seq2seq';
import { createModel } from './model.js';

/** What stands in `config.json` beside the weights: the model, and how it was trained. */
export interface CheckpointConfig {
  model: Seq2SeqConfig;
  training: Record<string, number>;
}

/** Writes the model as `model.safetensors` in half precision, and `config.json` beside it. */
export async function saveModel(folder: string, model: Seq2Seq, training: CheckpointConfig['training']): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeSafetensorsFile(join(folder, 'model.safetensors'), recordsOf(await readState(model)), { dtype: 'F16' });
  const config: CheckpointConfig = { model: model.config, training };
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

/** Reads what `saveModel` wrote. */
export async function loadModel(folder: string): Promise<Seq2Seq> {
  const config: CheckpointConfig = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  return modelFrom(config, await readSafetensorsFile(join(folder, 'model.safetensors')));
}

/** The same from parts that were fetched. */
export async function modelFrom(config: CheckpointConfig, weights: SafetensorsReader): Promise<Seq2Seq> {
  const model = createModel({ config: config.model });
  loadStateDict(model, await stateOf(weights));
  return model;
}
