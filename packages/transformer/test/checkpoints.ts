import { dispose, readState, Rng } from '@multihead/tensor';
import { recordsOf, serializeSafetensors, serializeShardedSafetensors, type TensorRecord } from '@multihead/tensor/safetensors';
import { type GPT2Config, GPT2LMHeadModel, readGPT2Config } from '@multihead/transformer/gpt2';
import type { Checkpoint } from '@multihead/transformer/load';

/* Checkpoints in memory. */

export type Files = Readonly<Record<string, Uint8Array | string>>;

export function memory(files: Files): Checkpoint {
  return {
    name: 'memory',
    open: async (file) => {
      if (!Object.hasOwn(files, file)) return null;
      const content = files[file]!;
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
      return { name: file, size: bytes.length, read: async (from, to) => bytes.slice(from, to) };
    },
  };
}

export const tinyConfig = {
  model_type: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  n_embd: 8,
  n_head: 2,
  n_layer: 2,
  n_positions: 16,
  vocab_size: 12,
};

/** The weights of a fresh GPT-2 by their names. */
export async function tinyTensors(config: Partial<GPT2Config> = {}): Promise<Record<string, TensorRecord>> {
  const model = new GPT2LMHeadModel(readGPT2Config({ ...tinyConfig, ...config }), { rng: new Rng(5) });
  const records = Object.fromEntries(recordsOf(await readState(model)));
  dispose(model);
  return records;
}

/** A whole GPT-2; `change` does something to its tensors. */
export async function tinyFiles(
  change: (tensors: Record<string, TensorRecord>) => Record<string, TensorRecord> = (tensors) => tensors,
  config: object = {},
): Promise<Record<string, Uint8Array | string>> {
  const tensors = change(await tinyTensors());
  return { 'config.json': JSON.stringify({ ...tinyConfig, ...config }), 'model.safetensors': serializeSafetensors(tensors) };
}

export async function shardedFiles(): Promise<Files> {
  const shards = Object.fromEntries(serializeShardedSafetensors(await tinyTensors(), { maxShardBytes: 2000 }));
  return { 'config.json': JSON.stringify(tinyConfig), ...shards };
}

export const f32 = (...shape: number[]): TensorRecord => ({
  dtype: 'F32',
  shape,
  data: new Float32Array(shape.reduce((n, x) => n * x, 1)),
});
