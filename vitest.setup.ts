import { afterEach, beforeEach, expect, vi } from 'vitest';

// What no test may do, in any package: write to the console, or add keys to Object.prototype.
const methods = ['debug', 'error', 'info', 'log', 'trace', 'warn'] as const;
let written: string[] = [];
const prototypeKeys = Reflect.ownKeys(Object.prototype).length;

beforeEach(() => {
  written = [];
  for (const method of methods) {
    vi.spyOn(console, method).mockImplementation((...args: unknown[]) => void written.push(`console.${method}: ${args.join(' ')}`));
  }
});

afterEach(() => {
  vi.restoreAllMocks();
  expect(written, 'a test wrote to the console').toEqual([]);
  const keys = Reflect.ownKeys(Object.prototype);
  expect(keys.slice(prototypeKeys), 'a test added keys to Object.prototype').toEqual([]);
});
