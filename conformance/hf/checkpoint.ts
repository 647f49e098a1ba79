import type { Checkpoint } from '@multihead/transformer/load';
import type { Folder } from '../folder.js';

/** A folder of the cases as a checkpoint; `config` is the file that is taken for config.json. */
export function checkpointOf(folder: Folder, config = 'config.json'): Checkpoint {
  return {
    name: folder.path,
    open: async (file) => {
      const name = file === 'config.json' ? config : file;
      if (!folder.has(name)) return null;
      const bytes = folder.bytes(name);
      return { name, size: bytes.length, read: async (from, to) => bytes.slice(from, to) };
    },
  };
}
