/*
 * What the page "What does it look at?" knows: the worker that trains, the sentence, and the course of the training. It outlives the page;
 * leaving the page pauses the training.
 */
import { batch, computed, signal } from '@preact/signals';
import type { MapChoice } from '../components/map-picker.js';
import type { Maps } from '../it/reader.js';
import { type Choice, fillFrame } from '../it/sentences.js';
import { frames, lexicon } from '../it/words.js';
import { type Call, connect, isAbort } from '../worker/channel.js';
import type { Begun, History, ItCalls, Score, TrainReport } from '../worker/it-calls.js';

export type ItState =
  | { kind: 'starting' }
  | { kind: 'resting'; begun: Begun }
  | { kind: 'training'; begun: Begun }
  | { kind: 'failed'; message: string };

interface Course {
  step: number;
  milliseconds: number;
  /** One for each step. */
  losses: number[];
  scores: Score[];
}

const noCourse: Course = { step: 0, milliseconds: 0, losses: [], scores: [] };

export const itState = signal<ItState>({ kind: 'starting' });
export const course = signal<Course>(noCourse);
export const seed = signal(1);
export const statements = signal(true);

/** The famous sentence, of two nouns that training never puts beside an *it*. */
export const choice = signal<Required<Choice>>({ frame: frames[0]!, opening: '', animal: 'animal', place: 'street', adjective: 'tired' });
export const sentence = computed(() => fillFrame(choice.value));
/** The attention in `looked.words`, which is `sentence` as soon as the worker has answered. */
export const looked = signal<{ words: readonly string[]; maps: Maps; history: History } | null>(null);
export const itMap = signal<MapChoice>({ layer: 1, head: 'mean' });

let call: Call<ItCalls> | undefined;
let pausing: AbortController | undefined;

/** Starts the worker when the page is first shown. */
export async function beginIt(): Promise<void> {
  if (call) return;
  const worker = new Worker(new URL('../worker/it-worker.ts', import.meta.url), { type: 'module' });
  call = connect<ItCalls>(worker);
  await reset();
  if (itState.value.kind !== 'failed') return;
  worker.terminate();
  call = undefined;
}

/** A new model, as the seed makes it. */
export async function reset(): Promise<void> {
  if (!call) return;
  pause();
  try {
    const begun = await call('reset', { seed: seed.value, statements: statements.value });
    batch(() => {
      itState.value = { kind: 'resting', begun };
      course.value = { ...noCourse, scores: [begun.score] };
    });
    await look();
  } catch (error) {
    fail(error);
  }
}

export async function train(): Promise<void> {
  const state = itState.value;
  if (state.kind !== 'resting' || !call) return;
  const mine = new AbortController();
  pausing = mine;
  itState.value = { kind: 'training', begun: state.begun };
  try {
    await call('train', null, { signal: mine.signal, onReport: (report) => mine === pausing && note(report) });
    if (mine === pausing) itState.value = { kind: 'resting', begun: state.begun };
  } catch (error) {
    if (!isAbort(error)) fail(error);
  }
}

/** Stops training after the step at hand. */
export function pause(): void {
  pausing?.abort();
}

/** Changes a part of the sentence, and looks at the new one. */
export function change(part: Partial<Choice>): void {
  choice.value = { ...choice.value, ...part };
  void look();
}

export const last = { animal: 'tired', place: 'wide' } as const;

/** The nouns of a kind, those held out first. */
export function nounsOf(kind: 'animal' | 'place') {
  const { seen, unseen } = lexicon[kind];
  return { seen: seen.toSorted(), unseen };
}

async function look(): Promise<void> {
  const { words, it } = sentence.value;
  try {
    const found = await call?.('look', { words, it });
    if (found && words === sentence.value.words) looked.value = { words, ...found };
  } catch (error) {
    fail(error);
  }
}

function note({ step, milliseconds, losses, score, maps, row }: TrainReport): void {
  batch(() => {
    const before = course.value;
    course.value = {
      step,
      milliseconds: before.milliseconds + milliseconds,
      losses: [...before.losses, ...losses],
      scores: score ? [...before.scores, score] : before.scores,
    };
    const shown = looked.value;
    // A report about an earlier sentence comes too late.
    if (!shown || !maps || maps[0]![0]!.length !== shown.words.length ** 2 || shown.words !== sentence.value.words) return;
    const { steps, rows } = shown.history;
    const history = row && step > (steps.at(-1) ?? -1) ? { steps: [...steps, step], rows: [...rows, row] } : shown.history;
    looked.value = { ...shown, maps, history };
  });
}

function fail(error: unknown): void {
  itState.value = { kind: 'failed', message: error instanceof Error || error instanceof DOMException ? error.message : String(error) };
}
