import { Rng } from '@multihead/tensor';
import { transcribe } from '@multihead/transformer/speech';
import type { WhisperForConditionalGeneration } from '@multihead/transformer/whisper';
import { type Recording, record } from './data.js';
import { features } from './model.js';
import { Score, type TimedWord } from './score.js';
import { generationConfig, tokenizer } from './tokens.js';

export interface EvaluateOptions {
  recordings: number;
  /** Of each recording. */
  seconds: number;
  seed: number;
  signal?: AbortSignal;
  onProgress?: (done: number) => void;
}

/** Transcribes recordings of speakers that nobody has heard before, and counts what is wrong. */
export async function evaluate(model: WhisperForConditionalGeneration, options: EvaluateOptions): Promise<Score> {
  const { recordings, seconds, seed, signal, onProgress } = options;
  const score = new Score();
  for (let i = 0; i < recordings; i++) {
    const recording = record(seconds, new Rng(seed + i), { isWhole: true });
    const { language, segments } = await transcribe(model, tokenizer, recording.samples, {
      ...generationConfig,
      features,
      temperature: 0, // the thresholds are those of large models
      return_timestamps: 'word',
      signal,
    });
    const found = segments.flatMap(({ words }) => words!.map((word) => ({ ...word, text: word.text.trim() })));
    score.add(wordsOf(recording), found, language === recording.language);
    onProgress?.(i + 1);
  }
  return score;
}

/** What was said, and when. */
export function wordsOf({ segments }: Recording): TimedWord[] {
  return segments.flatMap((segment) =>
    segment.map(({ tokens, start, end }, i) => ({ text: tokens.join(''), start, end, isFirst: i === 0 })),
  );
}
