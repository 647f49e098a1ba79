import type { DeviceBuffer, Kernels, ScatterOp } from '../../backend.js';
import type { DType } from '../../dtype.js';
import { type BackendCase, mustThrow } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { booleanSample, integerSample, sampleOf, uniformSample } from '../samples.js';

const widths: readonly number[] = [1, 2, 3, 4, 5, 7, 8, 16, 33, 130];
const counts: readonly number[] = [0, 1, 2, 9, 40];
const rows = 11;

async function gathers(lab: Lab, dtype: DType): Promise<void> {
  for (const width of widths) {
    for (const count of counts) {
      await lab.agree(
        {
          what: `gather of ${count} rows of ${width} (${dtype})`,
          inputs: { table: sampleOf(dtype, 1, rows * width), ids: integerSample(2, count, 0, rows - 1) },
          out: { dtype, length: count * width },
          run: (kernels, out, { table, ids }) => kernels.gather(out, table, ids, width),
        },
        exact,
      );
    }
  }
}

const scatterOps: readonly ScatterOp[] = ['set', 'sum', 'prod', 'max', 'min'];

async function scatters(lab: Lab, op: ScatterOp): Promise<void> {
  for (const width of widths) {
    for (const count of counts) {
      await lab.agree(
        {
          what: `scatter ${op} of ${count} rows of ${width}`,
          inputs: { x: uniformSample(1, count * width), ids: integerSample(2, count, 0, rows - 1) },
          out: { dtype: 'float32', length: rows * width },
          initial: uniformSample(3, rows * width), // what is there takes part
          run: (kernels, table, { x, ids }) => kernels.scatter(op, table, x, ids, width),
        },
        op === 'set' || op === 'max' || op === 'min' ? exact : { rtol: 1e-6, atol: 2e-6 },
      );
    }
  }
}

async function scattersIntegers(lab: Lab): Promise<void> {
  const initial = integerSample(3, rows * 3, -9, 9);
  const inputs = { x: integerSample(1, 40 * 3, -9, 9), ids: integerSample(2, 40, 0, rows - 1) };
  const out = { dtype: 'int32', length: rows * 3 } as const;
  for (const op of scatterOps) {
    await lab.agree({ what: `scatter ${op}`, inputs, out, initial, run: (k, y, b) => k.scatter(op, y, b.x, b.ids, 3) }, exact);
  }
  const bools = { x: booleanSample(1, 12), ids: Int32Array.from([2, 0, 2, 1]) };
  const table = { dtype: 'bool', length: 9 } as const;
  const run = (k: Kernels<DeviceBuffer>, y: DeviceBuffer, b: { x: DeviceBuffer; ids: DeviceBuffer }) => k.scatter('set', y, b.x, b.ids, 3);
  await lab.agree({ what: 'scatter set of bool', inputs: bools, out: table, initial: booleanSample(4, 9), run }, exact);
}

/** NaN wins over everything, whichever comes first. */
async function scattersNaN(lab: Lab): Promise<void> {
  const ids = lab.put(Int32Array.from([0, 0, 1, 1]));
  for (const op of ['max', 'min'] as const) {
    const out = lab.out('float32', 2, Float32Array.from([0, 0]));
    lab.backend.kernels.scatter(op, out, lab.put(Float32Array.from([Number.NaN, 5, -5, Number.NaN])), ids, 1);
    await lab.check(`${op} beside NaN`, out, [Number.NaN, Number.NaN], exact);
  }
}

/** Small integers add up exactly, in any order: every row must arrive, also when all go to one place. */
async function scattersOntoOne(lab: Lab): Promise<void> {
  const count = 257;
  const x = Float32Array.from(integerSample(1, count * 3, -9, 9));
  const ids = new Int32Array(count).fill(2);
  const inputs = { x, ids };
  const out = { dtype: 'float32', length: 15 } as const;
  const initial = new Float32Array(15);
  await lab.agree({ what: 'scatter sum', inputs, out, initial, run: (kernels, y, b) => kernels.scatter('sum', y, b.x, b.ids, 3) }, exact);
}

/** In the order of i: 2²⁴ + 1 + 1 in float32 stays 2²⁴, and 1 + 1 + 2²⁴ is 2²⁴ + 2. */
async function scattersInOrder(lab: Lab): Promise<void> {
  const big = 16777216;
  const ids = lab.put(new Int32Array(3));
  for (const [terms, want] of [
    [[big, 1, 1], big],
    [[1, 1, big], big + 2],
  ] as const) {
    const out = lab.out('float32', 1, new Float32Array(1));
    lab.backend.kernels.scatter('sum', out, lab.put(Float32Array.from(terms)), ids, 1);
    await lab.check(`${terms}`, out, [want], exact);
  }
}

/** The message names the id and its position, and nothing is read or written beside the buffers. */
async function refusesIds(lab: Lab): Promise<void> {
  const { kernels } = lab.backend;
  for (const id of [5, -1, 2 ** 31 - 1, -(2 ** 31)]) {
    const ids = lab.put(Int32Array.from([0, 4, id, 1]));
    const table = lab.put(uniformSample(1, 15));
    mustThrow(`gather of id ${id}`, [id, 2], () => kernels.gather(lab.out('float32', 12), table, ids, 3));
    const sums = lab.out('float32', 15);
    mustThrow(`scatter of id ${id}`, [id, 2], () => kernels.scatter('sum', sums, lab.put(uniformSample(2, 12)), ids, 3));
  }
}

export const indexingCases: readonly BackendCase[] = [
  ...(['float32', 'int32', 'bool'] as const).map((dtype) => ({
    name: `gather: ${dtype}, odd sizes`,
    run: (lab: Lab) => gathers(lab, dtype),
  })),
  ...scatterOps.map((op) => ({ name: `scatter ${op}: odd sizes`, run: (lab: Lab) => scatters(lab, op) })),
  { name: 'scatter: int32 and bool', run: scattersIntegers },
  { name: 'scatter: NaN', run: scattersNaN },
  { name: 'scatter sum: all onto one row', run: scattersOntoOne },
  { name: 'scatter sum: in order', run: scattersInOrder },
  { name: 'gather and scatter: ids out of range throw', run: refusesIds },
];
