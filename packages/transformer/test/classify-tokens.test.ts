import { dispose, indexSelect, keep, reshape, Rng, type Tensor, tensor } from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import { BertForTokenClassification, readBertConfig } from '@multihead/transformer/bert';
import { classifyTokens, type TextModel, type TokenOptions } from '@multihead/transformer/text';
import { afterAll, expect, test } from 'vitest';
import { configs, typeOf } from './tiny.js';
import { special, wordTokenizer } from './word-tokenizer.js';

/* Entities of a text, from labels of its tokens. */

const labels = ['O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC'];
/** What the model says of each token, whatever stands beside it. */
const says: Record<string, number[]> = {
  Micro: [0.1, 0.6, 0.1, 0.1, 0.1],
  '##soft': [0.1, 0.05, 0.05, 0.7, 0.1],
  '##ie': [0.05, 0.05, 0.1, 0.3, 0.5],
  went: [0.9, 0.025, 0.025, 0.025, 0.025],
  to: [0.8, 0.05, 0.05, 0.05, 0.05],
  New: [0.1, 0.1, 0.1, 0.6, 0.1],
  York: [0.2, 0.1, 0.1, 0.1, 0.5],
  Ann: [0.1, 0.8, 0.05, 0.03, 0.02],
  Bob: [0.1, 0.7, 0.1, 0.05, 0.05],
  Lee: [0.1, 0.1, 0.7, 0.05, 0.05],
  '[UNK]': [0.1, 0.1, 0.6, 0.1, 0.1],
};
const vocabulary = Object.keys(says).filter((token) => !special.includes(token));
const tokenizer = wordTokenizer(vocabulary);
const rows = [...special, ...vocabulary].map((token) => says[token] ?? [1, 0.001, 0.001, 0.001, 0.001]);
const table = keep(tensor(Float32Array.from(rows.flat(), Math.log), { shape: [rows.length, labels.length] }));
const model: TextModel & { table: Tensor } = {
  table,
  config: { id2label: labels, pad_token_id: 0 },
  forward: (ids) => reshape(indexSelect(table, 0, reshape(ids, [-1])), [...ids.shape, labels.length]),
};
afterAll(() => dispose(model));

const short = async (text: string, options: TokenOptions = {}) => {
  const [found] = await classifyTokens(model, tokenizer, ['went', text], options).then((all) => all.slice(1));
  for (const { start, end, word } of found!) if (options.aggregationStrategy) expect(text.slice(start, end).length).toBeGreaterThan(0);
  else expect(word.replace('##', '')).toBe(text.slice(start, end)); // biome-ignore format: above
  return found!.map(({ label, word, score }) => `${label} ${word} ${score.toFixed(2)}`);
};

test('tokens one by one, those outside of entities left out', async () => {
  expect(await short('Ann Lee went to New York')).toEqual(['B-PER Ann 0.80', 'I-PER Lee 0.70', 'B-LOC New 0.60', 'I-LOC York 0.50']);
  expect(await short('Ann went', { ignoreLabels: [] })).toEqual(['B-PER Ann 0.80', 'O went 0.90']);
  const [[ann] = []] = await classifyTokens(model, tokenizer, ['Ann went']);
  expect(ann).toMatchObject({ index: 1, start: 0, end: 3 });
});

test('entities of neighbours, each with the mean of their scores', async () => {
  const options = { aggregationStrategy: 'simple' } as const;
  expect(await short('Ann Lee went to New York', options)).toEqual(['PER Ann Lee 0.75', 'LOC New York 0.55']);
  expect(await short('Ann Bob Lee', options)).toEqual(['PER Ann 0.80', 'PER Bob Lee 0.70']); // the second one begins anew
  expect(await short('Microsoft', options)).toEqual(['PER Micro 0.60', 'LOC ##soft 0.70']); // a word is torn
});

test('words have one label, by the first token, their mean or the surest one', async () => {
  expect(await short('Microsoftie', { aggregationStrategy: 'first' })).toEqual(['PER Microsoftie 0.60']);
  // (0.1 + 0.7 + 0.3) / 3 and (0.1 + 0.1 + 0.5) / 3
  expect(await short('Microsoftie', { aggregationStrategy: 'average' })).toEqual(['LOC Microsoftie 0.37']);
  expect(await short('Microsoftie', { aggregationStrategy: 'max' })).toEqual(['LOC Microsoftie 0.70']);
  expect(await short('Microsoft York', { aggregationStrategy: 'max' })).toEqual(['LOC Microsoft York 0.60']);
});

test('unknown words stand as they are in the text, and are words of their own', async () => {
  expect(await short('Ann Zzz', { aggregationStrategy: 'simple' })).toEqual(['PER Ann Zzz 0.70']);
  expect(await short('Ann Zzz', { aggregationStrategy: 'first' })).toEqual(['PER Ann Zzz 0.70']);
});

test('without marks of their own, tokens go on a word unless there is a space before', async () => {
  const pieces = ['Micro', 'soft', 'York'];
  const plain = {
    ...wordTokenizer(pieces),
    encode: (text: string) => {
      const at = (token: string) => [text.indexOf(token), text.indexOf(token) + token.length] as const;
      const ids = [5, 6, 7];
      return { ids, offsets: pieces.map(at), typeIds: [0, 0, 0], specialTokensMask: [0, 0, 0], sequenceIds: [0, 0, 0], wordIds: [0, 1, 2] };
    },
  };
  const scores = [[0.1, 0.6, 0.1, 0.1, 0.1], [0.1, 0.05, 0.05, 0.7, 0.1], [0.2, 0.1, 0.1, 0.1, 0.5]].flat(); // biome-ignore format: rows
  const own = keep(tensor(Float32Array.from([...new Array<number>(25).fill(0.2), ...scores], Math.log), { shape: [8, 5] }));
  const other: TextModel & { own: Tensor } = { own, config: model.config, forward: (ids) => reshape(indexSelect(own, 0, reshape(ids, [-1])), [...ids.shape, 5]) }; // biome-ignore format: one
  const [found] = await classifyTokens(other, plain, ['Microsoft York'], { aggregationStrategy: 'first' });
  expect(found!.map(({ label, start, end }) => [label, start, end])).toEqual([['PER', 0, 9], ['LOC', 10, 14]]); // biome-ignore format: rows
  dispose(other);
});

test('a model of this package, several texts in a batch as each alone', async () => {
  const bert = new BertForTokenClassification(readBertConfig({ ...configs.bert, initializer_range: 1, id2label: Object.fromEntries(labels.entries()) }), { rng: new Rng(4) });
  const texts = ['Ann went to New York', 'Bob', 'Microsoft'];
  const together = await classifyTokens(bert, tokenizer, texts, { ignoreLabels: [] });
  for (const [i, text] of texts.entries()) {
    const [alone] = await classifyTokens(bert, tokenizer, [text], { ignoreLabels: [] });
    expect(together[i]!.map(({ label }) => label)).toEqual(alone!.map(({ label }) => label));
  }
  dispose(bert);
}); // biome-ignore format: above

test('a long text is read in windows; of entities that overlap the longer one counts', async () => {
  const text = 'Ann Lee went to New York went to Bob Lee went to Microsoft went Ann went to New York to Bob';
  const whole = async (options: TokenOptions) => (await classifyTokens(model, tokenizer, ['went', text], { aggregationStrategy: 'first', ...options }))[1]!;
  const want = await whole({});
  expect(want).toHaveLength(7);
  for (const [maxSeqLen, stride] of [[10, 4], [7, 2], [8, 3], [12, 5]] as const) {
    const found = await whole({ maxSeqLen, stride, batchSize: 3 });
    expect(found.map(({ label, start, end, index }) => [label, start, end, index])).toEqual(want.map(({ label, start, end, index }) => [label, start, end, index]));
  }
  await expect(whole({ maxSeqLen: 7, stride: 5 })).rejects.toThrow('classifyTokens: stride: expected an integer from 0 to 4, as 2 other tokens leave 5 of 7, got 5');
  await expect(whole({ stride: 2, aggregationStrategy: 'none' })).rejects.toThrow('classifyTokens: aggregationStrategy: expected other than none');
}); // biome-ignore format: above

const heads = auto.names().filter((name) => /ForTokenClassification$/.test(name));
test.each(heads)('%s serves, and its windows fit', async (name) => {
  const Model = await auto.choose({ architectures: [name] });
  const own = new Model(Model.readConfig({ ...configs[typeOf(name)], pad_token_id: 0 }) as never, { rng: new Rng(4) });
  const [found] = await classifyTokens(own as unknown as TextModel, tokenizer, ['Ann went to New York '.repeat(12)], { aggregationStrategy: 'simple', stride: 4 });
  expect(found!.length).toBeGreaterThan(0);
  dispose(own);
}); // biome-ignore format: above
