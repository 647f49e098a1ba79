import type { DType, View } from '@multihead/tensor';
import { expect, it } from 'vitest';
import { oddSizes, onBothBuilds } from './harness.js';

onBothBuilds('copy', (bench) => {
  function check(shape: number[], outLength: number, outView: View, xLength: number, xView: View, dtype: DType = 'int32'): void {
    const x = Array.from({ length: xLength }, (_, i) => (dtype === 'bool' ? ((i * 7) % 3) & 1 : i + 1));
    const expected = new Array<number>(outLength).fill(0);
    const n = shape.reduce((a, b) => a * b, 1);
    for (let i = 0; i < n; i++) {
      let [left, to, from] = [i, outView.offset, xView.offset];
      for (let d = shape.length - 1; d >= 0; d--) {
        const at = left % shape[d]!;
        left = Math.floor(left / shape[d]!);
        to += at * outView.strides[d]!;
        from += at * xView.strides[d]!;
      }
      expected[to] = x[from]!;
    }
    const out = bench.out(outLength, dtype);
    const from = bench.put(x, dtype);
    bench.backend.kernels.copy(shape, out, outView, from, xView);
    expect(bench.get(out)).toEqual(expected);
    bench.backend.free(out);
    bench.backend.free(from);
  }

  it('contiguous and two-dimensional transposes, odd sizes', () => {
    for (const r of [0, ...oddSizes]) {
      for (const c of [1, 3, 5, 33, 127]) {
        const contiguous = { offset: 0, strides: [c, 1] };
        check([r, c], r * c, contiguous, r * c, contiguous);
        check([r, c], r * c, contiguous, r * c, { offset: 0, strides: [1, r] });
        check([r, c], r * c, { offset: 0, strides: [1, r] }, r * c, contiguous);
        check([r, c], r * c, contiguous, r * c, { offset: 0, strides: [1, r] }, 'bool');
      }
    }
  });

  it('heads: [B, T, H, D] to [B, H, T, D] and back', () => {
    const [b, t, h, d] = [2, 5, 3, 7];
    const tokens = { offset: 0, strides: [t * h * d, d, h * d, 1] };
    const heads = { offset: 0, strides: [t * h * d, t * d, d, 1] };
    check([b, h, t, d], b * t * h * d, heads, b * t * h * d, tokens);
    check([b, h, t, d], b * t * h * d, tokens, b * t * h * d, heads);
    check([b, h, t, d], b * t * h * d, heads, b * t * h * d, tokens, 'bool');
  });

  it('keys transposed: [B, H, T, D] to [B, H, D, T]', () => {
    const [b, h, t, d] = [2, 3, 37, 18];
    const plane = t * d;
    check([b, h, d, t], b * h * plane, { offset: 0, strides: [h * plane, plane, t, 1] }, b * h * plane, {
      offset: 0,
      strides: [h * plane, plane, 1, d],
    });
  });

  it('slices, pads, expands, reverses, steps', () => {
    check([3, 4], 30, { offset: 7, strides: [6, 1] }, 40, { offset: 5, strides: [10, 1] });
    check([3, 4], 12, { offset: 0, strides: [4, 1] }, 4, { offset: 0, strides: [0, 1] });
    check([3, 4], 12, { offset: 0, strides: [4, 1] }, 3, { offset: 0, strides: [1, 0] });
    check([3, 4, 5], 60, { offset: 0, strides: [20, 5, 1] }, 4, { offset: 0, strides: [0, 1, 0] });
    check([9], 9, { offset: 0, strides: [1] }, 9, { offset: 8, strides: [-1] });
    check([5], 5, { offset: 0, strides: [1] }, 10, { offset: 1, strides: [2] });
    check([5, 6], 60, { offset: 1, strides: [12, 2] }, 30, { offset: 0, strides: [1, 5] });
    check([], 1, { offset: 0, strides: [] }, 3, { offset: 2, strides: [] });
    check([4, 6], 24, { offset: 0, strides: [6, 1] }, 24, { offset: 18, strides: [-6, 1] });
    check([2, 3, 4, 5], 120, { offset: 0, strides: [60, 20, 5, 1] }, 120, { offset: 0, strides: [1, 2, 6, 24] });
    check([7, 1, 600], 4200, { offset: 0, strides: [600, 600, 1] }, 4900, { offset: 0, strides: [700, 0, 1] });
  });

  it('refuses views beyond the buffer', () => {
    const { kernels } = bench.backend;
    const x = bench.out(10);
    const view = { offset: 0, strides: [1] };
    expect(() => kernels.copy([11], bench.out(20), view, x, view)).toThrow('wasm copy: x: expected at least 11 elements, got 10');
    expect(() => kernels.copy([3], bench.out(20), view, x, { offset: 1, strides: [-1] })).toThrow(/begin before the buffer/);
  });
});
