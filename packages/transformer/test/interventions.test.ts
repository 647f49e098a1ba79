import {
  crossEntropy,
  dispose,
  grad,
  indexSelect,
  mean,
  mul,
  noGrad,
  Rng,
  scope,
  type Tensor,
  tensor,
  where,
  zerosLike,
} from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import { generate, session } from '@multihead/transformer/generation';
import { ablateHead, compose, inspect, patch, replace, steer } from '@multihead/transformer/inspect';
import { LlamaForCausalLM, readLlamaConfig } from '@multihead/transformer/llama';
import { describe, expect, it, test } from 'vitest';
import { answer, modelOf, read } from './architectures.js';
import { configs, ids, inputsOf, typeOf } from './tiny.js';

/* Changing what goes on inside, in every architecture: what is put in the place of an activation counts, and nothing else changes. */

/** The same inputs with other numbers: ids one further, features turned round. */
async function corrupted(inputs: unknown[]): Promise<unknown[]> {
  const turn = async (x: Tensor) => {
    const data = await x.data();
    return x.dtype === 'int32'
      ? tensor(
          Int32Array.from(data, (id) => (id * 7 + 3) % 18),
          { shape: x.shape },
        )
      : tensor(
          Float32Array.from(data, (n) => -n),
          { shape: x.shape },
        );
  };
  return Promise.all(
    inputs.map(async (one) => {
      if (!('shape' in (one as object))) {
        const record = one as Record<string, Tensor>;
        const parts = await Promise.all(Object.entries(record).map(async ([key, x]) => [key, key === 'timesteps' ? x : await turn(x)]));
        return Object.fromEntries(parts) as Record<string, Tensor>;
      }
      return turn(one as Tensor);
    }),
  );
}

describe.each(auto.names())('%s', (name) => {
  it('everything given back as it was gives the same bits', async () => {
    using _ = scope();
    const model = await modelOf(name);
    expect(await answer(model, name, { tap: replace(/./, (x) => x) })).toEqual(await answer(model, name));
    dispose(model);
  });

  // One architecture of each family: heads do not matter here.
  const isFirst = auto.names().find((other) => typeOf(other) === typeOf(name)) === name;
  if (isFirst) {
    it('each activation counts', async () => {
      using _ = scope();
      const model = await modelOf(name);
      const plain = await answer(model, name);
      const all = [...inspect(model, inputsOf(name)).activations.keys()].filter((one) => !/blocks\.0\.(?!resid_pre)/.test(one)); // one block will do
      // These texts have no end token, so that CLIP reads the first one, which looks at nobody else.
      const names = name === 'CLIPTextModelWithProjection' ? all.filter((one) => !/attn\.[qk]$/.test(one)) : all;
      for (const one of names) expect(await answer(model, name, { tap: replace(one, (x) => mul(x, ramp(x))) }), one).not.toEqual(plain);
      dispose(model);
    });
  }

  it('the states of a clean run restore its answer exactly', async () => {
    using _ = scope();
    const model = await modelOf(name);
    const clean = inspect(model, inputsOf(name), { names: /resid_(pre|post)$/ });
    const other = await corrupted(inputsOf(name));
    const run = (ctx: object = {}) => noGrad(() => model.forward(...other, ctx));
    const [want, broken] = [await read(clean.output), await read(run())];
    expect(broken).not.toEqual(want);
    const tap = patch([...clean.activations.keys()], clean.activations);
    // These read the ids once more behind the states, to find the end of a text.
    if (!/ForSequenceClassification|CLIPModel|CLIPText/.test(name)) expect(await read(run({ tap }))).toEqual(want);
    dispose(model);
  });
});

/** Factors 100, 200 … along the last axis, which no norm undoes, and which small scores of fresh weights are felt behind. */
function ramp(x: Tensor): Tensor {
  return tensor(Float32Array.from({ length: x.shape.at(-1)! }, (_, i) => 100 * (i + 1)));
}

const rows = [
  [5, 9, 7, 3],
  [6, 6, 1, 2],
];

async function withLlama(use: (model: LlamaForCausalLM) => Promise<void> | void): Promise<void> {
  using _ = scope();
  const model = new LlamaForCausalLM(readLlamaConfig(configs.llama), { rng: new Rng(3) });
  await use(model);
  dispose(model);
}

const seen = (model: LlamaForCausalLM, name: string, tap?: ReturnType<typeof replace>) =>
  inspect(model, ids(rows), { names: name, context: { tap } }).activations.get(name)!;

test('a head that is ablated has read nothing, or a mean; the others what they had', async () => {
  await withLlama(async (model) => {
    const z = 'blocks.1.attn.z';
    const plain = seen(model, z); // [2, 4, 4, 4]
    const isHead = tensor([false, true, false, true], { shape: [1, 4, 1, 1] });
    const zero = await seen(model, z, ablateHead({ layer: 1, head: [1, -1] })).data();
    expect(zero).toEqual(await where(isHead, 0, plain).data());
    const byMean = await seen(model, z, ablateHead({ layer: 1, head: [1, 3] }, { by: 'mean' })).data();
    expect(byMean).toEqual(await where(isHead, mean(plain, { axis: [0, 2], keepDims: true }), plain).data());
    const other = mean(plain, { axis: [0, 2], keepDims: true });
    const last = await seen(model, z, ablateHead({ layer: 1, head: [1, 3] }, { by: mul(other, 2), positions: [-1] })).data();
    const rowsLeft = await indexSelect(tensor(last, { shape: plain.shape }), 2, tensor(Int32Array.of(0, 1, 2))).data();
    expect(rowsLeft).toEqual(await indexSelect(plain, 2, tensor(Int32Array.of(0, 1, 2))).data());
    expect(last).not.toEqual(await plain.data());
  });
});

test('patching takes tokens and heads from another run', async () => {
  await withLlama(async (model) => {
    const name = 'blocks.0.attn.v'; // [2, 2, 4, 4]
    const plain = seen(model, name);
    const from = new Map([[name, mul(plain, 3)]]);
    const got = await seen(model, name, patch(name, from, { positions: [0, -1], heads: [1] })).data();
    for (const [i, x] of (await plain.data()).entries()) {
      const [head, token] = [Math.floor(i / 16) % 2, Math.floor(i / 4) % 4];
      expect(got[i]).toBe(head === 1 && (token === 0 || token === 3) ? Math.fround(x * 3) : x);
    }
    expect(await seen(model, name, patch(name, mul(plain, 3))).data()).toEqual(await mul(plain, 3).data());
  });
});

test('steering adds a direction, at all tokens or some', async () => {
  await withLlama(async (model) => {
    const name = 'blocks.0.resid_post';
    const plain = await seen(model, name).data();
    const direction = tensor(Float32Array.from({ length: 16 }, (_, i) => i));
    const all = await seen(model, name, steer(name, direction, { scale: -2 })).data();
    const last = await seen(model, name, steer(name, direction, { positions: [-1] })).data();
    for (const [i, x] of plain.entries()) {
      expect(all[i]).toBeCloseTo(x - 2 * (i % 16), 5);
      expect(last[i]).toBeCloseTo(x + (Math.floor(i / 16) % 4 === 3 ? i % 16 : 0), 5);
    }
  });
});

test('a direction can be learned: gradients go through a tap', async () => {
  await withLlama(async (model) => {
    const direction = tensor(Float32Array.from({ length: 16 }, (_, i) => Math.sin(i)), { requiresGrad: true }); // biome-ignore format: one tensor
    const lossOf = (vector: Tensor) => {
      const tap = compose(steer('blocks.0.resid_post', vector, { scale: 2, positions: [1] }), ablateHead({ layer: 1, head: 0 }));
      return crossEntropy(model.forward(ids(rows), { tap }), ids(rows.map((row) => [...row].reverse())));
    };
    const [gradient] = grad(lossOf(direction), [direction]);
    const [slopes, data] = [await gradient!.data(), await direction.data()];
    for (const i of [0, 5, 15]) {
      const at = async (step: number) => noGrad(() => lossOf(tensor(Float32Array.from(data, (x, j) => x + (i === j ? step : 0))))).item(); // biome-ignore format: one line
      // Central differences in float32 of a loss of 3: rounding is some 1e-7 / 2e-2.
      expect(slopes[i]).toBeCloseTo(((await at(1e-2)) - (await at(-1e-2))) / 2e-2, 4);
    }
    direction.dispose();
  });
});

test('several act one after the other, also on weights', async () => {
  await withLlama(async (model) => {
    const names = ['blocks.0.attn.pattern', 'blocks.0.resid_post'];
    const twice = compose(
      replace(names, (x) => mul(x, 2)),
      compose(replace(names[1]!, (x) => mul(x, 3))),
    );
    const got = inspect(model, ids(rows), { names, context: { tap: twice } }).activations;
    const once = inspect(model, ids(rows), { names, context: { tap: replace(names[0]!, (x) => mul(x, 2)) } }).activations;
    expect(await got.get(names[0]!)!.data()).toEqual(await once.get(names[0]!)!.data());
    expect(await got.get(names[1]!)!.data()).toEqual(await mul(once.get(names[1]!)!, 6).data());
  });
});

test('what does not fit is refused, and so is what never came', async () => {
  await withLlama((model) => {
    const run = (tap: ReturnType<typeof replace>) => () => noGrad(() => model.forward(ids(rows), { tap }));
    const names = /expected names of activations, got blocks\.2\.attn\.z; there are blocks\.i\.resid_pre, .*, final, up to blocks\.1/;
    expect(run(ablateHead({ layer: 2, head: 0 }))).toThrow(names);
    expect(
      run(
        compose(
          replace('final', (x) => x),
          ablateHead({ layer: 2, head: 0 }),
        ),
      ),
    ).toThrow(names);
    expect(run(replace(/atn/, (x) => x))).toThrow('replace: expected names of activations, got /atn/');
    expect(run(replace(['final', 'blocks.0.resid_mid'], (x) => x))).toThrow('got blocks.0.resid_mid;');
    expect(run(ablateHead({ layer: 0, head: 4 }))).toThrow('ablateHead: heads of blocks.0.attn.z: expected integers from -4 to 3, got 4');
    expect(run(ablateHead({ layer: 0, head: 0 }, { positions: [4] }))).toThrow(
      'ablateHead: positions of blocks.0.attn.z: expected integers from -4 to 3, got 4',
    );
    expect(run(replace('final', (x) => indexSelect(x, 1, tensor(Int32Array.of(0)))))).toThrow(
      'replace: final: expected float32 [2, 4, 16] in its place, got float32 [2, 1, 16]',
    );
    expect(run(patch('final', tensor([1, 2])))).toThrow('patch: from: expected final of [2, 4, 16], got [2]');
    expect(() => patch('final', new Map())).toThrow('patch: from: expected final in it, got ');
    expect(run(patch('final', zerosLike(tensor(new Float32Array(128), { shape: [2, 4, 16] })), { heads: [0] }))).toThrow(
      'patch: heads: expected an activation [B, H, …], got final of 3 axes',
    );
    expect(run(steer('final', tensor([1, 2])))).toThrow('steer: vector: expected what broadcasts to final, [2, 4, 16], got [2]');
    expect(run(steer('final', tensor([1])))).toThrow(/got \[1\]/);
  });
});

test('of two stacks each is waited for', async () => {
  using _ = scope();
  const model = await modelOf('BartForConditionalGeneration');
  const run = (tap: ReturnType<typeof replace>) => () => noGrad(() => model.forward(...inputsOf('BartForConditionalGeneration'), { tap }));
  run(ablateHead({ layer: 1, head: 0, stack: 'decoder.', kind: 'cross' }))();
  run(replace(/^decoder/, (x) => x))();
  expect(run(ablateHead({ layer: 2, head: 0, stack: 'encoder.' }))).toThrow(/got encoder\.blocks\.2\.attn\.z; .* up to encoder\.blocks\.1/);
  expect(run(ablateHead({ layer: 2, head: 0, stack: 'decoder.' }))).toThrow(
    /got decoder\.blocks\.2\.attn\.z; .* up to encoder\.blocks\.1 and decoder\.blocks\.1/,
  );
  expect(run(ablateHead({ layer: 0, head: 0 }))).toThrow(/got blocks\.0\.attn\.z/);
  expect(run(replace(/^dekoder/, (x) => x))).toThrow(/got \/\^dekoder\//);
  dispose(model);
});

describe('generate', () => {
  const told = async (model: Parameters<typeof generate>[0], prompt: number[][], options: object) => {
    const found: number[][] = [];
    for await (const step of generate(model, prompt, { max_new_tokens: 5, ...options })) found.push([...step.ids]);
    return found;
  };

  it('is steered at every step: with a cache, without one, ahead of a draft', async () => {
    await withLlama(async (model) => {
      // The unembedding of token 11, so that it is what the model says.
      const direction = indexSelect(model.lm_head.weight, 0, tensor(Int32Array.of(11)));
      const names: string[] = [];
      const watch = (name: string, x: Tensor) => void (name === 'blocks.1.resid_post' && names.push(String(x.shape)));
      const tap = compose(steer('final', direction, { scale: 1e4 }), watch);
      const want = new Array(5).fill([11, 11]);
      expect(await told(model, [[5, 9, 7], [2]], { tap })).toEqual(want);
      expect(names).toEqual(['2,3,16', '2,1,16', '2,1,16', '2,1,16', '2,1,16']);
      expect(await told(model, [[5, 9, 7], [2]], { tap, use_cache: false })).toEqual(want);
      expect(await told(model, [[5, 9, 7]], { tap, draft: model })).toEqual(want.map(() => [11]));
      expect(await told(model, [[5, 9, 7], [2]], {})).not.toEqual(want);
      const plain = await told(model, [[5, 9, 7]], {});
      expect(await told(model, [[5, 9, 7]], { tap: replace(/./, (x) => x) })).toEqual(plain);
      await expect(told(model, [[5, 9, 7]], { tap: ablateHead({ layer: 9, head: 0 }) })).rejects.toThrow(/blocks\.9\.attn\.z/);
      const talk = session(model);
      await expect(talk.generate([5, 9], { tap } as object).next()).rejects.toThrow(/tap: expected none in a session/);
      talk.dispose();
    });
  });

  it('shows both stacks of a model that has two', async () => {
    using _ = scope();
    const model = (await modelOf('T5ForConditionalGeneration')) as unknown as Parameters<typeof generate>[0];
    const count = { encoder: 0, decoder: 0 };
    const tap = (name: string) => {
      if (name === 'encoder.final') count.encoder++;
      if (name === 'decoder.final') count.decoder++;
    };
    await told(model, [[5, 9, 7]], { tap, decoder_start_token_id: 0 });
    expect(count).toEqual({ encoder: 1, decoder: 5 });
    dispose(model);
  });
});
