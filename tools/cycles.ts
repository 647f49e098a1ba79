import { readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { importsOf } from './imports.ts';
import { writtenFiles } from './workspace.ts';

/** The circles among the modules of a folder, each from the module that closes it. Imports of types alone do not count. */
export function cyclesIn(folder: string): string[][] {
  const files = writtenFiles(folder, /\.[cm]?[jt]sx?$/);
  const known = new Set(files);
  const edges = new Map(
    files.map((file) => [
      file,
      importsOf(file, readFileSync(join(folder, file), 'utf8'))
        .filter(({ specifier, typeOnly }) => specifier.startsWith('.') && !typeOnly)
        .flatMap(({ specifier }) => resolve(posix.join(dirname(file), specifier), known) ?? []),
    ]),
  );

  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) cycles.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    for (const next of edges.get(file)!) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return cycles;
}

/** `./shape.js` stands for `shape.ts`, as TypeScript has it. */
function resolve(path: string, known: Set<string>): string | undefined {
  const stem = path.replace(/\.[cm]?js$/, '');
  return [path, `${stem}.ts`, `${stem}.tsx`, `${stem}.mts`, `${path}.ts`, `${path}/index.ts`].find((file) => known.has(file));
}
