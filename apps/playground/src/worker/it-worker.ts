import { type Backend, loadStateDict, parameters, readState, Rng, setBackend, type TensorData } from '@multihead/tensor';
import { ItModel } from '../it/model.js';
import { measureEvery, plan } from '../it/plan.js';
import { accuracy, attentionMaps, lookOf } from '../it/reader.js';
import { ItTraining, modelConfig, testSentences } from '../it/training.js';
import { openBackends } from './backends.js';
import { serve } from './channel.js';
import type { ItCalls, Score, TrainReport } from './it-calls.js';
import { nextTurn, oneAtATime } from './turns.js';

/** About how long to train between two reports, in milliseconds. */
const reportEvery = 60;

const alone = oneAtATime();
const tests = { seen: testSentences('seen'), unseen: testSentences('unseen') };
/** Takes on the weights of earlier steps, to look at a new sentence with them. */
const replay = new ItModel(modelConfig, new Rng(0));
let opened: { backend: Backend; why: string | null } | undefined;
let training: ItTraining | undefined;
let past: { step: number; weights: Map<string, TensorData> }[] = [];
let shown: ItCalls['look']['argument'] | undefined;

serve<ItCalls>(self, {
  reset: (options) =>
    alone(async () => {
      opened ??= await open();
      training?.dispose();
      training = new ItTraining(options);
      past = [];
      const score = await measure(training);
      const size = parameters(training.model).reduce((sum, parameter) => sum + parameter.size, 0);
      return { backend: opened.backend.name, noWasm: opened.why, parameters: size, score };
    }),

  train: async (_, { signal, report }) => {
    while (!signal.aborted) {
      const found = await alone(async () => (signal.aborted || training!.steps >= plan.steps ? null : await stretch(training!)));
      if (!found) break;
      report(found);
      await nextTurn(); // a pause may have arrived
    }
    return null;
  },

  look: (sentence) =>
    alone(async () => {
      shown = sentence;
      const maps = await attentionMaps(training!.model, sentence.words);
      const rows: Float32Array[] = [];
      for (const { weights } of past) {
        loadStateDict(replay, weights);
        rows.push(await lookOf(replay, sentence.words, sentence.it));
      }
      return { maps, history: { steps: past.map(({ step }) => step), rows } };
    }),
});

async function open() {
  const { cpu, wasm, why } = await openBackends();
  const backend = wasm ?? cpu;
  setBackend(backend);
  return { backend, why };
}

/** Trains until something is to be reported. */
async function stretch(current: ItTraining): Promise<TrainReport> {
  const started = performance.now();
  const losses: number[] = [];
  do losses.push(await current.step());
  while (current.steps % measureEvery !== 0 && performance.now() - started < reportEvery);
  const milliseconds = performance.now() - started;
  const due = current.steps % measureEvery === 0;
  const score = due ? await measure(current) : null;
  const maps = shown ? await attentionMaps(current.model, shown.words) : null;
  const row = due && shown ? await lookOf(current.model, shown.words, shown.it) : null;
  return { step: current.steps, milliseconds, losses, score, maps, row };
}

/** The accuracy now; remembers the weights. */
async function measure({ steps, model }: ItTraining): Promise<Score> {
  past.push({ step: steps, weights: await readState(model) });
  return { step: steps, seen: await accuracy(model, tests.seen), unseen: await accuracy(model, tests.unseen) };
}
