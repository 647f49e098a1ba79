import { apply, contiguous, exp, mul, noGradient, Rng, square, sum, type Tensor, tensor } from '@multihead/tensor';
import { failOnLeak, gradcheck, gradgradcheck, liveTensors } from '@multihead/tensor/testing';
import { describe, expect, it } from 'vitest';

failOnLeak();

/** x³ with a vjp of our choosing. */
function cube(x: Tensor, vjp: (x: Tensor, dy: Tensor) => Tensor | null): Tensor {
  const dense = contiguous(x);
  const kernel: Parameters<typeof apply>[4] = (out, backend) => {
    backend.write(
      out,
      (backend.readSync!(dense.buffer) as Float64Array).map((v) => v ** 3),
    );
  };
  return apply('cube', { dense }, x.shape, x.dtype, kernel, (dy) => [() => vjp(dense, dy)]);
}

const right = (x: Tensor, dy: Tensor): Tensor => mul(dy, mul(square(x), 3));

/** Runs `check` on float64 data of `n` elements. */
function on(n: number, check: (x: Tensor) => void): void {
  const rng = new Rng(5);
  const x = tensor(Float64Array.from({ length: n }, () => rng.uniform() + 0.5));
  try {
    check(x);
  } finally {
    x.dispose();
  }
}

describe('gradcheck', () => {
  it('passes a right gradient, elementwise and along a random direction', () => {
    for (const n of [1, 7, 64, 65, 300]) on(n, (x) => gradcheck((v) => cube(v, right), [x]));
  });

  it('fails a gradient of the wrong size', () => {
    for (const n of [1, 7, 200]) {
      on(n, (x) => expect(() => gradcheck((v) => cube(v, (_, dy) => mul(dy, mul(square(_), 3.02))), [x])).toThrow(/central differences/));
    }
  });

  it('fails a gradient that is wrong in one place only, naming it', () => {
    const mask = Float64Array.from({ length: 7 }, (_, i) => (i === 4 ? 0 : 1));
    const wrong = (x: Tensor, dy: Tensor): Tensor => mul(right(x, dy), tensor(mask));
    on(7, (x) => expect(() => gradcheck((v) => cube(v, wrong), [x])).toThrow(/d output\[4\] \/ d inputs\[0\]\[4\]/));
  });

  it('fails a missing gradient', () => {
    on(3, (x) => expect(() => gradcheck((v) => sum(cube(v, () => null)), [x])).toThrow(/got 0/));
    const cut = (v: Tensor): Tensor => apply('cut', { v }, v.shape, v.dtype, (out, { kernels }) => kernels.cast(out, v.buffer), noGradient);
    on(3, (x) => expect(() => gradcheck(cut, [x])).toThrow(/does not depend on its inputs/));
  });

  it('fails a gradient that is not the same twice', () => {
    let calls = 0;
    const fickle = (x: Tensor, dy: Tensor): Tensor => mul(right(x, dy), 1 + 1e-12 * calls++);
    on(3, (x) => expect(() => gradcheck((v) => cube(v, fickle), [x])).toThrow(/computed twice, differs/));
  });

  it('checks every input and passes on what is no float', () => {
    const ids = tensor(Int32Array.from([1, 2]));
    on(4, (x) => gradcheck((a, _ids, b) => mul(a, exp(b)), [x, ids, x]));
    on(4, (x) =>
      expect(() =>
        gradcheck(
          (a, b) =>
            mul(
              a,
              cube(b, (_, dy) => dy),
            ),
          [x, x],
        ),
      ).toThrow(/inputs\[1\]/),
    );
    ids.dispose();
  });

  it('refuses float32, in which differences say nothing', () => {
    const x = tensor([1, 2]);
    expect(() => gradcheck(square, [x])).toThrow(/inputs\[0\].*float64/);
    x.dispose();
  });

  it('leaves no tensors behind when it fails', () => {
    const before = liveTensors();
    on(3, (x) => expect(() => gradcheck((v) => cube(v, (_, dy) => dy), [x])).toThrow());
    expect(liveTensors()).toBe(before);
  });
});

describe('gradgradcheck', () => {
  it('passes a right second derivative, also where it is 0', () => {
    on(5, (x) => gradgradcheck((v) => cube(v, right), [x]));
    on(5, (x) => gradgradcheck((v) => mul(v, 3), [x]));
  });

  it('fails a gradient whose own gradient is wrong', () => {
    // 3x² is right, but its tape says that it is constant.
    const constant = (x: Tensor, dy: Tensor): Tensor => mul(dy, mul(square(tensor(x.dataSync(), { shape: x.shape })), 3));
    on(5, (x) => gradcheck((v) => cube(v, constant), [x]));
    on(5, (x) => expect(() => gradgradcheck((v) => cube(v, constant), [x])).toThrow(/central differences/));
  });
});
