import { KVCache } from '@multihead/attention';
import {
  crossEntropy,
  liveTensors,
  parameters,
  relu,
  Rng,
  randn,
  scope,
  slice,
  stateDict,
  add,
  sum,
  tensor,
  concat,
  mul,
  ValueError,
} from '@multihead/tensor';
import type {} from '@multihead/tensor/testing';
import { Seq2Seq, Transformer, TransformerDecoderLayer, TransformerEncoderLayer } from '@multihead/transformer/seq2seq';
import { describe, expect, it } from 'vitest';
import torch from './fixtures/torch-transformer.json' with { type: 'json' };
import { bos, dispose, ids, pad, tiny, wild } from './models.js';

const random = (shape: number[], seed = 1) => randn(shape, { rng: new Rng(seed) });

describe('parameters', () => {
  it('have the names and shapes of torch.nn.Transformer, in its order', () => {
    const { d_model, nhead, num_encoder_layers, num_decoder_layers, dim_feedforward } = torch.constructor;
    const model = new Transformer({ d_model, nhead, num_encoder_layers, num_decoder_layers, dim_feedforward });
    const own = [...stateDict(model)].map(([name, t]) => [name, [...t.shape]]);
    expect(own).toEqual(Object.entries(torch.parameters));
    dispose(model);
  });

  it('tie the output to the target embedding, and both embeddings when asked', () => {
    const names = (model: Seq2Seq) => [...stateDict(model).keys()].filter((name) => !name.startsWith('transformer.'));
    const tied = new Seq2Seq(tiny);
    expect(names(tied)).toEqual(['src_embedding.weight', 'tgt_embedding.weight', 'generator.weight']);
    expect(tied.generator.weight).toBe(tied.tgt_embedding.weight);
    const shared = new Seq2Seq({ ...tiny, src_vocab_size: 5, share_embeddings: true });
    expect(shared.src_embedding.weight).toBe(shared.generator.weight);
    const apart = new Seq2Seq({ ...tiny, tie_embeddings: false });
    expect(apart.generator.weight).not.toBe(apart.tgt_embedding.weight);
    expect(() => new Seq2Seq({ ...tiny, share_embeddings: true })).toThrow(/share_embeddings: expected one vocabulary size, got 7 and 5/);
    dispose(tied, shared, apart);
  });

  it('all train, and a step leaves nothing behind', () => {
    const model = new Seq2Seq(tiny, { rng: new Rng(1) });
    for (const p of parameters(model)) p.buffer; // first use
    const before = liveTensors();
    {
      using _ = scope();
      crossEntropy(model.forward(ids([3, 4, 5]), ids([bos, 3, 4]), { rng: new Rng(2) }), ids([3, 4, 2])).backward();
    }
    for (const [name, p] of stateDict(model)) expect(p.grad?.shape, name).toEqual(p.shape);
    expect(liveTensors()).toBe(before + parameters(model).length);
    dispose(model);
  });

  it('the same seed gives the same model and the same dropout; without an rng there is none', async () => {
    using _ = scope();
    const config = { ...tiny, dropout: 0.3 };
    const make = () => new Seq2Seq(config, { rng: new Rng(5) });
    const [a, b] = [make(), make()];
    const run = (model: Seq2Seq, rng?: Rng) => model.forward(ids([3, 4]), ids([bos, 3]), { rng }).data();
    expect(await run(a)).toEqual(await run(b));
    expect(await run(a, new Rng(1))).toEqual(await run(b, new Rng(1)));
    expect(await run(a, new Rng(1))).not.toEqual(await run(a));
    dispose(a, b);
  });
});

describe('layers', () => {
  it('post-norm is norm(x + f(x)), pre-norm x + f(norm(x))', async () => {
    using _ = scope();
    const x = random([2, 3, 16]);
    for (const norm_first of [false, true]) {
      const layer = new TransformerEncoderLayer({ ...tiny, norm_first }, { rng: new Rng(1) });
      const feedForward = (t: typeof x) => layer.linear2.forward(relu(layer.linear1.forward(t)));
      const around = norm_first
        ? (t: typeof x, norm: typeof layer.norm1, f: (t: typeof x) => typeof x) => add(t, f(norm.forward(t)))
        : (t: typeof x, norm: typeof layer.norm1, f: (t: typeof x) => typeof x) => norm.forward(add(t, f(t)));
      const attended = around(x, layer.norm1, (t) => layer.self_attn.forward(t));
      expect(await layer.forward(x).data()).toBeAllclose(await around(attended, layer.norm2, feedForward).data());
      dispose(layer);
    }
  });

  it('a decoder layer looks at the memory, and at itself causally when asked', async () => {
    using _ = scope();
    const layer = new TransformerDecoderLayer(tiny, { rng: new Rng(1) });
    const [tgt, memory] = [random([1, 4, 16]), random([1, 5, 16], 2)];
    const changed = concat([slice(tgt, 1, 0, 3), mul(slice(tgt, 1, 3), -1)], 1);
    const first = async (x: typeof tgt, causal: boolean) => slice(layer.forward(x, memory, { causal }), 1, 0, 3).data();
    expect(await first(tgt, true)).toEqual(await first(changed, true));
    expect(await first(tgt, false)).not.toEqual(await first(changed, false));
    expect(await layer.forward(tgt, mul(memory, 2)).data()).not.toBeAllclose(await layer.forward(tgt, memory).data());
    dispose(layer);
  });

  it('have no biases, another epsilon, another activation, no last norm, where the config says so', async () => {
    using _ = scope();
    const plain = new Transformer({ ...tiny, bias: false, final_norm: false });
    expect([...stateDict(plain).keys()].filter((name) => name.includes('bias') || /coder\.norm/.test(name))).toEqual([]);
    const [a, b] = [{}, { activation: 'gelu' as const }].map(
      (extra) => new TransformerEncoderLayer({ ...tiny, ...extra }, { rng: new Rng(1) }),
    );
    const x = random([1, 2, 16]);
    expect(await a!.forward(x).data()).not.toBeAllclose(await b!.forward(x).data());
    dispose(plain, a!, b!);
  });
});

describe('what a position may depend on', () => {
  it('logits at t do not depend on later target tokens', async () => {
    using _ = scope();
    const model = await wild();
    const source = ids([3, 4, 5]);
    const [a, b] = [model.forward(source, ids([bos, 3, 4, 3])), model.forward(source, ids([bos, 3, 4, 4]))];
    expect(await slice(a, 1, 0, 3).data()).toEqual(await slice(b, 1, 0, 3).data());
    expect(await slice(a, 1, 3).data()).not.toEqual(await slice(b, 1, 3).data());
    dispose(model);
  });

  it('nor on how much padding there is', async () => {
    using _ = scope();
    const model = await wild();
    const target = ids([bos, 3, 4]);
    const alone = await model.forward(ids([3, 4]), target).data();
    expect(await model.forward(ids([3, 4, pad, pad, pad]), target).data()).toBeAllclose(alone);
    const batch = model.forward(ids([3, 4], [6, 5, 4, 3]), ids([bos, 3, 4], [bos, 4, 4]));
    expect(await slice(batch, 0, 0, 1).data()).toBeAllclose(alone);
    dispose(model);
  });

  it('nor on what stands in padded places', async () => {
    using _ = scope();
    const model = new Transformer({ ...tiny, norm_first: false }, { rng: new Rng(1) });
    const [src, tgt] = [random([1, 4, 16]), random([1, 3, 16], 2)];
    const mask = tensor([true, true, false, false]);
    const ctx = { encoder: { mask }, decoder: { memoryMask: mask, causal: true } };
    const changed = concat([slice(src, 1, 0, 2), mul(slice(src, 1, 2), 7)], 1);
    expect(await model.forward(changed, tgt, ctx).data()).toEqual(await model.forward(src, tgt, ctx).data());
    dispose(model);
  });

  it('a source of padding alone is finite', async () => {
    using _ = scope();
    const model = await wild();
    const logits = await model.forward(ids([pad, pad]), ids([bos, 3])).data();
    expect(logits.every(Number.isFinite)).toBe(true);
    dispose(model);
  });

  it('nor does one in a batch poison the gradients', async () => {
    using _ = scope();
    const model = new Seq2Seq(tiny, { rng: new Rng(1) });
    const target = ids([bos, 3, 4], [bos, pad, pad], [bos, 4, pad]);
    const logits = model.forward(ids([3, 4, 5], [pad, pad, pad], [6, pad, pad]), target);
    crossEntropy(logits, ids([3, 4, 2], [pad, pad, pad], [4, 2, pad]), { ignoreIndex: pad }).backward();
    for (const [name, p] of stateDict(model)) expect((await p.grad!.data()).every(Number.isFinite), name).toBe(true);
    dispose(model);
  });
});

describe('decoding with a cache', () => {
  for (const norm_first of [true, false]) {
    it(`equals one forward pass (${norm_first ? 'pre' : 'post'}-norm)`, async () => {
      using _ = scope();
      const model = await wild({ norm_first });
      const [source, target] = [ids([3, 4, 5], [6, 3]), [[bos, 3, 4, 3, 3, 4], [bos, 4, 4, 3, 4, 4]]]; // biome-ignore format: one line
      const full = model.forward(source, ids(...target));
      const [memory, memoryMask] = [model.encode(source), model.paddingMask(source)];
      const cache = model.cache();
      for (const [from, to] of [
        [0, 2],
        [2, 3],
        [3, 4],
        [4, 6],
      ] as const) {
        // biome-ignore format: pieces
        const piece = ids(...target.map((row) => row.slice(from, to)));
        const logits = model.decode(piece, memory, { memoryMask, cache });
        expect(await logits.data()).toBeAllclose(await slice(full, 1, from, to).data(), { atol: 1e-5 });
      }
      for (const layer of cache) for (const part of [layer.self, layer.memory]) part.dispose();
      dispose(model);
    });
  }

  it('projects the memory once', async () => {
    using _ = scope();
    const model = await wild();
    const memory = model.encode(ids([3, 4, 5]));
    const cache = model.cache();
    expect(cache[0]!.memory).toBeInstanceOf(KVCache);
    for (const token of [bos, 3, 4]) model.decode(ids([token]), memory, { cache });
    expect(cache.map((layer) => [layer.self.length, layer.memory.length])).toEqual([[3, 3], [3, 3]]); // biome-ignore format: a pair
    for (const layer of cache) for (const part of [layer.self, layer.memory]) part.dispose();
    dispose(model);
  });
});

describe('inspect', () => {
  it('gives every map by kind, layer and head: rows sum to 1, masked keys have 0', async () => {
    const model = await wild();
    const before = liveTensors();
    const [source, target] = [ids([3, 4, 5], [6, 3]), ids([bos, 3, 4, 4], [bos, 4, 3, 3])];
    const maps = await model.inspect(source, target);
    const shapes = Object.entries(maps).map(([kind, layers]) => [kind, ...layers.map((m) => [m.batch, m.heads, m.queries, m.keys])]);
    expect(shapes).toEqual([
      ['encoder', [2, 2, 3, 3], [2, 2, 3, 3]],
      ['decoder', [2, 2, 4, 4], [2, 2, 4, 4]],
      ['cross', [2, 2, 4, 3], [2, 2, 4, 3]],
    ]);
    for (const [kind, layers] of Object.entries(maps)) {
      for (const { batch, heads, queries, keys, weights } of layers) {
        for (let row = 0; row < batch * heads * queries; row++) {
          const line = Array.from(weights.subarray(row * keys, (row + 1) * keys));
          expect(line.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
          const [sample, query] = [Math.floor(row / (heads * queries)), row % queries];
          if (kind === 'decoder') expect(line.slice(query + 1).every((w) => w === 0)).toBe(true);
          else expect(sample === 0 || line[2] === 0).toBe(true); // the second source has two tokens
        }
      }
    }
    source.dispose();
    target.dispose();
    expect(liveTensors()).toBe(before);
    dispose(model);
  });

  it('leaves nothing behind when the ids are wrong', async () => {
    const model = await wild();
    const [source, target] = [ids([3, 4]), ids([99])];
    const before = liveTensors();
    await expect(model.inspect(source, target)).rejects.toThrow(ValueError);
    expect(liveTensors()).toBe(before);
    for (const t of [source, target]) t.dispose();
    dispose(model);
  });
});

describe('errors', () => {
  it('name what is too long, unknown or of the wrong rank', () => {
    using _ = scope();
    const model = new Seq2Seq({ ...tiny, max_positions: 4 }, { rng: new Rng(1) });
    expect(() => model.forward(ids([3, 3, 3, 3, 3]), ids([bos]))).toThrow(/Seq2Seq: sequence: 5 tokens, max_positions is 4/);
    expect(() => model.forward(ids([7]), ids([bos]))).toThrow(/7/);
    expect(() => model.encode(tensor(Int32Array.of(3, 4)))).toThrow(/Seq2Seq: ids: expected \[batch, tokens\], got \[2\]/);
    expect(() => new TransformerEncoderLayer({ ...tiny, nhead: 3 })).toThrow(/3 heads .* do not divide a width of 16/);
    sum(model.forward(ids([3]), ids([bos])));
    dispose(model);
  });
});
