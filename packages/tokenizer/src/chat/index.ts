export { ChatTemplate, type ChatMessage, type ChatOptions, type ChatTemplateFiles } from './chat-template.js';
export { renderTemplate, type RenderOptions } from './render.js';
export type { ChatLimits } from './bounded-interpreter.js';
