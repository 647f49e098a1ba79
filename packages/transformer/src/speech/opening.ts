import { ValueError } from '@multihead/tensor';
import type { SpeechGenerationConfig } from './generation-config.js';
import { languageCode } from './languages.js';

/* What a decoder begins with: the start, the language, the task, and whether it shall write times. */

/** The code of the language that is asked for, if the model has it; null if it shall be found out, or if the model knows one language only. */
export function languageOf(op: string, { language, lang_to_id: languages, is_multilingual, task }: SpeechGenerationConfig): string | null {
  const isMultilingual = is_multilingual !== false && languages !== undefined;
  if (!isMultilingual) {
    for (const [name, value] of Object.entries({ language, task })) {
      if (value === null || value === undefined) continue;
      throw new ValueError(`${op}: ${name}: expected none, as the model writes one language only, got ${JSON.stringify(value)}`);
    }
    return null;
  }
  if (language === null || language === undefined) return null;
  const code = languageCode(language.replace(/^<\|(.*)\|>$/, '$1'));
  if (Object.hasOwn(languages, `<|${code}|>`)) return code;
  const known = Object.keys(languages).map((token) => token.slice(2, -2)); // biome-ignore format: one row
  throw new ValueError(`${op}: language: expected one of ${known.join(', ')}, or its English name, got ${JSON.stringify(language)}`);
}

/** The ids that an answer begins with. */
export function openingOf(op: string, config: SpeechGenerationConfig, language: string | null, hasTimes: boolean): number[] {
  const { lang_to_id: languages, task_to_id: tasks, task, no_timestamps_token_id: noTimes } = config;
  const ids = [required(op, config, 'decoder_start_token_id')];
  if (language !== null) {
    ids.push(languages![`<|${language}|>`]!);
    const id = tasks?.[task ?? 'transcribe'];
    if (id === undefined && task) throw new ValueError(`${op}: task: expected one of ${Object.keys(tasks ?? {}).join(', ')}, got ${task}`);
    if (id !== undefined) ids.push(id);
  } else if (!languages) {
    // `null` stands for a language that is to be found out, of which nothing is known here.
    for (const [, id] of config.forced_decoder_ids ?? []) if (id !== null && id !== noTimes) ids.push(id);
  }
  if (!hasTimes && noTimes !== undefined) ids.push(noTimes);
  return ids;
}

/** An id that generation_config.json has to have. */
export function required(
  op: string,
  config: SpeechGenerationConfig,
  key: 'decoder_start_token_id' | 'eos_token_id' | 'no_timestamps_token_id',
): number {
  const id = config[key];
  if (id === undefined) throw new ValueError(`${op}: ${key}: expected the id that generation_config.json has, got none`);
  return id;
}
