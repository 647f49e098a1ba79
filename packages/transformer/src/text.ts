// Text in, answers out: a model, its tokenizer and a few lines. No more is hidden here than batching, padding and reading.

export type { TextModel, TextOptions, TextTokenizer } from './text/tokenizer.js';
export { embed } from './text/embed.js';
export type { EmbedOptions } from './text/embed.js';
export { classify } from './text/classify.js';
export type { LabelScore } from './text/classify.js';
export { fillMask } from './text/fill-mask.js';
export type { Filling } from './text/fill-mask.js';
