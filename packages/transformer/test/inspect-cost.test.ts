import { wasm } from '@multihead/kernels-wasm';
import {
  type Backend,
  cpu,
  dispose,
  getBackend,
  indexSelect,
  memory,
  mul,
  noGrad,
  resetPeakMemory,
  Rng,
  scope,
  setBackend,
  type Tensor,
  tensor,
  tidy,
  zeros,
} from '@multihead/tensor';
import { ablateHead, compose, type Inspection, inspect, patch, replace, steer, type Tap } from '@multihead/transformer/inspect';
import { LlamaForCausalLM, readLlamaConfig } from '@multihead/transformer/llama';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configs } from './tiny.js';

/* What a look costs: nothing where there is none, and what is asked for where there is one, whichever kernel computes. */

const backends: Record<string, () => Backend | Promise<Backend>> = {
  cpu: () => cpu(),
  'wasm, one thread': () => wasm(),
  'wasm, two threads': () => wasm({ threads: 2 }),
};

describe.each(Object.entries(backends))('on %s', (name, make) => {
  let backend: Backend;
  let calls: string[];
  const before = getBackend();
  beforeAll(async () => {
    calls = [];
    backend = counted(await make(), (call) => calls.push(call));
    setBackend(backend);
  });
  afterAll(() => {
    setBackend(before);
    backend.dispose();
  });

  const modelOf = (config: object) => new LlamaForCausalLM(readLlamaConfig({ ...configs.llama, ...config }), { rng: new Rng(3) });
  const text = (length: number) =>
    tensor(
      Int32Array.from({ length }, (_, i) => (7 * i) % 20),
      { shape: [1, length] },
    );

  it('a tap that does not ask for weights makes no kernel run, and no buffer', async () => {
    using _ = scope();
    const model = modelOf({});
    const count = (run: () => unknown) => {
      calls.length = 0;
      tidy(() => noGrad(() => void run()));
      return [...calls];
    };
    count(() => model.forward(text(8)));
    const plain = count(() => model.forward(text(8)));
    expect(count(() => inspect(model, text(8), { hidden: true, names: 'blocks.1.attn.z' }))).toEqual(plain);
    const steered = count(() => model.forward(text(8), { tap: steer('blocks.1.resid_post', zeros([16])) }));
    expect(steered.length).toBeGreaterThan(plain.length);
    expect(count(() => inspect(model, text(8), { attention: true })).length).toBeGreaterThan(plain.length);
    dispose(model);
  });

  it('what is given back as it was gives the same bits, and a clean run’s states restore its answer', async () => {
    using _ = scope();
    const model = modelOf({});
    const answerOf = async (ids: Tensor, tap?: Tap) => noGrad(() => model.forward(ids, { tap })).data();
    const [clean, other] = [text(8), tensor(Int32Array.from({ length: 8 }, (_, i) => 19 - i), { shape: [1, 8] })]; // biome-ignore format: two texts
    const { activations } = inspect(model, clean);
    const want = await answerOf(clean);
    expect(
      await answerOf(
        clean,
        replace(/./, (x) => x),
      ),
    ).toEqual(want);
    const states = [...activations.keys()].filter((one) => /resid_p/.test(one));
    expect(await answerOf(other)).not.toEqual(want);
    expect(await answerOf(other, patch(states, activations))).toEqual(want);
    // Weights in place of others go through a plain product, which rounds otherwise than a kernel of its own.
    const patterns = [...activations.keys()].filter((one) => /pattern$/.test(one));
    const same = await answerOf(clean, patch(patterns, activations));
    expect(same).toBeAllclose(want, { rtol: 1e-4, atol: 1e-6 });
    const gone = await answerOf(clean, compose(ablateHead({ layer: 0, head: [0, 1, 2, 3] }), ablateHead({ layer: 1, head: [0, 1, 2, 3] })));
    expect(gone).toEqual(
      await answerOf(
        clean,
        replace(/attn_out$/, (x) => mul(x, 0)),
      ),
    );
    dispose(model);
  });

  it('a look at everything keeps the weights of each layer, and what one of them takes to be made', () => {
    using _ = scope();
    const model = modelOf({ num_hidden_layers: 6, max_position_embeddings: 256 });
    const ids = text(256);
    const peakOf = (run: () => void) => {
      const { bytes } = memory();
      resetPeakMemory();
      tidy(run);
      return memory().peakBytes - bytes;
    };
    const run = (options: object) => () => void inspect(model, ids, options);
    const map = 4 * 256 * 256 * 4; // bytes of one layer's
    peakOf(run({ hidden: true }));
    expect(peakOf(run({ attention: true })) - peakOf(run({ hidden: true }))).toBeLessThan((6 + 7) * map);
    dispose(model);
  });

  // The reference makes all weights of a call for its output: it has no kernel that could do without.
  if (name === 'cpu') return;
  it('three queries of two heads of 4,096 tokens never make the whole, and the output is the same bits', async () => {
    using _ = scope();
    const model = modelOf({ max_position_embeddings: 4096, num_hidden_layers: 1 });
    const ids = text(4096);
    const plain = noGrad(() => model.forward(ids));
    const peakOf = (run: () => void) => {
      const { bytes } = memory();
      resetPeakMemory();
      run();
      return memory().peakBytes - bytes;
    };
    const without = peakOf(() => tidy(() => noGrad(() => void model.forward(ids))));
    const found: Inspection<Tensor>[] = [];
    const withLook = peakOf(() => found.push(inspect(model, ids, { attention: { heads: [0, 3] }, queries: [-1, 17, 2000] })));
    const { output, activations } = found[0]!;
    expect(await output.data()).toEqual(await plain.data());
    const weights = activations.get('blocks.0.attn.pattern')!;
    expect(weights.shape).toEqual([1, 2, 3, 4096]);
    expect(without).toBeLessThan(2 ** 26);
    // All weights of the layer would be 4 · 4096 · 4096 · 4 bytes, 268 MB; the look takes keys of two heads, a mask of three rows, and the rows.
    expect(withLook - without).toBeLessThan(2 ** 21);
    // Of 40 tokens the same, beside the whole.
    const short = text(40);
    const whole = inspect(model, short, { names: 'blocks.0.attn.pattern' }).activations.get('blocks.0.attn.pattern')!;
    const some = inspect(model, short, { attention: { heads: [0, 3] }, queries: [39, 17] }).activations.get('blocks.0.attn.pattern')!;
    const want = indexSelect(indexSelect(whole, 1, tensor(Int32Array.of(0, 3))), 2, tensor(Int32Array.of(39, 17)));
    expect(await some.data()).toBeAllclose(await want.data());
    dispose(model);
  });
});

/** The same backend, which tells of every kernel that it runs and of every buffer that it is asked for. */
function counted(backend: Backend, tell: (name: string) => void): Backend {
  const watched = (group: object) =>
    Object.fromEntries(
      Object.entries(group).map(([name, kernel]: [string, (...args: unknown[]) => unknown]) => [
        name,
        (...args: unknown[]) => {
          tell(name);
          return kernel(...args);
        },
      ]),
    );
  const groups: Record<PropertyKey, unknown> = { kernels: watched(backend.kernels), fused: watched(backend.fused) };
  return new Proxy(backend, {
    get: (target, key) => {
      if (key === 'alloc') tell('alloc');
      const value = groups[key] ?? Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
