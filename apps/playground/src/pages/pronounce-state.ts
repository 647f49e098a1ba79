/*
 * What the page "Pronounce" knows: the worker with the model, the word and what came of it. It outlives the page, so that coming back to it
 * loads nothing again.
 */
import { batch, signal } from '@preact/signals';
import type { MapChoice } from '../components/map-picker.js';
import type { BackendName } from '../worker/backends.js';
import { type Call, connect, isAbort } from '../worker/channel.js';
import type { Answer, CrossAttention, LoadProgress, ModelFacts, PronounceCalls } from '../worker/pronounce-calls.js';

export type ModelState =
  | { kind: 'loading'; progress: LoadProgress }
  | { kind: 'ready'; facts: ModelFacts }
  | { kind: 'failed'; message: string };

export type Outcome =
  | { kind: 'nothing' }
  | { kind: 'answers'; word: string; answers: Answer[]; chosen: number; attention: CrossAttention }
  | { kind: 'unknown'; word: string; character: string; known: string }
  | { kind: 'failed'; message: string };

export const modelState = signal<ModelState>({ kind: 'loading', progress: { received: 0, total: 0 } });
export const typed = signal('transformer');
export const backend = signal<BackendName>('wasm');
export const outcome = signal<Outcome>({ kind: 'nothing' });
export const busy = signal(false);
/** Milliseconds for the word of the outcome. */
export const times = signal<Partial<Record<BackendName, number>>>({});
export const mapChoice = signal<MapChoice>({ layer: 1, head: 'mean' });
/** The phoneme pointed at, by number. */
export const active = signal<number | null>(null);

export const longestWord = 32;
/** After the last key, in milliseconds: until it is pronounced, and from then on until it is timed. */
const patience = { typing: 120, timing: 500 };

let call: Call<PronounceCalls> | undefined;
let current = new AbortController();
let timer = 0;

/** Starts the worker when the page is first shown. */
export async function begin(): Promise<void> {
  if (call) return;
  const worker = new Worker(new URL('../worker/pronounce-worker.ts', import.meta.url), { type: 'module' });
  call = connect<PronounceCalls>(worker);
  try {
    const onReport = (progress: LoadProgress) => {
      modelState.value = { kind: 'loading', progress };
    };
    const facts = await call('load', null, { onReport });
    batch(() => {
      modelState.value = { kind: 'ready', facts };
      if (facts.noWasm) backend.value = 'cpu';
      mapChoice.value = { layer: Math.min(1, facts.layers - 1), head: 'mean' };
    });
    await ask();
  } catch (error) {
    modelState.value = { kind: 'failed', message: messageOf(error) };
    worker.terminate();
    call = undefined;
  }
}

/** Loads again after a failure. */
export function retry(): void {
  modelState.value = { kind: 'loading', progress: { received: 0, total: 0 } };
  void begin();
}

/** Pronounces `word` as soon as typing pauses. */
export function type(word: string): void {
  typed.value = word;
  clearTimeout(timer);
  current.abort();
  timer = window.setTimeout(() => void ask(), patience.typing);
}

export function useBackend(name: BackendName): void {
  backend.value = name;
  void ask({ keepTimes: true });
}

/** Pronounces what is typed, then times it on both backends. A later question cancels an earlier one. */
async function ask({ keepTimes = false } = {}): Promise<void> {
  if (modelState.value.kind !== 'ready' || !call) return;
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const word = typed.value.trim().toLowerCase();
  if (!keepTimes) times.value = {};
  if (word === '') {
    outcome.value = { kind: 'nothing' };
    busy.value = false;
    return;
  }
  busy.value = true;
  try {
    const found = await call('pronounce', { word, backend: backend.value }, { signal });
    if (signal.aborted) return;
    batch(() => {
      outcome.value = found.kind === 'answers' ? { ...found, word, chosen: 0 } : { ...found, word };
      busy.value = false;
      active.value = null;
    });
    if (found.kind === 'answers') await time(word, signal);
  } catch (error) {
    if (isAbort(error)) return;
    outcome.value = { kind: 'failed', message: messageOf(error) };
    busy.value = false;
  }
}

async function time(word: string, signal: AbortSignal): Promise<void> {
  if (Object.keys(times.value).length > 0) return; // known from the other backend's turn
  await new Promise((resolve) => setTimeout(resolve, patience.timing));
  if (signal.aborted) return;
  await call!(
    'time',
    { word },
    {
      signal,
      onReport({ backend, milliseconds }) {
        if (!signal.aborted) times.value = { ...times.value, [backend]: milliseconds };
      },
    },
  );
}

/** Shows what another of the answers looked at. */
export async function choose(index: number): Promise<void> {
  const shown = outcome.value;
  if (shown.kind !== 'answers' || !call) return;
  const attention = await call('look', { word: shown.word, phonemes: shown.answers[index]!.phonemes, backend: backend.value });
  if (outcome.value.kind !== 'answers' || outcome.value.word !== shown.word) return;
  batch(() => {
    outcome.value = { ...shown, chosen: index, attention };
    active.value = null;
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.message : String(error);
}
