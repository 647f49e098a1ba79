import type { Ready } from '../../contest.ts';
import { GraphWriter } from '../../onnx/graph-writer.ts';
import { type Dims, model, value } from '../../onnx/model.ts';
import type { Message } from '../../onnx/protobuf.ts';
import { onnxruntime, session } from '../../peers/onnxruntime.ts';
import { type AttentionData, byHeads, byTokens, dim, heads, pickRows, queriesOf } from './data.ts';

/** In what order a graph wants its inputs, and gives its output. */
type Layout = 'heads first' | 'tokens first';

interface Variant {
  name: string;
  layout: Layout;
  graph(tokens: number): { content: Message; opset?: number };
}

/** Every way in which onnxruntime-web can be asked for causal attention. */
export const graphs: Variant[] = [
  { name: 'onnxruntime-web, MatMul and Softmax', layout: 'heads first', graph: plain },
  { name: 'onnxruntime-web, Attention', layout: 'heads first', graph: onnxAttention },
  { name: 'onnxruntime-web, MultiHeadAttention', layout: 'tokens first', graph: multiHead },
  { name: 'onnxruntime-web, GroupQueryAttention', layout: 'tokens first', graph: groupQuery },
];

const inputNames = ['q', 'k', 'v'] as const;
const dimsOf = (layout: Layout, tokens: number): number[] =>
  layout === 'heads first' ? [1, heads, tokens, dim] : [1, tokens, heads * dim];
const inputsOf = (layout: Layout, tokens: number) => inputNames.map((name) => value(name, 'float32', dimsOf(layout, tokens)));
const outputOf = (layout: Layout, tokens: number) => value('y', 'float32', dimsOf(layout, tokens));

/** As an exporter writes it. */
function plain(tokens: number): { content: Message } {
  const g = new GraphWriter();
  const visible = Uint8Array.from({ length: tokens * tokens }, (_, at) => Number(at % tokens <= Math.floor(at / tokens)));
  const mask = g.constant({ dtype: 'bool', dims: [1, 1, tokens, tokens], data: visible });
  const keys = g.op('Transpose', ['k'], { perm: [0, 1, 3, 2] });
  const scores = g.op('Mul', [g.op('MatMul', ['q', keys]), g.scalar(dim ** -0.5)]); // [1, H, T, T]
  const seen = g.op('Where', [mask, scores, g.scalar(Number.NEGATIVE_INFINITY)]);
  const y = g.op('MatMul', [g.op('Softmax', [seen], { axis: -1 }), 'v']);
  return { content: g.finish(y, inputsOf('heads first', tokens), outputOf('heads first', tokens)) };
}

/** ONNX's own operator, new in opset 23. */
function onnxAttention(tokens: number): { content: Message; opset: number } {
  const g = new GraphWriter();
  const y = g.op('Attention', inputNames, { is_causal: 1 });
  return { content: g.finish(y, inputsOf('heads first', tokens), outputOf('heads first', tokens)), opset: 23 };
}

function multiHead(tokens: number): { content: Message } {
  const g = new GraphWriter();
  const y = g.op('MultiHeadAttention', inputNames, { num_heads: heads, unidirectional: 1 }, 'com.microsoft');
  return { content: g.finish(y, inputsOf('tokens first', tokens), outputOf('tokens first', tokens)) };
}

function groupQuery(tokens: number): { content: Message } {
  const g = new GraphWriter();
  const last = g.constant({ dtype: 'int32', dims: [1], data: Int32Array.of(tokens - 1) });
  const total = g.constant({ dtype: 'int32', dims: [1], data: Int32Array.of(tokens) });
  const attributes = { num_heads: heads, kv_num_heads: heads };
  const [y] = g.ops('GroupQueryAttention', [...inputNames, '', '', last, total], 3, attributes, 'com.microsoft');
  return { content: g.finish(y!, inputsOf('tokens first', tokens), outputOf('tokens first', tokens)) };
}

export async function byOnnxruntime(graph: Variant['graph'], layout: Layout, data: AttentionData, threads: number): Promise<Ready> {
  const { tokens } = data;
  const ort = await onnxruntime(threads);
  const { content, opset } = graph(tokens);
  const opened = await session(ort, model(content, opset));
  const dims: Dims & number[] = dimsOf(layout, tokens);
  const asAsked = (x: Float32Array) => (layout === 'heads first' ? byHeads(x, tokens) : x);
  const feeds = Object.fromEntries(inputNames.map((name) => [name, new ort.Tensor('float32', asAsked(data[name]), dims)]));
  const fetches = { y: new ort.Tensor('float32', new Float32Array(tokens * heads * dim), dims) };
  return {
    async run(times) {
      for (let i = 0; i < times; i++) await opened.run(feeds, fetches);
      return undefined;
    },
    async results() {
      const found = (await opened.run(feeds)).y!.data as Float32Array;
      const y = layout === 'heads first' ? byTokens(found, tokens) : found;
      return { rows: pickRows(y, queriesOf(tokens)), y };
    },
    close: () => opened.release(),
  };
}
