import type { Rng } from '@multihead/tensor';
import { ValueError } from '@multihead/tensor';
import type { LanguageModel, Prompt, RowDecoding } from './decoding.js';
import { logSumExp, softmaxOf } from './processors/scores.js';
import { type GenerateOptions, start } from './start.js';
import { topIndices } from './top-indices.js';

/** One token for each row of the batch. */
export interface GeneratedStep {
  /** The tokens; `pad_token_id` where a row has ended before. */
  readonly ids: readonly number[];
  /** True where a row had ended before this step, so that its token is padding. */
  readonly isPadding: readonly boolean[];
  /** ln p of each token in what it was chosen from, behind all processors; 0 at padding. */
  readonly logProbabilities: readonly number[];
  /** Behind all processors, [V] for each row; empty at padding. */
  readonly scores: readonly Float32Array[];
  /** As the model gave them, [V] for each row; empty at padding. */
  readonly logits: readonly Float32Array[];
}

/**
 * Goes on from a prompt token by token: the likeliest one, or one drawn with `do_sample`, until every row has come to an end, a stop string or its
 * greatest length. Each step has one token for each row. A row of a list of rows gets the ids that it would get alone: its padding is on the left and seen
 * by nobody, and every row draws from a stream of its own (`rng.fork()`). Nothing is left behind when it ends, is left early, is aborted or
 * throws. Throws a ValueError for options that do not fit, the signal's reason when aborted.
 *
 * @example
 * for await (const { ids } of generate(model, [1, 5, 2], { max_new_tokens: 8 })) console.log(ids[0]);
 * for await (const { ids } of generate(model, [[1, 5], [2]], { do_sample: true, top_p: 0.9, rng: new Rng(1) })) console.log(ids); // two rows
 */
export function generate(model: LanguageModel, prompt: Prompt, options: GenerateOptions = {}): AsyncGenerator<GeneratedStep, void, void> {
  return steps(model, prompt, options);
}

/** `generate`, with a row that a session holds if there is one, which stays the session's. */
export async function* steps(
  model: LanguageModel,
  prompt: Prompt,
  options: GenerateOptions,
  held?: RowDecoding,
): AsyncGenerator<GeneratedStep, void, void> {
  const { signal, pad_token_id: pad } = options;
  if ((options.num_beams ?? 1) > 1)
    throw new ValueError(`generate: num_beams: expected 1, got ${options.num_beams}; beamSearch takes more`);
  const answers = options.num_return_sequences ?? 1;
  if (answers > 1) throw new ValueError(`generate: num_return_sequences: expected 1, got ${answers}; give the prompt that many times`);
  signal?.throwIfAborted();
  const { decoding, guidance, rows, plans, isEnded } = await start('generate', model, prompt, options, held);
  try {
    const lengths = rows.map((row) => row.length);
    const streams = rows.map(() => (options.do_sample ? options.rng!.fork() : null));
    let open = rows.map((_, i) => i);
    while (open.length > 0) {
      signal?.throwIfAborted();
      const going = open.map((i) => rows[i]!);
      const found = await decoding.next(going);
      const guided = await guidance?.guide(found, going);
      signal?.throwIfAborted();
      const step = new Step(rows.length, pad ?? 0);
      for (const [place, i] of open.entries()) {
        const logits = found[place]!;
        const scores = guided?.[place] ?? logits.slice();
        for (const process of plans[i]!.processors) process(scores, rows[i]!, i);
        const id = streams[i] ? draw(scores, streams[i]) : topIndices(scores, 1)[0]!;
        step.set(i, id, scores, logits);
        rows[i]!.push(id);
      }
      yield step;
      const left = open.filter((i) => rows[i]!.length < plans[i]!.maxLength && !isEnded(rows[i]!, lengths[i]!));
      if (left.length > 0 && left.length < open.length) {
        const kept = left.map((i) => open.indexOf(i));
        decoding.reorder(kept);
        guidance?.reorder(kept);
      }
      open = left;
    }
  } finally {
    if (decoding !== held) decoding.dispose();
    guidance?.dispose();
  }
}

/** Log-probabilities are computed for who asks. */
class Step implements GeneratedStep {
  readonly ids: number[];
  readonly isPadding: boolean[];
  readonly scores: Float32Array[];
  readonly logits: Float32Array[];

  constructor(rows: number, pad: number) {
    this.ids = new Array<number>(rows).fill(pad);
    this.isPadding = new Array<boolean>(rows).fill(true);
    this.scores = Array.from({ length: rows }, () => new Float32Array(0));
    this.logits = [...this.scores];
  }

  set(row: number, id: number, scores: Float32Array, logits: Float32Array): void {
    [this.ids[row], this.isPadding[row], this.scores[row], this.logits[row]] = [id, false, scores, logits];
  }

  get logProbabilities(): number[] {
    return this.ids.map((id, i) => (this.isPadding[i] ? 0 : this.scores[i]![id]! - logSumExp(this.scores[i]!)));
  }
}

/** A token with the probability that its score gives it. Throws a ValueError where no score is a number. */
function draw(scores: Float32Array, rng: Rng): number {
  const probabilities = softmaxOf(scores);
  const at = rng.uniform();
  let sum = 0;
  let last = -1;
  for (let i = 0; i < probabilities.length; i++) {
    if (!(probabilities[i]! > 0)) continue;
    sum += probabilities[i]!;
    last = i;
    if (at < sum) return i;
  }
  if (last < 0) throw new ValueError('generate: scores: expected at least one token that can come, got none');
  return last; // the sum was a little less than 1
}
