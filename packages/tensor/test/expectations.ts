import type { Tensor } from '@multihead/tensor';
import { expect } from 'vitest';

/** Fails unless the numbers are within `tolerance`, relative to 1 or to the expected magnitude; NaN and infinities equal only themselves. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-6): void {
  expect(actual.length, 'number of elements').toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const [got, want] = [actual[i]!, expected[i]!];
    const close = Number.isFinite(want) && Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want));
    const near = Object.is(got, want) || got === want || close;
    if (!near) expect.fail(`element ${i} of [${Array.from(actual)}]: expected ${want}, got ${got}`);
  }
}

/** The message of the error that `fn` throws, which must be of `kind`. */
export function messageOf(kind: new (...args: never[]) => Error, fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    expect(error).toBeInstanceOf(kind);
    return (error as Error).message;
  }
  throw new Error(`expected a ${kind.name}, nothing was thrown`);
}

/** The numbers of several tensors. */
export async function numbers(...tensors: (Tensor | null)[]): Promise<(number[] | null)[]> {
  return Promise.all(tensors.map(async (t) => t && Array.from(await t.data())));
}
