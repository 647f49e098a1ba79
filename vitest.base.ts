import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import type { Reporter, TestModule } from 'vitest/node';

const conditions = ['@multihead/source', 'module', 'node', 'development|production'];
const setupFiles = [fileURLToPath(new URL('./vitest.setup.ts', import.meta.url)), resolve('vitest.setup.ts')].filter(existsSync);

/** Ends the output with the line that `npm test` sums up. */
const counts: Reporter = {
  onTestRunEnd(modules: readonly TestModule[]) {
    const count = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) count[test.result().state as keyof typeof count]++;
      if (module.state() === 'failed' && !tests.some((test) => test.result().state === 'failed')) count.failed++;
    }
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  },
};

/** Tests run on the sources of every package, through the export condition: nothing has to be built first. */
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['**/*.test.{ts,tsx}'],
    exclude: ['**/{node_modules,dist,generated}/**'],
    setupFiles,
    pool: 'threads',
    maxWorkers: 2,
    testTimeout: 30_000,
    passWithNoTests: true,
    reporters: ['default', counts],
  },
});
