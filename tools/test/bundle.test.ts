import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eachAlone, exportsOf } from '../alone.ts';
import { intruders, overruns } from '../bundle.ts';

const budget = { ceiling: 100, absent: ['AdamW', 'WebAssembly'] };

test('a bundle within its budget', () => {
  expect(overruns(100, 'function attend() {}', budget)).toEqual([]);
});

test('one byte too many', () => {
  expect(overruns(101, '', budget)).toEqual(['101 bytes gzipped, and the ceiling is 100']);
});

test('code that does not belong there, in any case of letters', () => {
  expect(overruns(1, 'var x = 1; function adamw() {}', budget)).toEqual(['contains "AdamW": "var x = 1; function adamw() {}"']);
});

test('an export brings what it imports, and nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'alone-'));
  const files = {
    'index.ts': "export { one } from './one.js';\nexport { type Two, two } from './two.js';\n",
    'one.ts': "import { shared } from './shared.js';\nexport const one = () => shared();\n",
    'two.ts': "export type Two = number;\nexport const two = () => 2;\nconsole.log('whoever imports me');\n",
    'shared.ts': 'export const shared = () => 1;\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  expect([...exportsOf(files['index.ts'])]).toEqual([
    ['one', './one.ts'],
    ['two', './two.ts'],
  ]);
  const [one, two] = await eachAlone(folder);
  expect(one!.strangers.map((file) => file.split('/').at(-1))).toEqual(['two.ts']);
  expect(two!.strangers).toEqual([]);
  expect(intruders([two!], 1)).toEqual([`two: ${two!.bytes} bytes gzipped beside tensor, and the ceiling is 1`]);
  expect(intruders([one!], 1_000)).toEqual([expect.stringMatching(/^one: brings .*two\.ts, which it does not import$/)]);
});
