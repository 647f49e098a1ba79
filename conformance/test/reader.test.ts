import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { add, cpu, scope, sum } from '@multihead/tensor';
import { serializeSafetensors } from '@multihead/tensor/safetensors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Archive } from '../archive.js';
import { Folder, locate } from '../folder.js';
import { runCase } from '../run.js';
import { leafOf } from '../tensors.js';
import { bind, op } from '../torch/call.js';
import type { TorchCase } from '../torch/document.js';
import { torch } from '../torch/index.js';

const backend = cpu();
const tolerances = { rtol: 1e-6, atol: 1e-6 };
const x = { ref: 'x', dtype: 'F32', shape: [3] };
const family = (want: string, extra: object = {}) => ({
  suite: 'torch',
  family: 'fn-unary',
  data: 'fn-unary.safetensors',
  cases: [
    {
      name: 'square',
      op: 'square',
      inputs: { x },
      outputs: [{ ...x, ref: want }],
      cotangents: [x],
      grads: { x: { ...x, ref: 'slope' } },
      ...tolerances,
      ...extra,
    },
  ],
});
const numbers = serializeSafetensors([
  ['x', { dtype: 'F32', shape: [3], data: Float32Array.of(1, -2, 3) }],
  ['right', { dtype: 'F32', shape: [3], data: Float32Array.of(1, 4, 9) }],
  ['wrong', { dtype: 'F32', shape: [3], data: Float32Array.of(1, 4, 9.1) }],
  ['slope', { dtype: 'F32', shape: [3], data: Float32Array.of(2, 8, 18) }],
  ['ids', { dtype: 'I64', shape: [2], data: BigInt64Array.of(-7n, 2147483647n) }],
  ['huge', { dtype: 'I64', shape: [1], data: BigInt64Array.of(2147483648n) }],
  ['six', { dtype: 'F32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
]);
const folders: string[] = [];
let base = '';
let archive: Archive;

/** A folder with the suite in it, its files packed or plain. */
function suiteOf(document: object, packed: boolean): string {
  const folder = mkdtempSync(join(tmpdir(), 'multihead-conformance-'));
  folders.push(folder);
  mkdirSync(join(folder, 'torch'));
  for (const [name, bytes] of [
    ['fn-unary.json', Buffer.from(JSON.stringify(document))],
    ['fn-unary.safetensors', numbers],
  ] as const) {
    writeFileSync(join(folder, 'torch', packed ? `${name}.gz` : name), packed ? gzipSync(bytes) : bytes);
  }
  return folder;
}

const resultOf = (folder: string) => runCase(torch.open(locate(folder, 'torch'))[0].cases[0], backend);

beforeAll(() => {
  base = suiteOf(family('right'), false);
  archive = new Archive(new Folder(join(base, 'torch')), 'fn-unary.safetensors');
});

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

describe('a folder of cases', () => {
  it('may be plain or packed, and hold the suite or be it', async () => {
    for (const folder of [base, join(base, 'torch'), suiteOf(family('right'), true)])
      expect(await resultOf(folder)).toEqual({ outcome: 'passed' });
  });

  it('fails a case whose file has another value or gradient', async () => {
    const { outcome, reason } = await resultOf(suiteOf(family('wrong'), false));
    expect(outcome).toBe('failed');
    expect(reason).toMatch(/^output 0: got 9, want 9\.1000\d* at \[2\] of \[3\]/);
    const slope = await resultOf(suiteOf(family('right', { grads: { x } }), false));
    expect(slope.reason).toMatch(/^gradient of x: got 18, want 3/);
    const none = await resultOf(suiteOf(family('right', { grads: { x: null } }), false));
    expect(none.reason).toBe('gradient of x: got a value of shape [3], want nothing');
  });

  it('takes an alternative for right', async () => {
    const right = { ...x, ref: 'right' };
    expect(await resultOf(suiteOf(family('wrong', { alt_outputs: { 0: right } }), false))).toEqual({ outcome: 'passed' });
  });

  it('skips what the toolkit does not have', async () => {
    const missing = await resultOf(suiteOf(family('right', { op: 'nn.functional.fft' }), false));
    expect(missing).toEqual({ outcome: 'skipped', reason: 'not built yet: fft' });
  });

  it('says what is missing or not a case', () => {
    expect(() => locate(join(base, 'nowhere'), 'torch')).toThrow(/--dir: there is no folder/);
    const empty = mkdtempSync(join(tmpdir(), 'multihead-conformance-'));
    folders.push(empty);
    expect(() => locate(empty, 'torch')).toThrow(/expected the cases of suite torch/);
    expect(() => torch.open(locate(suiteOf({ ...family('right'), suite: 'onnx' }, false), 'torch'))).toThrow(
      /expected a family of the suite torch/,
    );
  });
});

describe('tensors', () => {
  it('64-bit integers become int32 if they fit', () => {
    expect(archive.values({ ref: 'ids', dtype: 'I64', shape: [2] })).toEqual({
      shape: [2],
      kind: 'int',
      data: Int32Array.of(-7, 2147483647),
    });
    expect(() => archive.values({ ref: 'huge', dtype: 'I64', shape: [1] })).toThrow(/int32/);
  });

  it('lie in memory as their strides say', async () => {
    using _ = scope();
    const six = { ref: 'six', dtype: 'F32', shape: [2, 3] };
    for (const strides of [
      [1, 2],
      [8, 2],
      [6, 1],
    ]) {
      const leaf = leafOf(archive, { ...six, strides }, backend, true);
      expect(leaf.dense).toBe(false);
      expect(leaf.strides).toEqual(strides);
      expect(Array.from(await leaf.data())).toEqual([1, 2, 3, 4, 5, 6]);
      sum(add(leaf, 1)).backward();
      expect(Array.from(await leaf.grad!.data())).toEqual([1, 1, 1, 1, 1, 1]);
      leaf.grad?.dispose();
    }
  });
});

describe('bind', () => {
  const row = op('x dim weight', () => []);
  const call = (golden: Partial<TorchCase>) => bind({ name: '', op: 'f', ...tolerances, ...golden }, row, archive, backend);

  it('takes arguments by position, by name and in order, and knows whose gradient is asked for', () => {
    using _ = scope();
    const positional = call({ args: [x, 2], kwargs: { weight: x }, grads: { arg0: x, 'kw.weight': x } });
    expect(positional.call.number('dim')).toBe(2);
    expect([...positional.leaves.keys()]).toEqual(['arg0', 'kw.weight']);
    const named = call({ inputs: { weight: x, input: x }, kwargs: { dim: '-Infinity' }, grads: { input: x } });
    expect(named.call.tensor('x')).toBe(named.leaves.get('input'));
    expect(named.call.number('dim')).toBe(Number.NEGATIVE_INFINITY);
    expect(named.call.tensor('weight').requiresGrad).toBe(false);
  });

  it('refuses what the row does not have, and leaves out what has no effect', () => {
    using _ = scope();
    expect(() => call({ args: [x], kwargs: { out: 1 } })).toThrow('not built yet: f with out');
    expect(() => call({ args: [x, 1, x, 3] })).toThrow('not built yet: f with argument 3');
    expect(call({ args: [x], kwargs: { device: 'cpu' } }).call.get('device')).toBeNull();
  });
});
