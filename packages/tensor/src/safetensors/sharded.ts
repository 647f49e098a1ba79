/** Reading a checkpoint in shards: an index, and a safetensors file for each name in it. Where the files are is the caller's matter. */
import { concurrently } from './concurrently.js';
import { quote, SafetensorsError } from './error.js';
import type { TensorInfo } from './header.js';
import { find, openSafetensors, type SafetensorsReader, type TensorReader } from './read.js';
import { parseSafetensorsIndex, type SafetensorsIndex } from './shard-index.js';
import type { ByteSource } from './source.js';

/** What is known of a tensor of a checkpoint in shards. */
export interface ShardedTensorInfo extends TensorInfo {
  /** The file that holds it; `begin` and `end` count from the start of that file's data section. */
  readonly shard: string;
}

/** A checkpoint in shards of which the index and all headers have been read; tensors are read when asked for. */
export interface ShardedSafetensorsReader extends TensorReader {
  readonly entries: ReadonlyMap<string, ShardedTensorInfo>;
  /** What the index says. */
  readonly index: SafetensorsIndex;
  /** Closes the sources of all shards. */
  close(): Promise<void>;
}

/** Opens one shard by its file name, which is plain: no path, no URL. */
export type OpenShard = (shard: string, options: { signal: AbortSignal }) => Promise<ByteSource>;

/**
 * A checkpoint in shards: the index is checked, every shard that it names is opened, and every tensor is looked up in the header of its
 * shard; each tensor is read when it is asked for. The index decides: a tensor that a shard has and the index does not name, or names in
 * another shard, is not handed out. `metadata` is that of all shards; where two differ, that of the earlier file name.
 *
 * @throws SafetensorsError if the index or a shard breaks its format, or if shards lack tensors that the index names (all are listed);
 * what `open` throws, and the reason of an aborted signal, pass through. Then all sources are closed again.
 * @example
 * const index = await (await folder.getFileHandle('model.safetensors.index.json')).getFile();
 * const reader = await openShardedSafetensors(await index.text(), async (shard) => {
 *   const file = await (await folder.getFileHandle(shard)).getFile();
 *   return { size: file.size, name: shard, read: async (from, to) => new Uint8Array(await file.slice(from, to).arrayBuffer()) };
 * });
 */
export async function openShardedSafetensors(
  index: Uint8Array | string,
  open: OpenShard,
  options: { name?: string; signal?: AbortSignal } = {},
): Promise<ShardedSafetensorsReader> {
  const parsed = parseSafetensorsIndex(index, options);
  const names = [...new Set(parsed.weightMap.values())].sort();
  const sources: ByteSource[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(sources.map((source) => source.close?.()));
  };
  try {
    const shards = new Map(
      await concurrently(names, options.signal, async (shard, signal): Promise<[string, SafetensorsReader]> => {
        const source = await open(shard, { signal });
        sources.push(source);
        return [shard, await openSafetensors(source, { signal })];
      }),
    );
    return { ...readerOf(parsed, shards, options.name), index: parsed, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function readerOf(
  index: SafetensorsIndex,
  shards: ReadonlyMap<string, SafetensorsReader>,
  file: string | undefined,
): Omit<ShardedSafetensorsReader, 'index' | 'close'> {
  const entries = new Map<string, ShardedTensorInfo>();
  const lacking: string[] = [];
  for (const [tensor, shard] of index.weightMap) {
    const info = shards.get(shard)?.entries.get(tensor);
    if (info) entries.set(tensor, { ...info, shard });
    else lacking.push(`${quote(tensor)} (${shard})`);
  }
  if (lacking.length > 0) {
    const got = `shards without ${lacking.slice(0, 20).join(', ')}${lacking.length > 20 ? ` and ${lacking.length - 20} more` : ''}`;
    throw new SafetensorsError({ file, field: 'weight_map', expected: 'each tensor in the shard that the index names', got });
  }
  const metadata = new Map([...shards.values()].reverse().flatMap((shard) => [...shard.metadata]));
  const shardOf = (name: string): SafetensorsReader => shards.get(find(entries, name, file).shard)!;
  return {
    entries,
    metadata,
    names: () => [...entries.keys()],
    read: async (name, readOptions) => shardOf(name).read(name, readOptions),
    readBytes: async (name, readOptions) => shardOf(name).readBytes(name, readOptions),
  };
}
