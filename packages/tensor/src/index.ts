export { Tensor, liveTensors, type NestedArray } from './tensor.js';
export type { DType, TypedArray } from './dtype.js';
export type { Shape } from './shape.js';
export {
  type CreateOptions,
  type NestedNumbers,
  type RandomOptions,
  arange,
  bernoulli,
  eye,
  full,
  ones,
  onesLike,
  rand,
  randn,
  tensor,
  zeros,
  zerosLike,
} from './ops/create.js';
export type { Operand } from './ops/elementwise.js';
export { eq, ne, lt, le, gt, ge, logicalAnd, logicalOr, logicalNot, isnan, where, maskedFill } from './ops/compare.js';
export {
  neg,
  abs,
  sign,
  square,
  reciprocal,
  floor,
  ceil,
  round,
  trunc,
  add,
  sub,
  mul,
  div,
  remainder,
  fmod,
  maximum,
  minimum,
  clamp,
} from './ops/arithmetic.js';
export {
  sqrt,
  rsqrt,
  pow,
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  atan2,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  erf,
} from './ops/math.js';
export { relu, sigmoid, gelu, geluTanh, silu, softplus, logSigmoid, leakyRelu, elu, mish, hardSwish } from './ops/activation.js';
export { type ReduceOptions, amax, amin, argmax, argmin, logsumexp, mean, prod, std, sum, variance } from './ops/reduce.js';
export { cast, expand, flatten, movedim, permute, reshape, squeeze, transpose, unflatten, unsqueeze } from './ops/view.js';
export { chunk, flip, narrow, select, slice, split, unbind } from './ops/slice.js';
export { type DiagonalOptions, diag, diagonal, trace, tril, triu } from './ops/diagonal.js';
export { slidingWindowView } from './ops/windows.js';
export { concat, roll, stack } from './ops/join.js';
export { type PadMode, type PadOptions, pad } from './ops/pad.js';
export { repeatInterleave, tile } from './ops/tile.js';
export { broadcastTo, contiguous, detach } from './autograd.js';
export { type LinearOptions, linear, matmul } from './ops/matmul.js';
export { dot, inner, kron, outer, tensordot } from './ops/products.js';
export { einsum } from './ops/einsum.js';
export { type EmbeddingOptions, embedding, indexSelect, oneHot, take, takeAlong } from './ops/indexing.js';
export { index, indexPut } from './ops/advanced-index.js';
export { indexAdd, indexCopy, indexFill } from './ops/index-update.js';
export { type ScatterReduceOptions, scatter, scatterAdd, scatterReduce } from './ops/scatter.js';
export { type Ordered, type SortOptions, type TopkOptions, argsort, sort, topk } from './ops/order.js';
export { maskedSelect, nonzero } from './ops/nonzero.js';
export { type BincountOptions, type Unique, type UniqueOptions, bincount, unique } from './ops/unique.js';
export { logSoftmax, softmax } from './ops/softmax.js';
export { type NormOptions, layerNorm, rmsNorm } from './ops/norm.js';
export { type AttentionOptions, attention, attentionWeights } from './ops/attention.js';
export { dropout } from './ops/dropout.js';
export { type CrossEntropyOptions, type Reduction, bceWithLogits, crossEntropy, l1Loss, mseLoss, smoothL1Loss } from './ops/loss.js';
export { adamStep, assign } from './ops/optim.js';

export { type Vjp, apply, compute, grad, noGradient, record, valueAndGrad } from './autograd.js';
export { composed, isRecording, noGrad } from './mode.js';
export { Scope, keep, scope, tidy } from './scope.js';
export {
  type Initializer,
  type StateKey,
  type TensorData,
  dispose,
  drawn,
  freeze,
  loadStateDict,
  move,
  param,
  parameters,
  readState,
  stateDict,
  to,
} from './tree.js';
export { Rng, type RngState, fillRandom } from './random.js';

export type {
  Activation,
  AdamArgs,
  AttentionArgs,
  AttentionGrads,
  AttentionSaved,
  AxisView,
  Backend,
  BinaryOp,
  CrossEntropyArgs,
  DeviceBuffer,
  Fused,
  HeadView,
  Kernels,
  LinearArgs,
  MatmulArgs,
  NormArgs,
  RandomArgs,
  ReduceOp,
  RowsArgs,
  StridedInput,
  UnaryOp,
  View,
  WindowArgs,
} from './backend.js';
export { activationGradOps, arithmeticOps, binaryOps, compareOps, unaryOps } from './backend.js';
export { getBackend, setBackend, withBackend } from './default-backend.js';
export { cpu } from './cpu/index.js';
export {
  BackendError,
  DTypeError,
  GradientError,
  LifetimeError,
  MultiheadError,
  ShapeError,
  StateDictError,
  ValueError,
} from './errors.js';
