import { LifetimeError } from './errors.js';

/** What a scope can own. */
export interface Owned {
  dispose(): void;
  scope: Scope | null;
  /** Called when no scope owns it any more. */
  left(): void;
}

// Safari has no Symbol.dispose yet; compiled `using` looks for this same fallback.
const disposeSymbol: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');

let innermost: Scope | null = null;

/**
 * A stretch of code at whose end the tensors made in it die; `scope()` opens one.
 *
 * @example
 * const open = scope();
 * const y = ones([2]);
 * open.close();
 * y.disposed; // true
 */
export class Scope {
  readonly #parent: Scope | null;
  readonly #owned = new Set<Owned>();
  #open = true;

  constructor() {
    this.#parent = innermost;
    innermost = this;
  }

  add(item: Owned): void {
    this.#owned.add(item);
    item.scope = this;
  }

  remove(item: Owned): void {
    this.#owned.delete(item);
    item.scope = null;
    item.left();
  }

  /** Hands `item` to the enclosing scope; outside any scope, to its holder. */
  promote(item: Owned): void {
    if (!this.#parent) this.remove(item);
    else {
      this.#owned.delete(item);
      this.#parent.add(item);
    }
  }

  close(): void {
    if (!this.#open) return;
    if (innermost !== this) {
      throw new LifetimeError(
        'scope: closed out of order: another scope opened inside it is still open (two async tasks may be sharing it)',
      );
    }
    this.#open = false;
    innermost = this.#parent;
    for (const item of this.#owned) {
      item.scope = null; // it need not be taken out of what is emptied as a whole
      item.dispose();
    }
    this.#owned.clear();
  }

  [disposeSymbol](): void {
    this.close();
  }
}

/** Gives `item` to the innermost open scope, if there is one. */
export function adopt(item: Owned): void {
  innermost?.add(item);
}

/**
 * Opens a scope: every tensor made until it closes dies with it, unless it is kept, a parameter or a gradient.
 * Scopes close in order; crossing them, as two interleaved async tasks would, throws a LifetimeError.
 *
 * @example
 * const before = liveTensors();
 * {
 *   using _ = scope();
 *   mul(add(ones([2]), 1), 3); // [6, 6]
 * }
 * liveTensors() - before; // 0
 */
export function scope(): Scope {
  return new Scope();
}

/**
 * Takes tensors (alone, in arrays, maps and plain objects) out of their scopes: they live until `dispose()`. Returns what it was given.
 *
 * @example
 * const m = tidy(() => keep(zeros([2]))); // a running average, say
 * m.disposed; // false
 * m.dispose();
 */
export function keep<T>(value: T): T {
  forEachOwned(value, (item) => item.scope?.remove(item));
  return value;
}

/**
 * Runs `fn` in a scope of its own and hands what it returns (tensors in arrays, maps and plain objects included) to the enclosing one.
 * The equivalent of `using`, for engines and tools without it. Throws a LifetimeError if `fn` is async.
 *
 * @example
 * const x = tensor([1, 2]);
 * tidy(() => add(mul(x, x), 1)); // [2, 5]
 */
export function tidy<T>(fn: () => T): T {
  const inner = new Scope();
  try {
    const result = fn();
    if (result instanceof Promise) {
      throw new LifetimeError('tidy: fn: expected a synchronous function, got one that returns a promise; open a scope() in it instead');
    }
    forEachOwned(result, (item) => {
      if (item.scope === inner) inner.promote(item);
    });
    return result;
  } finally {
    inner.close();
  }
}

function forEachOwned(value: unknown, visit: (item: Owned) => void): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  if ('dispose' in value && 'scope' in value) visit(value as Owned);
  else if (Array.isArray(value)) for (const item of value) forEachOwned(item, visit);
  else if (value instanceof Map) for (const item of value.values()) forEachOwned(item, visit);
  else if (Object.getPrototypeOf(value) === Object.prototype) for (const item of Object.values(value)) forEachOwned(item, visit);
}
