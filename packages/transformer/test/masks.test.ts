import { dispose, noGrad, Rng, scope, type Tensor, tensor } from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import { BertModel, readBertConfig } from '@multihead/transformer/bert';
import { Gemma3TextModel, readGemma3Config } from '@multihead/transformer/gemma3';
import { LlamaModel, readLlamaConfig } from '@multihead/transformer/llama';
import { expect, test } from 'vitest';
import { configs, ids, typeOf } from './tiny.js';

/* What masks of each form mean. */

const row = [5, 9, 7, 3, 12, 4];
const close = (got: ArrayLike<number>, want: ArrayLike<number>) => Math.max(...Array.from(got, (x, i) => Math.abs(x - want[i]!)));

/** bool [1, 1, T, T] by a rule of places. */
function square(sees: (q: number, k: number) => boolean): Tensor {
  const flat = row.flatMap((_, q) => row.map((__, k) => (sees(q, k) ? 1 : 0)));
  return tensor(Uint8Array.from(flat), { shape: [1, 1, row.length, row.length], dtype: 'bool' });
}

interface Causal {
  forward(ids: Tensor, ctx?: object): Tensor;
}

test.each([
  'GPT2Model',
  'GPTNeoXModel',
  'OPTModel',
  'LlamaModel',
  'MistralModel',
  'MixtralModel',
  'Qwen2Model',
  'Qwen3Model',
  'SmolLM3Model',
  'GemmaModel',
  'Gemma2Model',
  'Gemma3TextModel',
  'PhiModel',
  'Phi3Model',
])('%s: a mask of four axes takes the place of its own rule', async (name) => {
  using _ = scope();
  const Model = await auto.choose({ architectures: [name] });
  const { sliding_window: __, use_sliding_window: ___, ...json } = configs[typeOf(name)]!; // a window would make the two differ
  const wide = /^(mistral|gemma2|gemma3|phi3|qwen2)/.test(typeOf(name)) ? { sliding_window: 100 } : {};
  const model = new Model(Model.readConfig({ ...json, ...wide }) as never, { rng: new Rng(3) }) as unknown as Causal;
  const run = async (mask?: Tensor) => noGrad(() => model.forward(ids([row]), { mask })).data();
  const plain = await run();
  expect(close(await run(square((q, k) => k <= q)), plain)).toBeLessThan(1e-6);
  // The first three see one another: what they are then depends on the third, and no token is as it was.
  const prefixed = await run(square((q, k) => k <= q || k < 3));
  expect(close(prefixed.slice(0, 8), plain.slice(0, 8))).toBeGreaterThan(1e-4);
  dispose(model as object);
});

test('a mask of two axes is of bools, whole numbers or floats', async () => {
  using _ = scope();
  const model = new BertModel(readBertConfig(configs.bert), { rng: new Rng(3) });
  const run = async (mask: Tensor) => noGrad(() => model.forward(ids([row]), { mask })).data();
  const [bits, shape] = [
    [1, 1, 1, 0, 1, 0],
    [1, 6],
  ];
  const ints = await run(tensor(Int32Array.from(bits), { shape }));
  expect(await run(tensor(Uint8Array.from(bits), { shape, dtype: 'bool' }))).toEqual(ints);
  expect(await run(tensor(Float32Array.from(bits), { shape }))).toEqual(ints);
  dispose(model);
});

test('floats of four axes are added to the scores; one row of four axes speaks of keys alone', async () => {
  using _ = scope();
  const model = new LlamaModel(readLlamaConfig(configs.llama), { rng: new Rng(3) });
  const run = async (mask: Tensor) => noGrad(() => model.forward(ids([row]), { mask })).data();
  const causal = square((q, k) => k <= q);
  const added = Array.from(await causal.data(), (x) => (x ? 0 : Number.NEGATIVE_INFINITY));
  const bias = tensor(Float32Array.from(added), { shape: [1, 1, 6, 6] });
  expect(await run(bias)).toEqual(await run(causal));
  const keys = [0, 1, 1, 1, 1, 1];
  const flat = await run(tensor(Int32Array.from(keys), { shape: [1, 6] }));
  expect(await run(tensor(Int32Array.from(keys), { shape: [1, 1, 1, 6] }))).toEqual(flat);
  dispose(model);
});

test('a sample of padding alone does not spoil the others', async () => {
  using _ = scope();
  const model = new BertModel(readBertConfig(configs.bert), { rng: new Rng(3) });
  const mask = ids([
    [1, 1, 1, 1, 0, 0],
    [0, 0, 0, 0, 0, 0],
  ]);
  const both = await noGrad(() => model.forward(ids([row, row]), { mask })).data();
  const one = await noGrad(() => model.forward(ids([row]), { mask: ids([[1, 1, 1, 1, 0, 0]]) })).data();
  expect(both.every(Number.isFinite)).toBe(true);
  expect(close(both.slice(0, one.length), one)).toBeLessThan(1e-6);
  dispose(model);
});

test.each([
  ['full_attention', () => true],
  ['sliding_attention', (q: number, k: number) => Math.abs(q - k) <= 2], // half of the window on either side
] as const)('a Gemma 3 that looks both ways, as EmbeddingGemma: %s', async (type, sees) => {
  using _ = scope();
  const json = { ...configs.gemma3_text, layer_types: [type, type], sliding_window: 5 };
  const [both, back] = [true, false].map((way) => new Gemma3TextModel(readGemma3Config({ ...json, use_bidirectional_attention: way }), { rng: new Rng(3) })); // biome-ignore format: two models
  const got = await noGrad(() => both!.forward(ids([row]))).data();
  expect(close(got, await noGrad(() => back!.forward(ids([row]), { mask: square(sees) })).data())).toBeLessThan(1e-6);
  dispose(both!, back!);
});
