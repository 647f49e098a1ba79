import { dispose, mul, noGrad, onesLike, Rng, scope, type Tensor, zerosLike } from '@multihead/tensor';
import { LlamaForCausalLM, readLlamaConfig } from '@multihead/transformer/llama';
import { expect, test } from 'vitest';
import { configs, ids } from './tiny.js';

/* Looking inside, and changing what goes on there. */

async function withModel(use: (model: LlamaForCausalLM) => Promise<void>): Promise<void> {
  using _ = scope();
  const model = new LlamaForCausalLM(readLlamaConfig(configs.llama), { rng: new Rng(3) });
  await use(model);
  dispose(model);
}

async function logits(model: LlamaForCausalLM, changes: Record<string, (x: Tensor) => Tensor | void> = {}): Promise<number[]> {
  const tap = (name: string, x: Tensor) => changes[name]?.(x);
  return Array.from(await noGrad(() => model.forward(ids([[5, 9, 7, 3]]), { tap })).data());
}

test('what is given back as it was changes nothing; what is left out is missed', async () => {
  await withModel(async (model) => {
    const plain = await logits(model);
    const names = [
      'blocks.0.resid_pre',
      'blocks.0.attn_out',
      'blocks.1.mlp_out',
      'blocks.0.attn.v',
      'blocks.1.attn.k',
      'blocks.1.attn.z',
      'final',
    ];
    expect(await logits(model, Object.fromEntries(names.map((name) => [name, (x: Tensor) => x])))).toEqual(plain);
    for (const name of names) expect(await logits(model, { [name]: (x) => zerosLike(x) })).not.toEqual(plain);
  });
});

test('attention reads by the weights that take the place of its own', async () => {
  await withModel(async (model) => {
    const seen = new Map<string, Tensor>();
    const keep = (name: string) => ({ [name]: (x: Tensor) => void seen.set(name, x) });
    const uniform = (x: Tensor) => mul(onesLike(x), 1 / x.shape[3]!);
    await logits(model, { ...keep('blocks.0.attn.v'), 'blocks.0.attn.pattern': uniform, ...keep('blocks.0.attn.z') });
    const v = await seen.get('blocks.0.attn.v')!.data(); // [1, 2, 4, 4]: two heads of values for four of queries
    const z = await seen.get('blocks.0.attn.z')!.data(); // [1, 4, 4, 4]
    for (const [i, read] of z.entries()) {
      const [head, dim] = [Math.floor(i / 16), i % 4];
      const mean = [0, 1, 2, 3].reduce((sum, token) => sum + v[Math.floor(head / 2) * 16 + token * 4 + dim]! / 4, 0);
      expect(read).toBeCloseTo(mean, 6);
    }
  });
});

test('gradients go through what takes an activation’s place', async () => {
  await withModel(async (model) => {
    const tap = (name: string, x: Tensor) => (name === 'blocks.1.resid_pre' ? mul(x, 2) : undefined);
    const sum = mul(model.forward(ids([[5, 9]]), { tap }), 1);
    sum.backward(onesLike(sum));
    const grad = await model.model.embed_tokens.weight.grad!.data();
    expect(grad.some((g) => g !== 0)).toBe(true);
  });
});
