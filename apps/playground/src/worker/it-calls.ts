import type { Maps } from '../it/reader.js';

/** What the page "What does it look at?" asks its worker. */
export type ItCalls = {
  /** Opens the backend and makes a new model. */
  reset: { argument: { seed: number; statements: boolean }; result: Begun; report: never };
  /** Trains to the end, or until cancelled. */
  train: { argument: null; result: null; report: TrainReport };
  /** What the model as it is now, and as it was, makes of a sentence. The reports of `train` are about this sentence from then on. */
  look: { argument: { words: readonly string[]; it: number }; result: { maps: Maps; history: History }; report: never };
};

export interface Begun {
  /** Where it is trained, and why not elsewhere. */
  backend: string;
  noWasm: string | null;
  parameters: number;
  score: Score;
}

/** Accuracy on sentences that training never shows, by what their nouns are. */
export interface Score {
  step: number;
  seen: number;
  unseen: number;
}

export interface TrainReport {
  /** Steps taken. */
  step: number;
  milliseconds: number;
  /** Of the steps since the last report. */
  losses: number[];
  maps: Maps | null;
  /** New with this report. */
  score: Score | null;
  /** New with this report: the last row of `history`. */
  row: Float32Array | null;
}

/** What *it* looked at in the course of training: the mean of the last layer's heads, one row for each of the steps. */
export interface History {
  steps: number[];
  rows: Float32Array[];
}
