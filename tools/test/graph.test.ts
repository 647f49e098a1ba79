import { describe, expect, test } from 'vitest';
import { table, violations } from '../graph.ts';
import { tree } from './tree.ts';

const tensor = { name: '@multihead/tensor', exports: { '.': {}, './testing': {}, './package.json': './package.json' } };
const layers = {
  name: '@multihead/layers',
  exports: { '.': {} },
  peerDependencies: { '@multihead/tensor': 'workspace:^' },
  devDependencies: { '@multihead/tensor': 'workspace:*', '@multihead/attention': 'workspace:*', vitest: '5.1.1' },
};
const attention = { name: '@multihead/attention', exports: { '.': {} }, peerDependencies: layers.peerDependencies };

/** A workspace whose layers package has these files besides the ones above. */
const workspace = (files: Record<string, unknown>) =>
  tree({
    'packages/tensor/package.json': tensor,
    'packages/attention/package.json': attention,
    'packages/layers/package.json': layers,
    ...files,
  });
const source = (text: string, file = 'packages/layers/src/linear.ts') => violations(workspace({ [file]: text }));

test('the table itself has no circle', () => {
  const below = (short: string): string[] => {
    const rule = table[`packages/${short}`];
    return Array.isArray(rule) ? rule.flatMap((name) => [name, ...below(name)]) : [];
  };
  for (const short of ['tensor', 'attention', 'layers', 'tokenizer', 'transformer', 'train']) expect(below(short)).not.toContain(short);
});

describe('an import that the table allows', () => {
  test.each([
    `import { tensor } from '@multihead/tensor';`,
    `import { describeBackend } from '@multihead/tensor/testing';`,
    `export * from './linear-parts.js';`,
    `import { readFile } from 'node:fs/promises';`,
    `// import '@multihead/train';\nconst text = "import '@multihead/train'";`,
  ])('%s', (text) => expect(source(text)).toEqual([]));
});

describe('an import that the table forbids', () => {
  test.each([
    `import { attend } from '@multihead/attention';`,
    `import '@multihead/attention';`,
    `import type { AttentionFn } from '@multihead/attention';`,
    `import { type AttentionFn } from '@multihead/attention';`,
    `export { attend } from '@multihead/attention';`,
    `export * from '@multihead/attention';`,
    `const attention = await import('@multihead/attention');`,
    'const attention = await import(`@multihead/attention`);',
    `export type Fn = import('@multihead/attention').AttentionFn;`,
    `import attention = require('@multihead/attention');`,
    `const attention = require('@multihead/attention');`,
  ])('%s', (text) => expect(source(text)).toEqual([`packages/layers/src/linear.ts:1: '@multihead/attention' is not allowed by the table`]));

  test('but a test may, where devDependencies say so', () => {
    const text = `import { attend } from '@multihead/attention';`;
    expect(source(text, 'packages/layers/test/linear.test.ts')).toEqual([]);
    expect(source(text, 'packages/layers/src/linear.test.ts')).toEqual([]);
    expect(source(`import '@multihead/train';`, 'packages/layers/test/linear.test.ts')).toHaveLength(1);
  });
});

describe('other violations', () => {
  test('a deep import', () => {
    expect(source(`import '@multihead/tensor/src/shape.js';`)).toEqual([
      `packages/layers/src/linear.ts:1: '@multihead/tensor/src/shape.js' is not among the exports of that package`,
    ]);
  });

  test.each([`import '../../tensor/src/shape.js';`, `new Worker(new URL('../../tensor/src/worker.ts', import.meta.url));`])(
    'a relative path that leaves the package: %s',
    (text) => expect(source(text)).toEqual([expect.stringContaining('leaves the package by a relative path')]),
  );

  test('a package that names itself', () => {
    expect(source(`import '@multihead/layers';`)).toEqual([expect.stringContaining('names its own package')]);
    expect(source(`import '@multihead/layers';`, 'packages/layers/test/linear.test.ts')).toEqual([]);
  });

  test('a third party that package.json does not declare, or only for development', () => {
    expect(source(`import 'left-pad';`)).toEqual([expect.stringContaining('is not declared in package.json')]);
    expect(source(`import 'vitest';`)).toEqual([expect.stringContaining('is not declared in package.json as a dependency or peer')]);
    expect(source(`import 'vitest';`, 'packages/layers/test/linear.test.ts')).toEqual([]);
  });

  test('a dependency in package.json that the table forbids', () => {
    const manifest = { ...layers, dependencies: { '@multihead/attention': 'workspace:^' } };
    expect(violations(workspace({ 'packages/layers/package.json': manifest }))).toEqual([
      'packages/layers/package.json: dependencies names @multihead/attention, which the table does not allow',
    ]);
  });

  test('tensor as an ordinary dependency', () => {
    const manifest = { ...layers, dependencies: layers.peerDependencies, peerDependencies: {} };
    expect(violations(workspace({ 'packages/layers/package.json': manifest }))).toEqual([
      'packages/layers/package.json: @multihead/tensor must be a peer dependency',
    ]);
  });

  test('a package that the table does not know', () => {
    expect(violations(workspace({ 'packages/vision/package.json': { name: '@multihead/vision' } }))).toEqual([
      'packages/vision: not in the table of tools/graph.ts',
    ]);
  });
});

describe('circles among modules', () => {
  const circle = (a: string, b: string) => violations(workspace({ 'packages/layers/src/a.ts': a, 'packages/layers/src/b.ts': b }));

  test.each([
    [`import { b } from './b.js';`, `import { a } from './a.js';`],
    [`export * from './b.js';`, `import './a.js';`],
    [`const b = import('./b.js');`, `import { type T, a } from './a.js';`],
  ])('%s %s', (a, b) => {
    expect(circle(a, b)).toEqual(['packages/layers: modules import each other in a circle: src/a.ts > src/b.ts > src/a.ts']);
  });

  test('types alone make none', () => {
    expect(circle(`import { b } from './b.js';`, `import type { A } from './a.js';`)).toEqual([]);
    expect(circle(`import { b } from './b.js';`, `export type { A } from './a.js';`)).toEqual([]);
    expect(circle(`import { b } from './b.js';`, `import { type A } from './a.js';`)).toEqual([]);
  });
});
