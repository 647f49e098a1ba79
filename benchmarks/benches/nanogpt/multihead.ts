import { attend, mergeHeads, splitHeads } from '@multihead/attention';
import { Embedding, LayerNorm, Linear } from '@multihead/layers';
import {
  add,
  arange,
  crossEntropy,
  dispose,
  linear,
  loadStateDict,
  parameters,
  scope,
  slice,
  stateDict,
  type Tensor,
} from '@multihead/tensor';
import { adamw, clipGradNorm } from '@multihead/train';
import type { Ready } from '../../contest.ts';
import { multihead, onBackend } from '../../peers/multihead.ts';
import { stateOf } from '../../weights.ts';
import { adamOptions, compared, decays, type GptData, gpt } from './data.ts';

class Block {
  ln_1 = new LayerNorm(gpt.width, { bias: false });
  attn = {
    c_attn: new Linear(gpt.width, 3 * gpt.width, { bias: false }),
    c_proj: new Linear(gpt.width, gpt.width, { bias: false }),
  };
  ln_2 = new LayerNorm(gpt.width, { bias: false });
  mlp = {
    c_fc: new Linear(gpt.width, 4 * gpt.width, { bias: false }),
    c_proj: new Linear(4 * gpt.width, gpt.width, { bias: false }),
  };

  forward(x: Tensor): Tensor {
    const qkv = this.attn.c_attn.forward(this.ln_1.forward(x)); // [B, T, 3 E]
    const part = (i: number) => splitHeads(slice(qkv, -1, i * gpt.width, (i + 1) * gpt.width), gpt.heads); // [B, H, T, D]
    const attended = mergeHeads(attend(part(0), part(1), part(2), { causal: true }));
    const y = add(x, this.attn.c_proj.forward(attended));
    return add(y, this.mlp.c_proj.forward(this.mlp.c_fc.forward(this.ln_2.forward(y), 'gelu')));
  }
}

class Gpt {
  wte = new Embedding(gpt.vocabulary, gpt.width);
  wpe = new Embedding(gpt.tokens, gpt.width);
  h = Array.from({ length: gpt.layers }, () => new Block());
  ln_f = new LayerNorm(gpt.width, { bias: false });

  /** Logits [B, T, V] of ids [B, T]. */
  forward(ids: Tensor): Tensor {
    const positions = arange(0, ids.shape[1]!, 1, { backend: ids.backend, dtype: 'int32' });
    const x = add(this.wte.forward(ids), this.wpe.forward(positions));
    const y = this.h.reduce((state, block) => block.forward(state), x);
    return linear(this.ln_f.forward(y), this.wte.weight);
  }
}

export async function ours({ weights, batch }: GptData, threads: number): Promise<Ready> {
  const backend = await multihead(threads);
  const model = new Gpt();
  loadStateDict(model, stateOf(weights));
  const { lr, beta1, beta2, eps, weightDecay, clip } = adamOptions;
  const isDecayed = decays(weights);
  const named = [...stateDict(model)];
  const optimizers = [weightDecay, 0].map((decay) =>
    adamw(
      named.filter(([name]) => isDecayed(name) === decay > 0).map(([, parameter]) => parameter),
      { lr, betas: [beta1, beta2], eps, weightDecay: decay },
    ),
  );
  let taken = 0;

  async function step(): Promise<number> {
    using _ = scope();
    const { ids, targets } = batch(taken++);
    const on = (data: Int32Array) => onBackend(backend, data, [gpt.batch, gpt.tokens]);
    const loss = crossEntropy(model.forward(on(ids)), on(targets));
    loss.backward();
    clipGradNorm(parameters(model), clip);
    for (const optimizer of optimizers) optimizer.step();
    return loss.item();
  }

  return {
    async run(times) {
      for (let i = 0; i < times; i++) await step();
      return undefined;
    },
    async results() {
      const losses: number[] = [];
      for (let i = 0; i < compared; i++) losses.push(await step());
      return { losses };
    },
    close() {
      for (const optimizer of optimizers) optimizer.dispose();
      dispose(model);
      backend.dispose();
    },
  };
}
