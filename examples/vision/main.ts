import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { parameters, Rng, setBackend } from '@multihead/tensor';
import { load } from '@multihead/transformer/load';
import { folder as checkpointIn, save } from '@multihead/transformer/node';
import { classifyImage, type ImagePixels, loadImageProcessor } from '@multihead/transformer/vision';
import { ViTForImageClassification } from '@multihead/transformer/vit';
import { defineCommand, runMain } from 'citty';
import { encode } from 'fast-png';
import { loadDigits, side } from './data.js';
import { decodeImage } from './decode.js';
import { evaluate, testScenes } from './evaluate.js';
import { createModel, processor } from './model.js';
import { beside, drawn, rollout, shareWithin } from './rollout.js';
import { train } from './train.js';

const here = import.meta.dirname;

const args = {
  eval: { type: 'boolean', description: 'only print the accuracy of the committed checkpoint' },
  look: { type: 'string', description: 'only say what this PNG or JPEG shows, and draw what was looked at into looked.png' },
  draw: { type: 'boolean', description: 'only draw attention.png: the first test scenes, and what was looked at' },
  epochs: { type: 'string', default: '5', description: 'passes over the 60,000 digits' },
  batch: { type: 'string', default: '32', description: 'scenes in a batch' },
  lr: { type: 'string', default: '1e-3', description: 'highest learning rate' },
  seed: { type: 'string', default: '1', description: 'of weights, order and scraps' },
  folder: { type: 'string', default: join(here, 'runs', 'default'), description: 'of the run; an unfinished one there is resumed' },
  fresh: { type: 'boolean', description: 'begin again instead of resuming' },
  checkpoint: {
    type: 'string',
    default: join(here, 'checkpoint'),
    description: 'where the trained model is written, or read by the others',
  },
} as const;

interface Settings {
  epochs: number;
  batch: number;
  lr: number;
  seed: number;
  folder: string;
  checkpoint: string;
}

const main = defineCommand({
  meta: { name: 'recipe vision', description: 'Trains a small ViT to find a digit among scraps, evaluates it and shows what it looked at' },
  args,
  async run({ args }) {
    const settings: Settings = { ...numbers(args), folder: args.folder, checkpoint: args.checkpoint };
    setBackend(await wasm());
    if (args.look !== undefined) return look(args.look, settings);
    if (args.draw) return draw(settings);
    if (!args.eval) {
      if (args.fresh) await rm(settings.folder, { recursive: true, force: true });
      if (!(await trainAndSave(settings, untilInterrupted()))) return;
    }
    await report(settings);
  },
});

function numbers(args: Record<'epochs' | 'batch' | 'lr' | 'seed', string>) {
  const number = (name: keyof typeof args) => {
    const value = Number(args[name]);
    if (!(value > 0)) throw new Error(`--${name}: expected a number above 0, got ${args[name]}`);
    return value;
  };
  return { epochs: number('epochs'), batch: number('batch'), lr: number('lr'), seed: number('seed') };
}

/** Ctrl-C ends the run after the step at hand, with its state saved; a second one ends the process. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort(new Error(`stopped by ${name}`)));
  return controller.signal;
}

/** False if it was stopped before its end. */
async function trainAndSave({ seed, epochs, batch, lr, folder, checkpoint }: Settings, signal: AbortSignal): Promise<boolean> {
  const model = createModel({ rng: new Rng(seed) });
  const [digits, test] = [await loadDigits('train'), await loadDigits('test')];
  const size = parameters(model).reduce((sum, p) => sum + p.size, 0);
  console.log(`${digits.labels.length} digits; ${(size / 1e3).toFixed(0)} k parameters; run in ${folder}`);
  await mkdir(folder, { recursive: true });
  let [losses, left] = [0, 0];
  const started = process.cpuUsage();
  for await (const at of train(model, digits, { epochs, batchSize: batch, lr, warmup: 200, seed, folder, saveEvery: 500, signal })) {
    losses += at.loss;
    left = at.steps - at.step;
    if (at.step % 100 === 0) {
      const seconds = process.cpuUsage(started).user / 1e6;
      console.log(
        `${at.step} of ${at.steps}  epoch ${at.epoch.toFixed(2)}  loss ${(losses / 100).toFixed(4)}  ${seconds.toFixed(0)} s of one core`,
      );
      await appendFile(join(folder, 'curve.csv'), `${at.step},${(losses / 100).toFixed(4)},${seconds.toFixed(0)}\n`);
      losses = 0;
    }
    if (at.step % Math.ceil(at.steps / epochs) === 0 && !signal.aborted) {
      const { right, scenes } = await evaluate(model, processor, testScenes(test, 1000), { signal });
      console.log(`after epoch ${at.epoch.toFixed(0)}: ${((100 * right) / scenes).toFixed(1)} % of 1,000 test scenes`);
    }
  }
  if (left > 0) {
    console.log(`Stopped with ${left} steps to go; the same command goes on from there.`);
    process.exitCode = 130;
    return false;
  }
  await save(model, checkpoint, { dtype: 'float16' });
  await writeFile(join(checkpoint, 'preprocessor_config.json'), `${JSON.stringify(processor, null, 2)}\n`);
  return true;
}

/** What anybody would do with the checkpoint: nothing here knows how it was trained. */
async function open(checkpoint: string) {
  const source = checkpointIn(checkpoint);
  return { model: await load(ViTForImageClassification, source), processor: await loadImageProcessor(source) };
}

async function report({ checkpoint }: Settings): Promise<void> {
  const { model, processor } = await open(checkpoint);
  const { right, scenes, confusion } = await evaluate(model, processor, testScenes(await loadDigits('test'), 10_000));
  console.log(`test: ${right} of ${scenes} scenes, ${((100 * right) / scenes).toFixed(2)} %`);
  for (const [digit, row] of confusion.entries()) console.log(`${digit}: ${row.map((count) => String(count).padStart(5)).join('')}`);
}

async function look(file: string, { checkpoint }: Settings): Promise<void> {
  const { model, processor } = await open(checkpoint);
  const image = decodeImage(await readFile(file));
  const [labels] = await classifyImage(model, processor, [image], { top: 3 });
  for (const { label, score } of labels!) console.log(`${score.toFixed(3)}  ${label}`);
  await writePng('looked.png', drawn(image, await rollout(model, processor, image), Math.max(1, Math.round(336 / image.width))));
}

async function draw({ checkpoint }: Settings): Promise<void> {
  const { model, processor } = await open(checkpoint);
  const scenes = testScenes(await loadDigits('test'), 1000);
  const pictures: ImagePixels[] = [];
  let within = 0;
  for (const scene of scenes) {
    const flow = await rollout(model, processor, scene);
    within += shareWithin(flow, side, { ...scene, size: 20 }) / scenes.length;
    if (pictures.length < 8) pictures.push(drawn(scene, flow, 4));
  }
  await writePng(join(here, 'attention.png'), beside(pictures, 6));
  const found = await classifyImage(model, processor, scenes.slice(0, 8), { top: 1 });
  for (const [i, [best]] of found.entries()) console.log(`${scenes[i]!.label}: ${best!.label} ${best!.score.toFixed(3)}`);
  const area = (20 / side) ** 2;
  console.log(
    `${(100 * within).toFixed(1)} % came from the digit's square, which is ${(100 * area).toFixed(1)} % of a scene (1,000 scenes)`,
  );
}

async function writePng(file: string, { data, width, height }: ImagePixels): Promise<void> {
  await writeFile(file, encode({ data: data as Uint8Array, width, height, channels: 3 }));
  console.log(`${file}: ${width} × ${height}`);
}

await runMain(main);
