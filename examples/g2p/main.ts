import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { wasm } from '@multihead/kernels-wasm';
import { parameters, Rng, setBackend } from '@multihead/tensor';
import { TokenizerError } from '@multihead/tokenizer';
import type { Seq2Seq } from '@multihead/transformer/seq2seq';
import { defineCommand, runMain } from 'citty';
import { loadModel, saveModel } from './checkpoint.js';
import { type Entry, loadDictionary, splitEntries, trainingPairs } from './data.js';
import { evaluate } from './evaluate.js';
import { config, createModel } from './model.js';
import { ProgressLine } from './progress.js';
import { pronounce } from './pronounce.js';
import { sourceTokenizer, targetTokenizer } from './tokens.js';
import { train } from './train.js';

const here = fileURLToPath(new URL('.', import.meta.url));

const args = {
  eval: { type: 'boolean', description: 'only print the error rates of the committed checkpoint' },
  say: { type: 'string', description: 'only pronounce this word with the committed checkpoint' },
  dump: { type: 'string', description: 'only write the data as ids to this JSON file, for twin.py' },
  epochs: { type: 'string', default: '8', description: 'passes over the training pairs' },
  batch: { type: 'string', default: '64', description: 'words in a batch' },
  lr: { type: 'string', default: '1e-3', description: 'highest learning rate' },
  seed: { type: 'string', default: '1', description: 'of weights, order and dropout' },
  beams: { type: 'string', default: '5', description: 'beam width of the evaluation' },
  backend: { type: 'string', default: 'wasm', description: 'wasm or cpu' },
  folder: { type: 'string', default: join(here, 'runs', 'default'), description: 'of the run; an unfinished one there is resumed' },
  fresh: { type: 'boolean', description: 'begin again instead of resuming' },
  checkpoint: { type: 'string', default: join(here, 'checkpoint'), description: 'where the trained model is written, or read by --eval' },
} as const;

interface Settings {
  epochs: number;
  batch: number;
  lr: number;
  seed: number;
  beams: number;
  folder: string;
  checkpoint: string;
}

const main = defineCommand({
  meta: { name: 'recipe g2p', description: 'Trains the 2017 Transformer to pronounce English words, or evaluates the trained one' },
  args,
  async run({ args }) {
    const settings: Settings = { ...numbers(args), folder: args.folder, checkpoint: args.checkpoint };
    const signal = untilInterrupted();
    if (args.backend === 'wasm') setBackend(await wasm());
    else if (args.backend !== 'cpu') throw new Error(`--backend: expected wasm or cpu, got ${args.backend}`);
    if (args.say !== undefined) return say(args.say, settings, signal);
    const parts = splitEntries(await loadDictionary());
    if (args.dump !== undefined) return dump(args.dump, parts);
    if (args.eval) return report(await loadModel(settings.checkpoint), parts.test, settings, signal);
    if (args.fresh) await rm(settings.folder, { recursive: true, force: true });
    await trainAndReport(parts, settings, signal);
  },
});

function numbers(args: Record<'epochs' | 'batch' | 'lr' | 'seed' | 'beams', string>) {
  const number = (name: keyof typeof args) => {
    const value = Number(args[name]);
    if (!(value > 0)) throw new Error(`--${name}: expected a number above 0, got ${args[name]}`);
    return value;
  };
  return { epochs: number('epochs'), batch: number('batch'), lr: number('lr'), seed: number('seed'), beams: number('beams') };
}

/** Ctrl-C ends the run after the step at hand, with its state saved; a second one ends the process. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort(new Error(`stopped by ${name}`)));
  return controller.signal;
}

async function trainAndReport(parts: Record<'train' | 'valid' | 'test', Entry[]>, settings: Settings, signal: AbortSignal): Promise<void> {
  const { folder, seed, epochs, batch, lr } = settings;
  const model = createModel({ rng: new Rng(seed) });
  const pairs = trainingPairs(parts.train);
  const size = parameters(model).reduce((sum, p) => sum + p.size, 0);
  console.log(`${pairs.length} pronunciations of ${parts.train.length} words; ${(size / 1e6).toFixed(2)} M parameters; run in ${folder}`);
  await mkdir(folder, { recursive: true });
  const progress = new ProgressLine();
  const options = { epochs, batchSize: batch, lr, warmup: 500, labelSmoothing: 0.1, seed, folder, saveEvery: 500, signal };
  let steps = 0;
  for await (const at of train(model, pairs, options)) {
    steps = at.steps - at.step;
    const seconds = progress.update(at);
    if (at.step % 100 === 0)
      await appendFile(join(folder, 'curve.csv'), `${at.step},${progress.smoothed.toFixed(4)},${seconds.toFixed(0)}\n`);
    if (at.step % Math.ceil(at.steps / epochs) === 0) progress.note(await glance(model, parts.valid, signal));
  }
  progress.stop();
  if (signal.aborted) {
    console.log(`Stopped with ${steps} steps to go; the same command goes on from there.`);
    process.exitCode = 130;
    return;
  }
  await saveModel(settings.checkpoint, model, { seed, epochs, batch, lr });
  await report(model, parts.test, settings, signal);
}

/** Greedy error rates on the first thousand words of the validation part. */
async function glance(model: Seq2Seq, valid: readonly Entry[], signal: AbortSignal): Promise<string> {
  if (signal.aborted) return 'stopping';
  const rates = await evaluate(model, valid.slice(0, 1000), { beams: 1, signal });
  return `valid (1,000 words, greedy): WER ${percent(rates.wer)}, PER ${percent(rates.per)}`;
}

async function report(model: Seq2Seq, test: readonly Entry[], { beams }: Settings, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const onProgress = (done: number, total: number) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${total} words`);
  };
  const rates = await evaluate(model, test, { beams, signal, onProgress });
  if (process.stderr.isTTY) process.stderr.write('\r');
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`test: ${rates.words} words, beam ${beams}: WER ${percent(rates.wer)}, PER ${percent(rates.per)} (${seconds} s)`);
}

async function say(word: string, { checkpoint, beams }: Settings, signal: AbortSignal): Promise<void> {
  const model = await loadModel(checkpoint);
  try {
    const [answers] = await pronounce(model, [word], { beams, signal });
    for (const { phonemes, score } of answers ?? []) console.log(`${score.toFixed(3)}  ${phonemes.join(' ')}`);
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error;
    console.error(`Cannot pronounce it: ${error.message}`);
    process.exitCode = 1;
  }
}

async function dump(file: string, parts: Record<'train' | 'test', Entry[]>): Promise<void> {
  const source = (word: string) => sourceTokenizer.encode(word).ids;
  const target = (phonemes: string[], addSpecialTokens: boolean) => targetTokenizer.encode(phonemes.join(' '), { addSpecialTokens }).ids;
  const train = trainingPairs(parts.train).map(({ word, phonemes }) => [source(word), target(phonemes, true)]);
  const test = parts.test.map(({ word, pronunciations }) => [source(word), pronunciations.map((phonemes) => target(phonemes, false))]);
  await writeFile(file, JSON.stringify({ config, train, test }));
}

function percent(rate: number): string {
  return `${(100 * rate).toFixed(2)} %`;
}

await runMain(main);
