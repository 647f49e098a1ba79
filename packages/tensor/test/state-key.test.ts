import { dispose, freeze, ones, param, type StateKey, stateDict, type Tensor } from '@multihead/tensor';
import { expect, expectTypeOf, it } from 'vitest';

const weight = () => param([1], (shape) => () => ones(shape));

class Norm {
  weight = weight();
  readonly #eps = 1e-5;
  get eps(): number {
    return this.#eps;
  }
}

class Block {
  attention = { in_proj: weight(), bias: null as Tensor | null };
  norm: Norm | null = new Norm();
  experts = [[weight()]];
  forward(): void {}
}

class Model {
  blocks = [new Block()];
  embedding = weight();
  readonly config = { dim: 1, name: 'x', sizes: [1, 2] };
}

type Key = StateKey<Model>;

// The type checker is the test here: `tsc -p .` fails if a line below stops being right, or an expected error stops being one.
it('names every tensor, through arrays, optional modules and plain objects', () => {
  expectTypeOf<'embedding'>().toExtend<Key>();
  expectTypeOf<'blocks.0.attention.in_proj'>().toExtend<Key>();
  expectTypeOf<'blocks.11.attention.bias'>().toExtend<Key>();
  expectTypeOf<'blocks.3.norm.weight'>().toExtend<Key>();
  expectTypeOf<'blocks.3.experts.2.0'>().toExtend<Key>();
  expectTypeOf<'blocks.0.norm.eps'>().not.toExtend<Key>();
  expectTypeOf<'config.dim'>().not.toExtend<Key>();
  expectTypeOf<'blocks.0.forward'>().not.toExtend<Key>();
  expectTypeOf<'blocks.x.norm.weight'>().not.toExtend<Key>();

  const model = new Model();
  const keys: Key[] = ['embedding', 'blocks.0.norm.weight', 'blocks.0.experts.0.0', 'blocks.0.attention.in_proj'];
  expect(keys.every((key) => stateDict(model).has(key))).toBe(true);
  freeze(model, ['blocks.0.norm.weight', 'blocks']);
  // @ts-expect-error a name that no tensor has
  expect(() => freeze(model, ['embeddings'])).toThrow(/embeddings/);
  // @ts-expect-error numbers are no state
  expect(() => freeze(model, ['config.dim'])).toThrow(/config\.dim/);
  dispose(model);
});
