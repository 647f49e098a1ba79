import { matmul, scope } from '@multihead/tensor';
import { faster, type Judge, shareOf } from '../bars.ts';
import { ceilingLoop, hasRelaxedSimd, operations } from '../ceiling.ts';
import type { Case, Contestant, Ready } from '../contest.ts';
import { graph, model, node, value } from '../onnx/model.ts';
import { jax } from '../peers/jax.ts';
import { finished, multihead, onBackend } from '../peers/multihead.ts';
import { onnxruntime, session } from '../peers/onnxruntime.ts';
import { tensorflow } from '../peers/tfjs.ts';
import { normals } from '../random.ts';
import type { Bench, Setting } from './bench.ts';

/** c = a · b for float32 square matrices. */
export const bench: Bench = {
  name: 'matmul',
  title: 'float32 matrix product, n × n by n × n',
  notes: [
    'onnxruntime-web has `b` as an initialiser, so that it packs it once; the others get `a` and `b` alike.',
    'The ceiling is a loop of independent multiply-adds in registers: fused ones with relaxed SIMD, else a multiplication and an addition.',
  ],
  cases: ({ threads }) => [192, 384, 768, 1024].map((n) => productOf(n, threads)),
  judge,
};

const peers = ['onnxruntime-web', 'tfjs-wasm', 'jax-js'];

function judge({ node, threads }: Setting): Judge[] {
  return [
    faster('multihead', peers, node >= 22 ? 1.6 : 1.3, { optional: threads > 1 }),
    // One thread has one ceiling.
    ...(threads === 1 && node >= 22 ? [shareOf('multihead', 'ceiling', 0.85)] : []),
  ];
}

function productOf(n: number, threads: number): Case {
  const [a, b] = [normals(1, n * n), normals(2, n * n)];
  const contestants: Contestant[] = [
    { name: 'multihead', prepare: () => ours(n, a, b, threads) },
    { name: 'onnxruntime-web', prepare: () => byOnnxruntime(n, a, b, threads) },
    { name: 'tfjs-wasm', prepare: () => byTensorflow(n, a, b, threads) },
    { name: 'jax-js', prepare: () => byJax(n, a, b, threads) },
  ];
  if (threads === 1) contestants.push(ceiling());
  return {
    name: `${n}`,
    contestants,
    tolerance: 1e-5,
    referee: { name: 'float64 loops, 8 rows', results: () => rowsInFloat64(n, a, b) },
    work: { amount: 2 * n ** 3, unit: 'GFLOP/s' },
  };
}

/** Eight rows are compared, from all over the matrix: the referee is slow. */
function rowsOf(n: number): number[] {
  return Array.from({ length: 8 }, (_, i) => Math.round((i * (n - 1)) / 7));
}

function pick(n: number, c: ArrayLike<number>): { c: Float64Array } {
  return { c: Float64Array.from(rowsOf(n).flatMap((row) => Array.from({ length: n }, (_, j) => c[row * n + j]!))) };
}

function rowsInFloat64(n: number, a: Float32Array, b: Float32Array): { c: Float64Array } {
  const c = new Float64Array(8 * n);
  rowsOf(n).forEach((row, i) => {
    for (let k = 0; k < n; k++) for (let j = 0; j < n; j++) c[i * n + j]! += a[row * n + k]! * b[k * n + j]!;
  });
  return { c };
}

async function ours(n: number, aData: Float32Array, bData: Float32Array, threads: number): Promise<Ready> {
  const backend = await multihead(threads);
  const [a, b] = [onBackend(backend, aData, [n, n]), onBackend(backend, bData, [n, n])];
  return {
    async run(times) {
      for (let i = 1; i < times; i++) matmul(a, b).dispose();
      const c = matmul(a, b);
      await finished(c);
      c.dispose();
      return undefined;
    },
    async results() {
      using _ = scope();
      return pick(n, matmul(a, b).dataSync());
    },
    close() {
      a.dispose();
      b.dispose();
      backend.dispose();
    },
  };
}

async function byOnnxruntime(n: number, aData: Float32Array, bData: Float32Array, threads: number): Promise<Ready> {
  const ort = await onnxruntime(threads);
  const bytes = model(
    graph({
      inputs: [value('a', 'float32', [n, n])],
      outputs: [value('c', 'float32', [n, n])],
      initializers: [{ name: 'b', dtype: 'float32', dims: [n, n], data: bData }],
      nodes: [node('MatMul', ['a', 'b'], ['c'])],
    }),
  );
  const opened = await session(ort, bytes);
  const feeds = { a: new ort.Tensor('float32', aData, [n, n]) };
  const fetches = { c: new ort.Tensor('float32', new Float32Array(n * n), [n, n]) };
  return {
    async run(times) {
      for (let i = 0; i < times; i++) await opened.run(feeds, fetches);
      return undefined;
    },
    async results() {
      return pick(n, (await opened.run(feeds)).c!.data as Float32Array);
    },
    close: () => opened.release(),
  };
}

async function byTensorflow(n: number, aData: Float32Array, bData: Float32Array, threads: number): Promise<Ready> {
  const tf = await tensorflow(threads);
  const [a, b] = [tf.tensor2d(aData, [n, n]), tf.tensor2d(bData, [n, n])];
  return {
    // Its kernels have run when the call returns.
    async run(times) {
      for (let i = 0; i < times; i++) tf.matMul(a, b).dispose();
      return undefined;
    },
    async results() {
      const c = tf.matMul(a, b);
      const data = await c.data();
      c.dispose();
      return pick(n, data);
    },
    close: () => tf.dispose([a, b]),
  };
}

async function byJax(n: number, aData: Float32Array, bData: Float32Array, threads: number): Promise<Ready> {
  const { numpy: np, jit } = await jax(threads);
  const shape = [n, n];
  const [a, b] = [np.array(aData as Float32Array<ArrayBuffer>, { shape }), np.array(bData as Float32Array<ArrayBuffer>, { shape })];
  const product = jit(np.matmul);
  return {
    async run(times) {
      for (let i = 0; i < times; i++) {
        const c = product(a.ref, b.ref);
        await c.blockUntilReady();
        c.dispose();
      }
      return undefined;
    },
    async results() {
      return pick(n, (await product(a.ref, b.ref).data()) as Float32Array);
    },
    close() {
      product.dispose();
      a.dispose();
      b.dispose();
    },
  };
}

function ceiling(): Contestant {
  const relaxed = hasRelaxedSimd();
  const turns = 20_000;
  return {
    name: 'ceiling',
    yardstick: true,
    work: operations(turns),
    note: relaxed ? 'relaxed multiply-add' : 'multiply and add',
    async prepare() {
      const loop = ceilingLoop(relaxed);
      return {
        async run(times) {
          for (let i = 0; i < times; i++) loop(turns);
          return undefined;
        },
        results: async () => ({}),
      };
    },
  };
}
