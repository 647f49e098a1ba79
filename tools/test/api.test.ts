import { join } from 'node:path';
import { expect, test } from 'vitest';
import { report } from '../api.ts';
import { tree } from './tree.ts';

test('exports in alphabetical order, without comments, then the types that they use and do not export', () => {
  const folder = tree({
    'dist/index.d.ts': `
      interface Hidden { /** Said. */ size: number }
      declare const two: number;
      /** One. */
      declare function one(options?: Hidden, other?: import('./extra.js').Extra, foreign?: import('../other/dist/index.js').Foreign): void;
      export { two as second, one };
      export declare class Box<T> { #secret; value: T; }`,
    'dist/extra.d.ts': 'export interface Extra { text: string }',
    'other/dist/index.d.ts': 'export interface Foreign { text: string }',
  });
  const entry = (name: string) => ({ specifier: `@multihead/x/${name}`, types: join(folder, `dist/${name}.d.ts`) });
  expect(report('@multihead/x', join(folder, 'dist'), [entry('index'), entry('extra')])).toBe(`# @multihead/x

Written by \`pnpm api\`; do not edit.

## \`@multihead/x/index\`

\`\`\`ts
class Box<T> {
  #secret;
  value: T;
}

function one(options?: Hidden, other?: import('./extra.js').Extra, foreign?: import('../other/dist/index.js').Foreign): void;

// second is:
const two: number;

// Used above, not exported:

interface Hidden {
  size: number;
}
\`\`\`

## \`@multihead/x/extra\`

\`\`\`ts
interface Extra {
  text: string;
}
\`\`\`
`);
});
