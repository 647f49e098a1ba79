import type { DType } from '../../dtype.js';
import { sizeOf } from '../../shape.js';
import type { BackendCase } from '../backend-case.js';
import type { Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { booleanSample, oddSizes, sampleOf } from '../samples.js';
import { broadcasts, extent } from './broadcasts.js';

async function casts(lab: Lab): Promise<void> {
  const dtypes: readonly DType[] = ['float32', 'int32', 'bool'];
  const floats = Float32Array.from([0, -0, 0.4, -0.4, 0.9, -0.9, 1.5, -2.5, 100.99, -100.99, 16777216, -16777216, 2147483520, -2147483648]);
  for (const from of dtypes) {
    for (const to of dtypes) {
      for (const n of oddSizes) {
        const x = from === 'float32' && n === 15 ? floats : sampleOf(from, n, n);
        const out = { dtype: to, length: x.length };
        await lab.agree({ what: `${from} to ${to}`, inputs: { x }, out, run: (kernels, y, inputs) => kernels.cast(y, inputs.x) }, exact);
      }
    }
  }
  const odd = Float32Array.from([Number.NaN, Infinity, -Infinity]);
  const out = lab.out('bool', 3);
  lab.backend.kernels.cast(out, lab.put(odd));
  await lab.check('NaN and infinities to bool', out, [1, 1, 1], exact);
}

async function selects(lab: Lab): Promise<void> {
  for (const dtype of ['float32', 'int32', 'bool'] as const) {
    for (const [shape, aStrides, bStrides] of broadcasts) {
      const condStrides = aStrides.map((s, axis) => (axis % 2 === 0 ? s : bStrides[axis]!));
      const inputs = {
        cond: booleanSample(3, extent(shape, condStrides)),
        a: sampleOf(dtype, 4, extent(shape, aStrides)),
        b: sampleOf(dtype, 5, extent(shape, bStrides)),
      };
      const strided = (buffer: ReturnType<Lab['put']>, strides: readonly number[]) => ({ buffer, strides });
      await lab.agree(
        {
          what: `select ${dtype} over [${shape}]`,
          inputs,
          out: { dtype, length: sizeOf(shape) },
          run: (kernels, out, { cond, a, b }) =>
            kernels.select(shape, out, strided(cond, condStrides), strided(a, aStrides), strided(b, bStrides)),
        },
        exact,
      );
    }
  }
}

/** The branch not taken does not show, whatever it holds. */
async function selectsPastNaN(lab: Lab): Promise<void> {
  const out = lab.out('float32', 4);
  const stay = { buffer: lab.put(Float32Array.from([1, 2, 3, 4])), strides: [1] };
  const poison = { buffer: lab.put(Float32Array.from([Number.NaN])), strides: [0] };
  const cond = { buffer: lab.put(Uint8Array.from([1, 0, 1, 0])), strides: [1] };
  lab.backend.kernels.select([4], out, cond, stay, poison);
  await lab.check('select', out, [1, Number.NaN, 3, Number.NaN], exact);
}

async function fills(lab: Lab): Promise<void> {
  for (const n of oddSizes) {
    const values = { float32: [0, -1.5, Infinity, Number.NaN], int32: [0, -7, 2 ** 31 - 1], bool: [0, 1] } as const;
    for (const dtype of ['float32', 'int32', 'bool'] as const) {
      for (const value of values[dtype]) {
        const out = lab.out(dtype, n);
        lab.backend.kernels.fill(out, value);
        await lab.check(`fill ${dtype} [${n}] with ${value}`, out, new Array<number>(n).fill(value), exact);
      }
    }
  }
}

export const selectAndCastCases: readonly BackendCase[] = [
  { name: 'fill: odd sizes', run: fills },
  { name: 'cast: between all dtypes', run: casts },
  { name: 'select: broadcasts', run: selects },
  { name: 'select: the other branch may be NaN', run: selectsPastNaN },
];
