import { wasm } from '@multihead/kernels-wasm';
import { type AttentionCache, KVCache, PagedKVCache, QuantizedKVCache, SlidingWindowCache } from '@multihead/attention';
import { dispose, keep, liveTensors, memory, noGrad, resetPeakMemory, Rng, scope, slice, type Tensor, tidy } from '@multihead/tensor';
import { beamSearch, type CausalModel, generate, type SourceModel } from '@multihead/transformer/generation';
import { Seq2Seq } from '@multihead/transformer/seq2seq';
import { readWhisperConfig, WhisperForConditionalGeneration } from '@multihead/transformer/whisper';
import { GPT2LMHeadModel, readGPT2Config } from '@multihead/transformer/gpt2';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { causal, languageModel, prompts, run, seq2seq } from './language-models.js';
import { configs, ids, inputsOf } from './tiny.js';

/* What generation gives does not depend on where it runs, on what keeps keys and values, or on what stands beside it in a batch. */

let other: Awaited<ReturnType<typeof wasm>>;
beforeAll(async () => {
  other = await wasm();
});
afterAll(() => other.dispose());

describe.each([...causal, ...seq2seq])('%s', (name) => {
  it('gives the same ids on cpu and wasm, the likeliest and drawn ones, alone and in a batch', async () => {
    const [here, there] = [await languageModel(name), await languageModel(name, other)];
    for (const options of [{}, { do_sample: true, temperature: 3, top_k: 0 }]) {
      const draws = () => ({ ...options, rng: new Rng(11) });
      const together = await run(here, prompts, draws());
      expect(await run(there, prompts, draws())).toEqual(together);
      const [rng, alone] = [new Rng(11), [] as number[][]];
      for (const prompt of prompts) alone.push(...(await run(here, prompt, { ...options, rng })));
      expect(alone).toEqual(together);
    }
    dispose([here, there]);
  });
});

test.each([...causal, ...seq2seq])('%s gives the logits of the last tokens alone where no more are wanted', async (name) => {
  for (const backend of [undefined, other]) {
    const model = await languageModel<CausalModel & SourceModel>(name, backend);
    const long = prompts[0]!;
    const logits = async (logitsToKeep?: number) => {
      const made = keep(
        noGrad(() =>
          tidy(() => {
            const x = ids([long], backend);
            return 'decode' in model
              ? model.decode(x, model.encode(x), { logitsToKeep })
              : (model as CausalModel).forward(x, { logitsToKeep });
          }),
        ),
      );
      const rows = ((await made.toArray()) as number[][][])[0]!;
      made.dispose();
      return rows;
    };
    const all = await logits();
    expect(all).toHaveLength(long.length);
    expect(await logits(0)).toEqual(all);
    for (const count of [1, 3, 99]) {
      const last = await logits(count);
      const want = all.slice(-count);
      expect(last).toHaveLength(want.length);
      // cpu sums in float64 whatever the shape. wasm takes one row by another kernel than many: sums of 16 products in another order.
      if (!backend) expect(last).toEqual(want);
      for (const [t, row] of last.entries()) {
        const scale = Math.max(1, ...want[t]!.map(Math.abs));
        for (const [v, x] of row.entries()) expect(Math.abs(x - want[t]![v]!)).toBeLessThan(16 * 2 ** -23 * scale);
      }
    }
    dispose(model);
  }
});

test('so do Whisper and the Transformer of 2017', async () => {
  using _ = scope();
  const whisper = new WhisperForConditionalGeneration(readWhisperConfig(configs.whisper), { rng: new Rng(2) });
  const features = inputsOf('WhisperForConditionalGeneration')[0] as Tensor;
  const sizes = { d_model: 16, nhead: 2, num_encoder_layers: 1, num_decoder_layers: 1, dim_feedforward: 16, src_vocab_size: 20, tgt_vocab_size: 20 };
  const vaswani = new Seq2Seq({ ...sizes, pad_token_id: 0, bos_token_id: 1, eos_token_id: 2 }, { rng: new Rng(2) });
  const every = [
    (logitsToKeep: number) => whisper.decode(ids([[2, 5, 9]]), slice(whisper.encode(features), 0, 0, 1), { logitsToKeep }),
    (logitsToKeep: number) => vaswani.decode(ids([[2, 5, 9]]), vaswani.encode(ids([[4, 7]])), { logitsToKeep }),
  ];
  for (const logits of every) {
    const rows = async (keep: number) => ((await noGrad(() => logits(keep)).toArray()) as number[][][])[0]!;
    expect(await rows(2)).toEqual((await rows(0)).slice(1));
  }
  dispose([whisper, vaswani]);
}); // biome-ignore format: above

test('a long prompt needs room for the logits of one token, not for those of all', async () => {
  const [tokens, vocabulary] = [50, 20_000]; // 4 MB of logits
  const config = { n_embd: 8, n_head: 2, n_layer: 1, n_positions: tokens + 2, vocab_size: vocabulary };
  const model = new GPT2LMHeadModel(readGPT2Config(config), { rng: new Rng(1) });
  const prompt = Array.from({ length: tokens }, (_, i) => (7 * i) % vocabulary);
  await run(model, [1], { max_new_tokens: 1 });
  resetPeakMemory();
  const before = memory().peakBytes;
  await run(model, prompt, { max_new_tokens: 2 });
  expect(memory().peakBytes - before).toBeLessThan((4 * tokens * vocabulary) / 4);
  noGrad(() => tidy(() => void model.forward(ids([prompt]))));
  expect(memory().peakBytes - before).toBeGreaterThan(4 * tokens * vocabulary); // what it was
  dispose(model);
});

const exact: Record<string, () => AttentionCache> = {
  'KVCache that grows': () => new KVCache(),
  'KVCache of a capacity': () => new KVCache({ capacity: 24 }),
  'PagedKVCache of small blocks': () => new PagedKVCache({ blockSize: 3 }),
  'SlidingWindowCache wider than the text': () => new SlidingWindowCache(30),
};

describe.each(['LlamaForCausalLM', 'BartForConditionalGeneration'])('%s', (name) => {
  it.each(Object.keys(exact))('generates with a %s what it generates without', async (kind) => {
    const model = await languageModel(name);
    const made: string[] = [];
    const cache = (layer: number, of: 'self' | 'memory') => {
      made.push(`${of} ${layer}`);
      return exact[kind]!();
    };
    const before = liveTensors();
    for (const prompt of [prompts[0]!, prompts]) {
      expect(await run(model, prompt, { cache })).toEqual(await run(model, prompt, { use_cache: false }));
    }
    expect(new Set(made)).toEqual(new Set('decode' in model ? ['self 0', 'memory 0', 'self 1', 'memory 1'] : ['self 0', 'self 1']));
    const beams = { num_beams: 3, max_new_tokens: 6, decoder_start_token_id: 2, eos_token_id: 3 };
    const sequences = async (options: object) =>
      (await beamSearch(model, prompts, { ...beams, ...options })).flat().map(({ sequence }) => sequence);
    expect(await sequences({ cache })).toEqual(await sequences({ use_cache: false }));
    expect(liveTensors()).toBe(before);
    dispose(model);
  });

  it('comes close with a QuantizedKVCache: scores differ by less than 2 % of their length', async () => {
    const model = await languageModel(name, undefined, 0.25);
    const scores = async (options: object) => {
      const steps: Float32Array[] = [];
      // The same tokens in both, so that one difference does not lead to others.
      const processors = [
        (row: Float32Array, row_ids: readonly number[]) => void row.fill(-Infinity).fill(0, row_ids.length % 20, (row_ids.length % 20) + 1),
      ];
      const given = { decoder_start_token_id: 2, max_new_tokens: 9, processors, ...options };
      for await (const { logits } of generate(model, prompts[0]!, given)) steps.push(logits[0]!);
      return steps;
    };
    const [close, want] = [await scores({ cache: () => new QuantizedKVCache() }), await scores({})];
    // A number of a key or a value is off by 1/254 of its head's largest one at most, on the average by a quarter of that.
    const length = (row: Float32Array) => Math.hypot(...row);
    for (const [t, row] of want.entries()) expect(length(row.map((x, v) => x - close[t]![v]!)) / length(row)).toBeLessThan(0.02);
    expect(close.some((row, t) => row.some((x, v) => x !== want[t]![v]))).toBe(true); // it is in use
    dispose(model);
  });
});

test.each([['MistralForCausalLM', 2], ['Phi3ForCausalLM', 3]] as const)('%s generates with a SlidingWindowCache of its window what it generates without', async (name, window) => {
  const model = await languageModel(name);
  for (const prompt of [prompts[0]!, prompts]) {
    const want = await run(model, prompt, { use_cache: false, max_new_tokens: 14 });
    expect(await run(model, prompt, { cache: () => new SlidingWindowCache(window), max_new_tokens: 14 })).toEqual(want);
    expect(await run(model, prompt, { cache: () => new KVCache(), max_new_tokens: 14 })).toEqual(want);
    expect(await run(model, prompt, { cache: () => new SlidingWindowCache(window - 1), max_new_tokens: 14 })).not.toEqual(want);
  }
  dispose(model);
}); // biome-ignore format: above

test('a session and a draft keep caches of their own kind', async () => {
  const model = await languageModel<CausalModel>('LlamaForCausalLM');
  await expect(run(model, [3], { draft: model, cache: () => new KVCache() })).rejects.toThrow('generate: cache: expected none in a session or beside a draft');
  dispose(model);
}); // biome-ignore format: above

describe('tokens that are drawn', () => {
  const draws = 4000;

  /** Σ (seen - expected)² / expected, and how many of its terms are free; rare tokens count as one. */
  function chiSquared(counts: readonly number[], probabilities: readonly number[]): { statistic: number; freedom: number } {
    const expected = probabilities.map((p) => p * draws);
    const common = expected.flatMap((n, i) => (n >= 5 ? [[counts[i]!, n]] : []));
    const rare = expected.reduce(([seen, n], e, i) => (e < 5 ? [seen! + counts[i]!, n! + e] : [seen!, n!]), [0, 0]);
    const bins = rare[1]! >= 5 ? [...common, rare] : common;
    return { statistic: bins.reduce((sum, [seen, n]) => sum + (seen! - n!) ** 2 / n!, 0), freedom: bins.length - 1 };
  }

  /** What χ² exceeds by chance once in ten thousand times: Wilson and Hilferty's approximation at z = 3.719. */
  const limit = (freedom: number) => freedom * (1 - 2 / (9 * freedom) + 3.719 * Math.sqrt(2 / (9 * freedom))) ** 3;

  it.each(['cpu', 'wasm'])('on %s come as often as softmax says (χ², significance 0.0001)', async (backend) => {
    const model = await languageModel('LlamaForCausalLM', backend === 'wasm' ? other : undefined);
    const temperature = 4;
    const counts = new Array<number>(20).fill(0);
    const options = { max_new_tokens: 1, do_sample: true, top_k: 0, temperature, rng: new Rng(23) };
    let logits: number[] = [];
    for await (const { logits: [row] } of generate(model, [3, 7], { max_new_tokens: 1 })) logits = [...row!]; // biome-ignore format: one
    for (const [id] of await run(
      model,
      Array.from({ length: draws }, () => [3, 7]),
      options,
    ))
      counts[id!]!++;
    const softmax = (t: number) => {
      const powers = logits.map((x) => Math.exp((x - Math.max(...logits)) / t));
      return powers.map((x) => x / powers.reduce((a, b) => a + b, 0));
    };
    const { statistic, freedom } = chiSquared(counts, softmax(temperature));
    expect(freedom).toBeGreaterThan(8);
    expect(statistic).toBeLessThan(limit(freedom));
    const wrong = chiSquared(counts, softmax(1.3 * temperature)); // it would be noticed
    expect(wrong.statistic).toBeGreaterThan(limit(wrong.freedom));
    dispose(model);
  });
});
