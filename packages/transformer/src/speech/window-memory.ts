import { type AttentionCache, KVCache, type KeysAndValues } from '@multihead/attention';
import { indexSelect, keep, noGrad, select, slice, type Tensor, tensor, tidy, unsqueeze } from '@multihead/tensor';
import type { DecoderCache, Tap } from '../context.js';
import type { SourceModel } from '../generation/decoding.js';
import type { SpeechModel } from './model.js';

/*
 * A window that was heard once, and is asked several times: which language it is, whether anybody speaks, what is said at this temperature and at that one,
 * and where. Keys and values of the sound are computed once for all of these.
 */

/** Keys and values of the sound that nobody changes. What copies rows of them for beams gets a copy of its own. */
class SharedMemory implements AttentionCache {
  readonly #shared: KVCache;
  #own: KVCache | null = null;

  constructor(shared: KVCache) {
    this.#shared = shared;
  }

  get length(): number {
    return (this.#own ?? this.#shared).length;
  }

  append(k: Tensor, v: Tensor): KeysAndValues {
    return (this.#own ?? this.#shared).append(k, v);
  }

  view(): KeysAndValues {
    return (this.#own ?? this.#shared).view();
  }

  reorder(rows: Tensor | ArrayLike<number>): void {
    if (this.#own) {
      this.#own.reorder(rows);
      return;
    }
    const own = new KVCache();
    tidy(() => {
      const { k, v } = this.#shared.view();
      const order = 'shape' in rows ? rows : tensor(Int32Array.from(rows), { backend: k.backend });
      own.append(indexSelect(k, 0, order), indexSelect(v, 0, order));
    });
    this.#own = own;
  }

  dispose(): void {
    this.#own?.dispose();
    this.#own = null;
  }
}

export class WindowMemory {
  readonly #model: SpeechModel;
  readonly #memory: Tensor;
  readonly #shared: readonly KVCache[];

  /** Hears log-mel features [1, bands, frames]. It is the caller's to dispose. */
  constructor(model: SpeechModel, features: Tensor) {
    this.#model = model;
    this.#memory = keep(noGrad(() => tidy(() => model.encode(features)))); // [1, S, E]
    this.#shared = Array.from({ length: model.config.decoder_layers }, () => new KVCache());
  }

  get memory(): Tensor {
    return this.#memory;
  }

  /** The model as `generate` and `beamSearch` take it, for the prompt `memory`. */
  get reader(): SourceModel {
    return {
      encode: (memory) => select(unsqueeze(memory, 0), 0, 0), // a view that its user may dispose
      decode: (ids, memory, ctx) => this.#model.decode(ids, memory, ctx),
      cache: () => this.#caches(),
    };
  }

  /** One pass over all of `ids`: logits [1, T, V]; inside a scope. */
  decode(ids: readonly number[], tap?: Tap): Tensor {
    const cache = this.#caches();
    try {
      const input = tensor(Int32Array.from(ids), { shape: [1, ids.length], backend: this.#memory.backend });
      return this.#model.decode(input, this.#memory, { cache, tap });
    } finally {
      for (const { self } of cache) self.dispose();
    }
  }

  /** The scores [V] of what comes behind `ids`. */
  async scoresAfter(ids: readonly number[]): Promise<Float32Array> {
    const last = keep(noGrad(() => tidy(() => slice(this.decode(ids), 1, ids.length - 1, ids.length)))); // [1, 1, V]
    try {
      return Float32Array.from(await last.data());
    } finally {
      last.dispose();
    }
  }

  dispose(): void {
    this.#memory.dispose();
    for (const layer of this.#shared) layer.dispose();
  }

  #caches(): DecoderCache[] {
    return this.#shared.map((shared) => ({ self: new KVCache(), memory: new SharedMemory(shared) }));
  }
}
