import { dispose, keep, indexSelect, liveTensors, reshape, Rng, select, type Tensor, tensor } from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import { BertForQuestionAnswering, readBertConfig } from '@multihead/transformer/bert';
import { type Answer, type AnswerModel, type AnswerOptions, answer } from '@multihead/transformer/text';
import { afterAll, describe, expect, it } from 'vitest';
import { configs, typeOf } from './tiny.js';
import { special, wordTokenizer } from './word-tokenizer.js';

/* Answers that stand in a context: held to transformers' formulas, computed here for all pairs of tokens of all windows. */

const vocabulary = ['who', 'wrote', 'it', 'Ada', 'ada', 'Love', '##lace', 'did', 'in', 'Lon', '##don', 'and', 'then', 'left', '.', '?'];
const tokenizer = wordTokenizer(vocabulary);
const question = 'who wrote it ?';
const context = 'Ada Lovelace did it in London . then Ada left London and Lovelace and ada did it .';
const before = 6; // [CLS] who wrote it ? [SEP]

interface Lookup extends AnswerModel {
  table: Tensor;
  /** Start and end by id. */
  values: Float32Array;
  /** The sizes of the batches that were asked for. */
  seen: number[][];
}

/** Logits that depend on the id of a token alone, so that windows do not change them. */
function lookup(seed: number): Lookup {
  const rng = new Rng(seed);
  const count = special.length + vocabulary.length;
  const values = Float32Array.from({ length: 2 * count }, () => 4 * rng.uniform() - 2);
  const table = keep(tensor(values, { shape: [count, 2] }));
  const seen: number[][] = [];
  const forward = (ids: Tensor) => {
    seen.push([...ids.shape]);
    const rows = reshape(indexSelect(table, 0, reshape(ids, [-1])), [...ids.shape, 2]);
    return { start_logits: select(rows, 2, 0), end_logits: select(rows, 2, 1) };
  };
  return { table, values, seen, config: { pad_token_id: 0 }, forward };
}

const models = [1, 2, 3, 4].map(lookup);
afterAll(() => dispose(models));

/** The same by the formulas: p_mask, softmax over what is left, the upper triangle up to a length, equal texts added. */
function expected(model: Lookup, { topK = 1, maxAnswerLen = 15, maxSeqLen = 384, docStride = Math.min(maxSeqLen >> 1, 128), handleImpossibleAnswer = false, alignToWords = true }: AnswerOptions): Answer[] {
  const { ids, sequenceIds, offsets, wordIds } = tokenizer.encode(question, { pair: context });
  const all = Array.from(ids, (_, t) => t);
  const inContext = all.filter((t) => sequenceIds[t] === 1);
  const room = maxSeqLen - before - 1;
  const windows: number[][] = [];
  for (let from = 0; ; from += room - docStride) {
    windows.push([...all.slice(0, before), ...inContext.slice(from, from + room), all.at(-1)!]);
    if (from + room >= inContext.length) break;
  }
  const answers: Answer[] = [];
  let none = 1e6;
  for (const window of windows) {
    const probabilities = [0, 1].map((which) => {
      const logits = window.map((t, i) => (i === 0 || sequenceIds[t] === 1 ? model.values[2 * ids[t]! + which]! : -10000));
      const powers = logits.map((x) => Math.exp(x - Math.max(...logits)));
      return powers.map((x) => x / powers.reduce((a, b) => a + b));
    }) as [number[], number[]];
    none = Math.min(none, probabilities[0][0]! * probabilities[1][0]!);
    const spans: [number, number, number][] = [];
    for (const [i, s] of window.entries()) for (const [j, e] of window.entries()) {
      const isSpan = sequenceIds[s] === 1 && sequenceIds[e] === 1 && i <= j && j - i < maxAnswerLen;
      if (isSpan) spans.push([i, j, probabilities[0][i]! * probabilities[1][j]!]);
    }
    spans.sort((a, b) => b[2] - a[2]);
    for (const [i, j, score] of spans.slice(0, topK)) {
      const within = (t: number) => window.filter((other) => wordIds[other] === wordIds[t] && sequenceIds[other] === 1);
      const [s, e] = alignToWords ? [within(window[i]!)[0]!, within(window[j]!).at(-1)!] : [window[i]!, window[j]!];
      const [start, end] = [offsets[s]![0], offsets[e]![1]];
      const text = context.slice(start, end);
      const same = answers.find((one) => one.answer.toLowerCase() === text.toLowerCase());
      if (same) same.score += score;
      else answers.push({ answer: text, score, start, end });
    }
  }
  if (handleImpossibleAnswer) answers.push({ answer: '', score: none, start: 0, end: 0 });
  return answers.sort((a, b) => b.score - a.score).slice(0, topK);
} // biome-ignore format: above

function expectSame(found: readonly Answer[], want: readonly Answer[]): void {
  expect(found.map(({ score, ...rest }) => rest)).toEqual(want.map(({ score, ...rest }) => rest));
  for (const [i, { score }] of found.entries()) expect(score).toBeCloseTo(want[i]!.score, 6);
}

describe('answer', () => {
  it('finds what the formulas find, in one window or in many that overlap', async () => {
    const every: AnswerOptions[] = [
      {},
      { topK: 4 },
      { topK: 50, maxAnswerLen: 2 },
      { topK: 3, alignToWords: false },
      { topK: 3, handleImpossibleAnswer: true },
      { topK: 5, maxSeqLen: 14, docStride: 3 },
      { topK: 5, maxSeqLen: 14, docStride: 0, handleImpossibleAnswer: true, maxAnswerLen: 4 },
      { topK: 2, maxSeqLen: 12, docStride: 4, batchSize: 2 },
    ];
    for (const model of models) for (const options of every) {
      expectSame(await answer(model, tokenizer, question, context, options), expected(model, options));
    } // biome-ignore format: above
    for (const { answer: text, start, end } of await answer(models[0]!, tokenizer, question, context, { topK: 5 })) {
      expect(context.slice(start, end)).toBe(text);
    }
  });

  it('reads a long context in batches of windows as wide as wanted, padded where the last is shorter', async () => {
    const model = models[0]!;
    for (const [batchSize, sizes] of [[4, [[4, 14], [1, 13]]], [5, [[5, 14]]]] as const) {
      model.seen.length = 0;
      await answer(model, tokenizer, question, context, { maxSeqLen: 14, docStride: 3, batchSize });
      expect(model.seen).toEqual(sizes);
    } // biome-ignore format: above
  });

  it('takes no account of padding of a tokenizer of its own', async () => {
    const padding = wordTokenizer(vocabulary, { padTo: 64 });
    for (const model of models) expectSame(await answer(model, padding, question, context, { topK: 3 }), expected(model, { topK: 3 }));
  });

  it('tells a BERT which tokens are of the second text', async () => {
    const model = new BertForQuestionAnswering(readBertConfig({ ...configs.bert, vocab_size: 30, initializer_range: 1 }), {
      rng: new Rng(3),
    });
    const before = liveTensors();
    const seen: unknown[] = [];
    const forward = model.forward.bind(model);
    model.forward = (ids, ctx = {}) => {
      seen.push(ctx.tokenTypes!.dataSync(), ctx.mask!.dataSync());
      return forward(ids, ctx);
    };
    const short = 'Ada did it';
    const [best] = await answer(model, tokenizer, question, short);
    expect(seen).toEqual([Int32Array.of(0, 0, 0, 0, 0, 0, 1, 1, 1, 1), new Int32Array(10).fill(1)]);
    expect(short.slice(best!.start, best!.end)).toBe(best!.answer);
    await expect(answer(model, tokenizer, question, context.repeat(5), { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
    expect(liveTensors()).toBe(before);
    dispose(model);
  });

  it('refuses what cannot be', async () => {
    const [model] = models as [Lookup];
    await expect(answer(model, tokenizer, '', context)).rejects.toThrow('answer: question: expected text, got none');
    await expect(answer(model, tokenizer, question, '')).rejects.toThrow('answer: context: expected text, got none');
    await expect(answer(model, tokenizer, question, context, { topK: 0 })).rejects.toThrow(
      'answer: topK: expected an integer of 1 or more, got 0',
    );
    await expect(answer(model, tokenizer, question, context, { maxSeqLen: 10, docStride: 3 })).rejects.toThrow(
      'answer: docStride: expected an integer from 0 to 2, as 7 other tokens leave 3 of 10, got 3',
    );
  });
});

const heads = auto.names().filter((name) => /ForQuestionAnswering$/.test(name));
it.each(heads)('%s serves, and its windows fit', async (name) => {
  const Model = await auto.choose({ architectures: [name] });
  const model = new Model(Model.readConfig({ ...configs[typeOf(name)], vocab_size: 30 }) as never, { rng: new Rng(4) });
  const found = await answer(model as unknown as AnswerModel, tokenizer, question, context.repeat(2), { topK: 3 });
  expect(found).toHaveLength(3);
  dispose(model);
});
