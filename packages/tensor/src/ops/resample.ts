import { contiguous, record } from '../autograd.js';
import { noGrad } from '../mode.js';
import { tidy } from '../scope.js';
import type { Tensor } from '../tensor.js';
import { add, mul } from './arithmetic.js';
import { tensor } from './create.js';
import { indexSelect } from './indexing.js';
import { permute } from './view.js';

/*
 * Linear maps along one axis in which each result is made of few elements: what interpolation and adaptive pooling have in common.
 */

/** Result i is Σₜ weights[t][i] · x[places[t][i]]. */
export interface Taps {
  /** The length of the axis before; after, it is that of each list. */
  readonly from: number;
  readonly places: readonly Int32Array[];
  readonly weights: readonly Float64Array[];
}

/** What each result is made of, as [place, weight] pairs. */
export function fewTaps(from: number, rows: readonly (readonly (readonly [place: number, weight: number])[])[]): Taps {
  const count = rows.reduce((most, row) => Math.max(most, row.length), 1);
  const places = Array.from({ length: count }, () => new Int32Array(rows.length));
  const weights = Array.from({ length: count }, () => new Float64Array(rows.length));
  rows.forEach((row, i) => {
    for (let t = 0; t < count; t++) {
      // Shorter rows are filled up with nothing of their own first element: that of another might be NaN.
      const [place, weight] = row[t] ?? [row[0]?.[0] ?? 0, 0];
      places[t]![i] = place;
      weights[t]![i] = weight;
    }
  });
  return { from, places, weights };
}

function transposed({ from, places, weights }: Taps): Taps {
  const rows = Array.from({ length: from }, (): [number, number][] => []);
  places.forEach((list, t) => {
    list.forEach((place, i) => {
      if (weights[t]![i] !== 0) rows[place]!.push([i, weights[t]![i]!]);
    });
  });
  return fewTaps(places[0]!.length, rows);
}

/** The results in place of the elements along `axis`. */
export function resample(x: Tensor, axis: number, taps: Taps): Tensor {
  const rest = [...x.shape.keys()].filter((i) => i !== axis);
  const rows = contiguous(permute(x, [axis, ...rest])); // [from, …]
  const results = combine(rows, taps); // [to, …]
  return permute(results, [...x.shape.keys()].map((i) => (i === axis ? 0 : 1 + rest.indexOf(i)))); // biome-ignore format: one call
}

/** Along the first axis; the gradient is the transposed map. */
function combine(x: Tensor, taps: Taps): Tensor {
  const rows = contiguous(x);
  const { backend, dtype } = rows;
  const part = (places: Int32Array, t: number) => {
    const weights = tensor(taps.weights[t]!, { shape: [places.length, ...rows.shape.slice(1).fill(1)], dtype, backend });
    return mul(indexSelect(rows, 0, tensor(places, { backend })), weights);
  };
  const out = noGrad(() =>
    tidy(() => {
      let sum = part(taps.places[0]!, 0);
      for (let t = 1; t < taps.places.length; t++) {
        const before = sum;
        sum = tidy(() => add(before, part(taps.places[t]!, t)));
        before.dispose();
      }
      return sum.storage.retain();
    }),
  );
  return record('resample', out, [taps.places[0]!.length, ...rows.shape.slice(1)], [rows], (dy) => [() => combine(dy, transposed(taps))]);
}
