import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';

export const here = fileURLToPath(new URL('.', import.meta.url));

/** Programs that a bench starts in processes of their own. They lie beside the child. */
const programs = ['benches/start/first-multihead.ts', 'benches/start/first-transformers.ts'];

/** What runs in the measured Node, as files of JavaScript: Node 20 reads no TypeScript. Libraries stay as they were published. */
export async function buildChild(): Promise<string> {
  const { build, stop } = await import('esbuild');
  const manifest: { dependencies: Record<string, string> } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
  const outfile = join(here, 'build', 'child.mjs');
  const shared = {
    absWorkingDir: here,
    bundle: true,
    platform: 'node' as const,
    format: 'esm' as const,
    target: 'node20.19',
    sourcemap: 'inline',
    logLevel: 'warning' as const,
    // jax-js alone comes along, because it is given a Worker (see there).
    external: [...Object.keys(manifest.dependencies).filter((name) => name !== '@jax-js/jax'), 'esbuild'],
  } satisfies BuildOptions;
  await build({ ...shared, entryPoints: ['child.ts'], outfile, inject: ['peers/browser-worker.ts'] });
  await build({ ...shared, entryPoints: programs, outdir: join(here, 'build'), entryNames: '[name]', outExtension: { '.js': '.mjs' } });
  await stop();
  if (!existsSync(outfile)) throw new Error('esbuild wrote nothing');
  return outfile;
}
