import { wasm } from '@multihead/kernels-wasm';
import {
  type Backend,
  add,
  cpu,
  dispose,
  getBackend,
  mul,
  noGrad,
  Rng,
  scope,
  setBackend,
  stateDict,
  sum,
  type Tensor,
  tensor,
} from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import {
  attentionFlow,
  attentionRollout,
  gradientTimesInput,
  type Inspection,
  type LayerAttention,
  inspect,
  integratedGradients,
  lensLogits,
  logitLens,
  patchEffects,
  replace,
} from '@multihead/transformer/inspect';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type AnyModel, modelOf } from './architectures.js';
import { ids, inputsOf, typeOf } from './tiny.js';

/* Logit lens, rollout and gradients: against formulas, finite differences, and what the model says itself. */

const withLogits = auto.names().filter((name) => /(ForCausalLM|LMHeadModel|ForMaskedLM|ForConditionalGeneration|MTModel|ForTokenClassification|ForImageClassification|GPT2ForSequenceClassification)$/.test(name)); // biome-ignore format: one pattern

test.each(withLogits)('%s: the last state says what the model says, the others what its head makes of them', async (name) => {
  using _ = scope();
  const model = await modelOf(name);
  const { output, activations } = inspect(model as never, inputsOf(name)) as Inspection<Tensor>;
  const stack = activations.has('decoder.final') ? 'decoder.' : '';
  const lens = lensLogits(model as never, inputsOf(name));
  expect([...lens.keys()]).toEqual(['blocks.0.resid_pre', 'blocks.1.resid_pre', 'blocks.1.resid_post'].map((one) => stack + one));
  expect(await lens.get(`${stack}blocks.1.resid_post`)!.data()).toBeAllclose(await output.data(), { rtol: 1e-5, atol: 1e-6 });
  // A model whose last block leaves the state as it was, by attention and feed-forward parts that give nothing, says what the lens says of that state.
  const isPlain = !['bert', 'roberta', 'electra', 'distilbert', 'bart', 'marian'].includes(typeOf(name)); // there norms stand behind the parts
  if (isPlain) {
    const nothing = replace(
      (one) => one.startsWith(`${stack}blocks.1`) && one.endsWith('_out'),
      (x) => mul(x, 0),
    );
    const want = noGrad(() => model.forward(...inputsOf(name), { tap: nothing })) as Tensor;
    expect(await lens.get(`${stack}blocks.1.resid_pre`)!.data()).toBeAllclose(await want.data(), { rtol: 1e-5, atol: 1e-6 });
  }
  dispose(model);
});

test('tokens of the lens are the likeliest of its logits', async () => {
  using _ = scope();
  const model = await modelOf('Gemma2ForCausalLM');
  const text = ids([[5, 9, 7], [2, 4, 4]]); // biome-ignore format: two rows
  const rows = await logitLens(model as never, text, { positions: [-1, 0], layers: [-1, 0], top: 4 });
  expect(rows.map(({ name, sample, position }) => `${name} ${sample} ${position}`)).toEqual([
    'blocks.1.resid_post 0 2', 'blocks.1.resid_post 0 0', 'blocks.1.resid_post 1 2', 'blocks.1.resid_post 1 0',
    'blocks.0.resid_pre 0 2', 'blocks.0.resid_pre 0 0', 'blocks.0.resid_pre 1 2', 'blocks.0.resid_pre 1 0',
  ]); // biome-ignore format: layers
  const said = await (noGrad(() => model.forward(text)) as Tensor).data(); // [2, 3, 20]
  const logits = Array.from(said.subarray(40, 60)); // sample 0, last token
  const total = logits.reduce((all, x) => all + Math.exp(x), 0);
  const order = logits.map((_x, id) => id).sort((a, b) => logits[b]! - logits[a]!);
  expect(rows[0]!.tokens.map(({ id }) => id)).toEqual(order.slice(0, 4));
  for (const { id, logit, probability } of rows[0]!.tokens) {
    expect(logit).toBeCloseTo(logits[id]!, 5);
    expect(probability).toBeCloseTo(Math.exp(logits[id]!) / total, 5);
  }
  dispose(model);
});

test('the lens is refused what it cannot do', async () => {
  using _ = scope();
  const model = await modelOf('LlamaForCausalLM');
  const look = (options: object) => () => lensLogits(model as never, ids([[5, 9]]), options);
  expect(look({ layers: [3] })).toThrow('logitLens: layers: expected integers from -3 to 2, got 3');
  expect(look({ positions: [2] })).toThrow('logitLens: positions: expected integers from -2 to 1, got 2');
  expect(look({ stack: 'decoder.' })).toThrow('logitLens: stack: expected one of "", got decoder.');
  expect(look({ context: { cache: [] } })).toThrow('logitLens: context.cache: expected none');
  const clip = await modelOf('CLIPModel');
  expect(() => lensLogits(clip as never, inputsOf('CLIPModel'), {})).toThrow(
    'logitLens: stack: expected one of "text.", "vision.", got undefined',
  );
  expect(() => lensLogits(clip as never, inputsOf('CLIPModel'), { stack: 'vision.' })).toThrow(
    'logitLens: logits: expected a function that picks them, as forward gives logits_per_image',
  );
  const lens = lensLogits(clip as never, inputsOf('CLIPModel'), {
    stack: 'vision.',
    logits: (output: { logits_per_image: Tensor }) => output.logits_per_image,
  } as never);
  expect([...lens.values()].map(({ shape }) => shape)).toEqual([[2, 2], [2, 2], [2, 2]]); // biome-ignore format: shapes
  dispose(model);
  dispose(clip);
});

describe('attentionRollout', () => {
  it('is the product of layers with their residual, rows of sum 1', async () => {
    using _ = scope();
    const one = tensor([[[1, 0], [0.25, 0.75]], [[1, 0], [0.75, 0.25]]], { shape: [1, 2, 2, 2] }); // biome-ignore format: two heads
    const two = tensor([[[1, 0], [1, 0]], [[1, 0], [0, 1]]], { shape: [1, 2, 2, 2] }); // biome-ignore format: two heads
    // Means: [[1, 0], [0.5, 0.5]] in both; with half of I [[1, 0], [0.25, 0.75]]; squared [[1, 0], [0.4375, 0.5625]].
    expect(await attentionRollout([one, two]).data()).toEqual(Float32Array.of(1, 0, 0.4375, 0.5625));
    expect(await attentionRollout([one, two], { residual: 0 }).data()).toEqual(Float32Array.of(1, 0, 0.75, 0.25));
    // Highest: [[1, 0], [0.75, 0.75]] + I halved and brought to 1: [[1, 0], [0.3, 0.7]]; and [[1, 0], [1, 1]]: [[1, 0], [1/3, 2/3]].
    expect(await attentionRollout([one, two], { fuse: 'max' }).data()).toBeAllclose(
      Float32Array.of(1, 0, 1 / 3 + 0.3 * (2 / 3), 0.7 * (2 / 3)),
    );
    // Least: [[1, 0], [0.25, 0.25]]: [[1, 0], [1/6, 5/6]]; and [[1, 0], [0, 0]]: [[1, 0], [0, 1]].
    expect(await attentionRollout([one, two], { fuse: 'min' }).data()).toBeAllclose(Float32Array.of(1, 0, 1 / 6, 5 / 6));
    // A quarter of four weights is one, the least: 0 at the top right. Half: one of the two 0.5 as well, whichever comes first.
    expect(await attentionRollout([one], { discard: 0.25 }).data()).toEqual(Float32Array.of(1, 0, 0.25, 0.75));
    const dropped = Array.from(await attentionRollout([one], { discard: 0.5 }).data());
    expect([[1, 0, 0, 1], [1, 0, 1 / 3, 2 / 3]].some((want) => want.every((x, i) => Math.abs(x - dropped[i]!) < 1e-6))).toBe(true); // biome-ignore format: two answers
    expect(await attentionRollout([one], { discard: 1 }).data()).toEqual(Float32Array.of(1, 0, 0, 1));
  });

  it.each(['BertModel', 'ViTModel', 'T5ForConditionalGeneration', 'LlamaForCausalLM'])('rows of %s sum to 1', async (name) => {
    using _ = scope();
    const model = await modelOf(name);
    const found = inspect(model as never, inputsOf(name), { attention: true });
    const options = name.startsWith('T5') ? { stack: 'decoder.' } : {};
    for (const fuse of ['mean', 'max', 'min'] as const) {
      const rolled = attentionRollout(found, { fuse, discard: 0.3, ...options });
      expect((await sum(rolled, { axis: -1 }).data()).every((total) => Math.abs(total - 1) < 1e-5)).toBe(true);
    }
    if (name.startsWith('T5'))
      expect(() => attentionRollout(found)).toThrow('attentionRollout: stack: expected one of encoder., decoder., got none');
    dispose(model);
  });

  it('refuses what is not square, and shares that are none', () => {
    using _ = scope();
    const x = tensor(new Float32Array(12), { shape: [1, 2, 2, 3] });
    expect(() => attentionRollout([x])).toThrow(
      'attentionRollout: from: expected weights [B, H, T, T] of one size, got [1, 2, 2, 3] in layer 0',
    );
    expect(() => attentionRollout([])).toThrow(/got none/);
    expect(() => attentionRollout([x], { discard: 2 })).toThrow('attentionRollout: discard: expected a share from 0 to 1, got 2');
  });
});

/** f(x) = Σ weight · x for each sample, x shown under the name of what enters a first block. */
function linearModel(weight: Tensor, start: Tensor) {
  return {
    forward: (scale: Tensor, { tap }: { tap?: (name: string, x: Tensor) => Tensor | void } = {}) => {
      const x = mul(start, scale);
      const y = tap?.('blocks.0.resid_pre', x) ?? x;
      return sum(mul(y, weight), { axis: [1, 2] });
    },
  };
}

const backends: Record<string, () => Backend | Promise<Backend>> = { cpu: () => cpu(), wasm: () => wasm() };

describe.each(Object.entries(backends))('gradients on %s', (_name, make) => {
  let backend: Backend;
  const before = getBackend();
  beforeAll(async () => {
    backend = await make();
    setBackend(backend);
  });
  afterAll(() => {
    setBackend(before);
    backend.dispose();
  });

  it('of a linear model are exact: scores sum to what the target is above its baseline, in one step', async () => {
    using _ = scope();
    const weight = tensor(Float32Array.from({ length: 12 }, (__, i) => i - 5), { shape: [2, 3, 2] }); // biome-ignore format: one tensor
    const start = tensor(Float32Array.from({ length: 12 }, (__, i) => (i % 4) + 1), { shape: [2, 3, 2] }); // biome-ignore format: one tensor
    const model = linearModel(weight, start);
    const target = (output: Tensor) => output;
    const plain = await gradientTimesInput(model, tensor(2), { target });
    const [w, x] = [await weight.data(), await start.data()];
    const want = Float32Array.from({ length: 6 }, (__, i) => 2 * (w[2 * i]! * x[2 * i]! + w[2 * i + 1]! * x[2 * i + 1]!));
    expect(plain).toMatchObject({ shape: [2, 3], scores: want });
    const baseline = tensor([1, -1]);
    const integrated = await integratedGradients(model, tensor(2), { target, steps: 1, baseline });
    for (const [i, score] of integrated.scores.entries()) expect(score).toBeCloseTo(want[i]! - w[2 * i]! + w[2 * i + 1]!, 4);
    expect(integrated.delta.every((lack) => Math.abs(lack) < 1e-4)).toBe(true);
  });

  const names = ['LlamaForCausalLM', 'GPT2LMHeadModel', 'BertForMaskedLM', 'Gemma2ForCausalLM', 'T5ForConditionalGeneration', 'ViTForImageClassification', 'WhisperForConditionalGeneration']; // biome-ignore format: one list
  it.each(names)('%s: gradient × input is what the target changes by when a token is scaled', async (name) => {
    using _ = scope();
    const model = await wild(name);
    const target = { id: [1, 0] };
    const { shape, scores } = await gradientTimesInput(model as never, inputsOf(name), { target });
    const first = [...inspect(model as never, inputsOf(name)).activations.keys()].find((one) => one.endsWith('blocks.0.resid_pre'))!;
    const [batch, tokens] = shape;
    const valueAt = async (token: number, factor: number) => {
      const factors = tensor(Float32Array.from({ length: tokens }, (__, t) => (t === token ? factor : 1)), { shape: [1, tokens, 1] }); // biome-ignore format: one tensor
      const output = noGrad(() => model.forward(...inputsOf(name), { tap: replace(first, (x) => mul(x, factors)) })) as Tensor;
      const data = await output.data();
      const width = output.shape.at(-1)!;
      return [1, 0].map((id, b) => data[((b + 1) * output.size) / batch - width + id]!); // of the last token
    };
    // Central differences of 1 % in float32: of logits of order 1 to 10 they are good to some 1e-3.
    for (let token = 0; token < tokens; token++) {
      const [up, down] = [await valueAt(token, 1.01), await valueAt(token, 0.99)];
      for (let b = 0; b < batch; b++) {
        const slope = (up[b]! - down[b]!) / 0.02;
        expect(Math.abs(scores[b * tokens + token]! - slope)).toBeLessThan(5e-3 + 2e-3 * Math.abs(slope));
      }
    }
    expect(scores.some((score) => Math.abs(score) > 0.02)).toBe(true);
    dispose(model);
  });

  it('integrated, they sum to what the target is above that of the baseline', async () => {
    using _ = scope();
    const model = await wild('BertForMaskedLM');
    const found = inspect(model as never, inputsOf('BertForMaskedLM'), { names: 'blocks.0.resid_pre' }).activations.get(
      'blocks.0.resid_pre',
    )!;
    const baseline = add(mul(found, 0.2), 0.1);
    const seen: number[] = [];
    const got = await integratedGradients(model as never, inputsOf('BertForMaskedLM'), {
      target: { id: 3, position: 1 },
      baseline,
      steps: 40,
      onProgress: ({ step }) => seen.push(step),
    });
    expect(seen).toEqual(Array.from({ length: 40 }, (__, i) => i + 1));
    for (let b = 0; b < 2; b++) {
      const total = got.scores.subarray(b * 6, b * 6 + 6).reduce((all, x) => all + x, 0);
      expect(Math.abs(got.delta[b]!)).toBeLessThan(0.02 * Math.abs(got.value[b]! - got.baselineValue[b]!) + 1e-3);
      expect(total + got.delta[b]!).toBeCloseTo(got.value[b]! - got.baselineValue[b]!, 4);
    }
    dispose(model);
  });
});

/** A model whose numbers are of order 1, as a trained one's are: its matrices and tables ten times as large, but for T5, whose fresh ones are so. */
async function wild(name: string): Promise<AnyModel> {
  const model = await modelOf(name);
  if (name.startsWith('T5')) return model;
  for (const t of new Set(stateDict(model).values())) {
    if (t.rank < 2) continue;
    const data = await t.data();
    t.backend.write(
      t.buffer,
      Float32Array.from(data, (x) => 10 * x),
    );
  }
  return model;
}

test('gradients are refused what is not there, and stop when they are told to', async () => {
  using _ = scope();
  const model = await modelOf('LlamaForCausalLM');
  const score = (options: object) => gradientTimesInput(model as never, ids([[5, 9]]), options as never);
  await expect(score({ target: { id: 20 } })).rejects.toThrow('gradientTimesInput: target.id: expected integers from -20 to 19, got 20');
  await expect(score({ target: { id: 1, position: 2 } })).rejects.toThrow(
    'gradientTimesInput: target.position: expected integers from -2 to 1, got 2',
  );
  await expect(score({ target: { id: [1, 2] } })).rejects.toThrow(
    'gradientTimesInput: target.id: expected one for each of 1 samples, got 2',
  );
  await expect(score({ target: { id: 1 }, stack: 'encoder.' })).rejects.toThrow(
    'gradientTimesInput: stack: expected one that this model has, got "encoder."; there are blocks.0.resid_pre',
  );
  await expect(score({ target: (x: Tensor) => x })).rejects.toThrow(
    'gradientTimesInput: target: expected one number, or one for each of 1 samples, got [1, 2, 20]',
  );
  const stop = new AbortController();
  const slow = integratedGradients(model as never, ids([[5, 9]]), {
    target: { id: 1 },
    signal: stop.signal,
    onProgress: ({ step }: { step: number }) => step === 2 && stop.abort(new Error('enough')),
  } as never);
  await expect(slow).rejects.toThrow('enough');
  await expect(integratedGradients(model as never, ids([[5]]), { target: { id: 1 }, steps: 0 })).rejects.toThrow(
    /steps: expected an integer from 1, got 0/,
  );
  dispose(model);
});

describe('patchEffects', () => {
  const inputs = { clean: () => ids([[5, 9, 7, 3], [2, 4, 4, 8]]), corrupted: () => ids([[5, 11, 7, 3], [2, 6, 4, 8]]) }; // biome-ignore format: two inputs

  it('restores the answer where the difference is, and nowhere else', async () => {
    using _ = scope();
    const model = await wild('LlamaForCausalLM');
    const both = { clean: inputs.clean(), corrupted: inputs.corrupted() };
    const { clean, corrupted, effects } = await patchEffects(model as never, both, {
      names: /resid_/,
      each: ['position'],
      target: { id: [7, 1] },
    } as never);
    const said = await (noGrad(() => model.forward(both.clean)) as Tensor).data();
    expect([...clean]).toEqual([said[3 * 20 + 7], said[7 * 20 + 1]]);
    const at = (name: string, position: number) => effects.find((one) => one.name === name && one.position === position)!;
    expect(effects).toHaveLength(4 * 4);
    for (const position of [0, 1, 2, 3]) {
      // In front of the first block the texts differ at the second token alone; behind the last one nothing but the last token is read.
      const [first, last] = [at('blocks.0.resid_pre', position), at('blocks.1.resid_post', position)];
      expect(first.values).toEqual(position === 1 ? clean : corrupted);
      expect(Array.from(last.restored, Math.abs)).toEqual(position === 3 ? [1, 1] : [0, 0]);
    }
    dispose(model);
  });

  it('patches heads apart, tells how far it is, and stops', async () => {
    using _ = scope();
    const model = await wild('LlamaForCausalLM');
    const both = { clean: inputs.clean(), corrupted: inputs.corrupted() };
    const told: string[] = [];
    const options = { names: 'blocks.0.attn.z', each: ['head', 'position'], target: { id: 3 }, onProgress: ({ runs, of }: { runs: number; of: number }) => void told.push(`${runs}/${of}`) }; // biome-ignore format: one line
    const { effects, corrupted } = await patchEffects(model as never, both, options as never);
    expect(effects.map(({ head, position }) => `${head} ${position}`).slice(0, 5)).toEqual(['0 0', '0 1', '0 2', '0 3', '1 0']);
    expect(effects.filter(({ position }) => position === 0).every(({ values }) => String(values) === String(corrupted))).toBe(true); // the first tokens are the same
    expect(told.at(-1)).toBe('16/16');
    const run = (more: object) => patchEffects(model as never, both, { ...options, ...more } as never);
    await expect(run({ names: 'final' })).rejects.toThrow('patchEffects: each: expected activations with heads, got final of 3 axes');
    await expect(run({ names: 'nothing' })).rejects.toThrow(/expected names of activations, got nothing/);
    const stop = new AbortController();
    await expect(run({ signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) })).rejects.toThrow('enough');
    dispose(model);
  });
});

describe('attentionFlow', () => {
  const mapOf = (weights: number[][], layer = 0): LayerAttention => {
    const tokens = weights.length;
    const places = weights.map((_, i) => i);
    return { name: `blocks.${layer}.attn.pattern`, stack: '', layer, kind: 'attn', shape: [1, 1, tokens, tokens], heads: [0], queries: places, weights: Float32Array.from(weights.flat()) }; // biome-ignore format: one map
  };

  it('is what the narrowest pipes let through', async () => {
    const one = mapOf([[1, 0], [0.25, 0.75]]); // biome-ignore format: one map
    const two = mapOf([[1, 0], [0.5, 0.5]], 1); // biome-ignore format: one map
    // From token 1: 0.5 to each of the middle ones, of which 0.5 (all that comes) and 0.25 reach input 0, and 0.5 reaches input 1.
    const got = await attentionFlow([one, two], 1, { residual: 0 });
    expect([...got]).toEqual([0.75 / 1.25, 0.5 / 1.25]);
    expect([...(await attentionFlow([one, two], -2, { residual: 0 }))]).toEqual([1, 0]);
    // Half of I: pipes of 1; 0.125 and 0.875; 0.25 and 0.75.
    expect(await attentionFlow([one, two], 1)).toBeAllclose(Float64Array.of(0.375 / 1.125, 0.75 / 1.125));
  });

  it('is that of a search that tries one path after the other', async () => {
    const rng = new Rng(4);
    const tokens = 5;
    const row = () => {
      const parts = Array.from({ length: tokens }, () => (rng.uniform() < 0.4 ? 0 : rng.uniform()));
      return parts.map((x) => x / (parts.reduce((all, y) => all + y, 0) || 1));
    };
    const maps = [0, 1, 2, 3].map((layer) => mapOf(Array.from({ length: tokens }, row), layer));
    for (const query of [0, 3]) {
      const want = Float64Array.from({ length: tokens }, (_, key) => flowByPaths(maps, tokens, query, key, 0.3));
      const total = want.reduce((all, x) => all + x, 0);
      expect(await attentionFlow(maps, query, { residual: 0.3 })).toBeAllclose(want.map((x) => x / total), { rtol: 1e-9, atol: 1e-12 }); // biome-ignore format: one call
    }
  });

  it('is refused what is not whole, and stops', async () => {
    const map = mapOf([[1, 0], [0.5, 0.5]]); // biome-ignore format: one map
    await expect(attentionFlow([map, { ...map, shape: [1, 1, 1, 2] }], 0)).rejects.toThrow('attentionFlow: maps: expected [B, H, 2, 2] of tokens that look at each other, got [1, 1, 1, 2] of blocks.0.attn.pattern'); // biome-ignore format: one line
    await expect(attentionFlow([map], 2)).rejects.toThrow('attentionFlow: query: expected an integer from -2 to 1, got 2');
    await expect(attentionFlow([map], 0, { residual: 2 })).rejects.toThrow(/residual/);
    await expect(attentionFlow([map], 0, { sample: 1 })).rejects.toThrow('attentionFlow: sample: expected 0 to 0, got 1');
    await expect(attentionFlow([map], 0, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });
});

/** Ford and Fulkerson's search on a full matrix of capacities: slow, and plain. */
function flowByPaths(maps: readonly LayerAttention[], tokens: number, query: number, key: number, residual: number): number {
  const nodes = (maps.length + 1) * tokens;
  const left = Array.from({ length: nodes }, () => new Float64Array(nodes));
  for (const [l, { weights }] of maps.entries()) {
    for (let i = 0; i < tokens; i++) {
      for (let j = 0; j < tokens; j++)
        left[(l + 1) * tokens + i]![l * tokens + j] = (i === j ? residual : 0) + (1 - residual) * weights[i * tokens + j]!;
    }
  }
  const source = maps.length * tokens + query;
  for (let total = 0; ; ) {
    const cameFrom = new Map([[source, -1]]);
    for (const a of cameFrom.keys()) for (let b = 0; b < nodes; b++) if (left[a]![b]! > 1e-12 && !cameFrom.has(b)) cameFrom.set(b, a); // biome-ignore format: one search
    if (!cameFrom.has(key)) return total;
    const path: [number, number][] = [];
    for (let b = key; b !== source; b = cameFrom.get(b)!) path.push([cameFrom.get(b)!, b]);
    const flow = Math.min(...path.map(([a, b]) => left[a]![b]!));
    for (const [a, b] of path) {
      left[a]![b]! -= flow;
      left[b]![a]! += flow;
    }
    total += flow;
  }
}
