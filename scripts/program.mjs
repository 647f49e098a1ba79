// Runs a TypeScript program of the workspace on the sources of the packages, in this process: `pnpm recipe g2p --eval`,
// `pnpm example attention`, `pnpm conformance torch`. package.json starts it with the source condition and with tsx.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const places = {
  recipe: (name) => `examples/${name}/main.ts`,
  example: (name) => `examples/${name}.ts`,
  conformance: () => 'conformance/main.ts',
};

const [kind, ...args] = process.argv.slice(2);
const place = places[kind];
const name = kind === 'conformance' ? undefined : args.shift();
const files = /^[\w-]*$/.test(name ?? '') ? globSync(place(name ?? '')) : [];

if (files.length === 0) {
  const names = globSync(place('*'), { exclude: ['**/*.test.ts', '**/*.config.ts'] }).map((file) => /([\w-]+)(\/main)?\.ts$/.exec(file)[1]);
  console.error(`Usage: pnpm ${kind} NAME [options]. The names: ${names.sort().join(', ')}`);
  process.exit(2);
}

// The kernels are WebAssembly that the sources import: made once, and after that this takes a moment.
const generated = spawnSync('turbo', ['run', 'generate', '--output-logs=errors-only'], {
  encoding: 'utf8',
  shell: process.platform === 'win32',
});
if (generated.status !== 0) {
  console.error(`${generated.stdout}${generated.stderr}`);
  process.exit(1);
}

process.argv = [process.execPath, resolve(files[0]), ...args];
await import(pathToFileURL(process.argv[1]).href);
