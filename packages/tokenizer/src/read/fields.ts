import { show, TokenizerError } from '../errors.js';

/** Deeper files are refused, as by Hugging Face's reader. */
const deepest = 100;

/** A JSON object of a file, whose fields are read with their types checked. Errors name the path to the field. */
export class Fields {
  readonly operation: string;
  readonly path: string;
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #depth: number;

  constructor(operation: string, path: string, value: unknown, depth = 0) {
    this.operation = operation;
    this.path = path;
    this.#depth = depth;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.refuse('', 'an object', value);
    if (depth > deepest) throw new TokenizerError(operation, `${path}: expected at most ${deepest} levels`);
    this.#value = value as Readonly<Record<string, unknown>>;
  }

  /** A field as it is; undefined for one that is not there, and for null. */
  get(key: string): unknown {
    return Object.hasOwn(this.#value, key) ? (this.#value[key] ?? undefined) : undefined;
  }

  keys(): string[] {
    return Object.keys(this.#value);
  }

  string(key: string, missing?: string): string {
    return this.#read(key, 'a string', (value) => typeof value === 'string', missing) as string;
  }

  boolean(key: string, missing?: boolean): boolean {
    return this.#read(key, 'true or false', (value) => typeof value === 'boolean', missing) as boolean;
  }

  /** A whole number below 2^32. */
  count(key: string, missing?: number): number {
    const isCount = (value: unknown) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
    return this.#read(key, 'a whole number below 2^32', isCount, missing) as number;
  }

  number(key: string, missing?: number): number {
    return this.#read(key, 'a number', (value) => typeof value === 'number' && Number.isFinite(value), missing) as number;
  }

  oneOf<T extends string>(key: string, values: readonly T[], missing?: T): T {
    return this.#read(key, `one of ${values.join(', ')}`, (value) => values.includes(value as T), missing) as T;
  }

  list(key: string): readonly unknown[] {
    return this.#read(key, 'an array', Array.isArray) as readonly unknown[];
  }

  object(key: string): Fields {
    return new Fields(this.operation, this.#pathOf(key), this.get(key), this.#depth + 1);
  }

  /** An array of objects. */
  objects(key: string): Fields[] {
    return this.list(key).map((value, i) => new Fields(this.operation, `${this.#pathOf(key)}[${i}]`, value, this.#depth + 1));
  }

  /** `["token", id]`. */
  token(key: string): { token: string; id: number } {
    const isToken = (value: unknown) =>
      Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && Number.isInteger(value[1]) && value[1] >= 0;
    const [token, id] = this.#read(key, 'a token with its id', isToken) as [string, number];
    return { token, id };
  }

  refuse(key: string, expected: string, got: unknown): TokenizerError {
    const path = key === '' ? this.path : this.#pathOf(key);
    return new TokenizerError(this.operation, `${path === '' ? 'json' : path}: expected ${expected}, got ${show(got)}`);
  }

  #read(key: string, expected: string, holds: (value: unknown) => boolean, missing?: unknown): unknown {
    const value = this.get(key) ?? missing;
    if (!holds(value)) throw this.refuse(key, expected, this.get(key));
    return value;
  }

  #pathOf(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }
}

/** By the `type` of an object: what makes a value of it. */
export type Readers<T> = Readonly<Record<string, (fields: Fields, readers: Readers<T>) => T>>;

/** What a file describes by an object with a `type`. Throws `TokenizerError` for a type that is not among the readers. */
export function readTyped<T>(fields: Fields, readers: Readers<T>): T {
  const type = fields.get('type');
  if (typeof type !== 'string' || !Object.hasOwn(readers, type))
    throw fields.refuse('type', `one of ${Object.keys(readers).join(', ')}`, type);
  return (readers[type] as Readers<T>[string])(fields, readers);
}
