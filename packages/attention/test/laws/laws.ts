import { type AttendOptions, type AttentionFn, paddingMask } from '@multihead/attention';
import {
  add,
  cast,
  concat,
  grad,
  indexSelect,
  matmul,
  mul,
  ones,
  permutation,
  Rng,
  randn,
  repeatInterleave,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
} from '@multihead/tensor';
import { gradcheck } from '@multihead/tensor/testing';
import { expect } from 'vitest';
import type { Variant } from './variants.js';

/** A law, and for which variants it holds. Runs in an open scope, on the backend under test. */
export interface Law {
  readonly name: string;
  readonly holds: (variant: Variant) => boolean;
  readonly check: (variant: Variant) => Promise<void>;
  /** False where the law is about float64, which one backend has. */
  readonly everywhere?: false;
}

const [batch, heads, tokens, dim, valueDim] = [2, 4, 7, 4, 3];
const close = { rtol: 1e-4, atol: 1e-5 };

interface Bench {
  readonly fn: AttentionFn;
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly weights: readonly Tensor[];
  /** Options that make it causal, if it can be. */
  readonly causal: AttendOptions;
}

interface Setting {
  readonly groups?: number;
  readonly keys?: number;
  readonly dtype?: 'float32' | 'float64';
  readonly size?: number;
}

function bench(variant: Variant, { groups = heads, keys = tokens, dtype = 'float32', size = 1 }: Setting = {}): Bench {
  const made: Tensor[] = [];
  const draw = (shape: readonly number[], seed: number) => randn(shape, { rng: new Rng(seed), dtype });
  const weight = (shape: readonly number[], seed: number) => {
    made.push(draw(shape, 100 + seed));
    return made.at(-1)!;
  };
  const width = dim * (variant.widths ?? 1);
  return {
    fn: variant.make({ heads, dim, valueDim, tokens, weight }),
    q: mul(draw([batch, heads, tokens, width], 1), size),
    k: mul(draw([batch, groups, keys, width], 2), size),
    v: draw([batch, groups, keys, valueDim], 3),
    weights: made,
    causal: variant.causal === 'option' ? { causal: true } : {},
  };
}

const before = (x: Tensor, end: number) => slice(x, 2, 0, end);

/** Gradients of a sum with uneven weights by these tensors; zeros for one that nothing depends on. */
function gradients(y: Tensor, leaves: readonly Tensor[]): (Tensor | null)[] {
  return grad(sum(mul(y, randn(y.shape, { rng: new Rng(77), dtype: y.dtype as 'float32' }))), leaves);
}

export const laws: readonly Law[] = [
  {
    name: 'what comes later changes nothing, and gets no gradient',
    holds: ({ causal }) => causal !== undefined,
    check: async (variant) => {
      const { fn, q, k, v, causal } = bench(variant);
      const [other, otherQ] = [mul(add(slice(v, 2, 4), 1), 50), mul(slice(q, 2, 4), -3)];
      const changed = fn(
        concat([before(q, 4), otherQ], 2),
        concat([before(k, 4), mul(slice(k, 2, 4), -2)], 2),
        concat([before(v, 4), other], 2),
        causal,
      );
      expect(await before(changed, 4).data()).toBeAllclose(await before(fn(q, k, v, causal), 4).data(), close);
      for (const x of [k, v]) x.requiresGrad = true;
      for (const g of gradients(before(fn(q, k, v, causal), 4), [k, v])) {
        expect(Math.max(...(await slice(g!, 2, 4).data()).map(Math.abs))).toBeLessThan(1e-6);
      }
    },
  },
  {
    name: 'a query that sees nothing gets 0 and gives finite gradients',
    holds: ({ masks }) => masks !== undefined,
    check: async (variant) => {
      const { fn, q, k, v, weights } = bench(variant);
      const leaves = [q, k, v, ...weights];
      for (const leaf of leaves) leaf.requiresGrad = true;
      const rows = Uint8Array.from({ length: tokens * tokens }, (_, i) => Number(Math.floor(i / tokens) !== 2));
      const blind = {
        mask: variant.masks === 'any' ? tensor(rows, { shape: [tokens, tokens], dtype: 'bool' }) : paddingMask([0, tokens], tokens),
      };
      const y = fn(q, k, v, blind);
      const nothing = variant.masks === 'any' ? slice(y, 2, 2, 3) : slice(y, 0, 0, 1);
      if (variant.name !== 'shawAttention') expect((await nothing.data()).every((x) => x === 0)).toBe(true);
      for (const g of gradients(y, leaves)) if (g) expect((await g.data()).every(Number.isFinite)).toBe(true);
    },
  },
  {
    name: 'training goes on for 100 steps with rows that are padding alone',
    holds: ({ masks }) => masks !== undefined,
    check: async (variant) => {
      const { fn, v, weights, q: x } = bench(variant);
      const rng = new Rng(5);
      const width = x.shape[3]!;
      let params = [randn([width, width], { rng }), ...weights];
      for (let step = 0; step < 100; step++) {
        for (const p of params) p.requiresGrad = true;
        const mask = paddingMask([rng.integer(tokens + 1), step % 3 === 0 ? 0 : rng.integer(tokens + 1)], tokens);
        const projected = matmul(x, params[0]!);
        const loss = sum(square(sub(fn(projected, projected, v, { mask }), 0.3)));
        const grads = grad(loss, [params[0]!]);
        const next = sub(params[0]!, mul(grads[0]!, 0.01));
        params = [tensor(await next.data(), { shape: next.shape }), ...params.slice(1)];
        if (step % 25 === 24) expect(Number.isFinite(await loss.item())).toBe(true);
      }
      expect((await params[0]!.data()).every(Number.isFinite)).toBe(true);
    },
  },
  {
    name: 'keys and values may come in another order',
    holds: ({ unordered }) => unordered === true,
    check: async (variant) => {
      const { fn, q, k, v } = bench(variant);
      const order = permutation(tokens, { rng: new Rng(3) });
      const moved = (x: Tensor) => indexSelect(x, 2, order);
      expect(await fn(q, moved(k), moved(v)).data()).toBeAllclose(await fn(q, k, v).data(), close);
      expect(await fn(moved(q), k, v).data()).toBeAllclose(await moved(fn(q, k, v)).data(), close);
    },
  },
  {
    name: 'padding changes nothing, whatever is in it',
    holds: ({ masks, name }) => masks !== undefined && name !== 'reformer', // whose chunks move with the number of tokens
    check: async (variant) => {
      const { fn, q, k, v } = bench(variant);
      const rubbish = (x: Tensor) => concat([x, mul(ones([batch, heads, 2, x.shape[3]!]), 9)], 2);
      const padded = fn(rubbish(q), rubbish(k), rubbish(v), { mask: paddingMask([tokens, tokens], tokens + 2) });
      expect(await before(padded, tokens).data()).toBeAllclose(await fn(q, k, v).data(), close);
    },
  },
  {
    name: 'a sample does not depend on its batch',
    holds: () => true,
    check: async (variant) => {
      const { fn, q, k, v, causal } = bench(variant);
      const whole = fn(q, k, v, causal);
      const first = (x: Tensor) => slice(x, 0, 0, 1);
      expect(await fn(first(q), first(k), first(v), causal).data()).toBeAllclose(await first(whole).data(), close);
    },
  },
  {
    name: 'all at once is token by token',
    holds: ({ stepwise, causal }) => stepwise === true || causal === 'nature',
    check: async (variant) => {
      const { fn, q, k, v, causal } = bench(variant);
      const whole = fn(q, k, v, causal);
      for (let t = 0; t < tokens; t++) {
        const part = (x: Tensor) => slice(x, 2, t, t + 1);
        const got = variant.stepwise
          ? fn(part(q), before(k, t + 1), before(v, t + 1), { causal: 'bottom-right' })
          : part(fn(before(q, t + 1), before(k, t + 1), before(v, t + 1)));
        expect(await got.data()).toBeAllclose(await part(whole).data(), close);
      }
    },
  },
  {
    name: 'shared heads are repeated heads',
    holds: ({ grouped }) => grouped === true,
    check: async (variant) => {
      const { fn, q, k, v, causal } = bench(variant, { groups: 2 });
      for (const x of [q, k, v]) x.requiresGrad = true;
      const all = [k, v].map((x) => repeatInterleave(x, 2, 1)) as [Tensor, Tensor];
      const [got, want] = [fn(q, k, v, causal), fn(q, ...all, causal)];
      expect(await got.data()).toBeAllclose(await want.data(), close);
      const wanted = gradients(want, [q, k, v]);
      for (const [i, g] of gradients(got, [q, k, v]).entries()) {
        expect(await g!.data()).toBeAllclose(await wanted[i]!.data(), { rtol: 1e-3, atol: 1e-4 });
      }
    },
  },
  {
    name: 'more keys than queries, and fewer',
    holds: ({ cross }) => cross === true,
    check: async (variant) => {
      for (const keys of [3, 9]) {
        const { fn, q, k, v } = bench(variant, { keys });
        const y = fn(q, k, v);
        expect(y.shape).toEqual([batch, heads, tokens, valueDim]);
        expect((await y.data()).every(Number.isFinite)).toBe(true);
      }
    },
  },
  {
    name: 'captured weights times the values are the output, whose bits stay the same',
    holds: ({ weights }) => weights !== undefined,
    check: async (variant) => {
      const { fn, q, k, v, causal } = bench(variant);
      for (const options of variant.causal === 'option' ? [{}, causal] : [{}]) {
        let found: Tensor | undefined;
        const y = fn(q, k, v, { ...options, capture: (w) => { found = w; } }); // biome-ignore format: one call
        expect(found!.shape).toEqual([batch, heads, tokens, tokens]);
        expect(await y.data()).toEqual(await fn(q, k, v, options).data());
        expect(await matmul(found!, v).data()).toBeAllclose(await y.data(), close);
        if (variant.weights !== 'one') continue;
        const rows = await sum(found!, { axis: -1 }).data();
        expect(rows.every((total) => Math.abs(total - 1) < 1e-4 || total === 0)).toBe(true);
      }
    },
  },
  {
    name: 'float32 agrees with float64 for scores up to 1e4',
    everywhere: false,
    holds: () => true,
    check: async (variant) => {
      // Queries and keys of 70 have scores of 1e4.
      for (const size of variant.tamed ? [1] : [1, 70]) {
        const [got, want] = (['float32', 'float64'] as const).map((dtype) => {
          const { fn, q, k, v, causal, weights: _ } = bench(variant, { size, dtype });
          // The same numbers: what float32 holds.
          const [a, b, c] = [q, k, v].map((x) => cast(cast(x, 'float32'), dtype)) as [Tensor, Tensor, Tensor];
          return fn(a, b, c, causal);
        });
        const reference = await want!.data();
        const largest = Math.max(...reference.map(Math.abs));
        expect(await got!.data()).toBeAllclose(reference, { rtol: 1e-3, atol: 1e-3 * largest });
      }
    },
  },
  {
    name: 'gradients are the differences of the outputs',
    everywhere: false,
    holds: ({ differences }) => differences !== false,
    check: async (variant) => {
      const { fn, q, k, v, weights, causal } = bench(variant, { dtype: 'float64', groups: variant.grouped ? 2 : heads });
      const small = (x: Tensor) => slice(slice(x, 0, 0, 1), 2, 0, 4);
      gradcheck((a, b, c) => fn(a!, b!, c!, causal), [small(q), small(k), small(v)]);
      void weights;
    },
  },
];
