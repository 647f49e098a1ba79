import { faster } from '../bars.ts';
import type { Case, Contestant } from '../contest.ts';
import type { Bench } from './bench.ts';
import { type EmbedInput, floatingPoint, inputs } from './embed/data.ts';
import { ours } from './embed/multihead.ts';
import { byTransformers, type How } from './embed/transformers.ts';

const exported = 'transformers.js';
const fused = 'transformers.js, fused operators';

/** Texts to vectors of length 1, by a BERT of the size of all-MiniLM-L6: the whole way, tokenizer included. */
export const bench: Bench = {
  name: 'embed',
  title: 'texts to normalised vectors, a BERT of the size of all-MiniLM-L6',
  notes: [
    "All read the same checkpoint and texts. transformers.js runs on onnxruntime-web, on the graph as an exporter writes it, or on one of ONNX Runtime's own fused operators.",
    'The 32 texts have 8 to 128 tokens; transformers.js pads them to the longest, unless it is called text by text. GFLOP/s do not count padding.',
    'For information: transformers.js on onnxruntime-node, native code with wider vectors than WebAssembly has.',
  ],
  cases: async ({ threads }) => (await inputs()).map((input) => embedCase(input, threads)),
  judge: () => [faster('multihead', [exported, fused], 1.7)],
};

function embedCase(input: EmbedInput, threads: number): Case {
  const peer = (name: string, how: How): Contestant => ({ name, prepare: () => byTransformers(input, threads, how) });
  const many = input.texts.length > 1;
  return {
    name: input.name,
    contestants: [
      { name: 'multihead', prepare: () => ours(input, threads) },
      peer(exported, { engine: 'wasm', file: 'model' }),
      peer(fused, { engine: 'wasm', file: 'model_fused' }),
      ...(many ? [peer('transformers.js, fused, text by text', { engine: 'wasm', file: 'model_fused', oneByOne: true })] : []),
      peer('transformers.js, native', { engine: 'native', file: 'model_fused' }),
    ],
    tolerance: 1e-4,
    work: { amount: floatingPoint(input), unit: 'GFLOP/s' },
  };
}
