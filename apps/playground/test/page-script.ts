import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** A file beside this one as a script for a page, in one piece; vitest, which a page does not have, is left out of it. */
export async function pageScript(file: string): Promise<string> {
  const entry = fileURLToPath(new URL(file, import.meta.url));
  const output = await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['@multihead/source', 'module', 'browser'] },
    build: { write: false, target: 'es2022', minify: false, lib: { entry, formats: ['es'] }, rollupOptions: { external: 'vitest' } },
  });
  const [{ output: chunks }] = output as { output: { code?: string }[] }[];
  // What is imported from it is never called in the page.
  return chunks[0].code!.replaceAll(
    /^import .* from ["']vitest["'];$/gm,
    'const afterAll = 0, describe = 0, expect = 0, it = 0, afterEach = 0;',
  );
}
