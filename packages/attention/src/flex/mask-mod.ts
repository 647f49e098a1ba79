import { add, arange, type Backend, logicalAnd, logicalOr, reshape, ShapeError, type Tensor } from '@multihead/tensor';

/** Keys from … up to, but not with, to. */
export type Span = readonly [from: number, to: number];

/**
 * Which keys a query may see, as a function of places: int32 tensors that broadcast to [B, H, Q, K] (sample [B, 1, 1, 1], head [1, H, 1, 1],
 * query [Q, 1], key [K]) give bool ones that do. A rule may say without computing anything which keys the queries of a tile can see at
 * most: what is outside is skipped. After `mask_mod` of PyTorch's FlexAttention.
 */
export interface MaskMod {
  (sample: Tensor, head: Tensor, query: Tensor, key: Tensor): Tensor;
  /** Of the first `keys` keys, those that queries `from` … `to - 1` see at most, in order. */
  readonly spans?: (from: number, to: number, keys: number) => readonly Span[];
}

/** A rule together with what it says of tiles. */
export function maskMod(rule: MaskMod, spans?: MaskMod['spans']): MaskMod {
  const named: MaskMod = (sample, head, query, key) => rule(sample, head, query, key);
  return Object.assign(named, { spans });
}

/**
 * A rule that lets a query see what all of `mods` let it see.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: andMasks(causal(), slidingWindow(128)) });
 */
export function andMasks(...mods: readonly MaskMod[]): MaskMod {
  const spanning = mods.flatMap(({ spans }) => (spans ? [spans] : []));
  return maskMod(
    joined('andMasks', mods, logicalAnd),
    spanning.length === 0 ? undefined : (from, to, keys) => spanning.map((spans) => spans(from, to, keys)).reduce(common),
  );
}

/** A rule that lets a query see what any of `mods` lets it see. */
export function orMasks(...mods: readonly MaskMod[]): MaskMod {
  const spanning = mods.flatMap(({ spans }) => (spans ? [spans] : []));
  return maskMod(
    joined('orMasks', mods, logicalOr),
    spanning.length < mods.length
      ? undefined
      : (from, to, keys) =>
          merged(
            spanning.flatMap((spans) => spans(from, to, keys)),
            keys,
          ),
  );
}

/**
 * The rule for queries that are not the first tokens: query 0 is token `places`, as behind a cache of that many. Keys are counted from the first token.
 *
 * @example
 * const out = flexAttend(q, k, v, { maskMod: shiftMask(slidingWindow(128, 0), 5) });
 */
export function shiftMask(mod: MaskMod, places: number): MaskMod {
  if (places === 0) return mod;
  return maskMod(
    (sample, head, query, key) => mod(sample, head, add(query, places), key),
    mod.spans && ((from, to, keys) => mod.spans!(from + places, to + places, keys)),
  );
}

/**
 * The rule as a mask for `attend`, bool, [Q, K] where neither sample nor head matter, else what broadcasts to [B, H, Q, K].
 *
 * @example
 * const mask = createMask(andMasks(causal(), documents([0, 5, 8])), { queries: 8 });
 */
export function createMask(
  mod: MaskMod,
  sizes: { batch?: number; heads?: number; queries: number; keys?: number; backend?: Backend },
): Tensor {
  const { batch = 1, heads = 1, queries, keys = queries, backend } = sizes;
  return mod(...placesOf(batch, run([0, heads], backend), run([0, queries], backend), run([0, keys], backend)));
}

/** What rules get: sample [B, 1, 1, 1], head [1, H, 1, 1], query [Q, 1], key [K]. */
export type Places = readonly [sample: Tensor, head: Tensor, query: Tensor, key: Tensor];

/** From int32 lists of heads, queries and keys. */
export function placesOf(batch: number, head: Tensor, query: Tensor, key: Tensor): Places {
  return [
    reshape(run([0, batch], key.backend), [batch, 1, 1, 1]),
    reshape(head, [1, head.size, 1, 1]),
    reshape(query, [query.size, 1]),
    key,
  ];
}

/** Places as int32. */
export function run([from, to]: Span, backend?: Backend): Tensor {
  return arange(from, to, 1, { dtype: 'int32', backend });
}

function joined(op: string, mods: readonly MaskMod[], join: (a: Tensor, b: Tensor) => Tensor): MaskMod {
  if (mods.length === 0) throw new ShapeError(`${op}: expected at least one rule, got none`);
  return (...places) => mods.map((mod) => mod(...places)).reduce((a, b) => join(a, b));
}

/** In order, within the keys, and apart: spans that touch become one. */
export function merged(spans: readonly Span[], keys: number): Span[] {
  const within = spans.map(([from, to]) => [Math.max(0, from), Math.min(keys, to)] as const).filter(([from, to]) => from < to);
  const out: [number, number][] = [];
  for (const [from, to] of within.sort(([a], [b]) => a - b)) {
    const last = out.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}

function common(a: readonly Span[], b: readonly Span[]): Span[] {
  return a
    .flatMap(([from, to]) => b.map(([start, end]) => [Math.max(from, start), Math.min(to, end)] as const))
    .filter(([from, to]) => from < to);
}
