import { sourceTokenizer } from '@multihead/examples/g2p/tokens.ts';
import { TokenizerError } from '@multihead/tokenizer';
import type { BackendName } from './backends.js';
import { openBackends } from './backends.js';
import { serve } from './channel.js';
import type { Answers, ModelFacts, PronounceCalls, UnknownCharacter } from './pronounce-calls.js';
import { fetchCheckpoint, Pronouncer } from './pronounce-model.js';
import { nextTurn, oneAtATime } from './turns.js';

const alone = oneAtATime();
let pronouncers: Partial<Record<BackendName, Pronouncer>> = {};

serve<PronounceCalls>(self, {
  load: (_, { signal, report }) =>
    alone(async (): Promise<ModelFacts> => {
      const [checkpoint, backends] = await Promise.all([fetchCheckpoint(signal, report), openBackends()]);
      const onCpu = await Pronouncer.open(checkpoint, backends.cpu);
      pronouncers = { cpu: onCpu, ...(backends.wasm && { wasm: await Pronouncer.open(checkpoint, backends.wasm) }) };
      const { num_decoder_layers: layers, nhead: heads, d_model: dim } = checkpoint.config;
      return { layers, heads, dim, parameters: onCpu.parameters, bytes: checkpoint.bytes.length, noWasm: backends.why };
    }),

  pronounce: ({ word, backend }, { signal }) =>
    alone(async (): Promise<Answers | UnknownCharacter> => {
      signal.throwIfAborted();
      try {
        const answers = await on(backend).pronounce(word, signal);
        return { kind: 'answers', answers, attention: await on(backend).look(word, answers[0]!.phonemes) };
      } catch (error) {
        if (!(error instanceof TokenizerError && error.token !== undefined)) throw error;
        return { kind: 'unknown', character: error.token, known: sourceTokenizer.vocabulary.join('') };
      }
    }),

  look: ({ word, phonemes, backend }, { signal }) =>
    alone(() => {
      signal.throwIfAborted();
      return on(backend).look(word, phonemes);
    }),

  time: async ({ word }, { signal, report }) => {
    for (const backend of ['wasm', 'cpu'] as const) {
      const pronouncer = pronouncers[backend];
      if (!pronouncer) continue;
      const runs: number[] = [];
      for (let run = 0; run < 4; run++) {
        // Others may be answered in between: they take their turn between two runs, not within one.
        await alone(async () => {
          await nextTurn();
          signal.throwIfAborted();
          const started = performance.now();
          await pronouncer.pronounce(word, signal);
          runs.push(performance.now() - started);
        });
      }
      report({ backend, milliseconds: median(runs.slice(1)) }); // the first run was the warm-up
    }
    return null;
  },
});

function on(backend: BackendName): Pronouncer {
  const found = pronouncers[backend];
  if (!found) throw new Error(`There is no ${backend} backend here.`);
  return found;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
