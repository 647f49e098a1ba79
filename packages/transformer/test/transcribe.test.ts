import { dispose, liveTensors, Rng, ValueError } from '@multihead/tensor';
import { ConfigError } from '@multihead/transformer/load';
import {
  detectLanguage,
  readSpeechGenerationConfig,
  transcribe,
  transcribeSegments,
  type TranscribeOptions,
} from '@multihead/transformer/speech';
import { readWhisperConfig, WhisperForConditionalGeneration } from '@multihead/transformer/whisper';
import { describe, expect, it } from 'vitest';
import { compressionRatio } from '../src/speech/compression.js';
import { languageCode } from '../src/speech/languages.js';
import { cutWindow } from '../src/speech/segments.js';
import { generation, id, ids, type LookAt, type Script, scripted, tokenizer } from './speech-model.js';

const rate = 16000;
/** Noise, so that it is no silence; the model writes what the script says anyway. */
const sound = (seconds: number) => Float32Array.from({ length: seconds * rate }, (_, i) => ((i * 7919) % 211) / 211 - 0.5);

/** What is written of so many seconds by a model that follows a script. */
async function write(seconds: number, scripts: Script[], options: TranscribeOptions = {}, lookAt?: LookAt) {
  const { model, heard, asked } = scripted(scripts, lookAt);
  const found = await transcribe(model, tokenizer, sound(seconds), {
    ...generation,
    temperature: 0,
    no_speech_threshold: null,
    ...options,
  });
  expect(liveTensors()).toBe(0);
  const times = found.segments.map(({ start, end, text }) => [+start.toFixed(2), +end.toFixed(2), text]);
  return { ...found, times, heard, asked };
}

describe('transcribe', () => {
  it('one window: text, language, segments', async () => {
    const script = { ids: ids(0, ' one', ' two', 20, 25, ' three', 40), language: '<|de|>' };
    const found = await write(0.9, [script]);
    expect(found.text).toBe(' one two three');
    expect(found.language).toBe('de');
    expect(found.duration).toBeCloseTo(0.9);
    expect(found.times).toEqual([[0, 0.4, ' one two'], [0.5, 0.8, ' three']]); // biome-ignore format: one row
    expect(found.segments[0]).toMatchObject({ ids: ids(0, ' one', ' two', 20), temperature: 0, noSpeechProb: 0 });
    expect(found.heard).toHaveLength(1);
    // First the language, then the answer.
    expect(found.asked).toEqual([ids('sot'), ids('sot', '<|de|>', 'transcribe')]);
  });

  it('language and task are those that are asked for', async () => {
    const { asked, language } = await write(0.5, [{ ids: ids(0, ' one', 10) }], {
      language: 'German',
      task: 'translate',
      return_timestamps: false,
    });
    expect(language).toBe('de');
    expect(asked).toEqual([ids('sot', '<|de|>', 'translate', 'notimes')]);
    const english = { ...generation, is_multilingual: false, lang_to_id: undefined };
    const { asked: plain, language: none } = await write(0.5, [{ ids: ids(0, ' one', 10) }], english);
    expect([none, plain]).toEqual([null, [ids('sot')]]);
    const old = { ...generation, lang_to_id: undefined, forced_decoder_ids: [[1, id('<|de|>')], [2, id('transcribe')], [3, id('notimes')]] as const }; // biome-ignore format: one row
    expect((await write(0.5, [{ ids: ids(0, ' one', 10) }], old)).asked).toEqual([ids('sot', '<|de|>', 'transcribe')]);
  });

  it('windows move to the end of the last finished segment', async () => {
    const found = await write(2.5, [
      { ids: ids(0, ' one', 20, 25, ' two', 35, 40) }, // something begins at 0.8, and is not finished
      { ids: ids(5, ' three', 30) }, // nothing behind it
      { ids: ids(0, ' four', 30) },
    ]);
    expect(found.times).toEqual([[0, 0.4, ' one'], [0.5, 0.7, ' two'], [0.8, 1.3, ' three'], [1.7, 2.3, ' four']]); // biome-ignore format: one row
    expect(found.heard).toHaveLength(3);
    // Two seconds and a half are 250 frames; the last window is filled up with zeros.
    expect([...found.heard[2]!.subarray(80)]).toEqual(new Array(20).fill(0));
    expect(found.heard[1]!.subarray(0, 30)).toEqual(found.heard[0]!.subarray(70));
  });

  it('a window without times between segments is one segment, and the next begins behind it', async () => {
    const found = await write(1.5, [{ ids: ids(10, ' one') }, { ids: ids(0, ' two', 60 - 40) }]);
    expect(found.times).toEqual([[0.2, 1, ' one'], [1, 1.4, ' two']]); // biome-ignore format: one row
  });

  it('a window in which nothing is said gives no segment', async () => {
    const found = await write(1.5, [{ ids: ids(0) }, { ids: ids(0, ' one', 10) }]);
    expect(found.times).toEqual([[1, 1.2, ' one']]);
  });

  it('a window moves on, whatever is written', () => {
    expect(cutWindow(ids(0, ' one', 0, 0), id(0), 50)).toMatchObject({ advance: 50 });
    expect(cutWindow(ids(0, 0), id(0), 50).advance).toBe(50);
    expect(cutWindow([], id(0), 50)).toEqual({ segments: [], advance: 50, isUnfinished: false });
    // Pairs of times without a first one.
    expect(cutWindow(ids(' one', 10, 12, ' two', 20, 20), id(0), 50).segments.map(({ start, end }) => [start, end])).toEqual([[0, 10], [12, 20]]); // biome-ignore format: one row
  });

  it('an answer that is unlikely is drawn again, hotter and hotter, until one is not', async () => {
    const words = [' one', ' two', ' three', ' one', ' two', ' three'];
    const unlikely = { ids: ids(0, ...words, 10), logprob: -2 };
    const drawn = await write(0.5, [unlikely], { temperature: [0, 0.2, 1], rng: new Rng(1) });
    expect(drawn.segments[0]!.temperature).toBe(1);
    expect(drawn.asked).toHaveLength(4); // the language, and three answers
    const patient = await write(0.5, [unlikely], { temperature: [0, 0.2, 1], logprob_threshold: -9 });
    expect(patient.segments[0]).toMatchObject({ temperature: 0, text: words.join('') });
    // ln p of the six texts is -2, of two times and the end 0.
    expect(patient.segments[0]!.avgLogprob).toBeCloseTo(-12 / 9, 3);
    expect((await write(0.5, [unlikely], { temperature: [0, 0.2, 1], logprob_threshold: null })).segments[0]!.temperature).toBe(0);
  });

  it('so is one that repeats itself', async () => {
    const loop = { ids: [id(0), ...new Array(30).fill(id(' one'))] };
    expect(await compressionRatio(' one'.repeat(30))).toBeGreaterThan(2.4);
    const options = { temperature: [0, 0.5], max_new_tokens: 32 };
    expect((await write(0.5, [loop], options)).segments[0]!.temperature).toBe(0.5);
    expect((await write(0.5, [loop], { ...options, compression_ratio_threshold: null })).segments[0]!.temperature).toBe(0);
  });

  it('silence is left out: unlikely, and probably nobody speaks', async () => {
    const silent = { ids: ids(0, ' one', ' one', ' one', ' one', 10), logprob: -2, noSpeech: 0.9 };
    const speech = { ids: ids(0, ' two', 10), noSpeech: 0.1 };
    const sure = { ids: ids(0, ' three', 10), noSpeech: 0.9 }; // but likely
    const found = await write(3, [silent, speech, sure], { no_speech_threshold: 0.6, temperature: [0, 1] });
    expect(found.times).toEqual([[1, 1.2, ' two'], [2, 2.2, ' three']]); // biome-ignore format: one row
    expect(found.segments[1]!.noSpeechProb).toBeCloseTo(0.9, 2);
    expect((await write(1, [silent], { no_speech_threshold: 0.95 })).segments).toHaveLength(1);
    expect((await write(1, [silent], { no_speech_threshold: 0.6, logprob_threshold: null })).segments).toEqual([]);
  });

  it('windows are shown what was said before, and a prompt', async () => {
    const scripts = [{ ids: ids(0, ' one', 20, 25) }, { ids: ids(0, ' two', 10) }];
    const opening = ids('sot', '<|en|>', 'transcribe');
    const shown = await write(1.2, scripts, { language: 'en', condition_on_prev_tokens: true });
    expect(shown.asked).toEqual([opening, [id('prev'), ...ids(0, ' one', 20), ...opening]]);
    const prompted = await write(1.2, scripts, { language: 'en', prompt: 'four' });
    expect(prompted.asked).toEqual([[id('prev'), id(' four'), ...opening], [id('prev'), id(' four'), ...opening]]); // biome-ignore format: one row
    // No more than half of the decoder's places, less one, and the last of it.
    const long = await write(1.7, [{ ids: [...ids(0), ...new Array(24).fill(id(' one')), ...ids(40, 45)] }, { ids: ids(0, ' two', 10) }], { language: 'en', condition_on_prev_tokens: true, compression_ratio_threshold: null, max_new_tokens: 30 }); // biome-ignore format: one row
    expect(long.asked[1]!.slice(0, 20)).toEqual([id('prev'), ...new Array(18).fill(id(' one')), id(40)]);
    expect(long.asked[1]).toHaveLength(23);
    // What was guessed is not shown.
    const guessed = await write(1.2, scripts, {
      language: 'en',
      condition_on_prev_tokens: true,
      temperature: [0.6],
    });
    expect(guessed.asked[1]).toEqual(opening);
  });

  it('words are found where the heads look', async () => {
    const script = { ids: ids(0, ' four', 'teen', ' one', '.', 30) };
    // Steps 5 to 14 for one word, to 20 for the next, to 22 for the mark behind it.
    const places = [5, 9, 14, 20, 22, 45];
    const lookAt: LookAt = (_, place) => [places[place]!, places[place + 1]!];
    const options = { return_timestamps: 'word', alignment_heads: [[1, 0]] } as const;
    const { segments } = await write(0.9, [script], options, lookAt);
    expect(segments[0]!.words!.map(({ text, start, end }) => [text, +start.toFixed(2), +end.toFixed(2)])).toEqual([[' fourteen', 0, 0.28], [' one.', 0.28, 0.4]]); // biome-ignore format: one row
    expect(segments[0]!.words![0]!.probability).toBeCloseTo(1);
    expect(segments[0]).toMatchObject({ start: 0, text: ' fourteen one.' });
    const wrong = write(0.9, [script], { ...options, alignment_heads: [[2, 0]] }, lookAt);
    await expect(wrong).rejects.toThrow('transcribe: alignment_heads: expected heads of 2 layers with 2 each, got [2, 0]');
  });

  it('with words, windows move to the end of the last word', async () => {
    const scripts = [{ ids: ids(0, ' one', 30, 35) }, { ids: ids(0, ' two', 10) }];
    const lookAt: LookAt = (_, place) => (place === 0 ? [0, 20] : [20, 50]);
    const { heard } = await write(1.2, scripts, { return_timestamps: 'word', alignment_heads: [[1, 0]] }, lookAt);
    expect(heard[1]!.subarray(0, 60)).toEqual(heard[0]!.subarray(40)); // step 20, where the attention moves on
  });

  it('segments come as they are found, and what is left early leaves nothing behind', async () => {
    const scripts = [{ ids: ids(0, ' one', 20, 25) }, { ids: ids(0, ' two', 20, 25) }, { ids: ids(0, ' three', 10) }];
    const { model, heard } = scripted(scripts);
    for await (const { text } of transcribeSegments(model, tokenizer, sound(2), { ...generation, temperature: 0 })) {
      if (text === ' two') break;
    }
    expect(heard).toHaveLength(2);
    expect(liveTensors()).toBe(0);
  });

  it('tells how far it is, and stops with the reason that it is given', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const onProgress = ({ seconds, of }: { seconds: number; of: number }) => {
      seen.push(seconds);
      expect(of).toBeCloseTo(2.5);
      if (seconds > 1) controller.abort(new Error('enough'));
    };
    const scripts = [{ ids: ids(0, ' one', 20, 35) }, { ids: ids(0, ' two', 40) }, { ids: ids(0, ' three', 10) }];
    await expect(write(2.5, scripts, { signal: controller.signal, onProgress })).rejects.toThrow('enough');
    expect(seen.map((s) => +s.toFixed(2))).toEqual([0.4, 1.4]);
    expect(liveTensors()).toBe(0);
  });

  it('says what does not fit', async () => {
    const script = [{ ids: ids(0, ' one', 10) }];
    const cases: [TranscribeOptions, string][] = [
      [{ language: 'xx' }, 'transcribe: language: expected one of en, de, or its English name, got "xx"'],
      [{ language: 'fr' }, 'got "fr"'],
      [{ is_multilingual: false, task: 'translate' }, 'task: expected none, as the model writes one language only, got "translate"'],
      [{ task: 'sing' as 'translate', language: 'en' }, 'task: expected one of transcribe, translate, got sing'],
      [{ eos_token_id: undefined }, 'eos_token_id: expected the id that generation_config.json has, got none'],
      [{ no_timestamps_token_id: undefined, return_timestamps: true }, 'no_timestamps_token_id: expected the id'],
      [{ prev_sot_token_id: undefined, prompt: 'one' }, 'prev_sot_token_id: expected the id that earlier text begins with'],
      [{ temperature: [] }, 'temperature: expected numbers from 0, at least one, got []'],
      [{ temperature: -1 }, 'got [-1]'],
    ];
    for (const [options, message] of cases) await expect(write(0.5, script, options)).rejects.toThrow(message);
    await expect(write(1.5, script, { return_timestamps: false })).rejects.toThrow('return_timestamps: expected true, as the sound is longer than 1 s and windows move by times, got false'); // biome-ignore format: one row
    const { model } = scripted(script);
    const wrongSound = (samples: unknown) => transcribe(model, tokenizer, samples as Float32Array, generation);
    await expect(wrongSound(Float32Array.of(0, Number.NaN))).rejects.toThrow(
      'transcribe: samples: expected finite numbers, got NaN at 1 of 2',
    );
    await expect(wrongSound(new Float32Array(0))).rejects.toThrow(ValueError);
    await expect(wrongSound([0, 0])).rejects.toThrow('expected a Float32Array');
    await expect(wrongSound(undefined)).rejects.toThrow('expected a Float32Array, got undefined');
    const features = { feature_size: 80, sampling_rate: 16000, hop_length: 160, chunk_length: 1, n_fft: 400, padding_value: 0, do_normalize: false, return_attention_mask: false }; // biome-ignore format: one row
    await expect(write(0.5, script, { features })).rejects.toThrow("features: feature_size: expected the model's num_mel_bins, 4, got 80");
    await expect(write(0.5, script, { features: { ...features, feature_size: 4, chunk_length: 30 } })).rejects.toThrow('expected chunks of 100 frames, as the model takes them, got 3000'); // biome-ignore format: one row
  });
});

it('detectLanguage gives every language with its share', async () => {
  const { model } = scripted([{ ids: [], language: '<|de|>' }]);
  const found = await detectLanguage(model, sound(0.5), generation);
  expect(found.map(({ language }) => language)).toEqual(['de', 'en']);
  expect(found[0]!.score + found[1]!.score).toBeCloseTo(1);
  await expect(detectLanguage(model, sound(0.5), { ...generation, lang_to_id: undefined })).rejects.toThrow('lang_to_id: expected the tokens of languages, got none'); // biome-ignore format: one row
  expect(liveTensors()).toBe(0);
});

it('languages have codes, names and other names', () => {
  expect(['en', 'ENGLISH', ' German ', 'castilian', 'Haitian Creole', 'cantonese', 'my', 'klingon'].map(languageCode)).toEqual(['en', 'en', 'de', 'es', 'ht', 'yue', 'my', 'klingon']); // biome-ignore format: one row
});

describe('readSpeechGenerationConfig', () => {
  it('takes what checkpoints have', () => {
    const json = { alignment_heads: [[2, 2], [3, 0]], begin_suppress_tokens: [220, 50257], bos_token_id: 50257, decoder_start_token_id: 50258, eos_token_id: 50257, forced_decoder_ids: [[1, null], [2, 50359]], is_multilingual: true, lang_to_id: { '<|en|>': 50259 }, max_initial_timestamp_index: 50, max_length: 448, no_timestamps_token_id: 50363, pad_token_id: 50257, prev_sot_token_id: 50361, return_timestamps: false, suppress_tokens: [1, 2, 7], task_to_id: { transcribe: 50359, translate: 50358 }, transformers_version: '4.31.0' }; // biome-ignore format: a file
    const config = readSpeechGenerationConfig(json);
    expect(config.lang_to_id).toEqual({ '<|en|>': 50259 });
    expect(Object.keys(config)).not.toContain('language');
    expect({ ...json, ...config }).toEqual(json);
  });

  it('names every key that it cannot take', () => {
    const wrong = () => readSpeechGenerationConfig({ task: 'sing', lang_to_id: { en: -1 }, alignment_heads: [[1]], beams: 3 });
    expect(wrong).toThrow(ConfigError);
    for (const key of ['task', 'lang_to_id', 'alignment_heads', 'beams']) expect(wrong).toThrow(new RegExp(`^  ${key}: `, 'm'));
  });
});

it('a Whisper with fresh weights is asked in every way, and nothing is left behind', async () => {
  const config = readWhisperConfig({ d_model: 16, encoder_layers: 1, decoder_layers: 2, encoder_attention_heads: 2, decoder_attention_heads: 2, encoder_ffn_dim: 16, decoder_ffn_dim: 16, num_mel_bins: 4, max_source_positions: 50, max_target_positions: 40, vocab_size: id(50) + 1, pad_token_id: 0, init_std: 0.5 }); // biome-ignore format: one row
  const model = new WhisperForConditionalGeneration(config, { rng: new Rng(5) });
  const before = liveTensors();
  const base = { ...generation, logprob_threshold: null, compression_ratio_threshold: null };
  const plain = await transcribe(model, tokenizer, sound(2.3), { ...base, temperature: 0 });
  const again = await transcribe(model, tokenizer, sound(2.3), { ...base, temperature: 0, return_timestamps: 'word' });
  expect(again.segments.flatMap(({ words }) => words!.map(({ text }) => text)).join('')).toBe(again.text);
  for (const { start, end } of plain.segments) expect(start <= end && end <= 2.3).toBe(true);
  const beams = () => transcribe(model, tokenizer, sound(0.8), { ...base, temperature: 0, num_beams: 3 });
  expect(await beams()).toEqual(await beams());
  const drawn = () => transcribe(model, tokenizer, sound(0.8), { ...base, temperature: 1, rng: new Rng(3) });
  expect(await drawn()).toEqual(await drawn());
  await detectLanguage(model, { samples: sound(0.8), sampleRate: 8000 }, generation);
  expect(liveTensors()).toBe(before);
  dispose(model);
});
