import type { Rng } from '@multihead/tensor';
import { type FeatureExtractorConfig, readFeatureExtractorConfig } from '@multihead/transformer/speech';
import { readWhisperConfig, WhisperForConditionalGeneration } from '@multihead/transformer/whisper';
import { chunkLength, generationConfig, vocabulary } from './tokens.js';

const bands = 40;

/** A Whisper, a two-hundredth of the smallest one that OpenAI trained. */
export const config = {
  model_type: 'whisper',
  architectures: ['WhisperForConditionalGeneration'],
  vocab_size: vocabulary.length,
  num_mel_bins: bands,
  d_model: 64,
  encoder_layers: 2,
  encoder_attention_heads: 4,
  encoder_ffn_dim: 64,
  decoder_layers: 1,
  decoder_attention_heads: 4,
  decoder_ffn_dim: 64,
  max_source_positions: chunkLength * 50,
  max_target_positions: 64,
  pad_token_id: generationConfig.pad_token_id,
  bos_token_id: generationConfig.eos_token_id,
  eos_token_id: generationConfig.eos_token_id,
  decoder_start_token_id: generationConfig.decoder_start_token_id,
  init_std: 0.08,
  median_filter_width: 3,
};

/** preprocessor_config.json. */
export const features: FeatureExtractorConfig = readFeatureExtractorConfig({ feature_size: bands, chunk_length: chunkLength });

export function createModel(rng?: Rng): WhisperForConditionalGeneration {
  return new WhisperForConditionalGeneration(readWhisperConfig(config), { rng });
}
