import { scope, tensor } from '@multihead/tensor';
import { matchers } from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';

expect.extend(matchers);

/** The message with which `assertion` fails. */
function failure(assertion: () => void): string {
  try {
    assertion();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('expected the assertion to fail');
}

describe('toBeAllclose', () => {
  it('takes numbers, typed arrays and nested arrays', async () => {
    using _ = scope();
    expect(1).toBeAllclose(1.000001);
    expect(Float32Array.from([1, 2])).toBeAllclose([1, 2]);
    expect([
      [1, 2],
      [3, 4],
    ]).toBeAllclose([Float32Array.from([1, 2]), [3, 4]]);
    expect([]).toBeAllclose([]);
    expect([true, false]).toBeAllclose([1, 0]);
    expect(await tensor([[1, 2]]).toArray()).toBeAllclose([[1, 2]]);
  });

  it('holds rtol against the expected value, and atol', () => {
    expect([1000]).toBeAllclose([1001], { rtol: 1e-3 });
    expect([1000]).not.toBeAllclose([1001], { rtol: 9e-4, atol: 0 });
    expect([0]).toBeAllclose([0.01], { atol: 0.01 });
    expect([0]).not.toBeAllclose([0.01], { atol: 0.009 });
  });

  it('takes NaN for equal to NaN, and infinities to themselves only', () => {
    expect([Number.NaN, Infinity, -Infinity]).toBeAllclose([Number.NaN, Infinity, -Infinity]);
    expect([Number.NaN]).not.toBeAllclose([0], { atol: 1e30 });
    expect([0]).not.toBeAllclose([Number.NaN], { atol: 1e30 });
    expect([Infinity]).not.toBeAllclose([-Infinity]);
    expect([Infinity]).not.toBeAllclose([1e38], { rtol: 1e30 });
    expect([1e38]).not.toBeAllclose([Infinity]);
  });

  it('names the worst element, both values and the count', () => {
    const message = failure(() =>
      expect([
        [1, 2],
        [3, 9],
      ]).toBeAllclose([
        [1, 2.5],
        [3, 4],
      ]),
    );
    expect(message).toMatch(/2 of 4 elements/);
    expect(message).toMatch(/the worst is \[1, 1\]: got 9, expected 4, off by 5/);
  });

  it('names both shapes where they differ', () => {
    expect(failure(() => expect([1, 2, 3]).toBeAllclose([[1, 2, 3]]))).toMatch(/shapes: expected \[1, 3\], got \[3\]/);
    expect(failure(() => expect([[1], [2, 3]]).toBeAllclose([[1], [2]]))).toMatch(/ragged/);
  });

  it('says so where a tensor was not read', () => {
    using _ = scope();
    expect(failure(() => expect(tensor([1])).toBeAllclose([1]))).toMatch(/read a tensor first/);
    expect(failure(() => expect('1').toBeAllclose(1))).toMatch(/expected a number/);
  });
});
