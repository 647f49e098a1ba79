import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = '@multihead/source';
const setup = fileURLToPath(new URL('./vitest.setup.ts', import.meta.url));
const ownSetup = resolve('vitest.setup.ts');

/** Tests run on the sources of every package, through the export condition: nothing has to be built first. */
export default defineConfig({
  resolve: { conditions: [source, 'module', 'node', 'development|production'] },
  ssr: { resolve: { conditions: [source, 'module', 'node', 'development|production'], externalConditions: [source, 'node'] } },
  test: {
    include: ['{src,test}/**/*.test.ts'],
    setupFiles: existsSync(ownSetup) ? [setup, ownSetup] : [setup],
    pool: 'threads',
    maxWorkers: 2,
    testTimeout: 30_000,
    passWithNoTests: true,
    reporters: ['default', ['json', { outputFile: '.report/test.json' }]],
  },
});
