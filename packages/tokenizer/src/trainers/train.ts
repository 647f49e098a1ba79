import { AlignedText } from '../aligned-text.js';
import { show, TokenizerError } from '../errors.js';
import { expressionMatcher } from '../patterns/search.js';
import { preTokenize } from '../pre-tokenizers/pre-tokenizer.js';
import { Fields, readTyped, type Readers } from '../read/fields.js';
import { allNormalizers } from '../read/normalizers.js';
import { allPreTokenizers } from '../read/pre-tokenizers.js';
import { wellFormed } from '../split.js';
import type { AddedTokenJson, ModelJson, TokenizerJson } from '../tokenizer-json.js';
import { complete } from './complete.js';
import { Pace } from './pace.js';
import type { Trained, Trainer, TrainingControl, WordCounts } from './trainer.js';

/**
 * A `tokenizer.json` without a vocabulary: how texts are normalized and cut before the model sees them, and what comes after it. `model` has
 * the settings of the model that are not trained, such as `unk_token` or `byte_fallback`.
 */
export type UntrainedTokenizer = Omit<TokenizerJson, 'model' | 'added_tokens'> & { model?: Readonly<Record<string, unknown>> };

/** A trained `tokenizer.json`: plain data, which `JSON.stringify` writes. */
export type TrainedTokenizer = TokenizerJson & { added_tokens: AddedTokenJson[]; model: ModelJson };

/**
 * Trains a tokenizer on texts. What comes back is the whole `tokenizer.json`: `JSON.stringify` makes the file of it that
 * Hugging Face's tokenizers read, `fromTokenizerJson` a tokenizer.
 *
 * The texts are read once, one after the other. The same texts give the same file, in whatever order they come. Throws `TokenizerError` for
 * a part that is malformed or a text that is no string, and rejects with the signal's reason when it is aborted.
 *
 * ```ts
 * import { fromTokenizerJson } from '@multihead/tokenizer';
 * import { bpeTrainer, train } from '@multihead/tokenizer/trainers';
 *
 * const untrained = { pre_tokenizer: { type: 'Whitespace' }, model: { unk_token: '?' } };
 * const json = await train(untrained, ['low lower lowest'], bpeTrainer({ vocabSize: 10, specialTokens: ['?'] }));
 * fromTokenizerJson(json).encode('slow!').tokens; // ['s', 'low', '?']
 * ```
 */
export async function train(
  tokenizer: UntrainedTokenizer,
  texts: Iterable<string> | AsyncIterable<string>,
  trainer: Trainer,
  control?: TrainingControl,
): Promise<TrainedTokenizer> {
  const { model: settings = {}, ...rest } = tokenizer;
  const counts = await countWords(tokenizer, texts, control);
  const { model, addedTokens }: Trained = await trainer(counts, control);
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    ...complete(rest),
    model: withSettings(model, settings),
  };
}

/**
 * How often each word occurs in texts, as the normalizer and the pre-tokenizer of a tokenizer leave them: what trainers are given. Count
 * once to train several vocabularies.
 *
 * ```ts
 * import { countWords } from '@multihead/tokenizer/trainers';
 *
 * const counts = await countWords({ normalizer: { type: 'Lowercase' }, pre_tokenizer: { type: 'Whitespace' } }, ['To be, or not to be']);
 * [...counts]; // [['to', 2], ['be', 2], [',', 1], ['or', 1], ['not', 1]]
 * ```
 */
export async function countWords(
  tokenizer: Pick<UntrainedTokenizer, 'normalizer' | 'pre_tokenizer'>,
  texts: Iterable<string> | AsyncIterable<string>,
  control?: TrainingControl,
): Promise<WordCounts> {
  const operation = 'countWords';
  const iterable = typeof texts === 'object' && texts !== null && (Symbol.asyncIterator in texts || Symbol.iterator in texts);
  if (!iterable) throw new TokenizerError(operation, `texts: expected an iterable of strings, got ${show(texts)}`);
  const pace = new Pace(control);
  const wordsOf = wordsIn(operation, tokenizer);
  const total = Array.isArray(texts) ? texts.length : undefined;
  const counts = new Map<string, number>();
  let index = 0;
  for await (const text of texts) {
    if (typeof text !== 'string') throw new TokenizerError(operation, `texts[${index}]: expected a string, got ${show(text)}`);
    for (const word of wordsOf(wellFormed(text))) counts.set(word, (counts.get(word) ?? 0) + 1);
    index++;
    if (pace.due()) await pace.rest('count words', index, total ?? index);
  }
  await pace.finish('count words', index);
  return counts;
}

/** What a tokenizer cuts a text into. */
function wordsIn(operation: string, { normalizer, pre_tokenizer }: Pick<UntrainedTokenizer, 'normalizer' | 'pre_tokenizer'>) {
  const file = new Fields(operation, '', { normalizer, pre_tokenizer });
  const read = <T>(key: string, readers: Readers<T>) => (file.get(key) === undefined ? undefined : readTyped(file.object(key), readers));
  const normalize = read('normalizer', allNormalizers(expressionMatcher));
  const split = read('pre_tokenizer', allPreTokenizers(expressionMatcher));
  const tracked = JSON.stringify(pre_tokenizer ?? null).includes('"first"'); // then a piece has to know whether it begins the text
  return (text: string): string[] => {
    const given = AlignedText.of(text, tracked);
    return preTokenize(split, [normalize === undefined ? given : normalize(given)]).flatMap((piece) =>
      piece.text === '' ? [] : [piece.text],
    );
  };
}

/** The model as plain data, with the settings that were given beforehand. */
function withSettings(model: ModelJson, settings: Readonly<Record<string, unknown>>): ModelJson {
  for (const key of ['vocab', 'merges']) {
    if (Object.hasOwn(settings, key))
      throw new TokenizerError('train', `tokenizer.model: expected a model without ${key}, got one with it`);
  }
  if (settings.type !== undefined && settings.type !== model.type) {
    throw new TokenizerError('train', `tokenizer.model.type: expected ${model.type}, which the trainer trains, got ${show(settings.type)}`);
  }
  const vocab = model.vocab instanceof Map ? Object.fromEntries(model.vocab) : model.vocab;
  return { ...model, ...settings, vocab } as ModelJson;
}
