// What one export of a package costs beside tensor, and whether its bundle holds anything that it does not import.
import { readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';
import { root } from './workspace.ts';

export interface Alone {
  name: string;
  /** Gzipped, without tensor. */
  bytes: number;
  /** Modules in the bundle that the module of the export does not import, directly or through others. */
  strangers: string[];
}

/** Each function and class that `index` of a folder of sources exports, bundled alone. */
export async function eachAlone(folder: string): Promise<Alone[]> {
  const index = join(folder, 'index.ts');
  const whole = await bundled(`export * from './index.ts';`, folder);
  return Promise.all(
    [...exportsOf(readFileSync(index, 'utf8'))].map(async ([name, module]) => {
      const { text, metafile } = await bundled(`export { ${name} } from './index.ts';`, folder);
      const own = closure(relativeTo(join(folder, module)), whole.metafile);
      const [output] = Object.values(metafile.outputs);
      const held = Object.entries(output!.inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : []));
      return { name, bytes: gzipSync(text, { level: 9 }).length, strangers: held.filter((file) => !own.has(file) && file !== '<stdin>') };
    }),
  );
}

/** Names of values, and the modules that they come from. */
export function exportsOf(index: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, names, module] of index.matchAll(/export \{([^}]*)\} from '(\.[^']+)\.js'/g)) {
    for (const name of names!.split(',').map((part) => part.trim())) if (name && !name.startsWith('type ')) found.set(name, `${module}.ts`);
  }
  return found;
}

function closure(file: string, { inputs }: Metafile): Set<string> {
  const seen = new Set([file]);
  for (const one of seen) for (const { path, external } of inputs[one]?.imports ?? []) if (!external) seen.add(path);
  return seen;
}

async function bundled(contents: string, resolveDir: string): Promise<{ text: string; metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir, loader: 'ts' },
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['@multihead/*'],
    logLevel: 'silent',
  });
  return { text: outputFiles[0]!.text, metafile };
}

function relativeTo(file: string): string {
  return relative(root, file).split('\\').join(posix.sep);
}
