import type { BackendName } from './backends.js';

/** What the page "Pronounce" asks its worker. */
export type PronounceCalls = {
  /** Fetches the checkpoint and opens the backends. */
  load: { argument: null; result: ModelFacts; report: LoadProgress };
  /** The likeliest pronunciations of a word, and what the best one looked at. */
  pronounce: { argument: { word: string; backend: BackendName }; result: Answers | UnknownCharacter; report: never };
  /** What another pronunciation of the same word looks at. */
  look: { argument: { word: string; phonemes: readonly string[]; backend: BackendName }; result: CrossAttention; report: never };
  /** How long one word takes on each backend; each is reported as soon as it is known. */
  time: { argument: { word: string }; result: null; report: Timing };
};

export interface LoadProgress {
  received: number;
  /** 0 if the server does not say. */
  total: number;
}

export interface ModelFacts {
  layers: number;
  heads: number;
  dim: number;
  parameters: number;
  bytes: number;
  /** Why WebAssembly cannot be used; null if it can. */
  noWasm: string | null;
}

export interface Answer {
  phonemes: string[];
  /** Of the whole pronunciation, its end included. */
  probability: number;
}

export interface Answers {
  kind: 'answers';
  answers: Answer[];
  attention: CrossAttention;
}

export interface UnknownCharacter {
  kind: 'unknown';
  character: string;
  /** What can be typed. */
  known: string;
}

/** Weights by layer and head, each [rows × columns]: what was looked at when the row's token was chosen. */
export interface CrossAttention {
  /** The letters, and the end. */
  columns: string[];
  /** The phonemes, and the end. */
  rows: string[];
  layers: Float32Array[][];
}

export interface Timing {
  backend: BackendName;
  milliseconds: number;
}

/** How the end of a word or of a pronunciation is shown. */
export const end = 'end';
export const beams = 5;
