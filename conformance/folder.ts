import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** A folder of golden cases, its files plain or packed one by one with gzip: `fn-softmax.json` may lie there as `fn-softmax.json.gz`. */
export class Folder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The files directly in it, by their plain names, sorted. */
  names(): string[] {
    const files = readdirSync(this.path, { withFileTypes: true }).filter((entry) => entry.isFile());
    return [...new Set(files.map((entry) => entry.name.replace(/\.gz$/, '')))].sort();
  }

  /** The folders directly in it, sorted. */
  folders(): Folder[] {
    const entries = readdirSync(this.path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return entries.map((entry) => new Folder(join(this.path, entry.name))).sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  has(name: string): boolean {
    return existsSync(join(this.path, name)) || existsSync(join(this.path, `${name}.gz`));
  }

  bytes(name: string): Uint8Array {
    const plain = join(this.path, name);
    return existsSync(plain) ? readFileSync(plain) : gunzipSync(readFileSync(`${plain}.gz`));
  }

  /** The parsed content of a JSON file; throws an Error that names the file if it is none. */
  json(name: string): unknown {
    try {
      return JSON.parse(new TextDecoder().decode(this.bytes(name)));
    } catch (cause) {
      throw new Error(`${join(this.path, name)}: expected JSON: ${(cause as Error).message}`, { cause });
    }
  }
}

/** Where the cases of `suite` are: `base` may hold a folder for each suite, or be that of the suite itself. */
export function locate(base: string, suite: string): Folder {
  const inner = join(base, suite);
  const path = isDirectory(inner) ? inner : base;
  if (!isDirectory(path)) throw new Error(`--dir: there is no folder ${base}`);
  const folder = new Folder(path);
  if (!folder.names().some((name) => name.endsWith('.json'))) {
    throw new Error(`--dir: expected the cases of suite ${suite} (.json or .json.gz files) in ${base} or in ${inner}`);
  }
  return folder;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
