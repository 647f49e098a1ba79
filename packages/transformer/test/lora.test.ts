import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  add,
  assign,
  cpu,
  crossEntropy,
  dispose,
  full,
  gelu,
  grad,
  linear,
  liveTensors,
  matmul,
  mul,
  noGrad,
  normal as randomNormal,
  parameters,
  Rng,
  randn,
  reshape,
  scope,
  stateDict,
  sum,
  Tensor,
  uniform,
  withBackend,
} from '@multihead/tensor';
import { parseSafetensors, serializeSafetensors, type TensorRecord } from '@multihead/tensor/safetensors';
import { adamw } from '@multihead/train';
import { auto } from '@multihead/transformer/auto';
import { GPT2ForSequenceClassification, GPT2LMHeadModel, readGPT2Config } from '@multihead/transformer/gpt2';
import { LlamaForCausalLM, readLlamaConfig } from '@multihead/transformer/llama';
import { load } from '@multihead/transformer/load';
import {
  adapters,
  addLora,
  deleteAdapter,
  disableAdapters,
  enableAdapters,
  loadLora,
  loraFiles,
  mergeAdapters,
  mergeAndUnload,
  setAdapter,
  unloadAdapters,
  unmergeAdapters,
} from '@multihead/transformer/lora';
import { folder, save, saveLora } from '@multihead/transformer/node';
import { int8Weights, quantizeModel } from '@multihead/transformer/quantize';
import { Seq2Seq } from '@multihead/transformer/seq2seq';
import { expect, test } from 'vitest';
import { memory } from './checkpoints.js';
import { tiny } from './models.js';
import { configs, ids, inputsOf, typeOf } from './tiny.js';

const sizes = {
  hidden_size: 16,
  intermediate_size: 24,
  num_attention_heads: 4,
  num_hidden_layers: 2,
  vocab_size: 20,
  tie_word_embeddings: true,
};
const makeLlama = (seed = 1, config: object = {}) => new LlamaForCausalLM(readLlamaConfig({ ...sizes, ...config }), { rng: new Rng(seed) });
const text = () => ids([[1, 5, 2, 7]]);
const logits = (model: { forward(x: Tensor, ctx?: object): Tensor }, ctx: object = {}) => noGrad(() => model.forward(text(), ctx));

/** Gives all tensors of an adapter values, so that it does something. */
function fill(model: object, name = 'default', seed = 9): void {
  const rng = new Rng(seed);
  for (const [key, value] of stateDict(model)) {
    if (key.includes(`.${name}`)) noGrad(() => assign(value, randomNormal(value.shape, { rng, std: 0.3 })));
  }
}

/** The greatest difference, as a share of the greatest value. */
async function distance(got: Tensor, want: Tensor): Promise<number> {
  const [a, b] = [await got.data(), await want.data()];
  return Math.max(...Array.from(b, (value, i) => Math.abs(a[i]! - value))) / Math.max(...Array.from(b, Math.abs));
}

interface AnyModel {
  forward(...inputs: unknown[]): Tensor | Record<string, Tensor>;
}

test.each(auto.names())('%s: every linear layer has an adapter, none is passed by, merged or not', async (name) => {
  using _ = scope();
  const Model = await auto.choose({ architectures: [name] });
  const model = new Model(Model.readConfig(configs[typeOf(name)]) as never, { rng: new Rng(3) }) as unknown as AnyModel;
  const outputs = () => {
    const result = model.forward(...inputsOf(name));
    return result instanceof Tensor ? [result] : Object.values(result);
  };
  const keys = [...stateDict(model).keys()];
  const plain = noGrad(outputs);
  const paths = addLora(model, { r: 2, lora_alpha: 4, target_modules: 'all-linear', rng: new Rng(4) });
  const before = noGrad(outputs);
  for (const [i, y] of before.entries()) expect(await distance(y, plain[i]!)).toBeLessThan(1e-6);
  expect(parameters(model).length).toBe(2 * paths.length);
  fill(model);
  const rng = new Rng(8);
  const loss = outputs().map((y) => sum(mul(y, randn(y.shape, { rng })))).reduce((a, b) => add(a, b)); // biome-ignore format: one line
  const grads = grad(loss, parameters(model));
  const unused = [...stateDict(model)].filter(([, value]) => {
    const at = parameters(model).indexOf(value);
    return at >= 0 && grads[at] === null;
  });
  // What a bare model has and does not give out: BERT's pooler and the like.
  expect(unused.map(([key]) => key).filter((key) => !/pooler/.test(key))).toEqual([]);
  for (const [key, value] of stateDict(model)) {
    const g = grads[parameters(model).indexOf(value)];
    // An expert may be chosen by no token, and a text without an end token is read at its first one, which sees only itself.
    const isIdle =
      key.includes('.experts.') || (/^(CLIPText|T5ForSequence)/.test(name) && /[qk]_proj|decoder.*SelfAttention\.[qk]\./.test(key));
    if (g && !isIdle) expect([key, Math.max(...Array.from(await g.data(), Math.abs)) > 0]).toEqual([key, true]);
  }
  const adapted = noGrad(outputs);
  for (const [i, y] of adapted.entries()) expect(await distance(y, plain[i]!)).toBeGreaterThan(1e-4);
  await mergeAdapters(model);
  // Two sums in one order or another: some rounding errors of float32, 6e-8 each, through two layers.
  for (const [i, y] of noGrad(outputs).entries()) expect(await distance(y, adapted[i]!)).toBeLessThan(2e-5);
  unloadAdapters(model);
  for (const [i, y] of noGrad(outputs).entries()) expect(await y.toArray()).toEqual(await plain[i]!.toArray());
  expect([...stateDict(model).keys()]).toEqual(keys);
  dispose(model);
});

test.each(auto.names())('%s: so do its embeddings, positions and its head', async (name) => {
  using _ = scope();
  const Model = await auto.choose({ architectures: [name] });
  const model = new Model(Model.readConfig(configs[typeOf(name)]) as never, { rng: new Rng(3) }) as unknown as AnyModel;
  const outputs = () => {
    const result = model.forward(...inputsOf(name));
    return result instanceof Tensor ? [result] : Object.values(result);
  };
  const plain = noGrad(outputs);
  const linears = addLora(model, { r: 2, target_modules: 'all-linear', rng: new Rng(4) });
  unloadAdapters(model);
  // `shared` is a name of tables that others use; a decision transformer has no words.
  const rest = [...stateDict(model)]
    .filter(([key, { rank }]) => rank === 2 && key.endsWith('.weight') && !/(^|\.)shared\.|^encoder\.wte\./.test(key))
    .map(([key]) => key.replace(/\.weight$/, ''))
    .filter((path) => !linears.includes(path));
  if (rest.length > 0) {
    expect(addLora(model, { r: 2, lora_alpha: 4, target_modules: rest, rng: new Rng(4) }).sort()).toEqual([...rest].sort());
    fill(model);
    const own = parameters(model);
    const loss = outputs().map((y) => sum(mul(y, randn(y.shape, { rng: new Rng(8) })))).reduce((a, b) => add(a, b)); // biome-ignore format: one line
    const grads = grad(loss, own);
    const unused = [...stateDict(model)].filter(([, value]) => own.includes(value) && grads[own.indexOf(value)] === null);
    expect(unused.map(([key]) => key)).toEqual([]);
    const adapted = noGrad(outputs);
    await mergeAdapters(model);
    for (const [i, y] of noGrad(outputs).entries()) expect(await distance(y, adapted[i]!)).toBeLessThan(2e-5);
    await mergeAndUnload(model);
    for (const [i, y] of noGrad(outputs).entries()) expect(await distance(y, adapted[i]!)).toBeLessThan(2e-5);
    expect(await distance(adapted[0]!, plain[0]!)).toBeGreaterThan(1e-4);
  }
  dispose(model);
});

test('a layer computes what LoRA says, with dropout where the call has an rng', async () => {
  using _ = scope();
  const model = makeLlama();
  addLora(model, { r: 3, lora_alpha: 6, lora_dropout: 0.5, target_modules: ['gate_proj'], rng: new Rng(4) });
  fill(model);
  const { gate_proj } = model.model.layers[0]!.mlp;
  const state = stateDict(model);
  const [a, b] = ['A', 'B'].map((part) => state.get(`model.layers.0.mlp.gate_proj.lora_${part}.default.weight`)!) as [Tensor, Tensor];
  expect([a.shape, b.shape]).toEqual([[3, 16], [24, 3]]); // biome-ignore format: shapes
  const x = randn([5, 16], { rng: new Rng(2) });
  const want = add(linear(x, gate_proj.weight), mul(linear(linear(x, a), b), 6 / 3));
  expect(
    await distance(
      noGrad(() => gate_proj.forward(x)),
      want,
    ),
  ).toBeLessThan(1e-6);
  expect(
    await distance(
      noGrad(() => gate_proj.forward(x, 'gelu')),
      gelu(want),
    ),
  ).toBeLessThan(1e-6);
  const still = await logits(model).toArray();
  expect(await logits(model).toArray()).toEqual(still);
  const dropped = await logits(model, { rng: new Rng(5) }).toArray();
  expect(dropped).not.toEqual(still);
  expect(await logits(model, { rng: new Rng(5) }).toArray()).toEqual(dropped);
  expect(await noGrad(() => model.model.forward(text(), { rng: new Rng(5) })).toArray()).not.toEqual(await noGrad(() => model.model.forward(text())).toArray()); // biome-ignore format: one line
  expect(await logits(model).toArray()).toEqual(still);
  unloadAdapters(model);
  expect(Object.getOwnPropertyNames(model)).not.toContain('forward');
  dispose(model);
});

test('the first values: A uniform within 1/√in, B 0; or normal; or both uniform', async () => {
  const range = async (config: object, part: string) => {
    const model = makeLlama();
    addLora(model, { r: 8, target_modules: ['down_proj'], rng: new Rng(4), ...config });
    const values = Array.from(await stateDict(model).get(`model.layers.0.mlp.down_proj.lora_${part}.default.weight`)!.data());
    dispose(model);
    return { most: Math.max(...values.map(Math.abs)), std: Math.sqrt(values.reduce((total, v) => total + v * v, 0) / values.length) };
  };
  const bound = 1 / Math.sqrt(24);
  const { most, std } = await range({}, 'A');
  expect(most).toBeLessThanOrEqual(bound);
  expect(most).toBeGreaterThan(0.9 * bound);
  expect(std).toBeCloseTo(bound / Math.sqrt(3), 1);
  expect((await range({}, 'B')).most).toBe(0);
  expect((await range({ init_lora_weights: 'gaussian' }, 'A')).std).toBeCloseTo(1 / 8, 1);
  expect((await range({ init_lora_weights: false }, 'B')).most).toBeGreaterThan(0.9 / Math.sqrt(8));
});

test('scaling: alpha over r or its root, ranks and alphas by patterns', async () => {
  using _ = scope();
  const model = makeLlama();
  const paths = addLora(model, {
    r: 4,
    lora_alpha: 8,
    use_rslora: true,
    target_modules: ['q_proj', 'v_proj'],
    rank_pattern: { 'layers.1.self_attn.q_proj': 9, '^model.layers.0.*v_proj': 1 },
    alpha_pattern: { v_proj: 5 },
    rng: new Rng(4),
  });
  expect(paths).toEqual([0, 1].flatMap((i) => ['q_proj', 'v_proj'].map((name) => `model.layers.${i}.self_attn.${name}`)));
  fill(model);
  const x = randn([5, 16], { rng: new Rng(2) });
  const scalings = [[8 / 2, 5 / 1], [8 / 3, 5 / 2]]; // biome-ignore format: by layer
  for (const [i, layer] of model.model.layers.entries()) {
    for (const [j, name] of (['q_proj', 'v_proj'] as const).entries()) {
      const part = (p: string) => stateDict(model).get(`model.layers.${i}.self_attn.${name}.lora_${p}.default.weight`)!;
      expect(part('A').shape[0]).toBe([[4, 1], [9, 4]][i]![j]); // biome-ignore format: by layer
      const own = layer.self_attn[name];
      const want = add(linear(x, own.weight), mul(linear(linear(x, part('A')), part('B')), scalings[i]![j]!));
      expect(
        await distance(
          noGrad(() => own.forward(x)),
          want,
        ),
      ).toBeLessThan(1e-6);
    }
  }
  dispose(model);
});

test('targets: ends of names, patterns for whole names, layers, exclusions', () => {
  const targets = (config: object) => {
    const model = makeLlama();
    try {
      return addLora(model, { r: 2, rng: new Rng(1), target_modules: [], ...config });
    } finally {
      dispose(model);
    }
  };
  expect(targets({ target_modules: ['mlp.up_proj'] })).toEqual(['model.layers.0.mlp.up_proj', 'model.layers.1.mlp.up_proj']);
  expect(targets({ target_modules: '.*1.*(q|k)_proj' })).toEqual(['q', 'k'].map((name) => `model.layers.1.self_attn.${name}_proj`));
  expect(targets({ target_modules: ['q_proj'], layers_to_transform: 1 })).toEqual(['model.layers.1.self_attn.q_proj']);
  expect(targets({ target_modules: ['q_proj'], layers_to_transform: [0], layers_pattern: 'layers' })).toEqual([
    'model.layers.0.self_attn.q_proj',
  ]);
  expect(targets({ target_modules: 'all-linear', exclude_modules: ['mlp.up_proj', 'k_proj'] }).length).toBe(10);
  expect(targets({ target_modules: 'all-linear', exclude_modules: '.*layers\\.0.*' }).every((path) => path.includes('layers.1'))).toBe(
    true,
  );
  expect(targets({ target_modules: ['lm_head'] })).toEqual(['lm_head']);
  expect(() => targets({ target_modules: ['proj'] })).toThrow('no module is called by ["proj"]; linear layers are q_proj, k_proj');
  expect(() => targets({ target_modules: ['input_layernorm'] })).toThrow('these are none: model.layers.0.input_layernorm');
  expect(() => targets({ target_modules: '(' })).toThrow('target_modules: expected a regular expression that JavaScript knows');
  expect(() => targets({ target_modules: 'all-linear', layers_to_transform: 1 })).toThrow('layers_to_transform: only goes with a list');
});

test('only the adapter is trained, and the loss falls', async () => {
  const model = makeLlama(1, { initializer_range: 0.3 });
  const frozen = await Promise.all([...stateDict(model).values()].map((t) => t.toArray()));
  const own = [...stateDict(model).values()];
  addLora(model, { r: 4, lora_alpha: 16, lora_dropout: 0.1, target_modules: 'all-linear', rng: new Rng(4) });
  expect([...stateDict(model)].filter(([, t]) => t.requiresGrad).every(([key]) => /\.lora_[AB]\.default\.weight$/.test(key))).toBe(true);
  const optimizer = adamw(parameters(model), { lr: 0.02 });
  const rng = new Rng(7);
  const losses: number[] = [];
  for (let step = 0; step < 60; step++) {
    using _ = scope();
    const batch = ids([[1, 5, 2, 7, 3, 9, 4], [2, 6, 3, 8, 4, 10, 5]]); // biome-ignore format: a batch
    const targets = ids([[5, 2, 7, 3, 9, 4, 0], [6, 3, 8, 4, 10, 5, 0]]); // biome-ignore format: a batch
    const loss = crossEntropy(model.forward(batch, { rng }), targets);
    loss.backward();
    expect(own.every(({ grad: g }) => !g)).toBe(true);
    optimizer.step();
    losses.push(await loss.item());
  }
  expect(losses.at(-1)!).toBeLessThan(0.5 * losses[0]!);
  expect(await Promise.all(own.map((t) => t.toArray()))).toEqual(frozen);
  optimizer.dispose();
  dispose(model);
});

test('several adapters: one active, several together, none, and back', async () => {
  using _ = scope();
  const model = makeLlama();
  const plain = await logits(model).toArray();
  for (const [i, name] of ['one', 'two'].entries()) {
    addLora(model, { r: 2, target_modules: i === 0 ? ['q_proj', 'up_proj'] : ['q_proj', 'down_proj'], rng: new Rng(i), name });
    fill(model, name, i);
  }
  expect(adapters(model)).toMatchObject({ active: ['one'], merged: [] });
  const one = await logits(model).toArray();
  setAdapter(model, 'two');
  expect(parameters(model).every((p) => [...stateDict(model)].some(([key, t]) => t === p && key.includes('.two')))).toBe(true);
  const two = await logits(model).toArray();
  setAdapter(model, ['one', 'two'], { inference_mode: true });
  expect(parameters(model)).toEqual([]);
  const both = logits(model);
  expect(new Set([plain, one, two, await both.toArray()].map(String)).size).toBe(4);
  await mergeAdapters(model);
  expect(await distance(logits(model), both)).toBeLessThan(1e-5);
  setAdapter(model, 'one'); // unmerges
  expect(await logits(model).toArray()).toEqual(one);
  disableAdapters(model);
  expect(adapters(model).active).toEqual([]);
  expect(await logits(model).toArray()).toEqual(plain);
  enableAdapters(model);
  expect(await logits(model).toArray()).toEqual(one);
  deleteAdapter(model, 'one');
  expect(adapters(model)).toMatchObject({ active: ['two'] });
  expect(await logits(model).toArray()).toEqual(two);
  deleteAdapter(model, 'two');
  expect(await logits(model).toArray()).toEqual(plain);
  expect(parameters(model).length).toBe(new Set(stateDict(model).values()).size); // trained as before
  expect(() => setAdapter(model, 'one')).toThrow('setAdapter: model: expected one with adapters');
  dispose(model);
});

test('merged: the cost and the fields of the model; unmerged: its own tensors', async () => {
  using _ = scope();
  const model = makeLlama();
  addLora(model, { r: 2, target_modules: 'all-linear', rng: new Rng(4) });
  fill(model);
  const { weight } = model.model.layers[0]!.self_attn.q_proj;
  const count = () => {
    const before = liveTensors();
    const inside = scope();
    noGrad(() => model.forward(text()));
    const made = liveTensors() - before;
    inside.close();
    return made;
  };
  disableAdapters(model);
  const without = count();
  enableAdapters(model);
  expect(count()).toBeGreaterThan(without);
  await mergeAdapters(model, { safe_merge: true });
  expect(count()).toBe(without);
  expect(model.model.layers[0]!.self_attn.q_proj.weight).not.toBe(weight);
  await expect(mergeAdapters(model)).rejects.toThrow('default is merged: unmergeAdapters first');
  expect(() => addLora(model, { target_modules: ['q_proj'], rng: new Rng(1), name: 'two' })).toThrow('default is merged');
  unmergeAdapters(model);
  expect(model.model.layers[0]!.self_attn.q_proj.weight).toBe(weight);
  noGrad(() => assign(stateDict(model).get('model.layers.1.mlp.up_proj.lora_B.default.weight')!, full([24, 2], Number.NaN)));
  const there = liveTensors();
  await expect(mergeAdapters(model, { safe_merge: true })).rejects.toThrow('the merged weight of model.layers.1.mlp.up_proj is not finite');
  expect(liveTensors()).toBe(there);
  dispose(model);
});

test('merged for good: a model as any other, which saves and is trained as before', async () => {
  using _ = scope();
  const path = await mkdtemp(join(tmpdir(), 'lora-'));
  const model = makeLlama();
  const keys = [...stateDict(model).keys()];
  addLora(model, { r: 2, target_modules: ['q_proj', 'lm_head', 'embed_tokens'], rng: new Rng(4) });
  fill(model);
  const adapted = logits(model);
  await mergeAndUnload(model);
  expect([...stateDict(model).keys()]).toEqual(keys);
  expect(adapters(model)).toEqual({ configs: {}, active: [], merged: [] });
  expect(await distance(logits(model), adapted)).toBeLessThan(1e-5);
  expect(parameters(model).length).toBe(keys.length); // the head is no longer the table
  await save(model, path);
  expect(JSON.parse(await readFile(join(path, 'config.json'), 'utf8')).tie_word_embeddings).toBe(false); // Python would tie them
  const again = await load(LlamaForCausalLM, folder(path));
  expect(await logits(again).toArray()).toEqual(await logits(model).toArray());
  dispose(model, again);
  await rm(path, { recursive: true });
});

test('save leaves adapters out, unless they are merged', async () => {
  using _ = scope();
  const path = await mkdtemp(join(tmpdir(), 'lora-'));
  const model = makeLlama();
  const keys = [...stateDict(model)].filter(([key]) => key !== 'lm_head.weight').map(([key]) => key); // tied
  const plain = logits(model);
  addLora(model, { r: 2, target_modules: 'all-linear', bias: 'all', modules_to_save: ['norm'], rng: new Rng(4) });
  fill(model);
  const adapted = logits(model);
  await save(model, path);
  const base = await load(LlamaForCausalLM, folder(path));
  expect(
    parseSafetensors(await readFile(join(path, 'model.safetensors')))
      .names()
      .sort(),
  ).toEqual(keys.sort());
  expect(await logits(base).toArray()).toEqual(await plain.toArray());
  await mergeAdapters(model);
  await save(model, path);
  const merged = await load(LlamaForCausalLM, folder(path));
  expect(await distance(logits(merged), adapted)).toBeLessThan(1e-5);
  dispose(model, base, merged);
  await rm(path, { recursive: true });
});

/** An adapter in memory, as PEFT writes one: keys behind `base_model.model.`, a config with all of its keys. */
function peftFiles(tensors: Record<string, TensorRecord>, config: object = {}): Record<string, Uint8Array | string> {
  const json = {
    alora_invocation_tokens: null,
    alpha_pattern: {},
    arrow_config: null,
    auto_mapping: null,
    base_model_name_or_path: 'someone/llama',
    bias: 'none',
    corda_config: null,
    ensure_weight_tying: false,
    eva_config: null,
    exclude_modules: null,
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    loftq_config: {},
    lora_alpha: 4,
    lora_bias: false,
    lora_dropout: 0.05,
    lora_ga_config: null,
    megatron_config: null,
    megatron_core: 'megatron.core',
    modules_to_save: null,
    peft_type: 'LORA',
    peft_version: '0.19.1',
    qalora_group_size: 16,
    r: 2,
    rank_pattern: {},
    revision: null,
    target_modules: ['q_proj'],
    target_parameters: null,
    task_type: 'CAUSAL_LM',
    trainable_token_indices: null,
    use_bdlora: null,
    use_dora: false,
    use_qalora: false,
    use_rslora: false,
    ...config,
  };
  return {
    'adapter_config.json': JSON.stringify(json),
    'adapter_model.safetensors': serializeSafetensors(tensors, { metadata: { format: 'pt' } }),
  };
}

const qProj = (i: number, part: string) => `base_model.model.model.layers.${i}.self_attn.q_proj.lora_${part}.weight`;
const ones = (...shape: number[]): TensorRecord => ({
  dtype: 'F32',
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b)).fill(0.5),
});
const peftTensors = () => Object.fromEntries([0, 1].flatMap((i) => [[qProj(i, 'A'), ones(2, 16)], [qProj(i, 'B'), ones(16, 2)]])); // biome-ignore format: pairs

test("PEFT's files: the values are in their places, only used unless they are to be trained", async () => {
  using _ = scope();
  const model = makeLlama();
  const own = model.model.layers[1]!.self_attn.q_proj;
  const x = randn([3, 16], { rng: new Rng(1) });
  const want = add(linear(x, own.weight), mul(linear(linear(x, full([2, 16], 0.5)), full([16, 2], 0.5)), 2));
  expect(await loadLora(model, memory(peftFiles(peftTensors())))).toEqual([0, 1].map((i) => `model.layers.${i}.self_attn.q_proj`));
  expect(await distance(noGrad(() => model.model.layers[1]!.self_attn.q_proj.forward(x)), want)).toBeLessThan(1e-6); // biome-ignore format: one line
  expect(parameters(model)).toEqual([]);
  await loadLora(model, memory(peftFiles(peftTensors())), { name: 'two', is_trainable: true });
  expect(adapters(model).active).toEqual(['default']);
  setAdapter(model, 'two');
  expect(parameters(model).length).toBe(4);
  dispose(model);
});

test('tensors of the model that PEFT writes along must be those of the model', async () => {
  const model = makeLlama();
  const table = (await model.model.embed_tokens.weight.data()) as Float32Array;
  const copy = (data: Float32Array): TensorRecord => ({ dtype: 'F32', shape: [20, 16], data });
  const along = (data: Float32Array) => {
    const adapter = { 'base_model.model.model.embed_tokens.lora_embedding_A': ones(2, 20), 'base_model.model.model.embed_tokens.lora_embedding_B': ones(16, 2) }; // biome-ignore format: one object
    const base = { 'base_model.model.model.embed_tokens.base_layer.weight': copy(data), 'base_model.model.lm_head.weight': copy(data) };
    return memory(peftFiles({ ...adapter, ...base }, { target_modules: ['embed_tokens'] }));
  };
  await expect(loadLora(model, along(table.map((x) => 2 * x)))).rejects.toThrow('the adapter is one of another model');
  expect(await loadLora(model, along(table))).toEqual(['model.embed_tokens']);
  dispose(model);
});

test('halves become float32; bytes are told as they come; an abort leaves the model as it was', async () => {
  const half = (record: TensorRecord) => ({ dtype: 'BF16', shape: record.shape, data: new Uint16Array((record.data as Float32Array).length).fill(0x3f00) }) as TensorRecord; // biome-ignore format: one object
  const files = peftFiles(Object.fromEntries(Object.entries(peftTensors()).map(([key, record]) => [key, half(record)])));
  const model = makeLlama();
  const told: number[] = [];
  await loadLora(model, memory(files), { onProgress: ({ loaded, total }) => told.push(loaded / total) });
  expect(told).toEqual([0.25, 0.5, 0.75, 1]);
  expect(new Set(await stateDict(model).get('model.layers.0.self_attn.q_proj.lora_A.default.weight')!.data())).toEqual(new Set([0.5]));
  unloadAdapters(model);
  const there = liveTensors();
  const [reason, controller] = [new Error('enough'), new AbortController()];
  const onProgress = () => controller.abort(reason);
  await expect(loadLora(model, memory(files), { signal: controller.signal, onProgress })).rejects.toBe(reason);
  expect(liveTensors()).toBe(there);
  expect(parameters(model).length).toBe(new Set(stateDict(model).values()).size);
  dispose(model);
});

test('what does not fit is one error, and nothing has changed', async () => {
  const model = makeLlama();
  const keys = [...stateDict(model).keys()];
  const { [qProj(1, 'B')]: _, ...rest } = peftTensors();
  const broken = peftFiles({ ...rest, [qProj(0, 'B')]: ones(16, 3), [qProj(7, 'A')]: ones(2, 16), [qProj(0, 'A')]: { dtype: 'I32', shape: [2, 16], data: new Int32Array(32) } }); // biome-ignore format: one object
  const error = (await loadLora(model, memory(broken)).catch((caught: Error) => caught)) as Error;
  expect(error.name).toBe('StateDictError');
  expect(error.message.split('\n').slice(1).sort()).toEqual([
    `  missing: ${qProj(1, 'B')} [16, 2]`,
    `  unexpected: ${qProj(7, 'A')} [2, 16]`,
    `  wrong dtype: ${qProj(0, 'A')}: expected F32 or F16 or BF16 or F64, got I32`,
    `  wrong shape: ${qProj(0, 'B')}: expected [16, 2], got [16, 3]`,
  ]);
  const files = peftFiles(peftTensors());
  const { 'adapter_model.safetensors': weights, ...config } = files;
  await expect(loadLora(model, memory({ ...config, 'adapter_model.bin': 'x' }))).rejects.toThrow(
    'adapter_model.bin is not read, since it can run code',
  );
  await expect(loadLora(model, memory({ 'adapter_model.safetensors': weights! }))).rejects.toThrow(
    'expected an adapter_config.json, got none',
  );
  expect([...stateDict(model).keys()]).toEqual(keys);
  expect(parameters(model).length).toBe(new Set(stateDict(model).values()).size);
  dispose(model);
});

test('configs: what is not built is refused, what is switched off is let through', async () => {
  const model = makeLlama();
  const reject = (config: object) => expect(loadLora(model, memory(peftFiles(peftTensors(), config)))).rejects;
  await reject({ lora_bias: true, use_qalora: true, future_key: 3, r: 0 }).toThrow(
    /4 of its values cannot be taken:\n {2}r: expected[\s\S]*lora_bias: is not built here[\s\S]*future_key: is not built here \(value 3\)/,
  );
  await reject({ init_lora_weights: 'pissa' }).toThrow('init_lora_weights: expected true, false or "gaussian"');
  await reject({ peft_type: 'IA3' }).toThrow('peft_type: expected "LORA", got "IA3"');
  await reject({ trainable_token_indices: [1] }).toThrow('trainable_token_indices: is not built here');
  await loadLora(model, memory(peftFiles(peftTensors(), { future_key: false, another: {} })));
  await loadLora(model, memory(peftFiles(peftTensors(), { future_key: 3 })), { ignore: ['future_key'], name: 'two' });
  dispose(model);
});

test.each([
  ['low-rank matrices', { target_modules: 'all-linear' }],
  ['the head and the table', { target_modules: ['lm_head', 'embed_tokens', 'down_proj'] }],
  ['DoRA', { target_modules: ['q_proj', 'mlp.up_proj'], use_dora: true, use_rslora: true }],
  ['whole modules, tied ones apart', { target_modules: ['q_proj'], modules_to_save: ['lm_head', 'model.norm'] }],
  ['biases of the layers', { target_modules: ['q_proj'], bias: 'lora_only' }],
  ['all biases', { target_modules: ['q_proj'], bias: 'all' }],
  ['other ranks', { target_modules: ['q_proj', 'k_proj'], rank_pattern: { k_proj: 1 }, alpha_pattern: { 'layers.1.*': 3 } }],
] as const)('out to files and back in: %s', async (_what, config) => {
  using _ = scope();
  const path = await mkdtemp(join(tmpdir(), 'lora-'));
  const [model, again] = [makeLlama(1, { attention_bias: true }), makeLlama(1, { attention_bias: true })];
  const plain = await logits(model).toArray();
  addLora(model, { r: 3, lora_alpha: 6, rng: new Rng(4), ...config });
  if (!('bias' in config) && !('modules_to_save' in config)) expect(await distance(logits(model), logits(again))).toBeLessThan(1e-6);
  fill(model);
  const adapted = await logits(model).toArray();
  expect(adapted).not.toEqual(plain);
  await saveLora(model, path);
  expect((await readdir(path)).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  await loadLora(again, folder(path));
  expect(await logits(again).toArray()).toEqual(adapted);
  const [one, two] = await Promise.all([model, again].map((m) => loraFiles(m)));
  expect(one).toEqual(two);
  // Merged for good, the files of the model are those of one without adapters.
  await mergeAndUnload(again);
  expect(await distance(logits(again), logits(model))).toBeLessThan(1e-5);
  unloadAdapters(model);
  expect(await logits(model).toArray()).toEqual(plain);
  expect(model.lm_head).toBe(model.model.embed_tokens);
  dispose(model, again);
  await rm(path, { recursive: true });
});

const withBiases = ['BertForMaskedLM', 'RobertaForMaskedLM', 'T5ForConditionalGeneration', 'BartForConditionalGeneration', 'MarianMTModel', 'PhiForCausalLM', 'WhisperForConditionalGeneration', 'CLIPModel', 'ViTForImageClassification', 'DecisionTransformerModel']; // biome-ignore format: a list

test.each(withBiases)('%s: all biases, tied ones and ones of heads, out and in and away', async (name) => {
  using _ = scope();
  const Model = await auto.choose({ architectures: [name] });
  const make = () => new Model(Model.readConfig(configs[typeOf(name)]) as never, { rng: new Rng(3) }) as unknown as AnyModel;
  const [model, again] = [make(), make()];
  const run = async (one: AnyModel) => {
    const result = noGrad(() => one.forward(...inputsOf(name)));
    return Promise.all((result instanceof Tensor ? [result] : Object.values(result)).map((y) => y.toArray()));
  };
  const [plain, keys] = [await run(model), [...stateDict(model).keys()]];
  const trained = parameters(model).length;
  addLora(model, { r: 2, target_modules: 'all-linear', bias: 'all', rng: new Rng(4) });
  fill(model);
  const adapted = await run(model);
  const files = await loraFiles(model);
  await loadLora(again, memory(Object.fromEntries(files)));
  expect(await run(again)).toEqual(adapted);
  unloadAdapters(model);
  expect(await run(model)).toEqual(plain);
  await mergeAndUnload(again);
  for (const one of [model, again]) {
    expect([...stateDict(one).keys()].sort()).toEqual(keys.sort());
    expect(parameters(one).length).toBe(trained);
  }
  dispose(model, again);
});

test('what is written is what PEFT writes', async () => {
  const model = new GPT2LMHeadModel(readGPT2Config({ n_embd: 8, n_head: 2, n_layer: 1, n_positions: 16, vocab_size: 12 }), {
    rng: new Rng(1),
  });
  addLora(model, { r: 2, lora_alpha: 4, target_modules: 'all-linear', bias: 'lora_only', rng: new Rng(4) });
  const files = await loraFiles(model, { dtype: 'bfloat16' });
  const weights = parseSafetensors(files.get('adapter_model.safetensors')!);
  const layers = ['attn.c_attn', 'attn.c_proj', 'mlp.c_fc', 'mlp.c_proj'];
  const names = layers.flatMap((name) => ['base_layer.bias', 'lora_A.weight', 'lora_B.weight'].map((part) => `base_model.model.transformer.h.0.${name}.${part}`)); // biome-ignore format: one line
  expect(weights.names().sort()).toEqual(names);
  const { dtype, shape } = weights.entries.get('base_model.model.transformer.h.0.attn.c_attn.lora_B.weight')!;
  expect([dtype, shape]).toEqual(['BF16', [24, 2]]);
  expect(JSON.parse(new TextDecoder().decode(files.get('adapter_config.json')))).toMatchObject({
    peft_type: 'LORA',
    r: 2,
    lora_alpha: 4,
    target_modules: ['c_attn', 'c_fc', 'c_proj'],
    fan_in_fan_out: true,
    bias: 'lora_only',
    inference_mode: true,
  });
  dispose(model);
});

test('DoRA: rows as long as their magnitude says, and at first the model as it was', async () => {
  using _ = scope();
  const model = makeLlama();
  const x = randn([5, 16], { rng: new Rng(2) });
  const own = model.model.layers[0]!.self_attn.k_proj.weight;
  addLora(model, { r: 2, lora_alpha: 2, lora_dropout: 0.3, target_modules: ['k_proj'], use_dora: true, rng: new Rng(4) });
  fill(model);
  const part = (name: string) => stateDict(model).get(`model.layers.0.self_attn.k_proj.lora_${name}.default.weight`)!;
  const rows = (await add(own, matmul(part('B'), part('A'))).toArray()) as number[][];
  const magnitudes = (await part('magnitude_vector').toArray()) as number[];
  const inputs = (await x.toArray()) as number[][];
  const want = inputs.map((input) =>
    rows.map((row, i) => (magnitudes[i]! * row.reduce((total, w, j) => total + w * input[j]!, 0)) / Math.hypot(...row)),
  );
  const got = (await noGrad(() => model.model.layers[0]!.self_attn.k_proj.forward(x)).toArray()) as number[][];
  for (const [i, row] of want.entries()) for (const [j, value] of row.entries()) expect(got[i]![j]).toBeCloseTo(value, 5);
  const grads = grad(sum(model.forward(text(), { rng: new Rng(1) })), [part('magnitude_vector'), part('A'), part('B')]);
  for (const g of grads) expect(new Set(await g!.data()).size).toBeGreaterThan(8);
  expect(() => addLora(model, { target_modules: ['embed_tokens'], use_dora: true, rng: new Rng(1), name: 'two' })).toThrow(
    'is built for linear layers',
  );
  dispose(model);
});

test('a new head: trained as a whole, kept with the adapter, left behind with it', async () => {
  using _ = scope();
  const config = readGPT2Config({ n_embd: 8, n_head: 2, n_layer: 1, n_positions: 16, vocab_size: 12 });
  const model = new GPT2ForSequenceClassification(config, { rng: new Rng(1) });
  const { weight } = model.score;
  addLora(model, { r: 2, target_modules: ['c_attn'], task_type: 'SEQ_CLS', rng: new Rng(4) });
  expect(parameters(model)).toContain(model.score.weight);
  expect(model.score.weight).not.toBe(weight);
  const names = parseSafetensors((await loraFiles(model)).get('adapter_model.safetensors')!).names();
  expect(names).toContain('base_model.model.score.weight');
  addLora(model, { r: 2, target_modules: ['c_attn'], task_type: 'SEQ_CLS', rng: new Rng(4), name: 'two' });
  expect(() => setAdapter(model, ['default', 'two'])).toThrow("'default' and 'two' both have a score.weight of their own");
  setAdapter(model, 'two');
  fill(model, 'two');
  const two = await noGrad(() => model.forward(text())).toArray();
  setAdapter(model, 'default');
  expect(await noGrad(() => model.forward(text())).toArray()).not.toEqual(two);
  disableAdapters(model);
  expect(model.score.weight).toBe(weight);
  deleteAdapter(model, 'default');
  deleteAdapter(model, 'two');
  expect(model.score.weight).toBe(weight);
  dispose(model);
});

test('on quantised weights: x and the adapter have gradients, merging rounds again, unloading brings the integers back', async () => {
  using _ = scope();
  const model = makeLlama(1, { hidden_size: 64, intermediate_size: 40 });
  await quantizeModel(model, int8Weights());
  const [plain, packed] = [await logits(model).toArray(), model.model.layers[0]!.self_attn.q_proj.weight];
  const paths = addLora(model, { r: 2, target_modules: 'all-linear', rng: new Rng(4) });
  expect(paths.length).toBe(14);
  expect(parameters(model).length).toBe(28);
  fill(model);
  const y = model.forward(text());
  const grads = grad(y, parameters(model), { seed: uniform(y.shape, { rng: new Rng(6) }) });
  for (const g of grads) expect(Math.max(...Array.from(await g!.data(), Math.abs))).toBeGreaterThan(0);
  const adapted = noGrad(() => reshape(y, y.shape));
  await mergeAdapters(model);
  expect(await distance(logits(model), adapted)).toBeLessThan(0.15); // steps of 1/254 of the greatest, twice, under large changes
  expect(stateDict(model).has('model.layers.0.self_attn.q_proj.weight.packed')).toBe(true);
  unloadAdapters(model);
  expect(model.model.layers[0]!.self_attn.q_proj.weight).toBe(packed);
  expect(await logits(model).toArray()).toEqual(plain);
  addLora(model, { r: 2, target_modules: ['lm_head', 'embed_tokens'], rng: new Rng(4) });
  fill(model);
  expect(await logits(model).toArray()).not.toEqual(plain);
  expect(() => addLora(model, { target_modules: ['q_proj'], modules_to_save: ['lm_head'], rng: new Rng(1), name: 'two' })).toThrow(
    'lm_head has weights in few bits',
  );
  dispose(model);
});

test('torch.nn.Transformer: the projection behind attention has an adapter, the joint one before it is refused', async () => {
  using _ = scope();
  const model = new Seq2Seq(tiny, { rng: new Rng(1) });
  const run = () => noGrad(() => model.forward(ids([[2, 3]]), ids([[1, 2]]))).toArray();
  const plain = await run();
  addLora(model, { r: 2, target_modules: ['out_proj'], rng: new Rng(4) });
  fill(model);
  expect(await run()).not.toEqual(plain);
  expect(() => addLora(model, { target_modules: ['self_attn'], rng: new Rng(1), name: 'two' })).toThrow('only linear layers, embeddings');
  unloadAdapters(model);
  await quantizeModel(model, int8Weights());
  expect(await run()).not.toEqual(plain);
  dispose(model);
});

test('an adapter is where the model is, whatever the default backend is', async () => {
  const backend = cpu();
  const model = withBackend(backend, () => {
    const made = makeLlama();
    for (const tensor of stateDict(made).values()) void tensor.buffer;
    return made;
  });
  addLora(model, { target_modules: ['q_proj'], modules_to_save: ['norm'], rng: new Rng(1) });
  await loadLora(model, memory(peftFiles(peftTensors())), { name: 'two' });
  expect([...stateDict(model).values()].every((tensor) => tensor.backend === backend)).toBe(true);
  dispose(model);
  expect(backend.memory().bytes).toBe(0);
});

test('mistakes are told', async () => {
  const model = makeLlama();
  addLora(model, { target_modules: ['q_proj'], rng: new Rng(1) });
  expect(() => addLora(model, { target_modules: ['k_proj'], rng: new Rng(1) })).toThrow('there is an adapter called "default" already');
  expect(() => addLora(model, { target_modules: ['k_proj'], rng: new Rng(1), name: 'a.b' })).toThrow('expected a name without dots');
  expect(() => setAdapter(model, 'none')).toThrow('setAdapter: name: expected one of default, got "none"');
  expect(() => setAdapter(model, [])).toThrow('expected different names');
  expect(() => addLora(model, { target_modules: ['k_proj'], name: 'two' } as never)).toThrow('addLora: rng: expected an Rng');
  await expect(quantizeModel(model, int8Weights())).rejects.toThrow('expected one without adapters');
  dispose(model);
});
