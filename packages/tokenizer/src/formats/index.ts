export { type TiktokenOptions, tiktokenPatterns, tokenizerJsonFromTiktoken } from './tiktoken.js';
export { type Gpt2Options, tokenizerJsonFromGpt2 } from './gpt2.js';
export { type BertOptions, tokenizerJsonFromBert } from './bert.js';
