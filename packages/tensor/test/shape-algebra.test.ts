import {
  add,
  arange,
  assign,
  broadcastTo,
  cast,
  chunk,
  concat,
  contiguous,
  expand,
  flatten,
  flip,
  gt,
  indexSelect,
  mul,
  neg,
  permute,
  reshape,
  ShapeError,
  scope,
  select,
  slice,
  split,
  squeeze,
  stack,
  sum,
  type Tensor,
  tensor,
  transpose,
  unsqueeze,
  where,
} from '@multihead/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/*
 * Views against a model without strides: a shape, and for each element, row by row, the number of the element of the first tensor that it
 * shows.
 */
interface Model {
  readonly shape: readonly number[];
  readonly from: readonly number[];
}

const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function indices(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>((all, n) => all.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])), [[]]);
}

/** The element of `model` at an index. */
function at(model: Model, index: readonly number[]): number {
  return model.from[index.reduce((place, i, axis) => place * model.shape[axis]! + i, 0)]!;
}

/** A model of another shape whose element at an index is that of `model` where `back` says. */
function mapped(model: Model, shape: readonly number[], back: (index: number[]) => number[]): Model {
  return { shape, from: indices(shape).map((index) => at(model, back(index))) };
}

/** One step: what it is, and three numbers that say where, whatever the shape is by then. */
type Step = readonly [kind: keyof typeof steps, a: number, b: number, c: number];
interface Both {
  readonly x: Tensor;
  readonly model: Model;
}

const steps = {
  permute({ x, model }: Both, a: number, b: number): Both {
    const left = [...model.shape.keys()];
    const axes = model.shape.map((_, i) => left.splice((a + i * b) % left.length, 1)[0]!);
    const named = axes.map((axis, i) => (i % 2 ? axis - x.rank : axis));
    const shape = axes.map((axis) => model.shape[axis]!);
    return { x: permute(x, named), model: mapped(model, shape, (index) => axes.map((_, axis) => index[axes.indexOf(axis)]!)) };
  },
  transpose(both: Both, a: number, b: number): Both {
    const { x, model } = both;
    if (x.rank === 0) return both;
    const [i, j] = [a % x.rank, b % x.rank];
    const swap = <T>(list: readonly T[]) => list.map((v, k) => (k === i ? list[j]! : k === j ? list[i]! : v));
    return { x: transpose(x, i, j - x.rank), model: mapped(model, swap(model.shape), swap) };
  },
  slice(both: Both, a: number, b: number, c: number): Both {
    const { x, model } = both;
    if (x.rank === 0) return both;
    const axis = a % x.rank;
    const n = model.shape[axis]!;
    const [from, to] = [b % (n + 1), c % (n + 2)].sort((p, q) => p - q) as [number, number];
    const shape = model.shape.with(axis, Math.min(n, to) - from);
    const start = from > 0 && from < n && c % 2 ? from - n : from; // counted from the end
    return { x: slice(x, axis, start, to), model: mapped(model, shape, (index) => index.with(axis, index[axis]! + from)) };
  },
  /** Every second or third element, or backwards. */
  stride(both: Both, a: number, b: number): Both {
    const { x, model } = both;
    if (x.rank === 0) return both;
    const axis = a % x.rank;
    const n = model.shape[axis]!;
    const step = [1, 2, 3, -1, -2][b % 5]!;
    const shape = model.shape.with(axis, Math.ceil(n / Math.abs(step)));
    const back = (index: number[]) => index.with(axis, step > 0 ? index[axis]! * step : n - 1 + index[axis]! * step);
    return { x: step === -1 ? flip(x, axis) : slice(x, axis, undefined, undefined, step), model: mapped(model, shape, back) };
  },
  select(both: Both, a: number, b: number): Both {
    const { x, model } = both;
    const axis = a % Math.max(1, x.rank);
    const n = model.shape[axis] ?? 0;
    if (n === 0) return both;
    const i = b % n;
    return {
      x: select(x, axis, b % 2 ? i : i - n),
      model: mapped(model, model.shape.toSpliced(axis, 1), (index) => index.toSpliced(axis, 0, i)),
    };
  },
  unsqueeze({ x, model }: Both, a: number): Both {
    const axis = a % (x.rank + 1);
    return { x: unsqueeze(x, a % 2 ? axis : axis - x.rank - 1), model: { ...model, shape: model.shape.toSpliced(axis, 0, 1) } };
  },
  squeeze({ x, model }: Both): Both {
    return { x: squeeze(x), model: { ...model, shape: model.shape.filter((n) => n !== 1) } };
  },
  flatten({ x, model }: Both, a: number, b: number): Both {
    const [i, j] = [a % Math.max(1, x.rank), b % Math.max(1, x.rank)].sort((p, q) => p - q) as [number, number];
    const shape = x.rank === 0 ? [1] : [...model.shape.slice(0, i), size(model.shape.slice(i, j + 1)), ...model.shape.slice(j + 1)];
    return { x: flatten(x, i, j), model: { ...model, shape } };
  },
  /** The axes taken apart into primes and put together anew. */
  reshape({ x, model }: Both, a: number, b: number, c: number): Both {
    const factors = model.shape.flatMap(primes);
    const shape: number[] = [];
    factors.forEach((n, i) => {
      if (i > 0 && ((a + i * (b + 1)) >> 1) % 2) shape[shape.length - 1]! *= n;
      else shape.push(n);
    });
    const free = size(shape) > 0 && shape.length > 0 && c % 2 ? shape.with(c % shape.length, -1) : shape;
    return { x: reshape(x, free), model: { ...model, shape } };
  },
  expand(both: Both, a: number, b: number): Both {
    const { x, model } = both;
    const target = [...(b % 2 ? [2] : []), ...model.shape.map((n, axis) => (n === 1 && (a + axis) % 2 ? 1 + (b % 3) : n))];
    const lead = target.length - x.rank;
    const back = (index: number[]) => index.slice(lead).map((i, axis) => (model.shape[axis] === 1 ? 0 : i));
    return { x: a % 2 ? expand(x, target) : broadcastTo(x, target), model: mapped(model, target, back) };
  },
  /** Cut in pieces and put together again: a copy. */
  rejoin(both: Both, a: number, b: number): Both {
    const { x, model } = both;
    if (x.rank === 0) return both;
    const axis = a % x.rank;
    const pieces =
      b % 2
        ? chunk(x, 1 + (b % 3), axis)
        : split(x, [b % (model.shape[axis]! + 1), model.shape[axis]! - (b % (model.shape[axis]! + 1))], axis);
    return { x: concat(pieces, axis), model };
  },
  stack({ x, model }: Both, a: number): Both {
    const axis = a % (x.rank + 1);
    return { x: stack([x, x], axis), model: mapped(model, model.shape.toSpliced(axis, 0, 2), (index) => index.toSpliced(axis, 1)) };
  },
} as const;

function primes(n: number): number[] {
  for (let p = 2; p <= n; p++) if (n % p === 0) return [p, ...primes(n / p)];
  return n === 0 ? [0] : [];
}

const start = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }).filter((shape) => size(shape) <= 60);
const kinds = Object.keys(steps) as (keyof typeof steps)[];
const views = kinds.filter((kind) => kind !== 'rejoin' && kind !== 'stack');
const program = (among: readonly (keyof typeof steps)[]) =>
  fc.array(fc.tuple(fc.constantFrom(...among), fc.nat(20), fc.nat(20), fc.nat(20)), { maxLength: 7 });

/** Runs the steps; leaves out those that would make too much of it. */
function run(x: Tensor, path: readonly Step[]): Both {
  let both: Both = { x, model: { shape: x.shape, from: Array.from({ length: x.size }, (_, i) => i) } };
  for (const [kind, a, b, c] of path) {
    const next = steps[kind](both, a, b, c);
    if (next.x.size <= 400 && next.x.rank <= 7) both = next;
  }
  return both;
}

const counting = (shape: readonly number[], requiresGrad = false) =>
  tensor(Float64Array.from({ length: size(shape) }, (_, i) => i), { shape, requiresGrad }); // biome-ignore format: short

/** One for each kind of kernel that takes whole buffers, and more views. */
const operations = (more: readonly Step[]): ((x: Tensor) => Tensor)[] => [
  (x) => add(x, x),
  neg,
  (x) => cast(x, 'int32'),
  (x) => sum(x, { axis: 0 }),
  (x) => where(gt(x, 3), x, 0),
  (x) => indexSelect(arange(500), 0, cast(flatten(x), 'int32')),
  (x) => run(x, more).x,
];

describe('any chain of views', () => {
  it('shows the elements that the model says', () => {
    fc.assert(
      fc.property(start, program(kinds), (shape, path) => {
        using _ = scope();
        const { x, model } = run(counting(shape), path);
        expect(x.shape).toEqual(model.shape);
        expect(Array.from(x.dataSync())).toEqual(model.from);
        expect(Array.from(contiguous(x).dataSync())).toEqual(model.from);
      }),
      { numRuns: 1000 },
    );
  });

  it('passes gradients back to the elements that it shows, as often as it shows them', () => {
    fc.assert(
      fc.property(start, program(kinds), (shape, path) => {
        using _ = scope();
        const leaf = counting(shape, true);
        const { x, model } = run(leaf, path);
        const weights = model.from.map((_, i) => (i % 5) + 1);
        sum(mul(x, tensor(Float64Array.from(weights), { shape: x.shape }))).backward();
        const want = new Array<number>(leaf.size).fill(0);
        model.from.forEach((from, i) => {
          want[from]! += weights[i]!;
        });
        expect(Array.from(leaf.grad!.dataSync())).toEqual(want);
      }),
      { numRuns: 500 },
    );
  });

  it('is to operations what its copy is', () => {
    fc.assert(
      fc.property(start, program(kinds), program(views), (shape, path, more) => {
        using _ = scope();
        const view = run(counting(shape), path).x;
        const copy = tensor(view.dataSync(), { shape: view.shape });
        for (const f of operations(more)) {
          if (view.rank === 0) continue;
          const [a, b] = [f(view), f(copy)];
          expect([a.shape, Array.from(a.dataSync())]).toEqual([b.shape, Array.from(b.dataSync())]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('shares its storage with the first tensor: what is written to one shows in the other', () => {
    fc.assert(
      fc.property(start, program(['permute', 'transpose', 'slice', 'stride', 'select', 'unsqueeze', 'squeeze']), (shape, path) => {
        using _ = scope();
        const base = counting(shape);
        const { x, model } = run(base, path);
        assign(x, tensor(Float64Array.from(model.from, (v) => -v - 1), { shape: x.shape })); // biome-ignore format: short
        const written = new Set(model.from);
        expect(Array.from(base.dataSync())).toEqual(Array.from({ length: base.size }, (_, i) => (written.has(i) ? -i - 1 : i)));
        assign(base, tensor(new Float64Array(base.size).fill(7), { shape }));
        expect(new Set(x.dataSync())).toEqual(new Set(x.size > 0 ? [7] : []));
      }),
      { numRuns: 300 },
    );
  });
});

describe('broadcasting', () => {
  const lengths = fc.array(fc.constantFrom(1, 1, 2, 3, 0), { maxLength: 4 });

  it('is NumPy’s rule: axes from the last on are equal or one of them 1; anything else throws and names both shapes', () => {
    fc.assert(
      fc.property(lengths, lengths, (a, b) => {
        using _ = scope();
        const rank = Math.max(a.length, b.length);
        const full = (shape: number[]) => [...new Array<number>(rank - shape.length).fill(1), ...shape];
        const [p, q] = [full(a), full(b)];
        const fits = p.every((n, i) => n === q[i] || n === 1 || q[i] === 1);
        const [x, y] = [counting(a), counting(b)];
        if (!fits) {
          expect(() => add(x, y)).toThrow(ShapeError);
          expect(() => add(x, y)).toThrow(`[${a.join(', ')}] and [${b.join(', ')}]`);
          return;
        }
        const shape = p.map((n, i) => (n === 1 ? q[i]! : n));
        const element = (own: number[], index: number[]) =>
          index.reduce((place, i, axis) => place * own[axis]! + (own[axis] === 1 ? 0 : i), 0);
        const total = add(mul(x, 100), y);
        expect(total.shape).toEqual(shape);
        expect(Array.from(total.dataSync())).toEqual(indices(shape).map((index) => 100 * element(p, index) + element(q, index)));
        const spread = mul(broadcastTo(x, shape), broadcastTo(y, shape));
        expect(Array.from(mul(x, y).dataSync())).toEqual(Array.from(spread.dataSync()));
      }),
      { numRuns: 500 },
    );
  });
});
