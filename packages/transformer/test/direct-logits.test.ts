import { dispose, scope, stateDict, type Tensor } from '@multihead/tensor';
import { ablateHead, directLogits, inspect } from '@multihead/transformer/inspect';
import type { GPT2LMHeadModel } from '@multihead/transformer/gpt2';
import type { LlamaForCausalLM } from '@multihead/transformer/llama';
import { describe, expect, it, test } from 'vitest';
import { type AnyModel, modelOf } from './architectures.js';
import { ids, inputsOf } from './tiny.js';

/* What each part adds to a logit: against the formula where it is simple, and in sum everywhere. */

/** Weights of order 1, and biases and norms that are not 0 and 1. */
async function wild(name: string): Promise<AnyModel> {
  const model = await modelOf(name);
  let seed = 1;
  for (const t of new Set(stateDict(model).values())) {
    const data = await t.data();
    const noise = () => {
      seed += 1.7;
      return Math.sin(seed) * 0.3;
    };
    t.backend.write(
      t.buffer,
      Float32Array.from(data, (x) => (t.rank > 1 && !name.startsWith('T5') ? 10 * x : x + noise())),
    );
  }
  return model;
}

const names = ['LlamaForCausalLM', 'GPT2LMHeadModel', 'GPTNeoXForCausalLM', 'OPTForCausalLM', 'PhiForCausalLM', 'MixtralForCausalLM', 'Gemma2ForCausalLM', 'Gemma3ForCausalLM', 'T5ForConditionalGeneration', 'M2M100ForConditionalGeneration', 'WhisperForConditionalGeneration']; // biome-ignore format: one list

describe.each(names)('%s', (name) => {
  it('parts and bias sum to the logit, of each sample', async () => {
    using _ = scope();
    const model = await wild(name);
    const target = { id: [3, 11], position: -2 };
    const { parts, bias, value } = await directLogits(model as never, inputsOf(name), { target });
    const { output } = inspect(model as never, inputsOf(name), { names: /final$/ }) as { output: Tensor };
    const said = await output.data();
    const [, tokens, width] = output.shape as [number, number, number];
    for (const [b, id] of [3, 11].entries()) {
      expect(value[b]).toBeCloseTo(said[(b * tokens + tokens - 2) * width + id]!, 4);
      const total = parts.reduce((all, { scores }) => all + scores[b]!, bias[b]!);
      expect(Math.abs(total - value[b]!)).toBeLessThan(2e-4 * (1 + parts.reduce((all, { scores }) => all + Math.abs(scores[b]!), 0)));
    }
    // Behind a second norm heads are not told apart.
    const ofHeads = parts.filter(({ head }) => head !== null).length;
    if (/^Gemma[23]/.test(name)) expect(ofHeads).toBe(0);
    else expect(ofHeads).toBeGreaterThanOrEqual(2 * 2);
    dispose(model);
  });
});

test('of a Llama they are the norm’s scale times its weight times the unembedding, along each part', async () => {
  using _ = scope();
  const model = (await wild('LlamaForCausalLM')) as unknown as LlamaForCausalLM;
  const text = ids([[5, 9, 7, 3]]);
  const { activations } = inspect(model, text);
  const row = async (name: string) => Array.from(await activations.get(name)!.data()).slice(3 * 16, 4 * 16);
  const x = await row('blocks.1.resid_post');
  const rms = Math.sqrt(x.reduce((all, n) => all + n * n, 0) / 16 + model.config.rms_norm_eps);
  const [gamma, unembed] = [await model.model.norm.weight.data(), await model.lm_head.weight.data()];
  const direction = x.map((_n, i) => (gamma[i]! * unembed[7 * 16 + i]!) / rms);
  const { parts } = await directLogits(model, text, { target: { id: 7 } });
  expect(parts.map(({ name, head }) => `${name} ${head ?? ''}`.trim())).toEqual([
    'blocks.0.resid_pre',
    ...[0, 1].flatMap((i) => [...[0, 1, 2, 3].map((head) => `blocks.${i}.attn.z ${head}`), `blocks.${i}.mlp_out`]),
  ]);
  for (const name of ['blocks.0.resid_pre', 'blocks.0.mlp_out', 'blocks.1.mlp_out']) {
    const part = await row(name);
    const want = part.reduce((all, n, i) => all + n * direction[i]!, 0);
    expect(parts.find((one) => one.name === name)!.scores[0]).toBeCloseTo(want, 3);
  }
  // A head's part is what attention gives with it and without it.
  const without = inspect(model, text, { names: 'blocks.1.attn_out', context: { tap: ablateHead({ layer: 1, head: 2 }) } }).activations;
  const rest = Array.from(await without.get('blocks.1.attn_out')!.data()).slice(3 * 16);
  const want = (await row('blocks.1.attn_out')).reduce((all, n, i) => all + (n - rest[i]!) * direction[i]!, 0);
  expect(parts.find(({ name, head }) => name === 'blocks.1.attn.z' && head === 2)!.scores[0]).toBeCloseTo(want, 3);
  dispose(model);
});

test('of a GPT-2 the norm reads no mean, and its bias is no part', async () => {
  using _ = scope();
  const model = (await wild('GPT2LMHeadModel')) as unknown as GPT2LMHeadModel;
  const text = ids([[5, 9, 7]]);
  const { activations } = inspect(model, text);
  const row = async (name: string) => Array.from(await activations.get(name)!.data()).slice(2 * 16);
  const meanOf = (x: number[]) => x.reduce((all, n) => all + n, 0) / 16;
  const centred = (x: number[]) => x.map((n) => n - meanOf(x));
  const x = centred(await row('blocks.1.resid_post'));
  const deviation = Math.sqrt(meanOf(x.map((n) => n * n)) + model.config.layer_norm_epsilon);
  const { ln_f, wte } = model.transformer;
  const [gamma, beta, unembed] = [await ln_f.weight!.data(), await ln_f.bias!.data(), await wte.weight.data()];
  const { parts, bias } = await directLogits(model, text, { target: { id: 7 } });
  for (const name of ['blocks.0.resid_pre', 'blocks.1.mlp_out']) {
    const want = centred(await row(name)).reduce((all, n, i) => all + (n * gamma[i]! * unembed[7 * 16 + i]!) / deviation, 0);
    expect(parts.find((one) => one.name === name)!.scores[0]).toBeCloseTo(want, 3);
  }
  expect(bias[0]).toBeCloseTo(
    Array.from(beta).reduce((all, n, i) => all + n * unembed[7 * 16 + i]!, 0),
    4,
  );
  expect(parts.filter(({ name, head }) => name === 'blocks.0.attn_out' && head === null)).toHaveLength(1); // what its projection adds by itself
  dispose(model);
});

test('models whose blocks put norms on the stream are refused, and so are heads that read no single token', async () => {
  using _ = scope();
  for (const [name, message] of [
    ['BertForMaskedLM', /directLogits: model: expected blocks that add their parts to the stream/],
    ['ViTForImageClassification', /directLogits: model: expected logits of each token, \[B, T, V\], got/],
  ] as const) {
    // biome-ignore format: pairs
    const model = await wild(name);
    await expect(directLogits(model as never, inputsOf(name), { target: { id: 1 } })).rejects.toThrow(message);
    dispose(model);
  }
});
