/*
 * What is done to the scores of the next token before one is chosen, each as transformers 5.18 does it. A processor belongs to nobody and keeps
 * nothing: it is a function of the ids so far and of their row in the batch, and changes the scores [V] of the token behind them in place.
 * They are float32, and a score of -∞ is a token that cannot come.
 *
 * Those that cut the distribution take `keep`, the number of tokens that stay whatever happens; those that forbid an end take its ids.
 */

export type { LogitsProcessor } from './processors/scores.js';
export { checkCount, logSumExp, softmaxOf } from './processors/scores.js';
export { temperature, topK, topP, minP, topH, typical, epsilonCutoff, etaCutoff } from './processors/cutting.js';
export {
  repetitionPenalty,
  encoderRepetitionPenalty,
  presencePenalty,
  frequencyPenalty,
  noRepeatNgram,
  encoderNoRepeatNgram,
  hammingDiversity,
} from './processors/repetition.js';
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
} from './processors/constraints.js';
