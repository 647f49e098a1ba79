import { fromTokenizerJson, type PipelineTokenizer, type TokenizerJson } from '@multihead/tokenizer';
import type { SpeechGenerationConfig } from '@multihead/transformer/speech';
import { languages } from './phonemes.js';

/*
 * The vocabulary, in the order of Whisper's: texts, the end, other special tokens, times. Words begin with their space, and some have two tokens.
 */

/** Seconds of sound that the model takes at a time, and what one step of its times is. */
export const chunkLength = 4;
export const timeStep = 0.02;

const words = Object.values(languages).flat();
const texts = [...new Set([...words.map(([first]) => ` ${first}`), ...words.flatMap(([, ...rest]) => rest)])];
const codes = Object.keys(languages);
const special = ['endoftext', 'startoftranscript', ...codes, 'transcribe', 'startofprev', 'nospeech', 'notimestamps'].map(
  (name) => `<|${name}|>`,
);
const times = Array.from({ length: chunkLength / timeStep + 1 }, (_, i) => `<|${(i * timeStep).toFixed(2)}|>`);

export const vocabulary: readonly string[] = [...texts, ...special, ...times];

export const idOf = (token: string): number => {
  const id = vocabulary.indexOf(token);
  if (id < 0) throw new Error(`idOf: expected a token of the vocabulary, got ${JSON.stringify(token)}`);
  return id;
};

const firstTime = idOf('<|0.00|>');

/** The token of the time that is nearest. */
export const timeId = (seconds: number): number => firstTime + Math.round(seconds / timeStep);

/** The ids of a word, its space included. */
export const wordIds = ([first, ...rest]: readonly string[]): number[] => [idOf(` ${first}`), ...rest.map(idOf)];

const added = [...special, ...times].map((content, i) => ({
  id: texts.length + i,
  content,
  special: i < special.length,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
}));

/** tokenizer.json: the longest token that fits is taken, from left to right. */
export const tokenizerJson = {
  version: '1.0',
  added_tokens: added,
  normalizer: null,
  pre_tokenizer: {
    type: 'Split',
    pattern: { Regex: [...texts].sort((a, b) => b.length - a.length).join('|') },
    behavior: 'Isolated',
    invert: false,
  },
  post_processor: null,
  decoder: { type: 'Fuse' },
  model: { type: 'WordLevel', unk_token: '<|endoftext|>', vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])) },
} as unknown as TokenizerJson;

export const tokenizer: PipelineTokenizer = fromTokenizerJson(tokenizerJson);

/** generation_config.json. */
export const generationConfig: SpeechGenerationConfig = {
  is_multilingual: true,
  lang_to_id: Object.fromEntries(codes.map((code) => [`<|${code}|>`, idOf(`<|${code}|>`)])),
  task_to_id: { transcribe: idOf('<|transcribe|>') },
  decoder_start_token_id: idOf('<|startoftranscript|>'),
  eos_token_id: idOf('<|endoftext|>'),
  pad_token_id: idOf('<|endoftext|>'),
  no_timestamps_token_id: idOf('<|notimestamps|>'),
  prev_sot_token_id: idOf('<|startofprev|>'),
  max_initial_timestamp_index: 50,
  begin_suppress_tokens: [idOf('<|endoftext|>')],
  suppress_tokens: [
    ...codes.map((code) => `<|${code}|>`),
    '<|startoftranscript|>',
    '<|transcribe|>',
    '<|startofprev|>',
    '<|nospeech|>',
  ].map(idOf),
};
