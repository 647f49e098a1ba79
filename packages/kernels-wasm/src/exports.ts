/** What `assembly/index.ts` exports. Addresses and sizes are int32, as JavaScript's `| 0` has them; flags are 0 or 1. */
export interface Exports {
  heapBase(): number;
  matmulScratch(): number;

  fill32(out: number, word: number, n: number): void;
  fill8(out: number, byte: number, n: number): void;
  cast(from: number, to: number, out: number, x: number, n: number): void;
  logicalNot(out: number, x: number, n: number): void;
  unary(code: number, out: number, x: number, n: number, scratch: number): void;
  binaryRow(code: number, type: number, out: number, a: number, aStep: number, b: number, bStep: number, n: number, scratch: number): void;
  binary(code: number, type: number, walk: number, n: number, aStep: number, bStep: number, scratch: number): void;
  select(type: number, walk: number, n: number, condStep: number, aStep: number, bStep: number, scratch: number): void;

  copyRuns(walk: number, bytes: number): void;
  copyElements1(walk: number, n: number, outStep: number, xStep: number): void;
  copyElements4(walk: number, n: number, outStep: number, xStep: number): void;
  copyTransposed(walk: number, rows: number, columns: number, outRow: number, xRow: number): void;

  reduceFloat(code: number, out: number, x: number, outer: number, n: number, inner: number): void;
  reduceInt(code: number, bytes: number, out: number, x: number, outer: number, n: number, inner: number): void;
  cumulateFloat(code: number, out: number, x: number, outer: number, n: number, inner: number): void;
  cumulateInt(code: number, out: number, x: number, outer: number, n: number, inner: number): void;
  argmaxFloat(out: number, x: number, outer: number, n: number, inner: number, least: number): void;
  argmaxInt(bytes: number, out: number, x: number, outer: number, n: number, inner: number, least: number): void;

  // biome-ignore format: one line of data, one of flags
  matmul(
    out: number, a: number, b: number, batch: number, m: number, n: number, k: number, lda: number, ldb: number, ldc: number,
    aBatch: number, bBatch: number, outBatch: number, transA: number, transB: number, alpha: number, accumulate: number,
    bias: number, pre: number, act: number, scratch: number,
  ): void;
  packB(to: number, b: number, n: number, k: number, ldb: number, transB: number): void;
  // biome-ignore format: as above
  skinny(
    out: number, a: number, b: number, m: number, n: number, k: number, ldb: number, ldc: number,
    transB: number, alpha: number, accumulate: number, bias: number, pre: number, act: number, scratch: number,
  ): void;

  badId(ids: number, n: number, rows: number): number;
  gather(out: number, table: number, ids: number, n: number, bytes: number): void;
  scatterAddFloat(table: number, x: number, ids: number, n: number, width: number): void;
  scatterSet(table: number, x: number, ids: number, n: number, bytes: number): void;
  scatter(code: number, float: number, table: number, x: number, ids: number, n: number, width: number): void;
  slide(fold: number, columns: number, plane: number, planes: number, window: number): void;

  // biome-ignore format: as above
  random(
    kind: number, out: number, n: number, seedHigh: number, seedLow: number, counterHigh: number, counterLow: number,
    threshold: number, scratch: number,
  ): void;
  // biome-ignore format: as above
  dropout(
    out: number, x: number, n: number, seedHigh: number, seedLow: number, counterHigh: number, counterLow: number,
    threshold: number, keep: number, scratch: number,
  ): void;

  softmax(out: number, x: number, rows: number, n: number, log: number): void;
  softmaxGrad(dx: number, dy: number, y: number, rows: number, n: number, log: number): void;
  // biome-ignore format: as above
  layerNorm(
    out: number, mean: number, rstd: number, x: number, weight: number, bias: number, rows: number, n: number, eps: number,
  ): void;
  rmsNorm(out: number, rstd: number, x: number, weight: number, rows: number, n: number, eps: number): void;
  // biome-ignore format: as above
  normGrad(
    dx: number, sums: number, dy: number, x: number, weight: number, mean: number, rstd: number,
    rows: number, n: number, scratch: number,
  ): void;
  sumRows(out: number, x: number, count: number, step: number, n: number): void;

  badTarget(targets: number, rows: number, classes: number, ignore: number): number;
  // biome-ignore format: as above
  crossEntropy(
    loss: number, lse: number, x: number, targets: number, rows: number, n: number, ignore: number, smoothing: number,
  ): void;
  // biome-ignore format: as above
  crossEntropyGrad(
    dx: number, dLoss: number, x: number, lse: number, targets: number, rows: number, n: number, ignore: number, smoothing: number,
  ): void;
  // biome-ignore format: as above
  adamStep(
    p: number, grad: number, m: number, v: number, n: number, rate: number, beta1: number, oneMinus1: number, beta2: number,
    oneMinus2: number, eps: number, decay: number, shrink: number, correct: number,
  ): void;

  attentionScratch(args: number, backward: number): number;
  attention(args: number, from: number, to: number, first: number, last: number, scratch: number): void;
  attentionGrad(args: number, from: number, to: number, scratch: number): void;

  // biome-ignore format: as above
  rope(
    out: number, x: number, cos: number, sin: number, from: number, to: number, heads: number, tokens: number, dim: number, rotary: number,
    interleaved: number, sign: number, xBatch: number, xHead: number, xToken: number, outBatch: number, outHead: number, outToken: number,
    tableBatch: number,
  ): void;
  glu(act: number, out: number, gate: number, up: number, n: number, scratch: number): void;
  // biome-ignore format: as above
  gluGrad(
    act: number, slope: number, dGate: number, dUp: number, dy: number, gate: number, up: number, n: number, scratch: number,
  ): void;

  quantScratch(k: number, product: number): number;
  roundRows(out: number, x: number, rows: number, k: number, group: number): void;
  unroundRows(out: number, rounded: number, rows: number, k: number, group: number): void;
  groupSums(to: number, weight: number, n: number, bits: number, group: number): void;
  // biome-ignore format: as above
  linearQ(
    out: number, x: number, weight: number, scales: number, bias: number, rows: number, n: number, k: number, bits: number, group: number,
    rounded: number, sums: number, from: number, to: number, scratch: number,
  ): void;
}
