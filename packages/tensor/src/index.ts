export { type Adjoint, Tensor, liveTensors, type NestedArray } from './tensor.js';
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
export {
  cast,
  chunk,
  concat,
  expand,
  flatten,
  permute,
  reshape,
  select,
  slice,
  split,
  squeeze,
  stack,
  transpose,
  unsqueeze,
} from './ops/view.js';
export { broadcastTo, contiguous, detach } from './autograd.js';
export { type LinearOptions, linear, matmul } from './ops/matmul.js';
export { embedding, indexSelect, takeAlong, tril, triu } from './ops/indexing.js';
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
export { dropout } from './ops/dropout.js';
export { type RopeOptions, rope } from './ops/rope.js';
export { gated } from './ops/gated.js';
export { type QuantizedWeight, dequantize, linearQ } from './ops/linear-q.js';
export { quantize } from './quantize.js';
export { type CrossEntropyOptions, type Reduction, bceWithLogits, crossEntropy, l1Loss, mseLoss, smoothL1Loss } from './ops/loss.js';
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
