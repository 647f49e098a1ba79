import { type Backend, type BinaryOp, cpu, type DeviceBuffer, LifetimeError, type UnaryOp, ValueError } from '@multihead/tensor';
import { matchers } from '@multihead/tensor/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { erf, erfc } from '../src/cpu/erf.js';
import type { DType, TypedArray } from '../src/dtype.js';

expect.extend(matchers);

/*
 * `describeBackend` holds every backend against this one, so what this one gives is pinned here to numbers had elsewhere: by hand or from
 * Python's math module.
 */

let backend: Backend;
beforeEach(() => {
  backend = cpu();
});

function put(data: TypedArray): DeviceBuffer {
  const dtype =
    data instanceof Float64Array ? 'float64' : data instanceof Float32Array ? 'float32' : data instanceof Int32Array ? 'int32' : 'bool';
  const buffer = backend.alloc(data.length, dtype);
  backend.write(buffer, data);
  return buffer;
}

const f64 = (...numbers: number[]): DeviceBuffer => put(Float64Array.from(numbers));
const f32 = (...numbers: number[]): DeviceBuffer => put(Float32Array.from(numbers));
const i32 = (...numbers: number[]): DeviceBuffer => put(Int32Array.from(numbers));

/** The elements of a new buffer that `fill` has written to. */
function result(dtype: DType, length: number, fill: (out: DeviceBuffer) => void): number[] {
  const out = backend.alloc(length, dtype);
  fill(out);
  return Array.from(backend.readSync!(out));
}

const unary = (op: UnaryOp, ...x: number[]): number[] => result('float64', x.length, (out) => backend.kernels.unary(op, out, f64(...x)));
const pairs = (op: BinaryOp, a: DeviceBuffer, b: DeviceBuffer, dtype: DType = a.dtype): number[] =>
  result(dtype, a.length, (out) => backend.kernels.binary(op, [a.length], out, a, [1], b, [1]));

const { NaN: nan } = Number;
const tight = { rtol: 1e-14, atol: 0 };

describe('functions of one number', () => {
  it('erf and erfc to the last digits, on all three intervals', () => {
    // Python's math.erf and math.erfc.
    const want: [x: number, erf: number, erfc: number][] = [
      [1e-300, 1.1283791670955126e-300, 1],
      [0.1, 0.1124629160182849, 0.8875370839817152],
      [0.46875, 0.49261347321793797, 0.507386526782062],
      [0.5, 0.5204998778130465, 0.4795001221869535],
      [1, 0.8427007929497149, 0.15729920705028513],
      [2, 0.9953222650189527, 0.004677734981047265],
      [4, 0.9999999845827421, 1.541725790028002e-8],
      [4.5, 0.9999999998033839, 1.9661604415428873e-10],
      [6, 1, 2.1519736712498916e-17],
      [-0.3, -0.3286267594591274, 1.3286267594591274],
      [-5, -0.9999999999984626, 1.9999999999984626],
    ];
    for (const [x, y, complement] of want) {
      expect(erf(x)).toBeAllclose(y, tight);
      expect(erfc(x)).toBeAllclose(complement, tight);
    }
    expect([erf(Infinity), erf(-Infinity), erf(nan), erfc(30), erfc(-30)]).toEqual([1, -1, nan, 0, 2]);
    expect(Object.is(erf(-0), -0)).toBe(true);
  });

  it('round goes to the even neighbour', () => {
    const x = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994, 2.4, -2.6, 2251799813685249.5, nan, Infinity];
    expect(unary('round', ...x)).toBeAllclose([0, 2, 2, 0, -2, -2, 0, 2, -3, 2251799813685250, nan, Infinity]);
  });

  it('NaN comes through, also through sign and relu', () => {
    for (const op of ['sign', 'relu', 'abs', 'gelu', 'geluTanh', 'silu', 'sigmoid', 'erf', 'floor', 'square'] as const) {
      expect(unary(op, nan)).toEqual([nan]);
    }
    expect(unary('sign', -3, 0, 2)).toEqual([-1, 0, 1]);
    expect(result('bool', 3, (out) => backend.kernels.unary('isnan', out, f64(1, nan, Infinity)))).toEqual([0, 1, 0]);
    expect(result('bool', 2, (out) => backend.kernels.unary('logicalNot', out, put(Uint8Array.from([0, 1]))))).toEqual([1, 0]);
  });

  it('the activations have their textbook values', () => {
    // By Python's math module.
    expect(unary('gelu', -1, 0, 0.5, 3)).toBeAllclose([-0.15865525393145707, 0, 0.34573123063700656, 2.99595030590511], tight);
    expect(unary('gelu', -12)).toBeAllclose([-2.1317785344932424e-32], { rtol: 1e-13, atol: 0 }); // no cancellation
    expect(unary('geluTanh', -1, 0.5, 3)).toBeAllclose([-0.15880800939172324, 0.34571400982514394, 2.996362607918227], tight);
    expect(unary('silu', -1, 0.5, 3)).toBeAllclose([-0.2689414213699951, 0.3112296656009273, 2.8577223804672998], tight);
    expect(unary('sigmoid', -800, -1, 0, 800)).toBeAllclose([0, 0.2689414213699951, 0.5, 1], tight);
    expect(unary('rsqrt', 4, 0, Infinity)).toEqual([0.5, Infinity, 0]);
    expect(unary('expm1', 1e-10)).toBeAllclose([1.00000000005e-10], tight);
    expect(unary('log1p', 1e-10)).toBeAllclose([9.9999999995e-11], tight);
  });
});

describe('functions of two numbers', () => {
  it('pow is that of C', () => {
    const a = [1, 1, -1, -1, 2, -2, -2, 0, 0, 0, nan, nan];
    const b = [nan, Infinity, Infinity, -Infinity, 10, 3, 0.5, 0, -1, 5, 0, 1];
    expect(pairs('pow', f64(...a), f64(...b))).toEqual([1, 1, 1, 1, 1024, -8, nan, 1, Infinity, 0, 1, nan]);
  });

  it('NaN wins in maximum and minimum', () => {
    expect(pairs('maximum', f64(1, nan, nan, -0), f64(nan, 1, nan, 0))).toEqual([nan, nan, nan, 0]);
    expect(pairs('minimum', f64(1, nan, 2), f64(nan, 1, 3))).toEqual([nan, nan, 2]);
  });

  it('int32 wraps, and its quotients truncate; by zero they are 0', () => {
    const least = -(2 ** 31);
    expect(pairs('add', i32(2 ** 31 - 1), i32(1))).toEqual([least]);
    expect(pairs('mul', i32(123456789), i32(-987654321))).toEqual([Math.imul(123456789, -987654321)]);
    expect(pairs('div', i32(7, -7, 7, 5, least), i32(2, 2, -2, 0, -1))).toEqual([3, -3, -3, 0, least]);
    expect(pairs('pow', i32(2, 3, -3, 7, 1, -1, 2, 46341), i32(10, 0, 3, 20, -5, -3, -1, 2))).toEqual([
      1024,
      1,
      -27,
      Number(BigInt.asIntN(32, 7n ** 20n)),
      1,
      -1,
      0,
      Number(BigInt.asIntN(32, 46341n ** 2n)),
    ]);
  });

  it('comparisons with NaN are false, but for ne', () => {
    const outcomes = (['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const).map((op) => pairs(op, f64(nan), f64(nan), 'bool')[0]);
    expect(outcomes).toEqual([0, 1, 0, 0, 0, 0]);
  });

  it('activation gradients are slopes', () => {
    const x = [-2.5, -0.7, 0.3, 1.9];
    const eps = 1e-6;
    for (const op of ['relu', 'gelu', 'geluTanh', 'silu'] as const) {
      const [up, down] = [unary(op, ...x.map((v) => v + eps)), unary(op, ...x.map((v) => v - eps))];
      const slopes = up.map((v, i) => ((v - down[i]!) / (2 * eps)) * 3);
      expect(pairs(`${op}Grad`, f64(...x), f64(3, 3, 3, 3))).toBeAllclose(slopes, { rtol: 1e-8, atol: 1e-8 });
    }
    expect(pairs('tanhGrad', f64(0.6), f64(2))).toBeAllclose([2 * (1 - 0.36)], tight); // from the output of tanh
    expect(pairs('sigmoidGrad', f64(0.25), f64(2))).toBeAllclose([2 * 0.25 * 0.75], tight);
    expect(pairs('reluGrad', f64(0, nan, -1), f64(5, 5, 5))).toEqual([0, 5, 0]);
  });
});

describe('sums', () => {
  it('of float32 are rounded once', () => {
    const n = 1_000_000;
    const x = new Float32Array(n).fill(0.1);
    x[0] = 1e7;
    const [sum] = result('float32', 1, (out) => backend.kernels.reduce('sum', out, put(x), { outer: 1, n, inner: 1 }));
    expect(sum).toBe(Math.fround(1e7 + (n - 1) * Math.fround(0.1)));
  });

  it('of float64 are pairwise', () => {
    const n = 1_000_000;
    const [sum] = result('float64', 1, (out) =>
      backend.kernels.reduce('sum', out, put(new Float64Array(n).fill(0.1)), { outer: 1, n, inner: 1 }),
    );
    expect(Math.abs(sum! - 100_000)).toBeLessThan(1e-9); // one accumulator: 1.3e-6
  });

  it('of matrix products are rounded once', () => {
    const args = {
      batch: 1,
      m: 1,
      n: 1,
      k: 3,
      aBatchStride: 0,
      bBatchStride: 0,
      transA: false,
      transB: false,
      alpha: 1,
      accumulate: false,
    };
    expect(result('float32', 1, (out) => backend.kernels.matmul(out, f32(1e8, 1, -1e8), f32(1, 1, 1), args))).toEqual([1]);
  });

  it('over nothing give the identity that the dtype has', () => {
    const axis = { outer: 1, n: 0, inner: 1 };
    const over = (op: 'sum' | 'prod' | 'max' | 'min', dtype: DType) =>
      result(dtype, 1, (out) => backend.kernels.reduce(op, out, backend.alloc(0, dtype), axis))[0];
    expect([over('sum', 'float32'), over('prod', 'float32'), over('max', 'float32'), over('min', 'float64')]).toEqual([
      0,
      1,
      -Infinity,
      Infinity,
    ]);
    expect([over('max', 'int32'), over('min', 'int32'), over('max', 'bool'), over('min', 'bool')]).toEqual([-(2 ** 31), 2 ** 31 - 1, 0, 1]);
  });
});

describe('matmul, gather, unfold', () => {
  it('multiply, transpose, scale and add up', () => {
    const base = {
      batch: 1,
      m: 2,
      n: 2,
      k: 3,
      aBatchStride: 0,
      bBatchStride: 0,
      transA: false,
      transB: false,
      alpha: 1,
      accumulate: false,
    };
    const [a, b] = [f64(1, 2, 3, 4, 5, 6), f64(7, 8, 9, 10, 11, 12)];
    const run = (more: Partial<typeof base>) => result('float64', 4, (out) => backend.kernels.matmul(out, a, b, { ...base, ...more }));
    expect(run({})).toEqual([58, 64, 139, 154]); // [1 2 3; 4 5 6] · [7 8; 9 10; 11 12]
    expect(run({ transB: true })).toEqual([50, 68, 122, 167]); // · [7 8 9; 10 11 12]ᵀ
    expect(run({ transA: true })).toEqual([89, 98, 116, 128]); // [1 2; 3 4; 5 6]ᵀ ·
    expect(run({ alpha: -2 })).toEqual([-116, -128, -278, -308]);
  });

  it('pick rows, and name the id that is none', () => {
    const table = f64(1, 2, 3, 4, 5, 6);
    expect(result('float64', 4, (out) => backend.kernels.gather(out, table, i32(2, 0), 2))).toEqual([5, 6, 1, 2]);
    const gather = () => backend.kernels.gather(backend.alloc(4, 'float64'), table, i32(0, 3), 2);
    expect(gather).toThrow(ValueError);
    expect(gather).toThrow(/gather: ids: expected ids from 0 to 2 .*got 3 at position 1/);
    const sums = f64(0, 0, 0);
    expect(() => backend.kernels.scatter('sum', sums, f64(1, 1), i32(1, -1), 1)).toThrow(/got -1 at position 1/);
    expect(Array.from(backend.readSync!(sums))).toEqual([0, 0, 0]); // nothing was added before the check
  });

  it('lay windows side by side', () => {
    const window = {
      batch: 1,
      channels: 1,
      input: [2, 3],
      output: [2, 2],
      kernel: [2, 2],
      stride: [1, 2],
      dilation: [1, 1],
      padding: [0, 1],
    } as const;
    // rows: kernel positions; columns: windows. [1 2 3; 4 5 6], a column of zeros before and rows beyond the end as zeros
    const x = f64(1, 2, 3, 4, 5, 6);
    expect(result('float64', 16, (out) => backend.kernels.unfold(out, x, window))).toEqual([
      0, 2, 0, 5, 1, 3, 4, 6, 0, 5, 0, 0, 4, 6, 0, 0,
    ]);
    const columns = f64(...Array.from({ length: 16 }, () => 1));
    expect(result('float64', 6, (out) => backend.kernels.fold(out, columns, window))).toEqual([1, 1, 1, 2, 2, 2]);
  });
});

describe('storage', () => {
  it('counts what lives', () => {
    expect(backend.memory()).toEqual({ buffers: 0, bytes: 0 });
    const buffers = (['float32', 'float64', 'int32', 'bool'] as const).map((dtype) => backend.alloc(3, dtype));
    expect(backend.memory()).toEqual({ buffers: 4, bytes: 12 + 24 + 12 + 3 });
    for (const buffer of buffers) backend.free(buffer);
    expect(backend.memory()).toEqual({ buffers: 0, bytes: 0 });
  });

  it('is of one backend alone', () => {
    const other = cpu();
    const buffer = backend.alloc(1, 'bool');
    expect(() => other.free(buffer)).toThrow(LifetimeError);
    expect(other.memory()).toEqual({ buffers: 0, bytes: 0 });
  });

  it('throws after the end: free twice, use after free, use after dispose', () => {
    const buffer = f64(1, 2);
    backend.free(buffer);
    expect(() => backend.free(buffer)).toThrow(LifetimeError);
    expect(() => backend.readSync!(buffer)).toThrow(/float64 buffer of 2 elements was used after it was freed/);
    expect(() => backend.kernels.fill(buffer, 1)).toThrow(LifetimeError);
    const other = f64(1);
    backend.dispose();
    expect(() => backend.readSync!(other)).toThrow(LifetimeError);
    expect(() => backend.alloc(1, 'bool')).toThrow(LifetimeError);
    expect(() => backend.free(other)).not.toThrow(); // scopes and finalizers still run
    expect(backend.memory()).toEqual({ buffers: 0, bytes: 0 });
  });

  it('refuses lengths and ranges that cannot be', () => {
    for (const length of [-1, 1.5, nan]) expect(() => backend.alloc(length, 'float32')).toThrow(ValueError);
    const buffer = f64(1, 2, 3);
    expect(() => backend.write(buffer, new Float64Array(2), 2)).toThrow(/write: expected a range inside \[0, 3\), got \[2, 4\)/);
    expect(() => backend.write(buffer, new Float64Array(1), -1)).toThrow(ValueError);
    expect(() => backend.readSync!(buffer, 2, 4)).toThrow(ValueError);
    expect(() => backend.readSync!(buffer, 2, 1)).toThrow(ValueError);
  });

  it('refuses views that leave their buffer', () => {
    const [x, out] = [f64(1, 2, 3, 4), f64(0, 0, 0, 0)];
    const dense = { offset: 0, strides: [2, 1] };
    const copy = (outView: typeof dense, xView: typeof dense) => () => backend.kernels.copy([2, 2], out, outView, x, xView);
    expect(copy(dense, { offset: 0, strides: [3, 1] })).toThrow(/copy: x: expected a view inside 4 elements, got one from 0 to 4/);
    expect(copy({ offset: 0, strides: [-1, 1] }, dense)).toThrow(/copy: out: .* from -1 to 1/);
    expect(copy(dense, { offset: 3, strides: [-2, -1] })).not.toThrow();
  });
});
