// Text in, answers out: a model, its tokenizer and a few lines. No more is hidden here than batching, padding and reading.

export type {
  Encoded,
  PlacedEncoding,
  PlacingOptions,
  PlacingTokenizer,
  TextContext,
  TextModel,
  TextOptions,
  TextTokenizer,
  WritingOptions,
  WritingTokenizer,
} from './text/tokenizer.js';
export { embed } from './text/embed.js';
export type { EmbedOptions } from './text/embed.js';
export { classify } from './text/classify.js';
export type { ClassifyOptions, LabelScore, TextPair } from './text/classify.js';
export { classifyTokens } from './text/classify-tokens.js';
export type { LabelledSpan, TokenOptions } from './text/classify-tokens.js';
export { answer } from './text/answer.js';
export type { Answer, AnswerModel, AnswerOptions } from './text/answer.js';
export { fillMask } from './text/fill-mask.js';
export type { Filling } from './text/fill-mask.js';
export { complete } from './text/complete.js';
export type { CompleteOptions, WritingModel } from './text/complete.js';
export type { TextPieces } from './text/pieces.js';
export { chat } from './text/chat.js';
export type { ChatMessage, ChatOptions, ChatReply, ChatTemplateLike, TemplateOptions } from './text/chat.js';
export { summarize, textToText } from './text/text-to-text.js';
export type { TextToTextModel, TextToTextOptions } from './text/text-to-text.js';
export { translate } from './text/translate.js';
export type { TranslateOptions, TranslatingTokenizer } from './text/translate.js';
