import { Rng } from '@multihead/tensor';
import type { Switch } from './layers.js';

/*
 * Linear layers are called without a context, and what adapters drop needs its `rng`. So the objects above them, whose methods get the context, are
 * told to leave it where adapters find it, for as long as the call lasts. Forward passes are synchronous: no other call can come between.
 */

/** Lets the methods of these objects leave the `rng` of their context in `to`; what is returned undoes it. */
export function listenForRng(objects: Iterable<object>, to: Switch): () => void {
  const undo: (() => void)[] = [];
  for (const object of new Set(objects)) {
    for (const name of methodsOf(object)) {
      const method = (object as Record<string, unknown>)[name] as (...args: unknown[]) => unknown;
      const value = (...args: unknown[]) => {
        const rng = args.map(rngOf).find(Boolean);
        if (!rng) return method.apply(object, args);
        const before = to.rng;
        to.rng = rng;
        try {
          return method.apply(object, args);
        } finally {
          to.rng = before;
        }
      };
      Object.defineProperty(object, name, { value, configurable: true, writable: true });
      undo.push(() => Reflect.deleteProperty(object, name));
    }
  }
  return () => {
    for (const back of undo) back();
  };
}

function rngOf(argument: unknown): Rng | undefined {
  const { rng } = (argument ?? {}) as { rng?: unknown };
  return rng instanceof Rng ? rng : undefined;
}

/** Names of the methods of its class. */
function methodsOf(object: object): string[] {
  const names: string[] = [];
  for (
    let at = Object.getPrototypeOf(object);
    at !== null && at !== Object.prototype && at !== Array.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (name !== 'constructor' && typeof value === 'function' && !Object.hasOwn(object, name)) names.push(name);
    }
  }
  return names;
}
