import { MultiheadError } from '@multihead/tensor';

/** One channel of sound: numbers from -1 to 1, `sampleRate` of them a second. */
export interface Sound {
  readonly samples: Float32Array;
  readonly sampleRate: number;
}

/** How a file becomes one channel. */
export interface DecodeOptions {
  /** Which channel is taken, from 0; their mean if left out. */
  channel?: number;
}

/** A file that is no sound that can be read: cut off, damaged, or of another format. */
export class AudioError extends MultiheadError {
  override name = 'AudioError';
}

/** The channels whose mean is taken: the one that is asked for, or all. */
export function channelsTaken(op: string, channels: number, { channel }: DecodeOptions): number[] {
  if (channel === undefined) return Array.from({ length: channels }, (_, c) => c);
  if (!(Number.isInteger(channel) && channel >= 0 && channel < channels)) {
    throw new AudioError(`${op}: channel: expected one from 0 to ${channels - 1}, got ${String(channel)}`);
  }
  return [channel];
}
