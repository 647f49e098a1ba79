import { spawn } from 'node:child_process';
import * as realFs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TensorRecord } from './dtype.js';
import { SafetensorsError } from './error.js';
import {
  openSafetensorsFolder,
  openShardedSafetensorsFile,
  type WriteFolderSystem,
  type WriteHandle,
  writeSafetensorsFolder,
} from './node.js';
import { serializeShardedSafetensors, type ShardOptions } from './shard.js';
import { serializeSafetensors } from './write.js';

let folder: string;
beforeEach(async () => {
  folder = await realFs.mkdtemp(join(tmpdir(), 'safetensors-'));
});
afterEach(() => realFs.rm(folder, { recursive: true }));

const f32 = (...values: number[]): TensorRecord => ({ dtype: 'F32', shape: [values.length], data: Float32Array.from(values) });
/** A checkpoint of three tensors whose values tell it from others. */
const checkpoint = (value: number): Record<string, TensorRecord> => ({ a: f32(value, 1), b: f32(value, 2), c: f32(value, 3) });
const shard = (number: number, count: number): string => `model-0000${number}-of-0000${count}.safetensors`;
const index = 'model.safetensors.index.json';
const three: ShardOptions = { maxShardBytes: 8 };
const two: ShardOptions = { maxShardBytes: 16 };

/** The value by which `checkpoint` made what the folder holds; fails if it holds a mixture. */
async function valueIn(path: string): Promise<number> {
  const reader = await openSafetensorsFolder(path);
  try {
    const values = await Promise.all(['a', 'b', 'c'].map(async (name) => (await reader.read(name)).data[0] as number));
    expect(new Set(values).size).toBe(1);
    return values[0];
  } finally {
    await reader.close();
  }
}

describe('reading', () => {
  test('one file; one file before shards; shards', async () => {
    await writeSafetensorsFolder(folder, checkpoint(1), three);
    expect(await valueIn(folder)).toBe(1);
    await realFs.writeFile(join(folder, 'model.safetensors'), serializeSafetensors(checkpoint(2)));
    expect(await valueIn(folder)).toBe(2);
    await realFs.unlink(join(folder, 'model.safetensors'));
    const reader = await openShardedSafetensorsFile(join(folder, index));
    expect(reader.entries.get('b')?.shard).toBe(shard(2, 3));
    await reader.close();
    await expect(reader.read('a')).rejects.toThrow('read: expected a file that can be read');
  });

  test('files of another name', async () => {
    const options = { ...three, name: 'unet' };
    expect(await writeSafetensorsFolder(folder, checkpoint(3), options)).toContain('unet.safetensors.index.json');
    const reader = await openSafetensorsFolder(folder, { name: 'unet' });
    expect(reader.names()).toEqual(['a', 'b', 'c']);
    await reader.close();
    await expect(openSafetensorsFolder(folder)).rejects.toThrow(
      'open: expected model.safetensors or model.safetensors.index.json, got neither',
    );
  });

  test('shards that are symbolic links, as in the cache of huggingface_hub', async () => {
    const blobs = join(folder, 'blobs');
    const snapshot = join(folder, 'snapshot');
    await writeSafetensorsFolder(blobs, checkpoint(4), two);
    await realFs.mkdir(snapshot);
    for (const name of await realFs.readdir(blobs)) await realFs.symlink(join('..', 'blobs', name), join(snapshot, name));
    expect(await valueIn(snapshot)).toBe(4);
  });

  test('a missing shard, a missing folder, a folder in place of a file', async () => {
    await writeSafetensorsFolder(folder, checkpoint(5), two);
    await realFs.unlink(join(folder, shard(2, 2)));
    const missing = await openSafetensorsFolder(folder).catch((error: unknown) => error);
    expect(missing).toMatchObject({ name: 'SafetensorsError', file: join(folder, shard(2, 2)), field: 'open', cause: { code: 'ENOENT' } });
    await expect(openSafetensorsFolder(join(folder, 'none'))).rejects.toThrow('got neither');
    await expect(openSafetensorsFolder(join(folder, index))).rejects.toThrow(SafetensorsError);
    await realFs.mkdir(join(folder, 'model.safetensors'));
    await expect(openSafetensorsFolder(folder)).rejects.toThrow('expected a file, got something else');
  });

  test('an index of more than 100 MB is refused without being read', async () => {
    await realFs.writeFile(join(folder, index), '{');
    await realFs.truncate(join(folder, index), 100_000_001);
    const before = process.memoryUsage().arrayBuffers;
    await expect(openSafetensorsFolder(folder)).rejects.toThrow('index: expected at most 100000000 bytes, got 100000001');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  test('an index that points out of the folder opens nothing there', async () => {
    await realFs.mkdir(join(folder, 'inner'));
    await realFs.writeFile(join(folder, 'secret.safetensors'), serializeSafetensors({ a: f32(1) }));
    await realFs.writeFile(join(folder, 'inner', index), '{"weight_map":{"a":"../secret.safetensors"}}');
    await expect(openSafetensorsFolder(join(folder, 'inner'))).rejects.toThrow('the plain name of a .safetensors file in the same folder');
  });

  test('an aborted signal throws its reason', async () => {
    await writeSafetensorsFolder(folder, checkpoint(6), two);
    const reason = new Error('enough');
    await expect(openSafetensorsFolder(folder, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('writing', () => {
  test('the files are those of serializeShardedSafetensors, and nothing else is left in the folder', async () => {
    const path = join(folder, 'made', 'here');
    const told: number[] = [];
    const options = { ...two, metadata: { format: 'pt' }, dtype: 'BF16' } as const;
    const names = await writeSafetensorsFolder(path, checkpoint(1), {
      ...options,
      onProgress: ({ loaded, total }) => told.push(loaded / total),
    });
    const expected = new Map(serializeShardedSafetensors(checkpoint(1), options));
    expect(names).toEqual([...expected.keys()]);
    expect((await realFs.readdir(path)).sort()).toEqual([...names].sort());
    for (const name of names) expect(new Uint8Array(await realFs.readFile(join(path, name)))).toEqual(expected.get(name));
    expect(told.at(-1)).toBe(1);
  });

  const ways: [from: string, to: string, before: ShardOptions, after: ShardOptions, files: string[]][] = [
    ['one file', 'one file', {}, {}, ['model.safetensors']],
    ['one file', 'shards', {}, two, [shard(1, 2), shard(2, 2), index]],
    ['shards', 'one file', three, {}, ['model.safetensors']],
    ['three shards', 'two', three, two, [shard(1, 2), shard(2, 2), index]],
    ['two shards', 'two others', two, two, [shard(1, 2), shard(2, 2), index]],
  ];
  describe.each(ways)('%s to %s', (_from, _to, before, after, files) => {
    test('what the old checkpoint had more is removed, other files are not', async () => {
      await writeSafetensorsFolder(folder, checkpoint(1), before);
      const others = ['config.json', 'model-notes.safetensors', 'unet-00001-of-00003.safetensors', 'other.safetensors.index.json'];
      for (const name of others) await realFs.writeFile(join(folder, name), 'x');
      await writeSafetensorsFolder(folder, checkpoint(2), after);
      expect(await valueIn(folder)).toBe(2);
      expect((await realFs.readdir(folder)).sort()).toEqual([...files, ...others].sort());
    });

    test('killed before any change of the folder: the old checkpoint is there or the new one, whole', async () => {
      const seen = new Set<number>();
      for (let allowed = 0; ; allowed++) {
        const path = join(folder, String(allowed));
        await writeSafetensorsFolder(path, checkpoint(1), before);
        const killed = await writeSafetensorsFolder(path, checkpoint(2), { ...after, fs: killedAfter(allowed) }).then(
          () => false,
          (error: unknown) => error === dead,
        );
        seen.add(await valueIn(path));
        if (!killed) break;
        await writeSafetensorsFolder(path, checkpoint(3), after); // the next one clears up
        expect(await valueIn(path)).toBe(3);
        expect((await realFs.readdir(path)).filter((name) => !name.endsWith('.tmp')).sort()).toEqual([...files].sort());
      }
      expect([...seen]).toEqual([1, 2]);
    });

    test('any change of the folder may fail: the error tells it, the old files are there, and no others', async () => {
      for (let which = 0; ; which++) {
        const path = join(folder, String(which));
        await writeSafetensorsFolder(path, checkpoint(1), before);
        const old = (await realFs.readdir(path)).sort();
        const { fs, hasFailed } = failingAt(which);
        const error = await writeSafetensorsFolder(path, checkpoint(2), { ...after, fs }).catch((caught: unknown) => caught);
        if (!hasFailed()) break;
        if (error instanceof Error) expect(error).toMatchObject({ name: 'SafetensorsError', cause: { code: 'EIO' } });
        // Failing to sync the folder at last, or to remove something, leaves the new one in place.
        const isIn = !(error instanceof Error) || error.message.includes('the new file is in place');
        const value = await valueIn(path);
        if (isIn) expect([1, 2]).toContain(value);
        else expect([value, (await realFs.readdir(path)).sort()]).toEqual([1, old]);
        expect((await realFs.readdir(path)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
        expect(which).toBeLessThan(100);
      }
    });
  });

  test('a wrong tensor, a value out of range, an abort: the old checkpoint is as it was, file by file', async () => {
    await writeSafetensorsFolder(folder, checkpoint(1), two);
    const files = (await realFs.readdir(folder)).sort();
    const reason = new Error('enough');
    const controller = new AbortController();
    const writes: [Record<string, TensorRecord>, object, unknown][] = [
      [{ w: { dtype: 'F32', shape: [3], data: new Float32Array(2) } }, {}, 'expected 3 elements'],
      [{ ...checkpoint(2), d: f32(300) }, { dtype: 'I8' }, 'tensor "d", dtype: expected values within I8, -128 to 127, got 300 at index 0'],
      [checkpoint(2), { signal: AbortSignal.abort(reason) }, 'enough'],
      [checkpoint(2), { signal: controller.signal, onProgress: () => controller.abort(reason) }, 'enough'],
    ];
    for (const [tensors, options, message] of writes) {
      await expect(writeSafetensorsFolder(folder, tensors, { maxShardBytes: 2, ...options })).rejects.toThrow(message as string);
      expect((await realFs.readdir(folder)).sort()).toEqual(files);
      expect(await valueIn(folder)).toBe(1);
    }
  });

  test('the order: all files filled and synced, shards renamed, folder synced, index renamed, folder synced', async () => {
    const calls: string[] = [];
    const fs: WriteFolderSystem = {
      ...plain,
      async open(path, flags, mode) {
        const handle = await open(path, flags, mode);
        const write: WriteHandle['write'] = (bytes, offset, length) => handle.write(bytes, offset, length);
        const sync = (): Promise<void> => {
          calls.push(path === folder ? 'sync folder' : 'sync');
          return handle.sync();
        };
        return { write, sync, close: () => handle.close() };
      },
      rename(from, to) {
        calls.push(`rename ${basename(to)}`);
        return rename(from, to);
      },
    };
    await writeSafetensorsFolder(folder, checkpoint(1), { ...two, fs });
    const renames = [`rename ${shard(1, 2)}`, `rename ${shard(2, 2)}`, 'sync folder', `rename ${index}`, 'sync folder'];
    expect(calls).toEqual(['sync', 'sync', 'sync', ...renames]);
  });

  test('where files cannot have two names, the shards in use are copied', async () => {
    await writeSafetensorsFolder(folder, checkpoint(1), two);
    const link = (): Promise<never> => Promise.reject(Object.assign(new Error('no links here'), { code: 'EPERM' }));
    let rest = 3;
    const rename: WriteFolderSystem['rename'] = (from, to) => (rest-- > 0 ? realFs.rename(from, to) : Promise.reject(dead));
    await expect(writeSafetensorsFolder(folder, checkpoint(2), { ...two, fs: { ...plain, link, rename } })).rejects.toBe(dead);
    expect(await valueIn(folder)).toBe(1);
    expect(await realFs.readdir(folder)).toContain('model-00001-of-00002.previous.safetensors');
    await writeSafetensorsFolder(folder, checkpoint(2), { ...two, fs: { ...plain, link } });
    expect(await valueIn(folder)).toBe(2);
    expect((await realFs.readdir(folder)).sort()).toEqual([shard(1, 2), shard(2, 2), index]);
  });

  test('killed by the system at 12 moments: the old checkpoint is there or the new one, whole', async () => {
    await writeSafetensorsFolder(folder, checkpoint(0), two);
    let last = 0;
    for (let round = 1; round <= 12; round++) {
      await killedWriter(round, round * 5);
      const value = await valueIn(folder);
      expect([last, round]).toContain(value);
      last = value;
    }
    await writeSafetensorsFolder(folder, checkpoint(99), two);
    expect((await realFs.readdir(folder)).sort()).toEqual([shard(1, 2), shard(2, 2), index]);
  });

  /** A process that writes the checkpoint again and again until it is killed. */
  async function killedWriter(value: number, afterMs: number): Promise<void> {
    const url = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
    const program = `
      import { writeSafetensorsFolder } from ${url('./node.ts')};
      const tensor = (second) => ({ dtype: 'F32', shape: [2], data: Float32Array.of(${value}, second) });
      console.log('ready');
      for (;;) await writeSafetensorsFolder(${JSON.stringify(folder)}, { a: tensor(1), b: tensor(2), c: tensor(3) }, { maxShardBytes: 16 });`;
    const args = ['--conditions=@multihead/source', '--import=tsx', '--input-type=module', '--eval', program];
    const child = spawn(process.execPath, args, {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    child.kill('SIGKILL');
    await ended;
  }
});

const { open, rename, unlink, readdir, stat, mkdir, readFile, link, copyFile } = realFs;
const plain: WriteFolderSystem = { open, rename, unlink, readdir, stat, mkdir, readFile, link, copyFile };
const dead = new Error('the process is dead');

/** A file system whose changes of the folder go through `gate`. */
function gated(gate: (act: () => Promise<unknown>) => Promise<unknown>): WriteFolderSystem {
  const through = <A extends unknown[], R>(act: (...args: A) => Promise<R>) => (...args: A): Promise<R> => gate(() => act(...args)) as Promise<R>; // biome-ignore format: one row
  return {
    ...plain,
    rename: through(rename),
    link: through(link),
    unlink: through(unlink),
    mkdir: through(mkdir as WriteFolderSystem['mkdir']),
    open: through(async (...args: Parameters<WriteFolderSystem['open']>): Promise<WriteHandle> => {
      const handle = await open(...args);
      const write: WriteHandle['write'] = (bytes, offset, length) => handle.write(bytes, offset, length);
      return { write: through(write), sync: through(() => handle.sync()), close: () => handle.close() };
    }),
  };
}

/** Does nothing any more after so many changes, as a process that was killed: every later call fails, too. */
function killedAfter(allowed: number): WriteFolderSystem {
  let rest = allowed;
  return gated((act) => (rest-- > 0 ? act() : Promise.reject(dead)));
}

/** Fails at one change, and not at those after it. */
function failingAt(which: number): { fs: WriteFolderSystem; hasFailed: () => boolean } {
  let count = 0;
  const fs = gated((act) => (count++ === which ? Promise.reject(Object.assign(new Error('EIO: injected'), { code: 'EIO' })) : act()));
  return { fs, hasFailed: () => count > which };
}
