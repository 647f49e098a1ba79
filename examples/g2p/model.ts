import type { Rng } from '@multihead/tensor';
import { Seq2Seq, type Seq2SeqConfig } from '@multihead/transformer/seq2seq';
import { sourceTokenizer, targetTokenizer } from './tokens.js';

/** The 2017 Transformer, small: pre-norm, tied target embedding. */
export const config: Seq2SeqConfig = {
  d_model: 192,
  nhead: 4,
  num_encoder_layers: 3,
  num_decoder_layers: 3,
  dim_feedforward: 768,
  dropout: 0.05,
  activation: 'relu',
  norm_first: true,
  src_vocab_size: sourceTokenizer.vocabSize,
  tgt_vocab_size: targetTokenizer.vocabSize,
  max_positions: 64,
  pad_token_id: targetTokenizer.specialId('pad'),
  bos_token_id: targetTokenizer.specialId('bos'),
  eos_token_id: targetTokenizer.specialId('eos'),
};

export function createModel(options: { config?: Seq2SeqConfig; rng?: Rng } = {}): Seq2Seq {
  return new Seq2Seq(options.config ?? config, { rng: options.rng });
}
