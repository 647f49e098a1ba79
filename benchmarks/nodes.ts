import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const windows = process.platform === 'win32';

/** The executable of this major version: the one of the lockfile or, where that has none for this machine, the one that runs now. */
export function nodeExecutable(major: number): string | null {
  const platform = windows ? 'win' : process.platform;
  try {
    const manifest = createRequire(import.meta.url).resolve(`node${major}-${platform}-${process.arch}/package.json`);
    const executable = join(dirname(manifest), 'bin', windows ? 'node.exe' : 'node');
    if (existsSync(executable)) return executable;
  } catch {
    // Not for this machine.
  }
  return Number(process.versions.node.split('.')[0]) === major ? process.execPath : null;
}
