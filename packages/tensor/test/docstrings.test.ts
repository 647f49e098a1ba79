import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import * as tensor from '@multihead/tensor';
import { tidy } from '@multihead/tensor';

/*
 * Every export says what it is, and its example runs. In an example, a line that ends in `// value` is an expression with that value: a tensor
 * is shown as nested arrays, numbers may be rounded to four decimals. A comment that is no value is prose.
 */

const folder = fileURLToPath(new URL('../src', import.meta.url));

/** The doc comments of what a file exports, by name. */
function docstrings(source: string): Map<string, string> {
  const pattern = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:\/\/[^\n]*\n)?export (?:async )?(?:function|const|class|abstract class) (\w+)/g;
  return new Map([...source.matchAll(pattern)].map(([, text, name]) => [name!, text!.replaceAll(/^\s*\* ?/gm, '').trim()]));
}

const documented = new Map<string, string>();
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !entry.name.endsWith('.ts') || entry.name.endsWith('.test.ts') || entry.parentPath.includes('testing')) continue;
  for (const [name, text] of docstrings(readFileSync(join(entry.parentPath, entry.name), 'utf8'))) documented.set(name, text);
}

function exampleOf(text: string): string | undefined {
  return text.split('@example\n')[1]?.split(/^@\w+/m)[0];
}

/** A value as an example shows it. */
async function shown(value: unknown): Promise<unknown> {
  if (value instanceof tensor.Tensor) return value.toArray();
  if (Array.isArray(value)) return Promise.all(value.map(shown));
  if (ArrayBuffer.isView(value)) return Array.from(value as Float32Array);
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([key, item]) => [key, await shown(item)])));
  return value;
}

function sameValue(got: unknown, want: unknown): boolean {
  if (typeof got === 'number' && typeof want === 'number') {
    return Object.is(got, want) || got === want || Math.abs(got - want) <= 6e-5 * Math.max(1, Math.abs(want));
  }
  if (Array.isArray(got) && Array.isArray(want)) return got.length === want.length && got.every((item, i) => sameValue(item, want[i]));
  if (typeof got === 'object' && typeof want === 'object' && got && want) {
    const [a, b] = [got as Record<string, unknown>, want as Record<string, unknown>];
    return Object.keys(a).sort().join() === Object.keys(b).sort().join() && Object.keys(a).every((key) => sameValue(a[key], b[key]));
  }
  return Object.is(got, want);
}

const notAValue = Symbol('prose');

function valueIn(comment: string): unknown {
  if (!/^[[{\d.'"-]|^(true|false|null|NaN|Infinity)$/.test(comment)) return notAValue;
  try {
    return new Function(`return (${comment});`)() as unknown;
  } catch {
    return notAValue;
  }
}

/** The example as a program that hands every value with what it should be to `check`. */
function programOf(example: string): string {
  const lines = example.split('\n').map((line) => {
    const match = /^(\s*)(const (?:\w+|\{[^}]*\}|\[[^\]]*\]) = )?(.*?);?\s+\/\/ (.+)$/.exec(line);
    if (!match || valueIn(match[4]!) === notAValue) return line;
    const [, indent, binding, code, comment] = match;
    const expression = code!.replace(/^console\.log\((.*)\)$/, '$1');
    const check = `await check(async () => (${expression}), ${JSON.stringify(comment)})`;
    return `${indent}${binding ?? ''}${check};`;
  });
  return lines.filter((line) => !line.trimStart().startsWith('import ')).join('\n');
}

const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...values: unknown[]) => Promise<void>;

async function run(example: string): Promise<number> {
  let checks = 0;
  const check = async (expression: () => unknown, comment: string): Promise<unknown> => {
    const value = await expression();
    const got = await shown(value);
    const want = valueIn(comment);
    if (!sameValue(got, want)) throw new Error(`the example says ${comment}, the value is ${JSON.stringify(got)}`);
    checks++;
    return value;
  };
  const names = Object.keys(tensor);
  const code = stripTypeScriptTypes(programOf(example));
  const open = tensor.scope();
  const log = vi.spyOn(console, 'log').mockImplementation(() => {}); // some print
  try {
    await new AsyncFunction(...names, 'check', code)(...Object.values(tensor), check);
  } finally {
    log.mockRestore();
    open.close();
  }
  return checks;
}

const isFunction = (value: unknown): boolean => typeof value === 'function';

describe('every export', () => {
  it('has a docstring', () => {
    expect(Object.keys(tensor).filter((name) => !documented.get(name))).toEqual([]);
  });

  it('that is a function has an example', () => {
    const functions = Object.entries(tensor).filter(([name, value]) => isFunction(value) && !name.endsWith('Error'));
    expect(functions.map(([name]) => name).filter((name) => !exampleOf(documented.get(name) ?? ''))).toEqual([]);
  });
});

describe('the example of', () => {
  const examples = Object.keys(tensor).flatMap((name) => {
    const example = exampleOf(documented.get(name) ?? '');
    return example ? [[name, example] as const] : [];
  });
  it.each(examples)('%s runs', async (_name, example) => {
    await run(example);
  });

  it('most functions shows a value', async () => {
    let showing = 0;
    for (const [, example] of examples) showing += (await run(example)) > 0 ? 1 : 0;
    expect(showing).toBeGreaterThan(examples.length / 2);
  });

  it('a wrong one fails', async () => {
    await expect(run('add(tensor([1, 2]), 10); // [11, 13]')).rejects.toThrow('the value is [11,12]');
    expect(tidy(() => 1)).toBe(1);
  });
});
