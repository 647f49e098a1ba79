import { readdirSync, readFileSync } from 'node:fs';
import * as exported from '@multihead/tokenizer';
import * as bpe from '@multihead/tokenizer/bpe';
import { expect, it } from 'vitest';

// The examples of README.md and of every docstring are run. A line `expression; // value` claims a value, and the claim is checked.

const root = new URL('../', import.meta.url);
const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const files = ['README.md', ...sources.map((name) => `src/${name}`)];

for (const file of files) {
  const source = readFileSync(new URL(file, root), 'utf8').replace(/^ *\* ?/gm, file.endsWith('.md') ? '$&' : '');
  const blocks = [...source.matchAll(/^```ts\n(.*?)^```/gms)].map(([, block]) => block as string);
  blocks.forEach((block, index) => {
    it(`${file}, example ${index + 1}`, () => {
      const claims = run(block);
      expect(claims.length, 'claims checked').toBeGreaterThan(0);
      for (const [line, got, expected] of claims) expect(got, line).toEqual(expected);
    });
  });
}

/** The example's claims as `[line, got, expected]`. */
function run(block: string): [line: string, got: unknown, expected: unknown][] {
  const body = block
    .replace(/^import \{(.*)\} from '@multihead\/tokenizer';$/gm, 'const {$1} = exported;')
    .replace(/^import \{(.*)\} from '@multihead\/tokenizer\/bpe';$/gm, 'const {$1} = bpe;')
    .replace(
      /^(?! *(?:const|import) )(.*); \/\/ (.*)$/gm,
      (_line, got, expected) => `claims.push([${JSON.stringify(got)}, (${got}), (${expected})]);`,
    );
  expect(body).not.toMatch(/^import/m);
  const claims: [string, unknown, unknown][] = [];
  new Function('exported', 'bpe', 'claims', body)(exported, bpe, claims);
  return claims;
}
