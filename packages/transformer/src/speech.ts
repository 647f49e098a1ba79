// Sound in, text out: what Whisper hears of a sound, and what it writes.

export { type LogMelOptions, type Spectrogram, logMel } from './speech/log-mel.js';
export {
  type ExtractOptions,
  type FeatureExtractorConfig,
  type SpeechFeatures,
  type SpeechInput,
  extractFeatures,
  readFeatureExtractorConfig,
} from './speech/feature-extractor.js';
export { type SpeechGenerationConfig, readSpeechGenerationConfig } from './speech/generation-config.js';
export type { SpeechModel, SpeechTokenizer } from './speech/model.js';
export { type SpeechSegment, type TranscribeOptions, type Transcription, transcribe, transcribeSegments } from './speech/transcribe.js';
export type { SpokenWord } from './speech/word-timing.js';
export { type DetectLanguageOptions, type LanguageScore, detectLanguage } from './speech/detect-language.js';
export { type TimestampTokens, timestampRules } from './speech/timestamps.js';
export { type Matrix, type WarpingPath, timeWarping } from './speech/time-warping.js';
