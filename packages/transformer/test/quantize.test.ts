import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import {
  cpu,
  dispose,
  getBackend,
  grad,
  liveTensors,
  memory as memoryOf,
  noGrad,
  parameters,
  Rng,
  scope,
  stateDict,
  Tensor,
  tensor,
  uniform,
  withBackend,
} from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import { GPT2LMHeadModel, readGPT2Config } from '@multihead/transformer/gpt2';
import { LlamaForCausalLM, readLlamaConfig } from '@multihead/transformer/llama';
import { load } from '@multihead/transformer/load';
import { folder, save } from '@multihead/transformer/node';
import { int4Weights, int8Weights, quantizeModel } from '@multihead/transformer/quantize';
import { expect, test } from 'vitest';
import { f32, memory, tinyFiles } from './checkpoints.js';
import { configs, ids, inputsOf, typeOf } from './tiny.js';

/* Weights in few bits: what is rounded, and that nothing else changes. */

const text = () => ids([[1, 5, 2, 7]]);
const gpt2 = { n_embd: 64, n_head: 4, n_layer: 2, n_positions: 16, vocab_size: 48 };
const makeGPT2 = () => new GPT2LMHeadModel(readGPT2Config(gpt2), { rng: new Rng(1) });

/** Root of the mean square of the difference, as a share of that of `want`. */
async function distance(got: Tensor, want: Tensor): Promise<number> {
  const [a, b] = [await got.data(), await want.data()];
  const square = (x: (i: number) => number) => Array.from(b, (_, i) => x(i) ** 2).reduce((total, v) => total + v, 0);
  return Math.sqrt(square((i) => a[i]! - b[i]!) / square((i) => b[i]!));
}

interface AnyModel {
  forward(...inputs: unknown[]): Tensor | Record<string, Tensor>;
}

test.each(auto.names())('%s in 8 bits says nearly the same', async (name) => {
  using _ = scope();
  const Model = await auto.choose({ architectures: [name] });
  const model = new Model(Model.readConfig(configs[typeOf(name)]) as never, { rng: new Rng(3) }) as unknown as AnyModel;
  const outputs = (result: Tensor | Record<string, Tensor>) => (result instanceof Tensor ? [result] : Object.values(result));
  const plain = noGrad(() => outputs(model.forward(...inputsOf(name))));
  const keys = [...stateDict(model).keys()];
  await quantizeModel(model, int8Weights());
  const rounded = noGrad(() => outputs(model.forward(...inputsOf(name))));
  // Steps of 1/254 of the greatest of a group, and of 1/126 for what comes in, through two layers.
  for (const [i, want] of plain.entries()) {
    const far = await distance(rounded[i]!, want);
    expect(far).toBeGreaterThan(0);
    expect(far).toBeLessThan(0.1);
  }
  // Every name is there as before, or as the integers and scales of it.
  expect([...new Set([...stateDict(model).keys()].map((key) => key.replace(/\.(packed|scales)$/, '')))].sort()).toEqual(keys.sort());
  dispose(model);
});

test('what is rounded: layers to the bits that are asked for, words and the head to 8, the rest not', async () => {
  const model = makeGPT2();
  await quantizeModel(model, int4Weights());
  const state = stateDict(model);
  expect(state.get('transformer.h.0.attn.c_attn.weight.packed')!.shape).toEqual([192, 8]); // [out, in · 4 / 32]
  expect(state.get('transformer.h.1.mlp.c_proj.weight.scales')!.shape).toEqual([64, 8]); // [out, in / 32]
  expect(state.get('transformer.wte.weight.packed')!.shape).toEqual([48, 16]);
  expect(state.get('lm_head.weight.packed')).toBe(state.get('transformer.wte.weight.packed')); // tied, as before
  for (const key of ['transformer.wpe.weight', 'transformer.ln_f.weight', 'transformer.h.0.attn.c_attn.bias']) {
    expect(state.get(key)!.dtype).toBe('float32');
  }
  dispose(model);

  const other = makeGPT2();
  await quantizeModel(other, int8Weights({ group_size: 64, embeddings: false, modules_to_not_convert: ['h.1', 'c_attn'] }));
  const names = [...stateDict(other).keys()].filter((key) => key.endsWith('.packed'));
  expect(names).toEqual(['attn.c_proj', 'mlp.c_fc', 'mlp.c_proj'].map((layer) => `transformer.h.0.${layer}.weight.packed`));
  expect(stateDict(other).get('transformer.h.0.mlp.c_fc.weight.scales')!.shape).toEqual([256, 1]);
  dispose(other);
});

test('the heads of classifiers and routers stay as they are', async () => {
  const Model = await auto.choose({ architectures: ['MixtralForSequenceClassification'] });
  const model = new Model(Model.readConfig(configs.mixtral) as never, { rng: new Rng(3) });
  await quantizeModel(model, int8Weights());
  const state = stateDict(model);
  expect(state.has('score.weight')).toBe(true);
  expect(state.has('model.layers.0.block_sparse_moe.gate.weight')).toBe(true);
  expect(state.has('model.layers.0.block_sparse_moe.experts.2.w1.weight.packed')).toBe(true);
  dispose(model);
});

test('rows of any length: the last group is filled up', async () => {
  using _ = scope();
  const sizes = { hidden_size: 40, intermediate_size: 52, num_attention_heads: 4, num_hidden_layers: 1, vocab_size: 50 };
  const model = new LlamaForCausalLM(readLlamaConfig(sizes), { rng: new Rng(1) });
  const plain = noGrad(() => model.forward(text()));
  await quantizeModel(model, int8Weights());
  expect(
    await distance(
      noGrad(() => model.forward(text())),
      plain,
    ),
  ).toBeLessThan(0.02);
  expect(() => model.model.layers[0]!.mlp.down_proj.forward(uniform([1, 51], { rng: new Rng(1) }))).toThrow('linearQ: expected x');
  dispose(model);
});

test('as they come from a file: the same bits as afterwards, and nothing more in memory', async () => {
  const checkpoint = memory(await tinyFiles(undefined, {}));
  const backend = cpu();
  const format = int8Weights();
  const model = await load(GPT2LMHeadModel, checkpoint, { backend, quantize: format });
  const own = await load(GPT2LMHeadModel, checkpoint, { backend });
  await quantizeModel(own, format);
  for (const [key, value] of stateDict(own))
    expect([key, await stateDict(model).get(key)!.toArray()]).toEqual([key, await value.toArray()]);
  expect(model.transformer.wte).toBe(model.lm_head);
  dispose(model, own);
  expect(backend.memory().bytes).toBe(0);
});

test('from a file the peak of memory is what stays', async () => {
  const big = { ...gpt2, n_embd: 128, model_type: 'gpt2', architectures: ['GPT2LMHeadModel'] };
  const made = new GPT2LMHeadModel(readGPT2Config(big), { rng: new Rng(1) });
  const path = await mkdtemp(join(tmpdir(), 'quantize-'));
  await save(made, path);
  dispose(made);
  const backend = cpu();
  const model = await load(GPT2LMHeadModel, folder(path), { backend, quantize: int4Weights() });
  expect(memoryOf(backend).peakBytes).toBe(memoryOf(backend).bytes);
  dispose(model);
  await rm(path, { recursive: true });
});

test('strictness stays: missing, unexpected and mis-shaped keys are one error, and nothing is left', async () => {
  const broken = await tinyFiles(({ 'transformer.ln_f.bias': _, ...tensors }) => ({
    ...tensors,
    'transformer.extra.weight': f32(2),
    'transformer.h.0.mlp.c_fc.weight': f32(8, 9),
  }));
  const error = await load(GPT2LMHeadModel, memory(broken), { quantize: int8Weights() }).catch((caught: Error) => caught);
  expect((error as Error).message.split('\n').slice(1).sort()).toEqual([
    '  missing: transformer.ln_f.bias [8]',
    '  unexpected: transformer.extra.weight [2]',
    '  wrong shape: transformer.h.0.mlp.c_fc.weight: expected [8, 32], got [8, 9]',
  ]);
  expect(liveTensors()).toBe(0);
});

test('what is tied in the config and untied in the file is rounded apart', async () => {
  const untied = await tinyFiles((tensors) => ({
    ...tensors,
    'lm_head.weight': { dtype: 'F32', shape: [12, 8], data: new Float32Array(96).fill(2) },
  }));
  const model = await load(GPT2LMHeadModel, memory(untied), { quantize: int8Weights() });
  const state = stateDict(model);
  expect(state.get('lm_head.weight.packed')).not.toBe(state.get('transformer.wte.weight.packed'));
  dispose(model);
});

test('an abort leaves the model as it was', async () => {
  using _ = scope();
  const model = makeGPT2();
  const before = noGrad(() => model.forward(text()));
  const keys = [...stateDict(model).keys()];
  const count = liveTensors();
  const controller = new AbortController();
  const reason = new Error('enough');
  const onProgress = ({ loaded }: { loaded: number }) => loaded === 3 && controller.abort(reason);
  await expect(quantizeModel(model, int8Weights(), { signal: controller.signal, onProgress: (p) => void onProgress(p) })).rejects.toBe(
    reason,
  );
  expect(liveTensors()).toBe(count);
  expect([...stateDict(model).keys()]).toEqual(keys);
  expect(await noGrad(() => model.forward(text())).toArray()).toEqual(await before.toArray());
  dispose(model);
});

test('saved, it is the float32 model that it computes with; loaded and rounded again, the same integers', async () => {
  using _ = scope();
  const path = await mkdtemp(join(tmpdir(), 'quantize-'));
  const model = makeGPT2();
  const shapes = new Map([...stateDict(model)].map(([key, value]) => [key, value.shape]));
  await quantizeModel(model, int8Weights({ dynamic: false }));
  await save(model, path);
  const again = await load(GPT2LMHeadModel, folder(path));
  for (const [key, value] of stateDict(again)) expect(value.shape).toEqual(shapes.get(key));
  // One sum in another order.
  expect(
    await distance(
      noGrad(() => again.forward(text())),
      noGrad(() => model.forward(text())),
    ),
  ).toBeLessThan(1e-5);
  await quantizeModel(again, int8Weights({ dynamic: false }));
  for (const [key, value] of stateDict(model)) {
    if (key.endsWith('.packed')) expect(await stateDict(again).get(key)!.toArray()).toEqual(await value.toArray());
  }
  dispose(model, again);
  await rm(path, { recursive: true });
});

test('gradients pass through the rounded layers and stop at their weights', async () => {
  using _ = scope();
  const model = makeGPT2();
  await quantizeModel(model, int8Weights());
  const x = uniform([1, 4, 64], { rng: new Rng(5), low: -1, high: 1 });
  x.requiresGrad = true;
  const y = model.transformer.forwardEmbeddings(x);
  const [dx] = grad(y, [x], { seed: uniform(y.shape, { rng: new Rng(6) }) });
  expect(new Set(await dx!.data()).size).toBeGreaterThan(100);
  expect(parameters(model)).toContain(model.transformer.h[0]!.attn.c_attn.bias);
  expect(parameters(model).filter(({ rank }) => rank === 2)).toEqual([model.transformer.wpe.weight]);
  dispose(model);
});

test('on the wasm backend as on the readable one', async () => {
  using _ = scope();
  const backend = await wasm({ threads: 1 });
  for (const format of [int8Weights(), int4Weights(), int4Weights({ dynamic: false })]) {
    const [model, other] = [makeGPT2(), withBackend(backend, makeGPT2)];
    await quantizeModel(model, format);
    for (const value of new Set(stateDict(other).values())) withBackend(backend, () => value.buffer);
    await quantizeModel(other, format);
    const want = await noGrad(() => model.forward(text())).data();
    const got = await withBackend(backend, () => noGrad(() => other.forward(tensor(Int32Array.of(1, 5, 2, 7), { shape: [1, 4] })))).data();
    expect(Math.max(...Array.from(want, (value, i) => Math.abs(got[i]! - value)))).toBeLessThan(1e-5);
    dispose(model, other);
  }
  expect(getBackend()).not.toBe(backend);
});

test('options that are none', async () => {
  expect(() => int8Weights({ group_size: 48 })).toThrow('int8Weights: group_size: expected a multiple of 32, got 48');
  expect(() => int4Weights({ embeddings: 5 as 4 })).toThrow('int4Weights: embeddings: expected 4, 8 or false, got 5');
  const model = makeGPT2();
  await quantizeModel(model, int8Weights());
  await expect(quantizeModel(model, int8Weights())).rejects.toThrow('expected layers with float32 weights, got none');
  dispose(model);
});
