import { inspect } from 'node:util';
import {
  arange,
  BackendError,
  cpu,
  eye,
  flip,
  format,
  full,
  liveTensors,
  memory,
  mul,
  ones,
  param,
  permute,
  print,
  Rng,
  randn,
  reshape,
  scope,
  slice,
  tensor,
  transpose,
  ValueError,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it, vi } from 'vitest';
import { asynchronous } from './asynchronous.js';

const lines = (...rows: string[]) => rows.join('\n');

describe('String(x)', () => {
  it('shows dtype, shape, backend and values', () => {
    using _ = scope();
    expect(String(tensor(3.5))).toBe('Tensor(float32 [], on cpu) 3.5');
    expect(String(tensor([1, 2.5, -3]))).toBe('Tensor(float32 [3], on cpu) [  1, 2.5,  -3]');
    expect(`${tensor(Int32Array.of(7, 1234567))}`).toBe('Tensor(int32 [2], on cpu) [      7, 1234567]');
    expect(String(tensor([0.1, 1 / 3, 1e-7, 16777217]))).toBe('Tensor(float32 [4], on cpu) [     0.1, 0.333333,     1e-7, 16777216]');
    expect(String(tensor([Number.NaN, Number.POSITIVE_INFINITY, 1]))).toBe('Tensor(float32 [3], on cpu) [     NaN, Infinity,        1]');
  });

  it('lines up the columns of a matrix; bool is true and false', () => {
    using _ = scope();
    expect(
      String(
        tensor([
          [1, -20],
          [3.25, 4],
        ]),
      ),
    ).toBe(
      // biome-ignore format: a matrix
      lines('Tensor(float32 [2, 2], on cpu)', '[[   1,  -20],', ' [3.25,    4]]'),
    );
    expect(String(tensor([[true, false]]))).toBe(lines('Tensor(bool [1, 2], on cpu)', '[[ true, false]]'));
    expect(String(reshape(arange(8), [2, 2, 2]))).toBe(
      lines('Tensor(int32 [2, 2, 2], on cpu)', '[[[0, 1],', '  [2, 3]],', ' [[4, 5],', '  [6, 7]]]'),
    );
  });

  it('abbreviates long axes', () => {
    using _ = scope();
    expect(String(arange(7))).toBe('Tensor(int32 [7], on cpu) [0, 1, 2, …, 4, 5, 6]');
    expect(String(arange(6))).toBe('Tensor(int32 [6], on cpu) [0, 1, 2, 3, 4, 5]');
    const text = String(reshape(arange(10_000), [100, 100]));
    expect(text.split('\n').slice(1, 5)).toEqual([
      '[[   0,    1,    2, …,   97,   98,   99],',
      ' [ 100,  101,  102, …,  197,  198,  199],',
      ' [ 200,  201,  202, …,  297,  298,  299],',
      ' …,',
    ]);
    expect(text.length).toBeLessThan(400);
  });

  it('shows views as they are, and empty tensors', () => {
    using _ = scope();
    expect(String(slice(transpose(reshape(arange(6), [2, 3])), 0, 1))).toBe(lines('Tensor(int32 [2, 2], on cpu)', '[[1, 4],', ' [2, 5]]'));
    expect(String(flip(arange(8)))).toBe('Tensor(int32 [8], on cpu) [7, 6, 5, …, 2, 1, 0]');
    expect(String(zeros([0]))).toBe('Tensor(float32 [0], on cpu) []');
    expect(String(zeros([2, 0]))).toBe(lines('Tensor(float32 [2, 0], on cpu)', '[[],', ' []]'));
  });

  it('says where gradients go', () => {
    using _ = scope();
    const x = tensor([2], { requiresGrad: true });
    expect(String(x)).toBe('Tensor(float32 [1], on cpu, requires grad) [2]');
    expect(String(mul(x, x))).toBe('Tensor(float32 [1], on cpu, by mul) [4]');
  });

  it('shows the header alone of what has no values to be read, and never throws', () => {
    using _ = scope();
    const backend = cpu();
    const [x, w] = [ones([2], { backend }), param([3, 2], (shape) => () => ones(shape))];
    expect(String(w)).toBe('Tensor(float32 [3, 2], not initialized yet, requires grad)');
    expect(w.materialized).toBe(false);
    expect(String(ones([2], { backend: asynchronous() }))).toBe('Tensor(float32 [2], on asynchronous)');
    backend.dispose();
    expect(String(x)).toBe('Tensor(float32 [2], on cpu)');
    for (const t of [x, w]) t.dispose();
    expect([x, w].map(String)).toEqual(['Tensor(float32 [2], disposed)', 'Tensor(float32 [3, 2], disposed, requires grad)']);
  });

  it("is what Node's console shows, in objects, too", () => {
    using _ = scope();
    const x = eye(2);
    expect(inspect(x)).toBe(String(x));
    expect(inspect({ x: tensor([1]) })).toBe('{ x: Tensor(float32 [1], on cpu) [1] }');
  });
});

describe('format', () => {
  const body = async (...args: Parameters<typeof format>) => (await format(...args)).replace(/^Tensor\([^)]*\)\s/, '');

  it('lines up decimal points, with as many decimals as are needed', async () => {
    using _ = scope();
    expect(
      await format(
        tensor([
          [1, 2.5],
          [-30, 0.125],
        ]),
      ),
    ).toBe(
      // biome-ignore format: a matrix
      lines('Tensor(float32 [2, 2], on cpu)', '[[  1.000,   2.500],', ' [-30.000,   0.125]]'),
    );
    expect(await body(tensor([1, 20, 300]))).toBe('[  1,  20, 300]');
    expect(await body(tensor([0.1, 0.25]))).toBe('[0.10, 0.25]');
    expect(await body(tensor(1 / 3))).toBe('0.333333');
    expect(await body(tensor([1 / 3, 200 / 3]))).toBe('[ 0.3333, 66.6667]');
    expect(await body(tensor([1 / 3, 200 / 3]), { precision: 3 })).toBe('[ 0.3, 66.7]');
    expect(await body(tensor([1 / 3]), { precision: 1 })).toBe('[0.3]');
    expect(await body(tensor([0, -0, 0.5, Number.NaN, Number.NEGATIVE_INFINITY]))).toBe(
      '[      0.0,       0.0,       0.5,       NaN, -Infinity]',
    );
    expect(await body(tensor([-0, 3]))).toBe('[-0,  3]');
  });

  it('shows powers of ten where fixed decimals would say nothing', async () => {
    using _ = scope();
    expect(await body(tensor([1.5e-8, 2, -0.25]))).toBe('[ 1.5e-8,  2.0e+0, -2.5e-1]');
    expect(await body(tensor([0, 3e-6]))).toBe('[0e+0, 3e-6]');
    expect(await body(tensor([1e20, 1, Number.NaN]))).toBe('[1e+20,  1e+0,   NaN]');
    expect(await body(tensor([123456789012, 0.5], { dtype: 'float64' }), { precision: 3 })).toBe('[1.23e+11,  5.00e-1]');
    expect(await body(tensor([1e-300], { dtype: 'float64' }))).toBe('[1e-300]');
    expect(await body(tensor([0.001, 99]))).toBe('[ 0.001, 99.000]');
  });

  it('shows integers whole and bool as true and false', async () => {
    using _ = scope();
    expect(await body(tensor(Int32Array.of(-2147483648, 5)))).toBe('[-2147483648,           5]');
    expect(await body(tensor([true, false]))).toBe('[ true, false]');
  });

  it('parts matrices by an empty line, and breaks rows that are too long', async () => {
    using _ = scope();
    expect(await body(reshape(arange(8), [2, 2, 2]))).toBe(lines('[[[0, 1],', '  [2, 3]],', '', ' [[4, 5],', '  [6, 7]]]'));
    expect(await body(reshape(arange(24), [2, 12]), { lineWidth: 24 })).toBe(
      lines('[[ 0,  1,  2,  3,  4,', '   5,  6,  7,  8,  9,', '  10, 11],', ' [12, 13, 14, 15, 16,', '  17, 18, 19, 20, 21,', '  22, 23]]'),
    );
    const wide = await format(arange(40));
    expect(wide.split('\n').every((line) => line.length <= 80)).toBe(true);
    expect(wide).toMatch(/^Tensor\(int32 \[40\], on cpu\)\n\[ 0,/);
  });

  it('abbreviates what has more than `threshold` elements, at both ends of each long axis', async () => {
    using _ = scope();
    expect(await body(arange(1001))).toBe('[   0,    1,    2, …,  998,  999, 1000]');
    expect((await body(arange(1000))).match(/\d+/g)).toHaveLength(1000);
    expect(await body(reshape(arange(40), [5, 8]), { threshold: 20, edgeItems: 2 })).toBe(
      lines('[[ 0,  1, …,  6,  7],', ' [ 8,  9, …, 14, 15],', ' …,', ' [24, 25, …, 30, 31],', ' [32, 33, …, 38, 39]]'),
    );
    expect(await body(permute(reshape(arange(24), [2, 3, 4]), [2, 0, 1]), { threshold: 0, edgeItems: 1 })).toBe(
      lines('[[[ 0, …,  8],', '  [12, …, 20]],', '', ' …,', '', ' [[ 3, …, 11],', '  [15, …, 23]]]'),
    );
  });

  it('reads only what it shows, on a backend that can only be read asynchronously, too, and leaves nothing behind', async () => {
    const backend = asynchronous();
    const read = vi.spyOn(backend, 'read');
    using _ = scope();
    const x = full([1000, 1000], 2.5, { backend, requiresGrad: true });
    const before = [liveTensors(), memory(backend).bytes];
    expect(await format(x)).toMatch(
      /^Tensor\(float32 \[1000, 1000\], on asynchronous, requires grad\)\n\[\[2.5, 2.5, 2.5, …, 2.5, 2.5, 2.5\],\n/,
    );
    expect(read.mock.results).toHaveLength(1);
    expect(((await read.mock.results[0]!.value) as Float32Array).length).toBe(36);
    expect([liveTensors(), memory(backend).bytes]).toEqual(before);
  });

  it('shows the header alone of a tensor that is gone or not there yet', async () => {
    using _ = scope();
    const w = param([2], (shape) => () => ones(shape));
    expect(await format(w)).toBe('Tensor(float32 [2], not initialized yet, requires grad)');
    w.dispose();
    expect(await format(w)).toBe('Tensor(float32 [2], disposed, requires grad)');
    expect(await format(zeros([2, 0]))).toBe('Tensor(float32 [2, 0], on cpu)\n[[],\n []]');
  });

  it('refuses what it cannot show', async () => {
    using _ = scope();
    await expect(format([1] as never)).rejects.toThrow(BackendError);
    await expect(format(ones([1]), { precision: 0 })).rejects.toThrow(/^format: precision: expected an integer from 1 to 17, got 0/);
    await expect(format(ones([1]), { edgeItems: 1.5 })).rejects.toThrow(ValueError);
  });
});

it('print writes to the console what format gives', async () => {
  using _ = scope();
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const x = randn([3], { rng: new Rng(1) });
  expect(await print(x, { precision: 3 })).toBeUndefined();
  expect(log.mock.calls).toEqual([[await format(x, { precision: 3 })]]);
});

it('x.print() writes String(x), and waits for the values where it must', async () => {
  using _ = scope();
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const x = ones([2, 2]);
  await x.print();
  await full([2], 2.5, { backend: asynchronous() }).print();
  expect(log.mock.calls).toEqual([[String(x)], ['Tensor(float32 [2], on asynchronous) [2.5,2.5]']]);
});
