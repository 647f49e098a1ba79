import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { wasm } from '@multihead/kernels-wasm';
import { dispose, parameters, Rng, setBackend } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { AudioError, decodeAudio, encodeWav } from '@multihead/transformer/audio';
import { readJson } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';
import { readFeatureExtractorConfig, readSpeechGenerationConfig, transcribeSegments } from '@multihead/transformer/speech';
import type { WhisperForConditionalGeneration } from '@multihead/transformer/whisper';
import { defineCommand, runMain } from 'citty';
import { loadModel, saveModel } from './checkpoint.js';
import { record } from './data.js';
import { evaluate, wordsOf } from './evaluate.js';
import { createModel } from './model.js';
import { train } from './train.js';
import { sampleRate } from './voice.js';

const here = fileURLToPath(new URL('.', import.meta.url));

const args = {
  eval: { type: 'boolean', description: 'only print the errors of the committed checkpoint' },
  hear: { type: 'string', description: 'only transcribe this WAV or FLAC file with the committed checkpoint' },
  say: { type: 'string', description: 'only write a recording of so many seconds to say.wav, and print what it says' },
  steps: { type: 'string', default: '4500', description: 'steps of training' },
  batch: { type: 'string', default: '16', description: 'windows in a batch' },
  lr: { type: 'string', default: '2.5e-3', description: 'highest learning rate' },
  seed: { type: 'string', default: '1', description: 'of weights and of what is said' },
  recordings: { type: 'string', default: '100', description: 'recordings of the evaluation, of each length' },
  backend: { type: 'string', default: 'wasm', description: 'wasm or cpu' },
  folder: { type: 'string', default: join(here, 'runs', 'default'), description: 'of the run; an unfinished one there is resumed' },
  fresh: { type: 'boolean', description: 'begin again instead of resuming' },
  checkpoint: { type: 'string', default: join(here, 'checkpoint'), description: 'where the trained model is written, or read' },
} as const;

interface Settings {
  steps: number;
  batch: number;
  lr: number;
  seed: number;
  recordings: number;
  folder: string;
  checkpoint: string;
}

const main = defineCommand({
  meta: {
    name: 'recipe speech',
    description: 'Trains a small Whisper to understand numbers in two languages, or evaluates the trained one',
  },
  args,
  async run({ args }) {
    const settings: Settings = { ...numbers(args), folder: args.folder, checkpoint: args.checkpoint };
    const signal = untilInterrupted();
    if (args.backend === 'wasm') setBackend(await wasm());
    else if (args.backend !== 'cpu') throw new Error(`--backend: expected wasm or cpu, got ${args.backend}`);
    if (args.say !== undefined) return say(Number(args.say), settings);
    if (args.hear !== undefined) return hear(args.hear, settings, signal);
    if (args.eval) return report(await loadModel(settings.checkpoint), settings, signal);
    if (args.fresh) await rm(settings.folder, { recursive: true, force: true });
    await trainAndReport(settings, signal);
  },
});

function numbers(args: Record<'steps' | 'batch' | 'lr' | 'seed' | 'recordings', string>) {
  const number = (name: keyof typeof args) => {
    const value = Number(args[name]);
    if (!(value > 0)) throw new Error(`--${name}: expected a number above 0, got ${args[name]}`);
    return value;
  };
  return { steps: number('steps'), batch: number('batch'), lr: number('lr'), seed: number('seed'), recordings: number('recordings') };
}

/** Ctrl-C ends the run after the step at hand, with its state saved; a second one ends the process. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort(new Error(`stopped by ${name}`)));
  return controller.signal;
}

async function trainAndReport(settings: Settings, signal: AbortSignal): Promise<void> {
  const { steps, batch, lr, seed, folder: path } = settings;
  const model = createModel(new Rng(seed));
  const size = parameters(model).reduce((sum, p) => sum + p.size, 0);
  console.log(`${(size / 1e3).toFixed(0)} thousand parameters; run in ${path}`);
  await mkdir(path, { recursive: true });
  const started = performance.now();
  let smoothed = Number.NaN;
  let left = steps;
  for await (const { step, loss } of train(model, { steps, batchSize: batch, lr, seed, folder: path, saveEvery: 250, signal })) {
    smoothed = Number.isNaN(smoothed) ? loss : 0.98 * smoothed + 0.02 * loss;
    left = steps - step;
    if (step % 50 === 0 || left === 0)
      console.log(`${step} of ${steps}  loss ${smoothed.toFixed(3)}  ${((performance.now() - started) / 1000).toFixed(0)} s`);
  }
  if (signal.aborted) {
    console.log(`Stopped with ${left} steps to go; the same command goes on from there.`);
    process.exitCode = 130;
    return;
  }
  await saveModel(settings.checkpoint, model);
  await report(model, settings, signal);
}

async function report(model: WhisperForConditionalGeneration, { recordings }: Settings, signal: AbortSignal): Promise<void> {
  for (const [name, seconds, count] of [
    ['one window', 3.9, recordings],
    ['several windows', 20, Math.ceil(recordings / 4)],
  ] as const) {
    const started = performance.now();
    // Seeds that training does not come to.
    const score = await evaluate(model, { recordings: count, seconds, seed: 2 ** 31, signal });
    const { start, inner, end } = score.alignment;
    const took = (performance.now() - started) / 1000;
    const ms = (time: number) => `${(1000 * time).toFixed(0)} ms`;
    console.log(
      `${name}: ${count} recordings of ${seconds} s, ${score.words} words: WER ${percent(score.wer)}, language ${percent(score.languages / count)}`,
    );
    console.log(`  off by: beginnings ${ms(start)}, without those behind pauses ${ms(inner)}, ends ${ms(end)}`);
    console.log(`  ${took.toFixed(0)} s, ${((count * seconds) / took).toFixed(0)} times faster than they were said`);
  }
  dispose(model);
}

async function hear(path: string, { checkpoint }: Settings, signal: AbortSignal): Promise<void> {
  const source = folder(checkpoint);
  const model = await loadModel(checkpoint);
  const tokenizer = fromTokenizerJson(await readFile(join(checkpoint, 'tokenizer.json'), 'utf8'));
  const generation = readSpeechGenerationConfig(await readJson(source, 'generation_config.json'));
  const features = readFeatureExtractorConfig(await readJson(source, 'preprocessor_config.json'));
  try {
    const sound = decodeAudio(await readFile(path));
    const segments = transcribeSegments(model, tokenizer, sound, {
      ...generation,
      features,
      temperature: 0,
      return_timestamps: 'word',
      signal,
    });
    for await (const { start, end, words } of segments) {
      const timed = words!.map(({ text, start }) => `${text.trim()} (${start.toFixed(2)})`).join(' ');
      console.log(`${start.toFixed(2)} to ${end.toFixed(2)}  ${timed}`);
    }
  } catch (error) {
    if (!(error instanceof AudioError)) throw error;
    console.error(`Cannot hear it: ${error.message}`);
    process.exitCode = 1;
  } finally {
    dispose(model);
  }
}

async function say(seconds: number, { seed }: Settings): Promise<void> {
  const recording = record(seconds, new Rng(seed), { isWhole: true });
  await writeFile('say.wav', encodeWav({ samples: recording.samples, sampleRate }));
  for (const { text, start, end } of wordsOf(recording)) console.log(`${start.toFixed(2)} to ${end.toFixed(2)}  ${text}`);
}

function percent(rate: number): string {
  return `${(100 * rate).toFixed(1)} %`;
}

await runMain(main);
