import { dispose, indexSelect, mul, noGrad, Rng, scope, type Tensor, tensor } from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import {
  attentionMaps,
  compose,
  headScores,
  inspect,
  lensLogits,
  lookedAt,
  readActivations,
  replace,
} from '@multihead/transformer/inspect';
import { Seq2Seq } from '@multihead/transformer/seq2seq';
import { LlamaForCausalLM, readLlamaConfig } from '@multihead/transformer/llama';
import { describe, expect, it, test } from 'vitest';
import { answer, modelOf, read } from './architectures.js';
import { tiny } from './models.js';
import { configs, ids, inputsOf, typeOf } from './tiny.js';

/* What `inspect` finds: every name of the README's table in every architecture, and no more than it is asked for. */

/** Tokens, heads of queries and keys, their width, and the width of the stream, of each stack of a tiny model. */
function sizesOf(name: string): Record<string, { tokens: number; heads: number; groups: number; dim: number; width: number }> {
  const type = typeOf(name);
  const plain = { tokens: 6, heads: 4, groups: 4, dim: 4, width: 16 };
  const grouped = { ...plain, groups: 2 };
  const target = { ...plain, tokens: 5, heads: 2, groups: 2, dim: 8 };
  const inputs = inputsOf(name) as Tensor[];
  if (type === 't5') {
    const t5 = { ...plain, heads: 3, groups: 3, dim: 6 };
    return name === 'T5EncoderModel' ? { 'encoder.': t5 } : { 'encoder.': t5, 'decoder.': { ...t5, tokens: 5 } };
  }
  if (['bart', 'marian', 'm2m_100', 'whisper'].includes(type)) {
    return { 'encoder.': plain, 'decoder.': { ...target, tokens: inputs.length > 1 ? 5 : 6 } };
  }
  if (type === 'clip') return { 'text.': plain, 'vision.': { ...plain, tokens: 5 } };
  if (type === 'vit' || type === 'clip_vision_model') return { '': { ...plain, tokens: 5 } };
  if (type === 'decision_transformer') return { '': { ...plain, tokens: 12 } };
  const six = ['qwen3', 'gemma', 'gemma2', 'gemma3_text'].includes(type) ? { dim: 6 } : {};
  const hasGroups = 'num_key_value_heads' in configs[type]!;
  return { '': { ...(hasGroups ? grouped : plain), ...six } };
}

test.each(auto.names())('%s: every name of the table, of its documented shape, and the same bits', async (name) => {
  using _ = scope();
  const model = await modelOf(name);
  const plain = await answer(model, name);
  const { output, activations } = inspect(model, inputsOf(name));
  expect(await read(output)).toEqual(plain);
  const want: Record<string, number[]> = {};
  for (const [stack, { tokens, heads, groups, dim, width }] of Object.entries(sizesOf(name))) {
    const source = stack === 'decoder.' ? sizesOf(name)['encoder.']!.tokens : 0;
    for (const i of [0, 1]) {
      const at = `${stack}blocks.${i}`;
      for (const part of ['resid_pre', 'attn_out', 'mlp_out', 'resid_post']) want[`${at}.${part}`] = [2, tokens, width];
      for (const part of ['attn.q', 'attn.z']) want[`${at}.${part}`] = [2, heads, tokens, dim];
      for (const part of ['attn.k', 'attn.v']) want[`${at}.${part}`] = [2, groups, tokens, dim];
      want[`${at}.attn.pattern`] = [2, heads, tokens, tokens];
      if (typeOf(name) === 'mixtral') want[`${at}.mlp.router`] = [12, 3];
      if (source === 0) continue;
      want[`${at}.cross_out`] = [2, tokens, width];
      for (const part of ['cross.q', 'cross.z']) want[`${at}.${part}`] = [2, heads, tokens, dim];
      for (const part of ['cross.k', 'cross.v']) want[`${at}.${part}`] = [2, heads, source, dim];
      want[`${at}.cross.pattern`] = [2, heads, tokens, source];
    }
    want[`${stack}final`] = [2, tokens, typeOf(name) === 'opt' ? 8 : width];
  }
  expect(Object.fromEntries([...activations].map(([one, x]) => [one, x.shape]))).toEqual(want);
  dispose(model);
});

describe.each([true, false])('Seq2Seq, norm_first %s', (norm_first) => {
  const source = () => ids([[3, 5, 4, 6, 0], [6, 3, 0, 0, 0]]); // biome-ignore format: rows
  const target = () => ids([[1, 3, 4], [1, 4, 3]]); // biome-ignore format: rows

  it('has the same names, and the same bits', async () => {
    using _ = scope();
    const model = new Seq2Seq({ ...tiny, norm_first }, { rng: new Rng(1) });
    const plain = noGrad(() => model.forward(source(), target()));
    const { output, activations } = inspect(model, [source(), target()]);
    expect(await output.data()).toEqual(await plain.data());
    const other = await modelOf('BartForConditionalGeneration');
    const names = [...inspect(other, inputsOf('BartForConditionalGeneration')).activations.keys()];
    expect([...activations.keys()]).toEqual(names);
    const shapes = { 'encoder.blocks.1.attn.q': [2, 2, 5, 8], 'decoder.blocks.0.cross.k': [2, 2, 5, 8], 'decoder.blocks.1.cross.pattern': [2, 2, 3, 5], 'encoder.final': [2, 5, 16], 'decoder.blocks.1.cross_out': [2, 3, 16] }; // biome-ignore format: one table
    for (const [name, shape] of Object.entries(shapes)) expect(activations.get(name)!.shape).toEqual(shape);
    const { cross } = await model.inspect(source(), target());
    expect(await activations.get('decoder.blocks.1.cross.pattern')!.data()).toEqual(cross[1]!.weights);
    for (const one of names) {
      const put = (change: (x: Tensor) => Tensor) => noGrad(() => model.forward(source(), target(), { tap: replace(one, change) })).data();
      expect(await put((x) => x)).toEqual(await plain.data());
      expect(await put((x) => mul(x, tensor(Float32Array.from({ length: x.shape.at(-1)! }, (__, i) => i + 2)))), one).not.toEqual(await plain.data()); // biome-ignore format: one line
    }
    expect(() => model.forward(source(), target(), { tap: () => {}, capture: () => {} })).toThrow(/capture: expected none beside a tap/);
    dispose(model);
    dispose(other);
  });

  it('shows rows that are asked for, and tells what the last state says', async () => {
    using _ = scope();
    const model = new Seq2Seq({ ...tiny, norm_first }, { rng: new Rng(1) });
    const { activations, output } = inspect(model, [source(), target()], { attention: { heads: [1] }, queries: [0, -1] });
    expect([...activations.values()].map(({ shape }) => shape[3])).toEqual([5, 5, 3, 5, 3, 5]);
    const lens = lensLogits(model, [source(), target()]);
    expect(await lens.get('decoder.blocks.1.resid_post')!.data()).toBeAllclose(await output.data());
    dispose(model);
  });
});

async function llama(config: object = {}): Promise<LlamaForCausalLM> {
  return new LlamaForCausalLM(readLlamaConfig({ ...configs.llama, ...config }), { rng: new Rng(3) });
}

describe('what is asked for', () => {
  const rows = [
    [5, 9, 7, 3],
    [6, 6, 1, 2],
  ];

  it('is what is kept, and of weights and rows the same numbers as of a whole look', async () => {
    using _ = scope();
    const model = await llama();
    const whole = inspect(model, ids(rows)).activations;
    const { activations, chosen } = inspect(model, ids(rows), { attention: { layers: [1], heads: [-1, 0] }, hidden: true, names: /0\.attn\.[qkz]$/, queries: [-1, 1] }); // biome-ignore format: one call
    const names = ['blocks.0.resid_pre', 'blocks.0.attn.q', 'blocks.0.attn.k', 'blocks.0.attn.z', 'blocks.1.resid_pre', 'blocks.1.attn.pattern', 'final']; // biome-ignore format: one list
    expect([...activations.keys()]).toEqual(names);
    expect(chosen.get('blocks.1.attn.pattern')).toEqual({ heads: [3, 0], queries: [3, 1] });
    const [places, heads] = [tensor(Int32Array.of(3, 1)), tensor(Int32Array.of(3, 0))];
    for (const [name, x] of activations) {
      const all = whole.get(name)!;
      const want = /\.k$/.test(name) ? all : indexSelect(all, all.rank === 3 ? 1 : 2, places);
      const own = name.endsWith('pattern') ? indexSelect(want, 1, heads) : want;
      expect(x.shape).toEqual(own.shape);
      expect(await x.data()).toBeAllclose(await own.data(), { rtol: 1e-6, atol: 1e-7 }); // rows of products may be summed otherwise
    }
    dispose(model);
  });

  it('is seen behind what another tap has changed, which still sees all', async () => {
    using _ = scope();
    const model = await llama();
    const seen: string[] = [];
    const tap = compose(
      (name, x) => void seen.push(`${name} ${x.shape}`),
      replace('blocks.0.attn.pattern', (x) => indexSelect(x, 1, tensor(Int32Array.of(1, 0, 3, 2)))),
    );
    const { activations } = inspect(model, ids(rows), { attention: { layers: [0], heads: [1] }, queries: [2], context: { tap } });
    const whole = inspect(model, ids(rows), { names: 'blocks.0.attn.pattern' }).activations.get('blocks.0.attn.pattern')!;
    const got = activations.get('blocks.0.attn.pattern')!;
    const want = indexSelect(indexSelect(whole, 1, tensor(Int32Array.of(0))), 2, tensor(Int32Array.of(2)));
    expect(await got.data()).toEqual(await want.data());
    expect(seen).toContain('blocks.0.attn.pattern 2,4,4,4');
    dispose(model);
  });

  it('may be a single text with a mask and a cache', async () => {
    using _ = scope();
    const model = await llama();
    const cache = model.cache();
    noGrad(() => model.forward(ids([[5, 9, 7]]), { cache }));
    const { activations } = inspect(model, ids([[3]]), { attention: true, context: { cache, mask: ids([[0, 1, 1, 1]]) } });
    const weights = activations.get('blocks.0.attn.pattern')!;
    expect(weights.shape).toEqual([1, 4, 1, 4]);
    expect((await weights.data())[0]).toBe(0);
    for (const one of cache) one.dispose();
    dispose(model);
  });

  it('is refused where it is not there', async () => {
    using _ = scope();
    const model = await llama();
    const look = (options: object) => () => inspect(model, ids(rows), options);
    expect(look({ names: 'block.0.resid_pre' })).toThrow(
      /inspect: expected names of activations, got block\.0\.resid_pre; there are blocks\.i\.resid_pre, .*final, up to blocks\.1/,
    );
    expect(look({ names: ['final', 'blocks.2.attn.z'] })).toThrow(/got blocks\.2\.attn\.z; there are/);
    expect(look({ names: /residual/ })).toThrow(/got \/residual\//);
    expect(look({ attention: { layers: [2] } })).toThrow('inspect: attention.layers: expected layers from 0 to 1, got 2');
    expect(look({ attention: { heads: [4] } })).toThrow(
      'inspect: attention.heads of blocks.0.attn.pattern: expected integers from -4 to 3, got 4',
    );
    expect(look({ attention: true, queries: [4] })).toThrow(
      'inspect: queries of blocks.0.attn.pattern: expected integers from -4 to 3, got 4',
    );
    expect(look({ hidden: true, queries: [0.5] })).toThrow(/queries of blocks\.0\.resid_pre: expected integers/);
    const two = await modelOf('BartForConditionalGeneration');
    expect(() => inspect(two, ids(rows))).toThrow('inspect: inputs: expected the 2 inputs of forward, got 1');
    // Attention that is not made of weights has none to show, but all else.
    const other = new LlamaForCausalLM(readLlamaConfig(configs.llama), { rng: new Rng(3), attention: (q) => q });
    expect(() => inspect(other, ids(rows), { attention: true })).toThrow(
      'inspect: attention: the attention function in use gives no weights: blocks.0.attn.pattern',
    );
    expect(inspect(other, ids(rows), { names: /attn\.z$/ }).activations.size).toBe(2);
    for (const one of [model, two, other]) dispose(one);
  });
});

test('what is read is plain numbers, and says what tokens look at', async () => {
  using _ = scope();
  const model = await modelOf('T5ForConditionalGeneration');
  const found = inspect(model, inputsOf('T5ForConditionalGeneration'), { attention: { heads: [1, 2] }, queries: [-1, 0] });
  const maps = await attentionMaps(found);
  expect(maps.map(({ name }) => name)).toEqual([...found.activations.keys()]);
  const cross = maps.find(({ kind, layer }) => kind === 'cross' && layer === 1)!;
  expect(cross).toMatchObject({ stack: 'decoder.', shape: [2, 2, 2, 6], heads: [1, 2], queries: [4, 0] });
  const readings = await readActivations(found.activations);
  expect(readings.get(cross.name)!.data).toEqual(cross.weights);
  const words = ['a', 'b', 'c', 'd', 'b', 'f'];
  const looks = lookedAt(cross, words, -1, { top: 6, sample: 1 });
  expect(looks.map(({ layer, head }) => [layer, head])).toEqual([[1, 1], [1, 2]]); // biome-ignore format: pairs
  for (const [h, { keys }] of looks.entries()) {
    const row = Array.from(cross.weights.subarray((2 + h) * 12, (2 + h) * 12 + 6)); // sample 1, query 4
    expect(keys.map(({ weight }) => weight)).toEqual([...row].sort((a, b) => b - a));
    for (const { index, token, weight } of keys) expect([words[index], row[index]]).toEqual([token, weight]);
  }
  expect(() => lookedAt(cross, words, 'b')).toThrow('lookedAt: query: expected a text that one token has, got "b": there is it at 1, 4');
  expect(() => lookedAt(cross, words, 'z')).toThrow(/there is none/);
  expect(() => lookedAt(cross, words, 2)).toThrow(/expected one of the queries 4, 0/);
  expect(() => lookedAt(cross, ['a'], 0)).toThrow(/tokens: expected one for each of 6 keys/);
  expect(() => lookedAt(cross, words, 0, { sample: 2 })).toThrow(/sample: expected 0 to 1, got 2/);
  dispose(model);
});

test('heads are told apart by what they look at', () => {
  // Weights written by hand, of heads that look at the token before, the first, itself, the copy before, and behind that copy.
  const text = [3, 8, 5, 3, 8, 5];
  const looks = [(t: number) => t - 1, () => 0, (t: number) => t, (t: number) => t - 3, (t: number) => t - 2];
  const weights = new Float32Array(5 * 36);
  for (const [h, look] of looks.entries()) for (let t = 0; t < 6; t++) weights[(h * 6 + t) * 6 + Math.max(0, look(t))] = 1;
  const map = {
    name: 'blocks.0.attn.pattern',
    stack: '',
    layer: 0,
    kind: 'attn',
    shape: [1, 5, 6, 6],
    heads: [0, 1, 2, 3, 4],
    queries: [0, 1, 2, 3, 4, 5],
    weights,
  } as const;
  const scores = headScores(map, [text]);
  expect(scores[0]).toMatchObject({ head: 0, previous: 1, self: 0 });
  expect(scores[1]).toMatchObject({ first: 1 });
  expect(scores[2]).toMatchObject({ self: 1, previous: 0 });
  expect(scores[3]).toMatchObject({ duplicate: 1, induction: 0 });
  expect(scores[4]).toMatchObject({ induction: 1, duplicate: 0 });
  expect(() => headScores({ ...map, kind: 'cross' }, [text])).toThrow(/expected tokens that look at each other/);
  expect(() => headScores(map, [[1, 2]])).toThrow(/ids: expected 1 rows of 6, got 1 of 2/);
});
