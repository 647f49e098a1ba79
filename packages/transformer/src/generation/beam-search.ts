import { type Rng, ValueError } from '@multihead/tensor';
import { idsOf } from './config.js';
import type { LanguageModel, Prompt } from './decoding.js';
import { checkCount } from './processors/scores.js';
import { hammingDiversity } from './processors/repetition.js';
import { normalizeLogits } from './processors/constraints.js';
import { type GenerateOptions, start } from './start.js';
import { topIndices } from './top-indices.js';

export interface BeamSearchOptions extends GenerateOptions {
  /** Told of every token that has been searched. */
  onProgress?: (progress: { tokens: number; of: number }) => void;
}

export interface BeamAnswer {
  /** The prompt, or what the decoder began with, and the answer, its end token included. */
  sequence: number[];
  /** Σ ln p / tokens^length_penalty, of the new tokens. */
  score: number;
}

/**
 * The likeliest answers to each prompt, best first, by transformers' beam search: `num_beams` unfinished answers are kept and extended token by
 * token, those that end are answers, and `early_stopping` says when there are enough. Processors work on ln p. With `num_beam_groups` the beams of
 * each group keep apart from those of the groups before it by `diversity_penalty` (Vijayakumar et al., 2016); with `do_sample` the extensions are
 * drawn. Gives `num_return_sequences` answers for each row. Nothing is left behind when it ends, is aborted or throws. Throws a ValueError for options that do
 * not fit, the signal's reason when aborted.
 *
 * @example
 * const [[best]] = await beamSearch(model, [1, 5, 2], { num_beams: 3, max_new_tokens: 8 });
 * best.sequence.length; // 11 at most
 */
export async function beamSearch(model: LanguageModel, prompt: Prompt, options: BeamSearchOptions = {}): Promise<BeamAnswer[][]> {
  const { signal, onProgress } = options;
  const beams = options.num_beams ?? 4;
  const groups = options.num_beam_groups ?? 1;
  const answers = options.num_return_sequences ?? 1;
  for (const [name, value] of Object.entries({ num_beams: beams, num_beam_groups: groups, num_return_sequences: answers })) {
    checkCount('beamSearch', name, value, 1);
  }
  if (answers > beams) throw new ValueError(`beamSearch: num_return_sequences: expected no more than num_beams = ${beams}, got ${answers}`);
  if (beams % groups !== 0) throw new ValueError(`beamSearch: num_beam_groups: expected a divisor of num_beams = ${beams}, got ${groups}`);
  if (options.draft) throw new ValueError('beamSearch: draft: expected none, as beams are not guessed ahead');
  signal?.throwIfAborted();
  const { decoding, guidance, rows, plans, isEnded } = await start('beamSearch', model, prompt, { ...options, num_beams: beams });
  try {
    const searches = rows.map((row, sample) => {
      const { processors, maxLength } = plans[sample]!;
      const isOver = (ids: number[]) => ids.length >= maxLength || isEnded(ids, row.length);
      const rng = options.do_sample ? options.rng!.fork() : null;
      const plan: SearchPlan = { beams: beams / groups, ends: idsOf(options.eos_token_id).length, maxLength, isOver, rng, options };
      const groupsOfSample = Array.from({ length: groups }, () => new BeamGroup(row, plan));
      return { sample, processors, groups: groupsOfSample, maxLength };
    });
    const of = Math.max(...searches.map(({ maxLength, sample }) => maxLength - rows[sample]!.length));
    let open = searches;
    // The beams of a prompt begin alike: it is read once for all of them.
    let alive = rows.map((row, sample) => ({ ids: row, sample }));
    for (let tokens = 1; open.length > 0; tokens++) {
      signal?.throwIfAborted();
      const going = alive.map(({ ids }) => ids);
      const given = await decoding.next(going);
      const found = (await guidance?.guide(given, going)) ?? given;
      signal?.throwIfAborted();
      const each = found.length / open.length;
      const next: { ids: number[]; sample: number; from: number }[] = [];
      const left: typeof open = [];
      for (const [place, search] of open.entries()) {
        const before = next.length;
        const chosen: number[] = [];
        for (const [g, group] of search.groups.entries()) {
          const first = place * each + (each === 1 ? 0 : g * group.width);
          const logits = Array.from({ length: group.width }, (_, i) => found[first + (each === 1 ? 0 : i)]!);
          const apart = groups > 1 ? [hammingDiversity(options.diversity_penalty ?? 0, () => chosen)] : [];
          const parents = group.advance(logits, (scores, ids) => {
            if (!guidance) normalizeLogits()(scores, ids, search.sample);
            for (const process of [...search.processors, ...apart]) process(scores, ids, search.sample);
          });
          for (const [i, parent] of parents.entries()) {
            const { ids } = group.running[i]!;
            chosen.push(ids.at(-1)!);
            next.push({ ids, sample: search.sample, from: first + (each === 1 ? 0 : parent) });
          }
        }
        if (search.groups.every((group) => group.isDone)) next.length = before;
        else left.push(search);
      }
      open = left;
      if (next.length > 0) {
        const kept = next.map(({ from }) => from);
        decoding.reorder(kept);
        guidance?.reorder(kept);
      }
      alive = next;
      onProgress?.({ tokens, of });
    }
    return searches.map(({ groups: found }) => {
      const all = found.flatMap((group) => group.answers);
      return all.sort((a, b) => b.score - a.score).slice(0, answers);
    });
  } finally {
    decoding.dispose();
    guidance?.dispose();
  }
}

interface SearchPlan {
  beams: number;
  /** How many tokens end an answer. */
  ends: number;
  maxLength: number;
  isOver(ids: number[]): boolean;
  rng: Rng | null;
  options: BeamSearchOptions;
}

interface Beam {
  ids: number[];
  score: number;
}

/** As good as impossible, and yet a number: beams that are none, answers that are not there yet. */
const hopeless = -1e9;

/** The beams of one prompt that compete with each other. Sums are float32, as transformers has them. */
class BeamGroup {
  running: Beam[];
  isDone = false;
  readonly #plan: SearchPlan;
  readonly #promptLength: number;
  #finished: (Beam & { isFinished: boolean })[];

  constructor(prompt: readonly number[], plan: SearchPlan) {
    this.#plan = plan;
    this.#promptLength = prompt.length;
    this.running = Array.from({ length: plan.beams }, (_, i) => ({ ids: [...prompt], score: i === 0 ? 0 : hopeless }));
    this.#finished = this.running.map(({ ids }) => ({ ids, score: hopeless, isFinished: false }));
  }

  get width(): number {
    return this.running.length;
  }

  get answers(): BeamAnswer[] {
    return this.#finished.filter(({ isFinished }) => isFinished).map(({ ids, score }) => ({ sequence: ids, score }));
  }

  /** Extends each beam by a token, given the scores behind it; returns which beam each one that runs now was. */
  advance(logits: readonly Float32Array[], process: (scores: Float32Array, ids: readonly number[]) => void): number[] {
    const { beams, ends, isOver, options } = this.#plan;
    if (this.isDone) return this.running.map((_, i) => i);
    const width = logits[0]!.length;
    const sums = new Float32Array(beams * width);
    for (const [i, beam] of this.running.entries()) {
      const scores = logits[i]!.slice();
      process(scores, beam.ids);
      for (let v = 0; v < width; v++) sums[i * width + v] = scores[v]! + beam.score;
    }
    // Even if every beam ends with every end token, as many go on.
    const candidates = this.#choose(sums, Math.max(2, 1 + ends) * beams).map((at) => {
      const parent = Math.floor(at / width);
      const ids = [...this.running[parent]!.ids, at % width];
      return { ids, parent, score: sums[at]!, isOver: isOver(ids) };
    });
    this.#finish(candidates);
    const going = Float32Array.from(candidates, ({ score, isOver: over }) => score + (over ? hopeless : 0));
    const next = topIndices(going, beams);
    this.running = next.map((i) => ({ ids: candidates[i]!.ids, score: going[i]! }));
    const isFull = this.#finished.every(({ isFinished }) => isFinished);
    this.isDone = !this.#canImprove(isFull) || (isFull && options.early_stopping === true) || candidates.every(({ isOver: over }) => over);
    return next.map((i) => candidates[i]!.parent);
  }

  /** The best of the candidates, or with an `rng` some drawn without replacement: those with the highest sums and Gumbel noise. */
  #choose(sums: Float32Array, count: number): number[] {
    const { rng } = this.#plan;
    if (!rng) return topIndices(sums, count);
    const noisy = Float64Array.from(sums, (sum) => sum - Math.log(-Math.log(rng.uniform() + 2 ** -54)));
    return topIndices(noisy, count);
  }

  /** Those of the best candidates that have ended compete with the answers there are. */
  #finish(candidates: readonly (Beam & { isOver: boolean })[]): void {
    const { beams, options } = this.#plan;
    const tokens = (candidates[0]?.ids.length ?? 0) - this.#promptLength;
    const scale = tokens ** (options.length_penalty ?? 1);
    const merged = [...this.#finished];
    for (const [rank, { ids, score, isOver }] of candidates.entries()) {
      const isFinished = isOver && rank < beams;
      merged.push({ ids, score: Math.fround(Math.fround(score / scale) + (isFinished ? 0 : hopeless)), isFinished });
    }
    this.#finished = topIndices(
      Float32Array.from(merged, ({ score }) => score),
      beams,
    ).map((i) => merged[i]!);
  }

  /** Whether the best beam that runs could still become better than the worst answer. */
  #canImprove(isFull: boolean): boolean {
    if (!isFull) return true;
    const { maxLength, options } = this.#plan;
    const penalty = options.length_penalty ?? 1;
    const end = options.early_stopping === 'never' && penalty > 0 ? maxLength : this.running[0]!.ids.length;
    const best = this.running[0]!.score / (end - this.#promptLength) ** penalty;
    return best > Math.min(...this.#finished.map(({ score }) => score));
  }
}
