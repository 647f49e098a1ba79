import { type Backend, cast, cos, type DType, mul, ShapeError, sin, Tensor, tensor, unsqueeze, ValueError } from '@multihead/tensor';

/** How fast each pair of elements turns, and a factor on the tables that some scalings ask for. */
export interface RopeFrequencies {
  /** Radians a token, by pair: [R/2], rounded to float32 at each step as Hugging Face's `ROPE_INIT_FUNCTIONS` do. */
  readonly inverse: Float32Array;
  readonly attentionFactor: number;
}

/** What `rope` of `@multihead/tensor` takes: cos and sin of the angles, [T, R/2] or [B, T, R/2]. */
export interface RopeTables {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

export interface RopeTablesOptions {
  dtype?: Extract<DType, 'float32' | 'float64'>;
  backend?: Backend;
}

/**
 * The frequencies of rotary positions: base^(-2i / dim) for pair i.
 *
 * `dim` is the number of elements of a head that turn: all of them, or a part (`partial_rotary_factor` · head dim: Phi, GPT-NeoX), the first
 * ones. Scaled to longer contexts: `linearRope`, `dynamicNtkRope`, `yarnRope`, `longRope`, `llama3Rope`, or `ropeOfConfig` from a checkpoint's
 * configuration. Throws a ValueError if `dim` is no even number. Su et al., "RoFormer", 2021.
 *
 * @example
 * const { cos, sin } = ropeTables(tokens, ropeFrequencies(64)); // [tokens, 32]
 * const turned = rope(q, cos, sin); // Llama's and GPT-NeoX's pairs; { interleaved: true } for the paper's and GPT-J's
 */
export function ropeFrequencies(dim: number, options: { base?: number } = {}): RopeFrequencies {
  return { inverse: ropePeriods('ropeFrequencies', dim, options.base).map((period) => 1 / period), attentionFactor: 1 };
}

/** base^(2i / dim), tokens in which pair i turns by one radian. */
export function ropePeriods(op: string, dim: number, base = 10_000): Float32Array {
  if (!(Number.isInteger(dim) && dim >= 0 && dim % 2 === 0)) throw new ValueError(`${op}: dim: expected an even number, got ${dim}`);
  if (!(base > 0)) throw new ValueError(`${op}: base: expected a positive number, got ${base}`);
  return Float32Array.from({ length: dim / 2 }, (_, i) => Math.fround(base) ** Math.fround((2 * i) / dim));
}

/**
 * cos and sin of position · frequency, times the attention factor, for `rope` of `@multihead/tensor`.
 *
 * `positions` are a number n for 0 … n - 1, a list of T numbers, or an int32 or float tensor [T] or [B, T]; the tables [T, R/2] or [B, T, R/2].
 * Throws a ShapeError for a tensor of another rank.
 *
 * @example
 * const { cos, sin } = ropeTables([5, 6, 7], ropeFrequencies(64)); // the tokens behind five others: [3, 32]
 */
export function ropeTables(
  positions: number | ArrayLike<number> | Tensor,
  frequencies: RopeFrequencies,
  options: RopeTablesOptions = {},
): RopeTables {
  if (!(positions instanceof Tensor)) return tablesOf([placesOf(positions)], frequencies, options);
  if (positions.rank !== 1 && positions.rank !== 2) {
    throw new ShapeError(`ropeTables: positions: expected [T] or [B, T], got [${positions.shape.join(', ')}]`);
  }
  const { inverse, attentionFactor } = frequencies;
  const { dtype = 'float32' } = options;
  const angles = mul(unsqueeze(cast(positions, dtype), -1), tensor(inverse, { dtype, backend: positions.backend })); // [..., T, R/2]
  return { cos: mul(cos(angles), attentionFactor), sin: mul(sin(angles), attentionFactor) };
}

/**
 * Rotary positions of a grid: the first half of the pairs turns by the row, the other by the column, as in Qwen2-VL's image encoder.
 *
 * `frequencies` are those of half the turning elements: `ropeFrequencies(headDim / 2)`. The tables are [height · width, R/2], row by row.
 * Heo et al., "Rotary Position Embedding for Vision Transformer", 2024.
 *
 * @example
 * const { cos, sin } = ropeTables2d(14, 14, ropeFrequencies(32)); // heads of 64: [196, 32]
 */
export function ropeTables2d(height: number, width: number, frequencies: RopeFrequencies, options: RopeTablesOptions = {}): RopeTables {
  const cells = placesOf(height * width);
  return tablesOf([cells.map((i) => Math.floor(i / width)), cells.map((i) => i % width)], frequencies, options);
}

function placesOf(positions: number | ArrayLike<number>): number[] {
  return typeof positions === 'number' ? Array.from({ length: positions }, (_, i) => i) : Array.from(positions);
}

/** The pairs turn by the first coordinate, then by the next. Angles are rounded to float32, as where positions and frequencies are multiplied. */
function tablesOf(
  coordinates: readonly (readonly number[])[],
  { inverse, attentionFactor }: RopeFrequencies,
  options: RopeTablesOptions,
): RopeTables {
  const [tokens, each] = [coordinates[0]!.length, inverse.length];
  const width = coordinates.length * each;
  const table = (wave: (angle: number) => number) => {
    const data = new Float64Array(tokens * width);
    for (let t = 0; t < tokens; t++) {
      for (let i = 0; i < width; i++) {
        const angle = Math.fround(coordinates[Math.floor(i / each)]![t]! * inverse[i % each]!);
        data[t * width + i] = Math.fround(wave(angle)) * attentionFactor;
      }
    }
    return tensor(data, { shape: [tokens, width], dtype: 'float32', ...options });
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}
