/*
 * The suite of hostile files as it lies on disk, and what is said of one file between the program and the process in which it is read.
 */

/** One hostile file, or a harmless one as control, with what is to become of it. */
export interface MalformedCase {
  readonly name: string;
  readonly kind: string;
  readonly verdict: string;
  /** Why it is hostile. */
  readonly why: string;
  readonly must: { readonly max_ms: number; readonly max_mb: number };
  /** The file, from the folder of the suite. */
  readonly file: string;
  /** Files that have to lie beside it, and what is in them: `a: F32[2]`. */
  readonly files?: Readonly<Record<string, string>>;
  /** What is to be found in a file that is accepted. */
  readonly expect?: Readonly<Record<string, unknown>>;
  /** Texts with the ids that a tokenizer that is accepted gives for them. */
  readonly encode?: readonly (readonly [text: string, ids: readonly number[]])[];
  /** Texts for which it gives any ids or one of our errors. */
  readonly encode_any?: readonly string[];
}

export interface MalformedDocument {
  readonly suite: string;
  readonly cases: readonly MalformedCase[];
}

/** What a process is asked to read: `file` lies in `folder`, and nothing outside of that is its business. */
export interface Task {
  readonly kind: string;
  readonly folder: string;
  readonly file: string;
  readonly expect: Readonly<Record<string, unknown>>;
}

/** What became of a file in one way of reading it. */
export interface Outcome {
  /** The function that read it. */
  readonly way: string;
  readonly accepted: boolean;
  /** The error that refused it; `typed` if it is one of ours. */
  readonly error?: { readonly text: string; readonly typed: boolean };
  /** Milliseconds by the clock or of processor time, whichever is less. */
  readonly ms: number;
  /** Bytes by which memory grew, or that were asked for, whichever is more. */
  readonly bytes: number;
  /** What is wrong besides: values that are not as expected, rejections nobody handled, files and URLs that were opened. */
  readonly problems: readonly string[];
}

/** Thrown by a way of reading for an expectation that it cannot check. */
export class UnknownExpectation extends Error {
  override name = 'UnknownExpectation';
}
