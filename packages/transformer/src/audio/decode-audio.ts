import { decodeFlac } from './flac.js';
import { AudioError, type DecodeOptions, type Sound } from './sound.js';
import { decodeWav } from './wav.js';

/**
 * The sound of a WAV or FLAC file, by its first bytes. Browsers read more, and resample at once:
 * `new OfflineAudioContext(1, 1, 16000).decodeAudioData(buffer)` gives channels of samples at 16 kHz.
 *
 * @throws AudioError for a file that is neither, is cut off or is damaged.
 * @example
 * const sound = decodeAudio(await readFile('speech.flac'));
 * const { text } = await transcribe(model, tokenizer, sound);
 */
export function decodeAudio(bytes: Uint8Array, options: DecodeOptions = {}): Sound {
  const tag = String.fromCharCode(...bytes.subarray(0, 4));
  if (tag === 'fLaC') return decodeFlac(bytes, options);
  if (tag === 'RIFF' || tag === 'RF64') return decodeWav(bytes, options);
  throw new AudioError(`decodeAudio: bytes: expected WAV or FLAC, which begin with RIFF and fLaC, got ${JSON.stringify(tag)}`);
}
