import { readState, Rng, dispose } from '@multihead/tensor';
import { recordsOf, serializeSafetensors } from '@multihead/tensor/safetensors';
import { auto } from '@multihead/transformer/auto';
import { LlamaForCausalLM, readLlamaConfig } from '@multihead/transformer/llama';
import { load } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';
import type { Kind } from './kinds.js';

/** config.json of a Llama, beside weights of the sizes that a harmless one has. */
export const config: Kind = {
  fileName: 'config.json',
  ways: {
    load: async (task) => {
      const inside = folder(task.folder);
      const bytes = await weights();
      const source = { size: bytes.length, read: async (from: number, to: number) => bytes.slice(from, to) };
      const open = async (file: string) => (file === 'model.safetensors' ? source : inside.open(file));
      const model = await load(auto, { name: task.folder, open });
      dispose(model);
      return [];
    },
  },
};

async function weights(): Promise<Uint8Array> {
  const sizes = { vocab_size: 99, hidden_size: 32, intermediate_size: 48, num_hidden_layers: 2, num_attention_heads: 4 };
  const model = new LlamaForCausalLM(readLlamaConfig({ ...sizes, num_key_value_heads: 2 }), { rng: new Rng(1) });
  try {
    return serializeSafetensors(recordsOf(await readState(model)));
  } finally {
    dispose(model);
  }
}
