import { indexSelect, keep, logSoftmax, noGrad, scope, type Tensor, tensor, tidy, ValueError } from '@multihead/tensor';
import type { DecoderLayerCache, Seq2Seq, Seq2SeqConfig } from '../models/seq2seq.js';

export interface SearchOptions {
  /** Tokens generated at most, the end token included. */
  maxLength?: number;
  signal?: AbortSignal;
}

export interface BeamOptions extends SearchOptions {
  /** Hypotheses kept alive. */
  beams?: number;
  /** Scores are divided by length^lengthPenalty: 0 favours short answers, above 1 long ones. */
  lengthPenalty?: number;
  /** Answers returned for each source, best first; at most `beams`. */
  answers?: number;
}

export interface Hypothesis {
  /** The generated ids, without the begin and end tokens. */
  ids: number[];
  /** Σ ln p / length^lengthPenalty, the end token included. */
  score: number;
}

/**
 * The likeliest next token, one after the other, for each row of `source` [B, S].
 *
 * @example
 * const [best] = await greedySearch(model, source);
 */
export async function greedySearch(model: Seq2Seq, source: Tensor, options: SearchOptions = {}): Promise<Hypothesis[]> {
  const found = await beamSearch(model, source, { ...options, beams: 1, lengthPenalty: 0 });
  return found.map((answers) => answers[0]!);
}

/**
 * The likeliest answers for each row of `source` [B, S], best first: keeps `beams` unfinished ones and extends them token by token,
 * with cached keys and values, until there are `beams` answers and the likeliest unfinished one, were it to end now, would be the worst.
 * Throws the signal's reason when aborted, and a ValueError for options out of range.
 *
 * @example
 * const [answers] = await beamSearch(model, source, { beams: 5 });
 * answers[0].ids;
 */
export async function beamSearch(model: Seq2Seq, source: Tensor, options: BeamOptions = {}): Promise<Hypothesis[][]> {
  const { beams = 4, lengthPenalty = 1, maxLength = 64, answers = beams, signal } = options;
  for (const [name, value] of Object.entries({ beams, maxLength, answers })) {
    if (!Number.isInteger(value) || value < 1) throw new ValueError(`beamSearch: ${name}: expected a positive integer, got ${value}`);
  }
  const batch = source.shape[0]!;
  const searches = Array.from({ length: batch }, () => new BeamSearch(model.config, beams, lengthPenalty));
  const decoder = new CachedDecoder(model, source, beams);
  try {
    let tokens: Int32Array = new Int32Array(batch * beams).fill(model.config.bos_token_id);
    for (let length = 1; length <= maxLength && !searches.every((search) => search.done); length++) {
      signal?.throwIfAborted();
      const logp = await decoder.step(tokens);
      const share = logp.length / batch;
      const kept = searches.map((search, b) => search.advance(logp.subarray(b * share, (b + 1) * share), length === maxLength));
      decoder.reorder(Int32Array.from(kept.flatMap((chosen, b) => chosen.map(({ parent }) => b * beams + parent))));
      tokens = Int32Array.from(kept.flatMap((chosen) => chosen.map(({ token }) => token)));
    }
    return searches.map((search) => search.best(answers));
  } finally {
    decoder.dispose();
  }
}

/** The decoder with its caches, one row for each beam of each sample. */
class CachedDecoder {
  readonly #model: Seq2Seq;
  readonly #cache: DecoderLayerCache[];
  readonly #memory: Tensor;
  readonly #memoryMask: Tensor;
  readonly #source: Tensor;

  constructor(model: Seq2Seq, source: Tensor, beams: number) {
    this.#model = model;
    this.#source = source;
    this.#cache = model.cache();
    const rows = Int32Array.from({ length: source.shape[0]! * beams }, (_, i) => Math.floor(i / beams));
    const prepared = noGrad(() =>
      tidy(() => {
        const repeat = (x: Tensor) => indexSelect(x, 0, this.#ids(rows, [rows.length]));
        return [repeat(model.encode(source)), model.paddingMask(repeat(source))];
      }),
    );
    [this.#memory, this.#memoryMask] = keep(prepared) as [Tensor, Tensor];
  }

  /** Feeds one token to each row and returns ln p of the next, row by row. */
  async step(tokens: Int32Array): Promise<Float32Array> {
    const open = scope();
    let logp: Tensor;
    try {
      const ids = this.#ids(tokens, [tokens.length, 1]);
      logp = keep(noGrad(() => logSoftmax(this.#model.decode(ids, this.#memory, { memoryMask: this.#memoryMask, cache: this.#cache }))));
    } finally {
      open.close();
    }
    const data = (await logp.data()) as Float32Array;
    logp.dispose();
    return data;
  }

  /** Row i goes on from what row `rows[i]` was. Rows stay within their sample, so the memory need not move. */
  reorder(rows: Int32Array): void {
    if (rows.every((row, i) => row === i)) return;
    const order = this.#ids(rows, [rows.length]);
    for (const layer of this.#cache) layer.self.reorder(order);
    order.dispose();
  }

  dispose(): void {
    for (const layer of this.#cache) {
      layer.self.dispose();
      layer.memory.dispose();
    }
    this.#memory.dispose();
    this.#memoryMask.dispose();
  }

  #ids(ids: Int32Array, shape: number[]): Tensor {
    return tensor(ids, { shape, backend: this.#source.backend });
  }
}

interface Beam {
  ids: number[];
  logp: number;
}

/** The search for one sample, on the host. */
class BeamSearch {
  readonly #config: Seq2SeqConfig;
  readonly #beams: number;
  readonly #lengthPenalty: number;
  #alive: Beam[];
  readonly #finished: Hypothesis[] = [];
  done = false;

  constructor(config: Seq2SeqConfig, beams: number, lengthPenalty: number) {
    this.#config = config;
    this.#beams = beams;
    this.#lengthPenalty = lengthPenalty;
    // All beams begin alike: only the first may be extended, or they would stay alike.
    this.#alive = Array.from({ length: beams }, (_, i) => ({ ids: [], logp: i === 0 ? 0 : Number.NEGATIVE_INFINITY }));
  }

  /** Extends the beams by one token, given ln p [beams, vocabulary]; returns which row each new beam came from and its token. */
  advance(logp: Float32Array, last: boolean): { parent: number; token: number }[] {
    if (this.done) return this.#alive.map((_, parent) => ({ parent, token: this.#config.pad_token_id }));
    const vocabulary = logp.length / this.#beams;
    const candidates: { parent: number; token: number; logp: number }[] = [];
    for (let i = 0; i < logp.length; i++) {
      const parent = Math.floor(i / vocabulary);
      candidates.push({ parent, token: i % vocabulary, logp: this.#alive[parent]!.logp + logp[i]! });
    }
    // Twice as many as beams: even if all beams end here, as many go on.
    candidates.sort((a, b) => b.logp - a.logp || a.parent - b.parent || a.token - b.token);
    const next: typeof candidates = [];
    candidates.slice(0, 2 * this.#beams).forEach((candidate, rank) => {
      const { ids } = this.#alive[candidate.parent]!;
      if (candidate.token !== this.#config.eos_token_id) {
        if (next.length < this.#beams) next.push(candidate);
      } else if (rank < this.#beams && candidate.logp > Number.NEGATIVE_INFINITY) {
        this.#finish(ids, candidate.logp, ids.length + 1);
      }
    });
    this.#alive = next.map(({ parent, token, logp }) => ({ ids: [...this.#alive[parent]!.ids, token], logp }));
    if (last) for (const { ids, logp } of this.#alive) this.#finish(ids, logp, ids.length);
    this.done = last || this.#decided();
    return next;
  }

  best(answers: number): Hypothesis[] {
    return this.#finished.slice(0, answers);
  }

  #finish(ids: number[], logp: number, length: number): void {
    if (logp === Number.NEGATIVE_INFINITY) return;
    this.#finished.push({ ids, score: logp / length ** this.#lengthPenalty });
    this.#finished.sort((a, b) => b.score - a.score);
    this.#finished.length = Math.min(this.#finished.length, this.#beams);
  }

  /** True if there are enough answers and the likeliest beam, were it to end now, would be worse than all of them. */
  #decided(): boolean {
    const worst = this.#finished[this.#beams - 1];
    const front = this.#alive[0]!;
    return worst !== undefined && front.logp / front.ids.length ** this.#lengthPenalty <= worst.score;
  }
}
