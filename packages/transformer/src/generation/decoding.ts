import { type AttentionCache, KVCache } from '@multihead/attention';
import {
  type Backend,
  cast,
  getBackend,
  indexSelect,
  keep,
  ne,
  noGrad,
  parameters,
  scope,
  ShapeError,
  slice,
  Tensor,
  tensor,
  tidy,
  ValueError,
} from '@multihead/tensor';
import type { DecoderCache, ForwardContext, StacksContext } from '../context.js';

/*
 * A model at work on sequences that grow: it is asked for the scores behind each row, and keeps what it has computed of them. Everything that
 * finds answers stands on this: it knows neither caches nor padding.
 */

/** A language model of one stack: ids [B, T] to the logits of the token behind each, [B, T, V]. All in this package are. */
export interface CausalModel {
  /** Logits of the last `ctx.logitsToKeep` tokens are enough. */
  forward(ids: Tensor, ctx?: ForwardContext): Tensor;
  cache(): AttentionCache[];
}

/** A model that reads a source and writes a target: T5, BART, Marian, M2M100, Whisper, `Seq2Seq`. */
export interface SourceModel {
  encode(source: Tensor, ctx?: StacksContext): Tensor;
  decode(ids: Tensor, memory: Tensor, ctx?: StacksContext): Tensor;
  cache(): DecoderCache[];
}

export type LanguageModel = CausalModel | SourceModel;

/** Ids [B, T] as a tensor or as rows, which may differ in length; one row may stand alone. For Whisper log-mel features [B, bins, frames]. */
export type Prompt = Tensor | readonly number[] | readonly (readonly number[])[];

/** How a model's keys and values are kept. */
export interface Caching {
  useCache?: boolean;
  /** Makes what keeps those of a layer, in place of the model's own: of the tokens written, or where there are two stacks of the source (`memory`). */
  cache?: (layer: number, kind: 'self' | 'memory') => AttentionCache;
}

/** Rows of ids that a model has in mind. */
export interface Decoding {
  /** The scores [V] of the token behind each row; rows are as they were, reordered, and longer. */
  next(rows: readonly (readonly number[])[]): Promise<Float32Array[]>;
  /** Row i goes on from what row `rows[i]` was; there may be more or fewer of them. */
  reorder(rows: readonly number[]): void;
  dispose(): void;
}

/** The ids of a prompt, row by row, and where they are tokens; null if all are. Padding of a tensor stays in its rows. */
export async function rowsOf(op: string, prompt: Prompt, mask: Tensor | null): Promise<{ rows: number[][]; real: number[][] | null }> {
  if (!(prompt instanceof Tensor)) {
    const rows = (prompt.length > 0 && typeof prompt[0] === 'number' ? [prompt] : prompt) as readonly (readonly number[])[];
    const wrong = rows.flat().find((id) => !Number.isSafeInteger(id) || id < 0);
    if (wrong !== undefined) throw new ValueError(`${op}: prompt: expected ids, integers from 0, got ${String(wrong)}`);
    if (rows.length === 0 || rows.some((row) => row.length === 0)) {
      throw new ValueError(`${op}: prompt: expected at least one id in each row, got none`);
    }
    if (mask) throw new ValueError(`${op}: mask: expected none, as the prompt is rows of their own lengths`);
    return { rows: rows.map((row) => [...row]), real: null };
  }
  const shape = `[${prompt.shape.join(', ')}]`;
  if (prompt.rank !== 2 || prompt.size === 0) throw new ShapeError(`${op}: prompt: expected [batch, tokens], got ${shape}`);
  if (mask && String(mask.shape) !== String(prompt.shape)) {
    throw new ShapeError(`${op}: mask: expected ${shape}, got [${mask.shape.join(', ')}]`);
  }
  const listOf = async (x: Tensor) => {
    const data = Array.from(await x.data());
    return Array.from({ length: x.shape[0]! }, (_, b) => data.slice(b * x.shape[1]!, (b + 1) * x.shape[1]!));
  };
  const [rows, real] = [await listOf(prompt), mask && (await listOf(mask))];
  if (real?.some((row) => !row.some(Boolean))) throw new ValueError(`${op}: mask: expected at least one token in each row, got none`);
  return { rows, real: real?.every((row) => row.every(Boolean)) ? null : real };
}

export function backendOf(model: LanguageModel): Backend {
  return parameters(model)[0]?.backend ?? getBackend();
}

/** The last `count` rows of logits [B, T, V], on the host, one sample after the other; `compute` runs in a scope of its own. */
async function lastRows(compute: () => Tensor, count = 1): Promise<Float32Array[]> {
  const open = scope();
  let last: Tensor;
  try {
    const logits = noGrad(compute);
    const tokens = logits.shape[1]!;
    last = keep(cast(slice(logits, 1, tokens - count, tokens), 'float32')); // [B, count, V]
  } finally {
    open.close();
  }
  try {
    const data = (await last.data()) as Float32Array;
    const width = last.shape[2]!;
    return Array.from({ length: last.shape[0]! * count }, (_, b) => data.slice(b * width, (b + 1) * width));
  } finally {
    last.dispose();
  }
}

function idTensor(rows: readonly (readonly number[])[], backend: Backend): Tensor {
  return tensor(Int32Array.from(rows.flat()), { shape: [rows.length, rows[0]!.length], backend });
}

/** One stack. Shorter rows have their padding on the left, which nothing looks at and which has no place. */
export class CausalDecoding implements Decoding {
  readonly #model: CausalModel;
  readonly #cache: readonly AttentionCache[] | undefined;
  readonly #backend: Backend;
  /** Of each row: columns in front of it, and where there are tokens as far as the prompts reach. */
  #rows: { padding: number; seen: readonly number[] }[];

  constructor(
    model: CausalModel,
    prompts: readonly (readonly number[])[],
    real: readonly (readonly number[])[] | null,
    { useCache = true, cache }: Caching = {},
  ) {
    this.#model = model;
    this.#backend = backendOf(model);
    const own = useCache ? model.cache() : undefined;
    this.#cache = cache ? own?.map((_, layer) => cache(layer, 'self')) : own;
    const longest = Math.max(...prompts.map((row) => row.length));
    this.#rows = prompts.map((row, b) => {
      const padding = longest - row.length;
      const tokens = real ? real[b]!.map((one) => (one ? 1 : 0)) : row.map(() => 1);
      return { padding, seen: [...new Array<number>(padding).fill(0), ...tokens] };
    });
  }

  next(rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const known = this.#cache?.[0]?.length ?? 0;
    const length = this.#rows[0]!.padding + rows[0]!.length;
    return lastRows(() => {
      const fresh = rows.map((row, b) => {
        const { padding } = this.#rows[b]!;
        return padding <= known ? row.slice(known - padding) : [...new Array<number>(padding - known).fill(0), ...row];
      });
      const ids = idTensor(fresh, this.#backend); // [B, T]
      if (this.#rows.every(({ seen }) => seen.every(Boolean))) return this.#model.forward(ids, { cache: this.#cache, logitsToKeep: 1 });
      const seen = this.#rows.map((row) => Array.from({ length }, (_, t) => row.seen[t] ?? 1));
      const positions = seen.map((row) => placesOf(row).slice(known));
      const mask = idTensor(seen, this.#backend);
      return this.#model.forward(ids, { cache: this.#cache, mask, positions, logitsToKeep: 1 });
    });
  }

  reorder(rows: readonly number[]): void {
    for (const layer of this.#cache ?? []) layer.reorder(Int32Array.from(rows));
    this.#rows = rows.map((row) => this.#rows[row]!);
  }

  dispose(): void {
    for (const layer of this.#cache ?? []) layer.dispose();
  }
}

/**
 * One row that may go on from any of its beginnings: what was computed of it is kept, and what is behind is forgotten. Its caches hold all tokens,
 * also where the model looks at a window of them only.
 */
export class RowDecoding implements Decoding {
  readonly #model: CausalModel;
  readonly #cache: readonly KVCache[];
  readonly #backend: Backend;
  #held: readonly number[] = [];

  constructor(model: CausalModel) {
    this.#model = model;
    this.#backend = backendOf(model);
    this.#cache = model.cache().map(() => new KVCache());
  }

  /** How many ids of `row` need not be computed again. */
  known(row: readonly number[]): number {
    const end = Math.min(row.length, this.#held.length);
    let same = 0;
    while (same < end && row[same] === this.#held[same]) same++;
    return same;
  }

  async next(rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
    return this.last(rows[0]!, 1);
  }

  /** The scores behind each of the last `count` ids of `row`. */
  async last(row: readonly number[], count: number): Promise<Float32Array[]> {
    const known = Math.min(this.known(row), row.length - count);
    try {
      for (const layer of this.#cache) layer.truncate(known);
      this.#held = [...row];
      const fresh = () => idTensor([row.slice(known)], this.#backend);
      return await lastRows(() => this.#model.forward(fresh(), { cache: this.#cache, logitsToKeep: count }), count);
    } catch (error) {
      this.dispose(); // some layers may hold the new tokens, others not
      throw error;
    }
  }

  reorder(rows: readonly number[]): void {
    if (rows.length !== 1 || rows[0] !== 0) throw new ValueError(`generate: prompt: expected one row, got ${rows.length}`);
  }

  dispose(): void {
    for (const layer of this.#cache) layer.dispose();
    this.#held = [];
  }
}

/** The place of each token among those that are seen. */
function placesOf(seen: readonly number[]): number[] {
  let count = 0;
  return seen.map((one) => {
    count += one;
    return Math.max(0, count - 1);
  });
}

/** Two stacks: the source is read once, and its rows are copied as those of the target are. */
export class SourceDecoding implements Decoding {
  readonly #model: SourceModel;
  readonly #cache: readonly DecoderCache[] | undefined;
  readonly #backend: Backend;
  #memory: Tensor;
  #mask: Tensor | null;
  #samples: readonly number[];

  constructor(model: SourceModel, source: Tensor, mask: Tensor | null, { useCache = true, cache }: Caching = {}) {
    this.#model = model;
    this.#backend = source.backend;
    this.#mask = mask && keep(tidy(() => (mask.dtype === 'bool' ? cast(mask, 'int32') : ne(mask, 0)))); // its own, whatever becomes of the caller's
    try {
      this.#memory = keep(noGrad(() => tidy(() => model.encode(source, { mask: this.#mask }))));
    } catch (error) {
      this.#mask?.dispose();
      throw error;
    }
    const own = useCache ? model.cache() : undefined;
    this.#cache = cache ? own?.map((_, layer) => ({ self: cache(layer, 'self'), memory: cache(layer, 'memory') })) : own;
    this.#samples = Array.from({ length: source.shape[0]! }, (_, i) => i);
  }

  next(rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const known = this.#cache?.[0]?.self.length ?? 0;
    return lastRows(() => {
      const ids = idTensor(
        rows.map((row) => row.slice(known)),
        this.#backend,
      );
      return this.#model.decode(ids, this.#memory, { cache: this.#cache, mask: this.#mask, logitsToKeep: 1 });
    });
  }

  reorder(rows: readonly number[]): void {
    const order = Int32Array.from(rows);
    const samples = rows.map((row) => this.#samples[row]!);
    const isMoved = String(samples) !== String(this.#samples);
    for (const { self, memory } of this.#cache ?? []) {
      self.reorder(order);
      if (isMoved) memory.reorder(order);
    }
    if (!isMoved) return;
    this.#samples = samples;
    this.#memory = this.#pick(this.#memory, order);
    this.#mask = this.#mask && this.#pick(this.#mask, order);
  }

  dispose(): void {
    for (const { self, memory } of this.#cache ?? []) {
      self.dispose();
      memory.dispose();
    }
    this.#memory.dispose();
    this.#mask?.dispose();
  }

  #pick(x: Tensor, order: Int32Array): Tensor {
    const chosen = keep(noGrad(() => tidy(() => indexSelect(x, 0, tensor(order, { backend: this.#backend })))));
    x.dispose();
    return chosen;
  }
}
