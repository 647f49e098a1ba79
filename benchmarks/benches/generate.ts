import { faster } from '../bars.ts';
import type { Bench } from './bench.ts';
import { generated, prompt, promptTokens } from './generate/data.ts';
import { ours } from './generate/multihead.ts';
import { byTransformers } from './generate/transformers.ts';

/** A text to the text that goes on from it, greedily, by a GPT-2 of the size of DistilGPT-2: the whole way, tokenizer included. */
export const bench: Bench = {
  name: 'generate',
  title: `a text of ${promptTokens} tokens to ${generated} more, greedily, a GPT-2 of the size of DistilGPT-2`,
  notes: [
    `One repetition is one call, text to text, the prompt included; a rate counts the ${generated} new tokens. All read the same checkpoint.`,
    'transformers.js runs on onnxruntime-web, on the graph as an exporter writes it, with past and present keys and values; of the prompt it computes the last logits only (`num_logits_to_keep`).',
    'For information: transformers.js on onnxruntime-node, native code with wider vectors than WebAssembly has.',
  ],
  cases: async ({ threads }) => {
    const text = await prompt();
    return [
      {
        name: 'greedy',
        contestants: [
          { name: 'multihead', prepare: () => ours(text, threads) },
          { name: 'transformers.js', prepare: () => byTransformers(text, threads, 'wasm') },
          { name: 'transformers.js, native', prepare: () => byTransformers(text, threads, 'native') },
        ],
        tolerance: 0, // the same tokens
        work: { amount: generated, unit: 'tokens/s' },
      },
    ];
  },
  judge: () => [faster('multihead', ['transformers.js'], 1.3)],
};
