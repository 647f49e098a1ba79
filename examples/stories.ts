// A language model that was really trained tells its story, and shows what its heads look at: `pnpm example stories [FOLDER]`. The folder has a
// Llama's config.json, model.safetensors and tokenizer.json. Without one it is that of tinyllamas' 260K model, which lies beside the repository.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { dispose, noGrad, scope, type Tensor, tensor } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { generate } from '@multihead/transformer/generation';
import { LlamaForCausalLM } from '@multihead/transformer/llama';
import { load, readText } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';

const path = process.argv[2] ?? join(import.meta.dirname, '..', '..', 'shared', 'data', 'stories260k');
if (!existsSync(path)) {
  console.log(`There is no model in ${path}: name a folder that has one.`);
  process.exit();
}

// #region load
const backend = await wasm();
const checkpoint = folder(path); // or hub('owner/name'), site(url), files(list)
const model = await load(LlamaForCausalLM, checkpoint, { backend });
const tokenizer = fromTokenizerJson((await readText(checkpoint, 'tokenizer.json'))!);
const batch = (ids: number[]) => tensor(Int32Array.from(ids), { shape: [1, ids.length], backend });
// #endregion load

// #region tell
const ids = [1]; // <s>
for await (const step of generate(model, ids, { max_new_tokens: 119 })) ids.push(step.ids[0]!);
console.log(tokenizer.decode(ids, { skipSpecialTokens: true }));
// #endregion tell

// #region heads
const sentence = ids.slice(0, 24);
const patterns: Tensor[] = [];
using _ = scope();
const tap = (name: string, x: Tensor) => {
  if (name.endsWith('.attn.pattern')) patterns.push(x); // [1, H, Q, K], layer by layer
};
noGrad(() => model.forward(batch(sentence), { tap }));
// #endregion heads

const words = sentence.map((id) => tokenizer.decode([id]).trim() || '␣');
console.log(`\nWhat the heads look at from the last token, ${JSON.stringify(words.at(-1))}, of: ${words.join(' ')}`);
for (const [layer, pattern] of patterns.entries()) {
  const [, heads, , keys] = pattern.shape as [number, number, number, number];
  const weights = await pattern.data();
  for (let head = 0; head < heads; head++) {
    const row = Array.from(weights.subarray(((head + 1) * keys - 1) * keys, (head + 1) * keys * keys));
    const bars = row.map((weight) => ' ▁▂▃▄▅▆▇█'[Math.min(8, Math.round(weight * 8))]).join('');
    const most = row.indexOf(Math.max(...row));
    console.log(`layer ${layer} head ${head} |${bars}| ${(100 * row[most]!).toFixed(0).padStart(3)} % ${words[most]}`);
  }
}
dispose(model);
