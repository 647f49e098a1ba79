import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { heatMap, table, wantsColor } from './heat-map.js';

describe('pnpm example attention', () => {
  let output = '';
  beforeAll(async () => {
    const args = ['--conditions=@multihead/source', '--import=tsx', 'attention.ts'];
    output = (await promisify(execFile)(process.execPath, args, { cwd: dirname(import.meta.dirname) })).stdout;
  }, 60_000);

  /** The numbers of the table under the step of this number. */
  const matrix = (step: number) => {
    const lines = output.split('\n');
    const first = lines.findIndex((line) => line.startsWith(`${step}  `)) + 2;
    const rows = lines.slice(first, lines.indexOf('', first));
    return rows.map((line) => [...line.matchAll(/-?\d+\.\d+/g)].map(Number));
  };
  const transposed = (m: number[][]) => m[0]!.map((_, j) => m.map((row) => row[j]!));
  const product = (a: number[][], b: number[][]) =>
    a.map((row) => transposed(b).map((column) => row.reduce((s, n, i) => s + n * column[i]!, 0)));
  const expectNear = (got: number[][], want: number[][], within: number) => {
    expect(got.map((row) => row.length)).toEqual(want.map((row) => row.length));
    got.forEach((row, i) => {
      row.forEach((n, j) => {
        expect(Math.abs(n - want[i]![j]!), `row ${i}, column ${j}: ${n}, ${want[i]![j]}`).toBeLessThanOrEqual(within);
      });
    });
  };

  it('prints figures that follow from each other', () => {
    const x = matrix(1);
    const wQuery = [[1, 0, 4, 0], [8, 0, 1, 0], [6, 6, 0, 0], [0, 0, 0, 0]]; // biome-ignore format: a matrix
    const scores = product(product(x, wQuery), transposed(x)); // keys are the vectors themselves
    expectNear(matrix(3), scores, 0.00501);
    expectNear(matrix(4), scores.map((row) => row.map((s) => s / 2)), 0.00501); // biome-ignore format: one call
    const weights = scores.map((row) => {
      const e = row.map((s) => Math.exp(s / 2));
      return e.map((n) => n / e.reduce((a, b) => a + b, 0));
    });
    expectNear(matrix(5), weights, 0.00501);
    expectNear(matrix(6), product(weights, x.map(([noun, , verb]) => [noun!, verb!])), 0.00501); // biome-ignore format: one call
  });

  it('prints weights whose rows sum to 1', () => {
    expect(matrix(5)).toHaveLength(6);
    for (const row of matrix(5)) expect(Math.abs(row.reduce((a, b) => a + b, 0) - 1)).toBeLessThan(0.031); // six rounded numbers
  });

  it('shows that "it" is the cat, and that attend() is these steps', () => {
    expect(output).toMatch(/"it" gives 77 % of its attention to "cat"/);
    expect(output).toMatch(/greatest difference: 0e\+0\.$/m);
  });

  it('has no colours where nobody looks', () => {
    expect(stripVTControlCharacters(output)).toBe(output);
  });
});

describe('heat map', () => {
  const weights = [[0, 1], [0.5, 0.25]]; // biome-ignore format: a matrix

  it('has a cell for each weight, brighter for more', () => {
    const drawn = heatMap(['a', 'b'], ['c', 'd'], weights, { color: true });
    const backgrounds = [...drawn.matchAll(/48;5;(\d+)/g)].map((match) => Number(match[1]));
    expect(backgrounds).toEqual([233, 229, 197, 125]);
    const seen = [...stripVTControlCharacters(drawn).matchAll(/\d\.\d\d/g)].map(Number);
    expect(seen).toEqual(weights.flat());
  });

  it('is made of shades without colour, in columns of one width', () => {
    const plain = heatMap(['a', 'bcd'], ['c', 'd'], weights, { color: false });
    expect(plain.split('\n').slice(1)).toEqual(['   a    ·· 0.00 ██ 1.00', '   bcd  ▒▒ 0.50 ░░ 0.25']);
    expect(table(['a'], ['long name'], [[1]], 1)).toBe('      long name\n   a        1.0');
  });

  it('wants colour in a terminal only, and never against NO_COLOR', () => {
    expect(wantsColor({ isTTY: true }, {})).toBe(true);
    expect(wantsColor({ isTTY: false }, {})).toBe(false);
    expect(wantsColor({ isTTY: true }, { NO_COLOR: '1' })).toBe(false);
    expect(wantsColor({ isTTY: true }, { TERM: 'dumb' })).toBe(false);
  });
});
