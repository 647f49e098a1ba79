// A model that tells stories learns to speak like Shakespeare, and forgets nothing: `pnpm example lora [FOLDER] [TEXT]`. Only an adapter of a fifth of
// its size is trained, which is chosen, put aside, kept in files as PEFT has them, and merged. The folder has a Llama's config.json,
// model.safetensors and tokenizer.json; without one it is that of tinyllamas' 260K model, which lies beside the repository, as the text does.
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { dispose, noGrad, parameters, Rng, scope, setBackend, stateDict, tensor } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { adamw, warmupCosine } from '@multihead/train';
import { generate } from '@multihead/transformer/generation';
import { LlamaForCausalLM } from '@multihead/transformer/llama';
import { load, readText } from '@multihead/transformer/load';
import { addLora, disableAdapters, loadLora, mergeAdapters, setAdapter } from '@multihead/transformer/lora';
import { nextTokenLoss } from '@multihead/transformer/loss';
import { folder, saveLora } from '@multihead/transformer/node';

const data = join(import.meta.dirname, '..', '..', 'shared', 'data');
const [path = join(data, 'stories260k'), textFile = join(data, 'tinyshakespeare', 'input.txt')] = process.argv.slice(2);
if (!existsSync(path) || !existsSync(textFile)) {
  console.log(`There is no model in ${path}, or no text in ${textFile}: name a folder and a file that are there.`);
  process.exit();
}

setBackend(await wasm());
const model = await load(LlamaForCausalLM, folder(path));
const tokenizer = fromTokenizerJson((await readText(folder(path), 'tokenizer.json'))!);

const length = 64;
const text = readFileSync(textFile, 'utf8').slice(0, 90_000);
const ids = tokenizer.encode(text).ids;
const rows = Array.from({ length: Math.floor(ids.length / length) }, (_, i) => ids.slice(i * length, (i + 1) * length));
const [held, learned] = [rows.slice(0, 32), rows.slice(32)];
const batch = (some: readonly (readonly number[])[]) => tensor(Int32Array.from(some.flat()), { shape: [some.length, length] });

/** The mean loss of a token that was not learned from. */
async function lossOf(some: readonly (readonly number[])[]): Promise<string> {
  using _ = scope();
  return (await noGrad(() => nextTokenLoss(model.forward(batch(some)), batch(some))).item()).toFixed(2);
}

async function tell(): Promise<string> {
  const story = [1]; // <s>
  for await (const step of generate(model, story, { max_new_tokens: 48 })) story.push(step.ids[0]!);
  return tokenizer.decode(story, { skipSpecialTokens: true }).replaceAll(/\s+/g, ' ').trim();
}

const before = await tell();
console.log(`It tells: ${before}\nLoss on Shakespeare: ${await lossOf(held)}\n`);

// #region train
const paths = addLora(model, { r: 8, lora_alpha: 16, lora_dropout: 0.05, target_modules: 'all-linear', rng: new Rng(1) });
const optimizer = adamw(parameters(model)); // the adapter's, since all else is frozen
const rng = new Rng(2);
const steps = 150;
const schedule = warmupCosine({ peak: 0.01, warmup: 10, total: steps });
for (let step = 0; step < steps; step++) {
  using _ = scope();
  const x = batch(Array.from({ length: 8 }, () => learned[rng.integer(learned.length)]!));
  nextTokenLoss(model.forward(x, { rng }), x).backward();
  optimizer.lr = schedule(step);
  optimizer.step();
}
// #endregion train
optimizer.dispose();

const [own, all] = [parameters(model), [...new Set(stateDict(model).values())]].map((some) =>
  some.reduce((sum, { size }) => sum + size, 0),
);
console.log(`Adapters on ${paths.length} layers, ${own} of ${all! - own!} numbers, after ${steps} steps.`);
const after = await tell();
console.log(`It tells: ${after}\nLoss on Shakespeare: ${await lossOf(held)}\n`);

// #region swap
disableAdapters(model); // or setAdapter(model, 'another'), or ['one', 'another'] together
const without = await tell();
setAdapter(model, 'default');
await mergeAdapters(model); // costs what the model costs; unmergeAdapters(model) brings its own weights back
const merged = await tell();
// #endregion swap
console.log(without === before); // true
console.log(merged === after); // true

// #region files
const kept = await mkdtemp(join(tmpdir(), 'shakespeare-'));
await saveLora(model, kept); // adapter_config.json and adapter_model.safetensors, which PEFT reads
const another = await load(LlamaForCausalLM, folder(path));
await loadLora(another, folder(kept), { name: 'shakespeare' });
// #endregion files
for (const file of await readdir(kept)) console.log(`${file}: ${(await stat(join(kept, file))).size} bytes`);
await rm(kept, { recursive: true });
dispose(model, another);
