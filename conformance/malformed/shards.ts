import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openShardedSafetensors } from '@multihead/tensor/safetensors';
import { fileSource, openSafetensorsFolder } from '@multihead/tensor/safetensors/node';
import type { Kind } from './kinds.js';
import { problemsOf } from './safetensors.js';

/** The index of a checkpoint in shards, which lie beside it. */
export const shards: Kind = {
  fileName: 'model.safetensors.index.json',
  ways: {
    openSafetensorsFolder: async (task) => {
      const reader = await openSafetensorsFolder(task.folder);
      try {
        return await problemsOf(reader, task);
      } finally {
        await reader.close();
      }
    },
    openShardedSafetensors: async (task) => {
      const reader = await openShardedSafetensors(await readFile(task.file), (shard) => fileSource(join(task.folder, shard)));
      try {
        return await problemsOf(reader, task);
      } finally {
        await reader.close();
      }
    },
  },
};

/** A safetensors file of zeros with the tensors that a case lists: `a: F32[2]`, several of them parted by commas or line feeds. */
export function shardOf(tensors: string): Uint8Array {
  const rows = [...tensors.matchAll(/\s*([^:]+):\s*([A-Z]+(\d*)\w*)\s*\[([\d\s,]*)\]\s*(?:[,;\n]|$)/gy)];
  if (rows.map(([row]) => row).join('') !== tensors) throw new Error(`expected tensors like "a: F32[2]", got ${JSON.stringify(tensors)}`);
  let at = 0;
  const entries = rows.map(([, name, dtype, bits, shape]) => {
    const begin = at;
    const dimensions = shape
      .split(',')
      .filter((text) => text.trim() !== '')
      .map(Number);
    at += (dimensions.reduce((product, size) => product * size, 1) * Number(bits || 8)) / 8;
    return `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${dimensions}],"data_offsets":[${begin},${at}]}`;
  });
  const header = new TextEncoder().encode(`{${entries}}`);
  const bytes = new Uint8Array(8 + header.length + at);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  return bytes;
}
