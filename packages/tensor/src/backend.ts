import type { DType, TypedArray } from './dtype.js';

/*
 * The contract between tensors and the machine.
 *
 * A backend owns buffers and runs kernels on them. Buffers are flat, typed and opaque; shapes live in `Tensor`, above this line.
 * The frontend allocates every output and frees every buffer: a kernel writes into what it is given, never allocates a result and
 * never keeps a reference (scratch memory of its own is its own affair). Calls enqueue in order and return at once; only `read`
 * waits. Inputs and outputs are contiguous from element 0 unless an argument says otherwise: `copy` is the one fully strided
 * kernel, `binary` and `select` broadcast by stride 0, and `attention` reads its heads in place through `HeadView`s.
 * An output never overlaps an input, except that elementwise kernels may run in place (`out === x`) and `adamStep` must.
 * `kernels` is complete: the type does not check without all of them. `fused` is optional, kernel by kernel, and each may decline
 * the arguments at hand by returning false before it has written anything; the composed definition in `ops/` then serves. Only
 * forward kernels decline: a gradient kernel takes whatever its forward took. Kernels are called as plain functions, without `this`.
 * Every float sum is blocked or pairwise, and the same inputs give the same bits from run to run, whatever the number of threads.
 * An index out of range throws; it never reads or writes beside its buffer. Not promised: equal bits between two backends.
 */
export interface Backend<Buf extends DeviceBuffer = DeviceBuffer> {
  /** For people, in messages. Code never compares it. */
  readonly name: string;
  /** The element types that `alloc` takes; it throws for others. */
  readonly dtypes: readonly DType[];
  /** A buffer with unspecified contents. `length` 0 is allowed. */
  alloc(length: number, dtype: DType): Buf;
  /** A second time throws. After `dispose` it does nothing: scopes and finalizers may still run then. */
  free(buffer: Buf): void;
  write(buffer: Buf, data: TypedArray, at?: number): void;
  /** A copy of elements [from, to), once everything enqueued before has run. */
  read(buffer: Buf, from?: number, to?: number): Promise<TypedArray>;
  readSync?(buffer: Buf, from?: number, to?: number): TypedArray;
  memory(): { buffers: number; bytes: number };
  /** Releases everything; using the backend or its tensors afterwards throws. */
  dispose(): void;
  readonly kernels: Kernels<Buf>;
  readonly fused: Partial<Fused<Buf>>;
}

export interface DeviceBuffer {
  readonly length: number;
  readonly dtype: DType;
}

/** Where an n-d array lies in a flat buffer: element (i, j, …) is at `offset + i·strides[0] + j·strides[1] + …`. */
export interface View {
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Float to float, except: `abs neg sign square relu` also int32; `logicalNot` bool to bool; `isnan` float to bool. */
// biome-ignore format: a table
export const unaryOps = [
  'neg', 'abs', 'sign', 'square', 'sqrt', 'rsqrt', 'reciprocal', 'exp', 'log', 'expm1', 'log1p', 'sin', 'cos', 'tan', 'asin', 'acos',
  'atan', 'sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh', 'erf', 'floor', 'ceil', 'round', 'trunc', 'sigmoid', 'relu', 'gelu',
  'geluTanh', 'silu', 'isnan', 'logicalNot',
] as const;
export type UnaryOp = (typeof unaryOps)[number];

/**
 * Both inputs of one dtype, output the same; NaN wins in `maximum` and `minimum`, as in PyTorch. `fmod` has the sign of the dividend,
 * `remainder` that of the divisor, `atan2` takes floats. int32 `div` truncates towards zero; by 0, `div`, `fmod` and `remainder` give 0.
 */
// biome-ignore format: a list
export const arithmeticOps = ['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum', 'fmod', 'remainder', 'atan2'] as const;
/** Output bool. `logicalAnd` and `logicalOr` take bool, the others any one dtype. */
export const compareOps = ['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'logicalAnd', 'logicalOr'] as const;
/** (x, dy) ↦ dy · f′(x), where x is the input of f; for `tanhGrad` and `sigmoidGrad` x is the *output* of f. */
export const activationGradOps = ['reluGrad', 'geluGrad', 'geluTanhGrad', 'siluGrad', 'tanhGrad', 'sigmoidGrad'] as const;
/** All functions of two elements. */
export const binaryOps = [...arithmeticOps, ...compareOps, ...activationGradOps] as const;
export type BinaryOp = (typeof binaryOps)[number];

/** `sum` and `prod` of nothing are 0 and 1, `max` and `min` of nothing are -∞ and ∞; NaN wins in `max` and `min`. */
export type ReduceOp = 'sum' | 'prod' | 'max' | 'min';

/** What becomes of an element that another one comes to: it is replaced, or the two are reduced to one. NaN wins in `max` and `min`. */
export type ScatterOp = 'set' | ReduceOp;

/** An array seen as [outer, n, inner] with the axis in question in the middle. */
export interface AxisView {
  readonly outer: number;
  readonly n: number;
  readonly inner: number;
}

/** out[b] = alpha · op(a[b]) · op(b[b]) (+ out[b]), where op(a) is [m, k] and op(b) is [k, n]. */
export interface MatmulArgs {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Elements from one matrix of `a` to the next; 0 uses one matrix for the whole batch. */
  readonly aBatchStride: number;
  readonly bBatchStride: number;
  /** True: `a` is stored [k, m]. */
  readonly transA: boolean;
  /** True: `b` is stored [n, k]. */
  readonly transB: boolean;
  readonly alpha: number;
  readonly accumulate: boolean;
}

/** The geometry of a sliding window over [batch, channels, height, width]; one dimension is height 1. Padding may differ by side. */
export interface WindowArgs {
  readonly batch: number;
  readonly channels: number;
  readonly input: readonly [height: number, width: number];
  readonly output: readonly [height: number, width: number];
  readonly kernel: readonly [height: number, width: number];
  readonly stride: readonly [height: number, width: number];
  readonly dilation: readonly [height: number, width: number];
  /** Zeros before the first row and column; those after follow from `output`. */
  readonly padding: readonly [top: number, left: number];
}

/**
 * Draws from Philox 4x32-10: word i of a stream is lane i mod 4 of block `counter + ⌊i / 4⌋` under the key `seed` (both 64 bits,
 * low word first; see `random.ts`, whose `fillRandom` is the definition). Equal bits on every backend.
 * `uniform` is in [0, 1) with 24 bits, `normal` is standard, `bernoulli` is (uniform < p) as bool, `bits` is raw int32.
 */
export interface RandomArgs {
  readonly kind: 'uniform' | 'normal' | 'bernoulli' | 'bits';
  readonly seed: number;
  readonly counter: number;
  readonly p: number;
}

/** Every backend has all of these. Outputs come first. */
export interface Kernels<Buf> {
  fill(out: Buf, value: number): void;
  /** out[outView] = x[xView] over `shape`, same dtype: transpose, expand, slice, concat, pad, cache writes. */
  copy(shape: readonly number[], out: Buf, outView: View, x: Buf, xView: View): void;
  /** Float to int32 truncates towards zero, anything to bool is `≠ 0`. */
  cast(out: Buf, x: Buf): void;
  unary(op: UnaryOp, out: Buf, x: Buf): void;
  /** `out` is contiguous over `shape`; stride 0 repeats an input along an axis. */
  binary(op: BinaryOp, shape: readonly number[], out: Buf, a: Buf, aStrides: readonly number[], b: Buf, bStrides: readonly number[]): void;
  /** out = cond ? a : b, elementwise over `shape` with strides as in `binary`; `cond` is bool, the others of one dtype. */
  select(shape: readonly number[], out: Buf, cond: StridedInput<Buf>, a: StridedInput<Buf>, b: StridedInput<Buf>): void;
  /** out [outer, inner] from x [outer, n, inner], same dtype. */
  reduce(op: ReduceOp, out: Buf, x: Buf, axis: AxisView): void;
  /** The first index of the extreme along the axis, as int32; NaN counts as the extreme. */
  argmax(out: Buf, x: Buf, axis: AxisView, least: boolean): void;
  /** out [outer, n, inner], dtype of x: element i is the reduction of elements 0 … i along the axis. float32 sums in float64. */
  cumulate(op: ReduceOp, out: Buf, x: Buf, axis: AxisView): void;
  /** out [outer, k, inner], int32: places of the k greatest (or least) elements along the axis, in order. Equals in order of place; NaN is greatest. */
  topk(out: Buf, x: Buf, axis: AxisView, k: number, least: boolean): void;
  matmul(out: Buf, a: Buf, b: Buf, args: MatmulArgs): void;
  /** out[i, :] = table[ids[i], :], rows of `width` elements. */
  gather(out: Buf, table: Buf, ids: Buf, width: number): void;
  /** table[ids[i], :] = op(table[ids[i], :], x[i, :]), in the order of i. bool: `set` only. */
  scatter(op: ScatterOp, table: Buf, x: Buf, ids: Buf, width: number): void;
  /** im2col: out [batch, channels·kh·kw, oh·ow] from x [batch, channels, h, w]. */
  unfold(out: Buf, x: Buf, window: WindowArgs): void;
  /** The adjoint of `unfold`: out [batch, channels, h, w] is the sum of the columns that came from each place. */
  fold(out: Buf, x: Buf, window: WindowArgs): void;
  random(out: Buf, args: RandomArgs): void;
}

export interface StridedInput<Buf> {
  readonly buffer: Buf;
  readonly strides: readonly number[];
}

export type Activation = 'none' | 'relu' | 'gelu' | 'geluTanh' | 'silu';

export interface LinearArgs {
  readonly rows: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** False: `weight` is [out, in] as in PyTorch. True: [in, out] as in GPT-2's Conv1D. */
  readonly transposed: boolean;
  readonly activation: Activation;
}

export interface NormArgs {
  readonly rows: number;
  readonly columns: number;
  readonly eps: number;
}

export interface RowsArgs {
  readonly rows: number;
  readonly columns: number;
}

/** Where head h of token t of sample b begins: `offset + b·batch + h·head + t·token`; its elements are next to one another. */
export interface HeadView {
  readonly offset: number;
  readonly batch: number;
  readonly head: number;
  readonly token: number;
}

export interface AttentionArgs {
  readonly batch: number;
  readonly heads: number;
  /** Query head h reads key/value head ⌊h · kvHeads / heads⌋. */
  readonly kvHeads: number;
  readonly queryLength: number;
  readonly keyLength: number;
  readonly dim: number;
  readonly valueDim: number;
  readonly scale: number;
  /** Query i sees key j only if j ≤ i + causalOffset; null: no causal limit. 0 is PyTorch's alignment, keyLength − queryLength a cache's. */
  readonly causalOffset: number | null;
  /** Query i sees key j only if j ≥ i + windowOffset; null: no such limit. */
  readonly windowOffset: number | null;
  /** Scores become softcap · tanh(score / softcap), before the mask is added; 0: they stay. */
  readonly softcap: number;
  readonly q: HeadView;
  readonly k: HeadView;
  readonly v: HeadView;
  readonly out: HeadView;
  /** Strides of `mask` by [batch, head, query]; keys are adjacent. A bool mask is true where a query may look, a float mask is added. */
  readonly maskStrides: readonly [batch: number, head: number, query: number] | null;
}

/** What a backend may do faster than the composed definition. False: "not these arguments"; nothing has been written then. */
export interface Fused<Buf> {
  /** out = activation(x · weightᵀ + bias); `pre`, where given, receives the value before the activation. */
  linear(out: Buf, pre: Buf | null, x: Buf, weight: Buf, bias: Buf | null, args: LinearArgs): boolean;
  /** Over the last axis; `log` gives log-softmax. A row of -∞ gives NaN, as in PyTorch. */
  softmax(out: Buf, x: Buf, args: RowsArgs & { readonly log: boolean }): boolean;
  /** From the output `y` of `softmax`. */
  softmaxGrad(dx: Buf, dy: Buf, y: Buf, args: RowsArgs & { readonly log: boolean }): boolean;
  /** `mean` and `rstd` [rows] are saved for the gradient. */
  layerNorm(out: Buf, mean: Buf, rstd: Buf, x: Buf, weight: Buf | null, bias: Buf | null, args: NormArgs): boolean;
  layerNormGrad(
    dx: Buf,
    dWeight: Buf | null,
    dBias: Buf | null,
    dy: Buf,
    x: Buf,
    weight: Buf | null,
    mean: Buf,
    rstd: Buf,
    args: NormArgs,
  ): boolean;
  rmsNorm(out: Buf, rstd: Buf, x: Buf, weight: Buf | null, args: NormArgs): boolean;
  rmsNormGrad(dx: Buf, dWeight: Buf | null, dy: Buf, x: Buf, weight: Buf | null, rstd: Buf, args: NormArgs): boolean;
  /**
   * out = softmax(cap(scale · q kᵀ) + mask) v by heads, and lse [batch, heads, queryLength] = log Σ exp of the scores.
   * A row that sees no key gives 0 and lse -∞. Memory beyond the outputs is O(tokens).
   */
  attention(out: Buf, lse: Buf, q: Buf, k: Buf, v: Buf, mask: Buf | null, args: AttentionArgs): boolean;
  /**
   * dq, dk, dv lie as `args.q`, `args.k`, `args.v` say of *their* buffers (`dqView` …); dOut lies as `args.out`. With P the weights and dP the
   * gradients dOut vᵀ of them, a score's gradient is P (dP - Σ dOut · out), with `out` as it is given: the gradient of lse comes in by that.
   */
  attentionGrad(grads: AttentionGrads<Buf>, dOut: Buf, saved: AttentionSaved<Buf>, args: AttentionArgs): boolean;
  /** Pairs of elements turned by the angles whose cosines and sines are given; see `RopeArgs`. Its gradient is itself, `inverse`. */
  rope(out: Buf, x: Buf, cos: Buf, sin: Buf, args: RopeArgs): boolean;
  /** out = activation(gate) · up, elementwise. */
  glu(out: Buf, gate: Buf, up: Buf, args: { readonly activation: GateActivation }): boolean;
  gluGrad(dGate: Buf, dUp: Buf, dy: Buf, gate: Buf, up: Buf, args: { readonly activation: GateActivation }): boolean;
  /** out = x · dequantised(weight)ᵀ + bias; see `LinearQArgs`. No gradient: for inference. */
  linearQ(out: Buf, x: Buf, weight: Buf, scales: Buf, bias: Buf | null, args: LinearQArgs): boolean;
  /** loss [rows] and lse [rows] of logits [rows, classes] against int32 targets [rows]; an ignored row has loss 0. */
  crossEntropy(loss: Buf, lse: Buf, logits: Buf, targets: Buf, args: CrossEntropyArgs): boolean;
  /** dLoss [rows]; an ignored row gets gradient 0. */
  crossEntropyGrad(dLogits: Buf, dLoss: Buf, logits: Buf, lse: Buf, targets: Buf, args: CrossEntropyArgs): boolean;
  /** out = x / (1 - p) where uniform(seed, counter) ≥ p, else 0. Its own gradient: no mask is stored. */
  dropout(out: Buf, x: Buf, args: { readonly p: number; readonly seed: number; readonly counter: number }): boolean;
  /** One AdamW update of `param`, `m` and `v` in place; see `AdamArgs` for the formula. */
  adamStep(param: Buf, grad: Buf, m: Buf, v: Buf, args: AdamArgs): boolean;
}

/**
 * Of each head of each token the first `rotary` elements are turned, in pairs (x, y) to (x cos - y sin, y cos + x sin), the others copied.
 * `cos` and `sin` have rotary / 2 elements for each token, `tableBatch` elements further on for the next sample (0: the same for all).
 */
export interface RopeArgs {
  readonly batch: number;
  readonly heads: number;
  readonly tokens: number;
  readonly dim: number;
  readonly rotary: number;
  /** True: elements 2i and 2i + 1 are a pair. False: i and i + rotary / 2. */
  readonly interleaved: boolean;
  /** Turns the other way. */
  readonly inverse: boolean;
  readonly x: HeadView;
  readonly out: HeadView;
  readonly tableBatch: number;
}

export type GateActivation = 'sigmoid' | 'silu' | 'gelu' | 'geluTanh' | 'relu' | 'none';

/**
 * `weight` holds, row by row of [outFeatures, inFeatures], integers q of `bits` bits, int32 words of 32 / bits each, the lowest bits first;
 * as unsigned numbers, of which 2^(bits - 1) is zero. weight[o, i] = scales[o, ⌊i / group⌋] · (q - 2^(bits - 1)).
 * `dynamic`: each group of a row of x is rounded to 7 bits first, so that products of integers serve.
 */
export interface LinearQArgs {
  readonly rows: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bits: 4 | 8;
  /** Divides inFeatures; a multiple of 32. */
  readonly group: number;
  readonly dynamic: boolean;
}

export interface AttentionGrads<Buf> {
  readonly dq: Buf;
  readonly dk: Buf;
  readonly dv: Buf;
  readonly dqView: HeadView;
  readonly dkView: HeadView;
  readonly dvView: HeadView;
}

export interface AttentionSaved<Buf> {
  readonly q: Buf;
  readonly k: Buf;
  readonly v: Buf;
  readonly mask: Buf | null;
  readonly out: Buf;
  readonly lse: Buf;
}

/** loss = (1 - s)·(lse - x[target]) + s·(lse - mean(x)), s = labelSmoothing. A target outside [0, classes) other than ignoreIndex throws. */
export interface CrossEntropyArgs {
  readonly rows: number;
  readonly classes: number;
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
}

/**
 * g += weightDecay·p (only if not `decoupled`); m = β₁m + (1-β₁)g; v = β₂v + (1-β₂)g²;
 * p = p·(1 - lr·weightDecay if `decoupled`) - lr / bias1 · m / (√v / √bias2 + eps), where biasᵢ = 1 - βᵢ^step.
 */
export interface AdamArgs {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly decoupled: boolean;
  /** Counted from 1. */
  readonly step: number;
}
