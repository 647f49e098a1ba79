import { Rng } from '@multihead/tensor';
import { describe, expect, test } from 'vitest';
import { drawExample, record, silence } from './data.js';
import { languages, phonemes, pronunciations } from './phonemes.js';
import { chunkLength, idOf, timeId, tokenizer, vocabulary, wordIds } from './tokens.js';
import { drawSpeaker, sampleRate, say } from './voice.js';

const rms = (samples: Float32Array) => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);

test('every number can be said, and written', () => {
  const rng = new Rng(1);
  for (const word of Object.values(languages).flat()) {
    for (const token of word)
      for (const name of pronunciations[token]!.split(' ')) expect(phonemes[name], `${token}: ${name}`).toBeDefined();
    const samples = say(word, drawSpeaker(rng), rng);
    expect(samples.length / sampleRate).toBeGreaterThan(0.1);
    expect(rms(samples)).toBeGreaterThan(0.005);
    expect(tokenizer.decode(wordIds(word))).toBe(` ${word.join('')}`);
    expect(Array.from(tokenizer.encode(` ${word.join('')}`).ids)).toEqual(wordIds(word));
  }
});

test('times are at the end of the vocabulary, one every 20 ms', () => {
  expect(vocabulary.at(-1)).toBe('<|4.00|>');
  expect(timeId(1.239)).toBe(idOf('<|1.24|>'));
});

describe('a recording', () => {
  test('is loud where words are, and quiet between them', () => {
    const { samples, segments } = record(10, new Rng(4), { isWhole: true });
    expect(samples).toHaveLength(10 * sampleRate);
    const said = segments.flat();
    expect(said.length).toBeGreaterThan(5);
    const part = (from: number, to: number) => rms(samples.subarray(Math.round(from * sampleRate), Math.round(to * sampleRate)));
    for (const [i, { start, end }] of said.entries()) {
      expect(end).toBeGreaterThan(start);
      expect(end).toBeLessThan(10);
      const next = said[i + 1];
      if (next && next.start - end > 0.3) expect(part(start, end)).toBeGreaterThan(3 * part(end + 0.02, next.start - 0.02));
    }
  });

  test('is a function of its seed', () => {
    expect(record(2, new Rng(7))).toEqual(record(2, new Rng(7)));
    expect(record(2, new Rng(7)).samples).not.toEqual(record(2, new Rng(8)).samples);
  });

  test('of silence is noise', () => {
    expect(rms(silence(1, new Rng(1)))).toBeGreaterThan(0);
  });
});

test('an example has times that rise, in pairs, around texts', () => {
  const rng = new Rng(2);
  const firstTime = idOf('<|0.00|>');
  const end = idOf('<|endoftext|>');
  let unfinished = 0;
  for (let i = 0; i < 200; i++) {
    const { ids, samples, shown } = drawExample(rng);
    expect(samples.length).toBeLessThanOrEqual(chunkLength * sampleRate);
    expect(ids.at(-1)).toBe(end);
    expect(ids[shown - 1]).toBe(idOf('<|startoftranscript|>'));
    expect(ids.length).toBeLessThanOrEqual(64);
    const written = ids.slice(shown + 2, -1);
    if (written[0] === idOf('<|notimestamps|>') || ids[shown] === idOf('<|nospeech|>')) continue;
    const times = written.filter((id) => id >= firstTime);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    if (times.length % 2 === 1) unfinished++; // cut off by the end of the window
  }
  expect(unfinished).toBeGreaterThan(20);
});
