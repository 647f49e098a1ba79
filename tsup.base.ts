import { defineConfig } from 'tsup';

/** How every published package is built: ESM, one file per entry point, types beside it. `{ safetensors: 'src/safetensors/index.ts' }` */
export const library = (entry: Record<string, string>) =>
  defineConfig({
    entry,
    format: 'esm',
    target: 'es2022',
    // Types of the packages below come from their built dist, not from their sources: nothing of theirs is compiled twice.
    dts: { compilerOptions: { customConditions: [] } },
    sourcemap: true,
    treeshake: true,
    clean: true,
    removeNodeProtocol: false,
  });
