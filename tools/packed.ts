// What a person gets from the registry: every package packed, installed in an empty project outside the workspace, imported by plain
// Node ESM (the oldest Node that the packages support, and the one of the workspace) and type-checked from TypeScript.
// Run it with `turbo run packed`.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { transformSync } from 'esbuild';
import { saidInPage } from './page.ts';
import { publishedPackages, root } from './workspace.ts';

const packages = publishedPackages();
const specifiers = packages
  .flatMap(({ manifest }) =>
    Object.entries(manifest.exports ?? {}).map(([key, target]) => typeof target === 'object' && manifest.name + key.slice(1)),
  )
  // What is for tests loads inside vitest alone; everything else has to load by itself.
  .filter((specifier) => specifier && !specifier.endsWith('/testing'));
const everything = specifiers.map((specifier, i) => `import * as m${i} from '${specifier}';`).join('\n');

const scratch = mkdtempSync(join(tmpdir(), 'multihead-packed-'));
let passed = 0;
let failed = 0;
try {
  const tarballs = new Map(packages.map(({ manifest, folder }) => [manifest.name, pack(folder)]));
  const alone = project('alone', ['@multihead/attention', '@multihead/tensor'], tarballs);
  const all = project('all', [...tarballs.keys()], tarballs);
  const counting = project('counting', ['@multihead/tokenizer'], tarballs);
  const inPage = project('in-page', ['@multihead/attention', '@multihead/tensor', '@multihead/tokenizer'], tarballs);
  copyFileSync(join(root, 'tools/fixtures/packed/attention.mjs'), join(alone, 'attention.mjs'));
  copyFileSync(join(root, 'tools/fixtures/packed/kernels.mjs'), join(all, 'kernels.mjs'));
  copyFileSync(join(root, 'tools/fixtures/packed/count.mjs'), join(counting, 'count.mjs'));
  for (const folder of [counting, inPage]) cpSync(join(root, 'tools/fixtures/packed/page'), join(folder, 'page'), { recursive: true });
  copyFileSync(join(root, 'examples/first.ts'), join(all, 'first.ts'));
  example('first', all);
  for (const name of ['multi-head', 'attention-catalogue']) {
    copyFileSync(join(root, `examples/${name}.ts`), join(inPage, `page/${name}.ts`));
    example(name, alone);
  }
  writeFileSync(
    join(all, 'everything.mjs'),
    `${everything}\nconsole.log(${specifiers.map((_, i) => `Object.keys(m${i}).length`).join(', ')});\n`,
  );
  writeFileSync(join(all, 'everything.ts'), `${everything}\nexport const all = [${specifiers.map((_, i) => `m${i}`).join(', ')}];\n`);

  console.log(`note: on Node ${Object.keys(nodes()).join(' and ')}`);
  for (const [version, node] of Object.entries(nodes())) {
    check(`attention and tensor alone, Node ${version}`, () => run(node, ['attention.mjs'], alone));
    for (const name of ['multi-head', 'attention-catalogue']) {
      check(
        `examples/${name}.ts with attention and tensor alone, Node ${version}`,
        () => run(node, [`${name}.mjs`], alone).split('\n')[0]!,
      );
    }
    check(`tokenizer alone, Node ${version}`, () => run(node, ['count.mjs'], counting));
    check(`all packages, Node ${version}`, () => run(node, ['everything.mjs'], all));
    check(`kernels, Node ${version}`, () => run(node, ['kernels.mjs'], all));
    check(`examples/first.ts, Node ${version}`, () => run(node, ['first.mjs'], all));
  }
  run(process.execPath, [join(root, 'tools/fixtures/packed/webpack.mjs'), all], root);
  check('kernels, bundled by webpack', () => run(process.execPath, ['bundled/main.cjs'], all));
  const said = await saidInPage(join(inPage, 'page')).catch((error: Error) => error);
  check('attention, tensor and tokenizer in a page and a worker, built by Vite', () => {
    if (said instanceof Error) throw said;
    return said.slice(-2).join(', ');
  });
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  for (const [moduleResolution, module] of Object.entries({ bundler: 'esnext', nodenext: 'nodenext' })) {
    const options = {
      module,
      moduleResolution,
      target: 'es2022',
      lib: ['es2023', 'esnext.disposable', 'dom'],
      types: [],
      strict: true,
      noEmit: true,
    };
    writeFileSync(join(all, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['everything.ts', 'first.ts'] }));
    check(`types, module resolution ${moduleResolution}`, () => run(process.execPath, [tsc, '-p', '.'], all));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed === 0 ? 0 : 1;

/** The Nodes that the lockfile brings; where it brings none, the one that runs this. */
function nodes(): Record<string, string> {
  const found = { [process.versions.node]: process.execPath };
  try {
    const old = createRequire(join(root, 'tools/node20/package.json'));
    const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
    const home = dirname(old.resolve(`${name}/package.json`));
    const version: string = old(`${name}/package.json`).version.replace('v', '');
    return { [version]: join(home, 'bin', process.platform === 'win32' ? 'node.exe' : 'node'), ...found };
  } catch {
    return found;
  }
}

function pack(folder: string): string {
  const { filename } = JSON.parse(run('pnpm', ['pack', '--json', '--pack-destination', scratch], folder));
  return filename;
}

function project(name: string, dependencies: string[], tarballs: Map<string, string>): string {
  const folder = mkdtempSync(join(scratch, `${name}-`));
  const manifest = {
    name,
    private: true,
    type: 'module',
    dependencies: Object.fromEntries(dependencies.map((dependency) => [dependency, `file:${tarballs.get(dependency)}`])),
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], folder);
  return folder;
}

/** A program of examples/ as JavaScript. */
function example(name: string, folder: string): void {
  const code = readFileSync(join(root, `examples/${name}.ts`), 'utf8');
  writeFileSync(join(folder, `${name}.mjs`), transformSync(code, { loader: 'ts', target: 'node20.19' }).code);
}

function run(command: string, args: string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' });
}

function check(title: string, action: () => string): void {
  try {
    const output = action().trim();
    console.log(`ok    ${title}${output ? `: ${output}` : ''}`);
    passed++;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    console.log(`wrong ${title}\n${stdout ?? ''}${stderr ?? error}`);
    failed++;
  }
}
