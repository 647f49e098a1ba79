import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { dispose, noGrad, readState, Rng, scope, stateDict, type Tensor } from '@multihead/tensor';
import { type ArchitectureName, auto } from '@multihead/transformer/auto';

import { save } from '@multihead/transformer/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { memory } from './checkpoints.js';
import { configs, inputsOf, typeOf } from './tiny.js';

/* What `save` writes, read by others: by Python's standard library alone, and by transformers where it is installed. */

const run = promisify(execFile);
const python = async (code: string, ...args: string[]) => (await run('python3', ['-c', code, ...args], { maxBuffer: 2 ** 26 })).stdout;
const hasPython = await python('').then(
  () => true,
  () => false,
);
const hasTransformers = await python('import torch, transformers').then(
  () => true,
  () => false,
);

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'saved-'));
});
afterEach(() => rm(path, { recursive: true }));

interface AnyModel {
  readonly config: object;
  forward(...inputs: unknown[]): Tensor | Record<string, Tensor>;
}

async function modelOf(name: ArchitectureName): Promise<AnyModel> {
  const Model = await auto.choose({ architectures: [name] });
  const json = { ...configs[typeOf(name)], id2label: { 0: 'no', 1: 'yes' } };
  return new Model(Model.readConfig(json) as never, { rng: new Rng(3) }) as unknown as AnyModel;
}

/** Reads a folder as the format is described: 8 bytes of length, a JSON header, the data; the index of shards, if there is one. */
const reader = `
import json, struct, sys, os
folder = sys.argv[1]
index = os.path.join(folder, "model.safetensors.index.json")
if os.path.exists(index):
    index = json.load(open(index))
    shards = sorted(set(index["weight_map"].values()))
else:
    index, shards = None, ["model.safetensors"]
tensors, metadata, total = {}, [], 0
for shard in shards:
    data = open(os.path.join(folder, shard), "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length].decode("utf-8"))
    metadata.append(header.pop("__metadata__", None))
    assert length % 8 == 0, "the data is aligned"
    end = 0
    for name, info in sorted(header.items(), key=lambda one: one[1]["data_offsets"]):
        a, b = info["data_offsets"]
        assert a == end, "no gaps"
        end = b
        total += b - a
        if index: assert index["weight_map"][name] == shard, name
        raw = data[8 + length + a:8 + length + b]
        if info["dtype"] == "F32": values = struct.unpack("<%df" % (len(raw) // 4), raw)
        elif info["dtype"] == "F16": values = struct.unpack("<%de" % (len(raw) // 2), raw)
        else: values = [struct.unpack("<f", b"\\0\\0" + raw[i:i + 2])[0] for i in range(0, len(raw), 2)]
        tensors[name] = {"dtype": info["dtype"], "shape": info["shape"], "values": list(values)}
    assert 8 + length + end == len(data), "nothing behind the data"
if index:
    assert index["metadata"]["total_size"] == total
    assert set(index["weight_map"]) == set(tensors)
print(json.dumps({"tensors": tensors, "metadata": metadata, "config": json.load(open(os.path.join(folder, "config.json")))}))
`;

interface Found {
  tensors: Record<string, { dtype: string; shape: number[]; values: number[] }>;
  metadata: Record<string, string>[];
  config: Record<string, unknown>;
}

test.for([
  ['GPT2LMHeadModel', 'float32', undefined, 'F32'],
  ['BertForMaskedLM', 'float32', 4000, 'F32'],
  ['T5ForConditionalGeneration', 'float16', 4000, 'F16'],
  ['MixtralForCausalLM', 'bfloat16', 4000, 'BF16'],
] as const)('%s in %s, read by Python alone: names, shapes and numbers', async ([name, dtype, maxShardBytes, stored], { skip }) => {
  skip(!hasPython, 'there is no python3 here');
  using _ = scope();
  const model = await modelOf(name);
  await save(model, path, { dtype, maxShardBytes });
  const { tensors, metadata, config } = JSON.parse(await python(reader, path)) as Found;
  const state = await readState(model);
  expect(Object.keys(tensors).sort()).toEqual([...state.keys()].sort());
  for (const [key, { shape, data }] of state) {
    const found = tensors[key]!;
    expect([found.shape, found.dtype]).toEqual([[...shape], stored]);
    // Half of the last bit of a half, and none of a float.
    const step = { F32: 0, F16: 2 ** -11, BF16: 2 ** -8 }[stored];
    const off = found.values.filter((x, i) => Math.abs(x - data[i]!) > step * Math.abs(data[i]!) + step * 2 ** -14);
    expect(off).toEqual([]);
  }
  expect(metadata.every((one) => one.format === 'pt')).toBe(true);
  expect(config).toMatchObject({ architectures: [name], dtype });
  expect(config.id2label).toEqual({ 0: 'no', 1: 'yes' });
  dispose(model);
});

/** The outputs of transformers for a model that `save` has written, from inputs in JSON. */
const oracle = `
import json, sys, torch, transformers
folder, name = sys.argv[1:3]
model, info = getattr(transformers, name).from_pretrained(folder, output_loading_info=True, torch_dtype=torch.float32)
assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
inputs = {k: torch.tensor(v) for k, v in json.loads(sys.argv[3]).items()}
with torch.no_grad(): out = model.eval()(**inputs)
print(json.dumps(out.logits.flatten().tolist()))
`;

const known = [
  'GPT2LMHeadModel',
  'GPTNeoXForCausalLM',
  'OPTForCausalLM',
  'LlamaForCausalLM',
  'MistralForCausalLM',
  'MixtralForCausalLM',
  'Qwen2ForCausalLM',
  'Qwen3ForCausalLM',
  'SmolLM3ForCausalLM',
  'GemmaForCausalLM',
  'Gemma2ForCausalLM',
  'Gemma3ForCausalLM',
  'PhiForCausalLM',
  'Phi3ForCausalLM',
  'BertForSequenceClassification',
  'RobertaForTokenClassification',
  'ElectraForMultipleChoice',
  'DistilBertForMaskedLM',
  'ModernBertForSequenceClassification',
  'T5ForConditionalGeneration',
  'T5ForTokenClassification',
  'BartForConditionalGeneration',
  'MarianMTModel',
  'M2M100ForConditionalGeneration',
  'WhisperForAudioClassification',
  'ViTForImageClassification',
  'CLIPForImageClassification',
] as const;

test('what is saved gives in transformers what it gives here', { timeout: 300_000 }, async ({ skip }) => {
  skip(!hasTransformers, 'there is no transformers for python3 here');
  for (const name of known) {
    using _ = scope();
    const model = await modelOf(name);
    await save(model, path);
    const inputs = inputsOf(name) as Tensor[];
    const ours = await (noGrad(() => model.forward(...inputs)) as Tensor).data();
    const names: Record<string, string> = { whisper: 'input_features', vit: 'pixel_values', clip: 'pixel_values' };
    const keys = [names[typeOf(name)] ?? 'input_ids', 'decoder_input_ids'];
    const given = await Promise.all(inputs.map(async (x, i) => [keys[i], nested(Array.from(await x.data()), x.shape)]));
    const theirs = JSON.parse(await python(oracle, path, name, JSON.stringify(Object.fromEntries(given)))) as number[];
    expect(Math.max(...Array.from(ours, (x, i) => Math.abs(x - theirs[i]!))), name).toBeLessThan(1e-4);
    dispose(model);
  }
});

function nested(flat: number[], shape: readonly number[]): unknown {
  if (shape.length <= 1) return flat;
  const inner = flat.length / shape[0]!;
  return Array.from({ length: shape[0]! }, (_, i) => nested(flat.slice(i * inner, (i + 1) * inner), shape.slice(1)));
}

test('with `from` the tokenizer and what is known of generation go with the model; nothing else does', async () => {
  const model = await modelOf('GPT2LMHeadModel');
  const files = {
    'config.json': '{"model_type": "other"}',
    'tokenizer.json': '{"model": {}}',
    'generation_config.json': '{"eos_token_id": 5}',
    'spiece.model': Uint8Array.of(0, 255, 7),
    'model.safetensors': 'old',
    'README.md': 'not mine',
  };
  await save(model, path, { from: memory(files) });
  expect((await readdir(path)).sort()).toEqual(['config.json', 'generation_config.json', 'model.safetensors', 'spiece.model', 'tokenizer.json']); // biome-ignore format: one claim
  expect(new Uint8Array(await readFile(join(path, 'spiece.model')))).toEqual(files['spiece.model']);
  expect(JSON.parse(await readFile(join(path, 'config.json'), 'utf8'))).toMatchObject({ model_type: 'gpt2' });
  expect(stateDict(model).size).toBeGreaterThan(10);
  dispose(model);
});
