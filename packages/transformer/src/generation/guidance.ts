import { ShapeError, ValueError } from '@multihead/tensor';
import { type Caching, CausalDecoding, type Decoding, type LanguageModel, type Prompt, rowsOf } from './decoding.js';
import { logSumExp } from './processors/scores.js';
import type { GenerateOptions } from './start.js';

/*
 * Classifier-free guidance: Sanchez et al., "Stay on topic with Classifier-Free Guidance", 2023.
 *
 * A second run of the model, beside the first, goes on from what the answer is to keep away from: the negative prompt, or as in transformers the last
 * token of the prompt alone. Each new token is put behind both, and ln p = ln p_negative + scale · (ln p_prompt - ln p_negative).
 */
export interface Guidance {
  /** Changes each row of scores that the model gave for `rows`. */
  guide(scores: readonly Float32Array[], rows: readonly (readonly number[])[]): Promise<Float32Array[]>;
  reorder(rows: readonly number[]): void;
  dispose(): void;
}

/** The guidance that options ask for; null where they ask for none. */
export async function guidanceOf(
  op: string,
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
  caching: Caching,
): Promise<Guidance | null> {
  const { guidance_scale: scale, negative_prompt_ids: negative, negative_prompt_attention_mask: mask = null } = options;
  if (scale === null || scale === undefined || scale === 1) {
    if (negative) throw new ValueError(`${op}: guidance_scale: expected a number other than 1 beside negative_prompt_ids, got ${scale}`);
    return null;
  }
  if (!Number.isFinite(scale)) throw new ValueError(`${op}: guidance_scale: expected a number, got ${String(scale)}`);
  if ('decode' in model) throw new ValueError(`${op}: guidance_scale: expected a model of one stack`);
  const { rows, real } = await negativeRows(op, prompts, negative, mask);
  return guidanceFrom(prompts, rows, new CausalDecoding(model, rows, real, caching), scale);
}

async function negativeRows(
  op: string,
  prompts: readonly (readonly number[])[],
  negative: Prompt | null | undefined,
  mask: GenerateOptions['negative_prompt_attention_mask'],
): Promise<{ rows: number[][]; real: number[][] | null }> {
  if (!negative) return { rows: prompts.map((row) => [row.at(-1)!]), real: null };
  const { rows, real } = await rowsOf(op, negative, mask ?? null);
  if (rows.length !== 1 && rows.length !== prompts.length) {
    throw new ShapeError(`${op}: negative_prompt_ids: expected 1 or ${prompts.length} rows, as many as the prompt has, got ${rows.length}`);
  }
  const at = (b: number) => (rows.length === 1 ? 0 : b);
  return { rows: prompts.map((_, b) => rows[at(b)]!), real: real && prompts.map((_, b) => real[at(b)]!) };
}

function guidanceFrom(
  prompts: readonly (readonly number[])[],
  negatives: readonly (readonly number[])[],
  decoding: Decoding,
  scale: number,
): Guidance {
  /** Which prompt each row came from. */
  let samples = prompts.map((_, b) => b);
  const lengths = prompts.map((row) => row.length); // the rows grow
  return {
    async guide(scores, rows) {
      const beside = rows.map((row, i) => [...negatives[samples[i]!]!, ...row.slice(lengths[samples[i]!])]);
      const other = (await decoding.next(beside)).map(logsOf);
      return scores.map((row, i) => logsOf(row).map((log, v) => other[i]![v]! + scale * (log - other[i]![v]!)));
    },
    reorder(rows) {
      decoding.reorder(rows);
      samples = rows.map((row) => samples[row]!);
    },
    dispose: () => decoding.dispose(),
  };
}

/** ln p, in a list of its own. */
function logsOf(scores: Float32Array): Float32Array {
  const sum = logSumExp(scores);
  return scores.map((score) => score - sum);
}
