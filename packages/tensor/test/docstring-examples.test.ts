import { readdirSync, readFileSync } from 'node:fs';
import * as exported from '@multihead/tensor';
import { scope, Tensor } from '@multihead/tensor';
import { describe, expect, it } from 'vitest';

const folder = new URL('../src/ops/', import.meta.url);
const names = Object.keys(exported);
const AsyncFunction = (async () => {}).constructor as new (...source: string[]) => (...values: unknown[]) => Promise<unknown>;

interface Example {
  readonly name: string;
  readonly code: string;
  readonly result: string;
}

/** The lines `call; // result` under the `@example` of each exported function. */
function examplesOf(file: string): Example[] {
  const text = readFileSync(new URL(file, folder), 'utf8');
  const documented = [...text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport (?:async )?(?:function|const) (\w+)/g)];
  return documented.flatMap(([, comment, name]) => {
    const [, example = ''] = comment!.split('@example');
    return [...example.matchAll(/^ \* (.+); \/\/ (.+)$/gm)].map(([, code, result]) => ({ name: name!, code: code!, result: result! }));
  });
}

async function evaluate(code: string): Promise<unknown> {
  const value = await new AsyncFunction(...names, `return (${code});`)(...Object.values(exported));
  return value instanceof Tensor ? await value.toArray() : value;
}

/** Numbers in examples may be rounded. */
function rounded(value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toFixed(2)) : Array.isArray(value) ? value.map(rounded) : value;
}

describe('examples in docstrings give what they say', () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
    for (const { name, code, result } of examplesOf(file)) {
      it(`${name}: ${code}`, async () => {
        using _ = scope();
        expect(rounded(await evaluate(code))).toEqual(rounded(JSON.parse(result)));
      });
    }
  }
});

it('every operation on shapes, indices, order and products has one', () => {
  // biome-ignore format: a list
  const files = [
    'view', 'slice', 'diagonal', 'windows', 'join', 'pad', 'tile', 'indexing', 'advanced-index', 'index-update', 'scatter', 'order', 'nonzero',
    'unique', 'products', 'einsum', 'matmul',
  ];
  const without = files.flatMap((file) => {
    const text = readFileSync(new URL(`${file}.ts`, folder), 'utf8');
    const found = new Set(examplesOf(`${file}.ts`).map(({ name }) => name));
    return [...text.matchAll(/^export (?:async )?function (\w+)/gm)]
      .map((match) => match[1]!)
      .filter((name) => names.includes(name) && !found.has(name));
  });
  expect(without).toEqual([]);
});
