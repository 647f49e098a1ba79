import { dispose, full, noGrad, Rng, scope, stack, stateDict, type Tensor, uniform } from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import { expect, test } from 'vitest';
import { specAugment } from '../src/parts/spec-augment.js';
import { configs, ids, inputsOf, typeOf } from './tiny.js';

/* Heads that no golden case has, computed again in float64 from the last hidden states and the weights by their names. */

type Row = number[];
interface AnyModel {
  forward(...inputs: unknown[]): Tensor | Record<string, Tensor>;
}

async function modelOf(name: string, changes: object = {}): Promise<AnyModel> {
  const Model = await auto.choose({ architectures: [name] });
  return new Model(Model.readConfig({ ...configs[typeOf(name)], ...changes }) as never, { rng: new Rng(3) }) as unknown as AnyModel;
}

/** Weights by their names, activations by theirs, and the output: all in float64. */
async function run(model: AnyModel, inputs: unknown[], ctx: object = {}) {
  const seen = new Map<string, Tensor>();
  const result = noGrad(() => model.forward(...inputs, { ...ctx, tap: (name: string, x: Tensor) => void seen.set(name, x) }));
  const weights = new Map<string, Row>();
  for (const [name, x] of stateDict(model)) weights.set(name, Array.from(await x.data()));
  const activation = async (name: string) => {
    const x = seen.get(name)!;
    return rowsOf(Array.from(await x.data()), x.shape);
  };
  const logits = 'data' in result ? Array.from(await (result as Tensor).data()) : [];
  return { weights, activation, logits, result };
}

/** [B, T, E] as lists. */
function rowsOf(flat: Row, [batch, tokens, width]: readonly number[]): Row[][] {
  const at = (b: number, t: number) => flat.slice((b * tokens! + t) * width!, (b * tokens! + t + 1) * width!);
  return Array.from({ length: batch! }, (_, b) => Array.from({ length: tokens! }, (__, t) => at(b, t)));
}

function linear(weights: ReadonlyMap<string, Row>, name: string, x: Row): Row {
  const [weight, bias] = [weights.get(`${name}.weight`)!, weights.get(`${name}.bias`)];
  const width = weight.length / x.length;
  return Array.from({ length: width }, (_, i) => x.reduce((sum, v, j) => sum + v * weight[i * x.length + j]!, bias?.[i] ?? 0));
}

const mean = (rows: Row[]) => rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length);
const gelu = (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2));

/** By its series: exact enough for small x. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 60; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** float32 sums of some hundred terms beside float64 ones. */
function expectClose(got: readonly number[], want: readonly number[]): void {
  expect(got.length).toBe(want.length);
  expect(Math.max(...got.map((x, i) => Math.abs(x - want[i]!)))).toBeLessThan(2e-6);
}

const text = () =>
  ids([
    [5, 9, 7, 3, 12, 4],
    [6, 6, 11, 8, 2, 19],
  ]);

test.each([
  ['T5ForSequenceClassification', { eos_token_id: 9 }, [1, 3]],
  ['BartForSequenceClassification', { eos_token_id: 9 }, [1, 3]],
] as const)('%s reads where the decoder comes to the last end token', async (name, changes, places) => {
  using _ = scope();
  const model = await modelOf(name, { ...changes, id2label: { 0: 'a', 1: 'b', 2: 'c' } });
  const source = ids([
    [5, 9, 7, 3, 12, 4],
    [9, 6, 11, 9, 2, 19],
  ]);
  const { weights, activation, logits } = await run(model, [source]);
  const hidden = await activation('decoder.final');
  const want = places.flatMap((place, b) => {
    const dense = linear(weights, 'classification_head.dense', hidden[b]![place]!).map(Math.tanh);
    return linear(weights, 'classification_head.out_proj', dense);
  });
  expectClose(logits, want);
  dispose(model);
});

test('T5 for tokens reads the encoder, T5 for answers the decoder that reads the text one place later', async () => {
  using _ = scope();
  const tokens = await modelOf('T5ForTokenClassification');
  const one = await run(tokens, [text()]);
  const encoded = await one.activation('encoder.final');
  expectClose(
    one.logits,
    encoded.flat().flatMap((row) => linear(one.weights, 'classifier', row)),
  );
  const answers = await modelOf('T5ForQuestionAnswering');
  const two = await run(answers, [text()]);
  const pairs = (await two.activation('decoder.final')).flat().map((row) => linear(two.weights, 'qa_outputs', row));
  const { start_logits, end_logits } = two.result as Record<string, Tensor>;
  expectClose(Array.from(await start_logits!.data()), pairs.map((pair) => pair[0]!)); // biome-ignore format: one claim
  expectClose(Array.from(await end_logits!.data()), pairs.map((pair) => pair[1]!)); // biome-ignore format: one claim
  dispose(tokens, answers);
});

test('a Whisper that classifies sounds: the mean of its last states, or of all layers weighed', async () => {
  using _ = scope();
  const inputs = inputsOf('WhisperForAudioClassification');
  const last = await modelOf('WhisperForAudioClassification', { classifier_proj_size: 5, id2label: { 0: 'a', 1: 'b', 2: 'c' } });
  const plain = await run(last, inputs);
  const classify = (weights: ReadonlyMap<string, Row>, states: Row[][]) =>
    states.flatMap((rows) => linear(weights, 'classifier', mean(rows.map((row) => linear(weights, 'projector', row)))));
  expectClose(plain.logits, classify(plain.weights, await plain.activation('encoder.final')));
  const all = await modelOf('WhisperForAudioClassification', { use_weighted_layer_sum: true });
  const { layer_weights: own } = all as unknown as { layer_weights: Tensor };
  own.backend.write(own.buffer, Float32Array.of(0.5, -1, 2));
  const weighed = await run(all, inputs);
  const layers = await Promise.all(['encoder.blocks.0.resid_pre', 'encoder.blocks.1.resid_pre', 'encoder.final'].map(weighed.activation));
  const exps = [0.5, -1, 2].map(Math.exp);
  const shares = exps.map((x) => x / exps.reduce((sum, y) => sum + y));
  const mixed = layers[0]!.map((rows, b) => rows.map((row, t) => row.map((_, e) => shares.reduce((sum, w, l) => sum + w * layers[l]![b]![t]![e]!, 0)))); // biome-ignore format: one sum
  expectClose(weighed.logits, classify(weighed.weights, mixed));
  dispose(last, all);
});

test('a CLIP that classifies images: the mean of the patches, without the class token and without a norm', async () => {
  using _ = scope();
  const model = await modelOf('CLIPForImageClassification');
  const { weights, activation, logits } = await run(model, inputsOf('CLIPForImageClassification'));
  const hidden = await activation('final');
  expectClose(logits, hidden.flatMap((rows) => linear(weights, 'classifier', mean(rows.slice(1))))); // biome-ignore format: one claim
  dispose(model);
});

test('choices: BERT and RoBERTa pool, DistilBERT has a layer of its own, ELECTRA a summary, ModernBERT the first that is no padding', async () => {
  using _ = scope();
  const input = stack([text(), text()], 1); // [B, C, T]
  const scored = async (name: string, score: (weights: ReadonlyMap<string, Row>, rows: Row[]) => Row, changes: object = {}) => {
    const model = await modelOf(name, changes);
    const { weights, activation, logits, result } = await run(model, [input]);
    expect((result as Tensor).shape).toEqual([2, 2]);
    expectClose(
      logits,
      (await activation('final')).flatMap((rows) => score(weights, rows)),
    );
    dispose(model);
  };
  const tanh = (x: Row) => x.map(Math.tanh);
  await scored('BertForMultipleChoice', (w, rows) => linear(w, 'classifier', tanh(linear(w, 'bert.pooler.dense', rows[0]!))));
  await scored('RobertaForMultipleChoice', (w, rows) => linear(w, 'classifier', tanh(linear(w, 'roberta.pooler.dense', rows[0]!))));
  await scored(
    'DistilBertForMultipleChoice',
    (w, rows) =>
    linear(w, 'classifier', linear(w, 'pre_classifier', rows[0]!).map((x) => Math.max(x, 0))), // biome-ignore format: one formula
  );
  await scored('ElectraForMultipleChoice', (w, rows) => linear(w, 'classifier', linear(w, 'sequence_summary.summary', rows[0]!).map(gelu)));
  const tails = { summary_type: 'mean', summary_activation: null } as const;
  await scored('ElectraForMultipleChoice', (w, rows) => linear(w, 'classifier', linear(w, 'sequence_summary.summary', mean(rows))), tails);
  // A padded choice scores as it does without its padding, on whichever side that stands.
  const model = await modelOf('ModernBertForMultipleChoice');
  const of = async (rows: number[][], mask: number[][], places: number[][]) => {
    const ctx = { mask: stack([ids(mask)], 0), positions: places };
    return Array.from(await (noGrad(() => model.forward(stack([ids(rows)], 0), ctx)) as Tensor).data());
  };
  const bare = await of([[5, 9, 7], [6, 2, 8]], [[1, 1, 1], [1, 1, 1]], [[0, 1, 2], [0, 1, 2]]); // biome-ignore format: matrices
  const left = await of([[0, 5, 9, 7], [0, 6, 2, 8]], [[0, 1, 1, 1], [0, 1, 1, 1]], [[0, 0, 1, 2], [0, 0, 1, 2]]); // biome-ignore format: matrices
  expectClose(left, bare);
  dispose(model);
});

/** Keys' weights for a = -3/4, of four neighbours at distance t behind the second. */
function cubic(t: number): Row {
  const near = (d: number) => (1.25 * d - 2.25) * d * d + 1;
  const far = (d: number) => ((-0.75 * d + 3.75) * d - 6) * d + 3;
  return [far(1 + t), near(t), near(1 - t), far(2 - t)];
}

/** A grid [s, s] of numbers at [rows, columns], bicubic, the outer edges held. */
function resized(grid: Row[], rows: number, columns: number): Row[] {
  const along = (line: Row, to: number) =>
    Array.from({ length: to }, (_, i) => {
      const at = (line.length / to) * (i + 0.5) - 0.5;
      const from = Math.floor(at);
      return cubic(at - from).reduce((sum, w, j) => sum + w * line[Math.min(Math.max(from - 1 + j, 0), line.length - 1)]!, 0);
    });
  const wide = grid.map((line) => along(line, columns));
  const tall = Array.from({ length: columns }, (_, c) => along(wide.map((line) => line[c]!), rows)); // biome-ignore format: one expression
  return Array.from({ length: rows }, (_, r) => tall.map((line) => line[r]!));
}

test('a ViT that is given an image of another size puts its patches between the learned places', async () => {
  using _ = scope();
  const model = (await modelOf('ViTModel', { image_size: 12 })) as unknown as {
    forward(x: Tensor, ctx?: object): Tensor;
    embeddings: { position_embeddings: Tensor };
  };
  const pixels = uniform([1, 3, 8, 20], { rng: new Rng(4), low: -1, high: 1 }); // 2 × 5 patches; learned were 3 × 3
  const read = async (ctx: object) => {
    const { activation } = await run(model as unknown as AnyModel, [pixels], ctx);
    return (await activation('blocks.0.resid_pre'))[0]!;
  };
  expect(() => model.forward(pixels)).toThrow('pixels: expected [batch, 3, 12, 12], got [1, 3, 8, 20]');
  const placed = await read({ interpolatePositions: true });
  const table = Array.from(await model.embeddings.position_embeddings.data());
  const at = (row: number) => table.slice(16 * row, 16 * (row + 1));
  const grids = Array.from({ length: 16 }, (_, e) => resized([0, 1, 2].map((r) => [0, 1, 2].map((c) => at(1 + 3 * r + c)[e]!)), 2, 5)); // biome-ignore format: one expression
  const { position_embeddings: own } = model.embeddings;
  own.backend.write(own.buffer, new Float32Array(160));
  const bare = await read({ interpolatePositions: true }); // the same without any places
  expectClose(placed[0]!, bare[0]!.map((x, e) => x + at(0)[e]!)); // biome-ignore format: one claim
  for (let patch = 0; patch < 10; patch++) {
    expectClose(placed[1 + patch]!, bare[1 + patch]!.map((x, e) => x + grids[e]![Math.floor(patch / 5)]![patch % 5]!)); // biome-ignore format: one claim
  }
  expect(() => model.forward(uniform([1, 3, 3, 20], { rng: new Rng(1) }), { interpolatePositions: true })).toThrow('height of 4 or more');
  dispose(model);
});

test('places that are sinusoids at first: of a fresh Whisper apart, of a fresh DistilBERT by turns', async () => {
  using _ = scope();
  const whisper = (await modelOf('WhisperModel')) as unknown as { encoder: { embed_positions: { weight: Tensor } } };
  const apart = [0, 1, 2, 3, 4, 5].flatMap((place) => {
    const angles = Array.from({ length: 8 }, (__, i) => place / 10_000 ** (i / 7));
    return [...angles.map(Math.sin), ...angles.map(Math.cos)];
  });
  expectClose(Array.from(await whisper.encoder.embed_positions.weight.data()), apart);
  const sinusoidal = { max_position_embeddings: 6, sinusoidal_pos_embds: true };
  const distil = (await modelOf('DistilBertModel', sinusoidal)) as unknown as { embeddings: { position_embeddings: { weight: Tensor } } };
  const byTurns = [0, 1, 2, 3, 4, 5].flatMap((place) =>
    Array.from({ length: 16 }, (__, i) => (i % 2 === 0 ? Math.sin : Math.cos)(place / 10_000 ** ((2 * Math.floor(i / 2)) / 16))),
  );
  expectClose(Array.from(await distil.embeddings.position_embeddings.weight.data()), byTurns);
  dispose(whisper, distil);
});

test('a Whisper in training hears with gaps, if its config says so: whole spans of frames and of frequencies', async () => {
  using _ = scope();
  const spans = { mask_time_prob: 0.5, mask_time_length: 3, mask_feature_prob: 0.3, mask_feature_length: 1, mask_feature_min_masks: 1 };
  const features = full([2, 4, 12], 1);
  const heard = Array.from(await specAugment(features, { apply_spec_augment: true, mask_time_min_masks: 2, ...spans }, new Rng(2)).data());
  const rows = rowsOf(heard, [2, 4, 12]);
  for (const sample of rows) {
    const silent = sample.filter((bin) => bin.every((x) => x === 0));
    expect(silent.length).toBeGreaterThan(0); // of the frequencies
    const frames = sample.find((bin) => bin.some((x) => x === 1))!;
    expect(frames.filter((x) => x === 0).length).toBeGreaterThanOrEqual(4); // two spans of three frames, which may overlap
    expect(frames.join('')).toMatch(/000/);
  }
  const config = { ...spans, apply_spec_augment: true, dropout: 0, activation_dropout: 0, attention_dropout: 0 };
  const model = await modelOf('WhisperForConditionalGeneration', config);
  const read = async (ctx: object) => (await run(model, inputsOf('WhisperForConditionalGeneration'), ctx)).logits;
  const plain = await read({});
  expect(await read({ rng: new Rng(1) })).not.toEqual(plain);
  expect(await read({ rng: new Rng(1) })).toEqual(await read({ rng: new Rng(1) }));
  dispose(model);
});
