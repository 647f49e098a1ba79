import { attend, KVCache, mergeHeads, splitHeads } from '@multihead/attention';
import { Embedding, LayerNorm, Linear } from '@multihead/layers';
import {
  add,
  arange,
  argmax,
  type Backend,
  dispose,
  gelu,
  keep,
  linear,
  linearQ,
  loadStateDict,
  noGrad,
  type QuantizedWeight,
  scope,
  slice,
  type Tensor,
} from '@multihead/tensor';
import type { Ready } from '../../contest.ts';
import { multihead, onBackend } from '../../peers/multihead.ts';
import { stateOf, type Weights, weightOf } from '../../weights.ts';
import { comparable, type DecoderData, shape } from './data.ts';
import { quantized } from './quantized.ts';

interface Projection {
  forward(x: Tensor, activation?: 'gelu'): Tensor;
}

/** A linear layer whose weight has 8 bits, and whose input is rounded to whole numbers, too. */
class QuantizedLinear implements Projection {
  weight: QuantizedWeight;
  bias: Tensor | null;

  constructor(weight: QuantizedWeight, bias: Tensor | null) {
    this.weight = weight;
    this.bias = bias;
  }

  forward(x: Tensor, activation?: 'gelu'): Tensor {
    const y = linearQ(x, this.weight, this.bias, { dynamic: true });
    return activation ? gelu(y) : y;
  }
}

class Block {
  ln_1 = new LayerNorm(shape.width, { eps: shape.eps });
  attn: Record<'c_attn' | 'c_proj', Projection> = {
    c_attn: new Linear(shape.width, 3 * shape.width),
    c_proj: new Linear(shape.width, shape.width),
  };
  ln_2 = new LayerNorm(shape.width, { eps: shape.eps });
  mlp: Record<'c_fc' | 'c_proj', Projection> = {
    c_fc: new Linear(shape.width, shape.hidden),
    c_proj: new Linear(shape.hidden, shape.width),
  };

  forward(x: Tensor, cache: KVCache): Tensor {
    const qkv = this.attn.c_attn.forward(this.ln_1.forward(x)); // [1, T, 3 E]
    const part = (i: number) => splitHeads(slice(qkv, -1, i * shape.width, (i + 1) * shape.width), shape.heads); // [1, H, T, D]
    const { k, v } = cache.append(part(1), part(2));
    const attended = mergeHeads(attend(part(0), k, v, { causal: 'bottom-right' }));
    const y = add(x, this.attn.c_proj.forward(attended));
    return add(y, this.mlp.c_proj.forward(this.mlp.c_fc.forward(this.ln_2.forward(y), 'gelu')));
  }
}

class Decoder {
  wte = new Embedding(shape.vocabulary, shape.width);
  wpe = new Embedding(shape.positions, shape.width);
  h = Array.from({ length: shape.layers }, () => new Block());
  ln_f = new LayerNorm(shape.width, { eps: shape.eps });
  /** Where the embedding is not the output projection, too. */
  head?: Projection;

  /** The logits [1, 1, V] after the last of the ids [1, T]. */
  forward(ids: Tensor, caches: readonly KVCache[]): Tensor {
    const [from, tokens] = [caches[0]!.length, ids.shape[1]!];
    const positions = arange(from, from + tokens, 1, { backend: ids.backend, dtype: 'int32' });
    const x = add(this.wte.forward(ids), this.wpe.forward(positions));
    const y = this.h.reduce((state, block, i) => block.forward(state, caches[i]!), x);
    const last = this.ln_f.forward(slice(y, 1, tokens - 1, tokens));
    return this.head ? this.head.forward(last) : linear(last, this.wte.weight);
  }

  /** Puts weights of 8 bits in the place of all linear layers, the head among them. */
  quantize(weights: Weights, backend: Backend, group: number): void {
    const layer = (name: string, bias: boolean): QuantizedLinear => {
      const { q, scales, rows, columns } = quantized(weightOf(weights, `${name}.weight`), group);
      const packed = onBackend(backend, new Int32Array(q.buffer), [rows, columns / 4]);
      const weight = { packed, scales: onBackend(backend, scales, [rows, columns / group]), bits: 8, group } as const;
      return new QuantizedLinear(weight, bias ? onBackend(backend, weightOf(weights, `${name}.bias`).data, [rows]) : null);
    };
    for (const [i, { attn, mlp }] of this.h.entries()) {
      dispose({ attn, mlp });
      for (const part of ['c_attn', 'c_proj'] as const) attn[part] = layer(`h.${i}.attn.${part}`, true);
      for (const part of ['c_fc', 'c_proj'] as const) mlp[part] = layer(`h.${i}.mlp.${part}`, true);
    }
    this.head = layer('wte', false);
  }
}

/** With `group`: in 8 bits, so many of which share a scale. */
export async function ours({ weights, prompt }: DecoderData, generated: number, threads: number, group?: number): Promise<Ready> {
  const backend = await multihead(threads);
  const model = new Decoder();
  loadStateDict(model, stateOf(weights));
  if (group) model.quantize(weights, backend, group);
  let caches = newCaches();
  let token = 0;

  const logitsAfter = (ids: Int32Array): Tensor => noGrad(() => model.forward(onBackend(backend, ids, [1, ids.length]), caches));

  async function afterPrompt(): Promise<{ logits: Float32Array; token: number }> {
    using _ = scope();
    const logits = logitsAfter(prompt);
    return { logits: (await logits.data()) as Float32Array, token: await argmax(logits, -1).item() };
  }

  /** The next token. */
  async function step(ids: Int32Array): Promise<number> {
    using _ = scope();
    return argmax(logitsAfter(ids), -1).item();
  }

  const { logits: firstLogits, token: first } = await afterPrompt();
  token = first;
  // What a batch begins with: the keys and values of the prompt.
  const start = caches.map((cache) => keep(cache.view()));

  return {
    repetitions: generated,
    async rewind() {
      for (const cache of caches) cache.dispose();
      caches = newCaches();
      using _ = scope();
      for (const [i, cache] of caches.entries()) cache.append(start[i]!.k, start[i]!.v);
      token = first;
    },
    async run(times) {
      for (let i = 0; i < times; i++) token = await step(Int32Array.of(token));
      return undefined;
    },
    async results() {
      const tokens = [first];
      for (let i = 1; i < generated; i++) tokens.push(await step(Int32Array.of(tokens.at(-1)!)));
      using _ = scope();
      const logits = await logitsAfter(Int32Array.of(tokens.at(-1)!)).data();
      return { first: firstLogits, tokens: comparable(tokens), last: logits };
    },
    close() {
      for (const cache of caches) cache.dispose();
      for (const { k, v } of start) for (const x of [k, v]) x.dispose();
      dispose(model);
      backend.dispose();
    },
  };
}

function newCaches(): KVCache[] {
  return Array.from({ length: shape.layers }, () => new KVCache());
}
