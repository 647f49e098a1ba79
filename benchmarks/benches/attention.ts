import { faster } from '../bars.ts';
import type { Case } from '../contest.ts';
import type { Bench } from './bench.ts';
import { attentionData, type AttentionData, forwardFlops, heads, dim } from './attention/data.ts';
import { memoryTable } from './attention/memory.ts';
import { backwardOf, forwardOf } from './attention/multihead.ts';
import { byOnnxruntime, graphs } from './attention/onnxruntime.ts';
import { gradientRows, outputRows } from '../reference/attention.ts';

/** Causal attention, alone. */
export const bench: Bench = {
  name: 'attention',
  title: `causal attention, ${heads} heads, d ${dim}, one sample; forward, and forward with backward`,
  notes: [
    'Rates count the visible half of the scores. onnxruntime-web has no gradients, so it runs forward alone, in every way that it has: the bar is its fastest.',
    'The composed path is the definition of attention in plain operations of ours, which differentiates itself; its scores are tokens × tokens.',
  ],
  cases: ({ threads }) =>
    sizes.flatMap((tokens) => [forwardCase(attentionData(tokens), threads), backwardCase(attentionData(tokens), threads)]),
  judge: () => [
    faster('multihead', graphs.map(({ name }) => name), 1.5, { case: (name) => name.startsWith('forward,') }), // biome-ignore format: one bar
    faster('multihead', ['multihead, composed'], 1.5, { case: (name) => name.startsWith('both,'), optional: true }),
  ],
  extra: ({ threads }) => memoryTable(sizes, threads),
};

const sizes = [512, 2048, 8192];

function forwardCase(data: AttentionData, threads: number): Case {
  return {
    name: `forward, ${data.tokens}`,
    contestants: [
      { name: 'multihead', prepare: () => forwardOf(data, threads) },
      ...graphs
        .filter(({ takesPart }) => takesPart(data.tokens))
        .map(({ name, note, graph, layout }) => ({ name, note, prepare: () => byOnnxruntime(graph, layout, data, threads) })),
    ],
    tolerance: 1e-4,
    referee: { name: 'float64 loops, 16 rows', results: () => ({ rows: outputRows(data) }) },
    work: { amount: forwardFlops(data.tokens), unit: 'GFLOP/s' },
  };
}

function backwardCase(data: AttentionData, threads: number): Case {
  return {
    name: `both, ${data.tokens}`,
    contestants: [
      { name: 'multihead', prepare: () => backwardOf(data, threads, false) },
      { name: 'multihead, composed', prepare: () => backwardOf(data, threads, true) },
    ],
    tolerance: 1e-4,
    referee: { name: 'float64 loops, some rows', results: () => gradientRows(data) },
    // Backward has five products where forward has two.
    work: { amount: 3.5 * forwardFlops(data.tokens), unit: 'GFLOP/s' },
  };
}
