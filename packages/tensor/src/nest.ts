import type { Shape } from './shape.js';

/** Where the elements of an array lie. */
export interface Layout {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
}

/**
 * An array as nested lists: `leaf` of the place of each element, `list` of the items along an axis. With a `gap`, that stands for all but
 * the first and the last three items of a longer axis.
 */
export function nest<T>({ shape, strides, offset }: Layout, leaf: (at: number) => T, list: (items: T[], axis: number) => T, gap?: T): T {
  const walk = (axis: number, at: number): T => {
    if (axis === shape.length) return leaf(at);
    const n = shape[axis]!;
    const items: T[] = [];
    for (let i = 0; i < n; i++) {
      if (gap && i === 3 && n > 6) {
        items.push(gap);
        i = n - 3;
      }
      items.push(walk(axis + 1, at + i * strides[axis]!));
    }
    return list(items, axis);
  };
  return walk(0, offset);
}
