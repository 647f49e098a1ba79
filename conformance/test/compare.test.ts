import { describe, expect, it } from 'vitest';
import { difference, mismatch } from '../compare.js';
import type { Kind, Values } from '../suite.js';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const tolerance = { rtol: 1e-3, atol: 1e-5, equalNan: true };
const values = (data: number[], shape: number[] = [data.length], kind: Kind = 'float'): Values => ({ shape, kind, data });
const compare = (got: number[], want: number[]) => difference(values(got), values(want), tolerance);

describe('difference', () => {
  it('allows atol + rtol · |want| and no more', () => {
    expect(compare([2 + 2e-3], [2])).toBeNull();
    expect(compare([2 + 2.02e-3], [2])).not.toBeNull();
    expect(compare([9e-6], [0])).toBeNull();
    expect(compare([1.1e-5], [0])).not.toBeNull();
    expect(compare([-2], [2])).not.toBeNull();
  });

  it('names the worst element, its place, both values and the tolerance', () => {
    const problem = difference(values([1, 2.5, 3, 40, 5, 6], [2, 3]), values([1, 2, 3, 4, 5, 6], [2, 3]), tolerance);
    expect(problem).toBe(
      'got 40, want 4 at [1, 0] of [2, 3], off by 36 with 0.00401 allowed (rtol 0.001, atol 0.00001; 2 of 6 elements differ)',
    );
  });

  it('takes NaN for NaN and for nothing else', () => {
    expect(compare([nan], [nan])).toBeNull();
    expect(compare([nan], [0])).not.toBeNull();
    expect(compare([0], [nan])).not.toBeNull();
    expect(compare([inf], [nan])).not.toBeNull();
    expect(difference(values([nan]), values([nan]), { ...tolerance, equalNan: false })).not.toBeNull();
  });

  it('takes an infinity for itself and for nothing else', () => {
    expect(compare([inf, -inf], [inf, -inf])).toBeNull();
    for (const wrong of [-inf, 3e38, nan, 0]) expect(compare([wrong], [inf])).not.toBeNull();
    for (const right of [-inf, 3e38, 0]) expect(compare([inf], [right])).not.toBeNull();
  });

  it('wants the same shape, kind and number of elements', () => {
    expect(difference(values([1, 2]), values([1, 2], [2, 1]), tolerance)).toBe('got the shape [2], want [2, 1]');
    expect(difference(values([1], []), values([1], []), tolerance)).toBeNull();
    expect(difference(values([1], [], 'int'), values([1], []), tolerance)).toBe('got int elements, want float');
    expect(difference(values([1], [2]), values([1, 2]), tolerance)).toBe('got 1 elements, want 2');
    expect(difference(values([], [0, 3]), values([], [0, 3]), tolerance)).toBeNull();
  });

  it('tells no value from any value', () => {
    expect(difference(null, null, tolerance)).toBeNull();
    expect(difference(values([0]), null, tolerance)).toBe('got a value of shape [1], want nothing');
    expect(difference(null, values([0]), tolerance)).toBe('got nothing, want a value of shape [1]');
  });

  it('wants integers and truths exactly where the tolerance is 0', () => {
    const exact = { rtol: 0, atol: 0, equalNan: true };
    expect(difference(values([7], [], 'int'), values([7], [], 'int'), exact)).toBeNull();
    expect(difference(values([8], [], 'int'), values([7], [], 'int'), exact)).not.toBeNull();
  });
});

describe('mismatch', () => {
  const check = (got: number) => ({
    what: 'output 0',
    got: values([got]),
    want: [values([1]), values([5])] as [Values, Values],
    tolerance,
  });

  it('is satisfied by any of the alternatives', () => {
    expect(mismatch(check(1))).toBeNull();
    expect(mismatch(check(5))).toBeNull();
  });

  it('else compares with the first', () => {
    expect(mismatch(check(3))).toMatch(/^output 0: got 3, want 1 at \[0\] of \[1\].*\(nor does it match the alternative\)$/);
  });
});
