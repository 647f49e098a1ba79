import { describe, expect, it } from 'vitest';
import { viridis } from '../data/viridis.js';
import { tint } from './tint.js';

const channel = (value: number) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);

function contrast(background: string, ink: string): number {
  const [r, g, b] = background.match(/\d+/g)!.map((value) => channel(Number(value))) as [number, number, number];
  const paper = 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  return ink === '#fff' ? 1.05 / paper : paper / 0.05;
}

describe('tint', () => {
  it('is legible at every weight, in both themes', () => {
    for (const theme of ['light', 'dark'] as const) {
      for (let weight = -0.1; weight <= 1.1; weight += 0.01) {
        const { background, color } = tint(weight, theme);
        expect(contrast(background, color), `${theme} ${weight}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });
});

describe('viridis', () => {
  it('goes from dark violet over green to yellow, and clamps', () => {
    expect([-1, 0, 0.5, 1, 2].map(viridis)).toEqual(['#440154', '#440154', '#21918c', '#fde725', '#fde725']);
  });
});
