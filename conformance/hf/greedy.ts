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

export async function runGreedy(golden: HfCase, model: AnyModel, archive: Archive, backend: Backend, folder: Folder): Promise<Finding[]> {
  const base = folder.json('generation_config.json') as Record<string, unknown>;
  const own = golden.generation ?? {};
  const more = Object.keys(own).filter((key) => !known.includes(key));
  if (more.length > 0 || own.num_beams !== 1) throw notBuilt('generation besides greedy search');
  if (forced.some((key) => base[key] !== undefined && base[key] !== null)) throw notBuilt('generation besides greedy search');
  const settings = { ...base, ...own } as { max_new_tokens: number; eos_token_id?: number | number[]; pad_token_id?: number };
  const ends = [settings.eos_token_id ?? []].flat();
  const { inputs = {} } = golden;
  const source = leafOf(archive, inputs.input_ids ?? inputs.input_features!, backend);
  const mask = inputs.attention_mask ? leafOf(archive, inputs.attention_mask, backend) : undefined;
  const step =
    inputs.input_features || 'decode' in model
      ? stacks(model as unknown as Stacks, source, mask, base)
      : causal(model as unknown as Causal, source, mask);
  try {
    const rows = step.start.map((row) => [...row]);
    const done = rows.map(() => false);
    for (let i = 0; i < settings.max_new_tokens && !done.every(Boolean); i++) {
      const open = scope();
      const next = Array.from(
        (
          await valuesOf(
            argmax(
              noGrad(() => step.next(rows)),
              -1,
            ),
          )
        ).data,
      );
      open.close();
      for (const [b, row] of rows.entries()) {
        row.push(done[b] ? (settings.pad_token_id ?? 0) : next[b]);
        done[b] ||= ends.includes(next[b]);
      }
    }
    const [got, want] = [JSON.stringify(rows), JSON.stringify(golden.sequences)];
    return [{ what: 'sequences', problem: got === want ? null : `got ${got}, want ${want}` }];
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

function causal(model: Causal, ids: Tensor, mask: Tensor | undefined): Stepper {
  const cache = model.cache();
  const [batch, prompt] = ids.shape as [number, number];
  const flat = Array.from(ids.dataSync());
  const real = mask ? Array.from(mask.dataSync()) : new Array<number>(batch * prompt).fill(1);
  return {
    start: Array.from({ length: batch }, (_, b) => flat.slice(b * prompt, (b + 1) * prompt)),
    next: (rows) => {
      const length = rows[0].length;
      const from = length === prompt ? 0 : length - 1;
      const seen = rows.map((_, b) => Array.from({ length }, (_, t) => (t < prompt ? real[b * prompt + t] : 1)));
      const positions = seen.map((row) => row.map((_, t) => Math.max(0, row.slice(0, t + 1).reduce((n, x) => n + x, 0) - 1)).slice(from));
      const input = tensor(Int32Array.from(rows.flatMap((row) => row.slice(from))), {
        shape: [batch, length - from],
        backend: ids.backend,
      });
      const all = tensor(Int32Array.from(seen.flat()), { shape: [batch, length], backend: ids.backend });
      return lastOf(model.forward(input, { cache, positions, mask: all }));
    },
    end: () => cache.forEach((one) => one.dispose()),
  };
}

function stacks(model: Stacks, source: Tensor, mask: Tensor | undefined, base: Record<string, unknown>): Stepper {
  const cache = model.cache();
  const memory = noGrad(() => model.encode(source, { mask }));
  const batch = source.shape[0];
  return {
    start: Array.from({ length: batch }, () => [base.decoder_start_token_id as number]),
    next: (rows) => {
      const input = tensor(Int32Array.from(rows.map((row) => row.at(-1)!)), { shape: [batch, 1], backend: source.backend });
      return lastOf(model.decode(input, memory, { cache, mask }));
    },
    end: () => cache.forEach((one) => [one.self, one.memory].forEach((part) => part.dispose())),
  };
}

function lastOf(logits: Tensor): Tensor {
  const tokens = logits.shape[1]!;
  return slice(logits, 1, tokens - 1, tokens);
}
