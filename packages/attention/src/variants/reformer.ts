import {
  add,
  arange,
  argmax,
  argsort,
  type AttentionOptions,
  attentionWithLse,
  concat,
  detach,
  expand,
  eye,
  le,
  logicalAnd,
  lt,
  matmul,
  mul,
  neg,
  pad,
  randn,
  reshape,
  Rng,
  slice,
  takeAlong,
  type Tensor,
  transpose,
  unsqueeze,
  ValueError,
  where,
} from '@multihead/tensor';
import { type AttentionFn, prepare } from '../attend.js';
import { handOut } from '../capture.js';
import { maskByKey, refuse, softmaxOrZero } from '../composed.js';
import { counted } from '../flex/rules.js';
import { repeatHeads } from '../heads.js';

export interface ReformerOptions {
  /** An even number. */
  buckets: number;
  /** Tokens that are sorted together; each looks at its own chunk and those beside it. */
  chunk: number;
  /** Hashes that are joined: the error falls with them. 4 if left out. */
  rounds?: number;
  rng: Rng;
}

/**
 * Reformer: queries and keys are sorted by a hash that near ones share, and each chunk of queries looks at its own chunk of keys and at its
 * neighbours; rounds with other hashes are joined by their log-sum-exp.
 *
 * An approximation of `attend` for as many queries as keys, best where they are the same (`attention(x, x, v)`, as in the paper); exact once a
 * chunk holds all. O(rounds · T · chunk) and a sort. `causal` (top-left) and a `mask` by key; no `window` and no dropout. Throws a ValueError for
 * what it cannot do. Kitaev, Kaiser, Levskaya: "Reformer: The Efficient Transformer", 2020; here a token may look at itself, and
 * buckets that share a chunk see each other.
 *
 * @example
 * const attention = reformer({ buckets: 32, chunk: 64, rng: new Rng(0) });
 * const out = attention(x, x, v, { causal: true });
 */
export function reformer({ buckets, chunk, rounds = 4, rng }: ReformerOptions): AttentionFn {
  const op = 'reformer';
  counted(op, { buckets, chunk, rounds }, 1);
  if (buckets % 2 !== 0) throw new ValueError(`${op}: buckets: expected an even number, got ${buckets}`);
  const streams = Array.from({ length: rounds }, () => rng.fork().state);
  return (q, k, v, options = {}) => {
    const { heads, inner, back } = prepare(op, q, k, v, options);
    refuse(op, inner, ['window', 'dropout']);
    const [queries, count] = [heads[0], heads[0].shape[1]!];
    const [keys, values] = [repeatHeads(heads[1], count), repeatHeads(heads[2], count)];
    if (queries.shape[2] !== keys.shape[2] || (inner.causalOffset ?? 0) !== 0) {
      throw new ValueError(`${op}: expected as many queries as keys, got ${queries.shape[2]} and ${keys.shape[2]}`);
    }
    const visible = maskByKey(op, inner);
    const run = (x: Tensor) =>
      joinedRounds(streams.map((state) => oneRound({ q: queries, k: keys, v: x, visible, inner, buckets, chunk, rng: new Rng(state) })));
    handOut(options.capture, () => run(unitValues(values)));
    return back(run(values));
  };
}

interface Round {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly visible: Tensor | null;
  readonly inner: AttentionOptions;
  readonly buckets: number;
  readonly chunk: number;
  readonly rng: Rng;
}

function oneRound({ q, k, v, visible, inner, buckets, chunk, rng }: Round): { out: Tensor; lse: Tensor } {
  const [batch, heads, tokens, dim] = q.shape as [number, number, number, number];
  const turns = randn([dim, buckets / 2], { rng, dtype: q.dtype as 'float32', backend: q.backend });
  const order = (x: Tensor) => {
    const turned = matmul(detach(x), turns);
    return argsort(argmax(concat([turned, neg(turned)], -1), -1)); // [B, H, T]
  };
  const [queryOrder, keyOrder] = [order(q), order(k)];
  const chunks = Math.ceil(tokens / chunk);
  const cut = (x: Tensor, fill: number) => {
    const full = pad(x, [[0, chunks * chunk - tokens], [0, 0]], { value: fill }); // biome-ignore format: one call
    return reshape(full, [batch, heads, chunks, chunk, x.shape[3]!]);
  };
  // Places as they were before the sort; keys that are not there have one that nobody sees.
  const all = reshape(arange(0, tokens, 1, { dtype: 'int32', backend: q.backend }), [tokens, 1]);
  const places = expand(visible ? where(visible, all, tokens) : all, [batch, heads, tokens, 1]);
  const queryPlaces = cut(unsqueeze(queryOrder, -1), 0);
  const keyPlaces = beside(cut(sorted(places, keyOrder), tokens), tokens);
  const seen = transpose(lt(keyPlaces, tokens)); // [B, H, n, 1, 3 chunk]
  const mask = typeof inner.causalOffset === 'number' ? logicalAnd(seen, le(transpose(keyPlaces), queryPlaces)) : seen;
  const flat = (x: Tensor) => reshape(x, [batch * heads * chunks, 1, ...x.shape.slice(3)]);
  const near = (x: Tensor) => flat(beside(cut(sorted(x, keyOrder), 0), 0));
  const { out, lse } = attentionWithLse(flat(cut(sorted(q, queryOrder), 0)), near(k), near(v), {
    ...inner,
    causalOffset: null,
    mask: flat(mask),
  });
  const unsorted = (x: Tensor) => sorted(slice(reshape(x, [batch, heads, chunks * chunk, -1]), 2, 0, tokens), argsort(queryOrder));
  return { out: unsorted(out), lse: unsorted(lse) };
}

/** The chunk before, each chunk and the one behind it, [B, H, n, 3 · chunk, ·]; beyond the ends there is `fill`. */
function beside(x: Tensor, fill: number): Tensor {
  const chunks = x.shape[2]!;
  const wide = pad(x, [[1, 1], [0, 0], [0, 0]], { value: fill }); // biome-ignore format: one call
  return concat([0, 1, 2].map((from) => slice(wide, 2, from, from + chunks)), 3); // biome-ignore format: one call
}

/** Tokens of x [B, H, T, ·] in the order [B, H, T]. */
function sorted(x: Tensor, order: Tensor): Tensor {
  return takeAlong(x, expand(unsqueeze(order, -1), [...order.shape, x.shape[3]!]), 2);
}

/** Each round with the share that its keys have of all. */
function joinedRounds(rounds: readonly { out: Tensor; lse: Tensor }[]): Tensor {
  const shares = softmaxOrZero(
    concat(
      rounds.map(({ lse }) => lse),
      -1,
    ),
  ); // [B, H, T, rounds] // biome-ignore format: one call
  return rounds.map(({ out }, i) => mul(out, slice(shares, -1, i, i + 1))).reduce((a, b) => add(a, b));
}

/** Values with which the outputs are the weights themselves, [B, H, K, K]. */
function unitValues(v: Tensor): Tensor {
  const [batch, heads, keys] = v.shape as [number, number, number];
  return expand(eye(keys, keys, { dtype: v.dtype as 'float32', backend: v.backend }), [batch, heads, keys, keys]);
}
