import { spawnSync } from 'node:child_process';
import * as realFs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TensorRecord } from './dtype.js';
import { SafetensorsError } from './error.js';
import { handMadeFile } from './hand-made-file.js';
import {
  fileSource,
  openSafetensorsFile,
  readSafetensorsFile,
  type WriteFileSystem,
  type WriteHandle,
  writeSafetensorsFile,
} from './node.js';
import { openSafetensors } from './read.js';
import { allocate, type Progress } from './source.js';
import { serializeSafetensors } from './write.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await realFs.mkdtemp(join(tmpdir(), 'safetensors-'));
  path = join(folder, 'model.safetensors');
});
afterEach(() => realFs.rm(folder, { recursive: true }));

const f32 = (...values: number[]): TensorRecord => ({ dtype: 'F32', shape: [values.length], data: Float32Array.from(values) });
const tensors = { w: f32(1, 2, 3), b: f32(4) };

describe('reading', () => {
  test('a whole file', async () => {
    await realFs.writeFile(path, serializeSafetensors(tensors));
    const file = await readSafetensorsFile(path);
    expect(file.get('w')).toEqual({ name: 'w', ...tensors.w });
    expect(file.get('b')).toEqual({ name: 'b', ...tensors.b });
  });

  test('a tensor at a time, several at once', async () => {
    await realFs.writeFile(path, serializeSafetensors(tensors));
    const reader = await openSafetensorsFile(path);
    const [w, b] = await Promise.all([reader.read('w'), reader.read('b')]);
    expect([w.data, b.data]).toEqual([tensors.w.data, tensors.b.data]);
    await reader.close();
    await expect(reader.read('w')).rejects.toThrow('read: expected a file that can be read');
  });

  test('from a source that the caller holds', async () => {
    await realFs.writeFile(path, serializeSafetensors(tensors));
    const source = await fileSource(path);
    expect(source).toMatchObject({ name: path, size: (await realFs.stat(path)).size });
    expect((await (await openSafetensors(source)).read('b')).data).toEqual(tensors.b.data);
    await source.close();
  });

  test('from a handle that the caller holds, and closes', async () => {
    await realFs.writeFile(path, serializeSafetensors(tensors));
    const handle = await realFs.open(path);
    const source = await fileSource(handle);
    expect(source.size).toBe((await realFs.stat(path)).size);
    expect((await (await openSafetensors(source)).read('w')).data).toEqual(tensors.w.data);
    await source.close();
    expect((await handle.stat()).isFile()).toBe(true); // it is still open
    await handle.close();
    await expect(source.read(0, 8)).rejects.toThrow('safetensors, read: expected a file that can be read');
    const there = await realFs.open(folder);
    await expect(fileSource(there)).rejects.toThrow('expected a file, got something else');
    await there.close();
  });

  test('progress is told up to the last byte, and bytes that memory cannot hold are refused as an error of the file', async () => {
    await realFs.writeFile(path, serializeSafetensors(tensors));
    const { size } = await realFs.stat(path);
    const told: Progress[] = [];
    await readSafetensorsFile(path, { onProgress: (progress) => told.push(progress) });
    expect(told).toEqual([{ loaded: size, total: size }]);
    expect(() => allocate(2 ** 53, path)).toThrow(
      `safetensors ${path}, size: expected bytes that fit into memory at once, got 9007199254740992`,
    );
    expect(() => allocate(2 ** 53, path)).toThrow(SafetensorsError);
  });

  test('what is not there, and what is no file, is refused with path and cause', async () => {
    const missing = await readSafetensorsFile(path).catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(SafetensorsError);
    expect(missing).toMatchObject({ file: path, field: 'open', cause: { code: 'ENOENT' } });
    await expect(readSafetensorsFile(folder)).rejects.toThrow('expected a file, got something else');
    await expect(openSafetensorsFile(join(folder, 'no\0name'))).rejects.toThrow(SafetensorsError);
  });

  test('a sparse file of 200 MB that lies about its header is refused without being read', async () => {
    await realFs.writeFile(path, handMadeFile('{"w":{"dtype":"U8","shape":[1000],"data_offsets":[0,1000]}}'));
    await realFs.truncate(path, 200_000_000);
    const before = process.memoryUsage().arrayBuffers;
    await expect(readSafetensorsFile(path)).rejects.toThrow('there are bytes behind the last tensor');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  test('a file that becomes shorter while it is open is noticed', async () => {
    await realFs.writeFile(path, serializeSafetensors(tensors));
    const reader = await openSafetensorsFile(path);
    await realFs.truncate(path, 100);
    await expect(reader.read('b')).rejects.toThrow('the file has become shorter');
    await reader.close();
  });

  test('an aborted signal gives its reason', async () => {
    await realFs.writeFile(path, serializeSafetensors(tensors));
    const reason = new Error('enough');
    await expect(readSafetensorsFile(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(openSafetensorsFile(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

/** The real file system with one call replaced; `handle` replaces calls of the handles that it opens for writing. */
function faulty(fault: Partial<WriteFileSystem>, handle: (real: WriteHandle) => Partial<WriteHandle> = () => ({})): WriteFileSystem {
  const open: WriteFileSystem['open'] = async (...args) => {
    const real = await realFs.open(...args);
    const plain: WriteHandle = {
      write: (bytes, offset, length) => real.write(bytes, offset, length),
      sync: () => real.sync(),
      close: () => real.close(),
    };
    return args[1] === 'wx' ? { ...plain, ...handle(plain) } : plain;
  };
  const { rename, unlink, readdir, stat } = realFs;
  return { open, rename, unlink, readdir, stat, ...fault };
}

const failWith = (code: string) => () => Promise.reject(Object.assign(new Error(`${code}: injected`), { code }));

describe('writing', () => {
  test('the bytes are those of serializeSafetensors, with its options, and nothing else is left in the folder', async () => {
    const options = { metadata: { format: 'pt' }, dtype: 'BF16' } as const;
    await writeSafetensorsFile(path, tensors, options);
    expect(new Uint8Array(await realFs.readFile(path))).toEqual(serializeSafetensors(tensors, options));
    expect(await realFs.readdir(folder)).toEqual(['model.safetensors']);
  });

  test('an existing file is replaced and keeps its permissions', async () => {
    await realFs.writeFile(path, 'old', { mode: 0o600 });
    await writeSafetensorsFile(path, tensors);
    expect((await readSafetensorsFile(path)).names()).toEqual(['b', 'w']);
    if (process.platform !== 'win32') expect((await realFs.stat(path)).mode & 0o777).toBe(0o600);
  });

  test('a relative path and an iterator of tensors', async () => {
    await writeSafetensorsFile(relative(process.cwd(), path), Object.entries(tensors).values());
    expect((await readSafetensorsFile(relative(process.cwd(), path))).names()).toEqual(['b', 'w']);
  });

  test('progress is told part by part, the header included', async () => {
    const told: Progress[] = [];
    await writeSafetensorsFile(path, tensors, { onProgress: (progress) => told.push(progress) });
    const total = (await realFs.stat(path)).size;
    expect(told).toEqual([total - 16, total - 12, total].map((loaded) => ({ loaded, total })).sort((a, b) => a.loaded - b.loaded));
  });

  test('a value that the dtype to store it as does not hold: the old file is as it was', async () => {
    await realFs.writeFile(path, 'old');
    await expect(writeSafetensorsFile(path, { w: f32(1, 300) }, { dtype: 'I8' })).rejects.toThrow(
      'within I8, -128 to 127, got 300 at index 1',
    );
    expect(await realFs.readFile(path, 'utf8')).toBe('old');
    expect(await realFs.readdir(folder)).toEqual(['model.safetensors']);
  });

  test('writes that the system does only in part are continued', async () => {
    const fs = faulty({}, (real) => ({ write: (bytes, offset, length) => real.write(bytes, offset, Math.min(length, 3)) }));
    await writeSafetensorsFile(path, tensors, { fs });
    expect(new Uint8Array(await realFs.readFile(path))).toEqual(serializeSafetensors(tensors));
  });

  test('the order: fill, sync, close, rename, sync of the folder', async () => {
    const calls: string[] = [];
    const traced = <T>(name: string, act: () => Promise<T>): Promise<T> => {
      calls.push(name);
      return act();
    };
    const fs = faulty({ rename: (from, to) => traced('rename', () => realFs.rename(from, to)) }, (real) => ({
      write: (...args) => traced('write', () => real.write(...args)),
      sync: () => traced('sync', () => real.sync()),
      close: () => traced('close', () => real.close()),
    }));
    const { open } = fs;
    fs.open = (name, flags, mode) =>
      traced(flags === 'wx' ? 'create' : name === folder ? 'open folder' : 'open', () => open(name, flags, mode));
    await writeSafetensorsFile(path, tensors, { fs });
    expect(calls).toEqual(['create', 'write', 'write', 'write', 'sync', 'close', 'rename', 'open folder']);
  });

  const faults: [fault: string, fs: () => WriteFileSystem, step: string, code?: string][] = [
    ['no room for the first byte', () => faulty({}, () => ({ write: failWith('ENOSPC') })), 'write', 'ENOSPC'],
    ['no room half-way', () => faulty({}, fullAfter(40)), 'write', 'ENOSPC'],
    ['an I/O error', () => faulty({}, () => ({ write: failWith('EIO') })), 'write', 'EIO'],
    ['a write that writes nothing', () => faulty({}, () => ({ write: async () => ({ bytesWritten: 0 }) })), 'write'],
    ['no permission', () => faulty({ open: failWith('EACCES') }), 'open', 'EACCES'],
    ['too many open files', () => faulty({ open: failWith('EMFILE') }), 'open', 'EMFILE'],
    ['a read-only file system', () => faulty({ open: failWith('EROFS') }), 'open', 'EROFS'],
    ['a sync that fails', () => faulty({}, () => ({ sync: failWith('EIO') })), 'sync', 'EIO'],
    ['a close that fails', () => faulty({}, (real) => ({ close: () => real.close().then(failWith('EDQUOT')) })), 'close', 'EDQUOT'],
    ['a rename that fails', () => faulty({ rename: failWith('EPERM') }), 'rename', 'EPERM'],
  ];

  test.each(faults)('%s: a typed error, the old file as it was, no temporary left', async (_fault, fs, step, code) => {
    await writeSafetensorsFile(path, { old: f32(7) });
    const old = await realFs.readFile(path);
    const error = await writeSafetensorsFile(path, tensors, { fs: fs() }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SafetensorsError);
    expect(error).toMatchObject({ file: path, field: step, hint: 'what was there before is untouched' });
    expect((error as SafetensorsError).cause).toEqual(code === undefined ? undefined : expect.objectContaining({ code }));
    expect(await realFs.readFile(path)).toEqual(old);
    expect(await realFs.readdir(folder)).toEqual(['model.safetensors']);
    await writeSafetensorsFile(path, tensors);
    expect((await readSafetensorsFile(path)).names()).toEqual(['b', 'w']);
  });

  /** A disk that has room for so many bytes. */
  function fullAfter(room: number): (real: WriteHandle) => Partial<WriteHandle> {
    let left = room;
    return (real) => ({
      async write(bytes, offset, length) {
        if (left === 0) return failWith('ENOSPC')();
        const result = await real.write(bytes, offset, Math.min(length, left));
        left -= result.bytesWritten;
        return result;
      },
    });
  }

  test('a folder that cannot be synced: an I/O error is told with the new file in place, a system without that is none', async () => {
    const withFolder = (code: string): WriteFileSystem => {
      const fs = faulty({});
      const { open } = fs;
      fs.open = async (...args) => ({ ...(await open(...args)), ...(args[0] === folder ? { sync: failWith(code) } : {}) });
      return fs;
    };
    const error = await writeSafetensorsFile(path, tensors, { fs: withFolder('EIO') }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'SafetensorsError', field: 'sync of the folder', cause: { code: 'EIO' } });
    expect(String(error)).toContain('the new file is in place');
    expect((await readSafetensorsFile(path)).names()).toEqual(['b', 'w']);
    await writeSafetensorsFile(path, tensors, { fs: withFolder('EINVAL') });
  });

  test('a folder that is not there', async () => {
    const error = await writeSafetensorsFile(join(folder, 'none', 'x.safetensors'), tensors).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'SafetensorsError', field: 'open', cause: { code: 'ENOENT' } });
  });

  test('a wrong tensor is refused before anything is opened', async () => {
    const fs = faulty({ open: () => Promise.reject(new Error('opened')), readdir: () => Promise.reject(new Error('listed')) });
    const wrong = { w: { dtype: 'F32', shape: [3], data: new Float32Array(2) } } as const;
    await expect(writeSafetensorsFile(path, wrong, { fs })).rejects.toThrow('expected 3 elements for the shape [3], got 2');
  });

  test('an abort half-way gives its reason and leaves the old file', async () => {
    await realFs.writeFile(path, 'old');
    const controller = new AbortController();
    const reason = new Error('enough');
    const fs = faulty({}, (real) => ({
      write(...args) {
        controller.abort(reason);
        return real.write(...args);
      },
    }));
    await expect(writeSafetensorsFile(path, tensors, { fs, signal: controller.signal })).rejects.toBe(reason);
    expect(await realFs.readFile(path, 'utf8')).toBe('old');
    expect(await realFs.readdir(folder)).toEqual(['model.safetensors']);
  });

  test("a fault of another kind than the file system's passes through, and the temporary is removed", async () => {
    const fs = faulty({}, () => ({ write: () => Promise.reject(new TypeError('a bug')) }));
    await expect(writeSafetensorsFile(path, tensors, { fs })).rejects.toThrow(TypeError);
    expect(await realFs.readdir(folder)).toEqual([]);
  });

  test('two writers of one file at once: both succeed and one of the two files is there, whole', async () => {
    const files = [tensors, { other: f32(...Array(5000).keys()) }];
    await Promise.all(files.map((file) => writeSafetensorsFile(path, file)));
    const bytes = new Uint8Array(await realFs.readFile(path));
    expect(files.map((file) => serializeSafetensors(file))).toContainEqual(bytes);
    expect(await realFs.readdir(folder)).toEqual(['model.safetensors']);
  });

  test('temporaries of dead processes are cleared away, those of living ones and of other files are not', async () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const old = new Date(Date.now() - 30 * 86_400_000);
    const leave = [
      `.model.safetensors.${process.ppid}-0123abcd.tmp`,
      `.other.safetensors.${dead}-0123abcd.tmp`,
      `.model.safetensors.${dead}-notes.tmp`,
    ];
    const mine = `.model.safetensors.${process.pid}-89abcdef.tmp`; // of another thread of this process
    const clear = [`.model.safetensors.${dead}-0123abcd.tmp`, `.model.safetensors.${process.pid}-01234567.tmp`];
    for (const name of [...leave, mine, ...clear]) await realFs.writeFile(join(folder, name), 'x');
    await realFs.utimes(join(folder, clear[1]), old, old); // older than this process: of an earlier one with the same number
    await writeSafetensorsFile(path, tensors);
    expect((await realFs.readdir(folder)).sort()).toEqual([...leave, mine, 'model.safetensors'].sort());
  });
});
