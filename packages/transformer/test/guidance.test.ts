import { dispose, liveTensors, Rng } from '@multihead/tensor';
import {
  beamSearch,
  type CausalModel,
  type GenerateOptions,
  generate,
  readGenerationConfig,
  session,
} from '@multihead/transformer/generation';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { counted, languageModel, prompts, run } from './language-models.js';
import { ids } from './tiny.js';

/* Guidance away from another prompt, and what ends or forces an answer by the clock or by a list. */

let model: CausalModel;
beforeAll(async () => {
  model = await languageModel<CausalModel>('LlamaForCausalLM');
});
afterAll(() => dispose(model));

async function logsOf(row: number[]): Promise<number[]> {
  for await (const { logits } of generate(model, row, { max_new_tokens: 1 })) {
    const scores = [...logits[0]!];
    const sum = Math.log(scores.reduce((all, x) => all + Math.exp(x), 0));
    return scores.map((x) => x - sum);
  }
  return [];
}

const best = (scores: number[]) => scores.indexOf(Math.max(...scores));

/** Token by token, from two passes over whole rows each time. */
async function guidedBy(
  prompt: number[],
  negative: number[],
  scale: number,
  tokens: number,
): Promise<{ ids: number[]; scores: number[][] }> {
  const [answer, scores] = [[] as number[], [] as number[][]];
  while (answer.length < tokens) {
    const [towards, away] = [await logsOf([...prompt, ...answer]), await logsOf([...negative, ...answer])];
    scores.push(towards.map((log, v) => away[v]! + scale * (log - away[v]!)));
    answer.push(best(scores.at(-1)!));
  }
  return { ids: answer, scores };
}

describe('guidance_scale', () => {
  it.each([3, 1.5, 0.5, 0, -1])('of %s leads away from the negative prompt, or from the last token alone', async (guidance_scale) => {
    const [prompt, negative] = [prompts[0]!, [6, 2]];
    for (const away of [negative, undefined]) {
      const want = await guidedBy(prompt, away ?? [prompt.at(-1)!], guidance_scale, 7);
      const options = { guidance_scale, negative_prompt_ids: away, max_new_tokens: 7 };
      const [found, scores, logits] = [[] as number[], [] as number[][], [] as number[][]];
      for await (const step of generate(model, prompt, options)) {
        found.push(step.ids[0]!);
        scores.push([...step.scores[0]!]);
        logits.push([...step.logits[0]!]);
      }
      expect(found).toEqual(want.ids);
      for (const [t, row] of scores.entries()) for (const [v, x] of row.entries()) expect(x).toBeCloseTo(want.scores[t]![v]!, 3);
      const plain = generate(model, prompt, { max_new_tokens: 1 });
      expect(logits[0]).toEqual([...(await plain.next()).value!.logits[0]!]); // as the model gave them
      await plain.return();
      expect(await run(model, prompt, { ...options, use_cache: false })).toEqual([want.ids]);
    }
  });

  it('gives each row of a batch what it gets alone, however the rows end, and whatever else acts', async () => {
    const negatives = [[1, 2, 3], [8], [12, 4]]; // biome-ignore format: rows
    const every: GenerateOptions[] = [
      { guidance_scale: 2, eos_token_id: [2, 5, 9] },
      { guidance_scale: 2, do_sample: true, temperature: 2, top_p: 0.9 },
      { guidance_scale: 3, repetition_penalty: 1.4, no_repeat_ngram_size: 2 },
    ];
    for (const options of every) {
      const [rng, alone] = [new Rng(3), [] as number[][]];
      for (const [i, prompt] of prompts.entries()) alone.push(...(await run(model, prompt, { ...options, rng, negative_prompt_ids: negatives[i]! })));
      expect(await run(model, prompts, { ...options, rng: new Rng(3), negative_prompt_ids: negatives })).toEqual(alone);
      expect(await run(model, prompts, { ...options, rng: new Rng(3) })).not.toEqual(alone);
    } // biome-ignore format: above
    const padded = ids([[1, 2, 3], [0, 0, 8], [0, 12, 4]]); // biome-ignore format: rows
    const mask = ids([[1, 1, 1], [0, 0, 1], [0, 1, 1]]); // biome-ignore format: rows
    const options = { guidance_scale: 2, max_new_tokens: 5 };
    expect(await run(model, prompts, { ...options, negative_prompt_ids: padded, negative_prompt_attention_mask: mask })).toEqual(
      await run(model, prompts, { ...options, negative_prompt_ids: negatives }),
    );
    dispose([padded, mask]);
  });

  it('moves with beams, and stands beside sessions and drafts', async () => {
    const before = liveTensors();
    const options = { guidance_scale: 2, negative_prompt_ids: [6, 2], max_new_tokens: 5 };
    const [found] = await beamSearch(model, prompts[0]!, { ...options, num_beams: 20, num_return_sequences: 4, eos_token_id: 19 });
    for (const { sequence, score } of found!) {
      let sum = 0;
      for (let t = 5; t < sequence.length; t++) {
        const [answer, away] = [sequence.slice(0, t), [6, 2, ...sequence.slice(5, t)]];
        const [towards, from] = [await logsOf(answer), await logsOf(away)];
        const id = sequence[t]!;
        sum += from[id]! + 2 * (towards[id]! - from[id]!);
      }
      expect(score).toBeCloseTo(sum / (sequence.length - 5), 2);
    }
    const plain = await run(model, prompts[0]!, options);
    const talk = session(model);
    const answer: number[] = [];
    for await (const step of talk.generate(prompts[0]!, options)) answer.push(step.ids[0]!);
    talk.dispose();
    expect(answer).toEqual(plain[0]);
    expect(await run(model, prompts[0]!, { ...options, draft: model })).toEqual(plain);
    expect(liveTensors()).toBe(before);
  });

  it('of 1 computes nothing more, and what does not fit is refused', async () => {
    const seen = counted(model);
    await run(seen, [3, 7], { guidance_scale: 1, max_new_tokens: 3 });
    expect(seen.tokens).toEqual([2, 1, 1]);
    await run(seen, [3, 7], { guidance_scale: 2, max_new_tokens: 3 });
    expect(seen.tokens.slice(3)).toEqual([2, 1, 1, 1, 1, 1]);
    await expect(run(model, [3], { negative_prompt_ids: [1] })).rejects.toThrow('generate: guidance_scale: expected a number other than 1');
    await expect(run(model, prompts, { guidance_scale: 2, negative_prompt_ids: [[1], [2]] })).rejects.toThrow('expected 1 or 3 rows');
    await expect(run(model, [3], { guidance_scale: Number.NaN })).rejects.toThrow('guidance_scale: expected a number');
    const bart = await languageModel('BartForConditionalGeneration');
    await expect(run(bart, [3], { guidance_scale: 2 })).rejects.toThrow('guidance_scale: expected a model of one stack');
    dispose(bart);
  });
});

describe('max_time', () => {
  it('ends with the token that is being computed when it is over, in every search', async () => {
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const processors = [
      () => {
        now += 100;
      },
    ]; // each token takes a tenth of a second
    expect((await run(model, [3], { max_time: 0.35, processors }))[0]).toHaveLength(4);
    expect((await run(model, [3], { max_time: 0, processors }))[0]).toHaveLength(1);
    expect((await run(model, [3], { max_time: 60, processors, max_new_tokens: 3 }))[0]).toHaveLength(3);
    const [answers] = await beamSearch(model, [3], { num_beams: 2, max_time: 0.35, processors, max_new_tokens: 9 });
    expect(answers![0]!.sequence.length).toBeLessThan(6);
    await expect(run(model, [3], { max_time: -1 })).rejects.toThrow('generate: max_time: expected seconds, 0 or more, got -1');
  });
});

describe('forced_decoder_ids', () => {
  it('puts tokens where a pair says, and begin_suppress_tokens acts behind them', async () => {
    const bart = await languageModel('BartForConditionalGeneration');
    const config = readGenerationConfig({ forced_decoder_ids: [[1, null], [2, 7], [3, 11]], transformers_version: '4.30.0' }); // biome-ignore format: one
    const [plain] = await run(bart, [5, 9]);
    const [row] = await run(bart, [5, 9], config);
    expect(row!.slice(0, 3)).toEqual([plain![0], 7, 11]);
    const [other] = await run(bart, [5, 9], { ...config, begin_suppress_tokens: [row![3]!] });
    expect(other!.slice(0, 3)).toEqual(row!.slice(0, 3));
    expect(other![3]).not.toBe(row![3]);
    await expect(run(bart, [5], { forced_decoder_ids: [[1.5, 2]] })).rejects.toThrow(
      'forcedTokens: pairs: expected pairs of a place and a token',
    );
    dispose(bart);
  });
});
