import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as core from '@multihead/tokenizer';
import * as bpe from '@multihead/tokenizer/bpe';
import * as chat from '@multihead/tokenizer/chat';
import * as formats from '@multihead/tokenizer/formats';
import * as sentencepiece from '@multihead/tokenizer/sentencepiece';
import * as trainers from '@multihead/tokenizer/trainers';
import { expect, it } from 'vitest';

// The examples of README.md and of every docstring are run. A line `expression; // value` claims a value, and the claim is checked.
// Those that read files of the reader's are left out.

const modules: Readonly<Record<string, object>> = {
  '': core,
  '/bpe': bpe,
  '/chat': chat,
  '/formats': formats,
  '/sentencepiece': sentencepiece,
  '/trainers': trainers,
};
const root = fileURLToPath(new URL('../', import.meta.url));

for (const file of ['README.md', ...globSync('src/**/*.ts', { cwd: root }).sort()]) {
  const source = readFileSync(root + file, 'utf8').replace(/^ *\* ?/gm, file.endsWith('.md') ? '$&' : '');
  const blocks = [...source.matchAll(/(<!-- example: .* -->\n+)?^```ts\n(.*?)^```/gms)]
    .filter(([, injected, block]) => injected === undefined && !block!.includes("from 'node:fs'"))
    .map(([, , block]) => block!);
  blocks.forEach((block, index) => {
    it(`${file}, example ${index + 1}`, async () => {
      const claims = await run(block);
      expect(claims.length, 'claims checked').toBeGreaterThan(0);
      for (const [line, got, expected] of claims) expect(got, line).toEqual(expected);
    });
  });
}

/** The example's claims as `[line, got, expected]`. A statement of several lines ends in `}); // value`. */
async function run(block: string): Promise<[line: string, got: unknown, expected: unknown][]> {
  const body = block
    .replace(/^import \{(.*)\} from '@multihead\/tokenizer(.*)';$/gm, "const {$1} = modules['$2'];")
    .replace(
      /^(?! *(?:const|import|\}) )([^\n]*?(?:\(.*?\{\n(?: .*\n)+\}\))?); \/\/ (.*)$/gm,
      (_line, got, expected) => `claims.push([${JSON.stringify(got)}, (${got}), (${expected})]);`,
    );
  expect(body).not.toMatch(/^import/m);
  const claims: [string, unknown, unknown][] = [];
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  await new AsyncFunction('modules', 'claims', body)(modules, claims);
  return claims;
}
