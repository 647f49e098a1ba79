import type { TextTokenizer } from '../text/tokenizer.js';
import type { SourceModel } from '../generation/decoding.js';

/** What is asked of a model that hears: `WhisperForConditionalGeneration` has it. Log-mel features [B, bands, frames] are what it encodes. */
export interface SpeechModel extends SourceModel {
  readonly config: {
    readonly num_mel_bins: number;
    /** Steps of the encoder: half as many as frames. */
    readonly max_source_positions: number;
    readonly max_target_positions: number;
    readonly decoder_layers: number;
    readonly decoder_attention_heads: number;
    readonly median_filter_width?: number;
  };
}

/** What is asked of its tokenizer. */
export type SpeechTokenizer = Pick<TextTokenizer, 'encode' | 'decode'>;
