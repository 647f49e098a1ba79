import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  exports?: Record<string, string | Record<string, string>>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export const readManifest = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** The folders of the published packages, in alphabetical order. */
export function publishedPackages(): { folder: string; short: string; manifest: Manifest }[] {
  return readdirSync(join(root, 'packages')).map((short) => {
    const folder = join(root, 'packages', short);
    return { folder, short, manifest: readManifest(folder) };
  });
}

const skipped = new Set(['node_modules', 'dist', 'generated', 'build', 'checkpoint', 'cases', 'fixtures']);

/** Every file under a folder that a person wrote, as paths relative to it. */
export function writtenFiles(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (entry.name.startsWith('.') || skipped.has(entry.name)) return [];
      if (entry.isDirectory()) return writtenFiles(join(folder, entry.name), pattern).map((file) => `${entry.name}/${file}`);
      return pattern.test(entry.name) ? [entry.name] : [];
    })
    .sort();
}
