export { Linear, type LinearOptions } from './linear.js';
export { Embedding } from './embedding.js';
export { GroupNorm, LayerNorm, RMSNorm } from './norm.js';
export { Conv1d, Conv2d, type ConvLayerOptions } from './conv.js';
export { FeedForward, type FeedForwardOptions } from './feed-forward.js';
export { Dropout } from './dropout.js';
export { constant, kaimingUniform, normal, uniform, xavierUniform } from './init.js';
