export type { LogitsProcessor } from './generation/processors/scores.js';
export { temperature, topK, topP, minP, topH, typical, epsilonCutoff, etaCutoff } from './generation/processors/cutting.js';
export {
  repetitionPenalty,
  encoderRepetitionPenalty,
  presencePenalty,
  frequencyPenalty,
  noRepeatNgram,
  encoderNoRepeatNgram,
  hammingDiversity,
} from './generation/processors/repetition.js';
export {
  sequenceBias,
  badWords,
  minLength,
  minNewTokens,
  forcedBos,
  forcedEos,
  suppressTokens,
  suppressTokensAtBegin,
  forcedTokens,
  exponentialDecayLengthPenalty,
  removeInvalidValues,
  normalizeLogits,
  prefixAllowed,
  classifierFreeGuidance,
} from './generation/processors/constraints.js';
export { type GenerationConfig, readGenerationConfig } from './generation/config.js';
export type { CausalModel, LanguageModel, Prompt, SourceModel } from './generation/decoding.js';
export type { TextDecoder } from './generation/stop-strings.js';
export type { GenerateOptions } from './generation/start.js';
export { type GeneratedStep, generate } from './generation/generate.js';
export { type BeamAnswer, type BeamSearchOptions, beamSearch } from './generation/beam-search.js';
export { type Session, session } from './generation/session.js';
