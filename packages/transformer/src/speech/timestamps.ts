import { ValueError } from '@multihead/tensor';
import { type LogitsProcessor, logSumExp } from '../generation/processors/scores.js';

/** What of generation_config.json says which tokens are times. */
export interface TimestampTokens {
  /** Behind it come the times, from 0.00 s on. */
  no_timestamps_token_id: number;
  /** The texts have the ids below it. */
  eos_token_id: number;
  /** The first time is this one at most; any if left out. */
  max_initial_timestamp_index?: number | null;
}

/**
 * Keeps the times of a Whisper in order, from `begin` ids on: an answer begins with a time; times come in pairs, the end of a segment and the
 * beginning of the next, but before the end of the answer; they never go back, and a segment is longer than nothing; and where all times together are
 * likelier than each of the texts, it is a time: ln Σ p(times) > max ln p(text). As transformers' WhisperTimeStampLogitsProcessor.
 *
 * @throws ValueError unless the ids are integers from 0, `begin` among them.
 * @example
 * const scores = Float32Array.of(3, 1, 2, 0, 5, 4); // two texts, the end, no times, 0.00 s, 0.02 s
 * timestampRules({ no_timestamps_token_id: 3, eos_token_id: 2, max_initial_timestamp_index: 0 }, 1)(scores, [2], 0);
 * scores; // [-Infinity, -Infinity, -Infinity, -Infinity, 5, -Infinity]
 * // Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022.
 */
export function timestampRules(tokens: TimestampTokens, begin: number): LogitsProcessor {
  const { no_timestamps_token_id: noTimes, eos_token_id: end, max_initial_timestamp_index: latest } = tokens;
  for (const [name, value] of Object.entries({ no_timestamps_token_id: noTimes, eos_token_id: end, begin })) {
    if (!(Number.isInteger(value) && value >= 0))
      throw new ValueError(`timestampRules: ${name}: expected an integer from 0, got ${String(value)}`);
  }
  const first = noTimes + 1;
  const isTime = (id: number | undefined) => id !== undefined && id >= first;
  return (scores, ids) => {
    const forbid = (from: number, to = scores.length) => scores.fill(Number.NEGATIVE_INFINITY, Math.min(from, scores.length), to);
    const written = ids.slice(begin);
    forbid(noTimes, first);
    const [before, last] = [written.at(-2), written.at(-1)];
    const isOpen = isTime(last) && !(written.length < 2 || isTime(before)); // a time behind a text wants another one, or the end
    if (isOpen) forbid(0, end);
    else if (isTime(last)) forbid(first);
    const lastTime = written.findLast(isTime);
    if (lastTime !== undefined) forbid(first, isOpen ? lastTime : lastTime + 1);
    if (written.length === 0) {
      forbid(0, first);
      if (latest !== null && latest !== undefined) forbid(first + latest + 1);
    }
    const likeliest = scores.subarray(0, first).reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
    if (logSumExp(scores.subarray(first)) > likeliest) forbid(0, first);
  };
}
