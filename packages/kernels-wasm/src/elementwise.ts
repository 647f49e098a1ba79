import { type BinaryOp, type DType, DTypeError, type Kernels, ShapeError, type TypedArray, type UnaryOp } from '@multihead/tensor';
import type { Exports } from './exports.js';
import type { Heap, WasmBuffer } from './heap.js';
import { pieces } from './pieces.js';
import { contiguousStrides, extentOf, mergeDims, sizeOf, writeWalk } from './strided.js';
import type { Team } from './team.js';

// Codes of assembly/elementwise.ts: [float32, int32], null where there is none.
export const unaryCodes: Record<Exclude<UnaryOp, 'isnan' | 'logicalNot' | HostOp>, readonly [number, number | null]> = {
  neg: [0, 32],
  abs: [1, 33],
  sign: [2, 34],
  square: [3, 35],
  sqrt: [4, null],
  rsqrt: [5, null],
  reciprocal: [6, null],
  exp: [7, null],
  log: [8, null],
  expm1: [9, null],
  log1p: [10, null],
  sin: [11, null],
  cos: [12, null],
  tanh: [13, null],
  erf: [14, null],
  floor: [15, null],
  ceil: [16, null],
  round: [17, null],
  sigmoid: [18, null],
  relu: [19, 36],
  gelu: [20, null],
  geluTanh: [21, null],
  silu: [22, null],
  trunc: [23, null],
};

/** What models seldom need: JavaScript's own functions, over the memory of the module. */
const hostOps = ['tan', 'asin', 'acos', 'atan', 'sinh', 'cosh', 'asinh', 'acosh', 'atanh'] as const;
type HostOp = (typeof hostOps)[number];
const isHostOp = (op: UnaryOp): op is HostOp => (hostOps as readonly UnaryOp[]).includes(op);

// As above, and whether it takes bool (as int32 0 and 1). From 32 on the output is bool.
export const binaryCodes: Record<BinaryOp, readonly [float: number | null, int: number | null, bool: boolean]> = {
  add: [0, 16, false],
  sub: [1, 17, false],
  mul: [2, 18, false],
  div: [3, 19, false],
  pow: [4, 20, false],
  maximum: [5, 21, false],
  minimum: [6, 22, false],
  fmod: [13, 23, false],
  remainder: [14, 24, false],
  atan2: [15, null, false],
  reluGrad: [7, null, false],
  geluGrad: [8, null, false],
  geluTanhGrad: [9, null, false],
  siluGrad: [10, null, false],
  tanhGrad: [11, null, false],
  sigmoidGrad: [12, null, false],
  eq: [32, 48, true],
  ne: [33, 49, true],
  lt: [34, 50, true],
  le: [35, 51, true],
  gt: [36, 52, true],
  ge: [37, 53, true],
  logicalAnd: [null, 54, true],
  logicalOr: [null, 55, true],
};

const FIRST_BOOL = 32;
/** Elements that are worth another thread. */
const WORTHWHILE = 2 ** 15;
const types: Partial<Record<DType, number>> = { float32: 0, int32: 1, bool: 2 };
const word = new Float32Array(1);

function hostUnary(f: (x: number) => number, to: TypedArray, from: TypedArray): void {
  for (let i = 0; i < to.length; i++) to[i] = f(from[i]!);
}

type Elementwise = Pick<Kernels<WasmBuffer>, 'fill' | 'cast' | 'unary' | 'binary' | 'select'>;

export function elementwise(heap: Heap, exports: Exports, team: Team): Elementwise {
  const walk = heap.small;
  const chunks = heap.small + 1024;
  return {
    fill(out, value) {
      const address = heap.at('fill', 'out', out, null, 0);
      if (out.dtype === 'bool') exports.fill8(address, value ? 1 : 0, out.length);
      else {
        word[0] = value;
        exports.fill32(address, out.dtype === 'int32' ? value : new Int32Array(word.buffer)[0]!, out.length);
      }
    },

    cast(out, x) {
      const from = heap.at('cast', 'x', x, null, out.length);
      const to = heap.at('cast', 'out', out, null, 0);
      if (out.dtype !== x.dtype) exports.cast(types[x.dtype]!, types[out.dtype]!, to, from, out.length);
      else heap.view(out, 'cast').set(heap.view(x, 'cast').subarray(0, out.length));
    },

    unary(op, out, x) {
      const n = out.length;
      const from = heap.at(op, 'x', x, null, n);
      if (op === 'logicalNot') {
        heap.at(op, 'x', x, 'bool', n);
        exports.logicalNot(heap.at(op, 'out', out, 'bool', n), from, n);
      } else if (op === 'isnan') {
        heap.at(op, 'x', x, 'float32', n);
        pair('ne', [n], out, x, [1], x, [1]);
      } else if (isHostOp(op)) {
        heap.at(op, 'x', x, 'float32', n);
        heap.at(op, 'out', out, 'float32', n);
        hostUnary(Math[op], heap.view(out, op), heap.view(x, op));
      } else {
        const code = unaryCodes[op][x.dtype === 'int32' ? 1 : 0];
        if (code === null || x.dtype === 'bool') throw new DTypeError(`wasm ${op}: x: dtype ${x.dtype} is not supported`);
        const to = heap.at(op, 'out', out, x.dtype, n);
        const cuts = team.size === 1 ? [[0, n] as const] : pieces(n, 16, Math.min(2 * team.size, Math.floor(n / WORTHWHILE)));
        team.run('unary', cuts.map(([i, end]) => [code, to + i * 4, from + i * 4, end - i, 0]), 4); // biome-ignore format: one call
      }
    },

    binary: pair,

    select(shape, out, cond, a, b) {
      const n = sizeOf(shape);
      if (n === 0) return;
      const { dtype } = out;
      const bytes = dtype === 'bool' ? 1 : 4;
      const operands = [
        { address: heap.at('select', 'out', out, null, n), bytes },
        { address: heap.at('select', 'cond', cond.buffer, 'bool', extentOf('select', shape, cond.strides)), bytes: 1 },
        { address: heap.at('select', 'a', a.buffer, dtype, extentOf('select', shape, a.strides)), bytes },
        { address: heap.at('select', 'b', b.buffer, dtype, extentOf('select', shape, b.strides)), bytes },
      ];
      const dims = mergeDims(shape, [contiguousStrides(shape), cond.strides, a.strides, b.strides]);
      const last = dims.sizes.length - 1;
      writeWalk('select', heap.i32, walk, dims, last, operands);
      const step = (i: number): number => dims.strides[i]![last]! * operands[i]!.bytes;
      exports.select(types[dtype]!, walk, dims.sizes[last]!, step(1), step(2), step(3), chunks);
    },
  };

  function pair(
    op: BinaryOp,
    shape: readonly number[],
    out: WasmBuffer,
    a: WasmBuffer,
    aStrides: readonly number[],
    b: WasmBuffer,
    bStrides: readonly number[],
  ): void {
    const [float, int, bool] = binaryCodes[op];
    const code = a.dtype === 'float32' ? float : a.dtype === 'int32' || bool ? int : null;
    if (code === null) throw new DTypeError(`wasm ${op}: a: dtype ${a.dtype} is not supported`);
    if (aStrides.length !== shape.length || bStrides.length !== shape.length) {
      throw new ShapeError(`wasm ${op}: strides [${aStrides}] and [${bStrides}] for shape [${shape}]`);
    }
    const n = sizeOf(shape);
    if (n === 0) return;
    const bytes = a.dtype === 'bool' ? 1 : 4;
    const operands = [
      { address: heap.at(op, 'out', out, code < FIRST_BOOL ? a.dtype : 'bool', n), bytes: code < FIRST_BOOL ? bytes : 1 },
      { address: heap.at(op, 'a', a, null, extentOf(op, shape, aStrides)), bytes },
      { address: heap.at(op, 'b', b, a.dtype, extentOf(op, shape, bStrides)), bytes },
    ];
    const dims = mergeDims(shape, [contiguousStrides(shape), aStrides, bStrides]);
    const last = dims.sizes.length - 1;
    if (last === 0 && team.size > 1 && n >= 2 * WORTHWHILE) {
      const [y, u, v] = operands.map(({ address }) => address) as [number, number, number];
      const [du, dv] = [dims.strides[1]![0]! * bytes, dims.strides[2]![0]! * bytes];
      const calls = pieces(n, 16, Math.min(2 * team.size, Math.floor(n / WORTHWHILE))).map(([i, end]) => {
        return [code, types[a.dtype]!, y + i * operands[0]!.bytes, u + i * du, du, v + i * dv, dv, end - i, 0];
      });
      team.run('binaryRow', calls, 8);
      return;
    }
    writeWalk(op, heap.i32, walk, dims, last, operands);
    exports.binary(
      code,
      types[a.dtype]!,
      walk,
      dims.sizes[last]!,
      dims.strides[1]![last]! * bytes,
      dims.strides[2]![last]! * bytes,
      chunks,
    );
  }
}
