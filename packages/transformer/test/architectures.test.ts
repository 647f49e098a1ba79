import { concat, dispose, keep, noGrad, Rng, scope, slice, Tensor, tidy } from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import { expect, test } from 'vitest';
import { configs, ids, inputsOf, typeOf } from './tiny.js';

/* What holds for every architecture, whatever it computes: the numbers themselves are those of conformance/hf. */

interface AnyModel {
  forward(...inputs: unknown[]): Tensor | Record<string, Tensor>;
  cache?(): ({ dispose(): void } | { self: { dispose(): void }; memory: { dispose(): void } })[];
  encode?(x: unknown): Tensor;
  decode?(target: Tensor, memory: Tensor, ctx: object): Tensor;
}

async function modelOf(name: string): Promise<AnyModel> {
  const Model = await auto.choose({ architectures: [name] });
  return new Model(Model.readConfig(configs[typeOf(name)]) as never, { rng: new Rng(3) }) as unknown as AnyModel;
}

async function read(result: Tensor | Record<string, Tensor>): Promise<number[][]> {
  const tensors = result instanceof Tensor ? [result] : Object.values(result);
  return Promise.all(tensors.map(async (x) => Array.from(await x.data())));
}

const forward = (model: AnyModel, name: string, ctx: object = {}) => noGrad(() => model.forward(...inputsOf(name), ctx));

test.each(auto.names())(
  '%s: finite numbers; a tap sees every block and changes nothing; dropout acts with an rng, always alike',
  async (name) => {
    using _ = scope();
    const model = await modelOf(name);
    const seen: string[] = [];
    const plain = await read(forward(model, name));
    expect(plain.flat().every(Number.isFinite)).toBe(true);
    expect(await read(forward(model, name, { tap: (activation: string) => void seen.push(activation) }))).toEqual(plain);
    for (const end of ['.resid_pre', '.attn.q', '.attn.pattern', '.attn.z', '.attn_out', '.mlp_out', '.resid_post', 'final']) {
      expect(seen.filter((activation) => activation.endsWith(end)).length).toBeGreaterThan(0);
    }
    expect(new Set(seen).size).toBe(seen.length);
    const dropped = await read(forward(model, name, { rng: new Rng(1) }));
    expect(await read(forward(model, name, { rng: new Rng(1) }))).toEqual(dropped);
    if (drops(model)) expect(dropped).not.toEqual(plain);
    dispose(model);
  },
);

/** Whether its config has a share of dropout above 0, besides that of heads. */
function drops(model: AnyModel): boolean {
  const { config } = model as unknown as { config: Record<string, unknown> };
  const names = ['dropout', 'dropout_rate', 'resid_pdrop', 'embd_pdrop', 'hidden_dropout_prob', 'hidden_dropout', 'attention_dropout'];
  return names.some((key) => typeof config[key] === 'number' && config[key] > 0);
}

const causal = auto.names().filter((name) => /(ForCausalLM|LMHeadModel)$/.test(name));

test.each(causal)('%s: token by token with a cache as all at once, left padding or not', async (name) => {
  using _ = scope();
  const model = await modelOf(name);
  const rows = [
    [5, 9, 7, 3, 12, 4, 8, 8],
    [0, 0, 11, 8, 2, 19, 3, 7],
  ];
  const real = rows.map((_, b) => rows[b]!.map((__, t) => (b === 1 && t < 2 ? 0 : 1)));
  const places = [
    [0, 1, 2, 3, 4, 5, 6, 7],
    [0, 0, 0, 1, 2, 3, 4, 5],
  ];
  const whole = noGrad(() => model.forward(ids(rows), { mask: ids(real), positions: places })) as Tensor;
  const cache = model.cache!();
  const steps = [[0, 3], [3, 4], [4, 7], [7, 8]] as const; // biome-ignore format: pairs
  const parts = steps.map(([from, to]) =>
    keep(
      tidy(() =>
        noGrad(
          () =>
            model.forward(ids(rows.map((row) => row.slice(from, to))), {
              cache,
              mask: ids(real.map((row) => row.slice(0, to))),
              positions: places.map((row) => row.slice(from, to)),
            }) as Tensor,
        ),
      ),
    ),
  );
  const joined = concat(parts, 1);
  const [got, want] = [await slice(joined, 1, 2).data(), await slice(whole, 1, 2).data()];
  expect(Math.max(...got.map((x, i) => Math.abs(x - want[i]!)))).toBeLessThan(1e-5);
  for (const one of [...parts, ...(cache as { dispose(): void }[])]) one.dispose();
  dispose(model);
});

const stacked = auto.names().filter((name) => /(ForConditionalGeneration|MTModel)$/.test(name));

test.each(stacked)('%s: token by token with a cache as all at once', async (name) => {
  using _ = scope();
  const model = await modelOf(name);
  const [source, target] = inputsOf(name) as [Tensor, Tensor];
  const whole = noGrad(() => model.forward(source, target)) as Tensor;
  const memory = noGrad(() => model.encode!(source));
  const cache = model.cache!() as { self: { dispose(): void }; memory: { dispose(): void } }[];
  const parts = [[0, 2], [2, 3], [3, 5]].map(([from, to]) => keep(noGrad(() => model.decode!(slice(target, 1, from!, to!), memory, { cache })))); // biome-ignore format: one line
  const [got, want] = [await concat(parts, 1).data(), await whole.data()];
  expect(Math.max(...got.map((x, i) => Math.abs(x - want[i]!)))).toBeLessThan(1e-5);
  for (const one of [...parts, ...cache.flatMap(({ self, memory: read }) => [self, read])]) one.dispose();
  dispose(model);
});
