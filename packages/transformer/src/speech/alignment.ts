import { keep, noGrad, select, softmax, type Tensor, tidy, ValueError } from '@multihead/tensor';
import { type Matrix, timeWarping } from './time-warping.js';
import type { WindowMemory } from './window-memory.js';
import { splitWords, type TokenWord } from './words.js';

/*
 * Where words are said, by what the decoder looked at when it wrote them: the attention of some heads to the sound, normed and smoothed, is a picture with a bright line
 * from the upper left to the lower right, and dynamic time warping finds it.
 */

/** A word and its place, in steps of the model's times from the beginning of the window. */
export interface AlignedWord extends TokenWord {
  readonly start: number;
  readonly end: number;
  /** The mean of what its tokens were likely to be. */
  readonly probability: number;
}

export interface AlignOptions {
  /** What the decoder begins with. */
  prefix: readonly number[];
  eos_token_id: number;
  /** [layer, head]. */
  heads: readonly (readonly [number, number])[];
  /** Steps of the window in which there is sound. */
  steps: number;
  medianWidth: number;
  decode: (ids: readonly number[]) => string;
  language: string | null;
}

/** The words of `text` ids, and where they are said in a window. */
export async function alignWords(window: WindowMemory, text: readonly number[], options: AlignOptions): Promise<AlignedWord[]> {
  const { prefix, eos_token_id: end, decode, language } = options;
  if (text.length === 0) return [];
  const { maps, probabilities } = await look(window, [...prefix, ...text, end], options);
  // The row of a token is that of the one before it, which predicts it: the texts, and the end behind them.
  const rows = text.length + 1;
  const from = prefix.length - 1;
  const { data, columns } = brightness(maps, options.medianWidth);
  const costs = { data: data.subarray(from * columns, (from + rows) * columns).map((x) => -x), rows, columns };
  const path = timeWarping(costs);
  const starts = new Int32Array(rows); // where each token is first met
  for (let i = path.rows.length - 1; i >= 0; i--) starts[path.rows[i]!] = path.columns[i]!;
  let at = 0;
  return splitWords(text, decode, language).map((word) => {
    const first = at;
    at += word.ids.length;
    const sure = probabilities.slice(first, at).reduce((sum, p) => sum + p, 0) / word.ids.length;
    return { ...word, start: starts[first]!, end: starts[at]!, probability: sure };
  });
}

/** One pass over all tokens: the attention maps [T, steps] of the heads, and how likely each text token was. */
async function look(
  window: WindowMemory,
  ids: readonly number[],
  { prefix, heads, steps, eos_token_id: end }: AlignOptions,
): Promise<{ maps: Matrix[]; probabilities: number[] }> {
  const wanted = new Map(heads.map(([layer]) => [`decoder.blocks.${layer}.cross.pattern`, layer]));
  const made = noGrad(() =>
    tidy(() => {
      const seen = new Map<number, Tensor>();
      const tap = (name: string, x: Tensor) => {
        const layer = wanted.get(name);
        if (layer !== undefined) seen.set(layer, x); // [1, H, T, S]
      };
      const logits = window.decode(ids, tap); // [1, T, V]
      const picked = heads.map(([layer, head]) => {
        const pattern = seen.get(layer);
        if (!pattern || head >= pattern.shape[1]!)
          throw new ValueError(`transcribe: alignment_heads: the model has no head [${layer}, ${head}]`);
        return keep(select(select(pattern, 0, 0), 0, head)); // [T, S]
      });
      return { picked, likely: keep(softmax(select(logits, 0, 0))) };
    }),
  );
  try {
    const maps: Matrix[] = [];
    for (const map of made.picked) maps.push(cropped(await map.data(), map.shape as [number, number], steps));
    const likely = (await made.likely.data()) as Float32Array;
    const width = made.likely.shape[1]!;
    const text = ids.slice(prefix.length, -1);
    // Among the texts alone: neither times nor the end could have come there.
    const probabilities = text.map((id, i) => {
      const row = likely.subarray((prefix.length - 1 + i) * width, (prefix.length - 1 + i) * width + Math.min(width, end));
      return row[id]! / row.reduce((sum, p) => sum + p, 0);
    });
    return { maps, probabilities };
  } finally {
    for (const map of made.picked) map.dispose();
    made.likely.dispose();
  }
}

/** The first columns of a map, where there is sound; each row sums to 1 again. */
function cropped(data: ArrayLike<number>, [rows, width]: readonly [number, number], steps: number): Matrix {
  const columns = Math.max(1, Math.min(width, steps));
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += data[i * width + j]!;
    for (let j = 0; j < columns; j++) out[i * columns + j] = sum > 0 ? data[i * width + j]! / sum : 0;
  }
  return { data: out, rows, columns };
}

/** The mean of maps, each normed over its rows, column by column, and smoothed along its rows. */
export function brightness(maps: readonly Matrix[], medianWidth: number): Matrix {
  const [{ rows, columns }] = maps as [Matrix];
  const sum = new Float64Array(rows * columns);
  for (const map of maps) {
    const smooth = medianFilter(normed(map), medianWidth);
    for (let i = 0; i < sum.length; i++) sum[i]! += smooth.data[i]! / maps.length;
  }
  return { data: sum, rows, columns };
}

/** (x - mean) / deviation over the rows of each column: what most tokens look at says nothing about one. */
function normed({ data, rows, columns }: Matrix): Matrix {
  const out = new Float64Array(data.length);
  for (let j = 0; j < columns; j++) {
    let mean = 0;
    for (let i = 0; i < rows; i++) mean += data[i * columns + j]! / rows;
    let variance = 0;
    for (let i = 0; i < rows; i++) variance += (data[i * columns + j]! - mean) ** 2 / rows;
    for (let i = 0; i < rows; i++) out[i * columns + j] = variance > 0 ? (data[i * columns + j]! - mean) / Math.sqrt(variance) : 0;
  }
  return { data: out, rows, columns };
}

/**
 * The middle one of `width` neighbours in place of each number of a row; the ends are mirrored. Rows no longer than half of `width` stay as they are, as in
 * transformers. Throws a ValueError unless `width` is odd.
 */
export function medianFilter({ data, rows, columns }: Matrix, width: number): Matrix {
  if (!(Number.isInteger(width) && width >= 1 && width % 2 === 1)) {
    throw new ValueError(`transcribe: median_filter_width: expected an odd number, got ${String(width)}`);
  }
  const half = (width - 1) / 2;
  if (columns <= half || half === 0) return { data, rows, columns };
  const out = new Float64Array(data.length);
  const window = new Float64Array(width);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      for (let k = 0; k < width; k++) {
        const at = Math.abs(j + k - half);
        window[k] = data[i * columns + (at >= columns ? 2 * (columns - 1) - at : at)]!;
      }
      out[i * columns + j] = window.sort()[half]!;
    }
  }
  return { data: out, rows, columns };
}
