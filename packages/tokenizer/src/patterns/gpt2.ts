import type { Matcher } from './pattern.js';
import { expressionMatcher } from './search.js';

export const gpt2Matcher: Matcher = /* @__PURE__ */ expressionMatcher(
  'gpt2',
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
);
