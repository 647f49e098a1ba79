import { dispose, liveTensors, Rng } from '@multihead/tensor';
import { BertForMaskedLM, BertForSequenceClassification, BertModel, readBertConfig } from '@multihead/transformer/bert';
import { classify, embed, fillMask, type TextTokenizer } from '@multihead/transformer/text';
import { expect, test } from 'vitest';
import { configs } from './tiny.js';

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
