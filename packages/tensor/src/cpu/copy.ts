import type { View } from '../backend.js';
import { ValueError } from '../errors.js';
import { sizeOf } from '../shape.js';
import type { CpuBuffer } from './buffer.js';
import { eachRow } from './strided.js';

export function copy(shape: readonly number[], out: CpuBuffer, outView: View, x: CpuBuffer, xView: View): void {
  checkView('out', shape, out, outView);
  checkView('x', shape, x, xView);
  const from = x.data;
  const to = out.data;
  eachRow(shape, [outView.strides, xView.strides], ([o, i], length, [dOut, dIn]) => {
    const start = outView.offset + o!;
    const source = xView.offset + i!;
    if (dOut === 1 && dIn === 1) to.set(from.subarray(source, source + length), start);
    else for (let k = 0; k < length; k++) to[start + k * dOut!] = from[source + k * dIn!]!;
  });
}

/** A view that leaves its buffer would read `undefined` or write nowhere, in silence. */
function checkView(name: string, shape: readonly number[], buffer: CpuBuffer, { offset, strides }: View): void {
  if (sizeOf(shape) === 0) return;
  let first = offset;
  let last = offset;
  shape.forEach((n, axis) => {
    const reach = (n - 1) * strides[axis]!;
    if (reach < 0) first += reach;
    else last += reach;
  });
  if (first < 0 || last >= buffer.length) {
    throw new ValueError(`copy: ${name}: expected a view inside ${buffer.length} elements, got one from ${first} to ${last}`);
  }
}
