/*
 * What BERT does to a text: controls are left out, white space is made the same, Chinese characters get spaces around, accents and capitals go.
 */
import type { AlignedText, Change } from '../aligned-text.js';
import { lowercase, mapped, type Normalizer, withoutMatches } from './normalizer.js';
import { without, youngFormats, youngNonspacing } from '../young-characters.js';
import { unicodeNormalizer } from './unicode-forms.js';

export interface BertRules {
  cleanText: boolean;
  handleChineseChars: boolean;
  stripAccents: boolean;
  lowercase: boolean;
}

export function bertNormalizer(rules: BertRules): Normalizer {
  const nfd = unicodeNormalizer('NFD');
  return (given) => {
    let text = given;
    if (rules.cleanText) text = cleaned(text);
    if (rules.handleChineseChars) text = spaced(text);
    if (rules.stripAccents) text = withoutMarks(nfd(text));
    return rules.lowercase ? lowercase(text) : text;
  };
}

const unwanted = /* @__PURE__ */ new RegExp(
  `(?![\\t\\n\\r])${/* @__PURE__ */ without('[\\0\\uFFFD\\p{Cc}\\p{Cf}\\p{Co}]', youngFormats)}`,
  'gu',
);

function cleaned(text: AlignedText): AlignedText {
  const kept = withoutMatches(text, unwanted);
  return mapped(kept, kept.text.replace(/\p{White_Space}/gu, ' '));
}

const chinese =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;

function spaced(text: AlignedText): AlignedText {
  const whole = text.text.replace(chinese, ' $& ');
  if (whole === text.text) return text;
  if (!text.tracked) return text.replacedBy(whole);
  const changes: Change[] = [];
  for (const character of text.text) {
    chinese.lastIndex = 0;
    if (chinese.test(character)) changes.push([' ', 0], [character, 1], [' ', 1]);
    else changes.push([character, 0]);
  }
  return text.transform(changes);
}

/** Two marks were nonspacing in the year of the table. */
const nonspacing = /* @__PURE__ */ new RegExp(`${/* @__PURE__ */ without('\\p{Mn}', youngNonspacing)}|[\u1734\u{1171E}]`, 'gu');

function withoutMarks(text: AlignedText): AlignedText {
  return withoutMatches(text, nonspacing);
}
