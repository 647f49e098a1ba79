import { loadStateDict, noGrad, scope, type Tensor, dispose } from '@multihead/tensor';
import { TransformerEncoder } from '@multihead/transformer/seq2seq';
import { faster } from '../bars.ts';
import type { Case, Ready } from '../contest.ts';
import { encoderGraph, fusedEncoderGraph } from '../onnx/encoder.ts';
import { model } from '../onnx/model.ts';
import { finished, multihead, onBackend } from '../peers/multihead.ts';
import { onnxruntime, type OrtTensor, session } from '../peers/onnxruntime.ts';
import { pytorch } from '../peers/pytorch.ts';
import { normals } from '../random.ts';
import { encode } from '../reference/encoder.ts';
import { attentionDraw, draw, linearDraw, normDraw, stateOf, type Weights } from '../weights.ts';
import type { Bench } from './bench.ts';

/** A BERT-like encoder of the size of all-MiniLM-L6, without embeddings. */
export const bench: Bench = {
  name: 'encoder',
  title: '6 encoder layers, d 384, 12 heads, ffn 1536, GELU, post-norm, [batch, tokens, 384] in and out',
  notes: [
    'onnxruntime-web runs the graph as an exporter writes it; in the row "fused operators" a graph of its own contrib operators for attention, residual norms and GELU.',
  ],
  cases: ({ threads }) => ([[1, 16], [1, 128], [8, 128]] as const).map(([batch, tokens]) => encoderCase(batch, tokens, threads)), // biome-ignore format: a list
  judge: () => [faster('multihead', ['onnxruntime-web', 'onnxruntime-web, fused operators'], 1.6)],
};

export interface EncoderShape {
  layers: number;
  width: number;
  heads: number;
  hidden: number;
  eps: number;
}

const shape: EncoderShape = { layers: 6, width: 384, heads: 12, hidden: 1536, eps: 1e-12 };

export interface EncoderInput {
  batch: number;
  tokens: number;
  /** [B, T, E] */
  x: Float32Array<ArrayBuffer>;
  /** Tokens of each sample that are none but padding come last. */
  lengths: number[];
}

function encoderCase(batch: number, tokens: number, threads: number): Case {
  const weights = encoderWeights(shape);
  const input: EncoderInput = {
    batch,
    tokens,
    x: normals(7, batch * tokens * shape.width),
    lengths: Array.from({ length: batch }, (_, b) => tokens - Math.floor((b * tokens) / 16)),
  };
  return {
    name: `[${batch}, ${tokens}]`,
    contestants: [
      { name: 'multihead', prepare: () => ours(weights, input, threads) },
      { name: 'onnxruntime-web', prepare: () => byOnnxruntime(encoderGraph(weights, shape, input), input, threads) },
      {
        name: 'onnxruntime-web, fused operators',
        prepare: () => byOnnxruntime(fusedEncoderGraph(weights, shape, input), input, threads),
      },
      { name: 'PyTorch', prepare: () => byTorch(weights, input, threads) },
    ],
    tolerance: 1e-4,
    referee: { name: 'float64 loops, first sample', results: () => ({ first: encode(weights, shape, input, 0) }) },
    work: { amount: floatingPoint(batch, tokens), unit: 'GFLOP/s' },
  };
}

/** Of the matrix products: projections, scores and weighted sums, feed-forward. */
function floatingPoint(batch: number, tokens: number): number {
  const { layers, width, hidden } = shape;
  return 2 * layers * batch * tokens * (4 * width * width + 2 * tokens * width + 2 * width * hidden);
}

export function encoderWeights({ layers, width, hidden }: EncoderShape): Weights {
  const specs = Array.from({ length: layers }, (_, i) => ({
    ...attentionDraw(`layers.${i}.self_attn`, width),
    ...linearDraw(`layers.${i}.linear1`, hidden, width),
    ...linearDraw(`layers.${i}.linear2`, width, hidden),
    ...normDraw(`layers.${i}.norm1`, width),
    ...normDraw(`layers.${i}.norm2`, width),
  }));
  return draw(Object.assign({}, ...specs), 1);
}

/** What is compared: the first sample, and all of them, where there is no padding. */
function compared(y: Float32Array, { batch, tokens, lengths }: EncoderInput): { first: Float32Array; y: Float32Array } {
  const width = y.length / (batch * tokens);
  const kept = y.slice();
  for (const [b, length] of lengths.entries()) kept.fill(0, (b * tokens + length) * width, (b + 1) * tokens * width);
  return { first: kept.slice(0, tokens * width), y: kept };
}

async function ours(weights: Weights, input: EncoderInput, threads: number): Promise<Ready> {
  const { batch, tokens, lengths } = input;
  const backend = await multihead(threads);
  const encoder = new TransformerEncoder({
    d_model: shape.width,
    nhead: shape.heads,
    num_encoder_layers: shape.layers,
    num_decoder_layers: 0,
    dim_feedforward: shape.hidden,
    activation: 'gelu',
    layer_norm_eps: shape.eps,
    final_norm: false,
  });
  loadStateDict(encoder, stateOf(weights));
  const x = onBackend(backend, input.x, [batch, tokens, shape.width]);
  const visible = lengths.flatMap((length) => Array.from({ length: tokens }, (_, t) => Number(t < length)));
  const mask = onBackend(backend, Uint8Array.from(visible), [batch, 1, 1, tokens], 'bool');
  const forward = (): Tensor => noGrad(() => encoder.forward(x, { mask }));
  return {
    async run(times) {
      for (let i = 0; i < times; i++) {
        const open = scope();
        const y = forward();
        if (i === times - 1) await finished(y);
        open.close();
      }
      return undefined;
    },
    async results() {
      using _ = scope();
      return compared((await forward().data()) as Float32Array, input);
    },
    close() {
      dispose(encoder, { x, mask });
      backend.dispose();
    },
  };
}

async function byOnnxruntime(graph: ReturnType<typeof encoderGraph>, input: EncoderInput, threads: number): Promise<Ready> {
  const { batch, tokens, lengths } = input;
  const ort = await onnxruntime(threads);
  const opened = await session(ort, model(graph));
  const dims = [batch, tokens, shape.width];
  const visible = lengths.flatMap((length) => Array.from({ length: tokens }, (_, t) => (t < length ? 1n : 0n)));
  const feeds: Record<string, OrtTensor> = { x: new ort.Tensor('float32', input.x, dims) };
  if (opened.inputNames.includes('lengths')) feeds.lengths = new ort.Tensor('int32', Int32Array.from(lengths), [batch]);
  else feeds.attention_mask = new ort.Tensor('int64', BigInt64Array.from(visible), [batch, tokens]);
  const fetches = { y: new ort.Tensor('float32', new Float32Array(input.x.length), dims) };
  return {
    async run(times) {
      for (let i = 0; i < times; i++) await opened.run(feeds, fetches);
      return undefined;
    },
    async results() {
      return compared((await opened.run(feeds)).y!.data as Float32Array, input);
    },
    close: () => opened.release(),
  };
}

async function byTorch(weights: Weights, input: EncoderInput, threads: number): Promise<Ready> {
  const { batch, tokens, lengths } = input;
  const arrays = new Map<string, { shape: number[]; data: Float32Array | Int32Array }>([
    ...weights,
    ['x', { shape: [batch, tokens, shape.width], data: input.x }],
    ['lengths', { shape: [batch], data: Int32Array.from(lengths) }],
  ]);
  const ready = await pytorch({ name: 'encoder', options: { ...shape }, arrays }, threads);
  return {
    ...ready,
    async results() {
      return compared((await ready.results()).y as Float32Array, input);
    },
  };
}
