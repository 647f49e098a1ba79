import { Rng } from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { drawScene, idx, loadDigits, side } from './data.js';

const [train, test] = await Promise.all([loadDigits('train'), loadDigits('test')]);

describe('MNIST', () => {
  it('has 60,000 digits to train on and 10,000 to test with', () => {
    expect([train.labels.length, test.labels.length]).toEqual([60_000, 10_000]);
    expect([train.images.length, test.images.length]).toEqual([60_000 * 784, 10_000 * 784]);
    expect([...train.labels.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect([...test.labels.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  });

  it.each([
    [Uint8Array.of(0, 0, 8), 'got a file of 3 bytes'],
    [Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7), 'that says 2'],
    [Uint8Array.of(0, 0, 9, 1, 0, 0, 0, 1, 7), 'expected bytes with 1 axes'],
  ])('is refused where a file is not what it says (%#)', (file, message) => {
    expect(() => idx(file, 'labels', 1)).toThrow(message);
  });
});

describe('a scene', () => {
  it('is a function of its number', () => {
    const draw = (counter: number) => drawScene(train, 3, new Rng({ seed: 5, counter }));
    expect(draw(100)).toEqual(draw(100));
    expect(draw(100).data).not.toEqual(draw(200).data);
  });

  it('shows the whole digit, nothing darker, and scraps beside it', () => {
    let beside = 0;
    for (let i = 0; i < 50; i++) {
      const { data, x, y, label } = drawScene(test, i, new Rng({ seed: 1, counter: 100 * i }));
      expect(label).toBe(test.labels[i]);
      expect(Math.max(x, y) + 20).toBeLessThanOrEqual(side);
      for (let row = 0; row < side; row++) {
        for (let column = 0; column < side; column++) {
          const inside = row >= y && row < y + 20 && column >= x && column < x + 20;
          const value = data[row * side + column]!;
          if (inside) expect(value).toBeGreaterThanOrEqual(test.images[(i * 28 + 4 + row - y) * 28 + 4 + column - x]!);
          else beside += value;
        }
      }
    }
    expect(beside).toBeGreaterThan(0);
  });
});
