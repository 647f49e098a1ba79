import type { Ready } from '../../contest.ts';
import { jaxTraining } from '../../peers/jax-trainer.ts';
import { adamOptions, compared, decays, type GptData, gpt } from './data.ts';

export function byJax({ weights, batch }: GptData, threads: number): Promise<Ready> {
  const { heads, layers, width, tokens } = gpt;
  return jaxTraining(
    {
      weights,
      compared,
      adam: { ...adamOptions, decays: decays(weights) },
      batch(step) {
        const shape = [gpt.batch, tokens];
        const { ids, targets } = batch(step);
        return { ids: { shape, data: ids }, targets: { shape, data: targets } };
      },
      loss({ linear, layerNorm, attend, crossEntropy }, { numpy: np, nn, tree }, parameters, data) {
        const p = (name: string) => parameters[`${name}.weight`]!.ref;
        let x = np.take(p('wte'), data.ids!, 0).add(p('wpe')); // [B, T, E]
        for (let i = 0; i < layers; i++) {
          const qkv = linear(layerNorm(x.ref, p(`h.${i}.ln_1`)), p(`h.${i}.attn.c_attn`)); // [B, T, 3 E]
          const part = (at: number) => qkv.ref.slice([], [], [at * width, (at + 1) * width]);
          const [q, k, v] = [part(0), part(1), part(2)];
          qkv.dispose();
          x = x.add(linear(attend(q, k, v, heads, { isCausal: true }), p(`h.${i}.attn.c_proj`)));
          const hidden = nn.gelu(linear(layerNorm(x.ref, p(`h.${i}.ln_2`)), p(`h.${i}.mlp.c_fc`)), { approximate: false });
          x = x.add(linear(hidden, p(`h.${i}.mlp.c_proj`)));
        }
        const logits = linear(layerNorm(x, p('ln_f')), p('wte'));
        tree.dispose(parameters);
        return crossEntropy(logits, data.targets!);
      },
    },
    threads,
  );
}
