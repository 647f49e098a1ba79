import { expect, test } from 'vitest';
import { linksOf, regionOf, withExamples } from '../readme.ts';

const program = `import { a } from 'a';

// #region first
  const x = 1;
    // #region inner
    const y = x;
    // #endregion inner
// #endregion first
`;
const page = (code: string, name = '#first') => `# A\n\n<!-- example: examples/a.ts${name} -->\n\`\`\`ts\n${code}\n\`\`\`\n\nAfter.\n`;

test('a block becomes its region, without indentation and markers', () => {
  expect(withExamples(page('stale'), () => program)).toBe(page('const x = 1;\n  const y = x;'));
  expect(withExamples(page('stale', '#inner'), () => program)).toBe(page('const y = x;', '#inner'));
  expect(withExamples(page('', ''), () => 'one\ntwo\n')).toBe(page('one\ntwo', ''));
});

test('a block that is right stays as it is, and so does one without a comment', () => {
  const right = page('const x = 1;\n  const y = x;');
  expect(withExamples(right, () => program)).toBe(right);
  expect(withExamples('```ts\nfree\n```\n', () => program)).toBe('```ts\nfree\n```\n');
});

test('a dollar sign of the program is no pattern', () => {
  expect(withExamples(page('', ''), () => "const price = '$&';")).toBe(page("const price = '$&';", ''));
});

test('a region that is not there is named', () => {
  expect(() => regionOf(program, 'examples/a.ts', 'second')).toThrow('examples/a.ts has no region "second"');
});

test('links to files, and nothing else', () => {
  const text =
    '[a](docs/a.md#part "title") ![b](b%20c.png) [c](#part) [d](https://a.b) <img src="d.png"> `[e](e.md)`\n```md\n[f](f.md)\n```\n';
  expect(linksOf(text)).toEqual(['docs/a.md', 'b c.png', 'd.png']);
});
