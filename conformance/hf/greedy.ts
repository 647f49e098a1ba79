import { argmax, type Backend, noGrad, scope, slice, type Tensor, tensor } from '@multihead/tensor';
import type { Archive } from '../archive.js';
import type { Folder } from '../folder.js';
import { type Finding, notBuilt } from '../suite.js';
import { leafOf, valuesOf } from '../tensors.js';
import type { HfCase } from './document.js';
import type { AnyModel } from './forward.js';

/* The likeliest token at each step, with caches; what else `generate` does is not here. */

interface Cache {
  dispose(): void;
}

interface Causal {
  forward(ids: Tensor, ctx: object): Tensor;
  cache(): Cache[];
}

interface Stacks {
  encode(x: Tensor, ctx: object): Tensor;
  decode(ids: Tensor, memory: Tensor, ctx: object): Tensor;
  cache(): { self: Cache; memory: Cache }[];
}

/** The options of `generation` that greedy search knows. */
const known = ['max_new_tokens', 'do_sample', 'num_beams', 'eos_token_id', 'use_cache'];
/** The keys of generation_config.json that would change its choice. */
const forced = [
  'forced_bos_token_id',
  'forced_eos_token_id',
  'suppress_tokens',
  'begin_suppress_tokens',
  'bad_words_ids',
  'repetition_penalty',
];

/** The settings of a case over those of its model. Throws Skip where greedy search is not all that is asked for. */
export function settingsOf(golden: HfCase, folder: Folder): Settings {
  const base = folder.json('generation_config.json') as Record<string, unknown>;
  const own = golden.generation ?? {};
  const isMore = Object.keys(own).some((key) => !known.includes(key)) || own.num_beams !== 1;
  if (isMore || forced.some((key) => base[key] !== undefined && base[key] !== null)) throw notBuilt('generation besides greedy search');
  return { ...base, ...own } as unknown as Settings;
}

export interface Settings {
  max_new_tokens: number;
  eos_token_id?: number | number[];
  pad_token_id?: number;
  decoder_start_token_id?: number;
  use_cache?: boolean;
}

export async function runGreedy(golden: HfCase, model: AnyModel, archive: Archive, backend: Backend, folder: Folder): Promise<Finding[]> {
  const settings = settingsOf(golden, folder);
  const { inputs = {} } = golden;
  const source = leafOf(archive, inputs.input_ids ?? inputs.input_features!, backend);
  const mask = inputs.attention_mask ? leafOf(archive, inputs.attention_mask, backend) : undefined;
  return [sameIds('sequences', await greedySequences(model, source, mask, settings), golden.sequences!)];
}

export function sameIds(what: string, got: unknown, want: unknown): Finding {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  return { what, problem: g === w ? null : `got ${g}, want ${w}` };
}

/** The prompt, or the decoder's first token, with the likeliest tokens behind it. */
export async function greedySequences(model: AnyModel, source: Tensor, mask: Tensor | undefined, settings: Settings): Promise<number[][]> {
  const ends = [settings.eos_token_id ?? []].flat();
  const step =
    'decode' in model
      ? stacks(model as unknown as Stacks, source, mask, settings)
      : causal(model as unknown as Causal, source, mask, settings);
  try {
    const rows = step.start.map((row) => [...row]);
    const done = rows.map(() => false);
    for (let i = 0; i < settings.max_new_tokens && !done.every(Boolean); i++) {
      using _ = scope();
      const next = (
        await valuesOf(
          argmax(
            noGrad(() => step.next(rows)),
            -1,
          ),
        )
      ).data;
      for (const [b, row] of rows.entries()) {
        row.push(done[b] ? (settings.pad_token_id ?? 0) : next[b]);
        done[b] ||= ends.includes(next[b]);
      }
    }
    return rows;
  } finally {
    step.end();
  }
}

interface Stepper {
  start: number[][];
  /** Logits [B, V] of the token behind these. */
  next(rows: number[][]): Tensor;
  end(): void;
}

function causal(model: Causal, ids: Tensor, mask: Tensor | undefined, { use_cache = true }: Settings): Stepper {
  const cache = use_cache ? model.cache() : undefined;
  const [batch, prompt] = ids.shape as [number, number];
  const flat = Array.from(ids.dataSync());
  const real = mask ? Array.from(mask.dataSync()) : new Array<number>(batch * prompt).fill(1);
  return {
    start: Array.from({ length: batch }, (_, b) => flat.slice(b * prompt, (b + 1) * prompt)),
    next: (rows) => {
      const length = rows[0].length;
      const from = length === prompt || !cache ? 0 : length - 1;
      const seen = rows.map((_, b) => Array.from({ length }, (_, t) => (t < prompt ? real[b * prompt + t] : 1)));
      const positions = seen.map((row) => row.map((_, t) => Math.max(0, row.slice(0, t + 1).reduce((n, x) => n + x, 0) - 1)).slice(from));
      const input = tensor(Int32Array.from(rows.flatMap((row) => row.slice(from))), {
        shape: [batch, length - from],
        backend: ids.backend,
      });
      const all = tensor(Int32Array.from(seen.flat()), { shape: [batch, length], backend: ids.backend });
      return lastOf(model.forward(input, { cache, positions, mask: all }));
    },
    end: () => {
      for (const one of cache ?? []) one.dispose();
    },
  };
}

function stacks(model: Stacks, source: Tensor, mask: Tensor | undefined, settings: Settings): Stepper {
  const cache = model.cache();
  const memory = noGrad(() => model.encode(source, { mask }));
  const batch = source.shape[0];
  return {
    start: Array.from({ length: batch }, () => [settings.decoder_start_token_id!]),
    next: (rows) => {
      const input = tensor(Int32Array.from(rows.map((row) => row.at(-1)!)), { shape: [batch, 1], backend: source.backend });
      return lastOf(model.decode(input, memory, { cache, mask }));
    },
    end: () => {
      for (const one of cache.flatMap(({ self, memory: read }) => [self, read])) one.dispose();
    },
  };
}

function lastOf(logits: Tensor): Tensor {
  const tokens = logits.shape[1]!;
  return slice(logits, 1, tokens - 1, tokens);
}
