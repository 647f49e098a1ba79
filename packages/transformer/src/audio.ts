// Files of sound to samples, at any rate.

export { AudioError, type DecodeOptions, type Sound } from './audio/sound.js';
export { decodeAudio } from './audio/decode-audio.js';
export { decodeWav, encodeWav } from './audio/wav.js';
export { decodeFlac } from './audio/flac.js';
export { type ResampleOptions, resample } from './audio/resample.js';
