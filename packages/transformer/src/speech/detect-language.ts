import { ValueError } from '@multihead/tensor';
import type { FeatureExtractorConfig, SpeechInput } from './feature-extractor.js';
import type { SpeechGenerationConfig } from './generation-config.js';
import { softmaxOf } from '../generation/processors/scores.js';
import { hear } from './hearing.js';
import type { SpeechModel } from './model.js';
import { required } from './opening.js';
import type { WindowMemory } from './window-memory.js';

export interface DetectLanguageOptions extends SpeechGenerationConfig {
  /** preprocessor_config.json; that of every Whisper if left out. */
  features?: FeatureExtractorConfig;
  signal?: AbortSignal;
}

export interface LanguageScore {
  /** As in `<|en|>`. */
  language: string;
  /** From 0 to 1; together 1. */
  score: number;
}

/**
 * Which language is spoken at the beginning of a sound, the likeliest first: p of each language's token behind the first one, among the languages alone.
 *
 * @throws ValueError without `lang_to_id` or `decoder_start_token_id`, and for sounds that are none; the signal's reason when aborted.
 * @example
 * const [best] = await detectLanguage(model, sound, readSpeechGenerationConfig(json)); // { language: 'de', score: 0.99 }
 */
export async function detectLanguage(model: SpeechModel, sound: SpeechInput, options: DetectLanguageOptions): Promise<LanguageScore[]> {
  const { window: open } = await hear('detectLanguage', model, sound, options);
  const window = open(0);
  try {
    return await languagesIn('detectLanguage', window, options);
  } finally {
    window.dispose();
  }
}

export async function languagesIn(op: string, window: WindowMemory, config: SpeechGenerationConfig): Promise<LanguageScore[]> {
  const languages = Object.entries(config.lang_to_id ?? {});
  if (languages.length === 0) throw new ValueError(`${op}: lang_to_id: expected the tokens of languages, got none`);
  const scores = await window.scoresAfter([required(op, config, 'decoder_start_token_id')]);
  const shares = softmaxOf(Float32Array.from(languages, ([, id]) => scores[id] ?? Number.NEGATIVE_INFINITY));
  return languages
    .map(([token], i) => ({ language: token.replace(/^<\|(.*)\|>$/, '$1'), score: shares[i]! }))
    .sort((a, b) => b.score - a.score);
}
