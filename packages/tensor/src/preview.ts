import { nest } from './nest.js';
import { show } from './shape.js';
import type { Tensor } from './tensor.js';

/*
 * How `String(x)` and the console show a tensor: the ends of long axes, in columns. It is in every bundle, and so it is short; `format`
 * has the options.
 */

/** What is known of a tensor without its values. */
export function header(x: Tensor): string {
  const where = x.materialized ? `on ${x.backend.name}` : x.disposed ? 'disposed' : 'not initialized yet';
  const gradient = x.node ? `, by ${x.node.name}` : x.requiresGrad ? ', requires grad' : '';
  return `Tensor(${x.dtype} ${show(x.shape)}, ${where}${gradient})`;
}

/** The header, and the values in up to 6 digits where they can be read at once; a matrix begins on a line of its own. */
export function preview(x: Tensor): string {
  const head = header(x);
  const { readSync } = x.materialized ? x.backend : {};
  if (!readSync) return head;
  let width = 0;
  const cell = (at: number): string => {
    const value = element(x, x.backend.readSync!(x.buffer, at, at + 1)[0]!);
    const text = String(typeof value === 'boolean' || Number.isSafeInteger(value) ? value : +value.toPrecision(6));
    width = Math.max(width, text.length);
    return text.padStart(width);
  };
  const line = (items: string[], axis: number) => `[${items.join(axis < x.rank - 1 ? `,\n${' '.repeat(axis + 1)}` : ', ')}]`;
  nest(x, cell, line, '…'); // finds the width
  return head + (x.rank > 1 ? '\n' : ' ') + nest(x, cell, line, '…');
}

/** A number that was read from `x`, as it is shown: a boolean for bool. */
export function element(x: Tensor, value: number): number | boolean {
  return x.dtype === 'bool' ? value !== 0 : value;
}
