import { grad, interpolate, type InterpolateOptions, Rng, randn, scope, sum, type Tensor, tensor } from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { expectClose } from './expectations.js';

const image = (...rows: number[][]) => tensor(rows.map((row) => Float64Array.from(row)), { shape: [1, 1, rows.length, rows[0]!.length], dtype: 'float64' }); // biome-ignore format: one call
const line = (...row: number[]) => tensor(Float64Array.from(row), { shape: [1, 1, row.length] });
const at = (data: ArrayLike<number>, width: number, y: number, x: number, height: number) => {
  const inside = (i: number, n: number) => Math.min(n - 1, Math.max(0, i));
  return data[inside(y, height) * width + inside(x, width)]!;
};

/** Keys' function by its definition on each piece. */
function keys(x: number, a: number): number {
  const d = Math.abs(x);
  if (d < 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
}

/** Both axes at once, by the sixteen (or four) pixels around each position. */
function direct(x: Tensor, [oh, ow]: [number, number], cubic: boolean, corners: boolean): number[] {
  const [data, height, width] = [x.dataSync(), x.shape[2]!, x.shape[3]!];
  const position = (i: number, from: number, to: number) => {
    if (corners) return to === 1 ? 0 : (i * (from - 1)) / (to - 1);
    const p = ((i + 0.5) * from) / to - 0.5;
    return cubic ? p : Math.max(0, p);
  };
  const weight = (d: number) => (cubic ? keys(d, -0.75) : Math.max(0, 1 - Math.abs(d)));
  const result: number[] = [];
  for (let i = 0; i < oh; i++) {
    for (let j = 0; j < ow; j++) {
      const [y, z] = [position(i, height, oh), position(j, width, ow)];
      let total = 0;
      for (let p = Math.floor(y) - 1; p <= Math.floor(y) + 2; p++)
        for (let q = Math.floor(z) - 1; q <= Math.floor(z) + 2; q++) total += weight(y - p) * weight(z - q) * at(data, width, p, q, height);
      result.push(total);
    }
  }
  return result;
}

/** Pillow's filter: all pixels that the stretched filter reaches, their weights made to add up to 1. */
function antialiased(x: Tensor, [oh, ow]: [number, number], cubic: boolean): number[] {
  const [data, height, width] = [x.dataSync(), x.shape[2]!, x.shape[3]!];
  const weights = (i: number, from: number, to: number) => {
    const scale = Math.max(1, from / to);
    const center = ((i + 0.5) * from) / to;
    const raw = Array.from({ length: from }, (_, j) => {
      const d = (j + 0.5 - center) / scale;
      return cubic ? keys(d, -0.5) : Math.max(0, 1 - Math.abs(d));
    });
    const total = raw.reduce((a, b) => a + b, 0);
    return raw.map((w) => w / total);
  };
  const result: number[] = [];
  for (let i = 0; i < oh; i++)
    for (let j = 0; j < ow; j++) {
      const [rows, columns] = [weights(i, height, oh), weights(j, width, ow)];
      result.push(rows.reduce((sum, wy, y) => sum + columns.reduce((part, wx, z) => part + wy * wx * data[y * width + z]!, 0), 0));
    }
  return result;
}

const sizes: readonly [number, number][] = [[4, 9], [9, 4], [5, 7], [2, 3], [1, 1], [1, 12], [11, 2]]; // biome-ignore format: a table
const picture = () => randn([1, 1, 5, 7], { rng: new Rng(3), dtype: 'float64' });

describe('bilinear and bicubic', () => {
  for (const [mode, alignCorners] of [
    ['bilinear', false],
    ['bilinear', true],
    ['bicubic', false],
    ['bicubic', true],
  ] as const) {
    // biome-ignore format: a table
    it(`${mode}${alignCorners ? ', corners aligned' : ''}: is the sum over the pixels around each position`, async () => {
      for (const size of sizes) {
        using _ = scope();
        const x = picture();
        const y = interpolate(x, { size, mode, alignCorners });
        expectClose(await y.data(), direct(x, size, mode === 'bicubic', alignCorners), 1e-12);
      }
    });
  }

  for (const mode of ['bilinear', 'bicubic'] as const) {
    it(`${mode} with antialias: is Pillow's filter`, async () => {
      for (const size of sizes) {
        using _ = scope();
        const x = picture();
        expectClose(await interpolate(x, { size, mode, antialias: true }).data(), antialiased(x, size, mode === 'bicubic'), 1e-12);
      }
    });
  }

  it('has the values of the documentation of torch.nn.Upsample', async () => {
    using _ = scope();
    const x = image([1, 2], [3, 4]);
    // biome-ignore format: a matrix
    expectClose(await interpolate(x, { scale: 2, mode: 'bilinear' }).data(), [
      1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4,
    ]);
    const third = 1 / 3;
    // biome-ignore format: a matrix
    expectClose(await interpolate(x, { scale: 2, mode: 'bilinear', alignCorners: true }).data(), [
      1, 1 + third, 2 - third, 2, 2 - third, 2, 2 + third, 3 - third, 2 + third, 3 - third, 3, 3 + third, 3, 3 + third, 4 - third, 4,
    ]);
  });

  it("has the values of ONNX's cubic example", async () => {
    using _ = scope();
    const x = image([1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]);
    const y = await interpolate(x, { scale: 2, mode: 'bicubic' }).data();
    // biome-ignore format: a row
    expectClose(y.slice(0, 8), [0.47265625, 0.76953125, 1.24609375, 1.875, 2.28125, 2.91015625, 3.38671875, 3.68359375]);
  });
});

describe('along one axis', () => {
  const cases: readonly [string, number[], InterpolateOptions, number[]][] = [
    ['nearest, longer', [1, 2, 3], { size: 7 }, [1, 1, 1, 2, 2, 3, 3]],
    ['nearest, shorter', [1, 2, 3, 4, 5], { size: 2 }, [1, 3]],
    ['nearest, twice', [1, 2, 3], { scale: 2 }, [1, 1, 2, 2, 3, 3]],
    ['nearest-exact, shorter', [1, 2, 3, 4, 5], { size: 2, mode: 'nearest-exact' }, [2, 4]],
    ['nearest-exact, longer', [1, 2, 3], { size: 5, mode: 'nearest-exact' }, [1, 1, 2, 3, 3]],
    ['linear', [0, 4], { size: 4, mode: 'linear' }, [0, 1, 3, 4]],
    ['linear, corners aligned', [0, 6], { size: 4, mode: 'linear', alignCorners: true }, [0, 2, 4, 6]],
    ['linear to one element, corners aligned', [1, 2, 3], { size: 1, mode: 'linear', alignCorners: true }, [1]],
    // The factor counts, not the quotient of the lengths: positions 0, 0.9286 and 2.3571 with 1 / 0.7, not 5 / 3 apart.
    ['linear by a factor', [0, 1, 2, 3, 4], { scale: 0.7, mode: 'linear' }, [0.5 / 0.7 - 0.5, 1.5 / 0.7 - 0.5, 2.5 / 0.7 - 0.5]],
  ];
  for (const [name, row, options, expected] of cases) {
    it(name, async () => {
      using _ = scope();
      expectClose(await interpolate(line(...row), options).data(), expected);
    });
  }

  it('rounds positions as PyTorch does where they meet the border of two elements', async () => {
    using _ = scope();
    // 11 · 26 / 22 is 13, but the float32 nearest to 26 / 22 lies a little below it.
    const y = await interpolate(line(...Array(26).keys()), { size: 22 }).data();
    expect([y[10], y[11], y[12]]).toEqual([11, 12, 14]);
  });
});

it('passes gradients to the pixels that were used, and to no other', async () => {
  using _ = scope();
  const x = tensor([[[[1, 2], [3, 4]]]], { requiresGrad: true }); // biome-ignore format: a matrix
  const [dx] = grad(sum(interpolate(x, { size: [1, 3], mode: 'bilinear' })), [x]);
  expectClose(await dx!.data(), [0.75, 0.75, 0.75, 0.75]);
});

it('NaN stays where it is seen', async () => {
  using _ = scope();
  const y = await interpolate(line(Number.NaN, 1, 2, 3), { size: 8, mode: 'linear' }).data();
  expect(Array.from(y, Number.isNaN)).toEqual([true, true, true, false, false, false, false, false]);
});
