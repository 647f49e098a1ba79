import { auto } from '@multihead/transformer/auto';
import { readBertConfig } from '@multihead/transformer/bert';
import { readGemma3Config } from '@multihead/transformer/gemma3';
import { readGPT2Config } from '@multihead/transformer/gpt2';
import { readGPTNeoXConfig } from '@multihead/transformer/gpt-neox';
import { readLlamaConfig } from '@multihead/transformer/llama';
import { ConfigError } from '@multihead/transformer/load';
import { readModernBertConfig } from '@multihead/transformer/modernbert';
import { readPhi3Config } from '@multihead/transformer/phi3';
import { readQwen2Config } from '@multihead/transformer/qwen2';
import { readT5Config } from '@multihead/transformer/t5';
import { expect, test } from 'vitest';
import { configs, typeOf } from './tiny.js';

test.each(auto.names())('%s: an empty config is that of transformers, and a strange key is refused', async (name) => {
  const Model = await auto.choose({ architectures: [name] });
  expect(() => Model.readConfig({})).not.toThrow();
  expect(() => Model.readConfig({ ...configs[typeOf(name)], strange_key: 1 })).toThrow('strange_key: is not a key');
  expect(() => Model.readConfig({ model_type: 'other' })).toThrow('model_type: expected');
  expect(() => Model.readConfig({ quantization_config: { bits: 4 } })).toThrow('quantization_config: an object of 1 keys is not supported');
  expect(() => Model.readConfig(null)).toThrow(ConfigError);
});

test('everything that is wrong is told at once', () => {
  const json = {
    n_layer: 0,
    n_embd: 'wide',
    activation_function: '__proto__',
    resid_pdrop: 2,
    scale_attn_weights: 1,
    add_cross_attention: true,
  };
  expect(() => readGPT2Config(json)).toThrow('6 of its values cannot be taken');
  expect(() => readGPT2Config({ n_layer: 1e9 })).toThrow('n_layer: expected an integer from 1 to 4096, got 1000000000');
  expect(() => readGPT2Config({ n_embd: 10, n_head: 3 })).toThrow('the number of attention heads, 3, must divide the width, 10');
  expect(() => readGPT2Config({ vocab_size: 10, pad_token_id: 10 })).toThrow('pad_token_id: expected an id below vocab_size 10, got 10');
});

test('keys that change nothing are taken; null means that a key is not set', () => {
  expect(() =>
    readGPT2Config({ use_cache: false, _name_or_path: 'x', transformers_version: '99', task_specific_params: { a: {} }, strange: null }),
  ).not.toThrow();
  expect(() => readBertConfig({ position_embedding_type: 'absolute', is_decoder: false })).not.toThrow();
  expect(() => readBertConfig({ position_embedding_type: 'relative_key' })).toThrow(
    'position_embedding_type: "relative_key" is not supported, only "absolute"',
  );
  expect(() => readBertConfig({ is_decoder: true })).toThrow('is_decoder: true is not supported, only false');
});

test('rotary positions as transformers 4 and as transformers 5 write them', () => {
  const llama3 = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 16 };
  const sizes = { hidden_size: 16, num_attention_heads: 2 };
  const five = readLlamaConfig({ ...sizes, rope_parameters: { rope_type: 'llama3', rope_theta: 5e5, ...llama3 } });
  expect(readLlamaConfig({ ...sizes, rope_theta: 5e5, rope_scaling: { rope_type: 'llama3', ...llama3 } })).toEqual(five);
  expect(readLlamaConfig({ ...sizes, rope_theta: 5e5, rope_scaling: { type: 'llama3', ...llama3 } })).toEqual(five);
  expect(readLlamaConfig({}).rope_parameters).toEqual({ rope_type: 'default', rope_theta: 10000, partial_rotary_factor: 1 });
  expect(readGPTNeoXConfig({ rotary_pct: 0.5, rotary_emb_base: 20 }).rope_parameters).toMatchObject({
    rope_theta: 20,
    partial_rotary_factor: 0.5,
  });
  expect(readPhi3Config({ original_max_position_embeddings: 8, rope_scaling: { type: 'su', short_factor: Array(48).fill(1), long_factor: Array(48).fill(2) } }).rope_parameters).toMatchObject({ rope_type: 'longrope', original_max_position_embeddings: 8 }); // biome-ignore format: one claim
  expect(readGemma3Config({ rope_theta: 7, rope_local_base_freq: 3, rope_scaling: { rope_type: 'linear', factor: 8 } }).rope_parameters).toMatchObject({ full_attention: { rope_theta: 7, rope_type: 'linear', factor: 8 }, sliding_attention: { rope_theta: 3, rope_type: 'default' } }); // biome-ignore format: one claim
  expect(readModernBertConfig({ global_rope_theta: 7, local_rope_theta: 3 }).rope_parameters).toMatchObject({ full_attention: { rope_theta: 7 }, sliding_attention: { rope_theta: 3 } }); // biome-ignore format: one claim
});

test.each([
  [{ rope_type: 'nope' }, 'rope_type default, linear, dynamic, yarn, longrope, llama3, got "nope"'],
  [{ rope_type: 'mrope', mrope_section: [1] }, 'got "mrope"'],
  [{ rope_type: 'linear' }, 'factor: expected one for rope_type linear'],
  [{ rope_type: 'linear', factor: -1 }, 'factor above 0, got -1'],
  [{ rope_theta: 0 }, 'rope_theta above 0, got 0'],
  [{ rope_type: 'longrope', short_factor: [1], long_factor: [1] }, 'expected 64 factors'],
  [{ spin: 3 }, 'no key spin that is not known'],
])('rope_parameters %o: %s', (parameters, message) => {
  expect(() => readLlamaConfig({ rope_parameters: parameters })).toThrow(message);
});

test('layers slide as their types say, or as older keys do', () => {
  const slides = { num_hidden_layers: 3, use_sliding_window: true, sliding_window: 4, max_window_layers: 1 };
  expect(readQwen2Config(slides).layer_types).toEqual(['full_attention', 'sliding_attention', 'sliding_attention']);
  expect(readQwen2Config({ ...slides, use_sliding_window: false })).toMatchObject({ sliding_window: null });
  expect(() => readQwen2Config({ ...slides, layer_types: ['full_attention'] })).toThrow(
    'layer_types: expected 3, one for each layer, got 1',
  );
  expect(() => readQwen2Config({ ...slides, layer_types: Array(3).fill('chunked_attention') })).toThrow(
    'layer_types: expected "full_attention" or',
  );
  expect(readGemma3Config({ num_hidden_layers: 4, sliding_window_pattern: 2 }).layer_types.map((type) => type[0])).toEqual([
    's',
    'f',
    's',
    'f',
  ]);
});

test('whether a T5 scales its outputs stood in tie_word_embeddings before it had a key of its own', () => {
  expect(readT5Config({}).scale_decoder_outputs).toBe(true);
  expect(readT5Config({ tie_word_embeddings: false }).scale_decoder_outputs).toBe(false);
  expect(readT5Config({ tie_word_embeddings: true, scale_decoder_outputs: false }).scale_decoder_outputs).toBe(false);
  expect(() => readT5Config({ feed_forward_proj: 'gated-constructor' })).toThrow('feed_forward_proj: expected an activation');
});

test('labels by number, in their order', () => {
  expect(readBertConfig({ id2label: { 1: 'b', 0: 'a' } }).id2label).toEqual(['a', 'b']);
  expect(() => readBertConfig({ id2label: { 1: 'b', 2: 'a' } })).toThrow('id2label: expected strings under the keys 0 to 1');
});
