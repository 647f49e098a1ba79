// What few bits change: perplexities and bytes of a model that was really trained, in float32, 8 and 4 bits: `pnpm example quantize [FOLDER]`.
// The folder has a Llama's config.json, model.safetensors and tokenizer.json; without one it is that of tinyllamas' 260K model, which lies beside the
// repository. Perplexity is exp of the mean loss of a token: on the likeliest story, on stories that the float32 model draws, where the loss that is
// added is the divergence from it, and on a text of another kind.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { dispose, noGrad, Rng, scope, setBackend, tensor } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { generate } from '@multihead/transformer/generation';
import { LlamaForCausalLM } from '@multihead/transformer/llama';
import { load, readText } from '@multihead/transformer/load';
import { nextTokenLoss } from '@multihead/transformer/loss';
import { folder } from '@multihead/transformer/node';
import { int4Weights, int8Weights } from '@multihead/transformer/quantize';

const data = join(import.meta.dirname, '..', '..', 'shared', 'data');
const path = process.argv[2] ?? join(data, 'stories260k');
if (!existsSync(path)) {
  console.log(`There is no model in ${path}: name a folder that has one.`);
  process.exit();
}

const backend = await wasm();
setBackend(backend);

type Model = LlamaForCausalLM;
const length = 200;

/** Rows of ids that the model tells from the beginning, one if it tells the likeliest. */
async function stories(model: Model, count: number): Promise<number[][]> {
  const rows = Array.from({ length: count }, () => [1]); // <s>
  const options = count === 1 ? {} : { do_sample: true, top_k: 0, rng: new Rng(1) };
  for await (const { ids } of generate(model, rows.map((row) => [...row]), { max_new_tokens: length - 1, eos_token_id: null, ...options })) ids.forEach((id, i) => void rows[i]!.push(id)); // biome-ignore format: one line
  return rows;
}

async function perplexity(model: Model, rows: readonly (readonly number[])[]): Promise<number> {
  using _ = scope();
  const ids = tensor(Int32Array.from(rows.flat()), { shape: [rows.length, rows[0]!.length] });
  return Math.exp(await noGrad(() => nextTokenLoss(model.forward(ids), ids)).item());
}

const plain = await load(LlamaForCausalLM, folder(path));
const texts = [await stories(plain, 1), await stories(plain, 32)];
const shakespeare = join(data, 'tinyshakespeare', 'input.txt');
if (existsSync(shakespeare)) {
  const tokenizer = fromTokenizerJson((await readText(folder(path), 'tokenizer.json'))!);
  const { ids } = tokenizer.encode(readFileSync(shakespeare, 'utf8').slice(0, 20_000));
  texts.push(Array.from({ length: 32 }, (_, i) => ids.slice(i * length, (i + 1) * length)).filter((row) => row.length === length));
}
dispose(plain);

const formats = [
  ['float32', undefined],
  ['8 bits', int8Weights()],
  ['8 bits, inputs not rounded', int8Weights({ dynamic: false })],
  ['4 bits by 32', int4Weights()],
  ['4 bits by 32, inputs not', int4Weights({ dynamic: false })],
  ['4 bits by 64', int4Weights({ group_size: 64 })],
  ['4 bits by 32, words too', int4Weights({ embeddings: 4 })],
] as const;

console.log(`${'weights'.padEnd(30)} ${['bytes', 'own story', 'own stories', 'Shakespeare'].map((name) => name.padStart(12)).join('')}`);
let first: number[] = [];
for (const [name, quantize] of formats) {
  const before = backend.memory().bytes;
  // #region load
  const model = await load(LlamaForCausalLM, folder(path), { quantize }); // int4Weights(), say: rounded as they come
  // #endregion load
  const bytes = backend.memory().bytes - before;
  const found: number[] = [];
  for (const rows of texts) found.push(await perplexity(model, rows));
  if (first.length === 0) first = found;
  const cells = found.map((value, i) => `${value.toFixed(2)} ${quantize ? `+${(100 * (value / first[i]! - 1)).toFixed(1)} %` : ''}`);
  console.log(`${name.padEnd(30)} ${[String(bytes), ...cells].map((cell) => cell.padStart(12)).join(' ')}`.replaceAll('+-', '-'));
  dispose(model);
}
