import { type Fused, type Kernels, ValueError } from '@multihead/tensor';
import { unaryCodes } from './elementwise.js';
import type { Exports } from './exports.js';
import type { Heap, WasmBuffer } from './heap.js';
import { pieces } from './pieces.js';
import type { Team } from './team.js';

/** Products of so few rows read the right-hand side where it lies. */
const SKINNY = 5;
/** Multiply-adds that are worth another thread. */
const WORTHWHILE = 2 ** 20;
/** Elements of a right-hand side that are worth being put in panels for products of few rows: more than stay in a cache. */
const WORTHWHILE_PANELS = 2 ** 17;

/** One product as the kernels take it: sizes, addresses, bytes from row to row and from matrix to matrix. */
interface Product {
  readonly out: number;
  readonly a: number;
  readonly b: number;
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly aBatch: number;
  readonly bBatch: number;
  readonly transA: boolean;
  readonly transB: boolean;
  /** The buffer of `b`, where what it holds may be kept in panels; null for a batch of different ones. */
  readonly right: WasmBuffer | null;
  readonly alpha: number;
  readonly accumulate: boolean;
  readonly bias: number;
  readonly pre: number;
  readonly act: number;
}

type Products = Pick<Kernels<WasmBuffer>, 'matmul'> & Pick<Fused<WasmBuffer>, 'linear'>;

export function products(heap: Heap, exports: Exports, team: Team): Products {
  return {
    matmul(out, a, b, args) {
      let { batch, m, aBatchStride } = args;
      const { n, k, bBatchStride, transA, transB, alpha, accumulate } = args;
      const size = batch * m * n;
      if (size === 0) return;
      const extent = (stride: number, matrix: number): number => (matrix === 0 ? 0 : stride * (batch - 1) + matrix);
      if (aBatchStride < 0 || bBatchStride < 0)
        throw new ValueError(`wasm matmul: batch strides ${aBatchStride} and ${bBatchStride}: expected ≥ 0`);
      const to = heap.at('matmul', 'out', out, 'float32', size);
      const aAt = heap.at('matmul', 'a', a, 'float32', extent(aBatchStride, m * k));
      const bAt = heap.constant('matmul', 'b', b, 'float32', extent(bBatchStride, k * n));
      if (k === 0) {
        if (!accumulate) exports.fill32(to, 0, size);
        return;
      }
      if (batch > 1 && !transA && bBatchStride === 0 && aBatchStride === m * k) {
        // One b for all: the rows of the whole batch make one product.
        m *= batch;
        batch = 1;
        aBatchStride = 0;
      }
      const right = batch === 1 ? b : null;
      const whole = { right, bias: 0, pre: 0, act: 0, aBatch: aBatchStride * 4, bBatch: bBatchStride * 4 };
      multiply({ out: to, a: aAt, b: bAt, batch, m, n, k, transA, transB, alpha, accumulate, ...whole });
    },

    linear(out, pre, x, weight, bias, { rows: m, inFeatures: k, outFeatures: n, transposed, activation }) {
      const size = m * n;
      const to = heap.at('linear', 'out', out, 'float32', size);
      const preAt = heap.optional('linear', 'pre', pre, size);
      const xAt = heap.at('linear', 'x', x, 'float32', m * k);
      const weightAt = heap.constant('linear', 'weight', weight, 'float32', n * k);
      const biasAt = heap.optional('linear', 'bias', bias, n);
      if (k === 0) return false;
      if (size === 0) return true;
      const plain = { right: weight, batch: 1, aBatch: 0, bBatch: 0, transA: false, alpha: 1, accumulate: false };
      const act = activation === 'none' ? 0 : unaryCodes[activation][0];
      multiply({ out: to, a: xAt, b: weightAt, m, n, k, ...plain, transB: !transposed, bias: biasAt, pre: preAt, act });
      return true;
    },
  };

  function multiply(product: Product): void {
    const { batch, m, n, k, transA } = product;
    const most = Math.min(4 * team.size, Math.floor((batch * m * n * k) / WORTHWHILE));
    if (m < SKINNY && !transA) {
      // A matrix of so few rows is cut by columns.
      const cuts = pieces(n, 8, batch > 1 ? 1 : most);
      const panels = isForPanels(product) ? panelsOf(product.right!, product) : 0;
      for (let i = 0; i < batch; i++) team.run('skinny', cuts.map((columns) => skinnyCall(product, i, columns, panels)), 14); // biome-ignore format: one loop
      return;
    }
    const panels = product.right ? panelsOf(product.right, product) : 0;
    team.run('matmul', parts(product, team.size === 1 ? 1 : most).map((part) => tiledCall(product, part, panels)), 20); // biome-ignore format: one call
  }

  /** Rows of B are long streams as they are, columns are in panels. Only where the bits are the same: sums go in the same order, then. */
  function isForPanels({ right, n, k, transB, alpha, accumulate }: Product): boolean {
    return right !== null && !transB && k * n >= WORTHWHILE_PANELS && n % 4 === 0 && alpha === 1 && !accumulate;
  }

  /** Where the right-hand side lies in the panels that the kernel reads, or 0: the second product with the same weights makes them. */
  function panelsOf(buffer: WasmBuffer, { b, n, k, transB }: Product): number {
    const form = `${n} ${k} ${transB}`;
    const bytes = Math.ceil(n / 8) * 32 * k;
    return heap.derived(buffer, form, bytes, (to) => exports.packB(to, b, n, k, (transB ? k : n) * 4, Number(transB)));
  }
}

type Range = readonly [from: number, to: number];

interface Part {
  readonly matrices: Range;
  readonly rows: Range;
  readonly columns: Range;
}

/** At most `most` parts of equal cost: of the batch if it is large enough, else of the longer side. Where a sum is cut depends on k alone. */
function parts({ batch, m, n }: Product, most: number): Part[] {
  const matrices: Range = [0, batch];
  const rows: Range = [0, m];
  const columns: Range = [0, n];
  if (batch >= most) return pieces(batch, 1, most).map((range) => ({ matrices: range, rows, columns }));
  if (m > n) return pieces(m, 48, most).map((range) => ({ matrices, rows: range, columns }));
  return pieces(n, 64, most).map((range) => ({ matrices, rows, columns: range }));
}

const PACKED = 2;

function tiledCall(p: Product, { matrices: [from, to], rows: [i, rowEnd], columns: [j, columnEnd] }: Part, panels: number): number[] {
  const lda = (p.transA ? p.m : p.k) * 4;
  const ldb = (p.transB ? p.k : p.n) * 4;
  const ldc = p.n * 4;
  const corner = i * ldc + j * 4;
  const out = p.out + from * p.m * ldc + corner;
  const a = p.a + from * p.aBatch + (p.transA ? i * 4 : i * lda);
  const b = panels ? panels + j * p.k * 4 : p.b + from * p.bBatch + (p.transB ? j * ldb : j * 4);
  const sizes = [to - from, rowEnd - i, columnEnd - j, p.k, lda, ldb, ldc, p.aBatch, p.bBatch, p.m * ldc];
  const flags = [Number(p.transA), panels ? PACKED : Number(p.transB), p.alpha, Number(p.accumulate)];
  return [out, a, b, ...sizes, ...flags, p.bias && p.bias + j * 4, p.pre && p.pre + corner, p.act, 0];
}

function skinnyCall(p: Product, matrix: number, [j, end]: Range, panels: number): number[] {
  const ldb = (p.transB ? p.k : p.n) * 4;
  const ldc = p.n * 4;
  const out = p.out + matrix * p.m * ldc + j * 4;
  const b = panels ? panels + j * p.k * 4 : p.b + matrix * p.bBatch + (p.transB ? j * ldb : j * 4);
  const flags = [panels ? PACKED : Number(p.transB), p.alpha, Number(p.accumulate)];
  const rest = [p.bias && p.bias + j * 4, p.pre && p.pre + j * 4, p.act, 0];
  return [out, p.a + matrix * p.aBatch, b, p.m, end - j, p.k, ldb, ldc, ...flags, ...rest];
}
