// What does a word look at? `pnpm example looked-at [FOLDER] [SENTENCE] [WORD]`: a checkpoint of any architecture that reads text, with its
// config.json, model.safetensors and tokenizer.json. Without one it is the model of tinyllamas that has 260 thousand parameters, which lies beside the
// repository and has read nothing but stories for children.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { dispose, scope, tensor } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { auto } from '@multihead/transformer/auto';
import { attentionMaps, attentionRollout, inspect, lookedAt, type TappedModel } from '@multihead/transformer/inspect';
import { load, readText } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';
import { percent } from './charts/weights.js';

const [path, sentence, word] = [
  process.argv[2] ?? join(import.meta.dirname, '..', '..', 'shared', 'data', 'stories260k'),
  process.argv[3] ?? "The dog didn't cross the road because it was too tired.",
  process.argv[4] ?? 'it',
];
if (!existsSync(path)) {
  console.log(`There is no model in ${path}: name a folder that has one.`);
  process.exit();
}
const backend = await wasm();
const model = (await load(auto, folder(path), { backend })) as TappedModel;
const tokenizer = fromTokenizerJson((await readText(folder(path), 'tokenizer.json'))!);

// #region look
const { ids, offsets } = tokenizer.encode(sentence);
const tokens = offsets.map(([start, end]) => sentence.slice(start, end).trim());
const place = sentence.search(new RegExp(`\\b${word}\\b`));
const query = offsets.findLastIndex(([start, end]) => start < place + word.length && end > place); // the last piece of the word
using _ = scope();
const found = inspect(model, tensor(Int32Array.from(ids), { shape: [1, ids.length], backend }), { attention: true });
const looks = lookedAt(await attentionMaps(found), tokens, query, { top: 3 }); // by every layer and head
// #endregion look

console.log(`What ${JSON.stringify(word)} looks at in ${JSON.stringify(sentence)}, of ${tokens.map((token) => token || '·').join(' ')}:`);
for (const { stack, layer, head, keys } of looks) {
  const weights = keys.map(({ token, weight }) => `${percent(weight)} ${token || '·'}`);
  console.log(`${stack}layer ${layer} head ${head}: ${weights.join(', ')}`);
}
// All layers together: how much of each token is in that of the word at the end, as far as attention alone carries it.
const rolled = await attentionRollout(found, { stack: looks[0]!.stack }).data();
const shares = Array.from(rolled.subarray(query * tokens.length, (query + 1) * tokens.length));
console.log(`By rollout: ${shares.map((share, i) => `${tokens[i] || '·'} ${percent(share).trim()}`).join(', ')}`);
dispose(model);
