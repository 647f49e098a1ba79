// A language model that was really trained tells its story and shows its heads: `pnpm example stories [FOLDER]`. The folder has a Llama's
// config.json, model.safetensors and tokenizer.json. Without one it is that of tinyllamas' 260K model, which lies beside the repository; what is
// said below of layers and heads is said of that one.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { crossEntropy, dispose, noGrad, Rng, scope, tensor } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { generate } from '@multihead/transformer/generation';
import {
  ablateHead,
  attentionMaps,
  gradientTimesInput,
  type HeadScores,
  headScores,
  inspect,
  logitLens,
  lookedAt,
  type Tap,
} from '@multihead/transformer/inspect';
import { LlamaForCausalLM } from '@multihead/transformer/llama';
import { load, readText } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';
import { drawHead, percent } from './charts/weights.js';

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
const batch = (...rows: number[][]) => tensor(Int32Array.from(rows.flat()), { shape: [rows.length, rows[0]!.length], backend });
// #endregion load

// #region tell
const ids = [1]; // <s>
const stream = tokenizer.decodeStream({ skipSpecialTokens: true });
for await (const step of generate(model, ids, { max_new_tokens: 119 })) {
  ids.push(step.ids[0]!);
  process.stdout.write(stream.push(step.ids[0]!)); // Once upon a time, there was a little girl named Lily. She loved …
}
// #endregion tell
console.log(stream.end());
using _ = scope();

// What each head is for, by a text that is drawn and then repeated: nothing else is to be known of it.
const rng = new Rng(1);
const repeated = Array.from({ length: 8 }, () => {
  const half = Array.from({ length: 20 }, () => 3 + rng.integer(model.config.vocab_size - 3));
  return [1, ...half, ...half];
});
const scores = headScores(await attentionMaps(inspect(model, batch(...repeated), { attention: true })), repeated);
const best = (kind: 'previous' | 'first' | 'induction') => [...scores].sort((a, b) => b[kind] - a[kind]).slice(0, 3);
const called = ({ layer, head }: HeadScores) => `layer ${layer} head ${head}`;
console.log('\nHeads that look, on random tokens that come twice, at:');
// The token before: layer 3 head 6 with 87 %. The first token, where there is nothing else to rest at: layer 4 head 0 with 37 %; in the story below
// that one looks at full stops. What came next the last time, as induction heads of larger models do: none, the best has 7 %.
for (const [kind, what] of [
  ['previous', 'the token before'],
  ['first', 'the first token'],
  ['induction', 'what came next the last time'],
] as const) {
  console.log(
    `  ${what.padEnd(30)} ${best(kind)
      .map((one) => `${called(one)} ${percent(one[kind])}`)
      .join(', ')}`,
  );
}

// The sentence of the story, and what its second "it" looks at: by the heads that look further than at its neighbours.
const story = ids.slice(0, 62); // … a big, red ball. She wanted to play with it, but it was too high.
const words = story.map((id) => tokenizer.decode([id]).trim());
const queries = story.map((_, place) => place).slice(words.lastIndexOf('She')); // of these the weights are made, and of no others
const maps = await attentionMaps(inspect(model, batch(story), { attention: true, queries }));
const it = words.lastIndexOf('it');
const looks = lookedAt(maps, words, it).filter(({ keys }) => keys[0]!.index < it - 2); // by every layer and head: the keys looked at most
console.log(`\nWhat "it" looks at in "… ${words.slice(26, 47).join(' ')} ${words.slice(47).join(' ')}", neighbours left aside:`);
// Most of all the verb before its noun: layer 2 head 7 looks at "saw" with 69 %. The noun itself, "ball", is in layer 4 head 4: "b" with 18 %.
for (const look of looks) {
  const keys = look.keys.map(({ token, weight, index }) => `${token} (${index}) ${percent(weight)}`);
  console.log(`  layer ${look.layer} head ${look.head}: ${keys.join(', ')}`);
}
for (const kind of ['previous', 'first'] as const) {
  const [{ layer, head }] = best(kind) as [HeadScores, ...HeadScores[]];
  console.log(`\nlayer ${layer} head ${head}, from each token of the sentence to those before it:\n${drawHead(maps[layer]!, head, words)}`);
}

// When the model knows that "it" comes: what it would have said in front of each block.
// #region lens
const lens = await logitLens(model, batch(story.slice(0, it)), { positions: [-1], top: 4 });
const said = lens.map(({ name, tokens }) => [
  name,
  ...tokens.map(({ id, probability }) => `${tokenizer.decode([id])} ${percent(probability)}`),
]);
// #endregion lens
// "but" up to block 2, "it" from block 3 on: 28 %, 55 %, and 34 % in the end.
console.log('\nAfter "… with it, but", state by state:');
for (const [name, ...tokens] of said) console.log(`  ${name!.padEnd(19)} ${tokens.join(' ')}`);

// What the word comes from: gradient × input of its logit.
const { scores: shares } = await gradientTimesInput(model, batch(story.slice(0, it)), { target: { id: story[it]! } });
const most = Array.from(shares.keys()).sort((a, b) => Math.abs(shares[b]!) - Math.abs(shares[a]!));
console.log(
  `\nIts logit comes from ${most
    .slice(0, 5)
    .map((i) => `${words[i] || '<s>'} (${i}) ${shares[i]!.toFixed(2)}`)
    .join(', ')}`,
);

// What each head is worth: how much worse the story is foretold when the head says its mean at all tokens.
// #region ablate
const lossOf = async (tap?: Tap) => {
  const logits = noGrad(() => model.forward(batch(ids.slice(0, -1)), { tap }));
  return crossEntropy(logits, batch(ids.slice(1))).item();
};
const whole = await lossOf();
const without: [name: string, more: number][] = [];
for (const one of scores) without.push([called(one), (await lossOf(ablateHead(one, { by: 'mean' }))) - whole]);
// #endregion ablate
without.sort(([, a], [, b]) => b - a);
// 0.477; layer 4 head 2 is worth 0.033, some heads nothing.
console.log(`\nThe loss of the story is ${whole.toFixed(3)}. Without`);
for (const [name, more] of [...without.slice(0, 3), ...without.slice(-2)])
  console.log(`  ${name} ${more < 0 ? '' : '+'}${more.toFixed(3)}`);
dispose(model);
