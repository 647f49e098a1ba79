import { ValueError } from '@multihead/tensor';
import { type GenerationConfig, idsOf as endsOf } from '../generation/config.js';
import { originOf } from '../loading/config.js';
import { paramsOf, prefixOf, settingsOf, tasksOf } from './settings.js';
import { overSources, type TextToTextModel, type TextToTextOptions } from './text-to-text.js';
import { idsOf, uncut, type WritingTokenizer } from './tokenizer.js';

export interface TranslateOptions extends TextToTextOptions {
  /** The languages, as the model calls them: `en`, `de` for T5 and M2M100, `eng_Latn` for NLLB. Models of one pair take none. */
  src_lang?: string;
  tgt_lang?: string;
}

/** What is asked of a tokenizer: languages are tokens of its vocabulary. */
export interface TranslatingTokenizer extends WritingTokenizer {
  tokenToId(token: string): number | undefined;
}

/**
 * Each text in another language, by Marian, T5, M2M100, NLLB or whatever else was trained on it.
 *
 * How the languages are told depends on the model. T5's config.json has a prefix for each pair (`translate English to German: `) and settings beside it. M2M100
 * and NLLB read the source behind a token of its language, and are made to begin with that of the target (`forced_bos_token_id`). Marian's models for several
 * targets read `>>fra<<` first. Four beams and 256 new tokens at most, unless options or config.json say otherwise. Throws a ValueError for languages that the
 * model does not know or needs, the signal's reason when aborted.
 *
 * @example
 * const settings = readGenerationConfig(await readJson(checkpoint, 'generation_config.json'));
 * const [german] = await translate(model, tokenizer, ['Thank you'], { ...settings, src_lang: 'en', tgt_lang: 'de' }); // 'Danke'
 */
export async function translate(
  model: TextToTextModel,
  tokenizer: TranslatingTokenizer,
  texts: readonly string[],
  options: TranslateOptions = {},
): Promise<string[]> {
  const { src_lang, tgt_lang, ...given } = options;
  const { task, forced, encode } = tellingOf(model, tokenizer, options);
  const settings = settingsOf(model, { ...(forced !== undefined && { forced_bos_token_id: forced }), ...given }, task);
  const found = await overSources('translate', model, tokenizer, texts.map(encode), settings);
  return found.map(([best]) => best!);
}

/** How a model is told what to translate from and to. */
interface Telling {
  /** A key of `task_specific_params`. */
  task?: string;
  forced?: number;
  encode(text: string): number[];
}

function tellingOf(model: TextToTextModel, tokenizer: TranslatingTokenizer, { src_lang, tgt_lang }: TranslateOptions): Telling {
  const plain = (text: string) => idsOf(tokenizer.encode(text, uncut));
  const task = `translation_${src_lang}_to_${tgt_lang}`;
  const prefixed = (text: string) => plain(prefixOf(model, task) + text);
  if (originOf(model.config)?.model_type === 'm2m_100') return byTokens(model, tokenizer, src_lang, tgt_lang);
  if (src_lang === undefined && tgt_lang === undefined) return { encode: prefixed };
  if (paramsOf(model, task)) return { task, encode: prefixed };
  const target = tokenizer.tokenToId(`>>${tgt_lang}<<`);
  if (target !== undefined) return { encode: (text) => [target, ...plain(text)] };
  const known = Object.keys(tasksOf(model)).filter((name) => name.startsWith('translation_'));
  const expected = known.length > 0 ? `the languages of ${known.join(', ')}` : 'none, as the model knows one pair';
  throw new ValueError(`translate: src_lang and tgt_lang: expected ${expected}, got ${src_lang} and ${tgt_lang}`);
}

/** M2M100 and NLLB: a token of the source's language, the text, the end; the answer begins with that of the target's. */
function byTokens(model: TextToTextModel, tokenizer: TranslatingTokenizer, source?: string, target?: string): Telling {
  const idOf = (name: string, language: string | undefined) => {
    // A code without an underline, `en`, may be a piece of words as well.
    const names = [`__${language}__`, ...(language?.includes('_') ? [language] : [])];
    const id = language === undefined ? undefined : names.map((one) => tokenizer.tokenToId(one)).find((one) => one !== undefined);
    if (id === undefined)
      throw new ValueError(`translate: ${name}: expected a language that the tokenizer has a token for, got ${language}`);
    return id;
  };
  const [from, forced] = [idOf('src_lang', source), idOf('tgt_lang', target)];
  const [end] = endsOf(settingsOf<GenerationConfig>(model, {}).eos_token_id);
  if (end === undefined) throw new ValueError('translate: eos_token_id: expected the id that ends a source in config.json, got none');
  return { forced, encode: (text) => [from, ...idsOf(tokenizer.encode(text, { ...uncut, addSpecialTokens: false })), end] };
}
