import { readdirSync, readFileSync } from 'node:fs';
import * as chat from '@multihead/tokenizer/chat';
import * as formats from '@multihead/tokenizer/formats';
import * as trainers from '@multihead/tokenizer/trainers';
import * as core from '@multihead/tokenizer';
import { expect, it } from 'vitest';

// The examples in the docstrings of what has a sub-path of its own are run. A line `expression; // value` claims a value; the claim is checked.

const modules: Readonly<Record<string, object>> = { '': core, '/chat': chat, '/formats': formats, '/trainers': trainers };
const root = new URL('../src/', import.meta.url);
const files = ['chat', 'formats', 'trainers'].flatMap((folder) => readdirSync(new URL(folder, root)).map((name) => `${folder}/${name}`));

for (const file of files) {
  const source = readFileSync(new URL(file, root), 'utf8').replace(/^ *\* ?/gm, '');
  const blocks = [...source.matchAll(/^```ts\n(.*?)^```/gms)].map(([, block]) => block as string);
  for (const block of blocks.filter((text) => !text.includes('node:fs'))) {
    it(`${file}: ${block.match(/import \{ (.*?) \}/)?.[1]}`, async () => {
      const claims = await run(block);
      expect(claims.length, 'claims checked').toBeGreaterThan(0);
      for (const [line, got, expected] of claims) expect(got, line).toEqual(expected);
    });
  }
}

/** The example's claims as `[line, got, expected]`. */
async function run(block: string): Promise<[line: string, got: unknown, expected: unknown][]> {
  const body = block
    .replace(/^import \{(.*)\} from '@multihead\/tokenizer(.*)';$/gm, "const {$1} = modules['$2'];")
    .replace(
      /^(?! *(?:const|import) )([^\n]*?(?:\([^;]*?\{\n[\s\S]*?\n\}\))?); \/\/ (.*)$/gm,
      (_line, got, expected) => `claims.push([${JSON.stringify(got)}, (${got}), (${expected})]);`,
    );
  expect(body).not.toMatch(/^import/m);
  const claims: [string, unknown, unknown][] = [];
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  await new AsyncFunction('modules', 'claims', body)(modules, claims);
  return claims;
}
