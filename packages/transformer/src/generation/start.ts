import type { AttentionCache } from '@multihead/attention';
import { Tensor, tensor, ValueError } from '@multihead/tensor';
import type { Rng } from '@multihead/tensor';
import type { Tap } from '../context.js';
import { type GenerationConfig, idsOf, maxLengthOf, processorsOf, type RowPlan } from './config.js';
import {
  backendOf,
  type Caching,
  CausalDecoding,
  type CausalModel,
  type Decoding,
  type LanguageModel,
  type Prompt,
  RowDecoding,
  rowsOf,
  SourceDecoding,
} from './decoding.js';
import { type Guidance, guidanceOf } from './guidance.js';
import { SpeculativeDecoding } from './speculative.js';
import { checkCount, type LogitsProcessor } from './processors/scores.js';
import { stopsAt, type TextDecoder } from './stop-strings.js';

/** What `generate` and `beamSearch` take: a generation config, and what is no part of one. */
export interface GenerateOptions extends GenerationConfig {
  /** int32 or bool [B, T] beside a prompt that is a tensor: 0 at padding. As in transformers, that padding counts for processors and lengths. */
  mask?: Tensor | null;
  /** What a decoder begins with, row by row or for all of them, in place of `decoder_start_token_id`. */
  decoder_ids?: readonly number[];
  /** Sampling draws from it, on the host: the same on every backend. */
  rng?: Rng;
  signal?: AbortSignal;
  /** Makes what keeps keys and values, in place of the model's own caches: for each layer, and in two stacks of the source (`memory`) besides. */
  cache?: (layer: number, kind: 'self' | 'memory') => AttentionCache;
  /** What `guidance_scale` leads away from: rows of ids, one for each of the prompt or one for all. */
  negative_prompt_ids?: Prompt | null;
  /** int32 or bool [B, T] beside `negative_prompt_ids` that are a tensor: 0 at padding. */
  negative_prompt_attention_mask?: Tensor | null;
  tokenizer?: TextDecoder;
  /** The tokens that may come behind the ids so far of a row of the batch. */
  prefixAllowed?: (ids: readonly number[], row: number) => Iterable<number>;
  /** A smaller model with the same vocabulary that guesses ahead; the ids stay those of the model alone. One row only. */
  draft?: CausalModel;
  /** Tokens that a draft guesses at a time; 5 if left out. */
  num_draft_tokens?: number;
  /** Sees and changes the activations of each pass: the prompt's first, then those of the new tokens. */
  tap?: Tap;
  /** More processors, before those of sampling. */
  processors?: readonly LogitsProcessor[];
}

/** All that is needed to go on from a prompt. */
export interface Start {
  decoding: Decoding;
  guidance: Guidance | null;
  /** Prompts, or what the decoder begins with. */
  rows: number[][];
  /** For each row. */
  plans: { maxLength: number; processors: LogitsProcessor[] }[];
  /** True where a row is at its end. */
  isEnded(row: readonly number[], promptLength: number): boolean;
}

/** Reads the prompt and makes a Decoding, which is the caller's to dispose. */
export async function start(
  op: string,
  plain: LanguageModel,
  prompt: Prompt,
  options: GenerateOptions,
  held?: RowDecoding,
): Promise<Start> {
  if (held && options.tap) throw new ValueError(`${op}: tap: expected none in a session, whose keys were computed without it`);
  const model = options.tap ? tapped(plain, options.tap) : plain;
  const { mask = null, eos_token_id, use_cache: useCache } = options;
  if (options.do_sample && !options.rng) throw new ValueError(`${op}: rng: expected an Rng, as do_sample draws from it`);
  const isSource = 'decode' in model;
  const isFeatures = prompt instanceof Tensor && prompt.rank === 3;
  const read = isFeatures && isSource ? null : await rowsOf(op, prompt, mask);
  const prompts = read?.rows ?? null;
  const rows = isSource ? startRows(op, prompts?.length ?? (prompt as Tensor).shape[0]!, options) : prompts!;
  const plans = rows.map((row) => {
    const maxLength = maxLengthOf(op, options, row.length);
    const plan: RowPlan = { promptLength: row.length, maxLength, sources: isSource ? prompts : null, ...options };
    return { maxLength, processors: processorsOf(options, plan) };
  });
  const ends = new Set(idsOf(eos_token_id));
  const stops = stopsAt(op, options.stop_strings, options.tokenizer);
  const isLate = deadlineOf(op, options);
  const isEnded = (row: readonly number[], promptLength: number) =>
    ends.has(row.at(-1)!) || isLate() || (stops?.(row.slice(promptLength)) ?? false);
  const caching: Caching = { useCache: useCache ?? true, cache: options.cache };
  const guidance = await guidanceOf(op, model, rows, options, caching);
  try {
    return { decoding: decodingOf(), guidance, rows, plans, isEnded };
  } catch (error) {
    guidance?.dispose();
    throw error;
  }

  function decodingOf(): Decoding {
    if (held || options.draft) {
      if ('decode' in model || rows.length !== 1 || read!.real)
        throw new ValueError(`${op}: prompt: expected one row without padding for a model of one stack`);
      if (options.cache)
        throw new ValueError(`${op}: cache: expected none in a session or beside a draft, which take back what was guessed`);
      if (!options.draft) return held!;
      return new SpeculativeDecoding(held ?? new RowDecoding(model), options.draft, guessesOf(op, options), plans[0]!.maxLength);
    }
    if (!('decode' in model)) return new CausalDecoding(model, rows, read!.real, caching);
    if (prompt instanceof Tensor) return new SourceDecoding(model, prompt, mask, caching);
    return paddedSource(model, prompts!, options.pad_token_id ?? 0, caching);
  }
}

/** Whether `max_time` is over, counted from here. */
function deadlineOf(op: string, { max_time: seconds }: GenerateOptions): () => boolean {
  if (seconds === null || seconds === undefined) return () => false;
  if (!(seconds >= 0)) throw new ValueError(`${op}: max_time: expected seconds, 0 or more, got ${String(seconds)}`);
  const end = performance.now() + 1000 * seconds;
  return () => performance.now() > end;
}

/** A model that shows all that it does to a tap. `model` is a field, so that its parameters are found. */
function tapped(model: LanguageModel, tap: Tap): LanguageModel {
  if (!('decode' in model)) return { model, forward: (ids, ctx) => model.forward(ids, { ...ctx, tap }), cache: () => model.cache() } as LanguageModel; // biome-ignore format: one model
  return {
    model,
    encode: (source, ctx) => model.encode(source, { ...ctx, tap }),
    decode: (ids, memory, ctx) => model.decode(ids, memory, { ...ctx, tap }),
    cache: () => model.cache(),
  } as LanguageModel;
}

function guessesOf(op: string, { num_draft_tokens: guesses = 5 }: GenerateOptions): number {
  checkCount(op, 'num_draft_tokens', guesses, 1);
  return guesses;
}

function startRows(op: string, batch: number, { decoder_ids, decoder_start_token_id, bos_token_id }: GenerateOptions): number[][] {
  const first = decoder_ids ?? idsOf(decoder_start_token_id ?? bos_token_id);
  if (first.length === 0) throw new ValueError(`${op}: decoder_start_token_id: expected the id that a decoder begins with, got none`);
  return Array.from({ length: batch }, () => [...first]);
}

/** Sources of different lengths as one tensor, with padding on the right. */
function paddedSource(
  model: Extract<LanguageModel, { encode: unknown }>,
  rows: readonly (readonly number[])[],
  pad: number,
  caching: Caching,
): Decoding {
  const longest = Math.max(...rows.map((row) => row.length));
  const shape = { shape: [rows.length, longest], backend: backendOf(model) };
  const padded = rows.map((row) => Array.from({ length: longest }, (_, t) => row[t] ?? pad));
  const source = tensor(Int32Array.from(padded.flat()), shape);
  const mask = rows.every((row) => row.length === longest)
    ? null
    : tensor(Int32Array.from(rows.flatMap((row) => Array.from({ length: longest }, (_, t) => (t < row.length ? 1 : 0)))), shape);
  try {
    return new SourceDecoding(model, source, mask, caching);
  } finally {
    source.dispose();
    mask?.dispose();
  }
}
