// Gradients given by hand, memory counted and traded for time, tensors printed: `pnpm example autograd`.
// #region gradients
import { customGradient, detectAnomaly, log, round, scope, square, sub, sum, type Tensor, tensor } from '@multihead/tensor';

using _ = scope();
const x = tensor([0.4, 1.6], { requiresGrad: true });
/** Rounds; the gradient passes straight through. */
const roundThrough = customGradient(
  (input: Tensor) => ({ output: round(input) }),
  (gradient) => [gradient],
);
sum(square(roundThrough(x))).backward();
console.log(await x.grad!.toArray()); // [ 0, 4 ]

const message = await detectAnomaly(() => sum(log(sub(x, 1))).backward()).catch(String);
console.log(message); // AnomalyError: detectAnomaly: the output [2] of log holds NaN; its inputs: [2] from -0.6 to 0.6
// #endregion gradients

// #region memory
import { checkpoint, memory, ones, relu, resetPeakMemory, sin, tanh } from '@multihead/tensor';

const block = (h: Tensor) => sin(tanh(sin(tanh(relu(h)))));

/** The most kilobytes at once in a pass through 16 blocks and back. */
function peakOf(run: (h: Tensor) => Tensor): number {
  using _ = scope();
  resetPeakMemory();
  const blocks = new Array(16).fill(run);
  sum(blocks.reduce((h, through) => through(h), ones([1000], { requiresGrad: true }))).backward();
  return Math.round(memory().peakBytes / 1000);
}
const checkpointed = (h: Tensor) => checkpoint(block, [h]);
console.log([block, checkpointed].map(peakOf)); // [ 336, 104 ]
// #endregion memory

// #region printing
import { arange, print } from '@multihead/tensor';

console.log(arange(100)); // Tensor(int32 [100], on cpu) [ 0,  1,  2, …, 97, 98, 99]
await print(tensor([1, 2.5, -30, 0.125], { shape: [2, 2] })); // in full, on any backend
// Tensor(float32 [2, 2], on cpu)
// [[  1.000,   2.500],
//  [-30.000,   0.125]]
// #endregion printing
