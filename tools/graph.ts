// Who may import whom: checks every package.json and every import of the workspace against the table below.
// Run it with `node tools/graph.ts`.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { cyclesIn } from './cycles.ts';
import { type Import, importsOf } from './imports.ts';
import { type Manifest, readManifest, root, writtenFiles } from './workspace.ts';

type Table = Record<string, readonly string[] | 'everything'>;

/** The table of ARCHITECTURE.md. Tests may use more than this, as far as the package's devDependencies say so. */
export const table: Table = {
  'packages/tensor': [],
  'packages/kernels-wasm': ['tensor'],
  'packages/kernels-webgpu': ['tensor'],
  'packages/attention': ['tensor'],
  'packages/layers': ['tensor'],
  'packages/tokenizer': [],
  'packages/transformer': ['tensor', 'attention', 'layers'],
  'packages/train': ['tensor'],
  'apps/playground': 'everything',
  examples: 'everything',
  conformance: 'everything',
  benchmarks: 'everything',
  tools: [],
  'tools/node20': [],
};

const scope = '@multihead/';
const modules = /\.[cm]?[jt]sx?$/;
const isTest = (file: string) => /(^|\/)test\/|\.test(-d)?\.tsx?$/.test(file);
const isConfig = (file: string) => /^[\w-]+\.(config|setup)\.ts$/.test(file);
const packageOf = (specifier: string) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** One sentence for each violation in the workspace at `base`; none is what one wants. */
export function violations(base: string, allowed: Table = table): string[] {
  const folders = ['packages/*', 'apps/*', 'examples', 'conformance', 'benchmarks', 'tools', 'tools/*']
    .flatMap((pattern) => globSync(pattern, { cwd: base }))
    .filter((folder) => existsSync(join(base, folder, 'package.json')))
    .sort();
  const manifests = new Map(folders.map((folder) => [folder, readManifest(join(base, folder))]));
  const byName = new Map([...manifests.values()].map((manifest) => [manifest.name, manifest]));

  return folders.flatMap((folder) => {
    const rule = allowed[folder];
    if (!rule) return [`${folder}: not in the table of tools/graph.ts`];
    const manifest = manifests.get(folder)!;
    const may = (name: string) => rule === 'everything' || rule.some((short) => name === scope + short);
    return [
      ...manifestViolations(folder, manifest, may),
      ...importViolations(join(base, folder), folder, manifest, may, byName),
      ...cyclesIn(join(base, folder)).map((cycle) => `${folder}: modules import each other in a circle: ${cycle.join(' > ')}`),
    ];
  });
}

function manifestViolations(folder: string, manifest: Manifest, may: (name: string) => boolean): string[] {
  const runtime = ['dependencies', 'peerDependencies', 'optionalDependencies'] as const;
  const forbidden = runtime.flatMap((kind) =>
    Object.keys(manifest[kind] ?? {})
      .filter((name) => name.startsWith(scope) && !may(name))
      .map((name) => `${folder}/package.json: ${kind} names ${name}, which the table does not allow`),
  );
  // A second copy of tensor would not know the tensors of the first.
  const bundled = !manifest.private && manifest.dependencies?.[`${scope}tensor`];
  return bundled ? [...forbidden, `${folder}/package.json: ${scope}tensor must be a peer dependency`] : forbidden;
}

function importViolations(
  base: string,
  folder: string,
  manifest: Manifest,
  may: (name: string) => boolean,
  byName: Map<string, Manifest>,
): string[] {
  const check = (file: string, { specifier }: Import): string | undefined => {
    if (specifier.startsWith('.')) {
      const escapes = posix.join(dirname(file), specifier).startsWith('..');
      return escapes && !isConfig(file) ? 'leaves the package by a relative path' : undefined;
    }
    const name = packageOf(specifier);
    if (specifier.startsWith('/') || /^\w+:/.test(specifier) || builtinModules.includes(name)) return undefined;
    const own = name === manifest.name;
    const test = isTest(file) || isConfig(file) || manifest.private;
    if (own && !test) return 'names its own package: use a relative path';
    if (name.startsWith(scope) && !own && !may(name) && !isTest(file)) return 'is not allowed by the table';
    if (!own && !declares(manifest, name, Boolean(test))) return `is not declared in package.json${test ? '' : ' as a dependency or peer'}`;
    const target = byName.get(name);
    return target && !exportsPath(target, `.${specifier.slice(name.length)}`) ? 'is not among the exports of that package' : undefined;
  };

  return writtenFiles(base, modules)
    .filter((file) => folder !== 'tools' || !file.startsWith('node20/'))
    .flatMap((file) =>
      importsOf(file, readFileSync(join(base, file), 'utf8')).flatMap((found) => {
        const problem = check(file, found);
        return problem ? [`${folder}/${file}:${found.line}: '${found.specifier}' ${problem}`] : [];
      }),
    );
}

function declares(manifest: Manifest, name: string, test: boolean): boolean {
  const { dependencies, peerDependencies, optionalDependencies, devDependencies } = manifest;
  return [dependencies, peerDependencies, optionalDependencies, test ? devDependencies : undefined].some((list) => list?.[name]);
}

function exportsPath(manifest: Manifest, path: string): boolean {
  return Object.keys(manifest.exports ?? {}).some((key) => {
    const [before, after] = key.split('*');
    return after === undefined ? key === path : path.startsWith(before!) && path.endsWith(after) && path.length > key.length - 1;
  });
}

if (import.meta.main) {
  const found = violations(root);
  for (const violation of found) console.error(violation);
  console.log(found.length === 0 ? 'The import graph is as the table says.' : `${found.length} violations of the import graph`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
