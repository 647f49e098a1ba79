import {
  add,
  AnomalyError,
  checkpoint,
  cpu,
  customGradient,
  detectAnomaly,
  div,
  exp,
  isRecording,
  liveTensors,
  log,
  mean,
  mul,
  noGrad,
  reshape,
  scope,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  ValueError,
  where,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it, vi } from 'vitest';
import { asynchronous } from './asynchronous.js';

/** The message of the AnomalyError with which `fn` fails. */
async function anomaly(fn: () => unknown): Promise<string> {
  const error = await detectAnomaly(fn).then(
    () => new Error('nothing was thrown'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AnomalyError);
  return (error as Error).message;
}

describe.each([
  ['at once', cpu],
  ['when it can be read', asynchronous],
])('detectAnomaly, which reads %s,', (_, make) => {
  const sync = make === cpu;
  const backend = make();
  const leaf = (data: number[]) => tensor(data, { backend, requiresGrad: true });
  /** What is told of a tensor where it can be read. */
  const about = (shape: string, range: string) => (sync ? `${shape} ${range}` : shape);

  it('names the operation whose output first became NaN', async () => {
    using _ = scope();
    const x = leaf([-1, 4, 9]);
    expect(await anomaly(() => mean(mul(exp(sqrt(x)), 2)))).toBe(
      `detectAnomaly: the output [3] of sqrt holds NaN; its inputs: ${about('[3]', 'from -1 to 9')}`,
    );
    const y = leaf([0, 1]);
    expect(await anomaly(() => div(y, mul(y, 0)))).toMatch(/the output \[2\] of div holds NaN; its inputs: \[2\].*, \[2\]/);
    expect(await anomaly(() => noGrad(() => log(sub(y, 2))))).toMatch(/of log holds/);
  });

  it('names the input whose gradient first became NaN, and its operation', async () => {
    using _ = scope();
    const x = leaf([0, 4]);
    const infinite = () => sum(mul(sqrt(x), tensor([0, 1], { backend }))).backward(); // 0 · ∞
    expect(await anomaly(infinite)).toBe(
      `detectAnomaly: the gradient of input 0 [2] of sqrt holds NaN; the gradient of its output: ${about('[2]', 'from 0 to 1')}; ` +
        `its output: ${about('[2]', 'from 0 to 2')}; its inputs: ${about('[2]', 'from 0 to 4')}`,
    );
    const untaken = () => sum(where(tensor([true, false], { backend }), 1, div(x, x))).backward(); // 0 / 0, not looked at
    expect(await anomaly(untaken)).toMatch(/^detectAnomaly: the output \[2\] of div holds NaN/);
  });

  it('says where NaN was there before', async () => {
    using _ = scope();
    const x = leaf([1, Number.NaN]);
    expect(await anomaly(() => add(x, 1))).toBe(
      `detectAnomaly: the output [2] of add holds NaN; its inputs: ${about('[2]', 'with NaN')}, ${about('[]', 'from 1 to 1')}`,
    );
    const y = leaf([1, 2]);
    const seed = tensor([Number.NaN, 1], { backend });
    const message = await anomaly(() => square(y).backward(seed));
    expect(message).toMatch(/^detectAnomaly: the gradient of input 0 \[2\] of square holds NaN; the gradient of its output: \[2\]/);
    if (sync) expect(message).toMatch(/the gradient of its output: \[2\] with NaN/);
  });

  it('looks into checkpoints and custom gradients', async () => {
    using _ = scope();
    const x = leaf([0, 4]);
    const root = () =>
      sum(
        mul(
          checkpoint((t) => mul(sqrt(t), 1), [x]),
          tensor([0, 1], { backend }),
        ),
      ).backward();
    expect(await anomaly(root)).toMatch(/the gradient of input 0 \[2\] of sqrt/);
    const broken = customGradient(
      (t: Tensor) => ({ output: t }),
      (dy) => [sub(div(dy, 0), div(dy, 0))],
      { name: 'broken' },
    );
    expect(await anomaly(() => sum(broken(x)).backward())).toMatch(/the gradient of input 0 \[2\] of broken/);
    expect(await anomaly(() => checkpoint((t) => log(sub(t, 1)), [x]))).toMatch(/the output \[2\] of log/);
  });

  it('says nothing of infinities, integers, empty tensors, and of NaN in numbers that nothing was made of', async () => {
    using _ = scope();
    const x = leaf([0, 1]);
    const result = await detectAnomaly(() => {
      const y = sum(mul(log(x), 1));
      sum(zeros([0], { backend })).dispose();
      reshape(transpose(tensor([[1, 2]], { backend, dtype: 'int32' })), [2]);
      return [y, tensor([Number.NaN], { backend })];
    });
    expect(await result[0]!.item()).toBe(Number.NEGATIVE_INFINITY);
    expect(await result[1]!.item()).toBeNaN();
  });

  it('gives the result of a step that is sound, and leaves nothing behind', async () => {
    using _ = scope();
    const x = leaf([1, 2]);
    const loss = await detectAnomaly(() => {
      const y = sum(softmax(square(x)));
      y.backward();
      return y;
    });
    expect(await loss.item()).toBeCloseTo(1);
    expect(x.grad).not.toBeNull();
    // Over afterwards: NaN is NaN again, also in gradients of what was recorded inside.
    expect(() => sqrt(leaf([-1]))).not.toThrow();
    const before = liveTensors();
    const y = await detectAnomaly(() => sqrt(x));
    y.backward(tensor([Number.NaN, 1], { backend }));
    expect(liveTensors() - before).toBe(2); // y and the seed
    expect(await anomaly(() => sqrt(mul(x, -1)))).toMatch(/sqrt/);
    expect(isRecording()).toBe(true);
  });

  it('refuses an asynchronous function', async () => {
    await expect(detectAnomaly(async () => 1)).rejects.toThrow(ValueError);
    const fails = () => {
      throw new TypeError('its own error');
    };
    await expect(detectAnomaly(fails)).rejects.toThrow('its own error');
  });
});

it('with a synchronous backend, detectAnomaly stops at the operation', async () => {
  using _ = scope();
  const later = vi.fn();
  const bad = () => sqrt(tensor([-1]));
  const error = await detectAnomaly(() => {
    bad();
    later();
  }).catch((reason: unknown) => reason);
  expect(later).not.toHaveBeenCalled();
  expect((error as Error).stack).toMatch(/bad/);
});
