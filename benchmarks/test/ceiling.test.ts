import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ceilingLoop, hasRelaxedSimd, operations } from '../ceiling.ts';

test('the loop computes: 12 chains of multiply-adds, 4 in a turn', () => {
  // Plain: c becomes 0.999 c + 0.001, which goes to 1 from every start, in all 12 chains.
  assert.ok(Math.abs(ceilingLoop(false)(10_000) - 12) < 0.01);
  // Fused: c grows by 0.999 · 0.001 each time, from 1 to 12.
  if (hasRelaxedSimd()) assert.ok(Math.abs(ceilingLoop(true)(1000) - (78 + 12 * 4000 * 0.000999)) < 0.05);
  assert.equal(operations(1), 12 * 4 * 4 * 2);
});

test('it takes time in proportion to its turns: nothing is left out', () => {
  const loop = ceilingLoop(hasRelaxedSimd());
  const timed = (turns: number) => {
    const start = performance.now();
    loop(turns);
    return performance.now() - start;
  };
  timed(1e6);
  const [short, long] = [0, 1, 2].map(() => [timed(1e6), timed(4e6)] as const).sort((a, b) => a[1] - b[1])[0]!;
  assert.ok(long > 2 * short, `${short} ms and ${long} ms`);
});
