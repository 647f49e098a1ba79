import { faster } from '../bars.ts';
import { Absent, type Case, type Contestant } from '../contest.ts';
import { logitsAfterPrompt } from '../reference/decoder.ts';
import type { Bench } from './bench.ts';
import { context, decoderData, generated, shape } from './decode/data.ts';
import { ours } from './decode/multihead.ts';
import { byOnnxruntime } from './decode/onnxruntime.ts';

/** Greedy decoding with a cache of keys and values, one token at a time. */
export const bench: Bench = {
  name: 'decode',
  title: `greedy decoding with a cache, ${shape.layers} layers, d ${shape.width}, ${shape.heads} heads, ffn ${shape.hidden}, vocabulary ${shape.vocabulary}`,
  notes: [
    `One repetition is one token; a batch is the ${generated} tokens after a context of ${context}, which is not timed (16 with --quick). Everyone learns each token before the next one.`,
    "onnxruntime-web runs the graph as an exporter writes it, with past and present keys and values, whose outputs are the next token's inputs; ArgMax is in the graph, so that only the token comes out.",
  ],
  cases: ({ threads, quick }) => [float32Case(threads, quick ? 16 : generated), int8Case()],
  judge: ({ threads }) => [
    faster('multihead', ['onnxruntime-web'], 1.3, { case: 'float32', optional: threads > 1 }),
    faster('multihead, int8', ['multihead'], 2.5, { case: 'int8' }),
    faster('multihead, int8', ['onnxruntime-web, int8'], 1.3, { case: 'int8', optional: threads > 1 }),
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

/**
 * Its place, until `linearQ` is there: then "multihead, int8" decodes with quantised weights, "onnxruntime-web, int8" with MatMulNBits or
 * with DynamicQuantizeLinear and MatMulInteger, and "multihead" in float32 beside them is what the bar of 2.5 is measured by.
 */
function int8Case(): Case {
  const missing = (name: string): Contestant => ({
    name,
    prepare: () => Promise.reject(new Absent('not built yet: linearQ')),
  });
  return {
    name: 'int8',
    contestants: [missing('multihead, int8'), missing('onnxruntime-web, int8')],
    tolerance: 0.05,
    work: { amount: 1, unit: 'tokens/s' },
  };
}
