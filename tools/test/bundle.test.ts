import { expect, test } from 'vitest';
import { overruns } from '../bundle.ts';

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
