import { type Tensor, tensor, zeros } from '@multihead/tensor';
import type { SpeechGenerationConfig, SpeechModel, SpeechTokenizer } from '@multihead/transformer/speech';

/* A model that writes what a test tells it to, window by window, and a vocabulary for it. */

const texts = [' one', ' two', ' three', ' four', '.', 'teen', ' (', ')', '\u{1F600}a', '\u{1F600}b'];
const special = ['eos', 'sot', '<|en|>', '<|de|>', 'transcribe', 'translate', 'prev', 'nospeech', 'notimes'];
/** Steps of a window of a second. */
export const steps = 50;
const size = texts.length + special.length + steps + 1;

/** The id of a text or of a special token, or of a time in steps. */
export const id = (token: string | number): number =>
  typeof token === 'number' ? texts.length + special.length + token : [...texts, ...special].indexOf(token);
export const ids = (...tokens: (string | number)[]): number[] => tokens.map(id);

export const tokenizer: SpeechTokenizer = {
  encode: (text) => ({ ids: [id('sot'), ...(text.match(/ ?[a-z]+|./g) ?? []).map(id), id('eos')] }),
  decode: (list) => Array.from(list, (one) => texts[one] ?? `<${one}>`).join('').replaceAll('\u{1F600}a\u{1F600}b', '\u{1F600}').replaceAll(/\u{1F600}[ab]/gu, '\ufffd'), // biome-ignore format: one row
};

export const generation: SpeechGenerationConfig = {
  decoder_start_token_id: id('sot'),
  eos_token_id: id('eos'),
  is_multilingual: true,
  lang_to_id: { '<|en|>': id('<|en|>'), '<|de|>': id('<|de|>') },
  task_to_id: { transcribe: id('transcribe'), translate: id('translate') },
  no_timestamps_token_id: id('notimes'),
  prev_sot_token_id: id('prev'),
};

/** What is written in a window: ids, how sure of them it is, and how likely it is that nobody speaks. */
export interface Script {
  readonly ids: readonly number[];
  /** ln p of each text; 0 if left out, -2 at least. */
  readonly logprob?: number;
  readonly noSpeech?: number;
  readonly language?: string;
}

export type LookAt = (token: number, place: number) => readonly [number, number];

/**
 * Writes `scripts` in the order in which windows are heard. `heard` has the first band of each window, and `asked` what the decoder began with each time. Attention of
 * head 0 of layer 1 looks at steps [from, to) = `lookAt(token, its place in the text)`.
 */
export function scripted(scripts: readonly Script[], lookAt: LookAt = () => [0, 1]) {
  const heard: Float32Array[] = [];
  const asked: number[][] = [];
  let rows: number[][] = [];
  const model: SpeechModel = {
    config: {
      num_mel_bins: 4,
      max_source_positions: steps,
      max_target_positions: 40,
      decoder_layers: 2,
      decoder_attention_heads: 2,
      median_filter_width: 1,
    },
    encode: (features) => {
      heard.push(Float32Array.from(features.dataSync().subarray(0, features.shape[2])));
      return zeros([1, steps, 2]);
    },
    decode: (input, _, { cache, tap } = {}) => {
      const known = (cache?.[0]?.self as unknown as { fake?: number[][] } | undefined)?.fake;
      const fresh = Array.from(input.dataSync());
      const width = input.shape[1]!;
      const [batch] = input.shape as [number];
      const all = Array.from({ length: batch }, (_, b) => [
        ...(known?.[b] ?? known?.[0] ?? []),
        ...fresh.slice(b * width, (b + 1) * width),
      ]);
      const first = cache?.[0]?.self as unknown as { fake?: number[][] };
      if (first) {
        first.fake = all;
        Object.defineProperty(first, 'length', { configurable: true, get: () => all[0]!.length });
      }
      rows = all;
      if (!known) asked.push(all[0]!);
      if (tap) tap('decoder.blocks.1.cross.pattern', patternOf(all[0]!, lookAt));
      return logitsOf(all, width, scripts[heard.length - 1]!);
    },
    cache: () => [],
  };
  return { model, heard, asked, rows: () => rows };
}

function logitsOf(rows: readonly (readonly number[])[], width: number, script: Script): Tensor {
  const data = new Float32Array(rows.length * width * size).fill(-30);
  for (const [b, row] of rows.entries()) {
    for (let t = 0; t < width; t++) {
      const scores = data.subarray((b * width + t) * size, (b * width + t + 1) * size);
      write(scores, row.slice(0, row.length - width + t + 1), script);
    }
  }
  return tensor(data, { shape: [rows.length, width, size] });
}

function write(
  scores: Float32Array,
  before: readonly number[],
  { ids: list, logprob = 0, noSpeech = 0, language = '<|en|>' }: Script,
): void {
  if (before.at(-1) === id('sot')) {
    scores[id(language)] = 0;
    scores[id('nospeech')] = Math.log(noSpeech / (1 - noSpeech)); // beside the language alone
    return;
  }
  const written = before.slice(before.lastIndexOf(id('transcribe')) + 1).filter((one) => one !== id('notimes'));
  const plain = before.includes(id('notimes')) ? list.filter((one) => one < id(0)) : list;
  const next = plain[written.length] ?? id('eos');
  // The rest of the likelihood is with the other texts, none of which is as likely.
  if (next < id('eos')) scores.fill(Math.log(Math.expm1(-logprob) / (texts.length - 1)), 0, texts.length);
  scores[next] = 0;
}

/** [1, 2, T, S]: head 0 looks at the step that it is told to, head 1 anywhere. */
function patternOf(row: readonly number[], lookAt: LookAt): Tensor {
  const data = new Float32Array(2 * row.length * steps).fill(0.5 / steps);
  const from = row.indexOf(id('notimes'));
  // The row of a token predicts the next one.
  for (let t = from; t >= 0 && t < row.length - 1; t++) {
    const [first, end] = lookAt(row[t + 1]!, t - from);
    data.fill(0.5 / (end - first), t * steps + first, t * steps + end);
  }
  return tensor(data, { shape: [1, 2, row.length, steps] });
}
