import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tensor from '@multihead/tensor';
import { describe, expect, it } from 'vitest';

/* Every export says what it is; every example that makes its model itself runs, and says the right shape. */

const folder = fileURLToPath(new URL('../src', import.meta.url));
const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { exports: Record<string, unknown> };
const paths = Object.keys(exports).filter((path) => !['./package.json', './seq2seq'].includes(path));
const modules = await Promise.all(
  paths.map(async (path) => (await import(`@multihead/transformer/${path.slice(2)}`)) as Record<string, unknown>),
);
const exported: Record<string, unknown> = Object.assign({}, ...modules);

/** The doc comments of what files export, by name. */
const documented = new Map<string, string>();
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.name.endsWith('.ts')) continue;
  const source = readFileSync(join(entry.parentPath, entry.name), 'utf8');
  const pattern = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export (?:async )?(?:function|const|class) (\w+)/g;
  for (const [, text, name] of source.matchAll(pattern)) documented.set(name!, text!.replaceAll(/^\s*\* ?/gm, '').trim());
}
const exampleOf = (name: string) => documented.get(name)?.split('@example\n')[1];

describe('every export', () => {
  it('has a docstring', () => {
    expect(Object.keys(exported).filter((name) => !documented.get(name))).toEqual([]);
  });

  it('has an example, unless it is an error', () => {
    expect(Object.keys(exported).filter((name) => !name.endsWith('Error') && !exampleOf(name))).toEqual([]);
  });
});

const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...values: unknown[]) => Promise<unknown>;

const runnable = Object.keys(exported).filter(
  (name) => /^const (config|model|sizes) = (new|read|\{)/.test(exampleOf(name) ?? '') && /\.shape; \/\//.test(exampleOf(name)!),
);

it.each(runnable)('the example of %s', async (name) => {
  using _ = tensor.scope();
  const lines = exampleOf(name)!.trim().split('\n');
  const [, expression, claim] = /^(.*); \/\/ (\[.*\])$/.exec(lines.at(-1)!)!;
  const given = {
    ...tensor,
    ...exported,
    ids: tensor.tensor(Int32Array.of(1, 5, 2), { shape: [1, 3] }),
    target: tensor.tensor(Int32Array.of(1, 5), { shape: [1, 2] }),
    pixels: tensor.zeros([1, 3, 32, 32]),
    features: tensor.zeros([1, 4, 12]),
  };
  const code = `${lines.slice(0, -1).join('\n')}\nreturn [${expression}, model];`;
  const [shape, model] = (await new AsyncFunction(...Object.keys(given), code)(...Object.values(given))) as [number[], object];
  expect(JSON.stringify(shape)).toBe(claim!.replaceAll(' ', ''));
  tensor.dispose(model);
});

/* Those of /inspect look into a small Llama. */

const inspections = Object.keys(await import('@multihead/transformer/inspect'));

it.each(inspections)('the example of %s', async (name) => {
  using _ = tensor.scope();
  const { LlamaForCausalLM, readLlamaConfig } = await import('@multihead/transformer/llama');
  const sizes = { hidden_size: 16, intermediate_size: 24, num_attention_heads: 4, num_hidden_layers: 2, vocab_size: 20 };
  const model = new LlamaForCausalLM(readLlamaConfig(sizes), { rng: new tensor.Rng(1) });
  const ids = tensor.tensor(Int32Array.of(1, 5, 2), { shape: [1, 3] });
  const others = { cleanIds: ids, corruptedIds: tensor.tensor(Int32Array.of(1, 4, 2), { shape: [1, 3] }), direction: tensor.ones([16]) };
  const given = { ...tensor, ...exported, console: { log: () => {} }, model, ids, ...others };
  const lines = exampleOf(name)!.trim().split('\n');
  // `expression; // value` claims what the expression is.
  const claims = lines.map((line) => line.replace(/^(.*); \/\/ (\[.*\]|\d+|true)$/, 'claims.push([$1, $2]);'));
  const code = `const claims = [];\n${claims.join('\n')}\nreturn claims;`;
  const found = (await new AsyncFunction(...Object.keys(given), code)(...Object.values(given))) as [unknown, unknown][];
  for (const [got, want] of found) expect(got).toEqual(want);
  tensor.dispose(model);
});
