// How much faster a model of GPT-2's shape decodes with weights in few bits, and how much smaller it is: `pnpm recipe quantized-speed [--threads N]`.
// The weights are random, which changes nothing of the time.
import type { KVCache } from '@multihead/attention';
import { wasm } from '@multihead/kernels-wasm';
import { dispose, noGrad, Rng, setBackend, stateDict, tensor, tidy } from '@multihead/tensor';
import { GPT2LMHeadModel, readGPT2Config } from '@multihead/transformer/gpt2';
import { int4Weights, int8Weights, type WeightFormat } from '@multihead/transformer/quantize';

const at = process.argv.indexOf('--threads');
const threads = at < 0 ? 1 : Number(process.argv[at + 1]);
const backend = await wasm({ threads });
setBackend(backend);

const config = readGPT2Config({ n_embd: 768, n_head: 12, n_layer: 12, vocab_size: 50257 });
const formats = [
  ['float32', null],
  ['8 bits', int8Weights()],
  ['8 bits, inputs not rounded', int8Weights({ dynamic: false })],
  ['4 bits, words in 8', int4Weights()],
  ['4 bits, words in 8, inputs not', int4Weights({ dynamic: false })],
  ['4 bits, words too', int4Weights({ embeddings: 4 })],
] as const;

/** A model with random weights, rounded as `load` does it: one after the other, as they come. */
function made(format: WeightFormat | null): { model: GPT2LMHeadModel; seconds: number } {
  const model = new GPT2LMHeadModel(config, { rng: new Rng(1) });
  const start = performance.now();
  for (const [weight, slot] of format?.slots(model) ?? []) slot.put(slot.pack(random.subarray(0, weight.size)));
  const seconds = (performance.now() - start) / 1000;
  for (const value of stateDict(model).values()) if (value.dtype === 'float32') void value.buffer;
  return { model, seconds };
}

const rng = new Rng(2);
const random = Float32Array.from({ length: config.vocab_size * config.n_embd }, () => rng.uniform() - 0.5);

/** Milliseconds for a token, the least of some. */
async function decode(model: GPT2LMHeadModel, tokens: number): Promise<number> {
  const cache = model.cache();
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tokens; i++) {
    const start = performance.now();
    const logits = tidy(() => noGrad(() => model.forward(tensor(Int32Array.of(i), { shape: [1, 1] }), { cache })));
    await logits.data();
    logits.dispose();
    if (i > 2) least = Math.min(least, performance.now() - start);
  }
  for (const layer of cache as KVCache[]) layer.dispose();
  return least;
}

let first = 0;
for (const [name, format] of formats) {
  const { model, seconds } = made(format);
  const ms = await decode(model, 20);
  first ||= ms;
  const megabytes = [...new Set(stateDict(model).values())].reduce((sum, { size }) => sum + 4 * size, 0) / 1e6;
  const line = `${ms.toFixed(1).padStart(6)} ms a token, ${(first / ms).toFixed(2)} times as fast, ${megabytes.toFixed(0)} MB`;
  console.log(`${name.padEnd(36)} ${line}${format ? `, rounded in ${seconds.toFixed(1)} s` : ''}`);
  dispose(model);
}
backend.dispose();
