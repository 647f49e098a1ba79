import type { Json, TensorRef } from '../archive.js';

/** cases.json of one model. */
export interface ModelDocument {
  readonly suite: string;
  readonly model: string;
  readonly arch: string;
  readonly class: string;
  readonly data: string | null;
  readonly cases: readonly HfCase[];
}

export type Inputs = Readonly<Record<string, TensorRef>>;

/** What every case has; which of the rest there is depends on its kind. */
export interface HfCase {
  readonly name: string;
  readonly kind: string;
  readonly inputs?: Inputs;
  readonly outputs?: Readonly<Record<string, TensorRef>>;
  readonly atol?: number;
  readonly rtol?: number;
  readonly loss?: number;
  /** Of each parameter: [norm, sum, the first four]. */
  readonly grads?: Readonly<Record<string, readonly number[] | null>>;
  readonly grad_atol?: number;
  /** Over generation_config.json. */
  readonly generation?: Readonly<Record<string, Json>>;
  readonly sequences?: readonly (readonly number[])[];
  /** Of beam search. */
  readonly sequences_scores?: readonly number[] | null;
  readonly note?: string;
  /** What a model reads, and what it makes of it, in words. */
  readonly text?: string;
  readonly input_ids?: readonly number[];
  readonly logits?: readonly number[];
  readonly label?: string;
  readonly score?: number;
  readonly generated_text?: string;
  readonly texts?: readonly string[];
  /** How many tokens of the text count. */
  readonly first_tokens?: number;
  readonly perplexity?: number;
}
