/*
 * Two switches that hold for a stretch of synchronous code: whether operations go on the tape, and whether fused kernels may serve.
 */
let recording = true;
let fusing = true;

/** True while operations are put on the tape. */
export function isRecording(): boolean {
  return recording;
}

/** True while fused kernels may serve; false inside `composed`. */
export function isFusing(): boolean {
  return fusing;
}

/**
 * Runs the synchronous `fn` without putting its operations on the tape: for evaluation and for updates of parameters.
 *
 * @example
 * const logits = noGrad(() => model.forward(ids));
 */
export function noGrad<T>(fn: () => T): T {
  return during(false, fusing, fn);
}

/**
 * Runs the synchronous `fn` with every fused operation replaced by its definition in plain operations: for second derivatives
 * and for tests.
 */
export function composed<T>(fn: () => T): T {
  return during(recording, false, fn);
}

/** Runs `fn` with recording on or off. */
export function withRecording<T>(on: boolean, fn: () => T): T {
  return during(on, fusing, fn);
}

function during<T>(record: boolean, fuse: boolean, fn: () => T): T {
  const before = [recording, fusing] as const;
  [recording, fusing] = [record, fuse];
  try {
    return fn();
  } finally {
    [recording, fusing] = before;
  }
}
