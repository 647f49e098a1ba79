import type { Theme } from '../theme.js';

type Rgb = readonly [number, number, number];

/** From no weight to all of it. */
const ramps: Record<Theme, readonly [Rgb, Rgb]> = {
  light: [
    [255, 255, 255],
    [38, 104, 142],
  ],
  dark: [
    [28, 33, 41],
    [94, 201, 152],
  ],
};

/** How a token that got `weight`, from 0 to 1, of the attention is coloured: the paper the stronger, the ink black or white, whichever reads better. */
export function tint(weight: number, theme: Theme): { background: string; color: string } {
  const [none, all] = ramps[theme];
  const share = Math.min(1, Math.max(0, weight));
  const paper = none.map((from, i) => Math.round(from + (all[i]! - from) * share));
  const light = luminance(paper);
  const dark = (light + 0.05) / 0.05 > 1.05 / (light + 0.05); // contrast with black, with white
  return { background: `rgb(${paper.join(' ')})`, color: dark ? '#000' : '#fff' };
}

/** Relative luminance, as WCAG defines it. */
function luminance(rgb: readonly number[]): number {
  const [r, g, b] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
