import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = fileURLToPath(new URL('.', import.meta.url));

/** What runs in the measured Node, as one file of JavaScript: Node 20 reads no TypeScript. Libraries stay as they were published. */
export async function buildChild(): Promise<string> {
  const { build, stop } = await import('esbuild');
  const manifest: { dependencies: Record<string, string> } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
  const outfile = join(here, 'build', 'child.mjs');
  await build({
    absWorkingDir: here,
    entryPoints: ['child.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    sourcemap: 'inline',
    logLevel: 'warning',
    // jax-js alone comes along, because it is given a Worker (see there).
    external: Object.keys(manifest.dependencies).filter((name) => name !== '@jax-js/jax'),
    inject: ['peers/browser-worker.ts'],
  });
  await stop();
  if (!existsSync(outfile)) throw new Error('esbuild wrote nothing');
  return outfile;
}
