import type { Ready } from '../../contest.ts';
import { GraphWriter } from '../../onnx/graph-writer.ts';
import { model, value } from '../../onnx/model.ts';
import type { Message } from '../../onnx/protobuf.ts';
import { onnxruntime, type OrtTensor, session } from '../../peers/onnxruntime.ts';
import { type Weight, type Weights, weightOf } from '../../weights.ts';
import { comparable, type DecoderData, shape } from './data.ts';
import { quantized } from './quantized.ts';

const dim = shape.width / shape.heads;

/** x · weightᵀ by some operators. */
export type Product = (g: GraphWriter, x: string, weight: Weight) => string;

export const inFloat32: Product = (g, x, weight) => g.matmul(x, weight);

/** 8 bits in groups as ours, with x rounded to 8 bits by groups (accuracy_level 4). */
export const byGroups =
  (group: number): Product =>
  (g, x, weight) => {
    const { q, scales, rows, columns } = quantized(weight, group);
    const packed = g.constant({ dtype: 'uint8', dims: [rows, columns / group, group], data: q });
    const factors = g.constant({ dtype: 'float32', dims: [rows, columns / group], data: scales });
    const attributes = { K: columns, N: rows, bits: 8, block_size: group, accuracy_level: 4 };
    return g.op('MatMulNBits', [x, packed, factors], attributes, 'com.microsoft');
  };

/** As onnxruntime's `quantize_dynamic` writes it: a scale for each output of the weight, and one for the whole x. */
export const byRows: Product = (g, x, weight) => {
  const { q, scales, rows, columns } = quantized(weight, weight.shape[1]!);
  const whole = new Uint8Array(q.length); // [in, out], as int8
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) whole[j * rows + i] = q[i * columns + j]! - 128;
  const [rounded, scale, zero] = g.ops('DynamicQuantizeLinear', [x], 3) as [string, string, string];
  const product = g.op('MatMulInteger', [rounded, g.constant({ dtype: 'int8', dims: [columns, rows], data: whole }), zero]);
  const factors = g.op('Mul', [scale, g.constant({ dtype: 'float32', dims: [rows], data: scales })]);
  return g.op('Mul', [g.op('Cast', [product], { to: 1 }), factors]);
};

/** One token through the decoder, as PyTorch's exporter writes a GPT-2 with past and present. */
function decoderGraph(weights: Weights, product: Product): Message {
  const g = new GraphWriter();
  const linear = (x: string, weight: Weight, bias: Weight) => g.op('Add', [g.weight(bias), product(g, x, weight)]);
  const pair = (name: string) => [weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`)] as const;
  const table = weightOf(weights, 'wte.weight');
  const heads = [1, 1, shape.heads, dim];
  const tokenRows = g.op('Gather', [g.weight(table), 'input_ids'], { axis: 0 });
  const positionRows = g.op('Gather', [g.weight(weightOf(weights, 'wpe.weight')), 'position_ids'], { axis: 0 });
  let x = g.op('Add', [tokenRows, positionRows]); // [1, 1, E]
  for (let i = 0; i < shape.layers; i++) {
    const name = (part: string) => `h.${i}.${part}`;
    const projected = linear(g.layerNorm(x, pair(name('ln_1')), shape.eps), ...pair(name('attn.c_attn')));
    const parts = g.ops('Split', [projected, g.ints([shape.width, shape.width, shape.width])], 3, { axis: 2 });
    const [q, k, v] = parts.map((part) => g.op('Transpose', [g.reshape(part, heads)], { perm: [0, 2, 1, 3] })) as [string, string, string];
    const keys = g.op('Concat', [`past.${i}.key`, k], { axis: 2 }); // [1, H, T, D]
    const values = g.op('Concat', [`past.${i}.value`, v], { axis: 2 });
    g.output(keys, `present.${i}.key`);
    g.output(values, `present.${i}.value`);
    const scores = g.op('MatMul', [q, g.op('Transpose', [keys], { perm: [0, 1, 3, 2] })]);
    const seen = g.op('Softmax', [g.op('Div', [scores, g.scalar(Math.sqrt(dim))])], { axis: -1 });
    const merged = g.reshape(g.op('Transpose', [g.op('MatMul', [seen, values])], { perm: [0, 2, 1, 3] }), [1, 1, shape.width]);
    x = g.op('Add', [linear(merged, ...pair(name('attn.c_proj'))), x]);
    const hidden = g.gelu(linear(g.layerNorm(x, pair(name('ln_2')), shape.eps), ...pair(name('mlp.c_fc'))));
    x = g.op('Add', [x, linear(hidden, ...pair(name('mlp.c_proj')))]);
  }
  const logits = product(g, g.layerNorm(x, pair('ln_f'), shape.eps), table);
  g.output(logits, 'logits');
  g.output(g.op('ArgMax', [logits], { axis: -1, keepdims: 0 }), 'token'); // [1, 1]: as input_ids is
  const cached = (kind: 'past' | 'present', tokens: string) =>
    cacheNames(kind).map((name) => value(name, 'float32', [1, shape.heads, tokens, dim]));
  return g.finishAll(
    [value('input_ids', 'int64', [1, 1]), value('position_ids', 'int64', [1, 1]), ...cached('past', 'past')],
    [value('token', 'int64', [1, 1]), value('logits', 'float32', [1, 1, shape.vocabulary]), ...cached('present', 'present')],
  );
}

function cacheNames(kind: 'past' | 'present'): string[] {
  return Array.from({ length: shape.layers }, (_, i) => [`${kind}.${i}.key`, `${kind}.${i}.value`]).flat();
}

type Cache = Record<string, OrtTensor>;

export async function byOnnxruntime(
  { weights, prompt }: DecoderData,
  generated: number,
  threads: number,
  product: Product = inFloat32,
): Promise<Ready> {
  const ort = await onnxruntime(threads);
  const opened = await session(ort, model(decoderGraph(weights, product)));
  const wanted = ['token', ...cacheNames('present')];
  const long = (number: bigint) => new ort.Tensor('int64', BigInt64Array.of(number), [1, 1]);
  const empty = () => new ort.Tensor('float32', new Float32Array(0), [1, shape.heads, 0, dim]);

  let cache: Cache = Object.fromEntries(cacheNames('past').map((name) => [name, empty()]));
  let position = 0n;
  let token = long(0n) as OrtTensor;
  let logits = new Float32Array(0);

  /** Feeds one token, and gives the next. */
  async function step(ids: OrtTensor, outputs: string[]): Promise<OrtTensor> {
    const found = await opened.run({ input_ids: ids, position_ids: long(position), ...cache }, outputs);
    position++;
    cache = Object.fromEntries(cacheNames('past').map((name) => [name, found[name.replace('past', 'present')]!]));
    if (found.logits) logits = (found.logits.data as Float32Array<ArrayBuffer>).slice();
    return found.token!;
  }

  for (const id of prompt) token = await step(long(BigInt(id)), [...wanted, 'logits']);
  const firstLogits = logits;
  const [firstToken, firstCache, firstPosition] = [token, cache, position];
  const idOf = (tensor: OrtTensor) => Number((tensor.data as BigInt64Array)[0]);

  return {
    repetitions: generated,
    async rewind() {
      [token, cache, position] = [firstToken, firstCache, firstPosition];
    },
    async run(times) {
      for (let i = 0; i < times; i++) token = await step(token, wanted);
      return undefined;
    },
    async results() {
      const tokens = [idOf(token)];
      for (let i = 1; i < generated; i++) {
        token = await step(token, wanted);
        tokens.push(idOf(token));
      }
      await step(token, [...wanted, 'logits']);
      return { first: firstLogits, tokens: comparable(tokens), last: logits };
    },
    close: () => opened.release(),
  };
}
