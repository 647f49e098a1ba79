import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as attention from '@multihead/attention';
import * as tensor from '@multihead/tensor';
import { describe, expect, it } from 'vitest';
import { dispose, random } from './models.js';

/* Every export says what it is, and its example runs: on the heads, tokens and gates that are given to it below. */

const folder = fileURLToPath(new URL('../src', import.meta.url));

/** The doc comments of what a file exports, by name. */
function docstrings(source: string): Map<string, string> {
  const pattern = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/[^\n]*\n)?export (?:async )?(?:function|const|class) (\w+)/g;
  return new Map([...source.matchAll(pattern)].map(([, text, name]) => [name!, text!.replaceAll(/^\s*\* ?/gm, '').trim()]));
}

const documented = new Map<string, string>();
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  for (const [name, text] of docstrings(readFileSync(join(entry.parentPath, entry.name), 'utf8'))) documented.set(name, text);
}
const exampleOf = (name: string) => documented.get(name)?.split('@example\n')[1];

/** What examples take for granted. */
function givens(): Record<string, unknown> {
  const { Rng, mul, sigmoid, neg, softplus } = tensor;
  const heads = (tokens: number, width = 64, seed = 1) => random([2, 8, tokens, width], seed);
  const [q, k, v] = [heads(8, 64, 1), heads(8, 64, 2), heads(8, 64, 3)];
  const gate = (tokens: number) => random([2, 8, tokens, 1], 7);
  const vectors = [1, 2, 3, 4].map((seed) => mul(random([32], seed), 0.1));
  return {
    ...{ q, k, v, x: q, rng: new Rng(1), tokens: 8, queries: 8, keys: 8, dim: 64, lengths: [8, 5], show: () => {} },
    ...{ q1: heads(1), k1: heads(1), v1: heads(1), decay1: neg(softplus(heads(1))), gate: q, a: gate(8), b: gate(8) },
    ...{ kNew: heads(2), vNew: heads(2), kPrompt: random([1, 8, 8, 64]), vPrompt: random([1, 8, 8, 64]), kv: k },
    ...{ logits: random([8]), weight: random([32, 8]), ids: tensor.zeros([2, 8], { dtype: 'int32' }) },
    ...{ content: heads(8, 16), qRope: heads(8, 8), latents: random([2, 8, 24]), kRope: random([2, 8, 8]) },
    ...{ key: random([8, 24, 16]), value: random([8, 24, 16]), lambdas: vectors, grid: heads(1024) },
    ...{ beta: sigmoid(gate(8)), embedded: random([2, 8, 512]), project: (y: unknown) => y },
  };
}

const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...values: unknown[]) => Promise<void>;

/** Models of the examples: their parameters outlive scopes. */
const models: object[] = [];
class MultiHeadAttention extends attention.MultiHeadAttention {
  constructor(...args: ConstructorParameters<typeof attention.MultiHeadAttention>) {
    super(...args);
    models.push(this);
  }
}

/** What some take for granted instead. */
function others(name: string): Record<string, unknown> {
  const given = givens();
  if (name === 'MultiHeadAttention' || name === 'splitHeads') return { x: given.embedded };
  if (name === 'sinusoidalPositions') return { weight: random([32, 64]) };
  if (name !== 'differentialAttention') return {};
  const [q1, k1, q2, k2] = given.lambdas as tensor.Tensor[];
  return { q1, k1, q2, k2 };
}

async function run(example: string, name = ''): Promise<void> {
  const open = tensor.scope();
  try {
    const given = { ...tensor, ...attention, MultiHeadAttention, ...givens(), ...others(name) };
    // A block, so that an example may name its results as it likes.
    const code = `{\n${stripTypeScriptTypes(example)}\n}`;
    await new AsyncFunction(...Object.keys(given), code)(...Object.values(given));
  } finally {
    dispose(...models.splice(0));
    open.close();
  }
}

const isFunction = (value: unknown): boolean => typeof value === 'function';

describe('every export', () => {
  it('has a docstring', () => {
    expect(Object.keys(attention).filter((name) => !documented.get(name))).toEqual([]);
  });

  it('has an example, unless it is said to be another one’s twin', () => {
    const twins = /^(The same|Both masks|True where key|\[B, H, T, D\] as|The `init`|A rule that lets|Tokens with the same)/;
    const missing = Object.entries(attention).filter(
      ([name, value]) => isFunction(value) && !exampleOf(name) && !twins.test(documented.get(name)!),
    );
    expect(missing.map(([name]) => name)).toEqual([]);
  });
});

describe('the example of', () => {
  const examples = Object.keys(attention).flatMap((name) => (exampleOf(name) ? [[name, exampleOf(name)!] as const] : []));
  it.each(examples)('%s runs', async (name, example) => {
    await run(example, name);
  });

  it('one that does not run fails', async () => {
    await expect(run('attend(q, k);')).rejects.toThrow();
  });
});
