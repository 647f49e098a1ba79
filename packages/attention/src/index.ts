export { type AttendOptions, type AttentionFn, attend, type Capture } from './attend.js';
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
export { type T5BucketOptions, t5Bias, t5Bucket, t5Buckets } from './positions/t5-bias.js';
export { alibi, alibiSlopes } from './positions/alibi.js';
export { KVCache } from './kv-cache.js';
export { mergeHeads, splitHeads } from './heads.js';
