import { dispose, noGrad, readState, Rng, scope, type Tensor } from '@multihead/tensor';
import { recordsOf, serializeSafetensors, type TensorRecord } from '@multihead/tensor/safetensors';
import { type ArchitectureName, auto } from '@multihead/transformer/auto';
import { load } from '@multihead/transformer/load';
import { expect, test } from 'vitest';
import { f32, memory } from './checkpoints.js';
import { configs, inputsOf, typeOf } from './tiny.js';

/* What the weight files of well-known repositories have besides, or in other words: each loads, and gives what was written. */

type Tensors = Record<string, TensorRecord>;
interface AnyModel {
  forward(...inputs: unknown[]): Tensor | Record<string, Tensor>;
}

const mapped = (tensors: Tensors, rename: (key: string) => string): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([key, record]) => [rename(key), record]));
const without = (tensors: Tensors, pattern: RegExp): Tensors =>
  Object.fromEntries(Object.entries(tensors).filter(([key]) => !pattern.test(key)));
const ints = (...values: number[]): TensorRecord => ({ dtype: 'I64', shape: [1, values.length], data: BigInt64Array.from(values, BigInt) });
const places = ints(0, 1, 2, 3);

async function outputs(model: AnyModel, name: string): Promise<number[][]> {
  const result = noGrad(() => model.forward(...inputsOf(name)));
  return Promise.all(Object.values('data' in result ? { result } : result).map(async (x) => Array.from(await (x as Tensor).data())));
}

/** The weights of a fresh `written`, changed as a repository has them, in a model of the class `read`. */
async function loaded(written: ArchitectureName, change: (tensors: Tensors) => Tensors, read = written, options = {}) {
  const json = { ...configs[typeOf(written)], model_type: modelTypeOf(written) };
  const Written = await auto.choose({ architectures: [written] });
  const model = new Written(Written.readConfig(json) as never, { rng: new Rng(3) }) as unknown as AnyModel;
  const tensors = change(Object.fromEntries(recordsOf(await readState(model))));
  const checkpoint = memory({ 'config.json': JSON.stringify(json), 'model.safetensors': serializeSafetensors(tensors) });
  try {
    const found = (await load(await auto.choose({ architectures: [read] }), checkpoint, options)) as unknown as AnyModel;
    return { model, found };
  } catch (error) {
    dispose(model);
    throw error;
  }
}

function modelTypeOf(name: string): string {
  const type = typeOf(name);
  return type === 'clip_text_model' || type === 'clip_vision_model' ? 'clip' : type;
}

/* Same class, other words. */
const others: readonly (readonly [string, ArchitectureName, (tensors: Tensors) => Tensors])[] = [
  ['gpt2: no beginning, and the causal masks', 'GPT2LMHeadModel', (x) => ({ ...mapped(x, (key) => key.replace('transformer.', '')), 'h.0.attn.bias': f32(1, 1, 4, 4), 'h.1.attn.bias': f32(1, 1, 4, 4), 'h.1.attn.masked_bias': f32() })], // biome-ignore format: a row
  ['gpt2: the output projection besides', 'GPT2LMHeadModel', (x) => ({ ...x, 'lm_head.weight': x['transformer.wte.weight']! })],
  ['pythia: masks and frequencies', 'GPTNeoXForCausalLM', (x) => ({ ...x, 'gpt_neox.layers.0.attention.bias': f32(1, 1, 4, 4), 'gpt_neox.layers.0.attention.masked_bias': f32(), 'gpt_neox.layers.0.attention.rotary_emb.inv_freq': f32(2) })], // biome-ignore format: a row
  ['pythia, as transformers 5 calls its head', 'GPTNeoXForCausalLM', (x) => mapped(x, (key) => key.replace('embed_out', 'lm_head'))],
  ['opt: without the first word', 'OPTForCausalLM', (x) => ({ ...mapped(x, (key) => key.replace(/^model\./, '')), 'decoder.version': f32(1) })],
  ['llama: frequencies', 'LlamaForCausalLM', (x) => ({ ...x, 'model.layers.0.self_attn.rotary_emb.inv_freq': f32(2), 'model.rotary_emb.inv_freq': f32(2) })], // biome-ignore format: a row
  ['bert: gamma and beta, places, the heads of pre-training', 'BertForMaskedLM', (x) => ({ ...mapped(x, (key) => key.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta')), 'bert.embeddings.position_ids': places, 'bert.pooler.dense.weight': f32(16, 16), 'bert.pooler.dense.bias': f32(16), 'cls.seq_relationship.weight': f32(2, 16), 'cls.seq_relationship.bias': f32(2) })], // biome-ignore format: a row
  ['bert: the decoder besides the embedding', 'BertForMaskedLM', (x) => ({ ...x, 'cls.predictions.decoder.weight': x['bert.embeddings.word_embeddings.weight']!, 'cls.predictions.decoder.bias': x['cls.predictions.bias']! })], // biome-ignore format: a row
  ['distilbert', 'DistilBertForMaskedLM', (x) => ({ ...x, 'vocab_projector.weight': x['distilbert.embeddings.word_embeddings.weight']! })],
  ['roberta: places, a pooler that no task reads', 'RobertaForMaskedLM', (x) => ({ ...x, 'roberta.embeddings.position_ids': places, 'roberta.pooler.dense.weight': f32(16, 16), 'roberta.pooler.dense.bias': f32(16), 'lm_head.decoder.weight': x['roberta.embeddings.word_embeddings.weight']!, 'lm_head.decoder.bias': x['lm_head.bias']! })], // biome-ignore format: a row
  ['electra', 'ElectraForPreTraining', (x) => ({ ...x, 'electra.embeddings.position_ids': places })],
  ['t5: three names of one embedding, a bias that nobody reads', 'T5ForConditionalGeneration', (x) => ({ ...x, 'encoder.embed_tokens.weight': x['shared.weight']!, 'decoder.embed_tokens.weight': x['shared.weight']!, 'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight': f32(32, 3) })], // biome-ignore format: a row
  ['bart: no bias of logits, all names of the embedding, versions', 'BartForConditionalGeneration', (x) => ({ ...without(x, /^final_logits_bias$/), 'model.encoder.version': f32(1), 'model.decoder.version': f32(1), 'model.encoder.embed_tokens.weight': x['model.shared.weight']!, 'model.decoder.embed_tokens.weight': x['model.shared.weight']!, 'lm_head.weight': x['model.shared.weight']! })], // biome-ignore format: a row
  ['opus-mt: positions', 'MarianMTModel', (x) => ({ ...x, 'model.encoder.embed_positions.weight': f32(32, 16), 'model.decoder.embed_positions.weight': f32(32, 16), 'model.shared.weight': f32(20, 16) })], // biome-ignore format: a row
  ['nllb: positions, all names of the embedding', 'M2M100ForConditionalGeneration', (x) => ({ ...x, 'model.encoder.embed_positions.weights': f32(34, 16), 'model.decoder.embed_positions.weights': f32(34, 16), 'model.encoder.embed_tokens.weight': x['model.shared.weight']!, 'model.decoder.embed_tokens.weight': x['model.shared.weight']!, 'lm_head.weight': x['model.shared.weight']! })], // biome-ignore format: a row
  ['whisper: the output projection besides', 'WhisperForConditionalGeneration', (x) => ({ ...x, 'proj_out.weight': x['model.decoder.embed_tokens.weight']! })],
  ['clip: places of both towers', 'CLIPModel', (x) => ({ ...x, 'text_model.embeddings.position_ids': places, 'vision_model.embeddings.position_ids': places })],
  ['vit for ImageNet: a pooler that no task reads', 'ViTForImageClassification', (x) => ({ ...x, 'vit.pooler.dense.weight': f32(16, 16), 'vit.pooler.dense.bias': f32(16) })],
  ['decision transformer: causal masks', 'DecisionTransformerModel', (x) => ({ ...x, 'encoder.h.0.attn.bias': f32(1, 1, 4, 4), 'encoder.h.0.attn.masked_bias': f32() })],
]; // biome-ignore format: a table

test.each(others)('%s', async (_, name, change) => {
  using __ = scope();
  const { model, found } = await loaded(name, change);
  expect(await outputs(found, name)).toEqual(await outputs(model, name));
  dispose(model, found);
});

/* From the file of one task to the class of another: the shared part is there. */
const fine = { freshHead: true, rng: new Rng(5) };
test.each([
  ['bert-base-uncased, which has both heads', 'BertForPreTraining', 'BertModel', {}],
  ['bert-base-uncased, for texts', 'BertForPreTraining', 'BertForSequenceClassification', fine],
  ['distilbert, to be fine-tuned', 'DistilBertForMaskedLM', 'DistilBertForTokenClassification', fine],
  ['electra, to be fine-tuned', 'ElectraForPreTraining', 'ElectraForQuestionAnswering', fine],
  ['ModernBERT, for texts', 'ModernBertForMaskedLM', 'ModernBertForSequenceClassification', { ...fine }],
  ['gpt2, to be fine-tuned', 'GPT2LMHeadModel', 'GPT2ForSequenceClassification', fine],
  ['pythia, to be fine-tuned', 'GPTNeoXForCausalLM', 'GPTNeoXForTokenClassification', fine],
  ['TinyLlama, for texts', 'LlamaForCausalLM', 'LlamaForSequenceClassification', fine],
  ['TinyLlama, for answers', 'LlamaForCausalLM', 'LlamaForQuestionAnswering', fine],
  ['TinyLlama, without its head', 'LlamaForCausalLM', 'LlamaModel', {}],
  ['mistral, for answers', 'MistralForCausalLM', 'MistralForQuestionAnswering', fine],
  ['qwen, for answers', 'Qwen2ForCausalLM', 'Qwen2ForQuestionAnswering', fine],
  ['phi, for texts', 'PhiForCausalLM', 'PhiForSequenceClassification', fine],
  ['a classifier, for another task', 'LlamaForSequenceClassification', 'LlamaForTokenClassification', fine],
  ['t5, its encoder', 'T5ForConditionalGeneration', 'T5EncoderModel', {}],
  ['t5, without its head', 'T5ForConditionalGeneration', 'T5Model', {}],
  ['t5, for texts', 'T5ForConditionalGeneration', 'T5ForSequenceClassification', fine],
  ['t5, for tokens', 'T5ForConditionalGeneration', 'T5ForTokenClassification', fine],
  ['t5, for answers', 'T5ForConditionalGeneration', 'T5ForQuestionAnswering', fine],
  ['bart, for texts', 'BartForConditionalGeneration', 'BartForSequenceClassification', fine],
  ['whisper, its two stacks', 'WhisperForConditionalGeneration', 'WhisperModel', {}],
  ['whisper, for sounds', 'WhisperForConditionalGeneration', 'WhisperForAudioClassification', fine],
  ['clip, for texts', 'CLIPModel', 'CLIPTextModelWithProjection', {}],
  ['clip, its text tower', 'CLIPModel', 'CLIPTextModel', {}],
  ['clip, for images', 'CLIPModel', 'CLIPVisionModelWithProjection', {}],
  ['clip, its image tower', 'CLIPModel', 'CLIPVisionModel', {}],
  ['clip, to be fine-tuned', 'CLIPModel', 'CLIPForImageClassification', fine],
  ['vit in21k, to be fine-tuned', 'ViTModel', 'ViTForImageClassification', fine],
] as const)('%s', async (_, written, read, options) => {
  using __ = scope();
  const { model, found } = await loaded(written, (tensors) => tensors, read, options);
  expect((await outputs(found, read)).flat().every(Number.isFinite)).toBe(true);
  dispose(model, found);
});

test('without freshHead a head that lacks is an error, and so is what lacks besides the head', async () => {
  await expect(loaded('T5ForConditionalGeneration', (x) => x, 'T5ForQuestionAnswering')).rejects.toThrow('missing: qa_outputs.weight');
  const headless = (x: Tensors) => without(x, /encoder\.final_layer_norm/);
  await expect(loaded('T5ForConditionalGeneration', headless, 'T5ForQuestionAnswering', fine)).rejects.toThrow(
    'missing: encoder.final_layer_norm.weight',
  );
  await expect(loaded('CLIPModel', (x) => without(x, /pre_layrnorm/), 'CLIPForImageClassification', fine)).rejects.toThrow(
    'missing: vision_model.pre_layrnorm.weight',
  );
});

test.each([
  ['roberta-base', 'RobertaForMaskedLM', 'RobertaModel'],
  ['bert without a pooler', 'BertForMaskedLM', 'BertModel'],
  ['dino', 'ViTForImageClassification', 'ViTModel'],
] as const)('%s has no pooler: the bare model does without, and says so when it is asked', async (_, written, read) => {
  using __ = scope();
  const { model, found } = await loaded(written, (x) => x, read);
  expect((await outputs(found, read)).flat().every(Number.isFinite)).toBe(true);
  const bare = found as unknown as { pooler: object | null; pooled(x: unknown): Tensor };
  expect(bare.pooler).toBe(null);
  expect(() => bare.pooled(null)).toThrow(`${read}: pooled: expected a model with a pooler`);
  dispose(model, found);
});

test('a head that reads the pooler has one drawn where the checkpoint has none, if it is asked for', async () => {
  using __ = scope();
  await expect(loaded('RobertaForMaskedLM', (x) => x, 'RobertaForMultipleChoice')).rejects.toThrow('missing: roberta.pooler.dense.weight');
  const { model, found } = await loaded('RobertaForMaskedLM', (x) => x, 'RobertaForMultipleChoice', fine);
  expect((await outputs(found, 'RobertaForMultipleChoice')).flat().every(Number.isFinite)).toBe(true);
  dispose(model, found);
});

test('an embedding of the encoder that differs from the shared one is read by itself', async () => {
  using __ = scope();
  const own: TensorRecord = { dtype: 'F32', shape: [20, 16], data: Float32Array.from({ length: 320 }, (_, i) => Math.sin(i)) };
  const { model, found } = await loaded('T5ForConditionalGeneration', (x) => ({ ...x, 'encoder.embed_tokens.weight': own }));
  const { encoder, shared } = found as unknown as Record<'encoder' | 'shared', { embed_tokens: { weight: Tensor }; weight: Tensor }>;
  expect(Array.from(await encoder.embed_tokens.weight.data())).toEqual(Array.from(own.data as Float32Array));
  expect(await shared.weight.data()).toEqual(await (model as unknown as { shared: { weight: Tensor } }).shared.weight.data());
  expect((await outputs(found, 'T5ForConditionalGeneration')).flat().every(Number.isFinite)).toBe(true);
  dispose(model, found);
});
