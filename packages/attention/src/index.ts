export { type AttendOptions, type AttentionFn, attend, type Capture } from './attend.js';
export { type CaptureSelection, captureOf } from './capture.js';
export { attentionSinks } from './sinks.js';
export { type QKNormOptions, qkNorm } from './qk-norm.js';
export { type FlexMods, type FlexOptions, type ScoreMod, flexAttend, flexAttention } from './flex/flex-attend.js';
export { type MaskMod, type Span, andMasks, createMask, orMasks, shiftMask } from './flex/mask-mod.js';
export {
  causal,
  chunkedLocal,
  dilatedWindow,
  documents,
  globalTokens,
  prefixLM,
  sameSegment,
  slidingWindow,
} from './flex/rules.js';
export { type BlockMaskOptions, createBlockMask } from './flex/block-mask.js';
export { MultiHeadAttention, type MultiHeadAttentionOptions, type MultiHeadContext } from './multi-head.js';
export { causalMask, combineMasks, paddingMask } from './masks.js';
export { sinusoidalPositions, sinusoidalTable } from './positions/sinusoidal.js';
export {
  type RopeFrequencies,
  type RopeTables,
  type RopeTablesOptions,
  ropeFrequencies,
  ropeTables,
  ropeTables2d,
} from './positions/rope.js';
export {
  type LongRopeOptions,
  type YarnOptions,
  dynamicNtkRope,
  linearRope,
  llama3Rope,
  longRope,
  yarnRope,
} from './positions/rope-scaling.js';
export { type RopeOfConfigOptions, type RopeParameters, ropeOfConfig } from './positions/rope-config.js';
export { xPosTables } from './positions/xpos.js';
export { type T5BucketOptions, t5Bias, t5Bucket, t5Buckets, t5Mod } from './positions/t5-bias.js';
export { alibi, alibiMod, alibiSlopes } from './positions/alibi.js';
export { type ShawWeights, shawAttention } from './variants/shaw.js';
export { type AdditiveWeights, additiveAttention } from './variants/additive.js';
export { type TalkingHeadsWeights, talkingHeads } from './variants/talking-heads.js';
export { type DifferentialWeights, differentialAttention, differentialInit } from './variants/differential.js';
export { sigmoidAttention } from './variants/sigmoid.js';
export { topKAttention } from './variants/top-k.js';
export {
  type LatentKeys,
  type LatentQueries,
  type LatentWeights,
  absorbedLatentAttention,
  latentAttention,
} from './variants/latent.js';
export { perceiverLatents } from './variants/perceiver.js';
export {
  type BigBirdOptions,
  bigBird,
  blockSparse,
  fixedSparse,
  longformer,
  shiftedWindows,
  stridedSparse,
} from './variants/sparse-rules.js';
export { axialAttention } from './variants/axial.js';
export { type LinformerWeights, linformer } from './variants/linformer.js';
export { type PerformerOptions, performer } from './variants/performer.js';
export { type NystromOptions, nystromAttention } from './variants/nystrom.js';
export { type ReformerOptions, reformer } from './variants/reformer.js';
export { type FeatureMap, linearAttention } from './linear/linear-attention.js';
export { type RetentionOptions, parallelRetention, recurrentRetention, retention, retentionDecays } from './linear/retention.js';
export { gatedLinearAttention, recurrentGatedLinearAttention } from './linear/gated.js';
export { deltaRule, gatedDeltaRule, recurrentDeltaRule, recurrentGatedDeltaRule } from './linear/delta.js';
export type { Gates, Recurrent } from './linear/recurrence.js';
export type { AttentionCache, KeysAndValues } from './caches/cache.js';
export { KVCache } from './caches/kv-cache.js';
export { SlidingWindowCache } from './caches/sliding-window-cache.js';
export { PagedKVCache, type PagedKVCacheOptions } from './caches/paged-kv-cache.js';
export { QuantizedKVCache } from './caches/quantized-kv-cache.js';
export { mergeHeads, splitHeads } from './heads.js';
