import { readFileSync } from 'node:fs';
import { Rng } from '@multihead/tensor';
import * as generation from '@multihead/transformer/generation';
import { describe, expect, it } from 'vitest';

const { epsilonCutoff, etaCutoff, forcedBos, minP, noRepeatNgram, repetitionPenalty, temperature, topH, topK, topP, typical } = generation;
const files = ['cutting', 'repetition', 'constraints'];
const source = files.map((file) => readFileSync(new URL(`../src/generation/processors/${file}.ts`, import.meta.url), 'utf8')).join('');
const examples = [...source.matchAll(/@example\n((?: \*.*\n)+) \*\/\nexport function (\w+)/g)].map(
  ([, text, name]) => [name!, text!.replaceAll(/^ \* ?/gm, '').trim()] as const,
);

it('every processor has an example', () => {
  const names = Object.keys(generation).filter((name) => new RegExp(`export function ${name}\\(`).test(source));
  expect(names.length).toBeGreaterThan(25);
  expect(examples.map(([name]) => name).toSorted()).toEqual(names.toSorted());
});

it.each(examples)('the example of %s', (_, code) => {
  const claim = /(.*); \/\/ \[(.*)\]$/m.exec(code)!;
  const run = new Function(...Object.keys(generation), `${code.slice(0, claim.index)}const found = ${claim[1]};\nreturn found ?? scores;`);
  const found = Array.from(run(...Object.values(generation)) as Float32Array);
  const expected = claim[2]!.split(', ').map(Number);
  expect(found).toHaveLength(expected.length);
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 2);
});

const cuts = {
  topK: topK(3),
  topP: topP(0.7),
  minP: minP(0.3),
  topH: topH(0.5),
  typical: typical(0.5),
  epsilonCutoff: epsilonCutoff(0.05),
  etaCutoff: etaCutoff(0.3),
};

describe.each(Object.entries(cuts))('%s', (name, cut) => {
  it('leaves some tokens as they are and none of the others, at every size', () => {
    const rng = new Rng(2);
    for (const size of [1, 2, 7, 300]) {
      const scores = Float32Array.from({ length: size }, () => 6 * rng.uniform() - 3);
      const cutScores = Float32Array.from(scores);
      cut(cutScores, [], 0);
      const kept = [...cutScores.keys()].filter((i) => cutScores[i] !== Number.NEGATIVE_INFINITY);
      expect(kept.length).toBeGreaterThan(0);
      for (const i of kept) expect(cutScores[i]).toBe(scores[i]);
      if (size > 2) expect(kept.length).toBeLessThan(size);
      // All but locally typical sampling keep the likeliest.
      if (name !== 'typical') expect(kept).toContain(scores.indexOf(Math.max(...scores)));
    }
  });

  it('leaves what is ruled out already', () => {
    const scores = Float32Array.of(Number.NEGATIVE_INFINITY, 1, Number.NEGATIVE_INFINITY);
    cut(scores, [], 0);
    expect([...scores]).toEqual([Number.NEGATIVE_INFINITY, 1, Number.NEGATIVE_INFINITY]);
  });
});

describe('processors', () => {
  it('topP keeps the smallest set that is p likely, found by sorting', () => {
    const rng = new Rng(3);
    for (const p of [0, 0.1, 0.5, 0.9, 0.99, 1]) {
      const scores = Float32Array.from({ length: 200 }, () => 12 * rng.uniform());
      const sum = scores.reduce((all, x) => all + Math.exp(x), 0);
      const order = [...scores.keys()].toSorted((a, b) => scores[b]! - scores[a]!);
      const kept: number[] = [];
      for (let mass = 0; kept.length === 0 || (mass < p && kept.length < 200); ) {
        const i = order[kept.length]!;
        kept.push(i);
        mass += Math.exp(scores[i]!) / sum;
      }
      topP(p)(scores, [], 0);
      expect([...scores.keys()].filter((i) => Number.isFinite(scores[i])).toSorted()).toEqual(kept.toSorted());
    }
  });

  it('topK of many, with ties, is what sorting gives', () => {
    const scores = Float32Array.from({ length: 1000 }, (_, i) => i % 10);
    topK(300)(scores, [], 0);
    expect([...new Set(scores)].toSorted()).toEqual([Number.NEGATIVE_INFINITY, 7, 8, 9].toSorted());
  });

  it('take ids that are no tokens of the vocabulary, and texts shorter than n', () => {
    const scores = Float32Array.of(1, 2);
    repetitionPenalty(2)(scores, [7, 1], 0);
    noRepeatNgram(3)(scores, [1], 0);
    forcedBos(1)(scores, [1, 1], 0);
    expect([...scores]).toEqual([1, 1]);
  });

  it('refuse what they cannot use', () => {
    expect(() => temperature(0)).toThrow('temperature: value: expected a number above 0, got 0');
    expect(() => topK(0)).toThrow('topK: k: expected an integer of 1 or more, got 0');
    expect(() => topP(1.5)).toThrow('topP: p: expected a number from 0 to 1, got 1.5');
    expect(() => typical(1)).toThrow('typical: mass');
    expect(() => generation.badWords([[]])).toThrow('badWords: words: expected lists of at least one token id');
    expect(() => generation.prefixAllowed(() => [])(Float32Array.of(1), [], 0)).toThrow('expected at least one token');
    expect(() => generation.classifierFreeGuidance(Float32Array.of(1), Float32Array.of(1, 2), 2)).toThrow('of one length, got 1 and 2');
  });
});
