import { progress } from '@clack/prompts';
import type { TrainReport } from './train.js';

/** A bar in a terminal, a line every half minute elsewhere. */
export class ProgressLine {
  /** The loss, averaged over about a hundred steps. */
  smoothed = Number.NaN;
  #bar: ReturnType<typeof progress> | undefined;
  #started = 0;
  #startedAt = 0;
  #printed = 0;

  /** Returns the seconds since the first update. */
  update(at: TrainReport): number {
    const now = performance.now();
    if (this.#started === 0) {
      [this.#started, this.#startedAt, this.#printed] = [now, at.step - 1, now];
      if (process.stdout.isTTY) this.#bar = this.#open(at);
    }
    this.smoothed = Number.isNaN(this.smoothed) ? at.loss : 0.99 * this.smoothed + 0.01 * at.loss;
    const seconds = (now - this.#started) / 1000;
    const left = (seconds / (at.step - this.#startedAt)) * (at.steps - at.step);
    const text = `epoch ${at.epoch.toFixed(2)}  loss ${this.smoothed.toFixed(4)}  ${(at.tokens / seconds).toFixed(0)} tokens/s  ${clock(left)} left`;
    this.#bar?.advance(1, text);
    if (!this.#bar && now - this.#printed > 30_000) {
      console.log(`${at.step} of ${at.steps}  ${text}`);
      this.#printed = now;
    }
    return seconds;
  }

  note(text: string): void {
    if (this.#bar) this.#bar.message(text);
    else console.log(text);
  }

  stop(): void {
    this.#bar?.stop('Trained');
  }

  #open(at: TrainReport): ReturnType<typeof progress> {
    const bar = progress({ max: at.steps, cancelMessage: 'Stopping: the state is being saved' });
    bar.start('Training');
    // The bar reads the keyboard and would end the process at once on Ctrl-C. It shall reach the run as a signal instead, which saves first.
    process.stdin.setRawMode?.(false);
    bar.advance(at.step - 1);
    return bar;
  }
}

function clock(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
