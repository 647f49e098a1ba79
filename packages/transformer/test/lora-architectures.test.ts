import { add, dispose, grad, mul, noGrad, parameters, Rng, randn, scope, stateDict, sum, Tensor } from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import { addLora, loadLora, loraFiles, mergeAdapters, mergeAndUnload, unloadAdapters } from '@multihead/transformer/lora';
import { expect, test } from 'vitest';
import { memory } from './checkpoints.js';
import { configs, inputsOf, typeOf } from './tiny.js';
import { type AnyModel, distance, fill } from './lora-model.js';

/* Adapters on every layer of every architecture. */

test.each(auto.names())('%s: every linear layer has an adapter, none is passed by, merged or not', async (name) => {
  using _ = scope();
  const Model = await auto.choose({ architectures: [name] });
  const model = new Model(Model.readConfig(configs[typeOf(name)]) as never, { rng: new Rng(3) }) as unknown as AnyModel;
  const outputs = () => {
    const result = model.forward(...inputsOf(name));
    return result instanceof Tensor ? [result] : Object.values(result);
  };
  const keys = [...stateDict(model).keys()];
  const plain = noGrad(outputs);
  const paths = addLora(model, { r: 2, lora_alpha: 4, target_modules: 'all-linear', rng: new Rng(4) });
  const before = noGrad(outputs);
  for (const [i, y] of before.entries()) expect(await distance(y, plain[i]!)).toBeLessThan(1e-6);
  expect(parameters(model).length).toBe(2 * paths.length);
  fill(model);
  const rng = new Rng(8);
  const loss = outputs().map((y) => sum(mul(y, randn(y.shape, { rng })))).reduce((a, b) => add(a, b)); // biome-ignore format: one line
  const grads = grad(loss, parameters(model));
  const unused = [...stateDict(model)].filter(([, value]) => {
    const at = parameters(model).indexOf(value);
    return at >= 0 && grads[at] === null;
  });
  // What a bare model has and does not give out: BERT's pooler and the like.
  expect(unused.map(([key]) => key).filter((key) => !/pooler/.test(key))).toEqual([]);
  for (const [key, value] of stateDict(model)) {
    const g = grads[parameters(model).indexOf(value)];
    // An expert may be chosen by no token, and a text without an end token is read at its first one, which sees only itself.
    const isIdle =
      key.includes('.experts.') || (/^(CLIPText|T5ForSequence)/.test(name) && /[qk]_proj|decoder.*SelfAttention\.[qk]\./.test(key));
    if (g && !isIdle) expect([key, Math.max(...Array.from(await g.data(), Math.abs)) > 0]).toEqual([key, true]);
  }
  const adapted = noGrad(outputs);
  for (const [i, y] of adapted.entries()) expect(await distance(y, plain[i]!)).toBeGreaterThan(1e-4);
  await mergeAdapters(model);
  // Two sums in one order or another: some rounding errors of float32, 6e-8 each, through two layers.
  for (const [i, y] of noGrad(outputs).entries()) expect(await distance(y, adapted[i]!)).toBeLessThan(2e-5);
  unloadAdapters(model);
  for (const [i, y] of noGrad(outputs).entries()) expect(await y.toArray()).toEqual(await plain[i]!.toArray());
  expect([...stateDict(model).keys()]).toEqual(keys);
  dispose(model);
});

test.each(auto.names())('%s: so do its embeddings, positions and its head', async (name) => {
  using _ = scope();
  const Model = await auto.choose({ architectures: [name] });
  const model = new Model(Model.readConfig(configs[typeOf(name)]) as never, { rng: new Rng(3) }) as unknown as AnyModel;
  const outputs = () => {
    const result = model.forward(...inputsOf(name));
    return result instanceof Tensor ? [result] : Object.values(result);
  };
  const plain = noGrad(outputs);
  const linears = addLora(model, { r: 2, target_modules: 'all-linear', rng: new Rng(4) });
  unloadAdapters(model);
  // `shared` is a name of tables that others use; a decision transformer has no words.
  const rest = [...stateDict(model)]
    .filter(([key, { rank }]) => rank === 2 && key.endsWith('.weight') && !/(^|\.)shared\.|^encoder\.wte\./.test(key))
    .map(([key]) => key.replace(/\.weight$/, ''))
    .filter((path) => !linears.includes(path));
  if (rest.length > 0) {
    expect(addLora(model, { r: 2, lora_alpha: 4, target_modules: rest, rng: new Rng(4) }).sort()).toEqual([...rest].sort());
    fill(model);
    const own = parameters(model);
    const loss = outputs().map((y) => sum(mul(y, randn(y.shape, { rng: new Rng(8) })))).reduce((a, b) => add(a, b)); // biome-ignore format: one line
    const grads = grad(loss, own);
    const unused = [...stateDict(model)].filter(([, value]) => own.includes(value) && grads[own.indexOf(value)] === null);
    expect(unused.map(([key]) => key)).toEqual([]);
    const adapted = noGrad(outputs);
    await mergeAdapters(model);
    for (const [i, y] of noGrad(outputs).entries()) expect(await distance(y, adapted[i]!)).toBeLessThan(2e-5);
    await mergeAndUnload(model);
    for (const [i, y] of noGrad(outputs).entries()) expect(await distance(y, adapted[i]!)).toBeLessThan(2e-5);
    expect(await distance(adapted[0]!, plain[0]!)).toBeGreaterThan(1e-4);
  }
  dispose(model);
});

const withBiases = ['BertForMaskedLM', 'RobertaForMaskedLM', 'T5ForConditionalGeneration', 'BartForConditionalGeneration', 'MarianMTModel', 'PhiForCausalLM', 'WhisperForConditionalGeneration', 'CLIPModel', 'ViTForImageClassification', 'DecisionTransformerModel']; // biome-ignore format: a list

test.each(withBiases)('%s: all biases, tied ones and ones of heads, out and in and away', async (name) => {
  using _ = scope();
  const Model = await auto.choose({ architectures: [name] });
  const make = () => new Model(Model.readConfig(configs[typeOf(name)]) as never, { rng: new Rng(3) }) as unknown as AnyModel;
  const [model, again] = [make(), make()];
  const run = async (one: AnyModel) => {
    const result = noGrad(() => one.forward(...inputsOf(name)));
    return Promise.all((result instanceof Tensor ? [result] : Object.values(result)).map((y) => y.toArray()));
  };
  const [plain, keys] = [await run(model), [...stateDict(model).keys()]];
  const trained = parameters(model).length;
  addLora(model, { r: 2, target_modules: 'all-linear', bias: 'all', rng: new Rng(4) });
  fill(model);
  const adapted = await run(model);
  const files = await loraFiles(model);
  await loadLora(again, memory(Object.fromEntries(files)));
  expect(await run(again)).toEqual(adapted);
  unloadAdapters(model);
  expect(await run(model)).toEqual(plain);
  await mergeAndUnload(again);
  for (const one of [model, again]) {
    expect([...stateDict(one).keys()].sort()).toEqual(keys.sort());
    expect(parameters(one).length).toBe(trained);
  }
  dispose(model, again);
});
