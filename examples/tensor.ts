// Arrays and gradients in a few lines: `pnpm example tensor`.
// #region tensor
import { add, matmul, mean, mul, scope, softmax, square, sub, tensor, transpose } from '@multihead/tensor';

using _ = scope(); // what is made below dies with this scope
const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
console.log(await transpose(x).toArray()); // [ [ 1, 4 ], [ 2, 5 ], [ 3, 6 ] ]
console.log(await add(mul(x, 10), tensor([1, 2, 3])).toArray()); // [ [ 11, 22, 33 ], [ 41, 52, 63 ] ]
console.log(await matmul(x, transpose(x)).toArray()); // [ [ 14, 32 ], [ 32, 77 ] ]
console.log(softmax(x).shape, await mean(x).item()); // [ 2, 3 ] 3.5
// #endregion tensor

// #region autograd
const w = tensor([1, -1, 2], { requiresGrad: true });
const loss = mean(square(sub(matmul(x, w), tensor([4, 10])))); // (5 - 4)² and (11 - 10)²
loss.backward();
console.log(await loss.item(), await w.grad!.toArray()); // 1 [ 5, 7, 9 ]
// #endregion autograd
