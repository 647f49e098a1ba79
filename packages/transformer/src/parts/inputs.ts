import { type Backend, ne, reshape, ShapeError, type Tensor, tensor, ValueError } from '@multihead/tensor';
import type { BlockContext, DecoderBlockContext, ForwardContext, StacksContext } from '../context.js';

/* What a context says, checked once for each forward pass and turned into what blocks need. */

/** Throws a ShapeError that names the model where ids are not [B, T]. */
export function checkIds(model: string, ids: Tensor): void {
  if (ids.rank !== 2) throw new ShapeError(`${model}: ids: expected [batch, tokens], got [${ids.shape.join(', ')}]`);
}

export interface Sizes {
  batch: number;
  tokens: number;
  /** Tokens in the cache. */
  past: number;
}

/** The sizes of x [B, T, ...], and how many tokens came before them. */
export function sizesOf(x: Tensor, ctx: { cache?: ForwardContext['cache'] }): Sizes {
  const [batch, tokens] = x.shape as [number, number];
  return { batch, tokens, past: ctx.cache?.[0]?.length ?? 0 };
}

/** Whether a mask [B, 1 or H, Q, K] says by itself who looks at whom. One of a single row speaks of keys alone. */
function isWhole(mask: Tensor | null | undefined): boolean {
  return mask?.rank === 4 && mask.shape[2]! > 1;
}

/** The mask of a context as `attend` takes it: [B, 1, 1, K], or as it came if it has four axes. */
export function maskOf(model: string, ctx: { mask?: Tensor | null }, { batch, tokens, past }: Sizes): Tensor | null {
  const { mask } = ctx;
  const keys = past + tokens;
  if (!mask) return null;
  const got = `[${mask.shape.join(', ')}]`;
  // Only a mask of four axes may be a bias, added to the scores; of two, floats are 0 and 1, as transformers takes them.
  const known = mask.dtype === 'bool' || (mask.rank === 4 && mask.dtype !== 'int32') ? mask : ne(mask, 0);
  if (mask.rank === 4) return known;
  if (mask.rank !== 2 || mask.shape[0] !== batch || mask.shape[1] !== keys) {
    throw new ShapeError(`${model}: mask: expected [batch, keys] = [${batch}, ${keys}], or four axes as attend takes them, got ${got}`);
  }
  return reshape(known, [batch, 1, 1, keys]);
}

/** The places of the tokens: those of the context, or for all samples the next `tokens` ones. Throws where they do not fit. */
export function placesOf(model: string, ctx: { positions?: ForwardContext['positions'] }, { batch, tokens, past }: Sizes): number[][] {
  const { positions } = ctx;
  if (!positions) return [Array.from({ length: tokens }, (_, i) => past + i)];
  if (positions.length !== batch || positions.some((row) => row.length !== tokens)) {
    const got = `[${positions.length}, ${[...new Set(positions.map((row) => row.length))].join(' or ')}]`;
    throw new ShapeError(`${model}: positions: expected [batch, tokens] = [${batch}, ${tokens}], got ${got}`);
  }
  const wrong = positions.flat().find((place) => !Number.isInteger(place) || place < 0);
  if (wrong !== undefined) throw new ValueError(`${model}: positions: expected integers from 0, got ${wrong}`);
  return positions.map((row) => [...row]);
}

/** Places as int32 ids [B or 1, T] into a table of `rows` rows. Throws a ValueError for one behind its end. */
export function placeIds(model: string, places: readonly (readonly number[])[], rows: number, backend: Backend): Tensor {
  const most = places.reduce((top, row) => Math.max(top, ...row), 0);
  if (most >= rows) throw new ValueError(`${model}: positions: expected places below ${rows}, the length of its table, got ${most}`);
  return tensor(Int32Array.from(places.flat()), { shape: [places.length, places[0]!.length], backend });
}

/** What block `i` gets of a context. `stack` is `encoder.` or `decoder.` in a model of two. */
export function blockContext(ctx: ForwardContext, mask: Tensor | null, i: number, stack = ''): BlockContext {
  return { at: `${stack}blocks.${i}`, mask, whole: isWhole(ctx.mask), cache: ctx.cache?.[i], rng: ctx.rng, tap: ctx.tap };
}

/** What block `i` of a decoder gets of a context. */
export function decoderBlockContext(ctx: StacksContext, mask: Tensor | null, memoryMask: Tensor | null, i: number): DecoderBlockContext {
  const { rng, tap, cache } = ctx;
  const [own, memory] = [cache?.[i]?.self, cache?.[i]?.memory];
  return { at: `decoder.blocks.${i}`, mask, whole: isWhole(ctx.decoderMask), memoryMask, cache: own, memoryCache: memory, rng, tap };
}

/** The sizes of a decoder's tokens [B, T]. */
export function decoderSizes(x: Tensor, ctx: StacksContext): Sizes {
  return { batch: x.shape[0]!, tokens: x.shape[1]!, past: ctx.cache?.[0]?.self.length ?? 0 };
}
