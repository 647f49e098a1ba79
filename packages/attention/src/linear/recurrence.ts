import {
  add,
  arange,
  concat,
  cumsum,
  diagonal,
  exp,
  expand,
  ge,
  matmul,
  movedim,
  mul,
  neg,
  ones,
  pad,
  reshape,
  select,
  ShapeError,
  slice,
  sub,
  sum,
  type Tensor,
  transpose,
  unsqueeze,
  where,
  zeros,
} from '@multihead/tensor';

/*
 * Attention as a recurrence over a matrix, the state S [D, E], which is all that a token leaves behind:
 *
 *   S ← diag(exp decay) S;   u = beta · (v - [Sᵀ k]);   S ← S + k uᵀ;   out = scale · Sᵀ q
 *
 * where the part in brackets is the delta rule's: what the state already says for this key is taken away. `stepwise` does just that, token
 * by token. `chunkwise` does the same for whole chunks with products of matrices: O(tokens · chunk), and far fewer operations.
 */

/** What steers the recurrence, by key/value head; heads of queries share them in groups. */
export interface Gates {
  /** Logarithm of what is kept of the state: [B, G, T, D] by element of a key, or [B, G, T, 1]. Nothing decays if left out. */
  decay?: Tensor | null;
  /** How strongly a token is written, [B, G, T, 1]; 1 if left out. */
  beta?: Tensor | null;
  /** What earlier tokens left behind, [B, G, D, E]; zeros if left out. */
  state?: Tensor | null;
  /** Factor on the output; 1/√dim if left out. */
  scale?: number;
  /** Tokens in a chunk; 64, or 16 where elements decay one by one. The result does not depend on it but for rounding. */
  chunk?: number;
}

/** The output [B, H, T, E], and the state [B, G, D, E] to go on from. */
export interface Recurrent {
  out: Tensor;
  state: Tensor;
}

interface Inputs {
  readonly q: Tensor; // [B, G, R, T, D]
  readonly k: Tensor; // [B, G, 1, T, D]
  readonly v: Tensor; // [B, G, 1, T, E]
  readonly decay: Tensor | null; // [B, G, 1, T, D or 1]
  readonly beta: Tensor | null; // [B, G, 1, T, 1]
  readonly state: Tensor; // [B, G, 1, D, E]
  readonly scale: number;
}

/** The definition. */
export function stepwise(op: string, q: Tensor, k: Tensor, v: Tensor, gates: Gates, delta: boolean): Recurrent {
  const x = inputsOf(op, q, k, v, gates);
  let { state } = x;
  const outputs: Tensor[] = [];
  for (let t = 0; t < q.shape[2]!; t++) {
    const at = (part: Tensor) => slice(part, 3, t, t + 1);
    const key = at(x.k);
    if (x.decay) state = mul(state, transpose(exp(at(x.decay))));
    const fresh = delta ? sub(at(x.v), matmul(key, state)) : at(x.v);
    state = add(state, matmul(transpose(key), x.beta ? mul(fresh, at(x.beta)) : fresh));
    outputs.push(matmul(at(x.q), state));
  }
  return finished(q, v, outputs, state, x.scale);
}

export function chunkwise(op: string, q: Tensor, k: Tensor, v: Tensor, gates: Gates, delta: boolean): Recurrent {
  const x = inputsOf(op, q, k, v, gates);
  const tokens = q.shape[2]!;
  const size = gates.chunk ?? Math.max(1, Math.min(tokens, (x.decay?.shape[4] ?? 1) > 1 ? 16 : 64));
  if (!Number.isInteger(size) || size < 1) throw new ShapeError(`${op}: chunk: expected a positive integer, got ${size}`);
  // Tokens that fill the last chunk keep the state and write nothing.
  const chunks = Math.ceil(tokens / size);
  const cut = (part: Tensor) => {
    const full = pad(part, [[0, chunks * size - tokens], [0, 0]]); // biome-ignore format: one call
    return reshape(full, [...part.shape.slice(0, 3), chunks, size, part.shape[4]!]); // [B, G, ., N, C, .]
  };
  const [queries, keys, values] = [cut(x.q), cut(x.k), cut(x.v)];
  const beta = x.beta && cut(x.beta);
  const kept = x.decay && cumsum(cut(x.decay), -2); // logarithm of what is left at each token of a state before the chunk
  const total = kept && slice(kept, -2, size - 1); // … at the end
  const fromStart = (part: Tensor) => (kept ? mul(part, exp(kept)) : part);
  const weights = decayedProducts(queries, keys, kept, false);
  const toEnd = kept && total ? mul(keys, exp(sub(total, kept))) : keys;
  const written = beta ? mul(values, beta) : values;
  const solved = delta ? corrected(keys, kept, beta, written, fromStart(keys)) : { own: written, old: null };
  const early = fromStart(queries);
  let { state } = x;
  const outputs: Tensor[] = [];
  for (let n = 0; n < chunks; n++) {
    const at = (part: Tensor) => select(part, 3, n);
    const u = solved.old ? sub(at(solved.own), matmul(at(solved.old), state)) : at(solved.own);
    outputs.push(add(matmul(at(early), state), matmul(at(weights), u)));
    const left = total ? mul(state, transpose(exp(at(total)))) : state;
    state = add(left, matmul(transpose(at(toEnd)), u));
  }
  return finished(q, v, outputs, state, x.scale);
}

/**
 * In a chunk, u = beta · (v - what the state before it says - what the tokens before it in the chunk say) is a triangular system
 * (1 + L) u = beta · (v - S k). Solved for both parts of the right-hand side, before S is known.
 */
function corrected(keys: Tensor, kept: Tensor | null, beta: Tensor | null, written: Tensor, early: Tensor): { own: Tensor; old: Tensor } {
  const products = decayedProducts(keys, keys, kept, true);
  const right = concat([written, beta ? mul(early, beta) : early], -1); // [B, G, 1, N, C, E + D]
  const solution = matmul(inverseOf(beta ? mul(products, beta) : products), right);
  const width = written.shape.at(-1)!;
  return { own: slice(solution, -1, 0, width), old: slice(solution, -1, width) };
}

/** (1 + L)⁻¹ for strictly lower triangles L [..., C, C]: blocks on the diagonal are joined in pairs, [A 0; B D]⁻¹ = [A⁻¹ 0; -D⁻¹ B A⁻¹ D⁻¹]. */
function inverseOf(lower: Tensor): Tensor {
  const n = lower.shape.at(-1)!;
  const size = 2 ** Math.ceil(Math.log2(n));
  const lead = lower.shape.slice(0, -2);
  const whole = pad(lower, [[0, size - n], [0, size - n]]); // biome-ignore format: one call
  let inverse = expand(ones([1], { dtype: lower.dtype as 'float32', backend: lower.backend }), [...lead, size, 1, 1]);
  for (let s = 1; s < size; s *= 2) {
    const pairs = reshape(inverse, [...lead, size / (2 * s), 2, s, s]);
    const [a, d] = [select(pairs, -3, 0), select(pairs, -3, 1)];
    const blocks = reshape(whole, [...lead, size / (2 * s), 2 * s, size / (2 * s), 2 * s]);
    const onDiagonal = movedim(diagonal(blocks, { axis1: -4, axis2: -2 }), -1, -3); // [..., pairs, 2s, 2s]
    const b = slice(slice(onDiagonal, -2, s), -1, 0, s);
    const low = neg(matmul(matmul(d, b), a));
    inverse = concat([concat([a, mul(a, 0)], -1), concat([low, d], -1)], -2);
  }
  return slice(slice(reshape(inverse, [...lead, size, size]), -2, 0, n), -1, 0, n);
}

/** Σ_d a_id b_jd exp(kept_id - kept_jd) for j ≤ i, or j < i; else 0. Differences of logarithms first, so that nothing overflows. */
function decayedProducts(a: Tensor, b: Tensor, kept: Tensor | null, strict: boolean): Tensor {
  const size = a.shape.at(-2)!;
  const places = arange(0, size, 1, { dtype: 'int32', backend: a.backend });
  const seen = ge(reshape(places, [size, 1]), strict ? add(places, 1) : places);
  if (!kept) return where(seen, matmul(a, transpose(b)), 0);
  const seenByElement = unsqueeze(seen, -1);
  const left = exp(where(seenByElement, sub(unsqueeze(kept, -2), unsqueeze(kept, -3)), 0)); // [..., C, C, D or 1]
  if (kept.shape.at(-1) === 1) return where(seen, mul(matmul(a, transpose(b)), reshape(left, left.shape.slice(0, -1))), 0);
  return where(seen, sum(mul(mul(unsqueeze(a, -2), unsqueeze(b, -3)), left), { axis: -1 }), 0);
}

function inputsOf(op: string, q: Tensor, k: Tensor, v: Tensor, gates: Gates): Inputs {
  const show = (x: Tensor) => `[${x.shape.join(', ')}]`;
  const [batch, heads, tokens, dim] = q.shape as [number, number, number, number];
  const [groups, width] = [k.shape[1]!, v.shape[3]!];
  const fits = (x: Tensor, ...shapes: number[][]) => shapes.some((shape) => String(shape) === String(x.shape));
  if (q.rank !== 4 || heads % groups !== 0 || !fits(k, [batch, groups, tokens, dim]) || !fits(v, [batch, groups, tokens, width])) {
    throw new ShapeError(
      `${op}: expected q [B, H, T, D], k [B, G, T, D] and v [B, G, T, E], H a multiple of G, got ${[q, k, v].map(show).join(', ')}`,
    );
  }
  const gate = (name: string, x: Tensor | null | undefined, ...shapes: number[][]) => {
    if (x && !fits(x, ...shapes))
      throw new ShapeError(`${op}: ${name}: expected [${shapes.map((s) => s.join(', ')).join('] or [')}], got ${show(x)}`);
    return x ? unsqueeze(x, 2) : null;
  };
  const lead = [batch, groups, tokens];
  return {
    q: reshape(q, [batch, groups, heads / groups, tokens, dim]),
    k: unsqueeze(k, 2),
    v: unsqueeze(v, 2),
    decay: gate('decay', gates.decay, [...lead, dim], [...lead, 1]),
    beta: gate('beta', gates.beta, [...lead, 1]),
    state:
      gate('state', gates.state, [batch, groups, dim, width]) ??
      zeros([batch, groups, 1, dim, width], { dtype: q.dtype as 'float32', backend: q.backend }),
    scale: gates.scale ?? 1 / Math.sqrt(dim),
  };
}

function finished(q: Tensor, v: Tensor, outputs: readonly Tensor[], state: Tensor, scale: number): Recurrent {
  const [batch, heads, tokens] = q.shape as [number, number, number];
  const width = v.shape[3]!;
  const shape = [batch, heads, tokens, width];
  if (outputs.length === 0) return { out: zeros(shape, { dtype: q.dtype as 'float32', backend: q.backend }), state: reshape(state, [batch, -1, ...state.shape.slice(3)]) }; // biome-ignore format: one line
  const whole = reshape(concat(outputs, 3), [batch, heads, -1, width]);
  return { out: mul(slice(whole, 2, 0, tokens), scale), state: reshape(state, [batch, state.shape[1]!, ...state.shape.slice(3)]) };
}
