import { Rng, stack, type Tensor, tensor, uniform, type Backend } from '@multihead/tensor';

/* A small config of every model_type, and inputs that fit. */

const rotary = {
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  vocab_size: 20,
  max_position_embeddings: 32,
  pad_token_id: 0,
};
const grouped = { ...rotary, num_key_value_heads: 2 };
const bert = { ...rotary, pad_token_id: 0 };
const stacks = {
  vocab_size: 20,
  d_model: 16,
  encoder_layers: 2,
  decoder_layers: 2,
  encoder_ffn_dim: 24,
  decoder_ffn_dim: 24,
  encoder_attention_heads: 4,
  decoder_attention_heads: 2,
  max_position_embeddings: 32,
  pad_token_id: 1,
  decoder_start_token_id: 2,
  eos_token_id: 2,
};
const tower = { hidden_size: 16, intermediate_size: 24, num_hidden_layers: 2, num_attention_heads: 4 };
const gemma = { ...grouped, head_dim: 6 };

export const configs: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  gpt2: { n_embd: 16, n_head: 4, n_layer: 2, n_positions: 32, vocab_size: 20, pad_token_id: 0 },
  llama: { ...grouped, rope_parameters: { rope_type: 'yarn', factor: 4, rope_theta: 10000, original_max_position_embeddings: 8 } },
  mistral: { ...grouped, sliding_window: 3 },
  mixtral: { ...grouped, num_local_experts: 3, num_experts_per_tok: 2 },
  qwen2: { ...grouped, use_sliding_window: true, sliding_window: 3, max_window_layers: 1 },
  qwen3: { ...grouped, head_dim: 6 },
  smollm3: { ...grouped, no_rope_layer_interval: 2, pad_token_id: 0 },
  gemma,
  gemma2: { ...gemma, sliding_window: 3 },
  gemma3_text: { ...gemma, sliding_window: 3, sliding_window_pattern: 2 },
  phi: { ...rotary, qk_layernorm: true },
  phi3: { ...grouped, sliding_window: 4 },
  gpt_neox: { ...rotary, rotary_pct: 0.5 },
  opt: {
    hidden_size: 16,
    ffn_dim: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    vocab_size: 20,
    max_position_embeddings: 32,
    word_embed_proj_dim: 8,
  },
  bert,
  roberta: { ...bert, pad_token_id: 1 },
  electra: { ...bert, embedding_size: 8 },
  distilbert: { dim: 16, hidden_dim: 24, n_layers: 2, n_heads: 4, vocab_size: 20, max_position_embeddings: 32 },
  modernbert: { ...rotary, local_attention: 4, pad_token_id: 0 },
  t5: {
    d_model: 16,
    d_kv: 6,
    d_ff: 24,
    num_layers: 2,
    num_heads: 3,
    vocab_size: 20,
    feed_forward_proj: 'gated-gelu',
    tie_word_embeddings: false,
  },
  bart: stacks,
  marian: { ...stacks, share_encoder_decoder_embeddings: false, decoder_vocab_size: 18 },
  m2m_100: stacks,
  whisper: { ...stacks, num_mel_bins: 4, max_source_positions: 6, max_target_positions: 16 },
  vit: { ...tower, image_size: 8, patch_size: 4 },
  clip: {
    text_config: { ...tower, vocab_size: 20, max_position_embeddings: 12, eos_token_id: 19, projection_dim: 8 },
    vision_config: { ...tower, image_size: 8, patch_size: 4, projection_dim: 8 },
    projection_dim: 8,
  },
  clip_text_model: { ...tower, vocab_size: 20, max_position_embeddings: 12, projection_dim: 8 },
  clip_vision_model: { ...tower, image_size: 8, patch_size: 4, projection_dim: 8 },
  decision_transformer: { hidden_size: 16, n_head: 4, n_layer: 2, n_positions: 32, state_dim: 3, act_dim: 2, max_ep_len: 12 },
};

/** The model_type that an architecture's config has. */
export function typeOf(architecture: string): string {
  const names: [RegExp, string][] = [
    [/^(Roberta|XLMRoberta|Camembert)/, 'roberta'],
    [/^T5/, 't5'],
    [/^Gemma3/, 'gemma3_text'],
    [/^(GPTNeoX)/, 'gpt_neox'],
    [/^CLIPText/, 'clip_text_model'],
    [/^CLIPVision/, 'clip_vision_model'],
    [/^M2M100/, 'm2m_100'],
    [/^DecisionTransformer/, 'decision_transformer'],
    [/^(\w+?)(MTModel|EncoderModel|TextModel|LMHeadModel|Model|For[A-Z]\w*|TextFor\w+)$/, '$1'],
  ];
  const [pattern, to] = names.find(([name]) => name.test(architecture))!;
  return to === '$1' ? pattern.exec(architecture)![1]!.toLowerCase() : to;
}

export function ids(rows: number[][], backend?: Backend): Tensor {
  return tensor(Int32Array.from(rows.flat()), { shape: [rows.length, rows[0]!.length], backend });
}

/** What `forward` takes before the context. */
export function inputsOf(architecture: string): unknown[] {
  const type = typeOf(architecture);
  const text = ids([
    [5, 9, 7, 3, 12, 4],
    [6, 6, 11, 8, 2, 19],
  ]);
  const numbers = (shape: number[]) => uniform(shape, { rng: new Rng(7), low: -1, high: 1 });
  if (/MultipleChoice$/.test(architecture)) return [stack([text, text], 1)];
  if (type === 'vit' || type === 'clip_vision_model' || architecture === 'CLIPForImageClassification') return [numbers([2, 3, 8, 8])];
  if (type === 'clip') return [{ ids: text, pixels: numbers([2, 3, 8, 8]) }];
  if (type === 'decision_transformer') {
    return [{ states: numbers([2, 4, 3]), actions: numbers([2, 4, 2]), returns_to_go: numbers([2, 4, 1]), timesteps: ids([[0, 1, 2, 3], [4, 5, 6, 7]]) }]; // biome-ignore format: one object
  }
  const target = ids([
    [2, 5, 9, 7, 3],
    [2, 6, 11, 8, 4],
  ]);
  if (type === 'whisper') return /Classification$/.test(architecture) ? [numbers([2, 4, 12])] : [numbers([2, 4, 12]), target];
  if (['bart', 'marian', 'm2m_100', 't5'].includes(type) && !/EncoderModel|Classification|Answering/.test(architecture))
    return [text, target];
  return [text];
}
