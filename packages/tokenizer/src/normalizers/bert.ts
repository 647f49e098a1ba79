/*
 * What BERT does to a text: controls are left out, white space is made the same, Chinese characters get spaces around, accents and capitals go.
 */
import type { AlignedText, Change } from '../aligned-text.js';
import { filter, lowercase, mapped, type Normalizer } from './normalizer.js';
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

const unwanted = /(?![\t\n\r])[\0\uFFFD\p{Cc}\p{Cf}\p{Co}]/u;
const isUnwanted = (codePoint: number): boolean => unwanted.test(String.fromCodePoint(codePoint));

function cleaned(text: AlignedText): AlignedText {
  const kept = unwanted.test(text.text) ? filter(text, (codePoint) => !isUnwanted(codePoint)) : text;
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

const nonspacing = /\p{Mn}/u;

function withoutMarks(text: AlignedText): AlignedText {
  if (!nonspacing.test(text.text)) return text;
  if (!text.tracked) return text.replacedBy(text.text.replace(/\p{Mn}+/gu, ''));
  return filter(text, (codePoint) => !nonspacing.test(String.fromCodePoint(codePoint)));
}
