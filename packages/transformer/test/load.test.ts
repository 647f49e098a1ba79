import { cpu, dispose, getBackend, liveTensors, noGrad, Rng, scope, type Tensor, tensor } from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import { GPT2ForSequenceClassification, GPT2LMHeadModel, GPT2Model } from '@multihead/transformer/gpt2';
import { type Checkpoint, ConfigError, files, load } from '@multihead/transformer/load';
import { expect, test } from 'vitest';
import { f32, memory, shardedFiles, tinyConfig, tinyFiles, tinyTensors } from './checkpoints.js';

const ids = () => tensor(Int32Array.of(1, 5, 2), { shape: [1, 3] });

async function logitsOf(model: { forward(x: Tensor): Tensor }): Promise<number[]> {
  using _ = scope();
  return Array.from(await noGrad(() => model.forward(ids())).data());
}

/** Loads, reads logits, frees. */
async function logits(checkpoint: Checkpoint, options = {}): Promise<number[]> {
  const model = await load(GPT2LMHeadModel, checkpoint, options);
  try {
    return await logitsOf(model);
  } finally {
    dispose(model);
  }
}

test('one file, shards, a list of Files and the class that auto chooses give one model', async () => {
  const whole = await tinyFiles();
  const expected = await logits(memory(whole));
  expect(await logits(memory(await shardedFiles()))).toEqual(expected);
  const dropped = Object.entries(whole).map(([name, content]) => new File([content as BlobPart], name));
  expect(await logits(files(dropped))).toEqual(expected);
  const model = await load(auto, dropped);
  expect(model).toBeInstanceOf(GPT2LMHeadModel);
  expect(await logitsOf(model as GPT2LMHeadModel)).toEqual(expected);
  dispose(model);
});

test('of a folder with folders in it the outermost files count; two of one name without a path are an error', async () => {
  const whole = await tinyFiles();
  const dropped = (path: string, content: string | Uint8Array) =>
    Object.assign(new File([content as BlobPart], path.split('/').at(-1)!), { webkitRelativePath: path });
  const inner = dropped('model/1_Pooling/config.json', '{"word_embedding_dimension": 8}');
  const outer = Object.entries(whole).map(([name, content]) => dropped(`model/${name}`, content));
  const expected = await logits(memory(whole));
  expect(await logits(files([inner, ...outer]))).toEqual(expected);
  expect(await logits(files([...outer, inner]))).toEqual(expected);
  const twice = [new File(['{}'], 'config.json'), new File(['{}'], 'config.json')];
  await expect(load(GPT2LMHeadModel, twice)).rejects.toThrow('files: expected one file config.json, got 2');
});

test('auto: no architectures, an empty list, a name of old', async () => {
  const { T5ForConditionalGeneration } = await import('@multihead/transformer/t5');
  for (const architectures of [undefined, [], ['T5WithLMHeadModel']])
    expect(await auto.choose({ model_type: 't5', architectures })).toBe(T5ForConditionalGeneration);
  await expect(auto.choose({ model_type: 'llama', architectures: ['LlamaBiModel'] })).rejects.toThrow('got ["LlamaBiModel"]');
});

test('missing, unexpected and mis-shaped tensors and those of a wrong type are told in one error, and nothing is left', async () => {
  const broken = await tinyFiles(({ 'transformer.ln_f.bias': _, ...tensors }) => ({
    ...tensors,
    'transformer.extra.weight': f32(2),
    'transformer.wpe.weight': f32(16, 9),
    'transformer.ln_f.weight': { dtype: 'I32', shape: [8], data: new Int32Array(8) },
  }));
  const error = await load(GPT2LMHeadModel, memory(broken)).catch((caught: Error) => caught);
  expect(error).toMatchObject({ name: 'StateDictError' });
  expect((error as Error).message.split('\n').slice(1).sort()).toEqual([
    '  missing: transformer.ln_f.bias [8]',
    '  unexpected: transformer.extra.weight [2]',
    '  wrong dtype: transformer.ln_f.weight: expected F32 or F16 or BF16 or F64, got I32',
    '  wrong shape: transformer.wpe.weight: expected [16, 8], got [16, 9]',
  ]);
  expect(liveTensors()).toBe(0);
});

test('the model without its head loads from both, and so does a head from a checkpoint without the beginning of its names', async () => {
  const expected = await logits(memory(await tinyFiles()));
  const bare = await tinyFiles((tensors) =>
    Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name.replace('transformer.', ''), x])),
  );
  expect(await logits(memory(bare))).toEqual(expected);
  const withHead = await tinyFiles((tensors) => ({ ...tensors, 'score.weight': f32(2, 8), 'h.0.attn.bias': f32(1, 1, 16, 16) }));
  const model = await load(GPT2Model, memory(withHead)); // the head of another task is left aside, and so is the causal mask
  dispose(model);
});

test('a head that the checkpoint lacks is drawn if it is asked for, and an error else', async () => {
  const checkpoint = memory(await tinyFiles());
  await expect(load(GPT2ForSequenceClassification, checkpoint)).rejects.toThrow('missing: score.weight [2, 8]');
  const backend = cpu();
  const model = await load(GPT2ForSequenceClassification, checkpoint, { freshHead: true, rng: new Rng(1), backend });
  expect(model.score.weight.backend).toBe(backend);
  expect(new Set(await model.score.weight.data()).size).toBe(16);
  dispose(model);
});

test('keys of config.json that a call replaces: labels of a fresh head, also where the checkpoint has one of another width', async () => {
  const two = await tinyFiles((tensors) => ({ ...tensors, 'score.weight': f32(2, 8) }), { id2label: { 0: 'no', 1: 'yes' } });
  const options = { config: { num_labels: 5, resid_pdrop: 0 } };
  const narrow = load(GPT2ForSequenceClassification, memory(two), options);
  await expect(narrow).rejects.toThrow('wrong shape: score.weight: expected [5, 8], got [2, 8]');
  const model = await load(GPT2ForSequenceClassification, memory(two), { ...options, freshHead: true, rng: new Rng(1) });
  expect(model.config).toMatchObject({ num_labels: 5, id2label: null, resid_pdrop: 0 });
  expect(model.score.weight.shape).toEqual([5, 8]);
  expect(new Set(await model.score.weight.data()).size).toBe(40); // drawn
  const named = { config: { id2label: { 0: 'a', 1: 'b', 2: 'c' } }, freshHead: true, rng: new Rng(1) };
  const other = await load(GPT2ForSequenceClassification, memory(await tinyFiles()), named);
  expect(other.config.id2label).toEqual(['a', 'b', 'c']);
  expect(other.score.weight.shape).toEqual([3, 8]);
  dispose(model, other);
});

test('tied weights are one tensor, whether the file has one name of them or both', async () => {
  const both = await tinyFiles((tensors) => ({ ...tensors, 'lm_head.weight': tensors['transformer.wte.weight']! }));
  const model = await load(GPT2LMHeadModel, memory(both));
  expect(model.lm_head.weight).toBe(model.transformer.wte.weight);
  expect(await logitsOf(model)).toEqual(await logits(memory(await tinyFiles())));
  dispose(model);
});

test('what the config ties and the file has twice, differently, is not tied', async () => {
  const untied = await tinyFiles((tensors) => ({
    ...tensors,
    'lm_head.weight': { dtype: 'F32', shape: [12, 8], data: new Float32Array(96).fill(2) },
  }));
  const model = await load(GPT2LMHeadModel, memory(untied));
  expect(new Set(await model.lm_head.weight.data())).toEqual(new Set([2]));
  expect(new Set(await model.transformer.wte.weight.data()).size).toBe(96);
  dispose(model);
});

test('weights come in halves as they are, and are rounded to what is asked for', async () => {
  const tensors = await tinyTensors();
  const exact = await logits(memory(await tinyFiles()));
  const rounded = await logits(memory(await tinyFiles()), { dtype: 'bfloat16' });
  expect(rounded).not.toEqual(exact);
  expect(rounded.every((x, i) => Math.abs(x - exact[i]!) < 0.02)).toBe(true);
  expect(await logits(memory(await tinyFiles()), { dtype: 'float32' })).toEqual(exact);
  expect(Object.keys(tensors)).toContain('transformer.wte.weight');
});

test('weights go to the backend that is named, whatever the default one is', async () => {
  const backend = cpu();
  const model = await load(GPT2LMHeadModel, memory(await tinyFiles()), { backend });
  expect(model.transformer.wte.weight.backend).toBe(backend);
  expect(getBackend()).not.toBe(backend);
  dispose(model);
});

test('progress ends at the whole', async () => {
  const told: { loaded: number; total: number }[] = [];
  await logits(memory(await tinyFiles()), { onProgress: (progress: { loaded: number; total: number }) => told.push(progress) });
  const loaded = told.map((progress) => progress.loaded);
  expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
  expect(loaded.at(-1)).toBe(told[0]!.total);
});

test('an abort, before or in the middle, throws its reason and leaves nothing', async () => {
  const reason = new Error('enough');
  await expect(load(GPT2LMHeadModel, memory(await tinyFiles()), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const controller = new AbortController();
  const onProgress = () => controller.abort(reason);
  await expect(load(GPT2LMHeadModel, memory(await tinyFiles()), { signal: controller.signal, onProgress })).rejects.toBe(reason);
  expect(liveTensors()).toBe(0);
});

test('a file that is cut off in the middle of a tensor: an error, and nothing is left', async () => {
  const whole = await tinyFiles();
  const checkpoint = memory(whole);
  const open: Checkpoint['open'] = async (file, options) => {
    const source = await checkpoint.open(file, options);
    if (file !== 'model.safetensors' || !source) return source;
    return { ...source, read: async (from, to) => (await source.read(from, to)).subarray(0, from > 5000 ? 3 : undefined) };
  };
  await expect(load(GPT2LMHeadModel, { name: 'cut', open })).rejects.toMatchObject({ name: 'SafetensorsError' });
  expect(liveTensors()).toBe(0);
});

test('what lacks is named: config.json, weights, a shard, a model_type', async () => {
  const { 'config.json': config, ...rest } = await tinyFiles();
  await expect(load(GPT2LMHeadModel, memory(rest))).rejects.toThrow('memory: expected a config.json, got none');
  await expect(load(GPT2LMHeadModel, memory({ 'config.json': config! }))).rejects.toThrow(
    'expected model.safetensors or model.safetensors.index.json',
  );
  await expect(load(GPT2LMHeadModel, memory({ 'config.json': config!, 'pytorch_model.bin': 'x' }))).rejects.toThrow('it can run code');
  await expect(load(GPT2LMHeadModel, memory({ ...rest, 'config.json': '{}' }))).rejects.toThrow(
    'model_type: expected the name of a model, got nothing',
  );
  await expect(load(GPT2LMHeadModel, memory({ ...rest, 'config.json': '{' }))).rejects.toThrow('config.json: expected JSON');
  await expect(load(GPT2LMHeadModel, memory({ ...rest, 'config.json': '[]' }))).rejects.toThrow(ConfigError);
  const sharded = await shardedFiles();
  const { [Object.keys(sharded).find((name) => name.includes('00002-of'))!]: __, ...lacking } = sharded;
  await expect(load(GPT2LMHeadModel, memory(lacking))).rejects.toThrow('expected the shard model-00002-of');
  await expect(load(auto, memory({ ...rest, 'config.json': '{"model_type": "gpt9"}' }))).rejects.toThrow('architectures: expected one of');
  const { architectures: _, ...unnamed } = tinyConfig;
  const model = await load(auto, memory({ ...rest, 'config.json': JSON.stringify(unnamed) })); // by its model_type
  expect(model).toBeInstanceOf(GPT2LMHeadModel);
  dispose(model);
  await expect(load(GPT2LMHeadModel, memory({ ...rest, 'config.json': Uint8Array.of(0x7b, 0xff, 0x7d) }))).rejects.toThrow(
    'config.json: expected UTF-8',
  );
  await expect(load(GPT2LMHeadModel, './gpt2')).rejects.toThrow('a folder is folder(path) of @multihead/transformer/node');
});

test('a key that is not known is refused unless it is named', async () => {
  const strange = memory(await tinyFiles(undefined, { attention_of_tomorrow: 2 }));
  await expect(load(GPT2LMHeadModel, strange)).rejects.toThrow('attention_of_tomorrow: is not a key that this model has here (value 2)');
  const model = await load(GPT2LMHeadModel, strange, { ignore: ['attention_of_tomorrow'] });
  dispose(model);
});
