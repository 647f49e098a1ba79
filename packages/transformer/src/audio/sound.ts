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

/** The channel that is asked for, of samples that lie channel by channel for each moment. */
export function oneChannel(op: string, interleaved: Float32Array, channels: number, { channel }: DecodeOptions): Float32Array {
  if (channel !== undefined && !(Number.isInteger(channel) && channel >= 0 && channel < channels)) {
    throw new AudioError(`${op}: channel: expected one from 0 to ${channels - 1}, got ${String(channel)}`);
  }
  if (channels === 1) return interleaved;
  const moments = Math.floor(interleaved.length / channels);
  return Float32Array.from({ length: moments }, (_, i) => {
    if (channel !== undefined) return interleaved[i * channels + channel]!;
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += interleaved[i * channels + c]!;
    return sum / channels;
  });
}
