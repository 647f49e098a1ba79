import type { TrainingControl } from './trainer.js';

/** Milliseconds of work between two breaths. */
const SPELL = 40;

/** Milliseconds between two reports. */
const REPORT = 100;

/**
 * Lets the event loop breathe in long computations, reports how far they are and stops them when a signal says so.
 *
 *     if (pace.due()) await pace.rest(stage, done, total);
 */
export class Pace {
  readonly #control: TrainingControl;
  #rested = performance.now();
  #reported = Number.NEGATIVE_INFINITY;

  /** Throws the signal's reason if it has been aborted before. */
  constructor(control: TrainingControl = {}) {
    this.#control = control;
    control.signal?.throwIfAborted();
  }

  /** Whether it is time for a breath. */
  due(): boolean {
    return performance.now() - this.#rested > SPELL;
  }

  /** A breath: other tasks run, one of which may abort the signal. */
  async rest(stage: string, done: number, total: number): Promise<void> {
    const { onProgress, signal } = this.#control;
    if (performance.now() - this.#reported > REPORT) {
      onProgress?.({ stage, done, total });
      this.#reported = performance.now();
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
    this.#rested = performance.now();
  }

  /** The end of a stage. */
  async finish(stage: string, total: number): Promise<void> {
    this.#reported = Number.NEGATIVE_INFINITY;
    await this.rest(stage, total, total);
  }
}
