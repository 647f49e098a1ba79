import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  add,
  dispose,
  full,
  linear,
  liveTensors,
  mul,
  noGrad,
  parameters,
  Rng,
  randn,
  scope,
  stateDict,
  cpu,
  withBackend,
} from '@multihead/tensor';
import { parseSafetensors, serializeSafetensors, type TensorRecord } from '@multihead/tensor/safetensors';
import { GPT2LMHeadModel, readGPT2Config } from '@multihead/transformer/gpt2';
import { LlamaForCausalLM } from '@multihead/transformer/llama';
import { load } from '@multihead/transformer/load';
import {
  adapters,
  addLora,
  loadLora,
  loraFiles,
  mergeAdapters,
  mergeAndUnload,
  setAdapter,
  unloadAdapters,
} from '@multihead/transformer/lora';
import { folder, save, saveLora } from '@multihead/transformer/node';
import { expect, test } from 'vitest';
import { memory } from './checkpoints.js';
import { distance, fill, logits, makeLlama } from './lora-model.js';

/* PEFT's files, read and written. */

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
