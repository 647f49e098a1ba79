import * as processors from '@multihead/transformer/generation';
import { timestampRules } from '@multihead/transformer/speech';
import { Archive, type Json, type TensorRef } from '../archive.js';
import type { Folder } from '../folder.js';
import { type Check, type Family, notBuilt } from '../suite.js';

/* Logits processors: the scores that transformers makes of others. */

interface ProcessorCase {
  readonly name: string;
  /** The class in transformers. */
  readonly op: string;
  readonly kwargs: Readonly<Record<string, Json>>;
  readonly input_ids: readonly (readonly number[])[];
  readonly inputs: { readonly scores: TensorRef };
  readonly outputs: readonly [TensorRef];
  readonly rtol: number;
  readonly atol: number;
  readonly equal_nan: boolean;
}

export function processorsFamily(folder: Folder): Family {
  const { family, cases, data } = folder.json('processors.json') as { family: string; data: string; cases: readonly ProcessorCase[] };
  const archive = new Archive(folder, data);
  return { name: family, cases: cases.map((golden) => ({ name: golden.name, run: async () => [runProcessor(golden, archive)] })) };
}

function runProcessor(golden: ProcessorCase, archive: Archive): Check {
  const scores = archive.values(golden.inputs.scores);
  const want = archive.values(golden.outputs[0]);
  const width = scores.shape.at(-1)!;
  const rows = Array.from({ length: scores.shape[0] }, (_, i) => Float32Array.from(scores.data.slice(i * width, (i + 1) * width)));
  const out = outputOf(golden, rows);
  const got = { shape: [out.length, width], kind: scores.kind, data: Float32Array.from(out.flatMap((row) => Array.from(row))) };
  return { what: 'scores', got, want: [want], tolerance: { rtol: golden.rtol, atol: golden.atol, equalNan: golden.equal_nan } };
}

function outputOf({ op, kwargs, input_ids: ids }: ProcessorCase, rows: Float32Array[]): Float32Array[] {
  if (op === 'ClassifierFreeGuidanceLogitsProcessor') {
    const half = rows.length / 2;
    return ids.map((_, i) => processors.classifierFreeGuidance(rows[i], rows[half + i], kwargs.guidance_scale as number));
  }
  if (op === 'HammingDiversityLogitsProcessor')
    throw notBuilt('the arguments of HammingDiversityLogitsProcessor, which transformers 5 has no more');
  const make = makers[op];
  if (!make) throw notBuilt(`the processor ${op}`);
  const process = make(kwargs as Arguments);
  for (const [i, row] of rows.entries()) process(row, ids[i], i);
  return rows;
}

// biome-ignore lint/suspicious/noExplicitAny: arguments as JSON has them; each maker knows its own
type Arguments = Readonly<Record<string, any>>;

const keepOf = ({ min_tokens_to_keep: keep = 1 }: Arguments) => ({ keep });
const endsOf = ({ eos_token_id: ends }: Arguments): number[] => [ends ?? []].flat();

const makers: Readonly<Record<string, (kwargs: Arguments) => processors.LogitsProcessor>> = {
  TemperatureLogitsWarper: ({ temperature }) => processors.temperature(temperature),
  TopKLogitsWarper: (kwargs) => processors.topK(kwargs.top_k, keepOf(kwargs)),
  TopPLogitsWarper: (kwargs) => processors.topP(kwargs.top_p, keepOf(kwargs)),
  MinPLogitsWarper: (kwargs) => processors.minP(kwargs.min_p, keepOf(kwargs)),
  TopHLogitsWarper: ({ top_h }) => processors.topH(top_h),
  TypicalLogitsWarper: (kwargs) => processors.typical(kwargs.mass, keepOf(kwargs)),
  EpsilonLogitsWarper: (kwargs) => processors.epsilonCutoff(kwargs.epsilon, keepOf(kwargs)),
  EtaLogitsWarper: (kwargs) => processors.etaCutoff(kwargs.epsilon, keepOf(kwargs)),
  RepetitionPenaltyLogitsProcessor: ({ penalty, prompt_ignore_length: skipped = 0 }) => {
    const process = processors.repetitionPenalty(penalty);
    return (scores, ids, row) => process(scores, ids.slice(skipped ?? 0), row);
  },
  EncoderRepetitionPenaltyLogitsProcessor: ({ penalty, encoder_input_ids }) =>
    processors.encoderRepetitionPenalty(penalty, encoder_input_ids),
  NoRepeatNGramLogitsProcessor: ({ ngram_size }) => processors.noRepeatNgram(ngram_size),
  EncoderNoRepeatNGramLogitsProcessor: ({ encoder_ngram_size, encoder_input_ids }) =>
    processors.encoderNoRepeatNgram(encoder_ngram_size, encoder_input_ids),
  SequenceBiasLogitsProcessor: ({ sequence_bias: biases }) => processors.sequenceBias(Array.isArray(biases) ? biases : pairsOf(biases)),
  NoBadWordsLogitsProcessor: (kwargs) => processors.badWords(kwargs.bad_words_ids, { ends: endsOf(kwargs) }),
  MinLengthLogitsProcessor: (kwargs) => processors.minLength(kwargs.min_length, endsOf(kwargs)),
  MinNewTokensLengthLogitsProcessor: (kwargs) =>
    processors.minNewTokens(kwargs.min_new_tokens, kwargs.prompt_length_to_skip, endsOf(kwargs)),
  PrefixConstrainedLogitsProcessor: ({ allowed }) => processors.prefixAllowed(() => allowed),
  ForcedBOSTokenLogitsProcessor: ({ bos_token_id }) => processors.forcedBos(bos_token_id),
  ForcedEOSTokenLogitsProcessor: (kwargs) => processors.forcedEos(kwargs.max_length, endsOf(kwargs)),
  ExponentialDecayLengthPenalty: (kwargs) =>
    processors.exponentialDecayLengthPenalty(kwargs.exponential_decay_length_penalty, kwargs.input_ids_seq_length, endsOf(kwargs)),
  SuppressTokensLogitsProcessor: ({ suppress_tokens }) => processors.suppressTokens(suppress_tokens),
  SuppressTokensAtBeginLogitsProcessor: ({ begin_suppress_tokens, begin_index }) =>
    processors.suppressTokensAtBegin(begin_suppress_tokens, begin_index),
  WhisperTimeStampLogitsProcessor: ({ generate_config, begin_index, ...rest }) =>
    timestampRules({ no_timestamps_token_id: 0, eos_token_id: 0, ...generate_config, ...rest }, begin_index ?? 0),
  InfNanRemoveLogitsProcessor: () => processors.removeInvalidValues(),
  LogitNormalization: () => processors.normalizeLogits(),
};

/** `{"(1, 2)": 3}`, as Python's tuples become keys of JSON. */
function pairsOf(biases: Readonly<Record<string, number>>): [number[], number][] {
  return Object.entries(biases).map(([key, bias]) => [(key.match(/\d+/g) ?? []).map(Number), bias]);
}
