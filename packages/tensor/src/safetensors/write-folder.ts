/**
 * Writing a checkpoint of several files into a folder so that a crash at any moment leaves the old checkpoint or the new one. Node only.
 *
 * All files are written as temporaries first. Then the shards are renamed to their places, and what makes them the checkpoint is one
 * rename at the end: that of the index, or the removal of a single file that readers would prefer. New shards that are called as shards
 * in use would break the old checkpoint before the new one is complete; so these get a second name first, and an index that uses it.
 */
import * as nodeFs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, type Content, discard, step, syncFolder, type WriteFileSystem, writeTemporary } from './atomic-file.js';
import type { TensorsToWrite } from './piece.js';
import { planShards, type ShardOptions, type ShardPlan } from './shard.js';
import { indexText, parseSafetensorsIndex, type SafetensorsIndex } from './shard-index.js';
import { indexName, isShardName, previousName, singleName } from './shard-name.js';
import type { Progress } from './source.js';
import { removeStaleTemporaries } from './temporary-file.js';

/** What of `node:fs/promises` writing a folder needs; a test gives its own to inject faults. */
export interface WriteFolderSystem extends WriteFileSystem {
  mkdir(path: string, options: { recursive: true }): Promise<unknown>;
  readFile(path: string): Promise<Uint8Array>;
  link(from: string, to: string): Promise<void>;
  copyFile(from: string, to: string): Promise<void>;
}

/** How a checkpoint is written. */
export interface WriteFolderOptions extends ShardOptions {
  /** Aborts the write; the old checkpoint stays and the temporaries are removed. */
  readonly signal?: AbortSignal;
  /** Called as bytes are written; `total` counts those of all files. */
  readonly onProgress?: (progress: Progress) => void;
  /** In place of `node:fs/promises`. */
  readonly fs?: WriteFolderSystem;
}

/** The folder, what its files are called, and the means to write there. */
interface Target {
  readonly folder: string;
  readonly base: string;
  readonly fs: WriteFolderSystem;
}

/**
 * Writes tensors as the checkpoint of a folder, which is made if it is not there, and gives the names of its files: those of
 * `serializeShardedSafetensors`, written tensor by tensor. Afterwards, whatever happened, `openSafetensorsFolder` finds the old checkpoint
 * or the new one, whole. Shards and index of the old one are removed; one process at a time may write.
 *
 * @throws SafetensorsError as `writeSafetensorsFile`; `file` is the file whose `field`, a step, failed.
 * @example
 * await writeSafetensorsFolder('llama', recordsOf(await readState(model)), { maxShardBytes: 2e9, dtype: 'BF16', metadata: { format: 'pt' } });
 * // ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', 'model.safetensors.index.json']
 */
export async function writeSafetensorsFolder(folder: string, tensors: TensorsToWrite, options: WriteFolderOptions = {}): Promise<string[]> {
  const { signal, onProgress, fs = nodeFs, name: base = 'model' } = options;
  const plan = planShards(tensors, options);
  signal?.throwIfAborted();
  await step(folder, 'mkdir', () => fs.mkdir(folder, { recursive: true }));
  const targets = (name: string): boolean => name === singleName(base) || name === indexName(base) || isShardName(base, name);
  await removeStaleTemporaries(folder, targets, fs);
  const contents = contentsOf(plan);
  const total = contents.reduce((sum, [, { byteLength }]) => sum + byteLength, 0);
  let loaded = 0;
  const onBytes = (count: number): void => {
    loaded += count;
    onProgress?.({ loaded, total });
  };
  const temporaries = new Map<string, string>();
  try {
    for (const [name, content] of contents) {
      temporaries.set(name, await writeTemporary(join(folder, name), content, { fs, signal, onBytes }));
    }
    signal?.throwIfAborted();
    await putInPlace({ folder, base, fs }, plan, temporaries);
  } catch (error) {
    await discard(temporaries.values(), fs);
    throw error;
  }
  return contents.map(([name]) => name);
}

function contentsOf({ files, index }: ShardPlan): [name: string, content: Content][] {
  return index ? [...files, [index.name, contentOf(index.text)]] : [...files];
}

function contentOf(text: string): Content {
  const bytes = new TextEncoder().encode(text);
  return { byteLength: bytes.length, parts: () => [bytes] };
}

/** Renames the temporaries to their places, does at last the step that decides, and removes what the old checkpoint had more. */
async function putInPlace(target: Target, plan: ShardPlan, temporaries: ReadonlyMap<string, string>): Promise<void> {
  const { folder, base, fs } = target;
  const single = join(folder, singleName(base));
  const isSingle = (await fs.stat(single).catch(() => undefined)) !== undefined;
  const moveBack = plan.index && !isSingle ? await moveAside(target, plan) : undefined;
  const placed: string[] = [];
  const place = async (name: string): Promise<void> => {
    const path = join(folder, name);
    await step(path, 'rename', () => fs.rename(temporaries.get(name)!, path));
    placed.unshift(path);
  };
  try {
    for (const name of plan.files.keys()) await place(name);
    if (plan.index) {
      await syncFolder(folder, folder, fs); // the shards are there before an index says so
      await place(plan.index.name);
      if (isSingle) {
        await syncFolder(folder, folder, fs);
        await step(single, 'unlink', () => fs.unlink(single));
      }
    }
  } catch (error) {
    await discard(placed, fs); // none of them is in use yet
    await moveBack?.().catch(() => {}); // the second names will do, too
    throw error;
  }
  await syncFolder(folder, folder, fs);
  await removeOld(target, new Set([...plan.files.keys(), ...(plan.index ? [plan.index.name] : [])]));
}

/**
 * Gives the shards in use that new ones will be called after a second name, and puts an index of these names in place. Gives what undoes
 * that. Whatever fails, here or there, the index in place names files that are there.
 */
async function moveAside({ folder, base, fs }: Target, plan: ShardPlan): Promise<(() => Promise<void>) | undefined> {
  const path = join(folder, indexName(base));
  const before = await indexInUse(path, fs);
  const aside = [...new Set(before?.index.weightMap.values())].filter((shard) => plan.files.has(shard));
  if (!before || aside.length === 0) return undefined;
  const { weightMap, metadata } = before.index;
  const renamed = [...weightMap].map(([tensor, shard]) => [tensor, plan.files.has(shard) ? previousName(shard) : shard] as const);
  const firstNames = aside.map((shard) => join(folder, shard));
  const secondNames = aside.map((shard) => join(folder, previousName(shard)));
  try {
    await linkAll(firstNames, secondNames, fs);
    await replaceIndex(path, indexText(renamed, Number(metadata.get('total_size')) || 0), fs);
  } catch (error) {
    await discard(secondNames, fs);
    throw error;
  }
  return async () => {
    await linkAll(secondNames, firstNames, fs);
    await replaceIndex(path, before.text, fs);
    await discard(secondNames, fs);
  };
}

/** The index that readers would use; a broken one they would refuse, so that there is nothing to keep. */
async function indexInUse(path: string, fs: WriteFolderSystem): Promise<{ index: SafetensorsIndex; text: string } | undefined> {
  try {
    const bytes = await fs.readFile(path);
    return { index: parseSafetensorsIndex(bytes), text: new TextDecoder().decode(bytes) };
  } catch {
    return undefined;
  }
}

async function replaceIndex(path: string, text: string, fs: WriteFolderSystem): Promise<void> {
  const temporary = await writeTemporary(path, contentOf(text), { fs });
  try {
    await syncFolder(dirname(path), path, fs);
    await step(path, 'rename', () => fs.rename(temporary, path));
  } catch (error) {
    await discard([temporary], fs);
    throw error;
  }
  await syncFolder(dirname(path), path, fs).catch(() => {}); // it is synced again when all is done
}

/** Makes each of `to` another name of the file in `from`; what had that name is gone. */
async function linkAll(from: readonly string[], to: readonly string[], fs: WriteFolderSystem): Promise<void> {
  await discard(to, fs);
  for (const [i, path] of from.entries()) await step(path, 'link', () => linkOrCopy(path, to[i], fs));
}

/** A second name for a file, or a synced copy where the file system has no such thing. */
async function linkOrCopy(from: string, to: string, fs: WriteFolderSystem): Promise<void> {
  try {
    await fs.link(from, to);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return; // the index names a shard that is not there: readers refuse it already
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV', 'EINVAL'].includes(codeOf(error))) throw error;
    await fs.copyFile(from, to);
    const handle = await fs.open(to, 'r+');
    await handle.sync().finally(() => handle.close());
  }
}

/** Removes shards that the checkpoint does not have any more, and an index where one file holds all. What cannot be removed stays. */
async function removeOld({ folder, base, fs }: Target, keep: ReadonlySet<string>): Promise<void> {
  const names = await fs.readdir(folder).catch(() => []);
  const old = [indexName(base), ...names.filter((name) => isShardName(base, name))].filter((name) => !keep.has(name));
  await discard(
    old.map((name) => join(folder, name)),
    fs,
  );
}
