import { type AttentionFn, attend } from '@multihead/attention';
import { liveTensors, logSoftmax, noGrad, Rng, scope } from '@multihead/tensor';
import { beamSearch as beams, generate } from '@multihead/transformer/generation';
import { beamSearch, greedySearch, type Hypothesis, Seq2Seq } from '@multihead/transformer/seq2seq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bos, dispose, eos, ids, memorize, pad, tiny, wild } from './models.js';

/** ln p of every next token, by teacher forcing: what the model says of `target` without any search. */
async function logProbabilities(model: Seq2Seq, source: number[], target: number[]): Promise<number[][]> {
  using _ = scope();
  const logp = noGrad(() => logSoftmax(model.forward(ids(source), ids([bos, ...target]))));
  return ((await logp.toArray()) as number[][][])[0]!;
}

/** The score of an answer that ends with the end token, or without it. */
async function scoreOf(model: Seq2Seq, source: number[], target: number[], ended: boolean, lengthPenalty: number): Promise<number> {
  const logp = await logProbabilities(model, source, target);
  const tokens = ended ? [...target, eos] : target;
  return tokens.reduce((sum, token, t) => sum + logp[t]![token]!, 0) / tokens.length ** lengthPenalty;
}

const sources = [[3, 4, 5], [6, 3], [5, 5, 5, 4]]; // biome-ignore format: three sources

describe('a model that knows a toy task by heart', () => {
  const pairs = [[[3, 4], [4, 3]], [[4, 3], [3, 4]], [[3, 3, 4], [4, 3, 3]], [[4], [4]], [[3], [3]], [[4, 4, 3], [3, 4, 4]]] as const; // biome-ignore format: pairs
  let model: Seq2Seq;
  let loss = Number.NaN;
  beforeAll(async () => {
    model = new Seq2Seq({ ...tiny, num_encoder_layers: 1, num_decoder_layers: 1 }, { rng: new Rng(3) });
    loss = await memorize(model, pairs.map(([s, t]) => [[...s], [...t]] as const), 120); // biome-ignore format: one call
  });
  afterAll(() => dispose(model));

  it('greedy search gives every answer, in one batch', async () => {
    expect(loss).toBeLessThan(0.05);
    using _ = scope();
    const found = await greedySearch(model, ids(...pairs.map(([s]) => [...s])));
    expect(found.map((answer) => answer.ids)).toEqual(pairs.map(([, t]) => t));
  });

  it('and so does beam search, first among its answers', async () => {
    using _ = scope();
    const found = await beamSearch(model, ids(...pairs.map(([s]) => [...s])), { beams: 3 });
    expect(found.map((answers) => answers[0]!.ids)).toEqual(pairs.map(([, t]) => t));
    expect(found.every((answers) => answers.length === 3)).toBe(true);
  });
});

describe('beam search', () => {
  it('with one beam is greedy search: the likeliest token at each step', async () => {
    using _ = scope();
    for (const seed of [1, 2, 3]) {
      const model = await wild({}, seed);
      for (const source of sources) {
        const [greedy] = await greedySearch(model, ids(source), { maxLength: 8 });
        const [[one]] = (await beamSearch(model, ids(source), { beams: 1, lengthPenalty: 0, maxLength: 8 })) as [[Hypothesis]];
        expect(one).toEqual(greedy);
        const expected: number[] = [];
        while (expected.length < 8) {
          const last = (await logProbabilities(model, source, expected)).at(-1)!;
          const token = last.indexOf(Math.max(...last));
          if (token === eos) break;
          expected.push(token);
        }
        expect(greedy!.ids).toEqual(expected);
      }
      dispose(model);
    }
  });

  it('scores are what the model says of the answers, divided by length^lengthPenalty; best first, none twice', async () => {
    using _ = scope();
    const model = await wild();
    for (const lengthPenalty of [0, 0.6, 1, 2]) {
      for (const source of sources) {
        const [answers] = await beamSearch(model, ids(source), { beams: 4, lengthPenalty, maxLength: 5 });
        expect(answers!.length).toBeGreaterThan(0);
        for (const { ids: target, score } of answers!) {
          const full = target.length === 5; // cut off, or ended by the end token as its fifth
          const [cut, ended] = [
            await scoreOf(model, source, target, false, lengthPenalty),
            await scoreOf(model, source, target, true, lengthPenalty),
          ];
          expect(Math.abs(score - (full ? cut : ended))).toBeLessThan(1e-5);
        }
        expect(answers!.map(({ score }) => score)).toEqual(answers!.map(({ score }) => score).toSorted((a, b) => b - a));
        expect(new Set(answers!.map((answer) => String(answer.ids))).size).toBe(answers!.length);
      }
    }
    dispose(model);
  });

  it('wide enough, finds the best of all answers there are', async () => {
    using _ = scope();
    const open = [0, 1, 3, 4]; // every token but the end
    const prefixes: number[][] = [[], ...open.map((a) => [a]), ...open.flatMap((a) => open.map((b) => [a, b]))];
    for (const [seed, lengthPenalty] of [
      [1, 0],
      [2, 1],
      [3, 0.5],
    ] as const) {
      // biome-ignore format: pairs
      const model = await wild({}, seed);
      const source = sources[seed % 3]!;
      const all: { ids: number[]; score: number }[] = [];
      for (const prefix of prefixes) all.push({ ids: prefix, score: await scoreOf(model, source, prefix, true, lengthPenalty) });
      for (const [a, b] of prefixes.filter((p) => p.length === 2)) {
        for (const c of open) all.push({ ids: [a!, b!, c], score: await scoreOf(model, source, [a!, b!, c], false, lengthPenalty) });
      }
      all.sort((x, y) => y.score - x.score);
      const [found] = await beamSearch(model, ids(source), { beams: 90, lengthPenalty, maxLength: 3 });
      expect(found!.length).toBe(all.length);
      for (const [i, { score }] of found!.entries()) expect(Math.abs(score - all[i]!.score)).toBeLessThan(1e-5);
      expect(found![0]!.ids).toEqual(all[0]!.ids);
      dispose(model);
    }
  });

  it('a wider beam is never worse than greedy search here, and sometimes better', async () => {
    using _ = scope();
    let better = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const model = await wild({}, seed);
      const options = { lengthPenalty: 0, maxLength: 6 };
      const batch = ids(...sources);
      const greedy = await greedySearch(model, batch, options);
      const wide = await beamSearch(model, batch, { ...options, beams: 6 });
      for (const [b, answer] of greedy.entries()) {
        const best = wide[b]![0]!.score;
        expect(best).toBeGreaterThanOrEqual(answer.score - 1e-6);
        if (best > answer.score + 1e-4) better++;
      }
      dispose(model);
    }
    expect(better).toBeGreaterThan(0);
  });

  it('answers each row of a batch as if it were alone, however long the others take', async () => {
    using _ = scope();
    for (const seed of [1, 2, 3, 4]) {
      const model = await wild({}, seed);
      const options = { beams: 2, lengthPenalty: 1, maxLength: 14 };
      const together = await beamSearch(model, ids(...sources), options);
      for (const [b, source] of sources.entries()) {
        const [alone] = await beamSearch(model, ids(source), options);
        expect(together[b]!.map((answer) => answer.ids)).toEqual(alone!.map((answer) => answer.ids));
        for (const [i, { score }] of together[b]!.entries()) expect(Math.abs(score - alone![i]!.score)).toBeLessThan(1e-5);
      }
      dispose(model);
    }
  });

  it('returns as many answers as asked for, and prefers long ones the more the penalty grows', async () => {
    using _ = scope();
    const model = await wild({}, 4);
    const [two] = await beamSearch(model, ids([3, 4, 5]), { beams: 5, answers: 2, maxLength: 5 });
    expect(two).toHaveLength(2);
    const lengths = await Promise.all(
      [0, 4].map(
        async (lengthPenalty) => (await beamSearch(model, ids([3, 4, 5]), { beams: 40, lengthPenalty, maxLength: 3 }))[0]![0]!.ids.length,
      ),
    );
    expect(lengths[1]).toBeGreaterThanOrEqual(lengths[0]!);
    expect(lengths[1]).toBe(3);
    dispose(model);
  });

  it('searches that run at the same time do not disturb each other', async () => {
    using _ = scope();
    const model = await wild();
    const run = (source: number[]) => beamSearch(model, ids(source), { beams: 3, maxLength: 6 });
    const jobs = [...sources, ...sources, ...sources];
    const alone: Hypothesis[][][] = [];
    for (const source of jobs) alone.push(await run(source));
    expect(await Promise.all(jobs.map(run))).toEqual(alone);
    dispose(model);
  });
});

describe('ends', () => {
  it('an aborted search throws the reason, before the first step or between two, and frees everything', async () => {
    const model = await wild();
    const source = ids([3, 4, 5]);
    await beamSearch(model, source, { maxLength: 2 }); // first use of every parameter
    const before = liveTensors();
    await expect(beamSearch(model, source, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    expect(liveTensors()).toBe(before);
    const controller = new AbortController();
    let decoded = 0;
    const { decode } = model;
    model.decode = function (...args) {
      if (++decoded === 3) controller.abort(new Error('between'));
      return decode.apply(this, args);
    };
    await expect(beamSearch(model, source, { maxLength: 50, signal: controller.signal, lengthPenalty: 3 })).rejects.toThrow('between');
    expect(decoded).toBe(3);
    expect(liveTensors()).toBe(before);
    source.dispose();
    dispose(model);
  });

  it('a search leaves nothing behind, and neither does one that fails in the middle', async () => {
    let calls = 0;
    let limit = Number.POSITIVE_INFINITY;
    const failing: AttentionFn = (q, k, v, options) => {
      if (++calls > limit) throw new Error('no more');
      return attend(q, k, v, options);
    };
    const model = new Seq2Seq(tiny, { rng: new Rng(1), attention: failing });
    const source = ids([3, 4, 5], [6, 3]);
    await greedySearch(model, source, { maxLength: 3 });
    const [before, { buffers }] = [liveTensors(), source.backend.memory()];
    await beamSearch(model, source, { beams: 3, maxLength: 6 });
    expect([liveTensors(), source.backend.memory().buffers]).toEqual([before, buffers]);
    for (const after of [1, 5, 9]) {
      [calls, limit] = [0, after];
      await expect(beamSearch(model, source, { beams: 3, maxLength: 6 })).rejects.toThrow('no more');
      expect([liveTensors(), source.backend.memory().buffers]).toEqual([before, buffers]);
    }
    source.dispose();
    dispose(model);
  });

  it('refuses options out of range, and stops at maxLength', async () => {
    using _ = scope();
    const model = await wild();
    const source = ids([3, pad]);
    for (const wrong of [{ beams: 0 }, { maxLength: 1.5 }, { answers: -1 }]) {
      const [name] = Object.keys(wrong);
      await expect(beamSearch(model, source, wrong)).rejects.toThrow(new RegExp(`beamSearch: ${name}: expected a positive integer`));
    }
    for (const { ids: target } of (await beamSearch(model, source, { maxLength: 2 }))[0]!) expect(target.length).toBeLessThanOrEqual(2);
    dispose(model);
  });
});

describe('the searches of /generation', () => {
  const settings = { decoder_start_token_id: bos, eos_token_id: eos, pad_token_id: pad };

  it('take this model, too, and find what its own find', async () => {
    for (const seed of [1, 2, 3, 4]) {
      const model = await wild({}, seed);
      const source = ids(...sources);
      const greedy = await greedySearch(model, source, { maxLength: 7 });
      const rows: number[][] = sources.map(() => []);
      for await (const step of generate(model, sources, { ...settings, max_new_tokens: 7 })) {
        for (const [i, id] of step.ids.entries()) if (!step.isPadding[i] && id !== eos) rows[i]!.push(id);
      }
      expect(rows).toEqual(greedy.map((answer) => answer.ids));
      const own = await beamSearch(model, source, { beams: 3, maxLength: 7, answers: 1 });
      const found = await beams(model, sources, { ...settings, num_beams: 3, max_new_tokens: 7 });
      for (const [i, [best]] of found.entries()) {
        expect(best!.sequence.slice(1).filter((id) => id !== eos)).toEqual(own[i]![0]!.ids);
        expect(best!.score).toBeCloseTo(own[i]![0]!.score, 4);
      }
      source.dispose();
      dispose(model);
    }
  });
});
