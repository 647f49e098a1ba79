import { faster } from '../bars.ts';
import type { Case, Contestant } from '../contest.ts';
import { logitsAfterPrompt } from '../reference/decoder.ts';
import type { Bench } from './bench.ts';
import { context, decoderData, generated, shape } from './decode/data.ts';
import { ours } from './decode/multihead.ts';
import { byGroups, byOnnxruntime, byRows, type Product } from './decode/onnxruntime.ts';

/** Weights that share a scale in 8 bits. */
const GROUP = 32;

/** Greedy decoding with a cache of keys and values, one token at a time. */
export const bench: Bench = {
  name: 'decode',
  title: `greedy decoding with a cache, ${shape.layers} layers, d ${shape.width}, ${shape.heads} heads, ffn ${shape.hidden}, vocabulary ${shape.vocabulary}`,
  notes: [
    `One repetition is one token; a batch is the ${generated} tokens after a context of ${context}, which is not timed (16 in 8 bits, and with --quick). Everyone learns each token before the next one.`,
    "onnxruntime-web runs the graph as an exporter writes it, with past and present keys and values, whose outputs are the next token's inputs; ArgMax is in the graph, so that only the token comes out.",
  ],
  cases: ({ threads, quick }) => [float32Case(threads, quick ? 16 : generated), int8Case(threads)],
  judge: ({ threads }) => [
    faster('multihead', ['onnxruntime-web'], 1.3, { case: 'float32', optional: threads > 1 }),
    faster('multihead, int8', ['multihead'], 2.5, { case: 'int8' }),
    faster('multihead, int8', ['onnxruntime-web, MatMulNBits', 'onnxruntime-web, MatMulInteger'], 1.3, {
      case: 'int8',
      optional: threads > 1,
    }),
  ],
};

function float32Case(threads: number, tokens: number): Case {
  const data = decoderData();
  return {
    name: 'float32',
    contestants: [
      { name: 'multihead', prepare: () => ours(data, tokens, threads) },
      { name: 'onnxruntime-web', prepare: () => byOnnxruntime(data, tokens, threads) },
    ],
    tolerance: 1e-3,
    referee: { name: 'float64 loops, logits after the context', results: () => ({ first: logitsAfterPrompt(data) }) },
    work: { amount: 1, unit: 'tokens/s' },
  };
}

/** All linear layers and the head in 8 bits. Each peer rounds in its own way: what they agree on is looser, and the tokens that follow differ. */
function int8Case(threads: number): Case {
  const tokens = 16; // one of the peers takes a fifth of a second for each
  const data = decoderData();
  const first = ({ prepare, ...contestant }: Contestant): Contestant => ({
    ...contestant,
    async prepare() {
      const ready = await prepare();
      return { ...ready, results: async () => ({ first: (await ready.results()).first! }) };
    },
  });
  const ort = (how: string, product: Product): Contestant => ({
    name: `onnxruntime-web, ${how}`,
    prepare: () => byOnnxruntime(data, tokens, threads, product),
  });
  return {
    name: 'int8',
    contestants: [
      { name: 'multihead, int8', prepare: () => ours(data, tokens, threads, GROUP) },
      { name: 'multihead', prepare: () => ours(data, tokens, threads) },
      ort('MatMulNBits', byGroups(GROUP)),
      ort('MatMulInteger', byRows),
    ].map(first),
    tolerance: 0.05,
    work: { amount: 1, unit: 'tokens/s' },
  };
}
