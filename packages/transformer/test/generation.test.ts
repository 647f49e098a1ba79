import { readFileSync } from 'node:fs';
import { dispose, liveTensors, noGrad, Rng, scope, type Tensor } from '@multihead/tensor';
import {
  beamSearch,
  type CausalModel,
  type GenerateOptions,
  generate,
  type LanguageModel,
  type Prompt,
  readGenerationConfig,
  type SourceModel,
  session,
} from '@multihead/transformer/generation';
import { Gemma3ForCausalLM, readGemma3Config } from '@multihead/transformer/gemma3';
import { GPT2LMHeadModel, readGPT2Config } from '@multihead/transformer/gpt2';
import { LlamaForCausalLM, readLlamaConfig } from '@multihead/transformer/llama';
import { MistralForCausalLM, readMistralConfig } from '@multihead/transformer/mistral';
import { readT5Config, T5ForConditionalGeneration } from '@multihead/transformer/t5';
import { afterAll, describe, expect, it } from 'vitest';
import { configs, ids } from './tiny.js';

const wild = (json: object) => ({ ...json, initializer_range: 1 });
const rng = () => new Rng(5);
const causal: Record<string, CausalModel> = {
  gpt2: new GPT2LMHeadModel(readGPT2Config(wild(configs.gpt2!)), { rng: rng() }),
  llama: new LlamaForCausalLM(readLlamaConfig(wild(configs.llama!)), { rng: rng() }),
  mistral: new MistralForCausalLM(readMistralConfig(wild(configs.mistral!)), { rng: rng() }),
  gemma3: new Gemma3ForCausalLM(readGemma3Config(wild(configs.gemma3_text!)), { rng: rng() }),
};
const t5: SourceModel = new T5ForConditionalGeneration(readT5Config(configs.t5), { rng: rng() });
const models: Record<string, LanguageModel> = { ...causal, t5 };
const start = { decoder_start_token_id: 0 };
for (const model of Object.values(models)) {
  // Parameters are made when they are first used.
  await rowsOf(generate(model, [3], { ...start, max_new_tokens: 1 }));
}
afterAll(() => dispose(Object.values(models)));

/** What was generated, row by row, without padding. */
async function rowsOf(steps: ReturnType<typeof generate>): Promise<number[][]> {
  const rows: number[][] = [];
  for await (const { ids: next, isPadding } of steps) {
    for (const [i, id] of next.entries()) {
      rows[i] ??= [];
      if (!isPadding[i]) rows[i].push(id);
    }
  }
  return rows;
}
const run = (model: LanguageModel, prompt: Prompt, options: GenerateOptions = {}) =>
  rowsOf(generate(model, prompt, { ...start, max_new_tokens: 9, ...options }));

/** The scores behind `row` by one pass over all of it. */
async function scoresOf(model: LanguageModel, source: number[], row: number[]): Promise<number[]> {
  using _ = scope();
  const logits = noGrad(() => ('decode' in model ? model.decode(ids([row]), model.encode(ids([source]))) : model.forward(ids([row]))));
  return ((await logits.toArray()) as number[][][])[0]!.at(-1)!;
}
const best = (scores: number[]) => scores.indexOf(Math.max(...scores));
const prompts = [[3, 7, 5, 11, 2], [6, 1], [9, 4, 9]]; // biome-ignore format: rows

describe.each(Object.keys(models))('%s', (name) => {
  const model = models[name]!;

  it('gives the likeliest token at each step, with caches and without', async () => {
    for (const source of prompts) {
      const row = 'decode' in model ? [0] : [...source];
      const from = row.length;
      while (row.length < from + 9) row.push(best(await scoresOf(model, source, row)));
      expect(await run(model, source)).toEqual([row.slice(from)]);
      expect(await run(model, source, { use_cache: false })).toEqual([row.slice(from)]);
    }
  });

  it('gives each row of a batch what it gets alone, whatever the options', async () => {
    const every: GenerateOptions[] = [
      {},
      { eos_token_id: [2, 5, 9], min_new_tokens: 2 },
      { repetition_penalty: 1.5, no_repeat_ngram_size: 2, presence_penalty: 0.5, frequency_penalty: 0.25 },
      { max_new_tokens: null, max_length: 8 },
    ];
    for (const options of every) {
      const alone: number[][] = [];
      for (const prompt of prompts) alone.push(...(await run(model, prompt, options)));
      expect(await run(model, prompts, options)).toEqual(alone);
      const beams = { ...start, max_new_tokens: 5, ...options, num_beams: 3, num_return_sequences: 2 };
      const together = await beamSearch(model, prompts, beams);
      for (const [i, prompt] of prompts.entries()) {
        const [one] = await beamSearch(model, prompt, beams);
        expect(together[i]!.map(({ sequence }) => sequence)).toEqual(one!.map(({ sequence }) => sequence));
      }
    }
  });

  it('draws the same from the same seed, each row from a stream of its own', async () => {
    const options = { do_sample: true, top_k: 0, temperature: 100 };
    const together = await run(model, prompts, { ...options, rng: new Rng(3) });
    expect(await run(model, prompts, { ...options, rng: new Rng(3) })).toEqual(together);
    const shared = new Rng(3);
    const alone: number[][] = [];
    for (const prompt of prompts) alone.push(...(await run(model, prompt, { ...options, rng: shared })));
    expect(alone).toEqual(together);
    expect(await run(model, prompts, { ...options, rng: new Rng(4) })).not.toEqual(together);
  });

  it('leaves nothing behind when it ends, is left, is aborted or throws', async () => {
    const before = liveTensors();
    await run(model, prompts);
    for await (const _ of generate(model, prompts, start)) break;
    const controller = new AbortController();
    const aborted = async () => {
      for await (const _ of generate(model, prompts, { ...start, signal: controller.signal })) controller.abort(new Error('enough'));
    };
    await expect(aborted()).rejects.toThrow('enough');
    await expect(beamSearch(model, prompts, { ...start, signal: controller.signal })).rejects.toThrow('enough');
    let calls = 0;
    const processors = [() => { if (++calls > 4) throw new Error('no more'); }]; // biome-ignore format: one function
    await expect(run(model, prompts, { processors })).rejects.toThrow('no more');
    calls = 0;
    await expect(beamSearch(model, prompts, { ...start, num_beams: 2, processors })).rejects.toThrow('no more');
    expect(liveTensors()).toBe(before);
  });
});

describe('generate', () => {
  const model = causal.llama!;

  it('says how likely each token was, in what it was drawn from', async () => {
    for await (const { ids: [id], logProbabilities, scores, logits } of generate(model, [3, 7], { max_new_tokens: 3, do_sample: true, top_k: 4, rng: rng() })) {
      const finite = [...scores[0]!].filter(Number.isFinite);
      expect(finite).toHaveLength(4);
      const sum = finite.reduce((all, score) => all + Math.exp(score), 0);
      expect(logProbabilities[0]).toBeCloseTo(Math.log(Math.exp(scores[0]![id!]!) / sum), 5);
      expect(logits[0]!.every(Number.isFinite)).toBe(true);
    } // biome-ignore format: above
  });

  it('draws tokens as often as they are likely', async () => {
    const logits = await scoresOf(model, [], [3, 7]);
    const sum = logits.reduce((all, x) => all + Math.exp(x / 3), 0);
    const counts = new Array<number>(logits.length).fill(0);
    const many = Array.from({ length: 3000 }, () => [3, 7]);
    for (const [id] of await run(model, many, { max_new_tokens: 1, do_sample: true, top_k: 0, temperature: 3, rng: rng() })) counts[id!]!++;
    for (const [id, count] of counts.entries()) {
      const p = Math.exp(logits[id]! / 3) / sum;
      expect(Math.abs(count / 3000 - p)).toBeLessThan(4.5 * Math.sqrt((p * (1 - p)) / 3000) + 1e-3);
    }
  });

  it('ends at a stop string, wherever tokens begin and end', async () => {
    const [row] = await run(model, [3, 7]);
    const tokenizer = { decode: (list: readonly number[]) => list.map((id) => `<${id}>`).join('') };
    const stop = `${row![2]}><${row![3]}`;
    const end = tokenizer.decode(row!).indexOf(stop);
    const expected = row!.findIndex((_, i) => tokenizer.decode(row!.slice(0, i + 1)).length >= end + stop.length) + 1;
    expect(await run(model, [3, 7], { stop_strings: ['nowhere', stop], tokenizer })).toEqual([row!.slice(0, expected)]);
    await expect(run(model, [3, 7], { stop_strings: 'x' })).rejects.toThrow('generate: tokenizer: expected one');
  });

  it('may be run many times at once', async () => {
    const one = await Promise.all(prompts.map((prompt) => run(model, prompt)));
    const many = await Promise.all([...prompts, ...prompts, ...prompts].map((prompt) => run(model, prompt)));
    expect(many).toEqual([...one, ...one, ...one]);
  });

  it('takes padding of a tensor where the mask says so', async () => {
    using _ = scope();
    const alone = [...(await run(model, [3, 7, 5])), ...(await run(model, [6]))];
    expect(await run(model, ids([[3, 7, 5], [0, 0, 6]]), { mask: ids([[1, 1, 1], [0, 0, 1]]) })).toEqual(alone); // biome-ignore format: rows
  });

  it('only gives what prefixAllowed allows', async () => {
    const [row] = await run(model, [3, 7], { prefixAllowed: (list) => [(list.at(-1)! + 1) % 20, (list.at(-1)! + 2) % 20] });
    expect(row!.every((id, i) => [1, 2].includes((id - (i === 0 ? 7 : row![i - 1]!) + 20) % 20))).toBe(true);
  });

  it('refuses what cannot be', async () => {
    await expect(run(model, [])).rejects.toThrow('generate: prompt: expected at least one id');
    await expect(run(model, [1.5])).rejects.toThrow('generate: prompt: expected ids');
    await expect(run(model, [1], { do_sample: true })).rejects.toThrow('generate: rng: expected an Rng');
    await expect(run(model, [1], { num_beams: 2 })).rejects.toThrow('beamSearch takes more');
    await expect(run(model, [1], { num_return_sequences: 2 })).rejects.toThrow('give the prompt that many times');
    await expect(run(model, [1], { max_new_tokens: 0 })).rejects.toThrow('max_new_tokens: expected an integer of 1 or more');
    await expect(rowsOf(generate(t5, [1], { max_new_tokens: 1 }))).rejects.toThrow('decoder_start_token_id: expected');
    await expect(beamSearch(model, [1], { num_beams: 2, num_return_sequences: 3 })).rejects.toThrow('no more than num_beams = 2');
    expect(() => readGenerationConfig({ penalty_alpha: 0.6 })).toThrow('penalty_alpha: expected none');
    expect(readGenerationConfig({ top_k: 5, transformers_version: '5', eos_token_id: null })).toEqual({ top_k: 5 });
  });
});

describe('beamSearch', () => {
  const model = causal.gpt2!;

  it('scores an answer with what the model says of it', async () => {
    for (const length_penalty of [0, 1, 2]) {
      const options = { num_beams: 4, num_return_sequences: 4, max_new_tokens: 5, eos_token_id: 3, length_penalty };
      const [answers] = await beamSearch(model, [5, 9], options);
      expect(answers!.map(({ score }) => score)).toEqual(answers!.map(({ score }) => score).toSorted((a, b) => b - a));
      for (const { sequence, score } of answers!) {
        let sum = 0;
        for (let t = 2; t < sequence.length; t++) {
          const scores = await scoresOf(model, [], sequence.slice(0, t));
          sum += scores[sequence[t]!]! - Math.log(scores.reduce((all, x) => all + Math.exp(x), 0));
        }
        expect(score).toBeCloseTo(sum / (sequence.length - 2) ** length_penalty, 4);
      }
    }
  });

  it('finds the best of all answers where it is wide enough, however it stops', async () => {
    const logs = async (row: number[]) => {
      const scores = await scoresOf(model, [], row);
      const sum = Math.log(scores.reduce((all, x) => all + Math.exp(x), 0));
      return scores.map((score) => score - sum);
    };
    const prompt = [5, 9];
    for (const length_penalty of [0, 1]) {
      const first = await logs(prompt);
      const all: { sequence: number[]; score: number }[] = [];
      for (const [a, before] of first.entries()) {
        if (a === 3) all.push({ sequence: [...prompt, a], score: before });
        else for (const [b, score] of (await logs([...prompt, a])).entries()) all.push({ sequence: [...prompt, a, b], score: (before + score) / 2 ** length_penalty }); // biome-ignore format: one
      }
      all.sort((x, y) => y.score - x.score);
      for (const early_stopping of [false, 'never'] as const) {
        const options = { num_beams: 20, num_return_sequences: 5, max_new_tokens: 2, eos_token_id: 3, length_penalty, early_stopping };
        const [answers] = await beamSearch(model, prompt, options);
        expect(answers!.map(({ sequence }) => sequence)).toEqual(all.slice(0, 5).map(({ sequence }) => sequence));
        for (const [i, { score }] of answers!.entries()) expect(score).toBeCloseTo(all[i]!.score, 4);
      }
    }
  });

  it('goes on the longer, the less it may stop early', async () => {
    const told = { true: 0, false: 0, never: 0 };
    const bests = { true: 0, false: 0, never: 0 };
    for (const first of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
      const length_penalty = first % 2 === 0 ? 1 : 8;
      const eos_token_id = Array.from({ length: 8 }, (_, n) => (first + n) % 20);
      for (const early_stopping of [true, false, 'never'] as const) {
        const onProgress = () => void told[`${early_stopping}`]++;
        const options = { num_beams: 2, max_new_tokens: 12, eos_token_id, length_penalty, early_stopping, onProgress };
        bests[`${early_stopping}`] += (await beamSearch(model, [5, 9], options))[0]![0]!.score;
      }
    }
    expect(told.true).toBeLessThan(told.false);
    expect(told.false).toBeLessThan(told.never);
    expect(bests.never).toBeGreaterThanOrEqual(bests.false);
    expect(bests.false).toBeGreaterThanOrEqual(bests.true);
  });

  it('keeps groups of beams apart, the more the greater the penalty', async () => {
    const options = { num_beams: 4, num_beam_groups: 4, num_return_sequences: 4, max_new_tokens: 4 };
    const firsts = async (diversity_penalty: number) => {
      const [answers] = await beamSearch(model, [5, 9], { ...options, diversity_penalty });
      return new Set(answers!.map(({ sequence }) => sequence[2])).size;
    };
    expect(await firsts(0)).toBe(1); // four greedy searches
    expect(await firsts(1000)).toBe(4);
  });

  it('draws beams with the same seed alike', async () => {
    const options = { num_beams: 3, do_sample: true, max_new_tokens: 6, temperature: 2 };
    const one = await beamSearch(model, prompts, { ...options, rng: new Rng(1) });
    expect(await beamSearch(model, prompts, { ...options, rng: new Rng(1) })).toEqual(one);
    expect(await beamSearch(model, prompts, { ...options, rng: new Rng(2) })).not.toEqual(one);
  });
});

describe('a session', () => {
  it.each(Object.keys(causal))('of %s computes only what is new, and gives the same ids', async (name) => {
    const model = causal[name]!;
    const before = liveTensors();
    const talk = session(model);
    const told: number[] = [];
    const forward = model.forward;
    model.forward = function (x: Tensor, ctx) {
      told.push(x.shape[1]!);
      return forward.call(this, x, ctx);
    };
    const turn = (prompt: number[]) => rowsOf(talk.generate(prompt, { max_new_tokens: 4 }));
    try {
      const first = [3, 7, 5];
      const [answer] = await turn(first);
      const second = [...first, ...answer!, 8, 8];
      told.length = 0;
      const [next] = await turn(second);
      expect(told).toEqual([3, 1, 1, 1]);
      const edited = [...first, 9, 1];
      expect(talk.known(edited)).toBeLessThanOrEqual(4);
      const [other] = await turn(edited);
      talk.dispose();
      model.forward = forward;
      expect([answer, next, other]).toEqual([
        ...(await run(model, first, { max_new_tokens: 4 })),
        ...(await run(model, second, { max_new_tokens: 4 })),
        ...(await run(model, edited, { max_new_tokens: 4 })),
      ]);
    } finally {
      model.forward = forward;
    }
    expect(liveTensors()).toBe(before);
  });

  it('has one turn at a time', async () => {
    const talk = session(causal.llama!);
    const open = talk.generate([3]);
    await open.next();
    await expect(talk.generate([3]).next()).rejects.toThrow('session.generate: expected the turn before');
    await open.return();
    await talk.generate([3]).next();
    talk.dispose();
  });
});

describe('a draft that guesses ahead', () => {
  it.each(Object.keys(causal))('changes no id of %s, and spares passes where it guesses well', async (name) => {
    const model = causal[name]!;
    const before = liveTensors();
    let passes = 0;
    const forward = model.forward;
    const counted: CausalModel = {
      forward: (x, ctx) => {
        passes++;
        return forward.call(model, x, ctx);
      },
      cache: () => model.cache(),
    };
    const draft = causal[name === 'gpt2' ? 'llama' : 'gpt2']!; // of the same vocabulary, and seldom right
    for (const options of [{}, { repetition_penalty: 1.4 }, { do_sample: true, temperature: 0.5 }] as GenerateOptions[]) {
      const plain = await run(model, [3, 7, 5], { ...options, rng: new Rng(9) });
      passes = 0;
      expect(await run(counted, [3, 7, 5], { ...options, rng: new Rng(9), draft: model })).toEqual(plain);
      if (Object.keys(options).length === 0) expect(passes).toBe(2); // 9 tokens, 6 at a time
      expect(await run(model, [3, 7, 5], { ...options, rng: new Rng(9), draft, num_draft_tokens: 3 })).toEqual(plain);
    }
    expect(liveTensors()).toBe(before);
  });

  it('is for one row, and not for beams', async () => {
    const model = causal.llama!;
    await expect(run(model, prompts, { draft: model })).rejects.toThrow('expected one row');
    await expect(beamSearch(model, [1], { draft: model })).rejects.toThrow('beamSearch: draft');
  });
});

describe('docstrings', () => {
  const folder = new URL('../src/generation/', import.meta.url);
  const sources = ['generate', 'beam-search', 'session', 'config']
    .map((name) => readFileSync(new URL(`${name}.ts`, folder), 'utf8'))
    .join('');
  const examples = [...sources.matchAll(/@example\n((?: \*.*\n)+) \*\/\nexport (?:async )?function (\w+)/g)];
  const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...values: unknown[]) => Promise<unknown[][]>;

  it.each(examples.map(([, text, name]) => [name!, text!.replaceAll(/^ \* ?/gm, '')] as const))('the example of %s', async (_, code) => {
    const said: unknown[][] = [];
    const given = {
      generate,
      beamSearch,
      session,
      readGenerationConfig,
      Rng,
      model: causal.llama,
      console: { log: (...words: unknown[]) => said.push(words) },
    };
    // `expression; // 6: why` claims a value.
    const claims = code.replaceAll(/^(?!for|const)(.+); \/\/ (\d+|\{.*\})(:.*| at most)?$/gm, 'claimed.push([$1, $2]);');
    const values = await new AsyncFunction(...Object.keys(given), `const claimed = [];\n${claims}\nreturn claimed;`)(
      ...Object.values(given),
    );
    expect(said.length + values.length).toBeGreaterThan(0);
    for (const [got, claim] of values) expect(got).toEqual(claim);
  });
});
