import { mul, tensor } from '@multihead/tensor';
import { ropeFrequencies, type RopeTables, type RopeTablesOptions, ropeTables } from './rope.js';

/**
 * xPos: rotary positions whose pairs also shrink with distance, by ζ^((i - j) / scaleBase): slow pairs least, so that far tokens count less.
 * ζ of pair p is (2p / dim + 0.4) / 1.4.
 *
 * `positions` are a count or a list, for queries and keys counted from one place, which may lie in the middle: beyond 36,000 from it factors overflow
 * float32. The tables are for `rope` of `@multihead/tensor`, in the paper with
 * `interleaved: true`. For causal attention: ahead, the factor would grow. Exact; costs what `rope` costs.
 * Sun et al., "A Length-Extrapolatable Transformer", 2022.
 *
 * @example
 * const tables = xPosTables(tokens, 64);
 * const [qx, kx] = [rope(q, tables.query.cos, tables.query.sin), rope(k, tables.key.cos, tables.key.sin)];
 */
export function xPosTables(
  positions: number | readonly number[],
  dim: number,
  options: RopeTablesOptions & { base?: number; scaleBase?: number } = {},
): { query: RopeTables; key: RopeTables } {
  const { base, scaleBase = 512, ...where } = options;
  const places = typeof positions === 'number' ? Array.from({ length: positions }, (_, i) => i) : positions;
  const { cos, sin } = ropeTables(places, ropeFrequencies(dim, { base }), where);
  const scaled = (sign: number): RopeTables => {
    const factors = places.flatMap((place) =>
      Array.from({ length: dim / 2 }, (_, p) => (((2 * p) / dim + 0.4) / 1.4) ** ((sign * place) / scaleBase)),
    );
    const factor = tensor(Float64Array.from(factors), { shape: cos.shape, dtype: cos.dtype as 'float32', backend: cos.backend });
    return { cos: mul(cos, factor), sin: mul(sin, factor) };
  };
  return { query: scaled(1), key: scaled(-1) };
}
