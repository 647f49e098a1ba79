import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  add,
  assign,
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
  parameters,
  Rng,
  randn,
  reshape,
  scope,
  stateDict,
  sum,
  type Tensor,
  uniform,
} from '@multihead/tensor';
import { parseSafetensors } from '@multihead/tensor/safetensors';
import { adamw } from '@multihead/train';
import { GPT2ForSequenceClassification, readGPT2Config } from '@multihead/transformer/gpt2';
import { LlamaForCausalLM } from '@multihead/transformer/llama';
import { load } from '@multihead/transformer/load';
import {
  adapters,
  addLora,
  deleteAdapter,
  disableAdapters,
  enableAdapters,
  loraFiles,
  mergeAdapters,
  mergeAndUnload,
  setAdapter,
  unloadAdapters,
  unmergeAdapters,
} from '@multihead/transformer/lora';
import { folder, save } from '@multihead/transformer/node';
import { int8Weights, quantizeModel } from '@multihead/transformer/quantize';
import { Seq2Seq } from '@multihead/transformer/seq2seq';
import { expect, test } from 'vitest';
import { tiny } from './models.js';
import { ids } from './tiny.js';
import { distance, fill, logits, makeLlama, text } from './lora-model.js';

/* What adapters compute, where they are, and several of them. */

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

test('merged for good: a model like all others, which saves and is trained as before', async () => {
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
