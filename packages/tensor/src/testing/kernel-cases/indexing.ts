import type { DType } from '../../dtype.js';
import { type BackendCase, mustThrow } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { integerSample, sampleOf, uniformSample } from '../samples.js';

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

async function scatters(lab: Lab): Promise<void> {
  for (const width of widths) {
    for (const count of counts) {
      await lab.agree(
        {
          what: `scatterAdd of ${count} rows of ${width}`,
          inputs: { x: uniformSample(1, count * width), ids: integerSample(2, count, 0, rows - 1) },
          out: { dtype: 'float32', length: rows * width },
          initial: uniformSample(3, rows * width), // adds to what is there
          run: (kernels, table, { x, ids }) => kernels.scatterAdd(table, x, ids, width),
        },
        { rtol: 1e-6, atol: 2e-6 },
      );
    }
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
  await lab.agree({ what: 'scatterAdd', inputs, out, initial, run: (kernels, y, b) => kernels.scatterAdd(y, b.x, b.ids, 3) }, exact);
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
    lab.backend.kernels.scatterAdd(out, lab.put(Float32Array.from(terms)), ids, 1);
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
    mustThrow(`scatterAdd of id ${id}`, [id, 2], () => kernels.scatterAdd(sums, lab.put(uniformSample(2, 12)), ids, 3));
  }
}

export const indexingCases: readonly BackendCase[] = [
  ...(['float32', 'int32', 'bool'] as const).map((dtype) => ({
    name: `gather: ${dtype}, odd sizes`,
    run: (lab: Lab) => gathers(lab, dtype),
  })),
  { name: 'scatterAdd: odd sizes', run: scatters },
  { name: 'scatterAdd: all onto one row', run: scattersOntoOne },
  { name: 'scatterAdd: in order', run: scattersInOrder },
  { name: 'gather and scatterAdd: ids out of range throw', run: refusesIds },
];
