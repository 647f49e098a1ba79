import { dispose, liveTensors, Rng, scope, tensor } from '@multihead/tensor';
import { BertForMaskedLM, BertForSequenceClassification, BertModel, readBertConfig } from '@multihead/transformer/bert';
import { pool, readPooling, type Pooling } from '@multihead/transformer/pooling';
import { classify, embed, fillMask, type TextTokenizer } from '@multihead/transformer/text';
import { expect, test } from 'vitest';
import { configs } from './tiny.js';
import { wordTokenizer } from './word-tokenizer.js';

const words = ['[PAD]', '[MASK]', 'a', 'b', 'c', 'd', 'e'];
const tokenizer: TextTokenizer = {
  encode: (text) => ({ ids: text.split(' ').filter(Boolean).map((word) => words.indexOf(word)) }), // biome-ignore format: one line
  tokenToId: (token) => (words.includes(token) ? words.indexOf(token) : undefined),
  idToToken: (id) => words[id],
  decode: (ids) => Array.from(ids, (id) => words[id] ?? '?').join(' '),
};
const config = readBertConfig({ ...configs.bert, id2label: { 0: 'no', 1: 'yes', 2: 'perhaps' } });
const texts = ['a b c d', 'e', 'b b'];

test('a text has one vector, of length 1, whatever stands in its batch', async () => {
  const model = new BertModel(config, { rng: new Rng(2) });
  const together = await embed(model, tokenizer, texts);
  for (const [i, text] of texts.entries()) {
    const [alone] = await embed(model, tokenizer, [text]);
    expect(Math.max(...alone!.map((x, j) => Math.abs(x - together[i]![j]!)))).toBeLessThan(1e-6);
    expect(Math.hypot(...alone!)).toBeCloseTo(1);
  }
  expect(await embed(model, tokenizer, texts, { batchSize: 1 })).toHaveLength(3);
  expect(await embed(model, tokenizer, texts, { pooling: 'cls', normalized: false })).not.toEqual(together);
  await expect(embed(model, tokenizer, ['a', ''])).rejects.toThrow('embed: texts: expected text with at least one token, got none for ""');
  await expect(embed(model, tokenizer, texts, { batchSize: 0 })).rejects.toThrow(
    'embed: batchSize: expected an integer of 1 or more, got 0',
  );
  const reason = new Error('enough');
  await expect(embed(model, tokenizer, texts, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  dispose(model);
  expect(liveTensors()).toBe(0);
});

test('many texts of all lengths come back in their order, each with as little padding as may be', async () => {
  const model = new BertModel(config, { rng: new Rng(2) });
  const computed: number[][] = [];
  const forward = model.forward.bind(model);
  model.forward = (ids, ctx) => {
    computed.push([ids.shape[0]!, ids.shape[1]!, ctx?.mask ? 1 : 0]);
    return forward(ids, ctx);
  };
  const lengths = Array.from({ length: 150 }, (_, i) => 1 + ((i * 7) % 31));
  const many = lengths.map((length, i) => Array.from({ length }, (_, j) => words[2 + ((i + j * (i % 3)) % 5)]).join(' '));
  const together = await embed(model, tokenizer, many, { batchSize: 4 });
  const padded = computed.reduce((sum, [rows, longest]) => sum + rows! * longest!, 0);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  expect(padded).toBeLessThan(1.05 * tokens); // in their own order it would be nearly twice as many
  expect(Math.max(...computed.map(([rows]) => rows!))).toBeLessThanOrEqual(4);
  expect(computed.some(([, , mask]) => !mask)).toBe(true);
  for (const i of [0, 17, 130, 149]) {
    const [alone] = await embed(model, tokenizer, [many[i]!]);
    expect(Math.max(...alone!.map((x, j) => Math.abs(x - together[i]![j]!)))).toBeLessThan(1e-6);
  }
  dispose(model);
  expect(liveTensors()).toBe(0);
});

test('labels by their names, the likeliest first, together 1', async () => {
  const model = new BertForSequenceClassification(config, { rng: new Rng(2) });
  const found = await classify(model, tokenizer, texts);
  for (const row of found) {
    expect(row.map(({ label }) => label).sort()).toEqual(['no', 'perhaps', 'yes']);
    expect(row.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1);
    expect(row.map(({ score }) => score)).toEqual(row.map(({ score }) => score).sort((a, b) => b - a));
  }
  dispose(model);
});

test('what may stand where the mask is', async () => {
  const model = new BertForMaskedLM(config, { rng: new Rng(2) });
  const found = await fillMask(model, tokenizer, 'a [MASK] c', { top: 3 });
  expect(found).toHaveLength(3);
  expect(found[0]!.score).toBeGreaterThanOrEqual(found[1]!.score);
  expect(found[0]!.text).toBe(`a ${words[found[0]!.id] ?? '?'} c`);
  await expect(fillMask(model, tokenizer, 'a b')).rejects.toThrow('expected one mask, [MASK] or <mask>, got 0 in "a b"');
  dispose(model);
});

test('what a tokenizer pads by itself is no part of a text', async () => {
  const model = new BertModel(config, { rng: new Rng(2) });
  const plain = await embed(model, wordTokenizer(['a', 'b', 'c']), ['a b c', 'b']);
  const padded = await embed(model, wordTokenizer(['a', 'b', 'c'], { padTo: 16 }), ['a b c', 'b']);
  expect(padded).toEqual(plain);
  dispose(model);
});

test('labels that are independent of each other, a single one, a number', async () => {
  const scores = async (json: object, options = {}) => {
    const model = new BertForSequenceClassification(readBertConfig({ ...configs.bert, ...json, initializer_range: 1 }), {
      rng: new Rng(2),
    });
    const [row] = await classify(model, tokenizer, ['a b c d'], options);
    dispose(model);
    return row!.map(({ score }) => score);
  };
  const three = { id2label: { 0: 'no', 1: 'yes', 2: 'perhaps' } };
  const logits = await scores(three, { functionToApply: 'none' });
  const sigmoid = logits.map((x) => 1 / (1 + Math.exp(-x)));
  const powers = logits.map((x) => Math.exp(x));
  const close = (got: number[], want: number[]) => expect(Math.max(...got.map((x, i) => Math.abs(x - want[i]!)))).toBeLessThan(1e-6);
  close(await scores({ ...three, problem_type: 'multi_label_classification' }), sigmoid);
  close(await scores({ ...three, problem_type: 'single_label_classification' }), powers.map((x) => x / powers.reduce((a, b) => a + b))); // biome-ignore format: one
  close(await scores({ ...three, problem_type: 'regression' }), logits);
  close(await scores({ ...three, problem_type: 'regression' }, { functionToApply: 'sigmoid' }), sigmoid);
  const [one] = await scores({ id2label: { 0: 'toxic' } });
  const [logit] = await scores({ id2label: { 0: 'toxic' } }, { functionToApply: 'none' });
  close([one!], [1 / (1 + Math.exp(-logit!))]);
});

test('pairs of texts have types, and stand beside single ones', async () => {
  const model = new BertForSequenceClassification(readBertConfig({ ...configs.bert, initializer_range: 1 }), { rng: new Rng(2) });
  const words = wordTokenizer(['a', 'b', 'c']);
  const types: number[][] = [];
  const forward = model.forward.bind(model);
  model.forward = (ids, ctx = {}) => {
    types.push(Array.from(ctx.tokenTypes?.dataSync() ?? []));
    return forward(ids, ctx);
  };
  const [both, single] = await classify(model, words, [{ text: 'a b', pair: 'c' }, 'a']);
  expect(types).toEqual([[0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]]);
  const [alone] = await classify(model, words, ['a']);
  expect(single!.map(({ label }) => label)).toEqual(alone!.map(({ label }) => label));
  const [other] = await classify(model, words, [{ text: 'c', pair: 'a b' }]);
  expect(other).not.toEqual(both);
  await expect(classify(model, tokenizer, [{ text: 'a', pair: 'b' }])).rejects.toThrow(
    'classify: tokenizer: expected one that gives typeIds',
  );
  dispose(model);
});

test('one vector for a text, in each way that sentence-transformers knows', async () => {
  using _ = scope();
  const x = tensor(Float32Array.of(1, -5, 3, 2, 9, 9, 4, 4, 0, -1, 2, 3), { shape: [2, 3, 2] });
  const mask = tensor(Int32Array.of(1, 1, 0, 1, 1, 1), { shape: [2, 3] });
  const want: Record<Pooling, number[][]> = {
    cls: [[1, -5], [4, 4]],
    max: [[3, 2], [4, 4]],
    mean: [[2, -1.5], [2, 2]],
    mean_sqrt_len_tokens: [[4 / Math.SQRT2, -3 / Math.SQRT2], [6 / Math.sqrt(3), 6 / Math.sqrt(3)]],
    weightedmean: [[7 / 3, -1 / 3], [10 / 6, 11 / 6]],
    lasttoken: [[3, 2], [2, 3]],
  }; // biome-ignore format: above
  for (const [kind, rows] of Object.entries(want)) {
    const made = pool(x, mask, kind as Pooling);
    const found = (await made.toArray()) as number[][];
    for (const [b, row] of rows.entries()) for (const [i, value] of row.entries()) expect(found[b]![i]).toBeCloseTo(value, 5);
  } // biome-ignore format: above
  expect(((await pool(x, null, ['cls', 'max']).toArray()) as number[][])[0]).toEqual([1, -5, 9, 9]);
  expect(() => pool(x, null, 'sum' as Pooling)).toThrow('pool: kinds: expected some of cls, max, mean');
  expect(readPooling({ pooling_mode_cls_token: false, pooling_mode_max_tokens: true, pooling_mode_mean_tokens: true })).toEqual([
    'max',
    'mean',
  ]);
  expect(readPooling({ embedding_dimension: 8, pooling_mode: 'lasttoken' })).toEqual(['lasttoken']);
  expect(() => readPooling({ pooling_mode: 'attention' })).toThrow('readPooling: pooling_mode: expected some of');
  expect(() => readPooling({})).toThrow('readPooling: pooling_mode: expected some of');
  const model = new BertModel(config, { rng: new Rng(2) });
  expect((await embed(model, tokenizer, ['a b'], { pooling: ['cls', 'lasttoken'] }))[0]).toHaveLength(32);
  dispose(model);
});
