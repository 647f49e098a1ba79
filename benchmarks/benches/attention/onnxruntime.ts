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
  /** Where it is worth the time. */
  takesPart(tokens: number): boolean;
  note?: string;
}

const always = () => true;

/** Every way in which onnxruntime-web can be asked for causal attention. */
export const graphs: Variant[] = [
  { name: 'onnxruntime-web, MatMul and Softmax', layout: 'heads first', graph: plain, takesPart: always },
  {
    name: 'onnxruntime-web, MatMul and Softmax by heads',
    layout: 'heads first',
    graph: plainByHeads,
    takesPart: (tokens) => tokens > 2048,
    note: 'only where the scores of all heads together leave no memory for anything else',
  },
  { name: 'onnxruntime-web, Attention', layout: 'heads first', graph: onnxAttention, takesPart: always },
  { name: 'onnxruntime-web, MultiHeadAttention', layout: 'tokens first', graph: multiHead, takesPart: always },
  {
    name: 'onnxruntime-web, GroupQueryAttention',
    layout: 'tokens first',
    graph: groupQuery,
    takesPart: (tokens) => tokens <= 512,
    note: 'only at 512 tokens, where it shows that it is many times slower than the others',
  },
];

const inputNames = ['q', 'k', 'v'] as const;
const dimsOf = (layout: Layout, tokens: number): number[] =>
  layout === 'heads first' ? [1, heads, tokens, dim] : [1, tokens, heads * dim];
const inputsOf = (layout: Layout, tokens: number) => inputNames.map((name) => value(name, 'float32', dimsOf(layout, tokens)));
const outputOf = (layout: Layout, tokens: number) => value('y', 'float32', dimsOf(layout, tokens));

/** As an exporter writes it. */
function plain(tokens: number): { content: Message } {
  const g = new GraphWriter();
  const y = attended(g, 'q', 'k', 'v', visibleMask(g, tokens));
  return { content: g.finish(y, inputsOf('heads first', tokens), outputOf('heads first', tokens)) };
}

/** The same for one head after the other, whose scores take an eighth of the memory. */
function plainByHeads(tokens: number): { content: Message } {
  const g = new GraphWriter();
  const mask = visibleMask(g, tokens);
  const ones = g.ints(Array.from({ length: heads }, () => 1));
  const [q, k, v] = inputNames.map((name) => g.ops('Split', [name, ones], heads, { axis: 1 })) as [string[], string[], string[]];
  const parts = q.map((one, h) => attended(g, one, k[h]!, v[h]!, mask));
  const y = g.op('Concat', parts, { axis: 1 });
  return { content: g.finish(y, inputsOf('heads first', tokens), outputOf('heads first', tokens)) };
}

function visibleMask(g: GraphWriter, tokens: number): string {
  const visible = Uint8Array.from({ length: tokens * tokens }, (_, at) => Number(at % tokens <= Math.floor(at / tokens)));
  return g.constant({ dtype: 'bool', dims: [1, 1, tokens, tokens], data: visible });
}

function attended(g: GraphWriter, q: string, k: string, v: string, mask: string): string {
  const keys = g.op('Transpose', [k], { perm: [0, 1, 3, 2] });
  const scores = g.op('Mul', [g.op('MatMul', [q, keys]), g.scalar(dim ** -0.5)]); // [1, H, T, T]
  const seen = g.op('Where', [mask, scores, g.scalar(Number.NEGATIVE_INFINITY)]);
  return g.op('MatMul', [g.op('Softmax', [seen], { axis: -1 }), v]);
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
