/*
 * What a process does besides: files and URLs that it opens, rejections that nobody handles, prototypes that it changes. Everything is
 * seen from inside, by functions in place of those of Node.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { resolve, sep } from 'node:path';

const require = createRequire(import.meta.url);
const watched = {
  'node:fs/promises': ['open', 'readFile'],
  'node:fs': ['open', 'openSync', 'readFile', 'readFileSync', 'createReadStream'],
} as const;
const prototypes = { Object, Array, Map, Set, Function, String, Number, Promise, Error } as const;

let seen: string[] = [];
let inside: string | undefined;
const keysOf = (): string => JSON.stringify(Object.entries(prototypes).map(([name, { prototype }]) => [name, Reflect.ownKeys(prototype).map(String)])); // biome-ignore format: one row
const before = keysOf();

/** Watches this process from now on. */
export function watch(): void {
  for (const [module, functions] of Object.entries(watched)) {
    const exports = require(module) as Record<string, (...args: unknown[]) => unknown>;
    for (const name of functions) {
      const original = exports[name];
      exports[name] = (path: unknown, ...args: unknown[]) => {
        if (inside !== undefined && !isInside(path, inside)) seen.push(`opened ${String(path)}`);
        return original(path, ...args);
      };
    }
  }
  syncBuiltinESMExports();
  globalThis.fetch = async (url) => {
    seen.push(`fetched ${String(url)}`);
    throw new TypeError('nothing may be fetched here');
  };
  process.on('unhandledRejection', (reason) => seen.push(`left a rejection unhandled: ${String(reason)}`));
}

function isInside(path: unknown, folder: string): boolean {
  return typeof path !== 'string' || resolve(path) === folder || resolve(path).startsWith(folder + sep);
}

/** What `act` gives, and what this process did meanwhile that it should not: only files in `folder` are its business. */
export async function watching<T>(folder: string, act: () => Promise<T>): Promise<{ result: T; seen: string[] }> {
  seen = [];
  inside = resolve(folder);
  try {
    const result = await act();
    await new Promise((done) => setTimeout(done, 0)); // time for rejections to be found unhandled
    if (keysOf() !== before) seen.push(`changed a prototype: ${keysOf()}`);
    return { result, seen };
  } finally {
    inside = undefined;
  }
}
