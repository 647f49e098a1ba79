import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../backend.js';
import { cpu } from '../cpu/index.js';
import { getBackend, setBackend } from '../default-backend.js';
import { memory, resetPeakMemory } from '../memory.js';
import { difference } from './closeness.js';
import { heapMeter } from './heap.js';
import { type TrainingRun, trainTinyGpt } from './tiny-gpt.js';

export interface TrainingOptions {
  /** Of the run that must not leak; 2,000. The heap is looked at from 1,000 on: before, the engine itself still settles. */
  readonly steps?: number;
  /** How far losses may be from those of the CPU backend, relatively, over the first 100 steps; 1e-4. */
  readonly rtol?: number;
}

/**
 * Tests that a backend trains: a tiny GPT with dropout and AdamW. Thousands of steps end with the tensors, buffers, bytes and peak of the
 * tenth, and in Node with less than 100 bytes more on the heap for each step of the second half; the same seed gives the same weights, bit for bit; losses are those of the CPU
 * backend; and nothing is left at the end.
 *
 * @example
 * import { describeTraining } from '@multihead/tensor/testing';
 * import { wasm } from './index.js';
 *
 * describeTraining('wasm', () => wasm());
 */
export function describeTraining(name: string, make: () => Backend | Promise<Backend>, options: TrainingOptions = {}): void {
  const { steps = 2000, rtol = 1e-4 } = options;
  describe(`training on the ${name} backend`, { timeout: 300_000 }, () => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await make();
    });
    afterAll(() => backend.dispose());

    it(`${steps} steps leave what the tenth left`, async () => {
      const heap = steps < 1000 ? null : heapMeter();
      const empty = backend.memory();
      const after = { tenth: memory(backend), last: memory(backend) };
      let [halfway, end] = [0, 0];
      await on(backend, () =>
        trainTinyGpt(1, steps, (step) => {
          if (step === 9) resetPeakMemory(backend);
          if (step === 10) after.tenth = memory(backend);
          if (step === steps) after.last = memory(backend);
          if (heap && step === steps / 2) halfway = heap();
          if (heap && step === steps) end = heap();
        }),
      );
      expect(after.last).toEqual(after.tenth);
      expect((end - halfway) / (steps / 2), 'bytes of heap by which each step grew').toBeLessThan(100);
      expect(backend.memory()).toEqual(empty);
    });

    it('the same seed gives the same losses and weights, bit for bit', async () => {
      const runs: TrainingRun[] = [];
      for (let i = 0; i < 2; i++) runs.push(await on(backend, () => trainTinyGpt(7, 200)));
      expect(bitsOf(runs[0]!)).toEqual(bitsOf(runs[1]!));
      expect(runs[0]!.losses.at(-1)!, 'the last loss').toBeLessThan(runs[0]!.losses[0]! / 4);
    });

    it('has the losses of the CPU backend', async () => {
      const [got, want] = [await on(backend, () => trainTinyGpt(3, 100)), await on(cpu(), () => trainTinyGpt(3, 100))];
      expect(difference(got.losses, want.losses, { rtol }, (step) => `step ${step + 1}`)).toBeNull();
    });
  });
}

/** Runs `fn` with `backend` as the default. */
async function on<T>(backend: Backend, fn: () => Promise<T>): Promise<T> {
  const before = getBackend();
  setBackend(backend);
  try {
    return await fn();
  } finally {
    setBackend(before);
  }
}

function bitsOf({ losses, weights }: TrainingRun): Uint32Array[] {
  return [losses, weights].map((data) => new Uint32Array(data.buffer));
}
