import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig } from 'vitest/config';
import type { Reporter, TestModule } from 'vitest/node';

const conditions = ['@multihead/source', 'module', 'node', 'development|production'];
const setup = (file: string) => fileURLToPath(new URL(file, import.meta.url));

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
const base = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['**/*.test.{ts,tsx}'],
    exclude: ['**/{node_modules,dist,generated,fixtures}/**'],
    setupFiles: [setup('./vitest.setup.ts')],
    pool: 'threads',
    maxWorkers: 2,
    testTimeout: 60_000, // a machine may be busy
    hookTimeout: 120_000,
    reporters: ['default', counts],
  },
});

export default base;

/** For packages whose tests make tensors: none may be left behind. */
export const withTensors = mergeConfig(base, defineConfig({ test: { setupFiles: [setup('./vitest.tensors.ts')] } }));
