export { type Adjoint, Tensor, liveTensors, type NestedArray } from './tensor.js';
export type { DType, TypedArray } from './dtype.js';
export type { Shape } from './shape.js';
export {
  type CreateOptions,
  arange,
  eye,
  full,
  fullLike,
  linspace,
  logspace,
  ones,
  onesLike,
  tensor,
  zeros,
  zerosLike,
} from './ops/create.js';
export type { NestedNumbers } from './ops/data.js';
export {
  type RandomOptions,
  bernoulli,
  categorical,
  normal,
  permutation,
  rand,
  randn,
  truncatedNormal,
  uniform,
} from './ops/sampling.js';
export type { Operand } from './ops/elementwise.js';
export {
  eq,
  ne,
  lt,
  le,
  gt,
  ge,
  logicalAnd,
  logicalOr,
  logicalXor,
  logicalNot,
  isnan,
  isinf,
  isfinite,
  where,
  maskedFill,
  nanToNum,
} from './ops/compare.js';
export {
  neg,
  abs,
  square,
  reciprocal,
  frac,
  add,
  sub,
  mul,
  div,
  floorDivide,
  remainder,
  fmod,
  lerp,
  maximum,
  minimum,
  clamp,
} from './ops/arithmetic.js';
export { sign, floor, ceil, round, trunc } from './ops/rounding.js';
export { sqrt, rsqrt, pow, exp, exp2, expm1, log, log2, log10, log1p, erf } from './ops/math.js';
export { sin, cos, tan, asin, acos, atan, atan2, sinh, cosh, tanh, asinh, acosh, atanh } from './ops/trigonometry.js';
export { logaddexp, logcumsumexp } from './ops/log-space.js';
export { relu, sigmoid, gelu, geluTanh, silu, quickGelu, softplus, logSigmoid, mish } from './ops/activation.js';
export { leakyRelu, prelu, reluSquared, threshold, elu, celu, selu } from './ops/rectifier.js';
export { hardtanh, relu6, hardSigmoid, hardSwish, softsign, tanhshrink, hardshrink, softshrink } from './ops/hard.js';
export { glu, swiglu, geglu } from './ops/glu.js';
export { type ReduceOptions, all, amax, amin, any, logsumexp, mean, prod, std, sum, variance } from './ops/reduce.js';
export { type ExtremeOptions, type ValuesAndIndices, argmax, argmin, max, min } from './ops/extreme.js';
export { type CumulativeOptions, cummax, cummin, cumprod, cumsum } from './ops/cumulative.js';
export { cosineSimilarity, norm, normalize } from './ops/vector-norm.js';
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
export { type GroupNormOptions, groupNorm, instanceNorm } from './ops/group-norm.js';
export {
  type BatchNormOptions,
  type BatchNormTrained,
  type BatchNormTrainOptions,
  type ChannelStatistics,
  batchNorm,
  batchNormTrain,
} from './ops/batch-norm.js';
export { type ConvOptions, conv1d, conv2d } from './ops/conv.js';
export { type ConvTransposeOptions, convTranspose1d, convTranspose2d } from './ops/conv-transpose.js';
export { type Col2imOptions, type Im2colOptions, col2im, im2col } from './ops/im2col.js';
export { type MaxPoolOptions, maxPool1d, maxPool1dWithIndices, maxPool2d, maxPool2dWithIndices } from './ops/max-pool.js';
export { type AvgPoolOptions, adaptiveAvgPool1d, adaptiveAvgPool2d, avgPool1d, avgPool2d } from './ops/pool.js';
export { type InterpolateOptions, interpolate } from './ops/interpolate.js';
export type { PerAxis, WindowOptions, WindowPadding } from './ops/window.js';
export { type AttentionOptions, attention, attentionWeights } from './ops/attention.js';
export { attentionWithLse } from './ops/attention-lse.js';
export { dropout } from './ops/dropout.js';
export { type RopeOptions, rope } from './ops/rope.js';
export { gated } from './ops/gated.js';
export { type QuantizedWeight, dequantize, linearQ } from './ops/linear-q.js';
export { type QuantizeOptions, quantize, quantizeData } from './quantize.js';
export { type CrossEntropyOptions, type NllLossOptions, crossEntropy, nllLoss } from './ops/cross-entropy.js';
export {
  type LossOptions,
  type Reduction,
  bceLoss,
  bceWithLogits,
  huberLoss,
  klDiv,
  l1Loss,
  mseLoss,
  smoothL1Loss,
} from './ops/loss.js';
export { adamStep, assign } from './ops/optim.js';

export { type Vjp, apply, compute, grad, noGradient, record, valueAndGrad } from './autograd.js';
export { type CustomContext, type CustomForward, customGradient } from './custom-gradient.js';
export { checkpoint } from './checkpoint.js';
export type { Outputs } from './joint.js';
export { detectAnomaly } from './anomaly.js';
export { composed, isRecording, noGrad } from './mode.js';
export { Scope, keep, scope, tidy } from './scope.js';
export { type Memory, memory, resetPeakMemory } from './memory.js';
export { type FormatOptions, format, print } from './format.js';
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
  GateActivation,
  HeadView,
  Kernels,
  LinearArgs,
  LinearQArgs,
  MatmulArgs,
  NormArgs,
  RandomArgs,
  ReduceOp,
  RopeArgs,
  RowsArgs,
  ScatterOp,
  StridedInput,
  UnaryOp,
  View,
  WindowArgs,
} from './backend.js';
export { activationGradOps, arithmeticOps, binaryOps, compareOps, unaryOps } from './backend.js';
export { getBackend, setBackend, withBackend } from './default-backend.js';
export { cpu } from './cpu/index.js';
export {
  AnomalyError,
  BackendError,
  DTypeError,
  GradientError,
  LifetimeError,
  MultiheadError,
  ShapeError,
  StateDictError,
  ValueError,
} from './errors.js';
