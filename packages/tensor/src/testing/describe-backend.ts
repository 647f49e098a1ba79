import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../backend.js';
import { backendCases } from './backend-cases.js';
import { runCase } from './run-case.js';
import { checkSkips, reasonToSkip, type Skip } from './skip.js';

/**
 * Tests that a backend keeps the contract of `backend.ts`: every required kernel and every fused kernel that it has, at odd sizes, size 1
 * and 0, with broadcasts, strides and special values, against float64; every op and its gradients on top of them, with fused kernels and
 * without, against float64 on the CPU backend; that kernels write into their outputs only, that indices out of range throw, and that memory
 * is back at its baseline after each test. A fused kernel that the backend lacks is no failure.
 *
 * @example
 * import { describeBackend } from '@multihead/tensor/testing';
 * import { wasm } from './index.js';
 *
 * describeBackend('wasm', () => wasm(), { skip: [{ reason: 'no unfold yet, issue 7', cases: ['unfold', 'fold: windows'] }] });
 */
export function describeBackend(name: string, make: () => Backend | Promise<Backend>, options: { skip?: readonly Skip[] } = {}): void {
  const { skip = [] } = options;
  describe(`the ${name} backend`, async () => {
    const backend = await make();
    const taken = new Set<string>();
    const declined = new Set<string>();

    afterAll(() => backend.dispose());

    it('is skipped only where cases exist, and for a reason', () => {
      checkSkips(
        skip,
        backendCases.map((test) => test.name),
      );
    });

    for (const test of backendCases) {
      if (test.needs && !backend.fused[test.needs]) continue;
      it(test.name, async (context) => {
        const reason = reasonToSkip(skip, test.name);
        if (reason) return context.skip(reason);
        const outcome = await runCase(backend, test);
        if (test.needs) (outcome === false ? declined : taken).add(test.needs);
      });
    }

    it('has no fused kernel that declines everything', () => {
      expect([...declined].filter((kernel) => !taken.has(kernel))).toEqual([]);
    });
  });
}
