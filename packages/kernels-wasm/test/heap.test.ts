import { readFileSync } from 'node:fs';
import { BackendError, type DeviceBuffer, Rng } from '@multihead/tensor';
import { expect, it } from 'vitest';
import { Allocator, type Block } from '../src/allocator.js';
import { capabilities, wasm } from '../src/index.js';

it('says what the engine can do', () => {
  const found = capabilities();
  expect(found).toMatchObject({ simd: true, threads: true });
  expect(found.why.some((reason) => reason.startsWith('relaxedSimd:'))).toBe(!found.relaxedSimd);
});

it('the allocator never hands out overlapping blocks, and gets everything back', () => {
  const rng = new Rng(3);
  const allocator = new Allocator(100);
  allocator.extend(1 << 22);
  const live: Block[] = [];
  for (let round = 0; round < 20000; round++) {
    const block = rng.uniform() < 0.55 ? allocator.take(Math.floor(2 ** (rng.uniform() * 15))) : null;
    if (block) live.push(block);
    else if (live.length > 0) allocator.release(live.splice(rng.integer(live.length), 1)[0]!);
    if (round % 1000 === 0) {
      const sorted = [...live].sort((a, b) => a.address - b.address);
      for (let i = 1; i < sorted.length; i++) expect(sorted[i - 1]!.address + sorted[i - 1]!.size).toBeLessThanOrEqual(sorted[i]!.address);
      expect(sorted.every((b) => b.address % 64 === 0)).toBe(true);
    }
  }
  for (const block of live) allocator.release(block);
  const whole = allocator.take(allocator.end - 128);
  expect(whole?.address).toBe(128);
});

it('10,000 rounds of allocation and release need no more memory than one', async () => {
  const backend = await wasm({ maxBytes: 24 * 2 ** 20 });
  const rng = new Rng(1);
  let live: DeviceBuffer[] = [];
  for (let round = 0; round < 10_000; round++) {
    for (let i = 0; i < 8; i++) live.push(backend.alloc(rng.integer(300_000), i % 2 ? 'float32' : 'int32'));
    for (const buffer of live) backend.free(buffer);
    live = [];
  }
  expect(backend.memory()).toMatchObject({ buffers: 0, bytes: 0 });
  backend.free(backend.alloc(4_000_000, 'float32'));
  backend.dispose();
});

it('running out of memory names the size and leaves everything usable', async () => {
  const backend = await wasm({ maxBytes: 8 * 2 ** 20 });
  const x = backend.alloc(1000, 'float32');
  backend.kernels.fill(x, 3);
  expect(() => backend.alloc(1e9, 'float32')).toThrow(/out of memory for 1000000000 elements of float32 \(4000000000 bytes\)/);
  expect(() => backend.alloc(1e9, 'float32')).toThrow(BackendError);
  backend.kernels.unary('square', x, x);
  expect((await backend.read(x))[999]).toBe(9);
  backend.free(x);
  backend.dispose();
});

it('after dispose, freeing does nothing and everything else throws', async () => {
  const backend = await wasm();
  const x = backend.alloc(5, 'float32');
  backend.dispose();
  backend.free(x); // scopes close late
  expect(() => backend.alloc(1, 'float32')).toThrow('wasm: the backend has been disposed');
  expect(() => backend.kernels.fill(x, 1)).toThrow('disposed');
});

it('keeps contents when the memory grows', async () => {
  const backend = await wasm();
  const x = backend.alloc(5, 'float32');
  backend.write(x, Float32Array.of(1, 2, 3, 4, 5));
  const big = backend.alloc(30_000_000, 'float32');
  backend.kernels.fill(big, 1);
  expect(Array.from(await backend.read(x))).toEqual([1, 2, 3, 4, 5]);
  expect(Array.from(await backend.read(big, 29_999_998))).toEqual([1, 1]);
  expect(backend.memory()).toMatchObject({ buffers: 2, bytes: 120_000_020 });
  backend.dispose();
});

it('writes and reads parts', async () => {
  const backend = await wasm();
  const x = backend.alloc(6, 'bool');
  backend.kernels.fill(x, 0);
  backend.write(x, Uint8Array.of(1, 1), 3);
  expect(Array.from(backend.readSync!(x, 2, 5))).toEqual([0, 1, 1]);
  expect(() => backend.write(x, Uint8Array.of(1, 1), 5)).toThrow('wasm write: 2 elements at 5 do not fit in 6');
  expect(() => backend.readSync!(x, 2, 7)).toThrow(/elements \[2, 7\) of a buffer of 6/);
  const nothing = backend.alloc(0, 'int32');
  expect((await backend.read(nothing)).length).toBe(0);
  backend.dispose();
});

it('refuses what it does not have, freed buffers, foreign buffers and use after dispose', async () => {
  const backend = await wasm();
  const other = await wasm();
  expect(() => backend.alloc(3, 'float64')).toThrow(/float64 .* CPU backend/);
  expect(() => backend.alloc(-1, 'float32')).toThrow(/length: expected/);
  const x = backend.alloc(3, 'float32');
  expect(() => other.free(x)).toThrow(/belongs to another backend/);
  backend.free(x);
  expect(() => backend.free(x)).toThrow('wasm free: buffer (3 elements of float32) has been freed');
  expect(() => backend.kernels.fill(x, 1)).toThrow(/has been freed/);
  const y = backend.alloc(3, 'float32');
  backend.dispose();
  expect(() => backend.alloc(3, 'float32')).toThrow('wasm: the backend has been disposed');
  expect(() => backend.kernels.fill(y, 1)).toThrow('wasm: the backend has been disposed');
  other.dispose();
});

it.runIf(process.platform === 'linux')('releases its memory when it is disposed of, even while the backend is still held', async () => {
  const addressSpace = (): number => Number(/VmSize:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 2 ** 30;
  const before = addressSpace();
  const held = [];
  for (let i = 0; i < 100; i++) {
    const backend = await wasm();
    backend.kernels.fill(backend.alloc(1000, 'float32'), 1);
    backend.dispose();
    held.push(backend);
  }
  // Each reserves more than 4 GiB of addresses; the collector is a few behind. In TiB:
  expect(addressSpace() - before).toBeLessThan(0.25);
  expect(held.length).toBe(100);
});
