import {
  add,
  BackendError,
  bernoulli,
  checkpoint,
  clamp,
  composed,
  customGradient,
  cast,
  DTypeError,
  div,
  exp,
  GradientError,
  grad,
  isRecording,
  liveTensors,
  mul,
  neg,
  noGrad,
  Rng,
  round,
  ShapeError,
  scope,
  sigmoid,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  where,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it, vi } from 'vitest';
import { gradcheck, gradgradcheck } from '../src/testing/index.js';
import { messageOf, numbers } from './expectations.js';

const leaf = (data: Parameters<typeof tensor>[0]) => tensor(data, { requiresGrad: true });
const double = (data: Parameters<typeof tensor>[0]) => tensor(data, { dtype: 'float64' });

describe('customGradient', () => {
  it('gives the gradient that it was given, not the recorded one', async () => {
    using _ = scope();
    const through = customGradient(
      (x: Tensor) => ({ output: round(x) }),
      (dy) => [mul(dy, 10)],
    );
    const x = leaf([0.4, 1.6]);
    const y = through(x);
    sum(mul(y, tensor([1, 2]))).backward();
    expect(await numbers(y, x.grad)).toEqual([[0, 2], [10, 20]]); // biome-ignore format: two rows
    expect(String(y)).toMatch(/by customGradient/);
  });

  it('hands over inputs, output and what was saved; one gradient for each input, null or lazy ones among them', async () => {
    using _ = scope();
    const unwanted = vi.fn(() => null);
    const f = customGradient(
      (a: Tensor, b: Tensor, c: Tensor) => ({ output: mul(mul(a, b), c), saved: { product: mul(a, b), twice: 2 } }),
      (dy, { inputs: [a, , c], output, saved: { product, twice } }) => [
        div(mul(mul(dy, output), twice), a), // 2·b·c
        () => mul(dy, mul(a, c)),
        c.requiresGrad ? () => mul(dy, product) : unwanted,
      ],
    );
    const [a, b, c] = [leaf([2]), leaf([3]), tensor([5])];
    f(a, b, c).backward();
    expect(await numbers(a.grad, b.grad, c.grad)).toEqual([[30], [10], null]);
    expect(unwanted).not.toHaveBeenCalled();
  });

  it('passes a numerical check, and a wrong one does not', () => {
    using _ = scope();
    const logistic = (factor: number) =>
      customGradient(
        (x: Tensor) => ({ output: sigmoid(x) }),
        (dy, { output: s }) => [mul(mul(dy, factor), mul(s, sub(1, s)))],
      );
    gradcheck(logistic(1), [double([[-1, 0, 2], [3, 0.5, 1]])]); // biome-ignore format: a matrix
    expect(() => gradcheck(logistic(1.01), [double([1, 2])])).toThrow(/gradient against central differences/);
  });

  it('runs forward off the tape, and tidily', async () => {
    using _ = scope();
    const x = leaf([3]);
    const before = liveTensors();
    const inside: boolean[] = [];
    const f = customGradient(
      (t: Tensor) => {
        inside.push(isRecording());
        const s = square(t);
        return { output: add(exp(mul(t, 0)), mul(s, 2)), saved: new Map([['s', s]]) };
      },
      (dy, { saved }) => [mul(dy, saved.get('s')!)],
    );
    const y = f(x);
    expect(inside).toEqual([false]);
    expect(liveTensors() - before).toBe(2); // y, and s as long as y may want its gradient
    y.backward();
    expect(await numbers(y, x.grad)).toEqual([[19], [9]]);
    expect(liveTensors() - before).toBe(3);
    const idle = liveTensors();
    noGrad(() => f(x));
    f(tensor([1])).dispose();
    expect(liveTensors() - idle).toBe(2); // two inputs and outputs, and nothing saved for gradients that nobody can want
  });

  it('may return an input, whose own gradient goes on', async () => {
    using _ = scope();
    const reversed = customGradient(
      (x: Tensor) => ({ output: x }),
      (dy) => [neg(dy)],
      { name: 'reverse' },
    );
    const x = leaf([[1, 2], [3, 4]]); // biome-ignore format: a matrix
    const y = reversed(mul(x, 2));
    add(sum(y), sum(mul(x, 10))).backward();
    expect(y.node?.name).toBe('reverse');
    expect(await numbers(x.grad)).toEqual([[8, 8, 8, 8]]);
    expect(x.requiresGrad).toBe(true);
  });

  it('takes several outputs; the gradient of one that is not used is zero', async () => {
    using _ = scope();
    const seen: number[][] = [];
    const f = customGradient(
      (a: Tensor, b: Tensor) => ({ output: [mul(a, b), add(a, sum(b)), sum(a)] as const }),
      ([dProduct, dSum, dTotal], { inputs: [a, b], output: [, , total] }) => {
        seen.push(
          [dProduct, dSum, dTotal].flatMap((g) => Array.from(g.dataSync())),
          Array.from(total.dataSync()),
        );
        return [add(add(mul(dProduct, b), dSum), dTotal), add(mul(dProduct, a), sum(dSum))];
      },
    );
    const [a, b] = [leaf([[1, 2]]), leaf([[3, 4]])];
    const [product, shifted] = f(a, b);
    expect([product.shape, shifted.shape]).toEqual([[1, 2], [1, 2]]); // biome-ignore format: two shapes
    expect(await numbers(product, shifted)).toEqual([[3, 8], [8, 9]]); // biome-ignore format: two rows
    add(sum(product), sum(mul(shifted, 10))).backward();
    expect(seen).toEqual([[1, 1, 10, 10, 0], [3]]);
    expect(await numbers(a.grad, b.grad)).toEqual([[13, 14], [21, 22]]); // biome-ignore format: two rows
  });

  it('leaves outputs alone that are no floats', async () => {
    using _ = scope();
    const f = customGradient(
      (x: Tensor) => ({ output: [cast(x, 'int32'), x, cast(x, 'bool')] as const }),
      ([dInt, dy]) => [add(dy, dInt)],
    );
    const x = leaf([1.5, 0]);
    const [whole, same, flags] = f(x);
    expect([whole.dtype, whole.requiresGrad, flags.dtype, same.requiresGrad]).toEqual(['int32', false, 'bool', true]);
    sum(same).backward();
    expect(await numbers(whole, flags, x.grad)).toEqual([[1, 0], [1, 0], [1, 1]]); // biome-ignore format: three rows
    const onlyIntegers = customGradient(
      (t: Tensor) => ({ output: cast(t, 'int32') }),
      () => [null],
    );
    expect(onlyIntegers(x).node).toBeNull();
  });

  it('has second derivatives, through the inputs, the output and what was saved', () => {
    using _ = scope();
    const x = double([[0.3, -1.2], [2, 0.7]]); // biome-ignore format: a matrix
    const fromInputs = customGradient(
      (t: Tensor) => ({ output: mul(square(t), t) }),
      (dy, { inputs: [t] }) => [mul(dy, mul(square(t), 3))],
    );
    const fromOutput = customGradient(
      (t: Tensor) => ({ output: exp(t) }),
      (dy, { output }) => [mul(dy, output)],
    );
    const fromSaved = customGradient(
      (t: Tensor) => {
        const s = sigmoid(t);
        return { output: mul(t, s), saved: { s } };
      },
      (dy, { inputs: [t], saved: { s } }) => [mul(dy, add(s, mul(t, mul(s, sub(1, s)))))],
    );
    for (const f of [fromInputs, fromOutput, fromSaved]) {
      gradcheck(f, [x]);
      gradgradcheck(f, [x]);
    }
    const two = customGradient(
      (a: Tensor, b: Tensor) => ({ output: [mul(a, b), square(a)] }),
      ([dProduct, dSquare], { inputs: [a, b] }) => [add(mul(dProduct!, b), mul(dSquare!, mul(a, 2))), mul(dProduct!, a)],
    );
    gradgradcheck((a, b) => two(a, b).reduce((total, y) => add(total, sum(square(y))), zeros([], { dtype: 'float64' })), [x, double([[1, 2], [3, 4]])]); // biome-ignore format: a matrix
  });

  it('draws the same numbers when forward runs again for a second derivative', async () => {
    using _ = scope();
    const rng = new Rng(3);
    const f = customGradient(
      (t: Tensor) => {
        const kept = bernoulli(t.shape, 0.5, { rng });
        return { output: where(kept, square(t), 0), saved: { kept } };
      },
      (dy, { inputs: [t], saved: { kept } }) => [where(kept, mul(dy, mul(t, 2)), 0)],
    );
    const x = leaf(new Array<number>(40).fill(3));
    const y = f(x);
    const state = rng.state;
    const [first] = grad(sum(y), [x], { createGraph: true });
    const [second] = grad(sum(first!), [x]);
    expect((await y.data()).map((v) => v / 9)).toEqual((await first!.data()).map((v) => v / 6));
    expect((await second!.data()).map((v) => v / 2)).toEqual((await first!.data()).map((v) => v / 6));
    expect(rng.state).toEqual(state);
  });

  it('is an operation to all else: checkpoints, composed, broadcasting', async () => {
    using _ = scope();
    const clipped = customGradient(
      (x: Tensor) => ({ output: x }),
      (dy) => [clamp(dy, -1, 1)],
    );
    const x = leaf([1, 2]);
    composed(() => sum(checkpoint((t) => mul(clipped(mul(t, tensor([[1], [1]]))), 5), [x]))).backward();
    expect(await numbers(x.grad)).toEqual([[2, 2]]);
  });

  it('says what does not fit', () => {
    using _ = scope();
    const x = leaf([1, 2, 3]);
    const failing = (backward: (dy: Tensor) => never[] | Tensor[]) => () =>
      sum(customGradient((t: Tensor) => ({ output: mul(t, 2) }), backward, { name: 'mine' })(x)).backward();
    expect(
      messageOf(
        GradientError,
        failing(() => []),
      ),
    ).toBe('mine: backward: expected an array of 1 gradients, one for each input, got 0');
    expect(
      messageOf(
        GradientError,
        failing((dy) => dy as never),
      ),
    ).toMatch(/^mine: backward: .* got something else/);
    expect(
      messageOf(
        ShapeError,
        failing((dy) => [sum(dy)]),
      ),
    ).toBe('mine: backward: gradient 0: expected the shape [3] of the input, got []');
    expect(
      messageOf(
        DTypeError,
        failing((dy) => [cast(dy, 'int32')]),
      ),
    ).toBe('mine: backward: gradient 0: expected float32, as the input, got int32');
    expect(
      messageOf(
        BackendError,
        failing(() => [undefined as never]),
      ),
    ).toMatch(/^mine: backward: gradient 0: expected a Tensor/);
    expect([x.grad, liveTensors() > 0]).toEqual([null, true]);
    const odd = (output: never) => () => customGradient((_t: Tensor) => ({ output }), () => [])(x); // biome-ignore format: one line
    expect(messageOf(BackendError, odd(3 as never))).toMatch(/^customGradient: the output of forward: expected a Tensor, got number/);
    expect(messageOf(BackendError, odd([x, null] as never))).toMatch(/^customGradient: output 1 of forward: expected a Tensor, got null/);
    expect(messageOf(DTypeError, odd([x, double([1])] as never))).toBe(
      'customGradient: forward: expected outputs of one float type, got float32 and float64',
    );
    expect(messageOf(BackendError, () => customGradient((t: Tensor) => ({ output: t }), () => [])(1 as never))).toMatch(/inputs\[0\]/); // biome-ignore format: one line
  });
});
