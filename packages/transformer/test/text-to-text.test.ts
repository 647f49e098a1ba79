import { dispose, liveTensors, Rng, type Tensor } from '@multihead/tensor';
import { beamSearch } from '@multihead/transformer/generation';
import { BartForConditionalGeneration, readBartConfig } from '@multihead/transformer/bart';
import { M2M100ForConditionalGeneration, readM2M100Config } from '@multihead/transformer/m2m100';
import { MarianMTModel, readMarianConfig } from '@multihead/transformer/marian';
import { readT5Config, T5ForConditionalGeneration } from '@multihead/transformer/t5';
import { summarize, type TextToTextModel, textToText, translate, type TranslatingTokenizer } from '@multihead/transformer/text';
import { expect, test } from 'vitest';
import { configs } from './tiny.js';

/* Texts that become others, by models of two stacks: how they are told what is wanted. The numbers themselves are those of conformance/hf. */

const words = [
  '<pad>',
  '</s>',
  '<s>',
  'translate',
  'English',
  'to',
  'German:',
  'summarize:',
  'a',
  'b',
  'c',
  '__en__',
  '__de__',
  'en',
  'eng_Latn',
  'deu_Latn',
  '>>deu<<',
];
const tokenizer: TranslatingTokenizer = {
  encode: (text, { addSpecialTokens = true } = {}) => [...text.split(' ').filter(Boolean).map((word) => words.indexOf(word)), ...(addSpecialTokens ? [1] : [])],
  decode: (ids, { skipSpecialTokens = false } = {}) => Array.from(ids).filter((id) => !skipSpecialTokens || id > 2).map((id) => words[id] ?? `w${id}`).join(' '),
  tokenToId: (token) => (words.includes(token) ? words.indexOf(token) : undefined),
}; // biome-ignore format: above

const ends = { eos_token_id: 1, pad_token_id: 0, decoder_start_token_id: 0 };
const rng = () => new Rng(6);
const task_specific_params = {
  summarization: { prefix: 'summarize: ', num_beams: 2, max_length: 5, early_stopping: true },
  translation_en_to_de: { prefix: 'translate English to German: ', num_beams: 3, max_length: 7 },
};
const t5 = (json = {}) => new T5ForConditionalGeneration(readT5Config({ ...configs.t5, ...ends, ...json }), { rng: rng() });

/** What the model is asked to read, row by row, while something is done. */
async function sourcesOf<T>(model: TextToTextModel, work: () => Promise<T>): Promise<{ sources: number[][][]; found: T }> {
  const sources: number[][][] = [];
  const encode = model.encode.bind(model);
  model.encode = (ids: Tensor, ctx) => {
    const [rows, tokens] = ids.shape as [number, number];
    const data = Array.from(ids.dataSync());
    sources.push(Array.from({ length: rows }, (_, i) => data.slice(i * tokens, (i + 1) * tokens)));
    return encode(ids, ctx);
  };
  const found = await work();
  model.encode = encode;
  return { sources, found };
}

/** What beams find for these ids. */
async function beams(model: TextToTextModel, ids: number[], options: object): Promise<string> {
  const [[best] = []] = await beamSearch(model, ids, { ...ends, num_beams: 4, max_new_tokens: 256, ...options });
  return tokenizer.decode(best!.sequence, { skipSpecialTokens: true });
}

test('T5 is told by the prefix of its config, and has settings there', async () => {
  const model = t5({ task_specific_params });
  const { sources, found } = await sourcesOf(model, () => translate(model, tokenizer, ['a b', 'c'], { src_lang: 'en', tgt_lang: 'de' }));
  expect(sources).toEqual([[[3, 4, 5, 6, 8, 9, 1], [3, 4, 5, 6, 10, 1, 0]]]); // biome-ignore format: rows
  expect(found).toEqual([
    await beams(model, [3, 4, 5, 6, 8, 9, 1], { num_beams: 3, max_new_tokens: null, max_length: 7 }),
    await beams(model, [3, 4, 5, 6, 10, 1], { num_beams: 3, max_new_tokens: null, max_length: 7 }),
  ]);
  const short = await summarize(model, tokenizer, ['a b c']);
  expect(short).toEqual([
    await beams(model, [7, 8, 9, 10, 1], { num_beams: 2, max_new_tokens: null, max_length: 5, early_stopping: true }),
  ]);
  await expect(translate(model, tokenizer, ['a'], { src_lang: 'en', tgt_lang: 'fr' })).rejects.toThrow(
    'translate: src_lang and tgt_lang: expected the languages of translation_en_to_de, got en and fr',
  );
  dispose(model);
});

test('M2M100 reads the language of the source first, and begins with that of the target; so does NLLB', async () => {
  const model = new M2M100ForConditionalGeneration(readM2M100Config({ ...configs.m2m_100, ...ends, decoder_start_token_id: 1 }), { rng: rng() });
  for (const [src_lang, tgt_lang, from, to] of [['en', 'de', 11, 12], ['eng_Latn', 'deu_Latn', 14, 15]] as const) {
    const options = { src_lang, tgt_lang, max_new_tokens: 5 };
    const { sources, found } = await sourcesOf(model, () => translate(model, tokenizer, ['a b'], options));
    expect(sources).toEqual([[[from, 8, 9, 1]]]);
    expect(found).toEqual([await beams(model, [from, 8, 9, 1], { decoder_start_token_id: 1, forced_bos_token_id: to, max_new_tokens: 5 })]);
    expect(found[0]!.startsWith(words[to]!)).toBe(true); // these words are no special tokens here
  } // biome-ignore format: above
  await expect(translate(model, tokenizer, ['a'], { src_lang: 'en' })).rejects.toThrow('translate: tgt_lang: expected a language that the tokenizer has a token for, got undefined');
  await expect(translate(model, tokenizer, ['a'], { src_lang: 'en', tgt_lang: 'xx' })).rejects.toThrow('got xx');
  const bare = { ...tokenizer, tokenToId: (token: string) => (token.startsWith('__') ? undefined : tokenizer.tokenToId(token)) };
  await expect(translate(model, bare, ['a'], { src_lang: 'en', tgt_lang: 'deu_Latn' })).rejects.toThrow('src_lang: expected a language'); // a piece of words
  dispose(model);
}); // biome-ignore format: above

test('Marian and BART know one pair; a Marian of several targets is told by a token', async () => {
  const marian = new MarianMTModel(readMarianConfig({ ...configs.marian, share_encoder_decoder_embeddings: true, decoder_vocab_size: 20, ...ends }), { rng: rng() });
  const { sources } = await sourcesOf(marian, () => translate(marian, tokenizer, ['a'], { max_new_tokens: 3 }));
  const told = await sourcesOf(marian, () => translate(marian, tokenizer, ['a'], { tgt_lang: 'deu', max_new_tokens: 3 }));
  expect([sources, told.sources]).toEqual([[[[8, 1]]], [[[16, 8, 1]]]]);
  await expect(translate(marian, tokenizer, ['a'], { src_lang: 'en', tgt_lang: 'fra' })).rejects.toThrow('expected none, as the model knows one pair, got en and fra');
  const bart = new BartForConditionalGeneration(readBartConfig({ ...configs.bart, ...ends, num_beams: 2, max_length: 6 }), { rng: rng() });
  expect(await translate(bart, tokenizer, ['a b'])).toEqual([await beams(bart, [8, 9, 1], { num_beams: 2, max_new_tokens: null, max_length: 6 })]);
  expect(await summarize(bart, tokenizer, ['a b'], { max_new_tokens: 2, num_beams: 1 })).toHaveLength(1);
  const prefixed = new BartForConditionalGeneration(readBartConfig({ ...configs.bart, ...ends, prefix: 'c ' }), { rng: rng() });
  for (const use of [summarize, textToText, translate] as readonly ((...args: Parameters<typeof summarize>) => Promise<unknown>)[]) {
    expect((await sourcesOf(prefixed, () => use(prefixed, tokenizer, ['a'], { max_new_tokens: 2 }))).sources).toEqual([[[10, 8, 1]]]);
  }
  dispose([marian, bart, prefixed]);
}); // biome-ignore format: above

test('texts in batches, several answers each, progress and an end', async () => {
  const model = t5();
  const before = liveTensors();
  const texts = ['a', 'b a', 'c c c', 'a b', 'b'];
  const told: object[] = [];
  const options = { max_new_tokens: 4, num_beams: 3, num_return_sequences: 2, batchSize: 2, onProgress: (progress: object) => void told.push(progress) };
  const together = await textToText(model, tokenizer, texts, options);
  expect(told).toEqual([{ done: 2, of: 5 }, { done: 4, of: 5 }, { done: 5, of: 5 }]); // biome-ignore format: rows
  for (const [i, text] of texts.entries()) expect(await textToText(model, tokenizer, [text], options)).toEqual([together[i]]);
  const greedy = await textToText(model, tokenizer, texts, { max_new_tokens: 4, num_beams: 1 });
  expect(greedy.map((answers) => answers.length)).toEqual([1, 1, 1, 1, 1]);
  const drawn = await textToText(model, tokenizer, texts, { max_new_tokens: 4, num_beams: 1, num_return_sequences: 3, do_sample: true, temperature: 9, rng: rng() });
  expect(drawn.map((answers) => answers.length)).toEqual([3, 3, 3, 3, 3]);
  expect(new Set(drawn.flat()).size).toBeGreaterThan(5);
  const controller = new AbortController();
  const stopped = textToText(model, tokenizer, texts, { ...options, signal: controller.signal, onProgress: () => controller.abort(new Error('enough')) });
  await expect(stopped).rejects.toThrow('enough');
  const silent = { ...tokenizer, encode: () => [] };
  await expect(textToText(model, silent, ['', ''], options)).rejects.toThrow('textToText: texts: expected text with at least one token, got none for text 0');
  expect(liveTensors()).toBe(before);
  dispose(model);
}); // biome-ignore format: above
