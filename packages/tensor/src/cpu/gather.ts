import type { ScatterOp } from '../backend.js';
import type { TypedArray } from '../dtype.js';
import { ValueError } from '../errors.js';
import type { CpuBuffer } from './buffer.js';
import { combine } from './reduce.js';

export function gather(out: CpuBuffer, table: CpuBuffer, ids: CpuBuffer, width: number): void {
  const from = table.data;
  const to = out.data;
  checkIds('gather', ids.data, table.length / width);
  ids.data.forEach((id, i) => {
    to.set(from.subarray(id * width, (id + 1) * width), i * width);
  });
}

export function scatter(op: ScatterOp, table: CpuBuffer, x: CpuBuffer, ids: CpuBuffer, width: number): void {
  const from = x.data;
  const to = table.data;
  const step = op === 'set' ? (_old: number, value: number) => value : combine(op, table.dtype);
  checkIds('scatter', ids.data, table.length / width);
  ids.data.forEach((id, i) => {
    for (let j = 0; j < width; j++) to[id * width + j] = step(to[id * width + j]!, from[i * width + j]!);
  });
}

/** Before anything is written. The rows of a table of width 0 cannot be counted, and any id is a row of nothing. */
function checkIds(op: string, ids: TypedArray, rows: number): void {
  ids.forEach((id, i) => {
    if (id < 0 || id >= rows) {
      throw new ValueError(`${op}: ids: expected ids from 0 to ${rows - 1} (the table has ${rows} rows), got ${id} at position ${i}`);
    }
  });
}
