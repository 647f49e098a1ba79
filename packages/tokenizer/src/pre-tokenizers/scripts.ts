/*
 * Cuts where the script changes. Kana count as Han, as does the mark of long vowels; spaces belong to any script. Characters without
 * a script of their own (Common, Inherited) are a script like others.
 */
import { classOf, youngScripts } from '../young-characters.js';

const scripts = 'Latin Han Common Inherited Cyrillic Greek Arabic Hebrew Hangul Devanagari Thai Bengali Tamil Telugu Georgian Armenian Adlam Ahom Anatolian_Hieroglyphs Avestan Balinese Bamum Bassa_Vah Batak Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Coptic Cuneiform Cypriot Deseret Duployan Egyptian_Hieroglyphs Elbasan Ethiopic Glagolitic Gothic Grantha Gujarati Gurmukhi Hanunoo Hatran Imperial_Aramaic Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Kayah_Li Kharoshthi Khmer Khojki Khudawadi Lao Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Malayalam Mandaic Manichaean Marchen Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean New_Tai_Lue Newa Nko Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_South_Arabian Old_Turkic Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sora_Sompeng Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tangut Thaana Tibetan Tifinagh Tirhuta Ugaritic Vai Warang_Citi Yi'; // biome-ignore format: one list

/** The script of spaces, and of characters that are in none of the list: unassigned ones, and scripts younger than it. */
const any = 'Any';

const young = /* @__PURE__ */ new RegExp(`[${/* @__PURE__ */ classOf(youngScripts)}]`, 'u');
const known = /* @__PURE__ */ new Map<number, string>();
let tests: [name: string, pattern: RegExp][] | undefined;

function scriptOf(codePoint: number): string {
  let script = known.get(codePoint);
  if (script === undefined) {
    tests ??= scripts.split(' ').map((name) => [name, new RegExp(`\\p{Script=${name}}`, 'u')]);
    const character = String.fromCodePoint(codePoint);
    if (character === ' ' || young.test(character)) script = any;
    else if (codePoint === 0x589 || codePoint === 0x61c) script = 'Common';
    else if (codePoint === 0x30fc || /[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(character)) script = 'Han';
    else script = tests.find(([, pattern]) => pattern.test(character))?.[0] ?? any;
    known.set(codePoint, script);
  }
  return script;
}

/** Runs of one script each. */
export function scriptSpans(text: string): number[] {
  const bounds: number[] = [];
  let last: string | undefined;
  let at = 0;
  for (const character of text) {
    const script = scriptOf(character.codePointAt(0) as number);
    if (script !== any && last !== any && last !== script) bounds.push(at);
    if (script !== any) last = script;
    at += character.length;
  }
  bounds.push(text.length);
  const spans: number[] = [];
  for (let i = 0; i + 1 < bounds.length; i++) spans.push(bounds[i] as number, bounds[i + 1] as number);
  return spans;
}
