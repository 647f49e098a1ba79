import { type Backend, cpu, type DeviceBuffer, type Kernels } from '@multihead/tensor';

type Buf = DeviceBuffer;

/** A CPU backend with some of its kernels, or methods, replaced. */
export function broken(change: (backend: Backend, k: Kernels<Buf>) => Partial<Kernels<Buf>> & { storage?: Partial<Backend> }): Backend {
  const backend = cpu();
  const { storage, ...kernels } = change(backend, backend.kernels);
  return {
    name: 'broken',
    dtypes: backend.dtypes,
    kernels: { ...backend.kernels, ...kernels },
    fused: {},
    alloc: backend.alloc.bind(backend),
    free: backend.free.bind(backend),
    write: backend.write.bind(backend),
    read: backend.read.bind(backend),
    readSync: backend.readSync!.bind(backend),
    memory: backend.memory.bind(backend),
    dispose: backend.dispose.bind(backend),
    ...storage,
  };
}

/** Changes element `i` of what a kernel wrote. */
function touch(backend: Backend, out: Buf, i: number, f: (v: number) => number): void {
  if (i < 0 || i >= out.length) return;
  const data = backend.readSync!(out, i, i + 1);
  data[0] = f(data[0]!);
  backend.write(out, data, i);
}

export interface Mutant {
  readonly what: string;
  /** The cases that may notice: subjects that begin so. */
  readonly among: string;
  make(): Backend;
}

export const mutants: readonly Mutant[] = [
  {
    what: 'unary leaves the last element of odd lengths',
    among: 'unary exp',
    make: () =>
      broken((b, k) => ({
        unary: (op, out, x) => {
          k.unary(op, out, x);
          if (out.length % 2) touch(b, out, out.length - 1, () => 0);
        },
      })),
  },
  {
    what: 'relu(NaN) is 0',
    among: 'unary relu',
    make: () =>
      broken((b, k) => ({
        unary: (op, out, x) => {
          k.unary(op, out, x);
          for (let i = 0; op === 'relu' && i < out.length; i++) touch(b, out, i, (v) => (Number.isNaN(v) ? 0 : v));
        },
      })),
  },
  {
    what: 'halves round away from zero',
    among: 'unary round',
    make: () =>
      broken((b, k) => ({
        unary: (op, out, x) => {
          k.unary(op, out, x);
          if (op === 'round')
            b.write(
              out,
              b.readSync!(x).map((v) => Math.sign(v) * Math.round(Math.abs(v))),
            );
        },
      })),
  },
  {
    what: 'expm1 is exp - 1',
    among: 'unary',
    make: () =>
      broken((b, k) => ({
        unary: (op, out, x) => {
          k.unary(op, out, x);
          if (op === 'expm1')
            b.write(
              out,
              b.readSync!(x).map((v) => Math.fround(Math.exp(v)) - 1),
            );
        },
      })),
  },
  {
    what: 'maximum ignores NaN on the right',
    among: 'binary maximum',
    make: () =>
      broken((_b, k) => ({
        binary: (op, shape, out, a, aStrides, b, bStrides) => {
          k.binary(op, shape, out, a, aStrides, b, bStrides);
          if (op !== 'maximum' || shape.length !== 2) return;
          const [x, y, z] = [a, b, out].map((buffer) => _b.readSync!(buffer)) as [Float32Array, Float32Array, Float32Array];
          z.forEach((_, i) => {
            const [row, column] = [Math.floor(i / shape[1]!), i % shape[1]!];
            if (Number.isNaN(y[row * bStrides[0]! + column * bStrides[1]!]!)) z[i] = x[row * aStrides[0]! + column * aStrides[1]!]!;
          });
          _b.write(out, z);
        },
      })),
  },
  {
    what: 'binary takes stride 0 for 1 on the last axis',
    among: 'binary add',
    make: () =>
      broken((_b, k) => ({
        binary: (op, s, out, a, as, b, bs) =>
          k.binary(
            op,
            s,
            out,
            a,
            as,
            b,
            bs.map((v, i) => (i === s.length - 1 ? 1 : v)),
          ),
      })),
  },
  {
    what: 'geluGrad is that of geluTanh',
    among: 'binary geluGrad',
    make: () => broken((_b, k) => ({ binary: (op, ...rest) => k.binary(op === 'geluGrad' ? 'geluTanhGrad' : op, ...rest) })),
  },
  {
    what: 'int32 products lose bits',
    among: 'binary mul',
    make: () =>
      broken((b, k) => ({
        binary: (op, shape, out, x, xs, y, ys) => {
          k.binary(op, shape, out, x, xs, y, ys);
          if (op !== 'mul' || x.dtype !== 'int32') return;
          const [p, q] = [b.readSync!(x), b.readSync!(y)];
          b.write(
            out,
            Int32Array.from({ length: out.length }, (_, i) => p[Math.floor(i / shape[1]!)]! * q[i % shape[1]!]!),
          );
        },
      })),
  },
  {
    what: 'copy swaps the strides of a transpose',
    among: 'copy',
    make: () =>
      broken((_b, k) => ({
        copy: (shape, out, ov, x, xv) => k.copy(shape, out, ov, x, { ...xv, strides: [...xv.strides].sort((a, b) => b - a) }),
      })),
  },
  {
    what: 'copy clears what lies between',
    among: 'copy',
    make: () =>
      broken((_b, k) => ({
        copy: (shape, out, ov, x, xv) => {
          k.fill(out, 0);
          k.copy(shape, out, ov, x, xv);
        },
      })),
  },
  {
    what: 'cast rounds instead of truncating',
    among: 'cast',
    make: () =>
      broken((b, k) => ({
        cast: (out, x) => {
          k.cast(out, x);
          if (out.dtype === 'int32')
            b.write(
              out,
              Int32Array.from(b.readSync!(x), (v) => Math.round(v)),
            );
        },
      })),
  },
  {
    what: 'sums have one float32 accumulator',
    among: 'reduce sum',
    make: () =>
      broken((b, k) => ({
        reduce: (op, out, x, axis) => {
          if (op !== 'sum' || axis.inner !== 1 || x.dtype !== 'float32') return k.reduce(op, out, x, axis);
          const data = b.readSync!(x);
          const sums = Float32Array.from({ length: axis.outer }, (_, o) =>
            Array.from(data.subarray(o * axis.n, (o + 1) * axis.n)).reduce((sum, v) => Math.fround(sum + v), 0),
          );
          b.write(out, sums);
        },
      })),
  },
  {
    what: 'max over nothing is 0',
    among: 'reduce max',
    make: () =>
      broken((_b, k) => ({
        reduce: (op, out, x, axis) => (axis.n === 0 ? k.fill(out, 0) : k.reduce(op, out, x, axis)),
      })),
  },
  {
    what: 'argmax takes the last of equals',
    among: 'argmax',
    make: () =>
      broken((b, k) => ({
        argmax: (out, x, axis, least) => {
          k.argmax(out, x, axis, least);
          const data = b.readSync!(x);
          const at = b.readSync!(out).map((best, i) => {
            const start = Math.floor(i / axis.inner) * axis.n * axis.inner + (i % axis.inner);
            for (let j = best + 1; j < axis.n; j++) if (data[start + j * axis.inner] === data[start + best * axis.inner]) return j;
            return best;
          });
          b.write(out, at);
        },
      })),
  },
  {
    what: 'matmul ignores accumulate',
    among: 'matmul',
    make: () => broken((_b, k) => ({ matmul: (out, a, b, args) => k.matmul(out, a, b, { ...args, accumulate: false }) })),
  },
  {
    what: 'matmul adds to what the output held',
    among: 'matmul',
    make: () => broken((_b, k) => ({ matmul: (out, a, b, args) => k.matmul(out, a, b, { ...args, accumulate: true }) })),
  },
  {
    what: 'matmul ignores alpha',
    among: 'matmul',
    make: () => broken((_b, k) => ({ matmul: (out, a, b, args) => k.matmul(out, a, b, { ...args, alpha: 1 }) })),
  },
  {
    what: 'matmul uses the first matrix of a batch for all',
    among: 'matmul',
    make: () => broken((_b, k) => ({ matmul: (out, a, b, args) => k.matmul(out, a, b, { ...args, bBatchStride: 0 }) })),
  },
  {
    what: 'matmul leaves the output if k = 0',
    among: 'matmul',
    make: () => broken((_b, k) => ({ matmul: (out, a, b, args) => (args.k === 0 ? undefined : k.matmul(out, a, b, args)) })),
  },
  {
    what: 'gather reads past the table',
    among: 'gather',
    make: () =>
      broken((b, k) => ({
        gather: (out, table, ids, width) => {
          const safe = b.alloc(ids.length, 'int32');
          b.write(
            safe,
            b.readSync!(ids).map((id) => Math.min(Math.max(id, 0), table.length / width - 1)),
          );
          k.gather(out, table, safe, width);
          b.free(safe);
        },
      })),
  },
  {
    what: 'scatter forgets what was there',
    among: 'scatter sum',
    make: () =>
      broken((_b, k) => ({
        scatter: (op, table, x, ids, width) => {
          k.fill(table, 0);
          k.scatter(op, table, x, ids, width);
        },
      })),
  },
  {
    what: 'scatter max lets NaN go',
    among: 'scatter',
    make: () =>
      broken((b, k) => ({
        scatter: (op, table, x, ids, width) => {
          k.scatter(op, table, x, ids, width);
          for (let i = 0; op === 'max' && i < table.length; i++) touch(b, table, i, (v) => (Number.isNaN(v) ? 5 : v));
        },
      })),
  },
  {
    what: 'cumulate leaves its own element out',
    among: 'cumulate sum',
    make: () =>
      broken((b, k) => ({
        cumulate: (op, out, x, axis) => {
          k.cumulate(op, out, x, axis);
          if (op === 'sum' && axis.inner === 1) {
            const data = b.readSync!(x);
            for (let i = 0; i < out.length; i++) touch(b, out, i, (v) => v - data[i]!);
          }
        },
      })),
  },
  {
    what: 'topk is not stable',
    among: 'topk',
    make: () =>
      broken((b, k) => ({
        topk: (out, x, axis, count, least) => {
          k.topk(out, x, axis, count, least);
          const [data, places] = [b.readSync!(x), b.readSync!(out)];
          if (axis.inner !== 1 || axis.outer !== 1 || count < 2 || data[places[0]!] !== data[places[1]!]) return;
          b.write(out, Int32Array.from([places[1]!, places[0]!, ...places.slice(2)]));
        },
      })),
  },
  {
    what: 'topk takes NaN for the least',
    among: 'topk',
    make: () =>
      broken((b, k) => ({
        topk: (out, x, axis, count, least) => {
          const safe = b.alloc(x.length, x.dtype);
          b.write(
            safe,
            b.readSync!(x).map((v) => (Number.isNaN(v) ? -Infinity : v)),
          );
          k.topk(out, safe, axis, count, least);
          b.free(safe);
        },
      })),
  },
  {
    what: 'unfold ignores dilation',
    among: 'unfold',
    make: () => broken((_b, k) => ({ unfold: (out, x, window) => k.unfold(out, x, { ...window, dilation: [1, 1] }) })),
  },
  {
    what: 'fold adds to what the output held',
    among: 'fold',
    make: () =>
      broken((b, k) => ({
        fold: (out, x, window) => {
          const before = b.readSync!(out);
          k.fold(out, x, window);
          b.write(
            out,
            b.readSync!(out).map((v, i) => v + before[i]!),
          );
        },
      })),
  },
  {
    what: 'random starts one block late',
    among: 'random uniform',
    make: () => broken((_b, k) => ({ random: (out, args) => k.random(out, { ...args, counter: args.counter + 1 }) })),
  },
  {
    what: 'random knows 32 bits of the seed',
    among: 'random bits',
    make: () => broken((_b, k) => ({ random: (out, args) => k.random(out, { ...args, seed: args.seed >>> 0 }) })),
  },
  {
    what: 'a kernel writes into its input',
    among: 'unary neg',
    make: () =>
      broken((_b, k) => ({
        unary: (op, out, x) => {
          k.unary(op, out, x);
          if (x !== out) k.fill(x, 0);
        },
      })),
  },
  {
    what: 'a kernel keeps scratch memory',
    among: 'fill',
    make: () =>
      broken((b, k) => ({
        fill: (out, value) => {
          b.alloc(3, 'float32');
          k.fill(out, value);
        },
      })),
  },
  {
    what: 'memory() does not count',
    among: 'storage',
    make: () => broken(() => ({ storage: { memory: () => ({ buffers: 0, bytes: 0 }) } })),
  },
  {
    what: 'write ignores its offset',
    among: 'storage',
    make: () => broken((b) => ({ storage: { write: (buffer, data) => b.write(buffer, data) } })),
  },
  {
    what: 'read gives float32 for every dtype',
    among: 'storage',
    make: () => broken((b) => ({ storage: { read: async (buffer, from, to) => Float32Array.from(await b.read(buffer, from, to)) } })),
  },
];
