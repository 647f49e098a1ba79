export { type AttendOptions, type AttentionFn, attend, type Capture } from './attend.js';
export { MultiHeadAttention, type MultiHeadAttentionOptions, type MultiHeadContext } from './multi-head.js';
export { causalMask, combineMasks, paddingMask } from './masks.js';
export { sinusoidalPositions, sinusoidalTable } from './positions/sinusoidal.js';
export { KVCache } from './kv-cache.js';
export { mergeHeads, splitHeads } from './heads.js';
