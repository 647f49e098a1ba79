export { type LogMelOptions, type Spectrogram, logMel } from './speech/log-mel.js';
export {
  type ExtractOptions,
  type FeatureExtractorConfig,
  type SpeechFeatures,
  type SpeechInput,
  extractFeatures,
  readFeatureExtractorConfig,
} from './speech/feature-extractor.js';
